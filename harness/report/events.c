/* SPDX-License-Identifier: Apache-2.0
 *
 * The event stream: JSON Lines, appended with one write() each by the one process that never runs a
 * target, so that a killed run keeps everything found so far and no line is ever torn by another
 * writer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/report/report.h"

static bool complain(struct events *events, const char *what)
{
    fprintf(stderr, "assay: cannot %s %s: %s\n", what, events->folder, strerror(errno));
    events->failed = true;
    return false;
}

/* Like mkdir -p. */
static bool make_parents(const char *path)
{
    char part[4096];
    for (size_t i = 1;; i++) {
        if (path[i] && path[i] != '/')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return false;
        if (!path[i])
            return true;
    }
}

/* A new folder named after the time; a number is added where one is there already. */
static bool make_folder(struct events *events, const char *parent)
{
    char stamp[32], name[64];
    time_t now = time(NULL);
    struct tm parts;
    snprintf(events->folder, sizeof events->folder, "%s", parent);
    if (!make_parents(parent))
        return complain(events, "create the folder");
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H-%M-%S", gmtime_r(&now, &parts));
    for (int i = 0; i < 1000; i++) {
        if (i == 0)
            snprintf(name, sizeof name, "%s", stamp);
        else
            snprintf(name, sizeof name, "%s.%d", stamp, i);
        snprintf(events->folder, sizeof events->folder, "%s/%s", parent, name);
        if (mkdir(events->folder, 0777) == 0)
            break;
        if (errno != EEXIST || i == 999)
            return complain(events, "create the folder");
    }
    char latest[4096], fresh[4096];
    snprintf(latest, sizeof latest, "%s/latest", parent);
    snprintf(fresh, sizeof fresh, "%s/latest.%ld", parent, (long)getpid());
    if (symlink(name, fresh) != 0 || rename(fresh, latest) != 0)
        unlink(fresh); /* a convenience only: two runs may race for it */
    return true;
}

bool events_open(struct events *events, const char *parent, const char *command,
                 const char *subject, const struct settings *settings)
{
    char path[4200];
    *events = (struct events){.file = -1};
    if (!make_folder(events, parent))
        return false;
    snprintf(path, sizeof path, "%s/events.jsonl", events->folder);
    events->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (events->file < 0)
        return complain(events, "write events in");
    (void)flock(events->file, LOCK_EX | LOCK_NB); /* until this process ends */
    events_write(events, json_of_run(command, subject, settings));
    return !events->failed;
}

void events_write(struct events *events, json_t *event)
{
    size_t size = 0;
    char *text = record_line(event, &size);
    if (events->failed || events->file < 0) {
        free(text);
        return;
    }
    errno = ENOMEM;
    if (!text || write(events->file, text, size) != (ssize_t)size) {
        if (errno == ENOMEM && text)
            errno = ENOSPC; /* a short write */
        complain(events, "write events in");
    }
    free(text);
}

void events_loaded(struct events *events, const struct check *check)
{
    events_write(events, json_pack("{s:s, s:b, s:b}", "event", "loaded", "imports_hashing",
                                   (int)check->imports_hashing, "imports_storage",
                                   (int)check->imports_storage));
}

void events_found(struct events *events, const struct finding *finding)
{
    events_write(events, record_event("found", json_of_finding(finding)));
}

void events_cell(struct events *events, const char *target, const struct cell *cell)
{
    for (const struct finding *finding = cell->findings.first; finding; finding = finding->next) {
        json_t *members = json_of_finding(finding);
        json_object_set_new(members, "target", json_string(target));
        events_write(events, record_event("finding", members));
    }
    events_write(events, record_event("case", json_of_result(&cell->result)));
}

void events_close(struct events *events, enum exit_code exit_code, const char *verdict)
{
    events_write(events, json_pack("{s:s, s:i, s:s}", "event", "verdict", "exit", (int)exit_code,
                                   "verdict", verdict));
    if (events->file >= 0 && close(events->file) != 0)
        complain(events, "write events in");
    events->file = -1;
}
