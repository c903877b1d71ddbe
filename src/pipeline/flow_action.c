/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and ending executions of actions and rules: resolved configuration, artifacts, output
 * variables. */
#include "pipeline/flow.h"

#include "base/id.h"
#include "pipeline/status.h"
#include "pipeline/variable.h"
#include "pipeline/view_state.h"

#define DEFAULT_ACTION_TIMEOUT (INT64_C(3600) * USEC_PER_SEC)

static const char *artifact_bucket(
	const struct flow *f, const struct codepipeline_pipeline_declaration *d, const char *region)
{
	if (d->artifact_store)
		return d->artifact_store->location;
	wire_foreach (kv, &d->artifact_stores)
		if (streq(kv->key, region ? region : f->site->region))
			return kv->value->location;
	return d->artifact_stores.n ? d->artifact_stores.v[0].value->location : "";
}

static struct codepipeline_s3_location *location(
	struct arena *a, const char *bucket, const char *key)
{
	struct codepipeline_s3_location *l = arena_new(a, struct codepipeline_s3_location);

	l->bucket = bucket;
	l->key = key;
	return l;
}

static void fill_inputs(struct flow *f, const struct towpath_pipeline_run *run,
	const struct codepipeline_action_declaration *action,
	struct codepipeline_artifact_detail_list *ret)
{
	ret->set = true;
	wire_foreach (in, &action->input_artifacts)
		wire_foreach (artifact, &run->artifacts)
			if (streq(artifact->name, in->name))
				flow_list_add(f->arena, ret,
					(struct codepipeline_artifact_detail){
						.name = in->name,
						.s3location = location(
							f->arena, artifact->bucket, artifact->key),
					});
}

static void fill_outputs(struct flow *f, const struct flow_run *fr,
	const struct codepipeline_action_declaration *action,
	struct codepipeline_artifact_detail_list *ret)
{
	const char *bucket = artifact_bucket(f, fr->declaration, action->region);

	ret->set = true;
	wire_foreach (out, &action->output_artifacts)
		flow_list_add(f->arena, ret,
			(struct codepipeline_artifact_detail){
				.name = out->name,
				.s3location = location(f->arena, bucket,
					action_artifact_key(
						fr->run->pipeline, out->name, f->arena)),
			});
}

const struct codepipeline_action_declaration *flow_resolve_commands(
	struct towpath_pipeline_run *run, const struct codepipeline_action_declaration *action,
	struct arena *a, struct err *err)
{
	struct codepipeline_action_declaration *out;

	if (!action->commands.n)
		return action;
	out = wire_copy(&codepipeline_action_declaration_shape, action, a);
	for (size_t i = 0; i < out->commands.n; i++)
		if (variable_resolve(action->commands.v[i], flow_variable, run, a,
			    &out->commands.v[i], err) < 0) {
			err_wrap(err, "command %zu", i + 1);
			return NULL;
		}
	wire_foreach (v, &out->environment_variables)
		if (variable_resolve(v->value, flow_variable, run, a, &v->value, err) < 0) {
			err_wrap(err, "environment variable %s", v->name);
			return NULL;
		}
	return out;
}

/* ERR_INVALID names the key and the variable that has no value. */
static int resolve(struct flow *f, struct towpath_pipeline_run *run,
	const struct codepipeline_action_declaration *action,
	struct codepipeline_resolved_action_configuration_map *ret, struct err *err)
{
	if (!flow_resolve_commands(run, action, f->arena, err))
		return -1;
	wire_list_alloc(f->arena, ret, action->configuration.n);
	for (size_t i = 0; i < ret->n; i++) {
		ret->v[i].key = action->configuration.v[i].key;
		ret->v[i].value = action->configuration.v[i].value;
		if (variable_resolve(action->configuration.v[i].value, flow_variable, run, f->arena,
			    &ret->v[i].value, err) < 0)
			return err_wrap(err, "configuration %s", ret->v[i].key);
	}
	return 0;
}

