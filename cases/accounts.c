/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: accounts.
 *
 * A machine of random operations on a few names and passwords, derived from each other, against the
 * model of possible passwords. A restart, or another cost, may come anywhere and must change no
 * answer.
 */
#include <ctype.h>
#include <string.h>

#include "cases/cases.h"

#define NAMES              3
#define PASSWORDS          3
#define CLIENTS            2
#define COMMANDS_DRAWN_MAX 16

/* Accounts under a few names, which one or two handles work on, and what may be true of each. */
struct estate {
    struct run *run;
    const struct assay_traits *traits;
    struct client
        clients[CLIENTS];  /* handles on one store; the second is opened when it is first used */
    struct client *client; /* whose turn it is */
    struct text names[NAMES];
    struct text passwords[PASSWORDS];
    struct model models[NAMES];
    size_t model_of[NAMES]; /* names that the target equates share one */
    bool is_made;           /* the store: it was open once */
};

static struct model *model_for(struct estate *estate, size_t name)
{
    return &estate->models[estate->model_of[name]];
}

#define EXPLAINED(estate, name, explained)                                                         \
    CHECK((estate)->run, explained, "the answer %s cannot be: the account has %s",                 \
          REPLY_TEXT(client_reply()), state_text(estate, name))

static const char *state_text(struct estate *estate, size_t name)
{
    static char text[300];
    return model_text(model_for(estate, name), text, sizeof text);
}

/* A password that the policy would never have let in may be denied, whatever it is equated with. */
static bool rightly_denied(struct estate *estate, size_t name, enum assay_answer answer,
                           const struct text *password)
{
    if (answer != ASSAY_DENIED || !estate->client->table->hash ||
        would_hash(estate->run, estate->client->table, password))
        return false;
    model_attempt(model_for(estate, name), answer);
    return true;
}

static void do_register(struct estate *estate, size_t name, const struct text *password)
{
    enum assay_answer answer = client_register(estate->client, &estate->names[name], password);
    EXPLAINED(estate, name, model_register(model_for(estate, name), answer, password));
}

static void do_login(struct estate *estate, size_t name, const struct text *password)
{
    struct model before = *model_for(estate, name);
    enum assay_answer answer = client_login(estate->client, &estate->names[name], password);
    /* A policy that lets a password in lets it log in, too. */
    CHECK(estate->run, answer != ASSAY_REFUSED || model_login(&before, ASSAY_DENIED, password),
          "a password that was accepted when it was set is refused at login");
    if (rightly_denied(estate, name, answer, password))
        return;
    EXPLAINED(estate, name, model_login(model_for(estate, name), answer, password));
}

static void do_change(struct estate *estate, size_t name, const struct text *before,
                      const struct text *after)
{
    enum assay_answer answer = client_change(estate->client, &estate->names[name], before, after);
    if (rightly_denied(estate, name, answer, before))
        return;
    EXPLAINED(estate, name, model_change(model_for(estate, name), answer, before, after));
}

static void do_remove(struct estate *estate, size_t name, const struct text *password)
{
    enum assay_answer answer = client_remove(estate->client, &estate->names[name], password);
    if (rightly_denied(estate, name, answer, password))
        return;
    EXPLAINED(estate, name, model_remove(model_for(estate, name), answer, password));
}

/* The handle that shall work now; as long as another one is open, exclusive locks are honest. */
static void take_turn(struct estate *estate, size_t who)
{
    estate->client = &estate->clients[who];
    for (size_t i = 0; i < CLIENTS; i++)
        estate->client->may_be_busy |= i != who && estate->clients[i].handle;
}

/* Nobody else may hold the store while the only handle is away. */
static void restart(struct estate *estate, struct assay_cost cost)
{
    client_close(estate->client);
    estate->client->cost = cost;
    if (client_open(estate->client, true))
        return;
    client_close(&estate->clients[1]);
    estate->client = &estate->clients[0];
    estate->client->may_be_busy = false;
    if (!estate->client->handle)
        client_open(estate->client, true);
}

/* What may have failed works again from now on. A target that declares that it needs a new process
 * for that is asked nothing more. */
