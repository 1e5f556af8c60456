/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that a schedule is what its choices say, and nothing else: which thread goes on where,
 * which schedules there are, and that the same choices give the same interleaving. Bodies leave
 * letters in a trace, "a" the first thread, "b" the second; a yield point is a call at the edge.
 *
 * What leaves threads behind (a deadlock, blocking out of sight) is run in a child. Each such
 * verdict stands beside the harmless twin that must not get it.
 *
 * With the argument "speed" it prints schedules per second instead.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/engine/tests/one_run.h"
#include "harness/engine/tests/schedules.h"
#include "harness/engine/tasks.h"

static const struct operation operations[] = {
    {"disk.write", 1, (const char *const[]){"io"}, false},
    {"memory.held", 1, (const char *const[]){"memory"}, true},
};
static const char *const roles[] = {"-", "wal"};
static const struct catalogue catalogue = {operations, 2, roles, 2};

enum { WRITE, HELD };

static int install(void **state)
{
    (void)state;
    edge_install(&catalogue);
    return 0;
}

/* One letter a thread; only one writes at a time. */
static char trace[64];
static uint32_t trace_size;

static bool flag;        /* that some bodies wait for */
static uint32_t waiting; /* that have come so far */

static void leave_letter(char letter)
{
    if (trace_size + 1 < sizeof trace)
        trace[trace_size++] = letter;
}

typedef void thread_body(void *context, uint32_t thread);

/* What a case of these tests runs. */
struct scene {
    uint32_t threads;
    thread_body *body;
    const char *trace; /* without preemptions */
    const char *why;
};

static void plays(struct run *run, const void *subject)
{
    const struct scene *scene = subject;
    memset(trace, 0, sizeof trace);
    trace_size = waiting = 0;
    flag = false;
    schedule(run, scene->threads, scene->body, run);
    CHECK(run, !schedule_active(), "the case's own thread is not of the schedule");
}

/* --- Bodies ----------------------------------------------------------------------------------- */

static const int object, other_object;

static char letter_of(uint32_t thread)
{
    return (char)('a' + thread);
}

static void works(void *context, uint32_t thread)
{
    (void)context;
    for (int i = 0; i < 3; i++) {
        errno = (int)thread + 1;
        edge(WRITE, 1);
        if (errno != (int)thread + 1)
            leave_letter('!');
        leave_letter(letter_of(thread));
    }
}

static void works_held(void *context, uint32_t thread)
{
    (void)context;
    for (int i = 0; i < 3; i++) {
        edge(HELD, 0);
        leave_letter(letter_of(thread));
    }
}

static void works_quietly(void *context, uint32_t thread)
{
    bool was = edge_quiet(true);
    works(context, thread);
    edge_quiet(was);
}

static void polls(void *context, uint32_t thread)
{
    (void)context;
    for (int i = 0; i < 3; i++) {
        leave_letter(letter_of(thread));
        schedule_pause();
    }
}

static void two_poll_the_third_works(void *context, uint32_t thread)
{
    if (thread < 2)
        polls(context, thread);
    else
        works(context, thread);
}

static void first_waits(void *context, uint32_t thread)
{
    (void)context;
    leave_letter(letter_of(thread));
    if (thread == 0)
        leave_letter(schedule_wait(&object, false) ? 'w' : 't');
    else
        schedule_wake(&object, false);
    leave_letter(letter_of(thread));
}

static void first_waits_awhile(void *context, uint32_t thread)
{
    (void)context;
    leave_letter(letter_of(thread));
    if (thread == 0)
        leave_letter(schedule_wait(&object, true) ? 'w' : 't');
    else
        schedule_wake(thread == 1 ? &object : &other_object, true);
    leave_letter(letter_of(thread));
}

static void all_wait_awhile(void *context, uint32_t thread)
{
    (void)context;
    leave_letter(letter_of(thread));
    leave_letter(schedule_wait(&object, true) ? 'w' : 't');
}

static void others_do_not_wake(void *context, uint32_t thread)
{
    if (thread == 0)
        leave_letter(schedule_wait(&object, true) ? 'w' : 't');
    else {
        schedule_wake(&other_object, true);
        works(context, thread);
    }
}

/* The second one polls until the first one's wait has timed out. */
static void polls_for_a_time_out(void *context, uint32_t thread)
{
    (void)context;
    if (thread == 0) {
        leave_letter(schedule_wait(&object, true) ? 'w' : 't');
        flag = true;
    }
    while (!flag)
        schedule_pause();
    leave_letter(letter_of(thread));
}

