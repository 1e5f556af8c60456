/* SPDX-License-Identifier: Apache-2.0
 *
 * The blocklist, what is too regular, and the file reader below: lines, limits, what no password
 * can be, files that are none.
 *
 * read() and fstat() are defined here too, in front of the library's: they fail on demand.
 */
#include "testing.h"

#include "failing.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#define LIST                                                                                       \
    "correcthorsebatterystaple\nPasswordPassword\nstra\xc3\x9f"                                    \
    "enbahnhaltestelle\ncafe\xcc\x81"                                                              \
    "cafe\xcc\x81"                                                                                 \
    "cafe\xcc\x81 au lait\n  spaces count  \n# no comment #"

static int read_errno;        /* 0: works */
static int interruptions;     /* so many reads end in EINTR first */
static bool descriptor_fails; /* fstat() does */

ssize_t read(int descriptor, void *buffer, size_t size)
{
    ssize_t (*real)(int, void *, size_t);
    errno = interruptions > 0 ? EINTR : read_errno;
    if (interruptions > 0)
        interruptions--;
    if (errno != 0)
        return -1;
    *(void **)&real = dlsym(RTLD_NEXT, "read");
    return real(descriptor, buffer, size);
}

int fstat(int descriptor, struct stat *ret)
{
    int (*real)(int, struct stat *);
    errno = EIO;
    if (descriptor_fails)
        return -1;
    *(void **)&real = dlsym(RTLD_NEXT, "fstat");
    return real(descriptor, ret);
}

static struct blocklist *open_list(struct bytes content, struct reply *reply)
{
    char path[PATH_BYTES];
    struct blocklist *list = NULL;
    write_file(content, path);
    bool is_open = blocklist_open(path, &list, reply);
    assert_int_equal(is_open, list != NULL);
    assert_int_equal(unlink(path), 0);
    return list;
}

static void n_07_refuses_what_is_on_the_list(void **state)
{
    static const struct {
        struct bytes password;
        bool is_listed;
        const char *why;
    } rows[] = {
        {TEXT("correcthorsebatterystaple"), true, "the first line"},
        {TEXT("CorrectHorseBatteryStaple"), true, "in another case"},
        {TEXT("passwordpassword"), true, "the list in another case"},
        {TEXT("correcthorsebatterystaple "), false, "one character more"},
        {TEXT("correcthorsebatterystapl"), false, "one character less"},
        {TEXT("STRASSENBAHNHALTESTELLE"), true, "full case folding"},
        {TEXT("caf\xc3\xa9"
              "caf\xc3\xa9"
              "caf\xc3\xa9\xc2\xa0"
              "au lait"),
         true, "composed, and with another space"},
        {TEXT("  spaces count  "), true, "nothing is trimmed"},
        {TEXT("spaces count    "), false, "spaces elsewhere"},
        {TEXT("# no comment #"), true, "the last line, without an end, and no comment"},
        {TEXT("correct horse battery"), false, "not on it"},
    };
    struct reply reply;
    struct blocklist *list = open_list(TEXT(LIST), &reply);
    const struct password_config config = {.cost = {8, 1}, .code_points_min = 8, .blocklist = list};
    (void)state;
    assert_non_null(list);
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool is_acceptable = password_acceptable(&config, rows[i].password, NO_NAME, &reply);
        assert_reply(&reply, rows[i].is_listed ? ANSWER_REFUSED : ANSWER_OK,
                     rows[i].is_listed ? LAYER_INPUT : LAYER_NONE,
                     rows[i].is_listed ? REASON_REFUSED : REASON_NONE, rows[i].why);
        assert_int_equal(is_acceptable, !rows[i].is_listed);
        if (rows[i].is_listed)
            assert_detail(&reply, "list of common passwords", rows[i].why);
    }
    blocklist_close(list);
    blocklist_close(NULL);
}

