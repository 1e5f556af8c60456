/* SPDX-License-Identifier: Apache-2.0
 *
 * Password authentication over Argon2id and SQLite: the whole interface.
 *
 * Four layers, each of which knows only the ones above it in this file:
 *   reply     what an operation answers, and whose fault it was
 *   phc       a stored credential as text; opaque: a name or password as one canonical byte string
 *   password  policy, hashing, verification
 *   store     rows in a database; accounts: register, login, change, remove
 *
 * Every operation that can fail returns whether it answered ok and fills in a struct reply. The
 * answer may be shown to the client; the cause and the detail are the operator's. `denied` means
 * that the credentials are wrong, and nothing else: when memory, disk or the row itself fails, the
 * answer is `unavailable` with the cause.
 *
 * Ownership: what is passed in belongs to the caller and is used during the call only. What is
 * passed out, ret_x, is memory of the caller and is written only when the operation answers ok.
 * Handles come from _open and go to _close. Sizes are in bytes. Byte strings may hold NUL and
 * anything else. Threads: a handle serves one thread at a time; different handles, also on one
 * database, are independent.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sodium.h>

#define MUST_USE __attribute__((warn_unused_result))

/* The guard: goes on when the call answered ok, else hands its reply up. */
#define REQUIRE(call)                                                                              \
    do {                                                                                           \
        if (!(call))                                                                               \
            return false;                                                                          \
    } while (0)

/* The clean-up: calls function(&variable) when the variable goes out of scope, on every path. */
#define CLEANUP(function) __attribute__((cleanup(function)))

/* Every resource that input can grow has its limit here. */
#define PASSWORD_BYTES_MAX 1024u /* as given; SP 800-63B-4 asks for at least 64 characters */
#define PASSWORD_CODE_POINTS_DEFAULT                                                               \
    15u                                 /* SP 800-63B-4, 3.1.1.2: the password is the only factor */
#define PASSWORD_CODE_POINTS_FLOOR 8u   /* the same section: below a second factor */
#define NAME_BYTES_MAX             255u /* as given */
#define OPAQUE_BYTES_MAX                                                                           \
    (3u * PASSWORD_BYTES_MAX)            /* NFC grows UTF-8 threefold at most: UAX #15             \
                                          */
#define CREDENTIAL_BYTES_MAX    1024u    /* of a stored string, whatever wrote it */
#define COST_MEMORY_KIB_MIN     8u       /* RFC 9106, 3.1: 8 for each lane */
#define COST_MEMORY_KIB_MAX     1048576u /* 1 GiB for one login */
#define COST_PASSES_MIN         1u
#define COST_PASSES_MAX         65536u
#define COST_KIB_PASSES_MAX     16777216u /* memory times passes: some ten seconds for one login */
#define COST_MEMORY_KIB_DEFAULT 19456u    /* OWASP Password Storage Cheat Sheet: 19 MiB, 2 passes */
#define COST_PASSES_DEFAULT     2u
#define BUSY_TIMEOUT_MS         2000
#define CHANGE_ATTEMPTS_MAX     4u /* how often a change starts again because the row has changed */

/* reply */

enum answer {
    ANSWER_OK,
    ANSWER_DENIED,      /* the credentials are wrong */
    ANSWER_EXISTS,      /* the name is taken */
    ANSWER_REFUSED,     /* the policy does not accept this input */
    ANSWER_LOCKED,      /* too many wrong attempts */
    ANSWER_UNAVAILABLE, /* cannot be told now; see the cause */
    ANSWER_UNSUPPORTED
};

enum layer {
    LAYER_NONE,
    LAYER_INPUT,
    LAYER_HASHING,
    LAYER_STORAGE,
    LAYER_NETWORK,
    LAYER_SESSION,
    LAYER_INTERNAL
};

enum reason {
    REASON_NONE,
    REASON_MEMORY,
    REASON_BUSY,
    REASON_FULL,
    REASON_IO,
    REASON_CORRUPT,
    REASON_ENTROPY,
    REASON_CLOCK,
    REASON_TIMEOUT,
    REASON_REFUSED,
    REASON_LIMIT,
    REASON_BUG
};

#define REPLY_DETAIL_BYTES 160u

struct reply {
    enum answer answer;
    enum layer layer;                /* ok, denied and exists have no layer */
    enum reason reason;              /* and no reason */
    int32_t native_code;             /* errno or SQLite's extended result code, or 0 */
    char detail[REPLY_DETAIL_BYTES]; /* for operators; never a name, a password or a digest */
};

/* Each sets the whole reply. They return whether the answer is ok, so that they end a function:
 * return reply_ok(reply). */
