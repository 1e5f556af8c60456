/* SPDX-License-Identifier: Apache-2.0
 *
 * Several hands: processes of the harness's own code, each with one worker, that take the next cell
 * from a board in shared memory until there is none, and send what it came to through a pipe, as
 * records. The parent alone writes and prints; what comes early it holds back until its turn in the
 * order of the cells. One hand goes the same way as many.
 *
 * With --first the board holds the number of the first cell that has a finding: none behind it is
 * begun, those before it are still awaited, and what comes from behind it is dropped.
 *
 * Targets can do nothing to the board or the pipes, because workers do not inherit them. A hand
 * that dies is an internal error, never a cell that is silently missing. Hands die with the parent:
 * however it ends, each is sent SIGTERM, closes its worker and removes its folder. What is not
 * modelled: limits of cgroups, which may give less than the processors that are counted here.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/run/record.h"

#define POLL_MS   200
#define NO_CELL   UINT32_MAX
#define ROOM_SIZE sizeof(((struct worker_options *)0)->room)

/* What the parent knows of a hand without asking. */
struct desk {
    uint32_t cell;      /* the one in work, or NO_CELL */
    uint32_t shrinking; /* executions of making a failure smaller, 0: it does not */
    char room[ROOM_SIZE];
};

struct board {
    uint32_t next; /* the next cell to be taken */
    uint32_t last; /* none behind it is begun */
    struct desk desks[JOBS_MAX];
};

struct hand {
    pid_t pid; /* 0: it has ended */
    struct lines lines;
    struct intake intake;
    uint32_t executions; /* of making a failure smaller, as they were told last */
};

struct crew {
    const char *target;
    const struct settings *settings;
    const struct listener *listener;
    struct check *check;
    struct board *board;
    uint32_t count;
    struct hand *hands;
    uint32_t told; /* cells whose turn has come */
    bool loaded;   /* the target was, by one of the hands */
};

/* --- The side of a hand */

struct bench {
    struct crew *crew;
    struct desk *desk;
    int pipe;
    struct worker worker;
};

/* In good order. In builds that count coverage the counters are written by exit handlers. */
static __attribute__((noreturn)) void leave(struct bench *bench, int status)
{
    worker_close(&bench->worker);
    bench->desk->room[0] = 0;
#ifdef ASSAY_COVERAGE
    exit(status);
#else
    _exit(status);
#endif
}

/* Ends the hand when the record cannot be sent: the parent is gone, or there is no memory. */
static void send_record(struct bench *bench, const char *event, json_t *members)
{
    size_t size = 0;
    char *line = record_line(record_event(event, members), &size);
    bool sent = line && size < RECORD_BYTES_MAX;
    for (size_t at = 0; sent && at < size;) {
        ssize_t written = write(bench->pipe, line + at, size - at);
        at += written > 0 ? (size_t)written : 0;
        sent = written > 0 || (errno == EINTR && !stop_asked());
    }
    free(line);
    if (!sent)
        leave(bench, EXIT_INTERNAL);
}

static void on_found(void *context, const struct finding *finding)
{
    struct bench *bench = context;
    send_record(bench, "found", json_of_finding(finding));
}

static void on_shrinking(void *context, uint32_t executions)
{
    const struct bench *bench = context;
    __atomic_store_n(&bench->desk->shrinking, executions, __ATOMIC_RELAXED);
}

/* The number of the next cell, or NO_CELL. */
static uint32_t take_cell(struct board *board, const struct check *check)
{
    for (;;) {
        uint32_t number = __atomic_fetch_add(&board->next, 1, __ATOMIC_RELAXED);
        if (number >= check->cell_count || number > __atomic_load_n(&board->last, __ATOMIC_RELAXED))
            return NO_CELL;
        if (!check->cells[number].finished)
            return number;
    }
}

