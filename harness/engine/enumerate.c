/* SPDX-License-Identifier: Apache-2.0
 *
 * Enumeration: every sequence of choices up to a bound, and every combination of three factors.
 *
 * Exhaustive search. A sequence is told by what deviates in it from the simplest one: at which
 * places, and by how much. Each sequence but the first has exactly one predecessor, which is found
 * by taking one unit off its last deviation; so all of them form a tree, and a walk through it
 * visits each once. A run shows how many draws there are behind its last deviation, and of what
 * width: these are its successors. They are kept in a queue for each weight, so that lighter
 * sequences come first:
 *
 *     a value of a case      weighs its rank: 1 for the value nearest to the origin, 2 for the next
 *     a preemption           weighs 1, whichever thread goes on
 *     who goes on next       weighs nothing: it has to be somebody
 *
 * So the bound on the weight is the number of preemptions in a search through schedules (as in
 * Musuvathi and Qadeer, PLDI 2007), and a small scope in a search through inputs. What the bound,
 * or the memory, cuts off is noted: exhaustive_weight() says up to where nothing was left out.
 *
 * Covering arrays. Most failures of configurations need two or three settings together (Kuhn,
 * Wallace and Gallo, IEEE TSE 2004). The rows are built greedily (as in AETG: Cohen and others,
 * IEEE TSE 1997), without chance: each begins with a combination that no row has yet and then
 * takes, factor by factor, the level that adds the most new ones.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/engine/engine.h"

#define NONE UINT32_MAX

/* One deviation; with its predecessors, a sequence. */
struct deviation {
    uint32_t parent; /* the deviation before it */
    uint32_t place;  /* of the draw */
    uint32_t rank;   /* of its value, by distance from the origin; never 0 */
    uint32_t next;   /* in the queue */
};

struct queue {
    uint32_t first, last;
};

struct exhaustive {
    struct source source;
    uint32_t kinds, weight_max, sequences_max;
    uint32_t weight;   /* of the sequences in `now`; those in `later` weigh one more */
    uint32_t left_out; /* the least weight of what was left out, or NONE */
    struct queue now, later;
    uint32_t current;     /* the sequence that is being run, or NONE for the simplest */
    uint32_t count, used; /* deviations stored; draws made in this run */
    uint32_t ahead;       /* deviations of this run that are still to come */
    bool begun;
    uint32_t path[DEVIATIONS_MAX]; /* of the current sequence, the last one first */
    struct deviation stored[];
};

/* How many values there are besides the origin. */
static uint64_t width(const struct choice *choice)
{
    return (uint64_t)choice->hi - (uint64_t)choice->lo;
}

/* The value of a rank: 1 is one above the origin, 2 one below, and so on to both ends. */
static int64_t ranked(const struct choice *ask, uint64_t rank)
{
    uint64_t up = (uint64_t)ask->hi - (uint64_t)ask->origin;
    uint64_t down = (uint64_t)ask->origin - (uint64_t)ask->lo;
    uint64_t both = up < down ? up : down;
    bool upwards = rank <= 2 * both ? rank % 2 == 1 : up > down;
    uint64_t distance = rank <= 2 * both ? (rank + 1) / 2 : rank - both;
    return (int64_t)(upwards ? (uint64_t)ask->origin + distance : (uint64_t)ask->origin - distance);
}

static int64_t exhaustive_choice(struct source *base, const struct choice *ask)
{
    struct exhaustive *search = (struct exhaustive *)base;
    uint32_t place = search->used++;
    if (search->ahead == 0)
        return ask->origin;
    const struct deviation *deviation = &search->stored[search->path[search->ahead - 1]];
    if (deviation->place != place)
        return ask->origin;
    search->ahead--;
    return ranked(ask, deviation->rank);
}

struct exhaustive *exhaustive_new(uint32_t kinds, uint32_t weight_max, uint32_t sequences_max)
{
    struct exhaustive *search =
        malloc(sizeof *search + (size_t)sequences_max * sizeof *search->stored);
    if (!search)
        return NULL;
    memset(search, 0, sizeof *search);
    search->source.next = exhaustive_choice;
    search->kinds = kinds;
    search->weight_max = weight_max;
    search->sequences_max = sequences_max;
    search->left_out = NONE;
    search->now = search->later = (struct queue){NONE, NONE};
    search->current = NONE;
    return search;
}

void exhaustive_free(struct exhaustive *search)
{
    free(search);
}

static uint32_t take_first(struct exhaustive *search)
{
    uint32_t first = search->now.first;
    if (first == NONE)
        return NONE;
    search->now.first = search->stored[first].next;
    return first;
}

