/* SPDX-License-Identifier: Apache-2.0 */
#include "source/ref_locks.h"

#include <errno.h>
#include <time.h>

#include "base/mem.h"

static char *key_of(const char *repository_id, const char *ref)
{
	return xasprintf("%s %s", repository_id, ref);
}

void ref_locks_init(struct ref_locks *l)
{
	pthread_condattr_t attr;

	*l = (struct ref_locks){0};
	pthread_mutex_init(&l->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->freed, &attr);
	pthread_condattr_destroy(&attr);
}

void ref_locks_release(struct ref_locks *l)
{
	map_release(&l->held);
	map_release(&l->counts);
	pthread_cond_destroy(&l->freed);
	pthread_mutex_destroy(&l->mutex);
}

static bool is_held(struct ref_locks *l, const char *repository_id, const char *ref)
{
	CLEANUP(freep) char *key = key_of(repository_id, ref);

	return map_has(&l->held, key);
}

/* The reference in the way, or NULL. */
static const char *in_the_way(
	struct ref_locks *l, const char *repository_id, const char *const *refs, size_t n)
{
	if (!map_get(&l->counts, repository_id))
		return NULL;
	if (n == 0 || is_held(l, repository_id, "*"))
		return "the repository";
	for (size_t i = 0; i < n; i++)
		if (is_held(l, repository_id, refs[i]))
			return refs[i];
	return NULL;
}

/* Marks or unmarks one key; the mutex is held. */
static void mark(struct ref_locks *l, const char *repository_id, const char *ref, bool on)
{
	CLEANUP(freep) char *key = key_of(repository_id, ref);
	uintptr_t count = (uintptr_t)map_get(&l->counts, repository_id);

	if (on) {
		map_set(&l->held, key, l);
		map_set(&l->counts, repository_id, (void *)(count + 1));
		return;
	}
	BUG_ON(!map_remove(&l->held, key));
	if (count > 1)
		map_set(&l->counts, repository_id, (void *)(count - 1));
	else
		map_remove(&l->counts, repository_id);
}

static void mark_all(
	struct ref_locks *l, const char *repository_id, const char *const *refs, size_t n, bool on)
{
	if (n == 0)
		mark(l, repository_id, "*", on);
	for (size_t i = 0; i < n; i++)
		mark(l, repository_id, refs[i], on);
}

static struct timespec deadline_of(int64_t timeout_usec)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += timeout_usec / USEC_PER_SEC;
	t.tv_nsec += timeout_usec % USEC_PER_SEC * 1000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

int ref_locks_take(struct ref_locks *l, const char *repository_id, const char *const *refs,
	size_t n, int64_t timeout_usec, struct err *err)
{
	struct timespec deadline = deadline_of(timeout_usec);
	const char *name;
	int rc = 0;

	pthread_mutex_lock(&l->mutex);
	while ((name = in_the_way(l, repository_id, refs, n)) && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&l->freed, &l->mutex, &deadline);
	if (!name)
		mark_all(l, repository_id, refs, n, true);
	pthread_mutex_unlock(&l->mutex);
	return name ? err_set(err, ERR_BUSY, "%s is being changed by somebody else; try again",
			      name)
		    : 0;
}

void ref_locks_give(
	struct ref_locks *l, const char *repository_id, const char *const *refs, size_t n)
{
	pthread_mutex_lock(&l->mutex);
	mark_all(l, repository_id, refs, n, false);
	pthread_cond_broadcast(&l->freed);
	pthread_mutex_unlock(&l->mutex);
}
