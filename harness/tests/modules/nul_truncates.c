/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes passwords for strings of C: what comes after a NUL does not count.
 */
#include "simple.h"

const struct twist twist = {.name = "nul_truncates", .nul_truncates = true};
