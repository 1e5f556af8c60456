/* SPDX-License-Identifier: Apache-2.0
 *
 * A translation unit with its mutants in it, as one file.
 *
 * Headers below the root stand in the place of the directives that included them, since functions
 * in them have mutants, too; a directive by which nothing was entered is left out. The rest is the
 * text as it was, line by line. A function with mutants has two bodies: the one with the
 * switches, and the original one, which runs as fast as it did. A switch is
 *
 *     (ASSAY_M(7) ? (a <= b) : ASSAY_M(8) ? 0 : (a < b))
 *
 * where only the last arm may hold other switches: at most one mutant is active, so the others have
 * the original text of their operands, and nesting costs its depth. The loops of both bodies count
 * their turns. A function with variables that are static and change has the switched body only: two
 * would each have their own.
 */
#include <stdlib.h>
#include <string.h>

#include "coverage/mutate/mutate.h"

struct renderer {
    const struct file *file;
    struct buffer *to;
    struct mutation **list; /* in the order of the text, outer ones first */
    uint32_t count, next;
    const struct insertion *insertions;
    uint32_t insertion_count, next_insertion;
};

/* Text up to `end_`, with the insertions before that. */
static void copy(struct renderer *renderer, uint32_t begin, uint32_t end_)
{
    while (renderer->next_insertion < renderer->insertion_count &&
           renderer->insertions[renderer->next_insertion].offset <= end_) {
        const struct insertion *insertion = &renderer->insertions[renderer->next_insertion++];
        buffer_add(renderer->to, renderer->file->text + begin, insertion->offset - begin);
        buffer_add(renderer->to, insertion->text, strlen(insertion->text));
        begin = insertion->offset;
    }
    buffer_add(renderer->to, renderer->file->text + begin, end_ - begin);
}

static void render_span(struct renderer *, struct span);

/* The mutants of one place, as a chain of conditions around its text. */
static void render_site(struct renderer *renderer)
{
    const struct mutation *first = renderer->list[renderer->next];
    bool is_discarded = first->form == FORM_DISCARDED;
    buffer_format(renderer->to, "(");
    while (renderer->next < renderer->count) {
        const struct mutation *mutation = renderer->list[renderer->next];
        if (!span_equal(mutation->site, first->site) || mutation->form != first->form)
            break;
        buffer_format(renderer->to, "ASSAY_M(%u) ? %s%s : ", mutation->number,
                      is_discarded ? "(void)" : "", mutation->alternative);
        renderer->next++;
    }
    buffer_format(renderer->to, "%s(", is_discarded ? "(void)" : "");
    render_span(renderer, first->site);
    buffer_format(renderer->to, "))");
}

static void render_span(struct renderer *renderer, struct span span)
{
    uint32_t at = span.begin;
    while (renderer->next < renderer->count &&
           renderer->list[renderer->next]->site.begin < span.end) {
        const struct mutation *mutation = renderer->list[renderer->next];
        copy(renderer, at, mutation->site.begin);
        at = mutation->site.begin;
        if (mutation->form == FORM_PREFIX) {
            buffer_format(renderer->to, "if (ASSAY_M(%u)) {} else ", mutation->number);
            renderer->next++;
        } else {
            render_site(renderer);
            at = mutation->site.end;
        }
    }
    copy(renderer, at, span.end);
}

static int by_place(const void *a, const void *b)
{
    const struct mutation *left = *(struct mutation *const *)a,
                          *right = *(struct mutation *const *)b;
    return left->number < right->number ? -1 : left->number > right->number;
}

static int by_offset(const void *a, const void *b)
{
    const struct insertion *left = a, *right = b;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* Its mutants that have numbers, in order, to the front. */
static uint32_t numbered(struct function *function)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < function->mutation_count; i++)
        if (function->mutations[i]->number > 0) {
            struct mutation *mutation = function->mutations[i];
            function->mutations[i] = function->mutations[count];
            function->mutations[count++] = mutation;
        }
    if (count > 0)
        qsort(function->mutations, count, sizeof *function->mutations, by_place);
    return count;
}

