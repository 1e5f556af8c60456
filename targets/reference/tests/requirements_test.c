/* SPDX-License-Identifier: Apache-2.0
 *
 * Requirements that no other test is about: what a password survives, what is stored beside it, and
 * how its hash is compared. requirements.md says which test shows which requirement.
 *
 * sodium_memcmp() is defined here in front of the library's, to see what it is given. Not shown:
 * that it takes constant time, which is the library's promise.
 */
#include "database.h"

#include <dlfcn.h>

#define YEAR_MS    (366 * 86400000LL)
#define HASHES     200u
#define SALT_AT    (sizeof "$argon2id$v=19$m=8,t=1,p=1$" - 1)
#define TABLES     4
#define HALF_CHARS (PHC_SALT_CHARS / 2)
#define E_ACUTE    "\xc3\xa9"  /* one code point */
#define E_COMBINE  "e\xcc\x81" /* two that are the same character */

static size_t hash_comparisons;

int sodium_memcmp(const void *one, const void *two, size_t size)
{
    int (*real)(const void *, const void *, size_t);
    *(void **)&real = dlsym(RTLD_NEXT, "sodium_memcmp");
    hash_comparisons += size == PHC_HASH_BYTES;
    return real(one, two, size);
}

static struct accounts *open_accounts(void)
{
    struct accounts_config config = test_config();
    return open_with(&config);
}

static void n_06_a_password_is_known_in_either_form(void **state)
{
    const struct bytes composed = TEXT("pass" E_ACUTE " compos" E_ACUTE " one");
    const struct bytes combining = TEXT("pass" E_COMBINE " compos" E_COMBINE " one");
    struct accounts *accounts = open_accounts();
    (void)state;
    must_register(accounts, TEXT("a"), composed);
    must_register(accounts, TEXT("b"), combining);
    must_login(accounts, TEXT("a"), combining, ANSWER_OK, "set in one form, given in the other");
    must_login(accounts, TEXT("b"), composed, ANSWER_OK, "and the other way round");
    must_login(accounts, TEXT("a"), TEXT("passe compose one"), ANSWER_DENIED, "without accents");
    accounts_close(accounts);
}

static void n_08_no_password_expires(void **state)
{
    struct accounts *accounts = open_accounts();
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    for (int year = 0; year < 50; year++) {
        clock_now_ms += YEAR_MS;
        must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "a year later");
    }
    must_login(accounts, TEXT("a"), WRONG, ANSWER_DENIED, "another one");
    accounts_close(accounts);
}

/* Nobody can be asked for a hint that there is no place for. */
static void n_09_only_the_credential_is_stored_with_a_name(void **state)
{
    (void)state;
    store_close(open_store());
    assert_int_equal(plain_number("SELECT count(*) FROM pragma_table_info('account')"), 2);
    assert_int_equal(plain_number("SELECT count(*) FROM pragma_table_info('account') "
                                  "WHERE name IN ('name', 'credential')"),
                     2);
    assert_int_equal(plain_number("SELECT count(*) FROM sqlite_schema WHERE type = 'table'"),
                     TABLES);
}

/* Sixteen bytes, of which no two hashes share a half: one of 64 bits alone would be noticed. */
static void n_10_every_hash_has_a_salt_of_its_own(void **state)
{
    static char salts[HASHES][PHC_SALT_CHARS];
    const struct password_config config = {.cost = {8, 1}, .code_points_min = 15};
    (void)state;
    for (size_t i = 0; i < HASHES; i++) {
        struct credential credential;
        struct reply reply;
        assert_true(password_hash(&config, OLD, NO_NAME, &credential, &reply));
        memcpy(salts[i], credential.text + SALT_AT, PHC_SALT_CHARS);
        for (size_t j = 0; j < i; j++)
            for (size_t half = 0; half < PHC_SALT_CHARS; half += HALF_CHARS)
                assert_memory_not_equal(salts[i] + half, salts[j] + half, HALF_CHARS);
    }
}

static void n_14_a_success_forgets_earlier_failures(void **state)
{
    struct accounts *accounts = open_accounts();
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    for (int round = 0; round < 20; round++) {
        for (unsigned i = 0; i + 1 < ATTEMPTS_FREE_DEFAULT; i++)
            must_login(accounts, TEXT("a"), WRONG, ANSWER_DENIED, "one less than are free");
        must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "and then the right one");
    }
    accounts_close(accounts);
}

static void a_11_2_4_hashes_are_compared_by_sodium_memcmp(void **state)
{
    const struct password_config config = {.cost = {8, 1}, .code_points_min = 15};
    static const struct {
        const char *password;
        bool is_right;
        const char *why;
    } rows[] = {
        {"correct horse battery", true, "right"},
        {"incorrect horse battery", false, "wrong"},
        {"", false, "impossible"},
    };
    struct credential credential;
    struct reply reply;
    (void)state;
    assert_true(password_hash(&config, OLD, NO_NAME, &credential, &reply));
    for (size_t i = 0; i < COUNT(rows); i++) {
        hash_comparisons = 0;
        bool is_right = password_verify(&config, credential_bytes(&credential),
                                        bytes_of(rows[i].password), &reply);
        if (is_right != rows[i].is_right || hash_comparisons != 1)
            fail_msg("%s: %zu comparisons", rows[i].why, hash_comparisons);
    }
    hash_comparisons = 0;
    assert_false(password_verify_nobody(&config, OLD, &reply));
    assert_int_equal(hash_comparisons, 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(n_06_a_password_is_known_in_either_form),
        TEST(n_08_no_password_expires),
        TEST(n_09_only_the_credential_is_stored_with_a_name),
        TEST(n_10_every_hash_has_a_salt_of_its_own),
        TEST(n_14_a_success_forgets_earlier_failures),
        TEST(a_11_2_4_hashes_are_compared_by_sodium_memcmp),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
