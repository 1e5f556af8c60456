/* SPDX-License-Identifier: Apache-2.0
 *
 * Results and findings as JSON, written and read back.
 *
 * What is written is a promise: names are only ever added. What is read may have been cut, changed
 * or made up: each member is checked for its type, its length and its bounds, and a record that
 * does not hold is refused as a whole. A finding that was read back prints as the one that was
 * written, but for bytes that are no UTF-8, which are question marks from then on. What the harness
 * needs only while it drives a case (plan, spans, choices) is not written; the token has it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/run/record.h"

#include "harness/run/mutants.h"

json_t *json_of_text(const char *text)
{
    json_t *string = json_string(text ? text : "");
    if (string || !text)
        return string;
    char ascii[STORY_BYTES];
    size_t used = 0;
    for (; *text && used + 1 < sizeof ascii; text++)
        ascii[used++] = (char)(((unsigned char)*text < 0x80) ? *text : '?');
    ascii[used] = 0;
    return json_string(ascii);
}

static json_t *steps_of(const struct outcome *outcome)
{
    json_t *steps = json_array();
    for (const char *line = outcome->story; *line;) {
        size_t size = strcspn(line, "\n");
        char text[STORY_BYTES];
        memcpy(text, line, size);
        text[size] = 0;
        json_array_append_new(steps, json_of_text(text));
        line += size + (line[size] == '\n');
    }
    return steps;
}

/* The parts of the smallest run that do not matter. */
static json_t *whatever_of(const struct explanation *explanation)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < explanation->count && i < EXPLAINED_MAX; i++)
        json_array_append_new(array, json_pack("{s:o, s:I, s:I, s:I}", "what",
                                               json_of_text(explanation->parts[i].label), "ordinal",
                                               (json_int_t)explanation->parts[i].ordinal, "first",
                                               (json_int_t)explanation->parts[i].first, "end",
                                               (json_int_t)explanation->parts[i].end));
    return array;
}

/* What a cell came to besides its verdict; only where it was measured. */
static json_t *json_of_cost(const struct cost *cost)
{
    char text[17];
    json_t *marks = json_array();
    for (uint32_t i = 0; i < answers_marks(&cost->answers); i++) {
        snprintf(text, sizeof text, "%016llx", (unsigned long long)cost->answers.marks[i]);
        json_array_append_new(marks, json_string(text));
    }
    snprintf(text, sizeof text, "%016llx", (unsigned long long)cost->answers.sum);
    return json_pack("{s:I, s:b, s:I, s:I, s:I, s:s, s:o}", "cpu_us", (json_int_t)cost->cpu_us,
                     "cut", (int)cost->cut, "probes", (json_int_t)cost->probes, "hits",
                     (json_int_t)cost->hits, "runs", (json_int_t)cost->answers.runs, "sum", text,
                     "marks", marks);
}

json_t *json_of_finding(const struct finding *finding)
{
    const struct outcome *outcome = &finding->outcome;
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:s?, s:o, s:I, s:I, "
        "s:I, s:I, s:I, s:o}",
        "case", finding->test_case->name, "technique", technique_name(finding->technique),
        "verdict", verdict_name(outcome->verdict), "consequence",
        consequence_name(finding_consequence(outcome)), "cpu_us", (json_int_t)finding->cpu_us,
        "file", json_of_text(outcome->file), "line", (int)outcome->line, "signal",
        (int)outcome->signal, "expected", json_of_text(outcome->expression), "message",
        json_of_text(outcome->message), "fault", json_of_text(outcome->site_text), "during",
        json_of_text(outcome->step), "steps", steps_of(outcome), "token", finding->token, "output",
        finding->output ? json_of_text(finding->output) : json_null(), "executions",
        (json_int_t)finding->executions, "shrunk_by", (json_int_t)finding->shrunk_by, "more_sites",
        (json_int_t)finding->more, "repeats", (json_int_t)finding->repeats, "failed",
        (json_int_t)finding->failed, "whatever", whatever_of(&finding->explanation));
}

