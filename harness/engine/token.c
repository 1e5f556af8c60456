/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens: one line that repeats a run on any machine, any build, any front end.
 *
 *     assay1:TARGET:CASE:PAYLOAD:CRC32
 *
 * TARGET is the name of a target, or "WRITER,TARGET" when one wrote the rows that the other serves.
 * PAYLOAD is in base64url without padding: a 16-bit hash of the shape of the draws, then each
 * choice as its distance from the origin, zigzag and in groups of seven bits (LEB128). Choices at
 * the end that are at their origin are not written. CRC32 (IEEE 802.3, eight hexadecimal digits)
 * covers everything before its colon: a token that was cut or mistyped is refused, never replayed
 * as something else.
 *
 * Tokens come from outside: every length is bounded and every byte is checked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/engine/engine.h"

static const char prefix[] = "assay1:";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static uint32_t crc32(const char *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= (uint8_t)data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

static size_t put_number(uint8_t *to, int64_t number)
{
    uint64_t zigzag = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
    size_t used = 0;
    for (; zigzag >= 128; zigzag >>= 7)
        to[used++] = (uint8_t)(zigzag | 128);
    to[used++] = (uint8_t)zigzag;
    return used;
}

static size_t encode(char *to, const uint8_t *bytes, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16;
        group |= i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= i + 2 < size ? bytes[i + 2] : 0;
        size_t letters = size - i >= 3 ? 4 : size - i + 1;
        for (size_t j = 0; j < letters; j++)
            to[used++] = alphabet[(group >> (18 - 6 * j)) & 63];
    }
    to[used] = 0;
    return used;
}

static uint16_t folded_shape(const struct choices *choices, uint32_t count)
{
    uint32_t shape = choices_shape(choices, count);
    return (uint16_t)(shape ^ (shape >> 16));
}

bool token_fits(const struct token *token, const struct choices *drawn)
{
    return drawn->count >= token->count && folded_shape(drawn, token->count) == token->shape;
}

char *token_write(const char *target, const char *name, const struct choices *choices)
{
    uint32_t count = choices_significant(choices);
    size_t bytes_max = 2 + 10 * (size_t)count,
           head = sizeof prefix + strlen(target) + strlen(name) + 2;
    uint8_t *bytes = malloc(bytes_max);
    char *text = malloc(head + bytes_max / 3 * 4 + 32);
    if (bytes && text) {
        uint16_t folded = folded_shape(choices, count);
        size_t size = 2;
        bytes[0] = (uint8_t)folded;
        bytes[1] = (uint8_t)(folded >> 8);
        for (uint32_t i = 0; i < count; i++)
            size += put_number(bytes + size, (int64_t)((uint64_t)choices->at[i].value -
                                                       (uint64_t)choices->at[i].origin));
        size_t used = (size_t)sprintf(text, "%s%s:%s:", prefix, target, name);
        used += encode(text + used, bytes, size);
        sprintf(text + used, ":%08x", crc32(text, used));
    } else {
        free(text);
        text = NULL;
    }
    free(bytes);
    return text;
}

/* Copies the field up to the next colon; names have letters, digits and . , _ - / : only in "so:"
 * paths, which are given on the command line instead. Returns what follows the colon, or null. */
static const char *take_field(const char *text, const char *end, char *ret, size_t size)
{
    size_t length = 0;
    for (; text + length < end && text[length] != ':'; length++)
        if (length + 1 >= size ||
            !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._,-",
                    text[length]))
            return NULL;
    if (text + length >= end || length == 0)
        return NULL;
    memcpy(ret, text, length);
    ret[length] = 0;
    return text + length + 1;
}

struct bits {
    const char *text, *end;
    uint32_t held, count;
};

/* The next byte of base64url; -1 at the end, -2 when a letter is wrong or the end is not clean. */
static int next_byte(struct bits *bits)
{
    while (bits->count < 8) {
        if (bits->text == bits->end)
            return bits->count < 6 && (bits->held & ((1u << bits->count) - 1)) == 0 ? -1 : -2;
        const char *letter = *bits->text ? strchr(alphabet, *bits->text) : NULL;
        if (!letter)
            return -2;
        bits->text++;
        bits->held = (bits->held << 6) | (uint32_t)(letter - alphabet);
        bits->count += 6;
    }
    bits->count -= 8;
    return (int)((bits->held >> bits->count) & 255);
}

/* One run has one token, so what token_write() would have written shorter is refused. */
static const char *read_choices(struct bits *bits, struct token *ret)
{
    static const char not_canonical[] = "its payload is not in its shortest form";
    int low = next_byte(bits), high = next_byte(bits);
    if (low < 0 || high < 0)
        return "its payload is too short";
    ret->shape = (uint16_t)(low | high << 8);
    for (ret->count = 0;; ret->count++) {
        uint64_t zigzag = 0;
        int byte = next_byte(bits);
        if (byte == -1)
            return ret->count > 0 && ret->values[ret->count - 1].value == 0 ? not_canonical : NULL;
        if (ret->count >= CHOICES_MAX)
            return "it has more choices than a run may have";
        for (uint32_t shift = 0;; shift += 7, byte = next_byte(bits)) {
            if (byte < 0 || shift > 63 || (shift == 63 && byte > 1))
                return "its payload is not valid";
            zigzag |= (uint64_t)(byte & 127) << shift;
            if (shift > 0 && byte == 0)
                return not_canonical;
            if (byte < 128)
                break;
        }
        ret->values[ret->count] =
            (struct choice){.value = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1)};
    }
}

const char *token_read(const char *text, struct token *ret)
{
    size_t size = strnlen(text, TOKEN_BYTES_MAX + 1);
    if (size > TOKEN_BYTES_MAX)
        return "it is too long";
    if (strncmp(text, prefix, sizeof prefix - 1) != 0)
        return "it does not begin with \"assay1:\"";
    const char *crc = strrchr(text, ':'), *rest = text + sizeof prefix - 1;
    char expected[16];
    snprintf(expected, sizeof expected, "%08x", crc32(text, (size_t)(crc - text)));
    if (strcmp(crc + 1, expected) != 0)
        return "its checksum does not fit: it was cut or mistyped";
    rest = take_field(rest, crc, ret->target, sizeof ret->target);
    rest = rest ? take_field(rest, crc, ret->name, sizeof ret->name) : NULL;
    if (!rest)
        return "it is not assay1:TARGET:CASE:PAYLOAD:CRC32";
    struct bits bits = {rest, crc, 0, 0};
    return read_choices(&bits, ret);
}
