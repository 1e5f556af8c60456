/* SPDX-License-Identifier: Apache-2.0
 *
 * What must have come of a proof, see gate.c.
 */
#ifndef ASSAY_RUN_GATE_H
#define ASSAY_RUN_GATE_H

#include <jansson.h>

#include "harness/run/prove.h"

#define GATE_RULES 11u

/* The [proof] section of a gate file: one threshold for each rule, in its order. */
struct thresholds {
    double at[GATE_RULES];
    bool named; /* the file was named: it is meant for these changes */
};

enum gate_state { GATE_FAILED, GATE_OK, GATE_NOT_JUDGED };

struct gate_rule {
    const char *name;
    enum gate_state state;
    char wanted[32];
    char got[MESSAGE_BYTES]; /* or why it cannot be judged here */
};
struct gate {
    struct gate_rule rules[GATE_RULES];
    uint32_t failed, not_judged;
};

/* The file that lies beside the modules, unless another one is named. False: the message says what
 * is wrong with it. A missing or unknown line is an error. */
bool thresholds_read(const char *path, struct thresholds *ret,
                     char ret_message[static MODULE_MESSAGE_BYTES]);
/* `mutants`: the member of that name of a document about mutants, or null when there is none. */
void gate_judge(const struct thresholds *, const struct settings *, const struct proof *,
                const json_t *mutants, struct gate *ret);

#endif
