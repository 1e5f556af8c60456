/* SPDX-License-Identifier: Apache-2.0
 *
 * How the counter's client and server (http_server.c, proxy_test.c) tell what was changed on the
 * way from what was sent: FNV-1a, 32 bits, behind keys and answers. It sees every single bit.
 */
#ifndef ASSAY_CHECK_DIGITS_H
#define ASSAY_CHECK_DIGITS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEY_DIGITS = 8, CHECK_DIGITS = 8, KEY_BYTES = KEY_DIGITS + CHECK_DIGITS + 1 };

static inline uint32_t check_of(const char *text, size_t size)
{
    uint32_t check = 2166136261u;
    for (size_t i = 0; i < size; i++)
        check = (check ^ (uint8_t)text[i]) * 16777619u;
    return check;
}

static inline void key_text(char ret[static KEY_BYTES], uint32_t number)
{
    snprintf(ret, KEY_BYTES, "%08x", number);
    snprintf(ret + KEY_DIGITS, CHECK_DIGITS + 1, "%08x", check_of(ret, KEY_DIGITS));
}

static inline bool key_is_whole(const char *key)
{
    char check[CHECK_DIGITS + 1];
    if (strlen(key) != KEY_BYTES - 1)
        return false;
    snprintf(check, sizeof check, "%08x", check_of(key, KEY_DIGITS));
    return strcmp(key + KEY_DIGITS, check) == 0;
}

static inline void answer_text(char *ret, size_t size, const char *key, unsigned counter)
{
    int used = snprintf(ret, size, "%s %08u ", key, counter);
    snprintf(ret + used, size - (size_t)used, "%08x\n", check_of(ret, (size_t)used));
}

#endif
