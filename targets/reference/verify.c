/* SPDX-License-Identifier: Apache-2.0
 *
 * The full check of a database: everything that opening it does not look at.
 *
 * Pages and indexes by SQLite's integrity_check; every name canonical; every credential of a known
 * syntax; rows of attempts and of sessions in a shape that they are written in. All of it is one
 * read transaction, beside a running service, and takes as long as the database is large; meanwhile
 * the write-ahead log grows with what is written.
 *
 * Not a problem, and so not listed: attempts and sessions whose account is gone or has another
 * credential. A release that did not know them may have left them, and they count for nothing.
 */
#include "store.h"

#include <string.h>

struct check {
    problem_body *found;
    void *context;
    uint64_t problems;
};

static void report(struct check *check, const char *problem, struct bytes name)
{
    check->problems++;
    check->found(check->context, problem, name);
}

/* One line of integrity_check, which is "ok" when there is nothing else. */
static bool check_page(sqlite3_stmt *row, void *context, struct reply *reply)
{
    const char *line = (const char *)sqlite3_column_text(row, 0);
    if (line == NULL)
        return store_failed("verify", SQLITE_NOMEM, reply);
    if (strcmp(line, "ok") != 0)
        report(context, line, (struct bytes){NULL, 0});
    return reply_ok(reply);
}

static bool is_canonical(struct bytes name)
{
    struct opaque prepared;
    return name.size <= ACCOUNT_NAME_BYTES_MAX &&
           opaque_prepare(name, ACCOUNT_NAME_BYTES_MAX, &prepared) == OPAQUE_GOOD &&
           !prepared.has_control && prepared.size == name.size &&
           memcmp(prepared.data, name.data, name.size) == 0;
}

static bool check_account(sqlite3_stmt *row, void *context, struct reply *reply)
{
    struct check *check = context;
    struct bytes name, credential;
    struct password_kind kind;
    REQUIRE(store_column(row, 0, SQLITE_TEXT, "verify", &name, reply));
    REQUIRE(store_column(row, 1, SQLITE_TEXT, "verify", &credential, reply));
    if (!is_canonical(name))
        report(check, "a name that is not canonical", name);
    if (!password_describe(credential, &kind, reply))
        report(check, "a credential of no known syntax", name);
    return reply_ok(reply);
}

static bool check_attempts(sqlite3_stmt *row, void *context, struct reply *reply)
{
    if (sqlite3_column_int64(row, 0) != 0)
        report(context, "attempts: a row that was not written here", (struct bytes){NULL, 0});
    return reply_ok(reply);
}

static bool check_sessions(sqlite3_stmt *row, void *context, struct reply *reply)
{
    if (sqlite3_column_int64(row, 0) != 0)
        report(context, "sessions: a row that was not written here", (struct bytes){NULL, 0});
    return reply_ok(reply);
}

static bool check_all(struct store *store, void *context, struct reply *reply)
{
    static const struct {
        int version; /* of the schema, from which on there is such a table */
        const char *sql;
        row_body *check;
    } parts[] = {
        {100, "PRAGMA integrity_check", check_page},
        {100, "SELECT name, credential FROM account", check_account},
        {101,
         "SELECT count(*) FROM attempt WHERE length(binding) <> 32 OR failures NOT BETWEEN 1 AND "
         "100 OR since_ms < 0 OR length(subject) < 2",
         check_attempts},
        {101,
         "SELECT count(*) FROM session WHERE length(token_hash) <> 32 OR length(binding) <> 32 OR "
         "started_ms < 0 OR expires_ms <= started_ms",
         check_sessions},
    };
    struct identity identity = {0};
    REQUIRE(identity_read(store->db, &identity, reply));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].version <= identity.user_version)
            REQUIRE(store_each(store, "verify", parts[i].sql, parts[i].check, context, reply));
    return reply_ok(reply);
}

bool store_verify(struct store *store, problem_body *found, void *context, uint64_t *ret_problems,
                  struct reply *reply)
{
    struct check check = {found, context, 0};
    REQUIRE(store_snapshot(store, check_all, &check, reply));
    *ret_problems = check.problems;
    return true;
}
