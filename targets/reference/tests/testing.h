/* SPDX-License-Identifier: Apache-2.0
 *
 * What the unit tests of passwords share: byte strings from literals, a reply that must be this
 * one, and small files.
 */
#ifndef TESTING_H
#define TESTING_H

#include "../reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT(text)  ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})
#define NO_NAME     ((struct bytes){NULL, 0})
#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static inline struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static inline void assert_reply(const struct reply *reply, enum answer answer, enum layer layer,
                                enum reason reason, const char *why)
{
    if (reply->answer != answer || reply->layer != layer || reply->reason != reason)
        fail_msg("%s: got %d (%d, %d) %s", why, (int)reply->answer, (int)reply->layer,
                 (int)reply->reason, reply->detail);
    assert_true(answer == ANSWER_OK || answer == ANSWER_DENIED || reply->detail[0] != '\0');
}

/* The detail must hold these words: an operator reads them. */
static inline void assert_detail(const struct reply *reply, const char *words, const char *why)
{
    if (strstr(reply->detail, words) == NULL)
        fail_msg("%s: the detail is \"%s\"", why, reply->detail);
}

#define PATH_BYTES 64u

/* A file of this content, readable by its owner only; the caller removes it. */
static inline void write_file(struct bytes content, char ret_path[PATH_BYTES])
{
    (void)snprintf(ret_path, PATH_BYTES, "/tmp/reference_test.XXXXXX");
    int descriptor = mkstemp(ret_path);
    assert_true(descriptor >= 0);
    assert_int_equal(fchmod(descriptor, S_IRUSR | S_IWUSR), 0);
    assert_int_equal(write(descriptor, content.data, content.size), (ssize_t)content.size);
    assert_int_equal(close(descriptor), 0);
}

#endif
