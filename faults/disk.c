/* SPDX-License-Identifier: Apache-2.0
 *
 * The disk: files in memory, as SQLite's default VFS, so that every error of the disk can be made
 * to happen and SQLite itself produces what follows from it.
 *
 * A file is its content, the locks on it and the WAL index that belongs to it. Files have names,
 * compared byte for byte as they were given: there are no directories, and every path exists. A
 * file without a name, be it temporary, deleted or left over from before a reset, lives as long as
 * a handle has it open. So a connection that a subject leaks into the next run can still be used,
 * closed or forgotten, and disturbs nobody.
 *
 * Locks are those of SQLite's unix VFS between connections of one process: many SHARED; one writer,
 * which is RESERVED, then PENDING (no new SHARED), then EXCLUSIVE once the others are gone; on the
 * WAL index eight slots, each shared by many or held by one. A WAL index lives as long as a
 * connection has it mapped; the next one builds it anew from the WAL.
 *
 * Every method that can fail passes the edge first, with no lock held, and then does all of its
 * work under one mutex. A fault happens instead of the work: a failed write has written nothing, a
 * failed delete deleted nothing. Giving back locks, closing, and reading the clock never fail.
 *
 * The clock starts on the same day each time and moves only when SQLite sleeps, which takes no
 * time. The device promises nothing (no atomic, safe or ordered writes), and its sectors have 4096
 * bytes.
 *
 * Not modelled here: loss of what was not synced, partial writes, several processes, permissions,
 * memory-mapped reading. Extensions are loaded as the VFS before us would have loaded them.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "faults/faults.h"

/* Limits. SQLite is told of the first; the others are full disks and failing maps. */
#define NAME_BYTES_LIMIT     512
#define FILES_LIMIT          64
#define FILE_BYTES_LIMIT     ((size_t)256 * 1024 * 1024)
#define FILE_BYTES_FIRST     ((size_t)32 * 1024)
#define SHM_REGIONS_LIMIT    256
#define SECTOR_BYTES         4096
#define CLOCK_START_MS       ((sqlite3_int64)212570827200000) /* 2024-01-01 00:00 UTC, from day 0 */
#define MICROSECONDS_PER_MS  1000
#define MS_PER_DAY           86400000.0
#define SUPER_JOURNAL_SUFFIX 12 /* "-mj" and nine hexadecimal digits */

struct content {
    uint8_t *bytes;
    size_t size;     /* of the file */
    size_t capacity; /* of the memory; what lies behind size is undefined */
};

struct handle;

/* The WAL index of a main file. */
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
};

