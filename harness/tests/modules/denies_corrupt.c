/* SPDX-License-Identifier: Apache-2.0
 *
 * A stored string that cannot be read is a wrong password.
 */
#include "simple.h"

const struct twist twist = {.name = "denies_corrupt", .denies_corrupt = true};
