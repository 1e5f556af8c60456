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

bool token_run(struct worker *worker, uint32_t case_index, const struct token *token,
               char ret_why[static TOKEN_WHY_BYTES])
{
    struct channel *channel = worker->channel;
    memcpy(channel->input.at, token->values, token->count * sizeof *token->values);
    channel->input.count = token->count;
    channel->relative = true;
    channel->telling = true;
    worker_request(worker, REQUEST_RUN, case_index);
    channel->telling = false;
    const struct outcome *outcome = &channel->outcome;
    bool went_through = outcome->verdict == VERDICT_PASS || outcome->verdict == VERDICT_VACUOUS;
    if (!token_fits(token, &channel->drawn, !went_through, ret_why))
        return false;
    if (!went_through || !outcome->drift[0])
        return true;
    snprintf(ret_why, TOKEN_WHY_BYTES, "%s", outcome->drift);
    return false;
}

static void run_token(const struct token *token, uint32_t case_index, struct worker *worker,
                      struct replay *ret)
{
    char why[TOKEN_WHY_BYTES];
    bool fits = token_run(worker, case_index, token, why);
    ret->outcome = worker->channel->outcome;
    memcpy(ret->output, worker->output, sizeof ret->output);
    if (!fits) {
        refuse(ret, EXIT_USAGE, "the token is stale: ", why);
        return;
    }
    switch (ret->outcome.verdict) {
    case VERDICT_PASS:
    case VERDICT_REJECTED:
        ret->exit_code = EXIT_GREEN;
        return;
    case VERDICT_FAIL:
    case VERDICT_CRASH:
    case VERDICT_HANG:
        ret->exit_code = EXIT_FINDING;
        return;
    default:
        ret->exit_code = EXIT_WEAK;
    }
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
    else if (strcmp(options.target, TOKEN_ANY_TARGET) == 0)
        refuse(ret, EXIT_USAGE,
               "the token is kept for any target: ", "say which, assay replay TOKEN TARGET");
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
