/* SPDX-License-Identifier: Apache-2.0
 *
 * Loses one of its sixteen places for hashing with each hash that fails.
 */
#include "simple.h"

const struct twist twist = {.name = "loses_slots", .loses_slots = true};
