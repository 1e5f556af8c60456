/* SPDX-License-Identifier: Apache-2.0
 *
 * What faults cost: the edge while nothing is armed, and runs with one fault in this process
 * against a new process for each.
 *
 * The runs are the first day of a store (outage.first_day) on the reference; their faults are
 * spread evenly over all sites that it passes, all effects there, once and for good. Each must
 * strike.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "cases/cases.h"
#include "harness/bench/bench.h"
#include "harness/run/run.h"

/* Nanoseconds of one call of an edge that is not armed. */
static double disabled_edge(const struct bench *bench)
{
    const uint32_t calls = bench_count(bench, 20000000);
    double before = bench_cpu();
    for (uint32_t i = 0; i < calls; i++)
        (void)edge((uint16_t)(i & 7), 0);
    return (bench_cpu() - before) * 1e9 / calls;
}

static struct site_list sites; /* that the first day of a store passes */

static void first_day(const struct bench *bench, const struct plan *plan, struct outcome *ret)
{
    static struct choices drawn;
    const struct subject subject = {bench->target, bench->target};
    int64_t values[PLAN_VALUES_MAX];
    uint32_t index = 0;
    struct source_origin source;
    source_origin_start(&source, 0, values, plan_values(plan, values));
    struct run run = {.source = &source.source, .choices = &drawn, .outcome = ret};
    case_run(&run, case_find("outage.first_day", &index), &subject, &world_of_faults);
}

/* Run `number` of `count`, which are spread over all sites, effects and durations. Whether its
 * fault struck. */
static bool fault_run(const struct bench *bench, uint32_t number, uint32_t count)
{
    static struct outcome outcome;
    struct plan plan;
    if (!plan_numbered(&sites, plans_in_all(&sites) * number / count, &plan))
        return false;
    first_day(bench, &plan, &outcome);
    return outcome.faults_fired != 0;
}

/* Runs with one fault a second, in this process. */
static double faults_in_process(const struct bench *bench)
{
    const uint32_t calls = bench_count(bench, 400);
    double before = bench_cpu();
    for (uint32_t i = 0; i < calls; i++)
        if (!fault_run(bench, i, calls))
            bench_broken("a fault did not strike");
    return calls / (bench_cpu() - before);
}

/* The same, each in a process of its own. */
static double faults_by_fork(const struct bench *bench)
{
    const uint32_t calls = bench_count(bench, 200);
    double before = bench_cpu();
    for (uint32_t i = 0; i < calls; i++) {
        pid_t child = fork();
        if (child < 0)
            bench_broken("cannot fork");
        if (child == 0)
            _exit(fault_run(bench, i, calls) ? 0 : 1);
        int status = 1;
        if (waitpid(child, &status, 0) != child || status != 0)
            bench_broken("a fault did not strike in a process of its own");
    }
    return calls / (bench_cpu() - before);
}

static void record_sites(const struct bench *bench)
{
    static const struct plan no_fault;
    static struct outcome outcome;
    edge_record(&sites);
    first_day(bench, &no_fault, &outcome);
    edge_record(NULL);
    if (outcome.verdict != VERDICT_PASS || sites.count == 0)
        bench_broken("the first day of a store does not pass without faults");
}

void fault_rows(struct bench *bench)
{
    bench_progress("the edge");
    struct medians edges = bench_medians(bench, disabled_edge, NULL);
    bench_row(bench,
              &(struct row){"faults.edge_disabled_ns", edges.ours, NO_ANCHOR, OURS_AT_MOST, 2});
    bench_progress("runs with one fault");
    record_sites(bench);
    struct medians runs = bench_medians(bench, faults_in_process, faults_by_fork);
    bench_row(bench, &(struct row){"faults.single_fault_runs_per_second", runs.ours, runs.theirs,
                                   RATIO_AT_LEAST, 5});
}
