/* SPDX-License-Identifier: Apache-2.0
 *
 * A database file that is not what it was, on a real disk: missing, empty, cut off, overwritten, a
 * folder, not writable, or taken away while it is open. Each has a clear cause; nobody is ever told
 * that his password is wrong because of it, and nobody is served an empty store in its place.
 */
#include "database.h"

#include <fcntl.h>
#include <sys/wait.h>

#define NAME TEXT("alice")

static struct accounts_config existing(void)
{
    struct accounts_config config = test_config();
    config.must_exist = true;
    return config;
}

/* A database with one account, closed in good order. */
static void prepare(void)
{
    struct accounts_config config = test_config();
    struct accounts *accounts = open_with(&config);
    must_register(accounts, NAME, OLD);
    accounts_close(accounts);
}

static off_t size_of(const char *file)
{
    struct stat info;
    return stat(file, &info) == 0 ? info.st_size : -1;
}

/* --- What can happen to a file ---------------------------------------------------------------- */

static void is_removed(void)
{
    assert_int_equal(unlink(path), 0);
}

static void is_emptied(void)
{
    assert_int_equal(truncate(path, 0), 0);
}

static void is_cut_in_the_header(void)
{
    assert_int_equal(truncate(path, 60), 0);
}

static void is_cut_after_a_page(void)
{
    assert_int_equal(truncate(path, 4096), 0);
}

static void loses_its_last_page(void)
{
    assert_int_equal(truncate(path, size_of(path) - 4096), 0);
}

static void loses_half_a_page(void)
{
    assert_int_equal(truncate(path, size_of(path) - 2048), 0);
}

static void is_overwritten_from(off_t offset, size_t size)
{
    static const char noise[] = "what somebody else has written here, and then some";
    int file = open(path, O_WRONLY);
    assert_true(file >= 0);
    for (size_t at = 0; at < size; at += sizeof noise)
        assert_int_equal(pwrite(file, noise, sizeof noise, offset + (off_t)at), sizeof noise);
    assert_int_equal(close(file), 0);
}

static void has_another_beginning(void)
{
    is_overwritten_from(0, 200);
}

static void has_another_schema(void)
{
    is_overwritten_from(100, 3000);
}

static void is_a_folder(void)
{
    is_removed();
    assert_int_equal(mkdir(path, 0700), 0);
}

static void is_another_programs(void)
{
    is_removed();
    plainly("CREATE TABLE account(name TEXT, password TEXT); PRAGMA user_version = 7;");
}

static void nothing_happens(void)
{
}

