/* SPDX-License-Identifier: Apache-2.0
 *
 * The store: one table of accounts in one SQLite database.
 *
 * Durability: WAL with synchronous=FULL. Every write is one statement that commits itself, so that
 * when sqlite3_step() says DONE the change is on the disk, and when it says anything else nobody
 * is told that it is. (SQLite's default, a rollback journal with FULL, can lose an acknowledged
 * change at a power cut: the journal's unlink is not synced.) A change that was answered with an
 * error may still turn out to be there after a crash; it is never half there.
 *
 * Concurrency: names are unique by primary key; changes are compare-and-swap on the whole stored
 * string. No statement is left open: an open reader would hold an old snapshot, and the next write
 * would fail with BUSY_SNAPSHOT. A lock is waited for, up to BUSY_TIMEOUT_MS, and is then an error
 * of its own.
 *
 * Identity: application_id and user_version are set in the transaction that creates the table.
 * user_version is a hundred times the major version, plus the minor one. A minor version only
 * adds, so that the release before it still serves; a newer major one is refused. The major
 * version also stands for how names and passwords are prepared (1: OpaqueString, NFC). A file that
 * is not ours is refused before anything in it is changed.
 *
 * Errors: SQLite's result codes become causes in one table, below. Nothing is repaired or guessed
 * here, and only the change of the journal mode is tried again.
 */
#include "reference.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APPLICATION_ID           0x41757468 /* "Auth" */
#define SCHEMA_VERSION           100        /* 1.0 */
#define SCHEMA_MAJOR_UNIT        100
#define SCHEMA_MAJOR             (SCHEMA_VERSION / SCHEMA_MAJOR_UNIT)
#define WAL_PAUSE_MS             10 /* between attempts to change the journal mode */
#define TEXT_OF(number)          TEXT_OF_EXPANDED(number)
#define TEXT_OF_EXPANDED(number) #number

static const char SQL_CREATE[] =
    "CREATE TABLE account("
    "name TEXT NOT NULL COLLATE BINARY PRIMARY KEY, "
    "credential TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "PRAGMA application_id = " TEXT_OF(APPLICATION_ID) ";"
                                                       "PRAGMA user_version = " TEXT_OF(
                                                           SCHEMA_VERSION) ";";

enum statement { INSERT, FIND, REPLACE, DELETE, PUT, STATEMENTS };

static const struct {
    const char *name; /* for details */
    const char *sql;
} statements[STATEMENTS] = {
    [INSERT] = {"insert", "INSERT INTO account(name, credential) VALUES(?1, ?2)"},
    [FIND] = {"find", "SELECT credential FROM account WHERE name = ?1"},
    [REPLACE] = {"replace",
                 "UPDATE account SET credential = ?3 WHERE name = ?1 AND credential = ?2"},
    [DELETE] = {"delete", "DELETE FROM account WHERE name = ?1 AND credential = ?2"},
    [PUT] = {"put", "UPDATE account SET credential = ?2 WHERE name = ?1"},
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *prepared[STATEMENTS]; /* between calls each is reset and has nothing bound */
};

/* The one translation of SQLite's results into causes. What is not here is our own mistake. */
static const struct {
    int code; /* extended where it differs from its primary code, else primary */
    enum reason reason;
} reasons[] = {
    {SQLITE_IOERR_NOMEM, REASON_MEMORY},
    {SQLITE_IOERR_CORRUPTFS, REASON_CORRUPT},
    {SQLITE_IOERR_DATA, REASON_CORRUPT},
    {SQLITE_BUSY, REASON_BUSY},
    {SQLITE_LOCKED, REASON_BUSY},
    {SQLITE_PROTOCOL, REASON_BUSY}, /* gave up on the locks of the WAL index */
    {SQLITE_FULL, REASON_FULL},
    {SQLITE_NOMEM, REASON_MEMORY},
    {SQLITE_CORRUPT, REASON_CORRUPT},
    {SQLITE_ERROR,
     REASON_CORRUPT}, /* our text is constant and tested: it is the file that does not fit */
    {SQLITE_NOTADB, REASON_CORRUPT},
    {SQLITE_FORMAT, REASON_CORRUPT},
    {SQLITE_CANTOPEN, REASON_IO},
    {SQLITE_IOERR, REASON_IO},
    {SQLITE_READONLY, REASON_IO},
    {SQLITE_PERM, REASON_IO},
    {SQLITE_AUTH, REASON_IO},
    {SQLITE_NOLFS, REASON_IO},
    {SQLITE_INTERRUPT, REASON_TIMEOUT},
    {SQLITE_TOOBIG, REASON_LIMIT},
};

