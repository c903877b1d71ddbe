/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on deployments: creating, looking, stopping, going on. */
#include "base/mem.h"
#include "codec/base64.h"
#include "deploy/operation.h"
#include "store/deploy_group.h"

#define DESCRIPTION_MAX 256

/* ---- creating ---- */

static int check_request(const struct codedeploy_create_deployment_request *req, struct err *err)
{
	if (check_application_name(req->application_name, err) < 0 ||
		check_group_name(req->deployment_group_name, err) < 0)
		return -1;
	if (req->description && strlen(req->description) > DESCRIPTION_MAX)
		return err_set_wire(err, "DescriptionTooLongException",
			"The description has more than %d characters", DESCRIPTION_MAX);
	if (!req->revision && !wire_or(req->update_outdated_instances_only, false))
		return err_set_wire(err, "RevisionRequiredException", "A revision is required");
	if (deploy_alarms_check(req->override_alarm_configuration, err) < 0)
		return -1;
	return deploy_auto_rollback_check(req->auto_rollback_configuration, err);
}

static int check_targets(const struct codedeploy_deployment_group_info *group,
	const struct codedeploy_target_instances *t, struct err *err)
{
	if (!t)
		return 0;
	if (!streq(group->deployment_style->deployment_type, CODEDEPLOY_DEPLOYMENT_TYPE_BLUE_GREEN))
		return err_set_wire(err, "InvalidTargetInstancesException",
			"targetInstances goes only with blue/green deployments");
	if (t->tag_filters.n && t->ec2_tag_set && t->ec2_tag_set->ec2_tag_set_list.n)
		return err_set_wire(err, "InvalidTargetInstancesException",
			"tagFilters and ec2TagSet cannot be used together");
	return deploy_tag_set_check(t->ec2_tag_set, err);
}

/* What is for servers alone. */
static int check_platform(const struct codedeploy_deployment_group_info *group,
	const struct codedeploy_create_deployment_request *req, struct err *err)
{
	if (streq(group->compute_platform, CODEDEPLOY_COMPUTE_PLATFORM_SERVER))
		return 0;
	if (wire_or(req->ignore_application_stop_failures, false))
		return err_set_wire(err, "InvalidIgnoreApplicationStopFailuresValueException",
			"ignoreApplicationStopFailures is for the compute platform Server");
	if (wire_or(req->update_outdated_instances_only, false))
		return err_set_wire(err, "InvalidUpdateOutdatedInstancesOnlyValueException",
			"updateOutdatedInstancesOnly is for the compute platform Server");
	if (req->target_instances)
		return err_set_wire(err, "InvalidTargetInstancesException",
			"targetInstances is for the compute platform Server");
	return 0;
}

static int check_free(struct db_tx *tx, const struct codedeploy_deployment_group_info *group,
	struct arena *a, struct err *err)
{
	const char *active;
	int found = store_deployment_active_of(tx, group->deployment_group_id, a, &active, err);

	if (found > 0)
		return err_set_wire(err, "DeploymentLimitExceededException",
			"The Deployment Group '%s' already has an active Deployment '%s'",
			group->deployment_group_name, active);
	return found;
}

static int create_in(struct db_tx *tx, struct operation *op,
	const struct codedeploy_create_deployment_request *req, const char *external_id,
	struct err *err)
{
	struct codedeploy_create_deployment_response *resp = op->resp;
	struct codedeploy_deployment_group_info group;
	struct codedeploy_deployment_config_info config;
	struct codedeploy_application_info app;
	struct deploy_seed seed = {
		.group = &group,
		.revision = req->revision,
		.creator = CODEDEPLOY_DEPLOYMENT_CREATOR_USER,
		.description = req->description,
		.config_name = req->deployment_config_name,
		.file_exists_behavior = req->file_exists_behavior,
		.auto_rollback = req->auto_rollback_configuration,
		.alarms = req->override_alarm_configuration,
		.target_instances = req->target_instances,
		.ignore_stop_failures = wire_or(req->ignore_application_stop_failures, false),
		.update_outdated_only = wire_or(req->update_outdated_instances_only, false),
		.external_id = external_id,
	};

