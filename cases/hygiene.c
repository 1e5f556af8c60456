/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: hygiene.
 *
 * A password is for one comparison, and a digest for one column. Both are canaries here: texts that
 * occur nowhere else, looked for wherever bytes leave a target (outlets.c of the engine): every
 * write to a file of the database, the journals among them, memory as it is given back, the
 * system's log, standard output and error, files beside the database, the environment, details of
 * replies. One canary has a letter that normalisation changes, and both of its sides are looked
 * for, so a copy that was normalised is found as well. Operations succeed, are denied, are refused,
 * and, by the fault technique, fail at every site.
 *
 * Memory is judged only of targets that promise to wipe it (traits.wipes_memory): other languages
 * cannot, and many honest programs do not. Where a digest is allowed is read in the database as
 * SQLite shows it, column by column: pages keep old copies, which is SQLite's business. A target
 * that stores its digest in another form than it hands out is not looked at there.
 *
 * Not seen: encoded or encrypted copies, swap, core dumps, stacks, files at absolute paths.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases/cases.h"

#define LOOKED_AT_BYTES_MAX ((size_t)1 << 20) /* of one file, and of what was printed */
#define FORWARDED_BYTES_MAX 4096u /* of what was printed: goes on to where it was meant for */

/* --- Canaries --------------------------------------------------------------------------------- */

static const struct canary {
    const char *password;
    const char *sides[2]; /* of what normalisation changes */
} canaries[] = {
    {"Quetzal-57-marmalade-Q3", {"Quetzal-57", "marmalade-Q3"}},
    {"Vexillum-e\u0301\u00a0-trombone-K9", {"Vexillum-", "-trombone-K9"}},
    {"Zeppelin-81-rhubarb-M4", {"Zeppelin-81", "rhubarb-M4"}},
};
enum { PLAIN, NORMALISED, NEXT, CANARIES };

#define EVERYWHERE ((1u << OUTLETS) - 1u)

static void canary_text(struct run *run, const struct assay_traits *traits, size_t which,
                        struct text *ret)
{
    *ret = (struct text){.size = 0};
    text_add(ret, canaries[which].password, strlen(canaries[which].password));
    while (ret->size < traits->password_bytes_min)
        text_add(ret, "p", 1);
    if (traits->password_bytes_max != 0 && ret->size > traits->password_bytes_max)
        unsupported(run, "passwords that are long enough to be recognised");
    add_suffix(traits, ret);
}

static void watch_canaries(struct run *run, const struct assay_traits *traits)
{
    uint32_t outlets = EVERYWHERE & ~(traits->wipes_memory ? 0u : 1u << OUTLET_FREED);
    for (size_t i = 0; i < CANARIES; i++)
        for (size_t side = 0; side < 2; side++)
            CHECK_CASE(
                run,
                outlet_watch(canaries[i].sides[side], strlen(canaries[i].sides[side]), outlets),
                "there are more canaries than can be watched");
}

/* --- What a case sees itself ------------------------------------------------------------------ */

extern char **environ;

static void show_environment(void)
{
    for (char **entry = environ; entry && *entry; entry++)
        outlet_show(OUTLET_ENVIRONMENT, *entry, strlen(*entry));
}

static void show_file(enum outlet outlet, int descriptor)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0)
        return;
    size_t size =
        (size_t)status.st_size < LOOKED_AT_BYTES_MAX ? (size_t)status.st_size : LOOKED_AT_BYTES_MAX;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED)
        return;
    outlet_show(outlet, bytes, size);
    munmap(bytes, size);
}

/* The working folder is the target's alone. */
static void show_files(bool with_database)
{
    DIR *folder = opendir(".");
    const struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL) {
        bool is_database = strncmp(entry->d_name, ACCOUNTS_PATH, strlen(ACCOUNTS_PATH)) == 0;
        int descriptor = is_database && !with_database ? -1
                                                       : openat(dirfd(folder), entry->d_name,
                                                                O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (descriptor < 0)
            continue;
        show_file(OUTLET_FILES, descriptor);
        close(descriptor);
    }
    if (folder)
        closedir(folder);
}

