/* SPDX-License-Identifier: Apache-2.0
 *
 * Golden databases: what any release has written, this build serves.
 *
 * Each database of the manifest is copied, and the copy is opened by today's reference at its
 * default cost, a second after the moment at which it was written. Its rows must be what the
 * manifest says. Every account logs in with the right password and with a wrong one; rows that are
 * weaker than today's are made anew, and no others; sessions and locks are as they were left. Then
 * it is opened once more, and a day later; and the statements of schema 1.0 still serve it.
 *
 * The files themselves must never change: each has its SHA-256 in the manifest, every file is in
 * the manifest, and the schema of today and every scheme must be covered, so that a release which
 * adds none is noticed.
 *
 * Not here: what an older program does with a file of today. That is migrate_test.c.
 */
#include "../golden.h"

#include <dirent.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define A_DAY_MS      86400000
#define FIELDS        7u
#define LINES_MAX     1024u
#define MANIFEST_MAX  131072u
#define PATH_BYTES    512u
#define DATABASES_MIN 11u /* there are that many already, and none ever goes */

struct entry {
    const char *fields[FIELDS]; /* the first one is the kind of line */
};

/* Of a database line, and of an account line. */
enum { DATABASE_FILE = 1, DATABASE_SCHEMA, DATABASE_KEYS, DATABASE_DIGEST };
enum { ACCOUNT_NAME = 1, ACCOUNT_PASSWORD, SCHEME, PARAMETERS, KEY_ID, EXPECTED };

static char manifest[MANIFEST_MAX];
static struct entry entries[LINES_MAX];
static size_t entry_count;
static int64_t clock_now_ms;
static char folder[64];

/* In front of the library's: no machine dies here, and waiting for disks would be most of the
 * time. */
int fsync(int descriptor)
{
    (void)descriptor;
    return 0;
}

int fdatasync(int descriptor)
{
    (void)descriptor;
    return 0;
}

static int64_t given_clock(void)
{
    return clock_now_ms;
}

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static bool is_kind(const struct entry *entry, const char *kind)
{
    return strcmp(entry->fields[0], kind) == 0;
}

static bool is_expected(const struct entry *entry, const char *expected)
{
    return strcmp(entry->fields[EXPECTED], expected) == 0;
}

static void split(char *line, struct entry *ret)
{
    size_t count = 0;
    for (char *field = line; field != NULL; count++) {
        assert_true(count < FIELDS);
        ret->fields[count] = strsep(&field, "\t");
    }
}

static int read_manifest(void **state)
{
    (void)state;
    FILE *file = fopen(GOLDEN_FOLDER "/manifest.txt", "rb");
    assert_non_null(file);
    size_t size = fread(manifest, 1, sizeof manifest - 1, file);
    assert_int_equal(fclose(file), 0);
    assert_true(size < sizeof manifest - 1);
    for (char *rest = manifest, *line; (line = strsep(&rest, "\n")) != NULL;) {
        assert_true(entry_count < LINES_MAX);
        if (line[0] != '\0')
            split(line, &entries[entry_count++]);
    }
    return sodium_init() < 0 ? -1 : 0;
}

/* The lines that belong to a database are those up to the next one. */
static const struct entry *end_of(const struct entry *database)
{
    const struct entry *end = database + 1;
    while (end < entries + entry_count && !is_kind(end, "database"))
        end++;
    return end;
}

/* A copy in a folder of its own. */

