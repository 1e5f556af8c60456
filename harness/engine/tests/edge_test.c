/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that the edge counts what it says, and that a plan strikes where it says and nowhere else.
 *
 * A history of calls is a text: "r0 w1 | w1" is operation r on role 0, w on role 1, a new step, w
 * on role 1; "(" and ")" are the beginning and end of quiet. What struck comes back as a text of
 * the same length in calls: a dot where nothing did, else the effect's code.
 */
#include "harness/engine/tests/one_run.h"

static const struct operation operations[] = {
    {"disk.read", 1, (const char *const[]){"io"}, false},
    {"disk.write", 3, (const char *const[]){"io", "full", "short"}, false},
};
static const char *const roles[] = {"-", "main", "wal"};
static const struct catalogue catalogue = {operations, 2, roles, 3};

enum { R, W };

static int install(void **state)
{
    (void)state;
    edge_install(&catalogue);
    return 0;
}

/* Lives through a history; returns what struck. */
static const char *live(const char *history)
{
    static char struck[128];
    size_t used = 0;
    uint32_t steps = 0;
    for (; *history; history++) {
        if (*history == '|') {
            char name[16];
            snprintf(name, sizeof name, "step%u", steps);
            edge_step(steps++, name);
        } else if (*history == '(' || *history == ')') {
            edge_quiet(*history == '(');
        } else if (*history == 'r' || *history == 'w') {
            int32_t code = edge(*history == 'r' ? R : W, (uint8_t)(history[1] - '0')).code;
            struck[used++] = code ? (char)('0' + code) : '.';
        }
    }
    struck[used] = 0;
    return struck;
}

static const char *live_with(const struct plan *plan, const char *history)
{
    memset(&outcome, 0, sizeof outcome);
    edge_begin(plan);
    const char *struck = live(history);
    edge_end(&outcome);
    return struck;
}

static const struct plan no_plan;

/* --- Counting ----------------------------------------------------------------------------------
 */

