/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine judged by itself: its promises are cases, and what varies is a program of draws.
 *
 * A program is drawn: numbers of all widths, lengths, spans, and branches on what was drawn. It is
 * then run as a case of its own, with every kind of source, and what was drawn is compared. So the
 * promises are not only held for the cases that somebody thought of. When one is broken, the
 * program that breaks it is shrunk and told.
 */
#include "one_run.h"

#define PROGRAM_MAX 24
#define PROGRAMS    1500

enum instruction_kind { NUMBER, LENGTH, BEGIN, END, SKIP_IF_ODD, FAIL_IF, INSTRUCTION_KINDS };

struct instruction {
    enum instruction_kind kind;
    int64_t lo, hi, origin; /* of a number; FAIL_IF: the sum so far is lo modulo hi */
};

struct program {
    size_t count;
    struct instruction at[PROGRAM_MAX];
};

/* --- A program, drawn and run ------------------------------------------------------------------
 */

static void draw_instruction(struct run *run, struct instruction *ret)
{
    static const int64_t widths[] = {0, 1, 2, 9, 255, 100000, INT32_MAX, INT64_MAX};
    ret->kind = (enum instruction_kind)draw_index(run, INSTRUCTION_KINDS);
    int64_t width = widths[draw_index(run, ROWS(widths))];
    ret->lo = draw(run, 0, 1, 0) ? -(width / 2) : draw(run, 0, 9, 0);
    ret->hi = ret->lo > INT64_MAX - width ? INT64_MAX : ret->lo + width;
    ret->origin = draw(run, ret->lo, ret->hi, ret->lo);
    if (ret->kind == FAIL_IF) {
        ret->hi = draw(run, 1, 40, 40);
        ret->lo = draw(run, 0, ret->hi - 1, 0);
    }
    tell(run, "%d: %lld to %lld, origin %lld", ret->kind, (long long)ret->lo, (long long)ret->hi,
         (long long)ret->origin);
}

static void draw_program(struct run *run, struct program *ret)
{
    ret->count = 0;
    for (bool more = true; more; ret->count += more) {
        uint32_t span = span_begin(run, "instruction");
        more = draw_more(run, ret->count, 1, PROGRAM_MAX);
        if (more)
            draw_instruction(run, &ret->at[ret->count]);
        span_end(run, span);
    }
}

static void interpret(struct run *run, const void *subject)
{
    const struct program *program = subject;
    uint32_t open[PROGRAM_MAX], depth = 0;
    uint64_t sum = 0;
    int64_t last = 0;
    CHECK(run, program->count <= PROGRAM_MAX, "too long");
    for (size_t i = 0; i < program->count; i++) {
        const struct instruction *at = &program->at[i];
        if (at->kind == NUMBER)
            last = draw(run, at->lo, at->hi, at->origin);
        else if (at->kind == LENGTH)
            last = (int64_t)draw_length(run, (size_t)(at->hi & 7), (size_t)(at->hi & 0xfff));
        else if (at->kind == BEGIN)
            open[depth++] = span_begin(run, "inner");
        else if (at->kind == END && depth > 0)
            span_end(run, open[--depth]);
        else if (at->kind == SKIP_IF_ODD)
            i += (uint64_t)last & 1;
        else if (at->kind == FAIL_IF)
            CHECK(run, sum % (uint64_t)at->hi != (uint64_t)at->lo,
                  "the sum is what it must not be");
        sum += (uint64_t)last;
    }
}

/* What one run of the program did. The outer case's own memory stays as it is. */
struct trace {
    struct choices drawn;
    struct outcome outcome;
};

static void trace_run(const struct program *program, struct source *source, struct trace *ret)
{
    static const struct test_case inner = {.name = "self.inner", .body = interpret};
    struct run run = {.source = source, .choices = &ret->drawn, .outcome = &ret->outcome};
    case_run(&run, &inner, program, &nothing);
}

static bool same_choice(const struct choice *a, const struct choice *b)
{
    return a->value == b->value && a->lo == b->lo && a->hi == b->hi && a->origin == b->origin &&
           a->kind == b->kind;
}

static void judge_same(struct run *run, const struct trace *a, const struct trace *b,
                       const char *what)
{
    CHECK(run, a->drawn.count == b->drawn.count, "%s draws %u instead of %u", what, b->drawn.count,
          a->drawn.count);
    for (uint32_t i = 0; i < a->drawn.count; i++)
        CHECK(run, same_choice(&a->drawn.at[i], &b->drawn.at[i]), "%s: draw %u is another one",
              what, i);
    CHECK(run,
          a->drawn.span_count == b->drawn.span_count &&
              memcmp(a->drawn.spans, b->drawn.spans,
                     a->drawn.span_count * sizeof *a->drawn.spans) == 0,
          "%s has other spans", what);
    CHECK(run, a->outcome.verdict == b->outcome.verdict && a->outcome.line == b->outcome.line,
          "%s ends in another way", what);
}

/* --- The promises ------------------------------------------------------------------------------
 */

static struct trace first, again; /* large */

static void run_at_random(struct run *run, struct program *ret_program)
{
    struct source_random random;
    draw_program(run, ret_program);
    source_random_start(&random, (uint64_t)draw(run, 0, INT32_MAX, 0), "self.inner", 0);
    trace_run(ret_program, &random.source, &first);
}

static void replay_is_identical(struct run *run, const void *subject)
{
    struct program program;
    struct source_replay replay;
    (void)subject;
    run_at_random(run, &program);
    source_replay_start(&replay, first.drawn.at, first.drawn.count, false);
    trace_run(&program, &replay.source, &again);
    judge_same(run, &first, &again, "the replay");
}

