/* SPDX-License-Identifier: Apache-2.0
 *
 * What is not a request that can be asked of the accounts: bytes that are sent as they stand here,
 * on one connection each, to one running service.
 *
 * Each is answered by its 4xx or by the end of the connection, and has exactly one line in the log,
 * with the layer `input` and no other. Beside each kind stands the good one that it is nearly. What
 * was sent before must not be seen by what comes after, on the same connection or on another, and
 * nothing that a client made up may be in the log or in an answer.
 */
#include "running.h"

static struct running running;

#define HOST  "Host: localhost\r\n"
#define JSON  "Content-Type: application/json\r\n"
#define CLOSE 0u /* no answer, and the end of the connection */

/* A secret that is part of every row which has a place for one. */
#define CANARY "Canary-4711-canary"

/* The bytes of a whole request; or those of a header that is not ended yet, and a body: then its
 * Content-Length is put between them. */
struct row {
    const char *bytes;
    size_t size;
    const char *body; /* or null */
    size_t body_size;
    unsigned status;
    const char *answer; /* in the log */
    bool lives_on;      /* the connection takes another request */
    const char *why;
};

#define BYTES(text)             text, sizeof(text) - 1
#define WHOLE(text)             BYTES(text), NULL, 0
#define WITH_BODY(header, body) BYTES(header), BYTES(body)
#define POST(path, body)        WITH_BODY("POST " path " HTTP/1.1\r\n" HOST JSON, body)
#define DELETE(path)            WITH_BODY("DELETE " path " HTTP/1.1\r\n" HOST JSON, "{\"password\":\"b\"}")
#define GOOD_SIZE               "49" /* of the next */
#define GOOD_LOGIN              "{\"name\":\"nobody\",\"password\":\"" CANARY "\"}"

