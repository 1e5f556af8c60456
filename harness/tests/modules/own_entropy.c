/* SPDX-License-Identifier: Apache-2.0
 *
 * Honest: its salts come from the kernel, and it says so when there are none.
 */
#include "simple.h"

const struct twist twist = {.name = "own_entropy", .asks_kernel = true};
