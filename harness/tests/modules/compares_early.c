/* SPDX-License-Identifier: Apache-2.0
 *
 * Compares digests by memcmp(), which stops where they differ.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "simple.h"

static struct assay_target inner;

#define SALT_HEX   (2 * crypto_pwhash_SALTBYTES)
#define DIGEST_HEX 64

static void verify(struct assay_bytes encoded, struct assay_bytes password, struct assay_reply *ret)
{
    char text[200] = "", salt_hex[SALT_HEX + 1], digest_hex[DIGEST_HEX + 1];
    uint8_t salt[crypto_pwhash_SALTBYTES], stored[32], derived[32];
    unsigned memory_kib, passes;
    inner.verify(encoded, password, ret);
    if (ret->answer == ASSAY_UNAVAILABLE || encoded.size >= sizeof text)
        return;
    memcpy(text, encoded.data, encoded.size);
    if (sscanf(text, "m=%6u,t=%2u$%32[0-9a-f]$%64[0-9a-f]", &memory_kib, &passes, salt_hex,
               digest_hex) != 4 ||
        sodium_hex2bin(salt, sizeof salt, salt_hex, SALT_HEX, NULL, NULL, NULL) != 0 ||
        sodium_hex2bin(stored, sizeof stored, digest_hex, DIGEST_HEX, NULL, NULL, NULL) != 0 ||
        crypto_pwhash(derived, sizeof derived, (const char *)password.data, password.size, salt,
                      passes, (size_t)memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return;
    volatile size_t size = sizeof stored; /* volatile: or the compiler compares it all at once */
    ret->answer = memcmp(stored, derived, size) == 0 ? ASSAY_OK : ASSAY_DENIED;
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->verify = verify;
}
const struct twist twist = {.name = "compares_early", .wrap = wrap};
