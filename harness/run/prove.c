/* SPDX-License-Identifier: Apache-2.0
 *
 * The proof. First the baseline: the target without any change must be green, or nothing can be
 * said. Then each known-bad change must be refused by an oracle, and each harmless one must pass
 * both the check and the comparison with the baseline.
 *
 * What counts. A defect is detected when a case says FAIL, CRASH or HANG of it. Not counted, but
 * told beside it: a build that dies while it is loaded; a case that became VACUOUS, such as by
 * planned faults that did not strike any more; and a finding by a kept token, which may have been
 * recorded from that very defect.
 *
 * Three stages. `reached`: an instruction of a changed line ran (probes.c). `triggered`: in a run
 * with the same choices the target answered something else than the baseline, or gave another
 * stored string, or the run ended otherwise (engine/answers.c). `detected`: an oracle objected.
 * What is detected is triggered, and what is triggered is reached, whatever the probes say: they
 * see instructions only, and none of a changed table or type. `triggered` is said generously, too:
 * where a change makes more calls than before, a fault that is planned by counting calls strikes
 * elsewhere, and then answers differ for that. What differs only where no answer shows it, such as
 * a secret that is not wiped, is `reached` and not `triggered` until an oracle detects it.
 *
 * A known-bad change is judged as an update: the baseline has written the rows that the theme
 * `compat` serves.
 *
 * Order and budgets. For a defect the techniques that its patch expects come first; what is
 * expected decides nothing else. Every cell gets a little processor time at first, then ten times
 * as much, then all that it wants, until the first refusal: so most defects are refused within a
 * second, and that one survives is only said when every cell has come to its end. What is left to
 * chance is tried only when nothing without chance has refused it, in the same way. Which cell is
 * the first therefore depends on the machine to some degree; whether there is one does not. A
 * harmless change gets one pass within a budget; all of it with
 * --full, where defects, too, go through every cell.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/run/prove.h"

/* Processor time of a cell, in microseconds, from pass to pass; 0: no limit. */
static const uint64_t budgets_us[] = {30000, 300000, 0};
#define PASSES          (sizeof budgets_us / sizeof *budgets_us)
#define BASELINE_US     300000u /* of the baseline, with which others are compared, */
#define HARMLESS_US     40000u  /* and of a harmless change */
#define BLAST_ROWS_PART 10u     /* of the rows of the comparison, unless everything is asked for */

/* The settings of the cells of an exhibit: quick, and measured. */
static struct settings settings_for(const struct settings *wanted, bool full)
{
    struct settings settings = *wanted;
    settings.shards = settings.shard = 0; /* these divide exhibits, not cells */
    settings.brief = settings.orders.measured = true;
    settings.full = false; /* all pairs of faults are another matter */
    settings.known = NULL;
    if (!full)
        settings.techniques &= ~(1u << TECHNIQUE_REGRESSIONS);
    return settings;
}

bool exhibit_is_in_shard(const struct settings *settings, uint32_t index)
{
    return settings->shards <= 1 || index % settings->shards == settings->shard;
}

uint32_t exhibit_techniques(const struct exhibit *exhibit)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < exhibit->refusal_count; i++)
        bits |= 1u << exhibit->refusals[i].technique;
    return bits;
}

bool exhibit_is_caught_without_chance(const struct exhibit *exhibit)
{
    for (uint32_t i = 0; i < exhibit->refusal_count; i++)
        if (technique_is_deterministic(exhibit->refusals[i].technique))
            return true;
    return false;
}

