/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that a subject's locks, condition variables and sleeps mean in a schedule what they mean in
 * life, and that waiting for them lets others go on. Bodies leave letters in a trace, "a" the first
 * thread, "b" the second. Each row says what happens without preemptions, and whether any schedule
 * with up to two of them loses an update: the same body with its lock and without.
 *
 * Then two connections of real SQLite race two transactions, in all schedules with up to two
 * preemptions: both commit, whatever is preempted.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "harness/engine/tests/one_run.h"
#include "harness/engine/tests/schedules.h"

#include <sqlite3.h>

#include "faults/faults.h"

typedef void thread_body(void *context, uint32_t thread);

static char trace[64];
static uint32_t trace_size;
static int counter;
static bool ready;

static pthread_mutex_t mutex, recursive, checking;
static pthread_rwlock_t rwlock;
static pthread_cond_t condition;

/* Bodies cannot fail a test from a thread of their own: they leave the line. */
static int broken_line;
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            broken_line = __LINE__;                                                                \
    } while (0)

static void leave_letter(char letter)
{
    if (trace_size + 1 < sizeof trace)
        trace[trace_size++] = letter;
}

static char letter_of(uint32_t thread)
{
    return (char)('a' + thread);
}

static void init_mutex(pthread_mutex_t *ret, int type)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutex_init(ret, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

/* --- Bodies; some work outside of schedules, too ---------------------------------------------- */

static const struct timespec long_ago = {1, 0}, soon = {0, 1000};

/* Reads, lets others go on, writes. */
static void add_one(void)
{
    int seen = counter;
    schedule_point("writing", NULL);
    counter = seen + 1;
}

static void adds(void *context, uint32_t thread)
{
    (void)context;
    add_one();
    leave_letter(letter_of(thread));
}

static void adds_locked(void *context, uint32_t thread)
{
    EXPECT(pthread_mutex_lock(&mutex) == 0);
    adds(context, thread);
    EXPECT(pthread_mutex_unlock(&mutex) == 0);
}

static void adds_when_the_lock_is_free(void *context, uint32_t thread)
{
    int code;
    while ((code = pthread_mutex_trylock(&mutex)) == EBUSY)
        sched_yield();
    EXPECT(code == 0);
    adds(context, thread);
    pthread_mutex_unlock(&mutex);
}

static void adds_for_writing(void *context, uint32_t thread)
{
    EXPECT(pthread_rwlock_wrlock(&rwlock) == 0);
    adds(context, thread);
    EXPECT(pthread_rwlock_unlock(&rwlock) == 0);
}

static void adds_for_reading(void *context, uint32_t thread)
{
    EXPECT(pthread_rwlock_rdlock(&rwlock) == 0);
    adds(context, thread);
    EXPECT(pthread_rwlock_unlock(&rwlock) == 0);
}

static void tries_for_writing(void *context, uint32_t thread)
{
    int code;
    while ((code = pthread_rwlock_trywrlock(&rwlock)) == EBUSY)
        usleep(1000);
    EXPECT(code == 0);
    EXPECT(pthread_rwlock_tryrdlock(&rwlock) == EBUSY);
    adds(context, thread);
    pthread_rwlock_unlock(&rwlock);
}

static void locks_twice(void *context, uint32_t thread)
{
    EXPECT(pthread_mutex_lock(&recursive) == 0);
    EXPECT(pthread_mutex_lock(&recursive) == 0);
    adds(context, thread);
    EXPECT(pthread_mutex_unlock(&recursive) == 0);
    schedule_point("unlocking", NULL);
    EXPECT(pthread_mutex_unlock(&recursive) == 0);
    EXPECT(pthread_mutex_lock(&checking) == 0);
    EXPECT(pthread_mutex_lock(&checking) == EDEADLK);
    EXPECT(pthread_mutex_timedlock(&checking, &long_ago) == EDEADLK);
    EXPECT(pthread_mutex_unlock(&checking) == 0);
}

/* A waits for what b says. */
static void waits_for_the_other(void *context, uint32_t thread)
{
    (void)context;
    pthread_mutex_lock(&mutex);
    if (thread == 0)
        while (!ready)
            EXPECT(pthread_cond_wait(&condition, &mutex) == 0);
    ready = true;
    EXPECT(pthread_cond_signal(&condition) == 0);
    counter++;
    leave_letter(letter_of(thread));
    pthread_mutex_unlock(&mutex);
}

/* The same by way of a time limit that is not reached, and of telling everybody. */
static void waits_awhile_for_the_other(void *context, uint32_t thread)
{
    (void)context;
    pthread_mutex_lock(&mutex);
    if (thread == 0)
        while (!ready)
            EXPECT(pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC, &long_ago) == 0);
    ready = true;
    EXPECT(pthread_cond_broadcast(&condition) == 0);
    counter++;
    leave_letter(letter_of(thread));
    pthread_mutex_unlock(&mutex);
}

