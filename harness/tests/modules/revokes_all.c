/* SPDX-License-Identifier: Apache-2.0
 *
 * Who logs out in one place is logged out everywhere.
 */
#include "simple.h"

const struct twist twist = {.name = "revokes_all", .locks = true, .revokes_all = true};
