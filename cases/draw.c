/* SPDX-License-Identifier: Apache-2.0
 *
 * Names, passwords and costs.
 *
 * Whether two texts are one in the eyes of the target is decided by what it declares, never by what
 * would be nice: an honest target is judged by its own rules.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "cases/cases.h"

/* Drawn lengths stay below this where a target declares no limit. */
#define UNLIMITED_BYTES 1100u

struct assay_bytes text_bytes(const struct text *text)
{
    return (struct assay_bytes){text->bytes, text->size};
}

static size_t upper(uint32_t declared)
{
    return declared == 0 || declared > UNLIMITED_BYTES ? UNLIMITED_BYTES : declared;
}

size_t longest_password(const struct assay_traits *traits)
{
    return upper(traits->password_bytes_max);
}

/* Ends a password with what the target's policy wants. */
void add_suffix(const struct assay_traits *traits, struct text *password)
{
    size_t size = traits->password_suffix ? strlen(traits->password_suffix) : 0;
    size_t max = upper(traits->password_bytes_max);
    if (size > max || size > TEXT_BYTES_MAX)
        return;
    if (password->size + size > max)
        password->size = max - size;
    memcpy(password->bytes + password->size, traits->password_suffix ? traits->password_suffix : "",
           size);
    password->size += size;
}

static void repeat(uint8_t letter, size_t size, struct text *ret)
{
    ret->size = size < TEXT_BYTES_MAX ? size : TEXT_BYTES_MAX;
    memset(ret->bytes, letter, ret->size);
}

void simple_password(const struct assay_traits *traits, uint8_t letter, struct text *ret)
{
    repeat(letter, traits->password_bytes_min ? traits->password_bytes_min : 1, ret);
    add_suffix(traits, ret);
}

void simple_name(const struct assay_traits *traits, uint8_t letter, struct text *ret)
{
    repeat(letter, traits->name_bytes_min ? traits->name_bytes_min : 1, ret);
}

void name_with_alias(const struct assay_traits *traits, struct text *ret_name,
                     struct text *ret_alias)
{
    static const char *const spellings[][2] = {
        {"a", "a"}, {"a", "A"}, {"caf\u00e9", "cafe\u0301"}}; /* composed, and not */
    size_t kind = traits->names_fold_ascii_case                       ? 1
                  : traits->name_normalisation == ASSAY_OPAQUE_STRING ? 2
                                                                      : 0;
    struct text *const rets[] = {ret_name, ret_alias};
    for (size_t i = 0; i < 2; i++) {
        rets[i]->size = 0;
        while (rets[i]->size < traits->name_bytes_min || rets[i]->size == 0)
            text_add(rets[i], spellings[kind][i], strlen(spellings[kind][i]));
    }
    if (within_name_limits(traits, ret_name) && within_name_limits(traits, ret_alias) &&
        same_name(traits, ret_name, ret_alias))
        return;
    simple_name(traits, 'a', ret_name);
    *ret_alias = *ret_name;
}

void draw_password(struct run *run, const struct assay_traits *traits, struct text *ret)
{
    draw_text(run, "password", traits->password_bytes_min ? traits->password_bytes_min : 1,
              upper(traits->password_bytes_max), ret);
    add_suffix(traits, ret);
}

/* Half of the names are of kinds that have been confused before: numbers, paths, formats, SQL. */
void draw_name(struct run *run, const struct assay_traits *traits, struct text *ret)
{
    static const char *const tricky[] = {"a",     "7",     "007",   "7.0", "0x7", "7e0",
                                         "null",  "admin", "Admin", "-a",  "a b", "a:b",
                                         "a%s%n", "a'--",  "a\"",   "a;b", "a\\", "../a",
                                         "a@b",   "*",     "%",     "_",   "a,b", "true"};
    uint32_t span = span_begin(run, "name");
    size_t which = draw_index(run, sizeof tricky / sizeof *tricky + 12);
    if (which < sizeof tricky / sizeof *tricky) {
        ret->size = 0;
        text_add(ret, tricky[which], strlen(tricky[which]));
        if (!within_name_limits(traits, ret))
            draw_text(run, "text", traits->name_bytes_min ? traits->name_bytes_min : 1,
                      upper(traits->name_bytes_max), ret);
    } else {
        draw_text(run, "text", traits->name_bytes_min ? traits->name_bytes_min : 1,
                  upper(traits->name_bytes_max), ret);
    }
    span_end(run, span);
}

