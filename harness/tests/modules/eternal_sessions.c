/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions that should end after an hour do not.
 */
#include "simple.h"

const struct twist twist = {.name = "eternal_sessions", .locks = true, .eternal_sessions = true};
