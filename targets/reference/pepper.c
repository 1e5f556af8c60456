/* SPDX-License-Identifier: Apache-2.0
 *
 * Pepper: a keyed step behind the hash, with a key that is not in the database.
 *
 *     stored = HMAC-SHA-256(key, Argon2id(password, salt))
 *
 * Whoever has the rows and not the key cannot test a single guess. It comes last, so that a row can
 * be given a key only with the password at hand, that is, at a login: accounts without a login stay
 * as they are. The hash is 32 bytes, so the message has one length and needs no separator.
 *
 * A key file has one key a line,
 *
 *     ID BASE64 [current]         2026 kX5b...= current
 *
 * with one space between. ID: up to four of a-z, A-Z, 0-9. BASE64: 32 to 64 bytes, with padding, as
 * `head -c 32 /dev/urandom | base64` writes it. Exactly one line is current: its key is for new
 * hashes; the others are for rows that have not been made anew yet. To rotate, add a key, make it
 * current, and take the old one away when a census finds no row of it any more.
 *
 * The key id of a row (PHC parameter keyid) is the ID and then four bytes of HMAC-SHA-256(key, ID).
 * These four bytes are why a file with the wrong key under the right ID, of staging in production,
 * is noticed. Without them every right password would be denied, which is the worst answer of all.
 * They say nothing about the key: it has 256 bits, and they come out of a pseudo-random function. A
 * row of an unknown key id answers unavailable (hashing, refused), and never denied.
 *
 * Rows without key id go on being verified, and are made anew at the next login. That is no way
 * around the key for somebody who can write rows: he could write a row of his own password just as
 * well.
 *
 * Keys live in one block of sodium_malloc(): guard pages around it, locked into memory, left out of
 * core dumps, read-only once loaded, wiped when it is freed. When it cannot be locked
 * (RLIMIT_MEMLOCK), opening fails.
 *
 * Not modelled: a hardware module, or a service that holds the key; an attacker in this process.
 * Other programs use the parameter keyid for the secret input of Argon2 itself (RFC 9106, 3.1),
 * which libsodium does not have; they cannot verify these rows.
 */
#include "reference.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CHECK_BYTES 4u
#define ID_ALPHABET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define KEY_BASE64  sodium_base64_VARIANT_ORIGINAL
#define KEY_ALPHABET                                                                               \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=" /* and padding */

_Static_assert(PEPPER_ID_CHARS_MAX + CHECK_BYTES <= PHC_KEY_ID_BYTES_MAX, "the longest key id");
_Static_assert(crypto_auth_hmacsha256_BYTES == PHC_HASH_BYTES, "the keyed step keeps the size");

struct key {
    uint8_t id[PHC_KEY_ID_BYTES_MAX]; /* as in a row, zero behind its end */
    size_t id_size;
    uint8_t secret[PEPPER_SECRET_BYTES_MAX];
    size_t secret_size;
};

struct pepper {
    struct key keys[PEPPER_KEYS_MAX];
    size_t count;
    size_t current; /* PEPPER_KEYS_MAX: none yet */
};

static void hmac_done(crypto_auth_hmacsha256_state *state)
{
    sodium_memzero(state, sizeof *state);
}

static void hmac(const struct key *key, struct bytes message, uint8_t ret[PHC_HASH_BYTES])
{
    CLEANUP(hmac_done) crypto_auth_hmacsha256_state state;
    (void)crypto_auth_hmacsha256_init(&state, key->secret, key->secret_size);
    (void)crypto_auth_hmacsha256_update(&state, message.data, message.size);
    (void)crypto_auth_hmacsha256_final(&state, ret);
}

static const struct key *find(const struct pepper *pepper, const uint8_t *id, size_t id_size)
{
    for (size_t i = 0; pepper != NULL && i < pepper->count; i++)
        if (pepper->keys[i].id_size == id_size && memcmp(pepper->keys[i].id, id, id_size) == 0)
            return &pepper->keys[i];
    return NULL;
}

/* Is there a key of the same ID already? The four bytes behind it do not count here. */
static bool has_id(const struct pepper *pepper, struct bytes id)
{
    for (size_t i = 0; i < pepper->count; i++)
        if (pepper->keys[i].id_size == id.size + CHECK_BYTES &&
            memcmp(pepper->keys[i].id, id.data, id.size) == 0)
            return true;
    return false;
}

static void make_id(struct key *key, struct bytes id)
{
    uint8_t check[PHC_HASH_BYTES];
    hmac(key, id, check);
    memcpy(key->id, id.data, id.size);
    memcpy(key->id + id.size, check, CHECK_BYTES);
    key->id_size = id.size + CHECK_BYTES;
}

/* The secret of a line, and why it is none; null: it is good. */
static const char *take_secret(struct cursor *cursor, struct key *ret)
{
    size_t chars = cursor_span(cursor, KEY_ALPHABET);
    if (chars > sodium_base64_ENCODED_LEN(PEPPER_SECRET_BYTES_MAX, KEY_BASE64) - 1)
        return "the key is longer than 64 bytes";
    if (!cursor_base64(cursor, chars, KEY_BASE64, ret->secret, sizeof ret->secret,
                       &ret->secret_size))
        return "the key is not base64 of at most 64 bytes";
    if (ret->secret_size < PEPPER_SECRET_BYTES_MIN)
        return "the key is shorter than 32 bytes";
    return NULL;
}

