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

static int save_run_state(struct saving *s, const struct flow_effect *fx, struct err *err)
{
	struct towpath_event_pipeline detail = {
		.pipeline = fx->run->pipeline,
		.version = fx->run->version,
		.execution_id = fx->run->execution_id,
		.state = fx->state,
	};

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
	};

	return journal(s, "codepipeline.stage", &towpath_event_stage_shape, &detail, err);
}

static int save_stage_succeeded(struct saving *s, const struct flow_effect *fx, struct err *err)
{
	return store_pipeline_run_succeeded(s->tx, fx->run, fx->stage, err);
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
		.state = state,
		.category = d->input->action_type_id->category,
		.owner = d->input->action_type_id->owner,
		.provider = d->input->action_type_id->provider,
	};

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
