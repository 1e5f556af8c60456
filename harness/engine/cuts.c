/* SPDX-License-Identifier: Apache-2.0
 *
 * Which power cuts are tried, and in which order.
 *
 * All moments of the scenario, in passes from the plain to the far-fetched, so that a search that
 * has to end early has seen every moment:
 *
 *   few     what was pending is all kept, all lost, kept up to one, all kept but one, or lost but
 * one subsets of up to POWER_WHOLE_MAX pending changes every subset, of more of them a sample torn
 * one write is torn, in each way that its place allows; the others are kept lies    syncs had lied
 * since the watch began: all kept, all lost, a sample
 *
 * A disk that was already looked at, with the same things acknowledged, is not looked at again:
 * prints of 64 bits are kept. Everything follows from the numbers of pass, moment and variant, so a
 * search can be gone on with behind any state.
 */
#include <string.h>

#include "harness/engine/power.h"

#define LIES      6u
#define SEEN_MASK ((uint32_t)(sizeof((struct power_search *)0)->seen / sizeof(uint64_t)) - 1)

static void all(struct power_cut *cut, enum fate fate)
{
    memset(cut->fates, (int)fate, cut->count);
}

static void by_chance(struct power_cut *cut, uint32_t moment, uint32_t variant)
{
    uint64_t seed = (uint64_t)moment << 32 | variant;
    for (uint32_t i = 0; i < cut->count; i++)
        cut->fates[i] = random_next(&seed) & 1 ? FATE_LOST : FATE_KEPT;
}

/* All, none; then each prefix, each but one, each alone. */
static uint32_t few_variants(const struct power_search *search)
{
    return search->cut.count == 0 ? 1 : 3 * search->cut.count + 1;
}

static bool make_few(struct power_search *search)
{
    struct power_cut *cut = &search->cut;
    uint32_t variant = search->variant, count = cut->count;
    all(cut, variant == 0 ? FATE_KEPT : FATE_LOST);
    if (variant < 2)
        return true;
    variant -= 2;
    if (variant < count - 1) {
        memset(cut->fates, (int)FATE_KEPT, variant + 1);
        return true;
    }
    variant -= count - 1;
    if (variant < count)
        all(cut, FATE_KEPT);
    cut->fates[variant % count] = variant < count ? FATE_LOST : FATE_KEPT;
    return true;
}

/* When the last change is all that is new, subsets without it were tried at the moment before. */
static bool only_grew(const struct power_search *search)
{
    const struct moment *moment = &power.moments[search->moment];
    return search->moment > 0 && search->cut.count > 0 &&
           search->cut.count == search->count_before + 1 && moment->marked == moment[-1].marked &&
           (!search->fired_only || moment[-1].fired);
}

static uint32_t subset_variants(const struct power_search *search)
{
    uint32_t count = search->cut.count;
    return count > POWER_WHOLE_MAX ? POWER_SAMPLES : 1u << (count - (only_grew(search) ? 1 : 0));
}

static bool make_subset(struct power_search *search)
{
    struct power_cut *cut = &search->cut;
    if (cut->count > POWER_WHOLE_MAX) {
        by_chance(cut, search->moment, search->variant);
        return true;
    }
    for (uint32_t i = 0; i < cut->count; i++)
        cut->fates[i] = search->variant >> i & 1 ? FATE_LOST : FATE_KEPT;
    return true;
}

static uint32_t torn_variants(const struct power_search *search)
{
    return search->cut.count * (FATES - FATE_HEAD_512);
}

static bool make_torn(struct power_search *search)
{
    uint32_t index = search->variant / (FATES - FATE_HEAD_512);
    enum fate fate = FATE_HEAD_512 + search->variant % (FATES - FATE_HEAD_512);
    all(&search->cut, FATE_KEPT);
    search->cut.fates[index] = (uint8_t)fate;
    return power.supply->possible(index, fate);
}

static uint32_t lie_variants(const struct power_search *search)
{
    return search->cut.count > 0 ? LIES : 1;
}

static bool make_lie(struct power_search *search)
{
    if (search->variant < 2)
        all(&search->cut, search->variant == 0 ? FATE_KEPT : FATE_LOST);
    else
        by_chance(&search->cut, search->moment, search->variant);
    return true;
}

static const struct pass {
    bool is_light, syncs_lie;
    uint32_t (*variants)(const struct power_search *);
    bool (*make)(struct power_search *); /* false: it would be none of its kind */
} passes[] = {
    {true, false, few_variants, make_few},
    {false, false, subset_variants, make_subset},
    {false, false, torn_variants, make_torn},
    {false, true, lie_variants, make_lie},
};
#define PASSES ((uint32_t)(sizeof passes / sizeof *passes))

static bool is_passed_over(const struct power_search *search)
{
    return (search->light && !passes[search->pass].is_light) ||
           (search->fired_only && !power.moments[search->moment].fired);
}

/* Goes to a moment; false behind the last. */
static bool enter_moment(struct power_search *search)
{
    struct power_cut *cut = &search->cut;
    if (search->moment == power.moment_count)
        return false;
    const struct moment *moment = &power.moments[search->moment];
    search->count_before = search->moment > 0 ? cut->count : 0;
    cut->happens = true;
    cut->syncs_lie = passes[search->pass].syncs_lie;
    cut->step = moment->step;
    cut->change = moment->change;
    cut->count = power.supply->pending(search->moment, cut->syncs_lie);
    search->variant = 0;
    return true;
}

/* Fills in the next cut; false when there is none. */
static bool next_cut(struct power_search *search)
{
    while (search->pass < PASSES) {
        const struct pass *pass = &passes[search->pass];
        while (!is_passed_over(search) && search->variant < pass->variants(search)) {
            bool made = pass->make(search);
            search->variant++;
            if (made)
                return true;
        }
        search->moment++;
        if (!enter_moment(search)) {
            search->pass++;
            search->moment = 0;
            if (search->pass < PASSES)
                enter_moment(search);
        }
    }
    return false;
}

/* Keeps the print; false if it was there. */
static bool is_new(struct power_search *search, uint64_t print)
{
    uint32_t place = (uint32_t)(print >> 32) & SEEN_MASK;
    print |= 1; /* 0 is free */
    while (search->seen[place] != 0 && search->seen[place] != print)
        place = (place + 1) & SEEN_MASK;
    if (search->seen[place] == print)
        return false;
    search->seen[place] = print;
    search->seen_count++;
    return true;
}

void power_search_start(struct power_search *search)
{
    size_t behind = offsetof(struct power_search, state);
    memset((uint8_t *)search + behind, 0, sizeof *search - behind);
}

/* The first look is at a power that never went; then the first moment is entered. */
bool power_search_begin(struct power_search *search)
{
    search->moments = power.moment_count;
    enter_moment(search);
    if (search->first > 0)
        return power_search_next(search);
    search->states++;
    power_values(&(struct power_cut){0}, &search->values);
    return true;
}

bool power_search_next(struct power_search *search)
{
    while (next_cut(search)) {
        if (search->states >= search->count_max || search->seen_count == POWER_STATES_MAX) {
            search->more = true;
            return false;
        }
        if (!is_new(search, power_restore(search->moment, &search->cut)))
            continue;
        search->state++;
        if (search->state < search->first)
            continue;
        search->states++;
        power_values(&search->cut, &search->values);
        return true;
    }
    return false;
}
