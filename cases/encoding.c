/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: stored strings.
 *
 * A stored string is read back for years, by this release and by others. One password has one
 * string at one salt and cost; no other string opens the account; and a string that is broken is
 * reported as broken, never as a wrong password. The last is what tells an operator that rows are
 * damaged, instead of users who seem to have forgotten their passwords.
 *
 * A row is also data that somebody may have written to keep a service busy. What may be demanded of
 * a row that asks for terabytes or for billions of passes: it opens nothing, it is not called a
 * wrong password, since nobody can know, and no key derivation is begun that takes hours of one
 * processor. Memory that nobody has may be asked for: it is refused at once. The calls are seen at
 * the edge, which refuses what goes beyond, so that nothing spins here; where a target's key
 * derivation is out of sight such rows are not drawn.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"

static void round_trip(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, encoded;
    need_hashing(run, target);
    draw_password(run, &target->traits, &password);
    struct assay_cost cost = draw_cost(run, &target->traits), stored = {0, 0};
    stored_hash(run, target, cost, &password, &encoded);
    if (memchr(encoded.bytes, '+', encoded.size))
        label(run, "the stored string has a plus sign");
    maximize(run, (int64_t)encoded.size, "bytes of a stored string");
    enum assay_answer answer = stored_verify(run, target, &encoded, &password);
    CHECK(run, answer == ASSAY_OK, "the password that was hashed is answered %s",
          REPLY_TEXT(client_reply()));
    if (!target->traits.stored_is_binary)
        CHECK(run, memchr(encoded.bytes, 0, encoded.size) == NULL,
              "the stored string holds a NUL, at which others will cut it");
    if (!target->cost || !cost.memory_kib)
        return;
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    target->cost(text_bytes(&encoded), &stored, &reply);
    judge_reply(run, &reply, "cost", &password);
    CHECK(run, stored.memory_kib >= cost.memory_kib && stored.passes >= cost.passes,
          "asked for m=%u t=%u, the string says m=%u t=%u", cost.memory_kib, cost.passes,
          stored.memory_kib, stored.passes);
}
const struct test_case encoding_round_trip = {
    .name = "encoding.round_trip",
    .shows = "what was hashed verifies, and the string says the cost that was asked for",
    .requirements = "PHC-01 PHC-08 O-01",
    .stands_for = "strings that cannot be read back; parameters swapped",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = round_trip,
};

/* Puts `size` bytes in place of [place, end). */
static void splice(struct text *text, size_t place, size_t end, const char *bytes, size_t size)
{
    memmove(text->bytes + place + size, text->bytes + end, text->size - end);
    memcpy(text->bytes + place, bytes, size);
    text->size += size - (end - place);
}

/* A number in the string, written in another way or replaced by another one: leading zeros, a sign,
 * 2^32 and 2^64 more, its neighbour. Leaves a string without numbers as it is. */
static void change_number(struct run *run, struct text *text)
{
    size_t starts[32], count = 0;
    for (size_t i = 0; i < text->size && count < 32; i++)
        if (isdigit(text->bytes[i]) && (i == 0 || !isalnum(text->bytes[i - 1])))
            starts[count++] = i;
    size_t place = count ? starts[draw_index(run, count)] : 0, end = place;
    int64_t way = draw(run, 0, 4, 0);
    char number[64] = "";
    if (count == 0)
        return;
    while (end < text->size && isdigit(text->bytes[end]) && end - place < 19)
        end++;
    memcpy(number, text->bytes + place, end - place);
    unsigned long long value = strtoull(number, NULL, 10);
    unsigned __int128 wrapped = (unsigned __int128)value + ((unsigned __int128)1 << 64);
    switch (way) {
    case 0:
        snprintf(number, sizeof number, "%llu", value + 1);
        break;
    case 1:
        snprintf(number, sizeof number, "0%llu", value);
        break;
    case 2:
        snprintf(number, sizeof number, "+%llu", value);
        break;
    case 3:
        snprintf(number, sizeof number, "%llu", value + (1ull << 32));
        break;
    default: /* the decimal digits of value + 2^64 */
        snprintf(number, sizeof number, "%llu%010llu", (unsigned long long)(wrapped / 10000000000u),
                 (unsigned long long)(wrapped % 10000000000u));
        break;
    }
    splice(text, place, end, number, strlen(number));
}

