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
 *   lower pairs within seven       values that only fail together, or whose sum matters
 *   delete runs of choices         what no span describes
 * and when these are stuck:
 *   sort spans of one size         the simplest first
 *   mirror around a neighbour      values whose distance from each other matters
 *   delete a span and renumber     references to what stood behind it
 *   merge spans                    lists of lists
 */
#include <string.h>

#include "harness/engine/engine.h"

#define SEEN_SLOTS                                                                                 \
    8192u /* candidates remembered, so that none is executed twice in a row of passes */

/* Passes of every round; the others are for when these are stuck. */
#define PASSES_ALWAYS 6u
/* Choices this far apart, or farther, are not tried as a pair. */
#define PAIR_REACH 8u

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
    /* The values nearer to the origin may be taken on this side only. */
    if (place < shrinker->best->count && distance(choice) > 1)
        better |= try_value(shrinker, place,
                            towards(choice, distance(choice) - 1, choice->value >= choice->origin));
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

/* How far the ith choice can fall by `amount` steps while the jth falls too, or takes them over. */
static uint64_t pair_room(const struct choices *choices, uint32_t i, uint32_t j, bool takes_over)
{
    const struct choice *from = &choices->at[i], *to = &choices->at[j];
    uint64_t room = distance(to);
    if (takes_over)
        room = from->value < from->origin ? (uint64_t)to->value - (uint64_t)to->lo
                                          : (uint64_t)to->hi - (uint64_t)to->value;
    return distance(from) < room ? distance(from) : room;
}

static bool try_pair(struct shrinker *shrinker, uint32_t i, uint32_t j, uint64_t amount,
                     bool takes_over)
{
    struct choices *choices = candidate(shrinker);
    if (j >= choices->count || amount == 0 || amount > pair_room(choices, i, j, takes_over))
        return false;
    struct choice *from = &choices->at[i], *to = &choices->at[j];
    bool from_below = from->value < from->origin, to_below = to->value < to->origin;
    from->value = towards(from, distance(from) - amount, from_below);
    if (takes_over)
        to->value =
            (int64_t)(from_below ? (uint64_t)to->value - amount : (uint64_t)to->value + amount);
    else
        to->value = towards(to, distance(to) - amount, to_below);
    return improves(shrinker);
}

/* As far as it goes; or, when one step works, in steps that double and then halve. */
static bool lower_pair(struct shrinker *shrinker, uint32_t i, uint32_t j, bool takes_over)
{
    uint64_t amount = 2;
    if (try_pair(shrinker, i, j, pair_room(shrinker->best, i, j, takes_over), takes_over))
        return true;
    if (!try_pair(shrinker, i, j, 1, takes_over))
        return false;
    while (try_pair(shrinker, i, j, amount, takes_over))
        amount *= 2;
    while ((amount /= 2) > 0)
        try_pair(shrinker, i, j, amount, takes_over);
    return true;
}

static bool lower_pairs(struct shrinker *shrinker)
{
    bool better = false;
    for (uint32_t i = 0; i < shrinker->best->count; i++)
        for (uint32_t j = i + 1;
             j < i + PAIR_REACH && j < shrinker->best->count && !shrinker->stopped; j++) {
            better |= lower_pair(shrinker, i, j, false);
            if (j < shrinker->best->count)
                better |= lower_pair(shrinker, i, j, true);
        }
    return better;
}

/* Values whose distance from a neighbour matters: as far on its other side. */
static bool mirror_choices(struct shrinker *shrinker)
{
    bool better = false;
    for (uint32_t i = 0; i < shrinker->best->count; i++)
        for (uint32_t j = i + 1;
             j < i + PAIR_REACH && j < shrinker->best->count && !shrinker->stopped; j++) {
            struct choices *choices = candidate(shrinker);
            int64_t apart, mirrored;
            if (__builtin_sub_overflow(choices->at[i].value, choices->at[j].value, &apart) ||
                __builtin_add_overflow(choices->at[i].value, apart, &mirrored) || apart == 0 ||
                mirrored < choices->at[j].lo || mirrored > choices->at[j].hi)
                continue;
            choices->at[j].value = mirrored;
            better |= choices_compare(choices, shrinker->best) < 0 && improves(shrinker);
        }
    return better;
}

