/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that the proxy does what a plan says, to the byte, and what that does to a real server and
 * to real clients: proxy_test ASSAY_PROXY HTTP_SERVER
 *
 * First the plans alone: every text, every single change of it, every plan of an exchange. Then the
 * proxy between two ends that are held by this test, one effect at a time: what each end got and
 * how its connection ended; a reset and a close at and after every byte there is. Then between
 * libcurl and an HTTP server that counts: every byte of request and reply is broken, and after each
 * run the truth is looked at over a direct connection. A client that was told of success knows the
 * true count; one that was not finds it added to once or not at all, and a retry with the same key
 * makes it exactly once; the server goes on serving; nobody keeps a descriptor.
 *
 * The negative controls: a server that does not know the key again counts twice and is found out,
 * as is a client that takes the beginning of an answer for an answer; and a plan that names a byte
 * that never comes is an error.
 *
 * A test has to wait for silence somewhere: SILENCE_MS, only where silence is expected, so that a
 * slow machine makes no test fail.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "faults/proxy.h"
#include "faults/tests/check_digits.h"

enum { SILENCE_MS = 30, PATIENCE_MS = 20000, CLIENT_MS = 500 };

static const char *proxy_path, *server_path;

/* --- Plans ------------------------------------------------------------------------------------ */

static const struct {
    const char *text;
    const char *written; /* null: the same */
    const char *why;
} good[] = {
    {"none", NULL, "a counting pass"},
    {"reply:17:reset:1", NULL, "at a byte"},
    {"reply:17+:reset:1", NULL, "after a byte"},
    {"request:0+:close:always", NULL, "before the first byte"},
    {"request:999999999:half-open:999999999", NULL, "the largest numbers"},
    {"connect:0:refuse:always", NULL, "nobody listens"},
    {"connect:0:silent:2", NULL, "accepted, no answer"},
    {"connect:0:reset:1", NULL, "accepted and reset"},
    {"reply:1:lose:1", NULL, "the reply is thrown away"},
    {"request:3:corrupt:1", NULL, "with the argument that it has"},
    {"request:3:corrupt=1:1", "request:3:corrupt:1", "with the same one said"},
    {"request:3:corrupt=255:1", NULL, "with another one"},
    {"reply:3:slice:1", NULL, "one byte at a time"},
    {"reply:3:slice=60000:1", NULL, "the longest pause"},
    {"reply:3:delay=1:1", NULL, "the shortest"},
    {"request:9+:duplicate:1", NULL, "the request twice"},
};

static const char *const bad[][2] = {
    {"", "nothing"},
    {":", "empty fields"},
    {":::", "four of them"},
    {"::::", "five"},
    {"none:", "none is alone"},
    {"None", "capitals"},
    {"reply:17:reset", "three fields"},
    {"reply:17:reset:1:", "five fields"},
    {"answer:17:reset:1", "no such side"},
    {"reply:17:explode:1", "no such effect"},
    {"reply:17:none:1", "none is no effect of a byte"},
    {"reply::reset:1", "no byte"},
    {"reply:+:reset:1", "only a plus"},
    {"reply:-1:reset:1", "a sign"},
    {"reply:017:reset:1", "a zero in front"},
    {"reply: 17:reset:1", "a blank"},
    {"reply:0x1:reset:1", "not decimal"},
    {"reply:1000000000:reset:1", "too large"},
    {"reply:18446744073709551617:reset:1", "1, if it overflows"},
    {"reply:0:reset:1", "bytes are counted from 1"},
    {"reply:1:reset:0", "never"},
    {"reply:1:reset:-1", "less than never"},
    {"reply:1:reset:Always", "capitals"},
    {"connect:1:reset:1", "a connection has no bytes"},
    {"connect:0+:reset:1", "nor what comes after them"},
    {"connect:0:lose:1", "nothing to lose yet"},
    {"connect:0:refuse:2", "nobody counts who is refused"},
    {"reply:1:refuse:always", "too late to refuse"},
    {"reply:1:silent:1", "the same"},
    {"reply:1+:corrupt:1", "a byte has to be there"},
    {"reply:1:corrupt=0:1", "changes nothing"},
    {"reply:1:corrupt=256:1", "more than a byte"},
    {"reply:1:corrupt=:1", "an empty argument"},
    {"reply:1:reset=1:1", "no argument is possible"},
    {"reply:1:delay=0:1", "no delay"},
    {"reply:1:slice=60001:1", "too long"},
    {"reply:000000000000000000000000000000000000000000000000000000000001:reset:1", "too long"},
};

