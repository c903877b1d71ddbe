/* SPDX-License-Identifier: Apache-2.0 */
/* What deployments hear of in the journal: alarms stop them, fleets and load balancers wake the
 * tasks that wait for them. */
#include "base/mem.h"
#include "deploy/advance.h"

static int with_alarm(struct step *s, const char *name, struct err *err)
{
	for (size_t i = 0; i < s->d.state.alarms.n; i++)
		if (streq(s->d.state.alarms.v[i], name)) {
			if (deploy_halt(s, CODEDEPLOY_ERROR_CODE_ALARM_ACTIVE, err,
				    "One or more alarms have been activated: %s", name) < 0)
				return -1;
			return step_close(s, err);
		}
	return 0;
}

static int on_alarm(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_event_alarm alarm;
	struct store_deploy_names ids;

	(void)d;
	if (wire_decode_json(&towpath_event_alarm_shape, view_of(entry->detail), &a, &alarm, err) <
		0)
		return -1;
	if (!streq(alarm.state, "ALARM") || !alarm.alarm_name)
		return 0;
	if (store_deployment_active(tx, &a, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++) {
		struct step s;
		int found = step_open(arg, tx, ids.v[i], &a, &s, err);

		/* One that has not begun looks at its alarms itself. */
		if (found > 0 && s.d.active && step_phase(&s) != DEPLOY_PHASE_CREATED)
			found = with_alarm(&s, alarm.alarm_name, err);
		if (found < 0)
			return -1;
	}
	return 0;
}

/* Hosts came up: deployments that provision look at once. */
static int on_instance(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_event_instance event;
	struct store_deploy_names ids;
	struct deploy_engine *e = arg;

	if (wire_decode_json(
		    &towpath_event_instance_shape, view_of(entry->detail), &a, &event, err) < 0)
		return -1;
	if (!event.auto_scaling_group_name ||
		!starts_with(event.auto_scaling_group_name, "CodeDeploy_"))
		return 0;
	if (store_deployment_active(tx, &a, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++)
		if (ends_with(event.auto_scaling_group_name, ids.v[i]) &&
			task_reschedule(d, tx, DEPLOY_TASK_PROVISION, ids.v[i], "",
				durable_now(e->durable), err) < 0)
			return -1;
	return 0;
}

/* A target's health changed: the deployment that moves it looks at once. */
static int on_target(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_event_target event;
	struct store_deploy_names ids;
	struct deploy_engine *e = arg;

	if (wire_decode_json(&towpath_event_target_shape, view_of(entry->detail), &a, &event, err) <
		0)
		return -1;
	if (!event.target_id)
		return 0;
	if (store_target_deployments(tx, event.target_id, &a, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++)
		if (task_reschedule(d, tx, DEPLOY_TASK_TRAFFIC, ids.v[i], event.target_id,
			    durable_now(e->durable), err) < 0)
			return -1;
	return 0;
}

void deploy_register_watch(struct deploy_engine *e)
{
	const struct journal_consumer consumers[] = {
		{"deploy.alarm", "cloudwatch.alarm", on_alarm, e},
		{"deploy.instance", "fleet.instance", on_instance, e},
		{"deploy.target", "elbv2.target", on_target, e},
	};

	for (size_t i = 0; i < ARRAY_SIZE(consumers); i++)
		journal_subscribe(e->durable, &consumers[i]);
}
