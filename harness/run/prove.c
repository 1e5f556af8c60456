/* SPDX-License-Identifier: Apache-2.0
 *
 * The museum. First the baseline: the reference must be green, or nothing can be said. Then each
 * known-bad change must be refused by an oracle, and each harmless one must pass both the check and
 * the comparison with the reference. A known-bad change is judged as an update: the reference has
 * written the rows that the theme `compat` serves. The patches lie beside the modules that were
 * built from them, so what is listed is what was built.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "harness/run/prove.h"

static const char *folder_of(enum exhibit_kind kind)
{
    return kind == EXHIBIT_DEFECT ? "defects" : "harmless";
}

char *patch_read(const char *name, enum exhibit_kind kind)
{
    char folder[4096], *path = NULL, *text = NULL;
    size_t size = 0;
    module_folder(folder);
    if (asprintf(&path, "%s/%s/%s.patch", folder, folder_of(kind), name) < 0)
        return NULL;
    FILE *file = fopen(path, "r");
    free(path);
    if (!file)
        return NULL;
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

/* The header ends with the first line of the diff. A line that begins with a space goes on with the
 * one before. */
char *patch_header(const char *patch, const char *key)
{
    size_t key_size = strlen(key), used = 0;
    char *value = NULL;
    for (const char *line = patch; *line && strncmp(line, "--- ", 4) != 0;
         line += strcspn(line, "\n"), line += *line == '\n') {
        size_t size = strcspn(line, "\n");
        bool begins = !value && strncmp(line, key, key_size) == 0 && line[key_size] == ':';
        bool goes_on = value && line[0] == ' ';
        if (value && !goes_on)
            break;
        if (!begins && !goes_on)
            continue;
        const char *from = begins ? line + key_size + 1 : line;
        size_t count = (size_t)(line + size - from);
        char *longer = realloc(value, used + count + 1);
        if (!longer)
            break;
        value = longer;
        memcpy(value + used, from, count);
        used += count;
        value[used] = 0;
    }
    if (value)
        memmove(value, value + strspn(value, " "), strlen(value + strspn(value, " ")) + 1);
    return value;
}

static int is_patch(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return size > 6 && size < NAME_BYTES_MAX && strcmp(entry->d_name + size - 6, ".patch") == 0;
}

static void list_folder(enum exhibit_kind kind, struct proof *ret)
{
    char folder[4096], path[4200];
    struct dirent **entries = NULL;
    module_folder(folder);
    snprintf(path, sizeof path, "%s/%s", folder, folder_of(kind));
    int count = scandir(path, &entries, is_patch, alphasort);
    for (int i = 0; i < count; i++) {
        if (ret->exhibit_count < EXHIBITS_MAX) {
            struct exhibit *exhibit = &ret->exhibits[ret->exhibit_count++];
            exhibit->kind = kind;
            snprintf(exhibit->name, sizeof exhibit->name, "%.*s",
                     (int)strlen(entries[i]->d_name) - 6, entries[i]->d_name);
            char *patch = patch_read(exhibit->name, kind);
            exhibit->title = patch ? patch_header(patch, "Title") : NULL;
            free(patch);
        }
        free(entries[i]);
    }
    free(entries);
}

bool prove_list(struct proof *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->exhibits = calloc(EXHIBITS_MAX, sizeof *ret->exhibits);
    if (ret->exhibits) {
        list_folder(EXHIBIT_DEFECT, ret);
        list_folder(EXHIBIT_HARMLESS, ret);
    }
    if (ret->exhibit_count > 0)
        return true;
    snprintf(ret->message, sizeof ret->message, "no patches were built beside this program");
    return false;
}

static void refuse_with(struct exhibit *exhibit, const struct finding *finding)
{
    if (exhibit->token)
        return;
    exhibit->token = finding->token ? strdup(finding->token) : NULL;
    exhibit->executions = finding->executions;
    snprintf(exhibit->why, sizeof exhibit->why, "%s: %.400s", finding->test_case->name,
             finding->outcome.message);
}

