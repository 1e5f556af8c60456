/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens: one line that repeats a run on any machine, any build, any front end.
 *
 *     assay1:TARGET:CASE:PAYLOAD:CRC32
 *
 * TARGET is the name of a target, or "WRITER,TARGET" when one wrote the rows that the other serves,
 * or "TARGET@KEY" with one of its mutants switched on, or "*" for a token that is kept for any
 * target. PAYLOAD is in base64url without padding: a 16-bit hash of the shape of the draws; then,
 * two and two, a byte with four bits of the shape of each (the first in the lower half), and the
 * two choices themselves, each as its distance from the origin, zigzag and in groups of seven bits
 * (LEB128). Choices at the end that are at their origin are not written. CRC32 (IEEE 802.3, eight
 * hexadecimal digits) covers everything before its colon: a token that was cut or mistyped is
 * refused, never replayed as something else. A run has exactly one text.
 *
 * A token is stale when the case draws something else now. The four bits a draw say where: the
 * first draw whose bits or whose value do not fit is named. One changed draw in sixteen keeps its
 * bits; then the hash of all of them still says that it is stale, but not where, or a later draw
 * is named.
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

bool token_fits(const struct token *token, const struct choices *drawn, bool cut_short,
                char ret_why[static TOKEN_WHY_BYTES])
{
    for (uint32_t i = 0; i < token->count && i < drawn->count; i++) {
        const struct choice *now = &drawn->at[i];
        uint64_t distance = (uint64_t)now->value - (uint64_t)now->origin;
        if (choice_print(now) == token->prints[i] && distance == (uint64_t)token->values[i].value)
            continue;
        snprintf(ret_why, TOKEN_WHY_BYTES,
                 "draw %u is another one now, of %lld..%lld with the origin %lld", i + 1,
                 (long long)now->lo, (long long)now->hi, (long long)now->origin);
        return false;
    }
    if (drawn->count < token->count) {
        snprintf(ret_why, TOKEN_WHY_BYTES, "draw %u is not made any more, the last is draw %u",
                 drawn->count + 1, drawn->count);
        return cut_short;
    }
    snprintf(ret_why, TOKEN_WHY_BYTES,
             "a draw up to draw %u is another one now, which one cannot be told", token->count);
    return folded_shape(drawn, token->count) == token->shape;
}

/* The payload, of at most 2 + 11 * count bytes. */
static size_t put_payload(uint8_t *to, const struct token *token)
{
    size_t size = 2, pair = 0;
    to[0] = (uint8_t)token->shape;
    to[1] = (uint8_t)(token->shape >> 8);
    for (uint32_t i = 0; i < token->count; i++) {
        if (i % 2 == 0)
            to[pair = size++] = token->prints[i];
        else
            to[pair] |= (uint8_t)(token->prints[i] << 4);
        size += put_number(to + size, token->values[i].value);
    }
    return size;
}

char *token_text(const struct token *token)
{
    size_t bytes_max = 2 + 11 * (size_t)token->count,
           head = sizeof prefix + strlen(token->target) + strlen(token->name) + 2;
    uint8_t *bytes = malloc(bytes_max);
    char *text = malloc(head + bytes_max / 3 * 4 + 32);
    if (bytes && text) {
        size_t used = (size_t)sprintf(text, "%s%s:%s:", prefix, token->target, token->name);
        used += encode(text + used, bytes, put_payload(bytes, token));
        sprintf(text + used, ":%08x", crc32(text, used));
    } else {
        free(text);
        text = NULL;
    }
    free(bytes);
    return text;
}

char *token_write(const char *target, const char *name, const struct choices *choices)
{
    struct token *token = malloc(sizeof *token);
    if (!token)
        return NULL;
    snprintf(token->target, sizeof token->target, "%s", target);
    snprintf(token->name, sizeof token->name, "%s", name);
    token->count = choices_significant(choices);
    token->shape = folded_shape(choices, token->count);
    for (uint32_t i = 0; i < token->count; i++) {
        const struct choice *choice = &choices->at[i];
        token->prints[i] = choice_print(choice);
        token->values[i].value = (int64_t)((uint64_t)choice->value - (uint64_t)choice->origin);
    }
    char *text = token_text(token);
    free(token);
    return text;
}

/* Copies the field up to the next colon; names have letters, digits and . , _ -; only in "so:"
 * paths, which are given on the command line instead. Returns what follows the colon, or null. */
static const char *take_field(const char *text, const char *end, char *ret, size_t size)
{
    size_t length = 0;
    for (; text + length < end && text[length] != ':'; length++)
        if (length + 1 >= size ||
            !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._,@-",
                    text[length]))
            return NULL;
    if (text + length >= end || length == 0)
        return NULL;
    memcpy(ret, text, length);
    ret[length] = 0;
    return text + length + 1;
}

static const char *take_target(const char *text, const char *end, struct token *ret)
{
    static const char any[] = TOKEN_ANY_TARGET ":";
    if (strncmp(text, any, sizeof any - 1) != 0)
        return take_field(text, end, ret->target, sizeof ret->target);
    memcpy(ret->target, TOKEN_ANY_TARGET, sizeof TOKEN_ANY_TARGET);
    return text + sizeof any - 1;
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

static const char not_valid[] = "its payload is not valid",
                  not_canonical[] = "its payload is not in its shortest form";

/* A number whose first byte was taken. Null when all is well. */
static const char *read_number(struct bits *bits, int byte, int64_t *ret)
{
    uint64_t zigzag = 0;
    for (uint32_t shift = 0;; shift += 7, byte = next_byte(bits)) {
        if (byte < 0 || shift > 63 || (shift == 63 && byte > 1))
            return not_valid;
        zigzag |= (uint64_t)(byte & 127) << shift;
        if (shift > 0 && byte == 0)
            return not_canonical;
        if (byte < 128)
            break;
    }
    *ret = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
    return NULL;
}

/* One run has one token, so what token_write() would have written shorter is refused. */
static const char *read_choices(struct bits *bits, struct token *ret)
{
    int low = next_byte(bits), high = next_byte(bits), pair = 0;
    if (low < 0 || high < 0)
        return "its payload is too short";
    ret->shape = (uint16_t)(low | high << 8);
    for (ret->count = 0;; ret->count++) {
        bool first = ret->count % 2 == 0; /* of two that share a byte of prints */
        if (first)
            pair = next_byte(bits);
        int byte = pair < 0 ? pair : next_byte(bits);
        if (byte == -1 && first && pair >= 0)
            return not_valid; /* prints of nothing */
        if (byte == -1)
            return (ret->count > 0 && ret->values[ret->count - 1].value == 0) ||
                           (!first && pair > 15)
                       ? not_canonical
                       : NULL;
        if (ret->count >= CHOICES_MAX)
            return "it has more choices than a run may have";
        ret->values[ret->count] = (struct choice){0};
        ret->prints[ret->count] = (uint8_t)(first ? pair & 15 : pair >> 4);
        const char *wrong = read_number(bits, byte, &ret->values[ret->count].value);
        if (wrong)
            return wrong;
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
    rest = take_target(rest, crc, ret);
    rest = rest ? take_field(rest, crc, ret->name, sizeof ret->name) : NULL;
    if (!rest)
        return "it is not assay1:TARGET:CASE:PAYLOAD:CRC32";
    struct bits bits = {rest, crc, 0, 0};
    return read_choices(&bits, ret);
}
