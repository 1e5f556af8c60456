/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker: a child process in which a target runs, watched by a parent that never calls it.
 *
 * Requests and results go through shared memory, which survives a child that closes every
 * descriptor; a pipe only wakes the parent sooner. The parent drains what the target prints, so
 * that a full pipe never looks like a hang, and keeps the end of it.
 *
 * A hang is told from a slow machine by progress, not by the clock alone: after `hang_seconds`
 * without a new run or an edge, it is blocked when it used almost no processor time, and spinning
 * when it used that much of it; anything between goes on waiting. One that would go on if it got a
 * processor, or that waits for a disk, is not blocked: it is the machine that is slow. A child that
 * passes edges for ever is caught by the processor time of one run.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/run/mutated.h"
#include "harness/run/room.h"

#define GUARD          0x61737361792d6f6bu
#define POLL_MS        20
#define ASLEEP_LOOKS   5   /* of these, that a blocked child is asleep at */
#define RUN_CPU_FACTOR 6.0 /* processor time of one run that passes edges, in hang_seconds */

struct watch {
    uint64_t number, passed;
    double wall, cpu; /* when there was progress last */
    double run_cpu;   /* when this run began */
    uint32_t asleep;  /* looks in a row at which no thread of it wanted to go on */
};

static double seconds(clockid_t clock)
{
    struct timespec now;
    return clock_gettime(clock, &now) == 0 ? (double)now.tv_sec + (double)now.tv_nsec / 1e9 : 0;
}

static double child_cpu(pid_t pid)
{
    clockid_t clock;
    return clock_getcpuclockid(pid, &clock) == 0 ? seconds(clock) : 0;
}

/* The state of a thread in /proc: "ID (NAME) STATE ...". */
static char state_of(pid_t pid, const char *thread)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%.16s/stat", (int)pid, thread);
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[size] = 0;
    const char *end = strrchr(text, ')');
    return end && end[1] == ' ' ? end[2] : 0;
}

/* Whether any of its threads runs, would run, or waits for a disk. */
static bool wants_to_go_on(pid_t pid)
{
    char path[64];
    const struct dirent *entry;
    bool wants = false;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    while (folder && !wants && (entry = readdir(folder))) {
        char state = *entry->d_name == '.' ? 0 : state_of(pid, entry->d_name);
        wants = state == 'R' || state == 'D';
    }
    if (folder)
        closedir(folder);
    return wants;
}

static void close_pipe(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

static void reap(struct worker *worker)
{
    if (worker->pid > 0) {
        kill(-worker->pid, SIGKILL);
        kill(worker->pid, SIGKILL);
        while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    worker->pid = 0;
    close_pipe(&worker->signal_pipe);
    close_pipe(&worker->output_pipe);
}

void close_all_but(int descriptor)
{
    if (descriptor > STDERR_FILENO + 1)
        close_range(STDERR_FILENO + 1, (unsigned)descriptor - 1, 0);
    close_range((unsigned)descriptor + 1, ~0u, 0);
}

/* Standard input is empty, standard output and error are one pipe, there is no core dump. Nothing
 * else is open but the pipe that wakes the parent: what the target does not have it cannot write
 * to. */
static __attribute__((noreturn)) void become_child(struct worker *worker, const int signal_pipe[2],
                                                   const int output_pipe[2])
{
    static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
    int nothing = open("/dev/null", O_RDONLY);
    setpgid(0, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){FILE_BYTES_MAX, FILE_BYTES_MAX});
    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++)
        signal(handled[i], SIG_DFL);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    dup2(output_pipe[1], STDOUT_FILENO);
    dup2(output_pipe[1], STDERR_FILENO);
    close_all_but(signal_pipe[1]);
    service_run(worker->channel, &worker->options, signal_pipe[1]);
}

