/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on rules of stage conditions: the history of their executions, their types. */
#include "pipeline/engine.h"

/* ---- ListRuleExecutions ---- */

static void fill_type(const struct codepipeline_action_type_id *from, struct arena *a,
	struct codepipeline_rule_type_id **ret)
{
	struct codepipeline_rule_type_id *id = arena_new(a, struct codepipeline_rule_type_id);

	id->category = from->category;
	id->owner = from->owner;
	id->provider = from->provider;
	id->version = from->version;
	*ret = id;
}

static struct codepipeline_rule_execution_input *input_of(
	const struct codepipeline_action_execution_input *from, struct arena *a)
{
	struct codepipeline_rule_execution_input *in =
		arena_new(a, struct codepipeline_rule_execution_input);

	fill_type(from->action_type_id, a, &in->rule_type_id);
	in->role_arn = from->role_arn;
	in->region = from->region;
	in->input_artifacts = from->input_artifacts;
	wire_list_alloc(a, &in->configuration, from->configuration.n);
	for (size_t i = 0; i < in->configuration.n; i++) {
		in->configuration.v[i].key = from->configuration.v[i].key;
		in->configuration.v[i].value = from->configuration.v[i].value;
	}
	wire_list_alloc(a, &in->resolved_configuration, from->resolved_configuration.n);
	for (size_t i = 0; i < in->resolved_configuration.n; i++) {
		in->resolved_configuration.v[i].key = from->resolved_configuration.v[i].key;
		in->resolved_configuration.v[i].value = from->resolved_configuration.v[i].value;
	}
	return in;
}

static struct codepipeline_rule_execution_output *output_of(
	const struct codepipeline_action_execution_output *from, struct arena *a)
{
	struct codepipeline_rule_execution_output *out =
		arena_new(a, struct codepipeline_rule_execution_output);
	const struct codepipeline_action_execution_result *r = from ? from->execution_result : NULL;

	if (!r)
		return out;
	out->execution_result = arena_new(a, struct codepipeline_rule_execution_result);
	out->execution_result->external_execution_id = r->external_execution_id;
	out->execution_result->external_execution_summary = r->external_execution_summary;
	out->execution_result->external_execution_url = r->external_execution_url;
	out->execution_result->error_details = r->error_details;
	return out;
}

static void fill_detail(const struct codepipeline_action_execution_detail *d, struct arena *a,
	struct codepipeline_rule_execution_detail *ret)
{
	*ret = (struct codepipeline_rule_execution_detail){
		.pipeline_execution_id = d->pipeline_execution_id,
		.rule_execution_id = d->action_execution_id,
		.pipeline_version = d->pipeline_version,
		.stage_name = d->stage_name,
		.rule_name = d->action_name,
		.start_time = d->start_time,
		.last_update_time = d->last_update_time,
		.status = d->status,
		.updated_by = d->updated_by,
		.input = input_of(d->input, a),
		.output = output_of(d->output, a),
	};
}

int pipeline_list_rule_executions(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_list_rule_executions_request *req,
	struct codepipeline_list_rule_executions_response *resp, struct err *err)
{
	const struct pipeline_history_request wanted = {
		.pipeline = req->pipeline_name,
		.rules = true,
		.execution_id = req->filter ? req->filter->pipeline_execution_id : NULL,
		.latest = req->filter ? req->filter->latest_in_pipeline_execution : NULL,
		.token = req->next_token,
		.max_results = req->max_results,
	};
	struct store_pipeline_actions rows;

	if (pipeline_history(e, call, &wanted, &rows, &resp->next_token, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->rule_execution_details, rows.n);
	for (size_t i = 0; i < rows.n; i++)
		fill_detail(rows.v[i].detail, call->arena, &resp->rule_execution_details.v[i]);
	return 0;
}

/* ---- ListRuleTypes ---- */

static const struct action_key variable_check_keys[] = {
	{"Variable", true, false, "Text with a variable, such as #{SourceVariables.BranchName}"},
	{"Value", true, false, "What it is compared with"},
	{"Operator", true, false, "EQ, NE, CONTAINS or MATCHES"},
};

/* Decided by the engine itself (condition.c). */
static const struct action_provider variable_check = {
	.category = CODEPIPELINE_RULE_CATEGORY_RULE,
	.owner = "AWS",
	.provider = "VariableCheck",
	.version = "1",
	.keys = variable_check_keys,
	.n_keys = ARRAY_SIZE(variable_check_keys),
};

static void describe(
	const struct action_provider *p, struct arena *a, struct codepipeline_rule_type *ret)
{
	const struct codepipeline_action_type_id id = {
		.category = p->category,
		.owner = p->owner,
		.provider = p->provider,
		.version = p->version,
	};

	fill_type(&id, a, &ret->id);
	ret->settings = arena_new(a, struct codepipeline_rule_type_settings);
	ret->input_artifact_details = arena_new(a, struct codepipeline_artifact_details);
	ret->input_artifact_details->minimum_count = WIRE_SET_INT(p->min_inputs);
	ret->input_artifact_details->maximum_count =
		WIRE_SET_INT(MIN(p->max_inputs, SHOWN_ARTIFACTS_MAX));
	wire_list_alloc(a, &ret->rule_configuration_properties, p->n_keys);
	for (size_t i = 0; i < p->n_keys; i++)
		ret->rule_configuration_properties.v[i] =
			(struct codepipeline_rule_configuration_property){
				.name = p->keys[i].name,
				.required = WIRE_SET_BOOL(p->keys[i].required),
				.key = WIRE_SET_BOOL(p->keys[i].required),
				.secret = WIRE_SET_BOOL(p->keys[i].secret),
				.queryable = WIRE_SET_BOOL(false),
				.description = p->keys[i].description,
				.type = CODEPIPELINE_RULE_CONFIGURATION_PROPERTY_TYPE_STRING,
			};
}

int pipeline_list_rule_types(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_list_rule_types_request *req UNUSED,
	struct codepipeline_list_rule_types_response *resp, struct err *err UNUSED)
{
	const struct action_registry *registry = &e->site.registry;

	wire_list_alloc(call->arena, &resp->rule_types, registry->n + 1);
	resp->rule_types.n = 0;
	describe(&variable_check, call->arena, &resp->rule_types.v[resp->rule_types.n++]);
	for (size_t i = 0; i < registry->n; i++)
		if (streq(registry->v[i]->category, CODEPIPELINE_RULE_CATEGORY_RULE))
			describe(registry->v[i], call->arena,
				&resp->rule_types.v[resp->rule_types.n++]);
	return 0;
}
