/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows what each source of choices promises.
 *
 * Random: the same seed draws the same, each case for itself; everything within bounds, also at the
 * ends of what 64 bits hold; ends and the neighbours of the origin appear as often as documented;
 * cases that were drawn apart are not equal. Replay: draws what was drawn. Bytes: every value can
 * be reached, zeros are origins, the width of a choice does not depend on its value, and bytes that
 * were made of choices draw them again. Origin: the origins, the seed and the plan that were given.
 */
#include "harness/engine/tests/one_run.h"

#define CASES_MANY 300000u

static const struct range {
    int64_t lo, hi, origin;
    const char *why;
} ranges[] = {
    {0, 0, 0, "one value only"},
    {-7, -7, -7, "one value only, below zero"},
    {0, 1, 0, "a coin"},
    {0, 15, 0, "the last range that is drawn uniformly"},
    {0, 16, 0, "the first range that is not"},
    {-8, 8, 0, "around the origin"},
    {0, 255, 'a', "the origin in the middle"},
    {0, 255, 255, "the origin at the upper end"},
    {-100, -10, -10, "all below zero"},
    {0, INT32_MAX, 0, "the seed of entropy"},
    {0, UINT32_MAX, 0, "the widest that takes four bytes"},
    {0, (int64_t)UINT32_MAX + 1, 0, "the narrowest that takes eight"},
    {INT64_MIN, INT64_MAX, 0, "everything"},
    {INT64_MIN, INT64_MAX, INT64_MIN, "everything, from the lower end"},
    {INT64_MIN, INT64_MAX, INT64_MAX, "everything, from the upper end"},
    {INT64_MIN, INT64_MIN + 20, INT64_MIN, "at the lower end"},
    {INT64_MAX - 20, INT64_MAX, INT64_MAX, "at the upper end"},
    {INT64_MIN, 0, 0, "the lower half"},
    {0, INT64_MAX, 0, "the upper half"},
    {-1, INT64_MAX, -1, "one more than the upper half"},
};

static int64_t ask_kind(struct source *source, const struct range *range, enum choice_kind kind)
{
    struct choice ask = {0, range->lo, range->hi, range->origin, kind};
    return source->next(source, &ask);
}

static int64_t ask(struct source *source, const struct range *range)
{
    return ask_kind(source, range, CHOICE_CASE);
}

static const struct range everything = {INT64_MIN, INT64_MAX, 0, ""};

/* --- Random ------------------------------------------------------------------------------------
 */

