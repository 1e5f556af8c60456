/* SPDX-License-Identifier: Apache-2.0
 *
 * Slots: functions of libc that are intercepted only where a subject calls them.
 *
 * Everybody in the process allocates, opens files and reads clocks all the time: the harness, its
 * libraries, the sanitizers. Only what the subject itself asks for shall be counted and fail. A
 * shared object calls a function of another one through a slot, a pointer that the dynamic linker
 * has filled in; so the slots of a module, and of libraries that were loaded with it, are made to
 * point to an interceptor. Nobody else notices, nothing is looked up at a call, and it works the
 * same under every sanitizer of both compilers: what would have been called without us is what the
 * linker finds by that name, be it libc's or the sanitizer's.
 *
 * Libraries that derive keys are told apart, since what fails there is the hashing's matter. The
 * slots of libsodium are taken although the harness loads it: only subjects use it.
 *
 * The other mechanism of this folder, a function that the executable defines (calls.c, threads.c),
 * is for calls that mean something whoever makes them.
 *
 * Slots that were made read-only after relocation are opened for the moment. module_restore() puts
 * back what a slot held after this, so slots are taken before a module's variables are saved.
 *
 * Not reached: calls within one object, system calls made directly, functions that were looked up
 * by dlsym(), what libc allocates or opens for its own functions, what a module does while it is
 * being loaded, and libraries that the harness has loaded itself, but for libsodium.
 */
#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faults/faults.h"

#define TABLES_MAX 8u

/* Relocations that leave the address of a function. */
#if defined(__x86_64__)
#define IS_ADDRESS(type)                                                                           \
    ((type) == R_X86_64_JUMP_SLOT || (type) == R_X86_64_GLOB_DAT || (type) == R_X86_64_64)
#elif defined(__aarch64__)
#define IS_ADDRESS(type)                                                                           \
    ((type) == R_AARCH64_JUMP_SLOT || (type) == R_AARCH64_GLOB_DAT || (type) == R_AARCH64_ABS64)
#else
#error "the relocations of this processor are not known here"
#endif

static struct {
    unsigned owners;
    const struct slot *slots;
    size_t count;
} tables[TABLES_MAX];
static size_t table_count;
static size_t objects_seen; /* loaded objects, in the order of the linker's list */

/* --- What an object imports ------------------------------------------------------------------- */

static void walk(const ElfW(Rela) * relocations, size_t size, const ElfW(Sym) * symbols,
                 const char *strings, uintptr_t base, import_visit *visit, void *context)
{
    for (size_t i = 0; relocations != NULL && i < size / sizeof *relocations; i++) {
        const ElfW(Rela) *relocation = &relocations[i];
        const ElfW(Sym) *symbol = &symbols[ELF64_R_SYM(relocation->r_info)];
        if (symbol->st_shndx == SHN_UNDEF && symbol->st_name != 0 &&
            IS_ADDRESS(ELF64_R_TYPE(relocation->r_info)))
            visit(context, strings + symbol->st_name, (void **)(base + relocation->r_offset));
    }
}

void imports_each(const ElfW(Dyn) * dynamic, uintptr_t base, import_visit *visit, void *context)
{
    const ElfW(Rela) *lazy = NULL, *eager = NULL;
    const ElfW(Sym) *symbols = NULL;
    const char *strings = NULL;
    size_t lazy_size = 0, eager_size = 0;
    for (const ElfW(Dyn) *entry = dynamic; entry->d_tag != DT_NULL; entry++) {
        void *pointer = (void *)entry->d_un.d_ptr;
        if (entry->d_tag == DT_JMPREL)
            lazy = pointer;
        else if (entry->d_tag == DT_PLTRELSZ)
            lazy_size = entry->d_un.d_val;
        else if (entry->d_tag == DT_RELA)
            eager = pointer;
        else if (entry->d_tag == DT_RELASZ)
            eager_size = entry->d_un.d_val;
        else if (entry->d_tag == DT_SYMTAB)
            symbols = pointer;
        else if (entry->d_tag == DT_STRTAB)
            strings = pointer;
    }
    if (symbols == NULL || strings == NULL)
        return;
    walk(lazy, lazy_size, symbols, strings, base, visit, context);
    walk(eager, eager_size, symbols, strings, base, visit, context);
}

/* --- Taking ----------------------------------------------------------------------------------- */

