/* SPDX-License-Identifier: Apache-2.0
 *
 * The five steps of outage.five_steps on a real disk: nothing of Assay is in this process but the
 * contract, so what it asks of the kernel is an independent count of what the disk in memory sees.
 *
 *   five_steps MODULE prepare   makes a store without accounts in the present folder
 *   five_steps MODULE steps     open, register, log in, change, close
 *
 * The disk in memory promises nothing, not even that a write which is cut short leaves the bytes
 * around it alone; SQLite's unix VFS does, unless its name of the file says otherwise (psow=0).
 * Then SQLite fills the sector behind each commit in the WAL on both.
 *
 * Ends with 1 when an answer is not ok.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "targets/target.h"

static struct assay_bytes bytes(const char *text)
{
    return (struct assay_bytes){(const uint8_t *)text, strlen(text)};
}

static void must_be_ok(const char *what, const struct assay_reply *reply)
{
    if (reply->answer == ASSAY_OK)
        return;
    fprintf(stderr, "%s: answer %d, %s\n", what, (int)reply->answer, reply->detail);
    exit(1);
}

static const struct assay_target *load(const char *path)
{
    const struct assay_target *(*target)(void) = NULL;
    void *module = dlopen(path, RTLD_NOW), *symbol = module ? dlsym(module, "assay_target") : NULL;
    memcpy(&target, &symbol, sizeof symbol);
    if (!target) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return target();
}

int main(int argc, char **argv)
{
    const struct assay_bytes name = bytes("a"), first = bytes("First1password1"),
                             second = bytes("Second2password");
    struct assay_handle *handle = NULL;
    struct assay_reply reply = {.answer = ASSAY_ANSWERS};
    if (argc != 3) {
        fprintf(stderr, "usage: five_steps MODULE prepare|steps\n");
        return 64;
    }
    if (sqlite3_config(SQLITE_CONFIG_URI, 1) != SQLITE_OK)
        return 1;
    const struct assay_target *target = load(argv[1]);
    const struct assay_config config = {sizeof config, false, "file:accounts.db?psow=0",
                                        target->traits.cost_min};
    target->open(&config, &handle, &reply);
    must_be_ok("open", &reply);
    if (strcmp(argv[2], "steps") == 0) {
        target->register_account(handle, name, first, &reply);
        must_be_ok("register", &reply);
        target->login(handle, name, first, NULL, &reply);
        must_be_ok("login", &reply);
        target->change_password(handle, name, first, second, &reply);
        must_be_ok("change", &reply);
    }
    target->close(handle);
    return 0;
}
