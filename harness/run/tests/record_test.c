/* SPDX-License-Identifier: Apache-2.0
 *
 * Records: what is written is read back as it was, byte for byte where it is UTF-8; what does not
 * hold is refused. The sound record stands next to each broken one: a row changes one member of it.
 * And lines: they come out whole however they came in.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "faults/faults.h"
#include "harness/run/record.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

static struct case_result sample_result(void)
{
    return (struct case_result){
        .technique = TECHNIQUE_FAULT,
        .test_case = all_cases[0],
        .verdict = VERDICT_VACUOUS,
        .tally = {.runs = 1, .rejected = 2, .overruns = 3, .checks = INT64_MAX, .not_fired = 4},
        .sites = 5,
        .plans = 6,
        .rows = 7,
        .weight = 8,
        .all = true,
        .observed = {.runs = 9,
                     .count = 1,
                     .at = {{.kind = OBSERVED_COVER,
                             .name = "a\nlabel",
                             .runs = 10,
                             .percent_min = 20,
                             .largest = INT64_MIN}}},
        .reached = 1ull << 1 | 1ull,
        .faults = {.singles = 11,
                   .pairs = 12,
                   .pairs_in_all = INT64_MAX,
                   .triples = 13,
                   .consequences = {[CONSEQUENCE_HANDLED] = 14, [CONSEQUENCE_LOST] = UINT32_MAX},
                   .drift = "disk.read, occurrence 3",
                   .step_count = 2,
                   .steps = {{"open", 15, {[CONSEQUENCE_LEAK] = 16}}, {"login", 0, {0}}},
                   .attribution_count = 1,
                   .attributions = {{DISK_WRITE, 2, {ASSAY_LAYER_STORAGE, ASSAY_REASON_FULL}, 17}}},
        .message = "\"quoted\", \\, \x01, \xc3\xa4",
    };
}

static struct finding sample_finding(void)
{
    static char token[] = "assay1:x", output[] = "printed\n";
    return (struct finding){
        .technique = TECHNIQUE_PROPERTY,
        .test_case = all_cases[1],
        .outcome = {.verdict = VERDICT_CRASH,
                    .file = "signal",
                    .line = 12,
                    .signal = 11,
                    .expression = "a == \"b\"",
                    .message = "m",
                    .site_text = "disk.write fails",
                    .step = "login",
                    .story_size = 17,
                    .story = "one\n\ntwo \xc3\xa4\nend.\n"},
        .token = token,
        .output = output,
        .executions = 3,
        .shrunk_by = UINT32_MAX,
        .more = 5,
        .repeats = 40,
        .failed = 7,
        .explanation = {.count = 1, .parts = {{3, 7, "password", 2}}},
    };
}

static void a_result_is_read_back(void **state)
{
    (void)state;
    struct case_result before = sample_result(), after;
    json_t *object = json_of_result(&before);
    assert_true(result_of_json(object, &after));
    json_t *again = json_of_result(&after);
    assert_true(json_equal(object, again));
    assert_ptr_equal(before.test_case, after.test_case);
    assert_string_equal(before.message, after.message);
    assert_memory_equal(&before.tally, &after.tally, sizeof before.tally);
    assert_true(before.reached == after.reached);
    assert_memory_equal(&before.faults, &after.faults, sizeof before.faults);
    assert_string_equal(before.observed.at[0].name, after.observed.at[0].name);
    assert_true(after.observed.at[0].largest == INT64_MIN && after.all && after.weight == 8);
    json_decref(object);
    json_decref(again);
}

static void a_finding_is_read_back(void **state)
{
    (void)state;
    struct finding before = sample_finding();
    json_t *object = json_of_finding(&before);
    struct finding *after = finding_of_json(object);
    assert_non_null(after);
    json_t *again = json_of_finding(after);
    assert_true(json_equal(object, again));
    assert_true(same_failure(&before.outcome, &after->outcome));
    assert_string_equal(before.outcome.story, after->outcome.story);
    assert_int_equal(strlen(after->outcome.story), after->outcome.story_size);
    assert_string_equal(before.outcome.step, after->outcome.step);
    assert_string_equal(before.token, after->token);
    assert_string_equal(before.output, after->output);
    assert_true(after->failed == 7 && after->shrunk_by == UINT32_MAX);
    assert_int_equal(after->explanation.count, 1);
    assert_string_equal(after->explanation.parts[0].label, "password");
    json_decref(object);
    json_decref(again);
    finding_free(after);
}

/* Bytes that are no UTF-8 cost their sharpness, nothing else. */
static void bytes_that_are_no_text(void **state)
{
    (void)state;
    struct finding before = sample_finding();
    snprintf(before.outcome.message, sizeof before.outcome.message, "a\xff\xc3");
    before.output = NULL;
    json_t *object = json_of_finding(&before);
    struct finding *after = finding_of_json(object);
    assert_non_null(after);
    assert_string_equal(after->outcome.message, "a??");
    assert_null(after->output);
    json_decref(object);
    finding_free(after);
}

