/* SPDX-License-Identifier: Apache-2.0
 *
 * The operators: for each node, the small mistakes that somebody could have made there.
 *
 * For a relation those three are made that no other replacement of it adds to (Kaminski, Ammann,
 * Offutt: Improving logic-based testing, 2013); the rest follows the evidence of what tests miss:
 * calls whose error is ignored, calls that are not made, an error that is told as another one.
 * Operands keep their text. A decision that is forced is still taken, when taking it does something
 * (`(f(), 1)`): what is forgotten is the answer, not the call.
 *
 * Left out, because they are the same program: `>` and `!=` of something unsigned against 0, `!=`
 * for the `<` of a loop, the last break of a switch, arguments of a function that does not mind
 * their order, the answer of a call that can have no other one (results.c). Left out, because they
 * are no mistake that a test of ours could be blamed for: pointer arithmetic, constants that make a
 * division or shift undefined, a byte less allocated, two literal texts exchanged.
 */
#include <stdio.h>
#include <string.h>

#include "coverage/mutate/mutate.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* --- Questions about nodes ---------------------------------------------------------------------
 */

static const char *code(struct planner *planner, const struct node *node)
{
    return code_of(&planner->program->arena, planner->view->file, node->at);
}

static bool is_integer(CXType type)
{
    return (type.kind >= CXType_Bool && type.kind <= CXType_Int128) || type.kind == CXType_Enum;
}

static bool is_unsigned(CXType type)
{
    return type.kind >= CXType_Bool && type.kind <= CXType_UInt128;
}

static bool is_floating(CXType type)
{
    return type.kind >= CXType_Float && type.kind <= CXType_LongDouble;
}

static bool is_pointer(CXType type)
{
    return type.kind == CXType_Pointer || type.kind == CXType_ConstantArray ||
           type.kind == CXType_IncompleteArray || type.kind == CXType_VariableArray ||
           type.kind == CXType_FunctionProto || type.kind == CXType_FunctionNoProto;
}

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

/* What stands between the two operands of a node, when it is in the file. */
static const char *operator_between(struct planner *planner, const struct node *node,
                                    struct span *ret_at)
{
    const struct file *file = planner->view->file;
    if (node->child_count != 2 || !node->children[0]->is_placed || !node->children[1]->is_placed)
        return "";
    struct span at = {node->children[0]->at.end, node->children[1]->at.begin};
    if (at.begin >= at.end)
        return "";
    at.begin = skip_blank(file, at.begin);
    while (at.end > at.begin && strchr(" \t\n\r", file->bare[at.end - 1]))
        at.end--;
    *ret_at = at;
    return at.begin < at.end ? code_of(&planner->program->arena, file, at) : "";
}

/* The sign of a node with one operand, in front of it or behind it. */
static const char *operator_beside(struct planner *planner, const struct node *node,
                                   struct span *ret_at)
{
    if (node->child_count != 1 || !node->is_placed || !node->children[0]->is_placed)
        return "";
    struct span operand = node->children[0]->at;
    *ret_at = operand.begin > node->at.begin ? (struct span){node->at.begin, operand.begin}
                                             : (struct span){operand.end, node->at.end};
    return ret_at->begin < ret_at->end
               ? code_of(&planner->program->arena, planner->view->file, *ret_at)
               : "";
}

static bool is_logical(struct planner *planner, const struct node *node)
{
    struct span at;
    if (node->kind != CXCursor_BinaryOperator)
        return false;
    const char *sign = operator_between(planner, node, &at);
    return strcmp(sign, "&&") == 0 || strcmp(sign, "||") == 0;
}

static bool is_assignment(struct planner *planner, const struct node *node)
{
    struct span at;
    return node->kind == CXCursor_CompoundAssignOperator ||
           (node->kind == CXCursor_BinaryOperator &&
            strcmp(operator_between(planner, node, &at), "=") == 0);
}

static bool is_negation(struct planner *planner, const struct node *node)
{
    struct span at;
    return node->kind == CXCursor_UnaryOperator &&
           strcmp(operator_beside(planner, node, &at), "!") == 0;
}

/* Whether it does something beside having a value. */
static bool has_effect(struct planner *planner, const struct node *node)
{
    static const char *const steps[] = {"++", "--"};
    struct span at;
    if (node->kind == CXCursor_CallExpr || is_assignment(planner, node) ||
        (node->kind == CXCursor_UnaryOperator &&
         is_one_of(operator_beside(planner, node, &at), steps, COUNT(steps))))
        return true;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (has_effect(planner, node->children[i]))
            return true;
    return false;
}

