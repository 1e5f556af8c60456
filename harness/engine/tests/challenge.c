/* SPDX-License-Identifier: Apache-2.0
 *
 * The problems of the shrinking challenge, see challenge.h. Numbers are as wide as the challenge
 * has them: 64 bits where it says "integer".
 */
#include <stdio.h>
#include <string.h>

#include "harness/engine/tests/challenge.h"

#define LENGTH_MAX 100 /* of a list for which the problem names no limit */

/* --- What is drawn -----------------------------------------------------------------------------
 */

void draw_list(struct run *run, int64_t length_max, int64_t lo, int64_t hi, struct list *ret)
{
    ret->count = (size_t)draw(run, 0, length_max, 0);
    for (size_t i = 0; i < ret->count; i++) {
        uint32_t span = span_begin(run, "element");
        ret->at[i] = draw(run, lo, hi, lo > 0 ? lo : 0);
        span_end(run, span);
    }
}

/* "[1,-2]", added to a text that grows. */
static void write_list(const struct list *list, char *ret, size_t size)
{
    size_t used = strlen(ret);
    used += (size_t)snprintf(ret + used, size - used, "[");
    for (size_t i = 0; i < list->count && used + 24 < size; i++)
        used += (size_t)snprintf(ret + used, size - used, "%s%lld", i ? "," : "",
                                 (long long)list->at[i]);
    snprintf(ret + used, size - used, "]");
}

static size_t distinct_count(const struct list *list)
{
    size_t distinct = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t j = 0;
        while (j < i && list->at[j] != list->at[i])
            j++;
        distinct += j == i;
    }
    return distinct;
}

void tell_list(struct run *run, const struct list *list)
{
    char text[1024] = "";
    write_list(list, text, sizeof text);
    tell(run, "%s", text);
}

/* --- The problems ------------------------------------------------------------------------------
 */

/* Reversing a list does nothing. */
static void reverse(struct run *run, const void *subject)
{
    struct list list;
    (void)subject;
    draw_list(run, LENGTH_MAX, INT64_MIN, INT64_MAX, &list);
    tell_list(run, &list);
    for (size_t i = 0; i < list.count; i++)
        CHECK(run, list.at[i] == list.at[list.count - 1 - i], "not a palindrome");
}

/* The elements of a list of 1 to 100 numbers of at most 1000 are below 900. */
static void length_list(struct run *run, const void *subject)
{
    struct list list;
    (void)subject;
    list.count = (size_t)draw(run, 1, 100, 1);
    for (size_t i = 0; i < list.count; i++) {
        uint32_t span = span_begin(run, "element");
        list.at[i] = draw(run, 0, 1000, 0);
        span_end(run, span);
    }
    tell_list(run, &list);
    for (size_t i = 0; i < list.count; i++)
        CHECK(run, list.at[i] < 900, "%lld", (long long)list.at[i]);
}

/* Lists of lists have at most four distinct elements. */
static void large_union_list(struct run *run, const void *subject)
{
    struct list list, all = {0};
    char text[1024] = "";
    int64_t lists = draw(run, 0, 10, 0);
    (void)subject;
    for (int64_t i = 0; i < lists; i++) {
        uint32_t span = span_begin(run, "list");
        draw_list(run, 10, INT64_MIN, INT64_MAX, &list);
        span_end(run, span);
        write_list(&list, text, sizeof text);
        memcpy(all.at + all.count, list.at, list.count * sizeof *list.at);
        all.count += list.count;
    }
    tell(run, "%s", text);
    CHECK(run, distinct_count(&all) <= 4, "%zu distinct ones", distinct_count(&all));
}

/* Five lists of 16-bit numbers, each of a sum below 256, have a sum below 1280: false, since sums
 * go round. */
static void bound5(struct run *run, int64_t length_max)
{
    struct list list;
    char text[1024] = "";
    uint16_t total = 0;
    bool small = true;
    for (int i = 0; i < 5; i++) {
        uint16_t sum = 0;
        uint32_t span = span_begin(run, "list");
        draw_list(run, length_max, INT16_MIN, INT16_MAX, &list);
        span_end(run, span);
        for (size_t j = 0; j < list.count; j++)
            sum = (uint16_t)(sum + list.at[j]);
        small &= (int16_t)sum < 256;
        total = (uint16_t)(total + sum);
        if (list.count > 0)
            write_list(&list, text, sizeof text);
    }
    tell(run, "%s", text);
    if (small)
        CHECK(run, (int16_t)total < 5 * 256, "%d", (int16_t)total);
}

static void bound5_of_one(struct run *run, const void *subject)
{
    (void)subject;
    bound5(run, 1);
}

static void bound5_of_ten(struct run *run, const void *subject)
{
    (void)subject;
    bound5(run, 10);
}

/* Expressions of numbers, + and /, without a division by a literal zero, can be evaluated. */
static int64_t draw_expression(struct run *run, int depth, char *text, size_t size, bool *ret_zero)
{
    uint32_t span = span_begin(run, "expression");
    int64_t kind = draw(run, 0, depth > 0 ? 2 : 0, 0), number = draw(run, INT32_MIN, INT32_MAX, 0);
    size_t used = strlen(text);
    if (kind == 0) {
        snprintf(text + used, size - used, "%lld", (long long)number);
        span_end(run, span);
        return number;
    }
    snprintf(text + used, size - used, "(");
    int64_t left = draw_expression(run, depth - 1, text, size, ret_zero);
    used = strlen(text);
    snprintf(text + used, size - used, kind == 1 ? "+" : "/");
    size_t literal = strlen(text);
    int64_t right = draw_expression(run, depth - 1, text, size, ret_zero);
    used = strlen(text);
    if (kind == 2 && strcmp(text + literal, "0") == 0)
        reject(run);
    snprintf(text + used, size - used, ")");
    span_end(run, span);
    if (kind == 1)
        return left + right;
    *ret_zero |= right == 0;
    return right == 0 ? 0 : left / right;
}

