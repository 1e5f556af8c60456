/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate: each rule is one number that is measured and one threshold from a file.
 *
 * A rule whose number cannot be had in this run is not judged, says why, and is never counted as
 * held: a part of the exhibits says nothing about how many there are, a run without some technique
 * nothing about what is caught without chance, and rules about mutants need a document about them
 * (`assay prove --mutants FILE`, with a member "mutants" as its own --json has it). What no run of
 * this program can measure (defects kept elsewhere, false alarms on foreign targets) has no rule.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/run/gate.h"

/* What the rules look at. */
struct evidence {
    const struct settings *settings;
    const struct proof *proof;
    const struct thresholds *thresholds;
    const json_t *mutants;
    char *why; /* MESSAGE_BYTES: why a number cannot be had; or a few words to it */
};

/* Exhibits of a kind that were judged, and those of them that are as they should be. */
static void count_exhibits(const struct evidence *evidence, enum exhibit_kind kind,
                           uint32_t *ret_all, uint32_t *ret_good)
{
    *ret_all = *ret_good = 0;
    for (uint32_t i = 0; i < evidence->proof->exhibit_count; i++) {
        const struct exhibit *exhibit = &evidence->proof->exhibits[i];
        *ret_all += exhibit->kind == kind && exhibit->judged;
        *ret_good += exhibit->kind == kind && exhibit->judged && exhibit->good;
    }
}

static bool explain_not(const struct evidence *evidence, const char *why)
{
    snprintf(evidence->why, MESSAGE_BYTES, "%s", why);
    return false;
}

static bool count_kind(const struct evidence *evidence, enum exhibit_kind kind, double *ret)
{
    uint32_t all, good;
    count_exhibits(evidence, kind, &all, &good);
    *ret = all;
    if (evidence->settings->shards > 1)
        return explain_not(evidence, "this is one of several parts");
    return evidence->thresholds->named || strcmp(evidence->proof->baseline, "reference") == 0 ||
           explain_not(evidence, "how many there must be is yours to say (--gate FILE)");
}

static bool measure_defects(const struct evidence *evidence, double *ret)
{
    return count_kind(evidence, EXHIBIT_DEFECT, ret);
}

static bool measure_harmless(const struct evidence *evidence, double *ret)
{
    return count_kind(evidence, EXHIBIT_HARMLESS, ret);
}

/* Names the exhibits that are not as they should be, as far as there is room. */
static void name_bad(const struct evidence *evidence, enum exhibit_kind kind,
                     bool (*is_bad)(const struct exhibit *))
{
    const char *between = "";
    for (uint32_t i = 0; i < evidence->proof->exhibit_count; i++) {
        const struct exhibit *exhibit = &evidence->proof->exhibits[i];
        size_t used = strlen(evidence->why);
        if (exhibit->kind != kind || !exhibit->judged || !is_bad(exhibit) ||
            used + NAME_BYTES_MAX + 2 >= MESSAGE_BYTES - 32)
            continue;
        snprintf(evidence->why + used, MESSAGE_BYTES - used, "%s%s", between, exhibit->name);
        between = ", ";
    }
}

static bool is_not_good(const struct exhibit *exhibit)
{
    return !exhibit->good;
}

static bool is_by_chance_only(const struct exhibit *exhibit)
{
    return !exhibit_is_caught_without_chance(exhibit);
}

static bool share_of_kind(const struct evidence *evidence, enum exhibit_kind kind, double *ret)
{
    uint32_t all, good;
    count_exhibits(evidence, kind, &all, &good);
    if (all == 0)
        return explain_not(evidence, "there is none");
    *ret = 100.0 * good / all;
    name_bad(evidence, kind, is_not_good);
    return true;
}

static bool measure_detected(const struct evidence *evidence, double *ret)
{
    return share_of_kind(evidence, EXHIBIT_DEFECT, ret);
}

static bool measure_passed(const struct evidence *evidence, double *ret)
{
    return share_of_kind(evidence, EXHIBIT_HARMLESS, ret);
}

