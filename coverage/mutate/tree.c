/* SPDX-License-Identifier: Apache-2.0
 *
 * From libclang to trees of nodes that know where they stand in the text.
 *
 * A node's span is what was written for it: from the place in the file where its first token was
 * written to that of its last. What a macro stands for is not written, so such nodes have the span
 * of the macro with its arguments; an argument is written, where it stands. When a
 * node's last token comes from a macro within an argument of another one, libclang 14 reports the
 * beginning of that macro as the end of the node: there the end is found from the children (mend).
 *
 * Left out, because they are not evaluated or must be constant: what stands in sizeof, _Alignof,
 * _Generic, assembler, in labels of case, in types, attributes and static initialisers. So no
 * mutant can come to stand there.
 *
 * On the way loops and jumps are given their fuel, as text to be put in front of a condition. A
 * loop that comes whole out of a macro has none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coverage/mutate/mutate.h"

struct place {
    CXFile handle;
    struct view *view;
};

struct reader {
    struct program *program;
    struct unit *unit;
    CXTranslationUnit translation;
    struct place *places; /* of the files below the root */
    uint32_t place_count;
    struct view *view;
    CXFile handle; /* of the view */
    struct function *function;
};

/* --- Cursors -----------------------------------------------------------------------------------
 */

struct cursors {
    struct arena *arena;
    CXCursor *at;
    uint32_t count;
};

static enum CXChildVisitResult collect(CXCursor cursor, CXCursor parent, CXClientData data)
{
    struct cursors *list = data;
    (void)parent;
    list->at = arena_grow(list->arena, list->at, list->count, sizeof *list->at);
    list->at[list->count++] = cursor;
    return CXChildVisit_Continue;
}

static struct cursors children_of(struct reader *reader, CXCursor cursor)
{
    struct cursors list = {&reader->program->arena, NULL, 0};
    clang_visitChildren(cursor, collect, &list);
    return list;
}

static const char *taken(struct reader *reader, CXString string)
{
    const char *text = clang_getCString(string);
    char *copy = arena_format(&reader->program->arena, "%s", text ? text : "");
    clang_disposeString(string);
    return copy;
}

/* Where a range was written; false when not all of it in one file, which is set. */
static bool written_at(CXSourceRange range, CXFile *ret_file, struct span *ret)
{
    CXFile last = NULL;
    clang_getFileLocation(clang_getRangeStart(range), ret_file, NULL, NULL, &ret->begin);
    clang_getFileLocation(clang_getRangeEnd(range), &last, NULL, NULL, &ret->end);
    return *ret_file && clang_File_isEqual(*ret_file, last) && ret->begin <= ret->end;
}

/* --- Macros ------------------------------------------------------------------------------------
 */

/* The tokens of a macro's definition, from the first behind its name and parameters. */
static uint32_t macro_body(struct reader *reader, const CXToken *tokens, uint32_t count)
{
    unsigned after_name = 0, bracket = 1;
    if (count < 2)
        return count;
    clang_getFileLocation(clang_getRangeEnd(clang_getTokenExtent(reader->translation, tokens[0])),
                          NULL, NULL, NULL, &after_name);
    clang_getFileLocation(clang_getTokenLocation(reader->translation, tokens[1]), NULL, NULL, NULL,
                          &bracket);
    const char *first = taken(reader, clang_getTokenSpelling(reader->translation, tokens[1]));
    if (after_name != bracket || strcmp(first, "(") != 0)
        return 1;
    uint32_t i = 2;
    while (i < count &&
           strcmp(taken(reader, clang_getTokenSpelling(reader->translation, tokens[i])), ")") != 0)
        i++;
    return i + 1;
}

/* Whether tokens are one, or a sign and one, or something in brackets, perhaps behind a name or
 * a cast in front of one. */
