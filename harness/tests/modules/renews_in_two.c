/* SPDX-License-Identifier: Apache-2.0
 *
 * Renews a hash in two steps, between which there is no account.
 */
#include "simple.h"

const struct twist twist = {.name = "renews_in_two", .renews = true, .renews_in_two = true};
