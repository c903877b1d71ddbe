/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of ecs on services. */
#include <stdio.h>

#include "fleet/capacity.h"

#define INVALID "InvalidParameterException"
#define DEPLOYMENTS_MAX 5

static const char *launch_type_of(const struct ecs_service *s)
{
	return fleet_capacity_launch_type(s->launch_type, &s->capacity_provider_strategy);
}

/* ---- checks that creating and updating share ---- */

static int check_configuration(const struct ecs_deployment_configuration *c,
	enum fleet_controller controller, struct err *err)
{
	int minimum, maximum;

	if (!c)
		return 0;
	if (c->strategy && !streq(c->strategy, "ROLLING"))
		return err_set(err, ERR_UNSUPPORTED,
			"deployment strategy %s is not implemented; use ROLLING, or the "
			"controller CODE_DEPLOY",
			c->strategy);
	if (fleet_service_alarms_check(c, controller, err) < 0)
		return -1;
	if (c->lifecycle_hooks.n)
		return err_set(err, ERR_UNSUPPORTED,
			"lifecycle hooks of a service are not implemented; use CodeDeploy's");
	if (wire_or(c->bake_time_in_minutes, 0) || c->canary_configuration ||
		c->linear_configuration)
		return err_set(err, ERR_UNSUPPORTED,
			"bake times, canaries and linear shifts of a service are not implemented; "
			"use the controller CODE_DEPLOY");
	minimum = (int)wire_or(c->minimum_healthy_percent, 100);
	maximum = (int)wire_or(c->maximum_percent, 200);
	if (minimum < 0 || minimum > 100 || maximum < minimum || maximum < 1 ||
		(minimum == 100 && maximum == 100))
		return err_set_wire(err, INVALID,
			"A deployment cannot go on with minimumHealthyPercent %d and "
			"maximumPercent %d.",
			minimum, maximum);
	return 0;
}

static struct ecs_deployment_configuration *complete_configuration(
	const struct ecs_deployment_configuration *c, struct arena *a)
{
	struct ecs_deployment_configuration *out =
		arena_new(a, struct ecs_deployment_configuration);

	if (c)
		*out = *c;
	out->strategy = "ROLLING";
	out->maximum_percent = WIRE_SET_INT(wire_or(out->maximum_percent, 200));
	out->minimum_healthy_percent = WIRE_SET_INT(wire_or(out->minimum_healthy_percent, 100));
	if (!out->deployment_circuit_breaker) {
		out->deployment_circuit_breaker =
			arena_new(a, struct ecs_deployment_circuit_breaker);
		out->deployment_circuit_breaker->enable = WIRE_SET_BOOL(false);
		out->deployment_circuit_breaker->rollback = WIRE_SET_BOOL(false);
	}
	return out;
}

/* ---- CreateService ---- */

/* A target group that nothing forwards to would never make a task healthy. */
static int check_attached(
	struct db_tx *tx, const struct ecs_load_balancers *l, struct arena *a, struct err *err)
{
	wire_foreach (b, l) {
		const char *balancer;

		if (fleet_target_group_balancer(tx, b->target_group_arn, a, &balancer, err) < 0)
			return -1;
		if (!balancer)
			return err_set_wire(err, INVALID,
				"The target group with targetGroupArn %s does not have an "
				"associated load balancer.",
				b->target_group_arn);
	}
	return 0;
}

