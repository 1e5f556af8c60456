/* SPDX-License-Identifier: Apache-2.0
 *
 * Declares that its store keeps counts and sessions, and keeps them in memory.
 */
#include "simple.h"

const struct twist twist = {.name = "forgets_process", .locks = true, .forgets_process = true};
