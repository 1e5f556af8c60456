/* SPDX-License-Identifier: Apache-2.0
 *
 * All cases by all techniques against one target, deterministic techniques first: what can be found
 * for sure is found before anything is left to chance.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "harness/run/run.h"

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
    return (settings->techniques & test_case->techniques & (1u << technique)) &&
           (!settings->case_glob || fnmatch(settings->case_glob, test_case->name, 0) == 0);
}

static uint32_t count_selected(const struct settings *settings)
{
    uint32_t count = 0;
    for (uint32_t i = 0; all_cases[i]; i++)
        for (uint32_t technique = 0; technique < TECHNIQUES; technique++)
            count += selected(settings, all_cases[i], technique);
    return count;
}

/* Whether any of the operations whose names begin so was reached. */
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

/* A target that calls an intercepted library, in a run of all fault cases that never saw it do so,
 * has escaped: its own copy of the library, RTLD_DEEPBIND, a VFS of its own. Null, or what escaped.
 */
static const char *escaped(const struct settings *settings, const struct check *check)
{
    if (settings->case_glob || !(settings->techniques & (1u << TECHNIQUE_FAULT)))
        return NULL;
    if (check->imports_storage && !check_reached(check, "disk."))
        return "the target calls SQLite, but storage faults do not reach it";
    if (check->imports_hashing && !check_reached(check, "call.") &&
        !check_reached(check, "memory.map"))
        return "the target calls libsodium's hashing, but its faults do not reach it";
    return NULL;
}

static enum exit_code judge(const struct settings *settings, struct check *check)
{
    bool vacuous = false, checked = false;
    for (uint32_t i = 0; i < check->result_count; i++) {
        vacuous |= check->results[i].verdict == VERDICT_VACUOUS;
        checked |= check->results[i].tally.checks > 0;
    }
    if (check->findings.count > 0)
        return EXIT_FINDING;
    if (!checked)
        snprintf(check->message, sizeof check->message,
                 "nothing was checked: the target has none of the operations that the cases need");
    const char *escape = escaped(settings, check);
    if (checked && escape)
        snprintf(check->message, sizeof check->message, "%s", escape);
    return vacuous || !checked || escape ? EXIT_WEAK : EXIT_GREEN;
}

/* One cell of the table. False: stop here. */
static bool run_cell(struct worker *worker, uint32_t technique, uint32_t case_index,
                     const struct settings *settings, const struct listener *listener,
                     struct check *check)
{
    struct finding **new_here = check->findings.end;
    struct case_result *result = &check->results[check->result_count++];
    technique_run(worker, technique, case_index, settings, result, &check->findings);
    for (const struct finding *finding = *new_here; finding; finding = finding->next)
        if (listener && listener->finding)
            listener->finding(listener->context, finding);
    if (listener && listener->result)
        listener->result(listener->context, result);
    return !(settings->first && check->findings.count > 0);
}

void check_target(const char *target, const struct settings *settings,
                  const struct listener *listener, struct check *ret)
{
    uint32_t cells = count_selected(settings);
    struct worker worker;
    memset(ret, 0, sizeof *ret);
    findings_init(&ret->findings);
    if (cells == 0) {
        ret->exit_code = EXIT_USAGE;
        snprintf(ret->message, sizeof ret->message,
                 "no case matches: `assay list cases` shows them with their techniques");
        return;
    }
    double before = cpu_seconds();
    const struct worker_options options = {
        .target = target, .hang_seconds = settings->hang_seconds, .cases = all_cases};
    if (!worker_open(&worker, &options)) {
        ret->exit_code = EXIT_UNJUDGED;
        snprintf(ret->message, sizeof ret->message, "%s", worker.channel->load_message);
        worker_close(&worker);
        return;
    }
    ret->traits = worker.channel->traits;
    ret->imports_hashing = worker.channel->imports_hashing;
    ret->imports_storage = worker.channel->imports_storage;
    ret->results = calloc(cells, sizeof *ret->results);
    bool go_on = ret->results != NULL;
    for (uint32_t technique = 0; technique < TECHNIQUES && go_on; technique++)
        for (uint32_t i = 0; all_cases[i] && go_on; i++)
            if (selected(settings, all_cases[i], technique))
                go_on = run_cell(&worker, technique, i, settings, listener, ret);
    worker_close(&worker);
    ret->cpu_seconds = cpu_seconds() - before;
    ret->exit_code = judge(settings, ret);
}

void check_done(struct check *check)
{
    free(check->results);
    findings_done(&check->findings);
    memset(check, 0, sizeof *check);
    findings_init(&check->findings);
}
