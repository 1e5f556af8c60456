/* SPDX-License-Identifier: Apache-2.0
 *
 * Migration: that a database of 1.0 becomes one of 1.1 wherever it is interrupted, that 1.0 goes on
 * serving it, and that nothing which 1.0 writes is missed.
 *
 * 1.0 is here as what it was to the file: the text of its schema and of its statements. It was
 * interrupted how a process is: write() is defined here in front of the library's, and kills the
 * process at a chosen call, before it, in the middle of it, or after it.
 */
#include "database.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define OPENERS    8
#define WRITES_MAX 200

/* "a" with OLD, "b" with NEW; at the cost of test_config(). */
static const char *rows_of_1_0(void)
{
    static char sql[1024];
    struct password_config config;
    struct password_config cheap = {.cost = {8, 1}};
    struct credential a, b;
    struct reply reply;
    assert_true(password_config_complete(&cheap, &config, &reply));
    assert_true(password_hash(&config, OLD, NO_NAME, &a, &reply));
    assert_true(password_hash(&config, NEW, NO_NAME, &b, &reply));
    (void)snprintf(sql, sizeof sql, "INSERT INTO account VALUES('a', '%s'), ('b', '%s')", a.text,
                   b.text);
    return sql;
}

static void make_1_0(void)
{
    plainly("PRAGMA journal_mode = WAL;"
            "CREATE TABLE account(name TEXT NOT NULL COLLATE BINARY PRIMARY KEY, "
            "credential TEXT NOT NULL) STRICT, WITHOUT ROWID;"
            "PRAGMA application_id = 0x41757468; PRAGMA user_version = 100");
    plainly(rows_of_1_0());
}

/* What 1.0 asks when it opens a database, and each of its statements. */
static void serve_by_1_0(void)
{
    assert_int_equal(plain_number("PRAGMA application_id"), 0x41757468);
    assert_int_equal(plain_number("PRAGMA user_version") / 100, 1);
    plainly("INSERT INTO account(name, credential) VALUES('c', 'one')");
    assert_int_equal(plain_number("SELECT count(credential) FROM account WHERE name = 'c'"), 1);
    plainly("UPDATE account SET credential = 'two' WHERE name = 'c' AND credential = 'one'");
    plainly("UPDATE account SET credential = 'three' WHERE name = 'c'");
    assert_int_equal(plain_number("SELECT credential = 'three' FROM account WHERE name = 'c'"), 1);
    plainly("DELETE FROM account WHERE name = 'c' AND credential = 'three'");
    assert_int_equal(plain_number("SELECT count(*) FROM account"), 2);
}

static struct accounts *open_accounts(void)
{
    struct accounts_config config = test_config();
    return open_with(&config);
}

static void serve_by_1_1(void)
{
    struct accounts *accounts = open_accounts();
    char version[SCHEMA_TEXT_BYTES];
    struct session_token token;
    struct account_name name;
    struct reply reply;
    assert_true(accounts_schema(accounts, version, &reply));
    assert_string_equal(version, "1.1");
    must_login(accounts, TEXT("b"), NEW, ANSWER_OK, "a row of 1.0");
    must_login(accounts, TEXT("a"), WRONG, ANSWER_DENIED, "a row of 1.0, and an attempt");
    assert_true(accounts_login(accounts, TEXT("a"), OLD, &token, &reply));
    assert_true(accounts_session_check(accounts, session_token_bytes(&token), &name, &reply));
    accounts_close(accounts);
}

static void a_11_2_2_both_releases_serve_one_database_in_turn(void **state)
{
    (void)state;
    make_1_0();
    serve_by_1_0();
    for (int i = 0; i < 3; i++) {
        serve_by_1_1();
        serve_by_1_0();
    }
}

/* The table that 1.0 knows stays as it was, column for column. */
static void migration_only_adds(void **state)
{
    static const char shape[] = "SELECT count(*) FROM pragma_table_info('account') WHERE (name, "
                                "type, \"notnull\", pk) IN (VALUES('name', 'TEXT', 1, 1), "
                                "('credential', 'TEXT', 1, 0))";
    (void)state;
    make_1_0();
    assert_int_equal(plain_number(shape), 2);
    store_close(open_store());
    assert_int_equal(plain_number(shape), 2);
    assert_int_equal(plain_number("SELECT count(*) FROM pragma_table_info('account')"), 2);
    assert_int_equal(plain_number("SELECT count(*) FROM pragma_table_list WHERE strict AND name IN "
                                  "('account', 'attempt', 'session', 'secret')"),
                     4);
}

