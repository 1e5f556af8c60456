/* SPDX-License-Identifier: Apache-2.0
 *
 * Many clients at once, each a thread with a connection of its own, on a real database file.
 *
 * Two hundred live the life of an account each, whose answers are all known beforehand; the name
 * that a session belongs to must be their own, so that nothing of one request is seen by another.
 * Sixteen with correct passwords meet memory for four hashes: nobody may be denied, everybody is
 * told to come again and then gets in, and the log names hashing memory for every refusal.
 */
#include "running.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#define CLIENTS      200u
#define GUESTS       16u
#define GUEST_LOGINS 10u
#define RETRIES_MAX  10000u

static struct running running;
static atomic_uint wrong;   /* answers that cannot be */
static atomic_uint refused; /* 503, with a hint when to come again */
static atomic_uint asked;

static void complain(const char *what, const struct response *response)
{
    (void)fprintf(stderr, "%s: %u %s\n", what, response->status, response->text);
    (void)atomic_fetch_add(&wrong, 1);
}

/* Asks until the answer is another than 503, as a good client does, but sooner. */
static void ask(int client, const char *method, const char *path, const char *body, unsigned status,
                struct response *ret)
{
    for (unsigned i = 0; i < RETRIES_MAX; i++) {
        (void)atomic_fetch_add(&asked, 1);
        if (!client_ask(client, method, path, body, ret) || ret->status != 503)
            break;
        (void)atomic_fetch_add(&refused, 1);
        if (strcasestr(ret->text, "\r\nRetry-After: ") == NULL)
            complain("no hint when to come again", ret);
        pause_ms(5);
    }
    if (ret->status != status)
        complain(path, ret);
}

static void ask_about_session(int client, const char *token_body, const char *name)
{
    struct response *response = calloc(1, sizeof *response);
    char request[256], wanted[64], token[44] = "";
    const char *start = strstr(token_body, "\"token\":\"");
    if (start != NULL)
        (void)snprintf(token, sizeof token, "%s", start + 9);
    int size = snprintf(request, sizeof request,
                        "GET /v1/sessions/current HTTP/1.1\r\nHost: a\r\n"
                        "Authorization: Bearer %s\r\n\r\n",
                        token);
    (void)snprintf(wanted, sizeof wanted, "{\"name\":\"%s\"}", name);
    (void)atomic_fetch_add(&asked, 1);
    if (!client_send(client, request, (size_t)size) || !client_receive(client, response) ||
        strcmp(response->body, wanted) != 0)
        complain("whose session is it", response);
    free(response);
}

static void *live(void *context)
{
    struct response *response = calloc(1, sizeof *response);
    char name[32], body[256], path[64];
    int client = client_connect(running.port);
    (void)snprintf(name, sizeof name, "client %u", (unsigned)(uintptr_t)context);
    (void)snprintf(path, sizeof path, "/v1/accounts/client%%20%u", (unsigned)(uintptr_t)context);
    (void)snprintf(body, sizeof body, "{\"name\":\"%s\",\"password\":\"" PASSWORD "\"}", name);
    ask(client, "POST", "/v1/accounts", body, 201, response);
    ask(client, "POST", "/v1/accounts", body, 409, response);
    ask(client, "POST", "/v1/sessions", body, 201, response);
    ask_about_session(client, response->body, name);
    (void)snprintf(path + strlen(path), 16, "/password");
    ask(client, "PUT", path, "{\"current\":\"" PASSWORD "\",\"new\":\"" PASSWORD " 2\"}", 204,
        response);
    ask(client, "POST", "/v1/sessions", body, 401, response);
    path[strlen(path) - strlen("/password")] = '\0';
    ask(client, "DELETE", path, "{\"password\":\"" PASSWORD " 2\"}", 204, response);
    (void)close(client);
    free(response);
    return NULL;
}

static void *log_in(void *context)
{
    struct response *response = calloc(1, sizeof *response);
    char body[256];
    int client = client_connect(running.port);
    (void)snprintf(body, sizeof body, "{\"name\":\"guest %u\",\"password\":\"" PASSWORD "\"}",
                   (unsigned)(uintptr_t)context);
    for (unsigned i = 0; i < GUEST_LOGINS; i++)
        ask(client, "POST", "/v1/sessions", body, 201, response);
    (void)close(client);
    free(response);
    return NULL;
}

static void run_threads(unsigned count, void *(*body)(void *))
{
    pthread_t threads[CLIENTS];
    pthread_attr_t attributes;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], &attributes, body, (void *)(uintptr_t)i), 0);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_attr_destroy(&attributes);
}

struct tally {
    unsigned denied, unavailable, elsewhere;
};

static void count(void *context, const json_t *line)
{
    struct tally *tally = context;
    tally->denied += strcmp(member(line, "answer"), "denied") == 0;
    if (strcmp(member(line, "answer"), "unavailable") != 0)
        return;
    tally->unavailable++;
    tally->elsewhere += strcmp(member(line, "layer"), "hashing") != 0 ||
                        strcmp(member(line, "reason"), "memory") != 0;
}

