/* SPDX-License-Identifier: Apache-2.0
 *
 * Replies: one answer and one cause for each operation.
 *
 * These functions are the only ones that write a struct reply, and each writes all of it, so that
 * no part of an earlier reply can leak into a later one. Details are built from constant text and
 * the libraries' own words for their result codes; no caller's bytes ever get in.
 */
#include "reference.h"

#include <stdio.h>

bool reply_ok(struct reply *ret)
{
    *ret = (struct reply){.answer = ANSWER_OK};
    return true;
}

bool reply_denied(struct reply *ret)
{
    *ret = (struct reply){.answer = ANSWER_DENIED};
    return false;
}

bool reply_exists(struct reply *ret)
{
    *ret = (struct reply){.answer = ANSWER_EXISTS};
    return false;
}

bool reply_refused(struct reply *ret, enum reason reason, const char *why)
{
    *ret = (struct reply){.answer = ANSWER_REFUSED, .layer = LAYER_INPUT, .reason = reason};
    (void)snprintf(ret->detail, sizeof ret->detail, "%s", why);
    return false;
}

bool reply_locked(struct reply *ret, uint32_t retry_after_ms)
{
    *ret = (struct reply){.answer = ANSWER_LOCKED, .retry_after_ms = retry_after_ms};
    (void)snprintf(ret->detail, sizeof ret->detail, "%s",
                   retry_after_ms > 0 ? "too many wrong passwords"
                                      : "too many wrong passwords: until an operator unlocks it");
    return false;
}

bool reply_unavailable(struct reply *ret, enum layer layer, enum reason reason, int32_t native_code,
                       const char *operation, const char *why)
{
    *ret = (struct reply){
        .answer = ANSWER_UNAVAILABLE,
        .layer = layer,
        .reason = reason,
        .native_code = native_code,
    };
    (void)snprintf(ret->detail, sizeof ret->detail, "%s: %s", operation, why);
    return false;
}

bool reply_retry_later(struct reply *ret, uint32_t retry_after_ms, enum layer layer,
                       enum reason reason, const char *operation, const char *why)
{
    (void)reply_unavailable(ret, layer, reason, 0, operation, why);
    ret->retry_after_ms = retry_after_ms;
    return false;
}

void reply_note(struct reply *reply, const char *what, const struct reply *why)
{
    (void)snprintf(reply->detail, sizeof reply->detail, "%s: %.*s", what, 120, why->detail);
}
