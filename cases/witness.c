/* SPDX-License-Identifier: Apache-2.0
 *
 * Witnesses: the shortest history that shows that a defect is still in its patch.
 *
 * A witness is a line of commands, separated by semicolons, each operation with the answer of a
 * correct target:
 *
 *     cost 8 1; open; register alice correct-horse-battery = ok; cost 19456 2; open;
 *     login alice correct-horse-battery = ok; login alice correct-horse-battery = unavailable
 *
 * `open` closes first. On the reference all answers must come as written, on the variant one must
 * not. Words hold no spaces.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/witness.h"

#define WORDS_MAX 8

static const char *witness_text;

void witness_set(const char *text)
{
    witness_text = text;
}

struct words {
    int count;
    char text[256];
    char *at[WORDS_MAX];
};

/* The next command, in words. */
static bool next_command(const char **text, struct words *ret)
{
    size_t size = strcspn(*text, ";");
    if (**text == 0)
        return false;
    snprintf(ret->text, sizeof ret->text, "%.*s", (int)size, *text);
    *text += size + ((*text)[size] == ';');
    ret->count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(ret->text, " \t\n", &rest); word && ret->count < WORDS_MAX;
         word = strtok_r(NULL, " \t\n", &rest))
        ret->at[ret->count++] = word;
    return true;
}

static struct text *text_of(struct text *ret, const char *word)
{
    ret->size = strlen(word);
    memcpy(ret->bytes, word, ret->size);
    return ret;
}

static bool is(const struct words *words, const char *command, int count)
{
    return words->count == count && strcmp(words->at[0], command) == 0;
}

/* An operation with its answer behind "=". */
static bool operation(struct client *client, const struct words *words, enum assay_answer *ret)
{
    struct text name, first, second;
    if (is(words, "register", 5))
        *ret = client_register(client, text_of(&name, words->at[1]), text_of(&first, words->at[2]));
    else if (is(words, "login", 5))
        *ret = client_login(client, text_of(&name, words->at[1]), text_of(&first, words->at[2]));
    else if (is(words, "remove", 5))
        *ret = client_remove(client, text_of(&name, words->at[1]), text_of(&first, words->at[2]));
    else if (is(words, "change", 6))
        *ret = client_change(client, text_of(&name, words->at[1]), text_of(&first, words->at[2]),
                             text_of(&second, words->at[3]));
    else
        return false;
    return true;
}

static void one_command(struct run *run, struct client *client, const struct words *words)
{
    enum assay_answer answer = ASSAY_ANSWERS;
    if (words->count == 0)
        return;
    if (is(words, "cost", 3)) {
        client->cost = (struct assay_cost){(uint32_t)strtoul(words->at[1], NULL, 10),
                                           (uint32_t)strtoul(words->at[2], NULL, 10)};
    } else if (is(words, "open", 1)) {
        client_close(client);
        client_open(client, false);
    } else if (client->handle && operation(client, words, &answer)) {
        const char *expected = words->at[words->count - 1];
        CHECK(run, strcmp(answer_name(answer), expected) == 0, "%s: expected %s, got %s",
              words->at[0], expected, REPLY_TEXT(client_reply()));
    } else {
        fprintf(stderr, "the witness has a command that is not understood: %s\n", words->at[0]);
        reject(run);
    }
}

static void witness(struct run *run, const void *context)
{
    const struct subject *subject = context;
    struct client client;
    struct words words;
    const char *text = witness_text;
    need_accounts(run, subject->target);
    client_init(&client, run, subject->target, cheapest_cost(&subject->target->traits));
    while (next_command(&text, &words))
        one_command(run, &client, &words);
}
const struct test_case witness_case = {.name = "witness",
                                       .shows = "a defect is still in its patch",
                                       .stands_for = "its patch",
                                       .body = witness};
