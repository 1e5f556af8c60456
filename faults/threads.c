/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads: the locks, condition variables and sleeps of a subject, so that whoever waits in a
 * schedule (engine.h) waits in sight, and lets another thread go on.
 *
 * The executable defines libc's functions and exports them, so the calls of all shared libraries
 * land here, too. Outside of schedules they go straight on. In a schedule
 *
 *     locking     is a yield point, then an attempt; as long as it fails, the thread waits
 *     unlocking   wakes all that wait for the lock: the first to run gets it
 *     signalling  is a yield point, and wakes one waiter, by choice, or all of them
 *     cond_wait   gives the mutex back and waits, with no switch in between
 *     sleeping    takes no time, and lets others go on first
 *
 * An attempt is the real call with a time limit that has passed: it says what locking would have
 * said (EDEADLK, EOWNERDEAD, EAGAIN), and ETIMEDOUT where that would have waited. Time does not
 * pass in a schedule: a timed wait ends when nothing else can go on.
 *
 * SQLite locks in nearly every call. Its locks are no yield points, since these would drown all
 * others, but it waits in sight like everybody else. And ThreadSanitizer must not see them: every
 * two calls of SQLite would be ordered by its locks, whatever the subject does in between. So they
 * go past its interceptors to libc, as those of the interceptors in this folder do with
 * faults_lock(), while the subject's go through; what SQLite does with memory in libc's functions
 * is not judged at all (called_from_lib). Whose locks they are is said by the methods that SQLite
 * lets itself be given, not by the caller's address: it unlocks with tail calls. A subject that
 * calls sqlite3_mutex_enter() counts as SQLite there.
 *
 * Not in sight: semaphores, barriers, pthread_join, pthread_once, C11's mtx_ and cnd_ calls,
 * pthread_mutex_clocklock and timed rwlocks, spin locks, and waiting in the kernel for anything
 * else. With gcc's TSan nothing is overridden, as with mmap (memory.c): a contended lock in a
 * schedule makes the case UNSUPPORTED there, and locks of SQLite hide races.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "faults/faults.h"
#include "harness/engine/unseen.h"

#if defined(__SANITIZE_THREAD__) && !defined(__clang__)

const char *threads_install(void)
{
    return NULL;
}

void faults_lock(pthread_mutex_t *mutex)
{
    pthread_mutex_lock(mutex);
}

void faults_unlock(pthread_mutex_t *mutex)
{
    pthread_mutex_unlock(mutex);
}

#else

#define EXPORTED __attribute__((visibility("default")))

/* --- What would have been called without us --------------------------------------------------- */

#define FUNCTIONS(X)                                                                               \
    X(pthread_mutex_lock)                                                                          \
    X(pthread_mutex_trylock)                                                                       \
    X(pthread_mutex_timedlock)                                                                     \
    X(pthread_mutex_unlock)                                                                        \
    X(pthread_cond_wait)                                                                           \
    X(pthread_cond_timedwait)                                                                      \
    X(pthread_cond_clockwait)                                                                      \
    X(pthread_cond_signal)                                                                         \
    X(pthread_cond_broadcast)                                                                      \
    X(pthread_rwlock_rdlock)                                                                       \
    X(pthread_rwlock_tryrdlock)                                                                    \
    X(pthread_rwlock_timedrdlock)                                                                  \
    X(pthread_rwlock_wrlock)                                                                       \
    X(pthread_rwlock_trywrlock)                                                                    \
    X(pthread_rwlock_timedwrlock)                                                                  \
    X(pthread_rwlock_unlock)                                                                       \
    X(sched_yield)                                                                                 \
    X(nanosleep)                                                                                   \
    X(clock_nanosleep)                                                                             \
    X(usleep)                                                                                      \
    X(sleep)

/* The sanitizers' own; null without one. */
#define DECLARE(name) extern __typeof__(name) __interceptor_##name __attribute__((weak));
FUNCTIONS(DECLARE)

struct functions {
#define MEMBER(name)  __typeof__(&name) name;
    FUNCTIONS(MEMBER)
};
static struct functions seen, unseen; /* by way of the sanitizer, and past it */
static bool resolved;

/* May be called twice at the same time: both write the same. dlsym() gives the default version of
 * a symbol, as the linker would. */
