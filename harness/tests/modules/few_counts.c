/* SPDX-License-Identifier: Apache-2.0
 *
 * Knows the wrong passwords of the last eight names only.
 */
#include "simple.h"

const struct twist twist = {.name = "few_counts", .locks = true, .few_counts = true};
