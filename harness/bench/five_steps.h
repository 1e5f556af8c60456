/* SPDX-License-Identifier: Apache-2.0
 *
 * A target whose bug takes five steps on one account, see five_steps.c.
 */
#ifndef ASSAY_BENCH_FIVE_STEPS_H
#define ASSAY_BENCH_FIVE_STEPS_H

#include <stdbool.h>

#include "targets/target.h"

extern const struct assay_target five_steps;

/* No account exists, no store was made. With `honest` the bug is not there. */
void five_steps_reset(bool honest);

#endif
