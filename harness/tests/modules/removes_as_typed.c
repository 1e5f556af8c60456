/* SPDX-License-Identifier: Apache-2.0
 *
 * Passwords are OpaqueStrings, but at a removal they are taken as they were typed.
 */
#include "simple.h"

static void wrap(struct assay_target *table)
{
    compose_all_but(table, FORGETS_REMOVAL);
}
const struct twist twist = {.name = "removes_as_typed", .wrap = wrap};
