/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments to container services: what their tasks share, and the beginning of events. */
#include "deploy/service.h"

#include "base/mem.h"
#include "deploy/shift.h"

static int load(struct db_tx *tx, void *arg, struct err *err)
{
	struct service_job *j = arg;
	const struct codedeploy_lifecycle_event_list *events = &j->t.info.lifecycle_events;
	struct store_targets targets;
	int found = store_deployment_get(tx, j->task->subject, j->a, &j->d, err);

	j->event = NULL;
	if (found <= 0)
		return found;
	if (store_target_list(tx, j->task->subject, j->a, &targets, err) < 0)
		return -1;
	if (!targets.n)
		return 0;
	j->t = targets.v[0];
	if (j->t.state.wave.v)
		j->event = deploy_event_find_service(
			events->v[j->t.state.current.v].lifecycle_event_name,
			j->d.state.rollback_blue_green.v);
	return 0;
}

int service_job_open(struct service_job *j, struct err *err)
{
	if (deploy_read(j->e, load, j, err) < 0)
		return -1;
	return j->d.active && j->d.state.service;
}

int service_job_failed(struct service_job *j, const char *code, struct err *why, struct err *err)
{
	if (err_is(why, ERR_UNAVAILABLE))
		return err_move(err, why);
	j->code = code;
	j->failure = arena_strdup(j->a, err_message(why));
	err_release(why);
	return 0;
}

int service_job_look(struct service_job *j, struct err *err)
{
	const struct deploy_ports *p = j->e->ports;
	const struct towpath_deploy_service *s = j->d.state.service;
	struct err why CLEANUP_ERR = ERR_INIT;

	if (p->service_get(p->arg, s->cluster, s->service, j->a, &j->now, &why) == 0)
		return 0;
	return service_job_failed(j, CODEDEPLOY_ERROR_CODE_INVALID_ECS_SERVICE, &why, err);
}

const struct deploy_set *service_set(const struct deploy_service *s, const char *id)
{
	for (size_t i = 0; id && i < s->n; i++)
		if (streq(s->sets[i].id, id))
			return &s->sets[i];
	return NULL;
}

const struct deploy_set *service_primary(const struct deploy_service *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->sets[i].status == DEPLOY_SET_PRIMARY)
			return &s->sets[i];
	return NULL;
}

const struct deploy_set *service_job_green(const struct service_job *j)
{
	const char *maker =
		j->d.state.rollback_blue_green.v ? j->d.state.rollback_of : j->d.info.deployment_id;

	for (size_t i = 0; i < j->now.n; i++)
		if (streq(j->now.sets[i].external_id, maker))
			return &j->now.sets[i];
	return NULL;
}

bool service_set_serves(const struct deploy_set *set)
{
	return set->steady && set->running >= set->desired && set->healthy >= set->running;
}

/* ---- in steps ---- */

int service_still(
	struct step *s, const struct service_job *j, struct store_target **ret, struct err *err)
{
	if (step_targets(s, err) < 0)
		return -1;
	if (!s->targets.n || !j->event)
		return 0;
	*ret = &s->targets.v[0];
	return (*ret)->state.wave.v && (*ret)->state.current.v == j->t.state.current.v;
}

static const char *set_status(enum deploy_set_status status)
{
	static const char *const names[] = {[DEPLOY_SET_PRIMARY] = "PRIMARY",
		[DEPLOY_SET_ACTIVE] = "ACTIVE",
		[DEPLOY_SET_DRAINING] = "DRAINING"};

	return names[status];
}

static const char *set_label(const struct towpath_deploy_service *s, const struct deploy_set *set)
{
	if (streq(set->id, s->blue_set))
		return CODEDEPLOY_TARGET_LABEL_BLUE;
	return streq(set->id, s->green_set) ? CODEDEPLOY_TARGET_LABEL_GREEN : NULL;
}

void service_note_sets(struct step *s, const struct deploy_service *now)
{
	service_sets_of(s->d.state.service, now, s->a, &s->d.state.service->sets);
}

void service_sets_of(const struct towpath_deploy_service *state, const struct deploy_service *now,
	struct arena *a, struct towpath_deploy_task_set_list *ret)
{
	wire_list_alloc(a, ret, now->n);
	for (size_t i = 0; i < now->n; i++) {
		const struct deploy_set *set = &now->sets[i];

		ret->v[i] = (struct towpath_deploy_task_set){
			.id = arena_strdup(a, set->id),
			.label = set_label(state, set),
			.status = set_status(set->status),
			.group = arena_strdup(a, set->target_group),
			.desired = WIRE_SET_LONG(set->desired),
			.pending = WIRE_SET_LONG(set->pending),
			.running = WIRE_SET_LONG(set->running),
		};
	}
}