static int refuse_unbuilt(const struct ecs_create_service_request *req, struct err *err)
{
	const struct {
		bool used;
		const char *name;
	} unbuilt[] = {
		{wire_or(req->enable_execute_command, false), "enableExecuteCommand"},
		{req->placement_constraints.n, "placementConstraints"},
		{req->placement_strategy.n, "placementStrategy"},
		{req->service_connect_configuration &&
				wire_or(req->service_connect_configuration->enabled, false),
			"serviceConnectConfiguration"},
		{req->service_registries.n, "serviceRegistries"},
		{req->volume_configurations.n, "volumeConfigurations"},
		{req->vpc_lattice_configurations.n, "vpcLatticeConfigurations"},
		{streq(req->scheduling_strategy, "DAEMON"), "schedulingStrategy DAEMON"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(unbuilt); i++)
		if (unbuilt[i].used)
			return err_set(err, ERR_UNSUPPORTED,
				"%s of a service is not implemented; leave it out",
				unbuilt[i].name);
	return 0;
}

/* The first set of a service: a deployment, or the primary task set; none for EXTERNAL. */
static int first_set(struct fleet_engine *e, struct db_tx *tx, struct ecs_service *s,
	struct arena *a, struct err *err)
{
	struct ecs_task_set set = {
		.status = SET_PRIMARY,
		.started_by = "CODE_DEPLOY",
		.task_definition = s->task_definition,
		.load_balancers = s->load_balancers,
		.network_configuration = s->network_configuration,
		.launch_type = s->launch_type,
		.capacity_provider_strategy = s->capacity_provider_strategy,
		.platform_version = s->platform_version,
	};
	struct ecs_deployment *d;

	switch (fleet_service_controller(s)) {
	case FLEET_CONTROLLER_EXTERNAL:
		return 0;
	case FLEET_CONTROLLER_CODE_DEPLOY:
		set.scale = arena_new(a, struct ecs_scale);
		set.scale->unit = "PERCENT";
		set.scale->value = WIRE_SET_DOUBLE(100);
		return fleet_task_set_add(e, tx, s, &set, a, err);
	case FLEET_CONTROLLER_ECS:
		d = fleet_deployment_add(e, s, a);
		if (fleet_service_alarms_begin(e, tx, s, d, a, err) < 0)
			return -1;
		return fleet_service_announce(e, tx, s, "SERVICE_DEPLOYMENT_IN_PROGRESS", d->id,
			d->rollout_state_reason, err);
	}
	return 0;
}

static void service_from(struct fleet_engine *e, const struct call *call,
	const struct ecs_create_service_request *req, const struct ecs_cluster *c,
	struct ecs_service *s)
{
	struct arena *a = call->arena;

	wire_assign(&ecs_service_shape, s, &ecs_create_service_request_shape, req);
	s->service_arn =
		fleet_arn(e, a, "ecs", "service/%s/%s", c->cluster_name, req->service_name);
	s->cluster_arn = c->cluster_arn;
	s->status = SERVICE_ACTIVE;
	if (!s->launch_type && !s->capacity_provider_strategy.n)
		s->capacity_provider_strategy = c->default_capacity_provider_strategy;
	if (!s->capacity_provider_strategy.n)
		s->launch_type = launch_type_of(s);
	s->scheduling_strategy = "REPLICA";
	s->created_at = WIRE_SET_TIME(durable_now(e->durable));
	s->created_by = call->principal_arn;
	s->desired_count = WIRE_SET_INT(wire_or(s->desired_count, 0));
	s->propagate_tags = s->propagate_tags ? s->propagate_tags : "NONE";
	s->tags = (struct ecs_tags){0};
	if (streq(launch_type_of(s), "FARGATE"))
		s->platform_family = "Linux";
	s->deployment_configuration = complete_configuration(s->deployment_configuration, a);
	if (!s->deployment_controller) {
		s->deployment_controller = arena_new(a, struct ecs_deployment_controller);
		s->deployment_controller->type = "ECS";
	}
	s->load_balancers.set = s->service_registries.set = s->events.set = true;
	s->deployments.set = s->placement_constraints.set = s->placement_strategy.set = true;
}

static int check_new(struct fleet_engine *e, struct db_tx *tx,
	const struct ecs_create_service_request *req, const struct ecs_service *s, struct arena *a,
	struct ecs_task_definition *d, struct err *err)
{
	enum fleet_controller controller = fleet_service_controller(s);

	if (refuse_unbuilt(req, err) < 0 ||
		check_configuration(req->deployment_configuration, controller, err) < 0)
		return -1;
	if (s->desired_count.v < 0)
		return err_set_wire(err, INVALID, "desiredCount must not be negative.");
	if (controller == FLEET_CONTROLLER_EXTERNAL) {
		if (req->task_definition || req->load_balancers.n)
			return err_set_wire(err, INVALID,
				"A service whose deployment controller is EXTERNAL gets its task "
				"definition and load balancers with its task sets.");
		return 0;
	}
	if (!req->task_definition)
		return err_set_wire(err, INVALID, "TaskDefinition can not be blank.");
	if (fleet_task_definition_need(e, tx, req->task_definition, a, d, err) < 0 ||
		fleet_task_definition_runs(d, launch_type_of(s), s->network_configuration, err) < 0)
		return -1;
	if (controller == FLEET_CONTROLLER_CODE_DEPLOY && req->load_balancers.n != 1)
		return err_set_wire(err, INVALID,
			"A service whose deployment controller is CODE_DEPLOY needs one load "
			"balancer.");
	if (fleet_load_balancers_check(tx, &req->load_balancers, d, a, err) < 0)
		return -1;
	return check_attached(tx, &req->load_balancers, a, err);
}

static int create_service_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, create_service);
	struct ecs_service *s = arena_new(a, struct ecs_service), old;
	struct ecs_task_definition d;
	struct ecs_cluster c;
	struct fleet_token token = {.token = req->client_token};
	const char *again;
	int r;

	if (fleet_cluster_need(e, tx, req->cluster, a, &c, err) < 0)
		return -1;
	resp->service = s;
	token.scope = c.cluster_arn;
	r = fleet_token_get(tx, &token, a, &again, err);
	if (r > 0)
		r = store_document_get(tx, &STORE_SERVICE, again, a, s, err);
	if (r != 0)
		return r < 0 ? -1 : fleet_service_complete(e, tx, s, true, a, err);
	if (!fleet_ecs_name(req->service_name))
		return err_set_wire(err, INVALID,
			"The service name '%s' may have letters, numbers, hyphens and "
			"underscores.",
			req->service_name);
	r = fleet_service_find(e, tx, c.cluster_arn, req->service_name, a, &old, err);
	if (r < 0)
		return -1;
	if (r > 0 && !streq(old.status, SERVICE_INACTIVE))
		return err_set_wire(err, INVALID,
			streq(old.status, SERVICE_ACTIVE)
				? "Creation of service was not idempotent."
				: "Unable to Start a service that is "
				  "still Draining.");
	service_from(e, call, req, &c, s);
	if (fleet_tags_check(&req->tags, err) < 0 ||
		fleet_capacity_check(&c, &s->capacity_provider_strategy, req->launch_type, err) <
			0 ||
		fleet_platform_version(
			launch_type_of(s), req->platform_version, &s->platform_version, err) < 0 ||
		check_new(e, tx, req, s, a, &d, err) < 0)
		return -1;
	if (req->task_definition)
		s->task_definition = d.task_definition_arn;
	if (first_set(e, tx, s, a, err) < 0 || fleet_service_save(tx, s, err) < 0 ||
		fleet_tags_put(tx, s->service_arn, &req->tags, a, err) < 0 ||
		fleet_token_put(tx, &token, s->service_arn, a, err) < 0 ||
		fleet_wake(e, tx, FLEET_TASK_SERVICE, s->service_arn, 0, err) < 0)
		return -1;
	return fleet_service_complete(e, tx, s, true, a, err);
}
FLEET_DEFINE(ecs, create_service, fleet_write)

