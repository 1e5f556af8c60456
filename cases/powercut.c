/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: power cuts.
 *
 * Short histories for the powercut technique. Each operation that was answered is marked, with what
 * the account may be from then on; a cut between two marks leaves the operation between them open:
 * it happened, or it did not. When the power is back, the target opens its store in a new process,
 * and
 *   - what was acknowledged before the cut is so, and every answer one that the marks explain,
 *   - a password that nobody ever set is refused,
 *   - the account of somebody who did nothing is as it was,
 *   - a new name can be registered.
 * Of a target that keeps them in its store, also: wrong passwords that were answered are counted,
 * sessions that were ended have ended, and others have not.
 * When syncs had lied, only the second can be demanded, and that nothing worse happens than answers
 * that call the store corrupt.
 *
 * An operation that is answered `unavailable` is tried a second time on a handle that is opened
 * anew, as a user would: a sync that failed and dropped what it should have written is dangerous
 * only then. While the target comes back something may fail again; then all of that is demanded
 * once more, with nothing failing.
 */
#include <string.h>

#include "cases/cases.h"

#define ATTEMPTS  2u /* of each operation */
#define MARKS_MAX 16u

struct powercut {
    struct run *run;
    const struct assay_target *target;
    struct client client;
    struct model model;
    struct text name, other, newcomer; /* what is done, is done to the first */
    struct text first, second, never;  /* passwords */
    bool has_other;                    /* the second account is there, with the first password */
    uint32_t marks;
    struct model open_since[MARKS_MAX + 1]; /* the account while the operation behind a mark runs */
};

static void text_set(struct text *ret, const char *stem, const struct assay_traits *traits)
{
    ret->size = 0;
    text_add(ret, stem, strlen(stem));
    while (ret->size < traits->password_bytes_min && ret->size < TEXT_BYTES_MAX)
        text_add(ret, "a", 1);
    if (traits->password_bytes_max && ret->size > traits->password_bytes_max)
        ret->size = traits->password_bytes_max;
    add_suffix(traits, ret);
}

static void powercut_init(struct powercut *powercut, struct run *run, const struct subject *subject)
{
    const struct assay_traits *traits = &subject->target->traits;
    need_accounts(run, subject->target);
    memset(powercut, 0, sizeof *powercut);
    powercut->run = run;
    powercut->target = subject->target;
    simple_name(traits, 'a', &powercut->name);
    simple_name(traits, 'b', &powercut->other);
    simple_name(traits, 'c', &powercut->newcomer);
    text_set(&powercut->first, "First1password", traits);
    text_set(&powercut->second, "Second2password", traits);
    text_set(&powercut->never, "Never3password", traits);
    model_init(&powercut->model, traits);
    client_init(&powercut->client, run, subject->target, cheapest_cost(traits));
}

#define EXPLAINED(powercut, consequence, explained)                                                \
    CHECK_AS((powercut)->run, consequence, explained,                                              \
             "the answer %s cannot be: the account has %s", REPLY_TEXT(client_reply()),            \
             model_text(&(powercut)->model, (char[300]){0}, 300))

/* --- Before the cut --------------------------------------------------------------------------- */

static void opens(struct powercut *powercut)
{
    for (uint32_t i = 0; i < ATTEMPTS && !powercut->client.handle; i++)
        client_open(&powercut->client, false);
}

/* One operation on the account: what it does, and what an answer to it means. */
struct deed {
    enum assay_answer (*asks)(struct client *, const struct text *name, const struct text *before,
                              const struct text *after);
    bool (*means)(struct model *, enum assay_answer, const struct text *before,
                  const struct text *after);
    bool is_there; /* in the target's table */
};

static enum assay_answer asks_register(struct client *client, const struct text *name,
                                       const struct text *before, const struct text *after)
{
    (void)before;
    return client_register(client, name, after);
}

static bool means_register(struct model *model, enum assay_answer answer, const struct text *before,
                           const struct text *after)
{
    (void)before;
    return model_register(model, answer, after);
}

static enum assay_answer asks_login(struct client *client, const struct text *name,
                                    const struct text *before, const struct text *after)
{
    (void)after;
    return client_login(client, name, before);
}

static bool means_login(struct model *model, enum assay_answer answer, const struct text *before,
                        const struct text *after)
{
    (void)after;
    return model_login(model, answer, before);
}

static enum assay_answer asks_remove(struct client *client, const struct text *name,
                                     const struct text *before, const struct text *after)
{
    (void)after;
    return client_remove(client, name, before);
}

