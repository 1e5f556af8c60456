/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes a store that is missing, although it must exist.
 */
#include "simple.h"

const struct twist twist = {.name = "always_creates", .always_creates = true};
