/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs that nothing needs any more: a link is loose while no manifest names its blob; it goes
 * when its grace is over and no upload began before it was last relied on (R3). */
#include "artifact/image_internal.h"
#include "base/log.h"
#include "base/mem.h"

#define BATCH 200
/* A link is renewed when it is older than this: not every look at a blob is a write. */
#define RENEW_USEC (IMAGE_GRACE_USEC / 24)

int image_collect_later(
	struct artifact_engine *e, struct db_tx *tx, const char *repository, struct err *err)
{
	struct task task = {.kind = IMAGE_TASK_COLLECT,
		.subject = repository,
		.token = "",
		.due_usec = durable_now(e->durable) + IMAGE_GRACE_USEC};

	return task_enqueue(e->durable, tx, &task, err);
}

int image_link(struct artifact_engine *e, struct db_tx *tx, const char *repository,
	const char *digest, struct err *err)
{
	if (store_image_link_put(tx, repository, digest, durable_now(e->durable), err) < 0)
		return -1;
	return image_collect_later(e, tx, repository, err);
}

int image_unlink(struct artifact_engine *e, struct db_tx *tx, const char *repository,
	const char *digest, struct arena *a, struct err *err)
{
	struct store_image_blob blob;
	int r;

	if (store_image_link_delete(tx, repository, digest, err) < 0)
		return -1;
	r = store_image_link_any(tx, digest, err);
	if (r)
		return MIN(r, 0);
	r = store_image_blob_get(tx, digest, a, &blob, err);
	if (r <= 0)
		return r;
	if (artifact_discard(e, tx, blob.file, err) < 0)
		return -1;
	return store_image_blob_delete(tx, digest, err);
}

/* ---- the task ---- */

struct collect {
	struct artifact_engine *e;
	const struct task *task;
	struct arena *a;
	size_t removed;
	bool more;
};

/* Links that were relied on before this time may go. */
static int safe_before(struct collect *c, struct db_tx *tx, int64_t *ret, struct err *err)
{
	int64_t oldest;

	if (store_image_upload_oldest(tx, c->task->subject, &oldest, err) < 0)
		return -1;
	*ret = durable_now(c->e->durable) - IMAGE_GRACE_USEC;
	if (oldest)
		*ret = MIN(*ret, oldest);
	return 0;
}

static int collect_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct collect *c = arg;
	const char *repository = c->task->subject;
	struct store_image_blob *loose;
	int64_t before;
	size_t n, i;

	if (safe_before(c, tx, &before, err) < 0 ||
		store_image_link_loose(tx, repository, BATCH, c->a, &loose, &n, err) < 0)
		return -1;
	for (i = 0; i < n && loose[i].touched_usec < before; i++)
		if (image_unlink(c->e, tx, repository, loose[i].digest, c->a, err) < 0)
			return -1;
	c->removed = i;
	c->more = i == BATCH;
	if (c->more)
		return 0;
	if (task_done(c->e->durable, tx, c->task, err) < 0)
		return -1;
	return i < n ? image_collect_later(c->e, tx, repository, err) : 0;
}

static int collect_run(struct durable *d, const struct task *task, void *arg, struct err *err)
{
	struct collect c = {.e = arg, .task = task};

	do {
		struct arena a CLEANUP_ARENA = ARENA_INIT;

		c.a = &a;
		if (durable_step(d, collect_step, &c, err) < 0)
			return -1;
		if (c.removed)
			log_info("artifact", "removed %zu blobs of %s that nothing names",
				c.removed, task->subject);
	} while (c.more);
	return 0;
}

void image_collect_register(struct artifact_engine *e)
{
	struct task_kind kind = {
		.name = IMAGE_TASK_COLLECT, .run = collect_run, .arg = e, .max_running = 1};

	task_register(e->durable, &kind);
}

/* ---- looks at blobs, for the registry ---- */

struct look {
	struct artifact_engine *e;
	const char *repository, *from, *digest;
	struct arena *a;
	struct store_image_blob blob;
	bool found;
};

int image_no_layer(const struct artifact_engine *e, const char *repository, const char *digest,
	struct err *err)
{
	return err_set_wire(err, "LayersNotFoundException",
		"The layer with digest '%s' does not exist in the repository with name '%s' in the "
		"registry with id '%s'",
		digest, repository, e->account);
}

static int look_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	int r;

	if (image_check_repository(l->e, tx, l->repository, err) < 0)
		return -1;
	r = store_image_link_get(tx, l->repository, l->digest, l->a, &l->blob, err);
	return r == 0 ? image_no_layer(l->e, l->repository, l->digest, err) : MIN(r, 0);
}

int image_renew(struct artifact_engine *e, struct db_tx *tx, const char *repository,
	const struct store_image_blob *blob, struct err *err)
{
	if (blob->touched_usec > durable_now(e->durable) - RENEW_USEC)
		return 0;
	return image_link(e, tx, repository, blob->digest, err);
}

static int renew_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;

	if (look_fn(tx, arg, err) < 0)
		return -1;
	return image_renew(l->e, tx, l->repository, &l->blob, err);
}

int artifact_image_blob_stat(struct artifact_engine *e, const char *repository, const char *digest,
	int64_t *ret_size, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct look l = {.e = e, .repository = repository, .digest = digest, .a = &a};

	if (image_read(e, look_fn, &l, err) < 0)
		return -1;
	if (l.blob.touched_usec <= durable_now(e->durable) - RENEW_USEC &&
		image_write(e, renew_fn, &l, err) < 0)
		return -1;
	*ret_size = l.blob.size;
	return 0;
}

static int mount_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	int r;

	if (image_check_repository(l->e, tx, l->repository, err) < 0)
		return -1;
	r = store_image_link_get(tx, l->from, l->digest, l->a, &l->blob, err);
	l->found = r > 0;
	if (r <= 0)
		return r;
	return image_link(l->e, tx, l->repository, l->digest, err);
}

int artifact_image_blob_mount(struct artifact_engine *e, const char *repository, const char *from,
	const char *digest, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct look l = {.e = e, .repository = repository, .from = from, .digest = digest, .a = &a};

	return image_write(e, mount_fn, &l, err) < 0 ? -1 : l.found;
}

static int delete_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	const char *manifest;
	int r;

	if (look_fn(tx, arg, err) < 0)
		return -1;
	r = store_image_named(tx, l->repository, l->digest, false, l->a, &manifest, err);
	if (r > 0)
		return err_set(err, ERR_CONFLICT, "The image %s needs the blob %s: delete it first",
			manifest, l->digest);
	return r < 0 ? -1 : image_unlink(l->e, tx, l->repository, l->digest, l->a, err);
}

int artifact_image_blob_delete(
	struct artifact_engine *e, const char *repository, const char *digest, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct look l = {.e = e, .repository = repository, .digest = digest, .a = &a};

	return image_write(e, delete_fn, &l, err);
}
