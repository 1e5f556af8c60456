/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: work.
 *
 * What an attempt costs must not tell whether the account exists, and must not be the stranger's to
 * choose. Time is never looked at: what counts are calls of key derivation functions, the memory
 * that they map and allocate, and the memory times passes that they are asked for, all as seen at
 * the edge. So a verdict is the same on every machine.
 *
 * Equal work is demanded without faults only, for accounts whose record has the current cost, and
 * for equal numbers of attempts before. That a locked account and a record of a legacy scheme are
 * told apart is the right of honest targets: it is reported, not judged. Both kinds of attempts are
 * made once before, since what a target computes once and keeps, such as the hash that strangers
 * are compared with, is no difference between accounts.
 *
 * Not seen: key derivation within the target or in libraries whose calls are not intercepted; what
 * else takes time, such as a lookup in the database or a comparison (tests/taint.sh looks at that).
 */
#include <stdio.h>
#include <string.h>

#include "cases/cases.h"

/* --- The meter -------------------------------------------------------------------------------- */

static bool is_call(const char *operation)
{
    return strncmp(operation, "call.", strlen("call.")) == 0;
}

struct work work_so_far(void)
{
    const struct catalogue *catalogue = edge_catalogue();
    struct work work = {0, 0};
    for (uint16_t i = 0; i < catalogue->operation_count; i++) {
        const char *name = catalogue->operations[i].name;
        if (is_call(name))
            work.kib_passes += edge_held(i);
        if (is_call(name) || strcmp(name, "memory.map") == 0 || strcmp(name, "memory.kdf") == 0)
            work.calls += edge_count(i);
    }
    return work;
}

struct work work_since(struct work before)
{
    struct work now = work_so_far();
    return (struct work){now.calls - before.calls, now.kib_passes - before.kib_passes};
}

bool same_work(struct work a, struct work b)
{
    return a.calls == b.calls && a.kib_passes == b.kib_passes;
}

const char *work_text(char *ret, size_t size, struct work work)
{
    snprintf(ret, size, "%llu calls for key derivation of %llu KiB passes",
             (unsigned long long)work.calls, (unsigned long long)work.kib_passes);
    return ret;
}
#define WORK_TEXT(work) work_text((char[80]){0}, 80, work)

/* --- Who exists ------------------------------------------------------------------------------- */

/* Many neighbours are the same in the target's eyes, or against its rules: a few are tried. */
#define NEIGHBOURS 5

static bool draw_stranger(struct run *run, const struct assay_traits *traits,
                          const struct text *name, struct text *ret)
{
    bool found = false;
    for (int i = 0; i < NEIGHBOURS && !found; i++) {
        draw_neighbour(run, name, ret);
        found = !same_name(traits, name, ret) && within_name_limits(traits, ret);
    }
    return found;
}

static bool draw_wrong(struct run *run, const struct assay_target *target,
                       const struct text *password, struct text *ret)
{
    const struct assay_traits *traits = &target->traits;
    bool found = false;
    for (int i = 0; i < NEIGHBOURS && !found; i++) {
        draw_neighbour(run, password, ret);
        found = !same_password(traits, password, ret) && within_password_limits(traits, ret) &&
                (!target->hash || would_hash(run, target, ret));
    }
    return found;
}

/* Passwords that are wrong, or that no password can be. */
enum flaw { NEIGHBOUR, EMPTY, ONE_BYTE, TOO_LONG, NOT_UTF8, WITH_NUL, CONTROL, FLAWS };

static bool make_wrong(struct run *run, const struct assay_target *target, enum flaw flaw,
                       const struct text *password, struct text *ret)
{
    static const struct {
        const char *bytes;
        size_t size;
    } ends[FLAWS] = {
        [NOT_UTF8] = {"\xff\xc0\x80", 3}, [WITH_NUL] = {"\0x", 2}, [CONTROL] = {"\x7f", 1}};
    if (flaw == NEIGHBOUR)
        return draw_wrong(run, target, password, ret);
    *ret = *password;
    if (flaw == EMPTY || flaw == ONE_BYTE)
        ret->size = flaw == ONE_BYTE;
    while (flaw == TOO_LONG &&
           ret->size < (target->traits.password_bytes_max ? longest_password(&target->traits) + 1
                                                          : TEXT_BYTES_MAX))
        text_add(ret, "l", 1);
    text_add(ret, ends[flaw].bytes ? ends[flaw].bytes : "", ends[flaw].size);
    return !same_password(&target->traits, password, ret);
}

