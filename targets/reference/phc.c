/* SPDX-License-Identifier: Apache-2.0
 *
 * The PHC string of an Argon2id credential, strictly.
 *
 *     $argon2id$v=19$m=19456,t=2,p=1$<22 characters of salt>$<43 characters of hash>
 *
 * Each value has one string and each string at most one value: decode(encode(x)) is x,
 * encode(decode(s)) is s. So there are no leading zeros, no signs, no padding, no unused bits that
 * are set, nothing in front and nothing behind. A reader that forgives would let two different
 * strings stand for one credential, and then a comparison of strings, which is how the store
 * detects a change, would no longer be a comparison of credentials.
 *
 * The decoder walks a cursor over the text; each take_x() consumes exactly its own part or fails.
 * It knows the format only. Whether a cost is one that this program wants to pay is for password.c
 * to say.
 *
 * Base64 is libsodium's: without padding it is strict about length and trailing bits, and it takes
 * the same time for every content. It is not strict about the alphabet: up to 1.0.18 it reads
 * every byte from 0x80 as a slash where char is signed, so those bytes are refused before it sees
 * them.
 */
#include "reference.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert(CREDENTIAL_BYTES_MAX >= PHC_BYTES_MAX, "the longest string fits into a credential");
_Static_assert(PHC_SALT_CHARS == 22 && PHC_HASH_CHARS == 43, "sizes that the format describes");

struct cursor {
    const uint8_t *at; /* what has not been read yet */
    size_t left;
};

static void skip(struct cursor *cursor, size_t size)
{
    cursor->at += size;
    cursor->left -= size;
}

static bool take_text(struct cursor *cursor, const char *text)
{
    size_t size = strlen(text);
    if (cursor->left < size || memcmp(cursor->at, text, size) != 0)
        return false;
    skip(cursor, size);
    return true;
}

/* A decimal number from 1 to max, as many digits as there are. */
static bool take_number(struct cursor *cursor, uint32_t max, uint32_t *ret)
{
    uint64_t value = 0;
    while (cursor->left > 0 && *cursor->at >= '0' && *cursor->at <= '9') {
        value = value * 10 + (uint64_t)(*cursor->at - '0');
        if (value == 0 || value > max) /* a leading zero, or too big: before anything can wrap */
            return false;
        skip(cursor, 1);
    }
    *ret = (uint32_t)value;
    return value > 0;
}

static bool is_ascii(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] > 0x7f)
            return false;
    return true;
}

/* Exactly `size` bytes, which have exactly `chars` characters. */
static bool take_base64(struct cursor *cursor, size_t chars, uint8_t *ret, size_t size)
{
    size_t written = 0;
    if (cursor->left < chars || !is_ascii(cursor->at, chars))
        return false;
    if (sodium_base642bin(ret, size, (const char *)cursor->at, chars, NULL, &written, NULL,
                          PHC_BASE64) != 0)
        return false;
    skip(cursor, chars);
    return written == size;
}

/* The ranges that the format and RFC 9106 give; the upper ends of memory and passes are those of
 * their type. */
static bool in_range(const struct phc *value)
{
    return value->lanes >= 1 && value->lanes <= PHC_LANES_MAX && value->cost.passes >= 1 &&
           value->cost.memory_kib >= COST_MEMORY_KIB_MIN * value->lanes;
}

static bool take_all(struct cursor *cursor, struct phc *ret)
{
    return take_text(cursor, "$argon2id$v=19$m=") &&
           take_number(cursor, UINT32_MAX, &ret->cost.memory_kib) && take_text(cursor, ",t=") &&
           take_number(cursor, UINT32_MAX, &ret->cost.passes) && take_text(cursor, ",p=") &&
           take_number(cursor, PHC_LANES_MAX, &ret->lanes) && take_text(cursor, "$") &&
           take_base64(cursor, PHC_SALT_CHARS, ret->salt, PHC_SALT_BYTES) &&
           take_text(cursor, "$") &&
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
                        "$argon2id$v=19$m=%" PRIu32 ",t=%" PRIu32 ",p=%" PRIu32 "$",
                        value->cost.memory_kib, value->cost.passes, value->lanes);
    size_t size = (size_t)head;
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
