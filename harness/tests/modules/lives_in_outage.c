/* SPDX-License-Identifier: Apache-2.0
 *
 * A session that cannot be looked up is valid.
 */
#include "simple.h"

const struct twist twist = {.name = "lives_in_outage", .locks = true, .lives_in_outage = true};
