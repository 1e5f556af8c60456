/* SPDX-License-Identifier: Apache-2.0
 *
 * What became of mutants as JSON, in both directions. The same rules hold as in record.c: what is
 * written is a promise, what is read is checked or refused as a whole. What a mutant is, is written
 * for people and other programs; read back, only its key counts.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/run/mutants.h"
#include "harness/run/record.h"

static json_t *key_of(const struct mutant_row *what)
{
    return json_sprintf("%016llx", (unsigned long long)what->key);
}

json_t *json_of_mutant(const struct judged_mutant *mutant)
{
    const struct mutant_row *what = &mutant->what;
    bool killed = mutant->state == MUTANT_KILLED;
    json_t *object =
        json_pack("{s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:s, s:b, s:I, s:I, s:I, s:o}", "key",
                  key_of(what), "operator", json_of_text(what->operator_name), "file",
                  json_of_text(what->file), "line", (json_int_t)what->line, "column",
                  (json_int_t)what->column, "function", json_of_text(what->function), "original",
                  json_of_text(what->original), "replacement", json_of_text(what->replacement),
                  "state", mutant_state_name(mutant->state), "suppressed", (int)mutant->suppressed,
                  "cells", (json_int_t)mutant->cells, "skipped", (json_int_t)mutant->skipped,
                  "runs", (json_int_t)mutant->runs, "reached_by", json_of_text(mutant->reached_by));
    json_t *by = killed
                     ? json_pack("{s:s, s:s, s:s, s:b, s:s?, s:o}", "case", mutant->test_case->name,
                                 "technique", technique_name(mutant->technique), "verdict",
                                 verdict_name(mutant->verdict), "endless", (int)mutant->endless,
                                 "token", mutant->token, "why", json_of_text(mutant->why))
                     : json_null();
    json_object_set_new(object, "killed_by", by);
    return object;
}

static bool take_count(const json_t *object, const char *name, int64_t max, int64_t *ret)
{
    const json_t *member = json_object_get(object, name);
    *ret = json_integer_value(member);
    return json_is_integer(member) && *ret >= 0 && *ret <= max;
}

static bool take_string(const json_t *object, const char *name, char *ret, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text && (size_t)snprintf(ret, size, "%s", text) < size;
}

/* By which oracle, and how. */
static bool take_kill(const json_t *by, struct judged_mutant *ret)
{
    const char *name = json_string_value(json_object_get(by, "case"));
    const char *technique = json_string_value(json_object_get(by, "technique"));
    const char *verdict = json_string_value(json_object_get(by, "verdict"));
    const json_t *token = json_object_get(by, "token");
    uint32_t index, t = 0, v = 0;
    ret->test_case = name ? case_find(name, &index) : NULL;
    while (technique && t < TECHNIQUES && strcmp(technique_name(t), technique) != 0)
        t++;
    while (verdict && v < VERDICTS && strcmp(verdict_name(v), verdict) != 0)
        v++;
    bool red = v == VERDICT_FAIL || v == VERDICT_CRASH || v == VERDICT_HANG;
    if (!ret->test_case || !technique || t == TECHNIQUES || !verdict || !red ||
        !(json_is_null(token) || json_string_length(token) < TOKEN_BYTES_MAX) ||
        !take_string(by, "why", ret->why, sizeof ret->why))
        return false;
    ret->technique = (enum technique)t;
    ret->verdict = (enum verdict)v;
    ret->endless = json_is_true(json_object_get(by, "endless"));
    ret->token = json_is_string(token) ? strdup(json_string_value(token)) : NULL;
    return true;
}

/* The key of a mutant that is waited for; null: there is none like this. */
static struct judged_mutant *waited_for(const json_t *object, const struct mutation *mutation)
{
    const char *key = json_string_value(json_object_get(object, "key"));
    struct judged_mutant *mutant = key ? mutant_find(mutation, strtoull(key, NULL, 16)) : NULL;
    return mutant && mutant->selected && !mutant->judged ? mutant : NULL;
}

struct judged_mutant *mutant_of_json(const json_t *object, struct mutation *mutation)
{
    struct judged_mutant *mutant = waited_for(object, mutation);
    const char *name = json_string_value(json_object_get(object, "state"));
    const json_t *by = json_object_get(object, "killed_by");
    int64_t cells, skipped, runs;
    uint32_t state = MUTANT_NOT_REACHED;
    if (!mutant || !name)
        return NULL;
    while (state < MUTANT_STATES && strcmp(mutant_state_name(state), name) != 0)
        state++;
    struct judged_mutant now = *mutant;
    if (state == MUTANT_STATES || (state == MUTANT_KILLED) != json_is_object(by) ||
        !take_count(object, "cells", UINT32_MAX, &cells) ||
        !take_count(object, "skipped", UINT32_MAX, &skipped) ||
        !take_count(object, "runs", INT64_MAX, &runs) ||
        !take_string(object, "reached_by", now.reached_by, sizeof now.reached_by) ||
        (state == MUTANT_KILLED && !take_kill(by, &now)))
        return NULL;
    now.state = (enum mutant_state)state;
    now.judged = true;
    now.cells = (uint32_t)cells;
    now.skipped = (uint32_t)skipped;
    now.runs = (uint64_t)runs;
    *mutant = now;
    return mutant;
}

static json_t *operators_of(const struct mutation *mutation)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < mutation->operator_count; i++) {
        const struct operator_score *row = &mutation->by_operator[i];
        json_object_set_new(object, row->name,
                            json_pack("{s:i, s:i, s:i, s:i, s:f}", "total", (int)row->total,
                                      "reached", (int)row->reached, "killed", (int)row->killed,
                                      "suppressed", (int)row->suppressed, "score", row->score));
    }
    return object;
}

json_t *json_of_mutation(const struct mutation *mutation)
{
    json_t *mutants = json_array();
    for (uint32_t i = 0; i < mutation->count; i++)
        if (mutation->mutants[i].judged)
            json_array_append_new(mutants, json_of_mutant(&mutation->mutants[i]));
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:f, s:o, s:o}", "in_all", (int)mutation->count,
                     "total", (int)mutation->total, "reached", (int)mutation->reached, "killed",
                     (int)mutation->killed, "suppressed", (int)mutation->suppressed, "score",
                     mutation->score, "by_operator", operators_of(mutation), "mutants", mutants);
}
