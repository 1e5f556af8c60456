/* SPDX-License-Identifier: Apache-2.0
 *
 * Honest: a locked name is answered denied, as it declares, and an account has one session.
 */
#include "simple.h"

const struct twist twist = {
    .name = "other_ways", .locks = true, .hides_lock = true, .one_session = true};
