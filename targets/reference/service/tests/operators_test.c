/* SPDX-License-Identifier: Apache-2.0
 *
 * One serves, one looks in, one is killed: authd and authctl as processes on one database.
 *
 * Clients register accounts at authd without end. An operator exports, counts and verifies again
 * and again. Another imports one batch of accounts after the other, and two imports of three are
 * killed at some moment; every few batches authd is killed as well, and started again. Each export
 * is one moment of all that:
 *   - every account that was acknowledged before it began is in it;
 *   - every batch is in it as a whole or not at all, and whole when its import had said so.
 * And so is the database in the end, in which `verify` finds nothing.
 *
 * Processes die here, machines do not: what a power cut leaves is seen elsewhere.
 */
#include "running.h"

#include <pthread.h>
#include <stdatomic.h>

#define CLIENTS      3u
#define GUESTS_MAX   100000u /* of a client */
#define BATCHES      30u
#define BATCH_ROWS   100u
#define KILL_US_MORE 12000u /* an import takes less */
#define CREDENTIAL                                                                                 \
    "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$"                                           \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static struct running running;
static atomic_uint port; /* of the authd that runs now */
static atomic_bool is_over;
static atomic_uint wrong;
static atomic_uint exports;
static atomic_uint acknowledged[CLIENTS]; /* guests from 0 up to this one are */
static atomic_bool is_imported[BATCHES];  /* acknowledged, too */

static void complain(const char *what, unsigned first, unsigned second)
{
    (void)fprintf(stderr, "%s: %u, %u\n", what, first, second);
    (void)atomic_fetch_add(&wrong, 1);
}

/* Registers one after the other; whoever was not answered is tried again, and may be there. */
static void *register_guests(void *context)
{
    struct response *response = calloc(1, sizeof *response);
    unsigned client = (unsigned)(uintptr_t)context;
    while (!is_over && acknowledged[client] < GUESTS_MAX) {
        char body[128];
        (void)snprintf(body, sizeof body,
                       "{\"name\":\"guest %u of %u\",\"password\":\"" PASSWORD "\"}",
                       acknowledged[client], client);
        unsigned status = ask_once((uint16_t)port, "POST", "/v1/accounts", body, response);
        if (status == 201 || status == 409)
            (void)atomic_fetch_add(&acknowledged[client], 1);
        else if (status != 0 && status != 503)
            complain("a registration is answered", client, status);
    }
    free(response);
    return NULL;
}

/* What an export must have, as it was before it began; and what it has. */
struct seen {
    unsigned guests_wanted[CLIENTS], guests[CLIENTS];
    bool batch_wanted[BATCHES];
    unsigned batch_rows[BATCHES];
};

static void seen_begin(struct seen *ret)
{
    memset(ret, 0, sizeof *ret);
    for (unsigned i = 0; i < CLIENTS; i++)
        ret->guests_wanted[i] = acknowledged[i];
    for (unsigned i = 0; i < BATCHES; i++)
        ret->batch_wanted[i] = is_imported[i];
}

static void seen_line(struct seen *seen, const char *line)
{
    unsigned number, of;
    if (sscanf(line, "{\"name\":\"guest %u of %u\"", &number, &of) == 2 && of < CLIENTS)
        seen->guests[of] += number < seen->guests_wanted[of];
    else if (sscanf(line, "{\"name\":\"row %u of %u\"", &number, &of) == 2 && of < BATCHES)
        seen->batch_rows[of]++;
    else
        complain("an export has something that nobody made", 0, 0);
}

static void seen_judge(const struct seen *seen)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        if (seen->guests[i] != seen->guests_wanted[i])
            complain("guests that were acknowledged, and those that are there",
                     seen->guests_wanted[i], seen->guests[i]);
    for (unsigned i = 0; i < BATCHES; i++)
        if (seen->batch_rows[i] != BATCH_ROWS && (seen->batch_wanted[i] || seen->batch_rows[i] > 0))
            complain("a batch is there in part", i, seen->batch_rows[i]);
}

