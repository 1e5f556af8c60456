/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory: the places where code for authentication really runs out of it.
 *
 * The working memory of a KDF. libsodium and libxcrypt get it by mmap(), which no allocation hook
 * sees; it is intercepted where they call it (slots.c). What fails, fails as the kernel says it:
 * MAP_FAILED and ENOMEM. sodium_malloc() maps as well, and is counted as the same operation. A case
 * may also allow so many bytes at once (edge_allow): the mapping that would exceed them fails, so
 * that several threads run out of memory together. Giving a mapping back is a yield point, because
 * before that it is held: otherwise one hash would always end before the next one begins. A small
 * mapping that is given back is kept, wiped, for the next hash, since mapping, populating and
 * unmapping took a quarter of a run; not under ThreadSanitizer, to which it would be one memory of
 * two threads. So what a KDF does with memory that it has given back is not noticed here.
 *
 * Allocations of the subject and of the libraries that were loaded for it, and libsodium's:
 * malloc() and its kin, first ones and growing ones, and copies of strings. Null and ENOMEM; the
 * old memory stays as it was.
 *
 * SQLite's allocator. SQLite lets itself be given one: ours asks the edge and then calls SQLite's
 * own. SQLite calls it with a mutex of its own held, so nothing may wait for another thread at this
 * edge.
 *
 * Locked memory: mlock(), as called for sodium_mlock() and sodium_malloc(), beyond RLIMIT_MEMLOCK.
 * libsodium's sodium_malloc() works all the same then, and does not say so.
 *
 * SQLite's allocations and the mappings of KDFs are counted, so that what a subject leaves behind
 * when everything is closed can be seen: a handle or a statement that was not closed, memory that
 * sodium_free() never got. SQLite's own statistics are switched off: they cost a lock for every
 * allocation, and say less.
 *
 * Memory that the subject, or SQLite for it, gives back is shown to whoever watches for secrets
 * (outlets.c). While somebody watches, fresh memory is zeroed, so that nothing of its owner before
 * is taken for the subject's; and memory that grows always moves, as the standard lets it, so that
 * what stays behind does not depend on the heap of the day. Unmapped memory, stacks, and what
 * libraries allocate and free for themselves are not looked at.
 *
 * Not modelled: mremap, brk, what libc allocates for its own functions (fopen, asprintf, qsort),
 * and calloc() of what the compiler makes of malloc() and memset().
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <sqlite3.h>

#include "faults/faults.h"

static struct {
    __typeof__(&mmap) mmap;
    __typeof__(&munmap) munmap;
    __typeof__(&mlock) mlock;
    __typeof__(&malloc) malloc;
    __typeof__(&free) free;
    __typeof__(&calloc) calloc;
    __typeof__(&realloc) realloc;
    __typeof__(&reallocarray) reallocarray;
    __typeof__(&aligned_alloc) aligned_alloc;
    __typeof__(&posix_memalign) posix_memalign;
    __typeof__(&strdup) strdup;
    __typeof__(&strndup) strndup;
} real;

/* True if the call shall fail, with errno set. */
static bool fails(enum fault_operation operation)
{
    if (fault_ask(operation, ROLE_NONE) != FAULT_MEMORY)
        return false;
    errno = ENOMEM;
    return true;
}

static struct memory_left left;

static void count(int64_t *counter, int change)
{
    __atomic_add_fetch(counter, change, __ATOMIC_RELAXED);
}

struct memory_left memory_left(void)
{
    return (struct memory_left){__atomic_load_n(&left.sqlite, __ATOMIC_RELAXED),
                                __atomic_load_n(&left.mappings, __ATOMIC_RELAXED)};
}

/* --- The memory of a KDF ---------------------------------------------------------------------- */

#if defined(__SANITIZE_THREAD__) || defined(ASSAY_TSAN)
#define SPARE_BYTES_MAX ((size_t)0)
#else
#define SPARE_BYTES_MAX ((size_t)256 * 1024)
#endif

/* The flags of Argon2's memory, and of no other of libsodium's mappings. */
#define HASHING_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE)

/* One mapping of a hash that is under way, and one that is kept; all zero, but for its size in
 * front. */
static void *lent, *spare;

