/* SPDX-License-Identifier: Apache-2.0
 *
 * One case driven by one technique, and what becomes of a failure.
 *
 *   vectors   a few runs with every choice at its origin, each with another seed of entropy
 *   fault     one run that counts the sites that the edge sees; then each of them, each effect,
 * once and for good property  random choices
 *
 * A run that fails is shrunk in the same worker, one request a candidate, so that a candidate which
 * crashes or hangs costs a new child and nothing else. The smallest one is then run in a fresh
 * process, telling its story, and once more: if it does not fail in the same way each time, the
 * finding is FLAKY where the target declares that all of its randomness is controlled, and is
 * reported with that remark where it does not.
 *
 * Sites that fail at the same check are one finding with a count. Health is judged too: a case that
 * rejected nearly all of its draws, drew without end, checked nothing, or planned a fault that did
 * not fire, is VACUOUS, never green.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/run/run.h"

#define VECTOR_SEEDS 8u
#define HANGS_MAX                                                                                  \
    3u /* findings by HANG of one case and technique; each costs its full patience                 \
        */
#define HANG_SHRINK_EXECUTIONS 10u

void findings_init(struct findings *findings)
{
    *findings = (struct findings){NULL, &findings->first, 0};
}

void findings_done(struct findings *findings)
{
    while (findings->first) {
        struct finding *finding = findings->first;
        findings->first = finding->next;
        free(finding->token);
        free(finding->output);
        free(finding);
    }
    findings_init(findings);
}

bool same_failure(const struct outcome *before, const struct outcome *again)
{
    return before->verdict == again->verdict && before->line == again->line &&
           before->signal == again->signal && strcmp(before->file, again->file) == 0;
}

static bool is_failure(enum verdict verdict)
{
    return verdict == VERDICT_FAIL || verdict == VERDICT_CRASH || verdict == VERDICT_HANG;
}

struct attempt {
    struct worker *worker;
    uint32_t case_index;
    struct outcome failure; /* the one to be kept */
};

static void run_choices(struct attempt *attempt, const struct choices *choices, bool telling)
{
    struct channel *channel = attempt->worker->channel;
    memcpy(channel->input.at, choices->at, choices->count * sizeof *choices->at);
    channel->input.count = choices->count;
    channel->relative = false;
    channel->telling = telling;
    worker_request(attempt->worker, REQUEST_RUN, attempt->case_index);
    channel->telling = false;
}

static int still_fails(void *context, struct choices *choices)
{
    struct attempt *attempt = context;
    const struct channel *channel = attempt->worker->channel;
    run_choices(attempt, choices, false);
    if (!same_failure(&attempt->failure, &channel->outcome))
        return 0;
    memcpy(choices, &channel->drawn, sizeof *choices);
    return 1;
}

/* Makes the failing choices smaller; returns the executions it took. */
static uint32_t make_smaller(struct attempt *attempt, struct choices *choices)
{
    struct worker_options *options = &attempt->worker->options;
    uint32_t patience = options->hang_seconds, executions = SHRINK_EXECUTIONS_MAX;
    struct choices *scratch = malloc(sizeof *scratch);
    if (!scratch)
        return 0;
    if (attempt->failure.verdict == VERDICT_HANG) {
        executions = HANG_SHRINK_EXECUTIONS;
        options->hang_seconds = patience > 4 ? patience / 4 : 1;
    }
    executions = shrink(choices, scratch, still_fails, attempt, executions);
    options->hang_seconds = patience;
    free(scratch);
    return executions;
}

/* The words of a fault that struck a run which could not say so itself. */
static void name_fault(struct outcome *outcome)
{
    if (outcome->plan.count > 0 && outcome->site_text[0] == 0 &&
        outcome->plan.faults[0].site.operation < edge_catalogue()->operation_count &&
        outcome->plan.faults[0].site.role < edge_catalogue()->role_count)
        fault_text(outcome->site_text, sizeof outcome->site_text, &outcome->plan.faults[0],
                   outcome->step);
}

