/* SPDX-License-Identifier: Apache-2.0
 *
 * Drawing: one choice at a time, recorded as it is made, in memory that a parent process may share.
 * The record is complete before the case goes on, so a case that kills its process leaves behind
 * what it had drawn.
 */
#include <string.h>

#include "harness/engine/engine.h"

#define SHAPE_OF_NOTHING 0x811c9dc5u /* where FNV-1a begins, by Fowler, Noll and Vo */

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
    struct choice *choice = &choices->at[choices->count];
    choice->lo = lo;
    choice->hi = hi;
    choice->origin = origin;
    choice->kind = kind;
    int64_t value = run->source->next(run->source, choice);
    value = value < lo ? lo : value > hi ? hi : value;
    choice->value = value;
    __atomic_store_n(&choices->count, choices->count + 1, __ATOMIC_RELEASE);
    return value;
}

uint32_t choices_significant(const struct choices *choices)
{
    uint32_t count = choices->count;
    while (count > 0 && choices->at[count - 1].value == choices->at[count - 1].origin)
        count--;
    return count;
}

static uint32_t shape_add_choice(uint32_t shape, const struct choice *choice)
{
    shape = shape_add(shape, (uint64_t)choice->lo);
    shape = shape_add(shape, (uint64_t)choice->hi);
    shape = shape_add(shape, (uint64_t)choice->origin);
    return shape_add(shape, choice->kind);
}

uint32_t choices_shape(const struct choices *choices, uint32_t count)
{
    uint32_t shape = SHAPE_OF_NOTHING;
    for (uint32_t i = 0; i < count && i < choices->count; i++)
        shape = shape_add_choice(shape, &choices->at[i]);
    return shape;
}

uint8_t choice_print(const struct choice *choice)
{
    uint32_t shape = shape_add_choice(SHAPE_OF_NOTHING, choice);
    shape ^= shape >> 16;
    shape ^= shape >> 8;
    return (shape ^ (shape >> 4)) & 15;
}

int64_t draw(struct run *run, int64_t lo, int64_t hi, int64_t origin)
{
    return draw_kind(run, CHOICE_CASE, lo, hi, origin);
}

size_t draw_index(struct run *run, size_t count)
{
    return (size_t)draw(run, 0, count == 0 ? 0 : (int64_t)(count - 1), 0);
}

size_t draw_weighted(struct run *run, const uint32_t *weights, size_t count)
{
    uint64_t sum = 0;
    size_t index = 0;
    for (size_t i = 0; i < count; i++)
        sum += weights[i];
    uint64_t left = (uint64_t)draw(run, 0, sum == 0 ? 0 : (int64_t)(sum - 1), 0);
    while (index + 1 < count && left >= weights[index])
        left -= weights[index++];
    return index;
}

bool draw_more(struct run *run, size_t so_far, size_t min, size_t max)
{
    int64_t must = so_far < min;
    return draw(run, must, so_far < max ? 31 : must, must) != 0;
}

void draw_bytes(struct run *run, void *ret, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)ret)[i] = (uint8_t)draw(run, 0, 255, 0);
}

size_t draw_factor(struct run *run, size_t levels)
{
    return (size_t)draw_kind(run, CHOICE_FACTOR, 0, levels == 0 ? 0 : (int64_t)(levels - 1), 0);
}

size_t draw_length(struct run *run, size_t min, size_t max)
{
    if (max < min)
        max = min;
    return (size_t)draw_kind(run, CHOICE_LENGTH, (int64_t)min, (int64_t)max, (int64_t)min);
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
