/* SPDX-License-Identifier: Apache-2.0
 *
 * A small target, complete and honest, with one thing that can be wrong about it.
 *
 * Each module of this folder links simple.c and defines `twist`: honest.c leaves it empty, a liar
 * sets one flag, a hostile one gives a function that login calls first. So what a test refuses is
 * exactly one thing, and everything around it is known to be green.
 */
#ifndef ASSAY_TESTS_SIMPLE_H
#define ASSAY_TESTS_SIMPLE_H

#include <stdbool.h>

struct twist {
    const char *name;
    bool ignores_step;     /* a write that failed is acknowledged */
    bool denies_outage;    /* login answers denied when the store cannot be read */
    bool fails_open;       /* a password whose hash cannot be computed is right */
    bool blames_network;   /* memory that the KDF does not get is a timeout of the network */
    bool nul_truncates;    /* a password ends at its first NUL */
    bool prefix_only;      /* only the first eight bytes of a password count */
    bool constant_salt;    /* every hash has the same salt */
    bool checks_first;     /* looks whether a name is free, and then takes it, free or not */
    bool loses_updates;    /* a change writes over whatever the record has become meanwhile */
    bool denies_by_chance; /* one right password in eight is denied, by the system's randomness, */
    bool owns_entropy;     /* which it declares */
    void (*in_login)(void);
};
extern const struct twist twist;

#endif
