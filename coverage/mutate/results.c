/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions that can return one value only, such as one that writes an error down and returns
 * false.
 *
 * Where the answer of such a call is forced to that value, nothing has changed: these mutants are
 * left out. A function is known by its name; when two have the same one, neither is known. What it
 * returns are constants and results of other functions, so all are asked again as long as one more
 * becomes known. Functions outside the sources that were given are not known, nor is what could be
 * found by looking at how values flow.
 */
#include <string.h>

#include "coverage/mutate/mutate.h"

static struct result *result_of(struct program *program, const char *name)
{
    for (uint32_t i = 0; i < program->result_count; i++)
        if (strcmp(program->results[i].name, name) == 0)
            return &program->results[i];
    return NULL;
}

struct result *result_begin(struct program *program, const char *name, const struct file *file,
                            uint32_t offset)
{
    struct result *result = result_of(program, name);
    if (result && (result->file != file || result->offset != offset))
        result->is_open = true;
    if (result)
        return NULL;
    program->results = arena_grow(&program->arena, program->results, program->result_count,
                                  sizeof *program->results);
    result = &program->results[program->result_count++];
    *result = (struct result){.name = name, .file = file, .offset = offset};
    return result;
}

/* One more value that may be returned. */
static void meet(struct result *result, int64_t value)
{
    result->is_open |= result->is_known && result->value != value;
    result->is_known = true;
    result->value = value;
}

void result_add(struct program *program, struct result *result, const int64_t *value,
                const char *callee)
{
    if (value) {
        meet(result, *value);
    } else if (callee) {
        result->callees = arena_grow(&program->arena, result->callees, result->callee_count,
                                     sizeof *result->callees);
        result->callees[result->callee_count++] = callee;
    } else {
        result->is_open = true;
    }
}

static bool is_settled(const struct result *result)
{
    return result && !result->is_open && result->is_known && result->callee_count == 0;
}

/* Takes over what has become known of the functions whose result this one returns. */
static bool settle(struct program *program, struct result *result)
{
    for (uint32_t i = 0; i < result->callee_count; i++)
        if (!is_settled(result_of(program, result->callees[i])))
            return false;
    for (uint32_t i = 0; i < result->callee_count; i++)
        meet(result, result_of(program, result->callees[i])->value);
    result->callee_count = 0;
    return !result->is_open;
}

void results_settle(struct program *program)
{
    bool more = true;
    while (more) {
        more = false;
        for (uint32_t i = 0; i < program->result_count; i++)
            if (program->results[i].callee_count > 0 && !program->results[i].is_open)
                more |= settle(program, &program->results[i]);
    }
}

bool is_only_result(struct program *program, const char *callee, int64_t value)
{
    const struct result *result = result_of(program, callee);
    return is_settled(result) && result->value == value;
}
