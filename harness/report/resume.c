/* SPDX-License-Identifier: Apache-2.0
 *
 * Going on with a run that was killed: its events are read back into the check, and written on.
 *
 * The first event says what the run was: command, target, settings, the program and the module by
 * a hash of their files. All of it must be the same now, or the results would be of two things. A
 * module's own libraries are not hashed.
 *
 * A cell is finished when its result is there. What a kill may leave behind is cut off: a last line
 * without its end, and findings whose result was not written any more. Anything else that is not
 * what a run writes is an error, because half a truth is worse than running again.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/report/report.h"
#include "harness/run/regressions.h"

#define HASH_BYTES 16u

/* Of the content of a file, in hexadecimal; null when it cannot be read. */
static json_t *hash_of_file(const char *path)
{
    uint8_t bytes[65536], hash[HASH_BYTES];
    char text[2 * HASH_BYTES + 1];
    crypto_generichash_state state;
    size_t size;
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file)
        return json_null();
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    while ((size = fread(bytes, 1, sizeof bytes, file)) > 0)
        crypto_generichash_update(&state, bytes, size);
    bool whole = !ferror(file);
    fclose(file);
    crypto_generichash_final(&state, hash, sizeof hash);
    return whole ? json_string(sodium_bin2hex(text, sizeof text, hash, sizeof hash)) : json_null();
}

bool print_of_module(const char *target, char ret[static PRINT_BYTES])
{
    char message[MODULE_MESSAGE_BYTES], *path = module_path(target, message);
    json_t *print = hash_of_file(path);
    const char *text = json_string_value(print);
    snprintf(ret, PRINT_BYTES, "%s", text ? text : "");
    free(path);
    json_decref(print);
    return text != NULL;
}

/* Of the kept tokens; null when there are none. */
static json_t *hash_of_tokens(const struct regressions *regressions)
{
    uint8_t hash[HASH_BYTES];
    char text[2 * HASH_BYTES + 1];
    crypto_generichash_state state;
    if (!regressions || regressions->count == 0)
        return json_null();
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    for (uint32_t i = 0; i < regressions->count; i++) {
        const char *token = regressions->lines[i].token;
        crypto_generichash_update(&state, (const uint8_t *)token, strlen(token) + 1);
    }
    crypto_generichash_final(&state, hash, sizeof hash);
    return json_string(sodium_bin2hex(text, sizeof text, hash, sizeof hash));
}

static json_t *names_of(uint32_t techniques)
{
    json_t *names = json_array();
    for (uint32_t i = 0; i < TECHNIQUES; i++)
        if (techniques & (1u << i))
            json_array_append_new(names, json_string(technique_name(i)));
    return names;
}

json_t *json_of_run(const char *command, const char *target, const struct settings *settings)
{
    char shard[32], message[MODULE_MESSAGE_BYTES];
    char *module = module_path(target, message);
    snprintf(shard, sizeof shard, "%u/%u", settings->shard + 1,
             settings->shards ? settings->shards : 1);
    json_t *run = json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:i, s:o, s:o, s:s?, s:b, s:b, s:s, s:i, s:s?, s:i, "
        "s:i, s:I, s:b, s:I}",
        "event", "run", "version", ASSAY_VERSION, "command", command, "target", target, "program",
        hash_of_file("/proc/self/exe"), "module", hash_of_file(module), "seed",
        (json_int_t)settings->seed, "runs", (int)settings->runs, "techniques",
        names_of(settings->techniques), "regressions", hash_of_tokens(settings->regressions),
        "case", settings->case_glob, "first", (int)settings->first, "full", (int)settings->full,
        "shard", shard, "hang_seconds", (int)settings->hang_seconds, "since", settings->since,
        "sample", (int)settings->sample, "budget_ms", (int)settings->budget_ms, "muted",
        (json_int_t)settings->orders.muted, "deaf", (int)settings->orders.deaf, "cpu_us_max",
        (json_int_t)settings->orders.cpu_us_max);
    free(module);
    return run;
}

