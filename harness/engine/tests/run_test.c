/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows what becomes of one run: each verdict beside the body that earns it, with the check that
 * failed; that clean-ups happen last to first however the run ends, with the edge quiet; and that
 * whatever a body tells, draws, nests or quotes stays within its limits.
 */
#include "harness/engine/tests/one_run.h"

/* --- Verdicts ----------------------------------------------------------------------------------
 */

static void passes(struct run *run, const void *subject)
{
    CHECK(run, subject != NULL, "it was given its subject");
    CHECK(run, true, "fine");
}

static int line_of_failure;

static void fails(struct run *run, const void *subject)
{
    int two = 2;
    (void)subject;
    CHECK(run, two == 2, "fine");
    line_of_failure = __LINE__ + 1;
    CHECK(run, two == 3, "%d is not %s", two, "three");
    CHECK(run, two == 4, "never reached");
}

static void rejects(struct run *run, const void *subject)
{
    (void)subject;
    CHECK(run, true, "fine");
    reject(run);
}

static void checks_nothing(struct run *run, const void *subject)
{
    (void)subject;
    draw(run, 0, 9, 0);
}

static void needs_more(struct run *run, const void *subject)
{
    (void)subject;
    unsupported(run, "sessions");
}

static void draws_without_end(struct run *run, const void *subject)
{
    (void)subject;
    for (;;)
        draw(run, 0, 9, 0);
}

static void draws_all_it_may(struct run *run, const void *subject)
{
    (void)subject;
    while (run->choices->count < CHOICES_MAX)
        draw(run, 0, 9, 0);
    CHECK(run, true, "fine");
}

static void verdicts(void **state)
{
    static const struct {
        case_body *body;
        enum verdict verdict;
        uint32_t checks;
        bool overrun;
        const char *message, *expression;
        const char *why;
    } rows[] = {
        {passes, VERDICT_PASS, 2, false, "", "", "all checks hold"},
        {fails, VERDICT_FAIL, 2, false, "2 is not three", "two == 3", "the second does not"},
        {rejects, VERDICT_REJECTED, 1, false, "", "", "unsuitable draws, checks or not"},
        {checks_nothing, VERDICT_VACUOUS, 0, false, "", "", "a run that checks nothing shows none"},
        {needs_more, VERDICT_UNSUPPORTED, 0, false, "the target does not have sessions", "",
         "never silently green"},
        {draws_without_end, VERDICT_REJECTED, 0, true, "", "", "one draw too many"},
        {draws_all_it_may, VERDICT_PASS, 1, false, "", "", "the last draw that is allowed"},
    };
    (void)state;
    for (int round = 0; round < 2; round++) /* the second finds nothing left of the first */
        for (size_t i = 0; i < ROWS(rows); i++) {
            assert_int_equal(run_at_origin(rows[i].body, rows), rows[i].verdict);
            assert_int_equal(outcome.verdict, rows[i].verdict);
            assert_int_equal(outcome.checks, rows[i].checks);
            assert_int_equal(outcome.overrun, rows[i].overrun);
            assert_string_equal(outcome.message, rows[i].message);
            assert_string_equal(outcome.expression, rows[i].expression);
            bool failed = rows[i].verdict == VERDICT_FAIL;
            assert_string_equal(outcome.file, failed ? "harness/engine/tests/run_test.c" : "");
            assert_int_equal(outcome.line, failed ? line_of_failure : 0);
            assert_true(drawn.count <= CHOICES_MAX);
        }
}

/* A check that does not hold ends a deaf run, and says nothing; all else is as ever. */
static void deaf_runs_say_nothing_of_checks(void **state)
{
    static const struct {
        case_body *body;
        enum verdict verdict;
    } rows[] = {{fails, VERDICT_PASS},
                {passes, VERDICT_PASS},
                {rejects, VERDICT_REJECTED},
                {needs_more, VERDICT_UNSUPPORTED}};
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct test_case test_case = {.name = "test.deaf", .body = rows[i].body};
        struct source_origin origin;
        static struct run run;
        source_origin_start(&origin, 0, NULL, 0);
        run = (struct run){
            .source = &origin.source, .choices = &drawn, .outcome = &outcome, .deaf = true};
        assert_int_equal(case_run(&run, &test_case, NULL, &nothing), rows[i].verdict);
        assert_string_equal(outcome.message, rows[i].body == needs_more ? outcome.message : "");
    }
}

