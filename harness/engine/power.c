/* SPDX-License-Identifier: Apache-2.0
 *
 * Power cuts: a choice like a fault, made in hindsight.
 *
 * A case has the disk watched, runs its scenario to the end, marking what was acknowledged on the
 * way, and then draws whether, when and how the power went: in which step, before which change of
 * the disk, whether syncs had lied all the time, and the fate of each change that was pending. The
 * disk becomes what that leaves of it, the target is put into a new process, and the case looks at
 * what it answers. A machine without power answers nothing, so nothing that a target could do after
 * the cut would matter: the same scenario serves for all of its moments.
 *
 * That makes enumeration fast. A search goes back to the draw of the cut after each look and draws
 * the next one, so a state costs its restoring and the look, not the scenario. As choices are taken
 * back too, at each look they are those of a run with this one cut: the failure of a state is
 * shrunk, written down and replayed as any other, and shrinks towards a power that never goes.
 */
#include <stdio.h>
#include <string.h>

#include "harness/engine/power.h"

struct power power;

static struct {
    uint32_t marks;
    uint64_t marked;
} now;

void power_install(const struct power_supply *supply)
{
    power.supply = supply;
}

/* Notes the moment under this number. */
static void note_moment(void)
{
    struct moment *moment = &power.moments[power.moment_count];
    const struct moment *last = moment - 1;
    const char *name;
    uint8_t step = edge_step_now(&name);
    bool goes_on = power.moment_count > 0 && last->step == step;
    *moment = (struct moment){.step = step,
                              .fired = edge_fired() != 0,
                              .change = goes_on ? last->change + 1 : 0,
                              .marks = now.marks,
                              .marked = now.marked};
    snprintf(power.step_names[step], STEP_NAME_BYTES, "%s", name);
    power.moment_count++;
}

void power_change(void)
{
    if (power.watching && power.moment_count < POWER_CHANGES_MAX)
        note_moment();
}

void power_watch(struct run *run)
{
    if (power.supply == NULL || run->world->restart == NULL)
        unsupported(run, "a disk whose power can be cut");
    power.moment_count = 0;
    now.marks = 0;
    now.marked = 0;
    power.watching = true;
    power.supply->watch();
}

void power_mark(int64_t what)
{
    uint64_t seed = now.marked ^ (uint64_t)what;
    now.marks++;
    now.marked = random_next(&seed);
}

void power_end(void)
{
    if (power.watching)
        (void)power.supply->stop();
    power.watching = false;
}

uint64_t power_restore(uint32_t moment, const struct power_cut *cut)
{
    uint64_t print = power.supply->restore(moment, cut);
    if (cut->syncs_lie) /* then nothing hangs on what was acknowledged */
        return ~random_next(&print);
    print ^= power.moments[moment].marked + power.moments[moment].marks;
    return random_next(&print);
}

static bool find_moment(const struct power_cut *cut, uint32_t *ret)
{
    for (*ret = 0; *ret < power.moment_count; ++*ret)
        if (power.moments[*ret].step == cut->step && power.moments[*ret].change == cut->change)
            return true;
    return false;
}

/* A moment that there is not in this run suits no cut. */
static void draw_cut(struct run *run, struct power_cut *ret, uint32_t *ret_moment)
{
    uint32_t span = span_begin(run, "power cut");
    ret->happens = draw_kind(run, CHOICE_POWER, 0, 1, 0) != 0;
    *ret_moment = power.moment_count - 1;
    if (ret->happens) {
        ret->step = (uint8_t)draw_kind(run, CHOICE_POWER, 0, STEPS_MAX - 1, 0);
        ret->change = (uint32_t)draw_kind(run, CHOICE_POWER, 0, POWER_CHANGES_MAX, 0);
        ret->syncs_lie = draw_kind(run, CHOICE_POWER, 0, 1, 0) != 0;
        if (!find_moment(ret, ret_moment))
            reject(run);
        ret->count = power.supply->pending(*ret_moment, ret->syncs_lie);
        for (uint32_t i = 0; i < ret->count; i++)
            ret->fates[i] = (uint8_t)draw_kind(run, CHOICE_POWER, 0, FATES - 1, 0);
    }
    span_end(run, span);
}

void power_values(const struct power_cut *cut, struct power_values *ret)
{
    *ret = (struct power_values){.count = 4 + cut->count,
                                 .at = {cut->happens, cut->step, cut->change, cut->syncs_lie}};
    for (uint32_t i = 0; i < cut->count; i++)
        ret->at[4 + i] = cut->fates[i];
}

/* --- In words --------------------------------------------------------------------------------- */

static const char *const fate_names[FATES] = {
    [FATE_KEPT] = "kept",
    [FATE_LOST] = "lost",
    [FATE_HEAD_512] = "torn at 512 (first part kept)",
    [FATE_TAIL_512] = "torn at 512 (last part kept)",
    [FATE_GARBAGE_512] = "torn at 512 (garbage)",
    [FATE_HEAD_4096] = "torn at 4096 (first part kept)",
    [FATE_TAIL_4096] = "torn at 4096 (last part kept)",
    [FATE_GARBAGE_4096] = "torn at 4096 (garbage)",
};