static bool is_closed(struct reader *reader, const CXToken *tokens, uint32_t count)
{
    uint32_t first = 0, close = 0;
    int depth = 0;
    if (count <= 1)
        return count == 1;
    const char *token = taken(reader, clang_getTokenSpelling(reader->translation, tokens[0]));
    if (strcmp(token, "-") == 0 || strcmp(token, "~") == 0)
        return count == 2;
    if (strcmp(token, "(") != 0)
        first = 1;
    for (uint32_t i = first; i < count; i++) {
        token = taken(reader, clang_getTokenSpelling(reader->translation, tokens[i]));
        depth += (strcmp(token, "(") == 0) - (strcmp(token, ")") == 0);
        if (depth == 0) {
            close = i;
            break;
        }
    }
    return close > first && (close + 1 == count || (first == 0 && close + 2 == count));
}

static bool macro_is_closed(struct reader *reader, CXCursor expansion)
{
    CXToken *tokens = NULL;
    unsigned count = 0;
    CXCursor definition = clang_getCursorReferenced(expansion);
    if (clang_Cursor_isNull(definition))
        return true; /* one that is built in */
    clang_tokenize(reader->translation, clang_getCursorExtent(definition), &tokens, &count);
    uint32_t body = macro_body(reader, tokens, count);
    bool closed = body < count && is_closed(reader, tokens + body, count - body);
    clang_disposeTokens(reader->translation, tokens, count);
    return closed;
}

static void add_macro(struct reader *reader, struct view *view, CXCursor cursor, struct span at)
{
    view->macros =
        arena_grow(&reader->program->arena, view->macros, view->macro_count, sizeof *view->macros);
    view->macros[view->macro_count++] = (struct macro){at, macro_is_closed(reader, cursor)};
}

/* --- Where nodes end ---------------------------------------------------------------------------
 */

/* Whether the span ends where a macro begins: what libclang says when the last token comes from
 * that macro, and that stands in an argument of another one. */
static bool ends_at_macro(const struct view *view, struct span span)
{
    for (uint32_t i = 0; i < view->macro_count; i++)
        if (view->macros[i].at.begin == span.end)
            return true;
    return false;
}

/* The end of the macro that begins at the offset, or the offset. */
static uint32_t macro_end(const struct view *view, uint32_t begin)
{
    for (uint32_t i = 0; i < view->macro_count; i++)
        if (view->macros[i].at.begin == begin)
            return view->macros[i].at.end;
    return begin;
}

/* What stands behind the last child of a node of this kind. */
static char closer_of(const struct node *node)
{
    static const struct {
        enum CXCursorKind kind;
        char closer;
    } rows[] = {
        {CXCursor_CallExpr, ')'},
        {CXCursor_ParenExpr, ')'},
        {CXCursor_ArraySubscriptExpr, ']'},
        {CXCursor_InitListExpr, '}'},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].kind == node->kind)
            return rows[i].closer;
    return '\0';
}

/* Whether the last child of a node of this kind is its end. */
static bool ends_with_child(const struct node *node)
{
    return node->kind == CXCursor_BinaryOperator || node->kind == CXCursor_CompoundAssignOperator ||
           node->kind == CXCursor_ConditionalOperator || node->kind == CXCursor_CStyleCastExpr ||
           node->kind == CXCursor_UnaryOperator || node->kind == CXCursor_UnexposedExpr ||
           node->kind == CXCursor_CompoundLiteralExpr;
}

/* Finds the end of a node whose reported one is wrong, or gives the node up. The children have been
 * mended before. */
static void mend(const struct view *view, struct node *node)
{
    uint32_t last = node->at.begin, own = macro_end(view, node->at.begin);
    for (uint32_t i = 0; i < node->child_count; i++)
        if (node->children[i]->at.end > last)
            last = node->children[i]->at.end;
    char closer = closer_of(node);
    uint32_t close = skip_blank(view->file, last);
    if (own > node->at.begin && own >= last)
        node->at.end = own;
    else if (closer && node->child_count > 0 && view->file->bare[close] == closer)
        node->at.end = close + 1;
    else if (node->child_count > 0 && ends_with_child(node))
        node->at.end = last;
    else
        node->is_placed = false;
}

/* --- Fuel --------------------------------------------------------------------------------------
 */