/* The numbers of a result, by name. */
static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    {"runs", offsetof(struct case_result, tally.runs)},
    {"checks", offsetof(struct case_result, tally.checks)},
    {"rejected", offsetof(struct case_result, tally.rejected)},
    {"overruns", offsetof(struct case_result, tally.overruns)},
    {"unsupported", offsetof(struct case_result, tally.unsupported)},
    {"edges", offsetof(struct case_result, tally.edges)},
    {"drawn", offsetof(struct case_result, tally.drawn)},
    {"fired", offsetof(struct case_result, tally.fired)},
    {"not_fired", offsetof(struct case_result, tally.not_fired)},
    {"states", offsetof(struct case_result, tally.states)},
    {"moments", offsetof(struct case_result, moments)},
    {"sites", offsetof(struct case_result, sites)},
    {"plans", offsetof(struct case_result, plans)},
    {"observed_runs", offsetof(struct case_result, observed.runs)},
};
#define NUMBERS (sizeof numbers / sizeof *numbers)

static const char *const observation_kinds[] = {
    [OBSERVED_LABEL] = "label", [OBSERVED_COVER] = "cover", [OBSERVED_MAXIMUM] = "maximum"};
#define OBSERVATION_KINDS ((uint32_t)(sizeof observation_kinds / sizeof *observation_kinds))

static json_t *observed_of(const struct observations *observed)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < observed->count && i < OBSERVATIONS_MAX; i++) {
        const struct observation *at = &observed->at[i];
        if (at->kind < OBSERVATION_KINDS)
            json_array_append_new(
                array,
                json_pack("{s:s, s:o, s:I, s:I, s:I}", "kind", observation_kinds[at->kind], "name",
                          json_of_text(at->name), "runs", (json_int_t)at->runs, "percent_min",
                          (json_int_t)at->percent_min, "largest", (json_int_t)at->largest));
    }
    return array;
}

/* The operations that were reached, by name. */
static json_t *reached_of(uint64_t bits)
{
    const struct catalogue *catalogue = edge_catalogue();
    json_t *array = json_array();
    for (uint16_t i = 0; i < catalogue->operation_count && i < 64; i++)
        if (bits & (1ull << i))
            json_array_append_new(array, json_string(catalogue->operations[i].name));
    return array;
}

json_t *json_of_result(const struct case_result *result)
{
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:b}", "case", result->test_case->name,
        "technique", technique_name(result->technique), "verdict", verdict_name(result->verdict),
        "message", json_of_text(result->message), "reached", reached_of(result->reached),
        "observed", observed_of(&result->observed), "rows", (json_int_t)result->rows, "weight",
        (json_int_t)result->weight, "all", (int)result->all);
    for (size_t i = 0; i < NUMBERS; i++) {
        uint64_t value;
        memcpy(&value, (const char *)result + numbers[i].offset, sizeof value);
        json_object_set_new(object, numbers[i].name, json_integer((json_int_t)value));
    }
    if (result->technique == TECHNIQUE_FAULT)
        json_object_set_new(object, "faults", json_of_faults(&result->faults));
    if (result->cost.answers.runs > 0)
        json_object_set_new(object, "cost", json_of_cost(&result->cost));
    return object;
}

/* A member that is a string and fits. */
static bool take_text(const json_t *object, const char *name, char *ret, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text && (size_t)snprintf(ret, size, "%s", text) < size;
}

/* A member that is a string or null, into memory of its own. */
static bool take_copy(const json_t *object, const char *name, size_t size_max, char **ret)
{
    const json_t *member = json_object_get(object, name);
    const char *text = json_string_value(member);
    *ret = text && strlen(text) < size_max ? strdup(text) : NULL;
    return *ret || json_is_null(member);
}

