/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a mutant may stand.
 *
 * A switch is brackets around the text of an expression, or a condition in front of a statement. So
 * the text must be that expression, all of it and nothing else: brackets close each other, each
 * macro is either within it with all its arguments, or around it as one argument, or elsewhere.
 * What begins or ends with a macro that falls apart in an expression (`#define TWO 1 + 1`) is
 * refused, and so is what only a part of a macro stands for. A directive of the preprocessor in
 * between may make it another expression elsewhere.
 */
#include <string.h>

#include "coverage/mutate/mutate.h"

/* The nearest node around it that is not brackets. */
static const struct node *around(const struct node *node)
{
    return bracketed(node)->parent;
}

bool is_macro(const struct planner *planner, const struct node *node)
{
    for (uint32_t i = 0; i < planner->view->macro_count; i++)
        if (span_equal(planner->view->macros[i].at, node->at))
            return true;
    return false;
}

/* A node that stands for a part of what a macro does: the node around it has the same text, or one
 * beside it has. Where all is written out, no two nodes have. */
static bool is_inside_macro(const struct node *node)
{
    const struct node *outer = around(node);
    if (!outer || node->is_unwritten)
        return node->is_unwritten;
    if (!outer->is_placed || span_equal(outer->at, node->at))
        return true;
    for (uint32_t i = 0; i < outer->child_count; i++)
        if (outer->children[i] != bracketed(node) && span_equal(outer->children[i]->at, node->at))
            return true;
    return false;
}

/* One macro against the text of a node. */
static bool suits_macro(const struct planner *planner, const struct macro *macro,
                        const struct node *node, bool is_statement)
{
    struct span at = node->at;
    if (macro->at.end <= at.begin || at.end <= macro->at.begin)
        return true;
    if (span_within(macro->at, at))
        return is_statement || macro->closed ||
               (macro->at.begin != at.begin && macro->at.end != at.end);
    return macro->at.begin < at.begin && at.end < macro->at.end &&
           !has_open_comma(planner->view->file, at);
}

static bool has_statement_expression(const struct node *node)
{
    if (node->kind == CXCursor_StmtExpr)
        return true;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (has_statement_expression(node->children[i]))
            return true;
    return false;
}

/* Whether the node has text that can be switched; else why not. */
static bool is_site(const struct planner *planner, const struct node *node, bool is_statement,
                    enum refusal *ret_why)
{
    const struct file *file = planner->view->file;
    *ret_why = REFUSED_MACRO;
    if (!node->is_placed || !span_within(node->at, planner->function->body) ||
        !is_balanced(file, node->at))
        return false;
    for (uint32_t i = 0; i < planner->view->macro_count; i++)
        if (!suits_macro(planner, &planner->view->macros[i], node, is_statement))
            return false;
    *ret_why = REFUSED_DIRECTIVE;
    if (has_directive(file, node->at))
        return false;
    *ret_why = REFUSED_STATEMENT_EXPRESSION;
    if (!is_statement && has_statement_expression(node))
        return false;
    *ret_why = REFUSED_LONG;
    return node->at.end - node->at.begin <= ORIGINAL_BYTES_MAX;
}

void refuse(struct planner *planner, enum refusal why)
{
    if (!planner->view->file->was_read)
        planner->program->refused[why]++;
}

static bool is_same(const struct mutation *a, const struct mutation *b)
{
    return span_equal(a->site, b->site) && a->form == b->form &&
           (a->alternative == b->alternative ||
            (a->alternative && b->alternative && strcmp(a->alternative, b->alternative) == 0));
}

static bool is_listed(struct mutation *const *list, uint32_t count, const struct mutation *mutation,
                      struct mutation **ret)
{
    for (uint32_t i = count; i-- > 0;)
        if (is_same(list[i], mutation)) {
            *ret = list[i];
            return true;
        }
    return false;
}

/* Adds a mutation to its function, and to its file, where an earlier unit may have found it. Two
 * operators may come to the same change: the first one has it. */
static void add(struct planner *planner, const struct mutation *mutation)
{
    struct arena *arena = &planner->program->arena;
    struct function *function = planner->function;
    struct file *file = planner->view->file;
    struct mutation *kept = NULL;
    if (is_listed(function->mutations, function->mutation_count, mutation, &kept))
        return;
    if (!file->was_read || !is_listed(file->mutations, file->mutation_count, mutation, &kept)) {
        kept = arena_take(arena, sizeof *kept);
        *kept = *mutation;
        file->mutations =
            arena_grow(arena, file->mutations, file->mutation_count, sizeof(struct mutation *));
        file->mutations[file->mutation_count++] = kept;
    }
    function->mutations =
        arena_grow(arena, function->mutations, function->mutation_count, sizeof(struct mutation *));
    function->mutations[function->mutation_count++] = kept;
}

/* Nobody uses the value of the expression. */
static bool is_discarded(const struct node *node)
{
    enum role role = bracketed(node)->role;
    return role == ROLE_STATEMENT || role == ROLE_STEP || node->type.kind == CXType_Void;
}

void propose(struct planner *planner, const struct proposal *proposal)
{
    enum refusal why;
    const struct node *node = proposal->node;
    if (is_inside_macro(node))
        return; /* nobody has written it here */
    if (!is_site(planner, node, false, &why)) {
        refuse(planner, why);
        return;
    }
    bool all = proposal->edit.begin == proposal->edit.end;
    add(planner,
        &(struct mutation){
            .operator_name = proposal->operator_name,
            .function = planner->function->name,
            .file = planner->view->file,
            .site = node->at,
            .form = is_discarded(node) ? FORM_DISCARDED : FORM_VALUE,
            .alternative = proposal->alternative,
            .edit = all ? node->at : proposal->edit,
            .replacement = proposal->replacement ? proposal->replacement : proposal->alternative,
            .callee = proposal->callee,
            .forced = proposal->forced,
        });
}

void propose_prefix(struct planner *planner, const char *operator_name, const struct node *node)
{
    enum refusal why;
    if (is_inside_macro(node))
        return;
    if (!is_site(planner, node, true, &why)) {
        refuse(planner, why);
        return;
    }
    add(planner, &(struct mutation){
                     .operator_name = operator_name,
                     .function = planner->function->name,
                     .file = planner->view->file,
                     .site = node->at,
                     .form = FORM_PREFIX,
                     .edit = node->at,
                     .replacement = "",
                 });
}
