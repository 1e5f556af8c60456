/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine in this process: cases a second, what it adds to one hash, and how long it looks for a
 * bug of five steps.
 *
 * cases_per_cpu_second: 0 to 64 random bytes through base64 and back, by the same function of
 * libsodium on both sides. Our random source likes ends of ranges and lengths near the origin, so
 * the other engine is given the lengths that ours drew, as a table to draw from: both encode the
 * same number of bytes.
 *
 * stateful_bug_random_cases: accounts.machine as it is, against five_steps.c, until it fails: the
 * median over 21 seeds. The same runs against the target without the bug must pass.
 */
#include <sodium.h>
#include <string.h>

#include "cases/cases.h"
#include "harness/bench/anchor.h"
#include "harness/bench/bench.h"
#include "harness/bench/five_steps.h"

static struct choices drawn;
static struct outcome outcome;

/* Run `number` of a seed, in this process. */
static enum verdict random_run(const struct test_case *test_case, const void *subject,
                               const struct world *world, uint64_t seed, uint64_t number)
{
    struct source_random source;
    source_random_start(&source, seed, test_case->name, number);
    struct run run = {.source = &source.source, .choices = &drawn, .outcome = &outcome};
    return case_run(&run, test_case, subject, world);
}

/* --- Cases a second ----------------------------------------------------------------------------
 */

#define LENGTHS 4096u

static uint8_t lengths[LENGTHS]; /* that our engine drew last */
static uint32_t lengths_drawn;

bool round_trips(const uint8_t *bytes, size_t size)
{
    char text[sodium_base64_ENCODED_LEN(ROUND_TRIP_BYTES_MAX, sodium_base64_VARIANT_ORIGINAL)];
    uint8_t again[ROUND_TRIP_BYTES_MAX];
    size_t again_size = 0;
    sodium_bin2base64(text, sizeof text, bytes, size, sodium_base64_VARIANT_ORIGINAL);
    return sodium_base642bin(again, sizeof again, text, strlen(text), NULL, &again_size, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           again_size == size && memcmp(again, bytes, size) == 0;
}

static void round_trip_body(struct run *run, const void *subject)
{
    uint8_t bytes[ROUND_TRIP_BYTES_MAX] = {0};
    size_t size = (size_t)draw(run, 0, ROUND_TRIP_BYTES_MAX, 0);
    (void)subject;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)draw(run, 0, 255, 0);
    lengths[lengths_drawn++ % LENGTHS] = (uint8_t)size;
    CHECK(run, round_trips(bytes, size), "%zu bytes do not come back", size);
}
static const struct test_case round_trip = {.name = "bench.round_trip", .body = round_trip_body};

static double our_cases(const struct bench *bench)
{
    const uint32_t cases = bench_count(bench, 200000);
    double before = bench_cpu();
    for (uint32_t i = 0; i < cases; i++)
        if (random_run(&round_trip, NULL, &world_of_nothing, 1, i) != VERDICT_PASS)
            bench_broken("base64 does not come back");
    return cases / (bench_cpu() - before);
}

static double their_cases(const struct bench *bench)
{
    const uint32_t cases = bench_count(bench, 100000);
    uint32_t known = lengths_drawn < LENGTHS ? lengths_drawn : LENGTHS;
    double before = bench_cpu();
    if (anchor_round_trips(cases, lengths, known) != cases)
        bench_broken("base64 does not come back from RapidCheck");
    return cases / (bench_cpu() - before);
}

static void speed_row(struct bench *bench)
{
    bench_progress("cases a second");
    struct medians cases = bench_medians(bench, our_cases, anchor_name() ? their_cases : NULL);
    bench_row(bench, &(struct row){"engine.cases_per_cpu_second", cases.ours, cases.theirs,
                                   RATIO_AT_LEAST, 5});
}

/* --- What it adds to one hash ------------------------------------------------------------------
 */

