/* SPDX-License-Identifier: Apache-2.0
 *
 * A stored string ends at its first NUL, whatever follows.
 */
#include <string.h>

#include "simple.h"

static struct assay_target inner;

static void verify(struct assay_bytes encoded, struct assay_bytes password, struct assay_reply *ret)
{
    if (encoded.size > 0)
        encoded.size = strnlen((const char *)encoded.data, encoded.size);
    inner.verify(encoded, password, ret);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->verify = verify;
}
const struct twist twist = {.name = "nul_ends_string", .wrap = wrap};
