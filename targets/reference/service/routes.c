/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes: which method on which path is which operation, and what each does.
 *
 * What asks the accounts runs on a worker and may wait for memory, disk and locks. What only looks
 * (health, readiness, metrics) is answered at once, by the thread that speaks HTTP.
 */
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef AUTHD_VERSION
#define AUTHD_VERSION "unknown"
#endif

#define TIME_TEXT_BYTES 32u

/* A label for the account of that name; none when there can be no such account. */
static void label(const struct service *service, struct call *call, struct bytes name)
{
    struct opaque canonical;
    struct reply ignored;
    uint8_t hash[crypto_generichash_BYTES_MIN];
    if (!name_prepare(name, &canonical, &ignored))
        return;
    (void)crypto_generichash(hash, sizeof hash, canonical.data, canonical.size, service->label_key,
                             sizeof service->label_key);
    (void)sodium_bin2hex(call->account, sizeof call->account, hash, sizeof call->account / 2);
}

static struct bytes path_name(const struct call *call)
{
    return (struct bytes){call->name, call->name_size};
}

static struct bytes token_of(const struct call *call)
{
    return (struct bytes){(const uint8_t *)call->token, call->token_size};
}

/* The answer is this object; null: there was no memory for it. */
static void write_object(struct call *call, json_t *object)
{
    call->text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    call->text_type = "application/json";
    if (call->text != NULL)
        call->text_size = strlen(call->text);
    else
        (void)reply_unavailable(&call->outcome.reply, LAYER_INTERNAL, REASON_MEMORY, 0, "answer",
                                "out of memory");
}

/* RFC 3339 in seconds. Taken before the session is made, so it never promises too much. */
static void expiry_text(const struct service *service, char ret[TIME_TEXT_BYTES])
{
    uint32_t lifetime_s = service->resources.accounts.session.lifetime_s;
    time_t expires =
        time(NULL) + (time_t)(lifetime_s == 0 ? SESSION_LIFETIME_S_DEFAULT : lifetime_s);
    struct tm parts = {0};
    (void)gmtime_r(&expires, &parts);
    (void)strftime(ret, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static void run_register(struct service *service, struct accounts *accounts, struct call *call)
{
    label(service, call, call->members[0]);
    (void)!accounts_register(accounts, call->members[0], call->members[1], &call->outcome.reply);
}

static void run_login(struct service *service, struct accounts *accounts, struct call *call)
{
    CLEANUP(session_token_done) struct session_token token;
    char expires[TIME_TEXT_BYTES];
    label(service, call, call->members[0]);
    expiry_text(service, expires);
    if (accounts_login(accounts, call->members[0], call->members[1], &token, &call->outcome.reply))
        write_object(call, json_pack("{s:s, s:s}", "token", token.text, "expires_at", expires));
}

static void run_change(struct service *service, struct accounts *accounts, struct call *call)
{
    label(service, call, path_name(call));
    (void)!accounts_change_password(accounts, path_name(call), call->members[0], call->members[1],
                                    &call->outcome.reply);
}

static void run_remove(struct service *service, struct accounts *accounts, struct call *call)
{
    label(service, call, path_name(call));
    (void)!accounts_remove(accounts, path_name(call), call->members[0], &call->outcome.reply);
}

static void run_check(struct service *service, struct accounts *accounts, struct call *call)
{
    struct account_name name;
    if (!accounts_session_check(accounts, token_of(call), &name, &call->outcome.reply))
        return;
    label(service, call, (struct bytes){name.data, name.size});
    write_object(call, json_pack("{s:s%}", "name", (const char *)name.data, name.size));
}

static void run_revoke(struct service *service, struct accounts *accounts, struct call *call)
{
    (void)service;
    (void)!accounts_session_revoke(accounts, token_of(call), &call->outcome.reply);
}

static void run_health(struct service *service, struct accounts *accounts, struct call *call)
{
    (void)accounts;
    (void)service;
    (void)reply_ok(&call->outcome.reply);
    write_object(call, json_pack("{s:s}", "status", "alive"));
}

/* The cause of not being ready is in the log, under the request id. */
static void run_readiness(struct service *service, struct accounts *accounts, struct call *call)
{
    (void)accounts;
    if (atomic_load(&service->is_draining))
        (void)reply_retry_later(&call->outcome.reply, RETRY_AFTER_S_DEFAULT * 1000, LAYER_INTERNAL,
                                REASON_BUSY, "readiness", "the service is stopping");
    else if (readiness_is(service->readiness, &call->outcome.reply))
        write_object(call, json_pack("{s:s}", "status", "ready"));
}

static void run_metrics(struct service *service, struct accounts *accounts, struct call *call)
{
    (void)accounts;
    struct reply ignored;
    struct admission_limits taken = admission_taken(service->resources.admission);
    const struct gauges gauges = {
        .hashing_memory_kib_limit = service->settings.hashing_memory_kib,
        .hashing_memory_kib_used = taken.memory_kib,
        .hashing_in_flight = taken.hashes,
        .connections = server_connections(service->server),
        .log_lines_lost = atomic_load(&service->log.lost),
        .is_ready =
            !atomic_load(&service->is_draining) && readiness_is(service->readiness, &ignored),
        .version = AUTHD_VERSION,
        .schema = service->schema,
    };
    (void)reply_ok(&call->outcome.reply);
    call->text = metrics_text(&service->metrics, &gauges, &call->text_size);
    call->text_type = "text/plain; version=0.0.4; charset=utf-8";
    if (call->text == NULL)
        (void)reply_unavailable(&call->outcome.reply, LAYER_INTERNAL, REASON_MEMORY, 0, "metrics",
                                "out of memory");
}

static const struct route routes[] = {
    {"POST", "/v1/accounts", OPERATION_REGISTER, {"name", "password"}, 201, run_register},
    {"PUT", "/v1/accounts/*/password", OPERATION_CHANGE, {"current", "new"}, 204, run_change},
    {"DELETE", "/v1/accounts/*", OPERATION_REMOVE, {"password", NULL}, 204, run_remove},
    {"POST", "/v1/sessions", OPERATION_LOGIN, {"name", "password"}, 201, run_login},
    {"GET", "/v1/sessions/current", OPERATION_SESSION_CHECK, {NULL, NULL}, 200, run_check},
    {"DELETE", "/v1/sessions/current", OPERATION_SESSION_REVOKE, {NULL, NULL}, 204, run_revoke},
    {"GET", "/healthz", OPERATION_OTHER, {NULL, NULL}, 200, run_health},
    {"GET", "/readyz", OPERATION_OTHER, {NULL, NULL}, 200, run_readiness},
    {"GET", "/metrics", OPERATION_OTHER, {NULL, NULL}, 200, run_metrics},
};

static bool path_fits(const char *pattern, const char *path, const char **ret_segment,
                      size_t *ret_segment_size)
{
    const char *star = strchr(pattern, '*');
    if (star == NULL)
        return strcmp(pattern, path) == 0;
    size_t head = (size_t)(star - pattern);
    if (strncmp(pattern, path, head) != 0)
        return false;
    size_t size = strcspn(path + head, "/");
    if (size == 0 || strcmp(path + head + size, star + 1) != 0)
        return false;
    *ret_segment = path + head;
    *ret_segment_size = size;
    return true;
}

const struct route *route_find(const char *method, const char *path, char ret_allow[ALLOW_BYTES],
                               const char **ret_segment, size_t *ret_segment_size)
{
    size_t size = 0;
    ret_allow[0] = '\0';
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!path_fits(routes[i].path, path, ret_segment, ret_segment_size))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
        size += (size_t)snprintf(ret_allow + size, ALLOW_BYTES - size, "%s%s", size > 0 ? ", " : "",
                                 routes[i].method);
    }
    return NULL;
}

