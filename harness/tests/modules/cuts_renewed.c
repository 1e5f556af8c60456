/* SPDX-License-Identifier: Apache-2.0
 *
 * Has room for renewed strings as long as cheap ones.
 */
#include "simple.h"

const struct twist twist = {.name = "cuts_renewed", .renews = true, .cuts_renewed = true};
