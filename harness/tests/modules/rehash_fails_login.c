/* SPDX-License-Identifier: Apache-2.0
 *
 * Renews hashes at login, and fails the login when only that fails.
 */
#include "simple.h"

const struct twist twist = {.name = "rehash_fails_login", .rehash_fails_login = true};
