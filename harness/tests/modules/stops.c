/* SPDX-License-Identifier: Apache-2.0
 *
 * Login stops the process, which then is neither dead nor alive.
 */
#include <signal.h>

#include "simple.h"

static void stops(void)
{
    raise(SIGSTOP);
}

const struct twist twist = {.name = "stops", .in_login = stops};
