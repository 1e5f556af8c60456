/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations of a target as steps of a story.
 *
 * Each names a step (faults are counted within it), calls the target, tells what was asked and
 * answered, and has the answer judged. What the answer means for the account is the caller's to
 * say, through the model.
 */
#include <stdio.h>
#include <string.h>

#include "cases/cases.h"

static struct assay_reply last;

const struct assay_reply *client_reply(void)
{
    return &last;
}

void need_hashing(struct run *run, const struct assay_target *table)
{
    if (!table->hash || !table->verify)
        unsupported(run, "hash and verify");
}

void need_accounts(struct run *run, const struct assay_target *table)
{
    if (!table->open || !table->register_account || !table->login)
        unsupported(run, "open, register and login");
}

void need_records(struct run *run, const struct assay_target *table)
{
    need_accounts(run, table);
    if (!table->record_get || !table->record_put)
        unsupported(run, "record_get and record_put");
}

void need_sessions(struct run *run, const struct assay_target *table)
{
    need_accounts(run, table);
    if (!table->session_check || !table->session_revoke)
        unsupported(run, "session_check and session_revoke");
}

/* Handles that are open. A failed check leaves the case's frames at once, so what must be closed is
 * noted here and not there. */
static struct open_handle {
    const struct assay_target *table;
    struct assay_handle *handle;
} open_handles[DEFERRED_MAX];

static void release(void *what)
{
    struct open_handle *open = what;
    if (open->handle)
        open->table->close(open->handle);
    open->handle = NULL;
}

static void note_open(struct client *client)
{
    for (size_t i = 0; i < DEFERRED_MAX; i++)
        if (!open_handles[i].handle) {
            open_handles[i] = (struct open_handle){client->table, client->handle};
            defer(client->run, release, &open_handles[i]);
            return;
        }
}

static void note_closed(const struct client *client)
{
    for (size_t i = 0; i < DEFERRED_MAX; i++)
        if (open_handles[i].handle == client->handle)
            open_handles[i].handle = NULL;
}

void client_init(struct client *client, struct run *run, const struct assay_target *table,
                 struct assay_cost cost)
{
    *client = (struct client){.run = run, .table = table, .cost = cost};
}

static struct assay_config config_of(struct assay_cost cost, bool must_exist)
{
    return (struct assay_config){sizeof(struct assay_config), must_exist, ACCOUNTS_PATH, cost};
}

static void begin(struct client *client, const char *name)
{
    step(client->run, name);
    memset(&last, 0, sizeof last);
    last.answer = ASSAY_ANSWERS; /* an operation that answers nothing is noticed */
}

/* What it is honest to run short of while others work at the same time: admission limits and locks
 * of the target's own are shared. */
static bool is_shared(const struct assay_cause *cause)
{
    static const struct assay_cause shared[] = {{ASSAY_LAYER_HASHING, ASSAY_REASON_MEMORY},
                                                {ASSAY_LAYER_HASHING, ASSAY_REASON_BUSY},
                                                {ASSAY_LAYER_HASHING, ASSAY_REASON_LIMIT},
                                                {ASSAY_LAYER_INTERNAL, ASSAY_REASON_BUSY},
                                                {ASSAY_LAYER_STORAGE, ASSAY_REASON_TIMEOUT}};
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
        if (shared[i].layer == cause->layer && shared[i].reason == cause->reason)
            return true;
    return false;
}

static enum assay_answer judge(struct client *client, const char *operation,
                               const struct text *secret)
{
    bool busy = last.answer == ASSAY_UNAVAILABLE && last.cause.layer == ASSAY_LAYER_STORAGE &&
                last.cause.reason == ASSAY_REASON_BUSY;
    if (client->may_be_busy && busy)
        return last.answer;
    if (client->others_act && last.answer == ASSAY_UNAVAILABLE && is_shared(&last.cause))
        return last.answer;
    if (client->may_be_corrupt)
        judge_reply_of_record(client->run, &last, operation, secret);
    else
        judge_reply(client->run, &last, operation, secret);
    return last.answer;
}

bool client_open(struct client *client, bool must_exist)
{
    const struct assay_config config = config_of(client->cost, must_exist);
    struct assay_handle *handle = NULL;
    begin(client, "open");
    client->table->open(&config, &handle, &last);
    client->handle = handle;
    if (handle)
        note_open(client);
    tell(client->run, "open the accounts at cost m=%u t=%u%s: %s", client->cost.memory_kib,
         client->cost.passes, must_exist ? ", they must exist" : "", REPLY_TEXT(&last));
    enum assay_answer answer = judge(client, "open", NULL);
    CHECK(client->run, (answer == ASSAY_OK) == (handle != NULL), "open answers %s and %s a handle",
          REPLY_TEXT(&last), handle ? "gives" : "does not give");
    CHECK(client->run, answer == ASSAY_OK || answer == ASSAY_UNAVAILABLE, "open answers %s",
          REPLY_TEXT(&last));
    return answer == ASSAY_OK;
}

