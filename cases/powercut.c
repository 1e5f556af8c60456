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
