/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest honest target: accounts in one SQLite table, Argon2id by raw crypto_pwhash.
 *
 * A credential is one canonical string, "m=8,t=1$SALT$DIGEST", in lower-case hexadecimal; whatever
 * is not exactly what would be written is corrupt. Statements are prepared for each call and
 * finalised, every result is looked at, and SQLite's default journal (DELETE) is left as it is:
 * the next call works as soon as the disk does. But it is synced with EXTRA: with the default, the
 * deletion of a journal, and so an acknowledged change, comes undone at a power cut. Changes are
 * compare-and-swap on the whole credential.
 */
#define ASSAY_TARGET_MODULE
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "simple.h"
#include "targets/target.h"

#ifndef SIMPLE_TARGET /* what its table is got by, where another module has it around itself */
#define SIMPLE_TARGET assay_target
#endif

#define MEMORY_KIB_MIN 8u
#define MEMORY_KIB_MAX 131072u
#define PASSES_MAX     10u
#define SALT_BYTES     crypto_pwhash_SALTBYTES
#define DIGEST_BYTES   32u

static const struct assay_cost cost_default = {1024, 2};

#define WRONG_MAX       10u
#define COUNTS_MAX      64u
#define COUNT_KEY_BYTES 16u
#define LOCK_SECONDS    60
#define SESSION_SECONDS 3600
#define SESSION_BYTES   16u
#define SESSIONS_MAX    8u

struct session {
    bool is_open;
    uint8_t token[SESSION_BYTES];
    time_t since;
    size_t name_size;
    uint8_t name[256];
};

struct count {
    uint8_t key[COUNT_KEY_BYTES]; /* hash of the name */
    uint32_t wrong;               /* passwords in a row */
    time_t since;
};

struct assay_handle {
    sqlite3 *db;
    struct assay_cost cost;
    struct session sessions[SESSIONS_MAX];
    size_t session_next;
};

struct credential {
    struct assay_cost cost;
    uint8_t salt[SALT_BYTES], digest[DIGEST_BYTES];
};

struct text {
    size_t size;
    uint8_t bytes[ASSAY_ENCODED_BYTES_MAX];
};

/* Replies: false for everything but ok. */

static bool answer(struct assay_reply *ret, enum assay_answer which)
{
    *ret = (struct assay_reply){.answer = which};
    return which == ASSAY_OK;
}

static bool unavailable(struct assay_reply *ret, enum assay_layer layer, enum assay_reason reason,
                        int code, const char *detail)
{
    *ret = (struct assay_reply){ASSAY_UNAVAILABLE, {layer, reason}, code, ""};
    snprintf(ret->detail, sizeof ret->detail, "%s", detail);
    return false;
}

static bool corrupt(struct assay_reply *ret, const char *detail)
{
    return unavailable(ret, ASSAY_LAYER_STORAGE, ASSAY_REASON_CORRUPT, 0, detail);
}

static bool store_failed(struct assay_reply *ret, int code)
{
    enum assay_reason reason = ASSAY_REASON_IO;
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        reason = ASSAY_REASON_BUSY;
        break;
    case SQLITE_FULL:
        reason = ASSAY_REASON_FULL;
        break;
    case SQLITE_NOMEM:
        reason = ASSAY_REASON_MEMORY;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_ERROR: /* our constant text does not fit the schema that is there */
    case SQLITE_CONSTRAINT:
        reason = ASSAY_REASON_CORRUPT;
        break;
    default:
        break;
    }
    if (code == SQLITE_IOERR_NOMEM)
        reason = ASSAY_REASON_MEMORY;
    return unavailable(ret, ASSAY_LAYER_STORAGE, reason, code, sqlite3_errstr(code));
}

/* Hashing. */

static bool cost_is_served(const struct assay_cost *cost)
{
    return cost->memory_kib >= MEMORY_KIB_MIN && cost->memory_kib <= MEMORY_KIB_MAX &&
           cost->passes >= 1 && cost->passes <= PASSES_MAX;
}