static bool recovers(struct estate *estate)
{
    bool has_failed = edge_fired() != 0;
    edge_quiet(true);
    if (!has_failed)
        return true;
    for (size_t i = CLIENTS; i-- > 0;)
        client_close(&estate->clients[i]);
    estate->client = &estate->clients[0];
    bool is_open = client_open(estate->client, false);
    CHECK_AS(estate->run, CONSEQUENCE_STUCK,
             is_open || estate->traits->recovery == ASSAY_RECOVERS_AFTER_RESTART,
             "nothing fails any more, but open answers %s", REPLY_TEXT(client_reply()));
    return is_open;
}

/* Who can log in now is looked at for every name with every password. */
static void look_at_all(struct estate *estate, size_t names, size_t passwords)
{
    client_close(&estate->clients[1]);
    estate->client = &estate->clients[0];
    estate->client->may_be_busy = false;
    for (size_t name = 0; name < names; name++)
        for (size_t password = 0; password < passwords; password++) {
            do_login(estate, name, &estate->passwords[password]);
            CHECK_AS(estate->run, CONSEQUENCE_STUCK,
                     client_reply()->answer != ASSAY_UNAVAILABLE ||
                         estate->traits->recovery == ASSAY_RECOVERS_AFTER_RESTART,
                     "nothing fails any more, but login answers %s", REPLY_TEXT(client_reply()));
        }
}

/* --- The machine ------------------------------------------------------------------------------ */

static void draw_world(struct estate *estate)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (i == 0 || draw(estate->run, 0, 3, 0) == 3)
            draw_name(estate->run, estate->traits, &estate->names[i]);
        else
            draw_neighbour(estate->run, &estate->names[draw_index(estate->run, i)],
                           &estate->names[i]);
        model_init(&estate->models[i], estate->traits);
        estate->model_of[i] = i;
        for (size_t j = 0; j < i; j++)
            if (same_name(estate->traits, &estate->names[i], &estate->names[j])) {
                estate->model_of[i] = estate->model_of[j];
                break;
            }
    }
    for (size_t i = 0; i < PASSWORDS; i++)
        if (i == 0 || draw(estate->run, 0, 3, 0) == 3)
            draw_password(estate->run, estate->traits, &estate->passwords[i]);
        else
            draw_neighbour(estate->run, &estate->passwords[draw_index(estate->run, i)],
                           &estate->passwords[i]);
}

static bool may_exist(struct estate *estate, size_t name)
{
    const struct model *model = model_for(estate, name);
    for (uint32_t i = 0; i < model->state_count; i++)
        if (model->states[i].current != MODEL_ABSENT)
            return true;
    return false;
}

/* Mostly the name of an account that exists, so that histories get somewhere. */
static size_t some_account(struct estate *estate)
{
    uint64_t alive = 0;
    for (size_t i = 0; i < NAMES; i++)
        alive |= (uint64_t)may_exist(estate, i) << i;
    return draw_object(estate->run, alive, NAMES);
}

/* Half of the time a password that is right, where that is known. */
static const struct text *some_password(struct estate *estate, size_t name)
{
    const struct model *model = model_for(estate, name);
    size_t any = draw_index(estate->run, PASSWORDS);
    bool right = draw(estate->run, 0, 1, 0) == 0;
    if (right && model->state_count == 1 && model->states[0].current != MODEL_ABSENT)
        return model->passwords[model->states[0].current];
    return &estate->passwords[any];
}

/* A target that declares a window in which replaced passwords still work is asked through one
 * handle only. False: a fault keeps the store from being opened. */
static bool choose_client(struct estate *estate)
{
    size_t who = draw_index(estate->run, estate->traits->stale_window_ms ? 1 : CLIENTS);
    for (size_t i = 0; i < CLIENTS; i++)
        estate->clients[i].may_be_busy = false;
    take_turn(estate, who);
    if (!estate->is_made)
        estate->client = &estate->clients[0];
    if (estate->client->handle || client_open(estate->client, estate->is_made))
        return estate->is_made = true;
    estate->client = &estate->clients[0];
    return estate->client->handle || client_open(estate->client, false);
}

static void act_login(struct run *run, void *model)
{
    (void)run;
    size_t name = some_account(model);
    if (!choose_client(model))
        return;
    do_login(model, name, some_password(model, name));
}

