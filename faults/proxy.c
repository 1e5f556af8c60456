/* SPDX-License-Identifier: Apache-2.0
 *
 * The proxy: one thread, poll(2), and for each connection of a client one to the server.
 *
 * A pair of connections has two streams. What comes in is kept in a bounded buffer and given to the
 * other side as it takes it, but never past the byte at which the plan strikes. There the pair
 * stands still, in both directions, until the receiver has read all that it was given; then the
 * effect happens. So the receiver knows exactly the bytes that the plan says, however fast or slow
 * anybody is, and whether the kernel would have thrown away what lay unread when a reset came does
 * not matter. What the receiver has read is asked of the kernel (sock_diag, which tells the owner
 * of no matter which socket of this machine), not waited for: nothing here depends on time, but for
 * delays, which are real, and for PROXY_PATIENCE_MS, after which a receiver that does not read is
 * struck nevertheless.
 *
 * An orderly close is a FIN, and what still comes is thrown away until the other side closes too: a
 * close with bytes unread would be a reset. Nothing that either side does ends the proxy. A side
 * that closes is closed at the other end, one that resets is reset there.
 *
 * Not modelled: the loss, repetition and reordering of single packets, which TCP hides, a
 * connection attempt that is never answered, sizes of packets, DNS, TLS. Only IPv4, only loopback.
 * Receivers in other network namespaces are not seen: they are taken to have read everything.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>

#include "faults/proxy.h"

enum { CLIENT, SERVER }; /* the ends of a pair; the stream of an end is what comes from it */
enum { BACKLOG = 128, SETTLE_ROUNDS = 1000, QUICK_LOOKS = 200 };

struct end {
    int fd; /* -1: closed */
    bool connecting;
    bool full;    /* it takes nothing more for now */
    bool ended;   /* it will send nothing more */
    bool told;    /* that nothing more comes */
    bool cut_off; /* what it sends is thrown away, and it gets nothing */
    bool kept;    /* though it has ended: it is not told that the other side is gone */
};

struct stream {
    size_t begin, end; /* came and not given away yet: bytes [begin, end) */
    uint64_t delivered;
    bool lost, sliced;
    uint8_t bytes[PROXY_BUFFER_BYTES];
};

/* What a client has sent, to be sent again. */
struct copy {
    int fd;
    bool connecting;
    size_t size, sent;
    bool too_long;
    uint8_t bytes[PROXY_RECORD_BYTES_MAX];
};

struct pair {
    struct end ends[2];
    struct stream streams[2];
    bool struck;              /* a plan strikes a connection once */
    bool first;               /* the one that is counted */
    int64_t still_until_ms;   /* nothing is carried before then */
    int64_t patient_until_ms; /* with a receiver that does not read; 0: none is waited for */
    struct copy copy;
};

struct proxy {
    struct proxy_plan plan;
    struct proxy_report report;
    uint16_t port, server_port;
    int listener, kernel; /* the latter tells what a receiver has read */
    bool listening;
    bool waiting;   /* for a receiver, which no event will tell of */
    uint32_t looks; /* in vain */
    uint32_t pair_count;
    struct pair *pairs[PROXY_CONNECTIONS_MAX];
};

/* --- Sockets ---------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void send_at_once(int fd)
{
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static void shut(struct end *end)
{
    if (end->fd >= 0)
        close(end->fd);
    end->fd = -1;
}

static void reset(struct end *end)
{
    struct linger not_at_all = {.l_onoff = 1};
    if (end->fd >= 0)
        setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &not_at_all, sizeof not_at_all);
    shut(end);
}

/* -1 if it cannot be reached. */
static int connect_to(uint16_t port, bool *ret_connecting)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *ret_connecting = false;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    *ret_connecting = errno == EINPROGRESS;
    if (*ret_connecting)
        return fd;
    close(fd);
    return -1;
}

static bool connect_failed(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0;
}

/* --- What a receiver has read ----------------------------------------------------------------- */

/* How many bytes lie unread at the socket `there` that is connected with `here`. False: there is
 * none. */
