/* SPDX-License-Identifier: Apache-2.0
 *
 * Passwords: how they are hashed, and whether one is right.
 *
 * Hashing is Argon2id (RFC 9106) with a fresh salt of 16 bytes, over the password as OpaqueString,
 * and then the keyed step of pepper.c when there is a key. The cost of a new hash comes from the
 * configuration; the cost and the key of a verification come from the stored string, always, so
 * that the configuration can change without locking anybody out.
 *
 * Verification decodes the string, hashes again and compares in constant time. libsodium has one
 * function for all that, crypto_pwhash_str_verify(), and it must not be used: up to version 1.0.18
 * it answers out of memory exactly as it answers a wrong password. With raw crypto_pwhash() there
 * are three different results: a broken string, a failed hash, and a verdict. Rows of crypt(3) go
 * to legacy.c, which keeps the same three apart.
 *
 * The policy (policy.c) is judged where a password is set. A password that can never have been set,
 * because it is too long or not UTF-8, is wrong; it still pays for one hash, of nothing, so that
 * the work tells a stranger nothing.
 *
 * The costs in a row are limited: a row is data, and somebody may have written it to keep this
 * program busy. All hashes together are limited by admission.c; each is admitted with the memory
 * that it really takes, and gives it back on every path.
 */
#include "reference.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

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

    REQUIRE(cost_served(&config.cost, reply));
    REQUIRE(policy_complete(&config, reply));
    if (!admission_suffices(config.admission, config.cost.memory_kib))
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_LIMIT, 0, "configuration",
                                 "an admission that no hash of that cost passes");
    *ret = config;
    return reply_ok(reply);
}

/* The one call of the key derivation. The cost, the salt and the key are those of `with`. */
static bool derive(const struct password_config *config, const struct phc *with,
                   const struct opaque *password, uint8_t ret_hash[PHC_HASH_BYTES],
                   struct reply *reply)
{
    CLEANUP(admission_give) struct admission_ticket ticket = {NULL, 0};
    if (sodium_init() < 0)
        return reply_unavailable(reply, LAYER_HASHING, REASON_BUG, 0, "sodium_init", "failed");
    REQUIRE(pepper_knows(config->pepper, with, reply));
    REQUIRE(admission_take(config->admission, with->cost.memory_kib, &ticket, reply));
    errno = 0;
    if (crypto_pwhash(ret_hash, PHC_HASH_BYTES, (const char *)password->data, password->size,
                      with->salt, with->cost.passes, (size_t)with->cost.memory_kib * 1024u,
                      crypto_pwhash_ALG_ARGON2ID13) == 0)
        return pepper_apply(config->pepper, with, ret_hash, reply);
    if (errno == ENOMEM)
        return reply_unavailable(reply, LAYER_HASHING, REASON_MEMORY, ENOMEM, "argon2id",
                                 "out of memory");
    return reply_unavailable(reply, LAYER_HASHING, REASON_BUG, errno, "argon2id",
                             "refused by the library");
}

static bool hash_prepared(const struct password_config *config, const struct cost *cost,
                          const struct opaque *password, struct credential *ret,
                          struct reply *reply)
{
    CLEANUP(phc_done) struct phc fresh = {.cost = *cost, .lanes = LANES_SERVED};
    REQUIRE(cost_served(&fresh.cost, reply));
    pepper_choose(config->pepper, &fresh);
    randombytes_buf(fresh.salt, sizeof fresh.salt);
    REQUIRE(derive(config, &fresh, password, fresh.hash, reply));
    if (!phc_encode(&fresh, ret))
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_BUG, 0, "phc",
                                 "value without a string");
    return reply_ok(reply);
}

bool password_hash(const struct password_config *config, struct bytes password, struct bytes name,
                   struct credential *ret, struct reply *reply)
{
    CLEANUP(opaque_done) struct opaque prepared;
    REQUIRE(policy_prepare(config, password, name, &prepared, reply));
    return hash_prepared(config, &config->cost, &prepared, ret, reply);
}

