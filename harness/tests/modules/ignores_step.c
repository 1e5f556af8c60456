/* SPDX-License-Identifier: Apache-2.0
 *
 * Acknowledges a registration, change or removal without a look at what sqlite3_step() said.
 */
#include "simple.h"

const struct twist twist = {.name = "ignores_step", .ignores_step = true};
