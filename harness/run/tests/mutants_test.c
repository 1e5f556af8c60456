/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows how the texts around mutants are read: what git says has changed, what is suppressed, what
 * a run has kept, and what became of a mutant. All of them come from outside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faults/faults.h"
#include "harness/run/changes.h"
#include "harness/run/mutants.h"
#include "harness/run/suppressions.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

#define HEAD "diff --git a/x.c b/x.c\nindex 1..2 100644\n--- a/x.c\n+++ b/x.c\n"

static void changed_lines_are_read(void **state)
{
    static const struct {
        const char *diff, *file;
        uint32_t line;
        bool changed;
        const char *why;
    } rows[] = {
        {HEAD "@@ -5 +5 @@ f\n-a\n+b\n", "x.c", 5, true, "one line"},
        {HEAD "@@ -5 +5 @@ f\n-a\n+b\n", "x.c", 4, false, "the line before it"},
        {HEAD "@@ -5 +5 @@ f\n-a\n+b\n", "x.c", 6, false, "the line behind it"},
        {HEAD "@@ -5 +5 @@ f\n-a\n+b\n", "sub/x.c", 5, false, "another file of that name"},
        {HEAD "@@ -5,2 +7,3 @@\n-a\n-b\n+a\n+b\n+c\n", "x.c", 9, true, "the last of three"},
        {HEAD "@@ -5,2 +7,3 @@\n-a\n-b\n+a\n+b\n+c\n", "x.c", 10, false, "behind the three"},
        {HEAD "@@ -5,2 +4,0 @@\n-a\n-b\n", "x.c", 4, false, "only removed"},
        {HEAD "@@ -5,0 +6 @@\n+a\n", "x.c", 6, true, "only added"},
        {HEAD "@@ -1 +1 @@\n-a\n+b\n@@ -9 +9 @@\n-a\n+b\n", "x.c", 9, true, "the second place"},
        {"--- a/x.c\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n", "x.c", 1, false,
         "a file that is gone"},
        {HEAD "@@ -1,2 +1,2 @@\n--- a/y.c\n-a\n+++ b/y.c\n+@@ -7 +7 @@\n@@ -9 +9 @@\n-a\n+b\n",
         "x.c", 9, true, "content that looks like a head is counted over"},
        {HEAD "@@ -1,2 +1,2 @@\n--- a/y.c\n-a\n+++ b/y.c\n+@@ -7 +7 @@\n", "x.c", 7, false,
         "and is no hunk"},
        {"", "x.c", 1, false, "nothing has changed"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct changed_lines changes;
        char message[MODULE_MESSAGE_BYTES] = "", empty[] = "\n";
        const char *text = *rows[i].diff ? rows[i].diff : empty;
        FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
        assert_non_null(file);
        assert_true(changes_read(file, &changes, message));
        if (changes_have(&changes, rows[i].file, rows[i].line) != rows[i].changed)
            fail_msg("%s", rows[i].why);
        changes_done(&changes);
        fclose(file);
    }
}

static void broken_differences_are_refused(void **state)
{
    static const char *const rows[] = {HEAD "@@ -5 @@\n", HEAD "@@ -5 +x @@\n"};
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct changed_lines changes;
        char message[MODULE_MESSAGE_BYTES] = "";
        FILE *file = fmemopen((void *)(uintptr_t)rows[i], strlen(rows[i]), "r");
        assert_non_null(file);
        if (changes_read(file, &changes, message) || !message[0])
            fail_msg("row %zu is believed", i);
        fclose(file);
    }
}

#define KEY     "[00000000000000a3]\n"
#define REASON  "reason = because\n"
#define EXPIRES "expires = 2026-06-15\n"

static void suppressions_are_read(void **state)
{
    static const struct {
        const char *text;
        uint32_t count;
        const char *problem, *why;
    } rows[] = {
        {"", 0, "", "nothing is suppressed"},
        {"# a comment\n; another\n\n", 0, "", "nothing but comments"},
        {KEY REASON EXPIRES, 1, "", "one"},
        {KEY REASON EXPIRES "[00000000000000a4]\n" REASON EXPIRES, 2, "", "two"},
        {KEY REASON "expires = 2026-06-14\n", 1, "f:1: the suppression has expired: 2026-06-14",
         "yesterday was its last day"},
        {KEY REASON, 1, "f:1: expires is no day such as 2027-12-31", "for ever"},
        {KEY EXPIRES, 1, "f:1: a reason is missing", "without a reason"},
        {KEY REASON EXPIRES KEY REASON EXPIRES, 1,
         "f:4: this mutant is suppressed above already: 00000000000000a3", "twice"},
        {"[a3]\n" REASON EXPIRES, 0, "f:1: this is no key of sixteen hexadecimal digits: a3",
         "short"},
        {"[00000000000000A3]\n", 0,
         "f:1: this is no key of sixteen hexadecimal digits: 00000000000000A3",
         "another way to write it"},
        {REASON, 0, "f:1: this stands before the first [key]: reason", "before any key"},
        {KEY "raison = x\n", 1, "f:2: there is no key raison", "a word that does not exist"},
        {KEY "expires = 2026-06-155\n", 1, "f:2: too long: expires", "too long for a day"},
        {KEY "nonsense\n", 1, "f:2: this is neither a [key] nor key = value: nonsense", "no value"},
    };
    static struct suppressions list;
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        suppressions_read("f", rows[i].text, "2026-06-15", &list);
        if (list.count != rows[i].count || strcmp(list.problem, rows[i].problem) != 0)
            fail_msg("%s: %u, \"%s\"", rows[i].why, list.count, list.problem);
    }
    suppressions_read("f", KEY REASON EXPIRES, "2026-06-15", &list);
    assert_non_null(suppression_of(&list, 0xa3));
    assert_null(suppression_of(&list, 0xa4));
}

