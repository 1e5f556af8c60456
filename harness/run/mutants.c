/* SPDX-License-Identifier: Apache-2.0
 *
 * How much of what could be wrong is noticed: each mutant of a module is judged by all cases.
 *
 *   list      a worker loads the module and tells which mutants there are; the settings select some
 *             of them: on lines changed since a revision, a sample by content, a shard
 *   baseline  all cells of a check with no mutant switched on: they must be green, and they tell
 *             which mutants they reach, by which run first, and at what cost (baseline.c)
 *   trials    each selected mutant by the hands of a crew (trial.c)
 *   score     those that a finding of an oracle killed, of those that are not suppressed. A mutant
 *             that no run reaches counts as one that survives.
 *
 * The first and the second answer again when a run is gone on with: they are cheap, and the same
 * each time. Tokens that were kept from defects are left out: they find those and prove nothing.
 *
 * A sample is the mutants whose keys come first in an order that is mixed from the keys alone: a
 * change of the sources moves few in and out of it, and a moved line none.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "harness/run/changes.h"
#include "harness/run/mutating.h"
#include "harness/run/suppressions.h"

const char *mutant_state_name(enum mutant_state state)
{
    static const char *const names[MUTANT_STATES] = {[MUTANT_LEFT_OUT] = "left out",
                                                     [MUTANT_NOT_REACHED] = "not reached",
                                                     [MUTANT_SURVIVED] = "survived",
                                                     [MUTANT_KILLED] = "killed"};
    return names[state];
}

struct judged_mutant *mutant_find(const struct mutation *mutation, uint64_t key)
{
    for (uint32_t i = 0; i < mutation->count; i++)
        if (mutation->mutants[i].what.key == key)
            return &mutation->mutants[i];
    return NULL;
}

/* Always false. */
static bool refuse(struct mutation *mutation, enum exit_code exit_code, const char *what,
                   const char *which)
{
    if (mutation->exit_code == EXIT_GREEN) {
        mutation->exit_code = exit_code;
        snprintf(mutation->message, sizeof mutation->message, "%s%.300s", what, which);
    }
    return false;
}

void *mutating_need(void *memory)
{
    if (!memory) {
        fprintf(stderr, "assay: no memory for mutants\n");
        exit(EXIT_INTERNAL);
    }
    return memory;
}

/* --- Which mutants there are, and which of them are selected */

static int by_key(const void *a, const void *b)
{
    const uint64_t *first = a, *second = b;
    return *first < *second ? -1 : *first > *second;
}

/* Two with one key could not be told apart, by a suppression or on the command line. */
static bool keys_differ(const struct mutation *mutation)
{
    uint64_t *keys = mutating_need(calloc(mutation->count + 1, sizeof *keys));
    bool differ = true;
    for (uint32_t i = 0; i < mutation->count; i++)
        keys[i] = mutation->mutants[i].what.key;
    qsort(keys, mutation->count, sizeof *keys, by_key);
    for (uint32_t i = 1; i < mutation->count; i++)
        differ &= keys[i] != keys[i - 1];
    free(keys);
    return differ;
}

static void take_rows(const struct mutant_table *table, struct mutation *ret)
{
    ret->count = table->count < MUTANTS_MAX ? table->count : MUTANTS_MAX;
    ret->mutants = mutating_need(calloc(ret->count + 1, sizeof *ret->mutants));
    for (uint32_t i = 0; i < ret->count; i++) {
        struct mutant_row *what = &ret->mutants[i].what;
        *what = table->rows[i];
        what->operator_name[sizeof what->operator_name - 1] = what->file[sizeof what->file - 1] = 0;
        what->function[sizeof what->function - 1] = what->original[sizeof what->original - 1] = 0;
        what->replacement[sizeof what->replacement - 1] = 0;
        ret->mutants[i].state = MUTANT_LEFT_OUT;
    }
}

