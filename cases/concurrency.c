/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: concurrency.
 *
 * Two or three clients work on an account, or on two, at the same time. Which of them runs is a
 * choice at each edge, so a race is found, replayed and shrunk like anything else. What they were
 * answered must fit some order in which one came after the other; and what is true afterwards must
 * fit the same order. Nobody demands which one. An order knows the passwords that each account may
 * have and the sessions that may live.
 *
 * A count of wrong passwords is decided when an answer is given: however many guess at once, no
 * more are denied than one after the other. That is counted, since the model of passwords only
 * knows when a lock may be.
 */
#include <string.h>

#include "cases/cases.h"

#define NAMES       2
#define PASSWORDS   3
#define CLIENTS_MAX 3
#define ORDERS      6 /* of three deeds */
#define SESSIONS    (1 + CLIENTS_MAX)

/* Chance tries what has more than two preemptions; mostly that is concurrency.any_three's. */
#define FEW_BY_CHANCE 50

enum operation_kind { REGISTER, LOGIN, CHANGE, REMOVE, CHECK_SESSION, REVOKE, OPERATION_KINDS };

/* What one client does, and what it was answered. */
struct deed {
    enum operation_kind kind;
    size_t who;            /* index of a name; what is done to a session is done to the first's */
    size_t password, next; /* indices; `next` is the new password of a change */
    bool wants_session;    /* of a login */
    struct assay_reply reply;
};

/* What is true if the deeds happened in one order. */
struct order {
    struct model models[NAMES];
    struct session_state sessions[SESSIONS];
};

struct meeting {
    struct run *run;
    const struct subject *subject;
    struct text names[NAMES], passwords[PASSWORDS];
    struct client clients[CLIENTS_MAX];
    struct deed deeds[CLIENTS_MAX];
    size_t count, names_used;
    bool has_session, one_each;          /* a login ends the session before it, as a target may */
    struct text tokens[SESSIONS];        /* one that was there before, and one of each deed */
    struct order before, orders[ORDERS]; /* those that still explain everything */
    size_t order_count;
};

/* --- What is done, on a thread of its own ----------------------------------------------------- */

static void does_register(struct meeting *meeting, struct client *client, struct deed *deed)
{
    client->table->register_account(client->handle, text_bytes(&meeting->names[deed->who]),
                                    text_bytes(&meeting->passwords[deed->password]), &deed->reply);
}

static void does_login(struct meeting *meeting, struct client *client, struct deed *deed)
{
    struct text *token = &meeting->tokens[1 + (deed - meeting->deeds)];
    struct assay_text room = {(char *)token->bytes, sizeof token->bytes, 0};
    client->table->login(client->handle, text_bytes(&meeting->names[deed->who]),
                         text_bytes(&meeting->passwords[deed->password]),
                         deed->wants_session ? &room : NULL, &deed->reply);
    token->size = room.size;
}

static void does_change(struct meeting *meeting, struct client *client, struct deed *deed)
{
    client->table->change_password(client->handle, text_bytes(&meeting->names[deed->who]),
                                   text_bytes(&meeting->passwords[deed->password]),
                                   text_bytes(&meeting->passwords[deed->next]), &deed->reply);
}

static void does_remove(struct meeting *meeting, struct client *client, struct deed *deed)
{
    client->table->remove_account(client->handle, text_bytes(&meeting->names[deed->who]),
                                  text_bytes(&meeting->passwords[deed->password]), &deed->reply);
}

static void does_check(struct meeting *meeting, struct client *client, struct deed *deed)
{
    struct text said;
    struct assay_text room = {(char *)said.bytes, sizeof said.bytes, 0};
    client->table->session_check(client->handle, text_bytes(&meeting->tokens[0]), &room,
                                 &deed->reply);
}

static void does_revoke(struct meeting *meeting, struct client *client, struct deed *deed)
{
    client->table->session_revoke(client->handle, text_bytes(&meeting->tokens[0]), &deed->reply);
}

/* --- What an answer means --------------------------------------------------------------------- */

/* What ends all sessions of an account; those that are begun later may end, too, if it may still
 * happen. */
static void all_end(struct order *order, const struct meeting *meeting, const struct deed *deed)
{
    for (size_t i = 0; i < SESSIONS; i++) {
        size_t owner = i == 0 ? 0 : meeting->deeds[i - 1].who;
        bool is_begun = order->sessions[i].may != 0;
        if (owner == deed->who && (is_begun || deed->reply.answer == ASSAY_UNAVAILABLE))
            session_ends(&order->sessions[i], deed->reply.answer);
    }
}