static void start_with(const char *const *options)
{
    running_folder(&running);
    running_start(&running, options);
    wrong = 0;
    refused = 0;
    asked = 0;
}

static void a_16_3_1_two_hundred_clients_do_not_meet(void **state)
{
    const char *const options[] = {"--cost", "8,1", "--timeout", "60", NULL};
    struct tally tally = {0};
    (void)state;
    start_with(options);
    run_threads(CLIENTS, live);
    assert_int_equal(wrong, 0);
    assert_int_equal(running_stop(&running, SIGTERM), 0);
    assert_int_equal(each_request(&running, count, &tally), asked);
    assert_int_equal(tally.denied, CLIENTS); /* the one with the old password */
    assert_int_equal(tally.unavailable, refused);
    running_remove_folder(&running);
}

static void short_memory_is_never_a_wrong_password(void **state)
{
    const char *const options[] = {"--cost",    "8192,1", "--hashing-threads", "16",
                                   "--timeout", "60",     "--hashing-memory",  "32768",
                                   NULL};
    static struct response response;
    struct tally tally = {0};
    (void)state;
    start_with(options);
    for (unsigned i = 0; i < GUESTS; i++) {
        char body[256];
        (void)snprintf(body, sizeof body, "{\"name\":\"guest %u\",\"password\":\"" PASSWORD "\"}",
                       i);
        assert_int_equal(ask_once(running.port, "POST", "/v1/accounts", body, &response), 201);
    }
    run_threads(GUESTS, log_in);
    assert_int_equal(wrong, 0);
    assert_true(refused > 0); /* else nothing was shown */
    assert_int_equal(running_stop(&running, SIGTERM), 0);
    (void)each_request(&running, count, &tally);
    assert_int_equal(tally.denied, 0);
    assert_int_equal(tally.unavailable, refused);
    assert_int_equal(tally.elsewhere, 0);
    running_remove_folder(&running);
}

/* Those who wait too long for a worker are refused with the cause of the wait, and only with that:
 * the one thread hashes for long, or somebody else holds the lock of the database. */

struct causes {
    unsigned other; /* than `layer` and `reason` */
    unsigned waits; /* lines of those who waited too long */
    const char *layer, *reason;
};

static void count_causes(void *context, const json_t *line)
{
    struct causes *causes = context;
    if (strcmp(member(line, "answer"), "unavailable") != 0)
        return;
    causes->waits += strstr(member(line, "detail"), "wait for a worker") != NULL;
    causes->other += strcmp(member(line, "layer"), causes->layer) != 0 ||
                     strcmp(member(line, "reason"), causes->reason) != 0;
}

static void *register_once(void *context)
{
    struct response *response = calloc(1, sizeof *response);
    char body[256];
    (void)snprintf(body, sizeof body, "{\"name\":\"guest %u\",\"password\":\"" PASSWORD "\"}",
                   (unsigned)(uintptr_t)context);
    unsigned status = ask_once(running.port, "POST", "/v1/accounts", body, response);
    if (status == 503)
        (void)atomic_fetch_add(&refused, 1);
    else if (status != 201)
        complain("register", response);
    free(response);
    return NULL;
}

static void expect_waits(const char *layer, const char *reason)
{
    struct causes causes = {.layer = layer, .reason = reason};
    assert_int_equal(wrong, 0);
    assert_int_equal(running_stop(&running, SIGTERM), 0);
    (void)each_request(&running, count_causes, &causes);
    assert_true(causes.waits > 0); /* else nothing was shown */
    assert_int_equal(causes.other, 0);
    running_remove_folder(&running);
}

static void waiting_for_hashes_names_hashing(void **state)
{
    const char *const options[] = {"--cost", "65536,32", "--hashing-threads", "1", "--wait",
                                   "1",      NULL};
    (void)state;
    start_with(options);
    run_threads(4, register_once);
    expect_waits("hashing", "memory");
}

static void waiting_for_a_lock_names_storage(void **state)
{
    const char *const options[] = {"--cost", "8,1", "--hashing-threads", "1", "--wait", "1", NULL};
    sqlite3 *db;
    (void)state;
    start_with(options);
    assert_int_equal(sqlite3_open(running.database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    run_threads(4, register_once);
    assert_int_equal(sqlite3_close(db), SQLITE_OK); /* and the lock goes with it */
    assert_int_equal(refused, 4);
    expect_waits("storage", "busy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_16_3_1_two_hundred_clients_do_not_meet),
        cmocka_unit_test(short_memory_is_never_a_wrong_password),
        cmocka_unit_test(waiting_for_hashes_names_hashing),
        cmocka_unit_test(waiting_for_a_lock_names_storage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
