/* SPDX-License-Identifier: Apache-2.0
 *
 * What the unit tests of accounts share: a database on a real file in a folder of its own, a clock
 * that the test turns, and operations that must come out in one way.
 */
#ifndef DATABASE_H
#define DATABASE_H

#include "folder.h"

#include <sqlite3.h>

#define OLD     TEXT("correct horse battery")
#define NEW     TEXT("staple correct horse")
#define WRONG   TEXT("incorrect horse battery")
#define NOON_MS 1700000000000 /* some moment */

static int64_t clock_now_ms;
static int syncs; /* asked for */

/* In front of the library's: processes die here, machines do not, and waiting for disks would be
 * most of the time. */
int fsync(int descriptor)
{
    (void)descriptor;
    syncs++;
    return 0;
}

int fdatasync(int descriptor)
{
    (void)descriptor;
    syncs++;
    return 0;
}

static int64_t test_clock(void)
{
    return clock_now_ms;
}

static inline int set_up(void **state)
{
    (void)state;
    clock_now_ms = NOON_MS;
    return make_folder();
}
#define tear_down remove_folder

/* The cheapest hashes, and the clock of the test. */
static inline struct accounts_config test_config(void)
{
    return (struct accounts_config){
        .path = path,
        .password.cost = {8, 1},
        .clock_ms = test_clock,
    };
}

static inline struct accounts *open_with(const struct accounts_config *config)
{
    struct accounts *accounts = NULL;
    struct reply reply;
    if (!accounts_open(config, &accounts, &reply))
        fail_msg("not opened: %s", reply.detail);
    return accounts;
}

static inline void must_register(struct accounts *accounts, struct bytes name,
                                 struct bytes password)
{
    struct reply reply;
    if (!accounts_register(accounts, name, password, &reply))
        fail_msg("not registered: %s", reply.detail);
}

static inline void must_login(struct accounts *accounts, struct bytes name, struct bytes password,
                              enum answer answer, const char *why)
{
    struct reply reply;
    bool is_ok = accounts_login(accounts, name, password, NULL, &reply);
    if (reply.answer != answer || is_ok != (answer == ANSWER_OK))
        fail_msg("%s: got %d (%d, %d) %s", why, (int)reply.answer, (int)reply.layer,
                 (int)reply.reason, reply.detail);
}

/* SQL by a connection that knows nothing of the store. */
static inline void plainly(const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The number that a query gives. */
static inline int64_t plain_number(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return number;
}

#endif
