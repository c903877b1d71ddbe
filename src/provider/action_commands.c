/* SPDX-License-Identifier: Apache-2.0 */
/* Compute and Rule / Commands: shell commands in a build's isolated environment, without a project
 * of the user's. Each is a build of the project COMMANDS_PROJECT whose buildspec is made of the
 * declaration: one phase, which ends with the first command that fails. */
#include "base/mem.h"
#include "codec/json.h"
#include "provider/action_build.h"
#include "provider/build_own.h"

#define COMMANDS_PROJECT "CodePipeline-commands"
#define COMMANDS_MINUTES 55
#define COMMANDS_IMAGE "aws/codebuild/amazonlinux2-x86_64-standard:5.0"

static const struct action_key keys[] = {
	{"EnvironmentType", false, false, "LINUX_CONTAINER"},
	{"ComputeType", false, false,
		"BUILD_GENERAL1_SMALL (default), BUILD_GENERAL1_MEDIUM or BUILD_GENERAL1_LARGE"},
};

static const char *const compute_types[] = {
	"BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE", NULL};
static const char *const environment_types[] = {"LINUX_CONTAINER", NULL};

/* ---- definition ---- */

static int refuse(const struct codepipeline_action_declaration *action, struct err *err,
	const char *fmt, ...) PRINTF_LIKE(3, 4);

static int refuse(
	const struct codepipeline_action_declaration *action, struct err *err, const char *fmt, ...)
{
	bool rule = streq(action->action_type_id->category, CODEPIPELINE_RULE_CATEGORY_RULE);
	struct str text CLEANUP_STR = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	return err_set_wire(err,
		rule ? "InvalidStageDeclarationException" : "InvalidActionDeclarationException",
		"%s %s %s", rule ? "Rule" : "Action", action->name, str_text(&text));
}

static int check_commands(const struct codepipeline_action_declaration *action, struct err *err)
{
	if (!action->commands.n)
		return refuse(action, err, "must have a non-empty commands field");
	for (size_t i = 0; i < action->commands.n; i++)
		if (strpbrk(action->commands.v[i], "\n\r"))
			return refuse(action, err,
				"has several lines in command %zu; multi-line commands are not "
				"supported",
				i + 1);
	return 0;
}

static int check_setting(const struct codepipeline_action_declaration *action, const char *key,
	const char *const *known, struct err *err)
{
	const char *value = action_setting(action, key);

	if (!value || action_value_is_variable(value))
		return 0;
	for (size_t i = 0; known[i]; i++)
		if (streq(known[i], value))
			return 0;
	return refuse(action, err, "has %s '%s', which is not available here", key, value);
}

static int validate(void *arg UNUSED, const struct codepipeline_action_declaration *action,
	struct arena *a UNUSED, struct err *err)
{
	if (check_commands(action, err) < 0 ||
		check_setting(action, "EnvironmentType", environment_types, err) < 0 ||
		check_setting(action, "ComputeType", compute_types, err) < 0)
		return -1;
	wire_foreach (out, &action->output_artifacts)
		if (!out->files.n)
			return refuse(action, err, "must name the files of output artifact %s",
				out->name);
	if (wire_or(action->timeout_in_minutes, 0) > COMMANDS_MINUTES)
		return refuse(action, err, "may take at most %d minutes", COMMANDS_MINUTES);
	return 0;
}

/* ---- the buildspec ---- */

static void put_texts(struct json_writer *w, const char *key, const char *const *texts, size_t n)
{
	json_key(w, key);
	json_open(w, '[');
	for (size_t i = 0; i < n; i++)
		json_put_text(w, texts[i]);
	json_close(w, ']');
}

/* As JSON, which is YAML: no text of the declaration can become a part of its structure. */
static const char *buildspec_of(const struct action_run *run)
{
	const struct codepipeline_action_declaration *d = run->declaration;
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {&text, false};

	json_open(&w, '{');
	json_put_member(&w, "version", "0.2");
	if (d->output_variables.n) {
		json_key(&w, "env");
		json_open(&w, '{');
		put_texts(&w, "exported-variables", d->output_variables.v, d->output_variables.n);
		json_close(&w, '}');
	}
	json_key(&w, "phases");
	json_open(&w, '{');
	json_key(&w, "build");
	json_open(&w, '{');
	put_texts(&w, "commands", d->commands.v, d->commands.n);
	json_close(&w, '}');
	json_close(&w, '}');
	if (run->n_outputs) {
		json_key(&w, "artifacts");
		json_open(&w, '{');
		put_texts(&w, "files", run->outputs[0].files, run->outputs[0].n_files);
		json_close(&w, '}');
	}
	json_close(&w, '}');
	return arena_strdup(run->arena, str_text(&text));
}

/* ---- starting ---- */

static int ensure_project(struct action_world *w, const struct action_run *run, struct err *err)
{
	const struct build_own own = {
		.name = COMMANDS_PROJECT,
		.description = "Runs the commands of pipelines' actions and rules",
		.image = COMMANDS_IMAGE,
		.buildspec = "version: 0.2\nphases:\n  build:\n    commands: ['true']\n",
		.role = run->role_arn,
		.minutes = COMMANDS_MINUTES,
	};
	struct call call = action_call(run);

	return build_own_ensure(w->build, &call, &own, err);
}

static void set_variables(const struct action_run *run, struct codebuild_environment_variables *ret)
{
	const struct codepipeline_environment_variable_list *from =
		&run->declaration->environment_variables;

	wire_list_alloc(run->arena, ret, from->n);
	for (size_t i = 0; i < from->n; i++)
		ret->v[i] = (struct codebuild_environment_variable){
			.name = from->v[i].name,
			.value = from->v[i].value,
			.type = from->v[i].type ? from->v[i].type : "PLAINTEXT",
		};
}

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	struct codebuild_cloud_watch_logs_config group = {.status = "ENABLED",
		.group_name = arena_printf(run->arena, "/aws/codepipeline/%s", run->pipeline)};
	struct codebuild_logs_config logs = {.cloud_watch_logs = &group};
	struct codebuild_start_build_request req = {
		.project_name = COMMANDS_PROJECT,
		.idempotency_token = run->id,
		.buildspec_override = buildspec_of(run),
		.service_role_override = run->role_arn,
		.environment_type_override = action_run_setting(run, "EnvironmentType"),
		.compute_type_override = action_run_setting(run, "ComputeType"),
		.logs_config_override = &logs,
		.timeout_in_minutes_override = WIRE_SET_INT(COMMANDS_MINUTES),
	};
	const struct action_build wish = {.request = &req, .acts_as_pipeline = true};

	set_variables(run, &req.environment_variables_override);
	if (ensure_project(w, run, err) < 0)
		return -1;
	return action_build_start(w, run, &wish, ret, err);
}

#define COMMANDS(category_name, least_inputs, most_outputs)                                \
	{                                                                                  \
		.category = category_name, .provider = "Commands", .v2_only = true,        \
		.min_inputs = least_inputs, .max_inputs = 10, .max_outputs = most_outputs, \
		ACTION_KEYS(keys), .timeout_usec = COMMANDS_MINUTES * 60 * USEC_PER_SEC,   \
		.journal_kinds = action_build_kinds, .validate = validate, .start = start, \
		.check = action_build_check, .stop = action_build_stop,                    \
		.correlate = action_build_correlate,                                       \
	}

const struct action_provider action_commands = COMMANDS(CODEPIPELINE_ACTION_CATEGORY_COMPUTE, 1, 1);
const struct action_provider rule_commands = COMMANDS(CODEPIPELINE_RULE_CATEGORY_RULE, 0, 0);
