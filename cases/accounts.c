/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: accounts.
 *
 * A machine of random operations on a few names and passwords, derived from each other, against the
 * model of possible passwords. A restart, or another cost, may come anywhere and must change no
 * answer.
 */
#include <string.h>

#include "cases/cases.h"

#define NAMES        3
#define PASSWORDS    3
#define CLIENTS      2
#define COMMANDS_MAX 16

struct machine {
    struct run *run;
    const struct assay_traits *traits;
    struct client
        clients[CLIENTS];  /* handles on one store; the second is opened when it is first used */
    struct client *client; /* whose turn it is */
    struct text names[NAMES];
    struct text passwords[PASSWORDS];
    struct model models[NAMES];
    size_t model_of[NAMES]; /* names that the target equates share one */
};

static struct model *model_for(struct machine *machine, size_t name)
{
    return &machine->models[machine->model_of[name]];
}

#define EXPLAINED(machine, name, explained)                                                        \
    CHECK((machine)->run, explained, "the answer %s cannot be: the account has %s",                \
          REPLY_TEXT(client_reply()), state_text(machine, name))

static const char *state_text(struct machine *machine, size_t name)
{
    static char text[300];
    return model_text(model_for(machine, name), text, sizeof text);
}

static void draw_world(struct machine *machine)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (i == 0 || draw(machine->run, 0, 3, 0) == 3)
            draw_name(machine->run, machine->traits, &machine->names[i]);
        else
            draw_neighbour(machine->run, &machine->names[draw_index(machine->run, i)],
                           &machine->names[i]);
        model_init(&machine->models[i], machine->traits);
        machine->model_of[i] = i;
        for (size_t j = 0; j < i; j++)
            if (same_name(machine->traits, &machine->names[i], &machine->names[j])) {
                machine->model_of[i] = machine->model_of[j];
                break;
            }
    }
    for (size_t i = 0; i < PASSWORDS; i++)
        if (i == 0 || draw(machine->run, 0, 3, 0) == 3)
            draw_password(machine->run, machine->traits, &machine->passwords[i]);
        else
            draw_neighbour(machine->run, &machine->passwords[draw_index(machine->run, i)],
                           &machine->passwords[i]);
}

/* A password that the policy would never have let in may be denied, whatever it is equated with. */
static bool rightly_denied(struct machine *machine, size_t name, enum assay_answer answer,
                           const struct text *password)
{
    if (answer != ASSAY_DENIED || !machine->client->table->hash ||
        would_hash(machine->run, machine->client->table, password))
        return false;
    model_attempt(model_for(machine, name), answer);
    return true;
}

static void do_register(struct machine *machine, size_t name, const struct text *password)
{
    enum assay_answer answer = client_register(machine->client, &machine->names[name], password);
    EXPLAINED(machine, name, model_register(model_for(machine, name), answer, password));
}

static void do_login(struct machine *machine, size_t name, const struct text *password)
{
    struct model before = *model_for(machine, name);
    enum assay_answer answer = client_login(machine->client, &machine->names[name], password);
    /* A policy that lets a password in lets it log in, too. */
    CHECK(machine->run, answer != ASSAY_REFUSED || model_login(&before, ASSAY_DENIED, password),
          "a password that was accepted when it was set is refused at login");
    if (rightly_denied(machine, name, answer, password))
        return;
    EXPLAINED(machine, name, model_login(model_for(machine, name), answer, password));
}

static void do_change(struct machine *machine, size_t name, const struct text *before,
                      const struct text *after)
{
    enum assay_answer answer = client_change(machine->client, &machine->names[name], before, after);
    if (rightly_denied(machine, name, answer, before))
        return;
    EXPLAINED(machine, name, model_change(model_for(machine, name), answer, before, after));
}

static void do_remove(struct machine *machine, size_t name, const struct text *password)
{
    enum assay_answer answer = client_remove(machine->client, &machine->names[name], password);
    if (rightly_denied(machine, name, answer, password))
        return;
    EXPLAINED(machine, name, model_remove(model_for(machine, name), answer, password));
}