static void token_is_the_run(struct run *run, const void *subject)
{
    static struct token token;
    struct program program;
    struct source_replay replay;
    (void)subject;
    run_at_random(run, &program);
    char *text = token_write("self", "self.inner", &first.drawn);
    const char *wrong = token_read(text, &token);
    free(text);
    CHECK(run, !wrong, "its token cannot be read: %s", wrong ? wrong : "");
    source_replay_start(&replay, token.values, token.count, true);
    trace_run(&program, &replay.source, &again);
    judge_same(run, &first, &again, "the replay of its token");
}

static void bytes_are_the_run(struct run *run, const void *subject)
{
    static uint8_t bytes[CHOICES_MAX * BYTES_OF_CHOICE_MAX];
    struct program program;
    struct source_bytes source;
    (void)subject;
    run_at_random(run, &program);
    size_t size = bytes_of_choices(&first.drawn, true, bytes);
    source_bytes_start(&source, bytes, size, true);
    trace_run(&program, &source.source, &again);
    judge_same(run, &first, &again, "the run by its bytes");
}

static const struct program *shrunk_program;

static int still_fails(void *context, struct choices *candidate)
{
    struct source_replay replay;
    (void)context;
    source_replay_start(&replay, candidate->at, candidate->count, false);
    trace_run(shrunk_program, &replay.source, &again);
    choices_copy(candidate, &again.drawn);
    return again.outcome.verdict == VERDICT_FAIL && again.outcome.line == first.outcome.line;
}

static void shrunk_is_never_larger(struct run *run, const void *subject)
{
    static struct choices small, smaller, scratch;
    struct program program;
    (void)subject;
    run_at_random(run, &program);
    if (first.outcome.verdict != VERDICT_FAIL)
        reject(run);
    shrunk_program = &program;
    choices_copy(&small, &first.drawn);
    shrink(&small, &scratch, still_fails, NULL, SHRINK_EXECUTIONS_MAX);
    CHECK(run, choices_compare(&small, &first.drawn) <= 0, "shrinking made it larger");
    choices_copy(&smaller, &small);
    CHECK(run, still_fails(NULL, &smaller), "what was shrunk does not fail any more");
    CHECK(run, choices_compare(&smaller, &small) == 0, "what was shrunk does not replay");
    shrink(&smaller, &scratch, still_fails, NULL, SHRINK_EXECUTIONS_MAX);
    CHECK(run, choices_compare(&smaller, &small) <= 0, "shrinking again made it larger");
}

#define VISITED 60

static void exhaustion_visits_once(struct run *run, const void *subject)
{
    static uint64_t visited[VISITED];
    struct program program;
    uint32_t count = 0;
    struct source *source;
    (void)subject;
    draw_program(run, &program);
    struct exhaustive *search =
        exhaustive_new(1u << CHOICE_CASE | 1u << CHOICE_LENGTH, UINT32_MAX, VISITED);
    while (count < VISITED && (source = exhaustive_next(search))) {
        trace_run(&program, source, &again);
        exhaustive_take(search, &again.drawn);
        uint64_t hash = again.drawn.count;
        for (uint32_t i = 0; i < again.drawn.count; i++)
            hash = (hash ^ (uint64_t)again.drawn.at[i].value) * 0x9e3779b97f4a7c15u + (hash >> 29);
        visited[count++] = hash;
    }
    exhaustive_free(search);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            CHECK(run, visited[i] != visited[j], "sequences %u and %u are one", j, i);
}

/* Broken on purpose: claims that no program ever draws more than three numbers. */
static void broken_promise(struct run *run, const void *subject)
{
    struct program program;
    (void)subject;
    run_at_random(run, &program);
    CHECK(run, first.drawn.count <= 2 + 3, "%u draws", first.drawn.count - 2);
}

static uint32_t failures_of(case_body *body, uint32_t *ret_passed)
{
    uint32_t failed = 0;
    *ret_passed = 0;
    for (uint64_t i = 0; i < PROGRAMS && failed == 0; i++) {
        struct source_random random;
        source_random_start(&random, 1, "self", i);
        enum verdict verdict = run_body(body, NULL, &random.source);
        failed += verdict == VERDICT_FAIL;
        *ret_passed += verdict == VERDICT_PASS;
    }
    return failed;
}

static void promises_are_kept(void **state)
{
    static const struct {
        case_body *body;
        uint32_t passed_min;
        const char *why;
    } rows[] = {
        {replay_is_identical, PROGRAMS, "replay"},
        {token_is_the_run, PROGRAMS, "tokens"},
        {bytes_are_the_run, PROGRAMS, "bytes of a fuzzer"},
        {shrunk_is_never_larger, PROGRAMS / 10, "shrinking, of the programs that fail"},
        {exhaustion_visits_once, PROGRAMS / 2, "exhaustive search, of those that draw"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        uint32_t passed;
        if (failures_of(rows[i].body, &passed) > 0)
            fail_msg("%s: %s\n%s", rows[i].why, outcome.message, outcome.story);
        printf("%-40s %u programs\n", rows[i].why, passed);
        assert_true(passed >= rows[i].passed_min);
    }
}

static void a_broken_promise_is_noticed(void **state)
{
    uint32_t passed;
    (void)state;
    assert_int_equal(failures_of(broken_promise, &passed), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promises_are_kept),
        cmocka_unit_test(a_broken_promise_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