/* One more key out of a line, and why it is none; null: it is good. */
static const char *take_key(struct pepper *pepper, struct bytes line)
{
    struct cursor cursor = {line.data, line.size};
    if (pepper->count == PEPPER_KEYS_MAX)
        return "too many keys";
    struct key *key = &pepper->keys[pepper->count];
    struct bytes id = {line.data, cursor_span(&cursor, ID_ALPHABET)};
    if (id.size == 0 || id.size > PEPPER_ID_CHARS_MAX)
        return "the id is not one to four of a-z, A-Z, 0-9";
    if (has_id(pepper, id))
        return "the same id again";
    cursor_skip(&cursor, id.size);
    if (!cursor_text(&cursor, " "))
        return "no space and key behind the id";
    const char *flaw = take_secret(&cursor, key);
    if (flaw != NULL)
        return flaw;
    if (cursor_text(&cursor, " current")) {
        if (pepper->current != PEPPER_KEYS_MAX)
            return "a second current key";
        pepper->current = pepper->count;
    }
    if (cursor.left > 0)
        return "something else than \"current\" behind the key";
    make_id(key, id);
    pepper->count++;
    return NULL;
}

static bool read_all(struct pepper *pepper, struct lines *lines, struct reply *reply)
{
    struct bytes line;
    bool is_end;
    for (;;) {
        REQUIRE(lines_next(lines, &line, &is_end, reply));
        if (is_end)
            break;
        const char *flaw = take_key(pepper, line);
        if (flaw != NULL)
            return lines_refused(lines, REASON_REFUSED, flaw, reply);
    }
    if (pepper->current == PEPPER_KEYS_MAX)
        return lines_refused(lines, REASON_REFUSED, "the end, and no key is current", reply);
    return reply_ok(reply);
}

static void pepper_done(struct pepper **pepper)
{
    pepper_close(*pepper);
}

/* sodium_malloc() locks when it can; this asks whether it could. */
static bool allocate(struct pepper **ret, struct reply *reply)
{
    if (sodium_init() < 0)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_BUG, 0, "sodium_init", "failed");
    *ret = sodium_malloc(sizeof **ret);
    if (*ret == NULL)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, errno, "pepper keys",
                                 "out of memory");
    if (sodium_mlock(*ret, sizeof **ret) != 0)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, errno, "pepper keys",
                                 "cannot be locked into memory");
    **ret = (struct pepper){.current = PEPPER_KEYS_MAX};
    return reply_ok(reply);
}

bool pepper_open(const char *path, struct pepper **ret, struct reply *reply)
{
    CLEANUP(lines_close) struct lines lines = {.descriptor = -1};
    CLEANUP(pepper_done) struct pepper *pepper = NULL;
    REQUIRE(allocate(&pepper, reply));
    REQUIRE(lines_open(path, "pepper keys", true, PEPPER_FILE_BYTES_MAX, &lines, reply));
    REQUIRE(read_all(pepper, &lines, reply));
    if (sodium_mprotect_readonly(pepper) != 0)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, errno, "pepper keys",
                                 "cannot be made read-only");
    *ret = pepper;
    pepper = NULL;
    return reply_ok(reply);
}

void pepper_close(struct pepper *pepper)
{
    sodium_free(pepper); /* wipes it first */
}

void pepper_choose(const struct pepper *pepper, struct phc *value)
{
    memset(value->key_id, 0, sizeof value->key_id);
    value->key_id_size = 0;
    if (pepper == NULL)
        return;
    const struct key *key = &pepper->keys[pepper->current];
    memcpy(value->key_id, key->id, key->id_size);
    value->key_id_size = key->id_size;
}

bool pepper_is_current(const struct pepper *pepper, const struct phc *value)
{
    struct phc chosen = {.key_id_size = 0};
    pepper_choose(pepper, &chosen);
    return chosen.key_id_size == value->key_id_size &&
           memcmp(chosen.key_id, value->key_id, sizeof chosen.key_id) == 0;
}

void pepper_name(const struct phc *value, char ret[PEPPER_NAME_BYTES])
{
    struct cursor cursor = {value->key_id, value->key_id_size};
    size_t id_size = value->key_id_size - CHECK_BYTES;
    if (value->key_id_size <= CHECK_BYTES || cursor_span(&cursor, ID_ALPHABET) < id_size) {
        (void)sodium_bin2hex(ret, PEPPER_NAME_BYTES, value->key_id, value->key_id_size);
        return;
    }
    memcpy(ret, value->key_id, id_size);
    ret[id_size] = '-';
    (void)sodium_bin2hex(ret + id_size + 1, 2 * CHECK_BYTES + 1, value->key_id + id_size,
                         CHECK_BYTES);
}

bool pepper_knows(const struct pepper *pepper, const struct phc *value, struct reply *reply)
{
    char name[PEPPER_NAME_BYTES], why[REPLY_DETAIL_BYTES];
    if (value->key_id_size == 0 || find(pepper, value->key_id, value->key_id_size) != NULL)
        return reply_ok(reply);
    pepper_name(value, name);
    (void)snprintf(why, sizeof why, "there is no key %s here", name);
    return reply_unavailable(reply, LAYER_HASHING, REASON_REFUSED, 0, "pepper", why);
}

bool pepper_apply(const struct pepper *pepper, const struct phc *value,
                  uint8_t hash[PHC_HASH_BYTES], struct reply *reply)
{
    REQUIRE(pepper_knows(pepper, value, reply));
    if (value->key_id_size > 0)
        hmac(find(pepper, value->key_id, value->key_id_size), (struct bytes){hash, PHC_HASH_BYTES},
             hash);
    return reply_ok(reply);
}