static bool is_statement(const struct node *node)
{
    enum role role = bracketed(node)->role;
    return role == ROLE_STATEMENT || role == ROLE_STEP;
}

/* The value of an integer that is known when compiling. */
static bool is_constant(const struct node *node, int64_t *ret)
{
    CXEvalResult result = clang_Cursor_Evaluate(node->cursor);
    bool known = result && clang_EvalResult_getKind(result) == CXEval_Int;
    if (known)
        *ret = clang_EvalResult_getAsLongLong(result);
    if (result)
        clang_EvalResult_dispose(result);
    return known;
}

static bool is_literal(const struct node *node)
{
    return node->kind == CXCursor_IntegerLiteral || node->kind == CXCursor_CharacterLiteral;
}

/* A constant that is written as a literal, or that a macro stands for. */
static bool is_written_constant(struct planner *planner, const struct node *node, int64_t *ret)
{
    return node->is_placed && is_integer(node->type) &&
           (is_literal(node) ||
            (clang_isExpression(node->kind) && is_macro(planner, node) && !is_statement(node))) &&
           !has_effect(planner, node) && is_constant(node, ret);
}

static const char *called_name(struct planner *planner, const struct node *node)
{
    CXString spelling = clang_getCursorSpelling(node->cursor);
    const char *name = arena_format(&planner->program->arena, "%s", clang_getCString(spelling));
    clang_disposeString(spelling);
    return name;
}

/* The node as one that has this value, whatever it does before. */
static const char *forced(struct planner *planner, const struct node *node, const char *value)
{
    return has_effect(planner, node)
               ? arena_format(&planner->program->arena, "(%s, %s)", code(planner, node), value)
               : value;
}

static void offer(struct planner *planner, const char *name, const struct node *node,
                  const char *alternative)
{
    propose(planner,
            &(struct proposal){.operator_name = name, .node = node, .alternative = alternative});
}

/* The same, where the change of the text is smaller than the expression. */
static void offer_edit(struct planner *planner, const char *name, const struct node *node,
                       const char *alternative, struct span edit, const char *replacement)
{
    propose(planner, &(struct proposal){.operator_name = name,
                                        .node = node,
                                        .alternative = alternative,
                                        .edit = edit,
                                        .replacement = replacement});
}

/* The node as a constant, after what it does. */
static void offer_forced(struct planner *planner, const char *name, const struct node *node,
                         const char *constant, int64_t value)
{
    const char *callee = node->kind == CXCursor_CallExpr ? called_name(planner, node) : NULL;
    propose(planner, &(struct proposal){.operator_name = name,
                                        .node = node,
                                        .alternative = forced(planner, node, constant),
                                        .callee = callee,
                                        .forced = value});
}

static bool is_binary(const struct node *node)
{
    return node->kind == CXCursor_BinaryOperator || node->kind == CXCursor_CompoundAssignOperator ||
           node->kind == CXCursor_ConditionalOperator;
}

/* Whether the sign can be exchanged for another one without brackets: nothing around it or below
 * it may then be read in another order. */
static bool is_tight(struct planner *planner, const struct node *node)
{
    const struct node *outer = node->parent;
    return !is_binary(node->children[0]) && !is_binary(node->children[1]) &&
           (!is_binary(outer) || is_logical(planner, outer) || is_assignment(planner, outer)) &&
           outer->kind != CXCursor_UnaryOperator && outer->kind != CXCursor_CStyleCastExpr;
}

/* The same operands with another sign between them. */
static void offer_sign(struct planner *planner, const char *name, const struct node *node,
                       struct span sign, const char *other)
{
    const char *alternative =
        arena_format(&planner->program->arena, "(%s %s %s)", code(planner, node->children[0]),
                     other, code(planner, node->children[1]));
    if (is_tight(planner, node))
        offer_edit(planner, name, node, alternative, sign, other);
    else
        offer(planner, name, node, alternative);
}

/* --- Signs between operands --------------------------------------------------------------------
 */

/* A loop decides by it how long it goes on. */
static bool is_of_loop(struct planner *planner, const struct node *node)
{
    node = bracketed(node);
    while (node->parent && is_logical(planner, node->parent))
        node = bracketed(node->parent);
    return node->role == ROLE_LOOP_CONDITION;
}