/* One more sentence of what does not count. */
static void say_aside(struct exhibit *exhibit, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say_aside(struct exhibit *exhibit, const char *format, ...)
{
    size_t used = strlen(exhibit->aside), size = sizeof exhibit->aside;
    va_list arguments;
    if (used + 80 > size)
        return;
    if (used > 0)
        used += (size_t)snprintf(exhibit->aside + used, size - used, "; ");
    va_start(arguments, format);
    vsnprintf(exhibit->aside + used, size - used, format, arguments);
    va_end(arguments);
}

/* Whether a finding is one of an oracle, and not of the way in which the target was started. */
static bool counts(const struct finding *finding)
{
    return finding->technique != TECHNIQUE_REGRESSIONS &&
           strcmp(finding->outcome.file, "load") != 0 && finding->outcome.verdict != VERDICT_FLAKY;
}

static void add_refusal(struct exhibit *exhibit, const struct finding *finding)
{
    struct refusal *longer =
        realloc(exhibit->refusals, (exhibit->refusal_count + 1) * sizeof *exhibit->refusals);
    if (!longer)
        return;
    exhibit->refusals = longer;
    longer[exhibit->refusal_count++] =
        (struct refusal){.technique = finding->technique,
                         .test_case = finding->test_case,
                         .consequence = finding_consequence(&finding->outcome),
                         .executions = finding->executions,
                         .cpu_us = finding->cpu_us,
                         .token = finding->token ? strdup(finding->token) : NULL,
                         .message = strdup(finding->outcome.message)};
    if (exhibit->refusal_count == 1)
        snprintf(exhibit->why, sizeof exhibit->why, "%s: %.400s", finding->test_case->name,
                 finding->outcome.message);
}

/* The cell of the baseline that a cell is to be compared with, or null. */
static const struct cell *same_cell(const struct check *base, const struct cell *cell)
{
    for (uint32_t i = 0; i < base->cell_count; i++)
        if (base->cells[i].finished && base->cells[i].technique == cell->technique &&
            base->cells[i].case_index == cell->case_index)
            return &base->cells[i];
    return NULL;
}

static void raise_stage(enum stage *stage, bool known, bool yes)
{
    if (known && *stage != STAGE_YES)
        *stage = yes ? STAGE_YES : STAGE_NO;
}

/* What the cells of one pass came to. */
static void take_cells(const struct check *base, const struct check *check, struct exhibit *exhibit)
{
    for (uint32_t i = 0; i < check->cell_count; i++) {
        const struct cell *cell = &check->cells[i], *before = same_cell(base, cell);
        if (!cell->finished)
            continue;
        exhibit->cells++;
        exhibit->cut += cell->result.cost.cut;
        raise_stage(&exhibit->reached, cell->result.cost.probes > 0, cell->result.cost.hits > 0);
        raise_stage(&exhibit->triggered, before != NULL,
                    before &&
                        answers_differ(&before->result.cost.answers, &cell->result.cost.answers));
        if (cell->result.verdict == VERDICT_VACUOUS)
            say_aside(exhibit, "%s by %s is VACUOUS: %.120s", all_cases[cell->case_index]->name,
                      technique_name(cell->technique), cell->result.message);
    }
}

/* Executions up to the first finding that counts, as if the cells had run one after the other. */
static void take_findings(const struct check *check, struct exhibit *exhibit)
{
    bool counting = true;
    for (uint32_t i = 0; i < check->result_count && counting; i++)
        exhibit->executions += check->results[i].tally.runs;
    for (const struct finding *finding = check->findings.first; finding; finding = finding->next) {
        if (counts(finding))
            add_refusal(exhibit, finding);
        else
            say_aside(exhibit, "%s by %s: %.120s", finding->test_case->name,
                      technique_name(finding->technique), finding->outcome.message);
    }
}

/* What follows from each other. */
static void settle_stages(struct exhibit *exhibit)
{
    if (exhibit->refusal_count > 0)
        exhibit->triggered = STAGE_YES;
    if (exhibit->triggered == STAGE_YES)
        exhibit->reached = STAGE_YES;
    if (exhibit->reached == STAGE_NO)
        exhibit->triggered = STAGE_NO;
}

/* One pass through the cells. False: it cannot go on. */
static bool pass(const struct settings *settings, const struct proof *proof,
                 struct exhibit *exhibit, struct check *check)
{
    exhibit->cells = exhibit->cut = 0;
    exhibit->aside[0] = 0;
    check_target(exhibit->target, settings, NULL, check);
    exhibit->cpu_us += (uint64_t)(check->cpu_seconds * 1e6);
    take_cells(&proof->base, check, exhibit);
    take_findings(check, exhibit);
    if (check->exit_code == EXIT_UNJUDGED)
        say_aside(exhibit, "it cannot be judged: %.200s", check->message);
    return check->exit_code < EXIT_UNJUDGED;
}

/* What a survivor wants: a test that gets there, or one that looks. */
static const char *how_it_survives(const struct exhibit *exhibit)
{
    if (exhibit->reached == STAGE_NO)
        return "its lines are not reached: it wants a case that gets there";
    if (exhibit->triggered == STAGE_YES)
        return "it answers otherwise than before, and no oracle objects: it wants a check";
    return exhibit->reached == STAGE_YES
               ? "its lines are reached, and nothing that is answered differs"
               : "no case, no technique found it";
}

/* Of two limits, 0 being none. */
static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a && (!b || a < b) ? a : b;
}

