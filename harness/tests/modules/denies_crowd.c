/* SPDX-License-Identifier: Apache-2.0
 *
 * Alone it says that it has no memory; in a crowd it says that the password is wrong.
 */
#include "simple.h"

const struct twist twist = {.name = "denies_crowd", .denies_crowd = true};