/* What SQLite holds of an open file. SQLite gives the memory. */
struct handle {
    sqlite3_file base;
    struct file *file;
    enum fault_role role;
    bool read_only;
    bool delete_on_close;
    int lock; /* SQLITE_LOCK_ */
    bool index_mapped;
    uint8_t index_shared, index_alone; /* one bit for each slot held */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct file *files[FILES_LIMIT]; /* those with a name */
static uint64_t clock_us;               /* slept since the reset */

/* --- The edge --------------------------------------------------------------------------------- */

/* Passes the edge; the answer is SQLite's code for what happened. */
static int meet(enum fault_operation operation, enum fault_role role, int io_code)
{
    switch (fault_ask(operation, role)) {
    case FAULT_IO:
        return io_code;
    case FAULT_FULL:
        return SQLITE_FULL;
    case FAULT_BUSY:
        return SQLITE_BUSY;
    case FAULT_MEMORY:
        return SQLITE_IOERR_NOMEM;
    case FAULT_CANTOPEN:
        return SQLITE_CANTOPEN;
    case FAULT_NONE:
    case FAULT_SHORT:
    case FAULT_KINDS:
        break;
    }
    return SQLITE_OK;
}

static bool ends_with(const char *name, size_t size, const char *suffix)
{
    size_t suffix_size = strlen(suffix);
    return size >= suffix_size && memcmp(name + size - suffix_size, suffix, suffix_size) == 0;
}

/* What a file is for, by its name alone: deleting and looking for it know no more. */
static enum fault_role role_of(const char *name)
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

/* --- Files; the caller holds the mutex -------------------------------------------------------- */

static struct file **slot_of(const char *name)
{
    for (size_t i = 0; i < FILES_LIMIT; i++)
        if (files[i] != NULL && strcmp(files[i]->name, name) == 0)
            return &files[i];
    return NULL;
}

static struct file *file_find(const char *name)
{
    struct file **slot = slot_of(name);
    return slot != NULL ? *slot : NULL;
}

/* A new, empty file; without a place in the table if name is null. Null if there is no room. */
static struct file *file_create(const char *name)
{
    size_t place = 0;
    while (name != NULL && place < FILES_LIMIT && files[place] != NULL)
        place++;
    if (place == FILES_LIMIT || (name != NULL && strlen(name) >= NAME_BYTES_LIMIT))
        return NULL;
    struct file *file = calloc(1, sizeof *file);
    if (file != NULL && name != NULL) {
        memcpy(file->name, name, strlen(name) + 1);
        files[place] = file;
    }
    return file;
}

static void index_drop(struct wal_index *index)
{
    for (int i = 0; i < index->region_count; i++)
        free(index->regions[i]);
    index->region_count = 0;
}

/* Frees a file that nobody can reach any more. */
static void file_release(struct file *file)
{
    if (file->handles > 0 || file->name[0] != '\0')
        return;
    index_drop(&file->index);
    free(file->content.bytes);
    free(file);
}

/* Takes the name away: nobody can open the file again. */
static void file_unname(struct file **slot)
{
    struct file *file = *slot;
    *slot = NULL;
    file->name[0] = '\0';
    file_release(file);
}

/* Makes the content `size` bytes long; new bytes are zero. */
static int content_resize(struct content *content, size_t size)
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

/* --- Content ---------------------------------------------------------------------------------- */

/* Behind the end, SQLite wants zeros and to be told. */
static int handle_read(sqlite3_file *base, void *ret, int size, sqlite3_int64 offset)
{
    struct handle *handle = (struct handle *)base;
    int code = meet(DISK_READ, handle->role, SQLITE_IOERR_READ);
    if (code != SQLITE_OK)
        return code;
    faults_lock(&mutex);
    const struct content *content = &handle->file->content;
    size_t wanted = (size_t)size, start = (size_t)offset, part = 0;
    if (start < content->size) {
        part = content->size - start < wanted ? content->size - start : wanted;
        memcpy(ret, content->bytes + start, part);
    }
    faults_unlock(&mutex);
    memset((uint8_t *)ret + part, 0, wanted - part);
    return part == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int handle_write(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 offset)
{
    struct handle *handle = (struct handle *)base;
    int code = meet(DISK_WRITE, handle->role, SQLITE_IOERR_WRITE);
    if (code != SQLITE_OK)
        return code;
    if (handle->read_only)
        return SQLITE_READONLY;
    faults_lock(&mutex);
    struct content *content = &handle->file->content;
    size_t start = (size_t)offset, end = start + (size_t)size;
    if (end > content->size)
        code = content_resize(content, end);
    if (code == SQLITE_OK)
        memcpy(content->bytes + start, bytes, (size_t)size);
    faults_unlock(&mutex);
    return code;
}

static int handle_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct handle *handle = (struct handle *)base;
    int code = meet(DISK_TRUNCATE, handle->role, SQLITE_IOERR_TRUNCATE);
    if (code != SQLITE_OK)
        return code;
    if (handle->read_only)
        return SQLITE_READONLY;
    faults_lock(&mutex);
    code = content_resize(&handle->file->content, (size_t)size);
    faults_unlock(&mutex);
    return code;
}

/* There is nothing below the memory: a sync can only fail. */
static int handle_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    return meet(DISK_SYNC, ((struct handle *)base)->role, SQLITE_IOERR_FSYNC);
}