/* A member that is a number in [lo, hi]. */
static bool take_number(const json_t *object, const char *name, int64_t lo, int64_t hi,
                        int64_t *ret)
{
    const json_t *member = json_object_get(object, name);
    *ret = json_integer_value(member);
    return json_is_integer(member) && *ret >= lo && *ret <= hi;
}

/* The number whose name this member is, below `count`. */
static bool take_name(const json_t *object, const char *member, const char *(*name_of)(uint32_t),
                      uint32_t count, uint32_t *ret)
{
    const char *name = json_string_value(json_object_get(object, member));
    for (*ret = 0; name && *ret < count; ++*ret)
        if (strcmp(name_of(*ret), name) == 0)
            return true;
    return false;
}

static const char *technique_number(uint32_t number)
{
    return technique_name((enum technique)number);
}

static const char *verdict_number(uint32_t number)
{
    return verdict_name((enum verdict)number);
}

/* What every record of a cell has: its case, its technique, its verdict. */
static bool take_cell(const json_t *object, const struct test_case **ret_case,
                      enum technique *ret_technique, enum verdict *ret_verdict)
{
    const char *name = json_string_value(json_object_get(object, "case"));
    uint32_t index, technique, verdict;
    *ret_case = name ? case_find(name, &index) : NULL;
    if (!*ret_case || !take_name(object, "technique", technique_number, TECHNIQUES, &technique) ||
        !take_name(object, "verdict", verdict_number, VERDICTS, &verdict))
        return false;
    *ret_technique = (enum technique)technique;
    *ret_verdict = (enum verdict)verdict;
    return true;
}

static bool take_reached(const json_t *object, uint64_t *ret)
{
    const json_t *array = json_object_get(object, "reached"), *name;
    const struct catalogue *catalogue = edge_catalogue();
    size_t i;
    *ret = 0;
    json_array_foreach(array, i, name)
    {
        uint16_t o = 0;
        while (o < catalogue->operation_count && o < 64 && json_is_string(name) &&
               strcmp(catalogue->operations[o].name, json_string_value(name)) != 0)
            o++;
        if (!json_is_string(name) || o == catalogue->operation_count || o == 64)
            return false;
        *ret |= 1ull << o;
    }
    return json_is_array(array);
}

static const char *observation_kind(uint32_t number)
{
    return observation_kinds[number];
}

static bool take_observed(const json_t *object, struct observations *ret)
{
    const json_t *array = json_object_get(object, "observed"), *member;
    size_t i;
    json_array_foreach(array, i, member)
    {
        struct observation *at = &ret->at[i];
        int64_t runs, percent_min;
        uint32_t kind;
        if (i == OBSERVATIONS_MAX ||
            !take_name(member, "kind", observation_kind, OBSERVATION_KINDS, &kind) ||
            !take_text(member, "name", at->name, sizeof at->name) ||
            !take_number(member, "runs", 0, INT64_MAX, &runs) ||
            !take_number(member, "percent_min", 0, 100, &percent_min) ||
            !take_number(member, "largest", INT64_MIN, INT64_MAX, &at->largest))
            return false;
        at->kind = (enum observation_kind)kind;
        at->runs = (uint64_t)runs;
        at->percent_min = (uint32_t)percent_min;
        ret->count++;
    }
    return json_is_array(array);
}

/* How far enumeration went. */
static bool take_bounds(const json_t *object, struct case_result *ret)
{
    const json_t *all = json_object_get(object, "all");
    int64_t rows, weight;
    if (!take_number(object, "rows", 0, UINT32_MAX, &rows) ||
        !take_number(object, "weight", 0, UINT32_MAX, &weight))
        return false;
    ret->rows = (uint32_t)rows;
    ret->weight = (uint32_t)weight;
    ret->all = json_is_true(all);
    return json_is_boolean(all);
}

/* A member that is a number of 64 bits in hexadecimal. */
static bool take_sum(const json_t *member, uint64_t *ret)
{
    const char *text = json_string_value(member);
    char *end = NULL;
    if (!text || json_string_length(member) != 16 || strspn(text, "0123456789abcdef") != 16)
        return false;
    *ret = strtoull(text, &end, 16);
    return true;
}

