/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a patch still does what its header says. Part of the build: a variant that lost its
 * defect is a build error, and so is a witness that is red on the reference too.
 *
 * Header lines: `Witness:` the commands, `Seed:` the entropy seed (0 when missing), `Fault:` one
 * fault that is armed for good, as "memory.map memory 2": operation, effect, and the step (from 0)
 * in which it strikes first.
 */
#include <stdlib.h>
#include <string.h>

#include "cases/witness.h"
#include "faults/faults.h"
#include "harness/run/prove.h"
#include "harness/run/witness.h"

/* False: the header's line is not understood. */
static bool read_fault(const char *line, struct plan *ret)
{
    char operation[32], effect[32];
    unsigned step_number = 0;
    *ret = (struct plan){0};
    if (!line)
        return true;
    if (sscanf(line, "%31s %31s %u", operation, effect, &step_number) != 3)
        return false;
    for (uint16_t i = 0; i < fault_catalogue.operation_count; i++)
        for (uint32_t e = 0; e < fault_catalogue.operations[i].effect_count; e++)
            if (strcmp(fault_catalogue.operations[i].name, operation) == 0 &&
                strcmp(fault_catalogue.operations[i].effects[e], effect) == 0) {
                *ret = (struct plan){
                    1,
                    {{{i, ROLE_NONE, (uint8_t)step_number, 0}, {(int32_t)e + 1}, FAULT_FOR_GOOD}}};
                return true;
            }
    return false;
}

static enum verdict run_on(const char *target, int64_t seed, const struct plan *plan,
                           struct outcome *ret)
{
    static const struct test_case *const only[] = {&witness_case, NULL};
    const struct worker_options options = {
        .target = target, .hang_seconds = HANG_SECONDS, .cases = only};
    int64_t values[PLAN_VALUES_MAX];
    struct worker worker;
    *ret = (struct outcome){.verdict = VERDICT_UNSUPPORTED};
    if (worker_open(&worker, &options)) {
        struct channel *channel = worker.channel;
        uint32_t count = plan_values(plan, values);
        channel->input.at[0] = (struct choice){.value = seed};
        for (uint32_t i = 0; i < count; i++)
            channel->input.at[1 + i] = (struct choice){.value = values[i]};
        channel->input.count = 1 + count;
        channel->relative = false;
        worker_request(&worker, REQUEST_RUN, 0);
        *ret = channel->outcome;
    } else {
        snprintf(ret->message, sizeof ret->message, "%s", worker.channel->load_message);
    }
    worker_close(&worker);
    return ret->verdict;
}

bool witness_holds(const char *name, char ret_message[static MODULE_MESSAGE_BYTES])
{
    char *patch = patch_read(name, EXHIBIT_DEFECT), *text = NULL, *seed = NULL, *fault = NULL;
    struct outcome *outcome = malloc(sizeof *outcome);
    struct plan plan;
    bool holds = false;
    if (patch) {
        text = patch_header(patch, "Witness");
        seed = patch_header(patch, "Seed");
        fault = patch_header(patch, "Fault");
    }
    if (!outcome || !patch || !text || !read_fault(fault, &plan)) {
        snprintf(
            ret_message, MODULE_MESSAGE_BYTES,
            "there is no patch %s with a Witness (and a Fault that is in the catalogue, if any)",
            name);
    } else {
        int64_t number = seed ? strtoll(seed, NULL, 10) : 0;
        witness_set(text);
        if (run_on("reference", number, &plan, outcome) != VERDICT_PASS)
            snprintf(ret_message, MODULE_MESSAGE_BYTES,
                     "the witness of %s is not green on the reference: %.300s", name,
                     outcome->message);
        else if (run_on(name, number, &plan, outcome) != VERDICT_FAIL)
            snprintf(ret_message, MODULE_MESSAGE_BYTES,
                     "the witness of %s is not red on its variant: the patch has lost its defect",
                     name);
        else
            holds = true;
        if (holds)
            snprintf(ret_message, MODULE_MESSAGE_BYTES, "%s", outcome->message);
    }
    free(outcome);
    free(patch);
    free(text);
    free(seed);
    free(fault);
    return holds;
}
