/* SPDX-License-Identifier: Apache-2.0
 *
 * golden-add FOLDER RELEASE: writes one database of each kind as this build writes them, into
 * FOLDER/RELEASE, and appends what is in them to FOLDER/manifest.txt. Run it once for each release.
 *
 * What is there already is never touched: a folder that exists is an error, and the manifest is
 * only ever appended to. The release "schema-1.0" is the one exception in how it is written: 1.0
 * had one table, and a credential in it had no key; that is its SQL, from the history of the
 * project, in SQL_1_0.
 *
 * Rows of Argon2id are made by the functions of the release itself; rows of crypt(3) by crypt(3),
 * as an import would bring them. The clock is MOMENT_MS for all that is written, and salts, tokens
 * and keys of names are random, so no two runs give the same files: that is why they are kept.
 *
 * The manifest is text, one thing a line, with tabs between the fields:
 *
 *     database FILE SCHEMA KEYS SHA256        FILE.db; KEYS: "keys", of FILE.keys, or -
 *     account NAME PASSWORD SCHEME PARAMETERS KEY EXPECTED
 *     stranger NAME                           has no account, and is locked at MOMENT_MS
 *     session NAME TOKEN
 *
 * EXPECTED is what a login with the right password comes to: ok; stays (ok, and the row is not
 * made anew); waits (locked at MOMENT_MS, and open a day later); closed (until an operator opens
 * it); unserved (unavailable, hashing, limit).
 */
#include "golden.h"

#include <crypt.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RELEASE_1_0   "schema-1.0"
#define PATH_BYTES    512u
#define ACCOUNTS_MAX  8u
#define VERSION_BYTES 24u
#define HASH_IN_LIMIT "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const char SQL_1_0[] = "PRAGMA journal_mode = WAL;"
                              "CREATE TABLE account("
                              "name TEXT NOT NULL COLLATE BINARY PRIMARY KEY, "
                              "credential TEXT NOT NULL"
                              ") STRICT, WITHOUT ROWID;"
                              "PRAGMA application_id = 0x41757468; PRAGMA user_version = 100";

#define KEY_ONE "tst1 VEVTVCBLRVkgT05FLCBORVZFUiBVU0UgSVQgTElWRSE="
#define KEY_TWO "tst2 VEVTVCBLRVkgVFdPLCBORVZFUiBVU0UgSVQgTElWRSE="

struct row {
    const char *name, *password;
    struct cost cost;       /* of Argon2id; all zero: see below */
    const char *crypt;      /* the beginning of a row of crypt(3) */
    unsigned long work;     /* of crypt(3) */
    const char *credential; /* as it is */
    const char *keys;       /* the keys file when it was written; null: none */
    const char *expected;   /* as in the manifest */
};

struct set {
    const char *name;
    bool is_in_1_0;
    const char *keys; /* the keys file that is kept beside it; null: none */
    struct row rows[ACCOUNTS_MAX];
    bool (*use)(struct accounts *accounts, FILE *manifest); /* what happens to it then; or null */
};

static int64_t clock_now_ms;

static int64_t given_clock(void)
{
    return clock_now_ms;
}

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* Always false, so that it ends a function. */
static bool complain(const char *what, const char *why)
{
    (void)fprintf(stderr, "golden-add: %s: %s\n", what, why);
    return false;
}

/* Attempts that fail, each after the lock of the one before. */
static bool fail_to_login(struct accounts *accounts, const char *name, unsigned count)
{
    struct reply reply;
    for (unsigned i = 0; i < count; i++) {
        clock_now_ms = MOMENT_MS - (int64_t)(count - 1 - i) * LOCK_DELAY_LONGEST_MS_DEFAULT;
        (void)!accounts_login(accounts, bytes_of(name), bytes_of("not the password"), NULL, &reply);
        if (reply.answer != ANSWER_DENIED)
            return complain(name, reply.detail);
    }
    clock_now_ms = MOMENT_MS;
    return true;
}

static bool use_sessions_and_lockout(struct accounts *accounts, FILE *manifest)
{
    struct session_token token;
    struct reply reply;
    for (int i = 0; i < 2; i++) {
        if (!accounts_login(accounts, bytes_of("signed in"), bytes_of("correct horse battery"),
                            &token, &reply))
            return complain("signed in", reply.detail);
        (void)fprintf(manifest, "session\tsigned in\t%s\n", token.text);
    }
    (void)fprintf(manifest, "stranger\tghost\n");
    return fail_to_login(accounts, "mistyped", 3) && fail_to_login(accounts, "waiting", 20) &&
           fail_to_login(accounts, "closed", ATTEMPTS_LIMIT) &&
           fail_to_login(accounts, "ghost", 20);
}

