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

/* A few change points, at distances that are log-uniform up to 63: as in the probabilistic
 * scheduler of Burckhardt and others (ASPLOS 2010), it matters where few preemptions are, not that
 * there are many. */
static void next_preemption(struct source_random *source)
{
    uint64_t bits = chance(source) % 7;
    source->until_preemption = (uint32_t)(chance(source) & ((1u << bits) - 1));
}

static int64_t random_thread(struct source_random *source, const struct choice *ask)
{
    if (ask->hi == ask->lo)
        return ask->lo;
    if (source->until_preemption == UINT32_MAX)
        next_preemption(source);
    if (source->until_preemption-- > 0)
        return ask->lo;
    next_preemption(source);
    return ask->lo + 1 + (int64_t)below_or_equal(source, (uint64_t)ask->hi - (uint64_t)ask->lo - 1);
}

/* One in sixteen at an end, one beside the origin, four at log-uniform distances from it. */
static int64_t special_choice(struct source_random *source, const struct choice *ask, uint64_t dice)
{
    uint64_t width = (uint64_t)ask->hi - (uint64_t)ask->lo;
    bool upwards = ask->origin == ask->lo || (ask->origin != ask->hi && (dice & 256));
    if ((dice & 15) == 0)
        return (dice & 512) ? ask->hi : ask->lo;
    if ((dice & 15) == 1)
        return away_from_origin(ask, (dice >> 10) & 1, upwards);
    uint32_t bits = (uint32_t)(dice >> 32) % 64; /* then without a division */
    bits = bits * (64 - (uint32_t)__builtin_clzll(width)) / 64;
    return away_from_origin(ask, chance(source) >> (63 - bits), upwards);
}

/* Three in eight are short, one in eight is at the upper end, one in four is where a buffer may
 * end, and the rest is anywhere. */
static int64_t random_length(struct source_random *source, const struct choice *ask)
{
    static const uint16_t edges[] = {0,   1,   8,   16,  31,  32,   55,   64,  72,
                                     127, 128, 255, 256, 512, 1023, 1024, 4096};
    uint64_t width = (uint64_t)ask->hi - (uint64_t)ask->lo, dice = chance(source);
    int64_t edge = edges[(dice >> 8) % (sizeof edges / sizeof *edges)] + (int64_t)(dice >> 40 & 1);
    switch (dice & 7) {
    case 0:
    case 1:
    case 2:
        return ask->lo + (int64_t)below_or_equal(source, width < 24 ? width : 24);
    case 3:
        return ask->hi - (int64_t)below_or_equal(source, width < 2 ? width : 2);
    case 4:
    case 5:
        return edge < ask->lo ? ask->lo : edge > ask->hi ? ask->hi : edge;
    default:
        return (int64_t)((uint64_t)ask->lo + below_or_equal(source, width));
    }
}

/* The draws of plan_draw() in their order: how many faults, then six for each. Their numbers come
 * from a stream of their own. */
static int64_t random_fault(struct source_random *source, const struct choice *ask)
{
    if (!source->sites || source->sites->count == 0)
        return ask->origin;
    uint64_t number = random_next(&source->fault_state);
    if (source->fault_draws++ == 0)
        return number % 4 == 0 ? 2 : 1;
    uint32_t field = (source->fault_draws - 2) % 6;
    if (field == 0)
        source->site = (uint32_t)(number % source->sites->count);
    const struct site *site = &source->sites->at[source->site];
    const int64_t fields[] = {site->operation, site->role, site->step, site->occurrence};
    if (field < sizeof fields / sizeof *fields)
        return fields[field];
    return ask->lo + (int64_t)(number % ((uint64_t)ask->hi - (uint64_t)ask->lo + 1));
}

static int64_t random_choice(struct source *base, const struct choice *ask)
{
    struct source_random *source = (struct source_random *)base;
    uint64_t width = (uint64_t)ask->hi - (uint64_t)ask->lo;
    if (ask->kind == CHOICE_FAULT)
        return random_fault(source, ask);
    if (ask->kind == CHOICE_POWER)
        return ask->origin;
    if (ask->kind == CHOICE_PREEMPT)
        return random_thread(source, ask);
    if (ask->kind == CHOICE_LENGTH)
        return random_length(source, ask);
    if (width < 16 || ask->kind == CHOICE_ENTROPY) /* a liking for ends would repeat salts */
        return (int64_t)((uint64_t)ask->lo + (width ? below_or_equal(source, width) : 0));
    uint64_t dice = chance(source);
    if ((dice & 15) > 1 && ask->origin == ask->lo && width < UINT32_MAX) {
        /* Most draws: without a branch, since nobody could predict it. */
        uint32_t bits = 32 - (uint32_t)__builtin_clz((uint32_t)width);
        uint32_t shift = (dice & 15) <= 5 ? bits * (uint32_t)(dice >> 8 & 255) >> 8 : 0;
        return (int64_t)((uint64_t)ask->lo + ((dice >> 32) * ((width >> shift) + 1) >> 32));
    }
    if ((dice & 15) <= 5)
        return special_choice(source, ask, dice);
    return (int64_t)((uint64_t)ask->lo + below_or_equal(source, width));
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
    source->until_preemption = UINT32_MAX;
    source->sites = NULL;
    source->fault_state = random_next(&state);
    source->fault_draws = source->site = 0;
}

void source_random_arm(struct source_random *source, const struct site_list *sites)
{
    source->sites = sites;
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

static int64_t power_choice(struct source *base, const struct choice *ask)
{
    struct source_power *source = (struct source_power *)base;
    if (ask->kind == CHOICE_FAULT && source->plan_used < source->plan_count)
        return source->plan[source->plan_used++];
    if (ask->kind == CHOICE_POWER && source->values->used < source->values->count)
        return source->values->at[source->values->used++];
    return ask->origin;
}

void source_power_start(struct source_power *source, const int64_t *plan, uint32_t plan_count,
                        struct power_values *values)
{
    *source = (struct source_power){{power_choice}, plan, plan_count, 0, values};
    values->used = 0;
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

/* How many bytes stand for one choice. */
static size_t bytes_of_range(const struct choice *ask, bool arm_faults)
{
    uint64_t width = (uint64_t)ask->hi - (uint64_t)ask->lo;
    bool is_fault = ask->kind == CHOICE_FAULT || ask->kind == CHOICE_POWER;
    if (width == 0 || (is_fault && !arm_faults))
        return 0;
    return width > UINT32_MAX ? BYTES_OF_CHOICE_MAX : 4;
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
    size_t size = bytes_of_range(ask, source->arm_faults);
    if (size == 0 || source->used >= source->size)
        return ask->origin;
    uint64_t value = take(source, size);
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

size_t bytes_of_choices(const struct choices *choices, bool arm_faults, uint8_t *ret)
{
    size_t used = 0;
    for (uint32_t i = 0; i < choices->count; i++) {
        const struct choice *choice = &choices->at[i];
        size_t size = bytes_of_range(choice, arm_faults);
        uint64_t up = (uint64_t)choice->hi - (uint64_t)choice->origin;
        uint64_t value = choice->value >= choice->origin
                             ? (uint64_t)choice->value - (uint64_t)choice->origin
                             : up + 1 + ((uint64_t)choice->value - (uint64_t)choice->lo);
        for (size_t byte = 0; byte < size; byte++)
            ret[used++] = (uint8_t)(value >> (8 * byte));
    }
    return used;
}