static void *map_for_hashing(size_t size)
{
    size_t *mapping = __atomic_exchange_n(&spare, NULL, __ATOMIC_ACQUIRE);
    if (mapping != NULL && *mapping == size) {
        *mapping = 0;
        __atomic_store_n(&lent, mapping, __ATOMIC_RELEASE);
        return mapping;
    }
    if (mapping != NULL)
        (void)real.munmap(mapping, *mapping);
    void *fresh = real.mmap(NULL, size, PROT_READ | PROT_WRITE, HASHING_FLAGS, -1, 0);
    if (fresh != MAP_FAILED)
        __atomic_store_n(&lent, fresh, __ATOMIC_RELEASE);
    return fresh;
}

/* False: it is to be unmapped. */
static bool keep_spare(void *mapping, size_t size)
{
    if (size > SPARE_BYTES_MAX ||
        !__atomic_compare_exchange_n(&lent, &(void *){mapping}, NULL, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return false;
    memset(mapping, 0, size);
    *(size_t *)mapping = size;
    size_t *before = __atomic_exchange_n(&spare, mapping, __ATOMIC_RELEASE);
    if (before != NULL)
        (void)real.munmap(before, *before);
    return true;
}

static void *kdf_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (fails(MEMORY_MAP))
        return MAP_FAILED;
    if (!edge_take(MEMORY_MAP, size)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    bool is_hashing = address == NULL && size <= SPARE_BYTES_MAX && flags == HASHING_FLAGS &&
                      protection == (PROT_READ | PROT_WRITE) && size >= sizeof size;
    void *mapping = is_hashing ? map_for_hashing(size)
                               : real.mmap(address, size, protection, flags, fd, offset);
    count(&left.mappings, mapping != MAP_FAILED);
    return mapping;
}

static int kdf_munmap(void *address, size_t size)
{
    schedule_point("memory.unmap", NULL);
    edge_give(MEMORY_MAP, size);
    int code = keep_spare(address, size) ? 0 : real.munmap(address, size);
    count(&left.mappings, code == 0 ? -1 : 0);
    return code;
}

static int kdf_mlock(const void *address, size_t size)
{
    return fails(MEMORY_LOCK) ? -1 : real.mlock(address, size);
}

static void *kdf_malloc(size_t size)
{
    return fails(MEMORY_KDF) ? NULL : real.malloc(size);
}

static void *kdf_calloc(size_t count, size_t size)
{
    return fails(MEMORY_KDF) ? NULL : real.calloc(count, size);
}

static void *kdf_realloc(void *memory, size_t size)
{
    return fails(MEMORY_KDF) ? NULL : real.realloc(memory, size);
}

static int kdf_posix_memalign(void **ret, size_t alignment, size_t size)
{
    return fault_ask(MEMORY_KDF, ROLE_NONE) == FAULT_MEMORY
               ? ENOMEM
               : real.posix_memalign(ret, alignment, size);
}

static const struct slot kdf_slots[] = {
    {"mmap", (function *)kdf_mmap, &real.mmap},
    {"munmap", (function *)kdf_munmap, &real.munmap},
    {"mlock", (function *)kdf_mlock, &real.mlock},
    {"malloc", (function *)kdf_malloc, &real.malloc},
    {"calloc", (function *)kdf_calloc, &real.calloc},
    {"realloc", (function *)kdf_realloc, &real.realloc},
    {"posix_memalign", (function *)kdf_posix_memalign, &real.posix_memalign},
};

/* --- Allocations by the subject --------------------------------------------------------------- */

static void *subject_mmap(void *address, size_t size, int protection, int flags, int fd,
                          off_t offset)
{
    if (fails(MEMORY_ALLOCATE))
        return MAP_FAILED;
    return real.mmap(address, size, protection, flags, fd, offset);
}

/* Without anything of its owner before, when somebody watches. */
static void *fresh(void *memory)
{
    if (memory != NULL && outlet_is_watched(OUTLET_FREED))
        memset(memory, 0, malloc_usable_size(memory));
    return memory;
}

static void subject_free(void *memory)
{
    if (memory != NULL && outlet_is_watched(OUTLET_FREED))
        outlet_show(OUTLET_FREED, memory, malloc_usable_size(memory));
    free(memory);
}

/* What realloc() may do, and does here when somebody watches. */
static void *move(void *memory, size_t size)
{
    void *moved = fresh(malloc(size));
    size_t before = malloc_usable_size(memory);
    if (moved == NULL)
        return NULL;
    memcpy(moved, memory, before < size ? before : size);
    subject_free(memory);
    return moved;
}

static void *subject_malloc(size_t size)
{
    return fails(MEMORY_ALLOCATE) ? NULL : fresh(real.malloc(size));
}

static void *subject_calloc(size_t count, size_t size)
{
    return fails(MEMORY_ALLOCATE) ? NULL : real.calloc(count, size);
}

static void *subject_realloc(void *memory, size_t size)
{
    if (fails(MEMORY_ALLOCATE))
        return NULL;
    bool moves = memory != NULL && size > 0 && outlet_is_watched(OUTLET_FREED);
    return moves ? move(memory, size) : real.realloc(memory, size);
}

static void *subject_reallocarray(void *memory, size_t count, size_t size)
{
    size_t all;
    if (fails(MEMORY_ALLOCATE))
        return NULL;
    bool moves = memory != NULL && outlet_is_watched(OUTLET_FREED) &&
                 !__builtin_mul_overflow(count, size, &all) && all > 0;
    return moves ? move(memory, all) : real.reallocarray(memory, count, size);
}

static void *subject_aligned_alloc(size_t alignment, size_t size)
{
    return fails(MEMORY_ALLOCATE) ? NULL : fresh(real.aligned_alloc(alignment, size));
}

/* Says it by its result, and leaves errno alone. */
static int subject_posix_memalign(void **ret, size_t alignment, size_t size)
{
    if (fault_ask(MEMORY_ALLOCATE, ROLE_NONE) == FAULT_MEMORY)
        return ENOMEM;
    int code = real.posix_memalign(ret, alignment, size);
    if (code == 0)
        (void)fresh(*ret);
    return code;
}

static char *subject_strdup(const char *text)
{
    return fails(MEMORY_ALLOCATE) ? NULL : real.strdup(text);
}

static char *subject_strndup(const char *text, size_t size)
{
    return fails(MEMORY_ALLOCATE) ? NULL : real.strndup(text, size);
}

static const struct slot subject_slots[] = {
    {"mmap", (function *)subject_mmap, &real.mmap},
    {"mmap64", (function *)subject_mmap, &real.mmap},
    {"malloc", (function *)subject_malloc, &real.malloc},
    {"free", (function *)subject_free, &real.free},
    {"calloc", (function *)subject_calloc, &real.calloc},
    {"realloc", (function *)subject_realloc, &real.realloc},
    {"reallocarray", (function *)subject_reallocarray, &real.reallocarray},
    {"aligned_alloc", (function *)subject_aligned_alloc, &real.aligned_alloc},
    {"posix_memalign", (function *)subject_posix_memalign, &real.posix_memalign},
    {"strdup", (function *)subject_strdup, &real.strdup},
    {"strndup", (function *)subject_strndup, &real.strndup},
};

/* --- SQLite's allocator ----------------------------------------------------------------------- */

static sqlite3_mem_methods sqlite_allocator;

static void *sqlite_allocate(int size)
{
    if (fault_ask(MEMORY_SQLITE, ROLE_NONE) == FAULT_MEMORY)
        return NULL;
    void *memory = sqlite_allocator.xMalloc(size);
    if (memory != NULL && outlet_is_watched(OUTLET_FREED))
        memset(memory, 0, (size_t)sqlite_allocator.xSize(memory));
    count(&left.sqlite, memory != NULL);
    return memory;
}

static void sqlite_free(void *memory)
{
    if (memory != NULL && outlet_is_watched(OUTLET_FREED))
        outlet_show(OUTLET_FREED, memory, (size_t)sqlite_allocator.xSize(memory));
    count(&left.sqlite, memory != NULL ? -1 : 0);
    sqlite_allocator.xFree(memory);
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
    slots_offer(OWNED_BY_KDF, kdf_slots, sizeof kdf_slots / sizeof *kdf_slots);
    slots_offer(OWNED_BY_SUBJECT, subject_slots, sizeof subject_slots / sizeof *subject_slots);
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_allocator) != SQLITE_OK)
        return "SQLite is already initialised: its allocator cannot be replaced";
    sqlite3_mem_methods methods = sqlite_allocator;
    methods.xMalloc = sqlite_allocate;
    methods.xRealloc = sqlite_reallocate;
    methods.xFree = sqlite_free;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK)
        return "SQLite takes no allocator";
    return NULL;
}