static void restart(struct machine *machine, struct assay_cost cost)
{
    client_close(machine->client);
    machine->client->cost = cost;
    if (!client_open(machine->client, true))
        machine->client = &machine->clients[0];
}

/* Half of the time a password that is right, where that is known, so that operations get somewhere.
 */
static const struct text *some_password(struct machine *machine, size_t name)
{
    const struct model *model = model_for(machine, name);
    size_t any = draw_index(machine->run, PASSWORDS);
    bool right = draw(machine->run, 0, 1, 0) == 0;
    if (right && model->state_count == 1 && model->states[0].current != MODEL_ABSENT)
        return model->passwords[model->states[0].current];
    return &machine->passwords[any];
}

/* A target that declares a window in which replaced passwords still work is asked through one
 * handle only. */
static void choose_client(struct machine *machine)
{
    size_t who = draw_index(machine->run, machine->traits->stale_window_ms ? 1 : CLIENTS);
    machine->client = &machine->clients[who];
    machine->client->may_be_busy = who > 0;
    if (!machine->client->handle && !client_open(machine->client, true))
        machine->client = &machine->clients[0];
}

static void one_command(struct machine *machine)
{
    struct run *run = machine->run;
    int64_t command = draw(run, 0, 11, 0);
    size_t name = draw_index(run, NAMES);
    choose_client(machine);
    const struct text *password = some_password(machine, name);
    const struct assay_target *table = machine->client->table;
    if (command <= 2)
        do_login(machine, name, password);
    else if (command <= 5)
        do_register(machine, name, password);
    else if (command <= 7 && table->change_password)
        do_change(machine, name, password, &machine->passwords[draw_index(run, PASSWORDS)]);
    else if (command <= 9 && table->remove_account)
        do_remove(machine, name, password);
    else if (command == 10)
        restart(machine, draw_cost(run, machine->traits));
    else
        restart(machine, machine->client->cost);
}

/* Who can log in now is looked at for every name with every password. */
static void look_at_all(struct machine *machine)
{
    machine->client = &machine->clients[0];
    for (size_t name = 0; name < NAMES; name++)
        for (size_t password = 0; password < PASSWORDS; password++)
            do_login(machine, name, &machine->passwords[password]);
}

static void machine(struct run *run, const void *context)
{
    const struct subject *subject = context;
    static struct machine machine; /* large; every run begins by filling it */
    need_accounts(run, subject->target);
    machine = (struct machine){.run = run, .traits = &subject->target->traits};
    struct assay_cost cost = draw_cost(run, machine.traits);
    for (size_t i = 0; i < CLIENTS; i++)
        client_init(&machine.clients[i], run, subject->target, cost);
    machine.client = &machine.clients[0];
    draw_world(&machine);
    client_open(machine.client, false);
    for (int i = 0; i < COMMANDS_MAX; i++) {
        uint32_t span = span_begin(run, "command");
        bool more = draw(run, 0, 31, 0) != 0;
        if (more)
            one_command(&machine);
        span_end(run, span);
        if (!more)
            break;
    }
    look_at_all(&machine);
}
const struct test_case accounts_machine = {
    .name = "accounts.machine",
    .shows = "after any operations on similar names and passwords, exactly the right password "
             "opens each account",
    .stands_for =
        "A-2.3.3, A-6.3.4, O-03: takeover, lost changes, confused names, rehash that breaks rows",
    .techniques = BIT(PROPERTY),
    .weight = 200,
    .body = machine,
};