/* Whether a relation and its replacement say the same of these operands. */
static bool is_same_relation(struct planner *planner, const struct node *node, const char *sign,
                             const char *other)
{
    static const char *const of_zero[][2] = {{">", "!="}, {"!=", ">"}, {"==", "<="}};
    int64_t value = 1;
    const struct node *right = bare_node(node->children[1]);
    if (strcmp(sign, "<") == 0 && strcmp(other, "!=") == 0 && is_of_loop(planner, node))
        return true;
    if (!is_unsigned(node->children[0]->type) || !is_constant(right, &value) || value != 0)
        return false;
    for (size_t i = 0; i < COUNT(of_zero); i++)
        if (strcmp(sign, of_zero[i][0]) == 0 && strcmp(other, of_zero[i][1]) == 0)
            return true;
    return false;
}

struct relation {
    const char *sign, *others[2], *forced;
};

static const struct relation *relation_of(const char *sign)
{
    static const struct relation rows[] = {
        {"<", {"<=", "!="}, "0"}, {">", {">=", "!="}, "0"},  {"<=", {"<", "=="}, "1"},
        {">=", {">", "=="}, "1"}, {"==", {"<=", ">="}, "0"}, {"!=", {"<", ">"}, "1"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(sign, rows[i].sign) == 0)
            return &rows[i];
    return NULL;
}

/* Pointers are equal or not: both answers are forced. */
static void plan_relation(struct planner *planner, const struct node *node,
                          const struct relation *relation, struct span at)
{
    bool of_pointers = is_pointer(node->children[0]->type) || is_pointer(node->children[1]->type);
    offer(planner, "relational", node, forced(planner, node, relation->forced));
    if (of_pointers)
        offer(planner, "relational", node,
              forced(planner, node, relation->forced[0] == '0' ? "1" : "0"));
    for (size_t i = 0; i < 2 && !of_pointers; i++)
        if (!is_same_relation(planner, node, relation->sign, relation->others[i]))
            offer_sign(planner, "relational", node, at, relation->others[i]);
}

/* A decision that has mutants of its own. */
static bool is_decision(struct planner *planner, const struct node *node)
{
    struct span at;
    return node->kind == CXCursor_BinaryOperator &&
           (is_logical(planner, node) || relation_of(operator_between(planner, node, &at)));
}

/* Keeps one operand. A pointer then decides as it does in `&&`. */
static void offer_operand(struct planner *planner, const struct node *node, uint32_t which)
{
    const struct node *operand = node->children[which];
    const char *text =
        arena_format(&planner->program->arena, is_pointer(operand->type) ? "(!!(%s))" : "(%s)",
                     code(planner, operand));
    struct span edit = which == 0 ? (struct span){operand->at.end, node->at.end}
                                  : (struct span){node->at.begin, operand->at.begin};
    offer_edit(planner, "logical", node, text, edit, "");
}

/* Each operand of a chain is left out once: of `a && b && c`, which is `(a && b) && c`, not the
 * first two together. */
static void plan_logical(struct planner *planner, const struct node *node, const char *sign)
{
    struct span at;
    const struct node *left = node->children[0];
    offer_operand(planner, node, 0);
    if (!is_logical(planner, left) || strcmp(operator_between(planner, left, &at), sign) != 0)
        offer_operand(planner, node, 1);
}

static void plan_binary(struct planner *planner, const struct node *node)
{
    static const struct {
        const char *sign, *other, *name;
    } rows[] = {
        {"+", "-", "arithmetic"}, {"-", "+", "arithmetic"}, {"*", "+", "arithmetic"},
        {"/", "*", "arithmetic"}, {"%", "/", "arithmetic"}, {"&", "|", "bit"},
        {"|", "&", "bit"},        {"^", "&", "bit"},        {"<<", ">>", "bit"},
        {">>", "<<", "bit"},
    };
    struct span at;
    const char *sign = operator_between(planner, node, &at);
    if (relation_of(sign))
        plan_relation(planner, node, relation_of(sign), at);
    else if (is_logical(planner, node))
        plan_logical(planner, node, sign);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (strcmp(sign, rows[i].sign) != 0)
            continue;
        if (is_pointer(node->children[0]->type) || is_pointer(node->children[1]->type))
            refuse(planner, REFUSED_TYPE);
        else
            offer_sign(planner, rows[i].name, node, at, rows[i].other);
    }
}

