/* SPDX-License-Identifier: Apache-2.0 */
/* Storing what a step changed: documents, journal entries, tasks and timers. */
#include "base/log.h"
#include "pipeline/engine.h"
#include "pipeline/status.h"

struct saving {
	struct pipeline_engine *e;
	struct flow *f;
	struct db_tx *tx;
	const char *arn;
};

static int journal(struct saving *s, const char *kind, const struct wire_shape *shape,
	const void *detail, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct journal_entry entry = {.kind = kind, .subject = s->arn};

	wire_encode_json(shape, detail, &text);
	entry.detail = str_text(&text);
	return journal_append(s->e->durable, s->tx, &entry, err);
}

static const char *error_message(const struct codepipeline_action_execution_detail *d)
{
	const struct codepipeline_action_execution_result *r =
		d->output ? d->output->execution_result : NULL;

	return r && r->error_details ? r->error_details->message : NULL;
}

/* The stage's actions that failed, each with what its error says. */
static int failed_actions(struct saving *s, const struct towpath_pipeline_run *run,
	const char *stage, struct towpath_pipeline_texts *ret, struct err *err)
{
	wire_foreach (sr, &run->stages) {
		wire_foreach (ref, &sr->actions) {
			struct store_pipeline_action row;
			int found;

			if (!streq(sr->name, stage) || !ref->status ||
				!streq(ref->status, CODEPIPELINE_ACTION_EXECUTION_STATUS_FAILED))
				continue;
			found = store_pipeline_action_get(s->tx, ref->id, s->f->arena, &row, err);
			if (found < 0)
				return -1;
			flow_list_add(s->f->arena, ret,
				(struct towpath_pipeline_text){.name = ref->name,
					.value = found ? error_message(row.detail) : NULL});
		}
	}
	return 0;
}

static int save_run_state(struct saving *s, const struct flow_effect *fx, struct err *err)
{
	const struct towpath_pipeline_run *run = fx->run;
	struct towpath_event_pipeline detail = {
		.pipeline = run->pipeline,
		.version = run->version,
		.execution_id = run->execution_id,
		.state = fx->state,
		.start_time = run->start_time,
		.attempt = run->attempt,
		.trigger_type = run->trigger_type,
		.trigger_detail = run->trigger_detail,
	};

	if (streq(fx->state, "STOPPING"))
		detail.stop_reason = run->stop_reason;
	if (streq(fx->state, "FAILED")) {
		detail.failed_stage = run->stage;
		if (failed_actions(s, run, run->stage, &detail.failed_actions, err) < 0)
			return -1;
	}
	return journal(s, "codepipeline.pipeline", &towpath_event_pipeline_shape, &detail, err);
}

static int save_stage_state(struct saving *s, const struct flow_effect *fx, struct err *err)
{
	struct towpath_event_stage detail = {
		.pipeline = fx->run->pipeline,
		.version = fx->run->version,
		.execution_id = fx->run->execution_id,
		.stage = fx->stage,
		.state = fx->state,
		.start_time = fx->run->start_time,
		.attempt = fx->run->attempt,
	};

	if (streq(fx->state, "FAILED") &&
		failed_actions(s, fx->run, fx->stage, &detail.failed_actions, err) < 0)
		return -1;
	return journal(s, "codepipeline.stage", &towpath_event_stage_shape, &detail, err);
}

static int save_stage_succeeded(struct saving *s, const struct flow_effect *fx, struct err *err)
{
	return store_pipeline_run_succeeded(s->tx, fx->run, fx->stage, err);
}

static void event_artifacts(struct saving *s, const struct codepipeline_artifact_detail_list *list,
	struct towpath_pipeline_artifacts *ret)
{
	wire_foreach (x, list)
		flow_list_add(s->f->arena, ret,
			(struct towpath_pipeline_artifact){.name = x->name,
				.bucket = x->s3location ? x->s3location->bucket : NULL,
				.key = x->s3location ? x->s3location->key : NULL});
}

/* What is known of an action's end. */
static void event_result(
	const struct codepipeline_action_execution_detail *d, struct towpath_event_action *ret)
{
	const struct codepipeline_action_execution_result *r =
		d->output ? d->output->execution_result : NULL;

	if (!r)
		return;
	ret->external_id = r->external_execution_id;
	ret->external_url = r->external_execution_url;
	ret->external_summary = r->external_execution_summary;
	ret->error_code = r->error_details ? r->error_details->code : NULL;
	ret->message = error_message(d);
}

/* What an approval shows to those who are asked. */
static void event_approval(
	const struct codepipeline_action_execution_detail *d, struct towpath_event_action *ret)
{
	if (!streq(d->input->action_type_id->category, CODEPIPELINE_ACTION_CATEGORY_APPROVAL))
		return;
	wire_foreach (kv, &d->input->resolved_configuration) {
		if (streq(kv->key, "ExternalEntityLink"))
			ret->external_entity_link = kv->value;
		if (streq(kv->key, "CustomData"))
			ret->custom_data = kv->value;
	}
}

