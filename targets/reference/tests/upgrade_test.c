/* SPDX-License-Identifier: Apache-2.0
 *
 * Accounts whose credentials are older than the configuration: rows of crypt(3), rows without a
 * pepper key and of an old one. What a login does with them, when a row is made anew and when it
 * must not be, and that nothing but a wrong password is ever denied.
 *
 * Rows are put in as an operator's import would.
 */
#include "database.h"

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

#define SEVENTY_TWO "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define MANY        SEVENTY_TWO "chars after 72 are ignored"
#define BCRYPT_MANY "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
#define ALICE       TEXT("alice")

static struct pepper *open_keys(const char *content)
{
    char file[PATH_BYTES];
    struct pepper *pepper = NULL;
    struct reply reply;
    write_file(bytes_of(content), file);
    if (!pepper_open(file, &pepper, &reply))
        fail_msg("%s", reply.detail);
    assert_int_equal(unlink(file), 0);
    return pepper;
}

static struct accounts *open_under(const struct pepper *pepper, struct admission *admission)
{
    struct accounts_config config = test_config();
    config.password.pepper = pepper;
    config.password.admission = admission;
    return open_with(&config);
}

static void put(struct accounts *accounts, struct bytes credential)
{
    struct reply reply;
    if (!accounts_credential_put(accounts, ALICE, credential, &reply))
        fail_msg("not put: %s", reply.detail);
}

static struct password_kind kind_of_row(struct accounts *accounts)
{
    struct credential stored;
    struct password_kind kind = {.scheme = ""};
    struct reply reply;
    assert_true(accounts_credential_get(accounts, ALICE, &stored, &reply));
    assert_true(password_describe(credential_bytes(&stored), &kind, &reply));
    return kind;
}

static void o_03_rows_of_crypt_become_argon2id(void **state)
{
    static const struct {
        struct bytes row, password;
        const char *scheme; /* before the login */
        bool is_upgraded;
        const char *note;
        const char *why;
    } rows[] = {
        {TEXT("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"), TEXT("U*U"),
         "bcrypt", true, "", "bcrypt, and shorter than the policy"},
        {TEXT("$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbY"
              "EdFCoEOfaS35inz1"),
         TEXT("Hello world!"), "sha512crypt", true, "", "SHA-512"},
        {TEXT("$y$j75$.......$6v6FMOgOfETtKAUsUjzlPEFqKzbkDZzXMu4cgRJKjP5"), TEXT("THE YEAR"),
         "yescrypt", true, "", "yescrypt"},
        {TEXT(BCRYPT_MANY), TEXT(MANY), "bcrypt", false, "bcrypt saw only a part",
         "more than bcrypt saw"},
        {TEXT("$y$j75$LdJMENpBABJJ3hIHjB1Bi.$g93fUlB7MNXyVYXEMt5LK5xZuwzbR0KrSmSln6IDlX5"),
         TEXT("\xa3"
              "a"),
         "yescrypt", false, "not valid UTF-8", "no text"},
    };
    struct accounts *accounts = open_under(NULL, NULL);
    (void)state;
    must_register(accounts, ALICE, OLD);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply reply;
        put(accounts, rows[i].row);
        assert_string_equal(kind_of_row(accounts).scheme, rows[i].scheme);
        assert_false(accounts_login(accounts, ALICE, WRONG, NULL, &reply));
        assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, rows[i].why);
        assert_string_equal(kind_of_row(accounts).scheme, rows[i].scheme);
        for (int login = 0; login < 2; login++) {
            if (!accounts_login(accounts, ALICE, rows[i].password, NULL, &reply))
                fail_msg("%s, login %d: %s", rows[i].why, login, reply.detail);
            assert_detail(&reply, login == 0 ? rows[i].note : "", rows[i].why);
            assert_string_equal(kind_of_row(accounts).scheme,
                                rows[i].is_upgraded ? "argon2id" : rows[i].scheme);
        }
        assert_false(accounts_login(accounts, ALICE, WRONG, NULL, &reply));
        assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, rows[i].why);
    }
    accounts_close(accounts);
}

/* A row that accepts many passwords stays open to all of them, and a change of the password ends
 * it. */
static void o_04_an_upgrade_neither_widens_nor_freezes(void **state)
{
    struct accounts *accounts = open_under(NULL, NULL);
    struct reply reply;
    (void)state;
    must_register(accounts, ALICE, OLD);
    put(accounts, TEXT(BCRYPT_MANY));
    assert_true(accounts_login(accounts, ALICE, TEXT(SEVENTY_TWO), NULL, &reply));
    assert_true(accounts_login(accounts, ALICE, TEXT(MANY), NULL, &reply));
    assert_true(accounts_login(accounts, ALICE, TEXT(SEVENTY_TWO "x"), NULL, &reply));
    assert_true(accounts_change_password(accounts, ALICE, TEXT(MANY), TEXT(MANY), &reply));
    assert_string_equal(kind_of_row(accounts).scheme, "argon2id");
    assert_true(accounts_login(accounts, ALICE, TEXT(MANY), NULL, &reply));
    assert_false(accounts_login(accounts, ALICE, TEXT(SEVENTY_TWO), NULL, &reply));
    assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, "every byte counts now");
    accounts_close(accounts);
}