static void plan_compound_assignment(struct planner *planner, const struct node *node)
{
    static const struct {
        const char *sign, *others[2];
    } rows[] = {
        {"+=", {"-=", "="}},   {"-=", {"+=", "="}},   {"*=", {"+=", "="}}, {"/=", {"*=", "="}},
        {"%=", {"/=", "="}},   {"&=", {"|=", "="}},   {"|=", {"&=", "="}}, {"^=", {"|=", "="}},
        {"<<=", {">>=", "="}}, {">>=", {"<<=", "="}},
    };
    struct span at;
    const char *sign = operator_between(planner, node, &at);
    if (is_pointer(node->type)) {
        refuse(planner, REFUSED_TYPE);
        return;
    }
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t other = 0; other < 2 && strcmp(sign, rows[i].sign) == 0; other++)
            offer_edit(planner, "assignment", node,
                       arena_format(&planner->program->arena, "(%s %s %s)",
                                    code(planner, node->children[0]), rows[i].others[other],
                                    code(planner, node->children[1])),
                       at, rows[i].others[other]);
}

static void plan_unary(struct planner *planner, const struct node *node)
{
    struct span at;
    const char *sign = operator_beside(planner, node, &at);
    bool is_step = strcmp(sign, "++") == 0 || strcmp(sign, "--") == 0;
    bool in_front = at.begin == node->at.begin;
    if (!is_step && strcmp(sign, "-") != 0 && strcmp(sign, "~") != 0)
        return;
    struct arena *arena = &planner->program->arena;
    const char *operand = code(planner, node->children[0]);
    if (is_step) {
        const char *other = sign[0] == '+' ? "--" : "++";
        offer_edit(planner, "increment", node,
                   in_front ? arena_format(arena, "(%s%s)", other, operand)
                            : arena_format(arena, "(%s%s)", operand, other),
                   at, other);
    } else {
        offer(planner, sign[0] == '-' ? "arithmetic" : "bit", node,
              arena_format(arena, "(%s)", operand));
    }
}

/* --- Constants and error codes -----------------------------------------------------------------
 */

/* Which side of a sign a node stands on: 0, 1, or neither. */
static int operand_index(const struct node *node, const struct node *of)
{
    for (uint32_t i = 0; i < of->child_count; i++)
        if (of->children[i] == node)
            return (int)i;
    return -1;
}

/* Whether this value would make what stands around the node undefined. */
static bool is_undefined(struct planner *planner, const struct node *node, int64_t value)
{
    static const char *const divisions[] = {"/", "%", "/=", "%="}, *const shifts[] = {"<<", ">>",
                                                                                      "<<=", ">>="};
    struct span at;
    node = bracketed(node);
    const struct node *outer = node->parent;
    if (!outer || operand_index(node, outer) != 1)
        return false;
    if (outer->kind == CXCursor_ArraySubscriptExpr)
        return value < 0;
    if (!is_binary(outer) || outer->kind == CXCursor_ConditionalOperator)
        return false;
    const char *sign = operator_between(planner, outer, &at);
    if (is_one_of(sign, divisions, COUNT(divisions)))
        return value == 0;
    int64_t bits = 8 * (int64_t)clang_Type_getSizeOf(outer->children[0]->type);
    return is_one_of(sign, shifts, COUNT(shifts)) &&
           (value <= 0 || value >= (bits < 32 ? 32 : bits));
}

/* A constant as another one: a plain decimal number as such, anything else by what is added. */
static const char *constant_text(struct planner *planner, const char *text, int64_t value,
                                 int added)
{
    size_t digits = strspn(text, "0123456789"), suffix = strspn(text + digits, "uUlL");
    bool is_plain = digits > 0 && text[digits + suffix] == '\0' && (text[0] != '0' || digits == 1);
    if (is_plain && value + added >= 0 && value < INT64_MAX)
        return arena_format(&planner->program->arena, "%lld%s", (long long)(value + added),
                            text + digits);
    return arena_format(&planner->program->arena, "(%s %c 1)", text, added > 0 ? '+' : '-');
}

/* `{0}`: nothing is meant by the 0. */
static bool is_empty_initialiser(const struct node *node, int64_t value)
{
    return value == 0 && node->parent && node->parent->kind == CXCursor_InitListExpr &&
           node->parent->child_count == 1;
}

/* An unsigned number that would begin again at 0, which is planned anyway. */
static bool is_beyond(const struct node *node, int64_t value)
{
    int64_t bits = 8 * (int64_t)clang_Type_getSizeOf(node->type);
    return is_unsigned(node->type) && bits < 64 && value >> bits != 0 && value > 0;
}

