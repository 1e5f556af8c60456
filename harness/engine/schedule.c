/* SPDX-License-Identifier: Apache-2.0
 *
 * Schedules: several threads of a case run one at a time, and choices say which one.
 *
 * The threads are real, so the subject's thread-local state, locks and thread identities are what
 * they are in life. But only the one that holds the baton runs; all others sleep. It gives the
 * baton away in three places: at a yield point, if CHOICE_PREEMPT says so; when it waits, pauses or
 * ends, to the one that CHOICE_NEXT names; never in between. So an interleaving is a sequence of
 * choices, which is drawn, replayed, shrunk and enumerated like everything else. "Stay" is the
 * origin of every yield point: the simplest schedule runs one thread after the other, and the
 * number of choices that are not at their origin is the number of preemptions.
 *
 * Who can go on comes in grades. A thread that pauses (it sleeps or spins) steps back behind those
 * that are ready, so two that poll for each other alternate. One whose wait may time out steps
 * back further: it does so when nothing else can go on, or when others have paused so often
 * meanwhile (TIMED_WAIT_PAUSES) that they seem to wait for it. One that waits needs a wake-up.
 *
 * The baton is a futex word for each thread. Everything here, the edge and the choices are touched
 * by its holder only, and the hand-over (release, acquire) orders that: nothing needs a lock. For
 * ThreadSanitizer the baton does not exist (see unseen.h): it sees the bodies begin after what the
 * case did before, and end before what it does afterwards, and is left to judge the rest as if they
 * ran at the same time. Threads stay for the next schedule, since making them would be most of the
 * work; one that its body ended is replaced.
 *
 * When all wait, that is a deadlock, and the run fails. When the holder blocks where no interceptor
 * is (a pipe, pthread_join, a semaphore), nobody can take the baton from it: the case's own thread
 * looks ten times a second whether something happens, and after a second of nothing, if another one
 * could go on, says that this target is not supported. In both cases threads are left over that
 * nobody can end: the process is spent, and whoever comes back from a late sleep stays in enter().
 *
 * Not modelled: switches between two yield points (two threads race on plain memory only for
 * ThreadSanitizer's eyes), weak memory, threads that the subject makes itself (they run freely, and
 * with them about a deadlock is no verdict), what a thread does after its body, such as destructors
 * of thread-local keys after pthread_exit(), and a holder that spins without pausing.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "harness/engine/engine.h"
#include "harness/engine/tasks.h"
#include "harness/engine/unseen.h"

/* In the order in which threads are chosen: as long as there is one of an earlier grade, no later
 * one goes on by itself. The holder is READY. */
enum grade { READY, PAUSED, TIMED, WAITING, ENDED };

struct thread {
    pthread_t handle;
    pid_t id;
    bool hired;  /* there is such a thread */
    bool gone;   /* its body ended the thread itself */
    uint32_t go; /* futex: 1 when it is given the baton */
    enum grade grade;
    const void *object; /* what it waits for */
    bool timed_out;
    uint64_t patient_until; /* the number of pauses at which a timed wait has lasted long enough */
};

enum ending { NOT_YET, ALL_ENDED, DEADLOCK, OUT_OF_SIGHT };

static struct {
    struct thread threads[THREADS_MAX]; /* kept from schedule to schedule */
    bool spent;                         /* some of them cannot be used any more */
    struct run *run;
    void (*body)(void *context, uint32_t thread);
    void *context;
    uint32_t count;
    uint32_t holder;
    uint64_t pauses;
    uint64_t entries; /* how often a thread came in here; ABANDONED when the case has given up */
    uint32_t ending;  /* enum ending; futex on which the case's own thread waits */
} all;
#define ABANDONED (UINT64_C(1) << 63)

static __thread struct thread *self; /* null outside of schedules */

/* --- The baton -------------------------------------------------------------------------------- */

/* False: the time is up. */
static bool futex_wait(uint32_t *word, uint32_t value, const struct timespec *timeout)
{
    return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout, NULL, 0) == 0 ||
           errno != ETIMEDOUT;
}

static void futex_set(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void await_baton(struct thread *thread)
{
    while (!__atomic_exchange_n(&thread->go, 0, __ATOMIC_ACQUIRE))
        futex_wait(&thread->go, 0, NULL);
}

static void give_baton(struct thread *next)
{
    __atomic_store_n(&all.holder, (uint32_t)(next - all.threads), __ATOMIC_RELAXED);
    next->timed_out = next->grade == TIMED;
    next->grade = READY;
    futex_set(&next->go, 1);
}

/* Every way in, which returns what to give to leave(): errno is the subject's. The count is what
 * the case's own thread watches; once it has given up, nobody gets past here any more. */
static int enter(void)
{
    int error = errno;
    unseen_begin();
    while (__atomic_fetch_add(&all.entries, 1, __ATOMIC_ACQ_REL) & ABANDONED)
        pause();
    return error;
}

static void leave(int error)
{
    unseen_end();
    errno = error;
}

/* --- Who goes on ------------------------------------------------------------------------------ */

static uint32_t number_of(const struct thread *thread)
{
    return (uint32_t)(thread - all.threads);
}

static enum grade grade_of(const struct thread *thread)
{
    bool impatient = thread->grade == TIMED && all.pauses >= thread->patient_until;
    return impatient ? PAUSED : thread->grade;
}

/* The other threads of this grade or an earlier one, in cyclic order after the calling one. */
static uint32_t others(enum grade last, struct thread **ret)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i < all.count; i++) {
        struct thread *thread = &all.threads[(number_of(self) + i) % all.count];
        if (grade_of(thread) <= last)
            ret[count++] = thread;
    }
    return count;
}

