/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a patch still does what its header says. Part of the build: a variant that lost its
 * defect is a build error, and so is a witness that is red on the reference too.
 *
 * Header lines: `Witness:` the commands (cases/witness.c), `Seed:` the entropy seed (0 when
 * missing).
 *
 * A witness in which clients act together is run once without a preemption, and then with one at
 * each choice of the schedule: enough for every race between two that need to meet once.
 */
#include <stdlib.h>
#include <string.h>

#include "cases/witness.h"
#include "harness/run/prove.h"
#include "harness/run/witness.h"

#define DRAWN_FIRST       2u /* entropy and an empty plan, before any choice of a schedule */
#define INTERLEAVINGS_MAX 600u

/* One run; preempted at choice number `at` of its schedule, or nowhere when that is 0. */
static enum verdict run_once(struct worker *worker, int64_t seed, uint32_t at)
{
    struct channel *channel = worker->channel;
    memset(channel->input.at, 0, (DRAWN_FIRST + at) * sizeof *channel->input.at);
    channel->input.at[0].value = seed;
    channel->input.count = DRAWN_FIRST + at;
    if (at > 0)
        channel->input.at[DRAWN_FIRST + at - 1].value = 1;
    channel->relative = false;
    worker_request(worker, REQUEST_RUN, 0);
    return channel->outcome.verdict;
}

enum verdict witness_run(const char *target, const char *before, const char *text, int64_t seed,
                         struct outcome *ret)
{
    static const struct test_case *const only[] = {&witness_case, NULL};
    const struct worker_options options = {
        .target = target, .writer = before, .hang_seconds = HANG_SECONDS, .cases = only};
    struct worker worker;
    *ret = (struct outcome){.verdict = VERDICT_UNSUPPORTED};
    witness_set(text);
    if (worker_open(&worker, &options)) {
        enum verdict verdict = run_once(&worker, seed, 0);
        uint32_t drawn = worker.channel->drawn.count;
        for (uint32_t at = 1;
             verdict == VERDICT_PASS && DRAWN_FIRST + at <= drawn && at <= INTERLEAVINGS_MAX; at++)
            verdict = run_once(&worker, seed, at);
        *ret = worker.channel->outcome;
    } else {
        snprintf(ret->message, sizeof ret->message, "%s", worker.channel->load_message);
    }
    worker_close(&worker);
    return ret->verdict;
}

/* Green on the reference, red on the variant. */
static bool judge(const char *name, const char *text, int64_t seed, struct outcome *outcome,
                  char ret_message[static MODULE_MESSAGE_BYTES])
{
    if (witness_run("reference", NULL, text, seed, outcome) != VERDICT_PASS) {
        snprintf(ret_message, MODULE_MESSAGE_BYTES,
                 "the witness of %s is not green on the reference, but %s: %.300s", name,
                 verdict_name(outcome->verdict), outcome->message);
        return false;
    }
    if (witness_run(name, "reference", text, seed, outcome) != VERDICT_FAIL) {
        snprintf(ret_message, MODULE_MESSAGE_BYTES,
                 "the witness of %s is not red on its variant, but %s: the patch has lost its "
                 "defect: %.200s",
                 name, verdict_name(outcome->verdict), outcome->message);
        return false;
    }
    snprintf(ret_message, MODULE_MESSAGE_BYTES, "%s", outcome->message);
    return true;
}

bool witness_holds(const char *name, char ret_message[static MODULE_MESSAGE_BYTES])
{
    char *patch = patch_read(name, EXHIBIT_DEFECT), *text = NULL, *seed = NULL;
    struct outcome *outcome = malloc(sizeof *outcome);
    bool holds = false;
    if (patch) {
        text = patch_header(patch, "Witness");
        seed = patch_header(patch, "Seed");
    }
    if (outcome && text)
        holds = judge(name, text, seed ? strtoll(seed, NULL, 10) : 0, outcome, ret_message);
    else
        snprintf(ret_message, MODULE_MESSAGE_BYTES, "there is no patch %s with a Witness", name);
    free(outcome);
    free(patch);
    free(text);
    free(seed);
    return holds;
}