/* Nobody says anything: time is up, and the mutex is held again. */
static void waits_in_vain(void *context, uint32_t thread)
{
    EXPECT(pthread_mutex_lock(&checking) == 0);
    EXPECT(pthread_cond_timedwait(&condition, &checking, &long_ago) == ETIMEDOUT);
    adds(context, thread);
    EXPECT(pthread_mutex_unlock(&checking) == 0);
}

/* The first one keeps its lock until the other has given up, or was there before. */
static void gives_up(void *context, uint32_t thread)
{
    if (thread == 1) {
        int code = pthread_mutex_timedlock(&mutex, &long_ago);
        EXPECT(code == 0 || code == ETIMEDOUT);
        leave_letter(code == 0 ? 'l' : 't');
        if (code == 0)
            pthread_mutex_unlock(&mutex);
        ready = true;
    }
    pthread_mutex_lock(&mutex);
    while (!ready)
        nanosleep(&soon, NULL);
    adds(context, thread);
    pthread_mutex_unlock(&mutex);
}

/* All ways to sleep let the other one go on. */
static void sleeps_in_turn(void *context, uint32_t thread)
{
    const struct timespec wrong = {0, -1};
    (void)context;
    counter++;
    leave_letter(letter_of(thread));
    EXPECT(nanosleep(&soon, NULL) == 0);
    leave_letter(letter_of(thread));
    EXPECT(clock_nanosleep(CLOCK_MONOTONIC, 0, &soon, NULL) == 0);
    leave_letter(letter_of(thread));
    EXPECT(usleep(1) == 0);
    leave_letter(letter_of(thread));
    EXPECT(sched_yield() == 0);
    leave_letter(letter_of(thread));
    EXPECT(sleep(schedule_active() ? 1000000 : 0) == 0);
    leave_letter(letter_of(thread));
    EXPECT(nanosleep(&wrong, NULL) == -1);
    EXPECT(errno == EINVAL);
}

/* --- In schedules ----------------------------------------------------------------------------- */

static void both_add(struct run *run, const void *subject)
{
    thread_body *const *body = subject;
    memset(trace, 0, sizeof trace);
    trace_size = 0;
    counter = 0;
    ready = false;
    pthread_cond_init(&condition, NULL);
    schedule(run, 2, *body, run);
    CHECK(run, counter == 2, "the counter is %d", counter);
}