static bool load_rows(const char *module, const struct settings *settings, struct mutation *ret)
{
    struct mutant_table *table = mutating_need(mutant_table_new());
    const struct worker_options options = {.target = module,
                                           .hang_seconds = settings->hang_seconds,
                                           .cases = all_cases,
                                           .mutants = table};
    struct worker worker;
    table->wanted = true;
    bool judged = worker_open(&worker, &options);
    if (judged)
        take_rows(table, ret);
    else
        refuse(ret, EXIT_UNJUDGED, "", worker.channel->load_message);
    worker_close(&worker);
    mutant_table_free(table);
    if (judged && ret->count == 0)
        return refuse(ret, EXIT_UNJUDGED, "there are no mutants in ", module);
    if (judged && !keys_differ(ret))
        return refuse(ret, EXIT_UNJUDGED, "two mutants have the same key in ", module);
    return judged;
}

/* The order of samples. */
static uint64_t mixed(uint64_t key)
{
    uint64_t state = key;
    return random_next(&state);
}

static void select_changed(const struct changed_lines *changes, struct mutation *mutation)
{
    for (uint32_t i = 0; i < mutation->count; i++) {
        struct judged_mutant *mutant = &mutation->mutants[i];
        mutant->selected = changes_have(changes, mutant->what.file, mutant->what.line);
    }
}

static void select_sample(uint32_t size, struct mutation *mutation)
{
    uint64_t *order = mutating_need(calloc(mutation->count + 1, sizeof *order));
    uint32_t count = 0;
    for (uint32_t i = 0; i < mutation->count; i++)
        if (mutation->mutants[i].selected)
            order[count++] = mixed(mutation->mutants[i].what.key);
    qsort(order, count, sizeof *order, by_key);
    for (uint32_t i = 0; i < mutation->count && size < count; i++)
        mutation->mutants[i].selected &= mixed(mutation->mutants[i].what.key) < order[size];
    free(order);
}

static void select_shard(uint32_t shard, uint32_t shards, struct mutation *mutation)
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < mutation->count; i++)
        if (mutation->mutants[i].selected)
            mutation->mutants[i].selected = number++ % shards == shard;
}

static bool select_mutants(const struct settings *settings, struct mutation *mutation)
{
    struct changed_lines changes;
    char message[MODULE_MESSAGE_BYTES] = "";
    for (uint32_t i = 0; i < mutation->count; i++)
        mutation->mutants[i].selected = true;
    if (settings->since && !changes_since(settings->since, &changes, message))
        return refuse(mutation, EXIT_USAGE, "", message);
    if (settings->since) {
        select_changed(&changes, mutation);
        changes_done(&changes);
    }
    if (settings->sample)
        select_sample(settings->sample, mutation);
    if (settings->shards > 1)
        select_shard(settings->shard, settings->shards, mutation);
    return true;
}

/* A line of a mutant that is no more, or a file that cannot be believed. */
static bool suppress(const struct settings *settings, struct mutation *mutation)
{
    struct suppressions *list = mutating_need(malloc(sizeof *list));
    char today[sizeof "2000-12-31"], key[32];
    time_t now = time(NULL);
    struct tm parts;
    bool sound = true;
    strftime(today, sizeof today, "%Y-%m-%d", gmtime_r(&now, &parts));
    suppressions_of(settings->suppressions, today, list);
    if (list->problem[0])
        sound = refuse(mutation, EXIT_WEAK, "", list->problem);
    for (uint32_t i = 0; i < list->count && sound; i++) {
        struct judged_mutant *mutant = mutant_find(mutation, list->at[i].key);
        snprintf(key, sizeof key, "%016llx", (unsigned long long)list->at[i].key);
        if (mutant)
            mutant->suppressed = true;
        else
            sound = refuse(mutation, EXIT_WEAK,
                           "suppressions.ini: there is no such mutant any more: ", key);
    }
    free(list);
    return sound;
}

bool mutation_open(const char *module, const struct settings *settings, struct mutation *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->corpus = mutating_need(calloc(1, sizeof *ret->corpus));
    return load_rows(module, settings, ret) && suppress(settings, ret) &&
           select_mutants(settings, ret);
}

/* --- What both works have in common */

void mutating_outfit(void *context, struct bench *bench, struct worker_options *ret)
{
    (void)context;
    (void)bench;
    ret->mutants = mutating_need(mutant_table_new());
    ret->as_found = true;
}