static bool measure_without_chance(const struct evidence *evidence, double *ret)
{
    uint32_t all, good, caught = 0;
    for (uint32_t i = 0; i < TECHNIQUES; i++)
        if (technique_is_deterministic(i) && i != TECHNIQUE_REGRESSIONS &&
            !(evidence->settings->techniques & (1u << i)))
            return explain_not(evidence, "not every technique without chance was run");
    count_exhibits(evidence, EXHIBIT_DEFECT, &all, &good);
    for (uint32_t i = 0; i < evidence->proof->exhibit_count; i++) {
        const struct exhibit *exhibit = &evidence->proof->exhibits[i];
        caught += exhibit->kind == EXHIBIT_DEFECT && exhibit->judged &&
                  exhibit_is_caught_without_chance(exhibit);
    }
    if (all == 0)
        return explain_not(evidence, "there is none");
    *ret = 100.0 * caught / all;
    name_bad(evidence, EXHIBIT_DEFECT, is_by_chance_only);
    return true;
}

/* The baseline is green, so no cause in it lies outside of the table; how much was there to be
 * judged is what may be too little. */
static bool measure_causes(const struct evidence *evidence, double *ret)
{
    const struct check *base = &evidence->proof->base;
    uint64_t reported = 0, wrong = 0;
    for (uint32_t i = 0; i < base->result_count; i++) {
        const struct fault_tally *tally = &base->results[i].faults;
        wrong += tally->consequences[CONSEQUENCE_MISATTRIBUTED];
        for (uint32_t a = 0; a < tally->attribution_count; a++)
            reported += tally->attributions[a].report.layer ? tally->attributions[a].runs : 0;
    }
    if (reported + wrong == 0)
        return explain_not(evidence, "no fault was reported in this run");
    *ret = 100.0 * (double)reported / (double)(reported + wrong);
    snprintf(evidence->why, MESSAGE_BYTES, "of %llu reports",
             (unsigned long long)(reported + wrong));
    return true;
}

static bool measure_one_cause(const struct evidence *evidence, double *ret)
{
    uint32_t kinds, single;
    causes_count(&kinds, &single);
    *ret = 100.0 * single / kinds;
    snprintf(evidence->why, MESSAGE_BYTES, "of %u kinds of fault", kinds);
    return true;
}

/* --- Mutants: judged when there is a document about them. */

static bool figure(const struct evidence *evidence, const json_t *object, const char *name,
                   double *ret)
{
    const json_t *member = json_object_get(object, name);
    *ret = json_number_value(member);
    return json_is_number(member) ||
           explain_not(evidence, evidence->mutants ? "the document about mutants does not say it"
                                                   : "no mutants were judged (--mutants FILE)");
}

static bool measure_score(const struct evidence *evidence, double *ret)
{
    bool known = figure(evidence, evidence->mutants, "score", ret);
    *ret *= 100;
    return known;
}

/* The lowest of the operators that make what the incident was made of. */
static bool measure_incident_score(const struct evidence *evidence, double *ret)
{
    static const char *const operators[] = {"error-ignored", "call-skipped", "error-swap"};
    const json_t *by_operator = json_object_get(evidence->mutants, "by_operator");
    *ret = 100;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const json_t *object = json_object_get(by_operator, operators[i]);
        double total, killed, suppressed;
        if (!figure(evidence, object, "total", &total) ||
            !figure(evidence, object, "killed", &killed) ||
            !figure(evidence, object, "suppressed", &suppressed))
            return false;
        double share = total > suppressed ? 100 * killed / (total - suppressed) : 100;
        *ret = share < *ret ? share : *ret;
    }
    return true;
}

static bool measure_suppressed(const struct evidence *evidence, double *ret)
{
    double total, suppressed;
    if (!figure(evidence, evidence->mutants, "total", &total) ||
        !figure(evidence, evidence->mutants, "suppressed", &suppressed))
        return false;
    *ret = total > 0 ? 100 * suppressed / total : 0;
    return true;
}

static bool measure_unchecked(const struct evidence *evidence, double *ret)
{
    return figure(evidence, evidence->mutants, "lines_unchecked_percent", ret);
}

/* The rules, in the order in which they are told. A share is in percent. */
static const struct rule {
    const char *name; /* in the gate file */
    bool (*measure)(const struct evidence *, double *ret);
    bool at_most, share;
} rules[GATE_RULES] = {
    {"defects", measure_defects, false, false},
    {"defects_detected", measure_detected, false, true},
    {"defects_detected_without_chance", measure_without_chance, false, true},
    {"harmless", measure_harmless, false, false},
    {"harmless_passed", measure_passed, false, true},
    {"causes_in_table", measure_causes, false, true},
    {"kinds_with_one_cause", measure_one_cause, false, true},
    {"mutation_score", measure_score, false, true},
    {"mutation_score_of_errors", measure_incident_score, false, true},
    {"mutants_suppressed", measure_suppressed, true, true},
    {"lines_covered_unchecked", measure_unchecked, true, true},
};

