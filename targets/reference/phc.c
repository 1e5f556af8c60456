/* SPDX-License-Identifier: Apache-2.0
 *
 * The PHC string of an Argon2id credential, strictly.
 *
 *     $argon2id$v=19$m=19456,t=2,p=1$<22 characters of salt>$<43 characters of hash>
 *     $argon2id$v=19$m=19456,t=2,p=1,keyid=<2 to 11 characters>$<salt>$<hash>
 *
 * Each value has one string and each string at most one value: decode(encode(x)) is x,
 * encode(decode(s)) is s. So there are no leading zeros, no signs, no padding, no unused bits that
 * are set, nothing in front and nothing behind. A reader that forgives would let two different
 * strings stand for one credential, and then a comparison of strings, which is how the store
 * detects a change, would no longer be a comparison of credentials.
 *
 * The decoder walks a cursor over the text, part by part. It knows the format only. Whether a cost
 * is one that this program wants to pay is for password.c to say, and which key an id stands for is
 * for pepper.c. The parameter data, and a string without salt or hash, which the format allows, are
 * nobody's credential and are not read.
 */
#include "reference.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BASE64_ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

_Static_assert(CREDENTIAL_BYTES_MAX >= PHC_BYTES_MAX, "the longest string fits into a credential");
_Static_assert(PHC_SALT_CHARS == 22 && PHC_HASH_CHARS == 43, "sizes that the format describes");

/* From one to as many bytes as a key id can have. */
static bool take_key_id(struct cursor *cursor, struct phc *ret)
{
    if (!cursor_text(cursor, ",keyid="))
        return true;
    size_t chars = cursor_span(cursor, BASE64_ALPHABET);
    return chars > 0 && cursor_base64(cursor, chars, PHC_BASE64, ret->key_id, sizeof ret->key_id,
                                      &ret->key_id_size);
}

/* Exactly `size` bytes, which have exactly `chars` characters. */
static bool take_base64(struct cursor *cursor, size_t chars, uint8_t *ret, size_t size)
{
    size_t written = 0;
    return cursor_base64(cursor, chars, PHC_BASE64, ret, size, &written) && written == size;
}

/* The ranges that the format and RFC 9106 give; the upper ends of memory and passes are those of
 * their type. */
static bool in_range(const struct phc *value)
{
    return value->key_id_size <= PHC_KEY_ID_BYTES_MAX && value->lanes >= 1 &&
           value->lanes <= PHC_LANES_MAX && value->cost.passes >= 1 &&
           value->cost.memory_kib >= COST_MEMORY_KIB_MIN * value->lanes;
}

static bool take_all(struct cursor *cursor, struct phc *ret)
{
    return cursor_text(cursor, "$argon2id$v=19$m=") &&
           cursor_number(cursor, UINT32_MAX, &ret->cost.memory_kib) && cursor_text(cursor, ",t=") &&
           cursor_number(cursor, UINT32_MAX, &ret->cost.passes) && cursor_text(cursor, ",p=") &&
           cursor_number(cursor, PHC_LANES_MAX, &ret->lanes) && take_key_id(cursor, ret) &&
           cursor_text(cursor, "$") &&
           take_base64(cursor, PHC_SALT_CHARS, ret->salt, PHC_SALT_BYTES) &&
           cursor_text(cursor, "$") &&
           take_base64(cursor, PHC_HASH_CHARS, ret->hash, PHC_HASH_BYTES) && cursor->left == 0;
}

bool phc_decode(struct bytes text, struct phc *ret)
{
    CLEANUP(phc_done) struct phc value = {0};
    struct cursor cursor = {text.data, text.size};
    if (!take_all(&cursor, &value) || !in_range(&value))
        return false;
    *ret = value;
    return true;
}

static size_t put_text(char *text, const char *what)
{
    return (size_t)(stpcpy(text, what) - text);
}

/* Appends to text that has room; the terminating NUL that libsodium writes is overwritten by what
 * comes next. */
static size_t put_base64(char *text, const uint8_t *data, size_t size)
{
    size_t room = sodium_base64_encoded_len(size, PHC_BASE64);
    (void)sodium_bin2base64(text, room, data, size, PHC_BASE64);
    return room - 1;
}

bool phc_encode(const struct phc *value, struct credential *ret)
{
    if (!in_range(value))
        return false;
    int head = snprintf(ret->text, sizeof ret->text,
                        "$argon2id$v=19$m=%" PRIu32 ",t=%" PRIu32 ",p=%" PRIu32,
                        value->cost.memory_kib, value->cost.passes, value->lanes);
    size_t size = (size_t)head;
    if (value->key_id_size > 0) {
        size += put_text(ret->text + size, ",keyid=");
        size += put_base64(ret->text + size, value->key_id, value->key_id_size);
    }
    ret->text[size++] = '$';
    size += put_base64(ret->text + size, value->salt, sizeof value->salt);
    ret->text[size++] = '$';
    size += put_base64(ret->text + size, value->hash, sizeof value->hash);
    ret->size = size;
    return true;
}

void phc_done(struct phc *value)
{
    sodium_memzero(value, sizeof *value);
}

void credential_done(struct credential *credential)
{
    sodium_memzero(credential, sizeof *credential);
}
