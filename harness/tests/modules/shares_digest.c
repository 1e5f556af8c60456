/* SPDX-License-Identifier: Apache-2.0
 *
 * All calls have one buffer for digests.
 */
#include "simple.h"

const struct twist twist = {.name = "shares_digest", .shares_digest = true};
