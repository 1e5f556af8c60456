/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings: what the command lines of authd and authctl have in common, and what is opened from
 * them. A number that is not one, or is out of range, is an error and not the nearest good one.
 */
#include "service.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

bool parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < min ||
        number > max)
        return false;
    *ret = (uint32_t)number;
    return true;
}

bool parse_pair(const char *text, const uint32_t limits[4], uint32_t *ret_first,
                uint32_t *ret_second)
{
    char first[16];
    size_t size = strcspn(text, ",");
    if (text[size] != ',' || size >= sizeof first)
        return false;
    memcpy(first, text, size);
    first[size] = '\0';
    return parse_number(first, limits[0], limits[1], ret_first) &&
           parse_number(text + size + 1, limits[2], limits[3], ret_second);
}

bool parse_cost(const char *text, struct cost *ret)
{
    static const uint32_t limits[] = {COST_MEMORY_KIB_MIN, COST_MEMORY_KIB_MAX, COST_PASSES_MIN,
                                      COST_PASSES_MAX};
    return parse_pair(text, limits, &ret->memory_kib, &ret->passes);
}

bool parse_listen(const char *text, struct settings *ret)
{
    const char *colon = strrchr(text, ':');
    uint32_t port;
    if (colon == NULL || !parse_number(colon + 1, 0, UINT16_MAX, &port))
        return false;
    const char *host = text;
    size_t size = (size_t)(colon - text);
    if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
        host++;
        size -= 2;
    } else if (memchr(host, ':', size) != NULL) {
        return false; /* an address of IPv6 without brackets: where does the port begin? */
    }
    if (size == 0 || size >= sizeof ret->host)
        return false;
    memcpy(ret->host, host, size);
    ret->host[size] = '\0';
    (void)snprintf(ret->port, sizeof ret->port, "%u", port);
    return true;
}

enum { OPTION_BLOCKLIST = 1000, OPTION_KEYS, OPTION_COST, OPTION_MINIMUM, OPTION_CONTEXT };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Passwords:", 1},
    {"blocklist", OPTION_BLOCKLIST, "FILE", 0, "common passwords that are refused, one a line", 0},
    {"keys", OPTION_KEYS, "FILE", 0, "pepper keys, readable by nobody else", 0},
    {"cost", OPTION_COST, "KIB,PASSES", 0, "of new hashes with Argon2id (19456,2)", 0},
    {"minimum", OPTION_MINIMUM, "N", 0, "characters of a new password, 8 to 64 (15)", 0},
    {"context", OPTION_CONTEXT, "WORD", 0,
     "no password may be mostly this, the name of the service, say; may be repeated", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct settings *settings = state->input;
    bool is_good = true;
    switch (key) {
    case OPTION_BLOCKLIST:
        settings->blocklist = argument;
        break;
    case OPTION_KEYS:
        settings->keys = argument;
        break;
    case OPTION_COST:
        is_good = parse_cost(argument, &settings->cost);
        break;
    case OPTION_MINIMUM:
        is_good = parse_number(argument, PASSWORD_CODE_POINTS_FLOOR, PASSWORD_CODE_POINTS_CEILING,
                               &settings->code_points_min);
        break;
    case OPTION_CONTEXT:
        is_good = settings->context_word_count < CONTEXT_WORDS_MAX;
        if (is_good)
            settings->context_words[settings->context_word_count++] = argument;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    if (!is_good)
        argp_error(state, "%s: not acceptable here", argument);
    return 0;
}

const struct argp settings_argp = {.options = options, .parser = parse_option};

void resources_done(struct resources *resources)
{
    admission_close(resources->admission);
    pepper_close(resources->pepper);
    blocklist_close(resources->blocklist);
    memset(resources, 0, sizeof *resources);
}

bool resources_open(const struct settings *settings, struct resources *ret, struct reply *reply)
{
    const struct admission_limits limits = {
        .memory_kib = settings->hashing_memory_kib,
        .hashes = settings->threads,
    };
    if (settings->blocklist != NULL)
        REQUIRE(blocklist_open(settings->blocklist, &ret->blocklist, reply));
    if (settings->keys != NULL)
        REQUIRE(pepper_open(settings->keys, &ret->pepper, reply));
    if (settings->threads > 0)
        REQUIRE(admission_open(&limits, &ret->admission, reply));
    ret->accounts = (struct accounts_config){
        .path = settings->database,
        .must_exist = !settings->create,
        .password =
            {
                .cost = settings->cost,
                .code_points_min = settings->code_points_min,
                .blocklist = ret->blocklist,
                .context_words = settings->context_words,
                .pepper = ret->pepper,
                .admission = ret->admission,
            },
        .lockout = settings->lockout,
    };
    return reply_ok(reply);
}

/* The first row that fits. */
static const struct {
    enum layer layer;
    enum reason reason;
    int code;
} exit_codes[] = {
    {LAYER_STORAGE, REASON_CORRUPT, EX_DATAERR},  {LAYER_STORAGE, REASON_REFUSED, EX_DATAERR},
    {LAYER_STORAGE, REASON_BUSY, EX_TEMPFAIL},    {LAYER_STORAGE, REASON_IO, EX_NOINPUT},
    {LAYER_STORAGE, REASON_FULL, EX_IOERR},       {LAYER_INTERNAL, REASON_IO, EX_NOINPUT},
    {LAYER_INTERNAL, REASON_FULL, EX_IOERR},      {LAYER_INTERNAL, REASON_REFUSED, EX_CONFIG},
    {LAYER_INTERNAL, REASON_LIMIT, EX_CONFIG},    {LAYER_HASHING, REASON_LIMIT, EX_CONFIG},
    {LAYER_INTERNAL, REASON_BUSY, EX_TEMPFAIL},   {LAYER_HASHING, REASON_MEMORY, EX_OSERR},
    {LAYER_STORAGE, REASON_MEMORY, EX_OSERR},     {LAYER_INTERNAL, REASON_MEMORY, EX_OSERR},
    {LAYER_NETWORK, REASON_BUSY, EX_UNAVAILABLE}, {LAYER_NETWORK, REASON_IO, EX_UNAVAILABLE},
    {LAYER_INPUT, REASON_REFUSED, EX_DATAERR},    {LAYER_INPUT, REASON_LIMIT, EX_DATAERR},
};

int exit_code(const struct reply *reply)
{
    for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++)
        if (exit_codes[i].layer == reply->layer && exit_codes[i].reason == reply->reason)
            return exit_codes[i].code;
    return EX_SOFTWARE;
}
