/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks whether a session can be revoked, and then revokes it.
 */
#include "simple.h"

const struct twist twist = {.name = "revokes_late", .locks = true, .revokes_late = true};
