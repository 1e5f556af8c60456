/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows how far shrinking goes, on the problems of the shrinking challenge
 * (github.com/jlink/shrinking-challenge), and that it keeps its promises on the way.
 *
 * Each problem is a case that fails for some choices and that tells the value it drew. Over a
 * hundred seeds the first failing run is searched at random and shrunk; then the value told must be
 * the problem's one normal form. The table has the share that gets there, which must not fall, and
 * a ceiling on the mean number of executions. Everything is seeded, so the numbers repeat exactly.
 *
 * Promises, held at every seed: what comes out is not larger than what went in, fails at the same
 * check, fails again when replayed, and costs no more executions than allowed; each candidate that
 * was accepted is smaller than the one before. Traps are problems whose small values fail at
 * another check: a shrinker that looks at "fails" only would report the wrong failure.
 */
#include "harness/engine/tests/one_run.h"

#define SEEDS        100
#define TRIES_MAX    200000
#define ELEMENTS_MAX 128

/* --- What is drawn -----------------------------------------------------------------------------
 */

struct list {
    size_t count;
    int64_t at[ELEMENTS_MAX];
};

static void draw_list(struct run *run, int64_t length_max, int64_t lo, int64_t hi, struct list *ret)
{
    ret->count = (size_t)draw(run, 0, length_max, 0);
    for (size_t i = 0; i < ret->count; i++) {
        uint32_t span = span_begin(run, "element");
        ret->at[i] = draw(run, lo, hi, lo > 0 ? lo : 0);
        span_end(run, span);
    }
}

/* "[1,-2]", added to a text that grows. */
static void write_list(const struct list *list, char *ret, size_t size)
{
    size_t used = strlen(ret);
    used += (size_t)snprintf(ret + used, size - used, "[");
    for (size_t i = 0; i < list->count && used + 24 < size; i++)
        used += (size_t)snprintf(ret + used, size - used, "%s%lld", i ? "," : "",
                                 (long long)list->at[i]);
    snprintf(ret + used, size - used, "]");
}

static size_t distinct_count(const struct list *list)
{
    size_t distinct = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t j = 0;
        while (j < i && list->at[j] != list->at[i])
            j++;
        distinct += j == i;
    }
    return distinct;
}

static void tell_list(struct run *run, const struct list *list)
{
    char text[1024] = "";
    write_list(list, text, sizeof text);
    tell(run, "%s", text);
}

/* --- The problems ------------------------------------------------------------------------------
 */

/* Reversing a list does nothing. */
static void reverse(struct run *run, const void *subject)
{
    struct list list;
    (void)subject;
    draw_list(run, 20, -1000, 1000, &list);
    tell_list(run, &list);
    for (size_t i = 0; i < list.count; i++)
        CHECK(run, list.at[i] == list.at[list.count - 1 - i], "not a palindrome");
}

/* The elements of a list are below 900. */
static void length_list(struct run *run, const void *subject)
{
    struct list list;
    (void)subject;
    list.count = (size_t)draw(run, 1, 100, 1);
    for (size_t i = 0; i < list.count; i++) {
        uint32_t span = span_begin(run, "element");
        list.at[i] = draw(run, 0, 1000, 0);
        span_end(run, span);
    }
    tell_list(run, &list);
    for (size_t i = 0; i < list.count; i++)
        CHECK(run, list.at[i] < 900, "%lld", (long long)list.at[i]);
}

/* Lists of lists have at most four distinct elements. */
static void large_union_list(struct run *run, const void *subject)
{
    struct list list, all = {0};
    char text[1024] = "";
    int64_t lists = draw(run, 0, 6, 0);
    (void)subject;
    for (int64_t i = 0; i < lists; i++) {
        uint32_t span = span_begin(run, "list");
        draw_list(run, 10, -1000, 1000, &list);
        span_end(run, span);
        write_list(&list, text, sizeof text);
        memcpy(all.at + all.count, list.at, list.count * sizeof *list.at);
        all.count += list.count;
    }
    tell(run, "%s", text);
    CHECK(run, distinct_count(&all) <= 4, "%zu distinct ones", distinct_count(&all));
}

/* Five lists of 16-bit numbers, each of a sum below 256, have a sum below 1280: false, since sums
 * go round. */
static void bound5(struct run *run, const void *subject)
{
    struct list list;
    char text[1024] = "";
    uint16_t total = 0;
    bool small = true;
    (void)subject;
    for (int i = 0; i < 5; i++) {
        uint16_t sum = 0;
        uint32_t span = span_begin(run, "list");
        draw_list(run, 1, INT16_MIN, INT16_MAX, &list);
        span_end(run, span);
        for (size_t j = 0; j < list.count; j++)
            sum = (uint16_t)(sum + list.at[j]);
        small &= (int16_t)sum < 256;
        total = (uint16_t)(total + sum);
        if (list.count > 0)
            write_list(&list, text, sizeof text);
    }
    tell(run, "%s", text);
    if (small)
        CHECK(run, (int16_t)total < 5 * 256, "%d", (int16_t)total);
}

