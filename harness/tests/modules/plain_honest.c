/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps accounts in a text file, and does it well.
 */
#include "plain.h"

const struct plain_twist twist = {.name = "plain_honest"};
