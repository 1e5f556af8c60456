/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that the model of power cuts is one: SQLite, alone, must come out of it as SQLite is known
 * to. A small history is run in each of its durability settings; then every state that a power cut
 * may leave of it is opened, and what is there is compared with what was acknowledged.
 *
 * The safe settings must be clean, or no finding could be believed; each unsafe one must lose an
 * acknowledged change, or no silence could. The settings stand in a table with what became of them,
 * which is printed, too. That SQLite's default is among the unsafe ones is no mistake: it does not
 * sync the directory behind the deletion of its journal.
 *
 * Layers of our own between SQLite and the disk stand for what the model must notice: one that
 * swallows syncs (as if the model did not heed them), one that syncs behind every change (as if
 * nothing were ever pending), and one that retries a failed sync and reports success.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "faults/faults.h"

#define NAME    "users.db"
#define CHANGES 4

/* --- A layer above the disk ------------------------------------------------------------------- */

static const sqlite3_io_methods *beneath;
static sqlite3_io_methods layer;

static int swallow_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return SQLITE_OK;
}

static int retry_sync(sqlite3_file *file, int flags)
{
    int code = beneath->xSync(file, flags);
    return code == SQLITE_OK ? code : beneath->xSync(file, flags);
}

static int write_and_sync(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    int code = beneath->xWrite(file, bytes, size, offset);
    return code == SQLITE_OK ? beneath->xSync(file, SQLITE_SYNC_NORMAL) : code;
}

static sqlite3_vfs layered_vfs;
static sqlite3_vfs *vfs_beneath;

/* The file is that of the disk, with methods of which one is ours. */
static int open_layered(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                        int *ret_flags)
{
    (void)vfs;
    int code = vfs_beneath->xOpen(vfs_beneath, name, file, flags, ret_flags);
    if (code != SQLITE_OK)
        return code;
    beneath = file->pMethods;
    sqlite3_io_methods mine = *beneath;
    mine.xSync = layer.xSync != NULL ? layer.xSync : mine.xSync;
    mine.xWrite = layer.xWrite != NULL ? layer.xWrite : mine.xWrite;
    static sqlite3_io_methods methods;
    methods = mine;
    file->pMethods = &methods;
    return SQLITE_OK;
}

static int delete_and_sync(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    (void)vfs;
    (void)sync_directory;
    return vfs_beneath->xDelete(vfs_beneath, name, layer.xWrite != NULL ? 1 : sync_directory);
}

/* --- One setting ------------------------------------------------------------------------------ */

static const struct setting {
    const char *journal, *synchronous;
    sqlite3_io_methods layer;
    bool drops; /* each sync fails once and drops what it should have written */
    bool is_safe;
    bool tears; /* files, not only changes, are lost */
    const char *why;
} settings[] = {
    {"wal", "full", {0}, false, true, false, "synced at each commit"},
    {"wal", "extra", {0}, false, true, false, "the same"},
    {"delete", "extra", {0}, false, true, false, "the directory is synced behind each deletion"},
    {"truncate", "extra", {0}, false, true, false, "the truncated journal is synced"},
    {"delete", "full", {0}, false, false, false, "SQLite's default: a deletion comes undone"},
    {"wal", "normal", {0}, false, false, false, "the log is synced before checkpoints only"},
    {"delete", "normal", {0}, false, false, true, "a journal that counts before it is there"},
    {"delete", "off", {0}, false, false, true, "nothing is synced"},
    {"wal", "off", {0}, false, false, true, "the same"},
    {"wal", "full", {.xSync = swallow_sync}, false, false, true, "a model that heeds no sync"},
    {"delete", "extra", {.xSync = swallow_sync}, false, false, true, "the same"},
    {"wal", "off", {.xWrite = write_and_sync}, false, true, false, "nothing is ever pending"},
    {"wal", "full", {0}, true, true, false, "a failed sync is told, and written anew"},
    {"delete", "extra", {0}, true, true, false, "the same"},
    {"wal", "full", {.xSync = retry_sync}, true, false, true, "told as success by a retry"},
    {"delete", "extra", {.xSync = retry_sync}, true, false, true, "the same"},
};
#define SETTINGS (sizeof settings / sizeof *settings)

