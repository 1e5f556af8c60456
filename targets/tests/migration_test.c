/* SPDX-License-Identifier: Apache-2.0
 *
 * Power cuts at every write of a migration: migration_test MODULE, on the disk in memory (faults/).
 *
 * The database is the golden one that schema 1.0 has left. The reference opens it, which migrates
 * it, serves a login, a registration and a change of a password, each marked when it was
 * acknowledged, and closes it. Then the power goes before each change of the disk there was, with
 * every subset of what was not synced kept, lost or torn. Of each state that this leaves, after its
 * first process has come and gone:
 *   - the file is one of schema 1.0 or of 1.1 and nothing between them, and whole;
 *   - the statements of 1.0 serve it, as they must while releases of both are running;
 *   - the reference serves it: every golden account by its password and by no other, and everything
 *     that was acknowledged.
 * Who comes first matters, since he recovers the write-ahead log: all of it is done with 1.0 coming
 * first, and again with the reference.
 *
 * The negative controls migrate by the same statements without a transaction, the version set first
 * or last; both must be found out.
 *
 * Not here: processes that are killed, which keep what the kernel has (migrate_test.c); and disks
 * whose syncs lie, of which nothing can be demanded: their states are passed over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <sqlite3.h>

#include "faults/faults.h"
#include "faults/files.h"
#include "targets/target.h"

#define FILE_NAME      "accounts.db"
#define GOLDEN         "schema-1.0/cheap"
#define ACCOUNTS_MAX   16u
#define IMAGE_MAX      65536u
#define LINE_MAX_BYTES 512u
#define SQL_MAX        4096u
#define WRONG          "nobody has ever set this"
#define PASSWORD_NEXT  "staple correct horse battery"

static const struct assay_target *target;

/* --- The golden database ---------------------------------------------------------------------- */

static struct account {
    char name[LINE_MAX_BYTES], password[LINE_MAX_BYTES];
} accounts_golden[ACCOUNTS_MAX];
static size_t account_count;
static uint8_t image[IMAGE_MAX];
static size_t image_size;

static void take_line(char *line, bool *is_ours)
{
    char *kind = strsep(&line, "\t"), *name = strsep(&line, "\t"), *password = strsep(&line, "\t");
    if (strcmp(kind, "database") == 0)
        *is_ours = strcmp(name, GOLDEN) == 0;
    if (!*is_ours || strcmp(kind, "account") != 0)
        return;
    assert_true(account_count < ACCOUNTS_MAX && password != NULL);
    struct account *account = &accounts_golden[account_count++];
    (void)snprintf(account->name, sizeof account->name, "%s", name);
    (void)snprintf(account->password, sizeof account->password, "%s", password);
}

static void read_golden(void)
{
    char line[LINE_MAX_BYTES];
    bool is_ours = false;
    FILE *manifest = fopen(GOLDEN_FOLDER "/manifest.txt", "r");
    FILE *database = fopen(GOLDEN_FOLDER "/" GOLDEN ".db", "rb");
    if (manifest == NULL || database == NULL)
        exit(1);
    while (fgets(line, sizeof line, manifest) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        take_line(line, &is_ours);
    }
    image_size = fread(image, 1, sizeof image, database);
    assert_true(account_count > 1 && image_size > 0 && image_size < sizeof image);
    (void)fclose(manifest);
    (void)fclose(database);
}

static void begin(void *context, uint64_t entropy_seed)
{
    (void)context;
    faults_reset(entropy_seed);
    files_lock();
    struct file *file = file_create(FILE_NAME);
    int code = content_write(&file->content, image, image_size, 0);
    files_unlock();
    assert_int_equal(code, SQLITE_OK);
}

static void end(void *context)
{
    (void)context;
}

static const char *restart(void *context)
{
    (void)context;
    faults_restart();
    return NULL;
}

/* --- SQL by somebody who knows nothing of the reference ----------------------------------------
 */

static sqlite3 *plain_open(void)
{
    sqlite3 *database = NULL;
    if (sqlite3_open(FILE_NAME, &database) == SQLITE_OK)
        return database;
    (void)sqlite3_close(database);
    return NULL;
}

/* The number that a query gives; -1: it gives none. */
static int64_t number_of(sqlite3 *database, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return number;
}

/* --- What must be so in every state ------------------------------------------------------------
 */

static struct {
    uint64_t states, torn, unserved, lost;
} seen;
static bool is_older_first;