/* There is none unless it was measured. */
static bool take_cost(const json_t *object, struct cost *ret)
{
    const json_t *cost = json_object_get(object, "cost"), *marks = json_object_get(cost, "marks");
    const json_t *cut = json_object_get(cost, "cut");
    int64_t cpu_us, probes, hits, runs;
    if (!cost)
        return true;
    if (!take_number(cost, "cpu_us", 0, INT64_MAX, &cpu_us) ||
        !take_number(cost, "probes", 0, PROBES_MAX, &probes) ||
        !take_number(cost, "hits", 0, UINT32_MAX, &hits) ||
        !take_number(cost, "runs", 1, INT64_MAX, &runs) || !json_is_boolean(cut) ||
        !take_sum(json_object_get(cost, "sum"), &ret->answers.sum))
        return false;
    ret->cpu_us = (uint64_t)cpu_us;
    ret->cut = json_is_true(cut);
    ret->probes = (uint32_t)probes;
    ret->hits = (uint32_t)hits;
    ret->answers.runs = (uint64_t)runs;
    for (uint32_t i = 0; i < answers_marks(&ret->answers); i++)
        if (!take_sum(json_array_get(marks, i), &ret->answers.marks[i]))
            return false;
    return json_array_size(marks) == answers_marks(&ret->answers);
}

bool result_of_json(const json_t *object, struct case_result *ret)
{
    memset(ret, 0, sizeof *ret);
    bool sound = take_cell(object, &ret->test_case, &ret->technique, &ret->verdict) &&
                 take_text(object, "message", ret->message, sizeof ret->message) &&
                 take_reached(object, &ret->reached) && take_observed(object, &ret->observed) &&
                 take_bounds(object, ret) && take_cost(object, &ret->cost) &&
                 (ret->technique != TECHNIQUE_FAULT ||
                  faults_of_json(json_object_get(object, "faults"), &ret->faults));
    for (size_t i = 0; i < NUMBERS && sound; i++) {
        int64_t value;
        sound = take_number(object, numbers[i].name, 0, INT64_MAX, &value);
        memcpy((char *)ret + numbers[i].offset, &value, sizeof value);
    }
    return sound;
}

static bool take_steps(const json_t *object, struct outcome *ret)
{
    const json_t *array = json_object_get(object, "steps"), *line;
    size_t i;
    json_array_foreach(array, i, line)
    {
        size_t size = json_string_length(line);
        if (!json_is_string(line) || size + 2 > STORY_BYTES - ret->story_size)
            return false;
        memcpy(ret->story + ret->story_size, json_string_value(line), size);
        ret->story_size += (uint32_t)size;
        ret->story[ret->story_size++] = '\n';
    }
    ret->story[ret->story_size] = 0;
    return json_is_array(array);
}

static const char *consequence_number(uint32_t number)
{
    return consequence_name((enum consequence)number);
}

static bool take_outcome(const json_t *object, struct outcome *ret)
{
    int64_t line, number;
    uint32_t evidence;
    if (!take_name(object, "consequence", consequence_number, CONSEQUENCES, &evidence))
        return false;
    ret->evidence = (enum consequence)evidence;
    if (!take_number(object, "line", 0, INT32_MAX, &line) ||
        !take_number(object, "signal", 0, INT32_MAX, &number))
        return false;
    ret->line = (int32_t)line;
    ret->signal = (int32_t)number;
    return take_text(object, "file", ret->file, sizeof ret->file) &&
           take_text(object, "expected", ret->expression, sizeof ret->expression) &&
           take_text(object, "message", ret->message, sizeof ret->message) &&
           take_text(object, "fault", ret->site_text, sizeof ret->site_text) &&
           take_text(object, "during", ret->step, sizeof ret->step) && take_steps(object, ret);
}