static int handle_size(sqlite3_file *base, sqlite3_int64 *ret_size)
{
    struct handle *handle = (struct handle *)base;
    int code = meet(DISK_SIZE, handle->role, SQLITE_IOERR_FSTAT);
    if (code != SQLITE_OK)
        return code;
    faults_lock(&mutex);
    *ret_size = (sqlite3_int64)handle->file->content.size;
    faults_unlock(&mutex);
    return SQLITE_OK;
}

/* --- Locks on a file -------------------------------------------------------------------------- */

/* From SHARED on: RESERVED, or by way of PENDING to EXCLUSIVE. PENDING is kept when others still
 * read, so that they get fewer and the writer's next attempt can succeed. */
static int lock_for_writing(struct handle *handle, int level)
{
    struct file *file = handle->file;
    if (file->lock_writer != NULL && file->lock_writer != handle)
        return SQLITE_BUSY;
    file->lock_writer = handle;
    if (level == SQLITE_LOCK_EXCLUSIVE && file->lock_holders > 1) {
        handle->lock = SQLITE_LOCK_PENDING;
        return SQLITE_BUSY;
    }
    handle->lock = level;
    return SQLITE_OK;
}

static int lock_for_reading(struct handle *handle)
{
    struct file *file = handle->file;
    if (file->lock_writer != NULL && file->lock_writer->lock >= SQLITE_LOCK_PENDING)
        return SQLITE_BUSY;
    file->lock_holders++;
    handle->lock = SQLITE_LOCK_SHARED;
    return SQLITE_OK;
}

static int handle_lock(sqlite3_file *base, int level)
{
    struct handle *handle = (struct handle *)base;
    if (handle->lock >= level)
        return SQLITE_OK;
    int code = meet(DISK_LOCK, handle->role, SQLITE_IOERR_LOCK);
    if (code != SQLITE_OK)
        return code;
    faults_lock(&mutex);
    code = level == SQLITE_LOCK_SHARED ? lock_for_reading(handle) : lock_for_writing(handle, level);
    faults_unlock(&mutex);
    return code;
}

/* Lowers the lock to SHARED or NONE. The caller holds the mutex. */
static void lock_lower(struct handle *handle, int level)
{
    struct file *file = handle->file;
    if (handle->lock <= level)
        return;
    if (file->lock_writer == handle)
        file->lock_writer = NULL;
    if (level == SQLITE_LOCK_NONE)
        file->lock_holders--;
    handle->lock = level;
}

static int handle_unlock(sqlite3_file *base, int level)
{
    faults_lock(&mutex);
    lock_lower((struct handle *)base, level);
    faults_unlock(&mutex);
    return SQLITE_OK;
}

static int handle_check_reserved(sqlite3_file *base, int *ret_reserved)
{
    faults_lock(&mutex);
    *ret_reserved = ((struct handle *)base)->file->lock_writer != NULL;
    faults_unlock(&mutex);
    return SQLITE_OK;
}

/* --- The WAL index ---------------------------------------------------------------------------- */

/* Makes all regions up to `region`. */
static int index_grow(struct wal_index *index, int region, int size)
{
    if (region >= SHM_REGIONS_LIMIT)
        return SQLITE_IOERR_SHMSIZE;
    while (index->region_count <= region) {
        void *memory = calloc(1, (size_t)size);
        if (memory == NULL)
            return SQLITE_IOERR_NOMEM;
        index->regions[index->region_count++] = memory;
    }
    return SQLITE_OK;
}

/* Counts the handle as a user of the index, once, and says whether it has that region. */
static bool index_has(struct handle *handle, int region)
{
    struct wal_index *index = &handle->file->index;
    faults_lock(&mutex);
    index->users += handle->index_mapped ? 0 : 1;
    handle->index_mapped = true;
    bool has = region < index->region_count;
    faults_unlock(&mutex);
    return has;
}

/* A region that is not there and shall not be made is no region and no error, and passes no edge.
 */
