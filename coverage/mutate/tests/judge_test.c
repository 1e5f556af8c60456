/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutants of the codec, judged by its own unit tests: judge_test ROOT COMMAND...
 *
 * The tests are green without a mutant. Most mutants are caught, twice with the same fate; some by
 * fuel. A sample (ASSAY_MUTANTS_SAMPLE, or 24), of the smallest keys, is changed in the source and
 * compiled: the fate must be the same. Then a generator that changes nothing is played, whose
 * switches do nothing: both checks must notice.
 *
 * Also here, since this is a program that is linked from mutated code: the active mutant from the
 * environment (mutant.c).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coverage/mutate/tests/judge.h"

#define SAMPLE_DEFAULT 24u
#define PART_CAUGHT    0.75 /* of those that are reached; 0.87 when this was written */

extern const struct assay_mutants assay_mutants;

static bool failed;

static void expect(bool condition, const char *what)
{
    printf("%s %s\n", condition ? "ok    " : "FAILED", what);
    failed |= !condition;
}

/* Whether enough of every step-th mutant are caught for a generator that does what it says. */
static bool catches(const struct judge *judge, uint32_t step, enum mutant_fate *ret_fates)
{
    uint32_t counts[MUTANT_BROKEN + 1] = {0}, judged = 0;
    for (uint32_t i = 0; i < judge->mutants->count; i += step, judged++)
        counts[ret_fates[i] = judge_mutant(judge, i)]++;
    uint32_t caught = counts[MUTANT_KILLED] + counts[MUTANT_ENDLESS];
    uint32_t reached = judged - counts[MUTANT_NOT_REACHED];
    printf("%" PRIu32 " mutants, %" PRIu32 " reached, %" PRIu32 " killed, %" PRIu32
           " endless, %" PRIu32 " survive\n",
           judged, reached, counts[MUTANT_KILLED], counts[MUTANT_ENDLESS], counts[MUTANT_SURVIVED]);
    return reached > 0 && caught >= PART_CAUGHT * reached && counts[MUTANT_BROKEN] == 0;
}

/* For who wants to improve the tests. */
static void tell_survivors(const struct assay_mutants *mutants, const enum mutant_fate *fates)
{
    for (uint32_t i = 0; i < mutants->count; i++)
        if (!is_caught(fates[i]))
            printf("       %s:%" PRIu32 ": %s: %s -> %s\n", mutants->at[i].file,
                   mutants->at[i].line, mutants->at[i].operator_name, mutants->at[i].original,
                   mutants->at[i].replacement);
}

static const struct mutant *sorted;

static int by_key(const void *a, const void *b)
{
    uint64_t left = sorted[*(const uint32_t *)a].key, right = sorted[*(const uint32_t *)b].key;
    return left < right ? -1 : left > right;
}

/* The indexes of all mutants, by key. */
static uint32_t *in_order_of_keys(const struct assay_mutants *mutants)
{
    uint32_t *indexes = calloc(mutants->count, sizeof *indexes);
    if (!indexes)
        abort();
    for (uint32_t i = 0; i < mutants->count; i++)
        indexes[i] = i;
    sorted = mutants->at;
    qsort(indexes, mutants->count, sizeof *indexes, by_key);
    return indexes;
}

static void tell_difference(const struct mutant *mutant, bool is_switched_caught)
{
    printf("       %s:%" PRIu32 ":%" PRIu32 ": %s: %s -> %s: %s as a switch only\n", mutant->file,
           mutant->line, mutant->column, mutant->operator_name, mutant->original,
           mutant->replacement, is_switched_caught ? "caught" : "survives");
}

