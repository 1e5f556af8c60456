/* SPDX-License-Identifier: Apache-2.0
 *
 * The cases, and what they have in common.
 *
 *   cases.c      the list: a new case is one line here
 *   encoding.c hashing.c unicode.c accounts.c compat.c concurrency.c lockout.c sessions.c work.c
 *   hygiene.c outage.c powercut.c   one theme a file; vectors.c is a part of hashing
 *   client.c     operations of a target, each a step of the story, each answer judged
 *   oracle.c     what may be demanded of an answer: sound, so that no honest target breaks it
 *   model.c      which passwords an account may have, after all that was answered or left open
 *   draw.c       names, passwords, costs; values derived from other values
 *   rot.c        a database file with changed bytes or pages
 *
 * Cases use the engine and the contract, nothing else of this project.
 */
#ifndef ASSAY_CASES_H
#define ASSAY_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/engine/engine.h"
#include "targets/target.h"

/* What a case is given. The writer made the rows that the target serves; in most runs they are one.
 */
struct subject {
    const struct assay_target *target;
    const struct assay_target *writer;
};

/* Ends in null. The number of a case in this list is stable within one build only; tokens hold
 * names. */
extern const struct test_case *const all_cases[];
const struct test_case *case_find(const char *name, uint32_t *ret_index);

#define BIT(technique) (1u << TECHNIQUE_##technique)

/* --- draw.c
 * ---------------------------------------------------------------------------------------------------
 */

struct assay_bytes text_bytes(const struct text *);
#define QUOTED_TEXT(text) QUOTED((text)->bytes, (text)->size)

/* Within the limits that the target declares. Simplest: the shortest run of "a". A neighbour of
 * such a text may be equal to it in the eyes of the target: ask same_password(). */
void draw_password(struct run *, const struct assay_traits *, struct text *ret);
void draw_name(struct run *, const struct assay_traits *, struct text *ret);
/* The simplest ones of a letter, without a draw. */
void simple_password(const struct assay_traits *, uint8_t letter, struct text *ret);
void simple_name(const struct assay_traits *, uint8_t letter, struct text *ret);
/* And one with another spelling, if the target declares that names have such; else the same. */
void name_with_alias(const struct assay_traits *, struct text *ret_name, struct text *ret_alias);
/* A cost near the cheapest that the target accepts; simplest: that one. */
struct assay_cost draw_cost(struct run *, const struct assay_traits *);
struct assay_cost cheapest_cost(const struct assay_traits *);

/* Ends a password with what the target's policy wants. */
void add_suffix(const struct assay_traits *, struct text *password);
/* In bytes: the declared limit, or what cases go up to where there is none. */
size_t longest_password(const struct assay_traits *);

/* Whether the target declares these to be one. */
bool same_password(const struct assay_traits *, const struct text *, const struct text *);
bool same_name(const struct assay_traits *, const struct text *, const struct text *);
bool within_password_limits(const struct assay_traits *, const struct text *);
bool within_name_limits(const struct assay_traits *, const struct text *);

/* --- oracle.c
 * -------------------------------------------------------------------------------------------------
 */

/* The operation of the catalogue that has this name; OPERATIONS_MAX, if there is none. */
uint16_t operation_named(const char *name);

const char *answer_name(enum assay_answer);
const char *layer_name(enum assay_layer);
const char *reason_name(enum assay_reason);
/* "denied", "unavailable (storage, io)". */
const char *reply_text(char *ret, size_t size, const struct assay_reply *);
#define REPLY_TEXT(reply) reply_text((char[80]){0}, 80, reply)

/* Demands of every answer, whatever the operation: that it is well formed, that its detail holds
 * none of the secrets, that `unavailable` is said only when something was made to fail, and that
 * its cause is one that the fault may have. */
void judge_reply(struct run *, const struct assay_reply *, const char *operation,
                 const struct text *secret);
/* How many kinds of fault the table of causes knows, and how many of them may have one cause only.
 */
