/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: the clock.
 *
 * Locks and sessions last for a time, and what time it is anybody may get wrong: a battery that is
 * empty, a virtual machine that was asleep, an operator. In these short histories each reading of
 * the clock may find it put on, put back, begun again in 1970, or standing still; and whatever else
 * they need may fail as well.
 */
#include <string.h>

#include "cases/cases.h"

#define LOCK_ATTEMPTS_MAX 100u      /* a lock beyond these is no limit (SP 800-63B-4, 3.2.2) */
#define YEAR_SECONDS      31557600u /* that the clock is put on by */
#define MORE_GUESSES      3u

/* Whether the clock has been put on, and how often it may have been: every lock may have ended so
 * often before its time. */
static bool was_put_on(uint32_t *ret_times)
{
    const struct plan *plan = edge_plan();
    uint16_t clock = operation_named("clock.read");
    *ret_times = 0;
    for (uint32_t i = 0; i < plan->count; i++)
        if ((edge_fired() & (1u << i)) && plan->faults[i].site.operation == clock &&
            strcmp(edge_catalogue()->operations[clock].effects[plan->faults[i].effect.code - 1],
                   "forward") == 0)
            *ret_times = plan->faults[i].times;
    return *ret_times > 0;
}

struct clocked {
    struct client client;
    struct text name, right, wrong;
};

/* An account, before anything fails. */
static void set_up(struct run *run, const struct assay_target *target, struct clocked *ret)
{
    need_accounts(run, target);
    simple_name(&target->traits, 'a', &ret->name);
    simple_password(&target->traits, 'a', &ret->right);
    simple_password(&target->traits, 'b', &ret->wrong);
    client_init(&ret->client, run, target, cheapest_cost(&target->traits));
    bool was_quiet = edge_quiet(true);
    client_open(&ret->client, false);
    if (client_register(&ret->client, &ret->name, &ret->right) != ASSAY_OK)
        reject(run);
    edge_quiet(was_quiet);
}

static void guesses(struct run *run, const void *context)
{
    const struct assay_target *target = ((const struct subject *)context)->target;
    const uint32_t limit = target->traits.lockout_attempts;
    struct clocked clocked;
    uint32_t denials = 0, put_on;
    if (limit == 0 || limit > LOCK_ATTEMPTS_MAX || target->traits.hides_lockout)
        unsupported(run, "a lock that shows (traits.lockout_attempts)");
    set_up(run, target, &clocked);
    for (uint32_t i = 0; i < limit + MORE_GUESSES; i++) {
        denials += client_login(&clocked.client, &clocked.name, &clocked.wrong) == ASSAY_DENIED;
        if (was_put_on(&put_on) && put_on == FAULT_FOR_GOOD)
            return; /* it went on by a year at each guess */
        CHECK(run, denials <= limit * (1 + put_on),
              "%u wrong passwords in a row are answered denied, and after %u the account is locked",
              denials, limit);
    }
    enum assay_answer answer = client_login(&clocked.client, &clocked.name, &clocked.right);
    CHECK(run, answer != ASSAY_DENIED && (answer == ASSAY_LOCKED || edge_fired() != 0),
          "after %u wrong passwords the right one is answered %s", limit + MORE_GUESSES,
          REPLY_TEXT(client_reply()));
}
const struct test_case clock_guesses = {
    .name = "clock.guesses",
    .shows = "whatever the clock does, and whatever fails, nobody gets more tries than the limit",
    .requirements = "N-13 A-6.3.1",
    .stands_for = "a lock that opens when the clock is put back",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .weight = 50,
    .body = guesses,
};

static enum assay_answer check_session(struct client *client, const struct text *session)
{
    struct text name;
    struct assay_text room = {(char *)name.bytes, sizeof name.bytes, 0};
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    step(client->run, "session_check");
    client->table->session_check(client->handle, text_bytes(session), &room, &reply);
    tell(client->run, "check the session: %s", REPLY_TEXT(&reply));
    return client_judge(client, "session_check", &reply, session, ASSAY_DENIED);
}

static void session_begins(struct clocked *clocked, struct text *ret_session)
{
    struct client *client = &clocked->client;
    struct assay_text room = {(char *)ret_session->bytes, sizeof ret_session->bytes, 0};
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    bool was_quiet = edge_quiet(true);
    client->table->login(client->handle, text_bytes(&clocked->name), text_bytes(&clocked->right),
                         &room, &reply);
    tell(client->run, "log in for a session: %s", REPLY_TEXT(&reply));
    if (client_judge(client, "login", &reply, &clocked->right, ASSAY_DENIED) != ASSAY_OK)
        reject(client->run);
    ret_session->size = room.size < sizeof ret_session->bytes ? room.size : 0;
    edge_quiet(was_quiet);
}

static void session_ends(struct run *run, const void *context)
{
    const struct assay_target *target = ((const struct subject *)context)->target;
    struct clocked clocked;
    struct text session;
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    uint32_t put_on;
    if (!target->session_check || !target->session_revoke || target->traits.session_seconds == 0 ||
        target->traits.session_seconds >= YEAR_SECONDS)
        unsupported(run, "sessions that end within a year (traits.session_seconds)");
    set_up(run, target, &clocked);
    session_begins(&clocked, &session);
    struct client *client = &clocked.client;
    enum assay_answer answer = check_session(client, &session);
    CHECK(run, answer == ASSAY_OK || edge_fired() != 0, "a new session is answered %s",
          REPLY_TEXT(client_reply()));
    bool is_over = was_put_on(&put_on);
    answer = check_session(client, &session);
    CHECK(run, !is_over || answer != ASSAY_OK,
          "a session that ends after %u seconds is answered ok a year later",
          target->traits.session_seconds);
    step(run, "session_revoke");
    target->session_revoke(client->handle, text_bytes(&session), &reply);
    tell(run, "revoke the session: %s", REPLY_TEXT(&reply));
    if (client_judge(client, "session_revoke", &reply, &session, ASSAY_DENIED) != ASSAY_OK)
        return;
    CHECK(run, check_session(client, &session) != ASSAY_OK, "a revoked session is answered ok");
}
const struct test_case clock_session_ends = {
    .name = "clock.session_ends",
    .shows = "a session is over when its time is, and when it is revoked, whatever the clock says "
             "then",
    .requirements = "A-7.3.2 A-7.4.1",
    .stands_for = "sessions without an end",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .body = session_ends,
};