static bool means_remove(struct model *model, enum assay_answer answer, const struct text *before,
                         const struct text *after)
{
    (void)after;
    return model_remove(model, answer, before);
}

/* Asks, and marks the answer. */
static enum assay_answer ask_once(struct powercut *powercut, const struct deed *deed,
                                  const struct text *before, const struct text *after)
{
    CHECK_CASE(powercut->run, powercut->marks < MARKS_MAX, "the case makes more than %u marks",
               MARKS_MAX);
    struct model *open = &powercut->open_since[powercut->marks];
    *open = powercut->model;
    (void)deed->means(open, ASSAY_UNAVAILABLE, before, after);
    enum assay_answer answer = deed->asks(&powercut->client, &powercut->name, before, after);
    if (answer == ASSAY_REFUSED)
        unsupported(powercut->run,
                    "a policy that takes the passwords of this scenario (traits.password_suffix)");
    EXPLAINED(powercut, CONSEQUENCE_WRONG_ANSWER,
              deed->means(&powercut->model, answer, before, after));
    powercut->open_since[++powercut->marks] = powercut->model;
    power_mark(answer);
    return answer;
}

static void does(struct powercut *powercut, const struct deed *deed, const struct text *before,
                 const struct text *after)
{
    for (uint32_t i = 0; i < ATTEMPTS && deed->is_there; i++) {
        opens(powercut);
        if (!powercut->client.handle ||
            ask_once(powercut, deed, before, after) != ASSAY_UNAVAILABLE)
            return;
        client_close(&powercut->client);
    }
}

static void registers(struct powercut *powercut, const struct text *password)
{
    does(powercut, &(struct deed){asks_register, means_register, true}, NULL, password);
}

static void logs_in(struct powercut *powercut, const struct text *password)
{
    does(powercut, &(struct deed){asks_login, means_login, true}, password, NULL);
}

static void changes(struct powercut *powercut, const struct text *before, const struct text *after)
{
    does(powercut,
         &(struct deed){client_change, model_change, powercut->target->change_password != NULL},
         before, after);
}

static void removes(struct powercut *powercut, const struct text *password)
{
    does(powercut,
         &(struct deed){asks_remove, means_remove, powercut->target->remove_account != NULL},
         password, NULL);
}

/* Two accounts that were there before anything can go wrong. */
static void prepared(struct powercut *powercut)
{
    bool was_quiet = edge_quiet(true);
    opens(powercut);
    registers(powercut, &powercut->first);
    CHECK(powercut->run,
          client_register(&powercut->client, &powercut->other, &powercut->first) == ASSAY_OK,
          "a second name is answered %s", REPLY_TEXT(client_reply()));
    powercut->has_other = true;
    client_close(&powercut->client);
    edge_quiet(was_quiet);
    powercut->marks = 0;
    powercut->open_since[0] = powercut->model;
}

/* --- When the power is back ------------------------------------------------------------------- */

/* Whether anything but `unavailable` was answered, which only a fault of this moment excuses. */
static bool is_served(struct powercut *powercut, uint32_t fired_before)
{
    bool served = client_reply()->answer != ASSAY_UNAVAILABLE;
    CHECK_AS(powercut->run, CONSEQUENCE_STUCK, served || edge_fired() != fired_before,
             "the power is back, but %s is answered %s", powercut->run->outcome->step,
             REPLY_TEXT(client_reply()));
    return served;
}

static enum assay_answer tries(struct powercut *powercut, const struct text *password,
                               uint32_t fired_before)
{
    enum assay_answer answer = client_login(&powercut->client, &powercut->name, password);
    EXPLAINED(powercut, password == &powercut->never ? CONSEQUENCE_FAIL_OPEN : CONSEQUENCE_LOST,
              model_login(&powercut->model, answer, password));
    (void)is_served(powercut, fired_before);
    return answer;
}

/* Whether the model thinks first of this password. */
static bool is_expected(const struct model *model, const struct text *password)
{
    int8_t current = model->states[0].current;
    return current != MODEL_ABSENT && model->passwords[current] == password;
}

/* One of the passwords is right, or the account is not there; which, the model knows. */
static void looks_at_the_account(struct powercut *powercut, uint32_t fired_before)
{
    const struct text *passwords[] = {&powercut->second, &powercut->first};
    bool is_first = is_expected(&powercut->model, &powercut->first);
    (void)tries(powercut, &powercut->never, fired_before);
    if (tries(powercut, passwords[is_first], fired_before) != ASSAY_OK)
        (void)tries(powercut, passwords[!is_first], fired_before);
}

