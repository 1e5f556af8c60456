/* SPDX-License-Identifier: Apache-2.0
 *
 * What is asked of the engine that ours is compared with. rapidcheck.cpp answers with RapidCheck
 * (Debian's librapidcheck-dev), no_anchor.c says that there is nothing to compare with.
 */
#ifndef ASSAY_BENCH_ANCHOR_H
#define ASSAY_BENCH_ANCHOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ROUND_TRIP_BYTES_MAX 64u

/* Encodes as base64, decodes, compares; the property that both engines check. engine_rows.c */
bool round_trips(const uint8_t *bytes, size_t size);

/* Name and version, or null: there is none, and nothing else here may be called. */
const char *anchor_name(void);

/* Checks round_trips() on this many cases. A case draws its length out of `lengths`, then that many
 * bytes from 0 to 255. Returns the number of cases that held. */
uint32_t anchor_round_trips(uint32_t cases, const uint8_t *lengths, size_t length_count);

/* What became of the first failure of a seed. */
struct anchor_shrunk {
    uint32_t executions; /* of the property, to shrink it */
    char story[1024];    /* the counterexample, as the case of ours tells it */
};
/* Searches a failure of the problem of this name of the shrinking challenge, and shrinks it. False:
 * there is no such problem, or no failure was found. */
bool anchor_shrink(const char *problem, uint64_t seed, struct anchor_shrunk *ret);

#ifdef __cplusplus
}
#endif

#endif
