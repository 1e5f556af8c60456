/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice engine: one idea, verdict = case(choices, subject) at the edge.
 *
 * A case draws everything that may vary from a sequence of typed choices. Where the next choice
 * comes from is the only difference between random search, replay of a token, shrinking and
 * fuzzing: each is a `source`. What the case did is the sequence that was really drawn, so every
 * run can be repeated, made smaller and written down as a token.
 *
 * The edge is the one place where the code under test meets the world. Interceptors (see faults/)
 * report each call there; the edge counts it and says whether it shall fail, according to the plan,
 * which is made of choices too.
 *
 * The engine knows nothing of authentication, uses libc only, and allocates nothing while a case
 * runs. One run is under way at a time in a process, on one thread, or on those of a schedule, one
 * of which runs at a time.
 */
#ifndef ASSAY_ENGINE_H
#define ASSAY_ENGINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/engine/limits.h"

/* --- Choices
 * --------------------------------------------------------------------------------------------------
 */

/* What a choice decides. A source may answer by kind: ordinary random search arms no fault. */
enum choice_kind {
    CHOICE_CASE,    /* drawn by the case itself */
    CHOICE_ENTROPY, /* the seed of all randomness that the subject asks for */
    CHOICE_FAULT,   /* the plan of the edge */
    CHOICE_FACTOR,  /* a level of one factor of a configuration */
    CHOICE_LENGTH,  /* how long something is; chance likes lengths at which buffers end */
    CHOICE_PREEMPT, /* whether the running thread stays (0), or which other one goes on */
    CHOICE_NEXT,    /* which thread goes on when the running one cannot, or is woken up */
    CHOICE_POWER,   /* when the power goes, and what becomes of what the disk did not keep yet */
    CHOICE_KINDS
};

/* One drawn value with its bounds. `origin` is the simplest value: shrinking moves towards it. */
struct choice {
    int64_t value, lo, hi, origin;
    enum choice_kind kind;
};

/* A stretch of choices that belongs together; shrinking deletes and simplifies whole spans, and
 * takes spans of one label for things of one kind. */
struct span {
    uint32_t first, end;          /* choices [first, end) */
    char label[SPAN_LABEL_BYTES]; /* padded with NUL, not always ended by one */
};

struct choices {
    uint32_t count;
    uint32_t span_count;
    struct choice at[CHOICES_MAX];
    struct span spans[SPANS_MAX];
};

/* Supplies choices. next() may return any value: the caller brings it into the bounds of what was
 * asked. */
struct source {
    int64_t (*next)(struct source *, const struct choice *ask);
};

/* Random choices, seeded by (run seed, case name, number of the case): each case can be run alone,
 * in any order. Of ranges wider than sixteen values, one in sixteen draws takes an end, one in
 * sixteen a value beside the origin, four in sixteen are log-uniform distances from the origin, the
 * others uniform; narrower ones and seeds of entropy are always uniform, and lengths have a
 * distribution of their own. Threads change at a few
 * points. Faults are planned only when armed. */
struct site_list;
struct source_random {
    struct source source;
    uint64_t state[2];
    uint32_t
        until_preemption; /* yield points to pass before the next one; UINT32_MAX: not drawn yet */
    const struct site_list *sites; /* that plans are drawn from, or null */
    uint64_t fault_state;
    uint32_t fault_draws, site; /* of the plan, so far; the site that is being drawn */
};
void source_random_start(struct source_random *, uint64_t seed, const char *name, uint64_t number);
/* Plans one fault or two at sites of the list, which a run with the same seed, name and number has
 * recorded: all other choices stay what they were, so that the first fault finds its site. */
void source_random_arm(struct source_random *, const struct site_list *);

/* Every choice at its origin, but for the entropy seed and for the plan, which may be given. */
struct source_origin {
    struct source source;
    int64_t entropy_seed;
    const int64_t *plan; /* values for CHOICE_FAULT in order; then 0 */
    uint32_t plan_count, plan_used;
};
void source_origin_start(struct source_origin *, int64_t entropy_seed, const int64_t *plan,
                         uint32_t plan_count);

/* What was drawn before. Strict replay marks the first draw that does not fit; shrinking brings it
 * into bounds and goes on with origins. `values` belongs to the caller. */
struct source_replay {
    struct source source;
    const struct choice *values;
    uint32_t count, used;
    bool relative;      /* values are distances from the origin, as in a token */
    int64_t drifted_at; /* first draw whose value was out of bounds or missing, or -1 */
};
void source_replay_start(struct source_replay *, const struct choice *values, uint32_t count,
                         bool relative);

