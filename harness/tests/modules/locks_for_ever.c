/* SPDX-License-Identifier: Apache-2.0
 *
 * Declares that a lock is over after a minute, and it never is.
 */
#include "simple.h"

const struct twist twist = {.name = "locks_for_ever", .locks = true, .locks_for_ever = true};
