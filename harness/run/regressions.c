/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens of defects that were there once: cases/regressions/THEME.tokens, a line a token, with a
 * line of comment (#) above it that says in words what it was. Their target is "*": they are run on
 * whatever is judged, first of all, since a defect that comes back is the cheapest to find.
 *
 * Nothing is skipped in silence. A line that cannot be read, or that names no case, is a problem
 * with its file and number, and the run is too weak. That a token no longer fits the draws of its
 * case is found when it is run (technique.c).
 *
 * `keep` only appends, so that a change of the file shows what was added; the file is written under
 * another name first. Two that keep at the same moment may lose one line: it is a thing that people
 * do by hand.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/run/regressions.h"

#define ENDING ".tokens"

static const char folder_of_sources[] = "cases/regressions";

__attribute__((format(printf, 2, 3))) static void note_problem(struct regressions *regressions,
                                                               const char *format, ...)
{
    va_list arguments;
    if (regressions->problem_count++ > 0)
        return;
    va_start(arguments, format);
    vsnprintf(regressions->problem, sizeof regressions->problem, format, arguments);
    va_end(arguments);
}

/* Null when the text is a token for any target. */
static const char *read_kept(const char *text, struct token *ret, const struct test_case **ret_case)
{
    uint32_t index;
    const char *wrong = token_read(text, ret);
    if (wrong)
        return wrong;
    if (strcmp(ret->target, TOKEN_ANY_TARGET) != 0)
        return "it is for one target only: `assay keep` writes it for any";
    *ret_case = case_find(ret->name, &index);
    return *ret_case ? NULL : "it names a case that is not there";
}

static void read_line(struct regressions *regressions, const char *text, const char *place,
                      struct token *room)
{
    struct regression line = {.token = NULL};
    const char *wrong = read_kept(text, room, &line.test_case);
    if (wrong) {
        note_problem(regressions, "%s is not a token that is kept: %s", place, wrong);
        return;
    }
    if (regressions->count == REGRESSIONS_MAX) {
        note_problem(regressions, "%s: more than %u tokens are kept", place, REGRESSIONS_MAX);
        return;
    }
    snprintf(line.place, sizeof line.place, "%s", place);
    line.token = strdup(text);
    if (line.token)
        regressions->lines[regressions->count++] = line;
    else
        note_problem(regressions, "%s: there is no memory for it", place);
}

/* The text of a file, to free(); null with errno when it cannot be read or is too long. */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = file ? malloc(REGRESSION_FILE_BYTES_MAX + 1) : NULL;
    size_t size = text ? fread(text, 1, REGRESSION_FILE_BYTES_MAX + 1, file) : 0;
    bool failed = text && ferror(file);
    if (file)
        fclose(file);
    if (text && size <= REGRESSION_FILE_BYTES_MAX && !failed && !memchr(text, 0, size)) {
        text[size] = 0;
        return text;
    }
    if (text)
        errno = failed ? EIO : size > REGRESSION_FILE_BYTES_MAX ? EFBIG : EILSEQ;
    free(text);
    return NULL;
}

static void read_tokens(struct regressions *regressions, const char *folder, const char *name,
                        struct token *room)
{
    char path[4096], place[NAME_BYTES_MAX * 2];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *text = read_file(path), *rest = text;
    uint32_t number = 0;
    if (!text)
        note_problem(regressions, "cannot read %s: %s", path, strerror(errno));
    for (char *line; (line = strsep(&rest, "\n"));) {
        number++;
        snprintf(place, sizeof place, "%s:%u", name, number);
        if (*line && *line != '#')
            read_line(regressions, line, place, room);
    }
    free(text);
}

static int is_tokens(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name), ending = sizeof ENDING - 1;
    return size > ending && strcmp(entry->d_name + size - ending, ENDING) == 0;
}

void regressions_read(const char *folder, struct regressions *ret)
{
    char beside[4096];
    struct dirent **entries = NULL;
    struct token *room = malloc(sizeof *room);
    *ret = (struct regressions){.lines = calloc(REGRESSIONS_MAX, sizeof *ret->lines)};
    if (!folder) {
        module_folder(beside);
        strcat(beside, "/regressions"); /* module_folder() leaves room */
    }
    int count =
        room && ret->lines ? scandir(folder ? folder : beside, &entries, is_tokens, alphasort) : -1;
    if (count < 0 && (folder || errno != ENOENT))
        note_problem(ret, "cannot read the folder %s: %s", folder ? folder : beside,
                     strerror(errno));
    for (int i = 0; i < count; i++) {
        read_tokens(ret, folder ? folder : beside, entries[i]->d_name, room);
        free(entries[i]);
    }
    if (folder && ret->count == 0 && ret->problem_count == 0)
        note_problem(ret, "no token is kept in %s", folder);
    free(entries);
    free(room);
}

