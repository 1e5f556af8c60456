/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands: each runs, reports, and ends with an exit code of the table in run.h.
 */
#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "faults/faults.h"
#include "harness/cli/session.h"
#include "harness/run/witness.h"

static void on_finding(void *context, const struct finding *finding)
{
    const struct session *session = context;
    const struct known_finding *known = known_finding_of(session->settings.known, finding);
    terminal_finding(&session->terminal, finding, known ? "known" : "");
    if (known)
        fprintf(session->terminal.out, "      known     until %s: %s\n", known->expires,
                known->reason);
}

static void on_result(void *context, const struct case_result *result)
{
    const struct session *session = context;
    terminal_result(&session->terminal, result);
}

static const char *target_of(const struct options *options)
{
    return options->argument_count > 0 ? options->arguments[0] : "reference";
}

static enum exit_code report_check(struct session *session, const struct check *check)
{
    const struct options *options = session->options;
    const struct settings *settings = &session->settings;
    char shard[32] = "", known[32] = "";
    if (settings->shards > 1)
        snprintf(shard, sizeof shard, "shard %u of %u, ", settings->shard + 1, settings->shards);
    if (check->known_count > 0)
        snprintf(known, sizeof known, " (%u known)", check->known_count);
    fputc('\n', session->terminal.out);
    terminal_check(&session->terminal, check, settings->shards <= 1);
    enum exit_code exit_code =
        session_save(options, json_of_check(session->target, settings, check), check->exit_code);
    exit_code = session_close(session, exit_code, verdict_word(exit_code));
    terminal_verdict(&session->terminal, exit_code,
                     "%s, %s%u finding%s%s%s%s, seed %llu, %.1f s of processor time, events in %s",
                     session->target, shard, check->findings.count,
                     check->findings.count == 1 ? "" : "s", known, check->message[0] ? ", " : "",
                     check->message, (unsigned long long)settings->seed, check->cpu_seconds,
                     session->events.folder);
    return exit_code;
}

enum exit_code command_check(const struct options *options)
{
    struct session session;
    struct check check;
    const struct listener listener = {.loaded = session_loaded,
                                      .found = session_found,
                                      .finished = session_finished,
                                      .finding = on_finding,
                                      .result = on_result,
                                      .shrinking = session_shrinking,
                                      .context = &session};
    char with_mutant[4096];
    const char *target = target_of(options);
    if (options->mutant) {
        snprintf(with_mutant, sizeof with_mutant, "%.4000s@%s", target_of(options),
                 options->mutant);
        target = with_mutant;
    }
    session_init(&session, options, target);
    session_know(&session);
    check_plan(&session.settings, &check);
    enum exit_code exit_code = options->resume
                                   ? session_resume(&session, "check", &check, NULL, NULL)
                               : session_open(&session, "check") ? EXIT_GREEN
                                                                 : EXIT_INTERNAL;
    if (exit_code == EXIT_GREEN) {
        check_run(target, &session.settings, &listener, &check);
        exit_code = check.exit_code >= EXIT_UNJUDGED
                        ? session_unjudged(&session, check.exit_code, check.message)
                        : report_check(&session, &check);
    }
    regressions_done(&session.regressions);
    check_done(&check);
    return exit_code;
}

/* The largest share of right passwords that is refused, in words; empty when there is none. */
static void worst_blast(const struct comparison *comparison, char *ret, size_t size)
{
    double worst = 0;
    *ret = 0;
    for (uint32_t i = 0; i < comparison->blast_count; i++) {
        const struct blast *blast = &comparison->blasts[i];
        double share = blast->asked ? (double)blast->refused / blast->asked : 0;
        if (share <= worst)
            continue;
        worst = share;
        snprintf(ret, size, "; %u of %u right passwords refused (%s: %s)", blast->refused,
                 blast->asked, blast->direction, blast->generation);
    }
}

