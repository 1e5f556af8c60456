/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest honest target: accounts in one SQLite table, Argon2id by raw crypto_pwhash.
 *
 * A credential is one canonical string, "m=8,t=1$SALT$DIGEST", in lower-case hexadecimal; whatever
 * is not exactly what would be written is corrupt. Statements are prepared for each call and
 * finalised, every result is looked at, and SQLite's default journal (DELETE) is left as it is:
 * the next call works as soon as the disk does. Changes are compare-and-swap on the whole
 * credential.
 */
#define ASSAY_TARGET_MODULE
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "simple.h"
#include "targets/target.h"

#define MEMORY_KIB_MIN 8u
#define MEMORY_KIB_MAX 131072u
#define PASSES_MAX     10u
#define SALT_BYTES     crypto_pwhash_SALTBYTES
#define DIGEST_BYTES   32u

static const struct assay_cost cost_default = {1024, 2};

struct assay_handle {
    sqlite3 *db;
    struct assay_cost cost;
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

static bool derive(const struct credential *from, struct assay_bytes password,
                   uint8_t ret_digest[static DIGEST_BYTES], struct assay_reply *ret)
{
    const char *data = password.size ? (const char *)password.data : "";
    size_t size = password.size;
    if (twist.nul_truncates)
        size = strnlen(data, size);
    if (twist.prefix_only && size > 8)
        size = 8;
    if (crypto_pwhash(ret_digest, DIGEST_BYTES, data, size, from->salt, from->cost.passes,
                      (size_t)from->cost.memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) == 0)
        return answer(ret, ASSAY_OK);
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

static bool make(const struct assay_cost *cost, struct assay_bytes password, struct text *ret,
                 struct assay_reply *reply)
{
    struct credential credential = {.cost = *cost};
    if (!cost_is_served(cost)) {
        *reply = (struct assay_reply){.answer = ASSAY_REFUSED,
                                      .cause = {ASSAY_LAYER_INPUT, ASSAY_REASON_LIMIT}};
        return false;
    }
    if (!twist.constant_salt)
        randombytes_buf(credential.salt, SALT_BYTES);
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

static bool compare(struct assay_bytes encoded, struct assay_bytes password,
                    struct assay_reply *reply)
{
    struct credential credential;
    uint8_t digest[DIGEST_BYTES];
    if (!decode(encoded, &credential, reply))
        return false;
    if (!derive(&credential, password, digest, reply))
        return twist.fails_open ? answer(reply, ASSAY_OK) : false;
    bool equal = sodium_memcmp(digest, credential.digest, DIGEST_BYTES) == 0;
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

/* A statement that gives no rows and commits itself. When nothing was changed, answers `none`. */
static bool change(struct assay_handle *handle, const char *sql, const struct assay_bytes *values,
                   int count, enum assay_answer none, struct assay_reply *ret)
{
    sqlite3_stmt *statement = NULL;
    int code = prepare(handle->db, sql, values, count, &statement);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    (void)sqlite3_finalize(statement); /* only repeats the result of the step */
    if (code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return answer(ret, ASSAY_EXISTS);
    if (twist.ignores_step)
        return answer(ret, ASSAY_OK);
    if (code != SQLITE_DONE)
        return store_failed(ret, code);
    return answer(ret, sqlite3_changes(handle->db) > 0 ? ASSAY_OK : none);
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
    } else if (code == SQLITE_DONE) {
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
                               config->must_exist ? flags : flags | SQLITE_OPEN_CREATE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(handle->db, config->must_exist ? "SELECT 1 FROM account" : create, NULL,
                            NULL, NULL);
    if (code == SQLITE_OK) {
        *ret_handle = handle;
        answer(ret, ASSAY_OK);
        return;
    }
    store_failed(ret, code);
    close_accounts(handle);
}

/* Finds the account and asks for its password; a name that nobody has costs the same work. */
static bool admit(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct text *ret, struct assay_reply *reply)
{
    uint8_t digest[DIGEST_BYTES];
    if (find(handle, name, ret, reply))
        return compare(bytes_of(ret), password, reply);
    if (reply->answer == ASSAY_DENIED &&
        derive(&(struct credential){.cost = handle->cost}, password, digest, reply))
        answer(reply, ASSAY_DENIED);
    return false;
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

static void login(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct assay_text *ret_session, struct assay_reply *ret)
{
    struct text text;
    if (twist.in_login)
        twist.in_login();
    admit(handle, name, password, &text, ret);
    if (ret_session)
        ret_session->size = 0;
    if (twist.denies_outage && ret->answer == ASSAY_UNAVAILABLE &&
        ret->cause.layer == ASSAY_LAYER_STORAGE && ret->native_code != 0)
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

const struct assay_target *assay_target(void)
{
    static struct assay_target table = {
        .abi = ASSAY_TARGET_ABI,
        .size = sizeof(struct assay_target),
        .version = "1",
        .traits = {.recovery = ASSAY_RECOVERS_AT_ONCE,
                   .controlled_entropy = true,
                   .cost_min = {MEMORY_KIB_MIN, 1},
                   .cost_default = {1024, 2}},
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
    table.traits.controlled_entropy = !twist.owns_entropy;
    return sodium_init() < 0 ? NULL : &table;
}
