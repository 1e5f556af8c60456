/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: outages.
 *
 * Short histories for the fault technique: each site that they reach is made to fail. While things
 * fail, answers must be ones that some honest history explains, with a cause that names what
 * failed. When it is over, the target must work again as it declares, the truth must be one of the
 * possible ones, and a name nobody used must be free.
 */
#include <string.h>

#include "cases/cases.h"

#define FAILURES_IN_A_ROW 17 /* more than the slots that a small service keeps */

struct outage {
    struct run *run;
    const struct assay_target *target;
    struct client client;
    struct model model;
    struct text name, first, second;
    bool over; /* nothing fails any more */
};

/* Within the declared limits, and of a kind that most policies take. */
static void text_set(struct text *ret, const char *stem, size_t size_min, size_t size_max)
{
    ret->size = strlen(stem);
    memcpy(ret->bytes, stem, ret->size);
    while (ret->size < size_min && ret->size < TEXT_BYTES_MAX)
        ret->bytes[ret->size++] = 'a';
    if (size_max && ret->size > size_max)
        ret->size = size_max;
}

static void outage_init(struct outage *outage, struct run *run, const struct subject *subject)
{
    const struct assay_traits *traits = &subject->target->traits;
    need_accounts(run, subject->target);
    memset(outage, 0, sizeof *outage);
    outage->run = run;
    outage->target = subject->target;
    text_set(&outage->name, "a", traits->name_bytes_min, traits->name_bytes_max);
    text_set(&outage->first, "First1password", traits->password_bytes_min,
             traits->password_bytes_max);
    text_set(&outage->second, "Second2password", traits->password_bytes_min,
             traits->password_bytes_max);
    add_suffix(traits, &outage->first);
    add_suffix(traits, &outage->second);
    model_init(&outage->model, traits);
    client_init(&outage->client, run, subject->target, cheapest_cost(traits));
}

/* What an answer that cannot be is evidence of. A password that must not work and does is the worst
 * of it; while things fail, a lie about them; when they work again, an account that is not what was
 * acknowledged, or, after a change that was left open, neither what it was nor what it should be.
 */
static enum consequence evidence_of(const struct outage *outage)
{
    if (client_reply()->answer == ASSAY_OK)
        return CONSEQUENCE_FAIL_OPEN;
    if (!outage->over)
        return CONSEQUENCE_WRONG_ANSWER;
    return outage->model.pending_count > 0 ? CONSEQUENCE_TORN : CONSEQUENCE_LOST;
}

#define EXPLAINED(outage, explained)                                                               \
    CHECK_AS((outage)->run, evidence_of(outage), explained,                                        \
             "the answer %s cannot be: the account has %s", REPLY_TEXT(client_reply()),            \
             model_text(&(outage)->model, (char[300]){0}, 300))

static bool opened(struct outage *outage)
{
    return outage->client.handle || client_open(&outage->client, false);
}

static void registers(struct outage *outage, const struct text *password)
{
    enum assay_answer answer = client_register(&outage->client, &outage->name, password);
    if (answer == ASSAY_REFUSED)
        unsupported(outage->run,
                    "a policy that takes the passwords of this scenario (traits.password_suffix)");
    EXPLAINED(outage, model_register(&outage->model, answer, password));
}

static void logs_in(struct outage *outage, const struct text *password)
{
    enum assay_answer answer = client_login(&outage->client, &outage->name, password);
    EXPLAINED(outage, model_login(&outage->model, answer, password));
}

static void changes(struct outage *outage, const struct text *before, const struct text *after)
{
    if (!outage->target->change_password)
        return;
    enum assay_answer answer = client_change(&outage->client, &outage->name, before, after);
    EXPLAINED(outage, model_change(&outage->model, answer, before, after));
}

static void removes(struct outage *outage, const struct text *password)
{
    if (!outage->target->remove_account)
        return;
    enum assay_answer answer = client_remove(&outage->client, &outage->name, password);
    EXPLAINED(outage, model_remove(&outage->model, answer, password));
}

/* Whether the target must serve again now; one that declares that it needs a new process may go on
 * saying that it cannot. */
static bool must_serve(const struct outage *outage)
{
    return outage->target->traits.recovery != ASSAY_RECOVERS_AFTER_RESTART;
}

/* What is true must be possible, and with the outage over nothing may be unavailable any more. */
static void looks_at_the_truth(struct outage *outage)
{
    const struct text *const passwords[] = {&outage->first, &outage->second};
    for (size_t i = 0; i < 2; i++) {
        logs_in(outage, passwords[i]);
        CHECK_AS(outage->run, CONSEQUENCE_STUCK,
                 client_reply()->answer != ASSAY_UNAVAILABLE || !must_serve(outage),
                 "the outage is over, but login still answers %s", REPLY_TEXT(client_reply()));
    }
}

