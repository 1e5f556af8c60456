/* SPDX-License-Identifier: Apache-2.0
 *
 * Compares one byte of a digest.
 */
#include "simple.h"

const struct twist twist = {.name = "compares_a_byte", .compares_a_byte = true};
