/* SPDX-License-Identifier: Apache-2.0
 *
 * Options, through argp. A value that cannot be understood is a usage error that says what would
 * be.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"

enum { KEY_JSON = 256, KEY_ONLY, KEY_WITHOUT, KEY_CASE, KEY_FIRST, KEY_FULL, KEY_OUT, KEY_HANG };

static const struct argp_option table[] = {
    {"seed", 's', "N", 0, "seed of all random choices (1)", 0},
    {"runs", 'n', "N", 0, "random runs for one case (400)", 0},
    {"only", KEY_ONLY, "TECHNIQUE,...", 0, "only these techniques: vectors, fault, property", 0},
    {"without", KEY_WITHOUT, "TECHNIQUE,...", 0, "all but these techniques", 0},
    {"case", KEY_CASE, "GLOB", 0, "only cases whose name matches, such as 'outage.*'", 0},
    {"first", KEY_FIRST, 0, 0, "stop at the first finding", 0},
    {"full", KEY_FULL, 0, 0, "prove: every technique, not only the first that catches", 0},
    {"json", KEY_JSON, "FILE", 0, "write the result as one JSON document", 0},
    {"out", KEY_OUT, "DIR", 0, "folder for the events of each run (out)", 0},
    {"hang-seconds", KEY_HANG, "N", 0, "patience with a target that makes no progress (10)", 0},
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
            argp_error(state,
                       "there is no technique \"%.*s\"; there are vectors, fault and property",
                       (int)size, text);
        bits |= 1u << technique;
        text += size + (text[size] == ',');
    }
    if (bits == 0)
        argp_error(state, "no technique is named; there are vectors, fault and property");
    return bits;
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
    case KEY_FULL:
        options->full = true;
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
                            .out = "out"};
    snprintf(name, sizeof name, "assay %s", command->name);
    argv[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &reading);
}
