/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells a user that the password is wrong when there is no memory to hash it.
 */
#include "simple.h"

const struct twist twist = {.name = "denies_no_memory", .denies_no_memory = true};
