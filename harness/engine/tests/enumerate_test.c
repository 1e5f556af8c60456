/* SPDX-License-Identifier: Apache-2.0
 *
 * Enumeration visits every sequence within its bound once and nothing twice, lightest first, and
 * says truly where it stopped; covering arrays have every combination of three factors. Counts are
 * compared with loops written out by hand.
 */
#include "one_run.h"

#define CASE_KINDS  (1u << CHOICE_CASE)
#define VISITED_MAX 100000u

/* A number below 4, then that many numbers in [-1, 1]: 1 + 3 + 9 + 27 sequences. */
static void list_of_signs(struct run *run, const void *subject)
{
    (void)subject;
    for (int64_t i = draw(run, 0, 3, 0); i > 0; i--)
        draw(run, -1, 1, 0);
    CHECK(run, true, "always");
}

/* Five places at which another thread could go on. */
static void five_points(struct run *run, const void *subject)
{
    (void)subject;
    for (int i = 0; i < 5; i++)
        draw_kind(run, CHOICE_PREEMPT, 0, 2, 0);
    CHECK(run, true, "always");
}

/* A preemption, and then whoever goes on next. */
static void points_and_ends(struct run *run, const void *subject)
{
    (void)subject;
    for (int i = 0; i < 3; i++) {
        draw_kind(run, CHOICE_PREEMPT, 0, 1, 0);
        draw_kind(run, CHOICE_NEXT, 0, 1, 0);
    }
    CHECK(run, true, "always");
}

static void widest(struct run *run, const void *subject)
{
    (void)subject;
    draw(run, INT64_MIN, INT64_MAX, INT64_MAX - 1);
    CHECK(run, true, "always");
}

static uint64_t weight_of_run(void)
{
    uint64_t weight = 0;
    for (uint32_t i = 0; i < drawn.count; i++) {
        uint64_t far =
            drawn.at[i].value > 0 ? (uint64_t)drawn.at[i].value : (uint64_t)-drawn.at[i].value;
        if (drawn.at[i].kind == CHOICE_CASE && drawn.at[i].lo < 0)
            weight += far ? 2 * far - (drawn.at[i].value > 0) : 0;
        else if (drawn.at[i].kind == CHOICE_CASE)
            weight += far;
        else if (drawn.at[i].kind == CHOICE_PREEMPT)
            weight += far > 0;
    }
    return weight;
}

static uint64_t fingerprint(void)
{
    uint64_t hash = drawn.count;
    for (uint32_t i = 0; i < drawn.count; i++)
        hash = (hash ^ (uint64_t)drawn.at[i].value) * 0x9e3779b97f4a7c15u + (hash >> 31);
    return hash;
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static uint32_t twice(uint64_t *visited, uint32_t count)
{
    uint32_t repeated = 0;
    qsort(visited, count, sizeof *visited, by_value);
    for (uint32_t i = 1; i < count; i++)
        repeated += visited[i] == visited[i - 1];
    return repeated;
}

static void visits_every_sequence_once(void **state)
{
    static const struct {
        case_body *body;
        uint32_t kinds, weight_max, sequences_max, expected, weight;
        bool all;
        const char *why;
    } rows[] = {
        {list_of_signs, CASE_KINDS, 100, 1000, 40, 9, true, "1 + 3 + 9 + 27"},
        {list_of_signs, CASE_KINDS, 0, 1000, 1, 0, false, "only the simplest"},
        {list_of_signs, CASE_KINDS, 1, 1000, 2, 1, false, "a list of one zero"},
        {list_of_signs, CASE_KINDS, 2, 1000, 4, 2, false, "1 in a list of one; two zeros"},
        {list_of_signs, CASE_KINDS, 100, 5, 6, 2, false, "no room: said, not silent"},
        {list_of_signs, 1u << CHOICE_PREEMPT, 9, 9, 1, 0, true, "nothing of that kind is drawn"},
        {five_points, 1u << CHOICE_PREEMPT, 0, 1000, 1, 0, false, "no preemption"},
        {five_points, 1u << CHOICE_PREEMPT, 1, 1000, 11, 1, false, "and one, to either"},
        {five_points, 1u << CHOICE_PREEMPT, 2, 1000, 51, 2, false, "and two: 10 pairs, 4 each"},
        {five_points, 1u << CHOICE_PREEMPT, 5, 1000, 243, 5, true, "3 to the fifth"},
        {points_and_ends, 1u << CHOICE_PREEMPT | 1u << CHOICE_NEXT, 0, 99, 8, 0, false,
         "who goes on weighs nothing"},
        {points_and_ends, 1u << CHOICE_PREEMPT | 1u << CHOICE_NEXT, 3, 99, 64, 3, true, "all"},
        {widest, CASE_KINDS, 5, 99, 6, 5, false, "distances do not overflow"},
    };
    static uint64_t visited[VISITED_MAX];
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct exhaustive *search =
            exhaustive_new(rows[i].kinds, rows[i].weight_max, rows[i].sequences_max);
        struct source *source;
        uint32_t count = 0;
        uint64_t before = 0;
        bool all;
        assert_non_null(search);
        while ((source = exhaustive_next(search)) && count < VISITED_MAX) {
            run_body(rows[i].body, NULL, source);
            exhaustive_take(search, &drawn);
            if (rows[i].body != widest) {
                if (weight_of_run() < before)
                    fail_msg("%s: a lighter sequence comes late", rows[i].why);
                before = weight_of_run();
            }
            visited[count++] = fingerprint();
        }
        uint32_t weight = exhaustive_weight(search, &all);
        if (count != rows[i].expected || twice(visited, count) > 0 || weight != rows[i].weight ||
            all != rows[i].all)
            fail_msg("%s: %u sequences, up to weight %u%s", rows[i].why, count, weight,
                     all ? ", which are all" : "");
        exhaustive_free(search);
    }
}

