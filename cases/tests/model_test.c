/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows which histories of an account the model explains, and which it does not.
 *
 * A history is a text of operations with their answers. R, L, C and D register, log in, change and
 * delete (remove); the passwords are letters, two for a change; then the answer: + ok, - the
 * operation's no (exists, or denied), ? unavailable, ! refused, # locked. "Ra+ Lb-" registers with
 * a, which works, and is denied with b. The last answer of a row marked as not explained is the one
 * that no honest target can give; everything before it is explained, which is tested too.
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

static const struct assay_traits plain;
static const struct assay_traits significant = {.password_bytes_significant = 3};

/* The text of a letter. Capital ones have the same first three bytes as the small ones. */
static const struct text *password(char letter)
{
    static struct text texts[128];
    struct text *text = &texts[(unsigned char)letter];
    char first = (char)(letter | 0x20);
    text->size = letter == first ? 3 : 5;
    memcpy(text->bytes, (const char[]){first, first, first, '.', '.'}, 5);
    return text;
}

static enum assay_answer answer_of(char mark, enum assay_answer no)
{
    switch (mark) {
    case '+':
        return ASSAY_OK;
    case '-':
        return no;
    case '?':
        return ASSAY_UNAVAILABLE;
    case '!':
        return ASSAY_REFUSED;
    case '#':
        return ASSAY_LOCKED;
    default:
        fail_msg("no answer is called %c", mark);
        return ASSAY_UNSUPPORTED;
    }
}

/* Takes one operation into account; moves behind it. */
static bool live(struct model *model, const char **history)
{
    const char *at = *history;
    size_t size = strcspn(at, " ");
    char mark = at[size - 1];
    *history += size + (at[size] == ' ');
    switch (*at) {
    case 'R':
        return model_register(model, answer_of(mark, ASSAY_EXISTS), password(at[1]));
    case 'L':
        return model_login(model, answer_of(mark, ASSAY_DENIED), password(at[1]));
    case 'C':
        return model_change(model, answer_of(mark, ASSAY_DENIED), password(at[1]), password(at[2]));
    case 'D':
        return model_remove(model, answer_of(mark, ASSAY_DENIED), password(at[1]));
    default:
        fail_msg("no operation is called %c", *at);
        return false;
    }
}

