/* SPDX-License-Identifier: Apache-2.0
 *
 * Drawing: one choice at a time, recorded as it is made, in memory that a parent process may share.
 * The record is complete before the case goes on, so a case that kills its process leaves behind
 * what it had drawn.
 */
#include <string.h>

#include "harness/engine/engine.h"

static uint32_t shape_add(uint32_t shape, uint64_t word)
{
    for (int i = 0; i < 8; i++, word >>= 8)
        shape = (shape ^ (uint8_t)word) * 0x01000193u;
    return shape;
}

int64_t draw_kind(struct run *run, enum choice_kind kind, int64_t lo, int64_t hi, int64_t origin)
{
    struct choices *choices = run->choices;
    if (choices->count >= CHOICES_MAX) {
        run->outcome->overrun = true;
        reject(run);
    }
    struct choice ask = {0, lo, hi, origin, kind};
    int64_t value = run->source->next(run->source, &ask);
    ask.value = value < lo ? lo : value > hi ? hi : value;
    choices->at[choices->count] = ask;
    __atomic_store_n(&choices->count, choices->count + 1, __ATOMIC_RELEASE);
    return ask.value;
}

uint32_t choices_significant(const struct choices *choices)
{
    uint32_t count = choices->count;
    while (count > 0 && choices->at[count - 1].value == choices->at[count - 1].origin)
        count--;
    return count;
}

uint32_t choices_shape(const struct choices *choices, uint32_t count)
{
    uint32_t shape = 0x811c9dc5u;
    for (uint32_t i = 0; i < count && i < choices->count; i++) {
        const struct choice *choice = &choices->at[i];
        shape = shape_add(shape, (uint64_t)choice->lo);
        shape = shape_add(shape, (uint64_t)choice->hi);
        shape = shape_add(shape, (uint64_t)choice->origin);
        shape = shape_add(shape, choice->kind);
    }
    return shape;
}

int64_t draw(struct run *run, int64_t lo, int64_t hi, int64_t origin)
{
    return draw_kind(run, CHOICE_CASE, lo, hi, origin);
}

size_t draw_index(struct run *run, size_t count)
{
    return (size_t)draw(run, 0, count == 0 ? 0 : (int64_t)(count - 1), 0);
}

/* The class of length is one choice, the place in it another: lengths at which buffers end are as
 * likely as all others together, and shrinking can lower the length without changing its class. */
size_t draw_length(struct run *run, size_t min, size_t max)
{
    static const uint16_t edges[] = {0,   1,   8,   16,  31,  32,   55,   64,  72,
                                     127, 128, 255, 256, 512, 1023, 1024, 4096};
    if (max < min)
        max = min;
    int64_t near = draw(run, 0, 3, 0);
    size_t length = min;
    if (near == 0)
        length += (size_t)draw(run, 0, (int64_t)(max - min < 24 ? max - min : 24), 0);
    else if (near == 1)
        length = (size_t)draw(run, (int64_t)min, (int64_t)max, (int64_t)min);
    else if (near == 2)
        length = edges[draw_index(run, sizeof edges / sizeof *edges)] + (size_t)draw(run, 0, 2, 0);
    else
        length = max - (size_t)draw(run, 0, (int64_t)(max - min < 2 ? max - min : 2), 0);
    return length < min ? min : length > max ? max : length;
}

uint32_t span_begin(struct run *run, const char *label)
{
    struct choices *choices = run->choices;
    if (choices->span_count >= SPANS_MAX)
        return SPANS_MAX;
    struct span *span = &choices->spans[choices->span_count];
    span->first = span->end = choices->count;
    for (size_t i = 0; i < SPAN_LABEL_BYTES; i++) {
        span->label[i] = *label;
        label += *label != 0;
    }
    return choices->span_count++;
}

void span_end(struct run *run, uint32_t span)
{
    if (span < SPANS_MAX)
        run->choices->spans[span].end = run->choices->count;
}
