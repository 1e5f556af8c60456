/* SPDX-License-Identifier: Apache-2.0
 *
 * The child's side of a mutated module.
 *
 * A mutated module has all of its mutants in it, and one of them at most is active. Where the
 * target is named NAME@KEY, that is the one with this key, for good: `check` and `replay` then go
 * as they always do. Where a table is shared with the parent, the parent says before each request
 * which one is active, and the process is not begun anew for each.
 *
 * Under a recording, each run begins with nothing reached. When it has ended, the mutants that it
 * was the first to reach are kept with the token that repeats it. In a counting run it is also
 * noted how many sites had been passed when a mutant was reached: faults near there are the ones
 * that a mutant of the handling of errors must be afraid of.
 *
 * Work is how the cost of a run is counted, in microseconds of an ordinary machine: from edges,
 * turns of loops, and the memory that password hashing goes through. It is the same each time, so
 * what fits a budget is the same, too. What is not counted: hashing by crypt(3), and the time that
 * SQLite spends without passing an edge.
 *
 * A loop that uses up its turns ends the process: there is no way out of foreign frames. Memory
 * that the process may have is limited, since a mutant may ask for any amount.
 */
#include "harness/run/mutated.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "coverage/mutate/mutant.h"
#include "faults/faults.h"

/* Microseconds: of a run; of an edge; turns and KiB times passes that take one. */
#define WORK_OF_RUN   20u
#define EDGES_OF_WORK 2u
#define TURNS_OF_WORK 500u
#define KIB_OF_WORK   1u

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_IS_LIMITED false /* their shadows are larger than any limit */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MEMORY_IS_LIMITED false
#else
#define MEMORY_IS_LIMITED true
#endif
#else
#define MEMORY_IS_LIMITED true
#endif

static struct {
    const struct assay_mutants *module; /* null: it is not a mutated one */
    struct mutant_table *table;
    const struct worker_options *options;
    struct channel *channel;
    bool counting;
    uint64_t hashed; /* when the run began */
} state;

/* --- Tables */

