/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients: the connections that are open, and two things that libmicrohttpd does not do.
 *
 * Slow ones. From its last answer (or its beginning) to the end of the next request a client has a
 * fixed time, however steadily it drips; a limit for inactivity alone can be kept busy for ever
 * with a byte now and then. A sweep, every moment, shuts down the sockets of those that are late.
 *
 * Stray bytes. What the HTTP parser rejects, and what ends in the middle of a header, never becomes
 * a request that anybody is told of. The kernel knows how many bytes came in, and each request how
 * many were its own; what is left over when a connection ends has been something else, and gets one
 * line in the log, too. (Up to four bytes are not worth one: blank lines, and the end itself, which
 * the kernel counts as a byte.)
 */
#include "http.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#define STRAY_BYTES_MIN 5u

bool clients_open(struct clients *clients)
{
    atomic_init(&clients->count, 0);
    return pthread_mutex_init(&clients->mutex, NULL) == 0;
}

void clients_done(struct clients *clients)
{
    (void)pthread_mutex_destroy(&clients->mutex);
}

struct client *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

/* Null when there is no memory: then the connection has no deadline but libmicrohttpd's. */
static struct client *begin(struct clients *clients, struct MHD_Connection *connection)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    client->socket =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    client->since_us = monotonic_us();
    (void)pthread_mutex_lock(&clients->mutex);
    client->after = clients->first;
    if (clients->first != NULL)
        clients->first->before = client;
    clients->first = client;
    (void)pthread_mutex_unlock(&clients->mutex);
    return client;
}

/* Of bytes that no request has taken. */
static bool has_strays(const struct client *client)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    return !client->is_settled &&
           getsockopt(client->socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           info.tcpi_bytes_received >= client->bytes_taken + STRAY_BYTES_MIN;
}

static void end(struct clients *clients, struct client *client)
{
    (void)pthread_mutex_lock(&clients->mutex);
    if (client->before != NULL)
        client->before->after = client->after;
    else
        clients->first = client->after;
    if (client->after != NULL)
        client->after->before = client->before;
    (void)pthread_mutex_unlock(&clients->mutex);
}

void client_notify(void *context, struct MHD_Connection *connection, void **client_at,
                   enum MHD_ConnectionNotificationCode code)
{
    struct server *server = context;
    struct client *client = *client_at;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        (void)atomic_fetch_add(&server->clients.count, 1);
        *client_at = begin(&server->clients, connection);
        return;
    }
    (void)atomic_fetch_sub(&server->clients.count, 1);
    if (client == NULL)
        return;
    end(&server->clients, client);
    if (has_strays(client))
        exchange_log_stray(server, client->since_us, client->is_late);
    free(client);
    *client_at = NULL;
}

void client_is_waiting(struct clients *clients, struct client *client, bool is_waiting)
{
    if (client == NULL)
        return;
    (void)pthread_mutex_lock(&clients->mutex);
    client->is_waiting = is_waiting;
    client->since_us = monotonic_us();
    (void)pthread_mutex_unlock(&clients->mutex);
}

void clients_sweep(struct clients *clients, uint32_t timeout_s)
{
    int64_t oldest_us = monotonic_us() - (int64_t)timeout_s * 1000000;
    (void)pthread_mutex_lock(&clients->mutex);
    for (struct client *client = clients->first; client != NULL; client = client->after)
        if (!client->is_waiting && !client->is_late && client->since_us < oldest_us) {
            client->is_late = true;
            (void)shutdown(client->socket, SHUT_RDWR);
        }
    (void)pthread_mutex_unlock(&clients->mutex);
}
