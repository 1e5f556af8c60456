/* SPDX-License-Identifier: Apache-2.0
 *
 * Several processes that share a piece of work, see crew.c.
 */
#ifndef ASSAY_RUN_CREW_H
#define ASSAY_RUN_CREW_H

#include "harness/run/record.h"

struct crew;

/* What a hand works with, in its own process. */
struct bench {
    const struct crew *crew;
    struct desk *desk;
    int pipe;
    struct worker worker;
    void *own; /* whatever `outfit` put there */
};
/* To the parent, which gets it by `take`. Ends the hand when it cannot be sent: the parent is gone,
 * or there is no memory. */
void bench_send(struct bench *, const char *event, json_t *members);
/* A number that the parent may look at meanwhile; 0 again with the next piece. */
void bench_show(struct bench *, uint32_t number);
/* No piece behind this one is begun. */
void bench_stop_behind(struct bench *, uint32_t piece);

/* What a crew does: pieces with numbers from 0, each done by one hand. */
struct crew_work {
    const char *target;
    const struct settings *settings;
    uint32_t count;
    uint32_t extent; /* pieces that are begun unless bench_stop_behind() says less */
    void *context;
    bool (*is_finished)(const void *context, uint32_t piece);
    /* In a hand: adds to the options of its worker, before that is opened; does one piece. */
    void (*outfit)(void *context, struct bench *, struct worker_options *);
    void (*run)(void *context, struct bench *, uint32_t piece);
    /* In the parent: takes what a hand has sent; after waiting a while (or null); nothing is left
     * to be awaited; what has been done so far, in words; the name of a piece. False: the record
     * cannot be, or crew_fail() was told why the run cannot go on. */
    bool (*take)(void *context, struct crew *, uint32_t hand, const char *line, size_t size);
    void (*look)(void *context, struct crew *);
    bool (*is_over)(const void *context);
    void (*progress)(const void *context, char *ret, size_t size);
    void (*name)(const void *context, uint32_t piece, char *ret, size_t size);
    /* Why the work did not come to an end: */
    enum exit_code *exit_code;
    char *message; /* MODULE_MESSAGE_BYTES */
};

/* Does the pieces that are not finished, several at once. False: exit_code and message say why they
 * did not all come to an end. */
bool crew_work(const struct crew_work *);
/* Always false. The first reason stands. */
bool crew_fail(struct crew *, enum exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What a hand shows now; 0 behind the last hand. */
uint32_t crew_shown(const struct crew *, uint32_t hand);

#endif
