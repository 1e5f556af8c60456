/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the engine share: memory for one run, a world in which nothing happens, and a
 * case made from a function. Included by one file of each test program.
 */
#ifndef ASSAY_ENGINE_ONE_RUN_H
#define ASSAY_ENGINE_ONE_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/engine/engine.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

typedef void case_body(struct run *, const void *subject);

static struct choices drawn; /* by the last run */
static struct outcome outcome;

static inline void nothing_begins(void *context, uint64_t entropy_seed)
{
    (void)context;
    (void)entropy_seed;
}

static inline void nothing_ends(void *context)
{
    (void)context;
}

static const struct world nothing = {.begin = nothing_begins, .end = nothing_ends};

/* Runs `body` as a case whose choices come from `source`; the story is told. */
static inline enum verdict run_body(case_body *body, const void *subject, struct source *source)
{
    static struct run run;
    struct test_case test_case = {.name = "test.body", .body = body};
    memset(&run, 0, sizeof run);
    run.source = source;
    run.choices = &drawn;
    run.outcome = &outcome;
    run.telling = true;
    return case_run(&run, &test_case, subject, &nothing);
}

/* The same, every choice at its origin. */
static inline enum verdict run_at_origin(case_body *body, const void *subject)
{
    struct source_origin origin;
    source_origin_start(&origin, 0, NULL, 0);
    return run_body(body, subject, &origin.source);
}

#endif
