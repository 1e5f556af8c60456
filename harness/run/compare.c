/* SPDX-License-Identifier: Apache-2.0
 *
 * Two builds: what is new, and who can still log in.
 *
 * A merge gate judges the change. Both builds are checked; findings of the later one that the
 * earlier has too are pre-existing and do not block. Two findings are the same when the same case
 * fails at the same check.
 *
 * The blast radius is counted, not guessed: rows of each generation are written by one build and
 * served by the other, each with its own names, passwords and salts, and the share that is refused
 * is given with its 95 % interval (Wilson, 1927). `upgrade` is what the later build does to rows of
 * the earlier one, `since` to its own, `rollback` what the earlier one does to rows that the later
 * one has touched.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faults/faults.h"
#include "harness/run/run.h"

struct generation {
    const char *direction, *generation, *test_case;
    bool writer_is_after, target_is_after;
    bool short_of_memory; /* the KDF gets no memory while the row is served */
    uint32_t rows;
};

static const struct generation generations[] = {
    {"upgrade", "rows written before the update", "compat.current_rows", false, true, false, 800},
    {"upgrade", "rows written before, hashed again at login since the update",
     "compat.rehashed_rows", false, true, false, 24},
    {"upgrade", "rows written before, hashing memory short (called wrong)",
     "compat.short_of_memory", false, true, true, 24},
    {"since", "rows written since the update", "compat.current_rows", true, true, false, 800},
    {"rollback", "rows written since the update, after a rollback", "compat.current_rows", true,
     false, false, 800},
    {"rollback", "rows hashed again since the update, after a rollback", "compat.rolled_back_rows",
     false, true, false, 24},
};

/* The step of compat.short_of_memory in which the row is served: open, register, close, open,
 * login. */
#define SERVING_STEP 4

bool findings_contain(const struct findings *findings, const struct finding *wanted)
{
    for (const struct finding *finding = findings->first; finding; finding = finding->next)
        if (finding->test_case == wanted->test_case &&
            same_failure(&finding->outcome, &wanted->outcome))
            return true;
    return false;
}

static void wilson(struct blast *blast)
{
    const double z = 1.959963984540054; /* 97.5th percentile of the normal distribution */
    double n = blast->asked, p = n > 0 ? blast->refused / n : 0;
    if (blast->asked == 0)
        return;
    double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    blast->low = centre - half > 1e-9 ? centre - half : 0;
    blast->high = centre + half < 1 - 1e-9 ? centre + half : 1;
}

/* One row served with the KDF's memory failing for good; its salts are those of entropy seed
 * `number`. */
static void request_short_of_memory(struct worker *worker, uint32_t case_index, uint64_t number)
{
    struct channel *channel = worker->channel;
    const struct plan plan = {1, {{{MEMORY_MAP, ROLE_NONE, SERVING_STEP, 0}, {1}, FAULT_FOR_GOOD}}};
    int64_t values[PLAN_VALUES_MAX];
    uint32_t count = plan_values(&plan, values);
    channel->input.at[0] = (struct choice){.value = (int64_t)number};
    for (uint32_t i = 0; i < count; i++)
        channel->input.at[1 + i] = (struct choice){.value = values[i]};
    channel->input.count = 1 + count;
    channel->relative = false;
    worker_request(worker, REQUEST_RUN, case_index);
}

static void note_refusal(struct worker *worker, const struct generation *generation,
                         struct blast *blast)
{
    const struct channel *channel = worker->channel;
    char target[2 * NAME_BYTES_MAX];
    blast->refused++;
    if (blast->token)
        return;
    token_target(&worker->options, target);
    blast->token = token_write(target, generation->test_case, &channel->drawn);
    blast->example = channel->outcome;
}