/* A field between "$" or "," is left out or doubled. */
static void change_field(struct run *run, struct text *text)
{
    size_t starts[16], count = 0;
    for (size_t i = 0; i < text->size && count < 16; i++)
        if (text->bytes[i] == '$' || text->bytes[i] == ',')
            starts[count++] = i;
    size_t which = count ? draw_index(run, count) : 0;
    bool doubled = draw(run, 0, 1, 0) == 1;
    if (count == 0)
        return;
    size_t place = starts[which], end = place + 1;
    while (end < text->size && text->bytes[end] != '$' && text->bytes[end] != ',')
        end++;
    if (!doubled)
        splice(text, place, end, "", 0);
    else if (text->size + end - place <= ASSAY_ENCODED_BYTES_MAX) {
        char field[ASSAY_ENCODED_BYTES_MAX];
        memcpy(field, text->bytes + place, end - place);
        splice(text, place, place, field, end - place);
    }
}

/* Changes a string into another one; the origin drops its last byte. Places are counted from the
 * end: the digest is there. */
static void change_string(struct run *run, const struct text *encoded, struct text *ret)
{
    static const char letters[] = "A+/.-_ =$,0az\x01\xff";
    int64_t way = draw(run, 0, 8, 0);
    size_t place = encoded->size - 1 - draw_index(run, encoded->size);
    char letter = letters[draw_index(run, sizeof letters)]; /* its NUL is one of them */
    *ret = *encoded;
    switch (way) {
    case 0:
        splice(ret, place, place + 1, "", 0);
        break;
    case 1:
        ret->bytes[place] = (uint8_t)letter;
        break;
    case 2:
        splice(ret, place, place, &letter, 1);
        break;
    case 3:
        splice(ret, ret->size, ret->size, &letter, 1);
        break;
    case 4:
        ret->bytes[place] ^= (uint8_t)(1 << draw(run, 0, 7, 0));
        break;
    case 5:
        ret->size = place;
        break;
    case 6:
        change_field(run, ret);
        break;
    default:
        change_number(run, ret);
        break;
    }
}

static void changed_string(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, wrong, encoded, changed;
    need_hashing(run, target);
    draw_password(run, &target->traits, &password);
    stored_hash(run, target, draw_cost(run, &target->traits), &password, &encoded);
    change_string(run, &encoded, &changed);
    if (changed.size == encoded.size && memcmp(changed.bytes, encoded.bytes, encoded.size) == 0)
        reject(run);
    draw_neighbour(run, &password, &wrong);
    enum assay_answer answer = stored_verify(run, target, &changed, &password);
    /* A declared second spelling may open it; a string that was cut or went on may not. */
    if (!target->traits.other_spellings || changed.size != encoded.size)
        CHECK(run, answer != ASSAY_OK, "another string than the stored one opens the account");
    if (!same_password(&target->traits, &password, &wrong))
        CHECK(run, stored_verify(run, target, &changed, &wrong) != ASSAY_OK,
              "with a changed string a password that nobody set opens the account");
}
const struct test_case encoding_changed_string = {
    .name = "encoding.changed_string",
    .shows = "no string but the stored one is accepted for a password",
    .requirements = "PHC-02 PHC-03 PHC-08",
    .stands_for = "trailing junk, second forms, digests cut short",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .weight = 200,
    .body = changed_string,
};

