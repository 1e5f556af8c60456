/* SPDX-License-Identifier: Apache-2.0
 *
 * assay-proxy: the proxy as a program, in one of three ways.
 *
 *   --server PORT --plan PLAN   one plan, until SIGTERM or SIGINT, or until the parent dies
 *   --server PORT               plans from standard input, one a line; `well` makes the present one
 *                               end, `end` closes it; the end of the input ends the program
 *   --server PORT --client COMMAND --verify COMMAND
 *                               every plan of an exchange, one after the other
 *
 * Where clients shall go is said by a line `listening 127.0.0.1:PORT`, and what came of a plan by a
 * line `ended PLAN fired=N connections=N request=N reply=N unreachable=N`.
 *
 * Enumerating begins with two counting passes, which must be good and equal. Then each plan is one
 * run: the client (a shell command that finds the proxy by PROXY_PORT) goes through the proxy, and
 * afterwards the check (PROXY_PLAN, and how the client ended in CLIENT_EXIT) looks at the truth, by
 * a way of its own. That a client fails is no finding; that it never ends is, and that the check
 * does not exit with 0. Commands are as long-winded as a shell is: a program that wants thousands
 * of plans a second drives the second way itself.
 *
 * Exit codes: 0 all is well, 1 a finding, 2 a plan did not fire, 3 the counting passes are not good
 * or not equal, 64 usage, 70 no descriptors, no memory, a kernel without sock_diag. SIGTERM and
 * SIGINT end one plan in an orderly way, and an enumeration with 143 and 130.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults/proxy.h"

enum { EXIT_GREEN, EXIT_FINDING, EXIT_MISSED, EXIT_UNFIT, EXIT_USAGE = 64, EXIT_INTERNAL = 70 };
enum { KEY_SERVER = 256, KEY_PLAN, KEY_CLIENT, KEY_VERIFY, KEY_EFFECTS, KEY_TIMES, KEY_SECONDS };

struct options {
    uint16_t server_port;
    bool has_plan;
    struct proxy_plan plan;
    const char *client, *verify;
    uint32_t everywhere, times, client_seconds;
};

static const struct argp_option table[] = {
    {"server", KEY_SERVER, "PORT", 0, "the server, on 127.0.0.1", 0},
    {"plan", KEY_PLAN, "PLAN", 0, "SIDE:BYTE:EFFECT:TIMES, such as reply:17:reset:1, or none", 0},
    {"client", KEY_CLIENT, "COMMAND", 0, "goes to 127.0.0.1:$PROXY_PORT", 0},
    {"verify", KEY_VERIFY, "COMMAND", 0, "looks at the truth; not 0 is a finding", 0},
    {"effects", KEY_EFFECTS, "EFFECT,...", 0,
     "what happens at every byte (reset,close,corrupt,slice); others happen once", 0},
    {"times", KEY_TIMES, "N", 0, "so many connections are struck, the next are well (1)", 0},
    {"client-seconds", KEY_SECONDS, "N", 0, "a client or check that takes longer is a finding (30)",
     0},
    {0},
};

static uint32_t read_count(struct argp_state *state, const char *text, uint32_t max)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || value == 0 || value > max)
        argp_error(state, "%s is not a number from 1 to %u", text, max);
    return (uint32_t)value;
}

static error_t read_option(int key, char *text, struct argp_state *state)
{
    struct options *options = state->input;
    const char *problem = NULL;
    switch (key) {
    case KEY_SERVER:
        options->server_port = (uint16_t)read_count(state, text, UINT16_MAX);
        break;
    case KEY_PLAN:
        options->has_plan = true;
        problem = proxy_plan_read(text, &options->plan);
        break;
    case KEY_CLIENT:
        options->client = text;
        break;
    case KEY_VERIFY:
        options->verify = text;
        break;
    case KEY_EFFECTS:
        problem = proxy_effects_read(text, &options->everywhere);
        break;
    case KEY_TIMES:
        options->times = read_count(state, text, PROXY_BYTE_MAX);
        break;
    case KEY_SECONDS:
        options->client_seconds = read_count(state, text, PROXY_CLIENT_SECONDS_MAX);
        break;
    case ARGP_KEY_END:
        if (options->server_port == 0)
            argp_error(state, "which server? --server PORT");
        if ((options->client == NULL) != (options->verify == NULL))
            argp_error(state, "--client and --verify belong together");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    if (problem != NULL)
        argp_error(state, "%s: %s", text, problem);
    return 0;
}

/* A descriptor that can be read when one of these comes, which then does nothing else. */
static int await_signals(const int *signals, size_t count)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static struct proxy *open_or_end(const struct proxy_plan *plan, uint16_t server_port)
{
    struct proxy *proxy = proxy_open(plan, server_port);
    if (proxy != NULL)
        return proxy;
    fprintf(stderr, "assay-proxy: cannot listen: %s\n", strerror(errno));
    exit(EXIT_INTERNAL);
}

