/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the working set of a step. */
#include "pipeline/engine.h"

/* The definition of a version; versions that are asked for twice are read once. */
static int declaration_of(struct flow *f, struct db_tx *tx, int64_t version,
	const struct codepipeline_pipeline_declaration **ret, struct err *err)
{
	struct codepipeline_pipeline_declaration *d = NULL;

	*ret = f->pipeline.declaration;
	if (version == f->pipeline.version)
		return 0;
	vec_foreach (it, &f->runs)
		if ((*it)->run->version.v == version) {
			*ret = (*it)->declaration;
			return 0;
		}
	switch (store_pipeline_version(tx, f->pipeline.id, version, f->arena, &d, NULL, err)) {
	case 1:
		*ret = d;
		return 0;
	case 0:
		return err_set(err, ERR_INTERNAL, "pipeline %s has no version %lld",
			f->pipeline.name, (long long)version);
	default:
		return -1;
	}
}

static bool rolls_back(const struct codepipeline_stage_declaration *s)
{
	if (s->on_success && s->on_success->conditions.n)
		return true;
	return s->on_failure && (s->on_failure->conditions.n ||
					streq(s->on_failure->result, CODEPIPELINE_RESULT_ROLLBACK));
}

/* Only stages that may roll back by themselves need their last good execution at hand. */
static int load_targets(struct flow *f, struct db_tx *tx, struct err *err)
{
	wire_foreach (s, &f->pipeline.declaration->stages) {
		struct towpath_pipeline_run *run = NULL;
		int found;

		if (!rolls_back(s))
			continue;
		found = store_pipeline_run_last_success(
			tx, f->pipeline.id, f->pipeline.version, s->name, f->arena, &run, err);
		if (found < 0)
			return -1;
		if (found)
			vec_push(&f->targets, (struct flow_target){.stage = s->name, .run = run});
	}
	return 0;
}

static int add(struct flow *f, struct db_tx *tx, struct towpath_pipeline_run *run,
	struct flow_run **ret, struct err *err)
{
	const struct codepipeline_pipeline_declaration *d;

	if (declaration_of(f, tx, run->version.v, &d, err) < 0)
		return -1;
	*ret = flow_add(f, run, d);
	return 0;
}

int flow_load(struct flow *f, struct db_tx *tx, struct err *err)
{
	struct store_pipeline_runs runs;
	struct flow_run *fr;

	if (store_pipeline_run_active(tx, f->pipeline.id, f->arena, &runs, err) < 0)
		return -1;
	for (size_t i = 0; i < runs.n; i++)
		if (add(f, tx, runs.v[i], &fr, err) < 0)
			return -1;
	return load_targets(f, tx, err);
}

int flow_load_run(struct flow *f, struct db_tx *tx, const char *execution_id, struct flow_run **ret,
	struct err *err)
{
	struct towpath_pipeline_run *run = NULL;
	int found;

	*ret = flow_find(f, execution_id);
	if (*ret)
		return 1;
	found = store_pipeline_run_get(tx, execution_id, f->arena, &run, err);
	if (found <= 0)
		return found;
	if (!streq(run->pipeline_id, f->pipeline.id))
		return 0;
	return add(f, tx, run, ret, err) < 0 ? -1 : 1;
}
