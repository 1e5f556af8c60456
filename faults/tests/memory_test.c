/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that memory and library calls fail as libsodium 1.0.18 really fails, that each call passes
 * its edge exactly once, that nothing else is hit, and that entropy is what the seed says. Each
 * failing call stands beside the same call without a plan.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <sodium.h>
#include <sqlite3.h>

#include "faults/faults.h"

#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define MAPPINGS_FAIL 0 /* see memory.c */
#else
#define MAPPINGS_FAIL 1
#endif

#define OPSLIMIT  3 /* the least of Argon2i; Argon2id takes it too */
#define MEMLIMIT  crypto_pwhash_MEMLIMIT_MIN
#define KEY_BYTES 32

static struct outcome outcome;
static char stored[crypto_pwhash_STRBYTES]; /* of the password "right" */

/* Begins a run in which the first call of `operation` fails, if it is an operation. */
static void begin(int operation)
{
    struct plan plan = {0};
    if (operation >= 0) {
        plan.count = 1;
        plan.faults[0] = (struct fault){
            .site = {.operation = (uint16_t)operation}, .effect = {.code = 1}, .times = 1};
    }
    errno = 0;
    edge_begin(&plan);
}

/* Ends it; true if the fault struck. */
static bool end(void)
{
    int error = errno;
    edge_end(&outcome);
    errno = error;
    return outcome.faults_fired != 0;
}

static int reset(void **state)
{
    (void)state;
    faults_reset(1);
    return 0;
}

/* --- libsodium -------------------------------------------------------------------------------- */

static const uint8_t salt[crypto_pwhash_SALTBYTES] = "0123456789abcde";

static int derive(uint8_t *ret_key)
{
    return crypto_pwhash(ret_key, KEY_BYTES, "right", 5, salt, OPSLIMIT, MEMLIMIT,
                         crypto_pwhash_ALG_DEFAULT);
}

static int store(char *ret)
{
    return crypto_pwhash_str(ret, "right", 5, OPSLIMIT, MEMLIMIT);
}

static int store_by_algorithm(char *ret)
{
    return crypto_pwhash_str_alg(ret, "right", 5, OPSLIMIT, MEMLIMIT, crypto_pwhash_ALG_ARGON2I13);
}

static bool is_zero(const void *bytes, size_t size)
{
    return sodium_is_zero(bytes, size) == 1;
}