/* No cell behind this one is begun. */
static void stop_behind(struct board *board, uint32_t number)
{
    uint32_t last = __atomic_load_n(&board->last, __ATOMIC_RELAXED);
    while (number < last && !__atomic_compare_exchange_n(&board->last, &last, number, false,
                                                         __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

static void run_cell(struct bench *bench, uint32_t number)
{
    const struct crew *crew = bench->crew;
    const struct cell *cell = &crew->check->cells[number];
    struct case_result result;
    struct findings findings;
    findings_init(&findings);
    technique_run(&bench->worker, cell->technique, cell->case_index, crew->settings, &result,
                  &findings);
    if (crew->settings->first && findings.count > 0)
        stop_behind(crew->board, number);
    for (const struct finding *finding = findings.first; finding; finding = finding->next)
        send_record(bench, "finding", json_of_finding(finding));
    send_record(bench, "case", json_of_result(&result));
    findings_done(&findings);
}

/* A process group of its own: what a terminal sends goes to the parent, which sends it on. */
static __attribute__((noreturn)) void be_hand(struct crew *crew, struct desk *desk, int pipe,
                                              pid_t parent)
{
    struct bench bench = {.crew = crew, .desk = desk, .pipe = pipe};
    const struct observer observer = {on_found, on_shrinking, &bench};
    const struct worker_options options = {.target = crew->target,
                                           .writer = crew->settings->writer,
                                           .hang_seconds = crew->settings->hang_seconds,
                                           .cases = all_cases,
                                           .observer = &observer};
    setpgid(0, 0);
    stop_when_asked();
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    close_all_but(pipe);
    if (getppid() != parent || madvise(crew->board, sizeof *crew->board, MADV_DONTFORK) != 0)
        _exit(EXIT_INTERNAL);
    bool judged = worker_open(&bench.worker, &options);
    memcpy(desk->room, bench.worker.options.room, sizeof desk->room);
    const struct channel *channel = bench.worker.channel;
    if (judged)
        send_record(&bench, "loaded",
                    json_pack("{s:b, s:b}", "imports_hashing", channel->imports_hashing,
                              "imports_storage", channel->imports_storage));
    else
        send_record(&bench, "unjudged",
                    json_pack("{s:o}", "message", json_of_text(channel->load_message)));
    while (judged && (desk->cell = take_cell(crew->board, crew->check)) != NO_CELL) {
        run_cell(&bench, desk->cell);
        desk->shrinking = 0;
    }
    leave(&bench, EXIT_GREEN);
}

/* --- The side of the parent */

/* Processors that this process may use. */
static uint32_t processors(void)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (uint32_t)CPU_COUNT(&set);
    return online > 0 ? (uint32_t)online : 1;
}

/* Hands for the cells that are left. */
static uint32_t hands_wanted(const struct settings *settings, const struct check *check)
{
    uint32_t jobs = settings->jobs ? settings->jobs : processors(), left = 0;
    uint32_t extent = check_extent(settings, check);
    for (uint32_t i = 0; i < extent; i++)
        left += !check->cells[i].finished;
    jobs = jobs < JOBS_MAX ? jobs : JOBS_MAX;
    return jobs < left ? jobs : left;
}

static bool fail(struct crew *crew, enum exit_code exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Always false. The first reason stands. */
static bool fail(struct crew *crew, enum exit_code exit_code, const char *format, ...)
{
    va_list arguments;
    if (crew->check->exit_code == EXIT_GREEN) {
        crew->check->exit_code = exit_code;
        va_start(arguments, format);
        vsnprintf(crew->check->message, sizeof crew->check->message, format, arguments);
        va_end(arguments);
    }
    return false;
}

static bool start_hand(struct crew *crew, uint32_t number)
{
    struct hand *hand = &crew->hands[number];
    struct desk *desk = &crew->board->desks[number];
    int ends[2];
    pid_t parent = getpid();
    intake_open(&hand->intake, crew->check);
    hand->lines.file = -1;
    crew->count++;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(crew, EXIT_INTERNAL, "cannot make a pipe: %m");
    desk->cell = NO_CELL;
    fflush(NULL);
    hand->pid = fork();
    if (hand->pid == 0)
        be_hand(crew, desk, ends[1], parent);
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (!lines_open(&hand->lines, ends[0]) || hand->pid < 0)
        return fail(crew, EXIT_INTERNAL, "cannot start a process: %m");
    setpgid(hand->pid, hand->pid);
    return true;
}

/* Tells of the cells whose turn has come. */
static void tell_in_order(struct crew *crew)
{
    const struct listener *listener = crew->listener;
    uint32_t extent = check_extent(crew->settings, crew->check);
    for (; crew->told < extent && crew->check->cells[crew->told].finished; crew->told++) {
        const struct cell *cell = &crew->check->cells[crew->told];
        for (const struct finding *finding = cell->findings.first; finding; finding = finding->next)
            if (listener->finding)
                listener->finding(listener->context, finding);
        if (listener->result)
            listener->result(listener->context, &cell->result);
    }
}

/* False: the run cannot go on. */
static bool take_record(struct crew *crew, struct hand *hand, const char *line, size_t size)
{
    const struct listener *listener = crew->listener;
    const char *message;
    switch (intake_take(&hand->intake, line, size)) {
    case RECORD_LOADED:
        if (listener->loaded && !crew->loaded)
            listener->loaded(listener->context, crew->check);
        crew->loaded = true;
        return true;
    case RECORD_FOUND:
        if (listener->found)
            listener->found(listener->context, hand->intake.found);
        return true;
    case RECORD_FINDING:
        return true;
    case RECORD_CELL:
        if (listener->finished)
            listener->finished(listener->context, hand->intake.cell);
        tell_in_order(crew);
        return true;
    case RECORD_OTHER:
        message = json_string_value(json_object_get(hand->intake.record, "message"));
        return fail(crew, EXIT_UNJUDGED, "%s", message ? message : "");
    case RECORD_WRONG:
        break;
    }
    return fail(crew, EXIT_INTERNAL, "a process of the harness sent a record that cannot be");
}

/* Waits for its end; what it may have left behind is removed. Returns how it ended. */
static int fetch(struct crew *crew, struct hand *hand)
{
    struct desk *desk = &crew->board->desks[hand - crew->hands];
    int status = 0;
    while (waitpid(hand->pid, &status, 0) < 0 && errno == EINTR)
        ;
    hand->pid = 0;
    desk->room[sizeof desk->room - 1] = 0;
    if (access(desk->room, F_OK) == 0)
        room_remove(desk->room);
    return status;
}

/* How a hand ended that has closed its pipe. False: not as it should. */
static bool see_off(struct crew *crew, struct hand *hand)
{
    uint32_t number = crew->board->desks[hand - crew->hands].cell;
    char how[64] = "ended without a word";
    int status = fetch(crew, hand);
    if (status == 0)
        return true;
    if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "was killed by signal %d", WTERMSIG(status));
    else
        snprintf(how, sizeof how, "ended with %d", WEXITSTATUS(status));
    if (number >= crew->check->cell_count)
        return fail(crew, EXIT_INTERNAL, "a process of the harness %s", how);
    const struct cell *cell = &crew->check->cells[number];
    return fail(crew, EXIT_INTERNAL,
                "the process of the harness that ran %s by %s %s: nothing is known of that cell",
                all_cases[cell->case_index]->name, technique_name(cell->technique), how);
}

/* Takes all that has come from this hand. False: the run cannot go on. */
static bool hear(struct crew *crew, struct hand *hand)
{
    const char *line;
    size_t size;
    for (;;)
        switch (lines_next(&hand->lines, &line, &size)) {
        case LINE_HERE:
            if (!take_record(crew, hand, line, size))
                return false;
            break;
        case LINE_NOT_YET:
            return true;
        case LINE_END:
            lines_close(&hand->lines);
            return see_off(crew, hand);
        case LINE_BAD:
            return fail(crew, EXIT_INTERNAL, "a pipe cannot be read, or a record is too long");
        }
}

/* The failures that are being made smaller now. */
static void tell_shrinking(struct crew *crew)
{
    const struct listener *listener = crew->listener;
    for (uint32_t i = 0; i < crew->count && listener->shrinking; i++) {
        struct hand *hand = &crew->hands[i];
        uint32_t now = __atomic_load_n(&crew->board->desks[i].shrinking, __ATOMIC_RELAXED);
        if (now > 0 && now != hand->executions && hand->intake.found)
            listener->shrinking(listener->context, hand->intake.found, now);
        hand->executions = now;
    }
}

/* Waits for the next records and takes them. False: the run cannot go on. */
static bool serve(struct crew *crew)
{
    struct pollfd polled[JOBS_MAX];
    for (uint32_t i = 0; i < crew->count; i++) /* a descriptor of -1 is passed over */
        polled[i] = (struct pollfd){crew->hands[i].lines.file, POLLIN, 0};
    int ready = poll(polled, crew->count, POLL_MS);
    if (stop_asked())
        return fail(crew, EXIT_INTERRUPTED, "interrupted: %s, %u of %u cells have been told",
                    strsignal(stop_asked()), crew->told, crew->check->cell_count);
    for (uint32_t i = 0; i < crew->count && ready > 0; i++)
        if (polled[i].revents && !hear(crew, &crew->hands[i]))
            return false;
    tell_shrinking(crew);
    return true;
}

/* Every cell that matters is finished. */
static bool is_over(const struct crew *crew)
{
    return crew->told == check_extent(crew->settings, crew->check);
}

static bool has_hands(const struct crew *crew)
{
    for (uint32_t i = 0; i < crew->count; i++)
        if (crew->hands[i].pid > 0)
            return true;
    return false;
}

/* Ends the hands that are still there, in good order. */
static void dismiss(struct crew *crew)
{
    for (uint32_t i = 0; i < crew->count; i++)
        if (crew->hands[i].pid > 0)
            kill(crew->hands[i].pid, SIGTERM);
    for (uint32_t i = 0; i < crew->count; i++) {
        struct hand *hand = &crew->hands[i];
        lines_close(&hand->lines); /* one that is sending does not wait for a reader */
        if (hand->pid > 0)
            (void)fetch(crew, hand);
        intake_close(&hand->intake);
    }
}

/* The cells that matter, by hands that are started here. False: they did not all come to an end. */
static bool work(struct crew *crew)
{
    uint32_t wanted = hands_wanted(crew->settings, crew->check);
    for (uint32_t i = 0; i < wanted; i++)
        if (!start_hand(crew, i))
            return false;
    while (has_hands(crew) && !(crew->settings->first && is_over(crew)))
        if (!serve(crew))
            return false;
    return is_over(crew) || fail(crew, EXIT_INTERNAL, "a cell is missing at the end");
}

bool crew_run(const char *target, const struct settings *settings, const struct listener *listener,
              struct check *check)
{
    struct crew crew = {
        .target = target, .settings = settings, .listener = listener, .check = check};
    uint32_t extent = check_extent(settings, check);
    crew.hands = calloc(JOBS_MAX, sizeof *crew.hands);
    crew.board =
        mmap(NULL, sizeof *crew.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!crew.hands || !check->cells || crew.board == MAP_FAILED) {
        fprintf(stderr, "assay: no memory for a check\n");
        exit(EXIT_INTERNAL);
    }
    crew.board->last = extent > 0 ? extent - 1 : 0;
    tell_in_order(&crew); /* those that an earlier run has finished */
    bool whole = is_over(&crew) || work(&crew);
    dismiss(&crew);
    munmap(crew.board, sizeof *crew.board);
    free(crew.hands);
    return whole;
}
