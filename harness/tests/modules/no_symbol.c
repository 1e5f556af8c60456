/* SPDX-License-Identifier: Apache-2.0
 *
 * A shared object, but not a target.
 */
int no_symbol(void);
int no_symbol(void)
{
    return 0;
}
