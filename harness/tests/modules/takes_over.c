/* SPDX-License-Identifier: Apache-2.0
 *
 * Gives a name that is taken to whoever registers it again.
 */
#include "simple.h"

const struct twist twist = {.name = "takes_over", .takes_over = true};