enum exit_code command_compare(const struct options *options)
{
    struct session session;
    struct comparison comparison;
    char worst[200] = "";
    const char *before = options->arguments[0], *after = options->arguments[1];
    const struct listener listener = {.loaded = session_loaded,
                                      .found = session_found,
                                      .finished = session_finished,
                                      .result = on_result,
                                      .shrinking = session_shrinking,
                                      .context = &session};
    session_init(&session, options, after);
    if (!session_open(&session, "compare"))
        return EXIT_INTERNAL;
    compare_targets(before, after, &session.settings, &listener, &comparison);
    if (comparison.exit_code >= EXIT_UNJUDGED) {
        enum exit_code failed = session_close(
            &session, complain(comparison.exit_code, comparison.message), comparison.message);
        comparison_done(&comparison);
        return failed;
    }
    for (const struct finding *finding = comparison.after.findings.first; finding;
         finding = finding->next) {
        bool old = findings_contain(&comparison.before.findings, finding);
        terminal_finding(&session.terminal, finding, old ? "pre-existing" : "new");
    }
    for (const struct finding *finding = comparison.before.findings.first; finding;
         finding = finding->next)
        if (!findings_contain(&comparison.after.findings, finding))
            terminal_finding(&session.terminal, finding, "fixed");
    terminal_blasts(&session.terminal, &comparison);
    worst_blast(&comparison, worst, sizeof worst);
    enum exit_code exit_code =
        session_save(options, json_of_comparison(before, after, &comparison), comparison.exit_code);
    exit_code = session_close(&session, exit_code, verdict_word(exit_code));
    terminal_verdict(&session.terminal, exit_code,
                     "%s to %s, findings: %u new, %u pre-existing, %u fixed%s; events in %s",
                     before, after, comparison.new_count, comparison.old_count,
                     comparison.fixed_count, worst, session.events.folder);
    comparison_done(&comparison);
    return exit_code;
}

enum exit_code command_replay(const struct options *options)
{
    static struct replay replay;
    struct terminal terminal;
    terminal_init(&terminal, true);
    replay_token(options->arguments[0], options->argument_count > 1 ? options->arguments[1] : NULL,
                 options->settings.hang_seconds, &replay);
    if (replay.exit_code >= EXIT_UNJUDGED)
        return complain(replay.exit_code, replay.message);
    fprintf(terminal.out, "%s  %s on %s\n      shows     %s\n",
            verdict_name(replay.outcome.verdict), replay.test_case->name, replay.target,
            replay.test_case->shows);
    terminal_outcome(&terminal, &replay.outcome, replay.output);
    terminal_verdict(&terminal, replay.exit_code, "%s on %s", replay.test_case->name,
                     replay.target);
    return replay.exit_code;
}

enum exit_code command_keep(const struct options *options)
{
    char message[MODULE_MESSAGE_BYTES] = "";
    enum exit_code exit_code =
        regression_keep(options->arguments[0], options->note, options->regressions, message);
    if (exit_code != EXIT_GREEN)
        return complain(exit_code, message);
    puts(message);
    return EXIT_GREEN;
}

enum exit_code command_witness(const struct options *options)
{
    char message[MODULE_MESSAGE_BYTES] = "";
    if (!witness_holds(options->arguments[0], message))
        return complain(EXIT_FINDING, message);
    printf("%s: the witness is red on the variant and green on the reference: %s\n",
           options->arguments[0], message);
    return EXIT_GREEN;
}

static void list_cases(void)
{
    for (uint32_t i = 0; all_cases[i]; i++) {
        printf("%-32s", all_cases[i]->name);
        for (uint32_t technique = 0; technique < TECHNIQUES; technique++)
            if (all_cases[i]->techniques & (1u << technique))
                printf(" %s", technique_name(technique));
        printf("\n    %s\n    stands for %s\n", all_cases[i]->shows, all_cases[i]->stands_for);
        if (all_cases[i]->requirements)
            printf("    required by %s\n", all_cases[i]->requirements);
    }
}

