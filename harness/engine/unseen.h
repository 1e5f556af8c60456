/* SPDX-License-Identifier: Apache-2.0
 *
 * What ThreadSanitizer shall not see. The engine and the interceptors are built without its
 * instrumentation, but libc's functions are watched whoever calls them, and every lock that it sees
 * orders threads. Between unseen_begin() and unseen_end() the calling thread's accesses and locks
 * do not count; the pairs nest. order_before() and order_after() say the opposite: what went before
 * the one happens before what follows the other. Nothing at all in other builds.
 */
#ifndef ASSAY_UNSEEN_H
#define ASSAY_UNSEEN_H

#ifdef ASSAY_TSAN

void __tsan_ignore_thread_begin(void);
void __tsan_ignore_thread_end(void);
void __tsan_release(void *);
void __tsan_acquire(void *);

#define unseen_begin()       __tsan_ignore_thread_begin()
#define unseen_end()         __tsan_ignore_thread_end()
#define order_before(object) __tsan_release(object)
#define order_after(object)  __tsan_acquire(object)

#else

#define unseen_begin()       ((void)0)
#define unseen_end()         ((void)0)
#define order_before(object) ((void)(object))
#define order_after(object)  ((void)(object))

#endif

#endif
