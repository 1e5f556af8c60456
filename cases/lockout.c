/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: lockout.
 *
 * A target that declares a lock promises two things: nobody gets more tries than so many, and
 * nobody is locked out before. So each wrong password is counted here, too, and every answer must
 * fit the count: a try too many is refused, a lock too early as well. Tries are made by every
 * operation that asks for a password, under every spelling of the name, through two handles, with a
 * restart, other people's mistakes, and the clock put back in between; each is another wrong
 * password, since a target may take the same one again for the same mistake. What could not be
 * answered is no try: an outage must not lock out who knows the password.
 *
 * A lock must be there, and it must end as declared. While it is there the right password does not
 * open the account, whichever operation it is used for. That is also how a target is judged that
 * does not show its locks.
 *
 * Not judged: how long a second lock lasts, what a change of the password does to the count, what
 * becomes of the count when an account is removed and its name registered again, and limits above
 * a hundred, which are none (SP 800-63B-4, 3.2.2). Several clients at once are in concurrency.c,
 * power cuts in powercut.c.
 */
#include <stdio.h>
#include <string.h>

#include "cases/cases.h"

#define LOCK_ATTEMPTS_MAX 100u
#define MORE_GUESSES      3u
#define DAY_SECONDS       86400
#define ERA_SECONDS       (60 * 365 * (int64_t)DAY_SECONDS) /* from any day back to 1970 */
#define STRANGERS_MANY    70u
#define HALF_SECONDS_MIN  10u /* a shorter lock may be over while it is looked at */
#define CLIENTS           2u

struct guessing {
    struct run *run;
    const struct assay_target *target;
    const struct assay_traits *traits;
    uint32_t limit, guesses;
    struct client clients[CLIENTS];
    struct text name, alias, other, right;
};

uint32_t need_lock(struct run *run, const struct assay_target *target)
{
    need_accounts(run, target);
    uint32_t limit = target->traits.lockout_attempts;
    if (limit == 0 || limit > LOCK_ATTEMPTS_MAX)
        unsupported(run, "a lock (traits.lockout_attempts)");
    return limit;
}

/* A policy may want names without accents: then there is no other spelling. */
static enum assay_answer register_name(struct guessing *guessing, struct client *client)
{
    enum assay_answer answer = client_register(client, &guessing->name, &guessing->right);
    if (answer != ASSAY_REFUSED || same_text(&guessing->name, &guessing->alias))
        return answer;
    simple_name(guessing->traits, 'a', &guessing->name);
    guessing->alias = guessing->name;
    return client_register(client, &guessing->name, &guessing->right);
}

/* Two accounts, before anything happens. */
static void set_up(struct guessing *guessing, struct run *run, const struct subject *subject)
{
    const struct assay_target *target = subject->target;
    memset(guessing, 0, sizeof *guessing);
    guessing->run = run;
    guessing->target = target;
    guessing->traits = &target->traits;
    guessing->limit = need_lock(run, target);
    name_with_alias(&target->traits, &guessing->name, &guessing->alias);
    simple_name(&target->traits, 'o', &guessing->other);
    simple_password(&target->traits, 'a', &guessing->right);
    for (size_t i = 0; i < CLIENTS; i++)
        client_init(&guessing->clients[i], run, target, cheapest_cost(&target->traits));
    bool was_quiet = edge_quiet(true);
    client_open(&guessing->clients[0], false);
    if (register_name(guessing, &guessing->clients[0]) != ASSAY_OK ||
        client_register(&guessing->clients[0], &guessing->other, &guessing->right) != ASSAY_OK)
        reject(run);
    edge_quiet(was_quiet);
}

/* The second handle is opened when it is first used; a target may have room for one only. */
static struct client *client_at(struct guessing *guessing, size_t index)
{
    struct client *clients = guessing->clients;
    if (index == 0)
        return &clients[0];
    clients[0].may_be_busy = clients[1].may_be_busy = true;
    return clients[1].handle || client_open(&clients[1], true) ? &clients[1] : &clients[0];
}