void causes_count(uint32_t *ret_kinds, uint32_t *ret_single);
/* The detail of a reply shows nothing of a stored string's end, where the digest is. */
void judge_hidden(struct run *, const struct assay_reply *, const char *operation,
                  const struct text *encoded);
/* Like judge_reply(), for a stored string that may be broken: `unavailable (storage, corrupt)` is
 * right too.
 */
void judge_reply_of_record(struct run *, const struct assay_reply *, const char *operation,
                           const struct text *secret);

/* Whether a fault has put the clock on, and how often it may have: every lock and every session may
 * have ended so often before its time. */
bool clock_was_put_on(uint32_t *ret_times);
/* Whether some reading of the clock is to fail in this run: then any session may have ended. */
bool clock_fails(void);

/* --- client.c
 * -------------------------------------------------------------------------------------------------
 */

/* One handle of a target. Handles that are open when the run ends are closed then, however it ends.
 */
struct client {
    struct run *run;
    const struct assay_target *table;
    struct assay_handle *handle; /* null while closed */
    struct assay_cost cost;
    bool may_be_busy;          /* another handle is open, and exclusive locks are honest */
    bool others_act;           /* at the same time: what they use up may be missing */
    bool may_be_corrupt;       /* records or the file were tampered with */
    const struct text *stored; /* a stored string that no detail may show, or null */
};
void client_init(struct client *, struct run *, const struct assay_target *, struct assay_cost);
/* Each is a step. False: it answered something else than ok, which was judged. */
bool client_open(struct client *, bool must_exist);
void client_close(struct client *);
enum assay_answer client_register(struct client *, const struct text *name,
                                  const struct text *password);
/* A new store at the cheapest cost with one drawn account. Rejects the run when the target refuses
 * the name or the password, as is its right. */
void client_with_account(struct client *, struct run *, const struct assay_target *,
                         struct text *ret_name, struct text *ret_password);
enum assay_answer client_login(struct client *, const struct text *name,
                               const struct text *password);
/* The same for a session: a token, empty unless the answer is ok. */
enum assay_answer client_login_session(struct client *, const struct text *name,
                                       const struct text *password, struct text *ret_token);
enum assay_answer client_check(struct client *, const struct text *token, struct text *ret_name);
enum assay_answer client_revoke(struct client *, const struct text *token);
enum assay_answer client_change(struct client *, const struct text *name, const struct text *before,
                                const struct text *after);
enum assay_answer client_remove(struct client *, const struct text *name,
                                const struct text *password);
/* Judges a reply that was got otherwise. `no` is the answer by which this operation says no. */
enum assay_answer client_judge(struct client *, const char *operation, const struct assay_reply *,
                               const struct text *secret, enum assay_answer no);
/* The reply to the last operation. */
const struct assay_reply *client_reply(void);

/* One call of hash(), neither a step nor judged. */
struct assay_reply plain_hash(struct run *, const struct assay_target *, struct assay_cost,
                              const struct text *password, struct text *ret_encoded);
/* Stored strings. Rejects the run when the target refuses the password, as is its right. */
void stored_hash(struct run *, const struct assay_target *, struct assay_cost,
                 const struct text *password, struct text *ret_encoded);
enum assay_answer stored_verify(struct run *, const struct assay_target *,
                                const struct text *encoded, const struct text *password);
void record_read(struct client *, const struct text *name, struct text *ret_encoded);
void record_write(struct client *, const struct text *name, const struct text *encoded);
/* Whether the target would hash this password at all; its policy may refuse it. Quiet. */
bool would_hash(struct run *, const struct assay_target *, const struct text *password);
/* Each ends the run as UNSUPPORTED unless all of these are there. */
void need_hashing(struct run *, const struct assay_target *);
void need_accounts(struct run *, const struct assay_target *);
void need_records(struct run *, const struct assay_target *);
void need_sessions(struct run *, const struct assay_target *);

/* --- lockout.c
 * ------------------------------------------------------------------------------------------------
 */

/* How many wrong passwords in a row lock an account; unsupported, if none do. */
uint32_t need_lock(struct run *, const struct assay_target *);

