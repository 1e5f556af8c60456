/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether the lines of a change are reached, see probes.c.
 */
#ifndef ASSAY_RUN_PROBES_H
#define ASSAY_RUN_PROBES_H

#include "harness/run/run.h"

/* Plants the probes of a target that was loaded, anew for each cell, that is when there are none in
 * `ret`; how many are planted, and are passed, is counted there. Without a file there are none. */
void probes_plant(const char *target, const struct module *, struct cost *ret);

#endif