/* What is left of a stored string when its end or its beginning is gone. */
static void any_part(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, wrong, encoded, part;
    need_hashing(run, target);
    simple_password(&target->traits, 'a', &password);
    simple_password(&target->traits, 'b', &wrong);
    stored_hash(run, target, cheapest_cost(&target->traits), &password, &encoded);
    bool is_end = draw(run, 0, 1, 0) == 1;
    size_t size = (size_t)draw(run, 0, (int64_t)encoded.size - 1, 0);
    part.size = size;
    memcpy(part.bytes, encoded.bytes + (is_end ? encoded.size - size : 0), size);
    CHECK(run, stored_verify(run, target, &part, &password) != ASSAY_OK,
          "%zu bytes of a stored string of %zu open the account", size, encoded.size);
    if (!same_password(&target->traits, &password, &wrong))
        CHECK(run, stored_verify(run, target, &part, &wrong) != ASSAY_OK,
              "%zu bytes of a stored string of %zu open the account to a password that nobody set",
              size, encoded.size);
}
const struct test_case encoding_any_part = {
    .name = "encoding.any_part",
    .shows = "no beginning and no end of a stored string opens an account, however long it is",
    .requirements = "PHC-02 PHC-08",
    .stands_for = "CVE-2023-0567, CVE-2018-12551: rows that were cut, compared as far as they go",
    .techniques = BIT(EXHAUSTIVE),
    .body = any_part,
};

/* Where strings are padded or written otherwise: more follows, or the last byte is another one. */
static void any_end(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, encoded, changed;
    need_hashing(run, target);
    enum { FOLLOWED, FOLLOWED_TWICE, ANOTHER, WAYS };
    size_t way = draw_index(run, WAYS);
    char byte = (char)(draw(run, 0, UINT8_MAX, 0));
    simple_password(&target->traits, 'a', &password);
    stored_hash(run, target, cheapest_cost(&target->traits), &password, &encoded);
    changed = encoded;
    if (way == FOLLOWED || way == FOLLOWED_TWICE)
        splice(&changed, changed.size, changed.size, &byte, 1);
    if (way == FOLLOWED_TWICE)
        splice(&changed, changed.size, changed.size, "x", 1);
    if (way == ANOTHER)
        changed.bytes[changed.size - 1] = (uint8_t)byte;
    bool is_allowed =
        way == ANOTHER && (target->traits.other_spellings ||
                           changed.bytes[changed.size - 1] == encoded.bytes[encoded.size - 1]);
    enum assay_answer answer = stored_verify(run, target, &changed, &password);
    CHECK(
        run, answer != ASSAY_OK || is_allowed,
        "a stored string of %zu bytes opens the account, and one of %zu bytes that ends otherwise "
        "does, too",
        encoded.size, changed.size);
}
const struct test_case encoding_any_end = {
    .name = "encoding.any_end",
    .shows = "whatever byte follows a stored string or takes the place of its last one, it opens "
             "nothing",
    .requirements = "PHC-02 PHC-08",
    .stands_for = "rows that were padded, ends that are not read, unused bits of base64",
    .techniques = BIT(EXHAUSTIVE),
    .body = any_end,
};

/* From both sides of where numbers get longer, in digits, in bytes and in signs. Costs of more work
 * than that take their time. */
static const struct assay_cost costs[] = {
    {0, 0},     {0, 1},     {0, 2},     {0, 9},     {0, 10},   {0, 99},   {0, 100},  {0, 127},
    {0, 128},   {0, 255},   {0, 256},   {0, 999},   {0, 1000}, {99, 0},   {100, 0},  {127, 0},
    {128, 0},   {255, 0},   {256, 0},   {999, 0},   {1000, 0}, {1023, 0}, {1024, 0}, {9999, 0},
    {10000, 0}, {32767, 0}, {32768, 0}, {65535, 0}, {65536, 0}};

