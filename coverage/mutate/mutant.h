/* SPDX-License-Identifier: Apache-2.0
 *
 * What a mutated module exports beside assay_target: its mutants, and the switches for them.
 *
 * A module that assay-mutate has written holds every mutant at once. At most one of them is active;
 * which one is a number that the harness sets before a run. The symbol is data, found by dlsym();
 * its members point to memory that the module has mapped when it was loaded, so that putting back
 * the module's writable segments between runs touches neither the switches nor what was counted.
 * It is private memory: a process that is forked afterwards has switches of its own.
 *
 * The switches are set while no thread is inside the module. A program of its own takes them from
 * its environment (mutant.c).
 */
#ifndef ASSAY_MUTANT_H
#define ASSAY_MUTANT_H

#include <stdbool.h>
#include <stdint.h>

#define ASSAY_MUTANTS_ABI    1u
#define ASSAY_MUTANTS_SYMBOL "assay_mutants"

/* One change that a colleague could have made. In the file, `original` stands at line and column
 * (from 1, in bytes), perhaps over several lines, and `replacement` may be put in its place: what
 * comes out is that mutant as a program of its own. */
struct mutant {
    const char *operator_name;
    const char *file; /* relative to the root that was given */
    uint32_t line, column;
    const char *function;
    const char *original, *replacement;
    uint64_t key; /* of content: file, function, operator, original text, what replaces it, and its
                     ordinal among equal ones; not the line */
};

struct assay_mutants {
    uint32_t abi; /* 1 */
    uint32_t count;
    const struct mutant *at;
    uint32_t *active;           /* 0: none, else index + 1 */
    uint8_t *reached;           /* count bytes, set when the site of that mutant is executed
                                   (recording on) */
    bool *recording;            /* recording slows the module down */
    uint64_t *turns;            /* of loops since it was set to 0 */
    uint64_t *fuel;             /* turns allowed; at the limit: */
    void (**out_of_fuel)(void); /* null: abort() */
};

#endif
