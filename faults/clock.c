/* SPDX-License-Identifier: Apache-2.0
 *
 * The clock: what a subject is told of the time, and SQLite, too.
 *
 * In a run the wall clock starts on the same day each time. It goes on by a millisecond at each
 * reading, so that whoever waits by looking at it gets somewhere, and by what is slept; sleeping
 * itself takes no time. Each reading passes the edge, and may find the clock put on or back by a
 * year, or at the beginning of 1970, as after an empty battery: from then on it goes on from there.
 * Or it stands still for that reading. It never lies before 1970.
 *
 * Read by clock_gettime() of the realtime clocks, gettimeofday(), time() and timespec_get() where
 * the subject calls them (slots.c), and by SQLite from its disk. Clocks that nobody can set
 * (monotonic ones, processor time) are the real ones, as is everything outside of runs; but when a
 * case lets time pass (clock_pass), monotonic ones go on as well. A deadline by the wall clock, for
 * a condition variable, a mutex or a semaphore, is brought to the real clock of those who wait, and
 * one by a monotonic clock, told from it by its size, is, too.
 *
 * Not modelled: timers, time zones, leap seconds, deadlines after the clock has begun again in
 * 1970, and what is read from files or devices.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "faults/faults.h"

#define US_PER_S        INT64_C(1000000)
#define NS_PER_US       1000
#define NS_PER_S        INT64_C(1000000000)
#define START_US        (INT64_C(1704067200) * US_PER_S) /* 2024-01-01 00:00 UTC */
#define YEAR_US         (INT64_C(31557600) * US_PER_S)
#define READING_US      1000
#define MONOTONIC_MAX_S INT64_C(1000000000) /* thirty years of uptime */
#define SLEEP_US_MAX    (100 * YEAR_US)

static struct {
    __typeof__(&clock_gettime) clock_gettime;
    __typeof__(&gettimeofday) gettimeofday;
    __typeof__(&time) time;
    __typeof__(&timespec_get) timespec_get;
    __typeof__(&nanosleep) nanosleep;
    __typeof__(&clock_nanosleep) clock_nanosleep;
    __typeof__(&usleep) usleep;
    __typeof__(&sleep) sleep;
    __typeof__(&pthread_cond_timedwait) pthread_cond_timedwait;
    __typeof__(&pthread_cond_clockwait) pthread_cond_clockwait;
    __typeof__(&pthread_mutex_timedlock) pthread_mutex_timedlock;
    __typeof__(&sem_timedwait) sem_timedwait;
} real;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int64_t now_us;     /* by the wall clock */
static uint64_t passed_us; /* since the reset */
static int64_t ahead_us;   /* of the real monotonic clocks: what a case let pass */

/* --- The clock -------------------------------------------------------------------------------- */

/* The caller holds the mutex. */
static void pass(uint64_t us)
{
    uint64_t part = us < (uint64_t)SLEEP_US_MAX ? us : (uint64_t)SLEEP_US_MAX;
    passed_us += part;
    now_us += (int64_t)part;
}

void clock_reset(void)
{
    faults_lock(&mutex);
    now_us = START_US;
    passed_us = 0;
    ahead_us = 0;
    faults_unlock(&mutex);
}

void clock_sleep(uint64_t us)
{
    faults_lock(&mutex);
    pass(us);
    faults_unlock(&mutex);
}

void clock_pass(uint64_t us)
{
    faults_lock(&mutex);
    pass(us);
    ahead_us += (int64_t)(us < (uint64_t)SLEEP_US_MAX ? us : (uint64_t)SLEEP_US_MAX);
    faults_unlock(&mutex);
}

void clock_set(int64_t us)
{
    faults_lock(&mutex);
    int64_t part = us < -SLEEP_US_MAX ? -SLEEP_US_MAX : us > SLEEP_US_MAX ? SLEEP_US_MAX : us;
    now_us = now_us + part > 0 ? now_us + part : 0;
    faults_unlock(&mutex);
}

uint64_t clock_passed_us(void)
{
    faults_lock(&mutex);
    uint64_t us = passed_us;
    faults_unlock(&mutex);
    return us;
}

/* Puts the clock to where it is found at this reading. */
static void set(enum fault_kind kind)
{
    if (kind == FAULT_FORWARD)
        now_us += YEAR_US;
    else if (kind == FAULT_BACK)
        now_us = now_us > YEAR_US ? now_us - YEAR_US : 0;
    else if (kind == FAULT_RESTART)
        now_us = 0;
}

