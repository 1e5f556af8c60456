/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine without anything around it: a property, random runs, the smallest failure, its token.
 *
 * The property: joining two strings with a comma and splitting them at the first comma gives the
 * left one back. It does not hold when that has a comma, nor when it has a NUL, at which "%s" ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/engine/engine.h"

static void split_undoes_join(struct run *run, const void *subject)
{
    struct text left, right;
    char joined[2 * TEXT_BYTES_MAX + 2];
    (void)subject;
    draw_text(run, "left", 0, 20, &left);
    draw_text(run, "right", 0, 20, &right);
    size_t size =
        (size_t)snprintf(joined, sizeof joined, "%.*s,%.*s", (int)left.size,
                         (const char *)left.bytes, (int)right.size, (const char *)right.bytes);
    tell(run, "join %s and %s", QUOTED(left.bytes, left.size), QUOTED(right.bytes, right.size));
    const char *comma = memchr(joined, ',', size);
    CHECK(run, comma && (size_t)(comma - joined) == left.size, "the left part has another length");
}
static const struct test_case split = {.name = "example.split", .body = split_undoes_join};

static void nothing(void *context, uint64_t seed)
{
    (void)context;
    (void)seed;
}

static void nothing_more(void *context)
{
    (void)context;
}

static struct choices drawn, smallest, scratch;
static struct outcome outcome;

static enum verdict run_with(struct source *source)
{
    const struct world world = {.begin = nothing, .end = nothing_more};
    struct run run = {.source = source, .choices = &drawn, .outcome = &outcome, .telling = true};
    return case_run(&run, &split, NULL, &world);
}

static int still_fails(void *context, struct choices *candidate)
{
    struct source_replay replay;
    (void)context;
    source_replay_start(&replay, candidate->at, candidate->count, false);
    if (run_with(&replay.source) != VERDICT_FAIL)
        return 0;
    memcpy(candidate, &drawn, sizeof drawn);
    return 1;
}

int main(void)
{
    struct source_random random;
    uint64_t number = 0;
    do
        source_random_start(&random, 1, split.name, number++);
    while (run_with(&random.source) != VERDICT_FAIL && number < 10000);
    memcpy(&smallest, &drawn, sizeof drawn);
    shrink(&smallest, &scratch, still_fails, NULL, SHRINK_EXECUTIONS_MAX);
    if (!still_fails(NULL, &smallest))
        return EXIT_FAILURE;
    char *token = token_write("example", split.name, &smallest);
    printf("run %llu\n%s%s\n%s\n", (unsigned long long)number, outcome.story, outcome.message,
           token ? token : "");
    free(token);
    return EXIT_SUCCESS;
}
