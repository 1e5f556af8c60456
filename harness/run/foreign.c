/* SPDX-License-Identifier: Apache-2.0
 *
 * The changes of somebody else's source, built to be judged.
 *
 *   PATCHES/defects/NAME.patch, PATCHES/harmless/NAME.patch
 *                    against the root of SOURCE, as for patch -p1; header lines before the diff are
 *                    optional (Title, Expected)
 *   SOURCE           a folder; it is copied, once for each patch and once as it is, and never
 *                    written to
 *   COMMAND          is run by sh in each copy and leaves a module at $ASSAY_MODULE
 *
 * What is built stays in the folder of the run: NAME/ the copy, NAME.so the module, so that tokens
 * can be replayed, NAME.log what the command printed, NAME.probes where its changed lines are
 * (targets/probes.sh; nothing when it was built without -g). A patch that does not apply word for
 * word, a command that fails, one that leaves no module: nothing can be judged then, and the
 * message says which it was and where to look. What is not modelled: a command that does not end;
 * it is ended with us.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/run/prove.h"

#define BASE_NAME "without-change" /* of the baseline; no patch may be called so */

struct building {
    const char *patches, *source, *command, *work;
    struct proof *proof;
};

/* Always false: nothing can be judged. */
static bool fail(struct proof *proof, enum exit_code exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool fail(struct proof *proof, enum exit_code exit_code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(proof->message, sizeof proof->message, format, arguments);
    va_end(arguments);
    proof->exit_code = exit_code;
    return false;
}

/* Runs a command line in a folder; $1 to $3 are the arguments, what it prints goes to a file.
 * Returns how it ended, as waitpid() says it. */
static int run_shell(const char *folder, const char *command, const char *module, const char *log,
                     const char *const arguments[3])
{
    int status = -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
        int nothing = open("/dev/null", O_RDONLY);
        if (out < 0 || nothing < 0 || chdir(folder) != 0 || dup2(nothing, STDIN_FILENO) < 0 ||
            dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0 ||
            setenv("ASSAY_MODULE", module, 1) != 0)
            _exit(127);
        execl("/bin/sh", "sh", "-c", command, "sh", arguments[0], arguments[1], arguments[2],
              (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        if (stop_asked())
            kill(pid, SIGTERM);
    return status;
}

/* A path below the folder of the run, as long as there is room; else the message says so. */
static bool place(const struct building *building, const char *name, const char *end,
                  char ret[static PATH_BYTES_MAX])
{
    int size = snprintf(ret, PATH_BYTES_MAX, "%s/%s%s", building->work, name, end);
    return (size > 0 && size < (int)PATH_BYTES_MAX) ||
           fail(building->proof, EXIT_USAGE, "the path of the folder %.100s is too long",
                building->work);
}

/* Copies the source, applies the patch if there is one, builds. */
static bool build_one(const struct building *building, const char *name, const char *patch_file,
                      char ret_module[static PATH_BYTES_MAX])
{
    char copy[PATH_BYTES_MAX], log[PATH_BYTES_MAX], probes[PATH_BYTES_MAX], script[4200];
    struct proof *proof = building->proof;
    if (!place(building, name, "", copy) || !place(building, name, ".log", log) ||
        !place(building, name, ".probes", probes) || !place(building, name, ".so", ret_module))
        return false;
    (void)unlink(log);
    (void)unlink(ret_module);
    const char *const from_to[3] = {building->source, copy, patch_file ? patch_file : ""};
    if (run_shell("/", "rm -rf \"$2\" && mkdir -p \"$2\" && cp -a \"$1\"/. \"$2\"", "", log,
                  from_to) != 0)
        return fail(proof, EXIT_UNJUDGED, "cannot copy %.200s: see %.200s", building->source, log);
    if (patch_file &&
        run_shell(copy, "patch -s -p1 -F0 --no-backup-if-mismatch <\"$3\"", "", log, from_to) != 0)
        return fail(proof, EXIT_UNJUDGED, "%.200s does not apply to %.100s: see %.150s", patch_file,
                    building->source, log);
    int status = run_shell(copy, building->command, ret_module, log, from_to);
    if (status != 0)
        return fail(proof, stop_asked() ? EXIT_INTERRUPTED : EXIT_UNJUDGED,
                    "the build of %s %s %d: see %.300s", name,
                    WIFSIGNALED(status) ? "was killed by signal" : "ended with",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), log);
    if (access(ret_module, R_OK) != 0)
        return fail(proof, EXIT_UNJUDGED,
                    "the build of %s left no module where $ASSAY_MODULE says (%.200s): see %.150s",
                    name, ret_module, log);
    if (patch_file) {
        module_folder(script);
        strcat(script, "/probes.sh");
        const char *const wanted[3] = {patch_file, ret_module, script};
        (void)unlink(probes);
        (void)run_shell(copy, "sh \"$3\" \"$1\" \"$2\" .", "", probes, wanted);
    }
    return true;
}

/* Each needs a place of its own. */
static bool names_are_apart(struct proof *proof)
{
    for (uint32_t i = 0; i < proof->exhibit_count; i++) {
        bool again = strcmp(proof->exhibits[i].name, BASE_NAME) == 0;
        for (uint32_t j = 0; j < i; j++)
            again |= strcmp(proof->exhibits[i].name, proof->exhibits[j].name) == 0;
        if (again)
            return fail(proof, EXIT_UNJUDGED, "two changes are called %s", proof->exhibits[i].name);
    }
    return !proof->overflow ||
           fail(proof, EXIT_UNJUDGED, "there are more than %u patches", EXHIBITS_MAX);
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool foreign_build(const char *patches, const char *source, const char *command, const char *work,
                   void (*told)(void *context, const char *name), void *context, struct proof *ret)
{
    char absolute[3][4096], path[PATH_BYTES_MAX], *patch_file = NULL;
    if (!proof_init(ret) || !is_folder(patches) || !realpath(patches, absolute[0]))
        return fail(ret, EXIT_USAGE, "--patches wants a folder, which %.300s is not", patches);
    if (!is_folder(source) || !realpath(source, absolute[1]))
        return fail(ret, EXIT_USAGE, "--source wants a folder, which %.300s is not", source);
    if ((mkdir(work, 0777) != 0 && errno != EEXIST) || !realpath(work, absolute[2]))
        return fail(ret, EXIT_INTERNAL, "cannot make the folder %.300s: %s", work, strerror(errno));
    const struct building building = {absolute[0], absolute[1], command, absolute[2], ret};
    exhibits_list(absolute[0], EXHIBIT_DEFECT, ret);
    exhibits_list(absolute[0], EXHIBIT_HARMLESS, ret);
    if (ret->exhibit_count == 0)
        return fail(ret, EXIT_UNJUDGED, "there is no patch in %.200s/defects or %.200s/harmless",
                    patches, patches);
    if (!names_are_apart(ret))
        return false;
    told(context, BASE_NAME);
    if (!build_one(&building, BASE_NAME, NULL, path))
        return false;
    snprintf(ret->baseline, sizeof ret->baseline, "so:%.*s", (int)sizeof ret->baseline - 4, path);
    for (uint32_t i = 0; i < ret->exhibit_count; i++) {
        struct exhibit *exhibit = &ret->exhibits[i];
        told(context, exhibit->name);
        if (asprintf(&patch_file, "%s/%s/%s.patch", absolute[0],
                     exhibit->kind == EXHIBIT_DEFECT ? "defects" : "harmless", exhibit->name) < 0)
            return fail(ret, EXIT_INTERNAL, "no memory");
        bool built = build_one(&building, exhibit->name, patch_file, path);
        free(patch_file);
        if (!built)
            return false;
        snprintf(exhibit->target, sizeof exhibit->target, "so:%.*s",
                 (int)sizeof exhibit->target - 4, path);
    }
    return true;
}
