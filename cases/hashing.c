/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: hashing.
 *
 * Every byte of a password counts, at every length; what is wrong by one bit is wrong; two hashes
 * of one password never look alike; and what a hash is said to cost it costs.
 */
#include <stdio.h>
#include <string.h>

#include "cases/cases.h"

static void neighbours(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, other, encoded;
    need_hashing(run, target);
    draw_password(run, &target->traits, &password);
    draw_neighbour(run, &password, &other);
    stored_hash(run, target, cheapest_cost(&target->traits), &password, &encoded);
    bool same = same_password(&target->traits, &password, &other);
    enum assay_answer answer = stored_verify(run, target, &encoded, &other);
    if (same && answer != ASSAY_OK && !would_hash(run, target, &other))
        reject(run); /* its policy would never have let it in */
    if (same)
        CHECK(run, answer == ASSAY_OK,
              "a password that the target equates with the right one is answered %s",
              REPLY_TEXT(client_reply()));
    else
        CHECK(run, answer == ASSAY_DENIED || answer == ASSAY_REFUSED,
              "a wrong password is answered %s", REPLY_TEXT(client_reply()));
    answer = stored_verify(run, target, &encoded, &password);
    CHECK(run, answer == ASSAY_OK, "the right password is answered %s", REPLY_TEXT(client_reply()));
}
const struct test_case hashing_neighbours = {
    .name = "hashing.neighbours",
    .shows = "a password that differs by a bit, a byte, its case or its length is denied, and the "
             "right one is not",
    .requirements = "N-05 A-6.2.8",
    .stands_for = "CVE-2025-22228: bytes that do not count",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .weight = 200,
    .body = neighbours,
};

static void every_length(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_traits *traits = &subject->target->traits;
    struct text password, other, encoded;
    need_hashing(run, subject->target);
    size_t max = longest_password(traits);
    password.size =
        draw_length(run, traits->password_bytes_min ? traits->password_bytes_min : 1, max);
    for (size_t i = 0; i < password.size; i++)
        password.bytes[i] = (uint8_t)('a' + i % 26);
    add_suffix(traits, &password);
    stored_hash(run, subject->target, cheapest_cost(traits), &password, &encoded);
    other = password;
    other.bytes[password.size - 1 - draw_index(run, password.size)] = 'A';
    enum assay_answer answer = stored_verify(run, subject->target, &encoded, &other);
    if (!same_password(traits, &password, &other))
        CHECK(run, answer == ASSAY_DENIED,
              "a byte of a password of %zu bytes does not count: another one is answered %s",
              password.size, REPLY_TEXT(client_reply()));
    answer = stored_verify(run, subject->target, &encoded, &password);
    CHECK(run, answer == ASSAY_OK, "a password of %zu bytes is answered %s", password.size,
          REPLY_TEXT(client_reply()));
}
const struct test_case hashing_every_length = {
    .name = "hashing.every_length",
    .shows = "at every length up to the declared limit, every byte counts",
    .requirements = "N-02 N-05",
    .stands_for = "lengths that wrap, passwords that are cut",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = every_length,
};

/* Any byte is put behind a password, or between it and something else: what comes behind counts. */
static void any_byte(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, other, encoded;
    need_hashing(run, target);
    enum { BEHIND, BEHIND_WITH_MORE, BETWEEN, WAYS };
    size_t way = draw_index(run, WAYS);
    uint8_t byte = (uint8_t)draw(run, 0, UINT8_MAX, 0);
    simple_password(&target->traits, 'a', &password);
    if (way == BETWEEN)
        text_add(&password, &byte, 1);
    other = password;
    if (way != BETWEEN)
        text_add(&other, &byte, 1);
    if (way != BEHIND)
        text_add(&other, "x", 1);
    if (way == BETWEEN)
        text_add(&password, "y", 1);
    if (!within_password_limits(&target->traits, &password) ||
        same_password(&target->traits, &password, &other))
        reject(run);
    stored_hash(run, target, cheapest_cost(&target->traits), &password, &encoded);
    enum assay_answer answer = stored_verify(run, target, &encoded, &other);
    CHECK(run, answer == ASSAY_DENIED || answer == ASSAY_REFUSED,
          "a password that differs behind a byte 0x%02x is answered %s", byte,
          REPLY_TEXT(client_reply()));
}
const struct test_case hashing_any_byte = {
    .name = "hashing.any_byte",
    .shows = "whatever byte a password holds, what follows it counts",
    .requirements = "N-05 A-6.2.8",
    .stands_for =
        "node.bcrypt#774, CVE-2024-3096, CVE-2011-2483: passwords that end at a NUL, at a "
        "sign bit or at a character",
    .techniques = BIT(EXHAUSTIVE),
    .weight = 25,
    .body = any_byte,
};