bool mutating_unjudged(struct crew *crew, const json_t *record)
{
    const char *message = json_string_value(json_object_get(record, "message"));
    return crew_fail(crew, EXIT_UNJUDGED, "%s", message ? message : "");
}

/* --- The trials */

static void run_trial(void *context, struct bench *bench, uint32_t number)
{
    struct mutating *mutating = context;
    uint32_t index = mutating->pieces[number];
    struct trial *trial = bench->own;
    if (bench->worker.options.hang_seconds > MUTANT_HANG_SECONDS)
        bench->worker.options.hang_seconds = MUTANT_HANG_SECONDS;
    if (!trial) {
        trial = bench->own = mutating_need(calloc(1, sizeof *trial));
        *trial = (struct trial){.worker = &bench->worker,
                                .settings = &mutating->settings,
                                .corpus = mutating->corpus,
                                .choices = mutating_need(malloc(sizeof *trial->choices)),
                                .token = mutating_need(malloc(sizeof *trial->token))};
    }
    struct judged_mutant *mutant = &mutating->mutation->mutants[index];
    if (trial_run(trial, index, mutant))
        bench_send(bench, "mutant", json_of_mutant(mutant));
    else
        bench_send(
            bench, "unjudged",
            json_pack("{s:o}", "message",
                      json_sprintf("without any mutant a run is not green: %.300s", mutant->why)));
    free(mutant->token);
    mutant->token = NULL;
}

static bool take_from_trial(void *context, struct crew *crew, uint32_t hand, const char *line,
                            size_t size)
{
    struct mutating *mutating = context;
    const struct mutants_listener *listener = mutating->listener;
    json_t *record = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    const char *event = json_string_value(json_object_get(record, "event"));
    struct judged_mutant *mutant = NULL;
    (void)hand;
    bool taken = event && strcmp(event, "loaded") == 0;
    if (event && strcmp(event, "unjudged") == 0)
        taken = mutating_unjudged(crew, record);
    if (event && strcmp(event, "mutant") == 0)
        mutant = mutant_of_json(record, mutating->mutation);
    json_decref(record);
    if (!mutant)
        return taken;
    mutating->done++;
    if (listener && listener->judged)
        listener->judged(listener->context, mutating->mutation, mutant);
    return true;
}

static bool mutant_is_finished(const void *context, uint32_t number)
{
    const struct mutating *mutating = context;
    return mutating->mutation->mutants[mutating->pieces[number]].judged;
}

static bool trials_are_over(const void *context)
{
    const struct mutating *mutating = context;
    return mutating->done == mutating->piece_count;
}

static void trial_progress(const void *context, char *ret, size_t size)
{
    const struct mutating *mutating = context;
    snprintf(ret, size, "%u of %u mutants have been judged", mutating->done, mutating->piece_count);
}

static void name_mutant(const void *context, uint32_t number, char *ret, size_t size)
{
    const struct mutating *mutating = context;
    const struct mutant_row *what = &mutating->mutation->mutants[mutating->pieces[number]].what;
    snprintf(ret, size, "mutant %016llx", (unsigned long long)what->key);
}

static bool run_all_trials(const char *module, struct mutating *mutating)
{
    const struct crew_work work = {.target = module,
                                   .settings = &mutating->settings,
                                   .count = mutating->piece_count,
                                   .extent = mutating->piece_count,
                                   .context = mutating,
                                   .is_finished = mutant_is_finished,
                                   .outfit = mutating_outfit,
                                   .run = run_trial,
                                   .take = take_from_trial,
                                   .is_over = trials_are_over,
                                   .progress = trial_progress,
                                   .name = name_mutant,
                                   .exit_code = &mutating->mutation->exit_code,
                                   .message = mutating->mutation->message};
    return crew_work(&work);
}

/* Those that are selected and not judged yet. */
static void plan_trials(struct mutating *mutating)
{
    const struct mutation *mutation = mutating->mutation;
    mutating->pieces = mutating_need(calloc(mutation->count + 1, sizeof *mutating->pieces));
    for (uint32_t i = 0; i < mutation->count; i++)
        if (mutation->mutants[i].selected && !mutation->mutants[i].judged)
            mutating->pieces[mutating->piece_count++] = i;
    mutating->done = 0;
}

