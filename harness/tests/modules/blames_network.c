/* SPDX-License-Identifier: Apache-2.0
 *
 * Has no memory to hash with, and sends the operators to look at the network.
 */
#include "simple.h"

const struct twist twist = {.name = "blames_network", .blames_network = true};
