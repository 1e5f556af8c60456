/* SPDX-License-Identifier: Apache-2.0
 *
 * cmocka's view of the cases. cmocka cuts messages at 1 KiB and keeps them out of its XML, so the
 * whole story goes to stderr first and the test fails with its summary; it returns the number of
 * failures, which a shell would take modulo 256, and 0 when a filter matches nothing: both are put
 * right here.
 */
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faults/faults.h"
#include "harness/run/bridge.h"
#include "harness/run/regressions.h"

#define TESTS_MAX 512

struct bridged {
    const char *target, *name;
    const struct regressions *regressions;
};

static void case_test(void **state)
{
    const struct bridged *bridged = *state;
    const struct settings settings = {.seed = 1,
                                      .runs = 100,
                                      .techniques = (1u << TECHNIQUES) - 1,
                                      .case_glob = bridged->name,
                                      .regressions = bridged->regressions,
                                      .hang_seconds = HANG_SECONDS};
    struct check check;
    char message[900] = "";
    check_target(bridged->target, &settings, NULL, &check);
    for (const struct finding *finding = check.findings.first; finding; finding = finding->next) {
        fprintf(stderr, "%s by %s\n%s%s\nassay replay %s\n", finding->test_case->name,
                technique_name(finding->technique), finding->outcome.story,
                finding->outcome.message, finding->token);
        snprintf(message, sizeof message, "%s: %.500s", verdict_name(finding->outcome.verdict),
                 finding->outcome.message);
    }
    bool supported = false;
    for (uint32_t i = 0; i < check.result_count; i++)
        supported |= check.results[i].verdict != VERDICT_UNSUPPORTED;
    enum exit_code exit_code = check.exit_code;
    if (exit_code != EXIT_GREEN && !message[0])
        snprintf(message, sizeof message, "exit %d: %.400s", exit_code,
                 check.message[0]     ? check.message
                 : check.result_count ? check.results[check.result_count - 1].message
                                      : "");
    bool judged = check.result_count > 0;
    check_done(&check);
    if (judged && !supported)
        skip();
    if (exit_code != EXIT_GREEN)
        fail_msg("%s", message);
}

int bridge_run(const char *target, const char *glob)
{
    static struct CMUnitTest tests[TESTS_MAX];
    static struct bridged bridged[TESTS_MAX];
    struct regressions regressions;
    size_t count = 0;
    edge_install(&fault_catalogue);
    regressions_read(NULL, &regressions);
    for (uint32_t i = 0; all_cases[i] && count < TESTS_MAX; i++) {
        if (glob && fnmatch(glob, all_cases[i]->name, 0) != 0)
            continue;
        bridged[count] = (struct bridged){target, all_cases[i]->name, &regressions};
        tests[count] =
            (struct CMUnitTest){all_cases[i]->name, case_test, NULL, NULL, &bridged[count]};
        count++;
    }
    if (count == 0) {
        fprintf(stderr, "no case matches %s\n", glob);
        regressions_done(&regressions);
        return EXIT_USAGE;
    }
    int failed = _cmocka_run_group_tests(target, tests, count, NULL, NULL);
    regressions_done(&regressions);
    return failed == 0 ? EXIT_GREEN : EXIT_FINDING;
}
