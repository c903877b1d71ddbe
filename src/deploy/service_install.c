/* SPDX-License-Identifier: Apache-2.0 */
/* Install, for container services: the replacement task set is made and comes up. The task asks
 * for what is missing and looks; it runs again when the service reported something (watch.c), at
 * the latest after a pause, until the set is steady and its targets are healthy. */
#include "base/mem.h"
#include "deploy/service.h"

#define LOOK_AGAIN (5 * USEC_PER_SEC)
/* As the circuit breaker of ECS: so many tasks that end by themselves are a failure. */
#define FAILED_MIN 3
#define FAILED_MAX 200

struct install {
	struct service_job j;
	const struct deploy_set *green;
	bool done;
};

/* What an earlier deployment left behind goes: a stopped one without rollback keeps its set. */
static int clear_leftovers(struct install *in, bool *ret_clear, struct err *err)
{
	struct service_job *j = &in->j;
	const struct deploy_ports *p = j->e->ports;
	const struct towpath_deploy_service *s = j->d.state.service;
	struct err why CLEANUP_ERR = ERR_INIT;

	*ret_clear = true;
	for (size_t i = 0; i < j->now.n; i++) {
		const struct deploy_set *set = &j->now.sets[i];

		if (set->status == DEPLOY_SET_PRIMARY ||
			streq(set->external_id, j->d.info.deployment_id))
			continue;
		*ret_clear = false;
		if (set->status != DEPLOY_SET_DRAINING &&
			p->set_delete(p->arg, s->cluster, s->service, set->id, &why) < 0)
			return service_job_failed(
				j, CODEDEPLOY_ERROR_CODE_ECS_UPDATE_ERROR, &why, err);
	}
	return 0;
}

/* All traffic to the original; the replacement's group stays on the listener with weight 0, so
 * that its targets are checked. */
static int prepare_listener(struct install *in, struct err *err)
{
	struct service_job *j = &in->j;
	const struct deploy_ports *p = j->e->ports;
	const struct towpath_deploy_service *s = j->d.state.service;
	struct deploy_shift shift = {.listener = s->listener,
		.group = s->green_group,
		.other = s->blue_group,
		.weight = 0};
	struct err why CLEANUP_ERR = ERR_INIT;

	if (p->listener_shift(p->arg, &shift, &why) == 0)
		return 0;
	return service_job_failed(
		j, CODEDEPLOY_ERROR_CODE_ELASTIC_LOAD_BALANCING_INVALID, &why, err);
}

static int create_set(struct install *in, struct err *err)
{
	struct service_job *j = &in->j;
	const struct deploy_ports *p = j->e->ports;
	const struct towpath_deploy_service *s = j->d.state.service;
	const struct deploy_set_wish wish = {
		.cluster = s->cluster,
		.service = s->service,
		.external_id = j->d.info.deployment_id,
		.task_definition = s->task_definition,
		.target_group = s->green_group,
		.container = s->container_name,
		.port = (int)s->container_port.v,
		.like = s->blue_set,
		.platform_version = s->platform_version,
		.network_configuration = s->network_configuration,
		.capacity_providers = s->capacity_providers,
	};
	struct err why CLEANUP_ERR = ERR_INIT;
	const char *id;

	if (p->set_create(p->arg, &wish, j->a, &id, &why) == 0)
		return service_job_look(j, err);
	return service_job_failed(j, CODEDEPLOY_ERROR_CODE_ECS_UPDATE_ERROR, &why, err);
}

static void judge(struct install *in)
{
	const struct deploy_set *g = in->green;
	int limit = MIN(MAX((g->desired + 1) / 2, FAILED_MIN), FAILED_MAX);

	in->done = service_set_serves(g);
	if (in->done || g->failed < limit)
		return;
	in->j.code = CODEDEPLOY_ERROR_CODE_CUSTOMER_APPLICATION_UNHEALTHY;
	in->j.failure = arena_printf(in->j.a,
		"The replacement task set %s does not come up: %d of its tasks failed. %s", g->id,
		g->failed, g->trouble ? g->trouble : "");
}

static int bring_up(struct install *in, struct err *err)
{
	struct service_job *j = &in->j;
	bool clear;

	if (service_job_look(j, err) < 0)
		return -1;
	if (j->failure)
		return 0;
	in->green = service_job_green(j);
	if (!in->green) {
		if (prepare_listener(in, err) < 0)
			return -1;
		if (j->failure)
			return 0;
		if (clear_leftovers(in, &clear, err) < 0)
			return -1;
		if (j->failure || !clear)
			return 0;
		if (create_set(in, err) < 0)
			return -1;
		in->green = j->failure ? NULL : service_job_green(j);
	}
	if (in->green)
		judge(in);
	return 0;
}

static int settle(struct step *s, void *arg, struct err *err)
{
	const struct install *in = arg;
	struct towpath_deploy_service *service = s->d.state.service;
	struct store_target *t;
	int still = service_still(s, &in->j, &t, err);

	if (still <= 0)
		return still;
	if (in->green) {
		service->green_set = arena_strdup(s->a, in->green->id);
		service->trouble = arena_strdup(s->a, in->green->trouble);
	}
	service_note_sets(s, &in->j.now);
	if (!in->done && !in->j.failure)
		return step_task(s, DEPLOY_TASK_INSTALL, "", s->now + LOOK_AGAIN, err);
	if (step_cancel(s, DEPLOY_TASK_EVENT_TIMER, t->info.target_id, err) < 0)
		return -1;
	return service_event_ended(s, t, in->j.code, in->j.failure, err);
}

static int run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct install in = {.j = {.a = &a, .e = arg, .task = t}};
	int open = service_job_open(&in.j, err);

	(void)d;
	if (open <= 0)
		return open;
	if (!in.j.event || in.j.event->actor != DEPLOY_CREATES)
		return 0;
	if (bring_up(&in, err) < 0)
		return -1;
	return deploy_task_step(in.j.e, t, settle, &in, err);
}

void service_register_install(struct deploy_engine *e)
{
	task_register(
		e->durable, &(struct task_kind){.name = DEPLOY_TASK_INSTALL, .run = run, .arg = e});
}