static void looks_at_others(struct powercut *powercut, uint32_t fired_before)
{
    struct client *client = &powercut->client;
    if (powercut->has_other) {
        enum assay_answer answer = client_login(client, &powercut->other, &powercut->first);
        if (is_served(powercut, fired_before))
            CHECK_AS(powercut->run, CONSEQUENCE_LOST, answer == ASSAY_OK,
                     "an account to which nothing was done is answered %s",
                     REPLY_TEXT(client_reply()));
    }
    enum assay_answer answer = client_register(client, &powercut->newcomer, &powercut->second);
    if (is_served(powercut, fired_before))
        CHECK(powercut->run, answer == ASSAY_OK, "a new name is answered %s",
              REPLY_TEXT(client_reply()));
}

static void comes_back(struct powercut *powercut)
{
    uint32_t fired_before = edge_fired();
    client_open(&powercut->client, false);
    if (is_served(powercut, fired_before)) {
        looks_at_the_account(powercut, fired_before);
        looks_at_others(powercut, fired_before);
    }
    client_close(&powercut->client);
}

/* Something failed while it came back; now nothing does. */
static void comes_back_at_last(struct powercut *powercut)
{
    bool was_quiet = edge_quiet(true);
    uint32_t fired = edge_fired();
    tell(powercut->run, "nothing fails any more");
    client_open(&powercut->client, false);
    (void)is_served(powercut, fired);
    looks_at_the_account(powercut, fired);
    client_close(&powercut->client);
    edge_quiet(was_quiet);
}

/* Of a disk that had lied nothing can be demanded but that nobody gets in who never could. */
static void looks_at_the_wreck(struct powercut *powercut)
{
    struct client *client = &powercut->client;
    client->may_be_corrupt = true;
    if (client_open(client, false)) {
        CHECK_AS(powercut->run, CONSEQUENCE_FAIL_OPEN,
                 client_login(client, &powercut->name, &powercut->never) != ASSAY_OK,
                 "after a power cut a password that nobody set logs in");
        client_login(client, &powercut->name, &powercut->first);
    }
    client_close(client);
    client->may_be_corrupt = false;
}

static void looks(struct run *run, const struct power_moment *moment, void *context)
{
    struct powercut *powercut = context;
    (void)run;
    uint32_t fired_before = edge_fired();
    powercut->client.handle = NULL;
    powercut->model =
        moment->cut ? powercut->open_since[moment->marks] : powercut->open_since[powercut->marks];
    if (moment->syncs_lie) {
        looks_at_the_wreck(powercut);
        return;
    }
    comes_back(powercut);
    if (edge_fired() != fired_before)
        comes_back_at_last(powercut);
}

static void cut(struct powercut *powercut)
{
    client_close(&powercut->client);
    power_cuts(powercut->run, looks, powercut);
}

/* --- Cases ------------------------------------------------------------------------------------ */

static void first_day(struct run *run, const void *context)
{
    static struct powercut powercut;
    powercut_init(&powercut, run, context);
    power_watch(run);
    opens(&powercut);
    registers(&powercut, &powercut.first);
    logs_in(&powercut, &powercut.first);
    changes(&powercut, &powercut.first, &powercut.second);
    cut(&powercut);
}
const struct test_case powercut_first_day = {
    .name = "powercut.first_day",
    .shows =
        "wherever the power goes while a store is made, an account registered and its password "
        "changed, what was acknowledged is there afterwards",
    .requirements = "A-16.5.2 A-16.5.3",
    .stands_for = "acknowledged and lost; a store, or a step of its schema, half made",
    .techniques = BIT(VECTORS) | BIT(POWERCUT),
    .body = first_day,
};

static void farewell(struct run *run, const void *context)
{
    static struct powercut powercut;
    powercut_init(&powercut, run, context);
    prepared(&powercut);
    power_watch(run);
    opens(&powercut);
    changes(&powercut, &powercut.first, &powercut.second);
    logs_in(&powercut, &powercut.first);
    removes(&powercut, &powercut.second);
    registers(&powercut, &powercut.first);
    cut(&powercut);
}
const struct test_case powercut_farewell = {
    .name = "powercut.farewell",
    .shows = "change, wrong login, removal and a new registration survive a power cut, and other "
             "accounts never notice",
    .requirements = "A-2.3.3",
    .stands_for = "half-done changes, accounts that come back",
    .techniques = BIT(VECTORS) | BIT(POWERCUT),
    .body = farewell,
};

