/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that every case of the list can be found, named in a token and understood: names are unique
 * and have the form theme.property, each says what it shows and stands for, and is driven by some
 * technique. Foreign names are not found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cases/cases.h"

#define FOREACH_CASE(i) for (uint32_t i = 0; all_cases[i]; i++)

static void names_have_the_form_of_names(void **state)
{
    (void)state;
    assert_non_null(all_cases[0]);
    FOREACH_CASE(i)
    {
        const char *name = all_cases[i]->name, *dot = strchr(name, '.');
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_."), strlen(name));
        assert_true(strlen(name) < NAME_BYTES_MAX);
        if (!dot || dot == name || dot[1] == 0 || strchr(dot + 1, '.'))
            fail_msg("%s is not theme.property", name);
    }
}

static void names_are_unique(void **state)
{
    (void)state;
    FOREACH_CASE(i)
    for (uint32_t j = 0; j < i; j++)
        assert_string_not_equal(all_cases[i]->name, all_cases[j]->name);
}

static void each_says_what_it_is_for(void **state)
{
    (void)state;
    FOREACH_CASE(i)
    {
        const struct test_case *test_case = all_cases[i];
        if (!test_case->shows || strlen(test_case->shows) < 10 || !test_case->stands_for ||
            strlen(test_case->stands_for) < 5)
            fail_msg("%s does not say what it shows or stands for", test_case->name);
        if (test_case->techniques == 0 || test_case->techniques >> TECHNIQUES != 0)
            fail_msg("%s is driven by no technique, or by one that does not exist",
                     test_case->name);
        assert_non_null(test_case->body);
    }
}

/* "A-6.3.1", "PHC-02": a source that is known, a dash, numbers with points between them. */
static bool is_requirement(const char *id, size_t size)
{
    static const char *const sources[] = {"A-", "N-", "O-", "P-", "PHC-", "R-", "X-"};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        size_t start = strlen(sources[i]);
        if (size > start && strncmp(id, sources[i], start) == 0 &&
            strspn(id + start, "0123456789.") >= size - start && id[start] != '.' &&
            id[size - 1] != '.')
            return true;
    }
    return false;
}

/* Ids with one space between them. */
static bool are_requirements(const char *text)
{
    for (;;) {
        size_t size = strcspn(text, " ");
        if (!is_requirement(text, size))
            return false;
        if (text[size] == 0)
            return true;
        text += size + 1;
    }
}

static void each_requirement_is_an_id(void **state)
{
    static const char *const wrong[] = {"",     " ",     "N",      "N-",     "N-13 ", " N-13",
                                        "Q-13", "N-13,", "A-6.3.", "A-.6.3", "N13",   "N-13  O-03"};
    (void)state;
    FOREACH_CASE(i)
    if (all_cases[i]->requirements && !are_requirements(all_cases[i]->requirements))
        fail_msg("%s: \"%s\" is no list of requirements", all_cases[i]->name,
                 all_cases[i]->requirements);
    assert_true(are_requirements("PHC-02 A-6.3.1"));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(are_requirements(wrong[i]));
}

static void each_is_found(void **state)
{
    static const char *const foreign[] = {"", ".", "accounts", "accounts.", "no.such"};
    uint32_t index = 0;
    (void)state;
    FOREACH_CASE(i)
    {
        assert_ptr_equal(case_find(all_cases[i]->name, &index), all_cases[i]);
        assert_int_equal(index, i);
    }
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        index = 77;
        assert_null(case_find(foreign[i], &index));
        assert_int_equal(index, 77); /* not written on failure */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_the_form_of_names),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(each_says_what_it_is_for),
        cmocka_unit_test(each_requirement_is_an_id),
        cmocka_unit_test(each_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
