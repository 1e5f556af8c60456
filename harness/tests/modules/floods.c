/* SPDX-License-Identifier: Apache-2.0
 *
 * Login prints ten million lines.
 */
#include <stdio.h>

#include "simple.h"

static void floods(void)
{
    for (int i = 0; i < 10000000; i++)
        puts("login: the quick brown fox has been here");
}

const struct twist twist = {.name = "floods", .in_login = floods};
