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
#include <string.h>

#include <sqlite3.h>

#include "faults/faults.h"

#define EFFECTS(...)                                                                               \
    .effects = (const char *const[]){__VA_ARGS__},                                                 \
    .effect_count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)

/* Order of operations and of effects is part of every token: add at the end only. */
static const struct operation operations[FAULT_OPERATIONS] = {
    [DISK_OPEN] = {.name = "disk.open", EFFECTS("cantopen")},
    [DISK_READ] = {.name = "disk.read", EFFECTS("io")},
    [DISK_WRITE] = {.name = "disk.write", EFFECTS("io", "full")},
    [DISK_SYNC] = {.name = "disk.sync", EFFECTS("io")},
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
};

static const char *const roles[FAULT_ROLES] = {
    [ROLE_NONE] = "-",          [ROLE_MAIN] = "main", [ROLE_WAL] = "wal",
    [ROLE_JOURNAL] = "journal", [ROLE_SHM] = "shm",   [ROLE_OTHER] = "other",
};

static const char *const kinds[FAULT_KINDS] = {
    [FAULT_NONE] = "none",   [FAULT_IO] = "io",         [FAULT_FULL] = "full",
    [FAULT_BUSY] = "busy",   [FAULT_MEMORY] = "memory", [FAULT_CANTOPEN] = "cantopen",
    [FAULT_SHORT] = "short",
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

/* The order matters: SQLite takes an allocator and locks only before it is initialised, which
 * registering the disk does; and libsodium is initialised last, with our entropy. */
const char *faults_install(void)
{
    static const char *(*const installers[])(void) = {
        memory_install, threads_install, disk_install, calls_install, entropy_install,
    };
    edge_install(&fault_catalogue);
    for (size_t i = 0; i < sizeof installers / sizeof *installers; i++) {
        const char *problem = installers[i]();
        if (problem != NULL)
            return problem;
    }
    faults_reset(0);
    return NULL;
}

/* SQLite keeps a random generator of its own: sqlite3_randomness(0) makes it seed itself again,
 * from our disk, before its next use. */
void faults_reset(uint64_t entropy_seed)
{
    disk_reset();
    entropy_reset(entropy_seed);
    sqlite3_randomness(0, NULL);
}