static void every_database_has_a_key_of_its_own(void **state)
{
    static const char first[] = "SELECT value = zeroblob(32) FROM secret WHERE purpose = 'name'";
    struct tally here, there;
    struct reply reply;
    (void)state;
    struct store *store = open_store();
    assert_true(lockout_read(store, TEXT("n"), NULL, &here, &reply));
    store_close(store);
    assert_int_equal(plain_number(first), 0);
    store = open_store();
    assert_true(lockout_read(store, TEXT("n"), NULL, &there, &reply));
    assert_memory_equal(here.binding, there.binding, BINDING_BYTES);
    store_close(store);
    assert_int_equal(unlink(path), 0);
    store = open_store();
    assert_true(lockout_read(store, TEXT("n"), NULL, &there, &reply));
    assert_memory_not_equal(here.binding, there.binding, BINDING_BYTES);
    store_close(store);
}

/* Either version, never something between them. */
static void assert_one_of(int64_t lowest)
{
    static const int64_t tables[] = {0, 1, 4};
    int64_t version = plain_number("PRAGMA user_version");
    int64_t count = plain_number("SELECT count(*) FROM sqlite_schema WHERE type = 'table'");
    size_t which = version == 0 ? 0 : version == 100 ? 1 : 2;
    assert_true(version >= lowest);
    assert_true(version == 0 || version == 100 || version == 101);
    assert_int_equal(count, tables[which]);
    if (version == 101)
        assert_int_equal(plain_number("SELECT count(*) FROM secret WHERE length(value) = 32"), 1);
}

static void no_problem(void *context, const char *problem, struct bytes name)
{
    (void)context;
    fail_msg("%s: %.*s", problem, (int)name.size, (const char *)name.data);
}

/* An operator who looks at a database before the update of its service must not update it. */
static void looking_changes_nothing(void **state)
{
    static struct census census;
    struct store *store = NULL;
    struct reply reply;
    char version[SCHEMA_TEXT_BYTES];
    uint64_t problems = 1;
    bool is_replaced;
    (void)state;
    make_1_0();
    assert_true(store_look(path, &store, &reply));
    assert_true(store_schema(store, version, &reply));
    assert_string_equal(version, "1.0");
    assert_true(store_census(store, &census, &reply));
    assert_int_equal(census.kinds[0].count, 2);
    assert_true(store_verify(store, no_problem, NULL, &problems, &reply));
    assert_int_equal(problems, 0);
    assert_false(store_put(store, TEXT("a"), TEXT("changed"), &is_replaced, &reply));
    assert_false(store_try_write(store, &reply));
    store_close(store);
    assert_one_of(100);
    assert_int_equal(plain_number("PRAGMA user_version"), 100);
    assert_int_equal(plain_number("SELECT count(*) FROM account WHERE credential = 'changed'"), 0);
    store_close(open_store()); /* the negative control: opening does */
    assert_int_equal(plain_number("PRAGMA user_version"), 101);
}

/* It writes, or it would find out nothing; and what it writes is what was there. */
static void trying_to_write_writes(void **state)
{
    struct reply reply;
    (void)state;
    make_1_0();
    struct store *store = open_store();
    int before = syncs;
    assert_true(store_try_write(store, &reply));
    assert_true(syncs > before);
    store_close(store);
    assert_one_of(101);
    serve_by_1_0();
}

/* Where the process is killed: at which write, and how much of it is done before. */
static int writes_left = -1; /* -1: never */
static int eighths_done;