static void resolve(void)
{
    void *symbol;
#define RESOLVE(name)                                                                              \
    symbol = dlsym(RTLD_NEXT, #name);                                                              \
    memcpy(&unseen.name, &symbol, sizeof symbol);                                                  \
    seen.name = __interceptor_##name != NULL ? __interceptor_##name : unseen.name;
    FUNCTIONS(RESOLVE)
    __atomic_store_n(&resolved, true, __ATOMIC_RELEASE);
}

/* --- Whose locks they are --------------------------------------------------------------------- */

static sqlite3_mutex_methods sqlite_mutexes; /* SQLite's own */
static __thread bool in_sqlite;              /* locking for itself */

static void sqlite_enter(sqlite3_mutex *mutex)
{
    in_sqlite = true;
    sqlite_mutexes.xMutexEnter(mutex);
    in_sqlite = false;
}

static int sqlite_try(sqlite3_mutex *mutex)
{
    in_sqlite = true;
    int code = sqlite_mutexes.xMutexTry(mutex);
    in_sqlite = false;
    return code;
}

static void sqlite_leave(sqlite3_mutex *mutex)
{
    in_sqlite = true;
    sqlite_mutexes.xMutexLeave(mutex);
    in_sqlite = false;
}

/* SQLite knows its own methods only once it is initialised, and takes others only when it is not.
 */
const char *threads_install(void)
{
    if (sqlite3_initialize() != SQLITE_OK || sqlite3_shutdown() != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_GETMUTEX, &sqlite_mutexes) != SQLITE_OK)
        return "SQLite does not say how it locks";
    sqlite3_mutex_methods methods = sqlite_mutexes;
    methods.xMutexEnter = sqlite_enter;
    methods.xMutexTry = sqlite_try;
    methods.xMutexLeave = sqlite_leave;
    if (sqlite3_config(SQLITE_CONFIG_MUTEX, &methods) != SQLITE_OK)
        return "SQLite takes no other locks";
    return NULL;
}

/* The functions that the calling thread shall use. Constructors of libraries lock before anything
 * of ours has run. */
static const struct functions *functions(void)
{
    if (__builtin_expect(!__atomic_load_n(&resolved, __ATOMIC_ACQUIRE), 0))
        resolve();
    return in_sqlite ? &unseen : &seen;
}

/* The same; before, others may go on, if it is the subject that calls. */
static const struct functions *yield_before(const char *name)
{
    if (!in_sqlite)
        schedule_point(name, NULL);
    return functions();
}

void faults_lock(pthread_mutex_t *mutex)
{
    functions();
    unseen.pthread_mutex_lock(mutex);
    unseen_begin();
}

void faults_unlock(pthread_mutex_t *mutex)
{
    unseen_end();
    unseen.pthread_mutex_unlock(mutex);
}

#ifdef ASSAY_TSAN
/* Read by ThreadSanitizer when it starts. */
EXPORTED const char *__tsan_default_suppressions(void);
EXPORTED const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libsqlite3.so\n";
}
#endif

/* --- Locks ------------------------------------------------------------------------------------ */

static const struct timespec passed; /* the beginning of 1970 */

/* Attempts: ETIMEDOUT if the lock is not to be had now. */
typedef int attempt(const struct functions *, void *lock);

static int attempt_mutex(const struct functions *use, void *lock)
{
    return use->pthread_mutex_timedlock(lock, &passed);
}

static int attempt_read(const struct functions *use, void *lock)
{
    return use->pthread_rwlock_timedrdlock(lock, &passed);
}

static int attempt_write(const struct functions *use, void *lock)
{
    return use->pthread_rwlock_timedwrlock(lock, &passed);
}

static int take(attempt *try, const struct functions *use, void *lock, bool timed)
{
    int code;
    while ((code = try(use, lock)) == ETIMEDOUT)
        if (!schedule_wait(lock, timed))
            return ETIMEDOUT;
    return code;
}

EXPORTED int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (!schedule_active())
        return functions()->pthread_mutex_lock(mutex);
    return take(attempt_mutex, yield_before(__func__), mutex, false);
}

EXPORTED int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *deadline)
{
    if (!schedule_active())
        return functions()->pthread_mutex_timedlock(mutex, deadline);
    return take(attempt_mutex, yield_before(__func__), mutex, true);
}