static bool ask_unread(int kernel, const struct sockaddr_in *there, const struct sockaddr_in *here,
                       uint32_t *ret)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 body;
    } ask = {.header = {.nlmsg_len = sizeof ask,
                        .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                        .nlmsg_flags = NLM_F_REQUEST},
             .body = {.sdiag_family = AF_INET,
                      .sdiag_protocol = IPPROTO_TCP,
                      .idiag_states = UINT32_MAX,
                      .id = {.idiag_sport = there->sin_port,
                             .idiag_dport = here->sin_port,
                             .idiag_src = {there->sin_addr.s_addr},
                             .idiag_dst = {here->sin_addr.s_addr},
                             .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}}};
    union {
        struct nlmsghdr header;
        uint8_t bytes[4096];
    } answer;
    struct inet_diag_msg said;
    if (send(kernel, &ask, sizeof ask, 0) != (ssize_t)sizeof ask)
        return false;
    ssize_t got = recv(kernel, &answer, sizeof answer, 0);
    if (got < (ssize_t)NLMSG_LENGTH(sizeof said) || answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    memcpy(&said, NLMSG_DATA(&answer.header), sizeof said);
    *ret = said.idiag_rqueue;
    return true;
}

/* A kernel without this would let every cut be a little wrong, in silence. A socket that listens is
 * one that it must know. */
static bool kernel_answers(int kernel, const struct sockaddr_in *listening)
{
    uint32_t unread;
    return ask_unread(kernel, listening, &(struct sockaddr_in){.sin_family = AF_INET}, &unread);
}

/* At the other side of `fd`; 0 if it is gone. */
static uint32_t unread_beyond(int kernel, int fd)
{
    struct sockaddr_in here, there;
    socklen_t size = sizeof here;
    uint32_t unread = 0;
    if (getsockname(fd, (struct sockaddr *)&here, &size) == 0 &&
        getpeername(fd, (struct sockaddr *)&there, &size) == 0)
        ask_unread(kernel, &there, &here, &unread);
    return unread;
}

static bool has_read_all(const struct proxy *proxy, const struct end *receiver)
{
    int under_way = 0;
    if (receiver->fd < 0)
        return true;
    return (ioctl(receiver->fd, SIOCOUTQ, &under_way) != 0 || under_way == 0) &&
           unread_beyond(proxy->kernel, receiver->fd) == 0;
}

/* The same, but in the end patience is over. */
static bool is_ready(struct proxy *proxy, struct pair *pair, const struct end *receiver)
{
    int64_t now = now_ms();
    bool ready = has_read_all(proxy, receiver) ||
                 (pair->patient_until_ms != 0 && now >= pair->patient_until_ms);
    if (ready)
        pair->patient_until_ms = 0;
    else if (pair->patient_until_ms == 0)
        pair->patient_until_ms = now + PROXY_PATIENCE_MS;
    proxy->waiting |= !ready;
    return ready;
}

/* --- Effects ---------------------------------------------------------------------------------- */

static void break_pair(struct pair *pair)
{
    reset(&pair->ends[CLIENT]);
    reset(&pair->ends[SERVER]);
}

/* The end will hear nothing more; it is closed when it closes too. */
static void finish(struct end *end)
{
    end->cut_off = true;
    if (end->fd >= 0 && !end->told)
        shutdown(end->fd, SHUT_WR);
    end->told = true;
    if (end->ended)
        shut(end);
}

static void strike_reset(struct proxy *proxy, struct pair *pair, int sender)
{
    (void)proxy, (void)sender;
    break_pair(pair);
}

static void strike_close(struct proxy *proxy, struct pair *pair, int sender)
{
    (void)proxy, (void)sender;
    finish(&pair->ends[CLIENT]);
    finish(&pair->ends[SERVER]);
}

static void strike_half_open(struct proxy *proxy, struct pair *pair, int sender)
{
    (void)proxy;
    finish(&pair->ends[!sender]);
    pair->ends[sender].cut_off = pair->ends[sender].kept = true;
}

static void strike_lose(struct proxy *proxy, struct pair *pair, int sender)
{
    (void)proxy;
    struct stream *stream = &pair->streams[sender];
    stream->lost = true;
    stream->begin = stream->end;
}

static void strike_corrupt(struct proxy *proxy, struct pair *pair, int sender)
{
    struct stream *stream = &pair->streams[sender];
    stream->bytes[stream->begin] ^= (uint8_t)proxy->plan.argument;
}

static void strike_slice(struct proxy *proxy, struct pair *pair, int sender)
{
    (void)proxy;
    pair->streams[sender].sliced = true;
}