static void every_verdict_and_technique_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < VERDICTS; i++)
        assert_true(strlen(verdict_name((enum verdict)i)) > 0);
    for (int i = 0; i < TECHNIQUES; i++)
        assert_true(strlen(technique_name((enum technique)i)) > 0);
}

static void fails_at_length(struct run *run, const void *subject)
{
    static char long_text[4096];
    (void)subject;
    memset(long_text, 'x', sizeof long_text - 1);
    check_failed(run, long_text, 1, long_text, "%s", long_text);
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    assert_int_equal(run_at_origin(fails_at_length, NULL), VERDICT_FAIL);
    assert_int_equal(strlen(outcome.message), sizeof outcome.message - 1);
    assert_int_equal(strlen(outcome.expression), sizeof outcome.expression - 1);
    assert_int_equal(strlen(outcome.file), sizeof outcome.file - 1);
}

/* --- The world, and clean-ups ------------------------------------------------------------------
 */

static char trace[256];

static void trace_add(const char *text)
{
    snprintf(trace + strlen(trace), sizeof trace - strlen(trace), "%s ", text);
}

static void trace_begin(void *context, uint64_t entropy_seed)
{
    char text[40];
    assert_ptr_equal(context, trace);
    snprintf(text, sizeof text, "begin:%llu", (unsigned long long)entropy_seed);
    trace_add(text);
}

static void trace_end(void *context)
{
    assert_ptr_equal(context, trace);
    trace_add("end");
}

static void release(void *what)
{
    edge(0, 0); /* quiet: must not be counted */
    trace_add(what);
}

static void defers(struct run *run, const void *subject)
{
    edge(0, 0);
    defer(run, release, "first");
    defer(run, release, "second");
    trace_add("body");
    if (subject == passes)
        CHECK(run, true, "fine");
    else if (subject == fails)
        CHECK(run, false, "bad");
    else if (subject == rejects)
        reject(run);
    else if (subject == needs_more)
        unsupported(run, "it");
    else if (subject == draws_without_end)
        draws_without_end(run, NULL);
    trace_add("back");
}

static void clean_ups_run_however_it_ends(void **state)
{
    static const struct {
        case_body *end;
        enum verdict verdict;
        const char *trace;
    } rows[] = {
        {passes, VERDICT_PASS, "begin:7 body back second first end "},
        {checks_nothing, VERDICT_VACUOUS, "begin:7 body back second first end "},
        {fails, VERDICT_FAIL, "begin:7 body second first end "},
        {rejects, VERDICT_REJECTED, "begin:7 body second first end "},
        {needs_more, VERDICT_UNSUPPORTED, "begin:7 body second first end "},
        {draws_without_end, VERDICT_REJECTED, "begin:7 body second first end "},
    };
    static const struct world traced = {.begin = trace_begin, .end = trace_end, .context = trace};
    static const struct test_case test_case = {.name = "test.defers", .body = defers};
    static struct run run;
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct source_origin origin;
        source_origin_start(&origin, 7, NULL, 0);
        run = (struct run){.source = &origin.source, .choices = &drawn, .outcome = &outcome};
        *trace = 0;
        assert_int_equal(case_run(&run, &test_case, (const void *)rows[i].end, &traced),
                         rows[i].verdict);
        assert_string_equal(trace, rows[i].trace);
        assert_int_equal(outcome.edges, 1); /* the body's */
        assert_int_equal(run.deferred_count, 0);
        assert_int_equal(edge(0, 0).code, 0);
        assert_int_equal(edge_passed(), 1); /* the run is over: not counted */
    }
}

/* --- A disk that is prepared -------------------------------------------------------------------
 */

static const void *kept_owner;
static uint64_t kept_seed;

static void keep_traced(void *context, const void *owner, uint64_t entropy_seed)
{
    assert_ptr_equal(context, trace);
    kept_owner = owner;
    kept_seed = entropy_seed;
    trace_add("keep");
}

static bool restore_traced(void *context, const void *owner, uint64_t entropy_seed)
{
    assert_ptr_equal(context, trace);
    bool is_kept = owner == kept_owner && entropy_seed == kept_seed;
    trace_add(is_kept ? "restore" : "missing");
    return is_kept;
}

static void prepares(struct run *run, const void *subject)
{
    (void)subject;
    step(run, "make");
    CHECK(run, edge(0, 0).code == 0, "the edge is quiet");
    trace_add("prepare");
    tell(run, "%s", "made");
}

