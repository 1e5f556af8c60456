/* SPDX-License-Identifier: Apache-2.0
 *
 * The child's side of a worker: one request after the other, each a batch of runs in this process.
 *
 * Before each run the module's variables, the disk, the clock and all randomness are put back, so
 * that a run depends on nothing but its choices. What a run has drawn, and which run it is, stands
 * in shared memory before the target is called: if the process dies, the parent has everything.
 * After each run the child looks whether the target left its surroundings as they were: standard
 * output, standard error, and the pipe to the parent.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "faults/faults.h"
#include "harness/run/mutated.h"
#include "harness/run/probes.h"
#include "harness/run/room.h"

struct service {
    struct channel *channel;
    const struct worker_options *options;
    struct module target, writer;
    struct subject subject;
    int signal_pipe;
    pid_t pid;
    struct power_search *search; /* of the run that is under way, or null */
    bool records_restart;        /* the sites that are passed behind a power cut */
    uint64_t cpu_us_before;      /* of this process, when the request began */
    struct memory_left before;   /* the run */
    uint32_t measured_case;      /* of which this is known: */
    uint64_t measured_salt;      /* under this mutant, */
    bool measured;               /* if it is: */
    int64_t usual_left;          /* what a run without faults leaves */
    struct stat output;          /* of standard output, to see whether it is still there */
};

/* In builds that count coverage the counters are written by exit handlers. */
static __attribute__((noreturn)) void leave(void)
{
#ifdef ASSAY_COVERAGE
    exit(0);
#else
    _exit(0);
#endif
}

/* Processor time of this process so far. */
static uint64_t cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void world_begin(void *context, uint64_t entropy_seed)
{
    struct service *service = context;
    room_empty(service->options->room);
    module_restore(&service->target);
    module_restore(&service->writer);
    faults_reset(entropy_seed);
    mutated_run_begin();
    service->before = memory_left();
}

/* Whether the cell has used up its processor time; notes it. */
static bool is_spent(struct service *service)
{
    struct channel *channel = service->channel;
    uint64_t limit = channel->orders.cpu_us_max;
    if (limit > 0 && channel->cost.cpu_us + cpu_us() - service->cpu_us_before >= limit)
        channel->cost.cut = true;
    return channel->cost.cut;
}

/* After a power cut: a new process, as far as the target can tell. The number of the state is what
 * the parent sees going on. */
static const char *world_restart(void *context)
{
    struct service *service = context;
    if (!room_is_empty(service->options->room))
        return "a store that is all SQLite's: no power cut reaches files that it opens itself";
    module_restore(&service->target);
    module_restore(&service->writer);
    faults_restart();
    if (service->search)
        service->channel->number = service->search->state;
    if (service->search && is_spent(service))
        service->search->count_max = 0; /* this state is the last one */
    service->channel->power.scenario_sites = service->channel->sites.count;
    if (service->records_restart)
        edge_record(&service->channel->sites);
    return NULL;
}

/* A disk that was made under another mutant is another disk. */
static void world_keep(void *context, const void *owner, uint64_t entropy_seed)
{
    const struct service *service = context;
    disk_keep(room_keep(service->options->room) ? owner : NULL, entropy_seed | mutated_salt());
}

static bool world_restore(void *context, const void *owner, uint64_t entropy_seed)
{
    const struct service *service = context;
    return disk_restore(owner, entropy_seed | mutated_salt()) &&
           room_restore(service->options->room);
}

static void world_pass(void *context, uint64_t us)
{
    (void)context;
    clock_pass(us);
}

static void world_set_clock(void *context, int64_t us)
{
    (void)context;
    clock_set(us);
}

static void world_thread(void *context)
{
    struct service *service = context;
    module_restore_thread(&service->target);
    module_restore_thread(&service->writer);
}

static void fail(struct outcome *outcome, const char *where, const char *message)
{
    outcome->verdict = VERDICT_FAIL;
    outcome->line = 0;
    snprintf(outcome->file, sizeof outcome->file, "%s", where);
    snprintf(outcome->message, sizeof outcome->message, "%s", message);
    outcome->expression[0] = 0;
}

static bool same_file(int descriptor, const struct stat *before)
{
    struct stat now;
    return fstat(descriptor, &now) == 0 && now.st_dev == before->st_dev &&
           now.st_ino == before->st_ino;
}

