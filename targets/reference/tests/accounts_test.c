/* SPDX-License-Identifier: Apache-2.0
 *
 * Accounts, on real files, with the key derivation under the test's control.
 *
 * crypto_pwhash() is defined here in front of the library's. It counts, it fails on demand with
 * out of memory, and it can call back: what another client does while this one is hashing is the
 * race that compare-and-swap is there for.
 */
#include "folder.h"

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OLD   TEXT("correct horse battery")
#define NEW   TEXT("staple correct horse")
#define WRONG TEXT("incorrect horse battery")

static int kdf_calls;
static int kdf_fails_from;          /* this call and all after it; 0: none */
static void (*kdf_meanwhile)(void); /* called in every call */

int crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                  unsigned long long password_size, const unsigned char *salt,
                  unsigned long long passes, size_t memory, int algorithm)
{
    int (*real)(unsigned char *, unsigned long long, const char *, unsigned long long,
                const unsigned char *, unsigned long long, size_t, int);
    kdf_calls++;
    if (kdf_meanwhile != NULL)
        kdf_meanwhile();
    if (kdf_fails_from != 0 && kdf_calls >= kdf_fails_from) {
        errno = ENOMEM;
        return -1;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "crypto_pwhash");
    return real(out, out_size, password, password_size, salt, passes, memory, algorithm);
}

static int set_up(void **state)
{
    (void)state;
    kdf_calls = kdf_fails_from = 0;
    kdf_meanwhile = NULL;
    return make_folder();
}

static struct accounts *open_at(uint32_t memory_kib)
{
    const struct accounts_config config = {.path = path, .password.cost = {memory_kib, 1}};
    struct accounts *accounts = NULL;
    struct reply reply;
    if (!accounts_open(&config, &accounts, &reply))
        fail_msg("not opened: %s", reply.detail);
    return accounts;
}

static void assert_answer(const struct reply *reply, enum answer answer, enum layer layer,
                          enum reason reason)
{
    if (reply->answer != answer || reply->layer != layer || reply->reason != reason)
        fail_msg("got %d (%d, %d) %s", (int)reply->answer, (int)reply->layer, (int)reply->reason,
                 reply->detail);
}

static void assert_registers(struct accounts *accounts, struct bytes name, struct bytes password)
{
    struct reply reply;
    if (!accounts_register(accounts, name, password, &reply))
        fail_msg("not registered: %s", reply.detail);
}

static void assert_login(struct accounts *accounts, struct bytes name, struct bytes password,
                         enum answer answer)
{
    struct reply reply;
    bool is_ok = accounts_login(accounts, name, password, NULL, &reply);
    assert_answer(&reply, answer, LAYER_NONE, REASON_NONE);
    assert_int_equal(is_ok, answer == ANSWER_OK);
}

static struct credential credential_of(struct accounts *accounts, struct bytes name)
{
    struct credential credential;
    struct reply reply;
    if (!accounts_credential_get(accounts, name, &credential, &reply))
        fail_msg("no credential: %s", reply.detail);
    return credential;
}

static void lives_a_whole_life(void **state)
{
    struct accounts *accounts = open_at(8);
    struct reply reply;
    (void)state;
    assert_login(accounts, TEXT("a"), OLD, ANSWER_DENIED);
    assert_registers(accounts, TEXT("a"), OLD);
    assert_login(accounts, TEXT("a"), OLD, ANSWER_OK);
    assert_login(accounts, TEXT("a"), WRONG, ANSWER_DENIED);
    assert_false(accounts_register(accounts, TEXT("a"), NEW, &reply));
    assert_answer(&reply, ANSWER_EXISTS, LAYER_NONE, REASON_NONE);
    assert_false(accounts_change_password(accounts, TEXT("a"), WRONG, NEW, &reply));
    assert_answer(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE);
    assert_true(accounts_change_password(accounts, TEXT("a"), OLD, NEW, &reply));
    assert_login(accounts, TEXT("a"), OLD, ANSWER_DENIED);
    accounts_close(accounts);
    accounts = open_at(8);
    assert_login(accounts, TEXT("a"), NEW, ANSWER_OK);
    assert_false(accounts_remove(accounts, TEXT("a"), OLD, &reply));
    assert_answer(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE);
    assert_true(accounts_remove(accounts, TEXT("a"), NEW, &reply));
    assert_login(accounts, TEXT("a"), NEW, ANSWER_DENIED);
    assert_false(accounts_remove(accounts, TEXT("a"), NEW, &reply));
    assert_answer(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE);
    assert_registers(accounts, TEXT("a"), OLD);
    accounts_close(accounts);
    accounts_close(NULL);
}