static void every_cost(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    const struct assay_cost cheapest = cheapest_cost(&target->traits);
    struct text password, encoded;
    struct assay_cost stored = {0, 0};
    need_hashing(run, target);
    if (!target->cost || !target->traits.cost_min.memory_kib)
        unsupported(run, "a cost that can be set and read");
    struct assay_cost cost = costs[draw_factor(run, sizeof costs / sizeof *costs)];
    bool is_default = cost.memory_kib == 0 && cost.passes == 0;
    struct assay_cost wanted = is_default ? target->traits.cost_default : cost;
    if (!is_default && cost.memory_kib < cheapest.memory_kib)
        cost.memory_kib = wanted.memory_kib = cheapest.memory_kib;
    if (!is_default && cost.passes < cheapest.passes)
        cost.passes = wanted.passes = cheapest.passes;
    simple_password(&target->traits, 'a', &password);
    step(run, "hash");
    struct assay_reply reply = plain_hash(run, target, cost, &password, &encoded);
    tell(run, "hash at m=%u t=%u: %s", cost.memory_kib, cost.passes, REPLY_TEXT(&reply));
    if (reply.answer == ASSAY_UNAVAILABLE && reply.cause.reason == ASSAY_REASON_LIMIT)
        reject(run); /* more than it takes, which is its right */
    judge_reply(run, &reply, "hash", &password);
    if (reply.answer != ASSAY_OK)
        reject(run);
    CHECK(run, stored_verify(run, target, &encoded, &password) == ASSAY_OK,
          "hashed at m=%u t=%u, the right password is answered %s", cost.memory_kib, cost.passes,
          REPLY_TEXT(client_reply()));
    target->cost(text_bytes(&encoded), &stored, &reply);
    judge_reply(run, &reply, "cost", &password);
    CHECK(run, stored.memory_kib >= wanted.memory_kib && stored.passes >= wanted.passes,
          "%s m=%u t=%u, the string says m=%u t=%u",
          is_default ? "the default is declared as" : "asked for", wanted.memory_kib, wanted.passes,
          stored.memory_kib, stored.passes);
}
const struct test_case encoding_every_cost = {
    .name = "encoding.every_cost",
    .shows = "whatever cost hash takes, verify serves it and the string says it; no cost at all is "
             "the declared default",
    .requirements = "PHC-01 O-01",
    .stands_for = "phc-winner-argon2#42: parameters that are written and not read; defaults that "
                  "are the library's least",
    .techniques = BIT(EXHAUSTIVE),
    .body = every_cost,
};

static bool is_sentinel(const struct assay_traits *traits, const struct text *text)
{
    for (const char *const *sentinel = traits->sentinels; sentinel && *sentinel; sentinel++)
        if (strlen(*sentinel) == text->size && memcmp(*sentinel, text->bytes, text->size) == 0)
            return true;
    return false;
}

/* Strings that no scheme can have written. */
static void break_string(struct run *run, const struct assay_traits *traits,
                         const struct text *encoded, struct text *ret)
{
    size_t place = draw_index(run, encoded->size);
    *ret = *encoded;
    switch (draw(run, 0, traits->stored_is_binary ? 1 : 4, 0)) {
    case 0:
        ret->size = 0;
        break;
    case 1:
        ret->size = encoded->size / 2;
        break;
    case 2:
        ret->bytes[place] = 0x01;
        break;
    case 3:
        ret->bytes[place] = 0xff;
        break;
    default:
        ret->bytes[encoded->size - 1 - place % (encoded->size / 4 + 1)] = ' ';
        break;
    }
}

static void broken_is_corrupt(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, encoded, broken;
    need_hashing(run, target);
    draw_password(run, &target->traits, &password);
    stored_hash(run, target, cheapest_cost(&target->traits), &password, &encoded);
    break_string(run, &target->traits, &encoded, &broken);
    if (is_sentinel(&target->traits, &broken))
        reject(run);
    stored_verify(run, target, &broken, &password);
    const struct assay_reply *reply = client_reply();
    CHECK(run,
          reply->answer == ASSAY_UNAVAILABLE && reply->cause.layer == ASSAY_LAYER_STORAGE &&
              reply->cause.reason == ASSAY_REASON_CORRUPT,
          "a broken stored string is answered %s; it is unavailable (storage, corrupt)",
          REPLY_TEXT(reply));
}
const struct test_case encoding_broken_is_corrupt = {
    .name = "encoding.broken_is_corrupt",
    .shows = "a stored string with broken syntax is reported as a corrupt record, not as a wrong "
             "password",
    .requirements = "A-16.5.2 A-16.5.3 X-01",
    .stands_for = "damaged rows that look like forgotten passwords",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = broken_is_corrupt,
};

