/* SPDX-License-Identifier: Apache-2.0
 *
 * The login service: the whole inside of authd and authctl, around the accounts of reference.h.
 *
 *   words       names of operations, answers, layers and reasons: for log, metrics and clients
 *   settings    what the command line says; what is opened from it
 *   log         one JSON line for each request
 *   metrics     counters and a histogram, as Prometheus reads them
 *   receipts    answers that are given again to the same request: Idempotency-Key
 *   call        one request, from its header to its answer
 *   routes      which call is which operation
 *   workers     threads that run calls, each with a handle of accounts of its own
 *   readiness   looks at database and memory, again and again
 *   server      HTTP
 *
 * One thread reads and writes HTTP; the workers hash and write the database; one more looks whether
 * the service is ready. So a storm of logins keeps the workers busy, and not /healthz, /readyz or
 * /metrics. Ownership, errors and threads are as in reference.h, unless it is said otherwise.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include "../reference.h"

#include <jansson.h>
#include <stdatomic.h>

/* Every resource that clients can grow has its limit here. */
#define BODY_BYTES_MAX            16384u /* two passwords, each byte written as six: \u0041 */
#define BODY_DISCARDED_BYTES_MAX  65536u /* of one that is too large, read to its end */
#define CONNECTION_BYTES          32768u /* of a connection: its header, and the start of its body */
#define PATH_NAME_BYTES_MAX       1024u  /* of a name in a path, decoded */
#define REQUEST_ID_BYTES_MAX      64u
#define IDEMPOTENCY_KEY_BYTES_MAX 128u
#define WAIT_S_DEFAULT            5u /* for a worker; then the request is refused */
#define WAIT_S_MAX                60u
#define ALLOW_BYTES               32u /* of all methods of a path */
#define RETRY_AFTER_S_DEFAULT     5u  /* when nobody knows */
#define RECEIPT_SETS              256u
#define RECEIPT_WAYS              16u
#define RECEIPT_LIFETIME_MS       600000
#define RECEIPT_TEXT_BYTES_MAX    512u /* of an answer that can be given again */
#define LOG_LINE_BYTES            2048u
#define CONNECTIONS_DEFAULT       512u
#define CONNECTIONS_MAX           8192u
#define THREADS_MAX               256u
#define TIMEOUT_S_DEFAULT         15u /* from the last answer to the end of the next request */
#define TIMEOUT_S_MAX             300u
#define GRACE_S_DEFAULT           20u /* for what was accepted, when the service stops */
#define GRACE_S_MAX               600u
#define READY_PERIOD_MS           500
#define READY_AGE_MS_MAX          5000 /* a look that is older says nothing */

/* words */

enum operation {
    OPERATION_REGISTER,
    OPERATION_LOGIN,
    OPERATION_CHANGE,
    OPERATION_REMOVE,
    OPERATION_SESSION_CHECK,
    OPERATION_SESSION_REVOKE,
    OPERATION_OTHER,
    OPERATIONS
};

#define LAYERS  (LAYER_INTERNAL + 1)
#define REASONS (REASON_BUG + 1)
#define ANSWERS (ANSWER_UNSUPPORTED + 2) /* those of reference.h, and rejected */

/* How a request came out. */
struct outcome {
    bool is_rejected; /* it was no request that could be asked of the accounts */
    struct reply reply;
};

size_t outcome_index(const struct outcome *outcome); /* below ANSWERS */
const char *operation_word(enum operation operation);
const char *answer_word(size_t outcome_index);
const char *layer_word(enum layer layer);
const char *reason_word(enum reason reason);

int64_t monotonic_us(void);

/* free() that leaves nothing behind; and such allocators for jansson, whose strings are passwords.
 */
void wipe_and_free(void *memory);
void wipe_json(void);

/* settings */

struct settings {
    const char *database;
    bool create;
    const char *blocklist, *keys; /* files; null: none */
    struct cost cost;
    uint32_t code_points_min;
    const char *context_words[CONTEXT_WORDS_MAX + 1u]; /* ends in null */
    size_t context_word_count;
    /* of authd only */
    char host[64], port[8];
    const char *log, *pid; /* files; null: stderr, none */
    uint32_t hashing_memory_kib;
    uint32_t threads, connections, wait_s, timeout_s, grace_s;
    struct lockout_config lockout;
    bool tells_locked; /* clients may know that a name is locked */
};

