/* SPDX-License-Identifier: Apache-2.0
 *
 * One run of a case, from its first draw to its verdict.
 *
 * A check that does not hold leaves the case at once, with siglongjmp: it is only ever called from
 * the case's own frames, never from within the subject, so no frame of foreign code is skipped.
 * What the case had open is released by what it deferred, with the edge quiet. Verdicts of a run
 * that ends in an orderly way are given here; CRASH and HANG are the parent's to give.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/engine/power.h"
#include "harness/engine/unseen.h"

#define US_PER_SECOND UINT64_C(1000000)

enum { RUN_FAILED = 1, RUN_REJECTED, RUN_UNSUPPORTED, RUN_UNHEARD };

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[VERDICTS] = {"PASS",  "FAIL",    "CRASH",       "HANG",
                                                "FLAKY", "VACUOUS", "UNSUPPORTED", "REJECTED"};
    return names[verdict];
}

const char *technique_name(enum technique technique)
{
    static const char *const names[TECHNIQUES] = {"regressions", "vectors",  "exhaustive", "fault",
                                                  "powercut",    "schedule", "property"};
    return names[technique];
}

void run_release(struct run *run, uint32_t left)
{
    while (run->deferred_count > left) {
        uint32_t last = --run->deferred_count;
        run->deferred[last].release(run->deferred[last].what);
    }
}

/* Makes the disk that runs of the case begin with, in a world of its own with entropy of its own,
 * so that a run is the same whether the disk was made for it or kept from an earlier one. */
static void make_disk(struct run *run, const struct test_case *test_case, const void *subject,
                      const struct world *world, uint64_t entropy_seed)
{
    static const struct plan no_fault;
    world->begin(world->context, ~entropy_seed);
    edge_begin(&no_fault);
    edge_quiet(true);
    test_case->prepare(run, subject);
    run_release(run, 0);
    world->keep(world->context, test_case, entropy_seed);
    run->outcome->checks = run->outcome->steps = 0;
}

/* The first draws of every run, in every technique: what the subject's randomness is, and what will
 * fail. A story begins with what the disk holds. */
static void run_begin(struct run *run, const struct test_case *test_case, const void *subject,
                      const struct world *world)
{
    uint64_t entropy_seed = (uint64_t)draw_kind(run, CHOICE_ENTROPY, 0, INT32_MAX, 0);
    plan_draw(run, &run->outcome->plan);
    if (test_case->prepare && run->telling)
        make_disk(run, test_case, subject, world, entropy_seed);
    world->begin(world->context, entropy_seed);
    if (test_case->prepare && !world->restore(world->context, test_case, entropy_seed)) {
        make_disk(run, test_case, subject, world, entropy_seed);
        world->begin(world->context, entropy_seed);
        if (!world->restore(world->context, test_case, entropy_seed))
            unsupported(run, "a store that can be kept from run to run");
    }
    edge_begin(&run->outcome->plan);
}

void outcome_clear(struct outcome *outcome)
{
    memset(outcome, 0, offsetof(struct outcome, file));
    *outcome->file = *outcome->expression = *outcome->message = 0;
    *outcome->step = *outcome->site_text = *outcome->drift = *outcome->story = 0;
}

enum verdict case_run(struct run *run, const struct test_case *test_case, const void *subject,
                      const struct world *world)
{
    struct outcome *outcome = run->outcome;
    outcome_clear(outcome);
    run->choices->count = run->choices->span_count = 0;
    run->deferred_count = 0;
    run->world = world;
    /* Reached by siglongjmp too, so nothing here may live in a register: all state is behind `run`.
     */
    switch (sigsetjmp(run->stop, 0)) {
    case 0:
        run_begin(run, test_case, subject, world);
        test_case->body(run, subject);
        outcome->verdict = outcome->checks == 0 ? VERDICT_VACUOUS : VERDICT_PASS;
        break;
    case RUN_FAILED:
        outcome->verdict = VERDICT_FAIL;
        break;
    case RUN_REJECTED:
        outcome->verdict = VERDICT_REJECTED;
        break;
    case RUN_UNHEARD:
        outcome->verdict = VERDICT_PASS;
        break;
    default:
        outcome->verdict = VERDICT_UNSUPPORTED;
        break;
    }
    edge_quiet(true);
    power_end();
    if (!outcome->spent) { /* else left-over threads may hold what a clean-up would wait for */
        run_release(run, 0);
        world->end(world->context);
    }
    edge_end(outcome);
    if (run->observed)
        observations_add(run->observed, outcome->verdict == VERDICT_PASS);
    return outcome->verdict;
}

/* Back to case_run(). From a thread of a schedule there is no way: its body must not judge. */
static __attribute__((noreturn)) void leave(struct run *run, int reason)
{
    if (schedule_active()) {
        fprintf(stderr, "a body of a schedule draws, checks or rejects: the case must do that\n");
        abort();
    }
    siglongjmp(run->stop, reason);
}

