/* SPDX-License-Identifier: Apache-2.0
 *
 * The census: how many credentials there are of each kind.
 *
 * It says what a change of parameters, or the end of a pepper key, would meet: scheme, parameters
 * and key id, and how many rows have them. There is no name in it and nothing of a hash, so it may
 * leave the machine.
 *
 * The rows are streamed by one statement, and so are those of one moment, whatever a service writes
 * meanwhile. While it runs the write-ahead log cannot be reset, and grows with what is written.
 * Kinds beyond CENSUS_KINDS_MAX are counted together: somebody could have made them up.
 */
#include "store.h"

#include <string.h>

static bool same_kind(const struct password_kind *a, const struct password_kind *b)
{
    return strcmp(a->scheme, b->scheme) == 0 && strcmp(a->parameters, b->parameters) == 0 &&
           strcmp(a->key_id, b->key_id) == 0;
}

static void count(struct census *census, const struct password_kind *kind)
{
    size_t i = 0;
    while (i < census->kind_count && !same_kind(&census->kinds[i].kind, kind))
        i++;
    if (i == CENSUS_KINDS_MAX) {
        census->others++;
        return;
    }
    if (i == census->kind_count) {
        census->kinds[i].kind = *kind;
        census->kinds[i].count = 0;
        census->kind_count++;
    }
    census->kinds[i].count++;
}

static bool count_row(sqlite3_stmt *row, void *context, struct reply *reply)
{
    struct census *census = context;
    struct password_kind kind;
    struct bytes credential;
    if (store_column(row, 0, SQLITE_TEXT, "census", &credential, reply) &&
        password_describe(credential, &kind, reply)) {
        count(census, &kind);
        return reply_ok(reply);
    }
    if (reply->layer != LAYER_STORAGE || reply->reason != REASON_CORRUPT)
        return false;
    census->broken++;
    return reply_ok(reply);
}

bool store_census(struct store *store, struct census *ret, struct reply *reply)
{
    memset(ret, 0, sizeof *ret);
    return store_each(store, "census", "SELECT credential FROM account", count_row, ret, reply);
}
