/* SPDX-License-Identifier: Apache-2.0
 *
 * Shrinking: from a failing sequence of choices to the simplest one that fails in the same way.
 *
 * Simpler is shortlex: fewer choices first, then smaller distances from the origin, place by place,
 * then the upper side. A candidate is accepted only when it is strictly simpler and the caller
 * confirms the same failure, so shrinking ends by construction and never wanders to another bug.
 * What counts is what a candidate really drew, not what was proposed: choices that are missing at
 * its end are origins, and values out of bounds are brought into them.
 *
 * Spans say what belongs together. Spans of one label that follow each other are a row, such as the
 * elements of a list; the choice before a row is taken for its number, and falls with what goes.
 *
 * A pass makes candidates from each row, span or choice. Passes of every round:
 *   delete siblings      an element that is not needed goes; more at once as long as that works
 *   hoist                a tree is replaced by its branch
 *   zero span            a whole value becomes its simplest, or the simplest of a simpler kind
 *   simplify choice      so does a single one, or nearly so
 *   lower pairs          values that fail only together, or whose sum or distance matters
 * Passes for when all before them are stuck:
 *   delete bare          elements of a list whose author knows no spans (comes before the pairs)
 *   lower choice         the smallest value that does, by halving; equal ones together
 *   merge siblings       two lists become one
 *   swap                 the simpler one comes first
 *   mirror               as far from another value, but on its other side
 *   delete and renumber  a sibling goes, what refers to later ones refers to one less
 *   delete and add up    a sibling goes, a choice near it takes its value over
 *
 * No candidate is executed twice in a short while. Executions are limited, and so are failures in a
 * row. Not modelled: what an execution costs in time; the callback may end it all.
 */
#include <string.h>

#include "harness/engine/engine.h"

#define SEEN_SLOTS 8192u /* candidates remembered; a later one takes the slot of an earlier one */
#define REACH      8u    /* how far, in choices or spans that fit, a pass looks for a partner */
#define GROUP_MAX  32u   /* choices that fall together; further equal ones stay */
#define SELECTORS  4u    /* simplest values of the first choice of a span that are tried */
#define BARE_MAX   3u    /* choices of one element of a list without spans */

/* Siblings in a row. */
struct row {
    uint32_t count;
    uint32_t edges[SPANS_MAX + 1]; /* where each begins, then where the last one ends */
};

struct shrinker {
    struct choices *best;
    struct choices *next; /* the candidate: values only, until it was executed */
    shrink_try *try;
    void *context;
    uint32_t executions, executions_max;
    uint32_t failures; /* in a row */
    bool stopped;
    struct row row;            /* that the pass is about */
    uint64_t seen[SEEN_SLOTS]; /* hashes of candidates */
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

void choices_settle(struct choices *choices)
{
    if (choices->count > CHOICES_MAX)
        choices->count = CHOICES_MAX;
    if (choices->span_count > SPANS_MAX)
        choices->span_count = SPANS_MAX;
    for (uint32_t i = 0; i < choices->span_count; i++) {
        struct span *span = &choices->spans[i];
        if (span->first > span->end || span->end > choices->count)
            span->first = span->end = 0;
    }
}

void choices_copy(struct choices *to, const struct choices *from)
{
    memcpy(to->at, from->at, from->count * sizeof *from->at);
    memcpy(to->spans, from->spans, from->span_count * sizeof *from->spans);
    to->count = from->count;
    to->span_count = from->span_count;
}

/* --- Candidates --------------------------------------------------------------------------------
 */

/* Begins a candidate with the values of the best. */
static struct choices *propose(struct shrinker *shrinker)
{
    struct choices *next = shrinker->next;
    next->count = shrinker->best->count;
    next->span_count = 0;
    memcpy(next->at, shrinker->best->at, next->count * sizeof *next->at);
    return next;
}

static void remove_choices(struct choices *choices, uint32_t first, uint32_t end)
{
    memmove(&choices->at[first], &choices->at[end], (choices->count - end) * sizeof *choices->at);
    choices->count -= end - first;
}

/* True when these values, but for origins at the end, were tried a short while ago. */
static bool seen_before(struct shrinker *shrinker, const struct choices *choices)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t i = 0, count = choices_significant(choices); i < count; i++)
        hash = (hash ^ (uint64_t)choices->at[i].value) * 0x9e3779b97f4a7c15u + (hash >> 29);
    uint64_t *slot = &shrinker->seen[hash % SEEN_SLOTS];
    bool seen = *slot == hash;
    *slot = hash;
    return seen;
}

