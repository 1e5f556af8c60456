/* SPDX-License-Identifier: Apache-2.0
 *
 * The codec of PHC strings: one string for each value, and nothing else is a string.
 *
 * Accepted strings are encoded again and must come back as they were; refused ones are near misses
 * of an accepted one. Two sweeps do what a table cannot: every single-byte change of a good string
 * is refused or is canonical too, and every proper prefix is refused.
 */
#include "../reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SALT      "AAECAwQFBgcICQoLDA0ODw"
#define HASH      "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define HEAD      "$argon2id$v=19$m=19456,t=2,p=1$"
#define GOOD      HEAD SALT "$" HASH
#define TAIL      "$" SALT "$" HASH
#define KEYED(id) "$argon2id$v=19$m=4294967295,t=4294967295,p=255,keyid=" id TAIL
#define ROW(text) text, sizeof(text) - 1

struct row {
    const char *text;
    size_t size;
    const char *why;
};

static struct bytes bytes_of(const char *text, size_t size)
{
    return (struct bytes){(const uint8_t *)text, size};
}

static void assert_round_trip(const char *text, size_t size, const char *why)
{
    struct phc value;
    struct credential again;
    if (!phc_decode(bytes_of(text, size), &value) || !phc_encode(&value, &again))
        fail_msg("refused: %s", why);
    if (again.size != size || memcmp(again.text, text, size) != 0)
        fail_msg("came back as %s: %s", again.text, why);
    assert_int_equal(again.text[again.size], '\0');
}

static void accepts_every_canonical_string(void **state)
{
    static const struct row rows[] = {
        {ROW(GOOD), "phc_07: production cost, 22 characters of salt and 43 of hash"},
        {ROW("$argon2id$v=19$m=8,t=1,p=1" TAIL), "the cheapest"},
        {ROW("$argon2id$v=19$m=100000,t=10,p=1" TAIL), "one longer than most"},
        {ROW("$argon2id$v=19$m=2040,t=1,p=255" TAIL), "the most lanes, with 8 KiB each"},
        {ROW("$argon2id$v=19$m=4294967295,t=4294967295,p=255" TAIL), "the largest numbers"},
        {ROW(KEYED("AAECAwQFBgc")), "the longest"},
        {ROW(KEYED("MQ")), "phc_06: a key id of one byte"},
        {ROW(KEYED("AA")), "phc_06: of one zero byte"},
        {ROW(HEAD "+/+/+/+/+/+/+/+/+/+/+w$" HASH), "the characters that forms and URLs mangle"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_round_trip(rows[i].text, rows[i].size, rows[i].why);
        assert_true(rows[i].size <= PHC_BYTES_MAX);
    }
    assert_int_equal(rows[5].size, PHC_BYTES_MAX);
}

static void reads_the_fields(void **state)
{
    struct phc value;
    (void)state;
    assert_true(phc_decode(bytes_of(ROW(GOOD)), &value));
    assert_int_equal(value.cost.memory_kib, 19456);
    assert_int_equal(value.cost.passes, 2);
    assert_int_equal(value.lanes, 1);
    for (uint8_t i = 0; i < 32; i++)
        assert_int_equal(i < 16 ? value.salt[i] : i, i);
    assert_int_equal(value.hash[31], 31);
    phc_done(&value);
    assert_int_equal(value.hash[31], 0);
}

static void refuses_everything_else(void **state)
{
    static const struct row rows[] = {
        {ROW(""), "empty"},
        {ROW("!"), "a sentinel of other programs"},
        {ROW("$argon2i$v=19$m=19456,t=2,p=1" TAIL), "phc_04: another function"},
        {ROW("$argon2id$v=16$m=19456,t=2,p=1" TAIL), "phc_05: the older version"},
        {ROW("$argon2id$m=19456,t=2,p=1" TAIL), "phc_05: no version"},
        {ROW("$argon2id$v=19$t=2,m=19456,p=1" TAIL), "phc_01: another order"},
        {ROW("$argon2id$v=19$m=019456,t=2,p=1" TAIL), "phc_02: a leading zero"},
        {ROW("$argon2id$v=19$m=+19456,t=2,p=1" TAIL), "phc_02: a sign"},
        {ROW("$argon2id$v=19$m=-1,t=2,p=1" TAIL), "a negative number"},
        {ROW("$argon2id$v=19$m= 8,t=2,p=1" TAIL), "a space"},
        {ROW("$argon2id$v=19$m=,t=2,p=1" TAIL), "no number"},
        {ROW("$argon2id$v=19$m=4294986752,t=2,p=1" TAIL), "2^32 + 19456, which wraps"},
        {ROW("$argon2id$v=19$m=18446744073709571072,t=2,p=1" TAIL), "2^64 + 19456, which wraps"},
        {ROW("$argon2id$v=19$m=7,t=2,p=1" TAIL), "less than 8 KiB"},
        {ROW("$argon2id$v=19$m=15,t=2,p=2" TAIL), "less than 8 KiB for each lane"},
        {ROW("$argon2id$v=19$m=19456,t=0,p=1" TAIL), "no pass"},
        {ROW("$argon2id$v=19$m=19456,t=2,p=0" TAIL), "no lane"},
        {ROW("$argon2id$v=19$m=19456,t=2,p=256" TAIL), "too many lanes"},
        {ROW("$argon2id$v=19$m=19456,t=2,p=1,data=AA" TAIL), "phc_04: an unknown parameter"},
        {ROW(KEYED("")), "phc_06: an empty key id, which is written as none"},
        {ROW(KEYED("AAECAwQFBgcI")), "phc_06: a key id of nine bytes"},
        {ROW(KEYED("M")), "phc_03: one character is no byte"},
        {ROW(KEYED("MR")), "phc_03: unused bits of the key id"},
        {ROW(KEYED("MQ==")), "phc_03: padding of the key id"},
        {ROW(KEYED("-_")), "the key id in the URL-safe alphabet"},
        {ROW(KEYED("MQ,keyid=MQ")), "two key ids"},
        {ROW("$argon2id$v=19$keyid=MQ,m=19456,t=2,p=1" TAIL), "phc_01: another order"},
        {ROW("$argon2id$v=19$m=19456,t=2,p=1,keyid" TAIL), "no value"},
        {ROW(" " GOOD), "something in front"},
        {ROW(GOOD "\n"), "something behind"},
        {ROW(GOOD "\0"), "a NUL behind"},
        {ROW("$argon2id$v=19$m=19456,t=2,p=1$AAECAwQ\0BgcICQoLDA0ODw$" HASH), "a NUL within"},
        {ROW(HEAD SALT "==$" HASH), "phc_03: padding of the salt"},
        {ROW(GOOD "="), "padding of the hash"},
        {ROW(HEAD "AAECAwQFBgcICQoLDA0ODx$" HASH), "phc_03: unused bits of the salt"},
        {ROW(HEAD SALT "$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9"), "unused bits of the hash"},
        {ROW(HEAD "-_ECAwQFBgcICQoLDA0ODw$" HASH), "the URL-safe alphabet"},
        {ROW(HEAD " AECAwQFBgcICQoLDA0ODw$" HASH), "a plus that became a space"},
        {ROW(HEAD "\xff"
                  "AECAwQFBgcICQoLDA0ODw$" HASH),
         "what libsodium takes for a slash"},
        {ROW(HEAD "AAECAwQFBgcICQoLDA0O$" HASH), "a short salt"},
        {ROW(HEAD SALT "$AAECAwQFBgcICQoLDA0ODw"), "a short hash"},
        {ROW(HEAD SALT "AA$" HASH), "a long salt"},
        {ROW(GOOD "AA"), "a long hash"},
    };
    struct phc value;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (phc_decode(bytes_of(rows[i].text, rows[i].size), &value))
            fail_msg("accepted: %s", rows[i].why);
}

/* One string without a key id and one with. */
static const char *const goods[] = {GOOD, "$argon2id$v=19$m=8,t=1,p=1,keyid=azEAAQID" TAIL};

static void refuses_every_proper_prefix(void **state)
{
    struct phc value;
    (void)state;
    for (size_t i = 0; i < sizeof goods / sizeof *goods; i++) {
        for (size_t size = 0; size < strlen(goods[i]); size++)
            assert_false(phc_decode(bytes_of(goods[i], size), &value));
        assert_true(phc_decode(bytes_of(goods[i], strlen(goods[i])), &value));
    }
}

static void accepts_no_second_form_of(const char *good)
{
    char text[PHC_BYTES_MAX + 1];
    size_t size = strlen(good);
    struct phc value;
    memcpy(text, good, size + 1);
    for (size_t at = 0; at < size; at++) {
        for (int byte = 0; byte < 256; byte++) {
            text[at] = (char)byte;
            if (phc_decode(bytes_of(text, size), &value))
                assert_round_trip(text, size, "a changed byte");
        }
        text[at] = good[at];
    }
}

static void phc_08_accepts_no_second_form_of_a_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof goods / sizeof *goods; i++)
        accepts_no_second_form_of(goods[i]);
}

