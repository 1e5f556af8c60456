/* SPDX-License-Identifier: Apache-2.0
 *
 * Several hands: processes of the harness's own code, each with one worker, that take the next
 * piece of work from a board in shared memory until there is none, and send what it came to through
 * a pipe, as records. The parent alone writes and prints. One hand goes the same way as many. What
 * the pieces are is the business of whoever calls the crew: cells of a check (cells.c), mutants
 * (mutants.c).
 *
 * The board may say that no piece behind some number is begun; those before it are still awaited.
 *
 * Targets can do nothing to the board or the pipes, because workers do not inherit them. A hand
 * that dies is an internal error, never a piece that is silently missing. Hands die with the
 * parent: however it ends, each is sent SIGTERM, closes its worker and removes its folder. What is
 * not modelled: limits of cgroups, which may give less than the processors that are counted here.
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

#include "harness/run/crew.h"
#include "harness/run/room.h"

#define POLL_MS   200
#define NO_PIECE  UINT32_MAX
#define ROOM_SIZE sizeof(((struct worker_options *)0)->room)

/* What the parent knows of a hand without asking. */
struct desk {
    uint32_t piece; /* the one in work, or NO_PIECE */
    uint32_t shows; /* whatever the work wants to be seen of it; 0: nothing */
    char room[ROOM_SIZE];
};

struct board {
    uint32_t next; /* the next piece to be taken */
    uint32_t last; /* none behind it is begun */
    struct desk desks[JOBS_MAX];
};

struct hand {
    pid_t pid; /* 0: it has ended */
    struct lines lines;
};

struct crew {
    const struct crew_work *work;
    struct board *board;
    uint32_t count;
    struct hand *hands;
};

/* --- The side of a hand */

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

void bench_send(struct bench *bench, const char *event, json_t *members)
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

void bench_show(struct bench *bench, uint32_t number)
{
    __atomic_store_n(&bench->desk->shows, number, __ATOMIC_RELAXED);
}

/* The number of the next piece, or NO_PIECE. */
static uint32_t take_piece(struct board *board, const struct crew_work *work)
{
    for (;;) {
        uint32_t number = __atomic_fetch_add(&board->next, 1, __ATOMIC_RELAXED);
        if (number >= work->count || number > __atomic_load_n(&board->last, __ATOMIC_RELAXED))
            return NO_PIECE;
        if (!work->is_finished(work->context, number))
            return number;
    }
}