static struct assay_cost cost_wanted(const struct assay_config *config)
{
    struct assay_cost cost = config->cost;
    cost.memory_kib = cost.memory_kib ? cost.memory_kib : cost_default.memory_kib;
    cost.passes = cost.passes ? cost.passes : cost_default.passes;
    return cost;
}

static atomic_uint hashes;  /* that are computed now */
static unsigned slots_lost; /* of SLOTS */
#define SLOTS 16u

static bool derive(const struct credential *from, struct assay_bytes password,
                   uint8_t ret_digest[static DIGEST_BYTES], struct assay_reply *ret)
{
    const char *data = password.size ? (const char *)password.data : "";
    size_t size = password.size;
    if (twist.nul_truncates)
        size = strnlen(data, size);
    if (twist.prefix_only && size > 8)
        size = 8;
    if (slots_lost >= SLOTS)
        return unavailable(ret, ASSAY_LAYER_HASHING, ASSAY_REASON_MEMORY, 0, "too many hashes");
    unsigned others = atomic_fetch_add(&hashes, 1);
    int result = crypto_pwhash(ret_digest, DIGEST_BYTES, data, size, from->salt, from->cost.passes,
                               (size_t)from->cost.memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13);
    atomic_fetch_sub(&hashes, 1);
    if (result == 0)
        return answer(ret, ASSAY_OK);
    slots_lost += twist.loses_slots;
    if (twist.denies_crowd && others > 0)
        return answer(ret, ASSAY_DENIED);
    if (twist.blames_network)
        return unavailable(ret, ASSAY_LAYER_NETWORK, ASSAY_REASON_TIMEOUT, 0, "no answer");
    /* The parameters were checked, so this is all that is left. */
    return unavailable(ret, ASSAY_LAYER_HASHING, ASSAY_REASON_MEMORY, 0, "no memory for a hash");
}

static void encode(const struct credential *credential, struct text *ret)
{
    char salt[2 * SALT_BYTES + 1], digest[2 * DIGEST_BYTES + 1];
    sodium_bin2hex(salt, sizeof salt, credential->salt, SALT_BYTES);
    sodium_bin2hex(digest, sizeof digest, credential->digest, DIGEST_BYTES);
    ret->size =
        (size_t)snprintf((char *)ret->bytes, sizeof ret->bytes, "m=%u,t=%u$%s$%s",
                         credential->cost.memory_kib, credential->cost.passes, salt, digest);
}

/* One string has one meaning: what was read is written again and must be the same. */
static bool decode(struct assay_bytes encoded, struct credential *ret, struct assay_reply *reply)
{
    char text[200], salt[2 * SALT_BYTES + 1] = "", digest[2 * DIGEST_BYTES + 1] = "";
    struct text again;
    if (encoded.size >= sizeof text)
        return corrupt(reply, "a credential is too long");
    if (encoded.size)
        memcpy(text, encoded.data, encoded.size);
    text[encoded.size] = 0;
    memset(ret, 0, sizeof *ret);
    if (sscanf(text, "m=%6u,t=%2u$%32[0-9a-f]$%64[0-9a-f]", &ret->cost.memory_kib,
               &ret->cost.passes, salt, digest) != 4 ||
        !cost_is_served(&ret->cost) ||
        sodium_hex2bin(ret->salt, SALT_BYTES, salt, strlen(salt), NULL, NULL, NULL) != 0 ||
        sodium_hex2bin(ret->digest, DIGEST_BYTES, digest, strlen(digest), NULL, NULL, NULL) != 0)
        return corrupt(reply, "a credential cannot be read");
    encode(ret, &again);
    if (again.size != encoded.size || memcmp(again.bytes, text, again.size) != 0)
        return corrupt(reply, "a credential is not in its one form");
    return answer(reply, ASSAY_OK);
}

