/* SPDX-License-Identifier: Apache-2.0
 *
 * The edge: one choke point for everything that the code under test asks of the world.
 *
 * Each call is named by operation, file role, step of the case and its number within these (its
 * occurrence). Counting within a step keeps names stable: a change in how a database is opened does
 * not rename what happens at login. The plan is compared only with its own few entries; a disabled
 * edge is one load and one branch.
 */
#include <stdio.h>
#include <string.h>

#include "harness/engine/engine.h"
#include "harness/engine/unseen.h"

static struct {
    bool active;    /* a run is under way and not quiet: the one thing that edge() looks at first */
    bool running;   /* a run is under way */
    uint8_t step;   /* number of the current one, from 0; steps before the first are 0 too */
    uint32_t fired; /* one bit for each fault */
    struct plan plan;
    uint32_t fired_times[FAULTS_MAX];
    uint32_t had[FAULTS_MAX]; /* calls like the planned one in its step, when that was over */
    char fired_step[STEP_NAME_BYTES];
    bool touched;                                    /* an occurrence is counted in this step */
    uint32_t occurrences[OPERATIONS_MAX][ROLES_MAX]; /* within the step */
    uint64_t counts[OPERATIONS_MAX];                 /* within the run */
    char step_name[STEP_NAME_BYTES];
    struct site_list *recording;
    void (*watch)(void); /* before each site that is recorded, or null */
    uint64_t muted;      /* operations that are not recorded */
    const struct catalogue *catalogue;
} state;

static uint64_t passed_here;
static uint64_t *passed = &passed_here; /* calls since the run began */

void edge_install(const struct catalogue *catalogue)
{
    state.catalogue = catalogue;
}

const struct catalogue *edge_catalogue(void)
{
    return state.catalogue;
}

static void record(const struct site *site)
{
    struct site_list *list = state.recording;
    if (state.watch)
        state.watch();
    if (list->count >= SITES_MAX || site->occurrence > OCCURRENCES_MAX) {
        list->overflow = true;
        return;
    }
    list->at[list->count++] = *site;
    snprintf(list->step_names[site->step], STEP_NAME_BYTES, "%s", state.step_name);
}

static bool strikes(const struct fault *fault, uint32_t index, const struct site *site)
{
    if (fault->site.operation != site->operation || state.fired_times[index] >= fault->times)
        return false;
    if (state.fired & (1u << index))
        return true;
    return fault->site.role == site->role && fault->site.step == site->step &&
           fault->site.occurrence == site->occurrence;
}

static struct effect planned(const struct site *site)
{
    for (uint32_t i = 0; i < state.plan.count; i++) {
        if (!strikes(&state.plan.faults[i], i, site))
            continue;
        if (!(state.fired & (1u << i)))
            snprintf(state.fired_step, sizeof state.fired_step, "%s", state.step_name);
        state.fired |= 1u << i;
        state.fired_times[i] += state.plan.faults[i].times != FAULT_FOR_GOOD;
        return state.plan.faults[i].effect;
    }
    return (struct effect){0};
}

/* Lets another thread of a schedule go on first, unless a lock of a library is held. */
static void yield_before(uint16_t operation, uint8_t role)
{
    const struct catalogue *catalogue = state.catalogue;
    if (catalogue == NULL || operation >= catalogue->operation_count ||
        role >= catalogue->role_count || catalogue->operations[operation].held)
        return;
    const char *of = catalogue->roles[role];
    schedule_point(catalogue->operations[operation].name, strcmp(of, "-") != 0 ? of : NULL);
}

static __attribute__((noinline)) struct effect edge_active(uint16_t operation, uint8_t role)
{
    if (operation >= OPERATIONS_MAX || role >= ROLES_MAX)
        return (struct effect){0};
    if (schedule_active())
        yield_before(operation, role);
    unseen_begin();
    struct site site = {operation, role, state.step, state.occurrences[operation][role]++};
    state.counts[operation]++;
    state.touched = true;
    __atomic_store_n(passed, *passed + 1, __ATOMIC_RELAXED);
    if (state.recording && !(state.muted & (1ull << operation)))
        record(&site);
    struct effect effect = planned(&site);
    unseen_end();
    return effect;
}

