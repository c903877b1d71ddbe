/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of Git LFS: one a path and repository, held by who took it. */
#include "base/mem.h"
#include "crypto/digest.h"
#include "source/engine.h"
#include "store/source_review.h"
#include "towpath.gen.h"

#define ID_DIGITS 32

struct locking {
	struct source_engine *e;
	const char *repository_id, *id, *owner;
	bool force;
	struct arena *a;
	struct towpath_source_lock *lock; /* what there is, or is made */
	int rc;
};

static const char *key_of(const struct locking *l)
{
	return arena_printf(l->a, "%s/%s", l->repository_id, l->id);
}

/* The same for a path each time: a path has one lock. */
static const char *id_of_path(const char *path, struct arena *a)
{
	struct digest_value v = digest_of(DIGEST_SHA256, view_of(path));

	return arena_strndup(a, digest_hex(&v).text, ID_DIGITS);
}

static struct source_lock lock_of(const struct towpath_source_lock *l)
{
	return (struct source_lock){l->id, l->path, l->owner, l->locked_at.usec};
}

static int create_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct locking *l = arg;
	struct towpath_source_lock there;
	int found = store_document_get(tx, &STORE_SOURCE_LOCK, key_of(l), l->a, &there, err);

	if (found < 0)
		return -1;
	l->rc = !found;
	if (found) {
		*l->lock = there;
		return 0;
	}
	return store_document_put(
		tx, &STORE_SOURCE_LOCK, key_of(l), l->repository_id, l->lock, err);
}

int source_lock_create(struct source_engine *e, const char *repository_id, const char *path,
	const char *owner, struct arena *a, struct source_lock *ret, struct err *err)
{
	struct towpath_source_lock lock = {.id = id_of_path(path, a),
		.path = path,
		.owner = owner,
		.locked_at = WIRE_SET_TIME(durable_now(e->durable))};
	struct locking l = {
		.e = e, .repository_id = repository_id, .id = lock.id, .a = a, .lock = &lock};

	if (durable_step(e->durable, create_step, &l, err) < 0)
		return -1;
	*ret = lock_of(&lock);
	return l.rc;
}

static int remove_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct locking *l = arg;

	l->rc = store_document_get(tx, &STORE_SOURCE_LOCK, key_of(l), l->a, l->lock, err);
	if (l->rc <= 0)
		return l->rc;
	if (!l->force && !streq(l->lock->owner, l->owner))
		return err_set(
			err, ERR_DENIED, "%s is locked by %s", l->lock->path, l->lock->owner);
	return store_document_delete(tx, &STORE_SOURCE_LOCK, key_of(l), err);
}

int source_lock_remove(struct source_engine *e, const char *repository_id, const char *id,
	const char *owner, bool force, struct arena *a, struct source_lock *ret, struct err *err)
{
	struct towpath_source_lock lock = {0};
	struct locking l = {.e = e,
		.repository_id = repository_id,
		.id = id,
		.owner = owner,
		.force = force,
		.a = a,
		.lock = &lock};

	if (durable_step(e->durable, remove_step, &l, err) < 0)
		return -1;
	*ret = lock_of(&lock);
	return l.rc;
}

struct listing {
	struct store_document_filter filter;
	struct arena *a;
	struct store_documents found;
};

static int list_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct listing *l = arg;

	return store_document_list(tx, &STORE_SOURCE_LOCK, &l->filter, l->a, &l->found, err);
}

int source_locks_list(struct source_engine *e, const char *repository_id, const char *after,
	size_t max, struct arena *a, struct source_lock **ret, size_t *ret_n, struct err *err)
{
	struct listing l = {.a = a,
		.filter = {.owner = repository_id,
			.max = max,
			.after = after ? arena_printf(a, "%s/%s", repository_id, after) : NULL}};

	if (db_read(durable_db(e->durable), list_step, &l, err) < 0)
		return -1;
	*ret = arena_new_n(a, l.found.n + 1, struct source_lock);
	*ret_n = l.found.n;
	for (size_t i = 0; i < l.found.n; i++)
		(*ret)[i] = lock_of(l.found.v[i]);
	return 0;
}

const char *source_lock_id(const char *path, struct arena *a)
{
	return id_of_path(path, a);
}
