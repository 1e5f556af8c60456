/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of crypt(3) that came from other systems: bcrypt, SHA-512 crypt, yescrypt. They are verified
 * here, and made anew as Argon2id at the login that proved the password; none is ever written.
 *
 *     $2b$12$<22 characters of salt><31 of hash>          also $2a$, $2y$; cost 04 to 31
 *     $6$[rounds=N$]<1 to 16 of salt>$<86 of hash>        N 1000 to 999999999, else 5000
 *     $y$<parameters>$<1 to 86 of salt>$<43 of hash>      "j9T" and its like
 *
 * Sources: crypt(5) of libxcrypt 4.4; U. Drepper, "Unix crypt using SHA-256 and SHA-512"; N. Provos
 * and D. Mazieres, "A Future-Adaptable Password Scheme", 1999.
 *
 * The row is data and crypt(3) is a large parser, so the row is read strictly first: alphabet,
 * lengths, ranges, and no bit set that nothing depends on. A row that crypt(3) would spell in
 * another way could never compare equal, and a right password would be denied; so the library's
 * spelling of everything before the hash must be ours, too, or the row is corrupt. Costs are
 * limited as those of Argon2id. "*0" and "*1", with which crypt(3) reports that it failed, are no
 * rows: somebody once stored an error.
 *
 * crypt_rn() tells an error from a verdict, by a null pointer, but not one error from another: when
 * yescrypt gets no memory, libxcrypt 4.4.33 says EINVAL, the word for a malformed row. So that
 * short memory is not blamed on the storage, the row is read so strictly that only memory is left.
 *
 * Which bytes were hashed? Those that came over the wire to the other system, normalised or not. So
 * the password is tried as it was given, and, when its canonical form is another one, in that form:
 * the other system had it from a keyboard that composes. ASCII has one form, and costs one hash. A
 * password that the other system took in Latin-1 is right here only in Latin-1, and is not made
 * anew, since it is not a text. Never right are: nothing at all; NUL, since crypt(3) would cut
 * there; and what is longer than libxcrypt takes (511 bytes), which no system of its kind can have
 * set. They pay for one hash all the same.
 *
 * bcrypt sees the first 72 bytes. Such a password is right here as it was there, whatever follows.
 * But then the row accepts many passwords, and the one at hand need not be the one that was set:
 * a program that cut it, or a slip behind the 72nd byte, went unnoticed for years. Made anew from
 * all of it, the row would shut out whoever types the other one; made anew from 72 bytes of it, it
 * would deny the very same login next time. So such a row stays as it is until the password is
 * changed. With 71 bytes and fewer the row accepts one password: bcrypt puts a NUL behind it, which
 * counts.
 *
 * Not modelled: other schemes ($1$, $5$, $7$, $2x$, DES). Rows "$2a$" written by the signed-char
 * bug of 2011 for passwords beyond ASCII deny them. Timing tells a stranger that an account has a
 * legacy row: its work is another one than nobody's.
 */
#include "reference.h"

#include <crypt.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BCRYPT64 "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define CRYPT64  "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

#define BCRYPT_BYTES_SIGNIFICANT 72u
#define BCRYPT_SALT_CHARS        22u
#define BCRYPT_HASH_CHARS        31u
#define SHA512_ROUNDS_MIN        1000u
#define SHA512_ROUNDS_MAX        999999999u
#define SHA512_ROUNDS_DEFAULT    5000u
#define SHA512_SALT_CHARS_MAX    16u
#define SHA512_HASH_CHARS        86u
#define YESCRYPT_PARAMETERS_MAX  12u
#define YESCRYPT_ONE_CHAR_MAX    47u /* numbers above take two characters */
#define YESCRYPT_SALT_CHARS_MAX  86u
#define YESCRYPT_HASH_CHARS      43u
#define CRYPT_MEMORY_KIB         64u /* struct crypt_data, and what bcrypt and SHA-512 need */

_Static_assert(LEGACY_PHRASE_BYTES_MAX + 1 == CRYPT_MAX_PASSPHRASE_SIZE, "what libxcrypt takes");
_Static_assert(LEGACY_BYTES_MAX < CRYPT_OUTPUT_SIZE, "what libxcrypt writes");

/* Exactly that many characters, of the last of which the spare bits are not set. */
static bool take_chars(struct cursor *cursor, const char *alphabet, size_t chars,
                       uint32_t spare_bits)
{
    if (chars == 0 || cursor_span(cursor, alphabet) < chars)
        return false;
    const char *last = strchr(alphabet, cursor->at[chars - 1]);
    cursor_skip(cursor, chars);
    return ((uint32_t)(last - alphabet) & spare_bits) == 0;
}

/* The hash, and the end of the row. */
static bool take_hash(struct cursor *cursor, const char *alphabet, size_t chars,
                      uint32_t spare_bits, struct legacy *ret)
{
    ret->hash_chars = chars;
    return take_chars(cursor, alphabet, chars, spare_bits) && cursor->left == 0;
}