static void locks_keep_their_promises(void **state)
{
    static const struct {
        thread_body *body;
        const char *trace; /* without preemptions */
        bool loses;        /* an update, in some schedule */
        uint32_t schedules_min;
        const char *why;
    } rows[] = {
        {adds, "ab", true, 3, "no lock: the control"},
        {adds_for_reading, "ab", true, 3, "readers do not keep each other out: the control"},
        {adds_locked, "ab", false, 3, "a mutex"},
        {adds_when_the_lock_is_free, "ab", false, 3, "a mutex, by trying"},
        {adds_for_writing, "ab", false, 3, "a lock for writing"},
        {tries_for_writing, "ab", false, 3, "a lock for writing, by trying"},
        {locks_twice, "ab", false, 3, "recursive and checking mutexes stay what they are"},
        {waits_for_the_other, "ba", false, 3, "a condition"},
        {waits_awhile_for_the_other, "ba", false, 3, "a condition, with a limit"},
        {waits_in_vain, "ab", false, 3, "time is up for one after the other"},
        {gives_up, "tab", false, 3, "a limit for a lock"},
        {sleeps_in_turn, "abababababab", false, 1, "sleepers alternate"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        static struct schedules schedules;
        uint32_t lost = 0, count = 0;
        schedules_start(&schedules, 2);
        do {
            enum verdict verdict = run_body(both_add, &rows[i].body, &schedules.source);
            if (verdict == VERDICT_UNSUPPORTED || outcome.spent || broken_line != 0)
                fail_msg("%s: line %d, %s\n%s", rows[i].why, broken_line, outcome.message,
                         outcome.story);
            if (count++ == 0 && strcmp(trace, rows[i].trace) != 0)
                fail_msg("%s: %s, not %s", rows[i].why, trace, rows[i].trace);
            lost += verdict != VERDICT_PASS;
        } while (schedules_next(&schedules, &drawn));
        if ((lost > 0) != rows[i].loses || count < rows[i].schedules_min)
            fail_msg("%s: %u of %u schedules lose an update", rows[i].why, lost, count);
    }
}

/* --- Out of schedules ------------------------------------------------------------------------- */

static void *waits_in_life(void *context)
{
    waits_for_the_other(context, 0);
    return context;
}

/* Straight to the real ones: what they answer is what libc answers. */
static void outside_of_schedules_they_are_libcs(void **state)
{
    static thread_body *const bodies[] = {adds_locked,       adds_when_the_lock_is_free,
                                          adds_for_writing,  adds_for_reading,
                                          tries_for_writing, locks_twice,
                                          waits_in_vain,     sleeps_in_turn};
    pthread_t thread;
    (void)state;
    counter = 0;
    for (size_t i = 0; i < ROWS(bodies); i++)
        bodies[i](NULL, 0);
    assert_int_equal(counter, ROWS(bodies));
    assert_int_equal(broken_line, 0);
    ready = false;
    pthread_cond_init(&condition, NULL);
    assert_int_equal(pthread_create(&thread, NULL, waits_in_life, NULL), 0);
    waits_for_the_other(NULL, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(counter, ROWS(bodies) + 2);
    assert_int_equal(broken_line, 0);
    assert_int_equal(pthread_mutex_trylock(&mutex), 0);
    assert_int_equal(pthread_mutex_trylock(&mutex), EBUSY);
    assert_int_equal(pthread_mutex_unlock(&mutex), 0);
}

/* What libraries find under these names is what the executable defines. */
static void libraries_find_ours(void **state)
{
    static const struct {
        const char *name;
        void *ours;
    } rows[] = {
        {"pthread_mutex_lock", (void *)(uintptr_t)pthread_mutex_lock},
        {"pthread_mutex_unlock", (void *)(uintptr_t)pthread_mutex_unlock},
        {"pthread_cond_wait", (void *)(uintptr_t)pthread_cond_wait},
        {"pthread_cond_signal", (void *)(uintptr_t)pthread_cond_signal},
        {"pthread_rwlock_wrlock", (void *)(uintptr_t)pthread_rwlock_wrlock},
        {"nanosleep", (void *)(uintptr_t)nanosleep},
        {"usleep", (void *)(uintptr_t)usleep},
        {"sched_yield", (void *)(uintptr_t)sched_yield},
    };
    void *sqlite = dlopen("libsqlite3.so.0", RTLD_LAZY | RTLD_NOLOAD);
    (void)state;
    assert_non_null(sqlite);
    for (size_t i = 0; i < ROWS(rows); i++) {
        Dl_info first = {0}, library = {0}, program = {0};
        assert_true(dladdr(dlsym(RTLD_DEFAULT, rows[i].name), &first) != 0);
        assert_true(dladdr(dlsym(sqlite, rows[i].name), &library) != 0);
        assert_true(dladdr((void *)(uintptr_t)leave_letter, &program) != 0);
        assert_ptr_equal(first.dli_fbase, program.dli_fbase);
        assert_ptr_not_equal(library.dli_fbase, program.dli_fbase); /* libc has one, too */
        assert_ptr_equal(dlsym(RTLD_DEFAULT, rows[i].name), rows[i].ours);
    }
    dlclose(sqlite);
}

/* --- SQLite ----------------------------------------------------------------------------------- */

#define CLIENTS 2

struct shop {
    sqlite3 *databases[CLIENTS];
    int codes[CLIENTS]; /* of the transactions */
    const char *journal;
    bool shared; /* one connection for both */
};

static int run_sql(sqlite3 *database, const char *sql)
{
    return sqlite3_exec(database, sql, NULL, NULL, NULL);
}

static void open_shop(struct shop *shop, int client)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s", shop->journal);
    assert_int_equal(sqlite3_open_v2("shop.db", &shop->databases[client], flags, NULL), SQLITE_OK);
    sqlite3_busy_timeout(shop->databases[client], 5000);
    assert_int_equal(run_sql(shop->databases[client], sql), SQLITE_OK);
    assert_int_equal(
        run_sql(shop->databases[client], "CREATE TABLE IF NOT EXISTS sales (client INTEGER)"),
        SQLITE_OK);
}

static void sells(void *context, uint32_t thread)
{
    struct shop *shop = context;
    sqlite3 *database = shop->databases[shop->shared ? 0 : thread];
    shop->codes[thread] = run_sql(database, shop->shared ? "INSERT INTO sales VALUES (1)"
                                                         : "BEGIN IMMEDIATE;"
                                                           "INSERT INTO sales VALUES (1);"
                                                           "COMMIT");
}

static int count_one(void *context, int columns, char **values, char **names)
{
    (void)columns;
    (void)names;
    *(int *)context = atoi(values[0]);
    return 0;
}

static void both_sell(struct run *run, const void *subject)
{
    struct shop shop = *(const struct shop *)subject;
    int sold = 0;
    edge_quiet(true);
    faults_reset(1);
    for (int i = 0; i < CLIENTS; i++)
        open_shop(&shop, i);
    edge_quiet(false);
    schedule(run, CLIENTS, sells, &shop);
    edge_quiet(true);
    sqlite3_exec(shop.databases[0], "SELECT count(*) FROM sales", count_one, &sold, NULL);
    for (int i = 0; i < CLIENTS; i++)
        sqlite3_close(shop.databases[i]);
    for (int i = 0; i < CLIENTS; i++)
        CHECK(run, shop.codes[i] == SQLITE_OK, "client %d: %s", i, sqlite3_errstr(shop.codes[i]));
    CHECK(run, sold == CLIENTS, "%d were sold", sold);
}

static void two_transactions_both_commit(void **state)
{
    static const struct {
        struct shop shop;
        uint32_t preemptions_max;
        const char *why;
    } rows[] = {
        {{.journal = "delete"}, 2, "rollback journal"},
        {{.journal = "wal"}, 2, "write-ahead log"},
        {{.journal = "wal", .shared = true}, 2, "one connection"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        static struct schedules schedules;
        uint32_t count = 0, points = 0;
        schedules_start(&schedules, rows[i].preemptions_max);
        do {
            outcome.story[0] = 0;
            if (run_body(both_sell, &rows[i].shop, &schedules.source) != VERDICT_PASS)
                fail_msg("%s: %s\n%s", rows[i].why, outcome.message, outcome.story);
            if (strstr(outcome.story, "pthread_") != NULL ||
                strstr(outcome.story, "memory.sqlite") != NULL)
                fail_msg("SQLite is preempted within: %s", outcome.story);
            if (count++ == 0)
                points = drawn.count - 2; /* entropy and plan */
        } while (schedules_next(&schedules, &drawn));
        print_message("%s: %u schedules with up to %u preemptions, %u choices in the first\n",
                      rows[i].why, count, rows[i].preemptions_max, points);
        assert_true(points > 5); /* the disk's calls, at least */
        assert_true(count > points);
    }
}

static int install(void **state)
{
    (void)state;
    init_mutex(&mutex, PTHREAD_MUTEX_NORMAL);
    init_mutex(&recursive, PTHREAD_MUTEX_RECURSIVE);
    init_mutex(&checking, PTHREAD_MUTEX_ERRORCHECK);
    pthread_rwlock_init(&rwlock, NULL);
    pthread_cond_init(&condition, NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outside_of_schedules_they_are_libcs),
        cmocka_unit_test(libraries_find_ours),
        cmocka_unit_test(locks_keep_their_promises),
        cmocka_unit_test(two_transactions_both_commit),
    };
    const char *problem = faults_install();
    if (problem != NULL) {
        fprintf(stderr, "%s\n", problem);
        return 1;
    }
    return cmocka_run_group_tests(tests, install, NULL) == 0 ? 0 : 1;
}
