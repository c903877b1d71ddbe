/* SPDX-License-Identifier: Apache-2.0 */
/* Actions that are deployments of CodeDeploy: looking at one, ending one. */
#include "provider/action_deployment.h"

#include "base/mem.h"

const char *const action_deployment_kinds[] = {"codedeploy.deployment", NULL};

static void fill_links(const struct action_run *run, const char *id, struct action_result *ret)
{
	ret->external_id = id;
	ret->external_url = arena_printf(run->arena,
		"https://console.aws.amazon.com/codedeploy/home?region=%s#/deployments/%s",
		run->region, id);
}

int action_deployment_create(struct action_world *w, const struct action_run *run,
	const struct codedeploy_revision_location *revision, struct action_result *ret,
	struct err *err)
{
	struct call call = action_call(run);
	struct codedeploy_create_deployment_request req = {
		.application_name = action_run_setting(run, "ApplicationName"),
		.deployment_group_name = action_run_setting(run, "DeploymentGroupName"),
		.revision = (void *)revision,
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
static const char *explain_events(const struct action_run *run, const char *target,
	const struct codedeploy_lifecycle_event_list *events)
{
	wire_foreach (event, events) {
		const struct codedeploy_diagnostics *why = event->diagnostics;

		if (!streq(event->status, CODEDEPLOY_LIFECYCLE_EVENT_STATUS_FAILED))
			continue;
		return arena_printf(run->arena, "; %s on %s: %s%s%s", event->lifecycle_event_name,
			target, why && why->script_name ? why->script_name : "",
			why && why->script_name && why->script_name[0] ? ": " : "",
			why && why->message ? why->message : "no diagnostics");
	}
	return "";
}

/* What failed on the first target where something did. */
static const char *explain_targets(struct action_world *w, const struct action_run *run)
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
	wire_foreach (t, &targets.deployment_targets) {
		if (!text[0] && t->instance_target)
			text = explain_events(run, t->instance_target->target_id,
				&t->instance_target->lifecycle_events);
		if (!text[0] && t->ecs_target)
			text = explain_events(
				run, t->ecs_target->target_id, &t->ecs_target->lifecycle_events);
	}
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
			e->message, e->code ? e->code : "no code", explain_targets(w, run));
	return arena_printf(
		run->arena, "Deployment %s ended with status %s", d->deployment_id, d->status);
}

int action_deployment_check(
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

void action_deployment_stop(void *arg, const struct action_run *run)
{
	struct action_world *w = arg;
	struct call call = action_call(run);
	struct codedeploy_stop_deployment_request req = {.deployment_id = run->external_id};
	struct codedeploy_stop_deployment_response resp = {0};

	deploy_stop_deployment(w->deploy, &call, &req, &resp, NULL);
}

const char *action_deployment_correlate(void *arg, const struct journal_entry *e, struct arena *a)
{
	struct towpath_event_deployment d;

	(void)arg;
	if (wire_decode_json(&towpath_event_deployment_shape, view_of(e->detail), a, &d, NULL) < 0)
		return NULL;
	return d.deployment_id;
}

const char *action_deployment_url(void *arg, const struct codepipeline_action_declaration *action,
	const char *region, struct arena *a)
{
	(void)arg;
	return arena_printf(a,
		"https://console.aws.amazon.com/codedeploy/home?region=%s#/applications/%s/"
		"deployment-groups/%s",
		region, action_setting(action, "ApplicationName"),
		action_setting(action, "DeploymentGroupName"));
}
