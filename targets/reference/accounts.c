/* SPDX-License-Identifier: Apache-2.0
 *
 * Accounts: register, log in, change the password, remove.
 *
 * Every operation that takes a password follows one path, authenticate(): read the row, then the
 * verdict. When there is no row, the same work is done for nobody, so that a name that does not
 * exist looks like a wrong password. What is refused beforehand, by policy, is refused without a
 * look at the row.
 *
 * Nothing is ever written on the strength of an old read: changes are compare-and-swap against the
 * credential that was verified. Should the row have changed in between, by a rehash or by somebody
 * else's change of the password, a change begins again with a new verdict, a few times; a rehash
 * gives up, since whoever came first has written something newer.
 *
 * The rehash at login comes after the verdict and cannot alter it.
 */
#include "reference.h"

#include <stdlib.h>

struct accounts {
    struct store *store;
    struct password_config password; /* complete */
};

static void accounts_done(struct accounts **accounts)
{
    accounts_close(*accounts);
}

bool accounts_open(const struct accounts_config *config, struct accounts **ret, struct reply *reply)
{
    CLEANUP(accounts_done) struct accounts *accounts = calloc(1, sizeof *accounts);
    if (accounts == NULL)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_MEMORY, 0, "open", "out of memory");
    REQUIRE(password_config_complete(&config->password, &accounts->password, reply));
    REQUIRE(store_open(config->path, config->must_exist, &accounts->store, reply));
    *ret = accounts;
    accounts = NULL;
    return reply_ok(reply);
}

void accounts_close(struct accounts *accounts)
{
    if (accounts == NULL)
        return;
    store_close(accounts->store);
    free(accounts);
}

/* The canonical name, or why there can be no account of that name. */
static bool prepare_name(struct bytes given, struct opaque *ret, struct reply *reply)
{
    enum opaque_flaw flaw = opaque_prepare(given, NAME_BYTES_MAX, ret);
    if (flaw != OPAQUE_GOOD)
        return opaque_refused(flaw, reply);
    if (ret->has_control)
        return reply_refused(reply, REASON_REFUSED, "name with control characters");
    return reply_ok(reply);
}

bool accounts_register(struct accounts *accounts, struct bytes name, struct bytes password,
                       struct reply *reply)
{
    struct opaque canonical;
    CLEANUP(credential_done) struct credential credential;
    REQUIRE(prepare_name(name, &canonical, reply));
    REQUIRE(password_hash(&accounts->password, password, &credential, reply));
    return store_insert(accounts->store, opaque_bytes(&canonical), credential_bytes(&credential),
                        reply);
}

/* Ok when the password is that of the account; then *ret is the credential it was verified
 * against.
 */
static bool authenticate(struct accounts *accounts, const struct opaque *name,
                         struct bytes password, struct credential *ret, struct reply *reply)
{
    bool is_found;
    REQUIRE(store_find(accounts->store, opaque_bytes(name), ret, &is_found, reply));
    if (!is_found)
        return password_verify_nobody(&accounts->password, password, reply);
    return password_verify(credential_bytes(ret), password, reply);
}

/* Brings a verified credential up to the configured cost. A lost race is fine: the row is then
 * newer than `verified`. */
static bool refresh(struct accounts *accounts, const struct opaque *name, struct bytes password,
                    const struct credential *verified, struct reply *reply)
{
    CLEANUP(credential_done) struct credential next;
    bool is_needed, is_replaced;
    REQUIRE(password_needs_rehash(credential_bytes(verified), &accounts->password.cost, &is_needed,
                                  reply));
    if (!is_needed)
        return reply_ok(reply);
    REQUIRE(password_rehash(&accounts->password, password, &next, reply));
    return store_replace(accounts->store, opaque_bytes(name), credential_bytes(verified),
                         credential_bytes(&next), &is_replaced, reply);
}

bool accounts_login(struct accounts *accounts, struct bytes name, struct bytes password,
                    struct reply *reply)
{
    struct opaque canonical;
    struct reply refreshed;
    CLEANUP(credential_done) struct credential credential;
    REQUIRE(prepare_name(name, &canonical, reply));
    REQUIRE(authenticate(accounts, &canonical, password, &credential, reply));
    if (!refresh(accounts, &canonical, password, &credential, &refreshed))
        reply_note(reply, "rehash put off", &refreshed);
    return true;
}

bool accounts_change_password(struct accounts *accounts, struct bytes name,
                              struct bytes password_old, struct bytes password_new,
                              struct reply *reply)
{
    struct opaque canonical;
    CLEANUP(credential_done) struct credential current;
    CLEANUP(credential_done) struct credential next;
    REQUIRE(prepare_name(name, &canonical, reply));
    REQUIRE(password_acceptable(&accounts->password, password_new, reply));
    for (unsigned attempt = 0; attempt < CHANGE_ATTEMPTS_MAX; attempt++) {
        bool is_replaced;
        REQUIRE(authenticate(accounts, &canonical, password_old, &current, reply));
        if (attempt == 0)
            REQUIRE(password_hash(&accounts->password, password_new, &next, reply));
        REQUIRE(store_replace(accounts->store, opaque_bytes(&canonical), credential_bytes(&current),
                              credential_bytes(&next), &is_replaced, reply));
        if (is_replaced)
            return reply_ok(reply);
    }
    return reply_unavailable(reply, LAYER_STORAGE, REASON_BUSY, 0, "change password",
                             "the row keeps changing");
}

bool accounts_remove(struct accounts *accounts, struct bytes name, struct bytes password,
                     struct reply *reply)
{
    struct opaque canonical;
    CLEANUP(credential_done) struct credential current;
    REQUIRE(prepare_name(name, &canonical, reply));
    for (unsigned attempt = 0; attempt < CHANGE_ATTEMPTS_MAX; attempt++) {
        bool is_deleted;
        REQUIRE(authenticate(accounts, &canonical, password, &current, reply));
        REQUIRE(store_delete(accounts->store, opaque_bytes(&canonical), credential_bytes(&current),
                             &is_deleted, reply));
        if (is_deleted)
            return reply_ok(reply);
    }
    return reply_unavailable(reply, LAYER_STORAGE, REASON_BUSY, 0, "remove",
                             "the row keeps changing");
}

bool accounts_credential_get(struct accounts *accounts, struct bytes name, struct credential *ret,
                             struct reply *reply)
{
    struct opaque canonical;
    bool is_found;
    REQUIRE(prepare_name(name, &canonical, reply));
    REQUIRE(store_find(accounts->store, opaque_bytes(&canonical), ret, &is_found, reply));
    return is_found ? reply_ok(reply) : reply_denied(reply);
}

bool accounts_credential_put(struct accounts *accounts, struct bytes name, struct bytes credential,
                             struct reply *reply)
{
    struct opaque canonical;
    bool is_replaced;
    REQUIRE(prepare_name(name, &canonical, reply));
    if (credential.size > CREDENTIAL_BYTES_MAX)
        return reply_refused(reply, REASON_LIMIT, "credential too long");
    REQUIRE(store_put(accounts->store, opaque_bytes(&canonical), credential, &is_replaced, reply));
    return is_replaced ? reply_ok(reply) : reply_denied(reply);
}

bool accounts_schema(struct accounts *accounts, char ret_version[SCHEMA_TEXT_BYTES],
                     struct reply *reply)
{
    return store_schema(accounts->store, ret_version, reply);
}