/* The simpler one of two spans of one size comes first. */
static bool sort_spans(struct shrinker *shrinker)
{
    bool better = false;
    for (uint32_t s = 0; s < shrinker->best->span_count; s++)
        for (uint32_t t = s + 1; t < s + 13 && t < shrinker->best->span_count && !shrinker->stopped;
             t++) {
            struct span left = shrinker->best->spans[s], right = shrinker->best->spans[t];
            uint32_t size = left.end - left.first;
            if (right.first < left.end || right.end - right.first != size)
                continue;
            struct choices *choices = candidate(shrinker);
            memcpy(&choices->at[left.first], &shrinker->best->at[right.first],
                   size * sizeof *choices->at);
            memcpy(&choices->at[right.first], &shrinker->best->at[left.first],
                   size * sizeof *choices->at);
            better |= choices_compare(choices, shrinker->best) < 0 && improves(shrinker);
            if (s >= shrinker->best->span_count)
                return better;
        }
    return better;
}

/* Lists that follow each other become one: the length that opens the second is added to the one
 * that opens the first, and an earlier choice, the number of lists, falls by one. */
static bool merge_spans(struct shrinker *shrinker)
{
    bool better = false;
    for (uint32_t s = 0; s < shrinker->best->span_count; s++)
        for (uint32_t t = s + 1; t < shrinker->best->span_count && !shrinker->stopped; t++) {
            struct span left = shrinker->best->spans[s], right = shrinker->best->spans[t];
            if (right.first != left.end || left.end <= left.first || right.end <= right.first)
                continue;
            for (uint32_t back = 1; back <= 4 && back <= left.first; back++) {
                struct choices *choices = candidate(shrinker);
                struct choice *fewer = &choices->at[left.first - back],
                              *longer = &choices->at[left.first];
                if (distance(fewer) == 0)
                    continue;
                fewer->value += fewer->value > fewer->origin ? -1 : 1;
                longer->value =
                    towards(longer, distance(longer) + distance(&choices->at[right.first]),
                            longer->value < longer->origin);
                remove_choices(choices, right.first, right.first + 1);
                if (improves(shrinker))
                    return true;
            }
        }
    return better;
}

/* A span goes, a length before it falls, and what refers to spans behind it refers to one less. */
static bool delete_and_renumber(struct shrinker *shrinker)
{
    bool better = false;
    for (uint32_t s = 0; s < shrinker->best->span_count && !shrinker->stopped; s++) {
        struct span span = shrinker->best->spans[s];
        uint32_t siblings = 0, first = span.first;
        for (uint32_t t = s; t-- > 0;)
            if (shrinker->best->spans[t].end == first && first > shrinker->best->spans[t].first) {
                first = shrinker->best->spans[t].first;
                siblings++;
            }
        struct choices *choices = candidate(shrinker);
        if (first == 0 || span.end <= span.first || distance(&choices->at[first - 1]) == 0)
            continue;
        choices->at[first - 1].value +=
            choices->at[first - 1].value > choices->at[first - 1].origin ? -1 : 1;
        for (uint32_t i = first; i < choices->count; i++)
            if (choices->at[i].value > choices->at[i].origin &&
                distance(&choices->at[i]) > siblings)
                choices->at[i].value--;
        remove_choices(choices, span.first, span.end);
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
        delete_spans, zero_spans, lower_choices,  lower_and_delete,    lower_pairs,
        delete_runs,  sort_spans, mirror_choices, delete_and_renumber, merge_spans};
    static struct shrinker shrinker; /* too large for a stack; one shrink runs at a time */
    memset(&shrinker, 0, sizeof shrinker);
    shrinker.best = choices;
    shrinker.scratch = scratch;
    shrinker.try = try;
    shrinker.context = context;
    shrinker.executions_max = executions_max;
    /* The last few passes seldom help: a round in which an earlier one did goes without them. */
    for (bool better = true; better && !shrinker.stopped;) {
        better = false;
        for (size_t i = 0; i < sizeof passes / sizeof *passes && !shrinker.stopped; i++)
            if (i < PASSES_ALWAYS || !better)
                better |= passes[i](&shrinker);
    }
    return shrinker.executions;
}
