/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's life, and the removal of content that lost its row (A3). */
#include "artifact/artifact.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "artifact/engine.h"
#include "artifact/image_internal.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

#define SWEEP "artifact.sweep"
#define SWEEP_BATCH 200

int artifact_discard(struct artifact_engine *e, struct db_tx *tx, const char *blob, struct err *err)
{
	struct task task = {.kind = SWEEP, .subject = "objects", .token = ""};

	if (!blob || !*blob)
		return 0;
	if (store_trash_add(tx, blob, err) < 0)
		return -1;
	return task_enqueue(e->durable, tx, &task, err);
}

struct sweep {
	struct artifact_engine *e;
	const struct task *task;
	struct arena *arena;
	const char **gone; /* removed from disk */
	size_t n_gone;
	const char **left;
	size_t n_left;
};

static int read_trash(struct db_tx *tx, void *arg, struct err *err)
{
	struct sweep *s = arg;

	return store_trash_list(tx, SWEEP_BATCH, s->arena, &s->left, &s->n_left, err);
}

/* Forgets what is gone; the task ends only when nothing was added meanwhile. */
static int forget_trash(struct db_tx *tx, void *arg, struct err *err)
{
	struct sweep *s = arg;

	for (size_t i = 0; i < s->n_gone; i++)
		if (store_trash_remove(tx, s->gone[i], err) < 0)
			return -1;
	if (read_trash(tx, s, err) < 0)
		return -1;
	return s->n_left ? 0 : task_done(s->e->durable, tx, s->task, err);
}

static int run_sweep(struct durable *d, const struct task *task, void *arg, struct err *err)
{
	struct sweep s = {.e = arg, .task = task};
	struct arena arena CLEANUP_ARENA = ARENA_INIT;

	s.arena = &arena;
	if (db_read(durable_db(d), read_trash, &s, err) < 0)
		return -1;
	do {
		s.gone = s.left;
		s.n_gone = s.n_left;
		for (size_t i = 0; i < s.n_gone; i++)
			if (blob_remove(&s.e->blobs, s.gone[i], err) < 0)
				return -1;
		if (durable_step(d, forget_trash, &s, err) < 0)
			return -1;
	} while (s.n_left);
	return 0;
}

/* ---- what a crash left in tmp ---- */

struct leftover {
	const char *blob;
	bool has_row;
};

static int look_up(struct db_tx *tx, void *arg, struct err *err)
{
	struct leftover *l = arg;
	int r = store_object_has_blob(tx, l->blob, err);

	if (r == 0)
		r = store_part_has_blob(tx, l->blob, err);
	if (r == 0)
		r = store_image_has_file(tx, l->blob, err);
	l->has_row = r > 0;
	return r < 0 ? -1 : 0;
}

static int sweep_leftover(struct artifact_engine *e, const char *name, struct err *err)
{
	struct leftover l = {.blob = name};

	if (db_read(durable_db(e->durable), look_up, &l, err) < 0)
		return -1;
	if (l.has_row) {
		blob_settle(&e->blobs, name);
		return 0;
	}
	log_info("artifact", "removing %s, which an interrupted upload left", name);
	return blob_remove(&e->blobs, name, err);
}

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int sweep_tmp(struct artifact_engine *e, struct err *err)
{
	DIR *d CLEANUP(closedirp) = opendir(e->blobs.tmp);
	struct dirent *entry;

	if (!d)
		return err_errno(err, errno, "reading %s", e->blobs.tmp);
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.' && sweep_leftover(e, entry->d_name, err) < 0)
			return -1;
	return 0;
}

static int enqueue_sweep(struct db_tx *tx, void *arg, struct err *err)
{
	struct artifact_engine *e = arg;
	struct task task = {.kind = SWEEP, .subject = "objects", .token = ""};

	return task_enqueue(e->durable, tx, &task, err);
}

/* ---- life ---- */

int artifact_engine_new(
	const struct artifact_config *c, struct artifact_engine **ret, struct err *err)
{
	struct artifact_engine *e CLEANUP(artifact_engine_freep) = xcalloc(1, sizeof(*e));
	struct task_kind kind = {.name = SWEEP, .run = run_sweep, .arg = e, .max_running = 1};

	e->durable = c->durable;
	e->account = xstrdup(c->account);
	e->region = xstrdup(c->region);
	e->registry_host = c->registry_host ? xstrdup(c->registry_host) : NULL;
	e->endpoint = c->endpoint ? xstrdup(c->endpoint) : NULL;
	e->local_port = c->local_port;
	e->tokens = c->tokens;
	e->policies = c->policies;
	e->sessions = image_sessions_new();
	if (blob_store_init(&e->blobs, c->data_dir, err) < 0 || sweep_tmp(e, err) < 0)
		return -1;
	task_register(e->durable, &kind);
	image_collect_register(e);
	image_upload_register(e);
	image_expire_register(e);
	if (durable_step(e->durable, enqueue_sweep, e, err) < 0)
		return -1;
	*ret = TAKE_PTR(e);
	return 0;
}

struct artifact_engine *artifact_engine_free(struct artifact_engine *e)
{
	if (!e)
		return NULL;
	image_sessions_free(e->sessions);
	blob_store_release(&e->blobs);
	free(e->registry_host);
	free(e->endpoint);
	free(e->account);
	free(e->region);
	free(e);
	return NULL;
}
