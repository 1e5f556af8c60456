/* SPDX-License-Identifier: Apache-2.0
 *
 * A small honest target without a database, made dishonest by a twist: each module is plain.c with
 * the twist of its own file. All twists off is the honest one.
 */
#ifndef ASSAY_TESTS_PLAIN_H
#define ASSAY_TESTS_PLAIN_H

#include <stdbool.h>

struct plain_twist {
    const char *name;
    bool trusts_close; /* a file whose last bytes could not be written is taken for written */
    bool unlocked;     /* two clients may change the file at the same time */
};
extern const struct plain_twist twist;

#endif
