/* SPDX-License-Identifier: Apache-2.0
 *
 * A token, run again. Strict: a draw that no longer fits means that the case has changed since, and
 * is said; it is never run as something else.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/run/run.h"

static void refuse(struct replay *replay, enum exit_code exit_code, const char *what,
                   const char *why)
{
    replay->exit_code = exit_code;
    snprintf(replay->message, sizeof replay->message, "%s%s", what, why);
}

/* Takes "writer,target" apart. */
static void split_target(char *names, struct worker_options *options)
{
    char *comma = strchr(names, ',');
    options->target = comma ? comma + 1 : names;
    options->writer = comma ? names : NULL;
    if (comma)
        *comma = 0;
}

static void run_token(const struct token *token, uint32_t case_index, struct worker *worker,
                      struct replay *ret)
{
    struct channel *channel = worker->channel;
    memcpy(channel->input.at, token->values, token->count * sizeof *token->values);
    channel->input.count = token->count;
    channel->relative = true;
    channel->telling = true;
    channel->drifted_at = -1; /* unless the child lives to say otherwise */
    worker_request(worker, REQUEST_RUN, case_index);
    ret->outcome = channel->outcome;
    memcpy(ret->output, worker->output, sizeof ret->output);
    bool ended = ret->outcome.verdict != VERDICT_CRASH && ret->outcome.verdict != VERDICT_HANG;
    if ((ended && channel->drifted_at >= 0) || !token_fits(token, &channel->drawn)) {
        char why[64] = "";
        if (ended && channel->drifted_at >= 0)
            snprintf(why, sizeof why, " (at draw %lld)", (long long)channel->drifted_at + 1);
        refuse(ret, EXIT_USAGE,
               "the token is stale: the case draws something else now than when it was written",
               why);
        return;
    }
    bool green = ret->outcome.verdict == VERDICT_PASS || ret->outcome.verdict == VERDICT_REJECTED;
    ret->exit_code = green                                           ? EXIT_GREEN
                     : ended && ret->outcome.verdict != VERDICT_FAIL ? EXIT_WEAK
                                                                     : EXIT_FINDING;
}

void replay_token(const char *text, const char *target, uint32_t hang_seconds, struct replay *ret)
{
    struct token *token = malloc(sizeof *token);
    uint32_t case_index = 0;
    struct worker worker;
    memset(ret, 0, sizeof *ret);
    const char *wrong = token ? token_read(text, token) : "there is no memory for it";
    if (wrong) {
        refuse(ret, EXIT_USAGE, "this is not a token: ", wrong);
        free(token);
        return;
    }
    snprintf(ret->target, sizeof ret->target, "%s", target ? target : token->target);
    ret->test_case = case_find(token->name, &case_index);
    struct worker_options options = {
        .target = ret->target, .hang_seconds = hang_seconds, .cases = all_cases};
    char names[sizeof ret->target];
    memcpy(names, ret->target, sizeof names);
    if (!target || strchr(target, ','))
        split_target(names, &options);
    if (!ret->test_case)
        refuse(ret, EXIT_USAGE, "the token names a case that is not there: ", token->name);
    else if (strcmp(options.target, "so") == 0)
        refuse(ret, EXIT_USAGE, "the token is for a module given by its path: ",
               "say which, assay replay TOKEN so:PATH");
    else {
        if (worker_open(&worker, &options))
            run_token(token, case_index, &worker, ret);
        else
            refuse(ret, EXIT_UNJUDGED, "", worker.channel->load_message);
        worker_close(&worker);
    }
    free(token);
}