/* Without a plan all works, and each call is counted once, by its own name only. */
static void calls_count_once(void **state)
{
    (void)state;
    uint8_t key[KEY_BYTES], other[KEY_BYTES];
    char text[crypto_pwhash_STRBYTES];
    begin(-1);
    assert_int_equal(derive(key), 0);
    assert_int_equal(edge_count(CALL_CRYPTO_PWHASH), 1);
    assert_int_equal(edge_count(CALL_CRYPTO_PWHASH_STR), 0);
    assert_int_equal(edge_count(MEMORY_MAP), MAPPINGS_FAIL);
    assert_int_equal(store(text), 0);
    assert_int_equal(edge_count(CALL_CRYPTO_PWHASH_STR), 1);
    assert_int_equal(edge_count(CALL_CRYPTO_PWHASH_STR_VERIFY), 0);
    assert_int_equal(crypto_pwhash_str_verify(text, "right", 5), 0);
    assert_int_equal(crypto_pwhash_str_verify(text, "wrong", 5), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(edge_count(CALL_CRYPTO_PWHASH_STR_VERIFY), 2);
    assert_int_equal(edge_count(CALL_CRYPTO_PWHASH_STR), 1);
    assert_int_equal(store_by_algorithm(text), 0);
    assert_int_equal(edge_count(CALL_CRYPTO_PWHASH_STR), 2);
    assert_int_equal(edge_count(CALL_CRYPTO_PWHASH), 1);
    assert_int_equal(edge_count(MEMORY_MAP), 5 * MAPPINGS_FAIL);
    assert_false(end());
    assert_int_equal(derive(other), 0); /* outside of a run too, with the same result */
    assert_memory_equal(key, other, KEY_BYTES);
}

/* In KiB times passes, for a call and for a string; what the library refuses unseen costs nothing.
 */
static void work_is_counted(void **state)
{
    (void)state;
    uint8_t key[KEY_BYTES];
    char text[crypto_pwhash_STRBYTES];
    const uint64_t work = OPSLIMIT * (MEMLIMIT / 1024);
    begin(-1);
    assert_int_equal(derive(key), 0);
    assert_int_equal(edge_held(CALL_CRYPTO_PWHASH), work);
    assert_int_equal(store(text), 0);
    assert_int_equal(edge_held(CALL_CRYPTO_PWHASH_STR), work);
    assert_int_equal(crypto_pwhash_str_verify(text, "right", 5), 0);
    assert_int_equal(edge_held(CALL_CRYPTO_PWHASH_STR_VERIFY), work);
    assert_int_equal(
        crypto_pwhash(key, sizeof key, "right", 5, salt, 1, SIZE_MAX, crypto_pwhash_ALG_DEFAULT),
        -1);
    assert_int_equal(edge_held(CALL_CRYPTO_PWHASH), work);
    assert_false(end());
}

/* A case may allow so much work: more is refused as if there were no memory, and not begun. */
static void work_can_be_limited(void **state)
{
    (void)state;
    static const char years[] = "$argon2id$v=19$m=8,t=4294967295,p=1$c29tZXNhbHRzb21lc2FsdA$"
                                "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    char text[crypto_pwhash_STRBYTES] = "";
    uint8_t key[KEY_BYTES];
    memcpy(text, years, sizeof years);
    begin(-1);
    edge_allow(CALL_CRYPTO_PWHASH, 1000);
    edge_allow(CALL_CRYPTO_PWHASH_STR_VERIFY, 1000);
    assert_int_equal(crypto_pwhash_str_verify(text, "right", 5), -1);
    assert_int_equal(edge_refused(CALL_CRYPTO_PWHASH_STR_VERIFY), 1);
    assert_int_equal(crypto_pwhash(key, sizeof key, "right", 5, salt, 1000000, MEMLIMIT,
                                   crypto_pwhash_ALG_DEFAULT),
                     -1);
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(edge_refused(CALL_CRYPTO_PWHASH), 1);
    assert_int_equal(derive(key), 0);
    assert_false(end());
}

/* A library call that fails and one whose memory fails cannot be told apart. */
static void calls_without_memory(void **state)
{
    (void)state;
    static const int whole_call[] = {CALL_CRYPTO_PWHASH, CALL_CRYPTO_PWHASH_STR,
                                     CALL_CRYPTO_PWHASH_STR_VERIFY};
    for (int by_mapping = 0; by_mapping <= MAPPINGS_FAIL; by_mapping++) {
        uint8_t key[KEY_BYTES];
        char text[crypto_pwhash_STRBYTES];
        memset(key, 1, sizeof key);
        memset(text, 1, sizeof text);
        begin(by_mapping ? MEMORY_MAP : whole_call[0]);
        assert_int_equal(derive(key), -1);
        assert_int_equal(errno, ENOMEM);
        assert_true(end());
        assert_true(is_zero(key, sizeof key));

        begin(by_mapping ? MEMORY_MAP : whole_call[1]);
        assert_int_equal(store(text), -1);
        assert_int_equal(errno, ENOMEM);
        assert_true(end());
        assert_true(is_zero(text, sizeof text));

        memset(text, 1, sizeof text);
        begin(by_mapping ? MEMORY_MAP : whole_call[1]);
        assert_int_equal(store_by_algorithm(text), -1);
        assert_int_equal(errno, ENOMEM);
        assert_true(end());
        assert_true(is_zero(text, sizeof text));

        begin(by_mapping ? MEMORY_MAP : whole_call[2]);
        assert_int_equal(crypto_pwhash_str_verify(stored, "right", 5), -1);
        assert_int_equal(errno, EINVAL); /* just as for a wrong password */
        assert_int_equal(crypto_pwhash_str_verify(stored, "right", 5), 0); /* it was once */
        assert_true(end());
    }
}

/* Mappings of others neither fail nor count, whatever the plan says. */
static void other_mappings_are_left_alone(void **state)
{
    (void)state;
    begin(MEMORY_MAP);
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    memset(memory, 1, 4096);
    assert_int_equal(munmap(memory, 4096), 0);
    void *big = malloc((size_t)64 * 1024 * 1024);
    assert_non_null(big);
    free(big);
    assert_int_equal(edge_count(MEMORY_MAP), 0);
    assert_false(end());
    assert_ptr_equal(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), MAP_FAILED);
    assert_int_equal(errno, EINVAL); /* the kernel's own errors come through */
}

static void quiet_edge_lets_all_pass(void **state)
{
    (void)state;
    begin(CALL_CRYPTO_PWHASH_STR_VERIFY);
    bool before = edge_quiet(true);
    assert_int_equal(crypto_pwhash_str_verify(stored, "right", 5), 0);
    assert_int_equal(edge_count(CALL_CRYPTO_PWHASH_STR_VERIFY), 0);
    edge_quiet(before);
    assert_int_equal(crypto_pwhash_str_verify(stored, "right", 5), -1);
    assert_true(end());
}

/* --- SQLite's allocator ----------------------------------------------------------------------- */

