/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on stages: transitions, retry, rollback, override; and the state of them all. */
#include "pipeline/condition.h"
#include "pipeline/engine.h"
#include "pipeline/status.h"
#include "pipeline/view_state.h"

/* ---- transitions ---- */

struct transition {
	struct pipeline_engine *e;
	struct call *call;
	const char *stage, *type, *reason; /* no reason: enable */
};

/* The stage whose inbound door is meant. */
static const char *door_of(const struct flow *f, const struct transition *t)
{
	const struct codepipeline_pipeline_stage_declaration_list *stages =
		&f->pipeline.declaration->stages;

	if (streq(t->type, CODEPIPELINE_STAGE_TRANSITION_TYPE_INBOUND))
		return t->stage;
	for (size_t i = 0; i + 1 < stages->n; i++)
		if (streq(stages->v[i].name, t->stage))
			return stages->v[i + 1].name;
	return NULL;
}

static int transition_step(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	const struct transition *t = arg;
	struct codepipeline_transition_state *state;
	const char *door = door_of(f, t);

	(void)tx;
	if (!view_stage(f, t->stage))
		return pipeline_stage_not_found(f->pipeline.name, t->stage, err);
	if (!door)
		return 0; /* nothing stands behind the last stage */
	state = arena_new(f->arena, struct codepipeline_transition_state);
	state->enabled = WIRE_SET_BOOL(!t->reason);
	state->disabled_reason = t->reason;
	state->last_changed_at = WIRE_SET_TIME(f->now);
	state->last_changed_by = t->call->principal_arn;
	view_stage(f, door)->inbound_transition_state = state;
	return 0;
}

int pipeline_disable_stage_transition(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_disable_stage_transition_request *req,
	struct codepipeline_disable_stage_transition_response *resp, struct err *err)
{
	struct transition t = {e, call, req->stage_name, req->transition_type, req->reason};
	struct pipeline_step step = {.name = req->pipeline_name, .fn = transition_step, .arg = &t};

	(void)resp;
	return pipeline_step(e, &step, err);
}

int pipeline_enable_stage_transition(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_enable_stage_transition_request *req,
	struct codepipeline_enable_stage_transition_response *resp, struct err *err)
{
	struct transition t = {e, call, req->stage_name, req->transition_type, NULL};
	struct pipeline_step step = {.name = req->pipeline_name, .fn = transition_step, .arg = &t};

	(void)resp;
	return pipeline_step(e, &step, err);
}

/* ---- what retry and override have in common ---- */

/* The stage as the execution left it; errors as both operations have them. */
static int find_left_stage(struct flow *f, struct db_tx *tx, const char *stage_name,
	const char *execution_id, struct flow_run **ret_run,
	struct towpath_pipeline_stage_run **ret_stage, struct err *err)
{
	const struct codepipeline_stage_state *view = view_stage(f, stage_name);
	int found;

	if (!view)
		return pipeline_stage_not_found(f->pipeline.name, stage_name, err);
	found = flow_load_run(f, tx, execution_id, ret_run, err);
	if (found < 0)
		return -1;
	if (!found)
		return err_set_wire(err, "NotLatestPipelineExecutionException",
			"Pipeline '%s' does not have an execution with id '%s'", f->pipeline.name,
			execution_id);
	if (!flow_is_parallel((*ret_run)->run) && view->latest_execution &&
		!streq(view->latest_execution->pipeline_execution_id, execution_id))
		return err_set_wire(err, "NotLatestPipelineExecutionException",
			"A newer execution (%s) has entered stage '%s'",
			view->latest_execution->pipeline_execution_id, stage_name);
	*ret_stage = flow_stage_run((*ret_run)->run, stage_name);
	return 0;
}

/* ---- RetryStageExecution ---- */

static int not_retryable(const char *stage, const char *why, struct err *err)
{
	return err_set_wire(
		err, "StageNotRetryableException", "Unable to retry stage '%s': %s", stage, why);
}

static bool has_work_left(const struct towpath_pipeline_stage_run *stage)
{
	wire_foreach (r, &stage->actions)
		if (!streq(r->status, CODEPIPELINE_ACTION_EXECUTION_STATUS_SUCCEEDED))
			return true;
	return !stage->success ? false : !condition_succeeded(stage->success);
}