static void recovers(struct outage *outage)
{
    struct text other;
    struct client *client = &outage->client;
    edge_quiet(true);
    outage->over = true;
    tell(outage->run, "the outage is over");
    if (outage->target->traits.recovery == ASSAY_RECOVERS_AT_ONCE && client->handle)
        looks_at_the_truth(outage);
    client_close(client);
    client_open(client, false);
    CHECK_AS(outage->run, CONSEQUENCE_STUCK, client->handle != NULL || !must_serve(outage),
             "the outage is over, but open answers %s", REPLY_TEXT(client_reply()));
    if (!client->handle)
        return;
    looks_at_the_truth(outage);
    if (!must_serve(outage))
        return;
    other = outage->name; /* which was taken, so its like is */
    other.bytes[0] = 'b';
    CHECK_AS(outage->run, CONSEQUENCE_STUCK,
             client_register(client, &other, &outage->first) == ASSAY_OK,
             "the outage is over, but a new name is answered %s", REPLY_TEXT(client_reply()));
    CHECK_AS(outage->run, CONSEQUENCE_LOST,
             client_login(client, &other, &outage->first) == ASSAY_OK,
             "the outage is over, but a new account is answered %s", REPLY_TEXT(client_reply()));
}

/* What was there before the outage: a store with one account. */
static void an_account(struct run *run, const void *context)
{
    struct outage outage;
    outage_init(&outage, run, context);
    client_open(&outage.client, false);
    registers(&outage, &outage.first);
    client_close(&outage.client);
}

/* The same, as it is known in a run that begins with it. */
static void prepared(struct outage *outage, struct run *run, const struct subject *subject)
{
    outage_init(outage, run, subject);
    model_register(&outage->model, ASSAY_OK, &outage->first);
}

/* Or a store without accounts. */
static void no_account(struct run *run, const void *context)
{
    struct outage outage;
    outage_init(&outage, run, context);
    client_open(&outage.client, false);
    client_close(&outage.client);
}

static void first_day(struct run *run, const void *context)
{
    struct outage outage;
    outage_init(&outage, run, context);
    if (opened(&outage)) {
        registers(&outage, &outage.first);
        logs_in(&outage, &outage.first);
        changes(&outage, &outage.first, &outage.second);
        logs_in(&outage, &outage.second);
        logs_in(&outage, &outage.first);
    }
    client_close(&outage.client);
    recovers(&outage);
}
const struct test_case outage_first_day = {
    .name = "outage.first_day",
    .shows = "an empty store, a registration, logins and a change survive any single fault, and "
             "each error says what failed",
    .requirements = "A-16.5.2 A-16.5.3",
    .stands_for = "the incident's lost hour; fail open, acknowledged and lost, wrong layer blamed",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .body = first_day,
};

/* After an error the caller begins anew, as callers do, and that can fail as well. */
static bool goes_on(struct outage *outage)
{
    if (outage->client.handle && client_reply()->answer == ASSAY_UNAVAILABLE)
        client_close(&outage->client);
    return opened(outage);
}

static void five_steps(struct run *run, const void *context)
{
    struct outage outage;
    outage_init(&outage, run, context);
    if (goes_on(&outage))
        registers(&outage, &outage.first);
    if (goes_on(&outage))
        logs_in(&outage, &outage.first);
    if (goes_on(&outage))
        changes(&outage, &outage.first, &outage.second);
    client_close(&outage.client);
    recovers(&outage);
}
const struct test_case outage_five_steps = {
    .name = "outage.five_steps",
    .shows = "open, register, log in, change, close: safe against any fault, any two of them, and "
             "any during the recovery from another",
    .requirements = "A-16.5.2 A-16.5.3",
    .stands_for = "OSDI 2014 (Yuan): most catastrophes begin with an error that is handled wrongly",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .body = five_steps,
    .prepare = no_account,
    .pairs = true,
};

static void morning(struct run *run, const void *context)
{
    struct outage outage;
    prepared(&outage, run, context);
    if (opened(&outage)) {
        logs_in(&outage, &outage.first);
        logs_in(&outage, &outage.second);
        logs_in(&outage, &outage.first);
    }
    recovers(&outage);
}
const struct test_case outage_morning = {
    .name = "outage.morning",
    .shows = "logins of an existing account, right and wrong, are never confused by a fault",
    .requirements = "A-16.5.2 X-01",
    .stands_for = "the incident: out of memory or a busy store answered as a wrong password",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .body = morning,
    .prepare = an_account,
};

/* How often the operation that the plan lets fail was passed in this step, if it is one of those
 * that only hashing or writing needs; 0 otherwise. */
static uint32_t passed_here(const struct fault *fault)
{
    static const char *const names[] = {"memory.map", "call.crypto_pwhash", "disk.write",
                                        "disk.sync"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(edge_catalogue()->operations[fault->site.operation].name, names[i]) == 0)
            return edge_occurrences(fault->site.operation, fault->site.role);
    return UINT32_MAX;
}