/* Expressions of numbers, + and /, without a division by a literal zero, can be evaluated. */
static int64_t draw_expression(struct run *run, int depth, char *text, size_t size, bool *ret_zero)
{
    uint32_t span = span_begin(run, "expression");
    int64_t kind = draw(run, 0, depth > 0 ? 2 : 0, 0), number = draw(run, -100, 100, 0);
    size_t used = strlen(text);
    if (kind == 0) {
        snprintf(text + used, size - used, "%lld", (long long)number);
        span_end(run, span);
        return number;
    }
    snprintf(text + used, size - used, "(");
    int64_t left = draw_expression(run, depth - 1, text, size, ret_zero);
    used = strlen(text);
    snprintf(text + used, size - used, kind == 1 ? "+" : "/");
    size_t literal = strlen(text);
    int64_t right = draw_expression(run, depth - 1, text, size, ret_zero);
    used = strlen(text);
    if (kind == 2 && strcmp(text + literal, "0") == 0)
        reject(run);
    snprintf(text + used, size - used, ")");
    span_end(run, span);
    if (kind == 1)
        return left + right;
    *ret_zero |= right == 0;
    return right == 0 ? 0 : left / right;
}

static void calculator(struct run *run, const void *subject)
{
    char text[1024] = "";
    bool zero = false;
    (void)subject;
    draw_expression(run, 3, text, sizeof text, &zero);
    tell(run, "%s", text);
    CHECK(run, !zero, "division by zero");
}

/* Lists of lists have at most ten elements. */
static void nested_lists(struct run *run, const void *subject)
{
    struct list list;
    size_t total = 0;
    char text[1024] = "";
    int64_t lists = draw(run, 0, 10, 0);
    (void)subject;
    for (int64_t i = 0; i < lists; i++) {
        uint32_t span = span_begin(run, "list");
        draw_list(run, 20, 0, 1, &list);
        span_end(run, span);
        write_list(&list, text, sizeof text);
        total += list.count;
    }
    tell(run, "%s", text);
    CHECK(run, total <= 10, "%zu elements", total);
}

/* A list has at most two distinct elements. */
static void distinct(struct run *run, const void *subject)
{
    struct list list;
    (void)subject;
    draw_list(run, 20, -1000, 1000, &list);
    tell_list(run, &list);
    CHECK(run, distinct_count(&list) < 3, "%zu distinct ones", distinct_count(&list));
}

/* An element that was removed from a list is gone. */
static void deletion(struct run *run, const void *subject)
{
    struct list list;
    size_t copies = 0;
    (void)subject;
    draw_list(run, 20, -20, 20, &list);
    if (list.count == 0)
        reject(run);
    size_t which = draw_index(run, list.count);
    for (size_t i = 0; i < list.count; i++)
        copies += list.at[i] == list.at[which];
    tell_list(run, &list);
    tell(run, "%lld", (long long)list.at[which]);
    CHECK(run, copies < 2, "%zu copies", copies);
}

/* No two elements of a list of references point at each other. */
static void coupling(struct run *run, const void *subject)
{
    struct list list = {.count = (size_t)draw(run, 1, 10, 1)};
    (void)subject;
    for (size_t i = 0; i < list.count; i++) {
        uint32_t span = span_begin(run, "element");
        list.at[i] = (int64_t)draw_index(run, 10);
        span_end(run, span);
        if (list.at[i] >= (int64_t)list.count)
            reject(run);
    }
    tell_list(run, &list);
    for (size_t i = 0; i < list.count; i++)
        CHECK(run, list.at[i] == (int64_t)i || list.at[list.at[i]] != (int64_t)i, "coupled");
}

/* Two numbers, the first of at least ten, do not differ by zero, by one to four, by one. */
static void difference(struct run *run, int64_t least, int64_t most)
{
    int64_t x = draw(run, 1, 1000, 1), y = draw(run, 1, 1000, 1);
    int64_t apart = x < y ? y - x : x - y;
    tell(run, "%lld,%lld", (long long)x, (long long)y);
    CHECK(run, x < 10 || apart < least || apart > most, "%lld", (long long)apart);
}

static void difference_not_zero(struct run *run, const void *subject)
{
    (void)subject;
    difference(run, 0, 0);
}

static void difference_not_small(struct run *run, const void *subject)
{
    (void)subject;
    difference(run, 1, 4);
}

