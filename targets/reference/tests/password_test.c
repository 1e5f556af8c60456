/* SPDX-License-Identifier: Apache-2.0
 *
 * Passwords: preparation, policy, hashing, verification, and what happens when the hashing cannot
 * be done.
 *
 * crypto_pwhash() is defined here too, in front of the library's: it counts, and fails on demand.
 * Tests run at the cheapest cost, but one, since the length of a string depends on it.
 */
#include "testing.h"

#include <dlfcn.h>
#include <errno.h>

#define GOOD "correct horse battery"
#define TAIL "$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static const struct password_config cheap = {.cost = {8, 1}, .code_points_min = 15};

static int kdf_calls;
static int kdf_errno; /* 0: works */

int crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                  unsigned long long password_size, const unsigned char *salt,
                  unsigned long long passes, size_t memory, int algorithm)
{
    int (*real)(unsigned char *, unsigned long long, const char *, unsigned long long,
                const unsigned char *, unsigned long long, size_t, int);
    kdf_calls++;
    if (kdf_errno != 0) {
        errno = kdf_errno;
        return -1;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "crypto_pwhash");
    return real(out, out_size, password, password_size, salt, passes, memory, algorithm);
}

static int reset(void **state)
{
    (void)state;
    kdf_calls = 0;
    kdf_errno = 0;
    return 0;
}

static struct credential hash_of(struct bytes password)
{
    struct reply reply;
    struct credential credential;
    if (!password_rehash(&cheap, TEXT("$argon2id$v=19$m=8,t=1,p=1" TAIL), password, &credential,
                         &reply))
        fail_msg("not hashed: %s", reply.detail);
    return credential;
}

static void p_01_p_04_prepares_as_rfc_8265(void **state)
{
    static const struct {
        struct bytes given, wanted;
        size_t code_points;
        bool has_control;
        const char *why;
    } rows[] = {
        {TEXT("a b"), TEXT("a b"), 3, false, "ASCII stays"},
        {TEXT("Ab\xef\xbd\x81"), TEXT("Ab\xef\xbd\x81"), 3, false, "no case, no width mapping"},
        {TEXT("a\xc2\xa0"
              "b\xe3\x80\x80"),
         TEXT("a b "), 4, false, "other spaces become U+0020"},
        {TEXT("e\xcc\x81"), TEXT("\xc3\xa9"), 1, false, "composed"},
        {TEXT("\xe2\x84\xab"), TEXT("\xc3\x85"), 1, false, "the Angstrom sign is a letter"},
        {TEXT("\xef\xac\x81"), TEXT("\xef\xac\x81"), 1, false,
         "a ligature stays: this is not NFKC"},
        {TEXT("\xe0\xa5\x98"), TEXT("\xe0\xa4\x95\xe0\xa4\xbc"), 2, false,
         "excluded from composition"},
        {TEXT("\xf0\x9d\x85\xa0"), TEXT("\xf0\x9d\x85\x98\xf0\x9d\x85\xa5\xf0\x9d\x85\xae"), 3,
         false, "grows threefold"},
        {TEXT("a\0b"), TEXT("a\0b"), 3, true, "NUL is a control character and cuts nothing"},
        {TEXT("\x7f"), TEXT("\x7f"), 1, true, "so is DEL"},
        {TEXT("\xc2\x85"), TEXT("\xc2\x85"), 1, true, "so is NEL, of C1"},
    };
    struct opaque got, again;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (opaque_prepare(rows[i].given, 1024, &got) != OPAQUE_GOOD)
            fail_msg("refused: %s", rows[i].why);
        if (got.size != rows[i].wanted.size ||
            memcmp(got.data, rows[i].wanted.data, got.size) != 0 ||
            got.code_points != rows[i].code_points || got.has_control != rows[i].has_control)
            fail_msg("%s", rows[i].why);
        assert_int_equal(opaque_prepare(opaque_bytes(&got), 1024, &again), OPAQUE_GOOD);
        assert_int_equal(again.size, got.size);
        assert_memory_equal(again.data, got.data, got.size);
    }
}

