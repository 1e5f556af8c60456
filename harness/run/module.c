/* SPDX-License-Identifier: Apache-2.0
 *
 * A target as a shared object.
 *
 * A module is loaded once in a process and never unloaded. What it exports is checked before
 * anything of it is called. Its writable segments are copied after loading and put back before
 * every run, so that a static variable which a run left behind cannot decide the next one:
 * otherwise a token found late in a process would not fail in a fresh one. Relocated read-only data
 * is left alone. Builds that count coverage keep their counters in those segments, so there nothing
 * is put back.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coverage/mutate/mutant.h"
#include "faults/faults.h"
#include "harness/run/run.h"

#ifdef ASSAY_COVERAGE
#define COUNTERS_IN_SEGMENTS true
#else
#define COUNTERS_IN_SEGMENTS false
#endif

void module_folder(char ret[static 4096])
{
    ssize_t size = readlink("/proc/self/exe", ret, 4000);
    ret[size > 0 ? size : 0] = 0;
    char *slash = strrchr(ret, '/');
    strcpy(slash ? slash : ret, "/targets");
}

#define KEY_DIGITS 16u /* of a mutant */

static bool name_is_plain(const char *name)
{
    return *name && *name != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(name) &&
           strlen(name) < NAME_BYTES_MAX;
}

const char *module_key(const char *name)
{
    const char *at = strrchr(name, '@');
    return at && strlen(at + 1) == KEY_DIGITS && strspn(at + 1, "0123456789abcdef") == KEY_DIGITS
               ? at
               : NULL;
}

/* The path of a target without a key. */
static char *path_of(const char *name, char ret_message[static MODULE_MESSAGE_BYTES])
{
    char folder[4096], *path = NULL;
    if (strncmp(name, "so:", 3) == 0) {
        path = realpath(name + 3, NULL);
        if (!path)
            snprintf(ret_message, MODULE_MESSAGE_BYTES, "cannot open the module %s: %s", name + 3,
                     strerror(errno));
        return path;
    }
    module_folder(folder);
    if (name_is_plain(name) && asprintf(&path, "%s/%s.so", folder, name) > 0 &&
        access(path, R_OK) == 0)
        return path;
    free(path);
    snprintf(ret_message, MODULE_MESSAGE_BYTES,
             "there is no target \"%s\": `assay list targets` shows those that were built, so:PATH "
             "loads another module",
             name);
    return NULL;
}

char *module_path(const char *name, char ret_message[static MODULE_MESSAGE_BYTES])
{
    char plain[4096];
    const char *key = module_key(name);
    if (!key || (size_t)(key - name) >= sizeof plain)
        return path_of(name, ret_message);
    snprintf(plain, sizeof plain, "%.*s", (int)(key - name), name);
    return path_of(plain, ret_message);
}

struct search {
    struct module *module;
    uintptr_t inside; /* an address in the module */
};

/* Copies without the sanitizers' interceptors: the segments hold the red zones of instrumented
 * globals. */
__attribute__((no_sanitize("address", "thread"))) static void
copy_raw(uint8_t *to, const uint8_t *from, size_t size)
{
    volatile uint8_t *target = to;
    for (size_t i = 0; i < size; i++)
        target[i] = from[i];
}

static void add_segment(struct module *module, uintptr_t start, uintptr_t end)
{
    if (end <= start || module->segment_count >= sizeof module->segments / sizeof *module->segments)
        return;
    struct segment *segment = &module->segments[module->segment_count];
    *segment = (struct segment){(uint8_t *)start, end - start, malloc(end - start)};
    if (segment->saved) {
        copy_raw(segment->saved, segment->start, segment->size);
        module->segment_count++;
    }
}

/* Notes the writable segments of the object that holds the address, without what becomes read-only
 * after relocation. */
static int find_segments(struct dl_phdr_info *object, size_t size, void *context)
{
    struct search *search = context;
    uintptr_t relro_start = 0, relro_end = 0, page = (uintptr_t)sysconf(_SC_PAGESIZE);
    bool here = false;
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && search->inside >= start &&
            search->inside < start + header->p_memsz)
            here = true;
        if (header->p_type == PT_GNU_RELRO) {
            relro_start = start & ~(page - 1);
            relro_end = (start + header->p_memsz) & ~(page - 1);
        }
    }
    if (!here)
        return 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + header->p_vaddr, end = start + header->p_memsz;
        if (header->p_type == PT_TLS)
            search->module->tls_base = object->dlpi_addr;
        if (header->p_type != PT_LOAD || !(header->p_flags & PF_W))
            continue;
        if (relro_end > start && relro_start <= start)
            start = relro_end;
        add_segment(search->module, start, end);
    }
    return 1;
}

/* Notes a call of an intercepted library that goes through the dynamic linker, where it is seen. */
static void note_import(void *context, const char *name, void **place)
{
    struct module *module = context;
    (void)place;
    module->imports_hashing |= strncmp(name, "crypto_pwhash", 13) == 0;
    module->imports_storage |= strncmp(name, "sqlite3_open", 12) == 0;
}

