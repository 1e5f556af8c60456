/* SPDX-License-Identifier: Apache-2.0
 *
 * Compares eight bytes of a password, as the first crypt(3) did.
 */
#include "simple.h"

const struct twist twist = {.name = "prefix_compare", .prefix_only = true};
