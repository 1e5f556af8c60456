/* SPDX-License-Identifier: Apache-2.0
 *
 * From a name on the command line to findings: targets are loaded into workers, techniques drive
 * cases there, and what is not green is shrunk and written down.
 *
 *   module.c       a target as a shared object: found, checked, its state put back between runs
 *   worker.c       a child process that may crash, hang, exit or print without end
 *   mutated.c      the same of a module that has mutants in it
 *   service.c      what the child does: one request after the other
 *   probes.c       whether the lines of a change are reached
 *   technique.c    one case by one technique, and its findings
 *   faulting.c     the technique of faults
 *   faulted.c      which plans of faults there are, and what became of their runs
 *   regressions.c  tokens that are kept in files
 *   check.c        all cases, all techniques, one target
 *   known.c        findings that a target has shown and not yet mended
 *   crew.c         several processes that share a piece of work, each with a worker of its own
 *   cells.c        the cells of a check as the work of a crew
 *   mutants.c      mutants of a module judged by all of that, as another such work
 *   baseline.c     what is known of them beforehand
 *   trial.c        one of them judged
 *   record.c       results and findings as JSON, in both directions
 *   fault_record.c the same for what became of runs with faults
 *   stop.c         how a process ends that is asked to
 *   compare.c      two targets: findings that are new, and who can still log in
 *   prove.c        known-bad and harmless changes, see prove.h
 *   witness.c      the short history that shows that a defect is still there
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
    EXIT_SKIPPED = 77,
    EXIT_INTERRUPTED = 130 /* by a signal, of which the process then dies */
};

/* --- stop.c
 * -------------------------------------------------------------------------------------------------
 */

/* From now on SIGINT, SIGTERM and SIGHUP are only noted. */
void stop_when_asked(void);
/* The signal that asked this process to end, or 0. */
int stop_asked(void);
/* Dies of it. */
__attribute__((noreturn)) void stop_here(void);

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
    uintptr_t tls_base;   /* where the object lies, if it has thread-local variables, else 0 */
    bool imports_hashing; /* calls libsodium's password hashing, */
    bool imports_storage; /* or SQLite: faults must reach it there */
    const struct assay_mutants *mutants; /* of a mutated module, else null */
};

/* The path of a target: "so:PATH", or the name of a module that was built with this program; in
 * both, "@KEY" at the end switches a mutant on (sixteen hexadecimal digits). Null when there is no
 * such name; ret_message then says what there is. The result is to be freed. */
char *module_path(const char *name, char ret_message[static MODULE_MESSAGE_BYTES]);
/* Where the "@KEY" in the name of a target begins; null: it has none. */
const char *module_key(const char *name);
/* Loads it into this process, for good. False: ret_message says why it cannot be judged. */
bool module_load(const char *name, struct module *ret,
                 char ret_message[static MODULE_MESSAGE_BYTES]);
/* Puts the module's variables back to what they were after loading; of the thread-local ones those
 * of the calling thread. */
void module_restore(const struct module *);
void module_restore_thread(const struct module *);
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
    REQUEST_ROWS, /* the rows of the covering array of the factors that `input` holds, from `first`
                     on, until one is not green */
    REQUEST_EXHAUSTIVE, /* sequences of the kinds and up to the weight that are given, at most
                           count, until one is not green */
    REQUEST_POWER, /* one run with the plan that is given, through the states that power cuts may
                      leave, from number `first` on, at most count, until one is not green */
    REQUEST_POWER_SITES,  /* one run with the power cut that `input` holds; records the sites behind
                             it */
    REQUEST_POWER_FAULTS, /* plans first, first+stride, ... below count made from these sites, with
                             the same cut, until one is not green */
    REQUEST_FAULTS, /* plans first .. first+count-1 made from the recorded sites, of operations in
                       `kinds` (bits), until one is not green */
    REQUEST_PAIRS,  /* behind each of the plans first .. first+count-1 that strikes once, from
                       `second` on, the sites on the path after it: all, or one of each kind */
    REQUEST_TRIPLES /* numbers first .. first+count-1 of triples that are drawn from a seed */
};

struct tally {
    uint64_t runs, rejected, overruns, unsupported, checks, edges, not_fired, fired;
    uint64_t drawn;  /* choices of the case's own */
    uint64_t states; /* that power cuts left and that were looked at */
};

