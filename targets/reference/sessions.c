/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions: who is logged in.
 *
 * A token is 32 random bytes (ASVS 7.2.3 asks for 16), as base64url. It is given out once, when it
 * is made; the database has only its hash, so a stolen database opens no session. BLAKE2b without a
 * salt is enough for a secret that nobody can guess. The lookup goes by the hash, and how long a
 * comparison of hashes takes tells nothing about the token.
 *
 * A session ends at a fixed time, which using it does not put off; when it is revoked; and when the
 * password changes or the account goes, in the same transaction (ASVS 7.4.2, 7.4.3). Should another
 * release change or remove the account, the binding to the credential ends it (see migrate.c). A
 * rehash is no change, and takes the sessions along.
 *
 * Growth: an account has at most so many sessions, and the oldest goes. Each new one sweeps out a
 * few that have expired, whosever they are, the oldest of the table first.
 *
 * Clock: a session whose start lies in the future, beyond small corrections of the clock, has
 * ended: that the clock was set back must not make it live longer.
 */
#include "store.h"

#include <string.h>

#define SESSION_BASE64   sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define TOKEN_HASH_BYTES 32u
#define CLOCK_SLACK_MS   60000u
#define SWEEP_ROWS_MAX   8

_Static_assert(sodium_base64_ENCODED_LEN(SESSION_TOKEN_BYTES, SESSION_BASE64) == SESSION_TEXT_BYTES,
               "the text of a token, with its NUL");

void session_token_done(struct session_token *token)
{
    sodium_memzero(token, sizeof *token);
}

bool session_config_complete(const struct session_config *given, struct session_config *ret,
                             struct reply *reply)
{
    struct session_config config = *given;
    if (config.lifetime_s == 0)
        config.lifetime_s = SESSION_LIFETIME_S_DEFAULT;
    if (config.sessions_max == 0)
        config.sessions_max = SESSIONS_DEFAULT;
    if (config.lifetime_s > SESSION_LIFETIME_S_MAX || config.sessions_max > SESSIONS_LIMIT)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_LIMIT, 0, "configuration",
                                 "sessions outside of their limits");
    *ret = config;
    return reply_ok(reply);
}

static bool hash_token(const uint8_t *token, uint8_t ret[TOKEN_HASH_BYTES], struct reply *reply)
{
    if (crypto_generichash(ret, TOKEN_HASH_BYTES, token, SESSION_TOKEN_BYTES, NULL, 0) == 0)
        return reply_ok(reply);
    return reply_unavailable(reply, LAYER_SESSION, REASON_BUG, 0, "session",
                             "refused by the library");
}

/* The hash of a token as somebody presents it. Denied when no token looks like that. */
static bool hash_presented(struct bytes token, uint8_t ret[TOKEN_HASH_BYTES], struct reply *reply)
{
    struct cursor cursor = {token.data, token.size};
    uint8_t raw[SESSION_TOKEN_BYTES];
    size_t size;
    if (token.size != SESSION_TEXT_BYTES - 1 ||
        !cursor_base64(&cursor, token.size, SESSION_BASE64, raw, sizeof raw, &size) ||
        size != sizeof raw)
        return reply_denied(reply);
    bool is_hashed = hash_token(raw, ret, reply);
    sodium_memzero(raw, sizeof raw);
    return is_hashed;
}

/* Makes room for one more: the account's oldest sessions go, and a few of anybody's that are
 * over. */
static bool make_room(struct store *store, const struct session_config *config, struct bytes name,
                      int64_t now_ms, struct reply *reply)
{
    const struct value trim[] = {value_text(name),
                                 value_integer((int64_t)config->sessions_max - 1)};
    const struct value sweep[] = {value_integer(now_ms), value_integer(SWEEP_ROWS_MAX)};
    int changed;
    REQUIRE(store_change(store, SESSION_TRIM, trim, 2, &changed, reply));
    return store_change(store, SESSION_SWEEP, sweep, 2, &changed, reply);
}

