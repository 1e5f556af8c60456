/* SPDX-License-Identifier: Apache-2.0
 *
 * Honest: names and passwords are OpaqueStrings.
 */
#include "simple.h"

static void wrap(struct assay_target *table)
{
    compose_all_but(table, FORGETS_NOTHING);
}
const struct twist twist = {.name = "composes", .wrap = wrap};
