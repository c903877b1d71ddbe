/* SPDX-License-Identifier: Apache-2.0 */
/* What GetPipelineState shows. */
#include "pipeline/view_state.h"

#include "pipeline/status.h"

static struct codepipeline_stage_state *find_stage(
	const struct codepipeline_get_pipeline_state_response *view, const char *stage)
{
	if (view)
		wire_foreach (s, &view->stage_states)
			if (streq(s->stage_name, stage))
				return s;
	return NULL;
}

static struct codepipeline_action_state *find_action(
	const struct codepipeline_stage_state *stage, const char *action)
{
	if (stage)
		wire_foreach (s, &stage->action_states)
			if (streq(s->action_name, action))
				return s;
	return NULL;
}

static void new_stage(const struct flow_site *site, const struct codepipeline_stage_declaration *d,
	const struct codepipeline_stage_state *old, struct arena *a,
	struct codepipeline_stage_state *ret)
{
	if (old)
		*ret = *old;
	ret->stage_name = d->name;
	ret->inbound_execution = NULL;
	ret->inbound_executions = (struct codepipeline_stage_execution_list){0};
	if (!ret->inbound_transition_state) {
		ret->inbound_transition_state = arena_new(a, struct codepipeline_transition_state);
		ret->inbound_transition_state->enabled = WIRE_SET_BOOL(true);
	}
	wire_list_alloc(a, &ret->action_states, d->actions.n);
	for (size_t i = 0; i < d->actions.n; i++) {
		const struct codepipeline_action_declaration *action = &d->actions.v[i];
		const struct action_provider *p =
			action_registry_find(&site->registry, action->action_type_id);
		const struct codepipeline_action_state *before = find_action(old, action->name);

		if (before)
			ret->action_states.v[i] = *before;
		ret->action_states.v[i].action_name = action->name;
		ret->action_states.v[i].entity_url =
			p && p->entity_url
				? p->entity_url(p->arg, action,
					  action->region ? action->region : site->region, a)
				: NULL;
	}
}

struct codepipeline_get_pipeline_state_response *view_new(const struct flow_site *site,
	const struct store_pipeline *p, const struct codepipeline_get_pipeline_state_response *old,
	struct arena *a)
{
	struct codepipeline_get_pipeline_state_response *view =
		arena_new(a, struct codepipeline_get_pipeline_state_response);
	const struct codepipeline_pipeline_stage_declaration_list *stages = &p->declaration->stages;

	view->pipeline_name = p->name;
	view->pipeline_version = WIRE_SET_INT(p->version);
	view->created = WIRE_SET_TIME(p->created_usec);
	view->updated = WIRE_SET_TIME(p->updated_usec);
	wire_list_alloc(a, &view->stage_states, stages->n);
	for (size_t i = 0; i < stages->n; i++)
		new_stage(site, &stages->v[i], find_stage(old, stages->v[i].name), a,
			&view->stage_states.v[i]);
	return view;
}

struct codepipeline_stage_state *view_stage(const struct flow *f, const char *stage)
{
	return find_stage(f->pipeline.state, stage);
}

static struct codepipeline_stage_condition_state *condition_state(
	struct arena *a, const struct towpath_pipeline_condition_run *c)
{
	struct codepipeline_stage_condition_state *s;
	struct codepipeline_condition_state *one;

	if (!c)
		return NULL;
	s = arena_new(a, struct codepipeline_stage_condition_state);
	s->latest_execution = arena_new(a, struct codepipeline_stage_conditions_execution);
	s->latest_execution->status = c->status;
	s->latest_execution->summary = c->summary;
	wire_list_alloc(a, &s->condition_states, 1);
	one = &s->condition_states.v[0];
	one->latest_execution = arena_new(a, struct codepipeline_condition_execution);
	one->latest_execution->status = c->status;
	one->latest_execution->summary = c->summary;
	one->latest_execution->last_status_change = c->time;
	wire_list_alloc(a, &one->rule_states, c->rules.n);
	for (size_t i = 0; i < c->rules.n; i++) {
		const struct towpath_pipeline_rule_run *r = &c->rules.v[i];
		struct codepipeline_rule_execution *e =
			arena_new(a, struct codepipeline_rule_execution);

		*e = (struct codepipeline_rule_execution){
			.rule_execution_id = r->id,
			.status = r->status,
			.last_status_change = r->time,
			.summary = r->code ? NULL : r->summary,
		};
		if (r->code) {
			e->error_details = arena_new(a, struct codepipeline_error_details);
			e->error_details->code = r->code;
			e->error_details->message = r->summary;
		}
		one->rule_states.v[i].rule_name = r->name;
		one->rule_states.v[i].latest_execution = e;
	}
	return s;
}

static struct codepipeline_retry_stage_metadata *retries(
	struct arena *a, const struct towpath_pipeline_stage_run *stage)
{
	struct codepipeline_retry_stage_metadata *m;

