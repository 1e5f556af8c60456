/* SPDX-License-Identifier: Apache-2.0
 *
 * Login never comes back, and works hard at it.
 */
#include "simple.h"

static void spins(void)
{
    for (volatile unsigned turns = 0;; turns++)
        ;
}

const struct twist twist = {.name = "spins", .in_login = spins};
