/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps passwords that are wrong in a file of its own.
 */
#include <stdio.h>

#include "simple.h"

static struct assay_target inner;

static void login(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct assay_text *ret_session, struct assay_reply *ret)
{
    inner.login(handle, name, password, ret_session, ret);
    FILE *file = ret->answer == ASSAY_DENIED ? fopen("wrong.log", "a") : NULL;
    if (!file)
        return;
    fwrite(password.data, 1, password.size, file);
    fclose(file);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->login = login;
}
const struct twist twist = {.name = "keeps_wrong", .wrap = wrap};
