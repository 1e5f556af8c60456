/* SPDX-License-Identifier: Apache-2.0
 *
 * What subject.c offers to world_test.c.
 */
#ifndef ASSAY_FAULTS_TESTS_SUBJECT_H
#define ASSAY_FAULTS_TESTS_SUBJECT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* What came of something: it worked; it did not, and says so; it did not, and goes on. */
enum outcome_of_deed { WORKED, SAID_SO, WENT_ON };

enum file_lock { NO_LOCK, LOCK_OF_FLOCK, LOCK_OF_DESCRIPTION };

struct subject_functions {
    /* Each as somebody does it who is prepared, and who is not. */
    enum outcome_of_deed (*malloc)(bool prepared), (*calloc)(bool prepared),
        (*realloc)(bool prepared), (*reallocarray)(bool prepared), (*aligned_alloc)(bool prepared),
        (*posix_memalign)(bool prepared), (*strdup)(bool prepared), (*strndup)(bool prepared),
        (*mmap)(bool prepared), (*salt)(bool prepared), (*salt_by_getentropy)(bool prepared),
        (*large_seed)(bool prepared), (*lock_holds)(bool prepared), (*open)(bool prepared),
        (*fopen)(bool prepared), (*read)(bool prepared), (*write)(bool prepared),
        (*sync)(bool prepared), (*rename)(bool prepared), (*flush)(bool prepared),
        (*close)(bool prepared);
    /* As they are. */
    ssize_t (*getrandom)(void *, size_t, unsigned);
    time_t (*now)(void);
    int64_t (*now_us)(void); /* by another call */
    int64_t (*monotonic_s)(void);
    void (*rest)(unsigned seconds);
    int (*wait)(pthread_cond_t *, pthread_mutex_t *, unsigned seconds);
    /* Adds one, slowly, with such a lock of a file held. */
    void (*add)(uint32_t *shared, enum file_lock);
    /* What becomes of a text. */
    void (*free_copy)(const char *text, bool wiped);
    void (*grow_copy)(const char *text); /* wiped where it is at last */
    bool (*fresh_is_zero)(size_t size);
    void (*log)(const char *text);
};
const struct subject_functions *subject_functions(void);

#endif