static void tampered_record(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_traits *traits = &subject->target->traits;
    struct text name, password, wrong, encoded, changed;
    struct client client;
    need_records(run, subject->target);
    client_with_account(&client, run, subject->target, &name, &password);
    draw_neighbour(run, &password, &wrong);
    record_read(&client, &name, &encoded);
    bool broken = draw(run, 0, 1, 0) == 0;
    if (broken)
        break_string(run, traits, &encoded, &changed);
    else
        change_string(run, &encoded, &changed);
    if (is_sentinel(traits, &changed) ||
        (changed.size == encoded.size && memcmp(changed.bytes, encoded.bytes, encoded.size) == 0))
        reject(run);
    client.may_be_corrupt = true;
    client.stored = &encoded;
    record_write(&client, &name, &changed);
    enum assay_answer answer = client_login(&client, &name, &password);
    if (!traits->other_spellings || changed.size != encoded.size)
        CHECK(run, answer != ASSAY_OK, "the account opens although its record is another string");
    CHECK(run, !broken || answer == ASSAY_UNAVAILABLE,
          "a record with broken syntax is answered %s, as if the password were wrong",
          REPLY_TEXT(client_reply()));
    answer = client_login(&client, &name, &wrong);
    CHECK(run, answer != ASSAY_OK || same_password(traits, &password, &wrong),
          "the account opens with a password that nobody set");
    client.may_be_corrupt = false;
    record_write(&client, &name, &encoded);
    answer = client_login(&client, &name, &password);
    CHECK(run, answer == ASSAY_OK, "with its record restored, the right password is answered %s",
          REPLY_TEXT(client_reply()));
}
const struct test_case encoding_tampered_record = {
    .name = "encoding.tampered_record",
    .shows = "an account whose record was changed opens to nobody, and says so to the operator; "
             "restored, it serves again",
    .requirements = "A-11.2.5",
    .stands_for = "CVE-2018-12551: empty or unreadable records that accept everything",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = tampered_record,
};

/* --- What is not computed --------------------------------------------------------------------- */

/* All the memory that a row can ask for, at the passes of a cheap one: whoever asks for more means
 * many passes. At a million KiB passes a second, which is quick, this is an hour for each pass. */
#define KIB_PASSES_MAX ((1ull << 32) + (1ull << 31))
#define BYTES_MAX      (1ull << 35)

static bool is_call(uint16_t operation)
{
    return strncmp(edge_catalogue()->operations[operation].name, "call.", strlen("call.")) == 0;
}

static uint64_t refused_calls(void)
{
    uint64_t refused = 0;
    for (uint16_t i = 0; i < edge_catalogue()->operation_count; i++)
        refused += is_call(i) ? edge_refused(i) : 0;
    return refused;
}

/* What goes beyond is refused at the edge. */
static void allow_hours(uint32_t passes)
{
    for (uint16_t i = 0; i < edge_catalogue()->operation_count; i++)
        if (is_call(i))
            edge_allow(i, KIB_PASSES_MAX * (passes ? passes : 1));
    edge_allow(operation_named("memory.map"), BYTES_MAX);
}

/* --- Traps ------------------------------------------------------------------------------------ */

/* Numbers that stand alone or behind "=", by their place from the front. */
static bool find_number(const struct text *text, size_t which, size_t *ret_place, size_t *ret_end)
{
    for (size_t i = 0; i < text->size; i++) {
        if (!isdigit(text->bytes[i]) || (i > 0 && isalnum(text->bytes[i - 1])) || which-- > 0)
            continue;
        *ret_place = *ret_end = i;
        while (*ret_end < text->size && isdigit(text->bytes[*ret_end]))
            ++*ret_end;
        return true;
    }
    return false;
}

/* Where a field ends: before "$" or ",", or with the string. */
static bool find_end(const struct text *text, size_t which, size_t *ret_end)
{
    for (size_t i = 1; i <= text->size; i++)
        if ((i == text->size || text->bytes[i] == '$' || text->bytes[i] == ',') && which-- == 0) {
            *ret_end = i;
            return true;
        }
    return false;
}

static const struct trap {
    const char *front, *behind; /* put before and behind a number */
    const char *why;
} number_traps[] = {
    {"0", "", "a leading zero"},
    {"00000000000000000000", "", "twenty leading zeros"},
    {"+", "", "a plus sign"},
    {"-", "", "a minus sign"},
    {" ", "", "a space in front"},
    {"", " ", "a space behind"},
    {"0x", "", "hexadecimal"},
    {"", ".0", "a fraction"},
    {"", "e0", "an exponent"},
    {"", "\n", "the end of a line"},
    {"429496729", "", "beyond 32 bits"},
    {"1844674407370955161", "", "beyond 64 bits"},
};
#define NUMBER_TRAPS (sizeof number_traps / sizeof *number_traps)

