/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast, and how well: each quantity beside its anchor, in one run, as a ratio; absolute times
 * are noise on shared machines.
 *
 *     assay-bench [--quick] [FILE]
 *
 * prints a table and writes it to FILE as JSON: a list of {"name", "ours", "theirs", "ratio",
 * "wanted", "ok"}, null where there is no anchor or nothing is wanted. Rates are medians of five in
 * processor time, on one processor, ours and theirs in turn. Everything random has a fixed seed, so
 * figures that are counts repeat exactly.
 *
 * It never fails on a figure: a benchmark is not a test. --quick makes all counts tiny, to show
 * that every row can still be measured; its figures mean nothing.
 */
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "faults/faults.h"
#include "harness/bench/anchor.h"
#include "harness/bench/bench.h"
#include "harness/run/run.h"

#define ROUNDS 5u

/* --- Measuring ---------------------------------------------------------------------------------
 */

uint32_t bench_count(const struct bench *bench, uint32_t full)
{
    return bench->quick ? full / 10000 + 2 : full;
}

double bench_cpu(void)
{
    struct timespec own;
    struct rusage children;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    return (double)(own.tv_sec + children.ru_utime.tv_sec + children.ru_stime.tv_sec) +
           (double)own.tv_nsec / 1e9 +
           (double)(children.ru_utime.tv_usec + children.ru_stime.tv_usec) / 1e6;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

double bench_median(double *values, uint32_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return values[count / 2];
}

struct medians bench_medians(const struct bench *bench, measurement *ours, measurement *theirs)
{
    double our_values[ROUNDS], their_values[ROUNDS];
    uint32_t rounds = bench->quick ? 1 : ROUNDS;
    if (!bench->quick) {
        (void)ours(bench);
        if (theirs)
            (void)theirs(bench);
    }
    for (uint32_t i = 0; i < rounds; i++) {
        our_values[i] = ours(bench);
        their_values[i] = theirs ? theirs(bench) : NO_ANCHOR;
    }
    return (struct medians){bench_median(our_values, rounds),
                            theirs ? bench_median(their_values, rounds) : NO_ANCHOR};
}

/* --- Worlds ------------------------------------------------------------------------------------
 */

static void nothing_begins(void *context, uint64_t entropy_seed)
{
    (void)context;
    (void)entropy_seed;
}

static void faults_begin(void *context, uint64_t entropy_seed)
{
    (void)context;
    faults_reset(entropy_seed);
}

static const char *faults_go_on(void *context)
{
    (void)context;
    faults_restart();
    return NULL;
}

static void faults_keep(void *context, const void *owner, uint64_t entropy_seed)
{
    (void)context;
    disk_keep(owner, entropy_seed);
}

static bool faults_put_back(void *context, const void *owner, uint64_t entropy_seed)
{
    (void)context;
    return disk_restore(owner, entropy_seed);
}

static void nothing_ends(void *context)
{
    (void)context;
}

const struct world world_of_nothing = {.begin = nothing_begins, .end = nothing_ends};
const struct world world_of_faults = {.begin = faults_begin,
                                      .end = nothing_ends,
                                      .restart = faults_go_on,
                                      .keep = faults_keep,
                                      .restore = faults_put_back};

/* --- The table ---------------------------------------------------------------------------------
 */

void bench_progress(const char *what)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K%s", what);
}

void bench_remark(const char *text)
{
    bench_progress("");
    printf("# %s\n", text);
}

void bench_broken(const char *why)
{
    bench_progress("");
    fprintf(stderr, "bench: %s\n", why);
    exit(EXIT_INTERNAL);
}

/* A figure in a column of twelve: rates without decimals, small figures with three. */
static const char *column(double value, char ret[static 16])
{
    if (!isfinite(value))
        snprintf(ret, 16, "-");
    else
        snprintf(ret, 16, "%.*f", fabs(value) >= 1000 ? 0 : 3, value);
    return ret;
}
#define COLUMN(value) column(value, (char[16]){0})

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

void bench_row(struct bench *bench, const struct row *row)
{
    static const struct {
        bool of_ratio, at_least;
    } rules[] = {
        [RATIO_AT_LEAST] = {true, true},
        [RATIO_AT_MOST] = {true, false},
        [OURS_AT_LEAST] = {false, true},
        [OURS_AT_MOST] = {false, false},
    };
    double ratio = row->theirs > 0 ? row->ours / row->theirs : NO_ANCHOR, wanted = NAN;
    const char *side = "  ", *remark = "";
    bool ok = true, judged = false;
    if (row->rule != SHOWN) {
        double value = rules[row->rule].of_ratio ? ratio : row->ours;
        judged = isfinite(value);
        if (judged) {
            wanted = row->wanted;
            ok = rules[row->rule].at_least ? value >= wanted : value <= wanted;
            side = rules[row->rule].at_least ? ">=" : "<=";
            remark = ok ? "ok" : "NOT REACHED";
        }
    }
    bench_progress("");
    printf("%-44s %12s %12s %10s  %s %-8s %s\n", row->name, COLUMN(row->ours), COLUMN(row->theirs),
           COLUMN(ratio), side, COLUMN(wanted), remark);
    fflush(stdout);
    json_array_append_new(
        bench->rows, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "name", row->name, "ours",
                               number_or_null(row->ours), "theirs", number_or_null(row->theirs),
                               "ratio", number_or_null(ratio), "wanted", number_or_null(wanted),
                               "ok", judged ? json_boolean(ok) : json_null()));
}

void bench_go_anywhere(void)
{
    cpu_set_t all;
    memset(&all, 0xff, sizeof all); /* of those that there are */
    (void)sched_setaffinity(0, sizeof all, &all);
}

/* Stays on the processor on which it happens to be. */
void bench_stay_here(void)
{
    cpu_set_t here;
    int number = sched_getcpu();
    CPU_ZERO(&here);
    CPU_SET(number < 0 ? 0u : (unsigned)number, &here);
    (void)sched_setaffinity(0, sizeof here, &here); /* without it, figures are less steady */
}

int main(int argc, char **argv)
{
    static struct module reference;
    char message[MODULE_MESSAGE_BYTES];
    struct bench bench = {.quick = argc > 1 && strcmp(argv[1], "--quick") == 0,
                          .target = &reference.table};
    const char *path = argc > 1 + bench.quick ? argv[1 + bench.quick] : NULL;
    if (argc > 2 + bench.quick || (path && *path == '-')) {
        fprintf(stderr, "usage: assay-bench [--quick] [FILE]\n");
        return EXIT_USAGE;
    }
    bench_stay_here();
    bench.rows = json_array();
    bench_remark(anchor_name() ? anchor_name() : "RapidCheck is not installed");
    printf("%-44s %12s %12s %10s  wanted\n", "what", "ours", "theirs", "ratio");
    worker_rows(&bench); /* before the interceptors are installed in this process */
    mutant_rows(&bench);
    const char *wrong = faults_install();
    if (wrong || !module_load("reference", &reference, message)) {
        fprintf(stderr, "bench: %s\n", wrong ? wrong : message);
        return EXIT_UNJUDGED;
    }
    engine_rows(&bench);
    schedule_rows(&bench);
    shrink_rows(&bench);
    fault_rows(&bench);
    growth_rows(&bench);
    whole_rows(&bench);
    int failed = path && json_dump_file(bench.rows, path, JSON_INDENT(2)) != 0;
    if (failed)
        fprintf(stderr, "bench: cannot write %s\n", path);
    json_decref(bench.rows);
    return failed ? EXIT_INTERNAL : EXIT_GREEN;
}
