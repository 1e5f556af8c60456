/* SPDX-License-Identifier: Apache-2.0
 *
 * The words of witnesses.
 *
 * A text is a list of commands, with semicolons between them; a command is a list of words, with
 * white space between them. A word stands for bytes:
 *
 *     alice         itself
 *     ""            nothing at all
 *     \x00          one byte
 *     a*73          the byte before it, so many times; \x61*73b goes on behind the number
 *
 * So neither spaces, nor semicolons, nor what is not ASCII stand for themselves; they are written
 * as \x20, \x3b and so on, and a star as \x2a.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/words.h"

bool words_next(const char **text, struct words *ret)
{
    size_t size = strcspn(*text, ";");
    if (**text == 0)
        return false;
    ret->count = 0;
    ret->fits = size < sizeof ret->text;
    snprintf(ret->text, sizeof ret->text, "%.*s", (int)size, *text);
    *text += size + ((*text)[size] == ';');
    char *rest = NULL;
    for (char *word = strtok_r(ret->text, " \t\n", &rest); word;
         word = strtok_r(NULL, " \t\n", &rest)) {
        if (ret->count == WORDS_MAX) {
            ret->fits = false;
            return true;
        }
        ret->at[ret->count++] = word;
    }
    return true;
}

static int hexadecimal(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = digit ? strchr(digits, digit) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* One byte, as itself or in hexadecimal. False: it is neither. */
static bool take_byte(const char **at, uint8_t *ret)
{
    const char *text = *at;
    if (*text == '*')
        return false;
    if (*text != '\\') {
        *ret = (uint8_t)*text;
        *at += 1;
        return true;
    }
    if (text[1] != 'x' || hexadecimal(text[2]) < 0 || hexadecimal(text[3]) < 0)
        return false;
    *ret = (uint8_t)(16 * hexadecimal(text[2]) + hexadecimal(text[3]));
    *at += 4;
    return true;
}

/* How many times the byte before stands there: 1 without a star. False: no number, or too large. */
static bool take_times(const char **at, size_t *ret)
{
    *ret = 1;
    if (**at != '*')
        return true;
    const char *digits = *at + 1;
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > 4)
        return false;
    *ret = strtoul(digits, NULL, 10);
    *at = digits + count;
    return *ret > 0;
}

bool word_bytes(const char *word, struct text *ret)
{
    ret->size = 0;
    if (strcmp(word, "\"\"") == 0)
        return true;
    while (*word) {
        uint8_t byte;
        size_t times;
        if (!take_byte(&word, &byte) || !take_times(&word, &times) ||
            times > TEXT_BYTES_MAX - ret->size)
            return false;
        memset(ret->bytes + ret->size, byte, times);
        ret->size += times;
    }
    return true;
}

bool word_number(const char *word, uint64_t max, uint64_t *ret)
{
    size_t count = strspn(word, "0123456789");
    if (count == 0 || count > 18 || word[count] != 0)
        return false;
    *ret = strtoull(word, NULL, 10);
    return *ret <= max;
}