static void two_wait_the_third_wakes_all(void *context, uint32_t thread)
{
    (void)context;
    leave_letter(letter_of(thread));
    if (thread < 2)
        schedule_wait(&object, false);
    else
        schedule_wake(&object, true);
    leave_letter(letter_of(thread));
}

static void two_wait_the_third_wakes_one(void *context, uint32_t thread)
{
    (void)context;
    leave_letter(letter_of(thread));
    while (thread == 2 && waiting < 2)
        schedule_pause();
    waiting += thread < 2;
    if (thread < 2)
        schedule_wait(&object, false);
    schedule_wake(&object, false);
    leave_letter(letter_of(thread));
}

static void exits(void *context, uint32_t thread)
{
    works(context, thread);
    if (thread == 0)
        pthread_exit(NULL);
}

/* --- Order ------------------------------------------------------------------------------------ */

static const struct scene scenes[] = {
    {1, works, "aaa", "a thread alone"},
    {2, works, "aaabbb", "one after the other"},
    {3, works, "aaabbbccc", "in order"},
    {2, works_held, "aaabbb", "with a lock of a library held there is no yield point"},
    {2, works_quietly, "aaabbb", "a quiet edge is no yield point"},
    {2, exits, "aaabbb", "a thread that ends itself has ended"},
    {1, polls, "aaa", "to pause alone is nothing"},
    {2, polls, "ababab", "who pauses steps back"},
    {3, polls, "abcabcabc", "three in turn"},
    {3, two_poll_the_third_works, "abcccabab", "who pauses steps back behind all that are ready"},
    {2, first_waits, "abbwa", "who waits goes on when woken, not before"},
    {2, first_waits_awhile, "abbwa", "woken in time"},
    {2, others_do_not_wake, "bbbt", "time is up when nobody else can go on; wake-ups have objects"},
    {3, all_wait_awhile, "abcttt", "all time out, one after the other"},
    {2, polls_for_a_time_out, "tab", "who polls for a time-out does not poll for ever"},
    {3, two_wait_the_third_wakes_all, "abccab", "all are woken"},
    {3, two_wait_the_third_wakes_one, "abccab", "one wakes the next"},
    {THREADS_MAX, works, "aaabbbcccdddeeefffggghhh", "as many as there may be"},
};

static void simplest_schedule_is_one_after_the_other(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < ROWS(scenes); i++) {
            assert_int_equal(run_at_origin(plays, &scenes[i]), VERDICT_PASS);
            if (strcmp(trace, scenes[i].trace) != 0)
                fail_msg("%s: %s, not %s", scenes[i].why, trace, scenes[i].trace);
            assert_false(outcome.spent);
            assert_int_equal(outcome.story_size, 0);
        }
}

