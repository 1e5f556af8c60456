/* SPDX-License-Identifier: Apache-2.0
 *
 * Ends all sessions, and then changes the password.
 */
#include "simple.h"

const struct twist twist = {.name = "ends_first", .locks = true, .ends_first = true};
