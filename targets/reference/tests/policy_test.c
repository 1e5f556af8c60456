/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy: each refusal with its reason, next to the nearest password that is accepted.
 *
 * The ids are those of the requirements: N for SP 800-63B-4, A for ASVS 5.0, P for RFC 8265.
 */
#include "testing.h"

#define EIGHT_E_ACUTE                                                                              \
    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9" /* 16 bytes */

static const struct password_config single_factor = {.cost = {8, 1}, .code_points_min = 15};
static const struct password_config second_factor = {.cost = {8, 1}, .code_points_min = 8};

struct row {
    const struct password_config *config;
    struct bytes password, name;
    enum reason reason; /* none: accepted */
    const char *detail; /* words of it */
    const char *why;
};

static void judge(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct reply reply;
        bool is_refused = rows[i].reason != REASON_NONE;
        bool is_acceptable =
            password_acceptable(rows[i].config, rows[i].password, rows[i].name, &reply);
        assert_reply(&reply, is_refused ? ANSWER_REFUSED : ANSWER_OK,
                     is_refused ? LAYER_INPUT : LAYER_NONE, rows[i].reason, rows[i].why);
        assert_int_equal(is_acceptable, !is_refused);
        if (is_refused)
            assert_detail(&reply, rows[i].detail, rows[i].why);
        if (is_refused && rows[i].password.size >= 8)
            assert_null(memmem(reply.detail, strlen(reply.detail), rows[i].password.data,
                               rows[i].password.size));
    }
}

static void n_01_a_6_2_1_fifteen_code_points(void **state)
{
    static const struct row rows[] = {
        {&single_factor, TEXT("correct horse b"), NO_NAME, REASON_NONE, "", "15"},
        {&single_factor, TEXT("correct horse "), NO_NAME, REASON_REFUSED, "fewer than 15", "14"},
        {&single_factor, TEXT(EIGHT_E_ACUTE), NO_NAME, REASON_REFUSED, "fewer than 15",
         "8, in 16 bytes"},
        {&single_factor, TEXT("cafe\xcc\x81 au lait b"), NO_NAME, REASON_REFUSED, "fewer than 15",
         "15 as typed, 14 once composed"},
        {&second_factor, TEXT(EIGHT_E_ACUTE), NO_NAME, REASON_NONE, "", "8 below a second factor"},
        {&second_factor, TEXT("seven c"), NO_NAME, REASON_REFUSED, "fewer than 8", "a_6_2_1: 7"},
    };
    (void)state;
    judge(rows, COUNT(rows));
}

static void n_02_sixty_four_and_many_more(void **state)
{
    static uint8_t text[PASSWORD_BYTES_MAX + 1];
    (void)state;
    memset(text, 'a', sizeof text);
    const struct row rows[] = {
        {&single_factor, {text, 64}, NO_NAME, REASON_NONE, "", "64 characters"},
        {&single_factor, {text, PASSWORD_BYTES_MAX}, NO_NAME, REASON_NONE, "", "the longest"},
        {&single_factor, {text, sizeof text}, NO_NAME, REASON_LIMIT, "too long", "one more"},
    };
    judge(rows, COUNT(rows));
}

static void n_03_every_character_and_n_04_no_composition(void **state)
{
    static const struct row rows[] = {
        {&single_factor, TEXT(" !\"#$%&'()*+,-./0123456789:;<=>?"), NO_NAME, REASON_NONE, "",
         "the first half of ASCII"},
        {&single_factor, TEXT("@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`{|}~"), NO_NAME, REASON_NONE, "",
         "the rest"},
        {&single_factor, TEXT("               "), NO_NAME, REASON_NONE, "", "spaces count"},
        {&single_factor, TEXT("bchfjwqzxkvmpgt"), NO_NAME, REASON_NONE, "", "small letters only"},
        {&single_factor, TEXT("749301856203174"), NO_NAME, REASON_NONE, "", "digits only"},
        {&second_factor, TEXT("\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c\xd1\x91\xd1\x84"),
         NO_NAME, REASON_NONE, "", "another script"},
        {&second_factor,
         TEXT("\xf0\x9f\x90\x8e\xf0\x9f\x94\x8b\xf0\x9f\x93\x8e\xf0\x9f\x90\x8e"
              "\xf0\x9f\x90\x8e\xf0\x9f\x94\x8b\xf0\x9f\x93\x8e\xf0\x9f\x94\x8b"),
         NO_NAME, REASON_NONE, "", "pictures"},
    };
    (void)state;
    judge(rows, COUNT(rows));
}

