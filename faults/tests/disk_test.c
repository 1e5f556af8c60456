/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that the disk is a disk: real SQLite works on it as on the real one, its locks keep two
 * connections apart, each planned fault strikes where it was planned and SQLite tells of it, and
 * the same seed gives the same bytes. The fault model is what later verdicts are founded on, so it
 * is compared with the unix VFS instead of with our idea of one.
 *
 * Faults are enumerated: a counting run lists all sites, then each site fails once with each effect
 * and for good. After every one of these runs the database must be whole, must hold all that was
 * acknowledged and nothing that was not tried, and must be usable again.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "faults/faults.h"

#define NAME            "users.db"
#define ROWS            4
#define IMAGE_BYTES_MAX ((size_t)4 * 1024 * 1024)

static const char *const journal_modes[] = {"wal", "delete", "truncate", "persist"};
#define JOURNAL_MODES (sizeof journal_modes / sizeof *journal_modes)

static struct site_list sites; /* too big for a stack */
static struct outcome outcome;

/* --- Small helpers ---------------------------------------------------------------------------- */

static sqlite3 *open_on(const char *vfs, const char *name)
{
    sqlite3 *database = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    assert_int_equal(sqlite3_open_v2(name, &database, flags, vfs), SQLITE_OK);
    sqlite3_extended_result_codes(database, 1);
    return database;
}

static int run_sql(sqlite3 *database, const char *sql)
{
    return sqlite3_exec(database, sql, NULL, NULL, NULL);
}

static void must(sqlite3 *database, const char *sql)
{
    int code = run_sql(database, sql);
    if (code != SQLITE_OK)
        fail_msg("%s: %d, %s", sql, code, sqlite3_errmsg(database));
}

/* The first column of the first row, as a number; -1 if there is none. */
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

static void assert_whole(sqlite3 *database)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(database, "PRAGMA integrity_check", -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), "ok");
    sqlite3_finalize(statement);
}

static void set_mode(sqlite3 *database, const char *mode)
{
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA journal_mode=%s", mode);
    must(database, sql);
}

/* All rows of all columns as one string, to compare databases by what they say. To free(). */
static char *dump(sqlite3 *database, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_str *text = sqlite3_str_new(database);
    assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(statement); i++)
            sqlite3_str_appendf(text, "%s|", (const char *)sqlite3_column_text(statement, i));
    assert_int_equal(code, SQLITE_DONE);
    sqlite3_finalize(statement);
    return sqlite3_str_finish(text);
}

static int reset(void **state)
{
    (void)state;
    faults_reset(1);
    assert_true(disk_is_default());
    return 0;
}

/* --- Locks ------------------------------------------------------------------------------------ */

