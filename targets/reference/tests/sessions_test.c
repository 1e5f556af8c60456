/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions: that a token opens exactly the session it was given out for, for as long as that lasts,
 * and that the database alone opens none.
 */
#include "database.h"

static struct accounts *open_accounts(void)
{
    struct accounts_config config = test_config();
    return open_with(&config);
}

static struct session_token start(struct accounts *accounts, struct bytes name,
                                  struct bytes password)
{
    struct session_token token;
    struct reply reply;
    if (!accounts_login(accounts, name, password, &token, &reply))
        fail_msg("no session: %s", reply.detail);
    return token;
}

static void must_check(struct accounts *accounts, const struct session_token *token,
                       struct bytes name, const char *why)
{
    struct account_name got;
    struct reply reply;
    if (!accounts_session_check(accounts, session_token_bytes(token), &got, &reply))
        fail_msg("%s: %d %s", why, (int)reply.answer, reply.detail);
    assert_int_equal(got.size, name.size);
    assert_memory_equal(got.data, name.data, name.size);
}

static void must_be_over(struct accounts *accounts, const struct session_token *token,
                         const char *why)
{
    struct account_name got = {.size = 7};
    struct reply reply;
    if (accounts_session_check(accounts, session_token_bytes(token), &got, &reply))
        fail_msg("%s: it goes on", why);
    assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, why);
    assert_int_equal(got.size, 7);
}

static void a_7_2_4_every_login_starts_a_new_session(void **state)
{
    struct accounts *accounts = open_accounts();
    struct reply reply;
    (void)state;
    must_register(accounts, TEXT("cafe\xcc\x81"), OLD);
    must_register(accounts, TEXT("b"), OLD);
    struct session_token first = start(accounts, TEXT("cafe\xcc\x81"), OLD);
    struct session_token second = start(accounts, TEXT("caf\xc3\xa9"), OLD);
    struct session_token third = start(accounts, TEXT("b"), OLD);
    assert_string_not_equal(first.text, second.text);
    must_check(accounts, &first, TEXT("caf\xc3\xa9"), "the canonical name");
    must_check(accounts, &second, TEXT("caf\xc3\xa9"), "the second");
    must_check(accounts, &third, TEXT("b"), "another account's");
    accounts_close(accounts);

    accounts = open_accounts();
    must_check(accounts, &first, TEXT("caf\xc3\xa9"), "after a restart");
    assert_true(accounts_session_revoke(accounts, session_token_bytes(&first), &reply));
    must_be_over(accounts, &first, "revoked");
    assert_false(accounts_session_revoke(accounts, session_token_bytes(&first), &reply));
    assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, "revoked twice");
    must_check(accounts, &second, TEXT("caf\xc3\xa9"), "the second goes on");
    accounts_close(accounts);
}

