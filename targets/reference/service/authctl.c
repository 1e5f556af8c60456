/* SPDX-License-Identifier: Apache-2.0
 *
 * authctl: what operators do to a database of accounts, also beside a running service.
 *
 * Commands that write open the database as the service does, and so bring it to the schema of this
 * release, which the release before still serves. Those that look (export, census, rotate, verify)
 * leave it as it is, whichever release wrote it. Passwords are never arguments, which every user
 * of the machine can read: `register` reads one from the terminal without showing it, or one line
 * from a pipe.
 *
 * rotate re-encrypts nothing, because it cannot: the keyed step needs the hash, and the hash the
 * password. It tells which keys still have rows, and so which key may be taken out of the file: one
 * that is not listed. Rows move to the current key when their accounts log in.
 */
#include "service.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#ifndef AUTHD_VERSION
#define AUTHD_VERSION "unknown"
#endif

#define EXIT_FOUND 1 /* it could be looked at, and something is to be done */

const char *argp_program_version = "authctl " AUTHD_VERSION;

struct request {
    struct settings settings;
    const struct command *command;
    const char *argument; /* behind the database; or null */
    int code;             /* when all went well */
};

struct command {
    const char *name;
    const char *argument; /* null: it takes none */
    bool is_optional;
    bool (*run)(struct request *request, const struct resources *resources, struct reply *reply);
};

static void store_done(struct store **store)
{
    store_close(*store);
}

static void accounts_done(struct accounts **accounts)
{
    accounts_close(*accounts);
}

static bool run_create(struct request *request, const struct resources *resources,
                       struct reply *reply)
{
    CLEANUP(store_done) struct store *store = NULL;
    (void)resources;
    int descriptor = open(request->settings.database, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                          S_IRUSR | S_IWUSR);
    if (descriptor < 0)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_IO, errno, "create",
                                 errno == EEXIST ? "the file is there already" : strerror(errno));
    (void)close(descriptor);
    return store_open(request->settings.database, false, &store, reply);
}

/* All bytes up to the end of the line, whatever they are; at most `capacity`. A NUL is the policy's
 * to refuse, and cuts nothing. */
static bool read_line(uint8_t *ret, size_t capacity, size_t *ret_size)
{
    uint8_t byte;
    ssize_t got;
    *ret_size = 0;
    for (;;) {
        got = read(STDIN_FILENO, &byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || byte == '\n')
            break;
        if (*ret_size == capacity)
            return false;
        ret[(*ret_size)++] = byte;
    }
    return got >= 0 && *ret_size > 0;
}

/* One line from stdin; from a terminal it is not shown. */
static bool read_password(uint8_t ret[PASSWORD_BYTES_MAX], size_t *ret_size, struct reply *reply)
{
    struct termios before, silent;
    bool is_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (is_terminal) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        (void)fprintf(stderr, "Password: ");
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    bool is_read = read_line(ret, PASSWORD_BYTES_MAX, ret_size);
    if (is_terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        (void)fputc('\n', stderr);
    }
    return is_read ? reply_ok(reply)
                   : reply_refused(reply, REASON_LIMIT, "no password, or one that is too long");
}

static struct bytes text_bytes(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static bool run_register(struct request *request, const struct resources *resources,
                         struct reply *reply)
{
    CLEANUP(accounts_done) struct accounts *accounts = NULL;
    uint8_t password[PASSWORD_BYTES_MAX];
    size_t size;
    REQUIRE(accounts_open(&resources->accounts, &accounts, reply));
    bool is_ok = read_password(password, &size, reply) &&
                 accounts_register(accounts, text_bytes(request->argument),
                                   (struct bytes){password, size}, reply);
    sodium_memzero(password, sizeof password);
    return is_ok;
}

static bool run_unlock(struct request *request, const struct resources *resources,
                       struct reply *reply)
{
    CLEANUP(accounts_done) struct accounts *accounts = NULL;
    REQUIRE(accounts_open(&resources->accounts, &accounts, reply));
    return accounts_unlock(accounts, text_bytes(request->argument), reply);
}

static bool run_import(struct request *request, const struct resources *resources,
                       struct reply *reply)
{
    CLEANUP(store_done) struct store *store = NULL;
    uint64_t rows;
    (void)resources;
    REQUIRE(store_open(request->settings.database, true, &store, reply));
    REQUIRE(store_import(store, request->argument, &rows, reply));
    (void)printf("%" PRIu64 " accounts\n", rows);
    return reply_ok(reply);
}

/* A new file of this user alone; what is there already is not written over. */
static bool run_export(struct request *request, const struct resources *resources,
                       struct reply *reply)
{
    CLEANUP(store_done) struct store *store = NULL;
    (void)resources;
    REQUIRE(store_look(request->settings.database, &store, reply));
    if (request->argument == NULL)
        return store_export(store, stdout, reply);
    FILE *file = fopen(request->argument, "wex");
    if (file == NULL)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_IO, errno, "export",
                                 strerror(errno));
    bool is_written = store_export(store, file, reply);
    if (is_written && fsync(fileno(file)) != 0)
        is_written =
            reply_unavailable(reply, LAYER_INTERNAL, REASON_IO, errno, "export", strerror(errno));
    if (fclose(file) != 0 && is_written)
        is_written =
            reply_unavailable(reply, LAYER_INTERNAL, REASON_IO, errno, "export", strerror(errno));
    if (!is_written)
        (void)unlink(request->argument);
    return is_written;
}

