/* SPDX-License-Identifier: Apache-2.0
 *
 * Accounts: register, log in, change the password, remove.
 *
 * Login, change and removal take a password, and follow one path:
 *   1. verify: read the row, then the verdict. When there is no row, the same work is done for
 *      nobody, so that a name that does not exist looks like a wrong password.
 *   2. prepare: hashes that have to be made anew, since no transaction may wait for them. Only for
 *      a right password of a name that is not locked: otherwise the time would tell, while a name
 *      is locked, which guess was right.
 *   3. settle: one transaction decides between ok, denied and locked, and writes what belongs to
 *      that: the count of failures, the new row, the sessions. It is left out when a right password
 *      meets no count and there is nothing to be written, as at most logins.
 * What is refused beforehand, by policy, is refused without a look at the row. When the verdict
 * cannot be had, or the transaction not committed, the answer is unavailable and nothing is
 * counted.
 *
 * Nothing is ever written on the strength of an old read: the transaction compares the row with the
 * credential that was verified. Should it have changed in between, by a rehash or by somebody
 * else's change of the password, the operation begins again with a new verdict, a few times. A
 * login that only wanted to rehash gives that up instead: whoever came first has written something
 * newer.
 *
 * A rehash that fails cannot alter the verdict: it is put off, and the detail says so.
 */
#include "reference.h"

#include <stdlib.h>
#include <time.h>

#define CLOCK_MS_MAX (INT64_MAX / 2) /* so that adding to a time never overflows */

struct accounts {
    struct store *store;
    struct password_config password; /* these are complete */
    struct lockout_config lockout;
    struct session_config session;
    int64_t (*clock_ms)(void);
};

static int64_t wall_clock_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A clock may say anything; what is stored is not negative and can be added to. */
static int64_t now_ms(const struct accounts *accounts)
{
    int64_t now = accounts->clock_ms();
    return now < 0 ? 0 : now > CLOCK_MS_MAX ? CLOCK_MS_MAX : now;
}

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
    REQUIRE(lockout_config_complete(&config->lockout, &accounts->lockout, reply));
    REQUIRE(session_config_complete(&config->session, &accounts->session, reply));
    accounts->clock_ms = config->clock_ms != NULL ? config->clock_ms : wall_clock_ms;
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

bool name_prepare(struct bytes given, struct opaque *ret, struct reply *reply)
{
    enum opaque_flaw flaw = opaque_prepare(given, NAME_BYTES_MAX, ret);
    if (flaw != OPAQUE_GOOD)
        return opaque_refused(flaw, reply);
    if (ret->has_control)
        return reply_refused(reply, REASON_REFUSED, "name with control characters");
    return reply_ok(reply);
}

struct registration {
    struct accounts *accounts;
    struct bytes name, credential;
};

/* The account begins with no failures: those of a stranger of that name are forgotten, and those of
 * an earlier account are bound to its credential. */
static bool add_account(struct store *store, void *context, struct reply *reply)
{
    const struct registration *registration = context;
    struct tally tally;
    REQUIRE(store_insert(store, registration->name, registration->credential, reply));
    if (registration->accounts->lockout.is_off)
        return reply_ok(reply);
    REQUIRE(lockout_read(store, registration->name, NULL, &tally, reply));
    return lockout_forget(store, &tally, reply);
}

bool accounts_register(struct accounts *accounts, struct bytes name, struct bytes password,
                       struct reply *reply)
{
    struct opaque canonical;
    CLEANUP(credential_done) struct credential credential;
    REQUIRE(name_prepare(name, &canonical, reply));
    REQUIRE(
        password_hash(&accounts->password, password, opaque_bytes(&canonical), &credential, reply));
    struct registration registration = {accounts, opaque_bytes(&canonical),
                                        credential_bytes(&credential)};
    return store_transaction(accounts->store, add_account, &registration, reply);
}

/* One use of a password, from the verdict to the decision. */
struct attempt {
    /* what is asked for */
    struct accounts *accounts;
    const struct operation *operation;
    struct opaque name;
    struct bytes password;
    struct bytes password_new; /* of a change */
    bool wants_session;        /* of a login */
    /* what was found out */
    bool is_found, is_right;
    struct credential verified; /* when is_found */
    /* what is to be written */
    bool has_next;
    struct credential next;
    struct reply put_off; /* not ok: why a rehash is not there */
    struct session_token token;
    /* what it came to */
    bool is_stale; /* the row is no longer the one that was verified: begin again */
    struct reply decision;
};

