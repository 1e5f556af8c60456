/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of crypt(3): published answers, strict reading, the 72 bytes of bcrypt, forms of a text, and
 * what happens when the library fails.
 *
 * crypt_rn() is defined here too, in front of the library's: it counts, and fails on demand.
 * Sources of the answers: bcrypt, Openwall crypt_blowfish 1.3, wrapper.c; SHA-512 crypt, U.
 * Drepper, "Unix crypt using SHA-256 and SHA-512", test vectors; yescrypt, known answers of
 * libxcrypt (test/ka-table.inc) and of yescrypt 1.1 (TESTS-OK).
 */
#include "testing.h"

#include "failing.h"

#include <crypt.h>
#include <dlfcn.h>
#include <errno.h>

#define GOOD        "correct horse battery"
#define SEVENTY_ONE "123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define SEVENTY_TWO "0" SEVENTY_ONE
#define MANY        SEVENTY_TWO "chars after 72 are ignored"

#define SALT22      "abcdefghijklmnopqrstuu"
#define BCRYPT      "$2b$04$" SALT22 "xlWIuCIoCYRi/KAJpePjb7tkWXOTT9e"
#define BCRYPT_MANY "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
#define HASH86                                                                                     \
    "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
#define SHA512     "$6$saltstring$" HASH86
#define HASH43     "ZgTUWYYUx76vUOHZF0X27Rq9go43bzjSmecsreE0zo7"
#define SALT_Y     "LdJMENpBABJJ3hIHjB1Bi."
#define YESCRYPT   "$y$j75$" SALT_Y "$" HASH43
#define HASH_P     "HboGM6qPrsK.StKYGt6KErmUYtioHreJd98oIugoNB6"
#define YESCRYPT_P "$y$jD5.7$" SALT_Y "$" HASH_P

static const struct password_config config = {.cost = {8, 1}, .code_points_min = 15};

static int crypt_calls;
static int crypt_errno;         /* 0: works */
static const char *crypt_token; /* not null: what it returns instead */

char *crypt_rn(const char *phrase, const char *setting, void *data, int size)
{
    char *(*real)(const char *, const char *, void *, int);
    crypt_calls++;
    errno = crypt_errno;
    if (crypt_errno != 0)
        return NULL;
    if (crypt_token != NULL)
        return strcpy(data, crypt_token);
    *(void **)&real = dlsym(RTLD_NEXT, "crypt_rn");
    return real(phrase, setting, data, size);
}

static int reset(void **state)
{
    (void)state;
    crypt_calls = 0;
    crypt_errno = 0;
    crypt_token = NULL;
    return 0;
}

/* A row of crypt(3) for a password, with the setting of another one. */
static struct credential row_of(const char *password, const char *setting)
{
    struct crypt_data *data = calloc(1, sizeof *data);
    struct credential row = {.size = 0};
    assert_non_null(data);
    const char *made = crypt_rn(password, setting, data, sizeof *data);
    assert_non_null(made);
    row.size = strlen(made);
    memcpy(row.text, made, row.size + 1);
    free(data);
    crypt_calls = 0;
    return row;
}

