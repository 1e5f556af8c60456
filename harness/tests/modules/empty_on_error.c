/* SPDX-License-Identifier: Apache-2.0
 *
 * Serves an empty store when the file cannot be opened.
 */
#include "simple.h"

const struct twist twist = {.name = "empty_on_error", .empty_on_error = true};
