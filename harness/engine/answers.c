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

void answers_add(struct answers *answers, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t sum = answers->sum ^ FNV_BASIS;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * FNV_PRIME;
    answers->sum = sum ^ FNV_BASIS;
}

uint32_t answers_marks(const struct answers *answers)
{
    uint32_t count = 0;
    while (count < ANSWER_MARKS && answers->runs >> count)
        count++;
    return count;
}

void answers_end(struct answers *answers)
{
    answers->runs++;
    if ((answers->runs & (answers->runs - 1)) == 0)
        answers->marks[answers_marks(answers) - 1] = answers->sum;
}

void note_answer(struct run *run, const void *data, size_t size)
{
    if (run->answers)
        answers_add(run->answers, data, size);
}

bool answers_differ(const struct answers *before, const struct answers *after)
{
    uint32_t marks = answers_marks(before), other = answers_marks(after);
    for (uint32_t i = 0; i < marks && i < other; i++)
        if (before->marks[i] != after->marks[i])
            return true;
    return before->runs == after->runs && before->sum != after->sum;
}
