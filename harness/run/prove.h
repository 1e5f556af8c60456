/* SPDX-License-Identifier: Apache-2.0
 *
 * The proof that the suite works: known-bad changes that must be refused, harmless ones that must
 * pass, and what each technique was worth for it.
 *
 *   museum.c   which changes there are
 *   prove.c    judges them
 *   foreign.c  builds the changes of somebody else's source
 *   gate.c     what must have come of it
 *   proof_record.c  a judged change as JSON, in both directions
 */
#ifndef ASSAY_PROVE_H
#define ASSAY_PROVE_H

#include "harness/run/run.h"

enum exhibit_kind { EXHIBIT_DEFECT, EXHIBIT_HARMLESS };

/* How far a change came, as far as it can be said; see prove.c for what the words mean. */
enum stage { STAGE_UNKNOWN, STAGE_NO, STAGE_YES };

/* A cell by which a change was refused. */
struct refusal {
    enum technique technique;
    const struct test_case *test_case;
    enum consequence consequence; /* what its oracle took it for */
    uint64_t executions, cpu_us;  /* of this cell, until then */
    char *token, *message;
};

struct exhibit {
    enum exhibit_kind kind;
    char name[NAME_BYTES_MAX];
    char target[PATH_BYTES_MAX]; /* what is judged: its name, or so:PATH */
    char *title;
    uint32_t expected; /* techniques (bits) that its patch names; only the order follows them */

    bool judged;
    bool good; /* refused, or passed: as it should be */
    enum stage reached, triggered;
    struct refusal *refusals; /* the first one only, unless all were asked for */
    uint32_t refusal_count;
    uint64_t executions;       /* until the first refusal; of all cells, if there is none */
    uint64_t cpu_us;           /* the same in processor time, of all processes */
    uint32_t cells, cut;       /* of the last pass: that came to an end; cut short */
    char aside[MESSAGE_BYTES]; /* what was seen and does not count, in words */
    char why[MESSAGE_BYTES];   /* the first refusal in words, or why it cannot be judged */
    char module[65];           /* print of the module that was judged */
};

struct proof {
    struct exhibit *exhibits;
    uint32_t exhibit_count;
    bool overflow;                 /* there are more than can be taken */
    char baseline[PATH_BYTES_MAX]; /* the target without any change */
    struct check base;             /* what it came to; before that: its cells */
    double cpu_seconds;
    enum exit_code exit_code;
    char message[MODULE_MESSAGE_BYTES];
};

struct prove_listener {
    const struct listener *base; /* while the baseline is checked; or null */
    void (*begun)(void *context, const struct exhibit *);  /* or null */
    void (*judged)(void *context, const struct exhibit *); /* or null */
    void *context;
};

/* What `assay list` shows: the changes that were built with this program. False: message says why.
 */
bool prove_list(struct proof *ret);
/* An empty proof about the reference. False: no memory. */
bool proof_init(struct proof *ret);
/* Adds the patches of FOLDER/defects or FOLDER/harmless. */
void exhibits_list(const char *folder, enum exhibit_kind, struct proof *);
void proof_done(struct proof *);

/* Judges the exhibits of the shard that are not judged yet. */
void prove_plan(const struct settings *, bool full, struct proof *);
void prove_run(const struct settings *, bool full, const struct prove_listener *, struct proof *);
bool exhibit_is_in_shard(const struct settings *, uint32_t index);
/* Whether the first refusals by techniques without chance are enough to catch it. */
bool exhibit_is_caught_without_chance(const struct exhibit *);
/* The techniques (bits) that refused it. */
uint32_t exhibit_techniques(const struct exhibit *);
void exhibit_forget(struct exhibit *); /* what came of it */

/* Builds the baseline and every change of a foreign source into `work`; see foreign.c. False:
 * exit_code and message say why. */
bool foreign_build(const char *patches, const char *source, const char *command, const char *work,
                   void (*told)(void *context, const char *name), void *context, struct proof *ret);

/* The patch of a variant, read into memory; null when there is none. To be freed. */
char *patch_read(const char *name, enum exhibit_kind);
/* A whole text file; null when it cannot be read. To be freed. */
char *file_read(const char *path);
/* The value of a header line "Key: value" of a patch, continued lines joined; null when it has
 * none. To be freed. */
char *patch_header(const char *patch, const char *key);

#endif
