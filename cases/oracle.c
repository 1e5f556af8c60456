/* SPDX-License-Identifier: Apache-2.0
 *
 * What may be demanded of an answer.
 *
 * `unavailable` needs a reason outside the target: a fault that has fired. Its cause must then be
 * one that this fault may have, by the table below, which is reviewed by people and never learnt
 * from a run. It is the heart of the matter: in the incident an hour was lost because memory that
 * ran out was reported as wrong passwords and a loaded network.
 */
#include <stdio.h>
#include <string.h>

#include "cases/cases.h"

uint16_t operation_named(const char *name)
{
    const struct catalogue *catalogue = edge_catalogue();
    for (uint16_t i = 0; i < catalogue->operation_count; i++)
        if (strcmp(catalogue->operations[i].name, name) == 0)
            return i;
    return OPERATIONS_MAX;
}

const char *answer_name(enum assay_answer answer)
{
    static const char *const names[ASSAY_ANSWERS] = {
        "ok", "denied", "exists", "refused", "locked", "unavailable", "unsupported"};
    return (unsigned)answer < ASSAY_ANSWERS ? names[answer] : "an answer that does not exist";
}

const char *layer_name(enum assay_layer layer)
{
    static const char *const names[ASSAY_LAYERS] = {"none",    "input",   "hashing", "storage",
                                                    "network", "session", "internal"};
    return (unsigned)layer < ASSAY_LAYERS ? names[layer] : "a layer that does not exist";
}

const char *reason_name(enum assay_reason reason)
{
    static const char *const names[ASSAY_REASONS] = {"none",    "memory",  "busy",    "full",
                                                     "io",      "corrupt", "entropy", "clock",
                                                     "timeout", "refused", "limit",   "bug"};
    return (unsigned)reason < ASSAY_REASONS ? names[reason] : "a reason that does not exist";
}

const char *reply_text(char *ret, size_t size, const struct assay_reply *reply)
{
    if (reply->cause.layer == ASSAY_LAYER_NONE && reply->cause.reason == ASSAY_REASON_NONE)
        snprintf(ret, size, "%s", answer_name(reply->answer));
    else
        snprintf(ret, size, "%s (%s, %s)", answer_name(reply->answer),
                 layer_name(reply->cause.layer), reason_name(reply->cause.reason));
    return ret;
}

/* C(operation, effect): the causes that a fault may be reported with. A row without an operation's
 * effect means: any. */
