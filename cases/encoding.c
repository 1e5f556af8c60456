/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: stored strings.
 *
 * A stored string is read back for years, by this release and by others. One password has one
 * string at one salt and cost; no other string opens the account; and a string that is broken is
 * reported as broken, never as a wrong password. The last is what tells an operator that rows are
 * damaged, instead of users who seem to have forgotten their passwords.
 */
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
    enum assay_answer answer = stored_verify(run, target, &encoded, &password);
    CHECK(run, answer == ASSAY_OK, "the password that was hashed is answered %s",
          REPLY_TEXT(client_reply()));
    CHECK(run, memchr(encoded.bytes, 0, encoded.size) == NULL,
          "the stored string holds a NUL, at which others will cut it");
    if (!target->cost || !cost.memory_kib)
        return;
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    target->cost(text_bytes(&encoded), &stored, &reply);
    judge_reply(run, &reply, "cost", &password);
    CHECK(run, stored.memory_kib == cost.memory_kib && stored.passes == cost.passes,
          "asked for m=%u t=%u, the string says m=%u t=%u", cost.memory_kib, cost.passes,
          stored.memory_kib, stored.passes);
}
const struct test_case encoding_round_trip = {
    .name = "encoding.round_trip",
    .shows = "what was hashed verifies, and the string says the cost that was asked for",
    .stands_for = "PHC-01, PHC-08, O-01: strings that cannot be read back; parameters swapped",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = round_trip,
};

/* Changes a string into another one; the origin drops its last byte. Places are counted from the
 * end: the digest is there. */
static void change_string(struct run *run, const struct text *encoded, struct text *ret)
{
    static const char letters[] = "A+/.-_ =$,0az\x01\xff";
    int64_t way = draw(run, 0, 5, 0);
    size_t place = encoded->size - 1 - draw_index(run, encoded->size);
    char letter = letters[draw_index(run, sizeof letters)]; /* its NUL is one of them */
    *ret = *encoded;
    switch (way) {
    case 0:
        memmove(ret->bytes + place, ret->bytes + place + 1, --ret->size - place);
        break;
    case 1:
        ret->bytes[place] = (uint8_t)letter;
        break;
    case 2:
        memmove(ret->bytes + place + 1, ret->bytes + place, ret->size++ - place);
        ret->bytes[place] = (uint8_t)letter;
        break;
    case 3:
        ret->bytes[ret->size++] = (uint8_t)letter;
        break;
    case 4:
        ret->bytes[place] ^= (uint8_t)(1 << draw(run, 0, 7, 0));
        break;
    default:
        ret->size = place;
        break;
    }
}

static void changed_string(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text password, encoded, changed;
    need_hashing(run, target);
    draw_password(run, &target->traits, &password);
    stored_hash(run, target, cheapest_cost(&target->traits), &password, &encoded);
    change_string(run, &encoded, &changed);
    if (changed.size == encoded.size && memcmp(changed.bytes, encoded.bytes, encoded.size) == 0)
        reject(run);
    enum assay_answer answer = stored_verify(run, target, &changed, &password);
    CHECK(run, answer != ASSAY_OK, "another string than the stored one opens the account");
}
const struct test_case encoding_changed_string = {
    .name = "encoding.changed_string",
    .shows = "no string but the stored one is accepted for a password",
    .stands_for = "PHC-02, PHC-03, PHC-08: trailing junk, second forms, digests cut short",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .weight = 200,
    .body = changed_string,
};

static bool is_sentinel(const struct assay_traits *traits, const struct text *text)
{
    for (const char *const *sentinel = traits->sentinels; sentinel && *sentinel; sentinel++)
        if (strlen(*sentinel) == text->size && memcmp(*sentinel, text->bytes, text->size) == 0)
            return true;
    return false;
}

/* Strings that no scheme can have written. */
static void break_string(struct run *run, const struct text *encoded, struct text *ret)
{
    size_t place = draw_index(run, encoded->size);
    *ret = *encoded;
    switch (draw(run, 0, 4, 0)) {
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
        ret->bytes[encoded->size - 1 - place % (encoded->size / 4)] = ' ';
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
    break_string(run, &encoded, &broken);
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
    .stands_for = "A-16.5, X-01: damaged rows that look like forgotten passwords",
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
    client_init(&client, run, subject->target, cheapest_cost(traits));
    draw_name(run, traits, &name);
    draw_password(run, traits, &password);
    draw_neighbour(run, &password, &wrong);
    client_open(&client, false);
    if (client_register(&client, &name, &password) != ASSAY_OK)
        reject(run);
    record_read(&client, &name, &encoded);
    bool broken = draw(run, 0, 1, 0) == 0;
    if (broken)
        break_string(run, &encoded, &changed);
    else
        change_string(run, &encoded, &changed);
    if (is_sentinel(traits, &changed) ||
        (changed.size == encoded.size && memcmp(changed.bytes, encoded.bytes, encoded.size) == 0))
        reject(run);
    client.may_be_corrupt = true;
    record_write(&client, &name, &changed);
    enum assay_answer answer = client_login(&client, &name, &password);
    CHECK(run, answer != ASSAY_OK, "the account opens although its record is another string");
    CHECK(run, !broken || answer == ASSAY_UNAVAILABLE,
          "a record with broken syntax is answered %s, as if the password were wrong",
          REPLY_TEXT(client_reply()));
    answer = client_login(&client, &name, &wrong);
    CHECK(run, answer != ASSAY_OK, "the account opens with a password that nobody set");
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
    .stands_for = "A-11.2.5, CVE-2018-12551: empty or unreadable records that accept everything",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = tampered_record,
};