/* Microseconds of one minimum-cost hash, called plainly. */
static double bare_hash(const struct bench *bench)
{
    const uint32_t calls = bench_count(bench, 2000);
    const struct assay_config config = {sizeof config, false, NULL, bench->target->traits.cost_min};
    const uint8_t password[] = "fifteen letters";
    char encoded[ASSAY_ENCODED_BYTES_MAX];
    double before = bench_cpu();
    for (uint32_t i = 0; i < calls; i++) {
        struct assay_text room = {encoded, sizeof encoded, 0};
        struct assay_reply reply;
        bench->target->hash(&config, (struct assay_bytes){password, sizeof password - 1}, &room,
                            &reply);
    }
    return (bench_cpu() - before) * 1e6 / calls;
}

static void hash_once(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct text password, encoded;
    draw_password(run, &subject->target->traits, &password);
    stored_hash(run, subject->target, subject->target->traits.cost_min, &password, &encoded);
}
static const struct test_case hash_case = {.name = "bench.hash", .body = hash_once};

/* The same hash as a case, with its draws, checks and the putting back of the world. */
static double hash_in_a_case(const struct bench *bench)
{
    const uint32_t calls = bench_count(bench, 2000);
    const struct subject subject = {bench->target, bench->target};
    double before = bench_cpu();
    for (uint32_t i = 0; i < calls; i++) {
        struct source_origin source;
        source_origin_start(&source, i, NULL, 0);
        struct run run = {.source = &source.source, .choices = &drawn, .outcome = &outcome};
        if (case_run(&run, &hash_case, &subject, &world_of_faults) != VERDICT_PASS)
            bench_broken(outcome.message);
    }
    return (bench_cpu() - before) * 1e6 / calls;
}

static void overhead_row(struct bench *bench)
{
    bench_progress("overhead");
    struct medians hashes = bench_medians(bench, hash_in_a_case, bare_hash);
    bench_row(bench, &(struct row){"engine.overhead_of_one_cheap_hash", hashes.ours, hashes.theirs,
                                   RATIO_AT_MOST, 1.05});
}

/* --- A bug of five steps -----------------------------------------------------------------------
 */

#define BUG_SEEDS   21u
#define BUG_RUNS    20000u /* of one seed, found or not */
#define HONEST_RUNS 500u   /* of one seed, without the bug */

static void five_steps_begin(void *context, uint64_t entropy_seed)
{
    const bool *honest = context;
    (void)entropy_seed;
    five_steps_reset(*honest);
}

/* How many runs a seed needs until one is not green; runs_max when none is. */
static uint32_t runs_until_found(uint64_t seed, bool honest, uint32_t runs_max)
{
    uint32_t index = 0, number = 0;
    const struct test_case *machine = case_find("accounts.machine", &index);
    const struct subject subject = {&five_steps, &five_steps};
    const struct world world = {
        .begin = five_steps_begin, .end = world_of_nothing.end, .context = &honest};
    enum verdict verdict = VERDICT_PASS;
    while (verdict != VERDICT_FAIL && number < runs_max)
        verdict = random_run(machine, &subject, &world, seed, number++);
    return number;
}

static void stateful_row(struct bench *bench)
{
    double runs[BUG_SEEDS];
    bench_progress("a bug of five steps");
    for (uint32_t seed = 0; seed < BUG_SEEDS; seed++) {
        uint32_t honest_runs = bench_count(bench, HONEST_RUNS);
        (void)runs_until_found(seed, true, honest_runs);
        if (outcome.verdict == VERDICT_FAIL)
            bench_broken("accounts.machine fails without the bug");
        runs[seed] = runs_until_found(seed, false, bench_count(bench, BUG_RUNS));
    }
    bench_row(bench, &(struct row){"engine.stateful_bug_random_cases",
                                   bench_median(runs, BUG_SEEDS), NO_ANCHOR, OURS_AT_MOST, 300});
}

void engine_rows(struct bench *bench)
{
    speed_row(bench);
    overhead_row(bench);
    stateful_row(bench);
}
