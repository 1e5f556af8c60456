/* SPDX-License-Identifier: Apache-2.0
 *
 * The technique of faults: each site that a case passes is made to fail, see faulting.c.
 */
#ifndef ASSAY_RUN_FAULTING_H
#define ASSAY_RUN_FAULTING_H

#include "harness/run/run.h"

/* One case; adds what it finds. */
void faulting_run(struct worker *, uint32_t case_index, const struct settings *,
                  struct case_result *, struct findings *);

#endif
