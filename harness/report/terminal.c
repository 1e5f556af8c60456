/* SPDX-License-Identifier: Apache-2.0
 *
 * The terminal: failures first, as short stories with one line to repeat them; the last line is
 * always the verdict. Progress goes to stderr, and only when that is a terminal. NO_COLOR
 * (no-color.org) is honoured.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/report/report.h"

void terminal_init(struct terminal *terminal, bool verbose)
{
    const char *no_colour = getenv("NO_COLOR");
    *terminal = (struct terminal){.out = stdout, .verbose = verbose};
    terminal->colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
    terminal->progress = isatty(STDERR_FILENO);
}

static const char *paint(const struct terminal *terminal, bool good)
{
    return !terminal->colour ? "" : good ? "\033[32m" : "\033[1;31m";
}

static const char *unpaint(const struct terminal *terminal)
{
    return terminal->colour ? "\033[0m" : "";
}

void terminal_progress(const struct terminal *terminal, const char *format, ...)
{
    va_list arguments;
    if (!terminal->progress)
        return;
    fputs("\r\033[K", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fflush(stderr);
}

/* What the runs of a case were like, a line each. */
static void tell_observed(const struct terminal *terminal, const struct observations *observed)
{
    for (uint32_t i = 0; i < observed->count; i++) {
        const struct observation *row = &observed->at[i];
        double share = observed->runs ? 100.0 * (double)row->runs / (double)observed->runs : 0;
        if (row->kind == OBSERVED_MAXIMUM)
            fprintf(terminal->out, "            %s: at most %lld\n", row->name,
                    (long long)row->largest);
        else
            fprintf(terminal->out, "            %s: %.0f %% of the runs that passed\n", row->name,
                    share);
    }
}

void terminal_result(const struct terminal *terminal, const struct case_result *result)
{
    bool good = result->verdict == VERDICT_PASS || result->verdict == VERDICT_UNSUPPORTED;
    terminal_progress(terminal, "%s  %s", technique_name(result->technique),
                      result->test_case->name);
    if (!terminal->verbose && good)
        return;
    terminal_progress(terminal, "%s", "");
    fprintf(terminal->out, "%s%-11s%s %-11s %-32s %8llu runs %9llu checks", paint(terminal, good),
            verdict_name(result->verdict), unpaint(terminal), technique_name(result->technique),
            result->test_case->name, (unsigned long long)result->tally.runs,
            (unsigned long long)result->tally.checks);
    if (result->moments)
        fprintf(terminal->out, ", %llu moments, %llu states", (unsigned long long)result->moments,
                (unsigned long long)result->tally.states);
    if (result->sites)
        fprintf(terminal->out, ", %llu sites", (unsigned long long)result->sites);
    fprintf(terminal->out, "%s%s\n", result->message[0] ? ": " : "", result->message);
    tell_observed(terminal, &result->observed);
}

/* A line of foreign text: what could steer a terminal is replaced. */
static void print_line(FILE *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        fputc((byte < 0x20 && byte != '\t') || byte == 0x7f ? '?' : byte, out);
    }
    fputc('\n', out);
}

static void print_indented(const struct terminal *terminal, const char *text, const char *indent,
                           int number)
{
    while (*text) {
        size_t size = strcspn(text, "\n");
        fputs(indent, terminal->out);
        if (number > 0)
            fprintf(terminal->out, "%3d  ", number++);
        print_line(terminal->out, text, size);
        text += size + (text[size] == '\n');
    }
}

void terminal_outcome(const struct terminal *terminal, const struct outcome *outcome,
                      const char *output)
{
    print_indented(terminal, outcome->story, "   ", 1);
    fprintf(terminal->out, "      got       %s\n",
            outcome->message[0] ? outcome->message : verdict_name(outcome->verdict));
    if (outcome->line)
        fprintf(terminal->out, "      checked   %s  (%s:%d)\n", outcome->expression, outcome->file,
                outcome->line);
    if (outcome->site_text[0])
        fprintf(terminal->out, "      injected  %s\n", outcome->site_text);
    if (outcome->step[0] && outcome->verdict != VERDICT_FAIL)
        fprintf(terminal->out, "      during    \"%s\"\n", outcome->step);
    if (output && *output && outcome->verdict != VERDICT_FAIL) {
        const char *end = output + strlen(output);
        fprintf(terminal->out, "      the target printed:\n");
        print_indented(terminal, end - output > 1500 ? end - 1500 : output, "        | ", 0);
    }
}