static void append(struct exhaustive *search, struct queue *queue, uint32_t index)
{
    search->stored[index].next = NONE;
    if (queue->first == NONE)
        queue->first = index;
    else
        search->stored[queue->last].next = index;
    queue->last = index;
}

struct source *exhaustive_next(struct exhaustive *search)
{
    search->used = search->ahead = 0;
    if (!search->begun) {
        search->begun = true;
        return &search->source;
    }
    if (search->now.first == NONE && search->later.first != NONE) {
        search->now = search->later;
        search->later = (struct queue){NONE, NONE};
        search->weight++;
    }
    search->current = take_first(search);
    if (search->current == NONE)
        return NULL;
    for (uint32_t i = search->current; i != NONE; i = search->stored[i].parent)
        search->path[search->ahead++] = i;
    return &search->source;
}

/* What one unit more of a choice of this kind weighs, the first unit or a further one. */
static uint32_t weight_of(enum choice_kind kind, bool first)
{
    return kind == CHOICE_NEXT ? 0 : kind == CHOICE_PREEMPT ? first : 1;
}

static void add_successor(struct exhaustive *search, uint32_t parent, uint32_t place, uint32_t rank,
                          uint32_t weight, uint32_t depth)
{
    if (search->weight + weight > search->weight_max || search->count >= search->sequences_max ||
        depth >= DEVIATIONS_MAX) {
        if (search->weight + weight < search->left_out)
            search->left_out = search->weight + weight;
        return;
    }
    search->stored[search->count] = (struct deviation){parent, place, rank, NONE};
    append(search, weight ? &search->later : &search->now, search->count++);
}

void exhaustive_take(struct exhaustive *search, const struct choices *drawn)
{
    const struct deviation *last =
        search->current == NONE ? NULL : &search->stored[search->current];
    uint32_t depth = 0;
    for (uint32_t i = search->current; i != NONE; i = search->stored[i].parent)
        depth++;
    if (last && last->place < drawn->count) {
        const struct choice *choice = &drawn->at[last->place];
        if (last->rank < width(choice))
            add_successor(search, last->parent, last->place, last->rank + 1,
                          weight_of(choice->kind, false), depth - 1);
    }
    for (uint32_t place = last ? last->place + 1 : 0; place < drawn->count; place++) {
        const struct choice *choice = &drawn->at[place];
        if ((search->kinds & (1u << choice->kind)) && width(choice) > 0)
            add_successor(search, search->current, place, 1, weight_of(choice->kind, true), depth);
    }
}

uint32_t exhaustive_weight(const struct exhaustive *search, bool *ret_all)
{
    bool over = search->now.first == NONE;
    uint32_t done = over ? search->weight : search->weight - 1;
    *ret_all = over && search->later.first == NONE && search->left_out == NONE;
    if (search->weight == 0 && !over)
        return 0;
    return search->left_out != NONE && search->left_out <= done ? search->left_out - 1 : done;
}

/* --- Covering arrays ---------------------------------------------------------------------------
 */

/* All combinations of levels of three factors, one bit each; set once a row has it. */
struct combinations {
    const uint16_t *levels;
    uint32_t factors;
    uint64_t left;
    uint32_t start[FACTORS_MAX][FACTORS_MAX][FACTORS_MAX]; /* of the bits of three factors */
    uint8_t *covered;
};

static size_t bit_of(const struct combinations *all, const uint32_t at[3], const uint16_t *row)
{
    return all->start[at[0]][at[1]][at[2]] +
           ((size_t)row[at[0]] * all->levels[at[1]] + row[at[1]]) * all->levels[at[2]] + row[at[2]];
}

static bool is_covered(const struct combinations *all, size_t bit)
{
    return all->covered[bit / 8] & (1u << (bit % 8));
}

/* Calls `visit` for each three factors that are all set in the row and, unless `must` is
 * FACTORS_MAX, have that one among them. */
static uint64_t each_three(struct combinations *all, const uint16_t *row, uint32_t set,
                           uint32_t must, bool mark)
{
    uint64_t fresh = 0;
    uint32_t at[3];
    for (at[0] = 0; at[0] < all->factors; at[0]++)
        for (at[1] = at[0] + 1; at[1] < all->factors; at[1]++)
            for (at[2] = at[1] + 1; at[2] < all->factors; at[2]++) {
                uint32_t three = 1u << at[0] | 1u << at[1] | 1u << at[2];
                if ((set & three) != three || (must < FACTORS_MAX && !(three & (1u << must))))
                    continue;
                size_t bit = bit_of(all, at, row);
                if (is_covered(all, bit))
                    continue;
                fresh++;
                if (mark)
                    all->covered[bit / 8] |= (uint8_t)(1u << (bit % 8));
            }
    return fresh;
}

