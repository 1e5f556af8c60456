/* SPDX-License-Identifier: Apache-2.0
 *
 * The store, on real files in a directory of its own.
 *
 * Two handles on one database stand for two processes. What a handle of the store cannot do, such
 * as holding a lock or damaging a row, is done by a plain SQLite connection beside it.
 * sqlite3_step() is defined here too, in front of the library's, for results that no plain file
 * gives.
 */
#include "folder.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OPENERS 8

static int step_result; /* SQLITE_OK: as it comes */
static int steps_before;
static int steps_failing; /* how many then fail */

/* SQLite steps statements of its own, within sqlite3_exec() for one, and looks elsewhere for how
 * that ended. */
static bool is_sqlite(const void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) != 0 && strstr(info.dli_fname, "libsqlite3") != NULL;
}

/* In front of the library's: after so many steps of ours, so many answer step_result and do
 * nothing. */
int sqlite3_step(sqlite3_stmt *statement)
{
    int (*real)(sqlite3_stmt *);
    if (!is_sqlite(__builtin_return_address(0)) && step_result != SQLITE_OK) {
        if (steps_before <= 0 && steps_before > -steps_failing) {
            steps_before--;
            return step_result;
        }
        steps_before--;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "sqlite3_step");
    return real(statement);
}

static int set_up(void **state)
{
    (void)state;
    return make_folder();
}

static void assert_unavailable(const struct reply *reply, enum reason reason, const char *why)
{
    if (reply->answer != ANSWER_UNAVAILABLE || reply->layer != LAYER_STORAGE ||
        reply->reason != reason)
        fail_msg("%s: got %d (%d, %d) %s", why, (int)reply->answer, (int)reply->layer,
                 (int)reply->reason, reply->detail);
    assert_true(reply->detail[0] != '\0');
}

static sqlite3 *open_plain(void)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

