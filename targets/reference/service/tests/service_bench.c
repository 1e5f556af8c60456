/* SPDX-License-Identifier: Apache-2.0
 *
 * Throughput of logins over HTTP, against bare crypto_pwhash with the same parameters and as many
 * threads: what is left of the machine's hashes when everything around them is on.
 *
 * authd runs as it is installed: a real file, synchronous writes, lockout, sessions, its log. Each
 * client keeps a connection and logs in to an account of its own; one login in ten has a wrong
 * password first, so that counts are written and forgotten. Each of those is a hash, too, and
 * hashes are what is counted on both sides. The two sides take turns, so that a machine that
 * becomes slower or faster does so for both. The second row counts the processor's seconds instead
 * of the clock's (of authd alone, without the clients): it is the one to look at on a machine that
 * has other things to do.
 *
 *     service-bench [SECONDS]     of each side in each of three turns; 4 by default
 */
#include "running.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "../../reference.h"

#define CLIENTS     24u
#define TURNS       3u
#define THREADS_CPU 4u
#define THREADS_MAX 256u

static struct running running;
static atomic_bool is_over;
static atomic_uint hashes;
static atomic_uint wrong;

static double seconds_of(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *hash_bare(void *context)
{
    uint8_t hash[PHC_HASH_BYTES], salt[crypto_pwhash_SALTBYTES] = {0};
    (void)context;
    while (!is_over) {
        if (crypto_pwhash(hash, sizeof hash, PASSWORD, sizeof PASSWORD - 1, salt,
                          COST_PASSES_DEFAULT, (size_t)COST_MEMORY_KIB_DEFAULT * 1024,
                          crypto_pwhash_ALG_ARGON2ID13) != 0)
            (void)atomic_fetch_add(&wrong, 1);
        (void)atomic_fetch_add(&hashes, 1);
    }
    return NULL;
}

static void log_in_once(int client, unsigned number, const char *password, unsigned status,
                        struct response *response)
{
    char body[128];
    (void)snprintf(body, sizeof body, "{\"name\":\"client %u\",\"password\":\"%s\"}", number,
                   password);
    if (!client_ask(client, "POST", "/v1/sessions", body, response) || response->status != status) {
        (void)fprintf(stderr, "%u: %s\n", response->status, response->text);
        (void)atomic_fetch_add(&wrong, 1);
    }
    (void)atomic_fetch_add(&hashes, 1);
}

static void *log_in(void *context)
{
    struct response *response = calloc(1, sizeof *response);
    unsigned number = (unsigned)(uintptr_t)context;
    int client = client_connect(running.port);
    for (unsigned i = 0; !is_over; i++) {
        if (i % 10 == 9)
            log_in_once(client, number, "not the password at all", 401, response);
        log_in_once(client, number, PASSWORD, 201, response);
    }
    (void)close(client);
    free(response);
    return NULL;
}

/* Hashes a second of so many threads: by the clock, and by the processor time of a process. */
struct rate {
    double clock, processor;
};

static void measure(unsigned threads, void *(*body)(void *), double seconds, pid_t process,
                    struct rate *sum)
{
    pthread_t thread[THREADS_MAX];
    clockid_t processor;
    if (clock_getcpuclockid(process, &processor) != 0)
        exit(1);
    hashes = 0;
    is_over = false;
    double start = seconds_of(CLOCK_MONOTONIC), processor_start = seconds_of(processor);
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, body, (void *)(uintptr_t)i) != 0)
            exit(1);
    pause_ms((long)(seconds * 1000));
    unsigned counted = hashes;
    double elapsed = seconds_of(CLOCK_MONOTONIC) - start;
    double processor_elapsed = seconds_of(processor) - processor_start;
    is_over = true;
    for (unsigned i = 0; i < threads; i++)
        (void)pthread_join(thread[i], NULL);
    sum->clock += counted / elapsed / TURNS;
    sum->processor += counted / processor_elapsed / TURNS;
}

static bool register_clients(void)
{
    struct response *response = calloc(1, sizeof *response);
    bool is_done = true;
    for (unsigned i = 0; i < CLIENTS; i++) {
        char body[128];
        (void)snprintf(body, sizeof body, "{\"name\":\"client %u\",\"password\":\"" PASSWORD "\"}",
                       i);
        is_done = is_done && ask_once(running.port, "POST", "/v1/accounts", body, response) == 201;
    }
    free(response);
    return is_done;
}

static void print_row(const char *name, double ours, double theirs)
{
    (void)printf("%-36s ours %8.1f  theirs %8.1f  ratio %.3f  wanted 0.95\n", name, ours, theirs,
                 ours / theirs);
}

int main(int count, char **arguments)
{
    const char *const options[] = {"--timeout", "60", NULL};
    double seconds = count > 1 ? strtod(arguments[1], NULL) : 4;
    struct rate ours = {0}, theirs = {0};
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = THREADS_CPU * (unsigned)cpus;
    if (sodium_init() < 0 || threads > THREADS_MAX)
        return 1;
    running_folder(&running);
    running_start(&running, options);
    if (!register_clients())
        return 1;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        measure(threads, hash_bare, seconds, getpid(), &theirs);
        measure(CLIENTS, log_in, seconds, running.process, &ours);
    }
    if (running_stop(&running, SIGTERM) != 0 || wrong > 0)
        return 1;
    running_remove_folder(&running);
    print_row("service.logins_per_second", ours.clock, theirs.clock);
    print_row("service.logins_per_processor_second", ours.processor, theirs.processor);
    return 0;
}
