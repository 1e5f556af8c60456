/* SPDX-License-Identifier: Apache-2.0
 *
 * What became of a run in which something was made to fail.
 *
 * The verdict of a run says whether it was green; its consequence says in which way. It follows
 * from the outcome alone: how the process ended, which check failed and what that check is evidence
 * of, whether every planned fault struck, and whether the subject said that something failed.
 *
 * Not told apart: which of several failed checks would have been the graver, since a run ends with
 * its first one.
 */
#include <string.h>

#include "harness/engine/engine.h"

const char *consequence_name(enum consequence consequence)
{
    static const char *const names[CONSEQUENCES] = {[CONSEQUENCE_HANDLED] = "handled",
                                                    [CONSEQUENCE_TOLERATED] = "tolerated",
                                                    [CONSEQUENCE_WRONG_ANSWER] = "wrong_answer",
                                                    [CONSEQUENCE_FAIL_OPEN] = "fail_open",
                                                    [CONSEQUENCE_LOST] = "lost",
                                                    [CONSEQUENCE_TORN] = "torn",
                                                    [CONSEQUENCE_STUCK] = "stuck",
                                                    [CONSEQUENCE_MISATTRIBUTED] = "misattributed",
                                                    [CONSEQUENCE_LEAK] = "leak",
                                                    [CONSEQUENCE_CRASH] = "crash",
                                                    [CONSEQUENCE_HANG] = "hang",
                                                    [CONSEQUENCE_NOT_REACHED] = "not_reached"};
    return names[consequence];
}

enum consequence consequence_of(const struct outcome *outcome)
{
    uint32_t planned = (1u << outcome->plan.count) - 1;
    if (outcome->verdict == VERDICT_CRASH)
        return CONSEQUENCE_CRASH;
    if (outcome->verdict == VERDICT_HANG)
        return CONSEQUENCE_HANG;
    if (outcome->verdict == VERDICT_FAIL)
        return outcome->evidence > CONSEQUENCE_TOLERATED ? outcome->evidence
                                                         : CONSEQUENCE_WRONG_ANSWER;
    if ((outcome->faults_fired & planned) != planned)
        return CONSEQUENCE_NOT_REACHED;
    return outcome->report_count > 0 ? CONSEQUENCE_HANDLED : CONSEQUENCE_TOLERATED;
}

void report_failure(struct run *run, struct report report)
{
    struct outcome *outcome = run->outcome;
    for (uint32_t i = 0; i < outcome->report_count; i++)
        if (memcmp(&outcome->reports[i], &report, sizeof report) == 0)
            return;
    if (edge_fired() != 0 && outcome->report_count < REPORTS_MAX)
        outcome->reports[outcome->report_count++] = report;
}