static const struct setting *setting;
static struct power_search search;
static uint64_t states, lost, torn, lying_states, lying_lost;

static int run_sql(sqlite3 *database, const char *sql)
{
    return sqlite3_exec(database, sql, NULL, NULL, NULL);
}

static int open_once(sqlite3 **ret)
{
    char sql[128];
    assert_int_equal(
        sqlite3_open_v2(NAME, ret, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, layered_vfs.zName),
        SQLITE_OK);
    snprintf(sql, sizeof sql, "PRAGMA journal_mode=%s; PRAGMA synchronous=%s", setting->journal,
             setting->synchronous);
    return run_sql(*ret, sql);
}

/* The journal's mode is written into the file. When that fails, this connection says that it is in
 * the new mode, and is not: one that is opened anew asks again. Of a file that is none any more
 * neither can ask; what that means is seen later. */
static sqlite3 *open_database(void)
{
    sqlite3 *database = NULL;
    if (open_once(&database) == SQLITE_OK)
        return database;
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    (void)open_once(&database);
    return database;
}

/* The number that the first column of the first row is, or -1. */
static int64_t number_of(sqlite3 *database, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t ret = -1;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        ret = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return ret;
}

/* What is there when the power is back: the sum of all changes up to one of them, which must not be
 * an earlier one than the last that was acknowledged. */