static const struct {
    const char *operation, *effect;
    enum assay_layer layer;
    enum assay_reason reason;
    const char *why;
} causes[] = {
    {"disk.open", "cantopen", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "the file cannot be opened"},
    {"disk.read", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "a sector cannot be read"},
    {"disk.write", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "a sector cannot be written"},
    {"disk.write", "full", ASSAY_LAYER_STORAGE, ASSAY_REASON_FULL, "no space is left"},
    {"disk.sync", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "data may not have reached the disk"},
    {"disk.sync", "dropped", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "data has not reached the disk"},
    {"disk.truncate", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "the file cannot be cut"},
    {"disk.size", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "the file's size cannot be read"},
    {"disk.delete", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "the file cannot be removed"},
    {"disk.access", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "the directory cannot be read"},
    {"disk.lock", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "the lock manager fails"},
    {"disk.lock", "busy", ASSAY_LAYER_STORAGE, ASSAY_REASON_BUSY, "somebody else holds the lock"},
    {"disk.shm_map", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO,
     "the shared index cannot be mapped"},
    {"disk.shm_map", "memory", ASSAY_LAYER_STORAGE, ASSAY_REASON_MEMORY,
     "no memory for the shared index"},
    {"disk.shm_lock", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "the lock manager fails"},
    {"disk.shm_lock", "busy", ASSAY_LAYER_STORAGE, ASSAY_REASON_BUSY,
     "somebody else holds the lock"},
    {"memory.map", "memory", ASSAY_LAYER_HASHING, ASSAY_REASON_MEMORY,
     "the memory of the KDF cannot be had"},
    {"memory.sqlite", "memory", ASSAY_LAYER_STORAGE, ASSAY_REASON_MEMORY, "SQLite gets no memory"},
    {"call.crypto_pwhash", "memory", ASSAY_LAYER_HASHING, ASSAY_REASON_MEMORY,
     "libsodium says ENOMEM"},
    {"call.crypto_pwhash_str", "memory", ASSAY_LAYER_HASHING, ASSAY_REASON_MEMORY,
     "libsodium says ENOMEM"},
    {"call.crypto_pwhash_str_verify", "memory", ASSAY_LAYER_HASHING, ASSAY_REASON_MEMORY,
     "libsodium says EINVAL or ENOMEM"},
    {"memory.allocate", "memory", ASSAY_LAYER_INTERNAL, ASSAY_REASON_MEMORY, "of the program"},
    {"memory.allocate", "memory", ASSAY_LAYER_HASHING, ASSAY_REASON_MEMORY,
     "the program's, for a hash"},
    {"memory.allocate", "memory", ASSAY_LAYER_STORAGE, ASSAY_REASON_MEMORY,
     "the program's, for its store"},
    {"memory.allocate", "memory", ASSAY_LAYER_SESSION, ASSAY_REASON_MEMORY,
     "the program's, for a session"},
    {"memory.kdf", "memory", ASSAY_LAYER_HASHING, ASSAY_REASON_MEMORY, "the KDF's own"},
    {"memory.lock", "memory", ASSAY_LAYER_INTERNAL, ASSAY_REASON_MEMORY,
     "a secret cannot be kept out of swap"},
    {"entropy.library", "stuck", ASSAY_LAYER_HASHING, ASSAY_REASON_ENTROPY, "the same bytes again"},
    {"entropy.kernel", "nosys", ASSAY_LAYER_HASHING, ASSAY_REASON_ENTROPY, "no salt"},
    {"entropy.kernel", "nosys", ASSAY_LAYER_SESSION, ASSAY_REASON_ENTROPY, "no token"},
    {"entropy.kernel", "stuck", ASSAY_LAYER_HASHING, ASSAY_REASON_ENTROPY, "the same bytes again"},
    {"entropy.large", "nosys", ASSAY_LAYER_HASHING, ASSAY_REASON_ENTROPY, "no salt"},
    {"entropy.large", "nosys", ASSAY_LAYER_SESSION, ASSAY_REASON_ENTROPY, "no token"},
    {"entropy.large", "short", ASSAY_LAYER_HASHING, ASSAY_REASON_ENTROPY, "not all that is needed"},
    {"entropy.large", "stuck", ASSAY_LAYER_HASHING, ASSAY_REASON_ENTROPY, "the same bytes again"},
    {"clock.read", "forward", ASSAY_LAYER_INTERNAL, ASSAY_REASON_CLOCK, "a year later"},
    {"clock.read", "back", ASSAY_LAYER_INTERNAL, ASSAY_REASON_CLOCK, "a year earlier"},
    {"clock.read", "restart", ASSAY_LAYER_INTERNAL, ASSAY_REASON_CLOCK, "1970"},
    {"clock.read", "still", ASSAY_LAYER_INTERNAL, ASSAY_REASON_CLOCK, "no time goes by"},
    {"file.open", "exhausted", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "a file cannot be opened"},
    {"file.open", "exhausted", ASSAY_LAYER_STORAGE, ASSAY_REASON_LIMIT, "no descriptor is left"},
    {"file.open", "exhausted", ASSAY_LAYER_HASHING, ASSAY_REASON_ENTROPY, "no device to read"},
    {"file.open", "exhausted", ASSAY_LAYER_SESSION, ASSAY_REASON_ENTROPY, "no device to read"},
    {"file.open", "access", ASSAY_LAYER_HASHING, ASSAY_REASON_ENTROPY, "no device to read"},
    {"file.open", "access", ASSAY_LAYER_SESSION, ASSAY_REASON_ENTROPY, "no device to read"},
    {"file.open", "access", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "a file cannot be opened"},
    {"file.open", "access", ASSAY_LAYER_STORAGE, ASSAY_REASON_REFUSED, "permission is denied"},
    {"file.read", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "a file cannot be read"},
    {"file.read", "short", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "not all of it can be read"},
    {"file.read", "short", ASSAY_LAYER_STORAGE, ASSAY_REASON_CORRUPT, "not all of it is there"},
    {"file.read", "interrupted", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "a file cannot be read"},
    {"file.write", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "a file cannot be written"},
    {"file.write", "full", ASSAY_LAYER_STORAGE, ASSAY_REASON_FULL, "no space is left"},
    {"file.write", "short", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "not all of it was written"},
    {"file.write", "short", ASSAY_LAYER_STORAGE, ASSAY_REASON_FULL, "not all of it had space"},
    {"file.write", "interrupted", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "a file cannot be written"},
    {"file.sync", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "data may not have reached the disk"},
    {"file.change", "io", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "a folder cannot be changed"},
    {"file.flush", "full", ASSAY_LAYER_STORAGE, ASSAY_REASON_FULL, "no space is left"},
    {"file.flush", "full", ASSAY_LAYER_STORAGE, ASSAY_REASON_IO, "a file cannot be written"},
};

