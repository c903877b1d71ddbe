/* SPDX-License-Identifier: Apache-2.0 */
/* What tasks leave behind and nobody needs any more: unpacked layers, the output of containers. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "compute/image.h"
#include "fleet/containers.h"

#define COLLECT_EVERY_USEC (3600 * USEC_PER_SEC)
#define LAYER_IDLE_USEC (24 * 3600 * USEC_PER_SEC)
#define INDEX ".idx" /* beside a spool */

struct collection {
	struct fleet_engine *e;
	const struct task *t;
	const char *dir;
	struct map kept; /* paths of spools */
};

/* Streams that are to be read, and tasks that may still write. */
static int keep_logs(struct collection *c, struct db_tx *tx, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct fleet_config *cfg = &c->e->cfg;
	struct fleet_tasks all;

	if (cfg->logs_kept && cfg->logs_kept(cfg->arg, tx, c->dir, &c->kept, err) < 0)
		return -1;
	if (fleet_tasks_in(c->e, tx, NULL, &a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		wire_foreach (container, &all.v[i].s.containers) {
			char *path = arena_printf(&a, "%s/%s", c->dir, container->root_id);

			if (fleet_task_status(&all.v[i]) != TASK_STOPPED)
				map_set(&c->kept, path, c);
		}
	return 0;
}

static int collect_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct collection *c = arg;
	int64_t now = durable_now(c->e->durable);

	map_release(&c->kept); /* of a try that was rolled back */
	if (keep_logs(c, tx, err) < 0 || task_done(c->e->durable, tx, c->t, err) < 0)
		return -1;
	return fleet_wake(c->e, tx, FLEET_TASK_COLLECT, "", now + COLLECT_EVERY_USEC, err);
}

/* Names in the folder, which need not be there. */
static int list_names(const char *path, struct strv *ret, struct err *err)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : err_errno(err, errno, "cannot open %s", path);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			strv_add(ret, entry->d_name);
	closedir(dir);
	return 0;
}

/* A crash before this has come to its end leaves files that the next round removes. */
static void remove_logs(struct collection *c, const struct strv *names)
{
	for (size_t i = 0; i < names->n; i++) {
		char *path CLEANUP(freep) = path_join(c->dir, names->v[i]);
		char *spool CLEANUP(freep) = xstrdup(path);

		if (ends_with(spool, INDEX))
			spool[strlen(spool) - strlen(INDEX)] = '\0';
		if (!map_has(&c->kept, spool) && unlink(path) < 0 && errno != ENOENT)
			log_warn("fleet", "cannot remove %s", path);
	}
}

int fleet_collect_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct fleet_engine *e = arg;
	char *images CLEANUP(freep) = fleet_images_dir(e);
	char *logs CLEANUP(freep) = fleet_task_logs_dir(e);
	struct image_store store = {images, durable_now(d)};
	struct collection c = {.e = e, .t = t, .dir = logs};
	struct strv names CLEANUP_STRV = {0};
	int r;

	/* Listed before: what a task begins to write from now on is not looked at. */
	if (image_store_collect(&store, LAYER_IDLE_USEC, err) < 0 ||
		list_names(logs, &names, err) < 0)
		return -1;
	r = durable_step(d, collect_step, &c, err);
	if (r == 0)
		remove_logs(&c, &names);
	map_release(&c.kept);
	return r;
}
