/* SPDX-License-Identifier: Apache-2.0 */
/* BlockTraffic and AllowTraffic: a host leaves or enters the load balancers. The task starts the
 * change and looks; it is run again when the load balancer reported something (watch.c), at the
 * latest after a pause, until the host has left or is healthy. */
#include "base/mem.h"
#include "deploy/task_step.h"

#define LOOK_AGAIN USEC_PER_SEC

struct look {
	struct arena *a;
	struct deploy_engine *e;
	const struct task *task;
	struct store_deployment d;
	struct store_target t;
	enum deploy_actor actor;
	bool done, failed;
	const char *message;
};

static int load(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	const struct codedeploy_lifecycle_event_list *events;
	const struct deploy_event *event;
	int found = store_deployment_get(tx, l->task->subject, l->a, &l->d, err);

	if (found > 0)
		found = store_target_get(tx, l->task->subject, l->task->token, l->a, &l->t, err);
	if (found < 0)
		return -1;
	l->actor = DEPLOY_BY_AGENT;
	if (!found || !l->d.active || !l->t.state.wave.v)
		return 0;
	events = &l->t.info.lifecycle_events;
	event = deploy_event_find(events->v[l->t.state.current.v].lifecycle_event_name);
	if (event)
		l->actor = event->actor;
	return 0;
}

static bool is_there(enum deploy_actor actor, enum deploy_target_health health)
{
	return actor == DEPLOY_ALLOWS ? health == DEPLOY_TARGET_HEALTHY
				      : health == DEPLOY_TARGET_ABSENT;
}

/* Asks for the change at one load balancer; *ret_there: it has come. */
static int change_one(
	struct look *l, const struct deploy_balancer *b, bool *ret_there, struct err *err)
{
	const struct deploy_ports *p = l->e->ports;
	const char *host = l->t.info.target_id, *reason = NULL;
	enum deploy_target_health health;
	bool allow = l->actor == DEPLOY_ALLOWS;

	*ret_there = false;
	if (p->target_health(p->arg, b, host, l->a, &health, &reason, err) < 0)
		return -1;
	if (is_there(l->actor, health)) {
		*ret_there = true;
		return 0;
	}
	if (allow && (health == DEPLOY_TARGET_ABSENT || health == DEPLOY_TARGET_DRAINING))
		return p->target_register(p->arg, b, host, err);
	if (!allow && health != DEPLOY_TARGET_DRAINING) {
		if (p->target_deregister(p->arg, b, host, err) < 0 ||
			p->target_health(p->arg, b, host, l->a, &health, &reason, err) < 0)
			return -1;
		*ret_there = is_there(l->actor, health);
	}
	return 0;
}

static int look(struct look *l, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	l->done = true;
	wire_foreach (it, &l->d.state.balancers) {
		struct deploy_balancer b = {.name = it->name, .classic = it->classic.v};
		bool there;

		if (change_one(l, &b, &there, &why) < 0) {
			if (err_is(&why, ERR_UNAVAILABLE))
				return err_move(err, &why);
			l->failed = true;
			l->message = arena_printf(l->a, "%s", err_message(&why));
			return 0;
		}
		l->done = l->done && there;
	}
	return 0;
}

static int settle(struct step *s, void *arg, struct err *err)
{
	const struct look *l = arg;
	struct codedeploy_diagnostics diagnostics = {
		.error_code = l->failed ? CODEDEPLOY_LIFECYCLE_ERROR_CODE_UNKNOWNERROR
					: CODEDEPLOY_LIFECYCLE_ERROR_CODE_SUCCESS,
		.script_name = "",
		.message = l->failed ? l->message : "Succeeded",
		.log_tail = "",
	};
	struct store_target *t;

	if (step_targets(s, err) < 0)
		return -1;
	t = step_target(s, l->task->token);
	if (!t || !t->state.wave.v || t->state.current.v != l->t.state.current.v)
		return 0; /* ended meanwhile */
	if (!l->done && !l->failed)
		return step_task(s, DEPLOY_TASK_TRAFFIC, l->task->token, s->now + LOOK_AGAIN, err);
	return deploy_event_ended(s, t, !l->failed, &diagnostics, err);
}

static int run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct look l = {.a = &a, .e = arg, .task = t};

	(void)d;
	if (deploy_read(l.e, load, &l, err) < 0)
		return -1;
	if (l.actor == DEPLOY_BY_AGENT)
		return 0;
	if (look(&l, err) < 0)
		return -1;
	return deploy_task_step(l.e, t, settle, &l, err);
}

void deploy_register_traffic(struct deploy_engine *e)
{
	task_register(
		e->durable, &(struct task_kind){.name = DEPLOY_TASK_TRAFFIC, .run = run, .arg = e});
}
