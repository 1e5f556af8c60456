/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that what a subject asks of libc can fail, and that nobody else's calls do: its memory, its
 * random bytes, its clock; and what it holds.
 *
 * Each row names a deed of subject.c and what strikes it. Without the fault the deed works; with
 * it, whoever is prepared says so, and whoever is not goes on with nothing in his hands, which is
 * what a case must see.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "harness/engine/tests/one_run.h"
#include "harness/engine/tests/schedules.h"

#include <sodium.h>
#include <sqlite3.h>

#include "faults/faults.h"
#include "faults/tests/subject.h"

#define DAY_ONE   1704067200 /* 2024-01-01 */
#define KEY_BYTES 32

static const struct subject_functions *subject;

/* Begins a run in which the nth call of `operation` meets that effect; without one if code is 0. */
static void begin(uint16_t operation, uint32_t nth, int32_t code)
{
    struct plan plan = {.count = code != 0};
    plan.faults[0] = (struct fault){{.operation = operation, .occurrence = nth}, {code}, 1};
    edge_begin(&plan);
}

static bool end(void)
{
    edge_end(&outcome);
    return outcome.faults_fired != 0;
}

static int reset(void **state)
{
    (void)state;
    faults_reset(1);
    return 0;
}

/* The code of an effect that the catalogue has. */
static int32_t code_of(uint16_t operation, const char *effect)
{
    const struct operation *row = &fault_catalogue.operations[operation];
    for (uint32_t i = 0; i < row->effect_count; i++)
        if (strcmp(row->effects[i], effect) == 0)
            return (int32_t)i + 1;
    fail_msg("%s has no effect %s", row->name, effect);
    return 0;
}

typedef enum outcome_of_deed deed(bool prepared);

