/* SPDX-License-Identifier: Apache-2.0
 *
 * The suite that most teams have: a handful of examples.
 *
 *     assay-naive MODULE
 *
 * Register, log in, a wrong password, a name that is taken, a changed password; randomness is fixed
 * so that nothing is flaky, parameters are cheap so that it is quick, and every example begins with
 * an empty store. It is kept for one reason: what it lets pass is what the rest of this repository
 * is for. So nothing is added to it that such a suite would not have, and it knows nothing of the
 * harness: it loads a module as a program would, on real files.
 *
 * Ends with 0: all examples pass; 1: not all; 3: there is no such module.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "targets/target.h"

#define NAME  "alice"
#define RIGHT "correct-horse-battery"
#define WRONG "wrong-horse-battery"
#define NEW   "another-horse-battery"

static const struct assay_target *target;

/* --- Randomness that is always the same ------------------------------------------------------- */

static const char *fixed_name(void)
{
    return "fixed";
}

static uint32_t fixed_number(void)
{
    return 0x61616161;
}

static void fixed_bytes(void *const ret, const size_t size)
{
    memset(ret, 'a', size);
}

static struct randombytes_implementation fixed = {
    .implementation_name = fixed_name, .random = fixed_number, .buf = fixed_bytes};

/* --- What the examples are made of ------------------------------------------------------------ */

struct store {
    char folder[64], path[96];
    struct assay_handle *handle;
};

static struct assay_bytes bytes(const char *text)
{
    return (struct assay_bytes){(const uint8_t *)text, strlen(text)};
}

static enum assay_answer sign_up(struct store *store, const char *password)
{
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    target->register_account(store->handle, bytes(NAME), bytes(password), &reply);
    return reply.answer;
}

static enum assay_answer log_in(struct store *store, const char *name, const char *password)
{
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    target->login(store->handle, bytes(name), bytes(password), NULL, &reply);
    return reply.answer;
}

static enum assay_answer change(struct store *store, const char *before, const char *after)
{
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    target->change_password(store->handle, bytes(NAME), bytes(before), bytes(after), &reply);
    return reply.answer;
}

static int open_store(void **state)
{
    static struct store store;
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    struct assay_config config = {.size = sizeof config, .cost = target->traits.cost_min};
    store = (struct store){.folder = "/tmp/assay-naive-XXXXXX"};
    if (!mkdtemp(store.folder))
        return 1;
    snprintf(store.path, sizeof store.path, "%s/accounts.db", store.folder);
    config.path = store.path;
    target->open(&config, &store.handle, &reply);
    *state = &store;
    return reply.answer != ASSAY_OK;
}

static int close_store(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    struct store *store = *state;
    char path[128];
    if (store->handle)
        target->close(store->handle);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(path, sizeof path, "%s%s", store->path, ends[i]);
        unlink(path);
    }
    return rmdir(store->folder);
}

/* --- The examples ----------------------------------------------------------------------------- */

static void test_register_and_log_in(void **state)
{
    assert_int_equal(sign_up(*state, RIGHT), ASSAY_OK);
    assert_int_equal(log_in(*state, NAME, RIGHT), ASSAY_OK);
}

static void test_wrong_password(void **state)
{
    assert_int_equal(sign_up(*state, RIGHT), ASSAY_OK);
    assert_int_equal(log_in(*state, NAME, WRONG), ASSAY_DENIED);
    assert_int_equal(log_in(*state, NAME, RIGHT), ASSAY_OK);
}

static void test_unknown_user(void **state)
{
    assert_int_equal(log_in(*state, NAME, RIGHT), ASSAY_DENIED);
}

static void test_name_is_taken(void **state)
{
    assert_int_equal(sign_up(*state, RIGHT), ASSAY_OK);
    assert_int_equal(sign_up(*state, WRONG), ASSAY_EXISTS);
    assert_int_equal(log_in(*state, NAME, RIGHT), ASSAY_OK);
}

static void test_change_password(void **state)
{
    assert_int_equal(sign_up(*state, RIGHT), ASSAY_OK);
    assert_int_equal(change(*state, RIGHT, NEW), ASSAY_OK);
    assert_int_equal(log_in(*state, NAME, NEW), ASSAY_OK);
    assert_int_equal(log_in(*state, NAME, RIGHT), ASSAY_DENIED);
}

static void test_change_needs_the_password(void **state)
{
    assert_int_equal(sign_up(*state, RIGHT), ASSAY_OK);
    assert_int_equal(change(*state, WRONG, NEW), ASSAY_DENIED);
    assert_int_equal(log_in(*state, NAME, RIGHT), ASSAY_OK);
}

static bool load(const char *path)
{
    const struct assay_target *(*table)(void) = NULL;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = module ? dlsym(module, ASSAY_TARGET_SYMBOL) : NULL;
    memcpy(&table, &symbol, sizeof table);
    target = table ? table() : NULL;
    if (!target)
        fprintf(stderr, "assay-naive: %s\n", module ? "the module exports no target" : dlerror());
    return target != NULL;
}

int main(int count, char **arguments)
{
#define EXAMPLE(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)
    const struct CMUnitTest examples[] = {
        EXAMPLE(test_register_and_log_in), EXAMPLE(test_wrong_password),
        EXAMPLE(test_unknown_user),        EXAMPLE(test_name_is_taken),
        EXAMPLE(test_change_password),     EXAMPLE(test_change_needs_the_password),
    };
    if (count != 2) {
        fprintf(stderr, "usage: assay-naive MODULE\n");
        return 64;
    }
    if (randombytes_set_implementation(&fixed) != 0 || sodium_init() < 0 || !load(arguments[1]))
        return 3;
    return cmocka_run_group_tests(examples, NULL, NULL) == 0 ? 0 : 1;
}
