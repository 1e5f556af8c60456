/* SPDX-License-Identifier: Apache-2.0
 *
 * The technique of faults.
 *
 *   sites    a run in which nothing fails records them; no site at all is UNSUPPORTED
 *   singles  each site, each of its effects: once, for good, and twice
 *   trials   kinds of faults that were tried seldom are tried again with other seeds of entropy,
 *            until the share of what is reported of them means something
 *   pairs    in cases that ask for it: two faults in one run, the second on the path behind the
 *            first. One pair of each kind, or, in a full check, all of them
 *   triples  in a full check: some, drawn from a fixed seed
 *
 * Sites that fail at the same check are one finding with a count. A fault that was planned and did
 * not strike is counted as not reached, which makes the case VACUOUS, and its drift is told; no
 * other fault is ever run in its place.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/run/faulting.h"
#include "harness/run/technique.h"

#define TRIAL_SEEDS 30u   /* with which kinds of faults that were tried seldom are tried again */
#define TRIPLES     2000u /* of faults, in a full check */
#define HANGS_MAX   3u    /* findings by HANG of one case; each costs its full patience */

/* Runs with faults, as they go on from finding to finding. */
struct faulting {
    struct worker *worker;
    uint32_t case_index, hangs;
    const struct settings *settings;
    struct case_result *result;
    struct findings *findings;
    struct finding **first_here;
};

/* Takes over a failure. False: enough. */
static bool take_failure(struct faulting *faulting, uint64_t executions)
{
    struct outcome *outcome = &faulting->worker->channel->outcome;
    faulting->hangs += outcome->verdict == VERDICT_HANG;
    faulting->result->verdict = outcome->verdict;
    struct finding *before = technique_known(*faulting->first_here, outcome);
    if (before)
        before->more++;
    else
        technique_found(faulting->worker, faulting->result, faulting->case_index, executions,
                        faulting->findings);
    return !faulting->settings->first && !faulting->settings->brief && faulting->hangs < HANGS_MAX;
}

/* All plans of a kind that have the numbers 0 to count-1. False: enough. */
static bool run_plans(struct faulting *faulting, enum request_kind kind, uint64_t count)
{
    struct channel *channel = faulting->worker->channel;
    uint32_t second = 0;
    for (uint64_t next = 0; next < count;) {
        channel->first = next;
        channel->count = count - next;
        channel->second = second;
        worker_request(faulting->worker, kind, faulting->case_index);
        tally_add(&faulting->result->tally, &channel->tally);
        if (!verdict_is_failure(channel->outcome.verdict))
            return true;
        next = channel->number > next ? channel->number : next;
        second = kind == REQUEST_PAIRS ? channel->second + 1 : 0;
        next += kind != REQUEST_PAIRS;
        if (channel->judging)
            fault_tally_run(&channel->faults, &channel->outcome);
        if (!take_failure(faulting, next + 1))
            return false;
    }
    return true;
}

/* Kinds of faults that were tried too seldom to say what is reported of them are tried again, with
 * other salts and keys. */
static bool run_more_trials(struct faulting *faulting)
{
    struct channel *channel = faulting->worker->channel;
    bool goes_on = true;
    for (channel->seed = 1; goes_on && channel->seed <= TRIAL_SEEDS; channel->seed++) {
        channel->kinds = 0;
        for (uint32_t i = 0; i < channel->sites.count; i++) {
            uint16_t operation = channel->sites.at[i].operation;
            for (uint8_t effect = 1; effect <= edge_catalogue()->operations[operation].effect_count;
                 effect++)
                if (fault_trials(&channel->faults, operation, effect) < FAULT_TRIALS_MIN)
                    channel->kinds |= 1ull << (operation % 64);
        }
        if (channel->kinds == 0)
            break;
        goes_on = run_plans(faulting, REQUEST_FAULTS, faulting->result->plans);
    }
    channel->seed = 0;
    return goes_on;
}

static void run_combinations(struct faulting *faulting)
{
    struct channel *channel = faulting->worker->channel;
    channel->every = faulting->settings->full;
    if (run_plans(faulting, REQUEST_PAIRS, faulting->result->plans) && faulting->settings->full)
        run_plans(faulting, REQUEST_TRIPLES, TRIPLES);
}

/* One run without faults. False: there is nothing to be made to fail, or too much. */
static bool count_sites(struct faulting *faulting)
{
    struct case_result *result = faulting->result;
    struct channel *channel = faulting->worker->channel;
    memset(&channel->faults, 0, sizeof channel->faults);
    worker_request(faulting->worker, REQUEST_COUNT, faulting->case_index);
    bool failed = technique_take(faulting->worker, result);
    result->sites = channel->sites.count;
    result->plans = plans_in_all(&channel->sites);
    for (uint32_t i = 0; i < result->sites && i < SITES_MAX; i++)
        result->reached |= 1ull << (channel->sites.at[i].operation % 64);
    if (failed) {
        if (verdict_is_failure(result->verdict))
            technique_found(faulting->worker, result, faulting->case_index, 1, faulting->findings);
        return false;
    }
    if (channel->sites.overflow || result->sites == 0) {
        result->verdict = channel->sites.overflow ? VERDICT_VACUOUS : VERDICT_UNSUPPORTED;
        snprintf(result->message, sizeof result->message, "%s",
                 result->sites ? "more sites than can be recorded"
                               : "no fault site is reached: faults do not get to this target");
        return false;
    }
    fault_tally_sites(&channel->faults, &channel->sites);
    return true;
}

void faulting_run(struct worker *worker, uint32_t case_index, const struct settings *settings,
                  struct case_result *result, struct findings *findings)
{
    struct channel *channel = worker->channel;
    struct faulting faulting = {worker, case_index, 0, settings, result, findings, findings->end};
    channel->seed = 0;
    channel->kinds = UINT64_MAX;
    if (!count_sites(&faulting))
        return;
    if (run_plans(&faulting, REQUEST_FAULTS, result->plans) && run_more_trials(&faulting) &&
        result->test_case->pairs)
        run_combinations(&faulting);
    result->faults = channel->faults;
    if (faulting.hangs >= HANGS_MAX)
        snprintf(result->message, sizeof result->message,
                 "stopped after %u hangs; further sites were not tried", faulting.hangs);
}
