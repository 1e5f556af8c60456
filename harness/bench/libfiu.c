/* SPDX-License-Identifier: Apache-2.0
 *
 * A disabled point of failure of libfiu (Debian's libfiu-dev), beside which our edge is measured.
 */
#define FIU_ENABLE
#include <fiu.h>

#include "harness/bench/bench.h"

double libfiu_disabled_ns(const struct bench *bench)
{
    const uint32_t calls = bench_count(bench, 2000000);
    uint32_t failed = 0;
    if (fiu_init(0) != 0)
        bench_broken("libfiu cannot be initialised");
    double before = bench_cpu();
    for (uint32_t i = 0; i < calls; i++)
        failed += fiu_fail("assay/bench") != 0;
    double after = bench_cpu();
    if (failed != 0)
        bench_broken("a point that nobody enabled fails");
    return (after - before) * 1e9 / calls;
}
