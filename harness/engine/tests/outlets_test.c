/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that a secret is noticed where it is watched for, and nowhere else: each row is what a case
 * watches and what an interceptor shows, and at which outlet a leak is then known.
 */
#include "harness/engine/tests/one_run.h"

#define BIT_OF(outlet) (1u << (outlet))

static void begin(void)
{
    edge_begin(&(struct plan){.count = 0});
}

static void rows_leak_or_do_not(void **state)
{
    static const struct {
        const char *secret;
        uint32_t watched;
        enum outlet shown_at;
        const char *shown;
        size_t size;
        bool leaks;
        const char *why;
    } rows[] = {
        {"canary", BIT_OF(OUTLET_DISK), OUTLET_DISK, "canary", 6, true, "alone"},
        {"canary", BIT_OF(OUTLET_DISK), OUTLET_DISK, "a canary\n", 9, true, "in the middle"},
        {"canary", BIT_OF(OUTLET_DISK), OUTLET_DISK, "a\0canary", 8, true, "behind a NUL"},
        {"canary", BIT_OF(OUTLET_DISK), OUTLET_DISK, "canar", 5, false, "its first part"},
        {"canary", BIT_OF(OUTLET_DISK), OUTLET_DISK, "canary", 5, false, "as much as is shown"},
        {"canary", BIT_OF(OUTLET_DISK), OUTLET_DISK, "CANARY", 6, false, "another text"},
        {"canary", BIT_OF(OUTLET_DISK), OUTLET_DISK, "", 0, false, "nothing"},
        {"canary", BIT_OF(OUTLET_DISK), OUTLET_FREED, "canary", 6, false, "at another outlet"},
        {"canary", BIT_OF(OUTLET_DISK) | BIT_OF(OUTLET_LOG), OUTLET_LOG, "canary", 6, true, "two"},
        {"canary", 0, OUTLET_DISK, "canary", 6, false, "nowhere watched for"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        begin();
        assert_true(outlet_watch(rows[i].secret, strlen(rows[i].secret), rows[i].watched));
        outlet_show(rows[i].shown_at, rows[i].shown, rows[i].size);
        if (outlets_leaked() != (rows[i].leaks ? BIT_OF(rows[i].shown_at) : 0))
            fail_msg("%s: leaked 0x%x", rows[i].why, outlets_leaked());
        edge_end(&outcome);
    }
}

static void a_run_begins_with_none(void **state)
{
    (void)state;
    begin();
    assert_true(outlet_watch("canary", 6, BIT_OF(OUTLET_LOG)));
    assert_true(outlet_is_watched(OUTLET_LOG));
    assert_false(outlet_is_watched(OUTLET_DISK));
    outlet_show(OUTLET_LOG, "canary", 6);
    outlet_show(OUTLET_LOG, NULL, 6);
    assert_int_equal(outlets_leaked(), BIT_OF(OUTLET_LOG));
    edge_end(&outcome);
    begin();
    assert_int_equal(outlets_leaked(), 0);
    assert_false(outlet_is_watched(OUTLET_LOG));
    outlet_show(OUTLET_LOG, "canary", 6);
    assert_int_equal(outlets_leaked(), 0);
    edge_end(&outcome);
}

/* Of a long secret the first bytes count; there is a limit to how many there are; none is empty. */
static void limits_hold(void **state)
{
    uint8_t longest[2 * SECRET_BYTES_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = (uint8_t)i;
    begin();
    assert_true(outlet_watch(longest, sizeof longest, BIT_OF(OUTLET_DISK)));
    outlet_show(OUTLET_DISK, longest, SECRET_BYTES_MAX - 1);
    assert_int_equal(outlets_leaked(), 0);
    outlet_show(OUTLET_DISK, longest, SECRET_BYTES_MAX);
    assert_int_equal(outlets_leaked(), BIT_OF(OUTLET_DISK));
    assert_false(outlet_watch("", 0, BIT_OF(OUTLET_DISK)));
    for (size_t i = 1; i < SECRETS_MAX; i++)
        assert_true(outlet_watch("canary", 6, BIT_OF(OUTLET_DISK)));
    assert_false(outlet_watch("canary", 6, BIT_OF(OUTLET_DISK)));
    edge_end(&outcome);
}

static void outlets_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < OUTLETS; i++)
        assert_true(strlen(outlet_name((enum outlet)i)) > 5);
    assert_non_null(outlet_name(OUTLETS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_leak_or_do_not),
        cmocka_unit_test(a_run_begins_with_none),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(outlets_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
