/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes at the least cost, and writes the configured one into the string.
 */
#include <stdio.h>
#include <string.h>

#include "simple.h"

static struct assay_target inner;

/* The string with another cost in front. */
static struct assay_bytes with_cost(struct assay_bytes encoded, struct assay_cost cost,
                                    char ret[static ASSAY_ENCODED_BYTES_MAX])
{
    const char *rest = memchr(encoded.data, '$', encoded.size);
    if (!rest)
        return encoded;
    size_t size = encoded.size - (size_t)(rest - (const char *)encoded.data);
    size = (size_t)snprintf(ret, ASSAY_ENCODED_BYTES_MAX, "m=%u,t=%u%.*s", cost.memory_kib,
                            cost.passes, (int)size, rest);
    return (struct assay_bytes){(const uint8_t *)ret, size};
}

static void hash(const struct assay_config *config, struct assay_bytes password,
                 struct assay_text *ret_encoded, struct assay_reply *ret)
{
    struct assay_config cheapest = *config;
    char bytes[ASSAY_ENCODED_BYTES_MAX];
    cheapest.cost = inner.traits.cost_min;
    inner.hash(&cheapest, password, ret_encoded, ret);
    if (ret->answer != ASSAY_OK)
        return;
    struct assay_bytes made = {(const uint8_t *)ret_encoded->data, ret_encoded->size};
    made = with_cost(made, config->cost, bytes);
    memcpy(ret_encoded->data, made.data, made.size);
    ret_encoded->size = made.size;
}

static void verify(struct assay_bytes encoded, struct assay_bytes password, struct assay_reply *ret)
{
    struct assay_cost cost;
    char bytes[ASSAY_ENCODED_BYTES_MAX];
    inner.cost(encoded, &cost, ret);
    if (ret->answer == ASSAY_OK)
        inner.verify(with_cost(encoded, inner.traits.cost_min, bytes), password, ret);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->hash = hash;
    table->verify = verify;
}
const struct twist twist = {.name = "hashes_cheaply", .wrap = wrap};
