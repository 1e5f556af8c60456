/* SPDX-License-Identifier: Apache-2.0
 *
 * Witnesses: the shortest history that shows that a defect is still in its patch.
 *
 * A witness is a list of commands, with semicolons between them; words.c says how names, passwords
 * and stored strings are written. An operation is followed by the answer of correct code:
 *
 *     cost 8 1; open; register alice correct-horse-battery = ok; memory 0;
 *     login alice correct-horse-battery = unavailable(hashing,memory)
 *
 * On the reference all of it must hold, on the variant something must not. Every answer is judged
 * as in any other case (oracle.c), so `unavailable` without a reason, or with the wrong one, is red
 * whatever the witness says. targets/README.md has the list of commands.
 *
 * Every operation, alone or together with others, goes the same way: it is read into a deed, the
 * faults that are planned are armed for its step, the target is called, and the answer is judged.
 * Operations that act together do so on threads of a schedule, whose choices are not the witness's:
 * harness/run/witness.c runs the whole history once for each. A fault that does not strike is no
 * witness: the run is UNSUPPORTED then, which is neither green nor red.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/witness.h"
#include "cases/words.h"

#define HANDLES   4u
#define TOGETHER  3u
#define TIMES_MAX 1000u

static const char *witness_text;

void witness_set(const char *text)
{
    witness_text = text;
}

/* One operation that is asked for, and what was answered. */
struct deed {
    const struct operation_word *operation;
    struct text arguments[3];
    struct assay_reply reply;
};

struct witness {
    struct run *run;
    const struct subject *subject;
    struct client clients[HANDLES];
    struct client *client; /* the one in use */
    struct text session, string;
    struct deed deeds[TOGETHER];
    size_t deed_count;
    uint64_t hashes;  /* calls of the KDF before the last operation */
    struct plan plan; /* what shall fail, from the next operation on */
    bool is_armed;    /* it is the plan of the run */
    uint32_t power_moment;
};

/* A command that is not written as it should be is the witness's fault, and shown as such. */
#define UNDERSTOOD(witness, condition, words)                                                      \
    CHECK_CASE((witness)->run, condition, "the witness has a command that is not understood: %s",  \
               (words)->at[0])

/* --- Operations ------------------------------------------------------------------------------- */

static void call_register(struct witness *witness, struct client *client, struct deed *deed)
{
    (void)witness;
    client->table->register_account(client->handle, text_bytes(&deed->arguments[0]),
                                    text_bytes(&deed->arguments[1]), &deed->reply);
}

static void call_login(struct witness *witness, struct client *client, struct deed *deed)
{
    (void)witness;
    client->table->login(client->handle, text_bytes(&deed->arguments[0]),
                         text_bytes(&deed->arguments[1]), NULL, &deed->reply);
}

static void call_session(struct witness *witness, struct client *client, struct deed *deed)
{
    struct assay_text room = {(char *)witness->session.bytes, sizeof witness->session.bytes, 0};
    client->table->login(client->handle, text_bytes(&deed->arguments[0]),
                         text_bytes(&deed->arguments[1]), &room, &deed->reply);
    witness->session.size = room.size < room.capacity ? room.size : 0;
}

static void call_change(struct witness *witness, struct client *client, struct deed *deed)
{
    if (!client->table->change_password)
        unsupported(witness->run, "change_password");
    client->table->change_password(client->handle, text_bytes(&deed->arguments[0]),
                                   text_bytes(&deed->arguments[1]), text_bytes(&deed->arguments[2]),
                                   &deed->reply);
}

static void call_remove(struct witness *witness, struct client *client, struct deed *deed)
{
    if (!client->table->remove_account)
        unsupported(witness->run, "remove_account");
    client->table->remove_account(client->handle, text_bytes(&deed->arguments[0]),
                                  text_bytes(&deed->arguments[1]), &deed->reply);
}