static void knows_names_by_their_characters(void **state)
{
    static uint8_t longest[NAME_BYTES_MAX + 1];
    static const struct {
        struct bytes name;
        enum answer answer;
        enum reason reason;
        const char *why;
    } rows[] = {
        {TEXT("caf\xc3\xa9"), ANSWER_OK, REASON_NONE, "composed"},
        {TEXT("cafe\xcc\x81"), ANSWER_EXISTS, REASON_NONE, "the same, decomposed"},
        {TEXT("Caf\xc3\xa9"), ANSWER_OK, REASON_NONE, "another case is another name"},
        {TEXT("7"), ANSWER_OK, REASON_NONE, "a number"},
        {TEXT("007"), ANSWER_OK, REASON_NONE, "and another"},
        {{longest, NAME_BYTES_MAX}, ANSWER_OK, REASON_NONE, "the longest"},
        {{longest, NAME_BYTES_MAX - 1}, ANSWER_OK, REASON_NONE, "all but its last byte"},
        {{longest, NAME_BYTES_MAX + 1}, ANSWER_REFUSED, REASON_LIMIT, "one more"},
        {TEXT(""), ANSWER_REFUSED, REASON_REFUSED, "empty"},
        {TEXT("a\0b"), ANSWER_REFUSED, REASON_REFUSED, "NUL"},
        {TEXT("a\xff"), ANSWER_REFUSED, REASON_REFUSED, "not UTF-8"},
    };
    struct accounts *accounts = open_at(8);
    (void)state;
    memset(longest, 'a', sizeof longest);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply reply;
        struct credential credential;
        bool is_ok = accounts_register(accounts, rows[i].name, OLD, &reply);
        if (is_ok != (rows[i].answer == ANSWER_OK) || reply.answer != rows[i].answer ||
            reply.reason != rows[i].reason)
            fail_msg("%s: %s", rows[i].why, reply.detail);
        if (rows[i].answer != ANSWER_REFUSED) {
            assert_login(accounts, rows[i].name, OLD, ANSWER_OK);
            continue;
        }
        assert_false(accounts_login(accounts, rows[i].name, OLD, NULL, &reply));
        assert_answer(&reply, ANSWER_REFUSED, LAYER_INPUT, rows[i].reason);
        assert_false(accounts_change_password(accounts, rows[i].name, OLD, NEW, &reply));
        assert_answer(&reply, ANSWER_REFUSED, LAYER_INPUT, rows[i].reason);
        assert_false(accounts_remove(accounts, rows[i].name, OLD, &reply));
        assert_answer(&reply, ANSWER_REFUSED, LAYER_INPUT, rows[i].reason);
        assert_false(accounts_credential_get(accounts, rows[i].name, &credential, &reply));
        assert_answer(&reply, ANSWER_REFUSED, LAYER_INPUT, rows[i].reason);
        assert_false(accounts_credential_put(accounts, rows[i].name, OLD, &reply));
        assert_answer(&reply, ANSWER_REFUSED, LAYER_INPUT, rows[i].reason);
    }
    accounts_close(accounts);
}