void regressions_done(struct regressions *regressions)
{
    for (uint32_t i = 0; i < regressions->count; i++)
        free(regressions->lines[i].token);
    free(regressions->lines);
    *regressions = (struct regressions){.lines = NULL};
}

bool regressions_have(const struct regressions *regressions, const struct test_case *test_case)
{
    for (uint32_t i = 0; regressions && i < regressions->count; i++)
        if (regressions->lines[i].test_case == test_case)
            return true;
    return false;
}

/* --- Keeping -----------------------------------------------------------------------------------
 */

static bool holds_line(const char *text, const char *line)
{
    size_t size = strlen(line);
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
        if (strcspn(text, "\n") == size && memcmp(text, line, size) == 0)
            return true;
    return false;
}

/* A comment is one line that a terminal can show. */
static bool is_one_line(const char *note)
{
    size_t size = strlen(note);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)note[i] < 0x20 || note[i] == 0x7f)
            return false;
    return size > 0 && size <= NOTE_BYTES_MAX;
}

/* The file as it was and two lines more, in one step. False: errno says why it is as it was. */
static bool append(const char *path, const char *before, const char *note, const char *token)
{
    char temporary[4200];
    snprintf(temporary, sizeof temporary, "%s.part", path);
    FILE *file = fopen(temporary, "w");
    size_t size = strlen(before);
    if (!file)
        return false;
    const char *end = size > 0 && before[size - 1] != '\n' ? "\n" : "";
    bool written = fprintf(file, "%s%s# %s\n%s\n", before, end, note, token) > 0;
    written = fclose(file) == 0 && written && rename(temporary, path) == 0;
    if (!written)
        unlink(temporary);
    return written;
}

static enum exit_code keep_line(const char *folder, const struct test_case *test_case,
                                const char *note, const char *line,
                                char ret_message[static MODULE_MESSAGE_BYTES])
{
    char path[4096];
    int theme = (int)strcspn(test_case->name, ".");
    snprintf(path, sizeof path, "%s/%.*s" ENDING, folder, theme, test_case->name);
    char *before = read_file(path);
    bool kept = before && holds_line(before, line);
    bool readable = before || errno == ENOENT;
    bool written = kept || (readable && append(path, before ? before : "", note, line));
    snprintf(ret_message, MODULE_MESSAGE_BYTES, "%s %.400s%s%s",
             kept      ? "it is kept already in"
             : written ? "kept in"
                       : "cannot write",
             path, written ? "" : ": ", written ? "" : strerror(errno));
    free(before);
    return written ? EXIT_GREEN : EXIT_INTERNAL;
}

enum exit_code regression_keep(const char *text, const char *note, const char *folder,
                               char ret_message[static MODULE_MESSAGE_BYTES])
{
    struct token *token = malloc(sizeof *token);
    struct stat info;
    char found_on[NOTE_BYTES_MAX + 1], *line = NULL;
    uint32_t index;
    enum exit_code exit_code = EXIT_USAGE;
    const char *wrong = token ? token_read(text, token) : "there is no memory for it";
    const struct test_case *test_case = wrong ? NULL : case_find(token->name, &index);
    if (wrong)
        snprintf(ret_message, MODULE_MESSAGE_BYTES, "this is not a token: %s", wrong);
    else if (!test_case)
        snprintf(ret_message, MODULE_MESSAGE_BYTES, "the token names a case that is not there: %s",
                 token->name);
    else if (note && !is_one_line(note))
        snprintf(ret_message, MODULE_MESSAGE_BYTES,
                 "a note is one line of 1 to %u bytes, without control characters", NOTE_BYTES_MAX);
    else if (!folder && (stat(folder_of_sources, &info) != 0 || !S_ISDIR(info.st_mode)))
        snprintf(ret_message, MODULE_MESSAGE_BYTES,
                 "there is no folder %s here: make it, or say where with --regressions DIR",
                 folder_of_sources);
    else {
        snprintf(found_on, sizeof found_on, "found on %s: it does not hold that %s", token->target,
                 test_case->shows);
        snprintf(token->target, sizeof token->target, TOKEN_ANY_TARGET);
        line = token_text(token);
        exit_code = line ? keep_line(folder ? folder : folder_of_sources, test_case,
                                     note ? note : found_on, line, ret_message)
                         : EXIT_INTERNAL;
    }
    free(line);
    free(token);
    return exit_code;
}