/* Neither opening nor a login with the right password may end otherwise. */
static void damaged_files(void **state)
{
    static const struct {
        void (*happens)(void);
        bool is_served;
        enum reason reason;
        const char *why;
    } rows[] = {
        {nothing_happens, true, REASON_NONE, "the file as it was"},
        {is_removed, false, REASON_IO, "missing"},
        {is_emptied, false, REASON_CORRUPT, "empty"},
        {is_cut_in_the_header, false, REASON_CORRUPT, "cut off in its header"},
        {is_cut_after_a_page, false, REASON_CORRUPT, "cut off after its first page"},
        {loses_its_last_page, false, REASON_CORRUPT, "without its last page"},
        {loses_half_a_page, false, REASON_CORRUPT, "without half of its last page"},
        {has_another_beginning, false, REASON_CORRUPT, "no longer a database"},
        {has_another_schema, false, REASON_CORRUPT, "with another schema"},
        {is_a_folder, false, REASON_IO, "a folder"},
        {is_another_programs, false, REASON_CORRUPT, "the database of another program"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct accounts_config config = existing();
        struct accounts *accounts = NULL;
        struct reply reply;
        prepare();
        rows[i].happens();
        off_t size = size_of(path);
        if (accounts_open(&config, &accounts, &reply))
            (void)!accounts_login(accounts, NAME, OLD, NULL, &reply);
        accounts_close(accounts);
        assert_reply(&reply, rows[i].is_served ? ANSWER_OK : ANSWER_UNAVAILABLE,
                     rows[i].is_served ? LAYER_NONE : LAYER_STORAGE, rows[i].reason, rows[i].why);
        if (size_of(path) != size)
            fail_msg("%s: opening has changed it", rows[i].why);
        (void)rmdir(path);
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
    }
}

/* Opening what need not exist makes it, but only what is blank; anything else stays as it is. */
static void nothing_is_made_of_something(void **state)
{
    static const struct {
        void (*happens)(void);
        bool is_made;
        const char *why;
    } rows[] = {
        {is_removed, true, "missing"},
        {is_emptied, true, "empty"},
        {is_cut_in_the_header, false, "cut off in its header"},
        {has_another_beginning, false, "no longer a database"},
        {is_another_programs, false, "the database of another program"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct accounts_config config = test_config();
        struct accounts *accounts = NULL;
        struct reply reply;
        prepare();
        rows[i].happens();
        bool is_open = accounts_open(&config, &accounts, &reply);
        accounts_close(accounts);
        if (is_open != rows[i].is_made)
            fail_msg("%s: %s", rows[i].why, reply.detail);
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
    }
}

/* --- Not writable ----------------------------------------------------------------------------- */

/* Root may write everything, so this is done as nobody. */
static __attribute__((noreturn)) void use_as_nobody(void)
{
    struct accounts_config config = existing();
    struct accounts *accounts = NULL;
    struct reply reply;
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        _exit(2);
    if (!accounts_open(&config, &accounts, &reply) ||
        !accounts_change_password(accounts, NAME, OLD, NEW, &reply)) {
        (void)printf("not writable: (%d, %d) %s\n", (int)reply.layer, (int)reply.reason,
                     reply.detail);
        (void)fflush(stdout);
        _exit(reply.answer == ANSWER_UNAVAILABLE && reply.layer == LAYER_STORAGE &&
                      (reply.reason == REASON_IO || reply.reason == REASON_REFUSED)
                  ? 0
                  : 3);
    }
    _exit(4); /* it has written what it may not */
}

static void file_is_read_only(void **state)
{
    int status;
    (void)state;
    prepare();
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        use_as_nobody();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    struct accounts_config config = existing();
    assert_int_equal(chmod(path, 0600), 0);
    struct accounts *accounts = open_with(&config);
    must_login(accounts, NAME, OLD, ANSWER_OK, "it can be written again");
    accounts_close(accounts);
}

/* --- Taken away while it is open -------------------------------------------------------------- */

/* Another database of accounts, in good order, stands where ours did. */
static void put_another_in_its_place(void)
{
    char ours[96], aside[128];
    (void)snprintf(ours, sizeof ours, "%s", path);
    (void)snprintf(aside, sizeof aside, "%s.aside", ours);
    (void)snprintf(path, sizeof path, "%s/another.db", folder);
    prepare();
    assert_int_equal(rename(ours, aside), 0);
    assert_int_equal(rename(path, ours), 0);
    (void)snprintf(path, sizeof path, "%s", ours);
}

static void remove_aside(void)
{
    char aside[128];
    (void)snprintf(aside, sizeof aside, "%s.aside", path);
    (void)unlink(aside);
}

/* Whatever is acknowledged then must be found by whoever opens the file afterwards; so nothing may
 * be acknowledged. */
static void nothing_is_acknowledged_to_a_lost_file(void **state)
{
    static const struct {
        void (*happens)(void);
        const char *why;
    } rows[] = {
        {put_another_in_its_place, "another database is moved there"},
        {is_removed, "it is removed"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct accounts_config config = existing();
        struct reply reply;
        prepare();
        struct accounts *accounts = open_with(&config);
        must_login(accounts, NAME, OLD, ANSWER_OK, "before");
        rows[i].happens();
        (void)!accounts_change_password(accounts, NAME, OLD, NEW, &reply);
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_IO, rows[i].why);
        (void)!accounts_register(accounts, TEXT("bob"), OLD, &reply);
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_IO, rows[i].why);
        (void)!accounts_login(accounts, NAME, OLD, NULL, &reply);
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_STORAGE, REASON_IO, rows[i].why);
        accounts_close(accounts);
        remove_aside();
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(damaged_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_made_of_something, set_up, tear_down),
        cmocka_unit_test_setup_teardown(file_is_read_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_acknowledged_to_a_lost_file, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
