/* SPDX-License-Identifier: Apache-2.0
 *
 * A disk that is kept: a copy of all files that have a name, so that runs which begin with the same
 * disk need not make it each time. One is kept in a process, in place of the one before.
 *
 * Not kept: locks and the WAL index, which belong to handles, and what a power cut would leave:
 * what is put in place counts as written long ago.
 */
#include <stdlib.h>
#include <string.h>

#include "faults/files.h"

static struct {
    const void *owner; /* null: nothing is kept */
    uint64_t key;
    uint32_t count;
    struct kept_file {
        char name[NAME_BYTES_LIMIT];
        struct content content;
    } files[FILES_LIMIT];
} kept;

static void drop(void)
{
    for (uint32_t i = 0; i < kept.count; i++)
        free(kept.files[i].content.bytes);
    kept.count = 0;
    kept.owner = NULL;
}

static bool copy(struct content *to, const struct content *from)
{
    if (content_resize(to, from->size) != SQLITE_OK)
        return false;
    if (from->size > 0)
        memcpy(to->bytes, from->bytes, from->size);
    return true;
}

/* Without memory the owner is taken away: nothing is kept then. */
static void take(struct file *file)
{
    struct kept_file *to = &kept.files[kept.count++];
    memset(to, 0, sizeof *to);
    memcpy(to->name, file->name, sizeof to->name);
    if (!copy(&to->content, &file->content))
        kept.owner = NULL;
}

void disk_keep(const void *owner, uint64_t key)
{
    files_lock();
    drop();
    kept.owner = owner;
    kept.key = key;
    files_each(take);
    files_unlock();
}

bool disk_restore(const void *owner, uint64_t key)
{
    files_lock();
    bool whole = owner != NULL && kept.owner == owner && kept.key == key;
    for (uint32_t i = 0; i < kept.count && whole; i++) {
        struct file *file = file_create(kept.files[i].name);
        whole = file != NULL && copy(&file->content, &kept.files[i].content);
    }
    files_unlock();
    return whole;
}
