/* SPDX-License-Identifier: Apache-2.0
 *
 * Known findings: what a target has shown and has not mended yet, in
 * targets/NAME/known-findings.ini.
 *
 *   [hashing.short_of_memory]           the case
 *   message = denied, because           a part of what the finding got, or
 *   site    = memory.map                a part of what was injected; one of the two at least
 *   reason  = why it is not mended      said with the finding
 *   expires = 2027-12-31                from the day after on, the line is an error
 *
 * A finding that falls under a line is shown as known and refuses nothing. The file must not
 * outlive what it speaks of: a line that has expired, and one whose finding did not occur in a
 * check that tried its case by all techniques, make the check too weak to be green. What the file
 * says is believed whole or not at all: a key or a case that does not exist is an error, too.
 *
 * Not modelled: findings of only some seeds or rates; a line covers all of its case that says so. A
 * batch of runs ends with its first failure, so a known finding may hide another one of the same
 * case and technique; the fault technique goes on behind each.
 */
#include "harness/run/known.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "harness/run/ini.h"

static void problem(struct known_findings *known, const char *name, uint32_t line, const char *what,
                    const char *which)
{
    if (!known->problem[0])
        snprintf(known->problem, sizeof known->problem, "%s:%u: %s%s", name, line, what, which);
}

/* The last section is over: it must have said everything. */
static void close_section(struct known_findings *known, const char *name, const char *today)
{
    if (known->count == 0)
        return;
    const struct known_finding *last = &known->at[known->count - 1];
    if (!last->message[0] && !last->site[0])
        problem(known, name, last->line, "a message or a site is missing", "");
    else if (!last->reason[0])
        problem(known, name, last->line, "a reason is missing", "");
    else if (!is_day(last->expires))
        problem(known, name, last->line, "expires is no day such as 2027-12-31", "");
    else if (strcmp(last->expires, today) < 0)
        problem(known, name, last->line, "the known finding has expired: ", last->test_case->name);
}

static void open_section(struct known_findings *known, const char *name, uint32_t line,
                         const char *text)
{
    uint32_t index;
    const struct test_case *test_case = case_find(text, &index);
    if (!test_case || known->count == KNOWN_FINDINGS_MAX) {
        problem(known, name, line, test_case ? "too many known findings" : "there is no case ",
                test_case ? "" : text);
        return;
    }
    known->at[known->count++] = (struct known_finding){.test_case = test_case, .line = line};
}

static void take_value(struct known_findings *known, const char *name, const struct ini *ini)
{
    struct known_finding *last = known->count ? &known->at[known->count - 1] : NULL;
    if (!last) {
        problem(known, name, ini->line, "this stands before the first [case]: ", ini->key);
        return;
    }
    const struct {
        const char *key;
        char *to;
        size_t size;
    } keys[] = {{"message", last->message, sizeof last->message},
                {"site", last->site, sizeof last->site},
                {"reason", last->reason, sizeof last->reason},
                {"expires", last->expires, sizeof last->expires}};
    size_t i = 0;
    while (i < sizeof keys / sizeof *keys && strcmp(keys[i].key, ini->key) != 0)
        i++;
    if (i == sizeof keys / sizeof *keys)
        problem(known, name, ini->line, "there is no key ", ini->key);
    else if ((size_t)snprintf(keys[i].to, keys[i].size, "%s", ini->value) >= keys[i].size)
        problem(known, name, ini->line, "too long: ", ini->key);
}

void known_findings_read(const char *name, const char *text, const char *today,
                         struct known_findings *ret)
{
    struct ini ini;
    memset(ret, 0, sizeof *ret);
    ini_open(&ini, text);
    for (enum ini_kind kind; !ret->problem[0] && (kind = ini_next(&ini)) != INI_END;)
        switch (kind) {
        case INI_SECTION:
            close_section(ret, name, today);
            open_section(ret, name, ini.line, ini.key);
            break;
        case INI_VALUE:
            take_value(ret, name, &ini);
            break;
        case INI_TOO_LONG:
            problem(ret, name, ini.line, "the line is too long", "");
            break;
        default:
            problem(ret, name, ini.line, "this is neither a [case] nor key = value: ", ini.key);
        }
    close_section(ret, name, today);
}

void known_findings_of(const char *target, const char *today, struct known_findings *ret)
{
    char folder[4096], path[4096 + NAME_BYTES_MAX], *text = NULL;
    memset(ret, 0, sizeof *ret);
    if (strchr(target, '/') || strlen(target) >= NAME_BYTES_MAX)
        return;
    module_folder(folder);
    snprintf(path, sizeof path, "%s/known/%s.ini", folder, target);
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    text = calloc(1, KNOWN_FILE_BYTES_MAX + 1);
    size_t size = text ? fread(text, 1, KNOWN_FILE_BYTES_MAX + 1, file) : 0;
    if (!text || size > KNOWN_FILE_BYTES_MAX || ferror(file))
        snprintf(ret->problem, sizeof ret->problem, "%s cannot be read, or is too long", path);
    else
        known_findings_read("known-findings.ini", text, today, ret);
    free(text);
    fclose(file);
}

const struct known_finding *known_finding_of(const struct known_findings *known,
                                             const struct finding *finding)
{
    for (uint32_t i = 0; known && !known->problem[0] && i < known->count; i++)
        if (known->at[i].test_case == finding->test_case &&
            strstr(finding->outcome.message, known->at[i].message) &&
            strstr(finding->outcome.site_text, known->at[i].site))
            return &known->at[i];
    return NULL;
}

/* Whether a check with these settings tries the case by all techniques, to the end. */
static bool tries_all_of(const struct settings *settings, const struct test_case *test_case)
{
    return settings->shards <= 1 && !settings->first &&
           (test_case->techniques & ~settings->techniques) == 0 &&
           (!settings->case_glob || fnmatch(settings->case_glob, test_case->name, 0) == 0);
}

const struct known_finding *known_finding_gone(const struct known_findings *known,
                                               const struct settings *settings,
                                               const struct check *check)
{
    for (uint32_t i = 0; known && i < known->count; i++) {
        bool occurs = !tries_all_of(settings, known->at[i].test_case);
        for (const struct finding *finding = check->findings.first; finding && !occurs;
             finding = finding->next)
            occurs = known_finding_of(known, finding) == &known->at[i];
        if (!occurs)
            return &known->at[i];
    }
    return NULL;
}