static bool means_register(struct order *order, const struct meeting *meeting,
                           const struct deed *deed)
{
    return model_register(&order->models[deed->who], deed->reply.answer,
                          &meeting->passwords[deed->password]);
}

static bool means_login(struct order *order, const struct meeting *meeting, const struct deed *deed)
{
    const struct deed pushes_out = {.who = deed->who, .reply = {.answer = ASSAY_UNAVAILABLE}};
    if (deed->wants_session && deed->reply.answer == ASSAY_OK) {
        order->sessions[1 + (deed - meeting->deeds)].may |= SESSION_LIVES;
        if (meeting->one_each)
            all_end(order, meeting, &pushes_out);
    }
    return model_login(&order->models[deed->who], deed->reply.answer,
                       &meeting->passwords[deed->password]);
}

static bool means_change(struct order *order, const struct meeting *meeting,
                         const struct deed *deed)
{
    if (!meeting->subject->target->traits.sessions_outlive_change)
        all_end(order, meeting, deed);
    return model_change(&order->models[deed->who], deed->reply.answer,
                        &meeting->passwords[deed->password], &meeting->passwords[deed->next]);
}

static bool means_remove(struct order *order, const struct meeting *meeting,
                         const struct deed *deed)
{
    all_end(order, meeting, deed);
    return model_remove(&order->models[deed->who], deed->reply.answer,
                        &meeting->passwords[deed->password]);
}

static bool means_check(struct order *order, const struct meeting *meeting, const struct deed *deed)
{
    (void)meeting;
    return session_fits(&order->sessions[0], deed->reply.answer);
}

static bool means_revoke(struct order *order, const struct meeting *meeting,
                         const struct deed *deed)
{
    (void)meeting;
    return session_is_revoked(&order->sessions[0], deed->reply.answer);
}

static const struct {
    const char *word;
    enum assay_answer no; /* by which it says no */
    void (*does)(struct meeting *, struct client *, struct deed *);
    bool (*means)(struct order *, const struct meeting *, const struct deed *);
} kinds[OPERATION_KINDS] = {
    [REGISTER] = {"register", ASSAY_EXISTS, does_register, means_register},
    [LOGIN] = {"login", ASSAY_DENIED, does_login, means_login},
    [CHANGE] = {"change", ASSAY_DENIED, does_change, means_change},
    [REMOVE] = {"remove", ASSAY_DENIED, does_remove, means_remove},
    [CHECK_SESSION] = {"session_check", ASSAY_DENIED, does_check, means_check},
    [REVOKE] = {"session_revoke", ASSAY_DENIED, does_revoke, means_revoke},
};

static bool is_of_session(const struct deed *deed)
{
    return deed->kind == CHECK_SESSION || deed->kind == REVOKE || deed->wants_session;
}

/* Runs on a thread of its own: calls, and writes down. */
static void act(void *context, uint32_t thread)
{
    struct meeting *meeting = context;
    struct deed *deed = &meeting->deeds[thread];
    bool has_password = deed->kind != CHECK_SESSION && deed->kind != REVOKE;
    kinds[deed->kind].does(meeting, &meeting->clients[thread], deed);
    tell(meeting->run, "client %u: %s %s%s%s%s%s: %s", thread + 1, kinds[deed->kind].word,
         QUOTED_TEXT(&meeting->names[deed->who]), has_password ? " with password " : "",
         has_password ? QUOTED_TEXT(&meeting->passwords[deed->password]) : "",
         deed->kind == CHANGE ? " to " : "",
         deed->kind == CHANGE ? QUOTED_TEXT(&meeting->passwords[deed->next]) : "",
         REPLY_TEXT(&deed->reply));
}

/* Keeps what each order of the deeds leads to, where it explains all answers. */
static void keep_orders(struct meeting *meeting)
{
    static const uint8_t orders[ORDERS][CLIENTS_MAX] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1},
                                                        {2, 0, 1}, {1, 2, 0}, {2, 1, 0}};
    meeting->order_count = 0;
    for (size_t i = 0; i < (meeting->count == 2 ? 2 : ORDERS); i++) {
        struct order *order = &meeting->orders[meeting->order_count];
        bool explained = true;
        *order = meeting->before;
        for (size_t j = 0; j < meeting->count && explained; j++) {
            const struct deed *deed = &meeting->deeds[orders[i][j]];
            explained = kinds[deed->kind].means(order, meeting, deed);
        }
        meeting->order_count += explained;
    }
}

