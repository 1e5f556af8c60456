/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes at the least cost when none is configured, and declares another default.
 */
#include "simple.h"

const struct twist twist = {.name = "least_by_default", .least_by_default = true};