static void tell_story(struct attempt *attempt, const struct choices *choices,
                       struct finding *finding)
{
    struct channel *channel = attempt->worker->channel;
    bool again = true;
    for (int i = 0; i < 2 && again; i++) {
        if (i == 0)
            worker_restart(attempt->worker);
        run_choices(attempt, choices, i == 0);
        again = same_failure(&attempt->failure, &channel->outcome);
        if (i == 0) {
            finding->outcome = channel->outcome;
            finding->output = attempt->worker->output_size ? strdup(attempt->worker->output) : NULL;
        }
    }
    if (!again) {
        size_t used = strlen(attempt->failure.message);
        finding->outcome = attempt->failure;
        snprintf(finding->outcome.message + used, MESSAGE_BYTES - used,
                 " (not every time with the same choices)");
        if (channel->traits.controlled_entropy)
            finding->outcome.verdict = VERDICT_FLAKY;
    }
    name_fault(&finding->outcome);
}

static struct finding *add_finding(struct worker *worker, const struct case_result *result,
                                   uint32_t case_index, uint64_t executions,
                                   struct findings *findings)
{
    struct finding *finding = calloc(1, sizeof *finding);
    struct choices *choices = malloc(sizeof *choices);
    struct attempt attempt = {worker, case_index, worker->channel->outcome};
    char target[2 * NAME_BYTES_MAX];
    if (!finding || !choices) {
        fprintf(stderr, "assay: no memory for a finding\n");
        exit(EXIT_INTERNAL);
    }
    memcpy(choices, &worker->channel->drawn, sizeof *choices);
    finding->technique = result->technique;
    finding->test_case = result->test_case;
    finding->executions = executions;
    finding->shrunk_by = make_smaller(&attempt, choices);
    tell_story(&attempt, choices, finding);
    token_target(&worker->options, target);
    finding->token = token_write(target, result->test_case->name, choices);
    free(choices);
    *findings->end = finding;
    findings->end = &finding->next;
    findings->count++;
    return finding;
}

void token_target(const struct worker_options *options, char ret[static 2 * NAME_BYTES_MAX])
{
    const char *target = strncmp(options->target, "so:", 3) == 0 ? "so" : options->target;
    if (options->writer)
        snprintf(ret, 2 * NAME_BYTES_MAX, "%s,%s",
                 strncmp(options->writer, "so:", 3) == 0 ? "so" : options->writer, target);
    else
        snprintf(ret, 2 * NAME_BYTES_MAX, "%s", target);
}

static void add_tally(struct tally *sum, const struct tally *more)
{
    sum->runs += more->runs;
    sum->rejected += more->rejected;
    sum->overruns += more->overruns;
    sum->unsupported += more->unsupported;
    sum->checks += more->checks;
    sum->edges += more->edges;
    sum->fired += more->fired;
    sum->not_fired += more->not_fired;
}

static void judge_health(struct case_result *result)
{
    const struct tally *tally = &result->tally;
    const char *why = NULL;
    if (result->verdict != VERDICT_PASS)
        return;
    if (tally->checks == 0)
        why = "it checked nothing";
    else if (tally->rejected * 10 > tally->runs * 9)
        why = "it rejected more than 90 % of its draws";
    else if (tally->overruns * 10 > tally->runs)
        why = "more than 10 % of its runs drew more choices than a run may have";
    else if (tally->not_fired > 0)
        why = "faults were planned that did not fire";
    if (!why)
        return;
    result->verdict = VERDICT_VACUOUS;
    snprintf(result->message, sizeof result->message,
             "%s (%llu runs, %llu rejected, %llu faults did not fire)", why,
             (unsigned long long)tally->runs, (unsigned long long)tally->rejected,
             (unsigned long long)tally->not_fired);
}

static uint32_t share(const struct test_case *test_case, uint32_t budget)
{
    uint32_t percent = test_case->weight ? test_case->weight : 100;
    uint32_t runs = (uint32_t)((uint64_t)budget * percent / 100);
    return runs ? runs : 1;
}

