/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls a database busy when it is damaged, so that nobody looks for a copy to restore.
 */
#include "simple.h"

const struct twist twist = {.name = "damage_is_busy", .damage_is_busy = true};