struct object {
    enum slot_owner owner;
    uintptr_t sealed_start, sealed_end; /* read-only since relocation */
    void *handle;                       /* to look names up in it */
};

static const struct slot *slot_named(enum slot_owner owner, const char *name)
{
    for (size_t i = 0; i < table_count; i++)
        for (size_t n = 0; (tables[i].owners & owner) != 0 && n < tables[i].count; n++)
            if (strcmp(tables[i].slots[n].name, name) == 0)
                return &tables[i].slots[n];
    return NULL;
}

static void write_slot(const struct object *object, void **place, void *address)
{
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t at = (uintptr_t)place, page = at & ~(page_bytes - 1);
    bool is_sealed = at >= object->sealed_start && at < object->sealed_end;
    if (is_sealed && mprotect((void *)page, page_bytes, PROT_READ | PROT_WRITE) != 0)
        return;
    *place = address;
    if (is_sealed)
        (void)mprotect((void *)page, page_bytes, PROT_READ);
}

/* What would be called without us: as the linker looks for it, first in the whole process, then in
 * what the object brought along. */
static void take(void *context, const char *name, void **place)
{
    const struct object *object = context;
    const struct slot *slot = slot_named(object->owner, name);
    if (slot == NULL)
        return;
    void *address = dlsym(RTLD_DEFAULT, name);
    if (address == NULL && object->handle != NULL)
        address = dlsym(object->handle, name);
    if (address == NULL)
        return;
    memcpy(slot->real, &address, sizeof address);
    memcpy(&address, &slot->ours, sizeof address);
    write_slot(object, place, address);
}

static bool is_named(const char *path, const char *start)
{
    const char *slash = strrchr(path, '/');
    return strncmp(slash != NULL ? slash + 1 : path, start, strlen(start)) == 0;
}

static bool is_sodium(const char *path)
{
    return is_named(path, "libsodium.so");
}

static bool derives_keys(const char *path)
{
    return is_sodium(path) || is_named(path, "libcrypt.so") || is_named(path, "libargon2.so");
}

/* Finds its dynamic section and the part that is sealed, and takes its slots. */
static void take_object(const struct dl_phdr_info *info)
{
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    const ElfW(Dyn) *dynamic = NULL;
    struct object object = {
        .owner = derives_keys(info->dlpi_name) ? OWNED_BY_KDF : OWNED_BY_SUBJECT,
        .handle = dlopen(info->dlpi_name, RTLD_LAZY | RTLD_NOLOAD),
    };
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_DYNAMIC)
            dynamic = (const ElfW(Dyn) *)start;
        if (header->p_type == PT_GNU_RELRO) {
            object.sealed_start = start & ~(page_bytes - 1);
            object.sealed_end = (start + header->p_memsz) & ~(page_bytes - 1);
        }
    }
    if (dynamic != NULL)
        imports_each(dynamic, info->dlpi_addr, take, &object);
    if (object.handle != NULL)
        (void)dlclose(object.handle);
}

/* The objects are collected first: the linker's list is locked while it is walked. */
#define OBJECTS_MAX 256u
struct found {
    size_t index, count;
    bool sodium;
    struct dl_phdr_info objects[OBJECTS_MAX];
};

static int find(struct dl_phdr_info *info, size_t size, void *context)
{
    struct found *found = context;
    (void)size;
    bool wanted = found->sodium ? is_sodium(info->dlpi_name) : found->index >= objects_seen;
    if (wanted && found->count < OBJECTS_MAX)
        found->objects[found->count++] = *info;
    found->index++;
    return 0;
}

static size_t take_all(bool sodium)
{
    static struct found found;
    found = (struct found){.sodium = sodium};
    dl_iterate_phdr(find, &found);
    for (size_t i = 0; i < found.count; i++)
        take_object(&found.objects[i]);
    objects_seen = found.index;
    return found.count;
}

void slots_offer(unsigned owners, const struct slot *slots, size_t count)
{
    if (table_count < TABLES_MAX) {
        tables[table_count].owners = owners;
        tables[table_count].slots = slots;
        tables[table_count++].count = count;
    }
}

void slots_take_new(void)
{
    (void)take_all(false);
}

const char *slots_install(void)
{
    if (take_all(true) == 0)
        return "libsodium is not loaded as a shared library: its memory cannot be failed";
    return NULL;
}
