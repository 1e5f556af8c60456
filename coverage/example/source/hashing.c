/* SPDX-License-Identifier: Apache-2.0
 *
 * A small password hash of somebody else's, to show how `assay prove --patches` judges its changes.
 *
 * A stored string is "$example$m=KIB,t=PASSES$SALT$HASH", salt and hash in lower-case hexadecimal,
 * the hash by Argon2id (RFC 9106). There is one form of each string: what is read is written again
 * and compared. There are no accounts here, only hashing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define ASSAY_TARGET_MODULE
#include "targets/target.h"

#define SALT_BYTES    crypto_pwhash_SALTBYTES
#define HASH_BYTES    32u
#define KIB_MIN       8u
#define KIB_MAX       1048576u
#define PASSES_MAX    64u
#define ENCODED_BYTES 160u
#define COST_DEFAULT                                                                               \
    {                                                                                              \
        19456, 2                                                                                   \
    }

struct stored {
    struct assay_cost cost;
    unsigned char salt[SALT_BYTES], hash[HASH_BYTES];
};

static void answer(struct assay_reply *ret, enum assay_answer which)
{
    *ret = (struct assay_reply){.answer = which};
}

static void unavailable(struct assay_reply *ret, enum assay_layer layer, enum assay_reason reason)
{
    *ret = (struct assay_reply){ASSAY_UNAVAILABLE, {layer, reason}, errno, ""};
}

static size_t write_stored(const struct stored *stored, char ret[static ENCODED_BYTES])
{
    char salt[2 * SALT_BYTES + 1], hash[2 * HASH_BYTES + 1];
    sodium_bin2hex(salt, sizeof salt, stored->salt, sizeof stored->salt);
    sodium_bin2hex(hash, sizeof hash, stored->hash, sizeof stored->hash);
    return (size_t)snprintf(ret, ENCODED_BYTES, "$example$m=%u,t=%u$%s$%s", stored->cost.memory_kib,
                            stored->cost.passes, salt, hash);
}

/* False: nobody wrote this string. */
static bool read_stored(struct assay_bytes encoded, struct stored *ret)
{
    char text[ENCODED_BYTES] = "", again[ENCODED_BYTES], salt[64], hash[96];
    if (encoded.size >= sizeof text || memchr(encoded.data, 0, encoded.size))
        return false;
    memcpy(text, encoded.data, encoded.size);
    if (sscanf(text, "$example$m=%7u,t=%2u$%63[0-9a-f]$%95[0-9a-f]", &ret->cost.memory_kib,
               &ret->cost.passes, salt, hash) != 4 ||
        strlen(salt) != 2 * SALT_BYTES || strlen(hash) != 2 * HASH_BYTES ||
        ret->cost.memory_kib < KIB_MIN || ret->cost.memory_kib > KIB_MAX || ret->cost.passes < 1 ||
        ret->cost.passes > PASSES_MAX)
        return false;
    sodium_hex2bin(ret->salt, sizeof ret->salt, salt, strlen(salt), NULL, NULL, NULL);
    sodium_hex2bin(ret->hash, sizeof ret->hash, hash, strlen(hash), NULL, NULL, NULL);
    return write_stored(ret, again) == encoded.size && memcmp(again, text, encoded.size) == 0;
}

/* False: there is no memory for it; the reply says so. */
static bool derive(const struct stored *stored, struct assay_bytes password,
                   unsigned char ret_hash[static HASH_BYTES], struct assay_reply *reply)
{
    const char *bytes = password.size ? (const char *)password.data : "";
    if (crypto_pwhash(ret_hash, HASH_BYTES, bytes, password.size, stored->salt, stored->cost.passes,
                      (size_t)stored->cost.memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) == 0)
        return true;
    unavailable(reply, ASSAY_LAYER_HASHING, ASSAY_REASON_MEMORY);
    return false;
}

static struct assay_cost cost_wanted(const struct assay_config *config)
{
    const struct assay_cost usual = COST_DEFAULT;
    struct assay_cost cost = config->cost;
    cost.memory_kib = cost.memory_kib ? cost.memory_kib : usual.memory_kib;
    cost.passes = cost.passes ? cost.passes : usual.passes;
    return cost;
}

static void hash(const struct assay_config *config, struct assay_bytes password,
                 struct assay_text *ret_encoded, struct assay_reply *ret)
{
    struct stored stored = {.cost = cost_wanted(config)};
    char text[ENCODED_BYTES];
    randombytes_buf(stored.salt, sizeof stored.salt);
    if (!derive(&stored, password, stored.hash, ret))
        return;
    ret_encoded->size = write_stored(&stored, text);
    memcpy(ret_encoded->data, text, ret_encoded->size);
    answer(ret, ASSAY_OK);
}

static void verify(struct assay_bytes encoded, struct assay_bytes password, struct assay_reply *ret)
{
    struct stored stored;
    unsigned char computed[HASH_BYTES];
    if (!read_stored(encoded, &stored)) {
        unavailable(ret, ASSAY_LAYER_STORAGE, ASSAY_REASON_CORRUPT);
        return;
    }
    if (!derive(&stored, password, computed, ret))
        return;
    answer(ret, sodium_memcmp(computed, stored.hash, HASH_BYTES) == 0 ? ASSAY_OK : ASSAY_DENIED);
}

static void needs_rehash(const struct assay_config *config, struct assay_bytes encoded,
                         bool *ret_needed, struct assay_reply *ret)
{
    const struct assay_cost cost = cost_wanted(config);
    struct stored stored;
    if (!read_stored(encoded, &stored)) {
        unavailable(ret, ASSAY_LAYER_STORAGE, ASSAY_REASON_CORRUPT);
        return;
    }
    *ret_needed = stored.cost.memory_kib != cost.memory_kib || stored.cost.passes != cost.passes;
    answer(ret, ASSAY_OK);
}

static const struct assay_target target = {
    .abi = ASSAY_TARGET_ABI,
    .size = sizeof(struct assay_target),
    .name = "example",
    .version = "1",
    .traits = {.recovery = ASSAY_RECOVERS_AT_ONCE,
               .controlled_entropy = true,
               .salt_bytes = SALT_BYTES,
               .cost_min = {KIB_MIN, 1},
               .cost_default = COST_DEFAULT},
    .hash = hash,
    .verify = verify,
    .needs_rehash = needs_rehash,
};

const struct assay_target *assay_target(void)
{
    return sodium_init() < 0 ? NULL : &target;
}