static const struct row rows[] = {
    /* bodies */
    {POST("/v1/sessions", GOOD_LOGIN), 401, "denied", true, "good: only nobody has that name"},
    {POST("/v1/sessions", ""), 400, "rejected", true, "no body"},
    {WHOLE("POST /v1/sessions HTTP/1.1\r\n" HOST JSON "\r\n"), 400, "rejected", true, "no length"},
    {POST("/v1/sessions", "{}"), 400, "rejected", true, "no members"},
    {POST("/v1/sessions", "{\"name\":\"nobody\"}"), 400, "rejected", true, "one is missing"},
    {POST("/v1/sessions", "{\"name\":\"\",\"password\":\"\"}"), 422, "refused", true, "empty"},
    {POST("/v1/sessions", "{\"name\":\"a\",\"name\":\"b\",\"password\":\"cc\"}"), 400, "rejected",
     true, "one comes twice"},
    {POST("/v1/sessions", "{\"name\":\"a\",\"password\":\"b\",\"x\":\"\"}"), 400, "rejected", true,
     "one is not known"},
    {POST("/v1/sessions", "{\"name\":\"a\",\"password\":12}"), 400, "rejected", true, "a number"},
    {POST("/v1/sessions", "{\"name\":\"a\",\"password\":null}"), 400, "rejected", true, "null"},
    {POST("/v1/sessions", "{\"name\":[\"a\"],\"password\":\"\"}"), 400, "rejected", true, "a list"},
    {POST("/v1/sessions", "[{}]"), 400, "rejected", true, "no object"},
    {POST("/v1/sessions", "hello"), 400, "rejected", true, "no JSON"},
    {POST("/v1/sessions", "{}{}"), 400, "rejected", true, "two of them"},
    {POST("/v1/sessions", "{\"name\":\"\xff\",\"password\":\"bb\"}"), 400, "rejected", true,
     "not UTF-8"},
    {POST("/v1/sessions", "{\"name\":\"\xc0\x80\",\"password\":\"b\"}"), 400, "rejected", true,
     "an overlong NUL"},
    {POST("/v1/sessions", "{\"name\":\"\\ud800\",\"password\":\"bbbb\"}"), 400, "rejected", true,
     "half a surrogate"},
    {POST("/v1/sessions", "{\"name\":\"a\\u0000b\",\"password\":\"ccc\"}"), 422, "refused", true,
     "a NUL in the name: not cut"},
    {POST("/v1/sessions", "{\"name\":\"\0\",\"password\":\"bb\"}"), 400, "rejected", true,
     "a bare NUL is no JSON"},
    /* heads */
    {WITH_BODY("POST /v1/sessions HTTP/1.1\r\n" HOST, GOOD_LOGIN), 415, "rejected", true,
     "no type"},
    {WITH_BODY("POST /v1/sessions HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\n", GOOD_LOGIN),
     415, "rejected", true, "another type"},
    {WHOLE("POST /v1/sessions HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
           "0\r\n\r\n"),
     411, "rejected", false, "chunks"},
    {WHOLE("POST /v1/sessions HTTP/1.1\r\n" HOST JSON "Content-Length: 46\r\n"
           "Content-Length: 2\r\n\r\n{}"),
     400, "rejected", false, "two lengths"},
    {WHOLE("POST /v1/sessions HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n"
           "Transfer-Encoding: chunked\r\n\r\n{}"),
     411, "rejected", false, "a length and chunks"},
    {WHOLE("POST /v1/sessions HTTP/1.1\r\n" HOST JSON "Content-Length : 2\r\n\r\n{}"), 400,
     "rejected", false, "a space before the colon"},
    {WHOLE("POST /v1/sessions HTTP/1.1\r\n" HOST JSON "Content-Length: -1\r\n\r\n"), 400,
     "rejected", false, "a negative length"},
    {WHOLE("POST /v1/sessions HTTP/1.1\r\n" HOST JSON
           "Content-Length: 99999999999999999999999\r\n\r\n"),
     413, "rejected", false, "a length of no number"},
    {WHOLE("POST /v1/sessions HTTP/1.1\r\n" HOST JSON "Content-Length: 1000000\r\n\r\n{"), 413,
     "rejected", false, "a huge body"},
    {WITH_BODY("POST /v1/sessions HTTP/1.1\r\n" HOST JSON "Idempotency-Key: a b\r\n", GOOD_LOGIN),
     400, "rejected", true, "a key with a space"},
    {WHOLE("GET /v1/sessions/current HTTP/1.1\r\n" HOST "\r\n"), 401, "denied", true, "no token"},
    {WHOLE("GET /v1/sessions/current HTTP/1.1\r\n" HOST "Authorization: Basic " CANARY "\r\n\r\n"),
     401, "denied", true, "another scheme"},
    {WHOLE("GET /v1/sessions/current HTTP/1.1\r\n" HOST "Authorization: Bearer a\r\n"
           "Authorization: Bearer " CANARY "\r\n\r\n"),
     400, "rejected", false, "two tokens"},
    {WHOLE("GET /healthz HTTP/1.1\r\n\r\n"), 400, "rejected", true, "no host"},
    {WHOLE("GET /healthz HTTP/1.0\r\n\r\n"), 200, "ok", false, "good: HTTP/1.0 needs none"},
    {WHOLE("GET /healthz HTTP/1.1\r\n" HOST HOST "\r\n"), 400, "rejected", false, "two hosts"},
    {WHOLE("GET /healthz HTTP/1.1\r\n" HOST "no colon\r\n\r\n"), 400, "rejected", false,
     "a header without colon"},
    {WHOLE("GET /healthz HTTP/1.1\r\n" HOST "\r\n"), 200, "ok", true, "good"},
    {WHOLE("GET /healthz HTTP/1.1\r\n" HOST "X-Request-Id: a\"b\\\x01\r\n\r\n"), 200, "ok", true,
     "good, with a request id that is not taken"},
    /* paths and methods */
    {WHOLE("GET /v1/nothing HTTP/1.1\r\n" HOST "\r\n"), 404, "rejected", true, "no such path"},
    {WHOLE("GET /v1/accounts/ HTTP/1.1\r\n" HOST "\r\n"), 404, "rejected", true, "no name"},
    {WHOLE("GET /v1/sessions HTTP/1.1\r\n" HOST "\r\n"), 405, "rejected", true, "not this method"},
    {WHOLE("BREW /healthz HTTP/1.1\r\n" HOST "\r\n"), 405, "rejected", true, "no method"},
    {WHOLE("GET /healthz?token=" CANARY " HTTP/1.1\r\n" HOST "\r\n"), 400, "rejected", true,
     "a query"},
    {WHOLE("GET /healthz\0" CANARY " HTTP/1.1\r\n" HOST "\r\n"), 400, "rejected", true,
     "a NUL behind a good path"},
    {DELETE("/v1/accounts/a%00b"), 422, "refused", true, "an escaped NUL in a name: not cut"},
    {DELETE("/v1/accounts/a%ff"), 422, "refused", true, "a name that is not UTF-8"},
    {DELETE("/v1/accounts/a%2"), 400, "rejected", true, "half a code at the end"},
    {DELETE("/v1/accounts/a%zz"), 400, "rejected", true, "no code"},
    {DELETE("/v1/accounts/a%2Fb"), 401, "denied", true, "good: a slash in a name"},
    {WHOLE("GET /health z HTTP/1.1\r\n" HOST "\r\n"), 400, "rejected", true, "a space"},
    {WHOLE("GET /v1/accounts/\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), 400, "rejected", true,
     "UTF-8 that is not escaped"},
    {WHOLE("GET /healthz HTTP/3.0\r\n" HOST "\r\n"), 505, "rejected", false, "another HTTP"},
    {WHOLE("GET /healthz\r\n" HOST "\r\n"), 400, "rejected", false, "no HTTP"},
    {WHOLE("GARBAGE\r\n\r\n"), CLOSE, "rejected", false, "no request line"},
    {WHOLE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello \r\n\r\n"), 400, "rejected", false,
     "TLS"},
};

struct seen {
    size_t lines;
    const char *answer, *layer; /* of the last one, copied */
    char answer_text[32], layer_text[32];
};

static void look(void *context, const json_t *line)
{
    struct seen *seen = context;
    seen->lines++;
    (void)snprintf(seen->answer_text, sizeof seen->answer_text, "%s", member(line, "answer"));
    (void)snprintf(seen->layer_text, sizeof seen->layer_text, "%s", member(line, "layer"));
}

/* Waits until the log has so many lines of requests, and shows the last one. */
static struct seen wait_for_lines(size_t count, const char *why)
{
    struct seen seen = {.lines = 0};
    for (int waited_ms = 0; waited_ms < DEADLINE_MS; waited_ms += 10) {
        seen.lines = 0;
        (void)each_request(&running, look, &seen);
        if (seen.lines >= count)
            break;
        pause_ms(10);
    }
    if (seen.lines != count)
        fail_msg("%s: %zu lines instead of %zu", why, seen.lines, count);
    return seen;
}

static size_t lines_before;

/* One more line, of this answer; rejected and refused ones name the input. */
static void expect_line(const char *answer, const char *why)
{
    struct seen seen = wait_for_lines(++lines_before, why);
    bool is_input = strcmp(answer, "rejected") == 0 || strcmp(answer, "refused") == 0;
    if (strcmp(seen.answer_text, answer) != 0 ||
        strcmp(seen.layer_text, is_input ? "input" : "none") != 0)
        fail_msg("%s: the log says %s, %s", why, seen.answer_text, seen.layer_text);
}

static void expect_response(int client, unsigned status, const char *why)
{
    static struct response response;
    bool is_there = client_receive(client, &response);
    if (response.status != status || is_there != (status != CLOSE))
        fail_msg("%s: %u instead of %u: %s", why, response.status, status, response.text);
    if (strstr(response.text, CANARY) != NULL)
        fail_msg("%s: the answer has the secret: %s", why, response.text);
}

static void send_body(int client, const char *body, size_t size)
{
    char length[64];
    int length_size = snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", size);
    assert_true(client_send(client, length, (size_t)length_size));
    assert_true(client_send(client, body, size));
}

static void send_row(int client, const struct row *row)
{
    assert_true(client_send(client, row->bytes, row->size));
    if (row->body != NULL)
        send_body(client, row->body, row->body_size);
}

static void one_by_one(void **state)
{
    static struct response response;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int client = client_connect(running.port);
        assert_true(client >= 0);
        send_row(client, &rows[i]);
        expect_response(client, rows[i].status, rows[i].why);
        expect_line(rows[i].answer, rows[i].why);
        if (rows[i].lives_on) {
            if (!client_ask(client, "GET", "/healthz", "", &response) || response.status != 200)
                fail_msg("%s: then the connection is of no use: %s", rows[i].why, response.text);
            expect_line("ok", "the request behind it");
        } else if (!client_is_closed(client)) {
            fail_msg("%s: the connection lives on", rows[i].why);
        }
        (void)close(client);
    }
}

