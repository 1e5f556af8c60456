/* SPDX-License-Identifier: Apache-2.0
 *
 * Declares that ten wrong passwords lock it, and nothing ever does.
 */
#include "simple.h"

const struct twist twist = {.name = "never_locks", .locks = true, .never_locks = true};
