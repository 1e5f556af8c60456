/* SPDX-License-Identifier: Apache-2.0
 *
 * Real files, real locks, real processes: one serves and is killed in the middle of it, again and
 * again; one looks in meanwhile; and after each kill the test looks at the truth.
 *
 * The server registers accounts and changes their passwords. Before each deed it writes down, in
 * memory that all share, which password it asks for, and after the answer that it is acknowledged.
 * So at the moment of the kill each account has its acknowledged password, or the one that was
 * asked for, and no other. The one who looks in knows the acknowledged password, and may be told
 * that it is wrong only if it was being changed. Every few kills he is killed as well.
 *
 * Killing a process loses nothing that the kernel has: this is about what is half done, about locks
 * and the WAL index that the dead leave behind, and about recovery while others look in. What a
 * machine loses whose power fails is shown elsewhere.
 */
#include "database.h"

#include "../store.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define ROUNDS       20
#define NAMES        6
#define KILL_US_MIN  3000
#define KILL_US_MORE 30000 /* and up to so many more */

/* Seen by all processes. A password is a number; 0: there is no account yet. */
static struct shared {
    atomic_uint asked[NAMES], acknowledged[NAMES];
    atomic_uint looks, denials; /* of the one who looks in */
    atomic_uint wrong;          /* answers that cannot be */
} * shared;

static struct bytes text_of(char room[64], const char *what, unsigned name, unsigned number)
{
    (void)snprintf(room, 64, "%s of account %u, number %u", what, name, number);
    return bytes_of(room);
}

static struct bytes name_of(char room[64], unsigned name)
{
    return text_of(room, "name", name, 0);
}

/* Whoever answers so has broken a promise. */
static void wrong(const char *what, const struct reply *reply)
{
    (void)fprintf(stderr, "%s: %d (%d, %d) %s\n", what, (int)reply->answer, (int)reply->layer,
                  (int)reply->reason, reply->detail);
    (void)atomic_fetch_add(&shared->wrong, 1);
}

static struct accounts *open_accounts(bool must_exist)
{
    struct accounts_config config = test_config();
    struct accounts *accounts = NULL;
    struct reply reply;
    config.must_exist = must_exist;
    config.lockout.is_off = true; /* the one who looks in would lock out everybody */
    if (!accounts_open(&config, &accounts, &reply))
        wrong("open", &reply);
    return accounts;
}

static enum answer log_in(struct accounts *accounts, unsigned name, unsigned number)
{
    char names[64], passwords[64];
    struct reply reply;
    (void)!accounts_login(accounts, name_of(names, name),
                          text_of(passwords, "password", name, number), NULL, &reply);
    if (reply.answer != ANSWER_OK && reply.answer != ANSWER_DENIED)
        wrong("log in", &reply);
    return reply.answer;
}

/* One more deed for this account, and its acknowledgement. */
static void serve_one(struct accounts *accounts, unsigned name)
{
    char names[64], befores[64], afters[64];
    struct reply reply;
    unsigned number = shared->acknowledged[name];
    struct bytes after = text_of(afters, "password", name, number + 1);
    atomic_store(&shared->asked[name], number + 1);
    bool is_done =
        number == 0
            ? accounts_register(accounts, name_of(names, name), after, &reply)
            : accounts_change_password(accounts, name_of(names, name),
                                       text_of(befores, "password", name, number), after, &reply);
    if (!is_done)
        wrong(number == 0 ? "register" : "change", &reply);
    atomic_store(&shared->acknowledged[name], number + 1);
}

static __attribute__((noreturn)) void serve(void)
{
    struct accounts *accounts = open_accounts(false);
    for (unsigned i = 0; accounts != NULL && shared->wrong == 0; i++)
        serve_one(accounts, i % NAMES);
    _exit(1); /* it was to be killed before */
}

