/* SPDX-License-Identifier: Apache-2.0
 *
 * Lockout: how often somebody may guess.
 *
 * Wrong passwords are counted for each canonical name, over every operation that checks one. After
 * attempts_free in a row the name is locked, for a delay that doubles with each further one, up to
 * delay_longest; after attempts_max in a row, at most 100 (SP 800-63B-4, 3.2.2), it is locked until
 * an operator opens it. A success forgets them all.
 *
 * When: the verdict comes first, and then one transaction reads the count and decides. So parallel
 * attempts cannot slip through: each denial that was delivered is in the count, and whoever comes
 * after the last free one is answered `locked`, whatever the password. While a name is locked
 * nothing is counted. What could not be told (memory, disk) is no attempt.
 *
 * Clock: a row keeps when its last failure was counted, by the wall clock. A clock that jumps
 * forward ends a delay early, and no more: the count stays. One that jumps back, or begins again at
 * 0, makes that moment lie in the future; it is then brought back to now, so that nobody waits
 * longer than the delay of the count. While a clock stands still, a lock stays.
 *
 * Names without an account are counted, too, or lockout would tell who exists. There is no end of
 * names, so these have STRANGERS_MAX places and no more: a hash of the name, keyed by a random key
 * of this database, says which place and whose count it is, and a newcomer takes over the place. A
 * registration forgets the stranger's count, and a removal the account's. The count of an account
 * is bound to its credential (see migrate.c), so a later account of that name begins at 0, whoever
 * removed the one before.
 * What remains: who makes hundreds of thousands of attempts, each at the price of one password
 * hash, can push a name that does not exist out of its place, and see that its count is gone; the
 * count of an account never goes.
 *
 * Malicious locking: whoever knows a name can keep its owner out for as long as he goes on, at most
 * delay_longest beyond, and after some 20 hours of it by default until an operator helps. That is
 * the price of the limit. A front end should slow down addresses as well, which this does not know.
 */
#include "store.h"

#include <string.h>

#define SUBJECT_ACCOUNT  'a'
#define SUBJECT_STRANGER 's'
#define STRANGER_BYTES   2u /* of the number of a place */
_Static_assert(STRANGERS_MAX == 1u << (8u * STRANGER_BYTES), "places have numbers of two bytes");
_Static_assert(STRANGER_BYTES <= ACCOUNT_NAME_BYTES_MAX, "both kinds of subject fit");

bool lockout_config_complete(const struct lockout_config *given, struct lockout_config *ret,
                             struct reply *reply)
{
    struct lockout_config config = *given;
    if (config.attempts_free == 0)
        config.attempts_free = ATTEMPTS_FREE_DEFAULT;
    if (config.attempts_max == 0)
        config.attempts_max = ATTEMPTS_LIMIT;
    if (config.delay_first_ms == 0)
        config.delay_first_ms = LOCK_DELAY_FIRST_MS_DEFAULT;
    if (config.delay_longest_ms == 0)
        config.delay_longest_ms = LOCK_DELAY_LONGEST_MS_DEFAULT;

    if (config.attempts_max > ATTEMPTS_LIMIT || config.attempts_free > config.attempts_max ||
        config.delay_first_ms > config.delay_longest_ms ||
        config.delay_longest_ms > LOCK_DELAY_MS_MAX)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_LIMIT, 0, "configuration",
                                 "lockout outside of its limits");
    *ret = config;
    return reply_ok(reply);
}

static bool subject_of_account(struct bytes name, const struct credential *credential,
                               struct tally *ret, struct reply *reply)
{
    if (name.size > ACCOUNT_NAME_BYTES_MAX)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_BUG, 0, "attempts", "name too long");
    ret->subject[0] = SUBJECT_ACCOUNT;
    memcpy(ret->subject + 1, name.data, name.size);
    ret->subject_size = 1 + name.size;
    return credential_binding(credential_bytes(credential), ret->binding, reply);
}

static bool subject_of_stranger(const struct store *store, struct bytes name, struct tally *ret,
                                struct reply *reply)
{
    if (crypto_generichash(ret->binding, sizeof ret->binding, name.data, name.size, store->name_key,
                           sizeof store->name_key) != 0)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_BUG, 0, "attempts",
                                 "refused by the library");
    ret->subject[0] = SUBJECT_STRANGER;
    memcpy(ret->subject + 1, ret->binding, STRANGER_BYTES);
    ret->subject_size = 1 + STRANGER_BYTES;
    return reply_ok(reply);
}