struct mutant_table *mutant_table_new(void)
{
    void *memory = mmap(NULL, sizeof(struct mutant_table), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void mutant_table_free(struct mutant_table *table)
{
    if (table)
        munmap(table, sizeof *table);
}

void mutant_table_empty(struct mutant_table *table)
{
    uint32_t count = table->count < MUTANTS_MAX ? table->count : MUTANTS_MAX;
    table->endless = false;
    table->work = table->turns_max = 0;
    table->kept_all = true;
    table->kept_bytes = 0;
    memset(table->seen, 0, count);
    for (uint32_t i = 0; i < count; i++)
        table->site_at[i] = SITE_NONE;
}

/* A kept run is: its work, how many mutants, their indices, the token and its NUL. */
struct kept_head {
    uint64_t work;
    uint32_t count, token_size;
};

bool kept_next(const struct mutant_table *table, uint32_t *at, struct kept_run *ret)
{
    struct kept_head head;
    size_t end = table->kept_bytes < sizeof table->kept ? table->kept_bytes : sizeof table->kept;
    size_t from = *at;
    if (from + sizeof head > end)
        return false;
    memcpy(&head, table->kept + from, sizeof head);
    from += sizeof head;
    if (head.count > MUTANTS_MAX || head.token_size == 0 || head.token_size > TOKEN_BYTES_MAX ||
        end - from < 4 * (size_t)head.count + head.token_size ||
        table->kept[from + 4 * (size_t)head.count + head.token_size - 1] != 0)
        return false;
    *ret = (struct kept_run){head.work, (const char *)table->kept + from + 4 * (size_t)head.count,
                             head.count, table->kept + from};
    *at = (uint32_t)(from + 4 * (size_t)head.count + head.token_size);
    return true;
}

uint32_t kept_mutant(const struct kept_run *kept, uint32_t number)
{
    uint32_t index;
    memcpy(&index, kept->mutants + 4 * (size_t)number, sizeof index);
    return index;
}

/* --- Loading */

static void fill_row(struct mutant_row *row, const struct mutant *mutant)
{
    row->key = mutant->key;
    row->line = mutant->line;
    row->column = mutant->column;
    const struct {
        char *to;
        size_t size;
        const char *from;
    } texts[] = {{row->operator_name, sizeof row->operator_name, mutant->operator_name},
                 {row->file, sizeof row->file, mutant->file},
                 {row->function, sizeof row->function, mutant->function},
                 {row->original, sizeof row->original, mutant->original},
                 {row->replacement, sizeof row->replacement, mutant->replacement}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        snprintf(texts[i].to, texts[i].size, "%s", texts[i].from ? texts[i].from : "");
}

static void fill_table(struct mutant_table *table)
{
    for (uint32_t i = 0; i < state.module->count; i++)
        fill_row(&table->rows[i], &state.module->at[i]);
    table->count = state.module->count;
}

static __attribute__((noreturn)) void end_endless(void)
{
    state.table->endless = true;
    _exit(EXIT_FINDING);
}

void mutated_open(struct mutant_table *table, const struct module *module,
                  const struct worker_options *options, struct channel *channel)
{
    state.module = module->mutants;
    state.table = state.module ? table : NULL;
    state.options = options;
    state.channel = channel;
    if (!state.table)
        return;
    if (table->wanted)
        fill_table(table);
    *state.module->out_of_fuel = end_endless;
    if (MEMORY_IS_LIMITED)
        setrlimit(RLIMIT_AS, &(struct rlimit){MUTANT_MEMORY_BYTES_MAX, MUTANT_MEMORY_BYTES_MAX});
}

/* --- Running */

bool mutated_switching(void)
{
    return state.table != NULL;
}

uint64_t mutated_salt(void)
{
    return state.table ? (uint64_t)state.table->active << 32 : 0;
}

/* Notes the mutants that the counting run has reached since the last site. */
static void note_sites(void)
{
    struct mutant_table *table = state.table;
    const uint8_t *reached = state.module->reached;
    uint32_t count = state.module->count, sites = state.channel->sites.count;
    for (uint32_t i = 0; i < count;) {
        uint64_t eight = 0;
        memcpy(&eight, reached + i, count - i < 8 ? count - i : 8);
        for (uint32_t end = i + 8; i < end && i < count; i++)
            if (eight && reached[i] && table->site_at[i] == SITE_NONE)
                table->site_at[i] = sites;
    }
}

void mutated_request(enum request_kind kind)
{
    const struct mutant_table *table = state.table;
    if (!table)
        return;
    *state.module->active = table->active <= state.module->count ? table->active : 0;
    *state.module->recording = table->recording;
    *state.module->fuel = table->fuel ? table->fuel : UINT64_MAX;
    state.counting = table->recording && kind == REQUEST_COUNT;
    edge_watch(state.counting ? note_sites : NULL);
}

void mutated_run_begin(void)
{
    if (!state.module)
        return;
    *state.module->turns = 0;
    state.hashed = hashing_work();
    if (state.table && state.table->recording)
        memset(state.module->reached, 0, state.module->count);
}

static uint64_t work_of_run(uint64_t turns)
{
    return WORK_OF_RUN + state.channel->outcome.edges / EDGES_OF_WORK + turns / TURNS_OF_WORK +
           (hashing_work() - state.hashed) / KIB_OF_WORK;
}

/* What the run was the first to reach. */
static uint32_t take_new(uint32_t *ret)
{
    struct mutant_table *table = state.table;
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < state.module->count; i++)
        if (state.module->reached[i] && !table->seen[i]) {
            table->seen[i] = 1;
            ret[fresh++] = i;
        }
    return fresh;
}

static void keep(uint64_t work, bool repeatable)
{
    static uint32_t fresh[MUTANTS_MAX];
    struct mutant_table *table = state.table;
    struct kept_head head = {.work = work, .count = take_new(fresh)};
    char target[2 * NAME_BYTES_MAX], *token = NULL;
    if (head.count == 0)
        return;
    token_target(state.options, target);
    if (repeatable)
        token = token_write(target, state.options->cases[state.channel->case_index]->name,
                            &state.channel->drawn);
    const char *text = token ? token : "";
    head.token_size = (uint32_t)strlen(text) + 1;
    size_t room = sizeof table->kept - table->kept_bytes;
    if (room < sizeof head + 4 * (size_t)head.count + head.token_size) {
        table->kept_all = false;
    } else {
        uint8_t *to = table->kept + table->kept_bytes;
        memcpy(to, &head, sizeof head);
        memcpy(to + sizeof head, fresh, 4 * (size_t)head.count);
        memcpy(to + sizeof head + 4 * (size_t)head.count, text, head.token_size);
        table->kept_bytes += (uint32_t)(sizeof head + 4 * (size_t)head.count + head.token_size);
    }
    free(token);
}

void mutated_run_end(bool repeatable)
{
    struct mutant_table *table = state.table;
    if (!table)
        return;
    uint64_t turns = *state.module->turns;
    uint64_t work = work_of_run(turns);
    table->work += work;
    table->turns_max = turns > table->turns_max ? turns : table->turns_max;
    if (state.counting)
        note_sites();
    if (table->recording)
        keep(work, repeatable);
}