/* Of the requests about power cuts. */
struct power_request {
    struct plan plan;
    uint64_t stride;
    uint64_t moments;        /* of the scenario */
    uint64_t state;          /* the last one that was looked at */
    bool more;               /* there are more states than were asked for */
    bool overflow;           /* the disk changed more often than can be kept */
    uint32_t scenario_sites; /* of those recorded: before the target was restarted */
};

/* What became of the runs of one case in which something was made to fail. */
struct fault_tally {
    uint64_t singles, pairs, pairs_in_all, triples; /* runs; in_all: that there are */
    uint32_t consequences[CONSEQUENCES];
    char
        drift[sizeof(((struct outcome *)0)->drift)]; /* of the first run whose faults were missed */
    uint32_t step_count;
    struct fault_step { /* by the step of the first fault */
        char name[STEP_NAME_BYTES];
        uint32_t sites;
        uint32_t consequences[CONSEQUENCES];
    } steps[STEPS_MAX];
    uint32_t attribution_count;
    struct attribution { /* of runs in which one fault struck */
        uint16_t operation;
        uint8_t effect;       /* from 1 */
        struct report report; /* both 0: nothing was reported */
        uint32_t runs;
    } attributions[ATTRIBUTIONS_MAX];
};

/* What holds for all requests of a cell; all zero: nothing out of the ordinary. */
struct orders {
    uint64_t muted;      /* operations (bits) that nothing strikes at */
    uint64_t cpu_us_max; /* processor time of all batches together; 0: no limit */
    bool deaf;           /* checks that do not hold say nothing */
    bool measured;       /* the cost is wanted, and what the target answers */
};

/* What the requests of a cell came to, besides their outcomes. */
struct cost {
    uint64_t cpu_us; /* of all batches */
    bool cut;        /* a batch ended for its processor time */
    struct answers answers;
    uint32_t probes, hits; /* of the lines of a change, see probes.h: planted, and passed */
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
    uint64_t kinds;      /* of REQUEST_FAULTS and REQUEST_EXHAUSTIVE, */
    uint32_t weight_max; /* of the latter, */
    uint32_t weight;     /* and up to where all sequences were visited; */
    bool all;            /* true when there are no others */
    bool relative;       /* the input is that of a token: distances from the origins */
    bool telling;

    struct orders orders;
    struct cost cost;

    bool loaded;
    char load_message[MODULE_MESSAGE_BYTES];
    struct assay_traits traits; /* what it points to is not valid in the parent */
    bool imports_hashing, imports_storage;
    char target_version[NAME_BYTES_MAX];

    struct power_request power;
    bool every;      /* REQUEST_PAIRS: all of them, not one of each kind */
    uint32_t second; /* of a pair, among the sites behind the first fault */
    uint64_t number; /* of the run that is under way */
    bool judging;    /* a run with faults is under way that is not in their tally yet */
    uint64_t passed; /* edges passed in it */
    struct tally tally;
    struct fault_tally faults;    /* of all requests since the parent has emptied it */
    struct observations observed; /* by the runs of this request */
    struct outcome outcome;
    struct choices drawn;
    struct choices input;
    struct site_list sites;
    uint64_t guard_last;
};

struct finding;

/* Told of a failure before it is made smaller, and then of each execution of that. */
struct observer {
    void (*found)(void *context, const struct finding *);
    void (*shrinking)(void *context, uint32_t executions);
    void *context;
};