/* The two digits from 04 to 31. */
static bool take_bcrypt_cost(struct cursor *cursor, uint32_t *ret)
{
    if (cursor_span(cursor, "0123456789") != 2)
        return false;
    *ret = (uint32_t)(cursor->at[0] - '0') * 10 + (uint32_t)(cursor->at[1] - '0');
    cursor_skip(cursor, 2);
    return *ret >= 4 && *ret <= 31;
}

static bool take_bcrypt(struct cursor *cursor, struct legacy *ret)
{
    uint32_t cost;
    if (!take_bcrypt_cost(cursor, &cost) || !cursor_text(cursor, "$"))
        return false;
    ret->phrase_bytes_significant = BCRYPT_BYTES_SIGNIFICANT;
    ret->memory_kib = CRYPT_MEMORY_KIB;
    ret->is_served = cost <= LEGACY_BCRYPT_COST_MAX;
    (void)snprintf(ret->parameters, sizeof ret->parameters, "cost=%" PRIu32, cost);
    return take_chars(cursor, BCRYPT64, BCRYPT_SALT_CHARS, 0x0f) &&
           take_hash(cursor, BCRYPT64, BCRYPT_HASH_CHARS, 0x03, ret);
}

static bool take_sha512(struct cursor *cursor, struct legacy *ret)
{
    uint32_t rounds = SHA512_ROUNDS_DEFAULT;
    if (cursor_text(cursor, "rounds=") &&
        !(cursor_number(cursor, SHA512_ROUNDS_MAX, &rounds) && cursor_text(cursor, "$")))
        return false;
    size_t salt_chars = cursor_span(cursor, CRYPT64);
    ret->memory_kib = CRYPT_MEMORY_KIB;
    ret->is_served = rounds <= LEGACY_SHA512_ROUNDS_MAX;
    (void)snprintf(ret->parameters, sizeof ret->parameters, "rounds=%" PRIu32, rounds);
    return rounds >= SHA512_ROUNDS_MIN && salt_chars <= SHA512_SALT_CHARS_MAX &&
           take_chars(cursor, CRYPT64, salt_chars, 0) && cursor_text(cursor, "$") &&
           take_hash(cursor, CRYPT64, SHA512_HASH_CHARS, 0x3c, ret);
}

/* Three characters, "j" for the usual flavour, log2(N) - 1 and r - 1, take 128 r N bytes.
 * Everything else is yescrypt, too, but nothing that passwd(1) writes. */
static bool judge_yescrypt(struct bytes parameters, struct legacy *ret)
{
    ret->memory_kib = CRYPT_MEMORY_KIB;
    ret->is_memory_hard = true;
    ret->is_served = false;
    if (parameters.size != 3 || parameters.data[0] != 'j')
        return true;
    size_t n = (size_t)(strchr(CRYPT64, parameters.data[1]) - CRYPT64);
    size_t r = (size_t)(strchr(CRYPT64, parameters.data[2]) - CRYPT64);
    if (n < 1 || n > YESCRYPT_ONE_CHAR_MAX || r > YESCRYPT_ONE_CHAR_MAX) /* N is at least 4 */
        return false;
    uint64_t memory_kib = (128 * (r + 1) * ((uint64_t)1 << (n + 1))) / 1024 + CRYPT_MEMORY_KIB;
    ret->is_served = memory_kib <= COST_MEMORY_KIB_MAX + CRYPT_MEMORY_KIB;
    if (ret->is_served)
        ret->memory_kib = (uint32_t)memory_kib;
    return true;
}

static bool take_yescrypt(struct cursor *cursor, struct legacy *ret)
{
    struct bytes parameters = {cursor->at, cursor_span(cursor, CRYPT64)};
    if (parameters.size == 0 || parameters.size > YESCRYPT_PARAMETERS_MAX ||
        !judge_yescrypt(parameters, ret))
        return false;
    memcpy(ret->parameters, parameters.data, parameters.size);
    cursor_skip(cursor, parameters.size);
    if (!cursor_text(cursor, "$"))
        return false;
    static const uint32_t spare_bits[4] = {0, 0, 0x3c, 0x30}; /* one character is no byte */
    size_t salt_chars = cursor_span(cursor, CRYPT64);
    return salt_chars <= YESCRYPT_SALT_CHARS_MAX && salt_chars % 4 != 1 &&
           take_chars(cursor, CRYPT64, salt_chars, spare_bits[salt_chars % 4]) &&
           cursor_text(cursor, "$") && take_hash(cursor, CRYPT64, YESCRYPT_HASH_CHARS, 0x30, ret);
}

static const struct {
    const char *prefix;
    const char *scheme;
    bool (*take)(struct cursor *cursor, struct legacy *ret);
} schemes[] = {
    {"$2a$", "bcrypt", take_bcrypt},    {"$2b$", "bcrypt", take_bcrypt},
    {"$2y$", "bcrypt", take_bcrypt},    {"$6$", "sha512crypt", take_sha512},
    {"$y$", "yescrypt", take_yescrypt},
};

/* What crypt(3) returns when it failed, and what begins a row of it. */
bool legacy_recognises(struct bytes credential)
{
    static const char *const beginnings[] = {"*0", "*1", "$2", "$6$", "$y$"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        struct cursor cursor = {credential.data, credential.size};
        if (cursor_text(&cursor, beginnings[i]))
            return true;
    }
    return false;
}

