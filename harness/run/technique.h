/* SPDX-License-Identifier: Apache-2.0
 *
 * What techniques in files of their own share with technique.c.
 */
#ifndef ASSAY_RUN_TECHNIQUE_H
#define ASSAY_RUN_TECHNIQUE_H

#include "harness/run/run.h"

bool verdict_is_failure(enum verdict);
void tally_add(struct tally *sum, const struct tally *more);
/* Takes over how a batch ended. True when it was not green. */
bool technique_take(struct worker *, struct case_result *);
/* The finding from here on that failed in the same way, or null. */
struct finding *technique_known(struct finding *first, const struct outcome *);
/* Makes the failure that the channel holds a finding: smaller, told, with a token. */
struct finding *technique_found(struct worker *, const struct case_result *, uint32_t case_index,
                                uint64_t executions, struct findings *);

#endif