static void prepares_the_longest(void **state)
{
    uint8_t text[PASSWORD_BYTES_MAX + 1];
    struct opaque got;
    (void)state;
    for (size_t i = 0; i < PASSWORD_BYTES_MAX; i += 4)
        memcpy(text + i, "\xf0\x9d\x85\xa0", 4);
    assert_int_equal(
        opaque_prepare((struct bytes){text, PASSWORD_BYTES_MAX}, PASSWORD_BYTES_MAX, &got),
        OPAQUE_GOOD);
    assert_int_equal(got.size, OPAQUE_BYTES_MAX);
    assert_int_equal(
        opaque_prepare((struct bytes){text, PASSWORD_BYTES_MAX + 1}, PASSWORD_BYTES_MAX, &got),
        OPAQUE_TOO_LONG);
}

static void n_01_p_03_judges_new_passwords(void **state)
{
    static uint8_t longest[PASSWORD_BYTES_MAX + 1];
    static const struct {
        struct bytes password;
        enum answer answer;
        enum reason reason;
        const char *why;
    } rows[] = {
        {TEXT("aaaaaaaaaaaaaaa"), ANSWER_OK, REASON_NONE, "15, and no rule of composition"},
        {TEXT("aaaaaaaaaaaaaa"), ANSWER_REFUSED, REASON_REFUSED, "14"},
        {TEXT("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"), ANSWER_REFUSED,
         REASON_REFUSED, "16 bytes, but 8 code points"},
        {TEXT("               "), ANSWER_OK, REASON_NONE, "spaces count"},
        {TEXT(""), ANSWER_REFUSED, REASON_REFUSED, "empty"},
        {TEXT("correct horse\0battery"), ANSWER_REFUSED, REASON_REFUSED, "NUL"},
        {TEXT("correct horse\tbattery"), ANSWER_REFUSED, REASON_REFUSED, "tab"},
        {TEXT("correct horse \xff battery"), ANSWER_REFUSED, REASON_REFUSED, "not UTF-8"},
        {TEXT("correct horse \xc0\xaf battery"), ANSWER_REFUSED, REASON_REFUSED, "overlong UTF-8"},
        {TEXT("correct horse \xed\xa0\x80 battery"), ANSWER_REFUSED, REASON_REFUSED, "a surrogate"},
        {{longest, PASSWORD_BYTES_MAX}, ANSWER_OK, REASON_NONE, "the longest"},
        {{longest, PASSWORD_BYTES_MAX + 1}, ANSWER_REFUSED, REASON_LIMIT, "one more"},
    };
    (void)state;
    memset(longest, 'a', sizeof longest);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply reply;
        struct credential credential;
        enum layer layer = rows[i].answer == ANSWER_OK ? LAYER_NONE : LAYER_INPUT;
        kdf_calls = 0;
        bool acceptable = password_acceptable(&cheap, rows[i].password, NO_NAME, &reply);
        assert_reply(&reply, rows[i].answer, layer, rows[i].reason, rows[i].why);
        assert_int_equal(kdf_calls, 0);
        assert_int_equal(password_hash(&cheap, rows[i].password, NO_NAME, &credential, &reply),
                         acceptable);
        assert_reply(&reply, rows[i].answer, layer, rows[i].reason, rows[i].why);
        assert_int_equal(kdf_calls, acceptable ? 1 : 0);
        if (acceptable &&
            !password_verify(&cheap, credential_bytes(&credential), rows[i].password, &reply))
            fail_msg("not verified: %s", rows[i].why);
    }
}

