/* SPDX-License-Identifier: Apache-2.0 */
/* The task `fleet.service`: compares what the sets of a service want with what they have, starts
 * and stops tasks, and tells what has become of deployments. Runs when the service or one of its
 * tasks or targets changes, and when a wait ends. */
#include <stdio.h>

#include "base/log.h"
#include "fleet/capacity.h"
#include "fleet/service_run.h"

/* A task without any check counts as healthy after it has run so long. */
#define SETTLE_USEC (3 * USEC_PER_SEC)
/* Failures in a row after which a service is said to be impaired. */
#define IMPAIRED_FAILURES 3

void reconcile_wake_at(struct reconcile *x, int64_t usec)
{
	if (!x->wake_usec || usec < x->wake_usec)
		x->wake_usec = usec;
}

/* ---- members ---- */

/* What the load balancers say of a task: the worst of its targets. */
static int target_state(struct reconcile *x, const struct fleet_task *t,
	enum fleet_member_state *ret, struct err *err)
{
	struct store_documents all;

	*ret = MEMBER_SETTLING;
	if (store_document_list(x->tx, &STORE_TARGET, NULL, x->a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct towpath_fleet_target *target = all.v[i];

		if (!fleet_task_is_target(t, target) || wire_or(target->drained, false))
			continue;
		if (streq(target->state, TARGET_UNHEALTHY)) {
			*ret = MEMBER_UNHEALTHY;
			return 0;
		}
		if (streq(target->state, TARGET_HEALTHY))
			*ret = MEMBER_HEALTHY;
	}
	return 0;
}

static int member_state(struct reconcile *x, const struct fleet_task *t,
	enum fleet_member_state *ret, struct err *err)
{
	int64_t grace = wire_or(x->s.health_check_grace_period_seconds, 0) * USEC_PER_SEC;
	int64_t settled = t->t.started_at.usec + SETTLE_USEC;
	bool checked = false;