/* 32 bytes that do not repeat, all of whose bits move. */
static void a_7_2_3_a_11_5_1_tokens_are_random(void **state)
{
    struct accounts *accounts = open_accounts();
    uint8_t ones[SESSION_TOKEN_BYTES] = {0}, zeros[SESSION_TOKEN_BYTES] = {0};
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    for (unsigned i = 0; i < 64; i++) {
        struct session_token token = start(accounts, TEXT("a"), OLD);
        uint8_t raw[SESSION_TOKEN_BYTES];
        size_t size;
        assert_int_equal(strlen(token.text), SESSION_TEXT_BYTES - 1);
        assert_int_equal(sodium_base642bin(raw, sizeof raw, token.text, strlen(token.text), NULL,
                                           &size, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                         0);
        assert_int_equal(size, SESSION_TOKEN_BYTES);
        for (size_t k = 0; k < sizeof raw; k++) {
            ones[k] |= raw[k];
            zeros[k] |= (uint8_t)~raw[k];
        }
    }
    for (size_t k = 0; k < SESSION_TOKEN_BYTES; k++) {
        assert_int_equal(ones[k], 0xff);
        assert_int_equal(zeros[k], 0xff);
    }
    accounts_close(accounts);
}

/* Every prefix, every single change, other alphabets, and what is no text at all. */
static void only_the_token_itself_opens_it(void **state)
{
    struct accounts *accounts = open_accounts();
    struct session_token token;
    struct account_name name;
    struct reply reply;
    uint8_t longer[SESSION_TEXT_BYTES + 8] = {0};
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    token = start(accounts, TEXT("a"), OLD);
    memcpy(longer, token.text, SESSION_TEXT_BYTES - 1);
    for (size_t size = 0; size <= sizeof longer; size++) {
        bool is_ok = accounts_session_check(accounts, (struct bytes){longer, size}, &name, &reply);
        assert_int_equal(is_ok, size == SESSION_TEXT_BYTES - 1);
        assert_int_equal(reply.answer, is_ok ? ANSWER_OK : ANSWER_DENIED);
    }
    for (size_t i = 0; i < SESSION_TEXT_BYTES - 1; i++)
        for (unsigned byte = 0; byte < 256; byte++) {
            struct session_token changed = token;
            changed.text[i] = (char)byte;
            if (changed.text[i] != token.text[i])
                must_be_over(accounts, &changed, "one byte is another");
        }
    assert_false(accounts_session_check(accounts, (struct bytes){NULL, 0}, &name, &reply));
    assert_int_equal(reply.answer, ANSWER_DENIED);
    must_check(accounts, &token, TEXT("a"), "untouched");
    while (strchr(token.text, '_') == NULL)
        token = start(accounts, TEXT("a"), OLD);
    *strchr(token.text, '_') = (char)0x80; /* which libsodium 1.0.18 takes for it */
    must_be_over(accounts, &token, "another spelling");
    accounts_close(accounts);
}

/* What is stored is no token: neither its text nor its bytes are in the file. */
static void the_database_opens_no_session(void **state)
{
    struct accounts *accounts = open_accounts();
    static uint8_t file[1 << 20];
    uint8_t raw[SESSION_TOKEN_BYTES];
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    struct session_token token = start(accounts, TEXT("a"), OLD);
    must_check(accounts, &token, TEXT("a"), "it is a good one");
    accounts_close(accounts); /* and so everything is in the main file */
    assert_int_equal(sodium_base642bin(raw, sizeof raw, token.text, strlen(token.text), NULL, NULL,
                                       NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    size_t size = fread(file, 1, sizeof file, stream);
    assert_int_equal(fclose(stream), 0);
    assert_true(size > 0 && size < sizeof file);
    assert_non_null(memmem(file, size, "$argon2id$", 10));
    assert_null(memmem(file, size, token.text, SESSION_TEXT_BYTES - 1));
    assert_null(memmem(file, size, raw, sizeof raw));
}

static void ends_at_its_time_and_not_before(void **state)
{
    static const struct {
        int64_t later_ms;
        bool is_running;
        const char *why;
    } rows[] = {
        {0, true, "at once"},
        {12 * 3600 * 1000 - 1, true, "the last moment of 12 hours"},
        {12 * 3600 * 1000, false, "12 hours"},
        {INT64_MAX - NOON_MS, false, "the end of time"},
        {-1, true, "a clock that was corrected"},
        {-60000, true, "by a minute at most"},
        {-60001, false, "a clock that was set back"},
        {-NOON_MS, false, "a clock that begins again"},
        {-NOON_MS - 5, false, "before 1970"},
    };
    struct accounts *accounts = open_accounts();
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    struct session_token token = start(accounts, TEXT("a"), OLD);
    for (size_t i = 0; i < COUNT(rows); i++) {
        clock_now_ms = NOON_MS + rows[i].later_ms;
        if (rows[i].is_running)
            must_check(accounts, &token, TEXT("a"), rows[i].why);
        else
            must_be_over(accounts, &token, rows[i].why);
    }
    accounts_close(accounts);
}

static void a_7_4_3_all_end_when_the_password_changes(void **state)
{
    struct accounts *accounts = open_accounts();
    struct reply reply;
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    must_register(accounts, TEXT("b"), OLD);
    struct session_token first = start(accounts, TEXT("a"), OLD);
    struct session_token second = start(accounts, TEXT("a"), OLD);
    struct session_token others = start(accounts, TEXT("b"), OLD);
    assert_false(accounts_change_password(accounts, TEXT("a"), WRONG, NEW, &reply));
    must_check(accounts, &first, TEXT("a"), "a change that was denied");
    assert_true(accounts_change_password(accounts, TEXT("a"), OLD, NEW, &reply));
    must_be_over(accounts, &first, "changed");
    must_be_over(accounts, &second, "changed");
    must_check(accounts, &others, TEXT("b"), "another account's");
    assert_int_equal(plain_number("SELECT count(*) FROM session"), 1);
    struct session_token third = start(accounts, TEXT("a"), NEW);
    assert_true(accounts_change_password(accounts, TEXT("a"), NEW, NEW, &reply));
    must_be_over(accounts, &third, "the same password, set anew");
    accounts_close(accounts);
}

static void a_7_4_2_all_end_when_the_account_goes(void **state)
{
    struct accounts *accounts = open_accounts();
    struct reply reply;
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    struct session_token token = start(accounts, TEXT("a"), OLD);
    assert_true(accounts_remove(accounts, TEXT("a"), OLD, &reply));
    must_be_over(accounts, &token, "removed");
    assert_int_equal(plain_number("SELECT count(*) FROM session"), 0);
    must_register(accounts, TEXT("a"), OLD);
    must_be_over(accounts, &token, "registered again, with the same password");
    accounts_close(accounts);
}

/* The statements of a release that knows no sessions leave the rows behind; they open nothing. */
static void other_releases_end_them_too(void **state)
{
    static const struct {
        const char *sql;
        const char *why;
    } rows[] = {
        {"UPDATE account SET credential = '$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'",
         "a change"},
        {"DELETE FROM account", "a removal"},
        {"CREATE TEMP TABLE kept AS SELECT name FROM account; DELETE FROM account; INSERT INTO "
         "account SELECT name, '$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' FROM kept",
         "another account of that name"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(set_up(NULL), 0);
        struct accounts *accounts = open_accounts();
        must_register(accounts, TEXT("a"), OLD);
        struct session_token token = start(accounts, TEXT("a"), OLD);
        plainly(rows[i].sql);
        assert_int_equal(plain_number("SELECT count(*) FROM session"), 1);
        must_be_over(accounts, &token, rows[i].why);
        accounts_close(accounts);
        assert_int_equal(tear_down(NULL), 0);
    }
}

static void a_rehash_takes_them_along(void **state)
{
    struct accounts *accounts = open_accounts();
    struct accounts_config dearer = test_config();
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    struct session_token first = start(accounts, TEXT("a"), OLD);
    accounts_close(accounts);
    dearer.password.cost.memory_kib = 16;
    accounts = open_with(&dearer);
    struct session_token second = start(accounts, TEXT("a"), OLD);
    assert_int_equal(plain_number("SELECT count(*) FROM account WHERE credential LIKE '%m=16%'"),
                     1);
    must_check(accounts, &first, TEXT("a"), "from before the rehash");
    must_check(accounts, &second, TEXT("a"), "of the login that rehashed");
    accounts_close(accounts);
}

/* So many for an account, and the oldest goes, whatever the clock says; what is over is swept out
 * by and by. */
static void an_account_has_a_limited_number(void **state)
{
    struct accounts_config config = test_config();
    struct session_token tokens[6];
    (void)state;
    config.session.sessions_max = 3;
    struct accounts *accounts = open_with(&config);
    must_register(accounts, TEXT("a"), OLD);
    must_register(accounts, TEXT("b"), OLD);
    struct session_token others = start(accounts, TEXT("b"), OLD);
    for (size_t i = 0; i < 6; i++, clock_now_ms--)
        tokens[i] = start(accounts, TEXT("a"), OLD);
    for (size_t i = 0; i < 6; i++)
        if (i < 3)
            must_be_over(accounts, &tokens[i], "one of the oldest");
        else
            must_check(accounts, &tokens[i], TEXT("a"), "one of the newest");
    must_check(accounts, &others, TEXT("b"), "another account's");
    assert_int_equal(plain_number("SELECT count(*) FROM session"), 4);
    clock_now_ms += 13 * 3600 * 1000;
    struct session_token later = start(accounts, TEXT("b"), OLD);
    assert_int_equal(plain_number("SELECT count(*) FROM session"), 1);
    must_check(accounts, &later, TEXT("b"), "the only one");
    accounts_close(accounts);
}

static void none_without_the_password(void **state)
{
    struct accounts *accounts = open_accounts();
    struct session_token token;
    struct reply reply;
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    memset(&token, 'x', sizeof token);
    for (unsigned i = 0; i < 12; i++) {
        assert_false(accounts_login(accounts, TEXT("a"), WRONG, &token, &reply));
        assert_int_equal(token.text[0], 'x');
    }
    assert_int_equal(reply.answer, ANSWER_LOCKED);
    assert_false(accounts_login(accounts, TEXT("a"), OLD, &token, &reply));
    assert_int_equal(reply.answer, ANSWER_LOCKED);
    assert_int_equal(token.text[0], 'x');
    assert_int_equal(plain_number("SELECT count(*) FROM session"), 0);
    accounts_close(accounts);
}

/* What an operation costs in waits for the disk: nothing at most logins, else one, whatever is
 * written. (The first write of a connection syncs the folder, too; and the write-ahead log is never
 * long enough here to be moved into the database.) */
static void an_operation_waits_for_the_disk_once(void **state)
{
    static const struct {
        const char *name; /* of a step below */
        int syncs;
        const char *why;
    } rows[] = {
        {"right", 0, "a right password, and nothing to be written"},
        {"wrong", 1, "a wrong one is counted"},
        {"stranger", 1, "so is a stranger's"},
        {"right", 1, "a right one resets the count"},
        {"right", 0, "and the next one has nothing to reset"},
        {"session", 1, "a session"},
        {"wrong", 1, "a wrong one"},
        {"session", 1, "a reset and a session"},
        {"dearer", 1, "a rehash"},
        {"change", 1, "a change and the end of two sessions"},
        {"remove", 1, "a removal"},
    };
    struct accounts_config config = test_config(), dearer = test_config();
    (void)state;
    dearer.password.cost.memory_kib = 16;
    struct accounts *accounts = open_with(&config), *later = open_with(&dearer);
    must_register(accounts, TEXT("a"), OLD);
    must_register(later, TEXT("b"), OLD);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *step = rows[i].name;
        struct session_token token;
        struct reply reply;
        syncs = 0;
        if (strcmp(step, "wrong") == 0)
            (void)!accounts_login(accounts, TEXT("a"), WRONG, NULL, &reply);
        else if (strcmp(step, "stranger") == 0)
            (void)!accounts_login(accounts, TEXT("nobody"), WRONG, NULL, &reply);
        else if (strcmp(step, "change") == 0)
            (void)!accounts_change_password(accounts, TEXT("a"), OLD, NEW, &reply);
        else if (strcmp(step, "remove") == 0)
            (void)!accounts_remove(accounts, TEXT("a"), NEW, &reply);
        else
            (void)!accounts_login(strcmp(step, "dearer") == 0 ? later : accounts, TEXT("a"), OLD,
                                  strcmp(step, "session") == 0 ? &token : NULL, &reply);
        assert_true(reply.answer == ANSWER_OK || reply.answer == ANSWER_DENIED);
        if (syncs != rows[i].syncs)
            fail_msg("%s: %d waits", rows[i].why, syncs);
    }
    accounts_close(later);
    accounts_close(accounts);
}

/* A session that cannot be stored is not given out, although the password is right. */
static void none_that_is_not_stored(void **state)
{
    struct accounts *accounts = open_accounts();
    struct session_token token;
    struct reply reply;
    sqlite3 *other;
    (void)state;
    must_register(accounts, TEXT("a"), OLD);
    memset(&token, 'x', sizeof token);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_false(accounts_login(accounts, TEXT("a"), OLD, &token, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_BUSY, "locked");
    assert_int_equal(token.text[0], 'x');
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    accounts_close(accounts);
}

static void does_not_believe_a_row(void **state)
{
    static const struct {
        const char *sql;
        enum answer answer;
        enum reason reason;
        const char *why;
    } rows[] = {
        {"UPDATE session SET binding = x'00'", ANSWER_DENIED, REASON_NONE, "a short binding"},
        {"UPDATE session SET binding = x''", ANSWER_DENIED, REASON_NONE, "no binding"},
        {"UPDATE session SET started_ms = -9223372036854775808, expires_ms = 0", ANSWER_DENIED,
         REASON_NONE, "long ago"},
        {"UPDATE session SET expires_ms = -1", ANSWER_DENIED, REASON_NONE, "over before it began"},
        {"UPDATE account SET credential = printf('%.*c', 1025, 'x')", ANSWER_UNAVAILABLE,
         REASON_CORRUPT, "a credential that is too long"},
        {"UPDATE account SET name = printf('%.*c', 766, 'x'); UPDATE "
         "session SET name = printf('%.*c', 766, 'x')",
         ANSWER_UNAVAILABLE, REASON_CORRUPT, "a name that is too long"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct account_name name;
        struct reply reply;
        assert_int_equal(set_up(NULL), 0);
        struct accounts *accounts = open_accounts();
        must_register(accounts, TEXT("a"), OLD);
        struct session_token token = start(accounts, TEXT("a"), OLD);
        plainly(rows[i].sql);
        assert_false(accounts_session_check(accounts, session_token_bytes(&token), &name, &reply));
        if (reply.answer != rows[i].answer || reply.reason != rows[i].reason)
            fail_msg("%s: %d %s", rows[i].why, (int)reply.answer, reply.detail);
        accounts_close(accounts);
        assert_int_equal(tear_down(NULL), 0);
    }
}

static void configurations_within_the_limits(void **state)
{
    static const struct {
        struct session_config config;
        bool is_good;
        const char *why;
    } rows[] = {
        {{0, 0}, true, "the defaults"},
        {{SESSION_LIFETIME_S_MAX, SESSIONS_LIMIT}, true, "the largest"},
        {{SESSION_LIFETIME_S_MAX + 1, 0}, false, "too long"},
        {{0, SESSIONS_LIMIT + 1}, false, "too many"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct session_config complete;
        struct reply reply;
        if (session_config_complete(&rows[i].config, &complete, &reply) != rows[i].is_good)
            fail_msg("%s", rows[i].why);
        if (!rows[i].is_good)
            assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_LIMIT, rows[i].why);
    }
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_7_2_4_every_login_starts_a_new_session),
        TEST(a_7_2_3_a_11_5_1_tokens_are_random),
        TEST(only_the_token_itself_opens_it),
        TEST(the_database_opens_no_session),
        TEST(ends_at_its_time_and_not_before),
        TEST(a_7_4_3_all_end_when_the_password_changes),
        TEST(a_7_4_2_all_end_when_the_account_goes),
        cmocka_unit_test(other_releases_end_them_too), /* one folder for each row */
        TEST(a_rehash_takes_them_along),
        TEST(an_account_has_a_limited_number),
        TEST(none_without_the_password),
        TEST(an_operation_waits_for_the_disk_once),
        TEST(none_that_is_not_stored),
        cmocka_unit_test(does_not_believe_a_row),
        TEST(configurations_within_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