static void restart(struct guessing *guessing)
{
    for (size_t i = CLIENTS; i-- > 0;)
        client_close(&guessing->clients[i]);
    guessing->clients[0].may_be_busy = false;
    client_open(&guessing->clients[0], true);
}

/* Another one each time. */
static void wrong_password(struct guessing *guessing, struct text *ret)
{
    simple_password(guessing->traits, (uint8_t)('b' + guessing->guesses++ % 24), ret);
}

enum use { LOGIN, CHANGE, REMOVE, USES };

static bool is_there(const struct assay_target *target, enum use use)
{
    if (use == CHANGE)
        return target->change_password != NULL;
    return use == LOGIN || target->remove_account != NULL;
}

/* Uses a password; by a login, where the target has not that use. */
static enum assay_answer use_password(struct guessing *guessing, struct client *client,
                                      enum use use, const struct text *name,
                                      const struct text *password)
{
    struct text next;
    simple_password(guessing->traits, 'z', &next);
    if (use == CHANGE && is_there(guessing->target, CHANGE))
        return client_change(client, name, password, &next);
    if (use == REMOVE && is_there(guessing->target, REMOVE))
        return client_remove(client, name, password);
    return client_login(client, name, password);
}

static enum assay_answer guess(struct guessing *guessing, struct client *client, enum use use,
                               const struct text *name)
{
    struct text wrong;
    wrong_password(guessing, &wrong);
    enum assay_answer answer = use_password(guessing, client, use, name, &wrong);
    CHECK_AS(guessing->run, CONSEQUENCE_FAIL_OPEN, answer != ASSAY_OK,
             "a wrong password is answered ok");
    if (answer == ASSAY_REFUSED || (answer == ASSAY_UNAVAILABLE && client->may_be_busy))
        reject(guessing->run);
    return answer;
}

static bool says_locked(const struct guessing *guessing, enum assay_answer answer)
{
    return answer == (guessing->traits->hides_lockout ? ASSAY_DENIED : ASSAY_LOCKED);
}

static void must_be_locked(struct guessing *guessing, struct client *client, const char *when)
{
    for (enum use use = LOGIN; use < USES; use++) {
        if (!is_there(guessing->target, use))
            continue;
        enum assay_answer answer =
            use_password(guessing, client, use, &guessing->name, &guessing->right);
        CHECK(
            guessing->run, says_locked(guessing, answer),
            "after %u wrong passwords in a row the account is not locked%s: the right password is "
            "answered %s",
            guessing->limit, when, REPLY_TEXT(client_reply()));
    }
}

static void must_be_open(struct guessing *guessing, const char *when)
{
    enum assay_answer answer =
        client_login(&guessing->clients[0], &guessing->name, &guessing->right);
    CHECK(guessing->run, answer == ASSAY_OK, "%s the right password is answered %s", when,
          REPLY_TEXT(client_reply()));
}

/* --- Every way to guess ----------------------------------------------------------------------- */

/* What a run does beside guessing; each is a factor. */
struct way {
    size_t use, spellings, handles, restarts, others, clock, earlier;
};
enum { USE_ONE_AFTER_THE_OTHER = USES, USE_LEVELS };
enum { OTHERS_NONE, OTHERS_FAIL, OTHERS_MANY, OTHERS_LEVELS };
enum { CLOCK_RUNS, CLOCK_BACK_BEFORE, CLOCK_BACK_WHEN_LOCKED, CLOCK_1970, CLOCK_LEVELS };

static void draw_way(struct guessing *guessing, struct run *run, const struct subject *subject,
                     struct way *ret)
{
    *ret = (struct way){.use = draw_factor(run, USE_LEVELS),
                        .spellings = draw_factor(run, 2),
                        .handles = draw_factor(run, CLIENTS),
                        .restarts = draw_factor(run, 2),
                        .others = draw_factor(run, OTHERS_LEVELS),
                        .clock = draw_factor(run, CLOCK_LEVELS),
                        .earlier = draw_factor(run, 2)};
    set_up(guessing, run, subject);
    if (lockout_kept(guessing->traits) == ASSAY_KEPT_IN_HANDLE)
        ret->handles = ret->restarts = 0;
}

