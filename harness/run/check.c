/* SPDX-License-Identifier: Apache-2.0
 *
 * All cases by all techniques against one target, deterministic techniques first: what can be found
 * for sure is found before anything is left to chance.
 *
 * One case by one technique is a cell. Cells are numbered in this order; a shard has those whose
 * number leaves its remainder, so that all shards together have each cell once. A cell depends on
 * nothing but itself, and what the cells came to is put together in their order: the answer is the
 * same however many run at once, and whether the run went through or was gone on with.
 *
 * With --first the answer is that of the first cell, in this order, that has a finding. What the
 * whole alone can show (that a target escapes the faults, that nothing at all was checked) is not
 * judged by a shard.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "harness/run/known.h"
#include "harness/run/regressions.h"

static double cpu_seconds(void)
{
    struct rusage self, children;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    return (double)(self.ru_utime.tv_sec + self.ru_stime.tv_sec + children.ru_utime.tv_sec +
                    children.ru_stime.tv_sec) +
           (double)(self.ru_utime.tv_usec + self.ru_stime.tv_usec + children.ru_utime.tv_usec +
                    children.ru_stime.tv_usec) /
               1e6;
}

static bool selected(const struct settings *settings, const struct test_case *test_case,
                     uint32_t technique)
{
    bool drives = technique == TECHNIQUE_REGRESSIONS
                      ? regressions_have(settings->regressions, test_case)
                      : (test_case->techniques & (1u << technique)) != 0;
    return drives && (settings->techniques & (1u << technique)) &&
           (!settings->case_glob || fnmatch(settings->case_glob, test_case->name, 0) == 0);
}

/* Kept tokens first, then what is certain, then what is left to chance; of each kind first what is
 * wanted sooner. */
static void order_techniques(const struct settings *settings, enum technique ret[TECHNIQUES])
{
    uint32_t count = 0;
    for (uint32_t rank = 0; rank < 5; rank++)
        for (uint32_t i = 0; i < TECHNIQUES; i++) {
            uint32_t kind = i == TECHNIQUE_REGRESSIONS ? 0 : technique_is_deterministic(i) ? 2 : 4;
            uint32_t sooner = kind > 0 && (settings->sooner & (1u << i)) ? 1 : 0;
            if (kind - sooner == rank)
                ret[count++] = i;
        }
}

void check_plan(const struct settings *settings, struct check *ret)
{
    enum technique order[TECHNIQUES];
    uint32_t shards = settings->shards ? settings->shards : 1, room = 0;
    memset(ret, 0, sizeof *ret);
    findings_init(&ret->findings);
    while (all_cases[room])
        room++;
    ret->cells = calloc((size_t)room * TECHNIQUES, sizeof *ret->cells);
    order_techniques(settings, order);
    for (uint32_t t = 0; t < TECHNIQUES && ret->cells; t++)
        for (uint32_t i = 0; i < room; i++)
            if (selected(settings, all_cases[i], order[t]) &&
                ret->selected++ % shards == settings->shard) {
                struct cell *cell = &ret->cells[ret->cell_count++];
                cell->technique = order[t];
                cell->case_index = i;
                findings_init(&cell->findings);
            }
}

struct cell *check_cell(struct check *check, enum technique technique,
                        const struct test_case *test_case)
{
    for (uint32_t i = 0; i < check->cell_count; i++)
        if (check->cells[i].technique == technique &&
            all_cases[check->cells[i].case_index] == test_case)
            return &check->cells[i];
    return NULL;
}

uint32_t check_extent(const struct settings *settings, const struct check *check)
{
    for (uint32_t i = 0; i < check->cell_count && settings->first; i++)
        if (check->cells[i].finished && check->cells[i].findings.count > 0)
            return i + 1;
    return check->cell_count;
}

bool check_reached(const struct check *check, const char *prefix)
{
    const struct catalogue *catalogue = edge_catalogue();
    for (uint32_t i = 0; i < check->result_count; i++)
        for (uint16_t o = 0; o < catalogue->operation_count && o < 64; o++)
            if ((check->results[i].reached & (1ull << o)) &&
                strncmp(catalogue->operations[o].name, prefix, strlen(prefix)) == 0)
                return true;
    return false;
}

/* The first line of the kept tokens that cannot be run, or null. */
static const char *broken_line(const struct settings *settings)
{
    const struct regressions *regressions = settings->regressions;
    return regressions && regressions->problem_count > 0 &&
                   (settings->techniques & (1u << TECHNIQUE_REGRESSIONS))
               ? regressions->problem
               : NULL;
}