/* Where there is nothing to choose, nothing is drawn. */
static void choices_are_drawn_where_there_are_any(void **state)
{
    static const struct {
        struct scene scene;
        uint32_t preempt, next;
        const char *why;
    } rows[] = {
        {{1, works, "", ""}, 0, 0, "alone"},
        {{2, works, "", ""}, 3, 0, "the last one is alone, and the only one to go on"},
        {{3, works, "", ""}, 6, 1, "at the first end there are two"},
        {{2, works_held, "", ""}, 0, 0, "held"},
        {{2, works_quietly, "", ""}, 0, 0, "quiet"},
        {{2, polls, "", ""}, 0, 0, "only the other one can go on"},
        {{3, two_poll_the_third_works, "", ""},
         3,
         2,
         "a paused one is behind those that are ready"},
        {{3, two_wait_the_third_wakes_all, "", ""}, 0, 2, "after the first wait and the last end"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        uint32_t preempt = 0, next = 0;
        run_at_origin(plays, &rows[i].scene);
        for (uint32_t j = 0; j < drawn.count; j++) {
            preempt += drawn.at[j].kind == CHOICE_PREEMPT;
            next += drawn.at[j].kind == CHOICE_NEXT;
            assert_int_equal(drawn.at[j].origin, 0);
        }
        if (preempt != rows[i].preempt || next != rows[i].next)
            fail_msg("%s: %u and %u", rows[i].why, preempt, next);
    }
}

/* --- Enumeration ------------------------------------------------------------------------------ */

#define TRACES_MAX 4096

static char traces[TRACES_MAX][sizeof trace];

/* Runs all schedules within the bound, and those drawn again by replay; returns how many. */
static uint32_t enumerate(const struct scene *scene, uint32_t preemptions_max)
{
    static struct schedules schedules;
    static struct choices first;
    uint32_t count = 0;
    schedules_start(&schedules, preemptions_max);
    do {
        struct source_replay replay;
        assert_in_range(count, 0, TRACES_MAX - 1);
        assert_int_equal(run_body(plays, scene, &schedules.source), VERDICT_PASS);
        memcpy(traces[count], trace, sizeof trace);
        first = drawn;
        source_replay_start(&replay, first.at, first.count, false);
        run_body(plays, scene, &replay.source);
        assert_string_equal(trace, traces[count]);
        assert_int_equal(drawn.count, first.count);
        assert_int_equal(replay.drifted_at, -1);
        count++;
    } while (schedules_next(&schedules, &first));
    return count;
}

static uint32_t times_seen(const char *text, uint32_t count)
{
    uint32_t times = 0;
    for (uint32_t i = 0; i < count; i++)
        times += strcmp(traces[i], text) == 0;
    return times;
}

static void one_preemption_at_each_point(void **state)
{
    static const char *const expected[] = {"aaabbb", "bbbaaa", "abbbaa", "aabbba"};
    static const struct scene scene = {2, works, "", ""};
    (void)state;
    uint32_t count = enumerate(&scene, 1);
    assert_int_equal(count, ROWS(expected));
    for (size_t i = 0; i < ROWS(expected); i++)
        assert_int_equal(times_seen(expected[i], count), 1);
}

/* Without a bound, all ways of mixing the letters are reached: 6! / 3! / 3!, 6! / 2! / 2! / 2!. */
static void all_interleavings_are_reached(void **state)
{
    static const struct {
        struct scene scene;
        uint32_t distinct;
    } rows[] = {{{2, works, "", ""}, 20}, {{3, works, "", ""}, 1680}};
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        uint32_t most = i == 0 ? 99 : 3; /* three preemptions of three threads are many already */
        uint32_t count = enumerate(&rows[i].scene, most), distinct = 0;
        for (uint32_t j = 0; j < count; j++)
            distinct += times_seen(traces[j], j) == 0;
        if (i == 0)
            assert_int_equal(distinct, rows[i].distinct);
        else
            assert_in_range(distinct, 100, rows[i].distinct);
    }
}

/* A preemption wakes a sleeper as well, not only when nothing else can go on. */
static void a_paused_thread_may_be_chosen(void **state)
{
    static const struct scene scene = {3, two_poll_the_third_works, "", ""};
    (void)state;
    uint32_t count = enumerate(&scene, 1), early = 0;
    for (uint32_t i = 0; i < count; i++)
        early += strncmp(traces[i], "abca", 4) == 0;
    assert_true(early > 0);
}

/* Who is woken is a choice, too. */
static void either_waiter_is_woken(void **state)
{
    static const struct scene scene = {3, two_wait_the_third_wakes_one, "", ""};
    (void)state;
    uint32_t count = enumerate(&scene, 0);
    assert_true(times_seen("abccab", count) > 0);
    assert_true(times_seen("abccba", count) > 0);
}

/* --- A lost update ---------------------------------------------------------------------------- */

static int counter;

static void counts(void *context, uint32_t thread)
{
    struct run *run = context;
    edge(WRITE, 0);
    int seen = counter;
    edge(WRITE, 1);
    counter = seen + 1;
    tell(run, "client %u counts %d", thread + 1, counter);
}

static void counts_twice(struct run *run, const void *subject)
{
    (void)subject;
    counter = 0;
    schedule(run, 2, counts, run);
    CHECK(run, counter == 2, "%d", counter);
}

static void an_update_is_lost_between_read_and_write(void **state)
{
    static const struct {
        enum verdict verdict;
        const char *story, *why;
    } rows[] = {
        {VERDICT_PASS, "client 1 counts 1\nclient 2 counts 2\n", "no preemption"},
        {VERDICT_FAIL,
         "  thread 1 stops before disk.write of wal; thread 2 goes on\n"
         "client 2 counts 1\nclient 1 counts 1\n",
         "between read and write"},
        {VERDICT_PASS,
         "  thread 1 stops before disk.write; thread 2 goes on\n"
         "client 2 counts 1\nclient 1 counts 2\n",
         "before the read"},
    };
    static struct schedules schedules;
    size_t i = 0;
    (void)state;
    schedules_start(&schedules, 1);
    do {
        assert_in_range(i, 0, ROWS(rows) - 1);
        enum verdict verdict = run_body(counts_twice, NULL, &schedules.source);
        if (verdict != rows[i].verdict || strcmp(outcome.story, rows[i].story) != 0)
            fail_msg("%s: %s", rows[i].why, outcome.story);
        i++;
    } while (schedules_next(&schedules, &drawn));
    assert_int_equal(i, ROWS(rows));
}