static void insert(struct reader *reader, uint32_t offset, const char *text)
{
    struct function *function = reader->function;
    function->insertions = arena_grow(&reader->program->arena, function->insertions,
                                      function->insertion_count, sizeof *function->insertions);
    function->insertions[function->insertion_count++] = (struct insertion){offset, text};
}

/* Whether the word stands at the offset. */
static bool word_at(const struct file *file, uint32_t offset, const char *word)
{
    return strncmp(file->bare + offset, word, strlen(word)) == 0;
}

/* Behind the bracket that must follow the word at the offset; 0 when the word is not there. */
static uint32_t head_behind(const struct file *file, uint32_t offset, const char *word)
{
    if (!word_at(file, offset, word))
        return 0;
    offset = skip_blank(file, offset + (uint32_t)strlen(word));
    return file->bare[offset] == '(' ? offset + 1 : 0;
}

/* The next semicolon that is in no bracket of its own. */
static uint32_t semicolon(const struct file *file, uint32_t offset)
{
    int depth = 0;
    for (; offset < file->size; offset++) {
        char c = file->bare[offset];
        depth += (strchr("([{", c) != NULL) - (strchr(")]}", c) != NULL);
        if (depth == 0 && c == ';')
            break;
    }
    return offset;
}

static void fuel_while(struct reader *reader, const struct node *node)
{
    uint32_t head = head_behind(reader->view->file, node->at.begin, "while");
    if (head)
        insert(reader, head, "assay_turn(), ");
}

static void fuel_do(struct reader *reader, const struct node *node)
{
    const struct file *file = reader->view->file;
    uint32_t after = skip_blank(file, node->children[0]->at.end);
    if (file->bare[after] == ';')
        after = skip_blank(file, after + 1);
    uint32_t head = word_at(file, node->at.begin, "do") ? head_behind(file, after, "while") : 0;
    if (head)
        insert(reader, head, "assay_turn(), ");
}

static void fuel_for(struct reader *reader, const struct node *node)
{
    const struct file *file = reader->view->file;
    uint32_t head = head_behind(file, node->at.begin, "for");
    if (!head)
        return;
    uint32_t condition = skip_blank(file, semicolon(file, head) + 1);
    insert(reader, condition, file->bare[condition] == ';' ? "assay_turn(), 1" : "assay_turn(), ");
}

static void fuel_goto(struct reader *reader, const struct node *node)
{
    if (word_at(reader->view->file, node->at.begin, "goto"))
        insert(reader, node->at.begin, "if (assay_turn()) {} else ");
}

static void add_fuel(struct reader *reader, const struct node *node)
{
    static const struct {
        enum CXCursorKind kind;
        void (*add)(struct reader *, const struct node *);
    } rows[] = {
        {CXCursor_WhileStmt, fuel_while},       {CXCursor_DoStmt, fuel_do},
        {CXCursor_ForStmt, fuel_for},           {CXCursor_GotoStmt, fuel_goto},
        {CXCursor_IndirectGotoStmt, fuel_goto},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].kind == node->kind)
            rows[i].add(reader, node);
}

/* --- Trees -------------------------------------------------------------------------------------
 */

static struct node *build(struct reader *, CXCursor, struct node *parent, uint32_t depth);

static void adopt(struct reader *reader, struct node *node, CXCursor cursor, uint32_t depth)
{
    struct node *child = build(reader, cursor, node, depth + 1);
    if (!child)
        return;
    node->children = arena_grow(&reader->program->arena, node->children, node->child_count,
                                sizeof *node->children);
    node->children[node->child_count++] = child;
}

static bool is_opaque(enum CXCursorKind kind)
{
    return kind == CXCursor_UnaryExpr || kind == CXCursor_GenericSelectionExpr ||
           kind == CXCursor_AddrLabelExpr || kind == CXCursor_GCCAsmStmt ||
           kind == CXCursor_MSAsmStmt;
}

static bool is_part_of_tree(enum CXCursorKind kind)
{
    return clang_isExpression(kind) || clang_isStatement(kind);
}