void client_close(struct client *client)
{
    if (!client->handle)
        return;
    step(client->run, "close");
    note_closed(client);
    client->table->close(client->handle);
    client->handle = NULL;
    tell(client->run, "close");
}

/* Which answers an operation may give at all. */
static enum assay_answer judge_kind(struct client *client, const char *operation,
                                    const struct text *secret, enum assay_answer no)
{
    enum assay_answer answer = judge(client, operation, secret);
    if (client->stored)
        judge_hidden(client->run, &last, operation, client->stored);
    CHECK(client->run,
          answer == ASSAY_OK || answer == no || answer == ASSAY_REFUSED ||
              answer == ASSAY_UNAVAILABLE || answer == ASSAY_LOCKED,
          "%s answers %s, which it cannot mean", operation, REPLY_TEXT(&last));
    return answer;
}

enum assay_answer client_judge(struct client *client, const char *operation,
                               const struct assay_reply *reply, const struct text *secret,
                               enum assay_answer no)
{
    last = *reply;
    return judge_kind(client, operation, secret, no);
}

/* Takes over what an operation wrote. */
static void take_text(struct run *run, const struct assay_text *from, struct text *ret,
                      const char *operation)
{
    CHECK(run, from->size <= from->capacity, "%s says that it wrote %zu bytes into a buffer of %zu",
          operation, from->size, from->capacity);
    ret->size = from->size;
    note_answer(run, ret->bytes, ret->size);
}

enum assay_answer client_register(struct client *client, const struct text *name,
                                  const struct text *password)
{
    begin(client, "register");
    client->table->register_account(client->handle, text_bytes(name), text_bytes(password), &last);
    tell(client->run, "register %s with password %s: %s", QUOTED_TEXT(name), QUOTED_TEXT(password),
         REPLY_TEXT(&last));
    return judge_kind(client, "register", password, ASSAY_EXISTS);
}

void client_with_account(struct client *client, struct run *run, const struct assay_target *table,
                         struct text *ret_name, struct text *ret_password)
{
    need_accounts(run, table);
    client_init(client, run, table, cheapest_cost(&table->traits));
    draw_name(run, &table->traits, ret_name);
    draw_password(run, &table->traits, ret_password);
    client_open(client, false);
    if (client_register(client, ret_name, ret_password) != ASSAY_OK)
        reject(run);
}

enum assay_answer client_login(struct client *client, const struct text *name,
                               const struct text *password)
{
    begin(client, "login");
    client->table->login(client->handle, text_bytes(name), text_bytes(password), NULL, &last);
    tell(client->run, "log in as %s with password %s: %s", QUOTED_TEXT(name), QUOTED_TEXT(password),
         REPLY_TEXT(&last));
    return judge_kind(client, "login", password, ASSAY_DENIED);
}

enum assay_answer client_login_session(struct client *client, const struct text *name,
                                       const struct text *password, struct text *ret_token)
{
    struct assay_text room = {(char *)ret_token->bytes, sizeof ret_token->bytes, 0};
    begin(client, "login");
    client->table->login(client->handle, text_bytes(name), text_bytes(password), &room, &last);
    tell(client->run, "log in as %s with password %s, for a session: %s", QUOTED_TEXT(name),
         QUOTED_TEXT(password), REPLY_TEXT(&last));
    enum assay_answer answer = judge_kind(client, "login", password, ASSAY_DENIED);
    take_text(client->run, &room, ret_token, "login");
    CHECK(client->run, answer != ASSAY_OK || ret_token->size > 0,
          "login answers ok and gives an empty token");
    if (answer != ASSAY_OK)
        ret_token->size = 0;
    return answer;
}

enum assay_answer client_check(struct client *client, const struct text *token,
                               struct text *ret_name)
{
    struct assay_text room = {(char *)ret_name->bytes, sizeof ret_name->bytes, 0};
    begin(client, "session_check");
    client->table->session_check(client->handle, text_bytes(token), &room, &last);
    take_text(client->run, &room, ret_name, "session_check");
    tell(client->run, "check session %s: %s", QUOTED_TEXT(token), REPLY_TEXT(&last));
    return judge_kind(client, "session_check", token, ASSAY_DENIED);
}

enum assay_answer client_revoke(struct client *client, const struct text *token)
{
    begin(client, "session_revoke");
    client->table->session_revoke(client->handle, text_bytes(token), &last);
    tell(client->run, "revoke session %s: %s", QUOTED_TEXT(token), REPLY_TEXT(&last));
    return judge_kind(client, "session_revoke", token, ASSAY_DENIED);
}

