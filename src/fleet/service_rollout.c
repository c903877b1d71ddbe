/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of rolling deployments: completed, after a time of baking where alarms watch, or
 * failed by the circuit breaker or an alarm and rolled back. */
#include "fleet/service_run.h"

static int rollout(struct reconcile *x, struct ecs_deployment *d, const char *state,
	const char *event, const char *reason, struct err *err)
{
	struct towpath_fleet_set set;

	if (fleet_set_get(x->tx, d->id, x->s.service_arn, x->a, &set, err) < 0)
		return -1;
	d->rollout_state = set.rollout_state = state;
	d->rollout_state_reason = set.rollout_reason = reason;
	d->updated_at = WIRE_SET_TIME(x->now);
	x->changed = true;
	if (fleet_set_put(x->tx, &set, err) < 0)
		return -1;
	return fleet_service_announce(x->e, x->tx, &x->s, event, d->id, reason, err);
}

/* ---- failing ---- */

/* What has failed a deployment. */
struct failure {
	const char *method; /* "circuit breaker" */
	const char *what;   /* in few words */
	const char *detail; /* or NULL */
	bool rollback;
};

static bool by_alarm(
	const struct reconcile *x, const struct towpath_fleet_set *set, struct failure *ret)
{
	const struct ecs_deployment_alarms *alarms = fleet_service_alarms(&x->s, set);

	if (!alarms || !set->alarm)
		return false;
	*ret = (struct failure){.method = "alarms",
		.what = "alarm detected",
		.detail = arena_printf(x->a, "Alarm: %s", set->alarm),
		.rollback = wire_or(alarms->rollback, false)};
	return true;
}

static bool by_circuit_breaker(
	const struct reconcile *x, const struct towpath_fleet_set *set, struct failure *ret)
{
	const struct ecs_deployment_configuration *c = x->s.deployment_configuration;
	const struct ecs_deployment_circuit_breaker *b = c ? c->deployment_circuit_breaker : NULL;
	int desired = (int)wire_or(x->s.desired_count, 0);

	if (!b || !wire_or(b->enable, false) ||
		wire_or(set->failed, 0) < fleet_breaker_threshold(desired))
		return false;
	*ret = (struct failure){.method = "circuit breaker",
		.what = "tasks failed to start",
		.detail = arena_printf(x->a, "Last failure: %s", set->failed_reason),
		.rollback = wire_or(b->rollback, false)};
	return true;
}

/* The newest deployment that has completed, the primary one excepted; NULL: none. */
static const struct ecs_deployment *last_completed(const struct ecs_service *s)
{
	for (size_t i = 1; i < s->deployments.n; i++)
		if (streq(s->deployments.v[i].rollout_state, ROLLOUT_COMPLETED))
			return &s->deployments.v[i];
	return NULL;
}

static int roll_back(struct reconcile *x, const struct failure *f, struct err *err)
{
	const struct ecs_deployment *to = last_completed(&x->s);
	const char *definition = to ? to->task_definition : NULL, *id = to ? to->id : NULL;
	struct ecs_deployment *d;

	if (!definition)
		return 0;
	x->s.task_definition = definition;
	d = fleet_deployment_add(x->e, &x->s, x->a);
	d->rollout_state_reason = arena_printf(
		x->a, "ECS deployment %s: rolling back to deploymentId %s.", f->method, id);
	fleet_service_event(x->e, &x->s, x->a, "rolling back to deployment %s.", id);
	if (fleet_service_alarms_ignore(x->tx, &x->s, d, x->a, err) < 0 ||
		fleet_service_announce(x->e, x->tx, &x->s, "SERVICE_DEPLOYMENT_IN_PROGRESS", d->id,
			d->rollout_state_reason, err) < 0)
		return -1;
	return fleet_wake(x->e, x->tx, FLEET_TASK_SERVICE, x->s.service_arn, 0, err);
}