/* Once more, as the last thing that happened. */
static void keep_explaining(struct meeting *meeting, size_t who, enum assay_answer answer,
                            const struct text *password)
{
    size_t kept = 0;
    for (size_t i = 0; i < meeting->order_count; i++)
        if (model_login(&meeting->orders[i].models[who], answer, password))
            meeting->orders[kept++] = meeting->orders[i];
    CHECK(meeting->run, kept > 0,
          "afterwards the password %s of %s is answered %s, which fits no order of what happened",
          QUOTED_TEXT(password), QUOTED_TEXT(&meeting->names[who]), REPLY_TEXT(client_reply()));
    meeting->order_count = kept;
}

static void keep_session(struct meeting *meeting, size_t session, enum assay_answer answer)
{
    size_t kept = 0;
    for (size_t i = 0; i < meeting->order_count; i++)
        if (session_fits(&meeting->orders[i].sessions[session], answer))
            meeting->orders[kept++] = meeting->orders[i];
    CHECK(meeting->run, kept > 0,
          "afterwards the session is answered %s, which fits no order of what happened",
          REPLY_TEXT(client_reply()));
    meeting->order_count = kept;
}

/* --- Before and after ------------------------------------------------------------------------- */

/* One handle for each client, or one for all where the target declares that it serves several
 * threads. */
static void open_clients(struct meeting *meeting, struct assay_cost cost)
{
    const struct assay_target *target = meeting->subject->target;
    for (size_t i = 0; i < meeting->count; i++) {
        client_init(&meeting->clients[i], meeting->run, target, cost);
        meeting->clients[i].may_be_busy = meeting->clients[i].others_act = true;
        if (i > 0 && target->traits.shared_handle)
            meeting->clients[i].handle = meeting->clients[0].handle;
        else if (!client_open(&meeting->clients[i], true))
            unsupported(meeting->run, "room for several open handles");
    }
}

static void judge_replies(struct meeting *meeting)
{
    for (size_t i = 0; i < meeting->count; i++) {
        const struct deed *deed = &meeting->deeds[i];
        client_judge(&meeting->clients[i], kinds[deed->kind].word, &deed->reply,
                     &meeting->passwords[deed->password], kinds[deed->kind].no);
    }
    for (size_t i = 0; i < meeting->count; i++)
        meeting->clients[i].others_act = false;
}

static bool has_begun(const struct meeting *meeting, size_t session)
{
    if (session == 0)
        return meeting->has_session;
    const struct deed *deed = &meeting->deeds[session - 1];
    return session <= meeting->count && deed->wants_session && deed->reply.answer == ASSAY_OK;
}

static void judge_meeting(struct meeting *meeting)
{
    struct text said;
    judge_replies(meeting);
    keep_orders(meeting);
    CHECK(meeting->run, meeting->order_count > 0,
          "no order of these operations gives these answers: %s, %s%s%s",
          answer_name(meeting->deeds[0].reply.answer), answer_name(meeting->deeds[1].reply.answer),
          meeting->count > 2 ? ", " : "",
          meeting->count > 2 ? answer_name(meeting->deeds[2].reply.answer) : "");
    for (size_t i = 0; i < SESSIONS; i++)
        if (has_begun(meeting, i))
            keep_session(meeting, i,
                         client_check(&meeting->clients[0], &meeting->tokens[i], &said));
    for (size_t who = 0; who < meeting->names_used; who++)
        for (size_t i = 0; i < PASSWORDS; i++)
            keep_explaining(
                meeting, who,
                client_login(&meeting->clients[0], &meeting->names[who], &meeting->passwords[i]),
                &meeting->passwords[i]);
}

static void need_deed(struct run *run, const struct assay_target *target, const struct deed *deed)
{
    if (deed->kind == CHANGE && !target->change_password)
        unsupported(run, "change_password");
    if (deed->kind == REMOVE && !target->remove_account)
        unsupported(run, "remove_account");
    if (!is_of_session(deed))
        return;
    need_sessions(run, target);
    if (sessions_kept(&target->traits) == ASSAY_KEPT_IN_HANDLE && !target->traits.shared_handle)
        unsupported(run, "sessions that every handle knows (traits.sessions_kept)");
}