/* One member is replaced; null: taken away. */
struct broken {
    const char *member;
    const char *value; /* JSON */
    bool sound;
    const char *why;
};

static json_t *with(json_t *object, const struct broken *row)
{
    if (row->value)
        json_object_set_new(object, row->member, json_loads(row->value, JSON_DECODE_ANY, NULL));
    else
        json_object_del(object, row->member);
    return object;
}

static void broken_results_are_refused(void **state)
{
    (void)state;
    static const struct broken rows[] = {
        {"runs", "0", true, "the control: another number"},
        {"extra", "[]", true, "names may be added"},
        {"runs", NULL, false, "missing"},
        {"runs", "-1", false, "below what it may be"},
        {"runs", "1.0", false, "not a whole number"},
        {"runs", "\"1\"", false, "a string"},
        {"case", "\"no.such\"", false, "a case that is not there"},
        {"case", "7", false, "no name"},
        {"technique", "\"FAULT\"", false, "names are exact"},
        {"verdict", "\"\"", false, "no verdict"},
        {"message", "null", false, "no text"},
        {"reached", "[\"disk.fly\"]", false, "an operation that is not there"},
        {"reached", "[1]", false, "a number"},
        {"reached", "{}", false, "not a list"},
        {"observed", "[{}]", false, "an observation without anything"},
        {"observed", "7", false, "not a list"},
        {"all", "1", false, "not a truth"},
        {"weight", "4294967296", false, "does not fit"},
    };
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct case_result before = sample_result(), after;
        json_t *object = with(json_of_result(&before), &rows[i]);
        if (result_of_json(object, &after) != rows[i].sound)
            fail_msg("%s: %s", rows[i].member, rows[i].why);
        json_decref(object);
    }
}

