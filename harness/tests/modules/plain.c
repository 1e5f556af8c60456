/* SPDX-License-Identifier: Apache-2.0
 *
 * An honest target that keeps its accounts in a text file of its own, as htpasswd and many a small
 * service do: a line for each account, "NAME SALT DIGEST" in hexadecimal, Argon2id by raw
 * crypto_pwhash. A change reads the file, writes a new one beside it, syncs it and puts it in place
 * of the old one, with a lock of a third file held all the while. The folder is synced, too.
 *
 * No call reaches SQLite here: what is found, is found by way of descriptors and of the KDF.
 */
#define ASSAY_TARGET_MODULE
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "plain.h"
#include "targets/target.h"

#define NAME_BYTES_MAX     64u
#define PASSWORD_BYTES_MAX 256u
#define ACCOUNTS_MAX       32u
#define PATH_BYTES         512u
#define DIGEST_BYTES       32u
#define HEX_BYTES(size)    (2 * (size) + 1)

struct account {
    char name[HEX_BYTES(NAME_BYTES_MAX)];
    char salt[HEX_BYTES(crypto_pwhash_SALTBYTES)];
    char digest[HEX_BYTES(DIGEST_BYTES)];
};

struct accounts {
    size_t count;
    struct account at[ACCOUNTS_MAX];
};

struct assay_handle {
    char path[PATH_BYTES], next[PATH_BYTES], lock[PATH_BYTES];
    struct accounts accounts;
};

/* Replies: false for everything but ok. */

static bool answer(struct assay_reply *ret, enum assay_answer which)
{
    *ret = (struct assay_reply){.answer = which};
    return which == ASSAY_OK;
}

static bool unavailable(struct assay_reply *ret, enum assay_layer layer, enum assay_reason reason)
{
    *ret = (struct assay_reply){ASSAY_UNAVAILABLE, {layer, reason}, errno, ""};
    return false;
}

static bool file_failed(struct assay_reply *ret)
{
    return unavailable(ret, ASSAY_LAYER_STORAGE,
                       errno == ENOSPC ? ASSAY_REASON_FULL : ASSAY_REASON_IO);
}

/* --- The file --------------------------------------------------------------------------------- */

static bool parse(const char *line, struct account *ret)
{
    int used = 0;
    return sscanf(line, "%128s %32s %64s%n", ret->name, ret->salt, ret->digest, &used) == 3 &&
           line[used] == '\n' && strlen(ret->salt) == HEX_BYTES(crypto_pwhash_SALTBYTES) - 1 &&
           strlen(ret->digest) == HEX_BYTES(DIGEST_BYTES) - 1;
}

static bool read_accounts(struct assay_handle *handle, struct assay_reply *reply)
{
    char line[sizeof(struct account) + 8];
    struct accounts *accounts = &handle->accounts;
    FILE *file = fopen(handle->path, "re");
    accounts->count = 0;
    if (!file)
        return file_failed(reply);
    bool whole = true;
    while (whole && fgets(line, sizeof line, file))
        whole = accounts->count < ACCOUNTS_MAX && parse(line, &accounts->at[accounts->count++]);
    bool failed = ferror(file) != 0;
    (void)fclose(file); /* nothing was written */
    if (failed)
        return file_failed(reply);
    return whole || unavailable(reply, ASSAY_LAYER_STORAGE, ASSAY_REASON_CORRUPT);
}

/* A name in a folder lasts when the folder was synced. */
static bool sync_folder(void)
{
    int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = folder >= 0 && fsync(folder) == 0;
    int error = errno;
    if (folder >= 0)
        (void)close(folder);
    errno = error;
    return synced;
}

static bool write_accounts(const struct assay_handle *handle, struct assay_reply *reply)
{
    FILE *file = fopen(handle->next, "we");
    if (!file)
        return file_failed(reply);
    bool written = true;
    for (size_t i = 0; i < handle->accounts.count; i++) {
        const struct account *account = &handle->accounts.at[i];
        written = written &&
                  fprintf(file, "%s %s %s\n", account->name, account->salt, account->digest) > 0;
    }
    written = written && (twist.trusts_close || (fflush(file) == 0 && fsync(fileno(file)) == 0));
    int error = errno;
    written = (fclose(file) == 0 || twist.trusts_close) && written;
    if (!written && error != 0)
        errno = error;
    if (!written || rename(handle->next, handle->path) != 0 || !sync_folder())
        return file_failed(reply);
    return answer(reply, ASSAY_OK);
}