/* ---- UpdateService ---- */

int fleet_service_roll(struct fleet_engine *e, struct db_tx *tx, struct ecs_service *s,
	const struct ecs_task_definition *definition, struct arena *a, const char **ret_id,
	struct err *err)
{
	struct ecs_deployment *d;

	if (s->deployments.n >= DEPLOYMENTS_MAX)
		return err_set_wire(err, INVALID,
			"%d active deployments exist, unable to create new deployment.",
			DEPLOYMENTS_MAX);
	s->task_definition = definition->task_definition_arn;
	d = fleet_deployment_add(e, s, a);
	*ret_id = d->id;
	if (fleet_service_alarms_begin(e, tx, s, d, a, err) < 0 ||
		fleet_service_save(tx, s, err) < 0 ||
		fleet_service_announce(e, tx, s, "SERVICE_DEPLOYMENT_IN_PROGRESS", d->id,
			d->rollout_state_reason, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_SERVICE, s->service_arn, 0, err);
}

static int refuse_unbuilt_update(const struct ecs_update_service_request *req, struct err *err)
{
	const struct {
		bool used;
		const char *name;
	} unbuilt[] = {
		{wire_or(req->enable_execute_command, false), "enableExecuteCommand"},
		{req->placement_constraints.n, "placementConstraints"},
		{req->placement_strategy.n, "placementStrategy"},
		{req->deployment_controller, "another deploymentController"},
		{req->service_connect_configuration &&
				wire_or(req->service_connect_configuration->enabled, false),
			"serviceConnectConfiguration"},
		{req->service_registries.n, "serviceRegistries"},
		{req->volume_configurations.n, "volumeConfigurations"},
		{req->vpc_lattice_configurations.n, "vpcLatticeConfigurations"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(unbuilt); i++)
		if (unbuilt[i].used)
			return err_set(err, ERR_UNSUPPORTED,
				"%s of a service is not implemented; leave it out",
				unbuilt[i].name);
	return 0;
}

/* What only a deployment by the controller itself may change. */
static int check_controller(
	const struct ecs_service *s, const struct ecs_update_service_request *req, struct err *err)
{
	const struct {
		bool used;
		const char *what;
	} reserved[] = {
		{req->task_definition, "update task definition"},
		{wire_or(req->force_new_deployment, false), "force a new deployment"},
		{req->network_configuration, "update network configuration"},
		{req->load_balancers.set, "update load balancers"},
		{req->platform_version, "update platform version"},
		{req->capacity_provider_strategy.set, "update capacity provider strategy"},
	};
	const char *type = s->deployment_controller->type;

	if (fleet_service_controller(s) == FLEET_CONTROLLER_ECS)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (reserved[i].used)
			return err_set_wire(err, INVALID,
				"Unable to %s on services with a%s %s deployment "
				"controller. Use %s to trigger a new deployment.",
				reserved[i].what, streq(type, "EXTERNAL") ? "n" : "", type,
				streq(type, "EXTERNAL") ? "CreateTaskSet" : "AWS CodeDeploy");
	return 0;
}

static int update_capacity(struct fleet_engine *e, struct db_tx *tx,
	const struct ecs_update_service_request *req, struct ecs_service *s, struct arena *a,
	struct err *err)
{
	const struct ecs_capacity_provider_strategy *asked = &req->capacity_provider_strategy;
	const char *version = req->platform_version ? req->platform_version : s->platform_version;
	struct ecs_cluster c;

	if (asked->set && !asked->n)
		return err_set_wire(
			err, INVALID, "capacityProviderStrategy must name a capacity provider.");
	if (asked->n) {
		if (fleet_cluster_need(e, tx, s->cluster_arn, a, &c, err) < 0 ||
			fleet_capacity_check(&c, asked, NULL, err) < 0)
			return -1;
		s->capacity_provider_strategy = *asked;
		s->launch_type = NULL;
		s->platform_family = "Linux";
	}
	return fleet_platform_version(launch_type_of(s), version, &s->platform_version, err);
}

static int update_rollout(struct fleet_engine *e, struct db_tx *tx,
	const struct ecs_update_service_request *req, struct ecs_service *s, struct arena *a,
	struct err *err)
{
	struct ecs_task_definition d;
	const char *id;
	bool again = wire_or(req->force_new_deployment, false) || req->network_configuration ||
		     req->load_balancers.set || req->platform_version ||
		     req->capacity_provider_strategy.set;

	if (!req->task_definition && !again)
		return 0;
	if (fleet_task_definition_need(e, tx,
		    req->task_definition ? req->task_definition : s->task_definition, a, &d,
		    err) < 0)
		return -1;
	if (!again && streq(d.task_definition_arn, s->task_definition))
		return 0;
	if (req->network_configuration)
		s->network_configuration =
			(struct ecs_network_configuration *)req->network_configuration;
	if (req->load_balancers.set)
		s->load_balancers = req->load_balancers;
	if (update_capacity(e, tx, req, s, a, err) < 0)
		return -1;
	if (fleet_task_definition_runs(&d, launch_type_of(s), s->network_configuration, err) < 0 ||
		fleet_load_balancers_check(tx, &s->load_balancers, &d, a, err) < 0)
		return -1;
	return fleet_service_roll(e, tx, s, &d, a, &id, err);
}

static int update_service_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, update_service);
	struct ecs_service *s = arena_new(a, struct ecs_service);

