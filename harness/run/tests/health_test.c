/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases that prove nothing are never green, and a failure is never shrunk into another one.
 *
 * Each row is a bad case, driven by one technique against an honest target; the verdict says what
 * is wrong with it. Beside each stands a good case that differs in that one thing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "faults/faults.h"
#include "harness/run/run.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

/* --- Bad cases, and good ones ------------------------------------------------------------------
 */

static void checks_nothing(struct run *run, const void *subject)
{
    (void)subject;
    draw(run, 0, 9, 0);
}

static void checks_something(struct run *run, const void *subject)
{
    (void)subject;
    CHECK(run, draw(run, 0, 9, 0) < 10, "never");
}

static void rejects_nearly_all(struct run *run, const void *subject)
{
    (void)subject;
    if (draw(run, 0, 999, 0) != 500)
        reject(run);
    CHECK(run, true, "always");
}

static void rejects_half(struct run *run, const void *subject)
{
    (void)subject;
    if (draw(run, 0, 9, 0) >= 5)
        reject(run);
    CHECK(run, true, "always");
}

static void draws_without_end(struct run *run, const void *subject)
{
    (void)subject;
    CHECK(run, true, "always");
    for (;;)
        draw(run, 0, 1, 0);
}

static void draws_much(struct run *run, const void *subject)
{
    (void)subject;
    for (int i = 0; i < 1000; i++)
        draw(run, 0, 1, 0);
    CHECK(run, true, "always");
}

static void draws_nothing(struct run *run, const void *subject)
{
    (void)subject;
    CHECK(run, true, "always");
}

static void covers_too_little(struct run *run, const void *subject)
{
    (void)subject;
    cover(run, 30, draw(run, 0, 99, 0) > 95, "large");
    CHECK(run, true, "always");
}

static void covers_enough(struct run *run, const void *subject)
{
    (void)subject;
    cover(run, 30, draw(run, 0, 9, 0) > 5, "large");
    CHECK(run, true, "always");
}

static void observes_nothing_else(void *context, uint32_t thread)
{
    (void)context;
    (void)thread;
}

static void has_no_yield_point(struct run *run, const void *subject)
{
    (void)subject;
    schedule(run, 2, observes_nothing_else, NULL);
    CHECK(run, true, "always");
}

static void asks_at_the_edge(void *context, uint32_t thread)
{
    (void)context;
    (void)thread;
    (void)edge(CALL_CRYPTO_PWHASH, ROLE_NONE);
}

static void has_yield_points(struct run *run, const void *subject)
{
    (void)subject;
    schedule(run, 2, asks_at_the_edge, NULL);
    CHECK(run, true, "always");
}

static uint32_t *processes; /* that ran the case below, counted in memory that all of them share */

/* What it does depends on the process, not on its choices alone: it fails in each second one. */
static void depends_on_the_process(struct run *run, const void *subject)
{
    static uint32_t number;
    (void)subject;
    if (number == 0)
        number = ++*processes;
    CHECK(run, draw(run, 0, 9, 0) < 3 || number % 2 == 0, "by chance of the process");
}

static void depends_on_its_choices(struct run *run, const void *subject)
{
    (void)subject;
    CHECK(run, draw(run, 0, 9, 0) < 3, "always so");
}

/* Small numbers fail elsewhere: the failure that was found must not become that one. */
static void is_a_trap(struct run *run, const void *subject)
{
    int64_t number = draw(run, 0, 100000, 50000);
    (void)subject;
    tell(run, "%lld", (long long)number);
    CHECK(run, number < 90000, "the failure that was found");
    CHECK(run, number > 50010 || number < 50000, "another one");
}

static void passes_what_does_not_exist(struct run *run, const void *subject)
{
    (void)subject;
    draw_factor(run, FACTOR_LEVELS_MAX + 1);
    CHECK(run, true, "always");
}

static void has_factors(struct run *run, const void *subject)
{
    (void)subject;
    size_t sum = 0;
    for (int i = 0; i < 4; i++)
        sum += draw_factor(run, 3);
    CHECK(run, sum < 100, "never");
}

/* --- Driving them ------------------------------------------------------------------------------
 */

static const char *module;