#define WRONG_PASSWORDS                                                                            \
    400u /* of one in 256 that is right, eight runs miss all by 4 in a million */

static void wrong_passwords(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, encoded;
    need_hashing(run, target);
    simple_password(&target->traits, 'a', &password);
    stored_hash(run, target, cheapest_cost(&target->traits), &password, &encoded);
    step(run, "verify");
    tell(run, "verify %u wrong passwords against %s", WRONG_PASSWORDS, QUOTED_TEXT(&encoded));
    for (uint32_t i = 0; i < WRONG_PASSWORDS; i++) {
        struct assay_reply reply = {.answer = ASSAY_ANSWERS};
        struct text wrong = password;
        char number[12];
        snprintf(number, sizeof number, "%u", i);
        text_add(&wrong, number, strlen(number));
        if (same_password(&target->traits, &password, &wrong))
            reject(run);
        target->verify(text_bytes(&encoded), text_bytes(&wrong), &reply);
        judge_reply(run, &reply, "verify", &wrong);
        CHECK(run, reply.answer == ASSAY_DENIED || reply.answer == ASSAY_REFUSED,
              "of many wrong passwords %s is answered %s", QUOTED_TEXT(&wrong), REPLY_TEXT(&reply));
    }
}
const struct test_case hashing_wrong_passwords = {
    .name = "hashing.wrong_passwords",
    .shows = "of thousands of wrong passwords none is right",
    .requirements = "N-05 A-6.2.8",
    .stands_for = "CVE-2012-2122: a comparison of which only a part is kept",
    .techniques = BIT(VECTORS),
    .body = wrong_passwords,
};

static void salts(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, first, second;
    need_hashing(run, target);
    draw_password(run, &target->traits, &password);
    stored_hash(run, target, cheapest_cost(&target->traits), &password, &first);
    stored_hash(run, target, cheapest_cost(&target->traits), &password, &second);
    CHECK(run, !same_text(&first, &second),
          "two hashes of one password are one string: the salt is not random");
    CHECK(run, stored_verify(run, target, &first, &password) == ASSAY_OK,
          "the first hash is answered %s", REPLY_TEXT(client_reply()));
    CHECK(run, stored_verify(run, target, &second, &password) == ASSAY_OK,
          "the second hash is answered %s", REPLY_TEXT(client_reply()));
}
const struct test_case hashing_salts = {
    .name = "hashing.salts",
    .shows = "one password hashed twice gives two strings, and both verify",
    .requirements = "N-10 A-11.5.1",
    .stands_for = "constant or reused salts; a write path that mangles some salts",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = salts,
};

uint64_t random_bytes(void)
{
    const struct catalogue *catalogue = edge_catalogue();
    uint64_t sum = 0;
    for (uint16_t i = 0; i < catalogue->operation_count; i++)
        if (strncmp(catalogue->operations[i].name, "entropy.", strlen("entropy.")) == 0)
            sum += edge_held(i);
    return sum;
}

/* A hash that was answered ok was made with as many random bytes as are promised, also when the
 * source of them fails. */
static void judge_salt(struct run *run, const struct assay_traits *traits, uint64_t before)
{
    uint64_t drawn = random_bytes() - before;
    if (!traits->controlled_entropy)
        return;
    CHECK(run, drawn >= traits->salt_bytes,
          "a hash is answered ok that was made with %llu random bytes, and %u are promised",
          (unsigned long long)drawn, traits->salt_bytes);
}

#define SALTED_HASHES 6

static void salt_entropy(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    static struct text encoded[SALTED_HASHES];
    struct text password;
    need_hashing(run, target);
    if (!target->traits.controlled_entropy || target->traits.salt_bytes == 0)
        unsupported(run, "controlled randomness and a promise of it (traits.salt_bytes)");
    draw_password(run, &target->traits, &password);
    for (size_t i = 0; i < SALTED_HASHES; i++) {
        uint64_t before = random_bytes();
        stored_hash(run, target, cheapest_cost(&target->traits), &password, &encoded[i]);
        judge_salt(run, &target->traits, before);
        for (size_t other = 0; other < i; other++)
            CHECK(run, !same_text(&encoded[i], &encoded[other]),
                  "hashes %zu and %zu of one password are one string: they have one salt",
                  other + 1, i + 1);
    }
}
const struct test_case hashing_salt_entropy = {
    .name = "hashing.salt_entropy",
    .shows = "each hash is made with as many fresh random bytes as are promised, and no two of one "
             "password are alike",
    .requirements = "N-10 A-11.5.1",
    .stands_for = "salts of low entropy, drawn once, or from the clock",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .weight = 25,
    .body = salt_entropy,
};