static void uses_what_is_there(struct run *run, const void *subject)
{
    (void)subject;
    step(run, "use");
    CHECK(run, true, "always");
    trace_add("body");
}

static void fails_to_prepare(struct run *run, const void *subject)
{
    (void)subject;
    CHECK(run, false, "it cannot be made");
}

/* What the disk holds is made once, for the case and the seed of entropy, in a world of its own;
 * and again for a story. It leaves neither checks nor steps behind, so that it makes no difference.
 */
static void disks_are_prepared_once(void **state)
{
    static const struct test_case first = {
        .name = "test.first", .body = uses_what_is_there, .prepare = prepares};
    static const struct test_case second = {
        .name = "test.second", .body = uses_what_is_there, .prepare = prepares};
    static const struct test_case broken = {
        .name = "test.broken", .body = uses_what_is_there, .prepare = fails_to_prepare};
    static const struct world traced = {.begin = trace_begin,
                                        .end = trace_end,
                                        .context = trace,
                                        .keep = keep_traced,
                                        .restore = restore_traced};
#define MAKE "begin:18446744073709551608 prepare keep "
    static const struct {
        const struct test_case *test_case;
        bool telling;
        enum verdict verdict;
        const char *trace, *why;
    } rows[] = {
        {&first, false, VERDICT_PASS, "begin:7 missing " MAKE "begin:7 restore body end ", "made"},
        {&first, false, VERDICT_PASS, "begin:7 restore body end ", "kept"},
        {&first, true, VERDICT_PASS, MAKE "begin:7 restore body end ", "told"},
        {&second, false, VERDICT_PASS, "begin:7 missing " MAKE "begin:7 restore body end ",
         "of another case"},
        {&broken, false, VERDICT_FAIL, "begin:7 missing begin:18446744073709551608 end ",
         "it cannot be made"},
    };
    static struct run run;
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct source_origin origin;
        source_origin_start(&origin, 7, NULL, 0);
        run = (struct run){.source = &origin.source,
                           .choices = &drawn,
                           .outcome = &outcome,
                           .telling = rows[i].telling};
        *trace = 0;
        if (case_run(&run, rows[i].test_case, NULL, &traced) != rows[i].verdict ||
            strcmp(trace, rows[i].trace) != 0)
            fail_msg("%s: %s", rows[i].why, trace);
        assert_int_equal(outcome.edges, 0);
        if (rows[i].verdict == VERDICT_PASS) {
            assert_int_equal(outcome.checks, 1);
            assert_int_equal(outcome.steps, 1);
        }
    }
}

static void trace_number(const char *what, uint64_t number)
{
    char text[40];
    snprintf(text, sizeof text, "%s:%llu", what, (unsigned long long)number);
    trace_add(text);
}

static void pass_traced(void *context, uint64_t us)
{
    (void)context;
    trace_number("pass", us);
}

static void set_traced(void *context, int64_t us)
{
    (void)context;
    trace_number(us < 0 ? "back" : "on", (uint64_t)(us < 0 ? -us : us));
}

static void drives_the_clock(struct run *run, const void *subject)
{
    (void)subject;
    time_passes(run, 2);
    clock_jumps(run, -3);
    clock_jumps(run, 1);
    CHECK(run, true, "it was driven");
}

static void clock_is_driven_where_there_is_one(void **state)
{
    static const struct test_case drives = {.name = "test.drives", .body = drives_the_clock};
    static const struct world with = {.begin = trace_begin,
                                      .end = trace_end,
                                      .context = trace,
                                      .pass = pass_traced,
                                      .set_clock = set_traced};
    static const struct world without = {.begin = trace_begin, .end = trace_end, .context = trace};
    static const struct {
        const struct world *world;
        enum verdict verdict;
        const char *trace, *why;
    } rows[] = {
        {&with, VERDICT_PASS, "begin:7 pass:2000000 back:3000000 on:1000000 end ", "a clock"},
        {&without, VERDICT_UNSUPPORTED, "begin:7 end ", "none"},
    };
    static struct run run;
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct source_origin origin;
        source_origin_start(&origin, 7, NULL, 0);
        run = (struct run){.source = &origin.source, .choices = &drawn, .outcome = &outcome};
        *trace = 0;
        if (case_run(&run, &drives, NULL, rows[i].world) != rows[i].verdict ||
            strcmp(trace, rows[i].trace) != 0)
            fail_msg("%s: %s", rows[i].why, trace);
    }
}

