/* SPDX-License-Identifier: Apache-2.0
 *
 * The network between a client and a server, and what can happen to it: a TCP proxy on 127.0.0.1
 * that breaks connections at a byte that was named beforehand.
 *
 *   proxy_plan.c   plans: their one-line text, and every plan that an exchange has
 *   proxy.c        the proxy itself
 *   proxy_main.c   the program, assay-proxy
 *
 * This is the one fault that does not pass edge(): client and server are other processes, often
 * programs that nobody compiled here, so a plan travels by command line, and the bytes of an
 * exchange are its sites. The rest is as everywhere: a plan is written down with every finding, a
 * counting pass says how many bytes there are, each of them is then enumerated, and a plan that did
 * not fire is an error.
 */
#ifndef ASSAY_PROXY_H
#define ASSAY_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/engine/limits.h"

/* --- Plans ------------------------------------------------------------------------------------ */

/* Where a plan strikes. A stream is named by what it carries. */
enum proxy_side {
    PROXY_CONNECT, /* when a connection is made; it has no bytes */
    PROXY_REQUEST, /* from the client to the server */
    PROXY_REPLY,   /* from the server to the client */
    PROXY_SIDES
};

/* What happens there. "Receiver" is who the stream leads to. */
enum proxy_effect {
    PROXY_NONE,      /* nothing: a counting pass */
    PROXY_REFUSE,    /* nobody listens; only at connect, and for as long as the plan lasts */
    PROXY_SILENT,    /* accepted, then never an answer; only at connect */
    PROXY_RESET,     /* both connections are reset; at connect, the client's at once */
    PROXY_CLOSE,     /* both are closed, in order */
    PROXY_HALF_OPEN, /* the receiver's is closed, in order; the sender is not told */
    PROXY_LOSE,      /* this byte and all after it are taken from the sender and thrown away */
    PROXY_CORRUPT,   /* the bits of the argument change in this byte */
    PROXY_SLICE,     /* from here on the receiver gets each byte alone, the argument in ms apart */
    PROXY_DELAY,     /* this byte waits for so many ms, and whatever else the pair would carry */
    PROXY_DUPLICATE, /* what the client has sent so far reaches the server again, on a connection
                        of its own whose reply is thrown away; the pair waits for that reply */
    PROXY_EFFECTS
};

/* SIDE:BYTE:EFFECT[=ARGUMENT]:TIMES, such as reply:17:reset:1, or none.
 *
 * BYTE n of a stream, from 1: the plan strikes when it has come from its sender, with n-1 bytes
 * taken by the receiver. BYTE n+: when n bytes are taken by the receiver, whether more come or not;
 * so 0+ is before anything was said. At connect it is 0. reply:1:reset is the reset after the
 * commit and before the reply.
 * TIMES connections are struck, the next ones are well; or `always`. */
struct proxy_plan {
    enum proxy_side side;
    uint32_t byte;
    bool after; /* the byte has a + */
    enum proxy_effect effect;
    uint32_t argument;
    uint32_t times;
};
#define PROXY_ALWAYS UINT32_MAX

/* Null, or what is wrong with the text, which may be any. Two texts mean the same when an argument
 * is left out that has its default. */
const char *proxy_plan_read(const char *text, struct proxy_plan *ret);
const char *proxy_plan_text(const struct proxy_plan *, char ret[static PROXY_PLAN_BYTES]);

/* Bits of effects from their names with commas between; null, or what is wrong. */
const char *proxy_effects_read(const char *text, uint32_t *ret);
#define PROXY_EVERY_BYTE                                                                           \
    (1u << PROXY_RESET | 1u << PROXY_CLOSE | 1u << PROXY_CORRUPT | 1u << PROXY_SLICE)

/* Every plan of an exchange that has so many bytes: each effect of `everywhere` at every byte and,
 * where it can, after every byte; all others once, where they tell most. Writes up to `room` of
 * them, returns how many there are. */
size_t proxy_plans(uint64_t request_bytes, uint64_t reply_bytes, uint32_t everywhere,
                   uint32_t times, struct proxy_plan *ret, size_t room);

/* --- The proxy -------------------------------------------------------------------------------- */

struct proxy;

/* What came of a plan. The bytes are those that the receivers got in the first connection. */
struct proxy_report {
    uint32_t fired; /* connections that were struck */
    uint32_t connections;
    uint32_t unreachable; /* connections for which there was no server */
    uint64_t request_bytes, reply_bytes;
};

/* Listens on a free port of 127.0.0.1 and brings what comes to `server_port`. One plan, one proxy.
 * Null, with errno, when there is no descriptor, no memory or no sock_diag in the kernel. */
struct proxy *proxy_open(const struct proxy_plan *, uint16_t server_port);
uint16_t proxy_port(const struct proxy *);
/* Works until `stop` can be read or for so many milliseconds, -1 for any time; false if that time
 * has passed. Everything that had come by then has been dealt with. */
bool proxy_run(struct proxy *, int stop, int timeout_ms);
/* The plan is over: from now on all is well, also where nobody listened. */
void proxy_relent(struct proxy *);
/* Resets what is still open. */
void proxy_close(struct proxy *, struct proxy_report *ret);
/* Whether a plan that should have struck did not. Who is refused is not seen by anybody: there the
 * client is the witness. */
bool proxy_missed(const struct proxy_plan *, const struct proxy_report *);

#endif
