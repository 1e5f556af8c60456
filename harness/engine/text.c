/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts: strings of bytes as programs meet them, and texts that are nearly the same.
 *
 * A text is drawn from one alphabet: letters, printable ASCII, UTF-8 with what normalisation and
 * folding change, UTF-8 of all planes, controls with NUL among them, or any bytes, which are hardly
 * ever valid UTF-8. Long ones repeat a short stretch: what matters is where a buffer ends, and one
 * draw a byte would be slow to shrink. A length takes as many draws in every alphabet, so that none
 * looks simpler for being wider. The simplest text is the shortest run of "a".
 *
 * Independent random texts almost never collide. So the second one of a pair is derived from the
 * first: that is where truncation, folding, and confusion of names live.
 */
#include <string.h>

#include "harness/engine/engine.h"

#define SHORT 8 /* characters; longer texts repeat this many, or up to twice as many */

enum alphabet { LETTERS, PRINTABLE, SENSITIVE, PLANES, CONTROLS, ANY_BYTE };

void text_add(struct text *text, const void *bytes, size_t size)
{
    if (size <= TEXT_BYTES_MAX - text->size) {
        memcpy(text->bytes + text->size, bytes, size);
        text->size += size;
    }
}

static void add_byte(struct text *text, int64_t byte)
{
    text_add(text, &(uint8_t){(uint8_t)byte}, 1);
}

static void add_code_point(struct text *text, uint32_t point)
{
    uint8_t utf8[4];
    size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size; i-- > 1; point >>= 6)
        utf8[i] = (uint8_t)(0x80 | (point & 0x3f));
    utf8[0] = (uint8_t)(size == 1 ? point : (0xf00u >> size & 0xffu) | point);
    text_add(text, utf8, size);
}

/* A code point of any plane, combining marks often; never a surrogate. Simplest: U+00A1. */
static uint32_t draw_code_point(struct run *run)
{
    static const struct {
        uint32_t first, last;
    } blocks[] = {{0xa1, 0x24f},      {0x300, 0x36f},     {0x370, 0xd7ff},    {0xe000, 0xffff},
                  {0x10000, 0x1ffff}, {0x20000, 0x3134f}, {0xe0000, 0xe01ef}, {0xf0000, 0x10ffff}};
    size_t block = draw_index(run, sizeof blocks / sizeof *blocks);
    return (uint32_t)draw(run, blocks[block].first, blocks[block].last, blocks[block].first);
}

/* Characters that normalisation, folding or mapping of spaces change. */
static void draw_sensitive(struct run *run, struct text *ret)
{
    static const char *const characters[] = {
        "\u00e9", "e\u0301", "\u00df", "\u212b",     "\u00a0", "\u3000",      "\u6f22",
        "\u0130", "\ufb01",  "\u1e9e", "\U0001f511", "\uac00", "\u1100\u1161"};
    const char *character = characters[draw_index(run, sizeof characters / sizeof *characters)];
    text_add(ret, character, strlen(character));
}

static void draw_character(struct run *run, enum alphabet alphabet, struct text *ret)
{
    uint32_t span = span_begin(run, "character");
    if (alphabet == LETTERS)
        add_byte(ret, draw(run, 'a', 'z', 'a'));
    else if (alphabet == PRINTABLE)
        add_byte(ret, draw(run, 0x20, 0x7e, 'a'));
    else if (alphabet == SENSITIVE)
        draw_sensitive(run, ret);
    else if (alphabet == PLANES)
        add_code_point(ret, draw_code_point(run));
    else if (alphabet == CONTROLS)
        add_byte(ret, draw(run, 0, 0x20, 0));
    else
        add_byte(ret, draw(run, 0, 255, 'a'));
    span_end(run, span);
}

void draw_text(struct run *run, const char *label, size_t min, size_t max, struct text *ret)
{
    static const uint32_t weights[] = {[LETTERS] = 4, [PRINTABLE] = 6, [SENSITIVE] = 3,
                                       [PLANES] = 1,  [CONTROLS] = 1,  [ANY_BYTE] = 1};
    uint32_t span = span_begin(run, label);
    enum alphabet alphabet =
        (enum alphabet)draw_weighted(run, weights, sizeof weights / sizeof *weights);
    size_t size = draw_length(run, min, max < TEXT_BYTES_MAX ? max : TEXT_BYTES_MAX);
    size_t count = size <= SHORT ? size : SHORT + draw_index(run, SHORT + 1);
    uint8_t ends[2 * SHORT + 1] = {0};
    struct text stretch = {0};
    count = count < size ? count : size;
    for (size_t i = 0; i < count; i++) {
        draw_character(run, alphabet, &stretch);
        ends[i] = (uint8_t)stretch.size;
    }
    ret->size = 0;
    for (size_t i = 0; i < size && count > 0; i++) {
        size_t first = i % count ? ends[i % count - 1] : 0, more = ends[i % count] - first;
        if (ret->size + more > size)
            break;
        text_add(ret, stretch.bytes + first, more);
    }
    while (ret->size < size) /* where a wide character does not fit */
        add_byte(ret, 'z');
    span_end(run, span);
}

static void other_case(struct text *text)
{
    for (size_t i = 0; i < text->size; i++) {
        uint8_t lower = text->bytes[i] | 0x20;
        if (lower >= 'a' && lower <= 'z')
            text->bytes[i] ^= 0x20;
    }
}

void draw_neighbour(struct run *run, const struct text *of, struct text *ret)
{
    uint32_t span = span_begin(run, "neighbour");
    int64_t way = draw(run, 0, 11, 0);
    size_t place = draw_index(run, of->size);
    *ret = *of;
    switch (way) {
    case 0: /* one byte more */
        add_byte(ret, draw(run, 0, 255, 'a'));
        break;
    case 1: /* one byte less */
        ret->size -= ret->size > 0;
        break;
    case 2: /* one bit */
        if (ret->size > 0)
            ret->bytes[place] ^= (uint8_t)(1 << draw(run, 0, 6, 0));
        break;
    case 3: /* a prefix */
        ret->size = place;
        break;
    case 4:
        other_case(ret);
        break;
    case 5: /* the last byte */
        if (ret->size > 0)
            ret->bytes[ret->size - 1] = (uint8_t)(ret->bytes[ret->size - 1] == 'b' ? 'c' : 'b');
        break;
    case 6: /* a space behind */
        add_byte(ret, ' ');
        break;
    case 7: /* NUL and more behind it */
        text_add(ret, "\0x", 2);
        break;
    case 8: /* a zero in front, which numbers lose */
        ret->size = 0;
        add_byte(ret, '0');
        text_add(ret, of->bytes, of->size < TEXT_BYTES_MAX ? of->size : TEXT_BYTES_MAX - 1);
        break;
    case 9: /* NUL alone */
        add_byte(ret, 0);
        break;
    case 10: /* nothing */
        ret->size = 0;
        break;
    default: /* the same */
        break;
    }
    span_end(run, span);
}

bool same_text(const struct text *a, const struct text *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}
