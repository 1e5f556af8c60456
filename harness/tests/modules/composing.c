/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and passwords as OpaqueStrings: RFC 8265, section 4.2, other spaces to U+0020, then NFC.
 * What is not valid UTF-8 stays as it is. Every operation of the simple target is given the mapped
 * texts instead.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "simple.h"

#define ROOM_BYTES 4096u /* what is longer stays as it is, too */

static struct assay_target inner;
static enum forgotten forgets;

struct room {
    size_t size;
    uint8_t bytes[ROOM_BYTES];
};

/* False: no text, or no room. */
static bool map_spaces(struct assay_bytes given, struct room *ret)
{
    utf8proc_int32_t point;
    ret->size = 0;
    for (size_t i = 0; i < given.size;) {
        utf8proc_ssize_t size =
            utf8proc_iterate(given.data + i, (utf8proc_ssize_t)(given.size - i), &point);
        if (size <= 0 || ret->size + 4 > sizeof ret->bytes)
            return false;
        if (utf8proc_category(point) == UTF8PROC_CATEGORY_ZS)
            point = ' ';
        ret->size += (size_t)utf8proc_encode_char(point, ret->bytes + ret->size);
        i += (size_t)size;
    }
    return true;
}

/* The text that stands for what was given; `room` may hold it. */
static struct assay_bytes opaque(struct assay_bytes given, struct room *room)
{
    uint8_t *composed = NULL;
    if (!map_spaces(given, room))
        return given;
    utf8proc_ssize_t size = utf8proc_map(room->bytes, (utf8proc_ssize_t)room->size, &composed,
                                         UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    bool fits = size >= 0 && (size_t)size <= sizeof room->bytes;
    if (fits) {
        memcpy(room->bytes, composed, (size_t)size);
        room->size = (size_t)size;
    }
    if (size > 0)
        sodium_memzero(composed, (size_t)size);
    free(composed);
    return fits ? (struct assay_bytes){room->bytes, room->size} : given;
}

static void hash(const struct assay_config *config, struct assay_bytes password,
                 struct assay_text *ret_encoded, struct assay_reply *ret)
{
    struct room room;
    inner.hash(config, opaque(password, &room), ret_encoded, ret);
}

static void verify(struct assay_bytes encoded, struct assay_bytes password, struct assay_reply *ret)
{
    struct room room;
    inner.verify(encoded, forgets == FORGETS_VERIFY ? password : opaque(password, &room), ret);
}

static void register_account(struct assay_handle *handle, struct assay_bytes name,
                             struct assay_bytes password, struct assay_reply *ret)
{
    struct room rooms[2];
    inner.register_account(handle, opaque(name, &rooms[0]), opaque(password, &rooms[1]), ret);
}

static void login(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct assay_text *ret_session, struct assay_reply *ret)
{
    struct room rooms[2];
    inner.login(handle, opaque(name, &rooms[0]), opaque(password, &rooms[1]), ret_session, ret);
}

static void change_password(struct assay_handle *handle, struct assay_bytes name,
                            struct assay_bytes before, struct assay_bytes after,
                            struct assay_reply *ret)
{
    struct room rooms[3];
    inner.change_password(handle, opaque(name, &rooms[0]), opaque(before, &rooms[1]),
                          opaque(after, &rooms[2]), ret);
}

static void remove_account(struct assay_handle *handle, struct assay_bytes name,
                           struct assay_bytes password, struct assay_reply *ret)
{
    struct room rooms[2];
    inner.remove_account(handle, forgets == FORGETS_REMOVED_NAME ? name : opaque(name, &rooms[0]),
                         forgets == FORGETS_REMOVAL ? password : opaque(password, &rooms[1]), ret);
}

static void record_get(struct assay_handle *handle, struct assay_bytes name,
                       struct assay_text *ret_encoded, struct assay_reply *ret)
{
    struct room room;
    inner.record_get(handle, opaque(name, &room), ret_encoded, ret);
}

static void record_put(struct assay_handle *handle, struct assay_bytes name,
                       struct assay_bytes encoded, struct assay_reply *ret)
{
    struct room room;
    inner.record_put(handle, opaque(name, &room), encoded, ret);
}

void compose_all_but(struct assay_target *table, enum forgotten forgotten)
{
    inner = *table;
    forgets = forgotten;
    table->traits.name_normalisation = table->traits.password_normalisation = ASSAY_OPAQUE_STRING;
    table->hash = hash;
    table->verify = verify;
    table->register_account = register_account;
    table->login = login;
    table->change_password = change_password;
    table->remove_account = remove_account;
    table->record_get = record_get;
    table->record_put = record_put;
}
