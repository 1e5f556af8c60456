/* SPDX-License-Identifier: Apache-2.0
 *
 * Pepper: the keyed step against a computation of its own, rotation from the first key to the end
 * of its life, and key files: who may read them, and every line that is not one.
 *
 * sodium_malloc() and sodium_mprotect_readonly() are defined here too: they fail on demand.
 */
#include "testing.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define SKIPPED 77 /* of a child: nothing could be tried */
#define GOOD    "correct horse battery"
#define KEY_A   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" /* 0 to 31 */
#define KEY_B   "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=" /* 32 to 63 */
#define BYTES31 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==" /* one less */
#define BYTES64                                                                                    \
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v" /* the most */              \
    "MDEyMzQ1Njc4OTo7PD0+Pw=="
#define BYTES65                                                                                    \
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v"                             \
    "MDEyMzQ1Njc4OTo7PD0+P0A="

static bool allocation_fails, protection_fails;

void *sodium_malloc(size_t size)
{
    void *(*real)(size_t);
    *(void **)&real = dlsym(RTLD_NEXT, "sodium_malloc");
    return allocation_fails ? NULL : real(size);
}

int sodium_mprotect_readonly(void *block)
{
    int (*real)(void *);
    *(void **)&real = dlsym(RTLD_NEXT, "sodium_mprotect_readonly");
    return protection_fails ? -1 : real(block);
}

static struct pepper *open_keys(const char *content, struct reply *reply)
{
    char path[PATH_BYTES];
    struct pepper *pepper = NULL;
    write_file(bytes_of(content), path);
    bool is_open = pepper_open(path, &pepper, reply);
    assert_int_equal(is_open, pepper != NULL);
    assert_int_equal(unlink(path), 0);
    return pepper;
}

static struct pepper *must_open_keys(const char *content)
{
    struct reply reply;
    struct pepper *pepper = open_keys(content, &reply);
    if (pepper == NULL)
        fail_msg("not opened: %s", reply.detail);
    return pepper;
}

static struct password_config with(const struct pepper *pepper)
{
    return (struct password_config){.cost = {8, 1}, .code_points_min = 15, .pepper = pepper};
}

static struct credential make(const struct pepper *pepper)
{
    const struct password_config config = with(pepper);
    struct credential made;
    struct reply reply;
    if (!password_hash(&config, TEXT(GOOD), NO_NAME, &made, &reply))
        fail_msg("not hashed: %s", reply.detail);
    return made;
}

/* HMAC-SHA-256 of Argon2id's output with the key of 32 bytes, by libsodium's one-shot functions. */
static void n_12_computes_what_it_says(void **state)
{
    struct pepper *pepper = must_open_keys("2026 " KEY_A " current\n");
    struct credential made = make(pepper);
    struct phc value;
    uint8_t key[32], argon2[PHC_HASH_BYTES], keyed[crypto_auth_hmacsha256_BYTES];
    (void)state;
    for (uint8_t i = 0; i < sizeof key; i++)
        key[i] = i;
    assert_true(phc_decode(credential_bytes(&made), &value));
    assert_int_equal(crypto_pwhash(argon2, sizeof argon2, GOOD, sizeof GOOD - 1, value.salt, 1,
                                   8192, crypto_pwhash_ALG_ARGON2ID13),
                     0);
    assert_memory_not_equal(argon2, value.hash, sizeof argon2);
    crypto_auth_hmacsha256(keyed, argon2, sizeof argon2, key);
    assert_memory_equal(keyed, value.hash, sizeof keyed);
    crypto_auth_hmacsha256(keyed, (const uint8_t *)"2026", 4, key);
    assert_int_equal(value.key_id_size, 8);
    assert_memory_equal(value.key_id, "2026", 4);
    assert_memory_equal(value.key_id + 4, keyed, 4);
    assert_non_null(strstr(made.text, ",keyid=MjAyN"));
    pepper_close(pepper);
}

