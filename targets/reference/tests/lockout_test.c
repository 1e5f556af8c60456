/* SPDX-License-Identifier: Apache-2.0
 *
 * Lockout: that nobody guesses more often than the limit, whatever the clock does, however many
 * guess at once, and that nothing but wrong passwords is counted.
 *
 * The clock is the test's. crypto_pwhash() is defined here in front of the library's, to count it,
 * to let it fail, and to let somebody else act while one attempt hashes.
 */
#include "database.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define THREADS 8

static atomic_int kdf_calls;
static bool kdf_fails;
static void (*kdf_meanwhile)(void); /* once */

int crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                  unsigned long long password_size, const unsigned char *salt,
                  unsigned long long passes, size_t memory, int algorithm)
{
    int (*real)(unsigned char *, unsigned long long, const char *, unsigned long long,
                const unsigned char *, unsigned long long, size_t, int);
    void (*meanwhile)(void) = kdf_meanwhile;
    (void)atomic_fetch_add(&kdf_calls, 1);
    if (meanwhile != NULL) {
        kdf_meanwhile = NULL;
        meanwhile();
    }
    if (kdf_fails) {
        errno = ENOMEM;
        return -1;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "crypto_pwhash");
    return real(out, out_size, password, password_size, salt, passes, memory, algorithm);
}

static struct accounts *open_accounts(void)
{
    struct accounts_config config = test_config();
    return open_with(&config);
}

/* So many wrong passwords, each denied. */
static void must_deny(struct accounts *accounts, struct bytes name, unsigned times, const char *why)
{
    for (unsigned i = 0; i < times; i++)
        must_login(accounts, name, WRONG, ANSWER_DENIED, why);
}

static uint32_t retry_after(struct accounts *accounts, struct bytes name, struct bytes password)
{
    struct reply reply;
    assert_false(accounts_login(accounts, name, password, NULL, &reply));
    assert_reply(&reply, ANSWER_LOCKED, LAYER_NONE, REASON_NONE, "locked");
    return reply.retry_after_ms;
}

static void n_13_ten_wrong_ones_lock_for_a_growing_time(void **state)
{
    struct accounts *accounts = open_accounts();
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    must_register(accounts, TEXT("b"), OLD);
    must_deny(accounts, TEXT("a"), ATTEMPTS_FREE_DEFAULT, "free");
    assert_int_equal(retry_after(accounts, TEXT("a"), WRONG), 1000);
    assert_int_equal(retry_after(accounts, TEXT("a"), OLD), 1000);
    must_login(accounts, TEXT("b"), OLD, ANSWER_OK, "another account");
    clock_now_ms += 999;
    assert_int_equal(retry_after(accounts, TEXT("a"), OLD), 1);
    clock_now_ms += 1;
    must_deny(accounts, TEXT("a"), 1, "one more after the first delay");
    assert_int_equal(retry_after(accounts, TEXT("a"), OLD), 2000);
    clock_now_ms += 2000;
    must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "the right one after the second delay");
    must_deny(accounts, TEXT("a"), ATTEMPTS_FREE_DEFAULT, "N-14: all is forgotten");
    assert_int_equal(retry_after(accounts, TEXT("a"), OLD), 1000);
    accounts_close(accounts);
}

static void n_13_a_hundred_wrong_ones_disable_until_unlocked(void **state)
{
    struct accounts *accounts = open_accounts();
    struct reply reply;
    unsigned denied = 0;
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    for (unsigned i = 0; i < 300; i++, clock_now_ms += LOCK_DELAY_LONGEST_MS_DEFAULT) {
        (void)!accounts_login(accounts, TEXT("a"), WRONG, NULL, &reply);
        denied += reply.answer == ANSWER_DENIED;
        assert_true(reply.answer == ANSWER_DENIED || reply.answer == ANSWER_LOCKED);
    }
    assert_int_equal(denied, ATTEMPTS_LIMIT);
    clock_now_ms = INT64_MAX;
    assert_int_equal(retry_after(accounts, TEXT("a"), OLD), 0);
    accounts_close(accounts);
    accounts = open_accounts();
    assert_int_equal(retry_after(accounts, TEXT("a"), OLD), 0);
    assert_false(accounts_unlock(accounts, TEXT("nobody"), &reply));
    assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, "no such account");
    assert_true(accounts_unlock(accounts, TEXT("a"), &reply));
    must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "unlocked");
    must_deny(accounts, TEXT("a"), ATTEMPTS_FREE_DEFAULT, "and counted from 0");
    assert_int_equal(retry_after(accounts, TEXT("a"), OLD), 1000);
    accounts_close(accounts);
}

