/* SPDX-License-Identifier: Apache-2.0
 *
 * The login service as a whole: service-bench, a program of the reference, measures hashes a second
 * over HTTP against bare crypto_pwhash() with the same parameters and as many threads, in turn, and
 * prints a line for each figure. It runs on all processors, unlike everything else here.
 */
#include <stdio.h>
#include <string.h>

#include "harness/bench/bench.h"

#define LINE_BYTES 160

static const struct figure {
    const char *said, *name;
    enum rule rule;
} figures[] = {
    {"service.logins_per_second", "whole.service_throughput", RATIO_AT_LEAST},
    {"service.logins_per_processor_second", "whole.service_throughput_per_cpu", SHOWN},
};
#define FIGURES (sizeof figures / sizeof *figures)

static void take_line(struct bench *bench, const char *line, uint32_t *found)
{
    char name[LINE_BYTES];
    double ours, theirs;
    if (sscanf(line, "%159s ours %lf theirs %lf", name, &ours, &theirs) != 3)
        return;
    for (uint32_t i = 0; i < FIGURES; i++)
        if (strcmp(figures[i].said, name) == 0) {
            bench_row(bench, &(struct row){figures[i].name, ours, theirs, figures[i].rule, 0.95});
            *found |= 1u << i;
        }
}

void whole_rows(struct bench *bench)
{
    char line[LINE_BYTES];
    uint32_t found = 0;
    bench_progress("the login service");
    bench_go_anywhere();
    FILE *output = popen(bench->quick ? SERVICE_BENCH " 0.1" : SERVICE_BENCH " 3", "r");
    while (output != NULL && fgets(line, sizeof line, output) != NULL)
        take_line(bench, line, &found);
    bool ended = output != NULL && pclose(output) == 0;
    bench_stay_here();
    if (!ended || found != (1u << FIGURES) - 1)
        bench_broken("service-bench does not measure the login service");
}
