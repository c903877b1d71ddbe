/* SPDX-License-Identifier: Apache-2.0 */
/* Build, Test and Rule / CodeBuild: a build of a project with the pipeline's artifacts. */
#include "base/mem.h"
#include "provider/action_build.h"

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

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	const char *variables = action_run_setting(run, "EnvironmentVariables");
	struct codebuild_start_build_request req = {
		.project_name = action_run_setting(run, "ProjectName"),
		.idempotency_token = run->id};
	const struct action_build wish = {
		.request = &req, .primary_input = action_run_setting(run, "PrimarySource")};

	if (variables &&
		wire_decode_json(&codebuild_environment_variables_shape, view_of(variables),
			run->arena, &req.environment_variables_override, err) < 0)
		return action_sibling_failed(run, ret, "InvalidActionConfiguration",
			"EnvironmentVariables is not a JSON array of {name, value, type} (a "
			"variable "
			"put in with quotes or line ends breaks it): ",
			err);
	return action_build_start(w, run, &wish, ret, err);
}

static const char *entity_url(void *arg, const struct codepipeline_action_declaration *action,
	const char *region, struct arena *a)
{
	(void)arg;
	return arena_printf(a,
		"https://console.aws.amazon.com/codebuild/home?region=%s#/projects/%s/view", region,
		action_setting(action, "ProjectName"));
}

#define CODEBUILD(category_name, hours)                                              \
	{                                                                            \
		.category = category_name, .provider = "CodeBuild", .min_inputs = 1, \
		.max_inputs = 5, .max_outputs = 5, ACTION_KEYS(keys),                \
		.timeout_usec = (hours)*HOUR, .journal_kinds = action_build_kinds,   \
		.validate = validate, .start = start, .check = action_build_check,   \
		.stop = action_build_stop, .correlate = action_build_correlate,      \
		.entity_url = entity_url,                                            \
	}

const struct action_provider action_codebuild_build = CODEBUILD("Build", 36);
const struct action_provider action_codebuild_test = CODEBUILD("Test", 8);
const struct action_provider rule_codebuild = CODEBUILD(CODEPIPELINE_RULE_CATEGORY_RULE, 8);
