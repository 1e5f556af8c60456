/* SPDX-License-Identifier: Apache-2.0
 *
 * The cells of a check as the work of a crew. What comes early the parent holds back until its turn
 * in the order of the cells, so that people read the same however many hands there are.
 *
 * With --first no cell behind the first one that has a finding is begun, those before it are still
 * awaited, and what comes from behind it is dropped.
 */
#include <stdlib.h>

#include "harness/run/crew.h"

/* What the parent knows of what a hand has sent. */
struct inbox {
    struct intake intake;
    uint32_t executions; /* of making a failure smaller, as they were told last */
};

struct cells {
    const struct settings *settings;
    const struct listener *listener;
    struct check *check;
    struct inbox *inboxes; /* JOBS_MAX */
    uint32_t told;         /* cells whose turn has come */
    bool loaded;           /* the target was, by one of the hands */
};

/* --- The side of a hand */

static void on_found(void *context, const struct finding *finding)
{
    bench_send(context, "found", json_of_finding(finding));
}

static void on_shrinking(void *context, uint32_t executions)
{
    bench_show(context, executions);
}

static void outfit(void *context, struct bench *bench, struct worker_options *ret)
{
    static struct observer observer;
    (void)context;
    observer = (struct observer){on_found, on_shrinking, bench};
    ret->observer = &observer;
}

static void run_cell(void *context, struct bench *bench, uint32_t number)
{
    const struct cells *cells = context;
    const struct cell *cell = &cells->check->cells[number];
    struct case_result result;
    struct findings findings;
    findings_init(&findings);
    technique_run(&bench->worker, cell->technique, cell->case_index, cells->settings, &result,
                  &findings);
    if (cells->settings->first && findings.count > 0)
        bench_stop_behind(bench, number);
    for (const struct finding *finding = findings.first; finding; finding = finding->next)
        bench_send(bench, "finding", json_of_finding(finding));
    bench_send(bench, "case", json_of_result(&result));
    findings_done(&findings);
}

/* --- The side of the parent */

/* Tells of the cells whose turn has come. */
static void tell_in_order(struct cells *cells)
{
    const struct listener *listener = cells->listener;
    uint32_t extent = check_extent(cells->settings, cells->check);
    for (; cells->told < extent && cells->check->cells[cells->told].finished; cells->told++) {
        const struct cell *cell = &cells->check->cells[cells->told];
        for (const struct finding *finding = cell->findings.first; finding; finding = finding->next)
            if (listener->finding)
                listener->finding(listener->context, finding);
        if (listener->result)
            listener->result(listener->context, &cell->result);
    }
}

/* False: the record cannot be, or the run cannot go on. */
static bool take(void *context, struct crew *crew, uint32_t hand, const char *line, size_t size)
{
    struct cells *cells = context;
    struct intake *intake = &cells->inboxes[hand].intake;
    const struct listener *listener = cells->listener;
    const char *message;
    if (!intake->check)
        intake_open(intake, cells->check);
    switch (intake_take(intake, line, size)) {
    case RECORD_LOADED:
        if (listener->loaded && !cells->loaded)
            listener->loaded(listener->context, cells->check);
        cells->loaded = true;
        return true;
    case RECORD_FOUND:
        if (listener->found)
            listener->found(listener->context, intake->found);
        return true;
    case RECORD_FINDING:
        return true;
    case RECORD_CELL:
        if (listener->finished)
            listener->finished(listener->context, intake->cell);
        tell_in_order(cells);
        return true;
    case RECORD_OTHER:
        message = json_string_value(json_object_get(intake->record, "message"));
        return crew_fail(crew, EXIT_UNJUDGED, "%s", message ? message : "");
    case RECORD_MUTANT:
    case RECORD_WRONG:
        break;
    }
    return false;
}

/* The failures that are being made smaller now. */
static void tell_shrinking(void *context, struct crew *crew)
{
    struct cells *cells = context;
    const struct listener *listener = cells->listener;
    for (uint32_t i = 0; i < JOBS_MAX && listener->shrinking; i++) {
        struct inbox *inbox = &cells->inboxes[i];
        uint32_t now = crew_shown(crew, i);
        if (now > 0 && now != inbox->executions && inbox->intake.found)
            listener->shrinking(listener->context, inbox->intake.found, now);
        inbox->executions = now;
    }
}

static bool is_finished(const void *context, uint32_t number)
{
    const struct cells *cells = context;
    return cells->check->cells[number].finished;
}

/* Every cell that matters is finished. */
static bool is_over(const void *context)
{
    const struct cells *cells = context;
    return cells->told == check_extent(cells->settings, cells->check);
}

static void progress(const void *context, char *ret, size_t size)
{
    const struct cells *cells = context;
    snprintf(ret, size, "%u of %u cells have been told", cells->told, cells->check->cell_count);
}

static void name_cell(const void *context, uint32_t number, char *ret, size_t size)
{
    const struct cells *cells = context;
    const struct cell *cell = &cells->check->cells[number];
    snprintf(ret, size, "%s by %s", all_cases[cell->case_index]->name,
             technique_name(cell->technique));
}

bool cells_run(const char *target, const struct settings *settings, const struct listener *listener,
               struct check *check)
{
    struct cells cells = {.settings = settings, .listener = listener, .check = check};
    const struct crew_work work = {.target = target,
                                   .settings = settings,
                                   .count = check->cell_count,
                                   .extent = check_extent(settings, check),
                                   .context = &cells,
                                   .is_finished = is_finished,
                                   .outfit = outfit,
                                   .run = run_cell,
                                   .take = take,
                                   .look = tell_shrinking,
                                   .is_over = is_over,
                                   .progress = progress,
                                   .name = name_cell,
                                   .exit_code = &check->exit_code,
                                   .message = check->message};
    cells.inboxes = calloc(JOBS_MAX, sizeof *cells.inboxes);
    if (!cells.inboxes || !check->cells) {
        fprintf(stderr, "assay: no memory for a check\n");
        exit(EXIT_INTERNAL);
    }
    tell_in_order(&cells); /* those that an earlier run has finished */
    bool whole = crew_work(&work);
    for (uint32_t i = 0; i < JOBS_MAX; i++)
        if (cells.inboxes[i].intake.check)
            intake_close(&cells.inboxes[i].intake);
    free(cells.inboxes);
    return whole;
}
