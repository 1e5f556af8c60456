/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutants that need not be killed, see suppressions.c.
 */
#ifndef ASSAY_RUN_SUPPRESSIONS_H
#define ASSAY_RUN_SUPPRESSIONS_H

#include "harness/run/run.h"

struct suppressions {
    uint32_t count;
    struct suppression {
        uint64_t key;
        uint32_t line; /* of its section in the file */
        char reason[MESSAGE_BYTES];
        char expires[sizeof "2000-12-31"];
    } at[SUPPRESSIONS_MAX];
    char problem[MODULE_MESSAGE_BYTES]; /* why the file cannot be believed; else empty */
};

/* The file that is given, or, by null, the one beside the modules, if there is any. `today` as in
 * the file. */
void suppressions_of(const char *path, const char *today, struct suppressions *ret);
/* The same from text: any bytes may come in. `name` stands in problems. */
void suppressions_read(const char *name, const char *text, const char *today,
                       struct suppressions *ret);
/* Null: it is to be killed. */
const struct suppression *suppression_of(const struct suppressions *, uint64_t key);

#endif