static bool look_up(int code, enum reason *ret)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].code == code) {
            *ret = reasons[i].reason;
            return true;
        }
    return false;
}

/* The extended code says more than its primary one, which is in its low byte. */
static enum reason reason_of(int code)
{
    enum reason reason = REASON_BUG;
    if (!look_up(code, &reason))
        (void)look_up(code & 0xff, &reason);
    return reason;
}

static bool failed(const char *operation, int code, struct reply *reply)
{
    return reply_unavailable(reply, LAYER_STORAGE, reason_of(code), code, operation,
                             sqlite3_errstr(code));
}

static bool run(sqlite3 *db, const char *operation, const char *sql, struct reply *reply)
{
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? reply_ok(reply) : failed(operation, code, reply);
}

/* Cached statements: whatever happened, the next user finds them as new. The result of a reset
 * only repeats that of the step before it. */
static void statement_done(sqlite3_stmt **statement)
{
    (void)sqlite3_reset(*statement);
    (void)sqlite3_clear_bindings(*statement);
}

static void statement_finalize(sqlite3_stmt **statement)
{
    (void)sqlite3_finalize(*statement);
}

/* A transaction that was not committed is undone. */
static void transaction_done(sqlite3 **db)
{
    if (!sqlite3_get_autocommit(*db))
        (void)sqlite3_exec(*db, "ROLLBACK", NULL, NULL, NULL);
}

/* Opening. */

struct identity {
    int application_id;
    int user_version;
    int objects; /* tables, indexes and whatever else the schema holds */
};

/* One statement, and so one snapshot of all three. */
static bool read_identity(sqlite3 *db, struct identity *ret, struct reply *reply)
{
    static const char sql[] = "SELECT (SELECT application_id FROM pragma_application_id), "
                              "(SELECT user_version FROM pragma_user_version), "
                              "(SELECT count(*) FROM sqlite_schema)";
    CLEANUP(statement_finalize) sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code != SQLITE_ROW)
        return failed("identify", code, reply);
    ret->application_id = sqlite3_column_int(statement, 0);
    ret->user_version = sqlite3_column_int(statement, 1);
    ret->objects = sqlite3_column_int(statement, 2);
    return reply_ok(reply);
}

/* Ours, blank, or refused. */
static bool identify(sqlite3 *db, bool *ret_blank, struct reply *reply)
{
    struct identity identity = {0};
    REQUIRE(read_identity(db, &identity, reply));
    *ret_blank =
        identity.application_id == 0 && identity.user_version == 0 && identity.objects == 0;
    if (*ret_blank)
        return reply_ok(reply);
    int major = identity.user_version / SCHEMA_MAJOR_UNIT;
    if (identity.application_id != APPLICATION_ID || major < 1)
        return reply_unavailable(reply, LAYER_STORAGE, REASON_CORRUPT, 0, "open",
                                 "not a database of accounts");
    if (major > SCHEMA_MAJOR)
        return reply_unavailable(reply, LAYER_STORAGE, REASON_REFUSED, 0, "open",
                                 "made by a newer release");
    return reply_ok(reply);
}

