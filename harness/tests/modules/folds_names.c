/* SPDX-License-Identifier: Apache-2.0
 *
 * Honest: upper case and lower case are one name, as it declares; and it locks.
 */
#include "simple.h"

const struct twist twist = {.name = "folds_names", .locks = true, .folds_names = true};