static const struct {
    const char *history;
    bool explained;
    const char *why;
} rows[] = {
    /* Answered operations happened. */
    {"La-", true, "nobody has registered"},
    {"La+", false, "a login to no account"},
    {"Ra+ La+", true, "the password that was set"},
    {"Ra+ La-", false, "the password that was set is denied"},
    {"Ra+ Lb-", true, "another password"},
    {"Ra+ Lb+", false, "another password is accepted"},
    {"Ra+ Ra-", true, "the name is taken"},
    {"Ra+ Rb+", false, "the name is taken, yet given again"},
    {"Ra-", false, "the name is taken, but nobody has it"},
    {"Ra! La-", true, "refused: nothing happened"},
    {"Ra! La+", false, "refused, yet it happened"},
    {"Ra+ Lb! La+", true, "a login may be refused by policy"},
    /* Changes and removals. */
    {"Ra+ Cab+ Lb+ La-", true, "changed"},
    {"Ra+ Cab+ La+", false, "the old password after a change"},
    {"Ra+ Cab+ Lb-", false, "the new password is denied"},
    {"Ra+ Cbc- La+ Lc-", true, "a change with a wrong password changes nothing"},
    {"Ra+ Cbc+", false, "a change with a wrong password"},
    {"Ra+ Cab-", false, "a change with the right password is denied"},
    {"Ra+ Caa+ La+", true, "changed to the same"},
    {"Cab-", true, "no account to change"},
    {"Ra+ Da+ La-", true, "removed"},
    {"Ra+ Da+ La+", false, "removed, yet it logs in"},
    {"Ra+ Db- La+", true, "a removal with a wrong password"},
    {"Ra+ Db+", false, "a removal with a wrong password works"},
    {"Ra+ Da+ Rb+ Lb+ La-", true, "registered again"},
    {"Ra+ Da+ Rb+ La+", false, "the password of the account before"},
    {"Ra+ Da+ Rb-", false, "removed, yet the name is taken"},
    /* Operations that were left open: done later, or never. */
    {"Ra? La+", true, "done after all"},
    {"Ra? La-", true, "not done"},
    {"Ra? La- La+", true, "done later, during recovery"},
    {"Ra? La- La- La+ La+", true, "done at any later moment"},
    {"Ra? La+ La-", false, "done, but then undone"},
    {"Ra? Lb+", false, "what was never asked for"},
    {"Ra? Rb+ Lb+ La-", true, "never done, and registered again"},
    {"Ra? Rb- La+", true, "done, so the name is taken"},
    {"Ra? Rb- La-", false, "the name is taken, but not by the only one that tried"},
    {"Ra? Rb+ La+", false, "done after another had the name"},
    {"Ra? Rb? La+", true, "either of two: the first"},
    {"Ra? Rb? Lb+", true, "either of two: the second"},
    {"Ra? Rb? La+ Lb+", false, "not both: the name was free only once"},
    {"Ra? Rb? La- Lb+ La-", true, "the second alone"},
    {"Ra? Rb? Rc- La- Lb-", false, "the name is taken, by neither"},
    {"Ra+ Cab? La+", true, "a change, not done"},
    {"Ra+ Cab? Lb+", true, "a change, done"},
    {"Ra+ Cab? La+ Lb+", true, "a change, done late"},
    {"Ra+ Cab? Lb+ La+", false, "a change, done and undone"},
    {"Ra+ Cab? La- Lb+", true, "denied means done"},
    {"Ra+ Cab? La- Lb-", false, "neither of old and new works"},
    {"Ra+ Cab? Lb- La+", true, "denied means not done"},
    {"Ra+ Cab? Lb- La-", true, "denied, then done"},
    {"Ra+ Cab? Lb- La- Lb-", false, "denied, then done, then denied"},
    {"Ra+ Cab? Cac+ Lb-", true, "a change after one that was left open"},
    {"Ra+ Cab? Cac+ Lb+", false, "the open one can no longer happen: the old password is gone"},
    {"Ra+ Cab? Cac- Lb+", true, "denied: the open one has happened"},
    {"Ra+ Cab? Cac- La+", false, "denied, yet the old password works"},
    {"Ra+ Cab? Cbc? Lc+", true, "both, in order"},
    {"Ra+ Cab? Cbc? La- Lb+ Lc+", true, "both, one after the other"},
    {"Ra+ Cbc? Cab? Lc+", true, "both, in the other order"},
    {"Ra+ Cab? Cba? Lb+ La+", true, "there and back"},
    {"Ra+ Cab? Cba? Lb+ La+ Lb+", false, "there and back happen once each"},
    {"Ra+ Cab? Cac? Lb+ Lc+", false, "only one of two that begin at the same"},
    {"Ra? Cab+ Lb+", true, "a change shows that the registration was done"},
    {"Ra? Cab? Lb+", true, "both were done"},
    {"Ra? Cab? Lb- La- Lb+", true, "both were done late"},
    {"Ra? Cab- Lb-", true, "a change before it was done"},
    {"Ra? Cab- Lb+", false, "a change that was denied did not happen"},
    {"Ra? Cab- La+ Lb-", true, "done after the change was denied"},
    /* Removal, left open, and what follows. */
    {"Ra+ Da? La+", true, "not removed"},
    {"Ra+ Da? La-", true, "removed"},
    {"Ra+ Da? La+ La-", true, "removed late"},
    {"Ra+ Da? La- La+", false, "removed, then back"},
    {"Ra+ Da? Rb+ Lb+", true, "removed, and registered again"},
    {"Ra+ Da? Rb- La+", true, "not removed: the name is taken"},
    {"Ra+ Da? Rb+ La+", false, "the account before, although the name was free"},
    {"Ra+ Da? Ra? La+ La-", true, "removed, registered again or not"},
    {"Ra+ Da? Ra+ La+ La-", false, "the removal is used up: it made the name free"},
    {"Ra+ Da+ Ra? La- La+", true, "registered again, late"},
    {"Ra+ Da? Da+ La-", true, "removed by the second"},
    {"Ra+ Da? Da- La-", true, "removed by the first"},
    {"Ra+ Da? Da- La+", false, "the second found nothing, yet it logs in"},
    /* Logins that were left open change nothing. */
    {"Ra+ La? La+", true, "a login without an answer"},
    {"Ra+ La? La-", false, "is no reason to be denied"},
    {"La? La+", false, "and makes no account"},
    {"Ra+ Caa? La+ La+", true, "nor does a change to the same"},
};

static void histories(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct model model;
        const char *history = rows[i].history;
        bool explained = true;
        model_init(&model, &plain);
        while (*history && explained)
            explained = live(&model, &history);
        if (explained != rows[i].explained || *history)
            fail_msg("\"%s\" (%s) %s before \"%s\"", rows[i].history, rows[i].why,
                     explained ? "is explained" : "is not explained", history);
    }
}