static struct codepipeline_action_execution_detail *new_detail(struct flow *f,
	const struct flow_run *fr, const char *stage,
	const struct codepipeline_action_declaration *action)
{
	struct codepipeline_action_execution_detail *d =
		arena_new(f->arena, struct codepipeline_action_execution_detail);
	struct codepipeline_action_execution_input *in =
		arena_new(f->arena, struct codepipeline_action_execution_input);

	*d = (struct codepipeline_action_execution_detail){
		.pipeline_execution_id = fr->run->execution_id,
		.action_execution_id = arena_strdup(f->arena, id_uuid().text),
		.pipeline_version = WIRE_SET_INT(fr->run->version.v),
		.stage_name = stage,
		.action_name = action->name,
		.start_time = WIRE_SET_TIME(f->now),
		.last_update_time = WIRE_SET_TIME(f->now),
		.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_INPROGRESS,
		.input = in,
		.output = arena_new(f->arena, struct codepipeline_action_execution_output),
	};
	in->action_type_id = action->action_type_id;
	in->configuration = action->configuration;
	in->configuration.set = true;
	in->role_arn = action->role_arn ? action->role_arn : fr->declaration->role_arn;
	in->region = action->region ? action->region : f->site->region;
	in->namespace = action->namespace;
	fill_inputs(f, fr->run, action, &in->input_artifacts);
	fill_outputs(f, fr, action, &d->output->output_artifacts);
	return d;
}

static int64_t timeout_of(
	const struct action_provider *p, const struct codepipeline_action_declaration *action)
{
	if (action->timeout_in_minutes.set)
		return action->timeout_in_minutes.v * INT64_C(60) * USEC_PER_SEC;
	return p && p->timeout_usec ? p->timeout_usec : DEFAULT_ACTION_TIMEOUT;
}

static void push_start(struct flow *f, struct flow_run *fr, int attempt, bool settled,
	const struct codepipeline_action_declaration *action,
	struct codepipeline_action_execution_detail *d)
{
	const struct action_provider *p =
		action_registry_find(&f->site->registry, action->action_type_id);

	fr->dirty = true;
	vec_push(&f->effects,
		(struct flow_effect){
			.kind = FLOW_ACTION_STARTED,
			.run = fr->run,
			.stage = d->stage_name,
			.approval = streq(action->action_type_id->category, "Approval"),
			.settled = settled,
			.timeout_usec = timeout_of(p, action),
			.row = {.pipeline_id = fr->run->pipeline_id,
				.number = f->pipeline.next_action++,
				.attempt = attempt,
				.provider = action->action_type_id->provider,
				.detail = d},
		});
}

void flow_start_action(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, struct towpath_pipeline_action_ref *ref,
	const struct codepipeline_action_declaration *action)
{
	bool approval = streq(action->action_type_id->category, "Approval");
	struct codepipeline_action_execution_detail *d = new_detail(f, fr, stage->name, action);
	struct err err CLEANUP_ERR = ERR_INIT;
	int resolved = resolve(f, fr->run, action, &d->input->resolved_configuration, &err);

	ref->id = d->action_execution_id;
	ref->attempt = WIRE_SET_INT(ref->attempt.v + 1);
	ref->status = d->status;
	push_start(f, fr, ref->attempt.v, false, action, d);
	view_action_started(f, fr->run, d, approval);
	if (resolved == 0)
		return;
	flow_end_action(f, fr, stage, ref, d,
		&(struct flow_end){
			.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_FAILED,
			.code = "InvalidActionConfiguration",
			.message = arena_printf(f->arena,
				"The action configuration could not be resolved: %s",
				err_message(&err)),
		});
}

