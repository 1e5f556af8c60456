/* SPDX-License-Identifier: Apache-2.0
 *
 * Readiness: can this process log anybody in now?
 *
 * A thread looks every READY_PERIOD_MS. It opens the database by its path, as if it had just
 * started, and looks up an account, so that it finds what open handles would not notice: a file
 * that is gone, or is another one. It maps as much memory as one hash takes, since that is where a
 * new memory limit shows. Whoever asks is told what the last look has found; when that look is
 * older than READY_AGE_MS_MAX, because the disk hangs, say, then the answer is not ready, too. So
 * asking costs nothing, however often it is done, and never hangs.
 *
 * Whether anything can be written is looked at once a request has failed for the disk, and then
 * until a write succeeds: a login over HTTP opens a session, so without writing nobody gets in. A
 * service that is well writes nothing for this.
 *
 * Not looked at: whether admission has room for one more hash. A busy process is ready; one that
 * called itself otherwise would send its share of a storm to its neighbours.
 */
#include "service.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define PROBE_NAME "readiness" /* whether there is such an account does not matter */

struct readiness {
    struct service *service;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool is_closing;
    struct reply last; /* of the last look, */
    int64_t last_us;   /* and when it ended */
    struct stat file;  /* the database as it was at the start */
    /* of the thread alone: */
    unsigned long long failures; /* of writing, that are in the metrics and were looked into */
    bool is_doubtful;            /* no write has succeeded since */
};

static void store_done(struct store **store)
{
    store_close(*store);
}

/* The same file as the workers have open? */
static bool look_at_file(const struct readiness *readiness, struct reply *reply)
{
    struct stat now;
    if (stat(readiness->service->settings.database, &now) != 0)
        return reply_unavailable(reply, LAYER_STORAGE, REASON_IO, errno, "readiness",
                                 "the database cannot be found");
    if (now.st_dev != readiness->file.st_dev || now.st_ino != readiness->file.st_ino)
        return reply_unavailable(reply, LAYER_STORAGE, REASON_IO, 0, "readiness",
                                 "the database is another file than at the start");
    return reply_ok(reply);
}

static bool look_at_database(const struct readiness *readiness, struct reply *reply)
{
    static const struct bytes name = {(const uint8_t *)PROBE_NAME, sizeof PROBE_NAME - 1};
    struct accounts_config config = readiness->service->resources.accounts;
    struct accounts *accounts = NULL;
    CLEANUP(credential_done) struct credential credential;
    config.must_exist = true;
    REQUIRE(accounts_open(&config, &accounts, reply));
    bool is_read = accounts_credential_get(accounts, name, &credential, reply) ||
                   reply->answer == ANSWER_DENIED;
    accounts_close(accounts);
    return is_read ? reply_ok(reply) : false;
}

static bool look_at_memory(const struct readiness *readiness, struct reply *reply)
{
    size_t size = (size_t)readiness->service->settings.cost.memory_kib * 1024;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return reply_unavailable(reply, LAYER_HASHING, REASON_MEMORY, errno, "readiness",
                                 "memory for one hash cannot be had");
    (void)munmap(memory, size);
    return reply_ok(reply);
}

/* Of any operation, for a disk that is full or fails. */
static unsigned long long count_failures(const struct metrics *metrics)
{
    static const enum reason reasons[] = {REASON_FULL, REASON_IO};
    unsigned long long count = 0;
    for (size_t operation = 0; operation < OPERATION_OTHER; operation++)
        for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
            count += atomic_load(
                &metrics->requests[operation][ANSWER_UNAVAILABLE][LAYER_STORAGE][reasons[i]]);
    return count;
}

static bool look_at_writing(struct readiness *readiness, struct reply *reply)
{
    CLEANUP(store_done) struct store *store = NULL;
    unsigned long long failures = count_failures(&readiness->service->metrics);
    readiness->is_doubtful = readiness->is_doubtful || failures != readiness->failures;
    readiness->failures = failures;
    if (!readiness->is_doubtful)
        return reply_ok(reply);
    REQUIRE(store_open(readiness->service->settings.database, true, &store, reply));
    REQUIRE(store_try_write(store, reply));
    readiness->is_doubtful = false;
    return reply_ok(reply);
}