void terminal_shrinking(const struct terminal *terminal, const struct finding *finding,
                        uint32_t executions)
{
    char message[64], text[sizeof message];
    snprintf(message, sizeof message, "%s", finding->outcome.message);
    for (size_t i = 0; i < sizeof message; i++) /* nothing that could steer a terminal */
        text[i] = message[i] && (message[i] < 0x20 || message[i] == 0x7f) ? '?' : message[i];
    terminal_progress(
        terminal, "%s %s (%s), shrinking: %u executions", finding->test_case->name,
        finding->outcome.verdict == VERDICT_FAIL ? "fails" : verdict_name(finding->outcome.verdict),
        text, executions);
}

/* "whatever the password is, and the 2nd name". */
static void tell_explanation(const struct terminal *terminal, const struct explanation *explained)
{
    for (uint32_t i = 0; i < explained->count; i++) {
        uint32_t ordinal = explained->parts[i].ordinal;
        fprintf(terminal->out, "%sthe %s", i == 0 ? "      whatever  " : ", and ",
                explained->parts[i].label);
        if (ordinal > 1)
            fprintf(terminal->out, " (number %u)", ordinal);
    }
    if (explained->count)
        fprintf(terminal->out, " may be\n");
}

void terminal_finding(const struct terminal *terminal, const struct finding *finding,
                      const char *heading)
{
    terminal_progress(terminal, "%s", "");
    fprintf(terminal->out, "\n%s%s%s  %s%s%s  (%s", paint(terminal, false),
            verdict_name(finding->outcome.verdict), unpaint(terminal), heading, *heading ? " " : "",
            finding->test_case->name, technique_name(finding->technique));
    if (finding->technique != TECHNIQUE_REGRESSIONS)
        fprintf(terminal->out, ", run %llu, made smaller in %u more",
                (unsigned long long)finding->executions, finding->shrunk_by);
    fputs(")\n", terminal->out);
    fprintf(terminal->out, "      shows     %s\n", finding->test_case->shows);
    terminal_outcome(terminal, &finding->outcome, finding->output);
    if (finding->repeats)
        fprintf(terminal->out, "      rate      fails in %u of %u runs with the same choices\n",
                finding->failed, finding->repeats);
    tell_explanation(terminal, &finding->explanation);
    if (finding->more)
        fprintf(terminal->out, "      and       %llu more %s fail at this check\n",
                (unsigned long long)finding->more,
                finding->technique == TECHNIQUE_POWERCUT ? "states or faults" : "fault sites");
    fprintf(terminal->out, "      replay    assay replay %s\n",
            finding->token ? finding->token : "(no memory for a token)");
    fflush(terminal->out);
}

/* A target that faults do not reach looks robust and is only out of reach. */
static void warn_of_reach(const struct terminal *terminal, const struct check *check)
{
    bool tried = false;
    bool disk = check_reached(check, "disk.") || check_reached(check, "file.");
    bool hashing = check_reached(check, "memory.map") || check_reached(check, "call.");
    for (uint32_t i = 0; i < check->result_count; i++)
        tried |= check->results[i].technique == TECHNIQUE_FAULT;
    if (tried && !disk)
        fprintf(terminal->out,
                "careful: no storage fault reached this target (no SQLite on its "
                "default VFS, no files of its own), so nothing vouches for it there\n");
    if (tried && !hashing)
        fprintf(terminal->out, "careful: no hashing fault reached this target (no libsodium, or "
                               "its own copy), so nothing vouches for it there\n");
}

/* How far enumeration went: what was left out is said. */
static void tell_bounds(const struct terminal *terminal, const struct check *check,
                        enum technique technique)
{
    uint32_t whole = 0, cut = 0, rows = 0, least = UINT32_MAX;
    for (uint32_t i = 0; i < check->result_count; i++) {
        const struct case_result *result = &check->results[i];
        bool bounded = technique == TECHNIQUE_SCHEDULE && result->weight >= PREEMPTIONS_MAX;
        if (result->technique != technique || result->verdict == VERDICT_UNSUPPORTED)
            continue;
        rows += result->rows;
        whole += result->all || bounded;
        cut += !result->all && !bounded;
        least = !result->all && result->weight < least ? result->weight : least;
    }
    if (technique == TECHNIQUE_SCHEDULE && whole)
        fprintf(terminal->out, ", all interleavings with at most %u preemptions in %u",
                PREEMPTIONS_MAX, whole);
    if (technique == TECHNIQUE_EXHAUSTIVE && whole)
        fprintf(terminal->out, ", all sequences%s in %u",
                rows ? " or all combinations of three factors" : "", whole);
    if (cut)
        fprintf(terminal->out, ", not all in %u (up to weight %u)", cut, least);
}

