/* SPDX-License-Identifier: Apache-2.0
 *
 * One case driven by one technique, and what becomes of a failure.
 *
 *   regressions  tokens that were kept, as they are
 *   vectors      a few runs with every choice at its origin, each with another seed of entropy
 *   exhaustive   the rows of a covering array of the case's factors; without factors every sequence
 *                of choices, lightest first, as many as the budget allows
 *   fault        each site that the case passes failing, see faulting.c
 *   schedule     every interleaving with at most two preemptions, all else at its origin
 *   property     random choices, random interleavings among them
 *
 * A run that fails is shrunk in the same worker, one request a candidate, so that a candidate which
 * crashes or hangs costs a new child and nothing else. The smallest one is then run in a fresh
 * process, telling its story, and once more. If it does not fail in the same way each time, it is
 * repeated, and the finding says how often it failed: a target may have randomness of its own, and
 * then that is no fault of its tests. Only where the target declares that all of its randomness is
 * controlled, the finding is FLAKY.
 *
 * A token that was kept is run as it is, and must draw what it drew then. If it does not, either
 * the case has changed, and the line is stale, or only this target draws otherwise, since it
 * declares other limits: then the line says nothing about it. Which of them it is, the reference
 * tells.
 *
 * Sites that fail at the same check are one finding with a count. Health is judged too: a case that
 * rejected nearly all of its draws, drew without end, checked nothing, or planned a fault that did
 * not fire, is VACUOUS, never green.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/run/faulting.h"
#include "harness/run/powercut.h"
#include "harness/run/regressions.h"
#include "harness/run/technique.h"

#define VECTOR_SEEDS           8u
#define SEQUENCES_MAX          4000u /* of exhaustive search in one case, if its weight is 100 */
#define OUT_OF_SIGHT           "no call of this target is in sight at which another thread could go on"
#define DEMANDS_RUNS           100u /* fewer random runs are not asked what they covered */
#define HANG_SHRINK_EXECUTIONS 10u
#define BRIEF_EXECUTIONS       60u /* of making a failure smaller that only has to be there */

void findings_init(struct findings *findings)
{
    *findings = (struct findings){NULL, &findings->first, 0};
}

void findings_done(struct findings *findings)
{
    while (findings->first) {
        struct finding *finding = findings->first;
        findings->first = finding->next;
        finding_free(finding);
    }
    findings_init(findings);
}

void findings_add(struct findings *findings, struct finding *finding)
{
    *findings->end = finding;
    findings->end = &finding->next;
    findings->count++;
}

void findings_move(struct findings *findings, struct findings *from)
{
    if (!from->first)
        return;
    *findings->end = from->first;
    findings->end = from->end;
    findings->count += from->count;
    findings_init(from);
}

void finding_free(struct finding *finding)
{
    if (finding) {
        free(finding->token);
        free(finding->output);
    }
    free(finding);
}

bool same_failure(const struct outcome *before, const struct outcome *again)
{
    return before->verdict == again->verdict && before->line == again->line &&
           before->signal == again->signal && strcmp(before->file, again->file) == 0;
}

bool verdict_is_failure(enum verdict verdict)
{
    return verdict == VERDICT_FAIL || verdict == VERDICT_CRASH || verdict == VERDICT_HANG;
}

struct attempt {
    struct worker *worker;
    uint32_t case_index;
    bool brief;             /* a little smaller will do */
    struct outcome failure; /* the one to be kept */
    uint32_t executions;    /* of making it smaller, so far */
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
    struct channel *channel = attempt->worker->channel;
    const struct observer *observer = attempt->worker->options.observer;
    if (observer)
        observer->shrinking(observer->context, ++attempt->executions);
    run_choices(attempt, choices, false);
    choices_settle(&channel->drawn);
    choices_copy(choices, &channel->drawn);
    return same_failure(&attempt->failure, &channel->outcome);
}

/* Makes the failing choices smaller, and finds out what of them does not matter; returns the
 * executions it took. */
