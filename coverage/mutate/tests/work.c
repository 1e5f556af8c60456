/* SPDX-License-Identifier: Apache-2.0
 *
 * The codec at work, for the benchmark: work COUNT. Linked once with mutated code and once with
 * plain code, both at -O1.
 */
#include <stdlib.h>
#include <string.h>

#include "targets/reference/reference.h"

int main(int argc, char **argv)
{
    static const char text[] =
        "$argon2id$v=19$m=19456,t=2,p=1,keyid=azEAAQID$AAECAwQFBgcICQoLDA0ODw$"
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    for (unsigned long i = 0; i < count; i++) {
        struct phc value;
        struct credential again;
        if (!phc_decode((struct bytes){(const uint8_t *)text, sizeof text - 1}, &value) ||
            !phc_encode(&value, &again) || memcmp(again.text, text, sizeof text) != 0)
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
