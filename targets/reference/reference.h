/* SPDX-License-Identifier: Apache-2.0
 *
 * Password authentication over Argon2id and SQLite: the whole interface.
 *
 * Layers, each of which knows only the ones above it in this file:
 *   reply     what an operation answers, and whose fault it was
 *   text      cursor, lines; phc: a stored credential; opaque: a name or password, canonical
 *   password  policy and blocklist; admission, pepper, legacy; hashing and verification
 *   store     rows in a database; for operators: census, export, import, verify
 *   accounts  lockout, sessions; register, login, change, remove
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
#include <stdio.h>

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

#define TRANSACTION_ATTEMPTS_MAX                                                                   \
    4u /* how often a transaction starts again when it meets a lock                                \
        */
#define ACCOUNT_NAME_BYTES_MAX        (3u * NAME_BYTES_MAX) /* canonical */
#define ATTEMPTS_LIMIT                100u /* SP 800-63B-4, 3.2.2: consecutive wrong passwords */
#define ATTEMPTS_FREE_DEFAULT         10u  /* before the first delay */
#define LOCK_DELAY_FIRST_MS_DEFAULT   1000u
#define LOCK_DELAY_LONGEST_MS_DEFAULT 900000u     /* 15 minutes */
#define LOCK_DELAY_MS_MAX             86400000u   /* a day */
#define STRANGERS_MAX                 65536u      /* counts of names without an account */
#define SESSION_LIFETIME_S_DEFAULT    43200u      /* 12 hours */
#define SESSION_LIFETIME_S_MAX        2592000u    /* 30 days */
#define SESSIONS_DEFAULT              16u         /* of one account; then the oldest goes */
#define CENSUS_KINDS_MAX              256u        /* told apart; the rest is counted together */
#define IMPORT_BYTES_MAX              1073741824u /* 1 GiB of text: some 8 million accounts */
#define SESSIONS_LIMIT                1024u

/* Of policy and blocklist. */
#define PASSWORD_CODE_POINTS_CEILING 64u /* of a minimum: SP 800-63B-4 wants 64 accepted */
#define CONTEXT_WORDS_MAX            16u
#define CONTEXT_WORD_CODE_POINTS_MIN 4u         /* shorter ones are in too many good passwords */
#define BLOCKLIST_BYTES_MAX          268435456u /* 256 MiB of text */
#define BLOCKLIST_LINES_MAX          16777216u  /* 8 bytes of memory for each */

/* Of pepper, admission and legacy rows. */
#define PEPPER_FILE_BYTES_MAX            16384u
#define PEPPER_KEYS_MAX                  16u
#define PEPPER_ID_CHARS_MAX              4u
#define PEPPER_SECRET_BYTES_MIN          32u /* SP 800-63B-4 asks for 112 bits */
#define PEPPER_SECRET_BYTES_MAX          64u /* a block of SHA-256: HMAC hashes longer ones first */
#define ADMISSION_HASHES_MAX             65535u
#define ADMISSION_RETRY_AFTER_MS_DEFAULT 1000u
#define LEGACY_PHRASE_BYTES_MAX          511u      /* what libxcrypt takes */
#define LEGACY_BCRYPT_COST_MAX           16u       /* some five seconds for one login */
#define LEGACY_SHA512_ROUNDS_MAX         10000000u /* the same */

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
    enum layer layer;                /* ok, denied, exists and locked have no layer */
    enum reason reason;              /* and no reason */
    int32_t native_code;             /* errno or SQLite's extended result code, or 0 */
    uint32_t retry_after_ms;         /* when it is worth asking again; 0: nobody knows */
    char detail[REPLY_DETAIL_BYTES]; /* for operators; never a name, a password or a digest */
};

/* Each sets the whole reply. They return whether the answer is ok, so that they end a function:
 * return reply_ok(reply). */
bool reply_ok(struct reply *ret);
bool reply_denied(struct reply *ret);
bool reply_exists(struct reply *ret);
bool reply_locked(struct reply *ret, uint32_t retry_after_ms); /* 0: an operator has to unlock it */
bool reply_refused(struct reply *ret, enum reason reason, const char *why);
bool reply_unavailable(struct reply *ret, enum layer layer, enum reason reason, int32_t native_code,
                       const char *operation, const char *why);

