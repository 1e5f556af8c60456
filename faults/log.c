/* SPDX-License-Identifier: Apache-2.0
 *
 * The system's log: what a subject says to it is shown to whoever watches for secrets, and goes
 * nowhere while a run is under way. It cannot fail: syslog() says nothing of what became of it.
 *
 * Only the first LINE_BYTES of a message are looked at. Not reached: what a subject sends to the
 * log's socket, or to the journal, itself.
 */
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "faults/faults.h"

#define LINE_BYTES 4096u

static struct {
    __typeof__(&syslog) syslog;
    __typeof__(&vsyslog) vsyslog;
    void (*syslog_checked)(int priority, int flag, const char *format, ...);
    void (*vsyslog_checked)(int priority, int flag, const char *format, va_list values);
} real;

static __attribute__((format(printf, 2, 0))) void say(int priority, const char *format,
                                                      va_list values)
{
    char line[LINE_BYTES];
    if (!edge_is_running()) {
        vsyslog(priority, format, values);
        return;
    }
    int size = vsnprintf(line, sizeof line, format, values);
    if (size > 0)
        outlet_show(OUTLET_LOG, line, (size_t)size < sizeof line ? (size_t)size : sizeof line - 1);
}

static __attribute__((format(printf, 2, 3))) void subject_syslog(int priority, const char *format,
                                                                 ...)
{
    va_list values;
    va_start(values, format);
    say(priority, format, values);
    va_end(values);
}

/* What _FORTIFY_SOURCE makes of it. */
static __attribute__((format(printf, 3, 4))) void subject_syslog_checked(int priority, int flag,
                                                                         const char *format, ...)
{
    va_list values;
    (void)flag;
    va_start(values, format);
    say(priority, format, values);
    va_end(values);
}

static __attribute__((format(printf, 3, 0))) void
subject_vsyslog_checked(int priority, int flag, const char *format, va_list values)
{
    (void)flag;
    say(priority, format, values);
}

const char *log_install(void)
{
    static const struct slot slots[] = {
        {"syslog", (function *)subject_syslog, &real.syslog},
        {"vsyslog", (function *)say, &real.vsyslog},
        {"__syslog_chk", (function *)subject_syslog_checked, &real.syslog_checked},
        {"__vsyslog_chk", (function *)subject_vsyslog_checked, &real.vsyslog_checked},
    };
    slots_offer(OWNED_BY_SUBJECT, slots, sizeof slots / sizeof *slots);
    return NULL;
}