bool reply_ok(struct reply *ret);
bool reply_denied(struct reply *ret);
bool reply_exists(struct reply *ret);
bool reply_refused(struct reply *ret, enum reason reason, const char *why);
bool reply_unavailable(struct reply *ret, enum layer layer, enum reason reason, int32_t native_code,
                       const char *operation, const char *why);

/* Adds to the detail of an answer that something beside it was put off, and why. */
void reply_note(struct reply *reply, const char *what, const struct reply *why);

struct bytes {
    const uint8_t *data; /* may be null when size is 0 */
    size_t size;
};

/* phc: the PHC string format, one canonical form for each value. Source:
 * github.com/P-H-C/phc-string-format; ranges of Argon2 from RFC 9106, section 3.1. */

#define PHC_SALT_BYTES 16u
#define PHC_HASH_BYTES 32u
#define PHC_LANES_MAX  255u
#define PHC_BASE64     sodium_base64_VARIANT_ORIGINAL_NO_PADDING
#define PHC_SALT_CHARS (sodium_base64_ENCODED_LEN(PHC_SALT_BYTES, PHC_BASE64) - 1u)
#define PHC_HASH_CHARS (sodium_base64_ENCODED_LEN(PHC_HASH_BYTES, PHC_BASE64) - 1u)

/* The longest string, without a final NUL: the widest numbers that the format can hold. */
#define PHC_HEAD_LONGEST "$argon2id$v=19$m=4294967295,t=4294967295,p=255$"
#define PHC_BYTES_MAX    (sizeof PHC_HEAD_LONGEST - 1u + PHC_SALT_CHARS + 1u + PHC_HASH_CHARS)

/* The cost of one hash in the terms of RFC 9106. Zero, in a configuration: the default. */
struct cost {
    uint32_t memory_kib;
    uint32_t passes;
};

struct phc {
    struct cost cost;
    uint32_t lanes; /* the parameter p */
    uint8_t salt[PHC_SALT_BYTES];
    uint8_t hash[PHC_HASH_BYTES];
};

/* A stored credential as the text it is. */
struct credential {
    char text[CREDENTIAL_BYTES_MAX + 1u]; /* ends in NUL, and may hold others */
    size_t size;
};

/* False when the value is outside of the format: then there is no string for it. */
MUST_USE bool phc_encode(const struct phc *value, struct credential *ret);

/* False when the text is not the canonical form of a value. The value need not be one that this
 * program serves. */
MUST_USE bool phc_decode(struct bytes text, struct phc *ret);

void phc_done(struct phc *value);
void credential_done(struct credential *credential);

static inline struct bytes credential_bytes(const struct credential *credential)
{
    return (struct bytes){(const uint8_t *)credential->text, credential->size};
}

/* opaque: names and passwords as OpaqueString, RFC 8265, section 4.2. */

struct opaque {
    uint8_t data[OPAQUE_BYTES_MAX];
    size_t size;
    size_t
        code_points;  /* after normalisation; each counts as one character: SP 800-63B-4, 3.1.1.2 */
    bool has_control; /* U+0000 to U+001F, U+007F to U+009F; the profile disallows them */
};

enum opaque_flaw { OPAQUE_GOOD, OPAQUE_EMPTY, OPAQUE_TOO_LONG, OPAQUE_NOT_UTF8, OPAQUE_FLAWS };

/* Maps other spaces to U+0020, then NFC. bytes_max is at most PASSWORD_BYTES_MAX. Control
 * characters are reported, not refused: that is the caller's policy. */
MUST_USE enum opaque_flaw opaque_prepare(struct bytes given, size_t bytes_max, struct opaque *ret);

/* Answers refused, with the reason for a flaw. */
bool opaque_refused(enum opaque_flaw flaw, struct reply *ret);

void opaque_done(struct opaque *opaque);

static inline struct bytes opaque_bytes(const struct opaque *opaque)
{
    return (struct bytes){opaque->data, opaque->size};
}

/* password: policy, hashing, verification. */

struct password_config {
    struct cost cost;         /* of every hash made from now on; stored hashes keep their own */
    uint32_t code_points_min; /* judged when a password is set, never at login; 0: the default */
};

/* Puts the defaults in and judges the rest. Every other function takes a complete configuration.
 * unavailable (hashing, limit): a cost outside of the limits above; (internal, limit): a minimum
 * below the floor. */
MUST_USE bool password_config_complete(const struct password_config *given,
                                       struct password_config *ret, struct reply *reply);

/* Would password_hash take it? refused (input, limit): too long; (input, refused): too short,
 * control characters, not UTF-8. */
MUST_USE bool password_acceptable(const struct password_config *config, struct bytes password,
                                  struct reply *reply);

/* A new credential, with a fresh salt. Refuses what is not acceptable. unavailable (hashing,
 * memory): not enough of it now; (hashing, limit): the cost; (hashing, bug): the library refused.
 */