/* --- Serving ---------------------------------------------------------------------------------- */

static void say_port(const struct proxy *proxy)
{
    printf("listening 127.0.0.1:%u\n", proxy_port(proxy));
    fflush(stdout);
}

/* Ends the plan and says what came of it. False if it missed. */
static bool say_end(struct proxy *proxy, const struct proxy_plan *plan)
{
    char text[PROXY_PLAN_BYTES];
    struct proxy_report report;
    proxy_close(proxy, &report);
    printf("ended %s fired=%u connections=%u request=%llu reply=%llu unreachable=%u\n",
           proxy_plan_text(plan, text), report.fired, report.connections,
           (unsigned long long)report.request_bytes, (unsigned long long)report.reply_bytes,
           report.unreachable);
    fflush(stdout);
    bool missed = proxy_missed(plan, &report);
    if (missed)
        fprintf(stderr, "assay-proxy: the plan %s did not fire\n", text);
    return !missed;
}

static int serve_one(const struct options *options)
{
    static const int signals[] = {SIGTERM, SIGINT};
    int stop = await_signals(signals, 2);
    struct proxy *proxy = open_or_end(&options->plan, options->server_port);
    say_port(proxy);
    proxy_run(proxy, stop, -1);
    close(stop);
    return say_end(proxy, &options->plan) ? EXIT_GREEN : EXIT_MISSED;
}

/* One line without its end; false when there are no more. What is too long for a plan is cut, and
 * is not one then either. */
static bool read_line(char ret[static 2 * PROXY_PLAN_BYTES])
{
    size_t size = 0;
    char byte;
    ssize_t got;
    while ((got = read(STDIN_FILENO, &byte, 1)) == 1 && byte != '\n')
        if (size < 2 * PROXY_PLAN_BYTES - 1 && byte != '\0')
            ret[size++] = byte;
    ret[size] = '\0';
    return got == 1;
}

struct session {
    uint16_t server_port;
    struct proxy *proxy; /* null: no plan is under way */
    struct proxy_plan plan;
    bool all_fired;
};

static void end_plan(struct session *session)
{
    if (session->proxy != NULL)
        session->all_fired &= say_end(session->proxy, &session->plan);
    session->proxy = NULL;
}

/* Every line is answered by one line or, if a plan is under way and another one comes, by two. */
static void obey(struct session *session, const char *line)
{
    struct proxy_plan plan;
    const char *problem = NULL;
    bool under_way = session->proxy != NULL;
    if (under_way && strcmp(line, "end") == 0) {
        end_plan(session);
    } else if (under_way && strcmp(line, "well") == 0) {
        proxy_relent(session->proxy);
        say_port(session->proxy);
    } else if ((problem = proxy_plan_read(line, &plan)) == NULL) {
        end_plan(session);
        session->plan = plan;
        session->proxy = open_or_end(&plan, session->server_port);
        say_port(session->proxy);
    } else {
        printf("error: %s\n", problem);
        fflush(stdout);
    }
}

