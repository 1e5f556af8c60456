/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutants of a module judged by all cases and techniques, see mutants.c.
 */
#ifndef ASSAY_RUN_MUTANTS_H
#define ASSAY_RUN_MUTANTS_H

#include "harness/run/run.h"

/* The mutated build of the reference. */
#define MUTANTS_MODULE "reference-mutants"

enum mutant_state {
    MUTANT_LEFT_OUT,    /* not of this sample, diff or shard */
    MUTANT_NOT_REACHED, /* no run executes its site */
    MUTANT_SURVIVED,    /* reached, and nothing that was run within its budget refuses it */
    MUTANT_KILLED,      /* a finding by an oracle */
    MUTANT_STATES
};
const char *mutant_state_name(enum mutant_state);

/* One mutant: what it is, and what became of it. */
struct judged_mutant {
    uint64_t key; /* of its content, see coverage/mutate/mutant.h */
    uint32_t line, column;
    char operator_name[MUTANT_NAME_BYTES];
    char file[MUTANT_FILE_BYTES]; /* from the root of the sources */
    char function[MUTANT_NAME_BYTES];
    char original[MUTANT_TEXT_BYTES], replacement[MUTANT_TEXT_BYTES];
    enum mutant_state state;
    bool judged;             /* its turn came: state is that of this run */
    bool suppressed;         /* by a line of the suppressions */
    uint32_t cells, skipped; /* cells that reach it; of these, not run whole within its budget */
    uint64_t runs;           /* with it switched on */
    /* Of the kill: */
    enum technique technique;
    const struct test_case *test_case;
    enum verdict verdict; /* FAIL, CRASH or HANG */
    bool endless;         /* HANG by loops that used up their turns */
    char *token;          /* of the run that killed it as it was found, or null */
    char why[MESSAGE_BYTES];
};

struct operator_score {
    char name[MUTANT_NAME_BYTES];
    uint32_t total, reached, killed, suppressed;
};

struct mutation {
    struct judged_mutant *mutants; /* all of the module, in its order */
    uint32_t count;
    /* Of those that were judged; not reached ones are in `total` and in no other number: */
    uint32_t total, reached, killed, suppressed;
    double score; /* killed / (total - suppressed), 1 when there is nothing to be killed */
    struct operator_score by_operator[MUTANT_OPERATORS_MAX];
    uint32_t operator_count;
    enum exit_code exit_code;           /* WEAK: a suppression is not believed; UNJUDGED: no module,
                                           or the baseline is not green. Survivors alone are GREEN
                                           here: what they mean is for the gate to say */
    char message[MODULE_MESSAGE_BYTES]; /* why, where the exit code alone does not say */
    double cpu_seconds;
};

/* What a command tells while it works; all of it from the parent process. Any may be null. */
struct mutants_listener {
    void (*planned)(void *context, const struct mutation *); /* the baseline is green */
    void (*judged)(void *context, const struct mutation *, const struct judged_mutant *);
    void *context;
};

/* Judges the mutants of MUTANTS_MODULE that the settings select. */
void mutants_judge(const struct settings *, struct mutation *ret);
/* The same of any mutated module, telling as it goes. Those whose `judged` is already set in `ret`
 * by mutation_open() and a run that is gone on with are not judged again. */
void mutants_run(const char *module, const struct settings *, const struct mutants_listener *,
                 struct mutation *ret);
void mutation_done(struct mutation *);

#endif
