/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of the service in the middle of its work, by SIGTERM and by SIGKILL.
 *
 * In each round eight clients register a hundred accounts; when so many as the round says are
 * acknowledged, the signal comes. Meanwhile somebody asks for health and readiness, and authctl
 * counts and verifies the same database. Then the service starts again on what is left: every
 * acknowledged account must be there with its password. After SIGTERM the exit code is 0 and the
 * other direction holds as well: what is there was acknowledged, so nothing was done whose answer
 * was then withheld.
 *
 * A process that is killed leaves the kernel what it has written, so most rounds are on files in
 * memory, where nobody waits for a disk; some are on a disk all the same, since there a signal most
 * often comes while one is waited for.
 *
 * SERVICE_TEST_ROUNDS sets the number of rounds by each signal; one more in four is on a disk.
 */
#include "running.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#define CLIENTS        8u
#define ACCOUNTS       104u /* of a round, the same number for each client */
#define ROUNDS_DEFAULT 20u
#define ROUNDS_MAX     1000u

static struct running running;
static unsigned current_round;
static atomic_bool acknowledged[ROUNDS_MAX][ACCOUNTS];
static atomic_uint count_acknowledged; /* of this round */
static atomic_uint count_ended;        /* clients that are done */
static atomic_uint wrong;
static atomic_bool is_over;
static atomic_bool is_stopping; /* from here on a client may be told to come again */

static void body_of(unsigned round, unsigned account, char ret[128])
{
    (void)snprintf(ret, 128, "{\"name\":\"account %u of %u\",\"password\":\"" PASSWORD "\"}",
                   account, round);
}

/* Until the service goes away. */
static void *register_accounts(void *context)
{
    struct response *response = calloc(1, sizeof *response);
    unsigned number = (unsigned)(uintptr_t)context;
    int client = client_connect(running.port);
    for (unsigned i = number; i < ACCOUNTS; i += CLIENTS) {
        char body[128];
        body_of(current_round, i, body);
        if (!client_ask(client, "POST", "/v1/accounts", body, response))
            break;
        if (response->status == 201) {
            acknowledged[current_round][i] = true;
            (void)atomic_fetch_add(&count_acknowledged, 1);
        } else if (response->status != 503 || !is_stopping) {
            (void)fprintf(stderr, "register: %s\n", response->text);
            (void)atomic_fetch_add(&wrong, 1);
        }
        if (strcasestr(response->text, "\r\nConnection: close") != NULL)
            break;
    }
    (void)close(client);
    (void)atomic_fetch_add(&count_ended, 1);
    free(response);
    return NULL;
}

/* The service lives as long as it is there, and is ready as long as it is not told to stop. */
static void *probe(void *context)
{
    struct response *response = calloc(1, sizeof *response);
    (void)context;
    while (!is_over) {
        unsigned health = ask_once(running.port, "GET", "/healthz", "", response);
        unsigned ready = ask_once(running.port, "GET", "/readyz", "", response);
        if ((health != 200 && health != 0) || (ready != 200 && ready != 503 && ready != 0)) {
            (void)fprintf(stderr, "health %u, readiness %u: %s\n", health, ready, response->text);
            (void)atomic_fetch_add(&wrong, 1);
        }
        pause_ms(5);
    }
    free(response);
    return NULL;
}

/* authctl beside it all. */
static void *operate(void *context)
{
    static const char *const commands[] = {"census", "verify", "export"};
    (void)context;
    do {
        for (size_t i = 0; i < COUNT(commands); i++) {
            const char *const arguments[] = {AUTHCTL, commands[i], running.database, NULL};
            if (run_to_end(arguments) == 0)
                continue;
            (void)fprintf(stderr, "authctl %s failed\n", commands[i]);
            (void)atomic_fetch_add(&wrong, 1);
        }
    } while (!is_over);
    return NULL;
}

static void *log_in(void *context)
{
    struct response *response = calloc(1, sizeof *response);
    unsigned number = (unsigned)(uintptr_t)context;
    int client = client_connect(running.port);
    for (unsigned i = number; i < ACCOUNTS; i += CLIENTS) {
        char body[128];
        body_of(current_round, i, body);
        if (!acknowledged[current_round][i])
            continue;
        if (!client_ask(client, "POST", "/v1/sessions", body, response) ||
            response->status != 201) {
            (void)fprintf(stderr, "lost: account %u of %u: %s\n", i, current_round, response->text);
            (void)atomic_fetch_add(&wrong, 1);
        }
    }
    (void)close(client);
    free(response);
    return NULL;
}

static void start_clients(pthread_t threads[CLIENTS], void *(*body)(void *))
{
    for (unsigned i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, (void *)(uintptr_t)i), 0);
}

