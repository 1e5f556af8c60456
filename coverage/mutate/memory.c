/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of the generator: an arena for everything that lives until the end, buffers for text that
 * grows. A generator without memory cannot go on, so nobody has to ask.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coverage/mutate/mutate.h"

struct block {
    struct block *next;
    max_align_t data[];
};

void end(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("assay-mutate: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(code);
}

static void *or_end(void *memory)
{
    if (!memory)
        end(70, "out of memory");
    return memory;
}

void *arena_take(struct arena *arena, size_t size)
{
    struct block *block = or_end(calloc(1, sizeof *block + size));
    block->next = arena->blocks;
    arena->blocks = block;
    return block->data;
}

/* Room doubles at powers of two, from 8 on; what was left behind is freed at the end. */
void *arena_grow(struct arena *arena, void *array, size_t count, size_t element_size)
{
    if (count != 0 && (count < 8 || (count & (count - 1)) != 0))
        return array;
    void *larger = arena_take(arena, (count == 0 ? 8 : 2 * count) * element_size);
    if (count > 0)
        memcpy(larger, array, count * element_size);
    return larger;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    char *text = arena_take(arena, (size_t)size + 1);
    (void)vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    va_end(arguments);
    return text;
}

void arena_done(struct arena *arena)
{
    while (arena->blocks) {
        struct block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}

/* Makes room for `size` more bytes and a NUL. */
static void buffer_reserve(struct buffer *buffer, size_t size)
{
    if (buffer->size + size < buffer->room)
        return;
    buffer->room = 2 * (buffer->size + size) + 64;
    buffer->data = or_end(realloc(buffer->data, buffer->room));
}

void buffer_add(struct buffer *buffer, const char *text, size_t size)
{
    buffer_reserve(buffer, size);
    memcpy(buffer->data + buffer->size, text, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    size_t size = (size_t)vsnprintf(NULL, 0, format, arguments);
    buffer_reserve(buffer, size);
    (void)vsnprintf(buffer->data + buffer->size, size + 1, format, again);
    buffer->size += size;
    va_end(again);
    va_end(arguments);
}

void buffer_done(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}