	*ret = MEMBER_STARTING;
	if (fleet_task_status(t) != TASK_RUNNING) {
		if (streq(t->t.health_status, HEALTH_UNHEALTHY))
			*ret = MEMBER_UNHEALTHY;
		return 0;
	}
	wire_foreach (c, &t->s.containers)
		checked |= c->health_status != NULL;
	if (streq(t->t.health_status, HEALTH_UNHEALTHY)) {
		*ret = MEMBER_UNHEALTHY;
		return 0;
	}
	*ret = MEMBER_HEALTHY;
	if (checked && !streq(t->t.health_status, HEALTH_HEALTHY))
		*ret = MEMBER_SETTLING;
	if (wire_or(t->s.registered, false)) {
		enum fleet_member_state by_target;

		if (target_state(x, t, &by_target, err) < 0)
			return -1;
		if (by_target == MEMBER_UNHEALTHY && x->now < t->t.started_at.usec + grace) {
			reconcile_wake_at(x, t->t.started_at.usec + grace);
			by_target = MEMBER_SETTLING;
		}
		if (by_target != MEMBER_HEALTHY)
			*ret = by_target;
		checked = true;
	}
	if (!checked && x->now < settled) {
		*ret = MEMBER_SETTLING;
		reconcile_wake_at(x, settled);
	}
	return 0;
}

/* ---- starting and stopping ---- */

/* What the tasks of a deployment or a task set are made of. */
struct set_plan {
	const char *id, *definition, *launch_type, *platform_version;
	const struct ecs_capacity_provider_strategy *strategy;
	const struct ecs_network_configuration *network;
};

/* What has failed since this was last told, and when so many have failed in a row that starting
 * more does not help. */
static int tell_failures(struct reconcile *x, struct towpath_fleet_set *set, struct err *err)
{
	int failed = (int)wire_or(set->failed, 0), row = (int)wire_or(set->failures, 0);
	int fresh = failed - (int)wire_or(set->failed_told, 0);

	if (fresh <= 0)
		return 0;
	if (fresh == 1)
		fleet_service_event(
			x->e, &x->s, x->a, "a task has failed: %s.", set->failed_reason);
	else
		fleet_service_event(x->e, &x->s, x->a, "%d tasks have failed, at last %s.", fresh,
			set->failed_reason);
	x->changed = true;
	set->failed_told = WIRE_SET_INT(failed);
	if (row >= IMPAIRED_FAILURES && row - fresh < IMPAIRED_FAILURES) {
		fleet_service_event(
			x->e, &x->s, x->a, "is unable to consistently start tasks successfully.");
		if (fleet_service_announce(x->e, x->tx, &x->s, "SERVICE_TASK_START_IMPAIRED",
			    set->id, set->failed_reason, err) < 0)
			return -1;
	}
	return fleet_set_put(x->tx, set, err);
}

/* What hands its tags on to the tasks of a service. */
static const char *tag_source(const struct ecs_service *s, const struct ecs_task_definition *d)
{
	if (streq(s->propagate_tags, "SERVICE"))
		return s->service_arn;
	return streq(s->propagate_tags, "TASK_DEFINITION") ? d->task_definition_arn : NULL;
}

static int start_tasks(struct reconcile *x, const struct set_plan *p, int count, struct err *err)
{
	struct fleet_capacity_placed placed = fleet_capacity_placed(p->strategy, &x->tasks, p->id);
	struct ecs_task_definition d;
	struct towpath_fleet_set set;
	struct str names CLEANUP_STR = STR_INIT;
	struct ecs_tags tags = {0};
	int r = fleet_task_definition_find(x->e, x->tx, p->definition, x->a, &d, err);

	if (r <= 0)
		return r < 0 ? -1
			     : err_set(err, ERR_NOT_FOUND, "there is no task definition %s",
				       p->definition);
	if (fleet_set_get(x->tx, p->id, x->s.service_arn, x->a, &set, err) < 0 ||
		tell_failures(x, &set, err) < 0)
		return -1;
	if (set.not_before.set && x->now < set.not_before.usec) {
		reconcile_wake_at(x, set.not_before.usec);
		return 0;
	}
	if (fleet_tags_for_task(x->tx,
		    &(struct fleet_task_tags){
			    .source_arn = tag_source(&x->s, &d),
			    .managed = wire_or(x->s.enable_ecs_managed_tags, false),
			    .cluster_arn = x->s.cluster_arn,
			    .service_name = x->s.service_name,
		    },
		    x->a, &tags, err) < 0)
		return -1;
	for (int i = 0; i < count; i++) {
		struct fleet_task_plan plan = {
			.cluster_arn = x->s.cluster_arn,
			.service_arn = x->s.service_arn,
			.set_id = p->id,
			.group = arena_printf(x->a, "service:%s", x->s.service_name),
			.started_by = p->id,
			.launch_type = fleet_capacity_launch_type(p->launch_type, p->strategy),
			.platform_version = p->platform_version,
			.capacity_provider = fleet_capacity_next(p->strategy, &placed),
			.definition = &d,
			.network = p->network,
			.tags = &tags,
		};
		struct ecs_task made;

		if (fleet_task_make(x->e, x->tx, &plan, x->a, &made, err) < 0)
			return -1;
		fleet_capacity_count(p->strategy, plan.capacity_provider, &placed);
		str_addf(&names, "%s(task %s)", i ? ", " : "", fleet_last_part(made.task_arn));
	}
	if (count > 0) {
		fleet_service_event(
			x->e, &x->s, x->a, "has started %d tasks: %s.", count, str_text(&names));
		x->changed = true;
	}
	return 0;
}

static int stop_task(struct reconcile *x, struct fleet_task *t, enum fleet_member_state state,
	const char *set_id, struct err *err)
{
	const char *reason =
		arena_printf(x->a, "Scaling activity initiated by deployment %s", set_id);

	if (state == MEMBER_UNHEALTHY)
		reason = streq(t->t.health_status, HEALTH_UNHEALTHY)
				 ? "Task failed container health checks"
				 : "Task failed ELB health checks";
	return fleet_task_stop(x->e, x->tx, t, "ServiceSchedulerInitiated",
		state == MEMBER_UNHEALTHY, reason, err);
}

/* ---- controller ECS ---- */

static int percent(struct wire_int v, int dflt)
{
	return (int)wire_or(v, dflt);
}

/* Wanted tasks and how each stands; who[i] is the task behind v[i]. */
static int roll_members(struct reconcile *x, const char *primary_id, struct fleet_roll_member *v,
	struct fleet_task **who, size_t *ret_n, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < x->tasks.n; i++) {
		struct fleet_task *t = &x->tasks.v[i];

