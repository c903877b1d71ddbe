/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when nothing happens: an event that does not begin or does not end, a wait that is
 * over, a deployment that takes too long. */
#include "base/mem.h"
#include "deploy/service.h"
#include "store/deploy_command.h"

#define AGENT_SILENT                                                                              \
	"CodeDeploy agent was not able to receive the lifecycle event. Check the CodeDeploy "     \
	"agent "                                                                                  \
	"logs on your host and make sure the agent is running and can connect to the CodeDeploy " \
	"server."

static int event_timed_out(struct step *s, void *arg, struct err *err)
{
	const struct task *task = arg;
	struct codedeploy_diagnostics diagnostics = {
		.error_code = CODEDEPLOY_LIFECYCLE_ERROR_CODE_UNKNOWNERROR,
		.script_name = "",
		.log_tail = "",
	};
	const struct codedeploy_lifecycle_event *event;
	struct store_target *t;

	if (step_targets(s, err) < 0)
		return -1;
	t = step_target(s, task->token);
	if (!t || !t->state.wave.v)
		return 0;
	if (s->d.state.service)
		return service_timed_out(s, t, err);
	event = &t->info.lifecycle_events.v[t->state.current.v];
	if (streq(event->status, CODEDEPLOY_LIFECYCLE_EVENT_STATUS_PENDING)) {
		diagnostics.message = AGENT_SILENT;
		t->state.agent_silent = WIRE_SET_BOOL(true);
	} else {
		diagnostics.error_code = CODEDEPLOY_LIFECYCLE_ERROR_CODE_SCRIPTTIMEDOUT;
		diagnostics.message = arena_printf(s->a,
			"The lifecycle event %s did not end within 3600 seconds.",
			event->lifecycle_event_name);
	}
	if (store_command_end_all(s->tx, s->d.info.deployment_id, t->info.target_id, err) < 0)
		return -1;
	return deploy_event_ended(s, t, false, &diagnostics, err);
}

static int run_event(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	(void)d;
	return deploy_task_step(arg, t, event_timed_out, (void *)t, err);
}

static int wait_over(struct step *s, void *arg, struct err *err)
{
	(void)arg;
	switch (step_phase(s)) {
	case DEPLOY_PHASE_READY_WAIT:
		return deploy_finish(s, DEPLOY_STOPPED, CODEDEPLOY_ERROR_CODE_TIMEOUT,
			arena_printf(s->a,
				"Traffic was not rerouted within the wait time of %lld minutes: "
				"ContinueDeployment was not called.",
				(long long)s->d.state.ready_wait_minutes.v),
			err);
	case DEPLOY_PHASE_TERMINATION_WAIT:
		return deploy_leave_wait(s, err);
	default:
		return 0;
	}
}

static int run_wait(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	(void)d;
	return deploy_task_step(arg, t, wait_over, NULL, err);
}

static int too_late(struct step *s, void *arg, struct err *err)
{
	(void)arg;
	return deploy_halt(s, CODEDEPLOY_ERROR_CODE_TIMEOUT, err,
		"The deployment took longer than its limit of %lld hours.",
		(long long)(deploy_limit(s) / (60 * DEPLOY_MINUTE)));
}

static int run_deadline(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	(void)d;
	return deploy_task_step(arg, t, too_late, NULL, err);
}

void deploy_register_timers(struct deploy_engine *e)
{
	const struct task_kind kinds[] = {
		{.name = DEPLOY_TASK_EVENT_TIMER, .run = run_event, .arg = e},
		{.name = DEPLOY_TASK_WAIT_TIMER, .run = run_wait, .arg = e},
		{.name = DEPLOY_TASK_DEADLINE, .run = run_deadline, .arg = e},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		task_register(e->durable, &kinds[i]);
}
