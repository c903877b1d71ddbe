/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that must be looked at: who begins to watch, and what is wanted of them. */
#include "pipeline/definition.h"
#include "pipeline/engine.h"
#include "pipeline/git_pattern.h"

int pipeline_watch_begin(struct pipeline_engine *e, struct db_tx *tx,
	const struct codepipeline_pipeline_declaration *d, struct arena *a, struct err *err)
{
	wire_foreach (action, &d->stages.v[0].actions) {
		const struct action_provider *p =
			action_registry_find(&e->site.registry, action->action_type_id);
		const char *key;

		if (!p || !p->watched)
			continue;
		key = p->watch_key(p->arg, action, a);
		if (key && p->watched(p->arg, tx, key, err) < 0)
			return -1;
	}
	return 0;
}

static void add_wants(struct pipeline_engine *e, const struct codepipeline_pipeline_declaration *d,
	const char *key, struct arena *a, struct pipeline_wants *ret)
{
	wire_foreach (action, &d->stages.v[0].actions) {
		const struct action_provider *p =
			action_registry_find(&e->site.registry, action->action_type_id);
		const struct codepipeline_git_configuration *trigger =
			definition_trigger(d, action->name);

		if (!p || !p->watch_key || !streq(p->watch_key(p->arg, action, a), key))
			continue;
		if (!trigger && !action_flag(action_setting(action, "DetectChanges"), true))
			continue;
		ret->changes = true;
		ret->paths |= trigger && git_push_wants_paths(trigger);
	}
}

int pipeline_watch_wants(struct pipeline_engine *e, struct db_tx *tx, const char *key,
	struct pipeline_wants *ret, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char **ids;
	size_t n;

	*ret = (struct pipeline_wants){0};
	if (store_pipeline_watchers(tx, key, &a, &ids, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct store_pipeline p;
		int r = store_pipeline_get(tx, ids[i], &a, &p, err);

		if (r < 0)
			return -1;
		if (r)
			add_wants(e, p.declaration, key, &a, ret);
	}
	return 0;
}
