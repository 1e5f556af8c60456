/* SPDX-License-Identifier: Apache-2.0
 *
 * Frees a copy of the password as it is, although it promises to wipe it.
 */
#include <stdlib.h>

#include "simple.h"

static struct assay_target inner;

static void verify(struct assay_bytes encoded, struct assay_bytes password, struct assay_reply *ret)
{
    volatile uint8_t *copy = malloc(password.size + 1); /* volatile: or nothing would be copied */
    for (size_t i = 0; copy && i < password.size; i++)
        copy[i] = password.data[i];
    free((void *)(uintptr_t)copy);
    inner.verify(encoded, password, ret);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->verify = verify;
}
const struct twist twist = {.name = "frees_unwiped", .wrap = wrap};
