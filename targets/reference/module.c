/* SPDX-License-Identifier: Apache-2.0
 *
 * The reference as a target: the only file here that knows the contract.
 *
 * Each function translates arguments, calls the one function of the reference that does the work,
 * and translates the reply. The enumerators have the same order on both sides, which the compiler
 * checks, so a translation is a cast. A result that is discarded with (void)! is one that the
 * reply repeats.
 */
#include "reference.h"

#include <string.h>

#define ASSAY_TARGET_MODULE
#include "targets/target.h"

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), #ours " is " #theirs)
SAME(ANSWER_OK, ASSAY_OK);
SAME(ANSWER_DENIED, ASSAY_DENIED);
SAME(ANSWER_EXISTS, ASSAY_EXISTS);
SAME(ANSWER_REFUSED, ASSAY_REFUSED);
SAME(ANSWER_LOCKED, ASSAY_LOCKED);
SAME(ANSWER_UNAVAILABLE, ASSAY_UNAVAILABLE);
SAME(ANSWER_UNSUPPORTED, ASSAY_UNSUPPORTED);
SAME(LAYER_NONE, ASSAY_LAYER_NONE);
SAME(LAYER_INPUT, ASSAY_LAYER_INPUT);
SAME(LAYER_HASHING, ASSAY_LAYER_HASHING);
SAME(LAYER_STORAGE, ASSAY_LAYER_STORAGE);
SAME(LAYER_NETWORK, ASSAY_LAYER_NETWORK);
SAME(LAYER_SESSION, ASSAY_LAYER_SESSION);
SAME(LAYER_INTERNAL, ASSAY_LAYER_INTERNAL);
SAME(REASON_NONE, ASSAY_REASON_NONE);
SAME(REASON_MEMORY, ASSAY_REASON_MEMORY);
SAME(REASON_BUSY, ASSAY_REASON_BUSY);
SAME(REASON_FULL, ASSAY_REASON_FULL);
SAME(REASON_IO, ASSAY_REASON_IO);
SAME(REASON_CORRUPT, ASSAY_REASON_CORRUPT);
SAME(REASON_ENTROPY, ASSAY_REASON_ENTROPY);
SAME(REASON_CLOCK, ASSAY_REASON_CLOCK);
SAME(REASON_TIMEOUT, ASSAY_REASON_TIMEOUT);
SAME(REASON_REFUSED, ASSAY_REASON_REFUSED);
SAME(REASON_LIMIT, ASSAY_REASON_LIMIT);
SAME(REASON_BUG, ASSAY_REASON_BUG);
SAME(REPLY_DETAIL_BYTES, ASSAY_DETAIL_BYTES);
_Static_assert(PHC_BYTES_MAX < ASSAY_ENCODED_BYTES_MAX, "cases can keep the longest string");

static struct bytes from_bytes(struct assay_bytes bytes)
{
    return (struct bytes){bytes.data, bytes.size};
}

/* A caller may be older than this module; what its struct does not have is zero. */
static struct accounts_config from_config(const struct assay_config *given)
{
    struct assay_config config = {0};
    memcpy(&config, given, given->size < sizeof config ? given->size : sizeof config);
    return (struct accounts_config){
        .path = config.path,
        .must_exist = config.must_exist,
        .password.cost = {config.cost.memory_kib, config.cost.passes},
    };
}

static struct accounts *from_handle(struct assay_handle *handle)
{
    return (struct accounts *)handle;
}

static void to_reply(const struct reply *reply, struct assay_reply *ret)
{
    ret->answer = (enum assay_answer)reply->answer;
    ret->cause.layer = (enum assay_layer)reply->layer;
    ret->cause.reason = (enum assay_reason)reply->reason;
    ret->native_code = reply->native_code;
    memcpy(ret->detail, reply->detail, sizeof ret->detail);
}

static bool to_text(const char *data, size_t size, struct assay_text *ret, struct reply *reply)
{
    if (size > ret->capacity)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_LIMIT, 0, "text", "does not fit");
    memcpy(ret->data, data, size);
    ret->size = size;
    return reply_ok(reply);
}

