/* SPDX-License-Identifier: Apache-2.0 */
/* Services in the store: finding them, what is kept beside them, their events and counts. */
#include <stdarg.h>
#include <stdio.h>

#include "base/id.h"
#include "fleet/containers.h"
#include "store/resource_tags.h"

#define EVENTS_MAX 100

static char *service_arn(
	struct fleet_engine *e, struct arena *a, const char *cluster, const char *name)
{
	return fleet_arn(e, a, "ecs", "service/%s/%s",
		cluster && *cluster ? fleet_last_part(cluster) : "default", fleet_last_part(name));
}

int fleet_service_find(struct fleet_engine *e, struct db_tx *tx, const char *cluster,
	const char *name, struct arena *a, struct ecs_service *ret, struct err *err)
{
	return store_document_get(
		tx, &STORE_SERVICE, service_arn(e, a, cluster, name), a, ret, err);
}

int fleet_service_need(struct fleet_engine *e, struct db_tx *tx, const char *cluster,
	const char *name, struct arena *a, struct ecs_service *ret, struct err *err)
{
	struct ecs_cluster c;
	int r;

	if (fleet_cluster_need(e, tx, cluster, a, &c, err) < 0)
		return -1;
	r = fleet_service_find(e, tx, cluster, name, a, ret, err);
	if (r < 0)
		return -1;
	if (r == 0)
		return err_set_wire(err, "ServiceNotFoundException", "Service not found.");
	if (!streq(ret->status, SERVICE_ACTIVE))
		return err_set_wire(err, "ServiceNotActiveException", "Service was not ACTIVE.");
	return 0;
}

int fleet_service_save(struct db_tx *tx, const struct ecs_service *s, struct err *err)
{
	return store_document_put(tx, &STORE_SERVICE, s->service_arn, s->cluster_arn, s, err);
}

enum fleet_controller fleet_service_controller(const struct ecs_service *s)
{
	const char *type = s->deployment_controller ? s->deployment_controller->type : NULL;

	return streq(type, "CODE_DEPLOY") ? FLEET_CONTROLLER_CODE_DEPLOY
	       : streq(type, "EXTERNAL")  ? FLEET_CONTROLLER_EXTERNAL
					  : FLEET_CONTROLLER_ECS;
}

void fleet_service_event(
	struct fleet_engine *e, struct ecs_service *s, struct arena *a, const char *fmt, ...)
{
	struct ecs_service_events old = s->events;
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(a, fmt, ap);
	va_end(ap);
	wire_list_alloc(a, &s->events, MIN(old.n + 1, EVENTS_MAX));
	s->events.v[0] = (struct ecs_service_event){
		.id = arena_strdup(a, id_uuid().text),
		.created_at = WIRE_SET_TIME(durable_now(e->durable)),
		.message = arena_printf(a, "(service %s) %s", s->service_name, text),
	};
	for (size_t i = 1; i < s->events.n; i++)
		s->events.v[i] = old.v[i - 1];
}

int fleet_service_announce(struct fleet_engine *e, struct db_tx *tx, const struct ecs_service *s,
	const char *event, const char *deployment, const char *reason, struct err *err)
{
	struct str detail CLEANUP_STR = STR_INIT;
	struct towpath_event_service doc = {
		.service_arn = s->service_arn,
		.cluster_arn = s->cluster_arn,
		.service_name = s->service_name,
		.event = event,
		.deployment_id = deployment,
		.reason = reason,
	};

	wire_encode_json(&towpath_event_service_shape, &doc, &detail);
	return journal_append(e->durable, tx,
		&(struct journal_entry){.kind = "ecs.service",
			.subject = s->service_arn,
			.detail = str_text(&detail)},
		err);
}

/* ---- sets ---- */

const char *fleet_set_id(struct arena *a)
{
	char digits[SET_ID_DIGITS + 1];

	id_random_text(digits, SET_ID_DIGITS, "0123456789");
	digits[0] = digits[0] == '0' ? '1' : digits[0];
	return arena_printf(a, "ecs-svc/%s", digits);
}

int fleet_set_get(struct db_tx *tx, const char *id, const char *service, struct arena *a,
	struct towpath_fleet_set *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_SERVICE_SET, id, a, ret, err);

	if (r == 0)
		*ret = (struct towpath_fleet_set){
			.id = arena_strdup(a, id), .service_arn = arena_strdup(a, service)};
	return r < 0 ? -1 : 0;
}

int fleet_set_put(struct db_tx *tx, const struct towpath_fleet_set *s, struct err *err)
{
	return store_document_put(tx, &STORE_SERVICE_SET, s->id, s->service_arn, s, err);
}

struct ecs_deployment *fleet_deployment_add(
	struct fleet_engine *e, struct ecs_service *s, struct arena *a)
{
	struct ecs_deployments old = s->deployments;
	struct wire_time now = WIRE_SET_TIME(durable_now(e->durable));
	struct ecs_deployment *d;

	wire_list_alloc(a, &s->deployments, old.n + 1);
	for (size_t i = 0; i < old.n; i++) {
		s->deployments.v[i + 1] = old.v[i];
		s->deployments.v[i + 1].status = SET_ACTIVE;
	}
	d = &s->deployments.v[0];
	*d = (struct ecs_deployment){
		.id = fleet_set_id(a),
		.status = SET_PRIMARY,
		.task_definition = s->task_definition,
		.launch_type = s->launch_type,
		.capacity_provider_strategy = s->capacity_provider_strategy,
		.platform_version = s->platform_version,
		.platform_family = s->platform_family,
		.network_configuration = s->network_configuration,
		.created_at = now,
		.updated_at = now,
		.desired_count = s->desired_count,
		.rollout_state = ROLLOUT_IN_PROGRESS,
	};
	d->rollout_state_reason = arena_printf(a, "ECS deployment %s in progress.", d->id);
	return d;
}