/* "of 4 pending changes 0, 2 survive", or which did not, whichever is less to say. */
static void tell_fates(const struct power_cut *cut, char *ret, size_t size)
{
    uint32_t counts[FATES] = {0}, named = 0;
    for (uint32_t i = 0; i < cut->count; i++)
        counts[cut->fates[i]]++;
    if (cut->count == 0) {
        snprintf(ret, size, "nothing was pending");
        return;
    }
    size_t used = (size_t)snprintf(ret, size, "of %u pending change%s ", cut->count,
                                   cut->count == 1 ? "" : "s");
    if (counts[FATE_KEPT] == cut->count || counts[FATE_LOST] == cut->count) {
        snprintf(ret + used, size - used, "%s survive", counts[FATE_KEPT] > 0 ? "all" : "none");
        return;
    }
    bool kept = counts[FATE_KEPT] + counts[FATE_LOST] == cut->count &&
                counts[FATE_KEPT] <= counts[FATE_LOST];
    for (uint32_t i = 0; i < cut->count && used < size; i++) {
        enum fate fate = (enum fate)cut->fates[i];
        if ((fate == FATE_KEPT) == kept)
            used += (size_t)snprintf(ret + used, size - used, "%s%u%s%s", named++ > 0 ? ", " : "",
                                     i, kept ? "" : " ", kept ? "" : fate_names[fate]);
    }
    if (used < size)
        snprintf(ret + used, size - used, "%s", kept ? " survive" : "");
}

/* "power cut at "change" after write 3 of wal; of 4 pending changes 0, 2 survive". */
static void tell_cut(struct run *run, uint32_t moment, const struct power_cut *cut)
{
    struct outcome *outcome = run->outcome;
    const struct moment *at = &power.moments[moment];
    char after[64] = "it begins", fates[160];
    if (!cut->happens) {
        outcome->site_text[0] = 0;
        tell(run, "the target is restarted");
        return;
    }
    if (at->change > 0)
        power.supply->describe(moment, moment - at->change, after, sizeof after);
    tell_fates(cut, fates, sizeof fates);
    snprintf(outcome->site_text, sizeof outcome->site_text, "power cut at \"%s\" %s %s%s; %s",
             power.step_names[at->step], at->change > 0 ? "after" : "as", after,
             cut->syncs_lie ? ", syncs had lied" : "", fates);
    tell(run, "%s", outcome->site_text);
}

/* --- Looking ---------------------------------------------------------------------------------- */

/* Where a run stands before the cut is drawn. */
struct place {
    uint32_t choices, spans, story, steps, deferred;
    bool quiet;
};

static struct place place_of(const struct run *run)
{
    struct place place = {run->choices->count, run->choices->span_count, run->outcome->story_size,
                          run->outcome->steps, run->deferred_count,      edge_quiet(true)};
    edge_quiet(place.quiet);
    return place;
}

static void go_back(struct run *run, const struct place *place)
{
    edge_quiet(true);
    run_release(run, place->deferred);
    edge_quiet(place->quiet);
    run->choices->count = place->choices;
    run->choices->span_count = place->spans;
    run->outcome->story_size = place->story;
    run->outcome->story[place->story] = 0;
    run->outcome->steps = place->steps;
}

void power_cuts(struct run *run, void (*look)(struct run *, const struct power_moment *, void *),
                void *context)
{
    static struct power_cut cut; /* too big for a stack; nothing is left on one by a failed check */
    struct power_search *search = run->search;
    note_moment();
    power.watching = false;
    bool whole = power.supply->stop();
    if (search)
        search->overflow = !whole;
    const struct place place = place_of(run);
    for (bool more = !search || power_search_begin(search); more;
         more = search && power_search_next(search)) {
        uint32_t moment;
        go_back(run, &place);
        draw_cut(run, &cut, &moment);
        if (cut.happens && !search)
            power_restore(moment, &cut);
        const char *wanted = run->world->restart(run->world->context);
        if (wanted)
            unsupported(run, wanted);
        tell_cut(run, moment, &cut);
        const struct power_moment state = {cut.happens, cut.happens && cut.syncs_lie,
                                           power.moments[moment].marks};
        look(run, &state, context);
    }
}

uint32_t power_here(void)
{
    return power.moment_count;
}

void power_lose(struct run *run, uint32_t moment)
{
    static struct power_cut cut; /* too big for a stack */
    CHECK_CASE(run, power.watching, "the power goes, and nobody watched the disk");
    note_moment();
    power.watching = false;
    CHECK_CASE(run, power.supply->stop() && moment < power.moment_count,
               "the disk changed more often than can be kept");
    const struct moment *at = &power.moments[moment];
    cut = (struct power_cut){.happens = true, .step = at->step, .change = at->change};
    cut.count = power.supply->pending(moment, false);
    for (uint32_t i = 0; i < cut.count; i++)
        cut.fates[i] = FATE_LOST;
    power_restore(moment, &cut);
    run->world->restart(run->world->context);
    tell_cut(run, moment, &cut);
}