	if (need_group(tx, req->application_name, req->deployment_group_name, op->a, &app, &group,
		    err) < 0)
		return -1;
	if (!seed.revision)
		seed.revision = group.target_revision;
	seed.application_id = app.application_id;
	if (check_platform(&group, req, err) < 0 ||
		deploy_revision_check(seed.revision, group.compute_platform, err) < 0 ||
		deploy_revision_complete(tx, app.application_id, &seed.revision, op->a, err) < 0 ||
		check_targets(&group, req->target_instances, err) < 0)
		return -1;
	if (req->deployment_config_name && need_config(tx, req->deployment_config_name,
						   group.compute_platform, op->a, &config, err) < 0)
		return -1;
	if (check_free(tx, &group, op->a, err) < 0 ||
		deploy_insert(op->e, tx, &seed, op->a, &resp->deployment_id, err) < 0)
		return -1;
	return task_enqueue(op->e->durable, tx,
		&(struct task){
			.kind = DEPLOY_TASK_START, .subject = resp->deployment_id, .token = ""},
		err);
}

static int create(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;

	return create_in(tx, op, op->req, NULL, err);
}

DEPLOY_OPERATION(create_deployment)
{
	if (check_request(req, err) < 0)
		return -1;
	return operation_write(e, call, req, resp, create, err);
}

struct once {
	const struct codedeploy_create_deployment_request *req;
	const char *external_id;
};

static int create_once(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct once *once = op->req;
	struct codedeploy_create_deployment_response *resp = op->resp;
	struct store_deployment_filter same = {.external_id = once->external_id, .limit = 1};
	struct store_deploy_names found = {0};

	if (store_deployment_list(tx, &same, op->a, &found, err) < 0)
		return -1;
	if (found.n) {
		resp->deployment_id = found.v[0];
		return 0;
	}
	return create_in(tx, op, once->req, once->external_id, err);
}

int deploy_create_for_pipeline(struct deploy_engine *e, struct call *call,
	const struct codedeploy_create_deployment_request *req, const char *external_id,
	struct codedeploy_create_deployment_response *resp, struct err *err)
{
	const struct once once = {req, external_id};

	if (check_request(req, err) < 0)
		return -1;
	return operation_write(e, call, &once, resp, create_once, err);
}

/* ---- looking ---- */

static void hide_content(struct codedeploy_deployment_info *d)
{
	if (d->revision && d->revision->app_spec_content)
		d->revision->app_spec_content->content = NULL;
	if (d->previous_revision && d->previous_revision->app_spec_content)
		d->previous_revision->app_spec_content->content = NULL;
}

/* The engine's own alarms and the like stay inside; a text's content is never shown. */
static int get(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_get_deployment_request *req = op->req;
	struct codedeploy_get_deployment_response *resp = op->resp;
	struct store_deployment *d = arena_new(op->a, struct store_deployment);

	resp->deployment_info = &d->info;
	if (need_deployment(tx, req->deployment_id, op->a, d, err) < 0)
		return -1;
	hide_content(&d->info);
	return 0;
}

DEPLOY_OPERATION(get_deployment)
{
	return operation_read(e, call, req, resp, get, err);
}

static int batch_get(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_batch_get_deployments_request *req = op->req;
	struct codedeploy_batch_get_deployments_response *resp = op->resp;
	size_t n = 0;

	wire_list_alloc(op->a, &resp->deployments_info, req->deployment_ids.n);
	for (size_t i = 0; i < req->deployment_ids.n; i++) {
		struct store_deployment d;
		int found;

		if (check_deployment_id(req->deployment_ids.v[i], err) < 0)
			return -1;
		found = store_deployment_get(tx, req->deployment_ids.v[i], op->a, &d, err);
		if (found < 0)
			return -1;
		if (!found)
			continue;
		hide_content(&d.info);
		resp->deployments_info.v[n++] = d.info;
	}
	resp->deployments_info.n = n;
	return 0;
}

DEPLOY_OPERATION(batch_get_deployments)
{
	if (check_batch(req->deployment_ids.n, 25, "DeploymentIdRequiredException", err) < 0)
		return -1;
	return operation_read(e, call, req, resp, batch_get, err);
}

struct owner {
	struct arena *a;
	const char *id;
	struct store_deployment d;
	bool found;
};

static int find_owner(struct db_tx *tx, void *arg, struct err *err)
{
	struct owner *o = arg;
	int found = store_deployment_get(tx, o->id, o->a, &o->d, err);

	o->found = found > 0;
	return MIN(found, 0);
}