static void delays_double_up_to_the_longest(void **state)
{
    static const struct {
        uint32_t failures, delay_ms;
        const char *why;
    } rows[] = {
        {0, 0, "none"},
        {9, 0, "all free ones but one"},
        {10, 1000, "the first delay"},
        {11, 2000, "twice"},
        {14, 16000, "and again"},
        {19, 512000, "the last that is not cut"},
        {20, 900000, "1024 seconds are cut to the longest"},
        {99, 900000, "the last before the end"},
    };
    const struct lockout_config zero = {.is_off = false};
    struct lockout_config config;
    struct reply reply;
    (void)state;
    assert_true(lockout_config_complete(&zero, &config, &reply));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tally tally = {.failures = rows[i].failures, .since_ms = NOON_MS};
        uint32_t wait_ms = 7;
        bool is_locked = lockout_is_locked(&config, &tally, NOON_MS, &wait_ms);
        if (is_locked != (rows[i].delay_ms > 0) || wait_ms != rows[i].delay_ms)
            fail_msg("%s: %d, %u ms", rows[i].why, is_locked, wait_ms);
        assert_false(lockout_is_locked(&config, &tally, NOON_MS + rows[i].delay_ms, &wait_ms));
        config.is_off = true;
        assert_false(lockout_is_locked(&config, &tally, NOON_MS, &wait_ms));
        config.is_off = false;
    }
}

static void configurations_within_the_limits(void **state)
{
    static const struct {
        struct lockout_config config;
        bool is_good;
        const char *why;
    } rows[] = {
        {{.is_off = false}, true, "the defaults"},
        {{.attempts_max = 100}, true, "N-13: a hundred"},
        {{.attempts_max = 101}, false, "N-13: one more"},
        {{.attempts_free = 5, .attempts_max = 5}, true, "no delays, the end at once"},
        {{.attempts_free = 6, .attempts_max = 5}, false, "free ones beyond the end"},
        {{.delay_first_ms = 900001}, false, "the first delay beyond the longest"},
        {{.delay_longest_ms = LOCK_DELAY_MS_MAX}, true, "a day"},
        {{.delay_longest_ms = LOCK_DELAY_MS_MAX + 1}, false, "more than a day"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct lockout_config complete;
        struct reply reply;
        if (lockout_config_complete(&rows[i].config, &complete, &reply) != rows[i].is_good)
            fail_msg("%s", rows[i].why);
        if (!rows[i].is_good)
            assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_LIMIT, rows[i].why);
    }
}

/* login, change and removal are one count. */
static void a_6_3_4_every_operation_that_checks_a_password_counts(void **state)
{
    struct accounts *accounts = open_accounts();
    struct reply reply;
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    for (unsigned i = 0; i < 9; i++) {
        if (i % 3 == 0)
            assert_false(accounts_login(accounts, TEXT("a"), WRONG, NULL, &reply));
        else if (i % 3 == 1)
            assert_false(accounts_change_password(accounts, TEXT("a"), WRONG, NEW, &reply));
        else
            assert_false(accounts_remove(accounts, TEXT("a"), WRONG, &reply));
        assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, "wrong");
    }
    assert_false(accounts_change_password(accounts, TEXT("a"), OLD, TEXT("short"), &reply));
    assert_int_equal(reply.answer, ANSWER_REFUSED);
    must_deny(accounts, TEXT("a"), 1, "what policy refuses is not counted");
    assert_false(accounts_login(accounts, TEXT("a"), OLD, NULL, &reply));
    assert_int_equal(reply.answer, ANSWER_LOCKED);
    assert_false(accounts_change_password(accounts, TEXT("a"), OLD, NEW, &reply));
    assert_int_equal(reply.answer, ANSWER_LOCKED);
    assert_false(accounts_remove(accounts, TEXT("a"), OLD, &reply));
    assert_int_equal(reply.answer, ANSWER_LOCKED);
    clock_now_ms += 1000;
    assert_true(accounts_change_password(accounts, TEXT("a"), OLD, NEW, &reply));
    must_deny(accounts, TEXT("a"), 10, "a change that was granted forgets, too");
    accounts_close(accounts);
}

/* the answers and the work for a name without an account are those of one with. While a
 * name is locked, the work does not tell a right guess from a wrong one either. */