static void tells_right_from_wrong(void **state)
{
    static const struct {
        struct bytes set, tried;
        bool is_right;
        const char *why;
    } rows[] = {
        {TEXT(GOOD), TEXT(GOOD), true, "the same"},
        {TEXT(GOOD), TEXT(GOOD " "), false, "one more"},
        {TEXT(GOOD), TEXT("correct horse batter"), false, "one less"},
        {TEXT(GOOD), TEXT("Correct horse battery"), false, "a_6_2_8: another case"},
        {TEXT(GOOD), TEXT(""), false, "empty"},
        {TEXT(GOOD), TEXT(GOOD "\0"), false, "a NUL behind"},
        {TEXT(GOOD), TEXT(GOOD "\xff"), false, "not UTF-8"},
        {TEXT("caf\xc3\xa9"), TEXT("cafe\xcc\x81"), true, "n_06: the other normal form"},
        {TEXT("a b"),
         TEXT("a\xc2\xa0"
              "b"),
         true, "another space"},
        {TEXT("short"), TEXT("short"), true, "older than the policy"},
        {TEXT("a\tb"), TEXT("a\tb"), true, "older than the ban of control characters"},
        {TEXT("a\tb"), TEXT("a\tc"), false, "the same, wrong"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply reply;
        struct credential credential = hash_of(rows[i].set);
        kdf_calls = 0;
        if (password_verify(&cheap, credential_bytes(&credential), rows[i].tried, &reply) !=
            rows[i].is_right)
            fail_msg("%s", rows[i].why);
        assert_reply(&reply, rows[i].is_right ? ANSWER_OK : ANSWER_DENIED, LAYER_NONE, REASON_NONE,
                     rows[i].why);
        assert_int_equal(kdf_calls, 1);
    }
}

static void n_05_a_6_2_8_every_byte_counts(void **state)
{
    uint8_t text[128];
    struct reply reply;
    struct credential credential;
    (void)state;
    memset(text, 'a', sizeof text);
    credential = hash_of((struct bytes){text, sizeof text});
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = 'b';
        assert_false(password_verify(&cheap, credential_bytes(&credential),
                                     (struct bytes){text, sizeof text}, &reply));
        assert_int_equal(reply.answer, ANSWER_DENIED);
        text[i] = 'a';
    }
    assert_true(password_verify(&cheap, credential_bytes(&credential),
                                (struct bytes){text, sizeof text}, &reply));
}

/* The hash of nothing is what an impossible password is worked out as; even that one it must not
 * match. */
static void the_impossible_is_never_right(void **state)
{
    static uint8_t endless[100000];
    struct phc nothing = {.cost = {8, 1}, .lanes = 1};
    struct credential credential;
    struct reply reply;
    (void)state;
    assert_int_equal(crypto_pwhash(nothing.hash, sizeof nothing.hash, "", 0, nothing.salt, 1, 8192,
                                   crypto_pwhash_ALG_ARGON2ID13),
                     0);
    assert_true(phc_encode(&nothing, &credential));
    memset(endless, 'a', sizeof endless);
    const struct bytes rows[] = {{NULL, 0}, TEXT("\xff"), {endless, sizeof endless}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kdf_calls = 0;
        assert_false(password_verify(&cheap, credential_bytes(&credential), rows[i], &reply));
        assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, "impossible");
        assert_int_equal(kdf_calls, 1);
        assert_false(
            password_rehash(&cheap, credential_bytes(&credential), rows[i], &credential, &reply));
        assert_int_equal(reply.answer, ANSWER_REFUSED);
    }
}

static void a_6_3_8_nobody_costs_the_same(void **state)
{
    struct reply reply;
    const struct bytes rows[] = {TEXT(GOOD), TEXT(""), TEXT("\xff")};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kdf_calls = 0;
        assert_false(password_verify_nobody(&cheap, rows[i], &reply));
        assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, "nobody");
        assert_int_equal(kdf_calls, 1);
    }
}

