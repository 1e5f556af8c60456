/* SPDX-License-Identifier: Apache-2.0
 *
 * The baseline of mutants, as the work of a crew: all cells of a check with no mutant switched on.
 * They must be green. Each tells which mutants it reaches, by which run first, where among its
 * fault sites, how many turns its loops make, and what it costs.
 *
 * What the cells came to is the corpus, put in an order that depends on work alone, not on who was
 * ready first: cells cheapest first; of each mutant the runs that reach it, cheapest first.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/run/mutating.h"

static void *grown(void *memory, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return memory;
    *room = *room ? 2 * *room : 1024;
    return mutating_need(realloc(memory, *room * size));
}

static json_t *sites_of(const struct mutant_table *table, uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++)
        if (table->site_at[i] < SITES_MAX)
            json_array_append_new(
                array, json_pack("[I, I]", (json_int_t)i, (json_int_t)table->site_at[i]));
    return array;
}

static void send_kept(struct bench *bench, uint32_t number)
{
    const struct mutant_table *table = bench->worker.options.mutants;
    struct kept_run kept;
    for (uint32_t at = 0; kept_next(table, &at, &kept);) {
        json_t *mutants = json_array();
        for (uint32_t i = 0; i < kept.count; i++)
            json_array_append_new(mutants, json_integer(kept_mutant(&kept, i)));
        bench_send(bench, "reach",
                   json_pack("{s:I, s:I, s:s, s:o}", "cell", (json_int_t)number, "work",
                             (json_int_t)kept.work, "token", kept.token, "mutants", mutants));
    }
}

/* One cell with no mutant switched on. */
static void run_baseline(void *context, struct bench *bench, uint32_t number)
{
    const struct mutating *mutating = context;
    const struct corpus_cell *cell = &mutating->corpus->cells[number];
    struct mutant_table *table = bench->worker.options.mutants;
    struct case_result *result = mutating_need(malloc(sizeof *result));
    struct findings findings;
    findings_init(&findings);
    table->count = mutating->mutation->count;
    table->active = 0;
    table->fuel = 0;
    table->recording = true;
    mutant_table_empty(table);
    technique_run(&bench->worker, cell->technique, cell->case_index, &mutating->settings, result,
                  &findings);
    table->recording = false;
    send_kept(bench, number);
    bool is_fault = cell->technique == TECHNIQUE_FAULT;
    bench_send(
        bench, "baseline",
        json_pack("{s:I, s:s, s:o, s:I, s:I, s:I, s:I, s:b, s:o}", "cell", (json_int_t)number,
                  "verdict", verdict_name(result->verdict), "message",
                  json_of_text(findings.first ? findings.first->outcome.message : result->message),
                  "runs", (json_int_t)result->tally.runs, "work", (json_int_t)table->work, "turns",
                  (json_int_t)table->turns_max, "failing", (json_int_t)result->sites, "whole",
                  (int)table->kept_all, "sites",
                  is_fault ? sites_of(table, mutating->mutation->count) : json_null()));
    findings_done(&findings);
    free(result);
}

/* A member that is a number in [0, max]. */
static bool take_number(const json_t *object, const char *name, uint64_t max, uint64_t *ret)
{
    const json_t *member = json_object_get(object, name);
    *ret = (uint64_t)json_integer_value(member);
    return json_is_integer(member) && json_integer_value(member) >= 0 && *ret <= max;
}

static bool take_reach(struct mutating *mutating, const json_t *record)
{
    struct corpus *corpus = mutating->corpus;
    const char *token = json_string_value(json_object_get(record, "token"));
    const json_t *mutants = json_object_get(record, "mutants"), *mutant;
    uint64_t cell, work;
    size_t i;
    if (!token || !json_is_array(mutants) || corpus->cell_count == 0 ||
        !take_number(record, "cell", corpus->cell_count - 1, &cell) ||
        !take_number(record, "work", INT64_MAX, &work))
        return false;
    corpus->runs =
        grown(corpus->runs, corpus->run_count, &mutating->run_room, sizeof *corpus->runs);
    corpus->runs[corpus->run_count] =
        (struct corpus_run){(uint32_t)cell, work, mutating_need(strdup(token))};
    json_array_foreach(mutants, i, mutant)
    {
        json_int_t index = json_integer_value(mutant);
        if (!json_is_integer(mutant) || index < 0 || index >= mutating->mutation->count)
            return false;
        corpus->reaches = grown(corpus->reaches, corpus->reach_count, &mutating->reach_room,
                                sizeof *corpus->reaches);
        corpus->reaches[corpus->reach_count++] =
            (struct corpus_reach){(uint32_t)index, corpus->run_count};
    }
    corpus->run_count++;
    return true;
}

