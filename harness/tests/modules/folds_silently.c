/* SPDX-License-Identifier: Apache-2.0
 *
 * Upper case and lower case are one name, which it does not declare.
 */
#include "simple.h"

static void wrap(struct assay_target *table)
{
    table->traits.names_fold_ascii_case = false;
}
const struct twist twist = {.name = "folds_silently", .folds_names = true, .wrap = wrap};