static int retry_step(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	const struct codepipeline_retry_stage_execution_request *req = arg;
	bool all = streq(req->retry_mode, CODEPIPELINE_STAGE_RETRY_MODE_ALL_ACTIONS);
	struct towpath_pipeline_stage_run *stage = NULL;
	struct flow_run *fr;

	if (find_left_stage(f, tx, req->stage_name, req->pipeline_execution_id, &fr, &stage, err) <
		0)
		return -1;
	if (!stage)
		return not_retryable(req->stage_name, "the execution has not run in it", err);
	if (fr->run->version.v != f->pipeline.version)
		return not_retryable(req->stage_name,
			"the pipeline was updated since; start a new execution", err);
	if (!status_final(stage->status) || !status_final(fr->run->status))
		return not_retryable(req->stage_name, "it is still running", err);
	if (!streq(stage->status, CODEPIPELINE_STAGE_EXECUTION_STATUS_FAILED) &&
		!streq(stage->status, CODEPIPELINE_STAGE_EXECUTION_STATUS_STOPPED))
		return not_retryable(req->stage_name,
			arena_printf(f->arena, "its status is %s", stage->status), err);
	if (!all && !has_work_left(stage))
		return not_retryable(req->stage_name, "all of its actions succeeded", err);
	flow_retry_stage(f, fr, stage, all, false);
	return 0;
}

int pipeline_retry_stage_execution(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_retry_stage_execution_request *req,
	struct codepipeline_retry_stage_execution_response *resp, struct err *err)
{
	struct pipeline_step step = {
		.name = req->pipeline_name, .fn = retry_step, .arg = (void *)req};

	(void)call;
	if (pipeline_step(e, &step, err) < 0)
		return -1;
	resp->pipeline_execution_id = req->pipeline_execution_id;
	return 0;
}

/* ---- RollbackStage ---- */

struct rollback {
	struct call *call;
	const struct codepipeline_rollback_stage_request *req;
	const char *id;
};

static int unable(const char *stage, const char *why, struct err *err)
{
	return err_set_wire(err, "UnableToRollbackStageException",
		"Unable to roll back stage '%s': %s", stage, why);
}

static bool stage_is_running(const struct flow *f, const char *stage)
{
	vec_foreach (it, &f->runs)
		if (!status_final((*it)->run->status) && streq((*it)->run->phase, FLOW_IN_STAGE) &&
			streq((*it)->run->stage, stage))
			return true;
	return false;
}

static int check_target(struct flow *f, struct db_tx *tx,
	const struct codepipeline_rollback_stage_request *req, struct flow_run **ret,
	struct err *err)
{
	int found = flow_load_run(f, tx, req->target_pipeline_execution_id, ret, err);

	if (found < 0)
		return -1;
	if (!found)
		return err_set_wire(err, "PipelineExecutionNotFoundException",
			"Pipeline '%s' does not have an execution with id '%s'", f->pipeline.name,
			req->target_pipeline_execution_id);
	if ((*ret)->run->version.v != f->pipeline.version)
		return err_set_wire(err, "PipelineExecutionOutdatedException",
			"Execution '%s' ran with version %lld of the pipeline, which is now at "
			"%lld",
			req->target_pipeline_execution_id, (long long)(*ret)->run->version.v,
			(long long)f->pipeline.version);
	if (flow_is_rollback((*ret)->run))
		return unable(req->stage_name, "the target execution is a rollback itself", err);
	found = store_pipeline_run_has_succeeded(
		tx, req->target_pipeline_execution_id, req->stage_name, err);
	if (found == 0)
		return unable(req->stage_name, "the target execution has not succeeded in it", err);
	return found < 0 ? -1 : 0;
}