static void plainly(const char *sql)
{
    sqlite3 *db = open_plain();
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void insert(struct store *store, struct bytes name, struct bytes credential)
{
    struct reply reply;
    if (!store_insert(store, name, credential, &reply))
        fail_msg("not inserted: %s", reply.detail);
}

static void assert_holds(struct store *store, struct bytes name, struct bytes credential)
{
    struct credential got;
    struct reply reply;
    bool is_found;
    assert_true(store_find(store, name, &got, &is_found, &reply));
    assert_true(is_found);
    assert_int_equal(got.size, credential.size);
    assert_memory_equal(got.text, credential.size > 0 ? (const char *)credential.data : "",
                        credential.size);
}

static void keeps_what_it_is_given(void **state)
{
    static const struct {
        struct bytes name, credential;
        const char *why;
    } rows[] = {
        {TEXT("a"), TEXT("one"), "plain"},
        {TEXT("A"), TEXT("two"), "case makes another name"},
        {TEXT("a "), TEXT("three"), "so does a space behind"},
        {TEXT("7"), TEXT("four"), "a number"},
        {TEXT("007"), TEXT("0e12345678"), "the same number, another name"},
        {TEXT("a\0b"), TEXT("x\0y"), "NUL cuts nothing"},
        {TEXT("\xff"), TEXT("\xfe"), "bytes stay bytes"},
        {TEXT("e"), {NULL, 0}, "an empty credential"},
    };
    struct store *store = open_store();
    struct credential got;
    struct reply reply;
    bool is_found;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        insert(store, rows[i].name, rows[i].credential);
    store_close(store);
    store = open_store();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_holds(store, rows[i].name, rows[i].credential);
    assert_true(store_find(store, TEXT("b"), &got, &is_found, &reply));
    assert_false(is_found);
    store_close(store);
}

static void a_name_is_taken_once(void **state)
{
    struct store *first = open_store(), *second = open_store();
    struct reply reply;
    (void)state;
    insert(first, TEXT("a"), TEXT("one"));
    assert_false(store_insert(second, TEXT("a"), TEXT("two"), &reply));
    assert_int_equal(reply.answer, ANSWER_EXISTS);
    assert_int_equal(reply.layer, LAYER_NONE);
    assert_holds(second, TEXT("a"), TEXT("one"));
    store_close(first);
    store_close(second);
}

static void changes_only_what_is_expected(void **state)
{
    struct store *first = open_store(), *second = open_store();
    struct reply reply;
    bool is_done;
    (void)state;
    insert(first, TEXT("a"), TEXT("one"));
    assert_true(store_replace(first, TEXT("a"), TEXT("one"), TEXT("two"), &is_done, &reply));
    assert_true(is_done);
    assert_true(store_replace(second, TEXT("a"), TEXT("one"), TEXT("three"), &is_done, &reply));
    assert_false(is_done);
    assert_true(store_replace(second, TEXT("b"), TEXT("one"), TEXT("three"), &is_done, &reply));
    assert_false(is_done);
    assert_holds(second, TEXT("a"), TEXT("two"));
    assert_true(store_delete(first, TEXT("a"), TEXT("one"), &is_done, &reply));
    assert_false(is_done);
    assert_true(store_delete(first, TEXT("a"), TEXT("two"), &is_done, &reply));
    assert_true(is_done);
    assert_true(store_put(first, TEXT("a"), TEXT("four"), &is_done, &reply));
    assert_false(is_done);
    store_close(first);
    store_close(second);
}

static void puts_without_looking(void **state)
{
    struct store *store = open_store();
    struct reply reply;
    bool is_done;
    (void)state;
    insert(store, TEXT("a"), TEXT("one"));
    insert(store, TEXT("b"), TEXT("one"));
    assert_true(store_put(store, TEXT("a"), TEXT("broken"), &is_done, &reply));
    assert_true(is_done);
    assert_holds(store, TEXT("a"), TEXT("broken"));
    assert_holds(store, TEXT("b"), TEXT("one"));
    store_close(store);
}

static void refuses_files_that_are_not_ours(void **state)
{
    static const struct {
        const char *sql;
        enum reason reason;
        const char *why;
    } rows[] = {
        {"CREATE TABLE other(x)", REASON_CORRUPT, "somebody's tables"},
        {"PRAGMA application_id = 1", REASON_CORRUPT, "somebody's mark"},
        {"PRAGMA user_version = 100", REASON_CORRUPT, "our version without our mark"},
        {"PRAGMA application_id = 0x41757468", REASON_CORRUPT, "our mark without a version"},
        {"PRAGMA application_id = 0x41757468; PRAGMA user_version = 200", REASON_REFUSED,
         "a newer major version"},
        {"PRAGMA application_id = 0x41757468; PRAGMA user_version = 101", REASON_CORRUPT,
         "no tables"},
        {"PRAGMA application_id = 0x41757468; PRAGMA user_version = 102; CREATE TABLE secret("
         "purpose TEXT, value BLOB); INSERT INTO secret VALUES('name', zeroblob(32))",
         REASON_CORRUPT, "no table of accounts"},
        {"PRAGMA application_id = 0x41757468; PRAGMA user_version = 101; CREATE TABLE secret("
         "purpose TEXT, value BLOB); INSERT INTO secret VALUES('name', zeroblob(31))",
         REASON_CORRUPT, "a key of names of another size"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct store *store = NULL;
        struct reply reply;
        assert_int_equal(set_up(NULL), 0);
        plainly(rows[i].sql);
        assert_false(store_open(path, false, &store, &reply));
        assert_unavailable(&reply, rows[i].reason, rows[i].why);
        assert_null(store);
        assert_int_equal(remove_folder(NULL), 0);
    }
}

static void serves_a_newer_minor_version(void **state)
{
    struct store *store = open_store();
    struct reply reply;
    char version[SCHEMA_TEXT_BYTES];
    (void)state;
    insert(store, TEXT("a"), TEXT("one"));
    assert_true(store_schema(store, version, &reply));
    assert_string_equal(version, "1.1");
    store_close(store);
    plainly("ALTER TABLE account ADD COLUMN created INTEGER NOT NULL DEFAULT 0; PRAGMA "
            "user_version = 102");
    store = open_store();
    assert_true(store_schema(store, version, &reply));
    assert_string_equal(version, "1.2");
    assert_holds(store, TEXT("a"), TEXT("one"));
    insert(store, TEXT("b"), TEXT("two"));
    store_close(store);
}

static void refuses_what_is_not_a_database(void **state)
{
    struct store *store = NULL;
    struct reply reply;
    FILE *file = fopen(path, "w");
    (void)state;
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        (void)fputs("not a database\n", file);
    assert_int_equal(fclose(file), 0);
    assert_false(store_open(path, false, &store, &reply));
    assert_unavailable(&reply, REASON_CORRUPT, "a text file");
    assert_null(store);
}

static void creates_only_when_allowed(void **state)
{
    struct store *store = NULL;
    struct reply reply;
    (void)state;
    assert_false(store_open(path, true, &store, &reply));
    assert_unavailable(&reply, REASON_IO, "no file");
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(fclose(fopen(path, "w")), 0);
    assert_false(store_open(path, true, &store, &reply));
    assert_unavailable(&reply, REASON_CORRUPT, "an empty file");
    assert_false(store_open("/nonexistent/accounts.db", false, &store, &reply));
    assert_unavailable(&reply, REASON_IO, "no folder");
    assert_null(store);
    store_close(open_store());
    assert_true(store_open(path, true, &store, &reply));
    store_close(store);
    store_close(NULL);
}

static void needs_wal(void **state)
{
    struct store *store = NULL;
    struct reply reply;
    (void)state;
    assert_false(store_open(":memory:", false, &store, &reply));
    assert_unavailable(&reply, REASON_REFUSED, "memory has no WAL");
}

static void many_may_create_at_once(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        pthread_t threads[OPENERS];
        for (size_t i = 0; i < OPENERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, NULL), 0);
        for (size_t i = 0; i < OPENERS; i++) {
            void *failure;
            assert_int_equal(pthread_join(threads[i], &failure), 0);
            assert_null(failure);
        }
        assert_int_equal(unlink(path), 0);
    }
}