/* What an operation adds to the common path. */
struct operation {
    const char *name;
    bool needs_next; /* there is nothing to write without a new hash */
    bool (*prepare)(struct attempt *attempt, struct reply *reply);
    bool (*write)(struct attempt *attempt, struct store *store, struct reply *reply);
};

static bool login_prepare(struct attempt *attempt, struct reply *reply);
static bool login_write(struct attempt *attempt, struct store *store, struct reply *reply);
static bool change_prepare(struct attempt *attempt, struct reply *reply);
static bool change_write(struct attempt *attempt, struct store *store, struct reply *reply);
static bool remove_prepare(struct attempt *attempt, struct reply *reply);
static bool remove_write(struct attempt *attempt, struct store *store, struct reply *reply);

static const struct operation login_operation = {"login", false, login_prepare, login_write};
static const struct operation change_operation = {"change password", true, change_prepare,
                                                  change_write};
static const struct operation remove_operation = {"remove", false, remove_prepare, remove_write};

static void attempt_done(struct attempt *attempt)
{
    sodium_memzero(attempt, sizeof *attempt);
}

static struct bytes name_of(const struct attempt *attempt)
{
    return opaque_bytes(&attempt->name);
}

/* Only a login without a session may be granted without writing anything. */
static bool must_write(const struct attempt *attempt)
{
    return attempt->operation != &login_operation || attempt->wants_session;
}

/* The count that this attempt meets: that of the account as it is stored, or, without one, that of
 * a stranger. */
static bool read_tally(const struct attempt *attempt, const struct credential *stored,
                       struct tally *ret, struct reply *reply)
{
    struct accounts *accounts = attempt->accounts;
    if (accounts->lockout.is_off) {
        *ret = (struct tally){.is_kept = false};
        return reply_ok(reply);
    }
    return lockout_read(accounts->store, name_of(attempt), stored, ret, reply);
}

/* False: the verdict could not be had. */
static bool verify(struct attempt *attempt, struct reply *reply)
{
    const struct password_config *config = &attempt->accounts->password;
    REQUIRE(store_find(attempt->accounts->store, name_of(attempt), &attempt->verified,
                       &attempt->is_found, reply));
    if (attempt->is_found)
        attempt->is_right =
            password_verify(config, credential_bytes(&attempt->verified), attempt->password, reply);
    else
        attempt->is_right = password_verify_nobody(config, attempt->password, reply);
    return attempt->is_right || reply->answer == ANSWER_DENIED;
}

static bool same_credential(const struct credential *a, const struct credential *b)
{
    return a->size == b->size && sodium_memcmp(a->text, b->text, a->size) == 0;
}

/* Right, and not locked: what the operation writes. `stored` is null when the account is gone. */
static bool grant(struct attempt *attempt, struct store *store, const struct tally *tally,
                  const struct credential *stored, struct reply *reply)
{
    bool is_changed = stored == NULL || !same_credential(stored, &attempt->verified);
    attempt->is_stale = (is_changed && must_write(attempt)) ||
                        (attempt->operation->needs_next && !attempt->has_next);
    if (attempt->is_stale)
        return reply_ok(reply);
    REQUIRE(lockout_forget(store, tally, reply));
    REQUIRE(attempt->operation->write(attempt, store, reply));
    (void)reply_ok(&attempt->decision);
    return reply_ok(reply);
}

/* The transaction: the row as it is now, the count as it is now, one decision. */
static bool settle(struct store *store, void *context, struct reply *reply)
{
    struct attempt *attempt = context;
    const struct lockout_config *lockout = &attempt->accounts->lockout;
    CLEANUP(credential_done) struct credential stored;
    struct tally tally;
    bool is_found;
    uint32_t retry_after_ms;
    int64_t now = now_ms(attempt->accounts);
    attempt->is_stale = false;
    REQUIRE(store_find(store, name_of(attempt), &stored, &is_found, reply));
    REQUIRE(read_tally(attempt, is_found ? &stored : NULL, &tally, reply));
    if (lockout_is_locked(lockout, &tally, now, &retry_after_ms)) {
        (void)reply_locked(&attempt->decision, retry_after_ms);
        return lockout_bring_back(store, &tally, now, reply);
    }
    if (attempt->is_right)
        return grant(attempt, store, &tally, is_found ? &stored : NULL, reply);
    (void)reply_denied(&attempt->decision);
    return lockout_count(store, &tally, now, reply);
}