/* What was injected and what was reported, a line for each kind of fault: how often it was tried,
 * how often nothing was reported, and how often each cause. */
static void tell_attribution(const struct terminal *terminal, const struct fault_tally *tally)
{
    const struct catalogue *catalogue = edge_catalogue();
    for (uint16_t operation = 0; operation < catalogue->operation_count; operation++)
        for (uint8_t effect = 1; effect <= catalogue->operations[operation].effect_count;
             effect++) {
            uint64_t trials = fault_trials(tally, operation, effect);
            if (trials == 0)
                continue;
            fprintf(terminal->out, "            %-30s %-9s %6llu",
                    catalogue->operations[operation].name,
                    catalogue->operations[operation].effects[effect - 1],
                    (unsigned long long)trials);
            for (uint32_t i = 0; i < tally->attribution_count; i++) {
                const struct attribution *row = &tally->attributions[i];
                if (row->operation != operation || row->effect != effect)
                    continue;
                if (row->report.layer == 0)
                    fprintf(terminal->out, "  nothing reported %u", row->runs);
                else
                    fprintf(terminal->out, "  (%s, %s) %u", layer_name(row->report.layer),
                            reason_name(row->report.reason), row->runs);
            }
            fputs(trials < FAULT_TRIALS_MIN ? "  (few)\n" : "\n", terminal->out);
        }
}

/* What became of all runs with faults. */
static void tell_faults(const struct terminal *terminal, const struct check *check)
{
    struct fault_tally *sum = calloc(1, sizeof *sum);
    const char *comma = "";
    for (uint32_t i = 0; sum && i < check->result_count; i++)
        fault_tally_add(sum, &check->results[i].faults);
    if (!sum)
        return;
    fprintf(terminal->out, "            %llu single faults", (unsigned long long)sum->singles);
    if (sum->pairs_in_all)
        fprintf(terminal->out, ", %llu of %llu pairs%s", (unsigned long long)sum->pairs,
                (unsigned long long)sum->pairs_in_all,
                sum->pairs < sum->pairs_in_all ? " (one of each kind)" : "");
    if (sum->triples)
        fprintf(terminal->out, ", %llu triples", (unsigned long long)sum->triples);
    fputs(": ", terminal->out);
    for (uint32_t i = 0; i < CONSEQUENCES; i++) {
        if (sum->consequences[i] == 0)
            continue;
        fprintf(terminal->out, "%s%u %s", comma, sum->consequences[i], consequence_name(i));
        comma = ", ";
    }
    fputc('\n', terminal->out);
    if (terminal->verbose)
        tell_attribution(terminal, sum);
    free(sum);
}

void terminal_check(const struct terminal *terminal, const struct check *check, bool whole)
{
    if (whole)
        warn_of_reach(terminal, check);
    for (uint32_t technique = 0; technique < TECHNIQUES; technique++) {
        uint64_t cases = 0, runs = 0, checks = 0, sites = 0, moments = 0, states = 0,
                 unsupported_count = 0;
        for (uint32_t i = 0; i < check->result_count; i++) {
            const struct case_result *result = &check->results[i];
            if (result->technique != technique)
                continue;
            cases++;
            runs += result->tally.runs;
            checks += result->tally.checks;
            sites += result->sites;
            moments += result->moments;
            states += result->tally.states;
            unsupported_count += result->verdict == VERDICT_UNSUPPORTED;
        }
        if (cases == 0)
            continue;
        fprintf(terminal->out, "%-11s %3llu cases %8llu runs %9llu checks",
                technique_name(technique), (unsigned long long)cases, (unsigned long long)runs,
                (unsigned long long)checks);
        if (technique == TECHNIQUE_FAULT)
            fprintf(terminal->out, ", %llu fault sites, each failing once, twice and for good",
                    (unsigned long long)sites);
        if (moments)
            fprintf(terminal->out, ", %llu states of the disk after power cuts at %llu moments",
                    (unsigned long long)states, (unsigned long long)moments);
        if (technique == TECHNIQUE_SCHEDULE || technique == TECHNIQUE_EXHAUSTIVE)
            tell_bounds(terminal, check, technique);
        if (unsupported_count)
            fprintf(terminal->out, ", %llu cases UNSUPPORTED by this target",
                    (unsigned long long)unsupported_count);
        fputc('\n', terminal->out);
        if (technique == TECHNIQUE_FAULT)
            tell_faults(terminal, check);
    }
}

