/* SPDX-License-Identifier: Apache-2.0
 *
 * taint MODULE: whether a module compares digests in constant time. To be run by valgrind.
 *
 * Method. The program defines crypto_pwhash(), as the harness does, so that the module's calls come
 * here. When the real one is back, bytes of the digest are declared undefined, and memcheck reports
 * each conditional jump that depends on them. Not every such jump is wrong: the verdict itself is
 * one, and everything that follows from it. But a comparison that stops early, such as memcmp(),
 * jumps once for each byte, and one in constant time never before all bytes are joined. So what is
 * counted is the jumps when all bytes are undefined, against those when only the first, or only the
 * last, is: more jumps mean that different bytes decide different jumps, and then time tells where
 * two digests begin to differ. A right password is used, with which nothing ends early.
 *
 * The verdict must depend on the digest, or nothing was looked at; and the module must call
 * crypto_pwhash() itself, which who uses crypto_pwhash_str_verify() does not.
 *
 * Not seen: memory that is indexed by the digest, instructions that take as long as their operands
 * say, and other key derivations.
 *
 * Exit: 0 in constant time; 1 not; 3 the module cannot be judged; 77 not under valgrind, or nothing
 * of the module's key derivation is in sight.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>
#include <valgrind/memcheck.h>

#include "targets/target.h"

enum { CONSTANT_TIME = 0, NOT_CONSTANT_TIME = 1, CANNOT_JUDGE = 3, SKIPPED = 77 };

static const uint8_t password[] = "Correct-horse-1-battery-staple";
static char encoded[ASSAY_ENCODED_BYTES_MAX];
static struct assay_text stored = {encoded, sizeof encoded, 0};

/* Which bytes of a digest are undefined from now on. */
enum extent { NO_BYTE, FIRST_BYTE, LAST_BYTE, ALL_BYTES } extent;
static unsigned digests;     /* that were made undefined */
static bool verdict_depends; /* on them, in the eyes of memcheck */

static void poison(unsigned char *digest, size_t size)
{
    const size_t from = extent == LAST_BYTE ? size - 1 : 0;
    const size_t count = extent == ALL_BYTES ? size : 1;
    if (extent == NO_BYTE || size == 0)
        return;
    (void)VALGRIND_MAKE_MEM_UNDEFINED(digest + from, count);
    digests++;
}

__attribute__((visibility("default"))) int
crypto_pwhash(unsigned char *const ret_key, unsigned long long key_size, const char *const phrase,
              unsigned long long phrase_size, const unsigned char *const salt,
              unsigned long long passes, size_t memory_bytes, int algorithm)
{
    __typeof__(&crypto_pwhash) real;
    void *symbol = dlsym(RTLD_NEXT, "crypto_pwhash");
    memcpy(&real, &symbol, sizeof real);
    int code = real(ret_key, key_size, phrase, phrase_size, salt, passes, memory_bytes, algorithm);
    poison(ret_key, (size_t)key_size);
    return code;
}

/* The jumps that memcheck reports while the right password is verified. */
static unsigned long jumps(const struct assay_target *target, enum extent undefined)
{
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    unsigned long before = VALGRIND_COUNT_ERRORS;
    extent = undefined;
    target->verify((struct assay_bytes){(const uint8_t *)encoded, stored.size},
                   (struct assay_bytes){password, sizeof password - 1}, &reply);
    unsigned long reported = VALGRIND_COUNT_ERRORS - before;
    uint8_t undefined_bits[sizeof reply.answer] = {0};
    extent = NO_BYTE;
    (void)VALGRIND_GET_VBITS(&reply.answer, undefined_bits, sizeof undefined_bits);
    (void)VALGRIND_MAKE_MEM_DEFINED(&reply, sizeof reply);
    verdict_depends |= reported > 0;
    for (size_t i = 0; i < sizeof undefined_bits; i++)
        verdict_depends |= undefined_bits[i] != 0;
    if (reply.answer != ASSAY_OK)
        printf("the right password is answered %d\n", (int)reply.answer);
    return reported;
}

static int judge(const struct assay_target *target)
{
    if (jumps(target, NO_BYTE) > 0) {
        puts("memcheck has something to say before anything is undefined");
        return CANNOT_JUDGE;
    }
    unsigned long first = jumps(target, FIRST_BYTE), last = jumps(target, LAST_BYTE);
    unsigned long all = jumps(target, ALL_BYTES);
    printf("jumps on the digest: %lu with one byte undefined (the first), %lu (the last), %lu with "
           "all\n",
           first, last, all);
    if (digests == 0) {
        puts("it does not call crypto_pwhash() itself: nothing was looked at");
        return SKIPPED;
    }
    if (!verdict_depends) {
        puts("the verdict does not depend on the digest");
        return CANNOT_JUDGE;
    }
    return all > first || all > last ? NOT_CONSTANT_TIME : CONSTANT_TIME;
}

static const struct assay_target *load(const char *path)
{
    const struct assay_target *(*get)(void);
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = module ? dlsym(module, ASSAY_TARGET_SYMBOL) : NULL;
    memcpy(&get, &symbol, sizeof get);
    return symbol ? get() : NULL;
}

int main(int count, char **arguments)
{
    if (!RUNNING_ON_VALGRIND) {
        puts("to be run by valgrind");
        return SKIPPED;
    }
    if (sodium_init() < 0) {
        puts("libsodium cannot be initialised");
        return CANNOT_JUDGE;
    }
    const struct assay_target *target = count == 2 ? load(arguments[1]) : NULL;
    if (!target || !target->hash || !target->verify) {
        printf("no module that hashes and verifies: %s\n",
               count == 2 ? arguments[1] : "none given");
        return CANNOT_JUDGE;
    }
    const struct assay_config config = {.size = sizeof config, .cost = target->traits.cost_min};
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    target->hash(&config, (struct assay_bytes){password, sizeof password - 1}, &stored, &reply);
    if (reply.answer != ASSAY_OK) {
        printf("a hash is answered %d\n", (int)reply.answer);
        return CANNOT_JUDGE;
    }
    return judge(target);
}
