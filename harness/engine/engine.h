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
 * runs. One run is under way at a time in a process, on one thread.
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
    CHOICE_PREEMPT, /* whether the running thread stays (0), or which other one goes on */
    CHOICE_NEXT,    /* which thread goes on when the running one cannot */
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
 * others uniform; narrower ones and seeds of entropy are always uniform. Faults are never armed. */
struct source_random {
    struct source source;
    uint64_t state[2];
};
void source_random_start(struct source_random *, uint64_t seed, const char *name, uint64_t number);

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

struct fault {
    struct site site;
    struct effect effect;
    uint32_t times; /* 1: once; FAULT_FOR_GOOD: from there on, whatever role and step */
};
#define FAULT_FOR_GOOD UINT32_MAX

struct plan {
    uint32_t count;
    struct fault faults[FAULTS_MAX];
};

/* What came of one run. Lives in memory shared with the parent, so that nothing is lost when the
 * child dies. */
struct outcome {
    enum verdict verdict;
    char file[NAME_BYTES_MAX]; /* of the check that failed, from the root of the sources */
    int32_t line;
    int32_t signal;       /* of a crash, else 0 */
    char expression[160]; /* the check that failed */
    char message[MESSAGE_BYTES];
    uint32_t checks;       /* that were made */
    uint32_t faults_fired; /* one bit for each fault of the plan */
    uint64_t edges;        /* that were passed */
    bool overrun;          /* more choices were asked for than a run may have */
    uint32_t steps;
    char step[STEP_NAME_BYTES]; /* the last one begun */
    struct plan plan;
    char site_text[NAME_BYTES_MAX * 2]; /* the fault that fired, in words */
    uint32_t story_size;
    char story[STORY_BYTES];
};

struct run {
    struct source *source;
    struct choices *choices; /* the caller's, possibly shared with a parent */
    struct outcome *outcome; /* the same */
    bool telling;            /* write the story; costs time, so only for the run that is shown */
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
    TECHNIQUE_VECTORS,  /* every choice at its origin, a few seeds of entropy: known answers, fixed
                           histories */
    TECHNIQUE_FAULT,    /* the same, with each site that was reached failing, one a run */
    TECHNIQUE_PROPERTY, /* random choices */
    TECHNIQUES
};
const char *technique_name(enum technique);

/* A case: one property. `body` gets the subject as it was given to case_run(). */
struct test_case {
    const char *name;       /* theme.property */
    const char *shows;      /* one sentence: what it shows */
    const char *stands_for; /* requirement and class of incident */
    uint32_t techniques;    /* bits: 1u << enum technique */
    uint32_t
        weight; /* how many runs it gets, in percent of the budget for one case; 0 stands for 100 */
    void (*body)(struct run *, const void *subject);
};

/* Runs the case once. Draws the entropy seed and the plan first, calls `begin` (which puts the
 * world in its initial state), then the body, then all deferred clean-ups with the edge quiet.
 * Returns the verdict, also in run->outcome. The caller sets source, choices, outcome and telling;
 * the rest is initialised here. */
struct world {
    void (*begin)(void *context, uint64_t entropy_seed);
    void (*end)(void *context);
    void *context;
};
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
/* A length in [min, max], simplest min, with a liking for the ends, powers of two and their
 * neighbours. */
size_t draw_length(struct run *, size_t min, size_t max);

/* Spans may nest. `label` names the kind of thing that is drawn. Returns what span_end() wants. */
uint32_t span_begin(struct run *, const char *label);
void span_end(struct run *, uint32_t span);

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

/* These draws do not suit the case. */
__attribute__((noreturn)) void reject(struct run *);
/* The subject does not have what this case needs. */
__attribute__((noreturn)) void unsupported(struct run *, const char *what);
/* Calls release(what) when the run ends, however it ends; last registered first. */
void defer(struct run *, void (*release)(void *), void *what);

/* Demands that `condition` holds; otherwise the run ends here, as FAIL. The format is the reason,
 * in words. */
#define CHECK(run, condition, ...)                                                                 \
    do {                                                                                           \
        (run)->outcome->checks++;                                                                  \
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

/* While quiet, nothing is counted and nothing fails: a case looks at the truth, or cleans up.
 * Returns what to pass to restore. */
bool edge_quiet(bool quiet);
void edge_begin(const struct plan *);
void edge_end(struct outcome *);
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

/* A counting run records each site once, in order of its first call, into memory of the caller. */
struct site_list {
    uint32_t count;
    bool overflow;
    struct site at[SITES_MAX];
    char step_names[STEPS_MAX][STEP_NAME_BYTES];
};
void edge_record(struct site_list *); /* null: stop recording */

/* Draws a plan, simplest: no fault. */
void plan_draw(struct run *, struct plan *ret);
/* The values that make plan_draw() draw this plan; `ret` has room for PLAN_VALUES_MAX. Returns how
 * many. */
#define PLAN_VALUES_MAX (1u + FAULTS_MAX * 6u)
uint32_t plan_values(const struct plan *, int64_t *ret);
/* "disk.write on wal fails with full, once, at login, occurrence 3". */
const char *fault_text(char *ret, size_t size, const struct fault *, const char *step_name);

/* --- Shrinking
 * ------------------------------------------------------------------------------------------------
 */

/* Runs candidate choices (values in at[], count) and says whether the same failure is still there.
 * On true the callback has put what was really drawn into `choices`. Returns <0 to stop shrinking.
 */
typedef int shrink_try(void *context, struct choices *choices);

/* Makes `choices` smaller in shortlex order on (count, distance from origin, sign) as long as try()
 * holds. A candidate is accepted only if it is strictly smaller, so this ends. Returns the number
 * of executions. `scratch` is the caller's. */
uint32_t shrink(struct choices *choices, struct choices *scratch, shrink_try *, void *context,
                uint32_t executions_max);
/* Hash of kinds and bounds of the first `count` draws: a case that changed has another. */
uint32_t choices_shape(const struct choices *, uint32_t count);
/* How many draws there are up to the last one that is not at its origin. */
uint32_t choices_significant(const struct choices *);
/* Negative: a is simpler. */
int choices_compare(const struct choices *a, const struct choices *b);

/* --- Tokens
 * ---------------------------------------------------------------------------------------------------
 */

/* assay1:TARGET:CASE:PAYLOAD:CRC32, see token.c. */
struct token {
    char target[2 * NAME_BYTES_MAX];
    char name[NAME_BYTES_MAX];
    uint16_t shape;
    uint32_t count;
    struct choice values[CHOICES_MAX]; /* relative to the origin */
};
/* Returns a string to free(), or null without memory. */
char *token_write(const char *target, const char *name, const struct choices *);
/* Whether these draws begin with the ones that the token was made from. */
bool token_fits(const struct token *, const struct choices *drawn);
/* Null when all is well, else what is wrong with it. Any bytes may come in. */
const char *token_read(const char *text, struct token *ret);

#endif
