/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: sessions.
 *
 * A token is a password that the target has chosen: nobody can guess it, nothing that is nearly it
 * is as good, and it tells of one account. It works until the session ends, and never again. A
 * session ends when it is revoked, when its time is over, when its account is removed, and, unless
 * declared otherwise, when the password is changed; also when the account comes back under the same
 * name with the same password. It ends by nothing else: not by other people's sessions, by a
 * change that was denied, by a new hash of the same password, or by a restart, as far as the target
 * declares where it keeps its sessions.
 *
 * For each session it is kept whether it may live and whether it may have ended. An operation that
 * could not be answered may have ended it, or not; every answer must be possible, and what is
 * possible becomes less by it. So it is judged with faults, too.
 *
 * Not judged: how many sessions an account may have, beyond two; what a session is worth when the
 * wall clock is put back; how a token is transported. Several clients at once are in concurrency.c,
 * power cuts in powercut.c.
 */
#include <stdio.h>
#include <string.h>

#include "cases/cases.h"

#define CLIENTS      2u
#define YEAR_SECONDS 31557600u /* that a fault puts the clock on by */

bool session_fits(struct session_state *session, enum assay_answer answer)
{
    if (answer != ASSAY_OK && answer != ASSAY_DENIED)
        return true;
    unsigned now = answer == ASSAY_OK ? SESSION_LIVES : SESSION_ENDED;
    if (!(session->may & now))
        return false;
    session->may = now;
    return true;
}

bool session_is_revoked(struct session_state *session, enum assay_answer answer)
{
    bool is_possible = answer == ASSAY_OK
                           ? !session->is_revoked
                           : answer != ASSAY_DENIED || (session->may & SESSION_ENDED) != 0;
    session->is_revoked |= answer == ASSAY_OK;
    session_ends(session, answer == ASSAY_DENIED ? ASSAY_OK : answer);
    return is_possible;
}

void session_ends(struct session_state *session, enum assay_answer answer)
{
    if (answer == ASSAY_OK)
        session->may = SESSION_ENDED;
    else if (answer == ASSAY_UNAVAILABLE)
        session->may |= SESSION_ENDED;
}

/* A session as its owner has it. */
struct visit {
    struct text token;
    struct session_state state;
};

/* Two accounts with one password, and their sessions. */
struct company {
    struct run *run;
    const struct assay_target *target;
    const struct assay_traits *traits;
    struct client clients[CLIENTS];
    struct text name, other, right, next, wrong;
    struct visit first, second, others; /* two of the one account, one of the other */
    bool clock_fails;                   /* at some time in this run: it may end any session */
};

static void company_init(struct company *company, struct run *run, const struct subject *subject)
{
    const struct assay_traits *traits = &subject->target->traits;
    need_sessions(run, subject->target);
    memset(company, 0, sizeof *company);
    company->run = run;
    company->target = subject->target;
    company->traits = traits;
    simple_name(traits, 'a', &company->name);
    simple_name(traits, 'o', &company->other);
    simple_password(traits, 'a', &company->right);
    simple_password(traits, 'b', &company->next);
    simple_password(traits, 'c', &company->wrong);
    for (size_t i = 0; i < CLIENTS; i++)
        client_init(&company->clients[i], run, subject->target, cheapest_cost(traits));
}

/* The second handle is opened when it is first used; a target may have room for one only. */
static struct client *client_at(struct company *company, size_t index)
{
    struct client *clients = company->clients;
    if (index == 0 || sessions_kept(company->traits) == ASSAY_KEPT_IN_HANDLE)
        return &clients[0];
    clients[0].may_be_busy = clients[1].may_be_busy = true;
    if (clients[1].handle || client_open(&clients[1], true))
        return &clients[1];
    return &clients[0];
}

/* False: its sessions do not outlive that. */
static bool restart(struct company *company, struct assay_cost cost)
{
    if (sessions_kept(company->traits) == ASSAY_KEPT_IN_HANDLE)
        return false;
    for (size_t i = CLIENTS; i-- > 0;)
        client_close(&company->clients[i]);
    company->clients[0].may_be_busy = false;
    company->clients[0].cost = cost;
    client_open(&company->clients[0], true);
    return true;
}