/* Bytes of a fuzzer: four bytes a choice, eight where the range is wider, so that a changed byte
 * moves nothing else. Behind the end everything is at its origin. The first choices, entropy and
 * plan, are drawn like all others, but plans only when `arm_faults`. */
struct source_bytes {
    struct source source;
    const uint8_t *data;
    size_t size, used;
    bool arm_faults;
};
void source_bytes_start(struct source_bytes *, const uint8_t *data, size_t size, bool arm_faults);
/* The inverse: bytes that draw these choices again from a source_bytes with the same `arm_faults`
 * (without it, all but the faults). `ret` has room for BYTES_OF_CHOICE_MAX a choice. Returns how
 * many bytes they are. */
#define BYTES_OF_CHOICE_MAX 8u
size_t bytes_of_choices(const struct choices *, bool arm_faults, uint8_t *ret);

/* Every sequence within a bound, lightest first, each once; see enumerate.c. Only choices of the
 * given kinds (bits) leave their origin. At most `sequences_max` are visited: 16 bytes of memory
 * each. Null without memory. */
struct exhaustive *exhaustive_new(uint32_t kinds, uint32_t weight_max, uint32_t sequences_max);
void exhaustive_free(struct exhaustive *);
/* For the next run; null when none is left. After that run, tell what it drew. */
struct source *exhaustive_next(struct exhaustive *);
void exhaustive_take(struct exhaustive *, const struct choices *drawn);
/* The greatest weight up to which every sequence was visited. `ret_all`: there are no heavier ones.
 */
uint32_t exhaustive_weight(const struct exhaustive *, bool *ret_all);

/* Rows of levels in which every combination of three factors occurs, in the order in which a case
 * draws its factors. The first row is all origins. */
struct covering {
    uint32_t factors, count;
    uint16_t rows[COVERING_ROWS_MAX][FACTORS_MAX];
};
/* False: too many factors, levels or rows (limits.h), or no memory. */
bool covering_rows(const uint16_t *levels, uint32_t factors, struct covering *ret);
/* One of its rows; everything else at its origin. */
struct source_row {
    struct source source;
    const uint16_t *row;
    uint32_t factors, used;
};
void source_row_start(struct source_row *, const struct covering *, uint32_t row);

/* Repeatable pseudo-random numbers (splitmix64), also for the entropy that a subject is given. */
uint64_t random_next(uint64_t *state);

/* --- Runs
 * -----------------------------------------------------------------------------------------------------
 */

enum verdict {
    VERDICT_PASS,
    VERDICT_FAIL,
    VERDICT_CRASH,
    VERDICT_HANG,
    VERDICT_FLAKY,
    VERDICT_VACUOUS,
    VERDICT_UNSUPPORTED,
    VERDICT_REJECTED, /* this run only: its draws did not suit the case; says nothing about the
                         subject */
    VERDICTS
};
const char *verdict_name(enum verdict);

/* Where a plan's fault strikes: the `occurrence`th call (from 0) of `operation` on a file of `role`
 * within a step. */
struct site {
    uint16_t operation;
    uint8_t role;
    uint8_t step;
    uint32_t occurrence;
};

/* What shall happen there. `code` is the operation's own number of an effect, 0 for none. */
struct effect {
    int32_t code;
};

/* It strikes at its site, and after that at the next calls of the operation, whatever their role
 * and step, until it has struck `times` times. */
struct fault {
    struct site site;
    struct effect effect;
    uint32_t times; /* 1, FAULT_TWICE or FAULT_FOR_GOOD */
};
#define FAULT_TWICE    2u
#define FAULT_FOR_GOOD UINT32_MAX
/* All of these: number 0 is once, 1 for good, 2 twice. */
#define FAULT_DURATIONS 3u
uint32_t fault_duration(uint32_t number);

struct plan {
    uint32_t count;
    struct fault faults[FAULTS_MAX];
};

/* What became of a run in which something was made to fail. The first two are as they should be. A
 * failed check names what it is evidence of, see CHECK_AS. */
enum consequence {
    CONSEQUENCE_HANDLED,       /* the failure was reported, and the state is right */
    CONSEQUENCE_TOLERATED,     /* nothing was reported, and the state is right all the same */
    CONSEQUENCE_WRONG_ANSWER,  /* an answer that no honest history explains */
    CONSEQUENCE_FAIL_OPEN,     /* what must be refused was let in */
    CONSEQUENCE_LOST,          /* what was acknowledged is gone */
    CONSEQUENCE_TORN,          /* half of a change is there */
    CONSEQUENCE_MISATTRIBUTED, /* the failure was reported as something else */
    CONSEQUENCE_STUCK,         /* the failure is over, and the subject still fails */
    CONSEQUENCE_LEAK,          /* something is left when everything is closed */
    CONSEQUENCE_CRASH,
    CONSEQUENCE_HANG,
    CONSEQUENCE_NOT_REACHED, /* the failure was planned and did not happen */
    CONSEQUENCES
};
const char *consequence_name(enum consequence);

