/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether the lines of a change are reached, in the very build that is judged.
 *
 * Beside a module NAME.so there may be a file NAME.probes: addresses within the module, one a line
 * in hexadecimal, at which code of changed lines begins. targets/probes.sh writes it from the patch
 * and the line table that the compiler left. At each of them the first byte of the instruction is
 * replaced by a breakpoint; the first thread that comes there is stopped by SIGTRAP, the byte is
 * put back, and the instruction runs. So a probe costs something once, and the code that is judged
 * is otherwise the code that was built.
 *
 * What is not modelled: an instruction that the compiler has moved away from its line counts for
 * the line it came from, also when it runs earlier than the source would have it. A target that
 * blocks SIGTRAP, or handles it itself, is not compatible with probes. On other machines than
 * x86-64 and AArch64 there are none.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "harness/run/probes.h"

#if defined __x86_64__
typedef uint8_t instruction;
#define BREAKPOINT         0xccu
#define STEP_BACK(context) ((uintptr_t)--((ucontext_t *)(context))->uc_mcontext.gregs[REG_RIP])
#define PROBES_WORK        true
#elif defined __aarch64__
typedef uint32_t instruction;
#define BREAKPOINT         0xd4200000u
#define STEP_BACK(context) ((uintptr_t)((ucontext_t *)(context))->uc_mcontext.pc)
#define PROBES_WORK        true
#else
typedef uint8_t instruction;
#define BREAKPOINT         0u
#define STEP_BACK(context) ((void)(context), (uintptr_t)0)
#define PROBES_WORK        false
#endif

static struct {
    bool tried;
    uint32_t count;
    struct {
        instruction *at, was;
    } probes[PROBES_MAX];
    struct cost *cost;
} planted;

static void write_instruction(instruction *at, instruction what)
{
    *at = what;
    __builtin___clear_cache((char *)at, (char *)(at + 1));
}

/* A breakpoint was reached: what stood there is put back, and runs. */
static void on_trap(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    uintptr_t at = STEP_BACK(context);
    for (uint32_t i = 0; i < planted.count; i++) {
        instruction *place = planted.probes[i].at;
        if ((uintptr_t)place != at)
            continue;
        planted.cost->hits += *place == (instruction)BREAKPOINT;
        write_instruction(place, planted.probes[i].was);
        return;
    }
    abort(); /* a trap of the target's own */
}

/* The file of probes of a target, or null. */
static FILE *open_probes(const char *target)
{
    char message[MODULE_MESSAGE_BYTES], *path = module_path(target, message), *name = NULL;
    size_t size = path ? strlen(path) : 0;
    FILE *file = NULL;
    if (size > 3 && strcmp(path + size - 3, ".so") == 0 &&
        asprintf(&name, "%.*s.probes", (int)size - 3, path) > 0)
        file = fopen(name, "re");
    free(name);
    free(path);
    return file;
}

/* Notes an address whose page can be written to. */
static void find_place(uintptr_t address)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = address & ~(page - 1), end = address + sizeof(instruction);
    if (planted.count == PROBES_MAX || address % sizeof(instruction) != 0 ||
        mprotect((void *)first, end - first, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        return;
    planted.probes[planted.count].at = (instruction *)address;
    planted.probes[planted.count++].was = *(instruction *)address;
}

/* Whether this address lies in the module that was loaded at `base`. */
static bool lies_in(const void *base, uintptr_t address)
{
    Dl_info info;
    return dladdr((const void *)address, &info) != 0 && info.dli_fbase == base;
}

/* The places of the probes of this target: read once in a process. */
static void find_places(const char *target, const struct module *module)
{
    const struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_RESTART};
    const void *inside = module->table.name; /* the module's own, like its code */
    char line[64];
    Dl_info info;
    FILE *file = open_probes(target);
    bool ready =
        file && PROBES_WORK && dladdr(inside, &info) != 0 && sigaction(SIGTRAP, &action, NULL) == 0;
    while (ready && fgets(line, sizeof line, file)) {
        uintptr_t address = (uintptr_t)info.dli_fbase + (uintptr_t)strtoull(line, NULL, 16);
        if (lies_in(info.dli_fbase, address))
            find_place(address);
    }
    if (file)
        fclose(file);
}

void probes_plant(const char *target, const struct module *module, struct cost *ret)
{
    if (!planted.tried)
        find_places(target, module);
    planted.tried = true;
    planted.cost = ret;
    if (ret->probes > 0)
        return;
    for (uint32_t i = 0; i < planted.count; i++)
        write_instruction(planted.probes[i].at, (instruction)BREAKPOINT);
    ret->probes = planted.count;
}