		if (!fleet_task_wanted(t))
			continue;
		who[n] = t;
		v[n] = (struct fleet_roll_member){
			.primary = streq(t->s.set_id, primary_id),
			.created_usec = t->t.created_at.usec,
		};
		if (member_state(x, t, &v[n++].state, err) < 0)
			return -1;
	}
	*ret_n = n;
	return 0;
}

/* Tasks of earlier deployments that still answer requests. */
static bool others_serve(const struct reconcile *x, const char *primary_id)
{
	for (size_t i = 0; i < x->tasks.n; i++)
		if (!streq(x->tasks.v[i].s.set_id, primary_id) &&
			fleet_task_status(&x->tasks.v[i]) < TASK_STOPPING)
			return true;
	return false;
}

static void tell_stuck(struct reconcile *x)
{
	static const char text[] =
		"was unable to stop or start tasks during a deployment because of the service "
		"deployment configuration. Update the minimumHealthyPercent or maximumPercent "
		"value and try again.";

	if (x->s.events.n && strstr(x->s.events.v[0].message, text))
		return;
	fleet_service_event(x->e, &x->s, x->a, "%s", text);
	x->changed = true;
}

static int roll(struct reconcile *x, struct err *err)
{
	static const struct ecs_deployment_configuration plain;
	const struct ecs_deployment_configuration *c =
		x->s.deployment_configuration ? x->s.deployment_configuration : &plain;
	bool active = streq(x->s.status, SERVICE_ACTIVE);
	struct ecs_deployment *d = &x->s.deployments.v[0];
	struct fleet_roll_member *members =
		arena_new_n(x->a, x->tasks.n + 1, struct fleet_roll_member);
	struct fleet_task **who = arena_new_n(x->a, x->tasks.n + 1, struct fleet_task *);
	struct fleet_roll_decision decision = {.stop = arena_new_n(x->a, x->tasks.n + 1, bool)};
	struct fleet_roll roll = {
		.desired = active ? (int)wire_or(x->s.desired_count, 0) : 0,
		.minimum_percent = percent(c->minimum_healthy_percent, 100),
		.maximum_percent = percent(c->maximum_percent, 200),
		.v = members,
		.halted = streq(d->rollout_state, ROLLOUT_FAILED),
	};
	struct set_plan plan = {
		.id = d->id,
		.definition = d->task_definition,
		.launch_type = d->launch_type,
		.platform_version = d->platform_version,
		.strategy = &d->capacity_provider_strategy,
		.network = d->network_configuration,
	};
	int failed = rollout_fails(x, err);

	if (failed)
		return failed < 0 ? -1 : 0;
	if (roll_members(x, d->id, members, who, &roll.n, err) < 0)
		return -1;
	fleet_roll_decide(&roll, &decision);
	for (size_t i = 0; i < roll.n; i++)
		if (decision.stop[i] && stop_task(x, who[i], members[i].state, d->id, err) < 0)
			return -1;
	if (start_tasks(x, &plan, decision.start, err) < 0)
		return -1;
	if (decision.stuck && x->s.deployments.n > 1)
		tell_stuck(x);
	if (!decision.done || others_serve(x, d->id))
		return rollout_unsteady(x, err);
	return rollout_complete(x, err);
}

