/* SPDX-License-Identifier: Apache-2.0
 *
 * Lets everybody in while there is no memory to hash with.
 */
#include "simple.h"

const struct twist twist = {.name = "fails_open", .fails_open = true};
