/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators do to a store: census, export, import, verify; beside a service that goes on.
 */
#include "database.h"

#include <fcntl.h>

#define HASH   "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define CHEAP  "$argon2id$v=19$m=8,t=1,p=1" HASH
#define DEAR   "$argon2id$v=19$m=19456,t=2,p=1" HASH
#define BCRYPT "$2b$10$abcdefghijklmnopqrstuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"

static void insert(struct store *store, struct bytes name, const char *credential)
{
    struct reply reply;
    if (!store_insert(store, name, bytes_of(credential), &reply))
        fail_msg("not inserted: %s", reply.detail);
}

/* How many of that kind the census has counted. */
static uint64_t counted(const struct census *census, const char *scheme, const char *parameters)
{
    uint64_t count = 0;
    for (size_t i = 0; i < census->kind_count; i++)
        if (strcmp(census->kinds[i].kind.scheme, scheme) == 0 &&
            strstr(census->kinds[i].kind.parameters, parameters) != NULL) {
            assert_string_equal(census->kinds[i].kind.key_id, "-");
            count += census->kinds[i].count;
        }
    return count;
}

static void a_census_counts_kinds(void **state)
{
    static struct census census;
    struct store *store = open_store();
    struct reply reply;
    char name[32];
    (void)state;
    assert_true(store_census(store, &census, &reply));
    assert_int_equal(census.kind_count, 0);
    for (unsigned i = 0; i < 30; i++) {
        (void)snprintf(name, sizeof name, "%u", i);
        insert(store, bytes_of(name), i % 3 == 0 ? CHEAP : i % 3 == 1 ? DEAR : BCRYPT);
    }
    insert(store, TEXT("broken"), "!");
    insert(store, TEXT("empty"), "");
    assert_true(store_census(store, &census, &reply));
    assert_int_equal(census.kind_count, 3);
    assert_int_equal(counted(&census, "argon2id", "m=8,"), 10);
    assert_int_equal(counted(&census, "argon2id", "m=19456,"), 10);
    assert_int_equal(counted(&census, "bcrypt", ""), 10);
    assert_int_equal(census.broken, 2);
    assert_int_equal(census.others, 0);
    store_close(store);
}

static void a_census_has_a_limit(void **state)
{
    static struct census census;
    struct store *store = open_store();
    struct reply reply;
    (void)state;
    for (unsigned i = 0; i < CENSUS_KINDS_MAX + 3; i++) {
        char name[32], credential[128];
        (void)snprintf(name, sizeof name, "%u", i);
        (void)snprintf(credential, sizeof credential, "$argon2id$v=19$m=%u,t=1,p=1" HASH, 8 + i);
        insert(store, bytes_of(name), credential);
    }
    assert_true(store_census(store, &census, &reply));
    assert_int_equal(census.kind_count, CENSUS_KINDS_MAX);
    assert_int_equal(census.others, 3);
    store_close(store);
}

/* Into a file beside the database, which only its owner can read. */
static const char *jsonl(void)
{
    static char file[128];
    (void)snprintf(file, sizeof file, "%s.jsonl", path);
    return file;
}

static FILE *open_jsonl(void)
{
    int descriptor = open(jsonl(), O_RDWR | O_CREAT | O_TRUNC, S_IRUSR | S_IWUSR);
    assert_true(descriptor >= 0);
    return fdopen(descriptor, "w");
}

static void write_jsonl(struct bytes content)
{
    FILE *file = open_jsonl();
    assert_int_equal(fwrite(content.data, 1, content.size, file), content.size);
    assert_int_equal(fclose(file), 0);
}

static void must_export(struct store *store)
{
    struct reply reply;
    FILE *file = open_jsonl();
    if (!store_export(store, file, &reply))
        fail_msg("not exported: %s", reply.detail);
    assert_int_equal(fclose(file), 0);
}

