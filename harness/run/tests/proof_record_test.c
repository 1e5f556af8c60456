/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that a judged change is read back from its event as it was, that one whose module is
 * another one now is judged again, and that what no proof writes is refused. A row is one member in
 * which the event is changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faults/faults.h"
#include "harness/run/proof_record.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

/* A proof with one defect that is not judged yet. */
static struct proof one_exhibit(void)
{
    struct proof proof;
    assert_true(proof_init(&proof));
    findings_init(&proof.base.findings);
    proof.exhibit_count = 1;
    snprintf(proof.exhibits[0].name, sizeof proof.exhibits[0].name, "defect");
    snprintf(proof.exhibits[0].module, sizeof proof.exhibits[0].module, "print");
    return proof;
}

static json_t *sample_event(void)
{
    struct proof proof = one_exhibit();
    struct exhibit *exhibit = &proof.exhibits[0];
    exhibit->judged = exhibit->good = true;
    exhibit->reached = exhibit->triggered = STAGE_YES;
    exhibit->refusal_count = 1;
    exhibit->refusals = calloc(1, sizeof *exhibit->refusals);
    exhibit->refusals[0] = (struct refusal){
        TECHNIQUE_FAULT, all_cases[0], CONSEQUENCE_LOST, 3, 4, strdup("assay1:x"), strdup("gone")};
    exhibit->executions = 30;
    exhibit->cpu_us = 40;
    exhibit->cells = 5;
    exhibit->cut = 2;
    snprintf(exhibit->why, sizeof exhibit->why, "gone");
    json_t *event = event_of_exhibit(exhibit);
    proof_done(&proof);
    return event;
}

static void an_exhibit_is_read_back(void **state)
{
    (void)state;
    struct proof proof = one_exhibit();
    const struct exhibit *exhibit = &proof.exhibits[0];
    json_t *event = sample_event();
    assert_true(exhibit_take(&proof, event));
    assert_true(exhibit->judged && exhibit->good && exhibit->refusal_count == 1);
    assert_true(exhibit->reached == STAGE_YES && exhibit->triggered == STAGE_YES);
    assert_int_equal(exhibit->refusals[0].technique, TECHNIQUE_FAULT);
    assert_int_equal(exhibit->refusals[0].consequence, CONSEQUENCE_LOST);
    assert_string_equal(exhibit->refusals[0].token, "assay1:x");
    json_t *again = event_of_exhibit(exhibit);
    assert_true(json_equal(event, again));
    json_decref(event);
    json_decref(again);
    proof_done(&proof);
}

static void broken_events(void **state)
{
    static const struct {
        const char *member, *value; /* JSON; null: it is taken away */
        bool sound, judged;
        const char *why;
    } rows[] = {
        {"executions", "7", true, true, "the control: another number"},
        {"reached", "null", true, true, "it cannot be said"},
        {"module", "\"other\"", true, false, "built anew: judged again"},
        {"name", "\"gone\"", true, false, "no such change any more"},
        {"kind", "\"harmless\"", true, false, "no such change of that kind"},
        {"event", "\"other\"", false, false, "another event"},
        {"module", NULL, false, false, "missing"},
        {"refused", NULL, false, false, "missing"},
        {"refused", "1", false, false, "not a truth"},
        {"reached", "\"yes\"", false, false, "not a truth either"},
        {"executions", "-1", false, false, "below what it may be"},
        {"cut", "6", false, false, "more than there are cells"},
        {"why", "7", false, false, "not a text"},
        {"refusals", "{}", false, false, "not a list"},
        {"refusals", "[{}]", false, false, "a refusal by nothing"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct proof proof = one_exhibit();
        json_t *event = sample_event();
        if (rows[i].value)
            json_object_set_new(event, rows[i].member,
                                json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
        else
            json_object_del(event, rows[i].member);
        if (exhibit_take(&proof, event) != rows[i].sound ||
            proof.exhibits[0].judged != rows[i].judged)
            fail_msg("%s: %s", rows[i].member, rows[i].why);
        json_decref(event);
        proof_done(&proof);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exhibit_is_read_back),
        cmocka_unit_test(broken_events),
    };
    edge_install(&fault_catalogue);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
