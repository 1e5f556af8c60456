/* SPDX-License-Identifier: Apache-2.0
 *
 * Registration refuses control characters in passwords, which a change takes.
 */
#include "simple.h"

static struct assay_target inner;

static void register_account(struct assay_handle *handle, struct assay_bytes name,
                             struct assay_bytes password, struct assay_reply *ret)
{
    bool is_odd = false;
    for (size_t i = 0; i < password.size; i++)
        is_odd |= password.data[i] < 0x20;
    if (is_odd)
        *ret =
            (struct assay_reply){ASSAY_REFUSED, {ASSAY_LAYER_INPUT, ASSAY_REASON_REFUSED}, 0, ""};
    else
        inner.register_account(handle, name, password, ret);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->register_account = register_account;
}
const struct twist twist = {.name = "picky_registration", .wrap = wrap};