static void calculator(struct run *run, const void *subject)
{
    char text[1024] = "";
    bool zero = false;
    (void)subject;
    draw_expression(run, 5, text, sizeof text, &zero);
    tell(run, "%s", text);
    CHECK(run, !zero, "division by zero");
}

/* Lists of lists have at most ten elements. */
static void nested_lists(struct run *run, const void *subject)
{
    struct list list;
    size_t total = 0;
    char text[1024] = "";
    int64_t lists = draw(run, 0, 10, 0);
    (void)subject;
    for (int64_t i = 0; i < lists; i++) {
        uint32_t span = span_begin(run, "list");
        draw_list(run, 20, 0, 1, &list);
        span_end(run, span);
        write_list(&list, text, sizeof text);
        total += list.count;
    }
    tell(run, "%s", text);
    CHECK(run, total <= 10, "%zu elements", total);
}

/* A list has at most two distinct elements. */
static void distinct(struct run *run, const void *subject)
{
    struct list list;
    (void)subject;
    draw_list(run, LENGTH_MAX, INT64_MIN, INT64_MAX, &list);
    tell_list(run, &list);
    CHECK(run, distinct_count(&list) < 3, "%zu distinct ones", distinct_count(&list));
}

/* An element that was removed from a list is gone. */
static void deletion(struct run *run, const void *subject)
{
    struct list list;
    size_t copies = 0;
    (void)subject;
    draw_list(run, LENGTH_MAX, INT64_MIN, INT64_MAX, &list);
    size_t which = draw_index(run, 11);
    if (which >= list.count)
        reject(run);
    for (size_t i = 0; i < list.count; i++)
        copies += list.at[i] == list.at[which];
    tell_list(run, &list);
    tell(run, "%lld", (long long)list.at[which]);
    CHECK(run, copies < 2, "%zu copies", copies);
}

/* No two elements of a list of places in it refer to each other. */
static void coupling(struct run *run, const void *subject)
{
    struct list list;
    (void)subject;
    draw_list(run, LENGTH_MAX, 0, 10, &list);
    for (size_t i = 0; i < list.count; i++)
        if (list.at[i] >= (int64_t)list.count)
            reject(run);
    tell_list(run, &list);
    for (size_t i = 0; i < list.count; i++)
        CHECK(run, list.at[i] == (int64_t)i || list.at[list.at[i]] != (int64_t)i, "coupled");
}

/* Two numbers, the first of at least ten, do not differ by zero, by one to four, by one. */
static void difference(struct run *run, int64_t least, int64_t most)
{
    int64_t x = draw(run, 1, INT64_MAX, 1), y = draw(run, 1, INT64_MAX, 1);
    int64_t apart = x < y ? y - x : x - y;
    tell(run, "%lld,%lld", (long long)x, (long long)y);
    CHECK(run, x < 10 || apart < least || apart > most, "%lld", (long long)apart);
}

static void difference_not_zero(struct run *run, const void *subject)
{
    (void)subject;
    difference(run, 0, 0);
}

static void difference_not_small(struct run *run, const void *subject)
{
    (void)subject;
    difference(run, 1, 4);
}

static void difference_not_one(struct run *run, const void *subject)
{
    (void)subject;
    difference(run, 1, 1);
}

const struct challenge challenges[CHALLENGES] = {
    [REVERSE] = {"reverse", reverse, "[0,1]\n"},
    [LENGTH_LIST] = {"length_list", length_list, "[900]\n"},
    [LARGE_UNION_LIST] = {"large_union_list", large_union_list, "[0,1,-1,2,-2]\n"},
    [BOUND5] = {"bound5", bound5_of_one, "[-1][-32768]\n"},
    [BOUND5_LISTS10] = {"bound5_lists10", bound5_of_ten, "[-1][-32768]\n"},
    [CALCULATOR] = {"calculator", calculator, "(0/(0+0))\n"},
    [NESTED_LISTS] = {"nested_lists", nested_lists, "[0,0,0,0,0,0,0,0,0,0,0]\n"},
    [DISTINCT] = {"distinct", distinct, "[0,1,-1]\n"},
    [DELETION] = {"deletion", deletion, "[0,0]\n0\n"},
    [COUPLING] = {"coupling", coupling, "[1,0]\n"},
    [DIFFERENCE_NOT_ZERO] = {"difference_not_zero", difference_not_zero, "10,10\n"},
    [DIFFERENCE_NOT_SMALL] = {"difference_not_small", difference_not_small, "10,6\n"},
    [DIFFERENCE_NOT_ONE] = {"difference_not_one", difference_not_one, "10,9\n"},
};

/* --- Where their choices come from -------------------------------------------------------------
 */

static int64_t near_choice(struct source *base, const struct choice *ask)
{
    struct source_near *near = (struct source_near *)base;
    int64_t value = near->random.source.next(&near->random.source, ask);
    if ((uint64_t)ask->hi - (uint64_t)ask->lo <= UINT8_MAX || ask->kind != CHOICE_CASE)
        return value;
    uint64_t dice = random_next(&near->state);
    if (dice % 4 == 0 && __builtin_add_overflow(near->last, (int64_t)(dice >> 8) % 5 - 2, &value))
        value = near->last;
    return near->last = value;
}

void source_near_start(struct source_near *near, uint64_t seed, uint64_t number)
{
    *near = (struct source_near){.source = {near_choice}, .state = seed ^ (number << 32)};
    source_random_start(&near->random, seed, "shrink", number);
}