void bench_stop_behind(struct bench *bench, uint32_t piece)
{
    struct board *board = bench->crew->board;
    uint32_t last = __atomic_load_n(&board->last, __ATOMIC_RELAXED);
    while (piece < last && !__atomic_compare_exchange_n(&board->last, &last, piece, false,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* A process group of its own: what a terminal sends goes to the parent, which sends it on. */
static __attribute__((noreturn)) void be_hand(struct crew *crew, struct desk *desk, int pipe,
                                              pid_t parent)
{
    const struct crew_work *work = crew->work;
    struct bench bench = {.crew = crew, .desk = desk, .pipe = pipe};
    struct worker_options options = {.target = work->target,
                                     .writer = work->settings->writer,
                                     .hang_seconds = work->settings->hang_seconds,
                                     .cases = all_cases};
    setpgid(0, 0);
    stop_when_asked();
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    close_all_but(pipe);
    if (getppid() != parent || madvise(crew->board, sizeof *crew->board, MADV_DONTFORK) != 0)
        _exit(EXIT_INTERNAL);
    work->outfit(work->context, &bench, &options);
    bool judged = worker_open(&bench.worker, &options);
    memcpy(desk->room, bench.worker.options.room, sizeof desk->room);
    const struct channel *channel = bench.worker.channel;
    if (judged)
        bench_send(&bench, "loaded",
                   json_pack("{s:b, s:b}", "imports_hashing", channel->imports_hashing,
                             "imports_storage", channel->imports_storage));
    else
        bench_send(&bench, "unjudged",
                   json_pack("{s:o}", "message", json_of_text(channel->load_message)));
    while (judged && (desk->piece = take_piece(crew->board, work)) != NO_PIECE) {
        work->run(work->context, &bench, desk->piece);
        desk->shows = 0;
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

/* Hands for the pieces that are left. */
static uint32_t hands_wanted(const struct crew_work *work)
{
    uint32_t jobs = work->settings->jobs ? work->settings->jobs : processors(), left = 0;
    for (uint32_t i = 0; i < work->extent; i++)
        left += !work->is_finished(work->context, i);
    jobs = jobs < JOBS_MAX ? jobs : JOBS_MAX;
    return jobs < left ? jobs : left;
}

bool crew_fail(struct crew *crew, enum exit_code exit_code, const char *format, ...)
{
    va_list arguments;
    if (*crew->work->exit_code == EXIT_GREEN) {
        *crew->work->exit_code = exit_code;
        va_start(arguments, format);
        vsnprintf(crew->work->message, MODULE_MESSAGE_BYTES, format, arguments);
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
    hand->lines.file = -1;
    crew->count++;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return crew_fail(crew, EXIT_INTERNAL, "cannot make a pipe: %m");
    desk->piece = NO_PIECE;
    fflush(NULL);
    hand->pid = fork();
    if (hand->pid == 0)
        be_hand(crew, desk, ends[1], parent);
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (!lines_open(&hand->lines, ends[0]) || hand->pid < 0)
        return crew_fail(crew, EXIT_INTERNAL, "cannot start a process: %m");
    setpgid(hand->pid, hand->pid);
    return true;
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
    const struct crew_work *work = crew->work;
    uint32_t number = crew->board->desks[hand - crew->hands].piece;
    char how[64] = "ended without a word", what[2 * NAME_BYTES_MAX];
    int status = fetch(crew, hand);
    if (status == 0)
        return true;
    if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "was killed by signal %d", WTERMSIG(status));
    else
        snprintf(how, sizeof how, "ended with %d", WEXITSTATUS(status));
    if (number >= work->count)
        return crew_fail(crew, EXIT_INTERNAL, "a process of the harness %s", how);
    work->name(work->context, number, what, sizeof what);
    return crew_fail(crew, EXIT_INTERNAL,
                     "the process of the harness that ran %s %s: nothing is known of that", what,
                     how);
}

/* Takes one record. False: the run cannot go on. */
static bool take_record(struct crew *crew, struct hand *hand, const char *line, size_t size)
{
    const struct crew_work *work = crew->work;
    return work->take(work->context, crew, (uint32_t)(hand - crew->hands), line, size) ||
           crew_fail(crew, EXIT_INTERNAL, "a process of the harness sent a record that cannot be");
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
            return crew_fail(crew, EXIT_INTERNAL, "a pipe cannot be read, or a record is too long");
        }
}

uint32_t crew_shown(const struct crew *crew, uint32_t hand)
{
    return hand < crew->count ? __atomic_load_n(&crew->board->desks[hand].shows, __ATOMIC_RELAXED)
                              : 0;
}

/* Waits for the next records and takes them. False: the run cannot go on. */
static bool serve(struct crew *crew)
{
    struct pollfd polled[JOBS_MAX];
    for (uint32_t i = 0; i < crew->count; i++) /* a descriptor of -1 is passed over */
        polled[i] = (struct pollfd){crew->hands[i].lines.file, POLLIN, 0};
    int ready = poll(polled, crew->count, POLL_MS);
    if (stop_asked()) {
        char progress[2 * NAME_BYTES_MAX];
        crew->work->progress(crew->work->context, progress, sizeof progress);
        return crew_fail(crew, EXIT_INTERRUPTED, "interrupted: %s, %s", strsignal(stop_asked()),
                         progress);
    }
    for (uint32_t i = 0; i < crew->count && ready > 0; i++)
        if (polled[i].revents && !hear(crew, &crew->hands[i]))
            return false;
    if (crew->work->look)
        crew->work->look(crew->work->context, crew);
    return true;
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
    }
}

/* The pieces that matter, by hands that are started here. False: they did not all come to an end.
 */
static bool run_hands(struct crew *crew)
{
    const struct crew_work *work = crew->work;
    uint32_t wanted = hands_wanted(work);
    for (uint32_t i = 0; i < wanted; i++)
        if (!start_hand(crew, i))
            return false;
    while (has_hands(crew) && !(work->settings->first && work->is_over(work->context)))
        if (!serve(crew))
            return false;
    return work->is_over(work->context) ||
           crew_fail(crew, EXIT_INTERNAL, "a piece of the work is missing at the end");
}

bool crew_work(const struct crew_work *work)
{
    struct crew crew = {.work = work};
    crew.hands = calloc(JOBS_MAX, sizeof *crew.hands);
    crew.board =
        mmap(NULL, sizeof *crew.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!crew.hands || crew.board == MAP_FAILED) {
        fprintf(stderr, "assay: no memory for a crew\n");
        exit(EXIT_INTERNAL);
    }
    crew.board->last = work->extent > 0 ? work->extent - 1 : 0;
    bool whole = work->is_over(work->context) || run_hands(&crew);
    dismiss(&crew);
    munmap(crew.board, sizeof *crew.board);
    free(crew.hands);
    return whole;
}
