/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells a user that the password is wrong when it was the disk that failed.
 */
#include "simple.h"

const struct twist twist = {.name = "denies_outage", .denies_outage = true};
