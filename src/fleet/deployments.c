/* SPDX-License-Identifier: Apache-2.0 */
/* What deployments ask of container services (fleet.h). */
#include <stdio.h>

#include "fleet/containers.h"

struct service_query {
	struct fleet_engine *e;
	const char *cluster, *service, *id, *definition, *token;
	struct arena *a;
	const struct fleet_task_set_request *request;
	double scale;
	bool force;
	/* out */
	struct fleet_service *ret_service;
	struct fleet_task_set *ret_set;
	struct fleet_task_set_targets *ret_targets;
	const char *ret_id, *ret_reason;
	enum fleet_rollout ret_rollout;
};

static int need_service(
	struct db_tx *tx, struct service_query *q, struct ecs_service *ret, struct err *err)
{
	int r = fleet_service_find(q->e, tx, q->cluster, q->service, q->a, ret, err);

	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no service %s in cluster %s",
			q->service, q->cluster ? q->cluster : "default");
	return r < 0 ? -1 : 0;
}

static int need_set(struct db_tx *tx, struct service_query *q, const struct ecs_service *s,
	struct ecs_task_set *ret, struct err *err)
{
	int r = fleet_task_set_find(tx, s->service_arn, q->id, q->a, ret, err);

	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "service %s has no task set %s", s->service_name,
			q->id);
	return r < 0 ? -1 : 0;
}

/* ---- as deployments see it ---- */

static const struct fleet_attachment *attachments_of(
	const struct ecs_load_balancers *l, struct arena *a)
{
	struct fleet_attachment *v = arena_new_n(a, l->n + 1, struct fleet_attachment);

	for (size_t i = 0; i < l->n; i++)
		v[i] = (struct fleet_attachment){l->v[i].target_group_arn, l->v[i].container_name,
			(int)wire_or(l->v[i].container_port, 0)};
	return v;
}

static int view_set(struct db_tx *tx, struct service_query *q, const struct ecs_task_set *s,
	const struct fleet_tasks *tasks, struct fleet_task_set *ret, struct err *err)
{
	struct fleet_counts c = fleet_counts_of(tasks, s->id);
	struct towpath_fleet_set kept;

	if (fleet_set_get(tx, s->id, s->service_arn, q->a, &kept, err) < 0)
		return -1;
	*ret = (struct fleet_task_set){
		.id = s->id,
		.arn = s->task_set_arn,
		.external_id = s->external_id,
		.started_by = s->started_by,
		.status = streq(s->status, SET_PRIMARY)	   ? FLEET_TASK_SET_PRIMARY
			  : streq(s->status, SET_DRAINING) ? FLEET_TASK_SET_DRAINING
							   : FLEET_TASK_SET_ACTIVE,
		.task_definition = s->task_definition,
		.attachments = attachments_of(&s->load_balancers, q->a),
		.n_attachments = s->load_balancers.n,
		.scale = s->scale ? wire_or(s->scale->value, 100) : 100,
		.desired = (int)wire_or(s->computed_desired_count, 0),
		.pending = c.pending,
		.running = c.running,
		.steady = streq(s->stability_status, "STEADY_STATE") &&
			  c.running == (int)wire_or(s->computed_desired_count, 0) && !c.pending,
		.failed = (int)wire_or(kept.failed, 0),
		.failed_reason = kept.failed_reason,
		.created_usec = s->created_at.usec,
	};
	return 0;
}

static int get_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct service_query *q = arg;
	struct fleet_service *ret = q->ret_service;
	struct ecs_task_sets sets;
	struct fleet_task_set *views;
	struct fleet_tasks tasks;
	struct fleet_counts c;
	struct ecs_service s;

	if (need_service(tx, q, &s, err) < 0 ||
		fleet_tasks_of(tx, s.service_arn, q->a, &tasks, err) < 0 ||
		fleet_task_sets_of(tx, s.service_arn, q->a, &sets, err) < 0)
		return -1;
	c = fleet_counts_of(&tasks, NULL);
	views = arena_new_n(q->a, sets.n + 1, struct fleet_task_set);
	*ret = (struct fleet_service){
		.cluster = fleet_last_part(s.cluster_arn),
		.name = s.service_name,
		.arn = s.service_arn,
		.status = s.status,
		.controller = fleet_service_controller(&s),
		.desired = (int)wire_or(s.desired_count, 0),
		.pending = c.pending,
		.running = c.running,
		.task_definition = s.task_definition,
		.attachments = attachments_of(&s.load_balancers, q->a),
		.n_attachments = s.load_balancers.n,
		.sets = views,
		.n_sets = sets.n,
	};
	for (size_t i = 0; i < sets.n; i++) {
		if (view_set(tx, q, &sets.v[i], &tasks, &views[i], err) < 0)
			return -1;
		if (views[i].status == FLEET_TASK_SET_PRIMARY)
			ret->primary = &views[i];
	}
	return 0;
}

