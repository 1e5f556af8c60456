/* SPDX-License-Identifier: Apache-2.0
 *
 * Does not look whether what it has written could be written.
 */
#include "plain.h"

const struct plain_twist twist = {.name = "plain_trusts_close", .trusts_close = true};
