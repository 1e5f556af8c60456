/* SPDX-License-Identifier: Apache-2.0
 *
 * Options, through argp. A value that cannot be understood is a usage error that says what would
 * be.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "faults/faults.h"
#include "harness/cli/cli.h"

enum {
    KEY_JSON = 256,
    KEY_ONLY,
    KEY_WITHOUT,
    KEY_CASE,
    KEY_FIRST,
    KEY_FULL,
    KEY_NO_KNOWN,
    KEY_OUT,
    KEY_REGRESSIONS,
    KEY_NOTE,
    KEY_HANG,
    KEY_SHARD,
    KEY_SINCE,
    KEY_SAMPLE,
    KEY_BUDGET,
    KEY_SUPPRESSIONS,
    KEY_MUTANT,
    KEY_RESUME,
    KEY_WITHOUT_INJECTOR,
    KEY_WITHOUT_CHECKS,
    KEY_CELL_MS,
    KEY_PATCHES,
    KEY_SOURCE,
    KEY_BUILD,
    KEY_GATE,
    KEY_MUTANTS
};

#define TECHNIQUE_LIST "regressions, vectors, exhaustive, fault, powercut, schedule, property"

#define INJECTOR_LIST "disk, alloc, memory, calls, entropy, clock"

static const struct argp_option table[] = {
    {"seed", 's', "N", 0, "seed of all random choices (1)", 0},
    {"runs", 'n', "N", 0, "random runs for one case (400)", 0},
    {"only", KEY_ONLY, "TECHNIQUE,...", 0, "only these techniques: " TECHNIQUE_LIST, 0},
    {"without", KEY_WITHOUT, "TECHNIQUE,...", 0, "all but these techniques", 0},
    {"case", KEY_CASE, "GLOB", 0, "only cases whose name matches, such as 'outage.*'", 0},
    {"first", KEY_FIRST, 0, 0, "stop at the first finding", 0},
    {"full", KEY_FULL, 0, 0,
     "check: all pairs of faults, and triples; prove: every technique, not only the first that "
     "catches",
     0},
    {"no-known-findings", KEY_NO_KNOWN, 0, 0,
     "check: refuse also for what stands in the target's known-findings.ini", 0},
    {"regressions", KEY_REGRESSIONS, "DIR", 0,
     "folder of kept tokens (check, compare: beside the modules; keep: cases/regressions)", 0},
    {"note", KEY_NOTE, "TEXT", 0, "keep: the comment above the token", 0},
    {"json", KEY_JSON, "FILE", 0, "write the result as one JSON document", 0},
    {"out", KEY_OUT, "DIR", 0, "folder for the events of each run (out)", 0},
    {"hang-seconds", KEY_HANG, "N", 0, "patience with a target that makes no progress (10)", 0},
    {"jobs", 'j', "N", 0, "cells at once (as many as there are processors)", 0},
    {"since", KEY_SINCE, "REVISION", 0,
     "mutants: only those on lines that git says have changed since", 0},
    {"sample", KEY_SAMPLE, "N", 0, "mutants: only N, always the same ones", 0},
    {"budget-ms", KEY_BUDGET, "N", 0, "mutants: work with one that survives (2000)", 0},
    {"suppressions", KEY_SUPPRESSIONS, "FILE", 0,
     "mutants: those that need not be killed (the file beside the modules)", 0},
    {"mutant", KEY_MUTANT, "KEY", 0, "check: with this mutant of the target switched on", 0},
    {"shard", KEY_SHARD, "K/N", 0, "check, mutants: only the Kth of N parts; prove: of the changes",
     0},
    {"resume", KEY_RESUME, "DIR", OPTION_ARG_OPTIONAL,
     "check, mutants, prove: go on with a run that was killed, by the same command (the last one)",
     0},
    {"patches", KEY_PATCHES, "DIR", 0,
     "prove: the changes in DIR/defects and DIR/harmless, made to another source than the "
     "reference",
     0},
    {"source", KEY_SOURCE, "DIR", 0, "prove: that source", 0},
    {"build", KEY_BUILD, "COMMAND", 0,
     "prove: what builds it: run by sh in a copy of it, writes the module to $ASSAY_MODULE", 0},
    {"gate", KEY_GATE, "FILE", 0, "prove: thresholds (those of coverage/gate.ini)", 0},
    {"mutants", KEY_MUTANTS, "FILE", 0, "prove: a document on mutants, for the gate", 0},
    {"without-injector", KEY_WITHOUT_INJECTOR, "INJECTOR,...", 0,
     "prove: nothing fails there: " INJECTOR_LIST, 0},
    {"without-checks", KEY_WITHOUT_CHECKS, 0, 0,
     "prove: a check that does not hold says nothing; only crashes and hangs are seen", 0},
    {"cell-ms", KEY_CELL_MS, "N", 0,
     "prove: processor time of one case by one technique on a defect, in milliseconds (no limit)",
     0},
    {"verbose", 'v', 0, 0, "show every case", 0},
    {0},
};

struct reading {
    const struct command *command;
    struct options *options;
};

static uint64_t number(struct argp_state *state, const char *text, const char *option, uint64_t min,
                       uint64_t max)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || value < min || value > max)
        argp_error(state, "--%s wants a number from %llu to %llu, not \"%s\"", option,
                   (unsigned long long)min, (unsigned long long)max, text);
    return value;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static uint32_t techniques(struct argp_state *state, const char *text)
{
    uint32_t bits = 0;
    while (*text) {
        size_t size = strcspn(text, ",");
        uint32_t technique = 0;
        while (technique < TECHNIQUES && !(strlen(technique_name(technique)) == size &&
                                           strncmp(text, technique_name(technique), size) == 0))
            technique++;
        if (technique == TECHNIQUES)
            argp_error(state, "there is no technique \"%.*s\"; there are " TECHNIQUE_LIST,
                       (int)size, text);
        bits |= 1u << technique;
        text += size + (text[size] == ',');
    }
    if (bits == 0)
        argp_error(state, "no technique is named; there are " TECHNIQUE_LIST);
    return bits;
}

/* What can be switched off, by the beginnings of its operations' names. */
static const struct {
    const char *name, *operations[3];
} injectors[] = {
    {"disk", {"disk."}},
    {"alloc", {"memory.sqlite", "memory.allocate"}},
    {"memory", {"memory.map", "memory.kdf", "memory.lock"}},
    {"calls", {"call."}},
    {"entropy", {"entropy."}},
    {"clock", {"clock."}},
};
#define INJECTORS (sizeof injectors / sizeof *injectors)

