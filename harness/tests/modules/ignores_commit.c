/* SPDX-License-Identifier: Apache-2.0
 *
 * Acknowledges a change without a look at what COMMIT said.
 */
#include "simple.h"

const struct twist twist = {.name = "ignores_commit", .ignores_commit = true};
