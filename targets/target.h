/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract between Assay and the authentication code that it judges.
 *
 * A target is a shared object with one exported symbol, the function assay_target(), which returns
 * a constant table of operations. An operation that the target does not have is a null pointer: the
 * cases that need it are then UNSUPPORTED, which is counted and shown, never silently green.
 *
 * Every operation gives exactly one answer and one cause.
 *   - The answer is the client's: it may be shown to whoever tries to log in.
 *   - The cause is the operator's: which layer failed, and why. It decides which team is woken up
 * at night. `denied` means one thing only: the credentials are wrong. A disk that fails, memory
 * that is short, a record that cannot be read are `unavailable`, each with its own cause.
 *
 * Ownership: everything passed in belongs to the caller and is valid during the call only.
 * Everything passed out is written into memory of the caller. Handles belong to the target, from
 * open() to close(). Sizes are in bytes. Strings of bytes are pointer and length; they may hold NUL
 * and need not be UTF-8. Threads: a handle is used by one thread at a time, unless the target
 * declares traits.shared_handle. Different handles, and the operations without a handle, may be
 * used by several threads at once.
 *
 * Versions: ASSAY_TARGET_ABI changes only when something breaks. Everything else is added at the
 * end of a struct; `size` tells how much of it the target knows.
 */
#ifndef ASSAY_TARGET_H
#define ASSAY_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASSAY_TARGET_ABI 1u

/* The longest stored string that cases keep, with its final NUL. PHC strings have about 100 bytes.
 */
#define ASSAY_ENCODED_BYTES_MAX 1024u
#define ASSAY_DETAIL_BYTES      160u

struct assay_bytes {
    const uint8_t *data; /* may be null when size is 0 */
    size_t size;
};

/* Text that an operation gives back. The caller owns data; the operation writes at most `capacity`
 * bytes and sets size. It need not end in NUL. When the text does not fit, the operation answers
 * unavailable (internal, limit). */
struct assay_text {
    char *data;
    size_t capacity;
    size_t size;
};

/* What the client is told. */
enum assay_answer {
    ASSAY_OK,      /* done */
    ASSAY_DENIED,  /* the credentials are wrong; nothing else is ever called so */
    ASSAY_EXISTS,  /* the name is taken */
    ASSAY_REFUSED, /* a policy does not accept this input; cause (input, refused) or (input, limit)
                    */
    ASSAY_LOCKED,  /* too many wrong attempts */
    ASSAY_UNAVAILABLE, /* cannot be told now; the cause says which layer, and why */
    ASSAY_UNSUPPORTED, /* this target does not do that */
    ASSAY_ANSWERS
};

/* Where it went wrong: who is to be woken up. */
enum assay_layer {
    ASSAY_LAYER_NONE,
    ASSAY_LAYER_INPUT,
    ASSAY_LAYER_HASHING,
    ASSAY_LAYER_STORAGE,
    ASSAY_LAYER_NETWORK,
    ASSAY_LAYER_SESSION,
    ASSAY_LAYER_INTERNAL,
    ASSAY_LAYERS
};

/* Why it went wrong: what is to be done about it. */
enum assay_reason {
    ASSAY_REASON_NONE,
    ASSAY_REASON_MEMORY,
    ASSAY_REASON_BUSY,
    ASSAY_REASON_FULL,
    ASSAY_REASON_IO,
    ASSAY_REASON_CORRUPT,
    ASSAY_REASON_ENTROPY,
    ASSAY_REASON_CLOCK,
    ASSAY_REASON_TIMEOUT,
    ASSAY_REASON_REFUSED,
    ASSAY_REASON_LIMIT,
    ASSAY_REASON_BUG,
    ASSAY_REASONS
};

struct assay_cause {
    enum assay_layer layer;
    enum assay_reason reason;
};

/* ok, denied and exists carry the cause (none, none). */
struct assay_reply {
    enum assay_answer answer;
    struct assay_cause cause;
    int32_t native_code;             /* the code of the library that failed, or 0 */
    char detail[ASSAY_DETAIL_BYTES]; /* for operators: ends in NUL, never holds a secret or a digest
                                      */
};

