/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy: which passwords may be set. SP 800-63B-4, 3.1.1.2, and ASVS 5.0, V6.2.
 *
 * What is asked, in this order, and each refusal says which it was:
 *   - a text: UTF-8, not empty, no control characters, at most PASSWORD_BYTES_MAX bytes. Nothing is
 *     cut to make it fit
 *   - long enough: 15 characters, because the password is all there is; 8 below a second factor. A
 *     character is a code point of the OpaqueString
 *   - not made of what an attacker knows already: the account's name, the service's. Such a word,
 *     without case, must not be more than half of the password. It may be in it: "my alice's
 *     favourite hat" is refused to nobody. Of a name with an "@" the part before it counts, too
 *   - not regular and not well known, if there is a blocklist
 *
 * What is not asked: digits, capitals, signs. Rules of composition make passwords that people write
 * down and change by one digit. Nor is there an age at which a password has to be changed, a hint
 * or a question: there is nothing of that kind to ask for.
 *
 * The policy is judged where a password is set and nowhere else, since it changes over the years
 * and the stored hashes do not.
 */
#include "reference.h"

#include <stdio.h>
#include <string.h>

/* How many code points of the text are the word, wherever it occurs. */
static size_t covered(const struct opaque *text, const struct opaque *word)
{
    size_t at = 0, count = 0;
    while (at < text->size) {
        const uint8_t *found = memmem(text->data + at, text->size - at, word->data, word->size);
        if (found == NULL)
            break;
        at = (size_t)(found - text->data) + word->size;
        count += word->code_points;
    }
    return count;
}

/* Is more than half of the text this word? A word that is too short does not count. */
static bool is_mostly(const struct opaque *folded, struct bytes word)
{
    struct opaque folded_word;
    if (word.size == 0 || !opaque_fold(word, &folded_word) ||
        folded_word.code_points < CONTEXT_WORD_CODE_POINTS_MIN)
        return false;
    return 2 * covered(folded, &folded_word) > folded->code_points;
}

static bool is_mostly_name(const struct opaque *folded, struct bytes name)
{
    const uint8_t *at_sign = name.size == 0 ? NULL : memchr(name.data, '@', name.size);
    struct bytes local = {name.data, at_sign == NULL ? 0 : (size_t)(at_sign - name.data)};
    return is_mostly(folded, name) || is_mostly(folded, local);
}

static bool is_mostly_context(const struct opaque *folded, const char *const *words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++)
        if (is_mostly(folded, (struct bytes){(const uint8_t *)words[i], strlen(words[i])}))
            return true;
    return false;
}

static bool judge_content(const struct password_config *config, const struct opaque *prepared,
                          struct bytes name, struct reply *reply)
{
    CLEANUP(opaque_done) struct opaque folded;
    if (!opaque_fold(opaque_bytes(prepared), &folded))
        return reply_refused(reply, REASON_LIMIT, "too long without case");
    if (is_mostly_name(&folded, name))
        return reply_refused(reply, REASON_REFUSED, "mostly the account name");
    if (is_mostly_context(&folded, config->context_words))
        return reply_refused(reply, REASON_REFUSED, "mostly the name of the service");
    if (config->blocklist == NULL)
        return reply_ok(reply);
    const char *flaw = sequence_flaw(opaque_bytes(&folded));
    if (flaw != NULL)
        return reply_refused(reply, REASON_REFUSED, flaw);
    if (blocklist_has(config->blocklist, opaque_bytes(&folded)))
        return reply_refused(reply, REASON_REFUSED, "on the list of common passwords");
    return reply_ok(reply);
}

bool policy_prepare(const struct password_config *config, struct bytes password, struct bytes name,
                    struct opaque *ret, struct reply *reply)
{
    enum opaque_flaw flaw = opaque_prepare(password, PASSWORD_BYTES_MAX, ret);
    if (flaw != OPAQUE_GOOD)
        return opaque_refused(flaw, reply);
    if (ret->has_control)
        return reply_refused(reply, REASON_REFUSED, "password with control characters");
    if (ret->code_points < config->code_points_min) {
        char why[REPLY_DETAIL_BYTES];
        (void)snprintf(why, sizeof why, "too short: fewer than %u characters",
                       config->code_points_min);
        return reply_refused(reply, REASON_REFUSED, why);
    }
    return judge_content(config, ret, name, reply);
}

bool password_acceptable(const struct password_config *config, struct bytes password,
                         struct bytes name, struct reply *reply)
{
    CLEANUP(opaque_done) struct opaque prepared;
    return policy_prepare(config, password, name, &prepared, reply);
}

static bool judge_words(const char *const *words, struct reply *reply)
{
    struct opaque prepared;
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        struct bytes word = {(const uint8_t *)words[i], strlen(words[i])};
        if (i == CONTEXT_WORDS_MAX)
            return reply_unavailable(reply, LAYER_INTERNAL, REASON_LIMIT, 0, "configuration",
                                     "too many context words");
        if (opaque_prepare(word, NAME_BYTES_MAX, &prepared) != OPAQUE_GOOD ||
            prepared.code_points < CONTEXT_WORD_CODE_POINTS_MIN)
            return reply_unavailable(reply, LAYER_INTERNAL, REASON_REFUSED, 0, "configuration",
                                     "a context word that is no text, too short or too long");
    }
    return reply_ok(reply);
}

bool policy_complete(struct password_config *config, struct reply *reply)
{
    if (config->code_points_min == 0)
        config->code_points_min = PASSWORD_CODE_POINTS_DEFAULT;
    if (config->code_points_min < PASSWORD_CODE_POINTS_FLOOR)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_LIMIT, 0, "configuration",
                                 "minimum password length below the floor");
    if (config->code_points_min > PASSWORD_CODE_POINTS_CEILING)
        return reply_unavailable(reply, LAYER_INTERNAL, REASON_LIMIT, 0, "configuration",
                                 "minimum password length above the ceiling");
    return judge_words(config->context_words, reply);
}
