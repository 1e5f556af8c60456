/* SPDX-License-Identifier: Apache-2.0
 *
 * Only the first twenty of the 32 characters of a token count.
 */
#include "simple.h"

const struct twist twist = {.name = "prefix_of_token", .locks = true, .prefix_of_token = true};