static bool decode(struct bytes credential, struct phc *ret, struct reply *reply)
{
    if (!phc_decode(credential, ret))
        return reply_unavailable(reply, LAYER_STORAGE, REASON_CORRUPT, 0, "credential",
                                 "not a canonical argon2id string");
    return reply_ok(reply);
}

/* A stored string, as far as this program serves it. */
static bool decode_served(struct bytes credential, struct phc *ret, struct reply *reply)
{
    REQUIRE(decode(credential, ret, reply));
    if (ret->lanes != LANES_SERVED)
        return reply_unavailable(reply, LAYER_HASHING, REASON_LIMIT, 0, "argon2id",
                                 "more than one lane");
    return cost_served(&ret->cost, reply);
}

static bool decode_legacy(struct bytes credential, struct legacy *ret, struct reply *reply)
{
    if (!legacy_decode(credential, ret))
        return reply_unavailable(reply, LAYER_STORAGE, REASON_CORRUPT, 0, "credential",
                                 "not a canonical row of crypt(3)");
    return reply_ok(reply);
}

static bool decode_legacy_served(struct bytes credential, struct legacy *ret, struct reply *reply)
{
    REQUIRE(decode_legacy(credential, ret, reply));
    if (ret->is_served)
        return reply_ok(reply);
    return reply_unavailable(reply, LAYER_HASHING, REASON_LIMIT, 0, ret->scheme,
                             "cost outside of the limits");
}

static bool is_weaker(const struct cost *stored, const struct cost *wanted)
{
    return stored->memory_kib < wanted->memory_kib || stored->passes < wanted->passes;
}

/* The cost of the credential that takes the place of a verified one. A stronger one keeps its own:
 * no login ever makes a credential cheaper to guess, also not one that gives it another key. */
static bool choose_cost(const struct cost *wanted, struct bytes verified, struct bytes password,
                        struct cost *ret, struct reply *reply)
{
    CLEANUP(legacy_done) struct legacy row;
    CLEANUP(phc_done) struct phc stored;
    *ret = *wanted;
    if (legacy_recognises(verified)) {
        REQUIRE(decode_legacy_served(verified, &row, reply));
        if (!legacy_is_exact(&row, password))
            return reply_refused(reply, REASON_LIMIT, "bcrypt saw only a part of the password");
        return reply_ok(reply);
    }
    REQUIRE(decode_served(verified, &stored, reply));
    if (!is_weaker(&stored.cost, wanted))
        *ret = stored.cost;
    return reply_ok(reply);
}

bool password_rehash(const struct password_config *config, struct bytes verified,
                     struct bytes password, struct credential *ret, struct reply *reply)
{
    CLEANUP(opaque_done) struct opaque prepared;
    struct cost cost;
    enum opaque_flaw flaw = opaque_prepare(password, PASSWORD_BYTES_MAX, &prepared);
    if (flaw != OPAQUE_GOOD)
        return opaque_refused(flaw, reply);
    REQUIRE(choose_cost(&config->cost, verified, password, &cost, reply));
    return hash_prepared(config, &cost, &prepared, ret, reply);
}

/* One hash, whatever happens, and then the verdict. Nobody's password is never right. */
static bool compare(const struct password_config *config, const struct phc *stored,
                    bool is_somebody, struct bytes password, struct reply *reply)
{
    CLEANUP(opaque_done) struct opaque prepared = {.size = 0};
    CLEANUP(phc_done) struct phc derived = {.lanes = LANES_SERVED};

    bool is_possible = opaque_prepare(password, PASSWORD_BYTES_MAX, &prepared) == OPAQUE_GOOD;
    REQUIRE(derive(config, stored, &prepared, derived.hash, reply));
    bool is_equal = sodium_memcmp(derived.hash, stored->hash, sizeof stored->hash) == 0;
    if (is_equal && is_possible && is_somebody)
        return reply_ok(reply);
    return reply_denied(reply);
}