/* --- The score */

static struct operator_score *score_of(struct mutation *mutation, const char *name)
{
    for (uint32_t i = 0; i < mutation->operator_count; i++)
        if (strcmp(mutation->by_operator[i].name, name) == 0)
            return &mutation->by_operator[i];
    if (mutation->operator_count == MUTANT_OPERATORS_MAX)
        return NULL;
    struct operator_score *row = &mutation->by_operator[mutation->operator_count++];
    snprintf(row->name, sizeof row->name, "%s", name);
    return row;
}

static double share(uint32_t killed, uint32_t total, uint32_t suppressed)
{
    return total > suppressed ? (double)killed / (total - suppressed) : 1;
}

static bool count_mutant(struct mutation *mutation, const struct judged_mutant *mutant)
{
    struct operator_score *row = score_of(mutation, mutant->what.operator_name);
    bool killed = mutant->state == MUTANT_KILLED, reached = mutant->state != MUTANT_NOT_REACHED;
    char key[32];
    snprintf(key, sizeof key, "%016llx", (unsigned long long)mutant->what.key);
    if (!row)
        return refuse(mutation, EXIT_INTERNAL,
                      "there are too many operators: ", mutant->what.operator_name);
    row->total++;
    row->reached += reached;
    row->suppressed += mutant->suppressed;
    row->killed += killed && !mutant->suppressed;
    mutation->total++;
    mutation->reached += reached;
    mutation->suppressed += mutant->suppressed;
    mutation->killed += killed && !mutant->suppressed;
    return !(killed && mutant->suppressed) ||
           refuse(mutation, EXIT_WEAK,
                  "suppressions.ini: this mutant is killed, so the line must go: ", key);
}

static void score(struct mutation *mutation)
{
    for (uint32_t i = 0; i < mutation->count; i++)
        if (mutation->mutants[i].judged)
            (void)count_mutant(mutation, &mutation->mutants[i]);
    for (uint32_t i = 0; i < mutation->operator_count; i++) {
        struct operator_score *row = &mutation->by_operator[i];
        row->score = share(row->killed, row->total, row->suppressed);
    }
    mutation->score = share(mutation->killed, mutation->total, mutation->suppressed);
}

static double cpu_of_children(void)
{
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

void mutation_run(const char *module, const struct settings *settings,
                  const struct mutants_listener *listener, struct mutation *mutation)
{
    struct mutating mutating = {.settings = *settings,
                                .listener = listener,
                                .mutation = mutation,
                                .corpus = mutation->corpus};
    double before = cpu_of_children();
    mutating.settings.techniques &= ~(1u << TECHNIQUE_REGRESSIONS);
    mutating.settings.first = mutating.settings.full = false;
    plan_trials(&mutating);
    bool whole = mutating.piece_count == 0 || baseline_run(module, &mutating);
    mutation->baseline_seconds = cpu_of_children() - before;
    if (whole && listener && listener->planned)
        listener->planned(listener->context, mutation);
    mutating.done = 0;
    if (whole && run_all_trials(module, &mutating))
        score(mutation);
    mutation->cpu_seconds = cpu_of_children() - before;
    free(mutating.pieces);
    free(mutating.finished);
}

void mutants_judge(const struct settings *settings, struct mutation *ret)
{
    if (mutation_open(MUTANTS_MODULE, settings, ret))
        mutation_run(MUTANTS_MODULE, settings, NULL, ret);
}

static void corpus_free(struct corpus *corpus)
{
    for (uint32_t i = 0; corpus && i < corpus->run_count; i++)
        free(corpus->runs[i].token);
    for (uint32_t i = 0; corpus && i < corpus->cell_count; i++)
        free(corpus->cells[i].site_at);
    if (corpus) {
        free(corpus->cells);
        free(corpus->runs);
        free(corpus->reaches);
    }
    free(corpus);
}

void mutation_done(struct mutation *mutation)
{
    for (uint32_t i = 0; i < mutation->count; i++)
        free(mutation->mutants[i].token);
    free(mutation->mutants);
    corpus_free(mutation->corpus);
    memset(mutation, 0, sizeof *mutation);
}
