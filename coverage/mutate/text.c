/* SPDX-License-Identifier: Apache-2.0
 *
 * A file as text, three times, with the same offsets: as it is; as code, where comments are blank;
 * and bare, where the inside of strings and characters is `x`, too, so that brackets, commas and
 * signs of number found there are those of the language.
 *
 * Trigraphs and raw strings are not known; nor is a backslash at the end of a line outside of
 * comments, strings and directives.
 */
#include <stdio.h>
#include <string.h>

#include "coverage/mutate/mutate.h"

/* Where a comment that begins at the offset ends; the offset itself when none begins there. */
static uint32_t comment_end(const struct file *file, uint32_t offset)
{
    const char *text = file->text + offset;
    uint32_t i = offset;
    if (text[0] == '/' && text[1] == '/') {
        while (i < file->size && (file->text[i] != '\n' || file->text[i - 1] == '\\'))
            i++;
        return i;
    }
    if (text[0] == '/' && text[1] == '*') {
        const char *close = strstr(text + 2, "*/");
        return close ? (uint32_t)(close + 2 - file->text) : file->size;
    }
    return offset;
}

/* Where a string or character that begins at the offset ends, behind its quote. */
static uint32_t quoted_end(const struct file *file, uint32_t offset)
{
    char quote = file->text[offset];
    uint32_t i = offset + 1;
    while (i < file->size && file->text[i] != quote && file->text[i] != '\n')
        i += file->text[i] == '\\' ? 2 : 1;
    return i < file->size ? i + 1 : file->size;
}

/* Blanks what is not a line break. */
static void blank(char *text, uint32_t begin, uint32_t end_)
{
    for (uint32_t i = begin; i < end_; i++)
        if (text[i] != '\n')
            text[i] = ' ';
}

static void mask(struct file *file)
{
    for (uint32_t i = 0; i < file->size;) {
        uint32_t after = comment_end(file, i);
        if (after > i) {
            blank(file->code, i, after);
            blank(file->bare, i, after);
            i = after;
        } else if (file->text[i] == '"' || file->text[i] == '\'') {
            after = quoted_end(file, i);
            for (uint32_t inside = i + 1; inside + 1 < after; inside++)
                file->bare[inside] = 'x';
            i = after;
        } else {
            i++;
        }
    }
}

static void note_lines(struct arena *arena, struct file *file)
{
    for (uint32_t i = 0; i <= file->size; i++) {
        if (i > 0 && file->text[i - 1] != '\n')
            continue;
        file->line_starts =
            arena_grow(arena, file->line_starts, file->line_count, sizeof *file->line_starts);
        file->line_starts[file->line_count++] = i;
    }
}

bool file_read(struct arena *arena, struct file *file)
{
    FILE *stream = fopen(file->path, "rb");
    if (!stream)
        return false;
    bool read = fseek(stream, 0, SEEK_END) == 0;
    long size = ftell(stream);
    if (!read || size < 0 || size > (long)FILE_BYTES_MAX)
        end(1, "%s cannot be read, or is longer than %u bytes", file->path, FILE_BYTES_MAX);
    rewind(stream);
    file->size = (uint32_t)size;
    char **copies[] = {&file->text, &file->code, &file->bare};
    for (size_t i = 0; i < 3; i++)
        *copies[i] = arena_take(arena, file->size + 2); /* NULs, to be looked at */
    read = fread(file->text, 1, file->size, stream) == file->size;
    (void)fclose(stream);
    memcpy(file->code, file->text, file->size);
    memcpy(file->bare, file->text, file->size);
    mask(file);
    note_lines(arena, file);
    return read;
}

uint32_t line_of(const struct file *file, uint32_t offset)
{
    uint32_t low = 0, high = file->line_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (file->line_starts[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low + 1;
}

char *code_of(struct arena *arena, const struct file *file, struct span span)
{
    char *text = arena_take(arena, span.end - span.begin + 1), *to = text;
    for (uint32_t i = span.begin; i < span.end; i++) {
        bool is_blank = strchr(" \t\n\r\f", file->bare[i]) != NULL;
        if (!is_blank)
            *to++ = file->code[i];
        else if (to > text && to[-1] != ' ')
            *to++ = ' ';
    }
    while (to > text && to[-1] == ' ')
        to--;
    *to = '\0';
    return text;
}

uint32_t skip_blank(const struct file *file, uint32_t offset)
{
    while (offset < file->size && strchr(" \t\n\r\f", file->bare[offset]))
        offset++;
    return offset;
}

bool is_balanced(const struct file *file, struct span span)
{
    static const char opening[] = "([{", closing[] = ")]}";
    char expected[256];
    size_t depth = 0;
    for (uint32_t i = span.begin; i < span.end && file->bare[i]; i++) {
        const char *opens = strchr(opening, file->bare[i]),
                   *closes = strchr(closing, file->bare[i]);
        if (opens && depth == sizeof expected)
            return false;
        if (opens)
            expected[depth++] = closing[opens - opening];
        else if (closes && (depth == 0 || expected[--depth] != *closes))
            return false;
    }
    return depth == 0;
}

bool has_directive(const struct file *file, struct span span)
{
    for (uint32_t i = span.begin; i < span.end; i++) {
        if (file->bare[i] != '#')
            continue;
        uint32_t before = i;
        while (before > 0 && (file->bare[before - 1] == ' ' || file->bare[before - 1] == '\t'))
            before--;
        if (before == 0 || file->bare[before - 1] == '\n')
            return true;
    }
    return false;
}

bool has_open_comma(const struct file *file, struct span span)
{
    int depth = 0;
    for (uint32_t i = span.begin; i < span.end; i++) {
        depth += (file->bare[i] == '(') - (file->bare[i] == ')');
        if (depth == 0 && file->bare[i] == ',')
            return true;
    }
    return false;
}

uint32_t closing_bracket(const struct file *file, uint32_t offset)
{
    int depth = 0;
    for (uint32_t i = offset; i < file->size; i++) {
        depth += (file->bare[i] == '(') - (file->bare[i] == ')');
        if (depth == 0)
            return i;
    }
    return file->size;
}
