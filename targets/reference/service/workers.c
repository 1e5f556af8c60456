/* SPDX-License-Identifier: Apache-2.0
 *
 * Workers: threads that run calls, each with a handle of accounts of its own, first come first
 * served.
 *
 * The queue cannot grow without end: a connection has at most one call in it, and connections are
 * limited. A call that has waited for longer than it may is refused instead of run, because its
 * client is about to give up, and the work would be for nobody. Such a refusal must name what
 * really kept the workers, or it would send an operator to the wrong place: when calls of the last
 * seconds were unavailable, it is their cause; otherwise it is hashing, which is what takes time
 * here when nothing is wrong.
 *
 * Not modelled: priorities and fairness between clients, which this never sees apart.
 */
#include "service.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct worker {
    struct workers *workers;
    struct accounts *accounts;
    pthread_t thread;
    bool is_started;
};

struct workers {
    struct service *service;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct call *first, *last; /* of the queue */
    bool is_closing;
    int64_t wait_us;      /* in the queue, at most */
    struct reply trouble; /* the latest answer that was unavailable, */
    int64_t trouble_us;   /* and when */
    size_t count;
    struct worker worker[];
};

/* The next call; null: there will be none. */
static struct call *take(struct workers *workers)
{
    (void)pthread_mutex_lock(&workers->mutex);
    while (workers->first == NULL && !workers->is_closing)
        (void)pthread_cond_wait(&workers->wake, &workers->mutex);
    struct call *call = workers->first;
    if (call != NULL)
        workers->first = call->next;
    (void)pthread_mutex_unlock(&workers->mutex);
    return call;
}

static void refuse_late(struct workers *workers, struct call *call)
{
    struct reply cause = {.layer = LAYER_HASHING, .reason = REASON_MEMORY};
    (void)pthread_mutex_lock(&workers->mutex);
    if (workers->trouble.answer == ANSWER_UNAVAILABLE &&
        monotonic_us() - workers->trouble_us < workers->wait_us)
        cause = workers->trouble;
    (void)pthread_mutex_unlock(&workers->mutex);
    (void)reply_retry_later(&call->outcome.reply, RETRY_AFTER_S_DEFAULT * 1000, cause.layer,
                            cause.reason, "wait for a worker", "too many before this one");
    call->is_judged = true;
}

static void note_trouble(struct workers *workers, const struct reply *reply)
{
    (void)pthread_mutex_lock(&workers->mutex);
    workers->trouble = *reply;
    workers->trouble_us = monotonic_us();
    (void)pthread_mutex_unlock(&workers->mutex);
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct workers *workers = worker->workers;
    struct call *call;
    while ((call = take(workers)) != NULL) {
        if (monotonic_us() - call->queued_us > workers->wait_us) {
            refuse_late(workers, call);
        } else {
            call_run(workers->service, worker->accounts, call);
            if (call->outcome.reply.answer == ANSWER_UNAVAILABLE && !call->is_repeated)
                note_trouble(workers, &call->outcome.reply);
        }
        server_call_done(call);
    }
    return NULL;
}

static bool start(struct workers *workers, struct worker *worker, struct reply *reply)
{
    worker->workers = workers;
    REQUIRE(accounts_open(&workers->service->resources.accounts, &worker->accounts, reply));
    int code = pthread_create(&worker->thread, NULL, work, worker);
    if (code != 0)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, code, "worker",
                                 "cannot be started");
    worker->is_started = true;
    return reply_ok(reply);
}

static void workers_done(struct workers **workers)
{
    workers_close(*workers);
}

bool workers_open(struct service *service, uint32_t threads, struct workers **ret,
                  struct reply *reply)
{
    CLEANUP(workers_done)
    struct workers *workers =
        calloc(1, sizeof *workers + (size_t)threads * sizeof *workers->worker);
    if (workers == NULL)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, 0, "workers",
                                 "out of memory");
    workers->service = service;
    workers->wait_us = (int64_t)service->settings.wait_s * 1000000;
    (void)pthread_mutex_init(&workers->mutex, NULL); /* with no attributes glibc's cannot fail */
    (void)pthread_cond_init(&workers->wake, NULL);
    for (; workers->count < threads; workers->count++)
        if (!start(workers, &workers->worker[workers->count], reply)) {
            workers->count++; /* its handle may be open */
            return false;
        }
    *ret = workers;
    workers = NULL;
    return reply_ok(reply);
}

void workers_submit(struct workers *workers, struct call *call)
{
    call->next = NULL;
    call->queued_us = monotonic_us();
    (void)pthread_mutex_lock(&workers->mutex);
    if (workers->first == NULL)
        workers->first = call;
    else
        workers->last->next = call;
    workers->last = call;
    (void)pthread_cond_signal(&workers->wake);
    (void)pthread_mutex_unlock(&workers->mutex);
}

void workers_close(struct workers *workers)
{
    if (workers == NULL)
        return;
    (void)pthread_mutex_lock(&workers->mutex);
    workers->is_closing = true;
    (void)pthread_cond_broadcast(&workers->wake);
    (void)pthread_mutex_unlock(&workers->mutex);
    for (size_t i = 0; i < workers->count; i++) {
        if (workers->worker[i].is_started)
            (void)pthread_join(workers->worker[i].thread, NULL);
        accounts_close(workers->worker[i].accounts);
    }
    (void)pthread_cond_destroy(&workers->wake);
    (void)pthread_mutex_destroy(&workers->mutex);
    free(workers);
}
