/* SPDX-License-Identifier: Apache-2.0
 *
 * A password is wrong when another one is hashed at the same time.
 */
#include "simple.h"

const struct twist twist = {.name = "denies_beside", .denies_beside = true};