/* --- hashing.c, sessions.c
 * --------------------------------------------------------------------------------------
 */

/* Random bytes that were given out since the run began. */
uint64_t random_bytes(void);

/* What may be true of a session: one of these, or both. */
enum { SESSION_LIVES = 1, SESSION_ENDED = 2 };
struct session_state {
    unsigned may;
    bool
        is_revoked; /* which is answered ok only once; but it may be, when it had ended otherwise */
};
/* Whether an answer to a check, or to a revocation, is possible; takes it into account. */
bool session_is_revoked(struct session_state *, enum assay_answer);
bool session_fits(struct session_state *, enum assay_answer);
/* An operation that ends it was answered so. */
void session_ends(struct session_state *, enum assay_answer);

/* What is demanded of where a target keeps these; see enum assay_kept. */
enum assay_kept lockout_kept(const struct assay_traits *);
enum assay_kept sessions_kept(const struct assay_traits *);

/* --- model.c
 * --------------------------------------------------------------------------------------------------
 */

#define MODEL_PASSWORDS_MAX 8
#define MODEL_PENDING_MAX   8
#define MODEL_STATES_MAX    512

/* The states that one account may be in (evidence: possible(u, t)): each answered operation
 * happened once; each that was answered `unavailable` happens once or never, at any moment after it
 * was asked for. */
struct model {
    const struct assay_traits *traits;
    uint32_t password_count, pending_count, state_count;
    bool overflow;              /* more than can be kept: from now on every answer is explained */
    uint32_t attempts_since_ok; /* answered neither ok nor refused */
    uint32_t attempts_open;     /* answered unavailable: counted at any later moment, or never */
    const struct text *passwords[MODEL_PASSWORDS_MAX];
    struct pending {
        int8_t before, after; /* index of a password, or MODEL_ABSENT */
    } pending[MODEL_PENDING_MAX];
    struct state {
        int8_t current;
        uint8_t open; /* one bit for each pending operation that has not happened */
    } states[MODEL_STATES_MAX];
};
#define MODEL_ABSENT (-1)
void model_init(struct model *, const struct assay_traits *);
/* Each says whether the answer can be explained, and takes it into account. Texts must outlive the
 * model. */
bool model_register(struct model *, enum assay_answer, const struct text *password);
bool model_login(struct model *, enum assay_answer, const struct text *password);
bool model_change(struct model *, enum assay_answer, const struct text *before,
                  const struct text *after);
bool model_remove(struct model *, enum assay_answer, const struct text *password);
/* An attempt that was answered, but tells nothing about the password: it may count for a lock. The
 * three above do this themselves. */
void model_attempt(struct model *, enum assay_answer);
/* What it could be now, in words: "absent", "one of 2 passwords or absent". */
const char *model_text(const struct model *, char *ret, size_t size);

/* --- work.c
 * ---------------------------------------------------------------------------------------------------
 */

/* What was asked of key derivation functions since the run began. */
struct work {
    uint64_t calls;      /* of them, and of what they allocate and map */
    uint64_t kib_passes; /* memory times passes, where the call says it */
};
struct work work_so_far(void);
struct work work_since(struct work before);
bool same_work(struct work, struct work);

/* --- vectors.c
 * ------------------------------------------------------------------------------------------------
 */

/* A row of crypt(3) of one of these schemes (bits of enum assay_scheme), or null. */
const char *legacy_row(uint32_t schemes);

/* --- rot.c
 * ----------------------------------------------------------------------------------------------------
 */

/* The pages of a file on SQLite's default VFS, as they are now; freed when the run ends. False:
 * there is no such file. */
struct file_image {
    int64_t count;
    uint8_t *pages;
};
bool rot_remember(struct run *, const char *path, struct file_image *ret_image);
/* Changes drawn bytes or pages of it. */
bool rot_file(struct run *, const char *path, const struct file_image *earlier,
              uint32_t *ret_changed);
#define ACCOUNTS_PATH "accounts.db"

#endif
