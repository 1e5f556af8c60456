/* SPDX-License-Identifier: Apache-2.0
 *
 * The mutant generator, from the inside.
 *
 *   main.c       options, and the order of the work
 *   memory.c     memory that lives until the end, and text that grows
 *   text.c       a file: its text, the same without comments, its macros
 *   tree.c       a function as a tree of nodes that know where they stand in the file
 *   operators.c  which mutants a node has
 *   results.c    functions that return one value only
 *   sites.c      where a mutant may stand, and the list of them
 *   render.c     a file with its mutants in it
 *   changes.c    which lines have changed
 *   table.c      numbers, keys, and the table of all mutants
 *
 * Everything is written into the text of the source, never printed from the tree: what comes out
 * differs from what went in only where a mutant stands. Positions are offsets in bytes. All memory
 * belongs to one arena and is freed at the end.
 */
#ifndef ASSAY_MUTATE_H
#define ASSAY_MUTATE_H

#include <clang-c/Index.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits. */
#define SOURCES_MAX        4096u
#define FILE_BYTES_MAX     16777216u
#define TREE_DEPTH_MAX     1000u
#define ORIGINAL_BYTES_MAX 4096u /* of a mutant's text: longer ones are refused */
#define CHECK_ROUNDS_MAX   32u   /* how often a file is mended when it does not compile */

/* --- memory.c --- */