/* Stopping early is not hidden: in the middle of a weight, only the weights before count. */
static void says_where_it_stopped(void **state)
{
    (void)state;
    for (uint32_t stop = 1; stop < 40; stop++) {
        struct exhaustive *search = exhaustive_new(CASE_KINDS, 100, 1000);
        uint32_t lightest_left = UINT32_MAX;
        bool all;
        for (uint32_t i = 0; i < stop; i++) {
            run_body(list_of_signs, NULL, exhaustive_next(search));
            exhaustive_take(search, &drawn);
        }
        uint32_t weight = exhaustive_weight(search, &all);
        assert_false(all);
        for (struct source *source; (source = exhaustive_next(search));) {
            run_body(list_of_signs, NULL, source);
            exhaustive_take(search, &drawn);
            if (weight_of_run() < lightest_left)
                lightest_left = (uint32_t)weight_of_run();
        }
        assert_true(lightest_left >= weight); /* nothing lighter than what it claims is left, */
        assert_true(lightest_left > weight || weight == 0); /* nor as light */
        exhaustive_free(search);
    }
}

static void has_every_three_factors(void **state)
{
    static const struct {
        uint16_t levels[FACTORS_MAX];
        uint32_t factors, rows_max;
        const char *why;
    } rows[] = {
        {{7}, 1, 7, "one factor: its levels"},
        {{3, 4}, 2, 12, "two: all pairs"},
        {{2, 3, 4}, 3, 24, "three: the whole product"},
        {{2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, 10, 20, "ten of two levels: 8 at the least"},
        {{4, 4, 4, 4, 4, 4}, 6, 80, "64 at the least"},
        {{5, 3, 2, 1, 4, 2, 3}, 7, 80, "60 at the least; a factor of one level"},
        {{6, 6, 6, 6, 6, 3, 3, 3, 2, 2, 2, 2}, 12, 350, "twelve, of 13 million products"},
    };
    static struct covering covering;
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const uint16_t *levels = rows[i].levels;
        assert_true(covering_rows(levels, rows[i].factors, &covering));
        printf("%-44s %4u rows\n", rows[i].why, covering.count);
        assert_true(covering.count <= rows[i].rows_max);
        for (uint32_t a = 0; a < rows[i].factors; a++)
            assert_int_equal(covering.rows[0][a], 0);
        for (uint32_t a = 0; a < rows[i].factors; a++)
            for (uint32_t b = 0; b < rows[i].factors; b++)
                for (uint32_t c = 0; c < rows[i].factors; c++) {
                    static bool seen[FACTOR_LEVELS_MAX][FACTOR_LEVELS_MAX][FACTOR_LEVELS_MAX];
                    uint32_t wanted = 0, found = 0;
                    memset(seen, 0, sizeof seen);
                    for (uint16_t x = 0; x < levels[a]; x++)
                        for (uint16_t y = 0; y < levels[b]; y++)
                            for (uint16_t z = 0; z < levels[c]; z++)
                                wanted +=
                                    (a != b || x == y) && (b != c || y == z) && (a != c || x == z);
                    for (uint32_t row = 0; row < covering.count; row++) {
                        bool *mark = &seen[covering.rows[row][a]][covering.rows[row][b]]
                                          [covering.rows[row][c]];
                        found += !*mark;
                        *mark = true;
                    }
                    assert_int_equal(found, wanted);
                }
    }
}

static void refuses_what_is_too_large(void **state)
{
    static struct covering covering;
    uint16_t many[FACTORS_MAX + 1], wide[] = {FACTOR_LEVELS_MAX + 1}, none[] = {2, 0};
    (void)state;
    for (size_t i = 0; i < ROWS(many); i++)
        many[i] = 2;
    assert_false(covering_rows(many, FACTORS_MAX + 1, &covering));
    assert_false(covering_rows(many, 0, &covering));
    assert_false(covering_rows(wide, 1, &covering));
    assert_false(covering_rows(none, 2, &covering));
    assert_true(covering_rows(many, FACTORS_MAX, &covering));
}

/* A case gets the levels in the order in which it draws its factors, and origins otherwise. */
static void draws_factors(struct run *run, const void *subject)
{
    uint16_t *levels = (uint16_t *)(uintptr_t)subject;
    levels[0] = (uint16_t)draw_factor(run, 3);
    CHECK(run, draw(run, 5, 9, 7) == 7, "not at its origin");
    levels[1] = (uint16_t)draw_factor(run, 2);
}

static void rows_reach_the_case(void **state)
{
    static struct covering covering;
    const uint16_t levels[] = {3, 2};
    uint16_t got[2];
    (void)state;
    assert_true(covering_rows(levels, 2, &covering));
    for (uint32_t row = 0; row < covering.count; row++) {
        struct source_row source;
        source_row_start(&source, &covering, row);
        assert_int_equal(run_body(draws_factors, got, &source.source), VERDICT_PASS);
        assert_memory_equal(got, covering.rows[row], sizeof got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(visits_every_sequence_once), cmocka_unit_test(says_where_it_stopped),
        cmocka_unit_test(has_every_three_factors),    cmocka_unit_test(refuses_what_is_too_large),
        cmocka_unit_test(rows_reach_the_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
