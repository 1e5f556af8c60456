/* SPDX-License-Identifier: Apache-2.0
 *
 * Leaves SQLite as it comes: a journal that is deleted at each commit, in a directory that is not
 * synced then. A power cut brings the journal back, and with it what was before the change.
 */
#include "simple.h"

const struct twist twist = {.name = "default_durability",
                            .durability = "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL"};
