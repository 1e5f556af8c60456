/* SPDX-License-Identifier: Apache-2.0
 *
 * http_server [no-idempotency]: a small real HTTP server, to break connections to.
 *
 *   POST /counter   adds one, once for each Idempotency-Key
 *   GET /counter    changes nothing
 *
 * Both answer "KEY VALUE CHECK": the key of the request (- without one), the counter in eight
 * digits, so that every reply has the same length, and a checksum over these two. A key ends in a
 * checksum of its own. Without that, no server could tell a key with one wrong bit from another
 * key, and a demand to count it once would be a demand on nobody.
 *
 * With no-idempotency it counts every request: what an unprepared server does. It says where it
 * listens, on 127.0.0.1, and ends at SIGTERM or with its parent. One thread.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "faults/tests/check_digits.h"

enum { KEYS_MAX = 65536, BODY_BYTES = 80 };

static struct {
    bool no_idempotency;
    unsigned counter, key_count;
    char keys[KEYS_MAX][KEY_BYTES];
} server;
static volatile sig_atomic_t ending;

static void end(int signal)
{
    ending = signal;
}

static bool is_known(const char *key)
{
    for (unsigned i = server.key_count; i > 0; i--)
        if (strcmp(server.keys[i - 1], key) == 0)
            return true;
    return false;
}

static unsigned increment(const char *key)
{
    if (!server.no_idempotency) {
        if (key == NULL || !key_is_whole(key))
            return MHD_HTTP_BAD_REQUEST;
        if (is_known(key))
            return MHD_HTTP_OK;
        if (server.key_count == KEYS_MAX)
            return MHD_HTTP_SERVICE_UNAVAILABLE;
        memcpy(server.keys[server.key_count++], key, KEY_BYTES);
    }
    server.counter++;
    return MHD_HTTP_OK;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **begun)
{
    static const int yes;
    char body[BODY_BYTES];
    const char *key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Idempotency-Key");
    unsigned status = MHD_HTTP_METHOD_NOT_ALLOWED;
    (void)context, (void)version, (void)upload;
    if (*begun == NULL || *upload_size != 0) {
        *begun = (void *)&yes;
        *upload_size = 0;
        return MHD_YES;
    }
    if (strcmp(url, "/counter") != 0)
        status = MHD_HTTP_NOT_FOUND;
    else if (strcmp(method, "GET") == 0)
        status = MHD_HTTP_OK;
    else if (strcmp(method, "POST") == 0)
        status = increment(key);
    answer_text(body, sizeof body, key != NULL && key_is_whole(key) ? key : "-", server.counter);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pid_t parent = getppid();
    server.no_idempotency = argc > 1 && strcmp(argv[1], "no-idempotency") == 0;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        return 1;
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = end}, NULL);
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_NO_FLAG, 0, NULL, NULL, answer, NULL,
                                                 MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "http_server: cannot listen\n");
        return 1;
    }
    printf("listening 127.0.0.1:%u\n",
           MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    while (!ending)
        MHD_run_wait(daemon, 1000);
    MHD_stop_daemon(daemon);
    return 0;
}
