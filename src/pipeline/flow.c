/* SPDX-License-Identifier: Apache-2.0 */
/* The working set of a step: lookups and the setters of all states. */
#include "pipeline/flow.h"

#include "base/id.h"
#include "pipeline/status.h"
#include "pipeline/variable.h"
#include "pipeline/view_state.h"

void flow_release(struct flow *f)
{
	vec_release(&f->runs);
	vec_release(&f->effects);
	vec_release(&f->targets);
}

struct flow_run *flow_find(struct flow *f, const char *execution_id)
{
	vec_foreach (fr, &f->runs)
		if (streq((*fr)->run->execution_id, execution_id))
			return *fr;
	return NULL;
}

const struct codepipeline_stage_declaration *flow_stage_declaration(
	const struct codepipeline_pipeline_declaration *d, const char *stage)
{
	wire_foreach (s, &d->stages)
		if (streq(s->name, stage))
			return s;
	return NULL;
}

const struct codepipeline_action_declaration *flow_action_declaration(
	const struct codepipeline_stage_declaration *stage, const char *action)
{
	if (!stage)
		return NULL;
	wire_foreach (a, &stage->actions)
		if (streq(a->name, action))
			return a;
	return NULL;
}

struct towpath_pipeline_stage_run *flow_stage_run(
	struct towpath_pipeline_run *run, const char *stage)
{
	wire_foreach (s, &run->stages)
		if (streq(s->name, stage))
			return s;
	return NULL;
}

struct towpath_pipeline_action_ref *flow_action_ref(
	struct towpath_pipeline_stage_run *stage, const char *action)
{
	wire_foreach (r, &stage->actions)
		if (streq(r->name, action))
			return r;
	return NULL;
}

bool flow_is_parallel(const struct towpath_pipeline_run *run)
{
	return streq(run->mode, CODEPIPELINE_EXECUTION_MODE_PARALLEL);
}

bool flow_is_rollback(const struct towpath_pipeline_run *run)
{
	return streq(run->type, CODEPIPELINE_EXECUTION_TYPE_ROLLBACK);
}

static const char *text_of(const struct towpath_string_map *values, struct view key)
{
	wire_foreach (kv, values)
		if (view_eq_str(key, kv->key))
			return kv->value;
	return NULL;
}

const char *flow_variable(void *arg, const struct variable_ref *ref)
{
	const struct towpath_pipeline_run *run = arg;

	if (view_eq_str(ref->space, "codepipeline"))
		return view_eq_str(ref->key, "PipelineExecutionId") ? run->execution_id : NULL;
	if (view_eq_str(ref->space, "variables"))
		wire_foreach (v, &run->variables)
			if (view_eq_str(ref->key, v->name))
				return v->value;
	wire_foreach (o, &run->outputs)
		if (view_eq_str(ref->space, o->namespace))
			return text_of(&o->values, ref->key);
	return NULL;
}

void flow_set_run_status(
	struct flow *f, struct flow_run *fr, const char *status, const char *summary)
{
	struct towpath_pipeline_run *run = fr->run;

	if (!status_may_follow(STATUS_OF_RUN, run->status, status))
		BUG("execution %s: %s -> %s", run->execution_id, run->status, status);
	vec_push(&f->effects, (struct flow_effect){.kind = FLOW_RUN_STATE,
				      .run = run,
				      .state = status_event(STATUS_OF_RUN, run->status, status)});
	run->status = status;
	run->status_summary = summary;
	run->update_time = WIRE_SET_TIME(f->now);
	fr->dirty = true;
}

void flow_set_stage_status(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, const char *status)
{
	if (!status_may_follow(STATUS_OF_STAGE, stage->status, status))
		BUG("execution %s, stage %s: %s -> %s", fr->run->execution_id, stage->name,
			stage->status, status);
	vec_push(&f->effects,
		(struct flow_effect){.kind = FLOW_STAGE_STATE,
			.run = fr->run,
			.stage = stage->name,
			.state = status_event(STATUS_OF_STAGE, stage->status, status)});
	if (streq(status, CODEPIPELINE_STAGE_EXECUTION_STATUS_SUCCEEDED) &&
		!flow_is_rollback(fr->run))
		vec_push(&f->effects, (struct flow_effect){.kind = FLOW_STAGE_SUCCEEDED,
					      .run = fr->run,
					      .stage = stage->name});
	stage->status = status;
	fr->run->update_time = WIRE_SET_TIME(f->now);
	fr->dirty = true;
	view_stage_changed(f, fr->run, stage);
}