static void meeting_init(struct meeting *meeting, struct run *run, const struct subject *subject,
                         const struct deed *deeds, size_t count)
{
    const struct assay_traits *traits = &subject->target->traits;
    need_accounts(run, subject->target);
    if (traits->stale_window_ms > 0)
        unsupported(run, "one truth for all handles: it declares a stale window");
    *meeting = (struct meeting){.run = run, .subject = subject, .count = count, .names_used = 1};
    for (size_t i = 0; i < count; i++) {
        need_deed(run, subject->target, &deeds[i]);
        meeting->deeds[i] = deeds[i];
        meeting->deeds[i].reply.answer = ASSAY_ANSWERS;
        meeting->has_session |= is_of_session(&deeds[i]);
        if (deeds[i].who >= meeting->names_used)
            meeting->names_used = deeds[i].who + 1;
    }
    for (size_t i = 0; i < NAMES; i++) {
        simple_name(traits, (uint8_t)('a' + i), &meeting->names[i]);
        model_init(&meeting->before.models[i], traits);
    }
    for (size_t i = 0; i < PASSWORDS; i++)
        simple_password(traits, (uint8_t)('a' + i), &meeting->passwords[i]);
}

/* The accounts that are there before, each with the first password. */
static void registers(struct meeting *meeting, struct client *client)
{
    for (size_t i = 0; i < meeting->names_used; i++)
        if (!model_register(&meeting->before.models[i],
                            client_register(client, &meeting->names[i], &meeting->passwords[0]),
                            &meeting->passwords[0]))
            reject(meeting->run);
}

/* A session of the first account, and another one, which shows whether a target lets one account
 * have two. */
static void begins_session(struct meeting *meeting, struct client *client)
{
    struct text another, said;
    struct text *const tokens[] = {&meeting->tokens[0], &another};
    for (size_t i = 0; i < 2; i++)
        CHECK(meeting->run,
              client_login_session(client, &meeting->names[0], &meeting->passwords[0], tokens[i]) ==
                  ASSAY_OK,
              "a right password is answered %s", REPLY_TEXT(client_reply()));
    meeting->one_each = client_check(client, &meeting->tokens[0], &said) != ASSAY_OK;
    meeting->before.sessions[0].may = meeting->one_each ? SESSION_ENDED : SESSION_LIVES;
}

/* Sets the stage (accounts, unless the name is to be free), lets everybody act, and judges. */
static void meet_at(struct run *run, const struct subject *subject, bool registered,
                    struct assay_cost cost, const struct deed *deeds, size_t count)
{
    static struct meeting meeting; /* large; every run begins by filling it */
    struct client first;
    meeting_init(&meeting, run, subject, deeds, count);
    meeting.has_session &= registered;
    client_init(&first, run, subject->writer, cheapest_cost(&subject->target->traits));
    client_open(&first, false);
    if (registered)
        registers(&meeting, &first);
    if (meeting.has_session)
        begins_session(&meeting, &first);
    client_close(&first);
    open_clients(&meeting, cost);
    step(run, "together");
    schedule(run, (uint32_t)count, act, &meeting);
    judge_meeting(&meeting);
}

/* At another cost than the accounts were made at, so that a login has something to write. */
static void meet(struct run *run, const struct subject *subject, bool registered,
                 const struct deed *deeds, size_t count)
{
    struct assay_cost dearer = cheapest_cost(&subject->target->traits);
    dearer.passes += dearer.passes > 0;
    meet_at(run, subject, registered, dearer, deeds, count);
}

/* --- Passwords -------------------------------------------------------------------------------- */

static void two_registrations(struct run *run, const void *subject)
{
    static const struct deed deeds[] = {{.kind = REGISTER, .password = 0},
                                        {.kind = REGISTER, .password = 1}};
    meet(run, subject, false, deeds, 2);
}
const struct test_case concurrency_two_registrations = {
    .name = "concurrency.two_registrations",
    .shows = "of two that register one name at the same time, one gets it, with its own password",
    .requirements = "A-15.4.1 A-15.4.2",
    .stands_for = "check-then-insert, a name that two people own",
    .techniques = BIT(SCHEDULE) | BIT(PROPERTY),
    .weight = FEW_BY_CHANCE,
    .body = two_registrations,
};

static void two_changes(struct run *run, const void *subject)
{
    static const struct deed deeds[] = {{.kind = CHANGE, .password = 0, .next = 1},
                                        {.kind = CHANGE, .password = 0, .next = 2}};
    meet(run, subject, true, deeds, 2);
}
const struct test_case concurrency_two_changes = {
    .name = "concurrency.two_changes",
    .shows = "of two that change one password at the same time, one succeeds, and its new password "
             "is the one that counts",
    .requirements = "A-15.4.2 A-2.3.3",
    .stands_for = "a lost update of a credential",
    .techniques = BIT(SCHEDULE) | BIT(PROPERTY),
    .weight = FEW_BY_CHANCE,
    .body = two_changes,
};

