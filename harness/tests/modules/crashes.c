/* SPDX-License-Identifier: Apache-2.0
 *
 * Login follows a null pointer.
 */
#include <stddef.h>

#include "simple.h"

static void crashes(void)
{
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
}

const struct twist twist = {.name = "crashes", .in_login = crashes};
