/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the server, for the files that speak to libmicrohttpd: server.c, listen.c,
 * clients.c and exchange.c. Everybody else uses service.h.
 *
 * All of libmicrohttpd's callbacks run on its one thread. What other threads touch is said to be
 * so.
 */
#ifndef SERVICE_HTTP_H
#define SERVICE_HTTP_H

#include "service.h"

#include <microhttpd.h>
#include <pthread.h>

/* One connection, from its beginning to its end. */
struct client {
    struct client *before, *after;
    int socket;
    uint64_t bytes_taken; /* of the requests that were handled */
    bool is_settled;      /* what else it has sent belongs to a request that has its line */
    /* These two under the mutex: the sweep looks at them, too. */
    int64_t since_us; /* of its last answer, or of its beginning */
    bool is_waiting;  /* a whole request is here, and is being answered */
    bool is_late;     /* the sweep has ended it */
};

struct clients {
    pthread_mutex_t mutex; /* of the list, and of what the sweep looks at */
    struct client *first;
    atomic_uint count;
};

struct server {
    struct service *service;
    struct MHD_Daemon *daemon;
    struct clients clients;
    atomic_uint calls;      /* that have begun and are not answered */
    atomic_bool is_closing; /* nothing goes to the workers any more */
    int socket;             /* that listens */
    char address[96];
};

/* One request and its place in libmicrohttpd. */
struct exchange {
    struct call call;
    struct server *server;
    struct client *client;
    struct MHD_Connection *connection;
    uint64_t content_length;
    bool must_close;   /* what follows on this connection cannot be trusted, or is not wanted */
    bool is_submitted; /* to the workers */
    bool is_logged;
    atomic_bool is_done; /* by the workers */
};

/* listen: -1, and errno or a reply says why. */
MUST_USE bool listen_open(const struct settings *settings, int *ret_socket, char *ret_address,
                          size_t address_size, struct reply *reply);

/* clients */

MUST_USE bool clients_open(struct clients *clients);
void clients_done(struct clients *clients);

/* libmicrohttpd's MHD_NotifyConnectionCallback; closure: struct server. */
void client_notify(void *server, struct MHD_Connection *connection, void **client,
                   enum MHD_ConnectionNotificationCode code);
struct client *client_of(struct MHD_Connection *connection);
void client_is_waiting(struct clients *clients, struct client *client, bool is_waiting);
void clients_sweep(struct clients *clients, uint32_t timeout_s);

/* exchange: libmicrohttpd's MHD_AccessHandlerCallback and MHD_RequestCompletedCallback. */

enum MHD_Result exchange_handle(void *server, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *content,
                                size_t *content_size, void **exchange);
void exchange_completed(void *server, struct MHD_Connection *connection, void **exchange,
                        enum MHD_RequestTerminationCode code);

/* A line for what never became a request. */
void exchange_log_stray(struct server *server, int64_t since_us, bool is_late);

#endif
