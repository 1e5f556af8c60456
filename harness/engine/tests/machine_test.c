/* SPDX-License-Identifier: Apache-2.0
 *
 * Machines, objects, texts and observations: what is drawn stays within its bounds, gets to where
 * bugs are, and shrinks to the history that is needed; demands that are not met are noticed.
 *
 * The machine of these tests is a stack of at most three numbers with a bug of five steps: push,
 * push, pop, push, and then clear fails.
 */
#include "one_run.h"

#define RUNS 3000

/* --- A machine ---------------------------------------------------------------------------------
 */

struct stack {
    uint32_t depth, steps;
    char history[64];
    bool forbidden; /* a command ran that its precondition does not allow */
};

static bool has_room(const void *model)
{
    return ((const struct stack *)model)->depth < 3;
}

static bool has_some(const void *model)
{
    return ((const struct stack *)model)->depth > 0;
}

static void note(struct run *run, struct stack *stack, char command)
{
    if (stack->steps < sizeof stack->history - 1)
        stack->history[stack->steps] = command;
    stack->steps++;
    tell(run, "%c", command);
}

static void push(struct run *run, void *model)
{
    struct stack *stack = model;
    stack->forbidden |= !has_room(stack);
    note(run, stack, '+');
    stack->depth++;
}

static void pop(struct run *run, void *model)
{
    struct stack *stack = model;
    stack->forbidden |= !has_some(stack);
    note(run, stack, '-');
    stack->depth--;
}

static void clear(struct run *run, void *model)
{
    struct stack *stack = model;
    const char *found = strstr(stack->history, "++-+");
    note(run, stack, '0');
    stack->depth = 0;
    CHECK(run, !found || (size_t)(found - stack->history) + 5 != stack->steps, "the bug");
}

static void wait(struct run *run, void *model)
{
    note(run, model, '.');
}

static void is_sound(struct run *run, void *model)
{
    const struct stack *stack = model;
    CHECK(run, stack->depth <= 3 && !stack->forbidden, "a command ran that was not allowed");
}

static uint32_t depth_of(const void *model)
{
    return ((const struct stack *)model)->depth;
}

static const struct machine_command commands[] = {
    {.name = "wait", .act = wait},
    {.name = "push", .weight = 2, .allowed = has_room, .act = push},
    {.name = "pop", .allowed = has_some, .act = pop},
    {.name = "clear", .act = clear},
};
static const struct machine machine = {commands, ROWS(commands), 20, is_sound, depth_of};

static struct stack stack;
static uint8_t states[STATES_MAX];

static void random_history(struct run *run, const void *subject)
{
    (void)subject;
    stack = (struct stack){.depth = 0};
    run->states = states;
    uint32_t steps = machine_run(run, &machine, &stack);
    assert_int_equal(steps, stack.steps);
}

static int still_the_bug(void *context, struct choices *choices)
{
    struct source_replay replay;
    (void)context;
    source_replay_start(&replay, choices->at, choices->count, false);
    run_body(random_history, NULL, &replay.source);
    if (outcome.verdict != VERDICT_FAIL || strcmp(outcome.message, "the bug") != 0)
        return 0;
    memcpy(choices, &drawn, sizeof drawn);
    return 1;
}

/* The bug is found soon, and always shrinks to its five steps. Preconditions hold all the way. */
static void histories_find_and_shrink(void **state)
{
    static struct choices best, scratch;
    uint32_t found = 0, longest = 0;
    (void)state;
    for (uint64_t i = 0; i < RUNS; i++) {
        struct source_random random;
        source_random_start(&random, 1, "machine", i);
        run_body(random_history, NULL, &random.source);
        longest = stack.steps > longest ? stack.steps : longest;
        if (outcome.verdict != VERDICT_FAIL)
            continue;
        assert_string_equal(outcome.message, "the bug");
        if (found++ > 20)
            continue;
        memcpy(&best, &drawn, sizeof best);
        shrink(&best, &scratch, still_the_bug, NULL, SHRINK_EXECUTIONS_MAX);
        assert_true(still_the_bug(NULL, &best));
        assert_string_equal(stack.history, "++-+0");
    }
    printf("a bug of five steps in %u of %u histories, the longest of %u steps\n", found, RUNS,
           longest);
    assert_true(found > RUNS / 300);
    assert_int_equal(longest, 20); /* and never more */
}