static void registers(struct company *company, struct client *client, const struct text *name)
{
    enum assay_answer answer = client_register(client, name, &company->right);
    if (answer == ASSAY_REFUSED)
        reject(company->run);
    CHECK(company->run, answer == ASSAY_OK, "a name that nobody has is answered %s",
          REPLY_TEXT(client_reply()));
}

static void begins(struct company *company, struct client *client, const struct text *name,
                   struct visit *ret)
{
    enum assay_answer answer = client_login_session(client, name, &company->right, &ret->token);
    CHECK(company->run, answer == ASSAY_OK, "a right password is answered %s",
          REPLY_TEXT(client_reply()));
    ret->state.may = SESSION_LIVES;
}

/* Whether it lives, by an answer that must be possible, and, if so, that it is of this name. */
static enum assay_answer looks(struct company *company, struct client *client,
                               struct visit *session, const struct text *name, const char *what)
{
    struct text said;
    enum assay_answer answer = client_check(client, &session->token, &said);
    if (company->clock_fails)
        session->state.may |= SESSION_ENDED;
    CHECK_AS(company->run, answer == ASSAY_OK ? CONSEQUENCE_FAIL_OPEN : CONSEQUENCE_WRONG_ANSWER,
             session_fits(&session->state, answer), "%s is answered %s", what,
             REPLY_TEXT(client_reply()));
    CHECK(company->run, answer != ASSAY_OK || same_name(company->traits, &said, name),
          "a session of %s is said to be one of %s", QUOTED_TEXT(name), QUOTED_TEXT(&said));
    return answer;
}

/* Accounts and sessions, before anything happens. */
static void set_up(struct company *company, struct run *run, const struct subject *subject)
{
    struct text said;
    struct client *client = &company->clients[0];
    company_init(company, run, subject);
    bool was_quiet = edge_quiet(true);
    client_open(client, false);
    registers(company, client, &company->name);
    registers(company, client, &company->other);
    begins(company, client, &company->name, &company->first);
    begins(company, client, &company->name, &company->second);
    begins(company, client, &company->other, &company->others);
    if (client_check(client, &company->first.token, &said) == ASSAY_DENIED)
        unsupported(run, "two sessions of one account at once");
    (void)looks(company, client, &company->second, &company->name, "a new session");
    (void)looks(company, client, &company->others, &company->other, "a new session");
    edge_quiet(was_quiet);
}

/* --- Tokens ----------------------------------------------------------------------------------- */

#define TOKENS 6u

/* As many random bytes as are promised were asked for to make it. */
static void judge_entropy(struct company *company, uint64_t drawn)
{
    if (company->traits->controlled_entropy)
        CHECK(company->run, drawn >= company->traits->session_bytes,
              "a session is begun with %llu random bytes, and %u are promised",
              (unsigned long long)drawn, company->traits->session_bytes);
}

static void tokens(struct run *run, const void *context)
{
    static struct visit sessions[TOKENS];
    struct company company;
    struct client *client = &company.clients[0];
    company_init(&company, run, context);
    draw_name(run, company.traits, &company.name);
    draw_password(run, company.traits, &company.right);
    client_open(client, false);
    if (same_name(company.traits, &company.name, &company.other) ||
        client_register(client, &company.name, &company.right) != ASSAY_OK ||
        client_register(client, &company.other, &company.right) != ASSAY_OK)
        reject(run);
    for (size_t i = 0; i < TOKENS; i++) {
        const struct text *name = i % 2 ? &company.other : &company.name;
        uint64_t before = random_bytes();
        begins(&company, client, name, &sessions[i]);
        judge_entropy(&company, random_bytes() - before);
        for (size_t j = 0; j < i; j++)
            CHECK(run, !same_text(&sessions[i].token, &sessions[j].token),
                  "sessions %zu and %zu have one token", j + 1, i + 1);
        (void)looks(&company, client, &sessions[i], name, "a new session");
    }
}
const struct test_case sessions_tokens = {
    .name = "sessions.tokens",
    .shows = "each login gives a new token, made with as many random bytes as are promised, which "
             "tells of its own account",
    .requirements = "A-7.2.3 A-7.2.4 A-11.5.1",
    .stands_for = "tokens that can be guessed, that two people share, or that are handed out twice",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .weight = 25,
    .body = tokens,
};