static void accept(struct shrinker *shrinker)
{
    struct choices *best = shrinker->best, *next = shrinker->next;
    memcpy(best->at, next->at, next->count * sizeof *next->at);
    memcpy(best->spans, next->spans, next->span_count * sizeof *next->spans);
    best->count = next->count;
    best->span_count = next->span_count;
    (void)seen_before(shrinker, best);
}

/* Executes the candidate, if it is simpler and new; it becomes the best if it fails as that does.
 */
static bool improves(struct shrinker *shrinker)
{
    struct choices *next = shrinker->next;
    if (shrinker->stopped || choices_compare(next, shrinker->best) >= 0 ||
        seen_before(shrinker, next))
        return false;
    if (shrinker->executions >= shrinker->executions_max ||
        shrinker->failures >= SHRINK_FAILURES_MAX) {
        shrinker->stopped = true;
        return false;
    }
    next->count = choices_significant(next);
    shrinker->executions++;
    shrinker->failures++;
    int same = shrinker->try(shrinker->context, next);
    choices_settle(next);
    shrinker->stopped = same < 0;
    if (same <= 0 || choices_compare(next, shrinker->best) >= 0)
        return false;
    shrinker->failures = 0;
    accept(shrinker);
    return true;
}

/* --- Passes over rows --------------------------------------------------------------------------
 */

static void fall(struct choice *choice, uint64_t amount)
{
    choice->value = (int64_t)(choice->value < choice->origin ? (uint64_t)choice->value + amount
                                                             : (uint64_t)choice->value - amount);
}

static bool same_bounds(const struct choice *a, const struct choice *b)
{
    return a->lo == b->lo && a->hi == b->hi && a->origin == b->origin;
}

static bool alike(const struct span *a, const struct span *b)
{
    return memcmp(a->label, b->label, SPAN_LABEL_BYTES) == 0;
}

/* Whether `right` has the label of `left` and begins where it ends. */
static bool follows(const struct span *left, const struct span *right)
{
    return left->end == right->first && left->first < left->end && right->first < right->end &&
           alike(left, right);
}

/* The row that begins with this span; false when it stands within one, or is empty. */
static bool find_row(const struct choices *choices, uint32_t s, struct row *ret)
{
    const struct span *last = &choices->spans[s];
    for (uint32_t t = s; t-- > 0;)
        if (follows(&choices->spans[t], last))
            return false;
    ret->count = 1;
    ret->edges[0] = last->first;
    ret->edges[1] = last->end;
    for (uint32_t t = s + 1; t < choices->span_count && choices->spans[t].first <= last->end; t++)
        if (follows(last, &choices->spans[t])) {
            last = &choices->spans[t];
            ret->edges[++ret->count] = last->end;
        }
    return last->first < last->end;
}

/* Proposes the best without siblings [from, to) of the row, their number lowered. Null when the
 * number is too low, or the best does not reach so far any more. */
static struct choices *propose_fewer(struct shrinker *shrinker, uint32_t from, uint32_t to)
{
    const uint32_t *edges = shrinker->row.edges;
    if (edges[0] == 0 || edges[to] > shrinker->best->count ||
        distance(&shrinker->best->at[edges[0] - 1]) < to - from)
        return NULL;
    struct choices *next = propose(shrinker);
    fall(&next->at[edges[0] - 1], to - from);
    remove_choices(next, edges[from], edges[to]);
    return next;
}

