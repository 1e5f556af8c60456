/* SPDX-License-Identifier: Apache-2.0
 *
 * Ten wrong passwords lock it, until the clock is put back.
 */
#include "simple.h"

const struct twist twist = {.name = "trusts_clock", .locks = true, .trusts_clock = true};