/* Nearly the token of a session, and yet not it. */
static void refused(struct company *company, const struct text *token, const char *what)
{
    struct text name;
    struct assay_text room = {(char *)name.bytes, sizeof name.bytes, 0};
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    struct client *client = &company->clients[0];
    client->table->session_check(client->handle, text_bytes(token), &room, &reply);
    CHECK_AS(company->run, CONSEQUENCE_FAIL_OPEN,
             client_judge(client, "session_check", &reply, token, ASSAY_DENIED) != ASSAY_OK,
             "a token with %s, %s, is answered ok", what, QUOTED_TEXT(token));
}

/* Whether one is only another spelling of the other, where the target declares that it reads such.
 */
static bool may_be_spelling(const struct company *company, uint8_t before, uint8_t after)
{
    return company->traits->other_spellings && (before ^ after) == 0x20;
}

static void other_bits(struct company *company, const struct text *token)
{
    struct text other = *token;
    for (size_t i = 0; i < token->size * 8; i++) {
        other.bytes[i / 8] = token->bytes[i / 8] ^ (uint8_t)(1u << i % 8);
        if (!may_be_spelling(company, token->bytes[i / 8], other.bytes[i / 8]))
            refused(company, &other, "another bit");
        other.bytes[i / 8] = token->bytes[i / 8];
    }
}

static void other_sizes(struct company *company, const struct text *token)
{
    static const struct {
        const char *end;
        size_t size;
    } ends[] = {{"\0", 1}, {"A", 1},  {"0", 1},    {"=", 1}, {"==", 2},
                {" ", 1},  {"\n", 1}, {"\r\n", 2}, {".", 1}, {"%00", 3}};
    struct text other = *token;
    for (size_t size = 0; size < token->size; size++) {
        other.size = size;
        refused(company, &other, "its end cut off");
        other = *token;
        other.size--;
        memmove(other.bytes + size, token->bytes + size + 1, token->size - size - 1);
        refused(company, &other, "a byte left out");
        other = *token;
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        other = *token;
        text_add(&other, ends[i].end, ends[i].size);
        refused(company, &other, "something behind it");
        other.size = 0;
        text_add(&other, ends[i].end, ends[i].size);
        text_add(&other, token->bytes, token->size);
        refused(company, &other, "something before it");
    }
    other = *token;
    text_add(&other, token->bytes, token->size);
    refused(company, &other, "itself behind it");
}

/* The first half of one token and the second half of another one. */
static void two_halves(struct company *company, const struct text *one, const struct text *two)
{
    struct text both = *one;
    if (one->size != two->size)
        return;
    memcpy(both.bytes + both.size / 2, two->bytes + both.size / 2, both.size - both.size / 2);
    if (!same_text(&both, one) && !same_text(&both, two))
        refused(company, &both, "half of another one in it");
}

static void changed_tokens(struct run *run, const void *context)
{
    struct company company;
    struct text other;
    set_up(&company, run, context);
    const struct text *token = &company.first.token;
    if (token->size > TEXT_BYTES_MAX / 2)
        unsupported(run, "tokens of a size that can be tried in all their parts");
    step(run, "changed tokens");
    other_bits(&company, token);
    other_sizes(&company, token);
    two_halves(&company, token, &company.second.token);
    two_halves(&company, token, &company.others.token);
    other = *token;
    other.bytes[0] ^= 1;
    CHECK(run, client_revoke(&company.clients[0], &other) != ASSAY_OK,
          "a token with another first bit revokes a session");
    (void)looks(&company, &company.clients[0], &company.first, &company.name,
                "after all that, the session itself");
}
const struct test_case sessions_changed_tokens = {
    .name = "sessions.changed_tokens",
    .shows = "a token with any other bit, cut short, lengthened or mixed with another one is no "
             "session",
    .requirements = "A-7.2.3",
    .stands_for = "tokens compared in part, or decoded too kindly",
    .techniques = BIT(VECTORS),
    .body = changed_tokens,
};

/* --- Every way to end ------------------------------------------------------------------------- */

enum fate_of_session { STAYS, ENDS, ENDS_BY_CHANGE };

/* By an answer that must be possible. */
static void revokes(struct company *company, struct client *client, struct visit *session)
{
    enum assay_answer answer = client_revoke(client, &session->token);
    if (company->clock_fails)
        session->state.may |= SESSION_ENDED;
    CHECK(company->run, session_is_revoked(&session->state, answer),
          "revoking a session is answered %s", REPLY_TEXT(client_reply()));
}

