/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that look at the targets of a deployment, in today's form (targets) and in the
 * older one (instances). */
#include "base/mem.h"
#include "deploy/operation.h"
#include "deploy/service.h"

static int need_targets(struct db_tx *tx, const char *id, struct arena *a,
	struct store_deployment *d, struct store_targets *ret, struct err *err)
{
	if (need_deployment(tx, id, a, d, err) < 0 || store_target_list(tx, id, a, ret, err) < 0)
		return -1;
	if (!ret->n && d->active && !d->info.start_time.set)
		return err_set_wire(err, "DeploymentNotStartedException",
			"The deployment %s has not started", id);
	return 0;
}

static const struct store_target *find(const struct store_targets *targets, const char *id)
{
	const char *slash = id ? strrchr(id, '/') : NULL; /* an ARN is as good as the id */
	const char *name = slash ? slash + 1 : id;

	for (size_t i = 0; i < targets->n; i++)
		if (streq(targets->v[i].info.target_id, id) ||
			streq(targets->v[i].info.target_arn, id) ||
			streq(targets->v[i].info.target_id, name))
			return &targets->v[i];
	return NULL;
}

static void as_target(const struct store_deployment *d, const struct store_target *t,
	struct arena *a, struct codedeploy_deployment_target *ret)
{
	if (d->state.service) {
		service_as_target(d, t, a, ret);
		return;
	}
	ret->deployment_target_type = CODEDEPLOY_DEPLOYMENT_TARGET_TYPE_INSTANCETARGET;
	ret->instance_target = wire_copy(&codedeploy_instance_target_shape, &t->info, a);
}

static void as_instance(const struct store_target *t, struct codedeploy_instance_summary *ret)
{
	*ret = (struct codedeploy_instance_summary){
		.deployment_id = t->info.deployment_id,
		.instance_id = t->info.target_arn,
		.instance_type = t->info.instance_label,
		.last_updated_at = t->info.last_updated_at,
		.lifecycle_events = t->info.lifecycle_events,
		.status = t->info.status,
	};
}

/* ---- targets ---- */

static int get_target(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_get_deployment_target_request *req = op->req;
	struct codedeploy_get_deployment_target_response *resp = op->resp;
	const struct store_target *t;
	struct store_deployment d;
	struct store_targets all;

	if (need_targets(tx, req->deployment_id, op->a, &d, &all, err) < 0)
		return -1;
	t = find(&all, req->target_id);
	if (!t)
		return err_set_wire(err, "DeploymentTargetDoesNotExistException",
			"The deployment %s has no target %s", req->deployment_id, req->target_id);
	resp->deployment_target = arena_new(op->a, struct codedeploy_deployment_target);
	as_target(&d, t, op->a, resp->deployment_target);
	return 0;
}

DEPLOY_OPERATION(get_deployment_target)
{
	if (!req->target_id || !*req->target_id)
		return err_set_wire(
			err, "DeploymentTargetIdRequiredException", "A target ID is required");
	if (operation_read(e, call, req, resp, get_target, err) < 0)
		return -1;
	service_refresh_target(e, call->arena, resp->deployment_target);
	return 0;
}

static int batch_get_targets(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_batch_get_deployment_targets_request *req = op->req;
	struct codedeploy_batch_get_deployment_targets_response *resp = op->resp;
	struct store_deployment d;
	struct store_targets all;

	if (need_targets(tx, req->deployment_id, op->a, &d, &all, err) < 0)
		return -1;
	wire_list_alloc(op->a, &resp->deployment_targets, req->target_ids.n);
	for (size_t i = 0; i < req->target_ids.n; i++) {
		const struct store_target *t = find(&all, req->target_ids.v[i]);

		if (!t)
			return err_set_wire(err, "DeploymentTargetDoesNotExistException",
				"The deployment %s has no target %s", req->deployment_id,
				req->target_ids.v[i]);
		as_target(&d, t, op->a, &resp->deployment_targets.v[i]);
	}
	return 0;
}

DEPLOY_OPERATION(batch_get_deployment_targets)
{
	if (!req->target_ids.n)
		return err_set_wire(err, "DeploymentTargetIdRequiredException",
			"At least one target ID is required");
	if (req->target_ids.n > 25)
		return err_set_wire(
			err, "DeploymentTargetListSizeExceededException", "At most 25 target IDs");
	if (operation_read(e, call, req, resp, batch_get_targets, err) < 0)
		return -1;
	wire_foreach (it, &resp->deployment_targets)
		service_refresh_target(e, call->arena, it);
	return 0;
}

static bool is_among(const char *value, const char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (streq(list[i], value))
			return true;
	return n == 0;
}

static bool passes(const struct codedeploy_target_filters *filters, const struct store_target *t)
{
	wire_foreach (it, filters) {
		const char *value = streq(it->key, CODEDEPLOY_TARGET_FILTER_NAME_TARGETSTATUS)
					    ? t->info.status
					    : t->info.instance_label;

		if (!is_among(value, it->value.v, it->value.n))
			return false;
	}
	return true;
}