static void what_was_exported_is_imported(void **state)
{
    static uint8_t quotes[NAME_BYTES_MAX];
    const struct bytes names[] = {
        TEXT("a"),     TEXT("caf\xc3\xa9"),      TEXT("quo\"te\\"),      TEXT("{\"name\":\"x\"}"),
        TEXT("  two"), TEXT("\xf0\x9f\x94\x91"), {quotes, sizeof quotes}};
    struct store *store = open_store();
    struct reply reply;
    uint64_t rows = 0;
    (void)state;
    memset(quotes, '"', sizeof quotes);
    for (size_t i = 0; i < COUNT(names); i++)
        insert(store, names[i], i % 2 ? BCRYPT : CHEAP);
    must_export(store);
    assert_false(store_import(store, jsonl(), &rows, &reply));
    assert_reply(&reply, ANSWER_REFUSED, LAYER_INPUT, REASON_REFUSED, "they are there");
    assert_detail(&reply, "line 1: a name that is taken", "they are there");
    store_close(store);
    assert_int_equal(unlink(path), 0);

    store = open_store();
    assert_true(store_import(store, jsonl(), &rows, &reply));
    assert_int_equal(rows, COUNT(names));
    for (size_t i = 0; i < COUNT(names); i++) {
        struct credential credential;
        bool is_found;
        assert_true(store_find(store, names[i], &credential, &is_found, &reply));
        assert_true(is_found);
        assert_string_equal(credential.text, i % 2 ? BCRYPT : CHEAP);
    }
    store_close(store);
}

#define ROW(name, credential) "{\"name\":\"" name "\",\"credential\":\"" credential "\"}\n"

static void a_2_3_3_an_import_is_all_or_nothing(void **state)
{
    static uint8_t longest[8192];
    static const char malformed[] = "not an object of name and credential";
    const struct {
        struct bytes lines; /* after a good one, unless they are empty */
        const char *detail; /* null: it is good */
        const char *why;
    } rows[] = {
        {TEXT(""), NULL, "nothing more"},
        {TEXT(ROW("b", CHEAP)), NULL, "one more"},
        {TEXT("{\"credential\":\"" CHEAP "\", \"name\" : \"b\"}"), NULL,
         "another order, spaces, no end of line"},
        {TEXT(ROW("a", CHEAP)), "line 2: a name that is taken", "twice in the file"},
        {TEXT(ROW("cafe\\u0301", CHEAP) ROW("caf\xc3\xa9", CHEAP)), "line 3: a name that is taken",
         "twice, once canonical"},
        {TEXT(ROW("there", CHEAP)), "line 2: a name that is taken", "in the database"},
        {TEXT("\n"), malformed, "an empty line"},
        {TEXT("{}\n"), malformed, "neither name nor credential"},
        {TEXT("{\"name\":\"b\"}\n"), malformed, "no credential"},
        {TEXT("{\"name\":\"b\",\"credential\":1}\n"), malformed, "a number"},
        {TEXT("{\"name\":null,\"credential\":\"" CHEAP "\"}\n"), malformed, "null"},
        {TEXT("{\"name\":\"b\",\"credential\":\"" CHEAP "\",\"more\":1}\n"), malformed, "more"},
        {TEXT("{\"name\":\"b\",\"name\":\"c\",\"credential\":\"" CHEAP "\"}\n"), malformed,
         "two names"},
        {TEXT("[\"b\",\"" CHEAP "\"]\n"), malformed, "an array"},
        {TEXT("null\n"), malformed, "null alone"},
        {TEXT(ROW("b", CHEAP) "}"), malformed, "something behind"},
        {TEXT("{\"name\":\"b\",\"credential\":\"" CHEAP "\"}{}\n"), malformed, "two on a line"},
        {TEXT("{\"name\":\"\xff\",\"credential\":\"" CHEAP "\"}\n"), malformed, "not UTF-8"},
        {TEXT("{\"name\":\"b\\u0000\",\"credential\":\"" CHEAP "\"}\n"), malformed, "NUL"},
        {TEXT("{\"name\":\"b\\ud800\",\"credential\":\"" CHEAP "\"}\n"), malformed, "a surrogate"},
        {TEXT(ROW("", CHEAP)), "no name of an account", "an empty name"},
        {TEXT(ROW("b\\u0007", CHEAP)), "no name of an account", "a control character"},
        {TEXT(ROW("b", "")), "a credential of no known syntax", "an empty credential"},
        {TEXT(ROW("b", "secret password")), "a credential of no known syntax", "a password"},
        {TEXT(ROW("b", CHEAP "=")), "a credential of no known syntax", "not canonical"},
        {{longest, sizeof longest}, "line 2: too long", "a line that is too long"},
    };
    (void)state;
    memset(longest, '{', sizeof longest);
    for (size_t i = 0; i < COUNT(rows); i++) {
        static uint8_t content[16384];
        struct reply reply;
        uint64_t imported = 7;
        assert_int_equal(set_up(NULL), 0);
        struct store *store = open_store();
        insert(store, TEXT("there"), CHEAP);
        struct bytes first = TEXT(ROW("a", CHEAP));
        memcpy(content, first.data, first.size);
        memcpy(content + first.size, rows[i].lines.data, rows[i].lines.size);
        write_jsonl((struct bytes){content, first.size + rows[i].lines.size});
        bool is_ok = store_import(store, jsonl(), &imported, &reply);
        if (is_ok != (rows[i].detail == NULL))
            fail_msg("%s: %d %s", rows[i].why, (int)reply.answer, reply.detail);
        if (!is_ok) {
            assert_detail(&reply, rows[i].detail, rows[i].why);
            assert_detail(&reply, "line ", rows[i].why);
            assert_null(strstr(reply.detail, "secret"));
            assert_int_equal(imported, 7);
        }
        assert_int_equal(plain_number("SELECT count(*) FROM account"), is_ok ? 1 + imported : 1);
        insert(store, TEXT("z"), CHEAP);
        store_close(store);
        assert_int_equal(tear_down(NULL), 0);
    }
}

