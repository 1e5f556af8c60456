/* SPDX-License-Identifier: Apache-2.0
 *
 * The store: a connection to one SQLite database, its statements, its transactions, its errors.
 * Rows are read and written by the files that know what they mean, through the functions of
 * store.h.
 *
 * Durability: WAL with synchronous=FULL. When a statement that stands alone, or COMMIT, says that
 * it is done, the change is on the disk, and when it says anything else nobody is told that it is.
 * (SQLite's default, a rollback journal with FULL, can lose an acknowledged change at a power cut:
 * the journal's unlink is not synced.) A change that was answered with an error may still turn out
 * to be there after a crash; it is never half there.
 *
 * Concurrency: no statement is left open: an open reader would hold an old snapshot, and the next
 * write would fail with BUSY_SNAPSHOT. A transaction takes the write lock when it begins, so what
 * it reads stays true until it commits. A lock is waited for, up to BUSY_TIMEOUT_MS; a transaction
 * that meets one nevertheless starts again as a whole, a few times within that limit; then busy is
 * an error of its own. Undoing a transaction must not fail for want of memory, or what comes next
 * would silently become a part of it: its statement is prepared beforehand, and should it fail all
 * the same, nothing else is done on this connection until it has worked.
 *
 * Opening: what the file says about itself is judged, missing steps of the schema are taken
 * (migrate.c), and the lookup of an account is prepared, which fails without the table. Pages and
 * rows are not looked at: that takes as long as the database is large, and is store_verify.
 *
 * Errors: SQLite's result codes become causes in one table, below. Nothing is repaired or guessed.
 */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAL_PAUSE_MS         10 /* between attempts to change the journal mode */
#define TRANSACTION_PAUSE_MS 5  /* before a transaction starts again */

static const struct {
    const char *name; /* for details */
    const char *sql;
} statements[STATEMENTS] = {
    [ACCOUNT_INSERT] = {"insert", "INSERT INTO account(name, credential) VALUES(?1, ?2)"},
    [ACCOUNT_FIND] = {"find", "SELECT credential FROM account WHERE name = ?1"},
    [ACCOUNT_REPLACE] = {"replace",
                         "UPDATE account SET credential = ?3 WHERE name = ?1 AND credential = ?2"},
    [ACCOUNT_DELETE] = {"delete", "DELETE FROM account WHERE name = ?1 AND credential = ?2"},
    [ACCOUNT_PUT] = {"put", "UPDATE account SET credential = ?2 WHERE name = ?1"},
    [ATTEMPT_FIND] = {"attempts", "SELECT binding, failures, since_ms FROM attempt "
                                  "WHERE subject = ?1"},
    [ATTEMPT_PUT] = {"attempts", "INSERT INTO attempt(subject, binding, failures, since_ms) "
                                 "VALUES(?1, ?2, ?3, ?4) ON CONFLICT(subject) DO UPDATE SET "
                                 "binding = ?2, failures = ?3, since_ms = ?4"},
    [ATTEMPT_DELETE] = {"attempts", "DELETE FROM attempt WHERE subject = ?1"},
    [SESSION_INSERT] = {"session", "INSERT INTO session(token_hash, name, binding, started_ms, "
                                   "expires_ms) VALUES(?1, ?2, ?3, ?4, ?5)"},
    [SESSION_FIND] = {"session", "SELECT session.name, session.binding, session.started_ms, "
                                 "session.expires_ms, account.credential FROM session "
                                 "JOIN account ON account.name = session.name "
                                 "WHERE session.token_hash = ?1"},
    [SESSION_DELETE] = {"session", "DELETE FROM session WHERE token_hash = ?1"},
    [SESSION_REBIND] = {"session", "UPDATE session SET binding = ?3 "
                                   "WHERE name = ?1 AND binding = ?2"},
    [SESSION_END] = {"session", "DELETE FROM session WHERE name = ?1"},
    [SESSION_TRIM] = {"session", "DELETE FROM session WHERE id IN (SELECT id FROM session "
                                 "WHERE name = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2)"},
    [SESSION_SWEEP] = {"session", "DELETE FROM session WHERE expires_ms <= ?1 AND id IN "
                                  "(SELECT id FROM session ORDER BY id LIMIT ?2)"},
    [BEGIN] = {"begin", "BEGIN IMMEDIATE"},
    [BEGIN_SNAPSHOT] = {"begin", "BEGIN"},
    [COMMIT] = {"commit", "COMMIT"},
    [ROLLBACK] = {"rollback", "ROLLBACK"},
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

bool store_failed(const char *operation, int code, struct reply *reply)
{
    const char *why = code == SQLITE_READONLY_DBMOVED ? "the file is no longer where it was opened"
                                                      : sqlite3_errstr(code);
    return reply_unavailable(reply, LAYER_STORAGE, reason_of(code), code, operation, why);
}

bool store_corrupt(const char *operation, const char *why, struct reply *reply)
{
    return reply_unavailable(reply, LAYER_STORAGE, REASON_CORRUPT, 0, operation, why);
}

bool store_run(sqlite3 *db, const char *operation, const char *sql, struct reply *reply)
{
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? reply_ok(reply) : store_failed(operation, code, reply);
}

/* Prepared statements: whatever happened, the next user finds them as new. The result of a reset
 * only repeats that of the step before it. */
void statement_done(sqlite3_stmt **statement)
{
    if (*statement == NULL)
        return;
    (void)sqlite3_reset(*statement);
    (void)sqlite3_clear_bindings(*statement);
}

void statement_finalize(sqlite3_stmt **statement)
{
    (void)sqlite3_finalize(*statement);
}

/* Opening. */

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
        return store_failed("configure", code, reply);
    return store_run(db, "configure", "PRAGMA cell_size_check = ON; PRAGMA secure_delete = ON;",
                     reply);
}

