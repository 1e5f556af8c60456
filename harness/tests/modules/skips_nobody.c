/* SPDX-License-Identifier: Apache-2.0
 *
 * Denies a name that nobody has without a hash: quicker than a wrong password.
 */
#include "simple.h"

static struct assay_target inner;

static void login(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct assay_text *ret_session, struct assay_reply *ret)
{
    if (is_nobody(&inner, handle, name))
        *ret = (struct assay_reply){.answer = ASSAY_DENIED};
    else
        inner.login(handle, name, password, ret_session, ret);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->login = login;
}
const struct twist twist = {.name = "skips_nobody", .wrap = wrap};
