/* SPDX-License-Identifier: Apache-2.0
 *
 * The language of witnesses: each row is a history and what it must come to, on small targets of
 * which it is known what is wrong with them. Beside each that must be red stands the same one on a
 * target that does not lie.
 *
 *     witness_test FOLDER      of the modules that are built from harness/tests/modules
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cases/words.h"
#include "harness/run/witness.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

static const char *folder;

/* --- Words ------------------------------------------------------------------------------------ */

static const struct {
    const char *word, *bytes;
    size_t size;
    bool is_one;
    const char *why;
} words[] = {
    {"alice", "alice", 5, true, "itself"},
    {"\"\"", "", 0, true, "nothing at all"},
    {"a*5", "aaaaa", 5, true, "a byte, five times"},
    {"ba*2c", "baac", 4, true, "the byte before the star only, and then on"},
    {"a*2b*3", "aabbb", 5, true, "twice in a word"},
    {"\\x00", "\0", 1, true, "a byte that no text holds"},
    {"\\x61*3\\x2a", "aaa*", 4, true, "a byte by its number, several times, and a star"},
    {"$x,=y|z\"", "$x,=y|z\"", 8, true, "what means something elsewhere does not here"},
    {"*3", "", 0, false, "nothing to repeat"},
    {"a*", "", 0, false, "no number"},
    {"a*0", "", 0, false, "no times"},
    {"a*99999", "", 0, false, "more than a text holds"},
    {"a*2000b*100", "", 0, false, "more in all than a text holds"},
    {"\\n", "", 0, false, "no other escapes"},
    {"\\x0", "", 0, false, "half a byte"},
    {"\\xg0", "", 0, false, "no such digit"},
};

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(words); i++) {
        struct text text;
        bool is_one = word_bytes(words[i].word, &text);
        if (is_one != words[i].is_one ||
            (is_one &&
             (text.size != words[i].size || memcmp(text.bytes, words[i].bytes, text.size) != 0)))
            fail_msg("%s: %s", words[i].word, words[i].why);
    }
}

static void test_commands(void **state)
{
    struct words command;
    char many[3 * WORDS_MAX + 3];
    const char *text = " open ;; a  b=c\n;d";
    (void)state;
    assert_true(words_next(&text, &command));
    assert_int_equal(command.count, 1);
    assert_string_equal(command.at[0], "open");
    assert_true(words_next(&text, &command));
    assert_int_equal(command.count, 0);
    assert_true(words_next(&text, &command));
    assert_int_equal(command.count, 2);
    assert_string_equal(command.at[1], "b=c");
    assert_true(words_next(&text, &command));
    assert_true(command.fits);
    assert_false(words_next(&text, &command));
    memset(many, 0, sizeof many);
    for (size_t i = 0; i <= WORDS_MAX; i++)
        strcat(many, "a ");
    text = many;
    assert_true(words_next(&text, &command));
    assert_false(command.fits);
}

/* --- Histories -------------------------------------------------------------------------------- */

#define PASSWORD   "Correct-horse-1"
#define AN_ACCOUNT "open; register alice " PASSWORD " = ok; "

