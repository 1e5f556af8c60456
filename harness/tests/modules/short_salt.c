/* SPDX-License-Identifier: Apache-2.0
 *
 * Its salts are as long as they should be, and all but two bytes of them are zero.
 */
#include "simple.h"

const struct twist twist = {.name = "short_salt", .salt_bytes_random = 2};