/* Sets three factors to the first combination that no row has. Returns which ones. */
static uint32_t first_uncovered(const struct combinations *all, uint16_t *row)
{
    uint32_t at[3];
    for (at[0] = 0; at[0] < all->factors; at[0]++)
        for (at[1] = at[0] + 1; at[1] < all->factors; at[1]++)
            for (at[2] = at[1] + 1; at[2] < all->factors; at[2]++)
                for (row[at[0]] = 0; row[at[0]] < all->levels[at[0]]; row[at[0]]++)
                    for (row[at[1]] = 0; row[at[1]] < all->levels[at[1]]; row[at[1]]++)
                        for (row[at[2]] = 0; row[at[2]] < all->levels[at[2]]; row[at[2]]++)
                            if (!is_covered(all, bit_of(all, at, row)))
                                return 1u << at[0] | 1u << at[1] | 1u << at[2];
    return 0;
}

/* Fills the row factor by factor, from factor `turn` on; among levels that add as much, the one
 * whose turn it is. Returns how many combinations it adds. */
static uint64_t fill_row(struct combinations *all, uint16_t *row, uint32_t set, uint32_t turn)
{
    for (uint32_t i = 0; i < all->factors; i++) {
        uint32_t factor = (turn + i) % all->factors;
        uint16_t levels = all->levels[factor], best = 0;
        uint64_t most = 0;
        if (set & (1u << factor))
            continue;
        set |= 1u << factor;
        for (uint32_t j = 0; j < levels; j++) {
            row[factor] = (uint16_t)((j + turn) % levels);
            uint64_t fresh = each_three(all, row, set, factor, false);
            if (fresh > most || j == 0) {
                most = fresh;
                best = row[factor];
            }
        }
        row[factor] = best;
    }
    return each_three(all, row, set, FACTORS_MAX, false);
}

/* The best of several rows that all have the first combination that is still missing. */
static void add_row(struct combinations *all, uint16_t *ret)
{
    uint64_t most = 0;
    for (uint32_t turn = 0; turn < all->factors && all->left > 0; turn++) {
        uint16_t row[FACTORS_MAX] = {0};
        uint64_t fresh = fill_row(all, row, first_uncovered(all, row), turn);
        if (fresh > most) {
            most = fresh;
            memcpy(ret, row, sizeof row);
        }
    }
    all->left -= each_three(all, ret, (1u << all->factors) - 1, FACTORS_MAX, true);
}

static uint64_t count_combinations(struct combinations *all)
{
    uint64_t count = 0;
    for (uint32_t a = 0; a < all->factors; a++)
        for (uint32_t b = a + 1; b < all->factors; b++)
            for (uint32_t c = b + 1; c < all->factors; c++) {
                all->start[a][b][c] = (uint32_t)count;
                count += (uint64_t)all->levels[a] * all->levels[b] * all->levels[c];
            }
    return count;
}

bool covering_rows(const uint16_t *levels, uint32_t factors, struct covering *ret)
{
    static struct combinations all; /* large; one array is built at a time */
    uint16_t padded[FACTORS_MAX];
    *ret = (struct covering){.factors = factors};
    if (factors == 0 || factors > FACTORS_MAX)
        return false;
    /* Fewer than three factors are three, the others with one level. */
    for (uint32_t i = 0; i < FACTORS_MAX; i++) {
        padded[i] = i < factors ? levels[i] : 1;
        if (padded[i] == 0 || padded[i] > FACTOR_LEVELS_MAX)
            return false;
    }
    all = (struct combinations){.levels = padded, .factors = factors < 3 ? 3 : factors};
    all.left = count_combinations(&all);
    all.covered = calloc(1, (size_t)all.left / 8 + 1);
    if (all.covered) /* the first row is all origins */
        all.left -=
            each_three(&all, ret->rows[ret->count++], (1u << all.factors) - 1, FACTORS_MAX, true);
    while (all.covered && all.left > 0 && ret->count < COVERING_ROWS_MAX)
        add_row(&all, ret->rows[ret->count++]);
    bool done = all.covered && all.left == 0;
    free(all.covered);
    return done;
}

static int64_t covering_choice(struct source *base, const struct choice *ask)
{
    struct source_row *source = (struct source_row *)base;
    if (ask->kind != CHOICE_FACTOR || source->used >= source->factors)
        return ask->origin;
    return ask->lo + source->row[source->used++];
}

void source_row_start(struct source_row *source, const struct covering *covering, uint32_t row)
{
    *source = (struct source_row){{covering_choice}, covering->rows[row], covering->factors, 0};
}
