/* SPDX-License-Identifier: Apache-2.0
 *
 * One mutant on trial, in the worker of a hand that tries one after the other.
 *
 * The baseline has told which cells reach it, and by which run first. From what is likely and cheap
 * to what is thorough and dear, until something kills it or its budget is used up:
 *
 *   runs     the first run of each cell that reaches it, as its token says
 *   nearby   in the cells of the fault technique: faults at the sites around the place where it is
 *            reached, since a mutant of the handling of an error is seen only when that very call
 *            fails
 *   cells    whole cells that reach it, to their first finding
 *
 * First all runs, cheapest first, then all of the other two, cheapest first.
 *
 * The budget is one of work as the baseline counted it (mutated.c), never of time, so that the same
 * mutants are killed by the same runs wherever they are judged.
 *
 * A kill is believed only after the same choices were green without the mutant in the same process:
 * an earlier mutant may have left something behind. If they are not, or if the process has died,
 * both are repeated in a fresh one. What never kills: VACUOUS, a fault that no longer finds its
 * site, a mutant at which the module cannot be loaded (they are switched on after that).
 *
 * Not modelled: mutants that need a run no cell makes, and two at once. A process that looks
 * healthy may still be one in which an earlier mutant hides this one; hence it is begun anew every
 * MUTANTS_OF_PROCESS.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/run/mutants.h"
#include "harness/run/technique.h"

#define SITES_BEFORE 2u  /* the place where the mutant is reached, */
#define SITES_BEHIND 10u /* and behind it, at which faults are tried */
#define FUEL_FACTOR  50u /* times the turns of the baseline, */
#define FUEL_LEAST   10000u

struct hearing {
    struct trial *trial;
    const struct corpus *corpus;
    uint32_t index; /* of the mutant */
    struct judged_mutant *mutant;
    const struct corpus_reach *first, *end; /* of those that reach it */
    uint64_t budget;                        /* of work that is left */
    bool unsteady;                          /* a run without it was red in a fresh process */
};

static struct mutant_table *table_of(const struct hearing *hearing)
{
    return hearing->trial->worker->options.mutants;
}

static void switch_on(struct hearing *hearing, const struct corpus_cell *cell)
{
    struct mutant_table *table = table_of(hearing);
    table->active = hearing->index + 1;
    table->fuel = FUEL_FACTOR * cell->turns_max + FUEL_LEAST;
    table->endless = false;
}

static void switch_off(struct hearing *hearing)
{
    struct mutant_table *table = table_of(hearing);
    table->active = 0;
    table->fuel = 0;
    table->endless = false;
}

/* One run with these choices. True when it fails. */
static bool fails(struct hearing *hearing, const struct corpus_cell *cell)
{
    struct worker *worker = hearing->trial->worker;
    struct channel *channel = worker->channel;
    const struct choices *choices = hearing->trial->choices;
    memcpy(channel->input.at, choices->at, choices->count * sizeof *choices->at);
    channel->input.count = choices->count;
    channel->relative = false;
    worker_request(worker, REQUEST_RUN, cell->case_index);
    return verdict_is_failure(channel->outcome.verdict);
}

static bool fails_without(struct hearing *hearing, const struct corpus_cell *cell)
{
    switch_off(hearing);
    return fails(hearing, cell);
}

/* In a fresh process, which is left to nobody else: green without the mutant, and the same failure
 * with it. What is left at the end is measured against a run without faults, which must come first.
 */
static bool fails_afresh(struct hearing *hearing, const struct corpus_cell *cell,
                         const struct outcome *failure)
{
    struct worker *worker = hearing->trial->worker;
    worker_restart(worker);
    hearing->unsteady = fails_without(hearing, cell);
    if (hearing->unsteady)
        return false;
    switch_on(hearing, cell);
    worker_request(worker, REQUEST_COUNT, cell->case_index);
    bool same = same_failure(failure, &worker->channel->outcome);
    if (!same) {
        switch_on(hearing, cell);
        same = fails(hearing, cell) && same_failure(failure, &worker->channel->outcome);
    }
    worker_restart(worker);
    return same;
}

static void take_kill(struct hearing *hearing, const struct corpus_cell *cell,
                      const struct outcome *failure, bool endless)
{
    struct judged_mutant *mutant = hearing->mutant;
    struct worker_options *options = &hearing->trial->worker->options;
    char target[2 * NAME_BYTES_MAX];
    options->mutant = mutant->what.key;
    token_target(options, target);
    options->mutant = 0;
    mutant->state = MUTANT_KILLED;
    mutant->technique = cell->technique;
    mutant->test_case = all_cases[cell->case_index];
    mutant->verdict = failure->verdict;
    mutant->endless = endless;
    mutant->token = token_write(target, mutant->test_case->name, hearing->trial->choices);
    snprintf(mutant->why, sizeof mutant->why, "%s", failure->message);
}

