/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that ThreadSanitizer still sees the races of a subject whose threads a schedule runs one at
 * a time. Two bodies write one variable, and some other work comes before and after:
 *
 *     plain_unguarded    nothing else                           a race
 *     plain_guarded      with a mutex around it                 none
 *     sqlite_unguarded   calls of SQLite, each body on a        a race: SQLite's locks order
 * nothing connection of its own sqlite_guarded     the same, with a mutex                 none
 *
 * The program says what the sanitizer says; ctest reads that. All schedules with one preemption are
 * run, so the rows without a race are without one whatever the order.
 */
#include <pthread.h>

#include "harness/engine/tests/one_run.h"
#include "harness/engine/tests/schedules.h"

#include <sqlite3.h>

#include "faults/faults.h"

struct row {
    const char *name;
    bool guarded, sqlite;
};

static const struct row *row;
static int shared;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sqlite3 *databases[2];

static void add_one(void)
{
    shared++;
}

static void use_sqlite(uint32_t thread)
{
    if (row->sqlite)
        sqlite3_exec(databases[thread], "INSERT INTO numbers VALUES (1)", NULL, NULL, NULL);
}

static void body(void *context, uint32_t thread)
{
    use_sqlite(thread);
    if (row->guarded)
        pthread_mutex_lock(&mutex);
    add_one();
    if (row->guarded)
        pthread_mutex_unlock(&mutex);
    use_sqlite(thread);
    tell((struct run *)context, "thread %u has added", thread + 1);
    edge(MEMORY_MAP, ROLE_NONE);
}

static void both(struct run *run, const void *subject)
{
    (void)subject;
    faults_reset(1);
    for (size_t i = 0; i < 2; i++) {
        sqlite3_open("numbers.db", &databases[i]);
        sqlite3_busy_timeout(databases[i], 1000);
        sqlite3_exec(databases[i], "CREATE TABLE IF NOT EXISTS numbers (n)", NULL, NULL, NULL);
    }
    schedule(run, 2, body, run);
    for (size_t i = 0; i < 2; i++)
        sqlite3_close(databases[i]);
    CHECK(run, true, "only the sanitizer judges");
}

int main(int count, char **arguments)
{
    static const struct row rows[] = {
        {"plain_unguarded", false, false},
        {"plain_guarded", true, false},
        {"sqlite_unguarded", false, true},
        {"sqlite_guarded", true, true},
    };
    static struct schedules schedules;
    const char *problem = faults_install();
    for (size_t i = 0; i < ROWS(rows); i++)
        if (count == 2 && strcmp(arguments[1], rows[i].name) == 0)
            row = &rows[i];
    if (problem != NULL || row == NULL) {
        fprintf(stderr, "%s\n", problem != NULL ? problem : "which row?");
        return 1;
    }
    schedules_start(&schedules, 1);
    do {
        if (run_body(both, NULL, &schedules.source) != VERDICT_PASS)
            return 1;
    } while (schedules_next(&schedules, &drawn));
    return 0;
}