static bool ends_with(const char *name, const char *ending)
{
    size_t size = strlen(name), ending_size = strlen(ending);
    return size > ending_size && strcmp(name + size - ending_size, ending) == 0;
}

/* A module, and not the mutants of one: these are no target of their own. */
static int is_module(const struct dirent *entry)
{
    return ends_with(entry->d_name, ".so") && !ends_with(entry->d_name, "-mutants.so");
}

static bool list_targets(void)
{
    char folder[4096];
    struct dirent **entries = NULL;
    module_folder(folder);
    int count = scandir(folder, &entries, is_module, alphasort);
    for (int i = 0; i < count; i++) {
        printf("%.*s\n", (int)strlen(entries[i]->d_name) - 3, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return count > 0;
}

static bool list_changes(void)
{
    struct proof proof;
    bool some = prove_list(&proof);
    for (uint32_t i = 0; i < proof.exhibit_count; i++)
        printf("%-8s  %-24s %s\n", proof.exhibits[i].kind == EXHIBIT_DEFECT ? "defect" : "harmless",
               proof.exhibits[i].name, proof.exhibits[i].title ? proof.exhibits[i].title : "");
    proof_done(&proof);
    return some;
}

static void list_faults(void)
{
    for (uint16_t i = 0; i < fault_catalogue.operation_count; i++) {
        printf("%-32s", fault_catalogue.operations[i].name);
        for (uint32_t effect = 0; effect < fault_catalogue.operations[i].effect_count; effect++)
            printf(" %s", fault_catalogue.operations[i].effects[effect]);
        printf("\n");
    }
}

/* The sites that one case passes when nothing fails. False: it is not green then. */
static bool print_sites(struct worker *worker, uint32_t case_index)
{
    struct channel *channel = worker->channel;
    channel->seed = 0;
    worker_request(worker, REQUEST_COUNT, case_index);
    if (channel->outcome.verdict == VERDICT_UNSUPPORTED)
        return true;
    sites_print(stdout, all_cases[case_index]->name, &channel->sites);
    return channel->outcome.verdict == VERDICT_PASS && !channel->sites.overflow;
}

enum exit_code command_sites(const struct options *options)
{
    const struct worker_options wanted = {.target = target_of(options),
                                          .hang_seconds = options->settings.hang_seconds,
                                          .cases = all_cases};
    const char *glob = options->settings.case_glob;
    char message[MODULE_MESSAGE_BYTES] = "";
    enum exit_code exit_code = EXIT_GREEN;
    struct worker worker;
    if (!worker_open(&worker, &wanted)) {
        snprintf(message, sizeof message, "%s", worker.channel->load_message);
        exit_code = EXIT_UNJUDGED;
    }
    for (uint32_t i = 0; exit_code == EXIT_GREEN && all_cases[i]; i++)
        if ((all_cases[i]->techniques & BIT(FAULT)) &&
            (!glob || fnmatch(glob, all_cases[i]->name, 0) == 0) && !print_sites(&worker, i)) {
            snprintf(message, sizeof message, "%s is not green without faults", all_cases[i]->name);
            exit_code = EXIT_FINDING;
        }
    worker_close(&worker);
    return exit_code == EXIT_GREEN ? EXIT_GREEN : complain(exit_code, message);
}

enum exit_code command_list(const struct options *options)
{
    const char *what = options->argument_count > 0 ? options->arguments[0] : "cases";
    bool some = true;
    if (strcmp(what, "cases") == 0)
        list_cases();
    else if (strcmp(what, "targets") == 0)
        some = list_targets();
    else if (strcmp(what, "defects") == 0)
        some = list_changes();
    else if (strcmp(what, "faults") == 0)
        list_faults();
    else
        return complain(EXIT_USAGE, "list shows cases, targets, defects or faults");
    return some ? EXIT_GREEN
                : complain(EXIT_UNJUDGED, "nothing of that was built beside this program");
}