static void strike_delay(struct proxy *proxy, struct pair *pair, int sender)
{
    (void)sender;
    pair->still_until_ms = now_ms() + proxy->plan.argument;
}

static void strike_duplicate(struct proxy *proxy, struct pair *pair, int sender)
{
    (void)sender;
    pair->copy.fd = connect_to(proxy->server_port, &pair->copy.connecting);
    if (pair->copy.fd < 0)
        proxy->report.unreachable++;
    else
        pair->still_until_ms = now_ms() + PROXY_PATIENCE_MS;
}

static void (*const strikes[PROXY_EFFECTS])(struct proxy *, struct pair *, int sender) = {
    [PROXY_RESET] = strike_reset,         [PROXY_CLOSE] = strike_close,
    [PROXY_HALF_OPEN] = strike_half_open, [PROXY_LOSE] = strike_lose,
    [PROXY_CORRUPT] = strike_corrupt,     [PROXY_SLICE] = strike_slice,
    [PROXY_DELAY] = strike_delay,         [PROXY_DUPLICATE] = strike_duplicate,
};

/* --- Carrying --------------------------------------------------------------------------------- */

static size_t pending(const struct stream *stream)
{
    return stream->end - stream->begin;
}

/* How many bytes of this stream may pass before the plan strikes. */
static uint64_t distance(const struct proxy *proxy, const struct pair *pair, int sender)
{
    const struct proxy_plan *plan = &proxy->plan;
    enum proxy_side side = sender == CLIENT ? PROXY_REQUEST : PROXY_REPLY;
    uint64_t point = plan->after ? plan->byte : (uint64_t)plan->byte - 1;
    uint64_t delivered = pair->streams[sender].delivered;
    if (plan->side != side || plan->effect == PROXY_NONE || pair->struck ||
        proxy->report.fired >= plan->times || delivered > point)
        return UINT64_MAX;
    return point - delivered;
}

static bool is_due(const struct proxy *proxy, const struct pair *pair, int sender)
{
    return distance(proxy, pair, sender) == 0 && !pair->ends[SERVER].connecting &&
           (proxy->plan.after || pending(&pair->streams[sender]) > 0);
}

/* A request that cannot be repeated whole is not repeated: the plan does not fire. */
static void strike(struct proxy *proxy, struct pair *pair, int sender)
{
    pair->struck = true;
    if (proxy->plan.effect == PROXY_DUPLICATE && pair->copy.too_long)
        return;
    proxy->report.fired++;
    strikes[proxy->plan.effect](proxy, pair, sender);
}

/* Keeps count of what was given, and a copy of it if it may have to be given again. */
static void count(struct proxy *proxy, struct pair *pair, int sender, size_t size)
{
    struct stream *stream = &pair->streams[sender];
    struct copy *copy = &pair->copy;
    if (sender == CLIENT && proxy->plan.effect == PROXY_DUPLICATE && copy->fd < 0) {
        copy->too_long |= size > sizeof copy->bytes - copy->size;
        if (!copy->too_long) {
            memcpy(copy->bytes + copy->size, stream->bytes + stream->begin, size);
            copy->size += size;
        }
    }
    stream->begin += size;
    stream->delivered += size;
    if (pair->first)
        *(sender == CLIENT ? &proxy->report.request_bytes : &proxy->report.reply_bytes) += size;
}

/* Gives the receiver what it takes of what it may have now. False: nothing can be done at once. */
static bool deliver(struct proxy *proxy, struct pair *pair, int sender)
{
    struct stream *stream = &pair->streams[sender];
    struct end *from = &pair->ends[sender], *to = &pair->ends[!sender];
    if (to->connecting || to->fd < 0 || to->cut_off)
        return false;
    if (pending(stream) == 0) {
        if (!from->ended || to->told)
            return false;
        shutdown(to->fd, SHUT_WR);
        to->told = true;
        return true;
    }
    uint64_t allowed = distance(proxy, pair, sender);
    size_t size = pending(stream) < allowed ? pending(stream) : (size_t)allowed;
    if (size == 0 || to->full || (stream->sliced && !is_ready(proxy, pair, to)))
        return false;
    ssize_t sent = send(to->fd, stream->bytes + stream->begin, stream->sliced ? 1 : size,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
        to->full = errno == EAGAIN || errno == EINTR;
        if (!to->full)
            break_pair(pair);
        return false;
    }
    count(proxy, pair, sender, (size_t)sent);
    if (stream->sliced && proxy->plan.argument > 0)
        pair->still_until_ms = now_ms() + proxy->plan.argument;
    return true;
}