/* The last run has failed. True when that is the mutant's doing. */
static bool convict(struct hearing *hearing, const struct corpus_cell *cell)
{
    struct worker *worker = hearing->trial->worker;
    struct channel *channel = worker->channel;
    struct outcome *failure = malloc(sizeof *failure);
    bool endless = table_of(hearing)->endless, alive = channel->outcome.verdict == VERDICT_FAIL;
    if (!failure) {
        fprintf(stderr, "assay: no memory for a trial\n");
        exit(EXIT_INTERNAL);
    }
    *failure = channel->outcome;
    choices_settle(&channel->drawn);
    choices_copy(hearing->trial->choices, &channel->drawn);
    bool guilty = (alive && !fails_without(hearing, cell)) || fails_afresh(hearing, cell, failure);
    if (guilty)
        take_kill(hearing, cell, failure, endless);
    free(failure);
    return guilty;
}

/* Takes that much work out of the budget. False: it is not there. */
static bool afford(struct hearing *hearing, uint64_t work)
{
    if (work > hearing->budget)
        return false;
    hearing->budget -= work;
    return true;
}

/* Something to be tried with the mutant. */
struct probe {
    const struct corpus_cell *cell;
    uint64_t work;
    /* True when it fails; counts its runs. */
    bool (*fails)(struct hearing *, const struct probe *);
};

/* True when it kills the mutant. A failure that was not the mutant's doing was that of the process:
 * then it is tried again in a fresh one. */
static bool try_probe(struct hearing *hearing, const struct probe *probe)
{
    uint64_t runs = hearing->mutant->runs;
    for (int process = 0; process < 2 && !hearing->unsteady; process++) {
        hearing->mutant->runs = runs;
        if (!probe->fails(hearing, probe))
            return false;
        if (convict(hearing, probe->cell))
            return true;
    }
    return false;
}

/* The run by which its cell reached the mutant. */
static bool run_fails(struct hearing *hearing, const struct probe *probe)
{
    struct worker *worker = hearing->trial->worker;
    struct channel *channel = worker->channel;
    const struct token *token = hearing->trial->token;
    memcpy(channel->input.at, token->values, token->count * sizeof *token->values);
    channel->input.count = token->count;
    channel->relative = true;
    switch_on(hearing, probe->cell);
    worker_request(worker, REQUEST_RUN, probe->cell->case_index);
    hearing->mutant->runs++;
    return verdict_is_failure(channel->outcome.verdict);
}

static bool try_run(struct hearing *hearing, const struct corpus_run *run)
{
    const struct probe probe = {&hearing->corpus->cells[run->cell], run->work, run_fails};
    return *run->token && afford(hearing, run->work) &&
           !token_read(run->token, hearing->trial->token) && try_probe(hearing, &probe);
}

/* The plans for the sites around the place where the cell reaches the mutant: their numbers are
 * [*ret_first, *ret_first + count). The sites are those that the channel holds. */
static uint64_t plans_nearby(const struct hearing *hearing, const struct corpus_cell *cell,
                             uint64_t *ret_first)
{
    const struct site_list *sites = &hearing->trial->worker->channel->sites;
    uint32_t at = cell->site_at[hearing->index];
    uint32_t first = at < SITES_BEFORE ? 0 : at - SITES_BEFORE, end = at + SITES_BEHIND;
    uint64_t behind_first = FAULT_DURATIONS * continuations(sites, first);
    uint64_t behind_end = FAULT_DURATIONS * continuations(sites, end);
    *ret_first = plans_in_all(sites) - behind_first;
    return behind_first - behind_end;
}

/* The sites that the case passes without any mutant. */
static void count_sites(struct hearing *hearing, const struct corpus_cell *cell)
{
    struct channel *channel = hearing->trial->worker->channel;
    switch_off(hearing);
    channel->seed = 0;
    channel->kinds = UINT64_MAX;
    worker_request(hearing->trial->worker, REQUEST_COUNT, cell->case_index);
}

static bool nearby_fails(struct hearing *hearing, const struct probe *probe)
{
    struct worker *worker = hearing->trial->worker;
    struct channel *channel = worker->channel;
    count_sites(hearing, probe->cell);
    memset(&channel->faults, 0, sizeof channel->faults);
    channel->count = plans_nearby(hearing, probe->cell, &channel->first);
    switch_on(hearing, probe->cell);
    worker_request(worker, REQUEST_FAULTS, probe->cell->case_index);
    hearing->mutant->runs += channel->tally.runs;
    return verdict_is_failure(channel->outcome.verdict);
}

static bool cell_fails(struct hearing *hearing, const struct probe *probe)
{
    struct settings settings = *hearing->trial->settings;
    struct case_result *result = malloc(sizeof *result);
    struct findings findings;
    if (!result) {
        fprintf(stderr, "assay: no memory for a trial\n");
        exit(EXIT_INTERNAL);
    }
    settings.first = true;
    settings.full = false;
    findings_init(&findings);
    switch_on(hearing, probe->cell);
    technique_run(hearing->trial->worker, probe->cell->technique, probe->cell->case_index,
                  &settings, result, &findings);
    hearing->mutant->runs += result->tally.runs;
    bool failed = findings.count > 0;
    findings_done(&findings);
    free(result);
    return failed;
}

