/* SPDX-License-Identifier: Apache-2.0
 *
 * Has room for 105 bytes of a string that it makes itself; those of dearer hashes have more.
 */
#include "simple.h"

#define ROOM 105

static struct assay_target inner;

static void hash(const struct assay_config *config, struct assay_bytes password,
                 struct assay_text *ret_encoded, struct assay_reply *ret)
{
    inner.hash(config, password, ret_encoded, ret);
    if (ret->answer == ASSAY_OK && ret_encoded->size > ROOM)
        ret_encoded->size = ROOM;
}

static void register_account(struct assay_handle *handle, struct assay_bytes name,
                             struct assay_bytes password, struct assay_reply *ret)
{
    char bytes[ASSAY_ENCODED_BYTES_MAX];
    struct assay_text text = {bytes, sizeof bytes, 0};
    struct assay_reply reply;
    inner.register_account(handle, name, password, ret);
    if (ret->answer != ASSAY_OK)
        return;
    inner.record_get(handle, name, &text, &reply);
    if (reply.answer == ASSAY_OK && text.size > ROOM)
        inner.record_put(handle, name, (struct assay_bytes){(const uint8_t *)bytes, ROOM}, &reply);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->hash = hash;
    table->register_account = register_account;
}
const struct twist twist = {.name = "cuts_made", .wrap = wrap};
