/* SPDX-License-Identifier: Apache-2.0
 *
 * Theme: Unicode.
 *
 * One text has several spellings, and keyboards differ in which one they send. A target says in its
 * traits which spellings are one to it. From then on they are one everywhere: for each operation,
 * for the policy, for the count of wrong passwords, for sessions; and whatever it does not declare
 * is two. The tables hold what has been confused before: composed and decomposed letters, kinds of
 * spaces, compatibility forms, case, letters that only look alike, marks that nobody sees.
 *
 * What a target does not take it may refuse. What it took once it must take again: the same bytes
 * have the same verdict, whether they are text or not.
 *
 * Not modelled: PRECIS profiles other than OpaqueString, bidirectional rules, case folding beyond
 * ASCII. A target that declares less than it does is refused for it: nobody could know which of
 * two accounts a name opens.
 */
#include <string.h>

#include "cases/cases.h"

static const struct alias {
    const char *one, *other;
    const char *why;
} aliases[] = {
    {"\u00e9", "e\u0301", "composed and decomposed"},
    {"\u00c5", "A\u030a", "composed and decomposed, a capital letter"},
    {"\u212b", "\u00c5", "a sign that is a letter: the angstrom"},
    {"\u2126", "\u03a9", "a sign that is a letter: the ohm"},
    {"\u1e69", "s\u0307\u0323", "two marks in the other order"},
    {"\uac01", "\u1100\u1161\u11a8", "a syllable of Hangul and its letters"},
    {"\u0344", "\u0308\u0301", "a mark that composing takes apart"},
    {"\U0001d15e", "\U0001d157\U0001d165", "a sign that composing makes longer"},
    {"\u00a0", " ", "a space that does not break"},
    {"\u3000", " ", "a wide space"},
    {"\u2009", " ", "a thin space"},
    {"\ufb01", "fi", "a ligature"},
    {"\uff21", "A", "a wide letter"},
    {"\u00b2", "2", "a superscript"},
    {"\u2460", "1", "a digit in a circle"},
    {"\u00df", "ss", "sharp s"},
    {"\u0130", "i", "a capital i with its dot"},
    {"\u0131", "i", "a small i without it"},
    {"\u00c5", "\u00e5", "case beyond ASCII"},
    {"A", "a", "case"},
    {"\u017f", "s", "long s"},
    {"\u212a", "k", "the kelvin sign"},
    {"\u0430", "a", "a Cyrillic letter that looks like a Latin one"},
    {"\u200d", "", "a joiner that nobody sees"},
    {"\u00ad", "", "a soft hyphen"},
    {"\ufeff", "", "a byte order mark"},
    {"\u0301", "", "a mark without a letter"},
    {"\u2019", "'", "an apostrophe that a keyboard made nicer"},
};
#define ALIASES (sizeof aliases / sizeof *aliases)

/* Two spellings around a few letters, long enough for the limits. */
static void spell(const struct alias *alias, bool swapped, uint8_t letter, size_t size_min,
                  struct text ret[static 2])
{
    for (size_t i = 0; i < 2; i++) {
        const char *piece = (i == 0) == swapped ? alias->other : alias->one;
        ret[i] = (struct text){.size = 0};
        text_add(&ret[i], &letter, 1);
        text_add(&ret[i], piece, strlen(piece));
        for (size_t n = 0; n < 14 || ret[i].size < size_min; n++)
            text_add(&ret[i], &(uint8_t){(uint8_t)('a' + n % 26)}, 1);
    }
}

static void spell_password(const struct assay_traits *traits, const struct alias *alias,
                           bool swapped, uint8_t letter, struct text ret[static 2])
{
    spell(alias, swapped, letter, traits->password_bytes_min, ret);
    add_suffix(traits, &ret[0]);
    add_suffix(traits, &ret[1]);
}

static const struct alias *draw_alias(struct run *run, bool *ret_swapped)
{
    const struct alias *alias = &aliases[draw_factor(run, ALIASES)];
    *ret_swapped = draw_factor(run, 2) == 1;
    return alias;
}

