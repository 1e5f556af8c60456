/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two works on mutants share: the baseline (baseline.c) and the trials (mutants.c).
 */
#ifndef ASSAY_RUN_MUTATING_H
#define ASSAY_RUN_MUTATING_H

#include "harness/run/crew.h"
#include "harness/run/mutants.h"

struct mutating {
    struct settings settings;
    const struct mutants_listener *listener;
    struct mutation *mutation;
    struct corpus *corpus;
    uint32_t run_room, reach_room; /* of the corpus, while it grows */
    bool *finished;                /* of the cells of the baseline */
    uint32_t *pieces;              /* the mutants that are to be judged */
    uint32_t piece_count;
    uint32_t done; /* of the cells, then of the pieces */
};

/* Ends the program without memory. */
void *mutating_need(void *memory);
/* A worker that switches mutants, in a hand. */
void mutating_outfit(void *context, struct bench *, struct worker_options *ret);
/* Always false: a hand could not judge, and the record says why. */
bool mutating_unjudged(struct crew *, const json_t *record);

/* Runs every cell of a check with no mutant switched on, into the corpus. False: not all are green,
 * or there is none; exit_code and message of the mutation say so. */
bool baseline_run(const char *module, struct mutating *);

#endif