/* --- Limits ----------------------------------------------------------------------------------- */

static void schedules_leak_no_threads(void **state)
{
    static const struct scene often = {2, works, "", ""}, seldom = {2, exits, "", ""},
                              many = {THREADS_MAX, works, "", ""};
    (void)state;
    run_at_origin(plays, &many);
    uint32_t before = task_count();
    for (int i = 0; i < 10000; i++)
        run_at_origin(plays, i % 100 == 0 ? &seldom : &often);
    run_at_origin(plays, &often); /* takes the place of the one that ended itself */
    assert_int_equal(task_count(), before);
}

static void works_long(void *context, uint32_t thread)
{
    (void)context;
    (void)thread;
    for (uint32_t i = 0; i < CHOICES_MAX + 100; i++)
        edge(WRITE, 0);
    schedule_pause();
}

static void too_many_yield_points_are_an_overrun(void **state)
{
    static const struct scene scene = {3, works_long, "", ""};
    static struct schedules schedules;
    (void)state;
    assert_int_equal(run_at_origin(plays, &scene), VERDICT_PASS);
    assert_true(outcome.overrun);
    assert_int_equal(drawn.count, CHOICES_MAX);
    assert_int_equal(outcome.edges, 3 * (CHOICES_MAX + 100));
    schedules_start(&schedules, 1);
    schedules.fixed = 1;
    schedules.values[0] = 2;
    assert_int_equal(run_body(plays, &scene, &schedules.source), VERDICT_PASS);
    assert_true(outcome.overrun);
}

static void threads_have_a_limit(void **state)
{
    static const struct scene none = {0, works, "", ""}, more = {THREADS_MAX + 1, works, "", ""};
    (void)state;
    assert_int_equal(run_at_origin(plays, &none), VERDICT_PASS);
    assert_string_equal(trace, "");
    assert_int_equal(run_at_origin(plays, &more), VERDICT_FAIL);
    assert_non_null(strstr(outcome.message, "the case wants"));
    assert_false(outcome.spent);
}

/* Outside of schedules, interceptors may ask all the same. */
static void outside_of_schedules_nothing_waits(void **state)
{
    (void)state;
    assert_false(schedule_active());
    schedule_point("this", NULL);
    schedule_pause();
    schedule_wake(&object, true);
    assert_true(schedule_wait(&object, false));
    assert_true(schedule_wait(&object, true));
}

/* --- What leaves threads behind --------------------------------------------------------------- */

static int ends[2]; /* of a pipe */

static void crossed(void *context, uint32_t thread)
{
    (void)context;
    edge(WRITE, 0);
    schedule_wait(thread == 0 ? &object : &other_object, false);
    schedule_wake(thread == 0 ? &other_object : &object, true);
}

static void nobody_wakes(void *context, uint32_t thread)
{
    if (thread == 0)
        schedule_wait(&object, false);
    else
        works(context, thread);
}

static void reads_what_the_other_writes(void *context, uint32_t thread)
{
    char byte = 0;
    (void)context;
    if (thread == 0)
        leave_letter(read(ends[0], &byte, 1) == 1 ? 'r' : 'e');
    else
        leave_letter(write(ends[1], &byte, 1) == 1 ? 'w' : 'e');
}

static void *writes_late(void *context)
{
    usleep(1500 * 1000); /* longer than the scheduler has patience */
    return write(ends[1], "", 1) == 1 ? context : NULL;
}

static void *sleeps(void *context)
{
    pause();
    return context;
}

static void sleeps_for_ever(struct run *run, const void *subject)
{
    pthread_t thread;
    pthread_create(&thread, NULL, sleeps, NULL);
    plays(run, subject);
}

static void reads_what_comes_late(struct run *run, const void *subject)
{
    pthread_t thread;
    pthread_create(&thread, NULL, writes_late, NULL);
    plays(run, subject);
    pthread_join(thread, NULL);
}

/* Runs a case in a child of its own; its outcome comes back in `outcome`. */
static void run_in_child(case_body *body, const struct scene *scene)
{
    struct outcome *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run_at_origin(body, scene);
        *shared = outcome;
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    outcome = *shared;
    munmap(shared, sizeof *shared);
    close(ends[0]);
    close(ends[1]);
}

