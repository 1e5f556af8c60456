/* SPDX-License-Identifier: Apache-2.0
 *
 * Shrinking: from a failing sequence of choices to the simplest one that fails in the same way.
 *
 * Simpler is shortlex: fewer choices first, then smaller distances from the origin, place by place,
 * then the sign. A candidate is accepted only when it is strictly simpler and the caller confirms
 * the same failure, so shrinking ends by construction and never wanders to another bug. What counts
 * is what a candidate really drew, not what was proposed.
 *
 * Passes, repeated until none of them helps:
 *   delete spans, last first       a command that was not needed disappears
 *   zero spans                     a whole value becomes its simplest
 *   lower one choice               origin, next to it, then by halving the distance
 *   lower one and delete a later span   a length falls together with one of its elements
 *   lower pairs within four        values that only fail together
 *   delete runs of choices         what no span describes
 */
#include <string.h>

#include "harness/engine/engine.h"

#define SEEN_SLOTS                                                                                 \
    8192u /* candidates remembered, so that none is executed twice in a row of passes */

struct shrinker {
    struct choices *best;
    struct choices *scratch;
    shrink_try *try;
    void *context;
    uint32_t executions, executions_max;
    bool stopped;
    uint64_t seen[SEEN_SLOTS];
};

static uint64_t distance(const struct choice *choice)
{
    return choice->value >= choice->origin ? (uint64_t)choice->value - (uint64_t)choice->origin
                                           : (uint64_t)choice->origin - (uint64_t)choice->value;
}

int choices_compare(const struct choices *a, const struct choices *b)
{
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (uint32_t i = 0; i < a->count; i++) {
        uint64_t left = distance(&a->at[i]), right = distance(&b->at[i]);
        if (left != right)
            return left < right ? -1 : 1;
        bool left_below = a->at[i].value < a->at[i].origin,
             right_below = b->at[i].value < b->at[i].origin;
        if (left_below != right_below)
            return left_below ? 1 : -1;
    }
    return 0;
}

/* True when this candidate was tried a short while ago. */
static bool seen_before(struct shrinker *shrinker)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < shrinker->scratch->count; i++)
        hash =
            (hash ^ (uint64_t)shrinker->scratch->at[i].value) * 0x9e3779b97f4a7c15u + (hash >> 29);
    uint64_t *slot = &shrinker->seen[hash % SEEN_SLOTS];
    bool seen = *slot == hash;
    *slot = hash;
    return seen;
}

static void copy_choices(struct choices *to, const struct choices *from)
{
    memcpy(to->at, from->at, from->count * sizeof *from->at);
    memcpy(to->spans, from->spans, from->span_count * sizeof *from->spans);
    to->count = from->count;
    to->span_count = from->span_count;
}

static struct choices *candidate(struct shrinker *shrinker)
{
    copy_choices(shrinker->scratch, shrinker->best);
    return shrinker->scratch;
}

static void remove_choices(struct choices *choices, uint32_t first, uint32_t end)
{
    memmove(&choices->at[first], &choices->at[end], (choices->count - end) * sizeof *choices->at);
    choices->count -= end - first;
}

/* Tries what stands in scratch. */
static bool improves(struct shrinker *shrinker)
{
    if (shrinker->stopped || seen_before(shrinker))
        return false;
    if (shrinker->executions >= shrinker->executions_max) {
        shrinker->stopped = true;
        return false;
    }
    shrinker->executions++;
    int same = shrinker->try(shrinker->context, shrinker->scratch);
    if (same < 0)
        shrinker->stopped = true;
    if (same <= 0 || choices_compare(shrinker->scratch, shrinker->best) >= 0)
        return false;
    copy_choices(shrinker->best, shrinker->scratch);
    return true;
}

static bool delete_spans(struct shrinker *shrinker)
{
    bool better = false;
    for (uint32_t i = shrinker->best->span_count; i-- > 0 && !shrinker->stopped;) {
        if (i >= shrinker->best->span_count)
            continue;
        struct span span = shrinker->best->spans[i];
        if (span.end <= span.first || span.end > shrinker->best->count)
            continue;
        remove_choices(candidate(shrinker), span.first, span.end);
        better |= improves(shrinker);
    }
    return better;
}

static bool zero_spans(struct shrinker *shrinker)
{
    bool better = false;
    for (uint32_t i = 0; i < shrinker->best->span_count && !shrinker->stopped; i++) {
        struct span span = shrinker->best->spans[i];
        struct choices *choices = candidate(shrinker);
        bool changed = false;
        for (uint32_t j = span.first; j < span.end && j < choices->count; j++) {
            changed |= choices->at[j].value != choices->at[j].origin;
            choices->at[j].value = choices->at[j].origin;
        }
        better |= changed && improves(shrinker);
    }
    return better;
}