int fleet_service_get(struct fleet_engine *e, const char *cluster, const char *service,
	struct arena *a, struct fleet_service *ret, struct err *err)
{
	struct service_query q = {
		.e = e, .cluster = cluster, .service = service, .a = a, .ret_service = ret};

	return fleet_read(e, get_step, &q, err);
}

/* ---- task sets ---- */

static int show_set(
	struct db_tx *tx, struct service_query *q, const struct ecs_task_set *s, struct err *err)
{
	struct fleet_tasks tasks;

	if (fleet_tasks_of(tx, s->service_arn, q->a, &tasks, err) < 0)
		return -1;
	return view_set(tx, q, s, &tasks, q->ret_set, err);
}

static int copy_settings(struct db_tx *tx, struct service_query *q, const struct ecs_service *s,
	struct ecs_task_set *set, struct err *err)
{
	const struct fleet_task_set_request *r = q->request;
	struct ecs_network_configuration *network;
	struct ecs_task_set like;

	if (r->like) {
		q->id = r->like;
		if (need_set(tx, q, s, &like, err) < 0)
			return -1;
		set->network_configuration = like.network_configuration;
		set->launch_type = like.launch_type;
		set->capacity_provider_strategy = like.capacity_provider_strategy;
		set->platform_version = like.platform_version;
	}
	if (r->platform_version)
		set->platform_version = r->platform_version;
	if (r->capacity_providers) {
		set->launch_type = NULL;
		if (wire_decode_json(&ecs_capacity_provider_strategy_shape,
			    view_of(r->capacity_providers), q->a, &set->capacity_provider_strategy,
			    err) < 0)
			return err_wrap(err, "capacity provider strategy");
	}
	if (!r->network_configuration)
		return 0;
	network = arena_new(q->a, struct ecs_network_configuration);
	network->awsvpc_configuration = arena_new(q->a, struct ecs_aws_vpc_configuration);
	set->network_configuration = network;
	if (wire_decode_json(&ecs_aws_vpc_configuration_shape, view_of(r->network_configuration),
		    q->a, network->awsvpc_configuration, err) < 0)
		return err_wrap(err, "network configuration");
	return 0;
}

/* Target groups by name or ARN become ARNs. */
static int name_groups(
	struct db_tx *tx, struct service_query *q, struct ecs_load_balancers *ret, struct err *err)
{
	const struct fleet_task_set_request *r = q->request;

	wire_list_alloc(q->a, ret, r->n_attachments);
	for (size_t i = 0; i < r->n_attachments; i++) {
		struct elbv2_target_group tg;
		int found = fleet_target_group_by_name(
			tx, r->attachments[i].target_group, q->a, &tg, err);

		if (found == 0)
			return err_set(err, ERR_NOT_FOUND, "there is no target group %s",
				r->attachments[i].target_group);
		if (found < 0)
			return -1;
		ret->v[i] = (struct ecs_load_balancer){
			.target_group_arn = tg.target_group_arn,
			.container_name = r->attachments[i].container,
			.container_port = WIRE_SET_INT(r->attachments[i].port),
		};
	}
	return 0;
}

static int create_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct service_query *q = arg;
	const struct fleet_task_set_request *r = q->request;
	struct ecs_task_definition d;
	struct ecs_task_set set = {0};
	struct ecs_service s;
	int found;

	if (need_service(tx, q, &s, err) < 0)
		return -1;
	found = fleet_task_set_find(tx, s.service_arn, r->external_id, q->a, &set, err);
	if (found != 0)
		return found < 0 ? -1 : show_set(tx, q, &set, err);
	if (!streq(s.status, SERVICE_ACTIVE))
		return err_set_wire(err, "ServiceNotActiveException", "Service %s is %s.",
			s.service_name, s.status);
	set = (struct ecs_task_set){
		.external_id = r->external_id,
		.started_by = r->started_by,
		.network_configuration = s.network_configuration,
		.launch_type = s.launch_type,
		.capacity_provider_strategy = s.capacity_provider_strategy,
		.platform_version = s.platform_version,
		.scale = arena_new(q->a, struct ecs_scale),
	};
	set.scale->unit = "PERCENT";
	set.scale->value = WIRE_SET_DOUBLE(r->scale);
	if (fleet_task_definition_need(q->e, tx, r->task_definition, q->a, &d, err) < 0 ||
		copy_settings(tx, q, &s, &set, err) < 0 ||
		name_groups(tx, q, &set.load_balancers, err) < 0 ||
		fleet_load_balancers_check(tx, &set.load_balancers, &d, q->a, err) < 0)
		return -1;
	set.task_definition = d.task_definition_arn;
	if (fleet_task_set_add(q->e, tx, &s, &set, q->a, err) < 0)
		return -1;
	return show_set(tx, q, &set, err);
}