/* Always false. */
static bool refuse(char *message, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(char *message, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, MODULE_MESSAGE_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

/* Whether the earlier run is the one that this would be. */
static bool is_same_run(const char *folder, const json_t *before, json_t *now, char *message)
{
    const char *name;
    json_t *value;
    const char *event = json_string_value(json_object_get(before, "event"));
    if (!event || strcmp(event, "run") != 0)
        return refuse(message, "%s/events.jsonl does not begin with a run", folder);
    json_object_foreach(now, name, value)
    {
        json_t *then = json_object_get(before, name);
        if (json_equal(then, value))
            continue;
        if (strcmp(name, "program") == 0)
            return refuse(message, "this program was built anew since the run in %s", folder);
        if (strcmp(name, "module") == 0)
            return refuse(message, "the target has changed since the run in %s", folder);
        char *was = json_dumps(then, JSON_COMPACT | JSON_ENCODE_ANY);
        char *is = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        refuse(message, "the run in %s was another one: \"%s\" was %.100s and is %.100s", folder,
               name, was ? was : "not there", is ? is : "not there");
        free(was);
        free(is);
        return false;
    }
    return true;
}

/* What has been read so far. */
struct past {
    struct intake intake;
    const struct taker *taker; /* of what is no cell; or null */
    uint64_t line_count;
    uint64_t kept; /* bytes up to the last line that stays */
    bool complete; /* the last line is the verdict of a run that was judged */
};

/* One line behind the first. False: a run does not write this. */
static bool take_line(struct past *past, const char *line, size_t size)
{
    enum record_kind kind = intake_take(&past->intake, line, size);
    const char *event = json_string_value(json_object_get(past->intake.record, "event"));
    const json_t *exit_code = json_object_get(past->intake.record, "exit");
    bool verdict = kind == RECORD_OTHER && strcmp(event, "verdict") == 0;
    const struct taker *taker = past->taker;
    bool other =
        kind == RECORD_OTHER && (strcmp(event, "resumed") == 0 || strcmp(event, "planned") == 0);
    bool sound = verdict                ? json_is_integer(exit_code)
                 : kind == RECORD_WRONG ? false
                 : kind != RECORD_OTHER || other
                     ? true
                     : taker && taker->take(taker->context, past->intake.record);
    past->complete = verdict && json_integer_value(exit_code) < EXIT_UNJUDGED;
    return sound && (kind == RECORD_FINDING || past->intake.waiting.count == 0);
}

/* False: message says what is wrong. */
static bool read_past(struct lines *lines, const char *folder, json_t *now, struct past *past,
                      char *message)
{
    const char *line;
    size_t size;
    for (;;)
        switch (lines_next(lines, &line, &size)) {
        case LINE_HERE:
            past->line_count++;
            if (past->line_count == 1) {
                (void)intake_take(&past->intake, line, size);
                if (!is_same_run(folder, past->intake.record, now, message))
                    return false;
            } else if (!take_line(past, line, size)) {
                return refuse(message, "line %llu of %s/events.jsonl is not what a run writes",
                              (unsigned long long)past->line_count, folder);
            }
            if (past->intake.waiting.count == 0)
                past->kept = lines->passed;
            break;
        case LINE_END:
            return past->line_count > 0 ||
                   refuse(message, "%s/events.jsonl has not a single whole line", folder);
        case LINE_NOT_YET:
        case LINE_BAD:
            return refuse(message, "line %llu of %s/events.jsonl cannot be read, or is too long",
                          (unsigned long long)past->line_count + 1, folder);
        }
}

/* The folder itself where `latest` is a link to it. */
static void find_folder(const char *name, char *ret, size_t size)
{
    char link[256];
    ssize_t length = readlink(name, link, sizeof link - 1);
    const char *slash = strrchr(name, '/');
    link[length > 0 ? length : 0] = 0;
    if (length > 0 && !strchr(link, '/'))
        snprintf(ret, size, "%.*s%s", slash ? (int)(slash - name) + 1 : 0, name, link);
    else
        snprintf(ret, size, "%s", name);
}

bool events_resume(struct events *events, const char *folder, const char *command,
                   const char *target, const struct settings *settings, struct check *check,
                   struct mutation *mutation, const struct taker *taker,
                   char message[static MODULE_MESSAGE_BYTES])
{
    char path[4200];
    struct lines lines;
    struct past past = {.taker = taker};
    *events = (struct events){.file = -1};
    find_folder(folder, events->folder, sizeof events->folder);
    snprintf(path, sizeof path, "%s/events.jsonl", events->folder);
    int file = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    if (file < 0)
        return refuse(message, "cannot go on with %s: %m", path);
    if (flock(file, LOCK_EX | LOCK_NB) != 0 || !lines_open(&lines, dup(file))) {
        close(file);
        return refuse(message, "the run in %s is still going on", events->folder);
    }
    json_t *now = json_of_run(command, target, settings);
    intake_open(&past.intake, check);
    past.intake.mutation = mutation;
    bool sound = read_past(&lines, events->folder, now, &past, message);
    if (sound && !past.complete && ftruncate(file, (off_t)past.kept) != 0)
        sound = refuse(message, "cannot cut off the end of %s: %m", path);
    intake_close(&past.intake);
    lines_close(&lines);
    json_decref(now);
    events->complete = past.complete;
    if (!sound || past.complete) {
        close(file);
        return sound;
    }
    events->file = file;
    events_write(events, json_pack("{s:s}", "event", "resumed"));
    return true;
}
