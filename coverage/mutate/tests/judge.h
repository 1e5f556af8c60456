/* SPDX-License-Identifier: Apache-2.0
 *
 * A judge of mutants by unit tests: small, for the tests and the benchmark of the generator. The
 * harness has its own.
 */
#ifndef ASSAY_JUDGE_H
#define ASSAY_JUDGE_H

#include "coverage/mutate/mutant.h"

enum mutant_fate {
    MUTANT_NOT_REACHED,
    MUTANT_SURVIVED,
    MUTANT_KILLED,  /* a test has failed, or crashed */
    MUTANT_ENDLESS, /* out of fuel */
    MUTANT_BROKEN   /* it does not compile */
};

/* A test ends the process when it fails. */
struct judged_test {
    void (*run)(void **state);
    bool is_quick; /* far less than a millisecond */
    uint8_t *reached;
    uint64_t turns;
};

struct judge {
    const struct assay_mutants *mutants;
    struct judged_test *tests; /* begun: cheapest first */
    uint32_t test_count;
    bool is_disarmed; /* no mutant is made active: what a generator that changes nothing does */
};

/* Runs the tests, each in a child, with no mutant; false when they are not green. What each
 * reaches is noted, and how many turns it needs. */
bool judge_begin(struct judge *);
void judge_done(struct judge *);
/* Runs the tests that reach this mutant in a child, until one fails. */
enum mutant_fate judge_mutant(const struct judge *, uint32_t index);
static inline bool is_caught(enum mutant_fate fate)
{
    return fate == MUTANT_KILLED || fate == MUTANT_ENDLESS;
}

/* The same mutant as a program of its own: the source is changed, and given to `command`, a
 * compiler with everything but source and output. Files are made in `folder`. */
enum mutant_fate recompile(const struct mutant *, const char *root, const char *folder,
                           char *const *command);

/* tests.c: those of the codec. */
extern struct judged_test judged_tests[];
extern const uint32_t judged_test_count;
/* All of them in this process: 0, or it has ended. */
int judged_run_all(void);

#endif