static void rehash_and_change(struct run *run, const void *subject)
{
    static const struct deed deeds[] = {{.kind = LOGIN, .password = 0},
                                        {.kind = CHANGE, .password = 0, .next = 1}};
    meet(run, subject, true, deeds, 2);
}
const struct test_case concurrency_rehash_and_change = {
    .name = "concurrency.rehash_and_change",
    .shows = "a login that hashes the old password again never undoes a change made meanwhile",
    .requirements = "O-03 A-15.4.2",
    .stands_for = "a rehash that writes over a newer password",
    .techniques = BIT(SCHEDULE) | BIT(PROPERTY),
    .weight = FEW_BY_CHANCE,
    .body = rehash_and_change,
};

static void remove_and_change(struct run *run, const void *subject)
{
    static const struct deed deeds[] = {{.kind = REMOVE, .password = 0},
                                        {.kind = CHANGE, .password = 0, .next = 1}};
    meet(run, subject, true, deeds, 2);
}
const struct test_case concurrency_remove_and_change = {
    .name = "concurrency.remove_and_change",
    .shows =
        "of a removal and a change at the same time, one succeeds, and a removed account stays "
        "removed",
    .requirements = "A-15.4.2",
    .stands_for = "an account that comes back with a new password",
    .techniques = BIT(SCHEDULE) | BIT(PROPERTY),
    .weight = FEW_BY_CHANCE,
    .body = remove_and_change,
};

static void right_and_wrong(struct run *run, const void *subject)
{
    static const struct deed deeds[] = {{.kind = LOGIN, .password = 0},
                                        {.kind = LOGIN, .password = 1}};
    meet(run, subject, true, deeds, 2);
}
const struct test_case concurrency_right_and_wrong = {
    .name = "concurrency.right_and_wrong",
    .shows = "a right and a wrong password at the same time each get their own verdict",
    .requirements = "A-15.4.1",
    .stands_for = "a buffer that two logins share",
    .techniques = BIT(SCHEDULE) | BIT(PROPERTY),
    .weight = FEW_BY_CHANCE,
    .body = right_and_wrong,
};

static void two_names(struct run *run, const void *context)
{
    static const struct deed deeds[] = {{.kind = LOGIN, .who = 1, .password = 0},
                                        {.kind = CHANGE, .who = 0, .password = 0, .next = 1}};
    const struct subject *subject = context;
    meet_at(run, subject, true, cheapest_cost(&subject->target->traits), deeds, 2);
}
const struct test_case concurrency_two_names = {
    .name = "concurrency.two_names",
    .shows = "what two clients do to two accounts at the same time is done to each as if it were "
             "alone",
    .requirements = "A-15.4.1",
    .stands_for = "CVE-2013-1895: a buffer for names, or a statement, that two clients share",
    .techniques = BIT(SCHEDULE),
    .body = two_names,
};

static void right_twice(struct run *run, const void *subject)
{
    static const struct deed deeds[] = {{.kind = LOGIN, .password = 0},
                                        {.kind = LOGIN, .password = 0}};
    meet(run, subject, true, deeds, 2);
}
const struct test_case concurrency_right_twice = {
    .name = "concurrency.right_twice",
    .shows = "one right password used twice at the same time is right twice",
    .requirements = "A-15.4.1 A-15.4.2",
    .stands_for = "logins that fail when it is busy: of two that renew one hash, the second is "
                  "told that its password was wrong",
    .techniques = BIT(SCHEDULE),
    .body = right_twice,
};

/* What the target has not, a login stands for. */
static bool is_possible(const struct deed *deed, const struct assay_target *target, bool registered)
{
    bool has_sessions = registered && target->session_check && target->session_revoke &&
                        sessions_kept(&target->traits) != ASSAY_KEPT_IN_HANDLE;
    if (is_of_session(deed))
        return has_sessions;
    return (deed->kind != CHANGE || target->change_password) &&
           (deed->kind != REMOVE || target->remove_account);
}

static void any_three(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct deed deeds[CLIENTS_MAX] = {{.reply = {.answer = ASSAY_ANSWERS}}};
    bool registered = draw(run, 0, 3, 0) > 0;
    size_t count = 2 + draw_index(run, 2);
    for (size_t i = 0; i < count; i++) {
        uint32_t span = span_begin(run, "deed");
        deeds[i].kind = (enum operation_kind)draw_index(run, OPERATION_KINDS);
        deeds[i].who = draw_weighted(run, (const uint32_t[]){7, 1}, NAMES);
        deeds[i].password = draw_index(run, PASSWORDS);
        deeds[i].next = draw_index(run, PASSWORDS);
        deeds[i].wants_session = draw_index(run, 2) == 1 && deeds[i].kind == LOGIN;
        span_end(run, span);
        if (!is_possible(&deeds[i], subject->target, registered))
            deeds[i] = (struct deed){.kind = LOGIN, .password = deeds[i].password};
    }
    meet(run, subject, registered, deeds, count);
}
const struct test_case concurrency_any_three = {
    .name = "concurrency.any_three",
    .shows = "whatever two or three clients do to accounts and sessions at the same time, the "
             "answers fit some order",
    .requirements = "A-15.4.1 A-15.4.2",
    .stands_for = "races nobody thought of",
    .techniques = BIT(PROPERTY),
    .weight = 100,
    .body = any_three,
};