#define CHEAP                                                                                      \
    {                                                                                              \
        8, 1                                                                                       \
    }
#define PRODUCTION                                                                                 \
    {                                                                                              \
        COST_MEMORY_KIB_DEFAULT, COST_PASSES_DEFAULT                                               \
    }
#define SIXTY_FOUR "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"

static const struct set sets[] = {
    {"cheap",
     true,
     NULL,
     {{"alice", "correct horse battery", .cost = CHEAP, .expected = "ok"},
      {"Zo\xc3\xab",
       "pass"
       "e\xcc\x81 compose\xcc\x81, autrement",
       .cost = CHEAP, .expected = "ok"},
      {"bob", SIXTY_FOUR, .cost = CHEAP, .expected = "ok"},
      {"carol", "8 points", .cost = CHEAP, .expected = "ok"}, /* older than the policy */
      {"a b", "  spaces  at both ends  ", .cost = CHEAP, .expected = "ok"}},
     NULL},
    {"production",
     true,
     NULL,
     {{"alice", "correct horse battery", .cost = PRODUCTION, .expected = "ok"},
      {"\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x94\x91 key and a bit more", .cost = PRODUCTION,
       .expected = "ok"},
      {"memory", "correct horse battery", .cost = {47104, 1}, .expected = "ok"},
      {"dear", "correct horse battery", .cost = {65536, 3}, .expected = "ok"}},
     NULL},
    {"long",
     true,
     NULL,
     {{"wide", "correct horse battery", .cost = {10, 10000}, .expected = "ok"},
      {"dear", "correct horse battery", .cost = {100000, 10}, .expected = "ok"},
      {"widest", "correct horse battery",
       .credential = "$argon2id$v=19$m=4294967295,t=4294967295,p=255" HASH_IN_LIMIT,
       .expected = "unserved"}},
     NULL},
    {"long-keyed",
     false,
     KEY_ONE " current\n",
     {{"wide", "correct horse battery", .cost = {10, 10000}, .keys = KEY_ONE " current",
       .expected = "ok"},
      {"widest", "correct horse battery",
       .credential =
           "$argon2id$v=19$m=4294967295,t=4294967295,p=255,keyid=AAAAAAAAAAA" HASH_IN_LIMIT,
       .expected = "unserved"}},
     NULL},
    {"legacy",
     false,
     NULL,
     {{"bcrypt", "correct horse battery", .crypt = "$2b$", .work = 10, .expected = "ok"},
      {"php", "d\xc3\xa9j\xc3\xa0 vu, encore", .crypt = "$2y$", .work = 8, .expected = "ok"},
      {"old php", "correct horse battery", .crypt = "$2a$", .work = 5, .expected = "ok"},
      {"beyond 72", SIXTY_FOUR "and what bcrypt does not see", .crypt = "$2b$", .work = 8,
       .expected = "stays"},
      {"debian 11", "correct horse battery", .crypt = "$6$", .work = 5000, .expected = "ok"},
      {"rounds", "correct horse battery", .crypt = "$6$", .work = 65536, .expected = "ok"},
      {"debian 12", "correct horse battery", .crypt = "$y$", .work = 5, .expected = "ok"}},
     NULL},
    {"pepper-1-of-2",
     false,
     KEY_ONE "\n" KEY_TWO " current\n",
     {{"before", "correct horse battery", .cost = PRODUCTION, .expected = "ok"},
      {"first", "correct horse battery", .cost = PRODUCTION, .keys = KEY_ONE " current",
       .expected = "ok"},
      {"cheap", "correct horse battery", .cost = CHEAP, .keys = KEY_ONE " current",
       .expected = "ok"},
      {"imported", "correct horse battery", .crypt = "$2b$", .work = 5, .expected = "ok"}},
     NULL},
    {"pepper-2-of-2",
     false,
     KEY_ONE "\n" KEY_TWO " current\n",
     {{"first", "correct horse battery", .cost = PRODUCTION, .keys = KEY_ONE " current",
       .expected = "ok"},
      {"second", "correct horse battery", .cost = PRODUCTION,
       .keys = KEY_ONE "\n" KEY_TWO " current", .expected = "ok"},
      {"dear", "correct horse battery", .cost = {65536, 3}, .keys = KEY_ONE " current",
       .expected = "ok"}},
     NULL},
    {"sessions-and-lockout",
     false,
     NULL,
     {{"signed in", "correct horse battery", .cost = CHEAP, .expected = "ok"},
      {"mistyped", "correct horse battery", .cost = CHEAP, .expected = "ok"},
      {"waiting", "correct horse battery", .cost = CHEAP, .expected = "waits"},
      {"closed", "correct horse battery", .cost = CHEAP, .expected = "closed"}},
     use_sessions_and_lockout},
};

