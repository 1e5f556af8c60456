/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel says of this process's threads: Linux's /proc, and the clock of each.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "harness/engine/tasks.h"

uint64_t task_cpu_ns(pthread_t thread)
{
    clockid_t clock;
    struct timespec used;
    if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/* The state stands behind the name, which ends at the last ")". */
bool task_sleeps(pid_t id)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)id);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    const char *line = fgets(text, sizeof text, file);
    fclose(file);
    const char *state = line != NULL ? strrchr(line, ')') : NULL;
    return state != NULL && (strncmp(state, ") S", 3) == 0 || strncmp(state, ") D", 3) == 0);
}

uint32_t task_count(void)
{
    uint32_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL)
        return UINT32_MAX;
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}