/* A number without needless zeros. */
static const char *number_text(char *ret, size_t size, double number, bool share)
{
    snprintf(ret, size, "%.*f%s", number == (double)(int64_t)number ? 0 : 2, number,
             share ? " %" : "");
    return ret;
}

static void judge_rule(const struct rule *rule, double threshold, const struct evidence *evidence,
                       struct gate_rule *ret)
{
    double got = 0;
    char text[64], number[64];
    evidence->why[0] = 0;
    ret->name = rule->name;
    snprintf(ret->wanted, sizeof ret->wanted, "at %s %s", rule->at_most ? "most" : "least",
             number_text(number, sizeof number, threshold, rule->share));
    if (!rule->measure(evidence, &got)) {
        ret->state = GATE_NOT_JUDGED;
        snprintf(ret->got, sizeof ret->got, "not judged: %.480s", evidence->why);
        return;
    }
    ret->state = (rule->at_most ? got <= threshold : got >= threshold) ? GATE_OK : GATE_FAILED;
    snprintf(ret->got, sizeof ret->got, "%s%s%.400s%s",
             number_text(text, sizeof text, got, rule->share), evidence->why[0] ? " (" : "",
             evidence->why, evidence->why[0] ? ")" : "");
}

void gate_judge(const struct thresholds *thresholds, const struct settings *settings,
                const struct proof *proof, const json_t *mutants, struct gate *ret)
{
    char why[MESSAGE_BYTES];
    const struct evidence evidence = {settings, proof, thresholds, mutants, why};
    memset(ret, 0, sizeof *ret);
    for (uint32_t i = 0; i < GATE_RULES; i++) {
        judge_rule(&rules[i], thresholds->at[i], &evidence, &ret->rules[i]);
        ret->failed += ret->rules[i].state == GATE_FAILED;
        ret->not_judged += ret->rules[i].state == GATE_NOT_JUDGED;
    }
}

/* Takes "name = number". Null, or what is wrong with the line. */
static const char *take_line(char *line, struct thresholds *ret, bool seen[GATE_RULES])
{
    char *equals = strchr(line, '='), *end = NULL;
    uint32_t i = 0;
    if (!equals)
        return "is neither a section, nor \"name = number\"";
    size_t size = (size_t)(equals - line);
    while (size > 0 && isspace((unsigned char)line[size - 1]))
        size--;
    while (i < GATE_RULES &&
           (strlen(rules[i].name) != size || strncmp(rules[i].name, line, size) != 0))
        i++;
    if (i == GATE_RULES)
        return "names no rule of the gate";
    if (seen[i])
        return "gives a threshold that was given before";
    errno = 0;
    ret->at[i] = strtod(equals + 1, &end);
    seen[i] = true;
    bool whole = end != equals + 1 && end[strspn(end, " \t\r")] == 0;
    return whole && errno == 0 && ret->at[i] >= 0 && ret->at[i] <= 1e6
               ? NULL
               : "does not give a number from 0 to 1000000";
}

bool thresholds_read(const char *path, struct thresholds *ret,
                     char message[static MODULE_MESSAGE_BYTES])
{
    char folder[4096], beside[4200];
    bool seen[GATE_RULES] = {false}, here = false;
    uint32_t number = 0;
    ret->named = path != NULL;
    module_folder(folder);
    snprintf(beside, sizeof beside, "%s/gate.ini", folder);
    char *text = file_read(path ? path : beside), *rest = text, *line;
    if (!text) {
        snprintf(message, MODULE_MESSAGE_BYTES, "cannot read the gate's thresholds in %.400s",
                 path ? path : beside);
        return false;
    }
    message[0] = 0;
    while (!message[0] && (line = strsep(&rest, "\n"))) {
        number++;
        line += strspn(line, " \t\r");
        if (*line == '[')
            here = strncmp(line, "[proof]", 7) == 0;
        if (!here || !*line || strchr("[;#", *line))
            continue;
        const char *wrong = take_line(line, ret, seen);
        if (wrong)
            snprintf(message, MODULE_MESSAGE_BYTES, "%.300s:%u: the line %s", path ? path : beside,
                     number, wrong);
    }
    for (uint32_t i = 0; i < GATE_RULES && !message[0]; i++)
        if (!seen[i])
            snprintf(message, MODULE_MESSAGE_BYTES, "%.300s has no threshold \"%s\" in [proof]",
                     path ? path : beside, rules[i].name);
    free(text);
    return message[0] == 0;
}
