/* SPDX-License-Identifier: Apache-2.0
 *
 * Login closes every descriptor, as careless daemons do, and then works on as if nothing
 * had been.
 */
#include <unistd.h>

#include "simple.h"

static void closes_all(void)
{
    for (int descriptor = 0; descriptor < 1024; descriptor++)
        close(descriptor);
}

const struct twist twist = {.name = "closes_all", .in_login = closes_all};