static void look(struct run *run, const struct power_moment *moment, void *context)
{
    int64_t *acknowledged = context; /* the number behind each mark */
    sqlite3 *database = open_database();
    run->outcome->checks++;
    int64_t number = number_of(database, "SELECT sum(v) FROM t");
    bool is_whole = number_of(database, "SELECT count(*) FROM pragma_integrity_check "
                                        "WHERE integrity_check <> 'ok'") == 0;
    bool is_lost = number < acknowledged[moment->marks];
    if (moment->syncs_lie) {
        lying_states++;
        lying_lost += is_lost || !is_whole;
    } else {
        states++;
        lost += is_lost;
        torn += !is_whole;
    }
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* A table, then rows and a bigger change, each acknowledged if SQLite says so; what fails is tried
 * again, as a subject would. */
static void history(struct run *run, const void *subject)
{
    static const char *const changes[CHANGES + 1] = {
        "CREATE TABLE IF NOT EXISTS t(k INTEGER PRIMARY KEY, v INTEGER, filler BLOB)",
        "INSERT OR REPLACE INTO t VALUES(1, 1, zeroblob(100))",
        "INSERT OR REPLACE INTO t VALUES(2, 1, zeroblob(5000))",
        "INSERT OR REPLACE INTO t VALUES(1, 2, zeroblob(100))",
        "INSERT OR REPLACE INTO t VALUES(3, 1, zeroblob(100))",
    };
    static int64_t acknowledged[CHANGES + 2];
    (void)subject;
    power_watch(run);
    step(run, "open");
    sqlite3 *database = open_database();
    int64_t marks = 0;
    acknowledged[0] = -1;
    for (int64_t i = 0; i <= CHANGES; i++) {
        step(run, "change");
        for (int attempts = 0; attempts < 2; attempts++)
            if (run_sql(database, changes[i]) == SQLITE_OK) {
                power_mark(i);
                acknowledged[++marks] = i;
                break;
            }
    }
    step(run, "close");
    (void)sqlite3_close(database);
    power_cuts(run, look, acknowledged);
}

static void begin(void *context, uint64_t entropy_seed)
{
    (void)context;
    faults_reset(entropy_seed);
}

static void nothing(void *context)
{
    (void)context;
}

static const char *restart(void *context)
{
    (void)context;
    faults_restart();
    return NULL;
}

/* One run through all states, with a plan. */
static void run_history(const struct plan *plan, struct site_list *ret_sites)
{
    static struct choices drawn;
    static struct outcome outcome;
    static const struct test_case test_case = {.name = "powercut.history", .body = history};
    const struct world world = {.begin = begin, .end = nothing, .restart = restart};
    int64_t values[PLAN_VALUES_MAX];
    struct source_power source;
    search.first = 0;
    search.count_max = POWER_STATES_MAX;
    search.fired_only = plan->count > 0;
    search.light = setting->drops;
    power_search_start(&search);
    source_power_start(&source, values, plan_values(plan, values), &search.values);
    struct run run = {.source = &source.source,
                      .choices = &drawn,
                      .outcome = &outcome,
                      .search = ret_sites ? NULL : &search};
    edge_record(ret_sites);
    assert_int_equal(case_run(&run, &test_case, NULL, &world), VERDICT_PASS);
    edge_record(NULL);
    assert_false(search.overflow);
    assert_false(search.more);
    assert_true(plan->count == 0 || outcome.faults_fired != 0);
}

static void run_setting(void)
{
    static struct site_list sites;
    struct plan plan = {.count = 0};
    states = lost = torn = lying_states = lying_lost = 0;
    layer = setting->layer;
    run_history(&plan, setting->drops ? &sites : NULL);
    for (uint32_t i = 0; setting->drops && i < sites.count; i++) {
        if (sites.at[i].operation != DISK_SYNC || sites.at[i].step > CHANGES + 1)
            continue;
        plan.count = 1;
        plan.faults[0] = (struct fault){sites.at[i], {fault_code_of(DISK_SYNC, FAULT_DROPPED)}, 1};
        run_history(&plan, NULL);
    }
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void settings_are_what_they_are(void **state)
{
    (void)state;
    printf("%-10s %-8s %-9s %8s %6s %6s   %s\n", "journal", "sync", "", "states", "lost", "torn",
           "syncs that lie: states, lost");
    for (size_t i = 0; i < SETTINGS; i++) {
        setting = &settings[i];
        run_setting();
        printf("%-10s %-8s %-9s %8llu %6llu %6llu   %llu, %llu   %s\n", setting->journal,
               setting->synchronous, setting->drops ? "drops" : "", (unsigned long long)states,
               (unsigned long long)lost, (unsigned long long)torn, (unsigned long long)lying_states,
               (unsigned long long)lying_lost, setting->why);
        if ((lost + torn == 0) != setting->is_safe || (torn > 0) != setting->tears)
            fail_msg("%s, %s: %llu lost, %llu torn, which is not what is known: %s",
                     setting->journal, setting->synchronous, (unsigned long long)lost,
                     (unsigned long long)torn, setting->why);
        assert_true(setting->drops || (lying_states > 0 && lying_lost > 0));
    }
}

/* Two runs look at the same states. */
static void is_repeatable(void **state)
{
    (void)state;
    uint64_t before[3];
    setting = &settings[4];
    for (int i = 0; i < 2; i++) {
        run_setting();
        const uint64_t now[3] = {states, lost, lying_lost};
        if (i > 0)
            assert_memory_equal(now, before, sizeof now);
        memcpy(before, now, sizeof now);
    }
}

static int install(void **state)
{
    (void)state;
    const char *wrong = faults_install();
    if (wrong != NULL) {
        fprintf(stderr, "%s\n", wrong);
        return -1;
    }
    vfs_beneath = sqlite3_vfs_find(NULL);
    layered_vfs = *vfs_beneath;
    layered_vfs.zName = "layered";
    layered_vfs.xOpen = open_layered;
    layered_vfs.xDelete = delete_and_sync;
    return sqlite3_vfs_register(&layered_vfs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_what_they_are),
        cmocka_unit_test(is_repeatable),
    };
    return cmocka_run_group_tests_name("faults.powercut", tests, install, NULL);
}