/* Nobody has this name, or it is nobody's business here. */
static void stranger_fails(struct guessing *guessing, uint32_t number)
{
    char text[16];
    struct text name = {.size = 0};
    snprintf(text, sizeof text, "n%u", number);
    text_add(&name, text, strlen(text));
    while (name.size < guessing->traits->name_bytes_min && name.size < TEXT_BYTES_MAX)
        text_add(&name, "n", 1);
    if (within_name_limits(guessing->traits, &name))
        (void)client_login(&guessing->clients[0], &name, &guessing->right);
}

static void others_fail(struct guessing *guessing, const struct way *way, uint32_t i)
{
    if (way->others == OTHERS_FAIL && i < 2)
        (void)guess(guessing, &guessing->clients[0], LOGIN, &guessing->other);
    if (way->others == OTHERS_MANY && i + 1 == guessing->limit)
        for (uint32_t stranger = 0; stranger < STRANGERS_MANY; stranger++)
            stranger_fails(guessing, stranger);
}

/* As many wrong passwords as are allowed, each of which must be denied. */
static void use_up(struct guessing *guessing, const struct way *way)
{
    const uint32_t limit = guessing->limit;
    for (uint32_t i = 0; i < limit; i++) {
        if (way->restarts && i + 1 == limit)
            restart(guessing);
        if (way->clock == CLOCK_BACK_BEFORE && i == limit / 2)
            clock_jumps(guessing->run, -DAY_SECONDS);
        others_fail(guessing, way, i);
        struct client *client = client_at(guessing, way->handles ? i % CLIENTS : 0);
        enum use use = (enum use)(way->use == USE_ONE_AFTER_THE_OTHER ? i % USES : way->use);
        const struct text *name = way->spellings && i % 2 ? &guessing->alias : &guessing->name;
        enum assay_answer answer = guess(guessing, client, use, name);
        CHECK(guessing->run, answer == ASSAY_DENIED,
              "wrong password %u of the %u that are allowed is answered %s", i + 1, limit,
              REPLY_TEXT(client_reply()));
    }
}

/* It is locked now, and stays so whatever the clock is put to. */
static void stays_locked(struct guessing *guessing, const struct way *way)
{
    struct client *client = client_at(guessing, way->handles);
    must_be_locked(guessing, client, "");
    enum assay_answer answer = guess(guessing, client, LOGIN, &guessing->alias);
    CHECK(guessing->run, says_locked(guessing, answer),
          "one wrong password more than the %u that are allowed is answered %s", guessing->limit,
          REPLY_TEXT(client_reply()));
    if (way->clock == CLOCK_BACK_WHEN_LOCKED || way->clock == CLOCK_1970) {
        clock_jumps(guessing->run, way->clock == CLOCK_1970 ? -ERA_SECONDS : -DAY_SECONDS);
        must_be_locked(guessing, client, " once the clock is put back");
    }
    if (guessing->traits->lockout_seconds >= HALF_SECONDS_MIN) {
        time_passes(guessing->run, guessing->traits->lockout_seconds / 2);
        must_be_locked(guessing, client, " for as long as it declares");
    }
    CHECK(guessing->run, client_login(client, &guessing->other, &guessing->right) == ASSAY_OK,
          "one account is locked, and the right password of another one is answered %s",
          REPLY_TEXT(client_reply()));
}

/* When the clock shows what it showed at the lock, and the lock's time on top of it. A target may
 * keep until when it lasts, or for how long. */
static void ends(struct guessing *guessing, const struct way *way)
{
    int64_t back = way->clock == CLOCK_RUNS ? 0 : DAY_SECONDS;
    if (way->clock == CLOCK_1970)
        back = ERA_SECONDS;
    if (guessing->traits->lockout_seconds == 0)
        return;
    time_passes(guessing->run, (uint64_t)back + guessing->traits->lockout_seconds + 1);
    must_be_open(guessing, "the lock is over, but");
    (void)guess(guessing, &guessing->clients[0], LOGIN, &guessing->name);
    must_be_open(guessing, "after one wrong password, and a right one before it,");
}

