/* SPDX-License-Identifier: Apache-2.0
 *
 * Renews a hash at every login.
 */
#include "simple.h"

const struct twist twist = {.name = "never_settles", .renews = true, .never_settles = true};