static void calls_are_counted(void **state)
{
    static const struct {
        const char *history;
        uint64_t reads, writes;
        const char *why;
    } rows[] = {
        {"", 0, 0, "nothing"},
        {"r0", 1, 0, "one"},
        {"r0 w1 w2", 1, 2, "roles are counted together"},
        {"|r0 w1|w1", 1, 2, "steps too"},
        {"|r0 (w1 r0 r0) w1", 1, 1, "but not while quiet"},
        {"r3 r8 r9", 1, 0, "roles that interceptors may not name are not counted"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        live_with(&no_plan, rows[i].history);
        if (edge_count(R) != rows[i].reads || edge_count(W) != rows[i].writes ||
            edge_passed() != rows[i].reads + rows[i].writes || outcome.edges != edge_passed())
            fail_msg("%s", rows[i].why);
        assert_int_equal(outcome.faults_fired, 0);
    }
    assert_int_equal(edge_count(OPERATIONS_MAX), 0);
}

/* Before, between and after runs nothing is counted, and quiet cannot be left where no run is. */
static void nothing_is_counted_outside_of_runs(void **state)
{
    (void)state;
    live_with(&no_plan, "r0");
    live("r0 (r0) r0 | r0");
    assert_int_equal(edge_count(R), 1);
    assert_int_equal(edge_passed(), 1);
}

static void quiet_nests_by_restoring(void **state)
{
    (void)state;
    edge_begin(&no_plan);
    bool outer = edge_quiet(true), inner = edge_quiet(true);
    assert_false(outer);
    assert_true(inner);
    edge_quiet(inner);
    edge(R, 0);
    assert_int_equal(edge_count(R), 0);
    edge_quiet(outer);
    edge(R, 0);
    assert_int_equal(edge_count(R), 1);
    edge_end(&outcome);
}

static void passed_is_shared(void **state)
{
    uint64_t here = 99;
    (void)state;
    edge_share_passed(&here);
    live_with(&no_plan, "r0 w1 (r0)");
    assert_int_equal(here, 2);
    edge_share_passed(NULL);
    live_with(&no_plan, "r0");
    assert_int_equal(here, 2);
    assert_int_equal(edge_passed(), 1);
}

/* --- Plans -------------------------------------------------------------------------------------
 */

#define ONCE(operation, role, step, occurrence, code)                                              \
    {                                                                                              \
        {operation, role, step, occurrence}, {code}, 1                                             \
    }
#define GOOD(operation, role, step, occurrence, code)                                              \
    {                                                                                              \
        {operation, role, step, occurrence}, {code}, FAULT_FOR_GOOD                                \
    }

#define TWICE(operation, role, step, occurrence, code)                                             \
    {                                                                                              \
        {operation, role, step, occurrence}, {code}, FAULT_TWICE                                   \
    }

static const struct {
    const char *history, *struck;
    uint32_t fired;
    struct plan plan;
    const char *why;
} plans[] = {
    {"|r0 r0 r0", "1..", 1, {1, {ONCE(R, 0, 0, 0, 1)}}, "the first, once"},
    {"|r0 r0 r0", ".1.", 1, {1, {ONCE(R, 0, 0, 1, 1)}}, "the second, once"},
    {"|r0 r0 r0", "..1", 1, {1, {ONCE(R, 0, 0, 2, 1)}}, "the last"},
    {"|r0 r0 r0", "...", 0, {1, {ONCE(R, 0, 0, 3, 1)}}, "drifted: there is no fourth"},
    {"|w1 w1", "3.", 1, {1, {ONCE(W, 1, 0, 0, 3)}}, "the effect that was planned"},
    {"|w1 w1", "..", 0, {1, {ONCE(W, 2, 0, 0, 1)}}, "another role"},
    {"|w1 w1", "..", 0, {1, {ONCE(R, 1, 0, 0, 1)}}, "another operation"},
    {"|w1 w1", "..", 0, {1, {ONCE(W, 1, 1, 0, 1)}}, "another step"},
    {"|w1|w1|w1", ".1.", 1, {1, {ONCE(W, 1, 1, 0, 1)}}, "counted within its step"},
    {"|w1 w1|w1 w1", "...1", 1, {1, {ONCE(W, 1, 1, 1, 1)}}, "from 0 in every step"},
    {"|w1 w2 w1 w2", "...1", 1, {1, {ONCE(W, 2, 0, 1, 1)}}, "counted for its role alone"},
    {"|r1 w1 r1 w1", "...1", 1, {1, {ONCE(W, 1, 0, 1, 1)}}, "and for its operation alone"},
    {"|(w1 w1) w1 w1", "...1", 1, {1, {ONCE(W, 1, 0, 1, 1)}}, "quiet calls do not count"},
    {"|(w1 w1) w1", "..1", 1, {1, {ONCE(W, 1, 0, 0, 1)}}, "and are not struck"},
    {"w1 |w1 w1", ".1.", 1, {1, {ONCE(W, 1, 0, 1, 1)}}, "before the first step is within it"},
    {"|w1 w1|w1|w2 r1", ".111.", 1, {1, {GOOD(W, 1, 0, 1, 1)}}, "for good: any role and step"},
    {"|w2|w2 w1|w2", "..11", 1, {1, {GOOD(W, 1, 1, 0, 1)}}, "for good, but not before it began"},
    {"|w1 (w1) w1", "1.1", 1, {1, {GOOD(W, 1, 0, 0, 1)}}, "for good, but not while quiet"},
    {"|w2 w2|w2", "...", 0, {1, {GOOD(W, 1, 0, 0, 1)}}, "for good, never begun"},
    {"|r0 r0 r0", "11.", 1, {1, {TWICE(R, 0, 0, 0, 1)}}, "twice, then well"},
    {"|w1|r0 w2 w1", "1.1.", 1, {1, {TWICE(W, 1, 0, 0, 1)}}, "the second time, any role and step"},
    {"|w1 (w1) w1 w1", "1.1.", 1, {1, {TWICE(W, 1, 0, 0, 1)}}, "twice, but not while quiet"},
    {"|w1", "1", 1, {1, {TWICE(W, 1, 0, 0, 1)}}, "twice, and there is no second time"},
    {"|r0 r0", "1.", 1, {2, {ONCE(R, 0, 0, 0, 1), ONCE(R, 0, 0, 0, 1)}}, "never the next instead"},
    {"|r0 w1 r0", "12.", 3, {2, {ONCE(R, 0, 0, 0, 1), ONCE(W, 1, 0, 0, 2)}}, "two faults"},
    {"|r0 r0 r0", "1.1", 3, {2, {ONCE(R, 0, 0, 0, 1), ONCE(R, 0, 0, 2, 1)}}, "of one operation"},
    {"|r0 w1 r0", "1..", 1, {2, {ONCE(R, 0, 0, 0, 1), ONCE(W, 2, 0, 0, 2)}}, "one of two"},
    {"|w1|w1|w1 w1",
     "12.3",
     7,
     {3, {ONCE(W, 1, 0, 0, 1), ONCE(W, 1, 1, 0, 2), ONCE(W, 1, 2, 1, 3)}},
     "three faults"},
    {"|w1|w1|w1",
     "111",
     1,
     {2, {GOOD(W, 1, 0, 0, 1), ONCE(W, 1, 1, 0, 2)}},
     "the earlier fault of the plan wins"},
    {"|r0 w1", "..", 0, {0, {ONCE(R, 0, 0, 0, 1)}}, "a plan of none"},
};

static void plans_strike_where_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(plans); i++) {
        const char *struck = live_with(&plans[i].plan, plans[i].history);
        if (strcmp(struck, plans[i].struck) != 0)
            fail_msg("%s: %s, not %s", plans[i].why, struck, plans[i].struck);
        assert_int_equal(edge_fired(), plans[i].fired);
        assert_int_equal(outcome.faults_fired, plans[i].fired);
        assert_int_equal(outcome.site_text[0] != 0, plans[i].fired != 0);
        assert_int_equal(edge_plan()->count, plans[i].plan.count);
    }
}

