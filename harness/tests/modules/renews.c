/* SPDX-License-Identifier: Apache-2.0
 *
 * Honest: a login makes a hash as dear as it should be, and succeeds whatever becomes of that.
 */
#include "simple.h"

const struct twist twist = {.name = "renews", .renews = true};
