/* SPDX-License-Identifier: Apache-2.0 */
/* Deploy / ECS: a rolling update of a container service to new images. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "codec/json.h"
#include "provider/action_world.h"

#define MINUTE (INT64_C(60) * USEC_PER_SEC)
#define LIMIT_MINUTES 60
#define FILE_MAX (100 * KIB)
#define DECLARATION "InvalidActionDeclarationException"

static const struct action_key keys[] = {
	{"ClusterName", true, false, "The cluster"},
	{"ServiceName", true, false, "The service; its deployment controller is ECS"},
	{"FileName", false, false, "The file of image definitions (imagedefinitions.json)"},
	{"DeploymentTimeout", false, false, "Minutes until the action fails, 1 to 60 (60)"},
};

static bool timeout_of(const char *value, int *ret)
{
	char *end;
	long minutes;

	*ret = LIMIT_MINUTES;
	if (!value)
		return true;
	minutes = strtol(value, &end, 10);
	*ret = (int)minutes;
	return *value && !*end && minutes >= 1 && minutes <= LIMIT_MINUTES;
}

static int validate(void *arg, const struct codepipeline_action_declaration *action,
	struct arena *a, struct err *err)
{
	const char *value = action_setting(action, "DeploymentTimeout");
	int minutes;

	(void)arg;
	(void)a;
	if (action_value_is_variable(value) || timeout_of(value, &minutes))
		return 0;
	return err_set_wire(err, DECLARATION,
		"Action configuration for action '%s': DeploymentTimeout '%s' must be a number of "
		"minutes from 1 to 60",
		action->name, value);
}

/* ---- starting ---- */

static struct ecs_container_definition *find_container(
	const struct ecs_task_definition *d, const char *name)
{
	wire_foreach (c, &d->container_definitions)
		if (streq(c->name, name))
			return c;
	return NULL;
}

/* [{"name": CONTAINER, "imageUri": IMAGE}, ...] into the task definition. */
static int put_images(struct action_world *w, const struct action_run *run,
	struct ecs_task_definition *d, struct err *err)
{
	const char *file = action_run_setting(run, "FileName");
	struct str text CLEANUP_STR = STR_INIT;
	const struct json_node *list;

	file = file ? file : "imagedefinitions.json";
	if (action_artifact_text(w, run, NULL, file, FILE_MAX, &text, err) < 0)
		return -1;
	if (json_parse(str_view(&text), run->arena, &list, err) < 0)
		return err_wrap(err, "%s", file);
	if (list->kind != JSON_KIND_ARRAY || !list->n)
		return err_set(err, ERR_INVALID,
			"%s must be a JSON array of {\"name\", \"imageUri\"}", file);
	for (size_t i = 0; i < list->n; i++) {
		const char *name = json_member_text(&list->items[i], "name");
		const char *image = json_member_text(&list->items[i], "imageUri");
		struct ecs_container_definition *c = name ? find_container(d, name) : NULL;

		if (!name || !image)
			return err_set(err, ERR_INVALID,
				"Entry %zu of %s needs the texts name and imageUri", i + 1, file);
		if (!c)
			return err_set(err, ERR_INVALID,
				"Invalid action configuration: The AWS ECS container %s does not "
				"exist",
				name);
		c->image = image;
	}
	return 0;
}

/* The present task definition with other images, as a new revision. */
static int make_revision(struct action_world *w, const struct action_run *run, const char *present,
	const char **ret_arn, struct err *err)
{
	struct call call = action_call(run);
	struct ecs_describe_task_definition_request req = {.task_definition = present};
	struct ecs_describe_task_definition_response resp = {0};
	struct str text CLEANUP_STR = STR_INIT;

	if (fleet_ecs_describe_task_definition(w->fleet, &call, &req, &resp, err) < 0 ||
		put_images(w, run, resp.task_definition, err) < 0)
		return -1;
	wire_encode_json(&ecs_describe_task_definition_response_shape, &resp, &text);
	return fleet_task_definition_register(
		w->fleet, str_view(&text), run->id, run->role_arn, run->arena, ret_arn, err);
}