/* What a child writes there is not trusted: a row is a head, and whether it is believed. */
static void kept_runs_are_checked(void **state)
{
    static const struct {
        uint32_t bytes, count, token_size;
        bool sound;
        const char *why;
    } rows[] = {
        {16 + 8 + 4, 2, 4, true, "two mutants and a token"},
        {16 + 8 + 4, 2, 3, false, "a token without its end"},
        {16 + 8 + 4, 2, 5, false, "a token behind the end"},
        {16 + 8 + 4, 3, 4, false, "mutants behind the end"},
        {16 + 8 + 4, UINT32_MAX, 4, false, "more mutants than there can be"},
        {16 + 8 + 4, 2, 0, false, "no token"},
        {15, 2, 4, false, "not even a head"},
        {0, 2, 4, false, "nothing"},
        {UINT32_MAX, 2, 4, true, "a size behind the end is cut"},
    };
    struct mutant_table *table = mutant_table_new();
    (void)state;
    assert_non_null(table);
    for (size_t i = 0; i < ROWS(rows); i++) {
        const uint32_t head[] = {7, 0, rows[i].count, rows[i].token_size, 5, 6};
        struct kept_run kept;
        uint32_t at = 0;
        memcpy(table->kept, head, sizeof head);
        memcpy(table->kept + sizeof head, "abc", 4);
        table->kept_bytes = rows[i].bytes;
        if (kept_next(table, &at, &kept) != rows[i].sound)
            fail_msg("%s", rows[i].why);
        if (rows[i].sound) {
            assert_int_equal(kept.work, 7);
            assert_string_equal(kept.token, "abc");
            assert_int_equal(kept_mutant(&kept, 0), 5);
            assert_int_equal(kept_mutant(&kept, 1), 6);
        }
    }
    mutant_table_free(table);
}

/* What is written of a mutant reads back as it was; each member may be missing or wrong. */
static void fates_are_checked(void **state)
{
    static const char *const members[] = {"key",  "state",      "cells",    "skipped",
                                          "runs", "reached_by", "killed_by"};
    struct judged_mutant mutants[1] = {{.what = {.key = 0xa3, .operator_name = "constant"},
                                        .selected = true,
                                        .judged = true,
                                        .state = MUTANT_KILLED,
                                        .cells = 3,
                                        .runs = 17,
                                        .technique = TECHNIQUE_FAULT,
                                        .test_case = all_cases[0],
                                        .verdict = VERDICT_HANG,
                                        .endless = true,
                                        .why = "why"}};
    struct mutation mutation = {.mutants = mutants, .count = 1};
    json_t *object = json_of_mutant(mutants);
    struct judged_mutant before = *mutants;
    (void)state;
    assert_null(mutant_of_json(object, &mutation)); /* it is judged already */
    mutants[0] = (struct judged_mutant){.what = before.what, .selected = true};
    for (size_t i = 0; i < ROWS(members); i++) {
        json_t *less = json_copy(object);
        json_object_del(less, members[i]);
        if (mutant_of_json(less, &mutation))
            fail_msg("without %s", members[i]);
        json_object_set_new(less, members[i], json_integer(-1));
        if (mutant_of_json(less, &mutation))
            fail_msg("%s is -1", members[i]);
        json_decref(less);
    }
    assert_ptr_equal(mutant_of_json(object, &mutation), mutants);
    assert_memory_equal(&mutants[0], &before, sizeof before);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_lines_are_read), cmocka_unit_test(broken_differences_are_refused),
        cmocka_unit_test(suppressions_are_read),  cmocka_unit_test(kept_runs_are_checked),
        cmocka_unit_test(fates_are_checked),
    };
    edge_install(&fault_catalogue);
    return cmocka_run_group_tests_name("mutants", tests, NULL, NULL);
}
