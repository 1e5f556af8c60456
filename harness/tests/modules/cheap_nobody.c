/* SPDX-License-Identifier: Apache-2.0
 *
 * Denies a name that nobody has after a hash of the least cost, whatever is configured.
 */
#include "simple.h"

static struct assay_target inner;

static void login(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct assay_text *ret_session, struct assay_reply *ret)
{
    const struct assay_config cheapest = {.size = sizeof cheapest, .cost = inner.traits.cost_min};
    char bytes[ASSAY_ENCODED_BYTES_MAX];
    struct assay_text text = {bytes, sizeof bytes, 0};
    if (!is_nobody(&inner, handle, name)) {
        inner.login(handle, name, password, ret_session, ret);
        return;
    }
    inner.hash(&cheapest, password, &text, ret);
    if (ret->answer == ASSAY_OK)
        ret->answer = ASSAY_DENIED;
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->login = login;
}
const struct twist twist = {.name = "cheap_nobody", .wrap = wrap};