static uint32_t make_smaller(struct attempt *attempt, struct choices *choices,
                             struct explanation *ret_explanation)
{
    struct worker_options *options = &attempt->worker->options;
    uint32_t patience = options->hang_seconds;
    uint32_t executions = attempt->brief ? BRIEF_EXECUTIONS : SHRINK_EXECUTIONS_MAX;
    struct choices *scratch = malloc(sizeof *scratch);
    if (!scratch)
        return 0;
    if (attempt->failure.verdict == VERDICT_HANG) {
        executions = HANG_SHRINK_EXECUTIONS;
        options->hang_seconds = patience > 4 ? patience / 4 : 1;
    }
    executions = shrink(choices, scratch, still_fails, attempt, executions);
    if (attempt->failure.verdict == VERDICT_FAIL && !attempt->brief)
        executions += explain(choices, scratch, still_fails, attempt, EXPLAIN_EXECUTIONS_MAX,
                              ret_explanation);
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

/* Runs it again; of the first run that fails in the same way the story is kept. */
static bool fails_again(struct attempt *attempt, const struct choices *choices,
                        struct finding *finding)
{
    const struct channel *channel = attempt->worker->channel;
    bool told = verdict_is_failure(finding->outcome.verdict);
    run_choices(attempt, choices, !told);
    bool again = same_failure(&attempt->failure, &channel->outcome);
    if (again && !told) {
        finding->outcome = channel->outcome;
        finding->output = attempt->worker->output_size ? strdup(attempt->worker->output) : NULL;
    }
    return again;
}

static void measure_rate(struct attempt *attempt, const struct choices *choices,
                         struct finding *finding)
{
    /* What costs a process, or patience, is repeated less often. */
    static const uint32_t repeats[VERDICTS] = {
        [VERDICT_FAIL] = 40, [VERDICT_CRASH] = 10, [VERDICT_HANG] = 2};
    finding->repeats = repeats[attempt->failure.verdict];
    for (uint32_t i = 0; i < finding->repeats; i++)
        finding->failed += fails_again(attempt, choices, finding);
    if (!verdict_is_failure(finding->outcome.verdict))
        finding->outcome = attempt->failure; /* it never failed again: there is no story */
    if (attempt->worker->channel->traits.controlled_entropy)
        finding->outcome.verdict = VERDICT_FLAKY;
}

static void tell_story(struct attempt *attempt, const struct choices *choices,
                       struct finding *finding)
{
    finding->outcome.verdict = VERDICT_PASS; /* nothing is told yet of the smallest run */
    worker_restart(attempt->worker);
    if (!fails_again(attempt, choices, finding) || !fails_again(attempt, choices, finding))
        measure_rate(attempt, choices, finding);
    name_fault(&finding->outcome);
}

/* Tells of a failure as it was seen first: a shrink may take long, or be killed. */
static void tell_found(struct worker *worker, struct finding *finding, const char *target,
                       const struct choices *choices)
{
    const struct observer *observer = worker->options.observer;
    if (!observer)
        return;
    finding->outcome = worker->channel->outcome;
    finding->token = token_write(target, finding->test_case->name, choices);
    name_fault(&finding->outcome);
    observer->found(observer->context, finding);
    free(finding->token);
    finding->token = NULL;
}

static void take_as_found(const struct attempt *attempt, struct finding *finding)
{
    finding->outcome = attempt->failure;
    name_fault(&finding->outcome);
}

/* Makes it smaller, unless that was done when it was kept, and tells its story. */
static void refine(struct attempt *attempt, struct choices *choices, struct finding *finding)
{
    if (finding->technique != TECHNIQUE_REGRESSIONS)
        finding->shrunk_by = make_smaller(attempt, choices, &finding->explanation);
    tell_story(attempt, choices, finding);
}

struct finding *technique_found(struct worker *worker, const struct case_result *result,
                                uint32_t case_index, uint64_t executions, struct findings *findings)
{
    struct finding *finding = calloc(1, sizeof *finding);
    struct choices *choices = malloc(sizeof *choices);
    struct attempt attempt = {worker, case_index, result->brief, worker->channel->outcome, 0};
    char target[2 * NAME_BYTES_MAX];
    if (!finding || !choices) {
        fprintf(stderr, "assay: no memory for a finding\n");
        exit(EXIT_INTERNAL);
    }
    choices_settle(&worker->channel->drawn);
    choices_copy(choices, &worker->channel->drawn);
    finding->technique = result->technique;
    finding->test_case = result->test_case;
    finding->executions = executions;
    finding->cpu_us = worker->channel->orders.measured ? worker->channel->cost.cpu_us : 0;
    token_target(&worker->options, target);
    tell_found(worker, finding, target, choices);
    if (worker->options.as_found)
        take_as_found(&attempt, finding);
    else
        refine(&attempt, choices, finding);
    finding->token = token_write(target, result->test_case->name, choices);
    free(choices);
    findings_add(findings, finding);
    return finding;
}

/* A module given by its path has no name. */
static const char *token_name(const char *target)
{
    return strncmp(target, "so:", 3) == 0 ? "so" : target;
}

void token_target(const struct worker_options *options, char ret[static 2 * NAME_BYTES_MAX])
{
    const char *target = token_name(options->target);
    if (options->writer)
        snprintf(ret, 2 * NAME_BYTES_MAX, "%s,%s", token_name(options->writer), target);
    else if (options->mutant && target == options->target)
        snprintf(ret, 2 * NAME_BYTES_MAX, "%s@%016llx", target,
                 (unsigned long long)options->mutant);
    else
        snprintf(ret, 2 * NAME_BYTES_MAX, "%s", target);
}

enum consequence finding_consequence(const struct outcome *outcome)
{
    return outcome->verdict == VERDICT_CRASH  ? CONSEQUENCE_CRASH
           : outcome->verdict == VERDICT_HANG ? CONSEQUENCE_HANG
                                              : outcome->evidence;
}

bool technique_is_deterministic(enum technique technique)
{
    return technique != TECHNIQUE_PROPERTY;
}

void tally_add(struct tally *sum, const struct tally *more)
{
    sum->runs += more->runs;
    sum->rejected += more->rejected;
    sum->overruns += more->overruns;
    sum->unsupported += more->unsupported;
    sum->checks += more->checks;
    sum->edges += more->edges;
    sum->fired += more->fired;
    sum->drawn += more->drawn;
    sum->not_fired += more->not_fired;
    sum->states += more->states;
}

/* Interleavings are choices where the target calls something that is intercepted. */
static void say_out_of_sight(struct case_result *result)
{
    result->verdict = VERDICT_UNSUPPORTED;
    snprintf(result->message, sizeof result->message, "%s", OUT_OF_SIGHT);
}

static void judge_health(struct case_result *result)
{
    const struct tally *tally = &result->tally;
    const struct observation *unmet = NULL;
    const char *why = NULL;
    if (result->verdict != VERDICT_PASS)
        return;
    if (result->technique == TECHNIQUE_PROPERTY && result->observed.runs >= DEMANDS_RUNS)
        unmet = observations_unmet(&result->observed);
    if (tally->checks == 0)
        why = "it checked nothing";
    else if (tally->rejected * 10 > tally->runs * 9)
        why = "it rejected more than 90 % of its draws";
    else if (tally->overruns * 10 > tally->runs)
        why = "more than 10 % of its runs drew more choices than a run may have";
    else if (tally->not_fired > 0)
        why = "faults were planned that did not fire";
    else if (result->technique == TECHNIQUE_PROPERTY && tally->drawn == 0)
        why = "it draws nothing, so chance changes nothing";
    if (why && tally->drawn == 0 && tally->checks > 0 &&
        (result->test_case->techniques & (1u << TECHNIQUE_SCHEDULE))) {
        say_out_of_sight(result);
        return;
    }
    if (unmet) {
        result->verdict = VERDICT_VACUOUS;
        snprintf(result->message, sizeof result->message,
                 "it demands that %u %% of its runs are \"%s\", and %llu of %llu are",
                 unmet->percent_min, unmet->name, (unsigned long long)unmet->runs,
                 (unsigned long long)result->observed.runs);
    }
    if (!why)
        return;
    result->verdict = VERDICT_VACUOUS;
    snprintf(result->message, sizeof result->message,
             "%s (%llu runs, %llu rejected, %llu faults did not fire)%s%s", why,
             (unsigned long long)tally->runs, (unsigned long long)tally->rejected,
             (unsigned long long)tally->not_fired, result->faults.drift[0] ? ": " : "",
             result->faults.drift);
}

static uint32_t share(const struct test_case *test_case, uint32_t budget)
{
    uint32_t percent = test_case->weight ? test_case->weight : 100;
    uint32_t runs = (uint32_t)((uint64_t)budget * percent / 100);
    return runs ? runs : 1;
}

/* Takes over how a batch ended. True when it was not green. */
bool technique_take(struct worker *worker, struct case_result *result)
{
    const struct channel *channel = worker->channel;
    tally_add(&result->tally, &channel->tally);
    result->observed = channel->observed;
    if (channel->outcome.verdict == VERDICT_UNSUPPORTED) {
        result->verdict = VERDICT_UNSUPPORTED;
        snprintf(result->message, sizeof result->message, "%s", channel->outcome.message);
    }
    if (verdict_is_failure(channel->outcome.verdict))
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
    if (technique_take(worker, result) && verdict_is_failure(result->verdict))
        result->verdict = technique_found(worker, result, case_index, channel->number + 1, findings)
                              ->outcome.verdict;
}

/* Every sequence of choices of these kinds up to a weight, as far as `count` goes. */
static void run_sequences(struct worker *worker, uint32_t case_index, uint32_t kinds,
                          uint32_t weight_max, uint64_t count, struct case_result *result,
                          struct findings *findings)
{
    struct channel *channel = worker->channel;
    channel->kinds = kinds;
    channel->weight_max = weight_max;
    channel->weight = 0;
    channel->all = false;
    run_batch(worker, REQUEST_EXHAUSTIVE, case_index, 0, count, result, findings);
    result->weight = channel->weight;
    result->all = channel->all;
}

/* A first run tells which factors there are. */
static void run_exhaustive(struct worker *worker, uint32_t case_index,
                           const struct settings *settings, struct case_result *result,
                           struct findings *findings)
{
    struct channel *channel = worker->channel;
    uint32_t factors = 0;
    (void)settings;
    worker_request(worker, REQUEST_COUNT, case_index);
    for (uint32_t i = 0; i < channel->drawn.count && factors <= FACTORS_MAX; i++)
        if (channel->drawn.at[i].kind == CHOICE_FACTOR)
            channel->input.at[factors++].value = channel->drawn.at[i].hi + 1;
    if (factors == 0) {
        run_sequences(worker, case_index, 1u << CHOICE_CASE | 1u << CHOICE_LENGTH, UINT32_MAX,
                      share(worker->options.cases[case_index], SEQUENCES_MAX), result, findings);
        return;
    }
    channel->input.count = factors;
    channel->weight = 0;
    channel->all = false;
    run_batch(worker, REQUEST_ROWS, case_index, 0, 0, result, findings);
    result->rows = channel->weight;
    result->all = result->rows > 0;
    if (result->rows == 0 && result->verdict == VERDICT_PASS) {
        result->verdict = VERDICT_VACUOUS;
        snprintf(result->message, sizeof result->message,
                 "its factors have no covering array within the limits");
    }
}

static void run_schedules(struct worker *worker, uint32_t case_index,
                          const struct settings *settings, struct case_result *result,
                          struct findings *findings)
{
    (void)settings;
    run_sequences(worker, case_index, 1u << CHOICE_PREEMPT | 1u << CHOICE_NEXT, PREEMPTIONS_MAX,
                  share(worker->options.cases[case_index], SEQUENCES_MAX), result, findings);
    if (result->verdict == VERDICT_PASS && result->tally.runs < 2) {
        say_out_of_sight(result);
    }
}

/* The finding of this case and technique that failed in the same way, or null. */
struct finding *technique_known(struct finding *first, const struct outcome *outcome)
{
    for (; first; first = first->next)
        if (same_failure(&first->outcome, outcome))
            return first;
    return NULL;
}

static void run_vectors(struct worker *worker, uint32_t case_index, const struct settings *settings,
                        struct case_result *result, struct findings *findings)
{
    (void)settings;
    run_batch(worker, REQUEST_ORIGIN, case_index, 0,
              share(worker->options.cases[case_index], VECTOR_SEEDS), result, findings);
}

static void run_property(struct worker *worker, uint32_t case_index,
                         const struct settings *settings, struct case_result *result,
                         struct findings *findings)
{
    run_batch(worker, REQUEST_RANDOM, case_index, settings->seed,
              share(worker->options.cases[case_index], settings->runs), result, findings);
}

/* Whether the token says nothing about the reference either. */
static bool is_stale(const struct regression *line, const struct settings *settings)
{
    struct replay *replay = malloc(sizeof *replay);
    bool stale = true;
    if (replay) {
        replay_token(line->token, "reference", settings->hang_seconds, replay);
        stale = replay->exit_code > EXIT_FINDING || replay->outcome.verdict == VERDICT_REJECTED;
    }
    free(replay);
    return stale;
}

/* One token. False: it says nothing about this target. */
static bool run_regression(struct worker *worker, uint32_t case_index,
                           const struct settings *settings, const struct regression *line,
                           const struct token *token, struct case_result *result,
                           struct findings *findings)
{
    const struct channel *channel = worker->channel;
    char why[TOKEN_WHY_BYTES];
    bool fits = token_run(worker, case_index, token, why);
    enum verdict verdict = channel->outcome.verdict;
    if (fits && verdict != VERDICT_REJECTED && verdict != VERDICT_UNSUPPORTED) {
        tally_add(&result->tally, &channel->tally);
        if (verdict_is_failure(verdict))
            result->verdict =
                technique_found(worker, result, case_index, 1, findings)->outcome.verdict;
        return true;
    }
    if (verdict == VERDICT_UNSUPPORTED || !is_stale(line, settings))
        return false;
    if (result->verdict == VERDICT_PASS)
        result->verdict = VERDICT_VACUOUS;
    snprintf(result->message, sizeof result->message, "%s is stale: %s", line->place,
             fits ? "its draws are rejected" : why);
    return true;
}

static void run_regressions(struct worker *worker, uint32_t case_index,
                            const struct settings *settings, struct case_result *result,
                            struct findings *findings)
{
    const struct regressions *regressions = settings->regressions;
    struct token *token = malloc(sizeof *token);
    uint32_t count = 0;
    for (uint32_t i = 0; token && i < regressions->count; i++) {
        const struct regression *line = &regressions->lines[i];
        if (line->test_case != result->test_case || token_read(line->token, token))
            continue;
        count += run_regression(worker, case_index, settings, line, token, result, findings);
        if ((settings->first || settings->brief) && verdict_is_failure(result->verdict))
            break;
    }
    free(token);
    if (count == 0) {
        result->verdict = VERDICT_UNSUPPORTED;
        snprintf(result->message, sizeof result->message,
                 "this target draws otherwise than the kept tokens");
    }
}

void technique_run(struct worker *worker, enum technique technique, uint32_t case_index,
                   const struct settings *settings, struct case_result *ret,
                   struct findings *findings)
{
    static void (*const drive[TECHNIQUES])(struct worker *, uint32_t case_index,
                                           const struct settings *, struct case_result *,
                                           struct findings *) = {
        [TECHNIQUE_REGRESSIONS] = run_regressions, [TECHNIQUE_VECTORS] = run_vectors,
        [TECHNIQUE_EXHAUSTIVE] = run_exhaustive,   [TECHNIQUE_FAULT] = faulting_run,
        [TECHNIQUE_POWERCUT] = powercut_run,       [TECHNIQUE_SCHEDULE] = run_schedules,
        [TECHNIQUE_PROPERTY] = run_property,
    };
    *ret = (struct case_result){.technique = technique,
                                .test_case = worker->options.cases[case_index],
                                .brief = settings->brief,
                                .verdict = VERDICT_PASS};
    worker->channel->orders = settings->orders;
    memset(&worker->channel->cost, 0, sizeof worker->channel->cost);
    drive[technique](worker, case_index, settings, ret, findings);
    if (settings->orders.measured)
        ret->cost = worker->channel->cost;
    judge_health(ret);
}
