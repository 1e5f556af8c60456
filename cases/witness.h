/* SPDX-License-Identifier: Apache-2.0
 *
 * Witnesses of patches: see witness.c for how they are written.
 */
#ifndef ASSAY_WITNESS_H
#define ASSAY_WITNESS_H

#include "harness/engine/engine.h"

/* The text must live as long as the workers that run the case. */
void witness_set(const char *text);
extern const struct test_case witness_case;

#endif
