/* SPDX-License-Identifier: Apache-2.0
 *
 * The versions of the schema, and the way from each to the next.
 *
 * Identity: application_id says that the file is ours, user_version which version it is: a hundred
 * times the major version, plus the minor one. The major version also stands for how names and
 * passwords are prepared (1: OpaqueString, NFC). A file that is not ours is refused before anything
 * in it is changed, and so is one of a newer major version; a newer minor one is served.
 *
 * A step is one transaction, which begins by asking again where the database stands and ends by
 * setting user_version. So an interruption anywhere leaves the version before or the version after,
 * and of two processes that come at once the second finds the work done. A blank file is version 0:
 * creating is migrating.
 *
 * Steps only add. Within a major version nothing is dropped, renamed or made stricter, and every
 * new column has a default, because the release before goes on reading and writing while a new one
 * is rolled out, and perhaps after it was rolled back.
 *
 *   1.0  account: the name and its credential.
 *   1.1  attempt: consecutive wrong passwords (lockout.c). session: who is logged in (sessions.c).
 *        secret: a random key of this database, for hashes of names.
 *
 * Releases of 1.0 know only `account`. They delete an account and leave its sessions behind, and
 * they change a password without ending any. A foreign key would not help, since each connection
 * decides whether it is enforced. So rows of the new tables are bound to the account's credential:
 * each holds a hash of it, and counts for nothing as soon as the account has another one or is
 * gone. Every credential has a salt of its own, so no later account of that name has the same.
 */
#include "store.h"

#include <stdio.h>

#define SCHEMA_MAJOR (SCHEMA_VERSION / SCHEMA_MAJOR_UNIT)

static const char SQL_1_0[] = "CREATE TABLE account("
                              "name TEXT NOT NULL COLLATE BINARY PRIMARY KEY, "
                              "credential TEXT NOT NULL"
                              ") STRICT, WITHOUT ROWID;";

static const char SQL_1_1[] = "CREATE TABLE attempt("
                              "subject BLOB NOT NULL PRIMARY KEY, "
                              "binding BLOB NOT NULL, "
                              "failures INTEGER NOT NULL, "
                              "since_ms INTEGER NOT NULL"
                              ") STRICT, WITHOUT ROWID;"
                              "CREATE TABLE session("
                              "id INTEGER PRIMARY KEY, "
                              "token_hash BLOB NOT NULL UNIQUE, "
                              "name TEXT NOT NULL COLLATE BINARY, "
                              "binding BLOB NOT NULL, "
                              "started_ms INTEGER NOT NULL, "
                              "expires_ms INTEGER NOT NULL"
                              ") STRICT;"
                              "CREATE INDEX session_name ON session(name, id);"
                              "CREATE TABLE secret("
                              "purpose TEXT NOT NULL PRIMARY KEY, "
                              "value BLOB NOT NULL"
                              ") STRICT, WITHOUT ROWID;";

/* Keys come from libsodium, as all randomness does. */
static bool make_name_key(sqlite3 *db, struct reply *reply)
{
    CLEANUP(statement_finalize) sqlite3_stmt *statement = NULL;
    uint8_t key[NAME_KEY_BYTES];
    randombytes_buf(key, sizeof key);
    int code =
        sqlite3_prepare_v2(db, "INSERT INTO secret VALUES('name', ?1)", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_blob(statement, 1, key, sizeof key, SQLITE_TRANSIENT);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    sodium_memzero(key, sizeof key);
    return code == SQLITE_DONE ? reply_ok(reply) : store_failed("migrate", code, reply);
}

static const struct step {
    int version; /* that the step leads to */
    const char *sql;
    bool (*fill)(sqlite3 *db, struct reply *reply); /* rows of the new tables; or null */
} steps[] = {
    {100, SQL_1_0, NULL},
    {101, SQL_1_1, make_name_key},
};
_Static_assert(SCHEMA_VERSION == 101, "the last step leads to the version of this release");

/* One statement, and so one snapshot of all three. */
bool identity_read(sqlite3 *db, struct identity *ret, struct reply *reply)
{
    static const char sql[] = "SELECT (SELECT application_id FROM pragma_application_id), "
                              "(SELECT user_version FROM pragma_user_version), "
                              "(SELECT count(*) FROM sqlite_schema)";
    CLEANUP(statement_finalize) sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code != SQLITE_ROW)
        return store_failed("identify", code, reply);
    ret->application_id = sqlite3_column_int(statement, 0);
    ret->user_version = sqlite3_column_int(statement, 1);
    ret->objects = sqlite3_column_int(statement, 2);
    return reply_ok(reply);
}

bool identity_judge(const struct identity *identity, bool *ret_blank, struct reply *reply)
{
    int major = identity->user_version / SCHEMA_MAJOR_UNIT;
    *ret_blank =
        identity->application_id == 0 && identity->user_version == 0 && identity->objects == 0;
    if (*ret_blank)
        return reply_ok(reply);
    if (identity->application_id != APPLICATION_ID || major < 1)
        return store_corrupt("open", "not a database of accounts", reply);
    if (major > SCHEMA_MAJOR)
        return reply_unavailable(reply, LAYER_STORAGE, REASON_REFUSED, 0, "open",
                                 "made by a newer release");
    return reply_ok(reply);
}

/* Pragmas take no bound values; these are our own numbers. */
static bool set_identity(sqlite3 *db, int version, struct reply *reply)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   APPLICATION_ID, version);
    return store_run(db, "migrate", sql, reply);
}

/* What was not committed is undone; when that fails, closing the database does it. */
static void transaction_done(sqlite3 **db)
{
    if (!sqlite3_get_autocommit(*db))
        (void)sqlite3_exec(*db, "ROLLBACK", NULL, NULL, NULL);
}

static bool take(sqlite3 *db, const struct step *step, struct reply *reply)
{
    CLEANUP(transaction_done) sqlite3 *transaction = db;
    struct identity identity = {0};
    bool is_blank;
    REQUIRE(store_run(transaction, "migrate", "BEGIN IMMEDIATE", reply));
    REQUIRE(identity_read(transaction, &identity, reply));
    REQUIRE(identity_judge(&identity, &is_blank, reply));
    if (identity.user_version >= step->version)
        return reply_ok(reply);
    REQUIRE(store_run(transaction, "migrate", step->sql, reply));
    if (step->fill != NULL)
        REQUIRE(step->fill(transaction, reply));
    REQUIRE(set_identity(transaction, step->version, reply));
    return store_run(transaction, "migrate", "COMMIT", reply);
}

bool migrate(sqlite3 *db, struct reply *reply)
{
    struct identity identity = {0};
    REQUIRE(identity_read(db, &identity, reply));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (identity.user_version < steps[i].version)
            REQUIRE(take(db, &steps[i], reply));
    return reply_ok(reply);
}

bool name_key_read(sqlite3 *db, uint8_t ret[NAME_KEY_BYTES], struct reply *reply)
{
    CLEANUP(statement_finalize) sqlite3_stmt *statement = NULL;
    struct bytes key;
    int code = sqlite3_prepare_v2(db, "SELECT value FROM secret WHERE purpose = 'name'", -1,
                                  &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_DONE)
        return store_corrupt("open", "the key of names is missing", reply);
    if (code != SQLITE_ROW)
        return store_failed("open", code, reply);
    REQUIRE(store_column(statement, 0, SQLITE_BLOB, "open", &key, reply));
    if (key.size != NAME_KEY_BYTES)
        return store_corrupt("open", "the key of names has another size", reply);
    for (size_t i = 0; i < NAME_KEY_BYTES; i++)
        ret[i] = key.data[i];
    return reply_ok(reply);
}
