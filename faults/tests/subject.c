/* SPDX-License-Identifier: Apache-2.0
 *
 * A subject without a purpose: it asks libc for what programs ask for. It is loaded as modules are,
 * since only calls of loaded objects are intercepted. Who is not prepared ignores what he was
 * answered, or believes it.
 */
#include "subject.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <syslog.h>
#include <unistd.h>

#define SALT_BYTES                16u
#define SEED_BYTES                300u
#define LOCK_SECONDS              60
#define NOBODY_OPTIMISES(pointer) __asm__ volatile("" : : "r"(pointer) : "memory")

static enum outcome_of_deed got(void *memory, bool prepared)
{
    NOBODY_OPTIMISES(memory);
    free(memory);
    return memory != NULL ? WORKED : prepared ? SAID_SO : WENT_ON;
}

static enum outcome_of_deed try_malloc(bool prepared)
{
    return got(malloc(10), prepared);
}

static enum outcome_of_deed try_calloc(bool prepared)
{
    return got(calloc(2, 5), prepared);
}

static enum outcome_of_deed try_realloc(bool prepared)
{
    return got(realloc(NULL, 1000), prepared);
}

static enum outcome_of_deed try_reallocarray(bool prepared)
{
    return got(reallocarray(NULL, 10, 100), prepared);
}

static enum outcome_of_deed try_aligned_alloc(bool prepared)
{
    return got(aligned_alloc(64, 64), prepared);
}

static enum outcome_of_deed try_posix_memalign(bool prepared)
{
    void *memory = NULL;
    return posix_memalign(&memory, 64, 64) == 0 ? got(memory, prepared) : got(NULL, prepared);
}

static enum outcome_of_deed try_strdup(bool prepared)
{
    static const char *volatile text = "a name";
    return got(strdup(text), prepared);
}

static enum outcome_of_deed try_strndup(bool prepared)
{
    static const char *volatile text = "a name";
    return got(strndup(text, 3), prepared);
}

static enum outcome_of_deed try_mmap(bool prepared)
{
    void *memory = mmap(NULL, 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return prepared ? SAID_SO : WENT_ON;
    return munmap(memory, 10) == 0 ? WORKED : WENT_ON;
}

static bool is_empty(const uint8_t *bytes, size_t size)
{
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    return size == 0;
}

static enum outcome_of_deed judge_random(const uint8_t *bytes, size_t size, bool whole,
                                         bool prepared)
{
    if (prepared && !whole)
        return SAID_SO;
    return is_empty(bytes + size / 2, size - size / 2) ? WENT_ON : WORKED;
}

static enum outcome_of_deed try_salt(bool prepared)
{
    uint8_t salt[SALT_BYTES] = {0};
    bool whole = getrandom(salt, sizeof salt, 0) == sizeof salt;
    return judge_random(salt, sizeof salt, whole, prepared);
}

static enum outcome_of_deed try_getentropy(bool prepared)
{
    uint8_t salt[SALT_BYTES] = {0};
    bool whole = getentropy(salt, sizeof salt) == 0;
    return judge_random(salt, sizeof salt, whole, prepared);
}

static enum outcome_of_deed try_large_seed(bool prepared)
{
    uint8_t seed[SEED_BYTES] = {0};
    bool whole = getrandom(seed, sizeof seed, 0) == sizeof seed;
    return judge_random(seed, sizeof seed, whole, prepared);
}

/* Something is locked now, for a minute; is it still, at the next reading of the clock? A year
 * later it rightly is not. Who is not prepared takes a clock that was put back for a long time. */
static enum outcome_of_deed try_lock(bool prepared)
{
    int64_t since = time(NULL), now = time(NULL);
    if (prepared && now < since)
        return WORKED;
    return (uint64_t)(now - since) < LOCK_SECONDS ? WORKED : now > since ? SAID_SO : WENT_ON;
}

static time_t now(void)
{
    struct timespec time = {0};
    return clock_gettime(CLOCK_REALTIME, &time) == 0 ? time.tv_sec : -1;
}

static int64_t now_us(void)
{
    struct timeval time = {0};
    return gettimeofday(&time, NULL) == 0 ? time.tv_sec * INT64_C(1000000) + time.tv_usec : -1;
}

static int64_t monotonic_s(void)
{
    struct timespec time = {0};
    return clock_gettime(CLOCK_MONOTONIC, &time) == 0 ? time.tv_sec : -1;
}

static void rest(unsigned seconds)
{
    struct timespec part = {seconds / 4, 0};
    (void)nanosleep(&part, NULL);
    (void)clock_nanosleep(CLOCK_REALTIME, 0, &part, NULL);
    (void)sleep(seconds / 4);
    (void)usleep(seconds / 4 * 1000000);
}

static int wait_for(pthread_cond_t *condition, pthread_mutex_t *mutex, unsigned seconds)
{
    struct timespec deadline = {time(NULL) + seconds, 0};
    return pthread_cond_timedwait(condition, mutex, &deadline);
}

static void wipe_and_free(char *text, bool wiped)
{
    if (wiped)
        explicit_bzero(text, strlen(text));
    NOBODY_OPTIMISES(text);
    free(text);
}

static void free_copy(const char *text, bool wiped)
{
    char *copy = malloc(strlen(text) + 1);
    NOBODY_OPTIMISES(copy);
    if (copy != NULL)
        wipe_and_free(strcpy(copy, text), wiped);
}

/* By a little, so that libc would leave it where it is. */
static void grow_copy(const char *text)
{
    char *copy = strdup(text);
    NOBODY_OPTIMISES(copy);
    char *grown = copy != NULL ? realloc(copy, strlen(text) + 2) : NULL;
    NOBODY_OPTIMISES(grown);
    if (grown != NULL)
        wipe_and_free(grown, true);
}

static bool fresh_is_zero(size_t size)
{
    uint8_t *memory = malloc(size);
    NOBODY_OPTIMISES(memory);
    bool zero = memory != NULL && is_empty(memory, size);
    free(memory);
    return zero;
}

static void say(const char *text)
{
    syslog(LOG_DEBUG, "it says: %s", text);
}

const struct subject_functions *subject_functions(void)
{
    static const struct subject_functions functions = {
        .malloc = try_malloc,
        .calloc = try_calloc,
        .realloc = try_realloc,
        .reallocarray = try_reallocarray,
        .aligned_alloc = try_aligned_alloc,
        .posix_memalign = try_posix_memalign,
        .strdup = try_strdup,
        .strndup = try_strndup,
        .mmap = try_mmap,
        .salt = try_salt,
        .salt_by_getentropy = try_getentropy,
        .large_seed = try_large_seed,
        .lock_holds = try_lock,
        .getrandom = getrandom,
        .now = now,
        .now_us = now_us,
        .monotonic_s = monotonic_s,
        .rest = rest,
        .wait = wait_for,
        .free_copy = free_copy,
        .grow_copy = grow_copy,
        .fresh_is_zero = fresh_is_zero,
        .log = say,
    };
    return &functions;
}
