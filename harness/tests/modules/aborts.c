/* SPDX-License-Identifier: Apache-2.0
 *
 * Login aborts.
 */
#include <stdlib.h>

#include "simple.h"

static void aborts(void)
{
    abort();
}

const struct twist twist = {.name = "aborts", .in_login = aborts};
