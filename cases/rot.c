/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes of a database file, changed behind the target's back.
 *
 * The file is reached through SQLite's default VFS, so this works on the memory disk and on a real
 * one. Places are drawn with a liking for the header of the file and of its pages, where structure
 * lives. The quiet edge neither counts nor fails these calls.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"

/* The origin is a byte of the first page's header that SQLite must look at. */
static sqlite3_int64 draw_place(struct run *run, sqlite3_int64 size)
{
    int64_t pages = size / 4096 > 0 ? size / 4096 : 1;
    int64_t page = draw(run, 0, pages - 1, 0);
    bool anywhere = draw(run, 0, 1, 0) == 1;
    return page * 4096 + (anywhere ? draw(run, 0, 4095, 0) : draw(run, 0, 107, 0));
}

static uint32_t rot(struct run *run, sqlite3_file *file)
{
    sqlite3_int64 size = 0;
    uint32_t changed = 0;
    if (file->pMethods->xFileSize(file, &size) != SQLITE_OK || size == 0)
        return 0;
    for (int64_t more = draw(run, 1, 3, 1); more > 0; more--) {
        uint32_t span = span_begin(run, "changed bytes");
        sqlite3_int64 place = draw_place(run, size);
        uint8_t flip = (uint8_t)draw(run, 1, 255, 1), byte = 0;
        if (place < size && file->pMethods->xRead(file, &byte, 1, place) == SQLITE_OK) {
            byte ^= flip;
            changed += file->pMethods->xWrite(file, &byte, 1, place) == SQLITE_OK;
            tell(run, "byte %lld of the file changes by xor 0x%02x", (long long)place, flip);
        }
        span_end(run, span);
    }
    return changed;
}

bool rot_file(struct run *run, const char *path, uint32_t *ret_changed)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    char full[1024];
    bool opened = false;
    bool was_quiet = edge_quiet(true);
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    if (file && vfs->xFullPathname(vfs, path, sizeof full, full) == SQLITE_OK &&
        vfs->xOpen(vfs, full, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB, NULL) ==
            SQLITE_OK) {
        opened = true;
        *ret_changed = rot(run, file);
        file->pMethods->xClose(file);
    }
    free(file);
    edge_quiet(was_quiet);
    return opened;
}
