/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows how far shrinking goes, on the problems of the shrinking challenge
 * (github.com/jlink/shrinking-challenge) and some of our own, that it keeps its promises on the
 * way, and that an explanation claims no more than it should.
 *
 * Each problem is a case that fails for some choices and that tells the value it drew. Over a
 * hundred seeds the first failing run is searched at random and shrunk; then the value told must be
 * the problem's one normal form. The table has the share that gets there, a ceiling on the mean
 * number of executions, and on the length of the token's payload. Everything is seeded, so the
 * numbers repeat exactly. Numbers are as wide as the challenge has them: 64 bits where it says
 * "integer"; lists for which it names no limit have up to a hundred elements.
 *
 * Promises, held at every seed: what comes out is not larger than what went in, fails at the same
 * check, fails again when replayed, and costs no more executions than allowed; each candidate that
 * was accepted is smaller than the one before. Traps are problems whose small values fail at
 * another check: a shrinker that looks at "fails" only would report the wrong failure.
 *
 * Hostile callbacks stand for a target that writes into the memory it shares with the harness.
 * Their counts, spans and values are noise; what shows the harm is a build with sanitizers.
 */
#include "harness/engine/tests/challenge.h"
#include "harness/engine/tests/one_run.h"

#define SEEDS       100
#define TRIES_MAX   200000
#define PAYLOAD_MAX 120 /* characters of a token */

/* --- Problems of our own -----------------------------------------------------------------------
 */

/* As reverse, by an author who knows no spans: a length, then the elements. */
static void bare_list(struct run *run, const void *subject)
{
    struct list list = {.count = (size_t)draw(run, 0, 20, 0)};
    (void)subject;
    for (size_t i = 0; i < list.count; i++)
        list.at[i] = draw(run, -1000, 1000, 0);
    tell_list(run, &list);
    for (size_t i = 0; i < list.count; i++)
        CHECK(run, list.at[i] == list.at[list.count - 1 - i], "not a palindrome");
}

/* The same author: before each element it says whether there is one. Those below 100 add up. */
static void flagged_list(struct run *run, const void *subject)
{
    struct list list = {0};
    int64_t sum = 0;
    (void)subject;
    while (list.count < 20 && draw(run, 0, 7, 0) > 0) {
        list.at[list.count] = draw(run, 0, 1000, 0);
        sum += list.at[list.count] < 100 ? list.at[list.count] : 0;
        list.count++;
    }
    tell_list(run, &list);
    CHECK(run, sum < 150, "%lld", (long long)sum);
}

/* Three numbers of at least ten are not all equal. */
static void three_alike(struct run *run, const void *subject)
{
    int64_t x = draw(run, 1, INT64_MAX, 1), y = draw(run, 1, INT64_MAX, 1),
            z = draw(run, 1, INT64_MAX, 1);
    (void)subject;
    tell(run, "%lld,%lld,%lld", (long long)x, (long long)y, (long long)z);
    CHECK(run, x < 10 || x != y || y != z, "alike");
}

/* Of six records of eight bytes, the last byte of the sixth is below 128. */
static void records(struct run *run, const void *subject)
{
    int64_t changed = 0, byte, sixth = 0;
    (void)subject;
    for (int i = 0; i < 6; i++) {
        uint32_t span = span_begin(run, "record");
        for (int j = 0; j < 8; j++) {
            byte = draw(run, 0, 255, 'a');
            changed += byte != 'a';
            sixth = i == 5 ? byte : sixth;
        }
        span_end(run, span);
    }
    tell(run, "%lld changed, to %lld", (long long)changed, (long long)sixth);
    CHECK(run, sixth < 128, "%lld", (long long)sixth);
}

/* --- Traps -------------------------------------------------------------------------------------
 */

/* Above 500 one check fails; below 10 another does, and that one is simpler. */
static void trap_by_value(struct run *run, const void *subject)
{
    int64_t number = draw(run, 0, 100000, 50000);
    (void)subject;
    tell(run, "%lld", (long long)number);
    CHECK(run, number < 90000, "the failure that was found");
    CHECK(run, number != 50000, "another one, at the origin");
    CHECK(run, number > 50010 || number < 50000, "another one, near the origin");
}

