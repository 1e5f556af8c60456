/* SPDX-License-Identifier: Apache-2.0
 *
 * The disk: files in memory, as SQLite's default VFS, so that every error of the disk can be made
 * to happen and SQLite itself produces what follows from it.
 *
 * Files and their names are in files.c, what a power cut would leave of them is in powercut.c. Here
 * are the methods that SQLite calls, and the locks.
 *
 * Locks are those of SQLite's unix VFS between connections of one process: many SHARED; one writer,
 * which is RESERVED, then PENDING (no new SHARED), then EXCLUSIVE once the others are gone; on the
 * WAL index eight slots, each shared by many or held by one. A WAL index lives as long as a
 * connection has it mapped; the next one builds it anew from the WAL.
 *
 * Every method that can fail passes the edge first, with no lock held, and then does all of its
 * work under one mutex. A fault happens instead of the work: a failed write has written nothing, a
 * failed delete deleted nothing. Giving back locks and closing never fail.
 *
 * Sleeping takes no time; the clock is that of clock.c. The device promises nothing (no atomic,
 * safe or ordered writes), and its sectors have 4096 bytes.
 *
 * Not modelled here: partial writes that are told to the caller, several processes, permissions,
 * memory-mapped reading. Extensions are loaded as the VFS before us would have loaded them.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "faults/files.h"

#define SECTOR_BYTES        4096
#define CLOCK_1970_MS       ((sqlite3_int64)210866760000000) /* from SQLite's day 0 */
#define MICROSECONDS_PER_MS 1000
#define MS_PER_DAY          86400000.0
#define JOURNALS            (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)

/* What SQLite holds of an open file. SQLite gives the memory. */
struct handle {
    sqlite3_file base;
    struct file *file;
    enum fault_role role;
    bool read_only;
    bool delete_on_close;
    bool syncs_directory; /* its next sync does */
    int lock;             /* SQLITE_LOCK_ */
    bool index_mapped;
    uint8_t index_shared, index_alone; /* one bit for each slot held */
};

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
    default:
        return SQLITE_OK;
    }
}

/* --- Content ---------------------------------------------------------------------------------- */

