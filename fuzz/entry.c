/* SPDX-License-Identifier: Apache-2.0
 *
 * The one libFuzzer entry: any case, any target, from bytes.
 *
 * The bytes are choices of fixed width, so the fuzzer searches the same space as every other
 * technique, and what it finds is a token that any build replays. ASSAY_FUZZ_CASE names the case,
 * ASSAY_FUZZ_TARGET the target, ASSAY_FUZZ_FAULTS=1 lets the bytes arm faults. A failed check
 * prints its story and aborts, so that libFuzzer keeps the input, as it does for a crash inside the
 * target.
 *
 * ASSAY_FUZZ_TOKEN=INPUT makes a token of such an input instead: it is run in a child, which may
 * die, and what it had drawn is in memory that the parent shares.
 *
 * ASSAY_FUZZ_BYTES_OF=TOKEN does the inverse: it writes to standard output the input that draws
 * what the token says, a seed for the corpus.
 *
 * The target is instrumented, the engine is not: what counts as new is the target's behaviour. Runs
 * are in process, and the world is put back before each, as in a worker.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases/cases.h"
#include "faults/faults.h"
#include "harness/run/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct {
    const struct test_case *test_case;
    const char *target_name;
    bool arm_faults;
    struct module module;
    struct subject subject;
    struct choices *drawn; /* shared with a parent that makes a token */
    struct outcome outcome;
    uint64_t runs, checks;
} state;

/* The abstract states of a machine and its commands count as coverage: a target that is not
 * instrumented, or whose state is in a database, is explored all the same. libFuzzer clears them.
 */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t states[STATES_MAX];

static const char *setting(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static __attribute__((noreturn)) void stop(const char *what, const char *why)
{
    fprintf(stderr, "fuzz: %s%s\n", what, why);
    exit(EXIT_USAGE);
}

static void say_health(void)
{
    fprintf(stderr, "fuzz: %s on %s: %llu runs, %llu checks\n", state.test_case->name,
            state.target_name, (unsigned long long)state.runs, (unsigned long long)state.checks);
}

static void world_begin(void *context, uint64_t entropy_seed)
{
    (void)context;
    faults_reset(entropy_seed);
}

static void world_end(void *context)
{
    (void)context;
}

static enum verdict run_once(struct source *source, bool telling)
{
    struct run run = {.source = source,
                      .choices = state.drawn,
                      .outcome = &state.outcome,
                      .states = states,
                      .telling = telling};
    const struct world world = {.begin = world_begin, .end = world_end};
    return case_run(&run, state.test_case, &state.subject, &world);
}

/* Runs it again for its story. */
static __attribute__((noreturn)) void tell_and_abort(void)
{
    static struct choices failing;
    struct source_replay source;
    memcpy(&failing, state.drawn, sizeof failing);
    source_replay_start(&source, failing.at, failing.count, false);
    run_once(&source.source, true);
    fprintf(stderr, "%sgot: %s\n", state.outcome.story, state.outcome.message);
    if (state.outcome.site_text[0])
        fprintf(stderr, "injected: %s\n", state.outcome.site_text);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source_bytes source;
    source_bytes_start(&source, data, size, state.arm_faults);
    enum verdict verdict = run_once(&source.source, false);
    state.runs++;
    state.checks += state.outcome.checks;
    if (verdict == VERDICT_FAIL)
        tell_and_abort();
    return verdict == VERDICT_REJECTED ? -1 : 0;
}

/* Runs an input in a child and writes its token; ends the process. */
static __attribute__((noreturn)) void print_token(const char *path)
{
    static uint8_t data[1 << 20];
    FILE *file = fopen(path, "rb");
    if (!file)
        stop("cannot read ", path);
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        LLVMFuzzerTestOneInput(data, size);
        _exit(0);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
    char *token = token_write(state.target_name, state.test_case->name, state.drawn);
    puts(token ? token : "");
    exit(token ? EXIT_GREEN : EXIT_INTERNAL);
}

/* Runs a token and writes the bytes of what was drawn; ends the process. */
static __attribute__((noreturn)) void print_bytes(const char *text)
{
    static struct token token;
    static uint8_t bytes[CHOICES_MAX * BYTES_OF_CHOICE_MAX];
    char why[TOKEN_WHY_BYTES];
    struct source_replay source;
    const char *wrong = token_read(text, &token);
    if (wrong)
        stop("this is not a token: ", wrong);
    if (strcmp(token.name, state.test_case->name) != 0)
        stop("the token is for the case ", token.name);
    source_replay_start(&source, token.values, token.count, true);
    enum verdict verdict = run_once(&source.source, false);
    if (!token_fits(&token, state.drawn, verdict != VERDICT_PASS, why))
        stop("the token is stale: ", why);
    size_t size = bytes_of_choices(state.drawn, state.arm_faults, bytes);
    bool written = fwrite(bytes, 1, size, stdout) == size && fflush(stdout) == 0;
    exit(written ? EXIT_GREEN : EXIT_INTERNAL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char message[MODULE_MESSAGE_BYTES];
    uint32_t index;
    (void)argc;
    (void)argv;
    state.target_name = setting("ASSAY_FUZZ_TARGET", "reference");
    state.test_case = case_find(setting("ASSAY_FUZZ_CASE", "accounts.machine"), &index);
    state.arm_faults = *setting("ASSAY_FUZZ_FAULTS", "0") == '1';
    if (!state.test_case)
        stop("there is no case ", setting("ASSAY_FUZZ_CASE", ""));
    const char *wrong = faults_install();
    if (wrong)
        stop("cannot install the interceptors: ", wrong);
    if (!module_load(state.target_name, &state.module, message))
        stop("", message);
    /* The module holds the coverage counters too; they must survive the putting back. */
    state.module.segment_count = 0;
    state.subject = (struct subject){&state.module.table, &state.module.table};
    state.drawn =
        mmap(NULL, sizeof *state.drawn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (state.drawn == MAP_FAILED)
        stop("there is no memory for choices", "");
    if (*setting("ASSAY_FUZZ_TOKEN", ""))
        print_token(setting("ASSAY_FUZZ_TOKEN", ""));
    if (*setting("ASSAY_FUZZ_BYTES_OF", ""))
        print_bytes(setting("ASSAY_FUZZ_BYTES_OF", ""));
    atexit(say_health);
    return 0;
}
