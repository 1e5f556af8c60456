/* SPDX-License-Identifier: Apache-2.0
 *
 * A disk on which nothing can be written any more, under a service that runs.
 *
 * Once it is so, each request that must write is answered 503 with a hint when to come again, and
 * the log names storage and the reason; no right password is denied and no wrong one accepted;
 * sessions that are open go on; health says that the process lives, and readiness that it cannot
 * serve. When there is room again, readiness says so without a restart, and everything that was
 * acknowledged, before and meanwhile, is there. One line in the log for each request.
 *
 * Made in two ways: a file system of a megabyte that is filled up, (storage, full), where this
 * process may mount one; and a limit on the size of files, (storage, io), which needs no right.
 */
#include "running.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#define GUESTS_MAX  2000u
#define GUESTS_MORE 20u /* asked for while nothing can be written */

static struct running running;
static char disk[64], filler[80];
static unsigned asked;
static bool is_there[GUESTS_MAX]; /* acknowledged */
static char token[64];            /* of a session that was opened in time */

/* --- Two ways to have no room ------------------------------------------------------------------
 */

/* A name space of mounts that nobody else sees. */
static bool may_mount(void)
{
    return (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void disk_prepare(void)
{
    running_folder(&running);
    (void)snprintf(disk, sizeof disk, "%s/disk", running.folder);
    (void)snprintf(filler, sizeof filler, "%s/filler", disk);
    (void)snprintf(running.database, sizeof running.database, "%s/accounts.db", disk);
    assert_int_equal(mkdir(disk, S_IRWXU), 0);
    assert_int_equal(mount("none", disk, "tmpfs", 0, "size=1m"), 0);
}

static void disk_fills(void)
{
    static const char block[4096];
    int file = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    assert_true(file >= 0);
    while (write(file, block, sizeof block) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(close(file), 0);
}

static void disk_has_room(void)
{
    assert_int_equal(unlink(filler), 0);
}

static void disk_remove(void)
{
    assert_int_equal(umount(disk), 0);
    assert_int_equal(rmdir(disk), 0);
    running_remove_folder(&running);
}

static void limit_files(rlim_t bytes)
{
    const struct rlimit limit = {bytes, RLIM_INFINITY};
    assert_int_equal(prlimit(running.process, RLIMIT_FSIZE, &limit, NULL), 0);
}

static void limit_prepare(void)
{
    running_folder(&running);
}

/* The log is shorter than the write-ahead log, and so goes on. */
static void limit_begins(void)
{
    char path[80];
    struct stat info;
    (void)snprintf(path, sizeof path, "%s-wal", running.database);
    assert_int_equal(stat(path, &info), 0);
    limit_files((rlim_t)info.st_size);
}

static void limit_ends(void)
{
    limit_files(RLIM_INFINITY);
}

static void limit_remove(void)
{
    running_remove_folder(&running);
}

struct trouble {
    void (*prepare)(void), (*begin)(void), (*end)(void), (*remove)(void);
    const char *reason;
};

/* --- Requests ----------------------------------------------------------------------------------
 */

static unsigned ask(const char *method, const char *path, const char *body,
                    struct response *response)
{
    asked++;
    return ask_once(running.port, method, path, body, response);
}

/* 503 tells when to come again, and not why. */
static void judge_refusal(const struct response *response)
{
    static const char *const causes[] = {"storage", "disk", "full", "database", "SQL"};
    assert_non_null(strcasestr(response->text, "\r\nRetry-After: "));
    for (size_t i = 0; i < COUNT(causes); i++)
        if (strcasestr(response->body, causes[i]) != NULL)
            fail_msg("the client is told the cause: %s", response->body);
}

/* Must be answered by that status, or by 503, which is counted. */
static bool ask_for(unsigned guest, const char *path, const char *password, unsigned status,
                    unsigned *ret_refused)
{
    static struct response response;
    char body[128];
    (void)snprintf(body, sizeof body, "{\"name\":\"guest %u\",\"password\":\"%s\"}", guest,
                   password);
    unsigned got = ask("POST", path, body, &response);
    if (got != status && got != 503)
        fail_msg("guest %u, %s: %u instead of %u: %s", guest, path, got, status, response.text);
    if (got != 503)
        return true;
    judge_refusal(&response);
    ++*ret_refused;
    return false;
}

static void open_session(void)
{
    static struct response response;
    static const char body[] = "{\"name\":\"guest 0\",\"password\":\"" PASSWORD "\"}";
    assert_int_equal(ask("POST", "/v1/sessions", body, &response), 201);
    const char *start = strstr(response.body, "\"token\":\"");
    assert_non_null(start);
    assert_int_equal(sscanf(start, "\"token\":\"%63[^\"]", token), 1);
}

static void expect_session(void)
{
    static struct response response;
    char request[256];
    int client = client_connect(running.port);
    int size = snprintf(request, sizeof request,
                        "GET /v1/sessions/current HTTP/1.1\r\nHost: a\r\n"
                        "Authorization: Bearer %s\r\n\r\n",
                        token);
    asked++;
    assert_true(client_send(client, request, (size_t)size));
    assert_true(client_receive(client, &response));
    assert_int_equal(response.status, 200);
    (void)close(client);
}

static void await_readiness(unsigned status)
{
    static struct response response;
    for (int waited_ms = 0; waited_ms < DEADLINE_MS; waited_ms += 20) {
        if (ask("GET", "/readyz", "", &response) == status)
            return;
        pause_ms(20);
    }
    fail_msg("readiness is never %u: %s", status, response.text);
}

/* --- What comes of it --------------------------------------------------------------------------
 */

static unsigned register_until_refused(unsigned first)
{
    unsigned refused = 0;
    for (unsigned i = first; i < GUESTS_MAX - GUESTS_MORE; i++) {
        is_there[i] = ask_for(i, "/v1/accounts", PASSWORD, 201, &refused);
        if (refused > 0)
            return i + 1;
    }
    fail_msg("everything can be written");
    return 0;
}

static void ask_while_nothing_can_be_written(unsigned first)
{
    static struct response response;
    unsigned refused = 0, logins_refused = 0;
    for (unsigned i = 0; i < GUESTS_MORE; i++) {
        is_there[first + i] = ask_for(first + i, "/v1/accounts", PASSWORD, 201, &refused);
        (void)ask_for(0, "/v1/sessions", PASSWORD, 201, &logins_refused);
        (void)ask_for(0, "/v1/sessions", PASSWORD " not", 401, &logins_refused);
        expect_session();
    }
    assert_true(refused > 0 && logins_refused > 0);
    await_readiness(503);
    judge_refusal((ask("GET", "/readyz", "", &response), &response));
    assert_int_equal(ask("GET", "/healthz", "", &response), 200);
}

static void expect_everybody(unsigned count)
{
    unsigned refused = 0;
    for (unsigned i = 0; i < count; i++)
        if (is_there[i])
            assert_true(ask_for(i, "/v1/sessions", PASSWORD, 201, &refused));
    assert_true(ask_for(0, "/v1/sessions", PASSWORD " not", 401, &refused));
    assert_true(ask_for(count, "/v1/accounts", PASSWORD, 201, &refused));
}

struct tally {
    const char *reason;
    unsigned failed, elsewhere;
};

static void count_causes(void *context, const json_t *line)
{
    struct tally *tally = context;
    if (strcmp(member(line, "answer"), "unavailable") != 0)
        return;
    tally->failed++;
    tally->elsewhere += strcmp(member(line, "layer"), "storage") != 0 ||
                        strcmp(member(line, "reason"), tally->reason) != 0;
}

static void judge_log(const char *reason)
{
    struct tally tally = {.reason = reason};
    char event[96];
    assert_int_equal(each_request(&running, count_causes, &tally), asked);
    assert_true(tally.failed > 0);
    assert_int_equal(tally.elsewhere, 0);
    (void)snprintf(event, sizeof event,
                   "\"event\":\"not ready\",\"layer\":\"storage\",\"reason\":\"%s\"", reason);
    char *text = read_file(running.log);
    assert_non_null(strstr(text, event));
    free(text);
}

static void live_through(const struct trouble *trouble)
{
    const char *const options[] = {"--cost", "8,1", "--hashing-threads", "2", NULL};
    enum { FIRST = 20 };
    unsigned refused = 0;
    asked = 0;
    memset(is_there, 0, sizeof is_there);
    trouble->prepare();
    running_start(&running, options);
    for (unsigned i = 0; i < FIRST; i++)
        is_there[i] = ask_for(i, "/v1/accounts", PASSWORD, 201, &refused);
    assert_int_equal(refused, 0);
    open_session();
    await_readiness(200);
    trouble->begin();
    unsigned count = register_until_refused(FIRST);
    ask_while_nothing_can_be_written(count);
    trouble->end();
    await_readiness(200);
    expect_everybody(count + GUESTS_MORE);
    assert_int_equal(running_stop(&running, SIGTERM), 0);
    judge_log(trouble->reason);
    trouble->remove();
}

static void a_full_disk(void **state)
{
    static const struct trouble trouble = {disk_prepare, disk_fills, disk_has_room, disk_remove,
                                           "full"};
    (void)state;
    if (!may_mount()) {
        (void)printf("skipped: this process may not mount\n");
        skip();
    }
    live_through(&trouble);
}

static void a_16_3_4_a_16_5_1_a_16_5_2_files_that_may_not_grow(void **state)
{
    static const struct trouble trouble = {limit_prepare, limit_begins, limit_ends, limit_remove,
                                           "io"};
    (void)state;
    live_through(&trouble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_16_3_4_a_16_5_1_a_16_5_2_files_that_may_not_grow),
        cmocka_unit_test(a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
