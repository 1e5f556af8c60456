/* SPDX-License-Identifier: Apache-2.0
 *
 * Its salts come from the kernel, and when there are none it takes what lies in memory.
 */
#include "simple.h"

const struct twist twist = {
    .name = "ignores_entropy", .asks_kernel = true, .ignores_entropy = true};