/* What a subject says failed, in the numbers of whoever judges it. */
struct report {
    uint8_t layer, reason;
};

/* What came of one run. Lives in memory shared with the parent, so that nothing is lost when the
 * child dies. */
struct outcome {
    enum verdict verdict;
    int32_t line;              /* of the check that failed */
    int32_t signal;            /* of a crash, else 0 */
    uint32_t checks;           /* that were made */
    uint32_t faults_fired;     /* one bit for each fault of the plan */
    enum consequence evidence; /* what the check that failed is evidence of */
    uint32_t report_count;
    uint32_t steps;
    uint64_t edges; /* that were passed */
    bool overrun;   /* more choices were asked for than a run may have */
    bool spent;     /* threads are left over: this process must not run anything else */
    struct plan plan;
    uint32_t story_size;
    /* Texts, cleared by their first byte: what is above is all cleared before each run. */
    char file[NAME_BYTES_MAX]; /* of the check that failed, from the root of the sources */
    char expression[160];      /* that check */
    char message[MESSAGE_BYTES];
    char step[STEP_NAME_BYTES];         /* the last one begun */
    char site_text[NAME_BYTES_MAX * 5]; /* power cut and fault that fired, in words */
    char drift[NAME_BYTES_MAX * 3];     /* the first planned fault whose site was not reached */
    struct report reports[REPORTS_MAX]; /* each that was made after a fault had fired, once */
    char story[STORY_BYTES];
};
void outcome_clear(struct outcome *);

/* What the runs of a case were like; see observe.c. */
enum observation_kind { OBSERVED_LABEL, OBSERVED_COVER, OBSERVED_MAXIMUM };
struct observation {
    enum observation_kind kind;
    char name[NAME_BYTES_MAX];
    uint64_t runs;        /* that passed and of which it held */
    uint32_t percent_min; /* of the runs that pass; of OBSERVED_COVER */
    int64_t largest;      /* of OBSERVED_MAXIMUM, in the runs that passed */
    int64_t candidate;    /* the same, in the run under way */
    bool now;             /* it holds of the run under way */
};
struct observations {
    uint64_t runs; /* that passed */
    uint32_t count;
    struct observation at[OBSERVATIONS_MAX];
};
/* At the end of a run. */
void observations_add(struct observations *, bool passed);
/* The first demand that the runs clearly do not meet, or null. */
const struct observation *observations_unmet(const struct observations *);

/* What a subject answered in the runs so far; see answers.c. All zero: nothing yet. */
struct answers {
    uint64_t runs, sum;
    uint64_t marks[ANSWER_MARKS]; /* number k: the sum behind run 2^k */
};
void answers_add(struct answers *, const void *data, size_t size);
void answers_end(struct answers *); /* of a run */
/* How many marks there are. */
uint32_t answers_marks(const struct answers *);
/* Whether two subjects that were given the same choices answered differently, as far as both went.
 */
bool answers_differ(const struct answers *, const struct answers *);

struct run {
    struct source *source;
    struct choices *choices;       /* the caller's, possibly shared with a parent */
    struct outcome *outcome;       /* the same */
    const struct world *world;     /* set by case_run() */
    struct observations *observed; /* added to by each run, or null */
    uint8_t *states; /* STATES_MAX bytes: set for each abstract state of a machine, or null */
    struct answers *answers; /* takes what the subject answers, or null */
    bool deaf;               /* a check that does not hold ends the run and says nothing */
    bool telling;            /* write the story; costs time, so only for the run that is shown */
    struct power_search *search; /* tries one power cut after the other, or null */
    sigjmp_buf stop;
    uint32_t deferred_count;
    struct {
        void (*release)(void *);
        void *what;
    } deferred[DEFERRED_MAX];
};

/* Ways of driving a case; they differ only in where the next choice comes from. In the order in
 * which they run. */
enum technique {
    TECHNIQUE_REGRESSIONS, /* tokens that were kept: defects that were there once */
    TECHNIQUE_VECTORS, /* every choice at its origin, a few seeds of entropy: known answers, fixed
                          histories */
    TECHNIQUE_EXHAUSTIVE, /* all rows of a covering array, then all sequences of choices up to a
                           * bound
                           */
    TECHNIQUE_FAULT,      /* the same, with each site that was reached failing, one a run */
    TECHNIQUE_POWERCUT,   /* the power goes at each moment, with every choice of what survives */
    TECHNIQUE_SCHEDULE,   /* all interleavings with few preemptions, then random ones */
    TECHNIQUE_PROPERTY,   /* random choices */
    TECHNIQUES
};
const char *technique_name(enum technique);