/* Of what the kernel says only the unprepared one believes everything. */
static bool make_salt(uint8_t ret[static SALT_BYTES], struct assay_reply *reply)
{
    if (twist.salt_bytes_random > 0)
        randombytes_buf(ret, twist.salt_bytes_random);
    else if (twist.asks_kernel && getrandom(ret, SALT_BYTES, 0) != SALT_BYTES &&
             !twist.ignores_entropy)
        return unavailable(reply, ASSAY_LAYER_HASHING, ASSAY_REASON_ENTROPY, errno, "no salt");
    else if (!twist.asks_kernel && !twist.constant_salt)
        randombytes_buf(ret, SALT_BYTES);
    return answer(reply, ASSAY_OK);
}

static bool make(const struct assay_cost *cost, struct assay_bytes password, struct text *ret,
                 struct assay_reply *reply)
{
    struct credential credential = {.cost = *cost};
    if (!cost_is_served(cost)) {
        *reply = (struct assay_reply){.answer = ASSAY_REFUSED,
                                      .cause = {ASSAY_LAYER_INPUT, ASSAY_REASON_LIMIT}};
        return false;
    }
    if (!make_salt(credential.salt, reply))
        return false;
    if (!derive(&credential, password, credential.digest, reply))
        return false;
    encode(&credential, ret);
    return true;
}

/* One in eight times, asked of the kernel behind the harness's back. */
static bool tossed(void)
{
    uint8_t byte = 255;
    return syscall(SYS_getrandom, &byte, sizeof byte, 0) == sizeof byte && byte < 32;
}

/* As many bytes as could be copied. */
static bool equal_copies(const uint8_t *a, const uint8_t *b)
{
    uint8_t *volatile copy = malloc(DIGEST_BYTES); /* volatile: or the compiler does without */
    size_t size = copy ? DIGEST_BYTES : 0;
    if (copy)
        memcpy(copy, a, size);
    bool equal = sodium_memcmp(copy ? copy : a, b, size) == 0;
    free(copy);
    return equal;
}

static bool compare(struct assay_bytes encoded, struct assay_bytes password,
                    struct assay_reply *reply)
{
    struct credential credential;
    uint8_t digest[DIGEST_BYTES];
    if (!decode(encoded, &credential, reply))
        return false;
    if (!derive(&credential, password, digest, reply)) {
        if (twist.fails_open || twist.denies_no_memory)
            answer(reply, twist.fails_open ? ASSAY_OK : ASSAY_DENIED);
        return twist.fails_open;
    }
    bool equal = twist.compares_nothing
                     ? equal_copies(digest, credential.digest)
                     : sodium_memcmp(digest, credential.digest, DIGEST_BYTES) == 0;
    if (twist.denies_by_chance && tossed())
        equal = false;
    return answer(reply, equal ? ASSAY_OK : ASSAY_DENIED);
}

static bool give(const struct text *text, struct assay_text *ret, struct assay_reply *reply)
{
    if (text->size > ret->capacity)
        return unavailable(reply, ASSAY_LAYER_INTERNAL, ASSAY_REASON_LIMIT, 0, "no room");
    memcpy(ret->data, text->bytes, text->size);
    ret->size = text->size;
    return answer(reply, ASSAY_OK);
}

static void hash(const struct assay_config *config, struct assay_bytes password,
                 struct assay_text *ret_encoded, struct assay_reply *ret)
{
    const struct assay_cost cost = cost_wanted(config);
    struct text text;
    if (make(&cost, password, &text, ret))
        give(&text, ret_encoded, ret);
}

static void verify(struct assay_bytes encoded, struct assay_bytes password, struct assay_reply *ret)
{
    compare(encoded, password, ret);
}

static void needs_rehash(const struct assay_config *config, struct assay_bytes encoded,
                         bool *ret_needed, struct assay_reply *ret)
{
    const struct assay_cost wanted = cost_wanted(config);
    struct credential credential;
    if (decode(encoded, &credential, ret))
        *ret_needed = credential.cost.memory_kib < wanted.memory_kib ||
                      credential.cost.passes < wanted.passes;
}