static void difference_not_one(struct run *run, const void *subject)
{
    (void)subject;
    difference(run, 1, 1);
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

/* Replays a candidate; what it really drew replaces it. */
static int still_fails(void *context, struct choices *choices)
{
    struct problem *problem = context;
    struct source_replay replay;
    source_replay_start(&replay, choices->at, choices->count, false);
    run_body(problem->body, NULL, &replay.source);
    problem->calls++;
    if (!fails_there(problem))
        return 0;
    memcpy(choices, &drawn, sizeof drawn);
    if (choices_compare(choices, &problem->accepted) < 0)
        memcpy(&problem->accepted, choices, sizeof *choices);
    return 1;
}

/* The first failure of this seed that is at `line`, or at any when 0. */
static void find_failure(struct problem *problem, uint64_t seed, int32_t line)
{
    for (uint64_t number = 0; number < TRIES_MAX; number++) {
        struct source_random random;
        source_random_start(&random, seed, "shrink", number);
        run_body(problem->body, NULL, &random.source);
        problem->line = outcome.line;
        if (outcome.verdict == VERDICT_FAIL && (line == 0 || outcome.line == line))
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

static const struct {
    const char *name;
    case_body *body;
    const char *normal_form;
    uint32_t share_min;      /* of SEEDS */
    uint32_t executions_max; /* mean */
    const char *why;
} problems[] = {
    {"reverse", reverse, "[0,1]\n", 100, 60, "ends differ"},
    {"length list", length_list, "[900]\n", 100, 130, "length and element fall together"},
    {"large union list", large_union_list, "[0,1,-1,2,-2]\n", 100, 450, "lists merge into one"},
    {"bound5", bound5, "[-1][-32768]\n", 100, 190, "two values fall together"},
    {"calculator", calculator, "(0/(0+0))\n", 100, 170, "a tree is replaced by its branch"},
    {"nested lists", nested_lists, "[0,0,0,0,0,0,0,0,0,0,0]\n", 100, 130, "lists merge into one"},
    {"distinct", distinct, "[0,1,-1]\n", 100, 130, "values depend on each other"},
    {"deletion", deletion, "[0,0]\n0\n", 100, 70, "equal values fall together"},
    {"coupling", coupling, "[1,0]\n", 100, 100, "references move with what is deleted"},
    {"difference not zero", difference_not_zero, "10,10\n", 100, 80, "equal values fall together"},
    {"difference not small", difference_not_small, "10,6\n", 100, 80, "a constant distance"},
    {"difference not one", difference_not_one, "10,9\n", 100, 80, "a constant distance"},
};

static void problems_reach_their_normal_form(void **state)
{
    (void)state;
    printf("%-22s %6s %11s %8s  %s\n", "problem", "share", "executions", "most", "normal form");
    uint32_t worse = 0;
    for (size_t i = 0; i < ROWS(problems); i++) {
        uint32_t reached = 0, total = 0, most = 0;
        char other[160] = "";
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            static struct problem problem;
            problem.body = problems[i].body;
            find_failure(&problem, seed, 0);
            uint32_t executions = shrink_it(&problem, SHRINK_EXECUTIONS_MAX);
            total += executions;
            most = executions > most ? executions : most;
            if (strcmp(outcome.story, problems[i].normal_form) == 0)
                reached++;
            else
                snprintf(other, sizeof other, "%.100s", outcome.story);
        }
        for (char *newline; (newline = strchr(other, '\n'));)
            *newline = ' ';
        printf("%-22s %5u%% %11u %8u  %s\n", problems[i].name, reached * 100 / SEEDS, total / SEEDS,
               most, other[0] ? other : "always");
        worse += reached < problems[i].share_min || total / SEEDS > problems[i].executions_max;
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
                find_failure(&problem, seed++, 0);
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
    static struct problem problem = {.body = length_list};
    (void)state;
    for (size_t i = 0; i < ROWS(limits); i++) {
        find_failure(&problem, i, 0);
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
    static struct problem problem = {.body = length_list};
    static struct choices best, scratch;
    uint32_t calls = 0;
    (void)state;
    find_failure(&problem, 7, 0);
    memcpy(&best, &drawn, sizeof drawn);
    assert_int_equal(shrink(&best, &scratch, stops_at_once, &calls, SHRINK_EXECUTIONS_MAX), 1);
    assert_int_equal(calls, 1);
    assert_true(equal_choices(&best, &drawn));
}

/* A callback that says yes to everything and draws whatever was proposed: it ends at nothing. */
static int says_yes(void *context, struct choices *choices)
{
    (void)context;
    for (uint32_t i = 0; i < choices->span_count; i++)
        if (choices->spans[i].end > choices->count)
            choices->spans[i].end = choices->count;
    return 1;
}

/* A callback that says yes and gives back something larger is not believed. */
static int says_yes_and_grows(void *context, struct choices *choices)
{
    (void)context;
    choices->at[choices->count++] = (struct choice){5, 0, 9, 0, CHOICE_CASE};
    choices->at[choices->count++] = (struct choice){5, 0, 9, 0, CHOICE_CASE};
    choices->at[choices->count++] = (struct choice){5, 0, 9, 0, CHOICE_CASE};
    choices->at[choices->count++] = (struct choice){5, 0, 9, 0, CHOICE_CASE};
    choices->at[choices->count++] = (struct choice){5, 0, 9, 0, CHOICE_CASE};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems_reach_their_normal_form),
        cmocka_unit_test(traps_are_not_followed),
        cmocka_unit_test(executions_are_limited),
        cmocka_unit_test(callback_may_stop_it),
        cmocka_unit_test(only_smaller_ones_are_accepted),
        cmocka_unit_test(order_is_shortlex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
