/* SPDX-License-Identifier: Apache-2.0
 *
 * A source for tests of schedules: all of them within a bound of preemptions, each exactly once.
 *
 * An odometer: the last choice that can still be raised is raised, and what came behind it starts
 * again at 0. Which thread goes on when one cannot is always free; of the choices to preempt, only
 * so many may differ from 0.
 */
#ifndef ASSAY_ENGINE_SCHEDULES_H
#define ASSAY_ENGINE_SCHEDULES_H

#include <errno.h>

#include "harness/engine/engine.h"

struct schedules {
    struct source source;
    int64_t values[CHOICES_MAX];
    uint32_t fixed, used;
    uint32_t preemptions_max;
};

static inline bool of_schedule(const struct choice *choice)
{
    return choice->kind == CHOICE_PREEMPT || choice->kind == CHOICE_NEXT;
}

static inline int64_t schedules_choice(struct source *base, const struct choice *ask)
{
    struct schedules *schedules = (struct schedules *)base;
    errno = EILSEQ; /* as any source may: no body is to notice */
    if (!of_schedule(ask))
        return ask->origin;
    uint32_t place = schedules->used++;
    return place < schedules->fixed ? schedules->values[place] : 0;
}

/* The first one: no preemption. */
static inline void schedules_start(struct schedules *schedules, uint32_t preemptions_max)
{
    schedules->source.next = schedules_choice;
    schedules->preemptions_max = preemptions_max;
    schedules->fixed = schedules->used = 0;
}

/* The one after a run with these choices; false if that was the last. */
static inline bool schedules_next(struct schedules *schedules, const struct choices *last)
{
    uint32_t raised = last->count, place = 0, preemptions = 0;
    for (uint32_t i = 0; i < last->count; i++) {
        const struct choice *choice = &last->at[i];
        bool preempts = choice->kind == CHOICE_PREEMPT && choice->value != 0;
        bool free =
            choice->kind == CHOICE_NEXT || preempts || preemptions < schedules->preemptions_max;
        if (of_schedule(choice) && choice->value < choice->hi && free)
            raised = i;
        preemptions += preempts;
    }
    if (raised == last->count)
        return false;
    for (uint32_t i = 0; i <= raised; i++)
        if (of_schedule(&last->at[i]))
            schedules->values[place++] = last->at[i].value + (i == raised);
    schedules->fixed = place;
    schedules->used = 0;
    return true;
}

#endif