static bool try_value(struct shrinker *shrinker, uint32_t place, int64_t value)
{
    struct choices *choices = candidate(shrinker);
    if (place >= choices->count || choices->at[place].value == value)
        return false;
    choices->at[place].value = value;
    return improves(shrinker);
}

static int64_t towards(const struct choice *choice, uint64_t wanted, bool below)
{
    return (int64_t)(below ? (uint64_t)choice->origin - wanted : (uint64_t)choice->origin + wanted);
}

/* The smallest distance at which it still fails, by binary search between one that does not and the
 * present one. */
static bool lower_choice(struct shrinker *shrinker, uint32_t place)
{
    struct choice *choice = &shrinker->best->at[place];
    uint64_t far = distance(choice), near = 0;
    bool below = choice->value < choice->origin, better = false;
    if (far == 0)
        return false;
    if (try_value(shrinker, place, choice->origin))
        return true;
    if (below && far <= (uint64_t)choice->hi - (uint64_t)choice->origin &&
        try_value(shrinker, place, towards(choice, far, false))) {
        below = false;
        better = true;
    }
    while (place < shrinker->best->count && far - near > 1 && !shrinker->stopped) {
        uint64_t middle = near == 0 && far > 2 ? 1 : near + (far - near) / 2;
        if (try_value(shrinker, place, towards(choice, middle, below))) {
            better = true;
            far = middle;
        } else {
            near = middle;
        }
        if (place < shrinker->best->count && distance(choice) < far)
            far = distance(choice);
    }
    return better;
}

static bool lower_choices(struct shrinker *shrinker)
{
    bool better = false;
    for (uint32_t i = 0; i < shrinker->best->count && !shrinker->stopped; i++)
        better |= lower_choice(shrinker, i);
    return better;
}

/* Lengths: one choice falls by one while a later span, one of the elements, goes. */
static bool lower_and_delete(struct shrinker *shrinker)
{
    bool better = false;
    for (uint32_t i = 0; i < shrinker->best->count && !shrinker->stopped; i++) {
        if (distance(&shrinker->best->at[i]) == 0)
            continue;
        uint32_t tried = 0;
        for (uint32_t s = 0; s < shrinker->best->span_count && tried < 24 && !shrinker->stopped;
             s++) {
            struct span span = shrinker->best->spans[s];
            if (span.first <= i || span.end > shrinker->best->count || span.end <= span.first)
                continue;
            struct choices *choices = candidate(shrinker);
            if (i >= choices->count || distance(&choices->at[i]) == 0)
                break;
            choices->at[i].value += choices->at[i].value > choices->at[i].origin ? -1 : 1;
            remove_choices(choices, span.first, span.end);
            tried++;
            better |= improves(shrinker);
        }
    }
    return better;
}

static bool lower_pairs(struct shrinker *shrinker)
{
    bool better = false;
    for (uint32_t i = 0; i < shrinker->best->count && !shrinker->stopped; i++)
        for (uint32_t j = i + 1; j < i + 5 && j < shrinker->best->count && !shrinker->stopped;
             j++) {
            struct choices *choices = candidate(shrinker);
            if (distance(&choices->at[i]) == 0 || distance(&choices->at[j]) == 0)
                continue;
            uint64_t less = distance(&choices->at[i]) < distance(&choices->at[j])
                                ? distance(&choices->at[i])
                                : distance(&choices->at[j]);
            bool below_i = choices->at[i].value < choices->at[i].origin;
            bool below_j = choices->at[j].value < choices->at[j].origin;
            choices->at[i].value =
                towards(&choices->at[i], distance(&choices->at[i]) - less, below_i);
            choices->at[j].value =
                towards(&choices->at[j], distance(&choices->at[j]) - less, below_j);
            better |= improves(shrinker);
        }
    return better;
}

static bool delete_runs(struct shrinker *shrinker)
{
    bool better = false;
    for (uint32_t length = 4; length > 0; length--)
        for (uint32_t i = shrinker->best->count; i-- > 0 && !shrinker->stopped;) {
            if (i + length > shrinker->best->count)
                continue;
            remove_choices(candidate(shrinker), i, i + length);
            better |= improves(shrinker);
        }
    return better;
}

uint32_t shrink(struct choices *choices, struct choices *scratch, shrink_try *try, void *context,
                uint32_t executions_max)
{
    static bool (*const passes[])(struct shrinker *) = {
        delete_spans, zero_spans, lower_choices, lower_and_delete, lower_pairs, delete_runs};
    static struct shrinker shrinker; /* too large for a stack; one shrink runs at a time */
    memset(&shrinker, 0, sizeof shrinker);
    shrinker.best = choices;
    shrinker.scratch = scratch;
    shrinker.try = try;
    shrinker.context = context;
    shrinker.executions_max = executions_max;
    for (bool better = true; better && !shrinker.stopped;) {
        better = false;
        for (size_t i = 0; i < sizeof passes / sizeof *passes && !shrinker.stopped; i++)
            better |= passes[i](&shrinker);
    }
    return shrinker.executions;
}
