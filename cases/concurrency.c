/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: concurrency.
 *
 * Two or three clients work on one account at the same time. Which of them runs is a choice at each
 * edge, so a race is found, replayed and shrunk like anything else. What they were answered must
 * fit some order in which one came after the other; and what is true afterwards must fit the same
 * order. Nobody demands which one.
 */
#include <string.h>

#include "cases/cases.h"

#define PASSWORDS 3
#define ORDERS    6 /* of three deeds */

enum operation_kind { REGISTER, LOGIN, CHANGE, REMOVE, OPERATION_KINDS };

/* What one client does, and what it was answered. */
struct deed {
    enum operation_kind kind;
    size_t password, next; /* indices; `next` is the new password of a change */
    struct assay_reply reply;
};

struct meeting {
    struct run *run;
    const struct subject *subject;
    struct text name, passwords[PASSWORDS];
    struct client clients[3];
    struct deed deeds[3];
    size_t count;
    struct model orders[ORDERS]; /* one for each order that still explains everything */
    size_t order_count;
};

static const char *const words[OPERATION_KINDS] = {
    [REGISTER] = "register", [LOGIN] = "login", [CHANGE] = "change", [REMOVE] = "remove"};

/* Runs on a thread of its own: calls, and writes down. */
static void act(void *context, uint32_t thread)
{
    struct meeting *meeting = context;
    struct deed *deed = &meeting->deeds[thread];
    struct client *client = &meeting->clients[thread];
    const struct text *password = &meeting->passwords[deed->password];
    const struct text *next = &meeting->passwords[deed->next];
    struct assay_bytes name = text_bytes(&meeting->name);
    switch (deed->kind) {
    case REGISTER:
        client->table->register_account(client->handle, name, text_bytes(password), &deed->reply);
        break;
    case LOGIN:
        client->table->login(client->handle, name, text_bytes(password), NULL, &deed->reply);
        break;
    case CHANGE:
        client->table->change_password(client->handle, name, text_bytes(password), text_bytes(next),
                                       &deed->reply);
        break;
    default:
        client->table->remove_account(client->handle, name, text_bytes(password), &deed->reply);
        break;
    }
    tell(meeting->run, "client %u: %s %s with password %s%s%s: %s", thread + 1, words[deed->kind],
         QUOTED_TEXT(&meeting->name), QUOTED_TEXT(password), deed->kind == CHANGE ? " to " : "",
         deed->kind == CHANGE ? QUOTED_TEXT(next) : "", REPLY_TEXT(&deed->reply));
}

static bool explains(struct model *model, const struct meeting *meeting, const struct deed *deed)
{
    const struct text *password = &meeting->passwords[deed->password];
    if (deed->kind == REGISTER)
        return model_register(model, deed->reply.answer, password);
    if (deed->kind == LOGIN)
        return model_login(model, deed->reply.answer, password);
    if (deed->kind == CHANGE)
        return model_change(model, deed->reply.answer, password, &meeting->passwords[deed->next]);
    return model_remove(model, deed->reply.answer, password);
}

/* Keeps what each order of the deeds leads to, where it explains all answers. */
static void keep_orders(struct meeting *meeting, const struct model *before)
{
    static const uint8_t orders[ORDERS][3] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1},
                                              {2, 0, 1}, {1, 2, 0}, {2, 1, 0}};
    meeting->order_count = 0;
    for (size_t order = 0; order < (meeting->count == 2 ? 2 : ORDERS); order++) {
        struct model *model = &meeting->orders[meeting->order_count];
        bool explained = true;
        *model = *before;
        for (size_t i = 0; i < meeting->count && explained; i++)
            explained = explains(model, meeting, &meeting->deeds[orders[order][i]]);
        meeting->order_count += explained;
    }
}

static void keep_explaining(struct meeting *meeting, enum assay_answer answer,
                            const struct text *password)
{
    size_t kept = 0;
    for (size_t i = 0; i < meeting->order_count; i++)
        if (model_login(&meeting->orders[i], answer, password))
            meeting->orders[kept++] = meeting->orders[i];
    CHECK(meeting->run, kept > 0,
          "afterwards the password %s is answered %s, which fits no order of what happened",
          QUOTED_TEXT(password), REPLY_TEXT(client_reply()));
    meeting->order_count = kept;
}

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