static void count_release(void *what)
{
    ++*(uint32_t *)what;
}

static void defers_often(struct run *run, const void *subject)
{
    static uint32_t released;
    uint32_t times = *(const uint32_t *)subject;
    for (uint32_t i = 0; i < times; i++)
        defer(run, count_release, &released);
    CHECK(run, true, "fine");
}

static void clean_ups_have_a_limit(void **state)
{
    static const uint32_t most = DEFERRED_MAX, more = DEFERRED_MAX + 1;
    (void)state;
    assert_int_equal(run_at_origin(defers_often, &most), VERDICT_PASS);
    assert_int_equal(outcome.checks, 1); /* those of defer() are not the case's */
    assert_int_equal(run_at_origin(defers_often, &more), VERDICT_FAIL);
    assert_non_null(strstr(outcome.message, "clean-ups"));
}

/* --- Limits of what is told --------------------------------------------------------------------
 */

static void tells(struct run *run, const void *subject)
{
    static char text[STORY_BYTES * 2];
    size_t size = *(const size_t *)subject;
    memset(text, 't', sizeof text);
    text[size] = 0;
    for (size_t told = 0; told < sizeof text; told += size + 1)
        tell(run, "%s", text);
    CHECK(run, true, "fine");
}

/* Lines of every length up to the limit and beyond: the last one is cut, the story ends in NUL, and
 * what lies behind it in memory is untouched. */
static void story_is_cut_at_its_limit(void **state)
{
    static struct {
        struct outcome outcome;
        uint8_t behind[64];
    } guarded;
    static const size_t sizes[] = {0,
                                   1,
                                   2,
                                   3,
                                   100,
                                   1000,
                                   4095,
                                   4096,
                                   STORY_BYTES - 3,
                                   STORY_BYTES - 2,
                                   STORY_BYTES - 1,
                                   STORY_BYTES,
                                   STORY_BYTES + 9};
    static const struct test_case test_case = {.name = "test.tells", .body = tells};
    static struct run run;
    (void)state;
    for (size_t i = 0; i < ROWS(sizes); i++) {
        struct source_origin origin;
        source_origin_start(&origin, 0, NULL, 0);
        memset(&guarded, 0x5a, sizeof guarded);
        run = (struct run){.source = &origin.source,
                           .choices = &drawn,
                           .outcome = &guarded.outcome,
                           .telling = true};
        assert_int_equal(case_run(&run, &test_case, &sizes[i], &nothing), VERDICT_PASS);
        const struct outcome *told = &guarded.outcome;
        assert_true(told->story_size < STORY_BYTES);
        assert_true(told->story_size + 2 >= STORY_BYTES);
        assert_int_equal(strnlen(told->story, STORY_BYTES), told->story_size);
        assert_int_equal(told->story[told->story_size - 1], '\n');
        for (size_t j = 0; j < sizeof guarded.behind; j++)
            assert_int_equal(guarded.behind[j], 0x5a);
    }
}

static void tells_a_little(struct run *run, const void *subject)
{
    (void)subject;
    step(run, "login");
    tell(run, "%s gives %d", "login", 1);
    step(run, "a name of more than twenty-four bytes");
    tell(run, "done");
    CHECK(run, true, "fine");
}

static void story_has_a_line_each(void **state)
{
    (void)state;
    run_at_origin(tells_a_little, NULL);
    assert_string_equal(outcome.story, "login gives 1\ndone\n");
    assert_int_equal(outcome.steps, 2);
    assert_int_equal(strlen(outcome.step), STEP_NAME_BYTES - 1);
}

/* --- Spans -------------------------------------------------------------------------------------
 */

static void nests(struct run *run, const void *subject)
{
    uint32_t depth = *(const uint32_t *)subject;
    uint32_t span = span_begin(run, "nest");
    draw(run, 0, 9, 0);
    if (depth > 1)
        nests(run, &(uint32_t){depth - 1});
    span_end(run, span);
    CHECK(run, true, "fine");
}

