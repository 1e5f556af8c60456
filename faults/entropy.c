/* SPDX-License-Identifier: Apache-2.0
 *
 * Entropy: every random byte that a subject gets from libsodium, SQLite or the kernel, from one
 * seed; and what can go wrong about it.
 *
 * libsodium asks an implementation that can be replaced, SQLite asks its VFS once to seed a
 * generator of its own, and getrandom() and getentropy() are intercepted where the subject calls
 * them (slots.c). Each gets a splitmix64 stream: repeatable, well spread, and without any pretence
 * of being secret. The streams are separate, so that SQLite drawing once more does not change a
 * salt.
 *
 *     nosys   the kernel does not have the call, or a filter forbids it: -1 and ENOSYS
 *     short   getrandom() gives the first half of what was asked for, if that is more than 256
 *             bytes: up to these Linux promises all of them (getrandom(2)), and a program may rely
 *             on it
 *     stuck   the same bytes as for the last request, as a generator gives them that a virtual
 *             machine was cloned with, or a broken one
 *
 * libsodium's randombytes_* have no way to say that they failed: when the kernel gives them nothing
 * they abort the process, so nothing can be asked of a subject there but what it owes to anybody
 * who kills it, and only the stuck generator is an effect. Nobody can notice that one either, and
 * everything but the secrecy must go on.
 *
 * Bytes that are given out are counted (edge_take), so that a case can ask what a salt was made of.
 *
 * Not reached: arc4random() and its kin, which cannot fail, /dev/urandom read by the subject, and
 * system calls made directly. With several threads, who gets which bytes follows the schedule.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include <sodium.h>

#include "faults/faults.h"

static pthread_mutex_t entropy_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t streams[ENTROPY_STREAMS]; /* states of splitmix64 */
static uint64_t before[ENTROPY_STREAMS];  /* as they were at the last request */

#define WHOLE_BYTES_MAX 256u /* of a request that the kernel does not cut short */

static struct {
    __typeof__(&getrandom) getrandom;
    __typeof__(&getentropy) getentropy;
} real;

/* The next bytes of a stream. A request ends with a whole number drawn: its rest is dropped. */
void entropy_fill(enum entropy_stream stream, void *ret, size_t size)
{
    uint8_t *at = ret;
    faults_lock(&entropy_mutex);
    before[stream] = streams[stream];
    while (size > 0) {
        uint64_t word = random_next(&streams[stream]);
        size_t part = size < sizeof word ? size : sizeof word;
        memcpy(at, &word, part);
        at += part;
        size -= part;
    }
    faults_unlock(&entropy_mutex);
}

/* Starts all streams anew. */
void entropy_reset(uint64_t seed)
{
    faults_lock(&entropy_mutex);
    for (size_t i = 0; i < ENTROPY_STREAMS; i++)
        streams[i] = before[i] = random_next(&seed);
    faults_unlock(&entropy_mutex);
}

/* The next request gets what the last one got. */
static void repeat(enum entropy_stream stream)
{
    faults_lock(&entropy_mutex);
    streams[stream] = before[stream];
    faults_unlock(&entropy_mutex);
}

/* --- libsodium -------------------------------------------------------------------------------- */

static void give(void *ret, size_t size)
{
    if (fault_ask(ENTROPY_LIBRARY, ROLE_NONE) == FAULT_STUCK)
        repeat(STREAM_SODIUM);
    (void)edge_take(ENTROPY_LIBRARY, size);
    entropy_fill(STREAM_SODIUM, ret, size);
}

static const char *sodium_name(void)
{
    return "assay";
}

static uint32_t sodium_random(void)
{
    uint32_t word;
    give(&word, sizeof word);
    return word;
}

static void sodium_buf(void *const ret, const size_t size)
{
    give(ret, size);
}

/* Stirring would ask the world for a new seed; here there is nothing to ask. */
static void sodium_stir(void)
{
}

static int sodium_close(void)
{
    return 0;
}

/* --- The kernel ------------------------------------------------------------------------------- */

static enum fault_kind ask_kernel(size_t size)
{
    enum fault_operation operation = size > WHOLE_BYTES_MAX ? ENTROPY_LARGE : ENTROPY_KERNEL;
    enum fault_kind kind = fault_ask(operation, ROLE_NONE);
    if (kind == FAULT_STUCK)
        repeat(STREAM_KERNEL);
    return kind;
}

static void give_from_kernel(void *ret, size_t size)
{
    (void)edge_take(ENTROPY_KERNEL, size);
    entropy_fill(STREAM_KERNEL, ret, size);
}

static ssize_t subject_getrandom(void *ret, size_t size, unsigned flags)
{
    if (!edge_is_running())
        return real.getrandom(ret, size, flags);
    enum fault_kind kind = ask_kernel(size);
    if (kind == FAULT_NOSYS) {
        errno = ENOSYS;
        return -1;
    }
    if (kind == FAULT_SHORT)
        size /= 2;
    give_from_kernel(ret, size);
    return (ssize_t)size;
}

static int subject_getentropy(void *ret, size_t size)
{
    if (!edge_is_running() || size > WHOLE_BYTES_MAX)
        return real.getentropy(ret, size);
    if (ask_kernel(size) == FAULT_NOSYS) {
        errno = ENOSYS;
        return -1;
    }
    give_from_kernel(ret, size);
    return 0;
}

/* libsodium must not be initialised before: it would first stir its own generator. */
const char *entropy_install(void)
{
    static randombytes_implementation implementation = {
        .implementation_name = sodium_name,
        .random = sodium_random,
        .stir = sodium_stir,
        .uniform = NULL, /* libsodium's own, by way of random */
        .buf = sodium_buf,
        .close = sodium_close,
    };
    static const struct slot slots[] = {
        {"getrandom", (function *)subject_getrandom, &real.getrandom},
        {"getentropy", (function *)subject_getentropy, &real.getentropy},
    };
    slots_offer(OWNED_BY_SUBJECT | OWNED_BY_KDF, slots, sizeof slots / sizeof *slots);
    if (randombytes_set_implementation(&implementation) != 0)
        return "libsodium takes no source of randomness";
    if (sodium_init() < 0)
        return "libsodium cannot be initialised";
    if (strcmp(randombytes_implementation_name(), sodium_name()) != 0)
        return "libsodium does not use our source of randomness";
    return NULL;
}