static void call_check(struct witness *witness, struct client *client, struct deed *deed)
{
    struct text name;
    struct assay_text room = {(char *)name.bytes, sizeof name.bytes, 0};
    if (!client->table->session_check)
        unsupported(witness->run, "session_check");
    client->table->session_check(client->handle, text_bytes(&witness->session), &room,
                                 &deed->reply);
}

static void call_revoke(struct witness *witness, struct client *client, struct deed *deed)
{
    if (!client->table->session_revoke)
        unsupported(witness->run, "session_revoke");
    client->table->session_revoke(client->handle, text_bytes(&witness->session), &deed->reply);
}

static void call_hash(struct witness *witness, struct client *client, struct deed *deed)
{
    need_hashing(witness->run, client->table);
    deed->reply = plain_hash(witness->run, client->table, client->cost, &deed->arguments[0],
                             &witness->string);
}

static void call_verify(struct witness *witness, struct client *client, struct deed *deed)
{
    need_hashing(witness->run, client->table);
    client->table->verify(text_bytes(&witness->string), text_bytes(&deed->arguments[0]),
                          &deed->reply);
}

static const struct operation_word {
    const char *name;
    size_t arguments;
    void (*call)(struct witness *, struct client *, struct deed *);
    bool needs_handle;
    enum assay_answer no; /* the answer by which it says no */
} operations[] = {
    {"register", 2, call_register, true, ASSAY_EXISTS},
    {"login", 2, call_login, true, ASSAY_DENIED},
    {"session", 2, call_session, true, ASSAY_DENIED},
    {"change", 3, call_change, true, ASSAY_DENIED},
    {"remove", 2, call_remove, true, ASSAY_DENIED},
    {"check", 0, call_check, true, ASSAY_DENIED},
    {"revoke", 0, call_revoke, true, ASSAY_DENIED},
    {"hash", 1, call_hash, false, ASSAY_REFUSED},
    {"verify", 1, call_verify, false, ASSAY_DENIED},
};

static const struct operation_word *operation_word(const char *name)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].name, name) == 0)
            return &operations[i];
    return NULL;
}

/* "denied|unavailable(storage,io)": whether it is one of these. */
static bool is_one_of(const struct assay_reply *reply, const char *answers)
{
    char with_cause[80];
    const char *name = answer_name(reply->answer);
    snprintf(with_cause, sizeof with_cause, "%s(%s,%s)", name, layer_name(reply->cause.layer),
             reason_name(reply->cause.reason));
    for (const char *at = answers; *at; at += strcspn(at, "|"), at += *at == '|') {
        size_t size = strcspn(at, "|");
        if ((strlen(name) == size && strncmp(at, name, size) == 0) ||
            (strlen(with_cause) == size && strncmp(at, with_cause, size) == 0))
            return true;
    }
    return false;
}

/* The operation that begins at a word. Returns the number of words that it has; 0: it is none. */
static size_t read_deed(const struct words *words, size_t first, struct deed *ret)
{
    ret->operation = first < words->count ? operation_word(words->at[first]) : NULL;
    if (!ret->operation || first + 1 + ret->operation->arguments > words->count)
        return 0;
    for (size_t i = 0; i < ret->operation->arguments; i++)
        if (!word_bytes(words->at[first + 1 + i], &ret->arguments[i]))
            return 0;
    ret->reply = (struct assay_reply){.answer = ASSAY_ANSWERS};
    return 1 + ret->operation->arguments;
}

/* The password that no detail may show is the last argument but one of a change, else the last. */
static const struct text *secret_of(const struct deed *deed)
{
    size_t count = deed->operation->arguments;
    return count == 0 ? NULL : &deed->arguments[count == 3 ? 1 : count - 1];
}

/* What was planned must have struck, or the history shows nothing. */
static void need_struck(struct witness *witness)
{
    if (witness->is_armed && edge_fired() != (1u << witness->plan.count) - 1)
        unsupported(witness->run, "a call here that the witness makes fail");
}