static void names_apart(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_traits *traits = &subject->target->traits;
    struct text names[2], passwords[2];
    struct client client;
    client_with_account(&client, run, subject->target, &names[0], &passwords[0]);
    draw_neighbour(run, &names[0], &names[1]);
    draw_neighbour(run, &passwords[0], &passwords[1]);
    if (same_password(traits, &passwords[0], &passwords[1]) ||
        !within_name_limits(traits, &names[1]))
        reject(run);
    enum assay_answer second = client_register(&client, &names[1], &passwords[1]);
    bool same = same_name(traits, &names[0], &names[1]);
    if (same)
        CHECK(run, second == ASSAY_EXISTS || second == ASSAY_REFUSED,
              "a name that the target equates with a taken one is answered %s",
              REPLY_TEXT(client_reply()));
    else
        CHECK(run, second == ASSAY_OK || second == ASSAY_REFUSED,
              "another name than the taken one is answered %s", REPLY_TEXT(client_reply()));
    CHECK(run, client_login(&client, &names[0], &passwords[0]) == ASSAY_OK,
          "the first account is answered %s after the second was registered",
          REPLY_TEXT(client_reply()));
    CHECK(run, client_login(&client, &names[0], &passwords[1]) != ASSAY_OK,
          "the second account's password opens the first account");
    if (second != ASSAY_OK)
        return;
    CHECK(run, client_login(&client, &names[1], &passwords[1]) == ASSAY_OK,
          "the second account is answered %s", REPLY_TEXT(client_reply()));
    CHECK(run, client_login(&client, &names[1], &passwords[0]) != ASSAY_OK,
          "the first account's password opens the second account");
}
const struct test_case accounts_names_apart = {
    .name = "accounts.names_apart",
    .shows = "two similar names are two accounts, unless the target declares that they are one, "
             "and then they are one",
    .stands_for = "CVE-2008-4106, CVE-2021-41194: takeover by a name that is nearly equal",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = names_apart,
};

static void denial_changes_nothing(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_traits *traits = &subject->target->traits;
    struct text name, password, wrong, before, after;
    struct client client;
    need_records(run, subject->target);
    client_with_account(&client, run, subject->target, &name, &password);
    draw_neighbour(run, &password, &wrong);
    if (same_password(traits, &password, &wrong))
        reject(run);
    record_read(&client, &name, &before);
    client_close(&client);
    client.cost = draw_cost(run, traits); /* at another cost a careless rehash would show */
    client_open(&client, true);
    CHECK(run, client_login(&client, &name, &wrong) != ASSAY_OK, "a wrong password logs in");
    if (subject->target->change_password)
        CHECK(run, client_change(&client, &name, &wrong, &password) != ASSAY_OK,
              "a wrong password changes the password");
    if (subject->target->remove_account)
        CHECK(run, client_remove(&client, &name, &wrong) != ASSAY_OK,
              "a wrong password removes the account");
    CHECK(run, client_register(&client, &name, &wrong) != ASSAY_OK,
          "a name that is taken can be registered");
    record_read(&client, &name, &after);
    CHECK(run, same_text(&before, &after),
          "an operation that was denied changed the stored record");
    CHECK(run, client_login(&client, &name, &password) == ASSAY_OK,
          "afterwards the right password is answered %s", REPLY_TEXT(client_reply()));
}
const struct test_case accounts_denial_changes_nothing = {
    .name = "accounts.denial_changes_nothing",
    .shows =
        "login, change, removal and registration that are not granted leave the record as it was",
    .stands_for = "A-2.3.3, CVE-2017-13872: records written before the verdict",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = denial_changes_nothing,
};

static void one_policy(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_traits *traits = &subject->target->traits;
    struct text name, good, doubtful;
    struct client client;
    need_accounts(run, subject->target);
    client_init(&client, run, subject->target, cheapest_cost(traits));
    draw_name(run, traits, &name);
    draw_password(run, traits, &good);
    /* Too short by one, too long by one, or with bytes that a policy may not like. */
    doubtful = good;
    int64_t way = draw(run, 0, 2, 0);
    if (way == 0)
        doubtful.size = traits->password_bytes_min ? traits->password_bytes_min - 1 : 0;
    else if (way == 1)
        while (doubtful.size <= traits->password_bytes_max && doubtful.size < TEXT_BYTES_MAX)
            doubtful.bytes[doubtful.size++] = 'x';
    else
        doubtful.bytes[draw_index(run, doubtful.size)] = (uint8_t)draw(run, 0, 255, 1);
    client_open(&client, false);
    enum assay_answer first = client_register(&client, &name, &doubtful);
    if (first == ASSAY_OK) { /* there is no rule against it, so it is a password like any other */
        CHECK(run, client_login(&client, &name, &doubtful) == ASSAY_OK,
              "a password that registration took is answered %s", REPLY_TEXT(client_reply()));
        return;
    }
    if (!subject->target->change_password)
        reject(run);
    CHECK(run, client_login(&client, &name, &doubtful) != ASSAY_OK,
          "a password that was refused at registration logs in");
    if (client_register(&client, &name, &good) != ASSAY_OK)
        reject(run);
    CHECK(run, client_change(&client, &name, &good, &doubtful) != ASSAY_OK,
          "a password that is refused at registration is accepted at a change");
    CHECK(run, client_login(&client, &name, &good) == ASSAY_OK,
          "after a change that was refused, the password is answered %s",
          REPLY_TEXT(client_reply()));
}
const struct test_case accounts_one_policy = {
    .name = "accounts.one_policy",
    .shows =
        "what is refused when an account is registered is refused when its password is changed",
    .stands_for = "A-6.3.4, N-01: a second path with weaker rules",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = one_policy,
};

