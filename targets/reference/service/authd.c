/* SPDX-License-Identifier: Apache-2.0
 *
 * authd: the login service.
 *
 * Starts in the order in which things can go wrong, and says on stderr what did, with an exit code
 * that tells a script: the files of the configuration, the database (once for each worker), a first
 * look as readiness takes it, the address. Only then does it accept anything, and says on stdout
 * where. Then this thread waits for a signal and, every moment, ends connections that are too slow.
 *
 * SIGTERM and SIGINT: nothing more is accepted, what was is answered, exit code 0; or, when the
 * grace is over, 75 with the rest undone. A second signal changes nothing. SIGKILL at any moment
 * loses nothing that was acknowledged: that is the store's promise, not this file's.
 *
 * Files are created for this user alone, and no core is dumped: it would have passwords in it.
 */
#include "service.h"

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#ifndef AUTHD_VERSION
#define AUTHD_VERSION "unknown"
#endif

#define SWEEP_PERIOD_NS    100000000L
#define DESCRIPTORS_WORKER 6u  /* database, log and index of each, and temporary files */
#define DESCRIPTORS_OTHERS 64u /* everything else that is not a connection */
#define HASHES_PER_CPU     4u  /* so that processors have work while some wait for the disk */

const char *argp_program_version = "authd " AUTHD_VERSION;

enum {
    OPTION_DATABASE = 1,
    OPTION_CREATE,
    OPTION_LISTEN,
    OPTION_LOG,
    OPTION_PID,
    OPTION_MEMORY,
    OPTION_THREADS,
    OPTION_CONNECTIONS,
    OPTION_WAIT,
    OPTION_TIMEOUT,
    OPTION_GRACE,
    OPTION_ATTEMPTS,
    OPTION_DELAYS,
    OPTION_TELL_LOCKED
};

static const struct argp_option options[] = {
    {"database", OPTION_DATABASE, "FILE", 0, "accounts; must exist, unless --create", 0},
    {"create", OPTION_CREATE, NULL, 0, "create the database when it is not there", 0},
    {"listen", OPTION_LISTEN, "HOST:PORT", 0,
     "where to accept connections (127.0.0.1:8080); port 0 takes a free one and prints it", 0},
    {"log", OPTION_LOG, "FILE", 0, "append log lines there (stderr)", 0},
    {"pid", OPTION_PID, "FILE", 0, "write the process id there", 0},
    {NULL, 0, NULL, 0, "Limits:", 2},
    {"hashing-threads", OPTION_THREADS, "N", 0, "that hash and use the database (4 a CPU)", 0},
    {"hashing-memory", OPTION_MEMORY, "KIB", 0,
     "of all hashes together; beyond it requests are refused at once (one hash for each thread)",
     0},
    {"connections", OPTION_CONNECTIONS, "N", 0, "at the same time (512)", 0},
    {"wait", OPTION_WAIT, "SECONDS", 0, "for a thread; then a request is refused (5)", 0},
    {"timeout", OPTION_TIMEOUT, "SECONDS", 0,
     "from the last answer to the end of the next request (15)", 0},
    {"grace", OPTION_GRACE, "SECONDS", 0, "to answer what was accepted, at the end (20)", 0},
    {NULL, 0, NULL, 0, "Lockout:", 3},
    {"attempts", OPTION_ATTEMPTS, "FREE,MAX", 0,
     "wrong passwords in a row before the first delay, and before an operator has to unlock "
     "(10,100)",
     0},
    {"delays", OPTION_DELAYS, "FIRST,LONGEST", 0,
     "in seconds, doubling from one to the other (1,900)", 0},
    {"tell-locked", OPTION_TELL_LOCKED, NULL, 0,
     "tell clients that a name is locked, instead of denying", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static const struct {
    int key;
    uint32_t min, max;
    size_t offset; /* in struct settings */
} numbers[] = {
    {OPTION_MEMORY, COST_MEMORY_KIB_MIN, UINT32_MAX, offsetof(struct settings, hashing_memory_kib)},
    {OPTION_THREADS, 1, THREADS_MAX, offsetof(struct settings, threads)},
    {OPTION_CONNECTIONS, 1, CONNECTIONS_MAX, offsetof(struct settings, connections)},
    {OPTION_WAIT, 1, WAIT_S_MAX, offsetof(struct settings, wait_s)},
    {OPTION_TIMEOUT, 1, TIMEOUT_S_MAX, offsetof(struct settings, timeout_s)},
    {OPTION_GRACE, 1, GRACE_S_MAX, offsetof(struct settings, grace_s)},
};

static error_t parse_numeric(int key, const char *argument, struct argp_state *state)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].key != key)
            continue;
        uint32_t number = 0;
        if (!parse_number(argument, numbers[i].min, numbers[i].max, &number))
            argp_error(state, "%s: not a number from %u to %u", argument, numbers[i].min,
                       numbers[i].max);
        memcpy((char *)state->input + numbers[i].offset, &number, sizeof number);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static void parse_lockout(int key, const char *argument, struct argp_state *state)
{
    static const uint32_t attempts[] = {1, ATTEMPTS_LIMIT, 1, ATTEMPTS_LIMIT};
    static const uint32_t seconds[] = {1, LOCK_DELAY_MS_MAX / 1000, 1, LOCK_DELAY_MS_MAX / 1000};
    struct lockout_config *lockout = &((struct settings *)state->input)->lockout;
    bool is_good =
        key == OPTION_ATTEMPTS
            ? parse_pair(argument, attempts, &lockout->attempts_free, &lockout->attempts_max)
            : parse_pair(argument, seconds, &lockout->delay_first_ms, &lockout->delay_longest_ms);
    if (!is_good)
        argp_error(state, "%s: not two numbers within their limits", argument);
    if (key == OPTION_DELAYS) {
        lockout->delay_first_ms *= 1000;
        lockout->delay_longest_ms *= 1000;
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct settings *settings = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = settings;
        break;
    case OPTION_DATABASE:
        settings->database = argument;
        break;
    case OPTION_CREATE:
        settings->create = true;
        break;
    case OPTION_LISTEN:
        if (!parse_listen(argument, settings))
            argp_error(state, "%s: not HOST:PORT, both as numbers", argument);
        break;
    case OPTION_LOG:
        settings->log = argument;
        break;
    case OPTION_PID:
        settings->pid = argument;
        break;
    case OPTION_ATTEMPTS:
    case OPTION_DELAYS:
        parse_lockout(key, argument, state);
        break;
    case OPTION_TELL_LOCKED:
        settings->tells_locked = true;
        break;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: there are options only", argument);
        break;
    case ARGP_KEY_END:
        if (settings->database == NULL)
            argp_error(state, "--database is missing");
        break;
    default:
        return parse_numeric(key, argument, state);
    }
    return 0;
}