static void a_6_3_4_refuses_a_new_password_without_a_look(void **state)
{
    struct accounts *accounts = open_at(8);
    struct reply reply;
    (void)state;
    assert_registers(accounts, TEXT("a"), OLD);
    kdf_calls = 0;
    assert_false(accounts_register(accounts, TEXT("b"), TEXT("short"), &reply));
    assert_answer(&reply, ANSWER_REFUSED, LAYER_INPUT, REASON_REFUSED);
    assert_false(accounts_change_password(accounts, TEXT("a"), OLD, TEXT("short"), &reply));
    assert_answer(&reply, ANSWER_REFUSED, LAYER_INPUT, REASON_REFUSED);
    assert_false(accounts_change_password(accounts, TEXT("nobody"), OLD, TEXT("short"), &reply));
    assert_answer(&reply, ANSWER_REFUSED, LAYER_INPUT, REASON_REFUSED);
    assert_int_equal(kdf_calls, 0);
    assert_login(accounts, TEXT("a"), OLD, ANSWER_OK);
    accounts_close(accounts);
}

static void a_6_3_8_nobody_looks_like_a_wrong_password(void **state)
{
    struct accounts *accounts = open_at(8);
    struct reply known, unknown;
    const struct bytes rows[] = {WRONG, TEXT(""), TEXT("\xff")};
    (void)state;
    assert_registers(accounts, TEXT("a"), OLD);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kdf_calls = 0;
        assert_false(accounts_login(accounts, TEXT("a"), rows[i], NULL, &known));
        assert_int_equal(kdf_calls, 1);
        assert_false(accounts_login(accounts, TEXT("nobody"), rows[i], NULL, &unknown));
        assert_int_equal(kdf_calls, 2);
        assert_memory_equal(&known, &unknown, sizeof known);
    }
    accounts_close(accounts);
}

static void a_11_2_5_out_of_memory_is_never_a_verdict(void **state)
{
    struct accounts *accounts = open_at(8);
    struct reply reply;
    struct credential credential;
    (void)state;
    assert_registers(accounts, TEXT("a"), OLD);
    kdf_fails_from = 1;
    assert_false(accounts_login(accounts, TEXT("a"), OLD, NULL, &reply));
    assert_answer(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_MEMORY);
    assert_false(accounts_login(accounts, TEXT("nobody"), OLD, NULL, &reply));
    assert_answer(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_MEMORY);
    assert_false(accounts_register(accounts, TEXT("b"), OLD, &reply));
    assert_answer(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_MEMORY);
    assert_false(accounts_remove(accounts, TEXT("a"), OLD, &reply));
    assert_answer(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_MEMORY);
    for (int call = 1; call <= 2; call++) {
        kdf_calls = 0;
        kdf_fails_from = call;
        assert_false(accounts_change_password(accounts, TEXT("a"), OLD, NEW, &reply));
        assert_answer(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_MEMORY);
    }
    kdf_fails_from = 0;
    assert_false(accounts_credential_get(accounts, TEXT("b"), &credential, &reply));
    assert_answer(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE);
    assert_login(accounts, TEXT("a"), OLD, ANSWER_OK);
    accounts_close(accounts);
}

static void o_03_strengthens_a_credential_at_login(void **state)
{
    struct accounts *accounts = open_at(8);
    struct reply reply;
    (void)state;
    assert_registers(accounts, TEXT("a"), OLD);
    struct credential weak = credential_of(accounts, TEXT("a"));
    accounts_close(accounts);

    accounts = open_at(16);
    assert_login(accounts, TEXT("a"), WRONG, ANSWER_DENIED);
    assert_string_equal(credential_of(accounts, TEXT("a")).text, weak.text);
    kdf_calls = 0;
    kdf_fails_from = 2;
    assert_true(accounts_login(accounts, TEXT("a"), OLD, NULL, &reply));
    assert_answer(&reply, ANSWER_OK, LAYER_NONE, REASON_NONE);
    assert_string_equal(reply.detail, "rehash put off: argon2id: out of memory");
    assert_string_equal(credential_of(accounts, TEXT("a")).text, weak.text);
    kdf_fails_from = 0;
    assert_login(accounts, TEXT("a"), OLD, ANSWER_OK);
    struct credential strong = credential_of(accounts, TEXT("a"));
    assert_non_null(strstr(strong.text, "$m=16,t=1,p=1$"));
    assert_login(accounts, TEXT("a"), OLD, ANSWER_OK);
    accounts_close(accounts);

    accounts = open_at(8);
    assert_login(accounts, TEXT("a"), OLD, ANSWER_OK);
    assert_string_equal(credential_of(accounts, TEXT("a")).text, strong.text);
    accounts_close(accounts);
}

