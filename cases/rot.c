/* SPDX-License-Identifier: Apache-2.0
 *
 * A database file that rots behind the target's back, in the ways that disks do it:
 *
 *     changed     single bytes are others
 *     misplaced   a page holds what was meant for another one
 *     stale       a page holds what it held before the last change: that write never came
 *     blank       a page is all zeros
 *
 * The file is reached through SQLite's default VFS, so this works on the memory disk and on a real
 * one. Places of bytes are drawn with a liking for the header of the file and of its pages, where
 * structure lives. The quiet edge neither counts nor fails these calls.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"

#define PAGE_BYTES      4096
#define IMAGE_BYTES_MAX ((sqlite3_int64)16 * 1024 * 1024)
#define PATH_BYTES      1024

enum rot { ROT_CHANGED, ROT_MISPLACED, ROT_BLANK, ROT_STALE, ROTS };

/* --- The file --------------------------------------------------------------------------------- */

/* Null: there is none. */
static sqlite3_file *open_file(const char *path)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    char full[PATH_BYTES];
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    if (file && vfs->xFullPathname(vfs, path, sizeof full, full) == SQLITE_OK &&
        vfs->xOpen(vfs, full, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB, NULL) == SQLITE_OK)
        return file;
    free(file);
    return NULL;
}

static void close_file(sqlite3_file *file)
{
    file->pMethods->xClose(file);
    free(file);
}

static int64_t pages_of(sqlite3_file *file)
{
    sqlite3_int64 size = 0;
    (void)file->pMethods->xFileSize(file, &size);
    return size > IMAGE_BYTES_MAX ? IMAGE_BYTES_MAX / PAGE_BYTES : size / PAGE_BYTES;
}

static bool read_page(sqlite3_file *file, int64_t page, uint8_t ret[static PAGE_BYTES])
{
    return file->pMethods->xRead(file, ret, PAGE_BYTES, page * PAGE_BYTES) == SQLITE_OK;
}

/* Counts only what is another page than before. */
static uint32_t write_page(sqlite3_file *file, int64_t page, const uint8_t now[static PAGE_BYTES])
{
    uint8_t before[PAGE_BYTES];
    if (!read_page(file, page, before) || memcmp(before, now, PAGE_BYTES) == 0)
        return 0;
    return file->pMethods->xWrite(file, now, PAGE_BYTES, page * PAGE_BYTES) == SQLITE_OK;
}

static void free_image(void *image)
{
    free(((struct file_image *)image)->pages);
}

bool rot_remember(struct run *run, const char *path, struct file_image *ret_image)
{
    bool was_quiet = edge_quiet(true);
    sqlite3_file *file = open_file(path);
    *ret_image = (struct file_image){0};
    if (file) {
        ret_image->count = pages_of(file);
        ret_image->pages = calloc((size_t)ret_image->count + 1, PAGE_BYTES);
        for (int64_t i = 0; i < ret_image->count && ret_image->pages; i++)
            (void)read_page(file, i, ret_image->pages + i * PAGE_BYTES);
        close_file(file);
    }
    edge_quiet(was_quiet);
    defer(run, free_image, ret_image);
    return ret_image->pages != NULL;
}

/* --- What becomes of it ----------------------------------------------------------------------- */

/* The origin is a byte of the first page's header that SQLite must look at. */
static sqlite3_int64 draw_place(struct run *run, int64_t pages)
{
    int64_t page = draw(run, 0, pages - 1, 0);
    bool anywhere = draw(run, 0, 1, 0) == 1;
    return page * PAGE_BYTES + (anywhere ? draw(run, 0, PAGE_BYTES - 1, 0) : draw(run, 0, 107, 0));
}

static uint32_t change_byte(struct run *run, sqlite3_file *file, int64_t pages)
{
    sqlite3_int64 place = draw_place(run, pages);
    uint8_t flip = (uint8_t)draw(run, 1, 255, 1), byte = 0;
    if (file->pMethods->xRead(file, &byte, 1, place) != SQLITE_OK)
        return 0;
    byte ^= flip;
    tell(run, "byte %lld of the file changes by xor 0x%02x", (long long)place, flip);
    return file->pMethods->xWrite(file, &byte, 1, place) == SQLITE_OK;
}

static uint32_t change_page(struct run *run, sqlite3_file *file, int64_t pages, enum rot rot,
                            const struct file_image *earlier)
{
    uint8_t bytes[PAGE_BYTES] = {0};
    int64_t page = draw(run, 0, pages - 1, 0);
    if (rot == ROT_MISPLACED) {
        int64_t other = draw(run, 0, pages - 1, 0);
        tell(run, "page %lld of the file is written over page %lld", (long long)other + 1,
             (long long)page + 1);
        if (!read_page(file, other, bytes))
            return 0;
    } else if (rot == ROT_STALE) {
        tell(run, "page %lld of the file is what it was before", (long long)page + 1);
        if (page >= earlier->count)
            return 0;
        memcpy(bytes, earlier->pages + page * PAGE_BYTES, PAGE_BYTES);
    } else {
        tell(run, "page %lld of the file is blank", (long long)page + 1);
    }
    return write_page(file, page, bytes);
}

bool rot_file(struct run *run, const char *path, const struct file_image *earlier,
              uint32_t *ret_changed)
{
    bool was_quiet = edge_quiet(true);
    sqlite3_file *file = open_file(path);
    int64_t pages = file ? pages_of(file) : 0;
    enum rot rot = (enum rot)draw(run, 0, ROTS - 1, ROT_CHANGED);
    *ret_changed = 0;
    for (int64_t more = draw(run, 1, 3, 1); more > 0 && pages > 0; more--) {
        uint32_t span = span_begin(run, "damage");
        *ret_changed += rot == ROT_CHANGED ? change_byte(run, file, pages)
                                           : change_page(run, file, pages, rot, earlier);
        span_end(run, span);
    }
    if (file)
        close_file(file);
    edge_quiet(was_quiet);
    return file != NULL;
}
