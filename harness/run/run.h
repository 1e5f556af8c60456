/* SPDX-License-Identifier: Apache-2.0
 *
 * From a name on the command line to findings: targets are loaded into workers, techniques drive
 * cases there, and what is not green is shrunk and written down.
 *
 *   module.c     a target as a shared object: found, checked, its state put back between runs
 *   worker.c     a child process that may crash, hang, exit or print without end
 *   service.c    what the child does: one request after the other
 *   technique.c  vectors, fault, property: one case, one technique, its findings
 *   check.c      all cases, all techniques, one target
 *   compare.c    two targets: findings that are new, and who can still log in
 *   prove.c      the museum of known-bad and harmless changes
 *   witness.c    the short history that shows that a defect is still there
 */
#ifndef ASSAY_RUN_H
#define ASSAY_RUN_H

#include <stdio.h>
#include <sys/types.h>

#include "cases/cases.h"
#include "harness/engine/engine.h"
#include "targets/target.h"

/* Exit codes, the same for every command. */
enum exit_code {
    EXIT_GREEN = 0,
    EXIT_FINDING = 1,
    EXIT_WEAK = 2,     /* the suite or its coverage is too weak */
    EXIT_UNJUDGED = 3, /* the target or the baseline cannot be judged */
    EXIT_USAGE = 64,
    EXIT_INTERNAL = 70,
    EXIT_SKIPPED = 77
};

/* --- module.c
 * -------------------------------------------------------------------------------------------------
 */

#define MODULE_MESSAGE_BYTES 512u

struct segment {
    uint8_t *start;
    size_t size;
    uint8_t *saved;
};
struct module {
    struct assay_target table; /* as far as the module knows it, the rest null */
    struct segment segments[8];
    uint32_t segment_count;
    bool imports_hashing; /* calls libsodium's password hashing, */
    bool imports_storage; /* or SQLite: faults must reach it there */
};

/* The path of a target: "so:PATH", or the name of a module that was built with this program. Null
 * when there is no such name; ret_message then says what there is. The result is to be freed. */
char *module_path(const char *name, char ret_message[static MODULE_MESSAGE_BYTES]);
/* Loads it into this process, for good. False: ret_message says why it cannot be judged. */
bool module_load(const char *name, struct module *ret,
                 char ret_message[static MODULE_MESSAGE_BYTES]);
/* Puts the module's variables back to what they were after loading. */
void module_restore(const struct module *);
/* Calls `visit` for every target that was built, sorted by name; `folder` is "" or "defects/" or
 * "harmless/". */
void module_folder(char ret[static 4096]);

/* --- worker.c
 * -------------------------------------------------------------------------------------------------
 */

enum request_kind {
    REQUEST_RUN,    /* the choices in `input`, once */
    REQUEST_RANDOM, /* runs number first .. first+count-1 of a seed, until one is not green */
    REQUEST_ORIGIN, /* entropy seeds first .. first+count-1, every other choice at its origin, until
                       one is not green */
    REQUEST_COUNT,  /* one run at the origin; records the sites */
    REQUEST_FAULTS  /* plans first .. first+count-1 made from the recorded sites, until one is not
                       green */
};

struct tally {
    uint64_t runs, rejected, overruns, unsupported, checks, edges, not_fired, fired;
};

/* Memory that parent and child share. Everything in it is checked by the parent before it is used.
 */
struct channel {
    uint64_t guard_first;
    uint32_t request_turn; /* a futex: the parent counts it up */
    uint32_t reply_turn;   /* the child follows when it is done */
    enum request_kind kind;
    uint32_t case_index;
    uint64_t seed, first, count;
    bool relative;      /* the input is that of a token: distances from the origins, strict */
    int64_t drifted_at; /* of REQUEST_RUN: the first draw that did not fit, or -1 */
    bool telling;

    bool loaded;
    char load_message[MODULE_MESSAGE_BYTES];
    struct assay_traits traits; /* what it points to is not valid in the parent */
    bool imports_hashing, imports_storage;
    char target_version[NAME_BYTES_MAX];

    uint64_t number; /* of the run that is under way */
    uint64_t passed; /* edges passed in it */
    struct tally tally;
    struct outcome outcome;
    struct choices drawn;
    struct choices input;
    struct site_list sites;
    uint64_t guard_last;
};

struct worker_options {
    const char *writer; /* the target that writes the rows, or null: the target itself */
    const char *target;
    uint32_t hang_seconds;
    const struct test_case *const *cases; /* the list that case_index points into */
    pid_t parent;                         /* filled in by worker_open, */
    char room[64]; /* and so is this: a folder of its own, empty before each run */
};

struct worker {
    struct worker_options options;
    struct channel *channel;
    pid_t pid; /* 0: none */
    int signal_pipe, output_pipe;
    uint32_t starts; /* how often a child was made */
    size_t output_size;
    char output[OUTPUT_BYTES_KEPT + 1]; /* the end of what the last run printed */
    uint64_t output_run;                /* bytes the current run printed */
};