/* A number in [0, hi], simplest 0. At the limit of choices it stays 0: reject() would leave the
 * wrong thread's frames. */
static uint32_t choose(enum choice_kind kind, uint32_t hi)
{
    if (hi == 0)
        return 0;
    if (all.run->choices->count >= CHOICES_MAX) {
        all.run->outcome->overrun = true;
        return 0;
    }
    return (uint32_t)draw_kind(all.run, kind, 0, hi, 0);
}

/* Who goes on instead of the calling thread: one of the first grade that there is. Null: nobody. */
static struct thread *successor(enum grade last)
{
    struct thread *list[THREADS_MAX];
    for (enum grade grade = READY; grade <= last; grade++) {
        uint32_t count = others(grade, list);
        if (count > 0)
            return list[choose(CHOICE_NEXT, count - 1)];
    }
    return NULL;
}

/* The calling thread has ended, or waits for good, and nobody is left who could go on. */
static void nobody_goes_on(void)
{
    enum ending ending = ALL_ENDED;
    for (uint32_t i = 0; i < all.count; i++)
        if (all.threads[i].grade == WAITING)
            ending = DEADLOCK;
    futex_set(&all.ending, ending);
}

/* --- For interceptors ------------------------------------------------------------------------- */

bool schedule_active(void)
{
    return self != NULL;
}

void schedule_point(const char *what, const char *of)
{
    struct thread *list[THREADS_MAX];
    if (self == NULL)
        return;
    int error = enter();
    uint32_t count = others(PAUSED, list), choice = choose(CHOICE_PREEMPT, count);
    if (choice > 0) {
        struct thread *next = list[choice - 1];
        tell(all.run, "  thread %u stops before %s%s%s; thread %u goes on", number_of(self) + 1,
             what, of != NULL ? " of " : "", of != NULL ? of : "", number_of(next) + 1);
        give_baton(next);
        await_baton(self);
    }
    leave(error);
}

void schedule_pause(void)
{
    if (self == NULL)
        return;
    int error = enter();
    all.pauses++;
    struct thread *next = successor(PAUSED);
    if (next != NULL) {
        self->grade = PAUSED;
        give_baton(next);
        await_baton(self);
    }
    leave(error);
}

bool schedule_wait(const void *object, bool timed)
{
    if (self == NULL)
        return true;
    int error = enter();
    self->grade = timed ? TIMED : WAITING;
    self->object = object;
    self->patient_until = all.pauses + TIMED_WAIT_PAUSES;
    struct thread *next = successor(TIMED);
    if (next == NULL && timed) {
        self->timed_out = true;
        self->grade = READY;
    } else {
        if (next != NULL)
            give_baton(next);
        else
            nobody_goes_on();
        await_baton(self);
    }
    leave(error);
    return !self->timed_out;
}

void schedule_wake(const void *object, bool every)
{
    struct thread *list[THREADS_MAX];
    if (self == NULL)
        return;
    int error = enter();
    uint32_t count = others(WAITING, list), waiters = 0;
    for (uint32_t i = 0; i < count; i++)
        if (list[i]->grade >= TIMED && list[i]->object == object)
            list[waiters++] = list[i];
    if (waiters > 0 && !every) {
        list[0] = list[choose(CHOICE_NEXT, waiters - 1)];
        waiters = 1;
    }
    for (uint32_t i = 0; i < waiters; i++) {
        list[i]->timed_out = false;
        list[i]->grade = READY;
    }
    leave(error);
}

/* --- Threads ---------------------------------------------------------------------------------- */

static void body_ended(struct thread *thread)
{
    order_before(thread);
    int error = enter();
    thread->grade = ENDED;
    struct thread *next = successor(TIMED);
    self = NULL;
    if (next != NULL)
        give_baton(next);
    else
        nobody_goes_on();
    leave(error);
}

/* The body called pthread_exit(), or was cancelled. */
static void thread_gone(void *context)
{
    struct thread *thread = context;
    thread->gone = true;
    body_ended(thread);
}

/* One body after the other, for as long as the process lives. */
static void *thread_lives(void *context)
{
    struct thread *thread = context;
    thread->id = gettid();
    pthread_cleanup_push(thread_gone, thread);
    for (;;) {
        await_baton(thread);
        order_after(&all);
        if (all.run->world && all.run->world->thread)
            all.run->world->thread(all.run->world->context);
        self = thread;
        all.body(all.context, number_of(thread));
        body_ended(thread);
    }
    pthread_cleanup_pop(0);
    return NULL;
}

/* A child has none of its parent's threads. */
static void forget_all(void)
{
    memset(&all, 0, sizeof all);
}

