/* SPDX-License-Identifier: Apache-2.0
 *
 * Text files that are read once, line by line: the blocklist and the pepper keys.
 *
 * Everything is limited before it is read: the bytes of the file, the bytes of a line. What was
 * read is in this struct and nowhere else, not in the buffers of stdio, so that closing wipes it
 * all. A file is a regular file: a pipe or a device would not end.
 *
 * A file of secrets is judged on the open descriptor, since a path may be somebody else's file a
 * moment later: it must belong to this user or to root, and give nothing to the group or to others.
 * Its last name must not be a symbolic link. Who can write to the directories above can still put
 * another file there; that file must pass the same judgement.
 */
#include "reference.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Only a pipe or a device could keep open() waiting; it is then refused as not regular. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

static bool failed(const struct lines *lines, const char *why, struct reply *reply)
{
    return reply_unavailable(reply, LAYER_INTERNAL, REASON_IO, errno, lines->what, why);
}

static bool is_private(const struct stat *status)
{
    return (status->st_uid == geteuid() || status->st_uid == 0) &&
           (status->st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

static bool judge(const struct lines *lines, bool is_secret, struct reply *reply)
{
    struct stat status;
    if (fstat(lines->descriptor, &status) != 0)
        return failed(lines, "cannot be looked at", reply);
    if (!S_ISREG(status.st_mode))
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_REFUSED, 0, lines->what,
                                 "not a regular file");
    if (is_secret && !is_private(&status))
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_REFUSED, 0, lines->what,
                                 "must belong to this user or root, without access for others");
    return reply_ok(reply);
}

bool lines_open(const char *path, const char *what, bool is_secret, uint64_t bytes_max,
                struct lines *ret, struct reply *reply)
{
    *ret = (struct lines){.what = what, .bytes_left = bytes_max};
    ret->descriptor = open(path, OPEN_FLAGS | (is_secret ? O_NOFOLLOW : 0));
    if (ret->descriptor < 0)
        return failed(ret, "cannot be opened", reply);
    return judge(ret, is_secret, reply);
}

void lines_close(struct lines *lines)
{
    if (lines->descriptor >= 0)
        (void)close(lines->descriptor);
    sodium_memzero(lines, sizeof *lines);
    lines->descriptor = -1;
}

bool lines_refused(const struct lines *lines, enum reason reason, const char *why,
                   struct reply *reply)
{
    char numbered[REPLY_DETAIL_BYTES];
    (void)snprintf(numbered, sizeof numbered, "line %" PRIu32 ": %s", lines->number, why);
    return reply_unavailable(reply, LAYER_INTERNAL, reason, 0, lines->what, numbered);
}

/* Reads on when the buffer is used up; at the end of the file it stays empty. */
static bool fill(struct lines *lines, struct reply *reply)
{
    ssize_t size;
    if (lines->at < lines->end)
        return reply_ok(reply);
    do {
        size = read(lines->descriptor, lines->buffer, sizeof lines->buffer);
    } while (size < 0 && errno == EINTR);
    if (size < 0)
        return failed(lines, "cannot be read", reply);
    if ((uint64_t)size > lines->bytes_left)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_LIMIT, 0, lines->what,
                                 "too many bytes");
    lines->bytes_left -= (uint64_t)size;
    lines->at = 0;
    lines->end = (size_t)size;
    return reply_ok(reply);
}

bool lines_next(struct lines *lines, struct bytes *ret_line, bool *ret_is_end, struct reply *reply)
{
    size_t size = 0;
    REQUIRE(fill(lines, reply));
    *ret_is_end = lines->at == lines->end;
    if (!*ret_is_end)
        lines->number++;
    while (lines->at < lines->end) {
        uint8_t byte = lines->buffer[lines->at++];
        if (byte == '\n')
            break;
        if (size == sizeof lines->line)
            return lines_refused(lines, REASON_LIMIT, "too long", reply);
        lines->line[size++] = byte;
        REQUIRE(fill(lines, reply));
    }
    *ret_line = (struct bytes){lines->line, size};
    return reply_ok(reply);
}
