/* SPDX-License-Identifier: Apache-2.0
 *
 * Compares the setting of a row of bcrypt, and not what follows: any password opens it.
 */
#define BYTES_COMPARED 29u
#include "bcrypt_rows.h"

const struct twist twist = {.name = "compares_setting", .wrap = wrap};
