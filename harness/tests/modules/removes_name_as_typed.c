/* SPDX-License-Identifier: Apache-2.0
 *
 * Names are OpaqueStrings, but at a removal they are taken as they were typed.
 */
#include "simple.h"

static void wrap(struct assay_target *table)
{
    compose_all_but(table, FORGETS_REMOVED_NAME);
}
const struct twist twist = {.name = "removes_name_as_typed", .wrap = wrap};
