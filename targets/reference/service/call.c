/* SPDX-License-Identifier: Apache-2.0
 *
 * A call: one request, from the parts that HTTP hands over to what the accounts are asked.
 *
 * Everything here is strict, and what is not as it should be is rejected before anything is done:
 * nothing is cut, guessed or ignored. A path is compared segment by segment as it was sent; only
 * then is the name in it decoded, so %2F is a slash within a name. A percent sign that does not
 * begin a code is an error. The body is one JSON object with exactly the members that the operation
 * takes, all of them strings; a member that comes twice or is not known is an error, because one of
 * the two sides has misunderstood the other. A NUL within a string (\u0000) is part of it, and
 * refused by the rules for names and passwords.
 *
 * How deep JSON nests is limited by its parser (2048 levels), how long it is by BODY_BYTES_MAX.
 */
#include "service.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void call_done(struct call *call)
{
    json_decref(call->document);
    wipe_and_free(call->content);
    wipe_and_free(call->text);
    sodium_memzero(call, sizeof *call);
}

void call_reject(struct call *call, unsigned status, enum reason reason, const char *why)
{
    call->outcome.is_rejected = true;
    (void)reply_refused(&call->outcome.reply, reason, why);
    call->status = status;
    call->is_judged = true;
}

bool is_token_text(const char *text, size_t size_max)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return size > 0 && size <= size_max && text[size] == '\0';
}

void call_begin(struct call *call, const char *request_id)
{
    uint8_t random[16];
    call->started_us = monotonic_us();
    if (request_id != NULL && is_token_text(request_id, REQUEST_ID_BYTES_MAX)) {
        memcpy(call->id, request_id, strlen(request_id));
        return;
    }
    randombytes_buf(random, sizeof random);
    (void)sodium_bin2hex(call->id, sizeof call->id, random, sizeof random);
}

static int hex_digit(char character)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = memchr(digits, character | 0x20, sizeof digits - 1);
    return found != NULL && character > ' ' ? (int)(found - digits) : -1;
}

/* Two digits; -1: they are not. */
static int hex_byte(const char *digits)
{
    int high = hex_digit(digits[0]), low = hex_digit(digits[1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* RFC 3986, 2.1: the bytes that a segment of a path stands for. */
static bool decode_segment(struct call *call, const char *segment, size_t size)
{
    call->name_size = 0;
    for (size_t i = 0; i < size; i++) {
        int byte = (uint8_t)segment[i];
        if (call->name_size == sizeof call->name) {
            call_reject(call, 414, REASON_LIMIT, "the name in the path is too long");
            return false;
        }
        if (segment[i] == '%') {
            byte = size - i > 2 ? hex_byte(segment + i + 1) : -1;
            i += 2;
        }
        if (byte < 0) {
            call_reject(call, 400, REASON_REFUSED, "the path has a percent sign without code");
            return false;
        }
        call->name[call->name_size++] = (uint8_t)byte;
    }
    return true;
}

bool call_take_path(struct call *call, const char *method, const char *path)
{
    const char *segment = NULL;
    size_t size = 0;
    for (const char *at = path; *at != '\0'; at++)
        if (*at < 0x21 || *at > 0x7e) {
            call_reject(call, 400, REASON_REFUSED, "the path has a sign that must be escaped");
            return false;
        }
    call->route = route_find(method, path, call->allow, &segment, &size);
    if (call->route != NULL)
        return segment == NULL || decode_segment(call, segment, size);
    if (call->allow[0] != '\0')
        call_reject(call, 405, REASON_REFUSED, "the path does not have this method");
    else
        call_reject(call, 404, REASON_REFUSED, "there is no such path");
    return false;
}

bool call_take_key(struct call *call, const char *value)
{
    size_t size = strlen(value);
    for (size_t i = 0; i < size; i++)
        if (value[i] < 0x21 || value[i] > 0x7e)
            size = 0;
    if (size == 0 || size > IDEMPOTENCY_KEY_BYTES_MAX) {
        call_reject(call, 400, REASON_REFUSED, "the Idempotency-Key is not 1 to 128 plain signs");
        return false;
    }
    memcpy(call->key, value, size + 1);
    return true;
}

/* RFC 6750, 2.1. What is no bearer token is no token, and then denied like any other. */
void call_take_authorization(struct call *call, const char *value)
{
    static const char scheme[] = "Bearer ";
    if (strncasecmp(value, scheme, sizeof scheme - 1) != 0)
        return;
    value += sizeof scheme - 1;
    size_t size = strlen(value);
    call->token_size = size < sizeof call->token ? size : sizeof call->token;
    memcpy(call->token, value, call->token_size);
}

bool is_json_type(const char *content_type)
{
    static const char json[] = "application/json";
    if (strncasecmp(content_type, json, sizeof json - 1) != 0)
        return false;
    content_type += sizeof json - 1;
    content_type += strspn(content_type, " \t");
    return *content_type == '\0' || *content_type == ';';
}

static bool reject_content(struct call *call, const char *why)
{
    call_reject(call, 400, REASON_REFUSED, why);
    return false;
}

static bool take_member(struct call *call, size_t index)
{
    const json_t *value = json_object_get(call->document, call->route->members[index]);
    if (value == NULL)
        return reject_content(call, "a member of the object is missing");
    if (!json_is_string(value))
        return reject_content(call, "a member of the object is not a string");
    call->members[index] =
        (struct bytes){(const uint8_t *)json_string_value(value), json_string_length(value)};
    return true;
}

bool call_read_content(struct call *call)
{
    const struct route *route = call->route;
    size_t count = 0;
    if (route->members[0] == NULL)
        return call->content_size == 0 || reject_content(call, "a body where none is taken");
    call->document = json_loadb((const char *)call->content, call->content_size,
                                JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (!json_is_object(call->document))
        return reject_content(call, "the body is not one JSON object, or has a member twice");
    for (; count < 2 && route->members[count] != NULL; count++)
        if (!take_member(call, count))
            return false;
    if (json_object_size(call->document) != count)
        return reject_content(call, "the object has a member that is not known");
    return true;
}