static bool take_whatever(const json_t *object, struct explanation *ret)
{
    const json_t *array = json_object_get(object, "whatever"), *member;
    size_t i;
    json_array_foreach(array, i, member)
    {
        int64_t ordinal, first, end;
        if (i == EXPLAINED_MAX ||
            !take_text(member, "what", ret->parts[i].label, sizeof ret->parts[i].label) ||
            !take_number(member, "ordinal", 1, UINT32_MAX, &ordinal) ||
            !take_number(member, "first", 0, CHOICES_MAX, &first) ||
            !take_number(member, "end", first, CHOICES_MAX, &end))
            return false;
        ret->parts[i].ordinal = (uint32_t)ordinal;
        ret->parts[i].first = (uint32_t)first;
        ret->parts[i].end = (uint32_t)end;
        ret->count++;
    }
    return json_is_array(array);
}

static bool take_counts(const json_t *object, struct finding *ret)
{
    int64_t executions, shrunk_by, more, repeats, failed, cpu_us;
    if (!take_number(object, "cpu_us", 0, INT64_MAX, &cpu_us) ||
        !take_number(object, "executions", 0, INT64_MAX, &executions) ||
        !take_number(object, "shrunk_by", 0, UINT32_MAX, &shrunk_by) ||
        !take_number(object, "more_sites", 0, INT64_MAX, &more) ||
        !take_number(object, "repeats", 0, UINT32_MAX, &repeats) ||
        !take_number(object, "failed", 0, repeats, &failed))
        return false;
    ret->cpu_us = (uint64_t)cpu_us;
    ret->repeats = (uint32_t)repeats;
    ret->failed = (uint32_t)failed;
    ret->executions = (uint64_t)executions;
    ret->shrunk_by = (uint32_t)shrunk_by;
    ret->more = (uint64_t)more;
    return true;
}

struct finding *finding_of_json(const json_t *object)
{
    struct finding *finding = calloc(1, sizeof *finding);
    if (finding &&
        take_cell(object, &finding->test_case, &finding->technique, &finding->outcome.verdict) &&
        take_outcome(object, &finding->outcome) && take_counts(object, finding) &&
        take_whatever(object, &finding->explanation) &&
        take_copy(object, "token", TOKEN_BYTES_MAX, &finding->token) &&
        take_copy(object, "output", OUTPUT_BYTES_KEPT + 1, &finding->output))
        return finding;
    finding_free(finding);
    return NULL;
}

json_t *record_event(const char *name, json_t *members)
{
    json_t *event = json_pack("{s:s}", "event", name);
    if (!event || !members || json_object_update(event, members) != 0) {
        json_decref(event);
        event = NULL;
    }
    json_decref(members);
    return event;
}