/* A variable brings its initialiser, when that is evaluated where it stands. */
static void adopt_variable(struct reader *reader, struct node *node, CXCursor cursor,
                           uint32_t depth)
{
    enum CX_StorageClass storage = clang_Cursor_getStorageClass(cursor);
    CXCursor initialiser = clang_Cursor_getVarDeclInitializer(cursor);
    if (storage == CX_SC_Static && !clang_isConstQualifiedType(clang_getCursorType(cursor)))
        reader->function->has_static = true;
    if (storage != CX_SC_Static && storage != CX_SC_Extern && !clang_Cursor_isNull(initialiser))
        adopt(reader, node, initialiser, depth);
}

static void adopt_all(struct reader *reader, struct node *node, uint32_t depth)
{
    struct cursors list = children_of(reader, node->cursor);
    bool only_last = node->kind == CXCursor_CaseStmt;
    for (uint32_t i = 0; i < list.count && !is_opaque(node->kind); i++) {
        enum CXCursorKind kind = clang_getCursorKind(list.at[i]);
        if (node->kind == CXCursor_DeclStmt) {
            if (kind == CXCursor_VarDecl)
                adopt_variable(reader, node, list.at[i], depth);
        } else if (is_part_of_tree(kind) && (!only_last || i + 1 == list.count)) {
            adopt(reader, node, list.at[i], depth);
        }
    }
}

/* A conversion that is not written: its only child, and what the value becomes. */
static bool is_conversion(struct reader *reader, CXCursor cursor, CXCursor *ret_child)
{
    if (clang_getCursorKind(cursor) != CXCursor_UnexposedExpr)
        return false;
    struct cursors list = children_of(reader, cursor);
    if (list.count != 1 || !clang_isExpression(clang_getCursorKind(list.at[0])))
        return false;
    *ret_child = list.at[0];
    return true;
}

/* Which part of a for its children are, by the semicolons between them. */
static void roles_of_for(struct reader *reader, struct node *node)
{
    const struct file *file = reader->view->file;
    uint32_t head = head_behind(file, node->at.begin, "for");
    uint32_t first = semicolon(file, head), second = semicolon(file, first + 1);
    for (uint32_t i = 0; i < node->child_count; i++) {
        struct node *child = node->children[i];
        if (i + 1 == node->child_count)
            child->role = ROLE_STATEMENT;
        else if (!head || child->at.begin < first || child->at.begin > second)
            child->role = ROLE_STEP;
        else
            child->role = ROLE_LOOP_CONDITION;
    }
}

static void roles_of_all_but(struct node *node, uint32_t index, enum role role)
{
    for (uint32_t i = 0; i < node->child_count; i++)
        node->children[i]->role = i == index ? role : ROLE_STATEMENT;
}

static void give_roles(struct reader *reader, struct node *node)
{
    switch ((int)node->kind) {
    case CXCursor_CompoundStmt:
        roles_of_all_but(node,
                         node->parent && node->parent->kind == CXCursor_StmtExpr
                             ? node->child_count - 1
                             : UINT32_MAX,
                         ROLE_VALUE);
        break;
    case CXCursor_IfStmt:
        roles_of_all_but(node, 0, ROLE_CONDITION);
        break;
    case CXCursor_WhileStmt:
        roles_of_all_but(node, 0, ROLE_LOOP_CONDITION);
        break;
    case CXCursor_DoStmt:
        roles_of_all_but(node, 1, ROLE_LOOP_CONDITION);
        break;
    case CXCursor_SwitchStmt:
        roles_of_all_but(node, 0, ROLE_VALUE);
        break;
    case CXCursor_CaseStmt:
    case CXCursor_DefaultStmt:
    case CXCursor_LabelStmt:
        roles_of_all_but(node, UINT32_MAX, ROLE_VALUE);
        break;
    case CXCursor_ForStmt:
        roles_of_for(reader, node);
        break;
    case CXCursor_ConditionalOperator:
        if (node->child_count > 0)
            node->children[0]->role = ROLE_CONDITION;
        break;
    default:
        break;
    }
}

