/* SPDX-License-Identifier: Apache-2.0
 *
 * The network between client and service breaks, at every byte: a proxy (the program PROXY) stands
 * between them and resets or closes the connection at, and after, each byte of the request and of
 * the reply of a registration, a login and a change of the password. So the cut after the commit
 * and before the reply is among them: it is the first byte of the reply.
 *
 * After each cut the truth is asked, by requests that do not go through the proxy, and must fit:
 *   - what the client was told in full is so;
 *   - what had not come in full is not done; once a byte of the answer has left, it is done; only
 *     between the two is either right;
 *   - the same request again, with its Idempotency-Key, is answered as if nothing had happened,
 *     with the token that the first answer had; and then it is done, exactly once;
 *   - of two passwords, exactly one opens the account, at every moment.
 * In the end: one line in the log for each request, with its own id where it came that far, and a
 * stray line for what never became one; no cause but the client's own; no connection, no hash, no
 * memory and no descriptor left; and the service stops in good order.
 *
 * The negative controls are services with one vice each (faulty.c), which must be found out.
 *
 * Not shown: what a crash of the service loses (crash_test.c), and answers that change on their
 * way, which TLS is for.
 */
#include "running.h"

#include <dirent.h>
#include <sqlite3.h>

#define REQUEST_BYTES_MAX 1024u
#define CUTS_MAX          8192u
#define STRAY_BYTES_MIN   5u /* fewer bytes are not worth a line: clients.c */
#define RETRIES_MAX       2000u
#define CONTROL_STRIDE    23u /* a control takes one cut of so many */

static struct running running;
static unsigned wrong; /* what does not fit */
static bool is_control;
static int patience_ms; /* for connections to be closed */
static unsigned asked;  /* requests that came in full */
static sqlite3 *looker;