static void plans_are_read_and_written(void **state)
{
    (void)state;
    struct proxy_plan plan, again;
    char text[PROXY_PLAN_BYTES];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const char *problem = proxy_plan_read(good[i].text, &plan);
        if (problem != NULL)
            fail_msg("%s (%s): %s", good[i].text, good[i].why, problem);
        proxy_plan_text(&plan, text);
        assert_string_equal(text, good[i].written != NULL ? good[i].written : good[i].text);
        assert_null(proxy_plan_read(text, &again));
        assert_memory_equal(&plan, &again, sizeof plan);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memset(&plan, 0x5a, sizeof plan);
        again = plan;
        if (proxy_plan_read(bad[i][0], &plan) == NULL)
            fail_msg("%s (%s) is taken for a plan", bad[i][0], bad[i][1]);
        assert_memory_equal(&plan, &again, sizeof plan);
    }
}

/* True if it is a plan; then writing and reading it changes nothing. */
static bool is_plan(const char *text)
{
    struct proxy_plan plan = {0}, again = {0};
    char written[PROXY_PLAN_BYTES];
    if (proxy_plan_read(text, &plan) != NULL)
        return false;
    assert_null(proxy_plan_read(proxy_plan_text(&plan, written), &again));
    assert_memory_equal(&plan, &again, sizeof plan);
    return true;
}

/* Each byte of each good text becomes each other byte, is left out, and is doubled by each. */
static void plans_survive_every_change(void **state)
{
    (void)state;
    size_t plans = 0, others = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t size = strlen(good[i].text);
        for (size_t at = 0; at < size; at++)
            for (unsigned byte = 0; byte < 256; byte++) {
                char changed[2 * PROXY_PLAN_BYTES], longer[2 * PROXY_PLAN_BYTES];
                snprintf(changed, sizeof changed, "%s", good[i].text);
                changed[at] = (char)byte;
                snprintf(longer, sizeof longer, "%.*s%c%s", (int)at, good[i].text, (int)byte,
                         good[i].text + at);
                bool one = is_plan(changed), two = is_plan(longer);
                plans += (size_t)one + two;
                others += (size_t)!one + !two;
            }
    }
    assert_true(plans > 1000);
    assert_true(others > 100000);
}

static void effects_are_read(void **state)
{
    (void)state;
    uint32_t effects = 0;
    assert_null(proxy_effects_read("reset,close,corrupt,slice", &effects));
    assert_int_equal(effects, PROXY_EVERY_BYTE);
    assert_null(proxy_effects_read("lose", &effects));
    assert_int_equal(effects, 1u << PROXY_LOSE);
    assert_non_null(proxy_effects_read("", &effects));
    assert_non_null(proxy_effects_read("refuse", &effects)); /* no byte can have it */
    assert_non_null(proxy_effects_read("none", &effects));
    assert_non_null(proxy_effects_read("reset,,close", &effects));
    assert_non_null(proxy_effects_read("reset,", &effects));
    assert_non_null(proxy_effects_read("rese", &effects));
    assert_int_equal(effects, 1u << PROXY_LOSE);
}

/* Counted by hand: 3 and 2 bytes. A reset can be at and after each byte and before the first, and
 * at connect; a corrupt byte only at each; what is not asked for everywhere is there once a side.
 */
static void plans_are_enumerated(void **state)
{
    (void)state;
    enum { ROOM = 100 };
    struct proxy_plan plans[ROOM];
    char texts[ROOM][PROXY_PLAN_BYTES];
    size_t at_connect = 3, resets = (3 + 4) + (2 + 3), corrupts = 3 + 2, others = 6 * 2;
    size_t count = proxy_plans(3, 2, 1u << PROXY_RESET | 1u << PROXY_CORRUPT, 2, plans, ROOM);
    assert_int_equal(count, at_connect + resets + corrupts + others);
    for (size_t i = 0; i < count; i++) {
        assert_true(is_plan(proxy_plan_text(&plans[i], texts[i])));
        assert_int_equal(plans[i].times, plans[i].effect == PROXY_REFUSE ? PROXY_ALWAYS : 2);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(texts[i], texts[j]);
    }
    memset(plans, 0, sizeof plans);
    assert_int_equal(proxy_plans(3, 2, PROXY_EVERY_BYTE, 1, plans, 5), 3 + 2 * 12 + 2 * 5 + 4 * 2);
    assert_int_not_equal(plans[4].effect, PROXY_NONE);
    assert_int_equal(plans[5].effect, PROXY_NONE); /* no further than there is room */
}

/* --- Other programs --------------------------------------------------------------------------- */

struct program {
    pid_t id;
    FILE *in, *out; /* of the program */
};

