/* SPDX-License-Identifier: Apache-2.0
 *
 * The server: libmicrohttpd with its limits, and its end.
 *
 * One thread of libmicrohttpd serves all connections; it computes nothing and waits for nothing but
 * sockets (and the log, when that is a file on a slow disk). It is not asked to be strict: what
 * that would find is found in exchange.c and call.c, and libmicrohttpd 0.9.75 sends the header of
 * such a refusal twice (as it still does for a Content-Length that is no number). When as many
 * connections are open as there may be, new ones wait in the kernel's queue.
 *
 * The end: the listening socket is closed first, then everything whose header has come in is read,
 * run and answered, with `Connection: close`, as long as the grace lasts. A connection that was
 * accepted and has sent nothing yet is closed; nobody has been told anything on it.
 */
#include "http.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_PAUSE_NS 10000000L

/* Paths are compared as they were sent, and decoded in call.c. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    size_t size = 0;
    (void)context;
    (void)connection;
    while (text[size] != '\0')
        size++;
    return size;
}

static struct MHD_Daemon *start(struct server *server, const struct settings *settings)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, exchange_handle,
        server, MHD_OPTION_LISTEN_SOCKET, server->socket, MHD_OPTION_NOTIFY_COMPLETED,
        exchange_completed, server, MHD_OPTION_NOTIFY_CONNECTION, client_notify, server,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, server, MHD_OPTION_CONNECTION_LIMIT,
        settings->connections, MHD_OPTION_CONNECTION_TIMEOUT, settings->timeout_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT,
        0, MHD_OPTION_END);
}

bool server_open(struct service *service, struct server **ret, struct reply *reply)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL || !clients_open(&server->clients)) {
        free(server);
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, 0, "server",
                                 "out of memory");
    }
    server->service = service;
    if (!listen_open(&service->settings, &server->socket, server->address, sizeof server->address,
                     reply)) {
        clients_done(&server->clients);
        free(server);
        return false;
    }
    service->server = server; /* before the first request */
    server->daemon = start(server, &service->settings);
    if (server->daemon == NULL) {
        (void)close(server->socket);
        clients_done(&server->clients);
        free(server);
        return reply_unavailable(reply, LAYER_NETWORK, REASON_IO, 0, "server", "cannot be started");
    }
    *ret = server;
    return reply_ok(reply);
}

const char *server_address(const struct server *server)
{
    return server->address;
}

uint32_t server_connections(struct server *server)
{
    return atomic_load(&server->clients.count);
}

void server_sweep(struct server *server)
{
    clients_sweep(&server->clients, server->service->settings.timeout_s);
}

static bool wait_for_calls(struct server *server, int64_t until_us)
{
    const struct timespec pause = {0, DRAIN_PAUSE_NS};
    while (atomic_load(&server->calls) > 0) {
        if (monotonic_us() >= until_us)
            return false;
        server_sweep(server);
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

/* Waits twice: a connection that was idle may still have sent one more request. Whoever counts
 * itself after is_closing is set finds it set, and goes to no worker; so in the end no connection
 * is suspended, which libmicrohttpd's own end asks for. */
bool server_drain(struct server *server, uint32_t grace_s)
{
    int64_t until_us = monotonic_us() + (int64_t)grace_s * 1000000;
    int listening = MHD_quiesce_daemon(server->daemon);
    if (listening != MHD_INVALID_SOCKET)
        (void)close(listening);
    if (!wait_for_calls(server, until_us))
        return false;
    atomic_store(&server->is_closing, true);
    return wait_for_calls(server, until_us);
}

void server_close(struct server *server)
{
    if (server == NULL)
        return;
    MHD_stop_daemon(server->daemon);
    clients_done(&server->clients);
    free(server);
}
