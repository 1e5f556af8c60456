/* SPDX-License-Identifier: Apache-2.0
 *
 * Closing a handle makes it forget all wrong passwords.
 */
#include "simple.h"

const struct twist twist = {.name = "forgets_closed", .locks = true, .forgets_closed = true};
