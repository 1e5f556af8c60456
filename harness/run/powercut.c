/* SPDX-License-Identifier: Apache-2.0
 *
 * The technique of power cuts, in three parts.
 *
 *   cuts      the scenario runs once; then each state that a cut at any of its moments can leave is
 *             looked at (harness/engine/cuts.c)
 *   recovery  for some of these states, spread evenly over all: the sites that the target passes
 *             when it comes back are counted, and each fails with each effect and duration
 *   dropped   for each sync of the scenario: it fails once, and what it should have written counts
 *             as written; then cuts at all moments behind it, the first pass of them
 *
 * Each part has a budget, a greater one in a full check; what it leaves out is said in the result's
 * message. States that fail at the same check are one finding with a count; after FAILURES_MAX of
 * them the case is given up.
 */
#include <stdlib.h>
#include <string.h>

#include "faults/faults.h"
#include "harness/run/powercut.h"
#include "harness/run/technique.h"

#define FAILURES_MAX 8u

/* How far each part goes, for a case of weight 100. */
static const struct budget {
    uint64_t states;          /* looked at */
    uint64_t dropped_states;  /* behind each dropped sync */
    uint64_t recovery_states; /* of which the recovery is made to fail, */
    uint64_t recovery_runs;   /* in so many runs */
} share = {8000, 400, 12, 1200}, everything = {POWER_STATES_MAX, POWER_STATES_MAX, 100, 10000000};

struct hunt {
    struct worker *worker;
    uint32_t case_index;
    const struct settings *settings;
    const struct budget *budget;
    struct case_result *result;
    struct findings *findings;
    struct finding **first_here;
    uint32_t failures;
    bool over;                     /* enough is known */
    uint64_t states;               /* of the first part, */
    bool more_states;              /* which were not all that there are; */
    uint64_t recoveries;           /* those that the second part took of them, */
    uint64_t recovery_plans;       /* with so many faults, */
    uint64_t recovery_tried;       /* of which so many were tried; */
    uint64_t dropped, dropped_cut; /* syncs of the third, and those with more states than tried */
};

static void send(struct hunt *hunt, enum request_kind kind, uint64_t first, uint64_t count)
{
    struct channel *channel = hunt->worker->channel;
    channel->first = first;
    channel->count = count;
    worker_request(hunt->worker, kind, hunt->case_index);
    tally_add(&hunt->result->tally, &channel->tally);
}

/* Takes down a failure. False: no more of them. */
static bool take_failure(struct hunt *hunt)
{
    struct channel *channel = hunt->worker->channel;
    struct case_result *result = hunt->result;
    struct finding *before = technique_known(*hunt->first_here, &channel->outcome);
    result->verdict = channel->outcome.verdict;
    if (before)
        before->more++;
    else
        technique_found(hunt->worker, result, hunt->case_index, result->tally.runs, hunt->findings);
    hunt->failures++;
    hunt->over = hunt->settings->first || hunt->settings->brief || hunt->failures == FAILURES_MAX;
    return !hunt->over;
}

/* Goes through all that a request stands for, behind each failure again. What the request wants to
 * have in the channel is put there each time, since making a failure smaller uses it, too. */
static void pursue(struct hunt *hunt, enum request_kind kind, const struct power_request *request,
                   const struct choices *cut, const struct site_list *sites, uint64_t first,
                   uint64_t count)
{
    struct channel *channel = hunt->worker->channel;
    while (!hunt->over) {
        channel->power = *request;
        if (cut)
            choices_copy(&channel->input, cut);
        if (sites)
            channel->sites = *sites;
        send(hunt, kind, first, count);
        if (channel->outcome.verdict == VERDICT_UNSUPPORTED) {
            hunt->result->verdict = VERDICT_UNSUPPORTED;
            snprintf(hunt->result->message, sizeof hunt->result->message, "%s",
                     channel->outcome.message);
            hunt->over = true;
        }
        if (!verdict_is_failure(channel->outcome.verdict))
            return;
        uint64_t failed = channel->number;
        if (!take_failure(hunt))
            return;
        first = failed + (kind == REQUEST_POWER_FAULTS ? request->stride : 1);
    }
}

static void overflow(struct hunt *hunt)
{
    hunt->result->verdict = VERDICT_VACUOUS;
    snprintf(hunt->result->message, sizeof hunt->result->message,
             "the disk changes more often than can be kept (%u times)", POWER_CHANGES_MAX);
    hunt->over = true;
}

/* As much of a budget as the case's weight says, but something. */
static uint64_t part(const struct hunt *hunt, uint64_t whole)
{
    uint32_t percent = hunt->result->test_case->weight ? hunt->result->test_case->weight : 100;
    uint64_t share_of_whole = whole * percent / 100;
    return share_of_whole > 0 ? share_of_whole : 1;
}

