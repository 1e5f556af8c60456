/* SPDX-License-Identifier: Apache-2.0
 *
 * Does not finalise a statement that failed, so that the database is never closed.
 */
#include "simple.h"

const struct twist twist = {.name = "leaves_statements", .leaves_statements = true};
