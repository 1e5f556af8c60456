/* SPDX-License-Identifier: Apache-2.0
 *
 * What faults cost: the edge while nothing is armed, against a point of libfiu; runs with one fault
 * in this process against a new process for each, and states that power cuts leave.
 *
 * The runs are outage.five_steps on the reference: open, register, log in, change, close, and then
 * a look at the truth by a new handle. Their faults are spread evenly over all sites that the five
 * steps pass, all effects there, once, for good and twice. Each must strike.
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

static struct site_list sites; /* that the five steps pass */

static void five_steps(const struct bench *bench, const struct plan *plan, struct outcome *ret)
{
    static struct choices drawn;
    const struct subject subject = {bench->target, bench->target};
    int64_t values[PLAN_VALUES_MAX];
    uint32_t index = 0;
    struct source_origin source;
    source_origin_start(&source, 0, values, plan_values(plan, values));
    struct run run = {.source = &source.source, .choices = &drawn, .outcome = ret};
    case_run(&run, case_find("outage.five_steps", &index), &subject, &world_of_faults);
}

/* Run `number` of `count`, which are spread over all sites, effects and durations. Whether its
 * fault struck. */
static bool fault_run(const struct bench *bench, uint32_t number, uint32_t count)
{
    static struct outcome outcome;
    struct plan plan;
    if (!plan_numbered(&sites, plans_in_all(&sites) * number / count, &plan))
        return false;
    five_steps(bench, &plan, &outcome);
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

/* States a second that power cuts leave of the first day of a store: each is restored, opened by
 * the reference, and looked at by its case. */
static double powercut_states(const struct bench *bench)
{
    static struct power_search search;
    static struct choices drawn;
    static struct outcome outcome;
    const struct subject subject = {bench->target, bench->target};
    uint32_t index = 0;
    struct source_power source;
    search.count_max = bench_count(bench, 2000);
    power_search_start(&search);
    source_power_start(&source, NULL, 0, &search.values);
    struct run run = {
        .source = &source.source, .choices = &drawn, .outcome = &outcome, .search = &search};
    double before = bench_cpu();
    if (case_run(&run, case_find("powercut.first_day", &index), &subject, &world_of_faults) !=
        VERDICT_PASS)
        bench_broken("the reference does not survive a power cut");
    return (double)search.states / (bench_cpu() - before);
}

static void record_sites(const struct bench *bench)
{
    static const struct plan no_fault;
    static struct outcome outcome;
    edge_record(&sites);
    five_steps(bench, &no_fault, &outcome);
    edge_record(NULL);
    if (outcome.verdict != VERDICT_PASS || sites.count == 0)
        bench_broken("the five steps do not pass without faults");
}

void fault_rows(struct bench *bench)
{
    bench_progress("the edge");
    struct medians edges = bench_medians(bench, disabled_edge, libfiu_disabled_ns);
    bench_row(bench,
              &(struct row){"faults.edge_disabled_ns", edges.ours, NO_ANCHOR, OURS_AT_MOST, 2});
    bench_row(bench, &(struct row){"faults.edge_disabled_against_libfiu", edges.ours, edges.theirs,
                                   RATIO_AT_MOST, 0.1});
    bench_progress("runs with one fault");
    record_sites(bench);
    struct medians runs = bench_medians(bench, faults_in_process, faults_by_fork);
    bench_row(bench, &(struct row){"faults.single_fault_runs_per_second", runs.ours, runs.theirs,
                                   RATIO_AT_LEAST, 5});
    bench_progress("power cuts");
    struct medians states = bench_medians(bench, powercut_states, NULL);
    bench_row(bench, &(struct row){"faults.powercut_states_per_second", states.ours, NO_ANCHOR,
                                   OURS_AT_LEAST, 3000});
}