/* HMAC with the longest key, which is as long as a block: RFC 4231 has no such case, so by the
 * definition of RFC 2104. */
static void a_key_of_a_whole_block(void **state)
{
    struct pepper *pepper = must_open_keys("a " BYTES64 " current\n");
    struct phc value = {.key_id_size = 0};
    uint8_t hash[PHC_HASH_BYTES] = {1, 2, 3}, inner[64 + PHC_HASH_BYTES], outer[64 + 32];
    struct reply reply;
    (void)state;
    memcpy(inner + 64, hash, sizeof hash);
    for (uint8_t i = 0; i < 64; i++) {
        inner[i] = i ^ 0x36;
        outer[i] = i ^ 0x5c;
    }
    crypto_hash_sha256(outer + 64, inner, sizeof inner);
    crypto_hash_sha256(inner, outer, sizeof outer);
    pepper_choose(pepper, &value);
    assert_true(pepper_apply(pepper, &value, hash, &reply));
    assert_memory_equal(hash, inner, sizeof hash);
    pepper_close(pepper);
}

/* The life of two keys: none, the first, both, the second, and the file of another place. */
static void o_07_rotation_refuses_nobody(void **state)
{
    struct pepper *first = must_open_keys("a " KEY_A " current");
    struct pepper *both = must_open_keys("a " KEY_A "\nb " KEY_B " current\n");
    struct pepper *second = must_open_keys("b " KEY_B " current\n");
    struct pepper *elsewhere = must_open_keys("a " KEY_B " current\n");
    const struct credential plain = make(NULL), of_first = make(first), of_second = make(second);
    const struct {
        const struct pepper *pepper;
        const struct credential *stored;
        bool is_verified, needs_rehash;
        const char *why;
    } rows[] = {
        {NULL, &plain, true, false, "no keys at all"},
        {first, &plain, true, true, "older than the first key"},
        {first, &of_first, true, false, "of the only key"},
        {both, &plain, true, true, "older than every key"},
        {both, &of_first, true, true, "of the old key"},
        {both, &of_second, true, false, "of the new key"},
        {second, &of_second, true, false, "after the old key's life"},
        {second, &of_first, false, false, "the old key went too early"},
        {NULL, &of_first, false, false, "the file is not configured"},
        {elsewhere, &of_first, false, false, "another key under the same id"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct password_config config = with(rows[i].pepper);
        struct bytes stored = credential_bytes(rows[i].stored);
        struct reply reply;
        bool needed = false;
        if (password_verify(&config, stored, TEXT(GOOD), &reply) != rows[i].is_verified)
            fail_msg("%s: %s", rows[i].why, reply.detail);
        assert_false(password_verify(&config, stored, TEXT(GOOD "!"), &reply));
        if (rows[i].is_verified) {
            assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, rows[i].why);
            assert_true(password_needs_rehash(&config, stored, &needed, &reply));
            assert_int_equal(needed, rows[i].needs_rehash);
        } else {
            assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_REFUSED, rows[i].why);
            assert_detail(&reply, "there is no key a-", rows[i].why);
            assert_false(password_needs_rehash(&config, stored, &needed, &reply));
            assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_REFUSED, rows[i].why);
        }
    }
    pepper_close(first);
    pepper_close(both);
    pepper_close(second);
    pepper_close(elsewhere);
}

