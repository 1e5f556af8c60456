/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: compatibility.
 *
 * Rows outlive releases and configurations. The writer makes them, the target serves them; in
 * `check` both are the same program, in `compare` they are the release before and the one after, in
 * both directions.
 */
#include <string.h>

#include "cases/cases.h"

struct history {
    struct client client;
    struct text name, password;
};

/* An account that the writer registers at a cost. */
static void written(struct run *run, const struct subject *subject, struct assay_cost cost,
                    struct history *ret)
{
    const struct assay_traits *traits = &subject->writer->traits;
    need_accounts(run, subject->writer);
    need_accounts(run, subject->target);
    draw_name(run, traits, &ret->name);
    draw_password(run, traits, &ret->password);
    if (!within_password_limits(&subject->target->traits, &ret->password) ||
        !within_name_limits(&subject->target->traits, &ret->name))
        reject(run);
    client_init(&ret->client, run, subject->writer, cost);
    client_open(&ret->client, false);
    if (client_register(&ret->client, &ret->name, &ret->password) != ASSAY_OK)
        reject(run);
    client_close(&ret->client);
}

/* `times` logins by a program at a cost; the second and third see what the first left behind. */
static void served(struct run *run, const struct assay_target *by, struct assay_cost cost,
                   int times, struct history *history)
{
    static const char *const nth[] = {"first", "second", "third"};
    client_init(&history->client, run, by, cost);
    client_open(&history->client, true);
    for (int i = 0; i < times; i++) {
        enum assay_answer answer =
            client_login(&history->client, &history->name, &history->password);
        CHECK(run, answer == ASSAY_OK, "at the %s login the right password is answered %s", nth[i],
              REPLY_TEXT(client_reply()));
    }
    client_close(&history->client);
}

static void current_rows(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct history history;
    struct assay_cost cost = draw_cost(run, &subject->writer->traits);
    written(run, subject, cost, &history);
    served(run, subject->target, cost, 2, &history);
}
const struct test_case compat_current_rows = {
    .name = "compat.current_rows",
    .shows = "whoever was registered can log in, at once and again",
    .requirements = "A-11.2.2",
    .stands_for = "the incident: rows that are written and cannot be read",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = current_rows,
};

/* Costs whose strings are longer than cheap ones: 96, 97 (production) and 98 bytes for Argon2id in
 * PHC form. None is cheaper than what the target declares to accept. */
static struct assay_cost draw_later_cost(struct run *run, const struct assay_traits *traits)
{
    static const struct assay_cost longer[] = {
        {0, 0}, {1024, 3}, {10240, 1}, {19456, 2}, {100000, 1}};
    size_t which =
        draw_index(run, traits->cost_min.memory_kib ? sizeof longer / sizeof *longer : 1);
    if (which == 0)
        return draw_cost(run, traits);
    struct assay_cost cost = longer[which];
    if (cost.memory_kib < traits->cost_min.memory_kib)
        cost.memory_kib = traits->cost_min.memory_kib;
    if (cost.passes < traits->cost_min.passes)
        cost.passes = traits->cost_min.passes;
    return cost;
}

static void older_rows(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct history history;
    struct assay_cost before = draw_cost(run, &subject->writer->traits);
    written(run, subject, before, &history);
    struct assay_cost now = draw_later_cost(run, &subject->target->traits);
    served(run, subject->target, now, 3, &history);
}
const struct test_case compat_older_rows = {
    .name = "compat.older_rows",
    .shows =
        "rows written under older parameters log in, and still do after they were hashed again",
    .requirements = "A-11.2.2 O-03",
    .stands_for = "rehash that truncates, parameters taken from the configuration",
    .techniques = BIT(PROPERTY),
    .weight = 20,
    .body = older_rows,
};

static void rehashed_rows(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct history history;
    written(run, subject, cheapest_cost(&subject->writer->traits), &history);
    served(run, subject->target, subject->target->traits.cost_default, 3, &history);
}
const struct test_case compat_rehashed_rows = {
    .name = "compat.rehashed_rows",
    .shows = "cheap rows log in at the production cost, before and after they were hashed again",
    .requirements = "A-11.2.2 O-03",
    .stands_for = "only production parameters have strings long enough to be cut",
    .techniques = BIT(VECTORS),
    .weight = 25,
    .body = rehashed_rows,
};