struct arena {
    struct block *blocks;
};
/* Zeroed. The program ends when there is no memory. */
void *arena_take(struct arena *, size_t size);
/* An array that has room for one more than `count` elements; it may have moved. */
void *arena_grow(struct arena *, void *array, size_t count, size_t element_size);
char *arena_format(struct arena *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_done(struct arena *);

/* Text that ends in NUL. */
struct buffer {
    char *data;
    size_t size, room;
};
void buffer_add(struct buffer *, const char *text, size_t size);
void buffer_format(struct buffer *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_done(struct buffer *);

/* Ends the program with this message. */
__attribute__((noreturn, format(printf, 2, 3))) void end(int code, const char *format, ...);

/* --- text.c --- */

struct span {
    uint32_t begin, end;
};
static inline bool span_equal(struct span a, struct span b)
{
    return a.begin == b.begin && a.end == b.end;
}
static inline bool span_within(struct span inner, struct span outer)
{
    return outer.begin <= inner.begin && inner.end <= outer.end;
}

struct lines {
    uint32_t first, last;
};

/* A source or header below the root; one for all that include it. */
struct file {
    const char *path;
    const char *name; /* relative to the root */
    uint32_t size;
    char *text;
    char *code; /* comments blank */
    char *bare; /* and the inside of strings and characters as `x` */
    uint32_t *line_starts;
    uint32_t line_count;
    struct mutation **mutations; /* in the order of the file, once it is numbered */
    uint32_t mutation_count;
    bool was_read; /* in an earlier unit */
};

bool file_read(struct arena *, struct file *);
uint32_t line_of(const struct file *, uint32_t offset);
/* The code of a span on one line. */
char *code_of(struct arena *, const struct file *, struct span);
/* The next character of code at or after the offset that is not blank. */
uint32_t skip_blank(const struct file *, uint32_t offset);
/* Whether all brackets in the span close each other. */
bool is_balanced(const struct file *, struct span);
bool has_directive(const struct file *, struct span);
/* Whether a comma stands outside all round brackets: what the preprocessor takes for two
 * arguments. */
bool has_open_comma(const struct file *, struct span);
/* Where the round bracket that opens at the offset closes, or the end of the file. */
uint32_t closing_bracket(const struct file *, uint32_t offset);

/* --- tree.c --- */

/* An expansion of a macro in a file. It is closed when what it stands for can be a part of an
 * expression and stay in one piece: a single token, or something in brackets. */
struct macro {
    struct span at;
    bool closed;
};

/* A file as one translation unit sees it. */
struct view {
    struct file *file;
    struct macro *macros;
    uint32_t macro_count;
    struct function *functions;
    uint32_t function_count;
    struct inclusion *inclusions; /* of files below the root */
    uint32_t inclusion_count;
    bool is_open; /* while it is rendered */
};
struct inclusion {
    uint32_t offset;   /* of something in the directive */
    struct view *view; /* null: nothing was entered */
};

/* What is done with the value of an expression. */
enum role {
    ROLE_VALUE,
    ROLE_STATEMENT, /* nothing */
    ROLE_STEP,      /* nothing; it stands in the head of a for */
    ROLE_CONDITION,
    ROLE_LOOP_CONDITION,
};

struct node {
    enum CXCursorKind kind;
    enum role role;
    CXCursor cursor;
    CXType type;       /* canonical */
    bool to_pointer;   /* it is converted to a pointer */
    bool is_placed;    /* its span is where its text stands */
    bool is_unwritten; /* it comes out of a macro, whose span it has */
    struct span at;
    struct node *parent;
    struct node **children;
    uint32_t child_count;
};

/* Text that is put in front of an offset in every body, for the fuel. */
struct insertion {
    uint32_t offset;
    const char *text;
};

struct function {
    const char *name;
    CXType result;
    struct span body;
    struct node *tree;
    const char **labels;
    uint32_t label_count;
    bool has_static; /* a variable that both bodies would have to share */
    struct insertion *insertions;
    uint32_t insertion_count;
    struct mutation **mutations;
    uint32_t mutation_count;
    uint32_t low, high; /* their numbers; 0 when none is left */
};

/* A translation unit. views[0] is the source. */
struct unit {
    struct view **views;
    uint32_t view_count;
};

struct program;
/* Parses a source and fills its unit with functions and their trees, proposing mutants. */
void unit_read(struct program *, const char *path, struct unit *ret);
/* Past brackets and conversions that are not written. */
const struct node *bare_node(const struct node *);
/* The outermost of the brackets around a node. */
const struct node *bracketed(const struct node *);
/* The source, as it was generated, compiles: 0. Else the line of the first error, and its file. */
uint32_t unit_check(struct program *, const struct unit *, const char *generated, size_t size,
                    const struct file **ret_file, char *ret_message, size_t message_size);

/* --- sites.c --- */

enum form {
    FORM_PREFIX,    /* `if (...) {} else` in front of a statement */
    FORM_DISCARDED, /* an expression without a value */
    FORM_VALUE,
};

struct mutation {
    const char *operator_name;
    const char *function;
    struct file *file;
    struct span site;
    enum form form;
    const char *alternative; /* null for FORM_PREFIX */
    struct span edit;        /* the same as a change of the text */
    const char *replacement;
    uint32_t line;   /* where the edit begins */
    uint32_t number; /* in the file, from 1; 0: it is not wanted, or does not compile */
    bool is_wanted, is_dropped;
    const char *callee; /* when it forces the answer of a call: to what */
    int64_t forced;
    uint64_t key;
};

/* Takes out what does not compile: the mutants of that line. False: there are none. */
bool drop_line(const struct file *, uint32_t line);

/* Why places have no mutant although an operator would have had one. */
enum refusal {
    REFUSED_MACRO,     /* it is a part of what a macro stands for */
    REFUSED_DIRECTIVE, /* a directive of the preprocessor stands in it */
    REFUSED_STATEMENT_EXPRESSION,
    REFUSED_UNDEFINED, /* a constant 0 as divisor, a shift by 0 or out of range, a negative index */
    REFUSED_TYPE,      /* pointers and floating point where the operator needs integers */
    REFUSED_LONG,
    REFUSALS
};

struct proposal {
    const char *operator_name;
    const struct node *node;
    const char *alternative;
    struct span edit;        /* of size 0: all of the site */
    const char *replacement; /* null: the alternative */
    const char *callee;      /* of a call whose answer is forced, and to what; or null */
    int64_t forced;
};

/* What operators.c works on. */
struct planner {
    struct program *program;
    struct view *view;
    struct function *function;
};
void propose(struct planner *, const struct proposal *);
/* Deletes a statement that is not an expression. */
void propose_prefix(struct planner *, const char *operator_name, const struct node *);
void refuse(struct planner *, enum refusal);
/* It is all that a macro stands for, or a part of that. */
bool is_macro(const struct planner *, const struct node *);

/* --- operators.c --- */

void plan(struct planner *, const struct node *tree);
/* Notes what the function may return. */
void note_results(struct planner *, const struct node *tree);

/* --- render.c --- */

void render_unit(const struct unit *, struct buffer *ret);

/* --- results.c --- */

/* What a function may return. */
struct result {
    const char *name;
    const struct file *file; /* where its body begins */
    uint32_t offset;
    bool is_known; /* the value */
    bool is_open;  /* more than one, or none that can be told */
    int64_t value;
    const char **callees; /* whose results it returns */
    uint32_t callee_count;
};
/* A function with a body; null when it was there before. */
struct result *result_begin(struct program *, const char *name, const struct file *,
                            uint32_t offset);
/* One of its returns: a value, or the result of a function, or neither. */
void result_add(struct program *, struct result *, const int64_t *value, const char *callee);
/* Once all functions are there. */
void results_settle(struct program *);
bool is_only_result(struct program *, const char *callee, int64_t value);

/* --- changes.c --- */

/* "FILE:A-B,C": those lines of a file; a unified diff: those that it adds or changes. */
void changes_from_lines(struct program *, const char *argument);
void changes_from_diff(struct program *, const char *path);
bool is_changed(const struct program *, const struct file *, struct span);
struct wanted {
    const char *name;
    struct lines lines;
};

/* --- table.c --- */

/* Puts the mutations of all files in order, and numbers those that are wanted and compile. */
void number_all(struct program *);
/* Once all are in order. */
void set_keys(struct program *);
void table_render(const struct program *, struct buffer *ret);
void list_print(const struct program *);
void summary_print(const struct program *);
/* The name of the symbol that holds where the mutants of a file begin. */
void first_name(const struct file *, struct buffer *ret);

/* --- main.c --- */

struct program {
    struct arena arena;
    const char *root; /* without a slash at its end */
    const char *out;
    const char *depfile;
    bool lists;
    const char **sources;
    uint32_t source_count;
    const char *const *flags;
    int flag_count;
    struct unit *units;
    struct file **files;
    uint32_t file_count;
    struct result *results;
    uint32_t result_count;
    struct wanted *wanted;
    uint32_t wanted_count;
    bool is_restricted;
    uint32_t refused[REFUSALS];
    const char **dependencies;
    uint32_t dependency_count;
};

/* The file of that path below the root; null when it is elsewhere. */
struct file *program_file(struct program *, const char *path);

#endif