static bool set_number_trap(const struct trap *trap, size_t which, struct text *text)
{
    size_t place, end;
    if (!find_number(text, which, &place, &end))
        return false;
    splice(text, end, end, trap->behind, strlen(trap->behind));
    splice(text, place, place, trap->front, strlen(trap->front));
    return true;
}

/* Base64 of bytes leaves bits of the last letter over: the neighbour of that letter has them set.
 */
static bool set_spare_bits(struct text *text, size_t end)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *letter =
        end > 0 && text->bytes[end - 1] != 0 ? strchr(letters, text->bytes[end - 1]) : NULL;
    if (!letter)
        return false;
    text->bytes[end - 1] = (uint8_t)letters[(letter - letters) ^ 1];
    return true;
}

/* A letter of another alphabet for the same six bits. */
static bool set_foreign_letter(struct text *text, size_t size, uint8_t ours, uint8_t theirs)
{
    uint8_t *place = memchr(text->bytes, ours, size);
    if (place)
        *place = theirs;
    return place != NULL;
}

enum field_trap {
    SPARE_BITS,
    PADDING,
    SPACE_BEHIND,
    LINE_BEHIND,
    URL_PLUS,
    URL_SLASH,
    CRYPT_PLUS,
    ONE_LESS,
    FOUR_LESS,
    DOUBLED_DOLLAR,
    NUL_BEHIND,
    JUNK_BEHIND_NUL,
    FIELD_TRAPS
};

static bool set_field_trap(enum field_trap trap, size_t which, struct text *text)
{
    static const struct {
        const char *bytes;
        size_t size;
    } behind[FIELD_TRAPS] = {
        [PADDING] = {"=", 1},        [SPACE_BEHIND] = {" ", 1}, [LINE_BEHIND] = {"\n", 1},
        [DOUBLED_DOLLAR] = {"$", 1}, [NUL_BEHIND] = {"\0", 1},  [JUNK_BEHIND_NUL] = {"\0junk", 5}};
    size_t end, less = trap == ONE_LESS ? 1 : 4;
    if (!find_end(text, which, &end))
        return false;
    if (trap == SPARE_BITS)
        return set_spare_bits(text, end);
    if (trap == URL_PLUS || trap == CRYPT_PLUS)
        return set_foreign_letter(text, end, '+', trap == URL_PLUS ? '-' : '.');
    if (trap == URL_SLASH)
        return set_foreign_letter(text, end, '/', '_');
    if (trap == ONE_LESS || trap == FOUR_LESS) {
        if (end < less)
            return false;
        splice(text, end - less, end, "", 0);
        return true;
    }
    splice(text, end, end, behind[trap].bytes, behind[trap].size);
    return true;
}

#define FIELDS_MAX 8u

/* A string with both letters that alphabets differ in, if that is to be had. */
static void hash_with_letters(struct run *run, const struct assay_target *target,
                              const struct text *password, struct text *ret)
{
    for (int i = 0; i < 16; i++) {
        stored_hash(run, target, cheapest_cost(&target->traits), password, ret);
        if (memchr(ret->bytes, '+', ret->size) && memchr(ret->bytes, '/', ret->size))
            return;
    }
}