static void forms_of_a_password(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_traits *traits = &subject->target->traits;
    struct text forms[2], encoded;
    bool swapped;
    need_hashing(run, subject->target);
    const struct alias *alias = draw_alias(run, &swapped);
    spell_password(traits, alias, swapped, 'p', forms);
    stored_hash(run, subject->target, cheapest_cost(traits), &forms[0], &encoded);
    enum assay_answer answer = stored_verify(run, subject->target, &encoded, &forms[1]);
    if (answer != ASSAY_OK && !would_hash(run, subject->target, &forms[1]))
        return; /* its policy would never have let it in */
    if (same_password(traits, &forms[0], &forms[1]))
        CHECK(run, answer == ASSAY_OK,
              "a password that the target equates with the right one (%s) is answered %s",
              alias->why, REPLY_TEXT(client_reply()));
    else
        CHECK(run, answer == ASSAY_DENIED || answer == ASSAY_REFUSED,
              "a password that the target does not equate with the right one (%s) is answered %s",
              alias->why, REPLY_TEXT(client_reply()));
}
const struct test_case unicode_forms_of_a_password = {
    .name = "unicode.forms_of_a_password",
    .shows = "two forms of a text are one password if the target declares it, and only then",
    .requirements = "N-06 P-01 P-04",
    .stands_for = "normalised on one side, or more than was promised",
    .techniques = BIT(EXHAUSTIVE),
    .body = forms_of_a_password,
};

/* --- Every path ------------------------------------------------------------------------------- */

/* One of the operations that ask for a password, with a form of it. */
static void expect_same(struct client *client, bool same, enum assay_answer answer,
                        const char *operation, const struct alias *alias)
{
    CHECK(client->run, same == (answer == ASSAY_OK),
          "%s with the other form of the password (%s) is answered %s, and the target %s",
          operation, alias->why, REPLY_TEXT(client_reply()),
          same ? "declares that they are one" : "does not declare that they are one");
}

/* The policy sees what is stored, so it cannot tell them apart. */
static void judge_policy(struct client *client, const struct text forms[static 2],
                         const struct alias *alias)
{
    struct text names[2];
    enum assay_answer answers[2];
    const struct assay_traits *traits = &client->table->traits;
    for (size_t i = 0; i < 2; i++) {
        simple_name(traits, (uint8_t)('m' + i), &names[i]);
        answers[i] = client_register(client, &names[i], &forms[i]);
    }
    if (same_password(traits, &forms[0], &forms[1]) && within_password_limits(traits, &forms[0]) &&
        within_password_limits(traits, &forms[1]))
        CHECK(client->run, answers[0] == answers[1],
              "of two forms of one password (%s) registration takes one only: %s and %s",
              alias->why, answer_name(answers[0]), answer_name(answers[1]));
}

static void every_path(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    const struct assay_traits *traits = &target->traits;
    struct text name, forms[2], next[2];
    struct client client;
    bool swapped;
    need_accounts(run, target);
    const struct alias *alias = draw_alias(run, &swapped);
    spell_password(traits, alias, swapped, 'p', forms);
    spell_password(traits, alias, swapped, 'q', next);
    bool same = same_password(traits, &forms[0], &forms[1]);
    simple_name(traits, 'a', &name);
    client_init(&client, run, target, cheapest_cost(traits));
    client_open(&client, false);
    judge_policy(&client, forms, alias);
    if (client_register(&client, &name, &forms[0]) != ASSAY_OK)
        return; /* as is its right; it said the same of both */
    expect_same(&client, same, client_login(&client, &name, &forms[1]), "login", alias);
    if (target->change_password) {
        expect_same(&client, same, client_change(&client, &name, &forms[1], &next[0]), "change",
                    alias);
        if (!same)
            CHECK(run, client_change(&client, &name, &forms[0], &next[0]) == ASSAY_OK,
                  "a change by the password that was registered is answered %s",
                  REPLY_TEXT(client_reply()));
        expect_same(&client, same, client_login(&client, &name, &next[1]), "login, after a change,",
                    alias);
        memcpy(forms, next, sizeof forms);
    }
    CHECK(run, client_login(&client, &name, &forms[0]) == ASSAY_OK,
          "the very bytes that were set are answered %s", REPLY_TEXT(client_reply()));
    if (target->remove_account)
        expect_same(&client, same, client_remove(&client, &name, &forms[1]), "removal", alias);
}
const struct test_case unicode_every_path = {
    .name = "unicode.every_path",
    .shows = "what is one password at registration is one at login, at both sides of a change, at "
             "removal, and to the policy",
    .requirements = "N-06 P-01 P-04 A-6.3.4",
    .stands_for = "Bookie#368, synapse#3306: normalised in one place and not in the other",
    .techniques = BIT(EXHAUSTIVE),
    .body = every_path,
};

/* --- The same bytes --------------------------------------------------------------------------- */

