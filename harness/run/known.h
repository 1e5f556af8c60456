/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings that a target has shown and not yet mended, see known.c.
 */
#ifndef ASSAY_RUN_KNOWN_H
#define ASSAY_RUN_KNOWN_H

#include "harness/run/run.h"

struct known_finding {
    const struct test_case *test_case;
    uint32_t line;               /* of its section in the file */
    char message[MESSAGE_BYTES]; /* a part of what was got; empty: any */
    char site[NAME_BYTES_MAX];   /* a part of what was injected; empty: anything */
    char reason[MESSAGE_BYTES];  /* why it is not mended yet */
    char expires[sizeof "2000-12-31"];
};
struct known_findings {
    uint32_t count;
    struct known_finding at[KNOWN_FINDINGS_MAX];
    char problem[MODULE_MESSAGE_BYTES]; /* why the file cannot be believed; else empty */
};

/* Those of a target that was built beside this program; none for so:PATH. `today` as in the file.
 */
void known_findings_of(const char *target, const char *today, struct known_findings *ret);
/* The same from text: any bytes may come in. `name` stands in problems. */
void known_findings_read(const char *name, const char *text, const char *today,
                         struct known_findings *ret);
/* The line that the finding falls under, or null; also if there are no lines. */
const struct known_finding *known_finding_of(const struct known_findings *, const struct finding *);
/* The first line that a check which tried everything about its case did not see, or null. */
const struct known_finding *known_finding_gone(const struct known_findings *,
                                               const struct settings *, const struct check *);

#endif
