/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes the file without a lock: of two changes at the same time one is lost.
 */
#include "plain.h"

const struct plain_twist twist = {.name = "plain_unlocked", .unlocked = true};
