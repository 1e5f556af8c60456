/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks whether a name is locked before it hashes, and counts afterwards.
 */
#include "simple.h"

const struct twist twist = {.name = "counts_late", .locks = true, .counts_late = true};