static void plan_number(struct planner *planner, const struct node *node, int64_t value)
{
    const char *text = code(planner, node);
    if (node->to_pointer || is_empty_initialiser(node, value))
        return;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        offer(planner, "constant", node, text[0] == 't' ? "false" : "true");
        return;
    }
    for (int added = 1; added >= -1; added -= 2)
        if (is_undefined(planner, node, value + added))
            refuse(planner, REFUSED_UNDEFINED);
        else if (value + added != 0 && !is_beyond(node, value + added))
            offer(planner, "constant", node, constant_text(planner, text, value, added));
    if (value == 0)
        return;
    if (is_undefined(planner, node, 0))
        refuse(planner, REFUSED_UNDEFINED);
    else
        offer(planner, "constant", node, "0");
}

/* Macros that are errors: the next of its family is told instead. */
static const char *other_error(const char *text)
{
    static const char *const sqlite[] = {"SQLITE_ERROR",    "SQLITE_PERM",      "SQLITE_BUSY",
                                         "SQLITE_LOCKED",   "SQLITE_NOMEM",     "SQLITE_READONLY",
                                         "SQLITE_IOERR",    "SQLITE_CORRUPT",   "SQLITE_FULL",
                                         "SQLITE_CANTOPEN", "SQLITE_CONSTRAINT"},
                             *const posix[] = {
                                 "EIO",    "ENOENT", "EACCES", "EPERM",   "EEXIST", "EAGAIN",
                                 "EINTR",  "EINVAL", "ENOMEM", "EBUSY",   "ENOSPC", "EROFS",
                                 "EMFILE", "ENFILE", "EBADF",  "EDEADLK", "EPIPE",  "ERANGE",
                             };
    static const struct {
        const char *const *names;
        size_t count;
    } families[] = {{sqlite, COUNT(sqlite)}, {posix, COUNT(posix)}};
    for (size_t i = 0; i < COUNT(families); i++)
        for (size_t k = 0; k < families[i].count; k++)
            if (strcmp(text, families[i].names[k]) == 0)
                return families[i].names[(k + 1) % families[i].count];
    return NULL;
}

static bool plan_constant(struct planner *planner, const struct node *node)
{
    int64_t value = 0;
    if (!is_written_constant(planner, node, &value))
        return false;
    const char *other = is_macro(planner, node) ? other_error(code(planner, node)) : NULL;
    if (other)
        offer(planner, "error-swap", node, other);
    else
        plan_number(planner, node, value);
    return true;
}

/* Whether an enumeration is one of failures, by the words in its name. */
static bool names_failure(const char *name)
{
    static const char *const words[] = {"answer", "reason", "layer",   "cause", "err",
                                        "status", "result", "failure", "fault", "verdict"};
    char lower[64];
    size_t size = 0;
    for (; name[size] && size + 1 < sizeof lower; size++)
        lower[size] = (char)(name[size] | 0x20);
    lower[size] = '\0';
    for (size_t i = 0; i < COUNT(words); i++)
        if (strstr(lower, words[i]))
            return true;
    return false;
}

struct enumerators {
    CXCursor wanted;
    CXCursor first, next;
    bool was_seen, is_done;
    uint32_t count;
};

static enum CXChildVisitResult find_next(CXCursor cursor, CXCursor parent, CXClientData data)
{
    struct enumerators *search = data;
    (void)parent;
    if (clang_getCursorKind(cursor) != CXCursor_EnumConstantDecl)
        return CXChildVisit_Continue;
    if (search->count++ == 0)
        search->first = cursor;
    if (search->was_seen && !search->is_done) {
        search->next = cursor;
        search->is_done = true;
    }
    if (clang_equalCursors(cursor, search->wanted))
        search->was_seen = true;
    return CXChildVisit_Continue;
}

/* An enumerator becomes the next one of its enumeration; of an enumeration without a name, which
 * is a list of constants, another number. */
static void plan_enumerator(struct planner *planner, const struct node *node)
{
    CXCursor declared = clang_getCursorReferenced(node->cursor);
    int64_t value;
    if (clang_getCursorKind(declared) != CXCursor_EnumConstantDecl)
        return;
    CXCursor enumeration = clang_getCursorSemanticParent(declared);
    struct enumerators search = {.wanted = declared};
    clang_visitChildren(enumeration, find_next, &search);
    CXString name = clang_getCursorSpelling(enumeration),
             other = clang_getCursorSpelling(search.is_done ? search.next : search.first);
    if (clang_Cursor_isAnonymous(enumeration) || *clang_getCString(name) == '\0') {
        if (is_constant(node, &value))
            plan_number(planner, node, value);
    } else if (search.count > 1) {
        offer(planner, names_failure(clang_getCString(name)) ? "error-swap" : "enumerator", node,
              arena_format(&planner->program->arena, "%s", clang_getCString(other)));
    }
    clang_disposeString(name);
    clang_disposeString(other);
}

