/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that a token says exactly what was drawn, and that nothing but a token is taken for one.
 *
 * Written and read again, every sequence is the same, also at the ends of 64 bits and at the limit
 * of choices. Every change of one character, every cut and every extension is refused; a million
 * random changes are refused too, unless they change nothing, and with the checksum put right what
 * is still accepted is the one text of what was read. Tokens made here are refused for what is
 * wrong inside. Of draws that changed since, the first is named, whichever it is.
 */
#include "harness/engine/tests/one_run.h"

#define MUTATIONS     1000000
#define DAMAGED_BYTES 512

static struct token token;
static struct choices made;
static char why[TOKEN_WHY_BYTES];

static void add(int64_t value, int64_t lo, int64_t hi, int64_t origin)
{
    made.at[made.count++] = (struct choice){value, lo, hi, origin, CHOICE_CASE};
}

/* Written, read, and replayed: the same draws. */
static void assert_round_trip(void)
{
    char *text = token_write("reference", "theme.case", &made);
    struct source_replay replay;
    assert_non_null(text);
    assert_null(token_read(text, &token));
    assert_string_equal(token.target, "reference");
    assert_string_equal(token.name, "theme.case");
    assert_int_equal(token.count, choices_significant(&made));
    assert_true(token_fits(&token, &made, false, why));
    char *again = token_text(&token);
    assert_string_equal(again, text);
    free(again);
    source_replay_start(&replay, token.values, token.count, true);
    for (uint32_t i = 0; i < made.count; i++)
        assert_int_equal(replay.source.next(&replay.source, &made.at[i]), made.at[i].value);
    assert_int_equal(replay.drifted_at, -1);
    free(text);
}

static void round_trip_of_known_rows(void **state)
{
    static const struct {
        int64_t value, lo, hi, origin;
        const char *why;
    } rows[] = {
        {0, 0, 9, 0, "an origin: nothing is written"},
        {1, 0, 9, 0, "one byte"},
        {-1, -9, 9, 0, "below the origin"},
        {63, 0, 999, 0, "the last of one byte"},
        {64, 0, 999, 0, "the first of two"},
        {-64, -999, 999, 0, "the last of one byte, below"},
        {-65, -999, 999, 0, "the first of two, below"},
        {INT64_MAX, INT64_MIN, INT64_MAX, 0, "the upper end"},
        {INT64_MIN, INT64_MIN, INT64_MAX, 0, "the lower end"},
        {INT64_MAX, INT64_MIN, INT64_MAX, INT64_MIN, "the farthest: its distance goes round"},
        {INT64_MIN, INT64_MIN, INT64_MAX, INT64_MAX, "the farthest, downwards"},
        {0, INT64_MIN, INT64_MAX, INT64_MIN, "half of the way"},
    };
    (void)state;
    made.count = 0;
    assert_round_trip();
    for (size_t i = 0; i < ROWS(rows); i++) {
        made.count = 0;
        add(rows[i].value, rows[i].lo, rows[i].hi, rows[i].origin);
        assert_round_trip();
    }
    made.count = 0;
    for (size_t i = 0; i < ROWS(rows); i++)
        add(rows[i].value, rows[i].lo, rows[i].hi, rows[i].origin);
    assert_round_trip();
}

static void round_trip_of_random_rows(void **state)
{
    uint64_t seed = 1;
    (void)state;
    for (int n = 0; n < 20000; n++) {
        uint64_t count = random_next(&seed) % 40;
        for (made.count = 0; made.count < count;) {
            int64_t a = (int64_t)random_next(&seed) >> (random_next(&seed) % 64),
                    b = (int64_t)random_next(&seed) >> (random_next(&seed) % 64),
                    lo = a < b ? a : b, hi = a < b ? b : a;
            uint64_t width = (uint64_t)hi - (uint64_t)lo, zero = width + 1;
            int64_t value = (int64_t)((uint64_t)lo + (zero ? random_next(&seed) % zero : 0)),
                    origin = (int64_t)((uint64_t)lo + (zero ? random_next(&seed) % zero : 0));
            add(value, lo, hi, random_next(&seed) % 4 ? origin : value);
        }
        assert_round_trip();
    }
}

