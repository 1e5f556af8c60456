/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of the disk in memory, and what a power cut would leave of them. For disk.c only.
 *
 * All of it is called with the mutex held, which files_lock() takes.
 */
#ifndef ASSAY_FAULTS_FILES_H
#define ASSAY_FAULTS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "faults/faults.h"

/* SQLite is told of the first; the others are full disks and failing maps. */
#define NAME_BYTES_LIMIT  512
#define FILES_LIMIT       64
#define FILE_BYTES_LIMIT  ((size_t)256 * 1024 * 1024)
#define SHM_REGIONS_LIMIT 256

struct content {
    uint8_t *bytes;
    size_t size;     /* of the file */
    size_t capacity; /* of the memory; what lies behind size is undefined */
};

struct handle;

/* The WAL index of a main file. It lives in memory only: no power cut leaves anything of it. */
struct wal_index {
    void *regions[SHM_REGIONS_LIMIT];
    int region_count;
    uint32_t users;                           /* handles that have it mapped */
    uint32_t readers[SQLITE_SHM_NLOCK];       /* handles that share the slot */
    struct handle *writers[SQLITE_SHM_NLOCK]; /* the one that holds it alone */
};

struct file {
    char name[NAME_BYTES_LIMIT]; /* empty: anonymous */
    uint32_t handles;            /* that have it open */
    struct content content;
    uint32_t lock_holders;      /* handles with SHARED or more */
    struct handle *lock_writer; /* the one with RESERVED or more */
    struct wal_index index;
    uint32_t number;  /* in the record of changes, or FILE_UNRECORDED */
    bool has_dropped; /* a failed sync has taken for clean what it did not write */
};
#define FILE_UNRECORDED UINT32_MAX

/* --- files.c ---------------------------------------------------------------------------------- */
void files_lock(void);
void files_unlock(void);
/* Takes all names away. */
void files_reset(void);
/* Calls `visit` for every file that has a name. */
void files_each(void (*visit)(struct file *));

/* What a file is for, by its name alone: deleting and looking for it know no more. */
enum fault_role file_role(const char *name);
struct file *file_find(const char *name);
/* A new, empty file; anonymous if name is null. Null if there is no room. */
struct file *file_create(const char *name);
/* Frees a file that nobody can reach any more. */
void file_release(struct file *);
/* Takes the name away: nobody can open the file again. Deleting it is what a subject does. */
void file_unname(struct file *);
void file_delete(struct file *);
/* The answers are SQLite's codes. */
int file_write(struct file *, const void *bytes, size_t size, size_t offset);
int file_truncate(struct file *, size_t size);
/* Makes the content `size` bytes long; new bytes are zero. */
int content_resize(struct content *, size_t size);
int content_write(struct content *, const void *bytes, size_t size, size_t offset);

/* --- powercut.c: told of every change of a file with a name that has been made ------------------
 */
void recorded_create(struct file *);
void recorded_delete(const struct file *);
void recorded_write(const struct file *, size_t offset, size_t size);
void recorded_truncate(const struct file *, size_t size);
void recorded_sync(const struct file *);
/* All that was created and deleted is on the disk. */
void recorded_directory_sync(void);
/* A sync failed, and the system takes for clean what it should have written. */
void recorded_drop(struct file *);

#endif