/* Calls of the KDF so far, through whatever function of the library. */
static uint64_t hashing_calls(void)
{
    const struct catalogue *catalogue = edge_catalogue();
    uint64_t calls = 0;
    for (uint16_t i = 0; i < catalogue->operation_count; i++)
        if (strncmp(catalogue->operations[i].name, "call.", 5) == 0 ||
            strcmp(catalogue->operations[i].name, "memory.map") == 0)
            calls += edge_count(i);
    return calls;
}

static void unknown_is_wrong(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_traits *traits = &subject->target->traits;
    struct text name, stranger, password, wrong;
    struct client client;
    client_with_account(&client, run, subject->target, &name, &password);
    draw_neighbour(run, &name, &stranger);
    draw_neighbour(run, &password, &wrong);
    if (same_name(traits, &name, &stranger) || !within_name_limits(traits, &stranger) ||
        same_password(traits, &password, &wrong) || !within_password_limits(traits, &wrong) ||
        (subject->target->hash && !would_hash(run, subject->target, &wrong)))
        reject(run);
    uint64_t before = hashing_calls();
    enum assay_answer known = client_login(&client, &name, &wrong);
    uint64_t for_known = hashing_calls() - before;
    before = hashing_calls();
    enum assay_answer unknown = client_login(&client, &stranger, &wrong);
    uint64_t for_unknown = hashing_calls() - before;
    /* A name that could not be registered is refused for what it is, whoever exists. */
    if (unknown == ASSAY_REFUSED && client_register(&client, &stranger, &password) == ASSAY_REFUSED)
        reject(run);
    CHECK(run, known == unknown,
          "an account that does not exist is answered %s, a wrong password %s",
          answer_name(unknown), answer_name(known));
    CHECK(run, for_known == for_unknown,
          "an account that does not exist costs %llu hashing calls, a wrong password %llu: time "
          "tells "
          "them apart",
          (unsigned long long)for_unknown, (unsigned long long)for_known);
}
const struct test_case accounts_unknown_is_wrong = {
    .name = "accounts.unknown_is_wrong",
    .shows =
        "an account that does not exist is answered like a wrong password, after the same work",
    .stands_for = "A-6.3.8, CVE-2016-6210: user names that can be found out",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = unknown_is_wrong,
};

static void must_exist(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct client client;
    need_accounts(run, subject->target);
    client_init(&client, run, subject->target, draw_cost(run, &subject->target->traits));
    client.may_be_corrupt = true; /* nothing fails, but there is nothing to be opened */
    for (int i = 0; i < 2; i++)
        CHECK(run, !client_open(&client, true), "accounts that are not there are opened%s",
              i == 0 ? "" : " at the second attempt: the first one left something behind");
    client.may_be_corrupt = false;
    CHECK(run, client_open(&client, false), "new accounts cannot be made: %s",
          REPLY_TEXT(client_reply()));
}
const struct test_case accounts_must_exist = {
    .name = "accounts.must_exist",
    .shows = "a store that must exist and does not is an error, and is not made by asking for it",
    .stands_for = "a wrong path or a missing mount, served as a service without accounts",
    .techniques = BIT(VECTORS),
    .body = must_exist,
};