/* The longest that a run can make is still a token; a longer text is refused unread. */
static void round_trip_at_the_limit(void **state)
{
    (void)state;
    for (made.count = 0; made.count < CHOICES_MAX;)
        add(INT64_MIN, INT64_MIN, INT64_MAX, 0);
    assert_round_trip();
    char *text = malloc(TOKEN_BYTES_MAX + 2);
    assert_non_null(text);
    memset(text, 'A', TOKEN_BYTES_MAX + 1);
    memcpy(text, "assay1:", 7);
    text[TOKEN_BYTES_MAX + 1] = 0;
    assert_string_equal(token_read(text, &token), "it is too long");
    free(text);
}

static uint32_t checksum(const char *text)
{
    uint32_t crc = UINT32_MAX;
    for (; *text; text++) {
        crc ^= (uint8_t)*text;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

/* --- Damage ------------------------------------------------------------------------------------
 */

static char *some_token(void)
{
    made.count = 0;
    add(1, 0, INT32_MAX, 0);
    add(-300, -1000, 1000, 0);
    add(0, 0, 9, 0);
    add(7, 0, 9, 5);
    return token_write("reference", "theme.case", &made);
}

static void assert_refused(const char *text)
{
    if (token_read(text, &token) == NULL)
        fail_msg("this was accepted: %s", text);
}

static void every_changed_character_is_refused(void **state)
{
    char *text = some_token();
    (void)state;
    for (size_t i = 0; text[i]; i++)
        for (int byte = 0; byte < 256; byte++) {
            char before = text[i];
            text[i] = (char)byte;
            if (text[i] != before)
                assert_refused(text);
            text[i] = before;
        }
    assert_null(token_read(text, &token));
    free(text);
}

static void every_cut_is_refused(void **state)
{
    char *text = some_token();
    (void)state;
    for (size_t size = strlen(text); size-- > 0;) {
        char *exact = strndup(text, size); /* of exactly that size, for sanitizers */
        assert_refused(exact);
        free(exact);
    }
    for (size_t i = 1; text[i]; i++)
        assert_refused(text + i);
    free(text);
}

static void every_extension_is_refused(void **state)
{
    char *text = some_token();
    size_t size = strlen(text);
    char longer[256];
    (void)state;
    for (size_t place = 0; place <= size; place++)
        for (int byte = 1; byte < 256; byte++) {
            memcpy(longer, text, place);
            longer[place] = (char)byte;
            memcpy(longer + place + 1, text + place, size - place + 1);
            assert_refused(longer);
        }
    snprintf(longer, sizeof longer, "%s%s", text, text);
    assert_refused(longer);
    snprintf(longer, sizeof longer, "%s\n", text);
    assert_refused(longer);
    free(text);
}

/* Tokens of several lengths: damage shall reach every part of each. */
#define SAMPLES 5
static char *samples[SAMPLES];

static void make_samples(void)
{
    static const uint32_t counts[SAMPLES] = {0, 1, 4, 12, 41};
    static const char *const targets[SAMPLES] = {"reference", TOKEN_ANY_TARGET, "old,new", "t",
                                                 "so"};
    uint64_t seed = 4;
    for (size_t i = 0; i < SAMPLES; i++) {
        for (made.count = 0; made.count < counts[i];)
            add(made.count % 8 == 3 ? (int64_t)random_next(&seed) : 1 + made.count % 70, INT64_MIN,
                INT64_MAX, 0);
        samples[i] = token_write(targets[i], "theme.case", &made);
        assert_non_null(samples[i]);
        assert_true(strlen(samples[i]) < DAMAGED_BYTES / 2);
    }
}

/* One of the random things that happen to a text of `size`; returns its new size. */
static size_t mutate(uint64_t *seed, char *text, size_t size)
{
    static const char likely[] = ":Aa0_-,./9fF*g";
    size_t place = size ? (size_t)(random_next(seed) % size) : 0;
    size_t other = size ? (size_t)(random_next(seed) % size) : 0;
    const char *sample = samples[random_next(seed) % SAMPLES];
    char byte = random_next(seed) & 1 ? likely[random_next(seed) % (sizeof likely - 1)]
                                      : (char)(1 + random_next(seed) % 255);
    char kept = text[place];
    switch (random_next(seed) % 7) {
    case 0: /* another character */
        text[place] = size ? byte : 0;
        return size;
    case 1: /* one bit */
        text[place] = (char)(kept ^ (size ? 1 << random_next(seed) % 7 : 0));
        return strlen(text);
    case 2: /* one less */
        memmove(text + place, text + place + (size > 0), size - place);
        return size - (size > 0);
    case 3: /* one more */
        if (size + 1 >= DAMAGED_BYTES)
            return size;
        memmove(text + place + 1, text + place, size - place + 1);
        text[place] = byte;
        return size + 1;
    case 4: /* two exchanged */
        text[place] = text[other];
        text[other] = kept;
        return size;
    case 5: /* cut short */
        text[place] = 0;
        return place;
    default: /* goes on as another token does */
        other = (size_t)(random_next(seed) % strlen(sample));
        if (place + strlen(sample + other) >= DAMAGED_BYTES)
            return size;
        strcpy(text + place, sample + other);
        return strlen(text);
    }
}

/* A sample, damaged one to six times; sometimes the damage mends itself. In memory of exactly its
 * size, for sanitizers; to free(). */
static char *damaged_sample(uint64_t *seed, const char *sample, bool checksum_put_right)
{
    char text[DAMAGED_BYTES + 16];
    size_t size = strlen(sample);
    strcpy(text, sample);
    for (uint64_t times = 1 + random_next(seed) % 6; times > 0; times--)
        size = mutate(seed, text, size);
    char *end = strrchr(text, ':');
    if (checksum_put_right && end) {
        *end = 0;
        sprintf(end, ":%08x", checksum(text));
    }
    return strdup(text);
}

/* Whatever is accepted is the one text of its token, whether or not it is the one that was damaged:
 * a text that names a run names it alone. */
static void random_damage_is_refused(void **state)
{
    uint32_t same = 0, others = 0, reached = 0;
    uint64_t seed = 3;
    (void)state;
    make_samples();
    for (int n = 0; n < MUTATIONS; n++) {
        const char *sample = samples[n % SAMPLES];
        bool checksum_put_right = n & 1;
        char *text = damaged_sample(&seed, sample, checksum_put_right);
        const char *problem = token_read(text, &token);
        bool is_sample = false;
        for (size_t i = 0; i < SAMPLES; i++)
            is_sample |= strcmp(text, samples[i]) == 0;
        reached += problem && strstr(problem, "payload") != NULL;
        if (!problem) {
            char *again = token_text(&token);
            assert_string_equal(again, text);
            free(again);
            same += is_sample;
            others += !is_sample;
            if (!is_sample && !checksum_put_right)
                fail_msg("this was accepted: %s", text);
        } else if (is_sample) {
            fail_msg("%s: %s", text, problem);
        }
        free(text);
    }
    for (size_t i = 0; i < SAMPLES; i++)
        free(samples[i]);
    assert_in_range(same, MUTATIONS / 1000, MUTATIONS / 2);
    assert_in_range(others, MUTATIONS / 100, MUTATIONS);  /* the decoder was reached, */
    assert_in_range(reached, MUTATIONS / 100, MUTATIONS); /* and has refused */
}

/* --- A right checksum around something wrong ---------------------------------------------------
 */

#define N63 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

static void what_is_inside_is_checked(void **state)
{
    static const struct {
        const char *text;
        bool good;
        const char *why;
    } rows[] = {
        {"assay1:t:c.d:AAA", true, "a shape, no choices"},
        {"assay1:t:c.d:AAAPAg", true, "one choice"},
        {"assay1:t:c.d:AAD_AgI", true, "two choices, which share a byte of prints"},
        {"assay1:t:c.d:AAD_AgIPAg", true, "three choices"},
        {"assay1:*:c.d:AAA", true, "any target"},
        {"assay1:w,t:c.d:AAA", true, "a writer"},
        {"assay1:T-9_.:c:AAA", true, "all that a name may have"},
        {"assay1:t:" N63 ":AAA", true, "the longest name"},
        {"assay1:" N63 "," N63 ":c:AAA", true, "the longest writer and target"},
        {"assay1:t:" N63 "n:AAA", false, "a longer name"},
        {"assay1:" N63 "," N63 "n:c:AAA", false, "a longer target"},
        {"assay2:t:c.d:AAA", false, "another version"},
        {"assay1", false, "no fields"},
        {"assay1:t", false, "one field"},
        {"assay1:t:c.d", false, "no payload"},
        {"assay1::c.d:AAA", false, "no target"},
        {"assay1:t::AAA", false, "no name"},
        {"assay1:t:c.d:", false, "an empty payload"},
        {"assay1:t:c.d:AA", false, "half a shape"},
        {"assay1:t:c.d:AAB", false, "bits behind the end"},
        {"assay1:t:c.d:AAAAA", false, "one letter too many"},
        {"assay1:t:c.d:AA=", false, "padding"},
        {"assay1:t:c.d:AAAAAA", false, "an origin at the end, which is not written"},
        {"assay1:t:c.d:AAAAggA", false, "a number longer than it must be"},
        {"assay1:t:c.d:AA+C", false, "ordinary base64"},
        {"assay1:t:c.d:AAAAgA", false, "a number that does not end"},
        {"assay1:t:c.d:AAAA____________AQ", true, "the largest number"},
        {"assay1:t:c.d:AAAA____________Ag", false, "a number of more than 64 bits"},
        {"assay1:t:c.d:AAAA_____________wE", false, "a number of eleven bytes"},
        {"assay1:t:c.d:AAAA", false, "prints of no choice"},
        {"assay1:t:c.d:AAAQAg", false, "the second print, of no choice"},
        {"assay1:t:c.d:AAARAgIA", false, "prints of no further choice"},
        {"assay1:t:c.d:AAA:", false, "one colon more"},
        {"assay1:t t:c.d:AAA", false, "a space"},
        {"assay1:../t:c.d:AAA", false, "a path"},
        {"assay1:**:c.d:AAA", false, "a pattern"},
        {"assay1:t*:c.d:AAA", false, "any target but"},
        {"assay1:*,t:c.d:AAA", false, "any writer"},
        {"assay1:t:*:AAA", false, "any case"},
        {"assay1:t:c\nd:AAA", false, "a new line"},
        {"assay1:t:c%sd:AAA", false, "a format"},
        {"assay1:t:c\xc3\xa9:AAA", false, "a letter that is not ASCII"},
        {"assay1:t:\x1b[31m:AAA", false, "a terminal's colour"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char text[512];
        snprintf(text, sizeof text, "%s:%08x", rows[i].text, checksum(rows[i].text));
        const char *problem = token_read(text, &token);
        if ((problem == NULL) != rows[i].good)
            fail_msg("%s: %s", rows[i].why, problem ? problem : "accepted");
    }
}

/* One choice more than a run may have. */
static void too_many_choices_are_refused(void **state)
{
    char *text = malloc(TOKEN_BYTES_MAX);
    (void)state;
    assert_non_null(text);
    for (uint32_t count = CHOICES_MAX; count <= CHOICES_MAX + 1; count++) {
        static const char *const ends[] = {"", "Ag", "AgI"}; /* bytes of 2, also as prints */
        size_t bytes = 2 + count + (count + 1) / 2, used = (size_t)sprintf(text, "assay1:t:c:");
        for (size_t group = 0; group < bytes / 3; group++, used += 4)
            memcpy(text + used, "AgIC", 4);
        strcpy(text + used, ends[bytes % 3]);
        sprintf(text + strlen(text), ":%08x", checksum(text));
        const char *problem = token_read(text, &token);
        if (count <= CHOICES_MAX)
            assert_null(problem);
        else
            assert_string_equal(problem, "it has more choices than a run may have");
    }
    free(text);
}

/* --- Draws that changed ------------------------------------------------------------------------
 */

/* What a case drew when its token was made, and what it draws now: the same, but for one draw. */
#define BODY_DRAWS 9
struct version {
    uint32_t changed; /* which draw, from 0; BODY_DRAWS: none */
    int64_t lo, hi, origin;
    enum choice_kind kind;
};
static const struct version before = {.changed = BODY_DRAWS};

static void body_of_version(struct run *run, const void *subject)
{
    const struct version *version = subject;
    for (uint32_t i = 0; i < BODY_DRAWS; i++) {
        if (i != version->changed)
            draw(run, 0, 3, 0);
        else
            draw_kind(run, version->kind, version->lo, version->hi, version->origin);
    }
    CHECK(run, true, "%s", "");
}

static int64_t proposes_one(struct source *source, const struct choice *asked)
{
    (void)source;
    return asked->kind == CHOICE_CASE ? asked->origin + 1 : asked->origin;
}

static void the_changed_draw_is_named(void **state)
{
    static const struct {
        int64_t lo, hi, origin;
        enum choice_kind kind;
        bool named; /* otherwise: that it cannot be told */
        const char *why;
    } rows[] = {
        {0, 9, 0, CHOICE_CASE, true, "another upper bound"},
        {-3, 9, 0, CHOICE_CASE, true, "another lower bound"},
        {0, 3, 1, CHOICE_CASE, true, "another origin"},
        {0, 3, 0, CHOICE_FAULT, true, "another kind"},
        {0, 0, 0, CHOICE_CASE, true, "nothing to choose any more"},
        {0, 7, 0, CHOICE_CASE, false, "bits that are the same by chance"},
    };
    struct source one = {proposes_one};
    (void)state;
    run_body(body_of_version, &before, &one);
    uint32_t first = drawn.count - BODY_DRAWS;
    char *text = token_write("t", "c", &drawn), named[64];
    assert_null(token_read(text, &token));
    assert_int_equal(token.count, drawn.count);
    for (size_t i = 0; i < ROWS(rows); i++)
        for (uint32_t place = 0; place < BODY_DRAWS; place++) {
            const struct version now = {place, rows[i].lo, rows[i].hi, rows[i].origin,
                                        rows[i].kind};
            struct source_replay replay;
            source_replay_start(&replay, token.values, token.count, true);
            run_body(body_of_version, &now, &replay.source);
            if (token_fits(&token, &drawn, false, why))
                fail_msg("not noticed: %s, draw %u", rows[i].why, place);
            snprintf(named, sizeof named, "draw %u is another one now, of %lld..%lld",
                     first + place + 1, (long long)now.lo, (long long)now.hi);
            if (rows[i].named ? strncmp(why, named, strlen(named)) != 0
                              : !strstr(why, "which one cannot be told"))
                fail_msg("%s, draw %u: %s", rows[i].why, place, why);
        }
    free(text);
}

static void unchanged_draws_fit(void **state)
{
    char *text = some_token();
    (void)state;
    assert_null(token_read(text, &token));
    assert_true(token_fits(&token, &made, false, why));
    add(0, 0, 8, 5); /* one behind what the token holds */
    assert_true(token_fits(&token, &made, false, why));
    made.count = 3; /* fewer than it holds: only where the run came to an early end */
    assert_false(token_fits(&token, &made, false, why));
    assert_string_equal(why, "draw 4 is not made any more, the last is draw 3");
    assert_true(token_fits(&token, &made, true, why));
    made.at[2].hi = 8; /* an early end excuses nothing else */
    assert_false(token_fits(&token, &made, true, why));
    assert_string_equal(why, "draw 3 is another one now, of 0..8 with the origin 0");
    free(text);
}

/* The same bounds and bits, but not the value: it was out of what the draw allows now. */
static void a_value_out_of_bounds_is_named(void **state)
{
    struct source_replay replay;
    struct source one = {proposes_one};
    (void)state;
    run_body(body_of_version, &before, &one);
    char *text = token_write("t", "c", &drawn);
    uint32_t last = drawn.count;
    assert_null(token_read(text, &token));
    token.values[last - 1].value = 1000;
    source_replay_start(&replay, token.values, token.count, true);
    run_body(body_of_version, &before, &replay.source);
    assert_int_equal(drawn.at[last - 1].value, 3);
    assert_false(token_fits(&token, &drawn, false, why));
    free(text);
}

/* Two bytes of shape, then a byte and a half for a small choice: a token of a usual counterexample
 * is a line. */
static void payload_is_small(void **state)
{
    static const struct {
        uint32_t count;
        int64_t value;
        size_t letters; /* of the payload */
        const char *why;
    } rows[] = {
        {0, 0, 3, "the shape alone"},
        {100, 0, 3, "origins at the end are not written"},
        {1, 63, 6, "one byte"},
        {1, 64, 7, "two bytes"},
        {40, 1, 83, "forty small choices"},
        {1, INT64_MIN, 18, "ten bytes"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        for (made.count = 0; made.count < rows[i].count;)
            add(rows[i].value, INT64_MIN, INT64_MAX, 0);
        char *text = token_write("t", "c", &made);
        assert_non_null(text);
        if (strlen(text) != strlen("assay1:t:c::01234567") + rows[i].letters)
            fail_msg("%s: %s", rows[i].why, text);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip_of_known_rows),
        cmocka_unit_test(round_trip_of_random_rows),
        cmocka_unit_test(round_trip_at_the_limit),
        cmocka_unit_test(every_changed_character_is_refused),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(every_extension_is_refused),
        cmocka_unit_test(random_damage_is_refused),
        cmocka_unit_test(what_is_inside_is_checked),
        cmocka_unit_test(too_many_choices_are_refused),
        cmocka_unit_test(the_changed_draw_is_named),
        cmocka_unit_test(unchanged_draws_fit),
        cmocka_unit_test(a_value_out_of_bounds_is_named),
        cmocka_unit_test(payload_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