static void revoke_first(struct company *company, struct client *client)
{
    revokes(company, client, &company->first);
}

static bool change_from(struct company *company, struct client *client, const struct text *before,
                        const struct text *after)
{
    if (!company->target->change_password)
        unsupported(company->run, "change_password");
    enum assay_answer answer = client_change(client, &company->name, before, after);
    if (answer == ASSAY_REFUSED)
        reject(company->run);
    return answer == ASSAY_OK;
}

static void change(struct company *company, struct client *client)
{
    CHECK(company->run, change_from(company, client, &company->right, &company->next),
          "a change is answered %s", REPLY_TEXT(client_reply()));
}

static void change_and_back(struct company *company, struct client *client)
{
    change(company, client);
    CHECK(company->run, change_from(company, client, &company->next, &company->right),
          "a change back is answered %s", REPLY_TEXT(client_reply()));
}

static void remove_name(struct company *company, struct client *client, const struct text *name)
{
    if (!company->target->remove_account)
        unsupported(company->run, "remove_account");
    CHECK(company->run, client_remove(client, name, &company->right) == ASSAY_OK,
          "a removal is answered %s", REPLY_TEXT(client_reply()));
}

static void remove_account(struct company *company, struct client *client)
{
    remove_name(company, client, &company->name);
}

static void remove_and_register(struct company *company, struct client *client)
{
    remove_name(company, client, &company->name);
    registers(company, client, &company->name);
}

static void let_time_pass(struct company *company, struct client *client)
{
    uint64_t seconds = company->traits->session_seconds;
    struct text said;
    if (seconds == 0)
        unsupported(company->run, "sessions that end (traits.session_seconds)");
    time_passes(company->run, seconds / 2);
    (void)client_check(client, &company->first.token, &said); /* which does not prolong it */
    time_passes(company->run, seconds - seconds / 2 + 1);
}

/* Nothing of this ends a session of somebody else's. */
static void denials(struct company *company, struct client *client)
{
    struct text said;
    if (company->target->change_password)
        CHECK(company->run, !change_from(company, client, &company->wrong, &company->next),
              "a wrong password changes the password");
    if (company->target->remove_account)
        CHECK(company->run, client_remove(client, &company->name, &company->wrong) != ASSAY_OK,
              "a wrong password removes the account");
    (void)client_login_session(client, &company->name, &company->wrong, &said);
    CHECK(company->run, client_register(client, &company->name, &company->right) != ASSAY_OK,
          "a name that is taken can be registered");
}

/* Another cost: the login renews the hash of the same password. */
static void renewed_hash(struct company *company, struct client *client)
{
    struct assay_cost cost = cheapest_cost(company->traits);
    cost.passes += cost.passes > 0;
    if (!restart(company, cost))
        unsupported(company->run, "sessions that outlive a handle");
    (void)client;
    CHECK(company->run,
          client_login(&company->clients[0], &company->name, &company->right) == ASSAY_OK,
          "a right password is answered %s", REPLY_TEXT(client_reply()));
}

static void remove_other(struct company *company, struct client *client)
{
    remove_name(company, client, &company->other);
}

static const struct {
    const char *name;
    void (*act)(struct company *, struct client *);
    enum fate_of_session first, second, others;
} events[] = {
    {"a revocation", revoke_first, ENDS, STAYS, STAYS},
    {"a change", change, ENDS_BY_CHANGE, ENDS_BY_CHANGE, STAYS},
    {"a change, and back", change_and_back, ENDS_BY_CHANGE, ENDS_BY_CHANGE, STAYS},
    {"a removal", remove_account, ENDS, ENDS, STAYS},
    {"a removal and a new registration", remove_and_register, ENDS, ENDS, STAYS},
    {"its time", let_time_pass, ENDS, ENDS, ENDS},
    {"what was denied", denials, STAYS, STAYS, STAYS},
    {"a new hash of the password", renewed_hash, STAYS, STAYS, STAYS},
    {"a removal of another account", remove_other, STAYS, STAYS, ENDS},
};
#define EVENTS (sizeof events / sizeof *events)

