/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents for machines. What is written here is a promise: names are only ever added.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/report/report.h"
#include "harness/run/known.h"
#include "harness/run/proof_record.h"

static json_t *findings_of(const struct findings *findings, const struct known_findings *known)
{
    json_t *array = json_array();
    for (const struct finding *finding = findings->first; finding; finding = finding->next) {
        const struct known_finding *line = known_finding_of(known, finding);
        json_t *object = json_of_finding(finding);
        if (object && line)
            json_object_set_new(object, "known", json_of_text(line->reason));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *results_of(const struct check *check)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < check->result_count; i++)
        json_array_append_new(array, json_of_result(&check->results[i]));
    return array;
}

/* Of all cases together; what became of each step of a case stands in its result. */
static json_t *faults_of(const struct check *check)
{
    struct fault_tally *sum = calloc(1, sizeof *sum);
    uint64_t sites = 0, moments = 0, states = 0;
    for (uint32_t i = 0; sum && i < check->result_count; i++) {
        sites += check->results[i].sites;
        moments += check->results[i].moments;
        states += check->results[i].tally.states;
        fault_tally_add(sum, &check->results[i].faults);
    }
    json_t *object = sum ? json_of_faults(sum) : NULL;
    if (object) {
        json_object_del(object, "steps");
        json_object_del(object, "drift");
        json_object_set_new(object, "sites", json_integer((json_int_t)sites));
        json_object_set_new(object, "moments", json_integer((json_int_t)moments));
        json_object_set_new(object, "states", json_integer((json_int_t)states));
        json_object_set_new(object, "not_reached",
                            json_integer(sum->consequences[CONSEQUENCE_NOT_REACHED]));
    }
    free(sum);
    return object;
}

json_t *json_of_check(const char *target, const struct settings *settings,
                      const struct check *check)
{
    json_t *document =
        json_pack("{s:s, s:i, s:o, s:o, s:o}", "target", target, "exit", (int)check->exit_code,
                  "findings", findings_of(&check->findings, settings->known), "results",
                  results_of(check), "faults", faults_of(check));
    if (settings->shards > 1)
        json_object_set_new(document, "shard",
                            json_sprintf("%u/%u", settings->shard + 1, settings->shards));
    return document;
}

json_t *json_of_comparison(const char *before, const char *after,
                           const struct comparison *comparison)
{
    json_t *findings = json_array(), *blasts = json_array();
    for (const struct finding *finding = comparison->after.findings.first; finding;
         finding = finding->next) {
        json_t *object = json_of_finding(finding);
        json_object_set_new(object, "state",
                            json_string(findings_contain(&comparison->before.findings, finding)
                                            ? "pre-existing"
                                            : "new"));
        json_array_append_new(findings, object);
    }
    for (const struct finding *finding = comparison->before.findings.first; finding;
         finding = finding->next) {
        if (findings_contain(&comparison->after.findings, finding))
            continue;
        json_t *object = json_of_finding(finding);
        json_object_set_new(object, "state", json_string("fixed"));
        json_array_append_new(findings, object);
    }
    for (uint32_t i = 0; i < comparison->blast_count; i++) {
        const struct blast *blast = &comparison->blasts[i];
        json_array_append_new(
            blasts, json_pack("{s:s, s:s, s:i, s:i, s:f, s:[f,f], s:s?}", "direction",
                              blast->direction, "generation", blast->generation, "asked",
                              (int)blast->asked, "refused", (int)blast->refused, "share",
                              blast->asked ? (double)blast->refused / blast->asked : 0.0,
                              "interval", blast->low, blast->high, "token", blast->token));
    }
    return json_pack("{s:s, s:s, s:i, s:o, s:o}", "before", before, "after", after, "exit",
                     (int)comparison->exit_code, "findings", findings, "blast_radius", blasts);
}

static json_t *gate_of(const struct gate *gate)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < GATE_RULES; i++) {
        const struct gate_rule *rule = &gate->rules[i];
        json_array_append_new(array, json_pack("{s:s, s:s, s:o, s:o}", "rule", rule->name, "wanted",
                                               rule->wanted, "got", json_of_text(rule->got), "ok",
                                               rule->state == GATE_NOT_JUDGED
                                                   ? json_null()
                                                   : json_boolean(rule->state == GATE_OK)));
    }
    return array;
}

json_t *json_of_proof(const struct proof *proof, const struct gate *gate, const json_t *mutants)
{
    json_t *defects = json_array(), *harmless = json_array();
    for (uint32_t i = 0; i < proof->exhibit_count; i++) {
        const struct exhibit *exhibit = &proof->exhibits[i];
        if (!exhibit->judged)
            continue;
        if (exhibit->kind == EXHIBIT_DEFECT)
            json_array_append_new(defects, json_of_defect(exhibit));
        else
            json_array_append_new(harmless, json_of_harmless(exhibit));
    }
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:i}", "baseline", proof->baseline, "defects",
                     defects, "harmless", harmless, "mutants",
                     mutants ? json_deep_copy(mutants) : json_null(), "gate", gate_of(gate), "exit",
                     (int)proof->exit_code);
}

bool json_save(json_t *document, const char *path)
{
    char temporary[4096];
    bool device = strncmp(path, "/dev/", 5) == 0;
    snprintf(temporary, sizeof temporary, device ? "%s" : "%s.part", path);
    FILE *file = document ? fopen(temporary, "w") : NULL;
    bool written = file && json_dumpf(document, file, JSON_INDENT(2) | JSON_ENSURE_ASCII) == 0 &&
                   fputc('\n', file) != EOF;
    written = file && fclose(file) == 0 && written;
    if (written && !device)
        written = rename(temporary, path) == 0;
    if (!written) {
        fprintf(stderr, "assay: cannot write %s: %s\n", path, strerror(errno));
        if (file && !device)
            unlink(temporary);
    }
    json_decref(document);
    return written;
}