static const struct {
    const char *bytes;
    size_t size;
    const char *why;
} pieces[] = {
    {"a", 1, "a letter"},
    {"\xff", 1, "a byte of no text"},
    {"\xc0\xaf", 2, "an overlong form"},
    {"\xed\xa0\x80", 3, "half of a surrogate pair"},
    {"\xf4\x90\x80\x80", 4, "beyond the last code point"},
    {"\xc3", 1, "half of a letter"},
    {"\xe9", 1, "a letter of Latin-1"},
    {"\0b", 2, "a NUL and more"},
    {"\0", 1, "a NUL"},
    {"\x7f", 1, "delete"},
    {"\r\n", 2, "the end of a line"},
    {"\t", 1, "a tabulator"},
    {"\xc2\x85", 2, "another end of a line"},
    {"\u0378", 2, "a code point that is not assigned"},
    {"\uffff", 3, "a noncharacter"},
    {"\U0001f468\u200d\U0001f4bb", 11, "an emoji of three code points"},
    {"\u202e", 3, "text from right to left"},
    {"\ufdfa", 3, "a ligature of eighteen letters"},
    {"\u0344\u0344\u0344\u0344", 8, "marks that composing makes longer"},
    {"\U000e0001", 4, "a tag"},
    {"\U0010ffff", 4, "the last code point"},
    {" ", 1, "a space"},
};
#define PIECES (sizeof pieces / sizeof *pieces)

static void place(size_t piece, bool in_front, struct text *text)
{
    struct text letters = *text;
    text->size = 0;
    if (in_front)
        text_add(text, pieces[piece].bytes, pieces[piece].size);
    text_add(text, letters.bytes, letters.size);
    if (!in_front)
        text_add(text, pieces[piece].bytes, pieces[piece].size);
}

static void same_bytes(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    const struct assay_traits *traits = &target->traits;
    struct text name, password, other;
    struct client client;
    need_accounts(run, target);
    size_t piece = draw_factor(run, PIECES);
    bool in_front = draw_factor(run, 2) == 1, in_name = draw_factor(run, 2) == 1;
    simple_name(traits, 'n', &name);
    simple_password(traits, 'p', &password);
    simple_password(traits, 'q', &other);
    place(piece, in_front, in_name ? &name : &password);
    if (!in_name)
        place(piece, in_front, &other);
    client_init(&client, run, target, cheapest_cost(traits));
    client_open(&client, false);
    enum assay_answer answer = client_register(&client, &name, &password);
    if (answer != ASSAY_OK) {
        CHECK(run, answer == ASSAY_REFUSED, "the first registration is answered %s",
              REPLY_TEXT(client_reply()));
        CHECK(run, client_login(&client, &name, &password) != ASSAY_OK,
              "what registration refused (%s) logs in", pieces[piece].why);
        return;
    }
    for (int i = 0; i < 2; i++)
        CHECK(run, client_login(&client, &name, &password) == ASSAY_OK,
              "the very bytes that were registered (with %s) are answered %s", pieces[piece].why,
              REPLY_TEXT(client_reply()));
    if (target->change_password)
        CHECK(run, client_change(&client, &name, &password, &other) == ASSAY_OK,
              "a change of bytes that registration took (with %s) is answered %s",
              pieces[piece].why, REPLY_TEXT(client_reply()));
    if (target->remove_account)
        CHECK(run,
              client_remove(&client, &name, target->change_password ? &other : &password) ==
                  ASSAY_OK,
              "a removal by the very bytes that were set (with %s) is answered %s",
              pieces[piece].why, REPLY_TEXT(client_reply()));
}
const struct test_case unicode_same_bytes = {
    .name = "unicode.same_bytes",
    .shows = "any bytes are either refused at registration, or taken by every operation from then "
             "on",
    .requirements = "N-03 O-06 P-03 A-6.3.4",
    .stands_for = "CVE-2011-2483: passwords that can be set and not used",
    .techniques = BIT(EXHAUSTIVE),
    .body = same_bytes,
};

/* --- Names ------------------------------------------------------------------------------------ */

/* So many wrong passwords lock an account, if that is no more than cases go to. */
#define ATTEMPTS_MAX 20u

static bool locks(const struct assay_traits *traits)
{
    return traits->lockout_attempts > 0 && traits->lockout_attempts <= ATTEMPTS_MAX;
}

/* `ret` stays empty where there are no sessions. */
static void begin_session(struct client *client, const struct text *name,
                          const struct text *password, struct text *ret)
{
    ret->size = 0;
    if (client->table->session_check)
        client_login_session(client, name, password, ret);
}

static bool session_serves(struct client *client, const struct text *session,
                           const struct text *name)
{
    struct text holder;
    if (client_check(client, session, &holder) != ASSAY_OK)
        return false;
    CHECK(client->run, same_name(&client->table->traits, &holder, name),
          "a session of %s is said to be one of %s", QUOTED_TEXT(name), QUOTED_TEXT(&holder));
    return true;
}

