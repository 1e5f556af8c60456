/* SPDX-License-Identifier: Apache-2.0
 *
 * A mutated module in a worker: what parent and child share, and the child's side, see mutated.c.
 */
#ifndef ASSAY_RUN_MUTATED_H
#define ASSAY_RUN_MUTATED_H

#include "harness/run/run.h"

/* What a mutant is. */
struct mutant_row {
    uint64_t key; /* of its content, see coverage/mutate/mutant.h */
    uint32_t line, column;
    char operator_name[MUTANT_NAME_BYTES];
    char file[MUTANT_FILE_BYTES]; /* from the root of the sources */
    char function[MUTANT_NAME_BYTES];
    char original[MUTANT_TEXT_BYTES], replacement[MUTANT_TEXT_BYTES];
};

#define SITE_NONE UINT32_MAX

/* Memory that parent and child share beside the channel. Nothing in it is believed unchecked. */
struct mutant_table {
    bool wanted; /* the child fills in the rows when it has loaded the module */
    uint32_t count;
    struct mutant_row rows[MUTANTS_MAX];

    /* What the parent wants of the next request: */
    uint32_t active; /* 0: no mutant, else its index + 1 */
    bool recording;  /* which mutants the runs reach, and how */
    uint64_t fuel;   /* turns of loops that one run may make */

    /* What the child tells of all requests since the parent has emptied it: */
    bool endless;                  /* the process ended because a run had used up its turns */
    uint64_t work, turns_max;      /* of all runs; of the one with the most */
    uint32_t site_at[MUTANTS_MAX]; /* recording: sites that the counting run had passed when it
                                      reached this mutant, or SITE_NONE */
    uint8_t seen[MUTANTS_MAX];     /* recording: a run has reached it */
    bool kept_all;                 /* recording: what follows is not cut off */
    uint32_t kept_bytes;
    uint8_t kept[MUTANT_KEPT_BYTES_MAX]; /* runs that reached a mutant first: see kept_next() */
};
struct mutant_table *mutant_table_new(void); /* null: no memory */
void mutant_table_free(struct mutant_table *);
/* Before a cell of the baseline. */
void mutant_table_empty(struct mutant_table *);

/* One run of the baseline that was the first of its cell to reach these mutants. */
struct kept_run {
    uint64_t work;
    const char *token; /* "": it cannot be repeated alone */
    uint32_t count;
    const uint8_t *mutants; /* `count` indices of four bytes */
};
/* The next one from *at on, which is moved; false behind the last, or where it is not sound. */
bool kept_next(const struct mutant_table *, uint32_t *at, struct kept_run *ret);
uint32_t kept_mutant(const struct kept_run *, uint32_t number);

/* --- In the child */

/* After loading; `table` may be null: then the mutant of the target's name is on, if any. */
void mutated_open(struct mutant_table *table, const struct module *, const struct worker_options *,
                  struct channel *);
/* Before the runs of a request; before a run, and when its world is made anew; after it. */
void mutated_request(enum request_kind);
void mutated_run_begin(void);
void mutated_run_end(bool repeatable);
/* Distinguishes what is kept from run to run under one mutant from that under another. */
uint64_t mutated_salt(void);
/* Whether mutants are switched on and off in this process. */
bool mutated_switching(void);

#endif
