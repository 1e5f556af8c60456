/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of accounts: a canonical name and its credential.
 *
 * Names are unique by primary key. A credential is replaced or deleted by compare-and-swap on the
 * whole stored string, so that nothing is written on the strength of an old read.
 */
#include "store.h"

bool store_insert(struct store *store, struct bytes name, struct bytes credential,
                  struct reply *reply)
{
    const struct value values[] = {value_text(name), value_text(credential)};
    int changed;
    if (store_change(store, ACCOUNT_INSERT, values, 2, &changed, reply))
        return true;
    if (reply->native_code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return reply_exists(reply);
    return false;
}

bool store_find(struct store *store, struct bytes name, struct credential *ret, bool *ret_found,
                struct reply *reply)
{
    CLEANUP(statement_done) sqlite3_stmt *row = NULL;
    const struct value value = value_text(name);
    bool is_found = false;
    REQUIRE(store_ask(store, ACCOUNT_FIND, &value, 1, &row, &is_found, reply));
    if (is_found)
        REQUIRE(store_column_credential(row, 0, ret, reply));
    *ret_found = is_found;
    return reply_ok(reply);
}

bool store_replace(struct store *store, struct bytes name, struct bytes expected, struct bytes next,
                   bool *ret_replaced, struct reply *reply)
{
    const struct value values[] = {value_text(name), value_text(expected), value_text(next)};
    int changed;
    REQUIRE(store_change(store, ACCOUNT_REPLACE, values, 3, &changed, reply));
    *ret_replaced = changed > 0;
    return reply_ok(reply);
}

bool store_delete(struct store *store, struct bytes name, struct bytes expected, bool *ret_deleted,
                  struct reply *reply)
{
    const struct value values[] = {value_text(name), value_text(expected)};
    int changed;
    REQUIRE(store_change(store, ACCOUNT_DELETE, values, 2, &changed, reply));
    *ret_deleted = changed > 0;
    return reply_ok(reply);
}

bool store_put(struct store *store, struct bytes name, struct bytes credential, bool *ret_replaced,
               struct reply *reply)
{
    const struct value values[] = {value_text(name), value_text(credential)};
    int changed;
    REQUIRE(store_change(store, ACCOUNT_PUT, values, 2, &changed, reply));
    *ret_replaced = changed > 0;
    return reply_ok(reply);
}

bool credential_binding(struct bytes credential, uint8_t ret[BINDING_BYTES], struct reply *reply)
{
    if (crypto_generichash(ret, BINDING_BYTES, credential.data, credential.size, NULL, 0) == 0)
        return reply_ok(reply);
    return reply_unavailable(reply, LAYER_INTERNAL, REASON_BUG, 0, "binding",
                             "refused by the library");
}
