/* SPDX-License-Identifier: Apache-2.0
 *
 * What became of runs with faults as JSON, in both directions: see record.h.
 *
 * Causes and kinds of faults are written by name, so that a document can be read without this
 * program, and names that do not exist are refused when it is read back.
 */
#include <string.h>

#include "faults/faults.h"
#include "harness/run/record.h"

static json_t *consequences_of(const uint32_t counts[static CONSEQUENCES])
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < CONSEQUENCES; i++)
        if (counts[i])
            json_object_set_new(object, consequence_name(i), json_integer(counts[i]));
    return object;
}

static json_t *steps_of(const struct fault_tally *tally)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < tally->step_count; i++)
        json_array_append_new(array, json_pack("{s:o, s:I, s:o}", "step",
                                               json_of_text(tally->steps[i].name), "sites",
                                               (json_int_t)tally->steps[i].sites, "verdicts",
                                               consequences_of(tally->steps[i].consequences)));
    return array;
}

static json_t *attributions_of(const struct fault_tally *tally)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < tally->attribution_count; i++) {
        const struct attribution *row = &tally->attributions[i];
        const struct operation *operation = &fault_catalogue.operations[row->operation];
        json_array_append_new(
            array,
            json_pack("{s:s, s:s, s:s, s:s, s:I}", "operation", operation->name, "effect",
                      operation->effects[row->effect - 1], "layer", layer_name(row->report.layer),
                      "reason", reason_name(row->report.reason), "runs", (json_int_t)row->runs));
    }
    return array;
}

json_t *json_of_faults(const struct fault_tally *tally)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "singles",
                     (json_int_t)tally->singles, "pairs", (json_int_t)tally->pairs, "pairs_in_all",
                     (json_int_t)tally->pairs_in_all, "triples", (json_int_t)tally->triples,
                     "verdicts", consequences_of(tally->consequences), "steps", steps_of(tally),
                     "attribution", attributions_of(tally), "drift", json_of_text(tally->drift));
}

static bool take_count(const json_t *object, const char *name, uint64_t max, uint64_t *ret)
{
    const json_t *member = json_object_get(object, name);
    json_int_t value = json_integer_value(member);
    *ret = value < 0 ? 0 : (uint64_t)value;
    return json_is_integer(member) && value >= 0 && *ret <= max;
}

/* The number of a name below `count`; count itself if there is none. */
static uint32_t number_of(const json_t *object, const char *member,
                          const char *(*name_of)(uint32_t), uint32_t count)
{
    const char *name = json_string_value(json_object_get(object, member));
    uint32_t i = name ? 0 : count;
    while (i < count && strcmp(name_of(i), name) != 0)
        i++;
    return i;
}

static bool take_consequences(const json_t *object, uint32_t ret[static CONSEQUENCES])
{
    const json_t *counts = json_object_get(object, "verdicts");
    size_t taken = 0;
    for (uint32_t i = 0; i < CONSEQUENCES; i++) {
        uint64_t count;
        if (!json_object_get(counts, consequence_name(i)))
            continue;
        if (!take_count(counts, consequence_name(i), UINT32_MAX, &count))
            return false;
        ret[i] = (uint32_t)count;
        taken++;
    }
    return json_is_object(counts) && taken == json_object_size(counts);
}

static bool take_text(const json_t *object, const char *name, char *ret, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text && (size_t)snprintf(ret, size, "%s", text) < size;
}

static bool take_steps(const json_t *object, struct fault_tally *ret)
{
    const json_t *array = json_object_get(object, "steps"), *member;
    size_t i;
    json_array_foreach(array, i, member)
    {
        uint64_t sites;
        if (i == STEPS_MAX ||
            !take_text(member, "step", ret->steps[i].name, sizeof ret->steps[i].name) ||
            !take_count(member, "sites", SITES_MAX, &sites) ||
            !take_consequences(member, ret->steps[i].consequences))
            return false;
        ret->steps[i].sites = (uint32_t)sites;
        ret->step_count++;
    }
    return json_is_array(array);
}

static const char *operation_name(uint32_t number)
{
    return fault_catalogue.operations[number].name;
}

static const char *layer_number(uint32_t number)
{
    return layer_name(number);
}

static const char *reason_number(uint32_t number)
{
    return reason_name(number);
}

static bool take_attribution(const json_t *object, struct attribution *ret)
{
    uint64_t runs;
    uint32_t operation = number_of(object, "operation", operation_name, FAULT_OPERATIONS);
    uint32_t layer = number_of(object, "layer", layer_number, ASSAY_LAYERS);
    uint32_t reason = number_of(object, "reason", reason_number, ASSAY_REASONS);
    const char *effect = json_string_value(json_object_get(object, "effect"));
    if (operation == FAULT_OPERATIONS || layer == ASSAY_LAYERS || reason == ASSAY_REASONS ||
        !effect || !take_count(object, "runs", UINT32_MAX, &runs))
        return false;
    const struct operation *row = &fault_catalogue.operations[operation];
    uint8_t number = 0;
    while (number < row->effect_count && strcmp(row->effects[number], effect) != 0)
        number++;
    *ret = (struct attribution){(uint16_t)operation,
                                (uint8_t)(number + 1),
                                {(uint8_t)layer, (uint8_t)reason},
                                (uint32_t)runs};
    return number < row->effect_count;
}

bool faults_of_json(const json_t *object, struct fault_tally *ret)
{
    const json_t *array = json_object_get(object, "attribution"), *member;
    size_t i;
    memset(ret, 0, sizeof *ret);
    json_array_foreach(array, i, member)
    {
        if (i == ATTRIBUTIONS_MAX || !take_attribution(member, &ret->attributions[i]))
            return false;
        ret->attribution_count++;
    }
    return json_is_array(array) && take_count(object, "singles", INT64_MAX, &ret->singles) &&
           take_count(object, "pairs", INT64_MAX, &ret->pairs) &&
           take_count(object, "pairs_in_all", INT64_MAX, &ret->pairs_in_all) &&
           take_count(object, "triples", INT64_MAX, &ret->triples) &&
           take_consequences(object, ret->consequences) && take_steps(object, ret) &&
           take_text(object, "drift", ret->drift, sizeof ret->drift);
}
