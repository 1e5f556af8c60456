/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast: each quantity beside its anchor, in one run, as a ratio; absolute times are noise on
 * shared machines.
 *
 * assay-bench FILE prints a table and writes it as JSON. Each figure is the median of five. It
 * never fails on a time: a benchmark is not a test. What is measured so far: the edge when nothing
 * is armed, the cost of the engine around one minimum-cost hash, and single-fault runs in process
 * against a new process for each.
 */
#include <jansson.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cases/cases.h"
#include "faults/faults.h"
#include "harness/run/run.h"

#define ROUNDS 5

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* The median of five measurements. */
static double median(double (*measure)(void))
{
    double values[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        values[i] = measure();
    qsort(values, ROUNDS, sizeof *values, by_size);
    return values[ROUNDS / 2];
}

/* Nanoseconds of one call of an edge that is not armed. */
static double disabled_edge(void)
{
    const int calls = 20000000;
    double before = cpu_now();
    for (int i = 0; i < calls; i++)
        (void)edge((uint16_t)(i & 7), 0);
    return (cpu_now() - before) * 1e9 / calls;
}

static const struct assay_target *target;

/* Microseconds of one minimum-cost hash, called plainly. */
static double bare_hash(void)
{
    const int calls = 2000;
    const struct assay_config config = {sizeof config, false, NULL, target->traits.cost_min};
    const uint8_t password[] = "fifteen letters";
    char encoded[ASSAY_ENCODED_BYTES_MAX];
    double before = cpu_now();
    for (int i = 0; i < calls; i++) {
        struct assay_text room = {encoded, sizeof encoded, 0};
        struct assay_reply reply;
        target->hash(&config, (struct assay_bytes){password, sizeof password - 1}, &room, &reply);
    }
    return (cpu_now() - before) * 1e6 / calls;
}

static void hash_once(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct text password, encoded;
    draw_password(run, &subject->target->traits, &password);
    stored_hash(run, subject->target, subject->target->traits.cost_min, &password, &encoded);
}
static const struct test_case hash_case = {
    .name = "bench.hash", .shows = "", .stands_for = "", .body = hash_once};

static void begin(void *context, uint64_t seed)
{
    (void)context;
    faults_reset(seed);
}

static void end(void *context)
{
    (void)context;
}

static struct choices drawn;
static struct outcome outcome;

/* The same hash as a case, with its draws, checks and the putting back of the world. */
static double hash_in_a_case(void)
{
    const int calls = 2000;
    const struct world world = {begin, end, NULL};
    const struct subject subject = {target, target};
    double before = cpu_now();
    for (int i = 0; i < calls; i++) {
        struct source_origin source;
        source_origin_start(&source, i, NULL, 0);
        struct run run = {.source = &source.source, .choices = &drawn, .outcome = &outcome};
        case_run(&run, &hash_case, &subject, &world);
    }
    return (cpu_now() - before) * 1e6 / calls;
}

static void fault_run(uint32_t occurrence)
{
    const struct world world = {begin, end, NULL};
    const struct subject subject = {target, target};
    const struct plan plan = {1, {{{DISK_READ, ROLE_MAIN, 1, occurrence}, {1}, 1}}};
    int64_t values[PLAN_VALUES_MAX];
    uint32_t index = 0;
    struct source_origin source;
    source_origin_start(&source, 0, values, plan_values(&plan, values));
    struct run run = {.source = &source.source, .choices = &drawn, .outcome = &outcome};
    case_run(&run, case_find("outage.first_day", &index), &subject, &world);
}

/* Single-fault runs a second, in this process. */
static double faults_in_process(void)
{
    const uint32_t calls = 400;
    double before = cpu_now();
    for (uint32_t i = 0; i < calls; i++)
        fault_run(i % 8);
    return calls / (cpu_now() - before);
}

/* The same, each in a process of its own. */
static double faults_by_fork(void)
{
    const uint32_t calls = 200;
    double before = cpu_now();
    for (uint32_t i = 0; i < calls; i++) {
        pid_t child = fork();
        if (child == 0) {
            fault_run(i % 8);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    return calls / (cpu_now() - before);
}

/* One row: the ratio is ours to theirs; `above` says which side of `wanted` is good. */
static void add_row(json_t *rows, const char *name, double ours, double theirs, double ratio,
                    double wanted, bool above)
{
    bool good = above ? ratio >= wanted : ratio <= wanted;
    json_t *anchor = theirs > 0 ? json_real(theirs) : json_null();
    printf("%-44s %12.3f %12.3f %10.3f  %s %-8.2f %s\n", name, ours, theirs, ratio,
           above ? ">=" : "<=", wanted, good ? "ok" : "NOT REACHED");
    json_array_append_new(rows, json_pack("{s:s, s:f, s:o, s:f, s:f, s:b}", "name", name, "ours",
                                          ours, "theirs", anchor, "ratio", ratio, "wanted", wanted,
                                          "ok", (int)good));
}

int main(int argc, char **argv)
{
    char message[MODULE_MESSAGE_BYTES];
    static struct module module;
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    (void)sched_setaffinity(0, sizeof first, &first);
    const char *wrong = faults_install();
    if (wrong || !module_load("reference", &module, message)) {
        fprintf(stderr, "bench: %s\n", wrong ? wrong : message);
        return EXIT_UNJUDGED;
    }
    target = &module.table;
    json_t *rows = json_array();
    printf("%-44s %12s %12s %10s  wanted\n", "what", "ours", "theirs", "ratio");
    double edge_cost = median(disabled_edge);
    add_row(rows, "faults.edge_disabled_ns", edge_cost, 0, edge_cost, 2, false);
    double plain = median(bare_hash), within = median(hash_in_a_case);
    add_row(rows, "engine.overhead_of_one_cheap_hash", within, plain, within / plain - 1, 0.05,
            false);
    double in_process = median(faults_in_process), by_fork = median(faults_by_fork);
    add_row(rows, "faults.single_fault_runs_per_second", in_process, by_fork, in_process / by_fork,
            5, true);
    int failed = argc > 1 && json_dump_file(rows, argv[1], JSON_INDENT(2)) != 0;
    json_decref(rows);
    return failed ? EXIT_INTERNAL : EXIT_GREEN;
}
