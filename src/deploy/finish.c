/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a deployment: what becomes of its targets, its group, and of the traffic. */
#include "base/mem.h"
#include "deploy/scale_out.h"
#include "deploy/service.h"
#include "store/deploy_command.h"
#include "store/deploy_group.h"

static int cancel_tasks(struct step *s, struct err *err)
{
	static const char *const kinds[] = {DEPLOY_TASK_START, DEPLOY_TASK_PROVISION,
		DEPLOY_TASK_TRAFFIC, DEPLOY_TASK_TERMINATE, DEPLOY_TASK_REMOVE,
		DEPLOY_TASK_EVENT_TIMER, DEPLOY_TASK_WAIT_TIMER, DEPLOY_TASK_DEADLINE,
		DEPLOY_TASK_INSTALL, DEPLOY_TASK_SHIFT, DEPLOY_TASK_GUARD, DEPLOY_TASK_RETIRE,
		DEPLOY_TASK_HOOK};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (step_cancel(s, kinds[i], NULL, err) < 0)
			return -1;
	return 0;
}

static bool is_final_target(const struct store_target *t)
{
	return streq(t->info.status, CODEDEPLOY_TARGET_STATUS_SUCCEEDED) ||
	       streq(t->info.status, CODEDEPLOY_TARGET_STATUS_FAILED) ||
	       streq(t->info.status, CODEDEPLOY_TARGET_STATUS_SKIPPED);
}

static int skip_targets(struct step *s, struct err *err)
{
	if (step_targets(s, err) < 0)
		return -1;
	for (size_t i = 0; i < s->targets.n; i++) {
		struct store_target *t = &s->targets.v[i];

		if (is_final_target(t))
			continue;
		t->state.wave = (struct wire_bool){0};
		if (step_set_target(s, t, CODEDEPLOY_TARGET_STATUS_SKIPPED, err) < 0 ||
			step_skip_events(s, t, 0, err) < 0 ||
			store_command_end_all(
				s->tx, s->d.info.deployment_id, t->info.target_id, err) < 0)
			return -1;
	}
	return 0;
}

static struct codedeploy_last_deployment_info *last_info(const struct step *s)
{
	struct codedeploy_last_deployment_info *last =
		arena_new(s->a, struct codedeploy_last_deployment_info);

	*last = (struct codedeploy_last_deployment_info){
		.deployment_id = s->d.info.deployment_id,
		.status = s->d.info.status,
		.create_time = s->d.info.create_time,
		.end_time = s->d.info.complete_time,
	};
	return last;
}

/* The green environment is the group's from now on. */
static void adopt_green(const struct step *s, struct codedeploy_deployment_group_info *group)
{
	if (!s->d.state.green_fleet || s->d.state.rollback_blue_green.v)
		return;
	wire_list_alloc(s->a, &group->auto_scaling_groups, 1);
	group->auto_scaling_groups.v[0] =
		(struct codedeploy_auto_scaling_group){.name = s->d.state.green_fleet};
}

/* The traffic went back to what was there before the group's first deployment: the revision that
 * failed does not become the group's. */
static bool undid_the_first(
	const struct step *s, const struct codedeploy_deployment_group_info *group)
{
	return s->d.state.rollback_blue_green.v && !group->last_successful_deployment;
}

static int update_group(struct step *s, enum deploy_status status, struct err *err)
{
	struct codedeploy_deployment_group_info group;
	int found = store_deploy_group_get(s->tx, s->d.state.group_id, s->a, &group, err);

	if (found <= 0)
		return found; /* deleted meanwhile */
	if (step_is_automatic(s))
		return s->d.state.launch_hook ? 0 : outdated_look_again(s, &group, err);
	group.last_attempted_deployment = last_info(s);
	if (status == DEPLOY_SUCCEEDED && !undid_the_first(s, &group)) {
		group.last_successful_deployment = last_info(s);
		group.target_revision = s->d.info.revision;
		adopt_green(s, &group);
	}
	if (store_deploy_group_update(s->tx, &group, err) < 0)
		return -1;
	if (status != DEPLOY_SUCCEEDED)
		return outdated_look_again(s, &group, err);
	return scale_out_retry(s->e, s->tx, &group, err) < 0
		       ? -1
		       : outdated_look(s->e, s->tx, &group, err);
}

static void set_error(struct step *s, const char *code, const char *message)
{
	s->d.info.error_information = arena_new(s->a, struct codedeploy_error_information);
	s->d.info.error_information->code = code;
	s->d.info.error_information->message = message;
}

/* Whether the way the deployment ended asks for a rollback. */
static bool wants_rollback(const struct step *s, enum deploy_status status)
{
	const struct codedeploy_auto_rollback_configuration *c =
		s->d.info.auto_rollback_configuration;
	const char *event = status == DEPLOY_FAILED
				    ? CODEDEPLOY_AUTO_ROLLBACK_EVENT_DEPLOYMENT_FAILURE
				    : CODEDEPLOY_AUTO_ROLLBACK_EVENT_DEPLOYMENT_STOP_ON_REQUEST;

	if (status == DEPLOY_SUCCEEDED || !s->d.info.start_time.set || /* nothing was touched */
		step_is_automatic(s) ||
		streq(s->d.info.creator, CODEDEPLOY_DEPLOYMENT_CREATOR_CODEDEPLOYROLLBACK))
		return false;
	if (s->d.state.stop_code && streq(s->d.state.stop_code, CODEDEPLOY_ERROR_CODE_ALARM_ACTIVE))
		event = CODEDEPLOY_AUTO_ROLLBACK_EVENT_DEPLOYMENT_STOP_ON_ALARM;
	else if (s->d.state.rollback_wanted.set)
		return s->d.state.rollback_wanted.v;
	if (!c || !wire_or(c->enabled, false))
		return false;
	for (size_t i = 0; i < c->events.n; i++)
		if (streq(c->events.v[i], event))
			return true;
	return false;
}

int deploy_finish(struct step *s, enum deploy_status status, const char *code, const char *message,
	struct err *err)
{
	if (!s->d.active)
		return 0;
	if (code)
		set_error(s, code, message);
	if (skip_targets(s, err) < 0 || cancel_tasks(s, err) < 0 || hook_abandon(s, err) < 0)
		return -1;
	step_set_phase(s, DEPLOY_PHASE_ENDED);
	/* Nothing succeeds or goes back to wait without having been in progress. */
	if (step_set_status(s, status, err) < 0 || update_group(s, status, err) < 0)
		return -1;
	if (s->d.state.launch_hook)
		return scale_out_ended(s, status, err);
	if (!wants_rollback(s, status))
		return 0;
	/* The new deployment asks the store who is active: say first that this one is not. */
	if (store_deployment_update(s->tx, &s->d, err) < 0)
		return -1;
	return deploy_roll_back(s, err);
}