/* A shorter list fails too, elsewhere. */
static void trap_by_length(struct run *run, const void *subject)
{
    struct list list;
    int64_t sum = 0;
    (void)subject;
    draw_list(run, 20, 0, 100, &list);
    tell_list(run, &list);
    for (size_t i = 0; i < list.count; i++)
        sum += list.at[i];
    CHECK(run, list.count < 5 || sum < 100, "the failure that was found");
    CHECK(run, list.count > 2, "another one, of short lists");
}

/* --- Shrinking one failure ---------------------------------------------------------------------
 */

struct problem {
    case_body *body;
    int32_t line; /* of the failure that is being shrunk */
    uint32_t calls;
    struct choices accepted; /* the last one */
};

static bool fails_there(const struct problem *problem)
{
    return outcome.verdict == VERDICT_FAIL && outcome.line == problem->line;
}

/* Replays a candidate; what it really drew replaces it, also when it does not fail. */
static int still_fails(void *context, struct choices *choices)
{
    struct problem *problem = context;
    struct source_replay replay;
    source_replay_start(&replay, choices->at, choices->count, false);
    run_body(problem->body, NULL, &replay.source);
    problem->calls++;
    memcpy(choices, &drawn, sizeof drawn);
    if (!fails_there(problem))
        return 0;
    if (choices_compare(choices, &problem->accepted) < 0)
        memcpy(&problem->accepted, choices, sizeof *choices);
    return 1;
}

/* The first failure of this seed. */
static void find_failure(struct problem *problem, uint64_t seed)
{
    for (uint64_t number = 0; number < TRIES_MAX; number++) {
        struct source_near near;
        source_near_start(&near, seed, number);
        run_body(problem->body, NULL, &near.source);
        problem->line = outcome.line;
        if (outcome.verdict == VERDICT_FAIL)
            return;
    }
    fail_msg("seed %llu finds no failure", (unsigned long long)seed);
}

static bool equal_choices(const struct choices *a, const struct choices *b)
{
    return choices_compare(a, b) == 0;
}

/* Shrinks the failure in `drawn` and holds the promises. The story is that of the minimal run. */
static uint32_t shrink_it(struct problem *problem, uint32_t executions_max)
{
    static struct choices found, best, scratch;
    memcpy(&found, &drawn, sizeof drawn);
    memcpy(&best, &drawn, sizeof drawn);
    memcpy(&problem->accepted, &drawn, sizeof drawn);
    problem->calls = 0;
    uint32_t executions = shrink(&best, &scratch, still_fails, problem, executions_max);
    assert_int_equal(executions, problem->calls);
    assert_true(executions <= executions_max);
    assert_true(choices_compare(&best, &found) <= 0);
    assert_true(equal_choices(&best, &problem->accepted)); /* the smallest that was confirmed */
    struct source_replay replay;
    source_replay_start(&replay, best.at, best.count, false);
    run_body(problem->body, NULL, &replay.source);
    assert_true(fails_there(problem));
    assert_int_equal(replay.drifted_at, -1);
    assert_true(equal_choices(&best, &drawn));
    return executions;
}

/* The characters of a token between its third and fourth colon. */
static uint32_t payload_length(const struct choices *choices)
{
    char *token = token_write("target", "case", choices);
    assert_non_null(token);
    const char *payload = token;
    for (int colons = 0; colons < 3; payload++)
        colons += *payload == ':';
    uint32_t length = (uint32_t)strcspn(payload, ":");
    free(token);
    return length;
}

static const struct challenge own[] = {
    {"bare_list", bare_list, "[0,1]\n"},
    {"flagged_list", flagged_list, "[51,99]\n"},
    {"three_alike", three_alike, "10,10,10\n"},
    {"records", records, "1 changed, to 128\n"},
};

static const struct {
    const struct challenge *challenge;
    uint32_t executions_max; /* mean */
    const char *why;
} problems[] = {
    {&challenges[REVERSE], 29, "ends differ"},
    {&challenges[LENGTH_LIST], 46, "length and element fall together"},
    {&challenges[LARGE_UNION_LIST], 205, "lists merge into one"},
    {&challenges[BOUND5], 105, "two values fall together"},
    {&challenges[BOUND5_LISTS10], 260, "many values become two"},
    {&challenges[CALCULATOR], 108, "a tree is replaced by its branch"},
    {&challenges[NESTED_LISTS], 50, "lists merge into one"},
    {&challenges[DISTINCT], 50, "values depend on each other"},
    {&challenges[DELETION], 41, "equal values fall together"},
    {&challenges[COUPLING], 97, "references move with what is deleted"},
    {&challenges[DIFFERENCE_NOT_ZERO], 34, "equal values fall together"},
    {&challenges[DIFFERENCE_NOT_SMALL], 54, "a constant distance"},
    {&challenges[DIFFERENCE_NOT_ONE], 42, "a constant distance"},
    {&own[0], 40, "no spans"},
    {&own[1], 290, "no spans, no length"},
    {&own[2], 72, "more than two fall together"},
    {&own[3], 52, "whole spans that do not matter"},
};