/* --- Calls -------------------------------------------------------------------------------------
 */

/* What a call of this type returns when all is well; null: it cannot be said. */
static const char *success(CXType type)
{
    return type.kind == CXType_Void                ? "(void)0"
           : type.kind == CXType_Bool              ? "1"
           : is_integer(type) || is_floating(type) ? "0"
           : type.kind == CXType_Pointer           ? "((void *)0)"
                                                   : NULL;
}

/* Types by which a call says that it has failed. */
static bool tells_errors(CXType type)
{
    return type.kind == CXType_Bool || type.kind == CXType_Int || type.kind == CXType_Long ||
           type.kind == CXType_Enum;
}

static bool is_cast_to_void(const struct node *node)
{
    return node && node->kind == CXCursor_CStyleCastExpr && node->type.kind == CXType_Void;
}

static bool is_wipe(const char *name)
{
    static const char *const words[] = {"memzero", "explicit_bzero", "memset_s", "memset_explicit",
                                        "zeroize", "wipe",           "cleanse"};
    for (size_t i = 0; i < COUNT(words); i++)
        if (strstr(name, words[i]))
            return true;
    return false;
}

static void plan_call_result(struct planner *planner, const struct node *node, const char *name)
{
    const char *value = success(node->type);
    bool is_used = !is_statement(node) && !is_cast_to_void(bracketed(node)->parent);
    if (is_used && tells_errors(node->type))
        offer_forced(planner, "error-ignored", node, value, value[0] - '0');
    const char *skipped = is_wipe(name) ? "wipe-dropped" : "call-skipped";
    if (is_statement(node))
        offer_edit(planner, skipped, node, "(void)0", node->at, "");
    else if (value)
        offer(planner, skipped, node, value);
}

/* The type that is called. */
static CXType called_type(const struct node *node)
{
    CXType type = clang_getCursorType(node->children[0]->cursor);
    if (clang_getCanonicalType(type).kind == CXType_Pointer)
        type = clang_getPointeeType(clang_getCanonicalType(type));
    return type;
}

/* The call with its arguments in another order, or one of them as other text. */
static const char *call_with(struct planner *planner, const struct node *node, uint32_t first,
                             const char *first_text, uint32_t second, const char *second_text)
{
    struct arena *arena = &planner->program->arena;
    const char *text = arena_format(arena, "%s(", code(planner, node->children[0]));
    for (uint32_t i = 1; i < node->child_count; i++)
        text = arena_format(arena, "%s%s%s", text, i > 1 ? ", " : "",
                            i == first    ? first_text
                            : i == second ? second_text
                                          : code(planner, node->children[i]));
    return arena_format(arena, "%s)", text);
}

/* Neighbours of the same type change places. */
static void plan_swap(struct planner *planner, const struct node *node, const char *name)
{
    static const char *const symmetric[] = {"memcmp",        "strcmp", "strncmp", "strcasecmp",
                                            "sodium_memcmp", "bcmp",   "strcoll", "calloc"};
    CXType type = called_type(node);
    int parameters = clang_getNumArgTypes(type);
    if (is_one_of(name, symmetric, COUNT(symmetric)))
        return;
    for (uint32_t i = 1; i + 1 < node->child_count && (int)i + 1 <= parameters; i++) {
        CXType left = clang_getCanonicalType(clang_getArgType(type, i - 1)),
               right = clang_getCanonicalType(clang_getArgType(type, i));
        const char *first = code(planner, node->children[i]),
                   *second = code(planner, node->children[i + 1]);
        if (!clang_equalTypes(left, right) || strcmp(first, second) == 0 ||
            (first[0] == '"' && second[0] == '"'))
            continue;
        struct span edit = {node->children[i]->at.begin, node->children[i + 1]->at.end};
        offer_edit(planner, "arguments-swapped", node,
                   call_with(planner, node, i, second, i + 1, first), edit,
                   arena_format(&planner->program->arena, "%s, %s", second, first));
    }
}

/* A parameter that is a size_t, or an integer that is named so. What the compiler knows of a
 * function of the C library has other types than its declaration: the latter says what is meant. */
static bool is_length(const struct node *node, uint32_t index)
{
    static const char *const words[] = {"size", "len", "count", "bytes"};
    CXCursor parameter =
        clang_Cursor_getArgument(clang_getCursorReferenced(node->children[0]->cursor), index);
    CXType type = clang_Cursor_isNull(parameter) ? clang_getArgType(called_type(node), index)
                                                 : clang_getCursorType(parameter);
    if (!is_integer(clang_getCanonicalType(type)))
        return false;
    CXString spelling = clang_getTypeSpelling(type), name = clang_getCursorSpelling(parameter);
    bool found = strstr(clang_getCString(spelling), "size_t") != NULL;
    for (size_t i = 0; i < COUNT(words) && !found; i++)
        found = clang_getCString(name) && strstr(clang_getCString(name), words[i]);
    clang_disposeString(spelling);
    clang_disposeString(name);
    return found;
}

