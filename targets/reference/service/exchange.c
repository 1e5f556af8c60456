/* SPDX-License-Identifier: Apache-2.0
 *
 * An exchange: one request on its way through libmicrohttpd, which calls here once with the header,
 * then with each piece of the body, then until there is an answer.
 *
 *   header    judged at once. Where it leaves a doubt where the request ends (two lengths, a
 *             transfer coding, a header name with a space), or the body is far too large, the
 *             answer is given now and the connection closed; this service sits behind a front end,
 *             and the two must not disagree about where a request ends. Otherwise a rejected
 *             request is read to its end first, so that its client sees the answer, and the
 *             connection lives on
 *   body      kept up to BODY_BYTES_MAX, and thrown away beyond that
 *   end       parsed. What is to be run goes to the workers, and the connection is suspended
 *   answer    sent, with one line in the log and one count in the metrics, before the first byte
 *             leaves: whoever holds a request id finds its line
 *
 * A request that breaks off before its end has its line when libmicrohttpd gives it up. When a
 * client goes away while its request is being run, the request is run nevertheless: it was
 * accepted.
 *
 * Not modelled: libmicrohttpd 0.9.75 cuts a header's value at a NUL, and takes bare line feeds and
 * folded lines. A front end refuses these.
 */
#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_CHARACTERS                                                                          \
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* What the headers of one request say. Each of these may come once. */
enum header {
    HEADER_AUTHORIZATION,
    HEADER_CONTENT_LENGTH,
    HEADER_CONTENT_TYPE,
    HEADER_HOST,
    HEADER_IDEMPOTENCY_KEY,
    HEADER_REQUEST_ID,
    HEADER_TRANSFER_ENCODING,
    HEADERS
};

static const char *const header_names[HEADERS] = {
    [HEADER_AUTHORIZATION] = "Authorization",         [HEADER_CONTENT_LENGTH] = "Content-Length",
    [HEADER_CONTENT_TYPE] = "Content-Type",           [HEADER_HOST] = "Host",
    [HEADER_IDEMPOTENCY_KEY] = "Idempotency-Key",     [HEADER_REQUEST_ID] = "X-Request-Id",
    [HEADER_TRANSFER_ENCODING] = "Transfer-Encoding",
};

struct headers {
    const char *values[HEADERS]; /* null: not there */
    bool has_twice, has_bad_name;
};

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct headers *headers = context;
    (void)kind;
    if (name[0] == '\0' || name[strspn(name, HEADER_CHARACTERS)] != '\0')
        headers->has_bad_name = true;
    for (size_t i = 0; i < HEADERS; i++)
        if (strcasecmp(name, header_names[i]) == 0) {
            headers->has_twice = headers->has_twice || headers->values[i] != NULL;
            headers->values[i] = value != NULL ? value : "";
        }
    return MHD_YES;
}

/* Is the path all that stood in the request line between method and version? Nothing else shows a
 * NUL in it, which would cut it, or a query. libmicrohttpd leaves both in the line as it came; if
 * another release should not, nothing is said here. */
static bool is_whole_path(const char *path, const char *version)
{
    uintptr_t start = (uintptr_t)path, end = (uintptr_t)version;
    return end <= start || end - start > CONNECTION_BYTES || end - start == strlen(path) + 1;
}

/* Where the request ends. False: it cannot be told, or is too far away. */
static bool judge_length(struct exchange *exchange, const struct headers *headers)
{
    struct call *call = &exchange->call;
    const char *length = headers->values[HEADER_CONTENT_LENGTH];
    if (headers->has_bad_name)
        call_reject(call, 400, REASON_REFUSED, "a header has a malformed name");
    else if (headers->has_twice)
        call_reject(call, 400, REASON_REFUSED, "a header comes twice that may come once");
    else if (headers->values[HEADER_TRANSFER_ENCODING] != NULL)
        call_reject(call, 411, REASON_REFUSED, "a body needs a Content-Length");
    if (call->is_judged)
        return false;
    exchange->content_length = length == NULL ? 0 : strtoull(length, NULL, 10); /* digits: MHD */
    if (exchange->content_length > BODY_BYTES_MAX)
        call_reject(call, 413, REASON_LIMIT, "the body is too large");
    return exchange->content_length <= BODY_DISCARDED_BYTES_MAX;
}

