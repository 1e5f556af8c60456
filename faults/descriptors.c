/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors: files that the subject opens itself, not by way of SQLite: keys, lists, records in
 * plain files. They are real files; what is intercepted, where the subject calls it (slots.c), is
 *
 *     file.open     open, openat, creat, fopen, opendir, mkstemp     exhausted: EMFILE, the table
 * is full; access: EACCES file.read     read, pread, readv           io: EIO; short: half of it;
 * interrupted: EINTR file.write    write, pwrite, writev        io: EIO; full: ENOSPC; short;
 * interrupted file.sync     fsync, fdatasync             io: EIO file.change   rename, link,
 * unlink, ftruncate, mkdir           io: EIO, and nothing changes file.flush    fflush, fclose
 * full: ENOSPC, what was buffered is not written
 *
 * Reading and writing count for regular files only: a log that goes to standard error is nobody's
 * store. A local disk neither interrupts nor cuts a read short before the end of the file; a
 * network file system does, and POSIX allows it for all (read(2), write(2)). A flush fails
 * truthfully: while it is made, the descriptor is that of /dev/full, so the stream has its error
 * set by libc itself.
 *
 * Each is a yield point. Whoever waits for flock() or a lock of an open file description in a
 * schedule waits in sight; locks of fcntl() never keep a process from itself.
 *
 * Not modelled: what is lost of these files when the power goes; fread() and its kin failing; what
 * libc opens for its own functions; a socket or a pipe that cannot be had; asynchronous and mapped
 * reading and writing. fclose() that fails gives back the locks of the file a moment earlier.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "faults/faults.h"

#define INTERRUPTED_MAX 3u

static struct {
    int (*open)(const char *, int, ...);
    int (*openat)(int, const char *, int, ...);
    int (*open_2)(const char *, int);
    int (*openat_2)(int, const char *, int);
    __typeof__(&creat) creat;
    __typeof__(&fopen) fopen;
    __typeof__(&opendir) opendir;
    __typeof__(&mkstemp) mkstemp;
    __typeof__(&read) read;
    __typeof__(&pread) pread;
    __typeof__(&readv) readv;
    ssize_t (*read_chk)(int, void *, size_t, size_t);
    ssize_t (*pread_chk)(int, void *, size_t, off_t, size_t);
    __typeof__(&write) write;
    __typeof__(&pwrite) pwrite;
    __typeof__(&writev) writev;
    __typeof__(&fsync) fsync;
    __typeof__(&fdatasync) fdatasync;
    __typeof__(&rename) rename;
    __typeof__(&link) link;
    __typeof__(&unlink) unlink;
    __typeof__(&ftruncate) ftruncate;
    __typeof__(&mkdir) mkdir;
    __typeof__(&fflush) fflush;
    __typeof__(&fclose) fclose;
    __typeof__(&close) close;
    __typeof__(&flock) flock;
    int (*fcntl)(int, int, ...);
} real;

/* --- Whether it fails ------------------------------------------------------------------------- */

static const struct {
    enum fault_kind kind;
    int error;
} errors[] = {
    {FAULT_EXHAUSTED, EMFILE}, {FAULT_ACCESS, EACCES},     {FAULT_IO, EIO},
    {FAULT_FULL, ENOSPC},      {FAULT_INTERRUPTED, EINTR},
};

/* True if the call shall fail, with errno set. */
static bool fails_by(enum fault_kind kind)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].kind == kind) {
            errno = errors[i].error;
            return true;
        }
    return false;
}

static bool fails(enum fault_operation operation)
{
    return edge_is_running() && fails_by(fault_ask(operation, ROLE_NONE));
}

static bool is_regular(int descriptor)
{
    struct stat about;
    int before = errno;
    bool regular = fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode);
    errno = before;
    return regular;
}

/* Whether a transfer shall fail; otherwise how much of it shall be made. Nobody is interrupted for
 * ever, and to try again until it works is right: so whoever does has it work in the end. */
static bool transfer_fails(enum fault_operation operation, int descriptor, size_t *size)
{
    static __thread uint32_t interrupted; /* times in a row */
    if (!edge_is_running() || !is_regular(descriptor))
        return false;
    enum fault_kind kind = fault_ask(operation, ROLE_NONE);
    interrupted = kind == FAULT_INTERRUPTED ? interrupted + 1 : 0;
    if (interrupted > INTERRUPTED_MAX) {
        interrupted = 0;
        return false;
    }
    if (kind == FAULT_SHORT && *size > 1)
        *size /= 2;
    return fails_by(kind);
}

/* --- Opening ---------------------------------------------------------------------------------- */