/* Three hashes at once, two of the right password, and memory for two and a half of them. */
static void short_of_memory(struct run *run, const void *context)
{
    static struct meeting meeting; /* large; every run begins by filling it */
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    const struct assay_cost cost = cheapest_cost(&target->traits);
    const uint16_t mapping = operation_named("memory.map");
    need_accounts(run, target);
    meeting = (struct meeting){.run = run, .subject = subject, .count = 3};
    simple_name(&target->traits, 'a', &meeting.names[0]);
    simple_password(&target->traits, 'a', &meeting.passwords[0]);
    simple_password(&target->traits, 'b', &meeting.passwords[1]);
    struct client first;
    client_init(&first, run, target, cost);
    client_open(&first, false);
    if (client_register(&first, &meeting.names[0], &meeting.passwords[0]) != ASSAY_OK)
        reject(run);
    client_close(&first);
    uint64_t one_hash = edge_held_most(mapping);
    if (one_hash == 0)
        unsupported(run, "a KDF whose memory is seen");
    open_clients(&meeting, cost);
    edge_allow(mapping, 2 * one_hash + one_hash / 2);
    for (size_t i = 0; i < meeting.count; i++)
        meeting.deeds[i] =
            (struct deed){.kind = LOGIN, .password = i == 2, .reply = {.answer = ASSAY_ANSWERS}};
    step(run, "together");
    schedule(run, (uint32_t)meeting.count, act, &meeting);
    for (size_t i = 0; i < meeting.count; i++) {
        const struct deed *deed = &meeting.deeds[i];
        client_judge(&meeting.clients[i], "login", &deed->reply, &meeting.passwords[deed->password],
                     ASSAY_DENIED);
        CHECK(run, deed->reply.answer != (deed->password == 0 ? ASSAY_DENIED : ASSAY_OK),
              "memory is short, and client %zu with the %s password is answered %s", i + 1,
              deed->password == 0 ? "right" : "wrong", REPLY_TEXT(&deed->reply));
    }
    if (edge_refused(mapping) > 0)
        label(run, "memory was short");
    edge_allow(mapping, UINT64_MAX);
    CHECK(run,
          client_login(&meeting.clients[0], &meeting.names[0], &meeting.passwords[0]) == ASSAY_OK,
          "there is memory again, but login answers %s", REPLY_TEXT(client_reply()));
}
const struct test_case concurrency_short_of_memory = {
    .name = "concurrency.short_of_memory",
    .shows = "when all hashes together get too little memory, one is unavailable for that reason, "
             "and no right password is denied",
    .requirements = "A-16.5.2 X-01",
    .stands_for = "the incident: out of memory under load, answered as a wrong password",
    .techniques = BIT(SCHEDULE),
    .body = short_of_memory,
};

/* --- Hashing ---------------------------------------------------------------------------------- */

/* Each client has a password and its hash, verifies one, and makes another. */
struct hashing {
    const struct assay_target *target;
    struct assay_cost cost;
    struct text passwords[2], stored, made[2];
    struct assay_reply verified[2], hashed[2];
};

static void hashes(void *context, uint32_t thread)
{
    struct hashing *hashing = context;
    const struct assay_config config = {.size = sizeof config, .cost = hashing->cost};
    struct assay_bytes password = text_bytes(&hashing->passwords[thread]);
    struct text *made = &hashing->made[thread];
    struct assay_text room = {(char *)made->bytes, ASSAY_ENCODED_BYTES_MAX, 0};
    hashing->target->verify(text_bytes(&hashing->stored), password, &hashing->verified[thread]);
    hashing->target->hash(&config, password, &room, &hashing->hashed[thread]);
    made->size = room.size <= room.capacity ? room.size : 0;
}

static bool is_short(const struct assay_reply *reply)
{
    return reply->answer == ASSAY_UNAVAILABLE;
}

