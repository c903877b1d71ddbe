/* SPDX-License-Identifier: Apache-2.0 */
/* Tidying the folders of builds that have ended: right after the step that ends one and, since a
 * server may be killed between the two, once some time after each start. */
#include <dirent.h>

#include "base/file.h"
#include "base/log.h"
#include "build/engine.h"

#define SWEEP_AFTER_START_USEC (60 * USEC_PER_SEC)

/* What the server put into the job's folder or collected there. The log and the leader's records
 * stay; the root is the leader's own to take away, which may still be under way. */
static const char *const passing[] = {"src", "out", "spec.json", "stop.request"};

static bool is_passing(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (streq(passing[i], name))
			return true;
	return starts_with(name, "src-");
}

void build_clean_job(struct build_engine *e, const char *uuid)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	const char *path = build_job_dir(e, uuid, &a);
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (is_passing(entry->d_name) &&
			file_remove_tree(arena_printf(&a, "%s/%s", path, entry->d_name), &err) < 0)
			log_err("build", &err, "leftovers of build %s", uuid);
	if (dir)
		closedir(dir);
}

/* ---- after a start ---- */

static bool has_leftovers(struct build_engine *e, const char *uuid)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	DIR *dir = opendir(build_job_dir(e, uuid, &a));
	struct dirent *entry;
	bool any = false;

	while (dir && !any && (entry = readdir(dir)))
		any = is_passing(entry->d_name);
	if (dir)
		closedir(dir);
	return any;
}

struct ended {
	const char *uuid;
	bool yes;
};

static int look_step(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ended *x = arg;
	struct store_build_record r;
	int found = store_build_record_get(tx, x->uuid, false, &a, &r, err);

	x->yes = found > 0 && r.state == BUILD_DONE;
	return MIN(found, 0);
}

/* Only folders with leftovers are asked about: of those that ended well there are thousands. */
int build_task_sweep(struct durable *d, const struct task *t UNUSED, void *arg, struct err *err)
{
	struct build_engine *e = arg;
	DIR *dir = opendir(e->builds_dir);
	struct dirent *entry;
	int r = 0;

	while (r == 0 && dir && (entry = readdir(dir))) {
		struct ended x = {.uuid = entry->d_name};

		if (*x.uuid == '.' || !has_leftovers(e, x.uuid))
			continue;
		r = db_read(durable_db(d), look_step, &x, err);
		if (r == 0 && x.yes)
			build_clean_job(e, x.uuid);
	}
	if (dir)
		closedir(dir);
	return r;
}

int build_sweep_later(struct build_engine *e, struct db_tx *tx, struct err *err)
{
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = BUILD_TASK_SWEEP,
			.subject = "",
			.due_usec = durable_now(e->durable) + SWEEP_AFTER_START_USEC},
		err);
}
