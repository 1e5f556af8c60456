/* SPDX-License-Identifier: Apache-2.0
 *
 * Denies by chance, and declares that it has randomness of its own: a finding has a rate.
 */
#include "simple.h"

const struct twist twist = {.name = "chance", .denies_by_chance = true, .owns_entropy = true};