/* What is opened from settings, and shared by all threads. */
struct resources {
    struct blocklist *blocklist;
    struct pepper *pepper;
    struct admission *admission;
    struct accounts_config accounts; /* points to the others and to the settings */
};

struct argp;
extern const struct argp settings_argp; /* options of authd and authctl; input: struct settings */

/* Numbers and pairs as they stand on a command line; false: they are not, or out of range. */
MUST_USE bool parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret);
/* The least and the most of the first number, and of the second. */
MUST_USE bool parse_pair(const char *text, const uint32_t limits[4], uint32_t *ret_first,
                         uint32_t *ret_second);
MUST_USE bool parse_cost(const char *text, struct cost *ret);
MUST_USE bool parse_listen(const char *text, struct settings *ret); /* HOST:PORT, [HOST]:PORT */

MUST_USE bool resources_open(const struct settings *settings, struct resources *ret,
                             struct reply *reply);
void resources_done(struct resources *resources);

/* The exit code for a start or a command that failed; README has the table. */
int exit_code(const struct reply *reply);

/* log */

struct log {
    int descriptor;
    atomic_ullong lost; /* lines that could not be written */
};

#define ACCOUNT_LABEL_BYTES 17u /* hexadecimal, with its NUL */

struct log_entry {
    const char *request_id;
    enum operation operation;
    const struct outcome *outcome;
    unsigned status; /* 0: no answer was sent */
    int64_t duration_us;
    const char *account; /* a label, "" when there is none */
    bool is_repeated;    /* the answer is one that was given before */
};

/* Null: stderr. False: errno says why. */
MUST_USE bool log_open(const char *path, struct log *ret);
void log_request(struct log *log, const struct log_entry *entry);
void log_event(struct log *log, const char *event, const struct reply *cause); /* null: none */
void log_done(struct log *log);

/* One line, built piece by piece; what does not fit makes it unusable, never cut. */
struct line {
    char text[LOG_LINE_BYTES];
    size_t size;
    bool is_full;
};
void line_add_text(struct line *line, const char *key, const char *value);
void line_add_number(struct line *line, const char *key, int64_t value);

/* metrics */

#define DURATION_BUCKETS 13u

struct metrics {
    atomic_ullong requests[OPERATIONS][ANSWERS][LAYERS][REASONS];
    struct {
        atomic_ullong buckets[DURATION_BUCKETS + 1u]; /* the last one has no bound */
        atomic_ullong sum_us;
    } durations[OPERATIONS];
};

/* What is measured when somebody looks. */
struct gauges {
    uint32_t hashing_memory_kib_limit, hashing_memory_kib_used, hashing_in_flight;
    uint32_t connections;
    uint64_t log_lines_lost;
    bool is_ready;
    const char *version, *schema;
};

void metrics_count(struct metrics *metrics, enum operation operation, const struct outcome *outcome,
                   int64_t duration_us);
/* Prometheus' text format, 0.0.4. Null: out of memory. The caller frees it. */
char *metrics_text(const struct metrics *metrics, const struct gauges *gauges, size_t *ret_size);

/* receipts */

struct receipts;

struct receipt_request {
    const char *key;      /* as the client has given it */
    enum operation what;  /* and everything else that makes it the same request: */
    struct bytes name;    /* of the path */
    struct bytes token;   /* of the header */
    struct bytes content; /* the body */
};

struct receipt_answer {
    struct outcome outcome;
    char account[ACCOUNT_LABEL_BYTES];
    uint8_t text[RECEIPT_TEXT_BYTES_MAX];
    size_t text_size;
};

enum receipt_state {
    RECEIPT_NEW,       /* go on, and then receipts_finish */
    RECEIPT_REPEATED,  /* *ret_answer is the answer */
    RECEIPT_UNDER_WAY, /* the first one has not been answered yet, or there is no place */
    RECEIPT_OTHER      /* the key belongs to another request */
};

/* What receipts_begin hands to receipts_finish; secret. */
struct receipt_ticket {
    size_t place;
    uint8_t seal[32];
};

struct receipts *receipts_open(void); /* null: out of memory */
void receipts_close(struct receipts *receipts);
enum receipt_state receipts_begin(struct receipts *receipts, const struct receipt_request *request,
                                  int64_t now_ms, struct receipt_ticket *ret_ticket,
                                  struct receipt_answer *ret_answer);
/* Null: there is nothing to be repeated, the same request is to be tried anew. */
void receipts_finish(struct receipts *receipts, const struct receipt_ticket *ticket, int64_t now_ms,
                     const struct receipt_answer *answer);