static void meets(struct company *company, struct visit *session, enum fate_of_session fate)
{
    if (fate == ENDS || (fate == ENDS_BY_CHANGE && !company->traits->sessions_outlive_change))
        session->state.may = SESSION_ENDED;
    else if (fate == ENDS_BY_CHANGE)
        session->state.may = SESSION_LIVES;
}

/* What is over is over: it does not come back with the next login, and can be revoked once. */
static void stays_ended(struct company *company, struct client *client)
{
    struct visit new = {.state.may = SESSION_LIVES};
    if (company->first.state.may != SESSION_ENDED)
        return;
    revokes(company, client, &company->first);
    revokes(company, client, &company->first);
    if (client_login_session(client, &company->name, &company->right, &new.token) == ASSAY_OK)
        (void)looks(company, client, &new, &company->name, "a new session");
    (void)looks(company, client, &company->first, &company->name,
                "a session that had ended, after a new login,");
}

static void every_end(struct run *run, const void *context)
{
    struct company company;
    char what[64];
    size_t event = draw_factor(run, EVENTS), acts = draw_factor(run, CLIENTS),
           seen = draw_factor(run, CLIENTS), restarts = draw_factor(run, 2);
    set_up(&company, run, context);
    if (seen)
        (void)looks(&company, client_at(&company, 1), &company.first, &company.name,
                    "a session on another handle");
    events[event].act(&company, client_at(&company, acts));
    meets(&company, &company.first, events[event].first);
    meets(&company, &company.second, events[event].second);
    meets(&company, &company.others, events[event].others);
    if (restarts)
        (void)restart(&company, company.clients[0].cost);
    struct client *client = client_at(&company, seen);
    snprintf(what, sizeof what, "a session, after %s,", events[event].name);
    (void)looks(&company, client, &company.first, &company.name, what);
    (void)looks(&company, client, &company.second, &company.name, what);
    (void)looks(&company, client, &company.others, &company.other, what);
    stays_ended(&company, client);
}
const struct test_case sessions_every_end = {
    .name = "sessions.every_end",
    .shows =
        "a session ends by revocation, change, removal and time, on every handle and for good, "
        "and by nothing else",
    .requirements = "A-7.2.4 A-7.4.2 A-7.4.3 A-6.5.1",
    .stands_for = "logged out and still inside: sessions that outlive their account, or serve the "
                  "next owner of its name",
    .techniques = BIT(EXHAUSTIVE),
    .body = every_end,
};

/* --- Any history ------------------------------------------------------------------------------ */

#define ACCOUNTS      2u
#define SESSIONS_KEPT 6u

struct life {
    struct company company;
    struct client *client;
    bool exists[ACCOUNTS];
    struct held {
        struct visit session;
        size_t account;
        bool is_there;
    } held[SESSIONS_KEPT];
    size_t next;
    uint32_t ended; /* sessions that were seen to have ended */
};

static const struct text *name_at(const struct life *life, size_t account)
{
    return account ? &life->company.other : &life->company.name;
}

static struct client *some_client(struct life *life)
{
    return client_at(&life->company, draw_index(life->company.run, CLIENTS));
}

static void all_end(struct life *life, size_t account)
{
    for (size_t i = 0; i < SESSIONS_KEPT; i++)
        if (life->held[i].account == account)
            life->held[i].session.state.may = SESSION_ENDED;
}

/* Beyond two of one account the older ones may have to go. */
static void crowd(struct life *life, size_t account, const struct held *except)
{
    uint32_t alive = 0;
    for (size_t i = 0; i < SESSIONS_KEPT; i++)
        alive +=
            life->held[i].account == account && life->held[i].session.state.may != SESSION_ENDED;
    for (size_t i = 0; alive > 2 && i < SESSIONS_KEPT; i++)
        if (life->held[i].account == account && &life->held[i] != except &&
            life->held[i].session.state.may == SESSION_LIVES)
            life->held[i].session.state.may |= SESSION_ENDED;
}