static void problems_reach_their_normal_form(void **state)
{
    (void)state;
    printf("%-22s %6s %11s %6s %8s  %s\n", "problem", "share", "executions", "most", "payload",
           "normal form");
    uint32_t worse = 0;
    for (size_t i = 0; i < ROWS(problems); i++) {
        uint32_t reached = 0, total = 0, most = 0, payload = 0;
        char other[160] = "";
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            static struct problem problem;
            problem.body = problems[i].challenge->body;
            find_failure(&problem, seed);
            uint32_t executions = shrink_it(&problem, SHRINK_EXECUTIONS_MAX);
            uint32_t length = payload_length(&drawn);
            total += executions;
            most = executions > most ? executions : most;
            payload = length > payload ? length : payload;
            if (strcmp(outcome.story, problems[i].challenge->normal_form) == 0)
                reached++;
            else
                snprintf(other, sizeof other, ", but also %.100s", outcome.story);
        }
        printf("%-22s %5u%% %11u %6u %8u  %.*s%.*s\n", problems[i].challenge->name,
               reached * 100 / SEEDS, total / SEEDS, most, payload,
               (int)strcspn(problems[i].challenge->normal_form, "\n"),
               problems[i].challenge->normal_form, (int)strcspn(other, "\n"), other);
        worse +=
            reached < SEEDS || total / SEEDS > problems[i].executions_max || payload > PAYLOAD_MAX;
    }
    assert_int_equal(worse, 0);
}

/* Both traps: the failure that was found is shrunk, the simpler one elsewhere is never reported. */
static void traps_are_not_followed(void **state)
{
    static const struct {
        case_body *body;
        const char *message, *minimal;
    } rows[] = {
        {trap_by_value, "the failure that was found", "90000\n"},
        {trap_by_length, "the failure that was found", "[0,0,0,0,100]\n"},
    };
    static struct problem problem;
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            problem.body = rows[i].body;
            do
                find_failure(&problem, seed++);
            while (strcmp(outcome.message, rows[i].message) != 0);
            shrink_it(&problem, SHRINK_EXECUTIONS_MAX);
            assert_string_equal(outcome.message, rows[i].message);
            if (rows[i].minimal)
                assert_string_equal(outcome.story, rows[i].minimal);
        }
}

/* However few executions are allowed, no more are made, and what came out still fails. */
static void executions_are_limited(void **state)
{
    static const uint32_t limits[] = {0, 1, 2, 10, 50};
    static struct problem problem;
    (void)state;
    problem.body = challenges[LENGTH_LIST].body;
    for (size_t i = 0; i < ROWS(limits); i++) {
        find_failure(&problem, i);
        assert_true(shrink_it(&problem, limits[i]) <= limits[i]);
    }
}

/* A callback that has had enough ends it; what was found so far stays. */
static int stops_at_once(void *context, struct choices *choices)
{
    (void)choices;
    ++*(uint32_t *)context;
    return -1;
}

static void callback_may_stop_it(void **state)
{
    static struct problem problem;
    static struct choices best, scratch;
    uint32_t calls = 0;
    (void)state;
    problem.body = challenges[LENGTH_LIST].body;
    find_failure(&problem, 7);
    memcpy(&best, &drawn, sizeof drawn);
    assert_int_equal(shrink(&best, &scratch, stops_at_once, &calls, SHRINK_EXECUTIONS_MAX), 1);
    assert_int_equal(calls, 1);
    assert_true(equal_choices(&best, &drawn));
}

/* A callback that says yes to everything and draws whatever was proposed: it ends at nothing. */
static int says_yes(void *context, struct choices *choices)
{
    (void)context;
    (void)choices;
    return 1;
}