bool deploy_find_group(struct deploy_engine *e, struct call *call, const char *deployment_id,
	const char **ret_application, const char **ret_group)
{
	struct owner o = {.a = call->arena, .id = deployment_id};

	if (deploy_read(e, find_owner, &o, NULL) < 0 || !o.found)
		return false;
	*ret_application = o.d.info.application_name;
	*ret_group = o.d.info.deployment_group_name;
	return true;
}

/* ---- listing ---- */

/* A token is "creation time in microseconds:id". */
static int open_page(
	const char *token, struct arena *a, struct store_deployment_filter *f, struct err *err)
{
	struct store_deploy_page page;
	char *end;

	if (page_open(token, a, &page, err) < 0)
		return -1;
	f->limit = page.limit;
	if (!page.after)
		return 0;
	f->before_usec = strtoll(page.after, &end, 10);
	if (*end != ':' || f->before_usec <= 0)
		return err_set_wire(err, "InvalidNextTokenException",
			"The next token is not one that this service gave out");
	f->before_id = end + 1;
	return 0;
}

static int next_page(struct db_tx *tx, const struct store_deploy_names *ids, struct arena *a,
	const char **ret, struct err *err)
{
	struct str token CLEANUP_STR = STR_INIT;
	struct store_deployment last;

	if (!ids->more)
		return 0;
	if (store_deployment_get(tx, ids->v[ids->n - 1], a, &last, err) < 0)
		return -1;
	base64_encode(view_of(arena_printf(a, "%lld:%s", (long long)last.info.create_time.usec,
			      last.info.deployment_id)),
		&token);
	*ret = arena_strdup(a, str_text(&token));
	return 0;
}

static int list(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_list_deployments_request *req = op->req;
	struct codedeploy_list_deployments_response *resp = op->resp;
	struct codedeploy_deployment_group_info group;
	struct codedeploy_application_info app;
	struct store_deployment_filter f = {
		.external_id = req->external_id,
		.statuses = (const char *const *)req->include_only_statuses.v,
		.n_statuses = req->include_only_statuses.n,
	};
	struct store_deploy_names ids;

	if (open_page(req->next_token, op->a, &f, err) < 0)
		return -1;
	if (req->create_time_range) {
		f.from_usec = req->create_time_range->start.usec;
		f.to_usec = req->create_time_range->end.usec;
	}
	if (req->deployment_group_name) {
		if (need_group(tx, req->application_name, req->deployment_group_name, op->a, &app,
			    &group, err) < 0)
			return -1;
		f.group_id = group.deployment_group_id;
	} else if (req->application_name &&
		   need_application(tx, req->application_name, op->a, &app, err) < 0) {
		return -1;
	}
	if (req->application_name)
		f.application_id = app.application_id;
	if (store_deployment_list(tx, &f, op->a, &ids, err) < 0)
		return -1;
	operation_names(op->a, &ids, &resp->deployments);
	return next_page(tx, &ids, op->a, &resp->next_token, err);
}

DEPLOY_OPERATION(list_deployments)
{
	enum deploy_status status;

	if (req->deployment_group_name && !req->application_name)
		return err_set_wire(err, "ApplicationNameRequiredException",
			"A deployment group's name needs its application's name");
	if (req->create_time_range && req->create_time_range->start.set &&
		req->create_time_range->end.set &&
		req->create_time_range->start.usec > req->create_time_range->end.usec)
		return err_set_wire(
			err, "InvalidTimeRangeException", "The time range ends before it starts");
	for (size_t i = 0; i < req->include_only_statuses.n; i++)
		if (!deploy_status_parse(req->include_only_statuses.v[i], &status) &&
			!streq(req->include_only_statuses.v[i],
				CODEDEPLOY_DEPLOYMENT_STATUS_BAKING))
			return err_set_wire(err, "InvalidDeploymentStatusException",
				"There is no deployment status %s",
				req->include_only_statuses.v[i]);
	return operation_read(e, call, req, resp, list, err);
}

/* ---- stopping and going on ---- */

static int need_active(struct step *s, struct err *err)
{
	if (s->d.active)
		return 0;
	return err_set_wire(err, "DeploymentAlreadyCompletedException",
		"The deployment %s has already completed: %s", s->d.info.deployment_id,
		s->d.info.status);
}

