/* SPDX-License-Identifier: Apache-2.0
 *
 * Explaining: which parts of a minimal failure do not matter?
 *
 * A minimal failure still shows a value for everything that was drawn, and most of them are only
 * the simplest there is. Each span, outermost first, is filled with other values, the rest kept as
 * it is: its lower ends, its upper ends, and FILLINGS times random ones. Only if every filling
 * fails in the same way does the span not matter; the spans within it are then not asked about.
 * When one does not, the span matters, and the spans within it are tried one by one. Fillings are
 * seeded by the place of the span: the same failure is explained in the same way each time.
 *
 * Another filling may draw more or fewer choices than the minimal one, and what follows the span
 * would then be read from the wrong places. So such a filling is executed twice: first to see what
 * the span draws, then with the rest of the minimal failure put behind that. A callback that tells
 * what was drawn only when the failure is the same makes such spans look as if they mattered.
 *
 * A claim may be wrong when only rare values of the span matter: of a span that matters for one
 * value in five, the 24 random fillings miss it with a chance of 0.8^24, less than one in 200. It
 * errs on the other side where a filling makes the case reject its draws. Spans are looked at one
 * at a time: nothing is said about two of them that are changed together. Faults of the plan and
 * choices outside of spans are not looked at.
 */
#include <string.h>

#include "harness/engine/engine.h"

#define FILLINGS          24u /* with random values */
#define ENDS              2u  /* fillings with the ends of the bounds, before the random ones */
#define DIFFERENT_MIN     5u  /* fillings that must have drawn something else */
#define POSSIBILITIES_MIN 3u  /* a span with fewer is not worth a claim */

struct explainer {
    const struct choices *minimal;
    struct choices *next;
    shrink_try *try;
    void *context;
    uint32_t executions, executions_max;
    bool stopped;
};

/* Whether the case drew it of its own accord. */
static bool is_own(const struct choice *choice)
{
    return choice->kind == CHOICE_CASE || choice->kind == CHOICE_LENGTH;
}

static int64_t other_value(const struct choice *choice, uint32_t filling,
                           struct source_random *random)
{
    if (!is_own(choice))
        return choice->value;
    if (filling < ENDS)
        return filling == 0 ? choice->lo : choice->hi;
    int64_t value = random->source.next(&random->source, choice);
    return value < choice->lo ? choice->lo : value > choice->hi ? choice->hi : value;
}

/* How many things the span can be, as far as its present choices show; no more than are asked for.
 */
static uint64_t possibilities(const struct choices *choices, const struct span *span)
{
    uint64_t count = 1;
    for (uint32_t i = span->first; i < span->end && count < POSSIBILITIES_MIN; i++) {
        uint64_t width = (uint64_t)choices->at[i].hi - (uint64_t)choices->at[i].lo;
        if (is_own(&choices->at[i]))
            count *= width < POSSIBILITIES_MIN ? width + 1 : POSSIBILITIES_MIN;
    }
    return count;
}

static bool same_values(const struct choice *a, const struct choice *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (a[i].value != b[i].value)
            return false;
    return true;
}

/* Whether the candidate fails in the same way. */
static bool execute(struct explainer *explainer)
{
    if (explainer->stopped || explainer->executions >= explainer->executions_max) {
        explainer->stopped = true;
        return false;
    }
    explainer->executions++;
    int same = explainer->try(explainer->context, explainer->next);
    choices_settle(explainer->next);
    explainer->stopped = same < 0;
    return same > 0;
}

/* Ends the candidate at `end` with what follows the span in the minimal failure. */
static void put_rest(struct explainer *explainer, uint32_t end, const struct span *span)
{
    struct choices *next = explainer->next;
    uint32_t rest = explainer->minimal->count - span->end;
    if (rest > CHOICES_MAX - end)
        rest = CHOICES_MAX - end;
    memcpy(&next->at[end], &explainer->minimal->at[span->end], rest * sizeof *next->at);
    next->count = end + rest;
    next->span_count = 0;
}

/* Executes one filling of the sth span. Sets whether the span really was another one. */
static bool fails_with(struct explainer *explainer, uint32_t s, uint32_t filling,
                       bool *ret_different)
{
    const struct choices *minimal = explainer->minimal;
    struct choices *next = explainer->next;
    struct span span = minimal->spans[s];
    struct source_random random;
    source_random_start(&random, s, "explain", filling);
    memcpy(next->at, minimal->at, span.end * sizeof *next->at);
    for (uint32_t i = span.first; i < span.end; i++)
        next->at[i].value = other_value(&minimal->at[i], filling, &random);
    if (same_values(next->at, minimal->at, span.end))
        return true;
    put_rest(explainer, span.end, &span);
    bool same = execute(explainer);
    if (s >= next->span_count || next->spans[s].first != span.first ||
        next->spans[s].end == span.first)
        return same; /* not told, or the run ended within the span */
    uint32_t end = next->spans[s].end, rest = minimal->count - span.end;
    *ret_different =
        end != span.end ||
        !same_values(&next->at[span.first], &minimal->at[span.first], span.end - span.first);
    if (next->count - end != rest || !same_values(&next->at[end], &minimal->at[span.end], rest)) {
        put_rest(explainer, end, &span);
        same = execute(explainer);
    }
    return same;
}

static bool does_not_matter(struct explainer *explainer, uint32_t s)
{
    uint32_t different = 0;
    if (possibilities(explainer->minimal, &explainer->minimal->spans[s]) < POSSIBILITIES_MIN)
        return false;
    for (uint32_t filling = 0; filling < ENDS + FILLINGS; filling++) {
        bool is_different = false;
        if (!fails_with(explainer, s, filling, &is_different) || explainer->stopped)
            return false;
        different += is_different;
    }
    return different >= DIFFERENT_MIN;
}

static void claim(const struct choices *minimal, uint32_t s, struct explanation *ret)
{
    const struct span *span = &minimal->spans[s];
    uint32_t ordinal = 0, part = ret->count++;
    for (uint32_t t = 0; t <= s; t++)
        ordinal += memcmp(minimal->spans[t].label, span->label, SPAN_LABEL_BYTES) == 0;
    ret->parts[part].first = span->first;
    ret->parts[part].end = span->end;
    ret->parts[part].ordinal = ordinal;
    memcpy(ret->parts[part].label, span->label, SPAN_LABEL_BYTES);
    ret->parts[part].label[SPAN_LABEL_BYTES] = 0;
}

uint32_t explain(const struct choices *minimal, struct choices *scratch, shrink_try *try,
                 void *context, uint32_t executions_max, struct explanation *ret)
{
    struct explainer explainer = {minimal, scratch, try, context, 0, executions_max, false};
    uint32_t covered = 0; /* choices below were claimed */
    memset(ret, 0, sizeof *ret);
    if (minimal->count > CHOICES_MAX || minimal->span_count > SPANS_MAX)
        return 0;
    for (uint32_t s = 0; s < minimal->span_count && ret->count < EXPLAINED_MAX; s++) {
        const struct span *span = &minimal->spans[s];
        if (span->first < covered || span->first >= span->end || span->end > minimal->count ||
            !does_not_matter(&explainer, s))
            continue;
        claim(minimal, s, ret);
        covered = span->end;
    }
    return explainer.executions;
}
