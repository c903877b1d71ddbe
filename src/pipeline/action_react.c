/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: entries about pending work of actions, and changes of sources that start
 * executions. Both are consumers with a cursor, so none is lost and none counts twice. */
#include "base/log.h"
#include "pipeline/definition.h"
#include "pipeline/engine.h"
#include "pipeline/git_pattern.h"

static bool listens(const struct action_provider *p, const char *kind)
{
	for (size_t i = 0; p->journal_kinds && p->journal_kinds[i]; i++)
		if (streq(p->journal_kinds[i], kind))
			return true;
	return false;
}

/* ---- pending work ---- */

static int wake_action(struct pipeline_engine *e, struct durable *d, struct db_tx *tx,
	const struct action_provider *p, const struct journal_entry *entry, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *external = p->correlate(p->arg, entry, &arena);
	struct strv ids CLEANUP_STRV = {0};
	struct task check = {.kind = TASK_CHECK, .token = CHECK_NOW};

	(void)e;
	if (!external)
		return 0;
	if (store_pipeline_action_by_external(tx, p->provider, external, &arena, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++) {
		check.subject = ids.v[i];
		if (task_enqueue(d, tx, &check, err) < 0)
			return -1;
	}
	return 0;
}

static int on_progress(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct pipeline_engine *e = arg;

	for (size_t i = 0; i < e->site.registry.n; i++) {
		const struct action_provider *p = e->site.registry.v[i];

		if (p->correlate && listens(p, entry->kind) &&
			wake_action(e, d, tx, p, entry, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- changes of sources ---- */

struct source_change {
	struct pipeline_engine *e;
	const struct action_provider *provider;
	const struct action_change *change;
	int64_t time_usec;
};

static bool trigger_passes(
	struct source_change *s, const struct codepipeline_git_configuration *c, struct arena *a)
{
	const struct action_change *change = s->change;
	struct git_push push = {
		.branch = change->branch, .tag = change->tag, .created = change->created};
	struct err err CLEANUP_ERR = ERR_INIT;

	if (git_push_wants_paths(c) && push.branch && !push.created && s->provider->changed_paths &&
		s->provider->changed_paths(
			s->provider->arg, change, a, &push.paths, &push.n_paths, &err) < 0)
		log_err("pipeline", &err, "the changed files of a push could not be told");
	return git_push_passes(c, &push);
}

/* How the start is explained: as polling would, or as a rule of the event bus would. */
static void explain(const struct flow *f, const struct action_provider *p,
	const struct codepipeline_action_declaration *action, const struct action_change *c,
	struct flow_start *start)
{
	if (p->trigger_detail) {
		start->trigger_type = CODEPIPELINE_TRIGGER_TYPE_WEBHOOKV2;
		start->trigger_detail = p->trigger_detail(p->arg, action, c, f->arena);
	} else if (definition_trigger(f->pipeline.declaration, action->name)) {
		start->trigger_type = CODEPIPELINE_TRIGGER_TYPE_WEBHOOKV2;
		start->trigger_detail = arena_printf(f->arena,
			"{\"sourceActionName\":\"%s\",\"%s\":\"%s\",\"commitId\":\"%s\"}",
			action->name, c->tag ? "tagName" : "branchName",
			c->tag ? c->tag : c->branch, c->revision);
	} else if (action_flag(action_setting(action, "PollForSourceChanges"), true)) {
		start->trigger_type = CODEPIPELINE_TRIGGER_TYPE_POLLFORSOURCECHANGES;
		start->trigger_detail = action->name;
	} else {
		start->trigger_type = CODEPIPELINE_TRIGGER_TYPE_CLOUDWATCHEVENT;
		start->trigger_detail = arena_printf(f->arena,
			"arn:%s:events:%s:%s:rule/codepipeline-%s-%s", f->site->partition,
			f->site->region, f->site->account, f->pipeline.name, action->name);
	}
}

/* By the filters of its trigger; without any, a push to its branch, unless nobody wants to know. */
static bool starts(struct source_change *s, const struct codepipeline_action_declaration *action,
	const struct codepipeline_git_configuration *trigger, struct arena *a)
{
	if (definition_trigger_filters(trigger))
		return trigger_passes(s, trigger, a);
	if (!trigger && !action_flag(action_setting(action, "DetectChanges"), true))
		return false;
	return s->provider->concerns(s->provider->arg, action, s->change);
}

/* One change starts at most one execution of a pipeline. */
static int start_by_change(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	struct source_change *s = arg;
	const struct codepipeline_stage_declaration *first = &f->pipeline.declaration->stages.v[0];

	(void)tx;
	(void)err;
	/* What changed before the pipeline was there was seen by its first execution. */
	if (s->time_usec < f->pipeline.created_usec)
		return 0;
	wire_foreach (action, &first->actions) {
		const struct codepipeline_git_configuration *trigger =
			definition_trigger(f->pipeline.declaration, action->name);
		struct codepipeline_source_revision_override head = {.action_name = action->name,
			.revision_type = s->change->revision_type,
			.revision_value = s->change->revision};
		struct codepipeline_source_revision_override_list heads = {&head, 1, true};
		struct flow_start start = {0};
		const char *key;

		if (action_registry_find(&f->site->registry, action->action_type_id) != s->provider)
			continue;
		key = s->provider->watch_key(s->provider->arg, action, f->arena);
		if (!streq(key, s->change->watch))
			continue;
		if (!starts(s, action, trigger, f->arena))
			continue;
		explain(f, s->provider, action, s->change, &start);
		if (definition_trigger_filters(trigger))
			start.overrides = &heads;
		flow_start_run(f, &start);
		return 0;
	}
	return 0;
}

static int start_watchers(struct pipeline_engine *e, struct db_tx *tx,
	const struct action_provider *p, const struct action_change *c, int64_t time_usec,
	struct arena *a, struct err *err)
{
	struct source_change s = {e, p, c, time_usec};
	const char **ids;
	size_t n;

	if (store_pipeline_watchers(tx, c->watch, a, &ids, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct pipeline_step step = {.id = ids[i], .fn = start_by_change, .arg = &s};

		if (pipeline_step_in(e, tx, &step, err) < 0)
			return -1;
	}
	return 0;
}

static int on_change(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct pipeline_engine *e = arg;

	(void)d;
	for (size_t i = 0; i < e->site.registry.n; i++) {
		const struct action_provider *p = e->site.registry.v[i];
		struct action_change c = {0};

		if (!p->change || !listens(p, entry->kind) || !p->change(p->arg, entry, &arena, &c))
			continue;
		if (start_watchers(e, tx, p, &c, entry->time_usec, &arena, err) < 0)
			return -1;
	}
	return 0;
}

static int on_entry(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	if (on_progress(d, tx, entry, arg, err) < 0)
		return -1;
	return on_change(d, tx, entry, arg, err);
}

static bool subscribed(const struct pipeline_engine *e, const char *name)
{
	for (size_t i = 0; i < e->consumers.n; i++)
		if (streq(e->consumers.v[i], name))
			return true;
	return false;
}

/* One consumer a kind, so that nobody is woken for entries that no provider wants. */
void pipeline_subscribe(struct pipeline_engine *e)
{
	for (size_t i = 0; i < e->site.registry.n; i++) {
		const char *const *kinds = e->site.registry.v[i]->journal_kinds;

		for (; kinds && *kinds; kinds++) {
			char *name = xasprintf("codepipeline:%s", *kinds);
			struct journal_consumer c = {
				.name = name, .kind_prefix = *kinds, .fn = on_entry, .arg = e};

			if (subscribed(e, name)) {
				free(name);
				continue;
			}
			strv_adopt(&e->consumers, name);
			journal_subscribe(e->durable, &c);
		}
	}
}