static void a_6_3_8_strangers_are_counted_alike(void **state)
{
    struct accounts *accounts = open_accounts();
    const struct bytes names[] = {TEXT("a"), TEXT("nobody")};
    struct reply replies[2];
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    for (unsigned i = 0; i < 40; i++, clock_now_ms += 700) {
        int calls[2];
        for (size_t k = 0; k < 2; k++) {
            kdf_calls = 0;
            (void)!accounts_login(accounts, names[k], WRONG, NULL, &replies[k]);
            calls[k] = kdf_calls;
        }
        assert_memory_equal(&replies[0], &replies[1], sizeof replies[0]);
        assert_int_equal(calls[0], 1);
        assert_int_equal(calls[1], 1);
    }
    assert_int_equal(replies[0].answer, ANSWER_LOCKED);
    for (size_t i = 0; i < 2; i++) {
        kdf_calls = 0;
        assert_false(
            accounts_change_password(accounts, TEXT("a"), i ? OLD : WRONG, NEW, &replies[i]));
        assert_int_equal(kdf_calls, 1);
    }
    assert_memory_equal(&replies[0], &replies[1], sizeof replies[0]);
    accounts_close(accounts);
}

/* However many names are tried, there are no more rows than places. One place is looked at closely:
 * two names that share it have counts of their own, and the newcomer takes it over. */
static void strangers_have_a_limited_number_of_places(void **state)
{
    struct store *store = open_store();
    struct tally first, other;
    struct reply reply;
    struct bytes name;
    char text[32];
    (void)state;
    assert_true(lockout_read(store, TEXT("n"), NULL, &first, &reply));
    assert_int_equal(first.subject_size, 3);
    assert_true(lockout_count(store, &first, NOON_MS, &reply));
    for (unsigned i = 0;; i++) {
        (void)snprintf(text, sizeof text, "%u", i);
        name = bytes_of(text);
        assert_true(lockout_read(store, name, NULL, &other, &reply));
        if (other.is_kept)
            break;
    }
    assert_memory_equal(other.subject, first.subject, first.subject_size);
    assert_int_equal(other.failures, 0);
    assert_true(lockout_count(store, &other, NOON_MS, &reply));
    assert_int_equal(plain_number("SELECT count(*) FROM attempt"), 1);
    assert_true(lockout_read(store, name, NULL, &other, &reply));
    assert_int_equal(other.failures, 1);
    assert_true(lockout_read(store, TEXT("n"), NULL, &first, &reply));
    assert_int_equal(first.failures, 0);
    store_close(store);
}

static void what_cannot_be_told_is_not_counted(void **state)
{
    struct accounts *accounts = open_accounts();
    struct reply reply;
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    kdf_fails = true;
    for (unsigned i = 0; i < 30; i++) {
        assert_false(accounts_login(accounts, TEXT("a"), i % 2 ? OLD : WRONG, NULL, &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_MEMORY, "no memory");
    }
    kdf_fails = false;
    assert_int_equal(plain_number("SELECT count(*) FROM attempt"), 0);
    must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "afterwards");
    accounts_close(accounts);
}

/* A count that cannot be written is no denial; and the common login needs no lock at all. */
static void a_denial_that_cannot_be_counted_is_unavailable(void **state)
{
    struct accounts *accounts = open_accounts();
    struct reply reply;
    sqlite3 *other;
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "right, nothing to be written");
    assert_false(accounts_login(accounts, TEXT("a"), WRONG, NULL, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_BUSY, "wrong");
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    must_deny(accounts, TEXT("a"), 10, "and it was not counted");
    clock_now_ms += 1000;
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_false(accounts_login(accounts, TEXT("a"), OLD, NULL, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_BUSY, "a reset to be written");
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "written");
    accounts_close(accounts);
}

/* The transaction begins, and then its write fails. */
static void a_count_that_fails_within_is_unavailable_too(void **state)
{
    struct accounts *accounts = open_accounts();
    struct reply reply;
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    plainly("CREATE TRIGGER refuse BEFORE INSERT ON attempt BEGIN SELECT RAISE(ABORT, 'no'); END");
    assert_false(accounts_login(accounts, TEXT("a"), WRONG, NULL, &reply));
    assert_int_equal(reply.answer, ANSWER_UNAVAILABLE);
    assert_int_equal(reply.layer, LAYER_STORAGE);
    must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "right, nothing to be written");
    plainly("DROP TRIGGER refuse");
    must_deny(accounts, TEXT("a"), 10, "and it was not counted");
    accounts_close(accounts);
}

/* Whatever the clock does, no more than a hundred denials since the last success, and nobody waits
 * longer than the longest delay from now on. */
