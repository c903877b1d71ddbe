/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on actions: approvals, the history of executions, action types. */
#include "pipeline/custom_type.h"
#include "pipeline/engine.h"
#include "pipeline/secret_value.h"
#include "pipeline/status.h"
#include "pipeline/view_state.h"
#include "store/pipeline_type.h"

/* ---- PutApprovalResult ---- */

struct approval {
	struct pipeline_engine *e;
	struct call *call;
	const struct codepipeline_put_approval_result_request *req;
	int64_t time_usec;
};

static int bad_token(const char *why, struct err *err)
{
	return err_set_wire(err, "InvalidApprovalTokenException",
		"The approval token is not valid: %s. The token of a pending approval is shown by "
		"GetPipelineState",
		why);
}

static int check_names(const struct flow *f,
	const struct codepipeline_put_approval_result_request *req, struct err *err)
{
	const struct codepipeline_stage_declaration *stage =
		flow_stage_declaration(f->pipeline.declaration, req->stage_name);

	if (!stage)
		return pipeline_stage_not_found(f->pipeline.name, req->stage_name, err);
	if (!flow_action_declaration(stage, req->action_name))
		return err_set_wire(err, "ActionNotFoundException",
			"Stage '%s' of pipeline '%s' does not have an action with name '%s'",
			req->stage_name, f->pipeline.name, req->action_name);
	return 0;
}

/* The approval of this token, if it belongs to this action. */
static int find_approval(struct flow *f, struct db_tx *tx,
	const struct codepipeline_put_approval_result_request *req,
	struct store_pipeline_action *ret, struct err *err)
{
	int found = store_pipeline_action_get(tx, req->token, f->arena, ret, err);

	if (found < 0)
		return -1;
	if (!found || !streq(ret->pipeline_id, f->pipeline.id) ||
		!streq(ret->detail->stage_name, req->stage_name) ||
		!streq(ret->detail->action_name, req->action_name) ||
		!streq(ret->detail->input->action_type_id->category, "Approval"))
		return bad_token("no approval of this action has it", err);
	return 0;
}

static int check_open(const struct store_pipeline_action *row, struct err *err)
{
	const struct codepipeline_action_execution_detail *d = row->detail;

	if (streq(d->status, CODEPIPELINE_ACTION_EXECUTION_STATUS_INPROGRESS))
		return 0;
	if (d->updated_by)
		return err_set_wire(err, "ApprovalAlreadyCompletedException",
			"The approval action has already been approved or rejected");
	return bad_token(
		"the approval has expired, was abandoned, or the pipeline was updated", err);
}

static int approve_step(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	struct approval *p = arg;
	const struct codepipeline_approval_result *answer = p->req->result;
	bool approved = streq(answer->status, CODEPIPELINE_APPROVAL_STATUS_APPROVED);
	struct flow_end end = {
		.status = approved ? CODEPIPELINE_ACTION_EXECUTION_STATUS_SUCCEEDED
				   : CODEPIPELINE_ACTION_EXECUTION_STATUS_FAILED,
		.summary = answer->summary,
		.updated_by = p->call->principal_arn,
	};
	struct store_pipeline_action row;
	struct towpath_pipeline_stage_run *stage;
	struct towpath_pipeline_action_ref *ref;
	struct flow_run *fr;

	if (check_names(f, p->req, err) < 0 || find_approval(f, tx, p->req, &row, err) < 0 ||
		check_open(&row, err) < 0)
		return -1;
	ref = flow_ref_of(f, row.detail, &fr, &stage);
	if (!ref)
		return bad_token("its execution does not wait for it any more", err);
	if (!approved) {
		end.code = "Rejected";
		end.message = answer->summary && *answer->summary ? answer->summary
								  : "The approval was rejected";
	}
	flow_end_action(f, fr, stage, ref, row.detail, &end);
	p->time_usec = f->now;
	return 0;
}

int pipeline_put_approval_result(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_put_approval_result_request *req,
	struct codepipeline_put_approval_result_response *resp, struct err *err)
{
	struct approval p = {e, call, req, 0};
	struct pipeline_step step = {.name = req->pipeline_name, .fn = approve_step, .arg = &p};

	if (pipeline_step(e, &step, err) < 0)
		return -1;
	resp->approved_at = WIRE_SET_TIME(p.time_usec);
	return 0;
}

/* ---- ListActionExecutions ---- */

struct history {
	struct pipeline_engine *e;
	struct call *call;
	const char *name;
	struct store_pipeline_action_filter filter;
	struct store_pipeline_actions rows;
};

static int read_history(struct db_tx *tx, void *arg, struct err *err)
{
	struct history *h = arg;
	struct towpath_pipeline_run *run = NULL;
	const char *id;
	int found = 1;

	if (pipeline_find_id(h->e, tx, h->name, h->call->arena, &id, err) < 0)
		return -1;
	if (h->filter.run_id)
		found = store_pipeline_run_get(tx, h->filter.run_id, h->call->arena, &run, err);
	if (found < 0)
		return -1;
	if (!found || (run && !streq(run->pipeline_id, id)))
		return err_set_wire(err, "PipelineExecutionNotFoundException",
			"Pipeline '%s' does not have an execution with id '%s'", h->name,
			h->filter.run_id);
	return store_pipeline_action_list(tx, id, &h->filter, h->call->arena, &h->rows, err);
}

/* The filter of the request; false when its two halves have nothing in common. */
static bool read_filter(
	const struct pipeline_history_request *req, struct store_pipeline_action_filter *ret)
{
	const struct codepipeline_latest_in_pipeline_execution_filter *latest = req->latest;

	ret->run_id = req->execution_id;
	ret->rules = req->rules;
	if (!latest)
		return true;
	ret->latest_only = streq(latest->start_time_range, CODEPIPELINE_START_TIME_RANGE_LATEST);
	if (ret->run_id)
		return streq(ret->run_id, latest->pipeline_execution_id);
	ret->run_id = latest->pipeline_execution_id;
	return true;
}

