/* SPDX-License-Identifier: Apache-2.0
 *
 * Honest: ten wrong passwords lock it, for a minute, and sessions end after an hour.
 */
#include "simple.h"

const struct twist twist = {.name = "locks", .locks = true};