/* What is printed goes to a file in memory while a case looks at it. */
static struct capture {
    int file, output, error; /* the last two: what they were; -1: not captured */
} capture = {-1, -1, -1};

static void put_back(int *was, int descriptor)
{
    if (*was >= 0) {
        dup2(*was, descriptor);
        close(*was);
    }
    *was = -1;
}

static void forward(int file)
{
    char text[FORWARDED_BYTES_MAX];
    ssize_t size = pread(file, text, sizeof text, 0);
    if (size > 0 && write(STDERR_FILENO, text, (size_t)size) < 0)
        return; /* nobody reads it */
}

/* Ends the capture; all that was printed has been looked at then. */
static void show_printed(void *ignored)
{
    (void)ignored;
    if (capture.file < 0)
        return;
    fflush(NULL);
    put_back(&capture.output, STDOUT_FILENO);
    put_back(&capture.error, STDERR_FILENO);
    show_file(OUTLET_PRINTED, capture.file);
    forward(capture.file);
    close(capture.file);
    capture.file = -1;
}

static void capture_printed(struct run *run)
{
    fflush(NULL);
    capture.file = memfd_create("printed", MFD_CLOEXEC);
    if (capture.file < 0)
        return;
    capture.output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    capture.error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    dup2(capture.file, STDOUT_FILENO);
    dup2(capture.file, STDERR_FILENO);
    defer(run, show_printed, NULL);
}

/* --- Judging ---------------------------------------------------------------------------------- */

static void judge_outlets(struct run *run, const char *what, const char *after)
{
    uint32_t leaked = outlets_leaked();
    unsigned outlet = leaked ? (unsigned)__builtin_ctz(leaked) : OUTLETS;
    CHECK(run, leaked == 0, "%s is in %s, %s", what, outlet_name((enum outlet)outlet), after);
}

static void looked(struct run *run, const char *after)
{
    const struct assay_reply *reply = client_reply();
    outlet_show(OUTLET_REPLY, reply->detail, strnlen(reply->detail, sizeof reply->detail));
    judge_outlets(run, "the password", after);
}

static void looked_at_all(struct run *run, const char *what, bool with_database)
{
    show_printed(NULL);
    show_environment();
    show_files(with_database);
    judge_outlets(run, what, "when all is done");
}

/* --- The cases -------------------------------------------------------------------------------- */

static void hygiene_of_hashing(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, wrong, encoded;
    need_hashing(run, target);
    size_t which = draw_factor(run, 2);
    canary_text(run, &target->traits, which, &password);
    canary_text(run, &target->traits, NEXT, &wrong);
    watch_canaries(run, &target->traits);
    capture_printed(run);
    stored_hash(run, target, cheapest_cost(&target->traits), &password, &encoded);
    looked(run, "after a hash");
    outlet_show(OUTLET_REPLY, encoded.bytes, encoded.size);
    judge_outlets(run, "the password", "in the stored string");
    stored_verify(run, target, &encoded, &password);
    looked(run, "after the right password");
    stored_verify(run, target, &encoded, &wrong);
    looked(run, "after a wrong password");
    encoded.size /= 2;
    stored_verify(run, target, &encoded, &password);
    looked(run, "after a broken string");
    text_add(&password, "\xff", 1);
    plain_hash(run, target, cheapest_cost(&target->traits), &password, &encoded);
    looked(run, "after a password that is no text");
    looked_at_all(run, "the password", true);
}
const struct test_case hygiene_hashing = {
    .name = "hygiene.hashing",
    .shows = "hashing and verifying, whatever comes of it, leave no password in details, logs, "
             "output, files, environment or freed memory",
    .requirements = "A-16.2.5",
    .stands_for = "Twitter 2018: passwords in a log",
    .techniques = BIT(EXHAUSTIVE),
    .body = hygiene_of_hashing,
};