static void copy(const char *from, const char *to)
{
    char buffer[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    if (in == NULL || out == NULL)
        fail_msg("%s cannot be copied to %s", from, to);
    size_t size = fread(buffer, 1, sizeof buffer, in);
    assert_true(size > 0 && size < sizeof buffer);
    assert_int_equal(fwrite(buffer, 1, size, out), size);
    assert_int_equal(fclose(in) | fclose(out), 0);
    assert_int_equal(chmod(to, S_IRUSR | S_IWUSR), 0);
}

static const char *in_folder(const char *name)
{
    static char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void copy_of(const struct entry *database, const char *tail, const char *name)
{
    char from[PATH_BYTES];
    (void)snprintf(from, sizeof from, "%s/%s%s", GOLDEN_FOLDER, database->fields[DATABASE_FILE],
                   tail);
    copy(from, in_folder(name));
}

static bool has_keys(const struct entry *database)
{
    return strcmp(database->fields[DATABASE_KEYS], "keys") == 0;
}

static void take(const struct entry *database)
{
    (void)snprintf(folder, sizeof folder, "/tmp/golden-XXXXXX");
    assert_non_null(mkdtemp(folder));
    copy_of(database, ".db", "db");
    if (has_keys(database))
        copy_of(database, ".keys", "keys");
    clock_now_ms = MOMENT_MS + 1000;
}

static void drop(void)
{
    static const char *const names[] = {"db", "db-wal", "db-shm", "keys"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlink(in_folder(names[i]));
    assert_int_equal(rmdir(folder), 0);
}

/* Today's reference, with defaults. */

struct today {
    struct accounts *accounts;
    struct pepper *pepper;
    struct password_config config;
};

static void open_today(const struct entry *database, bool with_keys, struct today *ret)
{
    struct reply reply;
    *ret = (struct today){.accounts = NULL};
    if (with_keys && !pepper_open(in_folder("keys"), &ret->pepper, &reply))
        fail_msg("%s: %s", database->fields[DATABASE_FILE], reply.detail);
    const struct accounts_config config = {
        .path = in_folder("db"),
        .must_exist = true,
        .password.pepper = ret->pepper,
        .clock_ms = given_clock,
    };
    assert_true(password_config_complete(&config.password, &ret->config, &reply));
    if (!accounts_open(&config, &ret->accounts, &reply))
        fail_msg("%s is not served: %s", database->fields[DATABASE_FILE], reply.detail);
}

static void close_today(struct today *today)
{
    accounts_close(today->accounts);
    pepper_close(today->pepper);
}

static void must_login(const struct today *today, const struct entry *account, bool with_right,
                       enum answer answer)
{
    char password[PASSWORD_BYTES_MAX];
    struct reply reply;
    (void)snprintf(password, sizeof password, "%s%s", with_right ? "" : "not ",
                   account->fields[ACCOUNT_PASSWORD]);
    (void)!accounts_login(today->accounts, bytes_of(account->fields[ACCOUNT_NAME]),
                          bytes_of(password), NULL, &reply);
    if (reply.answer != answer)
        fail_msg("\"%s\" with the %s password: %d instead of %d (%d, %d) %s",
                 account->fields[ACCOUNT_NAME], with_right ? "right" : "wrong", (int)reply.answer,
                 (int)answer, (int)reply.layer, (int)reply.reason, reply.detail);
    if (answer == ANSWER_UNAVAILABLE)
        assert_int_equal(reply.layer, LAYER_HASHING);
}

static void read_row(const struct today *today, const struct entry *account, struct credential *ret)
{
    struct reply reply;
    if (!accounts_credential_get(today->accounts, bytes_of(account->fields[ACCOUNT_NAME]), ret,
                                 &reply))
        fail_msg("\"%s\" has no row: %s", account->fields[ACCOUNT_NAME], reply.detail);
}

static void assert_as_written(const struct today *today, const struct entry *account)
{
    struct credential row;
    struct password_kind kind;
    struct reply reply;
    read_row(today, account, &row);
    assert_true(password_describe(credential_bytes(&row), &kind, &reply));
    assert_string_equal(kind.scheme, account->fields[SCHEME]);
    assert_string_equal(kind.parameters, account->fields[PARAMETERS]);
    assert_string_equal(kind.key_id, account->fields[KEY_ID]);
}

static bool needs_rehash(const struct today *today, const struct entry *account,
                         const struct credential *row)
{
    bool is_needed = true;
    struct reply reply;
    if (!password_needs_rehash(&today->config, credential_bytes(row), &is_needed, &reply))
        fail_msg("the row of \"%s\" is not served: %s", account->fields[ACCOUNT_NAME],
                 reply.detail);
    return is_needed;
}

/* Wrong, then right: and the row is made anew exactly when it is weaker than today's. */
static void log_in_and_settle(const struct today *today, const struct entry *account)
{
    struct credential before, after;
    read_row(today, account, &before);
    must_login(today, account, false, ANSWER_DENIED);
    read_row(today, account, &after);
    assert_string_equal(before.text, after.text);
    must_login(today, account, true, ANSWER_OK);
    read_row(today, account, &after);
    bool is_same = strcmp(before.text, after.text) == 0;
    if (is_expected(account, "stays"))
        assert_true(is_same && needs_rehash(today, account, &before));
    else
        assert_true(is_same != needs_rehash(today, account, &before) &&
                    !needs_rehash(today, account, &after));
}

static void check_session(const struct today *today, const struct entry *session, bool is_open)
{
    struct account_name name = {.size = 0};
    struct reply reply;
    bool is_ok =
        accounts_session_check(today->accounts, bytes_of(session->fields[2]), &name, &reply);
    assert_int_equal(is_ok, is_open);
    if (is_open)
        assert_memory_equal(name.data, session->fields[1], name.size);
    else
        assert_int_equal(reply.answer, ANSWER_DENIED);
}

static void check_stranger(const struct today *today, const struct entry *stranger,
                           enum answer answer)
{
    struct reply reply;
    assert_false(accounts_login(today->accounts, bytes_of(stranger->fields[1]),
                                bytes_of("correct horse battery"), NULL, &reply));
    assert_int_equal(reply.answer, answer);
}

/* What happens to each line, the first time, the second time, and a day later. */

typedef void line_body(const struct today *today, const struct entry *line);

static void first(const struct today *today, const struct entry *line)
{
    if (is_kind(line, "session"))
        check_session(today, line, true);
    else if (is_kind(line, "stranger"))
        check_stranger(today, line, ANSWER_LOCKED);
    else {
        assert_as_written(today, line);
        if (is_expected(line, "ok") || is_expected(line, "stays"))
            log_in_and_settle(today, line);
        else if (is_expected(line, "unserved"))
            must_login(today, line, true, ANSWER_UNAVAILABLE);
        else
            must_login(today, line, true, ANSWER_LOCKED);
    }
}

static void again(const struct today *today, const struct entry *line)
{
    if (is_kind(line, "session"))
        check_session(today, line, true);
    else if (is_kind(line, "account") && (is_expected(line, "ok") || is_expected(line, "stays"))) {
        must_login(today, line, false, ANSWER_DENIED);
        must_login(today, line, true, ANSWER_OK);
    } else if (is_kind(line, "account") && is_expected(line, "unserved"))
        must_login(today, line, false, ANSWER_UNAVAILABLE);
}

static void a_day_later(const struct today *today, const struct entry *line)
{
    struct reply reply;
    if (is_kind(line, "session"))
        check_session(today, line, false);
    else if (is_kind(line, "stranger"))
        check_stranger(today, line, ANSWER_DENIED);
    else if (is_expected(line, "waits"))
        must_login(today, line, true, ANSWER_OK);
    else if (is_expected(line, "closed")) {
        must_login(today, line, true, ANSWER_LOCKED);
        assert_true(accounts_unlock(today->accounts, bytes_of(line->fields[ACCOUNT_NAME]), &reply));
        must_login(today, line, true, ANSWER_OK);
    }
}

static void each_line(const struct entry *database, line_body *body)
{
    struct today today;
    open_today(database, has_keys(database), &today);
    for (const struct entry *line = database + 1; line < end_of(database); line++)
        body(&today, line);
    close_today(&today);
}

static void no_problem(void *context, const char *problem, struct bytes name)
{
    (void)name;
    fail_msg("%s: %s", (const char *)context, problem);
}

/* The full check of the file, and its version after the migration. */
static void verify(const struct entry *database)
{
    struct store *store;
    struct reply reply;
    char version[SCHEMA_TEXT_BYTES], path[PATH_BYTES];
    uint64_t problems;
    (void)snprintf(path, sizeof path, "%s", database->fields[DATABASE_FILE]);
    assert_true(store_open(in_folder("db"), true, &store, &reply));
    assert_true(store_schema(store, version, &reply));
    assert_true(strcmp(version, database->fields[DATABASE_SCHEMA]) >= 0);
    assert_true(store_verify(store, no_problem, path, &problems, &reply));
    store_close(store);
}

/* Every row read by the statement of 1.0, and verified. */
static void read_by_1_0(const struct entry *database)
{
    sqlite3 *db;
    sqlite3_stmt *find;
    struct today today;
    struct reply reply;
    open_today(database, has_keys(database), &today);
    assert_int_equal(sqlite3_open(in_folder("db"), &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT credential FROM account WHERE name = ?1", -1, &find, NULL),
        SQLITE_OK);
    for (const struct entry *line = database + 1; line < end_of(database); line++) {
        if (!is_kind(line, "account") || is_expected(line, "unserved"))
            continue;
        assert_int_equal(sqlite3_bind_text(find, 1, line->fields[ACCOUNT_NAME], -1, SQLITE_STATIC),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(find), SQLITE_ROW);
        if (!password_verify(&today.config, bytes_of((const char *)sqlite3_column_text(find, 0)),
                             bytes_of(line->fields[ACCOUNT_PASSWORD]), &reply))
            fail_msg("\"%s\": %s", line->fields[ACCOUNT_NAME], reply.detail);
        assert_int_equal(sqlite3_reset(find), SQLITE_OK);
    }
    assert_int_equal(sqlite3_finalize(find), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    close_today(&today);
}

/* And written by its other statements. */
static void write_by_1_0(void)
{
    static const char sql[] =
        "INSERT INTO account(name, credential) VALUES('new', 'one');"
        "UPDATE account SET credential = 'two' WHERE name = 'new' AND credential = 'one';"
        "UPDATE account SET credential = 'three' WHERE name = 'new';"
        "DELETE FROM account WHERE name = 'new' AND credential = 'three'";
    sqlite3 *db;
    assert_int_equal(sqlite3_open(in_folder("db"), &db), SQLITE_OK);
    int before = sqlite3_total_changes(db);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_total_changes(db) - before, 4);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The tests. */

static void a_11_2_2_every_golden_database_is_served(void **state)
{
    (void)state;
    for (size_t i = 0; i < entry_count; i++) {
        if (!is_kind(&entries[i], "database"))
            continue;
        print_message("           %s\n", entries[i].fields[DATABASE_FILE]);
        take(&entries[i]);
        each_line(&entries[i], first);
        each_line(&entries[i], again);
        verify(&entries[i]);
        read_by_1_0(&entries[i]);
        write_by_1_0();
        clock_now_ms = MOMENT_MS + A_DAY_MS;
        each_line(&entries[i], a_day_later);
        drop();
    }
}

/* The keys are gone, and nobody's password is called wrong. */
static void o_07_without_its_keys_a_row_is_unavailable(void **state)
{
    unsigned refused = 0;
    (void)state;
    for (size_t i = 0; i < entry_count; i++) {
        if (!is_kind(&entries[i], "database") || !has_keys(&entries[i]))
            continue;
        struct today today;
        take(&entries[i]);
        open_today(&entries[i], false, &today);
        for (const struct entry *line = &entries[i] + 1; line < end_of(&entries[i]); line++) {
            bool is_keyed = strcmp(line->fields[KEY_ID], "-") != 0;
            must_login(&today, line, true, is_keyed ? ANSWER_UNAVAILABLE : ANSWER_OK);
            refused += is_keyed;
        }
        close_today(&today);
        drop();
    }
    assert_true(refused > 0);
}

static void no_file_has_changed(void **state)
{
    char path[PATH_BYTES], digest[DIGEST_TEXT_BYTES];
    unsigned databases = 0;
    (void)state;
    for (size_t i = 0; i < entry_count; i++) {
        if (!is_kind(&entries[i], "database"))
            continue;
        databases++;
        (void)snprintf(path, sizeof path, "%s/%s.db", GOLDEN_FOLDER,
                       entries[i].fields[DATABASE_FILE]);
        if (!file_digest(path, digest) || strcmp(digest, entries[i].fields[DATABASE_DIGEST]) != 0)
            fail_msg("%s is not the file that was added: golden databases never change", path);
    }
    assert_true(databases >= DATABASES_MIN);
}

/* One bit of a copy, and the digest is another one. */
static void a_changed_file_is_noticed(void **state)
{
    char digest[DIGEST_TEXT_BYTES];
    (void)state;
    take(&entries[0]);
    assert_true(file_digest(in_folder("db"), digest));
    assert_string_equal(digest, entries[0].fields[DATABASE_DIGEST]);
    FILE *file = fopen(in_folder("db"), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, -1, SEEK_END), 0);
    int last = fgetc(file);
    assert_int_equal(fseek(file, -1, SEEK_END), 0);
    assert_int_equal(fputc(last ^ 1, file), last ^ 1);
    assert_int_equal(fclose(file), 0);
    assert_true(file_digest(in_folder("db"), digest));
    assert_string_not_equal(digest, entries[0].fields[DATABASE_DIGEST]);
    drop();
}

static bool is_listed(const char *release, const char *file)
{
    char name[PATH_BYTES];
    (void)snprintf(name, sizeof name, "%s/%s", release, file);
    for (size_t i = 0; i < entry_count; i++) {
        const struct entry *entry = &entries[i];
        if (!is_kind(entry, "database"))
            continue;
        size_t size = strlen(entry->fields[DATABASE_FILE]);
        if (strncmp(name, entry->fields[DATABASE_FILE], size) == 0 &&
            (strcmp(name + size, ".db") == 0 ||
             (has_keys(entry) && strcmp(name + size, ".keys") == 0)))
            return true;
    }
    return false;
}

/* No file beside them, above all no -wal, without which a database is not what it was. */
static void every_file_is_in_the_manifest(void **state)
{
    char path[PATH_BYTES];
    unsigned files = 0;
    (void)state;
    for (size_t i = 0; i < entry_count; i++) {
        if (!is_kind(&entries[i], "database"))
            continue;
        const char *name = entries[i].fields[DATABASE_FILE];
        int length = (int)(strchr(name, '/') - name);
        char release[64];
        (void)snprintf(release, sizeof release, "%.*s", length, name);
        (void)snprintf(path, sizeof path, "%s/%s", GOLDEN_FOLDER, release);
        DIR *files_of = opendir(path);
        assert_non_null(files_of);
        for (struct dirent *file; (file = readdir(files_of)) != NULL; files++)
            if (file->d_name[0] != '.' && !is_listed(release, file->d_name))
                fail_msg("%s/%s is not in the manifest", release, file->d_name);
        assert_int_equal(closedir(files_of), 0);
    }
    assert_true(files >= DATABASES_MIN);
    assert_false(is_listed("0.1.0", "cheap.db-wal"));
}

/* How many lines of that kind have that field. */
static unsigned counted(const char *kind, size_t field, const char *value)
{
    unsigned count = 0;
    for (size_t i = 0; i < entry_count; i++)
        count += is_kind(&entries[i], kind) && strcmp(entries[i].fields[field], value) == 0;
    return count;
}

static void the_schema_of_today_and_all_schemes_are_there(void **state)
{
    static const struct {
        const char *kind;
        size_t field;
        const char *value;
        const char *why;
    } rows[] = {
        {"database", DATABASE_SCHEMA, "1.0", "the first schema"},
        {"database", DATABASE_KEYS, "keys", "a pepper"},
        {"account", SCHEME, "argon2id", "what is written today"},
        {"account", SCHEME, "bcrypt", "legacy"},
        {"account", SCHEME, "sha512crypt", "legacy"},
        {"account", SCHEME, "yescrypt", "legacy"},
        {"account", PARAMETERS, "m=8,t=1,p=1", "cheap, the shortest string"},
        {"account", PARAMETERS, "m=19456,t=2,p=1", "production"},
        {"account", PARAMETERS, "m=10,t=10000,p=1", "a long string"},
        {"account", EXPECTED, "stays", "more than bcrypt saw"},
        {"account", EXPECTED, "waits", "locked for a time"},
        {"account", EXPECTED, "closed", "locked for good"},
    };
    char version[SCHEMA_TEXT_BYTES];
    struct store *store;
    struct reply reply;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (counted(rows[i].kind, rows[i].field, rows[i].value) == 0)
            fail_msg("no golden row: %s", rows[i].why);
    (void)snprintf(folder, sizeof folder, "/tmp/golden-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_true(store_open(in_folder("db"), false, &store, &reply));
    assert_true(store_schema(store, version, &reply));
    store_close(store);
    drop();
    if (counted("database", DATABASE_SCHEMA, version) == 0)
        fail_msg("schema %s has no golden database: run golden-add", version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file_has_changed),
        cmocka_unit_test(a_changed_file_is_noticed),
        cmocka_unit_test(every_file_is_in_the_manifest),
        cmocka_unit_test(the_schema_of_today_and_all_schemes_are_there),
        cmocka_unit_test(a_11_2_2_every_golden_database_is_served),
        cmocka_unit_test(o_07_without_its_keys_a_row_is_unavailable),
    };
    return cmocka_run_group_tests(tests, read_manifest, NULL) == 0 ? 0 : 1;
}
