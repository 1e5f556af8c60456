/* SPDX-License-Identifier: Apache-2.0
 *
 * What is installed, what is armed, and what of it reaches a target. A target whose library calls
 * pass the harness by (statically linked copies, RTLD_DEEPBIND, a VFS of its own) looks robust and
 * is only out of reach; here it shows.
 */
#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults/faults.h"
#include "harness/cli/cli.h"

struct reach {
    uint64_t sites[FAULT_OPERATIONS];
    uint64_t cases;
};

/* Whether a program is on the PATH. */
static bool installed(const char *program)
{
    const char *path = getenv("PATH");
    char file[4096];
    while (path && *path) {
        size_t size = strcspn(path, ":");
        snprintf(file, sizeof file, "%.*s/%s", (int)size, path, program);
        if (access(file, X_OK) == 0)
            return true;
        path += size + (path[size] == ':');
    }
    return false;
}

static void print_tools(void)
{
    static const struct {
        const char *program, *for_what;
    } tools[] = {{"clang", "make fuzz, CC=clang"},
                 {"gcovr", "make coverage"},
                 {"clang-format", "make lint"},
                 {"patch", "variants"}};
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        printf("%s %-12s %s (%s)\n", i == 0 ? "tools      " : "           ", tools[i].program,
               installed(tools[i].program) ? "installed" : "MISSING: make deps", tools[i].for_what);
}

static void count_sites(struct worker *worker, struct reach *ret)
{
    for (uint32_t i = 0; all_cases[i]; i++) {
        if (!(all_cases[i]->techniques & (1u << TECHNIQUE_FAULT)))
            continue;
        worker_request(worker, REQUEST_COUNT, i);
        const struct site_list *sites = &worker->channel->sites;
        ret->cases += worker->channel->outcome.verdict != VERDICT_UNSUPPORTED;
        for (uint32_t s = 0; s < sites->count && s < SITES_MAX; s++)
            if (sites->at[s].operation < FAULT_OPERATIONS)
                ret->sites[sites->at[s].operation]++;
    }
}

static void print_traits(const struct assay_traits *traits)
{
    static const char *const recoveries[] = {"after reopening", "at once", "after a restart"};
    printf(
        "traits      passwords %u to %u bytes, names %u to %u bytes (0: no limit), recovers %s\n",
        traits->password_bytes_min, traits->password_bytes_max, traits->name_bytes_min,
        traits->name_bytes_max,
        (unsigned)traits->recovery < 3 ? recoveries[traits->recovery]
                                       : "in a way that does not exist");
    printf("            entropy %s, cheapest cost m=%u t=%u, default m=%u t=%u\n",
           traits->controlled_entropy ? "controlled" : "not controlled",
           traits->cost_min.memory_kib, traits->cost_min.passes, traits->cost_default.memory_kib,
           traits->cost_default.passes);
}

static void print_reach(const struct reach *reach)
{
    printf("fault sites reached in %llu scenarios\n", (unsigned long long)reach->cases);
    for (uint16_t i = 0; i < FAULT_OPERATIONS; i++)
        printf("  %-30s %6llu  %s\n", fault_catalogue.operations[i].name,
               (unsigned long long)reach->sites[i],
               reach->sites[i] ? "reached" : "armed, not reached by this target");
}

enum exit_code command_doctor(const struct options *options)
{
    const char *target = options->argument_count > 0 ? options->arguments[0] : "reference";
    const struct worker_options worker_options = {
        .target = target, .hang_seconds = options->settings.hang_seconds, .cases = all_cases};
    struct reach reach = {{0}, 0};
    struct worker worker;
    printf("libraries   libsodium %s, SQLite %s, jansson %s\n", sodium_version_string(),
           sqlite3_libversion(), JANSSON_VERSION);
    print_tools();
    printf("techniques  ");
    for (uint32_t technique = 0; technique < TECHNIQUES; technique++)
        printf("%s%s", technique ? ", " : "", technique_name(technique));
    printf(": armed; powercut, work, hygiene: not in this version\n");
    if (!worker_open(&worker, &worker_options)) {
        fprintf(stderr, "assay: %s\n", worker.channel->load_message);
        worker_close(&worker);
        return EXIT_UNJUDGED;
    }
    printf("target      %s, version %.40s\n", target, worker.channel->target_version);
    print_traits(&worker.channel->traits);
    count_sites(&worker, &reach);
    worker_close(&worker);
    print_reach(&reach);
    bool storage = reach.sites[DISK_OPEN] > 0;
    bool hashing = reach.sites[MEMORY_MAP] || reach.sites[CALL_CRYPTO_PWHASH] ||
                   reach.sites[CALL_CRYPTO_PWHASH_STR];
    if (reach.cases == 0)
        printf("no scenario ran: the target has no accounts; only its hashing is judged\n");
    else if (!storage || !hashing)
        printf("careful: %s%s%s faults do not reach this target, and the fault technique cannot "
               "vouch for it there\n",
               storage ? "" : "storage", storage || hashing ? "" : " and ",
               hashing ? "" : "hashing");
    return EXIT_GREEN;
}