static void act_begin(struct run *run, void *context)
{
    struct life *life = context;
    size_t account = draw_index(run, ACCOUNTS);
    struct held *held = &life->held[life->next++ % SESSIONS_KEPT];
    struct client *client = some_client(life);
    enum assay_answer answer = client_login_session(client, name_at(life, account),
                                                    &life->company.right, &held->session.token);
    held->account = account;
    held->is_there = answer == ASSAY_OK;
    held->session.state.may = SESSION_LIVES;
    held->session.state.is_revoked = false;
    CHECK(run, (answer == ASSAY_OK) == life->exists[account],
          "the account %s, and its password is answered %s",
          life->exists[account] ? "is there" : "is not there", REPLY_TEXT(client_reply()));
    crowd(life, account, held);
}

/* One that was begun once, or null. */
static struct held *some_session(struct life *life)
{
    uint64_t alive = 0;
    for (size_t i = 0; i < SESSIONS_KEPT; i++)
        alive |= (uint64_t)life->held[i].is_there << i;
    struct held *held = &life->held[draw_object(life->company.run, alive, SESSIONS_KEPT)];
    return held->is_there ? held : NULL;
}

static void act_check(struct run *run, void *context)
{
    (void)run;
    struct life *life = context;
    struct held *held = some_session(life);
    struct client *client = some_client(life);
    if (held)
        life->ended += looks(&life->company, client, &held->session, name_at(life, held->account),
                             "a session") == ASSAY_DENIED;
}

static void act_revoke(struct run *run, void *context)
{
    (void)run;
    struct life *life = context;
    struct held *held = some_session(life);
    struct client *client = some_client(life);
    if (held)
        revokes(&life->company, client, &held->session);
}

static void act_change(struct run *run, void *context)
{
    struct life *life = context;
    size_t account = draw_index(run, ACCOUNTS);
    const struct text *right = &life->company.right;
    enum assay_answer answer =
        client_change(some_client(life), name_at(life, account), right, right);
    if (answer == ASSAY_OK && !life->company.traits->sessions_outlive_change)
        all_end(life, account);
}

static void act_remove(struct run *run, void *context)
{
    struct life *life = context;
    size_t account = draw_index(run, ACCOUNTS);
    struct client *client = some_client(life);
    if (client_remove(client, name_at(life, account), &life->company.right) != ASSAY_OK)
        return;
    life->exists[account] = false;
    all_end(life, account);
}

static void act_register(struct run *run, void *context)
{
    struct life *life = context;
    size_t account = draw_index(run, ACCOUNTS);
    struct client *client = some_client(life);
    life->exists[account] |=
        client_register(client, name_at(life, account), &life->company.right) == ASSAY_OK;
}

static void act_restart(struct run *run, void *context)
{
    (void)run;
    struct life *life = context;
    (void)restart(&life->company, life->company.clients[0].cost);
}

static void act_wait(struct run *run, void *context)
{
    struct life *life = context;
    time_passes(run, life->company.traits->session_seconds + UINT64_C(1));
    for (size_t i = 0; i < ACCOUNTS; i++)
        all_end(life, i);
}

static bool can_change(const void *life)
{
    return ((const struct life *)life)->company.target->change_password != NULL;
}

static bool can_remove(const void *life)
{
    return ((const struct life *)life)->company.target->remove_account != NULL;
}

static bool can_wait(const void *life)
{
    return ((const struct life *)life)->company.traits->session_seconds > 0;
}

static const struct machine_command commands[] = {
    {.name = "begin", .weight = 3, .act = act_begin},
    {.name = "check", .weight = 4, .act = act_check},
    {.name = "revoke", .weight = 2, .act = act_revoke},
    {.name = "change", .allowed = can_change, .act = act_change},
    {.name = "remove", .allowed = can_remove, .act = act_remove},
    {.name = "register", .weight = 2, .act = act_register},
    {.name = "restart", .act = act_restart},
    {.name = "wait", .allowed = can_wait, .act = act_wait},
};
static const struct machine histories = {
    .commands = commands, .command_count = sizeof commands / sizeof *commands, .steps_max = 16};

