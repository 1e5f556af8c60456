/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers: what a client is told.
 *
 * One table leads from the outcome to a status, and from there to a problem document (RFC 9457).
 * The cause is the operator's and stays here: who was refused by the policy is told why, and who
 * sent something malformed what was wrong with it; everybody else gets a constant sentence and the
 * request id, under which the operator finds the rest. `locked` looks exactly like `denied` (ASVS
 * 6.3.8), unless the service was started to tell.
 *
 * Only denied and locked are 401.
 */
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct problem {
    unsigned status;
    const char *type, *title;
} problems[] = {
    [ANSWER_OK] = {200, NULL, NULL},
    [ANSWER_DENIED] = {401, "denied", "The credentials are wrong."},
    [ANSWER_EXISTS] = {409, "exists", "The name is taken."},
    [ANSWER_REFUSED] = {422, "refused", "The name or the password is not acceptable."},
    [ANSWER_LOCKED] = {401, "locked", "Too many wrong passwords."},
    [ANSWER_UNAVAILABLE] = {503, "unavailable", "This cannot be answered now."},
    [ANSWER_UNSUPPORTED] = {501, "unsupported", "This is not supported."},
};

/* Of rejected requests, by status. */
static const struct problem rejections[] = {
    {400, "malformed", "The request is malformed."},
    {404, "not-found", "There is no such path."},
    {405, "method", "The path does not have this method."},
    {408, "timeout", "The request took too long."},
    {411, "length-required", "The body needs a Content-Length."},
    {413, "too-large", "The body is too large."},
    {414, "too-long", "The path is too long."},
    {415, "media-type", "The body must be application/json."},
    {422, "key-reused", "The Idempotency-Key belongs to another request."},
};

static const struct problem *problem_of(const struct service *service, const struct call *call)
{
    enum answer answer = call->outcome.reply.answer;
    if (!call->outcome.is_rejected)
        return &problems[answer == ANSWER_LOCKED && !service->settings.tells_locked ? ANSWER_DENIED
                                                                                    : answer];
    for (size_t i = 0; i < sizeof rejections / sizeof *rejections; i++)
        if (rejections[i].status == call->status)
            return &rejections[i];
    return &rejections[0];
}

/* Only these details are about nothing but the request itself. */
static bool tells_detail(const struct outcome *outcome)
{
    return outcome->is_rejected || outcome->reply.answer == ANSWER_REFUSED;
}

/* All of it is constant text, numbers and the request id, which is plain. */
static void write_problem(struct call *call, const struct problem *problem)
{
    struct line line = {.size = 0};
    char type[32];
    (void)snprintf(type, sizeof type, "/problems/%s", problem->type);
    line_add_text(&line, "type", type);
    line_add_text(&line, "title", problem->title);
    line_add_number(&line, "status", problem->status);
    if (tells_detail(&call->outcome))
        line_add_text(&line, "detail", call->outcome.reply.detail);
    line_add_text(&line, "request_id", call->id);
    call->text = malloc(line.size + 1);
    if (call->text == NULL)
        return;
    memcpy(call->text, line.text, line.size);
    call->text[line.size] = '}';
    call->text_size = line.size + 1;
    call->text_type = "application/problem+json";
}

void call_answer(const struct service *service, struct call *call)
{
    if (!call->outcome.is_rejected && call->outcome.reply.answer == ANSWER_OK) {
        if (call->status == 0)
            call->status = call->route->status;
        return;
    }
    const struct problem *problem = problem_of(service, call);
    call->status = problem->status;
    if (call->text == NULL)
        write_problem(call, problem);
}