static void every_way(struct run *run, const void *subject)
{
    struct guessing guessing;
    struct way way;
    draw_way(&guessing, run, subject, &way);
    if (way.earlier) {
        for (uint32_t i = 0; i + 1 < guessing.limit; i++)
            (void)guess(&guessing, &guessing.clients[0], LOGIN, &guessing.name);
        must_be_open(&guessing, "before the last try that is allowed,");
    }
    use_up(&guessing, &way);
    stays_locked(&guessing, &way);
    ends(&guessing, &way);
}
const struct test_case lockout_every_way = {
    .name = "lockout.every_way",
    .shows = "by whatever operation, name, handle and clock somebody guesses, he has as many tries "
             "as declared, then the account is locked, and nobody else's, for as long as declared",
    .requirements = "N-13 N-14 A-6.3.1 A-6.3.4",
    .stands_for = "CVE-2019-5421, CVE-2025-24806, CVE-2020-11052: locks that another spelling, "
                  "operation or clock gets around, and locks that are only declared",
    .techniques = BIT(EXHAUSTIVE),
    .body = every_way,
};

/* --- Any history ------------------------------------------------------------------------------ */

/* How many wrong passwords may count, at least and at most. */
struct count {
    uint32_t least, most;
};

struct history {
    struct guessing guessing;
    struct client *client;
    struct count counts[2]; /* of the name, and of the other one */
};

/* What an answer to the right password means for the count, and whether it can be. */
static void judge_right(struct history *history, size_t who, enum use use, enum assay_answer answer)
{
    const uint32_t limit = history->guessing.limit;
    struct count *count = &history->counts[who];
    if (answer == ASSAY_OK) {
        CHECK(history->guessing.run, count->least < limit,
              "after %u wrong passwords in a row the right one is answered ok", count->least);
        *count = (struct count){0, use == LOGIN ? 0 : count->most};
        return;
    }
    CHECK(history->guessing.run, says_locked(&history->guessing, answer) && count->most >= limit,
          "after %u wrong passwords in a row, of %u, the right one is answered %s", count->most,
          limit, REPLY_TEXT(client_reply()));
}

static void judge_wrong(struct history *history, size_t who, enum assay_answer answer)
{
    const uint32_t limit = history->guessing.limit;
    struct count *count = &history->counts[who];
    bool is_locked = answer == ASSAY_LOCKED;
    CHECK(history->guessing.run, !is_locked || count->most >= limit,
          "locked after %u wrong passwords in a row, and %u are allowed", count->most, limit);
    CHECK(history->guessing.run,
          is_locked || count->least < limit || history->guessing.traits->hides_lockout,
          "%u wrong passwords in a row are denied, and %u are allowed", count->least + 1, limit);
    count->least += !is_locked;
    count->most += !is_locked;
}

static struct client *some_client(struct history *history)
{
    bool one = lockout_kept(history->guessing.traits) == ASSAY_KEPT_IN_HANDLE;
    return client_at(&history->guessing, draw_index(history->guessing.run, one ? 1 : CLIENTS));
}

static const struct text *some_spelling(struct history *history, size_t who)
{
    struct guessing *guessing = &history->guessing;
    if (who == 1)
        return &guessing->other;
    return draw_index(guessing->run, 2) ? &guessing->alias : &guessing->name;
}

static void act_guess(struct run *run, void *context)
{
    struct history *history = context;
    size_t who = draw_weighted(run, (const uint32_t[]){3, 1}, 2);
    enum use use = (enum use)draw_index(run, USES);
    const struct text *name = some_spelling(history, who);
    struct client *client = some_client(history);
    int64_t times = draw(run, 1, history->guessing.limit, 1);
    for (int64_t i = 0; i < times; i++)
        judge_wrong(history, who, guess(&history->guessing, client, use, name));
}

