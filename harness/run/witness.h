/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a patch still does what its header says.
 */
#ifndef ASSAY_RUN_WITNESS_H
#define ASSAY_RUN_WITNESS_H

#include "harness/run/run.h"

/* Runs a witness on a target, in every interleaving with one preemption when clients act together,
 * until one run is not green. `before` serves as the release before; null: the target itself. */
enum verdict witness_run(const char *target, const char *before, const char *text, int64_t seed,
                         struct outcome *ret);

/* True when the witness of this defect is green on the reference and red on its variant. The
 * message says how it is red, or what is wrong. */
bool witness_holds(const char *name, char ret_message[static MODULE_MESSAGE_BYTES]);

#endif