static void act_register(struct run *run, void *model)
{
    struct estate *estate = model;
    size_t name = draw_index(run, NAMES);
    if (!choose_client(estate))
        return;
    do_register(estate, name, &estate->passwords[draw_index(run, PASSWORDS)]);
}

static void act_change(struct run *run, void *model)
{
    struct estate *estate = model;
    size_t name = some_account(estate);
    if (!choose_client(estate))
        return;
    const struct text *before = some_password(estate, name);
    do_change(estate, name, before, &estate->passwords[draw_index(run, PASSWORDS)]);
}

static void act_remove(struct run *run, void *model)
{
    (void)run;
    size_t name = some_account(model);
    if (!choose_client(model))
        return;
    do_remove(model, name, some_password(model, name));
}

static void act_restart(struct run *run, void *model)
{
    (void)run;
    struct estate *estate = model;
    if (!choose_client(estate))
        return;
    restart(estate, estate->client->cost);
}

static void act_retune(struct run *run, void *model)
{
    struct estate *estate = model;
    if (!choose_client(estate))
        return;
    restart(estate, draw_cost(run, estate->traits));
}

static bool can_change(const void *model)
{
    return ((const struct estate *)model)->clients[0].table->change_password != NULL;
}

static bool can_remove(const void *model)
{
    return ((const struct estate *)model)->clients[0].table->remove_account != NULL;
}

/* Which accounts may exist, and whether the second handle is open. */
static uint32_t estate_state(const void *model)
{
    struct estate *estate = (struct estate *)(uintptr_t)model;
    uint32_t state = estate->clients[1].handle != NULL;
    for (size_t i = 0; i < NAMES; i++)
        state = state * 2 + may_exist(estate, i);
    return state;
}

static const struct machine_command commands[] = {
    {.name = "log in", .weight = 3, .act = act_login},
    {.name = "register", .weight = 3, .act = act_register},
    {.name = "change", .weight = 2, .allowed = can_change, .act = act_change},
    {.name = "remove", .weight = 2, .allowed = can_remove, .act = act_remove},
    {.name = "restart", .act = act_restart},
    {.name = "restart at another cost", .act = act_retune},
};
static const struct machine histories = {
    .commands = commands,
    .command_count = sizeof commands / sizeof *commands,
    .steps_max = COMMANDS_DRAWN_MAX,
    .state = estate_state,
};

static struct estate *estate_init(struct run *run, const struct subject *subject,
                                  struct assay_cost cost)
{
    static struct estate estate; /* large; every run begins by filling it */
    need_accounts(run, subject->target);
    estate = (struct estate){.run = run, .traits = &subject->target->traits};
    for (size_t i = 0; i < CLIENTS; i++)
        client_init(&estate.clients[i], run, subject->target, cost);
    estate.client = &estate.clients[0];
    return &estate;
}

static void machine(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct estate *estate = estate_init(run, subject, draw_cost(run, &subject->target->traits));
    draw_world(estate);
    estate->is_made = client_open(estate->client, false);
    uint32_t steps = machine_run(run, &histories, estate);
    cover(run, 25, steps >= 5, "five commands or more");
    if (recovers(estate))
        look_at_all(estate, NAMES, PASSWORDS);
}
const struct test_case accounts_machine = {
    .name = "accounts.machine",
    .shows = "after any operations on similar names and passwords, exactly the right password "
             "opens each account",
    .requirements = "A-2.3.3 A-6.2.3 A-6.3.4 O-03",
    .stands_for = "takeover, lost changes, confused names, rehash that breaks rows",
    .techniques = BIT(PROPERTY),
    .weight = 200,
    .body = machine,
    .faults = true,
};

/* --- All short histories ---------------------------------------------------------------------- */

/* How many names and passwords a history has used so far: the next new one is the next of its
 * list, since a history is the same under other names. */
struct used {
    size_t names, passwords;
};

static size_t draw_used(struct run *run, size_t *used, size_t all)
{
    size_t index = draw_index(run, *used < all ? *used + 1 : all);
    if (index == *used)
        ++*used;
    return index;
}

