/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's folder. Most targets store with SQLite, on the disk in memory, and leave nothing here:
 * so it is looked at before anything is done.
 *
 * A copy of the files can be kept, beside that of the disk (faults/kept.c), for runs that begin
 * with what the target has stored before. It stays in memory: folders and regular files, with their
 * permissions. Not kept: links and what else there is, who owns a file, and when it was changed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/run/room.h"

#define KEPT_MAX        256u /* folders and files */
#define KEPT_BYTES_MAX  ((size_t)16 * 1024 * 1024)
#define KEPT_PATH_BYTES 512u
#define FOLDERS_OPEN    8

bool room_make(char *ret_path, size_t size)
{
    const char *parent = getenv("TMPDIR");
    int used = snprintf(ret_path, size, "%s/assay-XXXXXX", parent && *parent ? parent : "/tmp");
    if (used >= 0 && (size_t)used < size && mkdtemp(ret_path))
        return true;
    ret_path[0] = 0;
    return false;
}

bool room_is_empty(const char *path)
{
    struct dirent *entry;
    bool empty = true;
    DIR *folder = path[0] ? opendir(path) : NULL;
    while (folder && empty && (entry = readdir(folder)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (folder)
        closedir(folder);
    return empty;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    if (place->level > 0)
        (void)remove(path);
    return 0;
}

void room_empty(const char *path)
{
    if (!room_is_empty(path))
        (void)nftw(path, remove_entry, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS);
}

void room_remove(const char *path)
{
    if (!path[0])
        return;
    room_empty(path);
    (void)rmdir(path);
}

/* --- The copy --------------------------------------------------------------------------------- */

static struct {
    bool whole;
    uint32_t count;
    size_t bytes;
    size_t root_size; /* of the path that is left off */
    struct entry {
        char path[KEPT_PATH_BYTES]; /* within the room */
        mode_t mode;
        size_t size;
        uint8_t *content; /* of a file */
    } entries[KEPT_MAX];
} kept;

static void drop(void)
{
    for (uint32_t i = 0; i < kept.count; i++)
        free(kept.entries[i].content);
    kept.count = 0;
    kept.bytes = 0;
}

static bool read_file(const char *path, struct entry *entry)
{
    FILE *file = fopen(path, "rbe");
    entry->content = malloc(entry->size + 1);
    bool whole = file && entry->content &&
                 fread(entry->content, 1, entry->size + 1, file) == entry->size && !ferror(file);
    if (file)
        (void)fclose(file);
    return whole;
}

/* A folder comes before what is in it. */
static int keep_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)kind;
    if (place->level == 0)
        return 0;
    size_t size = S_ISREG(info->st_mode) ? (size_t)info->st_size : 0;
    const char *inside = path + kept.root_size + 1;
    if (kept.count == KEPT_MAX || size > KEPT_BYTES_MAX - kept.bytes ||
        strlen(inside) >= KEPT_PATH_BYTES || !(S_ISREG(info->st_mode) || S_ISDIR(info->st_mode)))
        return 1;
    struct entry *entry = &kept.entries[kept.count++];
    *entry = (struct entry){.mode = info->st_mode, .size = size};
    snprintf(entry->path, sizeof entry->path, "%s", inside);
    kept.bytes += size;
    return S_ISREG(info->st_mode) && !read_file(path, entry);
}

bool room_keep(const char *path)
{
    drop();
    kept.root_size = strlen(path);
    kept.whole = room_is_empty(path) || nftw(path, keep_entry, FOLDERS_OPEN, FTW_PHYS) == 0;
    return kept.whole;
}

static bool put_back(int room, const struct entry *entry)
{
    mode_t permissions = entry->mode & 07777;
    if (S_ISDIR(entry->mode))
        return mkdirat(room, entry->path, permissions | S_IRWXU) == 0;
    int descriptor = openat(room, entry->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRWXU);
    if (descriptor < 0)
        return false;
    bool whole = write(descriptor, entry->content, entry->size) == (ssize_t)entry->size &&
                 fchmod(descriptor, permissions) == 0;
    return close(descriptor) == 0 && whole;
}

bool room_restore(const char *path)
{
    if (!kept.whole || kept.count == 0)
        return kept.whole;
    int room = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool whole = room >= 0;
    for (uint32_t i = 0; i < kept.count && whole; i++)
        whole = put_back(room, &kept.entries[i]);
    if (room >= 0)
        (void)close(room);
    return whole;
}
