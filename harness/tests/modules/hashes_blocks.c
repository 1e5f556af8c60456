/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes a long password once more for each kilobyte of it.
 */
#include "simple.h"

static struct assay_target inner;

static void login(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct assay_text *ret_session, struct assay_reply *ret)
{
    const struct assay_config cheapest = {.size = sizeof cheapest, .cost = inner.traits.cost_min};
    char bytes[ASSAY_ENCODED_BYTES_MAX];
    struct assay_text text = {bytes, sizeof bytes, 0};
    for (size_t i = 0; i < password.size / 1024; i++)
        inner.hash(&cheapest, password, &text, ret);
    inner.login(handle, name, password, ret_session, ret);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->login = login;
}
const struct twist twist = {.name = "hashes_blocks", .wrap = wrap};