static bool take_sites(const json_t *sites, uint32_t count, struct corpus_cell *cell)
{
    const json_t *pair;
    size_t i;
    if (json_is_null(sites))
        return true;
    cell->site_at = mutating_need(calloc(count, sizeof *cell->site_at));
    for (uint32_t mutant = 0; mutant < count; mutant++)
        cell->site_at[mutant] = SITE_NONE;
    json_array_foreach(sites, i, pair)
    {
        json_int_t mutant = json_integer_value(json_array_get(pair, 0));
        json_int_t site = json_integer_value(json_array_get(pair, 1));
        if (mutant < 0 || mutant >= count || site < 0 || site >= SITES_MAX)
            return false;
        cell->site_at[mutant] = (uint32_t)site;
    }
    return json_is_array(sites);
}

static bool take_baseline(struct mutating *mutating, struct crew *crew, const json_t *record)
{
    struct corpus *corpus = mutating->corpus;
    const char *verdict = json_string_value(json_object_get(record, "verdict"));
    const char *message = json_string_value(json_object_get(record, "message"));
    uint64_t number, work, turns, runs, sites;
    if (!verdict || !message || corpus->cell_count == 0 ||
        !take_number(record, "cell", corpus->cell_count - 1, &number) ||
        !take_number(record, "work", INT64_MAX, &work) ||
        !take_number(record, "turns", INT64_MAX, &turns) ||
        !take_number(record, "runs", INT64_MAX, &runs) ||
        !take_number(record, "failing", SITES_MAX, &sites))
        return false;
    struct corpus_cell *cell = &corpus->cells[number];
    const char *name = all_cases[cell->case_index]->name;
    if (strcmp(verdict, verdict_name(VERDICT_PASS)) != 0 &&
        strcmp(verdict, verdict_name(VERDICT_UNSUPPORTED)) != 0)
        return crew_fail(crew, EXIT_UNJUDGED,
                         "the baseline is not green, so nothing can be said of mutants: %s by %s: "
                         "%s, %.200s",
                         name, technique_name(cell->technique), verdict, message);
    if (!json_is_true(json_object_get(record, "whole")))
        return crew_fail(crew, EXIT_INTERNAL, "%s by %s reaches mutants by more runs than are kept",
                         name, technique_name(cell->technique));
    cell->work = work;
    cell->turns_max = turns;
    cell->runs = runs;
    cell->sites = (uint32_t)sites;
    mutating->finished[number] = true;
    mutating->done++;
    return take_sites(json_object_get(record, "sites"), mutating->mutation->count, cell);
}

static bool take_from_baseline(void *context, struct crew *crew, uint32_t hand, const char *line,
                               size_t size)
{
    struct mutating *mutating = context;
    json_t *record = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    const char *event = json_string_value(json_object_get(record, "event"));
    (void)hand;
    bool taken = event && (strcmp(event, "loaded") == 0     ? true
                           : strcmp(event, "reach") == 0    ? take_reach(mutating, record)
                           : strcmp(event, "baseline") == 0 ? take_baseline(mutating, crew, record)
                           : strcmp(event, "unjudged") == 0 ? mutating_unjudged(crew, record)
                                                            : false);
    json_decref(record);
    return taken;
}

static bool cell_is_finished(const void *context, uint32_t number)
{
    const struct mutating *mutating = context;
    return mutating->finished[number];
}

static bool baseline_is_over(const void *context)
{
    const struct mutating *mutating = context;
    return mutating->done == mutating->corpus->cell_count;
}

static void baseline_progress(const void *context, char *ret, size_t size)
{
    const struct mutating *mutating = context;
    snprintf(ret, size, "%u of %u cells of the baseline have been run", mutating->done,
             mutating->corpus->cell_count);
}