/* What the run has left behind. */
static int64_t left_behind(const struct service *service)
{
    struct memory_left now = memory_left();
    return now.sqlite - service->before.sqlite + now.mappings - service->before.mappings;
}

static void judge_leak(struct service *service, struct outcome *outcome)
{
    int64_t left = left_behind(service);
    char message[MESSAGE_BYTES];
    if (service->measured_case != service->channel->case_index ||
        service->measured_salt != mutated_salt()) {
        service->usual_left = 0;
        service->measured = false;
    }
    service->measured_case = service->channel->case_index;
    service->measured_salt = mutated_salt();
    if (outcome->plan.count == 0) {
        service->usual_left = left > service->usual_left ? left : service->usual_left;
        service->measured = true;
        return;
    }
    if ((mutated_switching() && !service->measured) || left <= service->usual_left)
        return;
    snprintf(message, sizeof message,
             "everything is closed, and %lld allocations of SQLite or mappings of a KDF are "
             "left; without the fault it is %lld",
             (long long)left, (long long)service->usual_left);
    fail(outcome, "leak", message);
    outcome->evidence = CONSEQUENCE_LEAK;
}

/* What the target must leave alone. Only a run that was green can become red here. */
static void world_end(void *context)
{
    struct service *service = context;
    struct outcome *outcome = &service->channel->outcome;
    /* A copy that the target made of us: there is one run, and one that tells of it. */
    if (getpid() != service->pid)
        _exit(1);
    if (outcome->verdict == VERDICT_FAIL || service->channel->orders.deaf)
        return;
    outcome->evidence = CONSEQUENCE_WRONG_ANSWER;
    if (!same_file(STDOUT_FILENO, &service->output) ||
        !same_file(STDERR_FILENO, &service->output) || fcntl(service->signal_pipe, F_GETFD) < 0)
        fail(outcome, "descriptors",
             "the target closed or replaced file descriptors that are not its own");
    else if (!disk_is_default())
        fail(outcome, "vfs",
             "the target replaced SQLite's default VFS: storage faults would no longer reach it");
    else
        judge_leak(service, outcome);
}

static enum verdict run_once(struct service *service, struct source *source)
{
    struct channel *channel = service->channel;
    /* Behind the end of its time the cell goes another way, which must not look like the subject's.
     */
    bool traced = channel->orders.measured && !channel->cost.cut;
    struct run run = {.source = source,
                      .choices = &channel->drawn,
                      .outcome = &channel->outcome,
                      .observed = &channel->observed,
                      .search = service->search,
                      .answers = traced ? &channel->cost.answers : NULL,
                      .deaf = channel->orders.deaf,
                      .telling = channel->telling};
    const struct world world = {.begin = world_begin,
                                .end = world_end,
                                .context = service,
                                .thread = world_thread,
                                .restart = world_restart,
                                .keep = world_keep,
                                .restore = world_restore,
                                .pass = world_pass,
                                .set_clock = world_set_clock};
    enum verdict verdict =
        case_run(&run, service->options->cases[channel->case_index], &service->subject, &world);
    mutated_run_end(service->search == NULL);
    struct tally *tally = &channel->tally;
    const uint8_t verdict_byte = (uint8_t)verdict;
    note_answer(&run, &verdict_byte, 1);
    if (traced)
        answers_end(&channel->cost.answers);
    tally->runs++;
    tally->checks += channel->outcome.checks;
    tally->edges += channel->outcome.edges;
    for (uint32_t i = 0; i < channel->drawn.count; i++)
        tally->drawn += channel->drawn.at[i].kind != CHOICE_ENTROPY &&
                        channel->drawn.at[i].kind != CHOICE_FAULT &&
                        channel->drawn.at[i].kind != CHOICE_POWER;
    tally->rejected += verdict == VERDICT_REJECTED && !channel->outcome.overrun;
    tally->overruns += channel->outcome.overrun;
    tally->unsupported += verdict == VERDICT_UNSUPPORTED;
    return verdict;
}

static bool is_green(enum verdict verdict)
{
    return verdict == VERDICT_PASS || verdict == VERDICT_REJECTED || verdict == VERDICT_VACUOUS;
}

/* Whether another run of the batch may follow: this one was green, and there is time left. */
static bool goes_on(struct service *service, enum verdict verdict)
{
    return is_green(verdict) && !is_spent(service);
}