/* With their number; and without it, unless the choice before them is exactly that. */
static bool delete_some(struct shrinker *shrinker, uint32_t from, uint32_t to)
{
    const struct row *row = &shrinker->row;
    if (row->edges[to] > shrinker->best->count)
        return false;
    bool counted =
        row->edges[0] > 0 && distance(&shrinker->best->at[row->edges[0] - 1]) == row->count;
    if (propose_fewer(shrinker, from, to) && improves(shrinker))
        return true;
    if (counted)
        return false;
    remove_choices(propose(shrinker), row->edges[from], row->edges[to]);
    return improves(shrinker);
}

/* From the last one on, since what goes there moves nothing that is still to be tried. */
static bool delete_siblings(struct shrinker *shrinker, uint32_t s)
{
    bool better = false;
    (void)s;
    for (uint32_t end = shrinker->row.count, size = 1; end > 0;) {
        size = size < end ? size : end;
        if (delete_some(shrinker, end - size, end)) {
            better = true;
            shrinker->row.count -= size;
            end -= size;
            size *= 2;
        } else if (size > 1) {
            size /= 2;
        } else {
            end--;
        }
    }
    return better;
}

/* The lengths that open two lists are added up, and the number of lists falls. */
static bool merge_siblings(struct shrinker *shrinker, uint32_t s)
{
    const uint32_t *edges = shrinker->row.edges;
    (void)s;
    for (uint32_t i = shrinker->row.count - 1; edges[0] > 0 && i > 0; i--) {
        struct choices *next = propose(shrinker);
        struct choice *number = &next->at[edges[0] - 1], *longer = &next->at[edges[i - 1]];
        struct choice gone = next->at[edges[i]];
        if (distance(number) == 0)
            return false;
        fall(number, 1);
        longer->value =
            (int64_t)((uint64_t)longer->value + (uint64_t)gone.value - (uint64_t)gone.origin);
        remove_choices(next, edges[i], edges[i] + 1);
        if (improves(shrinker))
            return true;
    }
    return false;
}

static bool delete_and_renumber(struct shrinker *shrinker, uint32_t s)
{
    bool better = false;
    (void)s;
    for (uint32_t i = shrinker->row.count; i-- > 0;) {
        struct choices *next = propose_fewer(shrinker, i, i + 1);
        for (uint32_t j = shrinker->row.edges[0]; next && j < next->count; j++)
            if (next->at[j].value > next->at[j].origin && distance(&next->at[j]) > i)
                next->at[j].value--;
        better |= next && improves(shrinker);
    }
    return better;
}

/* The value of one choice with that of another added, which goes round at the ends of the bounds as
 * sums of machine numbers do. */
static int64_t sum_of(const struct choice *to, const struct choice *gone)
{
    uint64_t width = (uint64_t)to->hi - (uint64_t)to->lo,
             up = (uint64_t)to->value - (uint64_t)to->lo + (uint64_t)gone->value -
                  (uint64_t)gone->origin;
    return (int64_t)((uint64_t)to->lo + (width == UINT64_MAX ? up : up % (width + 1)));
}

static bool delete_and_add_up(struct shrinker *shrinker, uint32_t s)
{
    const struct row *row = &shrinker->row;
    const struct choice *at = shrinker->best->at;
    (void)s;
    for (uint32_t i = row->count; i-- > 0;) {
        uint32_t gone = row->edges[i];
        if (row->edges[i + 1] != gone + 1)
            continue;
        for (uint32_t j = gone > REACH ? gone - REACH : 0;
             j < gone + REACH && j < shrinker->best->count; j++) {
            struct choices *next = propose_fewer(shrinker, i, i + 1);
            if (!next || j == gone || !same_bounds(&at[gone], &at[j]))
                continue;
            next->at[j < gone ? j : j - 1].value = sum_of(&at[j], &at[gone]);
            if (improves(shrinker))
                return true;
        }
    }
    return false;
}