static void judge(struct witness *witness, struct client *client, const struct deed *deed,
                  const char *expected)
{
    const char *name = deed->operation->name;
    tell(witness->run, "%s %s %s %s: %s", name,
         deed->operation->arguments > 0 ? QUOTED_TEXT(&deed->arguments[0]) : "",
         deed->operation->arguments > 1 ? QUOTED_TEXT(&deed->arguments[1]) : "",
         deed->operation->arguments > 2 ? QUOTED_TEXT(&deed->arguments[2]) : "",
         REPLY_TEXT(&deed->reply));
    client_judge(client, name, &deed->reply, secret_of(deed), deed->operation->no);
    bool is_expected = is_one_of(&deed->reply, expected);
    if (!is_expected)
        need_struck(witness);
    CHECK(witness->run, is_expected, "%s: expected %s, got %s", name, expected,
          REPLY_TEXT(&deed->reply));
}

/* --- What fails ------------------------------------------------------------------------------- */

static uint64_t kdf_calls(void)
{
    return edge_count(operation_named("call.crypto_pwhash"));
}

/* Before each operation: faults strike in the step that comes. */
static void arm(struct witness *witness)
{
    if (witness->plan.count == 0 || witness->is_armed)
        return;
    uint32_t number = witness->run->outcome->steps;
    for (uint32_t i = 0; i < witness->plan.count; i++)
        witness->plan.faults[i].site.step = (uint8_t)number;
    edge_arm(&witness->plan);
    witness->is_armed = true;
}

static void do_heal(struct witness *witness, const struct words *words)
{
    UNDERSTOOD(witness, words->count == 1, words);
    need_struck(witness);
    witness->plan.count = 0;
    witness->is_armed = false;
    edge_arm(&witness->plan);
}

static bool find_role(const char *name, uint8_t *ret)
{
    for (*ret = 0; *ret < edge_catalogue()->role_count; ++*ret)
        if (strcmp(edge_catalogue()->roles[*ret], name) == 0)
            return true;
    return false;
}

static bool find_effect(uint16_t operation, const char *name, int32_t *ret)
{
    const struct operation *row = &edge_catalogue()->operations[operation];
    for (*ret = 1; (uint32_t)*ret <= row->effect_count; ++*ret)
        if (strcmp(row->effects[*ret - 1], name) == 0)
            return true;
    return false;
}

/* "disk.write/wal". */
static bool read_place(const char *word, struct fault *ret)
{
    char name[NAME_BYTES_MAX];
    size_t size = strcspn(word, "/");
    snprintf(name, sizeof name, "%.*s", (int)size, word);
    ret->site.operation = operation_named(name);
    return ret->site.operation < edge_catalogue()->operation_count &&
           find_role(word[size] == '/' ? word + size + 1 : "-", &ret->site.role);
}

static void do_fail(struct witness *witness, const struct words *words)
{
    struct fault fault = {.times = FAULT_FOR_GOOD};
    uint64_t number = 1;
    UNDERSTOOD(witness,
               words->count >= 3 && read_place(words->at[1], &fault) &&
                   find_effect(fault.site.operation, words->at[2], &fault.effect.code),
               words);
    for (size_t i = 3; i < words->count; i++) {
        if (strcmp(words->at[i], "once") == 0)
            fault.times = 1;
        else
            UNDERSTOOD(witness, word_number(words->at[i], OCCURRENCES_MAX, &number) && number > 0,
                       words);
    }
    UNDERSTOOD(witness, witness->plan.count < FAULTS_MAX && !witness->is_armed, words);
    fault.site.occurrence = (uint32_t)number - 1;
    witness->plan.faults[witness->plan.count++] = fault;
}

static void do_memory(struct witness *witness, const struct words *words)
{
    uint64_t kib = 0;
    bool is_all = words->count == 2 && strcmp(words->at[1], "all") == 0;
    UNDERSTOOD(witness,
               is_all || (words->count == 2 && word_number(words->at[1], UINT32_MAX, &kib)), words);
    edge_allow(operation_named("memory.map"), is_all ? UINT64_MAX : kib * 1024);
}

