/* SPDX-License-Identifier: Apache-2.0
 *
 * All handles have one buffer for names.
 */
#include "simple.h"

const struct twist twist = {.name = "shares_name", .shares_name = true};