static void judge_header(struct exchange *exchange, const struct headers *headers, const char *url,
                         const char *method, const char *version)
{
    struct call *call = &exchange->call;
    const char *type = headers->values[HEADER_CONTENT_TYPE];
    const char *key = headers->values[HEADER_IDEMPOTENCY_KEY];
    if (call->is_judged)
        return;
    if (headers->values[HEADER_HOST] == NULL && strcmp(version, "HTTP/1.0") != 0) {
        call_reject(call, 400, REASON_REFUSED, "there is no Host");
        return;
    }
    if (!is_whole_path(url, version)) {
        call_reject(call, 400, REASON_REFUSED, "the path has a query or a NUL");
        return;
    }
    if (!call_take_path(call, method, url))
        return;
    if (headers->values[HEADER_AUTHORIZATION] != NULL)
        call_take_authorization(call, headers->values[HEADER_AUTHORIZATION]);
    if (call->route->members[0] != NULL && exchange->content_length == 0)
        call_reject(call, 400, REASON_REFUSED, "there is no body");
    else if (call->route->members[0] != NULL && (type == NULL || !is_json_type(type)))
        call_reject(call, 415, REASON_REFUSED, "the body is not application/json");
    else if (route_changes_state(call->route) && key != NULL)
        (void)!call_take_key(call, key);
}

static enum operation operation_of(const struct call *call)
{
    return call->route == NULL ? OPERATION_OTHER : call->route->operation;
}

static void record(struct server *server, const struct log_entry *entry)
{
    log_request(&server->service->log, entry);
    metrics_count(&server->service->metrics, entry->operation, entry->outcome, entry->duration_us);
}

static void record_call(struct exchange *exchange, unsigned status)
{
    const struct call *call = &exchange->call;
    const struct log_entry entry = {
        .request_id = call->id,
        .operation = operation_of(call),
        .outcome = &call->outcome,
        .status = status,
        .duration_us = monotonic_us() - call->started_us,
        .account = call->account,
        .is_repeated = call->is_repeated,
    };
    record(exchange->server, &entry);
    exchange->is_logged = true;
}

/* Something that has no exchange. */
static void record_other(struct server *server, const struct outcome *outcome, int64_t since_us)
{
    struct call call = {.next = NULL};
    call_begin(&call, NULL);
    const struct log_entry entry = {
        .request_id = call.id,
        .operation = OPERATION_OTHER,
        .outcome = outcome,
        .duration_us = call.started_us - since_us,
        .account = "",
    };
    record(server, &entry);
}

void exchange_log_stray(struct server *server, int64_t since_us, bool is_late)
{
    struct outcome outcome = {.is_rejected = true};
    (void)reply_refused(&outcome.reply, is_late ? REASON_TIMEOUT : REASON_REFUSED,
                        "not a request, or only the beginning of one");
    record_other(server, &outcome, since_us);
}