/* Ends that have nothing to say and nothing to hear are closed. */
static void close_ended(struct pair *pair)
{
    for (int who = CLIENT; who <= SERVER; who++) {
        struct end *end = &pair->ends[who];
        if (end->ended && (end->told || end->cut_off) && !end->kept)
            shut(end);
    }
}

static bool is_still(struct pair *pair)
{
    if (pair->still_until_ms != 0 && pair->still_until_ms <= now_ms())
        pair->still_until_ms = 0;
    return pair->still_until_ms != 0;
}

/* Does what can be done at once. True if something was. */
static bool advance(struct proxy *proxy, struct pair *pair)
{
    bool ever = false, again = true;
    while (again && !is_still(pair)) {
        again = false;
        for (int sender = CLIENT; sender <= SERVER && !again; sender++) {
            if (!is_due(proxy, pair, sender))
                continue;
            if (!is_ready(proxy, pair, &pair->ends[!sender]))
                return ever;
            strike(proxy, pair, sender);
            again = true;
        }
        for (int sender = CLIENT; sender <= SERVER && !again; sender++)
            again = deliver(proxy, pair, sender);
        ever |= again;
    }
    close_ended(pair);
    return ever;
}

/* --- Coming in -------------------------------------------------------------------------------- */

static void broke(struct pair *pair, int who)
{
    if (pair->ends[who].cut_off)
        shut(&pair->ends[who]);
    else
        break_pair(pair);
}

static bool is_wasted(const struct pair *pair, int who)
{
    return pair->ends[who].cut_off || pair->streams[who].lost;
}

static bool has_room(const struct pair *pair, int who)
{
    const struct stream *stream = &pair->streams[who];
    return is_wasted(pair, who) || pending(stream) < sizeof stream->bytes;
}

static void receive(struct pair *pair, int who)
{
    struct stream *stream = &pair->streams[who];
    if (is_wasted(pair, who))
        stream->begin = stream->end = 0;
    memmove(stream->bytes, stream->bytes + stream->begin, pending(stream));
    stream->end -= stream->begin;
    stream->begin = 0;
    ssize_t got = recv(pair->ends[who].fd, stream->bytes + stream->end,
                       sizeof stream->bytes - stream->end, MSG_DONTWAIT);
    if (got > 0)
        stream->end += is_wasted(pair, who) ? 0 : (size_t)got;
    else if (got == 0)
        pair->ends[who].ended = true;
    else if (errno != EAGAIN && errno != EINTR)
        broke(pair, who);
}

static void handle_end(struct proxy *proxy, struct pair *pair, int who, short events)
{
    struct end *end = &pair->ends[who];
    if (end->fd < 0 || events == 0)
        return;
    if (end->connecting) {
        end->connecting = false;
        if (connect_failed(end->fd)) {
            proxy->report.unreachable++;
            break_pair(pair);
        }
        return;
    }
    if (events & POLLOUT)
        end->full = false;
    if (!end->ended && has_room(pair, who) && (events & (POLLIN | POLLHUP | POLLERR)))
        receive(pair, who);
    else if (events & (POLLHUP | POLLERR))
        broke(pair, who);
}

