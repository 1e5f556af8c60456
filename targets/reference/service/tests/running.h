/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of a running service share: authd as a process on a real file in a folder of its
 * own, a client that sends exactly the bytes it is told to, and the log, line by line.
 *
 * Waiting is always for something to happen, with a deadline far away that only a broken service
 * meets.
 */
#ifndef RUNNING_H
#define RUNNING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(rows)    (sizeof(rows) / sizeof *(rows))
#define DEADLINE_MS    60000
#define ARGUMENTS_MAX  24
#define RESPONSE_BYTES 65536u
#define PASSWORD       "correct horse battery"
#define LISTENING      "listening on 127.0.0.1:"
#define LOG_BYTES_MAX  (8u * 1024 * 1024)

struct running {
    char folder[40], database[64], log[64];
    pid_t process;
    uint16_t port;
};

static inline void pause_ms(long ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

static inline bool running_folder_in(const char *place, struct running *ret)
{
    (void)snprintf(ret->folder, sizeof ret->folder, "%s/service-XXXXXX", place);
    if (mkdtemp(ret->folder) == NULL)
        return false;
    (void)snprintf(ret->database, sizeof ret->database, "%s/accounts.db", ret->folder);
    (void)snprintf(ret->log, sizeof ret->log, "%s/log", ret->folder);
    return true;
}

static inline void running_folder(struct running *ret)
{
    assert_true(running_folder_in("/tmp", ret));
}

/* Real files that no disk is waited for: where processes die and machines do not. */
static inline void running_folder_in_memory(struct running *ret)
{
    if (!running_folder_in("/dev/shm", ret))
        running_folder(ret);
}

static inline void running_remove_folder(const struct running *running)
{
    static const char *const tails[] = {"/accounts.db", "/accounts.db-wal", "/accounts.db-shm",
                                        "/log"};
    char file[96];
    for (size_t i = 0; i < COUNT(tails); i++) {
        (void)snprintf(file, sizeof file, "%s%s", running->folder, tails[i]);
        (void)unlink(file);
    }
    assert_int_equal(rmdir(running->folder), 0);
}

/* Starts a program with its standard output in a pipe. */
static inline pid_t spawn(const char *const *arguments, int *ret_output)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execv(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    assert_int_equal(close(ends[1]), 0);
    *ret_output = ends[0];
    return process;
}

/* Starts a service with these options beside the usual ones (a list that ends in null), and reads
 * where it listens. */
static inline void running_start_program(struct running *running, const char *program,
                                         const char *const *options)
{
    const char *arguments[ARGUMENTS_MAX] = {
        program,    "--create",    "--database", running->database,
        "--listen", "127.0.0.1:0", "--log",      running->log,
    };
    char line[128] = "";
    int output;
    size_t count = 8;
    for (; *options != NULL; options++)
        arguments[count++] = *options;
    running->process = spawn(arguments, &output);
    FILE *stream = fdopen(output, "r");
    assert_non_null(stream);
    if (fgets(line, sizeof line, stream) == NULL ||
        strncmp(line, LISTENING, sizeof LISTENING - 1) != 0)
        fail_msg("authd does not start: %s", line);
    running->port = (uint16_t)strtoul(line + sizeof LISTENING - 1, NULL, 10);
    (void)fclose(stream);
}

static inline void running_start(struct running *running, const char *const *options)
{
    running_start_program(running, AUTHD, options);
}

/* The exit code, or minus the signal that ended it. */
static inline int running_wait(struct running *running)
{
    int status;
    assert_int_equal(waitpid(running->process, &status, 0), running->process);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline int running_stop(struct running *running, int number)
{
    assert_int_equal(kill(running->process, number), 0);
    return running_wait(running);
}

/* Runs a program to its end, without its output; returns its exit code. */
static inline int run_to_end(const char *const *arguments)
{
    char buffer[4096];
    int output, status;
    pid_t process = spawn(arguments, &output);
    while (read(output, buffer, sizeof buffer) > 0)
        ;
    (void)close(output);
    assert_int_equal(waitpid(process, &status, 0), process);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Client. These work in threads and so never assert; a failure shows in what they return. */

static inline int client_connect(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client >= 0 && connect(client, (const struct sockaddr *)&address, sizeof address) == 0)
        return client;
    (void)close(client);
    return -1;
}

static inline bool client_send(int client, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(client, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

struct response {
    unsigned status;               /* 0: the connection ended without one */
    char text[RESPONSE_BYTES + 1]; /* header and body */
    const char *body;
};

/* More bytes of this response; false: there are none any more. */
static inline bool client_more(int client, char *bytes, size_t *size, size_t wanted)
{
    struct pollfd ready = {client, POLLIN, 0};
    if (poll(&ready, 1, DEADLINE_MS) != 1)
        return false;
    ssize_t got = recv(client, bytes + *size, wanted, 0);
    if (got <= 0)
        return false;
    *size += (size_t)got;
    bytes[*size] = '\0';
    return true;
}

/* More of a header, and no byte behind its end: looked at first, and then taken. */
static inline bool client_more_header(int client, char *bytes, size_t *size)
{
    struct pollfd ready = {client, POLLIN, 0};
    if (poll(&ready, 1, DEADLINE_MS) != 1)
        return false;
    ssize_t seen = recv(client, bytes + *size, RESPONSE_BYTES - *size, MSG_PEEK);
    if (seen <= 0)
        return false;
    bytes[*size + (size_t)seen] = '\0';
    const char *end = strstr(bytes, "\r\n\r\n");
    size_t wanted = end == NULL ? (size_t)seen : (size_t)(end + 4 - bytes) - *size;
    return client_more(client, bytes, size, wanted);
}

/* Reads one response and no byte of the next one. */
static inline bool client_receive(int client, struct response *ret)
{
    size_t size = 0;
    ret->status = 0;
    ret->text[0] = '\0';
    while (strstr(ret->text, "\r\n\r\n") == NULL)
        if (size == RESPONSE_BYTES || !client_more_header(client, ret->text, &size))
            return false;
    const char *length = strcasestr(ret->text, "\r\nContent-Length: ");
    size_t left = length == NULL ? 0 : strtoul(length + 18, NULL, 10);
    size_t head = size;
    while (left > 0 && size < RESPONSE_BYTES) {
        size_t before = size;
        if (!client_more(client, ret->text, &size, left))
            return false;
        left -= size - before;
    }
    ret->body = ret->text + head;
    if (sscanf(ret->text, "HTTP/1.1 %u ", &ret->status) != 1)
        ret->status = 0;
    return left == 0 && ret->status != 0;
}

/* True when the other side has ended the connection, whatever it has sent before. */
static inline bool client_is_closed(int client)
{
    char bytes[4096];
    struct pollfd ready = {client, POLLIN, 0};
    while (poll(&ready, 1, DEADLINE_MS) == 1)
        if (recv(client, bytes, sizeof bytes, 0) <= 0)
            return true;
    return false;
}

/* A request with a JSON body, on a connection that lives on. */
static inline bool client_ask(int client, const char *method, const char *path, const char *body,
                              struct response *ret)
{
    char request[4096];
    int size = snprintf(request, sizeof request,
                        "%s %s HTTP/1.1\r\nHost: localhost\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        method, path, strlen(body), body);
    ret->status = 0;
    return client_send(client, request, (size_t)size) && client_receive(client, ret);
}

/* The same on a connection of its own. */
static inline unsigned ask_once(uint16_t port, const char *method, const char *path,
                                const char *body, struct response *ret)
{
    int client = client_connect(port);
    ret->status = 0;
    if (client >= 0)
        (void)client_ask(client, method, path, body, ret);
    (void)close(client);
    return ret->status;
}

/* Log. */

/* The whole file; the caller frees it. Null when it cannot be read. */
static inline char *read_file(const char *path)
{
    char *text = calloc(1, LOG_BYTES_MAX + 1);
    FILE *file = fopen(path, "r");
    assert_non_null(text);
    assert_non_null(file);
    size_t size = fread(text, 1, LOG_BYTES_MAX, file);
    assert_true(size < LOG_BYTES_MAX);
    (void)fclose(file);
    return text;
}

/* Calls body for every line of the log that is about a request; each line must be one JSON object
 * with all its members. Returns how many there are. */
typedef void line_body(void *context, const json_t *line);
static inline size_t each_request(const struct running *running, line_body *body, void *context)
{
    static const struct {
        const char *key;
        json_type type;
    } members[] = {
        {"time", JSON_STRING},         {"request_id", JSON_STRING},   {"operation", JSON_STRING},
        {"answer", JSON_STRING},       {"layer", JSON_STRING},        {"reason", JSON_STRING},
        {"detail", JSON_STRING},       {"native_code", JSON_INTEGER}, {"status", JSON_INTEGER},
        {"duration_us", JSON_INTEGER},
    };
    char *text = read_file(running->log), *rest = text, *line;
    size_t count = 0;
    while ((line = strsep(&rest, "\n")) != NULL && rest != NULL) {
        json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(object))
            fail_msg("not a line of JSON: %s", line);
        if (json_object_get(object, "event") == NULL) {
            count++;
            for (size_t i = 0; i < COUNT(members); i++) {
                const json_t *value = json_object_get(object, members[i].key);
                if (value == NULL || json_typeof(value) != members[i].type)
                    fail_msg("a line without %s: %s", members[i].key, line);
            }
            if (body != NULL)
                body(context, object);
        }
        json_decref(object);
    }
    free(text);
    return count;
}

static inline const char *member(const json_t *line, const char *key)
{
    return json_string_value(json_object_get(line, key));
}

#endif