/* Waits BUSY_TIMEOUT_MS once. Reading goes on: that is what WAL is for. */
static void a_lock_is_busy_and_then_over(void **state)
{
    struct store *store = open_store();
    sqlite3 *other = open_plain();
    struct reply reply;
    (void)state;
    insert(store, TEXT("a"), TEXT("one"));
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_false(store_insert(store, TEXT("b"), TEXT("two"), &reply));
    assert_unavailable(&reply, REASON_BUSY, "locked");
    assert_int_equal(reply.native_code & 0xff, SQLITE_BUSY);
    assert_holds(store, TEXT("a"), TEXT("one"));
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    insert(store, TEXT("b"), TEXT("two"));
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    store_close(store);
}

/* A statement that stays open would pin the snapshot: the next write after another's would be
 * BUSY_SNAPSHOT. */
static void leaves_no_snapshot_behind(void **state)
{
    struct store *first = open_store(), *second = open_store();
    struct reply reply;
    bool is_done;
    (void)state;
    insert(first, TEXT("a"), TEXT("one"));
    assert_holds(first, TEXT("a"), TEXT("one"));
    insert(second, TEXT("b"), TEXT("one"));
    assert_true(store_replace(first, TEXT("b"), TEXT("one"), TEXT("two"), &is_done, &reply));
    assert_true(is_done);
    assert_holds(second, TEXT("b"), TEXT("two"));
    store_close(first);
    store_close(second);
}