/* --- Passes over spans -------------------------------------------------------------------------
 */

/* By a span within it that has the same label. */
static bool hoist(struct shrinker *shrinker, uint32_t s)
{
    struct span outer = shrinker->best->spans[s];
    for (uint32_t t = s + 1; t < shrinker->best->span_count; t++) {
        struct span inner = shrinker->best->spans[t];
        if (inner.first >= outer.end)
            break;
        if (inner.first < outer.first || inner.end > outer.end || inner.end == inner.first ||
            !alike(&outer, &inner))
            continue;
        struct choices *next = propose(shrinker);
        remove_choices(next, inner.end, outer.end);
        remove_choices(next, outer.first, inner.first);
        if (improves(shrinker))
            return true;
    }
    return false;
}

/* The first choice of the span falls until `left` is left, the others go to their origins. */
static bool reset_span(struct shrinker *shrinker, uint32_t s, uint64_t left)
{
    struct span span = shrinker->best->spans[s];
    struct choices *next = propose(shrinker);
    fall(&next->at[span.first], distance(&next->at[span.first]) - left);
    for (uint32_t i = span.first + 1; i < span.end; i++)
        next->at[i].value = next->at[i].origin;
    return improves(shrinker);
}

/* All at its simplest, or with a selector that still says what kind of thing it is. */
static bool zero_span(struct shrinker *shrinker, uint32_t s)
{
    struct span span = shrinker->best->spans[s];
    if (span.end - span.first < 2)
        return false;
    for (uint64_t left = 0; left < SELECTORS; left++)
        if ((left == 0 || left < distance(&shrinker->best->at[span.first])) &&
            reset_span(shrinker, s, left))
            return true;
    return false;
}

/* With a later span of the same label. */
static bool swap(struct shrinker *shrinker, uint32_t s)
{
    for (uint32_t t = s + 1, tried = 0; tried < REACH && t < shrinker->best->span_count; t++) {
        struct span left = shrinker->best->spans[s], right = shrinker->best->spans[t];
        if (right.first < left.end || left.first == left.end || !alike(&left, &right))
            continue;
        const struct choice *from = shrinker->best->at;
        struct choice *to = &propose(shrinker)->at[left.first];
        memcpy(to, &from[right.first], (right.end - right.first) * sizeof *to);
        to += right.end - right.first;
        memcpy(to, &from[left.end], (right.first - left.end) * sizeof *to);
        to += right.first - left.end;
        memcpy(to, &from[left.first], (left.end - left.first) * sizeof *to);
        if (improves(shrinker))
            return true;
        tried++;
    }
    return false;
}

/* --- Passes over choices -----------------------------------------------------------------------
 */

/* Choices that fall together, by the same amount; the first leads. */
struct group {
    uint32_t count;
    uint32_t places[GROUP_MAX];
    bool takes_over; /* a pair, of which the second takes what the first loses */
};

/* Moves a choice up or down; false when it has no room. */
static bool move(struct choice *choice, uint64_t amount, bool upwards)
{
    uint64_t value = (uint64_t)choice->value;
    if (amount > (upwards ? (uint64_t)choice->hi - value : value - (uint64_t)choice->lo))
        return false;
    choice->value = (int64_t)(upwards ? value + amount : value - amount);
    return true;
}

/* How far the leader is from its origin; 0 when there is no such choice any more. */
static uint64_t to_fall(const struct shrinker *shrinker, const struct group *group)
{
    uint32_t place = group->places[0];
    return place < shrinker->best->count ? distance(&shrinker->best->at[place]) : 0;
}