static int roll(struct action_world *w, const struct action_run *run, const char **ret_deployment,
	struct err *err)
{
	const char *cluster = action_run_setting(run, "ClusterName");
	const char *name = action_run_setting(run, "ServiceName");
	struct fleet_service service;
	const char *arn;

	if (fleet_service_get(w->fleet, cluster, name, run->arena, &service, err) < 0)
		return -1;
	if (service.controller != FLEET_CONTROLLER_ECS)
		return err_set(err, ERR_INVALID,
			"The deployment controller of the service %s is not ECS: use the action "
			"CodeDeployToECS",
			name);
	if (make_revision(w, run, service.task_definition, &arn, err) < 0)
		return -1;
	return fleet_service_deploy(
		w->fleet, cluster, name, arn, run->id, run->arena, ret_deployment, err);
}

static void fill_links(const struct action_run *run, const char *id, struct action_result *ret)
{
	ret->external_id = id;
	ret->external_url = arena_printf(run->arena,
		"https://console.aws.amazon.com/ecs/home?region=%s#/clusters/%s/services/%s/"
		"deployments",
		run->region, action_run_setting(run, "ClusterName"),
		action_run_setting(run, "ServiceName"));
}

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	const char *deployment;

	if (!w->fleet)
		return action_fail(
			run, ret, "ConfigurationError", "This server runs no container services");
	if (roll(w, run, &deployment, err) < 0)
		return action_sibling_failed(run, ret, "ConfigurationError", "", err);
	fill_links(run, deployment, ret);
	return 0;
}

/* ---- looking ---- */

static int check(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	const char *service = action_run_setting(run, "ServiceName"), *reason;
	enum fleet_rollout rollout;
	int64_t end;
	int minutes;

	if (fleet_service_rollout(w->fleet, action_run_setting(run, "ClusterName"), service,
		    run->external_id, run->arena, &rollout, &reason, err) < 0)
		return action_sibling_failed(run, ret, "JobFailed", "", err);
	fill_links(run, run->external_id, ret);
	if (!timeout_of(action_run_setting(run, "DeploymentTimeout"), &minutes))
		minutes = LIMIT_MINUTES;
	end = run->started_usec + minutes * MINUTE;
	if (rollout == FLEET_ROLLOUT_COMPLETED) {
		ret->outcome = ACTION_SUCCEEDED;
		ret->summary = "Deployment completed.";
	} else if (rollout == FLEET_ROLLOUT_FAILED) {
		action_fail(run, ret, "JobFailed", "The deployment %s of the service %s failed: %s",
			run->external_id, service, reason ? reason : "no reason is known");
	} else if (run->now_usec >= end) {
		action_fail(run, ret, "JobFailed",
			"The deployment %s of the service %s did not reach a steady state within "
			"%d minutes%s%s",
			run->external_id, service, minutes, reason ? ": " : "",
			reason ? reason : "");
	} else {
		ret->check_after_usec = end - run->now_usec;
	}
	return 0;
}

static const char *correlate(void *arg, const struct journal_entry *e, struct arena *a)
{
	struct towpath_event_service s;

	(void)arg;
	if (wire_decode_json(&towpath_event_service_shape, view_of(e->detail), a, &s, NULL) < 0)
		return NULL;
	return s.deployment_id;
}

static const char *entity_url(void *arg, const struct codepipeline_action_declaration *action,
	const char *region, struct arena *a)
{
	(void)arg;
	return arena_printf(a,
		"https://console.aws.amazon.com/ecs/home?region=%s#/clusters/%s/services/%s",
		region, action_setting(action, "ClusterName"),
		action_setting(action, "ServiceName"));
}

static const char *const kinds[] = {"ecs.service", NULL};

const struct action_provider action_ecs = {
	.category = "Deploy",
	.provider = "ECS",
	.min_inputs = 1,
	.max_inputs = 1,
	ACTION_KEYS(keys),
	.timeout_usec = (LIMIT_MINUTES + 5) * MINUTE,
	.journal_kinds = kinds,
	.validate = validate,
	.start = start,
	.check = check,
	.correlate = correlate,
	.entity_url = entity_url,
};
