/* SPDX-License-Identifier: Apache-2.0
 *
 * What is kept about requests: lines of the log, metrics, and answers that are given again.
 */
#include "../../tests/testing.h"
#include "../service.h"

#include <fcntl.h>

static struct outcome outcome_of(enum answer answer, enum layer layer, enum reason reason)
{
    return (struct outcome){.reply = {.answer = answer, .layer = layer, .reason = reason}};
}

/* Log. */

static void every_text_is_valid_json(void **state)
{
    static const struct {
        const char *given, *wanted;
        const char *why;
    } rows[] = {
        {"plain", "{\"key\":\"plain\"", "nothing to escape"},
        {"a\"b", "{\"key\":\"a\\u0022b\"", "a quote"},
        {"a\\b", "{\"key\":\"a\\u005cb\"", "a backslash"},
        {"a\nb\r\t", "{\"key\":\"a\\u000ab\\u000d\\u0009\"", "no second line"},
        {"\x7f", "{\"key\":\"\\u007f\"", "delete"},
        {"\xc3\xa9\xff", "{\"key\":\"\\u00c3\\u00a9\\u00ff\"", "bytes that may not be UTF-8"},
        {"\xe2\x80\xa8", "{\"key\":\"\\u00e2\\u0080\\u00a8\"", "a line separator of Unicode"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct line line = {.size = 0};
        line_add_text(&line, "key", rows[i].given);
        if (line.size != strlen(rows[i].wanted) ||
            memcmp(line.text, rows[i].wanted, line.size) != 0)
            fail_msg("%s: %.*s", rows[i].why, (int)line.size, line.text);
    }
}

static void a_line_that_is_too_long_is_not_cut(void **state)
{
    char value[LOG_LINE_BYTES];
    struct line line = {.size = 0};
    (void)state;
    memset(value, 'a', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    line_add_text(&line, "key", value);
    assert_true(line.is_full);
}

/* The worst that an entry can be: every byte of the longest detail is escaped. */
static void the_longest_entry_fits(void **state)
{
    char path[PATH_BYTES], content[LOG_LINE_BYTES + 1] = "", id[REQUEST_ID_BYTES_MAX + 1];
    struct outcome outcome = outcome_of(ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_REFUSED);
    struct log log;
    (void)state;
    memset(outcome.reply.detail, '\n', sizeof outcome.reply.detail - 1);
    outcome.reply.native_code = INT32_MIN;
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    write_file(TEXT(""), path);
    assert_true(log_open(path, &log));
    log_request(&log, &(struct log_entry){
                          .request_id = id,
                          .operation = OPERATION_SESSION_REVOKE,
                          .outcome = &outcome,
                          .status = 503,
                          .duration_us = INT64_MAX,
                          .account = "0123456789abcdef",
                          .is_repeated = true,
                      });
    assert_int_equal(atomic_load(&log.lost), 0);
    log_done(&log);
    int descriptor = open(path, O_RDONLY);
    ssize_t size = read(descriptor, content, sizeof content - 1);
    (void)close(descriptor);
    assert_true(size > 0 && strchr(content, '\n') == content + size - 1);
    json_t *object = json_loads(content, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_object_size(object), 12);
    json_decref(object);
    (void)unlink(path);
}

static void a_line_that_cannot_be_written_is_counted(void **state)
{
    struct log log = {.descriptor = open("/dev/full", O_WRONLY)};
    (void)state;
    assert_true(log.descriptor >= 0);
    log_event(&log, "started", NULL);
    assert_int_equal(atomic_load(&log.lost), 1);
    log_done(&log);
}

/* Metrics. */

static char *text_of(const struct metrics *metrics)
{
    const struct gauges gauges = {100, 40, 2, 7, 3, true, "1.2.3", "1.1"};
    size_t size;
    char *text = metrics_text(metrics, &gauges, &size);
    assert_non_null(text);
    assert_int_equal(strlen(text), size);
    return text;
}

static void assert_has(const char *text, const char *line)
{
    if (strstr(text, line) == NULL)
        fail_msg("no line %s", line);
}

static void what_alerts_need_is_there_from_the_start(void **state)
{
    static struct metrics metrics;
    (void)state;
    char *text = text_of(&metrics);
    for (enum operation i = 0; i < OPERATIONS; i++) {
        static const char *const tails[] = {
            "answer=\"ok\",layer=\"none\",reason=\"none\"} 0\n",
            "answer=\"unavailable\",layer=\"hashing\",reason=\"memory\"} 0\n",
            "answer=\"unavailable\",layer=\"storage\",reason=\"full\"} 0\n",
            "answer=\"unavailable\",layer=\"network\",reason=\"timeout\"} 0\n",
            "answer=\"rejected\",layer=\"input\",reason=\"refused\"} 0\n",
        };
        for (size_t j = 0; j < COUNT(tails); j++) {
            char line[256];
            (void)snprintf(line, sizeof line, "\nauthd_requests_total{operation=\"%s\",%s",
                           operation_word(i), tails[j]);
            assert_has(text, line);
        }
    }
    assert_has(text, "\nauthd_hashing_memory_kib{state=\"limit\"} 100\n");
    assert_has(text, "\nauthd_hashing_memory_kib{state=\"used\"} 40\n");
    assert_has(text, "\nauthd_hashing_in_flight 2\n");
    assert_has(text, "\nauthd_connections 7\n");
    assert_has(text, "\nauthd_ready 1\n");
    assert_has(text, "\nauthd_log_lines_lost_total 3\n");
    assert_has(text, "\nauthd_build_info{version=\"1.2.3\",schema=\"1.1\"} 1\n");
    assert_null(strstr(text, "reason=\"entropy\"")); /* neither needed nor counted */
    free(text);
}

static void counts_and_durations(void **state)
{
    static struct metrics metrics;
    struct outcome ok = outcome_of(ANSWER_OK, LAYER_NONE, REASON_NONE);
    struct outcome rare = outcome_of(ANSWER_UNAVAILABLE, LAYER_SESSION, REASON_ENTROPY);
    struct outcome rejected = {.is_rejected = true,
                               .reply = {.layer = LAYER_INPUT, .reason = REASON_LIMIT}};
    (void)state;
    metrics_count(&metrics, OPERATION_LOGIN, &ok, 1000);           /* on a bound: within it */
    metrics_count(&metrics, OPERATION_LOGIN, &ok, 1001);           /* above it */
    metrics_count(&metrics, OPERATION_LOGIN, &rare, -5);           /* a clock may do that */
    metrics_count(&metrics, OPERATION_LOGIN, &rejected, 20000000); /* beyond all bounds */
    char *text = text_of(&metrics);
#define LOGIN "\nauthd_requests_total{operation=\"login\","
    assert_has(text, LOGIN "answer=\"ok\",layer=\"none\",reason=\"none\"} 2\n");
    assert_has(text, LOGIN "answer=\"unavailable\",layer=\"session\",reason=\"entropy\"} 1\n");
    assert_has(text, LOGIN "answer=\"rejected\",layer=\"input\",reason=\"limit\"} 1\n");
#define DURATION "\nauthd_request_duration_seconds_"
    assert_has(text, DURATION "bucket{operation=\"login\",le=\"0.001\"} 2\n");
    assert_has(text, DURATION "bucket{operation=\"login\",le=\"0.0025\"} 3\n");
    assert_has(text, DURATION "bucket{operation=\"login\",le=\"10\"} 3\n");
    assert_has(text, DURATION "bucket{operation=\"login\",le=\"+Inf\"} 4\n");
    assert_has(text, DURATION "count{operation=\"login\"} 4\n");
    assert_has(text, DURATION "sum{operation=\"login\"} 20.002001\n");
    assert_has(text, DURATION "count{operation=\"change\"} 0\n");
    free(text);
}

/* Receipts. */

static struct receipts *receipts;

static const struct receipt_request FIRST = {
    .key = "key",
    .what = OPERATION_LOGIN,
    .name = {(const uint8_t *)"name", 4},
    .token = {(const uint8_t *)"token", 5},
    .content = {(const uint8_t *)"content", 7},
};

static enum receipt_state begin(const struct receipt_request *request, int64_t now_ms,
                                struct receipt_ticket *ticket, struct receipt_answer *answer)
{
    return receipts_begin(receipts, request, now_ms, ticket, answer);
}

static int open_receipts(void **state)
{
    (void)state;
    receipts = receipts_open();
    return receipts == NULL ? -1 : 0;
}

static int close_receipts(void **state)
{
    (void)state;
    receipts_close(receipts);
    return 0;
}

static void answer_first(int64_t now_ms)
{
    struct receipt_ticket ticket;
    struct receipt_answer answer;
    assert_int_equal(begin(&FIRST, now_ms, &ticket, &answer), RECEIPT_NEW);
    memset(&answer, 0, sizeof answer);
    answer.outcome = outcome_of(ANSWER_DENIED, LAYER_NONE, REASON_NONE);
    memcpy(answer.text, "a secret token", 14);
    answer.text_size = 14;
    receipts_finish(receipts, &ticket, now_ms, &answer);
}

static void the_same_request_has_the_same_answer(void **state)
{
    struct receipt_ticket ticket;
    struct receipt_answer answer;
    (void)state;
    answer_first(1000);
    assert_int_equal(begin(&FIRST, 2000, &ticket, &answer), RECEIPT_REPEATED);
    assert_int_equal(answer.outcome.reply.answer, ANSWER_DENIED);
    assert_int_equal(answer.text_size, 14);
    assert_memory_equal(answer.text, "a secret token", 14);
}

static void another_request_does_not(void **state)
{
    struct receipt_request others[5] = {FIRST, FIRST, FIRST, FIRST, FIRST};
    struct receipt_ticket ticket;
    struct receipt_answer answer;
    (void)state;
    others[0].what = OPERATION_REGISTER;
    others[1].name = TEXT("nam");
    others[2].token = TEXT("tokem");
    others[3].content = TEXT("content ");
    others[4].token = TEXT("tokencontent"); /* the same bytes, cut elsewhere */
    others[4].content = TEXT("");
    answer_first(1000);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(begin(&others[i], 2000, &ticket, &answer), RECEIPT_OTHER);
    others[0] = FIRST;
    others[0].key = "another key";
    assert_int_equal(begin(&others[0], 2000, &ticket, &answer), RECEIPT_NEW);
}

static void the_second_waits_for_the_first(void **state)
{
    struct receipt_ticket ticket, ignored;
    struct receipt_answer answer;
    (void)state;
    assert_int_equal(begin(&FIRST, 1000, &ticket, &answer), RECEIPT_NEW);
    assert_int_equal(begin(&FIRST, 1000, &ignored, &answer), RECEIPT_UNDER_WAY);
    assert_int_equal(begin(&FIRST, INT64_MAX / 2, &ignored, &answer), RECEIPT_UNDER_WAY);
    receipts_finish(receipts, &ticket, 2000, NULL); /* nothing to be repeated: once more, then */
    assert_int_equal(begin(&FIRST, 2000, &ticket, &answer), RECEIPT_NEW);
}

static void time_ends_a_receipt(void **state)
{
    struct receipt_ticket ticket;
    struct receipt_answer answer;
    (void)state;
    answer_first(1000);
    assert_int_equal(begin(&FIRST, 1000 + RECEIPT_LIFETIME_MS, &ticket, &answer), RECEIPT_REPEATED);
    assert_int_equal(begin(&FIRST, 1001 + RECEIPT_LIFETIME_MS, &ticket, &answer), RECEIPT_NEW);
}

/* A flood of keys: the table does not grow, the newest receipt is there, and none that is under way
 * is pushed out. */
static void a_flood_of_keys_has_its_limit(void **state)
{
    struct receipt_ticket first, ticket;
    struct receipt_answer answer;
    (void)state;
    assert_int_equal(begin(&FIRST, 0, &first, &answer), RECEIPT_NEW);
    memset(&answer, 0, sizeof answer);
    for (int i = 0; i < 4 * (int)(RECEIPT_SETS * RECEIPT_WAYS); i++) {
        char key[32];
        struct receipt_request request = FIRST;
        (void)snprintf(key, sizeof key, "key %d", i);
        request.key = key;
        assert_int_equal(begin(&request, i, &ticket, &answer), RECEIPT_NEW);
        receipts_finish(receipts, &ticket, i, &answer);
        assert_int_equal(begin(&request, i, &ticket, &answer), RECEIPT_REPEATED);
    }
    assert_int_equal(begin(&FIRST, 0, &ticket, &answer), RECEIPT_UNDER_WAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_is_valid_json),
        cmocka_unit_test(a_line_that_is_too_long_is_not_cut),
        cmocka_unit_test(the_longest_entry_fits),
        cmocka_unit_test(a_line_that_cannot_be_written_is_counted),
        cmocka_unit_test(what_alerts_need_is_there_from_the_start),
        cmocka_unit_test(counts_and_durations),
        cmocka_unit_test_setup_teardown(the_same_request_has_the_same_answer, open_receipts,
                                        close_receipts),
        cmocka_unit_test_setup_teardown(another_request_does_not, open_receipts, close_receipts),
        cmocka_unit_test_setup_teardown(the_second_waits_for_the_first, open_receipts,
                                        close_receipts),
        cmocka_unit_test_setup_teardown(time_ends_a_receipt, open_receipts, close_receipts),
        cmocka_unit_test_setup_teardown(a_flood_of_keys_has_its_limit, open_receipts,
                                        close_receipts),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