static void look_once(void)
{
    static struct seen seen;
    char path[64], line[512];
    (void)snprintf(path, sizeof path, "%s/export", running.folder);
    const char *const export[] = {AUTHCTL, "export", running.database, path, NULL};
    const char *const census[] = {AUTHCTL, "census", running.database, NULL};
    const char *const verify[] = {AUTHCTL, "verify", running.database, NULL};
    seen_begin(&seen);
    if (run_to_end(export) != 0)
        complain("export", 0, 0);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        seen_line(&seen, line);
    if (file == NULL || fclose(file) != 0)
        complain("the export cannot be read", 0, 0);
    (void)unlink(path);
    seen_judge(&seen);
    if (run_to_end(census) != 0 || run_to_end(verify) != 0)
        complain("census or verify", 0, 0);
    (void)atomic_fetch_add(&exports, 1);
}

static void *look_in(void *context)
{
    (void)context;
    while (!is_over)
        look_once();
    return NULL;
}

static void write_batch(const char *path, unsigned batch)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), S_IRUSR | S_IWUSR), 0);
    for (unsigned i = 0; i < BATCH_ROWS; i++)
        (void)fprintf(file, "{\"name\":\"row %u of %u\",\"credential\":\"" CREDENTIAL "\"}\n", i,
                      batch);
    assert_int_equal(fclose(file), 0);
}

/* The same moments each time, as far as the machine goes. */
static useconds_t next_moment_us(void)
{
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % KILL_US_MORE;
}

/* One batch of three is left alone, and the very first is killed at once. */
static void import(unsigned batch)
{
    char path[64];
    int output, status;
    (void)snprintf(path, sizeof path, "%s/batch", running.folder);
    write_batch(path, batch);
    const char *const arguments[] = {AUTHCTL, "import", running.database, path, NULL};
    pid_t process = spawn(arguments, &output);
    if (batch % 3 != 1) {
        (void)usleep(batch == 0 ? 0 : next_moment_us());
        (void)kill(process, SIGKILL);
    }
    assert_int_equal(waitpid(process, &status, 0), process);
    (void)close(output);
    is_imported[batch] = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (batch % 3 == 1 && !is_imported[batch])
        complain("an import that nobody killed has failed", batch, (unsigned)status);
    (void)unlink(path);
}

static void start_service(void)
{
    const char *const options[] = {"--cost", "8,1", "--hashing-threads", "4", NULL};
    running_start(&running, options);
    port = running.port;
}

static void what_is_acknowledged_is_there_whoever_dies(void **state)
{
    pthread_t clients[CLIENTS], looker;
    unsigned imported = 0;
    (void)state;
    running_folder_in_memory(&running);
    start_service();
    for (unsigned i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, register_guests, (void *)(uintptr_t)i),
                         0);
    assert_int_equal(pthread_create(&looker, NULL, look_in, NULL), 0);
    for (unsigned batch = 0; batch < BATCHES; batch++) {
        import(batch);
        imported += is_imported[batch];
        if (batch % 5 == 4) {
            assert_int_equal(running_stop(&running, SIGKILL), -SIGKILL);
            start_service();
        }
    }
    for (unsigned waits = 0; (exports < 2 || acknowledged[0] == 0) && waits < DEADLINE_MS; waits++)
        pause_ms(1);
    is_over = true;
    for (unsigned i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_join(clients[i], NULL), 0);
    assert_int_equal(pthread_join(looker, NULL), 0);
    assert_int_equal(running_stop(&running, SIGTERM), 0);
    look_once();
    assert_int_equal(wrong, 0);
    assert_true(imported > 0 && imported < BATCHES && exports > 1 && acknowledged[0] > 0);
    (void)printf("%u, %u and %u registrations, %u of %u imports, %u exports\n", acknowledged[0],
                 acknowledged[1], acknowledged[2], imported, BATCHES, exports);
    running_remove_folder(&running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_acknowledged_is_there_whoever_dies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
