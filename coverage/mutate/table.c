/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers and keys of the mutants, and the table of them that is compiled into the module.
 *
 * Numbers count in each file from 1, in the order of the text, for those that are wanted. A key
 * says which mutant it is although lines have moved: a hash (FNV-1a, 64 bits) of the names of file
 * and function, the operator, the code that is replaced and what replaces it, and how many equal
 * ones stand before it in the function.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coverage/mutate/mutate.h"

/* In the order of the text; outer before inner ones, statements before what is in them. */
static int by_site(const void *a, const void *b)
{
    const struct mutation *left = *(struct mutation *const *)a,
                          *right = *(struct mutation *const *)b;
    if (left->site.begin != right->site.begin)
        return left->site.begin < right->site.begin ? -1 : 1;
    if (left->site.end != right->site.end)
        return left->site.end > right->site.end ? -1 : 1;
    if (left->form != right->form)
        return left->form < right->form ? -1 : 1;
    int order = strcmp(left->operator_name, right->operator_name);
    return order                                     ? order
           : left->alternative && right->alternative ? strcmp(left->alternative, right->alternative)
                                                     : 0;
}

void number_all(struct program *program)
{
    for (uint32_t i = 0; i < program->file_count; i++) {
        struct file *file = program->files[i];
        uint32_t number = 0;
        if (file->mutation_count > 0)
            qsort(file->mutations, file->mutation_count, sizeof *file->mutations, by_site);
        for (uint32_t k = 0; k < file->mutation_count; k++) {
            struct mutation *mutation = file->mutations[k];
            mutation->number = mutation->is_wanted && !mutation->is_dropped ? ++number : 0;
        }
    }
}

bool drop_line(const struct file *file, uint32_t line)
{
    struct mutation *smallest = NULL;
    bool dropped = false;
    for (uint32_t i = 0; i < file->mutation_count; i++) {
        struct mutation *mutation = file->mutations[i];
        uint32_t first = line_of(file, mutation->site.begin),
                 last = line_of(file, mutation->site.end - 1);
        if (mutation->number == 0 || line < first || line > last)
            continue;
        if (first == line)
            dropped = mutation->is_dropped = true;
        else if (!smallest || span_within(mutation->site, smallest->site))
            smallest = mutation;
    }
    if (!dropped && smallest)
        dropped = smallest->is_dropped = true;
    return dropped;
}

static uint64_t hash(uint64_t so_far, const char *text)
{
    do {
        so_far = (so_far ^ (uint8_t)*text) * 0x100000001b3u;
    } while (*text++);
    return so_far;
}

static void set_keys_of(struct program *program, struct file *file)
{
    uint64_t *plain = arena_take(&program->arena, (file->mutation_count + 1) * sizeof *plain);
    for (uint32_t i = 0; i < file->mutation_count; i++) {
        struct mutation *mutation = file->mutations[i];
        const char *parts[] = {file->name, mutation->function, mutation->operator_name,
                               code_of(&program->arena, file, mutation->site),
                               mutation->alternative ? mutation->alternative : ""};
        char ordinal_text[16];
        uint32_t ordinal = 0;
        plain[i] = 0xcbf29ce484222325u;
        for (size_t part = 0; part < sizeof parts / sizeof *parts; part++)
            plain[i] = hash(plain[i], parts[part]);
        for (uint32_t k = 0; k < i; k++)
            ordinal += plain[k] == plain[i];
        (void)snprintf(ordinal_text, sizeof ordinal_text, "%" PRIu32, ordinal);
        mutation->key = hash(plain[i], ordinal_text);
    }
}

void set_keys(struct program *program)
{
    for (uint32_t i = 0; i < program->file_count; i++)
        set_keys_of(program, program->files[i]);
}

void first_name(const struct file *file, struct buffer *ret)
{
    buffer_format(ret, "assay_first_");
    for (const char *c = file->name; *c; c++)
        if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9'))
            buffer_add(ret, c, 1);
        else
            buffer_format(ret, "_");
}

/* Text as a literal of C. */
static void add_literal(struct buffer *to, const char *text, size_t size)
{
    buffer_add(to, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '\\' || c == '"' || c == '?')
            buffer_format(to, "\\%c", c);
        else if (c >= ' ' && c <= '~')
            buffer_add(to, &c, 1);
        else
            buffer_format(to, "\\%03o", (unsigned)(uint8_t)c);
    }
    buffer_add(to, "\"", 1);
}

