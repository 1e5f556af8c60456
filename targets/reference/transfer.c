/* SPDX-License-Identifier: Apache-2.0
 *
 * Export and import: accounts as JSON Lines.
 *
 * One object a line, {"name":"...","credential":"..."}, nothing else in it, in UTF-8. Counts of
 * wrong passwords and sessions stay behind: they are the state of a service, not of its accounts.
 *
 * Export streams one statement, and so the rows of one moment, whatever a service writes meanwhile.
 * A row that JSON cannot hold stops it, since a copy that leaves something out looks like a copy.
 *
 * Import is one transaction: all lines, or none. A line that is malformed, a name that no account
 * can have, that is taken or comes twice, and a credential of no known syntax are refused with the
 * number of the line. Names become canonical, as at a registration. Whether a password was
 * acceptable nobody can know. The write lock is held while it runs: a service beside it reads on,
 * and its writes wait, up to BUSY_TIMEOUT_MS; large files are better split, or imported first.
 *
 * The file is one of secrets: it must belong to this user or to root, and nobody else may read it.
 */
#include "store.h"

#include <errno.h>
#include <jansson.h>

static void json_done(json_t **value)
{
    json_decref(*value);
}

static bool write_failed(struct reply *reply)
{
    return reply_unavailable(reply, LAYER_INTERNAL, errno == ENOSPC ? REASON_FULL : REASON_IO,
                             errno, "export", "cannot be written");
}

static bool export_row(sqlite3_stmt *row, void *context, struct reply *reply)
{
    FILE *out = context;
    struct bytes name, credential;
    json_error_t error;
    REQUIRE(store_column(row, 0, SQLITE_TEXT, "export", &name, reply));
    REQUIRE(store_column(row, 1, SQLITE_TEXT, "export", &credential, reply));
    CLEANUP(json_done)
    json_t *object =
        json_pack_ex(&error, 0, "{s:s%, s:s%}", "name", (const char *)name.data, name.size,
                     "credential", (const char *)credential.data, credential.size);
    if (object == NULL && json_error_code(&error) == json_error_out_of_memory)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, 0, "export",
                                 "out of memory");
    if (object == NULL)
        return store_corrupt("export", "a row that is not UTF-8", reply);
    if (json_dumpf(object, out, JSON_COMPACT) != 0 || putc('\n', out) == EOF)
        return write_failed(reply);
    return reply_ok(reply);
}

bool store_export(struct store *store, FILE *out, struct reply *reply)
{
    REQUIRE(store_each(store, "export", "SELECT name, credential FROM account ORDER BY name",
                       export_row, out, reply));
    return fflush(out) == 0 ? reply_ok(reply) : write_failed(reply);
}

/* One import: the path, and how far it has come. */
struct import {
    const char *path;
    uint64_t rows;
};

static bool line_refused(const struct lines *lines, enum reason reason, const char *why,
                         struct reply *reply)
{
    char numbered[REPLY_DETAIL_BYTES];
    (void)snprintf(numbered, sizeof numbered, "line %u: %s", (unsigned)lines->number, why);
    return reply_refused(reply, reason, numbered);
}

/* Names that were exported are canonical already, and may be longer than any that is given. */
static bool import_name(const struct lines *lines, struct bytes given, struct opaque *ret,
                        struct reply *reply)
{
    if (opaque_prepare(given, ACCOUNT_NAME_BYTES_MAX, ret) != OPAQUE_GOOD || ret->has_control)
        return line_refused(lines, REASON_REFUSED, "no name of an account", reply);
    return reply_ok(reply);
}

static bool import_row(struct store *store, const struct lines *lines, struct bytes given,
                       struct bytes credential, struct reply *reply)
{
    struct opaque name;
    struct password_kind kind;
    REQUIRE(import_name(lines, given, &name, reply));
    if (credential.size > CREDENTIAL_BYTES_MAX || !password_describe(credential, &kind, reply))
        return line_refused(lines, REASON_REFUSED, "a credential of no known syntax", reply);
    if (store_insert(store, opaque_bytes(&name), credential, reply))
        return true;
    if (reply->answer == ANSWER_EXISTS)
        return line_refused(lines, REASON_REFUSED, "a name that is taken", reply);
    return false;
}

static bool import_line(struct store *store, const struct lines *lines, struct bytes line,
                        struct reply *reply)
{
    struct bytes name, credential;
    CLEANUP(json_done)
    json_t *object = json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES, NULL);
    if (json_unpack_ex(object, NULL, JSON_STRICT, "{s:s%, s:s%}", "name",
                       (const char **)(void *)&name.data, &name.size, "credential",
                       (const char **)(void *)&credential.data, &credential.size) != 0)
        return line_refused(lines, REASON_REFUSED, "not an object of name and credential", reply);
    return import_row(store, lines, name, credential, reply);
}

static bool import_all(struct store *store, void *context, struct reply *reply)
{
    struct import *import = context;
    CLEANUP(lines_close) struct lines lines = {.descriptor = -1};
    struct bytes line;
    bool is_end;
    import->rows = 0;
    REQUIRE(lines_open(import->path, "import", true, IMPORT_BYTES_MAX, &lines, reply));
    for (;;) {
        REQUIRE(lines_next(&lines, &line, &is_end, reply));
        if (is_end)
            return reply_ok(reply);
        REQUIRE(import_line(store, &lines, line, reply));
        import->rows++;
    }
}

bool store_import(struct store *store, const char *path, uint64_t *ret_rows, struct reply *reply)
{
    struct import import = {.path = path};
    REQUIRE(store_transaction(store, import_all, &import, reply));
    *ret_rows = import.rows;
    return true;
}