static __attribute__((format(printf, 1, 2))) void complain(const char *format, ...)
{
    va_list arguments;
    wrong++;
    if (is_control)
        return;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

/* --- The proxy -------------------------------------------------------------------------------- */

struct proxy {
    pid_t process;
    FILE *in, *out; /* of the program */
};

struct count {
    unsigned fired;
    unsigned long long request, reply; /* bytes that their receivers got */
};

static struct proxy proxy;

static void proxy_start(uint16_t server_port)
{
    int in[2], out[2];
    char port[8];
    (void)snprintf(port, sizeof port, "%u", server_port);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    proxy.process = fork();
    assert_true(proxy.process >= 0);
    if (proxy.process == 0) {
        (void)dup2(in[0], STDIN_FILENO);
        (void)dup2(out[1], STDOUT_FILENO);
        (void)execl(PROXY, PROXY, "--server", port, (char *)NULL);
        _exit(127);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    proxy.in = fdopen(in[1], "w");
    proxy.out = fdopen(out[0], "r");
    assert_true(proxy.in != NULL && proxy.out != NULL);
}

static void proxy_stop(void)
{
    int status;
    (void)fclose(proxy.in);
    assert_int_equal(waitpid(proxy.process, &status, 0), proxy.process);
    (void)fclose(proxy.out);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0); /* every plan has fired */
}

static void proxy_answer(const char *command, char *line, int size)
{
    (void)fprintf(proxy.in, "%s\n", command);
    (void)fflush(proxy.in);
    if (fgets(line, size, proxy.out) == NULL)
        fail_msg("the proxy does not answer to %s", command);
}

/* The port to which the client shall go. */
static uint16_t proxy_begin(const char *plan)
{
    char line[128];
    unsigned port = 0;
    proxy_answer(plan, line, sizeof line);
    if (sscanf(line, "listening 127.0.0.1:%u", &port) != 1)
        fail_msg("%s: %s", plan, line);
    return (uint16_t)port;
}

static struct count proxy_end(const char *plan)
{
    char line[256];
    struct count count;
    proxy_answer("end", line, sizeof line);
    if (sscanf(line, "ended %*s fired=%u connections=%*u request=%llu reply=%llu", &count.fired,
               &count.request, &count.reply) != 3)
        fail_msg("%s: %s", plan, line);
    return count;
}

/* --- Asking without the proxy ----------------------------------------------------------------- */

static unsigned ask(const char *method, const char *path, const char *body,
                    struct response *response)
{
    asked++;
    return ask_once(running.port, method, path, body, response);
}

static bool logs_in(const char *name, const char *password)
{
    static struct response response;
    char body[160];
    (void)snprintf(body, sizeof body, "{\"name\":\"%s\",\"password\":\"%s\"}", name, password);
    unsigned status = ask("POST", "/v1/sessions", body, &response);
    if (status != 201 && status != 401)
        complain("a login of %s is answered %u: %s", name, status, response.text);
    return status == 201;
}

/* The number of the newest session: it grows by one with each, whoever's it is. */
static int newest_session(void)
{
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(looker, "SELECT coalesce(max(id), 0) FROM session", -1,
                                        &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int newest = sqlite3_column_int(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    return newest;
}

static bool token_of(const struct response *response, char ret[64])
{
    const char *start = strstr(response->body, "\"token\":\"");
    return start != NULL && sscanf(start, "\"token\":\"%63[^\"]", ret) == 1;
}

static void expect_session(const char *token, const char *name)
{
    static struct response response;
    char request[256];
    int client = client_connect(running.port);
    int size = snprintf(request, sizeof request,
                        "GET /v1/sessions/current HTTP/1.1\r\nHost: a\r\n"
                        "Authorization: Bearer %s\r\n\r\n",
                        token);
    asked++;
    if (!client_send(client, request, (size_t)size) || !client_receive(client, &response) ||
        response.status != 200 || strstr(response.body, name) == NULL)
        complain("the token that was given out opens no session of %s", name);
    (void)close(client);
}

/* --- Exchanges -------------------------------------------------------------------------------- */

#define OLD_PASSWORD "seven green umbrellas"
#define NEW_PASSWORD "eight green umbrellas"

/* One run of an exchange. */
struct story {
    unsigned number; /* of all runs: names, keys and ids are made of it */
    char request[REQUEST_BYTES_MAX];
    size_t size, header; /* bytes of it, and of its header */
    bool is_new;         /* of a change: OLD_PASSWORD is current, NEW_PASSWORD is asked for */
    int newest;          /* session before it */
    char token[64];      /* of a login, once it was seen */
};

/* MEANWHILE: it was done while we looked. */
enum truth { NOT_DONE, DONE, MEANWHILE, IMPOSSIBLE };

static const struct exchange {
    const char *name, *method;
    unsigned status; /* when it is done */
    void (*write)(struct story *story, char path[64], char body[160]);
    enum truth (*look)(const struct story *story);
    void (*take)(struct story *story, const struct response *response); /* an answer; or null */
} exchanges[];

static void write_register(struct story *story, char path[64], char body[160])
{
    (void)snprintf(path, 64, "/v1/accounts");
    (void)snprintf(body, 160, "{\"name\":\"guest %06u\",\"password\":\"" PASSWORD "\"}",
                   story->number);
}

static enum truth look_for_account(const struct story *story)
{
    char name[32];
    (void)snprintf(name, sizeof name, "guest %06u", story->number);
    return logs_in(name, PASSWORD) ? DONE : NOT_DONE;
}

static void write_login(struct story *story, char path[64], char body[160])
{
    story->newest = newest_session();
    (void)snprintf(path, 64, "/v1/sessions");
    (void)snprintf(body, 160, "{\"name\":\"alice\",\"password\":\"" PASSWORD "\"}");
}

static enum truth look_for_session(const struct story *story)
{
    int more = newest_session() - story->newest;
    return more == 0 ? NOT_DONE : more == 1 ? DONE : IMPOSSIBLE;
}

/* A token works, and a second answer has the same one. */
static void take_token(struct story *story, const struct response *response)
{
    char token[64] = "";
    if (!token_of(response, token))
        complain("a login is answered without a token: %s", response->text);
    else if (story->token[0] != '\0' && strcmp(story->token, token) != 0)
        complain("the same login has another token");
    else
        expect_session(token, "alice");
    (void)snprintf(story->token, sizeof story->token, "%s", token);
}

static void write_change(struct story *story, char path[64], char body[160])
{
    story->is_new = !logs_in("bob", OLD_PASSWORD);
    (void)snprintf(path, 64, "/v1/accounts/bob/password");
    (void)snprintf(body, 160, "{\"current\":\"%s\",\"new\":\"%s\"}",
                   story->is_new ? NEW_PASSWORD : OLD_PASSWORD,
                   story->is_new ? OLD_PASSWORD : NEW_PASSWORD);
}

/* The current one first: should the change come between the two looks, both open the account. */
static enum truth look_for_password(const struct story *story)
{
    bool opens_current = logs_in("bob", story->is_new ? NEW_PASSWORD : OLD_PASSWORD);
    bool opens_wanted = logs_in("bob", story->is_new ? OLD_PASSWORD : NEW_PASSWORD);
    if (opens_current)
        return opens_wanted ? MEANWHILE : NOT_DONE;
    return opens_wanted ? DONE : IMPOSSIBLE;
}

static const struct exchange exchanges[] = {
    {"register", "POST", 201, write_register, look_for_account, NULL},
    {"login", "POST", 201, write_login, look_for_session, take_token},
    {"change", "PUT", 204, write_change, look_for_password, NULL},
};

static void story_write(struct story *story, const struct exchange *exchange, unsigned number)
{
    char path[64], body[160];
    *story = (struct story){.number = number};
    exchange->write(story, path, body);
    int size =
        snprintf(story->request, sizeof story->request,
                 "%s %s HTTP/1.1\r\nHost: a\r\nX-Request-Id: cut-%06u\r\nIdempotency-Key: "
                 "key-%06u\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 exchange->method, path, number, number, strlen(body), body);
    assert_true(size > 0 && (size_t)size < sizeof story->request);
    story->size = (size_t)size;
    story->header = story->size - strlen(body);
}

/* --- Cuts ------------------------------------------------------------------------------------- */

struct cut {
    bool is_reply, is_after, is_reset;
    unsigned byte;
};

/* What the service had read of the request when the connection was cut. */
static size_t read_before(const struct cut *cut, const struct story *story)
{
    if (cut->is_reply)
        return story->size;
    return cut->is_after ? cut->byte : cut->byte - 1u;
}

/* What each cut leaves in the log. */
static struct {
    unsigned count;
    unsigned lines[CUTS_MAX];      /* of the id of each: none, unless its header was read */
    unsigned retries;              /* lines of requests that were asked again */
    unsigned strays, maybe_strays; /* lines that must be there, and more that may be */
} expected;

static void expect_lines(const struct cut *cut, const struct story *story)
{
    size_t size = read_before(cut, story);
    assert_true(expected.count < CUTS_MAX && story->number == expected.count);
    expected.lines[expected.count++] = size >= story->header;
    expected.strays += size < story->header && size >= STRAY_BYTES_MIN;
    expected.maybe_strays += size > 0 && size < STRAY_BYTES_MIN;
}

/* Is it as it may be, after the cut and before anybody asks again? */
static void judge_truth(const struct exchange *exchange, const struct story *story,
                        const struct cut *cut, const char *plan)
{
    bool is_asked = read_before(cut, story) == story->size;
    enum truth truth = exchange->look(story);
    if (truth == IMPOSSIBLE)
        complain("%s %s: neither done nor not done", exchange->name, plan);
    else if (!is_asked && truth != NOT_DONE)
        complain("%s %s: done, although it had not come in full", exchange->name, plan);
    else if (cut->is_reply && truth != DONE)
        complain("%s %s: answered, and not done", exchange->name, plan);
}

/* The same request again, which is harmless. */
static void ask_again(const struct exchange *exchange, struct story *story, const char *plan)
{
    static struct response response;
    memcpy(strstr(story->request, "cut-"), "try-", 4);
    for (unsigned i = 0; i < RETRIES_MAX; i++) {
        int client = client_connect(running.port);
        response.status = 0;
        expected.retries++;
        (void)(client_send(client, story->request, story->size) &&
               client_receive(client, &response));
        (void)close(client);
        if (response.status != 503) /* the first one is still under way */
            break;
        pause_ms(1);
    }
    if (response.status != exchange->status)
        complain("%s %s: asked again, it is answered %u", exchange->name, plan, response.status);
    else if (exchange->take != NULL)
        exchange->take(story, &response);
    if (exchange->look(story) != DONE)
        complain("%s %s: asked again and answered, it is not done once", exchange->name, plan);
}

static void run_cut(const struct exchange *exchange, const struct cut *cut, unsigned number)
{
    static struct response response;
    static struct story story;
    char plan[48];
    (void)snprintf(plan, sizeof plan, "%s:%u%s:%s:1", cut->is_reply ? "reply" : "request",
                   cut->byte, cut->is_after ? "+" : "", cut->is_reset ? "reset" : "close");
    story_write(&story, exchange, number);
    int client = client_connect(proxy_begin(plan));
    response.status = 0;
    bool is_told =
        client_send(client, story.request, story.size) && client_receive(client, &response);
    (void)close(client);
    if (proxy_end(plan).fired != 1)
        fail_msg("%s %s did not fire", exchange->name, plan);
    expect_lines(cut, &story);
    if (is_told && (response.status != exchange->status || !cut->is_reply))
        complain("%s %s: the client is told %u", exchange->name, plan, response.status);
    else if (is_told && exchange->take != NULL)
        exchange->take(&story, &response);
    judge_truth(exchange, &story, cut, plan);
    ask_again(exchange, &story, plan);
}

/* How many bytes the exchange has when nothing is cut. */
static struct count count_bytes(const struct exchange *exchange)
{
    static struct response response;
    static struct story story;
    static const struct cut none = {.is_reply = true, .is_after = true, .byte = 1};
    story_write(&story, exchange, expected.count);
    int client = client_connect(proxy_begin("none"));
    assert_true(client_send(client, story.request, story.size));
    assert_true(client_receive(client, &response));
    assert_int_equal(response.status, exchange->status);
    (void)close(client);
    expect_lines(&none, &story);
    struct count count = proxy_end("none");
    assert_int_equal(count.request, story.size);
    return count;
}

/* One cut of `stride`, of all there are: at each byte, after the last, and, of a request, before
 * the first. */
static void cut_side(const struct exchange *exchange, bool is_reply, unsigned bytes,
                     unsigned stride)
{
    for (unsigned place = is_reply ? 1 : 0; place <= bytes + 1; place += stride)
        for (int is_reset = 0; is_reset < 2; is_reset++) {
            const struct cut cut = {
                .is_reply = is_reply,
                .is_after = place == 0 || place > bytes,
                .is_reset = is_reset,
                .byte = place > bytes ? bytes : place,
            };
            run_cut(exchange, &cut, expected.count);
        }
}

/* --- What is left ----------------------------------------------------------------------------- */

static unsigned count_descriptors(void)
{
    char path[64];
    unsigned count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", running.process);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

/* Without those of a look at the database, which readiness takes now and then. */
static unsigned fewest_descriptors(void)
{
    unsigned fewest = count_descriptors();
    for (int i = 0; i < 20; i++) {
        unsigned count = count_descriptors();
        fewest = count < fewest ? count : fewest;
        pause_ms(2);
    }
    return fewest;
}

static bool nothing_is_left(void)
{
    static const char *const lines[] = {
        "\nauthd_connections 1\n", /* the one that asks */
        "\nauthd_hashing_in_flight 0\n",
        "\nauthd_hashing_memory_kib{state=\"used\"} 0\n",
        "\nauthd_log_lines_lost_total 0\n",
    };
    static struct response response;
    if (ask("GET", "/metrics", "", &response) != 200)
        return false;
    for (size_t i = 0; i < COUNT(lines); i++)
        if (strstr(response.body, lines[i]) == NULL)
            return false;
    return true;
}

/* Connections are closed a moment after their clients have gone. */
static void await_nothing_left(unsigned descriptors)
{
    bool is_nothing = false;
    for (int waited_ms = 0; waited_ms < patience_ms && !is_nothing; waited_ms += 10) {
        is_nothing = nothing_is_left() && count_descriptors() <= descriptors;
        pause_ms(is_nothing ? 0 : 10);
    }
    if (!is_nothing)
        complain("something is left: %u descriptors, %u at first", count_descriptors(),
                 descriptors);
}

struct tally {
    unsigned of_cuts[CUTS_MAX], retries, strays, others;
};

static void count_line(void *context, const json_t *line)
{
    struct tally *tally = context;
    const char *id = member(line, "request_id"), *answer = member(line, "answer");
    bool is_rejected = strcmp(answer, "rejected") == 0;
    bool is_waiting =
        strcmp(answer, "unavailable") == 0 && strstr(member(line, "detail"), "under way") != NULL;
    unsigned number;
    if (strcmp(member(line, "layer"), is_rejected ? "input" : "none") != 0 && !is_waiting)
        complain("a cause that nobody gave: %s (%s)", member(line, "layer"), answer);
    if (sscanf(id, "cut-%06u", &number) == 1 && number < CUTS_MAX)
        tally->of_cuts[number]++;
    else if (strncmp(id, "try-", 4) == 0)
        tally->retries++;
    else if (is_rejected)
        tally->strays++;
    else
        tally->others++;
}

/* One line for each request. */
static void judge_log(void)
{
    static struct tally tally;
    memset(&tally, 0, sizeof tally);
    (void)each_request(&running, count_line, &tally);
    for (unsigned i = 0; i < expected.count; i++)
        if (tally.of_cuts[i] != expected.lines[i])
            complain("%u lines of request cut-%06u, %u wanted", tally.of_cuts[i], i,
                     expected.lines[i]);
    if (tally.retries != expected.retries)
        complain("%u lines of requests that were asked again, %u wanted", tally.retries,
                 expected.retries);
    if (tally.strays < expected.strays || tally.strays > expected.strays + expected.maybe_strays)
        complain("%u lines of strays, %u to %u wanted", tally.strays, expected.strays,
                 expected.strays + expected.maybe_strays);
    if (tally.others != asked)
        complain("%u lines of other requests, %u wanted", tally.others, asked);
}

/* --- Services --------------------------------------------------------------------------------- */

static void cut_everywhere(const struct exchange *exchange, unsigned stride)
{
    struct count bytes = count_bytes(exchange), again = count_bytes(exchange);
    assert_int_equal(bytes.request, again.request);
    assert_int_equal(bytes.reply, again.reply);
    cut_side(exchange, false, (unsigned)bytes.request, stride);
    cut_side(exchange, true, (unsigned)bytes.reply, stride);
    if (!is_control)
        (void)printf("%s: %llu bytes of request, %llu of reply\n", exchange->name, bytes.request,
                     bytes.reply);
}

static void register_first(const char *name, const char *password)
{
    static struct response response;
    char body[160];
    (void)snprintf(body, sizeof body, "{\"name\":\"%s\",\"password\":\"%s\"}", name, password);
    assert_int_equal(ask("POST", "/v1/accounts", body, &response), 201);
}

/* Returns how much of what came of one cut of `stride` does not fit. */
static unsigned run_service(const char *program, unsigned stride)
{
    const char *const options[] = {"--cost", "8,1", "--hashing-threads", "2", NULL};
    wrong = asked = 0;
    memset(&expected, 0, sizeof expected);
    is_control = stride > 1;
    running_folder_in_memory(&running);
    running_start_program(&running, program, options);
    assert_int_equal(sqlite3_open(running.database, &looker), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(looker, DEADLINE_MS), SQLITE_OK);
    register_first("alice", PASSWORD);
    register_first("bob", OLD_PASSWORD);
    register_first("carol", PASSWORD); /* what a hasty service owes is then carol's */
    unsigned descriptors = fewest_descriptors();
    proxy_start(running.port);
    for (size_t i = 0; i < COUNT(exchanges); i++)
        cut_everywhere(&exchanges[i], stride);
    proxy_stop();
    await_nothing_left(descriptors);
    assert_int_equal(sqlite3_close(looker), SQLITE_OK);
    assert_int_equal(running_stop(&running, SIGTERM), 0);
    judge_log();
    running_remove_folder(&running);
    return wrong;
}

static void every_byte_is_a_cut(void **state)
{
    (void)state;
    patience_ms = DEADLINE_MS;
    assert_int_equal(run_service(AUTHD, 1), 0);
    (void)printf("%u exchanges were cut\n", expected.count);
}

static void every_vice_is_found_out(void **state)
{
    static const char *const rows[][2] = {
        {"hasty", "it acknowledges before it commits"},
        {"forgetful", "it does a repeated request again"},
        {"silent", "it does not write down what it rejects"},
        {"leaky", "it keeps descriptors"},
    };
    (void)state;
    (void)unsetenv("AUTHD_VICE");
    patience_ms = DEADLINE_MS;
    unsigned honest = run_service(AUTHD_FAULTY, CONTROL_STRIDE);
    assert_int_equal(honest, 0); /* or the controls show nothing */
    for (size_t i = 0; i < COUNT(rows); i++) {
        (void)setenv("AUTHD_VICE", rows[i][0], 1);
        patience_ms = 1000;
        unsigned found = run_service(AUTHD_FAULTY, CONTROL_STRIDE);
        (void)unsetenv("AUTHD_VICE");
        (void)printf("%s: %u of %u cuts and counts show that %s\n", rows[i][0], found,
                     expected.count, rows[i][1]);
        assert_true(found > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_a_cut),
        cmocka_unit_test(every_vice_is_found_out),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