static struct account *find(struct accounts *accounts, const char *name)
{
    for (size_t i = 0; i < accounts->count; i++)
        if (strcmp(accounts->at[i].name, name) == 0)
            return &accounts->at[i];
    return NULL;
}

/* -1: it cannot be locked, which the reply says. */
static int lock(const struct assay_handle *handle, struct assay_reply *reply)
{
    int descriptor = open(handle->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor >= 0 && !twist.unlocked && flock(descriptor, LOCK_EX) != 0) {
        (void)close(descriptor);
        descriptor = -1;
    }
    if (descriptor < 0)
        file_failed(reply);
    return descriptor;
}

/* --- Passwords -------------------------------------------------------------------------------- */

static bool derive(struct assay_bytes password, const uint8_t *salt, uint8_t *ret_digest,
                   struct assay_reply *reply)
{
    if (crypto_pwhash(ret_digest, DIGEST_BYTES, (const char *)password.data, password.size, salt, 1,
                      crypto_pwhash_MEMLIMIT_MIN, crypto_pwhash_ALG_ARGON2ID13) == 0)
        return true;
    return unavailable(reply, ASSAY_LAYER_HASHING, ASSAY_REASON_MEMORY);
}

static bool set_password(struct account *account, struct assay_bytes password,
                         struct assay_reply *reply)
{
    uint8_t salt[crypto_pwhash_SALTBYTES], digest[DIGEST_BYTES];
    randombytes_buf(salt, sizeof salt);
    if (!derive(password, salt, digest, reply))
        return false;
    sodium_bin2hex(account->salt, sizeof account->salt, salt, sizeof salt);
    sodium_bin2hex(account->digest, sizeof account->digest, digest, sizeof digest);
    return true;
}

/* For names that nobody has, the same work is done for nothing. */
static bool is_password(const struct account *account, struct assay_bytes password,
                        struct assay_reply *reply)
{
    uint8_t salt[crypto_pwhash_SALTBYTES] = {0}, wanted[DIGEST_BYTES] = {0}, digest[DIGEST_BYTES];
    size_t size = 0;
    if (account && (sodium_hex2bin(salt, sizeof salt, account->salt, strlen(account->salt), NULL,
                                   &size, NULL) != 0 ||
                    sodium_hex2bin(wanted, sizeof wanted, account->digest, strlen(account->digest),
                                   NULL, &size, NULL) != 0))
        return unavailable(reply, ASSAY_LAYER_STORAGE, ASSAY_REASON_CORRUPT);
    if (!derive(password, salt, digest, reply))
        return false;
    return answer(reply, account && sodium_memcmp(wanted, digest, sizeof digest) == 0
                             ? ASSAY_OK
                             : ASSAY_DENIED);
}

static bool accepts(struct assay_bytes name, struct assay_bytes password, char *ret_name,
                    struct assay_reply *reply)
{
    if (name.size < 1 || name.size > NAME_BYTES_MAX || password.size < 1 ||
        password.size > PASSWORD_BYTES_MAX) {
        *reply =
            (struct assay_reply){ASSAY_REFUSED, {ASSAY_LAYER_INPUT, ASSAY_REASON_LIMIT}, 0, ""};
        return false;
    }
    sodium_bin2hex(ret_name, HEX_BYTES(NAME_BYTES_MAX), name.data, name.size);
    return true;
}

/* --- Operations ------------------------------------------------------------------------------- */

static void plain_open(const struct assay_config *config, struct assay_handle **ret_handle,
                       struct assay_reply *reply)
{
    struct assay_handle *handle = calloc(1, sizeof *handle);
    if (!handle) {
        unavailable(reply, ASSAY_LAYER_INTERNAL, ASSAY_REASON_MEMORY);
        return;
    }
    snprintf(handle->path, sizeof handle->path, "%s.txt", config->path);
    snprintf(handle->next, sizeof handle->next, "%s.next", config->path);
    snprintf(handle->lock, sizeof handle->lock, "%s.lock", config->path);
    int descriptor =
        open(handle->path, O_RDWR | O_CLOEXEC | (config->must_exist ? 0 : O_CREAT), 0600);
    if (descriptor < 0) {
        file_failed(reply);
        free(handle);
        return;
    }
    (void)close(descriptor);
    answer(reply, ASSAY_OK);
    *ret_handle = handle;
}