static void count_refusals(struct worker *worker, const struct generation *generation,
                           const struct settings *settings, uint32_t part, struct blast *blast)
{
    struct channel *channel = worker->channel;
    uint32_t case_index = 0, rows = (generation->rows + part - 1) / part;
    case_find(generation->test_case, &case_index);
    for (uint64_t next = 0; next < rows;) {
        if (generation->short_of_memory) {
            request_short_of_memory(worker, case_index, next++);
        } else {
            channel->seed = settings->seed;
            channel->first = next;
            channel->count = rows - next;
            worker_request(worker, REQUEST_RANDOM, case_index);
            next = channel->number >= next ? channel->number + 1 : rows;
        }
        enum verdict verdict = channel->outcome.verdict;
        bool refused =
            verdict == VERDICT_FAIL || verdict == VERDICT_CRASH || verdict == VERDICT_HANG;
        bool unrun = channel->tally.runs == 0 && !refused;
        blast->asked += unrun ? 0
                              : (uint32_t)(channel->tally.runs - channel->tally.rejected -
                                           channel->tally.overruns - channel->tally.unsupported);
        if ((verdict == VERDICT_CRASH || verdict == VERDICT_HANG))
            blast->asked++; /* the run that died was not counted by the child */
        if (refused)
            note_refusal(worker, generation, blast);
        else if (!generation->short_of_memory)
            break;
    }
    wilson(blast);
}

static bool blast_of(const char *before, const char *after, const struct generation *generation,
                     const struct settings *settings, uint32_t part, struct comparison *ret)
{
    struct blast *blast = &ret->blasts[ret->blast_count++];
    struct worker worker;
    const struct worker_options options = {
        .writer = generation->writer_is_after ? after : before,
        .target = generation->target_is_after ? after : before,
        .hang_seconds = settings->hang_seconds,
        .cases = all_cases,
    };
    *blast =
        (struct blast){.direction = generation->direction, .generation = generation->generation};
    bool open = worker_open(&worker, &options);
    if (open) {
        count_refusals(&worker, generation, settings, part, blast);
    } else {
        ret->exit_code = EXIT_UNJUDGED;
        snprintf(ret->message, sizeof ret->message, "%s", worker.channel->load_message);
    }
    worker_close(&worker);
    return open;
}

void compare_blast(const char *before, const char *after, const struct settings *settings,
                   uint32_t part, struct comparison *ret)
{
    for (size_t i = 0; i < sizeof generations / sizeof *generations; i++) {
        if (generations[i].short_of_memory && !(settings->techniques & (1u << TECHNIQUE_FAULT)))
            continue;
        if (!blast_of(before, after, &generations[i], settings, part, ret))
            return;
    }
    for (uint32_t i = 0; i < ret->blast_count; i++)
        if (ret->blasts[i].refused > 0)
            ret->exit_code = EXIT_FINDING;
}

static void count_states(struct comparison *ret)
{
    for (const struct finding *finding = ret->after.findings.first; finding;
         finding = finding->next)
        if (findings_contain(&ret->before.findings, finding))
            ret->old_count++;
        else
            ret->new_count++;
    for (const struct finding *finding = ret->before.findings.first; finding;
         finding = finding->next)
        ret->fixed_count += !findings_contain(&ret->after.findings, finding);
}

/* The earlier build: all of it, or with --first only what the later one failed. */
static void check_before(const char *before, const struct settings *settings,
                         const struct findings *later, struct check *ret)
{
    struct settings narrow = *settings;
    memset(ret, 0, sizeof *ret);
    findings_init(&ret->findings);
    if (settings->first && !later->first)
        return;
    if (settings->first) {
        narrow.case_glob = later->first->test_case->name;
        narrow.techniques = 1u << later->first->technique;
    }
    check_target(before, &narrow, NULL, ret);
}

void compare_targets(const char *before, const char *after, const struct settings *settings,
                     const struct listener *listener, struct comparison *ret)
{
    memset(ret, 0, sizeof *ret);
    check_target(after, settings, listener, &ret->after);
    check_before(before, settings, &ret->after.findings, &ret->before);
    const struct check *unjudged = ret->before.exit_code >= EXIT_UNJUDGED  ? &ret->before
                                   : ret->after.exit_code >= EXIT_UNJUDGED ? &ret->after
                                                                           : NULL;
    if (unjudged) {
        ret->exit_code = unjudged->exit_code;
        memcpy(ret->message, unjudged->message, sizeof ret->message);
        return;
    }
    compare_blast(before, after, settings, 1, ret);
    count_states(ret);
    if (ret->exit_code == EXIT_GREEN)
        ret->exit_code = ret->new_count                      ? EXIT_FINDING
                         : ret->after.exit_code == EXIT_WEAK ? EXIT_WEAK
                                                             : EXIT_GREEN;
}

void comparison_done(struct comparison *comparison)
{
    check_done(&comparison->before);
    check_done(&comparison->after);
    for (uint32_t i = 0; i < comparison->blast_count; i++)
        free(comparison->blasts[i].token);
    memset(comparison, 0, sizeof *comparison);
}