/* The operations (bits) of an injector. */
static uint64_t operations_of(size_t injector)
{
    uint64_t bits = 0;
    for (uint16_t o = 0; o < fault_catalogue.operation_count; o++)
        for (size_t i = 0; i < 3 && injectors[injector].operations[i]; i++)
            if (strncmp(fault_catalogue.operations[o].name, injectors[injector].operations[i],
                        strlen(injectors[injector].operations[i])) == 0)
                bits |= 1ull << o;
    return bits;
}

static uint64_t muted(struct argp_state *state, const char *text)
{
    uint64_t bits = 0;
    while (*text) {
        size_t size = strcspn(text, ","), i = 0;
        while (i < INJECTORS &&
               !(strlen(injectors[i].name) == size && strncmp(text, injectors[i].name, size) == 0))
            i++;
        if (i == INJECTORS)
            argp_error(state, "there is no injector \"%.*s\"; there are " INJECTOR_LIST, (int)size,
                       text);
        bits |= operations_of(i);
        text += size + (text[size] == ',');
    }
    if (bits == 0)
        argp_error(state, "no injector is named; there are " INJECTOR_LIST);
    return bits;
}

/* "K/N", with 1 <= K <= N. */
static void take_shard(struct argp_state *state, char *text, struct settings *ret)
{
    char *slash = strchr(text, '/');
    if (!slash)
        argp_error(state, "--shard wants K/N, such as 1/4, not \"%s\"", text);
    *slash = 0;
    ret->shards = (uint32_t)number(state, slash + 1, "shard", 1, SHARDS_MAX);
    ret->shard = (uint32_t)number(state, text, "shard", 1, ret->shards) - 1;
    *slash = '/';
}

/* Options that mean nothing to this command, and would be taken for something. */
static void refuse_misplaced(struct argp_state *state, const struct reading *reading)
{
    const struct options *options = reading->options;
    const struct settings *settings = &options->settings;
    bool prove = strcmp(reading->command->name, "prove") == 0;
    bool check = strcmp(reading->command->name, "check") == 0;
    bool mutants = strcmp(reading->command->name, "mutants") == 0;
    if (!check && !mutants && !prove && (settings->shards || options->resume))
        argp_error(state, "--shard and --resume are options of check, mutants and prove");
    if (!mutants &&
        (settings->since || settings->sample || settings->budget_ms || settings->suppressions))
        argp_error(state,
                   "--since, --sample, --budget-ms and --suppressions are options of mutants");
    if (!check && options->mutant)
        argp_error(state, "--mutant is an option of check; a token has the mutant in it");
    if (!prove && (settings->orders.muted || settings->orders.deaf || settings->orders.cpu_us_max ||
                   options->patches || options->source || options->build || options->gate ||
                   options->mutants))
        argp_error(state, "this is an option of prove");
    if ((options->patches || options->source || options->build) &&
        !(options->patches && options->source && options->build))
        argp_error(state, "--patches, --source and --build belong together");
    if (options->patches && options->resume)
        argp_error(state, "a proof of another source cannot be gone on with: it is built anew");
}