static void dearer_hashes(struct run *run, const void *context)
{
    static struct powercut powercut;
    powercut_init(&powercut, run, context);
    const struct assay_cost cheap = powercut.client.cost;
    prepared(&powercut);
    powercut.client.cost = (struct assay_cost){cheap.memory_kib ? cheap.memory_kib + 8 : 0,
                                               cheap.passes ? cheap.passes + 1 : 0};
    power_watch(run);
    opens(&powercut);
    logs_in(&powercut, &powercut.first);
    logs_in(&powercut, &powercut.first);
    cut(&powercut);
}
const struct test_case powercut_dearer_hashes = {
    .name = "powercut.dearer_hashes",
    .shows = "a login that renews its hash is safe against a power cut",
    .requirements = "O-03",
    .stands_for = "rehash half done",
    .techniques = BIT(VECTORS) | BIT(POWERCUT),
    .body = dearer_hashes,
};

/* --- Guesses ---------------------------------------------------------------------------------- */

#define GUESSES_WATCHED 2u /* before the cut; then one is left */

/* Every mark is a wrong password that was answered denied, beside those before the watch. */
static void looks_for_the_lock(struct run *run, const struct power_moment *moment, void *context)
{
    struct powercut *powercut = context;
    struct client *client = &powercut->client;
    const uint32_t limit = powercut->target->traits.lockout_attempts;
    uint32_t denials = limit - 1 - GUESSES_WATCHED + moment->marks, fired_before = edge_fired();
    uint32_t put_on;
    client->handle = NULL;
    if (moment->syncs_lie)
        return;
    client_open(client, false);
    for (uint32_t i = 0; is_served(powercut, fired_before) && i < limit; i++) {
        if (client_login(client, &powercut->name, &powercut->never) != ASSAY_DENIED)
            break;
        if (clock_was_put_on(&put_on))
            return; /* and a lock was over before its time */
        denials++;
        CHECK_AS(run, CONSEQUENCE_LOST, denials <= limit,
                 "%u wrong passwords in a row are denied, some of them before a power cut, and %u "
                 "are allowed",
                 denials, limit);
    }
    if (client_reply()->answer == ASSAY_LOCKED) /* with one that may have counted unanswered */
        CHECK(run, denials + 1 >= limit, "locked after %u wrong passwords, and %u are allowed",
              denials, limit);
    else
        CHECK_AS(run, CONSEQUENCE_LOST, !is_served(powercut, fired_before),
                 "after %u wrong passwords the next one is answered %s", denials,
                 REPLY_TEXT(client_reply()));
    client_close(client);
}

static void guesses(struct run *run, const void *context)
{
    static struct powercut powercut;
    powercut_init(&powercut, run, context);
    const struct assay_traits *traits = &powercut.target->traits;
    const uint32_t limit = need_lock(run, powercut.target);
    if (traits->hides_lockout || traits->lockout_kept != ASSAY_KEPT_IN_STORE ||
        traits->lockout_forgets_seconds > 0 || limit <= GUESSES_WATCHED)
        unsupported(run, "a lock that shows, and that its store never forgets (traits.lockout_)");
    prepared(&powercut);
    bool was_quiet = edge_quiet(true);
    opens(&powercut);
    for (uint32_t i = 0; i + 1 + GUESSES_WATCHED < limit; i++)
        CHECK(run, client_login(&powercut.client, &powercut.name, &powercut.never) == ASSAY_DENIED,
              "wrong password %u of the %u that are allowed is answered %s", i + 1, limit,
              REPLY_TEXT(client_reply()));
    edge_quiet(was_quiet);
    power_watch(run);
    for (uint32_t i = 0; i < GUESSES_WATCHED; i++)
        if (client_login(&powercut.client, &powercut.name, &powercut.never) == ASSAY_DENIED)
            power_mark(ASSAY_DENIED);
    client_close(&powercut.client);
    power_cuts(run, looks_for_the_lock, &powercut);
}
const struct test_case powercut_guesses = {
    .name = "powercut.guesses",
    .shows = "wherever the power goes, a wrong password that was answered is counted",
    .requirements = "N-13 A-6.3.1",
    .stands_for = "tries without end, by whoever can make a server start again",
    .techniques = BIT(VECTORS) | BIT(POWERCUT),
    .weight = 15,
    .body = guesses,
};

/* --- Sessions --------------------------------------------------------------------------------- */

enum { REVOKED, CHANGED, OTHERS, SESSIONS };
#define LIFETIME_SECONDS_MIN 600u /* a shorter one may be over when the power is back */

/* What may be true of three sessions: one that is revoked, one of an account whose password is
 * changed, and one to which nothing is done. */
