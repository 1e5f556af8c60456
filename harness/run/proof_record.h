/* SPDX-License-Identifier: Apache-2.0
 *
 * A judged change as JSON, in both directions.
 */
#ifndef ASSAY_RUN_PROOF_RECORD_H
#define ASSAY_RUN_PROOF_RECORD_H

#include "harness/run/prove.h"
#include "harness/run/record.h"

const char *stage_name(enum stage); /* unknown, no, yes */
/* As they stand in the document. */
json_t *json_of_defect(const struct exhibit *);
json_t *json_of_harmless(const struct exhibit *);
/* The event that tells of it. */
json_t *event_of_exhibit(const struct exhibit *);
/* Takes such an event into the proof (the context), unless the module is another one now. False: it
 * is not what a proof writes. */
bool exhibit_take(void *proof, const json_t *event);

#endif