static bool look(struct readiness *readiness, struct reply *reply)
{
    REQUIRE(look_at_file(readiness, reply));
    REQUIRE(look_at_database(readiness, reply));
    REQUIRE(look_at_writing(readiness, reply));
    return look_at_memory(readiness, reply);
}

/* Keeps what was found, and says so in the log when it is something else than before. */
static void keep(struct readiness *readiness, const struct reply *found)
{
    (void)pthread_mutex_lock(&readiness->mutex);
    bool was_ready = readiness->last.answer == ANSWER_OK;
    readiness->last = *found;
    readiness->last_us = monotonic_us();
    (void)pthread_mutex_unlock(&readiness->mutex);
    if (was_ready != (found->answer == ANSWER_OK))
        log_event(&readiness->service->log, was_ready ? "not ready" : "ready", found);
}

/* False: the thread is to end. */
static bool pause_until_next(struct readiness *readiness)
{
    struct timespec until = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += READY_PERIOD_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    int code = 0;
    (void)pthread_mutex_lock(&readiness->mutex);
    while (!readiness->is_closing && code == 0)
        code = pthread_cond_timedwait(&readiness->wake, &readiness->mutex, &until);
    bool goes_on = !readiness->is_closing;
    (void)pthread_mutex_unlock(&readiness->mutex);
    return goes_on;
}

static void *watch(void *context)
{
    struct readiness *readiness = context;
    struct reply found;
    while (pause_until_next(readiness)) {
        (void)!look(readiness, &found);
        keep(readiness, &found);
    }
    return NULL;
}

static bool start(struct readiness *readiness, struct reply *reply)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&readiness->wake, &attributes);
    (void)pthread_mutex_init(&readiness->mutex, NULL);
    (void)pthread_condattr_destroy(&attributes);
    int code = pthread_create(&readiness->thread, NULL, watch, readiness);
    return code == 0 ? reply_ok(reply)
                     : reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, code, "readiness",
                                         "thread cannot be started");
}

/* The first look is taken here: a service that cannot log anybody in does not start. */
bool readiness_open(struct service *service, struct readiness **ret, struct reply *reply)
{
    struct readiness *readiness = calloc(1, sizeof *readiness);
    if (readiness == NULL)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, 0, "readiness",
                                 "out of memory");
    readiness->service = service;
    (void)stat(service->settings.database, &readiness->file);
    if (look(readiness, &readiness->last)) {
        readiness->last_us = monotonic_us();
        if (start(readiness, reply)) {
            *ret = readiness;
            return true;
        }
    } else {
        *reply = readiness->last;
    }
    free(readiness);
    return false;
}

void readiness_close(struct readiness *readiness)
{
    if (readiness == NULL)
        return;
    (void)pthread_mutex_lock(&readiness->mutex);
    readiness->is_closing = true;
    (void)pthread_cond_signal(&readiness->wake);
    (void)pthread_mutex_unlock(&readiness->mutex);
    (void)pthread_join(readiness->thread, NULL);
    (void)pthread_cond_destroy(&readiness->wake);
    (void)pthread_mutex_destroy(&readiness->mutex);
    free(readiness);
}

bool readiness_is(struct readiness *readiness, struct reply *ret_cause)
{
    (void)pthread_mutex_lock(&readiness->mutex);
    *ret_cause = readiness->last;
    int64_t age_us = monotonic_us() - readiness->last_us;
    (void)pthread_mutex_unlock(&readiness->mutex);
    if (age_us > (int64_t)READY_AGE_MS_MAX * 1000)
        return reply_unavailable(ret_cause, LAYER_STORAGE, REASON_TIMEOUT, 0, "readiness",
                                 "the last look at the database has not come to an end");
    return ret_cause->answer == ANSWER_OK;
}