/* How many of the sample differ when they are compiled. `fates` are those of the switches. */
static uint32_t differences(const struct judge *judge, const enum mutant_fate *fates,
                            uint32_t sample, const char *root, char *const *command, bool is_told)
{
    char folder[] = "/tmp/assay-judge-XXXXXX", path[64];
    uint32_t *indexes = in_order_of_keys(judge->mutants), count = 0;
    if (!mkdtemp(folder))
        abort();
    for (uint32_t i = 0; i < sample && i < judge->mutants->count; i++) {
        const struct mutant *mutant = &judge->mutants->at[indexes[i]];
        enum mutant_fate fate = recompile(mutant, root, folder, command);
        bool differs = fate == MUTANT_BROKEN || is_caught(fate) != is_caught(fates[indexes[i]]);
        count += differs;
        if (differs && is_told)
            tell_difference(mutant, is_caught(fates[indexes[i]]));
    }
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, i == 0 ? "changed.c" : "changed");
        (void)unlink(path);
    }
    (void)rmdir(folder);
    free(indexes);
    return count;
}

/* The exit status of this program, run again with a mutant in its environment. */
static int status_with(const char *key)
{
    fflush(NULL);
    pid_t child = fork();
    int status = -1;
    if (child == 0) {
        (void)setenv("ASSAY_MUTANT", key, 1);
        (void)freopen("/dev/null", "w", stdout);
        (void)freopen("/dev/null", "w", stderr);
        execl("/proc/self/exe", "judge_test", (char *)NULL);
        _exit(127);
    }
    (void)waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check_environment(const struct assay_mutants *mutants, const enum mutant_fate *fates)
{
    char key[24] = "";
    for (uint32_t i = 0; i < mutants->count && !*key; i++)
        if (fates[i] == MUTANT_KILLED)
            (void)snprintf(key, sizeof key, "%016" PRIx64, mutants->at[i].key);
    expect(status_with(key) == 255, "a mutant in the environment is active");
    expect(status_with("0000000000000001") == 64, "one that does not exist is refused");
    expect(status_with("x") == 64, "and so is what is no key");
}

int main(int argc, char **argv)
{
    struct judge judge = {
        .mutants = &assay_mutants, .tests = judged_tests, .test_count = judged_test_count};
    if (argc < 3)
        return judged_run_all();
    expect(assay_mutants.abi == 1 && assay_mutants.count > 100, "a table of mutants");
    expect(judge_begin(&judge), "the tests are green without a mutant");
    enum mutant_fate *fates = calloc(assay_mutants.count, 2 * sizeof *fates);
    if (!fates)
        abort();
    enum mutant_fate *again = fates + assay_mutants.count;
    expect(catches(&judge, 1, fates), "the tests catch most mutants");
    (void)catches(&judge, 1, again);
    expect(memcmp(fates, again, assay_mutants.count * sizeof *fates) == 0,
           "each has the same fate a second time");
    bool some_endless = false;
    for (uint32_t i = 0; i < assay_mutants.count; i++)
        some_endless |= fates[i] == MUTANT_ENDLESS;
    expect(some_endless, "some run out of fuel");
    check_environment(&assay_mutants, fates);
    const char *wanted = getenv("ASSAY_MUTANTS_SAMPLE");
    uint32_t sample = wanted ? (uint32_t)strtoul(wanted, NULL, 10) : SAMPLE_DEFAULT;
    uint32_t different = differences(&judge, fates, sample, argv[1], argv + 2, true);
    printf("%" PRIu32 " compiled, %" PRIu32 " differ\n", sample, different);
    expect(different == 0, "the same fate when they are compiled");
    if (getenv("ASSAY_MUTANTS_TOLD"))
        tell_survivors(&assay_mutants, fates);
    judge.is_disarmed = true;
    memset(again, 0, assay_mutants.count * sizeof *again);
    expect(!catches(&judge, 8, again), "noticed: switches that change nothing, by what is caught");
    expect(differences(&judge, again, 4, argv[1], argv + 2, false) > 0,
           "noticed: switches that change nothing, by compiling");
    free(fates);
    judge_done(&judge);
    return failed;
}