static bool complete(const struct assay_config *given, struct password_config *ret,
                     struct reply *reply)
{
    struct accounts_config config = from_config(given);
    return password_config_complete(&config.password, ret, reply);
}

static void module_hash(const struct assay_config *given, struct assay_bytes password,
                        struct assay_text *ret_encoded, struct assay_reply *ret)
{
    struct reply reply;
    struct password_config config;
    CLEANUP(credential_done) struct credential credential;
    if (complete(given, &config, &reply) &&
        password_hash(&config, from_bytes(password), (struct bytes){NULL, 0}, &credential, &reply))
        (void)to_text(credential.text, credential.size, ret_encoded, &reply);
    to_reply(&reply, ret);
}

static void module_verify(struct assay_bytes encoded, struct assay_bytes password,
                          struct assay_reply *ret)
{
    struct reply reply;
    const struct password_config config = {.cost = {0, 0}}; /* the cost is the string's */
    (void)!password_verify(&config, from_bytes(encoded), from_bytes(password), &reply);
    to_reply(&reply, ret);
}

static void module_needs_rehash(const struct assay_config *given, struct assay_bytes encoded,
                                bool *ret_needed, struct assay_reply *ret)
{
    struct reply reply;
    struct password_config config;
    if (complete(given, &config, &reply))
        (void)!password_needs_rehash(&config, from_bytes(encoded), ret_needed, &reply);
    to_reply(&reply, ret);
}

static void module_cost(struct assay_bytes encoded, struct assay_cost *ret_cost,
                        struct assay_reply *ret)
{
    struct reply reply;
    struct cost cost;
    if (password_cost(from_bytes(encoded), &cost, &reply))
        *ret_cost = (struct assay_cost){cost.memory_kib, cost.passes};
    to_reply(&reply, ret);
}

static void module_open(const struct assay_config *given, struct assay_handle **ret_handle,
                        struct assay_reply *ret)
{
    struct reply reply;
    struct accounts *accounts;
    struct accounts_config config = from_config(given);
    if (config.path == NULL)
        (void)reply_unavailable(&reply, LAYER_INTERNAL, REASON_BUG, 0, "open", "no path");
    else if (accounts_open(&config, &accounts, &reply))
        *ret_handle = (struct assay_handle *)accounts;
    to_reply(&reply, ret);
}

static void module_close(struct assay_handle *handle)
{
    accounts_close(from_handle(handle));
}

static void module_register(struct assay_handle *handle, struct assay_bytes name,
                            struct assay_bytes password, struct assay_reply *ret)
{
    struct reply reply;
    (void)!accounts_register(from_handle(handle), from_bytes(name), from_bytes(password), &reply);
    to_reply(&reply, ret);
}

static void module_login(struct assay_handle *handle, struct assay_bytes name,
                         struct assay_bytes password, struct assay_text *ret_session,
                         struct assay_reply *ret)
{
    struct reply reply;
    CLEANUP(session_token_done) struct session_token token;
    bool is_ok = accounts_login(from_handle(handle), from_bytes(name), from_bytes(password),
                                ret_session != NULL ? &token : NULL, &reply);
    if (is_ok && ret_session != NULL)
        (void)to_text(token.text, SESSION_TEXT_BYTES - 1u, ret_session, &reply);
    to_reply(&reply, ret);
}

static void module_session_check(struct assay_handle *handle, struct assay_bytes session,
                                 struct assay_text *ret_name, struct assay_reply *ret)
{
    struct reply reply;
    struct account_name name;
    if (accounts_session_check(from_handle(handle), from_bytes(session), &name, &reply))
        (void)to_text((const char *)name.data, name.size, ret_name, &reply);
    to_reply(&reply, ret);
}

static void module_session_revoke(struct assay_handle *handle, struct assay_bytes session,
                                  struct assay_reply *ret)
{
    struct reply reply;
    (void)!accounts_session_revoke(from_handle(handle), from_bytes(session), &reply);
    to_reply(&reply, ret);
}