/* The cells that reach the mutant, in the order of the corpus. */
static bool reaches(const struct hearing *hearing, uint32_t cell)
{
    for (const struct corpus_reach *reach = hearing->first; reach < hearing->end; reach++)
        if (hearing->corpus->runs[reach->run].cell == cell)
            return true;
    return false;
}

static int by_work(const void *a, const void *b)
{
    const struct probe *first = a, *second = b;
    if (first->work != second->work)
        return first->work < second->work ? -1 : 1;
    return first->cell < second->cell ? -1 : first->cell > second->cell;
}

/* All probes of the cells that reach the mutant, cheapest first; `ret` has room for two a cell. */
static uint32_t list_probes(const struct hearing *hearing, struct probe *ret)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < hearing->corpus->cell_count; i++) {
        const struct corpus_cell *cell = &hearing->corpus->cells[i];
        if (!reaches(hearing, i))
            continue;
        ret[count++] = (struct probe){cell, cell->work, cell_fails};
        if (cell->site_at && cell->site_at[hearing->index] != SITE_NONE &&
            cell->sites > SITES_BEFORE + SITES_BEHIND)
            ret[count++] = (struct probe){
                cell, cell->work * (SITES_BEFORE + SITES_BEHIND) / cell->sites, nearby_fails};
    }
    qsort(ret, count, sizeof *ret, by_work);
    return count;
}

static bool try_cells(struct hearing *hearing)
{
    struct probe *probes = calloc(2 * (size_t)hearing->corpus->cell_count, sizeof *probes);
    uint32_t count = probes ? list_probes(hearing, probes) : 0;
    bool killed = false;
    for (uint32_t i = 0; i < count && !killed && !hearing->unsteady; i++) {
        bool affordable = afford(hearing, probes[i].work);
        hearing->mutant->skipped += !affordable && probes[i].fails == cell_fails;
        killed = affordable && try_probe(hearing, &probes[i]);
    }
    free(probes);
    return killed;
}

static bool try_runs(struct hearing *hearing)
{
    for (const struct corpus_reach *reach = hearing->first;
         reach < hearing->end && !hearing->unsteady; reach++)
        if (try_run(hearing, &hearing->corpus->runs[reach->run]))
            return true;
    return false;
}

/* The first of the cases that reach it, and how many more. */
static void name_cases(struct hearing *hearing)
{
    struct judged_mutant *mutant = hearing->mutant;
    const struct test_case *last = NULL;
    size_t used = 0, size = sizeof mutant->reached_by;
    uint32_t named = 0;
    for (uint32_t i = 0; i < hearing->corpus->cell_count; i++) {
        const struct test_case *test_case = all_cases[hearing->corpus->cells[i].case_index];
        if (!reaches(hearing, i))
            continue;
        mutant->cells++;
        if (test_case == last || named == 3)
            continue;
        used += (size_t)snprintf(mutant->reached_by + used, size - used, "%s%s by %s",
                                 named ? ", " : "", test_case->name,
                                 technique_name(hearing->corpus->cells[i].technique));
        last = test_case;
        named++;
    }
    if (mutant->cells > named)
        snprintf(mutant->reached_by + used, size - used, " and %u more", mutant->cells - named);
}

/* The reaches of one mutant stand together. */
static void find_reaches(struct hearing *hearing)
{
    const struct corpus *corpus = hearing->corpus;
    uint32_t low = 0, high = corpus->reach_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (corpus->reaches[middle].mutant < hearing->index)
            low = middle + 1;
        else
            high = middle;
    }
    hearing->first = hearing->end = corpus->reaches + low;
    while (hearing->end < corpus->reaches + corpus->reach_count &&
           hearing->end->mutant == hearing->index)
        hearing->end++;
}

bool trial_run(struct trial *trial, uint32_t index, struct judged_mutant *ret)
{
    uint32_t budget_ms = trial->settings->budget_ms ? trial->settings->budget_ms : MUTANT_BUDGET_MS;
    struct hearing hearing = {.trial = trial,
                              .corpus = trial->corpus,
                              .index = index,
                              .mutant = ret,
                              .budget = 1000ull * budget_ms};
    find_reaches(&hearing);
    name_cases(&hearing);
    ret->judged = true;
    ret->state = MUTANT_NOT_REACHED;
    if (ret->cells == 0)
        return true;
    if (trial->tried++ % MUTANTS_OF_PROCESS == 0)
        worker_restart(trial->worker);
    ret->state = MUTANT_SURVIVED;
    (void)(try_runs(&hearing) || try_cells(&hearing));
    if (hearing.unsteady)
        snprintf(ret->why, sizeof ret->why, "%.300s", trial->worker->channel->outcome.message);
    return !hearing.unsteady;
}