int64_t clock_wall_us(void)
{
    enum fault_kind kind = fault_ask(CLOCK_READ, ROLE_NONE);
    faults_lock(&mutex);
    set(kind);
    if (kind != FAULT_STILL)
        pass(READING_US);
    int64_t us = now_us;
    faults_unlock(&mutex);
    return us;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static struct timespec timespec_of(int64_t us)
{
    return (struct timespec){us / US_PER_S, us % US_PER_S * NS_PER_US};
}

static int64_t us_of(const struct timespec *time)
{
    int64_t s_max = INT64_MAX / US_PER_S - 1;
    return (time->tv_sec < s_max ? time->tv_sec : s_max) * US_PER_S + time->tv_nsec / NS_PER_US;
}

static bool can_be_set(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

static int64_t ahead(void)
{
    faults_lock(&mutex);
    int64_t us = ahead_us;
    faults_unlock(&mutex);
    return us;
}

static bool is_monotonic(clockid_t clock)
{
    return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
           clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME;
}

static int subject_clock_gettime(clockid_t clock, struct timespec *ret)
{
    if (edge_is_running() && can_be_set(clock)) {
        *ret = timespec_of(clock_wall_us());
        return 0;
    }
    int result = real.clock_gettime(clock, ret);
    int64_t us = result == 0 && edge_is_running() && is_monotonic(clock) ? ahead() : 0;
    if (us > 0)
        *ret = timespec_of(us_of(ret) + us);
    return result;
}

static int subject_gettimeofday(struct timeval *ret, void *zone)
{
    if (!edge_is_running() || ret == NULL)
        return real.gettimeofday(ret, zone);
    int64_t us = clock_wall_us();
    *ret = (struct timeval){us / US_PER_S, us % US_PER_S};
    return 0;
}

static time_t subject_time(time_t *ret)
{
    if (!edge_is_running())
        return real.time(ret);
    time_t now = clock_wall_us() / US_PER_S;
    if (ret != NULL)
        *ret = now;
    return now;
}

static int subject_timespec_get(struct timespec *ret, int base)
{
    if (!edge_is_running() || base != TIME_UTC)
        return real.timespec_get(ret, base);
    *ret = timespec_of(clock_wall_us());
    return base;
}

/* --- Sleeping --------------------------------------------------------------------------------- */

/* Takes no time, and lets others go on. */
static int sleep_us(int64_t us)
{
    clock_sleep(us > 0 ? (uint64_t)us : 0);
    if (schedule_active())
        schedule_pause();
    else
        sched_yield();
    return 0;
}

static bool is_time(const struct timespec *time)
{
    return time != NULL && time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < NS_PER_S;
}

static int subject_nanosleep(const struct timespec *time, struct timespec *ret_left)
{
    if (!edge_is_running() || !is_time(time))
        return real.nanosleep(time, ret_left);
    return sleep_us(us_of(time));
}

/* How long it is until then. */
static int64_t until(clockid_t clock, const struct timespec *deadline)
{
    struct timespec now = {0};
    faults_lock(&mutex);
    int64_t wall_us = now_us;
    faults_unlock(&mutex);
    if (can_be_set(clock))
        return us_of(deadline) - wall_us;
    (void)real.clock_gettime(clock, &now);
    return us_of(deadline) - us_of(&now) - (is_monotonic(clock) ? ahead() : 0);
}

static int subject_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                                   struct timespec *ret_left)
{
    if (!edge_is_running() || !is_time(time))
        return real.clock_nanosleep(clock, flags, time, ret_left);
    return sleep_us((flags & TIMER_ABSTIME) != 0 ? until(clock, time) : us_of(time));
}

static int subject_usleep(useconds_t us)
{
    return edge_is_running() ? sleep_us(us) : real.usleep(us);
}

static unsigned subject_sleep(unsigned seconds)
{
    if (!edge_is_running())
        return real.sleep(seconds);
    (void)sleep_us(seconds * US_PER_S);
    return 0;
}

/* --- Waiting ---------------------------------------------------------------------------------- */

/* The same moment by the real clock. */
static const struct timespec *by_real_clock(const struct timespec *deadline, struct timespec *room)
{
    struct timespec now = {0};
    int64_t us;
    if (!edge_is_running() || schedule_active() || !is_time(deadline))
        return deadline;
    if (deadline->tv_sec < MONOTONIC_MAX_S) {
        us = us_of(deadline) - ahead();
    } else {
        (void)real.clock_gettime(CLOCK_REALTIME, &now);
        us = us_of(&now) + until(CLOCK_REALTIME, deadline);
    }
    *room = timespec_of(us > 0 ? us : 0);
    return room;
}

static int subject_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *held,
                                  const struct timespec *deadline)
{
    struct timespec room;
    return real.pthread_cond_timedwait(condition, held, by_real_clock(deadline, &room));
}

static int subject_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *held, clockid_t clock,
                                  const struct timespec *deadline)
{
    struct timespec room;
    return real.pthread_cond_clockwait(condition, held, clock, by_real_clock(deadline, &room));
}

static int subject_mutex_timedlock(pthread_mutex_t *lock, const struct timespec *deadline)
{
    struct timespec room;
    return real.pthread_mutex_timedlock(lock, by_real_clock(deadline, &room));
}

static int subject_sem_timedwait(sem_t *semaphore, const struct timespec *deadline)
{
    struct timespec room;
    return real.sem_timedwait(semaphore, by_real_clock(deadline, &room));
}

const char *clock_install(void)
{
    static const struct slot slots[] = {
        {"clock_gettime", (function *)subject_clock_gettime, &real.clock_gettime},
        {"gettimeofday", (function *)subject_gettimeofday, &real.gettimeofday},
        {"time", (function *)subject_time, &real.time},
        {"timespec_get", (function *)subject_timespec_get, &real.timespec_get},
        {"nanosleep", (function *)subject_nanosleep, &real.nanosleep},
        {"clock_nanosleep", (function *)subject_clock_nanosleep, &real.clock_nanosleep},
        {"usleep", (function *)subject_usleep, &real.usleep},
        {"sleep", (function *)subject_sleep, &real.sleep},
        {"pthread_cond_timedwait", (function *)subject_cond_timedwait,
         &real.pthread_cond_timedwait},
        {"pthread_cond_clockwait", (function *)subject_cond_clockwait,
         &real.pthread_cond_clockwait},
        {"pthread_mutex_timedlock", (function *)subject_mutex_timedlock,
         &real.pthread_mutex_timedlock},
        {"sem_timedwait", (function *)subject_sem_timedwait, &real.sem_timedwait},
    };
    /* Asked for here, too, wherever the subject asks for something else. */
    real.clock_gettime = clock_gettime;
    slots_offer(OWNED_BY_SUBJECT, slots, sizeof slots / sizeof *slots);
    return NULL;
}