/* With a rollback journal one writer excludes others, and readers keep it from committing. */
static void locks_with_journal(void **state)
{
    (void)state;
    sqlite3 *a = open_on(NULL, NAME), *b = open_on(NULL, NAME);
    must(a, "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    must(a, "BEGIN IMMEDIATE; INSERT INTO t VALUES(2)");
    assert_int_equal(run_sql(b, "BEGIN IMMEDIATE"), SQLITE_BUSY);
    assert_int_equal(number_of(b, "SELECT count(*) FROM t"), 1); /* RESERVED lets readers in */
    must(b, "BEGIN; SELECT * FROM t");
    assert_int_equal(run_sql(a, "COMMIT"), SQLITE_BUSY);
    sqlite3 *c = open_on(NULL, NAME);
    assert_int_equal(number_of(c, "SELECT count(*) FROM t"), -1); /* PENDING lets no new one in */
    assert_int_equal(sqlite3_errcode(c), SQLITE_BUSY);
    must(b, "COMMIT");
    must(a, "COMMIT");
    assert_int_equal(number_of(b, "SELECT count(*) FROM t"), 2);
    assert_int_equal(number_of(c, "SELECT count(*) FROM t"), 2);
    must(b, "BEGIN EXCLUSIVE");
    assert_int_equal(number_of(a, "SELECT count(*) FROM t"), -1);
    must(b, "ROLLBACK");
    assert_whole(a);
    assert_int_equal(sqlite3_close(a) | sqlite3_close(b) | sqlite3_close(c), SQLITE_OK);
}

/* With a WAL readers keep their snapshot beside a writer; a checkpoint waits for them. */
static void locks_with_wal(void **state)
{
    (void)state;
    sqlite3 *a = open_on(NULL, NAME), *b = open_on(NULL, NAME);
    int in_wal = 0, moved = 0;
    set_mode(a, "wal");
    must(a, "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    must(b, "BEGIN");
    assert_int_equal(number_of(b, "SELECT count(*) FROM t"), 1);
    must(a, "BEGIN IMMEDIATE; INSERT INTO t VALUES(2)");
    sqlite3 *c = open_on(NULL, NAME);
    assert_int_equal(run_sql(c, "BEGIN IMMEDIATE"), SQLITE_BUSY);
    must(a, "COMMIT");
    assert_int_equal(number_of(b, "SELECT count(*) FROM t"), 1); /* its snapshot */
    assert_int_equal(number_of(c, "SELECT count(*) FROM t"), 2);
    assert_int_equal(sqlite3_wal_checkpoint_v2(a, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL),
                     SQLITE_BUSY);
    must(b, "COMMIT");
    assert_int_equal(
        sqlite3_wal_checkpoint_v2(a, NULL, SQLITE_CHECKPOINT_TRUNCATE, &in_wal, &moved), SQLITE_OK);
    size_t size;
    assert_null(disk_content(NAME "-wal", &size));
    assert_int_equal(number_of(b, "SELECT count(*) FROM t"), 2);
    assert_whole(c);
    assert_int_equal(sqlite3_close(a) | sqlite3_close(b) | sqlite3_close(c), SQLITE_OK);
}

/* Waiting for a lock takes the disk's time and none of ours. */
static void sleeping_moves_the_clock(void **state)
{
    (void)state;
    sqlite3 *a = open_on(NULL, NAME), *b = open_on(NULL, NAME);
    must(a, "CREATE TABLE t(x)");
    int64_t before = number_of(a, "SELECT unixepoch('now')");
    assert_int_equal(before, 1704067200);         /* 2024-01-01 */
    assert_in_range(clock_passed_us(), 0, 10000); /* a millisecond a reading */
    sqlite3_busy_timeout(b, 3600 * 1000);
    must(a, "BEGIN IMMEDIATE");
    assert_int_equal(run_sql(b, "BEGIN IMMEDIATE"), SQLITE_BUSY);
    must(a, "ROLLBACK");
    assert_in_range(clock_passed_us() / 1000, 3590 * 1000, 3610 * 1000);
    assert_in_range(number_of(a, "SELECT unixepoch('now')") - before, 3590, 3610);
    assert_int_equal(sqlite3_close(a) | sqlite3_close(b), SQLITE_OK);
    faults_reset(1);
    assert_int_equal(clock_passed_us() / 1000, 0);
}

/* --- Threads ---------------------------------------------------------------------------------- */

#define THREADS           4
#define INSERTS_OF_THREAD 25

#define ATTEMPTS_MAX 100000 /* of one thread; a lock that is never given back ends here */

/* Inserts its rows, again and again while others are in the way. SQLITE_PROTOCOL is one way to say
 * so: see disk_sleep(). cmocka's checks belong to the main thread, so the answer is null or not. */
static void *insert_in_thread(void *context)
{
    (void)context;
    static int failed;
    sqlite3 *database = NULL;
    if (sqlite3_open(NAME, &database) != SQLITE_OK)
        return &failed;
    int done = 0;
    for (int i = 0; i < ATTEMPTS_MAX && done < INSERTS_OF_THREAD; i++) {
        int code = run_sql(database, "BEGIN IMMEDIATE; INSERT INTO t VALUES(1); COMMIT");
        if (code != SQLITE_OK && code != SQLITE_BUSY && code != SQLITE_PROTOCOL)
            break;
        done += code == SQLITE_OK;
        if (code != SQLITE_OK && sqlite3_get_autocommit(database) == 0)
            (void)run_sql(database, "ROLLBACK");
        sched_yield();
    }
    bool closed = sqlite3_close(database) == SQLITE_OK;
    return closed && done == INSERTS_OF_THREAD ? NULL : &failed;
}

/* Each thread with a connection of its own; nothing is lost, and the sanitizer sees no race. */
static void threads_with_connections(void **state)
{
    (void)state;
    for (size_t mode = 0; mode < 2; mode++) {
        pthread_t threads[THREADS];
        faults_reset(4);
        sqlite3 *database = open_on(NULL, NAME);
        set_mode(database, journal_modes[mode]);
        must(database, "CREATE TABLE t(x)");
        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, insert_in_thread, NULL), 0);
        for (size_t i = 0; i < THREADS; i++) {
            void *failed;
            assert_int_equal(pthread_join(threads[i], &failed), 0);
            assert_null(failed);
        }
        assert_int_equal(number_of(database, "SELECT count(*) FROM t"),
                         THREADS * INSERTS_OF_THREAD);
        assert_whole(database);
        assert_int_equal(sqlite3_close(database), SQLITE_OK);
    }
}

/* --- Files ------------------------------------------------------------------------------------ */

