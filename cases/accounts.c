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
#define COMMANDS_MAX 14

struct machine {
    struct run *run;
    const struct assay_traits *traits;
    struct client client;
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

static void do_register(struct machine *machine, size_t name, const struct text *password)
{
    enum assay_answer answer = client_register(&machine->client, &machine->names[name], password);
    EXPLAINED(machine, name, model_register(model_for(machine, name), answer, password));
}

static void do_login(struct machine *machine, size_t name, const struct text *password)
{
    struct model before = *model_for(machine, name);
    enum assay_answer answer = client_login(&machine->client, &machine->names[name], password);
    /* A policy that lets a password in lets it log in, too. */
    CHECK(machine->run, answer != ASSAY_REFUSED || model_login(&before, ASSAY_DENIED, password),
          "a password that was accepted when it was set is refused at login");
    EXPLAINED(machine, name, model_login(model_for(machine, name), answer, password));
}

static void do_change(struct machine *machine, size_t name, const struct text *before,
                      const struct text *after)
{
    enum assay_answer answer =
        client_change(&machine->client, &machine->names[name], before, after);
    EXPLAINED(machine, name, model_change(model_for(machine, name), answer, before, after));
}

static void do_remove(struct machine *machine, size_t name, const struct text *password)
{
    enum assay_answer answer = client_remove(&machine->client, &machine->names[name], password);
    EXPLAINED(machine, name, model_remove(model_for(machine, name), answer, password));
}

static void restart(struct machine *machine, struct assay_cost cost)
{
    client_close(&machine->client);
    machine->client.cost = cost;
    client_open(&machine->client, true);
}

static void one_command(struct machine *machine)
{
    struct run *run = machine->run;
    int64_t command = draw(run, 0, 9, 0);
    size_t name = draw_index(run, NAMES);
    const struct text *password = &machine->passwords[draw_index(run, PASSWORDS)];
    if (command <= 2)
        do_login(machine, name, password);
    else if (command <= 5)
        do_register(machine, name, password);
    else if (command == 6 && machine->client.table->change_password)
        do_change(machine, name, password, &machine->passwords[draw_index(run, PASSWORDS)]);
    else if (command == 7 && machine->client.table->remove_account)
        do_remove(machine, name, password);
    else if (command == 8)
        restart(machine, draw_cost(run, machine->traits));
    else
        restart(machine, machine->client.cost);
}

/* Who can log in now is looked at for every name with every password. */
static void look_at_all(struct machine *machine)
{
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
    client_init(&machine.client, run, subject->target, draw_cost(run, machine.traits));
    draw_world(&machine);
    client_open(&machine.client, false);
    for (int i = 0; i < COMMANDS_MAX; i++) {
        uint32_t span = span_begin(run);
        bool more = draw(run, 0, 15, 0) != 0;
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
    need_accounts(run, subject->target);
    client_init(&client, run, subject->target, cheapest_cost(traits));
    draw_name(run, traits, &names[0]);
    draw_neighbour(run, &names[0], &names[1]);
    draw_password(run, traits, &passwords[0]);
    draw_neighbour(run, &passwords[0], &passwords[1]);
    if (same_password(traits, &passwords[0], &passwords[1]) ||
        !within_name_limits(traits, &names[1]))
        reject(run);
    client_open(&client, false);
    if (client_register(&client, &names[0], &passwords[0]) != ASSAY_OK)
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
    client_init(&client, run, subject->target, cheapest_cost(traits));
    draw_name(run, traits, &name);
    draw_password(run, traits, &password);
    draw_neighbour(run, &password, &wrong);
    if (same_password(traits, &password, &wrong))
        reject(run);
    client_open(&client, false);
    if (client_register(&client, &name, &password) != ASSAY_OK)
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
    CHECK(run, before.size == after.size && memcmp(before.bytes, after.bytes, before.size) == 0,
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
