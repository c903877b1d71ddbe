/* SPDX-License-Identifier: Apache-2.0 */
/* While traffic moves, and until the original task set goes, the replacement has to serve: when it
 * does not for five minutes, the deployment fails. Looks when the service or a target reported
 * something (watch.c). */
#include "base/mem.h"
#include "deploy/service.h"

#define UNSTEADY_LIMIT (5 * DEPLOY_MINUTE)

struct guard {
	struct service_job j;
	const struct deploy_set *green;
};

static int fail(struct step *s, const struct guard *g, struct err *err)
{
	const char *trouble = g->green && g->green->trouble ? g->green->trouble : "";
	struct store_target *t;
	int still = service_still(s, &g->j, &t, err);

	if (still < 0)
		return -1;
	if (still && g->j.event->actor == DEPLOY_SHIFTS)
		return service_event_ended(s, t,
			CODEDEPLOY_ERROR_CODE_CUSTOMER_APPLICATION_UNHEALTHY,
			arena_printf(s->a,
				"The replacement task set was not steady and healthy for 5 minutes "
				"while traffic moved to it: %d of %d tasks run, %d are healthy. %s",
				g->green ? g->green->running : 0, g->green ? g->green->desired : 0,
				g->green ? g->green->healthy : 0, trouble),
			err);
	return deploy_halt(s, CODEDEPLOY_ERROR_CODE_CUSTOMER_APPLICATION_UNHEALTHY, err,
		"The replacement task set was not steady and healthy for 5 minutes. %s", trouble);
}

static int settle(struct step *s, void *arg, struct err *err)
{
	const struct guard *g = arg;
	struct towpath_deploy_service *service = s->d.state.service;
	enum deploy_phase phase = step_phase(s);
	bool serves = g->green && service_set_serves(g->green);

	if (phase != DEPLOY_PHASE_REROUTING && phase != DEPLOY_PHASE_TERMINATION_WAIT)
		return 0;
	service_note_sets(s, &g->j.now);
	if (serves) {
		service->unsteady_since = (struct wire_long){0};
		return 0;
	}
	if (!service->unsteady_since.set)
		service->unsteady_since = WIRE_SET_LONG(s->now);
	if (s->now < service->unsteady_since.v + UNSTEADY_LIMIT)
		return step_task(
			s, DEPLOY_TASK_GUARD, "", service->unsteady_since.v + UNSTEADY_LIMIT, err);
	return fail(s, g, err);
}

static int run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct guard g = {.j = {.a = &a, .e = arg, .task = t}};
	int open = service_job_open(&g.j, err);

	(void)d;
	if (open <= 0)
		return open;
	if (service_job_look(&g.j, err) < 0)
		return -1;
	g.green = service_job_green(&g.j);
	return deploy_task_step(g.j.e, t, settle, &g, err);
}

void service_register_guard(struct deploy_engine *e)
{
	task_register(
		e->durable, &(struct task_kind){.name = DEPLOY_TASK_GUARD, .run = run, .arg = e});
}