/* A fingerprint of a case that draws eight numbers. */
static uint64_t draws_of(uint64_t seed, const char *name, uint64_t number)
{
    struct source_random random;
    uint64_t hash = 0;
    source_random_start(&random, seed, name, number);
    for (int i = 0; i < 8; i++) {
        hash ^= (uint64_t)ask(&random.source, &everything);
        random_next(&hash);
        hash *= 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

static void random_repeats_case_by_case(void **state)
{
    static uint64_t forwards[1000];
    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        forwards[i] = draws_of(42, "theme.case", i);
    for (uint64_t i = 1000; i-- > 0;)
        assert_int_equal(draws_of(42, "theme.case", i), forwards[i]);
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_not_equal(draws_of(43, "theme.case", i), forwards[i]);
        assert_int_not_equal(draws_of(42, "theme.other", i), forwards[i]);
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* The complaint about others: among many cases most are repetitions. */
static void random_cases_are_distinct(void **state)
{
    uint64_t *hashes = malloc(CASES_MANY * sizeof *hashes);
    uint32_t repeated = 0;
    (void)state;
    assert_non_null(hashes);
    for (uint64_t i = 0; i < CASES_MANY; i++)
        hashes[i] = draws_of(1, "theme.case", i);
    qsort(hashes, CASES_MANY, sizeof *hashes, by_value);
    for (uint32_t i = 1; i < CASES_MANY; i++)
        repeated += hashes[i] == hashes[i - 1];
    free(hashes);
    assert_int_equal(repeated, 0);
}

static void random_stays_within_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(ranges); i++) {
        struct source_random random;
        source_random_start(&random, i, "bounds", 0);
        for (int n = 0; n < 20000; n++) {
            int64_t value = ask(&random.source, &ranges[i]);
            if (value < ranges[i].lo || value > ranges[i].hi)
                fail_msg("%lld of a range that is %s", (long long)value, ranges[i].why);
        }
    }
}

/* Counts of 160,000 first draws: bands are wide, so that no honest generator falls out of them. */
static void random_likes_ends_and_origins(void **state)
{
    static const struct {
        int64_t lo, hi, origin, value;
        uint32_t least, most; /* times in 160,000 */
        const char *why;
    } rows[] = {
        {INT64_MIN, INT64_MAX, 0, INT64_MIN, 4000, 6500, "1/32: an end"},
        {INT64_MIN, INT64_MAX, 0, INT64_MAX, 4000, 6500, "1/32: the other"},
        {INT64_MIN, INT64_MAX, 0, 0, 4000, 6500, "1/32 and 1/512: the origin"},
        {INT64_MIN, INT64_MAX, 0, 1, 2000, 4000, "1/64 and 1/1024: next to it"},
        {INT64_MIN, INT64_MAX, 0, -1, 2000, 4000, "1/64 and 1/1024: on the other side"},
        {INT64_MIN, INT64_MAX, 0, 123456789, 0, 2, "any other hardly ever"},
        {0, 1000000, 0, 1000000, 4000, 6500, "1/32: the upper end"},
        {0, 1000000, 0, 0, 9000, 13000, "1/32 twice and 1/160: the end that is the origin"},
        {0, 1000000, 0, 1, 5000, 7500, "1/32 and 1/160: next to it"},
        {0, 1000000, 0, 500000, 0, 20, "any other seldom"},
        {0, 9, 0, 9, 14500, 17500, "1/10: a narrow range is uniform"},
        {0, 9, 0, 0, 14500, 17500, "1/10: also at its origin"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct range range = {rows[i].lo, rows[i].hi, rows[i].origin, ""};
        uint32_t seen = 0;
        for (uint64_t n = 0; n < 160000; n++) {
            struct source_random random;
            source_random_start(&random, 5, "bias", n);
            seen += ask(&random.source, &range) == rows[i].value;
        }
        if (seen < rows[i].least || seen > rows[i].most)
            fail_msg("%u, not %u to %u (%s)", seen, rows[i].least, rows[i].most, rows[i].why);
    }
}

/* Every size of distance is drawn: small numbers are no accident of a wide range. */
static void random_draws_every_magnitude(void **state)
{
    struct source_random random;
    uint32_t seen[65] = {0};
    (void)state;
    source_random_start(&random, 9, "magnitude", 0);
    for (int n = 0; n < 100000; n++) {
        int64_t value = ask(&random.source, &everything);
        uint64_t far = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
        seen[far ? 64 - __builtin_clzll(far) : 0]++;
    }
    for (int bits = 0; bits <= 64; bits++)
        assert_true(seen[bits] > 100);
}

static void random_arms_no_fault(void **state)
{
    static const struct range faults = {0, 3, 0, ""}, codes = {1, 9, 1, ""};
    struct source_random random;
    (void)state;
    source_random_start(&random, 3, "faults", 0);
    for (int n = 0; n < 1000; n++) {
        assert_int_equal(ask_kind(&random.source, &faults, CHOICE_FAULT), 0);
        assert_int_equal(ask_kind(&random.source, &codes, CHOICE_FAULT), 1);
    }
}

/* Armed, it plans one fault or two, each at a site of the list; what else is drawn stays the same.
 */
static void random_plans_at_sites(void **state)
{
    static struct site_list sites = {.count = 3,
                                     .at = {{1, 2, 3, 4}, {5, 0, 7, 60000}, {9, 1, 0, 0}}};
    static const struct range counts = {0, 3, 0, ""}, fields = {0, 65535, 0, ""},
                              codes = {1, 2, 1, ""}, anything = {0, 99, 0, ""};
    uint32_t seen[3] = {0}, counted[4] = {0};
    (void)state;
    for (uint64_t n = 0; n < 2000; n++) {
        struct source_random armed, plain;
        source_random_start(&armed, 3, "faults", n);
        source_random_start(&plain, 3, "faults", n);
        source_random_arm(&armed, &sites);
        int64_t count = ask_kind(&armed.source, &counts, CHOICE_FAULT);
        assert_in_range(count, 1, 2);
        counted[count]++;
        for (; count > 0; count--) {
            struct site site = {0};
            site.operation = (uint16_t)ask_kind(&armed.source, &fields, CHOICE_FAULT);
            site.role = (uint8_t)ask_kind(&armed.source, &fields, CHOICE_FAULT);
            site.step = (uint8_t)ask_kind(&armed.source, &fields, CHOICE_FAULT);
            site.occurrence = (uint32_t)ask_kind(&armed.source, &fields, CHOICE_FAULT);
            assert_in_range(ask_kind(&armed.source, &codes, CHOICE_FAULT), 1, 2);
            assert_in_range(ask_kind(&armed.source, &counts, CHOICE_FAULT), 0, 3);
            uint32_t i = 0;
            while (i < sites.count && memcmp(&sites.at[i], &site, sizeof site) != 0)
                i++;
            assert_in_range(i, 0, 2);
            seen[i]++;
        }
        assert_int_equal(ask(&armed.source, &anything), ask(&plain.source, &anything));
    }
    for (size_t i = 0; i < ROWS(seen); i++)
        assert_true(seen[i] > 500);
    assert_true(counted[1] > 1000 && counted[2] > 300);
}

/* --- Replay ------------------------------------------------------------------------------------
 */

static void draws_all_ranges(struct run *run, const void *subject)
{
    (void)subject;
    for (size_t i = 0; i < ROWS(ranges); i++)
        draw(run, ranges[i].lo, ranges[i].hi, ranges[i].origin);
    CHECK(run, true, "%s", "");
}

static void replay_draws_the_same(void **state)
{
    static struct choices before, relative;
    (void)state;
    for (uint64_t n = 0; n < 5000; n++) {
        struct source_random random;
        struct source_replay replay;
        source_random_start(&random, 11, "replay", n);
        run_body(draws_all_ranges, NULL, &random.source);
        memcpy(&before, &drawn, sizeof before);
        memcpy(&relative, &drawn, sizeof relative);
        for (uint32_t i = 0; i < relative.count; i++)
            relative.at[i].value =
                (int64_t)((uint64_t)relative.at[i].value - (uint64_t)relative.at[i].origin);
        source_replay_start(&replay, before.at, before.count, false);
        run_body(draws_all_ranges, NULL, &replay.source);
        assert_int_equal(choices_compare(&before, &drawn), 0);
        assert_int_equal(replay.drifted_at, -1);
        source_replay_start(&replay, relative.at, choices_significant(&before), true);
        run_body(draws_all_ranges, NULL, &replay.source);
        assert_int_equal(choices_compare(&before, &drawn), 0);
        assert_int_equal(replay.drifted_at, -1);
    }
}

static void replay_notices_what_does_not_fit(void **state)
{
    static const struct choice values[] = {{.value = 3}, {.value = 11}, {.value = -4}};
    static const struct range digits = {0, 9, 5, ""};
    struct source_replay replay;
    (void)state;
    source_replay_start(&replay, values, 3, false);
    assert_int_equal(ask(&replay.source, &digits), 3);
    assert_int_equal(replay.drifted_at, -1);
    ask(&replay.source, &digits);
    assert_int_equal(replay.drifted_at, 1);
    ask(&replay.source, &digits);
    assert_int_equal(replay.drifted_at, 1);            /* the first is what is told */
    assert_int_equal(ask(&replay.source, &digits), 5); /* behind the end: origins */
    source_replay_start(&replay, values, 3, true);
    assert_int_equal(ask(&replay.source, &digits), 8); /* 3 from the origin */
    assert_int_equal(replay.drifted_at, -1);
}

/* --- Bytes -------------------------------------------------------------------------------------
 */

static void bytes_stay_within_bounds(void **state)
{
    uint64_t seed = 1;
    (void)state;
    for (int n = 0; n < 20000; n++) {
        uint8_t data[64];
        size_t size = (size_t)(random_next(&seed) % sizeof data);
        struct source_bytes bytes;
        for (size_t i = 0; i < size; i++)
            data[i] = n % 3 == 0 ? 0xff : (uint8_t)random_next(&seed);
        source_bytes_start(&bytes, data, size, n & 1);
        for (size_t i = 0; i < ROWS(ranges); i++) {
            int64_t value = ask_kind(&bytes.source, &ranges[i], (enum choice_kind)(i % 3));
            assert_true(value >= ranges[i].lo && value <= ranges[i].hi);
        }
    }
}

static void zero_bytes_are_origins(void **state)
{
    static const uint8_t zeros[8 * ROWS(ranges)];
    struct source_bytes bytes, none;
    (void)state;
    source_bytes_start(&bytes, zeros, sizeof zeros, true);
    source_bytes_start(&none, NULL, 0, true);
    for (size_t i = 0; i < ROWS(ranges); i++) {
        assert_int_equal(ask(&bytes.source, &ranges[i]), ranges[i].origin);
        assert_int_equal(ask(&none.source, &ranges[i]), ranges[i].origin);
    }
}

/* The number of bytes depends on the range alone: a changed byte moves nothing behind it. */
static void bytes_have_a_fixed_width(void **state)
{
    uint64_t seed = 2;
    (void)state;
    for (size_t i = 0; i < ROWS(ranges); i++)
        for (int n = 0; n < 200; n++) {
            uint8_t data[16];
            struct source_bytes bytes;
            for (size_t j = 0; j < sizeof data; j++)
                data[j] = (uint8_t)random_next(&seed);
            source_bytes_start(&bytes, data, sizeof data, false);
            ask(&bytes.source, &ranges[i]);
            uint64_t width = (uint64_t)ranges[i].hi - (uint64_t)ranges[i].lo;
            assert_int_equal(bytes.used, width == 0 ? 0 : width > UINT32_MAX ? 8 : 4);
        }
}

static void bytes_reach_every_value(void **state)
{
    static const struct range digits = {-3, 9, 5, ""};
    bool seen[13] = {false};
    (void)state;
    for (uint8_t byte = 0; byte < 13; byte++) {
        const uint8_t data[4] = {byte};
        struct source_bytes bytes;
        source_bytes_start(&bytes, data, sizeof data, false);
        seen[ask(&bytes.source, &digits) + 3] = true;
    }
    for (int i = 0; i < 13; i++)
        assert_true(seen[i]);
}

static void bytes_arm_faults_only_when_asked(void **state)
{
    static const uint8_t data[8] = {2, 0, 0, 0, 3, 0, 0, 0};
    static const struct range faults = {0, 3, 0, ""};
    struct source_bytes bytes;
    (void)state;
    source_bytes_start(&bytes, data, sizeof data, false);
    assert_int_equal(ask_kind(&bytes.source, &faults, CHOICE_FAULT), 0);
    assert_int_equal(bytes.used, 0);
    assert_int_equal(ask(&bytes.source, &faults), 2);
    source_bytes_start(&bytes, data, sizeof data, true);
    assert_int_equal(ask_kind(&bytes.source, &faults, CHOICE_FAULT), 2);
    assert_int_equal(ask_kind(&bytes.source, &faults, CHOICE_FAULT), 3);
}

/* A last choice of which only some bytes are there reads zeros for the others. */
static void cut_bytes_are_padded(void **state)
{
    static const struct range wide = {0, UINT32_MAX, 0, ""};
    uint8_t *data = malloc(3); /* of exactly that size, for sanitizers */
    struct source_bytes bytes;
    (void)state;
    assert_non_null(data);
    memcpy(data, "\x01\x02\x03", 3);
    source_bytes_start(&bytes, data, 3, false);
    assert_int_equal(ask(&bytes.source, &wide), 0x030201);
    assert_int_equal(ask(&bytes.source, &wide), 0);
    free(data);
}

/* Bytes made of choices draw them again: those of every range, at random, at its ends and at its
 * origin, and without the faults when these are not armed. */
static void bytes_of_choices_draw_them_again(void **state)
{
    static struct choices before;
    static uint8_t bytes[BYTES_OF_CHOICE_MAX * CHOICES_MAX];
    (void)state;
    for (uint64_t n = 0; n < 5000; n++) {
        bool arm_faults = n & 1;
        struct source_random random;
        struct source_bytes decoded;
        source_random_start(&random, 13, "bytes", n);
        before.count = 0;
        for (uint32_t i = 0; i < 3 * ROWS(ranges); i++) {
            const struct range *range = &ranges[i % ROWS(ranges)];
            struct choice choice = {0, range->lo, range->hi, range->origin, i % 3};
            struct choice free_choice = {0, range->lo, range->hi, range->origin, CHOICE_CASE};
            choice.value = n < 2   ? range->lo
                           : n < 4 ? range->hi
                           : n < 6 ? range->origin
                                   : random.source.next(&random.source, &free_choice);
            before.at[before.count++] = choice;
        }
        size_t size = bytes_of_choices(&before, arm_faults, bytes);
        source_bytes_start(&decoded, bytes, size, arm_faults);
        for (uint32_t i = 0; i < before.count; i++) {
            const struct choice *choice = &before.at[i];
            bool left_out = choice->kind == CHOICE_FAULT && !arm_faults;
            assert_int_equal(decoded.source.next(&decoded.source, choice),
                             left_out ? choice->origin : choice->value);
        }
        assert_int_equal(decoded.used, size);
    }
}

/* --- Origin ------------------------------------------------------------------------------------
 */

static void origin_gives_seed_and_plan(void **state)
{
    static const int64_t plan[] = {1, 4};
    static const struct range digits = {0, 9, 5, ""};
    struct source_origin origin;
    (void)state;
    source_origin_start(&origin, 77, plan, 2);
    assert_int_equal(ask_kind(&origin.source, &digits, CHOICE_ENTROPY), 77);
    assert_int_equal(ask_kind(&origin.source, &digits, CHOICE_FAULT), 1);
    assert_int_equal(ask(&origin.source, &digits), 5);
    assert_int_equal(ask_kind(&origin.source, &digits, CHOICE_FAULT), 4);
    assert_int_equal(ask_kind(&origin.source, &digits, CHOICE_FAULT), 5); /* the plan is used up */
}

/* Whatever a source proposes, what is drawn is within bounds. */
static int64_t proposes_nonsense(struct source *source, const struct choice *asked)
{
    (void)source;
    return asked->hi % 2 ? INT64_MIN : INT64_MAX;
}

static void draws_are_brought_into_bounds(void **state)
{
    struct source nonsense = {proposes_nonsense};
    (void)state;
    assert_int_equal(run_body(draws_all_ranges, NULL, &nonsense), VERDICT_PASS);
    assert_int_equal(drawn.count, 2 + ROWS(ranges));
    for (uint32_t i = 0; i < drawn.count; i++)
        assert_true(drawn.at[i].value >= drawn.at[i].lo && drawn.at[i].value <= drawn.at[i].hi);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_repeats_case_by_case),
        cmocka_unit_test(random_cases_are_distinct),
        cmocka_unit_test(random_stays_within_bounds),
        cmocka_unit_test(random_likes_ends_and_origins),
        cmocka_unit_test(random_draws_every_magnitude),
        cmocka_unit_test(random_arms_no_fault),
        cmocka_unit_test(random_plans_at_sites),
        cmocka_unit_test(replay_draws_the_same),
        cmocka_unit_test(replay_notices_what_does_not_fit),
        cmocka_unit_test(bytes_stay_within_bounds),
        cmocka_unit_test(zero_bytes_are_origins),
        cmocka_unit_test(bytes_have_a_fixed_width),
        cmocka_unit_test(bytes_reach_every_value),
        cmocka_unit_test(bytes_arm_faults_only_when_asked),
        cmocka_unit_test(cut_bytes_are_padded),
        cmocka_unit_test(bytes_of_choices_draw_them_again),
        cmocka_unit_test(origin_gives_seed_and_plan),
        cmocka_unit_test(draws_are_brought_into_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
