/* SPDX-License-Identifier: Apache-2.0
 *
 * The museum: known-bad changes that must be refused, harmless ones that must pass.
 */
#ifndef ASSAY_PROVE_H
#define ASSAY_PROVE_H

#include "harness/run/run.h"

#define EXHIBITS_MAX 256u

enum exhibit_kind { EXHIBIT_DEFECT, EXHIBIT_HARMLESS };

struct exhibit {
    enum exhibit_kind kind;
    char name[NAME_BYTES_MAX];
    char *title;
    bool good;               /* refused, or passed: as it should be */
    bool caught[TECHNIQUES]; /* by which techniques; the first only, unless all were asked for */
    bool deterministic;      /* by at least one technique without chance */
    char *token;             /* of the first finding, or null */
    char why[MESSAGE_BYTES]; /* the first finding in words, or why it cannot be judged */
    uint64_t executions;
};

struct proof {
    struct exhibit *exhibits;
    uint32_t exhibit_count;
    uint32_t survivors, refused_harmless, only_by_chance;
    enum exit_code exit_code;
    char message[MODULE_MESSAGE_BYTES];
};

/* Runs all exhibits whose patches were built with this program. `told` is called after each; may be
 * null. */
void prove_run(const struct settings *, bool full, void (*told)(void *, const struct exhibit *),
               void *context, struct proof *ret);
void proof_done(struct proof *);

/* What `assay list` shows: the exhibits without running them. False: message says why. */
bool prove_list(struct proof *ret);

/* The patch of a variant, read into memory; null when there is none. To be freed. */
char *patch_read(const char *name, enum exhibit_kind);
/* The value of a header line "Key: value" of a patch, continued lines joined; null when it has
 * none. To be freed. */
char *patch_header(const char *patch, const char *key);

#endif
