/* SPDX-License-Identifier: Apache-2.0
 *
 * Interleavings a second: two clients with a connection of their own to one database on the memory
 * disk, each changing a row, at random interleavings.
 *
 * The connections are opened once, and the disk is not put back between runs: what is measured is
 * the baton and the work under it. Wanted are 4,000 a second, 1,000 with sanitizers. Beside it, to
 * be seen: a whole case on the reference, with its openings, its hashes and its checks.
 */
#include <sqlite3.h>
#include <stddef.h>

#include "cases/cases.h"
#include "faults/faults.h"
#include "harness/bench/bench.h"

#define BUSY_MS 1000

static struct client_connection {
    sqlite3 *db;
    sqlite3_stmt *add;
    int code;
} connections[2];

static void add_one(void *context, uint32_t thread)
{
    struct client_connection *connection = &connections[thread];
    (void)context;
    connection->code = sqlite3_step(connection->add);
    sqlite3_reset(connection->add);
}

static void both_add(struct run *run, const void *subject)
{
    (void)subject;
    schedule(run, 2, add_one, NULL);
    for (int i = 0; i < 2; i++)
        CHECK(run, connections[i].code == SQLITE_DONE, "SQLite says %d", connections[i].code);
}
static const struct test_case both = {.name = "bench.both_add", .body = both_add};

static void connect(struct client_connection *connection)
{
    static const char prepare[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "CREATE TABLE IF NOT EXISTS counter(n INTEGER);"
        "INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM counter)";
    if (sqlite3_open("bench.db", &connection->db) != SQLITE_OK ||
        sqlite3_busy_timeout(connection->db, BUSY_MS) != SQLITE_OK ||
        sqlite3_exec(connection->db, prepare, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(connection->db, "UPDATE counter SET n = n + 1", -1, &connection->add,
                           NULL) != SQLITE_OK)
        bench_broken("SQLite does not open a database on the memory disk");
}

static void disconnect(struct client_connection *connection)
{
    sqlite3_finalize(connection->add);
    sqlite3_close(connection->db);
}

/* Runs the case so often at random; a second. */
static double random_runs(const struct test_case *test_case, const struct subject *subject,
                          const struct world *world, uint32_t count)
{
    static struct choices drawn;
    static struct outcome outcome;
    double before = bench_cpu();
    for (uint32_t i = 0; i < count; i++) {
        struct source_random source;
        source_random_start(&source, 1, test_case->name, i);
        struct run run = {.source = &source.source, .choices = &drawn, .outcome = &outcome};
        if (case_run(&run, test_case, subject, world) != VERDICT_PASS)
            bench_broken(outcome.message);
    }
    return count / (bench_cpu() - before);
}

static double two_connections(const struct bench *bench)
{
    return random_runs(&both, NULL, &world_of_nothing, bench_count(bench, 4000));
}

static double two_registrations(const struct bench *bench)
{
    const struct subject subject = {bench->target, bench->target};
    uint32_t index;
    return random_runs(case_find("concurrency.two_registrations", &index), &subject,
                       &world_of_faults, bench_count(bench, 400));
}

void schedule_rows(struct bench *bench)
{
    bench_progress("interleavings");
    for (int i = 0; i < 2; i++)
        connect(&connections[i]);
    bench_row(bench, &(struct row){"engine.interleavings_per_second",
                                   bench_medians(bench, two_connections, NULL).ours, NO_ANCHOR,
                                   OURS_AT_LEAST, 4000});
    for (int i = 0; i < 2; i++)
        disconnect(&connections[i]);
    bench_row(bench, &(struct row){"engine.interleavings_of_two_registrations_per_second",
                                   bench_medians(bench, two_registrations, NULL).ours, NO_ANCHOR,
                                   SHOWN, 0});
}
