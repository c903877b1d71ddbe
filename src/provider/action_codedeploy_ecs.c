/* SPDX-License-Identifier: Apache-2.0 */
/* Deploy / CodeDeployToECS: a task definition and an AppSpec are made from templates and images,
 * registered and deployed to a container service. */
#include "base/limits.h"
#include "base/mem.h"
#include "codec/json.h"
#include "provider/action_deployment.h"

#define TIMEOUT_USEC (INT64_C(10) * 86400 * USEC_PER_SEC)
#define TEMPLATE_MAX (3 * MIB)
#define DETAIL_MAX (100 * KIB)
#define IMAGES 4
#define DECLARATION "InvalidActionDeclarationException"

static const struct action_key keys[] = {
	{"ApplicationName", true, false, "The CodeDeploy application"},
	{"DeploymentGroupName", true, false, "The deployment group"},
	{"TaskDefinitionTemplateArtifact", true, false, "Artifact that holds the task definition"},
	{"AppSpecTemplateArtifact", true, false, "Artifact that holds the AppSpec"},
	{"TaskDefinitionTemplatePath", false, false, "File of the task definition (taskdef.json)"},
	{"AppSpecTemplatePath", false, false, "File of the AppSpec (appspec.yaml)"},
	{"Image1ArtifactName", false, false, "Artifact with the first imageDetail.json"},
	{"Image1ContainerName", false, false, "Its placeholder in the task definition, without <>"},
	{"Image2ArtifactName", false, false, "Artifact with the second imageDetail.json"},
	{"Image2ContainerName", false, false, "Its placeholder in the task definition, without <>"},
	{"Image3ArtifactName", false, false, "Artifact with the third imageDetail.json"},
	{"Image3ContainerName", false, false, "Its placeholder in the task definition, without <>"},
	{"Image4ArtifactName", false, false, "Artifact with the fourth imageDetail.json"},
	{"Image4ContainerName", false, false, "Its placeholder in the task definition, without <>"},
};

static const char *image_key(struct arena *a, int i, const char *what)
{
	return arena_printf(a, "Image%d%s", i, what);
}

/* ---- at the definition ---- */

static int check_artifact(
	const struct codepipeline_action_declaration *action, const char *key, struct err *err)
{
	const char *name = action_setting(action, key);

	if (!name || action_value_is_variable(name))
		return 0;
	wire_foreach (in, &action->input_artifacts)
		if (streq(in->name, name))
			return 0;
	return err_set_wire(err, DECLARATION,
		"Action configuration for action '%s': %s '%s' is no input artifact of the action",
		action->name, key, name);
}