/* One body, with `count` mutants; its lines are those of the source. */
static void render_body(const struct file *file, const struct function *function, uint32_t count,
                        struct buffer *to)
{
    buffer_format(to, "\n#line %u \"%s\"\n", line_of(file, function->body.begin), file->name);
    render_span(&(struct renderer){.file = file,
                                   .to = to,
                                   .list = function->mutations,
                                   .count = count,
                                   .insertions = function->insertions,
                                   .insertion_count = function->insertion_count},
                function->body);
}

/* Labels belong to one body each. */
static void render_labels(const struct function *function, struct buffer *to)
{
    for (uint32_t i = 0; i < function->label_count; i++)
        buffer_format(to, "__label__ %s; ", function->labels[i]);
}

static void render_function(const struct file *file, struct function *function, struct buffer *to)
{
    struct buffer first = {0};
    uint32_t count = numbered(function);
    if (function->insertion_count > 0)
        qsort(function->insertions, function->insertion_count, sizeof *function->insertions,
              by_offset);
    if (count == 0) {
        render_body(file, function, 0, to);
        return;
    }
    first_name(file, &first);
    buffer_format(to, "{ ");
    if (!function->has_static)
        buffer_format(to, "if (assay_enters(%s, %u, %u)) ", first.data,
                      function->mutations[0]->number, function->mutations[count - 1]->number);
    buffer_format(to, "{ ");
    render_labels(function, to);
    buffer_format(to,
                  "const __UINT32_TYPE__ assay_first = %s, assay_active = assay_number(%s); "
                  "(void)assay_first; (void)assay_active;",
                  first.data, first.data);
    render_body(file, function, count, to);
    if (!function->has_static) {
        buffer_format(to, " } else { ");
        render_labels(function, to);
        render_body(file, function, 0, to);
    }
    buffer_format(to, " } }");
    buffer_done(&first);
}

/* The line of a directive, from its sign to the end. */
static struct span directive_at(const struct file *file, uint32_t offset)
{
    struct span at = {offset, offset};
    while (at.begin > 0 && file->text[at.begin - 1] != '\n')
        at.begin--;
    while (at.end < file->size && file->text[at.end] != '\n')
        at.end++;
    return at;
}

/* A header that includes itself again, on a detour, had nothing in it then. */
static void render_view(struct view *view, struct buffer *to)
{
    const struct file *file = view->file;
    uint32_t at = 0, function = 0, inclusion = 0;
    view->is_open = true;
    buffer_format(to, "#line 1 \"%s\"\n", file->name);
    while (function < view->function_count || inclusion < view->inclusion_count) {
        bool is_function =
            inclusion == view->inclusion_count ||
            (function < view->function_count &&
             view->functions[function].body.begin < view->inclusions[inclusion].offset);
        struct span span = is_function ? view->functions[function].body
                                       : directive_at(file, view->inclusions[inclusion].offset);
        buffer_add(to, file->text + at, span.begin - at);
        at = span.end;
        if (is_function) {
            render_function(file, &view->functions[function++], to);
            continue;
        }
        struct view *entered = view->inclusions[inclusion++].view;
        if (!entered || entered->is_open)
            continue;
        buffer_format(to, "\n");
        render_view(entered, to);
        buffer_format(to, "\n#line %u \"%s\"\n", line_of(file, span.end), file->name);
    }
    buffer_add(to, file->text + at, file->size - at);
    view->is_open = false;
}

void render_unit(const struct unit *unit, struct buffer *ret)
{
    buffer_format(ret,
                  "/* Written by assay-mutate from %s. */\n"
                  "#include \"coverage/mutate/inside.h\"\n",
                  unit->views[0]->file->name);
    for (uint32_t i = 0; i < unit->view_count; i++) {
        buffer_format(ret, "extern const __UINT32_TYPE__ ");
        first_name(unit->views[i]->file, ret);
        buffer_format(ret, " __attribute__((visibility(\"hidden\")));\n");
    }
    render_view(unit->views[0], ret);
}