static void find_imports(void *object, struct module *ret)
{
    struct link_map *map = NULL;
    if (dlinfo(object, RTLD_DI_LINKMAP, &map) == 0)
        imports_each(map->l_ld, map->l_addr, note_import, ret);
}

/* Takes over the table as far as the module knows it. Null, or what is wrong. */
static const char *take_table(const struct assay_target *table, struct module *ret, char *room)
{
    if (!table)
        return "its assay_target() returns nothing";
    if (table->abi != ASSAY_TARGET_ABI) {
        snprintf(room, MODULE_MESSAGE_BYTES,
                 "it was built for version %u of the contract; this program judges version %u",
                 table->abi, ASSAY_TARGET_ABI);
        return room;
    }
    if (table->size < offsetof(struct assay_target, hash) || table->size > 16 * sizeof *table)
        return "the size in its table cannot be right";
    memcpy(&ret->table, table, table->size < sizeof ret->table ? table->size : sizeof ret->table);
    if (!ret->table.name || !ret->table.version)
        return "its table has no name or no version";
    if (!ret->table.open != !ret->table.close)
        return "its table has only one of open and close";
    if (!ret->table.hash && !ret->table.open)
        return "its table has neither hashing nor accounts";
    return NULL;
}

/* Takes over the mutants of the module, if it has any, and switches on the one of its name. Null,
 * or what is wrong. */
static const char *take_mutants(void *object, const char *key, struct module *ret)
{
    const struct assay_mutants *mutants = dlsym(object, ASSAY_MUTANTS_SYMBOL);
    if (!mutants)
        return key ? "it has no mutants" : NULL;
    if (mutants->abi != ASSAY_MUTANTS_ABI || mutants->count > MUTANTS_MAX || !mutants->at ||
        !mutants->active || !mutants->reached || !mutants->recording || !mutants->turns ||
        !mutants->fuel || !mutants->out_of_fuel)
        return "its list of mutants cannot be right";
    ret->mutants = mutants;
    *mutants->active = 0;
    *mutants->fuel = UINT64_MAX;
    uint64_t wanted = key ? strtoull(key + 1, NULL, 16) : 0;
    for (uint32_t i = 0; i < mutants->count && key; i++)
        if (mutants->at[i].key == wanted)
            *mutants->active = i + 1;
    return key && *mutants->active == 0 ? "it has no mutant with this key" : NULL;
}

bool module_load(const char *name, struct module *ret,
                 char ret_message[static MODULE_MESSAGE_BYTES])
{
    char *path = module_path(name, ret_message);
    char room[MODULE_MESSAGE_BYTES] = "";
    memset(ret, 0, sizeof *ret);
    if (!path)
        return false;
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    free(path);
    if (!object) {
        snprintf(ret_message, MODULE_MESSAGE_BYTES, "cannot load the module %s: %s", name,
                 dlerror());
        return false;
    }
    slots_take_new();
    const struct assay_target *(*get)(void) = NULL;
    *(void **)&get = dlsym(object, ASSAY_TARGET_SYMBOL);
    const char *wrong = !get ? "it does not export " ASSAY_TARGET_SYMBOL "()"
                        : !disk_is_default()
                            ? "loading it took SQLite's default VFS away from the harness"
                            : take_table(get(), ret, room);
    if (!wrong)
        wrong = take_mutants(object, module_key(name), ret);
    if (wrong) {
        snprintf(ret_message, MODULE_MESSAGE_BYTES, "the module %s cannot be judged: %s", name,
                 wrong);
        return false;
    }
    find_imports(object, ret);
    if (!COUNTERS_IN_SEGMENTS)
        dl_iterate_phdr(find_segments, &(struct search){ret, (uintptr_t)get});
    return true;
}

/* Thread-local variables: back to their image, where the calling thread has them already. */
static int restore_tls(struct dl_phdr_info *object, size_t size, void *context)
{
    const struct module *module = context;
    (void)size;
    if (object->dlpi_addr != module->tls_base)
        return 0;
    for (int i = 0; i < object->dlpi_phnum && object->dlpi_tls_data; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        if (header->p_type != PT_TLS)
            continue;
        memcpy(object->dlpi_tls_data, (const void *)(object->dlpi_addr + header->p_vaddr),
               header->p_filesz);
        memset((uint8_t *)object->dlpi_tls_data + header->p_filesz, 0,
               header->p_memsz - header->p_filesz);
    }
    return 1;
}

void module_restore_thread(const struct module *module)
{
    if (module->tls_base)
        dl_iterate_phdr(restore_tls, (void *)(uintptr_t)module);
}

void module_restore(const struct module *module)
{
    module_restore_thread(module);

    for (uint32_t i = 0; i < module->segment_count; i++)
        copy_raw(module->segments[i].start, module->segments[i].saved, module->segments[i].size);
}
