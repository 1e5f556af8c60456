/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request and a command line are taken apart into, row by row: paths and the names in them,
 * bodies, request ids, tokens; numbers, costs, addresses.
 */
#include "../../tests/testing.h"
#include "../service.h"

#define BYTES(text) text, sizeof(text) - 1

static const char LONG_ID[] = "0123456789012345678901234567890123456789012345678901234567890123";

static void paths(void **state)
{
    static const struct {
        const char *method, *path;
        unsigned status; /* 0: there is a route */
        enum operation operation;
        const char *name;
        size_t name_size;
        const char *why;
    } rows[] = {
        {"POST", "/v1/accounts", 0, OPERATION_REGISTER, "", 0, "plain"},
        {"POST", "/v1/accounts/", 404, OPERATION_OTHER, "", 0, "an empty segment"},
        {"POST", "//v1/accounts", 404, OPERATION_OTHER, "", 0, "two slashes"},
        {"post", "/v1/accounts", 405, OPERATION_OTHER, "", 0, "methods have their case"},
        {"GET", "/v1/accounts", 405, OPERATION_OTHER, "", 0, "another method"},
        {"DELETE", "/v1/accounts/alice", 0, OPERATION_REMOVE, "alice", 5, "a name"},
        {"DELETE", "/v1/accounts/a/b", 404, OPERATION_OTHER, "", 0, "a slash ends a segment"},
        {"DELETE", "/v1/accounts/a%2Fb", 0, OPERATION_REMOVE, "a/b", 3, "an escaped one does not"},
        {"DELETE", "/v1/accounts/a%2fb", 0, OPERATION_REMOVE, "a/b", 3, "in small letters"},
        {"DELETE", "/v1/accounts/%C3%A9", 0, OPERATION_REMOVE, "\xc3\xa9", 2, "UTF-8"},
        {"DELETE", "/v1/accounts/a+b", 0, OPERATION_REMOVE, "a+b", 3, "a plus is a plus"},
        {"DELETE", "/v1/accounts/%2525", 0, OPERATION_REMOVE, "%25", 3, "decoded once"},
        {"DELETE", "/v1/accounts/a%00b", 0, OPERATION_REMOVE, "a\0b", 3, "a NUL is part of it"},
        {"DELETE", "/v1/accounts/%", 400, OPERATION_REMOVE, "", 0, "no digits"},
        {"DELETE", "/v1/accounts/%4", 400, OPERATION_REMOVE, "", 0, "one digit"},
        {"DELETE", "/v1/accounts/%4g", 400, OPERATION_REMOVE, "", 0, "no digit"},
        {"DELETE", "/v1/accounts/% 1", 400, OPERATION_OTHER, "", 0, "a space"},
        {"PUT", "/v1/accounts/a/password", 0, OPERATION_CHANGE, "a", 1, "behind a name"},
        {"PUT", "/v1/accounts/a/password/", 404, OPERATION_OTHER, "", 0, "and more"},
        {"PUT", "/v1/accounts/%61/%70assword", 404, OPERATION_OTHER, "", 0, "only names decode"},
        {"GET", "/v1/sessions/current", 0, OPERATION_SESSION_CHECK, "", 0, "get"},
        {"DELETE", "/v1/sessions/current", 0, OPERATION_SESSION_REVOKE, "", 0, "delete"},
        {"GET", "/metrics", 0, OPERATION_OTHER, "", 0, "metrics"},
        {"GET", "/v1/../metrics", 404, OPERATION_OTHER, "", 0, "dots are nothing special"},
        {"GET", "*", 404, OPERATION_OTHER, "", 0, "a star matches nothing"},
        {"GET", "", 404, OPERATION_OTHER, "", 0, "nothing"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call call = {.next = NULL};
        bool is_taken = call_take_path(&call, rows[i].method, rows[i].path);
        if (is_taken != (rows[i].status == 0) || call.status != rows[i].status)
            fail_msg("%s: %u", rows[i].why, call.status);
        if (is_taken &&
            (call.route->operation != rows[i].operation || call.name_size != rows[i].name_size ||
             memcmp(call.name, rows[i].name, call.name_size) != 0))
            fail_msg("%s: another route or name", rows[i].why);
        assert_int_equal(call.is_judged, !is_taken);
        assert_true(call.status != 405 || call.allow[0] != '\0');
    }
}

static void a_name_that_is_too_long_is_not_cut(void **state)
{
    char path[PATH_NAME_BYTES_MAX + 32] = "/v1/accounts/";
    struct call call = {.next = NULL};
    (void)state;
    memset(path + 13, 'a', PATH_NAME_BYTES_MAX);
    assert_true(call_take_path(&call, "DELETE", path));
    assert_int_equal(call.name_size, PATH_NAME_BYTES_MAX);
    path[13 + PATH_NAME_BYTES_MAX] = 'a';
    call = (struct call){.next = NULL};
    assert_false(call_take_path(&call, "DELETE", path));
    assert_int_equal(call.status, 414);
}

static void bodies(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        bool is_good;
        const char *why;
    } rows[] = {
        {BYTES("{\"name\":\"a\",\"password\":\"b\"}"), true, "plain"},
        {BYTES(" {\"password\":\"b\",\"name\":\"a\"} "), true, "in another order, with spaces"},
        {BYTES("{\"name\":\"\",\"password\":\"\"}"), true, "empty: the policy's affair"},
        {BYTES("{\"name\":\"a\\u0000\",\"password\":\"b\"}"), true, "NUL: the policy's affair"},
        {BYTES("{\"name\":\"a\",\"password\":\"b\"}x"), false, "something behind it"},
        {BYTES("{\"name\":\"a\"}"), false, "one is missing"},
        {BYTES("{\"name\":\"a\",\"name\":\"a\",\"password\":\"b\"}"), false, "twice"},
        {BYTES("{\"name\":\"a\",\"password\":\"b\",\"c\":\"\"}"), false, "not known"},
        {BYTES("{\"name\":\"a\",\"Password\":\"b\"}"), false, "in another case"},
        {BYTES("{\"name\":\"a\",\"password\":true}"), false, "no string"},
        {BYTES("[\"a\",\"b\"]"), false, "a list"},
        {BYTES("\"a\""), false, "a string"},
        {BYTES(""), false, "nothing"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call call = {.next = NULL};
        assert_true(call_take_path(&call, "POST", "/v1/accounts"));
        call.content = malloc(rows[i].size + 1);
        assert_non_null(call.content);
        memcpy(call.content, rows[i].text, rows[i].size);
        call.content_size = rows[i].size;
        bool is_good = call_read_content(&call);
        if (is_good != rows[i].is_good)
            fail_msg("%s: %s", rows[i].why, call.outcome.reply.detail);
        assert_true(is_good || (call.status == 400 && call.outcome.is_rejected));
        call_done(&call);
    }
}

static void deep_bodies_are_refused(void **state)
{
    struct call call = {.next = NULL};
    (void)state;
    assert_true(call_take_path(&call, "POST", "/v1/accounts"));
    call.content = malloc(BODY_BYTES_MAX);
    assert_non_null(call.content);
    memset(call.content, '[', BODY_BYTES_MAX);
    call.content_size = BODY_BYTES_MAX;
    assert_false(call_read_content(&call));
    call_done(&call);
}

static void request_ids(void **state)
{
    const struct {
        const char *given;
        bool is_kept;
        const char *why;
    } rows[] = {
        {"a", true, "short"},
        {"Z-9_.x", true, "every kind of sign"},
        {LONG_ID, true, "the longest"},
        {NULL, false, "none"},
        {"", false, "empty"},
        {"a b", false, "a space"},
        {"a\"", false, "a quote"},
        {"a\n", false, "a line feed"},
        {"\xc3\xa9", false, "not ASCII"},
        {"01234567890123456789012345678901234567890123456789012345678901234", false, "one more"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call call = {.next = NULL};
        call_begin(&call, rows[i].given);
        bool is_kept = rows[i].given != NULL && strcmp(call.id, rows[i].given) == 0;
        if (is_kept != rows[i].is_kept || !is_token_text(call.id, REQUEST_ID_BYTES_MAX))
            fail_msg("%s: %s", rows[i].why, call.id);
    }
}

static void tokens(void **state)
{
    static const struct {
        const char *given, *token;
        const char *why;
    } rows[] = {
        {"Bearer abc", "abc", "plain"},
        {"bearer abc", "abc", "schemes have no case"},
        {"Bearer", "", "nothing behind it"},
        {"Basic abc", "", "another scheme"},
        {"Bearer  abc", " abc", "a second space is not a token's, and denied later"},
        {"", "", "empty"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call call = {.next = NULL};
        call_take_authorization(&call, rows[i].given);
        if (call.token_size != strlen(rows[i].token) ||
            memcmp(call.token, rows[i].token, call.token_size) != 0)
            fail_msg("%s: %.*s", rows[i].why, (int)call.token_size, call.token);
    }
    char long_one[512] = "Bearer ";
    struct call call = {.next = NULL};
    memset(long_one + 7, 'a', sizeof long_one - 8);
    call_take_authorization(&call, long_one);
    assert_int_equal(call.token_size, sizeof call.token);
}

static void keys(void **state)
{
    static const struct {
        const char *given;
        bool is_good;
        const char *why;
    } rows[] = {
        {"\"8e03978e-40d5\"", true, "as the draft has it, with quotes"},
        {"8e03978e", true, "without"},
        {"", false, "empty"},
        {"a b", false, "a space"},
        {"\xc3\xa9", false, "not ASCII"},
    };
    char longest[IDEMPOTENCY_KEY_BYTES_MAX + 2];
    struct call call = {.next = NULL};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (call_take_key(&call, rows[i].given) != rows[i].is_good)
            fail_msg("%s", rows[i].why);
    memset(longest, 'a', sizeof longest);
    longest[IDEMPOTENCY_KEY_BYTES_MAX + 1] = '\0';
    assert_false(call_take_key(&call, longest));
    longest[IDEMPOTENCY_KEY_BYTES_MAX] = '\0';
    assert_true(call_take_key(&call, longest));
}

static void content_types(void **state)
{
    static const struct {
        const char *type;
        bool is_json;
    } rows[] = {
        {"application/json", true},
        {"Application/JSON", true},
        {"application/json; charset=utf-8", true},
        {"application/json ;charset=utf-8", true},
        {"application/jsonp", false},
        {"application/problem+json", false},
        {"application/x-www-form-urlencoded", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (is_json_type(rows[i].type) != rows[i].is_json)
            fail_msg("%s", rows[i].type);
}

static void numbers(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        uint32_t number;
    } rows[] = {
        {"10", true, 10},
        {"20", true, 20},
        {"9", false, 0},
        {"21", false, 0},
        {"", false, 0},
        {" 10", false, 0},
        {"+10", false, 0},
        {"-10", false, 0},
        {"10x", false, 0},
        {"0x10", false, 0},
        {"18446744073709551626", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t number = 0;
        if (parse_number(rows[i].text, 10, 20, &number) != rows[i].is_good ||
            number != rows[i].number)
            fail_msg("%s", rows[i].text);
    }
}

static void costs(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
    } rows[] = {
        {"19456,2", true},
        {"8,1", true},
        {"7,1", false},
        {"8,0", false},
        {"8", false},
        {"8,", false},
        {",1", false},
        {"8,1,1", false},
        {"8 ,1", false},
        {"1048577,1", false},
        {"99999999999999999,1", false},
        {"8;1", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cost cost;
        if (parse_cost(rows[i].text, &cost) != rows[i].is_good)
            fail_msg("%s", rows[i].text);
    }
}

static void addresses(void **state)
{
    static const struct {
        const char *text, *host, *port; /* null: not good */
    } rows[] = {
        {"127.0.0.1:80", "127.0.0.1", "80"}, {"[::1]:0", "::1", "0"}, {"::1:80", NULL, NULL},
        {"127.0.0.1", NULL, NULL},           {":80", NULL, NULL},     {"127.0.0.1:", NULL, NULL},
        {"127.0.0.1:65536", NULL, NULL},     {"[]:80", NULL, NULL},   {"a:8 0", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct settings settings = {.database = NULL};
        bool is_good = parse_listen(rows[i].text, &settings);
        if (is_good != (rows[i].host != NULL) ||
            (is_good && (strcmp(settings.host, rows[i].host) != 0 ||
                         strcmp(settings.port, rows[i].port) != 0)))
            fail_msg("%s", rows[i].text);
    }
}

/* Whatever the accounts answer, 401 means that the credentials are wrong; that a name is locked is
 * told only by a service that shall. Everything but ok is a problem document, and has no cause. */
static void x_01_only_denied_and_locked_are_401(void **state)
{
    static struct service service;
    (void)state;
    for (int tells = 0; tells < 2; tells++)
        for (int answer = ANSWER_OK; answer <= ANSWER_UNSUPPORTED; answer++) {
            struct call call = {.next = NULL};
            service.settings.tells_locked = tells;
            call_begin(&call, NULL);
            assert_true(call_take_path(&call, "POST", "/v1/sessions"));
            call.outcome.reply = (struct reply){.answer = (enum answer)answer,
                                                .layer = LAYER_STORAGE,
                                                .reason = REASON_FULL,
                                                .detail = "what is inside"};
            call_answer(&service, &call);
            bool is_401 = answer == ANSWER_DENIED || answer == ANSWER_LOCKED;
            assert_int_equal(call.status == 401, is_401);
            assert_int_equal(call.text == NULL, answer == ANSWER_OK);
            if (call.text != NULL) {
                char text[1024];
                (void)snprintf(text, sizeof text, "%.*s", (int)call.text_size, call.text);
                assert_null(strstr(text, "storage"));
                assert_int_equal(strstr(text, "locked") != NULL, answer == ANSWER_LOCKED && tells);
                assert_int_equal(strstr(text, "inside") != NULL, answer == ANSWER_REFUSED);
            }
            call_done(&call);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),       cmocka_unit_test(a_name_that_is_too_long_is_not_cut),
        cmocka_unit_test(bodies),      cmocka_unit_test(deep_bodies_are_refused),
        cmocka_unit_test(request_ids), cmocka_unit_test(tokens),
        cmocka_unit_test(keys),        cmocka_unit_test(content_types),
        cmocka_unit_test(numbers),     cmocka_unit_test(costs),
        cmocka_unit_test(addresses),   cmocka_unit_test(x_01_only_denied_and_locked_are_401),
    };
    wipe_json();
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