static void search_cuts(struct hunt *hunt)
{
    const struct power_request nothing_dropped = {0};
    const struct channel *channel = hunt->worker->channel;
    pursue(hunt, REQUEST_POWER, &nothing_dropped, NULL, NULL, 0, part(hunt, hunt->budget->states));
    if (channel->power.overflow && !hunt->over)
        overflow(hunt);
    hunt->over |= channel->cost.cut;
    hunt->result->moments = channel->power.moments;
    hunt->states = channel->power.state + 1;
    hunt->more_states = channel->power.more;
}

/* Each sync of the scenario fails once and drops what it should have written. */
static void search_dropped(struct hunt *hunt)
{
    struct channel *channel = hunt->worker->channel;
    struct site_list *sites = malloc(sizeof *sites);
    if (!sites || hunt->over) {
        free(sites);
        return;
    }
    send(hunt, REQUEST_COUNT, 0, 0);
    *sites = channel->sites;
    uint32_t count = channel->power.scenario_sites;
    for (uint32_t i = 0; i < count && i < SITES_MAX; i++) {
        struct power_request request = {.plan = {.count = 1}};
        struct fault *fault = &request.plan.faults[0];
        hunt->result->reached |= 1ull << (sites->at[i].operation % 64);
        *fault = (struct fault){sites->at[i], {fault_code_of(DISK_SYNC, FAULT_DROPPED)}, 1};
        if (sites->at[i].operation != DISK_SYNC)
            continue;
        hunt->dropped++;
        pursue(hunt, REQUEST_POWER, &request, NULL, NULL, 0,
               part(hunt, hunt->budget->dropped_states));
        hunt->dropped_cut += channel->power.more;
    }
    free(sites);
}

/* The choices of the power cut that the last run drew. */
static void take_cut(const struct choices *drawn, struct choices *ret)
{
    ret->count = ret->span_count = 0;
    for (uint32_t i = 0; i < drawn->count; i++)
        if (drawn->at[i].kind == CHOICE_POWER)
            ret->at[ret->count++] = drawn->at[i];
}

/* Every fault, or a share of them, while the target comes back from one state. */
static void search_recovery(struct hunt *hunt, uint64_t state, struct choices *cut,
                            struct site_list *sites)
{
    struct channel *channel = hunt->worker->channel;
    const uint64_t runs = part(hunt, hunt->budget->recovery_runs / hunt->budget->recovery_states);
    struct power_request request = {0};
    channel->power = request;
    send(hunt, REQUEST_POWER, state, 1);
    choices_settle(&channel->drawn);
    take_cut(&channel->drawn, cut);
    choices_copy(&channel->input, cut);
    send(hunt, REQUEST_POWER_SITES, 0, 0);
    *sites = channel->sites;
    uint64_t plans = plans_in_all(sites);
    request.stride = (plans + runs - 1) / runs;
    if (plans == 0)
        return;
    hunt->recoveries++;
    hunt->recovery_plans += plans;
    hunt->recovery_tried += (plans + request.stride - 1 - state % request.stride) / request.stride;
    pursue(hunt, REQUEST_POWER_FAULTS, &request, cut, sites, state % request.stride, plans);
}

static void search_recoveries(struct hunt *hunt)
{
    struct choices *cut = malloc(sizeof *cut);
    struct site_list *sites = malloc(sizeof *sites);
    uint64_t step = hunt->states / hunt->budget->recovery_states + 1;
    for (uint64_t state = 0; cut && sites && state < hunt->states && !hunt->over; state += step)
        search_recovery(hunt, state, cut, sites);
    free(cut);
    free(sites);
}

/* How far it went: what was left out is said. */
static void tell_extent(const struct hunt *hunt)
{
    struct case_result *result = hunt->result;
    snprintf(result->message, sizeof result->message,
             "%llu states%s; %llu of %llu faults while coming back from %llu of them; %llu dropped "
             "syncs%s",
             (unsigned long long)hunt->states, hunt->more_states ? ", not all" : "",
             (unsigned long long)hunt->recovery_tried, (unsigned long long)hunt->recovery_plans,
             (unsigned long long)hunt->recoveries, (unsigned long long)hunt->dropped,
             hunt->dropped_cut ? ", not all states behind them" : "");
}

void powercut_run(struct worker *worker, uint32_t case_index, const struct settings *settings,
                  struct case_result *result, struct findings *findings)
{
    struct hunt hunt = {.worker = worker,
                        .case_index = case_index,
                        .settings = settings,
                        .budget = settings->full ? &everything : &share,
                        .result = result,
                        .findings = findings,
                        .first_here = findings->end};
    search_cuts(&hunt);
    if (!hunt.over)
        search_recoveries(&hunt);
    if (!hunt.over)
        search_dropped(&hunt);
    result->plans = hunt.recovery_tried + hunt.dropped;
    if (hunt.failures == FAILURES_MAX)
        snprintf(result->message, sizeof result->message,
                 "stopped after %u failures; further states were not tried", FAILURES_MAX);
    else if (result->verdict == VERDICT_PASS)
        tell_extent(&hunt);
}