/* Steps that are too many share the last number, and go on counting within it. */
static void late_steps_share_a_number(void **state)
{
    const struct plan plan = {1, {ONCE(R, 0, STEPS_MAX - 1, 1, 1)}};
    (void)state;
    edge_begin(&plan);
    for (uint32_t i = 0; i < STEPS_MAX - 1; i++) {
        edge_step(i, "early");
        assert_int_equal(edge(R, 0).code, 0);
    }
    edge_step(STEPS_MAX - 1, "last");
    assert_int_equal(edge(R, 0).code, 0);
    edge_step(STEPS_MAX, "too late");
    assert_int_equal(edge(R, 0).code, 1);
    edge_end(&outcome);
}

static void faults_are_told_in_words(void **state)
{
    static const struct {
        struct fault fault;
        const char *text;
    } rows[] = {
        {ONCE(W, 2, 0, 2, 2), "disk.write of wal fails with full, once, at \"s\", occurrence 3"},
        {GOOD(R, 0, 0, 0, 1), "disk.read fails with io, from then on, at \"s\", occurrence 1"},
        {TWICE(R, 0, 0, 0, 1), "disk.read fails with io, twice, at \"s\", occurrence 1"},
    };
    char text[160];
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_string_equal(fault_text(text, sizeof text, &rows[i].fault, "s"), rows[i].text);
    live_with(&(struct plan){1, {ONCE(W, 2, 1, 0, 2)}}, "|w2|w2|w2");
    assert_string_equal(outcome.site_text,
                        "disk.write of wal fails with full, once, at \"step1\", occurrence 1");
}

