/* SPDX-License-Identifier: Apache-2.0 */
/* The traffic of a container service moves: AllowTestTraffic, AllowTraffic (one task a step, the
 * next one is due after the configuration's interval), and all of it back for a rollback.
 *
 * S1 Whoever sets weights holds shift_lock and has looked, within it, that the deployment still
 *    wants them. A rollback sets its weights after its deployment has ended, so that a step under
 *    way cannot undo it.
 * S2 The wanted share is stored before it is set, so that after a crash the same share is set. */
#include "base/mem.h"
#include "deploy/service.h"
#include "deploy/shift.h"

#define LOOK_AGAIN (5 * USEC_PER_SEC)

struct move {
	struct service_job j;
	bool wanted;	/* the deployment still wants it */
	bool postponed; /* the replacement does not serve just now */
};

static int set_weight(
	struct move *m, const char *listener, const char *group, int weight, struct err *err)
{
	const struct towpath_deploy_service *s = m->j.d.state.service;
	const struct deploy_ports *p = m->j.e->ports;
	bool green = streq(group, s->green_group);
	struct deploy_shift shift = {.listener = listener,
		.group = group,
		.other = green ? s->blue_group : s->green_group,
		.weight = weight};
	struct err why CLEANUP_ERR = ERR_INIT;

	if (!listener || p->listener_shift(p->arg, &shift, &why) == 0)
		return 0;
	return service_job_failed(
		&m->j, CODEDEPLOY_ERROR_CODE_ELASTIC_LOAD_BALANCING_INVALID, &why, err);
}

static int promote(struct move *m, const char *set, struct err *err)
{
	const struct towpath_deploy_service *s = m->j.d.state.service;
	const struct deploy_ports *p = m->j.e->ports;
	struct err why CLEANUP_ERR = ERR_INIT;

	if (m->j.failure || p->set_promote(p->arg, s->cluster, s->service, set, &why) == 0)
		return 0;
	return service_job_failed(&m->j, CODEDEPLOY_ERROR_CODE_ECS_UPDATE_ERROR, &why, err);
}

/* The last step makes the replacement the service's primary set. */
static int forward(struct move *m, struct err *err)
{
	const struct towpath_deploy_service *s = m->j.d.state.service;
	const struct deploy_set *green;

	if (service_job_look(&m->j, err) < 0)
		return -1;
	if (m->j.failure)
		return 0;
	green = service_job_green(&m->j);
	m->postponed = !green || !service_set_serves(green);
	if (m->postponed)
		return 0;
	if (set_weight(m, s->listener, s->green_group, (int)s->wanted.v, err) < 0)
		return -1;
	return s->wanted.v < 100 ? 0 : promote(m, s->green_set, err);
}

static int back(struct move *m, struct err *err)
{
	const struct towpath_deploy_service *s = m->j.d.state.service;

	if (set_weight(m, s->listener, s->blue_group, 100, err) < 0 || m->j.failure)
		return m->j.failure ? 0 : -1;
	if (set_weight(m, s->test_listener, s->blue_group, 100, err) < 0)
		return -1;
	return promote(m, s->blue_set, err);
}

static int move(struct move *m, struct err *err)
{
	const struct towpath_deploy_service *s = m->j.d.state.service;

	switch (m->j.event->actor) {
	case DEPLOY_TESTS:
		return set_weight(m, s->test_listener, s->green_group, 100, err);
	case DEPLOY_SHIFTS:
		return forward(m, err);
	case DEPLOY_RESTORES:
		return back(m, err);
	default:
		return 0;
	}
}

/* S1 */
static int move_locked(struct move *m, struct err *err)
{
	int rc;

	pthread_mutex_lock(&m->j.e->shift_lock);
	rc = service_job_open(&m->j, err);
	m->wanted = rc > 0 && m->j.event && !m->j.d.state.stop_code;
	if (m->wanted)
		rc = move(m, err);
	pthread_mutex_unlock(&m->j.e->shift_lock);
	return MIN(rc, 0);
}

/* ---- the step ---- */

static int next_step(struct step *s, struct store_target *t, struct err *err)
{
	struct towpath_deploy_service *service = s->d.state.service;
	const struct deploy_route route = {.percent = (int)service->step_percent.v,
		.minutes = (int)service->step_minutes.v,
		.canary = service->canary.v};

	service->weight = service->wanted;
	if (service->weight.v >= 100)
		return service_event_ended(s, t, NULL, NULL, err);
	service->wanted = WIRE_SET_LONG(deploy_route_next(&route, (int)service->weight.v));
	return step_task(s, DEPLOY_TASK_SHIFT, "", s->now + route.minutes * DEPLOY_MINUTE, err);
}

static int settle(struct step *s, void *arg, struct err *err)
{
	const struct move *m = arg;
	struct store_target *t;
	int still = m->wanted ? service_still(s, &m->j, &t, err) : 0;

	if (still <= 0)
		return still;
	if (m->postponed) /* the guard ends it when that lasts */
		return step_timer(s, DEPLOY_TASK_GUARD, "", s->now, err) < 0
			       ? -1
			       : step_task(s, DEPLOY_TASK_SHIFT, "", s->now + LOOK_AGAIN, err);
	if (m->j.event->actor == DEPLOY_SHIFTS && !m->j.failure) {
		service_note_sets(s, &m->j.now);
		return next_step(s, t, err);
	}
	if (m->j.event->actor == DEPLOY_RESTORES)
		s->d.state.service->weight = WIRE_SET_LONG(0);
	return service_event_ended(s, t, m->j.code, m->j.failure, err);
}

static int run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct move m = {.j = {.a = &a, .e = arg, .task = t}};

	(void)d;
	if (move_locked(&m, err) < 0)
		return -1;
	return deploy_task_step(m.j.e, t, settle, &m, err);
}

void service_register_shift(struct deploy_engine *e)
{
	task_register(
		e->durable, &(struct task_kind){.name = DEPLOY_TASK_SHIFT, .run = run, .arg = e});
}