/* One of four costs, all cheap. */
static struct assay_cost factor_cost(struct run *run, const struct assay_traits *traits)
{
    static const struct assay_cost more[] = {{0, 0}, {8, 0}, {0, 1}, {56, 2}};
    size_t level = draw_factor(run, sizeof more / sizeof *more);
    struct assay_cost cost = cheapest_cost(traits);
    cost.memory_kib += cost.memory_kib ? more[level].memory_kib : 0;
    cost.passes += cost.passes ? more[level].passes : 0;
    return cost;
}

/* One of several kinds of text: simple, with a space, composed, decomposed, of two scripts, and as
 * long as can be. What the limits do not allow is the simple one. */
static void factor_text(struct run *run, size_t longest, struct text *ret)
{
    static const char *const ends[] = {"", " b", "\u00e9", "e\u0301", "\u6f22\u5b57", NULL};
    const char *end = ends[draw_factor(run, sizeof ends / sizeof *ends)];
    size_t more = end ? strlen(end) : 0;
    if (!end)
        while (ret->size < longest)
            text_add(ret, "l", 1);
    else if (ret->size + more <= longest)
        text_add(ret, end, more);
}

static void configurations(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_traits *traits = &subject->target->traits;
    struct history history;
    struct text wrong;
    need_accounts(run, subject->writer);
    need_accounts(run, subject->target);
    struct assay_cost before = factor_cost(run, &subject->writer->traits);
    struct assay_cost now = factor_cost(run, traits);
    simple_name(traits, 'a', &history.name);
    simple_password(traits, 'a', &history.password);
    factor_text(run, traits->name_bytes_max ? traits->name_bytes_max : 64, &history.name);
    factor_text(run, longest_password(traits), &history.password);
    enum { NOTHING, WRONG_PASSWORD, SAME_AGAIN, BACK_AND_FORTH, BETWEEN };
    size_t between = draw_factor(run, BETWEEN);
    add_suffix(traits, &history.password);
    simple_password(traits, 'b', &wrong);
    client_init(&history.client, run, subject->writer, before);
    client_open(&history.client, false);
    if (client_register(&history.client, &history.name, &history.password) != ASSAY_OK)
        reject(run);
    if (between == WRONG_PASSWORD && !same_password(traits, &wrong, &history.password))
        CHECK(run, client_login(&history.client, &history.name, &wrong) != ASSAY_OK,
              "a wrong password logs in");
    client_close(&history.client);
    if (between == SAME_AGAIN)
        served(run, subject->writer, before, 1, &history);
    if (between == BACK_AND_FORTH) {
        served(run, subject->target, now, 1, &history);
        served(run, subject->writer, before, 1, &history);
    }
    served(run, subject->target, now, 2, &history);
}
const struct test_case compat_configurations = {
    .name = "compat.configurations",
    .shows = "whoever was registered can log in, for every three of: cost then and now, kind of "
             "name and of password, what came between",
    .requirements = "A-11.2.2",
    .stands_for = "settings that only fail together",
    .techniques = BIT(EXHAUSTIVE),
    .body = configurations,
};

/* The cost that is written in the record of the account. */
static struct assay_cost recorded_cost(struct run *run, struct history *history)
{
    struct text encoded;
    struct assay_cost cost = {0, 0};
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    record_read(&history->client, &history->name, &encoded);
    history->client.table->cost(text_bytes(&encoded), &cost, &reply);
    judge_reply(run, &reply, "cost", &history->password);
    CHECK(run, reply.answer == ASSAY_OK, "the cost of a record is answered %s", REPLY_TEXT(&reply));
    return cost;
}

static bool at_least(struct assay_cost cost, struct assay_cost wanted)
{
    return cost.memory_kib >= wanted.memory_kib && cost.passes >= wanted.passes;
}

