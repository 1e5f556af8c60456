/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel says of this process's threads; for schedule.c.
 */
#ifndef ASSAY_TASKS_H
#define ASSAY_TASKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Processor time that the thread has used; 0 if it cannot be had. */
uint64_t task_cpu_ns(pthread_t);
/* Whether it sleeps, by its own will (S) or the disk's (D); false if that cannot be had. */
bool task_sleeps(pid_t);
/* How many threads there are; UINT32_MAX if that cannot be had. */
uint32_t task_count(void);

#endif