static void x_01_blames_the_right_layer(void **state)
{
    static const struct {
        struct bytes credential;
        enum layer layer;
        enum reason reason;
        const char *why;
    } rows[] = {
        {TEXT(""), LAYER_STORAGE, REASON_CORRUPT, "empty"},
        {TEXT("!"), LAYER_STORAGE, REASON_CORRUPT, "a sentinel"},
        {TEXT("$argon2id$v=19$m=08,t=1,p=1" TAIL), LAYER_STORAGE, REASON_CORRUPT, "not canonical"},
        {TEXT("$argon2id$v=19$m=16,t=1,p=2" TAIL), LAYER_HASHING, REASON_LIMIT, "two lanes"},
        {TEXT("$argon2id$v=19$m=1048577,t=1,p=1" TAIL), LAYER_HASHING, REASON_LIMIT,
         "too much memory"},
        {TEXT("$argon2id$v=19$m=8,t=65537,p=1" TAIL), LAYER_HASHING, REASON_LIMIT,
         "too many passes"},
        {TEXT("$argon2id$v=19$m=1048576,t=17,p=1" TAIL), LAYER_HASHING, REASON_LIMIT,
         "too much of both"},
        {TEXT("$argon2id$v=19$m=4294967295,t=4294967295,p=1" TAIL), LAYER_HASHING, REASON_LIMIT,
         "the most"},
        {TEXT("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8"), LAYER_STORAGE,
         REASON_CORRUPT, "phc_04: a scheme that is not known"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply reply;
        struct cost cost;
        bool needed;
        assert_false(password_verify(&cheap, rows[i].credential, TEXT(GOOD), &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, rows[i].layer, rows[i].reason, rows[i].why);
        assert_false(password_cost(rows[i].credential, &cost, &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, rows[i].layer, rows[i].reason, rows[i].why);
        assert_false(password_needs_rehash(&cheap, rows[i].credential, &needed, &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, rows[i].layer, rows[i].reason, rows[i].why);
    }
    assert_int_equal(kdf_calls, 0);
}

static void a_11_2_5_a_16_5_3_failed_hashing_is_never_a_verdict(void **state)
{
    static const struct {
        int error;
        enum reason reason;
        const char *why;
    } rows[] = {
        {ENOMEM, REASON_MEMORY, "out of memory"},
        {EINVAL, REASON_BUG, "what libsodium also says of a wrong password"},
        {EIO, REASON_BUG, "anything else"},
    };
    struct credential stored = hash_of(TEXT(GOOD)), untouched = {.size = 7};
    struct reply reply;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kdf_errno = rows[i].error;
        assert_false(password_verify(&cheap, credential_bytes(&stored), TEXT(GOOD), &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, rows[i].reason, rows[i].why);
        assert_int_equal(reply.native_code, rows[i].error);
        assert_false(password_verify(&cheap, credential_bytes(&stored), TEXT("wrong"), &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, rows[i].reason, rows[i].why);
        assert_false(password_verify_nobody(&cheap, TEXT(GOOD), &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, rows[i].reason, rows[i].why);
        assert_false(password_hash(&cheap, TEXT(GOOD), NO_NAME, &untouched, &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, rows[i].reason, rows[i].why);
        assert_int_equal(untouched.size, 7);
    }
    kdf_errno = 0;
    assert_true(password_verify(&cheap, credential_bytes(&stored), TEXT(GOOD), &reply));
}

static void completes_the_configuration(void **state)
{
    static const struct {
        struct cost given;
        uint32_t given_min;
        struct cost wanted;
        uint32_t wanted_min; /* 0: refused */
        const char *why;
    } rows[] = {
        {{0, 0}, 0, {19456, 2}, 15, "o_01: the defaults"},
        {{8, 1}, 8, {8, 1}, 8, "the least of each"},
        {{1048576, 16}, 64, {1048576, 16}, 64, "the most"},
        {{7, 1}, 0, {0, 0}, 0, "r_02: too little memory"},
        {{1048577, 1}, 0, {0, 0}, 0, "too much memory"},
        {{8, 65537}, 0, {0, 0}, 0, "too many passes"},
        {{1048576, 17}, 0, {0, 0}, 0, "too much of both"},
        {{8, 1}, 7, {0, 0}, 0, "n_01: a minimum below the floor"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct password_config given = {.cost = rows[i].given,
                                              .code_points_min = rows[i].given_min};
        struct password_config got = {.code_points_min = 0};
        struct reply reply;
        bool is_complete = password_config_complete(&given, &got, &reply);
        if (is_complete != (rows[i].wanted_min != 0) ||
            memcmp(&got.cost, &rows[i].wanted, sizeof got.cost) != 0 ||
            got.code_points_min != rows[i].wanted_min)
            fail_msg("%s", rows[i].why);
        if (!is_complete)
            assert_int_equal(reply.reason, REASON_LIMIT);
    }
}

static void r_02_nothing_is_hashed_outside_of_the_limits(void **state)
{
    const struct password_config cheaper = {.cost = {4, 1}, .code_points_min = 15};
    struct credential credential;
    struct reply reply;
    (void)state;
    assert_false(password_hash(&cheaper, TEXT(GOOD), NO_NAME, &credential, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_LIMIT, "4 KiB");
    assert_false(password_verify_nobody(&cheaper, TEXT(GOOD), &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_LIMIT, "4 KiB");
    assert_int_equal(kdf_calls, 0);
}

static void o_03_knows_when_to_hash_again(void **state)
{
    static const struct {
        struct bytes stored;
        struct cost wanted;
        bool is_needed;
        const char *why;
    } rows[] = {
        {TEXT("$argon2id$v=19$m=16,t=2,p=1" TAIL), {16, 2}, false, "the same"},
        {TEXT("$argon2id$v=19$m=8,t=2,p=1" TAIL), {16, 2}, true, "less memory"},
        {TEXT("$argon2id$v=19$m=16,t=1,p=1" TAIL), {16, 2}, true, "fewer passes"},
        {TEXT("$argon2id$v=19$m=8,t=4,p=1" TAIL), {16, 2}, true, "less of one, more of the other"},
        {TEXT("$argon2id$v=19$m=32,t=3,p=1" TAIL), {16, 2}, false, "stronger: stays"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply reply;
        bool is_needed;
        const struct password_config config = {.cost = rows[i].wanted};
        assert_true(password_needs_rehash(&config, rows[i].stored, &is_needed, &reply));
        if (is_needed != rows[i].is_needed)
            fail_msg("%s", rows[i].why);
    }
}

static void o_01_n_11_a_11_4_2_works_at_production_cost(void **state)
{
    const struct password_config nothing_said = {.code_points_min = 0};
    struct password_config config;
    struct credential first, second;
    struct phc one, other;
    struct cost cost;
    struct reply reply;
    (void)state;
    assert_true(password_config_complete(&nothing_said, &config, &reply));
    assert_true(password_hash(&config, TEXT(GOOD), NO_NAME, &first, &reply));
    assert_true(password_hash(&config, TEXT(GOOD), NO_NAME, &second, &reply));
    assert_int_equal(first.size, 97);
    assert_true(phc_decode(credential_bytes(&first), &one));
    assert_true(phc_decode(credential_bytes(&second), &other));
    assert_memory_not_equal(one.salt, other.salt, sizeof one.salt); /* n_10 */
    assert_memory_not_equal(one.hash, other.hash, sizeof one.hash);
    assert_true(password_cost(credential_bytes(&first), &cost, &reply));
    assert_int_equal(cost.memory_kib, 19456);
    assert_int_equal(cost.passes, 2);
    assert_true(password_verify(&cheap, credential_bytes(&first), TEXT(GOOD), &reply));
    assert_false(password_verify(&cheap, credential_bytes(&first), TEXT(GOOD "!"), &reply));
}

/* libsodium's own string function must accept what is made here: the two are the same format. */
static void r_03_agrees_with_libsodium(void **state)
{
    char theirs[crypto_pwhash_STRBYTES] = "";
    struct credential ours = hash_of(TEXT(GOOD));
    struct reply reply;
    (void)state;
    assert_int_equal(crypto_pwhash_str_verify(ours.text, GOOD, sizeof GOOD - 1), 0);
    assert_int_equal(crypto_pwhash_str(theirs, GOOD, sizeof GOOD - 1, 1, 8192), 0);
    assert_true(password_verify(&cheap, (struct bytes){(uint8_t *)theirs, strlen(theirs)},
                                TEXT(GOOD), &reply));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(p_01_p_04_prepares_as_rfc_8265, reset),
        cmocka_unit_test_setup(prepares_the_longest, reset),
        cmocka_unit_test_setup(n_01_p_03_judges_new_passwords, reset),
        cmocka_unit_test_setup(tells_right_from_wrong, reset),
        cmocka_unit_test_setup(n_05_a_6_2_8_every_byte_counts, reset),
        cmocka_unit_test_setup(the_impossible_is_never_right, reset),
        cmocka_unit_test_setup(a_6_3_8_nobody_costs_the_same, reset),
        cmocka_unit_test_setup(x_01_blames_the_right_layer, reset),
        cmocka_unit_test_setup(a_11_2_5_a_16_5_3_failed_hashing_is_never_a_verdict, reset),
        cmocka_unit_test_setup(completes_the_configuration, reset),
        cmocka_unit_test_setup(r_02_nothing_is_hashed_outside_of_the_limits, reset),
        cmocka_unit_test_setup(o_03_knows_when_to_hash_again, reset),
        cmocka_unit_test_setup(o_01_n_11_a_11_4_2_works_at_production_cost, reset),
        cmocka_unit_test_setup(r_03_agrees_with_libsodium, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
