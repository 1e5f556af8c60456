/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows what a file of known findings may say, which findings fall under a line, and that whatever
 * else stands in it is a problem, said with its line: a row is a file as it was on 2026-06-15.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "faults/faults.h"
#include "harness/run/known.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

#define CASE    "[hashing.salts]\n"
#define MESSAGE "message = is the same\n"
#define REASON  "reason = because\n"
#define EXPIRES "expires = 2026-06-15\n"

static void files(void **state)
{
    static const struct {
        const char *text;
        uint32_t count;
        const char *problem;
        const char *why;
    } rows[] = {
        {"", 0, "", "nothing is known"},
        {"# a comment\n\n   \t\n", 0, "", "nothing but a comment"},
        {CASE MESSAGE REASON EXPIRES, 1, "", "one"},
        {CASE "site = memory\n" REASON EXPIRES, 1, "", "by what was injected"},
        {"  [hashing.salts]  \r\n\tmessage=x\r\n reason =y\r\nexpires= 2026-06-15", 1, "",
         "white space, and no end of the last line"},
        {CASE MESSAGE REASON EXPIRES "[outage.morning]\n" MESSAGE REASON EXPIRES, 2, "", "two"},
        {CASE MESSAGE REASON "expires = 2026-06-14\n", 1,
         "f:1: the known finding has expired: hashing.salts", "yesterday was its last day"},
        {CASE MESSAGE REASON "expires = 2026-6-15\n", 1,
         "f:1: expires is no day such as 2027-12-31", "another way to write a day"},
        {CASE MESSAGE REASON, 1, "f:1: expires is no day such as 2027-12-31", "for ever"},
        {CASE MESSAGE EXPIRES, 1, "f:1: a reason is missing", "without a reason"},
        {CASE REASON EXPIRES, 1, "f:1: a message or a site is missing", "all of a case"},
        {"\n" CASE "[outage.morning]\n", 2, "f:2: a message or a site is missing", "nothing said"},
        {"[no.such]\n", 0, "f:1: there is no case no.such", "another case"},
        {"[hashing.salts\n", 0, "f:1: this is neither a [case] nor key = value: [hashing.salts",
         "no end of the name"},
        {"[hashing.salts] x\n", 0,
         "f:1: this is neither a [case] nor key = value: [hashing.salts] x", "more behind it"},
        {MESSAGE, 0, "f:1: this stands before the first [case]: message", "before any case"},
        {CASE "nonsense\n", 1, "f:2: this is neither a [case] nor key = value: nonsense", "no key"},
        {CASE "massage = x\n", 1, "f:2: there is no key massage", "a key that does not exist"},
        {CASE "expires = 2026-06-155\n", 1, "f:2: too long: expires", "too long for a day"},
    };
    static struct known_findings known;
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        known_findings_read("f", rows[i].text, "2026-06-15", &known);
        if (known.count != rows[i].count || strcmp(known.problem, rows[i].problem) != 0)
            fail_msg("%s: %u, \"%s\"", rows[i].why, known.count, known.problem);
    }
}

/* Lines and sections without end are refused and not cut. */
static void limits(void **state)
{
    static struct known_findings known;
    static char text[KNOWN_FINDINGS_MAX * 80u + 8192u];
    size_t used = 0;
    (void)state;
    memset(text, 'x', 4000);
    known_findings_read("f", text, "2026-06-15", &known);
    assert_string_equal(known.problem, "f:1: the line is too long");
    for (uint32_t i = 0; i <= KNOWN_FINDINGS_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, CASE MESSAGE REASON EXPIRES);
    known_findings_read("f", text, "2026-06-15", &known);
    assert_int_equal(known.count, KNOWN_FINDINGS_MAX);
    assert_non_null(strstr(known.problem, "too many known findings"));
}

/* A finding falls under a line of its case that has part of its message and part of its site. */
static void lines_cover_findings(void **state)
{
    static const struct {
        const char *name, *message, *site;
        bool covered;
        const char *why;
    } rows[] = {
        {"hashing.salts", "it is the same as", "", true, "the line"},
        {"hashing.salts", "it is the same as", "memory.map fails", true, "whatever was injected"},
        {"hashing.salts", "it is another", "", false, "another message"},
        {"hashing.longest", "it is the same as", "", false, "another case"},
        {"outage.morning", "whatever", "disk.read of main fails", true, "a line by its site"},
        {"outage.morning", "whatever", "disk.write of main fails", false, "another site"},
        {"outage.morning", "whatever", "", false, "nothing was injected"},
    };
    static struct known_findings known;
    (void)state;
    known_findings_read(
        "f", CASE MESSAGE REASON EXPIRES "[outage.morning]\nsite = disk.read\n" REASON EXPIRES,
        "2026-06-15", &known);
    assert_string_equal(known.problem, "");
    for (size_t i = 0; i < ROWS(rows); i++) {
        static struct finding finding;
        uint32_t index;
        finding.test_case = case_find(rows[i].name, &index);
        snprintf(finding.outcome.message, sizeof finding.outcome.message, "%s", rows[i].message);
        snprintf(finding.outcome.site_text, sizeof finding.outcome.site_text, "%s", rows[i].site);
        if ((known_finding_of(&known, &finding) != NULL) != rows[i].covered)
            fail_msg("%s", rows[i].why);
        if (known_finding_of(NULL, &finding))
            fail_msg("%s: there are no lines", rows[i].why);
        snprintf(known.problem, sizeof known.problem, "a problem");
        if (known_finding_of(&known, &finding))
            fail_msg("%s: a file with a problem covers nothing", rows[i].why);
        known.problem[0] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(limits),
        cmocka_unit_test(lines_cover_findings),
    };
    return cmocka_run_group_tests_name("known findings", tests, NULL, NULL);
}
