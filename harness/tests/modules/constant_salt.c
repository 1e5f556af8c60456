/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes every password with the same salt.
 */
#include "simple.h"

const struct twist twist = {.name = "constant_salt", .constant_salt = true};
