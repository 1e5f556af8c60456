/* SPDX-License-Identifier: Apache-2.0
 *
 * Judges every mutant that it is linked with, once, by the quick tests: for the benchmark.
 */
#include <stdlib.h>

#include "coverage/mutate/tests/judge.h"

extern const struct assay_mutants assay_mutants;

int main(void)
{
    struct judge judge = {.mutants = &assay_mutants, .tests = judged_tests};
    uint32_t caught = 0;
    for (uint32_t i = 0; i < judged_test_count; i++)
        if (judged_tests[i].is_quick)
            judged_tests[judge.test_count++] = judged_tests[i];
    if (!judge_begin(&judge))
        return EXIT_FAILURE;
    for (uint32_t i = 0; i < assay_mutants.count; i++)
        caught += is_caught(judge_mutant(&judge, i));
    judge_done(&judge);
    return caught > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