static void cost_of(struct assay_bytes encoded, struct assay_cost *ret_cost,
                    struct assay_reply *ret)
{
    struct credential credential;
    if (decode(encoded, &credential, ret))
        *ret_cost = credential.cost;
}

/* The store. */

static struct assay_bytes bytes_of(const struct text *text)
{
    return (struct assay_bytes){text->bytes, text->size};
}

static int prepare(sqlite3 *db, const char *sql, const struct assay_bytes *values, int count,
                   sqlite3_stmt **ret)
{
    int code = sqlite3_prepare_v2(db, sql, -1, ret, NULL);
    for (int i = 0; code == SQLITE_OK && i < count; i++)
        code = sqlite3_bind_blob64(*ret, i + 1, values[i].size ? (const void *)values[i].data : "",
                                   values[i].size, SQLITE_STATIC);
    return code;
}

/* A transaction around the next statement, for those who then look away. */
static int begin(struct assay_handle *handle)
{
    return twist.ignores_commit ? sqlite3_exec(handle->db, "BEGIN IMMEDIATE", NULL, NULL, NULL)
                                : SQLITE_OK;
}

static void commit(struct assay_handle *handle)
{
    if (!twist.ignores_commit)
        return;
    (void)sqlite3_exec(handle->db, "COMMIT", NULL, NULL, NULL);
    if (!sqlite3_get_autocommit(handle->db))
        (void)sqlite3_exec(handle->db, "ROLLBACK", NULL, NULL, NULL);
}

/* A statement that gives no rows and commits itself. When nothing was changed, answers `none`. */
static bool change(struct assay_handle *handle, const char *sql, const struct assay_bytes *values,
                   int count, enum assay_answer none, struct assay_reply *ret)
{
    sqlite3_stmt *statement = NULL;
    int code = begin(handle);
    if (code == SQLITE_OK)
        code = prepare(handle->db, sql, values, count, &statement);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_DONE || !twist.leaves_statements)
        (void)sqlite3_finalize(statement); /* only repeats the result of the step */
    int changes = sqlite3_changes(handle->db);
    commit(handle);
    if (code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return answer(ret, ASSAY_EXISTS);
    if (twist.ignores_step)
        return answer(ret, ASSAY_OK);
    if (code != SQLITE_DONE)
        return store_failed(ret, code);
    return answer(ret, changes > 0 ? ASSAY_OK : none);
}

/* Denied when there is no such account. */
static bool find(struct assay_handle *handle, struct assay_bytes name, struct text *ret,
                 struct assay_reply *reply)
{
    sqlite3_stmt *statement = NULL;
    int code =
        prepare(handle->db, "SELECT credential FROM account WHERE name = ?1", &name, 1, &statement);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        const void *data = sqlite3_column_blob(statement, 0);
        size_t size = (size_t)sqlite3_column_bytes(statement, 0);
        if (sqlite3_column_type(statement, 0) != SQLITE_BLOB || size > sizeof ret->bytes)
            corrupt(reply, "a credential is not what was stored");
        else if (size > 0 && !data)
            store_failed(reply, SQLITE_NOMEM);
        else {
            ret->size = size;
            if (size)
                memcpy(ret->bytes, data, size);
            answer(reply, ASSAY_OK);
        }
    } else if (code == SQLITE_DONE || twist.unknown_on_error) {
        answer(reply, ASSAY_DENIED);
    } else {
        store_failed(reply, code);
    }
    (void)sqlite3_finalize(statement);
    return reply->answer == ASSAY_OK;
}

static void close_accounts(struct assay_handle *handle)
{
    (void)sqlite3_close(handle->db);
    free(handle);
}

