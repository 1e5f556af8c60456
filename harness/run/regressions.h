/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens that are kept: lines of text files, run before everything else.
 */
#ifndef ASSAY_REGRESSIONS_H
#define ASSAY_REGRESSIONS_H

#include "harness/run/run.h"

struct regression {
    const struct test_case *test_case;
    char *token;                    /* for any target */
    char place[NAME_BYTES_MAX * 2]; /* "compat.tokens:7" */
};

struct regressions {
    struct regression *lines;
    uint32_t count;
    uint32_t problem_count;             /* lines that hold no token that could be run */
    char problem[MODULE_MESSAGE_BYTES]; /* the first of them, in words */
};

/* Reads every file of a folder that ends in .tokens. Without a folder (null): of the one that lies
 * beside the modules, which may be empty or missing. What cannot be read is a problem. */
void regressions_read(const char *folder, struct regressions *ret);
void regressions_done(struct regressions *);
/* Whether there is a line for this case; `regressions` may be null. */
bool regressions_have(const struct regressions *, const struct test_case *);

/* Appends a token to the file of its theme, for any target, below a line of comment: the note, or
 * what it was found on when that is null. Without a folder (null): in cases/regressions of the
 * current one. `ret_message` says what was done, or why nothing was. */
enum exit_code regression_keep(const char *token, const char *note, const char *folder,
                               char ret_message[static MODULE_MESSAGE_BYTES]);

#endif