static void every_call_can_fail(void **state)
{
    const struct {
        deed *deed;
        uint16_t operation;
        const char *effect;
        uint32_t nth;
        enum outcome_of_deed prepared, unprepared;
        const char *why;
    } rows[] = {
        {subject->malloc, MEMORY_ALLOCATE, "memory", 0, SAID_SO, WENT_ON, "malloc"},
        {subject->calloc, MEMORY_ALLOCATE, "memory", 0, SAID_SO, WENT_ON, "calloc"},
        {subject->realloc, MEMORY_ALLOCATE, "memory", 0, SAID_SO, WENT_ON, "realloc"},
        {subject->reallocarray, MEMORY_ALLOCATE, "memory", 0, SAID_SO, WENT_ON, "reallocarray"},
        {subject->aligned_alloc, MEMORY_ALLOCATE, "memory", 0, SAID_SO, WENT_ON, "aligned_alloc"},
        {subject->posix_memalign, MEMORY_ALLOCATE, "memory", 0, SAID_SO, WENT_ON, "posix_memalign"},
        {subject->strdup, MEMORY_ALLOCATE, "memory", 0, SAID_SO, WENT_ON, "strdup"},
        {subject->strndup, MEMORY_ALLOCATE, "memory", 0, SAID_SO, WENT_ON, "strndup"},
        {subject->mmap, MEMORY_ALLOCATE, "memory", 0, SAID_SO, WENT_ON, "mmap"},
        {subject->salt, ENTROPY_KERNEL, "nosys", 0, SAID_SO, WENT_ON, "getrandom fails"},
        {subject->salt, ENTROPY_KERNEL, "stuck", 0, WORKED, WORKED, "nobody sees one request"},
        {subject->salt_by_getentropy, ENTROPY_KERNEL, "nosys", 0, SAID_SO, WENT_ON, "getentropy"},
        {subject->large_seed, ENTROPY_LARGE, "nosys", 0, SAID_SO, WENT_ON, "a large one fails"},
        {subject->large_seed, ENTROPY_LARGE, "short", 0, SAID_SO, WENT_ON, "a large one is short"},
        {subject->large_seed, ENTROPY_LARGE, "stuck", 0, WORKED, WORKED, "nor a large one"},
        {subject->lock_holds, CLOCK_READ, "still", 1, WORKED, WORKED, "no time goes by"},
        {subject->lock_holds, CLOCK_READ, "back", 1, WORKED, WENT_ON, "a year earlier"},
        {subject->lock_holds, CLOCK_READ, "restart", 1, WORKED, WENT_ON, "in 1970"},
        {subject->lock_holds, CLOCK_READ, "forward", 1, SAID_SO, SAID_SO, "rightly over"},
        {subject->open, FILE_OPEN, "exhausted", 0, SAID_SO, WENT_ON, "open, no descriptor"},
        {subject->open, FILE_OPEN, "access", 0, SAID_SO, WENT_ON, "open, no permission"},
        {subject->fopen, FILE_OPEN, "exhausted", 0, SAID_SO, WENT_ON, "fopen"},
        {subject->write, FILE_WRITE, "io", 0, SAID_SO, WENT_ON, "nothing is written"},
        {subject->write, FILE_WRITE, "full", 0, SAID_SO, WENT_ON, "no space"},
        {subject->write, FILE_WRITE, "short", 0, WORKED, WENT_ON, "half of it is written"},
        {subject->write, FILE_WRITE, "interrupted", 0, WORKED, WENT_ON, "not yet written"},
        {subject->read, FILE_READ, "io", 0, SAID_SO, WENT_ON, "nothing is read"},
        {subject->read, FILE_READ, "short", 0, WORKED, WENT_ON, "half of it is read"},
        {subject->read, FILE_READ, "interrupted", 0, WORKED, WENT_ON, "not yet read"},
        {subject->sync, FILE_SYNC, "io", 0, SAID_SO, WENT_ON, "fsync"},
        {subject->rename, FILE_CHANGE, "io", 0, SAID_SO, WENT_ON, "rename"},
        {subject->flush, FILE_FLUSH, "full", 0, SAID_SO, WENT_ON, "fflush"},
        {subject->close, FILE_FLUSH, "full", 0, SAID_SO, WENT_ON, "fclose"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        int32_t code = code_of(rows[i].operation, rows[i].effect);
        for (int prepared = 0; prepared < 2; prepared++) {
            faults_reset(1);
            begin(rows[i].operation, rows[i].nth, 0);
            if (rows[i].deed(prepared) != WORKED)
                fail_msg("%s: does not work without a fault", rows[i].why);
            assert_true(edge_count(rows[i].operation) > rows[i].nth);
            assert_false(end());
            begin(rows[i].operation, rows[i].nth, code);
            if (rows[i].deed(prepared) != (prepared ? rows[i].prepared : rows[i].unprepared))
                fail_msg("%s: something else comes of it", rows[i].why);
            if (!end())
                fail_msg("%s: not reached", rows[i].why);
        }
    }
}

/* The harness allocates, draws and reads clocks in a run, too. */
static void nobody_else_is_struck(void **state)
{
    static const uint16_t operations[] = {MEMORY_ALLOCATE, ENTROPY_KERNEL, ENTROPY_LARGE,
                                          CLOCK_READ,      MEMORY_KDF,     MEMORY_MAP,
                                          MEMORY_LOCK};
    uint8_t bytes[300];
    (void)state;
    for (size_t i = 0; i < ROWS(operations); i++) {
        begin(operations[i], 0, 1);
        void *memory = malloc(100);
        assert_non_null(memory);
        free(memory);
        memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(memory, MAP_FAILED);
        assert_int_equal(munmap(memory, 4096), 0);
        assert_int_equal(getrandom(bytes, sizeof bytes, 0), sizeof bytes);
        assert_int_not_equal(time(NULL), DAY_ONE);
        assert_int_equal(edge_count(operations[i]), 0);
        assert_false(end());
    }
}

/* --- Files ------------------------------------------------------------------------------------ */

struct meeting_at_a_file {
    enum file_lock lock;
    uint32_t *shared;
};

static void adds(void *context, uint32_t thread)
{
    const struct meeting_at_a_file *meeting = context;
    (void)thread;
    subject->add(meeting->shared, meeting->lock);
}

static void both_add(struct run *run, const void *lock)
{
    uint32_t shared = 0;
    struct meeting_at_a_file meeting = {*(const enum file_lock *)lock, &shared};
    schedule(run, 2, adds, &meeting);
    CHECK(run, shared == 2, "it is %u", shared);
}

/* Whoever waits for a lock of a file lets the one go on that has it. */
static void locks_of_files(void **state)
{
    static const struct {
        enum file_lock lock;
        bool loses; /* an update, in some schedule */
        const char *why;
    } rows[] = {
        {NO_LOCK, true, "no lock: the control"},
        {LOCK_OF_FLOCK, false, "flock"},
        {LOCK_OF_DESCRIPTION, false, "a lock of an open file description"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        static struct schedules schedules;
        uint32_t lost = 0, count = 0;
        schedules_start(&schedules, 2);
        do {
            enum verdict verdict = run_body(both_add, &rows[i].lock, &schedules.source);
            if (verdict == VERDICT_UNSUPPORTED || outcome.spent)
                fail_msg("%s: %s\n%s", rows[i].why, outcome.message, outcome.story);
            lost += verdict != VERDICT_PASS;
            count++;
        } while (schedules_next(&schedules, &drawn));
        if ((lost > 0) != rows[i].loses || count < 3)
            fail_msg("%s: %u of %u schedules lose an update", rows[i].why, lost, count);
    }
}

/* --- Random bytes ----------------------------------------------------------------------------- */

static void kernel_follows_the_seed(void **state)
{
    uint8_t first[16], again[16], next[16];
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t *ret = i == 0 ? first : again;
        faults_reset(3);
        begin(0, 0, 0);
        assert_int_equal(subject->getrandom(ret, 16, 0), 16);
        assert_int_equal(subject->getrandom(next, 16, 0), 16);
        assert_int_equal(edge_held(ENTROPY_KERNEL), 32);
        end();
    }
    assert_memory_equal(first, again, 16);
    assert_memory_not_equal(first, next, 16);
    assert_int_equal(subject->getrandom(next, 16, 0), 16); /* the real ones, outside of a run */
    assert_memory_not_equal(first, next, 16);
}

/* What was a request of 16 bytes is repeated, and what comes after it goes on from there. */
static void stuck_repeats(void **state)
{
    uint8_t first[16], second[16], third[16];
    char text[2][crypto_pwhash_STRBYTES];
    (void)state;
    begin(ENTROPY_KERNEL, 1, code_of(ENTROPY_KERNEL, "stuck"));
    assert_int_equal(subject->getrandom(first, 16, 0), 16);
    assert_int_equal(subject->getrandom(second, 16, 0), 16);
    assert_int_equal(subject->getrandom(third, 16, 0), 16);
    assert_memory_equal(first, second, 16);
    assert_memory_not_equal(second, third, 16);
    assert_true(end());
    begin(ENTROPY_LIBRARY, 1, code_of(ENTROPY_LIBRARY, "stuck"));
    for (int i = 0; i < 2; i++) /* whoever stores them: two accounts have one salt */
        assert_int_equal(crypto_pwhash_str(text[i], "right", 5, 3, crypto_pwhash_MEMLIMIT_MIN), 0);
    assert_string_equal(text[0], text[1]);
    assert_int_equal(edge_held(ENTROPY_LIBRARY), 2 * crypto_pwhash_SALTBYTES);
    assert_true(end());
}

/* --- The clock -------------------------------------------------------------------------------- */

static void clock_of_a_run(void **state)
{
    (void)state;
    begin(0, 0, 0);
    assert_int_equal(subject->now(), DAY_ONE);
    int64_t before = subject->now_us();
    assert_in_range(before, DAY_ONE * INT64_C(1000000), DAY_ONE * INT64_C(1000000) + 10000);
    assert_true(subject->now_us() > before); /* whoever waits by looking gets somewhere */
    subject->rest(4000);
    assert_int_equal(subject->now(), DAY_ONE + 4000);
    bool was_quiet = edge_quiet(true); /* the same clock, and nobody counts */
    uint64_t read = edge_count(CLOCK_READ);
    assert_int_equal(subject->now(), DAY_ONE + 4000);
    assert_int_equal(edge_count(CLOCK_READ), read);
    edge_quiet(was_quiet);
    end();
    assert_true(subject->now() > DAY_ONE + 365 * 86400); /* outside it is today */
    faults_reset(1);
    begin(0, 0, 0);
    assert_int_equal(subject->now(), DAY_ONE);
    end();
}

/* Time that is let pass goes by on every clock; a wall clock that is set, on no other. Real seconds
 * go by as well, fewer than these. */
static void clock_is_driven(void **state)
{
    static const struct {
        int64_t pass_s, set_s, wall_s, monotonic_s;
        const char *why;
    } rows[] = {
        {0, 0, 0, 0, "nothing happens"},
        {5000, 0, 5000, 5000, "time passes"},
        {0, 5000, 5000, 0, "put on"},
        {0, -5000, -5000, 0, "put back"},
        {5000, -5000, 0, 5000, "put back by what has passed"},
        {0, -(DAY_ONE + 1), -DAY_ONE, 0, "never before 1970"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        faults_reset(1);
        begin(0, 0, 0);
        int64_t before = subject->monotonic_s();
        clock_pass((uint64_t)rows[i].pass_s * 1000000);
        clock_set(rows[i].set_s * 1000000);
        assert_int_equal(subject->now(), DAY_ONE + rows[i].wall_s);
        assert_in_range(subject->monotonic_s() - before, rows[i].monotonic_s,
                        rows[i].monotonic_s + 4000);
        faults_reset(1);
        assert_in_range(subject->monotonic_s() - before, 0, 4000);
        end();
    }
}

/* Where the clock is put, it goes on from. */
static void clock_stays_where_it_is_put(void **state)
{
    static const struct {
        const char *effect;
        time_t then;
        const char *why;
    } rows[] = {
        {"forward", DAY_ONE + 31557600, "a year"},
        {"back", DAY_ONE - 31557600, "a year"},
        {"restart", 0, "1970"},
        {"still", DAY_ONE, "only for that reading"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        faults_reset(1);
        begin(CLOCK_READ, 1, code_of(CLOCK_READ, rows[i].effect));
        int64_t before = subject->now_us(), then = subject->now_us();
        assert_int_equal(then / 1000000, rows[i].then);
        assert_int_equal(then == before, strcmp(rows[i].effect, "still") == 0);
        assert_int_equal(subject->now_us(), then + 1000);
        assert_int_equal(subject->now(), rows[i].then);
        assert_true(end());
    }
}

struct meeting {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    bool is_there;
};

static void *comes(void *context)
{
    struct meeting *meeting = context;
    pthread_mutex_lock(&meeting->mutex);
    meeting->is_there = true;
    pthread_cond_signal(&meeting->condition);
    pthread_mutex_unlock(&meeting->mutex);
    return NULL;
}

/* A deadline in ten minutes of the run is not long past for whoever really waits. */
static void deadlines_are_those_of_the_run(void **state)
{
    struct meeting meeting = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    pthread_t other;
    int code = 0;
    (void)state;
    begin(0, 0, 0);
    pthread_mutex_lock(&meeting.mutex);
    assert_int_equal(pthread_create(&other, NULL, comes, &meeting), 0);
    while (!meeting.is_there && code == 0)
        code = subject->wait(&meeting.condition, &meeting.mutex, 600);
    pthread_mutex_unlock(&meeting.mutex);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(code, 0);
    end();
}

/* --- Memory of a KDF -------------------------------------------------------------------------- */

static int derive(void)
{
    static const uint8_t salt[crypto_pwhash_SALTBYTES];
    uint8_t key[KEY_BYTES];
    errno = 0;
    return crypto_pwhash(key, sizeof key, "right", 5, salt, 3, crypto_pwhash_MEMLIMIT_MIN,
                         crypto_pwhash_ALG_DEFAULT);
}

/* Every allocation that a hash makes: the first, the second, ... until there is none left. */
static void hash_without_memory(void **state)
{
    uint32_t count = 0;
    (void)state;
    for (bool fired = true; fired; count += fired) {
        begin(MEMORY_KDF, count, 1);
        int code = derive(), error = errno;
        fired = end();
        assert_int_equal(code, fired ? -1 : 0);
        assert_int_equal(error, fired ? ENOMEM : error);
    }
    assert_in_range(count, 1, 20);
}

/* What is held is given back, and what is more than is allowed is not to be had. */
static void allowance(void **state)
{
    (void)state;
    begin(0, 0, 0);
    assert_int_equal(derive(), 0);
    uint64_t one = edge_held_most(MEMORY_MAP);
    assert_in_range(one, crypto_pwhash_MEMLIMIT_MIN, 2 * crypto_pwhash_MEMLIMIT_MIN);
    assert_int_equal(edge_held(MEMORY_MAP), 0);
    edge_allow(MEMORY_MAP, one);
    assert_int_equal(derive(), 0);
    assert_int_equal(edge_refused(MEMORY_MAP), 0);
    edge_allow(MEMORY_MAP, one - 1);
    assert_int_equal(derive(), -1);
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(edge_refused(MEMORY_MAP), 1);
    assert_int_equal(edge_held(MEMORY_MAP), 0);
    bool was_quiet = edge_quiet(true);
    assert_int_equal(derive(), 0); /* a quiet edge refuses nothing */
    edge_quiet(was_quiet);
    end();
    begin(0, 0, 0); /* nor does the next run know of it */
    assert_int_equal(derive(), 0);
    assert_int_equal(edge_held_most(MEMORY_MAP), one);
    edge_give(MEMORY_MAP, 10); /* what was taken while nobody counted */
    assert_int_equal(edge_held(MEMORY_MAP), 0);
    end();
    assert_true(edge_take(MEMORY_MAP, UINT64_MAX));
    assert_true(edge_take(OPERATIONS_MAX, 1));
}

static void locked_memory(void **state)
{
    static uint8_t secret[32];
    (void)state;
    begin(MEMORY_LOCK, 0, 1);
    assert_int_equal(sodium_mlock(secret, sizeof secret), -1);
    assert_int_equal(errno, ENOMEM);
    assert_true(end());
    begin(MEMORY_LOCK, 0, 1);
    void *memory = sodium_malloc(32); /* does not say that it could not be locked */
    assert_non_null(memory);
    sodium_free(memory);
    assert_true(end());
    begin(MEMORY_MAP, 0, 1);
    assert_null(sodium_malloc(32));
    assert_int_equal(errno, ENOMEM);
    assert_true(end());
}

/* --- Outlets ---------------------------------------------------------------------------------- */

static void begin_watching(enum outlet outlet)
{
    begin(MEMORY_ALLOCATE, 0, 0);
    assert_true(outlet_watch("canary", 6, 1u << outlet));
}

static void freed_memory_is_shown(void **state)
{
    (void)state;
    begin_watching(OUTLET_FREED);
    subject->free_copy("a canary", true);
    assert_int_equal(outlets_leaked(), 0);
    subject->free_copy("a canary", false);
    assert_int_equal(outlets_leaked(), 1u << OUTLET_FREED);
    (void)end();
    begin_watching(OUTLET_FREED);
    subject->grow_copy("another");
    assert_int_equal(outlets_leaked(), 0);
    subject->grow_copy("a canary"); /* what it was copied from stays behind */
    assert_int_equal(outlets_leaked(), 1u << OUTLET_FREED);
    (void)end();
}

/* What others left in memory is not the subject's. */
static void fresh_memory_is_clean(void **state)
{
    enum { COPIES = 64, BYTES = 100 };
    static char *copies[COPIES];
    (void)state;
    begin_watching(OUTLET_FREED);
    for (size_t i = 0; i < COPIES; i++) {
        copies[i] = malloc(BYTES);
        assert_non_null(copies[i]);
        memset(copies[i], 'c', BYTES);
    }
    for (size_t i = 0; i < COPIES; i++)
        free(copies[i]);
    for (size_t i = 0; i < COPIES; i++)
        assert_true(subject->fresh_is_zero(BYTES));
    (void)end();
}

static void log_is_shown(void **state)
{
    (void)state;
    begin_watching(OUTLET_LOG);
    subject->log("nothing");
    assert_int_equal(outlets_leaked(), 0);
    subject->log("a canary");
    assert_int_equal(outlets_leaked(), 1u << OUTLET_LOG);
    (void)end();
}

static void written_files_are_shown(void **state)
{
    sqlite3 *database = NULL;
    (void)state;
    begin_watching(OUTLET_DISK);
    assert_int_equal(sqlite3_open("outlet.db", &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "CREATE TABLE t(c)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(outlets_leaked(), 0);
    assert_int_equal(sqlite3_exec(database, "INSERT INTO t VALUES('a canary')", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(outlets_leaked(), 1u << OUTLET_DISK);
    sqlite3_close(database);
    (void)end();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_call_can_fail, reset),
        cmocka_unit_test_setup(nobody_else_is_struck, reset),
        cmocka_unit_test_setup(locks_of_files, reset),
        cmocka_unit_test_setup(kernel_follows_the_seed, reset),
        cmocka_unit_test_setup(stuck_repeats, reset),
        cmocka_unit_test_setup(clock_of_a_run, reset),
        cmocka_unit_test_setup(clock_is_driven, reset),
        cmocka_unit_test_setup(clock_stays_where_it_is_put, reset),
        cmocka_unit_test_setup(deadlines_are_those_of_the_run, reset),
        cmocka_unit_test_setup(hash_without_memory, reset),
        cmocka_unit_test_setup(allowance, reset),
        cmocka_unit_test_setup(locked_memory, reset),
        cmocka_unit_test_setup(freed_memory_is_shown, reset),
        cmocka_unit_test_setup(fresh_memory_is_clean, reset),
        cmocka_unit_test_setup(log_is_shown, reset),
        cmocka_unit_test_setup(written_files_are_shown, reset),
    };
    const char *problem = argc == 2 ? faults_install() : "usage: world_test SUBJECT";
    void *object = problem == NULL ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (problem == NULL && object == NULL)
        problem = dlerror();
    if (problem != NULL) {
        fprintf(stderr, "%s\n", problem);
        return 1;
    }
    slots_take_new();
    const struct subject_functions *(*get)(void) = NULL;
    *(void **)&get = dlsym(object, "subject_functions");
    subject = get();
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
