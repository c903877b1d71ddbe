/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on executions: start, stop, get, list. */
#include <string.h>
#include <strings.h>

#include "pipeline/engine.h"
#include "pipeline/status.h"

/* ---- StartPipelineExecution ---- */

struct start {
	struct pipeline_engine *e;
	struct call *call;
	const struct codepipeline_start_pipeline_execution_request *req;
	const char *id;
};

/* Which types of revisions a source provider takes. */
static const struct {
	const char *provider, *type;
} revision_types[] = {
	{"CodeCommit", CODEPIPELINE_SOURCE_REVISION_TYPE_COMMIT_ID},
	{"CodeStarSourceConnection", CODEPIPELINE_SOURCE_REVISION_TYPE_COMMIT_ID},
	{"S3", CODEPIPELINE_SOURCE_REVISION_TYPE_S3_OBJECT_VERSION_ID},
	{"S3", CODEPIPELINE_SOURCE_REVISION_TYPE_S3_OBJECT_KEY},
};

static bool type_fits(const char *provider, const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(revision_types); i++)
		if (streq(revision_types[i].provider, provider) &&
			streq(revision_types[i].type, type))
			return true;
	return false;
}

static int check_override(const struct flow *f,
	const struct codepipeline_source_revision_override *o, struct err *err)
{
	const struct codepipeline_action_declaration *a =
		flow_action_declaration(&f->pipeline.declaration->stages.v[0], o->action_name);

	if (!a)
		return err_set(err, ERR_INVALID,
			"Source revision override: the pipeline has no source action named '%s'",
			o->action_name);
	if (!type_fits(a->action_type_id->provider, o->revision_type))
		return err_set(err, ERR_INVALID,
			"Source revision override: %s does not fit source action '%s', whose "
			"provider "
			"is %s",
			o->revision_type, a->name, a->action_type_id->provider);
	if (streq(o->revision_type, CODEPIPELINE_SOURCE_REVISION_TYPE_S3_OBJECT_KEY) &&
		!action_flag(action_setting(a, "AllowOverrideForS3ObjectKey"), false))
		return err_set(err, ERR_INVALID,
			"Source revision override: source action '%s' does not have "
			"AllowOverrideForS3ObjectKey=true",
			a->name);
	return 0;
}

static int check_start(const struct flow *f,
	const struct codepipeline_start_pipeline_execution_request *req, struct err *err)
{
	wire_foreach (v, &req->variables)
		for (const struct codepipeline_pipeline_variable *w = req->variables.v; w < v; w++)
			if (streq(v->name, w->name))
				return err_set(err, ERR_INVALID,
					"Pipeline variable '%s' is given twice", v->name);
	wire_foreach (o, &req->source_revisions)
		if (check_override(f, o, err) < 0)
			return -1;
	return 0;
}

static int check_limit(const struct flow *f, struct err *err)
{
	size_t active = 0;

	if (streq(f->pipeline.declaration->execution_mode, CODEPIPELINE_EXECUTION_MODE_SUPERSEDED))
		return 0;
	vec_foreach (it, &f->runs)
		active += !status_final((*it)->run->status);
	if (active < FLOW_MAX_CONCURRENT)
		return 0;
	return err_set_wire(err, "ConcurrentPipelineExecutionsLimitExceededException",
		"Pipeline '%s' already has %d executions under way in %s mode", f->pipeline.name,
		FLOW_MAX_CONCURRENT, f->pipeline.declaration->execution_mode);
}

static int start_step(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	struct start *s = arg;
	const char *token = s->req->client_request_token;
	bool by_rule = s->call->principal_arn && strstr(s->call->principal_arn, ":rule/");
	struct flow_start how = {
		.trigger_type = by_rule ? CODEPIPELINE_TRIGGER_TYPE_CLOUDWATCHEVENT
					: CODEPIPELINE_TRIGGER_TYPE_STARTPIPELINEEXECUTION,
		.trigger_detail = s->call->principal_arn,
		.variables = &s->req->variables,
		.overrides = &s->req->source_revisions,
	};
	int found = 0;

	if (check_start(f, s->req, err) < 0)
		return -1;
	if (token)
		found = store_pipeline_token_find(
			tx, f->pipeline.id, token, s->call->arena, &s->id, err);
	if (found)
		return found < 0 ? -1 : 0;
	if (check_limit(f, err) < 0)
		return -1;
	s->id = arena_strdup(s->call->arena, flow_start_run(f, &how)->run->execution_id);
	return token ? store_pipeline_token_put(tx, f->pipeline.id, token, s->id, err) : 0;
}

