/* SPDX-License-Identifier: Apache-2.0
 *
 * The problems of the shrinking challenge, over a hundred seeds: the share of them that ends in the
 * normal form, the mean of the executions that it takes to get there, and the longest token.
 *
 * A failure is searched as the test of the engine does it (shrink_test.c), with the same seeds. The
 * other engine has generators of the same shape, with its own idea of size, and its own seeds; it
 * tells its counterexample in our words, so that both are compared with the same text. Executions
 * are those after the first failure. What holds at every seed, is in the test: here are figures.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/bench/anchor.h"
#include "harness/bench/bench.h"
#include "harness/engine/tests/challenge.h"

#define SEEDS     100u
#define TRIES_MAX 200000u

/* Executions are wanted where another engine has published its own or a prototype had them. */
static const struct {
    double share, executions;
} wanted[CHALLENGES] = {
    [REVERSE] = {1, 92},
    [LENGTH_LIST] = {1, 170},
    [LARGE_UNION_LIST] = {1, 682},
    [BOUND5] = {1, 274},
    [BOUND5_LISTS10] = {0.96, NAN},
    [CALCULATOR] = {1, 683},
    [NESTED_LISTS] = {1, NAN},
    [DISTINCT] = {1, NAN},
    [DELETION] = {1, NAN},
    [COUPLING] = {1, NAN},
    [DIFFERENCE_NOT_ZERO] = {1, NAN},
    [DIFFERENCE_NOT_SMALL] = {1, NAN},
    [DIFFERENCE_NOT_ONE] = {1, NAN},
};

/* What a hundred seeds came to. */
struct sum {
    uint32_t seeds, reached;
    uint64_t executions;
    uint32_t payload_longest;
};

static struct choices drawn;
static struct outcome outcome;

static enum verdict run_challenge(const struct challenge *challenge, struct source *source,
                                  bool telling)
{
    const struct test_case test_case = {.name = challenge->name, .body = challenge->body};
    struct run run = {.source = source, .choices = &drawn, .outcome = &outcome, .telling = telling};
    return case_run(&run, &test_case, NULL, &world_of_nothing);
}

static enum verdict replay(const struct challenge *challenge, const struct choices *choices,
                           bool telling)
{
    struct source_replay source;
    source_replay_start(&source, choices->at, choices->count, false);
    return run_challenge(challenge, &source.source, telling);
}

struct failure {
    const struct challenge *challenge;
    int32_t line; /* of the check that failed */
};

static int still_fails(void *context, struct choices *choices)
{
    const struct failure *failure = context;
    if (replay(failure->challenge, choices, false) != VERDICT_FAIL || outcome.line != failure->line)
        return 0;
    memcpy(choices, &drawn, sizeof drawn);
    return 1;
}

/* The characters of a token between its third colon and its fourth. */
static uint32_t payload_size(const struct challenge *challenge, const struct choices *choices)
{
    char *token = token_write("bench", challenge->name, choices);
    const char *checksum = token ? strrchr(token, ':') : NULL, *payload = checksum;
    while (payload && payload > token && payload[-1] != ':')
        payload--;
    uint32_t size = payload ? (uint32_t)(checksum - payload) : 0;
    free(token);
    if (size == 0)
        bench_broken("a shrunk challenge has no token");
    return size;
}

static void find_failure(const struct challenge *challenge, uint64_t seed)
{
    struct source_near near;
    for (uint64_t number = 0; number < TRIES_MAX; number++) {
        source_near_start(&near, seed, number);
        if (run_challenge(challenge, &near.source, false) == VERDICT_FAIL)
            return;
    }
    bench_broken("a seed finds no failure of a challenge");
}

static struct sum ours(const struct challenge *challenge, uint32_t seeds)
{
    static struct choices best, scratch;
    struct sum sum = {.seeds = seeds};
    for (uint64_t seed = 0; seed < seeds; seed++) {
        find_failure(challenge, seed);
        struct failure failure = {challenge, outcome.line};
        memcpy(&best, &drawn, sizeof best);
        sum.executions += shrink(&best, &scratch, still_fails, &failure, SHRINK_EXECUTIONS_MAX);
        (void)replay(challenge, &best, true);
        sum.reached += strcmp(outcome.story, challenge->normal_form) == 0;
        uint32_t size = payload_size(challenge, &best);
        if (size > sum.payload_longest)
            sum.payload_longest = size;
    }
    return sum;
}

/* No seeds at all where there is no anchor. */
static struct sum theirs(const struct challenge *challenge, uint32_t seeds)
{
    struct sum sum = {0};
    for (uint64_t seed = 0; anchor_name() && seed < seeds; seed++) {
        struct anchor_shrunk shrunk;
        if (!anchor_shrink(challenge->name, seed, &shrunk))
            continue; /* a seed for which it finds no failure does not count */
        sum.seeds++;
        sum.executions += shrunk.executions;
        sum.reached += strcmp(shrunk.story, challenge->normal_form) == 0;
    }
    return sum;
}

static double share(const struct sum *sum)
{
    return sum->seeds ? (double)sum->reached / sum->seeds : NO_ANCHOR;
}

static double mean_executions(const struct sum *sum)
{
    return sum->seeds ? (double)sum->executions / sum->seeds : NO_ANCHOR;
}

void shrink_rows(struct bench *bench)
{
    const uint32_t seeds = bench_count(bench, SEEDS);
    uint32_t payload_longest = 0;
    char name[64];
    for (size_t i = 0; i < CHALLENGES; i++) {
        bench_progress(challenges[i].name);
        struct sum our_sum = ours(&challenges[i], seeds), their_sum = theirs(&challenges[i], seeds);
        snprintf(name, sizeof name, "engine.shrink.%s", challenges[i].name);
        bench_row(bench, &(struct row){name, share(&our_sum), share(&their_sum), OURS_AT_LEAST,
                                       wanted[i].share});
        snprintf(name, sizeof name, "engine.shrink_executions.%s", challenges[i].name);
        bench_row(bench, &(struct row){name, mean_executions(&our_sum), mean_executions(&their_sum),
                                       isnan(wanted[i].executions) ? SHOWN : OURS_AT_MOST,
                                       wanted[i].executions});
        if (our_sum.payload_longest > payload_longest)
            payload_longest = our_sum.payload_longest;
    }
    bench_row(bench, &(struct row){"engine.token_payload_longest", payload_longest, NO_ANCHOR,
                                   OURS_AT_MOST, 120});
}