static void traps(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, encoded, changed;
    need_hashing(run, target);
    size_t trap = draw_factor(run, NUMBER_TRAPS + FIELD_TRAPS),
           which = draw_factor(run, FIELDS_MAX);
    simple_password(&target->traits, 'a', &password);
    hash_with_letters(run, target, &password, &encoded);
    allow_hours(target->traits.cost_min.passes);
    changed = encoded;
    bool is_set = trap < NUMBER_TRAPS
                      ? set_number_trap(&number_traps[trap], which, &changed)
                      : set_field_trap((enum field_trap)(trap - NUMBER_TRAPS), which, &changed);
    enum assay_answer answer = stored_verify(run, target, &changed, &password);
    if (!is_set || (target->traits.other_spellings && changed.size == encoded.size))
        return;
    CHECK(run, answer != ASSAY_OK, "the string is spelt in another way (%s), and opens the account",
          trap < NUMBER_TRAPS ? number_traps[trap].why : "a field");
}
const struct test_case encoding_traps = {
    .name = "encoding.traps",
    .shows = "no second spelling of a number or of base64, and nothing behind the end or a NUL, is "
             "accepted, in any field of a stored string",
    .requirements = "PHC-02 PHC-03 PHC-08 R-02",
    .stands_for = "node.bcrypt#1224, numbers that wrap: strings that two programs read differently",
    .techniques = BIT(EXHAUSTIVE),
    .body = traps,
};

/* --- Storage ---------------------------------------------------------------------------------- */

/* The record, or nothing where it is called corrupt. */
static bool read_any(struct client *client, const struct text *name, struct text *ret)
{
    struct assay_text room = {(char *)ret->bytes, ASSAY_ENCODED_BYTES_MAX, 0};
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    step(client->run, "record_get");
    client->table->record_get(client->handle, text_bytes(name), &room, &reply);
    ret->size = room.size <= room.capacity ? room.size : 0;
    tell(client->run, "read the record: %s, %zu bytes", REPLY_TEXT(&reply), room.size);
    CHECK(client->run, room.size <= room.capacity, "record_get says that it wrote %zu bytes of %zu",
          room.size, room.capacity);
    return client_judge(client, "record_get", &reply, NULL, ASSAY_DENIED) == ASSAY_OK;
}

static void stored_as_given(struct run *run, const void *context)
{
    static const uint16_t sizes[] = {0,   1,   2,   64,  93,  96,  97,  98,  99,  100, 120,  127,
                                     128, 129, 199, 200, 255, 256, 257, 511, 512, 513, 1000, 1023};
    static const struct {
        const char *bytes;
        size_t size;
    } patterns[] = {{"a", 1},    {"$m=4294967295,t=4294967295,p=255", 32},
                    {"a+/ ", 4}, {"0", 1},
                    {"x\0y", 3}, {"\xc3\xa9\xff", 3}};
    const struct subject *subject = context;
    struct text name, password, given = {0}, got;
    struct client client;
    need_records(run, subject->target);
    size_t size = sizes[draw_factor(run, sizeof sizes / sizeof *sizes)];
    size_t pattern = draw_factor(run, sizeof patterns / sizeof *patterns);
    client_with_account(&client, run, subject->target, &name, &password);
    while (given.size < size)
        text_add(&given, patterns[pattern].bytes, patterns[pattern].size);
    given.size = size;
    client.may_be_corrupt = true;
    record_write(&client, &name, &given);
    if (read_any(&client, &name, &got))
        CHECK(run, same_text(&given, &got), "%zu bytes were stored, and %zu come back as %s",
              given.size, got.size, QUOTED_TEXT(&got));
    CHECK(run, client_login(&client, &name, &password) != ASSAY_OK,
          "a password opens an account whose record is another string");
}
const struct test_case encoding_stored_as_given = {
    .name = "encoding.stored_as_given",
    .shows = "a stored string of any length and any bytes comes back as it was given, or is not "
             "taken",
    .requirements = "A-11.2.2 N-10",
    .stands_for = "columns and buffers that fit today's parameters; numbers that a column converts",
    .techniques = BIT(EXHAUSTIVE),
    .body = stored_as_given,
};

/* Costs of the range whose strings are long: by passes, which are cheap, and by memory. */
static const struct assay_cost long_costs[] = {{0, 9},   {0, 10},   {0, 100},   {0, 1000},
                                               {100, 0}, {1000, 0}, {10000, 0}, {100000, 0}};

