/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls: functions of libsodium that a subject calls by name, and that can fail as a whole.
 *
 * The executable defines them and exports them (exported.list), so that modules find these first;
 * the real ones are the next of that name. A failing call does what libsodium 1.0.18 does when it
 * has no memory: the output is zeroed, the answer is -1, and
 *
 *     crypto_pwhash             errno ENOMEM
 *     crypto_pwhash_str         errno ENOMEM
 *     crypto_pwhash_str_verify  errno EINVAL, just as for a wrong password: its argon2_verify makes
 *                               a mismatch of every error (mended upstream in 3de0b3cd, 2021)
 *
 * The last row is why a subject must not found a verdict on crypto_pwhash_str_verify.
 *
 * The work that is asked for is counted (edge_take), in KiB times passes, so that a case can
 * compare what two operations cost without a clock; and a case may allow only so much of it
 * (edge_allow), so that a stored string which asks for years is refused, as if there were no
 * memory, and not computed.
 *
 * libsodium's own code does not call these by their exported names, so nothing is counted twice.
 * One real call passes two edges: this one, and memory.map when it maps its memory. Not reached:
 * crypto_pwhash_argon2id and its kin called directly (memory.map still is), libsodium linked
 * statically into a module, and modules loaded with RTLD_DEEPBIND.
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "faults/faults.h"

#define BYTES_PER_KIB 1024u
#define EXPORTED      __attribute__((visibility("default")))

/* libsodium's functions. */
static struct {
    __typeof__(&crypto_pwhash) pwhash;
    __typeof__(&crypto_pwhash_str) pwhash_str;
    __typeof__(&crypto_pwhash_str_alg) pwhash_str_alg;
    __typeof__(&crypto_pwhash_str_verify) pwhash_str_verify;
} real;
static pthread_once_t real_once = PTHREAD_ONCE_INIT;

/* ISO C has no way from an object pointer to a function pointer but its bytes. */
static void resolve_one(void *ret_function, const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(ret_function, &symbol, sizeof symbol);
}

static void resolve(void)
{
    resolve_one(&real.pwhash, "crypto_pwhash");
    resolve_one(&real.pwhash_str, "crypto_pwhash_str");
    resolve_one(&real.pwhash_str_alg, "crypto_pwhash_str_alg");
    resolve_one(&real.pwhash_str_verify, "crypto_pwhash_str_verify");
}

/* RTLD_NEXT finds nothing unless the executable itself is linked against libsodium. */
const char *calls_install(void)
{
    pthread_once(&real_once, resolve);
    if (real.pwhash == NULL || real.pwhash_str == NULL || real.pwhash_str_alg == NULL ||
        real.pwhash_str_verify == NULL)
        return "libsodium's functions are not found: link with -Wl,--no-as-needed -lsodium";
    return NULL;
}

/* Memory times passes; what the library would refuse unseen costs nothing. */
static uint64_t work_of(uint64_t memory_kib, uint64_t passes)
{
    bool is_served = memory_kib <= crypto_pwhash_memlimit_max() / BYTES_PER_KIB &&
                     passes <= crypto_pwhash_opslimit_max();
    return is_served ? memory_kib * passes : 0;
}

/* What a string of libsodium asks for: 0, if it does not say so. */
static uint64_t work_of_string(const char string[crypto_pwhash_STRBYTES])
{
    char text[crypto_pwhash_STRBYTES + 1];
    uint64_t memory_kib = 0, passes = 0;
    memcpy(text, string, crypto_pwhash_STRBYTES);
    text[crypto_pwhash_STRBYTES] = '\0';
    const char *cost = strstr(text, "$m=");
    if (cost == NULL || sscanf(cost, "$m=%19" SCNu64 ",t=%19" SCNu64, &memory_kib, &passes) != 2)
        return 0;
    return work_of(memory_kib, passes);
}

/* True if the call shall fail. A module's constructor may call before anything is installed. */
static bool fails(enum fault_operation operation, int error, uint64_t work)
{
    if (calls_install() != NULL)
        abort();
    if (fault_ask(operation, ROLE_NONE) != FAULT_MEMORY && edge_take((uint16_t)operation, work))
        return false;
    errno = error;
    return true;
}

static uint64_t hashed;

uint64_t hashing_work(void)
{
    return __atomic_load_n(&hashed, __ATOMIC_RELAXED);
}

/* Another thread may go on between a hash and what is done with it: it may lie in a buffer that is
 * shared. */
static int returned(int code)
{
    schedule_point("what follows a hash", NULL);
    return code;
}

EXPORTED int crypto_pwhash(unsigned char *const ret_key, unsigned long long key_size,
                           const char *const password, unsigned long long password_size,
                           const unsigned char *const salt, unsigned long long opslimit,
                           size_t memlimit, int algorithm)
{
    if (fails(CALL_CRYPTO_PWHASH, ENOMEM, work_of(memlimit / BYTES_PER_KIB, opslimit))) {
        memset(ret_key, 0, (size_t)key_size);
        return -1;
    }
    __atomic_add_fetch(&hashed, opslimit * (memlimit / 1024), __ATOMIC_RELAXED);
    return returned(real.pwhash(ret_key, key_size, password, password_size, salt, opslimit,
                                memlimit, algorithm));
}

EXPORTED int crypto_pwhash_str(char ret[crypto_pwhash_STRBYTES], const char *const password,
                               unsigned long long password_size, unsigned long long opslimit,
                               size_t memlimit)
{
    if (fails(CALL_CRYPTO_PWHASH_STR, ENOMEM, work_of(memlimit / BYTES_PER_KIB, opslimit))) {
        memset(ret, 0, crypto_pwhash_STRBYTES);
        return -1;
    }
    return returned(real.pwhash_str(ret, password, password_size, opslimit, memlimit));
}

EXPORTED int crypto_pwhash_str_alg(char ret[crypto_pwhash_STRBYTES], const char *const password,
                                   unsigned long long password_size, unsigned long long opslimit,
                                   size_t memlimit, int algorithm)
{
    if (fails(CALL_CRYPTO_PWHASH_STR, ENOMEM, work_of(memlimit / BYTES_PER_KIB, opslimit))) {
        memset(ret, 0, crypto_pwhash_STRBYTES);
        return -1;
    }
    return returned(
        real.pwhash_str_alg(ret, password, password_size, opslimit, memlimit, algorithm));
}

EXPORTED int crypto_pwhash_str_verify(const char string[crypto_pwhash_STRBYTES],
                                      const char *const password, unsigned long long password_size)
{
    if (fails(CALL_CRYPTO_PWHASH_STR_VERIFY, EINVAL, work_of_string(string)))
        return -1;
    return returned(real.pwhash_str_verify(string, password, password_size));
}