static void an_import_is_of_a_private_file(void **state)
{
    struct store *store = open_store();
    struct reply reply;
    uint64_t rows;
    (void)state;
    assert_false(store_import(store, jsonl(), &rows, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_IO, "no file");
    write_jsonl(TEXT(ROW("a", CHEAP)));
    assert_int_equal(chmod(jsonl(), S_IRUSR | S_IRGRP), 0);
    assert_false(store_import(store, jsonl(), &rows, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_REFUSED, "others may read it");
    assert_int_equal(chmod(jsonl(), S_IRUSR), 0);
    assert_true(store_import(store, jsonl(), &rows, &reply));
    store_close(store);
}

/* Where an export goes that is interrupted by a service: its first bytes make the service write. */
static struct store *service;

static ssize_t write_and_serve(void *context, const char *data, size_t size)
{
    size_t *written = context;
    if (service != NULL) {
        struct store *busy = service;
        struct reply reply;
        bool is_deleted;
        service = NULL;
        insert(busy, TEXT("zz"), CHEAP);
        assert_true(store_delete(busy, TEXT("b"), TEXT(CHEAP), &is_deleted, &reply));
        assert_true(is_deleted);
    }
    for (size_t i = 0; i < size; i++)
        *written += data[i] == '\n';
    return (ssize_t)size;
}

static void an_export_is_of_one_moment(void **state)
{
    const cookie_io_functions_t functions = {.write = write_and_serve};
    struct store *store = open_store(), *beside = open_store();
    struct reply reply;
    size_t lines = 0;
    (void)state;
    insert(store, TEXT("a"), CHEAP);
    insert(store, TEXT("b"), CHEAP);
    insert(store, TEXT("c"), CHEAP);
    service = beside;
    FILE *out = fopencookie(&lines, "w", functions);
    assert_int_equal(setvbuf(out, NULL, _IOLBF, 64), 0);
    assert_true(store_export(store, out, &reply));
    assert_int_equal(fclose(out), 0);
    assert_null(service);
    assert_int_equal(lines, 3);
    insert(store, TEXT("later"), CHEAP); /* no snapshot is left behind */
    must_export(store);
    assert_int_equal(plain_number("SELECT count(*) FROM account"), 4);
    store_close(store);
    store_close(beside);
}

static void an_export_that_cannot_be_complete_fails(void **state)
{
    struct store *store = open_store();
    struct reply reply;
    (void)state;
    insert(store, TEXT("a"), CHEAP);
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_false(store_export(store, full, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_FULL, "no space");
    (void)fclose(full);
    insert(store, TEXT("b"), "\xff");
    FILE *file = open_jsonl();
    assert_false(store_export(store, file, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_CORRUPT, "not UTF-8");
    assert_int_equal(fclose(file), 0);
    store_close(store);
}

static char problems[512];

static void note_problem(void *context, const char *problem, struct bytes name)
{
    (void)context;
    size_t size = strlen(problems);
    (void)snprintf(problems + size, sizeof problems - size, "%.*s: %s\n", (int)name.size,
                   name.size > 0 ? (const char *)name.data : "", problem);
}

static void a_database_is_verified(void **state)
{
    static const struct {
        const char *sql;
        uint64_t problems;
        const char *listed;
        const char *why;
    } rows[] = {
        {"SELECT 1", 0, "", "nothing is wrong"},
        {"INSERT INTO account VALUES('b', '!')", 1, "b: a credential of no known syntax",
         "a credential"},
        {"INSERT INTO account VALUES('cafe' || char(769), '" CHEAP "')", 1,
         "a name that is not canonical", "a name"},
        {"INSERT INTO account VALUES('', '" CHEAP "')", 1, ": a name that is not canonical",
         "no name"},
        {"INSERT INTO account VALUES('x' || char(7), 'y')", 2, "a name that is not canonical",
         "both of one row"},
        {"INSERT INTO attempt VALUES(x'6161', x'00', 1, 1)", 1, "attempts: a row", "a binding"},
        {"INSERT INTO attempt VALUES(x'6161', zeroblob(32), 101, 1)", 1, "attempts: a row",
         "a count"},
        {"INSERT INTO attempt VALUES(x'6161', zeroblob(32), 100, 1)", 0, "",
         "a count without an account is left over, and harmless"},
        {"INSERT INTO session VALUES(1, zeroblob(31), 'a', zeroblob(32), 1, 2)", 1,
         "sessions: a row", "a token"},
        {"INSERT INTO session VALUES(1, zeroblob(32), 'gone', zeroblob(32), 1, 2)", 0, "",
         "so is a session"},
        {"PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'session_name'", 1,
         "never used", "pages that belong to nothing"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply reply;
        uint64_t found = 7;
        assert_int_equal(set_up(NULL), 0);
        struct store *store = open_store();
        insert(store, TEXT("a"), CHEAP);
        store_close(store);
        plainly(rows[i].sql);
        store = open_store();
        problems[0] = '\0';
        assert_true(store_verify(store, note_problem, NULL, &found, &reply));
        if (found != rows[i].problems || strstr(problems, rows[i].listed) == NULL)
            fail_msg("%s: %d problems: %s", rows[i].why, (int)found, problems);
        assert_null(strstr(problems, HASH));
        insert(store, TEXT("z"), CHEAP);
        store_close(store);
        assert_int_equal(tear_down(NULL), 0);
    }
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_census_counts_kinds),
        TEST(a_census_has_a_limit),
        TEST(what_was_exported_is_imported),
        cmocka_unit_test(a_2_3_3_an_import_is_all_or_nothing), /* one folder for each row */
        TEST(an_import_is_of_a_private_file),
        TEST(an_export_is_of_one_moment),
        TEST(an_export_that_cannot_be_complete_fails),
        cmocka_unit_test(a_database_is_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