static int64_t now_ms(void)
{
    return monotonic_us() / 1000;
}

/* What is worth being given again: decisions, and only of a size that fits. */
static bool is_final(const struct call *call)
{
    return call->outcome.reply.answer != ANSWER_UNAVAILABLE &&
           call->outcome.reply.answer != ANSWER_LOCKED && call->text_size <= RECEIPT_TEXT_BYTES_MAX;
}

static void keep(struct service *service, const struct call *call,
                 const struct receipt_ticket *ticket)
{
    struct receipt_answer answer;
    memset(&answer, 0, sizeof answer); /* also what is between its members */
    answer.outcome = call->outcome;
    memcpy(answer.account, call->account, sizeof answer.account);
    answer.text_size = call->text_size;
    if (is_final(call) && call->text_size > 0)
        memcpy(answer.text, call->text, call->text_size);
    receipts_finish(service->receipts, ticket, now_ms(), is_final(call) ? &answer : NULL);
    sodium_memzero(&answer, sizeof answer);
}

static void repeat(struct call *call, const struct receipt_answer *answer)
{
    call->outcome = answer->outcome;
    call->is_repeated = true;
    memcpy(call->account, answer->account, sizeof call->account);
    if (answer->text_size == 0)
        return;
    call->text = malloc(answer->text_size);
    if (call->text == NULL) {
        (void)reply_unavailable(&call->outcome.reply, LAYER_INTERNAL, REASON_MEMORY, 0, "answer",
                                "out of memory");
        return;
    }
    memcpy(call->text, answer->text, answer->text_size);
    call->text_size = answer->text_size;
    call->text_type = "application/json";
}

static void run_once(struct service *service, struct accounts *accounts, struct call *call)
{
    const struct receipt_request request = {
        .key = call->key,
        .what = call->route->operation,
        .name = path_name(call),
        .token = token_of(call),
        .content = {call->content, call->content_size},
    };
    struct receipt_ticket ticket = {.place = 0};
    struct receipt_answer answer;
    switch (receipts_begin(service->receipts, &request, now_ms(), &ticket, &answer)) {
    case RECEIPT_NEW:
        call->route->run(service, accounts, call);
        keep(service, call, &ticket);
        break;
    case RECEIPT_REPEATED:
        repeat(call, &answer);
        sodium_memzero(&answer, sizeof answer);
        break;
    case RECEIPT_UNDER_WAY:
        (void)reply_retry_later(&call->outcome.reply, 1000, LAYER_INTERNAL, REASON_BUSY,
                                "idempotency", "the first request of that key is under way");
        break;
    case RECEIPT_OTHER:
        call_reject(call, 422, REASON_REFUSED, "the Idempotency-Key belongs to another request");
        break;
    }
    sodium_memzero(&ticket, sizeof ticket);
}

void call_run(struct service *service, struct accounts *accounts, struct call *call)
{
    if (call->key[0] != '\0')
        run_once(service, accounts, call);
    else
        call->route->run(service, accounts, call);
    call->is_judged = true;
}