/* The two spellings are one account. */
static void judge_one(struct client *client, const struct text names[static 2],
                      const struct text *password, const struct text *wrong,
                      const struct alias *alias)
{
    struct run *run = client->run;
    struct text session;
    CHECK(run, client_register(client, &names[1], wrong) != ASSAY_OK,
          "a name that is equated with a taken one (%s) can be registered", alias->why);
    begin_session(client, &names[1], password, &session);
    if (session.size > 0)
        CHECK(run, session_serves(client, &session, &names[0]), "a new session is answered %s",
              REPLY_TEXT(client_reply()));
    for (uint32_t i = 0;
         locks(&client->table->traits) && i < client->table->traits.lockout_attempts; i++)
        client_login(client, &names[i % 2], wrong);
    enum assay_answer answer = client_login(client, &names[1], password);
    if (locks(&client->table->traits)) {
        CHECK(run, answer != ASSAY_OK,
              "%u wrong passwords under two spellings of a name (%s) do not lock it",
              client->table->traits.lockout_attempts, alias->why);
        return;
    }
    CHECK(run, answer == ASSAY_OK,
          "a name that is equated with the registered one (%s) is answered %s", alias->why,
          REPLY_TEXT(client_reply()));
    if (!client->table->remove_account)
        return;
    CHECK(run, client_remove(client, &names[1], password) == ASSAY_OK,
          "removal by a name that is equated with the registered one (%s) is answered %s",
          alias->why, REPLY_TEXT(client_reply()));
    CHECK(run, client_login(client, &names[0], password) != ASSAY_OK,
          "an account that was removed by its other name (%s) logs in", alias->why);
}

/* The two spellings are two accounts, of which one is removed, made again and locked. */
static void judge_two(struct client *client, const struct text names[static 2],
                      const struct text *password, const struct text *wrong,
                      const struct alias *alias)
{
    struct run *run = client->run;
    const struct assay_target *target = client->table;
    struct text session;
    enum assay_answer answer = client_register(client, &names[1], wrong);
    CHECK(run, answer == ASSAY_OK || answer == ASSAY_REFUSED,
          "a name that is not equated with the taken one (%s) is answered %s", alias->why,
          REPLY_TEXT(client_reply()));
    CHECK(run, client_login(client, &names[1], password) != ASSAY_OK,
          "a name that is not equated with the registered one (%s) opens its account", alias->why);
    if (answer != ASSAY_OK)
        return;
    begin_session(client, &names[1], wrong, &session);
    if (target->remove_account) {
        CHECK(run, client_remove(client, &names[0], password) == ASSAY_OK,
              "the right password is answered %s", REPLY_TEXT(client_reply()));
        client_register(client, &names[0], password);
    }
    if (session.size > 0)
        CHECK(run, session_serves(client, &session, &names[1]),
              "the end of an account ends the session of another one (%s)", alias->why);
    for (uint32_t i = 0; locks(&target->traits) && i <= target->traits.lockout_attempts; i++)
        client_login(client, &names[0], wrong);
    CHECK(run, client_login(client, &names[1], wrong) == ASSAY_OK,
          "what was done to one account is felt by another one (%s): %s", alias->why,
          REPLY_TEXT(client_reply()));
}

static void equated_names(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_traits *traits = &subject->target->traits;
    struct text forms[2], password, wrong;
    struct client client;
    bool swapped;
    need_accounts(run, subject->target);
    const struct alias *alias = draw_alias(run, &swapped);
    spell(alias, swapped, 'n', traits->name_bytes_min, forms);
    simple_password(traits, 'p', &password);
    simple_password(traits, 'q', &wrong);
    client_init(&client, run, subject->target, cheapest_cost(traits));
    client_open(&client, false);
    if (client_register(&client, &forms[0], &password) != ASSAY_OK) {
        CHECK(run, client_reply()->answer == ASSAY_REFUSED, "the first registration is answered %s",
              REPLY_TEXT(client_reply()));
        return;
    }
    if (same_name(traits, &forms[0], &forms[1]))
        judge_one(&client, forms, &password, &wrong, alias);
    else
        judge_two(&client, forms, &password, &wrong, alias);
}
const struct test_case unicode_names = {
    .name = "unicode.names",
    .shows = "names that the target equates share password, lock, sessions and end; names that it "
             "does not equate share nothing",
    .requirements = "N-13 A-6.3.1 A-6.3.4",
    .stands_for = "Spotify 2013: an account taken over by a name that folds to another one",
    .techniques = BIT(EXHAUSTIVE),
    .body = equated_names,
};
