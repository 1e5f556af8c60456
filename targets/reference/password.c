/* SPDX-License-Identifier: Apache-2.0
 *
 * Passwords: which are acceptable, how they are hashed, and whether one is right.
 *
 * Hashing is Argon2id (RFC 9106) with a fresh salt of 16 bytes, over the password as OpaqueString.
 * The cost of a new hash comes from the configuration; the cost of a verification comes from the
 * stored string, always, so that the configuration can change without locking anybody out.
 *
 * Verification decodes the string, hashes again and compares in constant time. libsodium has one
 * function for all that, crypto_pwhash_str_verify(), and it must not be used: up to version 1.0.18
 * it answers out of memory exactly as it answers a wrong password. With raw crypto_pwhash() there
 * are three different results: a broken string, a failed hash, and a verdict.
 *
 * The policy (length, control characters) is judged where a password is set and nowhere else,
 * since it changes over the years and the stored hashes do not. A password that can never have
 * been set, because it is too long or not UTF-8, is wrong; it still pays for one hash, of nothing,
 * so that the work tells a stranger nothing.
 *
 * The costs in a row are limited: a row is data, and somebody may have written it to keep this
 * program busy.
 */
#include "reference.h"

#include <errno.h>

/* libsodium computes with one lane only. */
#define LANES_SERVED 1u

_Static_assert(PHC_SALT_BYTES == crypto_pwhash_SALTBYTES, "the salt that crypto_pwhash takes");
_Static_assert(COST_MEMORY_KIB_MIN * 1024u >= crypto_pwhash_MEMLIMIT_MIN, "the least it accepts");

/* Would this program pay that cost? */
static bool cost_served(const struct cost *cost, struct reply *reply)
{
    uint64_t kib_passes = (uint64_t)cost->memory_kib * cost->passes;
    if (cost->memory_kib >= COST_MEMORY_KIB_MIN && cost->memory_kib <= COST_MEMORY_KIB_MAX &&
        cost->passes >= COST_PASSES_MIN && cost->passes <= COST_PASSES_MAX &&
        kib_passes <= COST_KIB_PASSES_MAX)
        return reply_ok(reply);
    return reply_unavailable(reply, LAYER_HASHING, REASON_LIMIT, 0, "argon2id",
                             "cost outside of the limits");
}

bool password_config_complete(const struct password_config *given, struct password_config *ret,
                              struct reply *reply)
{
    struct password_config config = *given;
    if (config.cost.memory_kib == 0)
        config.cost.memory_kib = COST_MEMORY_KIB_DEFAULT;
    if (config.cost.passes == 0)
        config.cost.passes = COST_PASSES_DEFAULT;
    if (config.code_points_min == 0)
        config.code_points_min = PASSWORD_CODE_POINTS_DEFAULT;

    REQUIRE(cost_served(&config.cost, reply));
    if (config.code_points_min < PASSWORD_CODE_POINTS_FLOOR)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_LIMIT, 0, "configuration",
                                 "minimum password length below the floor");
    *ret = config;
    return reply_ok(reply);
}

/* The policy for a password that is to be set. */
static bool prepare_new(const struct password_config *config, struct bytes password,
                        struct opaque *ret, struct reply *reply)
{
    enum opaque_flaw flaw = opaque_prepare(password, PASSWORD_BYTES_MAX, ret);
    if (flaw != OPAQUE_GOOD)
        return opaque_refused(flaw, reply);
    if (ret->has_control)
        return reply_refused(reply, REASON_REFUSED, "password with control characters");
    if (ret->code_points < config->code_points_min)
        return reply_refused(reply, REASON_REFUSED, "password too short");
    return reply_ok(reply);
}

bool password_acceptable(const struct password_config *config, struct bytes password,
                         struct reply *reply)
{
    CLEANUP(opaque_done) struct opaque prepared;
    return prepare_new(config, password, &prepared, reply);
}

/* The one call of the key derivation. The cost and the salt are those of `with`. */
static bool derive(const struct phc *with, const struct opaque *password,
                   uint8_t ret_hash[PHC_HASH_BYTES], struct reply *reply)
{
    if (sodium_init() < 0)
        return reply_unavailable(reply, LAYER_HASHING, REASON_BUG, 0, "sodium_init", "failed");
    errno = 0;
    if (crypto_pwhash(ret_hash, PHC_HASH_BYTES, (const char *)password->data, password->size,
                      with->salt, with->cost.passes, (size_t)with->cost.memory_kib * 1024u,
                      crypto_pwhash_ALG_ARGON2ID13) == 0)
        return reply_ok(reply);
    if (errno == ENOMEM)
        return reply_unavailable(reply, LAYER_HASHING, REASON_MEMORY, ENOMEM, "argon2id",
                                 "out of memory");
    return reply_unavailable(reply, LAYER_HASHING, REASON_BUG, errno, "argon2id",
                             "refused by the library");
}

