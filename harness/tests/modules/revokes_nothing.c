/* SPDX-License-Identifier: Apache-2.0
 *
 * A revocation is acknowledged and not made.
 */
#include "simple.h"

const struct twist twist = {.name = "revokes_nothing", .locks = true, .revokes_nothing = true};