enum assay_answer client_change(struct client *client, const struct text *name,
                                const struct text *before, const struct text *after)
{
    begin(client, "change");
    if (!client->table->change_password)
        unsupported(client->run, "change_password");
    client->table->change_password(client->handle, text_bytes(name), text_bytes(before),
                                   text_bytes(after), &last);
    tell(client->run, "change the password of %s from %s to %s: %s", QUOTED_TEXT(name),
         QUOTED_TEXT(before), QUOTED_TEXT(after), REPLY_TEXT(&last));
    judge_kind(client, "change", before, ASSAY_DENIED);
    return judge_kind(client, "change", after, ASSAY_DENIED);
}

enum assay_answer client_remove(struct client *client, const struct text *name,
                                const struct text *password)
{
    begin(client, "remove");
    if (!client->table->remove_account)
        unsupported(client->run, "remove_account");
    client->table->remove_account(client->handle, text_bytes(name), text_bytes(password), &last);
    tell(client->run, "remove %s with password %s: %s", QUOTED_TEXT(name), QUOTED_TEXT(password),
         REPLY_TEXT(&last));
    return judge_kind(client, "remove", password, ASSAY_DENIED);
}

static struct assay_text room_in(struct text *text)
{
    return (struct assay_text){(char *)text->bytes, ASSAY_ENCODED_BYTES_MAX, 0};
}

struct assay_reply plain_hash(struct run *run, const struct assay_target *table,
                              struct assay_cost cost, const struct text *password,
                              struct text *ret_encoded)
{
    const struct assay_config config = config_of(cost, false);
    struct assay_text room = room_in(ret_encoded);
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    table->hash(&config, text_bytes(password), &room, &reply);
    take_text(run, &room, ret_encoded, "hash");
    return reply;
}

bool would_hash(struct run *run, const struct assay_target *table, const struct text *password)
{
    struct text ignored;
    bool was_quiet = edge_quiet(true);
    struct assay_reply reply =
        plain_hash(run, table, cheapest_cost(&table->traits), password, &ignored);
    edge_quiet(was_quiet);
    return reply.answer == ASSAY_OK;
}

void stored_hash(struct run *run, const struct assay_target *table, struct assay_cost cost,
                 const struct text *password, struct text *ret_encoded)
{
    step(run, "hash");
    last = plain_hash(run, table, cost, password, ret_encoded);
    tell(run, "hash password %s at cost m=%u t=%u: %s, %s", QUOTED_TEXT(password), cost.memory_kib,
         cost.passes, REPLY_TEXT(&last), QUOTED_TEXT(ret_encoded));
    judge_reply(run, &last, "hash", password);
    if (last.answer == ASSAY_REFUSED)
        reject(run);
    CHECK(run, last.answer == ASSAY_OK, "hash answers %s for a password within the declared limits",
          REPLY_TEXT(&last));
    CHECK(run, ret_encoded->size > 0, "hash answers ok and gives an empty string");
}

enum assay_answer stored_verify(struct run *run, const struct assay_target *table,
                                const struct text *encoded, const struct text *password)
{
    step(run, "verify");
    last = (struct assay_reply){.answer = ASSAY_ANSWERS};
    table->verify(text_bytes(encoded), text_bytes(password), &last);
    tell(run, "verify password %s against %s: %s", QUOTED_TEXT(password), QUOTED_TEXT(encoded),
         REPLY_TEXT(&last));
    judge_reply_of_record(run, &last, "verify", password);
    judge_hidden(run, &last, "verify", encoded);
    return last.answer;
}

void record_read(struct client *client, const struct text *name, struct text *ret_encoded)
{
    struct assay_text room = room_in(ret_encoded);
    begin(client, "record_get");
    client->table->record_get(client->handle, text_bytes(name), &room, &last);
    take_text(client->run, &room, ret_encoded, "record_get");
    tell(client->run, "read the record of %s: %s", QUOTED_TEXT(name), QUOTED_TEXT(ret_encoded));
    judge_reply(client->run, &last, "record_get", NULL);
    CHECK(client->run, last.answer == ASSAY_OK, "record_get answers %s for an account that exists",
          REPLY_TEXT(&last));
}

void record_write(struct client *client, const struct text *name, const struct text *encoded)
{
    begin(client, "record_put");
    client->table->record_put(client->handle, text_bytes(name), text_bytes(encoded), &last);
    tell(client->run, "write %s into the record of %s: %s", QUOTED_TEXT(encoded), QUOTED_TEXT(name),
         REPLY_TEXT(&last));
    judge_reply(client->run, &last, "record_put", NULL);
    if (last.answer == ASSAY_REFUSED)
        reject(client->run);
    CHECK(client->run, last.answer == ASSAY_OK, "record_put answers %s", REPLY_TEXT(&last));
}

enum assay_kept lockout_kept(const struct assay_traits *traits)
{
    return traits->lockout_kept == ASSAY_KEPT_NOT_SAID ? ASSAY_KEPT_IN_STORE : traits->lockout_kept;
}

enum assay_kept sessions_kept(const struct assay_traits *traits)
{
    return traits->sessions_kept == ASSAY_KEPT_NOT_SAID ? ASSAY_KEPT_IN_HANDLE
                                                        : traits->sessions_kept;
}