static const struct {
    const char *target, *text;
    enum verdict verdict;
    const char *why;
} histories[] = {
    {"honest", AN_ACCOUNT "login alice " PASSWORD " = ok", VERDICT_PASS, "as it should be"},
    {"honest", AN_ACCOUNT "login alice " PASSWORD " = denied", VERDICT_FAIL, "another answer"},
    {"honest", AN_ACCOUNT "login alice wrong-password-1 = ok|denied", VERDICT_PASS, "one of two"},
    {"honest",
     AN_ACCOUNT "change alice " PASSWORD " Correct-horse-2 = ok; "
                "login alice Correct-horse-2 = ok; remove alice Correct-horse-2 = ok; "
                "login alice Correct-horse-2 = denied",
     VERDICT_PASS, "change and removal"},
    {"honest", AN_ACCOUNT "times 3 login alice wrong-password-1 = denied", VERDICT_PASS,
     "several times"},
    {"honest",
     AN_ACCOUNT "login alice wrong-password-1 = denied; hashes 1; "
                "login nobody wrong-password-1 = denied; hashes 1",
     VERDICT_PASS, "the same work"},
    {"honest", AN_ACCOUNT "login alice " PASSWORD " = ok; hashes 7", VERDICT_FAIL, "another work"},
    {"honest",
     AN_ACCOUNT "handle 2; open existing; login alice " PASSWORD " = ok; close; "
                "handle 1; login alice " PASSWORD " = ok",
     VERDICT_PASS, "two handles"},
    {"honest", "open existing", VERDICT_FAIL, "accounts that are not there"},
    {"locks",
     AN_ACCOUNT "session alice " PASSWORD " = ok; check = ok; revoke = ok; "
                "check = denied",
     VERDICT_PASS, "a session"},
    {"honest", "hash " PASSWORD " = ok; verify " PASSWORD " = ok; verify wrong-password-1 = denied",
     VERDICT_PASS, "a string"},
    {"honest", "string nonsense; verify " PASSWORD " = unavailable(storage,corrupt)", VERDICT_PASS,
     "a string that is none"},
    /* Records. */
    {"honest",
     AN_ACCOUNT "record alice \"\"; "
                "login alice " PASSWORD " = unavailable(storage,corrupt)",
     VERDICT_PASS, "an empty record"},
    {"honest",
     AN_ACCOUNT "append alice junk; login alice " PASSWORD " = unavailable; "
                "shorten alice 4; login alice " PASSWORD " = ok",
     VERDICT_PASS, "longer and shorter"},
    {"honest", AN_ACCOUNT "register bob " PASSWORD " = ok; differ alice bob", VERDICT_PASS,
     "two salts"},
    {"constant_salt", AN_ACCOUNT "register bob " PASSWORD " = ok; differ alice bob", VERDICT_FAIL,
     "one salt"},
    {"honest", AN_ACCOUNT "differ alice alice", VERDICT_FAIL, "one record is not two"},
    {"honest", AN_ACCOUNT "replace alice no-such-text x", VERDICT_FAIL, "nothing to replace"},
    /* What fails. */
    {"honest",
     AN_ACCOUNT "memory 0; login alice " PASSWORD " = unavailable(hashing,memory); "
                "memory all; login alice " PASSWORD " = ok",
     VERDICT_PASS, "no memory, and again"},
    {"denies_no_memory", AN_ACCOUNT "memory 0; login alice " PASSWORD " = unavailable",
     VERDICT_FAIL, "no memory, called wrong"},
    {"honest",
     AN_ACCOUNT "fail disk.write/journal full; "
                "register bob " PASSWORD " = unavailable(storage,full); heal; "
                "register bob " PASSWORD " = ok",
     VERDICT_PASS, "a full disk, and again"},
    {"honest",
     AN_ACCOUNT "fail disk.write/journal full once; "
                "register bob " PASSWORD " = unavailable; register bob " PASSWORD " = ok",
     VERDICT_PASS, "once"},
    {"honest", AN_ACCOUNT "fail disk.write/journal full 999; login alice " PASSWORD " = ok",
     VERDICT_UNSUPPORTED, "a fault that does not strike shows nothing"},
    {"honest", AN_ACCOUNT "fail disk.write/wal full; login alice " PASSWORD " = unavailable",
     VERDICT_UNSUPPORTED, "nor by the answer that comes instead"},
    {"honest", AN_ACCOUNT "fail disk.write/journal full 999; login alice " PASSWORD " = ok; heal",
     VERDICT_UNSUPPORTED, "nor one that is taken back"},
    {"ignores_step",
     AN_ACCOUNT "fail disk.write/journal full; register bob " PASSWORD " = unavailable",
     VERDICT_FAIL, "a full disk, not noticed"},
    {"trusts_clock",
     AN_ACCOUNT "times 3 login alice wrong-password-1 = denied; "
                "login alice " PASSWORD " = locked; fail clock.read back once; "
                "login alice " PASSWORD " = locked",
     VERDICT_FAIL, "a clock that is put back opens it"},
    /* Power. */
    {"honest",
     "open; close; power; " AN_ACCOUNT "cut; open existing; "
     "login alice " PASSWORD " = ok",
     VERDICT_PASS, "acknowledged and there"},
    {"loses_acknowledged",
     "open; close; power; " AN_ACCOUNT "cut; open existing; "
     "login alice " PASSWORD " = ok",
     VERDICT_FAIL, "acknowledged and lost"},
    {"honest", AN_ACCOUNT "cut", VERDICT_FAIL, "nobody watched the disk"},
    /* Together. */
    {"honest",
     "open; together register alice " PASSWORD " & register alice Other-password-1 = "
     "ok|exists|unavailable ok|exists|unavailable; count ok 1",
     VERDICT_PASS, "one of two gets the name"},
    {"checks_first",
     "open; together register alice " PASSWORD " & "
     "register alice Other-password-1 = ok|exists|unavailable ok|exists|unavailable; count ok 1",
     VERDICT_FAIL, "both get the name"},
    {"honest",
     AN_ACCOUNT "together login alice " PASSWORD " & login alice " PASSWORD " = ok ok; "
                "count ok 1",
     VERDICT_FAIL, "two are not one"},
    /* What is not understood. */
    {"honest", "open; dance", VERDICT_FAIL, "no such command"},
    {"honest", "open; register alice = ok", VERDICT_FAIL, "a word too few"},
    {"honest", "open; login alice " PASSWORD, VERDICT_FAIL, "no answer"},
    {"honest", "login alice " PASSWORD " = denied", VERDICT_FAIL, "nothing is open"},
    {"honest", "open; fail disk.write full; login a " PASSWORD " = denied", VERDICT_UNSUPPORTED,
     "a write of no file"},
    {"honest", "open; fail disk.dance/journal full", VERDICT_FAIL, "no such operation"},
    {"honest", "open; fail disk.write/journal busy", VERDICT_FAIL, "no such effect"},
    {"honest", "open; fail disk.write/nowhere full", VERDICT_FAIL, "no such role"},
    {"honest", "open; memory much", VERDICT_FAIL, "no number"},
    {"honest", "handle 5", VERDICT_FAIL, "no such handle"},
    {"honest", "together login a b = ok", VERDICT_FAIL, "one is not together"},
    {"honest", "times 0 login a b = ok", VERDICT_FAIL, "no times"},
};