static void act_login(struct run *run, void *context)
{
    struct history *history = context;
    size_t who = draw_index(run, 2);
    const struct text *name = some_spelling(history, who);
    struct client *client = some_client(history);
    judge_right(history, who, LOGIN, client_login(client, name, &history->guessing.right));
}

/* From the right password to the same one, which a policy may refuse. */
static void act_change(struct run *run, void *context)
{
    struct history *history = context;
    size_t who = draw_index(run, 2);
    const struct text *name = some_spelling(history, who), *right = &history->guessing.right;
    enum assay_answer answer = client_change(some_client(history), name, right, right);
    if (answer != ASSAY_REFUSED)
        judge_right(history, who, CHANGE, answer);
}

static void act_restart(struct run *run, void *context)
{
    (void)run;
    struct history *history = context;
    if (lockout_kept(history->guessing.traits) != ASSAY_KEPT_IN_HANDLE)
        restart(&history->guessing);
}

static void act_put_back(struct run *run, void *context)
{
    (void)context;
    clock_jumps(run, -draw(run, 1, DAY_SECONDS, 1));
}

/* Locks may be over, and counts forgotten. */
static void act_wait(struct run *run, void *context)
{
    struct history *history = context;
    time_passes(run, (uint64_t)draw(run, 1, DAY_SECONDS, 1));
    history->counts[0].least = history->counts[1].least = 0;
}

static bool can_change(const void *history)
{
    return ((const struct history *)history)->guessing.target->change_password != NULL;
}

static const struct machine_command commands[] = {
    {.name = "guess", .weight = 4, .act = act_guess},
    {.name = "log in", .weight = 2, .act = act_login},
    {.name = "change", .allowed = can_change, .act = act_change},
    {.name = "restart", .act = act_restart},
    {.name = "put the clock back", .act = act_put_back},
    {.name = "wait", .act = act_wait},
};
static const struct machine histories = {
    .commands = commands, .command_count = sizeof commands / sizeof *commands, .steps_max = 12};

static void machine(struct run *run, const void *subject)
{
    static struct history history; /* large; every run begins by filling it */
    set_up(&history.guessing, run, subject);
    memset(history.counts, 0, sizeof history.counts);
    (void)machine_run(run, &histories, &history);
    bool is_reached = history.counts[0].most >= history.guessing.limit;
    cover(run, 10, is_reached, "a lock was reached");
    judge_right(&history, 0, LOGIN,
                client_login(client_at(&history.guessing, 0), &history.guessing.name,
                             &history.guessing.right));
}
const struct test_case lockout_machine = {
    .name = "lockout.machine",
    .shows = "after any history of guesses, logins, changes, restarts and settings of the clock, "
             "an account is locked if and only if so many passwords in a row were wrong",
    .requirements = "N-13 N-14 A-6.3.1 A-6.3.4",
    .stands_for = "counts that get lost, and counts that are never given back",
    .techniques = BIT(PROPERTY),
    .weight = 50,
    .body = machine,
};

/* --- With faults ------------------------------------------------------------------------------ */

static void guesses(struct run *run, const void *subject)
{
    struct guessing guessing;
    uint32_t denials = 0, put_on;
    set_up(&guessing, run, subject);
    if (guessing.traits->hides_lockout)
        unsupported(run, "a lock that shows");
    const uint32_t limit = guessing.limit;
    for (uint32_t i = 0; i < limit + MORE_GUESSES; i++) {
        denials += guess(&guessing, &guessing.clients[0], LOGIN, &guessing.name) == ASSAY_DENIED;
        if (clock_was_put_on(&put_on) && put_on == FAULT_FOR_GOOD)
            return; /* it went on by a year at each guess */
        CHECK(run, denials <= limit * (1 + put_on),
              "%u wrong passwords in a row are answered denied, and after %u the account is locked",
              denials, limit);
    }
    enum assay_answer answer = client_login(&guessing.clients[0], &guessing.name, &guessing.right);
    CHECK(run, answer != ASSAY_DENIED && (answer == ASSAY_LOCKED || edge_fired() != 0),
          "after %u wrong passwords the right one is answered %s", limit + MORE_GUESSES,
          REPLY_TEXT(client_reply()));
}
const struct test_case lockout_guesses = {
    .name = "lockout.guesses",
    .shows = "whatever the clock does, and whatever fails, nobody gets more tries than the limit",
    .requirements = "N-13 A-6.3.1",
    .stands_for = "a lock that opens when the clock is put back, or when a count cannot be written",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .weight = 50,
    .body = guesses,
};

