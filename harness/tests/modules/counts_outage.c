/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts an attempt that could not be answered as a wrong password, and locks the account of
 * somebody who knew it.
 */
#include "simple.h"

const struct twist twist = {.name = "counts_outage", .locks = true, .counts_outage = true};