/* The cost of one password hash, in the terms of RFC 9106. Zero means: the target's own default. */
struct assay_cost {
    uint32_t memory_kib;
    uint32_t passes;
};

struct assay_config {
    uint32_t size;          /* sizeof (struct assay_config) of the caller */
    bool must_exist;        /* open() must not create what is not there */
    const char *path;       /* where the accounts are stored; null for the hashing operations */
    struct assay_cost cost; /* of every hash made from now on; stored hashes keep their own */
};

/* What a target does to a byte string before it compares. */
enum assay_normalisation {
    ASSAY_AS_IS,        /* nothing: two strings are the same when their bytes are */
    ASSAY_OPAQUE_STRING /* RFC 8265, section 4.2: non-ASCII spaces become U+0020, then NFC */
};

/* How a target gets back to work after a failure that has gone away. */
enum assay_recovery {
    ASSAY_RECOVERS_AFTER_REOPEN, /* close and open the handle */
    ASSAY_RECOVERS_AT_ONCE,      /* the next call on the same handle works */
    ASSAY_RECOVERS_AFTER_RESTART /* a new process is needed */
};

/* Schemes of crypt(3); bcrypt in each of its spellings, $2a$, $2b$ and $2y$. */
enum assay_scheme { ASSAY_BCRYPT = 1, ASSAY_SHA512_CRYPT = 2, ASSAY_YESCRYPT = 4 };

/* Where a target keeps what it counts and whom it knows; what is kept nowhere else ends there. Of a
 * count that is not said to be kept elsewhere, the store is demanded: a limit that a new handle
 * lifts is none. Of sessions that are not said to be kept, only that they serve the handle that
 * began them. */
enum assay_kept {
    ASSAY_KEPT_NOT_SAID,
    ASSAY_KEPT_IN_STORE,   /* it outlives the process, and every handle knows it */
    ASSAY_KEPT_IN_PROCESS, /* it outlives close(), and every handle of the process knows it */
    ASSAY_KEPT_IN_HANDLE
};

/* What the target declares to be its right. It is judged within these bounds; the declared
 * weaknesses are listed in every report. Zero everywhere means: no limit, bytes compared as they
 * are, nothing special. */
struct assay_traits {
    uint32_t password_bytes_min, password_bytes_max; /* max 0: no limit */
    uint32_t name_bytes_min, name_bytes_max;         /* max 0: no limit */
    uint32_t password_bytes_significant;             /* 0: all; 72 for bcrypt */
    enum assay_normalisation password_normalisation;
    enum assay_normalisation name_normalisation;
    bool names_fold_ascii_case;  /* "Bob" and "bob" are one account */
    bool other_spellings;        /* reads several spellings of one stored string or session: "$2a$"
                                    for "$2b$", upper-case hexadecimal */
    bool stored_is_binary;       /* stored strings are raw bytes without a syntax */
    uint32_t hmac_block_bytes;   /* not 0: zero bytes behind a password of up to this size do not
                                    count (RFC 2104) */
    const char *password_suffix; /* what makes any password acceptable to the policy, such as "A1!";
                                    or null */
    const char *const *sentinels; /* stored strings that nobody can log in with; ends in null */
    enum assay_recovery recovery;
    bool shared_handle;             /* one handle may serve several threads at once */
    bool controlled_entropy;        /* all randomness comes from libsodium's randombytes_*, or from
                                       getrandom() and getentropy() */
    uint32_t stale_window_ms;       /* how long a replaced password may still be accepted */
    bool hides_lockout;             /* a locked account answers denied */
    struct assay_cost cost_min;     /* the cheapest cost that hash() accepts */
    struct assay_cost cost_default; /* what cost 0 stands for */
    uint32_t lockout_attempts; /* 0: none; consecutive wrong passwords, over all operations that
                                  ask for one, after which an account answers locked; a login
                                  that is answered ok begins the count anew */
    uint32_t salt_bytes;       /* 0: not said; each hash is made with at least so many random
                                  bytes that were asked for since hash() was called */
    uint32_t session_seconds;  /* 0: not said; a session ends at the latest so long after the
                                  login, whatever it is used for */
    uint32_t legacy_schemes;   /* rows of crypt(3) that a login serves: bits of enum
                                  assay_scheme */
    uint32_t lockout_seconds;  /* 0: not said; a lock that so many wrong passwords brought is
                                  over so long after the last attempt, and not before */
    uint32_t lockout_forgets_seconds; /* 0: never; a wrong password may no longer count so long
                                         after the last one */
    enum assay_kept lockout_kept, sessions_kept;
    uint32_t session_bytes;       /* 0: not said; each session is begun with at least so many random
                                     bytes that were asked for since login() was called */
    bool sessions_outlive_change; /* a change of the password ends no session */
    bool wipes_memory;            /* false: not said; no memory that it gives back to the heap still
                                     holds a password */
    uint32_t reserved[15];        /* zero; traits to come take their place, so that those of an
                                     older module stay where they are */
};