static uint32_t column_of(const struct file *file, uint32_t offset)
{
    return offset - file->line_starts[line_of(file, offset) - 1] + 1;
}

static void add_row(struct buffer *to, const struct file *file, const struct mutation *mutation)
{
    const char *texts[] = {mutation->function, file->text + mutation->edit.begin,
                           mutation->replacement};
    size_t sizes[] = {strlen(mutation->function), mutation->edit.end - mutation->edit.begin,
                      strlen(mutation->replacement)};
    buffer_format(to, "    {\"%s\", \"%s\", %u, %u, ", mutation->operator_name, file->name,
                  line_of(file, mutation->edit.begin), column_of(file, mutation->edit.begin));
    for (size_t i = 0; i < 3; i++) {
        add_literal(to, texts[i], sizes[i]);
        buffer_format(to, ", ");
    }
    buffer_format(to, "0x%016" PRIx64 "},\n", mutation->key);
}

void table_render(const struct program *program, struct buffer *ret)
{
    struct buffer firsts = {0};
    uint32_t count = 0;
    buffer_format(ret, "/* Written by assay-mutate. */\n"
                       "#include \"coverage/mutate/mutant.h\"\n\n"
                       "#define HIDDEN __attribute__((visibility(\"hidden\")))\n"
                       "extern const struct mutant assay_mutant_table[] HIDDEN;\n"
                       "const struct mutant assay_mutant_table[] = {\n");
    for (uint32_t i = 0; i < program->file_count; i++) {
        const struct file *file = program->files[i];
        buffer_format(&firsts, "extern const uint32_t ");
        first_name(file, &firsts);
        buffer_format(&firsts, " HIDDEN;\nconst uint32_t ");
        first_name(file, &firsts);
        buffer_format(&firsts, " = %" PRIu32 ";\n", count);
        for (uint32_t k = 0; k < file->mutation_count; k++)
            if (file->mutations[k]->number > 0) {
                add_row(ret, file, file->mutations[k]);
                count++;
            }
    }
    buffer_format(ret,
                  "    {0}};\n"
                  "extern const uint32_t assay_mutant_count HIDDEN;\n"
                  "const uint32_t assay_mutant_count = %" PRIu32 ";\n%s",
                  count, firsts.data ? firsts.data : "");
    buffer_done(&firsts);
}

void list_print(const struct program *program)
{
    struct arena arena = {NULL};
    for (uint32_t i = 0; i < program->file_count; i++) {
        const struct file *file = program->files[i];
        for (uint32_t k = 0; k < file->mutation_count; k++) {
            const struct mutation *mutation = file->mutations[k];
            if (mutation->number > 0)
                printf("%016" PRIx64 " %s:%u:%u: %s in %s: %s -> %s\n", mutation->key, file->name,
                       line_of(file, mutation->edit.begin), column_of(file, mutation->edit.begin),
                       mutation->operator_name, mutation->function,
                       code_of(&arena, file, mutation->edit), mutation->replacement);
        }
    }
    arena_done(&arena);
}

void summary_print(const struct program *program)
{
    static const char *const reasons[REFUSALS] = {
        [REFUSED_MACRO] = "in macros",
        [REFUSED_DIRECTIVE] = "with a directive within",
        [REFUSED_STATEMENT_EXPRESSION] = "with statements within",
        [REFUSED_UNDEFINED] = "undefined",
        [REFUSED_TYPE] = "of pointers",
        [REFUSED_LONG] = "too long",
    };
    uint32_t count = 0, dropped = 0;
    for (uint32_t i = 0; i < program->file_count; i++)
        for (uint32_t k = 0; k < program->files[i]->mutation_count; k++) {
            count += program->files[i]->mutations[k]->number > 0;
            dropped += program->files[i]->mutations[k]->is_dropped;
        }
    printf("mutants: %" PRIu32 " in %" PRIu32 " sources, %" PRIu32 " do not compile", count,
           program->source_count, dropped);
    for (int i = 0; i < REFUSALS; i++)
        printf("%s%" PRIu32 " %s", i == 0 ? "; refused: " : ", ", program->refused[i], reasons[i]);
    putchar('\n');
}