static void encodes_only_what_it_decodes(void **state)
{
    static const struct {
        struct phc value;
        bool is_encoded;
        const char *why;
    } rows[] = {
        {{.cost = {8, 1}, .lanes = 1}, true, "the cheapest"},
        {{.cost = {7, 1}, .lanes = 1}, false, "too little memory"},
        {{.cost = {15, 1}, .lanes = 2}, false, "too little memory for two lanes"},
        {{.cost = {8, 0}, .lanes = 1}, false, "no pass"},
        {{.cost = {8, 1}, .lanes = 0}, false, "no lane"},
        {{.cost = {UINT32_MAX, UINT32_MAX}, .lanes = 255}, true, "the longest"},
        {{.cost = {UINT32_MAX, UINT32_MAX}, .lanes = 256}, false, "too many lanes"},
        {{.cost = {UINT32_MAX, 1}, .lanes = 536870912}, false, "lanes times 8 wraps"},
        {{.cost = {8, 1}, .lanes = 1, .key_id = "eightch", .key_id_size = 8}, true, "a key id"},
        {{.cost = {8, 1}, .lanes = 1, .key_id_size = 9}, false, "phc_06: one too long"},
    };
    struct credential text;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (phc_encode(&rows[i].value, &text) != rows[i].is_encoded)
            fail_msg("%s", rows[i].why);
        if (rows[i].is_encoded)
            assert_round_trip(text.text, text.size, rows[i].why);
    }
    credential_done(&text);
    assert_int_equal(text.size, 0);
}

static void keeps_random_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct phc value = {.cost = {19456, 2}, .lanes = 1}, again;
        struct credential text;
        randombytes_buf(value.salt, sizeof value.salt);
        randombytes_buf(value.hash, sizeof value.hash);
        value.key_id_size = (size_t)i % (PHC_KEY_ID_BYTES_MAX + 1);
        randombytes_buf(value.key_id, value.key_id_size);
        assert_true(phc_encode(&value, &text));
        assert_true(phc_decode(credential_bytes(&text), &again));
        assert_memory_equal(&value, &again, sizeof value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_every_canonical_string),
        cmocka_unit_test(reads_the_fields),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(refuses_every_proper_prefix),
        cmocka_unit_test(phc_08_accepts_no_second_form_of_a_value),
        cmocka_unit_test(encodes_only_what_it_decodes),
        cmocka_unit_test(keeps_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
