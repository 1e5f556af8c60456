/* SPDX-License-Identifier: Apache-2.0
 *
 * Login works twelve times in the life of the process: a variable of the module counts them.
 */
#include <stdlib.h>

#include "simple.h"

static int logins;

static void remembers(void)
{
    if (++logins > 12)
        abort();
}

const struct twist twist = {.name = "remembers", .in_login = remembers};
