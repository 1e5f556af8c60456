/* SPDX-License-Identifier: Apache-2.0
 *
 * What all unit tests of the store share: a database on a real file, in a folder of its own.
 */
#ifndef FOLDER_H
#define FOLDER_H

#include "testing.h"

static char folder[64];
static char path[96];

static inline int make_folder(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/reference-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/accounts.db", folder);
    return 0;
}

static inline int remove_folder(void **state)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-journal", ".jsonl"};
    char file[128];
    (void)state;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        (void)snprintf(file, sizeof file, "%s%s", path, tails[i]);
        (void)unlink(file);
    }
    return rmdir(folder);
}

static inline struct store *open_store(void)
{
    struct store *store = NULL;
    struct reply reply;
    if (!store_open(path, false, &store, &reply))
        fail_msg("not opened: %s", reply.detail);
    return store;
}

static inline void *open_and_close(void *must_exist)
{
    struct store *store = NULL;
    struct reply reply;
    if (!store_open(path, must_exist != NULL, &store, &reply)) {
        (void)fprintf(stderr, "%s\n", reply.detail);
        return path;
    }
    store_close(store);
    return NULL;
}

#endif