int fleet_task_set_create(struct fleet_engine *e, const struct fleet_task_set_request *r,
	struct arena *a, struct fleet_task_set *ret, struct err *err)
{
	struct service_query q = {.e = e,
		.cluster = r->cluster,
		.service = r->service,
		.a = a,
		.request = r,
		.ret_set = ret};

	return fleet_write(e, create_step, &q, err);
}

static int set_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct service_query *q = arg;
	struct ecs_service s;
	struct ecs_task_set set;

	if (need_service(tx, q, &s, err) < 0 || need_set(tx, q, &s, &set, err) < 0)
		return -1;
	return show_set(tx, q, &set, err);
}

int fleet_task_set_get(struct fleet_engine *e, const char *cluster, const char *service,
	const char *id, struct arena *a, struct fleet_task_set *ret, struct err *err)
{
	struct service_query q = {
		.e = e, .cluster = cluster, .service = service, .id = id, .a = a, .ret_set = ret};

	return fleet_read(e, set_step, &q, err);
}

static void count_targets(const struct store_documents *targets, const struct fleet_task *t,
	struct fleet_task_set_targets *ret)
{
	for (size_t i = 0; i < targets->n; i++) {
		const struct towpath_fleet_target *target = targets->v[i];

		if (!fleet_task_is_target(t, target) || wire_or(target->drained, false) ||
			streq(target->state, TARGET_DRAINING))
			continue;
		ret->registered++;
		ret->healthy += streq(target->state, TARGET_HEALTHY);
		if (streq(target->state, TARGET_UNHEALTHY) && !ret->reason)
			ret->reason = target->description ? target->description : target->reason;
	}
}

static int targets_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct service_query *q = arg;
	struct store_documents targets;
	struct fleet_tasks tasks;
	struct ecs_task_set set;
	struct ecs_service s;

	*q->ret_targets = (struct fleet_task_set_targets){0};
	if (need_service(tx, q, &s, err) < 0 || need_set(tx, q, &s, &set, err) < 0 ||
		fleet_tasks_of(tx, s.service_arn, q->a, &tasks, err) < 0)
		return -1;
	wire_foreach (l, &set.load_balancers) {
		if (store_document_list(tx, &STORE_TARGET,
			    &(struct store_document_filter){.owner = l->target_group_arn}, q->a,
			    &targets, err) < 0)
			return -1;
		for (size_t i = 0; i < tasks.n; i++)
			if (streq(tasks.v[i].s.set_id, set.id) &&
				fleet_task_status(&tasks.v[i]) == TASK_RUNNING)
				count_targets(&targets, &tasks.v[i], q->ret_targets);
	}
	return 0;
}

int fleet_task_set_targets(struct fleet_engine *e, const char *cluster, const char *service,
	const char *id, struct arena *a, struct fleet_task_set_targets *ret, struct err *err)
{
	struct service_query q = {.e = e,
		.cluster = cluster,
		.service = service,
		.id = id,
		.a = a,
		.ret_targets = ret};

	return fleet_read(e, targets_step, &q, err);
}

static int promote_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct service_query *q = arg;
	struct ecs_service s;

	if (need_service(tx, q, &s, err) < 0)
		return -1;
	return fleet_task_set_lead(q->e, tx, &s, q->id, q->a, err);
}

static int scale_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct service_query *q = arg;
	struct ecs_task_set set;
	struct ecs_service s;

	if (need_service(tx, q, &s, err) < 0 || need_set(tx, q, &s, &set, err) < 0)
		return -1;
	set.scale = arena_new(q->a, struct ecs_scale);
	set.scale->unit = "PERCENT";
	set.scale->value = WIRE_SET_DOUBLE(q->scale);
	set.computed_desired_count =
		WIRE_SET_INT(fleet_computed_desired((int)wire_or(s.desired_count, 0), q->scale));
	if (fleet_task_set_put(tx, &set, err) < 0)
		return -1;
	return fleet_wake(q->e, tx, FLEET_TASK_SERVICE, s.service_arn, 0, err);
}

