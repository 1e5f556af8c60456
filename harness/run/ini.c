/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of [section] and key = value, as the reviewed lists of this project are written; lines that
 * begin with # or ; are comments. Any bytes may come in. What the names mean is for the caller to
 * say. Not modelled: quotes, escapes, lines that go on.
 */
#include "harness/run/ini.h"

#include <string.h>

/* Without the white space around it. */
static char *trimmed(char *text)
{
    text += strspn(text, " \t\r");
    size_t size = strlen(text);
    while (size > 0 && strchr(" \t\r", text[size - 1]))
        text[--size] = 0;
    return text;
}

bool is_day(const char *text)
{
    static const char form[] = "0000-00-00";
    size_t i = 0;
    while (form[i] && (form[i] == '-' ? text[i] == '-' : text[i] >= '0' && text[i] <= '9'))
        i++;
    return form[i] == 0 && text[i] == 0;
}

void ini_open(struct ini *ini, const char *text)
{
    *ini = (struct ini){.text = text};
}

static enum ini_kind take(struct ini *ini, char *content)
{
    size_t size = strlen(content);
    char *equals = strchr(content, '=');
    ini->key = content;
    if (*content == '[' && content[size - 1] == ']') {
        content[size - 1] = 0;
        ini->key = trimmed(content + 1);
        return INI_SECTION;
    }
    if (*content == '[' || !equals)
        return INI_OTHER;
    *equals = 0;
    ini->key = trimmed(content);
    ini->value = trimmed(equals + 1);
    return INI_VALUE;
}

enum ini_kind ini_next(struct ini *ini)
{
    while (*ini->text) {
        size_t size = strcspn(ini->text, "\n");
        const char *line = ini->text;
        ini->text += size + (ini->text[size] == '\n');
        ini->line++;
        if (size >= sizeof ini->copy)
            return INI_TOO_LONG;
        memcpy(ini->copy, line, size);
        ini->copy[size] = 0;
        char *content = trimmed(ini->copy);
        if (*content && *content != '#' && *content != ';')
            return take(ini, content);
    }
    return INI_END;
}