static void two_hashes(struct run *run, const void *context)
{
    static struct hashing hashing; /* large; every run begins by filling it */
    const struct assay_target *target = ((const struct subject *)context)->target;
    struct client client;
    need_hashing(run, target);
    memset(&hashing, 0, sizeof hashing);
    hashing.target = target;
    hashing.cost = cheapest_cost(&target->traits);
    for (size_t i = 0; i < 2; i++) {
        simple_password(&target->traits, (uint8_t)('a' + i), &hashing.passwords[i]);
        hashing.verified[i].answer = hashing.hashed[i].answer = ASSAY_ANSWERS;
    }
    stored_hash(run, target, hashing.cost, &hashing.passwords[0], &hashing.stored);
    client_init(&client, run, target, hashing.cost);
    client.others_act = true;
    step(run, "together");
    schedule(run, 2, hashes, &hashing);
    for (size_t i = 0; i < 2; i++) {
        client_judge(&client, "verify", &hashing.verified[i], &hashing.passwords[i], ASSAY_DENIED);
        client_judge(&client, "hash", &hashing.hashed[i], &hashing.passwords[i], ASSAY_REFUSED);
        CHECK(run,
              is_short(&hashing.verified[i]) ||
                  hashing.verified[i].answer == (i == 0 ? ASSAY_OK : ASSAY_DENIED),
              "beside another one the %s password is answered %s", i == 0 ? "right" : "wrong",
              REPLY_TEXT(&hashing.verified[i]));
    }
    for (size_t i = 0; i < 4; i++)
        if (!is_short(&hashing.hashed[i / 2]))
            CHECK(run,
                  stored_verify(run, target, &hashing.made[i / 2], &hashing.passwords[i % 2]) ==
                      (i / 2 == i % 2 ? ASSAY_OK : ASSAY_DENIED),
                  "a hash that was made beside another one answers %s", REPLY_TEXT(client_reply()));
}
const struct test_case concurrency_two_hashes = {
    .name = "concurrency.two_hashes",
    .shows = "two that hash and verify at the same time each get their own verdict and their own "
             "hash",
    .requirements = "A-15.4.1",
    .stands_for = "CVE-2013-1895: a static buffer in the hashing, so that a wrong password logs in "
                  "beside a right one",
    .techniques = BIT(SCHEDULE),
    .body = two_hashes,
};

/* --- Sessions --------------------------------------------------------------------------------- */

static void session_and_change(struct run *run, const void *context)
{
    static const struct deed deeds[] = {{.kind = LOGIN, .password = 0, .wants_session = true},
                                        {.kind = CHANGE, .password = 0, .next = 1}};
    const struct subject *subject = context;
    meet_at(run, subject, true, cheapest_cost(&subject->target->traits), deeds, 2);
}
const struct test_case concurrency_session_and_change = {
    .name = "concurrency.session_and_change",
    .shows =
        "a session that was begun with the old password, while it is changed, does not outlive "
        "the change",
    .requirements = "A-7.4.3 A-15.4.2",
    .stands_for = "the thief who logs in at the moment in which he is locked out, and stays",
    .techniques = BIT(SCHEDULE),
    .body = session_and_change,
};

static void check_and_rehash(struct run *run, const void *subject)
{
    static const struct deed deeds[] = {{.kind = CHECK_SESSION}, {.kind = LOGIN, .password = 0}};
    meet(run, subject, true, deeds, 2);
}
const struct test_case concurrency_check_and_rehash = {
    .name = "concurrency.check_and_rehash",
    .shows = "a session goes on while a login of the same account renews its hash",
    .requirements = "O-03 A-15.4.2",
    .stands_for = "sessions that get lost when a cost is raised",
    .techniques = BIT(SCHEDULE),
    .body = check_and_rehash,
};

static void two_revocations(struct run *run, const void *subject)
{
    static const struct deed deeds[] = {{.kind = REVOKE}, {.kind = REVOKE}};
    meet(run, subject, true, deeds, 2);
}
const struct test_case concurrency_two_revocations = {
    .name = "concurrency.two_revocations",
    .shows = "of two that revoke one session at the same time, one does",
    .requirements = "A-6.5.1 A-15.4.2",
    .stands_for = "something to be used once that two can use",
    .techniques = BIT(SCHEDULE),
    .body = two_revocations,
};

/* --- Guesses ---------------------------------------------------------------------------------- */

/* All tries but one are used up. Returns how many are allowed. */
static uint32_t uses_up(struct meeting *meeting, struct client *client)
{
    uint32_t limit = meeting->subject->target->traits.lockout_attempts;
    for (uint32_t i = 0; i + 1 < limit; i++)
        CHECK(meeting->run,
              client_login(client, &meeting->names[0], &meeting->passwords[1 + i % 2]) ==
                  ASSAY_DENIED,
              "wrong password %u of the %u that are allowed is answered %s", i + 1, limit,
              REPLY_TEXT(client_reply()));
    return limit;
}

