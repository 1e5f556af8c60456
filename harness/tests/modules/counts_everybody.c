/* SPDX-License-Identifier: Apache-2.0
 *
 * Wrong passwords for one name lock all names.
 */
#include "simple.h"

const struct twist twist = {.name = "counts_everybody", .locks = true, .counts_everybody = true};
