/* SPDX-License-Identifier: Apache-2.0
 *
 * What mutated code calls. Every generated file includes it first, so it includes nothing itself: a
 * source may still have to say which features of the C library it wants, or what `bool` is.
 *
 * A function decides at its entry (assay_enters) whether its switched body is needed: when the
 * active mutant is one of its own, or reach is recorded. Each switch then asks for its number
 * (ASSAY_M). Numbers count from 1 in each file; where a file begins in the table is known to the
 * linker only, so that an edit of one file leaves the text generated from the others as it is.
 * Accesses are atomic without order, since threads of the module share the counters.
 */
#ifndef ASSAY_INSIDE_H
#define ASSAY_INSIDE_H

struct assay_switches {
    __UINT32_TYPE__ active;
    _Bool recording;
    __UINT64_TYPE__ turns, fuel;
    void (*out_of_fuel)(void);
    __UINT8_TYPE__ *reached; /* of the mutants, by index */
};

extern struct assay_switches *assay_switches __attribute__((visibility("hidden")));
void assay_out_of_fuel(void) __attribute__((visibility("hidden"), cold));

#define ASSAY_INLINE static inline __attribute__((always_inline, unused))

/* The number of the active mutant in a file whose first one has the index `first`. */
ASSAY_INLINE __UINT32_TYPE__ assay_number(__UINT32_TYPE__ first)
{
    return __atomic_load_n(&assay_switches->active, __ATOMIC_RELAXED) - first;
}

/* Whether one of the mutants from `low` to `high` of a file is active, or reach is recorded. */
ASSAY_INLINE _Bool assay_enters(__UINT32_TYPE__ first, __UINT32_TYPE__ low, __UINT32_TYPE__ high)
{
    return assay_number(first) - low <= high - low ||
           __builtin_expect(__atomic_load_n(&assay_switches->recording, __ATOMIC_RELAXED), 0);
}

/* Whether this mutant is the active one. */
ASSAY_INLINE _Bool assay_is(__UINT32_TYPE__ active, __UINT32_TYPE__ first, __UINT32_TYPE__ number)
{
    if (__atomic_load_n(&assay_switches->recording, __ATOMIC_RELAXED))
        __atomic_store_n(&assay_switches->reached[first + number - 1], 1, __ATOMIC_RELAXED);
    return active == number;
}
#define ASSAY_M(number) assay_is(assay_active, assay_first, number)

/* One turn of a loop. False, so that it can stand in a condition. */
ASSAY_INLINE _Bool assay_turn(void)
{
    struct assay_switches *switches = assay_switches;
    __UINT64_TYPE__ turns = __atomic_load_n(&switches->turns, __ATOMIC_RELAXED) + 1;
    __atomic_store_n(&switches->turns, turns, __ATOMIC_RELAXED);
    if (__builtin_expect(turns > switches->fuel, 0))
        assay_out_of_fuel();
    return 0;
}

#endif
