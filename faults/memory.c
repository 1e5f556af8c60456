/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory: the two places where code for authentication really runs out of it.
 *
 * Argon2's working memory. libsodium gets it by mmap(), which no allocation hook sees. The
 * executable defines mmap and exports it, so the calls of shared libraries land here too. A call
 * whose return address lies in libsodium passes the edge; every other call goes straight on. What
 * fails, fails as the kernel says it: MAP_FAILED and ENOMEM. sodium_malloc() maps as well, and is
 * counted as the same operation.
 *
 * SQLite's allocator. SQLite lets itself be given one: ours asks the edge and then calls SQLite's
 * own. Both first allocations and growing ones can fail. SQLite calls it with a mutex of its own
 * held, so nothing may wait for another thread at this edge.
 *
 * Straight on means: to the sanitizer's interceptor if there is one (TSan clears its shadow for
 * new mappings there, otherwise memory that is mapped again at an old address makes false races),
 * else by system call, which works before libc is ready and needs no dlsym(). gcc's TSan calls mmap
 * before its own start is over and dies with any override: there, mappings cannot be failed.
 *
 * Not modelled: malloc() in the subject itself, mremap, brk, and a limit on the sum of mappings.
 */
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sqlite3.h>

#include "faults/faults.h"

#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define MMAP_OVERRIDE 0
#else
#define MMAP_OVERRIDE 1
#endif

/* --- Mappings --------------------------------------------------------------------------------- */

/* Where libsodium lies in memory: [start, end). Empty until installed. */
static struct {
    uintptr_t start, end;
} sodium;

/* Takes the extent of all loaded segments, if this object is libsodium; then looks no further. */
static int find_sodium(struct dl_phdr_info *object, size_t size, void *context)
{
    (void)size;
    (void)context;
    const char *slash = strrchr(object->dlpi_name, '/');
    const char *name = slash != NULL ? slash + 1 : object->dlpi_name;
    if (strncmp(name, "libsodium.so", strlen("libsodium.so")) != 0)
        return 0;
    uintptr_t start = UINTPTR_MAX, end = 0;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD)
            continue;
        uintptr_t first = object->dlpi_addr + segment->p_vaddr;
        start = first < start ? first : start;
        end = first + segment->p_memsz > end ? first + segment->p_memsz : end;
    }
    sodium.start = start;
    sodium.end = end;
    return 1;
}

#if MMAP_OVERRIDE

/* The sanitizer's own mmap; null without one. */
extern void *__interceptor_mmap(void *, size_t, int, int, int, off_t) __attribute__((weak));

/* What would have been called without us. */
static void *mmap_really(void *address, size_t size, int protection, int flags, int fd,
                         off_t offset)
{
    if (__interceptor_mmap != NULL)
        return __interceptor_mmap(address, size, protection, flags, fd, offset);
    return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}

/* Takes the place of libc's mmap for the executable and for all its shared libraries. */
__attribute__((visibility("default"), noinline)) void *
mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    if (caller >= sodium.start && caller < sodium.end &&
        fault_ask(MEMORY_MAP, ROLE_NONE) == FAULT_MEMORY) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return mmap_really(address, size, protection, flags, fd, offset);
}

#endif

/* --- SQLite's allocator ----------------------------------------------------------------------- */

static sqlite3_mem_methods sqlite_allocator;

static void *sqlite_allocate(int size)
{
    if (fault_ask(MEMORY_SQLITE, ROLE_NONE) == FAULT_MEMORY)
        return NULL;
    return sqlite_allocator.xMalloc(size);
}

/* The old memory stays as it was when this fails, as with realloc(). */
static void *sqlite_reallocate(void *memory, int size)
{
    if (fault_ask(MEMORY_SQLITE, ROLE_NONE) == FAULT_MEMORY)
        return NULL;
    return sqlite_allocator.xRealloc(memory, size);
}

/* Refused by SQLite once it is initialised: the first thing to install. */
const char *memory_install(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_allocator) != SQLITE_OK)
        return "SQLite is already initialised: its allocator cannot be replaced";
    sqlite3_mem_methods methods = sqlite_allocator;
    methods.xMalloc = sqlite_allocate;
    methods.xRealloc = sqlite_reallocate;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
        return "SQLite takes no allocator";
    if (dl_iterate_phdr(find_sodium, NULL) == 0)
        return "libsodium is not loaded as a shared library: its memory cannot be failed";
    return NULL;
}
