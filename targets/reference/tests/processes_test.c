/* SPDX-License-Identifier: Apache-2.0
 *
 * Two processes with two threads each, every thread with a handle of its own, on one real file.
 *
 * In each round they meet at a barrier and then race: to register one name, to change one password,
 * to remove one account. Exactly one may win, and what it wrote must be what is there. Beside that
 * each lives the life of an account of its own, whose answers are all known beforehand.
 */
#include "database.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PROCESSES 2
#define THREADS   2
#define WORKERS   (PROCESSES * THREADS)
#define ROUNDS    25

/* Seen by all processes. */
static struct shared {
    pthread_barrier_t barrier;
    atomic_uint wins[ROUNDS * 3]; /* of each race */
    atomic_uint winner[ROUNDS * 3];
    atomic_uint wrong; /* answers that cannot be */
} * shared;

struct worker {
    struct accounts *accounts;
    unsigned number;
    unsigned race;
    char own[32]; /* the name of its own account */
};

static void expect(enum answer answer, const struct reply *reply, const char *what)
{
    if (reply->answer == answer)
        return;
    (void)fprintf(stderr, "%s: %d (%d, %d) %s\n", what, (int)reply->answer, (int)reply->layer,
                  (int)reply->reason, reply->detail);
    (void)atomic_fetch_add(&shared->wrong, 1);
}

static void meet(void)
{
    (void)pthread_barrier_wait(&shared->barrier);
}

/* Every worker sets a password of its own. */
static struct bytes password_of(unsigned round, unsigned number)
{
    static _Thread_local char text[2][64];
    static _Thread_local unsigned which;
    char *at = text[which++ % 2];
    (void)snprintf(at, 64, "a password of round %u by %u", round, number);
    return bytes_of(at);
}

static void judge(struct worker *worker, const struct reply *reply, enum answer lost)
{
    if (reply->answer == ANSWER_OK) {
        (void)atomic_fetch_add(&shared->wins[worker->race], 1);
        atomic_store(&shared->winner[worker->race], worker->number);
    } else {
        expect(lost, reply, "a race");
    }
    meet();
    worker->race++;
}

static void live(struct worker *worker, unsigned round)
{
    struct accounts *accounts = worker->accounts;
    struct bytes name = bytes_of(worker->own);
    struct bytes first = password_of(round, worker->number);
    struct session_token token;
    struct account_name got;
    struct reply reply;
    (void)!accounts_register(accounts, name, first, &reply);
    expect(ANSWER_OK, &reply, "register");
    (void)!accounts_login(accounts, name, WRONG, NULL, &reply);
    expect(ANSWER_DENIED, &reply, "log in with a wrong one");
    (void)!accounts_login(accounts, name, first, &token, &reply);
    expect(ANSWER_OK, &reply, "log in");
    (void)!accounts_session_check(accounts, session_token_bytes(&token), &got, &reply);
    expect(ANSWER_OK, &reply, "check the session");
    (void)!accounts_change_password(accounts, name, first, NEW, &reply);
    expect(ANSWER_OK, &reply, "change");
    (void)!accounts_session_check(accounts, session_token_bytes(&token), &got, &reply);
    expect(ANSWER_DENIED, &reply, "check the session after the change");
    (void)!accounts_login(accounts, name, first, NULL, &reply);
    expect(ANSWER_DENIED, &reply, "log in with the old one");
    (void)!accounts_remove(accounts, name, NEW, &reply);
    expect(ANSWER_OK, &reply, "remove");
}

static void play(struct worker *worker, unsigned round)
{
    struct accounts *accounts = worker->accounts;
    struct bytes mine = password_of(round, worker->number);
    char everybodys[32];
    struct reply reply;
    (void)snprintf(everybodys, sizeof everybodys, "all %u", round);
    struct bytes name = bytes_of(everybodys); /* a new one, or the losers would be locked out */
    meet();
    (void)!accounts_register(accounts, name, OLD, &reply);
    judge(worker, &reply, ANSWER_EXISTS);
    (void)!accounts_change_password(accounts, name, OLD, mine, &reply);
    judge(worker, &reply, ANSWER_DENIED);
    struct bytes current = password_of(round, shared->winner[worker->race - 1]);
    (void)!accounts_login(accounts, name, current, NULL, &reply);
    expect(ANSWER_OK, &reply, "log in with what the winner has set");
    meet();
    (void)!accounts_remove(accounts, name, current, &reply);
    judge(worker, &reply, ANSWER_DENIED);
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct accounts_config config = test_config();
    worker->accounts = open_with(&config);
    (void)snprintf(worker->own, sizeof worker->own, "own %u", worker->number);
    for (unsigned round = 0; round < ROUNDS; round++) {
        play(worker, round);
        live(worker, round);
    }
    accounts_close(worker->accounts);
    return NULL;
}

static void run_process(unsigned process)
{
    struct worker workers[THREADS] = {0};
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].number = process * THREADS + i;
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
            _exit(1);
    }
    for (unsigned i = 0; i < THREADS; i++)
        if (pthread_join(threads[i], NULL) != 0)
            _exit(1);
}

static void a_15_4_2_nothing_is_lost_between_processes(void **state)
{
    pthread_barrierattr_t attributes;
    int status;
    (void)state;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    assert_int_equal(pthread_barrierattr_init(&attributes), 0);
    assert_int_equal(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
    assert_int_equal(pthread_barrier_init(&shared->barrier, &attributes, WORKERS), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    run_process(child == 0);
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(shared->wrong, 0);
    for (unsigned i = 0; i < ROUNDS * 3; i++)
        assert_int_equal(shared->wins[i], 1);
    assert_int_equal(plain_number("SELECT count(*) FROM account"), 0);
    assert_int_equal(plain_number("SELECT count(*) FROM session"), 0);
    assert_int_equal(munmap(shared, sizeof *shared), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_15_4_2_nothing_is_lost_between_processes, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
