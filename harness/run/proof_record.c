/* SPDX-License-Identifier: Apache-2.0
 *
 * A judged change as JSON, written and read back: in the events of a proof, from which a killed one
 * goes on, and in its document. As everywhere, names are only ever added, and what is read back is
 * refused as a whole when anything in it does not hold.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/run/proof_record.h"

static const char *const stage_names[] = {
    [STAGE_UNKNOWN] = "unknown", [STAGE_NO] = "no", [STAGE_YES] = "yes"};
#define STAGES (sizeof stage_names / sizeof *stage_names)

const char *stage_name(enum stage stage)
{
    return stage_names[stage];
}

/* True, false, or null where it cannot be said. */
static json_t *json_of_stage(enum stage stage)
{
    return stage == STAGE_UNKNOWN ? json_null() : json_boolean(stage == STAGE_YES);
}

/* Techniques, by name, in their order. */
static json_t *json_of_techniques(uint32_t bits)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < TECHNIQUES; i++)
        if (bits & (1u << i))
            json_array_append_new(array, json_string(technique_name(i)));
    return array;
}

static json_t *json_of_refusals(const struct exhibit *exhibit)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < exhibit->refusal_count; i++) {
        const struct refusal *refusal = &exhibit->refusals[i];
        json_array_append_new(
            array, json_pack("{s:s, s:s, s:s, s:I, s:I, s:s?, s:o}", "technique",
                             technique_name(refusal->technique), "case", refusal->test_case->name,
                             "consequence", consequence_name(refusal->consequence), "executions",
                             (json_int_t)refusal->executions, "cpu_us", (json_int_t)refusal->cpu_us,
                             "token", refusal->token, "message", json_of_text(refusal->message)));
    }
    return array;
}

/* Members that defects and harmless changes have in common. */
static json_t *json_of_exhibit(const struct exhibit *exhibit)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o}", "name", exhibit->name,
                     "refusals", json_of_refusals(exhibit), "reached",
                     json_of_stage(exhibit->reached), "triggered",
                     json_of_stage(exhibit->triggered), "executions",
                     (json_int_t)exhibit->executions, "cpu_us", (json_int_t)exhibit->cpu_us,
                     "cells", (json_int_t)exhibit->cells, "cut", (json_int_t)exhibit->cut, "aside",
                     json_of_text(exhibit->aside), "why", json_of_text(exhibit->why));
}

json_t *json_of_defect(const struct exhibit *exhibit)
{
    json_t *object = json_of_exhibit(exhibit);
    uint32_t by = exhibit_techniques(exhibit);
    json_object_set_new(object, "refused", json_boolean(exhibit->good));
    json_object_set_new(object, "by", json_of_techniques(by));
    json_object_set_new(object, "token",
                        exhibit->refusal_count > 0 && exhibit->refusals[0].token
                            ? json_string(exhibit->refusals[0].token)
                            : json_null());
    return object;
}

json_t *json_of_harmless(const struct exhibit *exhibit)
{
    json_t *object = json_of_exhibit(exhibit);
    json_object_set_new(object, "passed", json_boolean(exhibit->good));
    return object;
}

json_t *event_of_exhibit(const struct exhibit *exhibit)
{
    bool defect = exhibit->kind == EXHIBIT_DEFECT;
    json_t *event =
        record_event("exhibit", defect ? json_of_defect(exhibit) : json_of_harmless(exhibit));
    json_object_set_new(event, "kind", json_string(defect ? "defect" : "harmless"));
    json_object_set_new(event, "module", json_string(exhibit->module));
    return event;
}

/* A whole number that is not negative. */
static bool take_count(const json_t *object, const char *name, uint64_t *ret)
{
    const json_t *member = json_object_get(object, name);
    *ret = (uint64_t)json_integer_value(member);
    return json_is_integer(member) && json_integer_value(member) >= 0;
}

static bool take_stage(const json_t *object, const char *name, enum stage *ret)
{
    const json_t *member = json_object_get(object, name);
    *ret = json_is_null(member) ? STAGE_UNKNOWN : json_is_true(member) ? STAGE_YES : STAGE_NO;
    return json_is_null(member) || json_is_boolean(member);
}