/* The permissions of a new file, if one may be made. */
#define MODE_AFTER(flags)                                                                          \
    ({                                                                                             \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t asked = ((flags) & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;          \
        va_end(rest);                                                                              \
        asked;                                                                                     \
    })

static int subject_open(const char *path, int flags, ...)
{
    mode_t mode = MODE_AFTER(flags);
    return fails(FILE_OPEN) ? -1 : real.open(path, flags, mode);
}

static int subject_openat(int folder, const char *path, int flags, ...)
{
    mode_t mode = MODE_AFTER(flags);
    return fails(FILE_OPEN) ? -1 : real.openat(folder, path, flags, mode);
}

/* As callers that were compiled with _FORTIFY_SOURCE say it. */
static int subject_open_2(const char *path, int flags)
{
    return fails(FILE_OPEN) ? -1 : real.open_2(path, flags);
}

static int subject_openat_2(int folder, const char *path, int flags)
{
    return fails(FILE_OPEN) ? -1 : real.openat_2(folder, path, flags);
}

static int subject_creat(const char *path, mode_t mode)
{
    return fails(FILE_OPEN) ? -1 : real.creat(path, mode);
}

static FILE *subject_fopen(const char *path, const char *mode)
{
    return fails(FILE_OPEN) ? NULL : real.fopen(path, mode);
}

static DIR *subject_opendir(const char *path)
{
    return fails(FILE_OPEN) ? NULL : real.opendir(path);
}

static int subject_mkstemp(char *path)
{
    return fails(FILE_OPEN) ? -1 : real.mkstemp(path);
}

/* --- Reading and writing ---------------------------------------------------------------------- */

static ssize_t subject_read(int descriptor, void *ret, size_t size)
{
    return transfer_fails(FILE_READ, descriptor, &size) ? -1 : real.read(descriptor, ret, size);
}

static ssize_t subject_read_chk(int descriptor, void *ret, size_t size, size_t room)
{
    return transfer_fails(FILE_READ, descriptor, &size)
               ? -1
               : real.read_chk(descriptor, ret, size, room);
}

static ssize_t subject_pread(int descriptor, void *ret, size_t size, off_t at)
{
    return transfer_fails(FILE_READ, descriptor, &size) ? -1
                                                        : real.pread(descriptor, ret, size, at);
}

static ssize_t subject_pread_chk(int descriptor, void *ret, size_t size, off_t at, size_t room)
{
    return transfer_fails(FILE_READ, descriptor, &size)
               ? -1
               : real.pread_chk(descriptor, ret, size, at, room);
}

static ssize_t subject_write(int descriptor, const void *bytes, size_t size)
{
    return transfer_fails(FILE_WRITE, descriptor, &size) ? -1 : real.write(descriptor, bytes, size);
}

static ssize_t subject_pwrite(int descriptor, const void *bytes, size_t size, off_t at)
{
    return transfer_fails(FILE_WRITE, descriptor, &size) ? -1
                                                         : real.pwrite(descriptor, bytes, size, at);
}

/* A short transfer of several parts is one of the first half of them. */
static ssize_t subject_readv(int descriptor, const struct iovec *parts, int count)
{
    size_t some = count > 0 ? (size_t)count : 0;
    return transfer_fails(FILE_READ, descriptor, &some)
               ? -1
               : real.readv(descriptor, parts, count > 0 ? (int)some : count);
}

static ssize_t subject_writev(int descriptor, const struct iovec *parts, int count)
{
    size_t some = count > 0 ? (size_t)count : 0;
    return transfer_fails(FILE_WRITE, descriptor, &some)
               ? -1
               : real.writev(descriptor, parts, count > 0 ? (int)some : count);
}

/* --- Making it last --------------------------------------------------------------------------- */

static int subject_fsync(int descriptor)
{
    return fails(FILE_SYNC) ? -1 : real.fsync(descriptor);
}

static int subject_fdatasync(int descriptor)
{
    return fails(FILE_SYNC) ? -1 : real.fdatasync(descriptor);
}

static int subject_rename(const char *from, const char *to)
{
    return fails(FILE_CHANGE) ? -1 : real.rename(from, to);
}

static int subject_link(const char *from, const char *to)
{
    return fails(FILE_CHANGE) ? -1 : real.link(from, to);
}

static int subject_unlink(const char *path)
{
    return fails(FILE_CHANGE) ? -1 : real.unlink(path);
}

static int subject_ftruncate(int descriptor, off_t size)
{
    return fails(FILE_CHANGE) ? -1 : real.ftruncate(descriptor, size);
}

static int subject_mkdir(const char *path, mode_t mode)
{
    return fails(FILE_CHANGE) ? -1 : real.mkdir(path, mode);
}

/* Puts a full device where the stream writes to. Returns a descriptor of what was there, or -1. */
static int fill_up(FILE *stream)
{
    int descriptor = fileno(stream), full = real.open("/dev/full", O_RDWR | O_CLOEXEC);
    int before = full < 0 ? -1 : dup(descriptor);
    if (before >= 0 && dup2(full, descriptor) < 0) {
        (void)real.close(before);
        before = -1;
    }
    if (full >= 0)
        (void)real.close(full);
    return before;
}

/* Whether the disk is full at this flush, and something is there that would be written to it. */
static bool flush_fails(FILE *stream)
{
    return edge_is_running() && stream != NULL && is_regular(fileno(stream)) &&
           fault_ask(FILE_FLUSH, ROLE_NONE) == FAULT_FULL;
}

static int subject_fflush(FILE *stream)
{
    int before = flush_fails(stream) ? fill_up(stream) : -1;
    int code = real.fflush(stream), error = errno;
    if (before >= 0) {
        (void)dup2(before, fileno(stream));
        (void)real.close(before);
        errno = error;
    }
    return code;
}

/* --- Locks ------------------------------------------------------------------------------------ */

static const char file_locks; /* what all who wait for one wait for */

static void wake_waiting(void)
{
    if (schedule_active())
        schedule_wake(&file_locks, true);
}

static int subject_fclose(FILE *stream)
{
    int before = flush_fails(stream) ? fill_up(stream) : -1;
    int code = real.fclose(stream), error = errno;
    if (before >= 0)
        (void)real.close(before);
    wake_waiting();
    errno = error;
    return code;
}

static int subject_close(int descriptor)
{
    int code = real.close(descriptor);
    wake_waiting();
    return code;
}

static int subject_flock(int descriptor, int operation)
{
    if (!schedule_active())
        return real.flock(descriptor, operation);
    schedule_point("flock", NULL);
    int code = real.flock(descriptor, operation | LOCK_NB);
    while (code != 0 && errno == EWOULDBLOCK && (operation & LOCK_NB) == 0) {
        (void)schedule_wait(&file_locks, false);
        code = real.flock(descriptor, operation | LOCK_NB);
    }
    if (code == 0)
        wake_waiting(); /* it may have been given back, or shared */
    return code;
}

/* All commands have at most one argument, a number or a pointer, which travel alike. */
static int subject_fcntl(int descriptor, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (!schedule_active() || (command != F_OFD_SETLK && command != F_OFD_SETLKW))
        return real.fcntl(descriptor, command, argument);
    schedule_point("fcntl", NULL);
    int code = real.fcntl(descriptor, F_OFD_SETLK, argument);
    while (code != 0 && (errno == EAGAIN || errno == EACCES) && command == F_OFD_SETLKW) {
        (void)schedule_wait(&file_locks, false);
        code = real.fcntl(descriptor, F_OFD_SETLK, argument);
    }
    if (code == 0)
        wake_waiting();
    return code;
}

#define SLOT(name)                                                                                 \
    {                                                                                              \
#name, (function *)subject_##name, &real.name                                              \
    }
#define SLOT_TOO(spelled, name)                                                                    \
    {                                                                                              \
        spelled, (function *)subject_##name, &real.name                                            \
    }

const char *descriptors_install(void)
{
    static const struct slot slots[] = {
        SLOT(open),
        SLOT_TOO("open64", open),
        SLOT(openat),
        SLOT_TOO("openat64", openat),
        SLOT_TOO("__open_2", open_2),
        SLOT_TOO("__open64_2", open_2),
        SLOT_TOO("__openat_2", openat_2),
        SLOT_TOO("__openat64_2", openat_2),
        SLOT(creat),
        SLOT_TOO("creat64", creat),
        SLOT(fopen),
        SLOT_TOO("fopen64", fopen),
        SLOT(opendir),
        SLOT(mkstemp),
        SLOT_TOO("mkstemp64", mkstemp),
        SLOT(read),
        SLOT(pread),
        SLOT_TOO("pread64", pread),
        SLOT_TOO("__read_chk", read_chk),
        SLOT_TOO("__pread_chk", pread_chk),
        SLOT_TOO("__pread64_chk", pread_chk),
        SLOT(readv),
        SLOT(write),
        SLOT(pwrite),
        SLOT_TOO("pwrite64", pwrite),
        SLOT(writev),
        SLOT(fsync),
        SLOT(fdatasync),
        SLOT(rename),
        SLOT(link),
        SLOT(unlink),
        SLOT(ftruncate),
        SLOT_TOO("ftruncate64", ftruncate),
        SLOT(mkdir),
        SLOT(fflush),
        SLOT(fclose),
        SLOT(close),
        SLOT(flock),
        SLOT(fcntl),
        SLOT_TOO("fcntl64", fcntl),
    };
    /* Asked for here, too, whatever the subject asks for. */
    real.open = open;
    real.close = close;
    slots_offer(OWNED_BY_SUBJECT, slots, sizeof slots / sizeof *slots);
    return NULL;
}