/* Runs one case by one technique. The message of the result, or that of its first finding. */
static enum verdict drive(void (*body)(struct run *, const void *), enum technique technique,
                          struct case_result *ret_result, struct findings *findings)
{
    const struct test_case test_case = {.name = "health.case",
                                        .shows = "",
                                        .stands_for = "",
                                        .techniques = 1u << technique,
                                        .body = body};
    const struct test_case *const cases[] = {&test_case, NULL};
    const struct worker_options options = {.target = module, .hang_seconds = 10, .cases = cases};
    const struct settings settings = {.seed = 1, .runs = 400, .techniques = UINT32_MAX};
    struct worker worker;
    assert_true(worker_open(&worker, &options));
    technique_run(&worker, technique, 0, &settings, ret_result, findings);
    ret_result->test_case = NULL;
    worker_close(&worker);
    return ret_result->verdict;
}

static void bad_cases_are_not_green(void **state)
{
    static const struct {
        void (*body)(struct run *, const void *);
        enum technique technique;
        enum verdict verdict;
        const char *message, *why;
    } rows[] = {
        {checks_nothing, TECHNIQUE_PROPERTY, VERDICT_VACUOUS, "checked nothing", "no check"},
        {checks_nothing, TECHNIQUE_VECTORS, VERDICT_VACUOUS, "checked nothing", "nor here"},
        {checks_something, TECHNIQUE_PROPERTY, VERDICT_PASS, "", "one check is enough"},
        {rejects_nearly_all, TECHNIQUE_PROPERTY, VERDICT_VACUOUS, "rejected", "a filter"},
        {rejects_half, TECHNIQUE_PROPERTY, VERDICT_PASS, "", "a filter that lets through"},
        {draws_without_end, TECHNIQUE_PROPERTY, VERDICT_VACUOUS, "more choices", "no end"},
        {draws_much, TECHNIQUE_PROPERTY, VERDICT_PASS, "", "a thousand draws are allowed"},
        {draws_nothing, TECHNIQUE_PROPERTY, VERDICT_VACUOUS, "draws nothing", "chance is idle"},
        {draws_nothing, TECHNIQUE_VECTORS, VERDICT_PASS, "", "a vector need not draw"},
        {covers_too_little, TECHNIQUE_PROPERTY, VERDICT_VACUOUS, "\"large\"", "a demand"},
        {covers_enough, TECHNIQUE_PROPERTY, VERDICT_PASS, "", "a demand that is met"},
        {has_no_yield_point, TECHNIQUE_SCHEDULE, VERDICT_UNSUPPORTED, "in sight",
         "no interleaving"},
        {has_yield_points, TECHNIQUE_SCHEDULE, VERDICT_PASS, "", "two of them"},
        {passes_what_does_not_exist, TECHNIQUE_EXHAUSTIVE, VERDICT_VACUOUS, "no covering array",
         "too many levels"},
        {has_factors, TECHNIQUE_EXHAUSTIVE, VERDICT_PASS, "", "three of four factors"},
        {depends_on_its_choices, TECHNIQUE_PROPERTY, VERDICT_FAIL, "", "a failure is one"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct case_result result;
        struct findings findings;
        findings_init(&findings);
        enum verdict verdict = drive(rows[i].body, rows[i].technique, &result, &findings);
        if (verdict != rows[i].verdict || !strstr(result.message, rows[i].message))
            fail_msg("%s: %s (%s)", rows[i].why, verdict_name(verdict), result.message);
        findings_done(&findings);
    }
}

/* The target declares that its entropy is controlled, so a difference between runs is FLAKY. */
static void what_does_not_repeat_is_flaky(void **state)
{
    struct case_result result;
    struct findings findings;
    (void)state;
    findings_init(&findings);
    assert_int_equal(drive(depends_on_the_process, TECHNIQUE_PROPERTY, &result, &findings),
                     VERDICT_FLAKY);
    assert_int_equal(findings.count, 1);
    findings_done(&findings);
}

static void shrinking_keeps_to_its_failure(void **state)
{
    struct case_result result;
    struct findings findings;
    (void)state;
    findings_init(&findings);
    drive(is_a_trap, TECHNIQUE_PROPERTY, &result, &findings);
    assert_non_null(findings.first);
    if (strcmp(findings.first->outcome.message, "the failure that was found") == 0)
        assert_string_equal(findings.first->outcome.story, "90000\n");
    else
        assert_string_equal(findings.first->outcome.message, "another one");
    findings_done(&findings);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_cases_are_not_green),
        cmocka_unit_test(what_does_not_repeat_is_flaky),
        cmocka_unit_test(shrinking_keeps_to_its_failure),
    };
    assert_true(argc == 2);
    module = argv[1];
    processes =
        mmap(NULL, sizeof *processes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(processes != MAP_FAILED);
    edge_install(&fault_catalogue);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
