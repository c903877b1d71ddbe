/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: configuration, tasks, life. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/path.h"
#include "signal/alarm.h"
#include "signal/event_archive.h"
#include "signal/event_connection.h"
#include "signal/event_deliver.h"
#include "signal/log_filter.h"
#include "signal/log_live.h"
#include "signal/notice.h"
#include "signal/tally.h"
#include "signal/topic.h"

#define PRUNE_AFTER_START_USEC (3 * USEC_PER_SEC)

int signal_write(struct signal_engine *e, db_fn fn, void *arg, struct err *err)
{
	return durable_step(e->durable, fn, arg, err);
}

int signal_read(struct signal_engine *e, db_fn fn, void *arg, struct err *err)
{
	return db_read(durable_db(e->durable), fn, arg, err);
}

char *signal_arn(
	struct signal_engine *e, struct arena *a, const char *service, const char *fmt, ...)
{
	char *resource;
	va_list ap;

	va_start(ap, fmt);
	resource = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return arena_printf(
		a, "arn:aws:%s:%s:%s:%s", service, e->cfg.region, e->cfg.account, resource);
}

static int open_seal(struct signal_engine *e, struct err *err)
{
	char *file CLEANUP(freep) = path_join(e->cfg.keys_dir, "seal.key");

	if (file_make_dirs(e->cfg.keys_dir, 0700, err) < 0)
		return -1;
	if (!e->cfg.seal)
		return seal_key_load(file, &e->seal, err);
	e->seal = *e->cfg.seal;
	e->cfg.seal = NULL;
	return 0;
}

int signal_engine_new(const struct signal_config *cfg, struct signal_engine **ret, struct err *err)
{
	struct signal_engine *e = xcalloc(1, sizeof(*e));
	const struct task_kind kinds[] = {
		{.name = SIGNAL_TASK_ALARM, .run = signal_alarm_run, .arg = e},
		{.name = SIGNAL_TASK_BUILDS, .run = metric_build_run, .arg = e},
		{.name = SIGNAL_TASK_COMPOSITE, .run = signal_composite_run, .arg = e},
		{.name = SIGNAL_TASK_SUPPRESS, .run = signal_suppress_run, .arg = e},
		{.name = SIGNAL_TASK_NOTIFY, .run = signal_notify_run, .arg = e},
		{.name = SIGNAL_TASK_PRUNE, .run = signal_prune_run, .arg = e},
		{.name = SIGNAL_TASK_AUTHORIZE, .run = event_authorize_run, .arg = e},
		{.name = SIGNAL_TASK_DELIVER, .run = signal_deliver_run, .arg = e},
		{.name = SIGNAL_TASK_FORWARD, .run = log_forward_run, .arg = e},
		{.name = SIGNAL_TASK_REPLAY, .run = event_replay_run, .arg = e},
		{.name = SIGNAL_TASK_SCHEDULE, .run = event_schedule_run, .arg = e},
		{.name = SIGNAL_TASK_TAIL, .run = log_tail_run, .arg = e},
		{.name = SIGNAL_TASK_WEBHOOK, .run = notice_send_run, .arg = e},
	};

	e->cfg = *cfg;
	e->durable = cfg->durable;
	e->cfg.account = arena_strdup(&e->arena, cfg->account);
	e->cfg.region = arena_strdup(&e->arena, cfg->region);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		task_register(e->durable, &kinds[i]);
	journal_subscribe(e->durable, &(struct journal_consumer){.name = "signal.events",
					      .kind_prefix = "",
					      .fn = signal_event_journal,
					      .arg = e});
	journal_subscribe(e->durable, &(struct journal_consumer){.name = "signal.notices",
					      .kind_prefix = "code",
					      .fn = notice_journal,
					      .arg = e});
	e->cfg.endpoint = arena_strdup(&e->arena, cfg->endpoint);
	e->cfg.mail_server = arena_strdup(&e->arena, cfg->mail_server);
	e->cfg.mail_from = arena_strdup(&e->arena, cfg->mail_from);
	e->cfg.keys_dir = arena_strdup(&e->arena, cfg->keys_dir);
	pthread_mutex_init(&e->slots_lock, NULL);
	e->tally = tally_new(e);
	if (open_seal(e, err) < 0 || signal_signer_open(e, err) < 0 ||
		log_live_new(e, &e->live, err) < 0) {
		signal_engine_free(e);
		return -1;
	}
	*ret = e;
	return 0;
}

struct signal_engine *signal_engine_free(struct signal_engine *e)
{
	if (e) {
		log_live_free(e->live);
		tally_free(e->tally);
		explicit_bzero(&e->seal, sizeof(e->seal));
		map_release_with(&e->slots, free);
		pthread_mutex_destroy(&e->slots_lock);
		arena_release(&e->arena);
		free(e);
	}
	return NULL;
}

static int start_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct signal_engine *e = arg;

	if (alarm_index_all(tx, err) < 0)
		return -1;
	/* not while the first requests come: it goes through all log groups and metrics */
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = SIGNAL_TASK_PRUNE,
			.subject = "",
			.token = "",
			.due_usec = durable_now(e->durable) + PRUNE_AFTER_START_USEC},
		err);
}

int signal_engine_start(struct signal_engine *e, struct err *err)
{
	if (tally_start(e->tally, err) < 0)
		return -1;
	return signal_write(e, start_step, e, err);
}