static bool may_have_cause(const struct fault *fault, const struct assay_cause *cause)
{
    const struct operation *operation = &edge_catalogue()->operations[fault->site.operation];
    const char *effect = operation->effects[fault->effect.code - 1];
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (strcmp(causes[i].operation, operation->name) == 0 &&
            strcmp(causes[i].effect, effect) == 0 && causes[i].layer == cause->layer &&
            causes[i].reason == cause->reason)
            return true;
    return false;
}

static bool is_same_kind(size_t a, size_t b)
{
    return strcmp(causes[a].operation, causes[b].operation) == 0 &&
           strcmp(causes[a].effect, causes[b].effect) == 0;
}

void causes_count(uint32_t *ret_kinds, uint32_t *ret_single)
{
    *ret_kinds = *ret_single = 0;
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        bool first = true, single = true;
        for (size_t j = 0; j < sizeof causes / sizeof *causes; j++) {
            first &= j >= i || !is_same_kind(i, j);
            single &= j == i || !is_same_kind(i, j);
        }
        *ret_kinds += first;
        *ret_single += single;
    }
}

/* More was wanted of something than the case allows: as if the first effect had struck there. */
static bool some_limit_explains(const struct assay_cause *cause)
{
    for (uint16_t i = 0; i < edge_catalogue()->operation_count; i++)
        if (edge_refused(i) > 0 &&
            may_have_cause(&(struct fault){.site = {.operation = i}, .effect = {1}}, cause))
            return true;
    return false;
}

static bool some_fault_explains(const struct assay_cause *cause)
{
    const struct plan *plan = edge_plan();
    for (uint32_t i = 0; i < plan->count; i++)
        if ((edge_fired() & (1u << i)) && may_have_cause(&plan->faults[i], cause))
            return true;
    return false;
}

/* The injected fault, for a message. */
static const char *injected(char *ret, size_t size)
{
    const struct plan *plan = edge_plan();
    snprintf(ret, size, "nothing");
    for (uint32_t i = 0; i < plan->count; i++)
        if (edge_fired() & (1u << i)) {
            const struct operation *operation =
                &edge_catalogue()->operations[plan->faults[i].site.operation];
            snprintf(ret, size, "%s (%s)", operation->name,
                     operation->effects[plan->faults[i].effect.code - 1]);
        }
    return ret;
}
#define INJECTED() injected((char[80]){0}, 80)

static bool holds(const char *detail, const struct text *secret)
{
    size_t size = !secret ? 0 : secret->size > 16 ? 16 : secret->size; /* details are short */
    return size >= 8 && memmem(detail, strlen(detail), secret->bytes, size) != NULL;
}

