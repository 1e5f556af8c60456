/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands that run something have in common.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/cli/session.h"

void session_init(struct session *session, const struct options *options, const char *target)
{
    session->options = options;
    session->target = target;
    session->settings = options->settings;
    session->settings.regressions = &session->regressions;
    regressions_read(options->regressions, &session->regressions);
    terminal_init(&session->terminal, options->verbose);
}

void session_know(struct session *session)
{
    char today[sizeof "2000-12-31"];
    time_t now = time(NULL);
    struct tm parts;
    if (!session->options->known)
        return;
    strftime(today, sizeof today, "%Y-%m-%d", gmtime_r(&now, &parts));
    known_findings_of(session->target, today, &session->known);
    session->settings.known = &session->known;
}

bool session_open(struct session *session, const char *command)
{
    if (events_open(&session->events, session->options->out, command, session->target,
                    &session->settings))
        return true;
    regressions_done(&session->regressions);
    return false;
}

enum exit_code session_close(struct session *session, enum exit_code exit_code, const char *verdict)
{
    events_close(&session->events, exit_code, verdict);
    regressions_done(&session->regressions);
    return session->events.failed ? EXIT_INTERNAL : exit_code;
}

void session_loaded(void *context, const struct check *check)
{
    struct session *session = context;
    events_loaded(&session->events, check);
}

void session_found(void *context, const struct finding *finding)
{
    struct session *session = context;
    events_found(&session->events, finding);
    terminal_shrinking(&session->terminal, finding, 0);
}

void session_finished(void *context, const struct cell *cell)
{
    struct session *session = context;
    events_cell(&session->events, session->target, cell);
}

void session_shrinking(void *context, const struct finding *finding, uint32_t executions)
{
    const struct session *session = context;
    terminal_shrinking(&session->terminal, finding, executions);
}

enum exit_code session_save(const struct options *options, json_t *document,
                            enum exit_code exit_code)
{
    if (!options->json) {
        json_decref(document);
        return exit_code;
    }
    return json_save(document, options->json) ? exit_code : EXIT_INTERNAL;
}

enum exit_code complain(enum exit_code exit_code, const char *message)
{
    fprintf(stderr, "assay: %s\n", message);
    return exit_code;
}

enum exit_code session_resume(struct session *session, const char *command, struct check *check,
                              struct mutation *mutation, const struct taker *taker)
{
    const struct options *options = session->options;
    char message[MODULE_MESSAGE_BYTES], last[4096];
    snprintf(last, sizeof last, "%s/latest", options->out);
    if (!events_resume(&session->events, *options->resume ? options->resume : last, command,
                       session->target, &session->settings, check, mutation, taker, message))
        return complain(EXIT_USAGE, message);
    if (session->events.complete)
        printf("the run in %s was complete: here it is again\n", session->events.folder);
    return session->events.failed ? EXIT_INTERNAL : EXIT_GREEN;
}

enum exit_code session_unjudged(struct session *session, enum exit_code why, const char *message)
{
    terminal_progress(&session->terminal, "%s", "");
    enum exit_code exit_code = session_close(session, why, message);
    complain(exit_code, message);
    if (why == EXIT_INTERRUPTED || why == EXIT_INTERNAL)
        fprintf(stderr, "assay: to go on, the same command with --resume=%s\n",
                session->events.folder);
    return exit_code;
}