/* What needs_rehash() says of a string when this cost is configured. */
static bool rehash_needed(struct run *run, const struct assay_target *target,
                          struct assay_cost cost, const struct text *encoded)
{
    const struct assay_config config = {sizeof config, false, NULL, cost};
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    bool needed = false;
    target->needs_rehash(&config, text_bytes(encoded), &needed, &reply);
    tell(run, "at m=%u t=%u, is a new hash needed: %s", cost.memory_kib, cost.passes,
         reply.answer != ASSAY_OK ? REPLY_TEXT(&reply)
         : needed                 ? "yes"
                                  : "no");
    judge_reply(run, &reply, "needs_rehash", NULL);
    CHECK(run, reply.answer == ASSAY_OK, "needs_rehash answers %s", REPLY_TEXT(&reply));
    return needed;
}

static void rehash_settles(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, encoded;
    need_hashing(run, target);
    if (!target->needs_rehash)
        unsupported(run, "needs_rehash");
    draw_password(run, &target->traits, &password);
    struct assay_cost cost = draw_cost(run, &target->traits);
    stored_hash(run, target, cost, &password, &encoded);
    CHECK(
        run, !rehash_needed(run, target, cost, &encoded),
        "a string that was hashed at this very cost is to be hashed again, at every login and for "
        "ever");
    /* A larger step than any rounding. */
    if (cost.memory_kib)
        CHECK(run,
              rehash_needed(run, target, (struct assay_cost){4 * cost.memory_kib, cost.passes},
                            &encoded),
              "four times the memory is configured, and the string is to stay");
    if (cost.passes)
        CHECK(run,
              rehash_needed(run, target, (struct assay_cost){cost.memory_kib, 4 * cost.passes},
                            &encoded),
              "four times the passes are configured, and the string is to stay");
}
const struct test_case hashing_rehash_settles = {
    .name = "hashing.rehash_settles",
    .shows =
        "what was hashed at the configured cost needs no new hash, and at a dearer one it does",
    .requirements = "O-03",
    .stands_for = "every login writes, and the database becomes the bottleneck",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = rehash_settles,
};

static void longest(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_traits *traits = &subject->target->traits;
    struct text password = {0}, other, encoded;
    need_hashing(run, subject->target);
    const size_t limit = longest_password(traits);
    while (password.size < limit) {
        password.bytes[password.size] =
            (uint8_t)("Correct-horse-1-battery-staple"[password.size % 30]);
        password.size++;
    }
    add_suffix(traits, &password);
    struct assay_reply reply =
        plain_hash(run, subject->target, cheapest_cost(traits), &password, &encoded);
    judge_reply(run, &reply, "hash", &password);
    if (reply.answer == ASSAY_REFUSED && reply.cause.reason != ASSAY_REASON_LIMIT)
        unsupported(run, "a policy that takes this password, whatever its length");
    CHECK(run, reply.answer == ASSAY_OK,
          "a password of %zu bytes, within the declared limit, is answered %s", password.size,
          REPLY_TEXT(&reply));
    stored_hash(run, subject->target, cheapest_cost(traits), &password, &encoded);
    other = password;
    other.bytes[password.size - 1] ^= 1;
    if (!same_password(traits, &password, &other))
        CHECK(run, stored_verify(run, subject->target, &encoded, &other) != ASSAY_OK,
              "at the declared limit the last byte does not count");
    CHECK(run, stored_verify(run, subject->target, &encoded, &password) == ASSAY_OK,
          "a password of the longest kind is answered %s", REPLY_TEXT(client_reply()));
}
const struct test_case hashing_longest = {
    .name = "hashing.longest",
    .shows = "a password as long as declared is taken, and its last byte counts",
    .requirements = "N-02 N-05",
    .stands_for = "limits that are off by one",
    .techniques = BIT(VECTORS),
    .body = longest,
};

/* Rounded down to whole groups of blocks (RFC 9106, 3.2) it may be less than what was asked for, by
 * a quarter at most at these costs. The most that the key derivation had mapped at once since the
 * run began. */
static uint64_t mapped_most(void)
{
    return edge_held_most(operation_named("memory.map"));
}