ssize_t write(int descriptor, const void *data, size_t size)
{
    ssize_t (*real)(int, const void *, size_t);
    *(void **)&real = dlsym(RTLD_NEXT, "write");
    if (writes_left >= 0 && writes_left-- == 0) {
        (void)!real(descriptor, data, size * (size_t)eighths_done / 8);
        (void)raise(SIGKILL);
    }
    return real(descriptor, data, size);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset)
{
    ssize_t (*real)(int, const void *, size_t, off64_t);
    *(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
    if (writes_left >= 0 && writes_left-- == 0) {
        (void)!real(descriptor, data, size * (size_t)eighths_done / 8, offset);
        (void)raise(SIGKILL);
    }
    return real(descriptor, data, size, offset);
}

/* Opens the database in a process that is killed. True: it came through. */
static bool opened_by_the_doomed(int at_write, int eighths)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store *store;
        struct reply reply;
        writes_left = at_write;
        eighths_done = eighths;
        if (store_open(path, false, &store, &reply))
            _exit(0);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    return WIFEXITED(status);
}

static int interrupted_everywhere(void (*make)(void), int64_t lowest, void (*serve)(void))
{
    int kills = 0;
    for (int eighths = 0; eighths <= 8; eighths += 4)
        for (int at = 0;; at++) {
            assert_true(at < WRITES_MAX);
            assert_int_equal(set_up(NULL), 0);
            make();
            bool is_through = opened_by_the_doomed(at, eighths);
            assert_one_of(lowest);
            serve();
            assert_int_equal(tear_down(NULL), 0);
            if (is_through)
                break;
            kills++;
        }
    return kills;
}

static void serve_by_both(void)
{
    serve_by_1_0();
    serve_by_1_1();
}

static void make_nothing(void)
{
}

static void serve_as_new(void)
{
    struct accounts *accounts = open_accounts();
    must_register(accounts, TEXT("a"), OLD);
    must_login(accounts, TEXT("a"), OLD, ANSWER_OK, "a new account");
    accounts_close(accounts);
    assert_int_equal(plain_number("PRAGMA user_version"), 101);
}

static void an_interrupted_migration_is_before_or_after(void **state)
{
    (void)state;
    assert_true(interrupted_everywhere(make_1_0, 100, serve_by_both) > 10);
}

static void an_interrupted_creation_goes_on_later(void **state)
{
    (void)state;
    assert_true(interrupted_everywhere(make_nothing, 0, serve_as_new) > 10);
}

static void many_may_migrate_at_once(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        pthread_t threads[OPENERS];
        assert_int_equal(set_up(NULL), 0);
        make_1_0();
        for (size_t i = 0; i < OPENERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, path), 0);
        for (size_t i = 0; i < OPENERS; i++) {
            void *failure;
            assert_int_equal(pthread_join(threads[i], &failure), 0);
            assert_null(failure);
        }
        assert_one_of(101);
        serve_by_both();
        assert_int_equal(tear_down(NULL), 0);
    }
}

/* A process of 1.0 that has the database open, with its statements prepared, while 1.1 comes. */
static void goes_on_under_a_running_1_0(void **state)
{
    sqlite3 *older;
    sqlite3_stmt *find;
    (void)state;
    make_1_0();
    assert_int_equal(sqlite3_open(path, &older), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(older, "SELECT credential FROM account WHERE name = 'a'",
                                        -1, &find, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(find), SQLITE_ROW);
    assert_int_equal(sqlite3_reset(find), SQLITE_OK);
    serve_by_1_1();
    assert_int_equal(sqlite3_step(find), SQLITE_ROW);
    assert_int_equal(sqlite3_reset(find), SQLITE_OK);
    assert_int_equal(sqlite3_exec(older, "DELETE FROM account WHERE name = 'a'", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_finalize(find), SQLITE_OK);
    assert_int_equal(sqlite3_close(older), SQLITE_OK);
    struct accounts *accounts = open_accounts();
    must_login(accounts, TEXT("a"), OLD, ANSWER_DENIED, "removed by 1.0");
    accounts_close(accounts);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_11_2_2_both_releases_serve_one_database_in_turn),
        TEST(migration_only_adds),
        TEST(every_database_has_a_key_of_its_own),
        cmocka_unit_test(an_interrupted_migration_is_before_or_after), /* a folder for each */
        cmocka_unit_test(an_interrupted_creation_goes_on_later),
        cmocka_unit_test(many_may_migrate_at_once),
        TEST(goes_on_under_a_running_1_0),
        TEST(looking_changes_nothing),
        TEST(trying_to_write_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
