/* SPDX-License-Identifier: Apache-2.0
 *
 * Of a digest that was cut it compares what is left.
 */
#include "simple.h"

const struct twist twist = {.name = "compares_parts", .compares_parts = true};