static bool is_version(sqlite3 *database, int64_t version, int64_t tables)
{
    return number_of(database, "PRAGMA user_version") == version &&
           number_of(database, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'") == tables;
}

/* 1.0 or 1.1, with the key that 1.1 has made, and whole. */
static void look_at_the_file(sqlite3 *database)
{
    static const char key[] = "SELECT count(*) FROM secret WHERE length(value) = 32";
    bool is_one = is_version(database, 100, 1) ||
                  (is_version(database, 101, 4) && number_of(database, key) == 1);
    seen.torn += !is_one || number_of(database, "SELECT count(*) FROM pragma_integrity_check "
                                                "WHERE integrity_check <> 'ok'") != 0;
}

/* What 1.0 asks when it opens a database, and each of its statements. */
static void look_by_1_0(void)
{
    static const char *const statements[] = {
        "PRAGMA journal_mode = WAL",
        "INSERT INTO account(name, credential) VALUES('of 1.0', 'one')",
        "UPDATE account SET credential = 'two' WHERE name = 'of 1.0' AND credential = 'one'",
        "UPDATE account SET credential = 'three' WHERE name = 'of 1.0'",
        "DELETE FROM account WHERE name = 'of 1.0' AND credential = 'three'",
    };
    sqlite3 *database = plain_open();
    if (database != NULL)
        look_at_the_file(database);
    bool is_served = database != NULL &&
                     number_of(database, "PRAGMA application_id") == 0x41757468 &&
                     number_of(database, "PRAGMA user_version") / 100 == 1;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        is_served =
            is_served && sqlite3_exec(database, statements[i], NULL, NULL, NULL) == SQLITE_OK;
    seen.unserved += !is_served;
    (void)sqlite3_close(database);
}

static const struct assay_config config = {
    .size = sizeof config, .path = FILE_NAME, .must_exist = true, .cost = {8, 1}};

static struct assay_bytes bytes_of(const char *text)
{
    return (struct assay_bytes){(const uint8_t *)text, strlen(text)};
}

/* Null: it is not served. */
static struct assay_handle *open_accounts(void)
{
    struct assay_handle *handle = NULL;
    struct assay_reply reply;
    target->open(&config, &handle, &reply);
    return reply.answer == ASSAY_OK ? handle : NULL;
}

static enum assay_answer log_in(struct assay_handle *handle, const char *name, const char *password)
{
    struct assay_reply reply;
    target->login(handle, bytes_of(name), bytes_of(password), NULL, &reply);
    return reply.answer;
}

static bool is_of_this_release(struct assay_handle *handle)
{
    char version[16] = "";
    struct assay_text text = {.data = version, .capacity = sizeof version - 1};
    struct assay_reply reply;
    target->schema(handle, &text, &reply);
    return reply.answer == ASSAY_OK && strcmp(version, "1.1") == 0;
}

/* By marks: what was acknowledged before the cut. */
enum { OPENED = 1, LOGGED_IN, REGISTERED, CHANGED };
#define CHANGING   0u /* the golden account whose password is changed */
#define REGISTRANT "somebody new"

static bool is_right(struct assay_handle *handle, const char *name, const char *password)
{
    return log_in(handle, name, WRONG) == ASSAY_DENIED &&
           log_in(handle, name, password) == ASSAY_OK;
}

/* Acknowledged: it is so. Asked for: one or the other. */
static bool is_changed_or_not(struct assay_handle *handle, uint32_t marks)
{
    const struct account *account = &accounts_golden[CHANGING];
    bool opens_old = log_in(handle, account->name, account->password) == ASSAY_OK;
    bool opens_new = log_in(handle, account->name, PASSWORD_NEXT) == ASSAY_OK;
    if (opens_old == opens_new)
        return false;
    return marks >= CHANGED ? opens_new : marks == REGISTERED || opens_old;
}

static bool is_registered_or_not(struct assay_handle *handle, uint32_t marks)
{
    bool is_there = log_in(handle, REGISTRANT, PASSWORD_NEXT) == ASSAY_OK;
    return marks >= REGISTERED ? is_there : marks == LOGGED_IN || !is_there;
}

static void look_by_the_reference(uint32_t marks)
{
    struct assay_handle *handle = open_accounts();
    if (handle == NULL) {
        seen.unserved++;
        return;
    }
    bool is_kept = is_of_this_release(handle);
    for (size_t i = 0; i < account_count; i++)
        if (i != CHANGING)
            is_kept =
                is_kept && is_right(handle, accounts_golden[i].name, accounts_golden[i].password);
    is_kept = is_kept && is_changed_or_not(handle, marks);
    is_kept = is_kept && is_registered_or_not(handle, marks);
    seen.lost += !is_kept;
    target->close(handle);
}

static void look(struct run *run, const struct power_moment *moment, void *context)
{
    (void)context;
    run->outcome->checks++;
    if (moment->syncs_lie)
        return;
    seen.states++;
    if (is_older_first)
        look_by_1_0();
    look_by_the_reference(moment->marks);
    look_by_1_0();
    look_by_the_reference(moment->marks);
}

/* --- Ways to migrate ---------------------------------------------------------------------------
 */

static char steps_sql[SQL_MAX]; /* of 1.1, as the reference writes it, one statement a line */

static void by_the_reference(void)
{
}

/* The statements of the step one by one, each a transaction of its own, as somebody writes them who
 * has not thought of it. */
static void without_transaction(const char *before, const char *after)
{
    sqlite3 *database = plain_open();
    assert_non_null(database);
    (void)sqlite3_exec(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL,
                       NULL);
    const char *const texts[] = {before, steps_sql,
                                 "INSERT INTO secret VALUES('name', randomblob(32))", after};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(sqlite3_exec(database, texts[i], NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static void version_first(void)
{
    without_transaction("PRAGMA user_version = 101", "");
}

static void version_last(void)
{
    without_transaction("", "PRAGMA user_version = 101");
}

static const struct way {
    void (*migrates)(void);
    bool is_safe;
    const char *why;
} ways[] = {
    {by_the_reference, true, "one transaction for each step"},
    {version_first, false, "no transaction, the version first"},
    {version_last, false, "no transaction, the version last"},
};

/* The reference comes behind whoever has migrated, and serves. */
static void history(struct run *run, const void *subject)
{
    const struct way *way = subject;
    const struct account *account = &accounts_golden[CHANGING];
    struct assay_reply reply;
    power_watch(run);
    step(run, "migrate");
    way->migrates();
    struct assay_handle *handle = open_accounts();
    assert_non_null(handle);
    power_mark(OPENED);
    step(run, "log in");
    assert_int_equal(log_in(handle, account->name, account->password), ASSAY_OK);
    power_mark(LOGGED_IN);
    step(run, "register");
    target->register_account(handle, bytes_of(REGISTRANT), bytes_of(PASSWORD_NEXT), &reply);
    assert_int_equal(reply.answer, ASSAY_OK);
    power_mark(REGISTERED);
    step(run, "change");
    target->change_password(handle, bytes_of(account->name), bytes_of(account->password),
                            bytes_of(PASSWORD_NEXT), &reply);
    assert_int_equal(reply.answer, ASSAY_OK);
    power_mark(CHANGED);
    step(run, "close");
    target->close(handle);
    power_cuts(run, look, NULL);
}

static void run_way(const struct way *way)
{
    static struct power_search search;
    static struct choices drawn;
    static struct outcome outcome;
    static const struct test_case test_case = {.name = "migration.history", .body = history};
    const struct world world = {.begin = begin, .end = end, .restart = restart};
    const struct plan plan = {.count = 0};
    int64_t values[PLAN_VALUES_MAX];
    struct source_power source;
    memset(&search, 0, sizeof search);
    search.count_max = POWER_STATES_MAX;
    search.light = !way->is_safe; /* what is far from safe is seen in the first pass */
    power_search_start(&search);
    source_power_start(&source, values, plan_values(&plan, values), &search.values);
    struct run run = {
        .source = &source.source, .choices = &drawn, .outcome = &outcome, .search = &search};
    assert_int_equal(case_run(&run, &test_case, way, &world), VERDICT_PASS);
    assert_false(search.overflow);
    assert_false(search.more);
}

/* --- Tests --------------------------------------------------------------------------------------
 */

/* The statements of 1.1 are those of a database that the reference has migrated. */
static void take_steps(void)
{
    sqlite3_stmt *statement = NULL;
    size_t size = 0;
    begin(NULL, 1);
    struct assay_handle *handle = open_accounts();
    assert_non_null(handle);
    target->close(handle);
    sqlite3 *database = plain_open();
    assert_int_equal(sqlite3_prepare_v2(database,
                                        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND "
                                        "tbl_name <> 'account' ORDER BY rowid",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        size += (size_t)snprintf(steps_sql + size, sizeof steps_sql - size, "%s;\n",
                                 (const char *)sqlite3_column_text(statement, 0));
        assert_true(size < sizeof steps_sql);
    }
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(database);
    assert_true(size > 0);
}

static void a_power_cut_leaves_one_schema_or_the_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        for (int older = 0; older < 2; older++) {
            memset(&seen, 0, sizeof seen);
            is_older_first = older;
            run_way(&ways[i]);
            (void)printf("%-36s %-14s %6llu states: %llu torn, %llu not served, %llu lost\n",
                         ways[i].why, older ? "1.0 first" : "1.1 first",
                         (unsigned long long)seen.states, (unsigned long long)seen.torn,
                         (unsigned long long)seen.unserved, (unsigned long long)seen.lost);
            assert_true(seen.states > 100);
            if ((seen.torn + seen.unserved + seen.lost == 0) != ways[i].is_safe)
                fail_msg("%s: %s", ways[i].why,
                         ways[i].is_safe ? "not safe" : "nothing was noticed");
        }
}

static const struct assay_target *load(const char *path)
{
    const struct assay_target *(*get)(void) = NULL;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module != NULL)
        *(void **)&get = dlsym(module, ASSAY_TARGET_SYMBOL);
    return get == NULL ? NULL : get();
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_cut_leaves_one_schema_or_the_other),
    };
    const char *wrong = faults_install();
    target = count == 2 && wrong == NULL ? load(arguments[1]) : NULL;
    if (target == NULL) {
        (void)fprintf(stderr, "migration_test MODULE: %s\n", wrong != NULL ? wrong : "no module");
        return 1;
    }
    slots_take_new();
    read_golden();
    take_steps();
    return cmocka_run_group_tests_name("targets.migration", tests, NULL, NULL) == 0 ? 0 : 1;
}