static void parse(int count, char **arguments, struct settings *ret)
{
    static const struct argp_child children[] = {{&settings_argp, 0, NULL, 0}, {NULL, 0, NULL, 0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .doc = "The login service. README.md tells its API, its log and its metrics.\v"
               "Passwords come in plain HTTP: put a front end with TLS before it.",
        .children = children,
    };
    argp_err_exit_status = EX_USAGE;
    (void)argp_parse(&argp, count, arguments, 0, NULL, ret);
}

/* What was not given. Rows that were written at the default cost must find memory, too, when new
 * ones are cheaper. */
static void complete(struct settings *settings)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t threads = HASHES_PER_CPU * (uint32_t)(cpus > 0 && cpus < 1024 ? cpus : 1);
    if (settings->cost.memory_kib == 0)
        settings->cost = (struct cost){COST_MEMORY_KIB_DEFAULT, COST_PASSES_DEFAULT};
    if (settings->threads == 0)
        settings->threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    uint32_t memory_kib = settings->cost.memory_kib > COST_MEMORY_KIB_DEFAULT
                              ? settings->cost.memory_kib
                              : COST_MEMORY_KIB_DEFAULT;
    if (settings->hashing_memory_kib == 0)
        settings->hashing_memory_kib = settings->threads * memory_kib;
}

static bool prepare_process(const struct settings *settings, struct reply *reply)
{
    const struct rlimit no_core = {0, 0};
    struct rlimit files;
    rlim_t wanted =
        settings->connections + settings->threads * DESCRIPTORS_WORKER + DESCRIPTORS_OTHERS;
    (void)umask(S_IRWXG | S_IRWXO);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted)
        return reply_ok(reply);
    files.rlim_cur = wanted;
    if (wanted > files.rlim_max || setrlimit(RLIMIT_NOFILE, &files) != 0)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_LIMIT, errno, "start",
                                 "too few descriptors for so many connections and threads");
    return reply_ok(reply);
}