MUST_USE bool password_hash(const struct password_config *config, struct bytes password,
                            struct credential *ret, struct reply *reply);

/* The same for a password that has just been verified, and so may be older than the policy. */
MUST_USE bool password_rehash(const struct password_config *config, struct bytes password,
                              struct credential *ret, struct reply *reply);

/* ok, or denied, at the cost that the credential names. Whatever the password is, the work is the
 * same. unavailable (storage, corrupt): the credential is not canonical; (hashing, limit): it is,
 * but its cost is not served here; (hashing, memory), (hashing, bug) as above. */
MUST_USE bool password_verify(struct bytes credential, struct bytes password, struct reply *reply);

/* The same work for an account that does not exist: denied, or unavailable exactly as
 * password_verify. */
MUST_USE bool password_verify_nobody(const struct password_config *config, struct bytes password,
                                     struct reply *reply);

/* Is the credential weaker than the configured cost, in memory or in passes? Errors as
 * password_verify. */
MUST_USE bool password_needs_rehash(struct bytes credential, const struct cost *wanted,
                                    bool *ret_needed, struct reply *reply);

MUST_USE bool password_cost(struct bytes credential, struct cost *ret, struct reply *reply);

/* store: one table of accounts in SQLite. Names are canonical already. All errors are unavailable
 * (storage, ...) unless said otherwise; a change that was answered with ok has reached the disk. */

struct store;

/* With must_exist nothing is created. unavailable (storage, corrupt): not a database, not ours, or
 * damaged; (storage, refused): written by a newer major version. */
MUST_USE bool store_open(const char *path, bool must_exist, struct store **ret,
                         struct reply *reply);
void store_close(struct store *store); /* null is allowed */

/* exists when the name is taken. */
MUST_USE bool store_insert(struct store *store, struct bytes name, struct bytes credential,
                           struct reply *reply);

MUST_USE bool store_find(struct store *store, struct bytes name, struct credential *ret,
                         bool *ret_found, struct reply *reply);

/* Compare and swap: replaces `expected` by `next`; nothing happens when the row holds anything
 * else, or is gone. */
MUST_USE bool store_replace(struct store *store, struct bytes name, struct bytes expected,
                            struct bytes next, bool *ret_replaced, struct reply *reply);

/* Compare and delete. */
MUST_USE bool store_delete(struct store *store, struct bytes name, struct bytes expected,
                           bool *ret_deleted, struct reply *reply);

/* For operators, to repair a row by hand: replaces whatever is there, unread and unchecked. */
MUST_USE bool store_put(struct store *store, struct bytes name, struct bytes credential,
                        bool *ret_replaced, struct reply *reply);

#define SCHEMA_TEXT_BYTES 24u

/* "major.minor" of the database, with its NUL. */
MUST_USE bool store_schema(struct store *store, char ret_version[SCHEMA_TEXT_BYTES],
                           struct reply *reply);

/* accounts: what a service calls. Names: 1 to NAME_BYTES_MAX bytes of UTF-8 without control
 * characters; others are refused (input, refused) or (input, limit) by every operation, whether
 * the account exists or not. */

struct accounts;

struct accounts_config {
    const char *path;
    bool must_exist; /* do not create what is not there */
    struct password_config password;
};

MUST_USE bool accounts_open(const struct accounts_config *config, struct accounts **ret,
                            struct reply *reply);
void accounts_close(struct accounts *accounts); /* null is allowed */

/* exists, refused, unavailable. */
MUST_USE bool accounts_register(struct accounts *accounts, struct bytes name, struct bytes password,
                                struct reply *reply);

/* denied, unavailable. A credential weaker than the configuration is made anew after the verdict;
 * when that fails the login is still ok, and the detail says so. */
MUST_USE bool accounts_login(struct accounts *accounts, struct bytes name, struct bytes password,
                             struct reply *reply);

/* refused (the new password), denied (the old one, or the name), unavailable. (storage, busy): the
 * row changed under every attempt. */
MUST_USE bool accounts_change_password(struct accounts *accounts, struct bytes name,
                                       struct bytes password_old, struct bytes password_new,
                                       struct reply *reply);

/* denied, unavailable. */
MUST_USE bool accounts_remove(struct accounts *accounts, struct bytes name, struct bytes password,
                              struct reply *reply);

/* For operators: the stored credential, to be looked at and to be repaired. denied when there is
 * no such account. */
MUST_USE bool accounts_credential_get(struct accounts *accounts, struct bytes name,
                                      struct credential *ret, struct reply *reply);
MUST_USE bool accounts_credential_put(struct accounts *accounts, struct bytes name,
                                      struct bytes credential, struct reply *reply);
MUST_USE bool accounts_schema(struct accounts *accounts, char ret_version[SCHEMA_TEXT_BYTES],
                              struct reply *reply);

#endif