/* Takes over how a batch ended. True when it was not green. */
static bool take_batch(struct worker *worker, struct case_result *result)
{
    const struct channel *channel = worker->channel;
    add_tally(&result->tally, &channel->tally);
    if (channel->outcome.verdict == VERDICT_UNSUPPORTED) {
        result->verdict = VERDICT_UNSUPPORTED;
        snprintf(result->message, sizeof result->message, "%s", channel->outcome.message);
    }
    if (is_failure(channel->outcome.verdict))
        result->verdict = channel->outcome.verdict;
    return result->verdict != VERDICT_PASS;
}

static void run_batch(struct worker *worker, enum request_kind kind, uint32_t case_index,
                      uint64_t seed, uint64_t count, struct case_result *result,
                      struct findings *findings)
{
    struct channel *channel = worker->channel;
    channel->seed = seed;
    channel->first = 0;
    channel->count = count;
    worker_request(worker, kind, case_index);
    if (take_batch(worker, result) && is_failure(result->verdict))
        result->verdict =
            add_finding(worker, result, case_index, channel->number + 1, findings)->outcome.verdict;
}

/* The finding of this case and technique that failed in the same way, or null. */
static struct finding *known(struct finding *first, const struct outcome *outcome)
{
    for (; first; first = first->next)
        if (same_failure(&first->outcome, outcome))
            return first;
    return NULL;
}

static void run_faults(struct worker *worker, uint32_t case_index, const struct settings *settings,
                       struct case_result *result, struct findings *findings)
{
    struct channel *channel = worker->channel;
    struct finding **first_here = findings->end;
    uint32_t hangs = 0;
    worker_request(worker, REQUEST_COUNT, case_index);
    bool failed = take_batch(worker, result);
    result->sites = channel->sites.count;
    result->plans = plans_in_all(&channel->sites);
    for (uint32_t i = 0; i < result->sites && i < SITES_MAX; i++)
        result->reached |= 1ull << (channel->sites.at[i].operation % 64);
    if (failed) {
        if (is_failure(result->verdict))
            add_finding(worker, result, case_index, 1, findings);
        return;
    }
    if (channel->sites.overflow || result->sites == 0) {
        result->verdict = channel->sites.overflow ? VERDICT_VACUOUS : VERDICT_UNSUPPORTED;
        snprintf(result->message, sizeof result->message, "%s",
                 result->sites ? "more sites than can be recorded"
                               : "no fault site is reached: faults do not get to this target");
        return;
    }
    for (uint64_t next = 0; next < result->plans && hangs < HANGS_MAX; next++) {
        channel->first = next;
        channel->count = result->plans - next;
        worker_request(worker, REQUEST_FAULTS, case_index);
        struct outcome *outcome = &channel->outcome;
        add_tally(&result->tally, &channel->tally);
        if (!is_failure(outcome->verdict))
            break;
        next = channel->number > next ? channel->number : next;
        hangs += outcome->verdict == VERDICT_HANG;
        result->verdict = outcome->verdict;
        struct finding *before = known(*first_here, outcome);
        if (before)
            before->more++;
        else
            add_finding(worker, result, case_index, next + 2, findings);
        if (settings->first)
            break;
    }
    if (hangs >= HANGS_MAX)
        snprintf(result->message, sizeof result->message,
                 "stopped after %u hangs; further sites were not tried", hangs);
}

void technique_run(struct worker *worker, enum technique technique, uint32_t case_index,
                   const struct settings *settings, struct case_result *ret,
                   struct findings *findings)
{
    const struct test_case *test_case = worker->options.cases[case_index];
    *ret = (struct case_result){
        .technique = technique, .test_case = test_case, .verdict = VERDICT_PASS};
    if (technique == TECHNIQUE_VECTORS)
        run_batch(worker, REQUEST_ORIGIN, case_index, 0, share(test_case, VECTOR_SEEDS), ret,
                  findings);
    else if (technique == TECHNIQUE_PROPERTY)
        run_batch(worker, REQUEST_RANDOM, case_index, settings->seed,
                  share(test_case, settings->runs), ret, findings);
    else
        run_faults(worker, case_index, settings, ret, findings);
    judge_health(ret);
}
