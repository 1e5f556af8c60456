/* SPDX-License-Identifier: Apache-2.0
 *
 * assay mutants: each mutant as it is judged, then the survivors and the score.
 */
#include "harness/cli/session.h"
#include "harness/run/mutants.h"

static void on_planned(void *context, const struct mutation *mutation)
{
    struct session *session = context;
    events_write(&session->events, json_pack("{s:s, s:I}", "event", "planned", "mutants",
                                             (json_int_t)mutation->count));
}

static void on_judged(void *context, const struct mutation *mutation,
                      const struct judged_mutant *mutant)
{
    struct session *session = context;
    events_write(&session->events, record_event("mutant", json_of_mutant(mutant)));
    terminal_progress(&session->terminal, "%s:%u %s: %s", mutant->what.file, mutant->what.line,
                      mutant->what.operator_name, mutant_state_name(mutant->state));
    (void)mutation;
}

/* Shows survivors in the order of the sources, then the score. */
static enum exit_code report_mutation(struct session *session, const struct mutation *mutation)
{
    const struct options *options = session->options;
    uint32_t survivors = 0;
    for (uint32_t i = 0; i < mutation->count; i++) {
        const struct judged_mutant *mutant = &mutation->mutants[i];
        if (!mutant->judged || mutant->state == MUTANT_KILLED)
            continue;
        survivors += !mutant->suppressed;
        if (!mutant->suppressed || options->verbose)
            terminal_survivor(&session->terminal, session->target, mutant);
    }
    terminal_mutation(&session->terminal, mutation);
    enum exit_code exit_code =
        mutation->exit_code == EXIT_GREEN && survivors > 0 ? EXIT_WEAK : mutation->exit_code;
    json_t *document = json_of_mutation(mutation);
    json_object_set_new(document, "module", json_string(session->target));
    json_object_set_new(document, "exit", json_integer(exit_code));
    exit_code = session_save(options, document, exit_code);
    exit_code = session_close(session, exit_code, verdict_word(exit_code));
    terminal_verdict(&session->terminal, exit_code,
                     "%s, %u of %u mutants judged, %u killed, %u survive, score %.1f %%%s%s, %.1f "
                     "s of processor time (%.1f of them for the baseline), events in %s",
                     session->target, mutation->total, mutation->count, mutation->killed, survivors,
                     100 * mutation->score, mutation->message[0] ? ", " : "", mutation->message,
                     mutation->cpu_seconds, mutation->baseline_seconds, session->events.folder);
    return exit_code;
}

enum exit_code command_mutants(const struct options *options)
{
    struct session session;
    struct mutation mutation;
    struct check nothing = {.cells = NULL};
    const struct mutants_listener listener = {on_planned, on_judged, &session};
    const char *module = options->argument_count > 0 ? options->arguments[0] : MUTANTS_MODULE;
    session_init(&session, options, module);
    if (!mutation_open(module, &session.settings, &mutation)) {
        enum exit_code failed = complain(mutation.exit_code, mutation.message);
        regressions_done(&session.regressions);
        mutation_done(&mutation);
        return failed;
    }
    enum exit_code exit_code = options->resume
                                   ? session_resume(&session, "mutants", &nothing, &mutation, NULL)
                               : session_open(&session, "mutants") ? EXIT_GREEN
                                                                   : EXIT_INTERNAL;
    if (exit_code == EXIT_GREEN) {
        mutation_run(module, &session.settings, &listener, &mutation);
        exit_code = mutation.exit_code >= EXIT_UNJUDGED
                        ? session_unjudged(&session, mutation.exit_code, mutation.message)
                        : report_mutation(&session, &mutation);
    }
    regressions_done(&session.regressions);
    mutation_done(&mutation);
    return exit_code;
}