static void keep_artifacts(struct flow *f, struct flow_run *fr, const char *stage,
	const struct codepipeline_action_execution_detail *d, const struct action_result *r)
{
	wire_foreach (out, &d->output->output_artifacts) {
		struct towpath_pipeline_artifact artifact = {
			.name = out->name,
			.bucket = out->s3location->bucket,
			.key = out->s3location->key,
			.stage = stage,
			.action = d->action_name,
			.source =
				WIRE_SET_BOOL(streq(d->input->action_type_id->category, "Source")),
		};
		struct towpath_pipeline_artifact *slot = NULL;

		if (r) {
			artifact.revision_id = r->revision_id;
			artifact.revision_change_id = r->revision_change_id;
			artifact.revision_summary = r->revision_summary;
			artifact.revision_url = r->revision_url;
			artifact.created = r->revision_created;
		}
		wire_foreach (old, &fr->run->artifacts)
			if (streq(old->name, out->name))
				slot = old;
		if (slot)
			*slot = artifact;
		else
			flow_list_add(f->arena, &fr->run->artifacts, artifact);
	}
}

static void keep_variables(struct flow *f, struct flow_run *fr, const char *stage,
	const struct codepipeline_action_execution_detail *d, const struct action_result *r)
{
	struct towpath_pipeline_output output = {
		.namespace = d->input->namespace,
		.stage = stage,
		.action = d->action_name,
	};
	struct towpath_pipeline_output *slot = NULL;

	if (!output.namespace || !r)
		return;
	wire_list_alloc(f->arena, &output.values, r->variables.n);
	for (size_t i = 0; i < r->variables.n; i++) {
		output.values.v[i].key = r->variables.v[i].key;
		output.values.v[i].value = r->variables.v[i].value;
	}
	wire_foreach (old, &fr->run->outputs)
		if (streq(old->namespace, output.namespace))
			slot = old;
	if (slot)
		*slot = output;
	else
		flow_list_add(f->arena, &fr->run->outputs, output);
}

bool flow_end_action(struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage,
	struct towpath_pipeline_action_ref *ref,
	const struct codepipeline_action_execution_detail *detail, const struct flow_end *end)
{
	if (!status_may_follow(STATUS_OF_ACTION, ref->status, end->status))
		return false;
	ref->status = end->status;
	fr->run->update_time = WIRE_SET_TIME(f->now);
	fr->dirty = true;
	if (detail && streq(end->status, CODEPIPELINE_ACTION_EXECUTION_STATUS_SUCCEEDED)) {
		keep_artifacts(f, fr, stage->name, detail, end->result);
		keep_variables(f, fr, stage->name, detail, end->result);
	}
	vec_push(&f->effects, (struct flow_effect){
				      .kind = FLOW_ACTION_ENDED,
				      .run = fr->run,
				      .stage = stage->name,
				      .action_id = ref->id,
				      .end = *end,
			      });
	view_action_changed(
		f, fr->run, stage->name, ref->name, ref->id, end->status, end->result, end);
	return true;
}

/* ---- rules of conditions ---- */

const struct codepipeline_action_declaration *flow_rule_action(
	const struct codepipeline_rule_declaration *rule, struct arena *a)
{
	struct codepipeline_action_declaration *d =
		arena_new(a, struct codepipeline_action_declaration);
	struct codepipeline_action_type_id *type = arena_new(a, struct codepipeline_action_type_id);

	type->category = CODEPIPELINE_RULE_CATEGORY_RULE;
	type->owner = "AWS";
	type->provider = rule->rule_type_id->provider;
	type->version = "1";
	d->name = rule->name;
	d->action_type_id = type;
	d->commands = rule->commands;
	d->input_artifacts = rule->input_artifacts;
	d->role_arn = rule->role_arn;
	d->region = rule->region;
	d->timeout_in_minutes = rule->timeout_in_minutes;
	wire_list_alloc(a, &d->configuration, rule->configuration.n);
	for (size_t i = 0; i < rule->configuration.n; i++) {
		d->configuration.v[i].key = rule->configuration.v[i].key;
		d->configuration.v[i].value = rule->configuration.v[i].value;
	}
	return d;
}

/* The conditions of a stage as declared and as run, side by side. */
struct condition_pair {
	const struct codepipeline_condition_list *declared;
	const struct towpath_pipeline_condition_run *run;
};

