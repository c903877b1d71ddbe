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

/* "; ApplicationStart on i-0123: scripts/start.sh: Script at ... failed with exit code 1" for the
 * lifecycle event that failed first, or "". */
static const char *explain_target(
	const struct action_run *run, const struct codedeploy_instance_target *t)
{
	wire_foreach (event, &t->lifecycle_events) {
		const struct codedeploy_diagnostics *why = event->diagnostics;

		if (!streq(event->status, CODEDEPLOY_LIFECYCLE_EVENT_STATUS_FAILED))
			continue;
		return arena_printf(run->arena, "; %s on %s: %s%s%s", event->lifecycle_event_name,
			t->target_id, why && why->script_name ? why->script_name : "",
			why && why->script_name && why->script_name[0] ? ": " : "",
			why && why->message ? why->message : "no diagnostics");
	}
	return "";
}

/* What failed on the first host where something did. */
static const char *explain_hosts(struct action_world *w, const struct action_run *run)
{
	struct call call = action_call(run);
	struct codedeploy_list_deployment_targets_request list = {
		.deployment_id = run->external_id};
	struct codedeploy_list_deployment_targets_response ids = {0};
	struct codedeploy_batch_get_deployment_targets_request get = {
		.deployment_id = run->external_id};
	struct codedeploy_batch_get_deployment_targets_response targets = {0};
	const char *text = "";

	if (deploy_list_deployment_targets(w->deploy, &call, &list, &ids, NULL) < 0)
		return "";
	get.target_ids.set = ids.target_ids.set;
	get.target_ids.v = ids.target_ids.v;
	get.target_ids.n = ids.target_ids.n;
	if (deploy_batch_get_deployment_targets(w->deploy, &call, &get, &targets, NULL) < 0)
		return "";
	wire_foreach (t, &targets.deployment_targets)
		if (!text[0] && t->instance_target)
			text = explain_target(run, t->instance_target);
	return text;
}

static const char *explain(struct action_world *w, const struct action_run *run,
	const struct codedeploy_deployment_info *d)
{
	const struct codedeploy_error_information *e = d->error_information;

	if (e && e->message)
		return arena_printf(run->arena, "Deployment %s %s: %s (%s)%s", d->deployment_id,
			streq(d->status, CODEDEPLOY_DEPLOYMENT_STATUS_STOPPED) ? "was stopped"
									       : "failed",
			e->message, e->code ? e->code : "no code", explain_hosts(w, run));
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
		action_fail(run, ret, "JobFailed", "%s", explain(w, run, d));
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
