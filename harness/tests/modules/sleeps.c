/* SPDX-License-Identifier: Apache-2.0
 *
 * Login never comes back, and does nothing.
 */
#include <unistd.h>

#include "simple.h"

static void sleeps(void)
{
    for (;;)
        pause();
}

const struct twist twist = {.name = "sleeps", .in_login = sleeps};
