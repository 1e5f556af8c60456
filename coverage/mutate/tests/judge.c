/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutants judged twice: by their switch, in a child that is forked from this process, and by
 * changing the source and compiling it again. Both see the same tests. A child that takes more than
 * two seconds of processor time ends: fuel should have ended it before.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coverage/mutate/tests/judge.h"

#define FUEL_FACTOR      50u
#define FUEL_MORE        10000u
#define CPU_SECONDS_MAX  2u
#define EXIT_OUT_OF_FUEL 9
#define ARGUMENTS_MAX    256u

static void leave(void)
{
    _exit(EXIT_OUT_OF_FUEL);
}

/* What a child prints interests nobody. */
static void be_quiet(void)
{
    int nowhere = open("/dev/null", O_RDWR);
    for (int stream = 0; stream < 3 && nowhere >= 0; stream++)
        (void)dup2(nowhere, stream);
}

static void limit_cpu(void)
{
    const struct rlimit limit = {CPU_SECONDS_MAX, CPU_SECONDS_MAX}, none = {0, 0};
    (void)setrlimit(RLIMIT_CPU, &limit);
    (void)setrlimit(RLIMIT_CORE, &none);
}

static enum mutant_fate fate_of(pid_t child)
{
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return MUTANT_BROKEN;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return MUTANT_SURVIVED;
    bool is_endless =
        (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OUT_OF_FUEL) ||
        (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL));
    return is_endless ? MUTANT_ENDLESS : MUTANT_KILLED;
}

/* Runs one test and shows the parent, in memory that they share, what it reached. */
__attribute__((noreturn)) static void record(const struct judge *judge, struct judged_test *test,
                                             uint64_t *shared_turns)
{
    const struct assay_mutants *mutants = judge->mutants;
    be_quiet();
    *mutants->active = 0;
    *mutants->turns = 0;
    memset(mutants->reached, 0, mutants->count);
    *mutants->recording = true;
    test->run(&(void *){NULL});
    memcpy(test->reached, mutants->reached, mutants->count);
    *shared_turns = *mutants->turns;
    _exit(0);
}

static int by_turns(const void *a, const void *b)
{
    const struct judged_test *left = a, *right = b;
    return left->turns < right->turns ? -1 : left->turns > right->turns;
}

static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    return memory;
}

bool judge_begin(struct judge *judge)
{
    bool green = true;
    uint64_t *turns = share(sizeof *turns);
    for (uint32_t i = 0; i < judge->test_count; i++) {
        judge->tests[i].reached = share(judge->mutants->count);
        pid_t child = fork();
        if (child == 0)
            record(judge, &judge->tests[i], turns);
        green &= fate_of(child) == MUTANT_SURVIVED;
        judge->tests[i].turns = *turns;
    }
    (void)munmap(turns, sizeof *turns);
    qsort(judge->tests, judge->test_count, sizeof *judge->tests, by_turns);
    return green;
}

void judge_done(struct judge *judge)
{
    for (uint32_t i = 0; i < judge->test_count; i++)
        (void)munmap(judge->tests[i].reached, judge->mutants->count);
}

static bool is_reached(const struct judge *judge, uint32_t index)
{
    for (uint32_t i = 0; i < judge->test_count; i++)
        if (judge->tests[i].reached[index])
            return true;
    return false;
}

enum mutant_fate judge_mutant(const struct judge *judge, uint32_t index)
{
    const struct assay_mutants *mutants = judge->mutants;
    if (!is_reached(judge, index))
        return MUTANT_NOT_REACHED;
    pid_t child = fork();
    if (child != 0)
        return fate_of(child);
    be_quiet();
    limit_cpu();
    *mutants->active = judge->is_disarmed ? 0 : index + 1;
    *mutants->out_of_fuel = leave;
    for (uint32_t i = 0; i < judge->test_count; i++) {
        *mutants->turns = 0;
        *mutants->fuel = FUEL_FACTOR * judge->tests[i].turns + FUEL_MORE;
        if (judge->tests[i].reached[index])
            judge->tests[i].run(&(void *){NULL});
    }
    _exit(0);
}

/* --- By compiling again ------------------------------------------------------------------------
 */

/* Where the mutant stands in the text; null when it does not stand there. */
static const char *place_of(const struct mutant *mutant, const char *text)
{
    for (uint32_t line = 1; text && line < mutant->line; line++) {
        text = strchr(text, '\n');
        text += text != NULL;
    }
    if (!text || strlen(text) < mutant->column)
        return NULL;
    text += mutant->column - 1;
    return strncmp(text, mutant->original, strlen(mutant->original)) == 0 ? text : NULL;
}

static bool write_changed(const struct mutant *mutant, const char *root, const char *path)
{
    char name[4096], text[65536];
    (void)snprintf(name, sizeof name, "%s/%s", root, mutant->file);
    FILE *source = fopen(name, "r"), *changed = fopen(path, "w");
    size_t size = source ? fread(text, 1, sizeof text - 1, source) : 0;
    text[size] = '\0';
    const char *place = place_of(mutant, text);
    bool done = changed && place &&
                fprintf(changed, "%.*s%s%s", (int)(place - text), text, mutant->replacement,
                        place + strlen(mutant->original)) > 0;
    if (source)
        (void)fclose(source);
    return changed && fclose(changed) == 0 && done;
}

static enum mutant_fate run_command(char *const *command)
{
    pid_t child = fork();
    if (child != 0)
        return fate_of(child);
    be_quiet();
    limit_cpu();
    execvp(command[0], command);
    _exit(1);
}

enum mutant_fate recompile(const struct mutant *mutant, const char *root, const char *folder,
                           char *const *command)
{
    char source[4096], program[4096], quotes[4096];
    char *arguments[ARGUMENTS_MAX];
    size_t count = 0;
    (void)snprintf(source, sizeof source, "%s/changed.c", folder);
    (void)snprintf(program, sizeof program, "%s/changed", folder);
    (void)snprintf(quotes, sizeof quotes, "-iquote%s/%.*s", root,
                   (int)(strrchr(mutant->file, '/') - mutant->file), mutant->file);
    if (!write_changed(mutant, root, source))
        return MUTANT_BROKEN;
    arguments[count++] = command[0];
    arguments[count++] = quotes;
    arguments[count++] = source;
    arguments[count++] = (char[]){"-o"};
    arguments[count++] = program;
    for (size_t i = 1; command[i] && count + 1 < ARGUMENTS_MAX; i++)
        arguments[count++] = command[i];
    arguments[count] = NULL;
    if (run_command(arguments) != MUTANT_SURVIVED)
        return MUTANT_BROKEN;
    return run_command((char *[]){program, NULL});
}
