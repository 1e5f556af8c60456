/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows which plans of faults there are, that pairs and triples follow the path, and what is
 * counted of their runs. The sites are made up; operations and effects are those of the catalogue.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "faults/faults.h"
#include "harness/run/run.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

/* A read of one effect, a write of two, another read. */
static const struct site sites[] = {
    {DISK_READ, ROLE_MAIN, 0, 0}, {DISK_WRITE, ROLE_WAL, 0, 0}, {DISK_READ, ROLE_MAIN, 1, 0}};
static struct site_list path;

static int make_path(void **state)
{
    (void)state;
    memset(&path, 0, sizeof path);
    path.count = ROWS(sites);
    memcpy(path.at, sites, sizeof sites);
    strcpy(path.step_names[0], "open");
    strcpy(path.step_names[1], "login");
    return 0;
}

static uint32_t effects_at(uint32_t site)
{
    return fault_catalogue.operations[sites[site].operation].effect_count;
}

/* Site by site, effect by effect, once, for good and twice, each exactly once. */
static void singles_are_numbered(void **state)
{
    uint64_t number = 0;
    struct plan plan;
    (void)state;
    for (uint32_t site = 0; site < ROWS(sites); site++)
        for (uint32_t effect = 1; effect <= effects_at(site); effect++)
            for (uint32_t duration = 0; duration < FAULT_DURATIONS; duration++) {
                assert_true(plan_numbered(&path, number++, &plan));
                assert_int_equal(plan.count, 1);
                assert_memory_equal(&plan.faults[0].site, &sites[site], sizeof *sites);
                assert_int_equal(plan.faults[0].effect.code, effect);
                assert_int_equal(plan.faults[0].times, fault_duration(duration));
            }
    assert_int_equal(number, plans_in_all(&path));
    assert_false(plan_numbered(&path, number, &plan));
    assert_int_equal(fault_duration(0), 1);
    assert_true(fault_duration(1) == FAULT_FOR_GOOD && fault_duration(2) == FAULT_TWICE);
}

