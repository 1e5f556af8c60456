/* SPDX-License-Identifier: Apache-2.0
 *
 * The blocklist: passwords that everybody tries first, from a text file.
 *
 * One password a line, in UTF-8. Nothing has a meaning but the end of the line: no comments, no
 * quotes, no trimming, so that every password can be on the list. Lines and passwords are compared
 * as OpaqueString without case: "Password" is as well known as "password". A password is compared
 * as a whole; parts of it do not matter (SP 800-63B-4, 3.1.1.2).
 *
 * In memory a line is the first 8 bytes of its BLAKE2b, in a sorted array: 8 bytes a line whatever
 * its length, no pointers, and a lookup of some twenty steps. A password that is not on the list
 * is taken for one with a probability of lines / 2^64, which is nothing against the chance to be
 * refused for a good reason.
 *
 * A line that cannot be a password (not UTF-8, empty, with control characters, too long) stops
 * the loading, with its number: a list in another encoding, or with the line ends of another
 * system, would otherwise look as if it were there and match nothing.
 *
 * Not modelled: lists that are asked for over the network, updates while running (open the new
 * one, switch, close the old), near misses such as "Passw0rd".
 */
#include "reference.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 1024u

struct blocklist {
    uint64_t *marks; /* sorted */
    size_t count;
    size_t capacity;
};

static uint64_t mark_of(struct bytes folded)
{
    uint8_t hash[crypto_generichash_BYTES_MIN];
    uint64_t mark;
    (void)crypto_generichash(hash, sizeof hash, folded.data, folded.size, NULL, 0);
    memcpy(&mark, hash, sizeof mark);
    return mark;
}

static int by_value(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static bool add(struct blocklist *list, uint64_t mark, const struct lines *lines,
                struct reply *reply)
{
    if (list->count == BLOCKLIST_LINES_MAX)
        return lines_refused(lines, REASON_LIMIT, "too many lines", reply);
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? CAPACITY_FIRST : 2 * list->capacity;
        uint64_t *marks = realloc(list->marks, capacity * sizeof *marks);
        if (marks == NULL)
            return lines_refused(lines, REASON_MEMORY, "out of memory", reply);
        list->marks = marks;
        list->capacity = capacity;
    }
    list->marks[list->count++] = mark;
    return reply_ok(reply);
}

static bool add_line(struct blocklist *list, struct bytes line, const struct lines *lines,
                     struct reply *reply)
{
    struct opaque prepared, folded;
    struct reply flaw_reply;
    enum opaque_flaw flaw = opaque_prepare(line, PASSWORD_BYTES_MAX, &prepared);
    if (flaw != OPAQUE_GOOD) {
        (void)opaque_refused(flaw, &flaw_reply);
        return lines_refused(lines, REASON_REFUSED, flaw_reply.detail, reply);
    }
    if (prepared.has_control || !opaque_fold(opaque_bytes(&prepared), &folded))
        return lines_refused(lines, REASON_REFUSED, "with control characters", reply);
    return add(list, mark_of(opaque_bytes(&folded)), lines, reply);
}

static bool read_all(struct blocklist *list, struct lines *lines, struct reply *reply)
{
    struct bytes line;
    bool is_end;
    for (;;) {
        REQUIRE(lines_next(lines, &line, &is_end, reply));
        if (is_end)
            return reply_ok(reply);
        REQUIRE(add_line(list, line, lines, reply));
    }
}

static void blocklist_done(struct blocklist **list)
{
    blocklist_close(*list);
}

bool blocklist_open(const char *path, struct blocklist **ret, struct reply *reply)
{
    CLEANUP(lines_close) struct lines lines = {.descriptor = -1};
    CLEANUP(blocklist_done) struct blocklist *list = calloc(1, sizeof *list);
    if (list == NULL)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, 0, "blocklist",
                                 "out of memory");
    REQUIRE(lines_open(path, "blocklist", false, BLOCKLIST_BYTES_MAX, &lines, reply));
    REQUIRE(read_all(list, &lines, reply));
    if (list->count == 0)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_REFUSED, 0, "blocklist", "empty");
    qsort(list->marks, list->count, sizeof *list->marks, by_value);
    *ret = list;
    list = NULL;
    return reply_ok(reply);
}

void blocklist_close(struct blocklist *blocklist)
{
    if (blocklist == NULL)
        return;
    free(blocklist->marks);
    free(blocklist);
}

bool blocklist_has(const struct blocklist *blocklist, struct bytes folded)
{
    uint64_t mark = mark_of(folded);
    return bsearch(&mark, blocklist->marks, blocklist->count, sizeof mark, by_value) != NULL;
}