int rollout_fails(struct reconcile *x, struct err *err)
{
	struct ecs_deployment *d = &x->s.deployments.v[0];
	struct towpath_fleet_set set;
	struct failure f;

	if (!streq(d->rollout_state, ROLLOUT_IN_PROGRESS))
		return 0;
	if (fleet_set_get(x->tx, d->id, x->s.service_arn, x->a, &set, err) < 0)
		return -1;
	if (!by_alarm(x, &set, &f) && !by_circuit_breaker(x, &set, &f))
		return 0;
	fleet_service_event(
		x->e, &x->s, x->a, "(deployment %s) deployment failed: %s.", d->id, f.what);
	if (rollout(x, d, ROLLOUT_FAILED, "SERVICE_DEPLOYMENT_FAILED",
		    arena_printf(x->a, "ECS deployment %s: %s. %s", f.method, f.what, f.detail),
		    err) < 0)
		return -1;
	if (f.rollback && roll_back(x, &f, err) < 0)
		return -1;
	return 1;
}

/* ---- completing ---- */

/* 1: the alarms have watched the tasks for long enough, 0: they do so until later, -1. */
static int baked(struct reconcile *x, const struct ecs_deployment *d, struct err *err)
{
	const struct ecs_deployment_alarms *alarms;
	struct towpath_fleet_set set;
	int64_t bake_usec;

	if (fleet_set_get(x->tx, d->id, x->s.service_arn, x->a, &set, err) < 0)
		return -1;
	alarms = fleet_service_alarms(&x->s, &set);
	if (!alarms || !streq(x->s.status, SERVICE_ACTIVE))
		return 1;
	if (!set.bake_until.set) {
		if (fleet_service_bake_usec(x->e, x->tx, alarms, &bake_usec, err) < 0)
			return -1;
		set.bake_until = WIRE_SET_TIME(x->now + bake_usec);
		if (fleet_set_put(x->tx, &set, err) < 0)
			return -1;
	}
	if (x->now >= set.bake_until.usec)
		return 1;
	reconcile_wake_at(x, set.bake_until.usec);
	return 0;
}

static int finish(struct reconcile *x, struct ecs_deployment *d, struct err *err)
{
	if (rollout(x, d, ROLLOUT_COMPLETED, "SERVICE_DEPLOYMENT_COMPLETED",
		    arena_printf(x->a, "ECS deployment %s completed.", d->id), err) < 0)
		return -1;
	fleet_service_event(x->e, &x->s, x->a, "(deployment %s) deployment completed.", d->id);
	return 0;
}

/* Earlier deployments have no tasks any more. Behind one that has failed the last completed one is
 * still told of: the next one may be rolled back to it. */
static void forget_earlier(struct reconcile *x)
{
	const struct ecs_deployment *completed = last_completed(&x->s);
	size_t keep = 1;

	if (completed && streq(x->s.deployments.v[0].rollout_state, ROLLOUT_FAILED))
		x->s.deployments.v[keep++] = *completed;
	x->changed |= x->s.deployments.n != keep;
	x->s.deployments.n = keep;
}

static int tell_steady(struct reconcile *x, const struct ecs_deployment *d, struct err *err)
{
	struct towpath_fleet_set set;

	if (fleet_set_get(x->tx, d->id, x->s.service_arn, x->a, &set, err) < 0)
		return -1;
	if (wire_or(set.steady_announced, false) && !wire_or(set.failures, 0))
		return 0;
	if (!wire_or(set.steady_announced, false)) {
		fleet_service_event(x->e, &x->s, x->a, "has reached a steady state.");
		x->changed = true;
		if (fleet_service_announce(
			    x->e, x->tx, &x->s, "SERVICE_STEADY_STATE", d->id, NULL, err) < 0)
			return -1;
	}
	set.steady_announced = WIRE_SET_BOOL(true);
	set.failures = WIRE_SET_INT(0);
	return fleet_set_put(x->tx, &set, err);
}

int rollout_complete(struct reconcile *x, struct err *err)
{
	struct ecs_deployment *d = &x->s.deployments.v[0];

	if (streq(d->rollout_state, ROLLOUT_IN_PROGRESS)) {
		int ready = baked(x, d, err);

		if (ready <= 0)
			return ready;
		if (finish(x, d, err) < 0)
			return -1;
	}
	forget_earlier(x);
	return tell_steady(x, d, err);
}

int rollout_unsteady(struct reconcile *x, struct err *err)
{
	struct towpath_fleet_set set;

	if (fleet_set_get(x->tx, x->s.deployments.v[0].id, x->s.service_arn, x->a, &set, err) < 0)
		return -1;
	if (!wire_or(set.steady_announced, false))
		return 0;
	set.steady_announced = WIRE_SET_BOOL(false);
	return fleet_set_put(x->tx, &set, err);
}
