/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks whether a name is free before it hashes, and inserts afterwards: check, then act.
 */
#include "simple.h"

const struct twist twist = {.name = "checks_first", .checks_first = true};
