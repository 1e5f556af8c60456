/* SPDX-License-Identifier: Apache-2.0
 *
 * Denies by chance, and claims that all of its randomness is controlled: a finding is FLAKY.
 */
#include "simple.h"

const struct twist twist = {.name = "chance_undeclared", .denies_by_chance = true};
