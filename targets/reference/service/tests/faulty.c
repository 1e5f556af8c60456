/* SPDX-License-Identifier: Apache-2.0
 *
 * authd-faulty: the service with one vice, chosen by AUTHD_VICE, for the negative controls of
 * proxy_test.c. It is authd, linked with --wrap for the functions below.
 *
 *   hasty      acknowledges a registration or a change, and does it when the next one comes
 *   forgetful  knows no Idempotency-Key again
 *   silent     writes no line for a request that was rejected
 *   leaky      keeps a descriptor of every login
 */
#include "../service.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES_MAX 256u

typedef bool act(struct accounts *accounts, struct bytes name, struct bytes password,
                 struct bytes password_new, struct reply *reply);

/* What was acknowledged and is still to be done. */
static struct {
    pthread_mutex_t mutex;
    act *act; /* null: nothing */
    uint8_t bytes[3][TEXT_BYTES_MAX];
    size_t sizes[3];
} owed = {.mutex = PTHREAD_MUTEX_INITIALIZER};

bool __real_accounts_register(struct accounts *accounts, struct bytes name, struct bytes password,
                              struct reply *reply);
bool __real_accounts_change_password(struct accounts *accounts, struct bytes name,
                                     struct bytes password_old, struct bytes password_new,
                                     struct reply *reply);
bool __real_accounts_login(struct accounts *accounts, struct bytes name, struct bytes password,
                           struct session_token *ret_session, struct reply *reply);
enum receipt_state __real_receipts_begin(struct receipts *receipts,
                                         const struct receipt_request *request, int64_t now_ms,
                                         struct receipt_ticket *ret_ticket,
                                         struct receipt_answer *ret_answer);
void __real_log_request(struct log *log, const struct log_entry *entry);

bool __wrap_accounts_register(struct accounts *accounts, struct bytes name, struct bytes password,
                              struct reply *reply);
bool __wrap_accounts_change_password(struct accounts *accounts, struct bytes name,
                                     struct bytes password_old, struct bytes password_new,
                                     struct reply *reply);
bool __wrap_accounts_login(struct accounts *accounts, struct bytes name, struct bytes password,
                           struct session_token *ret_session, struct reply *reply);
enum receipt_state __wrap_receipts_begin(struct receipts *receipts,
                                         const struct receipt_request *request, int64_t now_ms,
                                         struct receipt_ticket *ret_ticket,
                                         struct receipt_answer *ret_answer);
void __wrap_log_request(struct log *log, const struct log_entry *entry);

static bool has_vice(const char *name)
{
    const char *vice = getenv("AUTHD_VICE");
    return vice != NULL && strcmp(vice, name) == 0;
}

static struct bytes owed_bytes(size_t index)
{
    return (struct bytes){owed.bytes[index], owed.sizes[index]};
}

/* Does what is owed, and owes this instead. */
static bool put_off(struct accounts *accounts, act *act_now, const struct bytes texts[3],
                    struct reply *reply)
{
    (void)pthread_mutex_lock(&owed.mutex);
    if (owed.act != NULL)
        (void)owed.act(accounts, owed_bytes(0), owed_bytes(1), owed_bytes(2), reply);
    owed.act = act_now;
    for (size_t i = 0; i < 3; i++) {
        owed.sizes[i] = texts[i].size < TEXT_BYTES_MAX ? texts[i].size : TEXT_BYTES_MAX;
        if (owed.sizes[i] > 0)
            memcpy(owed.bytes[i], texts[i].data, owed.sizes[i]);
    }
    (void)pthread_mutex_unlock(&owed.mutex);
    return reply_ok(reply);
}

static bool act_register(struct accounts *accounts, struct bytes name, struct bytes password,
                         struct bytes password_new, struct reply *reply)
{
    (void)password_new;
    return __real_accounts_register(accounts, name, password, reply);
}

bool __wrap_accounts_register(struct accounts *accounts, struct bytes name, struct bytes password,
                              struct reply *reply)
{
    const struct bytes texts[3] = {name, password, {NULL, 0}};
    if (!has_vice("hasty"))
        return __real_accounts_register(accounts, name, password, reply);
    return put_off(accounts, act_register, texts, reply);
}

bool __wrap_accounts_change_password(struct accounts *accounts, struct bytes name,
                                     struct bytes password_old, struct bytes password_new,
                                     struct reply *reply)
{
    const struct bytes texts[3] = {name, password_old, password_new};
    if (!has_vice("hasty"))
        return __real_accounts_change_password(accounts, name, password_old, password_new, reply);
    return put_off(accounts, __real_accounts_change_password, texts, reply);
}

bool __wrap_accounts_login(struct accounts *accounts, struct bytes name, struct bytes password,
                           struct session_token *ret_session, struct reply *reply)
{
    if (has_vice("leaky"))
        (void)!open("/dev/null", O_RDONLY | O_CLOEXEC);
    return __real_accounts_login(accounts, name, password, ret_session, reply);
}

enum receipt_state __wrap_receipts_begin(struct receipts *receipts,
                                         const struct receipt_request *request, int64_t now_ms,
                                         struct receipt_ticket *ret_ticket,
                                         struct receipt_answer *ret_answer)
{
    enum receipt_state state =
        __real_receipts_begin(receipts, request, now_ms, ret_ticket, ret_answer);
    if (state != RECEIPT_REPEATED || !has_vice("forgetful"))
        return state;
    return RECEIPT_NEW; /* its ticket has place 0: what is there is lost, which is part of it */
}

void __wrap_log_request(struct log *log, const struct log_entry *entry)
{
    if (!entry->outcome->is_rejected || !has_vice("silent"))
        __real_log_request(log, entry);
}