static __attribute__((noreturn)) void look_in(void)
{
    struct accounts *accounts = open_accounts(true);
    for (unsigned i = 0; accounts != NULL && shared->wrong == 0; i++) {
        unsigned name = i % NAMES, number = shared->acknowledged[name];
        if (number == 0)
            continue;
        bool is_right = log_in(accounts, name, number) == ANSWER_OK;
        (void)atomic_fetch_add(&shared->looks, 1);
        (void)atomic_fetch_add(&shared->denials, !is_right);
        if (!is_right && shared->asked[name] == number) {
            (void)fprintf(stderr, "account %u: nobody was changing password %u\n", name, number);
            (void)atomic_fetch_add(&shared->wrong, 1);
        }
    }
    _exit(1);
}

static pid_t start(void (*life)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        life();
    return child;
}

static void end(pid_t child)
{
    int status;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The password of the account is the acknowledged one or that which was asked for; from now on it
 * is known. A commit that stands in the log, and not yet in its index, may come back whenever the
 * index is made anew: so what was not done is done now, over it. True if the kill came in between.
 */
static bool settle(struct accounts *accounts, unsigned name)
{
    unsigned asked = shared->asked[name];
    bool is_open = asked != shared->acknowledged[name];
    if (is_open && log_in(accounts, name, asked) == ANSWER_OK)
        shared->acknowledged[name] = asked;
    else if (is_open)
        serve_one(accounts, name);
    unsigned acknowledged = shared->acknowledged[name];
    if (acknowledged > 0)
        assert_int_equal(log_in(accounts, name, acknowledged), ANSWER_OK);
    if (acknowledged > 1)
        assert_int_equal(log_in(accounts, name, acknowledged - 1), ANSWER_DENIED);
    return is_open;
}

static unsigned settle_all(void)
{
    struct accounts *accounts = open_accounts(false);
    unsigned open = 0;
    assert_non_null(accounts);
    for (unsigned name = 0; name < NAMES; name++)
        open += settle(accounts, name);
    accounts_close(accounts);
    return open;
}

static void no_problem(void *context, const char *problem, struct bytes name)
{
    (void)context;
    (void)fprintf(stderr, "%.*s: %s\n", (int)name.size, (const char *)name.data, problem);
}

static void every_row_is_whole(void)
{
    struct store *store = open_store();
    struct reply reply;
    uint64_t problems;
    assert_true(store_verify(store, no_problem, NULL, &problems, &reply));
    assert_int_equal(problems, 0);
    store_close(store);
}

/* The same moments each time, as far as the machine goes. */
static useconds_t next_moment_us(void)
{
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return KILL_US_MIN + (state >> 8) % KILL_US_MORE;
}

static void a_killed_server_loses_nothing(void **state)
{
    unsigned interrupted = 0, acknowledged = 0;
    (void)state;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    (void)settle_all(); /* there is a database to look into */
    pid_t looker = start(look_in);
    for (unsigned round = 0; round < ROUNDS; round++) {
        pid_t server = start(serve);
        (void)usleep(next_moment_us());
        end(server);
        interrupted += settle_all();
        assert_int_equal(shared->wrong, 0);
        if (round % 3 == 2) {
            end(looker);
            looker = start(look_in);
        }
    }
    for (unsigned waits = 0; shared->looks == 0 && waits < 10000; waits++)
        (void)usleep(1000); /* on a busy machine he may not have come yet */
    end(looker);
    assert_int_equal(shared->wrong, 0);
    for (unsigned name = 0; name < NAMES; name++)
        acknowledged += shared->acknowledged[name];
    assert_true(acknowledged > 0 && interrupted > 0 && shared->looks > 0);
    every_row_is_whole();
    (void)printf(
        "%u changes were acknowledged, %u of %u kills came in the middle of one, %u looks, "
        "%u of them denied\n",
        acknowledged, interrupted, ROUNDS, (unsigned)shared->looks, (unsigned)shared->denials);
    assert_int_equal(munmap(shared, sizeof *shared), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_server_loses_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
