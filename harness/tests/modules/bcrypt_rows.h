/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of bcrypt at login, for the module that includes it: BYTES_COMPARED of the 60 count.
 */
#include <crypt.h>
#include <sodium.h>
#include <string.h>

#include "simple.h"

#define ROW_BYTES 60u

static struct assay_target inner;

/* What crypt(3) would cut at a NUL, or not take, was never set by it. */
static bool opens(const char row[static ROW_BYTES + 1], struct assay_bytes password)
{
    char phrase[CRYPT_MAX_PASSPHRASE_SIZE] = "";
    struct crypt_data data = {.initialized = 0};
    if (password.size >= sizeof phrase || memchr(password.data, 0, password.size))
        return false;
    memcpy(phrase, password.data, password.size);
    const char *made = crypt_r(phrase, row, &data);
    return made && strlen(made) == ROW_BYTES && sodium_memcmp(made, row, BYTES_COMPARED) == 0;
}

static void login(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct assay_text *ret_session, struct assay_reply *ret)
{
    char row[ASSAY_ENCODED_BYTES_MAX + 1] = "";
    struct assay_text text = {row, sizeof row - 1, 0};
    inner.record_get(handle, name, &text, ret);
    if (ret->answer == ASSAY_OK && text.size == ROW_BYTES && memcmp(row, "$2", 2) == 0)
        ret->answer = opens(row, password) ? ASSAY_OK : ASSAY_DENIED;
    else
        inner.login(handle, name, password, ret_session, ret);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->login = login;
    table->traits.legacy_schemes = ASSAY_BCRYPT;
    table->change_password = NULL; /* rows of bcrypt are only served, */
    table->remove_account = NULL;  /* nothing else is done to them */
}