static bool verify_legacy(const struct password_config *config, struct bytes credential,
                          struct bytes password, struct reply *reply)
{
    CLEANUP(legacy_done) struct legacy row = {.size = 0};
    CLEANUP(admission_give) struct admission_ticket ticket = {NULL, 0};
    REQUIRE(decode_legacy_served(credential, &row, reply));
    REQUIRE(admission_take(config->admission, row.memory_kib, &ticket, reply));
    return legacy_verify(&row, password, reply);
}

bool password_verify(const struct password_config *config, struct bytes credential,
                     struct bytes password, struct reply *reply)
{
    CLEANUP(phc_done) struct phc stored;
    if (legacy_recognises(credential))
        return verify_legacy(config, credential, password, reply);
    REQUIRE(decode_served(credential, &stored, reply));
    return compare(config, &stored, true, password, reply);
}

bool password_verify_nobody(const struct password_config *config, struct bytes password,
                            struct reply *reply)
{
    struct phc nobody = {.cost = config->cost, .lanes = LANES_SERVED};
    REQUIRE(cost_served(&nobody.cost, reply));
    pepper_choose(config->pepper, &nobody);
    return compare(config, &nobody, false, password, reply);
}

bool password_cost(struct bytes credential, struct cost *ret, struct reply *reply)
{
    CLEANUP(phc_done) struct phc stored;
    if (legacy_recognises(credential))
        return reply_unavailable(reply, LAYER_HASHING, REASON_REFUSED, 0, "credential",
                                 "a row of crypt(3), whose cost has other terms");
    REQUIRE(decode_served(credential, &stored, reply));
    *ret = stored.cost;
    return reply_ok(reply);
}

bool password_needs_rehash(const struct password_config *config, struct bytes credential,
                           bool *ret_needed, struct reply *reply)
{
    CLEANUP(phc_done) struct phc stored;
    CLEANUP(legacy_done) struct legacy row;
    if (legacy_recognises(credential)) {
        REQUIRE(decode_legacy_served(credential, &row, reply));
        *ret_needed = true;
        return reply_ok(reply);
    }
    REQUIRE(decode_served(credential, &stored, reply));
    REQUIRE(pepper_knows(config->pepper, &stored, reply));
    *ret_needed =
        is_weaker(&stored.cost, &config->cost) || !pepper_is_current(config->pepper, &stored);
    return reply_ok(reply);
}

static void describe_argon2id(const struct phc *stored, struct password_kind *ret)
{
    *ret = (struct password_kind){.scheme = "argon2id", .key_id = "-"};
    (void)snprintf(ret->parameters, sizeof ret->parameters,
                   "m=%" PRIu32 ",t=%" PRIu32 ",p=%" PRIu32, stored->cost.memory_kib,
                   stored->cost.passes, stored->lanes);
    if (stored->key_id_size > 0)
        pepper_name(stored, ret->key_id);
}

static void describe_legacy(const struct legacy *row, struct password_kind *ret)
{
    *ret = (struct password_kind){.key_id = "-"};
    (void)snprintf(ret->scheme, sizeof ret->scheme, "%s", row->scheme);
    (void)snprintf(ret->parameters, sizeof ret->parameters, "%s", row->parameters);
}

bool password_describe(struct bytes credential, struct password_kind *ret, struct reply *reply)
{
    CLEANUP(phc_done) struct phc stored;
    CLEANUP(legacy_done) struct legacy row;
    if (legacy_recognises(credential)) {
        REQUIRE(decode_legacy(credential, &row, reply));
        describe_legacy(&row, ret);
        return reply_ok(reply);
    }
    REQUIRE(decode(credential, &stored, reply));
    describe_argon2id(&stored, ret);
    return reply_ok(reply);
}