/* A callback that says yes and gives back something larger is not believed. */
static int says_yes_and_grows(void *context, struct choices *choices)
{
    (void)context;
    for (choices->count = 0; choices->count < 6; choices->count++)
        choices->at[choices->count] = (struct choice){5, -9, 9, 0, CHOICE_CASE};
    return 1;
}

static void only_smaller_ones_are_accepted(void **state)
{
    static struct choices best, before, scratch;
    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        before.at[i] = (struct choice){7, -9, 9, 0, CHOICE_CASE};
    before.count = 5;
    memcpy(&best, &before, sizeof best);
    shrink(&best, &scratch, says_yes, NULL, SHRINK_EXECUTIONS_MAX);
    assert_int_equal(best.count, 0);
    memcpy(&best, &before, sizeof best);
    shrink(&best, &scratch, says_yes_and_grows, NULL, SHRINK_EXECUTIONS_MAX);
    assert_true(equal_choices(&best, &before));
}

/* The order: fewer choices, then smaller distances from the origin, then the upper side. */
static void order_is_shortlex(void **state)
{
    static const struct {
        uint32_t count;
        int64_t first, second, origin;
        const char *why;
    } rows[] = {
        {0, 0, 0, 0, "nothing"},
        {1, 0, 0, 0, "one at its origin"},
        {1, 1, 0, 0, "one above it"},
        {1, -1, 0, 0, "as far, but below"},
        {1, 2, 0, 0, "farther"},
        {1, INT64_MAX, 0, 0, "very far"},
        {1, INT64_MIN, 0, 0, "farther still, and below"},
        {1, INT64_MAX, 0, INT64_MIN, "as far as can be: distances do not overflow"},
        {2, 0, 0, 0, "longer than all of these"},
        {2, 0, 9, 0, "the last place counts least"},
        {2, 1, 0, 0, "the first place counts most"},
    };
    static struct choices a, b;
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(rows); j++) {
            a.count = rows[i].count;
            b.count = rows[j].count;
            a.at[0] = (struct choice){rows[i].first, INT64_MIN, INT64_MAX, rows[i].origin, 0};
            b.at[0] = (struct choice){rows[j].first, INT64_MIN, INT64_MAX, rows[j].origin, 0};
            a.at[1] = (struct choice){rows[i].second, INT64_MIN, INT64_MAX, rows[i].origin, 0};
            b.at[1] = (struct choice){rows[j].second, INT64_MIN, INT64_MAX, rows[j].origin, 0};
            int order = choices_compare(&a, &b);
            if ((order > 0) - (order < 0) != (i > j) - (i < j))
                fail_msg("\"%s\" against \"%s\"", rows[i].why, rows[j].why);
        }
}

/* Nothing is simpler than what fails. */
static int says_no(void *context, struct choices *choices)
{
    (void)choices;
    ++*(uint32_t *)context;
    return 0;
}

/* After so many failures in a row it is taken for minimal, long before executions run out. */
static void failures_in_a_row_are_limited(void **state)
{
    static struct choices best, scratch;
    uint32_t calls = 0;
    (void)state;
    for (best.count = 0; best.count < 1000; best.count++)
        best.at[best.count] = (struct choice){1000 + best.count, 0, 9999, 0, CHOICE_CASE};
    assert_int_equal(shrink(&best, &scratch, says_no, &calls, UINT32_MAX), SHRINK_FAILURES_MAX);
    assert_int_equal(calls, SHRINK_FAILURES_MAX);
    assert_int_equal(best.count, 1000);
}

/* --- Hostile callbacks -------------------------------------------------------------------------
 */

struct noise {
    uint64_t state;
    uint32_t calls;
};