/* Behind the end, SQLite wants zeros and to be told. */
static int handle_read(sqlite3_file *base, void *ret, int size, sqlite3_int64 offset)
{
    struct handle *handle = (struct handle *)base;
    int code = meet(DISK_READ, handle->role, SQLITE_IOERR_READ);
    if (code != SQLITE_OK)
        return code;
    files_lock();
    const struct content *content = &handle->file->content;
    size_t wanted = (size_t)size, start = (size_t)offset, part = 0;
    if (start < content->size) {
        part = content->size - start < wanted ? content->size - start : wanted;
        memcpy(ret, content->bytes + start, part);
    }
    files_unlock();
    memset((uint8_t *)ret + part, 0, wanted - part);
    return part == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int handle_write(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 offset)
{
    struct handle *handle = (struct handle *)base;
    outlet_show(OUTLET_DISK, bytes, (size_t)size);
    int code = meet(DISK_WRITE, handle->role, SQLITE_IOERR_WRITE);
    if (code != SQLITE_OK)
        return code;
    if (handle->read_only)
        return SQLITE_READONLY;
    files_lock();
    code = file_write(handle->file, bytes, (size_t)size, (size_t)offset);
    files_unlock();
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
    files_lock();
    code = file_truncate(handle->file, (size_t)size);
    files_unlock();
    return code;
}

/* The kinds of sync do not differ here. The first one of a handle that may have made a journal or a
 * WAL syncs the directory, too, so that the file can be found after a power cut: as in the unix
 * VFS. */
static int handle_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    struct handle *handle = (struct handle *)base;
    enum fault_kind kind = fault_ask(DISK_SYNC, handle->role);
    files_lock();
    if (kind == FAULT_DROPPED)
        recorded_drop(handle->file);
    if (kind == FAULT_NONE)
        recorded_sync(handle->file);
    if (kind == FAULT_NONE && handle->syncs_directory)
        recorded_directory_sync();
    handle->syncs_directory &= kind != FAULT_NONE;
    files_unlock();
    return kind == FAULT_NONE ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int handle_size(sqlite3_file *base, sqlite3_int64 *ret_size)
{
    struct handle *handle = (struct handle *)base;
    int code = meet(DISK_SIZE, handle->role, SQLITE_IOERR_FSTAT);
    if (code != SQLITE_OK)
        return code;
    files_lock();
    *ret_size = (sqlite3_int64)handle->file->content.size;
    files_unlock();
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
    files_lock();
    code = level == SQLITE_LOCK_SHARED ? lock_for_reading(handle) : lock_for_writing(handle, level);
    files_unlock();
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
    files_lock();
    lock_lower((struct handle *)base, level);
    files_unlock();
    return SQLITE_OK;
}

static int handle_check_reserved(sqlite3_file *base, int *ret_reserved)
{
    files_lock();
    *ret_reserved = ((struct handle *)base)->file->lock_writer != NULL;
    files_unlock();
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
    files_lock();
    index->users += handle->index_mapped ? 0 : 1;
    handle->index_mapped = true;
    bool has = region < index->region_count;
    files_unlock();
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
    files_lock();
    struct wal_index *index = &handle->file->index;
    code = index_grow(index, region, size);
    if (code == SQLITE_OK)
        *ret_memory = index->regions[region];
    files_unlock();
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
    files_lock();
    if ((flags & SQLITE_SHM_LOCK) != 0)
        code = slots_take(handle, first, first + count, (flags & SQLITE_SHM_EXCLUSIVE) != 0);
    else
        for (int slot = first; slot < first + count; slot++)
            slot_give(handle, slot);
    files_unlock();
    return code;
}

/* Orders what other threads see of the index. */
static void handle_shm_barrier(sqlite3_file *base)
{
    (void)base;
    __sync_synchronize();
    files_lock();
    files_unlock();
}

static void index_drop(struct wal_index *index)
{
    for (int i = 0; i < index->region_count; i++)
        free(index->regions[i]);
    index->region_count = 0;
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
    files_lock();
    index_leave((struct handle *)base);
    files_unlock();
    return SQLITE_OK;
}

/* --- Handles ---------------------------------------------------------------------------------- */

static int handle_close(sqlite3_file *base)
{
    struct handle *handle = (struct handle *)base;
    struct file *file = handle->file;
    files_lock();
    index_leave(handle);
    lock_lower(handle, SQLITE_LOCK_NONE);
    file->handles--;
    if (handle->delete_on_close && file->name[0] != '\0')
        file_delete(file);
    else
        file_release(file);
    files_unlock();
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
    enum fault_role role = file_role(name);
    memset(handle, 0, sizeof *handle);
    int code = meet(DISK_OPEN, role, SQLITE_CANTOPEN);
    if (code != SQLITE_OK)
        return code;
    files_lock();
    handle->file = file_open(name, flags);
    files_unlock();
    if (handle->file == NULL)
        return SQLITE_CANTOPEN;
    handle->base.pMethods = &handle_methods;
    handle->role = role;
    handle->read_only = (flags & SQLITE_OPEN_READONLY) != 0;
    handle->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    handle->syncs_directory = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & JOURNALS) != 0;
    if (ret_flags != NULL)
        *ret_flags = flags;
    return SQLITE_OK;
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    (void)vfs;
    int code = meet(DISK_DELETE, file_role(name), SQLITE_IOERR_DELETE);
    if (code != SQLITE_OK)
        return code;
    files_lock();
    struct file *file = file_find(name);
    if (file == NULL)
        code = SQLITE_IOERR_DELETE_NOENT;
    else
        file_delete(file);
    if (file != NULL && sync_directory != 0)
        recorded_directory_sync();
    files_unlock();
    return code;
}

/* As in the unix VFS, a file without content does not count as existing: an empty journal is none.
 */
static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret_yes)
{
    (void)vfs;
    int code = meet(DISK_ACCESS, file_role(name), SQLITE_IOERR_ACCESS);
    if (code != SQLITE_OK)
        return code;
    files_lock();
    const struct file *file = file_find(name);
    *ret_yes = file != NULL && (flags != SQLITE_ACCESS_EXISTS || file->content.size > 0);
    files_unlock();
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
    entropy_fill(STREAM_SQLITE, ret, (size_t)size);
    return size;
}

/* Takes no time, but lets other threads go on: SQLite tries a lock of the WAL index a hundred times
 * with sleeps between, and would have done so (SQLITE_PROTOCOL) before the holder runs again. With
 * free threads that can still happen, though seldom; with one thread at a time it cannot. */
static int disk_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    clock_sleep(microseconds > 0 ? (uint64_t)microseconds : 0);
    if (schedule_active())
        schedule_pause();
    else
        sched_yield();
    return microseconds;
}

static int disk_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *ret_ms)
{
    (void)vfs;
    *ret_ms = CLOCK_1970_MS + clock_wall_us() / MICROSECONDS_PER_MS;
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
    files_lock();
    files_reset();
    files_unlock();
}

bool disk_is_default(void)
{
    return sqlite3_vfs_find(NULL) == &disk_vfs;
}

const uint8_t *disk_content(const char *name, size_t *ret_size)
{
    files_lock();
    const struct file *file = file_find(name);
    const uint8_t *bytes = file != NULL && file->content.size > 0 ? file->content.bytes : NULL;
    *ret_size = bytes != NULL ? file->content.size : 0;
    files_unlock();
    return bytes;
}