static void no_clock_gives_more_than_the_limit(void **state)
{
    static const struct {
        int64_t moments[4]; /* taken in turn */
        int64_t step;       /* added at every attempt */
        const char *why;
    } rows[] = {
        {{NOON_MS, NOON_MS, NOON_MS, NOON_MS}, 0, "stands still"},
        {{0, 0, 0, 0}, 0, "stands still at 0"},
        {{NOON_MS, 0, NOON_MS, 0}, 0, "begins again at 0, time after time"},
        {{NOON_MS, NOON_MS * 2, NOON_MS, NOON_MS * 3}, 0, "jumps forth and back"},
        {{INT64_MAX, INT64_MIN, 0, -1}, 0, "says anything"},
        {{NOON_MS, NOON_MS, NOON_MS, NOON_MS}, 900000, "goes on in large steps"},
        {{NOON_MS, NOON_MS, NOON_MS, NOON_MS}, -900000, "goes backwards in large steps"},
        {{NOON_MS, NOON_MS, NOON_MS, NOON_MS}, -1, "goes backwards in small steps"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned denied = 0;
        assert_int_equal(set_up(NULL), 0);
        struct accounts *accounts = open_accounts();
        must_register(accounts, TEXT("a"), OLD);
        for (unsigned k = 0; k < 250; k++) {
            struct reply reply;
            int64_t moment = rows[i].moments[k % 4];
            clock_now_ms = rows[i].step == 0 ? moment : moment + (int64_t)k * rows[i].step;
            (void)!accounts_login(accounts, TEXT("a"), WRONG, NULL, &reply);
            assert_true(reply.answer == ANSWER_DENIED || reply.answer == ANSWER_LOCKED);
            denied += reply.answer == ANSWER_DENIED;
            if (reply.retry_after_ms > LOCK_DELAY_LONGEST_MS_DEFAULT)
                fail_msg("%s: %u ms", rows[i].why, reply.retry_after_ms);
        }
        if (denied > ATTEMPTS_LIMIT || denied < ATTEMPTS_FREE_DEFAULT)
            fail_msg("%s: %u denials", rows[i].why, denied);
        accounts_close(accounts);
        assert_int_equal(tear_down(NULL), 0);
    }
}

static void a_clock_set_back_locks_for_the_delay_and_no_longer(void **state)
{
    struct accounts *accounts = open_accounts();
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    must_deny(accounts, TEXT("a"), 10, "free");
    clock_now_ms = 5000;
    assert_int_equal(retry_after(accounts, TEXT("a"), OLD), 1000);
    clock_now_ms += 400;
    assert_int_equal(retry_after(accounts, TEXT("a"), OLD), 600);
    clock_now_ms += 600;
    must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "the delay is over");
    accounts_close(accounts);
}

/* An account of the same name is another account: what belongs to the one before counts for
 * nothing, also when a release without lockout has removed it, or changed its password. */
static void the_count_is_bound_to_the_credential(void **state)
{
    struct accounts *accounts = open_accounts();
    struct reply reply;
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    must_deny(accounts, TEXT("a"), 10, "free");
    assert_int_equal(retry_after(accounts, TEXT("a"), OLD), 1000);
    plainly("DELETE FROM account WHERE name = 'a'");
    must_register(accounts, TEXT("a"), NEW);
    must_login(accounts, TEXT("a"), NEW, ANSWER_OK, "registered again");

    must_deny(accounts, TEXT("nobody"), 10, "a stranger");
    assert_int_equal(retry_after(accounts, TEXT("nobody"), NEW), 1000);
    must_register(accounts, TEXT("nobody"), NEW);
    must_login(accounts, TEXT("nobody"), NEW, ANSWER_OK, "a stranger who registers");
    assert_true(accounts_remove(accounts, TEXT("nobody"), NEW, &reply));
    must_deny(accounts, TEXT("nobody"), 10, "and who is a stranger again");

    must_deny(accounts, TEXT("a"), 9, "all free ones but one");
    assert_true(accounts_remove(accounts, TEXT("a"), NEW, &reply));
    assert_int_equal(plain_number("SELECT count(*) FROM attempt WHERE subject = x'6161'"), 0);
    accounts_close(accounts);
}

/* A rehash at login is a success, so nothing has to move; and it comes in one transaction with the
 * reset. */
