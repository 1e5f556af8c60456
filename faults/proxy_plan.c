/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans of the network: their text, and the list of all that an exchange has.
 *
 * One table says of each effect where it can strike and what its argument may be; reading, writing
 * and enumerating follow from it. A plan comes from a command line or from another program, so
 * anything may be in it: what is not exactly a plan is refused, with the reason.
 */
#include <stdio.h>
#include <string.h>

#include "faults/proxy.h"

static const char *const sides[PROXY_SIDES] = {
    [PROXY_CONNECT] = "connect", [PROXY_REQUEST] = "request", [PROXY_REPLY] = "reply"};

/* An argument that cannot be has a maximum of 0. */
static const struct row {
    const char *name;
    bool at_connect, at_byte, after_byte;
    bool lasting; /* only for always */
    uint32_t argument, argument_min, argument_max;
} rows[PROXY_EFFECTS] = {
    [PROXY_NONE] = {.name = "none"},
    [PROXY_REFUSE] = {.name = "refuse", .at_connect = true, .lasting = true},
    [PROXY_SILENT] = {.name = "silent", .at_connect = true},
    [PROXY_RESET] = {.name = "reset", .at_connect = true, .at_byte = true, .after_byte = true},
    [PROXY_CLOSE] = {.name = "close", .at_byte = true, .after_byte = true},
    [PROXY_HALF_OPEN] = {.name = "half-open", .at_byte = true, .after_byte = true},
    [PROXY_LOSE] = {.name = "lose", .at_byte = true},
    [PROXY_CORRUPT] = {"corrupt", .at_byte = true, .argument = 1, 1, 255},
    [PROXY_SLICE] = {"slice", .at_byte = true, .argument = 0, 0, PROXY_DELAY_MS_MAX},
    [PROXY_DELAY] = {"delay", .at_byte = true, .argument = 10, 1, PROXY_DELAY_MS_MAX},
    [PROXY_DUPLICATE] = {.name = "duplicate", .at_byte = true, .after_byte = true},
};

/* A decimal number without a sign and without zeros in front, which ends the text. */
static bool read_number(const char *text, uint32_t *ret)
{
    uint64_t number = 0;
    if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || number > PROXY_BYTE_MAX)
            return false;
        number = number * 10 + (uint64_t)(*text - '0');
    }
    *ret = (uint32_t)number;
    return number <= PROXY_BYTE_MAX;
}

static const char *read_side(char *text, struct proxy_plan *plan)
{
    for (int i = 0; i < PROXY_SIDES; i++)
        if (strcmp(text, sides[i]) == 0) {
            plan->side = (enum proxy_side)i;
            return NULL;
        }
    return "a plan begins with connect, request or reply";
}

static const char *read_byte(char *text, struct proxy_plan *plan)
{
    size_t size = strlen(text);
    plan->after = size > 0 && text[size - 1] == '+';
    if (plan->after)
        text[size - 1] = '\0';
    return read_number(text, &plan->byte) ? NULL : "that is not the number of a byte";
}

static const char *read_effect(char *text, struct proxy_plan *plan)
{
    char *argument = strchr(text, '=');
    if (argument != NULL)
        *argument++ = '\0';
    for (int i = PROXY_NONE + 1; i < PROXY_EFFECTS; i++) {
        if (strcmp(text, rows[i].name) != 0)
            continue;
        plan->effect = (enum proxy_effect)i;
        plan->argument = rows[i].argument;
        if (argument == NULL)
            return NULL;
        if (rows[i].argument_max == 0)
            return "this effect has no argument";
        if (!read_number(argument, &plan->argument) || plan->argument < rows[i].argument_min ||
            plan->argument > rows[i].argument_max)
            return "the argument of the effect is out of its range";
        return NULL;
    }
    return "there is no such effect";
}

static const char *read_times(char *text, struct proxy_plan *plan)
{
    plan->times = PROXY_ALWAYS;
    if (strcmp(text, "always") == 0)
        return NULL;
    if (!read_number(text, &plan->times) || plan->times == 0)
        return "a plan ends with how many times, or always";
    return NULL;
}

/* What each field allows alone, but not together. */
static const char *judge(const struct proxy_plan *plan)
{
    const struct row *row = &rows[plan->effect];
    if (row->lasting && plan->times != PROXY_ALWAYS)
        return "nobody sees who is refused: it can only be for always";
    if (plan->side == PROXY_CONNECT) {
        if (plan->byte != 0 || plan->after)
            return "a connection has no bytes: it is connect:0";
        return row->at_connect ? NULL : "this effect needs a byte";
    }
    if (plan->after)
        return row->after_byte ? NULL : "this effect strikes at a byte, not after one";
    if (plan->byte == 0)
        return "bytes are counted from 1; before the first is 0+";
    return row->at_byte ? NULL : "this effect is only for connect";
}

