/* SPDX-License-Identifier: Apache-2.0
 *
 * A string of another scheme is a wrong password.
 */
#include "simple.h"

static struct assay_target inner;

static void verify(struct assay_bytes encoded, struct assay_bytes password, struct assay_reply *ret)
{
    if (encoded.size > 0 && encoded.data[0] == '$')
        *ret = (struct assay_reply){.answer = ASSAY_DENIED};
    else
        inner.verify(encoded, password, ret);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->verify = verify;
}
const struct twist twist = {.name = "denies_foreign", .wrap = wrap};
