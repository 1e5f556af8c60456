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
#define CHEAP_BYTES    105u /* of a string at the least cost */
#define NAME_BYTES_CUT 64u  /* by a liar */
#define SALT_BYTES     crypto_pwhash_SALTBYTES
#define DIGEST_BYTES   32u

static const struct assay_cost cost_default = {1024, 2}, cost_least = {MEMORY_KIB_MIN, 1};

#define WRONG_MAX        10u
#define COUNTS_MAX       256u
#define COUNTS_FEW       8u
#define COUNT_KEY_BYTES  16u
#define LOCK_SECONDS     60
#define SESSION_SECONDS  3600
#define SESSION_BYTES    16u
#define TOKEN_BYTES      (2u * SESSION_BYTES)
#define SESSIONS_MAX     16u
#define BINDING_BYTES    16u
#define NAME_BYTES_KEPT  2048u /* of a session; a longer name has none */
#define COMPARED_BY_LIAR 20u   /* bytes of a token */

struct session {
    bool is_open;
    char token[TOKEN_BYTES + 1]; /* in hexadecimal */
    time_t since;
    uint8_t binding[BINDING_BYTES]; /* hash of the credential that it was begun with */
    size_t name_size;
    uint8_t name[NAME_BYTES_KEPT];
};

struct count {
    uint8_t key[COUNT_KEY_BYTES]; /* hash of the name */
    uint32_t wrong;               /* passwords in a row */
    time_t since;
};

struct assay_handle {
    sqlite3 *db;
    struct assay_cost cost;
    struct assay_bytes spelled; /* the name of the operation under way, as it was given */
    const char *operation;
};

struct credential {
    struct assay_cost cost;
    uint8_t salt[SALT_BYTES], digest[DIGEST_BYTES];
    size_t digest_size; /* of a liar it may be less */
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
    if (twist.denies_corrupt)
        return answer(ret, ASSAY_DENIED);
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
        reason = twist.damage_is_busy ? ASSAY_REASON_BUSY : ASSAY_REASON_CORRUPT;
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
    const struct assay_cost otherwise = twist.least_by_default ? cost_least : cost_default;
    struct assay_cost cost = config->cost;
    cost.memory_kib = cost.memory_kib ? cost.memory_kib : otherwise.memory_kib;
    cost.passes = cost.passes ? cost.passes : otherwise.passes;
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
    if (twist.denies_beside && others > 0)
        return answer(ret, ASSAY_DENIED);
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
    ret->digest_size = twist.compares_parts ? strlen(digest) / 2 : DIGEST_BYTES;
    size_t missing = 2 * (DIGEST_BYTES - ret->digest_size);
    if (again.size != encoded.size + missing || memcmp(again.bytes, text, encoded.size) != 0)
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
    static uint8_t shared[DIGEST_BYTES];
    struct credential credential;
    uint8_t own[DIGEST_BYTES], *digest = twist.shares_digest ? shared : own;
    if (!decode(encoded, &credential, reply))
        return twist.opens_corrupt && answer(reply, ASSAY_OK);
    if (!derive(&credential, password, digest, reply)) {
        if (twist.fails_open || twist.denies_no_memory)
            answer(reply, twist.fails_open ? ASSAY_OK : ASSAY_DENIED);
        return twist.fails_open;
    }
    size_t compared = twist.compares_a_byte ? 1 : credential.digest_size;
    bool equal = twist.compares_nothing ? equal_copies(digest, credential.digest)
                                        : sodium_memcmp(digest, credential.digest, compared) == 0;
    if (twist.denies_by_chance && tossed())
        equal = false;
    return answer(reply, equal ? ASSAY_OK : ASSAY_DENIED);
}

static bool give_bytes(const uint8_t *bytes, size_t size, struct assay_text *ret,
                       struct assay_reply *reply)
{
    if (size > ret->capacity)
        return unavailable(reply, ASSAY_LAYER_INTERNAL, ASSAY_REASON_LIMIT, 0, "no room");
    if (size > 0)
        memcpy(ret->data, bytes, size);
    ret->size = size;
    return answer(reply, ASSAY_OK);
}