static void print_kind(uint64_t count, const char *scheme, const char *parameters,
                       const char *key_id)
{
    (void)printf("%10" PRIu64 "  %-12s  %-24s  %s\n", count, scheme, parameters, key_id);
}

static bool run_census(struct request *request, const struct resources *resources,
                       struct reply *reply)
{
    static struct census census;
    CLEANUP(store_done) struct store *store = NULL;
    (void)resources;
    REQUIRE(store_look(request->settings.database, &store, reply));
    REQUIRE(store_census(store, &census, reply));
    (void)printf("%10s  %-12s  %-24s  %s\n", "accounts", "scheme", "parameters", "key");
    for (size_t i = 0; i < census.kind_count; i++)
        print_kind(census.kinds[i].count, census.kinds[i].kind.scheme,
                   census.kinds[i].kind.parameters, census.kinds[i].kind.key_id);
    if (census.others > 0)
        print_kind(census.others, "(others)", "", "");
    if (census.broken > 0)
        print_kind(census.broken, "(broken)", "", "");
    return reply_ok(reply);
}

/* Back from pepper_name: the id, and four bytes in hexadecimal behind the dash. False: not ours. */
static bool key_of_name(const char *name, struct phc *ret)
{
    const char *dash = strchr(name, '-');
    size_t id_size = dash == NULL ? 0 : (size_t)(dash - name), check_size = 0;
    *ret = (struct phc){.key_id_size = 0};
    if (id_size == 0 || id_size > PEPPER_ID_CHARS_MAX)
        return false;
    memcpy(ret->key_id, name, id_size);
    if (sodium_hex2bin(ret->key_id + id_size, sizeof ret->key_id - id_size, dash + 1,
                       strlen(dash + 1), NULL, &check_size, NULL) != 0)
        return false;
    ret->key_id_size = id_size + check_size;
    return true;
}

/* What the key file says of the key of some rows. */
static const char *state_of_key(const struct pepper *pepper, const char *name)
{
    struct phc row;
    struct reply ignored;
    if (strcmp(name, "-") == 0)
        return pepper == NULL ? "current: no key" : "none: until they log in";
    if (!key_of_name(name, &row) || !pepper_knows(pepper, &row, &ignored))
        return "MISSING: they cannot log in";
    return pepper_is_current(pepper, &row) ? "current" : "old: keep it in the file";
}

static bool run_rotate(struct request *request, const struct resources *resources,
                       struct reply *reply)
{
    static struct census census;
    CLEANUP(store_done) struct store *store = NULL;
    REQUIRE(store_look(request->settings.database, &store, reply));
    REQUIRE(store_census(store, &census, reply));
    (void)printf("%10s  %-24s  %s\n", "accounts", "key", "state");
    for (size_t i = 0; i < census.kind_count; i++) {
        const char *key = census.kinds[i].kind.key_id;
        uint64_t count = 0;
        for (size_t j = 0; j < census.kind_count; j++) {
            if (strcmp(census.kinds[j].kind.key_id, key) != 0)
                continue;
            if (j < i)
                break; /* it has its line */
            count += census.kinds[j].count;
        }
        if (count == 0)
            continue;
        const char *state = state_of_key(resources->pepper, key);
        (void)printf("%10" PRIu64 "  %-24s  %s\n", count, key, state);
        if (strncmp(state, "current", 7) != 0)
            request->code = EXIT_FOUND;
    }
    return reply_ok(reply);
}