static bool take_words(const json_t *object, const char *name, char *ret, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text && (size_t)snprintf(ret, size, "%s", text) < size;
}

static bool take_refusal(const json_t *object, struct refusal *ret)
{
    const char *technique = json_string_value(json_object_get(object, "technique"));
    const char *name = json_string_value(json_object_get(object, "case"));
    const char *consequence = json_string_value(json_object_get(object, "consequence"));
    const char *message = json_string_value(json_object_get(object, "message"));
    const json_t *token = json_object_get(object, "token");
    uint32_t t = 0, c = 0, index;
    while (technique && t < TECHNIQUES && strcmp(technique_name(t), technique) != 0)
        t++;
    while (consequence && c < CONSEQUENCES && strcmp(consequence_name(c), consequence) != 0)
        c++;
    ret->technique = t;
    ret->consequence = c;
    ret->test_case = name ? case_find(name, &index) : NULL;
    if (!technique || t == TECHNIQUES || !consequence || c == CONSEQUENCES || !ret->test_case ||
        !message || !take_count(object, "executions", &ret->executions) ||
        !take_count(object, "cpu_us", &ret->cpu_us) ||
        (!json_is_null(token) &&
         (!json_is_string(token) || json_string_length(token) >= TOKEN_BYTES_MAX)))
        return false;
    ret->message = strdup(message);
    ret->token = json_is_string(token) ? strdup(json_string_value(token)) : NULL;
    return ret->message && (ret->token || json_is_null(token));
}

static bool take_refusals(const json_t *object, struct exhibit *ret)
{
    const json_t *array = json_object_get(object, "refusals"), *member;
    size_t i, count = json_array_size(array);
    if (!json_is_array(array) || count > REFUSALS_MAX)
        return false;
    ret->refusals = calloc(count ? count : 1, sizeof *ret->refusals);
    json_array_foreach(array, i, member)
    {
        if (!ret->refusals)
            return false;
        ret->refusal_count++;
        if (!take_refusal(member, &ret->refusals[i]))
            return false;
    }
    return ret->refusals != NULL;
}

/* The exhibit that an event is about, or null. */
static struct exhibit *find_exhibit(struct proof *proof, const json_t *event)
{
    const char *name = json_string_value(json_object_get(event, "name"));
    const char *kind = json_string_value(json_object_get(event, "kind"));
    for (uint32_t i = 0; name && kind && i < proof->exhibit_count; i++) {
        struct exhibit *exhibit = &proof->exhibits[i];
        if (strcmp(exhibit->name, name) == 0 &&
            strcmp(kind, exhibit->kind == EXHIBIT_DEFECT ? "defect" : "harmless") == 0)
            return exhibit;
    }
    return NULL;
}

bool exhibit_take(void *context, const json_t *event)
{
    struct proof *proof = context;
    struct exhibit *exhibit = find_exhibit(proof, event);
    const char *name = json_string_value(json_object_get(event, "event"));
    const char *module = json_string_value(json_object_get(event, "module"));
    if (!name || strcmp(name, "exhibit") != 0 || !module)
        return false;
    if (!exhibit || strcmp(exhibit->module, module) != 0)
        return true; /* it is gone, or was built anew: it is judged again */
    const json_t *good =
        json_object_get(event, exhibit->kind == EXHIBIT_DEFECT ? "refused" : "passed");
    uint64_t cells, cut;
    exhibit_forget(exhibit);
    exhibit->judged = json_is_boolean(good) && take_stage(event, "reached", &exhibit->reached) &&
                      take_stage(event, "triggered", &exhibit->triggered) &&
                      take_count(event, "executions", &exhibit->executions) &&
                      take_count(event, "cpu_us", &exhibit->cpu_us) &&
                      take_count(event, "cells", &cells) && take_count(event, "cut", &cut) &&
                      cells <= UINT32_MAX && cut <= cells &&
                      take_words(event, "aside", exhibit->aside, sizeof exhibit->aside) &&
                      take_words(event, "why", exhibit->why, sizeof exhibit->why) &&
                      take_refusals(event, exhibit);
    if (!exhibit->judged)
        return false;
    exhibit->good = json_is_true(good);
    exhibit->cells = (uint32_t)cells;
    exhibit->cut = (uint32_t)cut;
    return true;
}
