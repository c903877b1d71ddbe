/* SPDX-License-Identifier: Apache-2.0 */
/* Build, Test and Rule / CodeBuild: a build, or a batch of builds, of a project with the pipeline's
 * artifacts. */
#include "base/mem.h"
#include "provider/action_batch.h"

#define HOUR (INT64_C(3600) * USEC_PER_SEC)

static const struct action_key keys[] = {
	{"ProjectName", true, false, "The CodeBuild project"},
	{"PrimarySource", false, false,
		"With several input artifacts: the one that holds the buildspec"},
	{"EnvironmentVariables", false, false,
		"JSON array of {name, value, type}; overrides the project's variables"},
	{"BatchEnabled", false, false, "true: the action is a batch of builds"},
	{"CombineArtifacts", false, false,
		"true: the files of a batch's builds go together, not a folder a build"},
};

#define DECLARATION "InvalidActionDeclarationException"

static bool is_input(const struct codepipeline_action_declaration *action, const char *name)
{
	wire_foreach (in, &action->input_artifacts)
		if (streq(in->name, name))
			return true;
	return false;
}

static int check_batch(const struct codepipeline_action_declaration *action, struct err *err)
{
	bool batch = action_flag(action_setting(action, "BatchEnabled"), false);

	if (!action_flag(action_setting(action, "CombineArtifacts"), false))
		return 0;
	if (!batch)
		return err_set_wire(err, DECLARATION,
			"Action configuration for action '%s': CombineArtifacts needs BatchEnabled "
			"true",
			action->name);
	if (action->output_artifacts.n > 1)
		return err_set_wire(err, DECLARATION,
			"Action configuration for action '%s': with CombineArtifacts the action "
			"has one output artifact",
			action->name);
	return 0;
}

static int validate(void *arg, const struct codepipeline_action_declaration *action,
	struct arena *a, struct err *err)
{
	const char *primary = action_setting(action, "PrimarySource");

	(void)arg;
	(void)a;
	if (check_batch(action, err) < 0)
		return -1;
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

static bool is_batch(const struct action_run *run)
{
	return action_flag(action_run_setting(run, "BatchEnabled"), false);
}

static int start_single(struct action_world *w, const struct action_run *run,
	const struct codebuild_environment_variables *variables, struct action_result *ret,
	struct err *err)
{
	struct codebuild_start_build_request req = {
		.project_name = action_run_setting(run, "ProjectName"),
		.idempotency_token = run->id,
		.environment_variables_override = *variables};
	const struct action_build wish = {
		.request = &req, .primary_input = action_run_setting(run, "PrimarySource")};

	return action_build_start(w, run, &wish, ret, err);
}

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	const char *text = action_run_setting(run, "EnvironmentVariables");
	struct codebuild_environment_variables variables = {0};

	if (text && wire_decode_json(&codebuild_environment_variables_shape, view_of(text),
			    run->arena, &variables, err) < 0)
		return action_sibling_failed(run, ret, "InvalidActionConfiguration",
			"EnvironmentVariables is not a JSON array of {name, value, type} (a "
			"variable "
			"put in with quotes or line ends breaks it): ",
			err);
	return is_batch(run) ? action_batch_start(arg, run, &variables, ret, err)
			     : start_single(arg, run, &variables, ret, err);
}

static int check(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	return is_batch(run) ? action_batch_check(arg, run, ret, err)
			     : action_build_check(arg, run, ret, err);
}

static void stop(void *arg, const struct action_run *run)
{
	if (is_batch(run))
		action_batch_stop(arg, run);
	else
		action_build_stop(arg, run);
}

static const char *correlate(void *arg, const struct journal_entry *e, struct arena *a)
{
	return streq(e->kind, "codebuild.batch") ? action_batch_correlate(e, a)
						 : action_build_correlate(arg, e, a);
}

static const char *const kinds[] = {"codebuild.build", "codebuild.batch", NULL};

static const char *entity_url(void *arg, const struct codepipeline_action_declaration *action,
	const char *region, struct arena *a)
{
	(void)arg;
	return arena_printf(a,
		"https://console.aws.amazon.com/codebuild/home?region=%s#/projects/%s/view", region,
		action_setting(action, "ProjectName"));
}

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