/* Goes on alone, until it is locked. */
static void goes_on(struct meeting *meeting, uint32_t denials, uint32_t limit)
{
    struct client *client = &meeting->clients[0];
    enum assay_answer answer = ASSAY_DENIED;
    for (uint32_t i = 0; i <= limit && answer != ASSAY_LOCKED; i++) {
        CHECK(meeting->run, denials <= limit,
              "%u wrong passwords in a row are denied, some of them at the same time, and %u are "
              "allowed",
              denials, limit);
        answer = client_login(client, &meeting->names[0], &meeting->passwords[1 + i % 2]);
        denials += answer == ASSAY_DENIED;
    }
    CHECK(meeting->run, answer == ASSAY_LOCKED, "however many wrong passwords, no lock comes");
    CHECK(meeting->run,
          client_login(client, &meeting->names[0], &meeting->passwords[0]) == ASSAY_LOCKED,
          "a locked account answers the right password %s", REPLY_TEXT(client_reply()));
}

/* With one try left several try, one of them perhaps with the right password. If that is answered
 * ok, it came before all others, since one wrong password before it would have locked it out. */
static void last_try(struct run *run, const struct subject *subject, const struct deed *deeds,
                     size_t count)
{
    static struct meeting meeting; /* large; every run begins by filling it */
    struct client first;
    (void)need_lock(run, subject->target);
    meeting_init(&meeting, run, subject, deeds, count);
    if (subject->target->traits.hides_lockout ||
        lockout_kept(&subject->target->traits) == ASSAY_KEPT_IN_HANDLE)
        unsupported(run, "a lock that shows, and that every handle knows (traits.lockout_kept)");
    client_init(&first, run, subject->target, cheapest_cost(&subject->target->traits));
    client_open(&first, false);
    registers(&meeting, &first);
    uint32_t limit = uses_up(&meeting, &first), denials = limit - 1;
    client_close(&first);
    open_clients(&meeting, first.cost);
    step(run, "together");
    schedule(run, (uint32_t)count, act, &meeting);
    judge_replies(&meeting);
    for (size_t i = 0; i < count; i++)
        if (deeds[i].password == 0) {
            enum assay_answer answer = meeting.deeds[i].reply.answer;
            CHECK(run, answer != ASSAY_DENIED, "a right password is answered denied");
            denials = answer == ASSAY_OK ? 0 : denials;
            if (answer == ASSAY_UNAVAILABLE)
                return; /* whether it counts, and when, nobody can say */
        }
    for (size_t i = 0; i < count; i++)
        denials += meeting.deeds[i].reply.answer == ASSAY_DENIED;
    goes_on(&meeting, denials, limit);
}

static void two_guesses(struct run *run, const void *subject)
{
    static const struct deed deeds[] = {{.kind = LOGIN, .password = 1},
                                        {.kind = LOGIN, .password = 2}};
    last_try(run, subject, deeds, 2);
}
const struct test_case concurrency_two_guesses = {
    .name = "concurrency.two_guesses",
    .shows = "of two that guess at the same time, with one try left, one is told that it was wrong",
    .requirements = "N-13 A-6.3.1 A-15.4.2",
    .stands_for = "CVE-2019-5421: a count that is read before the hash and written after it",
    .techniques = BIT(SCHEDULE),
    .body = two_guesses,
};

static void any_guesses(struct run *run, const void *context)
{
    static const enum operation_kind uses[] = {LOGIN, CHANGE, REMOVE};
    const struct subject *subject = context;
    struct deed deeds[CLIENTS_MAX];
    bool owner = draw_index(run, 2) == 1;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        deeds[i] =
            (struct deed){.kind = uses[draw_index(run, 3)], .password = 1 + i % 2, .next = 2};
        if (!is_possible(&deeds[i], subject->target, true))
            deeds[i].kind = LOGIN;
    }
    if (owner)
        deeds[0] = (struct deed){.kind = LOGIN, .password = 0};
    last_try(run, subject, deeds, CLIENTS_MAX);
}
const struct test_case concurrency_any_guesses = {
    .name = "concurrency.any_guesses",
    .shows = "of three that guess at the same time, by any operation and beside the owner, none "
             "gets a try too many",
    .requirements = "N-13 A-6.3.1 A-6.3.4 A-15.4.2",
    .stands_for = "tries that are counted apart, or lost, when they come at the same time",
    .techniques = BIT(PROPERTY),
    .weight = 25,
    .body = any_guesses,
};
