/* SPDX-License-Identifier: Apache-2.0
 *
 * The unit tests of the codec, to be called one by one: outside a group of cmocka, a failed
 * assertion ends the process. The file of the tests is included, since they are static there; its
 * main() becomes another function that nobody calls.
 */
#define main judged_main
#include "targets/reference/tests/phc_test.c"
#undef main

#include "coverage/mutate/tests/judge.h"

/* The sweep of changed bytes tries some ten thousand strings. Without the test that draws random
 * bytes: fates must be the same in two runs. */
struct judged_test judged_tests[] = {
    {.run = accepts_every_canonical_string, .is_quick = true},
    {.run = reads_the_fields, .is_quick = true},
    {.run = refuses_everything_else, .is_quick = true},
    {.run = refuses_every_proper_prefix, .is_quick = true},
    {.run = phc_08_accepts_no_second_form_of_a_value},
    {.run = encodes_only_what_it_decodes, .is_quick = true},
};
const uint32_t judged_test_count = sizeof judged_tests / sizeof *judged_tests;

int judged_run_all(void)
{
    for (uint32_t i = 0; i < judged_test_count; i++)
        judged_tests[i].run(&(void *){NULL});
    return EXIT_SUCCESS;
}
