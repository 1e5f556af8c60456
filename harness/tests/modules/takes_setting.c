/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifies at the cost that is configured, not at that of the record.
 */
#include "simple.h"

const struct twist twist = {.name = "takes_setting", .takes_setting = true};