static void any_operation(struct estate *estate, struct used *used)
{
    struct run *run = estate->run;
    enum { REGISTER, LOGIN, CHANGE, REMOVE, RESTART, OPERATIONS };
    size_t operation = draw_index(run, OPERATIONS);
    if (operation == RESTART) {
        restart(estate, estate->client->cost);
        return;
    }
    size_t name = draw_used(run, &used->names, 2);
    const struct text *password = &estate->passwords[draw_used(run, &used->passwords, 2)];
    if (operation == REGISTER)
        do_register(estate, name, password);
    else if (operation == CHANGE && can_change(estate))
        do_change(estate, name, password, &estate->passwords[draw_used(run, &used->passwords, 2)]);
    else if (operation == REMOVE && can_remove(estate))
        do_remove(estate, name, password);
    else
        do_login(estate, name, password);
}

static void short_histories(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_traits *traits = &subject->target->traits;
    struct estate *estate = estate_init(run, subject, cheapest_cost(traits));
    struct used used = {0, 0};
    for (size_t i = 0; i < 2; i++) {
        simple_name(traits, (uint8_t)('a' + i), &estate->names[i]);
        simple_password(traits, (uint8_t)('a' + i), &estate->passwords[i]);
        model_init(&estate->models[i], estate->traits);
        estate->model_of[i] = i;
    }
    client_open(estate->client, false);
    for (int i = 0; i < 3; i++)
        any_operation(estate, &used);
    look_at_all(estate, 2, 2);
}
const struct test_case accounts_short_histories = {
    .name = "accounts.short_histories",
    .shows = "after every history of three operations on two names with two passwords, exactly the "
             "right password opens each account",
    .requirements = "A-2.3.3 A-6.2.3 A-6.3.4",
    .stands_for = "a small scope, all of it",
    .techniques = BIT(EXHAUSTIVE),
    .body = short_histories,
};

/* The first account is there; the second is registered, and neither opens to the other's password.
 */
static void keep_apart(struct client *client, const struct text names[2],
                       const struct text passwords[2])
{
    struct run *run = client->run;
    enum assay_answer second = client_register(client, &names[1], &passwords[1]);
    if (same_name(&client->table->traits, &names[0], &names[1]))
        CHECK(run, second == ASSAY_EXISTS || second == ASSAY_REFUSED,
              "a name that the target equates with a taken one is answered %s",
              REPLY_TEXT(client_reply()));
    else
        CHECK(run, second == ASSAY_OK || second == ASSAY_REFUSED,
              "another name than the taken one is answered %s", REPLY_TEXT(client_reply()));
    CHECK(run, client_login(client, &names[0], &passwords[0]) == ASSAY_OK,
          "the first account is answered %s after the second was registered",
          REPLY_TEXT(client_reply()));
    CHECK(run, client_login(client, &names[0], &passwords[1]) != ASSAY_OK,
          "the second account's password opens the first account");
    if (second != ASSAY_OK)
        return;
    CHECK(run, client_login(client, &names[1], &passwords[1]) == ASSAY_OK,
          "the second account is answered %s", REPLY_TEXT(client_reply()));
    CHECK(run, client_login(client, &names[1], &passwords[0]) != ASSAY_OK,
          "the first account's password opens the second account");
}

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
    keep_apart(&client, names, passwords);
}
const struct test_case accounts_names_apart = {
    .name = "accounts.names_apart",
    .shows = "two similar names are two accounts, unless the target declares that they are one, "
             "and then they are one",
    .stands_for = "CVE-2008-4106, CVE-2021-41194: takeover by a name that is nearly equal",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = names_apart,
};

#define NAME_BYTES_TRIED 255u /* where no limit is declared */

/* A piece again and again, as far as it fits, and then its first byte. */
static void fill_name(const char *piece, size_t size, struct text *ret)
{
    ret->size = 0;
    while (ret->size + strlen(piece) <= size)
        text_add(ret, piece, strlen(piece));
    while (ret->size < size)
        text_add(ret, "a", 1);
}

enum mistake {
    LAST_BYTES,
    ONE_MORE,
    CASE,
    ZERO_IN_FRONT,
    SPACE_BEHIND,
    NO_FRACTION,
    ANYTHING, /* as patterns of a shell and of SQL say it */
    ANYTHING_IN_SQL,
    ANY_LAST_BYTE,
    ANY_LAST_BYTE_IN_SQL,
    MISTAKES
};

/* A name that is easily taken for another one: cut, folded, read as a number, trimmed, read as a
 * pattern. */