/* The duplicate's reply, or its end, lets the pair go on. */
static void handle_copy(struct proxy *proxy, struct pair *pair, short events)
{
    struct copy *copy = &pair->copy;
    uint8_t waste[4096];
    ssize_t size = 0;
    if (copy->fd < 0 || events == 0)
        return;
    bool failed = copy->connecting && connect_failed(copy->fd);
    proxy->report.unreachable += failed;
    copy->connecting = false;
    if (!failed && (events & POLLOUT) && copy->sent < copy->size) {
        size = send(copy->fd, copy->bytes + copy->sent, copy->size - copy->sent,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
        copy->sent += size > 0 ? (size_t)size : 0;
    } else if (!failed) {
        size = recv(copy->fd, waste, sizeof waste, MSG_DONTWAIT);
        failed = size == 0;
        pair->still_until_ms = size > 0 ? 0 : pair->still_until_ms;
    }
    if (!failed && (size >= 0 || errno == EAGAIN || errno == EINTR))
        return;
    pair->still_until_ms = 0;
    close(copy->fd);
    copy->fd = -1;
}

static struct pair *pair_new(struct proxy *proxy, int client)
{
    struct pair *pair = calloc(1, sizeof *pair);
    if (pair == NULL)
        return NULL;
    pair->ends[CLIENT].fd = client;
    pair->ends[SERVER].fd = pair->copy.fd = -1;
    pair->first = proxy->report.connections == 1;
    return pair;
}

static void pair_free(struct pair *pair)
{
    break_pair(pair);
    if (pair->copy.fd >= 0)
        close(pair->copy.fd);
    free(pair);
}

/* A connection has been made. Without a server or without memory it is reset. */
static void welcome(struct proxy *proxy, int client)
{
    const struct proxy_plan *plan = &proxy->plan;
    struct end end = {.fd = client};
    bool struck = plan->side == PROXY_CONNECT && proxy->report.fired < plan->times;
    proxy->report.connections++;
    send_at_once(client);
    struct pair *pair = pair_new(proxy, client);
    if (pair == NULL) {
        reset(&end);
        return;
    }
    proxy->pairs[proxy->pair_count++] = pair;
    if (struck && plan->effect != PROXY_NONE) {
        proxy->report.fired++;
        pair->ends[CLIENT].cut_off = true;
        if (plan->effect == PROXY_RESET)
            break_pair(pair);
        return;
    }
    struct end *server = &pair->ends[SERVER];
    server->fd = connect_to(proxy->server_port, &server->connecting);
    if (server->fd < 0) {
        proxy->report.unreachable++;
        break_pair(pair);
    } else
        send_at_once(server->fd);
}

/* Without a descriptor it stays in the queue for now, and is looked at once a millisecond. */
static bool take_connection(struct proxy *proxy)
{
    int client = accept4(proxy->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client >= 0)
        welcome(proxy, client);
    else if (errno == EMFILE || errno == ENFILE)
        poll(NULL, 0, 1);
    return client >= 0;
}

/* --- The loop --------------------------------------------------------------------------------- */

enum { STOP, LISTENER, FIRST_PAIR, FDS_OF_PAIR = 3 };
enum { FDS_MAX = FIRST_PAIR + FDS_OF_PAIR * (int)PROXY_CONNECTIONS_MAX };

static struct pollfd wanted_of_end(const struct pair *pair, int who)
{
    const struct end *end = &pair->ends[who];
    struct pollfd wanted = {.fd = end->fd};
    if (end->connecting || end->full)
        wanted.events |= POLLOUT;
    if (!end->connecting && !end->ended && has_room(pair, who))
        wanted.events |= POLLIN;
    return wanted;
}

static struct pollfd wanted_of_copy(const struct copy *copy)
{
    bool more = copy->connecting || copy->sent < copy->size;
    return (struct pollfd){.fd = copy->fd, .events = more ? POLLOUT : POLLIN};
}

/* How long poll() may wait. Somebody who has to read is looked at without rest for a while, and
 * then every millisecond. */
static int rest_ms(const struct proxy *proxy, int at_most_ms)
{
    int64_t rest = at_most_ms < 0 ? (int)PROXY_DELAY_MS_MAX : at_most_ms;
    int64_t now = now_ms();
    if (proxy->waiting && rest > 1)
        rest = proxy->looks < QUICK_LOOKS ? 0 : 1;
    for (uint32_t i = 0; i < proxy->pair_count; i++) {
        int64_t left = proxy->pairs[i]->still_until_ms - now;
        if (proxy->pairs[i]->still_until_ms != 0 && left < rest)
            rest = left > 0 ? left : 0;
    }
    return (int)rest;
}

static void remove_finished(struct proxy *proxy)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < proxy->pair_count; i++) {
        struct pair *pair = proxy->pairs[i];
        bool copying = pair->copy.fd >= 0 && pair->still_until_ms != 0;
        if (pair->ends[CLIENT].fd < 0 && pair->ends[SERVER].fd < 0 && !copying)
            pair_free(pair);
        else
            proxy->pairs[kept++] = pair;
    }
    proxy->pair_count = kept;
}