static void p_02_p_03_what_is_no_text(void **state)
{
    static const struct row rows[] = {
        {&single_factor, TEXT(""), NO_NAME, REASON_REFUSED, "empty", "p_02"},
        {&single_factor, TEXT("correct horse\0battery"), NO_NAME, REASON_REFUSED, "control", "NUL"},
        {&single_factor, TEXT("correct horse\tbattery"), NO_NAME, REASON_REFUSED, "control", "tab"},
        {&single_factor, TEXT("correct horse\x7f battery"), NO_NAME, REASON_REFUSED, "control",
         "DEL"},
        {&single_factor, TEXT("correct horse\xc2\x85 battery"), NO_NAME, REASON_REFUSED, "control",
         "NEL"},
        {&single_factor, TEXT("correct horse \xff battery"), NO_NAME, REASON_REFUSED, "UTF-8",
         "no UTF-8"},
        {&single_factor, TEXT("correct horse \xc0\xaf battery"), NO_NAME, REASON_REFUSED, "UTF-8",
         "overlong"},
        {&single_factor, TEXT("correct horse \xed\xa0\x80 battery"), NO_NAME, REASON_REFUSED,
         "UTF-8", "a surrogate"},
    };
    (void)state;
    judge(rows, COUNT(rows));
}

static const char *const service[] = {"Example Shop", "caf\xc3\xa9noir", NULL};
static const struct password_config in_context = {
    .cost = {8, 1}, .code_points_min = 15, .context_words = service};

static void n_07_names_that_are_known_anyway(void **state)
{
    static const struct row rows[] = {
        {&single_factor, TEXT("alice.liddell.1865"), TEXT("alice.liddell"), REASON_REFUSED,
         "account name", "most of it is the name"},
        {&single_factor,
         TEXT("alice.liddell"
              "+15 other characters"),
         TEXT("alice.liddell"), REASON_NONE, "", "less than half is the name"},
        {&single_factor, TEXT("ALICE.LIDDELL.1865"), TEXT("alice.Liddell"), REASON_REFUSED,
         "account name", "without case"},
        {&single_factor, TEXT("alice-alice-alice"), TEXT("alice"), REASON_REFUSED, "account name",
         "three times"},
        {&single_factor, TEXT("alice in wonderland"), TEXT("alice"), REASON_NONE, "", "once"},
        {&single_factor, TEXT("alice2026alice2026"), TEXT("alice@example.com"), REASON_REFUSED,
         "account name", "the part before the at sign"},
        {&single_factor, TEXT("alice@example.com"), TEXT("alice@example.com"), REASON_REFUSED,
         "account name", "an address as a whole"},
        {&single_factor, TEXT("bobbobbobbobbob"), TEXT("bob"), REASON_NONE, "",
         "three characters are no word; the blocklist refuses this one"},
        {&single_factor, TEXT("correct horse battery"), NO_NAME, REASON_NONE, "", "nobody's"},
        {&single_factor,
         TEXT("stra\xc3\x9f"
              "e stra\xc3\x9f"
              "e 17"),
         TEXT("STRASSE"), REASON_REFUSED, "account name", "full case folding"},
        {&single_factor,
         TEXT("\xce\xa3\xce\x99\xce\xa3\xce\xa5\xce\xa6\xce\x9f\xce\xa3"
              "\xce\xa3\xce\x99\xce\xa3\xce\xa5\xce\xa6\xce\x9f\xce\xa3 1"),
         TEXT("\xcf\x83\xce\xb9\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82"), REASON_REFUSED,
         "account name", "final sigma"},
        {&in_context, TEXT("example shop 2026!"), NO_NAME, REASON_REFUSED, "service",
         "the service"},
        {&in_context, TEXT("Cafe\xcc\x81Noir-cafe\xcc\x81noir"), NO_NAME, REASON_REFUSED, "service",
         "the second word, in another form"},
        {&in_context, TEXT("example of a good one"), NO_NAME, REASON_NONE, "", "a part of it"},
        {&single_factor, TEXT("example shop 2026!"), NO_NAME, REASON_NONE, "", "no service named"},
    };
    (void)state;
    judge(rows, COUNT(rows));
}