static void a_rehash_and_a_reset_are_one(void **state)
{
    struct accounts *accounts = open_accounts();
    struct accounts_config dearer = test_config();
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    must_deny(accounts, TEXT("a"), 9, "all free ones but one");
    accounts_close(accounts);
    dearer.password.cost.memory_kib = 16;
    accounts = open_with(&dearer);
    must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "rehashed");
    assert_int_equal(plain_number("SELECT count(*) FROM attempt"), 0);
    assert_int_equal(plain_number("SELECT count(*) FROM account WHERE credential LIKE '%m=16%'"),
                     1);
    accounts_close(accounts);
}

static struct accounts *other;

static void others_guess(void)
{
    must_deny(other, TEXT("a"), 10, "somebody else guesses");
}

/* The verdict was had before, the decision comes after: a right password that was hashed while
 * others used up the attempts meets the lock. */
static void the_decision_is_made_at_commit(void **state)
{
    struct accounts *accounts = open_accounts();
    (void)state;
    other = open_accounts();
    must_register(accounts, TEXT("a"), OLD);
    kdf_meanwhile = others_guess;
    assert_int_equal(retry_after(accounts, TEXT("a"), OLD), 1000);
    clock_now_ms += 1000;
    must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "later");
    accounts_close(other);
    accounts_close(accounts);
}

static atomic_int denied_in_all, unexpected;

static void *guess(void *unused)
{
    struct accounts *accounts = open_accounts();
    (void)unused;
    for (unsigned i = 0; i < 20; i++) {
        struct reply reply;
        (void)!accounts_login(accounts, TEXT("a"), WRONG, NULL, &reply);
        (void)atomic_fetch_add(&denied_in_all, reply.answer == ANSWER_DENIED);
        (void)atomic_fetch_add(&unexpected,
                               reply.answer != ANSWER_DENIED && reply.answer != ANSWER_LOCKED);
    }
    accounts_close(accounts);
    return NULL;
}

/* The clock stands still, so there is exactly one number of denials that is right. */
static void a_6_3_1_parallel_attempts_do_not_slip_through(void **state)
{
    struct accounts *accounts = open_accounts();
    pthread_t threads[THREADS];
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    denied_in_all = unexpected = 0;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, guess, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(unexpected, 0);
    assert_int_equal(denied_in_all, ATTEMPTS_FREE_DEFAULT);
    accounts_close(accounts);
}

static void switched_off_it_counts_nothing(void **state)
{
    struct accounts_config config = test_config();
    (void)state;
    config.lockout.is_off = true;
    struct accounts *accounts = open_with(&config);
    must_register(accounts, TEXT("a"), OLD);
    must_deny(accounts, TEXT("a"), 30, "off");
    must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "off");
    assert_int_equal(plain_number("SELECT count(*) FROM attempt"), 0);
    accounts_close(accounts);
}

static void does_not_believe_a_row(void **state)
{
    struct accounts *accounts = open_accounts();
    struct reply reply;
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    must_deny(accounts, TEXT("a"), 1, "a row");
    plainly("UPDATE attempt SET failures = -1");
    assert_false(accounts_login(accounts, TEXT("a"), OLD, NULL, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_CORRUPT, "a negative count");
    plainly("UPDATE attempt SET failures = 100, since_ms = 9223372036854775807");
    assert_int_equal(retry_after(accounts, TEXT("a"), OLD), 0);
    plainly("UPDATE attempt SET failures = 10, since_ms = -9223372036854775808");
    must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "long ago");
    accounts_close(accounts);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(n_13_ten_wrong_ones_lock_for_a_growing_time),
        TEST(n_13_a_hundred_wrong_ones_disable_until_unlocked),
        TEST(delays_double_up_to_the_longest),
        TEST(configurations_within_the_limits),
        TEST(a_6_3_4_every_operation_that_checks_a_password_counts),
        TEST(a_6_3_8_strangers_are_counted_alike),
        TEST(strangers_have_a_limited_number_of_places),
        TEST(what_cannot_be_told_is_not_counted),
        TEST(a_denial_that_cannot_be_counted_is_unavailable),
        TEST(a_count_that_fails_within_is_unavailable_too),
        cmocka_unit_test(no_clock_gives_more_than_the_limit), /* one folder for each row */
        TEST(a_clock_set_back_locks_for_the_delay_and_no_longer),
        TEST(the_count_is_bound_to_the_credential),
        TEST(a_rehash_and_a_reset_are_one),
        TEST(the_decision_is_made_at_commit),
        TEST(a_6_3_1_parallel_attempts_do_not_slip_through),
        TEST(switched_off_it_counts_nothing),
        TEST(does_not_believe_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