static int validate(void *arg, const struct codepipeline_action_declaration *action,
	struct arena *a, struct err *err)
{
	(void)arg;
	if (check_artifact(action, "TaskDefinitionTemplateArtifact", err) < 0 ||
		check_artifact(action, "AppSpecTemplateArtifact", err) < 0)
		return -1;
	for (int i = 1; i <= IMAGES; i++) {
		const char *artifact = image_key(a, i, "ArtifactName");
		const char *container = image_key(a, i, "ContainerName");

		if (!action_setting(action, artifact) != !action_setting(action, container))
			return err_set_wire(err, DECLARATION,
				"Action configuration for action '%s': %s and %s go together",
				action->name, artifact, container);
		if (check_artifact(action, artifact, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- making ---- */

/* Every `what` in the text becomes `by`. *ret_n: how many. */
static void replace(struct str *text, const char *what, const char *by, size_t *ret_n)
{
	struct str out = STR_INIT;
	const char *at = str_text(text), *hit;

	*ret_n = 0;
	while ((hit = strstr(at, what))) {
		str_add_n(&out, at, (size_t)(hit - at));
		str_add(&out, by);
		at = hit + strlen(what);
		(*ret_n)++;
	}
	str_add(&out, at);
	str_release(text);
	*text = out;
}

static int read_image(struct action_world *w, const struct action_run *run, const char *artifact,
	const char **ret_uri, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	const struct json_node *root;

	if (action_artifact_text(w, run, artifact, "imageDetail.json", DETAIL_MAX, &text, err) < 0)
		return -1;
	if (json_parse(str_view(&text), run->arena, &root, err) < 0)
		return err_wrap(err, "imageDetail.json of the artifact %s", artifact);
	*ret_uri = json_member_text(root, "ImageURI");
	if (!*ret_uri || strpbrk(*ret_uri, "\"\\\n"))
		return err_set(err, ERR_INVALID,
			"imageDetail.json of the artifact %s has no text ImageURI", artifact);
	return 0;
}

static int put_images(struct action_world *w, const struct action_run *run, struct str *definition,
	struct err *err)
{
	for (int i = 1; i <= IMAGES; i++) {
		const char *artifact =
			action_run_setting(run, image_key(run->arena, i, "ArtifactName"));
		const char *name =
			action_run_setting(run, image_key(run->arena, i, "ContainerName"));
		const char *uri, *placeholder;
		size_t n;

		if (!artifact || !name)
			continue;
		placeholder = arena_printf(run->arena, "<%s>", name);
		if (read_image(w, run, artifact, &uri, err) < 0)
			return -1;
		replace(definition, placeholder, uri, &n);
		if (!n)
			return err_set(err, ERR_INVALID,
				"The task definition has no placeholder %s, which %s names",
				placeholder, image_key(run->arena, i, "ContainerName"));
	}
	return 0;
}

static int read_template(struct action_world *w, const struct action_run *run,
	const char *artifact_key, const char *path_key, const char *path, const char *what,
	struct str *ret, struct err *err)
{
	const char *artifact = action_run_setting(run, artifact_key);
	const char *given = action_run_setting(run, path_key);

	if (action_artifact_text(w, run, artifact, given ? given : path, TEMPLATE_MAX, ret, err) <
		0)
		return err_wrap(err, "Exception while trying to read the %s artifact file from: %s",
			what, artifact);
	return 0;
}

/* The AppSpec, with the registered task definition in it. */
static int prepare(
	struct action_world *w, const struct action_run *run, struct str *ret, struct err *err)
{
	struct str definition CLEANUP_STR = STR_INIT;
	const char *arn;
	size_t n;

	if (read_template(w, run, "TaskDefinitionTemplateArtifact", "TaskDefinitionTemplatePath",
		    "taskdef.json", "task definition", &definition, err) < 0 ||
		read_template(w, run, "AppSpecTemplateArtifact", "AppSpecTemplatePath",
			"appspec.yaml", "AppSpec", ret, err) < 0 ||
		put_images(w, run, &definition, err) < 0)
		return -1;
	if (fleet_task_definition_register(w->fleet, str_view(&definition), run->id, run->role_arn,
		    run->arena, &arn, err) < 0)
		return err_wrap(err, "The task definition cannot be registered");
	replace(ret, "<TASK_DEFINITION>", arn, &n);
	if (!n)
		return err_set(err, ERR_INVALID,
			"The AppSpec has no placeholder <TASK_DEFINITION>: write TaskDefinition: "
			"<TASK_DEFINITION>");
	return 0;
}

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	struct str appspec CLEANUP_STR = STR_INIT;
	struct codedeploy_app_spec_content content = {0};
	struct codedeploy_revision_location revision = {
		.revision_type = CODEDEPLOY_REVISION_LOCATION_TYPE_APPSPECCONTENT,
		.app_spec_content = &content};

	if (!w->fleet)
		return action_fail(
			run, ret, "ConfigurationError", "This server runs no container services");
	if (prepare(w, run, &appspec, err) < 0)
		return action_sibling_failed(run, ret, "ConfigurationError", "", err);
	content.content = str_text(&appspec);
	return action_deployment_create(w, run, &revision, ret, err);
}

const struct action_provider action_codedeploy_ecs = {
	.category = "Deploy",
	.provider = "CodeDeployToECS",
	.min_inputs = 1,
	.max_inputs = 5,
	ACTION_KEYS(keys),
	.timeout_usec = TIMEOUT_USEC,
	.journal_kinds = action_deployment_kinds,
	.validate = validate,
	.start = start,
	.check = action_deployment_check,
	.stop = action_deployment_stop,
	.correlate = action_deployment_correlate,
	.entity_url = action_deployment_url,
};
