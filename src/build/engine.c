/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the build engine: folders, task kinds, recovery after a restart. */
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "build/batch.h"

#define START_ATTEMPTS 5
#define UPLOAD_ATTEMPTS 5
#define REPORT_ATTEMPTS 10
#define REPORTS_AT_ONCE 4
#define REGISTER_ATTEMPTS 6

static void register_tasks(struct build_engine *e)
{
	const struct task_kind kinds[] = {
		{.name = BUILD_TASK_START,
			.run = build_task_start,
			.gave_up = build_task_start_gave_up,
			.max_attempts = START_ATTEMPTS},
		{.name = BUILD_TASK_UPLOAD,
			.run = build_task_upload,
			.gave_up = build_task_upload_gave_up,
			.max_attempts = UPLOAD_ATTEMPTS},
		{.name = BUILD_TASK_STOP, .run = build_task_stop},
		{.name = BUILD_TASK_QUEUE_TIMEOUT, .run = build_task_queue_timeout},
		{.name = BUILD_TASK_REPORT_STATUS,
			.run = build_task_report_status,
			.max_attempts = REPORT_ATTEMPTS,
			.max_running = REPORTS_AT_ONCE},
		{.name = BUILD_TASK_WEBHOOK_REGISTER,
			.run = build_task_webhook_register,
			.gave_up = build_task_webhook_register_gave_up,
			.max_attempts = REGISTER_ATTEMPTS},
		{.name = BUILD_TASK_WEBHOOK_UNREGISTER,
			.run = build_task_webhook_unregister,
			.max_attempts = REGISTER_ATTEMPTS},
		{.name = BUILD_TASK_REPORT_EXPIRES, .run = build_task_report_expires},
		{.name = BUILD_TASK_SWEEP, .run = build_task_sweep},
		{.name = BATCH_TASK_TIMEOUT, .run = batch_task_timeout},
		{.name = BATCH_TASK_STOP_BUILD, .run = batch_task_stop_build},
		{.name = BATCH_TASK_COMBINE,
			.run = batch_task_combine,
			.gave_up = batch_task_combine_gave_up,
			.max_attempts = UPLOAD_ATTEMPTS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct task_kind k = kinds[i];

		k.arg = e;
		task_register(e->durable, &k);
	}
}

static int processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (int)n : 1;
}

int build_engine_new(const struct build_config *c, struct build_engine **ret, struct err *err)
{
	CLEANUP(build_engine_freep) struct build_engine *e = xcalloc(1, sizeof(*e));

	e->durable = c->durable;
	e->ports = c->ports;
	e->seal = c->seal;
	e->account = xstrdup(c->account);
	e->region = xstrdup(c->region);
	e->data_dir = xstrdup(c->data_dir);
	e->console_url = xstrdup(c->console_url ? c->console_url : "");
	e->slots = c->slots > 0 ? c->slots : processors();
	e->builds_dir = xasprintf("%s/builds", c->data_dir);
	e->cache_dir = xasprintf("%s/cache", c->data_dir);
	e->runtimes_dir = xasprintf("%s/runtimes", c->data_dir);
	if (file_make_dirs(e->builds_dir, 0700, err) < 0 ||
		file_make_dirs(e->cache_dir, 0700, err) < 0)
		return -1;
	file_spread_folders(e->builds_dir);
	register_tasks(e);
	if (e->ports->runner.watch)
		e->ports->runner.watch(e->ports->runner.arg, build_changed, e);
	*ret = TAKE_PTR(e);
	return 0;
}

struct build_engine *build_engine_free(struct build_engine *e)
{
	if (!e)
		return NULL;
	if (e->ports && e->ports->runner.unwatch)
		e->ports->runner.unwatch(e->ports->runner.arg);
	free(e->account);
	free(e->region);
	free(e->data_dir);
	free(e->console_url);
	free(e->builds_dir);
	free(e->cache_dir);
	free(e->runtimes_dir);
	free(e);
	return NULL;
}

struct recovery {
	struct build_engine *e;
	struct arena arena;
	const char **uuids;
	size_t n;
};

static int list_running(struct db_tx *tx, void *arg, struct err *err)
{
	struct recovery *r = arg;

	return store_build_record_in_state(tx, BUILD_RUNNING, &r->arena, &r->uuids, &r->n, err);
}

static int go_on(struct db_tx *tx, void *arg, struct err *err)
{
	struct recovery *r = arg;

	if (build_sweep_later(r->e, tx, err) < 0)
		return -1;
	return build_queue_advance(r->e, tx, &r->arena, err);
}

/* A build without a started leader still has its start task, which goes on by itself. */
static void take_up(struct recovery *r, const char *uuid)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	const struct build_runner *runner = &r->e->ports->runner;
	const char *dir = build_job_dir(r->e, uuid, &r->arena);
	struct build_run run = {0};

	if (runner->status(runner->arg, dir, &r->arena, &run, &err) < 0 ||
		(run.started && runner->attach(runner->arg, dir, &err) < 0))
		log_err("build", &err, "cannot take up build %s", uuid);
}

int build_engine_recover(struct build_engine *e, struct err *err)
{
	struct recovery r = {.e = e};
	int ret = db_read(durable_db(e->durable), list_running, &r, err);

	for (size_t i = 0; ret == 0 && i < r.n; i++)
		take_up(&r, r.uuids[i]);
	if (ret == 0)
		ret = durable_step(e->durable, go_on, &r, err);
	arena_release(&r.arena);
	return ret;
}
