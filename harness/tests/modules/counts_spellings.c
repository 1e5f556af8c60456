/* SPDX-License-Identifier: Apache-2.0
 *
 * Each spelling of a name has a count of its own.
 */
#include "simple.h"

const struct twist twist = {
    .name = "counts_spellings", .locks = true, .folds_names = true, .counts_spellings = true};