static void do_power(struct witness *witness, const struct words *words)
{
    UNDERSTOOD(witness, words->count == 1, words);
    power_watch(witness->run);
}

/* What a program does to its files when its machine is off counts for nothing. */
static void do_cut(struct witness *witness, const struct words *words)
{
    UNDERSTOOD(witness, words->count == 1, words);
    uint32_t moment = power_here();
    for (size_t i = 0; i < HANDLES; i++)
        client_close(&witness->clients[i]);
    power_lose(witness->run, moment);
}

/* --- Handles ---------------------------------------------------------------------------------- */

static void do_open(struct witness *witness, const struct words *words)
{
    bool must_exist = words->count == 2 && strcmp(words->at[1], "existing") == 0;
    UNDERSTOOD(witness, words->count == 1 || must_exist, words);
    client_close(witness->client);
    arm(witness);
    client_open(witness->client, must_exist);
}

static void do_close(struct witness *witness, const struct words *words)
{
    UNDERSTOOD(witness, words->count == 1, words);
    client_close(witness->client);
}

static void do_cost(struct witness *witness, const struct words *words)
{
    uint64_t memory_kib = 0, passes = 0;
    UNDERSTOOD(witness,
               words->count == 3 && word_number(words->at[1], UINT32_MAX, &memory_kib) &&
                   word_number(words->at[2], UINT32_MAX, &passes),
               words);
    witness->client->cost = (struct assay_cost){(uint32_t)memory_kib, (uint32_t)passes};
}

static void do_handle(struct witness *witness, const struct words *words)
{
    uint64_t number = 0;
    UNDERSTOOD(witness,
               words->count == 2 && word_number(words->at[1], HANDLES, &number) && number > 0,
               words);
    witness->client = &witness->clients[number - 1];
}

static void do_release(struct witness *witness, const struct words *words)
{
    bool is_before = words->count == 2 && strcmp(words->at[1], "before") == 0;
    UNDERSTOOD(witness, is_before || (words->count == 2 && strcmp(words->at[1], "this") == 0),
               words);
    client_close(witness->client);
    witness->client->table = is_before ? witness->subject->writer : witness->subject->target;
}

/* --- Operations in a row, and together -------------------------------------------------------- */

static void act(struct witness *witness, struct deed *deed, const char *expected)
{
    struct client *client = witness->client;
    arm(witness);
    step(witness->run, deed->operation->name);
    witness->hashes = kdf_calls();
    deed->operation->call(witness, client, deed);
    witness->hashes = kdf_calls() - witness->hashes;
    judge(witness, client, deed, expected);
}

static void do_operation(struct witness *witness, const struct words *words)
{
    struct deed *deed = &witness->deeds[0];
    uint64_t times = 1;
    size_t first = strcmp(words->at[0], "times") == 0 ? 2 : 0;
    if (first > 0)
        UNDERSTOOD(witness,
                   words->count > 2 && word_number(words->at[1], TIMES_MAX, &times) && times > 0,
                   words);
    size_t count = read_deed(words, first, deed);
    UNDERSTOOD(witness,
               count > 0 && first + count + 2 == words->count &&
                   strcmp(words->at[first + count], "=") == 0,
               words);
    if (deed->operation->needs_handle)
        CHECK_CASE(witness->run, witness->client->handle != NULL,
                   "the witness uses a handle that is not open: %s", words->at[0]);
    for (uint64_t i = 0; i < times; i++) {
        deed->reply = (struct assay_reply){.answer = ASSAY_ANSWERS};
        act(witness, deed, words->at[words->count - 1]);
    }
}

/* On a thread of its own. */
static void act_together(void *context, uint32_t thread)
{
    struct witness *witness = context;
    struct deed *deed = &witness->deeds[thread];
    deed->operation->call(witness, &witness->clients[thread], deed);
}

