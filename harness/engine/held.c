/* SPDX-License-Identifier: Apache-2.0
 *
 * What a subject holds: the sum of what it was given at an operation and has not given back, such
 * as bytes of mappings; or of what is never given back, such as random bytes.
 *
 * Where a fault of the plan strikes one call, an allowance strikes whoever comes when too much is
 * held already, so that several threads run short together, as they do in life. It is not a choice
 * but the case's: which thread is refused follows from the schedule. A quiet edge neither counts
 * nor refuses. What was taken while nobody counted, and is given back later, is never below
 * nothing.
 */
#include <string.h>

#include "harness/engine/engine.h"
#include "harness/engine/unseen.h"

static struct held {
    uint64_t now, most, refused;
    uint64_t beyond; /* what is allowed, from the other end: 0 is everything */
} all[OPERATIONS_MAX];

/* The record of an operation, if it is counted now. */
static struct held *counted(uint16_t operation)
{
    return operation < OPERATIONS_MAX && edge_is_active() ? &all[operation] : NULL;
}

void held_reset(void)
{
    memset(all, 0, sizeof all);
}

/* Threads that the subject makes itself may come at the same time: no sum is lost, and an allowance
 * is then exact only as far as the case keeps to schedules. */
bool edge_take(uint16_t operation, uint64_t amount)
{
    struct held *held = counted(operation);
    if (held == NULL)
        return true;
    unseen_begin();
    uint64_t now = __atomic_add_fetch(&held->now, amount, __ATOMIC_RELAXED);
    bool allowed = now <= UINT64_MAX - held->beyond;
    if (!allowed) {
        __atomic_sub_fetch(&held->now, amount, __ATOMIC_RELAXED);
        __atomic_add_fetch(&held->refused, 1, __ATOMIC_RELAXED);
    } else if (now > held->most) {
        held->most = now;
    }
    unseen_end();
    return allowed;
}

void edge_give(uint16_t operation, uint64_t amount)
{
    struct held *held = counted(operation);
    if (held == NULL)
        return;
    unseen_begin();
    uint64_t now = __atomic_load_n(&held->now, __ATOMIC_RELAXED), rest;
    do
        rest = now > amount ? now - amount : 0;
    while (!__atomic_compare_exchange_n(&held->now, &now, rest, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
    unseen_end();
}

uint64_t edge_held(uint16_t operation)
{
    return operation < OPERATIONS_MAX ? all[operation].now : 0;
}

uint64_t edge_held_most(uint16_t operation)
{
    return operation < OPERATIONS_MAX ? all[operation].most : 0;
}

void edge_allow(uint16_t operation, uint64_t most)
{
    if (operation < OPERATIONS_MAX)
        all[operation].beyond = UINT64_MAX - most;
}

uint64_t edge_refused(uint16_t operation)
{
    return operation < OPERATIONS_MAX ? all[operation].refused : 0;
}
