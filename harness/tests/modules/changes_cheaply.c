/* SPDX-License-Identifier: Apache-2.0
 *
 * Stores a changed password at the least cost, whatever is configured.
 */
#include "simple.h"

const struct twist twist = {.name = "changes_cheaply", .changes_cheaply = true};
