/* SPDX-License-Identifier: Apache-2.0 */
/* A service as the target of a deployment, as the API shows it: events, task sets and what share
 * of the traffic each has. */
#include "base/mem.h"
#include "deploy/service.h"

static double weight_of(
	const struct towpath_deploy_service *s, const struct towpath_deploy_task_set *set)
{
	double green = (double)s->weight.v;

	if (streq(set->id, s->green_set))
		return green;
	return streq(set->id, s->blue_set) ? 100 - green : 0;
}

static void as_task_set(const struct towpath_deploy_service *s,
	const struct towpath_deploy_task_set *set, struct arena *a,
	struct codedeploy_ecs_task_set *ret)
{
	*ret = (struct codedeploy_ecs_task_set){
		.identifer = set->id,
		.desired_count = set->desired,
		.pending_count = set->pending,
		.running_count = set->running,
		.status = set->status,
		.traffic_weight = WIRE_SET_DOUBLE(weight_of(s, set)),
		.task_set_label = set->label,
	};
	if (set->group) {
		ret->target_group = arena_new(a, struct codedeploy_target_group_info);
		ret->target_group->name = set->group;
	}
}

static void show_sets(const struct towpath_deploy_service *s,
	const struct towpath_deploy_task_set_list *sets, struct arena *a,
	struct codedeploy_ecs_target *ret)
{
	wire_list_alloc(a, &ret->task_sets_info, sets->n);
	for (size_t i = 0; i < sets->n; i++)
		as_task_set(s, &sets->v[i], a, &ret->task_sets_info.v[i]);
}

void service_as_target(const struct store_deployment *d, const struct store_target *t,
	struct arena *a, struct codedeploy_deployment_target *ret)
{
	const struct towpath_deploy_service *s = d->state.service;
	struct codedeploy_ecs_target *target = arena_new(a, struct codedeploy_ecs_target);

	*target = (struct codedeploy_ecs_target){
		.deployment_id = t->info.deployment_id,
		.target_id = t->info.target_id,
		.target_arn = t->info.target_arn,
		.last_updated_at = t->info.last_updated_at,
		.lifecycle_events = t->info.lifecycle_events,
		.status = t->info.status,
	};
	show_sets(s, &s->sets, a, target);
	ret->deployment_target_type = CODEDEPLOY_DEPLOYMENT_TARGET_TYPE_ECSTARGET;
	ret->ecs_target = target;
}

struct refresh {
	struct arena *a;
	const char *id;
	struct store_deployment d;
	bool found;
};

static int load(struct db_tx *tx, void *arg, struct err *err)
{
	struct refresh *r = arg;
	int found = store_deployment_get(tx, r->id, r->a, &r->d, err);

	r->found = found > 0;
	return MIN(found, 0);
}

void service_refresh_target(
	struct deploy_engine *e, struct arena *a, struct codedeploy_deployment_target *t)
{
	const struct deploy_ports *p = e->ports;
	struct refresh r = {.a = a};
	const struct towpath_deploy_service *s;
	struct towpath_deploy_task_set_list sets;
	struct deploy_service now;

	if (!t->ecs_target)
		return;
	r.id = t->ecs_target->deployment_id;
	if (deploy_read(e, load, &r, NULL) < 0 || !r.found || !r.d.active)
		return;
	s = r.d.state.service;
	if (p->service_get(p->arg, s->cluster, s->service, a, &now, NULL) < 0)
		return;
	service_sets_of(s, &now, a, &sets);
	show_sets(s, &sets, a, t->ecs_target);
}