static struct program start(const char *path, const char *option, const char *value)
{
    int in[2], out[2];
    struct program program;
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    program.id = fork();
    assert_true(program.id >= 0);
    if (program.id == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execl(path, path, option, value, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    program.in = fdopen(in[1], "w");
    program.out = fdopen(out[0], "r");
    return program;
}

static uint16_t port_said_by(const struct program *program)
{
    char line[128] = "nothing";
    unsigned port = 0;
    if (fgets(line, sizeof line, program->out) == NULL ||
        sscanf(line, "listening 127.0.0.1:%u", &port) != 1)
        fail_msg("no port is said, but: %s", line);
    return (uint16_t)port;
}

/* Its exit code. */
static int end(struct program *program, int signal)
{
    int status;
    fclose(program->in);
    if (signal != 0)
        kill(program->id, signal);
    assert_int_equal(waitpid(program->id, &status, 0), program->id);
    fclose(program->out);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static size_t descriptors_of(pid_t id)
{
    char path[64];
    size_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", id);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* They are closed when the other side's end has come in, which may take a moment. */
static void await_descriptors(pid_t id, size_t count)
{
    for (int i = 0; i < PATIENCE_MS && descriptors_of(id) != count; i++)
        poll(NULL, 0, 1);
    assert_int_equal(descriptors_of(id), count);
}

static struct program proxy;

static uint16_t begin_plan(const char *plan)
{
    fprintf(proxy.in, "%s\n", plan);
    fflush(proxy.in);
    return port_said_by(&proxy);
}

static struct proxy_report end_plan(const char *plan)
{
    char line[256] = "nothing", text[PROXY_PLAN_BYTES] = "";
    unsigned long long request = 0, reply = 0;
    struct proxy_report report;
    fprintf(proxy.in, "end\n");
    fflush(proxy.in);
    if (fgets(line, sizeof line, proxy.out) == NULL ||
        sscanf(line, "ended %63s fired=%u connections=%u request=%llu reply=%llu unreachable=%u",
               text, &report.fired, &report.connections, &request, &reply,
               &report.unreachable) != 6)
        fail_msg("no report is said, but: %s", line);
    assert_string_equal(text, plan);
    report.request_bytes = request;
    report.reply_bytes = reply;
    return report;
}

static void start_proxy(uint16_t server_port)
{
    char port[16];
    snprintf(port, sizeof port, "%u", server_port);
    proxy = start(proxy_path, "--server", port);
}

/* --- Two ends that are held by this test ------------------------------------------------------ */

#define REQUEST "abcdef"
#define REPLY   "uvwxy"

enum ending { END, RESET, SILENCE, REFUSED, NOBODY /* has connected */ };
static const char *const endings[] = {"an end", "a reset", "silence", "a refusal", "nobody"};

static int listener;
static uint16_t listener_port;

static void start_listening(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    listener_port = ntohs(address.sin_port);
}

/* -1: refused. */
static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
    return -1;
}

static bool comes(int fd, enum ending expected)
{
    int patience_ms = expected == SILENCE || expected == NOBODY ? SILENCE_MS : PATIENCE_MS;
    return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, patience_ms) > 0;
}

/* What an end has got, and how its connection ended. */
struct got {
    char bytes[32];
    size_t size, reads;
    enum ending ending;
};

/* Reads until there are so many bytes, or no more. */
static void listen_to(int fd, size_t bytes, enum ending expected, struct got *got)
{
    while (got->size < bytes && got->ending == SILENCE && comes(fd, expected)) {
        ssize_t size = recv(fd, got->bytes + got->size, sizeof got->bytes - 1 - got->size, 0);
        got->ending = size == 0 ? END : size < 0 ? RESET : SILENCE;
        got->size += size > 0 ? (size_t)size : 0;
        got->reads += size > 0;
    }
}

/* What was sent to a connection that had been reset already says so. */
static void say(int fd, const char *text, struct got *got)
{
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        got->ending = RESET;
}

/* One exchange: the client says REQUEST, the server has it and says REPLY and that this was all,
 * the client closes. A server whose client waits in vain is not waited for until then. */
static void talk(uint16_t port, enum ending client_expects, enum ending server_expects,
                 struct got *ret_client, struct got *ret_server)
{
    enum ending at_first = client_expects == SILENCE ? SILENCE : server_expects;
    *ret_client = (struct got){.ending = REFUSED};
    *ret_server = (struct got){.ending = NOBODY};
    int server_end = -1, client = connect_to(port);
    if (client < 0)
        return;
    ret_client->ending = SILENCE;
    say(client, REQUEST, ret_client);
    if (comes(listener, server_expects)) {
        server_end = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        ret_server->ending = SILENCE;
        listen_to(server_end, sizeof REQUEST - 1, at_first, ret_server);
        if (ret_server->size == sizeof REQUEST - 1) {
            say(server_end, REPLY, ret_server);
            shutdown(server_end, SHUT_WR);
        }
    }
    listen_to(client, SIZE_MAX, client_expects, ret_client);
    close(client);
    if (server_end < 0)
        return;
    listen_to(server_end, SIZE_MAX, server_expects, ret_server);
    close(server_end);
}

struct side {
    const char *bytes;
    enum ending ending;
};
struct exchange {
    const char *plan;
    struct side server, client;
    uint32_t fired;
    const char *why;
};

static void assert_exchange(const struct exchange *row)
{
    struct got client, server;
    talk(begin_plan(row->plan), row->client.ending, row->server.ending, &client, &server);
    struct proxy_report report = end_plan(row->plan);
    if (strcmp(server.bytes, row->server.bytes) != 0 || server.ending != row->server.ending)
        fail_msg("%s (%s): the server got \"%s\" and %s", row->plan, row->why, server.bytes,
                 endings[server.ending]);
    if (strcmp(client.bytes, row->client.bytes) != 0 || client.ending != row->client.ending)
        fail_msg("%s (%s): the client got \"%s\" and %s", row->plan, row->why, client.bytes,
                 endings[client.ending]);
    if (report.fired != row->fired || report.unreachable != 0 ||
        report.request_bytes != server.size || report.reply_bytes != client.size)
        fail_msg("%s (%s): fired %u", row->plan, row->why, report.fired);
}

static const struct exchange exchanges[] = {
    {"none", {"abcdef", END}, {"uvwxy", END}, 0, "nothing happens"},
    {"connect:0:refuse:always", {"", NOBODY}, {"", REFUSED}, 0, "nobody sees it"},
    {"connect:0:silent:1", {"", NOBODY}, {"", SILENCE}, 1, "accepted, no answer"},
    {"connect:0:reset:1", {"", NOBODY}, {"", RESET}, 1, "accepted and reset"},
    {"reply:1:reset:1", {"abcdef", RESET}, {"", RESET}, 1, "committed, not answered"},
    {"reply:1:close:1", {"abcdef", END}, {"", END}, 1, "the same, in order"},
    {"reply:1:lose:1", {"abcdef", END}, {"", END}, 1, "the same; the server notices nothing"},
    {"reply:3:lose:1", {"abcdef", END}, {"uv", END}, 1, "the end of the reply is lost"},
    {"request:3:lose:1", {"ab", END}, {"", SILENCE}, 1, "the end of the request is lost"},
    {"request:3:half-open:1", {"ab", END}, {"", SILENCE}, 1, "the client is not told"},
    {"request:6+:half-open:1", {"abcdef", END}, {"", SILENCE}, 1, "nor when all was said"},
    {"reply:3:half-open:1", {"abcdef", SILENCE}, {"uv", END}, 1, "the server is not told"},
    {"request:3:corrupt:1", {"abbdef", END}, {"uvwxy", END}, 1, "one bit of c"},
    {"request:1:corrupt=32:1", {"Abcdef", END}, {"uvwxy", END}, 1, "another bit"},
    {"reply:5:corrupt:1", {"abcdef", END}, {"uvwxx", END}, 1, "the last byte"},
    {"request:2:delay=2:1", {"abcdef", END}, {"uvwxy", END}, 1, "late"},
    {"reply:1:slice=1:1", {"abcdef", END}, {"uvwxy", END}, 1, "slowly"},
    {"request:7:reset:1", {"abcdef", END}, {"uvwxy", END}, 0, "there is no such byte"},
    {"reply:6+:close:1", {"abcdef", END}, {"uvwxy", END}, 0, "nor this one"},
};

static void each_effect_happens(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++)
        assert_exchange(&exchanges[i]);
}

/* Each reset and close there is: the receiver has got exactly the bytes before, and the other end
 * knows as well. */
static void each_byte_is_exact(void **state)
{
    (void)state;
    struct proxy_plan plans[100];
    uint32_t effects = 1u << PROXY_RESET | 1u << PROXY_CLOSE;
    size_t count = proxy_plans(6, 5, effects, 1, plans, 100), tried = 0;
    for (size_t i = 0; i < count; i++) {
        const struct proxy_plan *plan = &plans[i];
        char text[PROXY_PLAN_BYTES], request[] = REQUEST, reply[] = REPLY;
        if (plan->side == PROXY_CONNECT || !(effects & (1u << plan->effect)))
            continue;
        size_t passed = plan->after ? plan->byte : plan->byte - 1;
        enum ending ending = plan->effect == PROXY_RESET ? RESET : END;
        if (plan->side == PROXY_REQUEST) {
            request[passed] = '\0';
            reply[0] = '\0';
        } else {
            reply[passed] = '\0';
            request[plan->byte == 0 ? 0 : sizeof REQUEST - 1] = '\0';
        }
        assert_exchange(&(struct exchange){
            proxy_plan_text(plan, text), {request, ending}, {reply, ending}, 1, "every byte"});
        tried++;
    }
    assert_int_equal(tried, 2 * (6 + 7 + 5 + 6));
}

/* However fast the proxy is, a receiver never finds two bytes of a slice at once. */
static void slices_are_single_bytes(void **state)
{
    (void)state;
    struct got client, server;
    talk(begin_plan("request:3:slice:1"), END, END, &client, &server);
    assert_string_equal(server.bytes, REQUEST);
    assert_int_equal(server.reads, 1 + 4); /* "ab", then one after the other */
    assert_int_equal(end_plan("request:3:slice:1").fired, 1);
    talk(begin_plan("reply:1:slice:1"), END, END, &client, &server);
    assert_string_equal(client.bytes, REPLY);
    assert_int_equal(client.reads, 5);
    assert_int_equal(end_plan("reply:1:slice:1").fired, 1);
}

static void twice_and_then_well(void **state)
{
    (void)state;
    struct got client, server;
    uint16_t port = begin_plan("reply:3:reset:2");
    for (int i = 0; i < 4; i++) {
        enum ending ending = i < 2 ? RESET : END;
        talk(port, ending, ending, &client, &server);
        assert_int_equal(client.ending, ending);
        assert_string_equal(client.bytes, i < 2 ? "uv" : REPLY);
    }
    struct proxy_report report = end_plan("reply:3:reset:2");
    assert_int_equal(report.fired, 2);
    assert_int_equal(report.connections, 4);
    port = begin_plan("connect:0:refuse:always");
    talk(port, REFUSED, NOBODY, &client, &server);
    assert_int_equal(client.ending, REFUSED);
    fprintf(proxy.in, "well\n");
    fflush(proxy.in);
    assert_int_equal(port_said_by(&proxy), port);
    talk(port, END, END, &client, &server);
    assert_string_equal(client.bytes, REPLY);
    assert_int_equal(end_plan("connect:0:refuse:always").connections, 1);
}

/* The client gets its reply only after the server has begun to answer the second delivery. */
static void requests_are_delivered_twice(void **state)
{
    (void)state;
    static const char *const plans[] = {"request:6+:duplicate:1", "reply:1:duplicate:1"};
    size_t before = descriptors_of(proxy.id);
    for (size_t i = 0; i < 2; i++) {
        struct got first = {.ending = SILENCE}, second = first, client = first;
        int fd = connect_to(begin_plan(plans[i]));
        (void)send(fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL);
        assert_true(comes(listener, END));
        int original = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        listen_to(original, sizeof REQUEST - 1, END, &first);
        (void)send(original, REPLY, sizeof REPLY - 1, MSG_NOSIGNAL);
        assert_true(comes(listener, END));
        int again = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        listen_to(again, sizeof REQUEST - 1, END, &second);
        assert_string_equal(first.bytes, REQUEST);
        assert_string_equal(second.bytes, REQUEST);
        assert_false(comes(fd, SILENCE));
        (void)send(again, "z", 1, MSG_NOSIGNAL);
        listen_to(fd, sizeof REPLY - 1, END, &client);
        assert_string_equal(client.bytes, REPLY);
        close(fd);
        close(original);
        assert_int_equal(end_plan(plans[i]).fired, 1);
        await_descriptors(proxy.id, before); /* the second connection is closed, too */
        close(again);
    }
}

/* More than the proxy has room for passes whole, but is not delivered twice: the plan does not
 * fire. */
static void long_requests_pass(void **state)
{
    (void)state;
    enum { SIZE = PROXY_RECORD_BYTES_MAX + 1 };
    static uint8_t sent[SIZE], got[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        sent[i] = (uint8_t)(i * 31 >> 3);
    char plan[PROXY_PLAN_BYTES];
    snprintf(plan, sizeof plan, "request:%u+:duplicate:1", SIZE);
    int fd = connect_to(begin_plan(plan));
    assert_int_equal(send(fd, sent, SIZE, MSG_NOSIGNAL), SIZE);
    close(fd);
    assert_true(comes(listener, END));
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(recv(fd, got, SIZE, MSG_WAITALL), SIZE);
    assert_int_equal(recv(fd, got, 1, 0), 0);
    got[0] = sent[0];
    assert_memory_equal(got, sent, SIZE);
    close(fd);
    struct proxy_report report = end_plan(plan);
    assert_int_equal(report.fired, 0);
    assert_int_equal(report.request_bytes, SIZE);
}

/* Whoever does not read what he is given does not keep the plan from striking. */
static void patience_ends(void **state)
{
    (void)state;
    struct got client = {.ending = SILENCE};
    int fd = connect_to(begin_plan("request:3:reset:1"));
    say(fd, REQUEST, &client);
    assert_true(comes(listener, END));
    int deaf = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_false(comes(fd, SILENCE)); /* it is waited for him */
    listen_to(fd, 1, RESET, &client);
    assert_int_equal(client.ending, RESET);
    close(fd);
    close(deaf);
    assert_int_equal(end_plan("request:3:reset:1").fired, 1);
}

/* What neither side should do: many clients that say nothing, more than the proxy has places; ones
 * that go away; a server that is not there; lines that are no plans. */
static void the_proxy_survives(void **state)
{
    (void)state;
    enum { MANY = PROXY_CONNECTIONS_MAX + 20 };
    int fds[MANY];
    struct got client, server;
    char line[256];
    size_t before = descriptors_of(proxy.id);
    uint16_t port = begin_plan("connect:0:silent:always");
    for (int i = 0; i < MANY; i++)
        fds[i] = connect_to(port);
    for (int i = 0; i < MANY; i++) {
        (void)send(fds[i], REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL);
        close(fds[i]);
    }
    assert_true(end_plan("connect:0:silent:always").fired >= PROXY_CONNECTIONS_MAX);
    await_descriptors(proxy.id, before);

    fprintf(proxy.in, "reply:0:reset:1\n%0200d\n", 7);
    fflush(proxy.in);
    for (int i = 0; i < 2; i++) {
        assert_non_null(fgets(line, sizeof line, proxy.out));
        assert_int_equal(strncmp(line, "error: ", 7), 0);
    }
    port = begin_plan("none");
    int unused = listener;
    close(unused);
    talk(port, RESET, NOBODY, &client, &server);
    assert_int_equal(client.ending, RESET);
    assert_int_equal(end_plan("none").unreachable, 1);
    await_descriptors(proxy.id, before);
}

static int raw_setup(void **state)
{
    (void)state;
    start_listening();
    start_proxy(listener_port);
    return 0;
}

/* Plans were tried that cannot fire: that is an error of the whole. */
static int raw_teardown(void **state)
{
    (void)state;
    return end(&proxy, 0) == 2 ? 0 : -1;
}

/* --- Over HTTP -------------------------------------------------------------------------------- */

static struct program server;
static uint16_t server_port;
static CURL *direct; /* a connection that nobody breaks */
static uint32_t keys_used;

struct body {
    char text[128];
    size_t size;
};

static size_t keep(char *data, size_t one, size_t size, void *context)
{
    struct body *body = context;
    size_t room = sizeof body->text - 1 - body->size;
    size_t kept = size < room ? size : room;
    (void)one;
    memcpy(body->text + body->size, data, kept);
    body->size += kept;
    return kept; /* less than it got ends the transfer with an error */
}

/* What a client believes: whether its request was done, and what the counter is. */
struct belief {
    bool done;
    unsigned counter;
};

/* A client believes an answer that came whole, is about its own key, and has its checksum. */
static bool is_answer(const struct body *body, const char *key, unsigned *ret_counter)
{
    char said_key[KEY_BYTES], expected[128];
    if (sscanf(body->text, "%16s %8u", said_key, ret_counter) != 2 || strcmp(said_key, key) != 0)
        return false;
    answer_text(expected, sizeof expected, key, *ret_counter);
    return strcmp(body->text, expected) == 0;
}

/* One request; with a key it is a POST. A trusting client believes whatever came under status 200.
 */
static struct belief ask(CURL *easy, uint16_t port, const char *key, long patience_ms,
                         bool trusting)
{
    struct body body = {.size = 0};
    struct belief belief = {.done = false};
    char url[64], header[64];
    long status = 0;
    struct curl_slist *headers = NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/counter", port);
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, patience_ms);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
    if (key != NULL) {
        snprintf(header, sizeof header, "Idempotency-Key: %s", key);
        headers = curl_slist_append(headers, header);
        headers = curl_slist_append(headers, "Content-Type:");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    }
    if (easy != direct)
        headers = curl_slist_append(headers, "Connection: close");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    belief.done = code == CURLE_OK && status == 200 &&
                  is_answer(&body, key != NULL ? key : "-", &belief.counter);
    if (trusting && status == 200) {
        belief.done = true;
        sscanf(body.text, "%*s %u", &belief.counter);
    }
    curl_slist_free_all(headers);
    return belief;
}

static unsigned true_counter(void)
{
    struct belief truth = ask(direct, server_port, NULL, PATIENCE_MS, false);
    assert_true(truth.done); /* the server goes on serving */
    return truth.counter;
}

/* Effects that may leave a client without an answer and without an end, and such that it should not
 * even notice. */
#define STALLING                                                                                   \
    (1u << PROXY_SILENT | 1u << PROXY_HALF_OPEN | 1u << PROXY_LOSE | 1u << PROXY_CORRUPT)
#define HARMLESS (1u << PROXY_SLICE | 1u << PROXY_DELAY | 1u << PROXY_DUPLICATE | 1u << PROXY_NONE)

/* Null, or what was wrong about one run under a plan. */
static const char *judge_run(const struct proxy_plan *plan, long patience_ms, bool trusting,
                             struct proxy_report *ret)
{
    char key[KEY_BYTES], text[PROXY_PLAN_BYTES];
    key_text(key, ++keys_used);
    proxy_plan_text(plan, text);
    unsigned before = true_counter();
    CURL *easy = curl_easy_init();
    struct belief client = ask(easy, begin_plan(text), key, patience_ms, trusting);
    curl_easy_cleanup(easy);
    *ret = end_plan(text);
    unsigned after = true_counter();
    if (after != before && after != before + 1)
        return "it was done more than once";
    if (client.done && after != before + 1)
        return "the client believes that it was done";
    if (client.done && client.counter != after)
        return "the client believes in a wrong answer";
    if (!client.done && (HARMLESS & (1u << plan->effect)))
        return "the client fails, for no reason";
    struct belief retry = ask(direct, server_port, key, PATIENCE_MS, false);
    if (!retry.done || retry.counter != before + 1 || true_counter() != before + 1)
        return "a retry does not make it exactly once";
    return NULL;
}

/* The same. A client that gave up before the plan could fire has shown nothing: on a slow machine
 * it needs more patience. */
static const char *judge(const struct proxy_plan *plan, bool trusting, struct proxy_report *ret)
{
    long patience_ms = STALLING & (1u << plan->effect) ? CLIENT_MS : PATIENCE_MS;
    const char *problem = judge_run(plan, patience_ms, trusting, ret);
    if (problem == NULL && proxy_missed(plan, ret) && patience_ms < PATIENCE_MS)
        problem = judge_run(plan, PATIENCE_MS, trusting, ret);
    return problem;
}

/* Under every plan of an exchange: counts the findings, shows the first, and says which effects had
 * one. All plans fire. */
static size_t judge_all(bool trusting, uint32_t everywhere, uint32_t *ret_effects)
{
    enum { ROOM = 10000 };
    struct proxy_plan *plans = malloc(ROOM * sizeof *plans);
    struct proxy_report bytes, report;
    size_t findings = 0;
    assert_non_null(plans);
    judge(&(struct proxy_plan){.effect = PROXY_NONE}, false, &bytes);
    assert_true(bytes.request_bytes > 80 && bytes.reply_bytes > 80);
    size_t count = proxy_plans(bytes.request_bytes, bytes.reply_bytes, everywhere, 1, plans, ROOM);
    assert_true(count <= ROOM);
    *ret_effects = 0;
    for (size_t i = 0; i < count; i++) {
        char text[PROXY_PLAN_BYTES];
        const char *problem = judge(&plans[i], trusting, &report);
        proxy_plan_text(&plans[i], text);
        if (proxy_missed(&plans[i], &report))
            fail_msg("%s did not fire", text);
        if (problem == NULL)
            continue;
        if (findings++ == 0)
            print_message("%s: %s\n", text, problem);
        *ret_effects |= 1u << plans[i].effect;
    }
    print_message("%zu plans, request of %llu bytes, reply of %llu: %zu findings\n", count,
                  (unsigned long long)bytes.request_bytes, (unsigned long long)bytes.reply_bytes,
                  findings);
    free(plans);
    return findings;
}

static void start_server(const char *twist)
{
    server = start(server_path, twist, NULL);
    server_port = port_said_by(&server);
    start_proxy(server_port);
    direct = curl_easy_init();
    assert_non_null(direct);
    true_counter();
    begin_plan("none"); /* when it has answered, it is the program that was to be started */
    end_plan("none");
}

static int end_server(void)
{
    int code = end(&proxy, 0);
    curl_easy_cleanup(direct);
    assert_int_equal(end(&server, SIGTERM), 0);
    return code;
}

/* Every byte of request and reply; nobody is harmed, and nobody keeps a descriptor. */
static void every_byte_over_http(void **state)
{
    (void)state;
    uint32_t effects;
    start_server(NULL);
    size_t proxy_before = descriptors_of(proxy.id), server_before = descriptors_of(server.id);
    assert_int_equal(judge_all(false, PROXY_EVERY_BYTE, &effects), 0);
    await_descriptors(proxy.id, proxy_before);
    await_descriptors(server.id, server_before);
    assert_int_equal(end_server(), 0); /* all plans fired */
}

/* After the commit and before the reply: the client knows nothing, the server has counted, and only
 * a retry finds out, which is harmless. */
static void a_commit_without_a_reply(void **state)
{
    (void)state;
    static const struct {
        const char *plan, *why;
    } rows[] = {
        {"reply:1:reset:1", "the connection is gone"},
        {"reply:1:close:1", "in order"},
        {"reply:1:lose:1", "the server believes that it has answered"},
        {"reply:1:half-open:1", "and that the client is still there"},
    };
    start_server(NULL);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        char key[KEY_BYTES];
        key_text(key, ++keys_used);
        CURL *easy = curl_easy_init();
        if (ask(easy, begin_plan(rows[i].plan), key, PATIENCE_MS, false).done)
            fail_msg("%s (%s): the client has an answer", rows[i].plan, rows[i].why);
        curl_easy_cleanup(easy);
        struct proxy_report report = end_plan(rows[i].plan);
        assert_int_equal(report.reply_bytes, 0);
        assert_int_equal(report.fired, 1);
        assert_int_equal(true_counter(), i + 1);
        struct belief retry = ask(direct, server_port, key, PATIENCE_MS, false);
        assert_true(retry.done);
        assert_int_equal(retry.counter, i + 1);
        assert_int_equal(true_counter(), i + 1);
    }
    assert_int_equal(end_server(), 0);
}

