/* SPDX-License-Identifier: Apache-2.0 */
/* What actions and rules that are builds have in common: artifacts, links, automatic retries, the
 * end. */
#include "provider/action_build.h"

#include "base/mem.h"
#include "provider/build_explain.h"

/* ---- starting ---- */

void action_build_pipeline(
	const struct action_run *run, const char *primary, struct towpath_build_pipeline *p)
{
	*p = (struct towpath_build_pipeline){
		.action_token = run->id,
		.execution_id = run->execution_id,
		.pipeline_name = run->pipeline,
		.primary_input = primary	 ? primary
				 : run->n_inputs ? run->inputs[0].name
						 : NULL,
	};
	wire_list_alloc(run->arena, &p->inputs, run->n_inputs);
	for (size_t i = 0; i < run->n_inputs; i++)
		p->inputs.v[i] = (struct towpath_build_input){
			.name = run->inputs[i].name,
			.bucket = run->inputs[i].bucket,
			.key = run->inputs[i].key,
			.revision_id = run->inputs[i].revision_id,
		};
	wire_list_alloc(run->arena, &p->outputs, run->n_outputs);
	for (size_t i = 0; i < run->n_outputs; i++)
		p->outputs.v[i] = (struct towpath_build_output){
			.name = run->outputs[i].name,
			.bucket = run->outputs[i].bucket,
			.key = run->outputs[i].key,
		};
}

static void fill_links(
	const struct action_run *run, const struct codebuild_build *b, struct action_result *ret)
{
	ret->external_id = b->id;
	ret->external_url = arena_printf(run->arena,
		"https://console.aws.amazon.com/codebuild/home?region=%s#/builds/%s/view/new",
		run->region, b->id);
	if (b->logs)
		ret->log_stream_arn = b->logs->cloud_watch_logs_arn;
}

int action_build_start(struct action_world *w, const struct action_run *run,
	const struct action_build *wish, struct action_result *ret, struct err *err)
{
	struct call call = action_call(run);
	struct codebuild_start_build_response resp = {0};
	struct towpath_build_pipeline pipeline;

	action_build_pipeline(run, wish->primary_input, &pipeline);
	pipeline.acts_as_pipeline = WIRE_SET_BOOL(wish->acts_as_pipeline);
	if (build_start_for_pipeline(w->build, &call, wish->request, &pipeline, &resp, err) < 0)
		return action_sibling_failed(
			run, ret, "JobFailed", "Error calling startBuild: ", err);
	fill_links(run, resp.build, ret);
	return 0;
}

/* ---- automatic retries ---- */

static int load_build(struct action_world *w, const struct action_run *run, const char *id,
	const struct codebuild_build **ret, struct err *err)
{
	struct call call = action_call(run);
	struct codebuild_batch_get_builds_request req = {0};
	struct codebuild_batch_get_builds_response resp = {0};

	wire_list_alloc(run->arena, &req.ids, 1);
	req.ids.v[0] = id;
	if (build_batch_get_builds(w->build, &call, &req, &resp, err) < 0)
		return -1;
	*ret = resp.builds.n ? &resp.builds.v[0] : NULL;
	return 0;
}

/* The build that works for the action now: its own, or the last of the automatic retries that
 * followed it. NULL when it does not exist any more. */
static int load_last(struct action_world *w, const struct action_run *run,
	const struct codebuild_build **ret, struct err *err)
{
	const char *id = run->external_id;

	while (id) {
		if (load_build(w, run, id, ret, err) < 0)
			return -1;
		id = *ret && (*ret)->auto_retry_config ? (*ret)->auto_retry_config->next_auto_retry
						       : NULL;
	}
	return 0;
}

static int retry_number(const struct codebuild_build *b)
{
	return b->auto_retry_config ? wire_or(b->auto_retry_config->auto_retry_number, 0) : 0;
}

static const char *retry_text(
	const struct action_run *run, const struct codebuild_build *b, const char *verb)
{
	return arena_printf(run->arena, "%s automatic retry %d of %d", verb, retry_number(b),
		wire_or(b->auto_retry_config->auto_retry_limit, 0));
}

/* ---- looking ---- */

static void succeed(
	const struct action_run *run, const struct codebuild_build *b, struct action_result *ret)
{
	const struct codebuild_exported_environment_variables *list =
		&b->exported_environment_variables;

	ret->outcome = ACTION_SUCCEEDED;
	if (retry_number(b))
		ret->summary = retry_text(run, b, "Succeeded with");
	wire_list_alloc(run->arena, &ret->variables, list->n);
	for (size_t i = 0; i < list->n; i++) {
		ret->variables.v[i].key = list->v[i].name;
		ret->variables.v[i].value = list->v[i].value ? list->v[i].value : "";
	}
}

int action_build_check(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	const struct codebuild_build *b = NULL;

	if (load_last(w, run, &b, err) < 0)
		return -1;
	if (!b)
		return action_fail(run, ret, "JobFailed", "Build %s does not exist any more",
			run->external_id);
	fill_links(run, b, ret);
	if (!wire_or(b->build_complete, false)) {
		if (retry_number(b))
			ret->summary = retry_text(run, b, "Under way:");
		return 0;
	}
	if (streq(b->build_status, CODEBUILD_STATUS_TYPE_SUCCEEDED)) {
		succeed(run, b, ret);
		return 0;
	}
	action_fail(run, ret, "JobFailed", "%s", build_explain(b, run->arena));
	ret->summary = ret->error_message;
	return 0;
}

void action_build_stop(void *arg, const struct action_run *run)
{
	struct action_world *w = arg;
	struct call call = action_call(run);
	struct codebuild_stop_build_request req = {.id = run->external_id};
	struct codebuild_stop_build_response resp = {0};
	const struct codebuild_build *b = NULL;

	if (load_last(w, run, &b, NULL) == 0 && b)
		req.id = b->id;
	build_stop_build(w->build, &call, &req, &resp, NULL);
}

const char *action_build_correlate(void *arg, const struct journal_entry *e, struct arena *a)
{
	struct towpath_event_build b;

	(void)arg;
	if (wire_decode_json(&towpath_event_build_shape, view_of(e->detail), a, &b, NULL) < 0 ||
		streq(b.build_status, CODEBUILD_STATUS_TYPE_IN_PROGRESS))
		return NULL;
	return b.build_id;
}

const char *const action_build_kinds[] = {"codebuild.build", NULL};
