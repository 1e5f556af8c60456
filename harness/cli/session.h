/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands that run something have in common: where they report to, and how they end.
 */
#ifndef ASSAY_SESSION_H
#define ASSAY_SESSION_H

#include "harness/cli/cli.h"
#include "harness/run/known.h"
#include "harness/run/regressions.h"

struct session {
    const struct options *options;
    struct terminal terminal;
    struct events events;
    const char *target;
    struct regressions regressions;
    struct known_findings known;
    struct settings settings; /* the options', with these */
};

void session_init(struct session *, const struct options *, const char *target);
/* Takes up what of the target is known already, as of today. */
void session_know(struct session *);
/* False: the events cannot be written. */
bool session_open(struct session *, const char *command);
/* Ends the events and gives the exit code: that of the run, unless its records were lost. */
enum exit_code session_close(struct session *, enum exit_code, const char *verdict);

/* Goes on with an earlier run: what it finished is in the check, the mutation or with the taker
 * then; either of the last two may be null. */
enum exit_code session_resume(struct session *, const char *command, struct check *,
                              struct mutation *, const struct taker *);
/* Ends a run that was not judged: says why, and how to go on with one that was stopped. */
enum exit_code session_unjudged(struct session *, enum exit_code why, const char *message);

/* For a struct listener whose context is a session. */
void session_loaded(void *session, const struct check *);
void session_found(void *session, const struct finding *);
void session_finished(void *session, const struct cell *);
void session_shrinking(void *session, const struct finding *, uint32_t executions);

/* Writes the document where --json wants it, if it does. Takes over the reference. */
enum exit_code session_save(const struct options *, json_t *document, enum exit_code);
/* Says on standard error why a command ends so. */
enum exit_code complain(enum exit_code, const char *message);

#endif
