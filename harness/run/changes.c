/* SPDX-License-Identifier: Apache-2.0
 *
 * Which lines have changed since a revision: what `git diff -U0` says, which has one hunk for each
 * run of changed lines and no lines around it. Git is called without a shell and without the
 * configuration's helpers, in the folder that this program was called in.
 *
 * Not modelled: files that git does not know yet, lines that were only removed (there is nothing
 * left to be mutated), and names of files that git would have to quote.
 */
#include "harness/run/changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Always false. */
static bool refuse(char *message, const char *what, const char *which)
{
    snprintf(message, MODULE_MESSAGE_BYTES, "%s%s", what, which);
    return false;
}

/* "+++ b/PATH": the file of the hunks that follow; empty for one that is gone. */
static void take_file(const char *line, char ret[static MUTANT_FILE_BYTES])
{
    const char *name = line + strlen("+++ b/");
    *ret = 0;
    if (strncmp(line, "+++ b/", strlen("+++ b/")) == 0 && strcspn(name, "\t\n") < MUTANT_FILE_BYTES)
        snprintf(ret, MUTANT_FILE_BYTES, "%.*s", (int)strcspn(name, "\t\n"), name);
}

/* "@@ -A,B +C,D @@": D lines from C on are new; D may be missing, and is 1 then. */
static bool take_hunk(const char *line, const char *file, struct changed_lines *ret)
{
    unsigned first = 0, count = 1;
    const char *plus = strstr(line, " +");
    if (!plus || sscanf(plus, " +%u,%u", &first, &count) < 1 || count > INT32_MAX)
        return false;
    if (count == 0 || !*file)
        return true;
    if (ret->count == CHANGED_HUNKS_MAX)
        return false;
    struct changed_hunk *hunk = &ret->at[ret->count++];
    hunk->first = first;
    hunk->end = first + count;
    snprintf(hunk->file, sizeof hunk->file, "%s", file);
    return true;
}

/* Lines of a hunk begin with + or -, and may say anything behind it: they are counted over. */
bool changes_read(FILE *diff, struct changed_lines *ret,
                  char ret_message[static MODULE_MESSAGE_BYTES])
{
    char file[MUTANT_FILE_BYTES] = "", *line = NULL;
    size_t room = 0;
    bool sound = true;
    ret->count = 0;
    ret->at = calloc(CHANGED_HUNKS_MAX, sizeof *ret->at);
    if (!ret->at)
        return refuse(ret_message, "there is no memory for the changes", "");
    for (unsigned removed = 0, added = 0; sound && getline(&line, &room, diff) > 0;) {
        if (removed > 0 && *line == '-') {
            removed--;
        } else if (added > 0 && *line == '+') {
            added--;
        } else if (strncmp(line, "+++ ", 4) == 0) {
            take_file(line, file);
        } else if (strncmp(line, "@@ -", 4) == 0) {
            const char *plus = strstr(line, " +");
            removed = added = 1;
            (void)sscanf(line, "@@ -%*u,%u", &removed);
            if (plus)
                (void)sscanf(plus, " +%*u,%u", &added);
            sound = take_hunk(line, file, ret);
        }
    }
    free(line);
    if (!sound)
        changes_done(ret);
    return sound || refuse(ret_message, "the changes are too many, or not what git writes", "");
}

static __attribute__((noreturn)) void become_git(const char *revision, int output)
{
    dup2(output, STDOUT_FILENO);
    execlp("git", "git", "diff", "-U0", "--no-color", "--no-ext-diff", "--no-textconv",
           "--no-renames", "--src-prefix=a/", "--dst-prefix=b/", revision, "--", (char *)NULL);
    _exit(127);
}

bool changes_since(const char *revision, struct changed_lines *ret,
                   char ret_message[static MODULE_MESSAGE_BYTES])
{
    int ends[2], status = 0;
    *ret = (struct changed_lines){0, NULL};
    if (*revision == '-' || !*revision)
        return refuse(ret_message, "this is no revision: ", revision);
    if (pipe(ends) != 0)
        return refuse(ret_message, "cannot ask git: ", strerror(errno));
    pid_t pid = fork();
    if (pid == 0)
        become_git(revision, ends[1]);
    close(ends[1]);
    FILE *diff = fdopen(ends[0], "r");
    bool sound = diff && pid > 0 && changes_read(diff, ret, ret_message);
    if (diff)
        fclose(diff);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (sound && status == 0)
        return true;
    changes_done(ret);
    return sound ? refuse(ret_message, "git does not say what changed since ", revision) : false;
}

bool changes_have(const struct changed_lines *changes, const char *file, uint32_t line)
{
    for (uint32_t i = 0; i < changes->count; i++)
        if (line >= changes->at[i].first && line < changes->at[i].end &&
            strcmp(changes->at[i].file, file) == 0)
            return true;
    return false;
}

void changes_done(struct changed_lines *changes)
{
    free(changes->at);
    *changes = (struct changed_lines){0, NULL};
}