int deploy_change_deployment(struct deploy_engine *e, struct call *call, const char *id,
	deploy_change change, void *arg, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	if (check_deployment_id(id, err) < 0)
		return -1;
	if (deploy_change_step(e, id, call->arena, change, arg, &why) == 0)
		return 0;
	if (err_is(&why, ERR_NOT_FOUND) && !why.wire)
		return err_set_wire(
			err, "DeploymentDoesNotExistException", "%s", err_message(&why));
	return err_move(err, &why);
}

struct stop {
	const struct codedeploy_stop_deployment_request *req;
	const char *principal;
	bool pending;
};

static int stop(struct step *s, void *arg, struct err *err)
{
	struct stop *stop = arg;

	if (need_active(s, err) < 0)
		return -1;
	if (s->d.state.service && step_phase(s) == DEPLOY_PHASE_TERMINATING)
		return err_set_wire(err, "DeploymentAlreadyCompletedException",
			"The deployment %s has moved all traffic and deletes the original task "
			"set: it cannot be stopped any more",
			s->d.info.deployment_id);
	if (stop->req->auto_rollback_enabled.set && !s->d.state.stop_code)
		s->d.state.rollback_wanted = stop->req->auto_rollback_enabled;
	if (deploy_halt(s, CODEDEPLOY_ERROR_CODE_MANUAL_STOP, err,
		    "The deployment was stopped by request of %s.",
		    stop->principal ? stop->principal : "a user") < 0)
		return -1;
	stop->pending = s->d.active;
	return 0;
}

DEPLOY_OPERATION(stop_deployment)
{
	struct stop arg = {.req = req, .principal = call->principal_arn};

	if (deploy_change_deployment(e, call, req->deployment_id, stop, &arg, err) < 0)
		return -1;
	resp->status =
		arg.pending ? CODEDEPLOY_STOP_STATUS_PENDING : CODEDEPLOY_STOP_STATUS_SUCCEEDED;
	resp->status_message =
		"No more commands will be scheduled for execution in the deployment instances";
	return 0;
}

static int need_blue_green(struct step *s, struct err *err)
{
	if (need_active(s, err) < 0)
		return -1;
	if (step_is_blue_green(s))
		return 0;
	return err_set_wire(err, "UnsupportedActionForDeploymentTypeException",
		"The deployment %s is not a blue/green deployment", s->d.info.deployment_id);
}

static int go_on(struct step *s, void *arg, struct err *err)
{
	const char *wait = arg;
	bool termination = streq(wait, CODEDEPLOY_DEPLOYMENT_WAIT_TYPE_TERMINATION_WAIT);
	enum deploy_phase wanted =
		termination ? DEPLOY_PHASE_TERMINATION_WAIT : DEPLOY_PHASE_READY_WAIT;

	if (need_blue_green(s, err) < 0)
		return -1;
	if (step_phase(s) != wanted)
		return err_set_wire(err,
			termination ? "InvalidDeploymentStatusException"
				    : "DeploymentIsNotInReadyStateException",
			"The deployment %s does not wait for this: its status is %s",
			s->d.info.deployment_id, s->d.info.status);
	return deploy_leave_wait(s, err);
}

DEPLOY_OPERATION(continue_deployment)
{
	const char *wait = req->deployment_wait_type ? req->deployment_wait_type
						     : CODEDEPLOY_DEPLOYMENT_WAIT_TYPE_READY_WAIT;

	(void)resp;
	if (!streq(wait, CODEDEPLOY_DEPLOYMENT_WAIT_TYPE_READY_WAIT) &&
		!streq(wait, CODEDEPLOY_DEPLOYMENT_WAIT_TYPE_TERMINATION_WAIT))
		return err_set_wire(err, "InvalidDeploymentWaitTypeException",
			"The wait type is READY_WAIT or TERMINATION_WAIT, not %s", wait);
	return deploy_change_deployment(e, call, req->deployment_id, go_on, (void *)wait, err);
}

static int skip_wait(struct step *s, void *arg, struct err *err)
{
	(void)arg;
	if (need_blue_green(s, err) < 0)
		return -1;
	if (step_phase(s) != DEPLOY_PHASE_TERMINATION_WAIT)
		return err_set_wire(err, "DeploymentNotStartedException",
			"The deployment %s does not wait for the termination of instances",
			s->d.info.deployment_id);
	return deploy_leave_wait(s, err);
}

DEPLOY_OPERATION(skip_wait_time_for_instance_termination)
{
	(void)resp;
	return deploy_change_deployment(e, call, req->deployment_id, skip_wait, NULL, err);
}