static void serve_run(struct service *service)
{
    struct source_replay source;
    source_replay_start(&source, service->channel->input.at, service->channel->input.count,
                        service->channel->relative);
    run_once(service, &source.source);
}

#define RUNS_WITHOUT_FAULTS                                                                        \
    7u /* of a random search, before it makes the last one again with some */

/* Random runs. In cases that know what faults mean, some are made again, with the same choices but
 * for a plan of faults at sites that the run has just passed. */
static void serve_random(struct service *service)
{
    static struct site_list path;
    struct channel *channel = service->channel;
    const struct test_case *test_case = service->options->cases[channel->case_index];
    for (uint64_t i = 0; i < channel->count; i++) {
        struct source_random source;
        bool armed = test_case->faults && i % RUNS_WITHOUT_FAULTS == RUNS_WITHOUT_FAULTS - 1;
        channel->number = channel->first + i;
        edge_record(armed ? &path : NULL);
        source_random_start(&source, channel->seed, test_case->name, channel->number);
        bool green = is_green(run_once(service, &source.source));
        edge_record(NULL);
        if (green && armed && path.count > 0) {
            source_random_start(&source, channel->seed, test_case->name, channel->number);
            source_random_arm(&source, &path);
            green = is_green(run_once(service, &source.source));
            channel->tally.fired += channel->outcome.faults_fired != 0;
        }
        if (!green || !goes_on(service, VERDICT_PASS))
            return;
    }
}

static void serve_origin(struct service *service)
{
    struct channel *channel = service->channel;
    for (uint64_t i = 0; i < channel->count; i++) {
        struct source_origin source;
        channel->number = channel->first + i;
        source_origin_start(&source, (int64_t)channel->number, NULL, 0);
        if (!goes_on(service, run_once(service, &source.source)))
            return;
    }
}

/* The factors that a run drew, as the parent found them in it. */
static void serve_rows(struct service *service)
{
    struct channel *channel = service->channel;
    static struct covering covering;
    uint16_t levels[FACTORS_MAX];
    uint32_t factors = 0;
    for (uint32_t i = 0; i < channel->input.count && factors < FACTORS_MAX; i++)
        levels[factors++] = (uint16_t)channel->input.at[i].value;
    channel->all = covering_rows(levels, factors, &covering);
    channel->weight = covering.count;
    for (uint64_t i = channel->first; channel->all && i < covering.count; i++) {
        struct source_row source;
        channel->number = i;
        source_row_start(&source, &covering, (uint32_t)i);
        if (!goes_on(service, run_once(service, &source.source)))
            return;
    }
}

static void serve_exhaustive(struct service *service)
{
    struct channel *channel = service->channel;
    uint32_t count = channel->count > UINT32_MAX ? UINT32_MAX : (uint32_t)channel->count;
    struct exhaustive *search =
        exhaustive_new((uint32_t)channel->kinds, channel->weight_max, count);
    struct source *source;
    for (uint64_t i = 0; search && i < count && (source = exhaustive_next(search)); i++) {
        channel->number = i;
        if (!goes_on(service, run_once(service, source)))
            break;
        exhaustive_take(search, &channel->drawn);
        channel->weight = exhaustive_weight(search, &channel->all);
    }
    exhaustive_free(search);
}

static void serve_count(struct service *service)
{
    struct source_origin source;
    source_origin_start(&source, 0, NULL, 0);
    edge_record(&service->channel->sites);
    run_once(service, &source.source);
    edge_record(NULL);
}

static enum verdict run_with(struct service *service, const struct plan *plan)
{
    struct source_origin source;
    int64_t values[PLAN_VALUES_MAX];
    source_origin_start(&source, (int64_t)service->channel->seed, values,
                        plan_values(plan, values));
    return run_once(service, &source.source);
}

/* One run with these faults, each of which must strike. True when the next may follow. */
static bool run_plan(struct service *service, const struct plan *plan)
{
    struct channel *channel = service->channel;
    channel->judging = true;
    enum verdict verdict = run_with(service, plan);
    fault_tally_run(&channel->faults, &channel->outcome);
    channel->judging = false;
    bool all_fired = channel->outcome.faults_fired == (1u << plan->count) - 1;
    channel->tally.fired += all_fired;
    channel->tally.not_fired += !all_fired && verdict == VERDICT_PASS;
    return goes_on(service, verdict);
}

