/* SPDX-License-Identifier: Apache-2.0 */
/* Deploy / CodeDeploy: a deployment of the input artifact to a deployment group. */
#include "base/mem.h"
#include "provider/action_world.h"

#define TIMEOUT_USEC (INT64_C(5) * 86400 * USEC_PER_SEC)

static const struct action_key keys[] = {
	{"ApplicationName", true, false, "The CodeDeploy application"},
	{"DeploymentGroupName", true, false, "The deployment group"},
};

static void fill_links(const struct action_run *run, const char *id, struct action_result *ret)
{
	ret->external_id = id;
	ret->external_url = arena_printf(run->arena,
		"https://console.aws.amazon.com/codedeploy/home?region=%s#/deployments/%s",
		run->region, id);
}

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	struct call call = action_call(run);
	struct codedeploy_s3_location s3 = {.bucket = run->inputs[0].bucket,
		.key = run->inputs[0].key,
		.bundle_type = CODEDEPLOY_BUNDLE_TYPE_ZIP};
	struct codedeploy_revision_location revision = {
		.revision_type = CODEDEPLOY_REVISION_LOCATION_TYPE_S3, .s3_location = &s3};
	struct codedeploy_create_deployment_request req = {
		.application_name = action_run_setting(run, "ApplicationName"),
		.deployment_group_name = action_run_setting(run, "DeploymentGroupName"),
		.revision = &revision,
		.description = arena_printf(
			run->arena, "Pipeline %s, execution %s", run->pipeline, run->execution_id),
	};
	struct codedeploy_create_deployment_response resp = {0};

	if (deploy_create_for_pipeline(w->deploy, &call, &req, run->id, &resp, err) < 0)
		return action_sibling_failed(run, ret, "JobFailed",
			arena_printf(run->arena, "Unable to deploy to the group %s of %s: ",
				req.deployment_group_name, req.application_name),
			err);
	fill_links(run, resp.deployment_id, ret);
	return 0;
}

static const char *explain(const struct action_run *run, const struct codedeploy_deployment_info *d)
{
	const struct codedeploy_error_information *e = d->error_information;

	if (e && e->message)
		return arena_printf(run->arena, "Deployment %s %s: %s (%s)", d->deployment_id,
			streq(d->status, CODEDEPLOY_DEPLOYMENT_STATUS_STOPPED) ? "was stopped"
									       : "failed",
			e->message, e->code ? e->code : "no code");
	return arena_printf(
		run->arena, "Deployment %s ended with status %s", d->deployment_id, d->status);
}

static int check(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	struct call call = action_call(run);
	struct codedeploy_get_deployment_request req = {.deployment_id = run->external_id};
	struct codedeploy_get_deployment_response resp = {0};
	const struct codedeploy_deployment_info *d;

	if (deploy_get_deployment(w->deploy, &call, &req, &resp, err) < 0)
		return action_sibling_failed(run, ret, "JobFailed", "", err);
	d = resp.deployment_info;
	fill_links(run, d->deployment_id, ret);
	if (streq(d->status, CODEDEPLOY_DEPLOYMENT_STATUS_SUCCEEDED)) {
		ret->outcome = ACTION_SUCCEEDED;
		ret->summary = "Deployment Succeeded";
	} else if (streq(d->status, CODEDEPLOY_DEPLOYMENT_STATUS_FAILED) ||
		   streq(d->status, CODEDEPLOY_DEPLOYMENT_STATUS_STOPPED)) {
		action_fail(run, ret, "JobFailed", "%s", explain(run, d));
		ret->summary = ret->error_message;
	}
	return 0;
}

static void stop(void *arg, const struct action_run *run)
{
	struct action_world *w = arg;
	struct call call = action_call(run);
	struct codedeploy_stop_deployment_request req = {.deployment_id = run->external_id};
	struct codedeploy_stop_deployment_response resp = {0};

	deploy_stop_deployment(w->deploy, &call, &req, &resp, NULL);
}

static const char *correlate(void *arg, const struct journal_entry *e, struct arena *a)
{
	struct towpath_event_deployment d;

	(void)arg;
	if (wire_decode_json(&towpath_event_deployment_shape, view_of(e->detail), a, &d, NULL) < 0)
		return NULL;
	return d.deployment_id;
}

static const char *entity_url(void *arg, const struct codepipeline_action_declaration *action,
	const char *region, struct arena *a)
{
	(void)arg;
	return arena_printf(a,
		"https://console.aws.amazon.com/codedeploy/home?region=%s#/applications/%s/"
		"deployment-groups/%s",
		region, action_setting(action, "ApplicationName"),
		action_setting(action, "DeploymentGroupName"));
}

static const char *const kinds[] = {"codedeploy.deployment", NULL};

const struct action_provider action_codedeploy = {
	.category = "Deploy",
	.provider = "CodeDeploy",
	.min_inputs = 1,
	.max_inputs = 1,
	ACTION_KEYS(keys),
	.timeout_usec = TIMEOUT_USEC,
	.journal_kinds = kinds,
	.start = start,
	.check = check,
	.stop = stop,
	.correlate = correlate,
	.entity_url = entity_url,
};
