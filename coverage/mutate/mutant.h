/* SPDX-License-Identifier: Apache-2.0
 *
 * What a mutated module exports beside assay_target(): its mutants, and the switches of them.
 *
 * One mutant is active at a time, or none. All that the pointers lead to is memory that the module
 * maps for itself when it is loaded: a harness that puts the module's writable segments back
 * between runs does not touch it.
 */
#ifndef ASSAY_MUTANT_H
#define ASSAY_MUTANT_H

#include <stdbool.h>
#include <stdint.h>

#define ASSAY_MUTANTS_ABI    1u
#define ASSAY_MUTANTS_SYMBOL "assay_mutants"

struct mutant {
    const char *operator_name;
    const char *file; /* from the root of the sources */
    uint32_t line, column;
    const char *function;
    const char *original, *replacement;
    uint64_t key; /* of content: function, operator, original text and its ordinal among equal ones;
                     not the line */
};

struct assay_mutants {
    uint32_t abi; /* ASSAY_MUTANTS_ABI */
    uint32_t count;
    const struct mutant *at;
    uint32_t *active; /* 0: none, else index + 1 */
    uint8_t *reached; /* count bytes, set when the site of that mutant is executed while
                         recording is on */
    bool *recording;
    uint64_t *turns;            /* of loops since it was set to 0 */
    uint64_t *fuel;             /* turns allowed; at the limit: */
    void (**out_of_fuel)(void); /* null: abort() */
};

extern const struct assay_mutants assay_mutants __attribute__((visibility("default")));

#endif