static void does_not_believe_a_row(void **state)
{
    static const struct {
        const char *sql;
        enum reason reason;
        const char *why;
    } rows[] = {
        {"INSERT INTO account VALUES('long', printf('%.*c', 1025, 'x'))", REASON_CORRUPT,
         "too long"},
        {"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE account(name "
         "TEXT PRIMARY "
         "KEY, credential ANY) STRICT, WITHOUT ROWID' WHERE name = 'account'; PRAGMA "
         "writable_schema = RESET;"
         "INSERT INTO account VALUES('long', x'00')",
         REASON_CORRUPT, "not text"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct credential got = {.size = 7};
        struct reply reply;
        bool is_found;
        assert_int_equal(set_up(NULL), 0);
        store_close(open_store());
        plainly(rows[i].sql);
        struct store *store = open_store();
        assert_false(store_find(store, TEXT("long"), &got, &is_found, &reply));
        assert_unavailable(&reply, rows[i].reason, rows[i].why);
        assert_int_equal(got.size, 7);
        store_close(store);
        assert_int_equal(remove_folder(NULL), 0);
    }
}

/* The whole table of causes, by results that no plain file gives: the step fails before it does
 * anything. */
static void every_result_has_its_cause(void **state)
{
    static const struct {
        int code;
        enum reason reason;
    } rows[] = {
        {SQLITE_BUSY, REASON_BUSY},
        {SQLITE_BUSY_SNAPSHOT, REASON_BUSY},
        {SQLITE_BUSY_RECOVERY, REASON_BUSY},
        {SQLITE_LOCKED, REASON_BUSY},
        {SQLITE_PROTOCOL, REASON_BUSY},
        {SQLITE_FULL, REASON_FULL},
        {SQLITE_NOMEM, REASON_MEMORY},
        {SQLITE_IOERR_NOMEM, REASON_MEMORY},
        {SQLITE_CORRUPT, REASON_CORRUPT},
        {SQLITE_CORRUPT_INDEX, REASON_CORRUPT},
        {SQLITE_NOTADB, REASON_CORRUPT},
        {SQLITE_IOERR_DATA, REASON_CORRUPT},
        {SQLITE_IOERR_READ, REASON_IO},
        {SQLITE_IOERR_FSYNC, REASON_IO},
        {SQLITE_CANTOPEN, REASON_IO},
        {SQLITE_READONLY_DBMOVED, REASON_IO},
        {SQLITE_PERM, REASON_IO},
        {SQLITE_AUTH, REASON_IO},
        {SQLITE_INTERRUPT, REASON_TIMEOUT},
        {SQLITE_TOOBIG, REASON_LIMIT},
        {SQLITE_MISUSE, REASON_BUG},
        {SQLITE_CONSTRAINT_NOTNULL, REASON_BUG},
        {SQLITE_ROW, REASON_BUG},
    };
    struct store *store = open_store();
    (void)state;
    insert(store, TEXT("a"), TEXT("one"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply reply;
        bool is_done = false;
        step_result = rows[i].code;
        steps_before = 0;
        steps_failing = 1;
        assert_false(store_replace(store, TEXT("a"), TEXT("one"), TEXT("two"), &is_done, &reply));
        step_result = SQLITE_OK;
        assert_unavailable(&reply, rows[i].reason, sqlite3_errstr(rows[i].code));
        assert_int_equal(reply.native_code, rows[i].code);
        assert_false(is_done);
        assert_holds(store, TEXT("a"), TEXT("one"));
    }
    store_close(store);
}

static int bodies;

/* A body that reads, writes, and counts how often it runs. */
static bool replace_in_a_transaction(struct store *store, void *context, struct reply *reply)
{
    bool is_replaced;
    bodies++;
    (void)context;
    return store_replace(store, TEXT("a"), TEXT("one"), TEXT("two"), &is_replaced, reply);
}

/* Steps: begin, replace, commit. One that fails with busy makes the transaction start again; one
 * that fails otherwise ends it, and nothing of it stays. */
static void a_transaction_starts_again_when_busy(void **state)
{
    static const struct {
        int code, before, failing;
        bool is_ok;
        int bodies;
        const char *why;
    } rows[] = {
        {SQLITE_BUSY, 0, 1, true, 1, "a lock at the beginning"},
        {SQLITE_BUSY_SNAPSHOT, 1, 1, true, 2, "somebody else has written"},
        {SQLITE_BUSY, 2, 1, true, 2, "a lock at the end"},
        {SQLITE_PROTOCOL, 0, 3, true, 1, "three locks"},
        {SQLITE_BUSY, 0, 1000, false, 0, "a lock that stays"},
        {SQLITE_IOERR_WRITE, 1, 1, false, 1, "a disk that fails is no lock"},
        {SQLITE_FULL, 2, 1, false, 1, "nor is a full one, at the end"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct store *store;
        struct reply reply;
        assert_int_equal(set_up(NULL), 0);
        store = open_store();
        insert(store, TEXT("a"), TEXT("one"));
        bodies = 0;
        step_result = rows[i].code;
        steps_before = rows[i].before;
        steps_failing = rows[i].failing;
        bool is_ok = store_transaction(store, replace_in_a_transaction, NULL, &reply);
        step_result = SQLITE_OK;
        if (is_ok != rows[i].is_ok || bodies != rows[i].bodies)
            fail_msg("%s: %d, %d bodies, %s", rows[i].why, is_ok, bodies, reply.detail);
        assert_holds(store, TEXT("a"), is_ok ? TEXT("two") : TEXT("one"));
        insert(store, TEXT("b"), TEXT("three")); /* and the handle goes on */
        store_close(store);
        assert_int_equal(remove_folder(NULL), 0);
    }
}

/* What a transaction reads stays true until it commits. */
static bool nobody_else_can_write(struct store *store, void *context, struct reply *reply)
{
    struct credential got;
    bool is_found;
    sqlite3 *other = open_plain();
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_BUSY);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    (void)context;
    return store_find(store, TEXT("a"), &got, &is_found, reply);
}

static void a_transaction_locks_from_its_beginning(void **state)
{
    struct store *store = open_store();
    struct reply reply;
    (void)state;
    assert_true(store_transaction(store, nobody_else_can_write, NULL, &reply));
    plainly("BEGIN IMMEDIATE; ROLLBACK");
    store_close(store);
}

/* When even undoing fails, the next statement must not become a part of what was left. */
static void leaves_a_transaction_that_could_not_be_undone(void **state)
{
    struct store *first = open_store(), *second = open_store();
    struct reply reply;
    (void)state;
    insert(first, TEXT("a"), TEXT("one"));
    step_result = SQLITE_IOERR_NOMEM;
    steps_before = 2; /* the commit, the undoing */
    steps_failing = 2;
    assert_false(store_transaction(first, replace_in_a_transaction, NULL, &reply));
    assert_unavailable(&reply, REASON_MEMORY, "the commit");
    step_result = SQLITE_OK;
    insert(first, TEXT("b"), TEXT("two"));
    assert_holds(second, TEXT("b"), TEXT("two"));
    assert_holds(second, TEXT("a"), TEXT("one"));
    insert(second, TEXT("c"), TEXT("three"));
    store_close(first);
    store_close(second);
}

/* Failing once, at each statement of the opening in turn: no handle, a cause, and the next attempt
 * works. */
static void opening_survives_every_failing_step(void **state)
{
    struct store *store = NULL;
    struct reply reply;
    int failures = 0;
    (void)state;
    for (;; failures++) {
        step_result = SQLITE_IOERR_READ;
        steps_before = failures;
        steps_failing = 1;
        bool is_open = store_open(path, false, &store, &reply);
        step_result = SQLITE_OK;
        if (is_open)
            break;
        assert_unavailable(&reply, REASON_IO, "a failing step");
        assert_null(store);
    }
    assert_true(failures >= 2);
    insert(store, TEXT("a"), TEXT("one"));
    store_close(store);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(keeps_what_it_is_given),
        TEST(a_name_is_taken_once),
        TEST(changes_only_what_is_expected),
        TEST(puts_without_looking),
        cmocka_unit_test(refuses_files_that_are_not_ours), /* one folder for each row */
        TEST(serves_a_newer_minor_version),
        TEST(refuses_what_is_not_a_database),
        TEST(creates_only_when_allowed),
        TEST(needs_wal),
        TEST(many_may_create_at_once),
        TEST(a_lock_is_busy_and_then_over),
        TEST(leaves_no_snapshot_behind),
        cmocka_unit_test(does_not_believe_a_row),
        TEST(every_result_has_its_cause),
        cmocka_unit_test(a_transaction_starts_again_when_busy),
        TEST(a_transaction_locks_from_its_beginning),
        TEST(leaves_a_transaction_that_could_not_be_undone),
        TEST(opening_survives_every_failing_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