static int serve_lines(const struct options *options)
{
    struct session session = {.server_port = options->server_port, .all_fired = true};
    char line[2 * PROXY_PLAN_BYTES];
    while (read_line(line)) {
        obey(&session, line);
        if (session.proxy != NULL)
            proxy_run(session.proxy, STDIN_FILENO, -1);
    }
    end_plan(&session);
    return session.all_fired ? EXIT_GREEN : EXIT_MISSED;
}

/* --- Enumerating ------------------------------------------------------------------------------ */

struct enumeration {
    const struct options *options;
    int signals;
    bool telling; /* what the commands print is shown */
    uint32_t findings, missed;
};

/* What a run came to. Exit codes are as a shell has them; HUNG is not one. */
enum { HUNG = 1000, RUNS_MAX = 3 };
struct result {
    struct proxy_report report;
    int client, verify;
};

static void start(const char *command, const char *name, const char *value, const char *plan,
                  bool telling)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    setenv(name, value, 1);
    setenv("PROXY_PLAN", plan, 1);
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    if (!telling) {
        dup2(nothing, STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
    }
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

/* Waits for a command, while the proxy works, if there is one. */
static int await_command(const struct enumeration *all, pid_t child, struct proxy *proxy)
{
    struct signalfd_siginfo info;
    struct pollfd signals = {.fd = all->signals, .events = POLLIN};
    const int timeout_ms = (int)all->options->client_seconds * 1000;
    int status = 0;
    for (;;) {
        bool came = proxy != NULL ? proxy_run(proxy, all->signals, timeout_ms)
                                  : poll(&signals, 1, timeout_ms) > 0;
        int interrupted = 0;
        while (read(all->signals, &info, sizeof info) == (ssize_t)sizeof info)
            if (info.ssi_signo != SIGCHLD)
                interrupted = (int)info.ssi_signo;
        if (waitpid(child, &status, WNOHANG) == child)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (came && interrupted == 0)
            continue;
        kill(-child, SIGKILL);
        waitpid(child, &status, 0);
        if (interrupted != 0)
            exit(128 + interrupted);
        return HUNG;
    }
}

static int run_command(const struct enumeration *all, const char *command, const char *name,
                       unsigned value, const char *plan, struct proxy *proxy)
{
    char number[16];
    snprintf(number, sizeof number, "%u", value);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        start(command, name, number, plan, all->telling);
    if (child < 0) {
        fprintf(stderr, "assay-proxy: cannot fork: %s\n", strerror(errno));
        exit(EXIT_INTERNAL);
    }
    return await_command(all, child, proxy);
}

static struct result run_plan(const struct enumeration *all, const struct proxy_plan *plan)
{
    const struct options *options = all->options;
    char text[PROXY_PLAN_BYTES];
    struct result result;
    proxy_plan_text(plan, text);
    struct proxy *proxy = open_or_end(plan, options->server_port);
    result.client = run_command(all, options->client, "PROXY_PORT", proxy_port(proxy), text, proxy);
    proxy_close(proxy, &result.report);
    result.verify =
        run_command(all, options->verify, "CLIENT_EXIT", (unsigned)result.client, text, NULL);
    return result;
}

static const char *ending(int code, char ret[static 32])
{
    if (code == HUNG)
        snprintf(ret, 32, "did not end");
    else
        snprintf(ret, 32, "exited with %d", code);
    return ret;
}

/* Nobody but the client knows that it was refused. */
static bool has_missed(const struct proxy_plan *plan, const struct result *result)
{
    return proxy_missed(plan, &result->report) ||
           (plan->effect == PROXY_REFUSE && result->client == 0);
}

/* A run in which the client gave up before the plan could fire says nothing: it is run again. */
static void judge(struct enumeration *all, const struct proxy_plan *plan)
{
    char text[PROXY_PLAN_BYTES], client[32], verify[32];
    struct result result;
    int runs = 0;
    bool good;
    do {
        result = run_plan(all, plan);
        good = result.client != HUNG && result.verify == 0;
    } while (good && has_missed(plan, &result) && ++runs < RUNS_MAX);
    proxy_plan_text(plan, text);
    if (has_missed(plan, &result)) {
        all->missed++;
        printf("NOT FIRED %s (the client %s)\n", text, ending(result.client, client));
    }
    if (good)
        return;
    all->findings++;
    printf("FAIL %s: the client %s, the check %s; again with --plan %s\n", text,
           ending(result.client, client), ending(result.verify, verify), text);
}

/* How many bytes the exchange has when all is well, twice. False if it is not well. */
static bool count_bytes(const struct enumeration *all, struct proxy_report *ret)
{
    struct proxy_report reports[2];
    for (int i = 0; i < 2; i++) {
        struct result result = run_plan(all, &(struct proxy_plan){.effect = PROXY_NONE});
        reports[i] = result.report;
        if (result.client != 0 || result.verify != 0) {
            char client[32], verify[32];
            fprintf(stderr, "assay-proxy: without a fault, the client %s and the check %s\n",
                    ending(result.client, client), ending(result.verify, verify));
            return false;
        }
    }
    *ret = reports[0];
    if (ret->request_bytes > 0 && ret->request_bytes == reports[1].request_bytes &&
        ret->reply_bytes == reports[1].reply_bytes)
        return true;
    fprintf(stderr, "assay-proxy: %s\n",
            ret->request_bytes == 0 ? "the client does not go through the proxy"
                                    : "the exchange has not the same number of bytes each time");
    return false;
}

static int enumerate(const struct options *options)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGCHLD};
    struct enumeration all = {
        .options = options, .signals = await_signals(signals, 3), .telling = options->has_plan};
    struct proxy_report bytes;
    if (!count_bytes(&all, &bytes))
        return EXIT_UNFIT;
    size_t count = 1, room = options->has_plan ? 1 : PROXY_PLANS_MAX;
    struct proxy_plan *plans = malloc(room * sizeof *plans);
    if (plans == NULL)
        return EXIT_INTERNAL;
    if (options->has_plan)
        plans[0] = options->plan;
    else
        count = proxy_plans(bytes.request_bytes, bytes.reply_bytes, options->everywhere,
                            options->times, plans, room);
    if (count > room) {
        fprintf(stderr, "assay-proxy: %zu plans are too many; name fewer --effects\n", count);
        free(plans);
        return EXIT_UNFIT;
    }
    for (size_t i = 0; i < count; i++)
        judge(&all, &plans[i]);
    free(plans);
    close(all.signals);
    printf("%s: %zu plans, request of %llu bytes, reply of %llu; %u findings, %u did not fire\n",
           all.findings > 0 ? "REFUSED"
           : all.missed > 0 ? "TOO WEAK"
                            : "GREEN",
           count, (unsigned long long)bytes.request_bytes, (unsigned long long)bytes.reply_bytes,
           all.findings, all.missed);
    return all.findings > 0 ? EXIT_FINDING : all.missed > 0 ? EXIT_MISSED : EXIT_GREEN;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        .options = table,
        .parser = read_option,
        .doc = "Stands between a client and a server on 127.0.0.1, and breaks their connections at "
               "a byte that was named beforehand.",
    };
    struct options options = {.everywhere = PROXY_EVERY_BYTE, .times = 1, .client_seconds = 30};
    pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        return 128 + SIGTERM;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, ARGP_NO_ARGS, NULL, &options);
    if (options.client != NULL)
        return enumerate(&options);
    return options.has_plan ? serve_one(&options) : serve_lines(&options);
}