/* What became of the runs with faults, of a result whose other members hold. */
static void broken_faults_are_refused(void **state)
{
    (void)state;
    static const struct broken rows[] = {
        {"singles", "0", true, "the control: another number"},
        {"singles", NULL, false, "missing"},
        {"pairs", "-1", false, "below what it may be"},
        {"triples", "\"1\"", false, "a string"},
        {"verdicts", "{}", true, "no run at all"},
        {"verdicts", "{\"lost\":1}", true, "a consequence"},
        {"verdicts", "{\"last\":1}", false, "a consequence that does not exist"},
        {"verdicts", "{\"lost\":4294967296}", false, "does not fit"},
        {"verdicts", "[]", false, "not an object"},
        {"steps", "{}", false, "not a list"},
        {"steps", "[{\"step\":\"a\",\"sites\":1,\"verdicts\":{}}]", true, "a step"},
        {"steps", "[{\"step\":\"a\",\"verdicts\":{}}]", false, "without its sites"},
        {"steps", "[{\"step\":\"a name that is longer than\",\"sites\":1,\"verdicts\":{}}]", false,
         "a name that does not fit"},
        {"attribution", "[]", true, "nothing was reported"},
        {"attribution", "[{}]", false, "a row without anything"},
        {"attribution",
         "[{\"operation\":\"disk.write\",\"effect\":\"full\",\"layer\":\"none\",\"reason\":"
         "\"none\","
         "\"runs\":1}]",
         true, "a row"},
        {"attribution",
         "[{\"operation\":\"disk.fly\",\"effect\":\"full\",\"layer\":\"none\",\"reason\":\"none\","
         "\"runs\":1}]",
         false, "an operation that is not there"},
        {"attribution",
         "[{\"operation\":\"disk.read\",\"effect\":\"full\",\"layer\":\"none\",\"reason\":\"none\","
         "\"runs\":1}]",
         false, "an effect of another operation"},
        {"attribution",
         "[{\"operation\":\"disk.read\",\"effect\":\"io\",\"layer\":\"floor\",\"reason\":\"none\","
         "\"runs\":1}]",
         false, "a layer that does not exist"},
        {"drift", "7", false, "not a text"},
    };
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct case_result before = sample_result(), after;
        json_t *object = json_of_result(&before);
        with(json_object_get(object, "faults"), &rows[i]);
        if (result_of_json(object, &after) != rows[i].sound)
            fail_msg("%s: %s", rows[i].member, rows[i].why);
        json_decref(object);
    }
}

/* What a cell cost, of a result that was measured; without that it is not there. */
static void broken_costs_are_refused(void **state)
{
    (void)state;
    static const struct broken rows[] = {
        {"cpu_us", "0", true, "the control: another number"},
        {"cpu_us", NULL, false, "missing"},
        {"cut", "0", false, "not a truth"},
        {"probes", "4097", false, "more than can be planted"},
        {"runs", "3", true, "another number with as many marks"},
        {"runs", "4", false, "one mark is missing"},
        {"runs", "0", false, "nothing was measured"},
        {"sum", "\"00000000000000FF\"", false, "another spelling"},
        {"sum", "\"ff\"", false, "too short"},
        {"marks", "[]", false, "all are missing"},
        {"marks", "[\"0000000000000001\",7]", false, "not a text"},
    };
    struct case_result before = sample_result(), after;
    json_t *plain = json_of_result(&before);
    assert_null(json_object_get(plain, "cost"));
    json_decref(plain);
    before.cost = (struct cost){.cpu_us = 1, .cut = true, .probes = 2, .hits = 1};
    before.cost.answers = (struct answers){.runs = 2, .sum = UINT64_MAX, .marks = {3, 4}};
    for (size_t i = 0; i < ROWS(rows); i++) {
        json_t *object = json_of_result(&before);
        assert_true(result_of_json(object, &after));
        assert_memory_equal(&before.cost, &after.cost, sizeof before.cost);
        with(json_object_get(object, "cost"), &rows[i]);
        if (result_of_json(object, &after) != rows[i].sound)
            fail_msg("%s: %s", rows[i].member, rows[i].why);
        json_decref(object);
    }
}

static void broken_findings_are_refused(void **state)
{
    (void)state;
    static const struct broken rows[] = {
        {"line", "0", true, "the control: another number"},
        {"token", "null", true, "there was no memory for one"},
        {"steps", "[]", true, "no story"},
        {"token", NULL, false, "missing"},
        {"output", NULL, false, "missing, which is not null"},
        {"line", "-1", false, "below what it may be"},
        {"line", "2147483648", false, "does not fit"},
        {"signal", "true", false, "not a number"},
        {"during", "\"123456789012345678901234\"", false, "longer than a step's name may be"},
        {"steps", "[1]", false, "not a text"},
        {"steps", "\"one\"", false, "not a list"},
        {"failed", "41", false, "more often than it was tried"},
        {"consequence", "\"lost\"", true, "another consequence"},
        {"consequence", "\"last\"", false, "one that does not exist"},
        {"cpu_us", "-1", false, "below what it may be"},
        {"shrunk_by", "4294967296", false, "does not fit"},
    };
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct finding before = sample_finding();
        json_t *object = with(json_of_finding(&before), &rows[i]);
        struct finding *after = finding_of_json(object);
        if ((after != NULL) != rows[i].sound)
            fail_msg("%s: %s", rows[i].member, rows[i].why);
        finding_free(after);
        json_decref(object);
    }
}