/* False: the target cannot be judged, channel->load_message says why. */
bool worker_open(struct worker *, const struct worker_options *);
void worker_close(struct worker *);
/* Ends the child: the next request is served by a fresh process. */
void worker_restart(struct worker *);
/* Sends what stands in the channel and waits. A new child is made when the last one has died.
 * However the child ends, the channel's outcome tells it: CRASH, HANG, or FAIL for a flood of
 * output, closed descriptors, and the like. */
void worker_request(struct worker *, enum request_kind, uint32_t case_index);

/* Removes what is in the folder. */
void room_empty(const char *room);

/* service.c: the child's side; does not return. */
__attribute__((noreturn)) void service_run(struct channel *, const struct worker_options *,
                                           int signal_pipe);
/* The plan with this number, counted over recorded sites, their effects, once and for good; false
 * behind the last. */
bool plan_numbered(const struct site_list *, uint64_t number, struct plan *ret);
uint64_t plans_in_all(const struct site_list *);

/* --- technique.c
 * ---------------------------------------------------------------------------------------------- */

struct finding {
    enum technique technique;
    const struct test_case *test_case;
    struct outcome outcome; /* of the smallest run */
    char *token;
    char *output;        /* the end of what the target printed, or null */
    uint64_t executions; /* runs until it was seen first */
    uint32_t shrunk_by;  /* executions of shrinking */
    uint64_t more;       /* further sites that fail at the same check */
    struct finding *next;
};
struct findings {
    struct finding *first, **end;
    uint32_t count;
};
void findings_init(struct findings *);
void findings_done(struct findings *);

struct settings {
    uint64_t seed;
    uint32_t runs;       /* random runs for one case */
    uint32_t techniques; /* bits */
    const char *case_glob;
    bool first; /* stop at the first finding */
    uint32_t hang_seconds;
};

struct case_result {
    enum technique technique;
    const struct test_case *test_case;
    enum verdict verdict;
    struct tally tally;
    uint64_t sites, plans; /* of the fault technique */
    uint64_t reached;      /* one bit for each operation that it reached */
    char message[MESSAGE_BYTES];
};

/* The first field of a token: the target, or "writer,target". */
void token_target(const struct worker_options *, char ret[static 2 * NAME_BYTES_MAX]);
/* Runs one case by one technique; adds what it finds. */
void technique_run(struct worker *, enum technique, uint32_t case_index, const struct settings *,
                   struct case_result *ret, struct findings *);
/* True when `again` is the same failure as `before`: same verdict at the same check or signal. */
bool same_failure(const struct outcome *before, const struct outcome *again);

/* --- check.c
 * --------------------------------------------------------------------------------------------------
 */

/* What a command tells while it works; all of it from the parent process. Any may be null. */
struct listener {
    void (*result)(void *context, const struct case_result *);
    void (*finding)(void *context, const struct finding *);
    void *context;
};

struct check {
    struct case_result *results;
    uint32_t result_count;
    struct findings findings;
    struct assay_traits traits;
    bool imports_hashing, imports_storage;
    enum exit_code exit_code;
    char message[MODULE_MESSAGE_BYTES]; /* of EXIT_UNJUDGED and EXIT_USAGE */
    double cpu_seconds;
};
void check_target(const char *target, const struct settings *, const struct listener *,
                  struct check *ret);
bool check_reached(const struct check *, const char *prefix);
void check_done(struct check *);

/* --- compare.c
 * ------------------------------------------------------------------------------------------------
 */

/* Who can log in: rows of one generation, served by one build. */
struct blast {
    const char *direction; /* upgrade, since, rollback */
    const char *generation;
    uint32_t asked, refused;
    double low, high; /* 95 % interval of the share (Wilson) */
    char *token;      /* of one refusal, or null */
    struct outcome example;
};
#define BLASTS_MAX 12u

struct comparison {
    struct check before, after;
    struct blast blasts[BLASTS_MAX];
    uint32_t blast_count;
    uint32_t new_count, old_count, fixed_count;
    enum exit_code exit_code;
    char message[MODULE_MESSAGE_BYTES];
};
void compare_targets(const char *before, const char *after, const struct settings *,
                     const struct listener *, struct comparison *ret);
/* Blast radius only. */
void compare_blast(const char *before, const char *after, const struct settings *,
                   struct comparison *ret);
void comparison_done(struct comparison *);
/* Whether the other side has this finding too. */
bool findings_contain(const struct findings *, const struct finding *);

/* --- replay
 * ---------------------------------------------------------------------------------------------------
 */

struct replay {
    struct outcome outcome;
    const struct test_case *test_case;
    char target[2 * NAME_BYTES_MAX];
    char output[OUTPUT_BYTES_KEPT + 1];
    enum exit_code exit_code;
    char message[MODULE_MESSAGE_BYTES];
};
/* `target` overrides the one in the token, or is null. */
void replay_token(const char *token, const char *target, uint32_t hang_seconds, struct replay *ret);

#endif
