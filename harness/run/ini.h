/* SPDX-License-Identifier: Apache-2.0
 *
 * Small files of sections and values, see ini.c.
 */
#ifndef ASSAY_RUN_INI_H
#define ASSAY_RUN_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INI_LINE_BYTES_MAX 1024u

struct ini {
    const char *text;              /* what is not read yet */
    uint32_t line;                 /* of the last thing that was read, from 1 */
    char copy[INI_LINE_BYTES_MAX]; /* of that line */
    char *key;                     /* of a value; of a section its name */
    char *value;
};
enum ini_kind { INI_END, INI_SECTION, INI_VALUE, INI_TOO_LONG, INI_OTHER };

void ini_open(struct ini *, const char *text);
/* The next line that says something; of INI_OTHER `key` is its text. */
enum ini_kind ini_next(struct ini *);
/* YYYY-MM-DD, so that later days are greater texts. */
bool is_day(const char *text);

#endif