static bool is_bound_to(struct bytes binding, const struct tally *tally)
{
    return binding.size == sizeof tally->binding &&
           memcmp(binding.data, tally->binding, sizeof tally->binding) == 0;
}

bool lockout_read(struct store *store, struct bytes name, const struct credential *credential,
                  struct tally *ret, struct reply *reply)
{
    CLEANUP(statement_done) sqlite3_stmt *row = NULL;
    struct tally tally = {.failures = 0};
    struct bytes binding;
    if (credential != NULL)
        REQUIRE(subject_of_account(name, credential, &tally, reply));
    else
        REQUIRE(subject_of_stranger(store, name, &tally, reply));
    const struct value subject = value_blob(tally.subject, tally.subject_size);
    REQUIRE(store_ask(store, ATTEMPT_FIND, &subject, 1, &row, &tally.is_kept, reply));
    if (tally.is_kept) {
        REQUIRE(store_column(row, 0, SQLITE_BLOB, "attempts", &binding, reply));
        int64_t failures = sqlite3_column_int64(row, 1);
        if (failures < 0 || failures > ATTEMPTS_LIMIT)
            return store_corrupt("attempts", "a count outside of its limits", reply);
        if (is_bound_to(binding, &tally)) {
            tally.failures = (uint32_t)failures;
            tally.since_ms = sqlite3_column_int64(row, 2);
        }
    }
    *ret = tally;
    return reply_ok(reply);
}

/* How long the name is locked after its last failure. */
static uint64_t delay_ms(const struct lockout_config *config, uint32_t failures)
{
    uint64_t delay = config->delay_first_ms;
    for (uint32_t i = config->attempts_free; i < failures && delay < config->delay_longest_ms; i++)
        delay *= 2;
    return delay < config->delay_longest_ms ? delay : config->delay_longest_ms;
}

bool lockout_is_locked(const struct lockout_config *config, const struct tally *tally,
                       int64_t now_ms, uint32_t *ret_retry_after_ms)
{
    *ret_retry_after_ms = 0;
    if (config->is_off || tally->failures < config->attempts_free)
        return false;
    if (tally->failures >= config->attempts_max)
        return true;
    uint64_t delay = delay_ms(config, tally->failures);
    uint64_t passed = now_ms > tally->since_ms ? (uint64_t)now_ms - (uint64_t)tally->since_ms : 0;
    if (passed >= delay)
        return false;
    *ret_retry_after_ms = (uint32_t)(delay - passed);
    return true;
}

static bool write_tally(struct store *store, const struct tally *tally, struct reply *reply)
{
    const struct value values[] = {
        value_blob(tally->subject, tally->subject_size),
        value_blob(tally->binding, sizeof tally->binding),
        value_integer(tally->failures),
        value_integer(tally->since_ms),
    };
    int changed;
    return store_change(store, ATTEMPT_PUT, values, sizeof values / sizeof *values, &changed,
                        reply);
}

bool lockout_count(struct store *store, struct tally *tally, int64_t now_ms, struct reply *reply)
{
    if (tally->failures < ATTEMPTS_LIMIT)
        tally->failures++;
    tally->since_ms = now_ms;
    return write_tally(store, tally, reply);
}

bool lockout_bring_back(struct store *store, struct tally *tally, int64_t now_ms,
                        struct reply *reply)
{
    if (tally->since_ms <= now_ms)
        return reply_ok(reply);
    tally->since_ms = now_ms;
    return write_tally(store, tally, reply);
}

bool lockout_forget(struct store *store, const struct tally *tally, struct reply *reply)
{
    const struct value subject = value_blob(tally->subject, tally->subject_size);
    int changed;
    bool is_another_strangers = tally->subject[0] == SUBJECT_STRANGER && tally->failures == 0;
    if (!tally->is_kept || is_another_strangers)
        return reply_ok(reply);
    return store_change(store, ATTEMPT_DELETE, &subject, 1, &changed, reply);
}