static const struct codepipeline_rule_declaration *find_in(
	const struct condition_pair *pair, const char *id)
{
	if (!pair->declared || !pair->declared->n || !pair->run)
		return NULL;
	for (size_t i = 0; i < pair->run->rules.n && i < pair->declared->v[0].rules.n; i++)
		if (streq(pair->run->rules.v[i].id, id))
			return &pair->declared->v[0].rules.v[i];
	return NULL;
}

const struct codepipeline_rule_declaration *flow_rule_declaration(
	const struct codepipeline_stage_declaration *d,
	const struct towpath_pipeline_stage_run *stage, const char *id)
{
	const struct condition_pair pairs[] = {
		{d->before_entry ? &d->before_entry->conditions : NULL, stage->entry},
		{d->on_success ? &d->on_success->conditions : NULL, stage->success},
		{d->on_failure ? &d->on_failure->conditions : NULL, stage->failure},
	};
	const struct codepipeline_rule_declaration *found = NULL;

	for (size_t i = 0; !found && i < ARRAY_SIZE(pairs); i++)
		found = find_in(&pairs[i], id);
	return found;
}

static struct towpath_pipeline_rule_run *rule_in(
	const struct towpath_pipeline_condition_run *c, const char *id)
{
	for (size_t i = 0; c && i < c->rules.n; i++)
		if (streq(c->rules.v[i].id, id))
			return &c->rules.v[i];
	return NULL;
}

struct towpath_pipeline_rule_run *flow_rule_run(
	const struct towpath_pipeline_stage_run *stage, const char *id)
{
	struct towpath_pipeline_rule_run *r = rule_in(stage->entry, id);

	if (!r)
		r = rule_in(stage->success, id);
	return r ? r : rule_in(stage->failure, id);
}

const char *flow_rule_condition(const struct towpath_pipeline_stage_run *stage, const char *id)
{
	if (rule_in(stage->entry, id))
		return CODEPIPELINE_CONDITION_TYPE_BEFORE_ENTRY;
	if (rule_in(stage->success, id))
		return CODEPIPELINE_CONDITION_TYPE_ON_SUCCESS;
	return rule_in(stage->failure, id) ? "ON_FAILURE" : NULL;
}

void flow_start_rule(struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage,
	struct towpath_pipeline_rule_run *ret, const struct codepipeline_rule_declaration *rule,
	bool settled)
{
	const struct codepipeline_action_declaration *action = flow_rule_action(rule, f->arena);
	struct codepipeline_action_execution_detail *d = new_detail(f, fr, stage->name, action);
	struct err err CLEANUP_ERR = ERR_INIT;
	int resolved = resolve(f, fr->run, action, &d->input->resolved_configuration, &err);

	*ret = (struct towpath_pipeline_rule_run){
		.name = rule->name,
		.id = d->action_execution_id,
		.status = CODEPIPELINE_RULE_EXECUTION_STATUS_INPROGRESS,
		.time = WIRE_SET_TIME(f->now),
	};
	push_start(f, fr, 1, settled || resolved < 0, action, d);
	if (resolved < 0)
		flow_end_rule(f, fr, stage, ret,
			&(struct flow_end){
				.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_FAILED,
				.code = "ConfigurationError",
				.message = arena_strdup(f->arena, err_message(&err)),
			});
}

bool flow_end_rule(struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage,
	struct towpath_pipeline_rule_run *rule, const struct flow_end *end)
{
	if (!streq(rule->status, CODEPIPELINE_RULE_EXECUTION_STATUS_INPROGRESS))
		return false;
	rule->status = end->status; /* the same words for actions and rules */
	rule->code = end->code;
	rule->summary = end->message ? end->message : end->summary;
	rule->time = WIRE_SET_TIME(f->now);
	fr->run->update_time = WIRE_SET_TIME(f->now);
	fr->dirty = true;
	vec_push(&f->effects, (struct flow_effect){
				      .kind = FLOW_ACTION_ENDED,
				      .run = fr->run,
				      .stage = stage->name,
				      .action_id = rule->id,
				      .end = *end,
			      });
	return true;
}