struct sessions {
    struct powercut powercut;
    struct text tokens[SESSIONS];
    struct session_state now[SESSIONS], open_since[3][SESSIONS]; /* while something behind a mark
                                                                    is under way */
};

static void looks_for_sessions(struct run *run, const struct power_moment *moment, void *context)
{
    struct sessions *sessions = context;
    struct client *client = &sessions->powercut.client;
    uint32_t fired_before = edge_fired();
    struct text said;
    client->handle = NULL;
    if (moment->syncs_lie)
        return;
    client_open(client, false);
    for (size_t i = 0; is_served(&sessions->powercut, fired_before) && i < SESSIONS; i++) {
        struct session_state state = sessions->open_since[moment->marks][i];
        enum assay_answer answer = client_check(client, &sessions->tokens[i], &said);
        if (clock_fails())
            state.may |= SESSION_ENDED;
        CHECK_AS(run, answer == ASSAY_OK ? CONSEQUENCE_FAIL_OPEN : CONSEQUENCE_LOST,
                 session_fits(&state, answer), "after a power cut a session %s is answered %s",
                 i == REVOKED   ? "that was revoked"
                 : i == CHANGED ? "of an account whose password was changed"
                                : "to which nothing was done",
                 REPLY_TEXT(client_reply()));
    }
    client_close(client);
}

/* What was just answered ended these sessions; what comes next may end those. */
static void marks(struct sessions *sessions, uint32_t mark, size_t session,
                  enum assay_answer answer)
{
    if (session < SESSIONS)
        session_ends(&sessions->now[session], answer);
    memcpy(sessions->open_since[mark], sessions->now, sizeof sessions->now);
    if (mark == 0)
        session_ends(&sessions->open_since[mark][REVOKED], ASSAY_UNAVAILABLE);
    else if (mark == 1 && !sessions->powercut.target->traits.sessions_outlive_change)
        session_ends(&sessions->open_since[mark][CHANGED], ASSAY_UNAVAILABLE);
    if (mark > 0)
        power_mark(answer);
}

static void begins_sessions(struct sessions *sessions)
{
    struct powercut *powercut = &sessions->powercut;
    bool was_quiet = edge_quiet(true);
    opens(powercut);
    for (size_t i = 0; i < SESSIONS; i++) {
        const struct text *name = i == CHANGED ? &powercut->name : &powercut->other;
        CHECK(powercut->run,
              client_login_session(&powercut->client, name, &powercut->first,
                                   &sessions->tokens[i]) == ASSAY_OK,
              "a right password is answered %s", REPLY_TEXT(client_reply()));
        sessions->now[i] = (struct session_state){SESSION_LIVES, false};
    }
    struct text said;
    if (client_check(&powercut->client, &sessions->tokens[REVOKED], &said) != ASSAY_OK)
        unsupported(powercut->run, "two sessions of one account at once");
    edge_quiet(was_quiet);
}

static void sessions(struct run *run, const void *context)
{
    static struct sessions sessions; /* large; every run begins by filling it */
    struct powercut *powercut = &sessions.powercut;
    memset(&sessions, 0, sizeof sessions);
    powercut_init(powercut, run, context);
    const struct assay_target *target = powercut->target;
    need_sessions(run, target);
    if (sessions_kept(&target->traits) != ASSAY_KEPT_IN_STORE || !target->change_password ||
        target->traits.session_seconds < LIFETIME_SECONDS_MIN)
        unsupported(run, "sessions that its store keeps for ten minutes (traits.session)");
    prepared(powercut);
    begins_sessions(&sessions);
    power_watch(run);
    marks(&sessions, 0, SESSIONS, ASSAY_OK);
    marks(&sessions, 1, REVOKED, client_revoke(&powercut->client, &sessions.tokens[REVOKED]));
    enum assay_answer answer =
        client_change(&powercut->client, &powercut->name, &powercut->first, &powercut->second);
    marks(&sessions, 2, target->traits.sessions_outlive_change ? SESSIONS : CHANGED, answer);
    client_close(&powercut->client);
    power_cuts(run, looks_for_sessions, &sessions);
}
const struct test_case powercut_sessions = {
    .name = "powercut.sessions",
    .shows = "wherever the power goes, a session that was revoked, or whose password was changed, "
             "has ended, and another one has not",
    .requirements = "A-7.4.2 A-7.4.3 A-6.5.1",
    .stands_for = "logged out, and inside again after the server was",
    .techniques = BIT(VECTORS) | BIT(POWERCUT),
    .weight = 25,
    .body = sessions,
};
