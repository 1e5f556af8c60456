/* SPDX-License-Identifier: Apache-2.0
 *
 * assay COMMAND ...
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "faults/faults.h"
#include "harness/cli/cli.h"

#ifndef ASSAY_VERSION
#define ASSAY_VERSION "unknown"
#endif

const struct command commands[] = {
    {"list", "[cases|targets|defects|faults]", "Shows what there is.", 0, 1, command_list},
    {"check", "[TARGET]", "Judges a target by every case and technique.", 0, 1, command_check},
    {"prove", "",
     "Refuses known-bad changes and passes harmless ones: proves that the suite works.", 0, 0,
     command_prove},
    {"mutants", "[MODULE]",
     "Judges each mutant of a module by every case: shows what nobody would notice.", 0, 1,
     command_mutants},
    {"compare", "OLD NEW", "Judges an update: new findings, and who can still log in.", 2, 2,
     command_compare},
    {"replay", "TOKEN [TARGET]", "Repeats one finding exactly.", 1, 2, command_replay},
    {"keep", "TOKEN", "Keeps a token: from now on it is run first, on every target.", 1, 1,
     command_keep},
    {"sites", "[TARGET]", "Counts what can be made to fail, by case, step, operation and file.", 0,
     1, command_sites},
    {"doctor", "[TARGET]", "Says what is installed, armed and reached.", 0, 1, command_doctor},
    {"witness", "DEFECT", "Shows that a patch still has its defect (used by the build).", 1, 1,
     command_witness},
    {NULL, NULL, NULL, 0, 0, NULL},
};

static void print_usage(FILE *file)
{
    fprintf(file, "assay " ASSAY_VERSION ": refuses changes to authentication code that lock "
                  "people out or let the wrong ones in\n\n");
    for (const struct command *command = commands; command->name; command++)
        fprintf(file, "  assay %-8s %-31s %s\n", command->name, command->arguments, command->does);
    fprintf(file, "\nTARGET is reference, a variant of it, or so:PATH. `assay COMMAND --help` "
                  "shows the options.\n"
                  "exit: 0 green, 1 a case failed, 2 the suite is too weak, 3 cannot be judged, 64 "
                  "usage, 70 internal\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return EXIT_GREEN;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("assay " ASSAY_VERSION);
        return EXIT_GREEN;
    }
    for (const struct command *command = commands; command->name; command++) {
        struct options options;
        if (strcmp(argv[1], command->name) != 0)
            continue;
        signal(SIGPIPE, SIG_IGN);
        stop_when_asked();
        signal(SIGXFSZ, SIG_IGN); /* a limit on files is an error of write(), not a death */
        edge_install(&fault_catalogue);
        options_read(command, argc - 1, argv + 1, &options);
        enum exit_code exit_code = command->run(&options);
        if (exit_code == EXIT_INTERRUPTED && stop_asked())
            stop_here();
        if ((fflush(stdout) != 0 || ferror(stdout)) && exit_code == EXIT_GREEN) {
            perror("assay: cannot write to standard output");
            exit_code = EXIT_INTERNAL;
        }
        return (int)exit_code;
    }
    fprintf(stderr, "assay: there is no command \"%s\"\n\n", argv[1]);
    print_usage(stderr);
    return EXIT_USAGE;
}
