/* SPDX-License-Identifier: Apache-2.0
 *
 * Growth: what a login costs beyond its key derivation while the accounts become more.
 *
 * A store of the reference, on the disk in memory, is filled with rows by SQL, all of one
 * credential, so that a hundred thousand of them take a second and not an hour. Logins with a
 * session go to accounts spread over all of them; their processor time, less that of as many calls
 * of crypto_pwhash() at the same cost, is what the store takes: finding the row, opening a session,
 * committing both. `theirs` is the store of a thousand accounts, measured in turn with the big one.
 *
 * Not here: a disk that is waited for. A row further down in a bigger tree is one page more, and
 * that is what can be seen.
 */
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "faults/faults.h"
#include "harness/bench/bench.h"

#define SMALL    1000u
#define LOGINS   2000u
#define PASSWORD "correct horse battery"

static const struct assay_cost cost = {8, 1};

/* A store that is open, and how many accounts it has. */
static struct filled {
    const char *path;
    uint32_t accounts;
    struct assay_handle *handle;
} small = {.path = "small.db"}, big = {.path = "big.db"};

static struct assay_bytes bytes_of(const char *text)
{
    return (struct assay_bytes){(const uint8_t *)text, strlen(text)};
}

static void run_sql(sqlite3 *database, const char *sql)
{
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
        bench_broken(sqlite3_errmsg(database));
}

/* Accounts 1 to n with the credential of account 0, which was registered. */
static void add_rows(const struct filled *filled)
{
    sqlite3 *database = NULL;
    char sql[320];
    if (sqlite3_open(filled->path, &database) != SQLITE_OK)
        bench_broken("the store of the reference cannot be opened");
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u) "
             "INSERT INTO account SELECT printf('account %%08d', i), (SELECT credential FROM "
             "account WHERE name = 'account 00000000') FROM n",
             filled->accounts - 1);
    run_sql(database, sql);
    run_sql(database, "PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_close(database);
}

static void fill(const struct bench *bench, struct filled *filled, uint32_t accounts)
{
    const struct assay_config config = {.size = sizeof config, .path = filled->path, .cost = cost};
    struct assay_reply reply;
    filled->accounts = accounts;
    bench->target->open(&config, &filled->handle, &reply);
    if (reply.answer != ASSAY_OK)
        bench_broken("the reference does not open a store");
    bench->target->register_account(filled->handle, bytes_of("account 00000000"),
                                    bytes_of(PASSWORD), &reply);
    if (reply.answer != ASSAY_OK)
        bench_broken("the reference does not register an account");
    add_rows(filled);
}

static void log_in(const struct bench *bench, const struct filled *filled, uint32_t number)
{
    char name[24], token[64];
    struct assay_text session = {.data = token, .capacity = sizeof token};
    struct assay_reply reply;
    snprintf(name, sizeof name, "account %08u", number);
    bench->target->login(filled->handle, bytes_of(name), bytes_of(PASSWORD), &session, &reply);
    if (reply.answer != ASSAY_OK)
        bench_broken("the reference refuses a right password");
}

/* Microseconds of one key derivation. */
static double derivation(uint32_t count)
{
    static const uint8_t salt[crypto_pwhash_SALTBYTES];
    uint8_t hash[32];
    double before = bench_cpu();
    for (uint32_t i = 0; i < count; i++)
        if (crypto_pwhash(hash, sizeof hash, PASSWORD, sizeof PASSWORD - 1, salt, cost.passes,
                          (size_t)cost.memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
            bench_broken("crypto_pwhash fails");
    return (bench_cpu() - before) * 1e6 / count;
}

/* Microseconds of one login beyond that. */
static double beyond(const struct bench *bench, const struct filled *filled)
{
    static uint64_t seed = 1;
    const uint32_t count = bench_count(bench, LOGINS * 100) / 100 + 1;
    double before = bench_cpu();
    for (uint32_t i = 0; i < count; i++)
        log_in(bench, filled, (uint32_t)(random_next(&seed) % filled->accounts));
    return (bench_cpu() - before) * 1e6 / count - derivation(count);
}

static double beyond_of_big(const struct bench *bench)
{
    return beyond(bench, &big);
}

static double beyond_of_small(const struct bench *bench)
{
    return beyond(bench, &small);
}

void growth_rows(struct bench *bench)
{
    static const struct {
        uint32_t accounts;
        const char *name;
    } sizes[] = {
        {100000, "growth.accounts.100000_login_us"},
        {1000000, "growth.accounts.1000000_login_us"},
    };
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        bench_progress(sizes[i].name);
        faults_reset(1);
        fill(bench, &small, bench_count(bench, SMALL));
        fill(bench, &big, bench_count(bench, sizes[i].accounts));
        struct medians medians = bench_medians(bench, beyond_of_big, beyond_of_small);
        bench_row(bench,
                  &(struct row){sizes[i].name, medians.ours, medians.theirs, RATIO_AT_MOST, 1.5});
        bench->target->close(small.handle);
        bench->target->close(big.handle);
    }
    faults_reset(1);
}
