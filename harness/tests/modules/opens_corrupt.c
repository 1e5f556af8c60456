/* SPDX-License-Identifier: Apache-2.0
 *
 * A stored string that cannot be read opens to every password.
 */
#include "simple.h"

const struct twist twist = {.name = "opens_corrupt", .opens_corrupt = true};
