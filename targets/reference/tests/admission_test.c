/* SPDX-License-Identifier: Apache-2.0
 *
 * Admission: exact limits, alone and under threads, and nothing left behind on any path of a hash.
 *
 * crypto_pwhash() and crypt_rn() are defined here too: each looks at what is taken while it runs,
 * so that the tests see that a hash is admitted before it is computed and never without.
 */
#include "testing.h"

#include "failing.h"

#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define THREADS 16
#define GOOD    "correct horse battery"
#define BCRYPT  "$2b$04$abcdefghijklmnopqrstuuGTtCXPbVfSt7Wfc2Yrmy.1LFW9EabJG"

static struct admission *watched; /* null: nobody looks */
static struct admission_limits limits;
static uint32_t seen_kib;
static int kdf_errno; /* 0: works */

static int pretend(void)
{
    if (watched != NULL)
        seen_kib = admission_taken(watched).memory_kib;
    errno = kdf_errno;
    return kdf_errno == 0 ? 0 : -1;
}

int crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                  unsigned long long password_size, const unsigned char *salt,
                  unsigned long long passes, size_t memory, int algorithm)
{
    (void)password, (void)password_size, (void)salt, (void)passes, (void)memory, (void)algorithm;
    memset(out, 7, (size_t)out_size);
    return pretend();
}

char *crypt_rn(const char *phrase, const char *setting, void *data, int size)
{
    (void)phrase, (void)size;
    return pretend() != 0 ? NULL : strcpy(data, setting);
}

static struct admission *open_admission(uint32_t memory_kib, uint32_t hashes)
{
    struct admission *admission = NULL;
    struct reply reply;
    limits = (struct admission_limits){memory_kib, hashes, 250};
    assert_true(admission_open(&limits, &admission, &reply));
    return admission;
}

static void assert_idle(const struct admission *admission)
{
    struct admission_limits taken = admission_taken(admission);
    assert_int_equal(taken.memory_kib, 0);
    assert_int_equal(taken.hashes, 0);
}

static void admits_up_to_the_limits(void **state)
{
    static const struct {
        uint32_t memory_kib, hashes; /* the limits */
        uint32_t each_kib;           /* of every hash */
        uint32_t admitted;           /* before the first that is not */
        enum reason reason;
        uint32_t retry_after_ms;
        const char *why;
    } rows[] = {
        {100, 10, 10, 10, REASON_MEMORY, 250, "both at the same time"},
        {100, 3, 10, 3, REASON_MEMORY, 250, "hashes first"},
        {100, 10, 40, 2, REASON_MEMORY, 250, "memory first"},
        {100, 10, 100, 1, REASON_MEMORY, 250, "all of it at once"},
        {100, 10, 101, 0, REASON_LIMIT, 0, "more than all: no use to come again"},
        {UINT32_MAX, 65535, UINT32_MAX, 1, REASON_MEMORY, 250, "the largest numbers"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct admission *admission = open_admission(rows[i].memory_kib, rows[i].hashes);
        struct admission_ticket tickets[16] = {{NULL, 0}}, other = {NULL, 0};
        struct reply reply;
        for (uint32_t at = 0; at < rows[i].admitted; at++)
            assert_true(admission_take(admission, rows[i].each_kib, &tickets[at], &reply));
        assert_false(admission_take(admission, rows[i].each_kib, &other, &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, rows[i].reason, rows[i].why);
        assert_int_equal(reply.retry_after_ms, rows[i].retry_after_ms);
        assert_null(other.from);
        admission_give(&other);
        if (rows[i].admitted > 0) {
            admission_give(&tickets[0]);
            admission_give(&tickets[0]); /* a ticket is good for once */
            assert_true(admission_take(admission, rows[i].each_kib, &tickets[0], &reply));
        }
        for (uint32_t at = 0; at < rows[i].admitted; at++)
            admission_give(&tickets[at]);
        assert_idle(admission);
        admission_close(admission);
    }
}

static void refuses_limits_without_sense(void **state)
{
    static const struct admission_limits rows[] = {{0, 1, 0}, {1, 0, 0}, {1, 65536, 0}};
    struct admission *admission = NULL;
    struct admission_ticket ticket = {NULL, 0}, other = {NULL, 0};
    struct reply reply;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_false(admission_open(&rows[i], &admission, &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_LIMIT, "limits");
    }
    assert_true(admission_open(&(struct admission_limits){1, 1, 0}, &admission, &reply));
    assert_true(admission_take(admission, 1, &ticket, &reply));
    assert_false(admission_take(admission, 1, &other, &reply));
    assert_int_equal(reply.retry_after_ms, ADMISSION_RETRY_AFTER_MS_DEFAULT);
    admission_give(&ticket);
    admission_close(admission);
    admission_close(NULL);
}

static void tells_when_there_is_no_memory(void **state)
{
    struct admission *admission = NULL;
    struct reply reply;
    (void)state;
    allocations_left = 0;
    assert_false(admission_open(&(struct admission_limits){1, 1, 0}, &admission, &reply));
    allocations_left = NEVER;
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_MEMORY, "no memory");
    assert_null(admission);
}

static void nothing_is_limited_without_one(void **state)
{
    struct admission_ticket ticket = {NULL, 0};
    struct reply reply;
    (void)state;
    assert_true(admission_take(NULL, UINT32_MAX, &ticket, &reply));
    admission_give(&ticket);
    assert_true(admission_suffices(NULL, UINT32_MAX));
}

static struct admission *shared;
static atomic_uint inside_hashes, inside_kib, admitted, most;

/* Takes and gives many times, and counts on its own what is inside at any time. */
static void *worker(void *seed)
{
    uint32_t random = (uint32_t)(uintptr_t)seed;
    for (int i = 0; i < 20000; i++) {
        struct admission_ticket ticket = {NULL, 0};
        struct reply reply;
        random = random * 1664525u + 1013904223u;
        uint32_t memory_kib = 1 + (random >> 16) % 40;
        if (!admission_take(shared, memory_kib, &ticket, &reply))
            continue;
        unsigned hashes = atomic_fetch_add(&inside_hashes, 1) + 1;
        unsigned kib = atomic_fetch_add(&inside_kib, memory_kib) + memory_kib;
        if (hashes > limits.hashes || kib > limits.memory_kib)
            atomic_store(&most, 1);
        atomic_fetch_add(&admitted, 1);
        atomic_fetch_sub(&inside_kib, memory_kib);
        atomic_fetch_sub(&inside_hashes, 1);
        admission_give(&ticket);
    }
    return NULL;
}

static void a_15_4_2_is_exact_under_threads(void **state)
{
    pthread_t threads[THREADS];
    (void)state;
    shared = open_admission(100, 5);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, worker, (void *)(i + 1)), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&most), 0);
    assert_true(atomic_load(&admitted) > 0);
    assert_idle(shared);
    admission_close(shared);
}