static int list_targets(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_list_deployment_targets_request *req = op->req;
	struct codedeploy_list_deployment_targets_response *resp = op->resp;
	struct store_deployment d;
	struct store_targets all;
	size_t n = 0;

	if (need_targets(tx, req->deployment_id, op->a, &d, &all, err) < 0)
		return -1;
	/* At most 1000: one page. */
	wire_list_alloc(op->a, &resp->target_ids, all.n);
	for (size_t i = 0; i < all.n; i++)
		if (passes(&req->target_filters, &all.v[i]))
			resp->target_ids.v[n++] = all.v[i].info.target_id;
	resp->target_ids.n = n;
	return 0;
}

static int check_token(const char *token, struct err *err)
{
	if (token && *token)
		return err_set_wire(err, "InvalidNextTokenException",
			"The next token is not one that this service gave out");
	return 0;
}

DEPLOY_OPERATION(list_deployment_targets)
{
	if (check_token(req->next_token, err) < 0)
		return -1;
	wire_foreach (it, &req->target_filters)
		if (!streq(it->key, CODEDEPLOY_TARGET_FILTER_NAME_TARGETSTATUS) &&
			!streq(it->key, CODEDEPLOY_TARGET_FILTER_NAME_SERVERINSTANCELABEL))
			return err_set_wire(err, "InvalidTargetFilterNameException",
				"A filter is TargetStatus or ServerInstanceLabel, not %s", it->key);
	return operation_read(e, call, req, resp, list_targets, err);
}

/* ---- instances: the older form ---- */

static int need_instances(struct db_tx *tx, const char *id, struct arena *a,
	struct store_deployment *d, struct store_targets *ret, struct err *err)
{
	if (need_targets(tx, id, a, d, ret, err) < 0)
		return -1;
	if (!d->state.service)
		return 0;
	return err_set_wire(err, "InvalidComputePlatformException",
		"The deployment %s goes to an ECS service: it has targets, no instances", id);
}

static int get_instance(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_get_deployment_instance_request *req = op->req;
	struct codedeploy_get_deployment_instance_response *resp = op->resp;
	const struct store_target *t;
	struct store_deployment d;
	struct store_targets all;

	if (need_instances(tx, req->deployment_id, op->a, &d, &all, err) < 0)
		return -1;
	t = find(&all, req->instance_id);
	if (!t)
		return err_set_wire(err, "InstanceDoesNotExistException",
			"The deployment %s has no instance %s", req->deployment_id,
			req->instance_id);
	resp->instance_summary = arena_new(op->a, struct codedeploy_instance_summary);
	as_instance(t, resp->instance_summary);
	return 0;
}

DEPLOY_OPERATION(get_deployment_instance)
{
	if (!req->instance_id || !*req->instance_id)
		return err_set_wire(
			err, "InstanceIdRequiredException", "An instance ID is required");
	return operation_read(e, call, req, resp, get_instance, err);
}

static int batch_get_instances(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_batch_get_deployment_instances_request *req = op->req;
	struct codedeploy_batch_get_deployment_instances_response *resp = op->resp;
	struct store_deployment d;
	struct store_targets all;
	size_t n = 0;

	if (need_instances(tx, req->deployment_id, op->a, &d, &all, err) < 0)
		return -1;
	wire_list_alloc(op->a, &resp->instances_summary, req->instance_ids.n);
	for (size_t i = 0; i < req->instance_ids.n; i++) {
		const struct store_target *t = find(&all, req->instance_ids.v[i]);

		if (t)
			as_instance(t, &resp->instances_summary.v[n++]);
		else
			resp->error_message =
				arena_printf(op->a, "The deployment %s has no instance %s",
					req->deployment_id, req->instance_ids.v[i]);
	}
	resp->instances_summary.n = n;
	return 0;
}

DEPLOY_OPERATION(batch_get_deployment_instances)
{
	if (check_batch(req->instance_ids.n, 25, "InstanceIdRequiredException", err) < 0)
		return -1;
	return operation_read(e, call, req, resp, batch_get_instances, err);
}

static int list_instances(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_list_deployment_instances_request *req = op->req;
	struct codedeploy_list_deployment_instances_response *resp = op->resp;
	struct store_deployment d;
	struct store_targets all;
	size_t n = 0;

	if (need_instances(tx, req->deployment_id, op->a, &d, &all, err) < 0)
		return -1;
	wire_list_alloc(op->a, &resp->instances_list, all.n);
	for (size_t i = 0; i < all.n; i++)
		if (is_among(all.v[i].info.status, req->instance_status_filter.v,
			    req->instance_status_filter.n) &&
			is_among(all.v[i].info.instance_label, req->instance_type_filter.v,
				req->instance_type_filter.n))
			resp->instances_list.v[n++] = all.v[i].info.target_id;
	resp->instances_list.n = n;
	return 0;
}

DEPLOY_OPERATION(list_deployment_instances)
{
	if (check_token(req->next_token, err) < 0)
		return -1;
	return operation_read(e, call, req, resp, list_instances, err);
}