static bool configure(sqlite3 *db, struct reply *reply)
{
    static const struct {
        int option;
        int on;
    } options[] = {
        {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
    };
    int code = sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
    for (size_t i = 0; code == SQLITE_OK && i < sizeof options / sizeof *options; i++)
        code = sqlite3_db_config(db, options[i].option, options[i].on, NULL);
    if (code != SQLITE_OK)
        return failed("configure", code, reply);
    return run(db, "configure", "PRAGMA cell_size_check = ON; PRAGMA secure_delete = ON;", reply);
}

/* SQLite answers with the mode that it really uses, which is not always the one asked for. */
static bool ask_for_wal(sqlite3 *db, struct reply *reply)
{
    CLEANUP(statement_finalize) sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code != SQLITE_ROW)
        return failed("journal mode", code, reply);
    const char *mode = (const char *)sqlite3_column_text(statement, 0);
    if (mode == NULL)
        return failed("journal mode", SQLITE_NOMEM, reply);
    if (strcmp(mode, "wal") != 0)
        return reply_unavailable(reply, LAYER_STORAGE, REASON_REFUSED, 0, "journal mode",
                                 "not wal");
    return reply_ok(reply);
}

/* Changing the mode raises a lock, and there SQLite may answer busy at once instead of waiting:
 * two processes that create a database together would see it. So the waiting is done here, for as
 * long as anywhere else. */
static bool write_ahead(sqlite3 *db, struct reply *reply)
{
    bool is_wal = false;
    (void)sqlite3_busy_timeout(db, 0);
    for (int waited_ms = 0; waited_ms < BUSY_TIMEOUT_MS; waited_ms += WAL_PAUSE_MS) {
        is_wal = ask_for_wal(db, reply);
        if (is_wal || reply->reason != REASON_BUSY)
            break;
        (void)sqlite3_sleep(WAL_PAUSE_MS);
    }
    (void)sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
    return is_wal;
}

/* Of two processes that come at once, the second waits, and finds the work done. */
static bool create(sqlite3 *db, struct reply *reply)
{
    CLEANUP(transaction_done) sqlite3 *transaction = db;
    bool is_blank;
    REQUIRE(run(transaction, "create", "BEGIN IMMEDIATE", reply));
    REQUIRE(identify(transaction, &is_blank, reply));
    if (is_blank)
        REQUIRE(run(transaction, "create", SQL_CREATE, reply));
    return run(transaction, "create", "COMMIT", reply);
}

static bool prepare(struct store *store, struct reply *reply)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        int code = sqlite3_prepare_v3(store->db, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                      &store->prepared[i], NULL);
        if (code != SQLITE_OK)
            return failed("prepare", code, reply);
    }
    return reply_ok(reply);
}

static bool set_up(struct store *store, bool must_exist, struct reply *reply)
{
    bool is_blank;
    REQUIRE(configure(store->db, reply));
    REQUIRE(identify(store->db, &is_blank, reply));
    if (is_blank && must_exist)
        return reply_unavailable(reply, LAYER_STORAGE, REASON_CORRUPT, 0, "open",
                                 "an empty database");
    REQUIRE(write_ahead(store->db, reply));
    REQUIRE(run(store->db, "configure", "PRAGMA synchronous = FULL", reply));
    if (is_blank)
        REQUIRE(create(store->db, reply));
    return prepare(store, reply);
}

static void store_done(struct store **store)
{
    store_close(*store);
}

bool store_open(const char *path, bool must_exist, struct store **ret, struct reply *reply)
{
    CLEANUP(store_done) struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, 0, "open", "out of memory");
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (!must_exist)
        flags |= SQLITE_OPEN_CREATE;
    int code = sqlite3_open_v2(path, &store->db, flags, NULL);
    if (code != SQLITE_OK)
        return failed("open", code, reply);
    REQUIRE(set_up(store, must_exist, reply));
    *ret = store;
    store = NULL;
    return reply_ok(reply);
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(store->prepared[i]);
    (void)sqlite3_close(store->db);
    free(store);
}

/* Using. */