static int handle_shm_map(sqlite3_file *base, int region, int size, int extend,
                          void volatile **ret_memory)
{
    struct handle *handle = (struct handle *)base;
    *ret_memory = NULL;
    if (!index_has(handle, region) && !extend)
        return SQLITE_OK;
    int code = meet(DISK_SHM_MAP, ROLE_SHM, SQLITE_IOERR_SHMMAP);
    if (code != SQLITE_OK)
        return code;
    faults_lock(&mutex);
    struct wal_index *index = &handle->file->index;
    code = index_grow(index, region, size);
    if (code == SQLITE_OK)
        *ret_memory = index->regions[region];
    faults_unlock(&mutex);
    return code;
}

/* True if nobody else's lock on this slot is in the way. */
static bool slot_is_free(const struct handle *handle, int slot, bool alone)
{
    const struct wal_index *index = &handle->file->index;
    if (index->writers[slot] != NULL && index->writers[slot] != handle)
        return false;
    uint32_t own = handle->index_shared >> slot & 1u;
    return !alone || index->readers[slot] == own;
}

static void slot_take(struct handle *handle, int slot, bool alone)
{
    struct wal_index *index = &handle->file->index;
    uint8_t bit = (uint8_t)(1u << slot);
    if (alone) {
        index->writers[slot] = handle;
        handle->index_alone |= bit;
    } else if ((handle->index_shared & bit) == 0) {
        index->readers[slot]++;
        handle->index_shared |= bit;
    }
}

static void slot_give(struct handle *handle, int slot)
{
    struct wal_index *index = &handle->file->index;
    uint8_t bit = (uint8_t)(1u << slot);
    if ((handle->index_shared & bit) != 0)
        index->readers[slot]--;
    if ((handle->index_alone & bit) != 0)
        index->writers[slot] = NULL;
    handle->index_shared &= (uint8_t)~bit;
    handle->index_alone &= (uint8_t)~bit;
}

/* All of the slots or none. The caller holds the mutex. */
static int slots_take(struct handle *handle, int first, int end, bool alone)
{
    for (int slot = first; slot < end; slot++)
        if (!slot_is_free(handle, slot, alone))
            return SQLITE_BUSY;
    for (int slot = first; slot < end; slot++)
        slot_take(handle, slot, alone);
    return SQLITE_OK;
}

static int handle_shm_lock(sqlite3_file *base, int first, int count, int flags)
{
    struct handle *handle = (struct handle *)base;
    int code = SQLITE_OK;
    if ((flags & SQLITE_SHM_LOCK) != 0)
        code = meet(DISK_SHM_LOCK, ROLE_SHM, SQLITE_IOERR_SHMLOCK);
    if (code != SQLITE_OK)
        return code;
    faults_lock(&mutex);
    if ((flags & SQLITE_SHM_LOCK) != 0)
        code = slots_take(handle, first, first + count, (flags & SQLITE_SHM_EXCLUSIVE) != 0);
    else
        for (int slot = first; slot < first + count; slot++)
            slot_give(handle, slot);
    faults_unlock(&mutex);
    return code;
}

/* Orders what other threads see of the index. */
static void handle_shm_barrier(sqlite3_file *base)
{
    (void)base;
    __sync_synchronize();
    faults_lock(&mutex);
    faults_unlock(&mutex);
}

/* The last one to leave takes the index away. The caller holds the mutex. */
static void index_leave(struct handle *handle)
{
    if (!handle->index_mapped)
        return;
    for (int slot = 0; slot < SQLITE_SHM_NLOCK; slot++)
        slot_give(handle, slot);
    handle->index_mapped = false;
    if (--handle->file->index.users == 0)
        index_drop(&handle->file->index);
}

/* Whether the index is deleted or only left makes no difference: the next one starts anew. */
static int handle_shm_unmap(sqlite3_file *base, int delete)
{
    (void)delete;
    faults_lock(&mutex);
    index_leave((struct handle *)base);
    faults_unlock(&mutex);
    return SQLITE_OK;
}

/* --- Handles ---------------------------------------------------------------------------------- */

static int handle_close(sqlite3_file *base)
{
    struct handle *handle = (struct handle *)base;
    struct file *file = handle->file;
    faults_lock(&mutex);
    index_leave(handle);
    lock_lower(handle, SQLITE_LOCK_NONE);
    file->handles--;
    if (handle->delete_on_close && file->name[0] != '\0')
        file_unname(slot_of(file->name));
    else
        file_release(file);
    faults_unlock(&mutex);
    return SQLITE_OK;
}