static void spans_beyond_the_limit_are_left_out(void **state)
{
    static const uint32_t depths[] = {
        1, 2, SPANS_MAX - 1, SPANS_MAX, SPANS_MAX + 1, SPANS_MAX + 99};
    (void)state;
    for (size_t i = 0; i < ROWS(depths); i++) {
        assert_int_equal(run_at_origin(nests, &depths[i]), VERDICT_PASS);
        assert_int_equal(drawn.count, 2 + depths[i]); /* entropy and plan come first */
        assert_int_equal(drawn.span_count, depths[i] < SPANS_MAX ? depths[i] : SPANS_MAX);
        for (uint32_t j = 0; j < drawn.span_count; j++) {
            assert_int_equal(drawn.spans[j].first, 2 + j);
            assert_int_equal(drawn.spans[j].end, drawn.count);
        }
    }
}

/* --- Derived draws -----------------------------------------------------------------------------
 */

static void draws_derived(struct run *run, const void *subject)
{
    static const size_t limits[][2] = {{0, 0}, {1, 1}, {0, 5}, {8, 72}, {5, 4096}, {9, 3}};
    (void)subject;
    for (size_t i = 0; i < ROWS(limits); i++) {
        size_t length = draw_length(run, limits[i][0], limits[i][1]);
        CHECK(run, length >= limits[i][0], "%zu", length);
        CHECK(run, length <= limits[i][1] || length == limits[i][0], "%zu", length);
    }
    CHECK(run, draw_index(run, 0) == 0, "of nothing");
    CHECK(run, draw_index(run, 1) == 0, "of one");
    CHECK(run, draw_index(run, 7) < 7, "of seven");
}

static void derived_draws_stay_within_bounds(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 20000; n++) {
        struct source_random random;
        source_random_start(&random, 1, "derived", n);
        if (run_body(draws_derived, NULL, &random.source) != VERDICT_PASS)
            fail_msg("%s: %s", outcome.expression, outcome.message);
    }
    assert_int_equal(run_at_origin(draws_derived, NULL), VERDICT_PASS);
}

/* --- quoted() ----------------------------------------------------------------------------------
 */

static void quoted_is_readable(void **state)
{
    static const struct {
        const char *data;
        size_t size;
        const char *text;
        const char *why;
    } rows[] = {
        {"", 0, "\"\"", "nothing"},
        {"abc", 3, "\"abc\"", "letters"},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\"", "what has a meaning inside quotes"},
        {"\0\n\x1b", 3, "\"\\x00\\x0a\\x1b\"", "control characters"},
        {"\xc3\xa9\xff", 3, "\"\\xc3\\xa9\\xff\"", "what is not ASCII, valid or not"},
        {"\x7f", 1, "\"\\x7f\"", "delete"},
        {"aaaa", 4, "\"aaaa\"", "four of a kind"},
        {"aaaaa", 5, "\"a{5 times}\"", "five of a kind"},
        {"%s%n", 4, "\"%s%n\"", "a format"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_string_equal(QUOTED(rows[i].data, rows[i].size), rows[i].text);
}

/* All bytes, many sizes of data and of buffers, each of exactly that size, for sanitizers. */
static void quoted_fits_any_buffer(void **state)
{
    uint8_t data[300];
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)(kind == 0 ? i : kind == 1 ? 0 : kind == 2 ? 'a' : i * 7 % 3);
        for (size_t size = 0; size < 200; size++)
            for (size_t data_size = 0; data_size < sizeof data; data_size += 13) {
                char *text = malloc(size + 1);
                assert_non_null(text);
                memset(text, 0x5a, size + 1);
                assert_ptr_equal(quoted(text, size, data, data_size), text);
                assert_int_equal(text[size], 0x5a);
                if (size > 0) {
                    assert_true(strnlen(text, size) < size);
                    assert_true(size < 2 || text[0] == '"');
                    for (const char *letter = text; *letter; letter++)
                        assert_in_range(*letter, 0x20, 0x7e);
                }
                free(text);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(deaf_runs_say_nothing_of_checks),
        cmocka_unit_test(every_verdict_and_technique_has_a_name),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(clean_ups_run_however_it_ends),
        cmocka_unit_test(disks_are_prepared_once),
        cmocka_unit_test(clock_is_driven_where_there_is_one),
        cmocka_unit_test(clean_ups_have_a_limit),
        cmocka_unit_test(story_is_cut_at_its_limit),
        cmocka_unit_test(story_has_a_line_each),
        cmocka_unit_test(spans_beyond_the_limit_are_left_out),
        cmocka_unit_test(derived_draws_stay_within_bounds),
        cmocka_unit_test(quoted_is_readable),
        cmocka_unit_test(quoted_fits_any_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