struct worker_options {
    const char *writer; /* the target that writes the rows, or null: the target itself */
    const char *target;
    uint32_t hang_seconds;
    const struct test_case *const *cases; /* the list that case_index points into */
    const struct observer *observer;      /* or null */
    struct mutant_table *mutants; /* switched on and off from here, see mutated.h; or null */
    uint64_t mutant;              /* the key of the one that is on, for tokens, or 0 */
    bool as_found;                /* findings are left as they were seen first */
    pid_t parent;                 /* filled in by worker_open, */
    char room[64];                /* and so is this: a folder of its own, empty before each run */
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
 * output, closed descriptors, and the like. A process that is asked to stop meanwhile closes the
 * worker and ends here. */
void worker_request(struct worker *, enum request_kind, uint32_t case_index);

/* Closes everything behind standard error but this one. */
void close_all_but(int descriptor);

/* service.c: the child's side; does not return. */
__attribute__((noreturn)) void service_run(struct channel *, const struct worker_options *,
                                           int signal_pipe);
/* --- faulted.c
 * ------------------------------------------------------------------------------------------------
 */

/* The plan with this number, counted over recorded sites, their effects, and how often they strike;
 * false behind the last. */
bool plan_numbered(const struct site_list *, uint64_t number, struct plan *ret);
uint64_t plans_in_all(const struct site_list *);
/* Prints how many sites of each operation and role the case passes in each step, a line each: case,
 * step, its name, operation, role, sites. */
void sites_print(FILE *, const char *case_name, const struct site_list *);
/* The index of the first site behind the last fault of the plan, among those that a run with it has
 * passed; their count if there is none. */
uint32_t sites_behind(const struct site_list *, const struct plan *);
/* Makes one fault more strike once. False behind the last effect of the last site. */
bool plan_continued(const struct site_list *, uint32_t first_site, uint64_t number,
                    struct plan *plan);
uint64_t continuations(const struct site_list *, uint32_t first_site);

/* Which kinds of faults have followed each other. */
struct fault_kinds {
    uint32_t count;
    struct fault_place {
        uint16_t operation;
        uint8_t role, step, effect;
    } at[FAULT_KINDS_MAX];
    uint8_t followed[FAULT_KINDS_MAX][FAULT_KINDS_MAX / 8];
};
/* Whether this is the first pair of its kinds; notes it. */
bool fault_kinds_are_new(struct fault_kinds *, const struct plan *pair);

/* Sites of each step, with the steps' names. */
void fault_tally_sites(struct fault_tally *, const struct site_list *);
/* One run, whose plan is in the outcome. */
void fault_tally_run(struct fault_tally *, const struct outcome *);
void fault_tally_add(struct fault_tally *sum, const struct fault_tally *more);
/* Makes what comes from a process that is not trusted safe to use. */
void fault_tally_settle(struct fault_tally *);
/* Runs of this kind of fault, whatever was reported: fewer than these say little about causes. */
#define FAULT_TRIALS_MIN 30u
uint64_t fault_trials(const struct fault_tally *, uint16_t operation, uint8_t effect);

/* --- technique.c
 * ---------------------------------------------------------------------------------------------- */

struct finding {
    enum technique technique;
    const struct test_case *test_case;
    struct outcome outcome; /* of the smallest run */
    char *token;
    char *output;                   /* the end of what the target printed, or null */
    uint64_t executions;            /* runs until it was seen first */
    uint64_t cpu_us;                /* of its cell until then, if it is measured */
    uint32_t shrunk_by;             /* executions of shrinking */
    struct explanation explanation; /* which parts of the smallest run do not matter */
    uint64_t more;                  /* further sites that fail at the same check */
    uint32_t repeats; /* when the smallest run does not always fail: how often it was tried, */
    uint32_t failed;  /* and how often it failed in this way; else 0 */
    struct finding *next;
};
struct findings {
    struct finding *first, **end;
    uint32_t count;
};
void findings_init(struct findings *);
void findings_done(struct findings *);
/* Takes over one more. */
void findings_add(struct findings *, struct finding *);
/* Takes over all of `from`, which is empty then. */
void findings_move(struct findings *, struct findings *from);
void finding_free(struct finding *);

struct regressions;
struct known_findings;
struct settings {
    uint64_t seed;
    uint32_t runs;       /* random runs for one case */
    uint32_t techniques; /* bits */
    const char *case_glob;
    const struct regressions *regressions; /* tokens that are kept, or null */
    const struct known_findings *known;    /* findings that refuse nothing, or null */
    bool first;                            /* stop at the first finding */
    bool full;  /* everything that there is, such as all pairs of faults, not a share of it */
    bool brief; /* a cell stops at its first finding, which is made only a little smaller */
    const char *writer;   /* the target is an update of this one, which makes the rows; or null */
    uint32_t sooner;      /* techniques (bits) that are tried before the others of their kind */
    struct orders orders; /* for every cell */
    uint32_t hang_seconds;
    uint32_t jobs;          /* cells at once; 0: as many as there are processors */
    uint32_t shard, shards; /* only the cells whose number modulo shards is this; 0 shards: all */
    const char *since;      /* mutants: only those on lines changed since this revision, or null */
    uint32_t sample;        /* mutants: about so many, chosen by their content; 0: all */
    uint32_t budget_ms;     /* mutants: of work with each; 0: MUTANT_BUDGET_MS */
    const char *suppressions; /* mutants: the file, or null for the one beside the modules */
};

/* The schedule technique tries every interleaving with at most so many preemptions. */
#define PREEMPTIONS_MAX 2u

struct case_result {
    enum technique technique;
    const struct test_case *test_case;
    enum verdict verdict;
    bool brief; /* its findings only have to be there */
    struct tally tally;
    uint64_t sites, plans; /* of the fault technique */
    uint64_t moments;      /* at which the power was cut */
    uint32_t rows;         /* of a covering array */
    uint32_t weight; /* of the exhaustive techniques: up to which all sequences were visited */
    bool all;        /* and that there are no others */
    struct observations observed;
    uint64_t reached; /* one bit for each operation that it reached */
    struct fault_tally faults;
    struct cost cost; /* if it is measured */
    char message[MESSAGE_BYTES];
};

/* Whether its results are the same whatever the seed. */
bool technique_is_deterministic(enum technique);
/* The first field of a token: the target, or "writer,target". */
void token_target(const struct worker_options *, char ret[static 2 * NAME_BYTES_MAX]);
/* Runs one case by one technique; adds what it finds. */
void technique_run(struct worker *, enum technique, uint32_t case_index, const struct settings *,
                   struct case_result *ret, struct findings *);
/* What the failure of a run is evidence of. */
enum consequence finding_consequence(const struct outcome *);
/* True when `again` is the same failure as `before`: same verdict at the same check or signal. */
bool same_failure(const struct outcome *before, const struct outcome *again);

/* --- check.c
 * --------------------------------------------------------------------------------------------------
 */

/* One case by one technique. */
struct cell {
    enum technique technique;
    uint32_t case_index; /* in all_cases */
    bool finished;
    struct case_result result;
    struct findings findings; /* until the check has taken them over */
};

struct check {
    struct cell *cells; /* of this shard */
    uint32_t cell_count;
    uint32_t selected; /* cells of all shards */
    struct case_result *results;
    uint32_t result_count;
    struct findings findings; /* in the order of the cells, like the results */
    uint32_t known_count;     /* of them that are known */
    bool imports_hashing, imports_storage;
    enum exit_code exit_code;
    char message[MODULE_MESSAGE_BYTES]; /* why, where the exit code alone does not say */
    double cpu_seconds;
};

/* What a command tells while it works; all of it from the parent process. Any may be null. */
struct listener {
    /* As it happens, whichever cell it is: for records, which a kill must not lose. */
    void (*loaded)(void *context, const struct check *);
    void (*found)(void *context, const struct finding *); /* not yet made smaller */
    void (*finished)(void *context, const struct cell *);
    /* In the order of the cells, as if they were run one after the other: for people. */
    void (*finding)(void *context, const struct finding *);
    void (*result)(void *context, const struct case_result *);
    /* A few times a second, while a failure is made smaller. */
    void (*shrinking)(void *context, const struct finding *, uint32_t executions);
    void *context;
};

/* The cells that a check consists of. Those that are finished before check_run() are not run. */
void check_plan(const struct settings *, struct check *ret);
/* Null: it is not in the plan. */
struct cell *check_cell(struct check *, enum technique, const struct test_case *);
void check_run(const char *target, const struct settings *, const struct listener *,
               struct check *);
/* Both. */
void check_target(const char *target, const struct settings *, const struct listener *,
                  struct check *ret);
/* Whether any of the operations whose names begin so was reached. */
bool check_reached(const struct check *, const char *prefix);
/* The number of cells up to the one at which --first stops; all of them without it. */
uint32_t check_extent(const struct settings *, const struct check *);
void check_done(struct check *);

/* --- cells.c
 * -------------------------------------------------------------------------------------------------
 */

/* Runs the cells that are not finished, several at once. False: exit_code and message say why they
 * did not all come to an end. */
bool cells_run(const char *target, const struct settings *, const struct listener *,
               struct check *);

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
/* Blast radius only: of one row in `part`. */
void compare_blast(const char *before, const char *after, const struct settings *, uint32_t part,
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
    char target[2 * PATH_BYTES_MAX]; /* or "writer,target" */
    char output[OUTPUT_BYTES_KEPT + 1];
    enum exit_code exit_code;
    char message[MODULE_MESSAGE_BYTES];
};
/* Runs what the token says, telling its story. False: the run went another way, ret_why says where.
 */
bool token_run(struct worker *, uint32_t case_index, const struct token *,
               char ret_why[static TOKEN_WHY_BYTES]);
/* `target` overrides the one in the token, or is null. */
void replay_token(const char *token, const char *target, uint32_t hang_seconds, struct replay *ret);

#endif