/* Counts, spans and values at random: now within the limits, now without. */
static void make_noise(struct noise *noise, struct choices *choices, uint32_t count)
{
    static const uint32_t counts[] = {0, 1, 7, SPANS_MAX, SPANS_MAX + 1, UINT32_MAX};
    uint64_t dice = random_next(&noise->state);
    const uint32_t choice_counts[] = {UINT32_MAX, CHOICES_MAX + 1, (uint32_t)(dice >> 40) % 8,
                                      count};
    choices->count = choice_counts[dice % 8 < 3 ? dice % 8 : 3];
    choices->span_count = counts[(dice >> 8) % ROWS(counts)];
    for (uint32_t i = 0; i < 64; i++) {
        struct choice *choice = &choices->at[i];
        struct span *span = &choices->spans[i];
        choice->value = (int64_t)random_next(&noise->state) >> (random_next(&noise->state) % 64);
        choice->lo = (dice >> 16) % 2 ? (int64_t)random_next(&noise->state) : -100;
        choice->hi = (dice >> 16) % 2 ? (int64_t)random_next(&noise->state) : 100;
        choice->origin = (dice >> 17) % 2 ? (int64_t)random_next(&noise->state) : 0;
        choice->kind = (dice >> 18) % 4 ? CHOICE_CASE : (enum choice_kind)(dice >> 60);
        span->first = (uint32_t)random_next(&noise->state) % 40;
        span->end = span->first + (uint32_t)random_next(&noise->state) % 4;
        if (random_next(&noise->state) % 16 == 0)
            span->end = (uint32_t)random_next(&noise->state) % 2 ? CHOICES_MAX : UINT32_MAX;
        memset(span->label, 'a' + (int)(random_next(&noise->state) % 2), sizeof span->label);
    }
}

/* Half of the time it is still there, and then often a little smaller. */
static int makes_noise(void *context, struct choices *choices)
{
    struct noise *noise = context;
    uint32_t count = choices->count < 64 ? choices->count : 64;
    noise->calls++;
    make_noise(noise, choices, count);
    return (int)(random_next(&noise->state) % 2);
}

static void assert_settled(const struct choices *choices)
{
    assert_in_range(choices->count, 0, CHOICES_MAX);
    assert_in_range(choices->span_count, 0, SPANS_MAX);
    for (uint32_t i = 0; i < choices->span_count; i++) {
        assert_true(choices->spans[i].first <= choices->spans[i].end);
        assert_true(choices->spans[i].end <= choices->count);
    }
}

/* Whatever the target wrote, before shrinking or during it, nothing outside is touched. On the
 * heap, so that a sanitizer sees the ends. */
static void hostile_callbacks_do_no_harm(void **state)
{
    struct choices *best = calloc(1, sizeof *best), *scratch = calloc(1, sizeof *scratch);
    struct explanation explanation;
    (void)state;
    assert_non_null(best);
    assert_non_null(scratch);
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct noise noise = {.state = seed};
        make_noise(&noise, best, 40);
        uint32_t executions = shrink(best, scratch, makes_noise, &noise, 300);
        assert_int_equal(executions, noise.calls);
        assert_in_range(executions, 0, 300);
        assert_settled(best);
        make_noise(&noise, best, 40);
        noise.calls = 0;
        executions = explain(best, scratch, makes_noise, &noise, 300, &explanation);
        assert_int_equal(executions, noise.calls);
        assert_in_range(executions, 0, 300);
        assert_in_range(explanation.count, 0, EXPLAINED_MAX);
        for (uint32_t i = 0; i < explanation.count; i++)
            assert_true(explanation.parts[i].end <= best->count);
    }
    free(best);
    free(scratch);
}

/* The negative case: counts out of bounds come back within them, spans outside come back empty. */
static void choices_are_settled(void **state)
{
    static const struct {
        uint32_t first, end, expected_first, expected_end;
        const char *why;
    } rows[] = {
        {2, 5, 2, 5, "within"},
        {0, 9, 0, 9, "all"},
        {9, 9, 9, 9, "empty, at the end"},
        {0, 10, 0, 0, "one too far"},
        {5, 2, 0, 0, "backwards"},
        {UINT32_MAX, UINT32_MAX, 0, 0, "far away"},
        {1, UINT32_MAX, 0, 0, "without end"},
    };
    static struct choices choices;
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        choices.count = 9;
        choices.span_count = 1;
        choices.spans[0].first = rows[i].first;
        choices.spans[0].end = rows[i].end;
        choices_settle(&choices);
        if (choices.spans[0].first != rows[i].expected_first ||
            choices.spans[0].end != rows[i].expected_end || choices.count != 9)
            fail_msg("%s", rows[i].why);
    }
    choices.count = choices.span_count = UINT32_MAX;
    choices_settle(&choices);
    assert_int_equal(choices.count, CHOICES_MAX);
    assert_int_equal(choices.span_count, SPANS_MAX);
}

/* --- Explanations ------------------------------------------------------------------------------
 */

