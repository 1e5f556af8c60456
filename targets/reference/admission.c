/* SPDX-License-Identifier: Apache-2.0
 *
 * Admission: how much memory and how many hashes there may be at the same time.
 *
 * A password hash takes megabytes on purpose, so whoever sends logins faster than they can be
 * answered takes the machine's memory, and then everything fails, for everybody, at a place where
 * nobody is prepared. Here it fails at a place that is: before the hash, at once, with a cause of
 * its own and a hint when to come again. Nobody waits in a queue, because a queue would be the
 * next thing that grows. A hash that is not admitted is `unavailable` and never `denied`: nobody
 * has looked at the password.
 *
 * Both numbers live in one word, 16 bits of hashes above 48 bits of KiB, so that one
 * compare-and-swap decides about both: the limits are exact under any number of threads, and
 * nothing blocks. Overflow is impossible: 65535 hashes of 32 bits of KiB fit into 48 bits.
 *
 * Not modelled: fairness (whoever comes first is served), priorities, and limits for one client:
 * these belong in front of this library.
 */
#include "reference.h"

#include <stdatomic.h>
#include <stdlib.h>

#define ONE_HASH ((uint64_t)1 << 48)
#define KIB_MASK (ONE_HASH - 1)

_Static_assert((uint64_t)ADMISSION_HASHES_MAX *UINT32_MAX < ONE_HASH, "the KiB of all hashes");
_Static_assert(ADMISSION_HASHES_MAX <= UINT16_MAX, "hashes have 16 bits");

struct admission {
    struct admission_limits limits;
    _Atomic uint64_t taken;
};

bool admission_open(const struct admission_limits *limits, struct admission **ret,
                    struct reply *reply)
{
    if (limits->hashes == 0 || limits->hashes > ADMISSION_HASHES_MAX || limits->memory_kib == 0)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_LIMIT, 0, "admission",
                                 "limits that admit nothing or too much");
    struct admission *admission = calloc(1, sizeof *admission);
    if (admission == NULL)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, 0, "admission",
                                 "out of memory");
    admission->limits = *limits;
    if (limits->retry_after_ms == 0)
        admission->limits.retry_after_ms = ADMISSION_RETRY_AFTER_MS_DEFAULT;
    atomic_init(&admission->taken, 0);
    *ret = admission;
    return reply_ok(reply);
}

void admission_close(struct admission *admission)
{
    free(admission);
}

bool admission_take(struct admission *admission, uint32_t memory_kib, struct admission_ticket *ret,
                    struct reply *reply)
{
    if (admission == NULL)
        return reply_ok(reply);
    const struct admission_limits *limits = &admission->limits;
    if (memory_kib > limits->memory_kib)
        return reply_unavailable(reply, LAYER_HASHING, REASON_LIMIT, 0, "admission",
                                 "one hash needs more memory than all may have");
    uint64_t taken = atomic_load(&admission->taken);
    do {
        if (taken / ONE_HASH >= limits->hashes)
            return reply_retry_later(reply, limits->retry_after_ms, LAYER_HASHING, REASON_MEMORY,
                                     "admission", "as many hashes as there may be");
        if ((taken & KIB_MASK) + memory_kib > limits->memory_kib)
            return reply_retry_later(reply, limits->retry_after_ms, LAYER_HASHING, REASON_MEMORY,
                                     "admission", "as much memory as there may be");
    } while (
        !atomic_compare_exchange_weak(&admission->taken, &taken, taken + ONE_HASH + memory_kib));
    *ret = (struct admission_ticket){admission, memory_kib};
    return reply_ok(reply);
}

void admission_give(struct admission_ticket *ticket)
{
    if (ticket->from == NULL)
        return;
    (void)atomic_fetch_sub(&ticket->from->taken, ONE_HASH + ticket->memory_kib);
    *ticket = (struct admission_ticket){NULL, 0};
}

bool admission_suffices(const struct admission *admission, uint32_t memory_kib)
{
    return admission == NULL || memory_kib <= admission->limits.memory_kib;
}

struct admission_limits admission_taken(const struct admission *admission)
{
    uint64_t taken = atomic_load(&admission->taken);
    return (struct admission_limits){
        .memory_kib = (uint32_t)(taken & KIB_MASK),
        .hashes = (uint32_t)(taken / ONE_HASH),
    };
}