/* unavailable, with a hint when to come again. */
bool reply_retry_later(struct reply *ret, uint32_t retry_after_ms, enum layer layer,
                       enum reason reason, const char *operation, const char *why);

/* Adds to the detail of an answer that something beside it was put off, and why. */
void reply_note(struct reply *reply, const char *what, const struct reply *why);

struct bytes {
    const uint8_t *data; /* may be null when size is 0 */
    size_t size;
};

/* cursor: what has not been read yet of a text. Each cursor_x consumes exactly its own part, or
 * fails, and then the text is not what it should be. */

struct cursor {
    const uint8_t *at;
    size_t left;
};

MUST_USE bool cursor_text(struct cursor *cursor, const char *text);

/* A decimal number from 1 to max, as many digits as there are, and no leading zero. */
MUST_USE bool cursor_number(struct cursor *cursor, uint32_t max, uint32_t *ret);

/* Exactly that many characters of base64, which have at most `capacity` bytes. */
MUST_USE bool cursor_base64(struct cursor *cursor, size_t chars, int variant, uint8_t *ret,
                            size_t capacity, size_t *ret_size);

/* How many characters of the alphabet come next; consumes nothing. */
size_t cursor_span(const struct cursor *cursor, const char *alphabet);

void cursor_skip(struct cursor *cursor, size_t size);

/* lines: a text file, read once, line by line; blocklist and pepper are such. */

struct lines {
    int descriptor; /* -1: none */
    const char *what;
    uint64_t bytes_left; /* of the limit */
    uint32_t number;     /* of the line that was read last, from 1 */
    size_t at, end;      /* the unread part of the buffer */
    uint8_t buffer[4096];
    uint8_t line[PASSWORD_BYTES_MAX + 1u];
};

/* `what` is for the replies. A secret file must belong to this user or to root, must not be
 * readable or writable by anybody else, and is not reached through a symbolic link as its last
 * name. */
MUST_USE bool lines_open(const char *path, const char *what, bool is_secret, uint64_t bytes_max,
                         struct lines *ret, struct reply *reply);

/* The next line, without its end; valid until the next call. After the last line: *ret_is_end. */
MUST_USE bool lines_next(struct lines *lines, struct bytes *ret_line, bool *ret_is_end,
                         struct reply *reply);

/* unavailable (internal, ...), with the number of the line. */
bool lines_refused(const struct lines *lines, enum reason reason, const char *why,
                   struct reply *reply);

void lines_close(struct lines *lines); /* and wipes what was read */

/* phc: the PHC string format, one canonical form for each value. Source:
 * github.com/P-H-C/phc-string-format; ranges of Argon2 from RFC 9106, section 3.1. */

#define PHC_SALT_BYTES       16u
#define PHC_HASH_BYTES       32u
#define PHC_KEY_ID_BYTES_MAX 8u
#define PHC_LANES_MAX        255u
#define PHC_BASE64           sodium_base64_VARIANT_ORIGINAL_NO_PADDING
#define PHC_SALT_CHARS       (sodium_base64_ENCODED_LEN(PHC_SALT_BYTES, PHC_BASE64) - 1u)
#define PHC_HASH_CHARS       (sodium_base64_ENCODED_LEN(PHC_HASH_BYTES, PHC_BASE64) - 1u)
#define PHC_KEY_ID_CHARS_MAX (sodium_base64_ENCODED_LEN(PHC_KEY_ID_BYTES_MAX, PHC_BASE64) - 1u)

/* The longest string, without a final NUL: the widest numbers that the format can hold. */
#define PHC_HEAD_LONGEST "$argon2id$v=19$m=4294967295,t=4294967295,p=255,keyid=$"
#define PHC_BYTES_MAX                                                                              \
    (sizeof PHC_HEAD_LONGEST - 1u + PHC_KEY_ID_CHARS_MAX + PHC_SALT_CHARS + 1u + PHC_HASH_CHARS)