static void dearer_hashes(struct run *run, const void *context)
{
    struct outage outage;
    prepared(&outage, run, context);
    const struct plan *plan = edge_plan();
    const struct assay_cost cheap = outage.client.cost;
    uint32_t needed = UINT32_MAX;
    if (opened(&outage)) {
        logs_in(&outage, &outage.first); /* what a login needs that renews nothing */
        if (plan->count == 1 && edge_fired() == 0)
            needed = passed_here(&plan->faults[0]);
    }
    client_close(&outage.client);
    outage.client.cost = (struct assay_cost){cheap.memory_kib ? cheap.memory_kib + 8 : 0,
                                             cheap.passes ? cheap.passes + 1 : 0};
    if (opened(&outage)) {
        bool fired_before = edge_fired() != 0;
        logs_in(&outage, &outage.first);
        CHECK(run, client_reply()->answer != ASSAY_DENIED,
              "a right password is denied while its hash is renewed");
        /* What failed lies behind all that the verdict needed. */
        if (edge_fired() && !fired_before && plan->count == 1 &&
            plan->faults[0].site.occurrence >= needed)
            CHECK(run, client_reply()->answer == ASSAY_OK,
                  "the password was right, only renewing its hash failed, and login answers %s",
                  REPLY_TEXT(client_reply()));
        logs_in(&outage, &outage.first);
    }
    recovers(&outage);
}
const struct test_case outage_dearer_hashes = {
    .name = "outage.dearer_hashes",
    .shows = "a login that renews its hash is safe against any single fault",
    .requirements = "O-03",
    .stands_for = "rehash half done, or its failure shown as a failed login",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .body = dearer_hashes,
    .prepare = an_account,
};

/* Sites are counted in the first login only: a failure there for good strikes in all others, too.
 * Whoever loses something with each failure has nothing left when it is over. */
static void again_and_again(struct run *run, const void *context)
{
    struct outage outage;
    prepared(&outage, run, context);
    if (opened(&outage)) {
        logs_in(&outage, &outage.first);
        edge_quiet(edge_plan()->count == 0);
        for (int i = 1; i < FAILURES_IN_A_ROW; i++)
            logs_in(&outage, &outage.first);
        edge_quiet(false);
    }
    recovers(&outage);
}
const struct test_case outage_again_and_again = {
    .name = "outage.again_and_again",
    .shows = "the same fault many times in a row does no more harm than once",
    .requirements = "A-16.5.2",
    .stands_for = "a slot, a lock or a descriptor that each failure loses",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .body = again_and_again,
    .prepare = an_account,
};

static void farewell(struct run *run, const void *context)
{
    struct outage outage;
    prepared(&outage, run, context);
    if (opened(&outage)) {
        changes(&outage, &outage.first, &outage.second);
        removes(&outage, &outage.second);
        registers(&outage, &outage.first);
    }
    recovers(&outage);
}
const struct test_case outage_farewell = {
    .name = "outage.farewell",
    .shows = "change, removal and a new registration of the same name survive any single fault",
    .requirements = "A-2.3.3",
    .stands_for = "half-done changes, accounts that come back",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .body = farewell,
    .prepare = an_account,
};

static void damaged_file(struct run *run, const void *context)
{
    struct outage outage;
    struct file_image earlier;
    uint32_t changed = 0;
    struct text wrong;
    prepared(&outage, run, context);
    text_set(&wrong, "Never3set", outage.target->traits.password_bytes_min,
             outage.target->traits.password_bytes_max);
    if (!rot_remember(run, ACCOUNTS_PATH, &earlier))
        unsupported(run, "a database file on SQLite's default VFS");
    if (draw(run, 0, 1, 0) == 1 && opened(&outage)) {
        changes(&outage, &outage.first, &outage.second);
        client_close(&outage.client);
    }
    rot_file(run, ACCOUNTS_PATH, &earlier, &changed);
    if (changed == 0)
        reject(run);
    outage.client.may_be_corrupt = true;
    if (!opened(&outage))
        return;
    CHECK(run, client_login(&outage.client, &outage.name, &wrong) != ASSAY_OK,
          "with a damaged file a password that nobody set logs in");
    client_login(&outage.client, &outage.name, &outage.first);
    if (outage.target->change_password)
        client_change(&outage.client, &outage.name, &outage.first, &outage.second);
    CHECK(run, client_login(&outage.client, &outage.name, &wrong) != ASSAY_OK,
          "with a damaged file a password that nobody set logs in");
}
const struct test_case outage_damaged_file = {
    .name = "outage.damaged_file",
    .shows = "whatever bytes or pages of the database file change, nothing crashes, nobody gets in "
             "with a password nobody set, and corruption is called so",
    .requirements = "A-11.2.5 A-16.5.3",
    .stands_for = "bit rot; storage files as untrusted input",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = damaged_file,
    .prepare = an_account,
};