bool legacy_decode(struct bytes credential, struct legacy *ret)
{
    CLEANUP(legacy_done) struct legacy row = {.size = credential.size};
    if (credential.size > LEGACY_BYTES_MAX)
        return false;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        struct cursor cursor = {credential.data, credential.size};
        if (!cursor_text(&cursor, schemes[i].prefix))
            continue;
        if (!schemes[i].take(&cursor, &row))
            return false;
        row.scheme = schemes[i].scheme;
        memcpy(row.text, credential.data, credential.size);
        *ret = row;
        return true;
    }
    return false;
}

void legacy_done(struct legacy *row)
{
    sodium_memzero(row, sizeof *row);
}

static void data_done(struct crypt_data **data)
{
    if (*data == NULL)
        return;
    sodium_memzero(*data, sizeof **data);
    free(*data);
}

/* Why crypt(3) gave nothing. Our reading of the row leaves no setting that a library which knows
 * the scheme calls invalid: what it does call so is its own failure to get memory. */
static bool explain(const struct legacy *row, int error, struct reply *reply)
{
    bool is_known = crypt_checksalt(row->text) != CRYPT_SALT_INVALID;
    if (error == ENOMEM || (error == EINVAL && is_known && row->is_memory_hard))
        return reply_unavailable(reply, LAYER_HASHING, REASON_MEMORY, error, row->scheme,
                                 "out of memory");
    return reply_unavailable(reply, LAYER_HASHING, REASON_BUG, error, row->scheme,
                             is_known ? "refused by the library" : "unknown to the library");
}

/* The one call of crypt(3). */
static bool matches(const struct legacy *row, const char *phrase, bool *ret_is_equal,
                    struct reply *reply)
{
    CLEANUP(data_done) struct crypt_data *data = calloc(1, sizeof *data);
    size_t setting_size = row->size - row->hash_chars;
    if (data == NULL)
        return explain(row, ENOMEM, reply);
    errno = 0;
    const char *theirs = crypt_rn(phrase, row->text, data, sizeof *data);
    if (theirs == NULL || theirs[0] == '*')
        return explain(row, errno, reply);
    if (strlen(theirs) != row->size || memcmp(theirs, row->text, setting_size) != 0)
        return reply_unavailable(reply, LAYER_STORAGE, REASON_CORRUPT, 0, row->scheme,
                                 "crypt(3) would write the row in another way");
    *ret_is_equal = sodium_memcmp(theirs, row->text, row->size) == 0;
    return reply_ok(reply);
}

struct phrase {
    char text[LEGACY_PHRASE_BYTES_MAX + 1u];
    bool is_possible; /* else it is the empty text */
};

static void phrase_done(struct phrase *phrase)
{
    sodium_memzero(phrase, sizeof *phrase);
}

static void make_phrase(const struct legacy *row, struct bytes password, struct phrase *ret)
{
    size_t size = password.size;
    *ret = (struct phrase){.is_possible = false};
    if (size == 0 || size > PASSWORD_BYTES_MAX || memchr(password.data, '\0', size) != NULL)
        return;
    if (row->phrase_bytes_significant != 0 && size > row->phrase_bytes_significant)
        size = row->phrase_bytes_significant;
    if (size > LEGACY_PHRASE_BYTES_MAX)
        return;
    memcpy(ret->text, password.data, size);
    ret->is_possible = true;
}

static bool try_form(const struct legacy *row, struct bytes password, bool *ret_is_right,
                     struct reply *reply)
{
    CLEANUP(phrase_done) struct phrase phrase;
    bool is_equal = false;
    make_phrase(row, password, &phrase);
    REQUIRE(matches(row, phrase.text, &is_equal, reply));
    *ret_is_right = is_equal && phrase.is_possible;
    return reply_ok(reply);
}

static bool is_same(struct bytes left, struct bytes right)
{
    return left.size == right.size &&
           (left.size == 0 || sodium_memcmp(left.data, right.data, left.size) == 0);
}

bool legacy_verify(const struct legacy *row, struct bytes password, struct reply *reply)
{
    CLEANUP(opaque_done) struct opaque prepared;
    bool is_right;
    REQUIRE(try_form(row, password, &is_right, reply));
    if (is_right)
        return reply_ok(reply);
    if (opaque_prepare(password, PASSWORD_BYTES_MAX, &prepared) != OPAQUE_GOOD ||
        is_same(password, opaque_bytes(&prepared)))
        return reply_denied(reply);
    REQUIRE(try_form(row, opaque_bytes(&prepared), &is_right, reply));
    return is_right ? reply_ok(reply) : reply_denied(reply);
}

bool legacy_is_exact(const struct legacy *row, struct bytes password)
{
    CLEANUP(opaque_done) struct opaque prepared = {.size = 0};
    if (row->phrase_bytes_significant == 0)
        return true;
    return opaque_prepare(password, PASSWORD_BYTES_MAX, &prepared) == OPAQUE_GOOD &&
           password.size < row->phrase_bytes_significant &&
           prepared.size < row->phrase_bytes_significant;
}