const char *proxy_plan_read(const char *text, struct proxy_plan *ret)
{
    static const char *(*const readers[])(char *, struct proxy_plan *) = {read_side, read_byte,
                                                                          read_effect, read_times};
    enum { FIELDS = sizeof readers / sizeof *readers };
    char copy[PROXY_PLAN_BYTES];
    struct proxy_plan plan = {.effect = PROXY_NONE};
    if (strcmp(text, rows[PROXY_NONE].name) == 0) {
        *ret = plan;
        return NULL;
    }
    if (strlen(text) >= sizeof copy)
        return "a plan is not as long as that";
    snprintf(copy, sizeof copy, "%s", text);
    char *field = copy;
    for (size_t i = 0; i < FIELDS; i++) {
        char *next = strchr(field, ':');
        if ((next == NULL) != (i == FIELDS - 1))
            return "a plan is SIDE:BYTE:EFFECT:TIMES, or none";
        if (next != NULL)
            *next++ = '\0';
        const char *problem = readers[i](field, &plan);
        if (problem != NULL)
            return problem;
        field = next;
    }
    const char *problem = judge(&plan);
    if (problem == NULL)
        *ret = plan;
    return problem;
}

const char *proxy_plan_text(const struct proxy_plan *plan, char ret[static PROXY_PLAN_BYTES])
{
    const struct row *row = &rows[plan->effect];
    char argument[16] = "", times[16] = "always";
    if (plan->effect == PROXY_NONE) {
        snprintf(ret, PROXY_PLAN_BYTES, "%s", row->name);
        return ret;
    }
    if (plan->argument != row->argument)
        snprintf(argument, sizeof argument, "=%u", plan->argument);
    if (plan->times != PROXY_ALWAYS)
        snprintf(times, sizeof times, "%u", plan->times);
    snprintf(ret, PROXY_PLAN_BYTES, "%s:%u%s:%s%s:%s", sides[plan->side], plan->byte,
             plan->after ? "+" : "", row->name, argument, times);
    return ret;
}

const char *proxy_effects_read(const char *text, uint32_t *ret)
{
    uint32_t effects = 0;
    while (*text != '\0') {
        size_t size = strcspn(text, ",");
        int found = PROXY_NONE;
        for (int i = PROXY_NONE + 1; i < PROXY_EFFECTS; i++)
            if (strlen(rows[i].name) == size && memcmp(rows[i].name, text, size) == 0)
                found = i;
        if (found == PROXY_NONE || !rows[found].at_byte)
            return "not an effect that a byte can have";
        effects |= 1u << found;
        text += size;
        if (*text == ',' && *++text == '\0')
            return "an effect is missing behind the comma";
    }
    if (effects == 0)
        return "no effect is named";
    *ret = effects;
    return NULL;
}

/* --- Every plan ------------------------------------------------------------------------------- */

struct list {
    struct proxy_plan *at;
    size_t count, room;
    uint32_t times;
};

static void add(struct list *list, enum proxy_side side, uint64_t byte, bool after, int effect)
{
    if (list->count < list->room)
        list->at[list->count] = (struct proxy_plan){
            .side = side,
            .byte = (uint32_t)byte,
            .after = after,
            .effect = (enum proxy_effect)effect,
            .argument = rows[effect].argument,
            .times = rows[effect].lasting ? PROXY_ALWAYS : list->times,
        };
    list->count++;
}

static void add_everywhere(struct list *list, enum proxy_side side, uint64_t bytes, int effect)
{
    for (uint64_t byte = 1; byte <= bytes; byte++)
        add(list, side, byte, false, effect);
    for (uint64_t byte = 0; rows[effect].after_byte && byte <= bytes; byte++)
        add(list, side, byte, true, effect);
}

/* An effect that is not tried everywhere tells most where the request is whole and nothing of the
 * reply is known: after the last byte of the one, or at the first byte of the other. */
static void add_once(struct list *list, enum proxy_side side, uint64_t bytes, int effect)
{
    if (bytes == 0)
        return;
    if (side == PROXY_REPLY)
        add(list, side, 1, false, effect);
    else
        add(list, side, bytes, rows[effect].after_byte, effect);
}

size_t proxy_plans(uint64_t request_bytes, uint64_t reply_bytes, uint32_t everywhere,
                   uint32_t times, struct proxy_plan *ret, size_t room)
{
    struct list list = {.at = ret, .room = room, .times = times};
    for (int effect = PROXY_NONE + 1; effect < PROXY_EFFECTS; effect++) {
        if (rows[effect].at_connect)
            add(&list, PROXY_CONNECT, 0, false, effect);
        if (!rows[effect].at_byte)
            continue;
        for (int side = PROXY_REQUEST; side <= PROXY_REPLY; side++) {
            uint64_t bytes = side == PROXY_REQUEST ? request_bytes : reply_bytes;
            if (everywhere & (1u << effect))
                add_everywhere(&list, (enum proxy_side)side, bytes, effect);
            else
                add_once(&list, (enum proxy_side)side, bytes, effect);
        }
    }
    return list.count;
}