static void join(pthread_t *threads, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* What is in the table, by a connection that knows nothing of the store. */
static unsigned count_accounts(void)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(running.database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM account", -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    unsigned number = (unsigned)sqlite3_column_int(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return number;
}

/* One signal in the middle of one hundred registrations; returns how many were acknowledged. */
static unsigned run_round(int number)
{
    const char *const options[] = {"--cost", "8,1", NULL};
    pthread_t clients[CLIENTS], others[2];
    unsigned enough = current_round * 37u % 100u; /* somewhere else in each round */
    running_start(&running, options);
    is_over = false;
    is_stopping = false;
    count_acknowledged = 0;
    count_ended = 0;
    assert_int_equal(pthread_create(&others[0], NULL, probe, NULL), 0);
    assert_int_equal(pthread_create(&others[1], NULL, operate, NULL), 0);
    start_clients(clients, register_accounts);
    while (count_acknowledged < enough && count_ended < CLIENTS)
        pause_ms(1);
    is_stopping = true;
    int code = running_stop(&running, number);
    is_over = true;
    join(clients, CLIENTS);
    join(others, 2);
    assert_int_equal(code, number == SIGTERM ? 0 : -SIGKILL);
    running_start(&running, options);
    start_clients(clients, log_in);
    join(clients, CLIENTS);
    assert_int_equal(running_stop(&running, SIGTERM), 0);
    assert_int_equal(wrong, 0);
    return count_acknowledged;
}

static unsigned count_rounds(void)
{
    const char *wanted = getenv("SERVICE_TEST_ROUNDS");
    unsigned long rounds = wanted == NULL ? ROUNDS_DEFAULT : strtoul(wanted, NULL, 10);
    return rounds == 0 || rounds > ROUNDS_MAX ? ROUNDS_DEFAULT : (unsigned)rounds;
}

static void nothing_acknowledged_is_lost(int number, unsigned rounds)
{
    unsigned total = 0, in_the_middle = 0;
    memset(acknowledged, 0, sizeof acknowledged);
    for (current_round = 0; current_round < rounds; current_round++) {
        unsigned count = run_round(number);
        total += count;
        in_the_middle += count < ACCOUNTS;
    }
    unsigned there = count_accounts();
    if (number == SIGTERM)
        assert_int_equal(there, total);
    assert_true(there >= total);
    assert_true(in_the_middle > 0); /* else the signal always came too late */
    running_remove_folder(&running);
}

static void by(int number)
{
    unsigned rounds = count_rounds();
    running_folder_in_memory(&running);
    nothing_acknowledged_is_lost(number, rounds);
    running_folder(&running);
    nothing_acknowledged_is_lost(number, rounds / 4 + 1);
}

static void by_sigterm(void **state)
{
    (void)state;
    by(SIGTERM);
}

static void by_sigkill(void **state)
{
    (void)state;
    by(SIGKILL);
}

/* A request whose header has been taken when SIGTERM comes, and whose body has not come yet. */
static int begin_request(size_t size)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char header[256], got[sizeof go_on] = "";
    int client = client_connect(running.port);
    int header_size = snprintf(header, sizeof header,
                               "POST /v1/accounts HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                               "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                               size);
    size_t got_size = 0;
    assert_true(client_send(client, header, (size_t)header_size));
    while (got_size < sizeof go_on - 1)
        assert_true(client_more(client, got, &got_size, sizeof go_on - 1 - got_size));
    assert_string_equal(got, go_on);
    return client;
}

static void wait_for_event(const char *event)
{
    for (int waited_ms = 0; waited_ms < DEADLINE_MS; waited_ms += 10) {
        char *text = read_file(running.log);
        bool is_there = strstr(text, event) != NULL;
        free(text);
        if (is_there)
            return;
        pause_ms(10);
    }
    fail_msg("the log does not have %s", event);
}

static void what_has_begun_is_finished(void **state)
{
    const char *const options[] = {"--cost", "8,1", NULL};
    static struct response response;
    char body[128];
    (void)state;
    body_of(0, 0, body);
    running_folder(&running);
    running_start(&running, options);
    int client = begin_request(strlen(body));
    assert_int_equal(kill(running.process, SIGTERM), 0);
    wait_for_event("\"event\":\"stopping\"");
    assert_true(client_send(client, body, strlen(body)));
    assert_true(client_receive(client, &response));
    assert_int_equal(response.status, 201);
    assert_non_null(strcasestr(response.text, "\r\nConnection: close"));
    assert_int_equal(running_wait(&running), 0);
    assert_int_equal(client_connect(running.port), -1);
    assert_int_equal(count_accounts(), 1);
    (void)close(client);
    running_remove_folder(&running);
}

static void the_grace_has_an_end(void **state)
{
    const char *const options[] = {"--cost", "8,1", "--grace", "1", "--timeout", "300", NULL};
    (void)state;
    running_folder(&running);
    running_start(&running, options);
    int client = begin_request(100);
    assert_int_equal(running_stop(&running, SIGTERM), 75);
    (void)close(client);
    running_remove_folder(&running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_sigterm),
        cmocka_unit_test(by_sigkill),
        cmocka_unit_test(what_has_begun_is_finished),
        cmocka_unit_test(the_grace_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
