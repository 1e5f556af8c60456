/* SPDX-License-Identifier: Apache-2.0
 *
 * The words for operations, answers, layers and reasons. Log, metrics and alert rules use the same
 * ones, so that an alert leads to the lines that it is about. What also has no better place: the
 * clock, and memory that is wiped before it is given back.
 */
#include "service.h"

#include <malloc.h>
#include <stdlib.h>
#include <time.h>

static const char *const operations[OPERATIONS] = {
    [OPERATION_REGISTER] = "register",
    [OPERATION_LOGIN] = "login",
    [OPERATION_CHANGE] = "change",
    [OPERATION_REMOVE] = "remove",
    [OPERATION_SESSION_CHECK] = "session_check",
    [OPERATION_SESSION_REVOKE] = "session_revoke",
    [OPERATION_OTHER] = "other",
};

static const char *const answers[ANSWERS] = {
    [ANSWER_OK] = "ok",
    [ANSWER_DENIED] = "denied",
    [ANSWER_EXISTS] = "exists",
    [ANSWER_REFUSED] = "refused",
    [ANSWER_LOCKED] = "locked",
    [ANSWER_UNAVAILABLE] = "unavailable",
    [ANSWER_UNSUPPORTED] = "unsupported",
    [ANSWERS - 1] = "rejected",
};

static const char *const layers[LAYERS] = {
    [LAYER_NONE] = "none",         [LAYER_INPUT] = "input",     [LAYER_HASHING] = "hashing",
    [LAYER_STORAGE] = "storage",   [LAYER_NETWORK] = "network", [LAYER_SESSION] = "session",
    [LAYER_INTERNAL] = "internal",
};

static const char *const reasons[REASONS] = {
    [REASON_NONE] = "none",       [REASON_MEMORY] = "memory", [REASON_BUSY] = "busy",
    [REASON_FULL] = "full",       [REASON_IO] = "io",         [REASON_CORRUPT] = "corrupt",
    [REASON_ENTROPY] = "entropy", [REASON_CLOCK] = "clock",   [REASON_TIMEOUT] = "timeout",
    [REASON_REFUSED] = "refused", [REASON_LIMIT] = "limit",   [REASON_BUG] = "bug",
};

size_t outcome_index(const struct outcome *outcome)
{
    return outcome->is_rejected ? ANSWERS - 1 : (size_t)outcome->reply.answer;
}

const char *operation_word(enum operation operation)
{
    return operations[operation];
}

const char *answer_word(size_t index)
{
    return answers[index];
}

const char *layer_word(enum layer layer)
{
    return layers[layer];
}

const char *reason_word(enum reason reason)
{
    return reasons[reason];
}

int64_t monotonic_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void wipe_and_free(void *memory)
{
    if (memory == NULL)
        return;
    sodium_memzero(memory, malloc_usable_size(memory));
    free(memory);
}

void wipe_json(void)
{
    json_set_alloc_funcs(malloc, wipe_and_free);
}
