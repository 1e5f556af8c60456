/* SPDX-License-Identifier: Apache-2.0
 *
 * A cursor over text that is to be read strictly: stored strings, key files.
 *
 * Each function consumes exactly its own part or says no. Nothing is skipped, guessed or trimmed,
 * so that a reader written with these accepts one spelling of each value. After a no the cursor may
 * stand anywhere: the whole text is refused then.
 *
 * Base64 is libsodium's: it is strict about length and trailing bits, and it takes the same time
 * for every content, which matters for keys. It is not strict about the alphabet: up to 1.0.18 it
 * reads every byte from 0x80 as a slash where char is signed, so those bytes are refused before it
 * sees them.
 */
#include "reference.h"

#include <string.h>

void cursor_skip(struct cursor *cursor, size_t size)
{
    cursor->at += size;
    cursor->left -= size;
}

bool cursor_text(struct cursor *cursor, const char *text)
{
    size_t size = strlen(text);
    if (cursor->left < size || memcmp(cursor->at, text, size) != 0)
        return false;
    cursor_skip(cursor, size);
    return true;
}

bool cursor_number(struct cursor *cursor, uint32_t max, uint32_t *ret)
{
    uint64_t value = 0;
    while (cursor->left > 0 && *cursor->at >= '0' && *cursor->at <= '9') {
        value = value * 10 + (uint64_t)(*cursor->at - '0');
        if (value == 0 || value > max) /* a leading zero, or too big: before anything can wrap */
            return false;
        cursor_skip(cursor, 1);
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

bool cursor_base64(struct cursor *cursor, size_t chars, int variant, uint8_t *ret, size_t capacity,
                   size_t *ret_size)
{
    if (cursor->left < chars || !is_ascii(cursor->at, chars))
        return false;
    if (sodium_base642bin(ret, capacity, (const char *)cursor->at, chars, NULL, ret_size, NULL,
                          variant) != 0)
        return false;
    cursor_skip(cursor, chars);
    return true;
}

size_t cursor_span(const struct cursor *cursor, const char *alphabet)
{
    size_t size = 0;
    while (size < cursor->left && memchr(alphabet, cursor->at[size], strlen(alphabet)) != NULL)
        size++;
    return size;
}