int pipeline_start_pipeline_execution(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_start_pipeline_execution_request *req,
	struct codepipeline_start_pipeline_execution_response *resp, struct err *err)
{
	struct start s = {e, call, req, NULL};
	struct pipeline_step step = {.name = req->name, .fn = start_step, .arg = &s};

	if (pipeline_step(e, &step, err) < 0)
		return -1;
	resp->pipeline_execution_id = s.id;
	return 0;
}

/* ---- StopPipelineExecution ---- */

static int stop_step(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	const struct codepipeline_stop_pipeline_execution_request *req = arg;
	struct flow_run *fr;
	int found = flow_load_run(f, tx, req->pipeline_execution_id, &fr, err);
	bool abandon = wire_or(req->abandon, false);

	if (found < 0)
		return -1;
	if (!found || status_final(fr->run->status))
		return err_set_wire(err, "PipelineExecutionNotStoppableException",
			"Unable to stop pipeline execution '%s': %s", req->pipeline_execution_id,
			found ? arena_printf(f->arena, "it is %s", fr->run->status)
			      : "the pipeline does not have it");
	if (streq(fr->run->status, CODEPIPELINE_PIPELINE_EXECUTION_STATUS_STOPPING) && !abandon)
		return err_set_wire(err, "DuplicatedStopRequestException",
			"Pipeline execution '%s' is already stopping", req->pipeline_execution_id);
	if (!streq(fr->run->status, CODEPIPELINE_PIPELINE_EXECUTION_STATUS_STOPPING))
		flow_set_run_status(
			f, fr, CODEPIPELINE_PIPELINE_EXECUTION_STATUS_STOPPING, req->reason);
	if (req->reason)
		fr->run->stop_reason = req->reason;
	fr->run->abandon = WIRE_SET_BOOL(abandon);
	fr->dirty = true;
	return 0;
}

int pipeline_stop_pipeline_execution(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_stop_pipeline_execution_request *req,
	struct codepipeline_stop_pipeline_execution_response *resp, struct err *err)
{
	struct pipeline_step step = {
		.name = req->pipeline_name, .fn = stop_step, .arg = (void *)req};

	(void)call;
	if (pipeline_step(e, &step, err) < 0)
		return -1;
	resp->pipeline_execution_id = req->pipeline_execution_id;
	return 0;
}

/* ---- GetPipelineExecution ---- */

struct get {
	struct pipeline_engine *e;
	struct call *call;
	const struct codepipeline_get_pipeline_execution_request *req;
	struct towpath_pipeline_run *run;
};

static int get_read(struct db_tx *tx, void *arg, struct err *err)
{
	struct get *g = arg;
	const char *id;
	int found;

	if (pipeline_find_id(g->e, tx, g->req->pipeline_name, g->call->arena, &id, err) < 0)
		return -1;
	found = store_pipeline_run_get(
		tx, g->req->pipeline_execution_id, g->call->arena, &g->run, err);
	if (found < 0)
		return -1;
	if (!found || !streq(g->run->pipeline_id, id))
		return err_set_wire(err, "PipelineExecutionNotFoundException",
			"Pipeline '%s' does not have an execution with id '%s'",
			g->req->pipeline_name, g->req->pipeline_execution_id);
	return 0;
}

static struct codepipeline_execution_trigger *trigger_of(
	const struct towpath_pipeline_run *run, struct arena *a)
{
	struct codepipeline_execution_trigger *t =
		arena_new(a, struct codepipeline_execution_trigger);

	t->trigger_type = run->trigger_type;
	t->trigger_detail = run->trigger_detail;
	return t;
}

static struct codepipeline_pipeline_rollback_metadata *rollback_of(
	const struct towpath_pipeline_run *run, struct arena *a)
{
	struct codepipeline_pipeline_rollback_metadata *m;

	if (!run->rollback_target)
		return NULL;
	m = arena_new(a, struct codepipeline_pipeline_rollback_metadata);
	m->rollback_target_pipeline_execution_id = run->rollback_target;
	return m;
}

int pipeline_get_pipeline_execution(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_get_pipeline_execution_request *req,
	struct codepipeline_get_pipeline_execution_response *resp, struct err *err)
{
	struct get g = {e, call, req, NULL};
	struct codepipeline_pipeline_execution *x =
		arena_new(call->arena, struct codepipeline_pipeline_execution);

