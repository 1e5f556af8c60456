/* SPDX-License-Identifier: Apache-2.0
 *
 * Which faults there are, and what became of the runs in which they struck.
 *
 * A counting run records the sites that a case reaches. Single faults are numbered: site by site,
 * effect by effect, once, for good, and twice. A pair is a single fault that strikes once, and then
 * one of the sites on the path *after* it, which a run with the first fault has recorded: an error
 * takes another path than success, and that path is where the second fault belongs. A triple goes
 * one step further. The second and third strike once, too.
 *
 * Two pairs are of one kind when operation, role, step and effect are the same in both of their
 * faults. A plain check tries one pair of each kind, a full one tries them all.
 *
 * What became of a run is counted by the step of its first fault. What was reported is counted for
 * runs in which exactly one fault struck: of two it could not be said which of them was meant.
 */
#include <string.h>

#include "faults/faults.h"
#include "harness/run/run.h"

static uint32_t effects_of(const struct site *site)
{
    return fault_catalogue.operations[site->operation].effect_count;
}

bool plan_numbered(const struct site_list *sites, uint64_t number, struct plan *ret)
{
    for (uint32_t i = 0; i < sites->count; i++) {
        uint64_t here = (uint64_t)FAULT_DURATIONS * effects_of(&sites->at[i]);
        if (number >= here) {
            number -= here;
            continue;
        }
        *ret = (struct plan){.count = 1};
        ret->faults[0].site = sites->at[i];
        ret->faults[0].effect.code = (int32_t)(number / FAULT_DURATIONS) + 1;
        ret->faults[0].times = fault_duration((uint32_t)(number % FAULT_DURATIONS));
        return true;
    }
    return false;
}

uint64_t plans_in_all(const struct site_list *sites)
{
    return FAULT_DURATIONS * continuations(sites, 0);
}

void sites_print(FILE *out, const char *case_name, const struct site_list *sites)
{
    for (uint32_t step = 0; step < STEPS_MAX; step++)
        for (uint16_t operation = 0; operation < FAULT_OPERATIONS; operation++)
            for (uint8_t role = 0; role < FAULT_ROLES; role++) {
                uint32_t count = 0;
                for (uint32_t i = 0; i < sites->count; i++)
                    count += sites->at[i].step == step && sites->at[i].operation == operation &&
                             sites->at[i].role == role;
                if (count > 0)
                    fprintf(out, "%s %u %s %s %s %u\n", case_name, step + 1,
                            sites->step_names[step], fault_catalogue.operations[operation].name,
                            fault_catalogue.roles[role], count);
            }
}

static bool same_site(const struct site *a, const struct site *b)
{
    return a->operation == b->operation && a->role == b->role && a->step == b->step &&
           a->occurrence == b->occurrence;
}

uint32_t sites_behind(const struct site_list *path, const struct plan *plan)
{
    uint32_t i = 0;
    while (i < path->count && !same_site(&path->at[i], &plan->faults[plan->count - 1].site))
        i++;
    return i < path->count ? i + 1 : path->count;
}

uint64_t continuations(const struct site_list *path, uint32_t first_site)
{
    uint64_t all = 0;
    for (uint32_t i = first_site; i < path->count; i++)
        all += effects_of(&path->at[i]);
    return all;
}

bool plan_continued(const struct site_list *path, uint32_t first_site, uint64_t number,
                    struct plan *plan)
{
    uint32_t i = first_site;
    while (i < path->count && number >= effects_of(&path->at[i]))
        number -= effects_of(&path->at[i++]);
    if (i >= path->count || plan->count == FAULTS_MAX)
        return false;
    plan->faults[plan->count++] =
        (struct fault){.site = path->at[i], .effect = {(int32_t)number + 1}, .times = 1};
    return true;
}

/* The number of the fault's kind, or FAULT_KINDS_MAX: there are too many. */
static uint32_t kind_number(struct fault_kinds *kinds, const struct fault *fault)
{
    const struct fault_place place = {fault->site.operation, fault->site.role, fault->site.step,
                                      (uint8_t)fault->effect.code};
    uint32_t i = 0;
    while (i < kinds->count &&
           (kinds->at[i].operation != place.operation || kinds->at[i].role != place.role ||
            kinds->at[i].step != place.step || kinds->at[i].effect != place.effect))
        i++;
    if (i == kinds->count && kinds->count < FAULT_KINDS_MAX)
        kinds->at[kinds->count++] = place;
    return i;
}