/* Answers who we are and which lock is held; SQLite copes without all the rest. */
static int handle_control(sqlite3_file *base, int operation, void *argument)
{
    struct handle *handle = (struct handle *)base;
    switch (operation) {
    case SQLITE_FCNTL_LOCKSTATE:
        *(int *)argument = handle->lock;
        return SQLITE_OK;
    case SQLITE_FCNTL_VFSNAME:
        *(char **)argument = sqlite3_mprintf("%s", DISK_VFS_NAME);
        return SQLITE_OK;
    default:
        return SQLITE_NOTFOUND;
    }
}

static int handle_sector_size(sqlite3_file *base)
{
    (void)base;
    return SECTOR_BYTES;
}

static int handle_characteristics(sqlite3_file *base)
{
    (void)base;
    return 0;
}

/* Version 2: with a WAL index, without memory-mapped reading. */
static const sqlite3_io_methods handle_methods = {
    .iVersion = 2,
    .xClose = handle_close,
    .xRead = handle_read,
    .xWrite = handle_write,
    .xTruncate = handle_truncate,
    .xSync = handle_sync,
    .xFileSize = handle_size,
    .xLock = handle_lock,
    .xUnlock = handle_unlock,
    .xCheckReservedLock = handle_check_reserved,
    .xFileControl = handle_control,
    .xSectorSize = handle_sector_size,
    .xDeviceCharacteristics = handle_characteristics,
    .xShmMap = handle_shm_map,
    .xShmLock = handle_shm_lock,
    .xShmBarrier = handle_shm_barrier,
    .xShmUnmap = handle_shm_unmap,
};

/* --- The VFS ---------------------------------------------------------------------------------- */

/* The file of that name, made if it may be made; null if it cannot be opened. */
static struct file *file_open(const char *name, int flags)
{
    struct file *file = name != NULL ? file_find(name) : NULL;
    if (file != NULL && (flags & SQLITE_OPEN_CREATE) != 0 && (flags & SQLITE_OPEN_EXCLUSIVE) != 0)
        return NULL;
    if (file == NULL && (name == NULL || (flags & SQLITE_OPEN_CREATE) != 0))
        file = file_create(name);
    if (file != NULL)
        file->handles++;
    return file;
}

/* Without methods, SQLite does not close what could not be opened. */
static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                     int *ret_flags)
{
    (void)vfs;
    struct handle *handle = (struct handle *)base;
    enum fault_role role = role_of(name);
    memset(handle, 0, sizeof *handle);
    int code = meet(DISK_OPEN, role, SQLITE_CANTOPEN);
    if (code != SQLITE_OK)
        return code;
    faults_lock(&mutex);
    handle->file = file_open(name, flags);
    faults_unlock(&mutex);
    if (handle->file == NULL)
        return SQLITE_CANTOPEN;
    handle->base.pMethods = &handle_methods;
    handle->role = role;
    handle->read_only = (flags & SQLITE_OPEN_READONLY) != 0;
    handle->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    if (ret_flags != NULL)
        *ret_flags = flags;
    return SQLITE_OK;
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    (void)vfs;
    (void)sync_directory;
    int code = meet(DISK_DELETE, role_of(name), SQLITE_IOERR_DELETE);
    if (code != SQLITE_OK)
        return code;
    faults_lock(&mutex);
    struct file **slot = slot_of(name);
    if (slot != NULL)
        file_unname(slot);
    else
        code = SQLITE_IOERR_DELETE_NOENT;
    faults_unlock(&mutex);
    return code;
}

/* As in the unix VFS, a file without content does not count as existing: an empty journal is none.
 */
static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret_yes)
{
    (void)vfs;
    int code = meet(DISK_ACCESS, role_of(name), SQLITE_IOERR_ACCESS);
    if (code != SQLITE_OK)
        return code;
    faults_lock(&mutex);
    const struct file *file = file_find(name);
    *ret_yes = file != NULL && (flags != SQLITE_ACCESS_EXISTS || file->content.size > 0);
    faults_unlock(&mutex);
    return SQLITE_OK;
}