bool session_start(struct store *store, const struct session_config *config, struct bytes name,
                   struct bytes credential, int64_t now_ms, struct session_token *ret,
                   struct reply *reply)
{
    uint8_t raw[SESSION_TOKEN_BYTES], hash[TOKEN_HASH_BYTES], binding[BINDING_BYTES];
    int changed;
    REQUIRE(make_room(store, config, name, now_ms, reply));
    REQUIRE(credential_binding(credential, binding, reply));
    randombytes_buf(raw, sizeof raw);
    (void)sodium_bin2base64(ret->text, sizeof ret->text, raw, sizeof raw, SESSION_BASE64);
    bool is_hashed = hash_token(raw, hash, reply);
    sodium_memzero(raw, sizeof raw);
    const struct value values[] = {
        value_blob(hash, sizeof hash),
        value_text(name),
        value_blob(binding, sizeof binding),
        value_integer(now_ms),
        value_integer(now_ms + (int64_t)config->lifetime_s * 1000),
    };
    return is_hashed && store_change(store, SESSION_INSERT, values, sizeof values / sizeof *values,
                                     &changed, reply);
}

/* Is the row a session that still runs, of the account as it is now? */
static bool is_running(sqlite3_stmt *row, int64_t now_ms, bool *ret_running, struct reply *reply)
{
    CLEANUP(credential_done) struct credential credential;
    uint8_t expected[BINDING_BYTES];
    struct bytes binding;
    REQUIRE(store_column(row, 1, SQLITE_BLOB, "session", &binding, reply));
    REQUIRE(store_column_credential(row, 4, &credential, reply));
    REQUIRE(credential_binding(credential_bytes(&credential), expected, reply));
    int64_t started_ms = sqlite3_column_int64(row, 2), expires_ms = sqlite3_column_int64(row, 3);
    *ret_running =
        binding.size == sizeof expected && memcmp(binding.data, expected, sizeof expected) == 0 &&
        now_ms < expires_ms &&
        (started_ms <= now_ms || (uint64_t)started_ms - (uint64_t)now_ms <= CLOCK_SLACK_MS);
    return reply_ok(reply);
}

bool session_check(struct store *store, struct bytes token, int64_t now_ms,
                   struct account_name *ret, struct reply *reply)
{
    CLEANUP(statement_done) sqlite3_stmt *row = NULL;
    uint8_t hash[TOKEN_HASH_BYTES];
    struct bytes name;
    bool is_found = false, is_running_now = false;
    REQUIRE(hash_presented(token, hash, reply));
    const struct value value = value_blob(hash, sizeof hash);
    REQUIRE(store_ask(store, SESSION_FIND, &value, 1, &row, &is_found, reply));
    if (!is_found)
        return reply_denied(reply);
    REQUIRE(is_running(row, now_ms, &is_running_now, reply));
    if (!is_running_now)
        return reply_denied(reply);
    REQUIRE(store_column(row, 0, SQLITE_TEXT, "session", &name, reply));
    if (name.size > sizeof ret->data)
        return store_corrupt("session", "a name that is too long", reply);
    memcpy(ret->data, name.data, name.size);
    ret->size = name.size;
    return reply_ok(reply);
}

bool session_revoke(struct store *store, struct bytes token, struct reply *reply)
{
    uint8_t hash[TOKEN_HASH_BYTES];
    int changed;
    REQUIRE(hash_presented(token, hash, reply));
    const struct value value = value_blob(hash, sizeof hash);
    REQUIRE(store_change(store, SESSION_DELETE, &value, 1, &changed, reply));
    return changed > 0 ? reply_ok(reply) : reply_denied(reply);
}

bool sessions_rebind(struct store *store, struct bytes name, struct bytes credential,
                     struct bytes next, struct reply *reply)
{
    uint8_t before[BINDING_BYTES], after[BINDING_BYTES];
    int changed;
    REQUIRE(credential_binding(credential, before, reply));
    REQUIRE(credential_binding(next, after, reply));
    const struct value values[] = {
        value_text(name),
        value_blob(before, sizeof before),
        value_blob(after, sizeof after),
    };
    return store_change(store, SESSION_REBIND, values, sizeof values / sizeof *values, &changed,
                        reply);
}

bool sessions_end(struct store *store, struct bytes name, struct reply *reply)
{
    const struct value value = value_text(name);
    int changed;
    return store_change(store, SESSION_END, &value, 1, &changed, reply);
}