/* A text of some letters; its first one. */
static int64_t draw_word(struct run *run, const char *label, int64_t length_max)
{
    uint32_t span = span_begin(run, label);
    int64_t length = draw(run, 1, length_max, 1), first = 0;
    for (int64_t i = 0; i < length; i++) {
        uint32_t letter = span_begin(run, "letter");
        int64_t byte = draw(run, 'a', 'z', 'a');
        first = i == 0 ? byte : first;
        span_end(run, letter);
    }
    span_end(run, span);
    return first;
}

/* A number in a span of its own. */
static int64_t draw_number(struct run *run, const char *label, int64_t max)
{
    uint32_t span = span_begin(run, label);
    int64_t number = draw(run, 0, max, 0);
    span_end(run, span);
    return number;
}

static void name_matters(struct run *run, const void *subject)
{
    int64_t name = draw_word(run, "name", 1);
    (void)subject;
    draw_word(run, "password", 8);
    CHECK(run, name < 'n' || draw_number(run, "attempts", 9) < 4, "attempts go on");
}

static void second_password_matters(struct run *run, const void *subject)
{
    int64_t password[2];
    (void)subject;
    for (int i = 0; i < 2; i++) {
        uint32_t span = span_begin(run, "user");
        draw_word(run, "name", 4);
        password[i] = draw_word(run, "password", 4);
        span_end(run, span);
    }
    CHECK(run, password[1] < 'n', "%c", (char)password[1]);
}

static void all_matters(struct run *run, const void *subject)
{
    int64_t x = draw_number(run, "x", 99), y = draw_number(run, "y", 99);
    (void)subject;
    CHECK(run, x + y != 37, "%lld and %lld", (long long)x, (long long)y);
}

static void little_to_say(struct run *run, const void *subject)
{
    (void)subject;
    draw_number(run, "constant", 0);
    draw_number(run, "switch", 1);
    draw_number(run, "level", 2);
    CHECK(run, draw(run, 0, 9, 0) < 5, "in no span");
}

static void much_to_say(struct run *run, const void *subject)
{
    (void)subject;
    for (int i = 0; i < 12; i++)
        draw_number(run, "number", 99);
    CHECK(run, draw(run, 0, 9, 0) < 5, "in no span");
}

static uint64_t salt; /* which values of the next case are the exceptions */

/* One in five passes. */
static void one_in_five_matters(struct run *run, const void *subject)
{
    uint64_t mixed = salt << 32 | (uint64_t)draw_number(run, "number", 9999);
    (void)subject;
    CHECK(run, random_next(&mixed) % 5 == 0, "most values");
}

/* Finds, shrinks and explains a failure; "password 1, letter 3" says which parts do not matter. */
static uint32_t explain_it(case_body *body, uint32_t executions_max, struct explanation *ret,
                           char text[256])
{
    static struct problem problem;
    static struct choices minimal, scratch;
    size_t used = 0;
    problem.body = body;
    find_failure(&problem, 1);
    shrink_it(&problem, SHRINK_EXECUTIONS_MAX);
    memcpy(&minimal, &drawn, sizeof drawn);
    problem.calls = 0;
    uint32_t executions = explain(&minimal, &scratch, still_fails, &problem, executions_max, ret);
    assert_int_equal(executions, problem.calls);
    assert_in_range(executions, 0, executions_max);
    text[0] = 0;
    for (uint32_t i = 0; i < ret->count; i++)
        used += (size_t)snprintf(text + used, 256 - used, "%s%s %u", i ? ", " : "",
                                 ret->parts[i].label, ret->parts[i].ordinal);
    return executions;
}