static int disk_full_name(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
    (void)vfs;
    size_t name_size = strlen(name) + 1;
    if (name_size > (size_t)size)
        return SQLITE_CANTOPEN;
    memcpy(ret, name, name_size);
    return SQLITE_OK;
}

static int disk_randomness(sqlite3_vfs *vfs, int size, char *ret)
{
    (void)vfs;
    entropy_fill(ENTROPY_SQLITE, ret, (size_t)size);
    return size;
}

/* Takes no time, but lets other threads go on: SQLite tries a lock of the WAL index a hundred times
 * with sleeps between, and would have done so (SQLITE_PROTOCOL) before the holder runs again. With
 * free threads that can still happen, though seldom; with one thread at a time it cannot. */
static int disk_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    faults_lock(&mutex);
    clock_us += microseconds > 0 ? (uint64_t)microseconds : 0;
    faults_unlock(&mutex);
    if (schedule_active())
        schedule_pause();
    else
        sched_yield();
    return microseconds;
}

static int disk_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *ret_ms)
{
    (void)vfs;
    *ret_ms = CLOCK_START_MS + (sqlite3_int64)disk_clock_ms();
    return SQLITE_OK;
}

static int disk_time_days(sqlite3_vfs *vfs, double *ret_days)
{
    sqlite3_int64 ms;
    int code = disk_time_ms(vfs, &ms);
    *ret_days = (double)ms / MS_PER_DAY;
    return code;
}

/* There is no errno behind our errors. */
static int disk_last_error(sqlite3_vfs *vfs, int size, char *ret)
{
    (void)vfs;
    if (size > 0)
        ret[0] = '\0';
    return 0;
}

static sqlite3_vfs disk_vfs = {
    .iVersion = 2,
    .szOsFile = sizeof(struct handle),
    .mxPathname = NAME_BYTES_LIMIT - 1,
    .zName = DISK_VFS_NAME,
    .xOpen = disk_open,
    .xDelete = disk_delete,
    .xAccess = disk_access,
    .xFullPathname = disk_full_name,
    .xRandomness = disk_randomness,
    .xSleep = disk_sleep,
    .xCurrentTime = disk_time_days,
    .xGetLastError = disk_last_error,
    .xCurrentTimeInt64 = disk_time_ms,
};

/* SQLite calls the loading methods without looking whether they are there. */
const char *disk_install(void)
{
    const sqlite3_vfs *before = sqlite3_vfs_find(NULL);
    if (before == NULL)
        return "SQLite cannot be initialised";
    disk_vfs.xDlOpen = before->xDlOpen;
    disk_vfs.xDlError = before->xDlError;
    disk_vfs.xDlSym = before->xDlSym;
    disk_vfs.xDlClose = before->xDlClose;
    if (sqlite3_vfs_register(&disk_vfs, 1) != SQLITE_OK)
        return "SQLite does not take our disk";
    return NULL;
}

void disk_reset(void)
{
    faults_lock(&mutex);
    for (size_t i = 0; i < FILES_LIMIT; i++)
        if (files[i] != NULL)
            file_unname(&files[i]);
    clock_us = 0;
    faults_unlock(&mutex);
}

bool disk_is_default(void)
{
    return sqlite3_vfs_find(NULL) == &disk_vfs;
}

uint64_t disk_clock_ms(void)
{
    faults_lock(&mutex);
    uint64_t ms = clock_us / MICROSECONDS_PER_MS;
    faults_unlock(&mutex);
    return ms;
}

const uint8_t *disk_content(const char *name, size_t *ret_size)
{
    faults_lock(&mutex);
    const struct file *file = file_find(name);
    const uint8_t *bytes = file != NULL && file->content.size > 0 ? file->content.bytes : NULL;
    *ret_size = bytes != NULL ? file->content.size : 0;
    faults_unlock(&mutex);
    return bytes;
}