/* A story of exactly what fits is read back; a byte more is refused. */
static void the_longest_story(void **state)
{
    (void)state;
    for (size_t size = STORY_BYTES - 2; size <= STORY_BYTES - 1; size++) {
        struct finding before = sample_finding();
        char *line = malloc(size + 1);
        assert_non_null(line);
        memset(line, 'x', size);
        line[size] = 0;
        json_t *object = json_of_finding(&before), *steps = json_array();
        json_array_append_new(steps, json_string(line));
        json_object_set_new(object, "steps", steps);
        struct finding *after = finding_of_json(object);
        if ((after != NULL) != (size + 2 <= STORY_BYTES))
            fail_msg("%zu bytes", size);
        finding_free(after);
        json_decref(object);
        free(line);
    }
}

static void lines_come_out_whole(void **state)
{
    (void)state;
    static const char *const parts[] = {"on", "e\ntw", "o\n\nfou", "r\nrest"};
    static const char *const wanted[] = {"one", "two", "", "four"};
    struct lines lines;
    const char *line = NULL;
    size_t size, count = 0;
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    assert_true(lines_open(&lines, ends[0]));
    for (size_t i = 0; i < ROWS(parts); i++) {
        assert_int_equal(write(ends[1], parts[i], strlen(parts[i])), (ssize_t)strlen(parts[i]));
        enum line what;
        while ((what = lines_next(&lines, &line, &size)) == LINE_HERE) {
            assert_true(count < ROWS(wanted));
            assert_int_equal(size, strlen(wanted[count]));
            assert_memory_equal(line, wanted[count], size);
            count++;
        }
        assert_int_equal(what, LINE_NOT_YET);
    }
    close(ends[1]);
    assert_int_equal(count, ROWS(wanted));
    assert_int_equal(lines_next(&lines, &line, &size), LINE_END); /* the rest is not a line */
    assert_true(lines.passed == strlen("one\ntwo\n\nfour\n"));
    lines_close(&lines);
}

/* The longest line is read; one more byte is refused, and not kept for ever. */
static void a_line_may_be_too_long(void **state)
{
    (void)state;
    for (size_t size = RECORD_BYTES_MAX - 1; size <= RECORD_BYTES_MAX; size++) {
        struct lines lines;
        const char *line;
        size_t got;
        char *text = malloc(size + 1);
        int file = memfd_create("line", MFD_CLOEXEC);
        assert_non_null(text);
        memset(text, 'x', size);
        text[size] = '\n';
        assert_int_equal(write(file, text, size + 1), (ssize_t)size + 1);
        assert_int_equal(lseek(file, 0, SEEK_SET), 0);
        assert_true(lines_open(&lines, file));
        enum line what = lines_next(&lines, &line, &got);
        assert_int_equal(what, size + 1 <= RECORD_BYTES_MAX ? LINE_HERE : LINE_BAD);
        lines_close(&lines);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_is_read_back),       cmocka_unit_test(a_finding_is_read_back),
        cmocka_unit_test(bytes_that_are_no_text),      cmocka_unit_test(broken_results_are_refused),
        cmocka_unit_test(broken_faults_are_refused),   cmocka_unit_test(broken_costs_are_refused),
        cmocka_unit_test(broken_findings_are_refused), cmocka_unit_test(the_longest_story),
        cmocka_unit_test(lines_come_out_whole),        cmocka_unit_test(a_line_may_be_too_long),
    };
    edge_install(&fault_catalogue);
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
