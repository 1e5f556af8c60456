/* SPDX-License-Identifier: Apache-2.0
 *
 * Login ends the process, and says that all is well.
 */
#include <stdlib.h>

#include "simple.h"

static void exits(void)
{
    exit(0);
}

const struct twist twist = {.name = "exits", .in_login = exits};
