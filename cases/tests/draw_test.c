/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that names and passwords are drawn within what a target declares, that neighbours are near
 * but mostly different, and that two texts are one exactly when the target declares it.
 *
 * Drawing is random over many traits and seeds; the simplest draw is known. Equality is a table of
 * pairs, each judged under all traits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cases/cases.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))
#define RUNS        3000

static struct choices drawn;
static struct outcome outcome;

static void begin(void *context, uint64_t entropy_seed)
{
    (void)context;
    (void)entropy_seed;
}

static void end(void *context)
{
    (void)context;
}

static enum verdict run_once(void (*body)(struct run *, const void *), const void *subject,
                             struct source *source)
{
    static const struct world world = {.begin = begin, .end = end};
    static struct run run;
    struct test_case test_case = {.name = "test.draw", .body = body};
    run = (struct run){.source = source, .choices = &drawn, .outcome = &outcome};
    return case_run(&run, &test_case, subject, &world);
}

/* --- Limits ------------------------------------------------------------------------------------
 */

static const struct {
    struct assay_traits traits;
    const char *why;
} limits[] = {
    {{0}, "no limits"},
    {{.password_bytes_min = 8, .password_bytes_max = 72, .name_bytes_max = 64}, "usual ones"},
    {{.password_bytes_min = 1, .password_bytes_max = 1, .name_bytes_max = 1}, "one byte"},
    {{.password_bytes_min = 15, .password_bytes_max = 15, .name_bytes_min = 3, .name_bytes_max = 3},
     "one length"},
    {{.password_bytes_max = 2, .name_bytes_max = 2}, "less than a wide character"},
    {{.password_bytes_min = 64, .password_bytes_max = 128, .name_bytes_min = 32}, "long ones"},
    {{.password_bytes_min = 23, .password_bytes_max = 25, .name_bytes_max = 24},
     "where repetition begins"},
    {{.password_bytes_max = 4096, .name_bytes_max = 4096}, "more than is ever drawn"},
    {{.password_bytes_min = 1000, .password_bytes_max = 1100, .name_bytes_min = 200}, "very long"},
};

static struct text last_password, last_name, last_neighbour;

static void draws_within(struct run *run, const void *subject)
{
    const struct assay_traits *traits = subject;
    draw_password(run, traits, &last_password);
    CHECK(run, within_password_limits(traits, &last_password), "%zu bytes", last_password.size);
    CHECK(run, last_password.size > 0 && last_password.size <= TEXT_BYTES_MAX, "%zu bytes",
          last_password.size);
    draw_name(run, traits, &last_name);
    CHECK(run, within_name_limits(traits, &last_name), "%zu bytes", last_name.size);
    CHECK(run, last_name.size > 0 && last_name.size <= TEXT_BYTES_MAX, "%zu bytes", last_name.size);
    struct assay_cost cost = draw_cost(run, traits);
    CHECK(run, cost.memory_kib >= traits->cost_min.memory_kib, "%u KiB", cost.memory_kib);
    CHECK(run, cost.passes >= traits->cost_min.passes, "%u passes", cost.passes);
}

static void texts_keep_declared_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(limits); i++) {
        struct source_origin origin;
        source_origin_start(&origin, 0, NULL, 0);
        assert_int_equal(run_once(draws_within, &limits[i].traits, &origin.source), VERDICT_PASS);
        for (size_t j = 0; j < last_password.size; j++)
            assert_int_equal(last_password.bytes[j], 'a');
        for (uint64_t n = 0; n < RUNS; n++) {
            struct source_random random;
            source_random_start(&random, i, "limits", n);
            if (run_once(draws_within, &limits[i].traits, &random.source) != VERDICT_PASS)
                fail_msg("%s: %s: %s, run %llu", limits[i].why, outcome.expression, outcome.message,
                         (unsigned long long)n);
        }
    }
}

/* Both limits are met, not only what lies between them. */
static void limits_are_reached(void **state)
{
    static const struct assay_traits traits = {.password_bytes_min = 8, .password_bytes_max = 72};
    uint32_t shortest = 0, longest = 0, high = 0, zero = 0;
    (void)state;
    for (uint64_t n = 0; n < RUNS; n++) {
        struct source_random random;
        source_random_start(&random, 1, "reached", n);
        run_once(draws_within, &traits, &random.source);
        shortest += last_password.size == 8;
        longest += last_password.size == 72;
        high += memchr(last_password.bytes, 0xc3, last_password.size) != NULL;
        zero += memchr(last_password.bytes, 0, last_password.size) != NULL;
    }
    assert_true(shortest > RUNS / 20 && longest > RUNS / 20);
    assert_true(high > 0 && zero > 0);
}