static void note_label(struct reader *reader, CXCursor cursor)
{
    struct function *function = reader->function;
    function->labels = arena_grow(&reader->program->arena, function->labels, function->label_count,
                                  sizeof *function->labels);
    function->labels[function->label_count++] = taken(reader, clang_getCursorSpelling(cursor));
}

/* A child that begins where its parent does, although something of the parent stands before it,
 * comes out of a macro: it has no text of its own. */
static void note_unwritten(struct node *node)
{
    for (uint32_t i = 0; i < node->child_count; i++)
        if ((i > 0 || node->kind == CXCursor_ParenExpr) && clang_isExpression(node->kind) &&
            node->children[i]->at.begin == node->at.begin)
            node->children[i]->is_unwritten = true;
}

static struct node *build(struct reader *reader, CXCursor cursor, struct node *parent,
                          uint32_t depth)
{
    CXCursor child;
    CXFile handle = NULL;
    if (depth > TREE_DEPTH_MAX)
        return NULL;
    if (is_conversion(reader, cursor, &child)) {
        bool to_pointer =
            clang_getCanonicalType(clang_getCursorType(cursor)).kind == CXType_Pointer;
        struct node *inner = build(reader, child, parent, depth + 1);
        if (inner)
            inner->to_pointer |= to_pointer;
        return inner;
    }
    struct node *node = arena_take(&reader->program->arena, sizeof *node);
    node->kind = clang_getCursorKind(cursor);
    node->cursor = cursor;
    node->type = clang_getCanonicalType(clang_getCursorType(cursor));
    node->parent = parent;
    node->is_placed = written_at(clang_getCursorExtent(cursor), &handle, &node->at) &&
                      clang_File_isEqual(handle, reader->handle);
    if (node->kind == CXCursor_LabelStmt)
        note_label(reader, cursor);
    adopt_all(reader, node, depth);
    if (node->is_placed && ends_at_macro(reader->view, node->at))
        mend(reader->view, node);
    note_unwritten(node);
    if (node->is_placed) {
        give_roles(reader, node);
        add_fuel(reader, node);
    }
    return node;
}

const struct node *bare_node(const struct node *node)
{
    while (node->kind == CXCursor_ParenExpr && node->child_count == 1)
        node = node->children[0];
    return node;
}

const struct node *bracketed(const struct node *node)
{
    while (node->parent && node->parent->kind == CXCursor_ParenExpr)
        node = node->parent;
    return node;
}

/* --- Functions and files -----------------------------------------------------------------------
 */

/* Takes a function whose body is written in the file. */
static void add_function(struct reader *reader, struct view *view, CXFile handle, CXCursor cursor)
{
    struct cursors list = children_of(reader, cursor);
    struct span body;
    CXFile body_handle = NULL;
    if (list.count == 0 || clang_getCursorKind(list.at[list.count - 1]) != CXCursor_CompoundStmt ||
        !written_at(clang_getCursorExtent(list.at[list.count - 1]), &body_handle, &body) ||
        !clang_File_isEqual(body_handle, handle) || view->file->bare[body.begin] != '{' ||
        view->file->bare[body.end - 1] != '}' || !is_balanced(view->file, body))
        return;
    for (uint32_t i = 0; i < view->function_count; i++)
        if (view->functions[i].body.end > body.begin)
            return; /* the file was entered twice */
    for (uint32_t i = 0; i < view->inclusion_count; i++)
        if (body.begin < view->inclusions[i].offset && view->inclusions[i].offset < body.end)
            return; /* a part of the body stands in another file */
    view->functions = arena_grow(&reader->program->arena, view->functions, view->function_count,
                                 sizeof *view->functions);
    struct function *function = &view->functions[view->function_count++];
    *function = (struct function){
        .name = taken(reader, clang_getCursorSpelling(cursor)),
        .result = clang_getCanonicalType(clang_getCursorResultType(cursor)),
        .body = body,
    };
    reader->view = view;
    reader->handle = handle;
    reader->function = function;
    function->tree = build(reader, list.at[list.count - 1], NULL, 0);
    struct planner planner = {reader->program, view, function};
    plan(&planner, function->tree);
    note_results(&planner, function->tree);
}

