/* SPDX-License-Identifier: Apache-2.0
 *
 * Wrong passwords of a login, a change and a removal are three counts.
 */
#include "simple.h"

const struct twist twist = {.name = "counts_apart", .locks = true, .counts_apart = true};
