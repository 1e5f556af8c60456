/* SPDX-License-Identifier: Apache-2.0
 *
 * Observations: what the runs of a case were like, so that a case which never got anywhere does not
 * look like one that found nothing.
 *
 * A run notes what holds of it; when it has passed, the notes are added up. Demands are judged at
 * the end of a batch, and not to the last run: a share that is drawn by chance may lie three
 * standard deviations below what was demanded.
 */
#include <stdio.h>
#include <string.h>

#include "harness/engine/engine.h"

static struct observation *find(struct run *run, enum observation_kind kind, const char *name)
{
    struct observations *observed = run->observed;
    if (!observed)
        return NULL;
    for (uint32_t i = 0; i < observed->count; i++)
        if (observed->at[i].kind == kind &&
            strncmp(observed->at[i].name, name, NAME_BYTES_MAX - 1) == 0)
            return &observed->at[i];
    CHECK_CASE(run, observed->count < OBSERVATIONS_MAX, "a case observes more than %u things",
               OBSERVATIONS_MAX);
    struct observation *row = &observed->at[observed->count++];
    *row = (struct observation){.kind = kind};
    snprintf(row->name, sizeof row->name, "%s", name);
    return row;
}

void label(struct run *run, const char *name)
{
    struct observation *row = find(run, OBSERVED_LABEL, name);
    if (row)
        row->now = true;
}

void cover(struct run *run, uint32_t percent_min, bool holds, const char *name)
{
    struct observation *row = find(run, OBSERVED_COVER, name);
    if (!row)
        return;
    row->percent_min = percent_min;
    row->now |= holds;
}

void maximize(struct run *run, int64_t value, const char *name)
{
    struct observation *row = find(run, OBSERVED_MAXIMUM, name);
    if (!row)
        return;
    row->candidate = row->now && row->candidate > value ? row->candidate : value;
    row->now = true;
}

void observations_add(struct observations *observed, bool passed)
{
    observed->runs += passed;
    for (uint32_t i = 0; i < observed->count; i++) {
        struct observation *row = &observed->at[i];
        if (passed && row->now && (row->runs == 0 || row->candidate > row->largest))
            row->largest = row->candidate;
        row->runs += passed && row->now;
        row->now = false;
    }
}

/* Without a square root: missing by more than three deviations is missing^2 > 9 * wanted. */
const struct observation *observations_unmet(const struct observations *observed)
{
    for (uint32_t i = 0; i < observed->count; i++) {
        const struct observation *row = &observed->at[i];
        uint64_t wanted = observed->runs * row->percent_min / 100;
        uint64_t missing = wanted > row->runs ? wanted - row->runs : 0;
        if (row->kind == OBSERVED_COVER &&
            (missing * missing > 9 * wanted || (row->runs == 0 && wanted > 0)))
            return row;
    }
    return NULL;
}