void deploy_blame(struct step *s, const char *code, const char *message)
{
	if (s->d.state.stop_code)
		return;
	s->d.state.stop_code = code;
	s->d.state.stop_message = arena_strdup(s->a, message);
}

int service_event_ended(struct step *s, struct store_target *t, const char *code,
	const char *failure, struct err *err)
{
	struct codedeploy_diagnostics diagnostics = {
		.error_code = CODEDEPLOY_LIFECYCLE_ERROR_CODE_UNKNOWNERROR,
		.script_name = "",
		.message = failure,
		.log_tail = "",
	};

	if (!failure)
		return deploy_event_ended(s, t, true, NULL, err);
	deploy_blame(s, code, failure);
	return deploy_event_ended(s, t, false, &diagnostics, err);
}

int service_poke(struct step *s, struct err *err)
{
	struct durable *d = s->e->durable;
	const char *id = s->d.info.deployment_id;

	switch (step_phase(s)) {
	case DEPLOY_PHASE_INSTALLING:
		return task_reschedule(d, s->tx, DEPLOY_TASK_INSTALL, id, "", s->now, err) < 0 ? -1
											       : 0;
	case DEPLOY_PHASE_REROUTING:
	case DEPLOY_PHASE_TERMINATION_WAIT:
		return step_timer(s, DEPLOY_TASK_GUARD, "", s->now, err);
	default:
		return task_reschedule(d, s->tx, DEPLOY_TASK_RETIRE, id, "", s->now, err) < 0 ? -1
											      : 0;
	}
}

int service_timed_out(struct step *s, struct store_target *t, struct err *err)
{
	const char *trouble = s->d.state.service->trouble;

	if (step_event(s, t)->actor == DEPLOY_BY_HOOK)
		return hook_timed_out(s, t, err);
	return service_event_ended(s, t, CODEDEPLOY_ERROR_CODE_TIMEOUT,
		arena_printf(s->a,
			"The deployment timed out while waiting for the replacement task set to "
			"become healthy. This time out period is 60 minutes.%s%s",
			trouble ? " " : "", trouble ? trouble : ""),
		err);
}

static const struct codedeploy_deployment_config_info *config_of(
	struct step *s, struct codedeploy_deployment_config_info *info, struct err *err)
{
	return deploy_config_find(s->tx, s->d.info.deployment_config_name, s->a, info, err) < 0
		       ? NULL
		       : info;
}

/* The traffic's way is fixed when it begins to move. */
static int begin_shifting(struct step *s, struct err *err)
{
	struct towpath_deploy_service *service = s->d.state.service;
	struct codedeploy_deployment_config_info info = {0};
	struct deploy_route route;

	if (!config_of(s, &info, err))
		return -1;
	route = deploy_route_of(info.traffic_routing_config);
	service->step_percent = WIRE_SET_LONG(route.percent);
	service->step_minutes = WIRE_SET_LONG(route.minutes);
	service->canary = WIRE_SET_BOOL(route.canary);
	service->weight = WIRE_SET_LONG(0);
	service->wanted = WIRE_SET_LONG(deploy_route_next(&route, 0));
	return step_task(s, DEPLOY_TASK_SHIFT, "", 0, err);
}

int deploy_service_issue(
	struct step *s, struct store_target *t, const struct deploy_event *event, struct err *err)
{
	if (event->actor == DEPLOY_BY_HOOK)
		return hook_begin(s, t, event, err);
	if (step_set_event(s, t, (size_t)t->state.current.v,
		    CODEDEPLOY_LIFECYCLE_EVENT_STATUS_INPROGRESS, NULL, err) < 0)
		return -1;
	if (event->actor == DEPLOY_SHIFTS)
		return begin_shifting(s, err);
	if (event->actor != DEPLOY_CREATES)
		return step_task(s, DEPLOY_TASK_SHIFT, "", 0, err);
	if (step_timer(s, DEPLOY_TASK_EVENT_TIMER, t->info.target_id, s->now + DEPLOY_EVENT_LIMIT,
		    err) < 0)
		return -1;
	return step_task(s, DEPLOY_TASK_INSTALL, "", 0, err);
}

void deploy_register_service(struct deploy_engine *e)
{
	service_register_install(e);
	service_register_shift(e);
	service_register_retire(e);
	service_register_guard(e);
}
