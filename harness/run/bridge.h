/* SPDX-License-Identifier: Apache-2.0
 *
 * Each case as a cmocka test, for projects that have a cmocka suite already.
 */
#ifndef ASSAY_BRIDGE_H
#define ASSAY_BRIDGE_H

/* Runs every case whose name matches `glob` (null: all) against a target, by every technique that
 * it has; each is one CMUnitTest. Returns 0 when all are green, 1 when some failed, 64 when none
 * matched. The output format is cmocka's (CMOCKA_MESSAGE_OUTPUT). */
int bridge_run(const char *target, const char *glob);

#endif
