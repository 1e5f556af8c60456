/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that a token says exactly what was drawn, and that nothing but a token is taken for one.
 *
 * Written and read again, every sequence is the same, also at the ends of 64 bits and at the limit
 * of choices. Every change of one character, every cut and every extension is refused; a million
 * random changes are refused too, unless they change nothing. Tokens with a right checksum, made
 * here, are refused for what is wrong inside. Draws that changed since are noticed.
 */
#include "harness/engine/tests/one_run.h"

#define MUTATIONS 1000000

static struct token token;
static struct choices made;

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
    assert_true(token_fits(&token, &made));
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

/* One of the random things that happen to a text of `size`; returns its new size. */
static size_t mutate(uint64_t *seed, char *text, size_t size, size_t size_max)
{
    static const char likely[] = ":Aa0_-,./9fF";
    size_t place = size ? (size_t)(random_next(seed) % size) : 0;
    char byte = random_next(seed) & 1 ? likely[random_next(seed) % (sizeof likely - 1)]
                                      : (char)(1 + random_next(seed) % 255);
    switch (random_next(seed) % 4) {
    case 0: /* another character */
        text[place] = size ? byte : 0;
        return size;
    case 1: /* one less */
        memmove(text + place, text + place + (size > 0), size - place);
        return size - (size > 0);
    case 2: /* one more */
        if (size + 1 >= size_max)
            return size;
        memmove(text + place + 1, text + place, size - place + 1);
        text[place] = byte;
        return size + 1;
    default: /* two exchanged */
        if (size > 1) {
            size_t other = (size_t)(random_next(seed) % size);
            char kept = text[place];
            text[place] = text[other];
            text[other] = kept;
        }
        return size;
    }
}

static void random_damage_is_refused(void **state)
{
    char *text = some_token(), damaged[256];
    size_t size = strlen(text);
    uint32_t same = 0;
    uint64_t seed = 3;
    (void)state;
    for (int n = 0; n < MUTATIONS; n++) {
        size_t now = size;
        memcpy(damaged, text, size + 1);
        for (uint64_t times = 1 + random_next(&seed) % 6; times > 0; times--)
            now = mutate(&seed, damaged, now, sizeof damaged);
        if (strcmp(damaged, text) == 0)
            same++;
        else
            assert_refused(damaged);
    }
    assert_in_range(same, 1, MUTATIONS / 10);
    free(text);
}

/* --- A right checksum around something wrong ---------------------------------------------------
 */

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

#define N63 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

static void what_is_inside_is_checked(void **state)
{
    static const struct {
        const char *text;
        bool good;
        const char *why;
    } rows[] = {
        {"assay1:t:c.d:AAA", true, "a shape, no choices"},
        {"assay1:t:c.d:AAAC", true, "one choice"},
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
        {"assay1:t:c.d:AAAA", false, "an origin at the end, which is not written"},
        {"assay1:t:c.d:AACCAA", false, "a number longer than it must be"},
        {"assay1:t:c.d:AA+C", false, "ordinary base64"},
        {"assay1:t:c.d:AACA", false, "a number that does not end"},
        {"assay1:t:c.d:AAD___________8B", true, "the largest number"},
        {"assay1:t:c.d:AAD___________8C", false, "a number of more than 64 bits"},
        {"assay1:t:c.d:AAD_____________AQ", false, "a number of eleven bytes"},
        {"assay1:t:c.d:AAA:", false, "one colon more"},
        {"assay1:t t:c.d:AAA", false, "a space"},
        {"assay1:../t:c.d:AAA", false, "a path"},
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
        static const char *const ends[] = {"", "Ag", "AgI"}; /* each a 1 */
        size_t bytes = 2 + count, used = (size_t)sprintf(text, "assay1:t:c:");
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

static void changed_draws_are_noticed(void **state)
{
    static const struct {
        uint32_t place;
        int64_t lo, hi, origin;
        enum choice_kind kind;
        bool fits;
        const char *why;
    } rows[] = {
        {0, 0, INT32_MAX, 0, CHOICE_CASE, true, "nothing changed"},
        {0, 1, INT32_MAX, 0, CHOICE_CASE, false, "another lower bound"},
        {0, 0, INT32_MAX - 1, 0, CHOICE_CASE, false, "another upper bound"},
        {0, 0, INT32_MAX, 1, CHOICE_CASE, false, "another origin"},
        {0, 0, INT32_MAX, 0, CHOICE_FAULT, false, "another kind"},
        {3, 0, 8, 5, CHOICE_CASE, false, "the last one that counts"},
        {3, 0, 2, 10, CHOICE_CASE, false, "two bounds that make up for each other"},
        {2, 0, 9, 9, CHOICE_CASE, false, "one in the middle"},
        {4, 0, 8, 5, CHOICE_CASE, true, "one behind what the token holds"},
    };
    char *text = some_token();
    (void)state;
    assert_null(token_read(text, &token));
    for (size_t i = 0; i < ROWS(rows); i++) {
        free(some_token());
        add(0, 0, 9, 0);
        made.at[rows[i].place].lo = rows[i].lo;
        made.at[rows[i].place].hi = rows[i].hi;
        made.at[rows[i].place].origin = rows[i].origin;
        made.at[rows[i].place].kind = rows[i].kind;
        if (token_fits(&token, &made) != rows[i].fits)
            fail_msg("%s", rows[i].why);
    }
    free(some_token());
    made.count = 3; /* fewer draws than the token has */
    assert_false(token_fits(&token, &made));
    free(text);
}

/* Two bytes of shape, then one byte a small choice: a token of a usual counterexample is a line. */
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
        {1, 63, 4, "one byte"},
        {1, 64, 6, "two bytes"},
        {40, 1, 56, "forty small choices"},
        {1, INT64_MIN, 16, "ten bytes"},
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
        cmocka_unit_test(changed_draws_are_noticed),
        cmocka_unit_test(payload_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