	if (fleet_service_need(e, tx, req->cluster, req->service, a, s, err) < 0 ||
		refuse_unbuilt_update(req, err) < 0 ||
		check_configuration(
			req->deployment_configuration, fleet_service_controller(s), err) < 0 ||
		check_controller(s, req, err) < 0)
		return -1;
	if (wire_or(req->desired_count, 0) < 0)
		return err_set_wire(err, INVALID, "desiredCount must not be negative.");
	if (req->desired_count.set)
		s->desired_count = req->desired_count;
	if (req->deployment_configuration)
		s->deployment_configuration =
			complete_configuration(req->deployment_configuration, a);
	if (req->health_check_grace_period_seconds.set)
		s->health_check_grace_period_seconds = req->health_check_grace_period_seconds;
	if (req->propagate_tags)
		s->propagate_tags = req->propagate_tags;
	if (req->availability_zone_rebalancing)
		s->availability_zone_rebalancing = req->availability_zone_rebalancing;
	if (req->enable_ecs_managed_tags.set)
		s->enable_ecs_managed_tags = req->enable_ecs_managed_tags;
	if (s->deployments.n)
		s->deployments.v[0].desired_count = s->desired_count;
	if (update_rollout(e, tx, req, s, a, err) < 0 || fleet_service_save(tx, s, err) < 0 ||
		(req->desired_count.set &&
			fleet_service_announce(
				e, tx, s, "SERVICE_DESIRED_COUNT_UPDATED", NULL, NULL, err) < 0) ||
		fleet_wake(e, tx, FLEET_TASK_SERVICE, s->service_arn, 0, err) < 0)
		return -1;
	resp->service = s;
	return fleet_service_complete(e, tx, s, true, a, err);
}
FLEET_DEFINE(ecs, update_service, fleet_write)