static void sqlite_without_memory(void **state)
{
    (void)state;
    begin(MEMORY_SQLITE);
    assert_null(sqlite3_malloc(10));
    void *memory = sqlite3_malloc(10);
    assert_non_null(memory);
    assert_int_equal(edge_count(MEMORY_SQLITE), 2);
    assert_true(end());
    memset(memory, 7, 10);
    begin(MEMORY_SQLITE);
    assert_null(sqlite3_realloc(memory, 100000));
    assert_int_equal(((uint8_t *)memory)[9], 7);
    memory = sqlite3_realloc(memory, 100000);
    assert_non_null(memory);
    assert_int_equal(edge_count(MEMORY_SQLITE), 2);
    assert_true(end());
    sqlite3_free(memory);
}

/* --- Entropy ---------------------------------------------------------------------------------- */

static void entropy_follows_the_seed(void **state)
{
    (void)state;
    uint8_t first[100], second[100], sqlite_first[100], sqlite_second[100];
    char text[crypto_pwhash_STRBYTES], again[crypto_pwhash_STRBYTES];
    assert_string_equal(randombytes_implementation_name(), "assay");
    faults_reset(9);
    randombytes_buf(first, sizeof first);
    sqlite3_randomness(sizeof sqlite_first, sqlite_first);
    assert_int_equal(store(text), 0);
    faults_reset(9);
    sqlite3_randomness(sizeof sqlite_second, sqlite_second); /* the order between them is nothing */
    randombytes_buf(second, sizeof second);
    assert_int_equal(store(again), 0);
    assert_memory_equal(first, second, sizeof first);
    assert_memory_equal(sqlite_first, sqlite_second, sizeof sqlite_first);
    assert_string_equal(text, again);
    assert_memory_not_equal(first, sqlite_first, sizeof first);
    faults_reset(10);
    randombytes_buf(second, sizeof second);
    sqlite3_randomness(sizeof sqlite_second, sqlite_second);
    assert_memory_not_equal(first, second, sizeof first);
    assert_memory_not_equal(sqlite_first, sqlite_second, sizeof sqlite_first);
}

/* Not a test of randomness, but constant or short output would show. */
static void entropy_is_spread(void **state)
{
    (void)state;
    uint32_t seen[256] = {0}, below[10] = {0};
    for (int i = 0; i < 25600; i++) {
        uint8_t byte;
        randombytes_buf(&byte, 1);
        seen[byte]++;
        below[randombytes_uniform(10)]++;
    }
    for (size_t i = 0; i < 256; i++)
        assert_in_range(seen[i], 40, 180);
    for (size_t i = 0; i < 10; i++)
        assert_in_range(below[i], 2200, 2900);
    assert_int_not_equal(randombytes_random(), randombytes_random());
    randombytes_stir();
    assert_int_equal(randombytes_close(), 0);
}

/* What is not given back is counted until it is. */
static void what_is_left_is_counted(void **state)
{
    (void)state;
    struct memory_left before = memory_left();
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(":memory:", &database), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, "SELECT 1", -1, &statement, NULL), SQLITE_OK);
    assert_true(memory_left().sqlite > before.sqlite);
    assert_int_equal(sqlite3_close_v2(database), SQLITE_OK); /* a zombie: the statement holds it */
    assert_true(memory_left().sqlite > before.sqlite);
    sqlite3_finalize(statement);
    assert_int_equal(memory_left().sqlite, before.sqlite);
    edge_begin(&(struct plan){0});
    uint8_t key[32];
    assert_int_equal(crypto_pwhash(key, sizeof key, "p", 1, (const uint8_t[16]){0}, 1, 8192,
                                   crypto_pwhash_ALG_ARGON2ID13),
                     0);
    void *guarded = sodium_malloc(100);
    assert_non_null(guarded);
    assert_int_equal(memory_left().mappings, before.mappings + 1); /* the hash has given back its */
    sodium_free(guarded);
    assert_int_equal(memory_left().mappings, before.mappings);
    edge_end(&(struct outcome){0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(calls_count_once, reset),
        cmocka_unit_test_setup(work_is_counted, reset),
        cmocka_unit_test_setup(work_can_be_limited, reset),
        cmocka_unit_test_setup(calls_without_memory, reset),
        cmocka_unit_test_setup(other_mappings_are_left_alone, reset),
        cmocka_unit_test_setup(quiet_edge_lets_all_pass, reset),
        cmocka_unit_test_setup(sqlite_without_memory, reset),
        cmocka_unit_test_setup(entropy_follows_the_seed, reset),
        cmocka_unit_test_setup(entropy_is_spread, reset),
        cmocka_unit_test_setup(what_is_left_is_counted, reset),
    };
    const char *problem = faults_install();
    if (problem != NULL) {
        fprintf(stderr, "%s\n", problem);
        return 1;
    }
    if (store(stored) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