static void gives_the_published_answers(void **state)
{
    static const struct {
        const char *row;
        const char *password;
        const char *why;
    } rows[] = {
        {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", "bcrypt 1"},
        {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*", "bcrypt 2"},
        {"$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U", "bcrypt 3"},
        {BCRYPT_MANY, MANY, "bcrypt 4: 72 bytes count"},
        {SHA512, "Hello world!", "SHA-512 1"},
        {"$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8"
         "vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
         "Hello world!", "SHA-512 2"},
        {"$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxF"
         "mtlcGZelFl5CxtgfiAc0",
         "we have a short salt string but not a short password", "SHA-512 3"},
        {YESCRYPT, SEVENTY_TWO, "yescrypt 1"},
        {"$y$j75$" SALT_Y "$VyvQwJiydQK/7/IH2YN5xE2b9XuSqDrEGACYlWoi/T2", MANY, "yescrypt 2"},
        {"$y$j75$.......$6v6FMOgOfETtKAUsUjzlPEFqKzbkDZzXMu4cgRJKjP5", "THE YEAR",
         "yescrypt 3: a salt of five bytes"},
        {"$y$j75$" SALT_Y "$g93fUlB7MNXyVYXEMt5LK5xZuwzbR0KrSmSln6IDlX5",
         "\xa3"
         "a",
         "yescrypt 4: what is no UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes row = bytes_of(rows[i].row), password = bytes_of(rows[i].password);
        struct reply reply;
        char other[160];
        if (!password_verify(&config, row, password, &reply))
            fail_msg("%s: %s", rows[i].why, reply.detail);
        memcpy(other, password.data, password.size);
        for (size_t at = 0; at < 3 && at < password.size; at++) { /* other bytes: see n_05 */
            other[at] = (char)(other[at] ^ 1);
            assert_false(password_verify(&config, row,
                                         (struct bytes){(uint8_t *)other, password.size}, &reply));
            assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, rows[i].why);
            other[at] = (char)(other[at] ^ 1);
        }
    }
}

static void reads_the_parameters(void **state)
{
    static const struct {
        const char *row;
        const char *scheme, *parameters;
        uint32_t memory_kib;
        bool is_served;
        const char *why;
    } rows[] = {
        {BCRYPT, "bcrypt", "cost=4", 64, true, "the least"},
        {"$2y$16$" SALT22 "xlWIuCIoCYRi/KAJpePjb7tkWXOTT9e", "bcrypt", "cost=16", 64, true,
         "the most that is served"},
        {"$2a$17$" SALT22 "xlWIuCIoCYRi/KAJpePjb7tkWXOTT9e", "bcrypt", "cost=17", 64, false,
         "more"},
        {"$2a$31$" SALT22 "xlWIuCIoCYRi/KAJpePjb7tkWXOTT9e", "bcrypt", "cost=31", 64, false,
         "the most"},
        {SHA512, "sha512crypt", "rounds=5000", 64, true, "the default"},
        {"$6$rounds=1000$s$" HASH86, "sha512crypt", "rounds=1000", 64, true, "the least"},
        {"$6$rounds=5000$s$" HASH86, "sha512crypt", "rounds=5000", 64, true, "the default, named"},
        {"$6$rounds=10000000$s$" HASH86, "sha512crypt", "rounds=10000000", 64, true,
         "the most that is served"},
        {"$6$rounds=10000001$s$" HASH86, "sha512crypt", "rounds=10000001", 64, false, "more"},
        {"$6$rounds=999999999$s$" HASH86, "sha512crypt", "rounds=999999999", 64, false, "the most"},
        {"$y$j9T$" SALT_Y "$" HASH43, "yescrypt", "j9T", 16384 + 64, true, "Debian's default"},
        {YESCRYPT, "yescrypt", "j75", 1024 + 64, true, "the cheapest of libxcrypt"},
        {"$y$jFT$" SALT_Y "$" HASH43, "yescrypt", "jFT", 1048576 + 64, true, "1 GiB"},
        {"$y$jGT$" SALT_Y "$" HASH43, "yescrypt", "jGT", 64, false, "2 GiB"},
        {"$y$jjj$" SALT_Y "$" HASH43, "yescrypt", "jjj", 64, false, "the most of one character"},
        {YESCRYPT_P, "yescrypt", "jD5.7", 64, false, "several lanes"},
        {"$y$/9T$" SALT_Y "$" HASH43, "yescrypt", "/9T", 64, false, "another flavour"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct password_kind kind;
        struct legacy row;
        struct reply reply;
        bool needed;
        if (!legacy_decode(bytes_of(rows[i].row), &row))
            fail_msg("refused: %s", rows[i].why);
        assert_int_equal(row.memory_kib, rows[i].memory_kib);
        assert_int_equal(row.is_served, rows[i].is_served);
        assert_true(password_describe(bytes_of(rows[i].row), &kind, &reply));
        assert_string_equal(kind.scheme, rows[i].scheme);
        assert_string_equal(kind.parameters, rows[i].parameters);
        assert_string_equal(kind.key_id, "-");
        if (rows[i].is_served)
            continue;
        assert_false(password_verify(&config, bytes_of(rows[i].row), TEXT(GOOD), &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_LIMIT, rows[i].why);
        assert_false(password_needs_rehash(&config, bytes_of(rows[i].row), &needed, &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_LIMIT, rows[i].why);
    }
    assert_int_equal(crypt_calls, 0);
}

static void broken_rows_are_corrupt(void **state)
{
    static const struct {
        struct bytes row;
        const char *why;
    } rows[] = {
        {TEXT("*0"), "crypt(3) failed, and somebody stored that"},
        {TEXT("*1"), "the other token"},
        {TEXT("*"), "a sentinel of other programs"},
        {TEXT("$2$04$" SALT22 "xlWIuCIoCYRi/KAJpePjb7tkWXOTT9e"), "the first of all"},
        {TEXT("$2x$04$" SALT22 "xlWIuCIoCYRi/KAJpePjb7tkWXOTT9e"), "the signed-char bug"},
        {TEXT("$2b$03$" SALT22 "xlWIuCIoCYRi/KAJpePjb7tkWXOTT9e"), "cost 3"},
        {TEXT("$2b$32$" SALT22 "xlWIuCIoCYRi/KAJpePjb7tkWXOTT9e"), "cost 32"},
        {TEXT("$2b$4$" SALT22 "xlWIuCIoCYRi/KAJpePjb7tkWXOTT9e"), "one digit"},
        {TEXT("$2b$004$" SALT22 "xlWIuCIoCYRi/KAJpePjb7tkWXOTT9e"), "three digits"},
        {TEXT("$2b$04$abcdefghijklmnopqrstuvxlWIuCIoCYRi/KAJpePjb7tkWXOTT9e"),
         "unused bits of the salt, which crypt(3) would write as 0"},
        {TEXT("$2b$04$" SALT22 "xlWIuCIoCYRi/KAJpePjb7tkWXOTT9f"), "unused bits of the hash"},
        {TEXT(BCRYPT "e"), "something behind"},
        {TEXT(BCRYPT "\0"), "a NUL behind"},
        {TEXT("$2b$04$abcdefghij\0lmnopqrstuuxlWIuCIoCYRi/KAJpePjb7tkWXOTT9e"), "a NUL within"},
        {TEXT("$2b$04$abcdefghij$lmnopqrstuuxlWIuCIoCYRi/KAJpePjb7tkWXOTT9e"), "a dollar within"},
        {TEXT("$2b$04$\xff"
              "bcdefghijklmnopqrstuuxlWIuCIoCYRi/KAJpePjb7tkWXOTT9e"),
         "a byte beyond ASCII"},
        {TEXT("$6$$" HASH86), "no salt"},
        {TEXT("$6$rounds=999$s$" HASH86), "too few rounds, which crypt(3) would make 1000"},
        {TEXT("$6$rounds=1000000000$s$" HASH86), "too many"},
        {TEXT("$6$rounds=01000$s$" HASH86), "a leading zero"},
        {TEXT("$6$rounds=$s$" HASH86), "no number"},
        {TEXT("$6$rounds=5000" HASH86), "no end of the number"},
        {TEXT("$6$seventeen17seven7$" HASH86), "a salt of 17, of which 16 would count"},
        {TEXT("$6$salt:$" HASH86), "a colon in the salt"},
        {TEXT("$6$s$2" HASH86), "a long hash"},
        {TEXT("$6$s$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/"
              "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS"
              "35inzz"),
         "unused bits of the hash"},
        {TEXT("$y$$" SALT_Y "$" HASH43), "no parameters"},
        {TEXT("$y$j.T$" SALT_Y "$" HASH43), "N of 2, which no library takes"},
        {TEXT("$y$jzT$" SALT_Y "$" HASH43), "a number that is not complete"},
        {TEXT("$y$j9Taaaaaaaaaa$" SALT_Y "$" HASH43), "more parameters than there are"},
        {TEXT("$y$j9T$$" HASH43), "no salt"},
        {TEXT("$y$j9T$LdJME$" HASH43), "one character is no byte of salt"},
        {TEXT("$y$j9T$Lz$" HASH43), "unused bits of a salt of one byte"},
        {TEXT("$y$j9T$Lzz$" HASH43), "unused bits of a salt of two bytes"},
        {TEXT("$y$j9T$" SALT_Y "$" HASH43 "."), "something behind"},
        {TEXT("$y$j9T$" SALT_Y "$ZgTUWYYUx76vUOHZF0X27Rq9go43bzjSmecsreE0zoz"),
         "unused bits of the hash"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct password_kind kind;
        struct cost cost;
        struct reply reply;
        assert_false(password_verify(&config, rows[i].row, TEXT(GOOD), &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_CORRUPT, rows[i].why);
        assert_false(password_describe(rows[i].row, &kind, &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_CORRUPT, rows[i].why);
        assert_false(password_cost(rows[i].row, &cost, &reply));
    }
    assert_int_equal(crypt_calls, 0);
}

/* Every prefix and every change of one byte is refused, or is a row that crypt(3) spells the same.
 */
static void survives_every_damaged_row(void **state)
{
    static const char *const goods[] = {BCRYPT, SHA512, "$6$rounds=1000$s$" HASH86,
                                        "$y$j75$.......$" HASH43, YESCRYPT_P};
    struct legacy row;
    (void)state;
    for (size_t i = 0; i < COUNT(goods); i++) {
        size_t size = strlen(goods[i]);
        for (size_t end = 0; end < size; end++)
            assert_false(legacy_decode((struct bytes){(const uint8_t *)goods[i], end}, &row));
        for (size_t at = 0; at < size; at++) {
            for (int byte = 0; byte < 256; byte++) {
                uint8_t *text = malloc(size); /* exactly as long: one more is a fault */
                assert_non_null(text);
                memcpy(text, goods[i], size);
                text[at] = (uint8_t)byte;
                if (legacy_decode((struct bytes){text, size}, &row)) {
                    assert_int_equal(row.size, size);
                    assert_memory_equal(row.text, text, size);
                    assert_true(crypt_checksalt(row.text) != CRYPT_SALT_INVALID);
                }
                free(text);
            }
        }
    }
}

/* What is read as a row of a served cost is one that the library takes: its EINVAL is then never
 * the row's. All parameters and lengths of salt that are cheap enough to be tried. */
static void the_library_takes_what_is_read(void **state)
{
    static const char alphabet[] =
        "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char text[LEGACY_BYTES_MAX], salt[87] = "";
    struct legacy row;
    struct reply reply;
    (void)state;
    for (size_t n = 0; n < 6; n++) {
        for (size_t r = 0; r < 48; r++) {
            (void)snprintf(text, sizeof text, "$y$j%c%c$" SALT_Y "$" HASH43, alphabet[n],
                           alphabet[r]);
            if (legacy_decode(bytes_of(text), &row))
                (void)!password_verify(&config, bytes_of(text), TEXT(GOOD), &reply);
            assert_true(n == 0 || reply.answer == ANSWER_DENIED);
        }
    }
    for (size_t chars = 1; chars <= 86; chars++) {
        salt[chars - 1] = '.';
        (void)snprintf(text, sizeof text, "$y$j//$%s$" HASH43, salt);
        bool is_read = legacy_decode(bytes_of(text), &row);
        assert_int_equal(is_read, chars % 4 != 1);
        if (is_read) {
            assert_false(password_verify(&config, bytes_of(text), TEXT(GOOD), &reply));
            assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, text);
        }
    }
}

static void o_04_the_72_bytes_of_bcrypt(void **state)
{
    static const struct {
        const char *set; /* on the other system */
        struct bytes tried;
        bool is_right;
        bool is_rehashed;
        const char *why;
    } rows[] = {
        {GOOD, TEXT(GOOD), true, true, "the usual"},
        {GOOD, TEXT(GOOD " "), false, false, "one byte more"},
        {SEVENTY_ONE, TEXT(SEVENTY_ONE), true, true, "71 bytes are one password"},
        {SEVENTY_ONE, TEXT(SEVENTY_ONE "x"), false, false, "71, and another behind"},
        {SEVENTY_TWO, TEXT(SEVENTY_TWO), true, false, "72 bytes are many passwords"},
        {SEVENTY_TWO, TEXT(SEVENTY_TWO "x"), true, false, "72, and another behind"},
        {MANY, TEXT(MANY), true, false, "98 bytes"},
        {MANY, TEXT(SEVENTY_TWO), true, false, "98, cut by a program to 72"},
        {MANY, TEXT(SEVENTY_ONE), false, false, "the first byte is missing"},
        {MANY, TEXT(SEVENTY_TWO "\0"), false, false, "a NUL where nothing counts"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct credential row = row_of(rows[i].set, BCRYPT), next;
        struct reply reply;
        struct bytes tried = rows[i].tried;
        if (password_verify(&config, credential_bytes(&row), tried, &reply) != rows[i].is_right)
            fail_msg("%s", rows[i].why);
        if (!rows[i].is_right) {
            assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, rows[i].why);
            continue;
        }
        bool is_rehashed = password_rehash(&config, credential_bytes(&row), tried, &next, &reply);
        assert_int_equal(is_rehashed, rows[i].is_rehashed);
        if (is_rehashed) {
            assert_true(password_verify(&config, credential_bytes(&next), tried, &reply));
        } else {
            assert_reply(&reply, ANSWER_REFUSED, LAYER_INPUT, REASON_LIMIT, rows[i].why);
            assert_detail(&reply, "bcrypt", rows[i].why);
        }
    }
}

static void n_05_every_byte_counts(void **state)
{
    static const char *const settings[] = {"$6$rounds=1000$salt", "$y$j//$" SALT_Y, BCRYPT};
    char text[LEGACY_PHRASE_BYTES_MAX + 1];
    (void)state;
    for (size_t i = 0; i < COUNT(settings); i++) {
        size_t size = i == 2 ? 72 : LEGACY_PHRASE_BYTES_MAX;
        memset(text, 'a', size);
        text[size] = '\0';
        struct credential row = row_of(text, settings[i]);
        struct bytes password = {(const uint8_t *)text, size};
        struct reply reply;
        assert_true(password_verify(&config, credential_bytes(&row), password, &reply));
        for (size_t at = 0; at < size; at += 7) {
            text[at] = 'b';
            assert_false(password_verify(&config, credential_bytes(&row), password, &reply));
            assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, settings[i]);
            text[at] = 'a';
        }
    }
}

static void n_06_tries_both_forms_of_a_text(void **state)
{
    static const struct {
        const char *set;
        struct bytes tried;
        bool is_right;
        bool is_rehashed;
        int calls;
        const char *why;
    } rows[] = {
        {"plain", TEXT("plain"), true, true, 1, "ASCII has one form"},
        {"plain", TEXT("other"), false, false, 1, "also when it is wrong"},
        {"caf\xc3\xa9", TEXT("caf\xc3\xa9"), true, true, 1, "composed there and here"},
        {"cafe\xcc\x81", TEXT("cafe\xcc\x81"), true, true, 1, "as it was given there"},
        {"caf\xc3\xa9", TEXT("cafe\xcc\x81"), true, true, 2, "composed there, not here"},
        {"cafe\xcc\x81", TEXT("caf\xc3\xa9"), false, false, 1,
         "not composed there: nobody can know all forms"},
        {"caf\xc3\xa9", TEXT("cafe\xcc\x82"), false, false, 2, "wrong in both forms"},
        {"a b",
         TEXT("a\xc2\xa0"
              "b"),
         true, true, 2, "another space"},
        {"caf\xe9", TEXT("caf\xe9"), true, false, 1, "Latin-1 there and here"},
        {"caf\xe9", TEXT("caf\xc3\xa9"), false, false, 1, "Latin-1 there only"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct credential row = row_of(rows[i].set, "$6$rounds=1000$salt"), next;
        struct reply reply;
        bool needed = false;
        if (password_verify(&config, credential_bytes(&row), rows[i].tried, &reply) !=
            rows[i].is_right)
            fail_msg("%s", rows[i].why);
        assert_int_equal(crypt_calls, rows[i].calls);
        if (!rows[i].is_right)
            continue;
        assert_true(password_needs_rehash(&config, credential_bytes(&row), &needed, &reply));
        assert_true(needed);
        bool is_rehashed =
            password_rehash(&config, credential_bytes(&row), rows[i].tried, &next, &reply);
        assert_int_equal(is_rehashed, rows[i].is_rehashed);
        if (!is_rehashed) {
            assert_reply(&reply, ANSWER_REFUSED, LAYER_INPUT, REASON_REFUSED, rows[i].why);
            continue;
        }
        assert_true(password_verify(&config, credential_bytes(&next), rows[i].tried, &reply));
        assert_true(password_needs_rehash(&config, credential_bytes(&next), &needed, &reply));
        assert_false(needed);
    }
}

/* Rows that the empty text opens: what is worked out as nothing must not be right for it. */
static void the_impossible_is_never_right(void **state)
{
    static uint8_t endless[100000];
    static const char *const settings[] = {"$6$rounds=1000$salt", "$y$j//$" SALT_Y, BCRYPT};
    memset(endless, 'a', sizeof endless);
    (void)state;
    const struct {
        struct bytes password;
        int calls;
        const char *why;
    } rows[] = {
        {{NULL, 0}, 1, "nothing"},
        {TEXT("\0"), 1, "NUL"},
        {TEXT("\0abc"), 1, "NUL in front"},
        {{endless, PASSWORD_BYTES_MAX + 1}, 1, "too long"},
        {{endless, sizeof endless}, 1, "endless"},
    };
    for (size_t i = 0; i < COUNT(settings); i++) {
        struct credential row = row_of("", settings[i]);
        for (size_t at = 0; at < COUNT(rows); at++) {
            struct reply reply;
            crypt_calls = 0;
            assert_false(
                password_verify(&config, credential_bytes(&row), rows[at].password, &reply));
            assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, rows[at].why);
            assert_int_equal(crypt_calls, rows[at].calls);
        }
    }
}

static void nul_cuts_nothing(void **state)
{
    struct credential row = row_of(GOOD, "$6$rounds=1000$salt");
    struct reply reply;
    (void)state;
    assert_true(password_verify(&config, credential_bytes(&row), TEXT(GOOD), &reply));
    assert_false(password_verify(&config, credential_bytes(&row), TEXT(GOOD "\0"), &reply));
    assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, "a NUL behind");
    assert_false(password_verify(&config, credential_bytes(&row), TEXT(GOOD "\0more"), &reply));
    assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, "and more");
}

static void a_11_2_5_a_failure_is_never_a_verdict(void **state)
{
    static const struct {
        const char *row;
        int error;
        const char *token;
        enum layer layer;
        enum reason reason;
        const char *why;
    } rows[] = {
        {BCRYPT, ENOMEM, NULL, LAYER_HASHING, REASON_MEMORY, "out of memory"},
        {YESCRYPT, ENOMEM, NULL, LAYER_HASHING, REASON_MEMORY, "out of memory"},
        {YESCRYPT, EINVAL, NULL, LAYER_HASHING, REASON_MEMORY,
         "out of memory, as libxcrypt 4.4.33 says it"},
        {BCRYPT, EINVAL, NULL, LAYER_HASHING, REASON_BUG, "a scheme without memory of its own"},
        {SHA512, ERANGE, NULL, LAYER_HASHING, REASON_BUG, "anything else"},
        {SHA512, 0, "*0", LAYER_HASHING, REASON_BUG, "a failure token in place of a null pointer"},
        {SHA512, 0, "*1", LAYER_HASHING, REASON_BUG, "the other one"},
        {SHA512, 0, "$6$rounds=5000$saltstring$" HASH86, LAYER_STORAGE, REASON_CORRUPT,
         "the library spells the row in another way"},
        {BCRYPT, 0, "$2b$04$" SALT22, LAYER_STORAGE, REASON_CORRUPT, "shorter"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply reply;
        crypt_errno = rows[i].error;
        crypt_token = rows[i].token;
        assert_false(password_verify(&config, bytes_of(rows[i].row), TEXT(GOOD), &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, rows[i].layer, rows[i].reason, rows[i].why);
        assert_int_equal(reply.native_code, rows[i].error);
        assert_false(password_verify(&config, bytes_of(rows[i].row), TEXT("\0"), &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, rows[i].layer, rows[i].reason, rows[i].why);
    }
}

static void tells_when_there_is_no_memory(void **state)
{
    struct reply reply;
    (void)state;
    allocations_left = 0;
    bool is_ok = password_verify(&config, TEXT(SHA512), TEXT("Hello world!"), &reply);
    allocations_left = NEVER;
    assert_false(is_ok);
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_MEMORY, "no memory");
    assert_int_equal(crypt_calls, 0);
    assert_true(password_verify(&config, TEXT(SHA512), TEXT("Hello world!"), &reply));
}

static void recognises_what_it_is_for(void **state)
{
    static const struct {
        const char *credential;
        bool is_legacy;
        const char *why;
    } rows[] = {
        {BCRYPT, true, "bcrypt"},
        {"$2", true, "the beginning of it"},
        {SHA512, true, "SHA-512"},
        {YESCRYPT, true, "yescrypt"},
        {"*0", true, "a failure"},
        {"*", false, "a sentinel"},
        {"$argon2id$v=19$m=8,t=1,p=1$", false, "Argon2id"},
        {"$1$salt$", false, "MD5: not served"},
        {"$5$salt$", false, "SHA-256: not served"},
        {"", false, "nothing"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (legacy_recognises(bytes_of(rows[i].credential)) != rows[i].is_legacy)
            fail_msg("%s", rows[i].why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(gives_the_published_answers, reset),
        cmocka_unit_test_setup(reads_the_parameters, reset),
        cmocka_unit_test_setup(broken_rows_are_corrupt, reset),
        cmocka_unit_test_setup(survives_every_damaged_row, reset),
        cmocka_unit_test_setup(the_library_takes_what_is_read, reset),
        cmocka_unit_test_setup(o_04_the_72_bytes_of_bcrypt, reset),
        cmocka_unit_test_setup(n_05_every_byte_counts, reset),
        cmocka_unit_test_setup(n_06_tries_both_forms_of_a_text, reset),
        cmocka_unit_test_setup(the_impossible_is_never_right, reset),
        cmocka_unit_test_setup(nul_cuts_nothing, reset),
        cmocka_unit_test_setup(a_11_2_5_a_failure_is_never_a_verdict, reset),
        cmocka_unit_test_setup(tells_when_there_is_no_memory, reset),
        cmocka_unit_test_setup(recognises_what_it_is_for, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