/* A case: one property. `body` gets the subject as it was given to case_run(). */
struct test_case {
    const char *name;  /* theme.property */
    const char *shows; /* one sentence: what it shows */
    const char
        *requirements;      /* ids of what somebody demands, "N-13 A-6.3.1": of NIST SP 800-63B-4
                               (N), OWASP ASVS 5.0 (A), the OWASP cheat sheet on storing passwords
                               (O), RFC 8265 (P), PHC strings (PHC), RFC 9106 (R), ourselves (X); or null
                             */
    const char *stands_for; /* class of incident */
    uint32_t techniques;    /* bits: 1u << enum technique */
    uint32_t
        weight; /* how many runs it gets, in percent of the budget for one case; 0 stands for 100 */
    void (*body)(struct run *, const void *subject);
    /* What the disk holds when a run begins; null: nothing. Depends on the subject and the seed of
     * entropy alone, draws nothing, and is called with the edge quiet; its steps and checks do not
     * count. It is called seldom: from then on its disk is put in place. */
    void (*prepare)(struct run *, const void *subject);
    bool pairs;  /* the fault technique makes two sites fail in one run, too */
    bool faults; /* its body knows what faults mean: chance plans some, too */
};

/* Runs the case once. Draws the entropy seed and the plan first, calls `begin` (which puts the
 * world in its initial state), then the body, then all deferred clean-ups with the edge quiet.
 * Returns the verdict, also in run->outcome. The caller sets source, choices, outcome and telling;
 * and `search` or leaves it null; the rest is initialised here. */
struct world {
    void (*begin)(void *context, uint64_t entropy_seed);
    void (*end)(void *context);
    void *context;
    void (*thread)(void *context); /* on each thread of a schedule before its body, or null */
    /* Another process goes on with what the disk holds: null, or what the case would need for that.
     * Or null: there is none. */
    const char *(*restart)(void *context);
    /* Of cases that prepare a disk: it is kept as it is now; and put in place: false, if none was
     * kept for this owner and seed. Null: it is prepared for each run. */
    void (*keep)(void *context, const void *owner, uint64_t entropy_seed);
    bool (*restore)(void *context, const void *owner, uint64_t entropy_seed);
    /* Time passes by every clock of the subject; its wall clock is set, by so much. Or both null.
     */
    void (*pass)(void *context, uint64_t us);
    void (*set_clock)(void *context, int64_t us);
};
/* What became of a run, from its outcome: the one place that says so. */
enum consequence consequence_of(const struct outcome *);
enum verdict case_run(struct run *, const struct test_case *, const void *subject,
                      const struct world *);

/* --- For cases
 * ------------------------------------------------------------------------------------------------
 */

/* A number in [lo, hi], simplest at origin. */
int64_t draw(struct run *, int64_t lo, int64_t hi, int64_t origin);
int64_t draw_kind(struct run *, enum choice_kind, int64_t lo, int64_t hi, int64_t origin);
/* An index below count, simplest 0. */
size_t draw_index(struct run *, size_t count);
/* A level of a factor: a setting that the case is to be tried with in combination with its other
 * factors. A case draws all of its factors, always the same ones, before anything depends on them.
 */
size_t draw_factor(struct run *, size_t levels);
/* An index below count, each as likely as its weight says; simplest 0. */
size_t draw_weighted(struct run *, const uint32_t *weights, size_t count);
void draw_bytes(struct run *, void *ret, size_t size);
/* Whether a list that has so many elements gets another one: for lists of min to max elements whose
 * length is not known beforehand. Simplest: no more than min. Always draws; ask within the span of
 * the element, so that shrinking can take it out. */
bool draw_more(struct run *, size_t so_far, size_t min, size_t max);
/* A length in [min, max], simplest min. Chance likes short ones, the ends, powers of two and their
 * neighbours. */
size_t draw_length(struct run *, size_t min, size_t max);

/* Spans may nest. `label` names the kind of thing that is drawn. Returns what span_end() wants. */
uint32_t span_begin(struct run *, const char *label);
void span_end(struct run *, uint32_t span);

/* A string of bytes. */
struct text {
    size_t size;
    uint8_t bytes[TEXT_BYTES_MAX];
};
bool same_text(const struct text *, const struct text *); /* byte for byte */
/* Adds all of the bytes, or none where they do not fit. */
void text_add(struct text *, const void *bytes, size_t size);
/* From one of several alphabets, see text.c; min to max bytes. Simplest: the shortest run of "a".
 */