static void add_headers(struct MHD_Response *response, const struct exchange *exchange)
{
    const struct call *call = &exchange->call;
    char retry_after[16];
    uint32_t retry_ms = call->outcome.reply.retry_after_ms;
    uint32_t retry_s = retry_ms == 0 ? RETRY_AFTER_S_DEFAULT : (retry_ms - 1) / 1000 + 1;
    (void)snprintf(retry_after, sizeof retry_after, "%u", retry_s);
    const struct {
        bool is_wanted;
        const char *name, *value;
    } headers[] = {
        {true, "X-Request-Id", call->id},
        {true, "Cache-Control", "no-store"},
        {call->text != NULL, "Content-Type", call->text_type},
        {call->status == 401, "WWW-Authenticate", "Bearer realm=\"authd\""},
        {call->status == 405, "Allow", call->allow},
        {call->status == 503, "Retry-After", retry_after},
        {call->status == 401 && exchange->server->service->settings.tells_locked &&
             call->outcome.reply.answer == ANSWER_LOCKED && retry_ms > 0,
         "Retry-After", retry_after},
        {exchange->must_close, "Connection", "close"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (headers[i].is_wanted)
            (void)MHD_add_response_header(response, headers[i].name, headers[i].value);
}

/* Hands the text over to libmicrohttpd, which frees it when it is sent. */
static struct MHD_Response *make_response(struct call *call)
{
    if (call->text == NULL)
        return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    return MHD_create_response_from_buffer_with_free_callback(call->text_size, call->text,
                                                              wipe_and_free);
}

static enum MHD_Result answer(struct exchange *exchange)
{
    struct call *call = &exchange->call;
    call_answer(exchange->server->service, call);
    if (atomic_load(&exchange->server->service->is_draining))
        exchange->must_close = true;
    if (exchange->must_close && exchange->client != NULL)
        exchange->client->is_settled = true;
    struct MHD_Response *response = make_response(call);
    if (response == NULL) {
        record_call(exchange, 0);
        return MHD_NO;
    }
    add_headers(response, exchange);
    call->text = NULL;
    record_call(exchange, call->status);
    enum MHD_Result result = MHD_queue_response(exchange->connection, call->status, response);
    MHD_destroy_response(response);
    return result;
}

/* The header. */
static enum MHD_Result begin(struct exchange *exchange, const char *url, const char *method,
                             const char *version)
{
    struct call *call = &exchange->call;
    struct headers headers = {.has_twice = false};
    (void)MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, take_header, &headers);
    call_begin(call, headers.has_twice ? NULL : headers.values[HEADER_REQUEST_ID]);
    exchange->must_close = !judge_length(exchange, &headers);
    judge_header(exchange, &headers, url, method, version);
    if (exchange->must_close)
        return answer(exchange);
    if (call->is_judged || exchange->content_length == 0)
        return MHD_YES;
    call->content_capacity = (size_t)exchange->content_length;
    call->content = malloc(call->content_capacity);
    if (call->content == NULL) {
        (void)reply_unavailable(&call->outcome.reply, LAYER_INTERNAL, REASON_MEMORY, 0, "body",
                                "out of memory");
        call->is_judged = true;
    }
    return MHD_YES;
}

/* A piece of the body; of a request that is judged already it is thrown away. */
static enum MHD_Result take_content(struct exchange *exchange, const char *content, size_t *size)
{
    struct call *call = &exchange->call;
    if (exchange->client != NULL)
        exchange->client->bytes_taken += *size;
    if (!call->is_judged && *size <= call->content_capacity - call->content_size) {
        memcpy(call->content + call->content_size, content, *size);
        call->content_size += *size;
    }
    *size = 0;
    return MHD_YES;
}

/* The whole request is here. */
static enum MHD_Result run(struct exchange *exchange)
{
    struct service *service = exchange->server->service;
    struct call *call = &exchange->call;
    client_is_waiting(&exchange->server->clients, exchange->client, true);
    if (call->is_judged || !call_read_content(call))
        return answer(exchange);
    if (call->route->operation == OPERATION_OTHER) {
        call_run(service, NULL, call);
        return answer(exchange);
    }
    if (atomic_load(&exchange->server->is_closing)) {
        (void)reply_retry_later(&call->outcome.reply, RETRY_AFTER_S_DEFAULT * 1000, LAYER_INTERNAL,
                                REASON_BUSY, "request", "the service is stopping");
        return answer(exchange);
    }
    exchange->is_submitted = true;
    (void)MHD_suspend_connection(exchange->connection);
    workers_submit(service->workers, call);
    return MHD_YES;
}

void server_call_done(struct call *call)
{
    struct exchange *exchange = (struct exchange *)call; /* its first member */
    atomic_store(&exchange->is_done, true);
    MHD_resume_connection(exchange->connection);
}

static void count_header(struct client *client, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (client != NULL && info != NULL)
        client->bytes_taken += info->header_size;
}

static struct exchange *open_exchange(struct server *server, struct MHD_Connection *connection)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    struct client *client = client_of(connection);
    count_header(client, connection);
    (void)atomic_fetch_add(&server->calls, 1);
    if (exchange == NULL)
        return NULL;
    exchange->server = server;
    exchange->connection = connection;
    exchange->client = client;
    return exchange;
}

enum MHD_Result exchange_handle(void *context, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *content,
                                size_t *content_size, void **exchange_at)
{
    struct exchange *exchange = *exchange_at;
    if (exchange == NULL) {
        *exchange_at = exchange = open_exchange(context, connection);
        return exchange == NULL ? MHD_NO : begin(exchange, url, method, version);
    }
    if (*content_size > 0)
        return take_content(exchange, content, content_size);
    if (!exchange->is_submitted)
        return run(exchange);
    return atomic_load(&exchange->is_done) ? answer(exchange) : MHD_YES;
}

/* A request that has no answer: it broke off, or was never given an exchange. */
static void give_up(struct exchange *exchange, bool is_late)
{
    struct call *call = &exchange->call;
    if (!call->is_judged)
        call_reject(call, 400, is_late ? REASON_TIMEOUT : REASON_REFUSED,
                    is_late ? "it took too long to come" : "it broke off before its end");
    record_call(exchange, 0);
}

void exchange_completed(void *context, struct MHD_Connection *connection, void **exchange_at,
                        enum MHD_RequestTerminationCode code)
{
    struct server *server = context;
    struct exchange *exchange = *exchange_at;
    struct client *client = client_of(connection);
    bool is_late = code == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED;
    client_is_waiting(&server->clients, client, false);
    if (client != NULL) {
        is_late = is_late || client->is_late;
        client->is_settled = client->is_settled || code != MHD_REQUEST_TERMINATED_COMPLETED_OK;
    }
    if (exchange == NULL) {
        struct outcome outcome = {.is_rejected = false};
        (void)reply_unavailable(&outcome.reply, LAYER_INTERNAL, REASON_MEMORY, 0, "request",
                                "out of memory");
        record_other(server, &outcome, monotonic_us());
    } else {
        if (!exchange->is_logged)
            give_up(exchange, is_late);
        call_done(&exchange->call);
        wipe_and_free(exchange);
        *exchange_at = NULL;
    }
    (void)atomic_fetch_sub(&server->calls, 1);
}
