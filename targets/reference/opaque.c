/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and passwords as OpaqueString: the same characters are the same bytes, whatever keyboard
 * they came from.
 *
 * RFC 8265, section 4.2.2: no width mapping, no case mapping; every space other than U+0020
 * becomes U+0020; normalisation form C; an empty result is refused. Nothing is cut and nothing is
 * left out. The result is stable: preparing it again changes nothing.
 *
 * The text is decomposed by utf8proc into an array of code points on the stack, with the mapping
 * of spaces as its hook, composed in place and encoded. Nothing is allocated, because a password
 * should not be left behind in a freed block; the array is wiped. Length is judged first, on the
 * bytes as given, so that an endless input costs nothing.
 *
 * Folding is the same way with another hook of the library, full case folding; what comes out is
 * for comparing with lists and words only. Turkish dotless letters and other customs of a language
 * are not known to it.
 *
 * Code points that Unicode has not assigned yet are let through. RFC 8264 disallows them, but then
 * the library's version would decide who can log in.
 */
#include "reference.h"

#include <string.h>

#include <utf8proc.h>

/* Canonical decomposition makes at most four code points of one, which had at least one byte: UAX
 * #15. */
#define DECOMPOSED_MAX (4u * PASSWORD_BYTES_MAX)

_Static_assert(NAME_BYTES_MAX <= PASSWORD_BYTES_MAX,
               "the buffers are made for passwords, the longer ones");

struct code_points {
    utf8proc_int32_t at[DECOMPOSED_MAX];
};

static void code_points_done(struct code_points *points)
{
    sodium_memzero(points, sizeof *points);
}

/* The hook: sees each code point once, before it is decomposed. */
static utf8proc_int32_t map_code_point(utf8proc_int32_t point, void *has_control)
{
    utf8proc_category_t category = utf8proc_category(point);
    if (category == UTF8PROC_CATEGORY_CC)
        *(bool *)has_control = true;
    return category == UTF8PROC_CATEGORY_ZS ? ' ' : point;
}

/* False when it does not fit. */
static bool encode(const struct code_points *points, size_t count, struct opaque *ret)
{
    ret->size = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t encoded[4];
        size_t size = (size_t)utf8proc_encode_char(points->at[i], encoded);
        if (size > sizeof ret->data - ret->size)
            return false;
        memcpy(ret->data + ret->size, encoded, size);
        ret->size += size;
    }
    ret->code_points = count;
    return true;
}

enum opaque_flaw opaque_prepare(struct bytes given, size_t bytes_max, struct opaque *ret)
{
    CLEANUP(code_points_done) struct code_points points;
    const utf8proc_option_t nfc = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    bool has_control = false;

    if (given.size == 0)
        return OPAQUE_EMPTY;
    if (given.size > bytes_max)
        return OPAQUE_TOO_LONG;
    utf8proc_ssize_t count =
        utf8proc_decompose_custom(given.data, (utf8proc_ssize_t)given.size, points.at,
                                  DECOMPOSED_MAX, nfc, map_code_point, &has_control);
    if (count < 0 || count > (utf8proc_ssize_t)DECOMPOSED_MAX)
        return OPAQUE_NOT_UTF8;
    count = utf8proc_normalize_utf32(points.at, count, nfc);
    if (!encode(&points, (size_t)count, ret)) /* the buffer has room for every text */
        return OPAQUE_NOT_UTF8;
    ret->has_control = has_control;
    return OPAQUE_GOOD;
}

bool opaque_fold(struct bytes canonical, struct opaque *ret)
{
    CLEANUP(code_points_done) struct code_points points;
    const utf8proc_option_t fold = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD;
    if (canonical.size > OPAQUE_BYTES_MAX)
        return false;
    utf8proc_ssize_t count =
        utf8proc_decompose_custom(canonical.data, (utf8proc_ssize_t)canonical.size, points.at,
                                  DECOMPOSED_MAX, fold, NULL, NULL);
    if (count < 0 || count > (utf8proc_ssize_t)DECOMPOSED_MAX)
        return false;
    count = utf8proc_normalize_utf32(points.at, count, fold);
    ret->has_control = false; /* not looked at */
    return encode(&points, (size_t)count, ret);
}

bool opaque_refused(enum opaque_flaw flaw, struct reply *ret)
{
    static const struct {
        enum reason reason;
        const char *why;
    } flaws[OPAQUE_FLAWS] = {
        [OPAQUE_EMPTY] = {REASON_REFUSED, "empty"},
        [OPAQUE_TOO_LONG] = {REASON_LIMIT, "too long"},
        [OPAQUE_NOT_UTF8] = {REASON_REFUSED, "not valid UTF-8"},
    };
    return reply_refused(ret, flaws[flaw].reason, flaws[flaw].why);
}

void opaque_done(struct opaque *opaque)
{
    sodium_memzero(opaque, sizeof *opaque);
}
