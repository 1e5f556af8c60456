/* SPDX-License-Identifier: Apache-2.0
 *
 * The museum: which changes there are, and what their patches say of themselves. The patches lie
 * beside the modules that were built from them, so what is listed is what was built.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "harness/run/prove.h"

static const char *folder_of(enum exhibit_kind kind)
{
    return kind == EXHIBIT_DEFECT ? "defects" : "harmless";
}

char *file_read(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

char *patch_read(const char *name, enum exhibit_kind kind)
{
    char folder[4096], *path = NULL;
    module_folder(folder);
    char *text = asprintf(&path, "%s/%s/%s.patch", folder, folder_of(kind), name) > 0
                     ? file_read(path)
                     : NULL;
    free(path);
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

/* The value of its Expected line as bits; a word that is no technique is passed over. */
static uint32_t expected_by(const char *patch)
{
    char *line = patch_header(patch, "Expected"), *rest = line, *word;
    uint32_t bits = 0;
    while (rest && (word = strsep(&rest, ", \n")))
        for (uint32_t i = 0; i < TECHNIQUES; i++)
            bits |= strcmp(word, technique_name(i)) == 0 ? 1u << i : 0;
    free(line);
    return bits;
}

void exhibits_list(const char *folder, enum exhibit_kind kind, struct proof *ret)
{
    char path[4200];
    struct dirent **entries = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, folder_of(kind));
    int count = scandir(path, &entries, is_patch, alphasort);
    ret->overflow |= count > 0 && ret->exhibit_count + (uint32_t)count > EXHIBITS_MAX;
    for (int i = 0; i < count; i++) {
        if (ret->exhibits && ret->exhibit_count < EXHIBITS_MAX) {
            struct exhibit *exhibit = &ret->exhibits[ret->exhibit_count++];
            char *file = NULL;
            exhibit->kind = kind;
            snprintf(exhibit->name, sizeof exhibit->name, "%.*s",
                     (int)strlen(entries[i]->d_name) - 6, entries[i]->d_name);
            snprintf(exhibit->target, sizeof exhibit->target, "%s", exhibit->name);
            char *patch =
                asprintf(&file, "%s/%s", path, entries[i]->d_name) > 0 ? file_read(file) : NULL;
            exhibit->title = patch ? patch_header(patch, "Title") : NULL;
            exhibit->expected = patch ? expected_by(patch) : 0;
            free(patch);
            free(file);
        }
        free(entries[i]);
    }
    free(entries);
}

bool proof_init(struct proof *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->exhibits = calloc(EXHIBITS_MAX, sizeof *ret->exhibits);
    snprintf(ret->baseline, sizeof ret->baseline, "reference");
    return ret->exhibits != NULL;
}

bool prove_list(struct proof *ret)
{
    char folder[4096];
    module_folder(folder);
    if (proof_init(ret)) {
        exhibits_list(folder, EXHIBIT_DEFECT, ret);
        exhibits_list(folder, EXHIBIT_HARMLESS, ret);
    }
    if (ret->overflow)
        snprintf(ret->message, sizeof ret->message, "there are more than %u patches", EXHIBITS_MAX);
    if (ret->exhibit_count > 0 && !ret->overflow)
        return true;
    if (!ret->overflow)
        snprintf(ret->message, sizeof ret->message, "no patches were built beside this program");
    return false;
}