/* Every state with every command that it allows was met; nothing else is claimed. */
static void states_are_observed(void **state)
{
    uint32_t met = 0;
    (void)state;
    for (size_t i = 0; i < STATES_MAX; i++)
        met += states[i];
    assert_int_equal(met, 4 * 4 - 2); /* no push at three, no pop at none */
}

static bool never(const void *model)
{
    (void)model;
    return false;
}

static void impossible(struct run *run, const void *subject)
{
    static const struct machine_command none[] = {{.name = "never", .allowed = never, .act = wait}};
    static const struct machine stuck = {none, 1, 5, NULL, NULL};
    (void)subject;
    draw(run, 0, 1, 0);
    machine_run(run, &stuck, &stack);
    CHECK(run, true, "reached when nothing was to be done");
}

/* A machine in which nothing can be done fails as a case, not silently. */
static void stuck_machine_is_an_error(void **state)
{
    uint32_t failed = 0;
    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        struct source_random random;
        source_random_start(&random, 1, "stuck", i);
        failed += run_body(impossible, NULL, &random.source) == VERDICT_FAIL;
    }
    assert_true(failed > 50);
}

/* --- Objects -----------------------------------------------------------------------------------
 */

static size_t object;

static void draws_object(struct run *run, const void *subject)
{
    object = draw_object(run, *(const uint64_t *)subject, 6);
    CHECK(run, object < 6, "%zu", object);
}