static void a_short_old_password_is_served_and_strengthened(void **state)
{
    static const struct password_config lax = {.cost = {8, 1}, .code_points_min = 8};
    struct accounts *accounts = open_at(16);
    struct credential credential;
    struct reply reply;
    (void)state;
    assert_registers(accounts, TEXT("a"), OLD);
    assert_true(
        password_hash(&lax, TEXT("eight ch"), (struct bytes){NULL, 0}, &credential, &reply));
    assert_true(
        accounts_credential_put(accounts, TEXT("a"), credential_bytes(&credential), &reply));
    assert_login(accounts, TEXT("a"), TEXT("eight ch"), ANSWER_OK);
    assert_non_null(strstr(credential_of(accounts, TEXT("a")).text, "$m=16,t=1,p=1$"));
    assert_login(accounts, TEXT("a"), TEXT("eight ch"), ANSWER_OK);
    accounts_close(accounts);
}

static void a_broken_record_is_corrupt_for_everybody(void **state)
{
    static uint8_t longer[CREDENTIAL_BYTES_MAX + 1];
    struct accounts *accounts = open_at(8);
    const struct bytes rows[] = {
        TEXT(""), TEXT("!"), TEXT("\xff\0"), {longer, CREDENTIAL_BYTES_MAX}};
    const struct bytes passwords[] = {OLD, WRONG, TEXT("")};
    struct reply reply;
    (void)state;
    assert_registers(accounts, TEXT("a"), OLD);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(accounts_credential_put(accounts, TEXT("a"), rows[i], &reply));
        assert_int_equal(credential_of(accounts, TEXT("a")).size, rows[i].size);
        for (size_t k = 0; k < sizeof passwords / sizeof *passwords; k++) {
            assert_false(accounts_login(accounts, TEXT("a"), passwords[k], NULL, &reply));
            assert_answer(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_CORRUPT);
        }
        assert_false(accounts_change_password(accounts, TEXT("a"), OLD, NEW, &reply));
        assert_answer(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_CORRUPT);
        assert_false(accounts_remove(accounts, TEXT("a"), OLD, &reply));
        assert_answer(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_CORRUPT);
    }
    assert_false(accounts_credential_put(accounts, TEXT("a"), (struct bytes){longer, sizeof longer},
                                         &reply));
    assert_answer(&reply, ANSWER_REFUSED, LAYER_INPUT, REASON_LIMIT);
    assert_false(accounts_credential_put(accounts, TEXT("nobody"), OLD, &reply));
    assert_answer(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE);
    accounts_close(accounts);
}

/* The other client, and what it writes while this one hashes. */
static struct accounts *other;
static struct credential other_writes[2];
static int other_wrote, other_writes_max;

static void other_puts(void)
{
    struct reply reply;
    if (other_wrote < other_writes_max)
        assert_true(accounts_credential_put(
            other, TEXT("a"), credential_bytes(&other_writes[other_wrote++ % 2]), &reply));
}