static void test_histories(void **state)
{
    static struct outcome outcome;
    char target[4200];
    (void)state;
    for (size_t i = 0; i < ROWS(histories); i++) {
        snprintf(target, sizeof target, "so:%s/%s.so", folder, histories[i].target);
        enum verdict verdict = witness_run(target, NULL, histories[i].text, 0, &outcome);
        if (verdict != histories[i].verdict)
            fail_msg("%s (%s): %s instead of %s: %s", histories[i].why, histories[i].target,
                     verdict_name(verdict), verdict_name(histories[i].verdict), outcome.message);
    }
}

/* A handle is served by the release before the change, or by the one that is judged. */
static void test_releases(void **state)
{
    static const char asks_before[] =
        "open; close; release before; open; fail disk.write/journal full; "
        "register alice " PASSWORD " = unavailable";
    static const char asks_this[] =
        "release before; " AN_ACCOUNT "release this; open existing; login alice " PASSWORD
        " = ok; fail disk.write/journal full; register bob " PASSWORD " = unavailable";
    static const struct {
        const char *target, *before, *text;
        enum verdict verdict;
    } rows[] = {
        {"honest", "ignores_step", asks_before, VERDICT_FAIL},
        {"ignores_step", "honest", asks_before, VERDICT_PASS},
        {"honest", "ignores_step", asks_this, VERDICT_PASS},
        {"ignores_step", "honest", asks_this, VERDICT_FAIL},
    };
    static struct outcome outcome;
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char target[4200], before[4200];
        snprintf(target, sizeof target, "so:%s/%s.so", folder, rows[i].target);
        snprintf(before, sizeof before, "so:%s/%s.so", folder, rows[i].before);
        enum verdict verdict = witness_run(target, before, rows[i].text, 0, &outcome);
        if (verdict != rows[i].verdict)
            fail_msg("%s after %s: %s: %s", rows[i].target, rows[i].before, verdict_name(verdict),
                     outcome.message);
    }
    assert_int_equal(witness_run("no-such-target", NULL, asks_this, 0, &outcome),
                     VERDICT_UNSUPPORTED);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_histories),
        cmocka_unit_test(test_releases),
    };
    if (count != 2) {
        fprintf(stderr, "usage: witness_test FOLDER\n");
        return EXIT_USAGE;
    }
    folder = arguments[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