/* Every answer that an operation may give, in a history. */
static void hygiene_of_accounts(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text name, password, next, odd;
    struct client client;
    need_accounts(run, target);
    size_t which = draw_factor(run, 2);
    canary_text(run, &target->traits, which, &password);
    canary_text(run, &target->traits, NEXT, &next);
    odd = password;
    text_add(&odd, draw_factor(run, 2) == 0 ? "\xff" : "\0x", 2);
    simple_name(&target->traits, 'a', &name);
    watch_canaries(run, &target->traits);
    capture_printed(run);
    client_init(&client, run, target, cheapest_cost(&target->traits));
    client_open(&client, false);
    client_login(&client, &name, &password);
    looked(run, "after a login without an account");
    client_register(&client, &name, &odd);
    looked(run, "after a registration with an odd password");
    client_register(&client, &name, &password);
    looked(run, "after a registration");
    client_register(&client, &name, &next);
    looked(run, "after a registration of a name that is taken");
    client_close(&client);
    client.cost = draw_cost(run, &target->traits);
    client_open(&client, true);
    client_login(&client, &name, &next);
    looked(run, "after a wrong password");
    client_login(&client, &name, &password);
    looked(run, "after the right password");
    if (target->change_password) {
        client_change(&client, &name, &odd, &next);
        looked(run, "after a change that is denied");
        client_change(&client, &name, &password, &next);
        looked(run, "after a change");
    }
    if (target->remove_account) {
        client_remove(&client, &name, &odd);
        looked(run, "after a removal that is denied");
        client_remove(&client, &name, &next);
        looked(run, "after a removal");
    }
    client_close(&client);
    looked_at_all(run, "the password", true);
}
const struct test_case hygiene_accounts = {
    .name = "hygiene.accounts",
    .shows = "no operation on accounts, whatever its answer, leaves a password in details, logs, "
             "output, files, journals, environment or freed memory",
    .requirements = "A-16.2.5",
    .stands_for = "Twitter 2018, Facebook 2019: passwords stored where nobody looked for them",
    .techniques = BIT(EXHAUSTIVE) | BIT(PROPERTY),
    .weight = 25,
    .body = hygiene_of_accounts,
};

/* The same, short: each of its sites fails. */
static void failing_hashing(struct run *run, const struct assay_target *target,
                            const struct text *password)
{
    struct text encoded;
    step(run, "hash");
    struct assay_reply reply =
        plain_hash(run, target, cheapest_cost(&target->traits), password, &encoded);
    judge_reply(run, &reply, "hash", password);
    if (reply.answer == ASSAY_OK)
        stored_verify(run, target, &encoded, password);
    looked(run, "after a hash");
}

static void failing_accounts(struct run *run, const struct assay_target *target,
                             const struct text *password)
{
    struct client client;
    struct text name, next;
    simple_name(&target->traits, 'a', &name);
    canary_text(run, &target->traits, NEXT, &next);
    client_init(&client, run, target, cheapest_cost(&target->traits));
    if (!client_open(&client, true))
        return;
    client_register(&client, &name, password);
    looked(run, "after a registration");
    if (target->change_password)
        client_change(&client, &name, password, &next);
    else
        client_login(&client, &name, password);
    looked(run, "after a change");
    client_close(&client);
}

static bool has_accounts(const struct assay_target *target)
{
    return target->open && target->register_account && target->login;
}

/* A store without accounts: to make it concerns no password. */
static void prepare_store(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct client client;
    if (!has_accounts(subject->target))
        return;
    client_init(&client, run, subject->target, cheapest_cost(&subject->target->traits));
    client_open(&client, false);
    client_close(&client);
}

static void error_paths(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password;
    if (!has_accounts(target))
        need_hashing(run, target);
    canary_text(run, &target->traits, NORMALISED, &password);
    watch_canaries(run, &target->traits);
    capture_printed(run);
    if (has_accounts(target))
        failing_accounts(run, target, &password);
    else
        failing_hashing(run, target, &password);
    looked_at_all(run, "the password", true);
}
const struct test_case hygiene_error_paths = {
    .name = "hygiene.error_paths",
    .shows = "no failure of disk, memory or randomness brings a password to light",
    .requirements = "A-16.2.5 A-16.5.1",
    .stands_for = "an error message with the request in it",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .body = error_paths,
    .prepare = prepare_store,
};