static int delete_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct service_query *q = arg;
	struct ecs_task_set set;
	struct ecs_service s;
	int r = fleet_service_find(q->e, tx, q->cluster, q->service, q->a, &s, err);

	if (r > 0)
		r = fleet_task_set_find(tx, s.service_arn, q->id, q->a, &set, err);
	if (r <= 0)
		return r;
	return fleet_task_set_end(q->e, tx, &set, q->force, err);
}

/* A step that answers nothing. */
static int change(struct service_query *q, db_fn fn, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	q->a = &a;
	return fleet_write(q->e, fn, q, err);
}

int fleet_task_set_promote(struct fleet_engine *e, const char *cluster, const char *service,
	const char *id, struct err *err)
{
	struct service_query q = {.e = e, .cluster = cluster, .service = service, .id = id};

	return change(&q, promote_step, err);
}

int fleet_task_set_scale(struct fleet_engine *e, const char *cluster, const char *service,
	const char *id, double scale, struct err *err)
{
	struct service_query q = {
		.e = e, .cluster = cluster, .service = service, .id = id, .scale = scale};

	return change(&q, scale_step, err);
}

int fleet_task_set_delete(struct fleet_engine *e, const char *cluster, const char *service,
	const char *id, bool force, struct err *err)
{
	struct service_query q = {
		.e = e, .cluster = cluster, .service = service, .id = id, .force = force};

	return change(&q, delete_step, err);
}

/* ---- rolling deployments ---- */

static int deploy_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct service_query *q = arg;
	struct fleet_token token = {.token = q->token};
	struct ecs_task_definition d;
	struct ecs_service s;
	int r;

	if (need_service(tx, q, &s, err) < 0)
		return -1;
	token.scope = s.service_arn;
	r = fleet_token_get(tx, &token, q->a, &q->ret_id, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (!streq(s.status, SERVICE_ACTIVE))
		return err_set_wire(err, "ServiceNotActiveException", "Service %s is %s.",
			s.service_name, s.status);
	if (fleet_service_controller(&s) != FLEET_CONTROLLER_ECS)
		return err_set_wire(err, "InvalidParameterException",
			"Service %s has the deployment controller %s, not ECS.", s.service_name,
			s.deployment_controller->type);
	if (fleet_task_definition_need(q->e, tx, q->definition ? q->definition : s.task_definition,
		    q->a, &d, err) < 0 ||
		fleet_load_balancers_check(tx, &s.load_balancers, &d, q->a, err) < 0 ||
		fleet_service_roll(q->e, tx, &s, &d, q->a, &q->ret_id, err) < 0)
		return -1;
	return fleet_token_put(tx, &token, q->ret_id, q->a, err);
}

int fleet_service_deploy(struct fleet_engine *e, const char *cluster, const char *service,
	const char *task_definition, const char *token, struct arena *a,
	const char **ret_deployment, struct err *err)
{
	struct service_query q = {.e = e,
		.cluster = cluster,
		.service = service,
		.definition = task_definition,
		.token = token,
		.a = a};

	if (fleet_write(e, deploy_step, &q, err) < 0)
		return -1;
	*ret_deployment = q.ret_id;
	return 0;
}

static int rollout_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct service_query *q = arg;
	struct towpath_fleet_set kept;
	struct ecs_service s;

	if (need_service(tx, q, &s, err) < 0 ||
		fleet_set_get(tx, q->id, s.service_arn, q->a, &kept, err) < 0)
		return -1;
	q->ret_reason = kept.rollout_reason;
	q->ret_rollout = FLEET_ROLLOUT_FAILED;
	if (streq(kept.rollout_state, ROLLOUT_COMPLETED))
		q->ret_rollout = FLEET_ROLLOUT_COMPLETED;
	if (kept.rollout_state)
		return 0;
	q->ret_reason = "a newer deployment has taken its place";
	if (s.deployments.n && streq(s.deployments.v[0].id, q->id)) {
		q->ret_rollout = FLEET_ROLLOUT_IN_PROGRESS;
		q->ret_reason = kept.failed_reason;
	}
	return 0;
}

int fleet_service_rollout(struct fleet_engine *e, const char *cluster, const char *service,
	const char *deployment, struct arena *a, enum fleet_rollout *ret, const char **ret_reason,
	struct err *err)
{
	struct service_query q = {
		.e = e, .cluster = cluster, .service = service, .id = deployment, .a = a};

	if (fleet_read(e, rollout_step, &q, err) < 0)
		return -1;
	*ret = q.ret_rollout;
	*ret_reason = q.ret_reason;
	return 0;
}