void reject(struct run *run)
{
    leave(run, RUN_REJECTED);
}

void unsupported(struct run *run, const char *what)
{
    snprintf(run->outcome->message, sizeof run->outcome->message, "the target does not have %s",
             what);
    leave(run, RUN_UNSUPPORTED);
}

void check_failed(struct run *run, const char *file, int line, const char *expression,
                  const char *format, ...)
{
    struct outcome *outcome = run->outcome;
    va_list arguments;
    if (run->deaf)
        leave(run, RUN_UNHEARD);
    snprintf(outcome->file, sizeof outcome->file, "%s", file);
    outcome->line = line;
    snprintf(outcome->expression, sizeof outcome->expression, "%s", expression);
    va_start(arguments, format);
    vsnprintf(outcome->message, sizeof outcome->message, format, arguments);
    va_end(arguments);
    leave(run, RUN_FAILED);
}

void defer(struct run *run, void (*release)(void *), void *what)
{
    CHECK_CASE(run, run->deferred_count < DEFERRED_MAX, "the case registers more than %u clean-ups",
               DEFERRED_MAX);
    run->deferred[run->deferred_count].release = release;
    run->deferred[run->deferred_count++].what = what;
}

void step(struct run *run, const char *name)
{
    unseen_begin();
    snprintf(run->outcome->step, sizeof run->outcome->step, "%s", name);
    edge_step(run->outcome->steps++, name);
    unseen_end();
}

/* Both clocks of the world are there, or none. */
static void need_clock(struct run *run)
{
    if (!run->world->pass || !run->world->set_clock)
        unsupported(run, "a clock that this harness can drive");
}

void time_passes(struct run *run, uint64_t seconds)
{
    need_clock(run);
    run->world->pass(run->world->context, seconds * US_PER_SECOND);
    tell(run, "%llu seconds pass", (unsigned long long)seconds);
}

void clock_jumps(struct run *run, int64_t seconds)
{
    need_clock(run);
    run->world->set_clock(run->world->context, seconds * (int64_t)US_PER_SECOND);
    tell(run, "the wall clock is put %s by %lld seconds", seconds < 0 ? "back" : "on",
         (long long)(seconds < 0 ? -seconds : seconds));
}

static __attribute__((format(printf, 2, 0))) void add_line(struct outcome *outcome,
                                                           const char *format, va_list arguments)
{
    static const char story_cut[] = "\n... (the story is cut here)\n";
    size_t room = STORY_BYTES - outcome->story_size;
    if (room < 2)
        return;
    int wanted = vsnprintf(outcome->story + outcome->story_size, room, format, arguments);
    size_t written = wanted < 0 ? 0 : (size_t)wanted;
    if (written > room - 2) { /* its newline and the final NUL must fit, too */
        outcome->story_size = STORY_BYTES - (uint32_t)sizeof story_cut;
        memcpy(outcome->story + outcome->story_size, story_cut, sizeof story_cut);
        outcome->story_size = STORY_BYTES - 1;
        return;
    }
    outcome->story_size += (uint32_t)written;
    outcome->story[outcome->story_size++] = '\n';
    outcome->story[outcome->story_size] = 0;
}

void tell_line(struct run *run, const char *format, ...)
{
    va_list arguments;
    unseen_begin();
    va_start(arguments, format);
    add_line(run->outcome, format, arguments);
    va_end(arguments);
    unseen_end();
}

/* One byte as it is written inside quotes. */
static int escaped(char *ret, size_t size, uint8_t byte)
{
    if (byte == '"' || byte == '\\')
        return snprintf(ret, size, "\\%c", byte);
    if (byte >= 0x20 && byte < 0x7f)
        return snprintf(ret, size, "%c", byte);
    return snprintf(ret, size, "\\x%02x", byte);
}

const char *quoted(char *ret, size_t size, const void *data, size_t data_size)
{
    const uint8_t *bytes = data;
    size_t used = 1;
    if (size < 2) {
        if (size == 1)
            *ret = 0;
        return ret;
    }
    snprintf(ret, size, "\"");
    for (size_t i = 0; i < data_size;) {
        size_t repeats = 1;
        while (i + repeats < data_size && bytes[i + repeats] == bytes[i])
            repeats++;
        if (used + 40 > size)
            break;
        used += (size_t)escaped(ret + used, size - used, bytes[i]);
        if (repeats > 4)
            used += (size_t)snprintf(ret + used, size - used, "{%zu times}", repeats);
        i += repeats > 4 ? repeats : 1;
        if (i < data_size && used + 40 > size)
            used += (size_t)snprintf(ret + used, size - used, "...");
    }
    snprintf(ret + used, size - used, data_size > 40 ? "\" (%zu bytes)" : "\"", data_size);
    return ret;
}
