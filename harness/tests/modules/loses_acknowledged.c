/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps its changes in a log that is synced only when it is moved into the database: fast, and a
 * power cut takes back what was acknowledged meanwhile.
 */
#include "simple.h"

const struct twist twist = {.name = "loses_acknowledged",
                            .durability = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"};