/* One pass after the other, until the first refusal, or until no cell was cut short any more. How
 * the last one ended: EXIT_USAGE and above mean that nothing can be said, and it is not the
 * change's fault. */
static enum exit_code make_passes(struct settings *settings, uint64_t limit_us,
                                  const struct proof *proof, struct exhibit *exhibit)
{
    enum exit_code exit_code = EXIT_GREEN;
    bool goes_on = true;
    for (size_t i = settings->first ? 0 : PASSES - 1; i < PASSES && goes_on; i++) {
        struct check check;
        settings->orders.cpu_us_max = lesser(budgets_us[i], limit_us);
        goes_on = pass(settings, proof, exhibit, &check) && exhibit->refusal_count == 0 &&
                  exhibit->cut > 0 && (limit_us == 0 || settings->orders.cpu_us_max != limit_us);
        bool is_empty = check.selected == 0; /* no case that was asked for is driven so */
        exit_code = is_empty ? EXIT_GREEN : check.exit_code;
        if (exit_code >= EXIT_USAGE)
            snprintf(exhibit->why, sizeof exhibit->why, "%s", check.message);
        check_done(&check);
    }
    return exit_code;
}

/* Techniques (bits) without chance. */
static uint32_t without_chance(void)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < TECHNIQUES; i++)
        bits |= technique_is_deterministic(i) ? 1u << i : 0;
    return bits;
}

/* What is left to chance is tried only when nothing else has refused it, unless all is wanted. */
static enum exit_code judge_defect(const struct settings *wanted, bool full,
                                   const struct proof *proof, struct exhibit *exhibit)
{
    struct settings settings = settings_for(wanted, full);
    const uint32_t all = settings.techniques, certain = all & without_chance();
    enum exit_code exit_code = EXIT_GREEN;
    settings.first = !full;
    settings.writer = proof->baseline; /* it is an update, and there are rows already */
    settings.sooner = exhibit->expected;
    settings.techniques = full ? all : certain;
    if (settings.techniques)
        exit_code = make_passes(&settings, wanted->orders.cpu_us_max, proof, exhibit);
    settings.techniques = all & ~certain;
    if (!full && settings.techniques && exhibit->refusal_count == 0 && exit_code < EXIT_USAGE)
        exit_code = make_passes(&settings, wanted->orders.cpu_us_max, proof, exhibit);
    settle_stages(exhibit);
    exhibit->good = exhibit->refusal_count > 0;
    if (!exhibit->good && exit_code < EXIT_USAGE)
        snprintf(exhibit->why, sizeof exhibit->why, "%s%s%.400s", how_it_survives(exhibit),
                 exhibit->aside[0] ? "; what was seen does not count: " : "", exhibit->aside);
    return exit_code;
}

