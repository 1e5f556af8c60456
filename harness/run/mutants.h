/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutants of a module judged by all cases and techniques, see mutants.c.
 */
#ifndef ASSAY_RUN_MUTANTS_H
#define ASSAY_RUN_MUTANTS_H

#include <jansson.h>

#include "harness/run/mutated.h"

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
    struct mutant_row what;
    enum mutant_state state;
    bool selected;           /* to be judged, by this run or the one it goes on with */
    bool judged;             /* its turn came: state is that of this run */
    bool suppressed;         /* by a line of the suppressions */
    uint32_t cells, skipped; /* cells that reach it; of these, not run whole within its budget */
    uint64_t runs;           /* with it switched on */
    char reached_by[NAME_BYTES_MAX * 4]; /* the first of its cases, and how many more */
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
    double score; /* as that of all */
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
    double cpu_seconds, baseline_seconds;
    /* What the baseline came to: */
    struct corpus *corpus;
};

/* What a command tells while it works; all of it from the parent process. Any may be null. */
struct mutants_listener {
    void (*planned)(void *context, const struct mutation *); /* the baseline is green */
    void (*judged)(void *context, const struct mutation *, const struct judged_mutant *);
    void *context;
};

/* Judges the mutants of MUTANTS_MODULE that the settings select. */
void mutants_judge(const struct settings *, struct mutation *ret);

/* The same in two steps, for any mutated module: its mutants, of which none is judged yet. False:
 * exit_code and message say why not. */
bool mutation_open(const char *module, const struct settings *, struct mutation *ret);
/* Judges those that are selected and not judged yet, telling as it goes. The listener may be null.
 */
void mutation_run(const char *module, const struct settings *, const struct mutants_listener *,
                  struct mutation *);
void mutation_done(struct mutation *);

/* The mutant with this key, or null. */
struct judged_mutant *mutant_find(const struct mutation *, uint64_t key);

/* --- trial.c: one mutant judged by a hand */

struct corpus_cell {
    enum technique technique;
    uint32_t case_index;
    uint64_t work;      /* of all of its runs */
    uint64_t turns_max; /* of the run with the most */
    uint64_t runs;
    uint32_t sites;    /* that the fault technique makes fail */
    uint32_t *site_at; /* of each mutant, or null; see struct mutant_table */
};
struct corpus_run {
    uint32_t cell;
    uint64_t work;
    char *token; /* "": it cannot be repeated alone */
};
/* That this run reaches this mutant; the first of its cell that does. */
struct corpus_reach {
    uint32_t mutant, run;
};
struct corpus {
    struct corpus_cell *cells; /* cheapest first */
    struct corpus_run *runs;
    struct corpus_reach *reaches; /* by mutant, then cheapest run first */
    uint32_t cell_count, run_count, reach_count;
};

struct trial {
    struct worker *worker;
    const struct settings *settings;
    const struct corpus *corpus;
    uint32_t tried; /* mutants in this process */
    struct choices *choices;
    struct token *token;
};
/* Fills in what became of the mutant with this index. False: a run without any mutant is not green,
 * `why` says which. */
bool trial_run(struct trial *, uint32_t index, struct judged_mutant *ret);

/* --- mutant_record.c */

json_t *json_of_mutant(const struct judged_mutant *);
/* Takes what became of a mutant that is selected and not judged yet; null: the record cannot be. */
struct judged_mutant *mutant_of_json(const json_t *, struct mutation *);
json_t *json_of_mutation(const struct mutation *);

#endif