static void large_bodies_are_answered(void **state)
{
    static const struct {
        size_t size;
        unsigned status;
        const char *why;
    } sizes[] = {
        {16384, 400, "the largest that is read: but it is no JSON"},
        {16385, 413, "one more"},
        {65536, 413, "the largest that is read to its end"},
    };
    static char body[65536 + 1];
    (void)state;
    memset(body, '[', sizeof body - 1);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        int client = client_connect(running.port);
        assert_true(client_send(client, BYTES("POST /v1/accounts HTTP/1.1\r\n" HOST JSON)));
        send_body(client, body, sizes[i].size);
        expect_response(client, sizes[i].status, sizes[i].why);
        expect_line("rejected", sizes[i].why);
        assert_true(client_send(client, BYTES("GET /healthz HTTP/1.1\r\n" HOST "\r\n")));
        expect_response(client, 200, "keep-alive behind a large body");
        expect_line("ok", "keep-alive behind a large body");
        (void)close(client);
    }
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    static const char requests[] =
        "POST /v1/sessions HTTP/1.1\r\n" HOST JSON "Content-Length: " GOOD_SIZE
        "\r\n\r\n" GOOD_LOGIN "GET /healthz HTTP/1.1\r\n" HOST "\r\n"
        "POST /v1/sessions HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}"
        "GET /v1/sessions/current HTTP/1.1\r\n" HOST "\r\n"
        "GET /healthz HTTP/1.1\r\n" HOST "\r\n"
        "GARBAGE\r\n\r\n";
    static const struct {
        unsigned status;
        const char *answer;
    } wanted[] = {{401, "denied"}, {200, "ok"}, {400, "rejected"},
                  {401, "denied"}, {200, "ok"}, {CLOSE, "rejected"}};
    int client = client_connect(running.port);
    (void)state;
    assert_true(client_send(client, BYTES(requests)));
    for (size_t i = 0; i < COUNT(wanted); i++)
        expect_response(client, wanted[i].status, "pipelined");
    lines_before += COUNT(wanted) - 1;
    expect_line("rejected", "pipelined garbage");
    (void)close(client);
}