/* An argument that is a length is one less. Constants are planned as such. */
static void plan_length(struct planner *planner, const struct node *node, const char *name)
{
    static const char *const allocating[] = {"malloc",       "calloc",        "realloc",
                                             "reallocarray", "sodium_malloc", "aligned_alloc"};
    int parameters = clang_getNumArgTypes(called_type(node));
    int64_t value;
    if (is_one_of(name, allocating, COUNT(allocating)))
        return;
    for (uint32_t i = 1; i < node->child_count && (int)i <= parameters; i++) {
        const struct node *argument = node->children[i];
        if (!is_length(node, i - 1) || is_written_constant(planner, bare_node(argument), &value))
            continue;
        const char *text =
            arena_format(&planner->program->arena, "(%s) - 1", code(planner, argument));
        offer_edit(planner, "length-minus-one", node, call_with(planner, node, i, text, 0, ""),
                   argument->at, text);
    }
}

/* All parts of the call are written one behind the other. */
static bool is_spelled_out(const struct planner *planner, const struct node *node)
{
    if (is_macro(planner, node) || node->child_count == 0)
        return false;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (!node->children[i]->is_placed ||
            (i > 0 && node->children[i]->at.begin < node->children[i - 1]->at.end))
            return false;
    return true;
}

static void plan_call(struct planner *planner, const struct node *node)
{
    const char *name = called_name(planner, node);
    if (strncmp(name, "__", 2) == 0)
        return; /* the compiler's own */
    plan_call_result(planner, node, name);
    if (is_spelled_out(planner, node) && success(node->type)) {
        plan_swap(planner, node, name);
        plan_length(planner, node, name);
    }
}

/* --- Decisions and statements ------------------------------------------------------------------
 */

/* A decision without a relation of its own is forced, each way. What a call ignores is planned with
 * the call. */
static void plan_condition(struct planner *planner, const struct node *node)
{
    int64_t value;
    const struct node *decision = bare_node(node);
    if (node->role != ROLE_CONDITION && node->role != ROLE_LOOP_CONDITION)
        return;
    while (is_negation(planner, decision))
        decision = bare_node(decision->children[0]);
    if (is_decision(planner, decision) || is_constant(decision, &value))
        return;
    bool is_call = decision->kind == CXCursor_CallExpr && tells_errors(decision->type);
    bool of_pointer = is_pointer(decision->type);
    for (int truth = 0; truth < 2; truth++) {
        bool ignored = is_call && (truth == 1) == (decision->type.kind == CXType_Bool);
        bool endless =
            node->role == ROLE_LOOP_CONDITION && decision == bare_node(node) && truth == 1;
        if (ignored || endless)
            continue;
        const char *constant = of_pointer ? (truth ? "((void *)1)" : "((void *)0)")
                               : truth    ? "1"
                                          : "0";
        offer_forced(planner, "condition", decision, constant, truth);
    }
}

static bool is_null(const struct node *node)
{
    while (node->kind == CXCursor_CStyleCastExpr && node->child_count == 1)
        node = bare_node(node->children[0]);
    return node->kind == CXCursor_IntegerLiteral;
}

/* What the caller is told. A call whose failure is not passed on is planned with the call. */
static void plan_return(struct planner *planner, const struct node *node)
{
    int64_t value;
    CXType type = planner->function->result;
    if (node->child_count == 0)
        return;
    const struct node *returned = bare_node(node->children[0]);
    if (is_constant(returned, &value) || is_decision(planner, returned))
        return;
    bool is_call = returned->kind == CXCursor_CallExpr && tells_errors(returned->type);
    if (type.kind == CXType_Bool) {
        if (!is_call)
            offer_forced(planner, "return-value", returned, "1", 1);
        offer_forced(planner, "return-value", returned, "0", 0);
    } else if (is_integer(type)) {
        if (!is_call)
            offer_forced(planner, "return-value", returned, "0", 0);
        if (type.kind != CXType_Enum)
            offer(planner, "return-value", returned,
                  arena_format(&planner->program->arena, "((%s) + 1)", code(planner, returned)));
    } else if (type.kind == CXType_Pointer && is_pointer(returned->type) && !is_null(returned)) {
        offer(planner, "return-value", returned, forced(planner, returned, "((void *)0)"));
    }
}

