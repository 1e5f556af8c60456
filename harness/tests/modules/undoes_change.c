/* SPDX-License-Identifier: Apache-2.0
 *
 * A renewed hash of the old password is written over a new password.
 */
#include "simple.h"

const struct twist twist = {.name = "undoes_change", .renews = true, .loses_updates = true};
