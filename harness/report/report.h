/* SPDX-License-Identifier: Apache-2.0
 *
 * What people and machines read: an event stream written as things happen, the terminal, one JSON
 * document at the end.
 *
 * A report never decides anything; it is given results and findings. Only the parent process
 * writes.
 */
#ifndef ASSAY_REPORT_H
#define ASSAY_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "harness/run/gate.h"
#include "harness/run/mutants.h"
#include "harness/run/prove.h"
#include "harness/run/record.h"
#include "harness/run/run.h"

/* --- events.c: out/<time>/events.jsonl, a line an event, on the disk before the next thing is
 * tried ------------------- */

struct events {
    int file;
    char folder[4096];
    bool failed;   /* the disk is full, or something like it: the run ends with 70 */
    bool complete; /* of a run that is gone on with: there is nothing left to do or to write */
};
/* Makes a new folder below `parent`, and parent/latest a link to it. False: says why on stderr. */
bool events_open(struct events *, const char *parent, const char *command, const char *subject,
                 const struct settings *);
/* Takes over the reference to `event`. */
void events_write(struct events *, json_t *event);
void events_loaded(struct events *, const struct check *);
void events_found(struct events *, const struct finding *);
/* The findings of a cell and its result, in one go. */
void events_cell(struct events *, const char *target, const struct cell *);
void events_close(struct events *, enum exit_code, const char *verdict);

/* --- resume.c: a run that was killed, gone on with
 * ----------------------------------------------------------------------- */

/* The first event: what a run is. */
json_t *json_of_run(const char *command, const char *target, const struct settings *);
/* Takes what is no cell out of the events of an earlier run. False: a run does not write this. */
struct taker {
    bool (*take)(void *context, const json_t *event);
    void *context;
};
/* A print of a target's module, so that one that was built anew is noticed. False, and empty: it
 * cannot be read. */
#define PRINT_BYTES 65
bool print_of_module(const char *target, char ret[static PRINT_BYTES]);
/* Takes the finished cells of the run in `folder` into a check that was planned, or its mutants
 * into a mutation that was opened (or null), and opens its events to be written on. False: the
 * message says why it cannot be gone on with. */
bool events_resume(struct events *, const char *folder, const char *command, const char *target,
                   const struct settings *, struct check *, struct mutation *,
                   const struct taker *, /* or null */
                   char ret_message[static MODULE_MESSAGE_BYTES]);

/* --- json.c: documents for --json
 * ------------------------------------------------------------------------------- */

json_t *json_of_check(const char *target, const struct settings *, const struct check *);
json_t *json_of_comparison(const char *before, const char *after, const struct comparison *);
/* `mutants`: as it shall stand there; or null. Takes over nothing. */
json_t *json_of_proof(const struct proof *, const struct gate *, const json_t *mutants);
/* Writes to a temporary name first. False: says why on stderr. */
bool json_save(json_t *, const char *path);

/* --- matrix.c
 * -------------------------------------------------------------------------------------------------
 */

/* How many defects a technique refused, how many of them nothing else did, and after how many
 * executions of a cell (the median). */
uint32_t proof_worth(const struct proof *, uint32_t technique, uint32_t *ret_only,
                     uint64_t *ret_median);
/* The kill matrix as Markdown. False: says why on stderr. */
bool matrix_save(const struct proof *, const struct gate *, const char *path);

/* --- terminal.c
 * -------------------------------------------------------------------------------------------------
 */

struct terminal {
    FILE *out;
    bool colour, progress, verbose;
};
void terminal_init(struct terminal *, bool verbose);
void terminal_progress(const struct terminal *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A failure as it was seen first, while it is made smaller. */
void terminal_shrinking(const struct terminal *, const struct finding *, uint32_t executions);
void terminal_result(const struct terminal *, const struct case_result *);
void terminal_finding(const struct terminal *, const struct finding *, const char *heading);
void terminal_outcome(const struct terminal *, const struct outcome *, const char *output);
/* `whole`: not only a shard, so that what was not reached is worth a warning. */
void terminal_check(const struct terminal *, const struct check *, bool whole);
/* A mutant that survives, as a change of its source where that can be read, and how to try it. */
void terminal_survivor(const struct terminal *, const char *module, const struct judged_mutant *);
/* By operator, and all together. */
void terminal_mutation(const struct terminal *, const struct mutation *);
/* One change that was judged, a line of its own. */
void terminal_exhibit(const struct terminal *, const struct exhibit *);
/* What each technique was worth, and each rule of the gate. */
void terminal_proof(const struct terminal *, const struct proof *, const struct gate *);
void terminal_blasts(const struct terminal *, const struct comparison *);
/* GREEN, REFUSED, TOO WEAK, CANNOT BE JUDGED, ERROR. */
const char *verdict_word(enum exit_code);
/* The last line. */
void terminal_verdict(const struct terminal *, enum exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
