/* SPDX-License-Identifier: Apache-2.0
 *
 * Renews a hash with whatever password was given, right or wrong.
 */
#include "simple.h"

const struct twist twist = {.name = "renews_denied", .renews = true, .renews_denied = true};