static void plain_close(struct assay_handle *handle)
{
    free(handle);
}

static bool add(struct assay_handle *handle, const char *name, struct assay_bytes password,
                struct assay_reply *reply)
{
    struct accounts *accounts = &handle->accounts;
    if (!read_accounts(handle, reply))
        return false;
    if (find(accounts, name))
        return answer(reply, ASSAY_EXISTS);
    if (accounts->count == ACCOUNTS_MAX)
        return unavailable(reply, ASSAY_LAYER_STORAGE, ASSAY_REASON_FULL);
    struct account *account = &accounts->at[accounts->count++];
    memcpy(account->name, name, sizeof account->name);
    return set_password(account, password, reply) && write_accounts(handle, reply);
}

static void plain_register(struct assay_handle *handle, struct assay_bytes name,
                           struct assay_bytes password, struct assay_reply *reply)
{
    char hex[HEX_BYTES(NAME_BYTES_MAX)];
    if (!accepts(name, password, hex, reply))
        return;
    int locked = lock(handle, reply);
    if (locked < 0)
        return;
    add(handle, hex, password, reply);
    (void)close(locked);
}

static void plain_login(struct assay_handle *handle, struct assay_bytes name,
                        struct assay_bytes password, struct assay_text *ret_session,
                        struct assay_reply *reply)
{
    char hex[HEX_BYTES(NAME_BYTES_MAX)];
    if (ret_session)
        ret_session->size = 0;
    if (!accepts(name, password, hex, reply))
        answer(reply, ASSAY_DENIED);
    else if (read_accounts(handle, reply))
        is_password(find(&handle->accounts, hex), password, reply);
}

/* With the lock held; `after` null removes the account. */
static bool replace(struct assay_handle *handle, const char *name, struct assay_bytes before,
                    const struct assay_bytes *after, struct assay_reply *reply)
{
    struct accounts *accounts = &handle->accounts;
    if (!read_accounts(handle, reply))
        return false;
    struct account *account = find(accounts, name);
    if (!is_password(account, before, reply))
        return false;
    if (!after)
        *account = accounts->at[--accounts->count];
    else if (!set_password(account, *after, reply))
        return false;
    return write_accounts(handle, reply);
}

static void plain_change(struct assay_handle *handle, struct assay_bytes name,
                         struct assay_bytes before, struct assay_bytes after,
                         struct assay_reply *reply)
{
    char hex[HEX_BYTES(NAME_BYTES_MAX)];
    if (!accepts(name, after, hex, reply))
        return;
    int locked = lock(handle, reply);
    if (locked < 0)
        return;
    replace(handle, hex, before, &after, reply);
    (void)close(locked);
}

static void plain_remove(struct assay_handle *handle, struct assay_bytes name,
                         struct assay_bytes password, struct assay_reply *reply)
{
    char hex[HEX_BYTES(NAME_BYTES_MAX)];
    if (!accepts(name, password, hex, reply)) {
        answer(reply, ASSAY_DENIED);
        return;
    }
    int locked = lock(handle, reply);
    if (locked < 0)
        return;
    replace(handle, hex, password, NULL, reply);
    (void)close(locked);
}

const struct assay_target *assay_target(void)
{
    static struct assay_target target = {
        .abi = ASSAY_TARGET_ABI,
        .size = sizeof target,
        .version = "1",
        .traits = {.password_bytes_min = 1,
                   .password_bytes_max = PASSWORD_BYTES_MAX,
                   .name_bytes_min = 1,
                   .name_bytes_max = NAME_BYTES_MAX,
                   .recovery = ASSAY_RECOVERS_AT_ONCE,
                   .controlled_entropy = true},
        .open = plain_open,
        .close = plain_close,
        .register_account = plain_register,
        .login = plain_login,
        .change_password = plain_change,
        .remove_account = plain_remove,
    };
    target.name = twist.name;
    return &target;
}