static void mistake_name(enum mistake way, const struct text *name, struct text *ret)
{
    *ret = *name;
    if (way == LAST_BYTES)
        memset(ret->bytes + (name->size > 1 ? name->size - 2 : 0), 'x', name->size > 1 ? 2 : 1);
    if (way == ONE_MORE)
        text_add(ret, "a", 1);
    if (way == CASE && isalpha(ret->bytes[0]))
        ret->bytes[0] ^= 0x20;
    if (way == ZERO_IN_FRONT) {
        ret->bytes[0] = '0';
        ret->size = 1;
        text_add(ret, name->bytes, name->size);
    }
    if (way == SPACE_BEHIND)
        text_add(ret, " ", 1);
    if (way == NO_FRACTION)
        text_add(ret, ".0", 2);
    if (way == ANYTHING || way == ANYTHING_IN_SQL)
        ret->size = 1;
    if (way >= ANYTHING)
        ret->bytes[ret->size - 1] = (uint8_t) "*%?_"[way - ANYTHING];
}

static void lengths_of_names(struct run *run, const void *context)
{
    static const char *const pieces[] = {"a", "A", "7", "\u00e9", "b c"};
    static const size_t lengths[] = {1, 2, 9, 17, 33, 65, 129, SIZE_MAX - 1, SIZE_MAX};
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    const struct assay_traits *traits = &target->traits;
    struct text names[2], passwords[2];
    struct client client;
    need_accounts(run, target);
    const char *piece = pieces[draw_factor(run, sizeof pieces / sizeof *pieces)];
    size_t length = lengths[draw_factor(run, sizeof lengths / sizeof *lengths)];
    enum mistake way = (enum mistake)draw_factor(run, MISTAKES);
    size_t longest = traits->name_bytes_max ? traits->name_bytes_max : NAME_BYTES_TRIED;
    if (length >= SIZE_MAX - 1)
        length = longest - (SIZE_MAX - length);
    fill_name(piece, length, &names[0]);
    mistake_name(way, &names[0], &names[1]);
    for (size_t i = 0; i < 2; i++)
        simple_password(traits, (uint8_t)('a' + i), &passwords[i]);
    if (!within_name_limits(traits, &names[0]) || !within_name_limits(traits, &names[1]))
        reject(run);
    client_init(&client, run, target, cheapest_cost(traits));
    client_open(&client, false);
    if (client_register(&client, &names[0], &passwords[0]) != ASSAY_OK)
        reject(run);
    keep_apart(&client, names, passwords);
}
const struct test_case accounts_lengths_of_names = {
    .name = "accounts.lengths_of_names",
    .shows = "for names of every length and kind, two that are nearly one are two accounts, and "
             "each opens to its own password",
    .stands_for = "CVE-2008-4106, CVE-2013-0233: names that are cut, folded, trimmed or read as "
                  "numbers, on one side or on both",
    .techniques = BIT(EXHAUSTIVE),
    .body = lengths_of_names,
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
    client.cost = draw_cost(run, traits); /* at a dearer one a careless rehash would show */
    client.cost.memory_kib += client.cost.memory_kib ? 8 : 0;
    client.cost.passes += client.cost.passes > 0;
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
    enum assay_answer right = client_login(&client, &name, &password);
    bool may_be_locked = traits->lockout_attempts > 0 && traits->lockout_attempts <= 3;
    CHECK(run,
          right == ASSAY_OK ||
              (may_be_locked && right == (traits->hides_lockout ? ASSAY_DENIED : ASSAY_LOCKED)),
          "afterwards the right password is answered %s", REPLY_TEXT(client_reply()));
}
const struct test_case accounts_denial_changes_nothing = {
    .name = "accounts.denial_changes_nothing",
    .shows =
        "login, change, removal and registration that are not granted leave the record as it was",
    .requirements = "A-2.3.3 A-6.2.3",
    .stands_for = "CVE-2017-13872: records written before the verdict",
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
    .requirements = "A-6.3.4 N-01",
    .stands_for = "a second path with weaker rules",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .body = one_policy,
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
    .requirements = "A-16.5.3",
    .stands_for = "a wrong path or a missing mount, served as a service without accounts",
    .techniques = BIT(VECTORS),
    .body = must_exist,
};
