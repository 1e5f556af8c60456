/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of the disk: names and content.
 *
 * Names are compared byte for byte as they were given: there is one directory, and every path
 * exists. A file without a name, be it temporary, deleted or left over from before a reset, lives
 * as long as a handle has it open. So a connection that a subject leaks into the next run can still
 * be used, closed or forgotten, and disturbs nobody.
 *
 * What stands here is what reads see, that is, the cache of the system. Each change of a file with
 * a name is told to powercut.c first, which knows what of it a power cut would leave.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "faults/files.h"

#define FILE_BYTES_FIRST     ((size_t)32 * 1024)
#define SUPER_JOURNAL_SUFFIX 12 /* "-mj" and nine hexadecimal digits */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct file *files[FILES_LIMIT]; /* those with a name */

void files_lock(void)
{
    faults_lock(&mutex);
}

void files_unlock(void)
{
    faults_unlock(&mutex);
}

static bool ends_with(const char *name, size_t size, const char *suffix)
{
    size_t suffix_size = strlen(suffix);
    return size >= suffix_size && memcmp(name + size - suffix_size, suffix, suffix_size) == 0;
}

enum fault_role file_role(const char *name)
{
    if (name == NULL)
        return ROLE_OTHER;
    size_t size = strlen(name);
    if (ends_with(name, size, "-wal"))
        return ROLE_WAL;
    if (ends_with(name, size, "-journal"))
        return ROLE_JOURNAL;
    if (ends_with(name, size, "-shm"))
        return ROLE_SHM;
    if (size >= SUPER_JOURNAL_SUFFIX && strncmp(name + size - SUPER_JOURNAL_SUFFIX, "-mj", 3) == 0)
        return ROLE_OTHER;
    return ROLE_MAIN;
}

static struct file **slot_of(const char *name)
{
    for (size_t i = 0; i < FILES_LIMIT; i++)
        if (files[i] != NULL && strcmp(files[i]->name, name) == 0)
            return &files[i];
    return NULL;
}

struct file *file_find(const char *name)
{
    struct file **slot = slot_of(name);
    return slot != NULL ? *slot : NULL;
}

void files_each(void (*visit)(struct file *))
{
    for (size_t i = 0; i < FILES_LIMIT; i++)
        if (files[i] != NULL)
            visit(files[i]);
}

struct file *file_create(const char *name)
{
    size_t place = 0;
    while (name != NULL && place < FILES_LIMIT && files[place] != NULL)
        place++;
    if (place == FILES_LIMIT || (name != NULL && strlen(name) >= NAME_BYTES_LIMIT))
        return NULL;
    struct file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return NULL;
    file->number = FILE_UNRECORDED;
    if (name != NULL) {
        memcpy(file->name, name, strlen(name) + 1);
        files[place] = file;
        recorded_create(file);
    }
    return file;
}

void file_release(struct file *file)
{
    if (file->handles > 0 || file->name[0] != '\0')
        return;
    free(file->content.bytes);
    free(file);
}

void file_unname(struct file *file)
{
    *slot_of(file->name) = NULL;
    file->name[0] = '\0';
    file->number = FILE_UNRECORDED;
    file_release(file);
}

void file_delete(struct file *file)
{
    recorded_delete(file);
    file_unname(file);
}

int content_resize(struct content *content, size_t size)
{
    if (size > FILE_BYTES_LIMIT)
        return SQLITE_FULL;
    if (size > content->capacity) {
        size_t capacity = content->capacity > 0 ? content->capacity : FILE_BYTES_FIRST;
        while (capacity < size)
            capacity *= 2;
        uint8_t *bytes = realloc(content->bytes, capacity);
        if (bytes == NULL)
            return SQLITE_IOERR_NOMEM;
        content->bytes = bytes;
        content->capacity = capacity;
    }
    if (size > content->size)
        memset(content->bytes + content->size, 0, size - content->size);
    content->size = size;
    return SQLITE_OK;
}

int content_write(struct content *content, const void *bytes, size_t size, size_t offset)
{
    int code = SQLITE_OK;
    if (offset + size > content->size)
        code = content_resize(content, offset + size);
    if (code == SQLITE_OK && size > 0)
        memcpy(content->bytes + offset, bytes, size);
    return code;
}

int file_write(struct file *file, const void *bytes, size_t size, size_t offset)
{
    int code = content_write(&file->content, bytes, size, offset);
    if (code == SQLITE_OK)
        recorded_write(file, offset, size);
    return code;
}

int file_truncate(struct file *file, size_t size)
{
    int code = content_resize(&file->content, size);
    if (code == SQLITE_OK)
        recorded_truncate(file, size);
    return code;
}

void files_reset(void)
{
    for (size_t i = 0; i < FILES_LIMIT; i++)
        if (files[i] != NULL)
            file_unname(files[i]);
}