struct effect edge(uint16_t operation, uint8_t role)
{
    if (__builtin_expect(!state.active, 1))
        return (struct effect){0};
    return edge_active(operation, role);
}

bool edge_quiet(bool quiet)
{
    bool was = !state.active;
    state.active = !quiet && state.running;
    return was;
}

/* Most runs of cheap cases pass no edge: what is large is cleared only after use. */
static void forget_occurrences(void)
{
    if (state.touched)
        memset(state.occurrences, 0, sizeof state.occurrences);
    state.touched = false;
}

void edge_begin(const struct plan *plan)
{
    if (*passed > 0)
        memset(state.counts, 0, sizeof state.counts);
    forget_occurrences();
    state.step = 0;
    state.fired = 0;
    state.plan = *plan;
    memset(state.fired_times, 0, sizeof state.fired_times);
    memset(state.had, 0, sizeof state.had);
    state.fired_step[0] = state.step_name[0] = 0;
    *passed = 0;
    state.running = state.active = true;
    held_reset();
    outlets_reset();
}

void edge_arm(const struct plan *plan)
{
    state.plan = *plan;
    state.fired = 0;
    memset(state.fired_times, 0, sizeof state.fired_times);
    memset(state.had, 0, sizeof state.had);
}

bool edge_is_running(void)
{
    return state.running;
}

bool edge_is_active(void)
{
    return state.active;
}

/* How far the step that ends went towards the sites that are planned in it. */
static void note_step(void)
{
    for (uint32_t i = 0; i < state.plan.count; i++) {
        const struct site *site = &state.plan.faults[i].site;
        if (site->step == state.step && site->operation < OPERATIONS_MAX && site->role < ROLES_MAX)
            state.had[i] = state.occurrences[site->operation][site->role];
    }
}

/* The first fault that did not strike, and what its step had instead. */
static void tell_drift(struct outcome *outcome)
{
    note_step();
    for (uint32_t i = 0; i < state.plan.count; i++) {
        const struct site *site = &state.plan.faults[i].site;
        if (state.fired & (1u << i))
            continue;
        const char *role = state.catalogue->roles[site->role];
        bool has_role = strcmp(role, "-") != 0;
        snprintf(outcome->drift, sizeof outcome->drift,
                 "%s%s%s, occurrence %u in step %u, was planned to fail; that step has %u of them",
                 state.catalogue->operations[site->operation].name, has_role ? " of " : "",
                 has_role ? role : "", site->occurrence + 1, site->step + 1u, state.had[i]);
        return;
    }
}

/* The first fault that struck, behind what is said of a power cut. */
static void add_fault_text(struct outcome *outcome)
{
    size_t used = strlen(outcome->site_text), size = sizeof outcome->site_text;
    uint32_t i = 0;
    while (i < state.plan.count && !(state.fired & (1u << i)))
        i++;
    if (i == state.plan.count)
        return;
    if (used > 0 && used + 3 < size)
        used += (size_t)snprintf(outcome->site_text + used, size - used, "; ");
    fault_text(outcome->site_text + used, size - used, &state.plan.faults[i], state.fired_step);
}

void edge_end(struct outcome *outcome)
{
    outcome->edges = *passed;
    tell_drift(outcome);
    outcome->faults_fired = state.fired;
    add_fault_text(outcome);
    state.running = state.active = false;
}

void edge_step(uint32_t number, const char *name)
{
    if (state.plan.count > 0 && number > 0)
        note_step();
    state.step = (uint8_t)(number < STEPS_MAX ? number : STEPS_MAX - 1);
    snprintf(state.step_name, sizeof state.step_name, "%s", name);
    /* What came before the first step is counted with it: a site has one name only. */
    if (number > 0 && number < STEPS_MAX)
        forget_occurrences();
}

uint8_t edge_step_now(const char **ret_name)
{
    *ret_name = state.step_name;
    return state.step;
}

uint32_t edge_fired(void)
{
    return state.fired;
}