/* A site that is not there any more is told, and no other fault takes its place. */
static void drift_is_told(void **state)
{
    static const struct {
        const char *history, *drift;
        struct plan plan;
        const char *why;
    } rows[] = {
        {"|r0 r0", "", {1, {ONCE(R, 0, 0, 1, 1)}}, "it strikes"},
        {"|r0 r0",
         "disk.read, occurrence 3 in step 1, was planned to fail; that step has 2 of them",
         {1, {ONCE(R, 0, 0, 2, 1)}},
         "one too few"},
        {"|w1|w2 w2 w1|w1",
         "disk.write of wal, occurrence 5 in step 2, was planned to fail; that step has 2 of them",
         {1, {ONCE(W, 2, 1, 4, 1)}},
         "in a step that is over"},
        {"|w1",
         "disk.write of main, occurrence 1 in step 4, was planned to fail; that step has 0 of them",
         {1, {ONCE(W, 1, 3, 0, 1)}},
         "in a step that did not come"},
        {"|r0",
         "disk.write of main, occurrence 1 in step 1, was planned to fail; that step has 0 of them",
         {2, {ONCE(R, 0, 0, 0, 1), ONCE(W, 1, 0, 0, 1)}},
         "the second of two"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        live_with(&rows[i].plan, rows[i].history);
        if (strcmp(outcome.drift, rows[i].drift) != 0)
            fail_msg("%s: \"%s\"", rows[i].why, outcome.drift);
    }
}

/* --- Consequences ------------------------------------------------------------------------------
 */

static void consequences_follow_from_outcomes(void **state)
{
    static const struct {
        enum verdict verdict;
        enum consequence evidence;
        uint32_t planned, fired, reports;
        enum consequence expected;
        const char *why;
    } rows[] = {
        {VERDICT_PASS, CONSEQUENCE_LOST, 1, 1, 1, CONSEQUENCE_HANDLED, "reported"},
        {VERDICT_PASS, CONSEQUENCE_LOST, 1, 1, 0, CONSEQUENCE_TOLERATED, "not reported"},
        {VERDICT_PASS, CONSEQUENCE_LOST, 1, 0, 0, CONSEQUENCE_NOT_REACHED, "did not happen"},
        {VERDICT_PASS, CONSEQUENCE_LOST, 2, 1, 1, CONSEQUENCE_NOT_REACHED, "one of two"},
        {VERDICT_PASS, CONSEQUENCE_LOST, 2, 3, 1, CONSEQUENCE_HANDLED, "both of two"},
        {VERDICT_FAIL, CONSEQUENCE_LOST, 1, 1, 1, CONSEQUENCE_LOST, "the check says what"},
        {VERDICT_FAIL, CONSEQUENCE_LOST, 1, 0, 0, CONSEQUENCE_LOST, "even before the fault"},
        {VERDICT_FAIL, CONSEQUENCE_HANDLED, 1, 1, 0, CONSEQUENCE_WRONG_ANSWER, "it does not"},
        {VERDICT_CRASH, CONSEQUENCE_LOST, 1, 1, 1, CONSEQUENCE_CRASH, "the process died"},
        {VERDICT_HANG, CONSEQUENCE_LOST, 1, 1, 1, CONSEQUENCE_HANG, "it did not come back"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        memset(&outcome, 0, sizeof outcome);
        outcome.verdict = rows[i].verdict;
        outcome.evidence = rows[i].evidence;
        outcome.plan.count = rows[i].planned;
        outcome.faults_fired = rows[i].fired;
        outcome.report_count = rows[i].reports;
        if (consequence_of(&outcome) != rows[i].expected)
            fail_msg("%s: %s", rows[i].why, consequence_name(consequence_of(&outcome)));
    }
}

static void says_failures(struct run *run, const void *subject)
{
    (void)subject;
    report_failure(run, (struct report){1, 1});
    edge(R, 0);
    report_failure(run, (struct report){2, 3});
    report_failure(run, (struct report){2, 3});
    report_failure(run, (struct report){2, 4});
    CHECK(run, true, "always");
}

/* What is said before a fault has fired does not count, and each cause counts once. */
static void reports_follow_faults(void **state)
{
    static const struct plan plan = {1, {ONCE(R, 0, 0, 0, 1)}};
    int64_t values[PLAN_VALUES_MAX];
    struct source_origin origin;
    (void)state;
    source_origin_start(&origin, 0, values, plan_values(&plan, values));
    assert_int_equal(run_body(says_failures, NULL, &origin.source), VERDICT_PASS);
    assert_int_equal(outcome.report_count, 2);
    assert_int_equal(outcome.reports[0].reason, 3);
    assert_int_equal(outcome.reports[1].reason, 4);
    source_origin_start(&origin, 0, NULL, 0);
    assert_int_equal(run_body(says_failures, NULL, &origin.source), VERDICT_PASS);
    assert_int_equal(outcome.report_count, 0);
}

/* --- Recording ---------------------------------------------------------------------------------
 */

static struct site_list sites;

static void sites_are_recorded_once_in_order(void **state)
{
    static const struct site expected[] = {
        {R, 0, 0, 0}, {W, 1, 0, 0}, {W, 1, 0, 1}, {R, 0, 0, 1}, {W, 1, 1, 0}, {W, 2, 1, 0},
    };
    (void)state;
    edge_record(&sites);
    live_with(&no_plan, "r0 |w1 w1 (w1 r0) r0|w1 w2");
    edge_record(NULL);
    assert_int_equal(sites.count, ROWS(expected));
    assert_false(sites.overflow);
    for (size_t i = 0; i < ROWS(expected); i++) {
        assert_int_equal(sites.at[i].operation, expected[i].operation);
        assert_int_equal(sites.at[i].role, expected[i].role);
        assert_int_equal(sites.at[i].step, expected[i].step);
        assert_int_equal(sites.at[i].occurrence, expected[i].occurrence);
    }
    assert_string_equal(sites.step_names[0], "step0");
    assert_string_equal(sites.step_names[1], "step1");
    live_with(&no_plan, "|r0");
    assert_int_equal(sites.count, ROWS(expected)); /* recording has stopped */
}

/* Each recorded site, planned, strikes: exactly one call, in the order recorded. */
static void every_recorded_site_strikes(void **state)
{
    static const char history[] = "w1 |r0 w1 w2 (w1) w1|r0 r0|w2 w1 r0|w1";
    (void)state;
    edge_record(&sites);
    live_with(&no_plan, history);
    edge_record(NULL);
    uint32_t count = sites.count, place = 0;
    assert_int_equal(count, 11);
    for (uint32_t i = 0; i < count; i++, place++) {
        const struct plan plan = {1, {{sites.at[i], {1}, 1}}};
        const char *struck = live_with(&plan, history);
        place += place == 4; /* the quiet one */
        assert_int_equal(strspn(struck, "."), place);
        assert_int_equal(strspn(struck + place + 1, "."), strlen(struck + place + 1));
        assert_int_equal(edge_fired(), 1);
    }
}

/* A muted operation is no site, and is counted all the same: others keep their names. */
static void muted_operations_are_no_sites(void **state)
{
    (void)state;
    edge_mute(1ull << R);
    edge_record(&sites);
    live_with(&no_plan, "r0 |w1 w1 r0|w1");
    edge_record(NULL);
    edge_mute(0);
    assert_int_equal(sites.count, 3);
    for (uint32_t i = 0; i < sites.count; i++)
        assert_int_equal(sites.at[i].operation, W);
    assert_int_equal(edge_count(R), 2);
    edge_record(&sites);
    live_with(&no_plan, "r0 |w1 w1 r0|w1");
    edge_record(NULL);
    assert_int_equal(sites.count, 5);
}

static void too_many_sites_are_an_error(void **state)
{
    (void)state;
    edge_record(&sites);
    edge_begin(&no_plan);
    for (uint32_t i = 0; i < SITES_MAX; i++)
        edge(R, 0);
    assert_false(sites.overflow);
    edge(R, 0);
    edge_end(&outcome);
    edge_record(NULL);
    assert_true(sites.overflow);
    assert_int_equal(sites.count, SITES_MAX);
}

/* --- Plans as choices --------------------------------------------------------------------------
 */

static void checks_its_plan(struct run *run, const void *subject)
{
    const struct plan *wanted = subject;
    CHECK(run, edge_plan()->count == wanted->count, "%u faults", edge_plan()->count);
    for (uint32_t i = 0; i < wanted->count; i++) {
        const struct fault *have = &edge_plan()->faults[i], *want = &wanted->faults[i];
        CHECK(run, have->site.operation == want->site.operation, "%u", i);
        CHECK(run, have->site.role == want->site.role, "%u", i);
        CHECK(run, have->site.step == want->site.step, "%u", i);
        CHECK(run, have->site.occurrence == want->site.occurrence, "%u", i);
        CHECK(run, have->effect.code == want->effect.code, "%u", i);
        CHECK(run, have->times == want->times, "%u", i);
    }
}

static void plans_are_choices(void **state)
{
    static const struct plan far = {
        FAULTS_MAX,
        {GOOD(W, 2, STEPS_MAX - 1, OCCURRENCES_MAX, 3), ONCE(R, 0, 0, 0, 1), GOOD(W, 1, 1, 1, 2)}};
    int64_t values[PLAN_VALUES_MAX];
    (void)state;
    for (size_t i = 0; i <= ROWS(plans); i++) {
        const struct plan *plan = i < ROWS(plans) ? &plans[i].plan : &far;
        struct source_origin origin;
        uint32_t count = plan_values(plan, values);
        assert_int_equal(count, 1 + 6 * plan->count);
        assert_true(count <= PLAN_VALUES_MAX);
        source_origin_start(&origin, 0, values, count);
        if (run_body(checks_its_plan, plan, &origin.source) != VERDICT_PASS)
            fail_msg("%s: %s", outcome.expression, outcome.message);
        assert_int_equal(drawn.count, 1 + count);
        assert_int_equal(drawn.span_count, plan->count);
        for (uint32_t j = 0; j < count; j++) {
            assert_int_equal(drawn.at[1 + j].value, values[j]);
            assert_int_equal(drawn.at[1 + j].kind, CHOICE_FAULT);
        }
    }
}

/* Any values make a plan that exists: what a fuzzer draws needs no validation. */
static void any_bytes_are_a_plan(void **state)
{
    uint64_t seed = 1;
    (void)state;
    for (int n = 0; n < 20000; n++) {
        uint8_t data[80];
        struct source_bytes bytes;
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)random_next(&seed);
        source_bytes_start(&bytes, data, sizeof data, true);
        run_body(checks_its_plan, &outcome.plan, &bytes.source);
        assert_true(outcome.plan.count <= FAULTS_MAX);
        for (uint32_t i = 0; i < outcome.plan.count; i++) {
            const struct fault *fault = &outcome.plan.faults[i];
            assert_true(fault->site.operation < catalogue.operation_count);
            assert_true(fault->site.role < catalogue.role_count);
            assert_true(fault->site.step < STEPS_MAX);
            assert_in_range(fault->effect.code, 1, operations[fault->site.operation].effect_count);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_counted),
        cmocka_unit_test(nothing_is_counted_outside_of_runs),
        cmocka_unit_test(quiet_nests_by_restoring),
        cmocka_unit_test(passed_is_shared),
        cmocka_unit_test(plans_strike_where_they_say),
        cmocka_unit_test(late_steps_share_a_number),
        cmocka_unit_test(faults_are_told_in_words),
        cmocka_unit_test(drift_is_told),
        cmocka_unit_test(consequences_follow_from_outcomes),
        cmocka_unit_test(reports_follow_faults),
        cmocka_unit_test(sites_are_recorded_once_in_order),
        cmocka_unit_test(every_recorded_site_strikes),
        cmocka_unit_test(muted_operations_are_no_sites),
        cmocka_unit_test(too_many_sites_are_an_error),
        cmocka_unit_test(plans_are_choices),
        cmocka_unit_test(any_bytes_are_a_plan),
    };
    return cmocka_run_group_tests(tests, install, NULL);
}