/* Operations that ask for a password. */
enum way { LOGIN, CHANGE, REMOVE, WAYS };

static bool has_way(const struct assay_target *target, enum way way)
{
    return way == LOGIN ||
           (way == CHANGE ? target->change_password != NULL : target->remove_account != NULL);
}

static enum assay_answer ask(struct client *client, enum way way, const struct text *name,
                             const struct text *password, struct work *ret)
{
    struct text next;
    struct work before = work_so_far();
    enum assay_answer answer;
    simple_password(&client->table->traits, 'q', &next);
    if (way == CHANGE)
        answer = client_change(client, name, password, &next);
    else if (way == REMOVE)
        answer = client_remove(client, name, password);
    else
        answer = client_login(client, name, password);
    *ret = work_since(before);
    return answer;
}

/* The target has made what it makes once; whoever failed before has no failures on record. */
static void warm_up(struct client *client, const struct text *name, const struct text *password,
                    const struct text *stranger)
{
    struct text other;
    simple_name(&client->table->traits, 'w', &other);
    if (same_name(&client->table->traits, &other, name) ||
        same_name(&client->table->traits, &other, stranger))
        reject(client->run);
    client_login(client, &other, password);
    CHECK(client->run, client_login(client, name, password) == ASSAY_OK,
          "the right password is answered %s", REPLY_TEXT(client_reply()));
}

/* Attempts beyond the limit: what they cost is reported. */
static void report_locked(struct client *client, const struct text *name, const struct text *wrong,
                          struct work usual)
{
    struct work work = usual;
    uint32_t limit = client->table->traits.lockout_attempts;
    enum assay_answer answer = ASSAY_OK;
    for (uint32_t i = 0; limit > 0 && limit <= 20 && i <= limit && answer != ASSAY_LOCKED; i++)
        answer = ask(client, LOGIN, name, wrong, &work);
    if (answer == ASSAY_LOCKED && !same_work(work, usual))
        label(client->run, "a locked account is told by its work");
}

static void report_legacy(struct client *client, const struct text *name, const struct text *wrong,
                          struct work usual)
{
    struct text row = {0};
    struct work work;
    const char *encoded = legacy_row(client->table->traits.legacy_schemes);
    if (!encoded || !client->table->record_put)
        return;
    text_add(&row, encoded, strlen(encoded));
    record_write(client, name, &row);
    ask(client, LOGIN, name, wrong, &work);
    if (!same_work(work, usual))
        label(client->run, "a legacy row is told by its work");
}

/* A name that could not be registered is refused for what it is, whoever exists. */
static void judge_unknown(struct client *client, const struct text *stranger,
                          const struct text *password, enum assay_answer known,
                          enum assay_answer unknown)
{
    if (unknown == ASSAY_REFUSED && known != ASSAY_REFUSED &&
        client_register(client, stranger, password) == ASSAY_REFUSED)
        reject(client->run);
    CHECK(client->run, known == unknown,
          "an account that does not exist is answered %s, a wrong password %s",
          answer_name(unknown), answer_name(known));
}

static void unknown_is_wrong(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text name, stranger, password, wrong;
    struct client client;
    struct work for_known, for_unknown;
    enum assay_answer known = ASSAY_ANSWERS, unknown;
    need_accounts(run, target);
    enum way way = (enum way)draw_factor(run, WAYS);
    enum flaw flaw = (enum flaw)draw_factor(run, FLAWS);
    bool unknown_first = draw_factor(run, 2) == 1;
    client_with_account(&client, run, target, &name, &password);
    if (!has_way(target, way) || !draw_stranger(run, &target->traits, &name, &stranger) ||
        !make_wrong(run, target, flaw, &password, &wrong))
        reject(run);
    warm_up(&client, &name, &password, &stranger);
    if (!unknown_first)
        known = ask(&client, way, &name, &wrong, &for_known);
    unknown = ask(&client, way, &stranger, &wrong, &for_unknown);
    if (unknown_first)
        known = ask(&client, way, &name, &wrong, &for_known);
    CHECK(run, known != ASSAY_OK, "a wrong password is answered ok");
    judge_unknown(&client, &stranger, &password, known, unknown);
    CHECK(run, same_work(for_known, for_unknown),
          "an account that does not exist costs %s, a wrong password %s: time tells them apart",
          WORK_TEXT(for_unknown), WORK_TEXT(for_known));
    maximize(run, (int64_t)for_known.calls, "calls of one attempt");
    if (known == ASSAY_DENIED && way == LOGIN && flaw == NEIGHBOUR) {
        report_legacy(&client, &name, &wrong, for_known);
        report_locked(&client, &stranger, &wrong, for_unknown);
    }
}
const struct test_case work_unknown_is_wrong = {
    .name = "work.unknown_is_wrong",
    .shows = "at login, change and removal an account that does not exist is answered like a wrong "
             "password, malformed ones too, after the same work",
    .requirements = "A-6.3.8 A-6.3.4",
    .stands_for = "CVE-2016-6210: user names that can be found out by the clock",
    .techniques = BIT(EXHAUSTIVE) | BIT(PROPERTY),
    .body = unknown_is_wrong,
};

