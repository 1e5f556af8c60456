/* SPDX-License-Identifier: Apache-2.0
 *
 * A target whose bug takes five steps on one account: register, change, remove, register again, log
 * in with the password that was replaced in the first life.
 *
 * The rows live in a table in memory and outlast the handles, as a file would. A row that is
 * removed is kept and marked, so that its name stays reserved; registering the name again revives
 * it with a new password. A change notes the password that it replaced, to be accepted from the
 * next generation of the row on, which was meant to be never: but reviving a row begins its next
 * generation. Anything shorter, or the same steps on two accounts, shows nothing.
 *
 * It measures a search, not a target: passwords are compared as they are, nothing is hashed, and
 * nothing can fail.
 */
#include <string.h>

#include "harness/bench/five_steps.h"

#define ROWS_MAX 16u /* more names than one run of a case has */
#define TEXT_MAX 256u
#define HANDLES  64u

struct assay_handle {
    bool open;
};

struct word {
    size_t size;
    uint8_t bytes[TEXT_MAX];
};

static struct store {
    bool honest, made;
    struct assay_handle handles[HANDLES];
    size_t row_count;
    struct row {
        struct word name, password, replaced;
        uint32_t generation;    /* of the row: how often its name was registered */
        uint32_t replaced_from; /* the generation from which on `replaced` works; 0: never */
        bool removed;
    } rows[ROWS_MAX];
} store;

void five_steps_reset(bool honest)
{
    memset(&store, 0, sizeof store);
    store.honest = honest;
}

static void answer(struct assay_reply *ret, enum assay_answer which)
{
    *ret = (struct assay_reply){.answer = which};
}

static void unavailable(struct assay_reply *ret, enum assay_layer layer, enum assay_reason reason)
{
    *ret = (struct assay_reply){.answer = ASSAY_UNAVAILABLE, .cause = {layer, reason}};
}

/* Longer than declared: a policy does not accept it. */
static bool take(struct assay_bytes from, struct word *ret, struct assay_reply *reply)
{
    if (from.size > TEXT_MAX) {
        *reply = (struct assay_reply){.answer = ASSAY_REFUSED,
                                      .cause = {ASSAY_LAYER_INPUT, ASSAY_REASON_LIMIT}};
        return false;
    }
    ret->size = from.size;
    if (from.size > 0)
        memcpy(ret->bytes, from.data, from.size);
    return true;
}

static bool equal(const struct word *word, struct assay_bytes bytes)
{
    return word->size == bytes.size &&
           (bytes.size == 0 || memcmp(word->bytes, bytes.data, bytes.size) == 0);
}

static struct row *find(struct assay_bytes name)
{
    for (size_t i = 0; i < store.row_count; i++)
        if (equal(&store.rows[i].name, name))
            return &store.rows[i];
    return NULL;
}

static bool opens(const struct row *row, struct assay_bytes password)
{
    if (!row || row->removed)
        return false;
    return equal(&row->password, password) ||
           (!store.honest && row->replaced_from > 0 && row->generation >= row->replaced_from &&
            equal(&row->replaced, password));
}

static void open_accounts(const struct assay_config *config, struct assay_handle **ret_handle,
                          struct assay_reply *ret)
{
    if (config->must_exist && !store.made) {
        unavailable(ret, ASSAY_LAYER_STORAGE, ASSAY_REASON_IO);
        return;
    }
    for (size_t i = 0; i < HANDLES; i++)
        if (!store.handles[i].open) {
            store.made = store.handles[i].open = true;
            *ret_handle = &store.handles[i];
            answer(ret, ASSAY_OK);
            return;
        }
    unavailable(ret, ASSAY_LAYER_INTERNAL, ASSAY_REASON_LIMIT);
}

static void close_accounts(struct assay_handle *handle)
{
    handle->open = false;
}

static void register_account(struct assay_handle *handle, struct assay_bytes name,
                             struct assay_bytes password, struct assay_reply *ret)
{
    struct word new_name, new_password;
    (void)handle;
    if (!take(name, &new_name, ret) || !take(password, &new_password, ret))
        return;
    struct row *row = find(name);
    if (row && !row->removed) {
        answer(ret, ASSAY_EXISTS);
        return;
    }
    if (!row && store.row_count == ROWS_MAX) {
        unavailable(ret, ASSAY_LAYER_STORAGE, ASSAY_REASON_FULL);
        return;
    }
    if (!row)
        row = &store.rows[store.row_count++];
    row->name = new_name;
    row->password = new_password;
    row->removed = false;
    row->generation++;
    answer(ret, ASSAY_OK);
}

static void login(struct assay_handle *handle, struct assay_bytes name, struct assay_bytes password,
                  struct assay_text *ret_session, struct assay_reply *ret)
{
    (void)handle;
    if (ret_session)
        ret_session->size = 0;
    answer(ret, opens(find(name), password) ? ASSAY_OK : ASSAY_DENIED);
}

static void change_password(struct assay_handle *handle, struct assay_bytes name,
                            struct assay_bytes before, struct assay_bytes after,
                            struct assay_reply *ret)
{
    struct row *row = find(name);
    struct word password;
    (void)handle;
    if (!opens(row, before)) {
        answer(ret, ASSAY_DENIED);
        return;
    }
    if (!take(after, &password, ret))
        return;
    row->replaced = row->password;
    row->replaced_from = row->generation + 1;
    row->password = password;
    answer(ret, ASSAY_OK);
}

static void remove_account(struct assay_handle *handle, struct assay_bytes name,
                           struct assay_bytes password, struct assay_reply *ret)
{
    struct row *row = find(name);
    (void)handle;
    bool right = opens(row, password);
    if (right)
        row->removed = true;
    answer(ret, right ? ASSAY_OK : ASSAY_DENIED);
}

const struct assay_target five_steps = {
    .abi = ASSAY_TARGET_ABI,
    .size = sizeof(struct assay_target),
    .name = "five-steps",
    .version = "1",
    .traits = {.password_bytes_max = TEXT_MAX,
               .name_bytes_max = TEXT_MAX,
               .recovery = ASSAY_RECOVERS_AT_ONCE,
               .controlled_entropy = true,
               .cost_min = {8, 1},
               .cost_default = {8, 1}},
    .open = open_accounts,
    .close = close_accounts,
    .register_account = register_account,
    .login = login,
    .change_password = change_password,
    .remove_account = remove_account,
};
