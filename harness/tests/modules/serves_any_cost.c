/* SPDX-License-Identifier: Apache-2.0
 *
 * Computes whatever cost a stored string asks for.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "simple.h"

static struct assay_target inner;

static void verify(struct assay_bytes encoded, struct assay_bytes password, struct assay_reply *ret)
{
    static const uint8_t salt[crypto_pwhash_SALTBYTES];
    char text[32] = "";
    uint8_t digest[32];
    unsigned long long memory_kib, passes;
    memcpy(text, encoded.data, encoded.size < sizeof text - 1 ? encoded.size : sizeof text - 1);
    inner.verify(encoded, password, ret);
    if (ret->answer == ASSAY_UNAVAILABLE &&
        sscanf(text, "m=%19llu,t=%19llu$", &memory_kib, &passes) == 2 &&
        crypto_pwhash(digest, sizeof digest, (const char *)password.data, password.size, salt,
                      passes, memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) == 0)
        *ret = (struct assay_reply){.answer = ASSAY_DENIED};
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->verify = verify;
}
const struct twist twist = {.name = "serves_any_cost", .wrap = wrap};