/* How the check or the comparison ended. */
static enum exit_code judge_defect(const struct settings *settings, bool full,
                                   struct exhibit *exhibit)
{
    struct settings first = *settings;
    struct check check;
    first.first = !full;
    first.writer = "reference"; /* it is an update, and there are rows already */
    check_target(exhibit->name, &first, NULL, &check);
    for (const struct finding *finding = check.findings.first; finding; finding = finding->next) {
        exhibit->caught[finding->technique] = true;
        exhibit->deterministic |= finding->technique != TECHNIQUE_PROPERTY;
        refuse_with(exhibit, finding);
    }
    exhibit->good = check.findings.count > 0;
    enum exit_code exit_code = check.exit_code;
    if (!exhibit->good)
        snprintf(exhibit->why, sizeof exhibit->why, "%s",
                 check.message[0] ? check.message : "it survives: no case, no technique found it");
    check_done(&check);
    return exit_code;
}

static enum exit_code judge_harmless(const struct settings *settings, struct exhibit *exhibit)
{
    struct comparison comparison;
    memset(&comparison, 0, sizeof comparison);
    check_target(exhibit->name, settings, NULL, &comparison.after);
    if (comparison.after.exit_code == EXIT_GREEN)
        compare_blast("reference", exhibit->name, settings, &comparison);
    exhibit->good = comparison.after.exit_code == EXIT_GREEN && comparison.exit_code == EXIT_GREEN;
    if (comparison.after.findings.first)
        refuse_with(exhibit, comparison.after.findings.first);
    else if (!exhibit->good)
        snprintf(exhibit->why, sizeof exhibit->why, "%s",
                 comparison.after.message[0] ? comparison.after.message
                 : comparison.message[0]
                     ? comparison.message
                     : "an upgrade or a rollback refuses right passwords, or a case is VACUOUS");
    enum exit_code exit_code = comparison.after.exit_code;
    comparison_done(&comparison);
    return exit_code;
}

/* The reference must be green by the same settings. */
static bool baseline(const struct settings *settings, struct proof *ret)
{
    struct check check;
    check_target("reference", settings, NULL, &check);
    bool green = check.exit_code == EXIT_GREEN;
    if (check.exit_code >= EXIT_USAGE) { /* it was not judged */
        ret->exit_code = check.exit_code;
        memcpy(ret->message, check.message, sizeof ret->message);
    } else if (!green) {
        ret->exit_code = EXIT_UNJUDGED;
        snprintf(ret->message, sizeof ret->message,
                 "the baseline is not green, so nothing can be proved: see `assay check "
                 "reference`%s%.300s",
                 check.message[0] ? ": " : "", check.message);
    }
    check_done(&check);
    return green;
}

void prove_run(const struct settings *settings_wanted, bool full,
               void (*told)(void *, const struct exhibit *), void *context, struct proof *ret)
{
    struct settings by_oracles = *settings_wanted;
    const struct settings *settings = &by_oracles;
    /* A token that was recorded from a defect finds that defect and proves nothing. */
    by_oracles.techniques &= ~(1u << TECHNIQUE_REGRESSIONS);
    const uint32_t deterministic =
        ((1u << TECHNIQUES) - 1) & ~(1u << TECHNIQUE_PROPERTY) & ~(1u << TECHNIQUE_REGRESSIONS);
    if (!prove_list(ret)) {
        ret->exit_code = EXIT_UNJUDGED;
        return;
    }
    if (!baseline(settings, ret))
        return;
    for (uint32_t i = 0; i < ret->exhibit_count; i++) {
        struct exhibit *exhibit = &ret->exhibits[i];
        enum exit_code exit_code = exhibit->kind == EXHIBIT_DEFECT
                                       ? judge_defect(settings, full, exhibit)
                                       : judge_harmless(settings, exhibit);
        if (exit_code >= EXIT_USAGE) { /* not judged, and not the fault of the exhibit */
            ret->exit_code = exit_code;
            snprintf(ret->message, sizeof ret->message, "%s: %.400s", exhibit->name, exhibit->why);
            return;
        }
        if (exhibit->kind == EXHIBIT_DEFECT) {
            ret->survivors += !exhibit->good;
            ret->only_by_chance += exhibit->good && !exhibit->deterministic &&
                                   (settings->techniques & deterministic) == deterministic;
        } else {
            ret->refused_harmless += !exhibit->good;
        }
        if (told)
            told(context, exhibit);
    }
    ret->exit_code =
        ret->survivors || ret->refused_harmless || ret->only_by_chance ? EXIT_WEAK : EXIT_GREEN;
}

void proof_done(struct proof *proof)
{
    for (uint32_t i = 0; i < proof->exhibit_count; i++) {
        free(proof->exhibits[i].title);
        free(proof->exhibits[i].token);
    }
    free(proof->exhibits);
    memset(proof, 0, sizeof *proof);
}