	if (!stage->retry_trigger)
		return NULL;
	m = arena_new(a, struct codepipeline_retry_stage_metadata);
	m->auto_stage_retry_attempt = stage->auto_retries;
	m->manual_stage_retry_attempt = stage->manual_retries;
	m->latest_retry_trigger = stage->retry_trigger;
	return m;
}

void view_stage_changed(struct flow *f, const struct towpath_pipeline_run *run,
	const struct towpath_pipeline_stage_run *stage)
{
	struct codepipeline_stage_state *s = view_stage(f, stage->name);
	struct codepipeline_stage_execution *e;

	if (!s || flow_is_parallel(run))
		return;
	/* Only the one that entered last is shown. */
	if (s->latest_execution &&
		!streq(s->latest_execution->pipeline_execution_id, run->execution_id) &&
		!streq(stage->status, CODEPIPELINE_STAGE_EXECUTION_STATUS_INPROGRESS))
		return;
	e = arena_new(f->arena, struct codepipeline_stage_execution);
	e->pipeline_execution_id = run->execution_id;
	e->status = stage->status;
	e->type = run->type;
	s->latest_execution = e;
	s->before_entry_condition_state = condition_state(f->arena, stage->entry);
	s->on_success_condition_state = condition_state(f->arena, stage->success);
	s->on_failure_condition_state = condition_state(f->arena, stage->failure);
	s->retry_stage_metadata = retries(f->arena, stage);
}

void view_action_started(struct flow *f, const struct towpath_pipeline_run *run,
	const struct codepipeline_action_execution_detail *d, bool approval)
{
	struct codepipeline_action_state *s =
		find_action(view_stage(f, d->stage_name), d->action_name);
	struct codepipeline_action_execution *e;

	if (!s || flow_is_parallel(run))
		return;
	e = arena_new(f->arena, struct codepipeline_action_execution);
	e->action_execution_id = d->action_execution_id;
	e->status = d->status;
	e->last_status_change = WIRE_SET_TIME(f->now);
	if (approval)
		e->token = d->action_execution_id;
	s->latest_execution = e;
}

static void take_result(struct codepipeline_action_execution *e, const struct action_result *result)
{
	if (result->external_id)
		e->external_execution_id = result->external_id;
	if (result->external_url)
		e->external_execution_url = result->external_url;
	if (result->summary && *result->summary) /* a commit's message may be empty */
		e->summary = result->summary;
	if (result->log_stream_arn)
		e->log_stream_arn = result->log_stream_arn;
	if (result->percent_complete.set)
		e->percent_complete = result->percent_complete;
}

static void take_revision(
	struct flow *f, struct codepipeline_action_state *s, const struct action_result *result)
{
	if (!result->revision_id)
		return;
	s->current_revision = arena_new(f->arena, struct codepipeline_action_revision);
	s->current_revision->revision_id = result->revision_id;
	s->current_revision->revision_change_id =
		result->revision_change_id ? result->revision_change_id : result->revision_id;
	s->current_revision->created =
		result->revision_created.set ? result->revision_created : WIRE_SET_TIME(f->now);
	s->revision_url = result->revision_url;
}

void view_action_changed(struct flow *f, const struct towpath_pipeline_run *run, const char *stage,
	const char *action, const char *id, const char *status, const struct action_result *result,
	const struct flow_end *end)
{
	struct codepipeline_action_state *s = find_action(view_stage(f, stage), action);
	struct codepipeline_action_execution *e = s ? s->latest_execution : NULL;

	if (!e || flow_is_parallel(run) || !streq(e->action_execution_id, id))
		return;
	if (!streq(e->status, status))
		e->last_status_change = WIRE_SET_TIME(f->now);
	e->status = status;
	if (result) {
		take_result(e, result);
		take_revision(f, s, result);
	}
	if (!end)
		return;
	e->token = NULL;
	if (end->summary && *end->summary) /* so may an approval's */
		e->summary = end->summary;
	if (end->updated_by)
		e->last_updated_by = end->updated_by;
	if (end->code) {
		e->error_details = arena_new(f->arena, struct codepipeline_error_details);
		e->error_details->code = end->code;
		e->error_details->message = end->message;
	}
}

void view_inbound(struct flow *f)
{
	wire_foreach (s, &f->pipeline.state->stage_states) {
		s->inbound_execution = NULL;
		s->inbound_executions = (struct codepipeline_stage_execution_list){0};
		vec_foreach (it, &f->runs) {
			const struct towpath_pipeline_run *run = (*it)->run;
			struct codepipeline_stage_execution e = {
				.pipeline_execution_id = run->execution_id,
				.status = run->status,
				.type = run->type,
			};

			if (status_final(run->status) || flow_is_parallel(run) ||
				!streq(run->phase, FLOW_AT_DOOR) ||
				!streq(run->stage, s->stage_name))
				continue;
			flow_list_add(f->arena, &s->inbound_executions, e);
		}
		if (s->inbound_executions.n)
			s->inbound_execution = &s->inbound_executions.v[0];
	}
}