struct fleet_counts fleet_counts_of(const struct fleet_tasks *tasks, const char *set_id)
{
	struct fleet_counts c = {.healthy = true};

	for (size_t i = 0; i < tasks->n; i++) {
		const struct fleet_task *t = &tasks->v[i];
		enum fleet_task_status status = fleet_task_status(t);
		bool checked = false;

		if ((set_id && !streq(t->s.set_id, set_id)) || status == TASK_STOPPED)
			continue;
		wire_foreach (container, &t->s.containers)
			checked |= container->health_status != NULL;
		c.running += status == TASK_RUNNING;
		c.pending += status < TASK_RUNNING;
		c.stopping += status > TASK_RUNNING || !fleet_task_wanted(t);
		c.healthy &= status != TASK_RUNNING || !checked ||
			     streq(t->t.health_status, HEALTH_HEALTHY);
	}
	return c;
}

/* ---- for describing ---- */

int fleet_service_complete(struct fleet_engine *e UNUSED, struct db_tx *tx, struct ecs_service *s,
	bool tags, struct arena *a, struct err *err)
{
	struct fleet_tasks tasks;
	struct fleet_counts all;

	if (fleet_tasks_of(tx, s->service_arn, a, &tasks, err) < 0 ||
		(tags && fleet_tags_of(tx, s->service_arn, a, &s->tags, err) < 0))
		return -1;
	all = fleet_counts_of(&tasks, NULL);
	s->running_count = WIRE_SET_INT(all.running);
	s->pending_count = WIRE_SET_INT(all.pending);
	wire_foreach (d, &s->deployments) {
		struct fleet_counts c = fleet_counts_of(&tasks, d->id);
		struct towpath_fleet_set set;

		if (fleet_set_get(tx, d->id, s->service_arn, a, &set, err) < 0)
			return -1;
		d->running_count = WIRE_SET_INT(c.running);
		d->pending_count = WIRE_SET_INT(c.pending);
		d->failed_tasks = WIRE_SET_INT(wire_or(set.failed, 0));
	}
	if (fleet_service_controller(s) == FLEET_CONTROLLER_ECS)
		return 0;
	return fleet_task_sets_of(tx, s->service_arn, a, &s->task_sets, err);
}

int fleet_load_balancers_check(struct db_tx *tx, const struct ecs_load_balancers *l,
	const struct ecs_task_definition *d, struct arena *a, struct err *err)
{
	wire_foreach (b, l) {
		const struct ecs_container_definition *c =
			d && b->container_name ? fleet_container_definition(d, b->container_name)
					       : NULL;
		struct elbv2_target_group tg;
		bool mapped = false;
		int r;

		if (b->load_balancer_name || b->advanced_configuration || !b->target_group_arn)
			return err_set_wire(err, "InvalidParameterException",
				"A load balancer of a service needs targetGroupArn, containerName "
				"and containerPort; %s is not implemented",
				b->advanced_configuration ? "advancedConfiguration"
							  : "loadBalancerName");
		if (!c)
			return err_set_wire(err, "InvalidParameterException",
				"The container %s does not exist in the task definition.",
				b->container_name ? b->container_name : "(none)");
		wire_foreach (p, &c->port_mappings)
			mapped |= p->container_port.v == wire_or(b->container_port, 0);
		if (!mapped)
			return err_set_wire(err, "InvalidParameterException",
				"The container %s did not have a container port %d defined.",
				c->name, (int)wire_or(b->container_port, 0));
		r = fleet_target_group_by_name(tx, b->target_group_arn, a, &tg, err);
		if (r < 0)
			return -1;
		if (r == 0)
			return err_set_wire(err, "InvalidParameterException",
				"The target group with targetGroupArn %s does not exist.",
				b->target_group_arn);
		if (!streq(tg.target_type, "ip"))
			return err_set_wire(err, "InvalidParameterException",
				"The provided target group %s has target type %s, which is "
				"incompatible with the awsvpc network mode specified in the task "
				"definition.",
				b->target_group_arn, tg.target_type);
	}
	return 0;
}

/* ---- forgetting ---- */

static int forget_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	const struct task *t = o->req;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct ecs_service s;
	int r = store_document_get(tx, &STORE_SERVICE, t->subject, &a, &s, err);

	if (r < 0)
		return -1;
	if (r > 0 && streq(s.status, SERVICE_INACTIVE) &&
		(store_document_delete(tx, &STORE_SERVICE, t->subject, err) < 0 ||
			store_tags_forget(tx, t->subject, err) < 0 ||
			store_document_delete_owned(tx, &STORE_SERVICE_SET, t->subject, err) < 0 ||
			store_document_delete_owned(tx, &STORE_TASK_SET, t->subject, err) < 0))
		return -1;
	return task_done(o->e->durable, tx, t, err);
}

int fleet_forget_service_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct fleet_op o = {.e = arg, .req = t};

	return durable_step(d, forget_step, &o, err);
}