static void longest_strings(struct run *run, const void *context)
{
    static const char *const rows[] = {"of an older cost", "that was served before",
                                       "of this cost"};
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    const struct assay_traits *traits = &target->traits;
    struct text name, other, password, encoded;
    struct client client;
    need_accounts(run, target);
    need_hashing(run, target);
    if (!traits->cost_min.memory_kib)
        unsupported(run, "a cost that can be set");
    struct assay_cost cost = long_costs[draw_factor(run, sizeof long_costs / sizeof *long_costs)];
    cost.memory_kib = cost.memory_kib > traits->cost_min.memory_kib ? cost.memory_kib
                                                                    : traits->cost_min.memory_kib;
    cost.passes = cost.passes > traits->cost_min.passes ? cost.passes : traits->cost_min.passes;
    simple_name(traits, 'a', &name);
    simple_password(traits, 'a', &password);
    bool was_quiet = edge_quiet(true);
    struct assay_reply reply = plain_hash(run, target, cost, &password, &encoded);
    edge_quiet(was_quiet);
    CHECK(run, reply.answer == ASSAY_OK || reply.cause.reason == ASSAY_REASON_LIMIT,
          "at m=%u t=%u hash answers %s", cost.memory_kib, cost.passes, REPLY_TEXT(&reply));
    if (reply.answer != ASSAY_OK)
        return; /* more than it serves */
    maximize(run, (int64_t)encoded.size, "bytes of a stored string");
    client_init(&client, run, target, cheapest_cost(traits));
    client_open(&client, false);
    if (client_register(&client, &name, &password) != ASSAY_OK)
        reject(run);
    client_close(&client);
    client.cost = cost; /* the first login may write the longer string, the second reads it */
    client_open(&client, true);
    simple_name(traits, 'b', &other);
    if (client_register(&client, &other, &password) != ASSAY_OK)
        reject(run);
    for (int i = 0; i < 3; i++)
        CHECK(run, client_login(&client, i < 2 ? &name : &other, &password) == ASSAY_OK,
              "at m=%u t=%u a row %s is answered %s", cost.memory_kib, cost.passes, rows[i],
              REPLY_TEXT(client_reply()));
}
const struct test_case encoding_longest_strings = {
    .name = "encoding.longest_strings",
    .shows = "a row is served, and served again after it was written anew, at every length that "
             "the parameters give it",
    .requirements = "PHC-01 O-03",
    .stands_for = "the incident: a buffer that fits cheap parameters and cuts dear ones",
    .techniques = BIT(EXHAUSTIVE),
    .body = longest_strings,
};

/* --- Hostile rows ----------------------------------------------------------------------------- */

static const char *const hostile_numbers[] = {"4294967295", "2147483648", "1073741824",
                                              "4294967304", "99999999999999999999"};

static void hostile_cost(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, encoded;
    size_t place, end;
    need_hashing(run, target);
    const char *number =
        hostile_numbers[draw_factor(run, sizeof hostile_numbers / sizeof *hostile_numbers)];
    size_t which = draw_factor(run, 5);
    simple_password(&target->traits, 'a', &password);
    stored_hash(run, target, cheapest_cost(&target->traits), &password, &encoded);
    struct work before = work_so_far();
    CHECK(run, stored_verify(run, target, &encoded, &password) == ASSAY_OK,
          "the right password is answered %s", REPLY_TEXT(client_reply()));
    if (work_since(before).kib_passes == 0)
        unsupported(run, "key derivation whose cost is in sight");
    if (!find_number(&encoded, which, &place, &end) || place == 0 ||
        encoded.bytes[place - 1] != '=')
        return;
    splice(&encoded, place, end, number, strlen(number));
    allow_hours(target->traits.cost_min.passes);
    enum assay_answer answer = stored_verify(run, target, &encoded, &password);
    CHECK(run, refused_calls() == 0,
          "a stored string asks for hours of key derivation, and it begins");
    CHECK(run, answer == ASSAY_UNAVAILABLE || answer == ASSAY_REFUSED,
          "a stored string that nobody can compute is answered %s", REPLY_TEXT(client_reply()));
}
const struct test_case encoding_hostile_cost = {
    .name = "encoding.hostile_cost",
    .shows = "a stored string that asks for terabytes or billions of passes is answered at once, "
             "and not called a wrong password",
    .requirements = "R-02 PHC-02",
    .stands_for = "libsodium 26e8b025: one row that stops a service, or wraps to another cost",
    .techniques = BIT(EXHAUSTIVE),
    .body = hostile_cost,
};