/* The good request in pieces of one byte: every border of every piece is a border of a read. */
static void pieces_make_a_whole(void **state)
{
    static const char request[] = "POST /v1/sessions HTTP/1.1\r\n" HOST JSON
                                  "Content-Length: " GOOD_SIZE "\r\n\r\n" GOOD_LOGIN;
    int client = client_connect(running.port), on = 1;
    (void)state;
    assert_int_equal(setsockopt(client, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on), 0);
    for (size_t i = 0; i < sizeof request - 1; i++)
        assert_true(client_send(client, request + i, 1));
    expect_response(client, 401, "byte by byte");
    expect_line("denied", "byte by byte");
    (void)close(client);
}

static void a_bomb_of_headers_is_refused(void **state)
{
    static char header[1200];
    int client = client_connect(running.port);
    bool is_taken = client_send(client, BYTES("GET /healthz HTTP/1.1\r\n" HOST));
    (void)state;
    memset(header, 'a', sizeof header - 1);
    memcpy(header, "X-Bomb: ", 8);
    memcpy(header + sizeof header - 3, "\r\n", 2);
    for (size_t i = 0; i < 1000 && is_taken; i++)
        is_taken = client_send(client, header, sizeof header - 1);
    assert_true(client_is_closed(client));
    expect_line("rejected", "headers without end");
    (void)close(client);
    client = client_connect(running.port);
    assert_true(client_send(client, BYTES("GET /")));
    is_taken = true;
    for (size_t i = 0; i < 1000 && is_taken; i++)
        is_taken = client_send(client, header + 8, sizeof header - 11);
    assert_true(client_is_closed(client));
    expect_line("rejected", "a path without end");
    (void)close(client);
}