/* Lets the group fall until `left` is left of the leader's distance. */
static bool leave(struct shrinker *shrinker, const struct group *group, uint64_t left)
{
    struct choices *next = propose(shrinker);
    const struct choice *leader = &shrinker->best->at[group->places[0]];
    uint64_t amount = to_fall(shrinker, group) - left;
    if (to_fall(shrinker, group) <= left)
        return false;
    for (uint32_t i = 0; i < group->count; i++) {
        struct choice *choice = &next->at[group->places[i]];
        if (group->places[i] >= next->count)
            return false;
        if (i > 0 && group->takes_over) {
            if (!move(choice, amount, leader->value > leader->origin))
                return false;
        } else {
            if (amount > distance(choice))
                return false;
            fall(choice, amount);
        }
    }
    return improves(shrinker);
}

/* Leaves nothing, or next to nothing, or in growing steps more. Returns the last that would not do.
 */
static uint64_t leave_little(struct shrinker *shrinker, const struct group *group)
{
    static const uint64_t steps[] = {0, 1, 16, 256, 65536, (uint64_t)1 << 32};
    uint64_t near = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && steps[i] < to_fall(shrinker, group); i++)
        if (!leave(shrinker, group, steps[i]))
            near = steps[i];
    return near;
}

/* Leaves as little as does, by halving; gives up when not even the smallest step does. */
static bool lower_group(struct shrinker *shrinker, const struct group *group)
{
    if (leave(shrinker, group, 0))
        return true;
    if (to_fall(shrinker, group) == 0 || !leave(shrinker, group, to_fall(shrinker, group) - 1))
        return false;
    uint64_t near = leave_little(shrinker, group);
    while (to_fall(shrinker, group) > near + 1 && !shrinker->stopped) {
        uint64_t middle = near + (to_fall(shrinker, group) - near) / 2;
        if (!leave(shrinker, group, middle))
            near = middle;
    }
    return true;
}

/* As far from the origin as given, on the other side of it. */
static bool cross_over(struct shrinker *shrinker, uint32_t place, uint64_t apart)
{
    struct choices *next = propose(shrinker);
    if (apart == 0 || place >= next->count)
        return false;
    bool upwards = next->at[place].value < next->at[place].origin;
    next->at[place].value = next->at[place].origin;
    return move(&next->at[place], apart, upwards) && improves(shrinker);
}

static bool simplify_choice(struct shrinker *shrinker, uint32_t i)
{
    struct group group = {.count = 1, .places = {i}};
    uint64_t before = to_fall(shrinker, &group);
    leave_little(shrinker, &group);
    return to_fall(shrinker, &group) < before || cross_over(shrinker, i, to_fall(shrinker, &group));
}

static bool lower_choice(struct shrinker *shrinker, uint32_t i)
{
    const struct choices *best = shrinker->best;
    struct group single = {.count = 1, .places = {i}}, equal = {.count = 0};
    if (distance(&best->at[i]) == 0)
        return false;
    for (uint32_t j = i; j < best->count && equal.count < GROUP_MAX; j++)
        if (best->at[j].value == best->at[i].value && same_bounds(&best->at[j], &best->at[i]))
            equal.places[equal.count++] = j;
    bool better = equal.count > 1 && lower_group(shrinker, &equal);
    better |= lower_group(shrinker, &single);
    uint64_t apart = to_fall(shrinker, &single);
    return (apart > 0 && cross_over(shrinker, i, apart - 1)) || better;
}

/* Both of a pair fall, or the first does and the second takes that over. */
static bool lower_pairs(struct shrinker *shrinker, uint32_t i)
{
    const struct choices *best = shrinker->best;
    bool better = false;
    for (uint32_t j = i + 1, tried = 0; tried < REACH && j < best->count; j++) {
        if (distance(&best->at[i]) == 0 || !same_bounds(&best->at[i], &best->at[j]))
            continue;
        bool second = distance(&best->at[j]) < distance(&best->at[i]);
        struct group both = {.count = 2, .places = {second ? j : i, second ? i : j}};
        struct group shift = {.count = 2, .places = {i, j}, .takes_over = true};
        better |= lower_group(shrinker, &both);
        better |= lower_group(shrinker, &shift);
        tried++;
    }
    return better;
}