static bool start(struct worker *worker)
{
    int signal_pipe[2], output_pipe[2];
    struct channel *channel = worker->channel;
    if (pipe2(signal_pipe, O_CLOEXEC) != 0)
        return false;
    if (pipe2(output_pipe, O_CLOEXEC) != 0) {
        close(signal_pipe[0]);
        close(signal_pipe[1]);
        return false;
    }
    channel->guard_first = channel->guard_last = GUARD;
    channel->loaded = false;
    channel->request_turn++;
    fflush(NULL);
    worker->starts++;
    worker->pid = fork();
    if (worker->pid == 0)
        become_child(worker, signal_pipe, output_pipe);
    close(signal_pipe[1]);
    close(output_pipe[1]);
    worker->signal_pipe = signal_pipe[0];
    worker->output_pipe = output_pipe[0];
    fcntl(worker->output_pipe, F_SETFL, O_NONBLOCK);
    fcntl(worker->signal_pipe, F_SETFL, O_NONBLOCK);
    if (worker->pid > 0)
        setpgid(worker->pid, worker->pid);
    return worker->pid > 0;
}

/* Keeps the end of what was printed. */
static void keep_output(struct worker *worker, const char *text, size_t size)
{
    worker->output_run += size;
    if (size > OUTPUT_BYTES_KEPT) {
        text += size - OUTPUT_BYTES_KEPT;
        size = OUTPUT_BYTES_KEPT;
    }
    if (worker->output_size + size > OUTPUT_BYTES_KEPT) {
        size_t drop = worker->output_size + size - OUTPUT_BYTES_KEPT;
        memmove(worker->output, worker->output + drop, worker->output_size - drop);
        worker->output_size -= drop;
    }
    memcpy(worker->output + worker->output_size, text, size);
    worker->output_size += size;
    worker->output[worker->output_size] = 0;
}

static void drain(struct worker *worker)
{
    static char text[65536];
    ssize_t size;
    while (worker->output_run <= OUTPUT_BYTES_MAX &&
           (size = read(worker->output_pipe, text, sizeof text)) > 0)
        keep_output(worker, text, (size_t)size);
}

static void end_as(struct worker *worker, enum verdict verdict, const char *where,
                   const char *message)
{
    struct outcome *outcome = &worker->channel->outcome;
    outcome->verdict = verdict;
    outcome->line = 0;
    outcome->expression[0] = 0;
    snprintf(outcome->file, sizeof outcome->file, "%s", where);
    snprintf(outcome->message, sizeof outcome->message, "%s", message);
}

