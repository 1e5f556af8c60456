/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes two names for one when their first 64 bytes are the same.
 */
#include "simple.h"

const struct twist twist = {.name = "cuts_names", .cuts_names = true};
