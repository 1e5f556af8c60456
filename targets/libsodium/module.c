/* SPDX-License-Identifier: Apache-2.0
 *
 * libsodium's password hashing as a target, used as its documentation says: crypto_pwhash_str makes
 * a string, and crypto_pwhash_str_verify returns 0 if it verifies and "-1 on error".
 *
 * Whoever reads that as "-1: wrong password", as nearly everybody does, has what is here. A string
 * that libsodium cannot read is told from a wrong password by crypto_pwhash_str_needs_rehash, which
 * parses it. What cannot be told is that there was no memory: known-findings.ini.
 *
 * There are no accounts here, only hashing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#define ASSAY_TARGET_MODULE
#include "targets/target.h"

#define BYTES_PER_KIB 1024u

static const struct assay_cost cost_default = {crypto_pwhash_MEMLIMIT_INTERACTIVE / BYTES_PER_KIB,
                                               crypto_pwhash_OPSLIMIT_INTERACTIVE};

static void answer(struct assay_reply *ret, enum assay_answer which)
{
    *ret = (struct assay_reply){.answer = which};
}

static void unavailable(struct assay_reply *ret, enum assay_layer layer, enum assay_reason reason,
                        const char *detail)
{
    *ret = (struct assay_reply){ASSAY_UNAVAILABLE, {layer, reason}, errno, ""};
    snprintf(ret->detail, sizeof ret->detail, "%s", detail);
}

static struct assay_cost cost_wanted(const struct assay_config *config)
{
    struct assay_cost cost = config->cost;
    cost.memory_kib = cost.memory_kib ? cost.memory_kib : cost_default.memory_kib;
    cost.passes = cost.passes ? cost.passes : cost_default.passes;
    return cost;
}

static const char *password_of(struct assay_bytes password)
{
    return password.size ? (const char *)password.data : "";
}

static void hash(const struct assay_config *config, struct assay_bytes password,
                 struct assay_text *ret_encoded, struct assay_reply *ret)
{
    const struct assay_cost cost = cost_wanted(config);
    char string[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str(string, password_of(password), password.size, cost.passes,
                          (size_t)cost.memory_kib * BYTES_PER_KIB) != 0) {
        unavailable(ret, ASSAY_LAYER_HASHING, ASSAY_REASON_MEMORY, "crypto_pwhash_str");
        return;
    }
    ret_encoded->size = strlen(string);
    if (ret_encoded->size > ret_encoded->capacity) {
        unavailable(ret, ASSAY_LAYER_INTERNAL, ASSAY_REASON_LIMIT, "no room");
        return;
    }
    memcpy(ret_encoded->data, string, ret_encoded->size);
    answer(ret, ASSAY_OK);
}

/* libsodium wants an array of this size with a NUL in it. False: the string is none of its own. */
static bool read_string(struct assay_bytes encoded, char ret[static crypto_pwhash_STRBYTES],
                        struct assay_reply *reply)
{
    memset(ret, 0, crypto_pwhash_STRBYTES);
    if (encoded.size < crypto_pwhash_STRBYTES && !memchr(encoded.data, 0, encoded.size)) {
        memcpy(ret, encoded.data, encoded.size);
        if (crypto_pwhash_str_needs_rehash(ret, cost_default.passes,
                                           (size_t)cost_default.memory_kib * BYTES_PER_KIB) >= 0)
            return true;
    }
    unavailable(reply, ASSAY_LAYER_STORAGE, ASSAY_REASON_CORRUPT, "not a string of libsodium");
    return false;
}

static void verify(struct assay_bytes encoded, struct assay_bytes password, struct assay_reply *ret)
{
    char string[crypto_pwhash_STRBYTES];
    if (read_string(encoded, string, ret))
        answer(ret, crypto_pwhash_str_verify(string, password_of(password), password.size) == 0
                        ? ASSAY_OK
                        : ASSAY_DENIED);
}

static void needs_rehash(const struct assay_config *config, struct assay_bytes encoded,
                         bool *ret_needed, struct assay_reply *ret)
{
    const struct assay_cost cost = cost_wanted(config);
    char string[crypto_pwhash_STRBYTES];
    if (!read_string(encoded, string, ret))
        return;
    *ret_needed = crypto_pwhash_str_needs_rehash(string, cost.passes,
                                                 (size_t)cost.memory_kib * BYTES_PER_KIB) == 1;
    answer(ret, ASSAY_OK);
}

static const struct assay_target target = {
    .abi = ASSAY_TARGET_ABI,
    .size = sizeof(struct assay_target),
    .name = "libsodium",
    .version = SODIUM_VERSION_STRING,
    .traits = {.recovery = ASSAY_RECOVERS_AT_ONCE,
               .controlled_entropy = true,
               .cost_min = {crypto_pwhash_MEMLIMIT_MIN / BYTES_PER_KIB, crypto_pwhash_OPSLIMIT_MIN},
               .cost_default = {crypto_pwhash_MEMLIMIT_INTERACTIVE / BYTES_PER_KIB,
                                crypto_pwhash_OPSLIMIT_INTERACTIVE}},
    .hash = hash,
    .verify = verify,
    .needs_rehash = needs_rehash,
};

const struct assay_target *assay_target(void)
{
    return sodium_init() < 0 ? NULL : &target;
}