/* --- Neighbours --------------------------------------------------------------------------------
 */

static void draws_neighbour(struct run *run, const void *subject)
{
    const struct assay_traits *traits = subject;
    draw_password(run, traits, &last_password);
    draw_neighbour(run, &last_password, &last_neighbour);
    CHECK(run, last_neighbour.size <= last_password.size + 2, "%zu bytes of %zu",
          last_neighbour.size, last_password.size);
    CHECK(run, last_neighbour.size <= TEXT_BYTES_MAX, "%zu bytes", last_neighbour.size);
}

static void neighbours_are_near_and_mostly_different(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(limits); i++) {
        uint32_t equal = 0;
        for (uint64_t n = 0; n < RUNS; n++) {
            struct source_random random;
            source_random_start(&random, i, "neighbour", n);
            if (run_once(draws_neighbour, &limits[i].traits, &random.source) != VERDICT_PASS)
                fail_msg("%s: %s: %s", limits[i].why, outcome.expression, outcome.message);
            equal += same_password(&limits[i].traits, &last_password, &last_neighbour);
        }
        if (equal < RUNS / 20 || equal > RUNS / 3)
            fail_msg("%s: %u of %u are equal", limits[i].why, equal, RUNS);
    }
}

static struct text fixed;

static void draws_neighbour_of_fixed(struct run *run, const void *subject)
{
    (void)subject;
    draw_neighbour(run, &fixed, &last_neighbour);
}

/* Of texts of no byte, and of as many as there can be: nothing goes out of bounds. */
static void neighbours_of_extremes(void **state)
{
    static const size_t sizes[] = {0, 1, TEXT_BYTES_MAX - 2, TEXT_BYTES_MAX - 1, TEXT_BYTES_MAX};
    (void)state;
    for (size_t i = 0; i < ROWS(sizes); i++)
        for (uint64_t n = 0; n < RUNS; n++) {
            struct source_random random;
            source_random_start(&random, i, "extremes", n);
            fixed.size = sizes[i];
            memset(fixed.bytes, 'f', sizeof fixed.bytes);
            run_once(draws_neighbour_of_fixed, NULL, &random.source);
            assert_true(last_neighbour.size <= TEXT_BYTES_MAX);
        }
}

/* --- Equality ----------------------------------------------------------------------------------
 */

static struct text text_of(const char *bytes, size_t size)
{
    struct text text = {.size = size};
    memcpy(text.bytes, bytes, size);
    return text;
}

