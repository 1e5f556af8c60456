/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults: the interceptors through which code under test meets the world; all end in edge().
 *
 *   disk.c       a disk in memory, as SQLite's default VFS
 *   memory.c     mappings (Argon2's memory) and SQLite's allocator
 *   calls.c      library calls of libsodium
 *   entropy.c    all randomness, from one seed
 *   threads.c    locks, condition variables and sleeps, for schedules
 *   catalogue.c  the list of operations, roles and effects; installing and resetting all
 *
 * An interceptor never decides anything: it asks the edge, and turns the effect into what the real
 * thing would do. They are installed once in a process, and cost almost nothing outside of runs.
 * All of them may be called on any thread. No lock of theirs is held while the edge is asked.
 */
#ifndef ASSAY_FAULTS_H
#define ASSAY_FAULTS_H

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
    MEMORY_MAP,    /* mmap() as called by libsodium: the memory of Argon2 */
    MEMORY_SQLITE, /* one allocation by SQLite */
    CALL_CRYPTO_PWHASH,
    CALL_CRYPTO_PWHASH_STR, /* also crypto_pwhash_str_alg() */
    CALL_CRYPTO_PWHASH_STR_VERIFY,
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
    FAULT_KINDS
};

/* The kind behind an effect code; FAULT_NONE for code 0 and for what is not in the catalogue. */
enum fault_kind fault_kind_of(uint16_t operation, int32_t effect_code);
const char *fault_kind_name(enum fault_kind);
/* For interceptors: passes the edge, and says what shall happen. */
enum fault_kind fault_ask(enum fault_operation, enum fault_role);

extern const struct catalogue fault_catalogue;

/* Installs the catalogue and all interceptors, and initialises libsodium and SQLite. Call once,
 * before anything uses SQLite. Null, or what went wrong. */
const char *faults_install(void);

/* Puts disk, clock and randomness back to their initial state. Files that a handle still has open
 * become anonymous: the handle goes on working, nobody else finds them. */
void faults_reset(uint64_t entropy_seed);

/* --- disk.c ----------------------------------------------------------------------------------- */
#define DISK_VFS_NAME "assay-disk"
const char *disk_install(void);
void disk_reset(void);
/* True while SQLite opens files on our disk when no VFS is named; a target may have undone that
 * (sqlite3_shutdown). */
bool disk_is_default(void);
/* The disk's clock, in milliseconds since the reset; it stands still but for sleeping. */
uint64_t disk_clock_ms(void);
/* The content of a file as it would be read now, `ret_size` bytes; null if there is no such file or
 * it is empty. Belongs to the disk: valid until something is written. Passes no edge. */
const uint8_t *disk_content(const char *name, size_t *ret_size);

/* --- memory.c, calls.c, threads.c ------------------------------------------------------------- */
const char *memory_install(void);
const char *calls_install(void);
const char *threads_install(void);
/* For interceptors' own locks: no yield points, and not seen by ThreadSanitizer, nor is what is
 * done while they are held. Not to be held across the edge. */
void faults_lock(pthread_mutex_t *);
void faults_unlock(pthread_mutex_t *);

/* --- entropy.c -------------------------------------------------------------------------------- */
/* Each consumer has a stream of its own, so that one more draw here shifts nothing there. */
enum entropy_stream { ENTROPY_SODIUM, ENTROPY_SQLITE, ENTROPY_STREAMS };
const char *entropy_install(void);
void entropy_reset(uint64_t seed);
void entropy_fill(enum entropy_stream, void *ret, size_t size);

#endif
