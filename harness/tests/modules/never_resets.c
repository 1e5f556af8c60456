/* SPDX-License-Identifier: Apache-2.0
 *
 * Wrong passwords add up over the years: a right one in between changes nothing.
 */
#include "simple.h"

const struct twist twist = {.name = "never_resets", .locks = true, .never_resets = true};