/* How the child ended, in words. */
static void end_of_child(struct worker *worker, int status)
{
    char message[MESSAGE_BYTES];
    const struct mutant_table *mutants = worker->options.mutants;
    drain(worker);
    if (mutants && mutants->endless && WIFEXITED(status)) {
        snprintf(message, sizeof message,
                 "a loop of the target does not end: %llu turns in one run are not enough",
                 (unsigned long long)mutants->fuel);
        end_as(worker, VERDICT_HANG, "endless", message);
    } else if (WIFSIGNALED(status)) {
        snprintf(message, sizeof message, "the target was killed by signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
        end_as(worker, VERDICT_CRASH, "signal", message);
        worker->channel->outcome.signal = WTERMSIG(status);
    } else {
        snprintf(message, sizeof message, "the target ended the process with exit(%d)",
                 WEXITSTATUS(status));
        end_as(worker, VERDICT_CRASH, "exit", message);
    }
    worker->pid = 0;
    reap(worker);
}

static void stop_hung(struct worker *worker, const char *how)
{
    char message[MESSAGE_BYTES];
    snprintf(message, sizeof message, "the target does not come back: %s", how);
    reap(worker);
    end_as(worker, VERDICT_HANG, "hang", message);
}

/* Notes progress; null, or how the child hangs. */
static const char *hangs(struct worker *worker, struct watch *watch)
{
    struct channel *channel = worker->channel;
    double wall = seconds(CLOCK_MONOTONIC), patience = worker->options.hang_seconds;
    uint64_t number = __atomic_load_n(&channel->number, __ATOMIC_RELAXED);
    uint64_t passed = __atomic_load_n(&channel->passed, __ATOMIC_RELAXED);
    if (number != watch->number || passed != watch->passed) {
        double cpu = child_cpu(worker->pid);
        if (number != watch->number) {
            watch->run_cpu = cpu;
            worker->output_run = 0;
        }
        *watch = (struct watch){number, passed, wall, cpu, watch->run_cpu, 0};
        return cpu - watch->run_cpu > patience * RUN_CPU_FACTOR
                   ? "it goes round in circles, passing edges"
                   : NULL;
    }
    if (wall - watch->wall < patience)
        return NULL;
    double used = child_cpu(worker->pid) - watch->cpu;
    if (used > patience)
        return "it spins, using processor time and passing no edge";
    watch->asleep = wants_to_go_on(worker->pid) ? 0 : watch->asleep + 1;
    return used < patience / 20 && watch->asleep >= ASLEEP_LOOKS
               ? "it is blocked: no processor time used, no edge passed"
               : NULL;
}

static bool answered(const struct channel *channel)
{
    return __atomic_load_n(&channel->reply_turn, __ATOMIC_ACQUIRE) == channel->request_turn;
}

/* This process was asked to stop. */
static __attribute__((noreturn)) void leave(struct worker *worker)
{
    reap(worker);
    worker_close(worker);
    stop_here();
}

/* Waits until the child has answered or come to an end. True when it answered. */
static bool await(struct worker *worker)
{
    struct channel *channel = worker->channel;
    struct watch watch = {
        channel->number, channel->passed, seconds(CLOCK_MONOTONIC), child_cpu(worker->pid), 0, 0};
    watch.run_cpu = watch.cpu;
    for (bool pipe_open = true;;) {
        if (stop_asked())
            leave(worker);
        struct pollfd polled[] = {{worker->output_pipe, POLLIN, 0},
                                  {worker->signal_pipe, POLLIN, 0}};
        int status;
        char byte[64];
        if (!answered(channel))
            poll(pipe_open ? polled : NULL, pipe_open ? 2 : 0, POLL_MS);
        if (read(worker->signal_pipe, byte, sizeof byte) == 0)
            pipe_open = false; /* closed by the target; from now on only the turn tells */
        drain(worker);
        if (answered(channel))
            return true;
        if (worker->output_run > OUTPUT_BYTES_MAX) {
            reap(worker);
            end_as(worker, VERDICT_FAIL, "output", "the target prints without end");
            return false;
        }
        pid_t ended = waitpid(worker->pid, &status, WNOHANG | WUNTRACED);
        if (ended == worker->pid && WIFSTOPPED(status)) {
            stop_hung(worker, "it is stopped by a signal");
            return false;
        }
        if (ended == worker->pid) {
            if (answered(channel))
                return true;
            end_of_child(worker, status);
            return false;
        }
        const char *how = hangs(worker, &watch);
        if (how) {
            stop_hung(worker, how);
            return false;
        }
    }
}

/* What the plan and the sites name must be in the catalogue. */
static bool sites_are_sound(const struct channel *channel)
{
    const struct catalogue *catalogue = edge_catalogue();
    const struct plan *plan = &channel->outcome.plan;
    bool sound = true;
    for (uint32_t i = 0; i < channel->sites.count && i < SITES_MAX; i++)
        sound &= channel->sites.at[i].operation < catalogue->operation_count &&
                 channel->sites.at[i].role < catalogue->role_count;
    for (uint32_t i = 0; i < plan->count && i < FAULTS_MAX && sound; i++) {
        const struct fault *fault = &plan->faults[i];
        sound = fault->site.operation < catalogue->operation_count &&
                fault->site.role < catalogue->role_count && fault->effect.code >= 1 &&
                (uint32_t)fault->effect.code <=
                    catalogue->operations[fault->site.operation].effect_count;
    }
    return sound;
}

/* Nothing that comes out of shared memory is trusted: the target may have written to it. */
static bool channel_is_sound(struct channel *channel)
{
    struct outcome *outcome = &channel->outcome;
    bool sound = channel->guard_first == GUARD && channel->guard_last == GUARD &&
                 outcome->verdict < VERDICTS && outcome->report_count <= REPORTS_MAX &&
                 channel->drawn.count <= CHOICES_MAX && channel->drawn.span_count <= SPANS_MAX &&
                 channel->sites.count <= SITES_MAX && outcome->plan.count <= FAULTS_MAX &&
                 sites_are_sound(channel) && outcome->line >= 0 &&
                 channel->tally.checks <= INT64_MAX && channel->observed.count <= OBSERVATIONS_MAX;
    for (uint32_t i = 0; i < OBSERVATIONS_MAX; i++)
        channel->observed.at[i].name[NAME_BYTES_MAX - 1] = 0;
    outcome->file[sizeof outcome->file - 1] = outcome->expression[sizeof outcome->expression - 1] =
        0;
    outcome->message[sizeof outcome->message - 1] =
        outcome->site_text[sizeof outcome->site_text - 1] = 0;
    outcome->step[sizeof outcome->step - 1] = outcome->story[sizeof outcome->story - 1] = 0;
    outcome->drift[sizeof outcome->drift - 1] = 0;
    fault_tally_settle(&channel->faults);
    if (outcome->evidence >= CONSEQUENCES)
        outcome->evidence = CONSEQUENCE_WRONG_ANSWER;
    if (outcome->story_size >= sizeof outcome->story)
        outcome->story_size = sizeof outcome->story - 1;
    outcome->story[outcome->story_size] = 0;
    return sound;
}

static void restore_channel(struct worker *worker)
{
    struct channel *channel = worker->channel;
    reap(worker);
    memset(channel, 0, sizeof *channel); /* nothing of it can be believed */
    end_as(worker, VERDICT_CRASH, "memory", "the target wrote over memory of the harness");
}

static bool ensure_started(struct worker *worker)
{
    int status;
    if (worker->pid > 0 && waitpid(worker->pid, &status, WNOHANG) == worker->pid) {
        worker->pid = 0;
        reap(worker);
    }
    if (worker->pid > 0)
        return true;
    if (!start(worker)) {
        reap(worker);
        snprintf(worker->channel->load_message, MODULE_MESSAGE_BYTES,
                 "cannot start a worker process: %s", strerror(errno));
        return false;
    }
    if (!await(worker))
        snprintf(worker->channel->load_message, MODULE_MESSAGE_BYTES, "while being loaded, %s",
                 worker->channel->outcome.message);
    else if (worker->channel->loaded)
        return true;
    reap(worker);
    worker->channel->loaded = false;
    return false;
}

bool worker_open(struct worker *worker, const struct worker_options *options)
{
    memset(worker, 0, sizeof *worker);
    worker->options = *options;
    worker->options.parent = getpid();
    /* Without one nothing can be judged: files that stay from run to run, and those of whoever
     * called us, would be the target's. */
    bool has_room = room_make(worker->options.room, sizeof worker->options.room);
    worker->signal_pipe = worker->output_pipe = -1;
    worker->channel = mmap(NULL, sizeof *worker->channel, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (worker->channel == MAP_FAILED) {
        fprintf(stderr, "assay: no memory for a worker\n");
        exit(EXIT_INTERNAL);
    }
    if (!has_room)
        snprintf(worker->channel->load_message, MODULE_MESSAGE_BYTES,
                 "cannot make a folder for its files in TMPDIR or /tmp (of at most %zu bytes)",
                 sizeof worker->options.room - sizeof "/assay-XXXXXX");
    return has_room && ensure_started(worker);
}

void worker_restart(struct worker *worker)
{
#ifdef ASSAY_COVERAGE
    if (worker->pid > 0) { /* an orderly end, so that its counters are written */
        worker->channel->loaded = false;
        __atomic_store_n(&worker->channel->request_turn, worker->channel->request_turn + 1,
                         __ATOMIC_RELEASE);
        syscall(SYS_futex, &worker->channel->request_turn, FUTEX_WAKE, 1, NULL, NULL, 0);
        while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        worker->pid = 0;
    }
#endif
    reap(worker);
}

void worker_close(struct worker *worker)
{
    worker_restart(worker);
    room_remove(worker->options.room);
    munmap(worker->channel, sizeof *worker->channel);
}

void worker_request(struct worker *worker, enum request_kind kind, uint32_t case_index)
{
    struct channel *channel = worker->channel;
    bool started = ensure_started(worker);
    memset(&channel->tally, 0, sizeof channel->tally);
    memset(&channel->observed, 0, sizeof channel->observed);
    outcome_clear(&channel->outcome);
    channel->judging = false;
    worker->output_size = worker->output_run = 0;
    worker->output[0] = 0;
    if (!started) {
        end_as(worker, VERDICT_CRASH, "load", channel->load_message);
        return;
    }
    channel->kind = kind;
    channel->case_index = case_index;
    __atomic_store_n(&channel->request_turn, channel->request_turn + 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &channel->request_turn, FUTEX_WAKE, 1, NULL, NULL, 0);
    await(worker);
    if (!channel_is_sound(channel))
        restore_channel(worker);
    else if (strcmp(channel->outcome.file, "descriptors") == 0 || channel->outcome.spent)
        reap(worker); /* what it has left of its world is not worth another run */
}