static void n_07_refuses_what_is_too_regular(void **state)
{
    static const struct {
        const char *password;
        const char *flaw; /* null: none */
        const char *why;
    } rows[] = {
        {"aaaaaaaaaaaaaaa", "one character", "one character"},
        {"aaaaaaaaaaaaaab", "runs", "but for the last"},
        {"abcabcabcabcabc", "stretch", "three characters"},
        {"abcdefabcdefabc", "stretch", "six, and not a whole number of times"},
        {"123456123456123456", "stretch", "digits"},
        {"abcdefgabcdefgab", "runs", "seven characters, but runs"},
        {"xk3vq9xk3vq9xk3", "stretch", "also when the stretch is a good one"},
        {"xk3vq9wpxk3vq9wp", NULL, "eight are a stretch for the list"},
        {"abcdefghijklmnop", "runs", "the alphabet"},
        {"ponmlkjihgfedcba", "runs", "backwards"},
        {"qwertyuiop12345", "runs", "a row of keys, and digits"},
        {"lkjhgfdsapoiuytrewq", "runs", "two rows, backwards"},
        {"qwertzuiop09876", "runs", "another layout"},
        {"aaaabbbbccccdddd", "runs", "runs of four"},
        {"aaabbbcccdddeee1", NULL, "runs of three"},
        {"\xd0\xb0\xd0\xb1\xd0\xb2\xd0\xb3\xd0\xb4\xd0\xb5\xd0\xb6\xd0\xb7", "runs",
         "the Cyrillic alphabet"},
        {"correct horse battery", NULL, "words"},
        {"the cat sat on the mat", NULL, "short words"},
        {"a", NULL, "one character is not again and again"},
        {"", "runs", "nothing is no run, and no password"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *flaw = sequence_flaw(bytes_of(rows[i].password));
        if ((flaw == NULL) != (rows[i].flaw == NULL) ||
            (flaw != NULL && strstr(flaw, rows[i].flaw) == NULL))
            fail_msg("%s: %s", rows[i].why, flaw == NULL ? "no flaw" : flaw);
    }
}

static void regular_ones_need_a_list_to_be_refused(void **state)
{
    struct password_config config = {.cost = {8, 1}, .code_points_min = 15};
    struct reply reply;
    struct blocklist *list = open_list(TEXT("x\n"), &reply);
    (void)state;
    assert_true(password_acceptable(&config, TEXT("aaaaaaaaaaaaaaa"), NO_NAME, &reply));
    config.blocklist = list;
    assert_false(password_acceptable(&config, TEXT("aaaaaaaaaaaaaaa"), NO_NAME, &reply));
    assert_detail(&reply, "one character again and again", "refused");
    blocklist_close(list);
}

static void refuses_files_that_match_nothing(void **state)
{
    static char too_long[PASSWORD_BYTES_MAX + 2];
    memset(too_long, 'a', sizeof too_long);
    (void)state;
    const struct {
        struct bytes content;
        enum reason reason;
        const char *detail;
        const char *why;
    } rows[] = {
        {TEXT(""), REASON_REFUSED, "empty", "nothing"},
        {TEXT("\n"), REASON_REFUSED, "line 1: empty", "an empty line"},
        {TEXT("good\n\ngood\n"), REASON_REFUSED, "line 2: empty", "an empty line within"},
        {TEXT("good\r\n"), REASON_REFUSED, "line 1: with control", "line ends of another system"},
        {TEXT("good\nbad\0\n"), REASON_REFUSED, "line 2: with control", "NUL"},
        {TEXT("\xff\xfeg\0o\0o\0d\0"), REASON_REFUSED, "line 1: not valid UTF-8", "UTF-16"},
        {TEXT("good\ncaf\xe9\n"), REASON_REFUSED, "line 2: not valid UTF-8", "Latin-1"},
        {{(const uint8_t *)too_long, sizeof too_long - 1},
         REASON_REFUSED,
         "line 1: too long",
         "longer than any password"},
        {{(const uint8_t *)too_long, sizeof too_long},
         REASON_LIMIT,
         "line 1: too long",
         "longer than the reader"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply reply;
        assert_null(open_list(rows[i].content, &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, rows[i].reason, rows[i].why);
        assert_detail(&reply, rows[i].detail, rows[i].why);
    }
}

static void refuses_what_is_no_file(void **state)
{
    char pipe_path[PATH_BYTES];
    struct blocklist *list = NULL;
    struct reply reply;
    (void)state;
    write_file(TEXT(""), pipe_path);
    assert_int_equal(unlink(pipe_path), 0);
    assert_int_equal(mkfifo(pipe_path, S_IRUSR | S_IWUSR), 0);
    const struct {
        const char *path;
        enum reason reason;
        const char *why;
    } rows[] = {
        {"/nonexistent/list", REASON_IO, "no such file"},
        {"/tmp", REASON_REFUSED, "a directory"},
        {"/dev/zero", REASON_REFUSED, "a device without end"},
        {pipe_path, REASON_REFUSED, "a pipe that nobody writes to: must not wait"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_false(blocklist_open(rows[i].path, &list, &reply));
        assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, rows[i].reason, rows[i].why);
        assert_null(list);
    }
    assert_int_equal(unlink(pipe_path), 0);
}

/* The reader below all files: not one byte more than it is told. */
static void reads_up_to_the_limit(void **state)
{
    static const struct {
        uint64_t bytes_max;
        bool is_read;
        const char *why;
    } rows[] = {{10, true, "exactly"}, {9, false, "one byte too many"}, {0, false, "nothing"}};
    char path[PATH_BYTES];
    (void)state;
    write_file(TEXT("four\nfive\n"), path);
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP(lines_close) struct lines lines = {.descriptor = -1};
        struct bytes line;
        struct reply reply;
        bool is_end;
        assert_true(lines_open(path, "file", true, rows[i].bytes_max, &lines, &reply));
        assert_int_equal(lines_next(&lines, &line, &is_end, &reply), rows[i].is_read);
        if (rows[i].is_read) {
            assert_int_equal(line.size, 4);
            assert_true(lines_next(&lines, &line, &is_end, &reply) && !is_end);
            assert_true(lines_next(&lines, &line, &is_end, &reply) && is_end);
            assert_int_equal(lines.number, 2);
        } else {
            assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_LIMIT, rows[i].why);
        }
    }
    assert_int_equal(unlink(path), 0);
}

/* Each allocation fails once, for a list that needs three: the struct, and two sizes of the array.
 */
static void tells_when_there_is_no_memory(void **state)
{
    enum { LINES = 1500, FAILURES = 3 };
    static char text[LINES * 8 + 1];
    struct reply reply;
    int failures = 0;
    (void)state;
    for (size_t i = 0; i < LINES; i++)
        memcpy(text + 8 * i, "a line.\n", 9);
    for (int succeed = 0; failures == succeed; succeed++) {
        allocations_left = succeed;
        struct blocklist *list = open_list((struct bytes){(uint8_t *)text, 8 * LINES}, &reply);
        allocations_left = NEVER;
        if (list == NULL) {
            assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_MEMORY, "no memory");
            failures++;
        }
        blocklist_close(list);
    }
    assert_int_equal(failures, FAILURES);
}