void flow_to_door(struct flow *f, struct flow_run *fr, const char *stage)
{
	fr->run->stage = stage;
	fr->run->phase = FLOW_AT_DOOR;
	fr->run->phase_since = WIRE_SET_TIME(f->now);
	fr->dirty = true;
}

struct flow_run *flow_add(struct flow *f, struct towpath_pipeline_run *run,
	const struct codepipeline_pipeline_declaration *declaration)
{
	struct flow_run *fr = arena_new(f->arena, struct flow_run);

	*fr = (struct flow_run){.run = run, .declaration = declaration};
	vec_push(&f->runs, fr);
	return fr;
}

static struct flow_run *new_run(
	struct flow *f, const char *type, const char *trigger_type, const char *trigger_detail)
{
	struct towpath_pipeline_run *run = arena_new(f->arena, struct towpath_pipeline_run);

	*run = (struct towpath_pipeline_run){
		.execution_id = arena_strdup(f->arena, id_uuid().text),
		.pipeline_id = f->pipeline.id,
		.pipeline = f->pipeline.name,
		.number = WIRE_SET_LONG(f->pipeline.next_execution++),
		.version = WIRE_SET_LONG(f->pipeline.version),
		.mode = f->pipeline.declaration->execution_mode,
		.type = type,
		.trigger_type = trigger_type,
		.trigger_detail = trigger_detail,
		.start_time = WIRE_SET_TIME(f->now),
		.attempt = WIRE_SET_INT(1),
	};
	return flow_add(f, run, f->pipeline.declaration);
}

/* Takes given values, then defaults. Returns the names that have neither, or NULL. */
static const char *take_variables(struct flow *f, struct towpath_pipeline_run *run,
	const struct codepipeline_pipeline_variable_list *given)
{
	const char *missing = NULL;

	wire_foreach (d, &f->pipeline.declaration->variables) {
		const char *value = d->default_value;

		for (size_t i = 0; given && i < given->n; i++)
			if (streq(given->v[i].name, d->name))
				value = given->v[i].value;
		if (!value)
			missing = missing ? arena_printf(f->arena, "%s, %s", missing, d->name)
					  : d->name;
		else
			flow_list_add(f->arena, &run->variables,
				(struct towpath_pipeline_text){.name = d->name, .value = value});
	}
	return missing;
}

struct flow_run *flow_start_run(struct flow *f, const struct flow_start *s)
{
	struct flow_run *fr = new_run(
		f, CODEPIPELINE_EXECUTION_TYPE_STANDARD, s->trigger_type, s->trigger_detail);
	const char *missing = take_variables(f, fr->run, s->variables);

	for (size_t i = 0; s->overrides && i < s->overrides->n; i++)
		flow_list_add(f->arena, &fr->run->overrides,
			(struct towpath_pipeline_override){
				.action_name = s->overrides->v[i].action_name,
				.revision_type = s->overrides->v[i].revision_type,
				.revision_value = s->overrides->v[i].revision_value,
			});
	flow_to_door(f, fr, f->pipeline.declaration->stages.v[0].name);
	flow_set_run_status(f, fr, CODEPIPELINE_PIPELINE_EXECUTION_STATUS_INPROGRESS, NULL);
	if (missing)
		flow_set_run_status(f, fr, CODEPIPELINE_PIPELINE_EXECUTION_STATUS_FAILED,
			arena_printf(f->arena,
				"Values for required variables haven't been provided: %s",
				missing));
	return fr;
}

struct flow_run *flow_start_rollback(struct flow *f, const char *stage,
	const struct towpath_pipeline_run *target, const char *trigger_type,
	const char *trigger_detail)
{
	struct flow_run *fr =
		new_run(f, CODEPIPELINE_EXECUTION_TYPE_ROLLBACK, trigger_type, trigger_detail);

	fr->run->rollback_target = target->execution_id;
	fr->run->variables = target->variables;
	fr->run->overrides = target->overrides;
	wire_foreach (artifact, &target->artifacts)
		if (!streq(artifact->stage, stage))
			flow_list_add(f->arena, &fr->run->artifacts, *artifact);
	wire_foreach (output, &target->outputs)
		if (!streq(output->stage, stage))
			flow_list_add(f->arena, &fr->run->outputs, *output);
	flow_to_door(f, fr, stage);
	flow_set_run_status(f, fr, CODEPIPELINE_PIPELINE_EXECUTION_STATUS_INPROGRESS, NULL);
	return fr;
}
