/* SPDX-License-Identifier: Apache-2.0
 *
 * The token of a session is a hash of the name.
 */
#include "simple.h"

const struct twist twist = {.name = "token_of_name", .locks = true, .token_of_name = true};
