/* SPDX-License-Identifier: Apache-2.0 */
/* A task set goes: the original one after a success, the replacement after a rollback. The task
 * asks for it and looks until it is gone; then the deployment has succeeded. */
#include "base/mem.h"
#include "deploy/service.h"

#define LOOK_AGAIN (5 * USEC_PER_SEC)
/* Requests under way may take an hour (deregistration delay), containers two minutes to stop. */
#define RETIRE_LIMIT (2 * 60 * DEPLOY_MINUTE)

struct retire {
	struct service_job j;
	bool gone;
};

/* Once more what service_shift.c did: another server's step may have been under way (S1). */
static int restore_again(struct retire *r, struct err *err)
{
	const struct towpath_deploy_service *s = r->j.d.state.service;
	const struct deploy_ports *p = r->j.e->ports;
	struct deploy_shift shift = {.listener = s->listener,
		.group = s->blue_group,
		.other = s->green_group,
		.weight = 100};
	struct err why CLEANUP_ERR = ERR_INIT;
	int rc;

	pthread_mutex_lock(&r->j.e->shift_lock);
	rc = p->listener_shift(p->arg, &shift, &why);
	pthread_mutex_unlock(&r->j.e->shift_lock);
	if (rc < 0)
		return service_job_failed(
			&r->j, CODEDEPLOY_ERROR_CODE_ELASTIC_LOAD_BALANCING_INVALID, &why, err);
	return 0;
}

static int remove_set(struct retire *r, const struct deploy_set *set, struct err *err)
{
	const struct towpath_deploy_service *s = r->j.d.state.service;
	const struct deploy_ports *p = r->j.e->ports;
	struct err why CLEANUP_ERR = ERR_INIT;

	r->gone = !set;
	if (!set || set->status == DEPLOY_SET_DRAINING)
		return 0;
	if (p->set_delete(p->arg, s->cluster, s->service, set->id, &why) == 0)
		return 0;
	return service_job_failed(&r->j, CODEDEPLOY_ERROR_CODE_ECS_UPDATE_ERROR, &why, err);
}

static int go(struct retire *r, struct err *err)
{
	bool rollback = r->j.d.state.rollback_blue_green.v;

	if (rollback && restore_again(r, err) < 0)
		return -1;
	if (r->j.failure)
		return 0;
	if (service_job_look(&r->j, err) < 0)
		return -1;
	if (r->j.failure)
		return 0;
	return remove_set(r,
		rollback ? service_job_green(&r->j)
			 : service_set(&r->j.now, r->j.d.state.service->blue_set),
		err);
}

/* One that does not go, since its tasks cannot be ended now, goes on going; the deployment has done
 * what it is for. */
static bool takes_too_long(struct step *s)
{
	struct towpath_deploy_service *service = s->d.state.service;

	if (!service->retiring_since.set)
		service->retiring_since = WIRE_SET_LONG(s->now);
	return s->now >= service->retiring_since.v + RETIRE_LIMIT;
}

static int settle(struct step *s, void *arg, struct err *err)
{
	const struct retire *r = arg;
	const char *trouble = r->j.failure;
	enum deploy_phase phase = step_phase(s);

	if (phase != DEPLOY_PHASE_TERMINATING && phase != DEPLOY_PHASE_REMOVING)
		return 0;
	if (!r->j.failure)
		service_note_sets(s, &r->j.now);
	if (!r->gone && !trouble) {
		if (!takes_too_long(s))
			return step_task(s, DEPLOY_TASK_RETIRE, "", s->now + LOOK_AGAIN, err);
		trouble = arena_printf(s->a, "it still has tasks after %lld hours",
			(long long)(RETIRE_LIMIT / (60 * DEPLOY_MINUTE)));
	}
	if (trouble)
		s->d.info.additional_deployment_status_info = arena_printf(s->a,
			"The %s task set could not be deleted: %s",
			phase == DEPLOY_PHASE_TERMINATING ? "original" : "replacement", trouble);
	return deploy_finish(s, DEPLOY_SUCCEEDED, NULL, NULL, err);
}

static int run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct retire r = {.j = {.a = &a, .e = arg, .task = t}};
	int open = service_job_open(&r.j, err);
	enum deploy_phase phase;

	(void)d;
	if (open <= 0)
		return open;
	phase = deploy_phase_parse(r.j.d.state.phase);
	if (phase != DEPLOY_PHASE_TERMINATING && phase != DEPLOY_PHASE_REMOVING)
		return 0;
	if (go(&r, err) < 0)
		return -1;
	return deploy_task_step(r.j.e, t, settle, &r, err);
}

void service_register_retire(struct deploy_engine *e)
{
	task_register(
		e->durable, &(struct task_kind){.name = DEPLOY_TASK_RETIRE, .run = run, .arg = e});
}
