/* SPDX-License-Identifier: Apache-2.0
 *
 * Login waits for a lock that it holds itself.
 */
#include <pthread.h>

#include "simple.h"

static void deadlocks(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    pthread_mutex_lock(&lock);
}

const struct twist twist = {.name = "deadlocks", .in_login = deadlocks};
