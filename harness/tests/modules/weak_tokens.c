/* SPDX-License-Identifier: Apache-2.0
 *
 * Four bytes of a token are random, and sixteen are promised.
 */
#include "simple.h"

const struct twist twist = {.name = "weak_tokens", .locks = true, .token_bytes_random = 4};