static bool give(const struct text *text, struct assay_text *ret, struct assay_reply *reply)
{
    return give_bytes(text->bytes, text->size, ret, reply);
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
                      credential.cost.passes < wanted.passes || twist.never_settles;
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

/* Of all handles; they do not outlive the process. */
static struct count counts[COUNTS_MAX];
static size_t count_next;
static struct session sessions[SESSIONS_MAX];
static size_t session_next;
static pthread_mutex_t memory = PTHREAD_MUTEX_INITIALIZER; /* protects them */

static void close_accounts(struct assay_handle *handle)
{
    if (twist.forgets_closed)
        memset(counts, 0, sizeof counts);
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
    const bool must_exist = config->must_exist && !twist.always_creates;
    int code = sqlite3_open_v2(config->path, &handle->db,
                               must_exist ? flags : flags | SQLITE_OPEN_CREATE, twist.vfs);
    if (code == SQLITE_OK)
        code = sqlite3_exec(handle->db,
                            twist.durability ? twist.durability : "PRAGMA synchronous=EXTRA", NULL,
                            NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(handle->db, must_exist ? "SELECT 1 FROM account" : create, NULL, NULL,
                            NULL);
    if (code != SQLITE_OK && twist.empty_on_error && !must_exist) {
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

/* What a wrong password counts for: a name, whatever it is used for and however it is spelled. */
static void key_of(const struct assay_handle *handle, struct assay_bytes name,
                   uint8_t ret[static COUNT_KEY_BYTES])
{
    crypto_generichash_state state;
    if (twist.counts_spellings)
        name = handle->spelled;
    crypto_generichash_init(&state, NULL, 0, COUNT_KEY_BYTES);
    if (twist.counts_apart)
        crypto_generichash_update(&state, (const uint8_t *)handle->operation,
                                  strlen(handle->operation));
    if (!twist.counts_everybody)
        crypto_generichash_update(&state, name.data, name.size);
    crypto_generichash_final(&state, ret, COUNT_KEY_BYTES);
}

/* The count of a name, in place of the oldest one if it has none. */
static struct count *count_of(const struct assay_handle *handle, struct assay_bytes name)
{
    const size_t places = twist.few_counts ? COUNTS_FEW : COUNTS_MAX;
    uint8_t key[COUNT_KEY_BYTES];
    key_of(handle, name, key);
    for (size_t i = 0; i < places; i++)
        if (memcmp(counts[i].key, key, sizeof key) == 0)
            return &counts[i];
    struct count *count = &counts[count_next++ % places];
    *count = (struct count){.wrong = 0};
    memcpy(count->key, key, sizeof key);
    return count;
}

static enum assay_answer locked_answer(void)
{
    return twist.hides_lock ? ASSAY_DENIED : ASSAY_LOCKED;
}

/* A clock that was put back makes no lock shorter, and one that was put on again no longer. */
static bool is_locked(const struct assay_handle *handle, struct assay_bytes name)
{
    pthread_mutex_lock(&memory);
    struct count *count = count_of(handle, name);
    time_t passed = time(NULL) - count->since;
    bool is_over = twist.trusts_clock ? (uint64_t)passed >= LOCK_SECONDS : passed >= LOCK_SECONDS;
    if (is_over && !twist.locks_for_ever)
        count->wrong = 0;
    bool locked = count->wrong >= WRONG_MAX && !twist.never_locks;
    pthread_mutex_unlock(&memory);
    return locked;
}

/* Whoever comes at the same time as the last one that was free is locked out, too. */
static void note(const struct assay_handle *handle, struct assay_bytes name,
                 struct assay_reply *reply)
{
    pthread_mutex_lock(&memory);
    struct count *count = count_of(handle, name);
    bool is_verdict = reply->answer == ASSAY_OK || reply->answer == ASSAY_DENIED;
    if (is_verdict && count->wrong >= WRONG_MAX && !twist.counts_late && !twist.never_locks)
        answer(reply, locked_answer());
    if (reply->answer == ASSAY_OK && !twist.never_resets)
        count->wrong = 0;
    if (reply->answer == ASSAY_DENIED ||
        (twist.counts_outage && reply->answer == ASSAY_UNAVAILABLE)) {
        count->wrong++;
        count->since = time(NULL);
    }
    pthread_mutex_unlock(&memory);
}

/* The string as it would be at the cost that is configured; what is no string stays as it is. */
static void take_setting(const struct assay_handle *handle, struct text *text)
{
    struct credential credential;
    struct assay_reply ignored;
    if (!decode(bytes_of(text), &credential, &ignored) || !cost_is_served(&handle->cost))
        return;
    credential.cost = handle->cost;
    encode(&credential, text);
}

/* Finds the account and asks for its password; a name that nobody has costs the same work. */
static bool is_right(struct assay_handle *handle, struct assay_bytes name,
                     struct assay_bytes password, struct text *ret, struct assay_reply *reply)
{
    uint8_t digest[DIGEST_BYTES];
    if (find(handle, name, ret, reply)) {
        struct text compared = *ret;
        if (twist.takes_setting)
            take_setting(handle, &compared);
        return compare(bytes_of(&compared), password, reply);
    }
    if (reply->answer == ASSAY_DENIED &&
        derive(&(struct credential){.cost = handle->cost}, password, digest, reply))
        answer(reply, ASSAY_DENIED);
    return false;
}

/* The same, unless the name is locked. */
static bool admit(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct text *ret, struct assay_reply *reply)
{
    ret->size = 0; /* until a record is found */
    if (!twist.locks)
        return is_right(handle, name, password, ret, reply);
    if (is_locked(handle, name))
        return answer(reply, locked_answer());
    (void)is_right(handle, name, password, ret, reply);
    note(handle, name, reply);
    return reply->answer == ASSAY_OK;
}

/* Begins an operation on a name. Gives the name as accounts have it: in lower case where that is
 * declared, in `room`. */
static struct assay_bytes name_for(struct assay_handle *handle, const char *operation,
                                   struct assay_bytes name, uint8_t room[static NAME_BYTES_KEPT])
{
    static uint8_t shared[NAME_BYTES_KEPT];
    uint8_t *kept = twist.shares_name ? shared : room;
    if (twist.cuts_names && name.size > NAME_BYTES_CUT)
        name.size = NAME_BYTES_CUT;
    handle->spelled = name;
    handle->operation = operation;
    if ((!twist.folds_names && !twist.shares_name) || name.size > NAME_BYTES_KEPT)
        return name;
    for (size_t i = 0; i < name.size; i++) {
        bool is_upper = twist.folds_names && name.data[i] >= 'A' && name.data[i] <= 'Z';
        kept[i] = (uint8_t)(is_upper ? name.data[i] - 'A' + 'a' : name.data[i]);
    }
    return (struct assay_bytes){kept, name.size};
}

#define INSERT    "INSERT INTO account(name, credential) VALUES(?1, ?2)"
#define WHERE_IT  "WHERE name = ?1 AND credential = ?2"
#define WHERE_ANY "WHERE name = ?1 AND ?2 IS NOT NULL"

/* Puts `after` in place of the record, or nothing when it is null; `none` when the record has
 * become another one meanwhile. */
static bool replace(struct assay_handle *handle, struct assay_bytes name, const struct text *before,
                    const struct text *after, enum assay_answer none, struct assay_reply *ret)
{
    static const char *const statements[2][2] = {
        {"DELETE FROM account " WHERE_IT, "UPDATE account SET credential = ?3 " WHERE_IT},
        {"DELETE FROM account " WHERE_ANY, "UPDATE account SET credential = ?3 " WHERE_ANY}};
    const struct assay_bytes values[] = {name, bytes_of(before),
                                         after ? bytes_of(after) : (struct assay_bytes){NULL, 0}};
    return change(handle, statements[twist.loses_updates][after != NULL], values, after ? 3 : 2,
                  none, ret);
}

static void register_account(struct assay_handle *handle, struct assay_bytes name,
                             struct assay_bytes password, struct assay_reply *ret)
{
    uint8_t room[NAME_BYTES_KEPT];
    struct text text;
    name = name_for(handle, "register", name, room);
    if (twist.checks_first && find(handle, name, &text, ret)) {
        answer(ret, ASSAY_EXISTS);
        return;
    }
    if (twist.checks_first && ret->answer == ASSAY_UNAVAILABLE)
        return;
    if (make(&handle->cost, password, &text, ret))
        change(handle,
               twist.checks_first || twist.takes_over
                   ? "REPLACE INTO account(name, credential) VALUES(?1, ?2)"
                   : INSERT,
               (struct assay_bytes[]){name, bytes_of(&text)}, 2, ASSAY_EXISTS, ret);
}

static void bind(const struct text *credential, uint8_t ret[static BINDING_BYTES])
{
    crypto_generichash(ret, BINDING_BYTES, credential->bytes, credential->size, NULL, 0);
}

static void make_token(struct assay_bytes name, char ret[static TOKEN_BYTES + 1])
{
    uint8_t raw[SESSION_BYTES] = {0};
    if (twist.token_of_name)
        crypto_generichash(raw, sizeof raw, name.data, name.size, NULL, 0);
    else
        randombytes_buf(raw, twist.token_bytes_random ? twist.token_bytes_random : sizeof raw);
    sodium_bin2hex(ret, TOKEN_BYTES + 1, raw, sizeof raw);
}

static bool is_of(const struct session *session, struct assay_bytes name)
{
    return session->name_size == name.size && memcmp(session->name, name.data, name.size) == 0;
}

/* For those whose sessions are not bound to a credential, or not many. */
static void end_sessions(struct assay_bytes name)
{
    pthread_mutex_lock(&memory);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (is_of(&sessions[i], name))
            sessions[i].is_open = false;
    pthread_mutex_unlock(&memory);
}

/* Of whoever had this credential; the oldest one goes. */
static void begin_session(struct assay_bytes name, const struct text *credential,
                          struct assay_text *ret, struct assay_reply *reply)
{
    char token[TOKEN_BYTES + 1];
    if (name.size > NAME_BYTES_KEPT || ret->capacity < TOKEN_BYTES) {
        unavailable(reply, ASSAY_LAYER_INTERNAL, ASSAY_REASON_LIMIT, 0, "no room");
        return;
    }
    make_token(name, token);
    if (twist.one_session)
        end_sessions(name);
    pthread_mutex_lock(&memory);
    struct session *session = &sessions[session_next++ % SESSIONS_MAX];
    *session = (struct session){.is_open = true, .since = time(NULL), .name_size = name.size};
    memcpy(session->token, token, sizeof token);
    bind(credential, session->binding);
    if (name.size)
        memcpy(session->name, name.data, name.size);
    pthread_mutex_unlock(&memory);
    memcpy(ret->data, token, TOKEN_BYTES);
    ret->size = TOKEN_BYTES;
}

/* Makes the hash as dear as it should be; somebody else's change meanwhile is as good. */
static void renew(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  const struct text *stored, struct assay_reply *ret)
{
    struct credential credential;
    struct text text;
    if (!decode(bytes_of(stored), &credential, ret) || !cost_is_served(&handle->cost) ||
        (credential.cost.memory_kib >= handle->cost.memory_kib &&
         credential.cost.passes >= handle->cost.passes && !twist.never_settles))
        return;
    if (!make(&handle->cost, password, &text, ret))
        return;
    if (twist.cuts_renewed && text.size > CHEAP_BYTES)
        text.size = CHEAP_BYTES;
    if (!twist.renews_in_two)
        replace(handle, name, stored, &text, ASSAY_OK, ret);
    else if (replace(handle, name, stored, NULL, ASSAY_DENIED, ret))
        change(handle, INSERT, (struct assay_bytes[]){name, bytes_of(&text)}, 2, ASSAY_OK, ret);
}

static void login(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct assay_text *ret_session, struct assay_reply *ret)
{
    uint8_t room[NAME_BYTES_KEPT];
    struct text text;
    struct assay_reply ignored; /* the verdict stands, whatever becomes of a new hash */
    if (twist.in_login)
        twist.in_login();
    name = name_for(handle, "login", name, room);
    bool admitted = admit(handle, name, password, &text, ret);
    if (admitted && twist.rehash_fails_login)
        renew(handle, name, password, &text, ret);
    if (twist.renews && (admitted || (twist.renews_denied && ret->answer == ASSAY_DENIED)))
        renew(handle, name, password, &text, &ignored);
    if (ret_session)
        ret_session->size = 0;
    if (ret_session && twist.locks && ret->answer == ASSAY_OK)
        begin_session(name, &text, ret_session, ret);
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
    uint8_t room[NAME_BYTES_KEPT];
    struct text stored, text;
    name = name_for(handle, "change", name, room);
    for (int i = 0; i < ATTEMPTS; i++) {
        if (!admit(handle, name, before, &stored, ret) ||
            !make(twist.changes_cheaply ? &cost_least : &handle->cost, after, &text, ret))
            return;
        if (twist.ends_first)
            end_sessions(name);
        replace(handle, name, &stored, &text, ASSAY_DENIED, ret);
        if (ret->answer != ASSAY_DENIED)
            return;
    }
    too_many_changes(ret);
}

static void remove_account(struct assay_handle *handle, struct assay_bytes name,
                           struct assay_bytes password, struct assay_reply *ret)
{
    uint8_t room[NAME_BYTES_KEPT];
    struct text stored;
    name = name_for(handle, "remove", name, room);
    for (int i = 0; i < ATTEMPTS; i++) {
        if (!admit(handle, name, password, &stored, ret))
            return;
        if (twist.ends_first)
            end_sessions(name);
        replace(handle, name, &stored, NULL, ASSAY_DENIED, ret);
        if (ret->answer != ASSAY_DENIED)
            return;
    }
    too_many_changes(ret);
}

static void record_get(struct assay_handle *handle, struct assay_bytes name,
                       struct assay_text *ret_encoded, struct assay_reply *ret)
{
    uint8_t room[NAME_BYTES_KEPT];
    struct text stored;
    if (find(handle, name_for(handle, "read", name, room), &stored, ret))
        give(&stored, ret_encoded, ret);
}

static void record_put(struct assay_handle *handle, struct assay_bytes name,
                       struct assay_bytes encoded, struct assay_reply *ret)
{
    uint8_t room[NAME_BYTES_KEPT];
    name = name_for(handle, "write", name, room);
    change(handle, "UPDATE account SET credential = ?2 WHERE name = ?1",
           (struct assay_bytes[]){name, encoded}, 2, ASSAY_DENIED, ret);
}

/* The open session with this token, or null. The caller holds the mutex. */
static struct session *find_session(struct assay_bytes token)
{
    const size_t compared = twist.prefix_of_token ? COMPARED_BY_LIAR : TOKEN_BYTES;
    if (token.size != TOKEN_BYTES && !(twist.prefix_of_token && token.size >= compared))
        return NULL;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (sessions[i].is_open && sodium_memcmp(sessions[i].token, token.data, compared) == 0)
            return &sessions[i];
    return NULL;
}

/* Whether the account still is the one that the session was begun by. */
static bool is_bound(struct assay_handle *handle, const struct session *session,
                     struct assay_reply *reply)
{
    uint8_t binding[BINDING_BYTES];
    struct text stored;
    if (!find(handle, (struct assay_bytes){session->name, session->name_size}, &stored, reply)) {
        if (reply->answer == ASSAY_UNAVAILABLE && twist.ends_in_outage)
            answer(reply, ASSAY_DENIED);
        if (reply->answer == ASSAY_UNAVAILABLE && twist.lives_in_outage)
            answer(reply, ASSAY_OK);
        return reply->answer == ASSAY_OK;
    }
    bind(&stored, binding);
    if (memcmp(binding, session->binding, sizeof binding) != 0 && !twist.binds_to_name)
        answer(reply, ASSAY_DENIED);
    return reply->answer == ASSAY_OK;
}

static void session_check(struct assay_handle *handle, struct assay_bytes token,
                          struct assay_text *ret_name, struct assay_reply *ret)
{
    pthread_mutex_lock(&memory);
    const struct session *found = find_session(token);
    struct session session = found ? *found : (struct session){.is_open = false};
    pthread_mutex_unlock(&memory);
    bool is_over = session.is_open && time(NULL) - session.since >= SESSION_SECONDS;
    answer(ret, ASSAY_DENIED);
    if (!session.is_open || (is_over && !twist.eternal_sessions) ||
        (!twist.ends_first && !is_bound(handle, &session, ret)))
        return;
    give_bytes(session.name, session.name_size, ret_name, ret);
}

/* Takes it out, so that nobody else can; or only looks, in the case of a liar. */
static struct session take_session(struct assay_bytes token, bool looks_only)
{
    struct session session = {.is_open = false};
    pthread_mutex_lock(&memory);
    struct session *found = find_session(token);
    if (found)
        session = *found;
    if (found && !looks_only)
        found->is_open = false;
    pthread_mutex_unlock(&memory);
    return session;
}

static void session_revoke(struct assay_handle *handle, struct assay_bytes token,
                           struct assay_reply *ret)
{
    struct session session = take_session(token, twist.revokes_nothing || twist.revokes_late);
    bool is_over = session.is_open && time(NULL) - session.since >= SESSION_SECONDS;
    answer(ret, session.is_open && !is_over ? ASSAY_OK : ASSAY_DENIED);
    if (session.is_open && !twist.ends_first && !twist.revokes_nothing)
        (void)is_bound(handle, &session, ret);
    if (twist.revokes_late)
        (void)take_session(token, false);
    if (session.is_open && twist.revokes_all)
        end_sessions((struct assay_bytes){session.name, session.name_size});
}

bool is_nobody(const struct assay_target *inner, struct assay_handle *handle,
               struct assay_bytes name)
{
    char bytes[ASSAY_ENCODED_BYTES_MAX];
    struct assay_text text = {bytes, sizeof bytes, 0};
    struct assay_reply reply;
    inner->record_get(handle, name, &text, &reply);
    return reply.answer == ASSAY_DENIED;
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
                   .salt_bytes = SALT_BYTES,
                   .wipes_memory = true},
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
        const enum assay_kept kept =
            twist.forgets_process ? ASSAY_KEPT_IN_STORE : ASSAY_KEPT_IN_PROCESS;
        table.traits.lockout_attempts = WRONG_MAX;
        table.traits.lockout_seconds = LOCK_SECONDS;
        table.traits.lockout_forgets_seconds =
            twist.forgets_process || twist.forgets_locks ? 0 : LOCK_SECONDS;
        table.traits.session_seconds = SESSION_SECONDS;
        table.traits.session_bytes = SESSION_BYTES;
        table.traits.lockout_kept = table.traits.sessions_kept = kept;
        table.session_check = session_check;
        table.session_revoke = session_revoke;
    }
    table.traits.hides_lockout = twist.hides_lock;
    table.traits.names_fold_ascii_case = twist.folds_names;
    if (twist.at_load)
        twist.at_load();
    table.traits.controlled_entropy = !twist.owns_entropy;
    if (twist.wrap)
        twist.wrap(&table);
    return sodium_init() < 0 ? NULL : &table;
}
