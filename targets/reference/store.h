/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the store, for the files that read and write its rows: store.c, migrate.c,
 * rows.c, lockout.c, sessions.c, census.c, transfer.c and verify.c. Everybody else uses
 * reference.h.
 *
 * All SQL that a service runs is constant text in one table of store.c, prepared when it is first
 * used; an enumerator here is a statement there. Values are bound in order, from ?1 on.
 */
#ifndef REFERENCE_STORE_H
#define REFERENCE_STORE_H

#include "reference.h"

#include <sqlite3.h>

enum statement {
    ACCOUNT_INSERT,
    ACCOUNT_FIND,
    ACCOUNT_REPLACE,
    ACCOUNT_DELETE,
    ACCOUNT_PUT,
    ATTEMPT_FIND,
    ATTEMPT_PUT,
    ATTEMPT_DELETE,
    SESSION_INSERT,
    SESSION_FIND,
    SESSION_DELETE,
    SESSION_REBIND,
    SESSION_END,
    SESSION_TRIM,
    SESSION_SWEEP,
    BEGIN,
    BEGIN_SNAPSHOT,
    COMMIT,
    ROLLBACK,
    STATEMENTS
};

#define NAME_KEY_BYTES 32u

struct store {
    sqlite3 *db;
    sqlite3_stmt *prepared[STATEMENTS]; /* null before their first use; between calls each is reset
                                           and has nothing bound */
    bool is_transacting;                /* within store_transaction */
    uint8_t name_key[NAME_KEY_BYTES];   /* of this database; see migrate.c */
};

struct value {
    enum { VALUE_TEXT, VALUE_BLOB, VALUE_INTEGER } kind;
    struct bytes bytes; /* of texts and blobs; not copied */
    int64_t integer;
};

static inline struct value value_text(struct bytes bytes)
{
    return (struct value){VALUE_TEXT, bytes, 0};
}

static inline struct value value_blob(const uint8_t *data, size_t size)
{
    return (struct value){VALUE_BLOB, {data, size}, 0};
}

static inline struct value value_integer(int64_t integer)
{
    return (struct value){VALUE_INTEGER, {NULL, 0}, integer};
}

/* Answers unavailable (storage, ...), by the one table of SQLite's results. */
bool store_failed(const char *operation, int code, struct reply *reply);

/* Answers unavailable (storage, corrupt): a row that nobody here has written. */
bool store_corrupt(const char *operation, const char *why, struct reply *reply);

/* Text without values and without rows. */
MUST_USE bool store_run(sqlite3 *db, const char *operation, const char *sql, struct reply *reply);

/* CLEANUP for a statement of one use, and for one that stays prepared. Null is allowed. */
void statement_finalize(sqlite3_stmt **statement);
void statement_done(sqlite3_stmt **statement);

/* Runs a statement that returns no rows, and says how many it changed. */
MUST_USE bool store_change(struct store *store, enum statement which, const struct value *values,
                           size_t count, int *ret_changed, struct reply *reply);

/* Steps to the only row of a statement, if there is one. *ret_row is set on every path, so that
 * the caller's CLEANUP(statement_done) resets it. */
MUST_USE bool store_ask(struct store *store, enum statement which, const struct value *values,
                        size_t count, sqlite3_stmt **ret_row, bool *ret_found, struct reply *reply);

/* A column as bytes that SQLite owns until the next step. False: it is of another type, or memory
 * is short, and the reply says which. */
MUST_USE bool store_column(sqlite3_stmt *row, int column, int type, const char *operation,
                           struct bytes *ret, struct reply *reply);

/* A column that must be a credential, copied. */
MUST_USE bool store_column_credential(sqlite3_stmt *row, int column, struct credential *ret,
                                      struct reply *reply);

/* One statement of an operator, prepared for this use: the body sees every row, and goes on as long
 * as it returns true. */
typedef bool row_body(sqlite3_stmt *row, void *context, struct reply *reply);
MUST_USE bool store_each(struct store *store, const char *operation, const char *sql,
                         row_body *body, void *context, struct reply *reply);

/* Runs the body in a transaction that reads, all of it of one moment, and locks nobody out. */
MUST_USE bool store_snapshot(struct store *store, transaction_body *body, void *context,
                             struct reply *reply);

/* migrate: what a database says about itself, and how it becomes one of this release. */

#define APPLICATION_ID    0x41757468 /* "Auth" */
#define SCHEMA_MAJOR_UNIT 100 /* user_version is 100 times the major version plus the minor */
#define SCHEMA_VERSION    101 /* 1.1 */

struct identity {
    int application_id;
    int user_version;
    int objects; /* tables, indexes and whatever else the schema holds */
};

MUST_USE bool identity_read(sqlite3 *db, struct identity *ret, struct reply *reply);

/* Ours (whatever its minor version), blank, or refused. */
MUST_USE bool identity_judge(const struct identity *identity, bool *ret_blank, struct reply *reply);

/* Takes every step that this release knows and the database has not taken. */
MUST_USE bool migrate(sqlite3 *db, struct reply *reply);

MUST_USE bool name_key_read(sqlite3 *db, uint8_t ret[NAME_KEY_BYTES], struct reply *reply);

#endif
