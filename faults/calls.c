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
 * libsodium's own code does not call these by their exported names, so nothing is counted twice.
 * One real call passes two edges: this one, and memory.map when it maps its memory. Not reached:
 * crypto_pwhash_argon2id and its kin called directly (memory.map still is), libsodium linked
 * statically into a module, and modules loaded with RTLD_DEEPBIND.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "faults/faults.h"

#define EXPORTED __attribute__((visibility("default")))

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

/* True if the call shall fail. A module's constructor may call before anything is installed. */
static bool fails(enum fault_operation operation, int error)
{
    if (calls_install() != NULL)
        abort();
    if (fault_ask(operation, ROLE_NONE) != FAULT_MEMORY)
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
    if (fails(CALL_CRYPTO_PWHASH, ENOMEM)) {
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
    if (fails(CALL_CRYPTO_PWHASH_STR, ENOMEM)) {
        memset(ret, 0, crypto_pwhash_STRBYTES);
        return -1;
    }
    return returned(real.pwhash_str(ret, password, password_size, opslimit, memlimit));
}

EXPORTED int crypto_pwhash_str_alg(char ret[crypto_pwhash_STRBYTES], const char *const password,
                                   unsigned long long password_size, unsigned long long opslimit,
                                   size_t memlimit, int algorithm)
{
    if (fails(CALL_CRYPTO_PWHASH_STR, ENOMEM)) {
        memset(ret, 0, crypto_pwhash_STRBYTES);
        return -1;
    }
    return returned(
        real.pwhash_str_alg(ret, password, password_size, opslimit, memlimit, algorithm));
}

EXPORTED int crypto_pwhash_str_verify(const char string[crypto_pwhash_STRBYTES],
                                      const char *const password, unsigned long long password_size)
{
    if (fails(CALL_CRYPTO_PWHASH_STR_VERIFY, EINVAL))
        return -1;
    return returned(real.pwhash_str_verify(string, password, password_size));
}