bool fault_kinds_are_new(struct fault_kinds *kinds, const struct plan *pair)
{
    uint32_t first = kind_number(kinds, &pair->faults[0]);
    uint32_t second = kind_number(kinds, &pair->faults[1]);
    if (first == FAULT_KINDS_MAX || second == FAULT_KINDS_MAX)
        return true;
    uint8_t *byte = &kinds->followed[first][second / 8], bit = (uint8_t)(1u << (second % 8));
    bool is_new = (*byte & bit) == 0;
    *byte |= bit;
    return is_new;
}

void fault_tally_sites(struct fault_tally *tally, const struct site_list *sites)
{
    for (uint32_t i = 0; i < sites->count; i++) {
        uint32_t number = sites->at[i].step % STEPS_MAX;
        struct fault_step *step = &tally->steps[number];
        memcpy(step->name, sites->step_names[number], sizeof step->name);
        step->sites++;
        if (number >= tally->step_count)
            tally->step_count = number + 1;
    }
}

static void add_attribution(struct fault_tally *tally, const struct attribution *more)
{
    uint32_t i = 0;
    while (i < tally->attribution_count &&
           (tally->attributions[i].operation != more->operation ||
            tally->attributions[i].effect != more->effect ||
            tally->attributions[i].report.layer != more->report.layer ||
            tally->attributions[i].report.reason != more->report.reason))
        i++;
    if (i == ATTRIBUTIONS_MAX)
        return;
    if (i == tally->attribution_count) {
        tally->attributions[tally->attribution_count++] = *more;
        return;
    }
    tally->attributions[i].runs += more->runs;
}

static void attribute(struct fault_tally *tally, const struct outcome *outcome)
{
    if (__builtin_popcount(outcome->faults_fired) != 1)
        return;
    const struct fault *fault = &outcome->plan.faults[__builtin_ctz(outcome->faults_fired)];
    struct attribution found = {
        .operation = fault->site.operation, .effect = (uint8_t)fault->effect.code, .runs = 1};
    if (outcome->report_count == 0)
        add_attribution(tally, &found);
    for (uint32_t i = 0; i < outcome->report_count && i < REPORTS_MAX; i++) {
        found.report = outcome->reports[i];
        add_attribution(tally, &found);
    }
}

void fault_tally_run(struct fault_tally *tally, const struct outcome *outcome)
{
    const struct plan *plan = &outcome->plan;
    if (plan->count == 0 || plan->count > FAULTS_MAX || outcome->verdict == VERDICT_REJECTED ||
        outcome->verdict == VERDICT_UNSUPPORTED)
        return;
    enum consequence consequence = consequence_of(outcome);
    tally->singles += plan->count == 1;
    tally->pairs += plan->count == 2;
    tally->triples += plan->count == 3;
    tally->consequences[consequence]++;
    tally->steps[plan->faults[0].site.step % STEPS_MAX].consequences[consequence]++;
    attribute(tally, outcome);
    if (consequence == CONSEQUENCE_NOT_REACHED && !tally->drift[0])
        memcpy(tally->drift, outcome->drift, sizeof tally->drift);
}

void fault_tally_add(struct fault_tally *sum, const struct fault_tally *more)
{
    sum->singles += more->singles;
    sum->pairs += more->pairs;
    sum->pairs_in_all += more->pairs_in_all;
    sum->triples += more->triples;
    for (uint32_t i = 0; i < CONSEQUENCES; i++)
        sum->consequences[i] += more->consequences[i];
    for (uint32_t i = 0; i < more->attribution_count; i++)
        add_attribution(sum, &more->attributions[i]);
}

void fault_tally_settle(struct fault_tally *tally)
{
    if (tally->step_count > STEPS_MAX)
        tally->step_count = STEPS_MAX;
    if (tally->attribution_count > ATTRIBUTIONS_MAX)
        tally->attribution_count = ATTRIBUTIONS_MAX;
    tally->drift[sizeof tally->drift - 1] = 0;
    for (uint32_t i = 0; i < STEPS_MAX; i++)
        tally->steps[i].name[STEP_NAME_BYTES - 1] = 0;
    for (uint32_t i = 0; i < tally->attribution_count; i++) {
        struct attribution *row = &tally->attributions[i];
        if (row->operation >= FAULT_OPERATIONS || row->effect == 0 ||
            row->effect > fault_catalogue.operations[row->operation].effect_count)
            *row = (struct attribution){.operation = 0, .effect = 1};
    }
}

uint64_t fault_trials(const struct fault_tally *tally, uint16_t operation, uint8_t effect)
{
    uint64_t runs = 0;
    for (uint32_t i = 0; i < tally->attribution_count; i++)
        if (tally->attributions[i].operation == operation &&
            tally->attributions[i].effect == effect)
            runs += tally->attributions[i].runs;
    return runs;
}