static error_t take(int key, char *value, struct argp_state *state)
{
    struct reading *reading = state->input;
    struct options *options = reading->options;
    struct settings *settings = &options->settings;
    switch (key) {
    case 's':
        settings->seed = number(state, value, "seed", 0, INT64_MAX);
        return 0;
    case 'n':
        settings->runs = (uint32_t)number(state, value, "runs", 1, 100000000);
        return 0;
    case 'v':
        options->verbose = true;
        return 0;
    case KEY_ONLY:
        settings->techniques &= techniques(state, value);
        return 0;
    case KEY_WITHOUT:
        settings->techniques &= ~techniques(state, value);
        return 0;
    case KEY_CASE:
        settings->case_glob = value;
        return 0;
    case KEY_FIRST:
        settings->first = true;
        return 0;
    case 'j':
        settings->jobs = (uint32_t)number(state, value, "jobs", 1, JOBS_MAX);
        return 0;
    case KEY_SINCE:
        settings->since = value;
        return 0;
    case KEY_SAMPLE:
        settings->sample = (uint32_t)number(state, value, "sample", 1, MUTANTS_MAX);
        return 0;
    case KEY_BUDGET:
        settings->budget_ms = (uint32_t)number(state, value, "budget-ms", 1, 100000000);
        return 0;
    case KEY_SUPPRESSIONS:
        settings->suppressions = value;
        return 0;
    case KEY_MUTANT:
        if (strlen(value) != 16 || strspn(value, "0123456789abcdef") != 16)
            argp_error(state, "--mutant wants a key of sixteen hexadecimal digits, not \"%s\"",
                       value);
        options->mutant = value;
        return 0;
    case KEY_SHARD:
        take_shard(state, value, settings);
        return 0;
    case KEY_RESUME:
        options->resume = value ? value : "";
        return 0;
    case KEY_WITHOUT_INJECTOR:
        settings->orders.muted |= muted(state, value);
        return 0;
    case KEY_WITHOUT_CHECKS:
        settings->orders.deaf = true;
        return 0;
    case KEY_CELL_MS:
        settings->orders.cpu_us_max = 1000 * number(state, value, "cell-ms", 1, 3600000);
        return 0;
    case KEY_PATCHES:
        options->patches = value;
        return 0;
    case KEY_SOURCE:
        options->source = value;
        return 0;
    case KEY_BUILD:
        options->build = value;
        return 0;
    case KEY_GATE:
        options->gate = value;
        return 0;
    case KEY_MUTANTS:
        options->mutants = value;
        return 0;
    case KEY_FULL:
        options->full = settings->full = true;
        return 0;
    case KEY_NO_KNOWN:
        options->known = false;
        return 0;
    case KEY_REGRESSIONS:
        if (!is_folder(value))
            argp_error(state, "--regressions wants a folder, which %s is not", value);
        options->regressions = value;
        return 0;
    case KEY_NOTE:
        options->note = value;
        return 0;
    case KEY_JSON:
        options->json = value;
        return 0;
    case KEY_OUT:
        options->out = value;
        return 0;
    case KEY_HANG:
        settings->hang_seconds = (uint32_t)number(state, value, "hang-seconds", 1, 3600);
        return 0;
    case ARGP_KEY_ARG:
        if (options->argument_count >= reading->command->arguments_max)
            argp_error(state, "\"%s\" is one argument too many", value);
        options->arguments[options->argument_count++] = value;
        return 0;
    case ARGP_KEY_END:
        if (options->argument_count < reading->command->arguments_min)
            argp_error(state, "%s wants %s", reading->command->name, reading->command->arguments);
        refuse_misplaced(state, reading);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void options_read(const struct command *command, int argc, char **argv, struct options *ret)
{
    char name[64];
    struct reading reading = {command, ret};
    const struct argp argp = {table, take, command->arguments, command->does, NULL, NULL, NULL};
    *ret = (struct options){.settings = {.seed = 1,
                                         .runs = 400,
                                         .techniques = (1u << TECHNIQUES) - 1,
                                         .hang_seconds = HANG_SECONDS},
                            .out = "out",
                            .known = true};
    snprintf(name, sizeof name, "assay %s", command->name);
    argv[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &reading);
}
