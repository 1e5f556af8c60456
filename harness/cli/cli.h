/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line: one function a command, one table of options for all of them.
 */
#ifndef ASSAY_CLI_H
#define ASSAY_CLI_H

#include "harness/report/report.h"

#define ARGUMENTS_MAX 2

struct options {
    struct settings settings;
    const char *json;                     /* --json FILE */
    const char *out;                      /* --out DIR */
    const char *resume;                   /* --resume[=DIR]: "" for the last run, or null */
    const char *regressions;              /* --regressions DIR, an existing one, or null */
    const char *note;                     /* --note TEXT, or null */
    const char *mutant;                   /* --mutant KEY, or null */
    const char *patches, *source, *build; /* prove: the changes of a foreign source, or null */
    const char *gate;                     /* --gate FILE, or null */
    const char *mutants;                  /* --mutants FILE, or null */
    bool full, verbose, known;
    int argument_count;
    const char *arguments[ARGUMENTS_MAX];
};

struct command {
    const char *name;
    const char *arguments; /* as shown in the usage */
    const char *does;
    int arguments_min, arguments_max;
    enum exit_code (*run)(const struct options *);
};
extern const struct command commands[]; /* ends with a null name */

/* Fills in the options, or ends the process with 64 (usage) or 0 (--help). */
void options_read(const struct command *, int argc, char **argv, struct options *ret);

enum exit_code command_list(const struct options *);
enum exit_code command_check(const struct options *);
enum exit_code command_prove(const struct options *);
enum exit_code command_mutants(const struct options *);
enum exit_code command_compare(const struct options *);
enum exit_code command_replay(const struct options *);
enum exit_code command_keep(const struct options *);
enum exit_code command_witness(const struct options *);
enum exit_code command_sites(const struct options *);
enum exit_code command_doctor(const struct options *);

#endif
