/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutants on the terminal: a survivor as the change of its source that nobody would have noticed,
 * and a table by operator.
 *
 * The source is looked for below the folder that the program was called in, and believed only when
 * it has the original text at the place where the mutant says; otherwise the two texts alone are
 * shown.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/report/report.h"

/* A text file, ended by a NUL; null when it cannot be read or is too long. To be freed. */
static char *read_source(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = file ? calloc(1, SOURCE_BYTES_MAX + 1) : NULL;
    size_t size = text ? fread(text, 1, SOURCE_BYTES_MAX + 1, file) : 0;
    if (file)
        fclose(file);
    if (size > 0 && size <= SOURCE_BYTES_MAX)
        return text;
    free(text);
    return NULL;
}

/* Where the mutant's text stands in its source; null: not there. */
static const char *place_of(const struct mutant_row *what, const char *source)
{
    const char *at = source;
    for (uint32_t line = 1; line < what->line && at; line++) {
        at = strchr(at, '\n');
        at += at != NULL;
    }
    bool is_whole = strlen(what->original) + 1 < sizeof what->original &&
                    strlen(what->replacement) + 1 < sizeof what->replacement;
    if (!at || what->column == 0 || strcspn(at, "\n") + 1 < what->column || !is_whole)
        return NULL;
    at += what->column - 1;
    return strncmp(at, what->original, strlen(what->original)) == 0 ? at : NULL;
}

/* Each line of the text behind a sign; what could steer a terminal is replaced. */
static void print_signed(FILE *out, char sign, const char *text, size_t size)
{
    bool begins = true;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (begins)
            fputc(sign, out);
        begins = byte == '\n';
        fputc((byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7f ? '?' : byte, out);
    }
    if (!begins)
        fputc('\n', out);
}

static uint32_t count_lines(const char *text, size_t size)
{
    uint32_t lines = 1;
    for (size_t i = 0; i + 1 < size; i++)
        lines += text[i] == '\n';
    return lines;
}

/* The lines that the change touches, before and after. */
static void print_hunk(FILE *out, const struct mutant_row *what, const char *source,
                       const char *place)
{
    const char *from = place, *end = place + strlen(what->original);
    while (from > source && from[-1] != '\n')
        from--;
    end += strcspn(end, "\n");
    char *after = NULL;
    const char *behind = place + strlen(what->original);
    if (asprintf(&after, "%.*s%s%.*s", (int)(place - from), from, what->replacement,
                 (int)(end - behind), behind) < 0)
        return;
    uint32_t before_lines = count_lines(from, (size_t)(end - from));
    uint32_t after_lines = count_lines(after, strlen(after));
    fprintf(out, "@@ -%u,%u +%u,%u @@ %s\n", what->line, before_lines, what->line, after_lines,
            what->function);
    print_signed(out, '-', from, (size_t)(end - from));
    print_signed(out, '+', after, strlen(after));
    free(after);
}

static void print_change(FILE *out, const struct mutant_row *what)
{
    char *source = read_source(what->file);
    const char *place = source ? place_of(what, source) : NULL;
    fprintf(out, "\n--- a/%s\n+++ b/%s\n", what->file, what->file);
    if (place) {
        print_hunk(out, what, source, place);
    } else {
        fprintf(out, "@@ -%u +%u @@ %s\n", what->line, what->line, what->function);
        print_signed(out, '-', what->original, strlen(what->original));
        print_signed(out, '+', what->replacement, strlen(what->replacement));
    }
    free(source);
}

void terminal_survivor(const struct terminal *terminal, const char *module,
                       const struct judged_mutant *mutant)
{
    FILE *out = terminal->out;
    size_t first = strcspn(mutant->reached_by, " ");
    terminal_progress(terminal, "%s", "");
    print_change(out, &mutant->what);
    fprintf(out, "      mutant    %s, key %016llx%s\n", mutant->what.operator_name,
            (unsigned long long)mutant->what.key, mutant->suppressed ? ", suppressed" : "");
    if (mutant->state == MUTANT_NOT_REACHED) {
        fprintf(out, "      reached   by no run of any case: it wants a case\n");
        return;
    }
    fprintf(out, "      reached   by %s\n", mutant->reached_by);
    fprintf(out, "      tried     in %llu runs", (unsigned long long)mutant->runs);
    if (mutant->skipped)
        fprintf(out, "; %u of the %u that reach it are beyond its budget", mutant->skipped,
                mutant->cells);
    fprintf(out, "\n      try       assay check %s --mutant %016llx --case %.*s\n", module,
            (unsigned long long)mutant->what.key, (int)first, mutant->reached_by);
    fflush(out);
}

void terminal_mutation(const struct terminal *terminal, const struct mutation *mutation)
{
    FILE *out = terminal->out;
    fprintf(out, "\n%-24s %7s %7s %7s %10s %7s\n", "operator", "mutants", "reached", "killed",
            "suppressed", "score");
    for (uint32_t i = 0; i < mutation->operator_count; i++) {
        const struct operator_score *row = &mutation->by_operator[i];
        fprintf(out, "%-24s %7u %7u %7u %10u %5.1f %%\n", row->name, row->total, row->reached,
                row->killed, row->suppressed, 100 * row->score);
    }
    fprintf(out, "%-24s %7u %7u %7u %10u %5.1f %%\n", "all", mutation->total, mutation->reached,
            mutation->killed, mutation->suppressed, 100 * mutation->score);
}