/* The second fault is one behind the first, and all of those come. */
static void pairs_follow_the_path(void **state)
{
    static const struct {
        struct site last;
        uint32_t behind;
        const char *why;
    } rows[] = {
        {{DISK_READ, ROLE_MAIN, 0, 0}, 1, "behind the first"},
        {{DISK_WRITE, ROLE_WAL, 0, 0}, 2, "behind the second"},
        {{DISK_READ, ROLE_MAIN, 1, 0}, 3, "nothing is behind the last"},
        {{DISK_READ, ROLE_MAIN, 1, 1}, 3, "a site that is not on the path"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct plan first = {1, {{rows[i].last, {1}, 1}}};
        struct plan pair = first;
        uint32_t behind = sites_behind(&path, &first);
        uint64_t count = 0, wanted = 0;
        if (behind != rows[i].behind)
            fail_msg("%s: %u", rows[i].why, behind);
        for (uint32_t site = behind; site < ROWS(sites); site++)
            wanted += effects_at(site);
        assert_int_equal(continuations(&path, behind), wanted);
        for (; plan_continued(&path, behind, count, &pair); pair = first, count++) {
            assert_int_equal(pair.count, 2);
            assert_memory_equal(&pair.faults[0], &first.faults[0], sizeof pair.faults[0]);
            assert_int_equal(pair.faults[1].times, 1);
        }
        assert_int_equal(count, wanted);
    }
    struct plan full = {FAULTS_MAX, {{sites[0], {1}, 1}}};
    assert_false(plan_continued(&path, 0, 0, &full)); /* no more than a plan holds */
}

static void kinds_are_new_once(void **state)
{
    static struct fault_kinds kinds;
    static const struct {
        struct fault first, second;
        bool is_new;
        const char *why;
    } rows[] = {
        {{{DISK_READ, ROLE_MAIN, 0, 0}, {1}, 1},
         {{DISK_WRITE, ROLE_WAL, 0, 0}, {1}, 1},
         true,
         "first"},
        {{{DISK_READ, ROLE_MAIN, 0, 3}, {1}, 1},
         {{DISK_WRITE, ROLE_WAL, 0, 5}, {1}, 1},
         false,
         "other occurrences"},
        {{{DISK_READ, ROLE_MAIN, 0, 0}, {1}, 1},
         {{DISK_WRITE, ROLE_WAL, 0, 0}, {2}, 1},
         true,
         "another effect"},
        {{{DISK_READ, ROLE_MAIN, 0, 0}, {1}, 1},
         {{DISK_WRITE, ROLE_MAIN, 0, 0}, {1}, 1},
         true,
         "another file"},
        {{{DISK_READ, ROLE_MAIN, 0, 0}, {1}, 1},
         {{DISK_WRITE, ROLE_WAL, 1, 0}, {1}, 1},
         true,
         "another step"},
        {{{DISK_WRITE, ROLE_WAL, 0, 0}, {1}, 1},
         {{DISK_READ, ROLE_MAIN, 0, 0}, {1}, 1},
         true,
         "the other way round"},
        {{{DISK_WRITE, ROLE_WAL, 0, 0}, {1}, 1},
         {{DISK_READ, ROLE_MAIN, 0, 0}, {1}, 1},
         false,
         "that again"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct plan pair = {2, {rows[i].first, rows[i].second}};
        if (fault_kinds_are_new(&kinds, &pair) != rows[i].is_new)
            fail_msg("%s", rows[i].why);
    }
}

/* Runs are counted by what became of them, by step, and by what was reported of the one that
 * struck.
 */
static void runs_are_counted(void **state)
{
    static struct fault_tally tally, sum;
    static struct outcome outcome;
    const struct fault read = {sites[0], {1}, 1}, write = {sites[1], {2}, 1};
    (void)state;
    fault_tally_sites(&tally, &path);
    assert_int_equal(tally.step_count, 2);
    assert_int_equal(tally.steps[0].sites, 2);
    assert_string_equal(tally.steps[1].name, "login");

    outcome = (struct outcome){.verdict = VERDICT_PASS, .plan = {1, {read}}, .faults_fired = 1};
    fault_tally_run(&tally, &outcome); /* tolerated */
    outcome.report_count = 1;
    outcome.reports[0] = (struct report){3, 4};
    fault_tally_run(&tally, &outcome); /* handled */
    fault_tally_run(&tally, &outcome);
    outcome.plan = (struct plan){2, {read, write}};
    outcome.faults_fired = 3;
    fault_tally_run(&tally, &outcome); /* of two it cannot be said which was reported */
    outcome.faults_fired = 2;
    strcpy(outcome.drift, "drifted");
    fault_tally_run(&tally, &outcome); /* one of two was not reached */
    outcome.verdict = VERDICT_REJECTED;
    fault_tally_run(&tally, &outcome); /* says nothing */
    outcome.plan.count = 0;
    outcome.verdict = VERDICT_PASS;
    fault_tally_run(&tally, &outcome); /* nothing was planned */

    fault_tally_add(&sum, &tally);
    fault_tally_add(&sum, &tally);
    assert_true(sum.singles == 6 && sum.pairs == 4);
    assert_int_equal(tally.consequences[CONSEQUENCE_TOLERATED], 1);
    assert_int_equal(tally.consequences[CONSEQUENCE_HANDLED], 3);
    assert_int_equal(tally.consequences[CONSEQUENCE_NOT_REACHED], 1);
    assert_int_equal(tally.steps[0].consequences[CONSEQUENCE_HANDLED], 3);
    assert_string_equal(tally.drift, "drifted");
    assert_int_equal(fault_trials(&sum, DISK_READ, 1), 6);
    assert_int_equal(fault_trials(&sum, DISK_WRITE, 2), 2);
    assert_int_equal(fault_trials(&sum, DISK_WRITE, 1), 0);
    assert_int_equal(tally.attribution_count, 3);
}

/* What a target may have written over is safe to use. */
static void tallies_are_settled(void **state)
{
    static struct fault_tally tally;
    (void)state;
    memset(&tally, 0xff, sizeof tally);
    fault_tally_settle(&tally);
    assert_true(tally.step_count <= STEPS_MAX && tally.attribution_count <= ATTRIBUTIONS_MAX);
    for (uint32_t i = 0; i < STEPS_MAX; i++)
        assert_true(strnlen(tally.steps[i].name, STEP_NAME_BYTES) < STEP_NAME_BYTES);
    for (uint32_t i = 0; i < tally.attribution_count; i++)
        assert_true(tally.attributions[i].operation < FAULT_OPERATIONS);
    assert_true(strnlen(tally.drift, sizeof tally.drift) < sizeof tally.drift);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(singles_are_numbered), cmocka_unit_test(pairs_follow_the_path),
        cmocka_unit_test(kinds_are_new_once),   cmocka_unit_test(runs_are_counted),
        cmocka_unit_test(tallies_are_settled),
    };
    edge_install(&fault_catalogue);
    return cmocka_run_group_tests_name("faulted", tests, make_path, NULL);
}