#define T(literal) literal, sizeof literal - 1
#define A71        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void passwords_are_one_as_declared(void **state)
{
    static const struct assay_traits as_is,
        opaque = {.password_normalisation = ASSAY_OPAQUE_STRING},
        bcrypt = {.password_bytes_significant = 72}, folding = {.names_fold_ascii_case = true};
    static const struct {
        const char *left;
        size_t left_size;
        const char *right;
        size_t right_size;
        bool as_is, opaque, bcrypt;
        const char *why;
    } rows[] = {
        {T("abc"), T("abc"), true, true, true, "equal bytes"},
        {T(""), T(""), true, true, true, "nothing"},
        {T("abc"), T("abd"), false, false, false, "another letter"},
        {T("abc"), T("abC"), false, false, false, "another case"},
        {T("abc"), T("abc "), false, false, false, "a space at the end"},
        {T("a\0b"), T("a\0c"), false, false, false, "behind a NUL"},
        {T("a"), T("a\0"), false, false, false, "a NUL at the end"},
        {T("\xc3\xa9"), T("e\xcc\x81"), false, true, false, "e acute, composed or not (NFC)"},
        {T("\xe2\x84\xab"), T("\xc3\x85"), false, true, false, "the sign of Angstrom"},
        {T("a\xc2\xa0z"), T("a z"), false, true, false, "a no-break space"},
        {T("a\xe3\x80\x80z"), T("a z"), false, true, false, "an ideographic space"},
        {T("a\xe2\x80\x83z"), T("a\xc2\xa0z"), false, true, false, "two spaces that are not ASCII"},
        {T("a\tz"), T("a z"), false, false, false, "a tab is a control character"},
        {T("\xef\xac\x81"), T("fi"), false, false, false, "a ligature: NFC is not NFKC"},
        {T("\xc3\x9f"), T("ss"), false, false, false, "sharp s: nothing is folded"},
        {T("\xe1\xba\x9b\xcc\xa3"), T("\xe1\xb9\xa9"), false, false, false,
         "long s with two dots: only NFKC equates it"},
        {T("q\xcc\x87\xcc\xa3"), T("q\xcc\xa3\xcc\x87"), false, true, false, "marks in any order"},
        {T("\xea\xb0\x80"), T("\xe1\x84\x80\xe1\x85\xa1"), false, true, false, "Hangul"},
        {T("\xff\xc3\xa9"),
         T("\xff"
           "e\xcc\x81"),
         false, false, false, "not UTF-8: bytes as they are"},
        {T("\xed\xa0\x80 "), T("\xed\xa0\x80\xc2\xa0"), false, false, false,
         "a surrogate is not UTF-8"},
        {T(A71 "b"), T(A71 "bX"), false, false, true, "the 73rd byte"},
        {T(A71 "b"), T(A71 "c"), false, false, false, "the 72nd byte"},
        {T(A71), T(A71 "b"), false, false, false, "71 and 72 bytes"},
        {T(A71 "bX"), T(A71 "bYZ"), false, false, true, "both longer"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text left = text_of(rows[i].left, rows[i].left_size),
                    right = text_of(rows[i].right, rows[i].right_size);
        if (same_password(&as_is, &left, &right) != rows[i].as_is ||
            same_password(&opaque, &left, &right) != rows[i].opaque ||
            same_password(&bcrypt, &left, &right) != rows[i].bcrypt ||
            same_password(&folding, &left, &right) != rows[i].as_is)
            fail_msg("%s", rows[i].why);
        assert_int_equal(same_password(&opaque, &right, &left), rows[i].opaque);
        assert_int_equal(same_password(&bcrypt, &right, &left), rows[i].bcrypt);
        assert_true(same_password(&opaque, &left, &left));
    }
}

static void names_are_one_as_declared(void **state)
{
    static const struct assay_traits as_is,
        folding = {.names_fold_ascii_case = true},
        opaque = {.name_normalisation = ASSAY_OPAQUE_STRING},
        bcrypt = {.password_bytes_significant = 3, .password_normalisation = ASSAY_OPAQUE_STRING};
    static const struct {
        const char *left, *right;
        bool as_is, folding, opaque;
        const char *why;
    } rows[] = {
        {"bob", "bob", true, true, true, "equal"},
        {"bob", "Bob", false, true, false, "case"},
        {"BOB", "bob", false, true, false, "case of all"},
        {"bob@[`{", "BOB@[`{", false, true, false, "what surrounds the letters stays"},
        {"a@b", "a`b", false, false, false, "one bit apart, but no letters"},
        {"\xc3\xa9", "\xc3\x89", false, false, false, "case of what is not ASCII"},
        {"\xc3\xa9", "e\xcc\x81", false, false, true, "composed or not"},
        {"bob", "bob ", false, false, false, "a space"},
        {"bob",
         "b\xd0\xbe"
         "b",
         false, false, false, "a Cyrillic letter that looks the same"},
        {"7", "07", false, false, false, "numbers"},
        {"bobby", "bobbie", false, false, false, "only passwords have insignificant bytes"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text left = text_of(rows[i].left, strlen(rows[i].left)),
                    right = text_of(rows[i].right, strlen(rows[i].right));
        if (same_name(&as_is, &left, &right) != rows[i].as_is ||
            same_name(&folding, &left, &right) != rows[i].folding ||
            same_name(&opaque, &left, &right) != rows[i].opaque ||
            same_name(&bcrypt, &left, &right) != rows[i].as_is)
            fail_msg("%s", rows[i].why);
        assert_int_equal(same_name(&folding, &right, &left), rows[i].folding);
    }
}

/* A text of the greatest size goes through normalisation, whatever it consists of. */
static void long_texts_are_compared(void **state)
{
    static const struct assay_traits opaque = {.password_normalisation = ASSAY_OPAQUE_STRING};
    static const char *const stretches[] = {"a", "\xc2\xa0", "e\xcc\x81", "\xf0\x9f\x94\x91",
                                            "\xff"};
    static struct text left, right;
    (void)state;
    for (size_t i = 0; i < ROWS(stretches); i++) {
        size_t size = strlen(stretches[i]);
        for (left.size = 0; left.size + size <= TEXT_BYTES_MAX; left.size += size)
            memcpy(left.bytes + left.size, stretches[i], size);
        right = left;
        assert_true(same_password(&opaque, &left, &right));
        right.bytes[0] = 'b';
        assert_false(same_password(&opaque, &left, &right));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_keep_declared_limits),
        cmocka_unit_test(limits_are_reached),
        cmocka_unit_test(neighbours_are_near_and_mostly_different),
        cmocka_unit_test(neighbours_of_extremes),
        cmocka_unit_test(passwords_are_one_as_declared),
        cmocka_unit_test(names_are_one_as_declared),
        cmocka_unit_test(long_texts_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
