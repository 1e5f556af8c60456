/* SPDX-License-Identifier: Apache-2.0
 *
 * Tries a sync that failed a second time, and believes it. But the system takes the pages of the
 * first one for clean: the second has nothing to write, and succeeds (PostgreSQL, 2018).
 */
#include <sqlite3.h>
#include <stddef.h>

#include "simple.h"

static sqlite3_vfs vfs, *beneath;
static sqlite3_io_methods methods;
static int (*sync_beneath)(sqlite3_file *, int flags);

static int sync_twice(sqlite3_file *file, int flags)
{
    int code = sync_beneath(file, flags);
    return code == SQLITE_OK ? code : sync_beneath(file, flags);
}

static int open_file(sqlite3_vfs *ours, const char *name, sqlite3_file *file, int flags,
                     int *ret_flags)
{
    (void)ours;
    int code = beneath->xOpen(beneath, name, file, flags, ret_flags);
    if (code != SQLITE_OK)
        return code;
    methods = *file->pMethods;
    sync_beneath = methods.xSync;
    methods.xSync = sync_twice;
    file->pMethods = &methods;
    return code;
}

static void stand_between(void)
{
    beneath = sqlite3_vfs_find(NULL);
    vfs = *beneath;
    vfs.zName = "retries_sync";
    vfs.xOpen = open_file;
    (void)sqlite3_vfs_register(&vfs, 0);
}

const struct twist twist = {
    .name = "retries_sync", .vfs = "retries_sync", .at_load = stand_between};