/* ---- the others ---- */

static int delete_service_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, delete_service);
	struct ecs_service *s = arena_new(a, struct ecs_service);
	struct ecs_task_sets sets;

	if (fleet_service_need(e, tx, req->cluster, req->service, a, s, err) < 0 ||
		fleet_task_sets_of(tx, s->service_arn, a, &sets, err) < 0)
		return -1;
	if (!wire_or(req->force, false) && wire_or(s->desired_count, 0) > 0)
		return err_set_wire(
			err, INVALID, "The service cannot be stopped while it is scaled above 0.");
	if (!wire_or(req->force, false) && sets.n > 1)
		return err_set_wire(err, INVALID,
			"The service cannot be stopped while it has task sets besides the "
			"primary one.");
	s->status = SERVICE_DRAINING;
	s->desired_count = WIRE_SET_INT(0);
	if (fleet_service_save(tx, s, err) < 0 ||
		fleet_wake(e, tx, FLEET_TASK_SERVICE, s->service_arn, 0, err) < 0)
		return -1;
	resp->service = s;
	return fleet_service_complete(e, tx, s, false, a, err);
}
FLEET_DEFINE(ecs, delete_service, fleet_write)

static int describe_services_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, describe_services);
	struct ecs_cluster c;
	bool tags = false;

	if (fleet_cluster_need(e, tx, req->cluster, a, &c, err) < 0)
		return -1;
	wire_foreach (field, &req->include)
		tags |= streq(*field, "TAGS");
	wire_list_alloc(a, &resp->services, req->services.n);
	wire_list_alloc(a, &resp->failures, req->services.n);
	resp->services.n = resp->failures.n = 0;
	wire_foreach (name, &req->services) {
		struct ecs_service s;
		int r = fleet_service_find(e, tx, c.cluster_arn, *name, a, &s, err);

		if (r < 0)
			return -1;
		if (r == 0) {
			resp->failures.v[resp->failures.n++] = (struct ecs_failure){
				.arn = fleet_arn(e, a, "ecs", "service/%s/%s", c.cluster_name,
					fleet_last_part(*name)),
				.reason = "MISSING"};
			continue;
		}
		if (fleet_service_complete(e, tx, &s, tags, a, err) < 0)
			return -1;
		resp->services.v[resp->services.n++] = s;
	}
	return 0;
}
FLEET_DEFINE(ecs, describe_services, fleet_read)

static int list_services_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, list_services);
	struct store_documents all;
	struct ecs_cluster c;
	size_t n = 0;

	if (fleet_cluster_need(e, tx, req->cluster, a, &c, err) < 0 ||
		store_document_list(tx, &STORE_SERVICE,
			&(struct store_document_filter){.owner = c.cluster_arn}, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct ecs_service *s = all.v[i];

		if (!streq(s->status, SERVICE_INACTIVE) &&
			(!req->scheduling_strategy ||
				streq(req->scheduling_strategy, s->scheduling_strategy)) &&
			(!req->launch_type || streq(req->launch_type, launch_type_of(s))))
			all.ids[n++] = all.ids[i];
	}
	fleet_page(all.ids, n, req->next_token, req->max_results, a, &resp->service_arns,
		&resp->next_token);
	return 0;
}
FLEET_DEFINE(ecs, list_services, fleet_read)
