/* SPDX-License-Identifier: Apache-2.0
 *
 * Receipts: who sends a request again with the same Idempotency-Key gets the same answer again, and
 * nothing is done twice.
 *
 * A key names a place in a table; the place keeps a hash of the whole request, so that a key with
 * another request is noticed, and the answer. RECEIPT_SETS sets of RECEIPT_WAYS places: the hash of
 * the key chooses the set, and a newcomer takes a free place of it, or one whose time is over, or
 * the oldest that is answered. While the first request is under way a second one is told to wait.
 *
 * In memory, and on purpose. The hash of the request is a fast hash of a password; on a disk it
 * would be worth more to a thief than the Argon2id string beside it. So nothing outlives the
 * process: after a crash or a restart, and with another process behind the same front end, a
 * repeated request is a new one. Then a registration answers `exists`, a change or a removal
 * `denied`, and a login opens one more session. Nothing is ever done in halves, because each
 * operation is one transaction; the client that is in doubt logs in, and knows.
 *
 * In memory the hashes are keyed, with a key of this process. The answer to a login holds a token;
 * it is encrypted under a key that is made of the request itself and not kept: whoever cannot send
 * the request, password and all, cannot read the answer, not even in a copy of this memory.
 *
 * Not repeated: `locked` and `unavailable`, since asking again is the way to another answer. Not
 * modelled: keys that outlive RECEIPT_LIFETIME_MS, or more of them than there are places.
 */
#include "service.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FINGERPRINT_BYTES 32u
#define SEALED_BYTES      (sizeof(struct receipt_answer) + crypto_secretbox_MACBYTES)

_Static_assert(sizeof((struct receipt_ticket *)0)->seal == crypto_secretbox_KEYBYTES, "a key");

struct receipt {
    enum { PLACE_FREE, PLACE_UNDER_WAY, PLACE_ANSWERED } state;
    uint8_t key[FINGERPRINT_BYTES];
    uint8_t request[FINGERPRINT_BYTES];
    int64_t since_ms;
    uint8_t nonce[crypto_secretbox_NONCEBYTES];
    uint8_t sealed[SEALED_BYTES]; /* the answer */
};

struct receipts {
    pthread_mutex_t mutex;
    uint8_t secret[crypto_generichash_KEYBYTES];
    struct receipt places[RECEIPT_SETS * RECEIPT_WAYS];
};

struct receipts *receipts_open(void)
{
    struct receipts *receipts = calloc(1, sizeof *receipts);
    if (receipts == NULL)
        return NULL;
    randombytes_buf(receipts->secret, sizeof receipts->secret);
    if (pthread_mutex_init(&receipts->mutex, NULL) == 0)
        return receipts;
    free(receipts);
    return NULL;
}

void receipts_close(struct receipts *receipts)
{
    if (receipts == NULL)
        return;
    (void)pthread_mutex_destroy(&receipts->mutex);
    sodium_memzero(receipts, sizeof *receipts);
    free(receipts);
}

static void hash_part(crypto_generichash_state *state, struct bytes part)
{
    uint64_t size = part.size; /* in front, so that no two requests have the same bytes */
    (void)crypto_generichash_update(state, (const uint8_t *)&size, sizeof size);
    (void)crypto_generichash_update(state, part.data, part.size);
}

/* What tells the request apart, and the key that its answer is encrypted with. */
static void hash_request(const struct receipts *receipts, const struct receipt_request *request,
                         uint8_t ret[FINGERPRINT_BYTES], uint8_t ret_seal[32])
{
    crypto_generichash_state state;
    uint8_t both[FINGERPRINT_BYTES + 32u], what = (uint8_t)request->what;
    (void)crypto_generichash_init(&state, receipts->secret, sizeof receipts->secret, sizeof both);
    hash_part(&state, (struct bytes){(const uint8_t *)request->key, strlen(request->key)});
    hash_part(&state, (struct bytes){&what, 1});
    hash_part(&state, request->name);
    hash_part(&state, request->token);
    hash_part(&state, request->content);
    (void)crypto_generichash_final(&state, both, sizeof both);
    memcpy(ret, both, FINGERPRINT_BYTES);
    memcpy(ret_seal, both + FINGERPRINT_BYTES, 32);
    sodium_memzero(both, sizeof both);
    sodium_memzero(&state, sizeof state);
}