static enum exit_code judge_harmless(const struct settings *wanted, bool full,
                                     const struct proof *proof, struct exhibit *exhibit)
{
    struct settings settings = settings_for(wanted, full);
    struct comparison comparison;
    memset(&comparison, 0, sizeof comparison);
    settings.orders.cpu_us_max = full ? 0 : HARMLESS_US;
    (void)pass(&settings, proof, exhibit, &comparison.after);
    enum exit_code exit_code = comparison.after.exit_code;
    if (exit_code == EXIT_GREEN)
        compare_blast(proof->baseline, exhibit->target, &settings, full ? 1 : BLAST_ROWS_PART,
                      &comparison);
    settle_stages(exhibit);
    exhibit->good = exit_code == EXIT_GREEN && comparison.exit_code == EXIT_GREEN;
    if (!exhibit->good && !exhibit->why[0])
        snprintf(exhibit->why, sizeof exhibit->why, "%s",
                 comparison.after.message[0] ? comparison.after.message
                 : comparison.message[0]     ? comparison.message
                 : exhibit->aside[0]         ? exhibit->aside
                                             : "an upgrade or a rollback refuses right passwords");
    comparison_done(&comparison);
    return exit_code;
}

void exhibit_forget(struct exhibit *exhibit)
{
    for (uint32_t i = 0; i < exhibit->refusal_count; i++) {
        free(exhibit->refusals[i].token);
        free(exhibit->refusals[i].message);
    }
    free(exhibit->refusals);
    exhibit->refusals = NULL;
    exhibit->refusal_count = 0;
    exhibit->judged = exhibit->good = false;
}

/* The baseline must be green by the same settings. Its cells that an earlier run has finished are
 * not run again. */
static bool baseline(const struct settings *wanted, bool full, const struct listener *listener,
                     struct proof *proof)
{
    struct settings settings = settings_for(wanted, full);
    struct check *base = &proof->base;
    settings.orders.cpu_us_max = full ? 0 : BASELINE_US;
    check_run(proof->baseline, &settings, listener, base);
    proof->cpu_seconds += base->cpu_seconds;
    if (base->exit_code == EXIT_GREEN)
        return true;
    proof->exit_code = base->exit_code >= EXIT_USAGE ? base->exit_code : EXIT_UNJUDGED;
    if (base->exit_code >= EXIT_USAGE)
        memcpy(proof->message, base->message, sizeof proof->message);
    else
        snprintf(proof->message, sizeof proof->message,
                 "the baseline is not green, so nothing can be proved: see `assay check "
                 "%.200s`%s%.200s",
                 proof->baseline, base->message[0] ? ": " : "", base->message);
    return false;
}

void prove_plan(const struct settings *wanted, bool full, struct proof *proof)
{
    struct settings settings = settings_for(wanted, full);
    check_plan(&settings, &proof->base);
}

void prove_run(const struct settings *settings, bool full, const struct prove_listener *listener,
               struct proof *proof)
{
    if (!baseline(settings, full, listener->base, proof))
        return;
    for (uint32_t i = 0; i < proof->exhibit_count; i++) {
        struct exhibit *exhibit = &proof->exhibits[i];
        if (exhibit->judged || !exhibit_is_in_shard(settings, i))
            continue;
        if (listener->begun)
            listener->begun(listener->context, exhibit);
        enum exit_code exit_code = exhibit->kind == EXHIBIT_DEFECT
                                       ? judge_defect(settings, full, proof, exhibit)
                                       : judge_harmless(settings, full, proof, exhibit);
        proof->cpu_seconds += (double)exhibit->cpu_us / 1e6;
        if (exit_code >= EXIT_USAGE) {
            proof->exit_code = exit_code;
            snprintf(proof->message, sizeof proof->message, "%s: %.400s", exhibit->name,
                     exhibit->why);
            return;
        }
        exhibit->judged = true;
        if (listener->judged)
            listener->judged(listener->context, exhibit);
    }
}

void proof_done(struct proof *proof)
{
    for (uint32_t i = 0; i < proof->exhibit_count; i++) {
        exhibit_forget(&proof->exhibits[i]);
        free(proof->exhibits[i].title);
    }
    free(proof->exhibits);
    check_done(&proof->base);
    memset(proof, 0, sizeof *proof);
    findings_init(&proof->base.findings);
}