/* ---- task sets ---- */

struct set_view {
	struct ecs_task_set *set;
	int want;
	size_t n;
	struct fleet_task **who;
	enum fleet_member_state *states;
};

static int stability(struct reconcile *x, struct set_view *v, struct err *err)
{
	struct fleet_counts c = fleet_counts_of(&x->tasks, v->set->id);
	bool settled = true;
	const char *now_state;

	for (size_t i = 0; i < v->n; i++)
		settled &= v->states[i] == MEMBER_HEALTHY ||
			   (v->states[i] == MEMBER_SETTLING &&
				   wire_or(v->who[i]->s.registered, false) &&
				   x->now >= v->who[i]->t.started_at.usec + SETTLE_USEC);
	for (size_t i = 0; i < v->n; i++)
		if (v->states[i] == MEMBER_SETTLING &&
			x->now < v->who[i]->t.started_at.usec + SETTLE_USEC)
			reconcile_wake_at(x, v->who[i]->t.started_at.usec + SETTLE_USEC);
	now_state = c.running == v->want && !c.pending && !c.stopping && c.healthy && settled
			    ? "STEADY_STATE"
			    : "STABILIZING";
	v->set->computed_desired_count = WIRE_SET_INT(v->want);
	v->set->running_count = WIRE_SET_INT(c.running);
	v->set->pending_count = WIRE_SET_INT(c.pending);
	if (!streq(now_state, v->set->stability_status)) {
		v->set->stability_status = now_state;
		v->set->stability_status_at = WIRE_SET_TIME(x->now);
		if (fleet_task_set_announce(x->e, x->tx, v->set, v->set->status, NULL, err) < 0)
			return -1;
		if (streq(now_state, "STEADY_STATE")) {
			struct towpath_fleet_set kept;

			if (fleet_set_get(x->tx, v->set->id, x->s.service_arn, x->a, &kept, err) <
				0)
				return -1;
			kept.failures = WIRE_SET_INT(0);
			if (fleet_set_put(x->tx, &kept, err) < 0)
				return -1;
		}
	}
	return fleet_task_set_put(x->tx, v->set, err);
}

static int scale_set(struct reconcile *x, struct set_view *v, struct err *err)
{
	struct fleet_member *members = arena_new_n(x->a, v->n + 1, struct fleet_member);
	bool *stop = arena_new_n(x->a, v->n + 1, bool);
	size_t start;

	for (size_t i = 0; i < v->n; i++)
		members[i] = (struct fleet_member){
			.running = v->states[i] != MEMBER_STARTING,
			.unhealthy = v->states[i] == MEMBER_UNHEALTHY,
			.launch_usec = v->who[i]->t.created_at.usec,
		};
	start = fleet_group_decide((size_t)v->want, members, v->n, stop);
	for (size_t i = 0; i < v->n; i++)
		if ((stop[i] || v->states[i] == MEMBER_UNHEALTHY) &&
			stop_task(x, v->who[i], v->states[i], v->set->id, err) < 0)
			return -1;
	return start_tasks(x,
		&(struct set_plan){
			.id = v->set->id,
			.definition = v->set->task_definition,
			.launch_type = v->set->launch_type,
			.platform_version = v->set->platform_version,
			.strategy = &v->set->capacity_provider_strategy,
			.network = v->set->network_configuration,
		},
		(int)start, err);
}

/* 1: the set is gone. */
static int end_set(struct reconcile *x, const struct set_view *v, struct err *err)
{
	struct fleet_counts c = fleet_counts_of(&x->tasks, v->set->id);

	if (!streq(v->set->status, SET_DRAINING) || c.running || c.pending || c.stopping)
		return 0;
	if (store_document_delete(x->tx, &STORE_TASK_SET, v->set->task_set_arn, err) < 0 ||
		fleet_task_set_announce(x->e, x->tx, v->set, "INACTIVE", NULL, err) < 0)
		return -1;
	return 1;
}