static void module_change_password(struct assay_handle *handle, struct assay_bytes name,
                                   struct assay_bytes password_old, struct assay_bytes password_new,
                                   struct assay_reply *ret)
{
    struct reply reply;
    (void)!accounts_change_password(from_handle(handle), from_bytes(name), from_bytes(password_old),
                                    from_bytes(password_new), &reply);
    to_reply(&reply, ret);
}

static void module_remove(struct assay_handle *handle, struct assay_bytes name,
                          struct assay_bytes password, struct assay_reply *ret)
{
    struct reply reply;
    (void)!accounts_remove(from_handle(handle), from_bytes(name), from_bytes(password), &reply);
    to_reply(&reply, ret);
}

static void module_record_get(struct assay_handle *handle, struct assay_bytes name,
                              struct assay_text *ret_encoded, struct assay_reply *ret)
{
    struct reply reply;
    CLEANUP(credential_done) struct credential credential;
    if (accounts_credential_get(from_handle(handle), from_bytes(name), &credential, &reply))
        (void)to_text(credential.text, credential.size, ret_encoded, &reply);
    to_reply(&reply, ret);
}

static void module_record_put(struct assay_handle *handle, struct assay_bytes name,
                              struct assay_bytes encoded, struct assay_reply *ret)
{
    struct reply reply;
    (void)!accounts_credential_put(from_handle(handle), from_bytes(name), from_bytes(encoded),
                                   &reply);
    to_reply(&reply, ret);
}

static void module_schema(struct assay_handle *handle, struct assay_text *ret_version,
                          struct assay_reply *ret)
{
    struct reply reply;
    char version[SCHEMA_TEXT_BYTES];
    if (accounts_schema(from_handle(handle), version, &reply))
        (void)to_text(version, strlen(version), ret_version, &reply);
    to_reply(&reply, ret);
}

static const struct assay_target target = {
    .abi = ASSAY_TARGET_ABI,
    .size = sizeof(struct assay_target),
    .name = "reference",
    .version = "1.1.0",
    .traits =
        {
            .password_bytes_min = PASSWORD_CODE_POINTS_DEFAULT, /* of ASCII */
            .password_bytes_max = PASSWORD_BYTES_MAX,
            .name_bytes_min = 1,
            .name_bytes_max = NAME_BYTES_MAX,
            .password_normalisation = ASSAY_OPAQUE_STRING,
            .name_normalisation = ASSAY_OPAQUE_STRING,
            .recovery = ASSAY_RECOVERS_AT_ONCE,
            .controlled_entropy = true,
            .cost_min = {COST_MEMORY_KIB_MIN, COST_PASSES_MIN},
            .cost_default = {COST_MEMORY_KIB_DEFAULT, COST_PASSES_DEFAULT},
            .lockout_attempts = ATTEMPTS_FREE_DEFAULT,
            .lockout_seconds = LOCK_DELAY_FIRST_MS_DEFAULT / 1000,
            .salt_bytes = PHC_SALT_BYTES,
            .lockout_kept = ASSAY_KEPT_IN_STORE,
            .sessions_kept = ASSAY_KEPT_IN_STORE,
            .session_seconds = SESSION_LIFETIME_S_DEFAULT,
            .session_bytes = SESSION_TOKEN_BYTES,
            .legacy_schemes = ASSAY_BCRYPT | ASSAY_SHA512_CRYPT | ASSAY_YESCRYPT,
            .wipes_memory = true,
        },
    .hash = module_hash,
    .verify = module_verify,
    .needs_rehash = module_needs_rehash,
    .cost = module_cost,
    .open = module_open,
    .close = module_close,
    .register_account = module_register,
    .login = module_login,
    .change_password = module_change_password,
    .remove_account = module_remove,
    .session_check = module_session_check,
    .session_revoke = module_session_revoke,
    .record_get = module_record_get,
    .record_put = module_record_put,
    .schema = module_schema,
};

const struct assay_target *assay_target(void)
{
    return &target;
}
