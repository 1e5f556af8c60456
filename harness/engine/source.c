/* SPDX-License-Identifier: Apache-2.0
 *
 * Where choices come from: chance, origins, what was drawn before, or the bytes of a fuzzer.
 *
 * A source proposes, draw_kind() disposes: whatever a source returns is brought into the bounds of
 * what was asked, so a source cannot break a case, and the bytes of a fuzzer need no validation.
 */
#include <string.h>

#include "harness/engine/engine.h"

uint64_t random_next(uint64_t *state)
{
    uint64_t mixed = (*state += 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* xoroshiro128+ by Blackman and Vigna: two words of state, a few instructions a number. */
static uint64_t chance(struct source_random *source)
{
    uint64_t a = source->state[0], b = source->state[1], sum = a + b;
    b ^= a;
    source->state[0] = ((a << 24) | (a >> 40)) ^ b ^ (b << 16);
    source->state[1] = (b << 37) | (b >> 27);
    return sum;
}

/* A number in [0, width], by the upper half of a product: no division, and a bias far below what
 * any test could see. */
static uint64_t below_or_equal(struct source_random *source, uint64_t width)
{
    if (width == UINT64_MAX)
        return chance(source);
    return (uint64_t)(((unsigned __int128)chance(source) * ((unsigned __int128)width + 1)) >> 64);
}

/* Adds a distance to a value of a choice without leaving its bounds. */
static int64_t away_from_origin(const struct choice *ask, uint64_t distance, bool upwards)
{
    uint64_t room = upwards ? (uint64_t)ask->hi - (uint64_t)ask->origin
                            : (uint64_t)ask->origin - (uint64_t)ask->lo;
    if (distance > room)
        distance = room;
    return (int64_t)(upwards ? (uint64_t)ask->origin + distance : (uint64_t)ask->origin - distance);
}

static int64_t random_choice(struct source *base, const struct choice *ask)
{
    struct source_random *source = (struct source_random *)base;
    uint64_t width = (uint64_t)ask->hi - (uint64_t)ask->lo;
    if (ask->kind == CHOICE_FAULT || ask->kind == CHOICE_PREEMPT)
        return ask->origin;
    if (width == 0)
        return ask->lo;
    if (width < 16 || ask->kind == CHOICE_ENTROPY) /* a liking for ends would repeat salts */
        return (int64_t)((uint64_t)ask->lo + below_or_equal(source, width));
    uint64_t dice = chance(source);
    bool upwards = ask->origin == ask->lo || (ask->origin != ask->hi && (dice & 256));
    switch (dice & 15) {
    case 0:
        return (dice & 512) ? ask->hi : ask->lo;
    case 1:
        return away_from_origin(ask, (dice >> 10) & 1, upwards);
    case 2:
    case 3:
    case 4:
    case 5: {
        uint32_t bits = (uint32_t)((dice >> 16) % (64 - (uint32_t)__builtin_clzll(width)));
        return away_from_origin(ask, chance(source) >> (63 - bits), upwards);
    }
    default:
        return (int64_t)((uint64_t)ask->lo + below_or_equal(source, width));
    }
}

void source_random_start(struct source_random *source, uint64_t seed, const char *name,
                         uint64_t number)
{
    uint64_t state = seed;
    for (; *name; name++)
        state = (state ^ (uint8_t)*name) * 0x100000001b3u;
    state ^= random_next(&number);
    source->source.next = random_choice;
    source->state[0] = random_next(&state);
    source->state[1] = random_next(&state) | 1;
}

static int64_t origin_choice(struct source *base, const struct choice *ask)
{
    struct source_origin *source = (struct source_origin *)base;
    if (ask->kind == CHOICE_ENTROPY)
        return source->entropy_seed;
    if (ask->kind == CHOICE_FAULT && source->plan_used < source->plan_count)
        return source->plan[source->plan_used++];
    return ask->origin;
}

void source_origin_start(struct source_origin *source, int64_t entropy_seed, const int64_t *plan,
                         uint32_t plan_count)
{
    *source = (struct source_origin){{origin_choice}, entropy_seed, plan, plan_count, 0};
}

static int64_t replayed_choice(struct source *base, const struct choice *ask)
{
    struct source_replay *source = (struct source_replay *)base;
    uint32_t place = source->used++;
    if (place >= source->count)
        return ask->origin; /* trailing origins are not written down */
    int64_t value = source->values[place].value;
    if (source->relative) /* goes round, as the distance did when it was written down */
        value = (int64_t)((uint64_t)value + (uint64_t)ask->origin);
    if ((value < ask->lo || value > ask->hi) && source->drifted_at < 0)
        source->drifted_at = place;
    return value;
}

void source_replay_start(struct source_replay *source, const struct choice *values, uint32_t count,
                         bool relative)
{
    *source = (struct source_replay){{replayed_choice}, values, count, 0, relative, -1};
}

/* The next `width` bytes as a little-endian number, zeros behind the end. */
static uint64_t take(struct source_bytes *source, size_t width)
{
    uint64_t value = 0;
    size_t left = source->size - source->used;
    memcpy(&value, source->data + source->used, left < width ? left : width);
    source->used += left < width ? left : width;
    return value;
}

static int64_t decoded_choice(struct source *base, const struct choice *ask)
{
    struct source_bytes *source = (struct source_bytes *)base;
    uint64_t width = (uint64_t)ask->hi - (uint64_t)ask->lo;
    if ((ask->kind == CHOICE_FAULT && !source->arm_faults) || width == 0 ||
        source->used >= source->size)
        return ask->origin;
    uint64_t value = take(source, width > UINT32_MAX ? 8 : 4);
    if (width != UINT64_MAX)
        value %= width + 1;
    /* Zero bytes stand for the origin; going round at the upper end keeps every value reachable. */
    uint64_t place = (uint64_t)ask->origin - (uint64_t)ask->lo;
    uint64_t up = width - place;
    return (int64_t)(value <= up ? (uint64_t)ask->origin + value
                                 : (uint64_t)ask->lo + (value - up - 1));
}

void source_bytes_start(struct source_bytes *source, const uint8_t *data, size_t size,
                        bool arm_faults)
{
    *source = (struct source_bytes){{decoded_choice}, data, size, 0, arm_faults};
}
