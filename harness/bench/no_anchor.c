/* SPDX-License-Identifier: Apache-2.0
 *
 * RapidCheck, or a C++ compiler, is not installed: rows that need it have no anchor.
 */
#include "harness/bench/anchor.h"

const char *anchor_name(void)
{
    return NULL;
}

uint32_t anchor_round_trips(uint32_t cases, const uint8_t *lengths, size_t length_count)
{
    (void)cases;
    (void)lengths;
    (void)length_count;
    return 0;
}

bool anchor_shrink(const char *problem, uint64_t seed, struct anchor_shrunk *ret)
{
    (void)problem;
    (void)seed;
    (void)ret;
    return false;
}
