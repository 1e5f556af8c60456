/* SPDX-License-Identifier: Apache-2.0
 *
 * The catalogue: what can be made to fail, and how; and the one place that installs everything.
 *
 * A row is one operation with the effects it can have. An effect stands here only if the real thing
 * has it and SQLite or libsodium passes it on as an error: a short read, for instance, is not one,
 * since SQLite takes it for the end of the file and an honest program may rightly do the same. The
 * effect's name is the name of its kind, so there is no second table to keep in step.
 *
 * Not in it, because nothing here can make it happen truthfully: close and unlock, whose failure
 * SQLite ignores; checkReservedLock, which only says what xLock finds out as well.
 */
#include <malloc.h>
#include <string.h>

#include <sqlite3.h>

#include "faults/faults.h"

#define RESTART_US 60000000           /* a minute, until the subject is there again */
#define KEPT_BYTES (64 * 1024 * 1024) /* of the heap, in each process */

#define EFFECTS(...)                                                                               \
    .effects = (const char *const[]){__VA_ARGS__},                                                 \
    .effect_count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)

/* Order of operations and of effects is part of every token: add at the end only. */
static const struct operation operations[FAULT_OPERATIONS] = {
    [DISK_OPEN] = {.name = "disk.open", EFFECTS("cantopen")},
    [DISK_READ] = {.name = "disk.read", EFFECTS("io")},
    [DISK_WRITE] = {.name = "disk.write", EFFECTS("io", "full")},
    [DISK_SYNC] = {.name = "disk.sync", EFFECTS("io", "dropped")},
    [DISK_TRUNCATE] = {.name = "disk.truncate", EFFECTS("io")},
    [DISK_SIZE] = {.name = "disk.size", EFFECTS("io")},
    [DISK_DELETE] = {.name = "disk.delete", EFFECTS("io")},
    [DISK_ACCESS] = {.name = "disk.access", EFFECTS("io")},
    [DISK_LOCK] = {.name = "disk.lock", EFFECTS("busy", "io")},
    [DISK_SHM_MAP] = {.name = "disk.shm_map", EFFECTS("io", "memory")},
    [DISK_SHM_LOCK] = {.name = "disk.shm_lock", EFFECTS("busy", "io")},
    [MEMORY_MAP] = {.name = "memory.map", EFFECTS("memory")},
    [MEMORY_SQLITE] = {.name = "memory.sqlite", EFFECTS("memory"), .held = true},
    [CALL_CRYPTO_PWHASH] = {.name = "call.crypto_pwhash", EFFECTS("memory")},
    [CALL_CRYPTO_PWHASH_STR] = {.name = "call.crypto_pwhash_str", EFFECTS("memory")},
    [CALL_CRYPTO_PWHASH_STR_VERIFY] = {.name = "call.crypto_pwhash_str_verify", EFFECTS("memory")},
    [MEMORY_ALLOCATE] = {.name = "memory.allocate", EFFECTS("memory"), .held = true},
    [MEMORY_KDF] = {.name = "memory.kdf", EFFECTS("memory"), .held = true},
    [MEMORY_LOCK] = {.name = "memory.lock", EFFECTS("memory"), .held = true},
    [ENTROPY_LIBRARY] = {.name = "entropy.library", EFFECTS("stuck"), .held = true},
    [ENTROPY_KERNEL] = {.name = "entropy.kernel", EFFECTS("nosys", "stuck"), .held = true},
    [ENTROPY_LARGE] = {.name = "entropy.large", EFFECTS("nosys", "short", "stuck"), .held = true},
    [CLOCK_READ] = {.name = "clock.read",
                    EFFECTS("forward", "back", "restart", "still"),
                    .held = true},
    [FILE_OPEN] = {.name = "file.open", EFFECTS("exhausted", "access")},
    [FILE_READ] = {.name = "file.read", EFFECTS("io", "short", "interrupted")},
    [FILE_WRITE] = {.name = "file.write", EFFECTS("io", "full", "short", "interrupted")},
    [FILE_SYNC] = {.name = "file.sync", EFFECTS("io")},
    [FILE_CHANGE] = {.name = "file.change", EFFECTS("io")},
    [FILE_FLUSH] = {.name = "file.flush", EFFECTS("full")},
};