/* Passwords that a target equates are one to the model: bcrypt's first bytes, here three. */
static void equal_passwords_are_one(void **state)
{
    static const struct {
        const char *history;
        bool plain, significant;
    } equal[] = {
        {"Ra+ LA+", false, true}, {"Ra+ LA-", true, false},      {"Ra+ CAb+", false, true},
        {"Ra+ DA+", false, true}, {"Ra+ CaA+ La+", false, true}, {"Ra? LA+", false, true},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(equal); i++)
        for (int kind = 0; kind < 2; kind++) {
            struct model model;
            const char *history = equal[i].history;
            bool explained = true;
            model_init(&model, kind ? &significant : &plain);
            while (*history && explained)
                explained = live(&model, &history);
            assert_int_equal(explained, kind ? equal[i].significant : equal[i].plain);
        }
}

/* Answers that an operation does not have are never explained. */
static void foreign_answers_are_not_explained(void **state)
{
    struct model model;
    (void)state;
    model_init(&model, &plain);
    assert_true(model_register(&model, ASSAY_OK, password('a')));
    assert_false(model_login(&model, ASSAY_EXISTS, password('a')));
    assert_false(model_login(&model, ASSAY_UNSUPPORTED, password('a')));
    assert_false(model_register(&model, ASSAY_DENIED, password('a')));
    assert_false(model_login(&model, ASSAY_LOCKED, password('a')));
    assert_false(model_register(&model, ASSAY_LOCKED, password('a')));
    assert_true(model_login(&model, ASSAY_OK, password('a')));
}

/* By a target that answers locked, or hides it, after two attempts in a row. */
static void locks_need_attempts(void **state)
{
    static const struct assay_traits open = {.lockout_attempts = 2};
    static const struct assay_traits hidden = {.lockout_attempts = 2, .hides_lockout = true};
    static const struct {
        const char *history;
        bool open, hidden;
        const char *why;
    } locks[] = {
        {"Ra+ La#", false, false, "no attempt"},
        {"Ra+ Lb- La#", false, false, "one attempt"},
        {"Ra+ Lb- Lb- La#", true, true, "two attempts"},
        {"Ra+ Lb- Lb- La-", false, true, "a lock that looks like a denial"},
        {"Ra+ Lb- La-", false, false, "a denial after one attempt is none"},
        {"Ra+ Lb- Lb- La# La+", true, true, "the lock is over"},
        {"Ra+ Lb- Lb- La# Lb+", false, false, "a lock opens nothing"},
        {"Ra+ Lb- Cba- La#", true, true, "a change counts"},
        {"Ra+ Lb- Db- Cab#", true, true, "so does a removal, and a change may be locked"},
        {"Ra+ Lb- La+ Lb- La#", false, false, "an ok begins anew"},
        {"Ra+ Lb! Lb! La#", false, false, "what was refused is no attempt"},
        {"Ra+ Lb- Lb? La#", true, true, "one without an answer may count"},
        {"Ra+ Lb? La+ Lb- La#", true, true, "also after an ok"},
        {"La- La- La#", true, true, "names without an account are locked, too"},
        {"Ra+ Lb- Lb- Ra#", false, false, "a registration is not locked"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(locks); i++)
        for (int kind = 0; kind < 2; kind++) {
            struct model model;
            const char *history = locks[i].history;
            bool explained = true;
            model_init(&model, kind ? &hidden : &open);
            while (*history && explained)
                explained = live(&model, &history);
            if (explained != (kind ? locks[i].hidden : locks[i].open) || *history)
                fail_msg("\"%s\" (%s) before \"%s\"", locks[i].history, locks[i].why, history);
        }
}

static void it_says_what_may_be(void **state)
{
    static const struct {
        const char *history, *text;
    } texts[] = {
        {"", "no account"},
        {"Ra+", "password \"aaa\""},
        {"Ra? Lb-", "no account or password \"aaa\""},
        {"Ra+ Cab? Lc-", "password \"aaa\" or password \"bbb\""},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(texts); i++) {
        struct model model;
        char text[512];
        const char *history = texts[i].history;
        model_init(&model, &plain);
        while (*history)
            assert_true(live(&model, &history));
        assert_string_equal(model_text(&model, text, sizeof text), texts[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histories),
        cmocka_unit_test(equal_passwords_are_one),
        cmocka_unit_test(foreign_answers_are_not_explained),
        cmocka_unit_test(locks_need_attempts),
        cmocka_unit_test(it_says_what_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
