/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps each stored string in a second table, for ever.
 */
#include <sqlite3.h>

#include "simple.h"

static struct assay_target inner;

static void register_account(struct assay_handle *handle, struct assay_bytes name,
                             struct assay_bytes password, struct assay_reply *ret)
{
    char bytes[ASSAY_ENCODED_BYTES_MAX];
    struct assay_text text = {bytes, sizeof bytes, 0};
    struct assay_reply reply;
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    inner.register_account(handle, name, password, ret);
    if (ret->answer != ASSAY_OK)
        return;
    inner.record_get(handle, name, &text, &reply);
    (void)sqlite3_open("accounts.db", &database);
    (void)sqlite3_exec(database, "CREATE TABLE IF NOT EXISTS history(credential BLOB)", NULL, NULL,
                       NULL);
    (void)sqlite3_prepare_v2(database, "INSERT INTO history VALUES(?1)", -1, &statement, NULL);
    (void)sqlite3_bind_blob(statement, 1, bytes, (int)text.size, SQLITE_STATIC);
    (void)sqlite3_step(statement);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(database);
}

static void wrap(struct assay_target *table)
{
    inner = *table;
    table->register_account = register_account;
}
const struct twist twist = {.name = "keeps_history", .wrap = wrap};
