/* SPDX-License-Identifier: Apache-2.0
 *
 * The words of witnesses: see words.c for how they are written.
 */
#ifndef ASSAY_WORDS_H
#define ASSAY_WORDS_H

#include "harness/engine/engine.h"

#define WORDS_MAX         24u
#define COMMAND_BYTES_MAX 512u

struct words {
    size_t count;
    bool fits; /* else the command has more bytes or words than the limits above */
    char text[COMMAND_BYTES_MAX];
    const char *at[WORDS_MAX];
};

/* The next command, in words, which may be none. False: there is none left. */
bool words_next(const char **text, struct words *ret);

/* The bytes that a word stands for. False: it is not written as words are. */
bool word_bytes(const char *word, struct text *ret);

/* Decimal, without a sign. False: it is not, or above max. */
bool word_number(const char *word, uint64_t max, uint64_t *ret);

#endif
