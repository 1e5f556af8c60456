/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows what a trace of answers tells: subjects that answer alike are alike however they were fed,
 * one that answers otherwise in one run is seen, and subjects that went on for different lengths of
 * time are compared as far as both went. A row is two subjects and what is told of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "harness/engine/engine.h"

#define NEVER UINT64_MAX

/* So many runs, one of which (from 0) is answered otherwise. */
struct subject {
    uint64_t runs, other;
};

static struct answers drive(struct subject subject)
{
    struct answers answers = {0};
    for (uint64_t i = 0; i < subject.runs; i++) {
        answers_add(&answers, "answer", 6);
        answers_add(&answers, i == subject.other ? "b" : "a", 1);
        answers_end(&answers);
    }
    return answers;
}

static const struct row {
    struct subject before, after;
    bool differ;
    const char *why;
} rows[] = {
    {{0, NEVER}, {0, NEVER}, false, "nothing was answered"},
    {{1, NEVER}, {1, NEVER}, false, "one run, alike"},
    {{1, NEVER}, {1, 0}, true, "one run, another answer"},
    {{100, NEVER}, {100, NEVER}, false, "many runs, alike"},
    {{100, NEVER}, {100, 99}, true, "the last run, of as many"},
    {{100, NEVER}, {100, 3}, true, "an early one"},
    {{100, 7}, {100, 7}, false, "the same other answer"},
    {{100, NEVER}, {50, NEVER}, false, "half as long, alike as far as both went"},
    {{100, NEVER}, {50, 20}, true, "half as long, other before the last mark"},
    {{100, NEVER}, {50, 40}, false, "half as long, other behind the last mark: not compared"},
    {{0, NEVER}, {50, 0}, false, "one was not driven at all"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct answers before = drive(rows[i].before), after = drive(rows[i].after);
        if (answers_differ(&before, &after) != rows[i].differ ||
            answers_differ(&after, &before) != rows[i].differ)
            fail_msg("%s", rows[i].why);
    }
}

/* How an answer is cut into pieces does not matter; where a run ends does. */
static void test_pieces(void **state)
{
    struct answers whole = {0}, pieces = {0}, other = {0};
    (void)state;
    answers_add(&whole, "abc", 3);
    answers_end(&whole);
    answers_add(&pieces, "a", 1);
    answers_add(&pieces, "bc", 2);
    answers_end(&pieces);
    assert_false(answers_differ(&whole, &pieces));
    answers_add(&other, "ab", 2);
    answers_end(&other);
    answers_add(&other, "c", 1);
    answers_end(&other);
    assert_true(answers_differ(&whole, &other));
}

static void test_marks(void **state)
{
    static const struct {
        uint64_t runs;
        uint32_t marks;
    } counts[] = {{0, 0}, {1, 1}, {2, 2}, {3, 2}, {4, 3}, {1000, 10}};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct answers answers = drive((struct subject){counts[i].runs, NEVER});
        assert_int_equal(answers_marks(&answers), counts[i].marks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_pieces),
                                       cmocka_unit_test(test_marks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