/* Those who begin and go away, at three places. */
static void who_goes_away_has_one_line(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *why;
    } beginnings[] = {
        {BYTES("POST /v1/sess"), "in the request line"},
        {BYTES("POST /v1/sessions HTTP/1.1\r\nHost: a\r\nConte"), "in a header"},
        {BYTES("POST /v1/sessions HTTP/1.1\r\n" HOST JSON "Content-Length: 46\r\n\r\n{\"name\":"),
         "in the body"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(beginnings); i++) {
        int client = client_connect(running.port);
        assert_true(client_send(client, beginnings[i].bytes, beginnings[i].size));
        (void)close(client);
        expect_line("rejected", beginnings[i].why);
    }
    int client = client_connect(running.port); /* and who has said nothing has none */
    (void)close(client);
    static struct response response;
    assert_int_equal(ask_once(running.port, "GET", "/healthz", "", &response), 200);
    expect_line("ok", "after a connection without a word");
}

/* Those who are slow, however steadily they drip: the timeout is one second here. */
static void who_drips_is_ended(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *why;
    } beginnings[] = {
        {BYTES("GET /healthz HTTP/1.1\r\nX-Slow: "), "in a header"},
        {BYTES("POST /v1/sessions HTTP/1.1\r\n" HOST JSON "Content-Length: 16000\r\n\r\n"),
         "in the body"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(beginnings); i++) {
        int client = client_connect(running.port);
        bool is_taken = client_send(client, beginnings[i].bytes, beginnings[i].size);
        for (int waited_ms = 0; waited_ms < DEADLINE_MS && is_taken; waited_ms += 50) {
            pause_ms(50);
            is_taken = client_send(client, "a", 1);
        }
        assert_false(is_taken);
        expect_line("rejected", beginnings[i].why);
        (void)close(client);
    }
}

static void a_16_2_5_nothing_of_the_clients_is_in_the_log(void **state)
{
    char *text = read_file(running.log);
    (void)state;
    assert_null(strstr(text, CANARY));
    assert_null(strstr(text, "nobody"));
    free(text);
}

static int count_lines(void **state)
{
    (void)state;
    lines_before = each_request(&running, NULL, NULL);
    return 0;
}

static int set_up(void **state)
{
    const char *const options[] = {"--cost", "8,1", "--timeout", "1", NULL};
    (void)state;
    running_folder(&running);
    running_start(&running, options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    int code = running_stop(&running, SIGTERM);
    running_remove_folder(&running);
    return code;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_by_one, count_lines),
        cmocka_unit_test_setup(large_bodies_are_answered, count_lines),
        cmocka_unit_test_setup(pipelined_requests_are_answered_in_order, count_lines),
        cmocka_unit_test_setup(pieces_make_a_whole, count_lines),
        cmocka_unit_test_setup(a_bomb_of_headers_is_refused, count_lines),
        cmocka_unit_test_setup(who_goes_away_has_one_line, count_lines),
        cmocka_unit_test_setup(who_drips_is_ended, count_lines),
        cmocka_unit_test_setup(a_16_2_5_nothing_of_the_clients_is_in_the_log, count_lines),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down) == 0 ? 0 : 1;
}