/* Makes two credentials for each race; alternating them changes the row every time. */
static void prepare_race(struct bytes password, int writes_max)
{
    static const struct password_config cheap = {.cost = {8, 1}, .code_points_min = 15};
    struct reply reply;
    kdf_meanwhile = NULL;
    for (size_t i = 0; i < 2; i++)
        assert_true(
            password_hash(&cheap, password, (struct bytes){NULL, 0}, &other_writes[i], &reply));
    other_wrote = 0;
    other_writes_max = writes_max;
    kdf_calls = 0;
    kdf_meanwhile = other_puts;
}

static void a_15_4_2_changes_survive_races(void **state)
{
    struct accounts *accounts = open_at(8);
    struct reply reply;
    (void)state;
    other = open_at(8);
    assert_registers(accounts, TEXT("a"), OLD);

    prepare_race(OLD, 1); /* the same password with another salt, as a rehash writes it */
    assert_true(accounts_change_password(accounts, TEXT("a"), OLD, NEW, &reply));
    assert_int_equal(kdf_calls, 3);
    assert_login(accounts, TEXT("a"), NEW, ANSWER_OK);

    prepare_race(OLD,
                 1); /* the password has been changed: the new one is lost to whoever came first */
    assert_false(accounts_change_password(accounts, TEXT("a"), NEW, NEW, &reply));
    assert_answer(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE);
    assert_login(accounts, TEXT("a"), OLD, ANSWER_OK);

    prepare_race(OLD, 1);
    assert_true(accounts_remove(accounts, TEXT("a"), OLD, &reply));
    assert_login(accounts, TEXT("a"), OLD, ANSWER_DENIED);
    kdf_meanwhile = NULL;
    accounts_close(other);
    accounts_close(accounts);
}

static void changes_give_up_in_the_end(void **state)
{
    struct accounts *accounts = open_at(8);
    struct reply reply;
    (void)state;
    other = open_at(8);
    assert_registers(accounts, TEXT("a"), OLD);
    prepare_race(OLD, 1000);
    assert_false(accounts_remove(accounts, TEXT("a"), OLD, &reply));
    assert_answer(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_BUSY);
    assert_int_equal(kdf_calls, CHANGE_ATTEMPTS_MAX);
    prepare_race(OLD, 1000);
    assert_false(accounts_change_password(accounts, TEXT("a"), OLD, NEW, &reply));
    assert_answer(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_BUSY);
    kdf_meanwhile = NULL;
    assert_login(accounts, TEXT("a"), OLD, ANSWER_OK);
    accounts_close(other);
    accounts_close(accounts);
}

static void a_rehash_never_undoes_a_change(void **state)
{
    struct accounts *accounts = open_at(8);
    (void)state;
    other = open_at(8);
    assert_registers(accounts, TEXT("a"), OLD);
    accounts_close(accounts);
    accounts = open_at(16);
    prepare_race(NEW, 1);
    assert_login(accounts, TEXT("a"), OLD, ANSWER_OK);
    kdf_meanwhile = NULL;
    assert_int_equal(kdf_calls, 2);
    assert_login(accounts, TEXT("a"), OLD, ANSWER_DENIED);
    assert_login(accounts, TEXT("a"), NEW, ANSWER_OK);
    accounts_close(other);
    accounts_close(accounts);
}

static void a_6_3_2_a_new_database_has_no_account(void **state)
{
    static const struct bytes names[] = {TEXT("admin"), TEXT("root"), TEXT("test"), TEXT("user")};
    struct accounts *accounts = open_at(8);
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_login(accounts, names[i], names[i], ANSWER_DENIED);
        assert_login(accounts, names[i], TEXT(""), ANSWER_DENIED);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_registers(accounts, names[i], OLD);
    accounts_close(accounts);
}