static bool write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wx");
    bool is_written = file != NULL && fputs(text, file) >= 0;
    if (file == NULL || fclose(file) != 0 || !is_written || chmod(path, S_IRUSR | S_IWUSR) != 0)
        return complain(path, strerror(errno));
    return true;
}

/* The keys as they were when a row was written: through a file, as any process gets them. */
static bool open_keys(const char *folder, const char *keys, struct pepper **ret)
{
    char path[PATH_BYTES];
    struct reply reply;
    (void)snprintf(path, sizeof path, "%s/then.keys", folder);
    bool is_open = write_text(path, keys) &&
                   (pepper_open(path, ret, &reply) || complain("keys", reply.detail));
    (void)unlink(path);
    return is_open;
}

static void keys_done(struct pepper **pepper)
{
    pepper_close(*pepper);
}

/* Passwords younger and older than today's policy are hashed alike. */
static bool hash(const char *folder, const struct row *row, struct credential *ret)
{
    CLEANUP(keys_done) struct pepper *pepper = NULL;
    struct password_config config;
    struct reply reply;
    if (row->keys != NULL && !open_keys(folder, row->keys, &pepper))
        return false;
    const struct password_config given = {
        .cost = row->cost,
        .code_points_min = PASSWORD_CODE_POINTS_FLOOR,
        .pepper = pepper,
    };
    return (password_config_complete(&given, &config, &reply) &&
            password_hash(&config, bytes_of(row->password), bytes_of(row->name), ret, &reply)) ||
           complain(row->name, reply.detail);
}

static bool crypt_as_passwd(const struct row *row, struct credential *ret)
{
    static struct crypt_data data;
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    const char *text = crypt_gensalt_rn(row->crypt, row->work, NULL, 0, setting, sizeof setting);
    if (text != NULL)
        text = crypt_rn(row->password, setting, &data, sizeof data);
    if (text == NULL)
        return complain(row->name, strerror(errno));
    ret->size = strlen(text);
    memcpy(ret->text, text, ret->size + 1);
    return true;
}

static bool make_credential(const char *folder, const struct row *row, struct credential *ret)
{
    if (row->crypt != NULL)
        return crypt_as_passwd(row, ret);
    if (row->credential == NULL)
        return hash(folder, row, ret);
    ret->size = strlen(row->credential);
    memcpy(ret->text, row->credential, ret->size + 1);
    return true;
}

static bool run_sql(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    return complain("sqlite", sqlite3_errmsg(db));
}

static bool insert(sqlite3 *db, const char *name, const struct credential *credential)
{
    sqlite3_stmt *statement = NULL;
    bool is_done = sqlite3_prepare_v2(db, "INSERT INTO account VALUES(?1, ?2)", -1, &statement,
                                      NULL) == SQLITE_OK &&
                   sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) == SQLITE_OK &&
                   sqlite3_bind_text(statement, 2, credential->text, (int)credential->size,
                                     SQLITE_STATIC) == SQLITE_OK &&
                   sqlite3_step(statement) == SQLITE_DONE;
    (void)sqlite3_finalize(statement);
    return is_done || complain(name, sqlite3_errmsg(db));
}

/* The rows of a set, into the file and into the manifest. */
static bool insert_all(const char *folder, const struct set *set, sqlite3 *db, FILE *manifest)
{
    for (const struct row *row = set->rows; row < set->rows + ACCOUNTS_MAX && row->name; row++) {
        struct credential credential;
        struct password_kind kind;
        struct reply reply;
        if (!make_credential(folder, row, &credential) || !insert(db, row->name, &credential))
            return false;
        if (!password_describe(credential_bytes(&credential), &kind, &reply))
            return complain(row->name, reply.detail);
        (void)fprintf(manifest, "account\t%s\t%s\t%s\t%s\t%s\t%s\n", row->name, row->password,
                      kind.scheme, kind.parameters, kind.key_id, row->expected);
    }
    return true;
}