/* Settles what cannot be decided without a transaction. A rehash alone is put off when it cannot be
 * written. */
static bool settle_or_put_off(struct attempt *attempt, bool is_counted, struct reply *reply)
{
    if (store_transaction(attempt->accounts->store, settle, attempt, reply))
        return true;
    if (!attempt->is_right || is_counted || must_write(attempt))
        return false;
    attempt->put_off = *reply;
    (void)reply_ok(&attempt->decision);
    return reply_ok(reply);
}

/* One verdict and one decision, unless is_stale. False: neither could be had. */
static bool attempt_once(struct attempt *attempt, struct reply *reply)
{
    struct accounts *accounts = attempt->accounts;
    struct tally tally;
    uint32_t retry_after_ms;
    attempt->is_stale = false;
    (void)reply_ok(&attempt->put_off);
    REQUIRE(verify(attempt, reply));
    REQUIRE(read_tally(attempt, attempt->is_found ? &attempt->verified : NULL, &tally, reply));
    if (!attempt->is_right && accounts->lockout.is_off) {
        (void)reply_denied(&attempt->decision);
        return reply_ok(reply);
    }
    if (attempt->is_right &&
        !lockout_is_locked(&accounts->lockout, &tally, now_ms(accounts), &retry_after_ms)) {
        REQUIRE(attempt->operation->prepare(attempt, reply));
        if (!tally.is_kept && !attempt->has_next && !must_write(attempt))
            return reply_ok(&attempt->decision);
    }
    return settle_or_put_off(attempt, tally.is_kept, reply);
}

/* The common path. */
static bool use_password(struct attempt *attempt, struct reply *reply)
{
    for (unsigned i = 0; i < CHANGE_ATTEMPTS_MAX; i++) {
        REQUIRE(attempt_once(attempt, reply));
        if (attempt->is_stale)
            continue;
        *reply = attempt->decision;
        if (reply->answer == ANSWER_OK && attempt->put_off.answer != ANSWER_OK)
            reply_note(reply, "rehash put off", &attempt->put_off);
        return reply->answer == ANSWER_OK;
    }
    return reply_unavailable(reply, LAYER_STORAGE, REASON_BUSY, 0, attempt->operation->name,
                             "the row keeps changing");
}

/* Makes a weaker credential anew. It never fails: what does not work out is put off. */
static bool login_prepare(struct attempt *attempt, struct reply *reply)
{
    const struct password_config *config = &attempt->accounts->password;
    struct bytes verified = credential_bytes(&attempt->verified);
    bool is_needed;
    attempt->has_next =
        password_needs_rehash(config, verified, &is_needed, &attempt->put_off) && is_needed &&
        password_rehash(config, verified, attempt->password, &attempt->next, &attempt->put_off);
    return reply_ok(reply);
}

/* A lost race for the rehash is fine: the row is then newer than what was verified. */
static bool login_write(struct attempt *attempt, struct store *store, struct reply *reply)
{
    struct bytes current = credential_bytes(&attempt->verified);
    struct bytes next = credential_bytes(&attempt->next);
    bool is_replaced = false;
    if (attempt->has_next)
        REQUIRE(store_replace(store, name_of(attempt), current, next, &is_replaced, reply));
    if (is_replaced)
        REQUIRE(sessions_rebind(store, name_of(attempt), current, next, reply));
    if (!attempt->wants_session)
        return reply_ok(reply);
    return session_start(store, &attempt->accounts->session, name_of(attempt),
                         is_replaced ? next : current, now_ms(attempt->accounts), &attempt->token,
                         reply);
}

