/* SPDX-License-Identifier: Apache-2.0
 *
 * Begins to count anew when a lock is over, and declares that it forgets nothing.
 */
#include "simple.h"

const struct twist twist = {.name = "forgets_locks", .locks = true, .forgets_locks = true};
