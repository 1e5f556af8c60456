/* SPDX-License-Identifier: Apache-2.0
 *
 * The room: an empty folder that a worker works in, so that files with relative paths, which the
 * target opens itself, are found nowhere else and do not stay from run to run.
 */
#ifndef ASSAY_ROOM_H
#define ASSAY_ROOM_H

#include <stdbool.h>
#include <stddef.h>

/* A new one in TMPDIR or /tmp. False: it cannot be made, or its path is longer than that. */
bool room_make(char *ret_path, size_t size);
/* Removes what is in it; and it, too. An empty path is no room. */
void room_empty(const char *path);
void room_remove(const char *path);
bool room_is_empty(const char *path);
/* Keeps a copy of its files, in place of the one before; and puts them back into an empty one.
 * False: there are more than can be kept. */
bool room_keep(const char *path);
bool room_restore(const char *path);

#endif
