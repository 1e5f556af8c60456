/* SPDX-License-Identifier: Apache-2.0
 *
 * How a process ends that is asked to: by SIGINT, SIGTERM or SIGHUP. The handler only notes it;
 * whoever waits looks at the note, puts its house in order and then dies of that same signal, so
 * that a shell sees what it expects. A signal that was ignored from the start, as nohup does, stays
 * ignored.
 */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "harness/run/run.h"

static volatile sig_atomic_t asked_by;

static void note(int number)
{
    asked_by = number;
}

void stop_when_asked(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        const struct sigaction noted = {.sa_handler = note}; /* poll() and sleep end early */
        struct sigaction before;
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            (void)sigaction(signals[i], &noted, NULL);
    }
}

int stop_asked(void)
{
    return asked_by;
}

void stop_here(void)
{
    int number = asked_by;
    signal(number, SIG_DFL);
    raise(number);
    _exit(128 + number);
}