/* The cost of one hash in the terms of RFC 9106. Zero, in a configuration: the default. */
struct cost {
    uint32_t memory_kib;
    uint32_t passes;
};

struct phc {
    struct cost cost;
    uint32_t lanes;                       /* the parameter p */
    uint8_t key_id[PHC_KEY_ID_BYTES_MAX]; /* the parameter keyid, zero behind its end */
    size_t key_id_size;                   /* 0: there is none */
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

/* The same text without case, for comparisons with lists and words; never for a verdict. Full case
 * folding of Unicode, then NFC. False when it is not UTF-8 or does not fit. */
MUST_USE bool opaque_fold(struct bytes canonical, struct opaque *ret);

/* blocklist: passwords that everybody tries first. Immutable once it is open: any number of threads
 * may share it. */

struct blocklist;

/* A text file, one password a line; every line counts. unavailable (internal, io), (internal,
 * memory), (internal, limit): more bytes or lines than the limits above; (internal, refused): a
 * line that no password can be, or not a file. The detail has the number of the line. */
MUST_USE bool blocklist_open(const char *path, struct blocklist **ret, struct reply *reply);
void blocklist_close(struct blocklist *blocklist); /* null is allowed */

bool blocklist_has(const struct blocklist *blocklist, struct bytes folded);

/* What is too regular about a password, in words that name the rule; or null. It needs no list. */
const char *sequence_flaw(struct bytes folded);

/* admission: how much memory and how many hashes there may be at the same time. Any number of
 * threads may share it. What was taken is given back by whoever took it. */

struct admission;

struct admission_limits {
    uint32_t memory_kib;     /* of all hashes together */
    uint32_t hashes;         /* at the same time; 1 to ADMISSION_HASHES_MAX */
    uint32_t retry_after_ms; /* the hint to those who are sent away; 0: the default */
};

/* What one hash holds; all zero: nothing. */
struct admission_ticket {
    struct admission *from;
    uint32_t memory_kib;
};

/* unavailable (internal, limit): the limits make no sense; (internal, memory). */
MUST_USE bool admission_open(const struct admission_limits *limits, struct admission **ret,
                             struct reply *reply);
void admission_close(struct admission *admission); /* null is allowed */

/* Takes, or answers at once: unavailable (hashing, memory), to be tried again; (hashing, limit):
 * more than all there is. Without an admission everything is admitted. */
MUST_USE bool admission_take(struct admission *admission, uint32_t memory_kib,
                             struct admission_ticket *ret, struct reply *reply);
void admission_give(struct admission_ticket *ticket); /* once; an empty ticket is allowed */

/* Could one hash of that size ever be admitted? */
bool admission_suffices(const struct admission *admission, uint32_t memory_kib);

/* What is taken now, as one moment saw it. */
struct admission_limits admission_taken(const struct admission *admission);

/* pepper: a key that is not in the database, so that the rows alone are worth nothing. Immutable
 * once it is open: any number of threads may share it. */

struct pepper;

/* A file of keys, one a line: `id base64 [current]`, see pepper.c. It must belong to this user or
 * to root, and nobody else may read it. unavailable (internal, refused): it is not so, or a line
 * is malformed, whose number is in the detail; (internal, io), (internal, memory), (internal,
 * limit). */
MUST_USE bool pepper_open(const char *path, struct pepper **ret, struct reply *reply);
void pepper_close(struct pepper *pepper); /* null is allowed: it knows no key */

/* Makes a new value one of the current key; without a pepper, of none. */
void pepper_choose(const struct pepper *pepper, struct phc *value);

/* Would pepper_choose choose the same? */
bool pepper_is_current(const struct pepper *pepper, const struct phc *value);

/* The keyed step, in place; nothing for a value without key id. unavailable (hashing, refused): a
 * key id that is not in the file. */
MUST_USE bool pepper_apply(const struct pepper *pepper, const struct phc *value,
                           uint8_t hash[PHC_HASH_BYTES], struct reply *reply);

/* The same answer, without a hash. */
MUST_USE bool pepper_knows(const struct pepper *pepper, const struct phc *value,
                           struct reply *reply);

#define PEPPER_NAME_BYTES (2u * PHC_KEY_ID_BYTES_MAX + 1u)

/* The key id for operators, ends in NUL: "2026-8f3ac1d0", the id in the file and the four bytes
 * that were made of the key; when it is nothing of ours, all of it in hexadecimal. */
void pepper_name(const struct phc *value, char ret[PEPPER_NAME_BYTES]);

/* legacy: rows of crypt(3) from other systems. */

#define LEGACY_BYTES_MAX 160u

struct legacy {
    char text[LEGACY_BYTES_MAX + 1u]; /* the row, ends in NUL and holds no other */
    size_t size;
    size_t hash_chars;  /* at its end */
    const char *scheme; /* for operators, as `parameters` */
    char parameters[24];
    uint32_t memory_kib;             /* that one hash takes */
    size_t phrase_bytes_significant; /* 0: all; 72 for bcrypt */
    bool is_memory_hard;
    bool is_served; /* the cost is within the limits above */
};

/* Does the row look like one of crypt(3), good or broken? */
bool legacy_recognises(struct bytes credential);

/* False when it is not the canonical form of a row of a scheme that is known here. */
MUST_USE bool legacy_decode(struct bytes credential, struct legacy *ret);
void legacy_done(struct legacy *row);

/* ok or denied; whatever the password is, the work is that of one hash, or of two when its
 * canonical form is not what was given. unavailable (hashing, memory), (hashing, bug); (storage,
 * corrupt): crypt(3) would write the row in another way. */
MUST_USE bool legacy_verify(const struct legacy *row, struct bytes password, struct reply *reply);

/* Is this password, which has just been verified, the only one that the row accepts? */
bool legacy_is_exact(const struct legacy *row, struct bytes password);

/* password: policy, hashing, verification. */

/* What is pointed to belongs to the caller, outlives the configuration, and may be shared by any
 * number of handles and threads. */
struct password_config {
    struct cost cost;         /* of every hash made from now on; stored hashes keep their own */
    uint32_t code_points_min; /* judged when a password is set, never at login; 0: the default */
    const struct blocklist *blocklist; /* null: none, and no judgement of regular ones either */
    const char *const *context_words;  /* the service, the company; ends in null; null: none */
    const struct pepper *pepper;       /* null: no keyed step */
    struct admission *admission;       /* null: no limit */
};

/* The two halves of the policy that password_config_complete and password_hash are made with: the
 * defaults and limits of its configuration; the canonical form of a new password. Errors as
 * there. */
MUST_USE bool policy_complete(struct password_config *config, struct reply *reply);
MUST_USE bool policy_prepare(const struct password_config *config, struct bytes password,
                             struct bytes name, struct opaque *ret, struct reply *reply);

/* Puts the defaults in and judges the rest. Every other function takes a complete configuration;
 * verification looks at pepper and admission only. unavailable (hashing, limit): a cost outside
 * of the limits above; (internal, limit): a minimum below the floor or above the ceiling, too many
 * context words, an admission that no hash of that cost passes; (internal, refused): a context
 * word that is no text. */
MUST_USE bool password_config_complete(const struct password_config *given,
                                       struct password_config *ret, struct reply *reply);

/* Would password_hash take it? refused (input, limit): too long; (input, refused): too short,
 * control characters, not UTF-8, mostly the canonical account name (size 0: not known) or a context
 * word, on the blocklist, too regular. The detail says which. */
MUST_USE bool password_acceptable(const struct password_config *config, struct bytes password,
                                  struct bytes name, struct reply *reply);

/* A new credential, with a fresh salt. Refuses what is not acceptable. unavailable (hashing,
 * memory): not enough of it now, or admission is over its limit, with a hint when to try again;
 * (hashing, limit): the cost; (hashing, bug): the library refused. */
MUST_USE bool password_hash(const struct password_config *config, struct bytes password,
                            struct bytes name, struct credential *ret, struct reply *reply);

/* The same for a password that has just been verified against that credential, and so may be older
 * than the policy. refused (input, limit): the credential accepts other passwords, too, and the new
 * one would not; (input, refused): it is no text, which only crypt(3) accepts. */
MUST_USE bool password_rehash(const struct password_config *config, struct bytes verified,
                              struct bytes password, struct credential *ret, struct reply *reply);

/* ok, or denied, at the cost that the credential names. The credential is an Argon2id string, with
 * or without key id, or a row of crypt(3). Whatever the password is, the work is the same.
 * unavailable (storage, corrupt): the credential is not canonical; (hashing, limit): it is, but
 * its cost is not served here; (hashing, refused): its pepper key is not known here; (hashing,
 * memory), (hashing, bug) as above. */
MUST_USE bool password_verify(const struct password_config *config, struct bytes credential,
                              struct bytes password, struct reply *reply);

/* The same work, as of a new credential, for an account that does not exist: denied, or unavailable
 * exactly as password_verify. */
MUST_USE bool password_verify_nobody(const struct password_config *config, struct bytes password,
                                     struct reply *reply);

/* Is the credential weaker than a new one: in memory or in passes, a row of crypt(3), or not of the
 * current pepper key? Errors as password_verify. */
MUST_USE bool password_needs_rehash(const struct password_config *config, struct bytes credential,
                                    bool *ret_needed, struct reply *reply);

/* The cost of an Argon2id string. unavailable (hashing, refused): a row of crypt(3), whose cost has
 * other terms; (storage, corrupt), (hashing, limit) as password_verify. */
MUST_USE bool password_cost(struct bytes credential, struct cost *ret, struct reply *reply);

/* What a census may say of a credential: nothing that helps to guess. */
struct password_kind {
    char scheme[16];                /* argon2id, bcrypt, sha512crypt, yescrypt */
    char parameters[48];            /* in the words of the scheme */
    char key_id[PEPPER_NAME_BYTES]; /* as pepper_name, or "-" */
};

/* ok for every credential that is canonical, served here or not. unavailable (storage, corrupt). */
MUST_USE bool password_describe(struct bytes credential, struct password_kind *ret,
                                struct reply *reply);

/* store: rows in SQLite. Names are canonical already. All errors are unavailable (storage, ...)
 * unless said otherwise; a change that was answered with ok has reached the disk. */

struct store;

/* With must_exist nothing is created. What an older release wrote is brought to this one's schema,
 * which the release before still serves. unavailable (storage, corrupt): not a database, not ours,
 * or without our tables; (storage, refused): written by a newer major version. */
MUST_USE bool store_open(const char *path, bool must_exist, struct store **ret,
                         struct reply *reply);

/* For operators who only look (census, export, verify): what an older release wrote stays as it
 * is, and nothing can be changed. Errors as above. */
MUST_USE bool store_look(const char *path, struct store **ret, struct reply *reply);
void store_close(struct store *store); /* null is allowed */

/* Runs the body in a transaction that holds the write lock from its beginning, and commits when the
 * body returns true. May run it several times, so the body sets all that it sets anew; what it has
 * set counts only when the answer is ok. */
typedef bool transaction_body(struct store *store, void *context, struct reply *reply);
MUST_USE bool store_transaction(struct store *store, transaction_body *body, void *context,
                                struct reply *reply);

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

/* Writes, and changes nothing: can anything be written? Not after store_look. */
MUST_USE bool store_try_write(struct store *store, struct reply *reply);

/* "major.minor" of the database, with its NUL. */
MUST_USE bool store_schema(struct store *store, char ret_version[SCHEMA_TEXT_BYTES],
                           struct reply *reply);

/* What operators do to a store, beside a running service. */

/* How many credentials there are of each kind; no name, and nothing that helps to guess. */
struct census {
    struct {
        struct password_kind kind;
        uint64_t count;
    } kinds[CENSUS_KINDS_MAX];
    size_t kind_count;
    uint64_t others; /* of further kinds */
    uint64_t broken; /* of no known syntax */
};

/* *ret is written also when the answer is not ok: it is large. */
MUST_USE bool store_census(struct store *store, struct census *ret, struct reply *reply);

/* All accounts as JSON Lines, ordered by name. (storage, corrupt): a row that JSON cannot hold;
 * (internal, full), (internal, io): of `out`, where there may be a part. */
MUST_USE bool store_export(struct store *store, FILE *out, struct reply *reply);

/* All lines of such a file, or none. refused (input, refused): a line, whose number is in the
 * detail; unavailable (internal, ...): the file, as lines_open and lines_next. */
MUST_USE bool store_import(struct store *store, const char *path, uint64_t *ret_rows,
                           struct reply *reply);

/* Called for each problem. The name is that of the account, as it is stored, or empty; both are
 * valid during the call only, and the store must not be used in it. */
typedef void problem_body(void *context, const char *problem, struct bytes name);

/* Looks at every page and every row. ok: it could be looked at, and *ret_problems were found. */
MUST_USE bool store_verify(struct store *store, problem_body *found, void *context,
                           uint64_t *ret_problems, struct reply *reply);

/* binding: a hash of a credential. A row that holds one counts only as long as the account has
 * exactly that credential; no two credentials have the same salt. */

#define BINDING_BYTES 32u

MUST_USE bool credential_binding(struct bytes credential, uint8_t ret[BINDING_BYTES],
                                 struct reply *reply);

/* lockout: how often somebody may guess. Zero, in a configuration: the default. */

struct lockout_config {
    bool is_off;               /* nothing is counted, nobody is locked: then something in front
                                  must limit guessing */
    uint32_t attempts_free;    /* consecutive wrong passwords after which a name is locked */
    uint32_t attempts_max;     /* after which it stays so; at most ATTEMPTS_LIMIT */
    uint32_t delay_first_ms;   /* of the first lock; each further wrong password doubles it */
    uint32_t delay_longest_ms; /* at most LOCK_DELAY_MS_MAX */
};

/* unavailable (internal, limit): outside of the limits above. */
MUST_USE bool lockout_config_complete(const struct lockout_config *given,
                                      struct lockout_config *ret, struct reply *reply);

/* The count of a name. */
struct tally {
    uint8_t subject[1u + ACCOUNT_NAME_BYTES_MAX]; /* the key of its row */
    size_t subject_size;
    uint8_t binding[BINDING_BYTES];
    bool is_kept;      /* there is a row of that subject, whatever it is bound to */
    uint32_t failures; /* consecutive; 0 when the row is bound to something else */
    int64_t since_ms;  /* when the last one was counted */
};

/* `credential` is the account's; null: there is no such account. */
MUST_USE bool lockout_read(struct store *store, struct bytes name,
                           const struct credential *credential, struct tally *ret,
                           struct reply *reply);

/* *ret_retry_after_ms is 0 when no time will open it. */
MUST_USE bool lockout_is_locked(const struct lockout_config *config, const struct tally *tally,
                                int64_t now_ms, uint32_t *ret_retry_after_ms);

/* One more wrong password. Within a transaction that has read the tally, as the next ones. */
MUST_USE bool lockout_count(struct store *store, struct tally *tally, int64_t now_ms,
                            struct reply *reply);

/* Of a name that is locked: a last failure in the future becomes one of now. */
MUST_USE bool lockout_bring_back(struct store *store, struct tally *tally, int64_t now_ms,
                                 struct reply *reply);
MUST_USE bool lockout_forget(struct store *store, const struct tally *tally, struct reply *reply);

/* sessions: who is logged in. */

#define SESSION_TOKEN_BYTES 32u
#define SESSION_TEXT_BYTES  44u /* base64url, with its NUL */

struct session_token {
    char text[SESSION_TEXT_BYTES];
};

void session_token_done(struct session_token *token);

static inline struct bytes session_token_bytes(const struct session_token *token)
{
    return (struct bytes){(const uint8_t *)token->text, SESSION_TEXT_BYTES - 1u};
}

/* Zero: the default. */
struct session_config {
    uint32_t lifetime_s;   /* at most SESSION_LIFETIME_S_MAX; using a session does not prolong it */
    uint32_t sessions_max; /* of one account, at most SESSIONS_LIMIT */
};

struct account_name {
    uint8_t data[ACCOUNT_NAME_BYTES_MAX];
    size_t size;
};

/* unavailable (internal, limit): outside of the limits above. */
MUST_USE bool session_config_complete(const struct session_config *given,
                                      struct session_config *ret, struct reply *reply);

/* A new session of the account as long as it has this credential. Within a transaction. */
MUST_USE bool session_start(struct store *store, const struct session_config *config,
                            struct bytes name, struct bytes credential, int64_t now_ms,
                            struct session_token *ret, struct reply *reply);

/* The account's name. denied: not a token, unknown, expired, revoked, or ended by what happened to
 * the account. */
MUST_USE bool session_check(struct store *store, struct bytes token, int64_t now_ms,
                            struct account_name *ret, struct reply *reply);

/* denied: not a token, or unknown. */
MUST_USE bool session_revoke(struct store *store, struct bytes token, struct reply *reply);

/* After a rehash: the sessions go on under the next credential. */
MUST_USE bool sessions_rebind(struct store *store, struct bytes name, struct bytes credential,
                              struct bytes next, struct reply *reply);
MUST_USE bool sessions_end(struct store *store, struct bytes name, struct reply *reply);

/* accounts: what a service calls. Names: 1 to NAME_BYTES_MAX bytes of UTF-8 without control
 * characters; others are refused (input, refused) or (input, limit) by every operation, whether
 * the account exists or not. Every operation that checks a password may answer locked, whether the
 * account exists or not. */

struct accounts;

struct accounts_config {
    const char *path;
    bool must_exist; /* do not create what is not there */
    struct password_config password;
    struct lockout_config lockout;
    struct session_config session;
    int64_t (*clock_ms)(void); /* since 1970, by the wall clock; null: the system's */
};

MUST_USE bool accounts_open(const struct accounts_config *config, struct accounts **ret,
                            struct reply *reply);
void accounts_close(struct accounts *accounts); /* null is allowed */

/* The canonical name, or why there can be no account of that name. */
MUST_USE bool name_prepare(struct bytes given, struct opaque *ret, struct reply *reply);

/* exists, refused, unavailable. */
MUST_USE bool accounts_register(struct accounts *accounts, struct bytes name, struct bytes password,
                                struct reply *reply);

/* denied, locked, unavailable. A credential weaker than the configuration is made anew after the
 * verdict; when that fails the login is still ok, and the detail says so. ret_session: a new
 * session; null: none is wanted. */
MUST_USE bool accounts_login(struct accounts *accounts, struct bytes name, struct bytes password,
                             struct session_token *ret_session, struct reply *reply);

/* refused (the new password), denied (the old one, or the name), locked, unavailable. (storage,
 * busy): the row changed under every attempt. All sessions of the account end. */
MUST_USE bool accounts_change_password(struct accounts *accounts, struct bytes name,
                                       struct bytes password_old, struct bytes password_new,
                                       struct reply *reply);

/* denied, locked, unavailable. All sessions of the account end. */
MUST_USE bool accounts_remove(struct accounts *accounts, struct bytes name, struct bytes password,
                              struct reply *reply);

/* As session_check and session_revoke. */
MUST_USE bool accounts_session_check(struct accounts *accounts, struct bytes token,
                                     struct account_name *ret, struct reply *reply);
MUST_USE bool accounts_session_revoke(struct accounts *accounts, struct bytes token,
                                      struct reply *reply);

/* For operators: the count of wrong passwords begins again at 0. denied when there is no such
 * account. */
MUST_USE bool accounts_unlock(struct accounts *accounts, struct bytes name, struct reply *reply);

/* For operators: the stored credential, to be looked at and to be repaired. denied when there is
 * no such account. */
MUST_USE bool accounts_credential_get(struct accounts *accounts, struct bytes name,
                                      struct credential *ret, struct reply *reply);
MUST_USE bool accounts_credential_put(struct accounts *accounts, struct bytes name,
                                      struct bytes credential, struct reply *reply);
MUST_USE bool accounts_schema(struct accounts *accounts, char ret_version[SCHEMA_TEXT_BYTES],
                              struct reply *reply);

#endif