/* An empty database of that schema. */
static bool create(const char *path, bool is_1_0)
{
    struct store *store;
    struct reply reply;
    sqlite3 *db = NULL;
    if (!is_1_0) {
        if (!store_open(path, false, &store, &reply))
            return complain(path, reply.detail);
        store_close(store);
        return true;
    }
    bool is_done = sqlite3_open(path, &db) == SQLITE_OK && run_sql(db, SQL_1_0);
    return sqlite3_close(db) == SQLITE_OK && is_done;
}

static bool use(const char *path, const struct set *set, FILE *manifest)
{
    struct accounts *accounts;
    struct reply reply;
    const struct accounts_config config = {
        .path = path, .must_exist = true, .password.cost = CHEAP, .clock_ms = given_clock};
    if (set->use == NULL)
        return true;
    clock_now_ms = MOMENT_MS;
    if (!accounts_open(&config, &accounts, &reply))
        return complain(path, reply.detail);
    bool is_done = set->use(accounts, manifest);
    accounts_close(accounts);
    return is_done;
}

/* As small as it gets, and nothing beside it. */
static bool pack(const char *path)
{
    sqlite3 *db = NULL;
    bool is_done = sqlite3_open(path, &db) == SQLITE_OK && run_sql(db, "VACUUM");
    return sqlite3_close(db) == SQLITE_OK && is_done;
}

/* What the file says about itself, as "1.1". */
static bool read_version(const char *path, char ret[VERSION_BYTES])
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    bool is_done =
        sqlite3_open(path, &db) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW;
    if (is_done)
        (void)snprintf(ret, VERSION_BYTES, "%d.%d", sqlite3_column_int(statement, 0) / 100,
                       sqlite3_column_int(statement, 0) % 100);
    (void)sqlite3_finalize(statement);
    return sqlite3_close(db) == SQLITE_OK && is_done;
}

static bool fill(const char *folder, const struct set *set, const char *path, bool is_1_0,
                 FILE *manifest)
{
    sqlite3 *db = NULL;
    if (!create(path, is_1_0))
        return false;
    bool is_done = sqlite3_open(path, &db) == SQLITE_OK && insert_all(folder, set, db, manifest);
    return sqlite3_close(db) == SQLITE_OK && is_done && use(path, set, manifest) && pack(path);
}

/* One database: the file, its keys, its lines of the manifest. Its own line comes first, and can
 * only be written last. */
static bool write_set(const char *folder, const char *release, const struct set *set,
                      FILE *manifest)
{
    char path[PATH_BYTES], keys[PATH_BYTES], digest[DIGEST_TEXT_BYTES], version[VERSION_BYTES];
    char *text = NULL;
    size_t size;
    (void)snprintf(path, sizeof path, "%s/%s/%s.db", folder, release, set->name);
    (void)snprintf(keys, sizeof keys, "%s/%s/%s.keys", folder, release, set->name);
    if (set->keys != NULL && !write_text(keys, set->keys))
        return false;
    FILE *lines = open_memstream(&text, &size);
    if (lines == NULL)
        return complain(path, strerror(errno));
    bool is_done = fill(folder, set, path, strcmp(release, RELEASE_1_0) == 0, lines);
    is_done =
        fclose(lines) == 0 && is_done && read_version(path, version) && file_digest(path, digest);
    if (is_done)
        (void)fprintf(manifest, "database\t%s/%s\t%s\t%s\t%s\n%s", release, set->name, version,
                      set->keys != NULL ? "keys" : "-", digest, text);
    free(text);
    return is_done;
}

int main(int count, char **arguments)
{
    char path[PATH_BYTES];
    if (count != 3 || sodium_init() < 0) {
        (void)fprintf(stderr, "usage: golden-add FOLDER RELEASE\n");
        return 64;
    }
    bool is_1_0 = strcmp(arguments[2], RELEASE_1_0) == 0;
    (void)snprintf(path, sizeof path, "%s/%s", arguments[1], arguments[2]);
    if (mkdir(path, S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH) != 0) {
        (void)complain(path, strerror(errno));
        return 1;
    }
    (void)snprintf(path, sizeof path, "%s/manifest.txt", arguments[1]);
    FILE *manifest = fopen(path, "a");
    bool is_done = manifest != NULL;
    for (size_t i = 0; is_done && i < sizeof sets / sizeof *sets; i++)
        if (!is_1_0 || sets[i].is_in_1_0)
            is_done = write_set(arguments[1], arguments[2], &sets[i], manifest);
    return manifest != NULL && fclose(manifest) == 0 && is_done ? 0 : 1;
}