/* "register a p & login a q = exists ok": the deeds, and where the answers begin. */
static size_t read_together(struct witness *witness, const struct words *words)
{
    size_t at = 1, count = 0;
    witness->deed_count = 0;
    while (witness->deed_count < TOGETHER &&
           (count = read_deed(words, at, &witness->deeds[witness->deed_count])) > 0) {
        at += count;
        witness->deed_count++;
        if (at >= words->count || strcmp(words->at[at], "&") != 0)
            break;
        at++;
    }
    UNDERSTOOD(witness,
               count > 0 && witness->deed_count > 1 &&
                   at + 1 + witness->deed_count == words->count && strcmp(words->at[at], "=") == 0,
               words);
    return at + 1;
}

static void do_together(struct witness *witness, const struct words *words)
{
    size_t answers = read_together(witness, words);
    for (size_t i = 0; i < witness->deed_count; i++) {
        struct client *client = &witness->clients[i];
        if (!client->handle) {
            client->cost = witness->client->cost;
            client_open(client, true);
        }
        client->may_be_busy = client->others_act = true;
    }
    arm(witness);
    step(witness->run, "together");
    schedule(witness->run, (uint32_t)witness->deed_count, act_together, witness);
    for (size_t i = 0; i < witness->deed_count; i++)
        judge(witness, &witness->clients[i], &witness->deeds[i], words->at[answers + i]);
    for (size_t i = 0; i < witness->deed_count; i++)
        witness->clients[i].may_be_busy = witness->clients[i].others_act = false;
}

static void do_count(struct witness *witness, const struct words *words)
{
    uint64_t wanted = 0, got = 0;
    UNDERSTOOD(witness, words->count == 3 && word_number(words->at[2], TOGETHER, &wanted), words);
    for (size_t i = 0; i < witness->deed_count; i++)
        got += is_one_of(&witness->deeds[i].reply, words->at[1]);
    CHECK(witness->run, got == wanted, "%u of those that acted together were answered %s, not %u",
          (unsigned)got, words->at[1], (unsigned)wanted);
}

static void do_hashes(struct witness *witness, const struct words *words)
{
    uint64_t wanted = 0;
    UNDERSTOOD(witness, words->count == 2 && word_number(words->at[1], UINT32_MAX, &wanted), words);
    CHECK(witness->run, witness->hashes == wanted, "%u calls of the KDF, not %u",
          (unsigned)witness->hashes, (unsigned)wanted);
}

/* --- Records ---------------------------------------------------------------------------------- */

static void do_string(struct witness *witness, const struct words *words)
{
    UNDERSTOOD(witness, words->count == 2 && word_bytes(words->at[1], &witness->string), words);
    witness->client->may_be_corrupt = true;
}

/* Puts `new` in the place of the first `old` in the text. False: it is not there. */
static bool replace_in(struct text *text, const struct text *old, const struct text *new)
{
    struct text changed = {0};
    const uint8_t *found = memmem(text->bytes, text->size, old->bytes, old->size);
    if (!found)
        return false;
    size_t before = (size_t)(found - text->bytes), behind = before + old->size;
    text_add(&changed, text->bytes, before);
    text_add(&changed, new->bytes, new->size);
    text_add(&changed, text->bytes + behind, text->size - behind);
    *text = changed;
    return true;
}

/* record, replace, append, shorten: what the words make of the string. */
static bool edit(const struct words *words, struct text *string)
{
    struct text first, second;
    uint64_t number;
    if (words->count == 3 && strcmp(words->at[0], "shorten") == 0) {
        if (!word_number(words->at[2], string->size, &number))
            return false;
        string->size -= (size_t)number;
        return true;
    }
    if (words->count < 3 || !word_bytes(words->at[2], &first))
        return false;
    if (words->count == 4)
        return strcmp(words->at[0], "replace") == 0 && word_bytes(words->at[3], &second) &&
               replace_in(string, &first, &second);
    if (words->count != 3)
        return false;
    if (strcmp(words->at[0], "record") == 0)
        string->size = 0;
    text_add(string, first.bytes, first.size);
    return strcmp(words->at[0], "record") == 0 || strcmp(words->at[0], "append") == 0;
}