static void name_cell(const void *context, uint32_t number, char *ret, size_t size)
{
    const struct mutating *mutating = context;
    const struct corpus_cell *cell = &mutating->corpus->cells[number];
    snprintf(ret, size, "%s by %s", all_cases[cell->case_index]->name,
             technique_name(cell->technique));
}

/* The cells that a check would have. */
static bool plan_cells(struct mutating *mutating)
{
    struct corpus *corpus = mutating->corpus;
    struct check check;
    struct settings whole = mutating->settings;
    whole.shard = whole.shards = 0;
    check_plan(&whole, &check);
    corpus->cells = mutating_need(calloc(check.cell_count + 1, sizeof *corpus->cells));
    mutating->finished = mutating_need(calloc(check.cell_count + 1, sizeof *mutating->finished));
    for (uint32_t i = 0; i < check.cell_count; i++)
        corpus->cells[corpus->cell_count++] = (struct corpus_cell){
            .technique = check.cells[i].technique, .case_index = check.cells[i].case_index};
    check_done(&check);
    if (corpus->cell_count > 0)
        return true;
    mutating->mutation->exit_code = EXIT_USAGE;
    snprintf(mutating->mutation->message, sizeof mutating->mutation->message,
             "no case matches: `assay list cases` shows them with their techniques");
    return false;
}

/* --- The corpus is put in order */

static const struct corpus *ordered; /* by the functions that qsort() calls */

static int by_work(const void *a, const void *b)
{
    const uint32_t *first = a, *second = b;
    const struct corpus_cell *one = &ordered->cells[*first], *other = &ordered->cells[*second];
    return one->work != other->work ? (one->work < other->work ? -1 : 1)
                                    : (*first < *second ? -1 : *first > *second);
}

/* Cheapest first. */
static void order_cells(struct corpus *corpus)
{
    uint32_t *order = mutating_need(calloc(corpus->cell_count, sizeof *order));
    uint32_t *place = mutating_need(calloc(corpus->cell_count, sizeof *place));
    struct corpus_cell *cells = mutating_need(calloc(corpus->cell_count + 1, sizeof *cells));
    for (uint32_t i = 0; i < corpus->cell_count; i++)
        order[i] = i;
    ordered = corpus;
    qsort(order, corpus->cell_count, sizeof *order, by_work);
    for (uint32_t i = 0; i < corpus->cell_count; i++) {
        cells[i] = corpus->cells[order[i]];
        place[order[i]] = i;
    }
    for (uint32_t i = 0; i < corpus->run_count; i++)
        corpus->runs[i].cell = place[corpus->runs[i].cell];
    free(corpus->cells);
    corpus->cells = cells;
    free(order);
    free(place);
}

static int by_mutant(const void *a, const void *b)
{
    const struct corpus_reach *first = a, *second = b;
    const struct corpus_run *one = &ordered->runs[first->run], *other = &ordered->runs[second->run];
    if (first->mutant != second->mutant)
        return first->mutant < second->mutant ? -1 : 1;
    if (one->work != other->work)
        return one->work < other->work ? -1 : 1;
    return one->cell < other->cell ? -1 : one->cell > other->cell;
}

/* By mutant, cheapest run first. The order in which hands have sent them does not matter: of one
 * cell, one run is the first to reach a mutant. */
static void order_reaches(struct corpus *corpus)
{
    ordered = corpus;
    qsort(corpus->reaches, corpus->reach_count, sizeof *corpus->reaches, by_mutant);
}

bool baseline_run(const char *module, struct mutating *mutating)
{
    if (!plan_cells(mutating))
        return false;
    const struct crew_work work = {.target = module,
                                   .settings = &mutating->settings,
                                   .count = mutating->corpus->cell_count,
                                   .extent = mutating->corpus->cell_count,
                                   .context = mutating,
                                   .is_finished = cell_is_finished,
                                   .outfit = mutating_outfit,
                                   .run = run_baseline,
                                   .take = take_from_baseline,
                                   .is_over = baseline_is_over,
                                   .progress = baseline_progress,
                                   .name = name_cell,
                                   .exit_code = &mutating->mutation->exit_code,
                                   .message = mutating->mutation->message};
    if (!crew_work(&work))
        return false;
    order_cells(mutating->corpus);
    order_reaches(mutating->corpus);
    return true;
}