static void rows_follow_the_cost(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    const struct assay_traits *traits = &target->traits;
    struct history history;
    struct text other, first, second;
    need_records(run, target);
    if (!target->cost || !target->needs_rehash || !traits->cost_min.memory_kib)
        unsupported(run, "cost and needs_rehash");
    struct assay_cost before = draw_cost(run, traits), after = draw_cost(run, traits);
    written(run, subject, before, &history);
    client_init(&history.client, run, target, after);
    client_open(&history.client, true);
    record_read(&history.client, &history.name, &first);
    if (draw(run, 0, 1, 0) == 1) /* or the change is the first to see the row */
        CHECK(run, client_login(&history.client, &history.name, &history.password) == ASSAY_OK,
              "the right password is answered %s", REPLY_TEXT(client_reply()));
    record_read(&history.client, &history.name, &second);
    struct assay_cost renewed = recorded_cost(run, &history);
    if (!same_text(&first, &second))
        CHECK(run, at_least(renewed, after),
              "m=%u t=%u is configured, but a login wrote a record that costs m=%u t=%u",
              after.memory_kib, after.passes, renewed.memory_kib, renewed.passes);
    if (!target->change_password)
        return;
    other = history.password;
    other.bytes[0] = other.bytes[0] == 'x' ? 'y' : 'x';
    if (client_change(&history.client, &history.name, &history.password, &other) != ASSAY_OK)
        return;
    struct assay_cost changed = recorded_cost(run, &history);
    CHECK(run, at_least(changed, after),
          "m=%u t=%u is configured, but a new password is stored at m=%u t=%u", after.memory_kib,
          after.passes, changed.memory_kib, changed.passes);
}
const struct test_case compat_rows_follow_the_cost = {
    .name = "compat.rows_follow_the_cost",
    .shows = "a record that a login or a change writes costs what is configured",
    .requirements = "O-03 N-11",
    .stands_for = "rows that are written at another cost than the policy's",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = rows_follow_the_cost,
};

static void settled_rows(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct history history;
    struct text first, second;
    need_records(run, subject->target);
    written(run, subject, cheapest_cost(&subject->writer->traits), &history);
    client_init(&history.client, run, subject->target, draw_cost(run, &subject->target->traits));
    client_open(&history.client, true);
    client_login(&history.client, &history.name, &history.password);
    record_read(&history.client, &history.name, &first);
    history.client.stored = &first;
    client_login(&history.client, &history.name, &history.password);
    record_read(&history.client, &history.name, &second);
    CHECK(run, same_text(&first, &second), "every login writes the record anew");
}
const struct test_case compat_settled_rows = {
    .name = "compat.settled_rows",
    .shows = "a record that is up to date is not written again by the next login",
    .requirements = "O-03",
    .stands_for = "every login writes, and the database becomes the bottleneck",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .weight = 50,
    .body = settled_rows,
};

static void rolled_back_rows(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct history history;
    written(run, subject, cheapest_cost(&subject->writer->traits), &history);
    served(run, subject->target, subject->target->traits.cost_default, 1, &history);
    served(run, subject->writer, cheapest_cost(&subject->writer->traits), 2, &history);
}
const struct test_case compat_rolled_back_rows = {
    .name = "compat.rolled_back_rows",
    .shows = "rows that the new release hashed again still log in after it is rolled back",
    .requirements = "A-11.2.2",
    .stands_for = "the incident: a rollback that makes it worse",
    .techniques = BIT(VECTORS),
    .weight = 25,
    .body = rolled_back_rows,
};

static void production(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct history history;
    struct text wrong;
    written(run, subject, subject->writer->traits.cost_default, &history);
    served(run, subject->target, subject->target->traits.cost_default, 2, &history);
    wrong = history.password;
    wrong.bytes[0] = 'b';
    client_open(&history.client, true);
    CHECK(run, client_login(&history.client, &history.name, &wrong) == ASSAY_DENIED,
          "at production cost a wrong password is answered %s", REPLY_TEXT(client_reply()));
}
const struct test_case compat_production = {
    .name = "compat.production",
    .shows = "registration and login at the cost that is really used",
    .requirements = "O-01",
    .stands_for = "whatever only the real parameters reach",
    .techniques = BIT(VECTORS),
    .weight = 25,
    .body = production,
};

static void short_of_memory(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct history history;
    bool was_quiet = edge_quiet(true);
    written(run, subject, cheapest_cost(&subject->writer->traits), &history);
    edge_quiet(was_quiet);
    client_init(&history.client, run, subject->target, cheapest_cost(&subject->writer->traits));
    if (!client_open(&history.client, true))
        return;
    enum assay_answer answer = client_login(&history.client, &history.name, &history.password);
    CHECK(run, answer != ASSAY_DENIED,
          "the right password is answered denied, because something failed");
}
const struct test_case compat_short_of_memory = {
    .name = "compat.short_of_memory",
    .shows = "a right password is never called wrong because something failed",
    .requirements = "A-16.5.2 X-01",
    .stands_for =
        "the incident: 17 to 66 % refused under load, each told that the password was wrong",
    .techniques = BIT(VECTORS) | BIT(FAULT),
    .body = short_of_memory,
};
