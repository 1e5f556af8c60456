/* SPDX-License-Identifier: Apache-2.0
 *
 * assay-mutate: writes C sources with all their mutants in them.
 *
 *     assay-mutate --root DIR --out DIR [--depfile FILE] [--since-diff FILE | --lines FILE:A-B]...
 *                  SOURCE... -- FLAGS
 *     assay-mutate --root DIR --list [...] SOURCE... -- FLAGS
 *
 * Each source becomes a file of the same name below the directory, from the root on; mutants.c
 * beside them is the table of all, to be compiled with mutant.c into the same module. Sources share
 * the flags; among these must be the folder that holds coverage/mutate/inside.h (-I). A file whose
 * text has not changed is not written again. --list prints the mutants instead.
 *
 * The sources are read one after the other; then each is generated and given to libclang again, as
 * often as it takes until it compiles: mutants on a line that has an error are left out. At last
 * the files are written, with the numbers that are then known.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "coverage/mutate/mutate.h"

static const char usage[] =
    "usage: assay-mutate --root DIR (--out DIR [--depfile FILE] | --list)\n"
    "                    [--since-diff FILE] [--lines FILE:A-B,C]... SOURCE... -- FLAGS\n";

struct file *program_file(struct program *program, const char *path)
{
    char *real = realpath(path, NULL);
    size_t size = strlen(program->root);
    struct file *found = NULL;
    if (!real)
        return NULL;
    for (uint32_t i = 0; i < program->file_count && !found; i++)
        if (strcmp(program->files[i]->path, real) == 0)
            found = program->files[i];
    if (!found && strncmp(real, program->root, size) == 0 && real[size] == '/') {
        found = arena_take(&program->arena, sizeof *found);
        found->path = arena_format(&program->arena, "%s", real);
        found->name = found->path + size + 1;
        program->files = arena_grow(&program->arena, program->files, program->file_count,
                                    sizeof *program->files);
        program->files[program->file_count++] = found;
        if (!file_read(&program->arena, found))
            end(1, "cannot read %s", path);
    }
    free(real);
    return found;
}

/* --- Writing -----------------------------------------------------------------------------------
 */

