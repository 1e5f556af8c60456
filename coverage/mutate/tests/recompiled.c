/* SPDX-License-Identifier: Apache-2.0
 *
 * The program into which a changed source is compiled: the same tests, without switches.
 */
#include "coverage/mutate/tests/judge.h"

int main(void)
{
    return judged_run_all();
}
