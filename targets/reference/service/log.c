/* SPDX-License-Identifier: Apache-2.0
 *
 * The log: JSON Lines, one line for each request and one for each event of the service itself.
 *
 * A line is built in memory and written by one write() to a descriptor that appends, so lines of
 * several threads or processes do not mix, and a file may be truncated under it. A line that cannot
 * be written is counted, and the request goes on: a full disk under the log must not be an outage
 * of logins.
 *
 * What is in a line comes from tables, from numbers, and from two texts: the request id, which is
 * short and plain or not the client's, and the detail, which holds no caller's bytes (reply.c).
 * Everything is escaped all the same. Never in a line: passwords, tokens, bodies, paths, names.
 * People type passwords where their name belongs, so instead of a name there is a label: a hash of
 * the canonical name under a key that is made at each start and shown to nobody. Lines of one
 * account can be told to be of one account, and that is all. Whoever needs the line of one attempt
 * finds it by the request id, which the client was given.
 */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void add_bytes(struct line *line, const char *bytes, size_t size)
{
    if (size > sizeof line->text - line->size)
        line->is_full = true;
    if (line->is_full)
        return;
    memcpy(line->text + line->size, bytes, size);
    line->size += size;
}

/* One byte as JSON has it. What is not plain ASCII is escaped as if it were Latin-1: whatever the
 * bytes are, the line is valid. */
static void add_escaped(struct line *line, char byte)
{
    char escaped[8];
    uint8_t code = (uint8_t)byte;
    if (code < 0x20 || code >= 0x7f || code == '"' || code == '\\')
        add_bytes(line, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", code));
    else
        add_bytes(line, &byte, 1);
}

static void add_key(struct line *line, const char *key)
{
    add_bytes(line, line->size == 0 ? "{\"" : ",\"", 2);
    add_bytes(line, key, strlen(key));
    add_bytes(line, "\":", 2);
}

void line_add_text(struct line *line, const char *key, const char *value)
{
    add_key(line, key);
    add_bytes(line, "\"", 1);
    for (; *value != '\0'; value++)
        add_escaped(line, *value);
    add_bytes(line, "\"", 1);
}

void line_add_number(struct line *line, const char *key, int64_t value)
{
    char number[24];
    add_key(line, key);
    add_bytes(line, number, (size_t)snprintf(number, sizeof number, "%" PRId64, value));
}

/* RFC 3339, UTC, milliseconds. */
static void add_time(struct line *line)
{
    struct timespec now = {0};
    struct tm parts = {0};
    char text[40], date[24];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &parts);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text, sizeof text, "%s.%03uZ", date, (unsigned)(now.tv_nsec / 1000000));
    line_add_text(line, "time", text);
}

static void add_cause(struct line *line, const struct reply *reply)
{
    line_add_text(line, "layer", layer_word(reply->layer));
    line_add_text(line, "reason", reason_word(reply->reason));
    line_add_text(line, "detail", reply->detail);
    line_add_number(line, "native_code", reply->native_code);
}

static void write_line(struct log *log, struct line *line)
{
    ssize_t written;
    add_bytes(line, "}\n", 2);
    do {
        written = write(log->descriptor, line->text, line->size);
    } while (written < 0 && errno == EINTR);
    if (line->is_full || written != (ssize_t)line->size)
        (void)atomic_fetch_add(&log->lost, 1);
}

void log_request(struct log *log, const struct log_entry *entry)
{
    struct line line = {.size = 0};
    add_time(&line);
    line_add_text(&line, "request_id", entry->request_id);
    line_add_text(&line, "operation", operation_word(entry->operation));
    line_add_text(&line, "answer", answer_word(outcome_index(entry->outcome)));
    add_cause(&line, &entry->outcome->reply);
    line_add_number(&line, "status", entry->status);
    line_add_number(&line, "duration_us", entry->duration_us);
    if (entry->account[0] != '\0')
        line_add_text(&line, "account", entry->account);
    if (entry->is_repeated)
        line_add_number(&line, "repeated", 1);
    write_line(log, &line);
}

void log_event(struct log *log, const char *event, const struct reply *cause)
{
    struct line line = {.size = 0};
    add_time(&line);
    line_add_text(&line, "event", event);
    if (cause != NULL)
        add_cause(&line, cause);
    write_line(log, &line);
}

bool log_open(const char *path, struct log *ret)
{
    ret->descriptor =
        path == NULL
            ? STDERR_FILENO
            : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
    atomic_init(&ret->lost, 0);
    return ret->descriptor >= 0;
}

void log_done(struct log *log)
{
    if (log->descriptor > STDERR_FILENO)
        (void)close(log->descriptor);
}