static int keep_set(struct reconcile *x, struct ecs_task_set *set, struct err *err)
{
	bool draining = streq(set->status, SET_DRAINING) || !streq(x->s.status, SERVICE_ACTIVE);
	struct set_view v = {
		.set = set,
		.want = draining ? 0
				 : fleet_computed_desired((int)wire_or(x->s.desired_count, 0),
					   set->scale ? wire_or(set->scale->value, 100) : 100),
		.who = arena_new_n(x->a, x->tasks.n + 1, struct fleet_task *),
		.states = arena_new_n(x->a, x->tasks.n + 1, enum fleet_member_state),
	};
	int gone;

	for (size_t i = 0; i < x->tasks.n; i++) {
		struct fleet_task *t = &x->tasks.v[i];

		if (!streq(t->s.set_id, set->id) || !fleet_task_wanted(t))
			continue;
		v.who[v.n] = t;
		if (member_state(x, t, &v.states[v.n++], err) < 0)
			return -1;
	}
	gone = end_set(x, &v, err);
	if (gone)
		return gone < 0 ? -1 : 0;
	if (scale_set(x, &v, err) < 0)
		return -1;
	return stability(x, &v, err);
}

static int keep_sets(struct reconcile *x, struct err *err)
{
	struct ecs_task_sets sets;

	if (fleet_task_sets_of(x->tx, x->s.service_arn, x->a, &sets, err) < 0)
		return -1;
	wire_foreach (set, &sets) {
		if (keep_set(x, set, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the task ---- */

/* A deleted service is INACTIVE once its last task has ended. */
static int end_service(struct reconcile *x, struct err *err)
{
	struct fleet_counts c = fleet_counts_of(&x->tasks, NULL);

	if (!streq(x->s.status, SERVICE_DRAINING) || c.running || c.pending || c.stopping)
		return 0;
	x->s.status = SERVICE_INACTIVE;
	x->s.deployments.n = 0;
	x->changed = true;
	if (fleet_service_announce(x->e, x->tx, &x->s, "SERVICE_DELETED", NULL, NULL, err) < 0 ||
		store_document_delete_owned(x->tx, &STORE_TASK_SET, x->s.service_arn, err) < 0)
		return -1;
	return fleet_wake(x->e, x->tx, FLEET_TASK_FORGET_SERVICE, x->s.service_arn,
		x->now + ECS_FORGET_USEC, err);
}

static int reconcile(struct reconcile *x, struct err *err)
{
	if (fleet_service_controller(&x->s) == FLEET_CONTROLLER_ECS) {
		if (x->s.deployments.n && roll(x, err) < 0)
			return -1;
	} else if (keep_sets(x, err) < 0) {
		return -1;
	}
	if (end_service(x, err) < 0)
		return -1;
	if (x->changed && fleet_service_save(x->tx, &x->s, err) < 0)
		return -1;
	if (!x->wake_usec)
		return 0;
	return fleet_wake(x->e, x->tx, FLEET_TASK_SERVICE, x->s.service_arn, x->wake_usec, err);
}

static int service_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	const struct task *t = o->req;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct reconcile x = {.e = o->e, .tx = tx, .a = &a, .now = durable_now(o->e->durable)};
	int r = store_document_get(tx, &STORE_SERVICE, t->subject, &a, &x.s, err);

	if (r < 0)
		return -1;
	if (r > 0 && !streq(x.s.status, SERVICE_INACTIVE) &&
		(fleet_tasks_of(tx, t->subject, &a, &x.tasks, err) < 0 || reconcile(&x, err) < 0))
		return -1;
	return task_done(o->e->durable, tx, t, err);
}

int fleet_service_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct fleet_op o = {.e = arg, .req = t};

	return durable_step(d, service_step, &o, err);
}
