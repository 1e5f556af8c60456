/* SPDX-License-Identifier: Apache-2.0
 *
 * Which lines of which files were changed, see changes.c.
 */
#ifndef ASSAY_RUN_CHANGES_H
#define ASSAY_RUN_CHANGES_H

#include "harness/run/run.h"

struct changed_lines {
    uint32_t count;
    struct changed_hunk {
        char file[MUTANT_FILE_BYTES]; /* from the root of the repository */
        uint32_t first, end;          /* lines [first, end), as they are now */
    } * at;
};
/* What git says has changed in the working tree since the revision. False: message says why that
 * cannot be known. */
bool changes_since(const char *revision, struct changed_lines *ret,
                   char ret_message[static MODULE_MESSAGE_BYTES]);
/* The same from the text of `git diff -U0`. */
bool changes_read(FILE *, struct changed_lines *ret, char ret_message[static MODULE_MESSAGE_BYTES]);
bool changes_have(const struct changed_lines *, const char *file, uint32_t line);
void changes_done(struct changed_lines *);

#endif