const struct plan *edge_plan(void)
{
    return &state.plan;
}

uint64_t edge_passed(void)
{
    return __atomic_load_n(passed, __ATOMIC_RELAXED);
}

void edge_share_passed(uint64_t *where)
{
    passed = where ? where : &passed_here;
}

uint32_t edge_occurrences(uint16_t operation, uint8_t role)
{
    return operation < OPERATIONS_MAX && role < ROLES_MAX ? state.occurrences[operation][role] : 0;
}

uint64_t edge_count(uint16_t operation)
{
    return operation < OPERATIONS_MAX ? state.counts[operation] : 0;
}

void edge_record(struct site_list *list)
{
    state.recording = list;
    if (list)
        memset(list, 0, sizeof *list);
}

void edge_watch(void (*watch)(void))
{
    state.watch = watch;
}

void edge_mute(uint64_t operations)
{
    state.muted = operations;
}

/* How often a fault strikes, by the number that is drawn. */
static const uint32_t durations[] = {1, FAULT_FOR_GOOD, FAULT_TWICE};
static const char *const duration_names[] = {"once", "from then on", "twice"};
#define DURATIONS ((uint32_t)(sizeof durations / sizeof *durations))
_Static_assert(DURATIONS == FAULT_DURATIONS, "engine.h says how many there are");

static uint32_t duration_number(const struct fault *fault)
{
    uint32_t number = 0;
    while (number + 1 < DURATIONS && durations[number] != fault->times)
        number++;
    return number;
}

uint32_t fault_duration(uint32_t number)
{
    return durations[number % DURATIONS];
}

/* A fault is six draws; the number of faults comes first, so lowering it removes the last one. */
void plan_draw(struct run *run, struct plan *ret)
{
    const struct catalogue *catalogue = state.catalogue;
    memset(ret, 0, sizeof *ret);
    ret->count = (uint32_t)draw_kind(run, CHOICE_FAULT, 0, catalogue ? FAULTS_MAX : 0, 0);
    for (uint32_t i = 0; i < ret->count; i++) {
        struct fault *fault = &ret->faults[i];
        uint32_t span = span_begin(run, "fault");
        fault->site.operation =
            (uint16_t)draw_kind(run, CHOICE_FAULT, 0, catalogue->operation_count - 1, 0);
        fault->site.role = (uint8_t)draw_kind(run, CHOICE_FAULT, 0, catalogue->role_count - 1, 0);
        fault->site.step = (uint8_t)draw_kind(run, CHOICE_FAULT, 0, STEPS_MAX - 1, 0);
        fault->site.occurrence = (uint32_t)draw_kind(run, CHOICE_FAULT, 0, OCCURRENCES_MAX, 0);
        uint32_t effects = catalogue->operations[fault->site.operation].effect_count;
        fault->effect.code = (int32_t)draw_kind(run, CHOICE_FAULT, 1, effects, 1);
        fault->times = durations[draw_kind(run, CHOICE_FAULT, 0, DURATIONS - 1, 0)];
        span_end(run, span);
    }
}

uint32_t plan_values(const struct plan *plan, int64_t *ret)
{
    uint32_t used = 0;
    ret[used++] = plan->count;
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct fault *fault = &plan->faults[i];
        ret[used++] = fault->site.operation;
        ret[used++] = fault->site.role;
        ret[used++] = fault->site.step;
        ret[used++] = fault->site.occurrence;
        ret[used++] = fault->effect.code;
        ret[used++] = duration_number(fault);
    }
    return used;
}

const char *fault_text(char *ret, size_t size, const struct fault *fault, const char *step_name)
{
    const struct operation *operation = &state.catalogue->operations[fault->site.operation];
    const char *role = state.catalogue->roles[fault->site.role];
    bool has_role = strcmp(role, "-") != 0;
    snprintf(ret, size, "%s%s%s fails with %s, %s, at \"%s\", occurrence %u", operation->name,
             has_role ? " of " : "", has_role ? role : "",
             operation->effects[fault->effect.code - 1], duration_names[duration_number(fault)],
             step_name, fault->site.occurrence + 1);
    return ret;
}