/* SQLite answers with the mode that it means to use, which is not always the one asked for; only
 * behind the row that says so is the change committed, and only then is it true. */
static bool ask_for_wal(sqlite3 *db, struct reply *reply)
{
    CLEANUP(statement_finalize) sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code != SQLITE_ROW)
        return store_failed("journal mode", code, reply);
    const char *mode = (const char *)sqlite3_column_text(statement, 0);
    if (mode == NULL)
        return store_failed("journal mode", SQLITE_NOMEM, reply);
    bool is_wal = strcmp(mode, "wal") == 0;
    code = sqlite3_step(statement);
    if (code != SQLITE_DONE)
        return store_failed("journal mode", code, reply);
    if (!is_wal)
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

static int prepare(struct store *store, enum statement which)
{
    if (store->prepared[which] != NULL)
        return SQLITE_OK;
    return sqlite3_prepare_v3(store->db, statements[which].sql, -1, SQLITE_PREPARE_PERSISTENT,
                              &store->prepared[which], NULL);
}

/* What every transaction needs must be there before one begins: undoing it, above all, must not
 * need memory. The lookup shows that the table of accounts is there. */
static bool prepare_first(struct store *store, struct reply *reply)
{
    static const enum statement first[] = {ACCOUNT_FIND, BEGIN, COMMIT, ROLLBACK};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        int code = prepare(store, first[i]);
        if (code != SQLITE_OK)
            return store_failed("prepare", code, reply);
    }
    return reply_ok(reply);
}

static bool set_up(struct store *store, bool must_exist, struct reply *reply)
{
    struct identity identity = {0};
    bool is_blank;
    REQUIRE(configure(store->db, reply));
    REQUIRE(identity_read(store->db, &identity, reply));
    REQUIRE(identity_judge(&identity, &is_blank, reply));
    if (is_blank && must_exist)
        return store_corrupt("open", "an empty database", reply);
    REQUIRE(write_ahead(store->db, reply));
    REQUIRE(store_run(store->db, "configure", "PRAGMA synchronous = FULL", reply));
    REQUIRE(migrate(store->db, reply));
    REQUIRE(name_key_read(store->db, store->name_key, reply));
    return prepare_first(store, reply);
}

static void store_done(struct store **store)
{
    store_close(*store);
}

static bool connect_to(const char *path, int flags, struct store **ret, struct reply *reply)
{
    CLEANUP(store_done) struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, 0, "open", "out of memory");
    if (sodium_init() < 0)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_BUG, 0, "sodium_init", "failed");
    flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(path, &store->db, flags, NULL);
    if (code != SQLITE_OK)
        return store_failed("open", code, reply);
    *ret = store;
    store = NULL;
    return reply_ok(reply);
}

