/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows what the oracle demands of an answer, and that its table of causes is complete.
 *
 * Each row of a table is a reply given after a fault (or none) has fired; it is judged within a
 * tiny case, whose verdict is compared. Replies that an honest target may give stand beside those
 * that it may not.
 *
 * The table of causes is not exported, so oracle.c is included here: every row of it must name an
 * operation and an effect that exist, every effect must have a cause, and most have exactly one,
 * since a table that allows everything finds nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cases/oracle.c"
#include "faults/faults.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

static struct choices drawn;
static struct outcome outcome;

typedef void judge(struct run *, const struct assay_reply *, const char *operation,
                   const struct text *secret);

/* A reply, what fired before it, and who judges. */
struct scene {
    judge *judge;
    const struct assay_reply *reply;
    const struct text *secret;
    struct plan plan;
    uint32_t fires; /* bits: faults of the plan that are reached */
};

static void judged(struct run *run, const void *subject)
{
    const struct scene *scene = subject;
    for (uint32_t i = 0; i < scene->plan.count; i++)
        if (scene->fires & (1u << i))
            edge(scene->plan.faults[i].site.operation, scene->plan.faults[i].site.role);
    scene->judge(run, scene->reply, "login", scene->secret);
}

static void begin(void *context, uint64_t entropy_seed)
{
    (void)context;
    (void)entropy_seed;
}

static void end(void *context)
{
    (void)context;
}

static enum verdict verdict_of(const struct scene *scene)
{
    static const struct test_case test_case = {.name = "test.judged", .body = judged};
    static const struct world world = {.begin = begin, .end = end};
    static struct run run;
    struct source_origin origin;
    int64_t values[PLAN_VALUES_MAX];
    source_origin_start(&origin, 0, values, plan_values(&scene->plan, values));
    run = (struct run){.source = &origin.source, .choices = &drawn, .outcome = &outcome};
    enum verdict verdict = case_run(&run, &test_case, scene, &world);
    assert_int_equal(outcome.faults_fired, scene->fires);
    return verdict;
}

static struct fault fault_of(uint16_t operation, int32_t code)
{
    return (struct fault){{operation, 0, 0, 0}, {code}, 1};
}

/* --- Form --------------------------------------------------------------------------------------
 */

#define C(layer, reason)                                                                           \
    {                                                                                              \
        ASSAY_LAYER_##layer, ASSAY_REASON_##reason                                                 \
    }