static void serve_faults(struct service *service)
{
    struct channel *channel = service->channel;
    struct plan plan;
    for (uint64_t i = 0;
         i < channel->count && plan_numbered(&channel->sites, channel->first + i, &plan); i++) {
        channel->number = channel->first + i;
        if ((channel->kinds & (1ull << (plan.faults[0].site.operation % 64))) &&
            !run_plan(service, &plan))
            return;
    }
}

/* The sites that a run with these faults passes. False: it is not green, which is told where it is
 * tried for its own sake. */
static bool find_path(struct service *service, const struct plan *plan, struct site_list *ret)
{
    edge_record(ret);
    bool green = is_green(run_with(service, plan));
    edge_record(NULL);
    service->channel->outcome.verdict = VERDICT_PASS;
    return green && !ret->overflow;
}

/* A first fault that fails alone is known already: its pairs are left out. */
static void serve_pairs(struct service *service)
{
    static struct site_list path;
    static struct fault_kinds kinds;
    struct channel *channel = service->channel;
    struct plan first;
    for (uint64_t i = 0;
         i < channel->count && plan_numbered(&channel->sites, channel->first + i, &first); i++) {
        uint32_t second = i == 0 ? channel->second : 0;
        channel->number = channel->first + i;
        if (is_spent(service))
            return;
        if (first.faults[0].times != 1 || !find_path(service, &first, &path))
            continue;
        uint32_t behind = sites_behind(&path, &first);
        channel->faults.pairs_in_all += second == 0 ? continuations(&path, behind) : 0;
        for (struct plan pair = first; plan_continued(&path, behind, second, &pair);
             pair = first, second++) {
            channel->second = second;
            if ((channel->every || fault_kinds_are_new(&kinds, &pair)) && !run_plan(service, &pair))
                return;
        }
    }
}

/* Draws a fault on the path behind those that are planned. False: there is no such site. */
static bool draw_fault(struct service *service, uint64_t *state, struct plan *plan)
{
    static struct site_list path;
    if (!find_path(service, plan, &path))
        return false;
    uint32_t behind = sites_behind(&path, plan);
    uint64_t count = continuations(&path, behind);
    return count > 0 && plan_continued(&path, behind, random_next(state) % count, plan);
}

static void serve_triples(struct service *service)
{
    struct channel *channel = service->channel;
    uint64_t singles = plans_in_all(&channel->sites) / FAULT_DURATIONS;
    for (uint64_t i = 0; i < channel->count; i++) {
        struct plan plan;
        channel->number = channel->first + i;
        uint64_t state = channel->number;
        if (plan_numbered(&channel->sites, random_next(&state) % singles * FAULT_DURATIONS,
                          &plan) &&
            draw_fault(service, &state, &plan) && draw_fault(service, &state, &plan) &&
            !run_plan(service, &plan))
            return;
    }
}

/* What the input says of a power cut. */
static struct power_values *input_values(const struct channel *channel)
{
    static struct power_values values;
    values.count = 0;
    for (uint32_t i = 0; i < channel->input.count && values.count < POWER_VALUES_MAX; i++)
        values.at[values.count++] = channel->input.at[i].value;
    return &values;
}

/* One run that goes through the states that power cuts may leave. */
static void serve_power(struct service *service)
{
    static struct power_search search;
    struct channel *channel = service->channel;
    struct source_power source;
    int64_t values[PLAN_VALUES_MAX];
    search.first = channel->first;
    search.count_max = channel->count;
    search.light = search.fired_only = channel->power.plan.count > 0;
    power_search_start(&search);
    source_power_start(&source, values, plan_values(&channel->power.plan, values), &search.values);
    service->search = &search;
    run_once(service, &source.source);
    service->search = NULL;
    channel->tally.states += search.states;
    channel->power.moments = search.moments;
    channel->power.state = search.state;
    channel->power.more = search.more;
    channel->power.overflow = search.overflow;
}

/* The sites that the target passes after the power cut that `input` holds. */
static void serve_power_sites(struct service *service)
{
    struct channel *channel = service->channel;
    struct source_power source;
    source_power_start(&source, NULL, 0, input_values(channel));
    service->records_restart = true;
    run_once(service, &source.source);
    service->records_restart = false;
    edge_record(NULL);
}