/* Looks once at everything. True if something happened to the connections. */
static bool look(struct proxy *proxy, int stop, int at_most_ms, bool *ret_stopped)
{
    struct pollfd fds[FDS_MAX];
    uint32_t pairs = proxy->pair_count;
    bool happened = false;
    bool listening = proxy->listening && pairs < PROXY_CONNECTIONS_MAX;
    fds[STOP] = (struct pollfd){.fd = stop, .events = POLLIN};
    fds[LISTENER] = (struct pollfd){.fd = listening ? proxy->listener : -1, .events = POLLIN};
    for (uint32_t i = 0; i < pairs; i++) {
        struct pollfd *of_pair = &fds[FIRST_PAIR + FDS_OF_PAIR * i];
        of_pair[CLIENT] = wanted_of_end(proxy->pairs[i], CLIENT);
        of_pair[SERVER] = wanted_of_end(proxy->pairs[i], SERVER);
        of_pair[2] = wanted_of_copy(&proxy->pairs[i]->copy);
    }
    if (poll(fds, FIRST_PAIR + FDS_OF_PAIR * pairs, rest_ms(proxy, at_most_ms)) < 0)
        return false; /* a signal */
    *ret_stopped = fds[STOP].revents != 0;
    proxy->waiting = false;
    for (uint32_t i = 0; i < pairs; i++) {
        struct pollfd *of_pair = &fds[FIRST_PAIR + FDS_OF_PAIR * i];
        struct pair *pair = proxy->pairs[i];
        happened |= (of_pair[CLIENT].revents | of_pair[SERVER].revents | of_pair[2].revents) != 0;
        handle_end(proxy, pair, CLIENT, of_pair[CLIENT].revents);
        handle_end(proxy, pair, SERVER, of_pair[SERVER].revents);
        handle_copy(proxy, pair, of_pair[2].revents);
        happened |= advance(proxy, pair);
    }
    if (fds[LISTENER].revents != 0)
        happened |= take_connection(proxy);
    remove_finished(proxy);
    proxy->looks = happened ? 0 : proxy->looks + 1;
    return happened;
}

bool proxy_run(struct proxy *proxy, int stop, int timeout_ms)
{
    int64_t deadline_ms = now_ms() + timeout_ms;
    bool stopped = false;
    while (!stopped) {
        int64_t left_ms = timeout_ms < 0 ? -1 : deadline_ms - now_ms();
        if (timeout_ms >= 0 && left_ms <= 0)
            break;
        look(proxy, stop, (int)left_ms, &stopped);
    }
    for (int round = 0; round < SETTLE_ROUNDS; round++)
        if (!look(proxy, -1, 0, &(bool){false}))
            break;
    return stopped;
}

struct proxy *proxy_open(const struct proxy_plan *plan, uint16_t server_port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    struct proxy *proxy = calloc(1, sizeof *proxy);
    if (proxy == NULL)
        return NULL;
    proxy->plan = *plan;
    proxy->server_port = server_port;
    proxy->kernel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    proxy->listening = plan->effect != PROXY_REFUSE;
    if (proxy->kernel >= 0 && proxy->listener >= 0 &&
        bind(proxy->listener, (struct sockaddr *)&address, size) == 0 &&
        getsockname(proxy->listener, (struct sockaddr *)&address, &size) == 0 &&
        (!proxy->listening || listen(proxy->listener, BACKLOG) == 0)) {
        proxy->port = ntohs(address.sin_port);
        if (!proxy->listening || kernel_answers(proxy->kernel, &address))
            return proxy;
        errno = EOPNOTSUPP;
    }
    int error = errno;
    proxy_close(proxy, &(struct proxy_report){0});
    errno = error;
    return NULL;
}

uint16_t proxy_port(const struct proxy *proxy)
{
    return proxy->port;
}

void proxy_relent(struct proxy *proxy)
{
    proxy->plan.effect = PROXY_NONE;
    if (!proxy->listening)
        proxy->listening = listen(proxy->listener, BACKLOG) == 0;
}

void proxy_close(struct proxy *proxy, struct proxy_report *ret)
{
    *ret = proxy->report;
    for (uint32_t i = 0; i < proxy->pair_count; i++)
        pair_free(proxy->pairs[i]);
    if (proxy->listener >= 0)
        close(proxy->listener);
    if (proxy->kernel >= 0)
        close(proxy->kernel);
    free(proxy);
}

bool proxy_missed(const struct proxy_plan *plan, const struct proxy_report *report)
{
    return plan->effect != PROXY_NONE && plan->effect != PROXY_REFUSE && report->fired == 0;
}
