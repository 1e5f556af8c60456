/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics: how many requests came out how, how long they took, and what is taken now.
 *
 * Every combination of operation, answer, layer and reason has a counter of its own, which anybody
 * may add to without a lock. All labels are from the tables of words.c, so clients cannot make up
 * new ones. The text shows the counters that are not zero, and those of the table below from the
 * start: a rate over a counter that appears with its first error would miss that error.
 *
 * Not here: quantiles. Prometheus makes them from the histogram, for several processes together.
 */
#include "service.h"

#include <inttypes.h>
#include <stdlib.h>

/* What an alert may be about, for every operation. The last one is rejected. */
static const struct {
    size_t answer;
    enum layer layer;
    enum reason reason;
} shown_always[] = {
    {ANSWER_OK, LAYER_NONE, REASON_NONE},
    {ANSWER_DENIED, LAYER_NONE, REASON_NONE},
    {ANSWER_EXISTS, LAYER_NONE, REASON_NONE},
    {ANSWER_LOCKED, LAYER_NONE, REASON_NONE},
    {ANSWER_REFUSED, LAYER_INPUT, REASON_REFUSED},
    {ANSWER_REFUSED, LAYER_INPUT, REASON_LIMIT},
    {ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_MEMORY},
    {ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_LIMIT},
    {ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_REFUSED},
    {ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_BUG},
    {ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_MEMORY},
    {ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_BUSY},
    {ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_FULL},
    {ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_IO},
    {ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_CORRUPT},
    {ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_REFUSED},
    {ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_LIMIT},
    {ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_BUG},
    {ANSWER_UNAVAILABLE, LAYER_NETWORK, REASON_IO},
    {ANSWER_UNAVAILABLE, LAYER_NETWORK, REASON_TIMEOUT},
    {ANSWER_UNAVAILABLE, LAYER_SESSION, REASON_BUG},
    {ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_MEMORY},
    {ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_BUSY},
    {ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_BUG},
    {ANSWERS - 1, LAYER_INPUT, REASON_REFUSED},
    {ANSWERS - 1, LAYER_INPUT, REASON_LIMIT},
    {ANSWERS - 1, LAYER_INPUT, REASON_TIMEOUT},
};

/* Upper bounds of the histogram. A login at the default cost takes some 30 ms. */
static const struct {
    int64_t us;
    const char *le; /* in seconds, as text */
} bounds[DURATION_BUCKETS] = {
    {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"}, {25000, "0.025"},
    {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"}, {1000000, "1"},
    {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"},
};

void metrics_count(struct metrics *metrics, enum operation operation, const struct outcome *outcome,
                   int64_t duration_us)
{
    size_t bucket = 0;
    while (bucket < DURATION_BUCKETS && duration_us > bounds[bucket].us)
        bucket++;
    (void)atomic_fetch_add(&metrics->requests[operation][outcome_index(outcome)]
                                             [outcome->reply.layer][outcome->reply.reason],
                           1);
    (void)atomic_fetch_add(&metrics->durations[operation].buckets[bucket], 1);
    (void)atomic_fetch_add(&metrics->durations[operation].sum_us,
                           duration_us > 0 ? (unsigned long long)duration_us : 0);
}

static bool is_shown_always(size_t answer, size_t layer, size_t reason)
{
    for (size_t i = 0; i < sizeof shown_always / sizeof *shown_always; i++)
        if (shown_always[i].answer == answer && (size_t)shown_always[i].layer == layer &&
            (size_t)shown_always[i].reason == reason)
            return true;
    return false;
}

static void write_requests(const struct metrics *metrics, size_t operation, FILE *out)
{
    for (size_t answer = 0; answer < ANSWERS; answer++)
        for (size_t layer = 0; layer < LAYERS; layer++)
            for (size_t reason = 0; reason < REASONS; reason++) {
                unsigned long long count =
                    atomic_load(&metrics->requests[operation][answer][layer][reason]);
                if (count == 0 && !is_shown_always(answer, layer, reason))
                    continue;
                (void)fprintf(out,
                              "authd_requests_total{operation=\"%s\",answer=\"%s\",layer=\"%s\","
                              "reason=\"%s\"} %llu\n",
                              operation_word((enum operation)operation), answer_word(answer),
                              layer_word((enum layer)layer), reason_word((enum reason)reason),
                              count);
            }
}

static void write_durations(const struct metrics *metrics, size_t operation, FILE *out)
{
    static const char name[] = "authd_request_duration_seconds";
    const char *word = operation_word((enum operation)operation);
    unsigned long long count = 0;
    for (size_t i = 0; i <= DURATION_BUCKETS; i++) {
        count += atomic_load(&metrics->durations[operation].buckets[i]);
        (void)fprintf(out, "%s_bucket{operation=\"%s\",le=\"%s\"} %llu\n", name, word,
                      i < DURATION_BUCKETS ? bounds[i].le : "+Inf", count);
    }
    unsigned long long sum_us = atomic_load(&metrics->durations[operation].sum_us);
    (void)fprintf(out, "%s_sum{operation=\"%s\"} %llu.%06llu\n", name, word, sum_us / 1000000,
                  sum_us % 1000000);
    (void)fprintf(out, "%s_count{operation=\"%s\"} %llu\n", name, word, count);
}

static void write_head(const char *name, const char *type, const char *help, FILE *out)
{
    (void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_gauges(const struct gauges *gauges, FILE *out)
{
    const struct {
        const char *name, *labels, *type, *help;
        uint64_t value;
    } rows[] = {
        {"authd_hashing_memory_kib", "{state=\"limit\"}", "gauge",
         "Memory for password hashes, in KiB.", gauges->hashing_memory_kib_limit},
        {"authd_hashing_memory_kib", "{state=\"used\"}", NULL, NULL,
         gauges->hashing_memory_kib_used},
        {"authd_hashing_in_flight", "", "gauge", "Password hashes that are being computed.",
         gauges->hashing_in_flight},
        {"authd_connections", "", "gauge", "Connections of clients.", gauges->connections},
        {"authd_ready", "", "gauge", "1: the last look at database and memory was good.",
         gauges->is_ready},
        {"authd_log_lines_lost_total", "", "counter", "Lines of the log that were not written.",
         gauges->log_lines_lost},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].help != NULL)
            write_head(rows[i].name, rows[i].type, rows[i].help, out);
        (void)fprintf(out, "%s%s %" PRIu64 "\n", rows[i].name, rows[i].labels, rows[i].value);
    }
    write_head("authd_build_info", "gauge", "1, with the versions as labels.", out);
    (void)fprintf(out, "authd_build_info{version=\"%s\",schema=\"%s\"} 1\n", gauges->version,
                  gauges->schema);
}

char *metrics_text(const struct metrics *metrics, const struct gauges *gauges, size_t *ret_size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_size);
    if (out == NULL)
        return NULL;
    write_head("authd_requests_total", "counter", "Requests, by how they came out.", out);
    for (size_t operation = 0; operation < OPERATIONS; operation++)
        write_requests(metrics, operation, out);
    write_head("authd_request_duration_seconds", "histogram",
               "From the header of a request to its answer.", out);
    for (size_t operation = 0; operation < OPERATIONS; operation++)
        write_durations(metrics, operation, out);
    write_gauges(gauges, out);
    bool is_whole = ferror(out) == 0;
    if (fclose(out) == 0 && is_whole)
        return text;
    free(text);
    return NULL;
}