	if (db_read(durable_db(e->durable), get_read, &g, err) < 0)
		return -1;
	*x = (struct codepipeline_pipeline_execution){
		.pipeline_name = g.run->pipeline,
		.pipeline_version = WIRE_SET_INT(g.run->version.v),
		.pipeline_execution_id = g.run->execution_id,
		.status = g.run->status,
		.status_summary = g.run->status_summary,
		.execution_mode = g.run->mode,
		.execution_type = g.run->type,
		.trigger = trigger_of(g.run, call->arena),
		.rollback_metadata = rollback_of(g.run, call->arena),
		.artifact_revisions.set = true,
	};
	wire_foreach (v, &g.run->variables)
		flow_list_add(call->arena, &x->variables,
			(struct codepipeline_resolved_pipeline_variable){
				.name = v->name, .resolved_value = v->value});
	wire_foreach (a, &g.run->artifacts)
		if (a->source.v)
			flow_list_add(call->arena, &x->artifact_revisions,
				(struct codepipeline_artifact_revision){
					.name = a->name,
					.revision_id = a->revision_id,
					.revision_change_identifier = a->revision_change_id,
					.revision_summary = a->revision_summary,
					.revision_url = a->revision_url,
					.created = a->created,
				});
	resp->pipeline_execution = x;
	return 0;
}

/* ---- ListPipelineExecutions ---- */

struct list {
	struct pipeline_engine *e;
	struct call *call;
	const struct codepipeline_list_pipeline_executions_request *req;
	const char *stage;
	int64_t before;
	size_t limit;
	struct store_pipeline_runs runs;
};

static int list_read(struct db_tx *tx, void *arg, struct err *err)
{
	struct list *l = arg;
	struct store_pipeline p;
	int found;

	found = store_pipeline_find(tx, l->req->pipeline_name, l->call->arena, &p, err);
	if (found <= 0)
		return found < 0 ? -1 : pipeline_not_found(l->e, l->req->pipeline_name, err);
	return store_pipeline_run_list(tx, p.id, l->before, l->stage, p.version, l->limit + 1,
		l->call->arena, &l->runs, err);
}

static void summarise(const struct towpath_pipeline_run *run, struct arena *a,
	struct codepipeline_pipeline_execution_summary *ret)
{
	*ret = (struct codepipeline_pipeline_execution_summary){
		.pipeline_execution_id = run->execution_id,
		.status = run->status,
		.status_summary = run->status_summary,
		.start_time = run->start_time,
		.last_update_time = run->update_time,
		.trigger = trigger_of(run, a),
		.execution_mode = run->mode,
		.execution_type = run->type,
		.rollback_metadata = rollback_of(run, a),
		.source_revisions.set = true,
	};
	if (run->stop_reason) {
		ret->stop_trigger = arena_new(a, struct codepipeline_stop_execution_trigger);
		ret->stop_trigger->reason = run->stop_reason;
	}
	wire_foreach (artifact, &run->artifacts)
		if (artifact->source.v)
			flow_list_add(a, &ret->source_revisions,
				(struct codepipeline_source_revision){
					.action_name = artifact->action,
					.revision_id = artifact->revision_id,
					.revision_summary = artifact->revision_summary,
					.revision_url = artifact->revision_url,
				});
}

int pipeline_list_pipeline_executions(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_list_pipeline_executions_request *req,
	struct codepipeline_list_pipeline_executions_response *resp, struct err *err)
{
	struct list l = {
		.e = e, .call = call, .req = req, .limit = (size_t)wire_or(req->max_results, 100)};
	size_t n;
	const char *scope;

	if (req->filter && req->filter->succeeded_in_stage)
		l.stage = req->filter->succeeded_in_stage->stage_name;
	scope = arena_printf(call->arena, "%s/%s", req->pipeline_name, l.stage ? l.stage : "");
	if (pipeline_page_number(req->next_token, scope, &l.before, err) < 0 ||
		db_read(durable_db(e->durable), list_read, &l, err) < 0)
		return -1;
	n = MIN(l.runs.n, l.limit);
	wire_list_alloc(call->arena, &resp->pipeline_execution_summaries, n);
	for (size_t i = 0; i < n; i++)
		summarise(l.runs.v[i], call->arena, &resp->pipeline_execution_summaries.v[i]);
	if (l.runs.n > l.limit)
		resp->next_token =
			pipeline_page_token(l.runs.v[n - 1]->number.v, scope, call->arena);
	return 0;
}