#define ROUNDS        110u /* more than anybody may allow: NIST SP 800-63B-4 3.2.2 says 100 */
#define ROUND_SECONDS (UINT64_C(7) * 24 * 3600)

/* A week after each lock somebody tries again: what he has tried before still counts. */
static void round_after_round(struct run *run, const void *subject)
{
    struct guessing guessing;
    set_up(&guessing, run, subject);
    const struct assay_traits *traits = guessing.traits;
    struct client *client = &guessing.clients[0];
    if (traits->hides_lockout || traits->lockout_seconds == 0 || traits->lockout_forgets_seconds)
        unsupported(run, "a lock that shows and ends, and a count that is not forgotten (traits)");
    for (uint32_t i = 0; i <= guessing.limit; i++)
        (void)guess(&guessing, client, LOGIN, &guessing.name);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        time_passes(run, ROUND_SECONDS);
        enum assay_answer answer = guess(&guessing, client, LOGIN, &guessing.name);
        if (answer == ASSAY_DENIED)
            answer = guess(&guessing, client, LOGIN, &guessing.name);
        CHECK(run, answer == ASSAY_LOCKED,
              "in round %u after a lock a second wrong password is answered %s: what was tried "
              "before no longer counts",
              round + 1, REPLY_TEXT(client_reply()));
    }
}
const struct test_case lockout_round_after_round = {
    .name = "lockout.round_after_round",
    .shows = "a lock that is over gives one try, not a new beginning, however often it was locked",
    .requirements = "N-13 A-6.3.1",
    .stands_for = "a count that begins anew with each lock, wraps around, or stops at a limit",
    .techniques = BIT(VECTORS),
    .body = round_after_round,
};

/* One try is left, and whoever knows the password does not need it, even when nothing works. */
static void outage(struct run *run, const void *subject)
{
    struct guessing guessing;
    set_up(&guessing, run, subject);
    struct client *client = &guessing.clients[0];
    bool was_quiet = edge_quiet(true);
    for (uint32_t i = 0; i + 1 < guessing.limit; i++)
        (void)guess(&guessing, client, LOGIN, &guessing.name);
    edge_quiet(was_quiet);
    for (int i = 0; i < 2; i++) {
        enum assay_answer answer = client_login(client, &guessing.name, &guessing.right);
        CHECK(run, answer == ASSAY_OK || answer == ASSAY_UNAVAILABLE,
              "a right password, with one try left, is answered %s", REPLY_TEXT(client_reply()));
    }
    edge_quiet(true);
    if (guessing.traits->recovery != ASSAY_RECOVERS_AT_ONCE) {
        client_close(client);
        if (!client_open(client, true))
            return;
    }
    if (guessing.traits->recovery != ASSAY_RECOVERS_AFTER_RESTART)
        CHECK_AS(run, CONSEQUENCE_STUCK,
                 client_login(client, &guessing.name, &guessing.right) == ASSAY_OK,
                 "the outage is over, but the right password is answered %s",
                 REPLY_TEXT(client_reply()));
}
const struct test_case lockout_outage = {
    .name = "lockout.outage",
    .shows = "what could not be answered is no wrong password: an outage locks nobody out",
    .requirements = "N-13 A-6.1.1 A-16.5.2",
    .stands_for = "an outage that goes on after it is over, since it was counted as guesses",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .body = outage,
};
