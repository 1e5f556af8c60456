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
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults/faults.h"
#include "harness/run/run.h"

struct service {
    struct channel *channel;
    const struct worker_options *options;
    struct module target, writer;
    struct subject subject;
    int signal_pipe;
    pid_t pid;
    struct stat output; /* of standard output, to see whether it is still there */
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

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    if (place->level > 0)
        (void)remove(path);
    return 0;
}

void room_empty(const char *room)
{
    (void)nftw(room, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Looks before it cleans, since most targets leave nothing. */
static void clean_room(const char *room)
{
    struct dirent *entry;
    bool empty = true;
    DIR *folder = room[0] ? opendir(room) : NULL;
    while (folder && empty && (entry = readdir(folder)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (folder)
        closedir(folder);
    if (!empty)
        room_empty(room);
}

static void world_begin(void *context, uint64_t entropy_seed)
{
    struct service *service = context;
    clean_room(service->options->room);
    module_restore(&service->target);
    module_restore(&service->writer);
    faults_reset(entropy_seed);
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

/* What the target must leave alone. Only a run that was green can become red here. */
static void world_end(void *context)
{
    struct service *service = context;
    struct outcome *outcome = &service->channel->outcome;
    if (getpid() != service->pid)
        _exit(
            1); /* a copy that the target made of us: there is one run, and one that tells of it */
    if (outcome->verdict == VERDICT_FAIL)
        return;
    if (!same_file(STDOUT_FILENO, &service->output) ||
        !same_file(STDERR_FILENO, &service->output) || fcntl(service->signal_pipe, F_GETFD) < 0)
        fail(outcome, "descriptors",
             "the target closed or replaced file descriptors that are not its own");
    else if (!disk_is_default())
        fail(outcome, "vfs",
             "the target replaced SQLite's default VFS: storage faults would no longer reach it");
}

static enum verdict run_once(struct service *service, struct source *source)
{
    struct channel *channel = service->channel;
    struct run run = {.source = source,
                      .choices = &channel->drawn,
                      .outcome = &channel->outcome,
                      .observed = &channel->observed,
                      .telling = channel->telling};
    const struct world world = {world_begin, world_end, service, world_thread};
    enum verdict verdict =
        case_run(&run, service->options->cases[channel->case_index], &service->subject, &world);
    struct tally *tally = &channel->tally;
    tally->runs++;
    tally->checks += channel->outcome.checks;
    tally->edges += channel->outcome.edges;
    for (uint32_t i = 0; i < channel->drawn.count; i++)
        tally->drawn += channel->drawn.at[i].kind != CHOICE_ENTROPY &&
                        channel->drawn.at[i].kind != CHOICE_FAULT;
    tally->rejected += verdict == VERDICT_REJECTED && !channel->outcome.overrun;
    tally->overruns += channel->outcome.overrun;
    tally->unsupported += verdict == VERDICT_UNSUPPORTED;
    return verdict;
}

static bool goes_on(enum verdict verdict)
{
    return verdict == VERDICT_PASS || verdict == VERDICT_REJECTED || verdict == VERDICT_VACUOUS;
}

static void serve_run(struct service *service)
{
    struct source_replay source;
    source_replay_start(&source, service->channel->input.at, service->channel->input.count,
                        service->channel->relative);
    run_once(service, &source.source);
}

static void serve_random(struct service *service)
{
    struct channel *channel = service->channel;
    const char *name = service->options->cases[channel->case_index]->name;
    for (uint64_t i = 0; i < channel->count; i++) {
        struct source_random source;
        channel->number = channel->first + i;
        source_random_start(&source, channel->seed, name, channel->number);
        if (!goes_on(run_once(service, &source.source)))
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
        if (!goes_on(run_once(service, &source.source)))
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
        if (!goes_on(run_once(service, &source.source)))
            return;
    }
}

static void serve_exhaustive(struct service *service)
{
    struct channel *channel = service->channel;
    uint32_t count = channel->count > UINT32_MAX ? UINT32_MAX : (uint32_t)channel->count;
    struct exhaustive *search = exhaustive_new(channel->kinds, channel->weight_max, count);
    struct source *source;
    for (uint64_t i = 0; search && i < count && (source = exhaustive_next(search)); i++) {
        channel->number = i;
        if (!goes_on(run_once(service, source)))
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

/* Plans are numbered site by site: for each effect, once and for good. */
bool plan_numbered(const struct site_list *sites, uint64_t number, struct plan *ret)
{
    for (uint32_t i = 0; i < sites->count; i++) {
        uint64_t here = 2ull * fault_catalogue.operations[sites->at[i].operation].effect_count;
        if (number >= here) {
            number -= here;
            continue;
        }
        *ret = (struct plan){.count = 1};
        ret->faults[0].site = sites->at[i];
        ret->faults[0].effect.code = (int32_t)(number / 2) + 1;
        ret->faults[0].times = number % 2 ? FAULT_FOR_GOOD : 1;
        return true;
    }
    return false;
}

uint64_t plans_in_all(const struct site_list *sites)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < sites->count; i++)
        all += 2ull * fault_catalogue.operations[sites->at[i].operation].effect_count;
    return all;
}

static void serve_faults(struct service *service)
{
    struct channel *channel = service->channel;
    struct plan plan;
    for (uint64_t i = 0;
         i < channel->count && plan_numbered(&channel->sites, channel->first + i, &plan); i++) {
        struct source_origin source;
        int64_t values[PLAN_VALUES_MAX];
        channel->number = channel->first + i;
        source_origin_start(&source, 0, values, plan_values(&plan, values));
        enum verdict verdict = run_once(service, &source.source);
        channel->tally.fired += channel->outcome.faults_fired != 0;
        channel->tally.not_fired += channel->outcome.faults_fired == 0;
        if (!goes_on(verdict))
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
    channel->loaded = true;
}

void service_run(struct channel *channel, const struct worker_options *options, int signal_pipe)
{
    static void (*const serve[])(struct service *) = {
        [REQUEST_RUN] = serve_run,       [REQUEST_RANDOM] = serve_random,
        [REQUEST_ORIGIN] = serve_origin, [REQUEST_COUNT] = serve_count,
        [REQUEST_ROWS] = serve_rows,     [REQUEST_EXHAUSTIVE] = serve_exhaustive,
        [REQUEST_FAULTS] = serve_faults,
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
        serve[channel->kind](&service);
    }
}