struct assay_cost cheapest_cost(const struct assay_traits *traits)
{
    return traits->cost_min;
}

struct assay_cost draw_cost(struct run *run, const struct assay_traits *traits)
{
    struct assay_cost cost = traits->cost_min;
    uint32_t span = span_begin(run, "cost");
    int64_t more_memory = draw(run, 0, 56, 0);
    int64_t more_passes = draw(run, 0, draw(run, 0, 15, 0) == 15 ? 60 : 3, 0);
    if (cost.memory_kib)
        cost.memory_kib += (uint32_t)more_memory;
    if (cost.passes)
        cost.passes += (uint32_t)more_passes;
    span_end(run, span);
    return cost;
}

/* RFC 8265, section 4.2: other spaces to U+0020, then NFC. What is not valid UTF-8 stays as it is.
 */
static void opaque_string(const struct text *from, struct text *ret)
{
    utf8proc_int32_t point;
    utf8proc_uint8_t mapped[TEXT_BYTES_MAX * 2 + 4], *composed = NULL;
    size_t size = 0;
    *ret = *from;
    for (size_t i = 0; i < from->size;) {
        utf8proc_ssize_t step_size =
            utf8proc_iterate(from->bytes + i, (utf8proc_ssize_t)(from->size - i), &point);
        if (step_size <= 0)
            return;
        if (utf8proc_category(point) == UTF8PROC_CATEGORY_ZS)
            point = ' ';
        size += (size_t)utf8proc_encode_char(point, mapped + size);
        i += (size_t)step_size;
    }
    utf8proc_ssize_t composed_size =
        utf8proc_map(mapped, (utf8proc_ssize_t)size, &composed, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (composed_size >= 0 && (size_t)composed_size <= TEXT_BYTES_MAX) {
        ret->size = (size_t)composed_size;
        memcpy(ret->bytes, composed, ret->size);
    }
    free(composed);
}

static void canonical(enum assay_normalisation normalisation, bool fold, size_t significant,
                      const struct text *from, struct text *ret)
{
    if (normalisation == ASSAY_OPAQUE_STRING)
        opaque_string(from, ret);
    else
        *ret = *from;
    for (size_t i = 0; fold && i < ret->size; i++)
        ret->bytes[i] = (uint8_t)(isascii(ret->bytes[i]) ? tolower(ret->bytes[i]) : ret->bytes[i]);
    if (significant && ret->size > significant)
        ret->size = significant;
}

/* HMAC fills keys up to its block with zero bytes, so those at the end do not count. */
static void strip_zeros(size_t block, struct text *text)
{
    while (text->size > 0 && text->size <= block && text->bytes[text->size - 1] == 0)
        text->size--;
}

bool same_password(const struct assay_traits *traits, const struct text *a, const struct text *b)
{
    struct text left, right;
    if (same_text(a, b))
        return true;
    canonical(traits->password_normalisation, false, traits->password_bytes_significant, a, &left);
    canonical(traits->password_normalisation, false, traits->password_bytes_significant, b, &right);
    strip_zeros(traits->hmac_block_bytes, &left);
    strip_zeros(traits->hmac_block_bytes, &right);
    return same_text(&left, &right);
}

bool same_name(const struct assay_traits *traits, const struct text *a, const struct text *b)
{
    struct text left, right;
    if (same_text(a, b))
        return true;
    canonical(traits->name_normalisation, traits->names_fold_ascii_case, 0, a, &left);
    canonical(traits->name_normalisation, traits->names_fold_ascii_case, 0, b, &right);
    return same_text(&left, &right);
}

static bool within(const struct text *text, uint32_t min, uint32_t max)
{
    return text->size >= min && (max == 0 || text->size <= max);
}

bool within_password_limits(const struct assay_traits *traits, const struct text *text)
{
    return within(text, traits->password_bytes_min, traits->password_bytes_max);
}

bool within_name_limits(const struct assay_traits *traits, const struct text *text)
{
    return within(text, traits->name_bytes_min, traits->name_bytes_max);
}
