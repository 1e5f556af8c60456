/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts that are too regular to be passwords, whatever their length: SP 800-63B-4 counts
 * "repetitive or sequential characters" among what a blocklist holds, and no list can hold them
 * all.
 *
 * Two rules, each with its own words:
 *   - one short stretch, of up to six characters, again and again: "abcabcabcabcabc"
 *   - runs: the text is cut into the longest runs from the left, where a run is one character
 *     again and again, neighbours in Unicode upwards or downwards, or neighbours on a row of keys
 * in one direction. When the runs have four characters or more on the average, it is a list of
 *     runs: "qwertyuiop12345", "aaaabbbbccccdddd". Ordinary words have runs of one or two.
 *
 * Not modelled: ways over the keyboard from row to row, dates, words. The first and the last are
 * what the list is for.
 */
#include "reference.h"

#include <string.h>

#include <utf8proc.h>

#define STRETCH_MAX     6u
#define RUN_AVERAGE_MIN 4u

struct characters {
    utf8proc_int32_t at[OPAQUE_BYTES_MAX];
    size_t count;
};

/* Rows of keys: three layouts share most of them. */
static const char *const rows[] = {"1234567890", "qwertyuiop", "qwertzuiop", "azertyuiop",
                                   "asdfghjkl",  "zxcvbnm",    "yxcvbnm",    "qsdfghjklm"};

static void characters_done(struct characters *characters)
{
    sodium_memzero(characters, sizeof *characters);
}

static void split(struct bytes text, struct characters *ret)
{
    size_t at = 0;
    ret->count = 0;
    while (at < text.size && ret->count < OPAQUE_BYTES_MAX) {
        utf8proc_ssize_t size = utf8proc_iterate(text.data + at, (utf8proc_ssize_t)(text.size - at),
                                                 &ret->at[ret->count++]);
        at += size > 0 ? (size_t)size : text.size;
    }
}

static bool is_repeated(const struct characters *text, size_t stretch)
{
    for (size_t i = stretch; i < text->count; i++)
        if (text->at[i] != text->at[i - stretch])
            return false;
    return text->count >= 2 * stretch;
}

/* Do the two keys stand side by side in one of the rows, in this order? */
static bool is_beside(utf8proc_int32_t left, utf8proc_int32_t right)
{
    const char pair[3] = {(char)left, (char)right, '\0'};
    if (left <= 0 || left > 0x7f || right <= 0 || right > 0x7f)
        return false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strstr(rows[i], pair) != NULL)
            return true;
    return false;
}

static bool is_same(utf8proc_int32_t from, utf8proc_int32_t to)
{
    return to == from;
}

static bool is_next(utf8proc_int32_t from, utf8proc_int32_t to)
{
    return to == from + 1;
}

static bool is_previous(utf8proc_int32_t from, utf8proc_int32_t to)
{
    return to == from - 1;
}

static bool is_right(utf8proc_int32_t from, utf8proc_int32_t to)
{
    return is_beside(from, to);
}

static bool is_left(utf8proc_int32_t from, utf8proc_int32_t to)
{
    return is_beside(to, from);
}

/* What holds between each two characters of one run. */
static bool (*const steps[])(utf8proc_int32_t from, utf8proc_int32_t to) = {
    is_same, is_next, is_previous, is_right, is_left};

/* The end of the longest run that begins here. */
static size_t run_end(const struct characters *text, size_t from)
{
    size_t longest = from + 1;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        size_t end = from + 1;
        while (end < text->count && steps[i](text->at[end - 1], text->at[end]))
            end++;
        if (end > longest)
            longest = end;
    }
    return longest;
}

static bool is_runs(const struct characters *text)
{
    size_t runs = 0;
    for (size_t at = 0; at < text->count; at = run_end(text, at))
        runs++;
    return runs * RUN_AVERAGE_MIN <= text->count;
}

const char *sequence_flaw(struct bytes folded)
{
    CLEANUP(characters_done) struct characters text;
    split(folded, &text);
    for (size_t stretch = 1; stretch <= STRETCH_MAX; stretch++)
        if (is_repeated(&text, stretch))
            return stretch == 1 ? "one character again and again"
                                : "one short stretch again and again";
    return is_runs(&text) ? "straight runs of characters or keys" : NULL;
}