static int rollback_step(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	struct rollback *r = arg;
	const char *stage = r->req->stage_name;
	struct flow_run *target, *fr;

	if (!view_stage(f, stage))
		return pipeline_stage_not_found(f->pipeline.name, stage, err);
	if (streq(f->pipeline.declaration->stages.v[0].name, stage))
		return unable(stage, "the source stage cannot be rolled back", err);
	if (streq(f->pipeline.declaration->execution_mode, CODEPIPELINE_EXECUTION_MODE_PARALLEL))
		return unable(stage, "the pipeline is in PARALLEL mode", err);
	if (stage_is_running(f, stage))
		return unable(stage, "it is running", err);
	if (check_target(f, tx, r->req, &target, err) < 0)
		return -1;
	fr = flow_start_rollback(f, stage, target->run, CODEPIPELINE_TRIGGER_TYPE_MANUALROLLBACK,
		arena_printf(f->arena, "{\"AwsUserArn\":\"%s\"}", r->call->principal_arn));
	r->id = arena_strdup(r->call->arena, fr->run->execution_id);
	return 0;
}

int pipeline_rollback_stage(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_rollback_stage_request *req,
	struct codepipeline_rollback_stage_response *resp, struct err *err)
{
	struct rollback r = {call, req, NULL};
	struct pipeline_step step = {.name = req->pipeline_name, .fn = rollback_step, .arg = &r};

	if (pipeline_step(e, &step, err) < 0)
		return -1;
	resp->pipeline_execution_id = r.id;
	return 0;
}

/* ---- OverrideStageCondition ---- */

/* A condition that runs can be overridden, and one that failed with the execution at its place. A
 * skipped stage is behind the execution. */
static bool is_overridable(const struct flow_run *fr,
	const struct towpath_pipeline_stage_run *stage,
	const struct towpath_pipeline_condition_run *c)
{
	if (condition_runs(c))
		return !status_final(fr->run->status) && !status_final(stage->status);
	return !condition_succeeded(c) &&
	       streq(stage->status, CODEPIPELINE_STAGE_EXECUTION_STATUS_FAILED) &&
	       streq(fr->run->status, CODEPIPELINE_PIPELINE_EXECUTION_STATUS_FAILED);
}

static int override_step(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	const struct codepipeline_override_stage_condition_request *req = arg;
	bool entry = streq(req->condition_type, CODEPIPELINE_CONDITION_TYPE_BEFORE_ENTRY);
	const struct towpath_pipeline_condition_run *c = NULL;
	struct towpath_pipeline_stage_run *stage = NULL;
	struct flow_run *fr;

	if (find_left_stage(f, tx, req->stage_name, req->pipeline_execution_id, &fr, &stage, err) <
		0)
		return -1;
	if (stage)
		c = entry ? stage->entry : stage->success;
	if (!c || fr->run->version.v != f->pipeline.version || !is_overridable(fr, stage, c))
		return err_set_wire(err, "ConditionNotOverridableException",
			"The %s condition of stage '%s' cannot be overridden: it has not failed "
			"with "
			"an effect that can be undone",
			entry ? "entry" : "success", req->stage_name);
	flow_override(f, fr, stage, entry);
	return 0;
}

int pipeline_override_stage_condition(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_override_stage_condition_request *req,
	struct codepipeline_override_stage_condition_response *resp, struct err *err)
{
	struct pipeline_step step = {
		.name = req->pipeline_name, .fn = override_step, .arg = (void *)req};

	(void)call;
	(void)resp;
	return pipeline_step(e, &step, err);
}

/* ---- GetPipelineState ---- */

struct state_read {
	struct pipeline_engine *e;
	struct call *call;
	const char *name;
	struct view json;
};

static int read_state(struct db_tx *tx, void *arg, struct err *err)
{
	struct state_read *s = arg;
	int found = store_pipeline_state(tx, s->name, s->call->arena, &s->json, err);

	return found == 1 ? 0 : found < 0 ? -1 : pipeline_not_found(s->e, s->name, err);
}

int pipeline_get_pipeline_state(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_get_pipeline_state_request *req,
	struct codepipeline_get_pipeline_state_response *resp, struct err *err)
{
	struct state_read s = {e, call, req->name, {0}};
	uint64_t version;

	if (!db_memo_get(e->states, req->name, call->arena, &s.json, &version)) {
		if (db_read(durable_db(e->durable), read_state, &s, err) < 0)
			return -1;
		db_memo_put(e->states, req->name, version, s.json);
	}
	if (call->takes_json) {
		call->json = s.json;
		return 0;
	}
	return wire_decode_json(
		&codepipeline_get_pipeline_state_response_shape, s.json, call->arena, resp, err);
}
