/* SPDX-License-Identifier: Apache-2.0
 *
 * assay-cmocka [TARGET [GLOB]]: the cases as cmocka tests.
 */
#include <stddef.h>

#include "harness/run/bridge.h"

int main(int argc, char **argv)
{
    return bridge_run(argc > 1 ? argv[1] : "reference", argc > 2 ? argv[2] : NULL);
}