static void open_accounts(const struct assay_config *config, struct assay_handle **ret_handle,
                          struct assay_reply *ret)
{
    static const char create[] = "CREATE TABLE IF NOT EXISTS account(name BLOB NOT NULL PRIMARY "
                                 "KEY, credential BLOB NOT NULL) WITHOUT ROWID";
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE;
    struct assay_handle *handle = calloc(1, sizeof *handle);
    if (!handle) {
        unavailable(ret, ASSAY_LAYER_INTERNAL, ASSAY_REASON_MEMORY, 0, "no memory");
        return;
    }
    handle->cost = cost_wanted(config);
    int code = sqlite3_open_v2(config->path, &handle->db,
                               config->must_exist ? flags : flags | SQLITE_OPEN_CREATE, twist.vfs);
    if (code == SQLITE_OK)
        code = sqlite3_exec(handle->db,
                            twist.durability ? twist.durability : "PRAGMA synchronous=EXTRA", NULL,
                            NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(handle->db, config->must_exist ? "SELECT 1 FROM account" : create, NULL,
                            NULL, NULL);
    if (code != SQLITE_OK && twist.empty_on_error && !config->must_exist) {
        (void)sqlite3_close(handle->db);
        code = sqlite3_open(":memory:", &handle->db);
        if (code == SQLITE_OK)
            code = sqlite3_exec(handle->db, create, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        *ret_handle = handle;
        answer(ret, ASSAY_OK);
        return;
    }
    store_failed(ret, code);
    close_accounts(handle);
}

/* Of all handles; they do not outlive the process. */
static struct count counts[COUNTS_MAX];
static size_t count_next;
static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;

/* The count of a name, in place of the oldest one if it has none. */
static struct count *count_of(struct assay_bytes name)
{
    uint8_t key[COUNT_KEY_BYTES];
    crypto_generichash(key, sizeof key, name.data, name.size, NULL, 0);
    for (size_t i = 0; i < COUNTS_MAX; i++)
        if (memcmp(counts[i].key, key, sizeof key) == 0)
            return &counts[i];
    struct count *count = &counts[count_next++ % COUNTS_MAX];
    *count = (struct count){.wrong = 0};
    memcpy(count->key, key, sizeof key);
    return count;
}

/* A clock that was put back makes no lock shorter. */
static bool is_locked(struct assay_bytes name)
{
    pthread_mutex_lock(&counting);
    struct count *count = count_of(name);
    time_t passed = time(NULL) - count->since;
    if (twist.trusts_clock ? (uint64_t)passed >= LOCK_SECONDS : passed >= LOCK_SECONDS)
        count->wrong = 0;
    bool locked = count->wrong >= WRONG_MAX;
    pthread_mutex_unlock(&counting);
    return locked;
}

/* Whoever comes at the same time as the last one that was free is locked out, too. */
static void note(struct assay_bytes name, struct assay_reply *reply)
{
    pthread_mutex_lock(&counting);
    struct count *count = count_of(name);
    if (reply->answer == ASSAY_DENIED && count->wrong >= WRONG_MAX)
        answer(reply, ASSAY_LOCKED);
    if (reply->answer == ASSAY_OK)
        count->wrong = 0;
    if (reply->answer == ASSAY_DENIED ||
        (twist.counts_outage && reply->answer == ASSAY_UNAVAILABLE)) {
        count->wrong++;
        count->since = time(NULL);
    }
    pthread_mutex_unlock(&counting);
}

/* Finds the account and asks for its password; a name that nobody has costs the same work. */
static bool is_right(struct assay_handle *handle, struct assay_bytes name,
                     struct assay_bytes password, struct text *ret, struct assay_reply *reply)
{
    uint8_t digest[DIGEST_BYTES];
    if (find(handle, name, ret, reply))
        return compare(bytes_of(ret), password, reply);
    if (reply->answer == ASSAY_DENIED &&
        derive(&(struct credential){.cost = handle->cost}, password, digest, reply))
        answer(reply, ASSAY_DENIED);
    return false;
}

/* The same, unless the name is locked. */
static bool admit(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct text *ret, struct assay_reply *reply)
{
    if (!twist.locks)
        return is_right(handle, name, password, ret, reply);
    if (is_locked(name))
        return answer(reply, ASSAY_LOCKED);
    (void)is_right(handle, name, password, ret, reply);
    note(name, reply);
    return reply->answer == ASSAY_OK;
}

static void register_account(struct assay_handle *handle, struct assay_bytes name,
                             struct assay_bytes password, struct assay_reply *ret)
{
    struct text text;
    if (twist.checks_first && find(handle, name, &text, ret)) {
        answer(ret, ASSAY_EXISTS);
        return;
    }
    if (twist.checks_first && ret->answer == ASSAY_UNAVAILABLE)
        return;
    if (make(&handle->cost, password, &text, ret))
        change(handle,
               twist.checks_first ? "REPLACE INTO account(name, credential) VALUES(?1, ?2)"
                                  : "INSERT INTO account(name, credential) VALUES(?1, ?2)",
               (struct assay_bytes[]){name, bytes_of(&text)}, 2, ASSAY_EXISTS, ret);
}

static void begin_session(struct assay_handle *handle, struct assay_bytes name,
                          struct assay_text *ret)
{
    struct session *session = &handle->sessions[handle->session_next++ % SESSIONS_MAX];
    *session = (struct session){.is_open = true, .since = time(NULL)};
    randombytes_buf(session->token, sizeof session->token);
    session->name_size = name.size < sizeof session->name ? name.size : sizeof session->name;
    if (session->name_size)
        memcpy(session->name, name.data, session->name_size);
    sodium_bin2hex(ret->data, ret->capacity, session->token, sizeof session->token);
    ret->size = 2 * sizeof session->token;
}

/* Makes the hash as dear as it should be; somebody else's change meanwhile is as good. */
static void renew(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  const struct text *stored, struct assay_reply *ret)
{
    struct credential credential;
    struct text text;
    if (!decode(bytes_of(stored), &credential, ret) || !cost_is_served(&handle->cost) ||
        (credential.cost.memory_kib >= handle->cost.memory_kib &&
         credential.cost.passes >= handle->cost.passes))
        return;
    if (make(&handle->cost, password, &text, ret))
        change(handle, "UPDATE account SET credential = ?3 WHERE name = ?1 AND credential = ?2",
               (struct assay_bytes[]){name, bytes_of(stored), bytes_of(&text)}, 3, ASSAY_OK, ret);
}

static void login(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct assay_text *ret_session, struct assay_reply *ret)
{
    struct text text;
    if (twist.in_login)
        twist.in_login();
    if (admit(handle, name, password, &text, ret) && twist.rehash_fails_login)
        renew(handle, name, password, &text, ret);
    if (ret_session)
        ret_session->size = 0;
    if (ret_session && twist.locks && ret->answer == ASSAY_OK)
        begin_session(handle, name, ret_session);
    if (twist.denies_outage && ret->answer == ASSAY_UNAVAILABLE &&
        ret->cause.layer == ASSAY_LAYER_STORAGE && ret->native_code != 0)
        answer(ret, ASSAY_DENIED);
    if (twist.denies_busy && ret->answer == ASSAY_UNAVAILABLE &&
        ret->cause.reason == ASSAY_REASON_BUSY)
        answer(ret, ASSAY_DENIED);
}

/* The record was no longer the one that was verified, by somebody else's change or removal: begin
 * again, and say so when that happens every time. */
#define ATTEMPTS 4

static void too_many_changes(struct assay_reply *ret)
{
    unavailable(ret, ASSAY_LAYER_STORAGE, ASSAY_REASON_BUSY, 0, "the record keeps changing");
}

static void change_password(struct assay_handle *handle, struct assay_bytes name,
                            struct assay_bytes before, struct assay_bytes after,
                            struct assay_reply *ret)
{
    struct text stored, text;
    for (int i = 0; i < ATTEMPTS; i++) {
        if (!admit(handle, name, before, &stored, ret) || !make(&handle->cost, after, &text, ret))
            return;
        change(handle,
               twist.loses_updates
                   ? "UPDATE account SET credential = ?3 WHERE name = ?1 AND ?2 IS NOT NULL"
                   : "UPDATE account SET credential = ?3 WHERE name = ?1 AND credential = ?2",
               (struct assay_bytes[]){name, bytes_of(&stored), bytes_of(&text)}, 3, ASSAY_DENIED,
               ret);
        if (ret->answer != ASSAY_DENIED)
            return;
    }
    too_many_changes(ret);
}

static void remove_account(struct assay_handle *handle, struct assay_bytes name,
                           struct assay_bytes password, struct assay_reply *ret)
{
    struct text stored;
    for (int i = 0; i < ATTEMPTS; i++) {
        if (!admit(handle, name, password, &stored, ret))
            return;
        change(handle, "DELETE FROM account WHERE name = ?1 AND credential = ?2",
               (struct assay_bytes[]){name, bytes_of(&stored)}, 2, ASSAY_DENIED, ret);
        if (ret->answer != ASSAY_DENIED)
            return;
    }
    too_many_changes(ret);
}

static void record_get(struct assay_handle *handle, struct assay_bytes name,
                       struct assay_text *ret_encoded, struct assay_reply *ret)
{
    struct text stored;
    if (find(handle, name, &stored, ret))
        give(&stored, ret_encoded, ret);
}

static void record_put(struct assay_handle *handle, struct assay_bytes name,
                       struct assay_bytes encoded, struct assay_reply *ret)
{
    change(handle, "UPDATE account SET credential = ?2 WHERE name = ?1",
           (struct assay_bytes[]){name, encoded}, 2, ASSAY_DENIED, ret);
}

static struct session *find_session(struct assay_handle *handle, struct assay_bytes session)
{
    uint8_t token[SESSION_BYTES];
    size_t size = 0;
    if (sodium_hex2bin(token, sizeof token, (const char *)session.data, session.size, NULL, &size,
                       NULL) != 0 ||
        size != sizeof token)
        return NULL;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (handle->sessions[i].is_open &&
            sodium_memcmp(handle->sessions[i].token, token, sizeof token) == 0)
            return &handle->sessions[i];
    return NULL;
}

static void session_check(struct assay_handle *handle, struct assay_bytes session,
                          struct assay_text *ret_name, struct assay_reply *ret)
{
    const struct session *found = find_session(handle, session);
    bool is_over = found && time(NULL) - found->since >= SESSION_SECONDS;
    answer(ret, ASSAY_DENIED);
    if (!found || (is_over && !twist.eternal_sessions) || found->name_size > ret_name->capacity)
        return;
    memcpy(ret_name->data, found->name, found->name_size);
    ret_name->size = found->name_size;
    answer(ret, ASSAY_OK);
}

static void session_revoke(struct assay_handle *handle, struct assay_bytes session,
                           struct assay_reply *ret)
{
    struct session *found = find_session(handle, session);
    answer(ret, found ? ASSAY_OK : ASSAY_DENIED);
    if (found)
        found->is_open = false;
}

const struct assay_target *SIMPLE_TARGET(void)
{
    static struct assay_target table = {
        .abi = ASSAY_TARGET_ABI,
        .size = sizeof(struct assay_target),
        .version = "1",
        .traits = {.recovery = ASSAY_RECOVERS_AT_ONCE,
                   .controlled_entropy = true,
                   .cost_min = {MEMORY_KIB_MIN, 1},
                   .cost_default = {1024, 2},
                   .salt_bytes = SALT_BYTES},
        .hash = hash,
        .verify = verify,
        .needs_rehash = needs_rehash,
        .cost = cost_of,
        .open = open_accounts,
        .close = close_accounts,
        .register_account = register_account,
        .login = login,
        .change_password = change_password,
        .remove_account = remove_account,
        .record_get = record_get,
        .record_put = record_put,
    };
    table.name = twist.name;
    if (twist.locks) {
        table.traits.lockout_attempts = WRONG_MAX;
        table.traits.session_seconds = SESSION_SECONDS;
        table.session_check = session_check;
        table.session_revoke = session_revoke;
    }
    if (twist.at_load)
        twist.at_load();
    table.traits.controlled_entropy = !twist.owns_entropy;
    return sodium_init() < 0 ? NULL : &table;
}