static void pays_the_cost(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, encoded;
    need_hashing(run, target);
    struct assay_cost cost = cheapest_cost(&target->traits);
    if (!cost.memory_kib || !cost.passes)
        unsupported(run, "a cost that can be set");
    draw_password(run, &target->traits, &password);
    cost.memory_kib += (uint32_t)draw(run, 0, 2000, 16);
    cost.passes += (uint32_t)draw(run, 0, 7, 2);
    struct work before = work_so_far();
    stored_hash(run, target, cost, &password, &encoded);
    struct work of_hash = work_since(before);
    uint64_t asked = (uint64_t)cost.memory_kib * cost.passes;
    if (of_hash.kib_passes == 0 && of_hash.calls == 0)
        unsupported(run, "key derivation in sight");
    if (of_hash.kib_passes > 0)
        CHECK(run, of_hash.kib_passes >= asked,
              "m=%u t=%u is configured, and the key derivation is asked for %llu KiB passes",
              cost.memory_kib, cost.passes, (unsigned long long)of_hash.kib_passes);
    if (mapped_most() > 0)
        CHECK(run, mapped_most() >= (uint64_t)cost.memory_kib * 1024 * 3 / 4,
              "m=%u KiB are configured, and the key derivation takes %llu bytes", cost.memory_kib,
              (unsigned long long)mapped_most());
    before = work_so_far();
    CHECK(run, stored_verify(run, target, &encoded, &password) == ASSAY_OK,
          "the right password is answered %s", REPLY_TEXT(client_reply()));
    CHECK(run, work_since(before).kib_passes == of_hash.kib_passes,
          "a hash costs %llu KiB passes, and its verification %llu",
          (unsigned long long)of_hash.kib_passes,
          (unsigned long long)work_since(before).kib_passes);
}
const struct test_case hashing_pays_the_cost = {
    .name = "hashing.pays_the_cost",
    .shows = "at every cost the key derivation really takes the memory and the passes that were "
             "configured, and a verification as much",
    .requirements = "N-11 A-11.4.2 O-01",
    .stands_for = "Cisco type 4, pam bf9ebc84: parameters swapped, or constants in their place",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .weight = 50,
    .body = pays_the_cost,
};

static void short_of_memory(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, wrong, before, during;
    need_hashing(run, target);
    draw_password(run, &target->traits, &password);
    wrong = password;
    wrong.bytes[0] ^= 1;
    bool was_quiet = edge_quiet(true);
    stored_hash(run, target, cheapest_cost(&target->traits), &password, &before);
    edge_quiet(was_quiet);
    CHECK(run, stored_verify(run, target, &before, &password) != ASSAY_DENIED,
          "the right password is answered denied, because something failed");
    CHECK_AS(run, CONSEQUENCE_FAIL_OPEN, stored_verify(run, target, &before, &wrong) != ASSAY_OK,
             "a wrong password is answered ok, because something failed");
    step(run, "hash");
    uint64_t random_before = random_bytes();
    struct assay_reply reply =
        plain_hash(run, target, cheapest_cost(&target->traits), &password, &during);
    tell(run, "hash password %s: %s", QUOTED_TEXT(&password), REPLY_TEXT(&reply));
    judge_reply(run, &reply, "hash", &password);
    if (reply.answer == ASSAY_OK)
        judge_salt(run, &target->traits, random_before);
    edge_quiet(true);
    if (reply.answer == ASSAY_OK) {
        CHECK_AS(run, CONSEQUENCE_LOST, stored_verify(run, target, &during, &password) == ASSAY_OK,
                 "a hash that was answered ok does not verify: %s", REPLY_TEXT(client_reply()));
        CHECK_AS(run, CONSEQUENCE_FAIL_OPEN,
                 stored_verify(run, target, &during, &wrong) != ASSAY_OK,
                 "a hash that was answered ok accepts a wrong password");
    }
    CHECK_AS(run, CONSEQUENCE_STUCK, stored_verify(run, target, &before, &password) == ASSAY_OK,
             "the outage is over, but verify answers %s", REPLY_TEXT(client_reply()));
}
const struct test_case hashing_short_of_memory = {
    .name = "hashing.short_of_memory",
    .shows = "a hash that cannot be computed is neither a wrong password nor a right one, and is "
             "never stored",
    .requirements = "A-11.2.5 A-16.5.2 A-16.5.3 X-01",
    .stands_for = "the incident; libsodium 1.0.18's crypto_pwhash_str_verify, scylla#3637",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .body = short_of_memory,
};
