/* SPDX-License-Identifier: Apache-2.0 */
/* A step: one transaction that loads a pipeline's working set, changes it and stores it. */
#include "pipeline/engine.h"

struct step_arg {
	struct pipeline_engine *e;
	const struct pipeline_step *s;
};

int pipeline_step_in(
	struct pipeline_engine *e, struct db_tx *tx, const struct pipeline_step *s, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_FLOW struct flow f = {
		.arena = &arena, .site = &e->site, .now = durable_now(e->durable)};
	int found = s->id ? store_pipeline_get(tx, s->id, &arena, &f.pipeline, err)
			  : store_pipeline_find(tx, s->name, &arena, &f.pipeline, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return s->id ? 0 : pipeline_not_found(e, s->name, err);
	if (flow_load(&f, tx, err) < 0 || s->fn(&f, tx, s->arg, err) < 0)
		return -1;
	flow_advance(&f);
	return flow_save(e, &f, tx, err);
}

static int run_step(struct db_tx *tx, void *arg, struct err *err)
{
	const struct step_arg *a = arg;

	/* First: the end of an action takes back its tasks, also the one that runs. */
	if (a->s->task && task_done(a->e->durable, tx, a->s->task, err) < 0)
		return -1;
	return pipeline_step_in(a->e, tx, a->s, err);
}

int pipeline_step(struct pipeline_engine *e, const struct pipeline_step *s, struct err *err)
{
	struct step_arg arg = {e, s};

	return durable_step(e->durable, run_step, &arg, err);
}
