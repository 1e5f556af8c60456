/* SPDX-License-Identifier: Apache-2.0
 *
 * Results and findings as JSON, in both directions. One form serves the pipes between processes,
 * the events of a run, the document of --json, and going on with a run that was killed.
 */
#ifndef ASSAY_RECORD_H
#define ASSAY_RECORD_H

#include <jansson.h>

#include "harness/run/run.h"

/* Each is a new object, or null without memory. */
json_t *json_of_result(const struct case_result *);
json_t *json_of_finding(const struct finding *);
/* Text that came from a target may be anything; JSON wants UTF-8. */
json_t *json_of_text(const char *);
/* The same read back: false or null when anything is missing, too long or out of bounds. */
bool result_of_json(const json_t *, struct case_result *ret);
struct finding *finding_of_json(const json_t *); /* to be freed with finding_free() */

/* fault_record.c: what became of runs with faults. */
json_t *json_of_faults(const struct fault_tally *);
bool faults_of_json(const json_t *, struct fault_tally *ret);

/* An event with these members; takes over the reference. */
json_t *record_event(const char *name, json_t *members);
/* An event as a line of its own, ended by a newline and a NUL; null without memory. Takes over the
 * reference; the line is to be freed. */
char *record_line(json_t *event, size_t *ret_size);

/* Lines as they come out of a file or a pipe, which may be one that never blocks. */
struct lines {
    int file;
    char *text; /* RECORD_BYTES_MAX */
    size_t used, next;
    uint64_t passed; /* bytes of the lines that were given out */
};
enum line { LINE_HERE, LINE_NOT_YET, LINE_END, LINE_BAD };
bool lines_open(struct lines *, int file); /* false: no memory */
/* LINE_HERE: the next line, without its newline, valid until the next call. What stands behind the
 * last newline at the end is not a line. LINE_BAD: a line is too long, or reading fails. */
enum line lines_next(struct lines *, const char **ret, size_t *ret_size);
void lines_close(struct lines *); /* and its file */

/* Takes records into a check: findings wait for the result of their cell. */
struct intake {
    struct check *check;
    struct mutation *mutation; /* that mutants go to, or null */
    struct findings waiting;
    json_t *record;        /* the last one */
    struct finding *found; /* the last failure that was not yet made smaller */
    struct cell *cell;     /* the last one that was finished */
};
enum record_kind {
    RECORD_LOADED,  /* check->imports_* are known */
    RECORD_FOUND,   /* intake->found is */
    RECORD_FINDING, /* waits */
    RECORD_CELL,    /* intake->cell is finished */
    RECORD_MUTANT,  /* of intake->mutation, judged */
    RECORD_OTHER,   /* an event that is none of these: intake->record */
    RECORD_WRONG    /* no event, or one that cannot be */
};
void intake_open(struct intake *, struct check *);
enum record_kind intake_take(struct intake *, const char *line, size_t size);
void intake_close(struct intake *);

#endif