static struct place *place_of(struct reader *reader, CXFile handle)
{
    for (uint32_t i = 0; handle && i < reader->place_count; i++)
        if (clang_File_isEqual(reader->places[i].handle, handle))
            return &reader->places[i];
    return NULL;
}

/* A directive that includes a file below the root is noted, with null when nothing was entered. */
static void add_inclusion(struct reader *reader, struct view *view, CXCursor cursor,
                          uint32_t offset)
{
    if (!place_of(reader, clang_getIncludedFile(cursor)))
        return;
    for (uint32_t i = 0; i < view->inclusion_count; i++)
        if (line_of(view->file, view->inclusions[i].offset) == line_of(view->file, offset))
            return;
    view->inclusions = arena_grow(&reader->program->arena, view->inclusions, view->inclusion_count,
                                  sizeof *view->inclusions);
    view->inclusions[view->inclusion_count++] = (struct inclusion){offset, NULL};
}

static enum CXChildVisitResult visit_macros(CXCursor cursor, CXCursor parent, CXClientData data)
{
    struct reader *reader = data;
    enum CXCursorKind kind = clang_getCursorKind(cursor);
    CXFile handle = NULL;
    struct span at;
    (void)parent;
    if ((kind != CXCursor_MacroExpansion && kind != CXCursor_InclusionDirective) ||
        !written_at(clang_getCursorExtent(cursor), &handle, &at))
        return CXChildVisit_Continue;
    struct place *place = place_of(reader, handle);
    if (place && kind == CXCursor_MacroExpansion)
        add_macro(reader, place->view, cursor, at);
    else if (place)
        add_inclusion(reader, place->view, cursor, at.begin);
    return CXChildVisit_Continue;
}

static enum CXChildVisitResult visit_functions(CXCursor cursor, CXCursor parent, CXClientData data)
{
    struct reader *reader = data;
    CXFile handle = NULL;
    (void)parent;
    if (clang_getCursorKind(cursor) != CXCursor_FunctionDecl || !clang_isCursorDefinition(cursor))
        return CXChildVisit_Continue;
    clang_getFileLocation(clang_getCursorLocation(cursor), &handle, NULL, NULL, NULL);
    struct place *place = place_of(reader, handle);
    if (place)
        add_function(reader, place->view, handle, cursor);
    return CXChildVisit_Continue;
}

static void add_dependency(struct program *program, const char *path)
{
    for (uint32_t i = 0; i < program->dependency_count; i++)
        if (strcmp(program->dependencies[i], path) == 0)
            return;
    program->dependencies = arena_grow(&program->arena, program->dependencies,
                                       program->dependency_count, sizeof *program->dependencies);
    program->dependencies[program->dependency_count++] = arena_format(&program->arena, "%s", path);
}

static struct view *view_of(struct reader *reader, struct file *file)
{
    struct unit *unit = reader->unit;
    for (uint32_t i = 0; i < unit->view_count; i++)
        if (unit->views[i]->file == file)
            return unit->views[i];
    unit->views =
        arena_grow(&reader->program->arena, unit->views, unit->view_count, sizeof *unit->views);
    struct view *view = arena_take(&reader->program->arena, sizeof *view);
    view->file = file;
    return unit->views[unit->view_count++] = view;
}

/* Every file that was entered, first of all the source. */
static void visit_file(CXFile handle, CXSourceLocation *stack, unsigned depth, CXClientData data)
{
    struct reader *reader = data;
    const char *path = taken(reader, clang_getFileName(handle));
    struct file *file = program_file(reader->program, path);
    (void)stack;
    (void)depth;
    add_dependency(reader->program, path);
    if (!file || place_of(reader, handle))
        return;
    reader->places = arena_grow(&reader->program->arena, reader->places, reader->place_count,
                                sizeof *reader->places);
    reader->places[reader->place_count++] = (struct place){handle, view_of(reader, file)};
}

