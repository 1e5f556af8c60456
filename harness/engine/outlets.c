/* SPDX-License-Identifier: Apache-2.0
 *
 * Outlets: the ways by which bytes leave a subject, and whether a secret went out by one of them.
 *
 * A case names its secrets and the outlets at which none of them may be seen. Interceptors show
 * whatever passes there. Nothing is kept but one bit for each outlet that a secret went out by, so
 * that this costs nothing where nobody watches, and may be called on any thread.
 *
 * Not seen: a secret that is encoded, cut into pieces, or passes in two parts.
 */
#include <string.h>

#include "harness/engine/engine.h"
#include "harness/engine/unseen.h"

static struct {
    uint32_t watched; /* bits of outlets, of all secrets together */
    uint32_t leaked;  /* bits of outlets */
    uint32_t count;
    struct secret {
        uint32_t outlets;
        size_t size;
        uint8_t bytes[SECRET_BYTES_MAX];
    } secrets[SECRETS_MAX];
} state;

const char *outlet_name(enum outlet outlet)
{
    static const char *const names[OUTLETS] = {
        [OUTLET_DISK] = "a file of the database",
        [OUTLET_FREED] = "memory that was given back",
        [OUTLET_LOG] = "the system's log",
        [OUTLET_PRINTED] = "what was printed",
        [OUTLET_ENVIRONMENT] = "the environment",
        [OUTLET_REPLY] = "a reply",
        [OUTLET_FILES] = "a file beside the database",
    };
    return (unsigned)outlet < OUTLETS ? names[outlet] : "an outlet that does not exist";
}

/* Before each run. */
void outlets_reset(void)
{
    state.watched = state.leaked = state.count = 0;
}

bool outlet_watch(const void *secret, size_t size, uint32_t outlets)
{
    if (state.count >= SECRETS_MAX || size == 0)
        return false;
    struct secret *ret = &state.secrets[state.count++];
    ret->size = size < SECRET_BYTES_MAX ? size : SECRET_BYTES_MAX;
    memcpy(ret->bytes, secret, ret->size);
    ret->outlets = outlets;
    state.watched |= outlets;
    return true;
}

bool outlet_is_watched(enum outlet outlet)
{
    return (state.watched & (1u << outlet)) != 0;
}

void outlet_show(enum outlet outlet, const void *data, size_t size)
{
    if (__builtin_expect(!outlet_is_watched(outlet), 1) || data == NULL)
        return;
    unseen_begin();
    for (uint32_t i = 0; i < state.count; i++)
        if ((state.secrets[i].outlets & (1u << outlet)) != 0 &&
            memmem(data, size, state.secrets[i].bytes, state.secrets[i].size) != NULL)
            __atomic_or_fetch(&state.leaked, 1u << outlet, __ATOMIC_RELAXED);
    unseen_end();
}

uint32_t outlets_leaked(void)
{
    return __atomic_load_n(&state.leaked, __ATOMIC_RELAXED);
}