static void a_6_2_3_a_change_needs_the_current_password(void **state)
{
    static const struct {
        struct bytes given;
        const char *why;
    } rows[] = {
        {TEXT(""), "nothing"},
        {WRONG, "another password"},
        {NEW, "the new one"},
        {TEXT("correct horse batter"), "all but its last character"},
        {TEXT("Correct horse battery"), "another case"},
    };
    struct accounts *accounts = open_at(8);
    struct reply reply;
    (void)state;
    assert_registers(accounts, TEXT("a"), OLD);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (accounts_change_password(accounts, TEXT("a"), rows[i].given, NEW, &reply))
            fail_msg("%s", rows[i].why);
        assert_answer(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE);
    }
    assert_login(accounts, TEXT("a"), OLD, ANSWER_OK);
    assert_true(accounts_change_password(accounts, TEXT("a"), OLD, NEW, &reply));
    assert_login(accounts, TEXT("a"), NEW, ANSWER_OK);
    accounts_close(accounts);
}

/* Every answer that is given out, with the one form of its cause. */
static void x_01_every_answer_has_one_cause(void **state)
{
    struct reply replies[5];
    struct accounts *accounts = open_at(8);
    (void)state;
    assert_registers(accounts, TEXT("a"), OLD);
    assert_true(accounts_login(accounts, TEXT("a"), OLD, NULL, &replies[0]));
    assert_false(accounts_register(accounts, TEXT("a"), OLD, &replies[1]));
    assert_false(accounts_register(accounts, TEXT("b"), TEXT("short"), &replies[2]));
    kdf_fails_from = 1;
    assert_false(accounts_login(accounts, TEXT("a"), OLD, NULL, &replies[3]));
    kdf_fails_from = 0;
    for (unsigned i = 0; i < ATTEMPTS_FREE_DEFAULT; i++)
        assert_login(accounts, TEXT("a"), WRONG, ANSWER_DENIED);
    assert_false(accounts_login(accounts, TEXT("a"), OLD, NULL, &replies[4]));
    assert_answer(&replies[0], ANSWER_OK, LAYER_NONE, REASON_NONE);
    assert_answer(&replies[1], ANSWER_EXISTS, LAYER_NONE, REASON_NONE);
    assert_answer(&replies[2], ANSWER_REFUSED, LAYER_INPUT, REASON_REFUSED);
    assert_answer(&replies[3], ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_MEMORY);
    assert_answer(&replies[4], ANSWER_LOCKED, LAYER_NONE, REASON_NONE);
    accounts_close(accounts);
}

static void opens_or_says_why(void **state)
{
    struct accounts_config config = {.path = path, .password.cost = {4, 1}};
    struct accounts *accounts = NULL;
    struct reply reply;
    char version[SCHEMA_TEXT_BYTES];
    (void)state;
    assert_false(accounts_open(&config, &accounts, &reply));
    assert_answer(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_LIMIT);
    assert_int_equal(access(path, F_OK), -1);
    config.password.cost.memory_kib = 0;
    config.must_exist = true;
    assert_false(accounts_open(&config, &accounts, &reply));
    assert_answer(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_IO);
    assert_null(accounts);
    config.must_exist = false;
    assert_true(accounts_open(&config, &accounts, &reply));
    assert_true(accounts_schema(accounts, version, &reply));
    assert_string_equal(version, "1.1");
    accounts_close(accounts);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(lives_a_whole_life),
        TEST(knows_names_by_their_characters),
        TEST(a_6_3_4_refuses_a_new_password_without_a_look),
        TEST(a_6_3_8_nobody_looks_like_a_wrong_password),
        TEST(a_11_2_5_out_of_memory_is_never_a_verdict),
        TEST(o_03_strengthens_a_credential_at_login),
        TEST(a_short_old_password_is_served_and_strengthened),
        TEST(a_broken_record_is_corrupt_for_everybody),
        TEST(a_15_4_2_changes_survive_races),
        TEST(changes_give_up_in_the_end),
        TEST(a_rehash_never_undoes_a_change),
        TEST(a_6_3_2_a_new_database_has_no_account),
        TEST(a_6_2_3_a_change_needs_the_current_password),
        TEST(x_01_every_answer_has_one_cause),
        TEST(opens_or_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
