/* SPDX-License-Identifier: Apache-2.0
 *
 * Login refuses control characters in passwords, which registration takes.
 */
#include "simple.h"

static struct assay_target inner;

static void login(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct assay_text *ret_session, struct assay_reply *ret)
{
    bool is_odd = false;
    for (size_t i = 0; i < password.size; i++)
        is_odd |= password.data[i] < 0x20;
    if (is_odd)
        *ret =
            (struct assay_reply){ASSAY_REFUSED, {ASSAY_LAYER_INPUT, ASSAY_REASON_REFUSED}, 0, ""};
    else
        inner.login(handle, name, password, ret_session, ret);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->login = login;
}
const struct twist twist = {.name = "picky_login", .wrap = wrap};