static void waits_without_end_are_found(void **state)
{
    static const struct {
        case_body *body;
        struct scene scene;
        enum verdict verdict;
        const char *message;
        const char *why;
    } rows[] = {
        {plays, {2, first_waits, "", ""}, VERDICT_PASS, "", "no deadlock"},
        {plays, {2, crossed, "", ""}, VERDICT_FAIL, "all 2 threads wait for each other", "crossed"},
        {plays, {2, nobody_wakes, "", ""}, VERDICT_FAIL, "the last thread waits", "forgotten"},
        {sleeps_for_ever,
         {2, crossed, "", ""},
         VERDICT_UNSUPPORTED,
         "threads that a schedule can see",
         "a thread outside of the schedule might wake them"},
        {plays,
         {2, reads_what_the_other_writes, "", ""},
         VERDICT_UNSUPPORTED,
         "thread 1 blocks where the scheduler cannot see it",
         "the other one cannot go on"},
        {reads_what_comes_late,
         {1, reads_what_the_other_writes, "", ""},
         VERDICT_PASS,
         "",
         "a thread alone may block as long as it likes"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        run_in_child(rows[i].body, &rows[i].scene);
        if (outcome.verdict != rows[i].verdict || strstr(outcome.message, rows[i].message) == NULL)
            fail_msg("%s: %s, %s", rows[i].why, verdict_name(outcome.verdict), outcome.message);
        assert_int_equal(outcome.spent, rows[i].verdict != VERDICT_PASS);
        if (outcome.verdict == VERDICT_FAIL)
            assert_string_equal(outcome.file, "harness/engine/schedule.c");
    }
}

#ifndef ASSAY_TSAN
/* A fork leaves a process's other threads behind, and with them those of earlier schedules. */
static void children_have_threads_of_their_own(void **state)
{
    static const struct scene scene = {2, works, "", ""};
    (void)state;
    assert_int_equal(run_at_origin(plays, &scene), VERDICT_PASS);
    run_in_child(plays, &scene);
    assert_int_equal(outcome.verdict, VERDICT_PASS);
    assert_int_equal(run_at_origin(plays, &scene), VERDICT_PASS);
}
#endif

/* --- Speed ------------------------------------------------------------------------------------ */

#define SPEED_POINTS 40
#define SPEED_RUNS   40000u

static void passes_points(void *context, uint32_t thread)
{
    (void)context;
    (void)thread;
    for (int i = 0; i < SPEED_POINTS; i++)
        edge(WRITE, 0);
}

/* On one processor: up to that many preemptions a schedule, runs without telling. */
static void print_speed(uint32_t preemptions_max)
{
    static struct schedules schedules;
    static const struct scene scene = {2, passes_points, "", ""};
    static const struct test_case test_case = {.name = "test.speed", .body = plays};
    static struct run run;
    struct timespec begin, end;
    uint32_t count = 0;
    schedules_start(&schedules, preemptions_max);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        run = (struct run){.source = &schedules.source, .choices = &drawn, .outcome = &outcome};
        case_run(&run, &test_case, &scene, &nothing);
        if (!schedules_next(&schedules, &drawn))
            schedules_start(&schedules, preemptions_max);
    } while (++count < SPEED_RUNS);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    printf("at most %u preemptions: %.0f schedules a second\n", preemptions_max, count / seconds);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_without_end_are_found), /* first: TSan knows no forks with threads */
        cmocka_unit_test(simplest_schedule_is_one_after_the_other),
        cmocka_unit_test(choices_are_drawn_where_there_are_any),
        cmocka_unit_test(one_preemption_at_each_point),
        cmocka_unit_test(all_interleavings_are_reached),
        cmocka_unit_test(a_paused_thread_may_be_chosen),
        cmocka_unit_test(either_waiter_is_woken),
        cmocka_unit_test(an_update_is_lost_between_read_and_write),
        cmocka_unit_test(schedules_leak_no_threads),
        cmocka_unit_test(too_many_yield_points_are_an_overrun),
        cmocka_unit_test(threads_have_a_limit),
        cmocka_unit_test(outside_of_schedules_nothing_waits),
#ifndef ASSAY_TSAN
        cmocka_unit_test(children_have_threads_of_their_own),
#endif
    };
    if (count > 1 && strcmp(arguments[1], "speed") == 0) {
        cpu_set_t first;
        CPU_ZERO(&first);
        CPU_SET(0, &first);
        (void)sched_setaffinity(0, sizeof first, &first);
        edge_install(&catalogue);
        for (uint32_t preemptions_max = 0; preemptions_max <= 2; preemptions_max++)
            print_speed(preemptions_max);
        return 0;
    }
    return cmocka_run_group_tests(tests, install, NULL);
}