void draw_text(struct run *, const char *label, size_t min, size_t max, struct text *ret);
/* Derived from another text: one bit, one byte more or less, another case, a prefix; also the same.
 */
void draw_neighbour(struct run *, const struct text *, struct text *ret);

/* One command of a machine. */
struct machine_command {
    const char *name;
    uint32_t weight; /* how often it is drawn, relative to the others; 0 stands for 1 */
    bool (*allowed)(const void *model); /* null: always */
    void (*act)(struct run *, void *model);
};
/* Random histories of commands, see machine.c. A no-op (a restart, traffic of others) is a command
 * that leaves the model alone. */
struct machine {
    const struct machine_command *commands;
    uint32_t command_count;
    uint32_t steps_max;
    void (*invariant)(struct run *, void *model); /* after each step, or null */
    uint32_t (*state)(const void *model);         /* the abstract state, for coverage, or null */
};
/* Returns the number of commands that ran. */
uint32_t machine_run(struct run *, const struct machine *, void *model);
/* One of count objects (64 at most): mostly one of those alive (bits), the simplest being the first
 * of them, sometimes one that is not. */
size_t draw_object(struct run *, uint64_t alive, size_t count);

/* Notes that something holds of this run; shown as a share of all runs. */
void label(struct run *, const char *name);
/* Demands that it holds of at least so many percent of the runs; otherwise the case is VACUOUS. */
void cover(struct run *, uint32_t percent_min, bool holds, const char *name);
/* Keeps the largest value. */
void maximize(struct run *, int64_t value, const char *name);

/* So many seconds pass, by every clock that the subject reads. */
void time_passes(struct run *, uint64_t seconds);
/* The subject's wall clock is put on by so many seconds, or back. No time passes. */
void clock_jumps(struct run *, int64_t seconds);

/* The subject says that something failed. Counts when a fault has fired. */
void report_failure(struct run *, struct report);
/* Names the step that begins: sites are counted within it. `name` is copied. */
void step(struct run *, const char *name);
/* Adds a line to the story, when it is being told; otherwise its arguments are not even evaluated.
 */
#define tell(run, ...)                                                                             \
    do {                                                                                           \
        if ((run)->telling)                                                                        \
            tell_line(run, __VA_ARGS__);                                                           \
    } while (0)