EXPORTED int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    if (!schedule_active())
        return functions()->pthread_mutex_trylock(mutex);
    return yield_before(__func__)->pthread_mutex_trylock(mutex);
}

EXPORTED int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    if (!schedule_active())
        return functions()->pthread_mutex_unlock(mutex);
    int code = functions()->pthread_mutex_unlock(mutex);
    schedule_wake(mutex, true);
    return code;
}

EXPORTED int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    if (!schedule_active())
        return functions()->pthread_rwlock_rdlock(lock);
    return take(attempt_read, yield_before(__func__), lock, false);
}

EXPORTED int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    if (!schedule_active())
        return functions()->pthread_rwlock_wrlock(lock);
    return take(attempt_write, yield_before(__func__), lock, false);
}

EXPORTED int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
{
    if (!schedule_active())
        return functions()->pthread_rwlock_tryrdlock(lock);
    return yield_before(__func__)->pthread_rwlock_tryrdlock(lock);
}

EXPORTED int pthread_rwlock_trywrlock(pthread_rwlock_t *lock)
{
    if (!schedule_active())
        return functions()->pthread_rwlock_trywrlock(lock);
    return yield_before(__func__)->pthread_rwlock_trywrlock(lock);
}

EXPORTED int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    if (!schedule_active())
        return functions()->pthread_rwlock_unlock(lock);
    int code = functions()->pthread_rwlock_unlock(lock);
    schedule_wake(lock, true);
    return code;
}

/* --- Condition variables ---------------------------------------------------------------------- */

/* The mutex is back when this returns, in time or not. */
static int wait_for(pthread_cond_t *condition, pthread_mutex_t *mutex, bool timed)
{
    const struct functions *use = yield_before("pthread_cond_wait");
    int code = use->pthread_mutex_unlock(mutex);
    if (code != 0)
        return code;
    schedule_wake(mutex, true);
    bool woken = schedule_wait(condition, timed);
    code = take(attempt_mutex, use, mutex, false);
    return code == 0 && !woken ? ETIMEDOUT : code;
}

EXPORTED int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    if (!schedule_active())
        return functions()->pthread_cond_wait(condition, mutex);
    return wait_for(condition, mutex, false);
}

EXPORTED int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                    const struct timespec *deadline)
{
    if (!schedule_active())
        return functions()->pthread_cond_timedwait(condition, mutex, deadline);
    return wait_for(condition, mutex, true);
}

EXPORTED int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                    clockid_t clock, const struct timespec *deadline)
{
    if (!schedule_active())
        return functions()->pthread_cond_clockwait(condition, mutex, clock, deadline);
    return wait_for(condition, mutex, true);
}

/* Threads of the subject's own wait for the real one. */
EXPORTED int pthread_cond_signal(pthread_cond_t *condition)
{
    if (!schedule_active())
        return functions()->pthread_cond_signal(condition);
    const struct functions *use = yield_before(__func__);
    schedule_wake(condition, false);
    return use->pthread_cond_signal(condition);
}

EXPORTED int pthread_cond_broadcast(pthread_cond_t *condition)
{
    if (!schedule_active())
        return functions()->pthread_cond_broadcast(condition);
    const struct functions *use = yield_before(__func__);
    schedule_wake(condition, true);
    return use->pthread_cond_broadcast(condition);
}

/* --- Sleeping --------------------------------------------------------------------------------- */

static bool is_time(const struct timespec *time)
{
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < 1000000000;
}

EXPORTED int sched_yield(void)
{
    if (!schedule_active())
        return functions()->sched_yield();
    schedule_pause();
    return 0;
}

EXPORTED int nanosleep(const struct timespec *time, struct timespec *ret_left)
{
    if (!schedule_active() || !is_time(time))
        return functions()->nanosleep(time, ret_left);
    schedule_pause();
    return 0;
}

EXPORTED int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                             struct timespec *ret_left)
{
    if (!schedule_active() || !is_time(time))
        return functions()->clock_nanosleep(clock, flags, time, ret_left);
    schedule_pause();
    return 0;
}

EXPORTED int usleep(useconds_t microseconds)
{
    if (!schedule_active())
        return functions()->usleep(microseconds);
    schedule_pause();
    return 0;
}

EXPORTED unsigned sleep(unsigned seconds)
{
    if (!schedule_active())
        return functions()->sleep(seconds);
    schedule_pause();
    return 0;
}

#endif
