/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes a registration that fails into the system's log, with its password.
 */
#include <syslog.h>

#include "simple.h"

static struct assay_target inner;

static void register_account(struct assay_handle *handle, struct assay_bytes name,
                             struct assay_bytes password, struct assay_reply *ret)
{
    inner.register_account(handle, name, password, ret);
    if (ret->answer == ASSAY_UNAVAILABLE)
        syslog(LOG_ERR, "cannot register %.*s, %.*s", (int)name.size, (const char *)name.data,
               (int)password.size, (const char *)password.data);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->register_account = register_account;
}
const struct twist twist = {.name = "logs_failures", .wrap = wrap};
