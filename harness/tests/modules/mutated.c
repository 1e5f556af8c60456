/* SPDX-License-Identifier: Apache-2.0
 *
 * The hashing of simple.c with mutants in it, switched by hand: one for each thing that can become
 * of a mutant. They claim to be in src/small.c, a line each, which the test writes.
 *
 * Each site asks is_on(), which notes that it was reached. The switches are memory of their own, as
 * in a module that was mutated by machine, and so is `stain`: what one mutant leaves behind there
 * no restoring of variables takes away.
 */
#define SIMPLE_TARGET simple_target
#include "simple.c"

#include <sys/mman.h>

#include "coverage/mutate/mutant.h"

#ifndef MUTATED_TWIST /* what is wrong with it when no mutant is switched on: nothing */
#define MUTATED_TWIST locks
#endif
const struct twist twist = {.name = "mutated", .MUTATED_TWIST = true};

enum site {
    ACCEPTS = 1,
    TRUNCATES,
    SAME,
    FAR,
    ENDLESS,
    CRASHES,
    IGNORES,
    EXITS,
    SLEEPS,
    STAINS,
    ALIKE,
    SITES
};

static const struct mutant mutants[SITES] = {
    {"return_value", "src/small.c", 1, 12, "verify", "equal", "true", 0xa1},
    {"constant", "src/small.c", 2, 12, "verify", "size", "40", 0xa2},
    {"relational", "src/small.c", 3, 24, "scan", "i < size", "i != size", 0xa3},
    {"condition", "src/small.c", 4, 9, "hash", "rare", "!rare", 0xa4},
    {"increment", "src/small.c", 5, 35, "scan", "i++", "i", 0xa5},
    {"delete_statement", "src/small.c", 6, 5, "needs_rehash", "to = &room;", ";", 0xa6},
    {"error_ignored", "src/small.c", 7, 9, "verify", "derive(digest)", "(derive(digest), true)",
     0xa7},
    {"call_skipped", "src/small.c", 8, 5, "hash", "proceed()", "exit(0)", 0xa8},
    {"call_skipped", "src/small.c", 9, 5, "cost", "unlock()", "0", 0xaa},
    {"assignment", "src/small.c", 10, 5, "hash", "stain = 0", "stain = 1", 0xa9},
    {"relational", "src/small.c", 11, 12, "scan", "size >= 1", "size > 0", 0xab},
    {NULL, NULL, 0, 0, NULL, NULL, NULL, 0},
};

/* What is not put back between runs. */
struct kept {
    uint32_t active;
    uint8_t reached[SITES];
    bool recording, stain;
    uint64_t turns, fuel;
    void (*out_of_fuel)(void);
};

__attribute__((visibility("default"))) struct assay_mutants assay_mutants;
static struct kept *kept;

static __attribute__((constructor)) void make_switches(void)
{
    kept = mmap(NULL, sizeof *kept, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (kept == MAP_FAILED)
        abort();
    assay_mutants = (struct assay_mutants){ASSAY_MUTANTS_ABI, SITES - 1,     mutants,
                                           &kept->active,     kept->reached, &kept->recording,
                                           &kept->turns,      &kept->fuel,   &kept->out_of_fuel};
}

static bool is_on(enum site site)
{
    if (kept->recording)
        kept->reached[site - 1] = 1;
    return kept->active == site;
}

/* One turn of a loop. */
static void turn(void)
{
    if (kept->turns++ < kept->fuel)
        return;
    if (kept->out_of_fuel)
        kept->out_of_fuel();
    abort();
}

/* How many bytes there are, the slow way. */
static size_t scan(size_t size)
{
    size_t i = 0;
    while (is_on(SAME) ? i != size : i < size) {
        turn();
        i += !is_on(ENDLESS);
    }
    return (is_on(ALIKE) ? size > 0 : size >= 1) ? i : 0;
}

static void verify_mutated(struct assay_bytes encoded, struct assay_bytes password,
                           struct assay_reply *ret)
{
    password.size = scan(password.size);
    if (is_on(TRUNCATES) && password.size > 40)
        password.size = 40;
    bool ignores = is_on(IGNORES);
    verify(encoded, password, ret);
    if (ignores && ret->cause.reason == ASSAY_REASON_MEMORY)
        answer(ret, ASSAY_DENIED);
    if (kept->stain || (is_on(ACCEPTS) && ret->answer == ASSAY_DENIED))
        answer(ret, ASSAY_OK);
}

static void hash_mutated(const struct assay_config *config, struct assay_bytes password,
                         struct assay_text *ret_encoded, struct assay_reply *ret)
{
    if (is_on(EXITS))
        exit(0);
    if (is_on(STAINS))
        kept->stain = true;
    if (config->cost.memory_kib == 12345 && is_on(FAR))
        abort();
    hash(config, password, ret_encoded, ret);
}

static void needs_rehash_mutated(const struct assay_config *config, struct assay_bytes encoded,
                                 bool *ret_needed, struct assay_reply *ret)
{
    if (is_on(CRASHES))
        *(volatile int *volatile)NULL = 1;
    needs_rehash(config, encoded, ret_needed, ret);
}

static void cost_mutated(struct assay_bytes encoded, struct assay_cost *ret_cost,
                         struct assay_reply *ret)
{
    while (is_on(SLEEPS))
        pause();
    cost_of(encoded, ret_cost, ret);
}

const struct assay_target *assay_target(void)
{
    static struct assay_target table;
    table = *simple_target();
    table.hash = hash_mutated;
    table.verify = verify_mutated;
    table.needs_rehash = needs_rehash_mutated;
    table.cost = cost_mutated;
    table.open = NULL;
    table.close = NULL;
    return &table;
}