/* After one rehash there is no need for another, and the row got no cheaper. */
static void a_11_2_2_rotation_settles(void **state)
{
    struct pepper *first = must_open_keys("a " KEY_A " current");
    struct pepper *both = must_open_keys("a " KEY_A "\nb " KEY_B " current\n");
    static const struct {
        struct cost stored, wanted, written;
        const char *why;
    } rows[] = {
        {{8, 1}, {8, 1}, {8, 1}, "the same cost"},
        {{8, 1}, {16, 2}, {16, 2}, "weaker"},
        {{32, 3}, {16, 2}, {32, 3}, "stronger, and stays so"},
        {{8, 4}, {16, 2}, {16, 2}, "less memory: as configured"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct password_config older = with(first), newer = with(both);
        struct credential stored, next;
        struct cost cost;
        struct reply reply;
        bool needed = false;
        older.cost = rows[i].stored;
        newer.cost = rows[i].wanted;
        assert_true(password_hash(&older, TEXT(GOOD), NO_NAME, &stored, &reply));
        assert_true(password_needs_rehash(&newer, credential_bytes(&stored), &needed, &reply));
        assert_true(needed);
        assert_true(password_rehash(&newer, credential_bytes(&stored), TEXT(GOOD), &next, &reply));
        assert_true(password_needs_rehash(&newer, credential_bytes(&next), &needed, &reply));
        if (needed)
            fail_msg("does not settle: %s", rows[i].why);
        assert_true(password_cost(credential_bytes(&next), &cost, &reply));
        assert_memory_equal(&cost, &rows[i].written, sizeof cost);
        assert_true(password_verify(&newer, credential_bytes(&next), TEXT(GOOD), &reply));
        assert_false(password_verify(&older, credential_bytes(&next), TEXT(GOOD), &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_HASHING, REASON_REFUSED, rows[i].why);
    }
    pepper_close(first);
    pepper_close(both);
}

static void nobody_has_a_key_too(void **state)
{
    struct pepper *pepper = must_open_keys("a " KEY_A " current");
    const struct password_config config = with(pepper);
    struct reply reply;
    (void)state;
    assert_false(password_verify_nobody(&config, TEXT(GOOD), &reply));
    assert_reply(&reply, ANSWER_DENIED, LAYER_NONE, REASON_NONE, "nobody");
    pepper_close(pepper);
    pepper_close(NULL);
}

static void names_a_key_for_operators(void **state)
{
    static const struct {
        struct phc value;
        const char *name, *why;
    } rows[] = {
        {{.key_id = {'2', '0', '2', '6', 1, 2, 0xab, 4}, .key_id_size = 8},
         "2026-0102ab04",
         "one of ours"},
        {{.key_id = {'a', 1, 2, 3, 4}, .key_id_size = 5}, "a-01020304", "the shortest of ours"},
        {{.key_id = {1, 2, 3, 4, 5}, .key_id_size = 5}, "0102030405", "no id in front"},
        {{.key_id = {'a', 'b', 'c', 'd'}, .key_id_size = 4}, "61626364", "no check behind"},
        {{.key_id = {255, 255, 255, 255, 255, 255, 255, 255}, .key_id_size = 8},
         "ffffffffffffffff",
         "the longest"},
        {{.key_id_size = 0}, "", "none"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char name[PEPPER_NAME_BYTES];
        pepper_name(&rows[i].value, name);
        if (strcmp(name, rows[i].name) != 0)
            fail_msg("%s: %s", rows[i].why, name);
    }
}

static void refuses_lines_that_are_no_keys(void **state)
{
    static const struct {
        const char *content;
        const char *detail; /* null: accepted */
        const char *why;
    } rows[] = {
        {"a " KEY_A " current\n", NULL, "the least"},
        {"2026 " BYTES64 " current", NULL, "the longest id and key, no end of the last line"},
        {"a " KEY_A "\nb " KEY_B " current\nc " BYTES64 "\n", NULL, "the second is current"},
        {"", "line 0: the end, and no key is current", "nothing"},
        {"a " KEY_A "\n", "line 1: the end, and no key is current", "no current key"},
        {"a " KEY_A " current\nb " KEY_B " current\n", "line 2: a second current key", "two"},
        {"a " KEY_A " current\na " KEY_B "\n", "line 2: the same id again", "two of one id"},
        {"a " KEY_A " current\n\n", "line 2: the id", "an empty line"},
        {"# keys\n", "line 1: the id", "a comment"},
        {"20261 " KEY_A " current\n", "line 1: the id", "an id of five characters"},
        {"a-b " KEY_A " current\n", "line 1: no space", "an id with a sign"},
        {" " KEY_A " current\n", "line 1: the id", "no id"},
        {KEY_A " current\n", "line 1: the id", "no id and no space"},
        {"a\t" KEY_A " current\n", "line 1: no space", "a tab"},
        {"a  " KEY_A " current\n", "line 1: the key is shorter", "two spaces"},
        {"a", "line 1: no space", "an id alone"},
        {"a ", "line 1: the key is shorter", "an id and a space"},
        {"a " BYTES31 " current\n", "line 1: the key is shorter than 32 bytes", "31 bytes"},
        {"a " BYTES65 " current\n", "line 1: the key is not base64 of at most 64", "65 bytes"},
        {"a " BYTES65 "AAAA current\n", "line 1: the key is longer than 64", "many bytes"},
        {"a AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8 current\n", "line 1: the key is not base64",
         "no padding"},
        {"a AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9= current\n",
         "line 1: the key is not base64", "unused bits"},
        {"a " KEY_A " Current\n", "line 1: something else than \"current\"", "another case"},
        {"a " KEY_A " current \n", "line 1: something else than \"current\"", "a space behind"},
        {"a " KEY_A " current\r\n", "line 1: something else than \"current\"", "CR"},
        {"a " KEY_A "current\n", "line 1: the key is not base64", "no space in between"},
        {"a " KEY_A "\xff current\n", "line 1: something else than \"current\"",
         "what libsodium takes for a slash"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply reply;
        struct pepper *pepper = open_keys(rows[i].content, &reply);
        if ((pepper != NULL) != (rows[i].detail == NULL))
            fail_msg("%s: %s", rows[i].why, reply.detail);
        if (rows[i].detail != NULL) {
            assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_REFUSED, rows[i].why);
            assert_detail(&reply, rows[i].detail, rows[i].why);
            assert_null(strstr(reply.detail, "AAECAwQFBgc"));
        }
        pepper_close(pepper);
    }
}

static void has_room_for_a_number_of_keys(void **state)
{
    char content[4096] = "0 " KEY_A " current\n";
    struct reply reply;
    (void)state;
    for (int i = 1; i < (int)PEPPER_KEYS_MAX; i++) {
        size_t size = strlen(content);
        (void)snprintf(content + size, sizeof content - size, "%d " KEY_A "\n", i);
    }
    pepper_close(must_open_keys(content));
    assert_null(open_keys(strcat(content, "last " KEY_A "\n"), &reply));
    assert_detail(&reply, "line 17: too many keys", "one more");
}

/* Every prefix and every single-byte change: refused or opened, and never anything worse. */
static void survives_every_damaged_file(void **state)
{
    static const char good[] = "a " KEY_A "\nb " KEY_B " current\n";
    char path[PATH_BYTES];
    struct pepper *pepper = NULL;
    struct reply reply;
    size_t opened = 0;
    (void)state;
    write_file(TEXT(""), path);
    for (size_t at = 0; at < sizeof good - 1; at++) {
        for (int change = 0; change < 9; change++) {
            char text[sizeof good];
            memcpy(text, good, sizeof good);
            size_t size = change == 8 ? at : sizeof good - 1;
            if (change < 8)
                text[at] = (char)(text[at] ^ (1 << change));
            FILE *file = fopen(path, "we");
            assert_non_null(file);
            assert_int_equal(fwrite(text, 1, size, file), size);
            assert_int_equal(fclose(file), 0);
            if (pepper_open(path, &pepper, &reply)) {
                pepper_close(pepper);
                opened++;
            } else {
                assert_int_equal(reply.answer, ANSWER_UNAVAILABLE);
            }
        }
    }
    assert_true(opened > 0); /* other letters of a key are another key */
    assert_int_equal(unlink(path), 0);
}

static void a_file_of_secrets_is_private(void **state)
{
    static const struct {
        mode_t mode;
        bool is_private;
        const char *why;
    } rows[] = {
        {0600, true, "the owner's"},          {0400, true, "read-only"},
        {0640, false, "the group may read"},  {0604, false, "others may read"},
        {0620, false, "the group may write"}, {0601, false, "others may do anything"},
    };
    char path[PATH_BYTES], link_path[PATH_BYTES + 5];
    struct pepper *pepper;
    struct reply reply;
    (void)state;
    write_file(TEXT("a " KEY_A " current\n"), path);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(chmod(path, rows[i].mode), 0);
        bool is_open = pepper_open(path, &pepper, &reply);
        assert_int_equal(is_open, rows[i].is_private);
        if (is_open)
            pepper_close(pepper);
        else
            assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_REFUSED, rows[i].why);
    }
    assert_int_equal(chmod(path, 0600), 0);
    (void)snprintf(link_path, sizeof link_path, "%s.link", path);
    assert_int_equal(symlink(path, link_path), 0);
    assert_false(pepper_open(link_path, &pepper, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_IO, "a symbolic link");
    assert_int_equal(reply.native_code, ELOOP);
    assert_int_equal(unlink(link_path), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
        assert_false(pepper_open(path, &pepper, &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_REFUSED, "another user's");
    }
    assert_int_equal(unlink(path), 0);
    assert_false(pepper_open(path, &pepper, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_IO, "no such file");
    assert_false(pepper_open("/tmp", &pepper, &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_REFUSED, "a directory");
}

static void keys_without_their_memory_are_not_loaded(void **state)
{
    struct reply reply;
    (void)state;
    allocation_fails = true;
    assert_null(open_keys("a " KEY_A " current\n", &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_MEMORY, "no memory");
    allocation_fails = false;
    protection_fails = true;
    assert_null(open_keys("a " KEY_A " current\n", &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_MEMORY, "not protected");
    protection_fails = false;
    pepper_close(must_open_keys("a " KEY_A " current\n"));
}

/* Writing to the keys is a crash: in a child, whose end is looked at. */
static void keys_are_read_only(void **state)
{
    struct pepper *pepper = must_open_keys("a " KEY_A " current\n");
    int status = 0;
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGBUS, SIG_DFL);
        *(volatile uint8_t *)pepper = 1;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    pepper_close(pepper);
}

/* In a child without the right to lock memory. Sanitizers make mlock() do nothing, always: skipped.
 */
static void keys_that_cannot_be_locked_are_not_loaded(void **state)
{
    int status = 0;
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit nothing = {0, 0};
        struct pepper *pepper = NULL;
        struct reply reply;
        if (setrlimit(RLIMIT_MEMLOCK, &nothing) != 0 || (geteuid() == 0 && seteuid(65534) != 0) ||
            mlock(&reply, sizeof reply) == 0)
            _exit(SKIPPED);
        bool is_open = pepper_open("/nonexistent", &pepper, &reply);
        _exit(!is_open && reply.layer == LAYER_INTERNAL && reply.reason == REASON_MEMORY ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIPPED)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(n_12_computes_what_it_says),
        cmocka_unit_test(a_key_of_a_whole_block),
        cmocka_unit_test(o_07_rotation_refuses_nobody),
        cmocka_unit_test(a_11_2_2_rotation_settles),
        cmocka_unit_test(nobody_has_a_key_too),
        cmocka_unit_test(names_a_key_for_operators),
        cmocka_unit_test(refuses_lines_that_are_no_keys),
        cmocka_unit_test(has_room_for_a_number_of_keys),
        cmocka_unit_test(survives_every_damaged_file),
        cmocka_unit_test(a_file_of_secrets_is_private),
        cmocka_unit_test(keys_without_their_memory_are_not_loaded),
        cmocka_unit_test(keys_are_read_only),
        cmocka_unit_test(keys_that_cannot_be_locked_are_not_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
