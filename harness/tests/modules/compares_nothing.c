/* SPDX-License-Identifier: Apache-2.0
 *
 * Compares as many bytes of two digests as could be copied; without memory, none.
 */
#include "simple.h"

const struct twist twist = {.name = "compares_nothing", .compares_nothing = true};