/* By a commit whose reply never comes, and by a request that comes twice. */
static void a_server_that_counts_twice_is_caught(void **state)
{
    (void)state;
    uint32_t effects;
    start_server("no-idempotency");
    assert_true(judge_all(false, 0, &effects) > 0);
    assert_true(effects & (1u << PROXY_RESET));
    assert_true(effects & (1u << PROXY_LOSE));
    assert_true(effects & (1u << PROXY_DUPLICATE));
    end_server();
}

/* By a reply that ends early. Its own control is the counting pass: on a good path it is right. */
static void a_client_that_trusts_is_caught(void **state)
{
    (void)state;
    struct proxy_report report;
    uint32_t effects;
    start_server(NULL);
    assert_null(judge(&(struct proxy_plan){.effect = PROXY_NONE}, true, &report));
    assert_true(judge_all(true, 1u << PROXY_CLOSE, &effects) > 0);
    assert_int_equal(effects, 1u << PROXY_CLOSE);
    end_server();
}

/* A byte that never comes. */
static void a_plan_that_misses_is_an_error(void **state)
{
    (void)state;
    struct proxy_report report;
    struct proxy_plan plan;
    start_server(NULL);
    assert_null(proxy_plan_read("reply:100000:reset:1", &plan));
    assert_null(judge(&plan, false, &report));
    assert_true(proxy_missed(&plan, &report));
    assert_int_equal(end_server(), 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest plans[] = {
        cmocka_unit_test(plans_are_read_and_written),
        cmocka_unit_test(plans_survive_every_change),
        cmocka_unit_test(effects_are_read),
        cmocka_unit_test(plans_are_enumerated),
    };
    const struct CMUnitTest raw[] = {
        cmocka_unit_test(each_effect_happens),
        cmocka_unit_test(each_byte_is_exact),
        cmocka_unit_test(slices_are_single_bytes),
        cmocka_unit_test(twice_and_then_well),
        cmocka_unit_test(requests_are_delivered_twice),
        cmocka_unit_test(long_requests_pass),
        cmocka_unit_test(patience_ends),
        cmocka_unit_test(the_proxy_survives), /* closes the listener */
    };
    const struct CMUnitTest http[] = {
        cmocka_unit_test(every_byte_over_http),
        cmocka_unit_test(a_commit_without_a_reply),
        cmocka_unit_test(a_server_that_counts_twice_is_caught),
        cmocka_unit_test(a_client_that_trusts_is_caught),
        cmocka_unit_test(a_plan_that_misses_is_an_error),
    };
    if (argc != 3) {
        fprintf(stderr, "usage: proxy_test ASSAY_PROXY HTTP_SERVER\n");
        return 64;
    }
    proxy_path = argv[1];
    server_path = argv[2];
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(plans, NULL, NULL);
    failed |= cmocka_run_group_tests(raw, raw_setup, raw_teardown);
    failed |= cmocka_run_group_tests(http, NULL, NULL);
    curl_global_cleanup();
    return failed != 0;
}