static bool hash_prepared(const struct password_config *config, const struct opaque *password,
                          struct credential *ret, struct reply *reply)
{
    CLEANUP(phc_done) struct phc fresh = {.cost = config->cost, .lanes = LANES_SERVED};
    REQUIRE(cost_served(&fresh.cost, reply));
    randombytes_buf(fresh.salt, sizeof fresh.salt);
    REQUIRE(derive(&fresh, password, fresh.hash, reply));
    if (!phc_encode(&fresh, ret))
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_BUG, 0, "phc",
                                 "value without a string");
    return reply_ok(reply);
}

bool password_hash(const struct password_config *config, struct bytes password,
                   struct credential *ret, struct reply *reply)
{
    CLEANUP(opaque_done) struct opaque prepared;
    REQUIRE(prepare_new(config, password, &prepared, reply));
    return hash_prepared(config, &prepared, ret, reply);
}

bool password_rehash(const struct password_config *config, struct bytes password,
                     struct credential *ret, struct reply *reply)
{
    CLEANUP(opaque_done) struct opaque prepared;
    enum opaque_flaw flaw = opaque_prepare(password, PASSWORD_BYTES_MAX, &prepared);
    if (flaw != OPAQUE_GOOD)
        return opaque_refused(flaw, reply);
    return hash_prepared(config, &prepared, ret, reply);
}

/* A stored string, as far as this program serves it. */
static bool decode_served(struct bytes credential, struct phc *ret, struct reply *reply)
{
    if (!phc_decode(credential, ret))
        return reply_unavailable(reply, LAYER_STORAGE, REASON_CORRUPT, 0, "credential",
                                 "not a canonical argon2id string");
    if (ret->lanes != LANES_SERVED)
        return reply_unavailable(reply, LAYER_HASHING, REASON_LIMIT, 0, "argon2id",
                                 "more than one lane");
    return cost_served(&ret->cost, reply);
}

/* One hash, whatever happens, and then the verdict. Nobody's password is never right. */
static bool compare(const struct phc *stored, bool is_somebody, struct bytes password,
                    struct reply *reply)
{
    CLEANUP(opaque_done) struct opaque prepared = {.size = 0};
    CLEANUP(phc_done) struct phc derived = {.lanes = LANES_SERVED};

    bool is_possible = opaque_prepare(password, PASSWORD_BYTES_MAX, &prepared) == OPAQUE_GOOD;
    REQUIRE(derive(stored, &prepared, derived.hash, reply));
    bool is_equal = sodium_memcmp(derived.hash, stored->hash, sizeof stored->hash) == 0;
    if (is_equal && is_possible && is_somebody)
        return reply_ok(reply);
    return reply_denied(reply);
}

bool password_verify(struct bytes credential, struct bytes password, struct reply *reply)
{
    CLEANUP(phc_done) struct phc stored;
    REQUIRE(decode_served(credential, &stored, reply));
    return compare(&stored, true, password, reply);
}

bool password_verify_nobody(const struct password_config *config, struct bytes password,
                            struct reply *reply)
{
    const struct phc nobody = {.cost = config->cost, .lanes = LANES_SERVED};
    REQUIRE(cost_served(&nobody.cost, reply));
    return compare(&nobody, false, password, reply);
}

bool password_cost(struct bytes credential, struct cost *ret, struct reply *reply)
{
    CLEANUP(phc_done) struct phc stored;
    REQUIRE(decode_served(credential, &stored, reply));
    *ret = stored.cost;
    return reply_ok(reply);
}

/* A stronger hash than the configured one stays: no login ever makes a credential cheaper to
 * guess.
 */
bool password_needs_rehash(struct bytes credential, const struct cost *wanted, bool *ret_needed,
                           struct reply *reply)
{
    struct cost stored;
    REQUIRE(password_cost(credential, &stored, reply));
    *ret_needed = stored.memory_kib < wanted->memory_kib || stored.passes < wanted->passes;
    return reply_ok(reply);
}
