/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime of a mutated module: its switches, and the symbol by which the harness finds them.
 *
 * The switches lie in memory that is mapped when the module is loaded, before any other constructor
 * of it that has no priority. What runs earlier meets switches that are all off. The harness puts
 * back the module's segments as they were after loading, and with them the pointer to that memory,
 * but not what the memory holds.
 *
 * A program that is linked from mutated code and runs by itself takes the switches from its
 * environment: ASSAY_MUTANT is the key of the active mutant, 16 hexadecimal digits;
 * ASSAY_MUTANT_FUEL the turns of loops allowed. A key that is not in the table ends the program: it
 * would pass for a mutant that survives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "coverage/mutate/inside.h"
#include "coverage/mutate/mutant.h"

#define EXIT_USAGE 64 /* as everywhere in Assay */

/* Written by assay-mutate. */
extern const struct mutant assay_mutant_table[] __attribute__((visibility("hidden")));
extern const uint32_t assay_mutant_count __attribute__((visibility("hidden")));

static struct assay_switches all_off = {.fuel = UINT64_MAX};
struct assay_switches *assay_switches = &all_off;

/* Constant for everybody but this file. */
__attribute__((visibility("default"))) struct assay_mutants assay_mutants;

void assay_out_of_fuel(void)
{
    if (assay_switches->out_of_fuel)
        assay_switches->out_of_fuel();
    else
        abort();
}

/* Ends the program: it cannot do what its environment asks for. */
__attribute__((noreturn)) static void refuse(const char *name, const char *value)
{
    fprintf(stderr, "mutants: %s=%s is not one that this program has\n", name, value);
    _exit(EXIT_USAGE);
}

/* A number in the environment, or `otherwise`. */
static uint64_t number_in_environment(const char *name, int base, uint64_t otherwise)
{
    const char *value = getenv(name);
    char *end = NULL;
    if (!value)
        return otherwise;
    uint64_t number = strtoull(value, &end, base);
    if (end == value || *end)
        refuse(name, value);
    return number;
}

static uint32_t active_in_environment(void)
{
    uint64_t key = number_in_environment("ASSAY_MUTANT", 16, 0);
    if (!getenv("ASSAY_MUTANT"))
        return 0;
    for (uint32_t i = 0; i < assay_mutant_count; i++)
        if (assay_mutant_table[i].key == key)
            return i + 1;
    refuse("ASSAY_MUTANT", getenv("ASSAY_MUTANT"));
}

/* First of all constructors: 101 is the first priority that is free. */
__attribute__((constructor(101))) static void map_switches(void)
{
    size_t size = sizeof *assay_switches + assay_mutant_count;
    struct assay_switches *switches =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (switches == MAP_FAILED) {
        perror("mutants: no memory for the switches");
        abort();
    }
    *switches = (struct assay_switches){
        .active = active_in_environment(),
        .fuel = number_in_environment("ASSAY_MUTANT_FUEL", 10, UINT64_MAX),
        .reached = (uint8_t *)(switches + 1),
    };
    assay_switches = switches;
    assay_mutants = (struct assay_mutants){
        .abi = ASSAY_MUTANTS_ABI,
        .count = assay_mutant_count,
        .at = assay_mutant_table,
        .active = &switches->active,
        .reached = switches->reached,
        .recording = &switches->recording,
        .turns = &switches->turns,
        .fuel = &switches->fuel,
        .out_of_fuel = &switches->out_of_fuel,
    };
}
