/* SPDX-License-Identifier: Apache-2.0 */
/* Build, Test and Rule / CodeBuild: a build of a project with the pipeline's artifacts. */
#include "base/mem.h"
#include "provider/action_world.h"
#include "provider/build_explain.h"

#define HOUR (INT64_C(3600) * USEC_PER_SEC)

static const struct action_key keys[] = {
	{"ProjectName", true, false, "The CodeBuild project"},
	{"PrimarySource", false, false,
		"With several input artifacts: the one that holds the buildspec"},
	{"EnvironmentVariables", false, false,
		"JSON array of {name, value, type}; overrides the project's variables"},
	{"BatchEnabled", false, false, "false (batches are not available in pipelines)"},
	{"CombineArtifacts", false, false, "Only with batches"},
};

#define DECLARATION "InvalidActionDeclarationException"

static bool is_input(const struct codepipeline_action_declaration *action, const char *name)
{
	wire_foreach (in, &action->input_artifacts)
		if (streq(in->name, name))
			return true;
	return false;
}

static int validate(void *arg, const struct codepipeline_action_declaration *action,
	struct arena *a, struct err *err)
{
	const char *primary = action_setting(action, "PrimarySource");

	(void)arg;
	(void)a;
	if (action_flag(action_setting(action, "BatchEnabled"), false))
		return err_set_wire(err, DECLARATION,
			"Action configuration for action '%s': BatchEnabled is not available",
			action->name);
	if (action->input_artifacts.n > 1 && !primary)
		return err_set_wire(err, DECLARATION,
			"Action configuration for action '%s' is missing required configuration "
			"'PrimarySource': the action has several input artifacts",
			action->name);
	if (primary && !action_value_is_variable(primary) && !is_input(action, primary))
		return err_set_wire(err, DECLARATION,
			"Action configuration for action '%s': PrimarySource '%s' is no input "
			"artifact "
			"of the action",
			action->name, primary);
	return 0;
}

/* ---- starting ---- */

static void fill_pipeline(const struct action_run *run, struct towpath_build_pipeline *p)
{
	const char *primary = action_run_setting(run, "PrimarySource");

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

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	const char *variables = action_run_setting(run, "EnvironmentVariables");
	struct call call = action_call(run);
	struct codebuild_start_build_request req = {
		.project_name = action_run_setting(run, "ProjectName"),
		.idempotency_token = run->id};
	struct codebuild_start_build_response resp = {0};
	struct towpath_build_pipeline pipeline;

	if (variables &&
		wire_decode_json(&codebuild_environment_variables_shape, view_of(variables),
			run->arena, &req.environment_variables_override, err) < 0)
		return action_sibling_failed(run, ret, "InvalidActionConfiguration",
			"EnvironmentVariables is not a JSON array of {name, value, type} (a "
			"variable "
			"put in with quotes or line ends breaks it): ",
			err);
	fill_pipeline(run, &pipeline);
	if (build_start_for_pipeline(w->build, &call, &req, &pipeline, &resp, err) < 0)
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

static int check(
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

static void stop(void *arg, const struct action_run *run)
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

static const char *correlate(void *arg, const struct journal_entry *e, struct arena *a)
{
	struct towpath_event_build b;

	(void)arg;
	if (wire_decode_json(&towpath_event_build_shape, view_of(e->detail), a, &b, NULL) < 0 ||
		streq(b.build_status, CODEBUILD_STATUS_TYPE_IN_PROGRESS))
		return NULL;
	return b.build_id;
}

static const char *entity_url(void *arg, const struct codepipeline_action_declaration *action,
	const char *region, struct arena *a)
{
	(void)arg;
	return arena_printf(a,
		"https://console.aws.amazon.com/codebuild/home?region=%s#/projects/%s/view", region,
		action_setting(action, "ProjectName"));
}

static const char *const kinds[] = {"codebuild.build", NULL};

#define CODEBUILD(category_name, hours)                                                     \
	{                                                                                   \
		.category = category_name, .provider = "CodeBuild", .min_inputs = 1,        \
		.max_inputs = 5, .max_outputs = 5, ACTION_KEYS(keys),                       \
		.timeout_usec = (hours)*HOUR, .journal_kinds = kinds, .validate = validate, \
		.start = start, .check = check, .stop = stop, .correlate = correlate,       \
		.entity_url = entity_url,                                                   \
	}

const struct action_provider action_codebuild_build = CODEBUILD("Build", 36);
const struct action_provider action_codebuild_test = CODEBUILD("Test", 8);
const struct action_provider rule_codebuild = CODEBUILD(CODEPIPELINE_RULE_CATEGORY_RULE, 8);