static void judge_form(struct run *run, const struct assay_reply *reply, const char *operation,
                       const struct text *secret)
{
    bool plain = reply->cause.layer == ASSAY_LAYER_NONE && reply->cause.reason == ASSAY_REASON_NONE;
    const uint8_t answered[] = {(uint8_t)reply->answer, (uint8_t)reply->cause.layer,
                                (uint8_t)reply->cause.reason};
    note_answer(run, answered, sizeof answered);
    CHECK(run,
          (unsigned)reply->answer < ASSAY_ANSWERS && (unsigned)reply->cause.layer < ASSAY_LAYERS &&
              (unsigned)reply->cause.reason < ASSAY_REASONS,
          "%s gives an answer (%d) or a cause (%d, %d) that does not exist", operation,
          reply->answer, reply->cause.layer, reply->cause.reason);
    CHECK(run, memchr(reply->detail, 0, sizeof reply->detail) != NULL,
          "%s gives a detail that does not end", operation);
    CHECK(run, !holds(reply->detail, secret),
          "%s writes the password into the detail for operators", operation);
    CHECK(run, reply->answer != ASSAY_UNSUPPORTED, "%s is in the table but answers unsupported",
          operation);
    if (reply->answer == ASSAY_OK || reply->answer == ASSAY_DENIED || reply->answer == ASSAY_EXISTS)
        CHECK(run, plain, "%s answers %s, which has no cause", operation, REPLY_TEXT(reply));
    if (reply->answer == ASSAY_REFUSED)
        CHECK(run, reply->cause.layer == ASSAY_LAYER_INPUT,
              "%s answers %s: a policy refuses input, so the layer is input", operation,
              REPLY_TEXT(reply));
}

/* What was tampered with is the storage's to report; a damaged file may also look unreadable, or
 * like one of a later release. A foreign but valid record may ask for more than the target serves:
 * (hashing, limit). */
static bool blames_the_record(const struct assay_cause *cause)
{
    if (cause->layer == ASSAY_LAYER_STORAGE)
        return cause->reason == ASSAY_REASON_CORRUPT || cause->reason == ASSAY_REASON_IO ||
               cause->reason == ASSAY_REASON_REFUSED;
    return cause->layer == ASSAY_LAYER_HASHING && cause->reason == ASSAY_REASON_LIMIT;
}

/* For the matrix of what was injected and what was reported. */
static void note_failure(struct run *run, const struct assay_reply *reply)
{
    if (reply->answer == ASSAY_UNAVAILABLE)
        report_failure(run,
                       (struct report){(uint8_t)reply->cause.layer, (uint8_t)reply->cause.reason});
}

static void judge_unavailable(struct run *run, const struct assay_reply *reply,
                              const char *operation)
{
    if (some_limit_explains(&reply->cause))
        return;
    CHECK(run, edge_fired() != 0, "%s answers %s, although nothing was made to fail", operation,
          REPLY_TEXT(reply));
    CHECK_AS(run, CONSEQUENCE_MISATTRIBUTED, some_fault_explains(&reply->cause),
             "%s answers %s, but what failed is %s: the wrong people would be woken up", operation,
             REPLY_TEXT(reply), INJECTED());
}

void judge_reply(struct run *run, const struct assay_reply *reply, const char *operation,
                 const struct text *secret)
{
    judge_form(run, reply, operation, secret);
    note_failure(run, reply);
    if (reply->answer == ASSAY_UNAVAILABLE)
        judge_unavailable(run, reply, operation);
}

void judge_reply_of_record(struct run *run, const struct assay_reply *reply, const char *operation,
                           const struct text *secret)
{
    judge_form(run, reply, operation, secret);
    note_failure(run, reply);
    if (reply->answer == ASSAY_UNAVAILABLE && !blames_the_record(&reply->cause))
        judge_unavailable(run, reply, operation);
}

void judge_hidden(struct run *run, const struct assay_reply *reply, const char *operation,
                  const struct text *encoded)
{
    struct text end = {.size = 12};
    if (encoded->size < 32)
        return;
    memcpy(end.bytes, encoded->bytes + encoded->size - 24, end.size);
    CHECK(run, !holds(reply->detail, &end),
          "%s writes the stored digest into the detail for operators", operation);
}

bool clock_was_put_on(uint32_t *ret_times)
{
    const struct plan *plan = edge_plan();
    uint16_t clock = operation_named("clock.read");
    *ret_times = 0;
    for (uint32_t i = 0; i < plan->count; i++)
        if ((edge_fired() & (1u << i)) && plan->faults[i].site.operation == clock &&
            strcmp(edge_catalogue()->operations[clock].effects[plan->faults[i].effect.code - 1],
                   "forward") == 0)
            *ret_times = plan->faults[i].times;
    return *ret_times > 0;
}

bool clock_fails(void)
{
    const struct plan *plan = edge_plan();
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->faults[i].site.operation == operation_named("clock.read"))
            return true;
    return false;
}