/* Connects the directives with what was entered by them. */
static void visit_entry(CXFile handle, CXSourceLocation *stack, unsigned depth, CXClientData data)
{
    struct reader *reader = data;
    CXFile includer = NULL;
    unsigned offset = 0;
    struct place *entered = place_of(reader, handle);
    if (depth == 0 || !entered)
        return;
    clang_getFileLocation(stack[0], &includer, NULL, NULL, &offset);
    struct place *place = place_of(reader, includer);
    for (uint32_t i = 0; place && i < place->view->inclusion_count; i++) {
        struct inclusion *inclusion = &place->view->inclusions[i];
        if (line_of(place->view->file, inclusion->offset) == line_of(place->view->file, offset))
            inclusion->view = entered->view;
    }
}

static CXTranslationUnit parse(struct program *program, CXIndex index, const char *path,
                               struct CXUnsavedFile *unsaved, unsigned options)
{
    CXTranslationUnit translation = NULL;
    enum CXErrorCode code =
        clang_parseTranslationUnit2(index, path, program->flags, program->flag_count, unsaved,
                                    unsaved ? 1 : 0, options, &translation);
    if (code != CXError_Success)
        end(1, "libclang cannot read %s (error %d)", path, (int)code);
    return translation;
}

/* The first error of a translation unit, as text; its place in the files as they are. */
static bool first_error(struct program *program, CXTranslationUnit translation,
                        const struct file **ret_file, uint32_t *ret_line, char *ret_message,
                        size_t message_size)
{
    for (unsigned i = 0; i < clang_getNumDiagnostics(translation); i++) {
        CXDiagnostic diagnostic = clang_getDiagnostic(translation, i);
        bool is_error = clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Error;
        if (is_error) {
            CXString name,
                text = clang_formatDiagnostic(diagnostic, CXDiagnostic_DisplaySourceLocation);
            clang_getPresumedLocation(clang_getDiagnosticLocation(diagnostic), &name, ret_line,
                                      NULL);
            (void)snprintf(ret_message, message_size, "%s", clang_getCString(text));
            for (uint32_t k = 0; ret_file && k < program->file_count; k++)
                if (strcmp(program->files[k]->name, clang_getCString(name)) == 0)
                    *ret_file = program->files[k];
            clang_disposeString(name);
            clang_disposeString(text);
        }
        clang_disposeDiagnostic(diagnostic);
        if (is_error)
            return true;
    }
    return false;
}

void unit_read(struct program *program, const char *path, struct unit *ret)
{
    struct reader reader = {.program = program, .unit = ret};
    uint32_t line = 0;
    char message[512];
    CXIndex index = clang_createIndex(0, 0);
    reader.translation =
        parse(program, index, path, NULL, CXTranslationUnit_DetailedPreprocessingRecord);
    if (first_error(program, reader.translation, NULL, &line, message, sizeof message))
        end(1, "%s does not compile as it is: %s", path, message);
    struct file *file = program_file(program, path);
    if (!file)
        end(64, "%s is not below %s", path, program->root);
    (void)view_of(&reader, file);
    clang_getInclusions(reader.translation, visit_file, &reader);
    CXCursor all = clang_getTranslationUnitCursor(reader.translation);
    clang_visitChildren(all, visit_macros, &reader);
    clang_getInclusions(reader.translation, visit_entry, &reader);
    clang_visitChildren(all, visit_functions, &reader);
    for (uint32_t i = 0; i < ret->view_count; i++)
        ret->views[i]->file->was_read = true;
    clang_disposeTranslationUnit(reader.translation);
    clang_disposeIndex(index);
}

uint32_t unit_check(struct program *program, const struct unit *unit, const char *generated,
                    size_t size, const struct file **ret_file, char *ret_message,
                    size_t message_size)
{
    uint32_t line = 0;
    const char *path = unit->views[0]->file->path;
    struct CXUnsavedFile unsaved = {path, generated, size};
    CXIndex index = clang_createIndex(0, 0);
    CXTranslationUnit translation = parse(program, index, path, &unsaved, 0);
    if (!first_error(program, translation, ret_file, &line, ret_message, message_size))
        line = 0;
    else if (line == 0)
        line = 1;
    clang_disposeTranslationUnit(translation);
    clang_disposeIndex(index);
    return line;
}
