/* SPDX-License-Identifier: Apache-2.0
 *
 * A session belongs to a name, whoever has it and whatever its password is.
 */
#include "simple.h"

const struct twist twist = {.name = "binds_to_name", .locks = true, .binds_to_name = true};