/* Names are other people's bytes: what is not plain is escaped, for the terminal's sake. */
static void print_problem(void *context, const char *problem, struct bytes name)
{
    (void)context;
    (void)printf("%s", problem);
    if (name.size > 0)
        (void)printf(": ");
    for (size_t i = 0; i < name.size; i++)
        (void)printf(
            name.data[i] >= 0x20 && name.data[i] < 0x7f && name.data[i] != '\\' ? "%c" : "\\x%02x",
            name.data[i]);
    (void)printf("\n");
}

static bool run_verify(struct request *request, const struct resources *resources,
                       struct reply *reply)
{
    CLEANUP(store_done) struct store *store = NULL;
    char schema[SCHEMA_TEXT_BYTES];
    uint64_t problems;
    (void)resources;
    REQUIRE(store_look(request->settings.database, &store, reply));
    REQUIRE(store_schema(store, schema, reply));
    REQUIRE(store_verify(store, print_problem, NULL, &problems, reply));
    (void)printf("schema %s, %" PRIu64 " problems\n", schema, problems);
    request->code = problems > 0 ? EXIT_FOUND : 0;
    return reply_ok(reply);
}

static const struct command commands[] = {
    {"create", NULL, false, run_create},   {"register", "NAME", false, run_register},
    {"unlock", "NAME", false, run_unlock}, {"import", "FILE", false, run_import},
    {"export", "FILE", true, run_export},  {"census", NULL, false, run_census},
    {"rotate", NULL, false, run_rotate},   {"verify", NULL, false, run_verify},
};

static void take_command(struct request *request, const char *name, struct argp_state *state)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            request->command = &commands[i];
    if (request->command == NULL)
        argp_error(state, "%s: there is no such command", name);
}

static void check_arguments(const struct request *request, struct argp_state *state)
{
    const struct command *command = request->command;
    if (command == NULL || request->settings.database == NULL)
        argp_error(state, "a command and a database are needed");
    else if (command->argument == NULL && request->argument != NULL)
        argp_error(state, "%s takes nothing but the database", command->name);
    else if (command->argument != NULL && !command->is_optional && request->argument == NULL)
        argp_error(state, "%s needs a %s", command->name, command->argument);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &request->settings;
        break;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            take_command(request, argument, state);
        else if (state->arg_num == 1)
            request->settings.database = argument;
        else if (state->arg_num == 2)
            request->argument = argument;
        else
            argp_usage(state);
        break;
    case ARGP_KEY_END:
        check_arguments(request, state);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static void parse(int count, char **arguments, struct request *ret)
{
    static const struct argp_child children[] = {{&settings_argp, 0, NULL, 0}, {NULL, 0, NULL, 0}};
    static const struct argp argp = {
        .parser = parse_option,
        .args_doc = "COMMAND DATABASE [NAME|FILE]",
        .doc = "Accounts, for their operators; all of it also beside a running service.\v"
               "  create            a database without accounts\n"
               "  register NAME     one account; the password is read from stdin\n"
               "  unlock NAME       forgets its wrong passwords\n"
               "  import FILE       accounts from JSON Lines, all of them or none\n"
               "  export [FILE]     accounts as JSON Lines: secret\n"
               "  census            how many credentials of which kind; no secrets\n"
               "  rotate            which pepper keys have rows; 1: some are not of the current\n"
               "  verify            every page and every row; 1: something is wrong\n",
        .children = children,
    };
    argp_err_exit_status = EX_USAGE;
    (void)argp_parse(&argp, count, arguments, 0, NULL, ret);
}

/* What an operator is told that has no detail of its own. */
static const char *sentence(const struct reply *reply)
{
    if (reply->detail[0] != '\0')
        return reply->detail;
    return reply->answer == ANSWER_EXISTS ? "the name is taken" : "there is no such account";
}

int main(int count, char **arguments)
{
    static struct request request;
    static struct resources resources;
    struct reply reply;
    parse(count, arguments, &request);
    (void)umask(S_IRWXG | S_IRWXO);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error with a cause */
    wipe_json();
    bool is_ok = resources_open(&request.settings, &resources, &reply) &&
                 request.command->run(&request, &resources, &reply);
    resources_done(&resources);
    if (is_ok && fflush(stdout) == 0)
        return request.code;
    if (is_ok)
        (void)reply_unavailable(&reply, LAYER_INTERNAL, REASON_FULL, errno, "stdout",
                                strerror(errno));
    (void)fprintf(stderr, "authctl: %s: %s\n", request.command->name, sentence(&reply));
    return reply.layer == LAYER_NONE ? EXIT_FOUND : exit_code(&reply);
}
