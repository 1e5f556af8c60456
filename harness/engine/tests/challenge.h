/* SPDX-License-Identifier: Apache-2.0
 *
 * The problems of the shrinking challenge (github.com/jlink/shrinking-challenge), as cases. Shared
 * by shrink_test.c and the benchmark (harness/bench).
 *
 * Each fails for some choices and tells the value that it drew. The normal form is what it tells of
 * the one smallest counterexample, newlines included; of several that the challenge takes for
 * equal, it is the smallest in our order of choices.
 */
#ifndef ASSAY_ENGINE_CHALLENGE_H
#define ASSAY_ENGINE_CHALLENGE_H

#include "harness/engine/engine.h"

struct challenge {
    const char *name;
    void (*body)(struct run *, const void *subject);
    const char *normal_form;
};
enum {
    REVERSE,
    LENGTH_LIST,
    LARGE_UNION_LIST,
    BOUND5,
    BOUND5_LISTS10,
    CALCULATOR,
    NESTED_LISTS,
    DISTINCT,
    DELETION,
    COUPLING,
    DIFFERENCE_NOT_ZERO,
    DIFFERENCE_NOT_SMALL,
    DIFFERENCE_NOT_ONE,
    CHALLENGES
};
extern const struct challenge challenges[CHALLENGES];

#define ELEMENTS_MAX 256
struct list {
    size_t count;
    int64_t at[ELEMENTS_MAX];
};
/* At most `length_max` elements in [lo, hi], each a span. */
void draw_list(struct run *, int64_t length_max, int64_t lo, int64_t hi, struct list *ret);
/* "[1,-2]" */
void tell_list(struct run *, const struct list *);

/* Random choices, but one in four of the wide ones is near the one before: equal numbers, and such
 * as differ by one, are not found otherwise. */
struct source_near {
    struct source source;
    struct source_random random;
    uint64_t state;
    int64_t last;
};
/* For run `number` of a seed. */
void source_near_start(struct source_near *, uint64_t seed, uint64_t number);

#endif
