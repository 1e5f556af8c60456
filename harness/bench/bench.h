/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of the benchmark: rows, medians, and how long a measurement may be.
 *
 *   bench.c        the table, as text and as JSON, and main()
 *   worker_rows.c  cases that are asked for and not run
 *   engine_rows.c  cases a second, overhead, a bug of five steps
 *   schedule_rows.c  interleavings of two clients
 *   shrink_rows.c  the problems of the shrinking challenge
 *   mutant_rows.c  mutants of the codec
 *   fault_rows.c   the edge, and runs with one fault
 *   growth_rows.c  logins while the accounts become more
 *   whole_rows.c   the login service
 *   five_steps.c   the target with that bug
 *   anchor.h       what is asked of the engine that ours is compared with: rapidcheck.cpp, or
 *                  no_anchor.c where it is not installed
 *   libfiu.c       the same of a point of failure; no_libfiu.c
 */
#ifndef ASSAY_BENCH_H
#define ASSAY_BENCH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/engine/engine.h"
#include "targets/target.h"

struct bench {
    bool quick;                        /* tiny counts: shows that every row can be measured */
    const struct assay_target *target; /* the reference */
    struct json_t *rows;
};

/* Which figure is judged, and which side of `wanted` is good. */
enum rule { RATIO_AT_LEAST, RATIO_AT_MOST, OURS_AT_LEAST, OURS_AT_MOST, SHOWN };

struct row {
    const char *name;
    double ours, theirs; /* theirs is NO_ANCHOR where there is nothing to compare with */
    enum rule rule;
    double wanted; /* ignored when the row is only shown */
};
#define NO_ANCHOR NAN

/* Prints the row and keeps it for the JSON. The ratio is ours to theirs; null where it has no
 * meaning. A ratio without an anchor cannot be judged: neither wanted nor reached is then told. */
void bench_row(struct bench *, const struct row *);
/* A line of its own between rows. */
void bench_remark(const char *text);
/* What is being measured now, on standard error when that is a terminal. */
void bench_progress(const char *what);
/* Ends the program: what was to be measured does not do what it should. */
__attribute__((noreturn)) void bench_broken(const char *why);

/* The processor on which all is measured; and all of them again, for other programs. */
void bench_stay_here(void);
void bench_go_anywhere(void);

/* `full`, or very few in a quick run. */
uint32_t bench_count(const struct bench *, uint32_t full);

/* Processor time of this process and of the children that it has waited for, in seconds. */
double bench_cpu(void);

typedef double measurement(const struct bench *);
struct medians {
    double ours, theirs;
};
/* Each is measured once to warm up and then five times, in turn, so that a slow minute of the
 * machine meets both; `theirs` may be null. */
struct medians bench_medians(const struct bench *, measurement *ours, measurement *theirs);
/* Orders the values and returns the one in the middle. */
double bench_median(double *values, uint32_t count);

/* For runs in this process: nothing happens around them, or disk, clock and randomness are put back
 * before each. */
extern const struct world world_of_nothing, world_of_faults;

/* Nanoseconds of a point of failure of libfiu that is disabled; NO_ANCHOR, if it is not installed:
 * libfiu.c, no_libfiu.c. */
measurement libfiu_disabled_ns;

void worker_rows(struct bench *); /* first: see there */
void mutant_rows(struct bench *); /* it forks: while this process is small */
void engine_rows(struct bench *);
void schedule_rows(struct bench *);
void shrink_rows(struct bench *);
void fault_rows(struct bench *);
void growth_rows(struct bench *);
void whole_rows(struct bench *);

#endif
