/* SPDX-License-Identifier: Apache-2.0
 *
 * Login writes over all memory that this process shares with others, and works on.
 * The map is read to the end first: reading on while it is overwritten would be another test.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "simple.h"

#define RANGES_MAX 64

struct range {
    uintptr_t start, end;
};

static void scribbles(void)
{
    struct range ranges[RANGES_MAX];
    size_t count = 0;
    char line[512], rights[8];
    FILE *maps = fopen("/proc/self/maps", "r");
    if (!maps)
        return;
    while (count < RANGES_MAX && fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %7s", &ranges[count].start, &ranges[count].end, rights) == 3 &&
            strcmp(rights, "rw-s") == 0)
            count++;
    fclose(maps);
    for (size_t i = 0; i < count; i++)
        memset((void *)ranges[i].start, 0xa5, ranges[i].end - ranges[i].start);
}

const struct twist twist = {.name = "scribbles", .in_login = scribbles};
