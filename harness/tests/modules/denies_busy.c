/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells a user that the password is wrong when the store is busy.
 */
#include "simple.h"

const struct twist twist = {.name = "denies_busy", .denies_busy = true};