static void do_edit(struct witness *witness, const struct words *words)
{
    struct text name, string;
    need_records(witness->run, witness->client->table);
    UNDERSTOOD(witness,
               words->count > 2 && witness->client->handle && word_bytes(words->at[1], &name),
               words);
    record_read(witness->client, &name, &string);
    UNDERSTOOD(witness, edit(words, &string), words);
    record_write(witness->client, &name, &string);
    witness->client->may_be_corrupt = true;
}

static void do_differ(struct witness *witness, const struct words *words)
{
    struct text name, strings[2];
    need_records(witness->run, witness->client->table);
    UNDERSTOOD(witness, words->count == 3 && witness->client->handle, words);
    for (size_t i = 0; i < 2; i++) {
        UNDERSTOOD(witness, word_bytes(words->at[1 + i], &name), words);
        record_read(witness->client, &name, &strings[i]);
    }
    CHECK(witness->run, !same_text(&strings[0], &strings[1]),
          "two accounts have one and the same record");
}

static void do_costs(struct witness *witness, const struct words *words)
{
    struct text name, string;
    struct assay_cost cost = {0, 0};
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    uint64_t memory_kib = 0, passes = 0;
    need_records(witness->run, witness->client->table);
    UNDERSTOOD(witness,
               words->count == 4 && witness->client->handle && witness->client->table->cost &&
                   word_bytes(words->at[1], &name) &&
                   word_number(words->at[2], UINT32_MAX, &memory_kib) &&
                   word_number(words->at[3], UINT32_MAX, &passes),
               words);
    record_read(witness->client, &name, &string);
    witness->client->table->cost(text_bytes(&string), &cost, &reply);
    CHECK(witness->run,
          reply.answer == ASSAY_OK && cost.memory_kib >= memory_kib && cost.passes >= passes,
          "the record costs m=%u t=%u (%s)", cost.memory_kib, cost.passes, REPLY_TEXT(&reply));
}

/* --- The case --------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    void (*act)(struct witness *, const struct words *);
} commands[] = {
    {"open", do_open},     {"close", do_close},       {"cost", do_cost},
    {"handle", do_handle}, {"release", do_release},   {"times", do_operation},
    {"hashes", do_hashes}, {"together", do_together}, {"count", do_count},
    {"string", do_string}, {"record", do_edit},       {"replace", do_edit},
    {"append", do_edit},   {"shorten", do_edit},      {"differ", do_differ},
    {"costs", do_costs},   {"fail", do_fail},         {"memory", do_memory},
    {"heal", do_heal},     {"power", do_power},       {"cut", do_cut},
};

static void one_command(struct witness *witness, const struct words *words)
{
    if (words->count == 0)
        return;
    UNDERSTOOD(witness, words->fits, words);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].word, words->at[0]) == 0) {
            commands[i].act(witness, words);
            return;
        }
    do_operation(witness, words);
}

static void body(struct run *run, const void *context)
{
    static struct witness witness; /* large; every run begins by filling it */
    const struct subject *subject = context;
    struct words words;
    const char *text = witness_text;
    need_accounts(run, subject->target);
    memset(&witness, 0, sizeof witness);
    witness.run = run;
    witness.subject = subject;
    witness.client = &witness.clients[0];
    for (size_t i = 0; i < HANDLES; i++)
        client_init(&witness.clients[i], run, subject->target,
                    cheapest_cost(&subject->target->traits));
    while (words_next(&text, &words))
        one_command(&witness, &words);
    need_struck(&witness);
}
const struct test_case witness_case = {.name = "witness",
                                       .shows = "a defect is still in its patch",
                                       .stands_for = "its patch",
                                       .body = body};
