/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes a password without looking whether the record is still the one that was verified.
 */
#include "simple.h"

const struct twist twist = {.name = "loses_updates", .loses_updates = true};