static void machine(struct run *run, const void *subject)
{
    static struct life life; /* large; every run begins by filling it */
    memset(&life, 0, sizeof life);
    set_up(&life.company, run, subject);
    life.exists[0] = life.exists[1] = true;
    const struct held held[] = {{life.company.first, 0, true}, {life.company.others, 1, true}};
    memcpy(life.held, held, sizeof held);
    life.next = sizeof held / sizeof *held;
    life.company.second.state.may = 0; /* it may count for a limit, and is not looked at */
    (void)machine_run(run, &histories, &life);
    for (size_t i = 0; i < SESSIONS_KEPT; i++)
        if (life.held[i].is_there)
            life.ended +=
                looks(&life.company, client_at(&life.company, 0), &life.held[i].session,
                      name_at(&life, life.held[i].account), "in the end a session") == ASSAY_DENIED;
    cover(run, 25, life.ended > 0, "a session ended");
}
const struct test_case sessions_machine = {
    .name = "sessions.machine",
    .shows =
        "after any history of two accounts, exactly the sessions that did not end are answered "
        "ok, each with its own account",
    .requirements = "A-7.4.2 A-7.4.3 A-6.5.1",
    .stands_for = "sessions that come back, that are mixed up, or that get lost",
    .techniques = BIT(PROPERTY),
    .weight = 50,
    .body = machine,
};

/* --- With faults ------------------------------------------------------------------------------ */

static void end_in_time(struct run *run, const void *context)
{
    struct company company;
    struct text said;
    uint32_t put_on;
    company_init(&company, run, context);
    if (company.traits->session_seconds == 0 || company.traits->session_seconds >= YEAR_SECONDS)
        unsupported(run, "sessions that end within a year (traits.session_seconds)");
    set_up(&company, run, context);
    struct client *client = &company.clients[0];
    const struct text *token = &company.first.token;
    enum assay_answer answer = client_check(client, token, &said);
    CHECK(run, answer == ASSAY_OK || edge_fired() != 0, "a new session is answered %s",
          REPLY_TEXT(client_reply()));
    bool is_over = clock_was_put_on(&put_on);
    answer = client_check(client, token, &said);
    CHECK(run, !is_over || answer != ASSAY_OK,
          "a session that ends after %u seconds is answered ok a year later",
          company.traits->session_seconds);
    if (client_revoke(client, token) == ASSAY_OK)
        CHECK(run, client_check(client, token, &said) != ASSAY_OK,
              "a revoked session is answered ok");
}
const struct test_case sessions_end_in_time = {
    .name = "sessions.end_in_time",
    .shows = "a session is over when its time is, and when it is revoked, whatever the clock says "
             "then",
    .requirements = "A-7.3.2 A-7.4.1",
    .stands_for = "sessions without an end",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .body = end_in_time,
};

static void look_at_all(struct company *company, const char *what)
{
    struct client *client = &company->clients[0];
    (void)looks(company, client, &company->first, &company->name, what);
    (void)looks(company, client, &company->second, &company->name, what);
    (void)looks(company, client, &company->others, &company->other, what);
}

/* Nothing fails any more: every session has one answer, and the right one. */
static void after_the_outage(struct company *company)
{
    struct client *client = &company->clients[0];
    edge_quiet(true);
    if (company->traits->recovery != ASSAY_RECOVERS_AT_ONCE) {
        if (company->traits->recovery == ASSAY_RECOVERS_AFTER_RESTART ||
            !restart(company, client->cost))
            return;
    }
    look_at_all(company, "after the outage a session");
    CHECK_AS(company->run, CONSEQUENCE_STUCK, client_reply()->answer != ASSAY_UNAVAILABLE,
             "the outage is over, but a session is answered %s", REPLY_TEXT(client_reply()));
}

static void outage(struct run *run, const void *context)
{
    struct company company;
    set_up(&company, run, context);
    struct client *client = &company.clients[0];
    company.clock_fails = clock_fails();
    look_at_all(&company, "a session");
    revokes(&company, client, &company.second);
    look_at_all(&company, "a session");
    if (company.target->change_password) {
        enum assay_answer answer =
            client_change(client, &company.name, &company.right, &company.next);
        if (!company.traits->sessions_outlive_change) {
            session_ends(&company.first.state, answer);
            session_ends(&company.second.state, answer);
        }
    }
    look_at_all(&company, "a session");
    after_the_outage(&company);
}
const struct test_case sessions_outage = {
    .name = "sessions.outage",
    .shows = "while anything fails, no session that has ended is answered ok, none that lives is "
             "denied, and a revocation that was acknowledged holds",
    .requirements = "A-7.4.2 A-16.5.2 A-16.5.3",
    .stands_for = "an outage that logs everybody out, or that lets those in again who had left",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .body = outage,
};