/* Makes the folders that a path lies in. */
static void make_folders(const char *path)
{
    char *copy = strdup(path);
    for (char *slash = copy ? strchr(copy + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(copy, 0777); /* when it cannot be, nor can the file */
        *slash = '/';
    }
    free(copy);
}

static bool is_unchanged(const char *path, const struct buffer *text)
{
    FILE *stream = fopen(path, "rb");
    bool same = stream != NULL;
    for (size_t i = 0; same && i <= text->size; i++)
        same = getc(stream) == (i < text->size ? (int)(uint8_t)text->data[i] : EOF);
    if (stream)
        (void)fclose(stream);
    return same;
}

static void write_file(const char *path, const struct buffer *text)
{
    if (is_unchanged(path, text))
        return;
    make_folders(path);
    FILE *stream = fopen(path, "wb");
    if (!stream || fwrite(text->data, 1, text->size, stream) != text->size || fclose(stream) != 0)
        end(70, "cannot write %s: %s", path, strerror(errno));
}

/* What the files depend on, as make understands it. */
static void write_depfile(struct program *program)
{
    struct buffer text = {0};
    buffer_format(&text, "%s/mutants.c:", program->out);
    for (uint32_t i = 0; i < program->dependency_count; i++)
        buffer_format(&text, " \\\n %s", program->dependencies[i]);
    buffer_format(&text, "\n");
    write_file(program->depfile, &text);
    buffer_done(&text);
}

static void write_all(struct program *program)
{
    struct buffer text = {0};
    for (uint32_t i = 0; i < program->source_count; i++) {
        render_unit(&program->units[i], &text);
        write_file(arena_format(&program->arena, "%s/%s", program->out,
                                program->units[i].views[0]->file->name),
                   &text);
        buffer_done(&text);
    }
    table_render(program, &text);
    write_file(arena_format(&program->arena, "%s/mutants.c", program->out), &text);
    buffer_done(&text);
    if (program->depfile)
        write_depfile(program);
}

/* --- The order of the work ---------------------------------------------------------------------
 */

/* Those on changed lines, without those that change nothing. */
static void choose_wanted(struct program *program)
{
    for (uint32_t i = 0; i < program->file_count; i++)
        for (uint32_t k = 0; k < program->files[i]->mutation_count; k++) {
            struct mutation *mutation = program->files[i]->mutations[k];
            mutation->is_wanted =
                is_changed(program, mutation->file, mutation->site) &&
                (!mutation->callee || !is_only_result(program, mutation->callee, mutation->forced));
        }
}

static bool has_mutants(const struct unit *unit)
{
    for (uint32_t i = 0; i < unit->view_count; i++)
        for (uint32_t k = 0; k < unit->views[i]->file->mutation_count; k++)
            if (unit->views[i]->file->mutations[k]->number > 0)
                return true;
    return false;
}

/* Leaves out what does not compile, until everything does. */
static void mend_unit(struct program *program, struct unit *unit)
{
    char message[512] = "";
    for (uint32_t round = 0; round < CHECK_ROUNDS_MAX; round++) {
        struct buffer text = {0};
        const struct file *file = NULL;
        number_all(program);
        render_unit(unit, &text);
        uint32_t line =
            unit_check(program, unit, text.data, text.size, &file, message, sizeof message);
        buffer_done(&text);
        if (line == 0)
            return;
        if (!file || !drop_line(file, line))
            break;
    }
    end(1, "%s does not compile with mutants: %s", unit->views[0]->file->name, message);
}

static void run(struct program *program)
{
    program->units = arena_take(&program->arena, program->source_count * sizeof *program->units);
    for (uint32_t i = 0; i < program->source_count; i++)
        unit_read(program, program->sources[i], &program->units[i]);
    results_settle(program);
    choose_wanted(program);
    number_all(program);
    for (uint32_t i = 0; i < program->source_count; i++)
        if (has_mutants(&program->units[i]))
            mend_unit(program, &program->units[i]);
    number_all(program);
    set_keys(program);
    if (program->lists)
        list_print(program);
    else
        write_all(program);
    summary_print(program);
}

/* --- Options -----------------------------------------------------------------------------------
 */

__attribute__((noreturn)) static void end_usage(void)
{
    fputs(usage, stderr);
    exit(64);
}

static void take_option(struct program *program, int option, char *argument)
{
    switch (option) {
    case 'r':
        program->root = argument;
        break;
    case 'o':
        program->out = argument;
        break;
    case 'd':
        program->depfile = argument;
        break;
    case 's':
        changes_from_diff(program, argument);
        break;
    case 'l':
        changes_from_lines(program, argument);
        break;
    case 'p':
        program->lists = true;
        break;
    default:
        end_usage();
    }
}

static void take_arguments(struct program *program, int argc, char **argv)
{
    static const struct option options[] = {
        {"root", required_argument, NULL, 'r'},
        {"out", required_argument, NULL, 'o'},
        {"depfile", required_argument, NULL, 'd'},
        {"since-diff", required_argument, NULL, 's'},
        {"lines", required_argument, NULL, 'l'},
        {"list", no_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    int own = 1, option;
    while (own < argc && strcmp(argv[own], "--") != 0)
        own++;
    program->flags = (const char *const *)argv + (own < argc ? own + 1 : own);
    program->flag_count = own < argc ? argc - own - 1 : 0;
    while ((option = getopt_long(own, argv, "", options, NULL)) != -1)
        take_option(program, option, optarg);
    program->sources = (const char **)(uintptr_t)(argv + optind);
    program->source_count = (uint32_t)(own - optind);
    if (!program->root || !program->out == !program->lists || program->source_count == 0 ||
        program->source_count > SOURCES_MAX)
        end_usage();
}

int main(int argc, char **argv)
{
    struct program program = {0};
    take_arguments(&program, argc, argv);
    char *root = realpath(program.root, NULL);
    if (!root)
        end(64, "there is no folder %s", program.root);
    program.root = root;
    run(&program);
    arena_done(&program.arena);
    free(root);
    return 0;
}
