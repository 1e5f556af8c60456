/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a row that cannot be read for an account that does not exist.
 */
#include "simple.h"

const struct twist twist = {.name = "unknown_on_error", .unknown_on_error = true};
