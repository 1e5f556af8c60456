/* SPDX-License-Identifier: Apache-2.0
 *
 * Allocations that fail on demand, for tests linked with --wrap=calloc and --wrap=realloc: the one
 * that is told, and those after it.
 */
#ifndef FAILING_H
#define FAILING_H

#include <stddef.h>

#define NEVER (-1)

static int allocations_left = NEVER; /* that succeed */

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

static inline int allocation_fails(void)
{
    if (allocations_left == 0)
        return 1;
    if (allocations_left > 0)
        allocations_left--;
    return 0;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return allocation_fails() ? NULL : __real_realloc(block, size);
}

#endif