/* Every operation that hashes, and every way in which it can end. */
static void every_path_gives_back(void **state)
{
    static const int errors[] = {0, ENOMEM, EINVAL};
    struct admission *admission = open_admission(1000, 1);
    const struct password_config config = {
        .cost = {64, 1}, .code_points_min = 15, .admission = admission};
    struct credential made;
    struct reply reply;
    (void)state;
    watched = admission;
    assert_true(password_hash(&config, TEXT(GOOD), NO_NAME, &made, &reply));
    assert_int_equal(seen_kib, 64);
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct credential next;
        kdf_errno = errors[i];
        bool works = errors[i] == 0;
        seen_kib = 0;
        assert_int_equal(password_verify(&config, credential_bytes(&made), TEXT(GOOD), &reply),
                         works);
        assert_int_equal(seen_kib, 64);
        assert_int_equal(password_verify(&config, TEXT(BCRYPT), TEXT(GOOD), &reply), works);
        assert_int_equal(seen_kib, 64);
        assert_int_equal(password_rehash(&config, TEXT(BCRYPT), TEXT(GOOD), &next, &reply), works);
        assert_int_equal(password_hash(&config, TEXT(GOOD), NO_NAME, &next, &reply), works);
        assert_false(password_verify_nobody(&config, TEXT(GOOD), &reply));
        assert_int_equal(reply.answer, works ? ANSWER_DENIED : ANSWER_UNAVAILABLE);
        assert_idle(admission);
    }
    kdf_errno = 0;
    watched = NULL;
    admission_close(admission);
}

static void assert_sent_away(bool is_ok, const struct reply *reply)
{
    assert_false(is_ok);
    assert_reply(reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_MEMORY, "over the limit");
    assert_int_equal(reply->retry_after_ms, 250);
}

static void over_the_limit_is_never_a_verdict(void **state)
{
    struct admission *admission = open_admission(100, 1);
    const struct password_config config = {
        .cost = {64, 1}, .code_points_min = 15, .admission = admission};
    struct admission_ticket ticket = {NULL, 0};
    struct credential made, untouched = {.size = 7};
    struct reply reply;
    (void)state;
    assert_true(password_hash(&config, TEXT(GOOD), NO_NAME, &made, &reply));
    assert_true(admission_take(admission, 1, &ticket, &reply));
    assert_sent_away(password_verify(&config, credential_bytes(&made), TEXT(GOOD), &reply), &reply);
    assert_sent_away(password_verify(&config, TEXT(BCRYPT), TEXT(GOOD), &reply), &reply);
    assert_sent_away(password_verify_nobody(&config, TEXT(GOOD), &reply), &reply);
    assert_sent_away(password_hash(&config, TEXT(GOOD), NO_NAME, &untouched, &reply), &reply);
    assert_sent_away(password_rehash(&config, TEXT(BCRYPT), TEXT(GOOD), &untouched, &reply),
                     &reply);
    assert_int_equal(untouched.size, 7);
    admission_give(&ticket);
    assert_true(password_verify(&config, credential_bytes(&made), TEXT(GOOD), &reply));
    assert_int_equal(reply.retry_after_ms, 0);
    admission_close(admission);
}

static void the_configured_cost_must_pass(void **state)
{
    struct admission *admission = open_admission(100, 1);
    struct password_config config = {.cost = {100, 1}, .admission = admission};
    struct password_config complete;
    struct reply reply;
    (void)state;
    assert_true(password_config_complete(&config, &complete, &reply));
    config.cost.memory_kib = 101;
    assert_false(password_config_complete(&config, &complete, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_LIMIT, "101 of 100");
    admission_close(admission);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(admits_up_to_the_limits),
        cmocka_unit_test(refuses_limits_without_sense),
        cmocka_unit_test(tells_when_there_is_no_memory),
        cmocka_unit_test(nothing_is_limited_without_one),
        cmocka_unit_test(a_15_4_2_is_exact_under_threads),
        cmocka_unit_test(every_path_gives_back),
        cmocka_unit_test(over_the_limit_is_never_a_verdict),
        cmocka_unit_test(the_configured_cost_must_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
