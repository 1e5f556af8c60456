/* SPDX-License-Identifier: Apache-2.0
 *
 * The socket that listens. It is made here and not by libmicrohttpd, so that an address may be one
 * of IPv4 or IPv6, that port 0 finds a free one and says which, and that a port which is taken is
 * told from an address that is not ours.
 */
#include "http.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool failed(int code, const char *why, struct reply *reply)
{
    return reply_unavailable(reply, LAYER_NETWORK, code == EADDRINUSE ? REASON_BUSY : REASON_IO,
                             code, "listen", why);
}

static bool describe(int descriptor, char *ret, size_t size, struct reply *reply)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char host[64], port[8];
    if (getsockname(descriptor, (struct sockaddr *)&address, &length) != 0 ||
        getnameinfo((struct sockaddr *)&address, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return failed(errno, "the address cannot be read", reply);
    (void)snprintf(ret, size, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return reply_ok(reply);
}

static bool bind_to(const struct addrinfo *address, int *ret, struct reply *reply)
{
    int one = 1;
    int descriptor =
        socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (descriptor < 0)
        return failed(errno, "no socket", reply);
    if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(descriptor, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(descriptor, SOMAXCONN) == 0) {
        *ret = descriptor;
        return reply_ok(reply);
    }
    int code = errno;
    (void)close(descriptor);
    return failed(code, "the address is taken, not allowed, or not ours", reply);
}

bool listen_open(const struct settings *settings, int *ret_socket, char *ret_address,
                 size_t address_size, struct reply *reply)
{
    const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *found = NULL;
    int descriptor = -1;
    if (getaddrinfo(settings->host, settings->port, &hints, &found) != 0)
        return failed(0, "not the number of an address and a port", reply);
    bool is_bound = bind_to(found, &descriptor, reply);
    freeaddrinfo(found);
    REQUIRE(is_bound);
    if (!describe(descriptor, ret_address, address_size, reply)) {
        (void)close(descriptor);
        return false;
    }
    *ret_socket = descriptor;
    return true;
}