static void tells_when_the_disk_fails(void **state)
{
    struct reply reply;
    (void)state;
    read_errno = EIO;
    assert_null(open_list(TEXT(LIST), &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_IO, "read");
    assert_int_equal(reply.native_code, EIO);
    read_errno = 0;
    descriptor_fails = true;
    assert_null(open_list(TEXT(LIST), &reply));
    assert_reply(&reply, ANSWER_UNAVAILABLE, LAYER_INTERNAL, REASON_IO, "fstat");
    descriptor_fails = false;
    interruptions = 3;
    struct blocklist *list = open_list(TEXT(LIST), &reply);
    assert_non_null(list);
    assert_int_equal(interruptions, 0);
    blocklist_close(list);
}

/* Lines whose ends fall before, onto and behind the end of the reader's buffer. */
static void finds_every_line_of_a_long_file(void **state)
{
    enum { LINES = 40000 };
    static char text[LINES * 16];
    struct reply reply;
    size_t size = 0;
    (void)state;
    for (int i = 0; i < LINES; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "line %d\n", i);
    struct blocklist *list = open_list((struct bytes){(uint8_t *)text, size}, &reply);
    assert_non_null(list);
    for (int i = 0; i < LINES; i++) {
        char line[16];
        (void)snprintf(line, sizeof line, "line %d", i);
        assert_true(blocklist_has(list, bytes_of(line)));
    }
    assert_false(blocklist_has(list, TEXT("line 40000")));
    assert_false(blocklist_has(list, TEXT("line 4000 ")));
    blocklist_close(list);
}

static void *look_up(void *list)
{
    uintptr_t found = 0;
    for (int i = 0; i < 1000; i++)
        found += blocklist_has(list, TEXT("passwordpassword")) ? 1 : 0;
    return (void *)found;
}

static void a_15_4_1_serves_many_threads(void **state)
{
    pthread_t threads[16];
    struct reply reply;
    struct blocklist *list = open_list(TEXT(LIST), &reply);
    (void)state;
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look_up, list), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *found;
        assert_int_equal(pthread_join(threads[i], &found), 0);
        assert_int_equal((uintptr_t)found, 1000);
    }
    blocklist_close(list);
}

/* The list that is shipped: loads, and each line could be a password by its length and is refused
 * for being on it, or for a reason of its own. */
static void the_shipped_list_is_good(void **state)
{
    struct blocklist *list = NULL;
    struct reply reply;
    char line[256];
    size_t count = 0;
    (void)state;
    if (!blocklist_open(BLOCKLIST_PATH, &list, &reply))
        fail_msg("%s", reply.detail);
    const struct password_config config = {
        .cost = {8, 1}, .code_points_min = 15, .blocklist = list};
    FILE *file = fopen(BLOCKLIST_PATH, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        count++;
        assert_false(password_acceptable(&config, bytes_of(line), NO_NAME, &reply));
        if (strstr(reply.detail, "list") == NULL)
            fail_msg("line %zu is refused anyway: %s", count, reply.detail);
    }
    assert_int_equal(fclose(file), 0);
    assert_true(count >= 200);
    assert_true(password_acceptable(&config, TEXT("correct horse batteries"), NO_NAME, &reply));
    blocklist_close(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(n_07_refuses_what_is_on_the_list),
        cmocka_unit_test(n_07_refuses_what_is_too_regular),
        cmocka_unit_test(regular_ones_need_a_list_to_be_refused),
        cmocka_unit_test(refuses_files_that_match_nothing),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(reads_up_to_the_limit),
        cmocka_unit_test(tells_when_there_is_no_memory),
        cmocka_unit_test(tells_when_the_disk_fails),
        cmocka_unit_test(finds_every_line_of_a_long_file),
        cmocka_unit_test(a_15_4_1_serves_many_threads),
        cmocka_unit_test(the_shipped_list_is_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
