/* SPDX-License-Identifier: Apache-2.0
 *
 * Passwords are OpaqueStrings, but verify() takes them as they were typed.
 */
#include "simple.h"

static void wrap(struct assay_target *table)
{
    compose_all_but(table, FORGETS_VERIFY);
}
const struct twist twist = {.name = "verifies_as_typed", .wrap = wrap};