static void parts_that_do_not_matter_are_named(void **state)
{
    static const struct {
        case_body *body;
        const char *expected;
        const char *why;
    } rows[] = {
        {name_matters, "password 1", "whatever its length; what follows it matters"},
        {second_password_matters, "user 1, name 2",
         "outermost first; the user that matters has "
         "a part that does not"},
        {all_matters, "", "nothing is claimed"},
        {little_to_say, "level 1", "one or two values are not worth a claim, three are"},
        {much_to_say,
         "number 1, number 2, number 3, number 4, number 5, number 6, number 7, "
         "number 8",
         "no more than fit"},
        {one_in_five_matters, "", "a few exceptions are found"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        static struct explanation first, second;
        char text[256];
        uint32_t executions = explain_it(rows[i].body, SHRINK_EXECUTIONS_MAX, &first, text);
        printf("%-3u executions: \"%s\"\n", executions, text);
        if (strcmp(text, rows[i].expected) != 0)
            fail_msg("\"%s\" instead of \"%s\": %s", text, rows[i].expected, rows[i].why);
        explain_it(rows[i].body, SHRINK_EXECUTIONS_MAX, &second, text);
        assert_memory_equal(&first, &second, sizeof first);
    }
}

/* Of a thousand cases that one value in five does not fail, hardly one is claimed not to matter. */
static void false_claims_are_rare(void **state)
{
    static struct problem problem = {.body = one_in_five_matters};
    static struct choices start, scratch;
    uint32_t claims = 0, asked = 0;
    (void)state;
    for (salt = 0; salt < 1000; salt++) {
        if (run_at_origin(one_in_five_matters, NULL) != VERDICT_FAIL)
            continue;
        struct explanation explanation;
        problem.line = outcome.line;
        memcpy(&start, &drawn, sizeof drawn);
        explain(&start, &scratch, still_fails, &problem, 100, &explanation);
        claims += explanation.count;
        asked++;
    }
    salt = 0;
    printf("%u false claims in %u\n", claims, asked);
    assert_in_range(asked, 700, 900);
    assert_in_range(claims, 0, asked / 100);
}

/* With too few executions nothing is claimed that was not tried to the end: a span takes 26
 * fillings, of which a few are what it was and need no execution. */
static void explaining_is_limited(void **state)
{
    static struct explanation explanation;
    uint32_t claimed = 0;
    char text[256];
    (void)state;
    for (uint32_t limit = 0; limit <= 78; limit++) {
        explain_it(much_to_say, limit, &explanation, text);
        assert_in_range(explanation.count, claimed, limit / 20);
        claimed = explanation.count;
    }
    assert_int_equal(claimed, 3);
}

/* Says what was drawn only when it fails in the same way, as a callback may. */
static int fails_silently(void *context, struct choices *choices)
{
    static struct choices proposed;
    memcpy(&proposed, choices, sizeof proposed);
    int same = still_fails(context, choices);
    if (same == 0)
        memcpy(choices, &proposed, sizeof proposed);
    return same;
}

/* Whatever is proposed, the minimal failure is drawn again. */
static int draws_the_same(void *context, struct choices *choices)
{
    memcpy(choices, context, sizeof *choices);
    return 1;
}

/* Then a password of another length looks as if it mattered, its letters do not. Nothing was tried
 * when nothing else was drawn. A callback that has had enough ends it. */
static void other_callbacks_claim_less(void **state)
{
    static struct problem problem = {.body = name_matters};
    static struct choices minimal, scratch;
    struct explanation explanation;
    uint32_t calls = 0;
    (void)state;
    find_failure(&problem, 1);
    shrink_it(&problem, SHRINK_EXECUTIONS_MAX);
    memcpy(&minimal, &drawn, sizeof drawn);
    explain(&minimal, &scratch, fails_silently, &problem, SHRINK_EXECUTIONS_MAX, &explanation);
    assert_int_equal(explanation.count, 1);
    assert_string_equal(explanation.parts[0].label, "letter");
    assert_int_equal(explanation.parts[0].ordinal, 2);
    explain(&minimal, &scratch, draws_the_same, &minimal, SHRINK_EXECUTIONS_MAX, &explanation);
    assert_int_equal(explanation.count, 0);
    assert_int_equal(explain(&minimal, &scratch, stops_at_once, &calls, 100, &explanation), 1);
    assert_int_equal(calls, 1);
    assert_int_equal(explanation.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems_reach_their_normal_form),
        cmocka_unit_test(traps_are_not_followed),
        cmocka_unit_test(executions_are_limited),
        cmocka_unit_test(callback_may_stop_it),
        cmocka_unit_test(only_smaller_ones_are_accepted),
        cmocka_unit_test(failures_in_a_row_are_limited),
        cmocka_unit_test(order_is_shortlex),
        cmocka_unit_test(choices_are_settled),
        cmocka_unit_test(hostile_callbacks_do_no_harm),
        cmocka_unit_test(parts_that_do_not_matter_are_named),
        cmocka_unit_test(false_claims_are_rare),
        cmocka_unit_test(explaining_is_limited),
        cmocka_unit_test(other_callbacks_claim_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