struct assay_handle; /* the target's own */

struct assay_target {
    uint32_t abi;  /* ASSAY_TARGET_ABI */
    uint32_t size; /* sizeof (struct assay_target) of the target */
    const char *name;
    const char *version;
    struct assay_traits traits;

    /* Hashing. `encoded` is what would be stored: a PHC string or whatever else the target uses. */
    void (*hash)(const struct assay_config *, struct assay_bytes password,
                 struct assay_text *ret_encoded, struct assay_reply *ret);
    void (*verify)(struct assay_bytes encoded, struct assay_bytes password,
                   struct assay_reply *ret);
    void (*needs_rehash)(const struct assay_config *, struct assay_bytes encoded, bool *ret_needed,
                         struct assay_reply *ret);
    void (*cost)(struct assay_bytes encoded, struct assay_cost *ret_cost, struct assay_reply *ret);

    /* Accounts. open() sets *ret_handle only when it answers ok. */
    void (*open)(const struct assay_config *, struct assay_handle **ret_handle,
                 struct assay_reply *ret);
    void (*close)(struct assay_handle *);
    void (*register_account)(struct assay_handle *, struct assay_bytes name,
                             struct assay_bytes password, struct assay_reply *ret);
    void (*login)(struct assay_handle *, struct assay_bytes name, struct assay_bytes password,
                  struct assay_text *ret_session /* null: no session wanted */,
                  struct assay_reply *ret);
    void (*change_password)(struct assay_handle *, struct assay_bytes name,
                            struct assay_bytes password_old, struct assay_bytes password_new,
                            struct assay_reply *ret);
    void (*remove_account)(struct assay_handle *, struct assay_bytes name,
                           struct assay_bytes password, struct assay_reply *ret);

    /* Sessions. login() gives a token to whoever asks for one. session_check() answers ok as long
     * as it lasts, with a name of its account; it ends when it is revoked, when its time is over,
     * when the account is removed, when the password is changed. From then on the answer is denied.
     * session_revoke() answers denied for what was revoked before, and for what never was one. */
    void (*session_check)(struct assay_handle *, struct assay_bytes session,
                          struct assay_text *ret_name, struct assay_reply *ret);
    void (*session_revoke)(struct assay_handle *, struct assay_bytes session,
                           struct assay_reply *ret);

    /* Records: the stored string of an account, to be read and to be tampered with. Both answer
     * denied when there is no such account. record_put stores the bytes as they are, valid or not.
     */
    void (*record_get)(struct assay_handle *, struct assay_bytes name,
                       struct assay_text *ret_encoded, struct assay_reply *ret);
    void (*record_put)(struct assay_handle *, struct assay_bytes name, struct assay_bytes encoded,
                       struct assay_reply *ret);
    void (*schema)(struct assay_handle *, struct assay_text *ret_version, struct assay_reply *ret);
};

/* The one exported symbol of a module. The table is constant and lives as long as the process. */
#define ASSAY_TARGET_SYMBOL "assay_target"
#if defined(ASSAY_TARGET_MODULE)
__attribute__((visibility("default"))) const struct assay_target *assay_target(void);
#endif

#endif