static void o_07_a_key_rotates_at_login(void **state)
{
    static const struct {
        const char *keys; /* null: no file */
        enum answer answer;
        const char *key_id; /* of the row, after it */
        const char *why;
    } rows[] = {
        {NULL, ANSWER_OK, "-", "before there are keys"},
        {"a " KEY_A " current", ANSWER_OK, "a-", "the first key"},
        {"a " KEY_A " current\nb " KEY_B, ANSWER_OK, "a-", "the second key is announced"},
        {"a " KEY_A "\nb " KEY_B " current", ANSWER_OK, "b-", "it is current"},
        {"a " KEY_A " current\nb " KEY_B, ANSWER_OK, "a-", "rolled back"},
        {"a " KEY_A "\nb " KEY_B " current", ANSWER_OK, "b-", "and forth again"},
        {"b " KEY_B " current", ANSWER_OK, "b-", "the end of the first"},
        {"b " KEY_A " current", ANSWER_UNAVAILABLE, "b-", "the wrong file"},
        {NULL, ANSWER_UNAVAILABLE, "b-", "no file"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pepper *pepper = rows[i].keys == NULL ? NULL : open_keys(rows[i].keys);
        struct accounts *accounts = open_under(pepper, NULL);
        struct reply reply;
        if (i == 0)
            must_register(accounts, ALICE, OLD);
        (void)!accounts_login(accounts, ALICE, OLD, NULL, &reply);
        bool is_ok = rows[i].answer == ANSWER_OK;
        assert_reply(&reply, rows[i].answer, is_ok ? LAYER_NONE : LAYER_HASHING,
                     is_ok ? REASON_NONE : REASON_REFUSED, rows[i].why);
        assert_memory_equal(kind_of_row(accounts).key_id, rows[i].key_id, strlen(rows[i].key_id));
        accounts_close(accounts);
        pepper_close(pepper);
    }
}

/* Sent away is not denied: it says when to come again, and no lock comes of it. */
static void a_6_3_1_over_the_limit_feeds_no_lock(void **state)
{
    struct admission *admission = NULL;
    struct admission_ticket ticket = {NULL, 0};
    struct reply reply;
    (void)state;
    assert_true(admission_open(&(struct admission_limits){1000, 1, 700}, &admission, &reply));
    struct accounts *accounts = open_under(NULL, admission);
    must_register(accounts, ALICE, OLD);
    assert_true(admission_take(admission, 1, &ticket, &reply));
    for (int i = 0; i < 200; i++) {
        const struct bytes password = i % 2 == 0 ? OLD : WRONG;
        assert_false(accounts_login(accounts, ALICE, password, NULL, &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_MEMORY, "sent away");
        assert_int_equal(reply.retry_after_ms, 700);
    }
    assert_false(accounts_login(accounts, TEXT("nobody"), OLD, NULL, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_MEMORY, "nobody, too");
    admission_give(&ticket);
    assert_true(accounts_login(accounts, ALICE, OLD, NULL, &reply));
    accounts_close(accounts);
    admission_close(admission);
}

/* Names are canonical where the policy sees them, whatever form they were given in. */
static void n_07_registration_and_change_know_the_name(void **state)
{
    const struct bytes decomposed = TEXT("Andre\xcc\x81Lefe\xcc\x80vre");
    const struct bytes password = TEXT("andr\xc3\xa9lef\xc3\xa8vre-2026");
    struct accounts *accounts = open_under(NULL, NULL);
    struct reply reply;
    (void)state;
    assert_false(accounts_register(accounts, decomposed, password, &reply));
    assert_reply(&reply, ANSWER_REFUSED, LAYER_INPUT, REASON_REFUSED, "registration");
    assert_detail(&reply, "account name", "registration");
    assert_true(accounts_register(accounts, decomposed, OLD, &reply));
    assert_false(accounts_change_password(accounts, decomposed, OLD, password, &reply));
    assert_reply(&reply, ANSWER_REFUSED, LAYER_INPUT, REASON_REFUSED, "change");
    assert_detail(&reply, "account name", "change");
    assert_true(accounts_change_password(accounts, decomposed, OLD, NEW, &reply));
    accounts_close(accounts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(o_03_rows_of_crypt_become_argon2id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(o_04_an_upgrade_neither_widens_nor_freezes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(o_07_a_key_rotates_at_login, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_6_3_1_over_the_limit_feeds_no_lock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(n_07_registration_and_change_know_the_name, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