bool accounts_login(struct accounts *accounts, struct bytes name, struct bytes password,
                    struct session_token *ret_session, struct reply *reply)
{
    CLEANUP(attempt_done)
    struct attempt attempt = {
        .accounts = accounts,
        .operation = &login_operation,
        .password = password,
        .wants_session = ret_session != NULL,
    };
    REQUIRE(name_prepare(name, &attempt.name, reply));
    REQUIRE(use_password(&attempt, reply));
    if (ret_session != NULL)
        *ret_session = attempt.token;
    return true;
}

/* The new password is hashed once, however often the change begins again. */
static bool change_prepare(struct attempt *attempt, struct reply *reply)
{
    if (!attempt->has_next)
        attempt->has_next = password_hash(&attempt->accounts->password, attempt->password_new,
                                          name_of(attempt), &attempt->next, reply);
    return attempt->has_next;
}

static bool change_write(struct attempt *attempt, struct store *store, struct reply *reply)
{
    bool is_replaced;
    REQUIRE(store_replace(store, name_of(attempt), credential_bytes(&attempt->verified),
                          credential_bytes(&attempt->next), &is_replaced, reply));
    return sessions_end(store, name_of(attempt), reply);
}

bool accounts_change_password(struct accounts *accounts, struct bytes name,
                              struct bytes password_old, struct bytes password_new,
                              struct reply *reply)
{
    CLEANUP(attempt_done)
    struct attempt attempt = {
        .accounts = accounts,
        .operation = &change_operation,
        .password = password_old,
        .password_new = password_new,
    };
    REQUIRE(name_prepare(name, &attempt.name, reply));
    REQUIRE(password_acceptable(&accounts->password, password_new, name_of(&attempt), reply));
    return use_password(&attempt, reply);
}

static bool remove_prepare(struct attempt *attempt, struct reply *reply)
{
    (void)attempt;
    return reply_ok(reply);
}

static bool remove_write(struct attempt *attempt, struct store *store, struct reply *reply)
{
    bool is_deleted;
    REQUIRE(store_delete(store, name_of(attempt), credential_bytes(&attempt->verified), &is_deleted,
                         reply));
    return sessions_end(store, name_of(attempt), reply);
}

bool accounts_remove(struct accounts *accounts, struct bytes name, struct bytes password,
                     struct reply *reply)
{
    CLEANUP(attempt_done)
    struct attempt attempt = {
        .accounts = accounts,
        .operation = &remove_operation,
        .password = password,
    };
    REQUIRE(name_prepare(name, &attempt.name, reply));
    return use_password(&attempt, reply);
}

/* Sessions. */

bool accounts_session_check(struct accounts *accounts, struct bytes token, struct account_name *ret,
                            struct reply *reply)
{
    return session_check(accounts->store, token, now_ms(accounts), ret, reply);
}

bool accounts_session_revoke(struct accounts *accounts, struct bytes token, struct reply *reply)
{
    return session_revoke(accounts->store, token, reply);
}

/* For operators. */

bool accounts_unlock(struct accounts *accounts, struct bytes name, struct reply *reply)
{
    struct opaque canonical;
    CLEANUP(credential_done) struct credential credential;
    struct tally tally;
    bool is_found;
    REQUIRE(name_prepare(name, &canonical, reply));
    REQUIRE(store_find(accounts->store, opaque_bytes(&canonical), &credential, &is_found, reply));
    if (!is_found)
        return reply_denied(reply);
    REQUIRE(lockout_read(accounts->store, opaque_bytes(&canonical), &credential, &tally, reply));
    return lockout_forget(accounts->store, &tally, reply);
}

bool accounts_credential_get(struct accounts *accounts, struct bytes name, struct credential *ret,
                             struct reply *reply)
{
    struct opaque canonical;
    bool is_found;
    REQUIRE(name_prepare(name, &canonical, reply));
    REQUIRE(store_find(accounts->store, opaque_bytes(&canonical), ret, &is_found, reply));
    return is_found ? reply_ok(reply) : reply_denied(reply);
}

bool accounts_credential_put(struct accounts *accounts, struct bytes name, struct bytes credential,
                             struct reply *reply)
{
    struct opaque canonical;
    bool is_replaced;
    REQUIRE(name_prepare(name, &canonical, reply));
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
