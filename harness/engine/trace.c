/* SPDX-License-Identifier: Apache-2.0
 *
 * What a subject answered, run by run, as a few numbers by which two subjects can be compared.
 *
 * Answers go into a running hash (FNV-1a, 64 bits: Fowler, Noll and Vo); at the end of each run
 * whose number is a power of two the hash is kept as a mark. Two subjects that were given the same
 * choices have the same marks as long as they answer alike. Subjects that were driven for different
 * lengths of time are compared up to the last mark that both have, so up to half of what the
 * shorter one did is not compared. What a subject does and does not answer, such as one more call
 * of the world, is not in it.
 */
#include "harness/engine/engine.h"

#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x00000100000001b3u

void trace_add(struct trace *trace, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t sum = trace->sum ^ FNV_BASIS;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * FNV_PRIME;
    trace->sum = sum ^ FNV_BASIS;
}

uint32_t trace_marks(const struct trace *trace)
{
    uint32_t count = 0;
    while (count < TRACE_MARKS && trace->runs >> count)
        count++;
    return count;
}

void trace_end(struct trace *trace)
{
    trace->runs++;
    if ((trace->runs & (trace->runs - 1)) == 0)
        trace->marks[trace_marks(trace) - 1] = trace->sum;
}

void note_answer(struct run *run, const void *data, size_t size)
{
    if (run->trace)
        trace_add(run->trace, data, size);
}

bool traces_differ(const struct trace *before, const struct trace *after)
{
    uint32_t marks = trace_marks(before), other = trace_marks(after);
    for (uint32_t i = 0; i < marks && i < other; i++)
        if (before->marks[i] != after->marks[i])
            return true;
    return before->runs == after->runs && before->sum != after->sum;
}
