/* SPDX-License-Identifier: Apache-2.0
 *
 * Entropy: every random byte that a subject gets from libsodium or SQLite, from one seed.
 *
 * libsodium asks an implementation that can be replaced, SQLite asks its VFS once to seed a
 * generator of its own. Both get a splitmix64 stream: repeatable, well spread, and without any
 * pretence of being secret. The streams are separate, so that SQLite drawing once more does not
 * change a salt.
 *
 * Not reached: getrandom() and /dev/urandom called by the subject itself, and libsodium's copies
 * linked statically into a module. With several threads, who gets which bytes follows the schedule.
 */
#include <pthread.h>
#include <string.h>

#include <sodium.h>

#include "faults/faults.h"

static pthread_mutex_t entropy_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t streams[ENTROPY_STREAMS]; /* states of splitmix64 */

/* The next bytes of a stream. A request ends with a whole number drawn: its rest is dropped. */
void entropy_fill(enum entropy_stream stream, void *ret, size_t size)
{
    uint8_t *at = ret;
    faults_lock(&entropy_mutex);
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
        streams[i] = random_next(&seed);
    faults_unlock(&entropy_mutex);
}

static const char *sodium_name(void)
{
    return "assay";
}

static uint32_t sodium_random(void)
{
    uint32_t word;
    entropy_fill(ENTROPY_SODIUM, &word, sizeof word);
    return word;
}

static void sodium_buf(void *const ret, const size_t size)
{
    entropy_fill(ENTROPY_SODIUM, ret, size);
}

/* Stirring would ask the world for a new seed; here there is nothing to ask. */
static void sodium_stir(void)
{
}

static int sodium_close(void)
{
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
    if (randombytes_set_implementation(&implementation) != 0)
        return "libsodium takes no source of randomness";
    if (sodium_init() < 0)
        return "libsodium cannot be initialised";
    if (strcmp(randombytes_implementation_name(), sodium_name()) != 0)
        return "libsodium does not use our source of randomness";
    return NULL;
}