/* Where the part of the function ends that a jump leaves. */
static uint32_t left_by(const struct planner *planner, const struct node *node)
{
    for (const struct node *outer = node->parent; outer; outer = outer->parent) {
        bool is_loop = outer->kind == CXCursor_WhileStmt || outer->kind == CXCursor_ForStmt;
        if ((node->kind == CXCursor_BreakStmt && outer->kind == CXCursor_SwitchStmt) ||
            (node->kind == CXCursor_ContinueStmt && is_loop))
            return outer->at.end;
    }
    return node->kind == CXCursor_ReturnStmt ? planner->function->body.end : 0;
}

/* A jump that is not made: when something stands behind it that would then be executed. */
static void plan_jump(struct planner *planner, const struct node *node)
{
    const struct file *file = planner->view->file;
    if (!node->is_placed || node->child_count > 0)
        return;
    uint32_t after = skip_blank(file, node->at.end);
    if (file->bare[after] == ';' && skip_blank(file, after + 1) + 1 == left_by(planner, node))
        return;
    propose_prefix(planner, "delete-statement", node);
}

static bool has_written_call(const struct planner *planner, const struct node *node,
                             struct span macro)
{
    if (node->kind == CXCursor_CallExpr && node->is_placed && span_within(node->at, macro) &&
        !span_equal(node->at, macro))
        return true;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (has_written_call(planner, node->children[i], macro))
            return true;
    return false;
}

/* Statements: an assignment or step that is not done; a macro, unless it is there for a call, which
 * is then planned itself. */
static void plan_statement(struct planner *planner, const struct node *node)
{
    const struct node *done = bare_node(node);
    if (node->role != ROLE_STATEMENT)
        return;
    if (is_assignment(planner, done) ||
        (done->kind == CXCursor_UnaryOperator && has_effect(planner, done)))
        offer_edit(planner, "delete-statement", done, "(void)0", node->at, "");
    else if (!clang_isExpression(node->kind) && node->kind != CXCursor_DeclStmt &&
             is_macro(planner, node) && !has_written_call(planner, node, node->at))
        propose_prefix(planner, "delete-statement", node);
}

/* --- All of it ---------------------------------------------------------------------------------
 */

void plan(struct planner *planner, const struct node *node)
{
    static const struct {
        enum CXCursorKind kind;
        void (*plan)(struct planner *, const struct node *);
    } rows[] = {
        {CXCursor_BinaryOperator, plan_binary},
        {CXCursor_CompoundAssignOperator, plan_compound_assignment},
        {CXCursor_UnaryOperator, plan_unary},
        {CXCursor_CallExpr, plan_call},
        {CXCursor_DeclRefExpr, plan_enumerator},
        {CXCursor_ReturnStmt, plan_return},
        {CXCursor_ReturnStmt, plan_jump},
        {CXCursor_BreakStmt, plan_jump},
        {CXCursor_ContinueStmt, plan_jump},
        {CXCursor_GotoStmt, plan_jump},
    };
    if (!node)
        return;
    plan_condition(planner, node);
    plan_statement(planner, node);
    if (plan_constant(planner, node))
        return;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].kind == node->kind)
            rows[i].plan(planner, node);
    for (uint32_t i = 0; i < node->child_count; i++)
        plan(planner, node->children[i]);
}

/* One return, as a constant or as the result of a function. */
static void note_result(struct planner *planner, struct result *result, const struct node *node)
{
    int64_t value;
    const struct node *returned = node->child_count > 0 ? bare_node(node->children[0]) : NULL;
    if (returned && returned->kind == CXCursor_CallExpr)
        result_add(planner->program, result, NULL, called_name(planner, returned));
    else if (returned && is_integer(returned->type) && is_constant(returned, &value))
        result_add(planner->program, result, &value, NULL);
    else
        result_add(planner->program, result, NULL, NULL);
}

static void note_results_below(struct planner *planner, struct result *result,
                               const struct node *node)
{
    if (node->kind == CXCursor_ReturnStmt)
        note_result(planner, result, node);
    for (uint32_t i = 0; i < node->child_count; i++)
        note_results_below(planner, result, node->children[i]);
}

void note_results(struct planner *planner, const struct node *tree)
{
    struct result *result = result_begin(planner->program, planner->function->name,
                                         planner->view->file, planner->function->body.begin);
    if (result && tree)
        note_results_below(planner, result, tree);
}