/* Plans for these sites, each with the same power cut before. */
static void serve_power_faults(struct service *service)
{
    struct channel *channel = service->channel;
    struct plan plan;
    for (uint64_t i = channel->first; i < channel->count; i += channel->power.stride) {
        struct source_power source;
        int64_t values[PLAN_VALUES_MAX];
        if (!plan_numbered(&channel->sites, i, &plan))
            return;
        channel->number = i;
        source_power_start(&source, values, plan_values(&plan, values), input_values(channel));
        enum verdict verdict = run_once(service, &source.source);
        channel->tally.fired += channel->outcome.faults_fired != 0;
        channel->tally.not_fired += channel->outcome.faults_fired == 0;
        if (!goes_on(service, verdict))
            return;
    }
}

static void wait_for_request(struct channel *channel)
{
    while (__atomic_load_n(&channel->request_turn, __ATOMIC_ACQUIRE) == channel->reply_turn)
        syscall(SYS_futex, &channel->request_turn, FUTEX_WAIT, channel->reply_turn, NULL, NULL, 0);
}

static void reply(struct service *service)
{
    struct channel *channel = service->channel;
    __atomic_store_n(&channel->reply_turn, channel->request_turn, __ATOMIC_RELEASE);
    /* Only wakes the parent earlier: it looks at the turn from time to time, so a closed pipe loses
     * nothing. */
    ssize_t written = write(service->signal_pipe, "", 1);
    (void)written;
}

static void load(struct service *service)
{
    struct channel *channel = service->channel;
    const struct worker_options *options = service->options;
    const char *wrong = faults_install();
    edge_share_passed(&channel->passed);
    if (wrong) {
        snprintf(channel->load_message, sizeof channel->load_message,
                 "cannot install the interceptors: %s", wrong);
        return;
    }
    if (!module_load(options->target, &service->target, channel->load_message))
        return;
    if (options->writer && !module_load(options->writer, &service->writer, channel->load_message))
        return;
    service->subject.target = &service->target.table;
    service->subject.writer = options->writer ? &service->writer.table : &service->target.table;
    channel->traits = service->target.table.traits;
    channel->imports_hashing = service->target.imports_hashing;
    channel->imports_storage = service->target.imports_storage;
    snprintf(channel->target_version, sizeof channel->target_version, "%s",
             service->target.table.version);
    if (options->room[0] && chdir(options->room) != 0) {
        snprintf(channel->load_message, sizeof channel->load_message, "cannot go to %s",
                 options->room);
        return;
    }
    mutated_open(options->mutants, &service->target, options, channel);
    channel->loaded = true;
}

/* Takes over the orders that the parent has given. */
static void begin_request(struct service *service)
{
    struct channel *channel = service->channel;
    edge_mute(channel->orders.muted);
    if (channel->orders.measured)
        probes_plant(service->options->target, &service->target, &channel->cost);
    service->cpu_us_before = cpu_us();
}

void service_run(struct channel *channel, const struct worker_options *options, int signal_pipe)
{
    static void (*const serve[])(struct service *) = {
        [REQUEST_RUN] = serve_run,
        [REQUEST_RANDOM] = serve_random,
        [REQUEST_ORIGIN] = serve_origin,
        [REQUEST_COUNT] = serve_count,
        [REQUEST_ROWS] = serve_rows,
        [REQUEST_EXHAUSTIVE] = serve_exhaustive,
        [REQUEST_FAULTS] = serve_faults,
        [REQUEST_PAIRS] = serve_pairs,
        [REQUEST_TRIPLES] = serve_triples,
        [REQUEST_POWER] = serve_power,
        [REQUEST_POWER_SITES] = serve_power_sites,
        [REQUEST_POWER_FAULTS] = serve_power_faults,
    };
    static struct service service;
    service.channel = channel;
    service.options = options;
    service.signal_pipe = signal_pipe;
    service.pid = getpid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != options->parent)
        leave(); /* it died before that was asked for */
    if (fstat(STDOUT_FILENO, &service.output) == 0)
        load(&service);
    for (;;) {
        reply(&service);
        if (!channel->loaded)
            leave();
        wait_for_request(channel);
        if (!channel->loaded)
            leave(); /* asked to end in good order */
        channel->number = 0;
        mutated_request(channel->kind);
        begin_request(&service);
        serve[channel->kind](&service);
        channel->cost.cpu_us += cpu_us() - service.cpu_us_before;
    }
}
