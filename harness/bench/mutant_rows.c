/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutants: how many a second, against changing the source and compiling it, what they cost while
 * they are not active, and how long a change of thirty lines takes from edit to verdict.
 *
 * Judged is the codec by its own unit tests (coverage/mutate/tests): those that take far less than
 * a millisecond, each mutant in a child. The same mutants are then compiled one by one, gcc's way
 * or clang's, at -O1. Rows are in processor time of one job. Where libclang is missing, there are
 * none, and that is said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/bench/bench.h"

#ifndef MUTANTS_WORK

void mutant_rows(struct bench *bench)
{
    (void)bench;
    bench_remark("no rows of mutants: libclang is missing, or coverage is counted");
}

#else

#include "coverage/mutate/tests/judge.h"

#define RECOMPILED    20u /* of the mutants, evenly */
#define ARGUMENTS_MAX 64u

extern const struct assay_mutants assay_mutants;

static char **recompiler;

/* The words of a command that CMake has joined, and null. */
static char **words_of(const char *joined)
{
    char **words = calloc(ARGUMENTS_MAX + 1, sizeof *words), *rest = strdup(joined), *next = rest;
    for (size_t i = 0; words && next && i < ARGUMENTS_MAX; i++)
        words[i] = strsep(&next, "|");
    if (!words || !rest || next)
        bench_broken("a command of the mutants has too many words");
    return words;
}

static void run_or_break(const char *joined, const char *more, const char *why)
{
    char **words = words_of(joined);
    size_t count = 0;
    int status = -1;
    while (words[count])
        count++;
    if (count < ARGUMENTS_MAX && more)
        words[count] = strdup(more);
    pid_t child = fork();
    if (child == 0) {
        execvp(words[0], words);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        bench_broken(why);
    if (count < ARGUMENTS_MAX)
        free(words[count]);
    free(words[0]); /* the others are parts of it */
    free(words);
}

/* In a program of its own, which is small: a fork costs more, the more memory a process has. */
static double judged_a_second(const struct bench *bench)
{
    double before = bench_cpu();
    (void)bench;
    run_or_break(MUTANTS_JUDGE, NULL, "the mutants of the codec are not judged");
    return assay_mutants.count / (bench_cpu() - before);
}

static double recompiled_a_second(const struct bench *bench)
{
    uint32_t count = bench->quick ? 1 : RECOMPILED;
    char folder[] = "/tmp/assay-bench-XXXXXX", path[64];
    if (!mkdtemp(folder))
        bench_broken("no folder for what is compiled");
    double before = bench_cpu();
    for (uint32_t i = 0; i < count; i++)
        if (recompile(&assay_mutants.at[i * assay_mutants.count / count], MUTANTS_ROOT, folder,
                      recompiler) == MUTANT_BROKEN)
            bench_broken("a mutant does not compile");
    double seconds = bench_cpu() - before;
    static const char *const names[] = {"changed.c", "changed"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
    return count / seconds;
}

static double seconds_of_work(const struct bench *bench, const char *program)
{
    double before = bench_cpu();
    run_or_break(program, bench->quick ? "10" : "400000", "the codec does not do its work");
    return bench_cpu() - before;
}

static double mutated_work(const struct bench *bench)
{
    return seconds_of_work(bench, MUTANTS_WORK);
}

static double plain_work(const struct bench *bench)
{
    return seconds_of_work(bench, MUTANTS_WORK_PLAIN);
}

static double seconds_of_a_diff(const struct bench *bench)
{
    double before = bench_cpu();
    (void)bench;
    run_or_break(MUTANTS_DIFF, NULL, "a change of thirty lines is not judged");
    return bench_cpu() - before;
}

void mutant_rows(struct bench *bench)
{
    bench_progress("mutants");
    recompiler = words_of(MUTANTS_RECOMPILE);
    struct medians rates = bench_medians(bench, judged_a_second, recompiled_a_second);
    bench_row(bench, &(struct row){"mutants.judged_per_cpu_second", rates.ours, NO_ANCHOR,
                                   OURS_AT_LEAST, 1000});
    bench_row(bench, &(struct row){"mutants.against_recompiling", rates.ours, rates.theirs,
                                   RATIO_AT_LEAST, 150});
    struct medians work = bench_medians(bench, mutated_work, plain_work);
    bench_row(bench, &(struct row){"mutants.inactive_slow_down", work.ours, work.theirs,
                                   RATIO_AT_MOST, 1.6});
    struct medians diff = bench_medians(bench, seconds_of_a_diff, NULL);
    bench_row(bench, &(struct row){"mutants.cpu_seconds_of_thirty_lines", diff.ours, NO_ANCHOR,
                                   OURS_AT_MOST, 2});
    free(recompiler[0]);
    free(recompiler);
}

#endif
