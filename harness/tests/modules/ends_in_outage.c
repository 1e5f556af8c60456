/* SPDX-License-Identifier: Apache-2.0
 *
 * A session that cannot be looked up is none.
 */
#include "simple.h"

const struct twist twist = {.name = "ends_in_outage", .locks = true, .ends_in_outage = true};