static void what_is_asked_first_is_refused_first(void **state)
{
    static const struct row rows[] = {
        {&single_factor, TEXT("alice\talice"), TEXT("alice"), REASON_REFUSED, "control", "1"},
        {&single_factor, TEXT("alice alice"), TEXT("alice"), REASON_REFUSED, "too short", "2"},
    };
    (void)state;
    judge(rows, COUNT(rows));
}

static void the_least_folding_cannot_break(void **state)
{
    static uint8_t text[PASSWORD_BYTES_MAX];
    /* what grows most: by decomposition, by folding, by both */
    static const char *const growing[] = {"\xf0\x9d\x85\xa0", "\xef\xac\x83", "\xe1\xbe\x82",
                                          "\xce\x90",         "\xc5\x89",     "\xe1\xbf\xb7"};
    (void)state;
    for (size_t i = 0; i < COUNT(growing); i++) {
        struct opaque prepared, folded;
        size_t step = strlen(growing[i]), size = sizeof text / step * step;
        for (size_t at = 0; at < size; at += step)
            memcpy(text + at, growing[i], step);
        assert_int_equal(opaque_prepare((struct bytes){text, size}, sizeof text, &prepared),
                         OPAQUE_GOOD);
        assert_true(opaque_fold(opaque_bytes(&prepared), &folded));
        assert_true(opaque_fold(opaque_bytes(&folded), &prepared));
        assert_int_equal(prepared.size, folded.size);
        assert_memory_equal(prepared.data, folded.data, folded.size);
    }
}

static void completes_its_configuration(void **state)
{
    static const char *const short_word[] = {"shop", "abc", NULL};
    static const char *const broken_word[] = {"\xff\xff\xff\xff", NULL};
    static const char *many_words[CONTEXT_WORDS_MAX + 2];
    static const struct {
        uint32_t given, wanted; /* wanted 0: refused */
        const char *const *words;
        enum reason reason;
        const char *why;
    } rows[] = {
        {0, 15, NULL, REASON_NONE, "the default"},
        {8, 8, NULL, REASON_NONE, "the floor"},
        {7, 0, NULL, REASON_LIMIT, "below it"},
        {64, 64, service, REASON_NONE, "the ceiling, and words"},
        {65, 0, NULL, REASON_LIMIT, "above it"},
        {0, 0, short_word, REASON_REFUSED, "a word of three characters"},
        {0, 0, broken_word, REASON_REFUSED, "a word that is no text"},
        {0, 0, many_words, REASON_LIMIT, "one word too many"},
    };
    (void)state;
    for (size_t i = 0; i <= CONTEXT_WORDS_MAX; i++)
        many_words[i] = "word";
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct password_config config = {.code_points_min = rows[i].given,
                                         .context_words = rows[i].words};
        struct reply reply;
        assert_int_equal(policy_complete(&config, &reply), rows[i].wanted != 0);
        if (rows[i].wanted != 0)
            assert_int_equal(config.code_points_min, rows[i].wanted);
        else
            assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, rows[i].reason, rows[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(n_01_a_6_2_1_fifteen_code_points),
        cmocka_unit_test(n_02_sixty_four_and_many_more),
        cmocka_unit_test(n_03_every_character_and_n_04_no_composition),
        cmocka_unit_test(p_02_p_03_what_is_no_text),
        cmocka_unit_test(n_07_names_that_are_known_anyway),
        cmocka_unit_test(what_is_asked_first_is_refused_first),
        cmocka_unit_test(the_least_folding_cannot_break),
        cmocka_unit_test(completes_its_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
