/* SPDX-License-Identifier: Apache-2.0
 *
 * What the rows of golden.txt are written with. It is a header below the root, so its function has
 * mutants, too.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT     64
#define UNCLOSED  1 + 1
#define LESS      <
#define TWICE(x)  ((x)*2)
#define SUM(x, y) ((x) + (y))
#define REQUIRE(call)                                                                              \
    do {                                                                                           \
        if (!(call))                                                                               \
            return false;                                                                          \
    } while (0)
#define CHECK(condition, ...) check((condition), #condition, __VA_ARGS__)
#define STOP                                                                                       \
    do {                                                                                           \
        return 0;                                                                                  \
    } while (0)
#define ASSERT_STATIC(condition) _Static_assert(condition, "always")
#define DECLARE                  int declared = 1
#define TWO_STEPS                                                                                  \
    act(1);                                                                                        \
    act(2)
#define act_at(value, line) act((value) + (line))
#define act_here(value)     act_at(value, __LINE__)
#define act_by_name         act_here
#define FOREVER             for (;;)

enum reason { REASON_NONE, REASON_MEMORY, REASON_BUSY };
enum colour { RED, GREEN };
enum { BYTES = 16 };
struct pair {
    int left, right;
    char name[16];
};

bool f(int);
bool g(int, int);
int code(void);
size_t length(const char *);
void act(int);
void put(const char *, size_t);
void copy(char *, const char *, size_t);
void move(int from, int to, char *what);
void check(bool, const char *, ...);
void say(enum reason);
char *find(const char *);
struct pair both(void);
void sodium_memzero(void *, size_t);
double half(double);

static inline bool is_small(int value)
{
    return value < LIMIT;
}

#endif