/* --- Digests ---------------------------------------------------------------------------------- */

/* The part of a stored string that is certainly of its digest: near its end. */
#define DIGEST_FROM_END 24u
#define DIGEST_BYTES    12u

static const uint8_t *digest_of(const struct text *encoded)
{
    return encoded->bytes + encoded->size - DIGEST_FROM_END;
}

/* In how many rows of this column the bytes are; 0, if it cannot be read. */
static int64_t rows_with(sqlite3 *database, const char *table, const char *column,
                         const uint8_t *bytes, size_t size)
{
    sqlite3_stmt *statement = NULL;
    int64_t rows = 0;
    char *sql = sqlite3_mprintf(
        "SELECT count(*) FROM \"%w\" WHERE instr(CAST(\"%w\" AS BLOB), ?1) > 0", table, column);
    if (sql && sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_bind_blob(statement, 1, bytes, (int)size, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        rows = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_free(sql);
    return rows;
}

struct places {
    uint32_t columns; /* that hold the digest */
    int64_t rows;     /* in all of these */
    char names[160];  /* "account.credential, audit.detail" */
};

static void find_digest(sqlite3 *database, const struct text *encoded, struct places *ret)
{
    static const char columns[] = "SELECT m.name, c.name FROM sqlite_schema AS m, "
                                  "pragma_table_info(m.name) AS c WHERE m.type = 'table'";
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(database, columns, -1, &statement, NULL) != SQLITE_OK)
        return;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(statement, 0);
        const char *column = (const char *)sqlite3_column_text(statement, 1);
        int64_t rows = table && column
                           ? rows_with(database, table, column, digest_of(encoded), DIGEST_BYTES)
                           : 0;
        size_t used = strlen(ret->names);
        if (rows == 0)
            continue;
        ret->columns++;
        ret->rows += rows;
        snprintf(ret->names + used, sizeof ret->names - used, "%s%s.%s", used ? ", " : "", table,
                 column);
    }
    sqlite3_finalize(statement);
}

/* False: there is no such database that SQLite can read. */
static bool read_places(const struct text *encoded, struct places *ret)
{
    sqlite3 *database = NULL;
    bool was_quiet = edge_quiet(true);
    *ret = (struct places){.columns = 0};
    bool opened =
        sqlite3_open_v2(ACCOUNTS_PATH, &database, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK;
    if (opened)
        find_digest(database, encoded, ret);
    sqlite3_close(database);
    edge_quiet(was_quiet);
    return opened;
}

static void digest_in_one_place(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text name, password, wrong, encoded;
    struct places places;
    struct client client;
    need_records(run, target);
    client_with_account(&client, run, target, &name, &password);
    record_read(&client, &name, &encoded);
    if (encoded.size < 2 * DIGEST_FROM_END)
        reject(run);
    CHECK_CASE(run,
               outlet_watch(digest_of(&encoded), DIGEST_BYTES,
                            EVERYWHERE & ~(1u << OUTLET_DISK | 1u << OUTLET_FREED)),
               "there are more secrets than can be watched");
    capture_printed(run);
    wrong = password;
    wrong.bytes[0] ^= 1;
    client_login(&client, &name, &password);
    client_login(&client, &name, &wrong);
    client_register(&client, &name, &password);
    if (target->change_password)
        client_change(&client, &name, &wrong, &password);
    const struct assay_reply *reply = client_reply();
    outlet_show(OUTLET_REPLY, reply->detail, strnlen(reply->detail, sizeof reply->detail));
    client_close(&client);
    looked_at_all(run, "the digest", false);
    if (read_places(&encoded, &places))
        CHECK(run, places.columns <= 1 && places.rows <= 1,
              "the digest is in %u columns, %lld rows of the database: %s", places.columns,
              (long long)places.rows, places.names);
}
const struct test_case hygiene_digest = {
    .name = "hygiene.digest",
    .shows = "the digest of a password is in one row of one column, and nowhere else",
    .requirements = "A-16.2.5 N-10",
    .stands_for =
        "digests in audit tables and logs, which are kept longer and shown to more people",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .weight = 25,
    .body = digest_in_one_place,
};