static const char *const roles[FAULT_ROLES] = {
    [ROLE_NONE] = "-",          [ROLE_MAIN] = "main", [ROLE_WAL] = "wal",
    [ROLE_JOURNAL] = "journal", [ROLE_SHM] = "shm",   [ROLE_OTHER] = "other",
};

static const char *const kinds[FAULT_KINDS] = {
    [FAULT_NONE] = "none",
    [FAULT_IO] = "io",
    [FAULT_FULL] = "full",
    [FAULT_BUSY] = "busy",
    [FAULT_MEMORY] = "memory",
    [FAULT_CANTOPEN] = "cantopen",
    [FAULT_SHORT] = "short",
    [FAULT_DROPPED] = "dropped",
    [FAULT_NOSYS] = "nosys",
    [FAULT_STUCK] = "stuck",
    [FAULT_FORWARD] = "forward",
    [FAULT_BACK] = "back",
    [FAULT_RESTART] = "restart",
    [FAULT_STILL] = "still",
    [FAULT_EXHAUSTED] = "exhausted",
    [FAULT_ACCESS] = "access",
    [FAULT_INTERRUPTED] = "interrupted",
};

const struct catalogue fault_catalogue = {
    .operations = operations,
    .operation_count = FAULT_OPERATIONS,
    .roles = roles,
    .role_count = FAULT_ROLES,
};

/* Finds the kind by the effect's name. Only reached when a fault strikes, so it need not be fast.
 */
enum fault_kind fault_kind_of(uint16_t operation, int32_t effect_code)
{
    if (operation >= FAULT_OPERATIONS || effect_code < 1)
        return FAULT_NONE;
    if ((uint32_t)effect_code > operations[operation].effect_count)
        return FAULT_NONE;
    const char *name = operations[operation].effects[effect_code - 1];
    for (int kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++)
        if (strcmp(kinds[kind], name) == 0)
            return (enum fault_kind)kind;
    return FAULT_NONE;
}

int32_t fault_code_of(enum fault_operation operation, enum fault_kind kind)
{
    for (uint32_t i = 0; i < operations[operation].effect_count; i++)
        if (strcmp(operations[operation].effects[i], kinds[kind]) == 0)
            return (int32_t)i + 1;
    return 0;
}

/* The word that a catalogue and a report use for a kind. */
const char *fault_kind_name(enum fault_kind kind)
{
    return (unsigned)kind < FAULT_KINDS ? kinds[kind] : "unknown";
}

/* One passage of the edge, translated. */
enum fault_kind fault_ask(enum fault_operation operation, enum fault_role role)
{
    struct effect effect = edge((uint16_t)operation, (uint8_t)role);
    return effect.code == 0 ? FAULT_NONE : fault_kind_of((uint16_t)operation, effect.code);
}

/* What one run gives back the next one wants: asking the system for it each time, page by page, was
 * a third of the cost of a run. Not for the sanitizers' own allocators, which do not look here. */
static void keep_memory(void)
{
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    (void)mallopt(M_MMAP_THRESHOLD, KEPT_BYTES / 2);
    (void)mallopt(M_TOP_PAD, KEPT_BYTES / 64);
}

/* The order matters: SQLite takes an allocator and locks only before it is initialised, which
 * registering the disk does; and libsodium is initialised last, with our entropy. */
const char *faults_install(void)
{
    static const char *(*const installers[])(void) = {
        memory_install, threads_install,     disk_install, powercut_install, calls_install,
        clock_install,  descriptors_install, log_install,  entropy_install,  slots_install,
    };
    keep_memory();
    edge_install(&fault_catalogue);
    for (size_t i = 0; i < sizeof installers / sizeof *installers; i++) {
        const char *problem = installers[i]();
        if (problem != NULL)
            return problem;
    }
    faults_reset(0);
    return NULL;
}

static uint64_t seed_of_run;

/* SQLite keeps a random generator of its own: sqlite3_randomness(0) makes it seed itself again,
 * from our disk, before its next use. */
void faults_reset(uint64_t entropy_seed)
{
    seed_of_run = entropy_seed;
    disk_reset();
    clock_reset();
    entropy_reset(entropy_seed);
    sqlite3_randomness(0, NULL);
}

void faults_restart(void)
{
    clock_reset();
    clock_sleep(RESTART_US);
    entropy_reset(~seed_of_run);
    sqlite3_randomness(0, NULL);
}