/* call */

struct route;
struct service;

struct call {
    struct call *next; /* in the queue of the workers */
    const struct route *route;
    char allow[ALLOW_BYTES]; /* of a path that does not have the method */
    char id[REQUEST_ID_BYTES_MAX + 1u];
    char key[IDEMPOTENCY_KEY_BYTES_MAX + 1u];
    char token[128]; /* as presented; too long: cut, and so no token */
    size_t token_size;
    uint8_t name[PATH_NAME_BYTES_MAX]; /* of the path */
    size_t name_size;
    uint8_t *content; /* the body, content_capacity bytes */
    size_t content_size, content_capacity;
    json_t *document; /* of the body, when it was good */
    struct bytes members[2];
    int64_t started_us, queued_us;
    bool is_judged; /* the outcome is known */
    bool is_repeated;
    struct outcome outcome;
    char account[ACCOUNT_LABEL_BYTES];
    unsigned status;
    char *text; /* of the answer */
    size_t text_size;
    const char *text_type;
};

void call_done(struct call *call); /* wipes it */

/* Judges the call: it is none that could be asked. */
void call_reject(struct call *call, unsigned status, enum reason reason, const char *why);
void call_begin(struct call *call, const char *request_id); /* the client's, or null */

/* The parts of a request, each as it stands in HTTP. False: it is not one, and the call is judged.
 */
MUST_USE bool call_take_path(struct call *call, const char *method, const char *path);
MUST_USE bool call_take_key(struct call *call, const char *value);
void call_take_authorization(struct call *call, const char *value);
MUST_USE bool call_read_content(struct call *call); /* once the body is complete */

bool is_json_type(const char *content_type);
bool is_token_text(const char *text, size_t size_max);

/* Makes status and text of what the outcome is. */
void call_answer(const struct service *service, struct call *call);

/* routes */

struct route {
    const char *method;
    const char *path;         /* "*" stands for one segment: a name */
    enum operation operation; /* OPERATION_OTHER: it asks no accounts, and is run at once */
    const char *members[2];   /* of the JSON object in the body; null: less of them */
    unsigned status;          /* when it is ok */
    void (*run)(struct service *service, struct accounts *accounts, struct call *call);
};

/* Null: `ret_allow` has the methods of the path; none: there is no such path. The segment that is a
 * name, if the path has one, is *ret_segment. */
const struct route *route_find(const char *method, const char *path, char ret_allow[ALLOW_BYTES],
                               const char **ret_segment, size_t *ret_segment_size);

static inline bool route_changes_state(const struct route *route)
{
    return route->method[0] != 'G'; /* GET does not: RFC 9110, 9.2.1 */
}

/* Runs a call that has a route and is not judged yet: on a worker, or at once without accounts. */
void call_run(struct service *service, struct accounts *accounts, struct call *call);

/* workers */

struct workers;

MUST_USE bool workers_open(struct service *service, uint32_t threads, struct workers **ret,
                           struct reply *reply);
/* The call is the workers' until server_call_done is called with it, on their thread. */
void workers_submit(struct workers *workers, struct call *call);
void workers_close(
    struct workers *workers); /* when nothing is submitted any more; null is allowed */

/* readiness */

struct readiness;

MUST_USE bool readiness_open(struct service *service, struct readiness **ret, struct reply *reply);
void readiness_close(struct readiness *readiness); /* null is allowed */
bool readiness_is(struct readiness *readiness, struct reply *ret_cause);

/* server */

struct server;

MUST_USE bool server_open(struct service *service, struct server **ret, struct reply *reply);
const char *server_address(const struct server *server); /* HOST:PORT as it really is */
uint32_t server_connections(struct server *server);
void server_call_done(struct call *call); /* from a worker */
void server_sweep(struct server *server); /* ends connections that are too slow; now and then */
/* Accepts nothing more and waits for what was accepted. False: not all of it is answered. */
MUST_USE bool server_drain(struct server *server, uint32_t grace_s);
void server_close(struct server *server); /* null is allowed */

/* All of it. */
struct service {
    struct settings settings;
    struct resources resources;
    struct log log;
    struct metrics metrics;
    struct receipts *receipts;
    struct workers *workers;
    struct readiness *readiness;
    struct server *server;
    uint8_t label_key[32];          /* of account labels; new with each start */
    char schema[SCHEMA_TEXT_BYTES]; /* of the database, for the metrics */
    atomic_bool is_draining;
};

#endif
