/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks act under their task roles: short-lived credentials that their containers fetch, and that
 * end with the task. */
#include "provider/fleet_world.h"
#include "provider/role_credentials.h"

#define PART "task/"

static const char *task_arn(const struct fleet_world *w, const char *task, struct arena *a)
{
	return arena_printf(a, "arn:aws:ecs:%s:%s:task/%s", w->region, w->account, task);
}

/* Checked here, where it can fail the task: who fetches credentials could not tell anybody. */
int fleet_world_task_env(
	void *arg, const char *role_arn, const char *task, struct strv *env, struct err *err)
{
	const struct fleet_world *w = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *part = arena_printf(&a, PART "%s", task), *why = NULL;
	const struct identity_actor who = {.service = FLEET_TASK_SERVICE,
		.role_arn = role_arn,
		.source_arn = task_arn(w, task, &a)};
	int trusted = identity_role_trusts(w->identity, &who, &a, &why, err);

	if (trusted <= 0)
		return trusted < 0 ? -1 : err_set(err, ERR_DENIED, "%s", why);
	strv_setenv(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		arena_printf(&a, "http://" COMPUTE_CREDENTIALS_ADDRESS ROLE_CREDENTIALS_PATH "%s",
			part));
	strv_setenv(
		env, "AWS_CONTAINER_AUTHORIZATION_TOKEN", identity_ticket(w->identity, part, &a));
	return 0;
}

int fleet_world_credentials(struct fleet_world *w, const char *part, const char *ticket,
	struct str *json, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *task = part + strlen(PART);
	struct identity_actor who = {.service = FLEET_TASK_SERVICE};
	int running;

	if (!starts_with(part, PART) || !identity_ticket_fits(w->identity, part, ticket))
		return 0;
	running = fleet_task_role(w->fleet, task, &a, &who.role_arn, err);
	if (running <= 0 || !who.role_arn)
		return running < 0 ? -1 : 0;
	who.session_name = strrchr(task, '/') + 1;
	who.source_arn = task_arn(w, task, &a);
	return role_credentials_answer(w->identity, &who, part, json, err) < 0 ? -1 : 1;
}

static int is_running(void *arg, const char *part, struct err *err)
{
	const struct fleet_world *w = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *role;

	return fleet_task_role(w->fleet, part + strlen(PART), &a, &role, err);
}

void fleet_world_revoke_with_tasks(struct fleet_world *w)
{
	identity_set_alive(w->identity, PART, is_running, NULL, w);
}