char *record_line(json_t *event, size_t *ret_size)
{
    char *text = event ? json_dumps(event, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    size_t size = text ? strlen(text) : 0;
    char *line = text ? realloc(text, size + 2) : NULL;
    json_decref(event);
    if (!line) {
        free(text);
        return NULL;
    }
    line[size] = '\n';
    line[size + 1] = 0;
    *ret_size = size + 1;
    return line;
}

bool lines_open(struct lines *lines, int file)
{
    *lines = (struct lines){.file = file, .text = malloc(RECORD_BYTES_MAX)};
    return lines->text != NULL;
}

/* Reads on behind what is there. False: nothing came. */
static bool lines_fill(struct lines *lines, enum line *ret_why)
{
    memmove(lines->text, lines->text + lines->next, lines->used - lines->next);
    lines->used -= lines->next;
    lines->next = 0;
    ssize_t size;
    do
        size = read(lines->file, lines->text + lines->used, RECORD_BYTES_MAX - lines->used);
    while (size < 0 && errno == EINTR);
    lines->used += size > 0 ? (size_t)size : 0;
    *ret_why = size == 0 ? LINE_END : errno == EAGAIN ? LINE_NOT_YET : LINE_BAD;
    return size > 0;
}

enum line lines_next(struct lines *lines, const char **ret, size_t *ret_size)
{
    enum line why;
    size_t looked = 0;
    for (;;) {
        char *from = lines->text + lines->next;
        size_t here = lines->used - lines->next;
        char *end = memchr(from + looked, '\n', here - looked);
        if (end) {
            *ret = from;
            *ret_size = (size_t)(end - from);
            lines->next += *ret_size + 1;
            lines->passed += *ret_size + 1;
            return LINE_HERE;
        }
        looked = here;
        if (here == RECORD_BYTES_MAX)
            return LINE_BAD;
        if (!lines_fill(lines, &why))
            return why;
    }
}

void lines_close(struct lines *lines)
{
    if (lines->file >= 0)
        close(lines->file);
    free(lines->text);
    *lines = (struct lines){.file = -1};
}

void intake_open(struct intake *intake, struct check *check)
{
    *intake = (struct intake){.check = check};
    findings_init(&intake->waiting);
}

void intake_close(struct intake *intake)
{
    findings_done(&intake->waiting);
    finding_free(intake->found);
    json_decref(intake->record);
    *intake = (struct intake){0};
}

static enum record_kind take_loaded(struct intake *intake)
{
    const json_t *hashing = json_object_get(intake->record, "imports_hashing");
    const json_t *storage = json_object_get(intake->record, "imports_storage");
    intake->check->imports_hashing = json_is_true(hashing);
    intake->check->imports_storage = json_is_true(storage);
    return json_is_boolean(hashing) && json_is_boolean(storage) ? RECORD_LOADED : RECORD_WRONG;
}

static enum record_kind take_found(struct intake *intake)
{
    finding_free(intake->found);
    intake->found = finding_of_json(intake->record);
    return intake->found ? RECORD_FOUND : RECORD_WRONG;
}

static enum record_kind take_finding(struct intake *intake)
{
    struct finding *finding = finding_of_json(intake->record);
    if (!finding)
        return RECORD_WRONG;
    findings_add(&intake->waiting, finding);
    return RECORD_FINDING;
}

/* The result of a cell that is in the plan and not finished, with findings of its own only. */
static enum record_kind take_case(struct intake *intake)
{
    struct case_result result;
    if (!result_of_json(intake->record, &result))
        return RECORD_WRONG;
    struct cell *cell = check_cell(intake->check, result.technique, result.test_case);
    bool red = result.verdict == VERDICT_FAIL || result.verdict == VERDICT_CRASH ||
               result.verdict == VERDICT_HANG || result.verdict == VERDICT_FLAKY;
    if (!cell || cell->finished || red != (intake->waiting.count > 0))
        return RECORD_WRONG;
    for (const struct finding *finding = intake->waiting.first; finding; finding = finding->next)
        if (finding->technique != result.technique || finding->test_case != result.test_case)
            return RECORD_WRONG;
    cell->result = result;
    cell->finished = true;
    findings_move(&cell->findings, &intake->waiting);
    intake->cell = cell;
    return RECORD_CELL;
}

static enum record_kind take_mutant(struct intake *intake)
{
    return intake->mutation && mutant_of_json(intake->record, intake->mutation) ? RECORD_MUTANT
                                                                                : RECORD_WRONG;
}

enum record_kind intake_take(struct intake *intake, const char *line, size_t size)
{
    static const struct {
        const char *event;
        enum record_kind (*take)(struct intake *);
    } events[] = {{"loaded", take_loaded},
                  {"found", take_found},
                  {"finding", take_finding},
                  {"case", take_case},
                  {"mutant", take_mutant}};
    json_decref(intake->record);
    intake->record = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    const char *event = json_string_value(json_object_get(intake->record, "event"));
    for (size_t i = 0; event && i < sizeof events / sizeof *events; i++)
        if (strcmp(events[i].event, event) == 0)
            return events[i].take(intake);
    return event ? RECORD_OTHER : RECORD_WRONG;
}