void terminal_blasts(const struct terminal *terminal, const struct comparison *comparison)
{
    fprintf(terminal->out, "\nblast radius: right passwords refused\n");
    for (uint32_t i = 0; i < comparison->blast_count; i++) {
        const struct blast *blast = &comparison->blasts[i];
        double share = blast->asked ? 100.0 * blast->refused / blast->asked : 0;
        fprintf(terminal->out, "  %s%6.1f %%%s  %-9s %-66s %4u of %4u  (95 %%: %.1f to %.1f)\n",
                paint(terminal, blast->refused == 0), share, unpaint(terminal), blast->direction,
                blast->generation, blast->refused, blast->asked, 100 * blast->low,
                100 * blast->high);
    }
}

void terminal_exhibit(const struct terminal *terminal, const struct exhibit *exhibit)
{
    bool defect = exhibit->kind == EXHIBIT_DEFECT;
    const char *word =
        defect ? (exhibit->good ? "refused" : "SURVIVES") : (exhibit->good ? "passed" : "REFUSED");
    char by[64] = "";
    for (uint32_t i = 0; i < TECHNIQUES && defect; i++)
        if (exhibit_techniques(exhibit) & (1u << i))
            snprintf(by + strlen(by), sizeof by - strlen(by), "%s%s", *by ? ", " : "",
                     technique_name(i));
    terminal_progress(terminal, "%s", "");
    fprintf(terminal->out, "%s%-9s%s %-8s %-28s %-10s %6.2f s  %s\n",
            paint(terminal, exhibit->good), word, unpaint(terminal), defect ? "defect" : "harmless",
            exhibit->name, by, (double)exhibit->cpu_us / 1e6,
            exhibit->why[0]  ? exhibit->why
            : exhibit->title ? exhibit->title
                             : "");
    fflush(terminal->out);
}

void terminal_proof(const struct terminal *terminal, const struct proof *proof,
                    const struct gate *gate)
{
    static const char *const words[] = {
        [GATE_FAILED] = "NO", [GATE_OK] = "ok", [GATE_NOT_JUDGED] = "-"};
    fputc('\n', terminal->out);
    for (uint32_t t = 0; t < TECHNIQUES; t++) {
        uint32_t only;
        uint64_t median;
        uint32_t count = proof_worth(proof, t, &only, &median);
        if (count > 0)
            fprintf(terminal->out, "%-11s refused %3u defects, the median after %llu executions\n",
                    technique_name(t), count, (unsigned long long)median);
    }
    fputc('\n', terminal->out);
    for (uint32_t i = 0; i < GATE_RULES; i++) {
        const struct gate_rule *rule = &gate->rules[i];
        fprintf(terminal->out, "%s%-3s%s %-32s wanted %-14s got %s\n",
                paint(terminal, rule->state != GATE_FAILED), words[rule->state], unpaint(terminal),
                rule->name, rule->wanted, rule->got);
    }
}

const char *verdict_word(enum exit_code exit_code)
{
    static const char *const words[] = {"GREEN", "REFUSED", "TOO WEAK", "CANNOT BE JUDGED"};
    return exit_code < sizeof words / sizeof *words ? words[exit_code] : "ERROR";
}

void terminal_verdict(const struct terminal *terminal, enum exit_code exit_code, const char *format,
                      ...)
{
    va_list arguments;
    terminal_progress(terminal, "%s", "");
    fprintf(terminal->out, "%s%s%s: ", paint(terminal, exit_code == EXIT_GREEN),
            verdict_word(exit_code), unpaint(terminal));
    va_start(arguments, format);
    vfprintf(terminal->out, format, arguments);
    va_end(arguments);
    fputc('\n', terminal->out);
    fflush(terminal->out);
}