static void objects_are_mostly_alive(void **state)
{
    static const struct {
        uint64_t alive;
        uint32_t least; /* percent of those alive among the drawn */
        size_t simplest;
        const char *why;
    } rows[] = {
        {0x14, 65, 2, "two of six"},
        {0x3f, 100, 0, "all of them"},
        {0, 0, 0, "none: any other, then"},
        {0x20, 65, 5, "the last one"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        uint32_t alive = 0, seen = 0;
        run_at_origin(draws_object, &rows[i].alive);
        assert_int_equal(object, rows[i].simplest);
        for (uint64_t n = 0; n < RUNS; n++) {
            struct source_random random;
            source_random_start(&random, i, "objects", n);
            assert_int_equal(run_body(draws_object, &rows[i].alive, &random.source), VERDICT_PASS);
            alive += (uint32_t)(rows[i].alive >> object & 1);
            seen |= 1u << object;
        }
        if (alive * 100 < rows[i].least * RUNS || seen != 0x3f)
            fail_msg("%s: %u of %u, seen %x", rows[i].why, alive, RUNS, seen);
    }
}

/* --- Texts -------------------------------------------------------------------------------------
 */

static struct text text, neighbour;

struct limits {
    size_t min, max;
};

static void draws_texts(struct run *run, const void *subject)
{
    const struct limits *limits = subject;
    draw_text(run, "text", limits->min, limits->max, &text);
    draw_neighbour(run, &text, &neighbour);
    CHECK(run, text.size >= limits->min && text.size <= limits->max, "%zu bytes", text.size);
    CHECK(run, neighbour.size <= TEXT_BYTES_MAX, "%zu bytes", neighbour.size);
}

/* Whether bytes are UTF-8 without surrogates, in their shortest form. */
static bool is_utf8(const struct text *of)
{
    for (size_t i = 0; i < of->size;) {
        uint8_t lead = of->bytes[i];
        size_t more = lead < 0x80 ? 0 : lead < 0xc2 ? 9 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
        if (more == 9 || lead > 0xf4 || i + more >= of->size)
            return false;
        uint32_t point = more == 0 ? lead : lead & (0x3fu >> more);
        for (size_t j = 1; j <= more; j++) {
            if ((of->bytes[i + j] & 0xc0) != 0x80)
                return false;
            point = point << 6 | (of->bytes[i + j] & 0x3f);
        }
        if ((more == 2 && point < 0x800) || (more == 3 && point < 0x10000) || point > 0x10ffff ||
            (point >= 0xd800 && point < 0xe000))
            return false;
        i += more + 1;
    }
    return true;
}

static void texts_have_all_alphabets(void **state)
{
    static const struct limits limits = {1, 64};
    uint32_t wide = 0, planes = 0, marks = 0, nul = 0, invalid = 0, same = 0, longest = 0;
    (void)state;
    for (uint64_t n = 0; n < RUNS; n++) {
        struct source_random random;
        source_random_start(&random, 1, "texts", n);
        assert_int_equal(run_body(draws_texts, &limits, &random.source), VERDICT_PASS);
        invalid += !is_utf8(&text);
        nul += memchr(text.bytes, 0, text.size) != NULL;
        wide += memchr(text.bytes, 0xc3, text.size) != NULL;
        marks += is_utf8(&text) && memchr(text.bytes, 0xcc, text.size) != NULL;
        planes += is_utf8(&text) && (memchr(text.bytes, 0xf3, text.size) != NULL ||
                                     memchr(text.bytes, 0xf4, text.size) != NULL);
        same += same_text(&text, &neighbour);
        longest += text.size == limits.max;
    }
    printf("of %u texts: %u with U+00C0..U+00FF, %u with marks, %u of high planes, %u with NUL, %u "
           "not UTF-8, %u of the greatest length; %u equal neighbours\n",
           RUNS, wide, marks, planes, nul, invalid, longest, same);
    assert_true(wide > 50 && planes > 10 && marks > 20 && nul > 50 && invalid > 50);
    assert_true(longest > RUNS / 20 && same > RUNS / 30 && same < RUNS / 3);
}

static void texts_keep_their_limits(void **state)
{
    static const struct {
        struct limits limits;
        const char *why;
    } rows[] = {
        {{0, 0}, "nothing"},
        {{1, 1}, "one byte, where wide characters do not fit"},
        {{3, 3}, "one length"},
        {{23, 25}, "where repetition begins"},
        {{0, TEXT_BYTES_MAX}, "as long as can be"},
        {{TEXT_BYTES_MAX, TEXT_BYTES_MAX}, "a neighbour has no room"},
        {{5, SIZE_MAX}, "a limit beyond the room"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        run_at_origin(draws_texts, &rows[i].limits);
        assert_int_equal(text.size, rows[i].limits.min);
        for (size_t j = 0; j < text.size; j++)
            assert_int_equal(text.bytes[j], 'a');
        for (uint64_t n = 0; n < 400; n++) {
            struct source_random random;
            source_random_start(&random, i, "limits", n);
            if (run_body(draws_texts, &rows[i].limits, &random.source) != VERDICT_PASS)
                fail_msg("%s: %s", rows[i].why, outcome.message);
        }
    }
}

/* --- Lists -------------------------------------------------------------------------------------
 */

static size_t elements;

static void draws_list(struct run *run, const void *subject)
{
    const struct limits *limits = subject;
    elements = 0;
    for (bool more = true; more; elements += more) {
        uint32_t span = span_begin(run, "element");
        more = draw_more(run, elements, limits->min, limits->max);
        span_end(run, span);
    }
    CHECK(run, elements >= limits->min && elements <= limits->max, "%zu", elements);
}

static void lists_keep_their_limits(void **state)
{
    static const struct {
        struct limits limits;
        const char *why;
    } rows[] = {{{0, 0}, "empty"},
                {{3, 3}, "one length"},
                {{0, 5}, "from nothing"},
                {{2, 40}, "long ones"}};
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        size_t least = SIZE_MAX, most = 0;
        run_at_origin(draws_list, &rows[i].limits);
        assert_int_equal(elements, rows[i].limits.min);
        for (uint64_t n = 0; n < RUNS; n++) {
            struct source_random random;
            source_random_start(&random, i, "lists", n);
            if (run_body(draws_list, &rows[i].limits, &random.source) != VERDICT_PASS)
                fail_msg("%s: %s", rows[i].why, outcome.message);
            least = elements < least ? elements : least;
            most = elements > most ? elements : most;
        }
        assert_int_equal(least, rows[i].limits.min);
        assert_int_equal(most, rows[i].limits.max);
    }
}

/* --- Weights -----------------------------------------------------------------------------------
 */

static size_t picked;

static void draws_weighted(struct run *run, const void *subject)
{
    static const uint32_t weights[] = {1, 0, 6, 3};
    (void)subject;
    picked = draw_weighted(run, weights, ROWS(weights));
    CHECK(run, picked < 4 && picked != 1, "%zu", picked);
}

static void weights_are_kept(void **state)
{
    uint32_t counts[4] = {0};
    (void)state;
    run_at_origin(draws_weighted, NULL);
    assert_int_equal(picked, 0);
    for (uint64_t n = 0; n < 10000; n++) {
        struct source_random random;
        source_random_start(&random, 1, "weights", n);
        assert_int_equal(run_body(draws_weighted, NULL, &random.source), VERDICT_PASS);
        counts[picked]++;
    }
    assert_in_range(counts[0], 800, 1200);
    assert_in_range(counts[2], 5700, 6300);
    assert_in_range(counts[3], 2700, 3300);
}

/* --- Observations ------------------------------------------------------------------------------
 */

static struct observations observed;

static enum verdict observe_run(case_body *body, uint64_t number)
{
    static struct run run;
    struct source_random random;
    struct test_case test_case = {.name = "test.observe", .body = body};
    source_random_start(&random, 1, "observe", number);
    run = (struct run){
        .source = &random.source, .choices = &drawn, .outcome = &outcome, .observed = &observed};
    return case_run(&run, &test_case, NULL, &nothing);
}

static void observes(struct run *run, const void *subject)
{
    int64_t number = draw(run, 0, 9, 0);
    (void)subject;
    if (number < 3)
        label(run, "small");
    cover(run, 20, number >= 5, "half");
    cover(run, 60, number >= 5, "more than there are");
    maximize(run, -number, "largest of what is below zero");
    if (number == 9)
        reject(run);
    CHECK(run, true, "always");
}

static void observes_rarely(struct run *run, const void *subject)
{
    (void)subject;
    cover(run, 30, draw(run, 0, 9, 0) < 3, "as often as demanded");
    cover(run, 1, draw(run, 0, 1000000, 0) == 777777, "hardly ever");
    CHECK(run, true, "always");
}

static void observes_too_much(struct run *run, const void *subject)
{
    char name[8];
    (void)subject;
    for (int i = 0; i < (int)OBSERVATIONS_MAX + 1; i++) {
        snprintf(name, sizeof name, "%d", i);
        label(run, name);
    }
}

static void observations_are_added_up(void **state)
{
    (void)state;
    memset(&observed, 0, sizeof observed);
    for (uint64_t n = 0; n < 1000; n++)
        observe_run(observes, n);
    assert_in_range(observed.runs, 850, 950); /* those that were rejected do not count */
    assert_int_equal(observed.count, 4);
    for (uint32_t i = 0; i < observed.count; i++) {
        const struct observation *row = &observed.at[i];
        if (row->kind == OBSERVED_LABEL)
            assert_in_range(row->runs, 250, 350);
        else if (row->kind == OBSERVED_MAXIMUM)
            assert_int_equal(row->largest, 0);
        else
            assert_in_range(row->runs, 350, 450);
    }
    assert_string_equal(observations_unmet(&observed)->name, "more than there are");
}

/* A demand that chance may miss by a little is met; one that is never met is not. */
static void demands_allow_for_chance(void **state)
{
    (void)state;
    for (uint64_t start = 0; start < 20000; start += 1000) {
        memset(&observed, 0, sizeof observed);
        for (uint64_t n = 0; n < 200; n++)
            observe_run(observes_rarely, start + n);
        const struct observation *unmet = observations_unmet(&observed);
        assert_non_null(unmet);
        assert_string_equal(unmet->name, "hardly ever");
    }
}

static void too_many_observations_are_an_error(void **state)
{
    (void)state;
    memset(&observed, 0, sizeof observed);
    assert_int_equal(observe_run(observes_too_much, 0), VERDICT_FAIL);
    assert_int_equal(observed.count, OBSERVATIONS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histories_find_and_shrink),
        cmocka_unit_test(states_are_observed),
        cmocka_unit_test(stuck_machine_is_an_error),
        cmocka_unit_test(objects_are_mostly_alive),
        cmocka_unit_test(texts_have_all_alphabets),
        cmocka_unit_test(texts_keep_their_limits),
        cmocka_unit_test(lists_keep_their_limits),
        cmocka_unit_test(weights_are_kept),
        cmocka_unit_test(observations_are_added_up),
        cmocka_unit_test(demands_allow_for_chance),
        cmocka_unit_test(too_many_observations_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
