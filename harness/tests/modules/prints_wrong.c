/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints a password that is wrong.
 */
#include <stdio.h>

#include "simple.h"

static struct assay_target inner;

static void verify(struct assay_bytes encoded, struct assay_bytes password, struct assay_reply *ret)
{
    inner.verify(encoded, password, ret);
    if (ret->answer == ASSAY_DENIED)
        fprintf(stderr, "wrong: %.*s\n", (int)password.size, (const char *)password.data);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->verify = verify;
}
const struct twist twist = {.name = "prints_wrong", .wrap = wrap};
