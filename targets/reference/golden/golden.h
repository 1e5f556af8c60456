/* SPDX-License-Identifier: Apache-2.0
 *
 * What the program that adds golden databases and the test that serves them have in common.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "../reference.h"

#include <stdio.h>

#define MOMENT_MS         1700000000000 /* the clock of all that was written */
#define DIGEST_TEXT_BYTES (2u * crypto_hash_sha256_BYTES + 1u)

/* SHA-256 of a file in hexadecimal, as sha256sum writes it. False: it cannot be read. */
MUST_USE static inline bool file_digest(const char *path, char ret[DIGEST_TEXT_BYTES])
{
    crypto_hash_sha256_state state;
    uint8_t buffer[4096], digest[crypto_hash_sha256_BYTES];
    size_t size;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    (void)crypto_hash_sha256_init(&state);
    while ((size = fread(buffer, 1, sizeof buffer, file)) > 0)
        (void)crypto_hash_sha256_update(&state, buffer, size);
    bool is_read = ferror(file) == 0;
    (void)fclose(file);
    (void)crypto_hash_sha256_final(&state, digest);
    (void)sodium_bin2hex(ret, DIGEST_TEXT_BYTES, digest, sizeof digest);
    return is_read;
}

#endif
