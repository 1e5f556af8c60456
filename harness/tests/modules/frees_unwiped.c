/* SPDX-License-Identifier: Apache-2.0
 *
 * Frees a copy of the password as it is, although it promises to wipe it.
 */
#include <stdlib.h>
#include <string.h>

#include "simple.h"

static struct assay_target inner;

static void verify(struct assay_bytes encoded, struct assay_bytes password, struct assay_reply *ret)
{
    uint8_t *volatile copy = malloc(password.size + 1); /* volatile: or the compiler does without */
    if (copy && password.size)
        memcpy(copy, password.data, password.size);
    free(copy);
    inner.verify(encoded, password, ret);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->verify = verify;
}
const struct twist twist = {.name = "frees_unwiped", .wrap = wrap};
