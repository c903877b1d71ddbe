/* SPDX-License-Identifier: Apache-2.0 */
/* Container services, for deployments (deploy/ports.h): task sets and listeners of the fleet. */
#include "base/mem.h"
#include "provider/deploy_fleet.h"

static struct fleet_engine *fleet_of(void *arg)
{
	struct deploy_fleet *w = arg;

	return w->fleet;
}

/* The name in a target group's ARN, "...:targetgroup/NAME/ID". */
static const char *group_name(const char *arn, struct arena *a)
{
	const char *at = arn ? strstr(arn, ":targetgroup/") : NULL;

	if (!at)
		return arn;
	at += strlen(":targetgroup/");
	return arena_strndup(a, at, strcspn(at, "/"));
}

static enum deploy_set_status set_status(enum fleet_task_set_status status)
{
	switch (status) {
	case FLEET_TASK_SET_PRIMARY:
		return DEPLOY_SET_PRIMARY;
	case FLEET_TASK_SET_ACTIVE:
		return DEPLOY_SET_ACTIVE;
	case FLEET_TASK_SET_DRAINING:
		break;
	}
	return DEPLOY_SET_DRAINING;
}

static int to_set(void *arg, const struct fleet_service *service, const struct fleet_task_set *from,
	struct arena *a, struct deploy_set *ret, struct err *err)
{
	struct fleet_task_set_targets targets = {0};

	if (fleet_task_set_targets(
		    fleet_of(arg), service->cluster, service->name, from->id, a, &targets, err) < 0)
		return -1;
	*ret = (struct deploy_set){
		.id = from->id,
		.external_id = from->external_id,
		.task_definition = from->task_definition,
		.target_group = from->n_attachments
					? group_name(from->attachments[0].target_group, a)
					: NULL,
		.status = set_status(from->status),
		.desired = from->desired,
		.pending = from->pending,
		.running = from->running,
		.steady = from->steady,
		.targets = targets.registered,
		.healthy = targets.healthy,
		.failed = from->failed,
		.trouble = from->failed_reason ? from->failed_reason : targets.reason,
	};
	return 0;
}

static int service_get(void *arg, const char *cluster, const char *service, struct arena *a,
	struct deploy_service *ret, struct err *err)
{
	struct fleet_service s;

	if (fleet_service_get(fleet_of(arg), cluster, service, a, &s, err) < 0)
		return -1;
	*ret = (struct deploy_service){
		.arn = s.arn,
		.cluster = s.cluster,
		.name = s.name,
		.active = streq(s.status, "ACTIVE"),
		.code_deploy = s.controller == FLEET_CONTROLLER_CODE_DEPLOY,
		.sets = arena_new_n(a, s.n_sets + 1, struct deploy_set),
		.n = s.n_sets,
	};
	for (size_t i = 0; i < s.n_sets; i++)
		if (to_set(arg, &s, &s.sets[i], a, &ret->sets[i], err) < 0)
			return -1;
	return 0;
}

static int task_definition_get(void *arg, const char *name, struct arena *a,
	struct deploy_task_definition *ret, struct err *err)
{
	struct fleet_task_definition t;

	if (fleet_task_definition_get(fleet_of(arg), name, a, &t, err) < 0)
		return -1;
	*ret = (struct deploy_task_definition){
		.arn = t.arn,
		.active = streq(t.status, "ACTIVE"),
		.containers = arena_new_n(a, t.n_containers + 1, struct deploy_container),
		.n = t.n_containers,
	};
	for (size_t i = 0; i < t.n_containers; i++) {
		int *ports = arena_new_n(a, t.n_ports + 1, int);
		struct deploy_container *c = &ret->containers[i];

		*c = (struct deploy_container){.name = t.containers[i], .ports = ports};
		for (size_t k = 0; k < t.n_ports; k++)
			if (streq(t.ports[k].container, c->name))
				ports[c->n_ports++] = t.ports[k].port;
	}
	return 0;
}

static int set_create(void *arg, const struct deploy_set_wish *wish, struct arena *a,
	const char **ret_id, struct err *err)
{
	const struct fleet_attachment attachment = {
		.target_group = wish->target_group,
		.container = wish->container,
		.port = wish->port,
	};
	const struct fleet_task_set_request req = {
		.cluster = wish->cluster,
		.service = wish->service,
		.external_id = wish->external_id,
		.task_definition = wish->task_definition,
		.attachments = &attachment,
		.n_attachments = 1,
		.scale = 100,
		.like = wish->like,
		.started_by = "CODE_DEPLOY",
		.network_configuration = wish->network_configuration,
		.platform_version = wish->platform_version,
		.capacity_providers = wish->capacity_providers,
	};
	struct fleet_task_set set;

	if (fleet_task_set_create(fleet_of(arg), &req, a, &set, err) < 0)
		return -1;
	*ret_id = set.id;
	return 0;
}

static int set_promote(
	void *arg, const char *cluster, const char *service, const char *id, struct err *err)
{
	return fleet_task_set_promote(fleet_of(arg), cluster, service, id, err);
}

static int set_delete(
	void *arg, const char *cluster, const char *service, const char *id, struct err *err)
{
	return fleet_task_set_delete(fleet_of(arg), cluster, service, id, true, err);
}

static int listener_shift(void *arg, const struct deploy_shift *shift, struct err *err)
{
	const struct fleet_weight weights[] = {
		{.target_group = shift->group, .weight = shift->weight},
		{.target_group = shift->other, .weight = 100 - shift->weight},
	};

	return fleet_listener_shift(
		fleet_of(arg), shift->listener, weights, ARRAY_SIZE(weights), err);
}

static int listener_forwards(
	void *arg, const char *listener, const char *group, bool *ret, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct fleet_weight *weights;
	size_t n;

	*ret = false;
	if (fleet_listener_weights(fleet_of(arg), listener, &a, &weights, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (streq(group_name(weights[i].target_group, &a), group))
			*ret = true;
	return 0;
}

void deploy_ecs_ports(struct deploy_ports *ret)
{
	ret->service_get = service_get;
	ret->task_definition_get = task_definition_get;
	ret->set_create = set_create;
	ret->set_promote = set_promote;
	ret->set_delete = set_delete;
	ret->listener_shift = listener_shift;
	ret->listener_forwards = listener_forwards;
}
