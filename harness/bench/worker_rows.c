/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine behind a worker: whether every case that is asked for is run.
 *
 * A worker is asked for three million random runs of a case with two draws, as a check would ask
 * it, and notes what each really drew. What should have been drawn is computed without it, from the
 * random source alone. The figure is the number of distinct pairs among these that no run drew; how
 * many runs were made is told beside it.
 *
 * A process can install the interceptors once, and a worker does so itself: these rows come first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "harness/bench/bench.h"
#include "harness/run/run.h"

/* Written by the worker's process, read by this one. */
static struct seen {
    uint32_t count, room;
    uint64_t pairs[];
} * seen;

static uint64_t pair_of(int64_t first, int64_t second)
{
    return (uint64_t)first << 32 | (uint64_t)second;
}

static void two_draws_body(struct run *run, const void *subject)
{
    int64_t first = draw(run, 0, UINT32_MAX, 0), second = draw(run, 0, UINT32_MAX, 0);
    (void)subject;
    CHECK(run, seen->count < seen->room, "more runs than were asked for");
    seen->pairs[seen->count++] = pair_of(first, second);
}
static const struct test_case two_draws = {.name = "bench.two_draws", .body = two_draws_body};

/* What run `number` is to draw, from the random source alone: after the seed of entropy; plans draw
 * nothing from chance. */
static uint64_t expected_pair(uint64_t seed, uint64_t number)
{
    static const struct choice entropy = {0, 0, INT32_MAX, 0, CHOICE_ENTROPY};
    static const struct choice ask = {0, 0, UINT32_MAX, 0, CHOICE_CASE};
    struct source_random source;
    source_random_start(&source, seed, two_draws.name, number);
    (void)source.source.next(&source.source, &entropy);
    int64_t first = source.source.next(&source.source, &ask);
    return pair_of(first, source.source.next(&source.source, &ask));
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Sorts, and keeps one of each. */
static uint32_t distinct(uint64_t *pairs, uint32_t count)
{
    uint32_t kept = 0;
    qsort(pairs, count, sizeof *pairs, by_value);
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || pairs[i] != pairs[kept - 1])
            pairs[kept++] = pairs[i];
    return kept;
}

/* How many of the first are not among the second; both sorted and distinct. */
static uint32_t missing(const uint64_t *wanted, uint32_t wanted_count, const uint64_t *there,
                        uint32_t there_count)
{
    uint32_t missed = 0;
    for (uint32_t i = 0, j = 0; i < wanted_count; i++) {
        while (j < there_count && there[j] < wanted[i])
            j++;
        missed += j == there_count || there[j] != wanted[i];
    }
    return missed;
}

/* Has a worker make `asked` runs. Returns how many it says that it made. */
static uint64_t run_in_worker(uint64_t seed, uint32_t asked)
{
    static const struct test_case *const cases[] = {&two_draws, NULL};
    static struct worker worker;
    const struct worker_options options = {
        .target = "reference", .hang_seconds = HANG_SECONDS, .cases = cases};
    if (!worker_open(&worker, &options))
        bench_broken(worker.channel->load_message);
    worker.channel->seed = seed;
    worker.channel->first = 0;
    worker.channel->count = asked;
    worker_request(&worker, REQUEST_RANDOM, 0);
    if (worker.channel->outcome.verdict != VERDICT_PASS)
        bench_broken(worker.channel->outcome.message);
    uint64_t made = worker.channel->tally.runs;
    worker_close(&worker);
    return made;
}

void worker_rows(struct bench *bench)
{
    const uint64_t seed = 3;
    const uint32_t asked = bench_count(bench, 3000000);
    size_t size = sizeof *seen + asked * sizeof *seen->pairs;
    uint64_t *expected = malloc(asked * sizeof *expected);
    char remark[128];
    bench_progress("cases that are not run");
    seen = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (seen == MAP_FAILED || !expected)
        bench_broken("no memory");
    seen->room = asked;
    uint64_t made = run_in_worker(seed, asked);
    if (made != seen->count)
        bench_broken("the worker says that it made more or fewer runs than it did");
    for (uint32_t i = 0; i < asked; i++)
        expected[i] = expected_pair(seed, i);
    uint32_t expected_count = distinct(expected, asked);
    uint32_t seen_count = distinct(seen->pairs, seen->count);
    uint32_t dropped = missing(expected, expected_count, seen->pairs, seen_count);
    munmap(seen, size);
    free(expected);
    snprintf(remark, sizeof remark,
             "%u runs asked for, %u made; %u distinct ones expected, %u seen", asked,
             (uint32_t)made, expected_count, seen_count);
    bench_remark(remark);
    bench_row(bench,
              &(struct row){"engine.distinct_cases_dropped", dropped, NO_ANCHOR, OURS_AT_MOST, 0});
}
