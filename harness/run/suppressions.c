/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutants that need not be killed, because they change nothing that anybody could see, in
 * coverage/suppressions.ini.
 *
 *   [0123456789abcdef]                  the key of its content, which no moved line changes
 *   reason  = the table is sorted       why it cannot be told from the original
 *   expires = 2027-12-31                from the day after on, the line is an error
 *
 * Suppressed ones are tried like all others and leave the score. The file must not outlive what it
 * speaks of: a line that has expired, one whose mutant is no more, and one whose mutant is killed
 * make the suite too weak to be green (the last two are for mutants.c to see). What the file says
 * is believed whole or not at all.
 */
#include "harness/run/suppressions.h"

#include <stdlib.h>
#include <string.h>

#include "harness/run/ini.h"

#define KEY_DIGITS 16u

static void problem(struct suppressions *list, const char *name, uint32_t line, const char *what,
                    const char *which)
{
    if (!list->problem[0])
        snprintf(list->problem, sizeof list->problem, "%s:%u: %s%s", name, line, what, which);
}

/* The last section is over: it must have said everything. */
static void close_section(struct suppressions *list, const char *name, const char *today)
{
    if (list->count == 0)
        return;
    const struct suppression *last = &list->at[list->count - 1];
    if (!last->reason[0])
        problem(list, name, last->line, "a reason is missing", "");
    else if (!is_day(last->expires))
        problem(list, name, last->line, "expires is no day such as 2027-12-31", "");
    else if (strcmp(last->expires, today) < 0)
        problem(list, name, last->line, "the suppression has expired: ", last->expires);
}

static void open_section(struct suppressions *list, const char *name, const struct ini *ini)
{
    bool is_key =
        strlen(ini->key) == KEY_DIGITS && strspn(ini->key, "0123456789abcdef") == KEY_DIGITS;
    uint64_t key = strtoull(ini->key, NULL, 16);
    if (!is_key)
        problem(list, name, ini->line, "this is no key of sixteen hexadecimal digits: ", ini->key);
    else if (suppression_of(list, key))
        problem(list, name, ini->line, "this mutant is suppressed above already: ", ini->key);
    else if (list->count == SUPPRESSIONS_MAX)
        problem(list, name, ini->line, "too many suppressions", "");
    else
        list->at[list->count++] = (struct suppression){.key = key, .line = ini->line};
}

static void take_value(struct suppressions *list, const char *name, const struct ini *ini)
{
    struct suppression *last = list->count ? &list->at[list->count - 1] : NULL;
    if (!last) {
        problem(list, name, ini->line, "this stands before the first [key]: ", ini->key);
        return;
    }
    bool is_reason = strcmp(ini->key, "reason") == 0;
    char *to = is_reason ? last->reason : last->expires;
    size_t size = is_reason ? sizeof last->reason : sizeof last->expires;
    if (!is_reason && strcmp(ini->key, "expires") != 0)
        problem(list, name, ini->line, "there is no key ", ini->key);
    else if ((size_t)snprintf(to, size, "%s", ini->value) >= size)
        problem(list, name, ini->line, "too long: ", ini->key);
}

void suppressions_read(const char *name, const char *text, const char *today,
                       struct suppressions *ret)
{
    struct ini ini;
    memset(ret, 0, sizeof *ret);
    ini_open(&ini, text);
    for (enum ini_kind kind; !ret->problem[0] && (kind = ini_next(&ini)) != INI_END;)
        switch (kind) {
        case INI_SECTION:
            close_section(ret, name, today);
            open_section(ret, name, &ini);
            break;
        case INI_VALUE:
            take_value(ret, name, &ini);
            break;
        case INI_TOO_LONG:
            problem(ret, name, ini.line, "the line is too long", "");
            break;
        default:
            problem(ret, name, ini.line, "this is neither a [key] nor key = value: ", ini.key);
        }
    close_section(ret, name, today);
}

void suppressions_of(const char *path, const char *today, struct suppressions *ret)
{
    char folder[4096], beside[4200];
    memset(ret, 0, sizeof *ret);
    module_folder(folder);
    snprintf(beside, sizeof beside, "%s/suppressions.ini", folder);
    FILE *file = fopen(path ? path : beside, "r");
    if (!file && !path)
        return;
    char *text = calloc(1, SUPPRESSIONS_FILE_BYTES_MAX + 1);
    size_t size = file && text ? fread(text, 1, SUPPRESSIONS_FILE_BYTES_MAX + 1, file) : 0;
    if (!file || !text || size > SUPPRESSIONS_FILE_BYTES_MAX || ferror(file))
        snprintf(ret->problem, sizeof ret->problem, "%.300s cannot be read, or is too long",
                 path ? path : beside);
    else
        suppressions_read("suppressions.ini", text, today, ret);
    free(text);
    if (file)
        fclose(file);
}

const struct suppression *suppression_of(const struct suppressions *list, uint64_t key)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->at[i].key == key)
            return &list->at[i];
    return NULL;
}
