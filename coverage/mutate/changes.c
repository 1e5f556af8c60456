/* SPDX-License-Identifier: Apache-2.0
 *
 * Which lines may have mutants: all, those that were named, or those that a unified diff changes.
 *
 * Files are named from the root. In a diff a name may begin above it; then its end must be that
 * name. Lines that are only taken away stand for the two lines between which they were.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coverage/mutate/mutate.h"

static void add(struct program *program, const char *name, size_t name_size, uint32_t first,
                uint32_t last)
{
    program->wanted = arena_grow(&program->arena, program->wanted, program->wanted_count,
                                 sizeof *program->wanted);
    program->wanted[program->wanted_count++] =
        (struct wanted){arena_format(&program->arena, "%.*s", (int)name_size, name), {first, last}};
    program->is_restricted = true;
}

/* A number of a line; ends the program when none stands there. */
static uint32_t number_at(const char **text, const char *argument)
{
    char *after = NULL;
    unsigned long number = strtoul(*text, &after, 10);
    if (after == *text || number == 0 || number > UINT32_MAX)
        end(64, "--lines wants FILE:A-B,C and not %s", argument);
    *text = after;
    return (uint32_t)number;
}

void changes_from_lines(struct program *program, const char *argument)
{
    const char *colon = strrchr(argument, ':'), *text = colon ? colon : argument;
    if (!colon)
        end(64, "--lines wants FILE:A-B,C and not %s", argument);
    do {
        text++;
        uint32_t first = number_at(&text, argument), last = first;
        if (*text == '-') {
            text++;
            last = number_at(&text, argument);
        }
        add(program, argument, (size_t)(colon - argument), first, last);
    } while (*text == ',');
    if (*text)
        end(64, "--lines wants FILE:A-B,C and not %s", argument);
}

/* A hunk: "@@ -a,b +first,count @@". */
static void add_hunk(struct program *program, const char *name, size_t size, const char *line)
{
    const char *plus = strchr(line, '+');
    char *after = NULL;
    if (!plus || size == 0)
        return;
    uint32_t first = (uint32_t)strtoul(plus + 1, &after, 10);
    uint32_t count = *after == ',' ? (uint32_t)strtoul(after + 1, NULL, 10) : 1;
    add(program, name, size, first, count == 0 ? first + 1 : first + count - 1);
}

void changes_from_diff(struct program *program, const char *path)
{
    FILE *stream = fopen(path, "r");
    char *line = NULL, *name = NULL;
    size_t room = 0;
    if (!stream)
        end(64, "cannot read %s: %s", path, strerror(errno));
    program->is_restricted = true; /* even when nothing has changed */
    while (getline(&line, &room, stream) > 0) {
        if (strncmp(line, "+++ ", 4) == 0) {
            const char *begin = strncmp(line + 4, "b/", 2) == 0 ? line + 6 : line + 4;
            name = arena_format(&program->arena, "%.*s", (int)strcspn(begin, "\t\n\r"), begin);
        } else if (name && strncmp(line, "@@ ", 3) == 0) {
            add_hunk(program, name, strlen(name), line);
        }
    }
    free(line);
    (void)fclose(stream);
}

/* The name, or the end of a path that begins above the root. */
static bool is_named(const struct file *file, const char *name)
{
    size_t size = strlen(name), own = strlen(file->name);
    return size >= own && strcmp(name + size - own, file->name) == 0 &&
           (size == own || name[size - own - 1] == '/');
}

bool is_changed(const struct program *program, const struct file *file, struct span span)
{
    uint32_t first = line_of(file, span.begin), last = line_of(file, span.end - 1);
    if (!program->is_restricted)
        return true;
    for (uint32_t i = 0; i < program->wanted_count; i++)
        if (program->wanted[i].lines.first <= last && first <= program->wanted[i].lines.last &&
            is_named(file, program->wanted[i].name))
            return true;
    return false;
}