/* A target that calls an intercepted library, in a run of all fault cases that never saw it do so,
 * has escaped: its own copy of the library, RTLD_DEEPBIND, a VFS of its own. Null, or what escaped.
 * A shard sees too little to say so. */
static const char *escaped(const struct settings *settings, const struct check *check)
{
    if (settings->case_glob || settings->shards > 1 || settings->orders.muted ||
        !(settings->techniques & (1u << TECHNIQUE_FAULT)))
        return NULL;
    if (check->imports_storage && !check_reached(check, "disk."))
        return "the target calls SQLite, but storage faults do not reach it";
    for (uint32_t i = 0; i < check->result_count; i++)
        if ((check->imports_storage || check->imports_hashing) &&
            check->results[i].technique == TECHNIQUE_SCHEDULE &&
            check->results[i].verdict == VERDICT_UNSUPPORTED && check->results[i].tally.checks > 0)
            return "the target calls SQLite or libsodium, but the scheduler does not see it";
    if (check->imports_hashing && !check_reached(check, "call.") &&
        !check_reached(check, "memory.map"))
        return "the target calls libsodium's hashing, but its faults do not reach it";
    return NULL;
}

/* Nothing was checked. A shard may well consist of what the target does not have; the whole may
 * not. */
static const char *empty(const struct settings *settings, const struct check *check)
{
    if (check->cell_count == 0)
        return "no case falls to this shard";
    return settings->shards > 1
               ? "nothing was checked: the target has none of the operations that this shard needs"
               : "nothing was checked: the target has none of the operations that the cases need";
}

/* Says why the file of known findings cannot be believed. */
static bool outlived(const struct settings *settings, struct check *check)
{
    const struct known_findings *known = settings->known;
    const struct known_finding *gone = known_finding_gone(known, settings, check);
    if (known && known->problem[0])
        snprintf(check->message, sizeof check->message, "%s", known->problem);
    else if (gone)
        snprintf(check->message, sizeof check->message,
                 "known-findings.ini:%u: %s does not show this any more: remove the line",
                 gone->line, gone->test_case->name);
    return check->message[0] != 0;
}

static enum exit_code judge(const struct settings *settings, struct check *check)
{
    bool vacuous = false, checked = false;
    for (uint32_t i = 0; i < check->result_count; i++) {
        vacuous |= check->results[i].verdict == VERDICT_VACUOUS;
        checked |= check->results[i].tally.checks > 0;
    }
    for (const struct finding *finding = check->findings.first; finding; finding = finding->next)
        check->known_count += known_finding_of(settings->known, finding) != NULL;
    if (check->findings.count > check->known_count)
        return EXIT_FINDING;
    if (outlived(settings, check))
        return EXIT_WEAK;
    const char *broken = broken_line(settings);
    const char *weak = broken    ? broken
                       : checked ? escaped(settings, check)
                                 : empty(settings, check);
    if (weak)
        snprintf(check->message, sizeof check->message, "%s", weak);
    return vacuous || broken || (weak && settings->shards <= 1) ? EXIT_WEAK : EXIT_GREEN;
}

/* Puts together what the cells came to, in their order. */
static void gather(const struct settings *settings, struct check *check)
{
    uint32_t extent = check_extent(settings, check);
    check->results = calloc(extent ? extent : 1, sizeof *check->results);
    for (uint32_t i = 0; i < extent && check->results; i++) {
        if (!check->cells[i].finished)
            continue;
        check->results[check->result_count++] = check->cells[i].result;
        findings_move(&check->findings, &check->cells[i].findings);
    }
}

void check_run(const char *target, const struct settings *settings, const struct listener *listener,
               struct check *check)
{
    static const struct listener deaf = {0};
    double before = cpu_seconds();
    if (check->selected == 0) {
        const char *broken = broken_line(settings);
        check->exit_code = broken ? EXIT_WEAK : EXIT_USAGE;
        snprintf(check->message, sizeof check->message, "%s",
                 broken ? broken
                        : "no case matches: `assay list cases` shows them with their techniques");
        return;
    }
    bool whole = cells_run(target, settings, listener ? listener : &deaf, check);
    check->cpu_seconds = cpu_seconds() - before;
    gather(settings, check);
    if (whole)
        check->exit_code = judge(settings, check);
}

void check_target(const char *target, const struct settings *settings,
                  const struct listener *listener, struct check *ret)
{
    check_plan(settings, ret);
    check_run(target, settings, listener, ret);
}

void check_done(struct check *check)
{
    for (uint32_t i = 0; i < check->cell_count; i++)
        findings_done(&check->cells[i].findings);
    free(check->cells);
    free(check->results);
    findings_done(&check->findings);
    memset(check, 0, sizeof *check);
    findings_init(&check->findings);
}