static void dearer_than_default(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text name, password, stranger;
    struct client client;
    struct work for_known, for_unknown;
    need_accounts(run, target);
    if (!target->traits.cost_min.memory_kib)
        unsupported(run, "a cost that can be set");
    client_init(&client, run, target, draw_cost(run, &target->traits));
    client.cost.memory_kib += 8;
    client.cost.passes += 1;
    simple_name(&target->traits, 'a', &name);
    simple_name(&target->traits, 'b', &stranger);
    simple_password(&target->traits, 'a', &password);
    client_open(&client, false);
    if (client_register(&client, &name, &password) != ASSAY_OK)
        reject(run);
    warm_up(&client, &name, &password, &stranger);
    ask(&client, LOGIN, &name, &password, &for_known);
    ask(&client, LOGIN, &stranger, &password, &for_unknown);
    CHECK(run, same_work(for_known, for_unknown),
          "m=%u t=%u is configured; an account that does not exist costs %s, one that does %s",
          client.cost.memory_kib, client.cost.passes, WORK_TEXT(for_unknown), WORK_TEXT(for_known));
}
const struct test_case work_follows_the_cost = {
    .name = "work.follows_the_cost",
    .shows = "at whatever cost is configured, a login costs the same whether the account exists or "
             "not",
    .requirements = "A-6.3.8",
    .stands_for = "a hash for strangers that was made at yesterday's cost",
    .techniques = BIT(VECTORS) | BIT(PROPERTY),
    .weight = 25,
    .body = dearer_than_default,
};

/* --- Who chooses ------------------------------------------------------------------------------ */

/* An attempt with texts of any size, a step and judged like all others. */
static enum assay_answer attempt_with(struct client *client, struct assay_bytes name,
                                      struct assay_bytes password, struct work *ret)
{
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    struct work before = work_so_far();
    step(client->run, "login");
    client->table->login(client->handle, name, password, NULL, &reply);
    *ret = work_since(before);
    tell(client->run, "log in with a name of %zu bytes and a password of %zu: %s", name.size,
         password.size, REPLY_TEXT(&reply));
    return client_judge(client, "login", &reply, NULL, ASSAY_DENIED);
}

static void bounded_by_length(struct run *run, const void *context)
{
    enum { LONG_BYTES = 1 << 18 };
    static const uint32_t sizes[] = {TEXT_BYTES_MAX, 4097, 1 << 16, LONG_BYTES};
    static uint8_t letters[LONG_BYTES];
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    struct text name, password;
    struct client client;
    struct work usual, work;
    need_accounts(run, target);
    bool is_name = draw_factor(run, 2) == 1;
    size_t size = sizes[draw_factor(run, sizeof sizes / sizeof *sizes)];
    bool is_known = draw_factor(run, 2) == 0;
    client_with_account(&client, run, target, &name, &password);
    memset(letters, 'l', sizeof letters);
    warm_up(&client, &name, &password, &name);
    ask(&client, LOGIN, &name, &password, &usual);
    struct assay_bytes longer = {letters, size};
    enum assay_answer answer =
        attempt_with(&client, is_name || !is_known ? longer : text_bytes(&name),
                     is_name ? text_bytes(&password) : longer, &work);
    CHECK(run, answer != ASSAY_OK, "%zu bytes that nobody registered log in", size);
    CHECK(run, work.calls <= usual.calls && work.kib_passes <= usual.kib_passes,
          "%s of %zu bytes costs %s, an ordinary login %s: whoever types more can keep it busy",
          is_name ? "a name" : "a password", size, WORK_TEXT(work), WORK_TEXT(usual));
}
const struct test_case work_bounded_by_length = {
    .name = "work.bounded_by_length",
    .shows = "a very long password or name costs no more key derivation than a short one",
    .requirements = "O-05",
    .stands_for = "CVE-2013-1443: passwords of a megabyte that keep a service busy",
    .techniques = BIT(EXHAUSTIVE),
    .body = bounded_by_length,
};
