/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults: the interceptors through which code under test meets the world; all end in edge().
 *
 *   disk.c       a disk in memory, as SQLite's default VFS
 *   files.c      its files
 *   powercut.c   what a power cut leaves of them
 *   memory.c     mappings (a KDF's memory), allocations, SQLite's allocator, memory that is locked
 *   calls.c      library calls of libsodium, and the work that is asked of them
 *   entropy.c    all randomness, from one seed
 *   clock.c      what time it is
 *   descriptors.c  files that the subject opens itself
 *   log.c        what is said to the system's log
 *   threads.c    locks, condition variables and sleeps, for schedules
 *   slots.c      how calls of libc are intercepted where the subject makes them, and nowhere else
 *   catalogue.c  the list of operations, roles and effects; installing and resetting all
 *
 * An interceptor never decides anything: it asks the edge, and turns the effect into what the real
 * thing would do. They are installed once in a process, and cost almost nothing outside of runs.
 * All of them may be called on any thread. No lock of theirs is held while the edge is asked.
 */
#ifndef ASSAY_FAULTS_H
#define ASSAY_FAULTS_H

#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/engine/engine.h"

/* The operations of the catalogue. Tokens hold these numbers: add at the end only. */
enum fault_operation {
    DISK_OPEN,
    DISK_READ,
    DISK_WRITE,
    DISK_SYNC,
    DISK_TRUNCATE,
    DISK_SIZE,
    DISK_DELETE,
    DISK_ACCESS,
    DISK_LOCK,     /* raising a lock on a file; giving it back cannot fail */
    DISK_SHM_MAP,  /* making or mapping a region of the WAL index */
    DISK_SHM_LOCK, /* taking a lock of the WAL index; giving it back cannot fail */
    MEMORY_MAP,    /* mmap() as called by libsodium or libxcrypt: the memory of the KDF */
    MEMORY_SQLITE, /* one allocation by SQLite */
    CALL_CRYPTO_PWHASH,
    CALL_CRYPTO_PWHASH_STR, /* also crypto_pwhash_str_alg() */
    CALL_CRYPTO_PWHASH_STR_VERIFY,
    MEMORY_ALLOCATE, /* malloc() and its kin and mmap(), by the subject */
    MEMORY_KDF,      /* malloc() and its kin, by libsodium or libxcrypt */
    MEMORY_LOCK,     /* mlock() */
    ENTROPY_LIBRARY, /* one request of libsodium's randombytes_* */
    ENTROPY_KERNEL,  /* getrandom() and getentropy() of the subject, up to 256 bytes */
    ENTROPY_LARGE,   /* more than these */
    CLOCK_READ,      /* the wall clock, by whatever call */
    FILE_OPEN,       /* files that the subject opens itself: see descriptors.c */
    FILE_READ,
    FILE_WRITE,
    FILE_SYNC,
    FILE_CHANGE,
    FILE_FLUSH,
    FAULT_OPERATIONS
};

/* Which file an operation is about. Operations without a file have ROLE_NONE. */
enum fault_role {
    ROLE_NONE,
    ROLE_MAIN,
    ROLE_WAL,
    ROLE_JOURNAL,
    ROLE_SHM,
    ROLE_OTHER, /* temporary files and super-journals */
    FAULT_ROLES
};

/* What can happen. The catalogue says which of these each operation has, and in which order: an
 * effect code n of an operation is its nth kind. Tokens hold the order: add at the end only. */
enum fault_kind {
    FAULT_NONE,
    FAULT_IO,
    FAULT_FULL,
    FAULT_BUSY,
    FAULT_MEMORY,
    FAULT_CANTOPEN,
    FAULT_SHORT,
    FAULT_DROPPED,     /* a sync fails, and what it should have written counts as written */
    FAULT_NOSYS,       /* the kernel does not have that call, or a filter forbids it */
    FAULT_STUCK,       /* the same again as last time */
    FAULT_FORWARD,     /* the clock is put on by a year, */
    FAULT_BACK,        /* back by a year, */
    FAULT_RESTART,     /* to the beginning of 1970, */
    FAULT_STILL,       /* or stands still for this time */
    FAULT_EXHAUSTED,   /* no descriptor is left */
    FAULT_ACCESS,      /* permission is denied */
    FAULT_INTERRUPTED, /* by a signal, before anything was done */
    FAULT_KINDS
};

/* The kind behind an effect code; FAULT_NONE for code 0 and for what is not in the catalogue. */
enum fault_kind fault_kind_of(uint16_t operation, int32_t effect_code);
const char *fault_kind_name(enum fault_kind);
/* The other way: the code of this kind; 0 if the operation does not have it. */
int32_t fault_code_of(enum fault_operation, enum fault_kind);
/* For interceptors: passes the edge, and says what shall happen. */
enum fault_kind fault_ask(enum fault_operation, enum fault_role);

extern const struct catalogue fault_catalogue;

/* Installs the catalogue and all interceptors, and initialises libsodium and SQLite. Call once,
 * before anything uses SQLite. Null, or what went wrong. */
const char *faults_install(void);

/* Puts disk, clock and randomness back to their initial state. Files that a handle still has open
 * become anonymous: the handle goes on working, nobody else finds them. */
void faults_reset(uint64_t entropy_seed);

/* Another process of the subject goes on with what the disk holds, a minute after the run began:
 * randomness begins anew. */
void faults_restart(void);

/* --- disk.c ----------------------------------------------------------------------------------- */
#define DISK_VFS_NAME "assay-disk"
const char *disk_install(void);
void disk_reset(void);
/* Copies all files with a name, in place of what was kept before; and back, onto an empty disk:
 * false if that is not what was kept last, or there is no memory. */
void disk_keep(const void *owner, uint64_t key);
bool disk_restore(const void *owner, uint64_t key);
/* True while SQLite opens files on our disk when no VFS is named; a target may have undone that
 * (sqlite3_shutdown). */
bool disk_is_default(void);
/* The content of a file as it would be read now, `ret_size` bytes; null if there is no such file or
 * it is empty. Belongs to the disk: valid until something is written. Passes no edge. */
const uint8_t *disk_content(const char *name, size_t *ret_size);

/* --- powercut.c ------------------------------------------------------------------------------- */
/* Offers the engine the disk to cut its power. */
const char *powercut_install(void);

/* --- slots.c ---------------------------------------------------------------------------------- */
typedef void function(void);

/* A function that is intercepted where a subject calls it. */
struct slot {
    const char *name;
    function *ours;
    void *real; /* where the address of what would have been called is put; a pointer to a function
                   of its type */
};
/* Whose calls: those of a module and its libraries, or of libraries that derive keys. Bits. */
enum slot_owner { OWNED_BY_SUBJECT = 1, OWNED_BY_KDF = 2 };
/* To be called when interceptors are installed. The table is the caller's, for good. */
void slots_offer(unsigned owners, const struct slot *, size_t count);
const char *slots_install(void);
/* Takes the slots of everything that was loaded since the last time: call it after each dlopen().
 */
void slots_take_new(void);

/* Calls `visit` for each function that a loaded object takes from others, with the place where its
 * address stands. `dynamic` is the object's dynamic section, `base` where it was loaded. */
typedef void import_visit(void *context, const char *name, void **place);
void imports_each(const ElfW(Dyn) * dynamic, uintptr_t base, import_visit *, void *context);

/* --- memory.c, calls.c, threads.c ------------------------------------------------------------- */
const char *memory_install(void);
/* What was taken since the process began and not given back: allocations of SQLite, mappings of
 * KDFs. */
struct memory_left {
    int64_t sqlite, mappings;
};
struct memory_left memory_left(void);
/* Memory that password hashing was asked to go through since the process began, in KiB times
 * passes. */
uint64_t hashing_work(void);
const char *calls_install(void);
const char *threads_install(void);
/* For interceptors' own locks: no yield points, and not seen by ThreadSanitizer, nor is what is
 * done while they are held. Not to be held across the edge. */
void faults_lock(pthread_mutex_t *);
void faults_unlock(pthread_mutex_t *);

/* --- entropy.c -------------------------------------------------------------------------------- */
/* Each consumer has a stream of its own, so that one more draw here shifts nothing there. */
enum entropy_stream { STREAM_SODIUM, STREAM_SQLITE, STREAM_KERNEL, ENTROPY_STREAMS };
const char *entropy_install(void);
void entropy_reset(uint64_t seed);
void entropy_fill(enum entropy_stream, void *ret, size_t size);

/* --- descriptors.c ---------------------------------------------------------------------------- */
const char *descriptors_install(void);

/* --- log.c ------------------------------------------------------------------------------------ */
const char *log_install(void);

/* --- clock.c ---------------------------------------------------------------------------------- */
const char *clock_install(void);
void clock_reset(void);
/* The wall clock of the run, in microseconds since 1970: passes the edge. */
int64_t clock_wall_us(void);
/* Time goes by. */
void clock_sleep(uint64_t us);
/* The same, by every clock of the subject: what a case lets pass, and nobody slept. */
void clock_pass(uint64_t us);
/* The wall clock, and no other, is put on or back. */
void clock_set(int64_t us);
/* Since the reset, whatever the wall clock says. */
uint64_t clock_passed_us(void);

#endif
