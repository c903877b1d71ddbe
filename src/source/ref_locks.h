/* SPDX-License-Identifier: Apache-2.0 */
/* Who may change which reference right now: locks in memory, one for each reference of each
 * repository, and one for all references of a repository together. */
#ifndef TOWPATH_SOURCE_REF_LOCKS_H
#define TOWPATH_SOURCE_REF_LOCKS_H

#include <pthread.h>

#include "base/err.h"
#include "base/map.h"

struct ref_locks {
	pthread_mutex_t mutex;
	pthread_cond_t freed;
	struct map held;   /* "repository ref", or "repository *" for all of them */
	struct map counts; /* repository: number of locks held, as a pointer's value */
};

void ref_locks_init(struct ref_locks *l);
void ref_locks_release(struct ref_locks *l);
/* Takes the locks of n references at once, or, n being 0, of the whole repository; waits up to
 * timeout_usec (true time) for others to leave. ERR_BUSY names the first that is in the way. */
int ref_locks_take(struct ref_locks *l, const char *repository_id, const char *const *refs,
	size_t n, int64_t timeout_usec, struct err *err);
void ref_locks_give(
	struct ref_locks *l, const char *repository_id, const char *const *refs, size_t n);

#endif