/* Makes the threads that there are not yet. */
static bool hire(uint32_t count)
{
    static bool registered;
    if (!registered && pthread_atfork(NULL, NULL, forget_all) != 0)
        return false;
    registered = true;
    for (struct thread *thread = all.threads; thread < all.threads + count; thread++) {
        if (thread->hired && !thread->gone)
            continue;
        if (thread->hired)
            pthread_join(thread->handle, NULL);
        *thread = (struct thread){0};
        if (pthread_create(&thread->handle, NULL, thread_lives, thread) != 0)
            return false;
        thread->hired = true;
    }
    return true;
}

/* --- The case's own thread -------------------------------------------------------------------- */

/* What was seen of the holder at the last look. */
struct look {
    uint64_t entries, cpu_ns;
    uint32_t still; /* looks in a row at which nothing had happened */
};

/* True once the holder has been blocked for long where nobody sees it, although another one could
 * go on. Then it is too late for it to come back: see enter(). */
static bool blocked_out_of_sight(struct look *last)
{
    uint32_t holder = __atomic_load_n(&all.holder, __ATOMIC_RELAXED), able = 0;
    struct look now = {.entries = __atomic_load_n(&all.entries, __ATOMIC_ACQUIRE),
                       .cpu_ns = task_cpu_ns(all.threads[holder].handle)};
    if (now.entries == last->entries && now.cpu_ns == last->cpu_ns &&
        task_sleeps(all.threads[holder].id))
        now.still = last->still + 1;
    *last = now;
    for (uint32_t i = 0; i < all.count; i++)
        able += i != holder && all.threads[i].grade <= TIMED;
    if (now.still < BLOCKED_LOOKS || able == 0)
        return false;
    return __atomic_compare_exchange_n(&all.entries, &now.entries, ABANDONED, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static enum ending await_ending(void)
{
    static const struct timespec tick = {0, 1000000000 / BLOCKED_LOOKS};
    struct look look = {0};
    uint32_t ending;
    while ((ending = __atomic_load_n(&all.ending, __ATOMIC_ACQUIRE)) == NOT_YET) {
        if (!futex_wait(&all.ending, NOT_YET, &tick) && blocked_out_of_sight(&look))
            return OUT_OF_SIGHT;
    }
    return (enum ending)ending;
}

/* ThreadSanitizer has a thread of its own, and one more in a child. */
#ifdef ASSAY_TSAN
#define TASKS_OF_RUNTIME 2u
#else
#define TASKS_OF_RUNTIME 0u
#endif

/* Whether the subject has threads of its own. Who waits for one of those may be woken by it, which
 * is out of sight. */
static bool others_run_freely(void)
{
    uint32_t known = 1 + TASKS_OF_RUNTIME;
    for (struct thread *thread = all.threads; thread < all.threads + THREADS_MAX; thread++) {
        if (thread->gone) {
            pthread_join(thread->handle, NULL);
            thread->hired = thread->gone = false;
        }
        known += thread->hired;
    }
    return task_count() > known;
}

/* All that have not ended wait. */
static __attribute__((noreturn)) void judge_deadlock(struct run *run)
{
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < all.count; i++)
        waiting += all.threads[i].grade == WAITING;
    if (others_run_freely())
        unsupported(run, "only threads that a schedule can see: all of those wait");
    if (waiting == 1)
        check_failed(run, __FILE__, __LINE__, "no deadlock",
                     "the last thread waits and nobody is left to wake it");
    check_failed(run, __FILE__, __LINE__, "no deadlock", "all %u threads wait for each other",
                 waiting);
}

static __attribute__((noreturn)) void judge_out_of_sight(struct run *run)
{
    char what[96];
    snprintf(what, sizeof what,
             "only waits in sight: thread %u blocks where the scheduler cannot see it",
             __atomic_load_n(&all.holder, __ATOMIC_RELAXED) + 1);
    unsupported(run, what);
}

void schedule(struct run *run, uint32_t threads, void (*body)(void *context, uint32_t thread),
              void *context)
{
    if (threads == 0)
        return;
    if (threads > THREADS_MAX)
        check_failed(run, __FILE__, __LINE__, "threads <= THREADS_MAX",
                     "the case wants %u threads, more than %u", threads, THREADS_MAX);
    if (all.spent) {
        run->outcome->spent = true;
        unsupported(run, "a process of its own: threads of an earlier schedule are left over");
    }
    if (!hire(threads))
        unsupported(run, "room for another thread");
    all.run = run;
    all.body = body;
    all.context = context;
    all.count = threads;
    all.pauses = all.entries = 0;
    all.ending = NOT_YET;
    for (uint32_t i = 0; i < threads; i++)
        all.threads[i].grade = READY;
    order_before(&all);
    give_baton(&all.threads[0]);
    enum ending ending = await_ending();
    for (uint32_t i = 0; i < threads; i++)
        order_after(&all.threads[i]);
    run->outcome->spent = all.spent = ending != ALL_ENDED;
    if (ending == DEADLOCK)
        judge_deadlock(run);
    if (ending == OUT_OF_SIGHT)
        judge_out_of_sight(run);
}