int pipeline_history(struct pipeline_engine *e, struct call *call,
	const struct pipeline_history_request *req, struct store_pipeline_actions *ret,
	const char **ret_token, struct err *err)
{
	struct history h = {.e = e, .call = call, .name = req->pipeline};
	size_t limit = (size_t)wire_or(req->max_results, 100), n;
	bool any = read_filter(req, &h.filter);
	const char *scope = arena_printf(call->arena, "%s%s/%s/%d", req->rules ? "rules " : "",
		req->pipeline, h.filter.run_id ? h.filter.run_id : "", h.filter.latest_only);

	h.filter.limit = limit + 1;
	if (pipeline_page_number(req->token, scope, &h.filter.before, err) < 0 ||
		db_read(durable_db(e->durable), read_history, &h, err) < 0)
		return -1;
	n = any ? MIN(h.rows.n, limit) : 0;
	if (any && h.rows.n > limit)
		*ret_token = pipeline_page_token(h.rows.v[n - 1].number, scope, call->arena);
	*ret = (struct store_pipeline_actions){h.rows.v, n};
	return 0;
}

int pipeline_list_action_executions(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_list_action_executions_request *req,
	struct codepipeline_list_action_executions_response *resp, struct err *err)
{
	const struct pipeline_history_request wanted = {
		.pipeline = req->pipeline_name,
		.execution_id = req->filter ? req->filter->pipeline_execution_id : NULL,
		.latest = req->filter ? req->filter->latest_in_pipeline_execution : NULL,
		.token = req->next_token,
		.max_results = req->max_results,
	};
	struct store_pipeline_actions rows;

	if (pipeline_history(e, call, &wanted, &rows, &resp->next_token, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->action_execution_details, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		secret_values_mask_detail(rows.v[i].detail);
		resp->action_execution_details.v[i] = *rows.v[i].detail;
	}
	return 0;
}

/* ---- ListActionTypes ---- */

static struct codepipeline_artifact_details *counts(int min, int max, struct arena *a)
{
	struct codepipeline_artifact_details *d =
		arena_new(a, struct codepipeline_artifact_details);

	d->minimum_count = WIRE_SET_INT(min);
	d->maximum_count = WIRE_SET_INT(MIN(max, SHOWN_ARTIFACTS_MAX));
	return d;
}

/* The model shows that many keys of a type; those behind are taken all the same. */
#define PROPERTIES_MAX 10

static void describe_type(
	const struct action_provider *p, struct arena *a, struct codepipeline_action_type *ret)
{
	size_t n = MIN(p->n_keys, PROPERTIES_MAX);

	ret->id = arena_new(a, struct codepipeline_action_type_id);
	ret->id->category = p->category;
	ret->id->owner = p->owner;
	ret->id->provider = p->provider;
	ret->id->version = p->version;
	ret->settings = arena_new(a, struct codepipeline_action_type_settings);
	ret->settings->entity_url_template = p->entity_url_template;
	ret->settings->execution_url_template = p->execution_url_template;
	ret->settings->revision_url_template = p->revision_url_template;
	ret->input_artifact_details = counts(p->min_inputs, p->max_inputs, a);
	ret->output_artifact_details = counts(p->min_outputs, p->max_outputs, a);
	wire_list_alloc(a, &ret->action_configuration_properties, n);
	for (size_t i = 0; i < n; i++)
		ret->action_configuration_properties.v[i] =
			(struct codepipeline_action_configuration_property){
				.name = p->keys[i].name,
				.required = WIRE_SET_BOOL(p->keys[i].required),
				.key = WIRE_SET_BOOL(p->keys[i].required),
				.secret = WIRE_SET_BOOL(p->keys[i].secret),
				.queryable = WIRE_SET_BOOL(false),
				.description = p->keys[i].description,
				.type = CODEPIPELINE_ACTION_CONFIGURATION_PROPERTY_TYPE_STRING,
			};
}

struct custom_list {
	struct arena *a;
	struct store_documents types;
};

static int read_custom(struct db_tx *tx, void *arg, struct err *err)
{
	struct custom_list *l = arg;

	return store_document_list(
		tx, &STORE_PIPELINE_TYPE, &(struct store_document_filter){0}, l->a, &l->types, err);
}

int pipeline_list_action_types(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_list_action_types_request *req,
	struct codepipeline_list_action_types_response *resp, struct err *err)
{
	struct custom_list custom = {.a = call->arena};

	if (req->next_token)
		return err_set_wire(err, "InvalidNextTokenException",
			"The list of action types has one page only");
	if (!req->action_owner_filter ||
		streq(req->action_owner_filter, CODEPIPELINE_ACTION_OWNER_CUSTOM))
		if (db_read(durable_db(e->durable), read_custom, &custom, err) < 0)
			return -1;
	wire_list_alloc(call->arena, &resp->action_types, e->site.registry.n + custom.types.n);
	resp->action_types.n = 0;
	for (size_t i = 0; i < e->site.registry.n; i++) {
		const struct action_provider *p = e->site.registry.v[i];

		if (streq(p->category, CODEPIPELINE_RULE_CATEGORY_RULE) ||
			(req->action_owner_filter && !streq(req->action_owner_filter, p->owner)))
			continue;
		describe_type(p, call->arena, &resp->action_types.v[resp->action_types.n++]);
	}
	for (size_t i = 0; i < custom.types.n; i++)
		resp->action_types.v[resp->action_types.n++] =
			*custom_type_describe(custom.types.v[i], call->arena);
	return 0;
}