bool store_open(const char *path, bool must_exist, struct store **ret, struct reply *reply)
{
    CLEANUP(store_done) struct store *store = NULL;
    REQUIRE(connect_to(path, must_exist ? 0 : SQLITE_OPEN_CREATE, &store, reply));
    REQUIRE(set_up(store, must_exist, reply));
    *ret = store;
    store = NULL;
    return reply_ok(reply);
}

/* No step of the schema is taken, and no journal mode; what only this release has is not there yet,
 * the key of names above all. */
bool store_look(const char *path, struct store **ret, struct reply *reply)
{
    CLEANUP(store_done) struct store *store = NULL;
    struct identity identity = {0};
    bool is_blank;
    REQUIRE(connect_to(path, 0, &store, reply));
    REQUIRE(configure(store->db, reply));
    REQUIRE(identity_read(store->db, &identity, reply));
    REQUIRE(identity_judge(&identity, &is_blank, reply));
    if (is_blank)
        return store_corrupt("open", "an empty database", reply);
    REQUIRE(store_run(store->db, "configure", "PRAGMA query_only = ON", reply));
    REQUIRE(prepare_first(store, reply));
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
    sodium_memzero(store, sizeof *store);
    free(store);
}

/* Statements. */

/* Nothing is copied: what is bound stays valid until statement_done. */
static int bind(sqlite3_stmt *statement, int index, const struct value *value)
{
    const char *bytes = value->bytes.size > 0 ? (const char *)value->bytes.data : "";
    switch (value->kind) {
    case VALUE_TEXT:
        return sqlite3_bind_text64(statement, index, bytes, value->bytes.size, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case VALUE_BLOB:
        return sqlite3_bind_blob64(statement, index, bytes, value->bytes.size, SQLITE_STATIC);
    case VALUE_INTEGER:
        return sqlite3_bind_int64(statement, index, value->integer);
    }
    return SQLITE_MISUSE;
}

/* An earlier transaction that could not even be undone is undone now: what comes next must not
 * become a part of it. */
static int leave_transaction(struct store *store)
{
    if (store->is_transacting || sqlite3_get_autocommit(store->db))
        return SQLITE_OK;
    CLEANUP(statement_done) sqlite3_stmt *statement = store->prepared[ROLLBACK];
    int code = sqlite3_step(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* With a WAL, SQLite goes on writing to a file that was removed, or that another one was moved in
 * the place of, and nobody who opens the path later sees what was acknowledged. A VFS that cannot
 * tell leaves it alone. */
static int look_for_file(struct store *store)
{
    int is_moved = 0;
    int code = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &is_moved);
    return code == SQLITE_OK && is_moved ? SQLITE_READONLY_DBMOVED : SQLITE_OK;
}

/* Binds all values and takes the first step. The file is looked for when something begins, and
 * before it is acknowledged. */
static int begin(struct store *store, enum statement which, const struct value *values,
                 size_t count)
{
    int code = leave_transaction(store);
    if (code == SQLITE_OK && (!store->is_transacting || which == COMMIT))
        code = look_for_file(store);
    if (code == SQLITE_OK)
        code = prepare(store, which);
    for (size_t i = 0; code == SQLITE_OK && i < count; i++)
        code = bind(store->prepared[which], (int)i + 1, &values[i]);
    return code == SQLITE_OK ? sqlite3_step(store->prepared[which]) : code;
}

bool store_ask(struct store *store, enum statement which, const struct value *values, size_t count,
               sqlite3_stmt **ret_row, bool *ret_found, struct reply *reply)
{
    int code = begin(store, which, values, count);
    *ret_row = store->prepared[which];
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return store_failed(statements[which].name, code, reply);
    *ret_found = code == SQLITE_ROW;
    return reply_ok(reply);
}

bool store_change(struct store *store, enum statement which, const struct value *values,
                  size_t count, int *ret_changed, struct reply *reply)
{
    CLEANUP(statement_done) sqlite3_stmt *row = NULL;
    bool is_row;
    REQUIRE(store_ask(store, which, values, count, &row, &is_row, reply));
    if (is_row)
        return store_failed(statements[which].name, SQLITE_ROW, reply);
    *ret_changed = sqlite3_changes(store->db);
    return reply_ok(reply);
}

/* The row may have been written by anything: its types and sizes are checked before it is
 * believed. */
bool store_column(sqlite3_stmt *row, int column, int type, const char *operation, struct bytes *ret,
                  struct reply *reply)
{
    if (sqlite3_column_type(row, column) != type)
        return store_corrupt(operation, "a column is of another type", reply);
    const uint8_t *data =
        type == SQLITE_TEXT ? sqlite3_column_text(row, column) : sqlite3_column_blob(row, column);
    size_t size = (size_t)sqlite3_column_bytes(row, column);
    if (data == NULL && (type == SQLITE_TEXT || size > 0))
        return store_failed(operation, SQLITE_NOMEM, reply);
    *ret = (struct bytes){data, size};
    return reply_ok(reply);
}

bool store_column_credential(sqlite3_stmt *row, int column, struct credential *ret,
                             struct reply *reply)
{
    struct bytes text = {NULL, 0};
    REQUIRE(store_column(row, column, SQLITE_TEXT, "credential", &text, reply));
    if (text.size > CREDENTIAL_BYTES_MAX)
        return store_corrupt("credential", "too long", reply);
    memcpy(ret->text, text.data, text.size);
    ret->text[text.size] = '\0';
    ret->size = text.size;
    return reply_ok(reply);
}

/* Transactions. */

/* What was not committed is undone. Should that fail, leave_transaction() does it later. */
static void transaction_done(struct store **store)
{
    (*store)->is_transacting = false;
    (void)leave_transaction(*store);
}

static bool transact(struct store *store, enum statement how, transaction_body *body, void *context,
                     struct reply *reply)
{
    CLEANUP(transaction_done) struct store *transacting = store;
    int changed;
    REQUIRE(store_change(transacting, how, NULL, 0, &changed, reply));
    transacting->is_transacting = true;
    REQUIRE(body(transacting, context, reply));
    return store_change(transacting, COMMIT, NULL, 0, &changed, reply);
}

static int64_t monotonic_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool store_transaction(struct store *store, transaction_body *body, void *context,
                       struct reply *reply)
{
    int64_t give_up_ms = monotonic_ms() + BUSY_TIMEOUT_MS;
    for (unsigned attempt = 1;; attempt++) {
        if (transact(store, BEGIN, body, context, reply))
            return true;
        if (reply->layer != LAYER_STORAGE || reply->reason != REASON_BUSY ||
            attempt == TRANSACTION_ATTEMPTS_MAX || monotonic_ms() >= give_up_ms)
            return false;
        (void)sqlite3_sleep(TRANSACTION_PAUSE_MS);
    }
}

bool store_snapshot(struct store *store, transaction_body *body, void *context, struct reply *reply)
{
    return transact(store, BEGIN_SNAPSHOT, body, context, reply);
}

bool store_each(struct store *store, const char *operation, const char *sql, row_body *body,
                void *context, struct reply *reply)
{
    CLEANUP(statement_finalize) sqlite3_stmt *statement = NULL;
    int code = leave_transaction(store);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    for (; code == SQLITE_ROW; code = sqlite3_step(statement))
        REQUIRE(body(statement, context, reply));
    return code == SQLITE_DONE ? reply_ok(reply) : store_failed(operation, code, reply);
}

/* The header becomes what it is already, which SQLite writes and syncs like any other change. (A
 * row that is replaced by itself it leaves alone.) */
bool store_try_write(struct store *store, struct reply *reply)
{
    char sql[64];
    (void)snprintf(sql, sizeof sql, "PRAGMA application_id = %d", APPLICATION_ID);
    return store_run(store->db, "try", sql, reply);
}

bool store_schema(struct store *store, char ret_version[SCHEMA_TEXT_BYTES], struct reply *reply)
{
    struct identity identity = {0};
    REQUIRE(identity_read(store->db, &identity, reply));
    (void)snprintf(ret_version, SCHEMA_TEXT_BYTES, "%d.%d",
                   identity.user_version / SCHEMA_MAJOR_UNIT,
                   identity.user_version % SCHEMA_MAJOR_UNIT);
    return reply_ok(reply);
}