static bool mirror(struct shrinker *shrinker, uint32_t i)
{
    for (uint32_t j = i + 1; j < i + REACH && j < shrinker->best->count; j++) {
        struct choices *next = propose(shrinker);
        struct choice *middle = &next->at[i], *moved = &next->at[j];
        bool upwards = moved->value < middle->value;
        uint64_t apart = (uint64_t)middle->value - (uint64_t)moved->value;
        moved->value = middle->value;
        if (same_bounds(middle, moved) && move(moved, upwards ? apart : 0 - apart, upwards) &&
            improves(shrinker))
            return true;
    }
    return false;
}

/* The row of choices without spans that begins at the ith one: a list whose author knows no spans.
 * Its elements are `size` choices each, with the same bounds. */
static bool find_bare_row(const struct choices *choices, uint32_t i, uint32_t size, struct row *ret)
{
    const struct choice *at = choices->at;
    if ((i >= size && same_bounds(&at[i - size], &at[i])) ||
        (size > 1 && i + 1 < choices->count && same_bounds(&at[i], &at[i + 1])))
        return false;
    for (uint32_t s = 0; s < choices->span_count; s++)
        if (choices->spans[s].first == i && choices->spans[s].end == i + 1)
            return false;
    ret->edges[0] = i;
    for (ret->count = 0; ret->count < SPANS_MAX; ret->edges[++ret->count] = i)
        for (uint32_t end = i + size; i < end; i++)
            if (i >= choices->count || !same_bounds(&at[i], &at[ret->edges[0] + size + i - end]))
                return ret->count > 0;
    return true;
}

static bool delete_bare(struct shrinker *shrinker, uint32_t i)
{
    bool better = false;
    for (uint32_t size = 1; size <= BARE_MAX; size++)
        if (find_bare_row(shrinker->best, i, size, &shrinker->row))
            better |= delete_siblings(shrinker, i);
    return better;
}

/* --- All of them -------------------------------------------------------------------------------
 */

static const struct pass {
    enum { ROWS, SPANS, CHOICES } over;
    bool (*improve)(struct shrinker *, uint32_t which);
    bool always; /* also when an earlier pass of the round helped */
} passes[] = {
    {ROWS, delete_siblings, true},
    {SPANS, hoist, true},
    {SPANS, zero_span, true},
    {CHOICES, simplify_choice, true},
    {CHOICES, delete_bare, false},
    {CHOICES, lower_pairs, true},
    {CHOICES, lower_choice, false},
    {ROWS, merge_siblings, false},
    {SPANS, swap, false},
    {CHOICES, mirror, false},
    {ROWS, delete_and_renumber, false},
    {ROWS, delete_and_add_up, false}, /* the last resort */
};

static bool run_pass(struct shrinker *shrinker, const struct pass *pass)
{
    const struct choices *best = shrinker->best;
    bool better = false;
    for (uint32_t i = 0; i < (pass->over == CHOICES ? best->count : best->span_count); i++)
        if (!shrinker->stopped && (pass->over != ROWS || find_row(best, i, &shrinker->row)))
            better |= pass->improve(shrinker, i);
    return better;
}

uint32_t shrink(struct choices *choices, struct choices *scratch, shrink_try *try, void *context,
                uint32_t executions_max)
{
    static struct shrinker shrinker; /* too large for a stack; one shrink runs at a time */
    memset(&shrinker, 0, sizeof shrinker);
    shrinker.best = choices;
    shrinker.next = scratch;
    shrinker.try = try;
    shrinker.context = context;
    shrinker.executions_max = executions_max;
    choices_settle(choices);
    for (bool better = true; better && !shrinker.stopped;) {
        better = false;
        for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
            if (passes[i].always || !better)
                better |= run_pass(&shrinker, &passes[i]);
    }
    return shrinker.executions;
}