static void judge_meeting(struct meeting *meeting, const struct model *before)
{
    for (size_t i = 0; i < meeting->count; i++) {
        const struct deed *deed = &meeting->deeds[i];
        client_judge(&meeting->clients[i], words[deed->kind], &deed->reply,
                     &meeting->passwords[deed->password],
                     deed->kind == REGISTER ? ASSAY_EXISTS : ASSAY_DENIED);
    }
    for (size_t i = 0; i < meeting->count; i++)
        meeting->clients[i].others_act = false;
    keep_orders(meeting, before);
    CHECK(meeting->run, meeting->order_count > 0,
          "no order of these operations gives these answers: %s, %s%s%s",
          answer_name(meeting->deeds[0].reply.answer), answer_name(meeting->deeds[1].reply.answer),
          meeting->count > 2 ? ", " : "",
          meeting->count > 2 ? answer_name(meeting->deeds[2].reply.answer) : "");
    for (size_t i = 0; i < PASSWORDS; i++)
        keep_explaining(meeting,
                        client_login(&meeting->clients[0], &meeting->name, &meeting->passwords[i]),
                        &meeting->passwords[i]);
}

static void need_operation(struct run *run, const struct assay_target *target,
                           enum operation_kind kind)
{
    if (kind == CHANGE && !target->change_password)
        unsupported(run, "change_password");
    if (kind == REMOVE && !target->remove_account)
        unsupported(run, "remove_account");
}

/* Sets the stage (an account, unless the name is to be free), lets everybody act, and judges. */
static void meet(struct run *run, const struct subject *subject, bool registered,
                 const struct deed *deeds, size_t count)
{
    static struct meeting meeting; /* large; every run begins by filling it */
    const struct assay_traits *traits = &subject->target->traits;
    struct model before;
    need_accounts(run, subject->target);
    if (traits->stale_window_ms > 0)
        unsupported(run, "one truth for all handles: it declares a stale window");
    meeting = (struct meeting){.run = run, .subject = subject, .count = count};
    for (size_t i = 0; i < count; i++) {
        need_operation(run, subject->target, deeds[i].kind);
        meeting.deeds[i] = deeds[i];
        meeting.deeds[i].reply.answer = ASSAY_ANSWERS;
    }
    simple_name(traits, 'a', &meeting.name);
    for (size_t i = 0; i < PASSWORDS; i++)
        simple_password(traits, (uint8_t)('a' + i), &meeting.passwords[i]);
    model_init(&before, traits);
    struct client first;
    client_init(&first, run, subject->writer, cheapest_cost(traits));
    client_open(&first, false);
    if (registered &&
        !model_register(&before, client_register(&first, &meeting.name, &meeting.passwords[0]),
                        &meeting.passwords[0]))
        reject(run);
    client_close(&first);
    struct assay_cost dearer = cheapest_cost(&subject->target->traits);
    dearer.passes += dearer.passes > 0; /* so that a login has something to write */
    open_clients(&meeting, dearer);
    step(run, "together");
    schedule(run, (uint32_t)count, act, &meeting);
    judge_meeting(&meeting, &before);
}

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
    .body = right_and_wrong,
};

static void any_three(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct deed deeds[3] = {{.reply = {.answer = ASSAY_ANSWERS}}};
    bool registered = draw(run, 0, 3, 0) > 0;
    size_t count = 2 + draw_index(run, 2);
    for (size_t i = 0; i < count; i++) {
        uint32_t span = span_begin(run, "deed");
        deeds[i].kind = (enum operation_kind)draw_index(run, OPERATION_KINDS);
        deeds[i].password = draw_index(run, PASSWORDS);
        deeds[i].next = draw_index(run, PASSWORDS);
        span_end(run, span);
        if ((deeds[i].kind == CHANGE && !subject->target->change_password) ||
            (deeds[i].kind == REMOVE && !subject->target->remove_account))
            deeds[i].kind = LOGIN;
    }
    meet(run, subject, registered, deeds, count);
}
const struct test_case concurrency_any_three = {
    .name = "concurrency.any_three",
    .shows = "whatever two or three clients do to one account at the same time, the answers fit "
             "some order",
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
    simple_name(&target->traits, 'a', &meeting.name);
    simple_password(&target->traits, 'a', &meeting.passwords[0]);
    simple_password(&target->traits, 'b', &meeting.passwords[1]);
    struct client first;
    client_init(&first, run, target, cost);
    client_open(&first, false);
    if (client_register(&first, &meeting.name, &meeting.passwords[0]) != ASSAY_OK)
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
    CHECK(run, client_login(&meeting.clients[0], &meeting.name, &meeting.passwords[0]) == ASSAY_OK,
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
