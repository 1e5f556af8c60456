/* SPDX-License-Identifier: Apache-2.0
 *
 * A subject without a purpose: it asks libc for what programs ask for. It is loaded as modules are,
 * since only calls of loaded objects are intercepted. Who is not prepared ignores what he was
 * answered, or believes it.
 */
#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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

/* --- Files of its own ------------------------------------------------------------------------- */

#define RECORD_PATH  "record"
#define NEW_PATH     "record.new"
#define RECORD_BYTES 64u

static const char record[RECORD_BYTES + 1] =
    "alice has a password, and it is long enough for half of it to go"; /* to its last byte */

/* What the file holds is what was written to it, whole. */
static bool is_there(void)
{
    char found[RECORD_BYTES + 1];
    FILE *file = fopen(RECORD_PATH, "r");
    size_t size = file != NULL ? fread(found, 1, sizeof found, file) : 0;
    if (file != NULL)
        (void)fclose(file);
    return size == RECORD_BYTES && memcmp(found, record, RECORD_BYTES) == 0;
}

/* Only who is prepared looks at `said`. */
static enum outcome_of_deed judge_file(bool said, bool did, bool prepared)
{
    return prepared && !said ? SAID_SO : did ? WORKED : WENT_ON;
}

static bool write_whole(int descriptor, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t part = write(descriptor, bytes, size);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            return false;
        bytes += part;
        size -= (size_t)part;
    }
    return true;
}

static bool read_whole(int descriptor, char *ret, size_t size)
{
    while (size > 0) {
        ssize_t part = read(descriptor, ret, size);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            return false;
        ret += part;
        size -= (size_t)part;
    }
    return true;
}

static enum outcome_of_deed try_open(bool prepared)
{
    int descriptor = open(RECORD_PATH, O_RDWR | O_CREAT, 0600);
    if (descriptor >= 0)
        (void)close(descriptor);
    return judge_file(descriptor >= 0, descriptor >= 0, prepared);
}

static enum outcome_of_deed try_fopen(bool prepared)
{
    FILE *file = fopen(RECORD_PATH, "a");
    if (file != NULL)
        (void)fclose(file);
    return judge_file(file != NULL, file != NULL, prepared);
}

static enum outcome_of_deed try_write(bool prepared)
{
    int descriptor = open(RECORD_PATH, O_RDWR | O_CREAT | O_TRUNC, 0600);
    bool said = prepared ? write_whole(descriptor, record, RECORD_BYTES)
                         : write(descriptor, record, RECORD_BYTES) != 0;
    (void)close(descriptor);
    return judge_file(said, is_there(), prepared);
}

static enum outcome_of_deed try_read(bool prepared)
{
    char found[RECORD_BYTES] = {0};
    int descriptor = open(RECORD_PATH, O_RDONLY);
    bool said = prepared ? read_whole(descriptor, found, sizeof found)
                         : read(descriptor, found, sizeof found) != 0;
    (void)close(descriptor);
    return judge_file(said, memcmp(found, record, sizeof found) == 0, prepared);
}

static enum outcome_of_deed try_sync(bool prepared)
{
    int descriptor = open(RECORD_PATH, O_RDWR);
    bool said = fsync(descriptor) == 0;
    (void)close(descriptor);
    return judge_file(said, said, prepared);
}

static enum outcome_of_deed try_rename(bool prepared)
{
    int descriptor = open(NEW_PATH, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    (void)close(descriptor);
    bool said = rename(NEW_PATH, RECORD_PATH) == 0;
    return judge_file(said, access(NEW_PATH, F_OK) != 0, prepared);
}

static enum outcome_of_deed write_buffered(bool prepared, bool by_closing)
{
    FILE *file = fopen(RECORD_PATH, "w");
    bool said = fwrite(record, RECORD_BYTES, 1, file) == 1;
    if (!by_closing)
        said = said && fflush(file) == 0;
    bool did = by_closing || is_there(); /* before what is left is written when it is closed */
    said = fclose(file) == 0 && said;
    return judge_file(said, did && is_there(), prepared);
}

static enum outcome_of_deed try_flush(bool prepared)
{
    return write_buffered(prepared, false);
}

static enum outcome_of_deed try_close(bool prepared)
{
    return write_buffered(prepared, true);
}

/* Without a lock, whoever comes between reading and writing is overwritten. */
static void add(uint32_t *shared, enum file_lock lock)
{
    struct flock whole = {.l_type = F_WRLCK};
    int descriptor = open(RECORD_PATH, O_RDWR | O_CREAT, 0600);
    if (lock == LOCK_OF_FLOCK)
        (void)flock(descriptor, LOCK_EX);
    if (lock == LOCK_OF_DESCRIPTION)
        (void)fcntl(descriptor, F_OFD_SETLKW, &whole);
    uint32_t before = *shared;
    (void)fsync(descriptor);
    *shared = before + 1;
    (void)close(descriptor);
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
        .open = try_open,
        .fopen = try_fopen,
        .read = try_read,
        .write = try_write,
        .sync = try_sync,
        .rename = try_rename,
        .flush = try_flush,
        .close = try_close,
        .getrandom = getrandom,
        .now = now,
        .now_us = now_us,
        .monotonic_s = monotonic_s,
        .rest = rest,
        .wait = wait_for,
        .add = add,
        .free_copy = free_copy,
        .grow_copy = grow_copy,
        .fresh_is_zero = fresh_is_zero,
        .log = say,
    };
    return &functions;
}
