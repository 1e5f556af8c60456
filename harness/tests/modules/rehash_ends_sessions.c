/* SPDX-License-Identifier: Apache-2.0
 *
 * A login that renews its hash ends all sessions of the account.
 */
#include "simple.h"

const struct twist twist = {
    .name = "rehash_ends_sessions", .locks = true, .rehash_fails_login = true};
