/* SPDX-License-Identifier: Apache-2.0
 *
 * Honest: rows of bcrypt open accounts, too.
 */
#define BYTES_COMPARED ROW_BYTES
#include "bcrypt_rows.h"

const struct twist twist = {.name = "serves_bcrypt", .wrap = wrap};