static void files_by_name(void **state)
{
    (void)state;
    sqlite3 *a = open_on(NULL, NAME), *b = open_on(NULL, "Users.db");
    must(a, "CREATE TABLE t(x)");
    assert_int_equal(number_of(b, "SELECT count(*) FROM sqlite_schema"), 0);
    assert_int_equal(sqlite3_close(a) | sqlite3_close(b), SQLITE_OK);
    sqlite3 *missing = NULL;
    assert_int_equal(sqlite3_open_v2("none.db", &missing, SQLITE_OPEN_READWRITE, NULL),
                     SQLITE_CANTOPEN);
    assert_int_equal(sqlite3_close(missing), SQLITE_OK);
    sqlite3 *reader = NULL;
    assert_int_equal(sqlite3_open_v2(NAME, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(run_sql(reader, "CREATE TABLE u(x)"), SQLITE_READONLY);
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    assert_int_not_equal(access(NAME, F_OK), 0); /* nothing of this on the real disk */
}

/* A connection that was leaked over a reset works on its own file, and can be closed or not. */
static void leaked_handles(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        sqlite3 *leaked = open_on(NULL, NAME);
        set_mode(leaked, journal_modes[i]);
        must(leaked, "CREATE TABLE old(x); BEGIN IMMEDIATE; INSERT INTO old VALUES(1)");
        faults_reset(2);
        sqlite3 *fresh = open_on(NULL, NAME);
        assert_int_equal(number_of(fresh, "SELECT count(*) FROM sqlite_schema"), 0);
        set_mode(fresh, journal_modes[i]);
        must(fresh, "CREATE TABLE new(x); INSERT INTO new VALUES(1)");
        (void)run_sql(leaked, "COMMIT"); /* whatever SQLite says, it must not touch the other */
        (void)run_sql(leaked, "INSERT INTO old VALUES(2)");
        assert_int_equal(sqlite3_close(leaked), SQLITE_OK);
        assert_int_equal(number_of(fresh, "SELECT count(*) FROM new"), 1);
        assert_whole(fresh);
        assert_int_equal(sqlite3_close(fresh), SQLITE_OK);
        faults_reset(3);
    }
}

/* Writing behind the limit of a file is a full disk, and undone. */
static void limit_is_full(void **state)
{
    (void)state;
    sqlite3 *database = open_on(NULL, NAME);
    set_mode(database, "off");
    must(database, "CREATE TABLE t(x); PRAGMA cache_size=10");
    set_mode(database, "delete");
    assert_int_equal(run_sql(database,
                             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n "
                             "WHERE i<400) INSERT INTO t SELECT zeroblob(1000000) FROM n"),
                     SQLITE_FULL);
    assert_int_equal(number_of(database, "SELECT count(*) FROM t"), 0);
    must(database, "INSERT INTO t VALUES(1)");
    assert_whole(database);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* --- The same as the real disk ---------------------------------------------------------------- */

/* One statement by chance. */
static void random_statement(uint64_t *seed, char *ret, size_t size)
{
    unsigned key = (unsigned)(random_next(seed) % 200),
             length = (unsigned)(random_next(seed) % 3000);
    static const char *const forms[] = {
        "INSERT OR REPLACE INTO t VALUES(%u, hex(zeroblob(%u)), abs(%u))",
        "UPDATE t SET v = v || 'x%u' WHERE k < %u %% 200",
        "DELETE FROM t WHERE k BETWEEN %u AND %u %% 200",
        "SAVEPOINT s; INSERT OR IGNORE INTO t VALUES(%u, 'a', %u); ROLLBACK TO s; RELEASE s",
        "BEGIN; INSERT OR REPLACE INTO t VALUES(%u, 'b', %u); ROLLBACK",
        "BEGIN; INSERT OR REPLACE INTO t VALUES(%u, hex(zeroblob(%u)), 7); COMMIT",
        "PRAGMA wal_checkpoint; SELECT %u, %u",
        "VACUUM; SELECT %u, %u",
    };
    size_t form = random_next(seed) % 40;
    form = form < 38 ? form % 6 : form - 32;
    snprintf(ret, size, forms[form], key, length, key);
}

/* And what a journal mode leaves beside it. */
static void unlink_real(const char *name)
{
    static const char *const suffixes[] = {"", "-journal", "-wal", "-shm"};
    char path[64];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(path, sizeof path, "%s%s", name, suffixes[i]);
        (void)unlink(path);
    }
}

/* Many statements in one mode, on both disks; what they answer must never differ. */
static void compare_disks(const char *mode, uint64_t seed)
{
    char real_name[] = "/tmp/assay-disk-test-XXXXXX";
    int fd = mkstemp(real_name);
    assert_true(fd >= 0);
    close(fd);
    sqlite3 *ours = open_on(DISK_VFS_NAME, NAME), *real = open_on("unix", real_name);
    sqlite3 *both[] = {ours, real};
    for (size_t i = 0; i < 2; i++) {
        set_mode(both[i], mode);
        must(both[i], "PRAGMA cache_size=8; PRAGMA synchronous=NORMAL;"
                      "CREATE TABLE t(k INTEGER PRIMARY KEY, v, n); CREATE INDEX i ON t(v)");
    }
    for (int i = 0; i < 150; i++) {
        char sql[256];
        random_statement(&seed, sql, sizeof sql);
        int code = run_sql(ours, sql);
        assert_int_equal(code, run_sql(real, sql));
        assert_int_equal(number_of(ours, "SELECT sum(k + length(v)) FROM t"),
                         number_of(real, "SELECT sum(k + length(v)) FROM t"));
    }
    char *our_text = dump(ours, "SELECT * FROM t"), *real_text = dump(real, "SELECT * FROM t");
    assert_string_equal(our_text, real_text);
    sqlite3_free(our_text);
    sqlite3_free(real_text);
    assert_whole(ours);
    assert_int_equal(number_of(ours, "PRAGMA page_count"), number_of(real, "PRAGMA page_count"));
    assert_int_equal(sqlite3_close(ours) | sqlite3_close(real), SQLITE_OK);
    unlink_real(real_name);
}

static void same_as_the_real_disk(void **state)
{
    (void)state;
    for (size_t i = 0; i < JOURNAL_MODES; i++)
        for (uint64_t seed = 0; seed < 3; seed++) {
            faults_reset(seed);
            compare_disks(journal_modes[i], seed);
        }
}

/* --- Method by method ------------------------------------------------------------------------- */

#define RAW_BYTES_MAX 20000

/* An open file below SQLite's level. */
struct raw {
    sqlite3_vfs *vfs;
    const char *name;
    sqlite3_file *file;
};

static int raw_open(struct raw *raw, const char *vfs, const char *name, int flags)
{
    raw->vfs = sqlite3_vfs_find(vfs);
    raw->name = name;
    raw->file = calloc(1, (size_t)raw->vfs->szOsFile);
    assert_non_null(raw->file);
    flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB;
    return raw->vfs->xOpen(raw->vfs, name, raw->file, flags, NULL);
}

static void raw_close(struct raw *raw)
{
    assert_int_equal(raw->file->pMethods->xClose(raw->file), SQLITE_OK);
    free(raw->file);
}

static int raw_exists(const struct raw *raw, int flag)
{
    int yes = -1;
    assert_int_equal(raw->vfs->xAccess(raw->vfs, raw->name, flag, &yes), SQLITE_OK);
    return yes != 0;
}

/* One method with these numbers; the answer, with what was read and found out behind it. */
static int raw_do(struct raw *raw, unsigned method, int size, sqlite3_int64 offset, uint8_t *ret)
{
    const sqlite3_io_methods *methods = raw->file->pMethods;
    sqlite3_int64 length = -1;
    memset(ret, 0xa5, RAW_BYTES_MAX);
    switch (method) {
    case 0:
        memset(ret, size, (size_t)size);
        return methods->xWrite(raw->file, ret, size, offset);
    case 1:
    case 2:
        return methods->xRead(raw->file, ret, size, offset);
    case 3:
        return methods->xTruncate(raw->file, offset / 2);
    default:
        assert_int_equal(methods->xFileSize(raw->file, &length), SQLITE_OK);
        assert_int_equal(raw_exists(raw, SQLITE_ACCESS_EXISTS), length > 0);
        memcpy(ret, &length, sizeof length);
        return SQLITE_OK;
    }
}

/* Reading, writing, cutting and measuring by chance answer the same and give the same bytes. */
static void content_as_on_the_real_disk(void **state)
{
    (void)state;
    static uint8_t our_bytes[RAW_BYTES_MAX], real_bytes[RAW_BYTES_MAX];
    char real_name[] = "/tmp/assay-disk-test-XXXXXX";
    uint64_t seed = 11;
    struct raw ours, real;
    int fd = mkstemp(real_name);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(raw_open(&ours, DISK_VFS_NAME, NAME, 0), SQLITE_OK);
    assert_int_equal(raw_open(&real, "unix", real_name, 0), SQLITE_OK);
    assert_false(raw_exists(&ours, SQLITE_ACCESS_EXISTS)); /* empty is not existing */
    assert_false(raw_exists(&real, SQLITE_ACCESS_EXISTS));
    assert_true(raw_exists(&ours, SQLITE_ACCESS_READWRITE));
    assert_true(raw_exists(&real, SQLITE_ACCESS_READWRITE));
    for (int i = 0; i < 5000; i++) {
        unsigned method = (unsigned)(random_next(&seed) % 5);
        int size = 1 + (int)(random_next(&seed) % 8000);
        sqlite3_int64 offset = (sqlite3_int64)(random_next(&seed) % 60000);
        assert_int_equal(raw_do(&ours, method, size, offset, our_bytes),
                         raw_do(&real, method, size, offset, real_bytes));
        assert_memory_equal(our_bytes, real_bytes, RAW_BYTES_MAX);
    }
    raw_close(&ours);
    raw_close(&real);
    unlink_real(real_name);
}

/* Deleting, on both disks: what is gone is gone, and deleting it again is an error of its own. */
static void deleting_as_on_the_real_disk(void **state)
{
    (void)state;
    char real_name[] = "/tmp/assay-disk-test-XXXXXX";
    assert_true(mkdtemp(real_name) != NULL);
    char inside[64];
    snprintf(inside, sizeof inside, "%s/f", real_name);
    const char *const vfs_names[] = {DISK_VFS_NAME, "unix"}, *const names[] = {NAME, inside};
    for (size_t i = 0; i < 2; i++) {
        struct raw raw;
        assert_int_equal(raw_open(&raw, vfs_names[i], names[i], 0), SQLITE_OK);
        raw_close(&raw);
        assert_true(raw_exists(&raw, SQLITE_ACCESS_READWRITE));
        assert_int_equal(raw.vfs->xDelete(raw.vfs, names[i], 0), SQLITE_OK);
        assert_false(raw_exists(&raw, SQLITE_ACCESS_READWRITE));
        assert_int_equal(raw.vfs->xDelete(raw.vfs, names[i], 0), SQLITE_IOERR_DELETE_NOENT);
        assert_int_equal(raw_open(&raw, vfs_names[i], names[i], SQLITE_OPEN_DELETEONCLOSE),
                         SQLITE_OK);
        raw_close(&raw);
        assert_false(raw_exists(&raw, SQLITE_ACCESS_READWRITE));
    }
    rmdir(real_name);
}

/* Whether somebody writes is seen by another handle; reading alone is not writing. */
static void reserved_is_seen(void **state)
{
    (void)state;
    struct raw a, b;
    int reserved = -1;
    assert_int_equal(raw_open(&a, DISK_VFS_NAME, NAME, 0), SQLITE_OK);
    assert_int_equal(raw_open(&b, DISK_VFS_NAME, NAME, 0), SQLITE_OK);
    assert_int_equal(a.file->pMethods->xLock(a.file, SQLITE_LOCK_SHARED), SQLITE_OK);
    assert_int_equal(b.file->pMethods->xCheckReservedLock(b.file, &reserved), SQLITE_OK);
    assert_int_equal(reserved, 0);
    assert_int_equal(a.file->pMethods->xLock(a.file, SQLITE_LOCK_RESERVED), SQLITE_OK);
    assert_int_equal(b.file->pMethods->xCheckReservedLock(b.file, &reserved), SQLITE_OK);
    assert_int_equal(reserved, 1);
    raw_close(&a);
    assert_int_equal(b.file->pMethods->xCheckReservedLock(b.file, &reserved), SQLITE_OK);
    assert_int_equal(reserved, 0);
    raw_close(&b);
}

/* A WAL index is shared while somebody has it, and new and empty for the next one after. */
static void index_lives_with_its_users(void **state)
{
    (void)state;
    struct raw a, b;
    void volatile *of_a = NULL, *of_b = NULL;
    assert_int_equal(raw_open(&a, DISK_VFS_NAME, NAME, 0), SQLITE_OK);
    assert_int_equal(raw_open(&b, DISK_VFS_NAME, NAME, 0), SQLITE_OK);
    const sqlite3_io_methods *methods = a.file->pMethods;
    assert_int_equal(methods->xShmMap(a.file, 0, 32768, 0, &of_a), SQLITE_OK);
    assert_null((void *)(uintptr_t)of_a); /* not there, and not to be made */
    assert_int_equal(methods->xShmMap(a.file, 0, 32768, 1, &of_a), SQLITE_OK);
    *(uint8_t volatile *)of_a = 7;
    assert_int_equal(methods->xShmMap(b.file, 0, 32768, 0, &of_b), SQLITE_OK);
    assert_ptr_equal((void *)(uintptr_t)of_a, (void *)(uintptr_t)of_b);
    assert_int_equal(methods->xShmUnmap(a.file, 0), SQLITE_OK);
    assert_int_equal(*(uint8_t volatile *)of_b, 7);
    assert_int_equal(methods->xShmUnmap(b.file, 0), SQLITE_OK);
    assert_int_equal(methods->xShmMap(a.file, 0, 32768, 0, &of_a), SQLITE_OK);
    assert_null((void *)(uintptr_t)of_a);
    raw_close(&a);
    raw_close(&b);
}

/* --- Repeatable ------------------------------------------------------------------------------- */

/* A workload with two connections, random values and the time, and what it left on the disk. */
static void record_image(const char *mode, uint64_t seed, struct site_list *ret_sites,
                         uint8_t *ret_image, size_t *ret_size)
{
    static const struct plan no_faults;
    faults_reset(seed);
    edge_record(ret_sites);
    edge_begin(&no_faults);
    sqlite3 *a = open_on(NULL, NAME), *b = open_on(NULL, NAME);
    set_mode(a, mode);
    must(a, "CREATE TABLE t(x, at); INSERT INTO t VALUES(randomblob(5000), julianday('now'))");
    must(b, "INSERT INTO t SELECT randomblob(20), julianday('now') FROM t");
    must(a, "CREATE TEMP TABLE u AS SELECT * FROM t; DELETE FROM t WHERE random() % 3 = 0");
    *ret_size = 0;
    static const char *const names[] = {NAME, NAME "-wal", NAME "-journal"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size;
        const uint8_t *bytes = disk_content(names[i], &size);
        assert_true(*ret_size + size <= IMAGE_BYTES_MAX);
        if (bytes != NULL)
            memcpy(ret_image + *ret_size, bytes, size);
        *ret_size += size;
    }
    assert_int_equal(sqlite3_close(a) | sqlite3_close(b), SQLITE_OK);
    edge_end(&outcome);
    edge_record(NULL);
}

static void same_seed_same_bytes(void **state)
{
    (void)state;
    static struct site_list other_sites;
    static uint8_t image[IMAGE_BYTES_MAX], other[IMAGE_BYTES_MAX];
    for (size_t i = 0; i < JOURNAL_MODES; i++) {
        size_t size, other_size;
        record_image(journal_modes[i], 7, &sites, image, &size);
        record_image(journal_modes[i], 7, &other_sites, other, &other_size);
        assert_true(size > 0);
        assert_int_equal(size, other_size);
        assert_memory_equal(image, other, size);
        assert_false(sites.overflow);
        assert_int_equal(sites.count, other_sites.count);
        assert_memory_equal(sites.at, other_sites.at, sites.count * sizeof *sites.at);
        record_image(journal_modes[i], 8, &other_sites, other, &other_size);
        assert_true(size != other_size || memcmp(image, other, size) != 0);
    }
}

/* --- Every fault ------------------------------------------------------------------------------ */

/* What a run acknowledged, and the last thing it tried. */
struct progress {
    int acknowledged; /* rows whose insertion was answered with SQLITE_OK */
    int tried;
    int first_error;
    bool used_memory; /* temporary files are wanted */
};

/* Notes the first error. True if all is well. */
static bool well(struct progress *progress, int code)
{
    if (code != SQLITE_OK && progress->first_error == SQLITE_OK)
        progress->first_error = code;
    return code == SQLITE_OK;
}

/* The rows one after the other, by two connections in turn; a failed one is given up. */
static void insert_rows(sqlite3 *const *connections, struct progress *progress)
{
    for (int i = 0; i < ROWS; i++) {
        sqlite3 *database = connections[i % 2];
        char sql[128];
        snprintf(sql, sizeof sql, "INSERT INTO t VALUES(%d, randomblob(3000))", i);
        progress->tried = i + 1;
        if (!well(progress, run_sql(database, sql)))
            return;
        progress->acknowledged = i + 1;
    }
    well(progress, run_sql(connections[0], "CREATE TEMP TABLE u AS SELECT * FROM t"));
    well(progress, run_sql(connections[0], "BEGIN; DELETE FROM t; ROLLBACK"));
    well(progress, run_sql(connections[0], "PRAGMA wal_checkpoint(TRUNCATE)"));
}

/* Opens, inserts and closes, under a plan. Closing must always succeed. */
static struct progress work(const char *mode, const struct plan *plan)
{
    struct progress progress = {0};
    sqlite3 *connections[2] = {NULL, NULL};
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA journal_mode=%s", mode);
    faults_reset(5);
    edge_begin(plan);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    bool going = true;
    for (size_t i = 0; i < 2 && going; i++) {
        going = well(&progress, sqlite3_open_v2(NAME, &connections[i], flags, NULL));
        if (going)
            going = well(&progress, sqlite3_extended_result_codes(connections[i], 1));
    }
    if (going && well(&progress, run_sql(connections[0], sql)) &&
        well(&progress, run_sql(connections[0], "PRAGMA temp_store=FILE; PRAGMA cache_size=2")) &&
        well(&progress, run_sql(connections[0], "CREATE TABLE IF NOT EXISTS t(k, v)")))
        insert_rows(connections, &progress);
    assert_int_equal(sqlite3_close(connections[0]) | sqlite3_close(connections[1]), SQLITE_OK);
    edge_end(&outcome);
    return progress;
}

/* What is on the disk after a run: whole, with all that was acknowledged and no more than was
 * tried, and good for further work. */
static void assert_sound(const struct progress *progress, const char *what)
{
    sqlite3 *database = open_on(NULL, NAME);
    assert_whole(database);
    int64_t rows = number_of(database, "SELECT count(*) FROM t");
    rows = rows < 0 ? 0 : rows; /* not even the table was made */
    if (rows < progress->acknowledged || rows > progress->tried)
        fail_msg("%s: %d rows acknowledged, %d tried, %d there", what, progress->acknowledged,
                 progress->tried, (int)rows);
    must(database, "CREATE TABLE IF NOT EXISTS t(k, v); INSERT INTO t VALUES(99, 'after')");
    assert_int_equal(number_of(database, "SELECT count(*) FROM t"), rows + 1);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* The primary codes that SQLite may answer a fault of this kind with. */
static bool code_fits(enum fault_kind kind, int code)
{
    switch (kind) {
    case FAULT_IO:
    case FAULT_DROPPED:
        return (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    case FAULT_FULL:
        return code == SQLITE_FULL;
    case FAULT_BUSY:
        return (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_PROTOCOL;
    case FAULT_MEMORY:
        return code == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM;
    case FAULT_CANTOPEN:
        return (code & 0xff) == SQLITE_CANTOPEN;
    default:
        return false;
    }
}

/* How the faults of an operation were answered: each must have been reported at least once. */
static uint32_t fired_count[FAULT_OPERATIONS][FAULT_KINDS],
    told_count[FAULT_OPERATIONS][FAULT_KINDS];

/* One run with one fault. */
static void strike(const char *mode, const struct site *site, int32_t code, uint32_t times)
{
    const struct plan plan = {
        .count = 1, .faults = {{.site = *site, .effect = {.code = code}, .times = times}}};
    char what[256];
    fault_text(what, sizeof what, &plan.faults[0], mode);
    struct progress progress = work(mode, &plan);
    enum fault_kind kind = fault_kind_of(site->operation, code);
    if (outcome.faults_fired != 1)
        fail_msg("%s: did not strike", what);
    if (progress.first_error != SQLITE_OK && !code_fits(kind, progress.first_error))
        fail_msg("%s: answered with %d", what, progress.first_error);
    fired_count[site->operation][kind]++;
    told_count[site->operation][kind] += progress.first_error != SQLITE_OK;
    assert_sound(&progress, what);
}

static void strike_everywhere(const char *mode)
{
    static const struct plan no_faults;
    edge_record(&sites);
    struct progress calm = work(mode, &no_faults);
    edge_record(NULL);
    assert_int_equal(calm.first_error, SQLITE_OK); /* the negative control */
    assert_int_equal(calm.acknowledged, ROWS);
    assert_int_equal(outcome.faults_fired, 0);
    assert_sound(&calm, "no fault");
    assert_false(sites.overflow);
    static struct site_list all;
    all = sites;
    for (uint32_t i = 0; i < all.count; i++) {
        const struct operation *operation = &fault_catalogue.operations[all.at[i].operation];
        for (uint32_t code = 1; code <= operation->effect_count; code++) {
            strike(mode, &all.at[i], (int32_t)code, 1);
            strike(mode, &all.at[i], (int32_t)code, FAULT_FOR_GOOD);
        }
    }
}

static void every_fault_strikes(void **state)
{
    (void)state;
    for (size_t i = 0; i < JOURNAL_MODES; i++)
        strike_everywhere(journal_modes[i]);
    for (uint16_t operation = 0; operation <= MEMORY_SQLITE; operation++) {
        if (operation == MEMORY_MAP)
            continue;
        const struct operation *row = &fault_catalogue.operations[operation];
        for (uint32_t code = 1; code <= row->effect_count; code++) {
            enum fault_kind kind = fault_kind_of(operation, (int32_t)code);
            print_message("%-16s %-9s struck %6u, reported %6u\n", row->name, fault_kind_name(kind),
                          fired_count[operation][kind], told_count[operation][kind]);
            assert_true(fired_count[operation][kind] > 0);
            assert_true(told_count[operation][kind] > 0);
        }
    }
}

/* --- The catalogue ---------------------------------------------------------------------------- */

static void catalogue_is_complete(void **state)
{
    (void)state;
    assert_int_equal(fault_catalogue.operation_count, FAULT_OPERATIONS);
    assert_true(FAULT_OPERATIONS <= OPERATIONS_MAX && FAULT_ROLES <= ROLES_MAX);
    for (uint16_t operation = 0; operation < FAULT_OPERATIONS; operation++) {
        const struct operation *row = &fault_catalogue.operations[operation];
        assert_non_null(row->name);
        assert_true(row->effect_count > 0);
        for (uint32_t code = 1; code <= row->effect_count; code++) {
            enum fault_kind kind = fault_kind_of(operation, (int32_t)code);
            assert_int_not_equal(kind, FAULT_NONE);
            assert_string_equal(fault_kind_name(kind), row->effects[code - 1]);
        }
        assert_int_equal(fault_kind_of(operation, 0), FAULT_NONE);
        assert_int_equal(fault_kind_of(operation, (int32_t)row->effect_count + 1), FAULT_NONE);
        assert_int_equal(fault_kind_of(operation, -1), FAULT_NONE);
    }
    for (size_t role = 0; role < FAULT_ROLES; role++)
        assert_non_null(fault_catalogue.roles[role]);
    assert_int_equal(fault_kind_of(FAULT_OPERATIONS, 1), FAULT_NONE);
    assert_string_equal(fault_kind_name(FAULT_KINDS), "unknown");
}

/* Tokens hold numbers, so what the numbers mean is written down here once more. */
static void catalogue_keeps_its_order(void **state)
{
    (void)state;
    static const char *const expected[FAULT_OPERATIONS] = {
        "disk.open cantopen",
        "disk.read io",
        "disk.write io full",
        "disk.sync io dropped",
        "disk.truncate io",
        "disk.size io",
        "disk.delete io",
        "disk.access io",
        "disk.lock busy io",
        "disk.shm_map io memory",
        "disk.shm_lock busy io",
        "memory.map memory",
        "memory.sqlite memory",
        "call.crypto_pwhash memory",
        "call.crypto_pwhash_str memory",
        "call.crypto_pwhash_str_verify memory",
        "memory.allocate memory",
        "memory.kdf memory",
        "memory.lock memory",
        "entropy.library stuck",
        "entropy.kernel nosys stuck",
        "entropy.large nosys short stuck",
        "clock.read forward back restart still",
        "file.open exhausted access",
        "file.read io short interrupted",
        "file.write io full short interrupted",
        "file.sync io",
        "file.change io",
        "file.flush full",
    };
    for (size_t i = 0; i < FAULT_OPERATIONS; i++) {
        const struct operation *row = &fault_catalogue.operations[i];
        char text[128];
        int used = snprintf(text, sizeof text, "%s", row->name);
        for (uint32_t e = 0; e < row->effect_count; e++)
            used += snprintf(text + used, sizeof text - (size_t)used, " %s", row->effects[e]);
        assert_string_equal(text, expected[i]);
    }
}

/* Each row of the document is one of the catalogue, with its effects, and there are no others. */
static void document_is_complete(void **state)
{
    char line[512], expected[256];
    uint32_t rows = 0;
    FILE *document = fopen(ASSAY_SOURCE "/faults/README.md", "r");
    (void)state;
    assert_non_null(document);
    for (bool inside = false; fgets(line, sizeof line, document);) {
        if (strncmp(line, "| operation |", 13) == 0)
            inside = true;
        if (!inside || strncmp(line, "| `", 3) != 0)
            continue;
        assert_true(rows < FAULT_OPERATIONS);
        const struct operation *row = &fault_catalogue.operations[rows++];
        int used = snprintf(expected, sizeof expected, "| `%s` |", row->name);
        for (uint32_t i = 0; i < row->effect_count; i++)
            used += snprintf(expected + used, sizeof expected - (size_t)used, "%s %s", i ? "," : "",
                             row->effects[i]);
        snprintf(expected + used, sizeof expected - (size_t)used, " |");
        line[strlen(expected)] = 0;
        assert_string_equal(line, expected);
        if (rows == FAULT_OPERATIONS)
            inside = false;
    }
    fclose(document);
    assert_int_equal(rows, FAULT_OPERATIONS);
}

/* Last: shutting SQLite down brings the unix VFS back, and we notice. */
static void shutdown_is_noticed(void **state)
{
    (void)state;
    assert_int_equal(sqlite3_shutdown(), SQLITE_OK);
    assert_int_equal(sqlite3_initialize(), SQLITE_OK);
    assert_false(disk_is_default());
    assert_null(disk_install());
    assert_true(disk_is_default());
}

/* --- A kept disk ------------------------------------------------------------------------------ */

/* What is kept comes back for its owner and key alone, as it was then, and as often as wanted. */
static void a_kept_disk_comes_back(void **state)
{
    static const char owner, other;
    (void)state;
    assert_false(disk_restore(NULL, 0));
    sqlite3 *database = open_on(NULL, NAME);
    must(database, "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    disk_keep(&owner, 7);
    for (int i = 0; i < 3; i++) {
        faults_reset(1);
        assert_false(disk_restore(&other, 7));
        assert_false(disk_restore(&owner, 8));
        assert_true(disk_restore(&owner, 7));
        database = open_on(NULL, NAME);
        assert_int_equal(number_of(database, "SELECT count(*) FROM t"), 1);
        must(database, "INSERT INTO t VALUES(2)"); /* on this disk, not on the one that is kept */
        assert_whole(database);
        assert_int_equal(sqlite3_close(database), SQLITE_OK);
    }
    faults_reset(1);
    disk_keep(&other, 7); /* in place of the first: an empty one */
    assert_false(disk_restore(&owner, 7));
    assert_true(disk_restore(&other, 7));
    size_t size;
    assert_null(disk_content(NAME, &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(catalogue_is_complete),
        cmocka_unit_test(document_is_complete),
        cmocka_unit_test(catalogue_keeps_its_order),
        cmocka_unit_test_setup(content_as_on_the_real_disk, reset),
        cmocka_unit_test_setup(deleting_as_on_the_real_disk, reset),
        cmocka_unit_test_setup(reserved_is_seen, reset),
        cmocka_unit_test_setup(index_lives_with_its_users, reset),
        cmocka_unit_test_setup(locks_with_journal, reset),
        cmocka_unit_test_setup(locks_with_wal, reset),
        cmocka_unit_test_setup(sleeping_moves_the_clock, reset),
        cmocka_unit_test_setup(threads_with_connections, reset),
        cmocka_unit_test_setup(files_by_name, reset),
        cmocka_unit_test_setup(leaked_handles, reset),
        cmocka_unit_test_setup(limit_is_full, reset),
        cmocka_unit_test_setup(same_as_the_real_disk, reset),
        cmocka_unit_test_setup(same_seed_same_bytes, reset),
        cmocka_unit_test_setup(every_fault_strikes, reset),
        cmocka_unit_test_setup(a_kept_disk_comes_back, reset),
        cmocka_unit_test_setup(shutdown_is_noticed, reset),
    };
    const char *problem = faults_install();
    if (problem != NULL) {
        fprintf(stderr, "%s\n", problem);
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