static int tell_action(struct saving *s, const struct flow_effect *fx,
	const struct codepipeline_action_execution_detail *d, const char *state, struct err *err)
{
	struct towpath_event_action detail = {
		.pipeline = fx->run->pipeline,
		.version = fx->run->version,
		.execution_id = fx->run->execution_id,
		.stage = d->stage_name,
		.action = d->action_name,
		.action_execution_id = d->action_execution_id,
		.state = state,
		.category = d->input->action_type_id->category,
		.owner = d->input->action_type_id->owner,
		.provider = d->input->action_type_id->provider,
		.region = d->input->region,
		.start_time = fx->run->start_time,
		.attempt = fx->run->attempt,
	};

	event_artifacts(s, &d->input->input_artifacts, &detail.input_artifacts);
	if (d->output)
		event_artifacts(s, &d->output->output_artifacts, &detail.output_artifacts);
	if (!streq(state, "STARTED"))
		event_result(d, &detail);
	event_approval(d, &detail);
	return journal(s, "codepipeline.action", &towpath_event_action_shape, &detail, err);
}

static int action_event(struct saving *s, const struct flow_effect *fx,
	const struct codepipeline_action_execution_detail *d, const char *state, struct err *err)
{
	/* The service tells nobody of rules. */
	if (store_pipeline_action_is_rule(d))
		return 0;
	return tell_action(s, fx, d, state, err);
}

static int approval_event(struct saving *s, const struct flow_effect *fx, struct err *err)
{
	struct towpath_event_approval detail = {
		.pipeline = fx->run->pipeline,
		.execution_id = fx->run->execution_id,
		.stage = fx->stage,
		.action = fx->row.detail->action_name,
		.token = fx->row.detail->action_execution_id,
	};

	return journal(s, "codepipeline.approval", &towpath_event_approval_shape, &detail, err);
}

static int save_action_started(struct saving *s, const struct flow_effect *fx, struct err *err)
{
	const char *id = fx->row.detail->action_execution_id;
	struct task start = {.kind = TASK_START, .subject = id, .token = ""};
	struct task timeout = {.kind = TASK_TIMEOUT,
		.subject = id,
		.token = "",
		.due_usec = s->f->now + fx->timeout_usec};

	if (store_pipeline_action_put(s->tx, &fx->row, err) < 0)
		return -1;
	if (fx->settled)
		return 0;
	if (action_event(s, fx, fx->row.detail, "STARTED", err) < 0 ||
		task_enqueue(s->e->durable, s->tx, &start, err) < 0 ||
		task_enqueue(s->e->durable, s->tx, &timeout, err) < 0)
		return -1;
	return fx->approval ? approval_event(s, fx, err) : 0;
}

static int save_action_ended(struct saving *s, const struct flow_effect *fx, struct err *err)
{
	static const char *const kinds[] = {TASK_START, TASK_CHECK, TASK_TIMEOUT};
	struct store_pipeline_action row;
	int found = store_pipeline_action_get(s->tx, fx->action_id, s->f->arena, &row, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return err_set(
			err, ERR_INTERNAL, "action execution %s is not stored", fx->action_id);
	action_detail_end(row.detail, &fx->end, s->f->now, s->f->arena);
	if (fx->end.result && fx->end.result->external_id)
		row.external_id = fx->end.result->external_id;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (task_cancel(s->e->durable, s->tx, kinds[i], fx->action_id, NULL, err) < 0)
			return -1;
	if (streq(row.detail->input->action_type_id->owner, CODEPIPELINE_ACTION_OWNER_CUSTOM) &&
		job_end_of_action(s->tx, fx->action_id, &fx->end, s->f->arena, err) < 0)
		return -1;
	if (store_pipeline_action_put(s->tx, &row, err) < 0)
		return -1;
	return action_event(s, fx, row.detail,
		status_event(STATUS_OF_ACTION, CODEPIPELINE_ACTION_EXECUTION_STATUS_INPROGRESS,
			fx->end.status),
		err);
}

static int (*const savers[])(struct saving *, const struct flow_effect *, struct err *) = {
	[FLOW_RUN_STATE] = save_run_state,
	[FLOW_STAGE_STATE] = save_stage_state,
	[FLOW_STAGE_SUCCEEDED] = save_stage_succeeded,
	[FLOW_ACTION_STARTED] = save_action_started,
	[FLOW_ACTION_ENDED] = save_action_ended,
};

int flow_save(struct pipeline_engine *e, struct flow *f, struct db_tx *tx, struct err *err)
{
	struct saving s = {e, f, tx, pipeline_arn(&e->site, f->pipeline.name, f->arena)};

	vec_foreach (fx, &f->effects)
		if (savers[fx->kind](&s, fx, err) < 0)
			return -1;
	vec_foreach (it, &f->runs)
		if ((*it)->dirty && store_pipeline_run_put(tx, (*it)->run,
					    !status_final((*it)->run->status), err) < 0)
			return -1;
	return store_pipeline_save_state(tx, &f->pipeline, err);
}
