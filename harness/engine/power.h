/* SPDX-License-Identifier: Apache-2.0
 *
 * What power.c knows of a run that cuts.c must know to go through its states. For these two only.
 */
#ifndef ASSAY_ENGINE_POWER_H
#define ASSAY_ENGINE_POWER_H

#include "harness/engine/engine.h"

/* A moment at which the power may go. */
struct moment {
    uint8_t step;
    bool fired;      /* a fault of the plan had struck */
    uint32_t change; /* the next one's number within the step */
    uint32_t marks;
    uint64_t marked; /* print of what they said */
};

struct power {
    const struct power_supply *supply;
    bool watching;
    uint32_t moment_count; /* the last one is behind all changes */
    struct moment moments[POWER_CHANGES_MAX + 1];
    char step_names[STEPS_MAX][STEP_NAME_BYTES];
};
extern struct power power;

/* Makes the disk what the cut at the moment leaves of it; returns a print of that and of what had
 * been acknowledged. */
uint64_t power_restore(uint32_t moment, const struct power_cut *);
/* The first state, and then the next one that was not seen before: restored, and its choices in
 * search->values. False: there is none, or there shall be no more. */
bool power_search_begin(struct power_search *);
bool power_search_next(struct power_search *);
/* A run is over, wherever it ended. */
void power_end(void);
/* Releases what was deferred, the last first, until so many are left. */
void run_release(struct run *, uint32_t left);

#endif