void tell_line(struct run *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A byte string for people: quoted, escaped, repetitions and the middle of long strings
 * abbreviated. `ret` has size bytes. */
const char *quoted(char *ret, size_t size, const void *data, size_t data_size);
#define QUOTED(data, size) quoted((char[160]){0}, 160, data, size)

/* Takes a part of an answer into the trace of the run, if it has one. */
void note_answer(struct run *, const void *data, size_t size);
/* These draws do not suit the case. */
__attribute__((noreturn)) void reject(struct run *);
/* The subject does not have what this case needs. */
__attribute__((noreturn)) void unsupported(struct run *, const char *what);
/* Calls release(what) when the run ends, however it ends; last registered first. */
void defer(struct run *, void (*release)(void *), void *what);

/* Demands that `condition` holds; otherwise the run ends here, as FAIL. The format is the reason,
 * in words. */
#define CHECK(run, condition, ...) CHECK_AS(run, CONSEQUENCE_WRONG_ANSWER, condition, __VA_ARGS__)
/* The same, and says what it is evidence of when something was made to fail. */
#define CHECK_AS(run, consequence, condition, ...)                                                 \
    do {                                                                                           \
        (run)->outcome->checks++;                                                                  \
        (run)->outcome->evidence = (consequence);                                                  \
        if (!(condition))                                                                          \
            check_failed(run, __FILE__, __LINE__, #condition, __VA_ARGS__);                        \
    } while (0)
/* The same about the case itself: does not count as a check of the subject. */
#define CHECK_CASE(run, condition, ...)                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            check_failed(run, __FILE__, __LINE__, #condition, __VA_ARGS__);                        \
    } while (0)
__attribute__((noreturn, format(printf, 5, 6))) void check_failed(struct run *, const char *file,
                                                                  int line, const char *expression,
                                                                  const char *format, ...);

/* --- The edge
 * -------------------------------------------------------------------------------------------------
 */

/* A row of the catalogue of operations, which is given by the interceptors. */
struct operation {
    const char *name;      /* class.operation, such as disk.write */
    uint32_t effect_count; /* effects have the codes 1..effect_count */
    const char *const *effects;
    bool held; /* called with a lock of a library held, or often and about nothing that is shared:
                  never a yield point */
};
struct catalogue {
    const struct operation *operations;
    uint16_t operation_count;
    const char *const *roles;
    uint8_t role_count;
};
void edge_install(const struct catalogue *);
const struct catalogue *edge_catalogue(void);

/* Called by an interceptor at every call: counts, and says what shall happen. Does nothing and
 * costs almost nothing outside of runs and while quiet. */
struct effect edge(uint16_t operation, uint8_t role);

/* The number and the name of the step that is under way. */
uint8_t edge_step_now(const char **ret_name);

/* While quiet, nothing is counted and nothing fails: a case looks at the truth, or cleans up.
 * Returns what to pass to restore. */
bool edge_quiet(bool quiet);
void edge_begin(const struct plan *);
void edge_end(struct outcome *);
/* From now on this is the plan, and nothing of it has fired: for histories that say themselves what
 * fails where. A plan that is drawn comes with edge_begin(). */
void edge_arm(const struct plan *);
void edge_step(uint32_t number, const char *name);
/* One bit for each fault of the plan that has fired so far. */
uint32_t edge_fired(void);
const struct plan *edge_plan(void);
/* Calls passed since the run began; read by a parent to tell a slow child from a spinning one. */
uint64_t edge_passed(void);
void edge_share_passed(
    uint64_t *where); /* counts there, in memory shared with a parent; null: privately */
/* How often `operation` was passed in this run. */
uint64_t edge_count(uint16_t operation);
/* How often it was passed on files of this role within the present step. */
uint32_t edge_occurrences(uint16_t operation, uint8_t role);

/* Whether a run is under way, quiet or not; and whether it is not quiet. */
bool edge_is_running(void);
bool edge_is_active(void);

/* How much the subject holds of what an operation gives, in units of its interceptor: bytes that
 * are mapped, random bytes. See held.c. For interceptors: false, if it would be more than the case
 * allows; then it is not taken. */
bool edge_take(uint16_t operation, uint64_t amount);
void edge_give(uint16_t operation, uint64_t amount);
/* For cases. */
uint64_t edge_held(uint16_t operation);
uint64_t edge_held_most(uint16_t operation); /* the most at once in this run */
void edge_allow(uint16_t operation, uint64_t most);
uint64_t edge_refused(uint16_t operation); /* how often more was wanted than is allowed */
/* For the edge: at the begin of a run. */
void held_reset(void);

/* Ways by which bytes leave a subject; see outlets.c. */
enum outlet {
    OUTLET_DISK,    /* written to a file through SQLite */
    OUTLET_FREED,   /* memory as it is given back */
    OUTLET_LOG,     /* syslog() */
    OUTLET_PRINTED, /* the last four are shown by cases: standard output and error, */
    OUTLET_ENVIRONMENT,
    OUTLET_REPLY,
    OUTLET_FILES, /* and files in the working folder */
    OUTLETS
};
const char *outlet_name(enum outlet);
/* For cases: these bytes, of which SECRET_BYTES_MAX count, may not be seen at these outlets (bits)
 * in this run. False: there are too many. */
bool outlet_watch(const void *secret, size_t size, uint32_t outlets);
uint32_t outlets_leaked(void); /* bits: where one of them was seen */
/* For interceptors. Costs almost nothing where nobody watches. */
bool outlet_is_watched(enum outlet);
void outlet_show(enum outlet, const void *data, size_t size);
/* For the edge: at the begin of a run. */
void outlets_reset(void);

/* A counting run records each site once, in order of its first call, into memory of the caller. */
struct site_list {
    uint32_t count;
    bool overflow;
    struct site at[SITES_MAX];
    char step_names[STEPS_MAX][STEP_NAME_BYTES];
};
void edge_record(struct site_list *); /* null: stop recording */
/* While sites are recorded, called before each; null: nothing is. */
void edge_watch(void (*watch)(void));
/* Calls of these operations (bits) are no sites from now on: nothing is planned for them. */
void edge_mute(uint64_t operations);

/* Draws a plan, simplest: no fault. */
void plan_draw(struct run *, struct plan *ret);
/* The values that make plan_draw() draw this plan; `ret` has room for PLAN_VALUES_MAX. Returns how
 * many. */
#define PLAN_VALUES_MAX (1u + FAULTS_MAX * 6u)
uint32_t plan_values(const struct plan *, int64_t *ret);
/* "disk.write of wal fails with full, once, at "login", occurrence 3". */
const char *fault_text(char *ret, size_t size, const struct fault *, const char *step_name);

/* --- Power cuts
 * -----------------------------------------------------------------------------------------------
 */

/* What becomes of one change that the disk had not promised to keep when the power went. */
enum fate {
    FATE_KEPT,
    FATE_LOST,
    /* A write that is torn at a multiple of so many bytes: only its first part is new, */
    FATE_HEAD_512,
    FATE_TAIL_512,    /* only its last part, */
    FATE_GARBAGE_512, /* or its first, and the sector behind that is garbage */
    FATE_HEAD_4096,
    FATE_TAIL_4096,
    FATE_GARBAGE_4096,
    FATES
};

struct power_cut {
    bool happens;
    bool syncs_lie;  /* nothing was ever promised */
    uint8_t step;    /* in which it happens, */
    uint32_t change; /* just before this change of the disk within it, from 0 */
    uint32_t count;  /* of changes that were pending */
    uint8_t fates[POWER_PENDING_MAX];
};

/* The disk, as interceptors offer it. Moment n is that before the nth change since the watch began;
 * the last one is behind all. */
struct power_supply {
    void (*watch)(void); /* from now on changes are kept; what is there is durable */
    bool (*stop)(void);  /* no longer. False: there were more than can be kept */
    uint32_t (*pending)(uint32_t moment, bool syncs_lie);
    /* Makes the disk what the cut leaves of it. Equal prints: equal disks. */
    uint64_t (*restore)(uint32_t moment, const struct power_cut *);
    /* Whether this fate means anything to the nth pending change of the last moment asked for. */
    bool (*possible)(uint32_t index, enum fate);
    /* What was done just before the moment, counted from the moment `since` on: "write 3 of wal".
     */
    const char *(*describe)(uint32_t moment, uint32_t since, char *ret, size_t size);
};
void power_install(const struct power_supply *);
/* For the disk: it is about to change. */
void power_change(void);

/* For cases. From now on power cuts are thought of; what the disk holds is there for certain. */
void power_watch(struct run *);
/* Something was acknowledged. States in which different things were are never taken for one. */
void power_mark(int64_t what);
/* How it stands when the power is back. */
struct power_moment {
    bool cut;       /* else the power never went */
    bool syncs_lie; /* then nothing can be demanded of what the disk holds */
    uint32_t marks; /* that were made before */
};
/* Ends the watch, draws a power cut, and looks at what the target makes of the disk in a new
 * process. With a search in the run, it looks at one state after the other; the choices are always
 * those of the state under its eyes. Nothing that was opened before may still be. */
void power_cuts(struct run *, void (*look)(struct run *, const struct power_moment *, void *),
                void *context);

/* For histories that say themselves where the power goes: the present moment; and the end of the
 * watch, with the disk as it was then without all that was pending, and the target in a new
 * process. */
uint32_t power_here(void);
void power_lose(struct run *, uint32_t moment);

/* Values for CHOICE_POWER. */
#define POWER_VALUES_MAX (4u + POWER_PENDING_MAX)
struct power_values {
    uint32_t count, used;
    int64_t at[POWER_VALUES_MAX];
};
void power_values(const struct power_cut *, struct power_values *ret);

/* Everything at its origin but the plan and the power cut. */
struct source_power {
    struct source source;
    const int64_t *plan;
    uint32_t plan_count, plan_used;
    struct power_values *values;
};
void source_power_start(struct source_power *, const int64_t *plan, uint32_t plan_count,
                        struct power_values *);

/* The states that power cuts can leave, one after the other; see cuts.c. */
struct power_search {
    uint64_t first;     /* states before this one are passed over, */
    uint64_t count_max; /* and no more than so many are looked at */
    bool fired_only;    /* only moments behind the first fault of the plan, */
    bool light;         /* and only the first pass */
    /* What came of it; state 0 is that of a power that never went. */
    uint64_t state;   /* the number of the one that is looked at */
    uint64_t states;  /* looked at */
    uint64_t moments; /* there are */
    bool more;        /* were left out */
    bool overflow;    /* there were more changes than can be kept */
    /* Where it stands. */
    uint32_t pass, moment, variant, count_before;
    struct power_cut cut;
    struct power_values values;
    uint32_t seen_count;
    uint64_t seen[1u << 16]; /* prints; 0 is free */
};
/* The caller has set the four members up to `light`. */
void power_search_start(struct power_search *);

/* --- Schedules
 * ------------------------------------------------------------------------------------------------
 */

/* Runs body(context, 0) to body(context, threads - 1), each on a thread of its own, one at a time,
 * and returns when all have ended. Choices say who goes on where: at most THREADS_MAX threads, the
 * first one starts. Bodies call the subject, write down what it answered, and may tell(); they
 * neither draw nor CHECK nor reject: the case judges afterwards. Stories count threads from 1. All
 * threads waiting for each other is FAIL, blocking out of the scheduler's sight is UNSUPPORTED;
 * both leave the process spent. */
void schedule(struct run *, uint32_t threads, void (*body)(void *context, uint32_t thread),
              void *context);

/* For interceptors. Outside of schedules, and on threads that are not of one, they do nothing. All
 * of them leave errno alone. */

/* Whether the calling thread is one of a schedule that is under way. */
bool schedule_active(void);
/* Another thread may go on before `what` happens, `of` (null: nothing more to say). */
void schedule_point(const char *what, const char *of);
/* The thread sleeps or spins: another one goes on, if one can. */
void schedule_pause(void);
/* Others go on until the thread is woken. A timed wait may also end, returning false, when nobody
 * else can go on. Always true without `timed`. */
bool schedule_wait(const void *object, bool timed);
/* One of those that wait for the object can go on, or every one. Switches to nobody. */
void schedule_wake(const void *object, bool every);

/* --- Shrinking
 * ------------------------------------------------------------------------------------------------
 */

/* Runs candidate choices (values in at[], count) and says whether the same failure is still there.
 * On true the callback has put what was really drawn into `choices`; otherwise it may, which helps
 * explain(). Returns <0 to stop. What it puts there is not trusted. */
typedef int shrink_try(void *context, struct choices *choices);

/* Makes `choices` smaller in shortlex order on (count, distance from origin, sign) as long as try()
 * holds. A candidate is accepted only if it is strictly smaller, so this ends, at the latest after
 * `executions_max`, or SHRINK_FAILURES_MAX in a row that were none the smaller. Returns the number
 * of executions. `scratch` is the caller's. */
uint32_t shrink(struct choices *choices, struct choices *scratch, shrink_try *, void *context,
                uint32_t executions_max);

/* The parts of a failure that do not matter: the `ordinal`th span of a label, from 1. */
struct explanation {
    uint32_t count;
    struct {
        uint32_t first, end; /* choices [first, end) */
        char label[SPAN_LABEL_BYTES + 1];
        uint32_t ordinal;
    } parts[EXPLAINED_MAX];
};
/* Which spans of a minimal failure do not matter: whatever they are, it fails in the same way. Puts
 * other values in their place, one span at a time; see explain.c. Returns the number of executions,
 * at most `executions_max`. `scratch` is the caller's. */
uint32_t explain(const struct choices *minimal, struct choices *scratch, shrink_try *,
                 void *context, uint32_t executions_max, struct explanation *ret);

/* Makes choices from a source that is not trusted safe to use: brings the counts within their
 * limits and empties spans that lie outside. */
void choices_settle(struct choices *);
/* As much of them as there is. */
void choices_copy(struct choices *to, const struct choices *from);
/* Hash of kinds and bounds of the first `count` draws: a case that changed has another. */
uint32_t choices_shape(const struct choices *, uint32_t count);
/* Four bits of one draw's kind and bounds: a changed draw has others, but for one in sixteen. */
uint8_t choice_print(const struct choice *);
/* How many draws there are up to the last one that is not at its origin. */
uint32_t choices_significant(const struct choices *);
/* Negative: a is simpler. */
int choices_compare(const struct choices *a, const struct choices *b);

/* --- Tokens
 * ---------------------------------------------------------------------------------------------------
 */

/* assay1:TARGET:CASE:PAYLOAD:CRC32, see token.c. */
struct token {
    char target[2 * NAME_BYTES_MAX]; /* TOKEN_ANY_TARGET: it is said when the token is used */
    char name[NAME_BYTES_MAX];
    uint16_t shape;
    uint32_t count;
    uint8_t prints[CHOICES_MAX];       /* choice_print() of each draw */
    struct choice values[CHOICES_MAX]; /* relative to the origin */
};
#define TOKEN_ANY_TARGET "*"
/* Returns a string to free(), or null without memory. */
char *token_write(const char *target, const char *name, const struct choices *);
/* The one text of what token_read() gave, or was changed in since. To free(); null without memory.
 */
char *token_text(const struct token *);
/* Whether these draws are the ones that the token was made from; otherwise ret_why says where they
 * go apart. A run that was `cut_short`, by a failure or a rejection, may have drawn less. */
#define TOKEN_WHY_BYTES 160u
bool token_fits(const struct token *, const struct choices *drawn, bool cut_short,
                char ret_why[static TOKEN_WHY_BYTES]);
/* Null when all is well, else what is wrong with it. Any bytes may come in. */
const char *token_read(const char *text, struct token *ret);

#endif