static void form(void **state)
{
    static const struct {
        struct assay_reply reply;
        bool good;
        const char *why;
    } rows[] = {
        {{ASSAY_OK, C(NONE, NONE), 0, ""}, true, "done"},
        {{ASSAY_OK, C(NONE, NONE), 7, "seven"}, true, "done, with a word for operators"},
        {{ASSAY_OK, C(STORAGE, NONE), 0, ""}, false, "done, but a layer is to blame"},
        {{ASSAY_OK, C(NONE, IO), 0, ""}, false, "done, but there is a reason"},
        {{ASSAY_DENIED, C(NONE, NONE), 0, ""}, true, "wrong credentials"},
        {{ASSAY_DENIED, C(STORAGE, IO), 0, ""}, false, "a failure that is called denied"},
        {{ASSAY_EXISTS, C(NONE, NONE), 0, ""}, true, "taken"},
        {{ASSAY_EXISTS, C(STORAGE, BUSY), 0, ""}, false, "a failure that is called taken"},
        {{ASSAY_REFUSED, C(INPUT, REFUSED), 0, ""}, true, "a policy"},
        {{ASSAY_REFUSED, C(INPUT, LIMIT), 0, ""}, true, "a limit"},
        {{ASSAY_REFUSED, C(NONE, NONE), 0, ""}, false, "refused without a cause"},
        {{ASSAY_REFUSED, C(STORAGE, FULL), 0, ""}, false, "a failure that is called refused"},
        {{ASSAY_LOCKED, C(NONE, NONE), 0, ""}, true, "too many attempts"},
        {{ASSAY_UNSUPPORTED, C(NONE, NONE), 0, ""}, false, "in the table, yet unsupported"},
        {{ASSAY_ANSWERS, C(NONE, NONE), 0, ""}, false, "an answer that does not exist"},
        {{(enum assay_answer) - 1, C(NONE, NONE), 0, ""}, false, "a negative answer"},
        {{ASSAY_OK, C(NONE, NONE), 0, "detail"}, true, "a detail that ends"},
        {{ASSAY_REFUSED, {ASSAY_LAYERS, ASSAY_REASON_IO}, 0, ""}, false, "no such layer"},
        {{ASSAY_REFUSED, {ASSAY_LAYER_INPUT, ASSAY_REASONS}, 0, ""}, false, "no such reason"},
        {{ASSAY_UNAVAILABLE, C(STORAGE, IO), 0, ""}, false, "unavailable, but nothing fired"},
        {{ASSAY_UNAVAILABLE, C(NONE, NONE), 0, ""}, false, "unavailable for no reason at all"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct scene scene = {.judge = judge_reply, .reply = &rows[i].reply};
        enum verdict verdict = verdict_of(&scene);
        if (verdict != (rows[i].good ? VERDICT_PASS : VERDICT_FAIL))
            fail_msg("%s: %s", rows[i].why, verdict_name(verdict));
        scene.judge = judge_reply_of_record; /* the form is the same */
        bool corrupt = rows[i].reply.answer == ASSAY_UNAVAILABLE &&
                       rows[i].reply.cause.layer == ASSAY_LAYER_STORAGE;
        assert_int_equal(verdict_of(&scene), rows[i].good || corrupt ? VERDICT_PASS : VERDICT_FAIL);
    }
}

static void detail_must_end(void **state)
{
    struct assay_reply reply = {.answer = ASSAY_OK};
    struct scene scene = {.judge = judge_reply, .reply = &reply};
    (void)state;
    memset(reply.detail, 'd', sizeof reply.detail);
    assert_int_equal(verdict_of(&scene), VERDICT_FAIL);
    reply.detail[sizeof reply.detail - 1] = 0;
    assert_int_equal(verdict_of(&scene), VERDICT_PASS);
}

static void detail_must_not_hold_the_password(void **state)
{
    static const struct {
        const char *secret, *detail;
        bool good;
        const char *why;
    } rows[] = {
        {"correct horse", "no row", true, "says nothing"},
        {"correct horse", "bad password correct horse", false, "at the end"},
        {"correct horse", "correct horse is bad", false, "at the beginning"},
        {"correct horse", "correct hors", true, "all but a letter"},
        {"8letters", "x8lettersx", false, "the shortest that is looked for"},
        {"letters", "letters", true, "shorter ones are words that may occur"},
        {"a", "unavailable", true, "one letter is everywhere"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text secret = {.size = strlen(rows[i].secret)};
        struct assay_reply reply = {.answer = ASSAY_DENIED};
        memcpy(secret.bytes, rows[i].secret, secret.size);
        snprintf(reply.detail, sizeof reply.detail, "%s", rows[i].detail);
        struct scene scene = {.judge = judge_reply, .reply = &reply, .secret = &secret};
        if ((verdict_of(&scene) == VERDICT_PASS) != rows[i].good)
            fail_msg("%s", rows[i].why);
        scene.secret = NULL; /* an operation without a password */
        assert_int_equal(verdict_of(&scene), VERDICT_PASS);
    }
}

/* --- Causes ------------------------------------------------------------------------------------
 */

static void causes_name_what_failed(void **state)
{
    static const struct {
        uint16_t operation;
        int32_t code;
        struct assay_reply reply;
        bool good, good_of_record;
        const char *why;
    } rows[] = {
        {DISK_WRITE, 1, {ASSAY_UNAVAILABLE, C(STORAGE, IO), 0, ""}, true, true, "a bad sector"},
        {DISK_WRITE,
         1,
         {ASSAY_UNAVAILABLE, C(STORAGE, FULL), 0, ""},
         false,
         false,
         "the other effect of the operation"},
        {DISK_WRITE, 2, {ASSAY_UNAVAILABLE, C(STORAGE, FULL), 0, ""}, true, true, "a full disk"},
        {DISK_WRITE,
         2,
         {ASSAY_UNAVAILABLE, C(NETWORK, IO), 0, ""},
         false,
         false,
         "the network team is woken up"},
        {DISK_LOCK, 1, {ASSAY_UNAVAILABLE, C(STORAGE, BUSY), 0, ""}, true, true, "a lock"},
        {MEMORY_MAP, 1, {ASSAY_UNAVAILABLE, C(HASHING, MEMORY), 0, ""}, true, true, "Argon2"},
        {MEMORY_MAP,
         1,
         {ASSAY_UNAVAILABLE, C(STORAGE, MEMORY), 0, ""},
         false,
         false,
         "memory, but not the storage's"},
        {MEMORY_MAP,
         1,
         {ASSAY_UNAVAILABLE, C(NETWORK, TIMEOUT), 0, ""},
         false,
         false,
         "the incident: a loaded network"},
        {MEMORY_MAP, 1, {ASSAY_UNAVAILABLE, C(NONE, NONE), 0, ""}, false, false, "no cause"},
        {MEMORY_MAP,
         1,
         {ASSAY_DENIED, C(HASHING, MEMORY), 0, ""},
         false,
         false,
         "the incident: a wrong password"},
        {MEMORY_MAP, 1, {ASSAY_OK, C(NONE, NONE), 0, ""}, true, true, "it was borne"},
        {MEMORY_MAP,
         1,
         {ASSAY_UNAVAILABLE, C(STORAGE, CORRUPT), 0, ""},
         false,
         true,
         "only a record that may be broken"},
        {MEMORY_MAP,
         1,
         {ASSAY_UNAVAILABLE, C(HASHING, LIMIT), 0, ""},
         false,
         true,
         "only a record that may ask for too much"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct scene scene = {.judge = judge_reply,
                              .reply = &rows[i].reply,
                              .plan = {1, {fault_of(rows[i].operation, rows[i].code)}},
                              .fires = 1};
        if ((verdict_of(&scene) == VERDICT_PASS) != rows[i].good)
            fail_msg("%s: %s", rows[i].why, outcome.message);
        scene.judge = judge_reply_of_record;
        if ((verdict_of(&scene) == VERDICT_PASS) != rows[i].good_of_record)
            fail_msg("a record: %s: %s", rows[i].why, outcome.message);
    }
}

/* A fault of the plan that was never reached explains nothing; of several, each that fired does. */
static void only_what_fired_explains(void **state)
{
    static const struct {
        uint32_t fires;
        struct assay_reply reply;
        bool good;
        const char *why;
    } rows[] = {
        {0, {ASSAY_UNAVAILABLE, C(STORAGE, IO), 0, ""}, false, "neither was reached"},
        {1, {ASSAY_UNAVAILABLE, C(STORAGE, IO), 0, ""}, true, "the first was, and is named"},
        {1, {ASSAY_UNAVAILABLE, C(HASHING, MEMORY), 0, ""}, false, "the second was not"},
        {2, {ASSAY_UNAVAILABLE, C(STORAGE, IO), 0, ""}, false, "the first was not"},
        {2, {ASSAY_UNAVAILABLE, C(HASHING, MEMORY), 0, ""}, true, "the second was, and is named"},
        {3, {ASSAY_UNAVAILABLE, C(STORAGE, IO), 0, ""}, true, "both were: the first"},
        {3, {ASSAY_UNAVAILABLE, C(HASHING, MEMORY), 0, ""}, true, "both were: the second"},
        {3, {ASSAY_UNAVAILABLE, C(HASHING, IO), 0, ""}, false, "both were: a mixture"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct scene scene = {
            .judge = judge_reply,
            .reply = &rows[i].reply,
            .plan = {2, {fault_of(DISK_READ, 1), fault_of(MEMORY_MAP, 1)}},
            .fires = rows[i].fires,
        };
        if ((verdict_of(&scene) == VERDICT_PASS) != rows[i].good)
            fail_msg("%s: %s", rows[i].why, outcome.message);
    }
}

static bool in_catalogue(const char *operation, const char *effect)
{
    for (uint16_t i = 0; i < fault_catalogue.operation_count; i++)
        for (uint32_t j = 0; j < fault_catalogue.operations[i].effect_count; j++)
            if (strcmp(fault_catalogue.operations[i].name, operation) == 0 &&
                strcmp(fault_catalogue.operations[i].effects[j], effect) == 0)
                return true;
    return false;
}

static void every_row_names_what_exists(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(causes); i++) {
        if (!in_catalogue(causes[i].operation, causes[i].effect))
            fail_msg("%s (%s) is not in the catalogue", causes[i].operation, causes[i].effect);
        assert_true(causes[i].layer != ASSAY_LAYER_NONE && causes[i].reason != ASSAY_REASON_NONE);
        assert_true(strlen(causes[i].why) > 0);
        for (size_t j = 0; j < i; j++)
            assert_false(strcmp(causes[i].operation, causes[j].operation) == 0 &&
                         strcmp(causes[i].effect, causes[j].effect) == 0 &&
                         causes[i].layer == causes[j].layer &&
                         causes[i].reason == causes[j].reason);
    }
}

/* Every cell of (operation, effect) by (layer, reason), judged: what passes is what may be said. */
static void every_effect_has_a_cause(void **state)
{
    uint32_t effects = 0, exact = 0;
    (void)state;
    for (uint16_t i = 0; i < fault_catalogue.operation_count; i++)
        for (uint32_t j = 0; j < fault_catalogue.operations[i].effect_count; j++) {
            uint32_t allowed = 0;
            for (int cell = 0; cell < ASSAY_LAYERS * ASSAY_REASONS; cell++) {
                struct assay_reply reply = {.answer = ASSAY_UNAVAILABLE,
                                            .cause = {(enum assay_layer)(cell / ASSAY_REASONS),
                                                      (enum assay_reason)(cell % ASSAY_REASONS)}};
                struct scene scene = {.judge = judge_reply,
                                      .reply = &reply,
                                      .plan = {1, {fault_of(i, (int32_t)j + 1)}},
                                      .fires = 1};
                allowed += verdict_of(&scene) == VERDICT_PASS;
            }
            if (allowed == 0)
                fail_msg("%s (%s) has no cause", fault_catalogue.operations[i].name,
                         fault_catalogue.operations[i].effects[j]);
            assert_true(allowed <= 4);
            effects++;
            exact += allowed == 1;
        }
    printf("%u of %u effects have exactly one cause\n", exact, effects);
    assert_true(exact * 100 >= effects * 80);
}

/* --- Words -------------------------------------------------------------------------------------
 */

static void everything_has_a_name(void **state)
{
    static const struct assay_reply plain = {.answer = ASSAY_DENIED},
                                    cause = {ASSAY_UNAVAILABLE, C(STORAGE, IO), 0, ""};
    (void)state;
    for (int i = 0; i < ASSAY_ANSWERS; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(answer_name((enum assay_answer)i),
                                    answer_name((enum assay_answer)j));
    for (int i = 0; i < ASSAY_LAYERS; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(layer_name((enum assay_layer)i),
                                    layer_name((enum assay_layer)j));
    for (int i = 0; i < ASSAY_REASONS; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(reason_name((enum assay_reason)i),
                                    reason_name((enum assay_reason)j));
    assert_string_equal(answer_name(ASSAY_ANSWERS), "an answer that does not exist");
    assert_string_equal(layer_name(ASSAY_LAYERS), "a layer that does not exist");
    assert_string_equal(reason_name(ASSAY_REASONS), "a reason that does not exist");
    assert_string_equal(REPLY_TEXT(&plain), "denied");
    assert_string_equal(REPLY_TEXT(&cause), "unavailable (storage, io)");
}

static int install(void **state)
{
    (void)state;
    edge_install(&fault_catalogue);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(form),
        cmocka_unit_test(detail_must_end),
        cmocka_unit_test(detail_must_not_hold_the_password),
        cmocka_unit_test(causes_name_what_failed),
        cmocka_unit_test(only_what_fired_explains),
        cmocka_unit_test(every_row_names_what_exists),
        cmocka_unit_test(every_effect_has_a_cause),
        cmocka_unit_test(everything_has_a_name),
    };
    return cmocka_run_group_tests(tests, install, NULL);
}