static bool open_log(struct service *service, struct reply *reply)
{
    if (log_open(service->settings.log, &service->log))
        return reply_ok(reply);
    return reply_unavailable(reply, LAYER_INTERNAL, REASON_IO, errno, "log", "cannot be opened");
}

static bool read_schema(struct service *service, struct reply *reply)
{
    struct accounts *accounts = NULL;
    REQUIRE(accounts_open(&service->resources.accounts, &accounts, reply));
    service->resources.accounts.must_exist = true; /* from now on, whoever opens it */
    bool is_read = accounts_schema(accounts, service->schema, reply);
    accounts_close(accounts);
    return is_read;
}

static bool write_pid(const struct settings *settings, struct reply *reply)
{
    if (settings->pid == NULL)
        return reply_ok(reply);
    FILE *file = fopen(settings->pid, "we");
    bool is_written = file != NULL && fprintf(file, "%ld\n", (long)getpid()) > 0;
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    return is_written ? reply_ok(reply)
                      : reply_unavailable(reply, LAYER_INTERNAL, REASON_IO, errno, "pid",
                                          "cannot be written");
}

static bool start(struct service *service, struct reply *reply)
{
    const struct settings *settings = &service->settings;
    REQUIRE(open_log(service, reply));
    REQUIRE(prepare_process(settings, reply));
    if (sodium_init() < 0)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_BUG, 0, "sodium_init", "failed");
    wipe_json();
    json_object_seed(0); /* before there are threads */
    randombytes_buf(service->label_key, sizeof service->label_key);
    REQUIRE(resources_open(settings, &service->resources, reply));
    REQUIRE(read_schema(service, reply));
    service->receipts = receipts_open();
    if (service->receipts == NULL)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, 0, "start", "out of memory");
    REQUIRE(workers_open(service, settings->threads, &service->workers, reply));
    REQUIRE(readiness_open(service, &service->readiness, reply));
    REQUIRE(write_pid(settings, reply));
    return server_open(service, &service->server, reply);
}

static void block_signals(sigset_t *ret)
{
    (void)sigemptyset(ret);
    (void)sigaddset(ret, SIGTERM);
    (void)sigaddset(ret, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, ret, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error with a cause */
}

static void wait_for_signal(struct service *service, const sigset_t *signals)
{
    const struct timespec period = {0, SWEEP_PERIOD_NS};
    while (sigtimedwait(signals, NULL, &period) < 0)
        server_sweep(service->server);
}

/* False: not all that was accepted is answered. Then some threads are still at work, and nothing
 * that they use may be closed. */
static bool stop(struct service *service)
{
    atomic_store(&service->is_draining, true);
    log_event(&service->log, "stopping", NULL);
    if (!server_drain(service->server, service->settings.grace_s)) {
        log_event(&service->log, "stopped before all was answered", NULL);
        return false;
    }
    server_close(service->server);
    workers_close(service->workers);
    readiness_close(service->readiness);
    receipts_close(service->receipts);
    resources_done(&service->resources);
    log_event(&service->log, "stopped", NULL);
    log_done(&service->log);
    return true;
}

int main(int count, char **arguments)
{
    static struct service service;
    struct reply reply;
    sigset_t signals;
    service.settings = (struct settings){
        .host = "127.0.0.1",
        .port = "8080",
        .connections = CONNECTIONS_DEFAULT,
        .wait_s = WAIT_S_DEFAULT,
        .timeout_s = TIMEOUT_S_DEFAULT,
        .grace_s = GRACE_S_DEFAULT,
    };
    parse(count, arguments, &service.settings);
    complete(&service.settings);
    block_signals(&signals);
    if (!start(&service, &reply)) {
        (void)fprintf(stderr, "authd: %s (%s, %s, %d)\n", reply.detail, layer_word(reply.layer),
                      reason_word(reply.reason), (int)reply.native_code);
        exit(exit_code(&reply));
    }
    log_event(&service.log, "started", NULL);
    (void)printf("listening on %s\n", server_address(service.server));
    (void)fflush(stdout);
    wait_for_signal(&service, &signals);
    bool is_clean = stop(&service);
    if (service.settings.pid != NULL)
        (void)unlink(service.settings.pid);
    if (!is_clean)
        _exit(EX_TEMPFAIL);
    return 0;
}