static bool is_over(const struct receipt *place, int64_t now_ms)
{
    return place->state == PLACE_ANSWERED && now_ms - place->since_ms > RECEIPT_LIFETIME_MS;
}

/* The place of that key; null: it has none. */
static struct receipt *find(struct receipt *set, const uint8_t key[FINGERPRINT_BYTES],
                            int64_t now_ms)
{
    for (size_t i = 0; i < RECEIPT_WAYS; i++)
        if (set[i].state != PLACE_FREE && !is_over(&set[i], now_ms) &&
            sodium_memcmp(set[i].key, key, FINGERPRINT_BYTES) == 0)
            return &set[i];
    return NULL;
}

/* A place for a newcomer; null: all are of requests that are under way. */
static struct receipt *make_room(struct receipt *set, int64_t now_ms)
{
    struct receipt *oldest = NULL;
    for (size_t i = 0; i < RECEIPT_WAYS; i++) {
        if (set[i].state == PLACE_FREE || is_over(&set[i], now_ms))
            return &set[i];
        if (set[i].state == PLACE_ANSWERED &&
            (oldest == NULL || set[i].since_ms < oldest->since_ms))
            oldest = &set[i];
    }
    return oldest;
}

static enum receipt_state repeat(const struct receipt *place, const uint8_t seal[32],
                                 const uint8_t request[FINGERPRINT_BYTES],
                                 struct receipt_answer *ret)
{
    if (sodium_memcmp(place->request, request, FINGERPRINT_BYTES) != 0)
        return RECEIPT_OTHER;
    if (place->state == PLACE_UNDER_WAY)
        return RECEIPT_UNDER_WAY;
    if (crypto_secretbox_open_easy((uint8_t *)ret, place->sealed, sizeof place->sealed,
                                   place->nonce, seal) != 0)
        return RECEIPT_OTHER;
    return RECEIPT_REPEATED;
}

enum receipt_state receipts_begin(struct receipts *receipts, const struct receipt_request *request,
                                  int64_t now_ms, struct receipt_ticket *ret_ticket,
                                  struct receipt_answer *ret_answer)
{
    uint8_t key[FINGERPRINT_BYTES], fingerprint[FINGERPRINT_BYTES];
    enum receipt_state state = RECEIPT_UNDER_WAY;
    (void)crypto_generichash(key, sizeof key, (const uint8_t *)request->key, strlen(request->key),
                             receipts->secret, sizeof receipts->secret);
    hash_request(receipts, request, fingerprint, ret_ticket->seal);
    struct receipt *set = &receipts->places[key[0] % RECEIPT_SETS * RECEIPT_WAYS];
    (void)pthread_mutex_lock(&receipts->mutex);
    struct receipt *place = find(set, key, now_ms);
    if (place != NULL) {
        state = repeat(place, ret_ticket->seal, fingerprint, ret_answer);
    } else if ((place = make_room(set, now_ms)) != NULL) {
        place->state = PLACE_UNDER_WAY;
        place->since_ms = now_ms;
        memcpy(place->key, key, sizeof key);
        memcpy(place->request, fingerprint, sizeof fingerprint);
        ret_ticket->place = (size_t)(place - receipts->places);
        state = RECEIPT_NEW;
    }
    (void)pthread_mutex_unlock(&receipts->mutex);
    return state;
}

void receipts_finish(struct receipts *receipts, const struct receipt_ticket *ticket, int64_t now_ms,
                     const struct receipt_answer *answer)
{
    struct receipt *place = &receipts->places[ticket->place];
    (void)pthread_mutex_lock(&receipts->mutex);
    place->state = PLACE_FREE;
    if (answer != NULL) {
        randombytes_buf(place->nonce, sizeof place->nonce);
        (void)crypto_secretbox_easy(place->sealed, (const uint8_t *)answer, sizeof *answer,
                                    place->nonce, ticket->seal);
        place->since_ms = now_ms;
        place->state = PLACE_ANSWERED;
    }
    (void)pthread_mutex_unlock(&receipts->mutex);
}
