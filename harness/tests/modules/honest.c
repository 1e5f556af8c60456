/* SPDX-License-Identifier: Apache-2.0
 *
 * Nothing is wrong here.
 */
#include "simple.h"

const struct twist twist = {.name = "honest"};
