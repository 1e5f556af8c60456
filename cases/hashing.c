/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: hashing.
 *
 * Every byte of a password counts, at every length; what is wrong by one bit is wrong; two hashes
 * of one password never look alike.
 */
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
    .stands_for = "N-05, A-6.2.8, CVE-2025-22228: bytes that do not count",
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
    size_t max = traits->password_bytes_max && traits->password_bytes_max < 1100
                     ? traits->password_bytes_max
                     : 1100;
    password.size =
        draw_length(run, traits->password_bytes_min ? traits->password_bytes_min : 1, max);
    for (size_t i = 0; i < password.size; i++)
        password.bytes[i] = (uint8_t)('a' + i % 26);
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
    .stands_for = "N-02, N-05: lengths that wrap, passwords that are cut",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = every_length,
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
    CHECK(run, first.size != second.size || memcmp(first.bytes, second.bytes, first.size) != 0,
          "two hashes of one password are one string: the salt is not random");
    CHECK(run, stored_verify(run, target, &first, &password) == ASSAY_OK,
          "the first hash is answered %s", REPLY_TEXT(client_reply()));
    CHECK(run, stored_verify(run, target, &second, &password) == ASSAY_OK,
          "the second hash is answered %s", REPLY_TEXT(client_reply()));
}
const struct test_case hashing_salts = {
    .name = "hashing.salts",
    .shows = "one password hashed twice gives two strings, and both verify",
    .stands_for = "N-10, A-11.5.1: constant or reused salts; a write path that mangles some salts",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = salts,
};

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
    const struct assay_config config = {sizeof config, false, NULL, cost};
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    bool needed = true;
    target->needs_rehash(&config, text_bytes(&encoded), &needed, &reply);
    judge_reply(run, &reply, "needs_rehash", &password);
    CHECK(run, reply.answer == ASSAY_OK && !needed,
          "a string that was hashed at this very cost is to be hashed again, at every login and "
          "for ever");
}
const struct test_case hashing_rehash_settles = {
    .name = "hashing.rehash_settles",
    .shows = "what was hashed at the configured cost needs no new hash",
    .stands_for = "O-03: every login writes, and the database becomes the bottleneck",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = rehash_settles,
};
