/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutants in a module: module_test PATH.
 *
 * The module is loaded as the harness loads it. A mutant changes what the module answers, in every
 * thread, as long as it is active. Putting back the module's segments leaves the switches alone,
 * though it undoes everything else. What several threads reach is noted.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "coverage/mutate/mutant.h"
#include "faults/faults.h"
#include "harness/run/run.h"

#define THREADS 4

static const char *path;
static struct module module;
static const struct assay_mutants *mutants;

static int load(void **state)
{
    char message[MODULE_MESSAGE_BYTES], name[4096];
    (void)state;
    (void)snprintf(name, sizeof name, "so:%s", path);
    if (faults_install() || !module_load(name, &module, message))
        return -1;
    void *object = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    mutants = object ? dlsym(object, ASSAY_MUTANTS_SYMBOL) : NULL;
    return mutants ? 0 : -1;
}

/* What the module says of a correct credential of the lowest cost. */
static enum assay_answer answer_of_needs_rehash(void)
{
    static const char text[] = "$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$"
                               "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const struct assay_config config = {sizeof config, false, NULL, module.table.traits.cost_min};
    struct assay_reply reply = {0};
    bool needed = false;
    module.table.needs_rehash(&config, (struct assay_bytes){(const uint8_t *)text, sizeof text - 1},
                              &needed, &reply);
    return reply.answer;
}

/* The mutant of a function that replaces this text. */
static uint32_t find(const char *within, const char *original)
{
    for (uint32_t i = 0; i < mutants->count; i++)
        if (strcmp(mutants->at[i].function, within) == 0 &&
            strcmp(mutants->at[i].original, original) == 0)
            return i;
    fail_msg("%s has no mutant of %s", within, original);
    return 0;
}

static void lists_its_mutants(void **state)
{
    (void)state;
    assert_int_equal(mutants->abi, ASSAY_MUTANTS_ABI);
    assert_true(mutants->count > 3000);
    for (uint32_t i = 0; i < mutants->count; i++) {
        assert_true(mutants->at[i].line > 0 && mutants->at[i].column > 0);
        assert_string_not_equal(mutants->at[i].original, mutants->at[i].replacement);
        assert_true(mutants->at[i].key != 0);
    }
}

static void changes_what_the_module_answers(void **state)
{
    (void)state;
    assert_int_equal(answer_of_needs_rehash(), ASSAY_OK);
    *mutants->active = find("phc_decode", "true") + 1;
    assert_int_not_equal(answer_of_needs_rehash(), ASSAY_OK);
    *mutants->active = 0;
    assert_int_equal(answer_of_needs_rehash(), ASSAY_OK);
}

static void keeps_the_switches_when_it_is_put_back(void **state)
{
    (void)state;
    *mutants->active = 7;
    *mutants->turns = 8;
    *mutants->fuel = 900;
    mutants->reached[3] = 1;
    module_restore(&module);
    assert_int_equal(*mutants->active, 7);
    assert_int_equal(*mutants->turns, 8);
    assert_int_equal(*mutants->fuel, 900);
    assert_int_equal(mutants->reached[3], 1);
    mutants->reached[3] = 0;
    *mutants->active = 0;
    *mutants->fuel = UINT64_MAX;
}

static void *ask(void *context)
{
    (void)context;
    for (int i = 0; i < 100; i++)
        (void)answer_of_needs_rehash();
    return NULL;
}

static uint32_t count_reached(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < mutants->count; i++)
        count += mutants->reached[i];
    return count;
}

static void notes_what_threads_reach(void **state)
{
    pthread_t threads[THREADS];
    (void)state;
    memset(mutants->reached, 0, mutants->count);
    *mutants->turns = 0;
    ask(NULL);
    assert_int_equal(count_reached(), 0); /* nobody has asked for it */
    uint64_t turns = *mutants->turns;
    assert_true(turns > 0);
    *mutants->recording = true;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    *mutants->recording = false;
    assert_true(count_reached() > 20);
    assert_true(count_reached() < mutants->count / 2);
}

static jmp_buf out;

static void leave(void)
{
    longjmp(out, 1);
}

static void ends_when_the_fuel_does(void **state)
{
    (void)state;
    *mutants->turns = 0;
    *mutants->fuel = 1;
    *mutants->out_of_fuel = leave;
    bool has_ended = setjmp(out) != 0;
    if (!has_ended)
        (void)answer_of_needs_rehash();
    *mutants->fuel = UINT64_MAX;
    *mutants->out_of_fuel = NULL;
    assert_true(has_ended);
    assert_int_equal(answer_of_needs_rehash(), ASSAY_OK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_its_mutants),
        cmocka_unit_test(changes_what_the_module_answers),
        cmocka_unit_test(keeps_the_switches_when_it_is_put_back),
        cmocka_unit_test(notes_what_threads_reach),
        cmocka_unit_test(ends_when_the_fuel_does),
    };
    path = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, load, NULL);
}
