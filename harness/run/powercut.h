/* SPDX-License-Identifier: Apache-2.0
 *
 * The technique of power cuts.
 */
#ifndef ASSAY_RUN_POWERCUT_H
#define ASSAY_RUN_POWERCUT_H

#include "harness/run/run.h"

void powercut_run(struct worker *, uint32_t case_index, const struct settings *,
                  struct case_result *, struct findings *);

#endif