/* Nothing is copied: what is bound stays valid until statement_done. */
static int bind(sqlite3_stmt *statement, const struct bytes *values, size_t count)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < count; i++) {
        const char *text = values[i].size > 0 ? (const char *)values[i].data : "";
        code = sqlite3_bind_text64(statement, (int)i + 1, text, values[i].size, SQLITE_STATIC,
                                   SQLITE_UTF8);
    }
    return code;
}

/* Runs a statement that returns no rows, commits it, and says whether a row was changed. */
static bool change(struct store *store, enum statement which, const struct bytes *values,
                   size_t count, bool *ret_changed, struct reply *reply)
{
    CLEANUP(statement_done) sqlite3_stmt *statement = store->prepared[which];
    int code = bind(statement, values, count);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code != SQLITE_DONE)
        return failed(statements[which].name, code, reply);
    *ret_changed = sqlite3_changes(store->db) > 0;
    return reply_ok(reply);
}

bool store_insert(struct store *store, struct bytes name, struct bytes credential,
                  struct reply *reply)
{
    const struct bytes values[] = {name, credential};
    bool is_inserted;
    if (change(store, INSERT, values, 2, &is_inserted, reply))
        return true;
    if (reply->native_code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return reply_exists(reply);
    return false;
}

/* The row may have been written by anything: its type and size are checked before it is believed.
 */
static bool read_credential(sqlite3_stmt *statement, struct credential *ret, struct reply *reply)
{
    if (sqlite3_column_type(statement, 0) != SQLITE_TEXT)
        return reply_unavailable(reply, LAYER_STORAGE, REASON_CORRUPT, 0, "find",
                                 "credential is not text");
    const unsigned char *text = sqlite3_column_text(statement, 0);
    if (text == NULL)
        return failed("find", SQLITE_NOMEM, reply);
    size_t size = (size_t)sqlite3_column_bytes(statement, 0);
    if (size > CREDENTIAL_BYTES_MAX)
        return reply_unavailable(reply, LAYER_STORAGE, REASON_CORRUPT, 0, "find",
                                 "credential is too long");
    memcpy(ret->text, text, size);
    ret->text[size] = '\0';
    ret->size = size;
    return reply_ok(reply);
}

bool store_find(struct store *store, struct bytes name, struct credential *ret, bool *ret_found,
                struct reply *reply)
{
    CLEANUP(statement_done) sqlite3_stmt *statement = store->prepared[FIND];
    int code = bind(statement, &name, 1);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return failed("find", code, reply);
    if (code == SQLITE_ROW)
        REQUIRE(read_credential(statement, ret, reply));
    *ret_found = code == SQLITE_ROW;
    return reply_ok(reply);
}

bool store_replace(struct store *store, struct bytes name, struct bytes expected, struct bytes next,
                   bool *ret_replaced, struct reply *reply)
{
    const struct bytes values[] = {name, expected, next};
    return change(store, REPLACE, values, 3, ret_replaced, reply);
}

bool store_delete(struct store *store, struct bytes name, struct bytes expected, bool *ret_deleted,
                  struct reply *reply)
{
    const struct bytes values[] = {name, expected};
    return change(store, DELETE, values, 2, ret_deleted, reply);
}

bool store_put(struct store *store, struct bytes name, struct bytes credential, bool *ret_replaced,
               struct reply *reply)
{
    const struct bytes values[] = {name, credential};
    return change(store, PUT, values, 2, ret_replaced, reply);
}

bool store_schema(struct store *store, char ret_version[SCHEMA_TEXT_BYTES], struct reply *reply)
{
    struct identity identity = {0};
    REQUIRE(read_identity(store->db, &identity, reply));
    (void)snprintf(ret_version, SCHEMA_TEXT_BYTES, "%d.%d",
                   identity.user_version / SCHEMA_MAJOR_UNIT,
                   identity.user_version % SCHEMA_MAJOR_UNIT);
    return reply_ok(reply);
}
